//! The engine, driven by requests and judged by its events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use morphospace::data::{DatasetSource, Distortion, Picture};
use morphospace::engine::{
    Comparison, DeviceChoice, Engine, EngineOptions, Event, IndexState, Query, Request, Search,
    Session, TrainingState,
};
use morphospace::model::{Preset, TrainConfig};
use morphospace::retrieval::Space;
use morphospace::retrieval::approximate::Kind;
use morphospace::space::Selection;

const PATIENCE: Duration = Duration::from_mins(2);

fn engine() -> Engine {
    Engine::start(
        EngineOptions {
            device: DeviceChoice::Cpu,
            seed: 1,
        },
        || {},
    )
}

fn source(text: &str) -> DatasetSource {
    text.parse().expect("a source")
}

/// Waits for the event that `wanted` makes something of.
fn wait<T>(engine: &Engine, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = engine.wait().map(&mut wanted).expect("the engine lives") {
            return found;
        }
    }
    panic!("no {what} came");
}

fn complete(event: Event) -> Option<Arc<Session>> {
    match event {
        Event::Session(session) => {
            let all = session
                .dataset
                .as_ref()
                .is_some_and(|d| d.len() == session.expected_items);
            let encoded = session
                .codes
                .as_ref()
                .is_some_and(|c| c.len() == session.expected_items);
            (all && (encoded || session.model.is_none())).then_some(session)
        }
        Event::Failed(error) => panic!("{error}"),
        _ => None,
    }
}

#[test]
fn a_wish_that_cannot_be_met_is_answered_with_nothing_and_told() {
    let engine = engine();
    let grid = |generation, count: usize| {
        engine.request(Request::DecodeGrid {
            generation,
            codes: Arc::new(vec![0.0; count]),
        });
        wait(&engine, "an answer", |event| match event {
            Event::GridDecoded {
                generation,
                pictures,
            } => Some((generation, pictures.len())),
            _ => None,
        })
    };
    assert_eq!(grid(1, 3), (1, 0), "without a model");
    engine.request(Request::OpenData(source("digits:40")));
    let session = wait(&engine, "data", complete);
    let code = session.model.as_ref().expect("a shipped model").spec.code;
    assert_eq!(grid(2, 2 * code + 1), (2, 0), "no whole codes");
    wait(&engine, "the reason", |event| match event {
        Event::Failed(error) => Some(error),
        _ => None,
    });
    assert_eq!(grid(3, 2 * code), (3, 2));
}

/// An engine with a tiny model in training on digits.
fn in_training(engine: &Engine, count: usize, epochs: usize) {
    engine.request(Request::OpenData(source(&format!("digits:{count}"))));
    let session = wait(engine, "data", complete);
    let shape = session.dataset.as_ref().expect("data").shape();
    let config = TrainConfig {
        epochs,
        ..Preset::Tiny.training(shape)
    };
    engine.request(Request::Train {
        spec: Preset::Tiny.spec(shape),
        config,
        from_model: false,
    });
}

fn state(event: Event, wanted: TrainingState) -> Option<u64> {
    match event {
        Event::Training(report) if report.state == wanted => Some(report.step),
        Event::Failed(error) => panic!("{error}"),
        _ => None,
    }
}

#[test]
fn training_runs_to_its_end_and_codes_follow() {
    let engine = engine();
    in_training(&engine, 500, 3);
    let mut points = Vec::new();
    let mut previews = 0;
    wait(&engine, "end of training", |event| match event {
        Event::Training(report) => {
            points.extend(report.points);
            (report.state == TrainingState::Finished).then_some(())
        }
        Event::Preview {
            originals,
            reconstructions,
            ..
        } => {
            assert_eq!(originals.len(), reconstructions.len());
            previews += 1;
            None
        }
        _ => None,
    });
    assert!(previews > 0);
    assert!(
        points.windows(2).all(|p| p[0].step < p[1].step),
        "each step is reported once, in order"
    );
    let session = wait(&engine, "codes", complete);
    let model = session.model.as_ref().expect("a model");
    assert!(
        model.is_unsaved && model.code_kl.iter().any(|kl| *kl > 0.1),
        "{model:?}"
    );
    assert_eq!(
        session
            .projection
            .as_ref()
            .expect("a map")
            .positions()
            .len(),
        500
    );
}

