//! A mixture of Gaussians over pictures and over codes, from the shell.

use crate::command_line::{failure, json, text, tiny};
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
