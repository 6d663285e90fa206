//! What a million pictures need: files that are mapped, encoding that goes on, and the approximate index.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use morphospace::data::DatasetSource;
use morphospace::engine::{
    DeviceChoice, Engine, EngineOptions, Event, Query, Request, Search, Session,
};
use morphospace::progress::Progress;
use morphospace::retrieval::Space;

use super::command_line::{failure, json, text, tiny};

/// The header of an array of bytes.
fn header(dims: &str) -> Vec<u8> {
    let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {dims}, }}");
    let mut header = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    header.extend(format!("{text:<117}\n").bytes());
    header
}

fn load(source: &str) -> morphospace::Result<morphospace::data::Dataset> {
    let source: DatasetSource = source.parse()?;
    source.load(1, &Progress::silent())
}

#[test]
fn a_large_array_is_mapped_and_a_cut_one_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.npy");
    let (n, size) = (100_000_u64, 32 * 32 * 3);
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(&header("(100000, 32, 32, 3)"))
        .expect("a header");
    // Nothing but the first and the last picture takes room on the disk.
    file.write_all(&[200; 7]).expect("pixels");
    file.set_len(128 + n * size).expect("room");
    file.seek(SeekFrom::End(-5)).expect("a place");
    file.write_all(&[1, 2, 3, 4, 5]).expect("pixels");
    drop(file);

    let set = load(text(&path)).expect("a set");
    assert!(set.is_mapped());
    assert_eq!(
        (set.len(), set.shape().to_string().as_str()),
        (100_000, "32×32×3")
    );
    assert_eq!(set.pixels(0)[..8], [200, 200, 200, 200, 200, 200, 200, 0]);
    assert_eq!(set.pixels(99_999)[3067..], [1, 2, 3, 4, 5]);
    let runs: Vec<_> = set
        .blocks()
        .map(|(ids, bytes)| (ids, bytes.len()))
        .collect();
    assert!(
        runs.iter()
            .all(|(ids, bytes)| ids.len() * 3072 == *bytes && *bytes <= 4 << 20)
    );
    assert_eq!(
        runs.iter().map(|(ids, _)| ids.len()).sum::<usize>(),
        100_000
    );
    set.check_unchanged().expect("nobody touched it");
    let copied = set.copied(99_998..100_000).expect("a copy");
    assert_eq!(copied[..3072], *set.pixels(99_998));
    assert_eq!(copied[3072..], *set.pixels(99_999));

    let raw = format!("{}:32x32x3", text(&path));
    assert!(load(&raw).is_ok_and(|set| set.is_mapped() && set.len() == 100_000));
    let few = load(&format!("{}:10", text(&path))).expect("a few");
    assert!(!few.is_mapped() && few.len() == 10);
    assert_eq!(few.pixels(0), set.pixels(0));

    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("the file");
    file.set_len(128 + n * size - 1).expect("cut");
    // What is at work on a batch at this moment reads what is left, and is told of the rest.
    assert!(set.copied(0..2).is_ok());
    assert!(set.copied(99_998..100_000).is_err_and(|e| e.is_file()));
    let error = set.check_unchanged().expect_err("it was cut").to_string();
    assert!(error.contains("has changed"), "{error}");
    drop(set);
    let error = load(text(&path)).expect_err("it is cut").to_string();
    assert!(error.contains("cut off"), "{error}");
}

#[test]
fn encoding_goes_on_where_it_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = tiny(folder.path(), "1");
    let at = |name: &str| folder.path().join(name);
    let encode = |out: &Path, posterior: &Path, data: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_morphospace"));
        command.args(["encode", "--model", text(&model), "--data", data]);
        command.args(["--out", text(out), "--posterior", text(posterior)]);
        command.args(["--json", "--quiet", "--device", "cpu"]);
        command.stdout(Stdio::piped());
        command
    };
    let (whole, whole_posterior) = (at("whole.npy"), at("whole-posterior.npy"));
    let done = encode(&whole, &whole_posterior, "digits:30000")
        .output()
        .expect("it runs");
    assert!(done.status.success());

    let (out, posterior) = (at("codes.npy"), at("posterior.npy"));
    let mut stopped = encode(&out, &posterior, "digits:30000")
        .spawn()
        .expect("it starts");
    let note = at("codes.npy.part.json");
    let start = Instant::now();
    while !note.exists() && start.elapsed() < Duration::from_mins(2) {
        std::thread::sleep(Duration::from_millis(2));
    }
    stopped.kill().expect("it is killed");
    stopped.wait().expect("it ends");
    assert!(note.exists() && !out.exists(), "half of it is no result");

    let done = encode(&out, &posterior, "digits:30000")
        .output()
        .expect("it runs");
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert!(said["resumed_at"].as_u64() >= Some(4096), "{said}");
    let read = |path: &Path| std::fs::read(path).expect("a file");
    assert!(read(&out) == read(&whole) && read(&posterior) == read(&whole_posterior));
    assert!(!note.exists() && !at("codes.npy.part").exists());

    // A note about other data is not gone on from.
    std::fs::write(
        &note,
        r#"{"model":"1","data":"2","n":200,"code":2,"posterior":null,"done":100}"#,
    )
    .expect("a note");
    let done = encode(&out, &posterior, "digits:200")
        .output()
        .expect("it runs");
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(
        (said["resumed_at"].as_u64(), said["n"].as_u64()),
        (Some(0), Some(200))
    );
}

