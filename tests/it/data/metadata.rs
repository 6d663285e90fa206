//! Tables beside the data: what goes to which item, what is cut with it, and what is refused; positions, export, search.
//!
//! Invariant: every file is written by the test itself.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use morphospace::data::export::{export_codes, export_csv, export_npy, table_beside};
use morphospace::data::formats::read_positions;
use morphospace::data::{Column, ColumnValues, Dataset, Factor, ImageShape};
use morphospace::error::{Error, Result};
use morphospace::progress::Progress;

use super::{Folder, grey_png, idx, load, npy, ramp, read, zip_of};

fn column<'a>(set: &'a Dataset, name: &str) -> &'a ColumnValues {
    let found = set.columns().iter().find(|column| column.name == name);
    &found
        .unwrap_or_else(|| panic!("no {name} in {:?}", set.columns()))
        .values
}

/// The values of a column as text; a dash where there is none.
fn texts(set: &Dataset, name: &str) -> Vec<String> {
    let found = set.columns().iter().find(|column| column.name == name);
    let column = found.unwrap_or_else(|| panic!("no {name} in {:?}", set.columns()));
    (0..set.len())
        .map(|id| column.text(id).unwrap_or_else(|| "-".into()))
        .collect()
}

/// Six 2×2 pictures without names.
fn plain(folder: &Folder, name: &str) -> std::path::PathBuf {
    folder.write(name, npy("|u1", false, "(6, 2, 2)", &ramp(24)))
}

