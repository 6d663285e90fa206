//! `morphospace classify`: classes with and without pre-training, on built-in digits.

use serde_json::{Value, json as object};

use crate::command_line::{failure, json, start, text};

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// A small network, so that it takes seconds.
const SMALL: [&str; 8] = [
    "--hidden",
    "32,16",
    "--epochs",
    "2",
    "--pretrain-epochs",
    "2",
    "--batch",
    "20",
];

fn classify(data: &str, more: &[&str]) -> Value {
    let own = ["classify", "--data", data, "--test", "digits:test:300"];
    json(&[&own[..], &SMALL[..], more].concat())
}

#[test]
fn every_budget_is_trained_with_and_without_pretraining_and_the_largest_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("digits.safetensors");
    let more = ["--labels", "all,50", "--seeds", "2", "--out", text(&file)];
    let found = classify("digits:1200", &more);
    assert_eq!(
        (&found["n_train"], &found["n_validation"], &found["n_test"]),
        (&1100.into(), &100.into(), &300.into())
    );
    assert!(number(&found["estimated_secs"]) > 0.0);
    let budgets = found["budgets"].as_array().expect("budgets");
    let labels: Vec<&Value> = budgets.iter().map(|budget| &budget["labels"]).collect();
    assert_eq!(labels, [1100, 50]);
    for budget in budgets {
        assert_eq!(budget["over"], "seeds");
        let mean = |arm: &str| {
            let errors = budget[arm]["test"].as_array().expect("errors");
            assert_eq!(errors.len(), 2);
            let mean = errors.iter().map(number).sum::<f64>() / 2.0;
            assert!((mean - number(&budget[arm]["test_mean"])).abs() < 1e-12);
            mean
        };
        let gain: Vec<f64> = budget["gain"]
            .as_array()
            .expect("a gain")
            .iter()
            .map(number)
            .collect();
        assert!((mean("random") - mean("pretrained") - gain[0]).abs() < 1e-12);
        assert!(gain[1] <= gain[0] && gain[0] <= gain[2]);
    }
    // Digits are learnt, and better with more labels.
    for arm in ["random", "pretrained"] {
        let error = |at: usize| number(&budgets[at][arm]["test_mean"]);
        assert!(error(0) < 0.1 && error(0) < error(1), "{budgets:?}");
        assert!(error(1) < 0.5, "{budgets:?}");
    }

    // What was kept is the first seed's, and says the same.
    let judged = json(&[
        "classify",
        "--model",
        text(&file),
        "--test",
        "digits:test:300",
    ]);
    assert_eq!(judged["n"], 300);
    assert_eq!(judged["error"], budgets[0]["pretrained"]["test"][0]);
    assert_eq!(judged["plan"]["hidden"], object!([32, 16]));
    assert_eq!(judged["plan"]["pretraining"]["teacher"], "auto-encoder");
    // The same once more, to the last digit; one seed alone is the first of two.
    let again = classify(
        "digits:1200",
        &["--labels", "50", "--pretrain", "auto-encoder"],
    );
    let again = &again["budgets"][0];
    assert_eq!(again["over"], "test_items");
    for arm in ["random", "pretrained"] {
        assert_eq!(again[arm]["test"][0], budgets[1][arm]["test"][0]);
    }
}

#[test]
fn a_comparison_that_is_interrupted_goes_on_and_comes_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("digits.safetensors");
    let more = ["--labels", "50,all", "--seeds", "2", "--out", text(&file)];
    // A sixth of the items is kept out to count errors on.
    let own = ["classify", "--data", "digits:600"];
    let all = [&own[..], &SMALL[..], &more[..]].concat();
    let whole = json(&all);
    assert_eq!(
        (&whole["n_train"], &whole["n_validation"], &whole["n_test"]),
        (&459.into(), &41.into(), &100.into())
    );
    std::fs::remove_file(&file).expect("removed");
    let mut begun = start(&all);
    let since = std::time::Instant::now();
    while !file.exists() && since.elapsed().as_secs() < 120 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // Wherever it is by now: what is on the disk is whole.
    begun.kill().expect("killed");
    begun.wait().expect("it ended");
    let resumed = json(&[&own[..], &["--resume", text(&file)]].concat());
    for part in ["n_train", "n_test", "plan", "seeds", "budgets"] {
        assert_eq!(resumed[part], whole[part], "{part}");
    }
    let judged = [
        "classify",
        "--model",
        text(&file),
        "--test",
        "digits:test:50",
    ];
    assert_eq!(json(&judged)["n"], 50);
    // Once more there is nothing left to do; other data are refused.
    let again = json(&[&own[..], &["--resume", text(&file)]].concat());
    assert_eq!(again["budgets"], whole["budgets"]);
    let other = ["classify", "--data", "digits:500", "--resume", text(&file)];
    let message = failure(&other, 1);
    assert!(
        message.contains("not what the comparison began with"),
        "{message}"
    );
    let model = crate::command_line::tiny(folder.path(), "1");
    let message = failure(&[&own[..], &["--resume", text(&model)]].concat(), 1);
    assert!(message.contains("no comparison"), "{message}");
}

