//! The session file: what it brings back, and what happens when something it names is not there.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::path::Path;

use eframe::egui::{Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;
use morphospace::space::MapMethod;

use crate::driver::{drag_with, open, open_session, positions, prepare, wait_for};

/// Writes `n` grey pictures of 28×28 as an NPY file; alike ones where `are_alike`.
pub(crate) fn write_pictures(file: &Path, n: usize, are_alike: bool) {
    let mut header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, 28, 28), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.into_bytes());
    let pixel = |id: usize, at: usize| {
        let id = if are_alike { 0 } else { id };
        // A bar whose place and width differ.
        let column = at % 28;
        u8::from(column >= id % 20 && column < id % 20 + 3 + id % 5) * 255
    };
    bytes.extend((0..n * 784).map(|i| pixel(i / 784, i % 784)));
    std::fs::write(file, bytes).expect("the folder can be written");
}

fn save(window: &mut Harness<'_, App>, file: &Path) -> serde_json::Value {
    window.state_mut().save_session(file.to_path_buf());
    wait_for(window, "the file", |_| file.exists());
    let bytes = std::fs::read(file).expect("the session");
    serde_json::from_slice(&bytes).expect("it is JSON")
}

#[test]
fn a_session_brings_the_window_back() {
    let Some(mut window) = open("faces:150") else {
        return;
    };
    prepare(&mut window, 150);
    let at = positions(&window, 150);
    let middle = at.iter().fold(Vec2::ZERO, |sum, p| sum + p.to_vec2()) / 150.0;
    let middle = middle.to_pos2();
    let (a, b) = (middle - Vec2::splat(60.0), middle + Vec2::splat(60.0));
    drag_with(&mut window, Modifiers::SHIFT, &[a, middle, b]);
    window.key_press(Key::R);
    window.run_steps(2);
    wait_for(&mut window, "the picture", App::is_picture_current);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("session.json");
    window.state_mut().save_session(file.clone());
    wait_for(&mut window, "the file", |_| file.exists());
    let (code, selected) = (
        window.state().code().to_vec(),
        window.state().selected_items(),
    );
    let picture = window.state().decoded_pixels().map(<[u8]>::to_vec);
    drop(window);

    let Some(mut window) = open_session(&file) else {
        return;
    };
    wait_for(&mut window, "everything again", |app| {
        app.mapped_items() == 150 && app.is_picture_current() && !app.is_busy()
    });
    assert_eq!(window.state().code(), code);
    assert_eq!(window.state().selected_items(), selected);
    assert_eq!(window.state().decoded_pixels().map(<[u8]>::to_vec), picture);
}

#[test]
fn a_session_that_cannot_be_read_is_told_and_nothing_is_lost() {
    let Some(mut window) = open("faces:60") else {
        return;
    };
    prepare(&mut window, 60);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("newer.json");
    std::fs::write(&file, br#"{"version": 99, "view": {}}"#).expect("the folder can be written");
    window.state_mut().open_session(file);
    window.run_steps(3);
    window.get_by_label("Log").click();
    window.run_steps(3);
    assert!(
        window
            .query_all_by_label_contains("version 99")
            .next()
            .is_some()
    );
    assert_eq!(window.state().mapped_items(), 60);

    let file = folder.path().join("lost.json");
    let text =
        r#"{"version": 1, "data": "no/such/folder", "model": "no-such.safetensors", "view": {}}"#;
    std::fs::write(&file, text).expect("the folder can be written");
    window.state_mut().open_session(file);
    window.run_steps(5);
    for name in ["no/such/folder", "no-such.safetensors"] {
        assert!(
            window.query_all_by_label_contains(name).next().is_some(),
            "{name}"
        );
    }
    assert_eq!(window.state().mapped_items(), 60);
}

#[test]
fn a_session_goes_on_from_where_its_data_are_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (
        folder.path().join("pictures.npy"),
        folder.path().join("elsewhere.npy"),
    );
    write_pictures(&old, 100, false);
    let Some(mut window) = open(&format!("{}:train:80", old.display())) else {
        return;
    };
    prepare(&mut window, 80);
    window.state_mut().select(17);
    window.run_steps(3);
    window.key_press(Key::R);
    wait_for(&mut window, "the picture", App::is_picture_current);
    let file = folder.path().join("session.json");
    let before = save(&mut window, &file);
    drop(window);
    std::fs::rename(&old, &new).expect("the file can be moved");

    // The window has other data, and a model of another code size.
    let Some(mut window) = open("faces:60") else {
        return;
    };
    prepare(&mut window, 60);
    window.state_mut().open_session(file.clone());
    window.run_steps(5);
    assert!(
        window
            .query_all_by_label_contains("The session misses the data")
            .next()
            .is_some()
    );
    window.state_mut().open_file(new);
    wait_for(&mut window, "the session's items", |app| {
        app.items() == 80 && app.mapped_items() == 80 && app.is_picture_current() && !app.is_busy()
    });
    assert!(
        window
            .query_all_by_label_contains("The session misses")
            .next()
            .is_none()
    );
    let again = save(&mut window, &folder.path().join("again.json"));
    assert_eq!(again["view"], before["view"]);
    assert!(
        again["data"]
            .as_str()
            .is_some_and(|data| data.ends_with("elsewhere.npy:train:80"))
    );
}