#[test]
fn an_index_is_built_kept_and_refused_when_codes_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("noise.npy");
    let mut bytes = header("(3000, 4, 4)");
    bytes.extend((0..48_000_u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as u8));
    std::fs::write(&path, bytes).expect("pictures");
    let codes_at = folder.path().join("codes.npy");
    let write_codes = |seed: u64| {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3000, 6), }";
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{text:<117}\n").bytes());
        let number = |i: u64| {
            let x = (i + seed)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .rotate_left(29);
            (x.wrapping_mul(0xD134_2543_DE82_EF95) >> 40) as f32 / 16_777_216.0
        };
        bytes.extend((0..18_000).flat_map(|i| number(i).to_le_bytes()));
        std::fs::write(&codes_at, bytes).expect("codes");
    };
    write_codes(1);
    let ids = folder.path().join("ids.npy");
    let arguments = |more: &[&'static str]| -> Vec<String> {
        let fixed = [
            "retrieve",
            "--data",
            text(&path),
            "--queries",
            text(&path),
            "--space",
            "code",
            "--codes",
            text(&codes_at),
            "--out",
            text(&ids),
        ];
        fixed
            .into_iter()
            .chain(more.iter().copied())
            .map(str::to_owned)
            .collect()
    };
    let ask = |more: &[&'static str]| {
        let arguments = arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        (json(&arguments), std::fs::read(&ids).expect("ids"))
    };
    let (said, exact) = ask(&[]);
    assert!(
        said["approximate"].is_null(),
        "exact without being asked: {said}"
    );
    let (built, found) = ask(&["--index", "f32"]);
    assert_eq!(built["approximate"], true);
    assert!(built["recall"].as_f64() > Some(0.95), "{built}");
    let same = found.iter().zip(&exact).filter(|(a, b)| a == b).count();
    assert!(same * 10 > exact.len() * 9, "{same} of {}", exact.len());
    let kept = folder.path().join("noise.npy.code.f32.usearch");
    assert!(
        kept.exists()
            && folder
                .path()
                .join("noise.npy.code.f32.usearch.json")
                .exists()
    );
    let (opened, again) = ask(&["--index", "f32"]);
    assert_eq!(
        opened["index_build_secs"], built["index_build_secs"],
        "it was not built again"
    );
    assert_eq!(again, found);

    write_codes(2);
    let refused = |more: &[&'static str], status| {
        let arguments = arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        failure(&arguments, status)
    };
    let error = refused(&["--index", "f32"], 1);
    assert!(
        error.contains("other rows") && error.contains("--rebuild-index"),
        "{error}"
    );
    assert_eq!(
        ask(&["--index", "f32", "--rebuild-index"]).0["approximate"],
        true
    );
    let whole = std::fs::read(&kept).expect("the index");
    std::fs::write(&kept, &whole[..whole.len() - 100]).expect("cut");
    assert!(refused(&["--index", "f32"], 1).contains("cut off"));
    assert!(refused(&["--index", "bits"], 2).contains("bits"));
    assert!(refused(&["--index", "f31"], 2).contains("f31"));
}

/// An array of `n` pictures of 256×256, mostly black, which takes little room on the disk, in `folder`.
pub(crate) fn large(folder: &Path, n: u64) -> PathBuf {
    let path = folder.join("large.npy");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(&header(&format!("({n}, 256, 256)")))
        .expect("a header");
    file.set_len(128 + n * 65_536).expect("room");
    for id in 0..n {
        // A bar of its own in each.
        file.seek(SeekFrom::Start(128 + id * 65_536 + id % 200 * 256))
            .expect("a place");
        file.write_all(&[(id % 251) as u8 + 1; 700])
            .expect("pixels");
    }
    path
}

fn engine() -> Engine {
    let device = DeviceChoice::Cpu;
    Engine::start(EngineOptions { device, seed: 1 }, || {})
}

