//! The program as it is run from a shell, on built-in data.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use morphospace::Progress;
use morphospace::data::{Dataset, DatasetSource};
use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_morphospace"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// Starts it on the CPU and does not wait for its end; what it prints goes nowhere.
pub(crate) fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_morphospace"))
        .args([arguments, &["--device", "cpu"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// Runs with `--json --quiet` on the CPU and returns the printed object.
pub(crate) fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json", "--quiet", "--device", "cpu"]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    assert!(error.is_empty(), "quiet prints nothing: {error}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Runs what has to fail with `status` and returns the message, one line that names the program.
pub(crate) fn failure(arguments: &[&str], status: i32) -> String {
    let output = run(&[arguments, &["--quiet", "--device", "cpu"]].concat());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "a failure prints no result");
    assert!(!error.contains("panicked"), "{error}");
    error
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A tiny model of digits in `folder`.
pub(crate) fn tiny(folder: &Path, epochs: &str) -> PathBuf {
    let model = folder.join("tiny.safetensors");
    let found = json(&[
        "train",
        "--data",
        "digits:600",
        "--preset",
        "tiny",
        "--epochs",
        epochs,
        "--out",
        text(&model),
    ]);
    assert!(found["steps"].as_u64() > Some(0));
    model
}

/// Squared error per picture of `data` on the `count` directions along which `seen` varies most, found by power iteration with deflation.
fn error_of_components(seen: &Dataset, data: &Dataset, count: usize) -> f64 {
    let rows = |data: &Dataset| -> Vec<Vec<f64>> {
        let row = |i| data.pixels(i).iter().map(|&x| f64::from(x) / 255.0);
        (0..data.len()).map(|i| row(i).collect()).collect()
    };
    let (seen, data) = (rows(seen), rows(data));
    let d = seen[0].len();
    let mean: Vec<f64> = (0..d)
        .map(|k| seen.iter().map(|row| row[k]).sum::<f64>() / seen.len() as f64)
        .collect();
    let centre = |rows: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        let off = |row: Vec<f64>| row.iter().zip(&mean).map(|(x, m)| x - m).collect();
        rows.into_iter().map(off).collect()
    };
    let (mut seen, mut data) = (centre(seen), centre(data));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for _ in 0..count {
        let mut axis = vec![1.0; d];
        for _ in 0..400 {
            let mut next = vec![0.0; d];
            for row in &seen {
                let along = dot(row, &axis);
                next.iter_mut().zip(row).for_each(|(n, x)| *n += along * x);
            }
            let length = dot(&next, &next).sqrt();
            axis = next.iter().map(|x| x / length).collect();
        }
        for row in seen.iter_mut().chain(&mut data) {
            let along = dot(row, &axis);
            row.iter_mut().zip(&axis).for_each(|(x, a)| *x -= along * a);
        }
    }
    data.iter().map(|row| dot(row, row)).sum::<f64>() / data.len() as f64
}

#[test]
fn principal_components_of_the_same_size_stand_beside_the_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "2");
    let model = ["evaluate", "--model", text(&model)];
    let data = ["--data", "digits:test:200", "--pca", "digits:train:300"];
    let found = json(&[model.as_slice(), &data].concat());
    assert_eq!(found["pca_components"], 4);
    assert_eq!(found["pca_fitted_on"], 300);
    let load = |name: &str| {
        let source: DatasetSource = name.parse().expect("a name");
        source.load(1, &Progress::silent()).expect("built-in data")
    };
    let (seen, measured) = (load("digits:train:300"), load("digits:test:200"));
    let expected = error_of_components(&seen, &measured, 4);
    let told = found["pca_sse_per_image"].as_f64().expect("a figure");
    assert!((told / expected - 1.0).abs() < 1e-3, "{told} {expected}");
    let without = json(&[model.as_slice(), &data[..2]].concat());
    assert!(without.get("pca_sse_per_image").is_none());
    assert_eq!(without["sse_per_image"], found["sse_per_image"]);
    let other = ["--data", "digits:test:20", "--pca", "faces:20"];
    let refused = failure(&[model.as_slice(), &other].concat(), 1);
    assert!(refused.contains("64×64"), "{refused}");
}

