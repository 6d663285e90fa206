//! Approximate indices in the window: built on request, named in the row, refused where they are of other codes.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::path::Path;

use eframe::egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;

use crate::driver::{open, open_session, prepare, wait_for};
use crate::window_session::write_pictures;

const ROW: &str = "How code space is searched: exact";

/// Asks for the f32 index of code space.
fn choose(window: &mut Harness<'_, App>) {
    window.get_by_label(ROW).click();
    window.run_steps(3);
    window.get_by_label("Approximate, f32").click_accesskit();
    window.run_steps(3);
    wait_for(window, "the row", App::has_neighbours);
}

fn says(window: &Harness<'_, App>, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

fn wait_to_say(window: &mut Harness<'_, App>, text: &str) {
    let start = std::time::Instant::now();
    while !says(window, text) {
        assert!(start.elapsed() < crate::driver::PATIENCE, "{text}");
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn build(window: &mut Harness<'_, App>, button: &str) {
    let button = format!("{button}: f32 index of code space");
    wait_to_say(window, &button);
    window.get_by_label(&button).click();
    window.run_steps(2);
    wait_for(window, "the index", |app| {
        app.has_neighbours() && app.recall_of(1).is_some() && !app.is_busy()
    });
}

#[test]
fn an_index_is_built_on_request_and_its_row_says_so() {
    let Some(mut window) = open("digits:800") else {
        return;
    };
    prepare(&mut window, 800);
    let items = [17, 101, 333, 512, 640, 799];
    let neighbours = |window: &mut Harness<'_, App>| {
        items.map(|item| {
            window.state_mut().select(item);
            window.run_steps(3);
            wait_for(window, "neighbours", App::has_neighbours);
            window.state().neighbours(1).to_vec()
        })
    };
    let exact = neighbours(&mut window);
    assert_eq!(window.state().recall_of(1), None, "exact unless asked");
    choose(&mut window);
    wait_to_say(&mut window, "There is no f32 index of code space yet");
    assert_eq!(window.state().recall_of(1), None, "exact until it is there");
    build(&mut window, "Build it");
    let recall = window.state().recall_of(1).expect("it was measured");
    assert!((0.9..=1.0).contains(&recall), "{recall}");
    // Rounded down, so that 1.00 is all of them.
    let shown = (recall * 100.0 + 1e-9).floor() / 100.0;
    assert!(says(&window, &format!("approximate, recall {shown:.2}")));
    assert!(
        says(&window, "kept in memory only"),
        "built-in data have no file beside which it could lie"
    );
    assert_eq!(window.state().recall_of(0), None, "pixels stay exact");
    let found = neighbours(&mut window);
    let shared = exact.iter().zip(&found);
    let shared: usize = shared
        .map(|(exact, found)| exact.iter().filter(|id| found.contains(id)).count())
        .sum();
    let share = shared as f64 / 60.0;
    assert!(share >= recall - 0.07, "{share}, measured {recall}");

    // The focus moved; before that, the choice.
    for _ in 0..=items.len() {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(3);
    }
    wait_for(&mut window, "the exact row", |app| {
        app.has_neighbours() && app.recall_of(1).is_none()
    });
    window.key_press_modifiers(
        Modifiers {
            shift: true,
            ..Modifiers::COMMAND
        },
        Key::Z,
    );
    window.run_steps(3);
    wait_for(&mut window, "the index again, at once", |app| {
        app.has_neighbours() && app.recall_of(1).is_some()
    });
}

#[test]
fn an_index_of_other_codes_is_refused_by_name_and_built_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let pictures = folder.path().join("pictures.npy");
    write_pictures(&pictures, 120, false);
    let Some(mut window) = open(&pictures.display().to_string()) else {
        return;
    };
    prepare(&mut window, 120);
    window.state_mut().select(5);
    window.run_steps(3);
    wait_for(&mut window, "neighbours", App::has_neighbours);
    choose(&mut window);
    build(&mut window, "Build it");
    let index = folder.path().join("pictures.npy.code.f32.usearch");
    assert!(index.exists());
    let session = folder.path().join("session.json");
    window.state_mut().save_session(session.clone());
    wait_for(&mut window, "the session", |_| session.exists());
    drop(window);

    let again = |expected: Option<&str>| {
        let mut window = open_session(&session)?;
        wait_for(&mut window, "the session", |app| {
            app.mapped_items() == 120 && app.has_neighbours() && !app.is_busy()
        });
        match expected {
            None => wait_for(&mut window, "its index", |app| app.recall_of(1).is_some()),
            Some(text) => {
                wait_to_say(&mut window, text);
                assert_eq!(window.state().recall_of(1), None, "{text}");
                assert!(says(&window, "pictures.npy.code.f32.usearch"), "{text}");
            }
        }
        Some(window)
    };
    assert!(again(None).is_some());

    let whole = std::fs::read(&index).expect("the index");
    std::fs::write(&index, &whole[..whole.len() / 2]).expect("cut");
    assert!(again(Some("cut off")).is_some());
    std::fs::write(&index, whole).expect("mended");
    let about = folder.path().join("pictures.npy.code.f32.usearch.json");
    let text = std::fs::read_to_string(&about).expect("its description");
    std::fs::write(&about, text.replace("\"version\": 1", "\"version\": 9")).expect("a newer one");
    assert!(again(Some("later version")).is_some());
    std::fs::write(&about, &text).expect("mended");

    change_last_picture(&pictures);
    let mut window = again(Some("other rows")).expect("a window");
    build(&mut window, "Build it again");
    assert_ne!(
        std::fs::read_to_string(&about).expect("its description"),
        text
    );
}

fn change_last_picture(file: &Path) {
    let mut bytes = std::fs::read(file).expect("the pictures");
    let from = bytes.len() - 784;
    for byte in &mut bytes[from..] {
        *byte = 255 - *byte;
    }
    std::fs::write(file, bytes).expect("the folder can be written");
}

#[test]
fn a_file_that_is_cut_while_it_is_looked_at_is_told_and_the_window_lives_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = crate::scale::large(folder.path(), 4_200);
    let Some(mut window) = open(&data.display().to_string()) else {
        return;
    };
    wait_for(&mut window, "the data", |app| {
        app.items() == 4_200 && !app.is_busy()
    });
    let changed = "has changed since it was opened";
    assert!(!says(&window, changed));
    let file = std::fs::File::options().write(true).open(&data);
    let file = file.expect("the file");
    file.set_len(100_000).expect("cut");
    wait_to_say(&mut window, changed);
    assert!(says(&window, "large.npy has changed"));
    window.state_mut().select(4_000);
    window.run_steps(5);

    crate::scale::large(folder.path(), 4_200);
    window.get_by_label("Open it again").click();
    window.run_steps(3);
    let start = std::time::Instant::now();
    while says(&window, changed) {
        assert!(
            start.elapsed() < crate::driver::PATIENCE,
            "it was opened again"
        );
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    std::fs::remove_file(&data).expect("removed");
    wait_to_say(&mut window, "is no longer there");
}
