//! The panel that shows what a model copies.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use eframe::egui::Key;
use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;

use crate::driver::{open, prepare, train_tiny, wait_for};

fn press(window: &mut Harness<'_, App>, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.run_steps(3);
}

fn set(window: &mut Harness<'_, App>, number: &str, value: f64) {
    window
        .get_by_role_and_label(Role::SpinButton, number)
        .set_value_accesskit(value);
    window.run_steps(3);
}

#[test]
fn copies_stand_beside_the_items_they_are_near_to() {
    let Some(mut window) = open("digits:150") else {
        return;
    };
    prepare(&mut window, 150);
    press(&mut window, "Memorisation");
    // The shipped model was trained on more digits than these.
    let reason = "The model was trained on other items of digits than these";
    assert!(window.query_by_label(reason).is_some());
    train_tiny(&mut window, 3.0);
    wait_for(&mut window, "the trained model and its codes", |app| {
        app.has_unsaved_model() && app.mapped_items() == 150 && !app.is_busy()
    });
    assert!(window.query_by_label("Nothing measured yet").is_some());

    set(&mut window, "Pictures", 40.0);
    press(&mut window, "Measure");
    wait_for(&mut window, "the figures", |app| app.memorised().is_some());
    let found = window.state().memorised().cloned().expect("figures");
    assert_eq!((found.figures.samples, found.figures.train), (40, 142));
    let words = found.figures.pixels.in_words();
    assert!(
        window.query_all_by_label(&words).next().is_some(),
        "{words}"
    );
    // The closest copy comes first, and its nearest item is looked at by a click.
    let closest = found.samples.places[0];
    let nearest = found.figures.pixels.found.samples.ids[closest];
    let name = format!("Nearest in pixels of sample {closest}: item {nearest}");
    press(&mut window, &name);
    wait_for(&mut window, "its neighbours", App::has_neighbours);
    let query = format!("Query: item {nearest}");
    assert!(window.query_by_label(&query).is_some());

    press(&mut window, "Show reconstructions");
    let original = found.figures.originals[found.reconstructions.places[0]];
    let name = format!("Reconstruction of item {original}");
    assert!(window.query_by_label(&name).is_some());

    press(&mut window, "Show leave-fold-out");
    assert!(window.query_by_label("No folds left out yet").is_some());
    set(&mut window, "Folds", 2.0);
    set(&mut window, "Epochs of each", 4.0);
    press(&mut window, "Leave out");
    // The sliders are live meanwhile.
    window.key_press(Key::R);
    window.run_steps(3);
    wait_for(
        &mut window,
        "a random code's picture",
        App::is_picture_current,
    );
    wait_for(&mut window, "the scores", |app| app.left_out().is_some());
    let left_out = window.state().left_out().cloned().expect("scores");
    assert_eq!((left_out.found.folds, left_out.epochs), (2, 4));
    let first = left_out.found.items[left_out.order[0]];
    press(&mut window, &format!("Left out: item {first}"));
    let query = format!("Query: item {first}");
    assert!(window.query_by_label(&query).is_some());

    // Another model has copied nothing yet.
    train_tiny(&mut window, 1.0);
    wait_for(&mut window, "another model", |app| {
        app.memorised().is_none() && app.left_out().is_none()
    });
}