#[test]
fn a_tiny_model_goes_all_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let model = tiny(folder.path(), "60");
    let model = text(&model);

    let evaluation = json(&[
        "evaluate",
        "--model",
        model,
        "--data",
        "digits:test:200",
        "--samples",
        "5",
    ]);
    assert_eq!(evaluation["n"], 200);
    assert_eq!(evaluation["kl_per_dim"].as_array().map(Vec::len), Some(4));
    let (elbo, nll) = (
        evaluation["elbo"].as_f64().expect("elbo"),
        evaluation["nll"].as_f64().expect("nll"),
    );
    assert!(
        elbo < 0.0 && nll < -elbo,
        "the importance-weighted bound is the tighter one: {elbo} {nll}"
    );
    let per_image = evaluation["sse_per_image"].as_f64().expect("sse");
    assert!((per_image / 784.0 - evaluation["mse_per_pixel"].as_f64().expect("mse")).abs() < 1e-9);

    let codes = at("codes.npy");
    assert_eq!(
        json(&[
            "encode",
            "--model",
            model,
            "--data",
            "digits:50",
            "--out",
            text(&codes)
        ])["n"],
        50
    );
    let grid = at("grid.png");
    assert_eq!(
        json(&[
            "decode",
            "--model",
            model,
            "--codes",
            text(&codes),
            "--out",
            text(&grid)
        ])["n"],
        50
    );
    assert!(image::open(&grid).expect("a PNG").width() > 8 * 28);

    let xy = at("xy.npy");
    let projected = json(&["project", "--codes", text(&codes), "--out", text(&xy)]);
    assert_eq!(projected["n"], 50);
    let shares = projected["explained_variance"].as_array().expect("shares");
    assert!(shares[0].as_f64() >= shares[1].as_f64());

    for space in ["pixel", "code"] {
        let arguments = [
            "retrieve",
            "--data",
            "digits:400",
            "--queries",
            "digits:test:50",
            "--space",
            space,
            "--model",
            model,
        ];
        let found = json(&arguments);
        assert_eq!(found["n_queries"], 50);
        assert!(
            found["precision_at_k"].as_f64() > Some(0.2),
            "{space}: {found}"
        );
    }

    let gif = at("path.gif");
    let frames = json(&[
        "morph",
        "--model",
        model,
        "--data",
        "digits:50",
        "--path",
        "3,17,42",
        "--frames",
        "9",
        "--out",
        text(&gif),
    ]);
    assert_eq!(frames["frames"], 9);
    let decoder = image::codecs::gif::GifDecoder::new(std::io::BufReader::new(
        std::fs::File::open(&gif).expect("the GIF"),
    ));
    let decoded = image::AnimationDecoder::into_frames(decoder.expect("a GIF"))
        .collect_frames()
        .expect("frames");
    assert_eq!(decoded.len(), 9);

    let page = at("page.png");
    let compared = json(&[
        "compare",
        "--data",
        "digits:300",
        "--model",
        model,
        "--query",
        "7",
        "--k",
        "5",
        "--out",
        text(&page),
    ]);
    assert_eq!(compared["pixel"].as_array().map(Vec::len), Some(5));
    assert!(
        compared["pixel"]
            .as_array()
            .expect("row")
            .iter()
            .all(|n| n["id"] != 7),
        "the query is no neighbour of itself"
    );
    image::open(&page).expect("a PNG");

    let samples = at("samples.png");
    assert_eq!(
        json(&[
            "sample",
            "--model",
            model,
            "--count",
            "9",
            "--out",
            text(&samples)
        ])["n"],
        9
    );
}

/// Runs `morph` on a tiny model, in its folder.
#[test]
fn bits_are_trained_drawn_and_searched_in_two_stages() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let train = |preset: &str| {
        let model = at(preset);
        let found = json(&[
            "train",
            "--data",
            "digits:400",
            "--preset",
            preset,
            "--epochs",
            "3",
            "--out",
            text(&model),
        ]);
        assert_eq!(found["kl"], 0.0);
        model
    };
    let (long, short) = (train("binary-256"), train("hash-28"));
    let (long, short) = (text(&long), text(&short));

    let evaluation = json(&["evaluate", "--model", long, "--data", "digits:test:50"]);
    assert!(evaluation["elbo"].is_null() && evaluation["kl_per_dim"].is_null());
    let codes = at("codes.npy");
    json(&[
        "encode",
        "--model",
        short,
        "--data",
        "digits:50",
        "--out",
        text(&codes),
    ]);
    let (bits, shape) = read_npy(&codes);
    assert_eq!(shape, [50, 28]);
    assert!(bits.iter().all(|bit| *bit == 0.0 || *bit == 1.0));
    assert!(bits.contains(&0.0) && bits.contains(&1.0));
    json(&[
        "sample",
        "--model",
        long,
        "--count",
        "4",
        "--out",
        text(&at("drawn.png")),
    ]);

    let search = |more: &[&str]| {
        let always = [
            "retrieve",
            "--data",
            "digits:400",
            "--queries",
            "digits:test:50",
            "--space",
            "bits",
            "--k",
            "5",
            "--model",
            long,
            "--out",
        ];
        let ids = at("ids.npy");
        let found = json(&[&always[..], &[text(&ids)], more].concat());
        (found, std::fs::read(&ids).expect("the ids"))
    };
    let (exact, ids) = search(&[]);
    assert!(exact.get("short_list").is_none());
    // All items are within 28 bits: then the short list leaves nothing out.
    let (all, same) = search(&["--short-list", short, "--radius", "28"]);
    assert_eq!(all["short_list"]["candidates"], 400.0);
    assert_eq!(all["short_list"]["exact_answer_kept"], 1.0);
    assert!(ids == same);
    let (near, _) = search(&["--short-list", short, "--radius", "2"]);
    let list = &near["short_list"];
    assert!(list["candidate_share"].as_f64() < Some(0.9), "{list}");
    assert!(list["candidates"].as_f64() >= Some(5.0), "{list}");
    assert!(list["exact_answer_kept"].as_f64() > Some(0.0), "{list}");

    let base = [
        "retrieve",
        "--data",
        "digits:20",
        "--queries",
        "digits:20",
        "--model",
        long,
    ];
    let error = failure(&[&base[..], &["--short-list", short]].concat(), 2);
    assert!(error.contains("--space bits"), "{error}");
    let wrong = ["--space", "bits", "--short-list", long];
    let error = failure(&[&base[..], &wrong].concat(), 1);
    assert!(error.contains("hash-28"), "{error}");
}

fn morph(folder: &Path, arguments: &str) -> Result<Value, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_morphospace"))
        .arg("morph")
        .args(["--model", "tiny.safetensors", "--json", "--quiet"])
        .args(["--device", "cpu"])
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!error.contains("panicked"), "{error}");
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("one JSON object")),
        _ => Err(error),
    }
}

fn gif_frames(path: &Path) -> Vec<image::Frame> {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("the GIF"));
    let decoder = image::codecs::gif::GifDecoder::new(file).expect("a GIF");
    image::AnimationDecoder::into_frames(decoder)
        .collect_frames()
        .expect("frames")
}

