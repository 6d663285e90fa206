//! A mixture of Gaussians over pictures and over codes, from the shell.

use std::time::{Duration, Instant};

use crate::command_line::{failure, json, start, text, tiny};
use serde_json::Value;

fn number(value: &Value, path: &str) -> f64 {
    let found = value.pointer(path).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no number {path} in {value}"))
}

#[test]
fn a_mixture_over_pictures_tells_likelihoods_and_draws_samples_and_components() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, page) = (folder.path().join("a.png"), folder.path().join("b.png"));
    let command = |k: &str, data: &str| {
        let outputs = ["--out", text(&out), "--responsibilities", text(&page)];
        let judged = ["mixture", "--data", data, "--test", "digits:test:300"];
        json(
            &[
                &judged[..],
                &["--components", k, "--dims", "20", "--count", "9"],
                &outputs,
            ]
            .concat(),
        )
    };
    let (one, eight) = (command("1", "digits:1500"), command("8", "digits:1500"));
    assert_eq!(
        (&one["space"], &one["components"]),
        (&"pixels".into(), &1.into())
    );
    assert!(
        one["unit"]
            .as_str()
            .is_some_and(|unit| unit.contains("density"))
    );
    // Ten classes are not one cloud, and what was held out shows it as well.
    for part in ["/log_likelihood/mean", "/log_likelihood_held_out/mean"] {
        assert!(number(&eight, part) > number(&one, part) + 5.0, "{part}");
    }
    // Of few items it learns what holds for those alone.
    let few = command("8", "digits:200");
    let seen = number(&few, "/log_likelihood/mean");
    assert!(seen > number(&few, "/log_likelihood_held_out/mean") + 50.0);
    let weights: f64 = (0..8)
        .map(|i| number(&eight, &format!("/weights/{i}")))
        .sum();
    assert!((weights - 1.0).abs() < 1e-9);
    let answers = eight["answering"].as_array().expect("items");
    assert!(
        answers.len() > 5
            && answers
                .iter()
                .all(|item| number(item, "/components/0/share") > 0.1)
    );
    let samples = image::open(&out).expect("a picture");
    assert!(samples.width() >= 3 * 28);
    let components = image::open(&page).expect("a picture");
    assert!(components.width() >= 9 * 28 && components.height() >= 9 * 28);
    // The same seed gives the same figures; without --test a tenth is held out.
    let again = command("8", "digits:1500");
    assert_eq!(again["log_likelihood"], eight["log_likelihood"]);
    let split = json(&[
        "mixture",
        "--data",
        "creatures:200",
        "--dims",
        "5",
        "--components",
        "2",
    ]);
    assert_eq!(
        (&split["n_train"], &split["n_held_out"]),
        (&180.into(), &20.into())
    );
}

#[test]
fn a_mixture_over_codes_draws_pictures_that_the_model_decodes() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "2");
    let out = folder.path().join("samples.png");
    let arguments = [
        "mixture",
        "--data",
        "digits:600",
        "--components",
        "3",
        "--count",
        "4",
    ];
    let found = json(
        &[
            &arguments[..],
            &["--model", text(&model), "--out", text(&out)],
        ]
        .concat(),
    );
    assert_eq!(
        (&found["space"], &found["dims"]),
        (&"codes".into(), &4.into())
    );
    assert!(number(&found, "/log_likelihood_held_out/mean").is_finite());
    assert!(found["reseeded"].is_u64() && found["collapsed"].is_u64());
    assert!(image::open(&out).is_ok());
}