#[test]
fn a_drag_is_served_between_training_steps_and_only_the_newest_counts() {
    let engine = engine();
    in_training(&engine, 2000, 1000);
    wait(&engine, "a running training", |e| {
        state(e, TrainingState::Running).filter(|step| *step > 3)
    });
    for generation in 1..=200 {
        engine.decode(generation, vec![0.01 * generation as f32; 4]);
    }
    let mut served = Vec::new();
    let mut steps = 0;
    wait(&engine, "the newest picture", |event| match event {
        Event::Decoded { generation, .. } => {
            served.push(generation);
            (generation == 200).then_some(())
        }
        Event::Training(report) => {
            steps = report.step;
            None
        }
        _ => None,
    });
    assert!(
        served.len() < 100,
        "{} pictures for 200 requests",
        served.len()
    );
    assert!(served.is_sorted());
    engine.request(Request::Stop);
    wait(&engine, "the end", |e| state(e, TrainingState::Finished));
}

#[test]
fn training_halts_steps_and_goes_on() {
    let engine = engine();
    in_training(&engine, 1000, 1000);
    wait(&engine, "a running training", |e| {
        state(e, TrainingState::Running).filter(|step| *step > 1)
    });
    engine.request(Request::Pause);
    let halted = wait(&engine, "a halt", |e| state(e, TrainingState::Paused));
    engine.request(Request::Step);
    let stepped = wait(&engine, "one step", |e| {
        state(e, TrainingState::Paused).filter(|step| *step > halted)
    });
    assert_eq!(stepped, halted + 1);
    engine.request(Request::Resume);
    wait(&engine, "more steps", |e| {
        state(e, TrainingState::Running).filter(|step| *step > stepped)
    });
    engine.request(Request::Stop);
    wait(&engine, "the end", |e| state(e, TrainingState::Finished));
}

#[test]
fn a_model_is_saved_opened_and_trained_further() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.safetensors");
    let engine = engine();
    in_training(&engine, 600, 1000);
    wait(&engine, "a running training", |e| {
        state(e, TrainingState::Running).filter(|step| *step > 8)
    });
    engine.request(Request::Stop);
    let stopped = wait(&engine, "the end", |e| state(e, TrainingState::Finished));
    wait(&engine, "codes", complete);
    engine.request(Request::SaveModel(path.clone()));
    wait(&engine, "saving", |e| {
        matches!(e, Event::Saved(_)).then_some(())
    });

    engine.request(Request::OpenModel(path.clone()));
    let opened = wait(&engine, "the model", |event| {
        complete(event).filter(|s| s.model.as_ref().is_some_and(|m| m.file.is_some()))
    });
    let model = opened.model.as_ref().expect("a model");
    assert_eq!(
        (model.name.as_str(), model.is_unsaved, model.can_resume),
        ("mine", false, true)
    );
    engine.request(Request::Resume);
    let step = wait(&engine, "more steps", |e| state(e, TrainingState::Running));
    assert!(step >= stopped, "{step} after {stopped}");
}

/// The nearest in pixels and in codes.
fn both(query: Query, k: usize) -> Search {
    Search {
        query,
        spaces: vec![Space::Pixel, Space::Code],
        approximate: BTreeMap::new(),
        k,
    }
}

fn answer(engine: &Engine, wanted: u64) -> Arc<Comparison> {
    wait(engine, "neighbours", |event| match event {
        Event::Retrieved {
            generation,
            comparison,
        } if generation == wanted => Some(comparison),
        Event::Failed(error) => panic!("{error}"),
        _ => None,
    })
}

#[test]
fn retrieval_leaves_the_query_out_and_answers_in_every_space() {
    let engine = engine();
    engine.request(Request::OpenData(source("digits:400")));
    let session = wait(&engine, "data", complete);
    engine.retrieve(7, both(Query::Item(5), 10));
    let comparison = answer(&engine, 7);
    let pixels = &comparison.rows[0];
    assert_eq!(pixels.ids.len(), 10);
    assert!(!pixels.ids.contains(&5));
    assert!(pixels.distances.is_sorted());
    // In its own space the nearest has rank 0.
    assert_eq!(pixels.ranks[0], (0..10).collect::<Vec<_>>());
    let picture: Picture = session.dataset.as_ref().expect("data").picture(9);
    engine.retrieve(8, both(Query::Picture(picture), 1));
    let comparison = answer(&engine, 8);
    let pixels = &comparison.rows[0];
    assert_eq!((pixels.ids[0], pixels.distances[0]), (9, 0.0));
}