fn apng_frames(path: &Path) -> Vec<image::Frame> {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("the PNG"));
    let decoder = image::codecs::png::PngDecoder::new(file).expect("a PNG");
    let decoder = decoder.apng().expect("an animation");
    image::AnimationDecoder::into_frames(decoder)
        .collect_frames()
        .expect("frames")
}

#[test]
fn a_path_file_gives_the_bytes_of_the_list_it_was_saved_from() {
    let folder = tempfile::tempdir().expect("a folder");
    tiny(folder.path(), "3");
    let at = |name: &str| folder.path().join(name);
    let read = |name: &str| std::fs::read(at(name)).expect("a file");
    for (between, options) in [
        ("linear", ""),
        ("spherical", " --loop --scale 2"),
        ("spline", " --crossfade --fps 30"),
    ] {
        for ending in ["gif", "png"] {
            let list = morph(
                folder.path(),
                &format!(
                    "--data digits:50 --path 3,17,42 --frames 40 --interpolation {between} \
                     --save-path p.json --out list.{ending}{options}"
                ),
            );
            // Which pictures are faded stands in the file.
            let file = morph(folder.path(), &format!("--path p.json --out file.{ending}"));
            let (list, file) = (list.expect("an animation"), file.expect("an animation"));
            assert_eq!(list["frames"], 40);
            assert_eq!(list["bytes"], file["bytes"]);
            let written = read(&format!("file.{ending}"));
            assert_eq!(written.len() as u64, file["bytes"].as_u64().expect("bytes"));
            assert!(written == read(&format!("list.{ending}")), "{between}");
        }
    }
    let path: Value = serde_json::from_slice(&read("p.json")).expect("JSON");
    assert_eq!(
        (&path["version"], &path["fps"], &path["loop"]),
        (&1.into(), &30.into(), &false.into())
    );
    assert_eq!(path["keys"][1]["item"], 17);
    assert_eq!(path["crossfade"]["data"], "digits:50");

    // More of the same data will do, other data will not.
    morph(
        folder.path(),
        "--path p.json --out more.png --data digits:60",
    )
    .expect("the same pictures");
    assert!(read("more.png") == read("list.png"));
    let other = morph(
        folder.path(),
        "--path p.json --out other.gif --data digits:test:50",
    );
    let other = other.expect_err("other pictures are not faded");
    for part in [
        "p.json",
        "other pictures",
        "--data digits:50",
        "--no-crossfade",
    ] {
        assert!(other.contains(part), "{other}");
    }
    assert!(!at("other.gif").exists());
    let plain = morph(
        folder.path(),
        "--path p.json --out plain.png --no-crossfade",
    );
    plain.expect("an animation without");
    let (width, height) = apng_frames(&at("plain.png"))[0].buffer().dimensions();
    assert_eq!(width, height, "no second picture");

    // Items of data that are gone are named.
    let mut gone = path.clone();
    gone["crossfade"]["data"] = "nowhere/faces.npy".into();
    std::fs::write(at("gone.json"), gone.to_string()).expect("written");
    let missing = morph(folder.path(), "--path gone.json --out gone.gif");
    let missing = missing.expect_err("no pictures");
    assert!(
        missing.contains("nowhere/faces.npy") && missing.contains("--data"),
        "{missing}"
    );
}

#[test]
fn an_animation_comes_back_frame_by_frame() {
    let folder = tempfile::tempdir().expect("a folder");
    tiny(folder.path(), "3");
    let at = |name: &str| folder.path().join(name);
    let list = "--data digits:50 --path 3,17 --frames 37 --fps 20 --scale 2 --out";
    let found = morph(folder.path(), &format!("{list} a.gif")).expect("a GIF");
    assert_eq!(
        (&found["frames"], &found["secs"]),
        (&37.into(), &1.85.into())
    );
    morph(folder.path(), &format!("{list} a.png")).expect("an animated PNG");
    morph(folder.path(), &format!("{list} a/")).expect("numbered PNGs");
    let (gif, apng) = (gif_frames(&at("a.gif")), apng_frames(&at("a.png")));
    assert_eq!((gif.len(), apng.len()), (37, 37));
    assert_eq!(std::fs::read_dir(at("a")).expect("a folder").count(), 37);
    for (i, (gif, apng)) in gif.iter().zip(&apng).enumerate() {
        let numbered = image::open(at(&format!("a/{i:04}.png"))).expect("a PNG");
        // Grey pictures lose nothing in any of the formats.
        assert_eq!(numbered.to_rgba8(), *gif.buffer(), "frame {i}");
        assert_eq!(numbered.to_rgba8(), *apng.buffer(), "frame {i}");
        assert_eq!(gif.delay().numer_denom_ms(), (50, 1));
        assert_eq!(apng.delay().numer_denom_ms(), (50, 1));
    }

    // The first frame is the picture of the first item's code.
    json(&[
        "encode",
        "--model",
        text(&at("tiny.safetensors")),
        "--data",
        "digits:50",
        "--out",
        text(&at("codes.npy")),
    ]);
    json(&[
        "decode",
        "--model",
        text(&at("tiny.safetensors")),
        "--codes",
        text(&at("codes.npy")),
        "--out",
        text(&at("grid.png")),
    ]);
    // Item 3 is the fourth of eight in a row of a grid of pictures at three times their size, two pixels apart.
    let grid = image::open(at("grid.png")).expect("a PNG").into_luma8();
    let first = apng[0].buffer();
    for (x, y) in (0..28).flat_map(|x| (0..28).map(move |y| (x, y))) {
        let there = grid.get_pixel(2 + 3 * (28 * 3 + 2) + 3 * x, 2 + 3 * y).0[0];
        let here = first.get_pixel(2 * x, 2 * y).0[0];
        assert!(here.abs_diff(there) <= 1, "{x} {y}: {here} {there}");
    }

    // Under the morph, at its ends, are the items themselves.
    morph(folder.path(), &format!("{list} c.png --crossfade")).expect("an animated PNG");
    let crossfade = apng_frames(&at("c.png"));
    assert_eq!(crossfade[0].buffer().dimensions(), (56, 2 * (28 + 2 + 28)));
    let upper = image::imageops::crop_imm(crossfade[9].buffer(), 0, 0, 56, 56).to_image();
    assert_eq!(upper, *apng[9].buffer());
    let digits = "digits:50".parse::<morphospace::data::DatasetSource>();
    let digits = digits
        .and_then(|d| d.load(1, &morphospace::Progress::silent()))
        .expect("digits");
    for (frame, item) in [(0, 3), (36, 17)] {
        for (x, y) in (0..28).flat_map(|x| (0..28).map(move |y| (x, y))) {
            let shown = crossfade[frame].buffer().get_pixel(2 * x, 2 * (30 + y)).0[0];
            assert_eq!(shown, digits.pixels(item)[(28 * y + x) as usize]);
        }
    }
}

