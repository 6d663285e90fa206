//! Path and sheet in the window: key-frames, playing, exporting, and the way from a cell to the sliders.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::path::Path;
use std::process::Command;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Rect, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
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

/// Runs a command by typing its name into the palette.
fn run(window: &mut Harness<'_, App>, name: &str) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window.get_by_label("Command").type_text(name);
    window.run_steps(3);
    press(window, Key::Enter);
}

/// Runs `morph` on files of `folder`; what it says when it refuses.
fn morph(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(env!("CARGO_BIN_EXE_morphospace"))
        .current_dir(folder)
        .args(["morph", "--quiet", "--device", "cpu"])
        .args(["--model", "model.safetensors", "--path", "path.json"])
        .args(arguments)
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(error)
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

#[test]
fn a_cross_faded_path_gives_the_same_bytes_from_its_file_alone() {
    let Some(mut window) = open() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for item in [3, 90, 3] {
        add_item(&mut window, item);
    }
    run(&mut window, "cross-fade");
    run(&mut window, "loop path");
    window.state_mut().save_path_to(at("path.json"));
    window.state_mut().export_path_to(at("window.gif"));
    window.state_mut().save_model(at("model.safetensors"));
    wait_for(&mut window, "the files", |app| {
        ["path.json", "window.gif", "model.safetensors"]
            .iter()
            .all(|name| at(name).exists())
            && !app.is_busy()
    });
    morph(folder.path(), &["--out", "shell.gif"]).expect("an animation");
    let read = |name: &str| std::fs::read(at(name)).expect("the file is there");
    assert!(read("window.gif") == read("shell.gif"), "the bytes differ");
    let other = morph(
        folder.path(),
        &["--out", "other.gif", "--data", "faces:test:200"],
    );
    let other = other.expect_err("other faces are not faded");
    assert!(
        other.contains("path.json") && other.contains("--data faces:200"),
        "{other}"
    );

    // The window takes the cross-fade from the file, and both back in one step.
    run(&mut window, "clear path");
    run(&mut window, "cross-fade");
    assert!(window.query_by_label("Pixel cross-fade").is_none());
    window.state_mut().open_file(at("path.json"));
    wait_for(&mut window, "the path", |app| app.path_keys() == 3);
    assert!(window.query_by_label("Pixel cross-fade").is_some());
    // Where the items are other pictures, it keeps the codes alone.
    let text = String::from_utf8(read("path.json")).expect("text");
    let digest = text.split("\"digest\":\"").nth(1).expect("a digest");
    std::fs::write(
        at("other.json"),
        text.replace(&digest[..16], "0123456789abcdef"),
    )
    .expect("written");
    window.state_mut().open_file(at("other.json"));
    wait_for(&mut window, "keys without items", |app| {
        app.path_keys() == 3
    });
    window.run_steps(3);
    assert!(window.query_by_label("Pixel cross-fade").is_none());
    assert!(window.query_by_label("Key-frame 2: item 90").is_none());
}

/// Writes positions, `[n, 2]`, as NPY.
fn write_positions(file: &Path, positions: &[[f32; 2]]) {
    let header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 2), }}",
        positions.len()
    );
    let padded = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded.len() as u16).to_le_bytes());
    bytes.extend(padded.as_bytes());
    bytes.extend(positions.iter().flatten().flat_map(|x| x.to_le_bytes()));
    std::fs::write(file, bytes).expect("written");
}

#[test]
fn on_a_map_from_a_file_every_key_frame_has_its_place_and_its_number() {
    let Some(mut window) = open() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("map.npy");
    let positions: Vec<[f32; 2]> = (0..ITEMS)
        .map(|i| [(i % 20) as f32, (i / 20) as f32])
        .collect();
    write_positions(&file, &positions);
    add_item(&mut window, 3);
    // The mean code: none of the items', and always the same.
    window.get_by_label("Reset sliders").click();
    window.run_steps(3);
    press(&mut window, Key::K);
    wait_for(&mut window, "a second key-frame", |app| {
        app.path_keys() == 2
    });
    add_item(&mut window, 90);
    // The cross-hair of the sliders' code shall lie on none of them.
    window.state_mut().select(150);
    window.state_mut().open_file(file);
    wait_for(&mut window, "a place for each", |app| {
        app.map_method()
            .is_some_and(|m| format!("{m:?}").contains("File"))
            && app.key_positions().iter().all(Option::is_some)
            && !app.is_busy()
    });
    let keys: Vec<_> = window
        .state()
        .key_positions()
        .into_iter()
        .flatten()
        .collect();
    let item = |id| window.state().item_position(id).expect("it is on the map");
    assert_eq!([keys[0], keys[2]], [3, 90].map(item));
    let corners = Rect::from_two_pos(item(0), item(ITEMS - 1));
    assert!(
        corners.expand(0.1).contains(keys[1]),
        "{:?} in {corners:?}",
        keys[1]
    );
    assert!(
        keys[1].distance(keys[0]) > 16.0 && keys[1].distance(keys[2]) > 16.0,
        "{keys:?}"
    );
    // Each has its disc, beside the number of it, in the same colour.
    let picture = window.render().expect("the window can be drawn");
    let disc = |key: usize| {
        let at = keys[key] + Vec2::new(0.0, -6.5);
        *picture.get_pixel(at.x as u32, at.y as u32)
    };
    assert_eq!([disc(1), disc(2)], [disc(0); 2]);
    let beside = keys[1] + Vec2::new(0.0, -30.0);
    assert_ne!(
        *picture.get_pixel(beside.x as u32, beside.y as u32),
        disc(1)
    );
}