#[test]
fn boltzmann_machines_teach_as_well() {
    // Their weights begin small and need longer.
    let found = json(&[
        "classify",
        "--data",
        "digits:600",
        "--test",
        "digits:test:300",
        "--hidden",
        "32",
        "--epochs",
        "2",
        "--pretrain",
        "boltzmann",
        "--pretrain-epochs",
        "20",
        "--batch",
        "20",
    ]);
    // Without --labels as many as the data has more of, and all.
    let budgets = found["budgets"].as_array().expect("budgets");
    let labels: Vec<&Value> = budgets.iter().map(|budget| &budget["labels"]).collect();
    let labels: Vec<u64> = labels.iter().filter_map(|labels| labels.as_u64()).collect();
    assert_eq!(labels, [100, 550]);
    for budget in budgets {
        assert!(number(&budget["pretrained"]["test_mean"]) < 0.4, "{budget}");
    }
}

#[test]
fn corrupted_pictures_are_learnt_from_with_and_without_pretraining() {
    let more = ["--labels", "all", "--corrupt", "masking:0.2"];
    let found = classify("digits:1200", &more);
    assert_eq!(found["plan"]["corruption"][0], "masking");
    let plain = classify("digits:1200", &["--labels", "all"]);
    assert_eq!(plain["plan"]["corruption"], Value::Null);
    for arm in ["random", "pretrained"] {
        let error = |found: &Value| number(&found["budgets"][0][arm]["test_mean"]);
        assert!(error(&found) < 0.15, "{found}");
        let validation = |found: &Value| found["budgets"][0][arm].clone();
        assert_ne!(validation(&found), validation(&plain));
    }
}

#[test]
fn what_cannot_be_classified_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = [
        "classify",
        "--data",
        "digits:240",
        "--test",
        "digits:test:50",
    ];
    for (more, part) in [
        (&["--labels", "221"][..], "only 220 items"),
        (&["--labels", "0"][..], "at least 1"),
        (&["--labels", "few"][..], "few is no number"),
        (&["--seeds", "0"][..], "seeds"),
        (&["--hidden", "9000"][..], "8192"),
        (
            &["--unit", "rectified", "--pretrain", "boltzmann"][..],
            "logistic",
        ),
        (&["--pretrain-epochs", "0"][..], "epochs"),
        (&["--corrupt", "masking:1"][..], "below 1"),
        (&["--corrupt", "rain:0.2"][..], "no corruption rain"),
    ] {
        let status = if part == "8192" { 1 } else { 2 };
        let message = failure(&[&own[..], more].concat(), status);
        assert!(message.contains(part), "{message}");
    }
    let pictures = ["classify", "--data", "faces:40", "--test", "faces:test:20"];
    let message = failure(&pictures, 2);
    assert!(message.contains("no labels"), "{message}");
    let other = [
        "classify",
        "--data",
        "digits:240",
        "--test",
        "creatures:test:40",
    ];
    let message = failure(&other, 1);
    assert!(message.contains("28×28"), "{message}");
    // A model of another kind is none that tells classes.
    let model = crate::command_line::tiny(folder.path(), "1");
    let message = failure(
        &[
            "classify",
            "--model",
            text(&model),
            "--test",
            "digits:test:50",
        ],
        1,
    );
    assert!(
        message.contains("no classifier") && message.contains("tiny.safetensors"),
        "{message}"
    );
}