fn refused(result: Result<impl Sized>, file: &Path, expected: &[&str]) {
    let Err(error) = result else {
        panic!("{} should be refused", file.display());
    };
    let text = error.to_string();
    assert!(error.is_file() && !text.contains('\n'), "{text}");
    assert!(
        text.contains(&*file.file_name().expect("a name").to_string_lossy()),
        "{text}"
    );
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn a_table_beside_a_file_goes_by_order() {
    let folder = Folder::new();
    let path = plain(&folder, "pictures.npy");
    folder.write(
        "pictures.csv",
        "\u{feff}age;\"hair; long\";note;Happy;code\r\n1,5;red;\"a \"\"b\"\"\r\nc\";true;7\r\n;red;d;false;8\r\n2;red;e;false;7\r\nNA;dark;f;true;7\r\n-3e1;dark;g;true;8\r\n0;NA;h;;8\r\n",
    );
    let set = read(&path, "");
    let ColumnValues::Number(ages) = column(&set, "age") else {
        panic!("ages are numbers");
    };
    assert_eq!([ages[0], ages[2], ages[4], ages[5]], [1.5, 2.0, -30.0, 0.0]);
    assert!(ages[1].is_nan() && ages[3].is_nan());
    let hair = ColumnValues::Category {
        values: vec![1, 1, 1, 0, 0, Column::NO_CATEGORY],
        names: vec!["dark".into(), "red".into()],
    };
    assert_eq!(column(&set, "hair; long"), &hair);
    assert_eq!(
        texts(&set, "note"),
        ["a \"b\"\r\nc", "d", "e", "f", "g", "h"]
    );
    assert_eq!(
        texts(&set, "Happy"),
        ["true", "false", "false", "true", "true", "-"]
    );
    assert_eq!(
        column(&set, "code"),
        &ColumnValues::Number(vec![7.0, 8.0, 7.0, 7.0, 8.0, 8.0])
    );
    assert_eq!(set.labels(), None);
}

#[test]
fn tables_of_every_form_say_the_same() {
    let folder = Folder::new();
    let path = plain(&folder, "pictures.npy");
    let expected = ["1", "2", "-", "4", "5", "6.5"];
    let forms = [
        ("a.csv", "n,word\n1,a\n2,b\n,c\n4,d\n5,e\n6.5,f\n"),
        ("a.tsv", "n\tword\n1\ta\n2\tb\n\tc\n4\td\n5\te\n6.5\tf"),
        (
            "a.json",
            r#"[{"n":1,"word":"a"},{"word":"b","n":2},{"n":null,"word":"c"},{"n":4,"word":"d"},{"n":5,"word":"e"},{"n":6.5,"word":"f"}]"#,
        ),
        (
            "b.json",
            r#"{"n":[1,2,null,4,5,6.5],"word":["a","b","c","d","e","f"]}"#,
        ),
        (
            "a.jsonl",
            "{\"n\":1,\"word\":\"a\"}\n{\"n\":2,\"word\":\"b\"}\n\n{\"word\":\"c\"}\n{\"n\":4,\"word\":\"d\"}\n{\"n\":5,\"word\":\"e\"}\n{\"n\":6.5,\"word\":\"f\"}\n",
        ),
    ];
    for (name, text) in forms {
        let file = folder.write(name, text);
        let set = read(&path, "")
            .with_metadata(&file)
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(texts(&set, "n"), expected, "{name}");
        assert_eq!(texts(&set, "word").concat(), "abcdef", "{name}");
    }
}

#[test]
fn rows_are_matched_by_what_files_are_called() {
    let folder = Folder::new();
    for (at, name) in ["cats/1.png", "cats/2.png", "dogs/1.png", "dogs/old.3.png"]
        .iter()
        .enumerate()
    {
        folder.write(&format!("p/{name}"), grey_png(at as u8 * 9));
    }
    let root = folder.path("p");
    folder.write(
        "p/metadata.csv",
        "age,File Name\n3,dogs/1.png\n1,cats\\1\n4,old.3\n2,./cats/2.png\n",
    );
    let set = read(&root, "");
    assert_eq!(set.skipped(), [], "metadata are no picture that failed");
    assert_eq!(
        column(&set, "age"),
        &ColumnValues::Number(vec![1.0, 2.0, 3.0, 4.0])
    );
    assert_eq!(
        set.columns().len(),
        1,
        "what tells the item is no column: {:?}",
        set.columns()
    );

    let mut whole: Vec<f32> = Vec::new();
    for part in [":train", ":test", ":2"] {
        if let Ok(cut) = load(&root, part) {
            for id in 0..cut.len() {
                let name = cut.item_name(id).expect("a name");
                let at = (0..4)
                    .find(|&i| set.item_name(i) == Some(name))
                    .expect("an item");
                assert_eq!(texts(&cut, "age")[id], texts(&set, "age")[at]);
                whole.push(at as f32);
            }
        }
    }
    assert!(whole.len() >= 6, "the halves and the first two");

    folder.write("p/metadata.csv", "name,age\n/home/me/p/cats/1.png,5\n");
    assert_eq!(texts(&read(&root, ""), "age"), ["5", "-", "-", "-"]);
    let file = folder.write("p/metadata.csv", "name,age\n/home/me/p/mice/1.png,5\n");
    refused(
        load(&root, ""),
        &file,
        &[
            "1 rows for 4 items",
            "line 2",
            "mice/1.png",
            "column called file",
        ],
    );
    folder.write("p/metadata.csv", "name,age\nold.3.png,5\n");
    assert_eq!(texts(&read(&root, ""), "age"), ["-", "-", "-", "5"]);
    let file = folder.write(
        "p/metadata.csv",
        "name,age\ndogs/1.png,5\ncats/2.png,5\n1.png,5\n",
    );
    refused(
        load(&root, ""),
        &file,
        &["line 4", "\"1.png\"", "cats/1.png", "dogs/1.png", "path"],
    );
    let file = folder.write(
        "p/metadata.csv",
        "name,age\ndogs/1.png,5\ncats/2.png,5\ndogs/1,6\n",
    );
    refused(
        load(&root, ""),
        &file,
        &["line 4", "\"dogs/1\"", "line 2", "already"],
    );
    let file = folder.write(
        "p/metadata.csv",
        "name,age\ndogs/1.png,5\n\"cats\n/2\",5\ncats/2.png,5\n",
    );
    refused(
        load(&root, ""),
        &file,
        &["line 3", "no item", "take it away"],
    );
}

#[test]
fn an_unreadable_picture_is_no_stranger() {
    let folder = Folder::new();
    folder.write("p/a.png", grey_png(1));
    folder.write("p/b.png", "no picture");
    folder.write("p/c.png", grey_png(3));
    folder.write("p/metadata.csv", "file,age\na.png,1\nb.png,2\nc.png,3\n");
    let set = read(&folder.path("p"), "");
    assert_eq!(
        (texts(&set, "age"), set.skipped().len()),
        (vec!["1".into(), "3".into()], 1)
    );
    folder.write("p/metadata.csv", "age\n1\n2\n3\n");
    assert_eq!(
        texts(&read(&folder.path("p"), ""), "age"),
        ["1", "3"],
        "by the order of all files"
    );
    folder.write("p/metadata.csv", "age\n1\n3\n");
    assert_eq!(
        texts(&read(&folder.path("p"), ""), "age"),
        ["1", "3"],
        "by the order of the pictures"
    );
}

#[test]
fn tables_beside_archives_and_behind_two_endings_are_found() {
    let folder = Folder::new();
    let zip = zip_of(&[("r/b.png", grey_png(1)), ("r/a.png", grey_png(2))]);
    let path = folder.write("x.zip", zip);
    folder.write(
        "x.json",
        r#"[{"file": "b.png", "n": 2}, {"file": "a.png", "n": 1}]"#,
    );
    assert_eq!(texts(&read(&path, ""), "n"), ["1", "2"]);

    let path = folder.write(
        "y.npy.gz",
        super::gz(&npy("|u1", false, "(2, 2, 2)", &ramp(8))),
    );
    folder.write("y.npy.csv", "n\n1\n2\n");
    assert_eq!(read(&path, "").columns(), [], "of another file");
    folder.write("z/set.npy", npy("|u1", false, "(2, 2, 2)", &ramp(8)));
    folder.write("z/set.csv", "n,word\n1,a\n2,b\n");
    assert_eq!(
        texts(&read(&folder.path("z"), ""), "n"),
        ["1", "2"],
        "beside the one file of a folder"
    );
}

#[test]
fn a_specification_beside_the_data_is_no_table() {
    let folder = Folder::new();
    let path = plain(&folder, "faces.npy");
    folder.write(
        "faces.json",
        r#"{ "version": 1, "shape": [1, 2], "code": 20 }"#,
    );
    assert_eq!(read(&path, "").columns(), []);
    folder.write("faces.json", r#"{ "a": [1, 2, 3, 4, 5, 6, 7] }"#);
    refuse_table(
        &path,
        &folder.path("faces.json"),
        &["7 rows for 6 items", "entry 7", "\"7\""],
    );
}

fn refuse_table(path: &Path, table: &Path, expected: &[&str]) {
    refused(load(path, ""), table, expected);
}

#[test]
fn columns_are_cut_as_the_items_are() {
    let folder = Folder::new();
    let raw = folder.write("a.bin", ramp(4 * 300));
    let mut table = "n\n".to_owned();
    for n in 0..300 {
        writeln!(table, "{n}").expect("in memory");
    }
    folder.write("a.csv", &table);
    let all = read(&raw, ":2x2");
    for suffix in [":2x2:train", ":2x2:test", ":2x2:40", ":2x2:test:7"] {
        let cut = read(&raw, suffix);
        let ColumnValues::Number(numbers) = column(&cut, "n") else {
            panic!("numbers");
        };
        assert_eq!(numbers.len(), cut.len());
        for (id, &n) in numbers.iter().enumerate() {
            assert_eq!(cut.pixels(id), all.pixels(n as usize), "{suffix}");
        }
    }
    let ids = [250, 3, 77];
    let picked = all.subset(&ids).expect("a subset");
    assert_eq!(texts(&picked, "n"), ["250", "3", "77"]);
    let again = folder.write("again.csv", table.replace('n', "m"));
    let picked = picked.with_metadata(&again).expect("cut as the items were");
    assert_eq!(texts(&picked, "m"), ["250", "3", "77"]);
    assert_eq!(all.first(2).expect("two").columns()[0].len(), 2);
    let one = folder.write("one.csv", "m\n5\n6\n7\n");
    assert_eq!(
        texts(&picked.with_metadata(&one).expect("as many"), "m"),
        ["5", "6", "7"]
    );
    refused(
        read(&raw, ":2x2:40").with_metadata(&one),
        &one,
        &[
            "3 rows for 40 items (of 300 in the whole source)",
            "line 4",
            "\"7\"",
        ],
    );
}

#[test]
fn sets_follow_one_another_with_their_columns() {
    let folder = Folder::new();
    let path = plain(&folder, "pictures.npy");
    let table = |text: &str| folder.write("t.csv", text);
    let set = read(&path, "");
    let first = set
        .clone()
        .with_metadata(table("w,n\na,1\na,2\na,3\nb,4\nb,5\nb,6\n"))
        .expect("columns");
    let other = set
        .clone()
        .with_metadata(table("w,n\nb,7\na,8\na,9\nb,10\nb,11\nb,12\n"))
        .expect("columns");
    let joined = first.followed_by(&other).expect("alike");
    assert_eq!(texts(&joined, "w").concat(), "aaabbbbaabbb");
    assert_eq!(texts(&joined, "n")[5..7], ["6", "7"]);
    assert!(first.followed_by(&set).is_err());
    let classes = set
        .with_metadata(table("w,n\nb,7\nc,8\nc,9\nb,10\nb,11\nb,12\n"))
        .expect("columns");
    assert!(first.followed_by(&classes).is_err());
}

#[test]
fn a_column_called_label_gives_classes_where_there_are_none() {
    let folder = Folder::new();
    let path = plain(&folder, "pictures.npy");
    folder.write(
        "pictures.csv",
        "Label,class\n10,x\n9,x\n10,y\n,y\n9,y\n9,z\n",
    );
    let set = read(&path, "");
    let labels = set.labels().expect("classes");
    assert_eq!(labels.names, ["9", "10", "(no label)"]);
    assert_eq!(labels.values, [1, 0, 1, 2, 0, 0]);

    folder.write("train-images-idx3-ubyte", idx(&[6, 2, 2], &ramp(24)));
    let images = folder.path("train-images-idx3-ubyte");
    folder.write("train-labels-idx1-ubyte", idx(&[6], &[0, 1, 2, 1, 0, 2]));
    folder.write("train-images-idx3-ubyte.csv", "label\na\nb\na\nb\na\nb\n");
    let set = read(&images, "");
    assert_eq!(set.labels().expect("its own").names, ["0", "1", "2"]);
    assert_eq!(texts(&set, "label").concat(), "ababab");
}

#[test]
fn what_is_stored_in_halves_says_which() {
    let folder = Folder::new();
    folder.write("i/train-images-idx3-ubyte", idx(&[3, 2, 2], &ramp(12)));
    folder.write("i/t10k-images-idx3-ubyte", idx(&[2, 2, 2], &ramp(8)));
    let set = read(&folder.path("i"), "");
    assert_eq!(
        texts(&set, "Split"),
        ["train", "train", "train", "test", "test"]
    );
    for part in [":train", ":test", ":2"] {
        assert_eq!(read(&folder.path("i"), part).columns(), [], "{part}");
    }
    folder.write("i/metadata.csv", "n\n0\n1\n2\n3\n4\n");
    assert_eq!(texts(&read(&folder.path("i"), ":test"), "n"), ["3", "4"]);
    assert_eq!(
        texts(&read(&folder.path("i"), ":4"), "n"),
        ["0", "1", "2", "3"]
    );
    assert_eq!(texts(&read(&folder.path("i"), ":train:1"), "n"), ["0"]);

    let (train, test) = (
        npy("|u1", false, "(2, 2, 2)", &ramp(8)),
        npy("|u1", false, "(1, 2, 2)", &ramp(4)),
    );
    let path = folder.write(
        "h.npz",
        zip_of(&[("x_test.npy", test), ("x_train.npy", train)]),
    );
    assert_eq!(texts(&read(&path, ""), "Split"), ["train", "train", "test"]);
    folder.write("h.csv", "split,n\na,1\nb,2\nc,3\n");
    let set = read(&path, "");
    assert_eq!(
        (texts(&set, "split").concat(), set.columns().len()),
        ("abc".into(), 2)
    );
    assert_eq!(texts(&read(&path, ":test"), "n"), ["3"]);

    for name in ["train/a.png", "train/b.png", "test/c.png"] {
        folder.write(&format!("f/{name}"), grey_png(5));
    }
    assert_eq!(
        texts(&read(&folder.path("f"), ""), "Split"),
        ["test", "train", "train"]
    );

    let record = |seed: u8| {
        (0..3073u32)
            .map(move |i| if i == 0 { seed } else { 50 })
            .collect::<Vec<u8>>()
    };
    folder.write("c/data_batch_1.bin", [record(1), record(2)].concat());
    folder.write("c/test_batch.bin", record(3));
    folder.write("c/metadata.csv", "n\n1\n2\n3\n");
    assert_eq!(
        texts(&read(&folder.path("c"), ""), "Split"),
        ["train", "train", "test"]
    );
    assert_eq!(texts(&read(&folder.path("c"), ":test"), "n"), ["3"]);
}

#[test]
fn metadata_leave_the_halves_of_a_folder_as_they_are() {
    let folder = Folder::new();
    for n in 0..60 {
        folder.write(&format!("p/n{n}.png"), grey_png(n));
    }
    let names = |suffix: &str| {
        let set = read(&folder.path("p"), suffix);
        (0..set.len())
            .map(|id| set.item_name(id).expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    let before = names(":test");
    folder.write("p/metadata.csv", "file,age\nn3.png,5\nn17.png,5\n");
    assert_eq!(names(":test"), before);
    let ages = |suffix: &str| texts(&read(&folder.path("p"), suffix), "age").concat();
    let told: Vec<usize> = [":train", ":test"]
        .map(|part| ages(part).matches('5').count())
        .to_vec();
    assert_eq!(
        told.iter().sum::<usize>(),
        2,
        "each row in its half: {told:?}"
    );
}

#[test]
fn hostile_tables_are_refused() {
    let folder = Folder::new();
    let path = plain(&folder, "pictures.npy");
    let good = "a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n11,12\n";
    let long = format!("a,b\n1,{}\n", "x".repeat(70_000));
    let wide = format!(
        "{}\n{}\n",
        vec!["a"; 300].join("x,"),
        vec!["1"; 300].join(",")
    );
    let distinct: Vec<String> = (0..300).map(|i| format!("c{i}")).collect();
    let many = format!("{}\n{}\n", distinct.join(","), vec!["1"; 300].join(","));
    let latin: Vec<u8> = [b"a,b\n1,2\n3,M".as_slice(), &[0xfc], b"ller\n"].concat();
    let utf16: Vec<u8> = "\u{feff}a,b\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("pictures.csv", Vec::new(), &["is empty"]),
        ("pictures.csv", b" \n\n".to_vec(), &["is empty"]),
        ("pictures.csv", b"a,b\n".to_vec(), &["no row"]),
        (
            "pictures.csv",
            b"1,2\n3,4\n".to_vec(),
            &["line 1", "only numbers", "names of the columns"],
        ),
        (
            "pictures.csv",
            good.replace("5,6", "5,6,7").into_bytes(),
            &["line 4 has 3 cells", "has 2"],
        ),
        (
            "pictures.csv",
            good.replace("7,8", "7").into_bytes(),
            &["line 5 has 1 cells", "quote"],
        ),
        (
            "pictures.csv",
            good.replace("a,b", "a,a").into_bytes(),
            &["line 1", "two columns called \"a\""],
        ),
        (
            "pictures.csv",
            format!("{good}13,14\n").into_bytes(),
            &["7 rows for 6 items", "line 8", "\"13\""],
        ),
        (
            "pictures.csv",
            good.replace("11,12\n", "").into_bytes(),
            &["5 rows for 6 items", "line 6", "\"9\"", "one row per item"],
        ),
        (
            "pictures.csv",
            good.replace("9,10", "9,\"10").into_bytes(),
            &["5 rows for 6 items", "line 6"],
        ),
        (
            "pictures.csv",
            latin,
            &["UTF-8", "line 3", "0xfc", "save it"],
        ),
        ("pictures.csv", utf16, &["UTF-16"]),
        ("pictures.csv", b"a,b\n1,\0\n".to_vec(), &["zero byte"]),
        (
            "pictures.csv",
            long.into_bytes(),
            &["line 2", "70000 bytes"],
        ),
        ("pictures.csv", wide.into_bytes(), &["256 columns"]),
        ("pictures.csv", many.into_bytes(), &["256 columns"]),
        (
            "pictures.csv",
            good.replace("a,b", "item,b").into_bytes(),
            &["line 5", "item 7", "last is item 5"],
        ),
        (
            "pictures.csv",
            b"item,b\n1,2\n1,3\n".to_vec(),
            &["line 3", "item 1", "line 2"],
        ),
        ("pictures.json", Vec::new(), &["is empty"]),
        (
            "pictures.json",
            b"[{\"a\": 1}, {\"a\": ".to_vec(),
            &["line 1"],
        ),
        (
            "pictures.json",
            b"[{\"a\": [1]}]".to_vec(),
            &["cannot be read as a table"],
        ),
        (
            "pictures.json",
            b"[{\"a\": 1, \"a\": 2}]".to_vec(),
            &["entry 1 has two values of \"a\""],
        ),
        ("pictures.json", b"[{\"a\": 1}, 5]".to_vec(), &["entry 2"]),
        ("pictures.json", b"[{\"a\": 1}] 5".to_vec(), &["trailing"]),
        (
            "pictures.json",
            b"{\"a\": [1, 2], \"b\": [1]}".to_vec(),
            &["2 entries in \"a\" and 1 in \"b\""],
        ),
        (
            "pictures.json",
            b"{\"a\": [1], \"a\": [1]}".to_vec(),
            &["two columns called \"a\""],
        ),
        (
            "pictures.json",
            b"{\"a\": [1], \"b\": 5}".to_vec(),
            &["list"],
        ),
        (
            "pictures.jsonl",
            b"{\"a\": 1}\n{\"a\": 2\n".to_vec(),
            &["line 2"],
        ),
        ("pictures.jsonl", b"{\"a\": 1}\n[5]\n".to_vec(), &["line 2"]),
    ];
    for (name, bytes, expected) in cases {
        let table = folder.write(name, bytes);
        refuse_table(&path, &table, expected);
        let before = fs::read(&table).expect("the table");
        fs::remove_file(&table).expect("the table");
        // A table that is named rather than found ends the same way.
        let elsewhere = folder.write(&format!("elsewhere/{name}"), before);
        refused(
            read(&path, "").with_metadata(&elsewhere),
            &elsewhere,
            expected,
        );
    }
    let missing = folder.path("nothing.csv");
    refused(read(&path, "").with_metadata(&missing), &missing, &[]);
    let huge = folder.path("huge.csv");
    fs::File::create(&huge)
        .and_then(|file| file.set_len(600 << 20))
        .expect("a sparse file");
    refused(read(&path, "").with_metadata(&huge), &huge, &["512 MiB"]);
}

#[test]
fn deep_json_ends_in_an_error() {
    let folder = Folder::new();
    let path = plain(&folder, "pictures.npy");
    let deep = format!("[{{\"a\": {}", "[".repeat(1_000_000));
    let table = folder.write("deep.json", deep);
    refused(
        read(&path, "").with_metadata(&table),
        &table,
        &["cannot be read"],
    );
}

#[test]
fn positions_come_from_arrays_tables_and_lists() {
    let folder = Folder::new();
    let expected = [[0.5, -1.0], [2.0, 3.0], [4.0, 5.0]];
    let rows = [0.5f32, -1.0, 2.0, 3.0, 4.0, 5.0];
    let columns = [0.5f64, 2.0, 4.0, -1.0, 3.0, 5.0];
    let single: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
    let double: Vec<u8> = columns.iter().flat_map(|x| x.to_le_bytes()).collect();
    let files = [
        folder.write("a.npy", npy("<f4", false, "(3, 2)", &single)),
        folder.write("f.npy", npy("<f8", true, "(3, 2)", &double)),
        folder.write("xy.csv", "name,other,y,x\na,9,-1,0.5\nb,9,3,2\nc,9,5,4\n"),
        folder.write(
            "two.csv",
            "item,word,umap_1,umap_2\n0,a,0.5,-1\n1,b,2,3\n2,c,4,5\n",
        ),
        folder.write("bare.tsv", "0.5\t-1\n2\t3\n4\t5\n"),
        folder.write("comma.csv", "x;y\n0,5;-1\n2;3\n4;5,0\n"),
        folder.write("pairs.json", "[[0.5, -1], [2, 3], [4.0, 5]]"),
        folder.write(
            "objects.json",
            r#"[{"x": 0.5, "y": -1}, {"x": 2, "y": 3}, {"x": 4, "y": 5}]"#,
        ),
    ];
    for file in files {
        let found = read_positions(&file, 3).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(found, expected, "{}", file.display());
        refused(
            read_positions(&file, 4),
            &file,
            &["3 positions for 4 items"],
        );
    }
}

#[test]
fn hostile_positions_are_refused() {
    let folder = Folder::new();
    let numbers = |numbers: &[f32]| {
        numbers
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        (
            "nan.npy",
            npy("<f4", false, "(2, 2)", &numbers(&[0.0, 1.0, 2.0, f32::NAN])),
            &["row 1", "NaN"],
        ),
        (
            "inf.npy",
            npy(
                "<f4",
                true,
                "(2, 2)",
                &numbers(&[0.0, f32::INFINITY, 2.0, 3.0]),
            ),
            &["row 1", "inf"],
        ),
        (
            "wide.npy",
            npy("<f4", false, "(2, 3)", &numbers(&[0.0; 6])),
            &["2×3", "2×2"],
        ),
        (
            "flat.npy",
            npy("<f4", false, "(4,)", &numbers(&[0.0; 4])),
            &["array of 4"],
        ),
        (
            "short.npy",
            npy("<f4", false, "(2, 2)", &numbers(&[0.0; 3])),
            &["cut off"],
        ),
        (
            "huge.npy",
            npy(
                "<f8",
                false,
                "(18446744073709551615, 2)",
                &numbers(&[0.0; 3]),
            ),
            &["18446744073709551615 positions"],
        ),
        (
            "objects.npy",
            npy("|O", false, "(2, 2)", &[0; 32]),
            &["Python objects"],
        ),
        (
            "nan.csv",
            b"x,y\n1,2\n3,nan\n".to_vec(),
            &["line 3", "\"nan\""],
        ),
        (
            "inf.csv",
            b"x,y\n1,2\n-inf,4\n".to_vec(),
            &["line 3", "\"-inf\""],
        ),
        ("gap.csv", b"x,y\n1,2\n,4\n".to_vec(), &["line 3", "\"\""]),
        (
            "far.csv",
            b"x,y\n1,2\n1e60,4\n".to_vec(),
            &["line 3", "1e60"],
        ),
        (
            "words.csv",
            b"a,b\nc,2\nd,4\n".to_vec(),
            &["no two columns", "a, b"],
        ),
        (
            "null.json",
            b"[[1, 2], [3, null]]".to_vec(),
            &["entry 2", "null"],
        ),
        ("nan.json", b"[[1, 2], [3, NaN]]".to_vec(), &["line 1"]),
        ("three.json", b"[[1, 2], [3, 4, 5]]".to_vec(), &["pairs"]),
        ("far.json", b"[[1, 2], [3, 1e60]]".to_vec(), &["entry 2"]),
        ("none.json", b"[]".to_vec(), &["0 positions for 2 items"]),
        ("empty.csv", Vec::new(), &["empty"]),
    ];
    for (name, bytes, expected) in cases {
        let file = folder.write(name, bytes);
        refused(read_positions(&file, 2), &file, expected);
    }
    let missing = folder.path("nothing.npy");
    refused(read_positions(&missing, 2), &missing, &[]);
}

/// Four named pictures with classes, a factor and columns that need quoting.
fn rich() -> Result<Dataset> {
    let names = ["a,b.png", "c \"d\".png", "e\nf.png", "Größe.png"]
        .map(String::from)
        .to_vec();
    let factor = Factor {
        name: "Head yaw".into(),
        range: (-1.0, 1.0),
        values: vec![0.1, -0.25, 1e-20, 3e12],
    };
    let colours = ColumnValues::Category {
        values: vec![0, Column::NO_CATEGORY, 1, 0],
        names: vec!["dark red".into(), "blue".into()],
    };
    let column = |name: &str, values| Column {
        name: name.into(),
        values,
    };
    Dataset::new("x", ImageShape::new(1, 1, 1), vec![1, 2, 3, 4])?
        .with_item_names(names)?
        .with_labels(morphospace::data::Labels {
            values: vec![0, 1, 1, 0],
            names: vec!["cat".into(), "dog".into()],
        })?
        .with_factor(factor)?
        .with_column(column("colour", colours))?
        .with_column(column(
            "age",
            ColumnValues::Number(vec![1.0, f32::NAN, 3.5, -4.0]),
        ))?
        .with_column(column(
            "note",
            ColumnValues::Text(
                ["", "; x", "Ankle boot", "Straße"]
                    .map(String::from)
                    .to_vec(),
            ),
        ))
}

#[test]
fn what_is_exported_is_read_again() -> Result<()> {
    let folder = Folder::new();
    let set = rich()?;
    let codes: Vec<f32> = (0..8).map(|i| i as f32 / 3.0).collect();
    let positions = [[0.5, 1.0], [1.5, 2.0], [2.5, 3.0], [3.5, 1.0 / 3.0]];
    let path = folder.path("out.csv");
    let silent = Progress::silent();
    export_csv(
        &path,
        &set,
        &[3, 0, 2],
        Some((&codes, 2)),
        Some(&positions),
        &silent,
    )?;
    let text = fs::read_to_string(&path).expect("the table");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "item,file,label,Head yaw,colour,age,note,z0,z1,x,y"
    );
    assert_eq!(
        lines[1],
        "3,Größe.png,cat,3e12,dark red,-4,Straße,2,2.3333333,3.5,0.33333334"
    );
    assert_eq!(
        lines[2],
        "0,\"a,b.png\",cat,0.1,dark red,1,,0,0.33333334,0.5,1"
    );

    let pictures = set.subset(&[0, 2, 3])?;
    let bare = Dataset::new("x", ImageShape::new(1, 1, 1), vec![1, 3, 4])?
        .with_item_names(
            (0..3)
                .map(|id| pictures.item_name(id).expect("a name").to_owned())
                .collect(),
        )?
        .with_metadata(&path)?;
    assert_eq!(
        texts(&bare, "Head yaw"),
        ["0.1", &1e-20f32.to_string(), "3000000000000"]
    );
    assert_eq!(
        texts(&bare, "z1"),
        [codes[1], codes[5], codes[7]].map(|z| z.to_string())
    );
    assert_eq!(texts(&bare, "note"), ["-", "Ankle boot", "Straße"]);
    assert_eq!(bare.label_name(1), Some("dog"), "labels come back, too");
    let back = read_positions(&path, 3)?;
    assert_eq!(back, [positions[3], positions[0], positions[2]]);

    let labelled = folder.path("labelled.csv");
    export_csv(&labelled, &bare, &[0], None, None, &silent)?;
    let text = fs::read_to_string(&labelled).expect("the table");
    assert_eq!(
        text.lines()
            .next()
            .expect("a line")
            .matches("label")
            .count(),
        1,
        "{text}"
    );
    Ok(())
}

#[test]
fn arrays_of_a_selection_are_read_by_others() -> Result<()> {
    let folder = Folder::new();
    let path = folder.path("codes.npy");
    let codes: Vec<f32> = (0..12).map(|i| i as f32).collect();
    export_npy(&path, &[3, 1], &codes, 3, &Progress::silent())?;
    let array = npyz::NpyFile::new(fs::File::open(&path).expect("a file")).expect("an array");
    assert_eq!(array.shape(), [2, 3]);
    assert_eq!(
        array.into_vec::<f32>().expect("numbers"),
        [9.0, 10.0, 11.0, 3.0, 4.0, 5.0]
    );
    export_npy(&path, &[2, 0], &codes[..6], 2, &Progress::silent())?;
    assert_eq!(read_positions(&path, 2)?, [[4.0, 5.0], [0.0, 1.0]]);
    assert!(export_npy(&path, &[4], &codes, 3, &Progress::silent()).is_err_and(|e| e.is_usage()));
    assert!(export_npy(&path, &[0], &codes, 5, &Progress::silent()).is_err_and(|e| e.is_usage()));
    Ok(())
}

#[test]
fn an_array_of_codes_comes_with_a_table_of_the_rest() -> Result<()> {
    let folder = Folder::new();
    let set = rich()?;
    let path = folder.path("out.npy");
    let codes: Vec<f32> = (0..8).map(|i| i as f32).collect();
    let positions = [[0.5, 1.0], [1.5, 2.0], [2.5, 3.0], [3.5, 4.0]];
    let silent = Progress::silent();
    export_codes(&path, &set, &[3, 0], (&codes, 2), Some(&positions), &silent)?;
    let array = npyz::NpyFile::new(fs::File::open(&path).expect("a file")).expect("an array");
    let written = array.into_vec::<f32>().expect("numbers");
    assert_eq!(written, [6.0, 7.0, 0.0, 1.0]);
    let table = table_beside(&path);
    assert_eq!(table, folder.path("out.items.csv"));
    let text = fs::read_to_string(&table).expect("the table");
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "item,file,label,Head yaw,colour,age,note,x,y",
            "3,Größe.png,cat,3e12,dark red,-4,Straße,3.5,4",
            "0,\"a,b.png\",cat,0.1,dark red,1,,0.5,1",
        ]
    );

    // Either both files are new or neither is.
    let before = fs::read(&path).expect("the array");
    let stopped = Progress::silent();
    stopped.cancel();
    let again = export_codes(&path, &set, &[1], (&codes, 2), None, &stopped);
    assert!(again.is_err_and(|e| e.is_cancelled()));
    let few = export_codes(&path, &set, &[1], (&codes[..6], 2), None, &silent);
    assert!(few.is_err_and(|e| e.is_usage()));
    assert_eq!(fs::read(&path).expect("the array"), before);
    assert_eq!(fs::read_to_string(&table).expect("the table"), text);
    let taken = folder.path("taken.npy");
    fs::create_dir(&taken).expect("a folder");
    assert!(export_codes(&taken, &set, &[1], (&codes, 2), None, &silent).is_err());
    assert!(!table_beside(&taken).exists());
    Ok(())
}

