//! `morphospace probe`: what is asked for by name is found again, on built-in digits and on made pictures.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command_line::{failure, json, text};

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// A small model of `data`, told what `condition` says.
fn told(folder: &Path, name: &str, data: &str, condition: &str, epochs: &str) -> PathBuf {
    let model = folder.join(name);
    json(&[
        "train",
        "--data",
        data,
        "--preset",
        "tiny",
        "--condition",
        condition,
        "--epochs",
        epochs,
        "--out",
        text(&model),
    ]);
    model
}

#[test]
fn a_model_that_learnt_classes_is_told_from_one_that_did_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.png");
    let probe = |model: &Path, more: &[&str]| {
        let own = [
            "probe",
            "--model",
            text(model),
            "--data",
            "digits:1200",
            "--items",
            "60",
            "--epochs",
            "4",
        ];
        json(&[&own[..], more].concat())
    };
    let learnt = told(folder.path(), "learnt", "digits:1500", "class", "30");
    let found = probe(&learnt, &["--out", text(&page)]);
    assert_eq!(
        (
            &found["n_train"],
            &found["n_validation"],
            &found["n_measured"]
        ),
        (&750.into(), &150.into(), &300.into())
    );
    assert_eq!(found["kind"], "class");
    let named = found["named"].as_array().expect("classes");
    assert_eq!(named.len(), 10);
    let mut items = 0;
    for class in named {
        items += class["real"]["n"].as_u64().expect("a count");
        assert_eq!(class["found"]["n"], 60);
        let share = number(&class["found"]["share"]);
        let ends = &class["found"]["interval"];
        assert!(number(&ends[0]) <= share && share <= number(&ends[1]));
        assert_eq!(class["visible"], number(&class["real"]["share"]) >= 0.9);
        assert_eq!(class["far"], Value::Null);
    }
    assert_eq!(items, 300);
    let mean = |found: &Value| {
        let named = found["named"].as_array().expect("classes");
        let shares = named.iter().map(|class| number(&class["found"]["share"]));
        shares.sum::<f64>() / named.len() as f64
    };
    assert!(found["visible"].as_u64() >= Some(7), "{found}");
    assert!(mean(&found) > 0.8, "{found}");
    // Ten rows of nine pictures of 28×28, three times as large.
    let page = image::open(&page).expect("a page");
    assert_eq!((page.width(), page.height()), (9 * 88 + 4, 10 * 88 + 4));
    // The same again, and less of a model that has hardly begun.
    let mut again = probe(&learnt, &[]);
    again["secs"] = found["secs"].clone();
    again["out"] = found["out"].clone();
    assert_eq!(again, found);
    let raw = told(folder.path(), "raw", "digits:64", "class", "1");
    let found = probe(&raw, &[]);
    assert!(mean(&found) < 0.5, "{found}");
}

/// Pictures of 12×12 that are light or dark, with a bar on the left or the right, and a table of both and of what cannot be seen.
fn bars(folder: &Path, items: usize) -> String {
    let path = folder.join("bars.bin");
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let mut table = "light,place,luck\n".to_owned();
    let mut pixels = Vec::new();
    for _ in 0..items {
        let (light, place, luck) = (next(), next(), next());
        writeln!(table, "{light},{place},{luck}").expect("a string takes it");
        for at in 0..144 {
            let off = (at % 12) as f32 - 10.0 * place;
            let bar = (-0.4 * off * off).exp();
            let grey = 20.0 + 120.0 * light + 100.0 * bar + 10.0 * next();
            pixels.push(grey as u8);
        }
    }
    std::fs::write(&path, pixels).expect("written");
    std::fs::write(folder.join("bars.csv"), table).expect("written");
    format!("{}:12x12", text(&path))
}