/// Waits for an event that `wanted` makes something of.
fn wait<T>(engine: &Engine, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        assert!(
            start.elapsed() < Duration::from_mins(2),
            "waited in vain for {what}"
        );
        if let Some(event) = engine.poll() {
            if let Some(found) = wanted(event) {
                return found;
            }
        } else {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn the_window_s_encoding_of_a_mapped_file_goes_on_where_it_was_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (n, data) = (4_200, large(folder.path(), 4_200));
    let model = at("small.safetensors");
    let few = format!("{}:40", text(&data));
    json(&[
        "train",
        "--data",
        &few,
        "--preset",
        "tiny",
        "--epochs",
        "1",
        "--out",
        text(&model),
    ]);
    let (whole, log_variance) = (at("whole.npy"), at("whole-log-variance.npy"));
    json(&[
        "encode",
        "--data",
        text(&data),
        "--model",
        text(&model),
        "--out",
        text(&whole),
        "--posterior",
        text(&log_variance),
    ]);
    let source: DatasetSource = text(&data).parse().expect("a source");
    let open = || {
        let engine = engine();
        engine.request(Request::OpenModel(model.clone()));
        engine.request(Request::OpenData(source.clone()));
        engine
    };
    let codes = |session: &Session| session.codes.as_ref().map_or(0, |codes| codes.len());
    let engine = open();
    wait(&engine, "some codes", |event| match event {
        Event::Session(session) if codes(&session) > 0 => Some(()),
        _ => None,
    });
    drop(engine);
    let kept = at("large.npy.small.codes.npy");
    let note = std::fs::read(at("large.npy.small.codes.npy.part.json")).expect("a note");
    let note: serde_json::Value = serde_json::from_slice(&note).expect("JSON");
    let done = note["done"].as_u64().expect("a number");
    assert!((256..n).contains(&done) && !kept.exists(), "{note}");

    let all = |engine: &Engine| -> (String, Arc<Session>) {
        let mut told = String::new();
        let session = wait(engine, "all codes", |event| match event {
            Event::Progress { what, .. } if what.starts_with("Encoding") => {
                told = what;
                None
            }
            Event::Session(session) if session.is_encoded => Some(session),
            Event::Failed(error) => panic!("{error}"),
            _ => None,
        });
        (told, session)
    };
    let (told, session) = all(&open());
    assert!(told.contains(&format!("going on after {done}")), "{told}");
    let numbers = |path: &Path| -> Vec<f32> {
        let bytes = std::fs::read(path).expect("an array");
        let (rows, _) = bytes[128..].as_chunks::<4>();
        rows.iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect()
    };
    let table = session.codes.clone().expect("codes");
    let near = |a: &[f32], b: &[f32]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4)
    };
    assert!(near(table.codes(), &numbers(&whole)));
    let variances = session.log_variance.clone().expect("variances");
    assert!(near(&variances, &numbers(&log_variance)));
    assert!(kept.exists() && !at("large.npy.small.codes.npy.part").exists());

    // Once all are kept none is computed again.
    let (told, again) = all(&open());
    assert!(told.contains(&format!("going on after {n}")), "{told}");
    let again = again.codes.clone().expect("codes");
    assert_eq!(again.codes(), table.codes());

    // Of another file of that name nothing is taken.
    let mut file = std::fs::File::options()
        .write(true)
        .open(&data)
        .expect("the file");
    file.seek(SeekFrom::Start(128)).expect("a place");
    file.write_all(&vec![99; 70_000]).expect("pixels");
    drop(file);
    let (told, _) = all(&open());
    assert!(!told.contains("going on"), "{told}");
}

#[test]
fn sweeps_over_a_file_that_was_cut_fail_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = large(folder.path(), 4_200);
    let engine = engine();
    let source: DatasetSource = text(&data).parse().expect("a source");
    engine.request(Request::OpenData(source));
    wait(&engine, "the data", |event| match event {
        Event::Session(session) => session.dataset.clone(),
        _ => None,
    });
    let search = |generation| {
        let search = Search {
            query: Query::Item(7),
            spaces: vec![Space::Pixel],
            approximate: std::collections::BTreeMap::new(),
            k: 3,
        };
        engine.retrieve(generation, search);
    };
    search(1);
    wait(&engine, "an answer", |event| match event {
        Event::Retrieved { comparison, .. } => Some(comparison),
        _ => None,
    });
    let file = std::fs::File::options()
        .write(true)
        .open(&data)
        .expect("the file");
    file.set_len(100_000).expect("cut");
    search(2);
    let error = wait(&engine, "an error", |event| match event {
        Event::Retrieved { generation, .. } => panic!("{generation} was answered"),
        Event::Failed(error) => Some(error.to_string()),
        _ => None,
    });
    assert!(
        error.contains("large.npy") && error.contains("open the data again"),
        "{error}"
    );
}