#[test]
fn nothing_in_the_panel_of_the_path_lies_over_anything_else() {
    let Some(mut window) = open() else { return };
    add_item(&mut window, 3);
    add_item(&mut window, 90);
    for crossfade in [false, true] {
        if crossfade {
            run(&mut window, "cross-fade");
        }
        for size in [
            (1440.0, 900.0),
            (1280.0, 800.0),
            (1100.0, 700.0),
            (960.0, 600.0),
            (800.0, 600.0),
        ] {
            window.set_size(Vec2::from(size));
            window.run_steps(4);
            let names = [
                "Play path",
                "Loop path",
                "Add key-frame",
                "Add item to path",
                "Interpolation",
                "Frames a second",
                "Scale",
                "Cross-fade",
                "Settings of the path",
                "Files of the path",
                "Export animation…",
                "Clear path",
                "Save path…",
                "Open path…",
                "Code space",
                "Pixel cross-fade",
            ];
            let shown: Vec<(&str, Rect)> = names
                .iter()
                .filter_map(|name| Some((*name, window.query_by_label(name)?.rect())))
                .collect();
            let is_there = |name| shown.iter().any(|(shown, _)| *shown == name);
            assert!(
                is_there("Cross-fade") || is_there("Settings of the path"),
                "{size:?}: {shown:?}"
            );
            assert!(
                is_there("Open path…") || is_there("Files of the path"),
                "{size:?}: {shown:?}"
            );
            for (i, (name, rect)) in shown.iter().enumerate() {
                for (other, there) in &shown[..i] {
                    let common = rect.intersect(*there);
                    let apart = common.width() <= 0.5 || common.height() <= 0.5;
                    assert!(apart, "{size:?}: {name} {rect:?} over {other} {there:?}");
                }
            }
        }
    }
}

#[test]
fn the_palette_runs_what_the_panels_switch_and_undo_takes_it_back() {
    let Some(mut window) = open() else { return };
    add_item(&mut window, 3);
    run(&mut window, "add item to path");
    assert_eq!(window.state().path_keys(), 2);
    let is_on = |window: &Harness<'_, App>, name: &str| {
        let node = window.get_by_label(name);
        node.accesskit_node().toggled() == Some(eframe::egui::accesskit::Toggled::True)
    };
    for name in ["Loop path", "Cross-fade"] {
        assert!(!is_on(&window, name), "{name}");
        run(&mut window, name);
        assert!(is_on(&window, name), "{name}");
    }
    for name in ["Cross-fade", "Loop path"] {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(3);
        assert!(!is_on(&window, name), "{name}");
    }
    run(&mut window, "clear path");
    assert_eq!(window.state().path_keys(), 0);
    run(&mut window, "sliders by components");
    assert!(window.query_by_label("Lock Component 1").is_some());
    run(&mut window, "map as density");
    run(&mut window, "forget own picture");

    press(&mut window, Key::F1);
    for keys in ["Ctrl+C", "Ctrl+V", "Wheel", "Shift+drag"] {
        assert!(
            window.query_all_by_label(keys).count() > 0,
            "{keys} is in the list"
        );
    }
}

#[test]
fn the_pad_and_random_codes_leave_locked_coordinates_alone_in_every_basis() {
    let Some(mut window) = open() else { return };
    window.get_by_label("Pad").click();
    window.run_steps(4);
    let dragged = |window: &mut Harness<'_, App>, from: [f32; 2], to: [f32; 2]| {
        let before = window.state().code().to_vec();
        let pad = window.get_by_label("Pad of two coordinates").rect();
        let at = |share: [f32; 2]| pad.min + pad.size() * Vec2::from(share);
        drag(window, at(from), at(to));
        window.run_steps(3);
        let after = window.state().code();
        let moved = |dim: &usize| before[*dim] != after[*dim];
        (0..before.len()).filter(moved).collect::<Vec<usize>>()
    };
    let both = dragged(&mut window, [0.2, 0.3], [0.8, 0.6]);
    assert_eq!(both.len(), 2, "two coordinates move");
    let (locked, free) = (both[0], both[1]);
    window
        .get_by_label(&format!("Lock Dimension {}", locked + 1))
        .click();
    window.run_steps(3);
    assert_eq!(dragged(&mut window, [0.7, 0.7], [0.3, 0.2]), [free]);

    // The lock holds to the bit while the sliders show components, and theirs hold as well.
    let kept = window.state().code().to_vec();
    run(&mut window, "sliders by components");
    window.get_by_label("Lock Component 1").click();
    window.run_steps(3);
    let shown = |window: &Harness<'_, App>| {
        let number = window.get_by_role_and_label(Role::Slider, "Component 1");
        number.accesskit_node().numeric_value().expect("a number")
    };
    let component = shown(&window);
    for command in ["random code", "random code", "reset sliders"] {
        run(&mut window, command);
        window.run_steps(3);
        let code = window.state().code();
        assert_ne!(code, kept, "the others moved");
        assert_eq!(code[locked].to_bits(), kept[locked].to_bits(), "{command}");
        assert!(
            (shown(&window) - component).abs() < 1e-4,
            "{command}: {} {component}",
            shown(&window)
        );
    }
}