#[test]
fn a_path_that_cannot_be_drawn_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    tiny(folder.path(), "1");
    let at = |name: &str| folder.path().join(name);
    let refused = |arguments: &str| morph(folder.path(), arguments).expect_err("refused");
    let path = |code: &str, rest: &str| {
        format!(
            r#"{{"version": 1, "interpolation": "linear", "fps": 25, "keys":
            [{{"code": [{code}], "secs": 2}}, {{"code": [{code}], "secs": 2}}]{rest}}}"#
        )
    };
    for (name, content) in [
        ("three.json", path("1, 2, 3", "")),
        (
            "newer.json",
            path("1, 2, 3, 4", "").replace("\"version\": 1", "\"version\": 2"),
        ),
        ("torn.json", path("1, 2, 3, 4", "").replace("]}", "")),
        ("good.json", path("1, 2, 3, 4", "")),
    ] {
        std::fs::write(at(name), content).expect("written");
    }
    let before = std::fs::read_dir(folder.path()).expect("a folder").count();

    let other = refused("--path three.json --out out.gif");
    assert!(
        other.contains("three.json") && other.contains("3 numbers") && other.contains('4'),
        "{other}"
    );
    let large = failure(
        &[
            "morph",
            "--model",
            "faces",
            "--data",
            "faces:5",
            "--path",
            "1,2",
            "--frames",
            "100000",
            "--scale",
            "8",
            "--out",
            text(&at("out.png")),
        ],
        1,
    );
    // 100,000 frames of 512 × 512 × 3 bytes.
    assert!(
        large.contains("out.png") && large.contains("79 GB"),
        "{large}"
    );
    let newer = refused("--path newer.json --out out.gif");
    assert!(
        newer.contains("newer.json") && newer.contains("version 2") && newer.contains("update"),
        "{newer}"
    );
    let torn = refused("--path torn.json --out out.gif");
    assert!(
        torn.contains("torn.json") && torn.contains("line"),
        "{torn}"
    );
    assert!(refused("--path missing.json --out out.gif").contains("missing.json"));
    assert!(refused("--path good.json --out out.webp").contains(".gif"));
    assert!(refused("--path 1,2 --out out.gif").contains("--data"));
    assert!(refused("--path 1 --data digits:5 --out out.gif").contains("two items"));
    assert!(refused("--path good.json --scale 9 --out out.gif").contains('9'));
    assert!(refused("--path good.json --frames 200000 --out out.gif").contains("100000"));
    let unknown = refused("--path good.json --crossfade --data digits:5 --out out.gif");
    assert!(unknown.contains("key 0"), "{unknown}");
    let after = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(before, after, "nothing is left behind");
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let (a, b) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let read =
        |folder: &tempfile::TempDir| std::fs::read(tiny(folder.path(), "2")).expect("the model");
    assert!(read(&a) == read(&b));
}

/// Writes `[rows, columns]` numbers as NPY.
fn write_npy(path: &Path, numbers: &[f32], columns: usize) {
    let shape = format!("({}, {columns})", numbers.len() / columns);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    std::fs::write(path, bytes).expect("a file");
}

fn read_npy(path: &Path) -> (Vec<f32>, Vec<u64>) {
    let bytes = std::fs::read(path).expect("a file");
    let file = npyz::NpyFile::new(&bytes[..]).expect("an array");
    let shape = file.shape().to_vec();
    (file.into_vec().expect("32-bit floats"), shape)
}

#[test]
fn pictures_are_laid_out_by_every_method_and_the_map_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("xy.npy");
    let project = |more: &str| {
        let mut arguments = vec!["project", "--data", "digits:400", "--pixels"];
        arguments.extend(more.split_whitespace());
        arguments.extend(["--out", text(&out)]);
        let value = json(&arguments);
        (value, read_npy(&out))
    };
    let number = |value: &Value, name: &str| value[name].as_f64().unwrap_or(f64::NAN);

    let (pca, (_, shape)) = project("--method pca --components 5");
    assert_eq!(shape, [400, 5]);
    assert_eq!(pca["explained_variance"].as_array().map(Vec::len), Some(5));
    for method in [
        "--method umap --epochs 100",
        "--method tsne --iterations 250",
    ] {
        let (value, positions) = project(method);
        assert_eq!(positions.1, [400, 2]);
        assert!(positions.0.iter().all(|x| x.is_finite()));
        assert_eq!(value["trustworthiness_rows"], 400);
        assert_eq!(number(&value, "neighbour_recall"), 1.0);
        for measure in ["trustworthiness", "plane_accuracy"] {
            assert!(
                number(&value, measure) > number(&pca, measure),
                "{value} {pca}"
            );
        }
        assert_eq!(project(method).1, positions);
    }
    // Of 400 items none has more than 399 neighbours, and a perplexity takes three of each.
    let (tsne, _) = project("--method tsne --iterations 50 --perplexity 1000");
    assert_eq!(number(&tsne, "perplexity"), 133.0);
    let (tsne, _) = project("--method tsne --iterations 50 --perplexity 20");
    assert_eq!(number(&tsne, "perplexity"), 20.0);
    let (raw, (positions, _)) = project("--method raw --dims 400,401");
    assert_eq!(raw["dims"], serde_json::json!([400, 401]));
    assert!(
        positions
            .iter()
            .all(|x| (0.0..=255.0).contains(x) && x.fract() == 0.0)
    );
}

