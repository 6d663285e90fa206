//! Feature maps and ways of unpooling, in the window.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::time::Instant;

use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;

use crate::driver::{PATIENCE, click, open, pixels_of, prepare, wait_for};

/// Trains the preset called `name` for one epoch.
fn train(window: &mut Harness<'_, App>, name: &str) {
    window
        .get_by_role_and_label(Role::ComboBox, "Preset")
        .click();
    window.run_steps(3);
    window.get_by_label(name).click_accesskit();
    window.run_steps(3);
    window
        .get_by_role_and_label(Role::SpinButton, "Epochs")
        .set_value_accesskit(1.0);
    window.run_steps(2);
    window.get_by_label("Train").click();
    window.run_steps(2);
    wait_for(window, "training to begin", |app| app.loss_points() > 0);
    wait_for(window, "the end of training", |app| {
        !app.is_busy() && app.is_picture_current()
    });
}

fn wait_to_see(window: &mut Harness<'_, App>, text: &str) {
    let start = Instant::now();
    while window.query_all_by_label_contains(text).next().is_none() {
        assert!(start.elapsed() < PATIENCE, "{text} is not there");
        window.step();
    }
    window.run_steps(3);
}

#[test]
fn every_stage_is_seen_and_a_switch_shows_what_each_unpooling_makes_of_the_code() {
    let Some(mut window) = open("digits:60") else {
        return;
    };
    prepare(&mut window, 60);
    train(&mut window, "pooled");
    // An item that is looked at before the panel is: its maps are made when that is shown.
    let start = Instant::now();
    while window.query_all_by_label("Difference").next().is_none() {
        assert!(start.elapsed() < PATIENCE, "the item is not shown");
        // The map may have moved meanwhile, or be made anew.
        if let Some(at) = window.state().item_position(7) {
            click(&mut window, at);
        }
        window.run_steps(20);
    }
    assert!(!window.state().has_feature_maps(), "nobody looks at them");
    window.get_by_label("Features").click_accesskit();
    window.run_steps(3);
    wait_to_see(&mut window, "Pooling 2: 32 maps of");
    for name in ["Switches", "Repetition", "Upper left"] {
        let error = format!("{name}: squared error");
        assert!(
            window.query_all_by_label_contains(&error).next().is_some(),
            "{name}"
        );
    }
    // The encoder's maps are the same whatever the decoder does with its code; the decoder's are not.
    let [inner, outer] = [
        "Convolution 1: 16 maps of 28×28",
        "Unpooling 2: 32 maps of 14×14",
    ];
    let seen = |window: &mut Harness<'_, App>, name: &str| {
        let picture = window.query_all_by_label(name).last();
        picture.expect("maps of that name").scroll_to_me();
        window.run_steps(8);
        pixels_of(window, name)
    };
    let before = [inner, outer].map(|name| seen(&mut window, name));
    window
        .get_by_role_and_label(Role::Button, "Repetition")
        .click_accesskit();
    window.run_steps(3);
    let after = [inner, outer].map(|name| seen(&mut window, name));
    assert!(before[0] == after[0], "the encoder's maps");
    assert!(before[1] != after[1], "the decoder's maps");
    let note = window
        .query_all_by_label_contains("positions of 2 bits each")
        .next();
    assert!(note.is_some(), "what the code does not hold is said");
}

#[test]
fn a_dense_model_says_why_it_has_no_maps() {
    let Some(mut window) = open("digits:60") else {
        return;
    };
    prepare(&mut window, 60);
    train(&mut window, "tiny");
    window.get_by_label("Features").click_accesskit();
    window.run_steps(3);
    wait_to_see(&mut window, "No feature maps");
}