#[test]
fn every_space_ranks_the_neighbours_of_every_other() {
    let engine = engine();
    engine.request(Request::OpenData(source("digits:400")));
    let session = wait(&engine, "data", complete);
    if session.model.is_none() {
        println!("skipped: no model is shipped for digits");
        return;
    }
    if !session.is_encoded {
        wait(&engine, "codes", |event| match event {
            Event::Session(session) => session.is_encoded.then_some(()),
            _ => None,
        });
    }
    let search = Search {
        query: Query::Item(5),
        spaces: Space::ALL.to_vec(),
        approximate: BTreeMap::new(),
        k: 10,
    };
    engine.retrieve(9, search);
    let comparison = answer(&engine, 9);
    for (at, row) in comparison.rows.iter().enumerate() {
        assert_eq!(row.space, Space::ALL[at]);
        assert_eq!(row.ids.len(), 10, "{}", row.space);
        assert!(!row.ids.contains(&5), "{}", row.space);
        // Every other row ranks this one's nearest, and its first there is where that row says.
        for (other, ranks) in comparison.rows.iter().zip(&row.ranks) {
            for (id, &rank) in row.ids.iter().zip(ranks) {
                if rank < 10 {
                    assert_eq!(other.ids[rank], *id);
                } else {
                    assert!(!other.ids.contains(id));
                }
            }
        }
    }
}

#[test]
fn a_distorted_copy_is_found_until_it_is_lost() {
    let engine = engine();
    engine.request(Request::OpenData(source("digits:300")));
    wait(&engine, "data", complete);
    let original = |generation: u64, strength: f32| {
        let query = Query::Distorted {
            item: 12,
            distortion: Distortion::Shift,
            strength,
        };
        engine.retrieve(generation, both(query, 5));
        let comparison = answer(&engine, generation);
        assert!(comparison.picture.is_some());
        comparison.rows[0].original
    };
    assert_eq!(original(1, 0.0), Some(0));
    let lost = original(2, 1.0).expect("a rank");
    assert!(
        lost > 0,
        "a digit shifted by four pixels is lost among pixels"
    );
    // The mean of two items is as far from both.
    let mut two = Selection::none(300);
    two.add(&Selection::from_ids(300, [3, 4]));
    engine.retrieve(3, both(Query::Mean(two), 300));
    let row = &answer(&engine, 3).rows[0];
    let distance = |id: u32| {
        let at = row.ids.iter().position(|&other| other == id);
        row.distances[at.expect("all are ranked")]
    };
    assert!((distance(3) - distance(4)).abs() < 20.0);
}

#[test]
fn failures_become_events_and_the_engine_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let failed = |event: Event| match event {
        Event::Failed(error) => Some(error.to_string()),
        _ => None,
    };
    engine.request(Request::OpenModel(folder.path().join("none.safetensors")));
    assert!(wait(&engine, "an error", failed).contains("none.safetensors"));
    engine.request(Request::OpenData(source(
        folder.path().join("no.gz").to_str().expect("UTF-8"),
    )));
    assert!(wait(&engine, "an error", failed).contains("no.gz"));
    engine.request(Request::Pause);
    assert!(wait(&engine, "an error", failed).contains("no training"));
    engine.decode(1, vec![0.0; 3]);
    engine.inspect(2, 99, true);
    engine.request(Request::OpenData(source("digits:60")));
    let session = wait(&engine, "data", complete);
    assert_eq!(session.dataset.as_ref().map(|d| d.len()), Some(60));
    let wrong = Picture {
        shape: morphospace::data::ImageShape::new(2, 2, 1),
        pixels: vec![0; 4],
    };
    engine.retrieve(3, both(Query::Picture(wrong), 3));
    assert!(wait(&engine, "an error", failed).contains("2×2×1"));
}