#[test]
fn what_cannot_be_projected_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let (codes, out) = (
        folder.path().join("codes.npy"),
        folder.path().join("xy.npy"),
    );
    let refused = |numbers: &[f32], more: &str, status: i32| {
        write_npy(&codes, numbers, 2);
        let mut arguments = vec!["project", "--codes", text(&codes), "--out", text(&out)];
        arguments.extend(more.split_whitespace());
        let error = failure(&arguments, status);
        assert!(!out.exists());
        error
    };
    let three = [0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    assert!(refused(&three, "--method tsne", 2).contains("t-SNE of 3 items"));
    assert!(refused(&[0.5; 80], "--method umap", 1).contains("alike"));
    assert!(refused(&[0.5; 80], "--method tsne --perplexity 0", 2).contains("perplexity of 0"));
    assert!(refused(&three, "--method raw --dims 1,3", 2).contains("no dimension 3 among 2"));
    assert!(refused(&three, "--method pca --perplexity 5", 2).contains("--perplexity"));
    assert!(refused(&three, "--components 3", 2).contains("no 3 principal components"));
    let of_other_items = format!("--labels {}", text(&codes));
    assert!(refused(&three, &of_other_items, 1).contains("for 3 items"));
}

#[test]
fn identical_items_have_components_and_one_class_has_no_accuracy() {
    let folder = tempfile::tempdir().expect("a folder");
    let (codes, out) = (
        folder.path().join("codes.npy"),
        folder.path().join("xy.npy"),
    );
    write_npy(&codes, &[0.5; 80], 2);
    let labels = folder.path().join("labels.npy");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (40,), }";
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend([7_u8; 40]);
    std::fs::write(&labels, bytes).expect("a file");
    let value = json(&[
        "project",
        "--codes",
        text(&codes),
        "--labels",
        text(&labels),
        "--out",
        text(&out),
    ]);
    assert!(value["plane_accuracy"].is_null() && value.get("plane_accuracy").is_some());
    // Identical items have no nearest neighbours.
    assert!(value["trustworthiness"].is_null() && value.get("trustworthiness").is_some());
    assert_eq!(read_npy(&out).0, [0.0; 80]);
}

#[test]
fn built_in_data_is_described() {
    let faces = json(&["data", "describe", "faces:20"]);
    assert_eq!(
        (&faces["items"], &faces["height"], &faces["channels"]),
        (&20.into(), &64.into(), &3.into())
    );
    assert!(faces["factors"].as_array().map(Vec::len) >= Some(16));
    let digits = json(&["data", "describe", "digits:20"]);
    assert_eq!(digits["classes"].as_array().map(Vec::len), Some(10));
    let creatures = json(&["data", "describe", "creatures:500"]);
    assert_eq!(
        (&creatures["items"], &creatures["height"]),
        (&500.into(), &20.into())
    );
    assert!(
        creatures["colours"]
            .as_u64()
            .is_some_and(|n| (2..=167).contains(&n))
    );
    assert!(digits["colours"].is_null());
    failure(&["data", "describe", "creatures:0"], 2);
    failure(&["data", "describe", "creatures:18446744073709551615"], 2);
    failure(
        &["data", "describe", "creatures:99999999999999999999999"],
        1,
    );
    let list = json(&["data", "list"]);
    assert!(
        list["creatures"]
            .as_str()
            .is_some_and(|text| text.contains("164 colours"))
    );
    assert!(list["faces"].is_string());
}

#[test]
fn columns_of_metadata_are_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let pictures = folder.path().join("dots");
    std::fs::create_dir(&pictures).expect("a folder");
    let mut table = "file,age,mood\n".to_owned();
    for i in 0..6 {
        let dot = image::GrayImage::from_pixel(4, 4, image::Luma([40 * i]));
        dot.save(pictures.join(format!("{i}.png"))).expect("saved");
        let age = if i == 0 { String::new() } else { i.to_string() };
        let mood = ["calm", "glad"][usize::from(i % 2)];
        table = format!("{table}{i}.png,{age},{mood}\n");
    }
    std::fs::write(pictures.join("metadata.csv"), table).expect("written");
    let value = json(&["data", "describe", text(&pictures)]);
    let age =
        serde_json::json!({"name": "age", "kind": "number", "missing": 1, "range": [1.0, 5.0]});
    let mood = serde_json::json!({
        "name": "mood", "kind": "category", "missing": 0, "categories": ["calm", "glad"],
    });
    assert_eq!(value["columns"], serde_json::json!([age, mood]));
}

#[test]
fn what_makes_no_sense_ends_with_status_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let (model, out) = (text(&model), folder.path().join("out"));
    let out = text(&out);
    assert!(failure(&["train"], 2).contains("--data"));
    assert!(failure(&["nonsense"], 2).contains("nonsense"));
    assert!(
        failure(&["train", "--data", "digits:50", "--preset", "huge"], 2).contains("mnist-dense")
    );
    assert!(
        failure(
            &[
                "morph", "--model", model, "--data", "digits:5", "--path", "1,9", "--out", out
            ],
            2
        )
        .contains('9')
    );
    assert!(
        failure(
            &[
                "retrieve",
                "--data",
                "digits:5",
                "--queries",
                "digits:5",
                "--space",
                "code"
            ],
            2
        )
        .contains("--model")
    );
    assert!(
        failure(
            &[
                "compare", "--data", "digits:5", "--model", model, "--query", "77", "--out", out
            ],
            2
        )
        .contains("77")
    );
}

