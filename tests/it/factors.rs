//! `morphospace factors`: codes against known factors, on built-in data.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use morphospace::data::DatasetSource;
use morphospace::engine::{DeviceChoice, Engine, EngineOptions, Event, MEASURING_FACTORS, Request};
use serde_json::Value;

use crate::command_line::{failure, json, text, tiny};

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn rows(matrix: &Value) -> Vec<Vec<f64>> {
    let row = |row: &Value| row.as_array().map(|row| row.iter().map(number).collect());
    let rows = matrix.as_array().expect("rows").iter().map(row);
    rows.collect::<Option<_>>().expect("numbers")
}

#[test]
fn digits_are_measured_against_their_factors_and_their_class() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("factors.csv");
    let arguments = |data, more: &[&'static str]| {
        let common = ["factors", "--data", data, "--model", "digits"];
        [&common, more].concat()
    };
    let with_csv = [arguments("digits:2000", &["--csv"]), vec![text(&csv)]].concat();
    let found = json(&with_csv);
    let names: Vec<&str> = found["names"]
        .as_array()
        .expect("names")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(names.len(), 10);
    assert_eq!((names[1], names[9]), ("Slant", "Class"));
    assert_eq!(found["are_classes"][9], true);
    let nats = rows(&found["information"]["nats"]);
    let (n, d) = (nats.len(), nats[0].len());
    assert_eq!((n, found["items"].as_u64()), (10, Some(2000)));
    // No dimension tells more of a factor than there is to know: the class has ln 10 nats.
    let entropy = rows(&serde_json::json!([found["information"]["entropy"]]));
    assert!((entropy[0][9] - 10.0_f64.ln()).abs() < 1e-9);
    for (row, entropy) in nats.iter().zip(&entropy[0]) {
        assert!(row.iter().all(|nats| (0.0..=*entropy).contains(nats)));
    }
    // The gap is that of the printed matrix.
    let gap = |factor: usize| {
        let mut row = nats[factor].clone();
        row.sort_by(|a, b| b.total_cmp(a));
        (row[0] - row[1]) / entropy[0][factor]
    };
    let mig = (0..n).map(gap).sum::<f64>() / n as f64;
    assert!((mig - number(&found["information"]["mig"])).abs() < 1e-9);
    for score in [
        &found["importance"]["disentanglement"],
        &found["importance"]["completeness"],
        &found["importance"]["informativeness"],
        &found["predictability"]["sap"],
        &found["votes"]["score"],
    ] {
        assert!((0.0..=1.0).contains(&number(score)), "{score}");
    }
    // The shipped model's code tells the slant, and the class.
    assert!(number(&found["importance"]["foretold"][1]) > 0.5);
    assert!(number(&found["importance"]["foretold"][9]) > 0.7);
    let table = std::fs::read_to_string(&csv).expect("a table");
    assert_eq!(table.lines().count(), 1 + n * d);
    assert!(
        table
            .lines()
            .nth(1)
            .is_some_and(|row| row.starts_with("Style,0,"))
    );

    // The same once more, to the last digit, and others by another seed.
    let mut again = json(&arguments("digits:2000", &[]));
    again["secs"] = found["secs"].clone();
    assert_eq!(again, found);
    let few = json(&arguments("digits:60", &["--bins", "5"]));
    assert_eq!(
        (few["bins"].as_u64(), &few["votes"]),
        (Some(5), &Value::Null)
    );
}

/// Random pictures with a table, whose first pixel is its first column.
fn made(folder: &Path, items: usize, columns: &str, row: impl Fn(usize) -> String) -> String {
    let path = folder.join("made.bin");
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels: Vec<u8> = (0..items * 784).map(|_| next()).collect();
    std::fs::write(&path, pixels).expect("written");
    if !columns.is_empty() {
        let mut table = format!("{columns}\n");
        for item in 0..items {
            writeln!(table, "{}", row(item)).expect("a string takes it");
        }
        std::fs::write(folder.join("made.csv"), table).expect("written");
    }
    format!("{}:28x28", text(&path))
}

