//! Milliseconds from a moved slider to the picture in the reader's hands, idle and while a model trains:
//! `cargo bench --bench latency`.
//!
//! The model is of the shipped faces' shape and size, on the CPU, through the engine as the window uses it.

use std::time::{Duration, Instant};

use morphospace::data::faces;
use morphospace::engine::{DeviceChoice, Engine, EngineOptions, Event, Request, TrainingState};
use morphospace::model::Preset;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Round trips of one decode each, in milliseconds, at the pace of a drag at 60 frames a second.
fn round_trips(engine: &Engine, code: usize, count: u64) -> Vec<f64> {
    let mut times = Vec::new();
    for generation in 1..=count {
        let start = Instant::now();
        engine.decode(
            generation,
            (0..code)
                .map(|d| ((d as u64 + generation) as f32).sin())
                .collect(),
        );
        loop {
            match engine.wait().expect("the engine lives") {
                Event::Decoded { generation: g, .. } if g == generation => break,
                Event::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
        times.push(1000.0 * start.elapsed().as_secs_f64());
        std::thread::sleep(Duration::from_millis(16).saturating_sub(start.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    times
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn main() {
    let engine = Engine::start(
        EngineOptions {
            device: DeviceChoice::Cpu,
            seed: 1,
        },
        || {},
    );
    engine.request(Request::OpenData("faces:1024".parse().expect("a source")));
    let wait = |mut wanted: Box<dyn FnMut(&Event) -> bool>| loop {
        let event = engine.wait().expect("the engine lives");
        if let Event::Failed(error) = &event {
            panic!("{error}");
        }
        if wanted(&event) {
            return;
        }
    };
    let all = |event: &Event| {
        matches!(event, Event::Session(s) if s.dataset.as_ref().is_some_and(|d| d.len() == s.expected_items)
            && (s.model.is_none() || s.codes.as_ref().is_some_and(|c| c.len() == s.expected_items)))
    };
    wait(Box::new(all));
    let preset = Preset::Faces;
    let spec = preset.spec(faces::SHAPE);
    let code = spec.code;
    engine.request(Request::Train {
        spec,
        config: preset.training(faces::SHAPE),
        from_model: false,
    });
    let mut step_secs = 0.0;
    let running = |event: &Event| matches!(event, Event::Training(r) if r.state == TrainingState::Running && r.step > 5);
    wait(Box::new(running));
    let busy = round_trips(&engine, code, 200);
    engine.request(Request::Pause);
    loop {
        if let Event::Training(report) = engine.wait().expect("the engine lives") {
            step_secs = f64::from(report.step_secs).max(step_secs);
            if report.state == TrainingState::Paused {
                break;
            }
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    let idle = round_trips(&engine, code, 300);
    println!(
        "{{\"idle_p50_ms\": {:.2}, \"idle_p95_ms\": {:.2}, \"training_p50_ms\": {:.2}, \"training_p95_ms\": {:.2}, \"step_ms\": {:.1}}}",
        percentile(&idle, 0.5),
        percentile(&idle, 0.95),
        percentile(&busy, 0.5),
        percentile(&busy, 0.95),
        1000.0 * step_secs,
    );
}
