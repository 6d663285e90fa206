//! What the tests of the window share: opening one, waiting, the hand on the mouse, and what is seen.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Modifiers, Pos2, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use image::RgbaImage;
use morphospace::app::{App, AppOptions, can_draw};
use morphospace::engine::{DeviceChoice, EngineOptions};

pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// Of built-in data.
pub(crate) const SEED: u64 = 1;

/// A window over `data`, or `None` with a printed reason where nothing can draw it.
pub(crate) fn open(data: &str) -> Option<Harness<'static, App>> {
    open_and_keep(data, None)
}

/// The same, with a folder for models that nobody saved.
pub(crate) fn open_and_keep(data: &str, keep_in: Option<PathBuf>) -> Option<Harness<'static, App>> {
    start(Some(data), None, None, keep_in)
}

/// The same over a model of one's own.
pub(crate) fn open_with_model(data: &str, model: &Path) -> Option<Harness<'static, App>> {
    start(Some(data), Some(model.to_path_buf()), None, None)
}

/// The window that a session file brings back.
pub(crate) fn open_session(file: &Path) -> Option<Harness<'static, App>> {
    start(None, None, Some(file.to_path_buf()), None)
}

fn start(
    data: Option<&str>,
    model: Option<PathBuf>,
    session: Option<PathBuf>,
    keep_in: Option<PathBuf>,
) -> Option<Harness<'static, App>> {
    if !can_draw() {
        println!("skipped: no graphics driver can draw the window here");
        return None;
    }
    let options = AppOptions {
        data: data.map(|data| data.parse().expect("built-in data has a name")),
        model,
        session,
        engine: EngineOptions {
            device: DeviceChoice::Cpu,
            seed: SEED,
        },
        keep_in,
    };
    let builder = Harness::builder()
        .with_size(Vec2::new(1440.0, 900.0))
        .with_step_dt(1.0 / 30.0)
        .wgpu();
    Some(builder.build_eframe(|cc| App::new(cc, options)))
}

pub(crate) fn wait_for(window: &mut Harness<'_, App>, what: &str, is_there: impl Fn(&App) -> bool) {
    let start = Instant::now();
    while !is_there(window.state()) {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        window.step();
        std::thread::sleep(Duration::from_millis(2));
    }
    window.run_steps(3);
}

/// Waits until `items` are on the map; where no shipped model fits, trains the smallest first.
pub(crate) fn prepare(window: &mut Harness<'_, App>, items: usize) {
    wait_for(window, "the data", |app| {
        app.items() == items && !app.is_busy()
    });
    if !window.state().has_model() {
        train_tiny(window, 2.0);
        wait_for(window, "training to begin", |app| app.loss_points() > 0);
    }
    wait_for(window, "the map and a picture", |app| {
        app.mapped_items() == items && app.is_picture_current() && !app.is_busy()
    });
}

/// Chooses the smallest preset and presses the button.
pub(crate) fn train_tiny(window: &mut Harness<'_, App>, epochs: f64) {
    window
        .get_by_role_and_label(Role::ComboBox, "Preset")
        .click();
    window.run_steps(3);
    // It stands further down the list than the list shows at once.
    window.get_by_label("tiny").click_accesskit();
    window.run_steps(3);
    window
        .get_by_role_and_label(Role::SpinButton, "Epochs")
        .set_value_accesskit(epochs);
    window.run_steps(2);
    window.get_by_label("Train").click();
    window.run_steps(2);
}

pub(crate) fn drag(window: &mut Harness<'_, App>, from: Pos2, to: Pos2) {
    window.hover_at(from);
    window.step();
    window.drag_at(from);
    window.step();
    for i in 1..=6 {
        window.hover_at(from + (to - from) * (i as f32 / 6.0));
        window.step();
    }
    window.drop_at(to);
    window.step();
}

pub(crate) fn click(window: &mut Harness<'_, App>, at: Pos2) {
    window.hover_at(at);
    window.step();
    window.drag_at(at);
    window.step();
    window.drop_at(at);
    window.run_steps(2);
}

/// The pixels of the widget called `name`.
pub(crate) fn pixels_of(window: &mut Harness<'_, App>, name: &str) -> RgbaImage {
    // Words above a picture may have its name.
    let picture = window.query_all_by_label(name).last();
    let rect = picture.expect("a picture of that name").rect();
    let whole = window.render().expect("the window can be drawn");
    let (x, y) = (rect.left() as u32, rect.top() as u32);
    image::imageops::crop_imm(&whole, x, y, rect.width() as u32, rect.height() as u32).to_image()
}

pub(crate) fn drag_with(window: &mut Harness<'_, App>, modifiers: Modifiers, way: &[Pos2]) {
    let (Some(&from), Some(&to)) = (way.first(), way.last()) else {
        return;
    };
    window.hover_at(from);
    window.step();
    window.event(egui::Event::ModifiersChanged(modifiers));
    window.step();
    window.drag_at(from);
    window.step();
    for &at in way {
        window.hover_at(at);
        window.step();
    }
    window.drop_at(to);
    window.step();
    window.event(egui::Event::ModifiersChanged(Modifiers::NONE));
    window.run_steps(3);
}

pub(crate) fn positions(window: &Harness<'_, App>, items: usize) -> Vec<Pos2> {
    let app = window.state();
    let at = |id| app.item_position(id).expect("every item is on the screen");
    (0..items).map(at).collect()
}
