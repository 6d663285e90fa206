//! The panel that shows what dimensions have to do with known factors.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use eframe::egui::Pos2;
use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;

use crate::driver::{click, open, prepare, train_tiny, wait_for};

fn press(window: &mut Harness<'_, App>, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.run_steps(3);
}

/// The middle of the cell of a factor and a dimension.
fn cell(window: &Harness<'_, App>, factor: &str, dim: usize) -> Pos2 {
    let row = window.get_by_label(&format!("Row of {factor}")).rect();
    let column = format!("Column of dimension {}", dim + 1);
    let column = window.get_by_label(&column).rect();
    Pos2::new(column.center().x, row.center().y)
}

#[test]
fn a_slider_moves_while_the_pointer_rests_on_its_cell_and_goes_back() {
    let Some(mut window) = open("digits:400") else {
        return;
    };
    prepare(&mut window, 400);
    press(&mut window, "Factors");
    assert!(window.query_by_label("Nothing measured yet").is_some());
    press(&mut window, "Measure");
    wait_for(&mut window, "the figures", |app| app.factors().is_some());
    let found = window.state().factors().cloned().expect("figures");
    assert_eq!((found.items, found.names.len()), (400, 10));
    let mig = format!("MIG: {:.2}", found.information.mig);
    assert!(window.query_by_label(&mig).is_some(), "{mig}");

    let before = window.state().code().to_vec();
    let at_rest = window.state().decoded_pixels().map(<[u8]>::to_vec);
    let slant = found.names.iter().position(|name| name == "Slant");
    let dim = found.best(slant.expect("digits have a slant"));
    let on_it = cell(&window, "Slant", dim);
    window.hover_at(on_it);
    window.run_steps(3);
    let mut ends = (f32::INFINITY, f32::NEG_INFINITY);
    // There and back takes four seconds, a hundred and twenty steps.
    for _ in 0..130 {
        window.step();
        let (moving, value) = window.state().swept().expect("its slider moves");
        assert_eq!(moving, dim);
        ends = (ends.0.min(value), ends.1.max(value));
    }
    assert!(ends.1 - ends.0 > 0.5, "{ends:?}");
    assert_eq!(window.state().code(), before);
    wait_for(&mut window, "another picture", |app| {
        app.decoded_pixels().map(<[u8]>::to_vec) != at_rest
    });

    // Beside the map everything is as it was, and there is nothing to take back.
    window.hover_at(Pos2::new(720.0, 20.0));
    window.run_steps(3);
    assert_eq!(window.state().swept(), None);
    wait_for(&mut window, "the picture from before", |app| {
        app.is_picture_current() && app.decoded_pixels().map(<[u8]>::to_vec) == at_rest
    });
    assert_eq!(window.state().code(), before);

    // A click keeps it; the other numbers stay.
    window.hover_at(on_it);
    window.run_steps(20);
    click(&mut window, on_it);
    window.run_steps(3);
    let kept = window.state().code().to_vec();
    assert!((kept[dim] - before[dim]).abs() > 0.01);
    let others = |code: &[f32]| [&code[..dim], &code[dim + 1..]].concat();
    assert_eq!(others(&kept), others(&before));
    assert_eq!(
        window.state().swept(),
        None,
        "it stays while the pointer does"
    );
    window.run_steps(30);
    assert_eq!(window.state().code(), kept);
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, eframe::egui::Key::Z);
    window.run_steps(3);
    assert_eq!(window.state().code(), before);

    press(&mut window, "Show importance");
    press(&mut window, "Columns by KL");
    let first = window.get_by_label("Column of dimension 1").rect();
    let second = window.get_by_label("Column of dimension 2").rect();
    assert!(first.center().x < second.center().x);

    // Another model tells nothing yet.
    train_tiny(&mut window, 1.0);
    wait_for(&mut window, "another model", |app| {
        app.factors().is_none() && app.has_unsaved_model() && !app.is_busy()
    });
    assert!(window.query_by_label("Nothing measured yet").is_some());
}

#[test]
fn data_without_factors_say_what_would_fit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bare.bin");
    let pixels: Vec<u8> = (0..40 * 784_u32).map(|i| (i * 31 % 251) as u8).collect();
    std::fs::write(&path, pixels).expect("written");
    let Some(mut window) = open(&format!("{}:28x28", path.display())) else {
        return;
    };
    prepare(&mut window, 40);
    press(&mut window, "Factors");
    let title = "Nothing is known of the items of";
    assert!(window.query_by_label_contains(title).is_some());
    assert!(window.query_by_label("Measure").is_none());
}
