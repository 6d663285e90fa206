//! Path and sheet in the window: key-frames, playing, exporting, and the way from a cell to the sliders.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::path::Path;
use std::process::Command;

use eframe::egui::{Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;

use crate::driver::{self, click, drag, prepare, wait_for};

const ITEMS: usize = 200;

/// A window over a few faces with the shipped model, or `None` with a printed reason where nothing can draw it.
fn open() -> Option<Harness<'static, App>> {
    let mut window = driver::open(&format!("faces:{ITEMS}"))?;
    prepare(&mut window, ITEMS);
    Some(window)
}

fn press(window: &mut Harness<'_, App>, key: Key) {
    window.key_press(key);
    window.run_steps(3);
}

/// Adds the code of an item as a key-frame.
fn add_item(window: &mut Harness<'_, App>, item: usize) {
    let before = window.state().path_keys();
    window.state_mut().select(item);
    window.run_steps(2);
    press(window, Key::K);
    wait_for(window, "a key-frame", |app| app.path_keys() == before + 1);
    wait_for(window, "its picture", App::is_picture_current);
}

fn decoded(window: &Harness<'_, App>) -> Vec<u8> {
    let pixels = window.state().decoded_pixels();
    pixels.expect("a picture is shown").to_vec()
}

#[test]
fn a_path_plays_to_its_end_and_undo_takes_a_key_back() {
    let Some(mut window) = open() else { return };
    add_item(&mut window, 3);
    let first = decoded(&window);
    add_item(&mut window, 90);
    let last = decoded(&window);
    assert_ne!(first, last);
    assert!(window.query_by_label("Key-frame 2: item 90").is_some());

    press(&mut window, Key::Space);
    assert!(window.state().play_head().1, "it plays");
    wait_for(&mut window, "the middle of the way", |app| {
        let (head, is_playing) = app.play_head();
        is_playing
            && head > 0.3
            && app
                .decoded_pixels()
                .is_some_and(|p| p != first && p != last)
    });
    wait_for(&mut window, "the end", |app| {
        !app.play_head().1 && app.is_picture_current()
    });
    assert_eq!(window.state().play_head(), (1.0, false));
    assert_eq!(
        decoded(&window),
        last,
        "it comes to rest on the last key-frame"
    );

    // The first step back leads to before it was played; those after it take the path back.
    let undo = |window: &mut Harness<'_, App>| {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(3);
    };
    undo(&mut window);
    assert_eq!(window.state().path_keys(), 2);
    undo(&mut window);
    assert_eq!(window.state().path_keys(), 1);
    window.key_press_modifiers(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z);
    window.run_steps(3);
    assert_eq!(window.state().path_keys(), 2, "redo brings it again");
}

#[test]
fn the_strip_reorders_times_and_deletes() {
    let Some(mut window) = open() else { return };
    for item in [3, 90, 41] {
        add_item(&mut window, item);
    }
    let place = |window: &Harness<'_, App>, name: &str| window.get_by_label(name).rect();
    let (from, to) = (
        place(&window, "Key-frame 1: item 3").center(),
        place(&window, "Key-frame 3: item 41").right_center(),
    );
    drag(&mut window, from, to - Vec2::new(8.0, 0.0));
    for name in [
        "Key-frame 1: item 90",
        "Key-frame 2: item 41",
        "Key-frame 3: item 3",
    ] {
        assert!(window.query_by_label(name).is_some(), "{name}");
    }

    let edge = place(&window, "Time after key-frame 1").center();
    let wide = place(&window, "Key-frame 1: item 90").width();
    drag(&mut window, edge, edge - Vec2::new(wide / 2.0, 0.0));
    window.run_steps(3);
    let total = window.query_all_by_label_contains("Time 0.0 / 1.5 s");
    assert_eq!(total.count(), 1, "half a second less");

    window.get_by_label("Key-frame 2: item 41").click();
    window.run_steps(3);
    window.get_by_label("Delete key-frame").click();
    window.run_steps(3);
    assert_eq!(window.state().path_keys(), 2);
    assert!(window.query_by_label("Key-frame 2: item 3").is_some());
}

#[test]
fn a_path_of_the_window_gives_the_bytes_that_the_command_line_writes() {
    let Some(mut window) = open() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    add_item(&mut window, 3);
    add_item(&mut window, 90);
    // A key-frame that is no item has a picture of its own.
    press(&mut window, Key::R);
    press(&mut window, Key::K);
    wait_for(&mut window, "a third key-frame", |app| app.path_keys() == 3);
    window.state_mut().save_path_to(at("path.json"));
    window.state_mut().export_path_to(at("window.gif"));
    window.state_mut().save_model(at("model.safetensors"));
    wait_for(&mut window, "the files", |app| {
        at("path.json").exists()
            && at("window.gif").exists()
            && at("model.safetensors").exists()
            && !app.is_busy()
    });
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let output = Command::new(env!("CARGO_BIN_EXE_morphospace"))
        .args(["morph", "--quiet", "--device", "cpu"])
        .args(["--model", &text(&at("model.safetensors"))])
        .args(["--path", &text(&at("path.json"))])
        .args(["--out", &text(&at("shell.gif"))])
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let read = |name: &str| std::fs::read(at(name)).expect("the file is there");
    let (of_window, of_shell) = (read("window.gif"), read("shell.gif"));
    assert!(of_window.len() > 1000, "there is something to compare");
    assert!(of_window == of_shell, "the bytes differ");
}

#[test]
fn a_click_on_a_cell_moves_the_sliders_there_and_the_sheet_is_written() {
    let Some(mut window) = open() else { return };
    window.get_by_label("Sheet").click();
    window.run_steps(3);
    wait_for(&mut window, "the sheet", |app| app.sheet_pixels().is_some());
    let side = 11;
    let shown = window.state().sheet_pixels().expect("the sheet is there");
    assert_eq!(shown.len(), side * side);
    let (column, row) = (8, 2);
    let wanted = shown[row * side + column].to_vec();
    assert_ne!(wanted, shown[0], "the pictures on it differ");
    let before = window.state().code().to_vec();

    let page = window.get_by_label_contains("Sheet of component 1").rect();
    let cell = page.size() / side as f32;
    let at = page.min + Vec2::new((column as f32 + 0.5) * cell.x, (row as f32 + 0.5) * cell.y);
    click(&mut window, at);
    wait_for(&mut window, "the cell's picture", App::is_picture_current);
    assert_ne!(window.state().code(), before, "the sliders moved");
    assert_eq!(decoded(&window), wanted);
    let after = window.state().sheet_pixels();
    assert_eq!(
        after.expect("nothing is drawn anew")[row * side + column],
        wanted,
        "the sheet about a cell is the same sheet"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sheet.png");
    window.state_mut().export_sheet_to(file.clone());
    wait_for(&mut window, "the file", |_| file.exists());
    let page = image::open(&file).expect("a picture");
    // Sixty-four pixels to a side, enlarged by the largest whole factor below 2,048 in all.
    assert_eq!((page.width(), page.height()), (1408, 1408));
}
