//! What is looked for in the retrieval panel, and where.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;
use morphospace::retrieval::Space;

use crate::driver::{open, prepare, wait_for};

#[test]
fn what_is_looked_for_and_where_can_be_chosen() {
    let Some(mut window) = open("digits:150") else {
        return;
    };
    prepare(&mut window, 150);
    window.state_mut().select(17);
    window.run_steps(3);
    wait_for(&mut window, "its neighbours", App::has_neighbours);
    let strength = "Strength of the distortion";
    window
        .get_by_role_and_label(Role::Slider, strength)
        .set_value_accesskit(1.0);
    wait_for(&mut window, "the copy", |app| {
        app.answered_strength() == Some(1.0)
    });
    let query = "Query: distorted copy of item 17";
    assert!(window.query_by_label(query).is_some());
    window.get_by_label("Add a row").click();
    window.run_steps(3);
    wait_for(&mut window, "three rows", |app| {
        app.has_neighbours() && app.rows().len() == 3
    });
    // Another space in the last row.
    window.get_by_label("Space of row 3").click();
    window.run_steps(3);
    window.get_by_label("Codes, cosine").click_accesskit();
    window.run_steps(3);
    wait_for(&mut window, "the other space", |app| {
        app.has_neighbours() && app.rows() == [Space::Pixel, Space::Code, Space::CodeCosine]
    });
    // Steps back: the space, the row, the strength.
    for _ in 0..3 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(3);
    }
    wait_for(&mut window, "the plain query", |app| {
        app.has_neighbours() && app.rows() == [Space::Pixel, Space::Code]
    });
    assert!(window.query_by_label("Query: item 17").is_some());

    window
        .get_by_role_and_label(Role::ComboBox, "Look for")
        .click();
    window.run_steps(3);
    window.get_by_label("Sliders' picture").click();
    window.run_steps(3);
    wait_for(&mut window, "the sliders' neighbours", App::has_neighbours);
    let before = window.state().neighbours(1).to_vec();
    window.key_press(Key::R);
    window.run_steps(3);
    wait_for(&mut window, "those of other sliders", |app| {
        app.has_neighbours() && app.neighbours(1) != before
    });
    // Another draw from the prior, by the button beside the choice.
    let before = window.state().neighbours(1).to_vec();
    let combo = window.get_by_role_and_label(Role::ComboBox, "Look for");
    combo.click();
    window.run_steps(3);
    window.get_by_label("Sample from the prior").click();
    window.run_steps(3);
    wait_for(&mut window, "those of a sample", |app| {
        app.has_neighbours() && app.neighbours(1) != before
    });
}

#[test]
fn one_pixel_costs_the_same_anywhere_among_pixels_but_not_in_the_code() {
    let Some(mut window) = open("digits:60") else {
        return;
    };
    prepare(&mut window, 60);
    window.state_mut().select(3);
    window.run_steps(3);
    wait_for(&mut window, "its picture", App::is_picture_current);
    window
        .get_by_role_and_label(Role::Button, "One pixel")
        .click();
    window.run_steps(3);
    for case in ["On the edge", "Far away"] {
        window.get_by_label(case).click();
        window.run_steps(3);
    }
    wait_for(&mut window, "both cases", |app| app.flipped().len() == 2);
    let cases = window.state().flipped();
    assert_eq!(cases[0].pixels, 200.0);
    assert_eq!(cases[1].pixels, 200.0);
    assert!(cases.iter().all(|case| case.codes > 0.0));
    assert!(cases[0].codes != cases[1].codes);
    assert!(window.query_by_label("Through the model, case 2").is_some());
    // One step back is one case less.
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    wait_for(&mut window, "one case", |app| app.flipped().len() == 1);
}