#[test]
fn an_export_that_fails_leaves_what_was_there() -> Result<()> {
    let folder = Folder::new();
    let set = rich()?;
    let path = folder.write("out.csv", "old");
    let stopped = Progress::silent();
    stopped.cancel();
    let error = export_csv(&path, &set, &[0], None, None, &stopped).expect_err("stopped");
    assert!(error.is_cancelled());
    let silent = Progress::silent();
    assert!(export_csv(&path, &set, &[4], None, None, &silent).is_err_and(|e| e.is_usage()));
    assert!(
        export_csv(&path, &set, &[0], Some((&[1.0], 2)), None, &silent)
            .is_err_and(|e| e.is_usage())
    );
    assert!(
        export_csv(&path, &set, &[0], None, Some(&[[0.0; 2]]), &silent)
            .is_err_and(|e| e.is_usage())
    );
    assert_eq!(fs::read_to_string(&path).expect("the file"), "old");
    let nowhere = folder.path("nowhere/out.csv");
    refused(
        export_csv(&nowhere, &set, &[0], None, None, &silent),
        &nowhere,
        &[],
    );
    if cfg!(target_os = "linux") {
        let full = Path::new("/dev/full");
        refused(
            export_csv(full, &set, &[0], None, None, &silent),
            full,
            &["free some space"],
        );
        refused(
            export_npy(full, &[0], &[1.0], 1, &silent),
            full,
            &["free some space"],
        );
    }
    Ok(())
}