#[test]
fn a_session_names_a_shipped_model_and_brings_its_own_seed() {
    let Some(mut window) = open("digits:60") else {
        return;
    };
    prepare(&mut window, 60);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("session.json");
    let mut session = save(&mut window, &file);
    assert_eq!(session["model"], "digits");
    assert_eq!(session["seed"], crate::driver::SEED);
    session["seed"] = 5.into();
    std::fs::write(&file, session.to_string()).expect("the file can be written");
    window.state_mut().open_session(file);
    window.run_steps(3);
    wait_for(&mut window, "the session", |app| {
        app.mapped_items() == 60 && app.is_picture_current() && !app.is_busy()
    });
    let again = save(&mut window, &folder.path().join("again.json"));
    assert_eq!(again["seed"], 5);
    assert_eq!(again["view"], session["view"]);
}

#[test]
fn sliders_moved_off_an_own_picture_come_back_where_they_were() {
    let Some(mut window) = open("digits:60") else {
        return;
    };
    prepare(&mut window, 60);
    window.key_press(Key::D);
    window.run_steps(4);
    let canvas = window.get_by_label("Canvas").rect();
    let reach = Vec2::new(0.0, canvas.height() * 0.3);
    drag_with(
        &mut window,
        Modifiers::NONE,
        &[
            canvas.center() - reach,
            canvas.center(),
            canvas.center() + reach,
        ],
    );
    wait_for(&mut window, "its neighbours", App::has_neighbours);
    window.key_press(Key::R);
    wait_for(&mut window, "the picture", App::is_picture_current);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("session.json");
    let before = save(&mut window, &file);
    drop(window);
    let Some(mut window) = open_session(&file) else {
        return;
    };
    wait_for(&mut window, "the session", |app| {
        app.mapped_items() == 60 && app.has_neighbours() && !app.is_busy()
    });
    let again = save(&mut window, &folder.path().join("again.json"));
    assert_eq!(again["view"], before["view"]);
}

#[test]
fn a_layout_that_cannot_be_made_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alike.npy");
    write_pictures(&file, 40, true);
    let Some(mut window) = open(&file.display().to_string()) else {
        return;
    };
    prepare(&mut window, 40);
    window.get_by_label("Layout of the map").click();
    window.run_steps(3);
    window
        .get_by_role_and_label(eframe::egui::accesskit::Role::Button, "UMAP")
        .click();
    window.run_steps(2);
    window.get_by_label("Log").click();
    let start = std::time::Instant::now();
    while window
        .query_all_by_label_contains("are alike")
        .next()
        .is_none()
    {
        assert!(start.elapsed() < crate::driver::PATIENCE, "it is refused");
        window.step();
    }
    window.run_steps(3);
    assert_eq!(window.state().map_method(), Some(&MapMethod::Components));
    let session = save(&mut window, &folder.path().join("session.json"));
    assert_eq!(session["view"]["map"]["method"], "components");
}

#[test]
fn refining_is_one_step_back() {
    let Some(mut window) = open("digits:60") else {
        return;
    };
    prepare(&mut window, 60);
    window.key_press(Key::D);
    window.run_steps(4);
    wait_for(&mut window, "its neighbours", App::has_neighbours);
    window.key_press(Key::R);
    window.run_steps(2);
    wait_for(&mut window, "the picture", App::is_picture_current);
    let before = window.state().code().to_vec();
    window.get_by_label("Refine its code").click();
    window.run_steps(2);
    wait_for(&mut window, "a refined code", |app| {
        app.code() != before && !app.is_busy()
    });
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    assert_eq!(window.state().code(), before);
}