#[test]
fn a_mixture_that_is_left_off_goes_on_to_the_same_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let file = |name: &str| folder.path().join(name);
    let read = |name: &str| std::fs::read(file(name)).expect("a mixture");
    let pixels = ["mixture", "--data", "digits:400"];
    let codes = [&pixels[..], &["--model", text(&model)]].concat();
    for (of, new) in [
        (&pixels[..], &["--components", "4", "--dims", "8"][..]),
        (&codes, &["--components", "4"]),
    ] {
        let [whole, part] = ["whole.safetensors", "part.safetensors"].map(file);
        let found = json(&[of, new, &["--save", text(&whole)]].concat());
        assert_eq!(found["settled"], true);
        let left_off = [of, new, &["--steps", "2", "--save", text(&part)]].concat();
        let left_off = json(&left_off);
        assert_eq!(
            (&left_off["settled"], &left_off["steps"]),
            (&false.into(), &2.into())
        );
        assert!(read("whole.safetensors") != read("part.safetensors"));
        assert_eq!(left_off["bic"], Value::Null);
        let aside = file("aside.safetensors");
        let aside = ["--resume", text(&part), "--save", text(&aside)];
        json(&[of, &aside].concat());
        assert!(read("aside.safetensors") == read("whole.safetensors"));
        let gone_on = json(&[of, &["--resume", text(&part)]].concat());
        assert_eq!(gone_on["log_likelihood"], found["log_likelihood"]);
        assert!(read("whole.safetensors") == read("part.safetensors"));
        // Killed as soon as there is a file.
        let killed = file("killed.safetensors");
        let mut child = start(&[of, new, &["--save", text(&killed)]].concat());
        let since = Instant::now();
        while !killed.exists() {
            assert!(since.elapsed() < Duration::from_mins(1), "no file");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("it was running");
        child.wait().expect("it ends");
        json(&[of, &["--resume", text(&killed)]].concat());
        assert!(read("killed.safetensors") == read("whole.safetensors"));
        std::fs::remove_file(&killed).expect("a file");
    }
}

#[test]
fn a_mixture_that_was_written_judges_and_draws_without_a_fit() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let file = folder.path().join("m.safetensors");
    let pages = ["a.png", "b.png"].map(|name| folder.path().join(name));
    let fitted = ["mixture", "--data", "digits:300", "--components", "3"];
    let out = |page: usize| ["--count", "5", "--out", text(&pages[page])];
    let same = || {
        let [a, b] = [0, 1].map(|page| std::fs::read(&pages[page]).expect("a picture"));
        assert!(a == b, "other samples");
    };
    let load = ["mixture", "--load", text(&file)];
    let new = json(
        &[
            &fitted[..],
            &["--dims", "8", "--save", text(&file)],
            &out(0),
        ]
        .concat(),
    );
    // Samples need no data; the figures are those of the fit where the data are those.
    let alone = json(&[&load[..], &out(1)].concat());
    same();
    assert!(alone["log_likelihood"].is_null());
    assert_eq!(alone["weights"], new["weights"]);
    let again = json(&[&load[..], &["--data", "digits:300"]].concat());
    for figure in ["log_likelihood", "log_likelihood_held_out", "n_held_out"] {
        assert_eq!(again[figure], new[figure], "{figure}");
    }
    let others = json(&[&load[..], &["--data", "digits:test:50"]].concat());
    assert!(others["log_likelihood"].is_null());
    assert!(number(&others, "/log_likelihood_data/mean").is_finite());
    assert_eq!(others["n_data"], 50);
    let strange = failure(&[&load[..], &["--data", "creatures:50"]].concat(), 2);
    assert!(strange.contains("20×20×3"), "{strange}");
    let needless = failure(&[&load[..], &["--model", text(&model)]].concat(), 2);
    assert!(needless.contains("needs no --model"), "{needless}");
    let resume = ["mixture", "--data", "digits:299", "--resume", text(&file)];
    let whole = std::fs::read(&file).expect("a mixture");
    let strange = failure(&resume, 1);
    assert!(strange.contains("300 items"), "{strange}");
    assert!(std::fs::read(&file).expect("a mixture") == whole);
    // Over codes it needs the model.
    let of = ["--model", text(&model)];
    json(&[&fitted[..], &of, &["--save", text(&file)], &out(0)].concat());
    json(&[&load[..], &of, &out(1)].concat());
    same();
    let missing = failure(&[&load[..], &out(1)].concat(), 2);
    assert!(missing.contains("codes of tiny"), "{missing}");
    let none = failure(&["mixture", "--load", text(&model)], 1);
    assert!(none.contains("no mixture"), "{none}");
    failure(&["mixture"], 2);
}

#[test]
fn a_mixture_that_cannot_be_is_refused() {
    fn of<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["mixture", "--data", "digits:50"], more].concat()
    }
    assert!(failure(&of(&["--components", "0"]), 2).contains("at least one"));
    assert!(failure(&of(&["--dims", "0"]), 2).contains("at least one"));
    assert!(failure(&of(&["--count", "0"]), 2).contains("1 to 10000"));
    let vast = failure(&of(&["--components", "100000", "--dims", "700"]), 2);
    assert!(vast.contains("fewer"));
    failure(&of(&["--model", "x.safetensors", "--dims", "3"]), 2);
    let other = failure(&of(&["--dims", "3", "--test", "creatures:20"]), 2);
    assert!(
        other.contains("28×28×1") && other.contains("20×20×3"),
        "{other}"
    );
}