#[test]
fn items_are_found_by_words_and_numbers() -> Result<()> {
    let set = rich()?;
    let cases: [(&str, &[u32]); 27] = [
        ("", &[]),
        ("   ", &[]),
        ("png", &[0, 1, 2, 3]),
        ("CAT", &[0, 3]),
        ("GRÖSSE", &[]),
        ("GRÖ", &[3]),
        ("straße", &[3]),
        ("red", &[0, 3]),
        ("\"ankle boot\"", &[2]),
        ("ankle boot", &[2]),
        ("ankle cat", &[]),
        ("dog ankle", &[2]),
        ("label:do", &[1, 2]),
        ("class=do", &[]),
        ("label=DOG", &[1, 2]),
        ("colour:\"dark red\" age<0", &[3]),
        ("Colour=blue", &[2]),
        ("age>1", &[2]),
        ("age>=1", &[0, 2]),
        ("age<=1", &[0, 3]),
        ("age=3.5", &[2]),
        ("headyaw=0.1", &[0]),
        ("\"Head yaw\"<-0.2", &[1]),
        ("item>=2 label:dog", &[2]),
        ("file:\"c \"", &[1]),
        ("\";\"", &[1]),
        ("note:x", &[1]),
    ];
    for (query, expected) in cases {
        assert_eq!(set.search(query)?, expected, "{query}");
    }
    let refused = |query: &str, parts: &[&str]| {
        let error: Error = set.search(query).expect_err(query);
        let text = error.to_string();
        assert!(
            error.is_usage() && parts.iter().all(|part| text.contains(part)),
            "{text}"
        );
    };
    refused(
        "size:3",
        &["\"size\"", "item, name, label, colour, age, note, Head yaw"],
    );
    refused("age>old", &["age", "\"old\""]);
    refused("note>3", &["note", "no numbers"]);
    refused("label<3", &["label", "no numbers"]);
    refused("age>", &["nothing is said about age"]);
    refused("age> 3", &["nothing is said about age"]);
    Ok(())
}

#[test]
fn classes_that_are_numbers_can_be_compared() -> Result<()> {
    let folder = Folder::new();
    let path = plain(&folder, "pictures.npy");
    folder.write("pictures.csv", "label\n10\n9\n10\n2\n9\n1\n");
    let set = read(&path, "");
    assert_eq!(set.search("label>2")?, [0, 1, 2, 4]);
    assert_eq!(set.search("label=1")?, [5]);
    assert_eq!(set.search("label:10")?, [0, 2]);
    Ok(())
}