#[test]
fn reading_can_be_cancelled() {
    let engine = engine();
    engine.request(Request::OpenData(source("digits:2000000")));
    wait(&engine, "some items", |event| match event {
        Event::Session(session) => session.dataset.as_ref().map(|d| d.len()),
        _ => None,
    });
    engine.request(Request::Cancel);
    let there = wait(&engine, "the end of reading", |event| match event {
        Event::Session(session) => session
            .dataset
            .as_ref()
            .filter(|d| d.len() == session.expected_items)
            .map(|d| d.len()),
        _ => None,
    });
    assert!(there < 2_000_000);
}

#[test]
fn a_model_opened_beside_data_is_used_with_that_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.safetensors");
    let first = engine();
    in_training(&first, 100, 1);
    wait(&first, "end of training", |e| {
        state(e, TrainingState::Finished)
    });
    first.request(Request::SaveModel(path.clone()));
    wait(&first, "saved file", |event| {
        matches!(event, Event::Saved(_)).then_some(())
    });

    let second = engine();
    second.request(Request::OpenData(source("digits:150:test")));
    second.request(Request::OpenModel(path.clone()));
    let session = wait(&second, "data and model", |event| {
        complete(event).filter(|session| session.model.is_some())
    });
    assert_eq!(session.dataset.as_ref().map(|d| d.len()), Some(150));
    let model = session.model.as_ref().expect("a model");
    assert_eq!(model.file.as_deref(), Some(path.as_path()));
}

#[test]
fn an_index_that_is_given_up_leaves_the_search_exact() {
    let engine = engine();
    engine.request(Request::OpenData(source("digits:600")));
    wait(&engine, "all codes", |event| match event {
        Event::Session(session) if session.is_encoded => Some(()),
        _ => None,
    });
    let state = |event: Event| match event {
        Event::Session(session) => session.indices.first().map(|info| info.state.clone()),
        Event::Failed(error) => panic!("{error}"),
        _ => None,
    };
    let mut search = both(Query::Item(3), 10);
    search.approximate.insert(Space::Code, Kind::F32);
    engine.retrieve(1, search.clone());
    let said = wait(&engine, "what there is", state);
    assert_eq!(said, IndexState::Absent);
    let exact = answer(&engine, 1);
    assert_eq!(exact.rows[1].index, None);

    let (space, kind) = (Space::Code, Kind::F32);
    engine.request(Request::BuildIndex { space, kind });
    engine.request(Request::Cancel);
    let said = wait(&engine, "the beginning", |event| {
        state(event).filter(|state| *state == IndexState::Pending)
    });
    assert_eq!(said, IndexState::Pending);
    let said = wait(&engine, "the end", |event| {
        state(event).filter(|state| *state != IndexState::Pending)
    });
    assert_eq!(said, IndexState::Absent);
    engine.retrieve(2, search.clone());
    assert_eq!(answer(&engine, 2).rows[1].ids, exact.rows[1].ids);

    engine.request(Request::BuildIndex { space, kind });
    let said = wait(&engine, "the index", |event| {
        state(event).filter(|state| matches!(state, IndexState::Ready { .. }))
    });
    let IndexState::Ready { recall, kept, .. } = said else {
        panic!("it is ready");
    };
    assert!(recall > 0.9 && kept.is_err(), "{recall}, {kept:?}");
    engine.retrieve(3, search.clone());
    let row = &answer(&engine, 3).rows[1];
    assert_eq!(row.index, Some((kind, recall)));
    assert!(!row.ids.contains(&3) && row.distances.is_sorted());

    // Of other codes nothing is kept.
    engine.request(Request::OpenData(source("digits:test:100")));
    wait(&engine, "other codes", |event| match event {
        Event::Session(session) if session.is_encoded && session.expected_items == 100 => {
            assert!(session.indices.is_empty());
            Some(())
        }
        _ => None,
    });
    engine.retrieve(4, search);
    assert_eq!(answer(&engine, 4).rows[1].index, None);
    let bits = Kind::Bits;
    engine.request(Request::BuildIndex { space, kind: bits });
    let error = wait(&engine, "a refusal", |event| match event {
        Event::Failed(error) => Some(error.to_string()),
        _ => None,
    });
    assert!(
        error.contains("no approximate index of the kind bits"),
        "{error}"
    );
}