#[test]
fn a_report_is_one_page_whose_figures_are_those_of_retrieve() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let (model, out) = (text(&model), folder.path().join("report"));
    let printed = json(&[
        "compare",
        "--data",
        "digits:train:200",
        "--queries",
        "digits:test:40",
        "--model",
        model,
        "--spaces",
        "pixel,code,bits",
        "--k",
        "5",
        "--report",
        text(&out),
    ]);
    assert_eq!(printed["spaces"].as_array().map(Vec::len), Some(3));
    assert_eq!(printed["pairs"].as_array().map(Vec::len), Some(3));
    let page = std::fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(page.contains("data:image/png;base64,"), "it has pictures");
    for beside in ["http://", "https://", "src=\"/", "<script"] {
        assert!(
            !page.contains(beside),
            "it needs nothing beside it: {beside}"
        );
    }
    let report = std::fs::read(out.join("report.json")).expect("figures");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    for (i, space) in ["pixel", "code", "bits"].into_iter().enumerate() {
        let found = json(&[
            "retrieve",
            "--data",
            "digits:train:200",
            "--queries",
            "digits:test:40",
            "--model",
            model,
            "--space",
            space,
            "--k",
            "5",
        ]);
        let of = |value: &Value| value.as_f64().expect("a number");
        let own = &report["spaces"][i];
        for (name, value) in [
            ("precision_at_k", &own["precision"][4]["mean"]),
            ("nearest_accuracy", &own["accuracy"][0]["mean"]),
            ("knn_accuracy", &own["accuracy"][4]["mean"]),
            (
                "mean_average_precision",
                &own["mean_average_precision"]["mean"],
            ),
        ] {
            assert!(
                (of(value) - of(&found[name])).abs() < 1e-9,
                "{space} {name}"
            );
        }
    }
    // Nothing is distorted at strength 0: every original is found.
    let curves = std::fs::read_to_string(out.join("curves.csv")).expect("curves");
    let undistorted = curves
        .lines()
        .filter(|line| line.starts_with("found after") && line.contains(",pixel,0,"));
    assert!(undistorted.clone().count() > 0);
    for line in undistorted {
        assert!(line.contains(",pixel,0,1,1,1"), "{line}");
    }
    let refused = failure(
        &[
            "compare",
            "--data",
            "digits:9",
            "--queries",
            "digits:9",
            "--model",
            model,
            "--spaces",
            "code",
            "--report",
            text(&out),
        ],
        2,
    );
    assert!(refused.contains("two or more"), "{refused}");
}

#[test]
fn what_fails_names_the_file_and_ends_with_status_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let missing = folder.path().join("missing.idx");
    assert!(failure(&["data", "describe", text(&missing)], 1).contains("missing.idx"));

    let cut = folder.path().join("cut.safetensors");
    let bytes = std::fs::read(&model).expect("the model");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    let message = failure(
        &["evaluate", "--model", text(&cut), "--data", "digits:5"],
        1,
    );
    assert!(
        message.contains("cut.safetensors") && message.contains("complete"),
        "{message}"
    );

    let other_shape = failure(
        &["evaluate", "--model", text(&model), "--data", "faces:5"],
        1,
    );
    assert!(other_shape.contains("28×28×1"), "{other_shape}");

    let unwritable = folder.path().join("no/such/folder/codes.npy");
    let message = failure(
        &[
            "encode",
            "--model",
            text(&model),
            "--data",
            "digits:5",
            "--out",
            text(&unwritable),
        ],
        1,
    );
    assert!(message.contains("codes.npy"), "{message}");
}

/// A limit on the size of files stops a write half-way, as a full disk does.
#[cfg(unix)]
#[test]
fn a_full_disk_ends_with_status_1_and_leaves_what_was_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let before = std::fs::read(&model).expect("the model");
    assert!(before.len() > 64 * 1024, "larger than the limit below");
    let outputs = [
        (
            "train --data digits:600 --preset tiny --epochs 2 --out",
            "tiny.safetensors",
        ),
        (
            "encode --model tiny.safetensors --data digits:6000 --out",
            "codes.npy",
        ),
        (
            "sample --model tiny.safetensors --count 400 --out",
            "grid.png",
        ),
        (
            "morph --model tiny.safetensors --data digits:9 --path 1,2 --scale 8 --out",
            "path.gif",
        ),
        (
            "morph --model tiny.safetensors --data digits:9 --path 1,2 --scale 8 --frames 200 --out",
            "path.png",
        ),
    ];
    for (command, out) in outputs {
        let program = env!("CARGO_BIN_EXE_morphospace");
        let script = format!(
            "trap '' XFSZ; ulimit -f 32; exec '{program}' {command} {out} --quiet --device cpu"
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(folder.path())
            .output()
            .expect("a shell");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {error}");
        assert!(
            error.contains(out) && !error.contains("panicked"),
            "{command}: {error}"
        );
    }
    assert!(std::fs::read(&model).expect("the model") == before);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(
        left.len(),
        1,
        "nothing half-written is left behind: {left:?}"
    );
}