#[test]
fn columns_of_a_table_are_factors_and_what_never_changes_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let data = made(folder.path(), 120, "age,hair,note,planet", |item| {
        let age = if item == 3 {
            String::new()
        } else {
            (item * 7 % 50).to_string()
        };
        format!("{age},{},note {item},1", ["red", "grey"][item % 2])
    });
    let arguments = ["factors", "--data", &data, "--model", text(&model)];
    let found = json(&arguments);
    assert_eq!(found["names"], serde_json::json!(["age", "hair"]));
    assert_eq!(found["are_classes"], serde_json::json!([false, true]));
    assert_eq!(found["left_out"][0]["name"], "planet");
    let reason = found["left_out"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("same in all items"), "{reason}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let model = text(&model);
    let bare = made(folder.path(), 40, "", |_| String::new());
    let message = failure(&["factors", "--data", &bare, "--model", model], 2);
    assert!(
        message.contains("nothing is known") && message.contains("faces, digits"),
        "{message}"
    );
    let same = made(folder.path(), 40, "planet,moon", |item| {
        format!("1,{}", item / 99)
    });
    let message = failure(&["factors", "--data", &same, "--model", model], 2);
    assert!(
        message.contains("planet: it is the same in all items"),
        "{message}"
    );
    let digits = ["factors", "--data", "digits:40", "--model", model];
    let message = failure(&[&digits[..], &["--bins", "1"]].concat(), 2);
    assert!(message.contains("between 2 and 1000"), "{message}");
    let nowhere = folder.path().join("nowhere/a.csv");
    let message = failure(&[&digits[..], &["--csv", text(&nowhere)]].concat(), 1);
    assert!(message.contains("nowhere"), "{message}");
    let message = failure(&["factors", "--data", "faces:40", "--model", model], 1);
    assert!(message.contains("28×28×1"), "{message}");
}

/// Waits for the event that `wanted` makes something of.
fn wait<T>(engine: &Engine, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < Duration::from_mins(2) {
        if let Some(found) = engine.wait().map(&mut wanted).expect("the engine lives") {
            return found;
        }
    }
    panic!("no {what} came");
}

#[test]
fn the_engine_finds_what_the_command_line_does_and_gives_up_at_once() {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        seed: 1,
    };
    let engine = Engine::start(options, || {});
    let source = |text: &str| -> DatasetSource { text.parse().expect("a source") };
    let ask = || engine.request(Request::MeasureFactors { bins: 20, seed: 1 });
    ask();
    wait(&engine, "a refusal", |event| match event {
        Event::Failed(error) => {
            assert!(error.to_string().contains("open data"), "{error}");
            Some(())
        }
        _ => None,
    });
    engine.request(Request::OpenData(source("digits:700")));
    wait(&engine, "the codes", |event| match event {
        Event::Session(session) => session.is_encoded.then_some(()),
        _ => None,
    });
    ask();
    wait(&engine, "progress", |event| match event {
        Event::Progress { what, .. } => (what == MEASURING_FACTORS).then_some(()),
        _ => None,
    });
    engine.request(Request::Cancel);
    wait(&engine, "the end", |event| match event {
        Event::ProgressEnded { what } => (what == MEASURING_FACTORS).then_some(()),
        _ => None,
    });
    ask();
    let found = wait(&engine, "the figures", |event| match event {
        Event::Session(session) => session.factors.clone(),
        Event::Failed(error) => panic!("{error}"),
        _ => None,
    });
    let told = json(&["factors", "--data", "digits:700", "--model", "digits"]);
    assert_eq!(found.names.len(), 10);
    let same = |told: &Value, found: f64| assert!((number(told) - found).abs() < 1e-5, "{told}");
    same(&told["information"]["mig"], found.information.mig);
    same(
        &told["importance"]["completeness"],
        found.importance.completeness,
    );
    same(&told["predictability"]["sap"], found.predictability.sap);
    // Other data, other figures.
    engine.request(Request::OpenData(source("digits:test:300")));
    wait(&engine, "other codes", |event| match event {
        Event::Session(session) => {
            let is_other = session.dataset.as_ref().is_some_and(|d| d.len() == 300);
            assert!(!is_other || session.factors.is_none());
            (is_other && session.is_encoded).then_some(())
        }
        _ => None,
    });
}
