//! Milliseconds from a moved distortion slider to both rows of neighbours in the window, in a drag of 200 frames:
//! `MORPHOSPACE_TEST_DATA=DIR cargo bench --bench drag`, where `DIR/mnist` holds MNIST, and `MORPHOSPACE_MODEL` may name a model of its
//! shape (a small one is trained otherwise).
//!
//! A frame is all that the window does on the processor, meshes included; what the graphics driver needs to draw the whole window is
//! told apart, since it is a program that stands in for a graphics card where there is none.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::Vec2;
use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::{App, AppOptions, can_draw};
use morphospace::engine::{DeviceChoice, EngineOptions};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn wait(window: &mut Harness<'_, App>, is_there: impl Fn(&App) -> bool) {
    let start = Instant::now();
    while !is_there(window.state()) {
        assert!(start.elapsed() < Duration::from_mins(10), "waited in vain");
        window.step();
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn main() {
    let Some(folder) = std::env::var_os("MORPHOSPACE_TEST_DATA").map(PathBuf::from) else {
        println!("skipped: MORPHOSPACE_TEST_DATA names no folder with MNIST");
        return;
    };
    if !can_draw() {
        println!("skipped: no graphics driver can draw the window here");
        return;
    }
    let data = format!("{}:train", folder.join("mnist").display());
    let model = std::env::var_os("MORPHOSPACE_MODEL").map(PathBuf::from);
    let has_model = model.is_some();
    let options = AppOptions {
        data: Some(data.parse().expect("a source")),
        model,
        session: None,
        engine: EngineOptions {
            device: DeviceChoice::Cpu,
            seed: 1,
        },
        keep_in: None,
    };
    let mut window = Harness::builder()
        .with_size(Vec2::new(1280.0, 800.0))
        .with_step_dt(1.0 / 60.0)
        .wgpu()
        .build_eframe(|cc| App::new(cc, options));
    wait(&mut window, |app| app.items() == 60_000 && !app.is_busy());
    if !has_model {
        window
            .get_by_role_and_label(Role::SpinButton, "Epochs")
            .set_value_accesskit(1.0);
        window.run_steps(2);
        window.get_by_label("Train").click();
        window.run_steps(2);
        wait(&mut window, |app| app.loss_points() > 0);
    }
    wait(&mut window, |app| {
        app.mapped_items() == 60_000 && !app.is_busy()
    });
    window.state_mut().select(17);
    wait(&mut window, App::has_neighbours);
    let (mut all, mut frames, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
    for i in 1..=200 {
        let strength = i as f32 / 200.0;
        window
            .get_by_role_and_label(Role::Slider, "Strength of the distortion")
            .set_value_accesskit(f64::from(strength));
        let start = Instant::now();
        loop {
            let frame = Instant::now();
            window.step();
            frames.push(1000.0 * frame.elapsed().as_secs_f64());
            let answered = window.state().answered_strength();
            if answered.is_some_and(|s| (s - strength).abs() < 1e-4) {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "no answer came");
            std::thread::yield_now();
        }
        // The frame that shows what came in the one before.
        window.step();
        all.push(1000.0 * start.elapsed().as_secs_f64());
        if i % 20 == 0 {
            let start = Instant::now();
            window.render().expect("the window can be drawn");
            drawn.push(1000.0 * start.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(16).saturating_sub(start.elapsed()));
    }
    for times in [&mut all, &mut frames, &mut drawn] {
        times.sort_by(f64::total_cmp);
    }
    println!(
        "{{\"rows_p50_ms\": {:.2}, \"rows_p95_ms\": {:.2}, \"frame_p50_ms\": {:.2}, \"draw_and_read_back_p50_ms\": {:.1}}}",
        percentile(&all, 0.5),
        percentile(&all, 0.95),
        percentile(&frames, 0.5),
        percentile(&drawn, 0.5),
    );
}