#[test]
fn a_training_goes_on_with_its_own_data_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("stopped.safetensors");
    let mut training = Command::new(env!("CARGO_BIN_EXE_morphospace"))
        .args([
            "train",
            "--data",
            "digits:2000",
            "--preset",
            "tiny",
            "--epochs",
            "10000",
        ])
        .args(["--device", "cpu", "--quiet", "--out", text(&model)])
        .spawn()
        .expect("the program starts");
    let start = Instant::now();
    while !model.exists() {
        assert!(start.elapsed() < Duration::from_mins(1), "no epoch ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    training.kill().expect("killed");
    training.wait().expect("gone");
    for data in ["digits:1999", "faces:50"] {
        let message = failure(&["train", "--data", data, "--resume", text(&model)], 1);
        assert!(message.contains("digits:2000"), "{data}: {message}");
    }
}

#[test]
fn a_training_that_is_killed_leaves_a_whole_file_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("killed.safetensors");
    let arguments = [
        "train",
        "--data",
        "digits:3000",
        "--preset",
        "tiny",
        "--epochs",
        "500",
        "--device",
        "cpu",
        "--quiet",
    ];
    for round in 0..3 {
        let mut training = Command::new(env!("CARGO_BIN_EXE_morphospace"));
        training.args(arguments).args(["--out", text(&model)]);
        let mut child = training.spawn().expect("the program starts");
        let start = Instant::now();
        while !model.exists() && start.elapsed() < Duration::from_mins(1) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // A different moment each time, in the hope of meeting it while it writes.
        std::thread::sleep(Duration::from_millis(37 * round));
        child.kill().expect("it ran");
        child.wait().expect("it ended");
        let found = json(&[
            "evaluate",
            "--model",
            text(&model),
            "--data",
            "digits:test:20",
        ]);
        assert_eq!(found["n"], 20);
    }
    let mut resumed = Command::new(env!("CARGO_BIN_EXE_morphospace"));
    resumed.args([
        "train",
        "--data",
        "digits:3000",
        "--resume",
        text(&model),
        "--out",
        text(&model),
        "--device",
        "cpu",
    ]);
    resumed.stderr(std::process::Stdio::piped());
    let mut child = resumed.spawn().expect("the program starts");
    let stderr = std::io::BufReader::new(child.stderr.take().expect("standard error"));
    let goes_on = std::io::BufRead::lines(stderr)
        .map_while(Result::ok)
        .find(|line| line.starts_with("epoch "));
    child.kill().expect("it ran");
    child.wait().expect("it ended");
    let line = goes_on.expect("an epoch more");
    assert!(line.contains("/500"), "{line}");

    let other = failure(
        &[
            "train",
            "--data",
            "digits:2999",
            "--resume",
            text(&model),
            "--out",
            text(&model),
        ],
        1,
    );
    assert!(other.contains("digits"), "{other}");
}

#[test]
fn without_a_display_the_window_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_morphospace"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    if cfg!(target_os = "linux") {
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.contains("morphospace --help") && !error.contains("panicked"),
            "{error}"
        );
    } else {
        println!("skipped: only on Linux can a window be asked for without a display");
    }
}

#[test]
fn neighbours_are_written_as_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let (csv, ids) = (
        folder.path().join("near.csv"),
        folder.path().join("ids.npy"),
    );
    let asked = [
        "retrieve",
        "--data",
        "digits:300",
        "--queries",
        "digits:test:20",
        "--k",
        "4",
    ];
    let files = ["--csv", text(&csv), "--out", text(&ids)];
    let measures = json(&[&asked[..], &files[..]].concat());
    let table = std::fs::read_to_string(&csv).expect("a table");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("query,rank,id,distance,label,space"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 80);
    let bytes = std::fs::read(&ids).expect("ids");
    let (ids, _) = bytes[128..].as_chunks::<4>();
    let (mut right, mut last) = (0, 0.0);
    for (place, row) in rows.iter().enumerate() {
        assert_eq!(row[0], (place / 4).to_string());
        assert_eq!(row[1], (place % 4 + 1).to_string());
        assert_eq!(row[2], u32::from_le_bytes(ids[place]).to_string());
        let distance: f64 = row[3].parse().expect("a distance");
        assert!(place % 4 == 0 || distance >= last);
        last = distance;
        assert_eq!(row[5], "pixel");
        // Labels of digits are the digits; items come in their order.
        right += usize::from(row[4].len() == 1);
    }
    assert_eq!(right, 80, "every neighbour has its class");
    assert!(measures["precision_at_k"].as_f64().is_some(), "{measures}");

    let printed = run(&[&asked[..], &["--csv", "-", "--device", "cpu"]].concat());
    assert!(printed.status.success());
    assert_eq!(String::from_utf8_lossy(&printed.stdout), table);
    let said = String::from_utf8_lossy(&printed.stderr).into_owned();
    assert!(said.contains("precision_at_k"), "{said}");
    let error = failure(&[&asked[..], &["--csv", "-", "--json"]].concat(), 2);
    assert!(error.contains("standard output"), "{error}");
}

