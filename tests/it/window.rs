//! The window, driven as a person would: real panels, real engine, clicks and keys.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use morphospace::app::App;

use crate::driver::{
    PATIENCE, click, drag, open, open_and_keep, pixels_of, prepare, train_tiny, wait_for,
};

#[test]
fn a_slider_changes_the_picture_and_undo_brings_it_back() {
    let Some(mut window) = open("faces:200") else {
        return;
    };
    prepare(&mut window, 200);
    let before = pixels_of(&mut window, "Decoded picture");
    let slider = window
        .get_all_by_role(Role::Slider)
        .find(|slider| {
            let label = slider.accesskit_node().label();
            label.is_some_and(|label| label.starts_with("Dimension"))
        })
        .expect("there is a slider")
        .rect();
    drag(
        &mut window,
        slider.center(),
        slider.right_center() - Vec2::new(4.0, 0.0),
    );
    wait_for(&mut window, "the new picture", App::is_picture_current);
    let after = pixels_of(&mut window, "Decoded picture");
    assert_ne!(before, after, "the picture follows the slider");

    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    wait_for(
        &mut window,
        "the first picture again",
        App::is_picture_current,
    );
    assert_eq!(
        pixels_of(&mut window, "Decoded picture"),
        before,
        "one undo takes back the whole drag"
    );
}

#[test]
fn a_click_on_a_point_fills_both_rows() {
    let Some(mut window) = open("faces:200") else {
        return;
    };
    prepare(&mut window, 200);
    let at = (0..200)
        .find_map(|id| window.state().item_position(id))
        .expect("points are on the screen");
    click(&mut window, at);
    wait_for(&mut window, "neighbours", App::has_neighbours);
    for row in ["Pixel space", "Code space"] {
        let shown = window
            .get_all_by_label_contains(&format!("{row}: item"))
            .count();
        assert_eq!(shown, 10, "{row}");
    }
    assert!(window.query_by_label_contains("of 10 agree").is_some());
    assert!(
        window.query_by_label("Reconstruction").is_some(),
        "the item is shown beside its reconstruction"
    );
}

#[test]
fn training_runs_pauses_saves_and_loads_again() {
    let Some(mut window) = open("digits:256") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    prepare(&mut window, 256);
    train_tiny(&mut window, 5000.0);
    wait_for(&mut window, "a loss curve", |app| {
        app.is_running() && app.loss_points() > 0
    });
    let first = window.state().loss_points();
    window.get_by_label("Pause").click();
    wait_for(&mut window, "the halt", |app| !app.is_running());
    window.get_by_label("Resume").click();
    wait_for(&mut window, "more of the curve", |app| {
        app.is_running() && app.loss_points() > first
    });
    window.get_by_label("Stop").click();
    wait_for(&mut window, "the end", |app| !app.is_busy());

    let file = folder.path().join("tiny.safetensors");
    save_to(&mut window, &file);
    wait_for(&mut window, "the file", |_| file.exists());
    drop_file(&mut window, &file);
    wait_for(&mut window, "the model again", |app| {
        app.is_picture_current() && !app.is_busy()
    });
    assert!(window.query_all_by_label_contains("tiny").next().is_some());
}

#[test]
fn a_bad_file_is_a_line_in_the_log_and_the_window_lives_on() {
    let Some(mut window) = open("digits:64") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    prepare(&mut window, 64);
    let file = folder.path().join("broken.safetensors");
    std::fs::write(&file, b"no model").expect("the folder can be written");
    drop_file(&mut window, &file);
    window.get_by_label("Log").click();
    let start = Instant::now();
    while window
        .query_all_by_label_contains("broken.safetensors")
        .next()
        .is_none()
    {
        assert!(start.elapsed() < PATIENCE, "the error never came");
        window.step();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(
        window.state().mapped_items(),
        64,
        "what was loaded is still there"
    );
}

fn save_to(window: &mut Harness<'_, App>, file: &Path) {
    window.state_mut().save_model(file.to_path_buf());
    window.step();
}

/// A file as the window system hands it over.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

pub(crate) fn drop_file(window: &mut Harness<'_, App>, file: &Path) {
    window
        .input_mut()
        .dropped_files
        .push(Arc::new(Dropped(file.to_path_buf())));
    window.step();
}

#[test]
fn a_model_that_nobody_saved_is_kept_before_another_takes_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(mut window) = open_and_keep("digits:300", Some(folder.path().to_path_buf())) else {
        return;
    };
    wait_for(&mut window, "the data", |app| {
        app.items() == 300 && !app.is_busy()
    });
    train_tiny(&mut window, 1.0);
    wait_for(&mut window, "the trained model", |app| {
        app.has_unsaved_model() && app.mapped_items() == 300 && !app.is_busy()
    });
    let files = || {
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .flatten()
            .count()
    };
    assert_eq!(files(), 0, "nothing is kept while nothing is lost");
    // Not where it stands: the panel above may still grow by a line.
    window.get_by_label("Faces").click_accesskit();
    window.run_steps(2);
    wait_for(&mut window, "the kept file", |_| files() == 1);
}
