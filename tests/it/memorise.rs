//! `morphospace memorise`: what a model copies, on built-in data.

use std::path::{Path, PathBuf};

use std::time::{Duration, Instant};

use morphospace::engine::{
    DeviceChoice, Engine, EngineOptions, Event, LEAVING_OUT, Request, Session,
};
use morphospace::model::{Preset, TrainConfig};
use serde_json::Value;

use crate::command_line::{failure, json, text, tiny};

/// A model of few digits, trained until it knows them by heart.
fn overfit(folder: &Path) -> PathBuf {
    let model = folder.join("overfit.safetensors");
    json(&[
        "train",
        "--data",
        "digits:60",
        "--preset",
        "tiny",
        "--latent",
        "16",
        "--beta",
        "0.05",
        "--epochs",
        "800",
        "--out",
        text(&model),
    ]);
    model
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn a_model_that_knows_its_items_by_heart_gives_them_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.png");
    let by_heart = overfit(folder.path());
    let measure = |model: &Path, data: &str| {
        json(&[
            "memorise",
            "--model",
            text(model),
            "--data",
            data,
            "--held-out",
            "digits:test:500",
            "--samples",
            "300",
            "--out",
            text(&page),
        ])
    };
    let copied = measure(&by_heart, "digits:60");
    assert!(page.is_file());
    let loose = measure(&tiny(folder.path(), "5"), "digits:600");
    for found in [&copied, &loose] {
        assert_eq!(found["held_out"], serde_json::json!([500, 500]));
        for space in ["pixels", "codes"] {
            let space = &found[space];
            assert_eq!(number(&space["expected"]), 0.01);
            assert!(number(&space["quantile"]) > 0.0);
            let below = &space["samples_below"];
            let (low, mean, high) = (&below["low"], &below["mean"], &below["high"]);
            assert!(number(low) <= number(mean) && number(mean) <= number(high));
            let bins = space["histogram"]["samples"].as_array().expect("bins");
            assert_eq!(bins.iter().filter_map(Value::as_u64).sum::<u64>(), 300);
        }
    }
    // Fifty-seven of sixty were trained on, and reconstructed: these are told apart from one another.
    assert_eq!(copied["train"], 57);
    assert_eq!(copied["reconstructions"], 57);
    let own = |found: &Value| number(&found["pixels"]["finds_own"]["mean"]);
    assert!(own(&copied) > 0.9, "{}", own(&copied));
    assert!(own(&copied) > own(&loose));
    let close = |found: &Value| number(&found["pixels"]["reconstructions_below"]["mean"]);
    assert!(close(&copied) > 0.5, "{}", close(&copied));
    // What is told of single samples is in order, and agrees with the figures.
    let closest = copied["closest_samples"].as_array().expect("a list");
    let distances: Vec<f64> = closest
        .iter()
        .map(|c| number(&c["pixel_distance"]))
        .collect();
    assert!(distances.windows(2).all(|pair| pair[0] <= pair[1]));
}

#[test]
fn leaving_a_fold_out_tells_what_each_item_owes_to_being_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let scores = folder.path().join("scores.csv");
    let model = overfit(folder.path());
    let arguments = [
        "memorise",
        "--model",
        text(&model),
        "--data",
        "digits:60",
        "--samples",
        "20",
        "--folds",
        "3",
        "--epochs",
        "150",
        "--scores",
        text(&scores),
    ];
    let found = json(&arguments);
    // Three held-out items reach no lower than a quarter.
    assert_eq!(found["held_out"], serde_json::json!([3, 3]));
    assert_eq!(number(&found["pixels"]["expected"]), 0.25);
    let folds = &found["leave_fold_out"];
    assert_eq!(
        (&folds["folds"], &folds["epochs"]),
        (&3.into(), &150.into())
    );
    assert!(number(&folds["mean"]["low"]) > 0.0, "{folds}");
    let table = std::fs::read_to_string(&scores).expect("a table");
    let rows: Vec<Vec<f64>> = table
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',')
                .map(|x| x.parse().expect("a number"))
                .collect()
        })
        .collect();
    assert_eq!(rows.len(), 57);
    let highest = rows.iter().map(|row| row[4]).fold(f64::MIN, f64::max);
    let told = number(&folds["highest"][0]["score"]);
    assert!((highest - told).abs() < 1e-3 * told.abs());
    // The same once more, to the last digit.
    let again = json(&arguments);
    assert_eq!(again["leave_fold_out"], found["leave_fold_out"]);
    assert_eq!(again["pixels"], found["pixels"]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let model = text(&model);
    let other = ["memorise", "--model", model, "--data", "digits:500"];
    let message = failure(&other, 1);
    assert!(
        message.contains("digits:600") && message.contains("--held-out"),
        "{message}"
    );
    // With pictures held out by hand all of the data counts as trained on.
    let with = [
        &other[..],
        &["--held-out", "digits:test:50", "--samples", "10"],
    ]
    .concat();
    let found = json(&with);
    assert_eq!(found["train"], 500);
    assert!(
        found["note"]
            .as_str()
            .is_some_and(|n| n.contains("digits:600"))
    );
    for (arguments, part) in [
        (&["--samples", "0"][..], "samples"),
        (&["--folds", "1"][..], "folds"),
    ] {
        let own = ["memorise", "--model", model, "--data", "digits:600"];
        let message = failure(&[&own[..], arguments].concat(), 2);
        assert!(message.contains(part), "{message}");
    }
    let whole = folder.path().join("whole.safetensors");
    json(&[
        "train",
        "--data",
        "digits:200",
        "--preset",
        "mnist-dense",
        "--epochs",
        "1",
        "--out",
        text(&whole),
    ]);
    let all = ["memorise", "--model", text(&whole), "--data", "digits:200"];
    let message = failure(&all, 1);
    assert!(message.contains("nothing was held out"), "{message}");

    let bits = folder.path().join("bits.safetensors");
    json(&[
        "train",
        "--data",
        "digits:200",
        "--preset",
        "hash-28",
        "--epochs",
        "1",
        "--out",
        text(&bits),
    ]);
    let own = ["memorise", "--model", text(&bits), "--data", "digits:200"];
    let message = failure(&[&own[..], &["--folds", "2"]].concat(), 1);
    assert!(message.contains("posterior"), "{message}");
    // What needs no likelihood is measured of bits as well.
    let found = json(&[&own[..], &["--samples", "20"]].concat());
    assert_eq!(found["samples"], 20);
}