#[test]
fn queries_of_another_shape_are_brought_to_that_of_the_gallery_and_it_is_said() {
    let arguments = ["retrieve", "--data", "digits:60", "--queries", "faces:4"];
    let output = run(&[&arguments[..], &["--k", "3", "--device", "cpu"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("64×64×3") && said.contains("28×28×1"),
        "{said}"
    );
}

#[test]
fn a_distorted_copy_has_its_original_first_until_it_is_distorted_too_much() {
    let found = |distort: &str| {
        let printed = json(&[
            "retrieve",
            "--data",
            "digits:80",
            "--queries",
            "digits:80",
            "--distort",
            distort,
        ]);
        printed["original_first"].as_f64().expect("a share")
    };
    assert_eq!(found("brighten:0.1"), 1.0);
    assert!(found("shift:1") < 1.0);
    let output = run(&[
        "retrieve",
        "--data",
        "digits:9",
        "--queries",
        "digits:9",
        "--distort",
        "melt:1",
    ]);
    assert!(!output.status.success());
}

#[test]
fn pooling_is_undone_in_three_ways_and_its_stages_are_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let model = at("pooled.safetensors");
    let train = [
        "train",
        "--data",
        "digits:200",
        "--epochs",
        "1",
        "--out",
        text(&model),
        "--preset",
    ];
    json(&[train.as_slice(), &["pooled"]].concat());
    let page = at("page.png");
    let data = ["--data", "digits:test:40", "--out", text(&page)];
    let found = json(&[&["unpool", "--model", text(&model)], data.as_slice()].concat());
    let columns = found["columns"].as_array().expect("columns");
    let ways: Vec<&str> = columns
        .iter()
        .filter_map(|c| c["unpooling"].as_str())
        .collect();
    assert_eq!(ways, ["switches", "transposed", "repetition"]);
    let error = |i: usize| columns[i]["sse_per_image"].as_f64().expect("an error");
    let evaluation = json(&[
        "evaluate",
        "--model",
        text(&model),
        "--data",
        "digits:test:40",
    ]);
    let told = evaluation["sse_per_image"].as_f64().expect("an error");
    assert!(
        (told - error(0)).abs() < 1e-6,
        "evaluation has the switches"
    );
    assert!((error(1) - error(0)).abs() > 1e-3);
    assert_eq!(columns[0]["trained_so"], true);
    assert!(columns[0]["switches"].as_u64() > Some(0));
    let drawn = image::open(&page).expect("a page");
    assert!(drawn.height() > 2 * drawn.width());

    let features = [
        "features",
        "--model",
        text(&model),
        "--item",
        "3",
        "--unpooling",
        "repetition",
    ];
    let found = json(&[features.as_slice(), &data].concat());
    let stages = found["stages"].as_array().expect("stages");
    assert_eq!(
        stages.first().map(|s| &s["name"]),
        Some(&"Convolution 1".into())
    );
    assert_eq!(
        stages.last().map(|s| &s["name"]),
        Some(&"Deconvolution 1".into())
    );
    assert_eq!(found["unpooling"], "repetition");

    // What cannot be is refused, with what would fit.
    let refused = failure(
        &[train.as_slice(), &["tiny", "--unpooling", "switches"]].concat(),
        2,
    );
    assert!(refused.contains("preset pooled"), "{refused}");
    let tiny = tiny(folder.path(), "1");
    let refused = failure(
        &[&["unpool", "--model", text(&tiny)], data.as_slice()].concat(),
        1,
    );
    assert!(refused.contains("does not pool"), "{refused}");
    let refused = failure(
        &[&["features", "--model", text(&tiny)], data.as_slice()].concat(),
        1,
    );
    assert!(refused.contains("no convolutions"), "{refused}");
}

#[test]
fn a_printed_specification_trains_and_a_model_is_gone_on_with_and_stood_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (below, spec) = (at("below.safetensors"), at("spec.json"));
    let data = ["train", "--data", "digits:400", "--epochs", "2"];
    let train = |more: &[&str]| json(&[data.as_slice(), more].concat());
    let mut printed = train(&["--preset", "vae-200", "--latent", "12", "--print-spec"]);
    assert_eq!(printed["code"], 12);
    assert!(
        !Path::new("model.safetensors").exists(),
        "nothing is trained"
    );
    printed["network"]["dense"]["hidden"] = serde_json::json!([60]);
    std::fs::write(&spec, printed.to_string()).expect("written");
    let by_spec = ["--spec", text(&spec)];
    let first = train(&[&by_spec[..], &["--out", text(&below)]].concat());
    let again = at("again.safetensors");
    let from = ["--from", text(&below), "--out", text(&again)];
    let second = train(&[&by_spec[..], &from[..]].concat());
    let validation = |found: &Value| found["validation"].as_f64().expect("a loss");
    assert!(validation(&second) < validation(&first), "it goes on");
    let stacked = at("stacked.safetensors");
    let upon = [
        "--from",
        text(&below),
        "--preset",
        "stacked",
        "--labels",
        "50",
    ];
    train(&[&upon[..], &["--out", text(&stacked)]].concat());
    let found = json(&[
        "evaluate",
        "--model",
        text(&stacked),
        "--data",
        "digits:test:100",
    ]);
    let error = found["class_error"].as_f64().expect("it knows of classes");
    assert!((0.0..=1.0).contains(&error));
    let message = failure(&["train", "--data", "digits:100", "--preset", "stacked"], 2);
    assert!(message.contains("--from"), "{message}");
    let message = failure(
        &[
            "train",
            "--data",
            "faces:50",
            "--from",
            text(&below),
            "--preset",
            "stacked",
        ],
        1,
    );
    assert!(message.contains("28×28"), "{message}");
}

#[test]
fn families_are_compared_and_their_models_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept");
    let command = [
        "why",
        "--data",
        "digits:200",
        "--epochs",
        "1",
        "--latent",
        "3",
    ];
    let found = json(&[&command[..], &["--save", text(&kept)]].concat());
    let families = found["families"].as_array().expect("families");
    assert_eq!(families.len(), 5);
    for (family, name) in
        families
            .iter()
            .zip(["plain", "denoising", "contractive", "vae", "beta-vae"])
    {
        let figures = &family["figures"];
        let of = |key: &str| figures[key].as_f64().expect("a figure");
        assert!(of("frechet_prior") > 0.0 && (0.0..=1.0).contains(&of("outside")));
        let file = kept.join(format!("{name}.safetensors"));
        let model = ["--model", text(&file), "--data", "digits:test:40"];
        let found = json(&[&["evaluate"][..], &model].concat());
        assert_eq!(found["n"], 40, "{name}: {found}");
    }
}