#[test]
fn attributes_are_found_again_on_the_side_asked_for_where_they_can_be_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = bars(folder.path(), 1600);
    let model = told(folder.path(), "bars", &data, "light,place,luck", "40");
    let own = ["probe", "--model", text(&model), "--data", &data];
    let page = folder.path().join("page.png");
    let more = ["--items", "101", "--epochs", "12", "--out", text(&page)];
    let found = json(&[&own[..], &more].concat());
    assert_eq!(found["kind"], "attributes");
    let named = found["named"].as_array().expect("attributes");
    let names: Vec<&Value> = named.iter().map(|named| &named["name"]).collect();
    assert_eq!(names, ["light", "place", "luck"]);
    for named in named {
        assert_eq!(named["real"]["n"], 400);
        // The odd picture is asked for low.
        let found = &named["found"];
        assert_eq!(
            (&found["low"]["n"], &found["high"]["n"]),
            (&51.into(), &50.into())
        );
        assert_eq!(found["n"], 101);
        assert!((number(&found["at"][0]) - 0.25).abs() < 0.02);
        assert!((number(&named["far"]["at"][1]) - 0.9).abs() < 0.02);
        // About a quarter of 400 values that are spread evenly lies within an eighth of either value asked for.
        let alike = &named["alike"];
        assert_eq!(alike["at"], found["at"]);
        for side in ["low", "high"] {
            let n = number(&alike[side]["n"]);
            assert!((70.0..130.0).contains(&n), "{alike}");
        }
        let mean = f64::midpoint(
            number(&alike["low"]["share"]),
            number(&alike["high"]["share"]),
        );
        assert!((number(&alike["balanced"]) - mean).abs() < 1e-12);
        assert_eq!(named["visible"], mean >= 0.9);
    }
    for visible in &named[..2] {
        assert_eq!(visible["visible"], true, "{visible}");
        assert!(number(&visible["found"]["share"]) > 0.9, "{visible}");
    }
    assert_eq!(named[2]["visible"], false, "{found}");
    assert!(number(&named[2]["alike"]["balanced"]) < 0.7, "{found}");
    assert_eq!(
        (&found["visible"], &found["visible_found"]),
        (&2.into(), &2.into())
    );
    let page = image::open(&page).expect("a page");
    assert_eq!((page.width(), page.height()), (9 * 52 + 4, 3 * 52 + 4));
}

#[test]
fn what_cannot_be_probed_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = crate::command_line::tiny(folder.path(), "1");
    let probe = |model: &Path, data: &str, more: &[&str], status| {
        let own = ["probe", "--model", text(model), "--data", data];
        failure(&[&own[..], more].concat(), status)
    };
    let message = probe(&plain, "digits:100", &[], 1);
    assert!(
        message.contains("--preset conditional or attributes"),
        "{message}"
    );
    let model = told(folder.path(), "slant", "digits:200", "Slant", "1");
    let message = probe(&model, "faces:40", &[], 1);
    assert!(message.contains("28×28×1"), "{message}");
    let message = probe(&model, "digits:31", &[], 2);
    assert!(message.contains("at least 32"), "{message}");
    let message = probe(&model, "digits:100", &["--items", "1"], 2);
    assert!(message.contains("2 to"), "{message}");
    let message = probe(&model, "digits:100", &["--epochs", "0"], 2);
    assert!(message.contains("epochs"), "{message}");
    let bare = folder.path().join("bare.bin");
    std::fs::write(&bare, vec![7; 784 * 40]).expect("written");
    let message = probe(&model, &format!("{}:28x28", text(&bare)), &[], 1);
    assert!(message.contains("no attribute Slant"), "{message}");
    let table = (0..40).map(|i| if i == 7 { ",0\n" } else { "5,0\n" });
    let table = format!("Slant,other\n{}", table.collect::<String>());
    std::fs::write(folder.path().join("bare.csv"), table).expect("written");
    let message = probe(&model, &format!("{}:28x28", text(&bare)), &[], 1);
    assert!(message.contains("Slant is not known of all"), "{message}");
    // One attribute alone is enough.
    let found = json(&[
        "probe",
        "--model",
        text(&model),
        "--data",
        "digits:64",
        "--items",
        "4",
        "--epochs",
        "1",
    ]);
    assert_eq!(found["named"].as_array().map(Vec::len), Some(1));
}

#[test]
fn colour_pictures_can_be_told_attributes() {
    // Their pixels are Gaussian, and codes begin white.
    let folder = tempfile::tempdir().expect("a folder");
    let model = told(folder.path(), "faces", "faces:48", "Yaw,Smile,Glasses", "1");
    let found = json(&[
        "probe",
        "--model",
        text(&model),
        "--data",
        "faces:48",
        "--items",
        "2",
        "--epochs",
        "1",
    ]);
    let named = found["named"].as_array().expect("attributes");
    // Glasses are worn or not: a quarter of them is none.
    assert_eq!(named[2]["found"]["at"], serde_json::json!([0.0, 1.0]));
    let yaw = &named[0]["found"]["at"];
    assert!(number(&yaw[0]) < 0.0 && number(&yaw[1]) > 0.0, "{yaw}");
}