/// Waits for the event that `wanted` makes something of; a failure is none that is waited for.
fn wait<T>(engine: &Engine, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < Duration::from_mins(2) {
        if let Some(found) = engine.wait().map(&mut wanted).expect("the engine lives") {
            return found;
        }
    }
    panic!("no {what} came");
}

fn session(event: Event, is_wanted: impl Fn(&Session) -> bool) -> Option<()> {
    match event {
        Event::Session(session) => is_wanted(&session).then_some(()),
        Event::Failed(error) => panic!("{error}"),
        _ => None,
    }
}

#[test]
fn folds_are_left_out_beside_live_requests_and_given_up_at_once() {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        seed: 1,
    };
    let engine = Engine::start(options, || {});
    engine.request(Request::OpenData("digits:200".parse().expect("a source")));
    wait(&engine, "the data", |event| {
        session(event, |s| s.dataset.is_some() && s.is_encoded)
    });
    let ask = || {
        engine.request(Request::Memorise {
            samples: 30,
            seed: 1,
            held_out: None,
        });
    };
    // The shipped model was trained on other digits.
    ask();
    wait(&engine, "a refusal", |event| match event {
        Event::Failed(error) => {
            assert!(error.to_string().contains("trained on"), "{error}");
            Some(())
        }
        _ => None,
    });
    let shape = morphospace::data::ImageShape::new(28, 28, 1);
    let train = || {
        engine.request(Request::Train {
            spec: Preset::Tiny.spec(shape),
            config: TrainConfig {
                epochs: 2,
                ..Preset::Tiny.training(shape)
            },
            from_model: false,
        });
        wait(&engine, "the codes", |event| {
            session(event, |s| s.is_encoded && s.is_trained_on)
        });
    };
    train();
    ask();
    wait(&engine, "the figures", |event| {
        session(event, |s| {
            s.memorised
                .as_ref()
                .is_some_and(|m| m.figures.samples == 30 && m.figures.held_out == [10, 10])
        })
    });
    // More than anyone waits for: pictures are decoded meanwhile, and the end comes when it is asked for.
    engine.request(Request::LeaveFoldOut {
        folds: 5,
        epochs: 100_000,
    });
    wait(&engine, "progress", |event| match event {
        Event::Progress { what, .. } => (what == LEAVING_OUT).then_some(()),
        _ => None,
    });
    for generation in 1..=20 {
        engine.decode(generation, vec![0.1 * generation as f32; 4]);
        let start = Instant::now();
        wait(&engine, "a picture", |event| match event {
            Event::Decoded { generation: g, .. } => (g == generation).then_some(()),
            _ => None,
        });
        assert!(start.elapsed() < Duration::from_secs(2));
    }
    engine.request(Request::Cancel);
    wait(&engine, "the end", |event| match event {
        Event::ProgressEnded { what } => (what == LEAVING_OUT).then_some(()),
        Event::Failed(error) => panic!("{error}"),
        _ => None,
    });
    engine.request(Request::LeaveFoldOut {
        folds: 2,
        epochs: 3,
    });
    wait(&engine, "the scores", |event| {
        session(event, |s| {
            s.left_out
                .as_ref()
                .is_some_and(|l| l.order.len() == 190 && l.epochs == 3)
        })
    });
    // What was found of a model is gone with it.
    engine.request(Request::Train {
        spec: Preset::Tiny.spec(shape),
        config: TrainConfig {
            epochs: 1,
            ..Preset::Tiny.training(shape)
        },
        from_model: false,
    });
    wait(&engine, "another model", |event| {
        session(event, |s| s.memorised.is_none() && s.left_out.is_none())
    });
}
