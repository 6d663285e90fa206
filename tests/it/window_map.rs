//! The map, the own picture and the palette, driven as a person would.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Key, Modifiers, Pos2, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use morphospace::app::App;
use morphospace::space::MapMethod;

use crate::driver::{click, drag_with, open, positions, prepare, train_tiny, wait_for};

/// Even-odd rule (Shimrat 1962).
fn is_inside(polygon: &[Pos2], at: Pos2) -> bool {
    let mut inside = false;
    let mut last = polygon[polygon.len() - 1];
    for &corner in polygon {
        if (corner.y > at.y) != (last.y > at.y)
            && at.x < (last.x - corner.x) * (at.y - corner.y) / (last.y - corner.y) + corner.x
        {
            inside = !inside;
        }
        last = corner;
    }
    inside
}

#[test]
fn shift_drag_selects_exactly_the_items_in_the_rectangle() {
    let Some(mut window) = open("faces:200") else {
        return;
    };
    prepare(&mut window, 200);
    let at = positions(&window, 200);
    let middle = at.iter().fold(Vec2::ZERO, |sum, p| sum + p.to_vec2()) / 200.0;
    let (a, b) = (
        middle.to_pos2() - Vec2::new(90.3, 70.7),
        middle.to_pos2() + Vec2::new(60.2, 80.9),
    );
    drag_with(&mut window, Modifiers::SHIFT, &[a, a.lerp(b, 0.5), b]);
    let rect = egui::Rect::from_two_pos(a, b);
    let wanted: Vec<u32> = (0..200)
        .filter(|&id| rect.contains(at[id as usize]))
        .collect();
    assert!(!wanted.is_empty() && wanted.len() < 200);
    assert_eq!(window.state().selected_items(), wanted);

    // Undo takes the selection back, redo brings it again, Escape lets go of it.
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert!(window.state().selected_items().is_empty());
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(2);
    assert_eq!(window.state().selected_items(), wanted);
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert!(window.state().selected_items().is_empty());
}

#[test]
fn a_lasso_selects_adds_and_subtracts() {
    let Some(mut window) = open("faces:200") else {
        return;
    };
    prepare(&mut window, 200);
    let at = positions(&window, 200);
    let middle = at.iter().fold(Vec2::ZERO, |sum, p| sum + p.to_vec2()) / 200.0;
    let middle = middle.to_pos2();
    window.get_by_label("Lasso").click();
    window.run_steps(2);
    let triangle = |centre: Pos2, size: f32| {
        [(-1.0, -0.9), (1.1, -0.4), (-0.2, 1.0)]
            .map(|(x, y)| centre + Vec2::new(x, y) * size)
            .to_vec()
    };
    let inside = |polygon: &[Pos2]| -> Vec<u32> {
        let ids = 0..200;
        ids.filter(|&id| is_inside(polygon, at[id as usize]))
            .collect()
    };
    let first = triangle(middle, 120.0);
    drag_with(&mut window, Modifiers::NONE, &first);
    assert!(!inside(&first).is_empty());
    assert_eq!(window.state().selected_items(), inside(&first));

    let second = triangle(middle + Vec2::new(80.0, 20.0), 70.0);
    drag_with(&mut window, Modifiers::COMMAND, &second);
    let mut both = inside(&first);
    both.extend(inside(&second));
    both.sort_unstable();
    both.dedup();
    assert_eq!(window.state().selected_items(), both);

    drag_with(&mut window, Modifiers::ALT, &first);
    both.retain(|id| !inside(&first).contains(id));
    assert_eq!(window.state().selected_items(), both);
}

#[test]
fn what_is_decoded_at_the_cursor_is_what_the_sliders_show_after_a_click_there() {
    let Some(mut window) = open("faces:60") else {
        return;
    };
    prepare(&mut window, 60);
    window.key_press(Key::T);
    window.run_steps(2);
    let at = positions(&window, 60);
    let middle = at.iter().fold(Vec2::ZERO, |sum, p| sum + p.to_vec2()) / 60.0;
    // A place of its own: far from every point.
    let empty = (0..400)
        .map(|i| middle.to_pos2() + Vec2::angled(i as f32 * 0.7) * (i as f32 * 0.5))
        .find(|p| at.iter().all(|q| q.distance(*p) > 14.0))
        .expect("there is room between the points");
    window.hover_at(empty);
    window.run_steps(2);
    wait_for(&mut window, "the picture at the cursor", |app| {
        app.hovered_pixels().is_some()
    });
    // The newest picture is the one of this place.
    window.run_steps(20);
    let hovered = window.state().hovered_pixels().map(<[u8]>::to_vec);
    click(&mut window, empty);
    wait_for(
        &mut window,
        "the picture of the sliders",
        App::is_picture_current,
    );
    let decoded = window.state().decoded_pixels().map(<[u8]>::to_vec);
    assert_eq!(hovered, decoded);
    let place = window
        .state()
        .code_position()
        .expect("the code is on the map");
    assert!(place.distance(empty) < 1.0, "{place} {empty}");
}

#[test]
fn the_legend_switches_classes_off_and_selects_them() {
    let Some(mut window) = open("digits:200") else {
        return;
    };
    prepare(&mut window, 200);
    window.key_press(Key::T);
    window.run_steps(2);
    window
        .get_by_role_and_label(Role::CheckBox, "3")
        .click_modifiers(Modifiers::SHIFT);
    window.run_steps(3);
    let threes = window.state().selected_items();
    assert!(!threes.is_empty() && threes.len() < 100);
    window.key_press(Key::Escape);
    window.run_steps(2);

    window.get_by_role_and_label(Role::CheckBox, "3").click();
    window.run_steps(3);
    // A lasso round everything takes what is shown.
    let at = positions(&window, 200);
    let rect = at.iter().fold(egui::Rect::NOTHING, |mut rect, p| {
        rect.extend_with(*p);
        rect
    });
    let rect = rect.expand(3.0);
    drag_with(
        &mut window,
        Modifiers::SHIFT,
        &[rect.min, rect.center(), rect.max],
    );
    let mut shown = window.state().selected_items();
    assert_eq!(shown.len() + threes.len(), 200);
    shown.retain(|id| threes.contains(id));
    assert!(shown.is_empty(), "hidden items are not selected: {shown:?}");
}

#[test]
fn colours_tell_what_a_model_was_trained_on() {
    let Some(mut window) = open("digits:200") else {
        return;
    };
    prepare(&mut window, 200);
    train_tiny(&mut window, 200.0);
    wait_for(&mut window, "training to begin", App::is_running);
    wait_for(&mut window, "the new codes", |app| {
        app.mapped_items() == 200 && !app.is_busy()
    });
    window
        .get_by_role_and_label(Role::ComboBox, "Colour by")
        .click();
    window.run_steps(3);
    // It stands further down the list than the list shows at once.
    window.get_by_label("Seen in training").click_accesskit();
    window.run_steps(3);
    let of_class = |window: &mut Harness<'_, App>, class: &str| {
        window
            .get_by_role_and_label(Role::CheckBox, class)
            .click_modifiers(Modifiers::SHIFT);
        window.run_steps(3);
        window.state().selected_items()
    };
    let held_out = of_class(&mut window, "Held out");
    let trained_on = of_class(&mut window, "Trained on");
    assert!(!held_out.is_empty() && held_out.len() < trained_on.len());
    assert_eq!(held_out.len() + trained_on.len(), 200);
}

#[test]
fn typing_a_command_runs_it() {
    let Some(mut window) = open("faces:60") else {
        return;
    };
    prepare(&mut window, 60);
    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window.get_by_label("Command").type_text("select all");
    window.run_steps(3);
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert_eq!(window.state().selected_items().len(), 60);
    assert!(window.query_by_label("Command").is_none(), "it has closed");
}

#[test]
fn a_layout_is_made_and_given_up() {
    let Some(mut window) = open("faces:300") else {
        return;
    };
    prepare(&mut window, 300);
    window.get_by_label("Layout of the map").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::Button, "UMAP").click();
    window.run_steps(2);
    wait_for(&mut window, "the layout", |app| {
        matches!(app.map_method(), Some(MapMethod::Umap { .. })) && !app.is_busy()
    });
    let place = window.state().code_position();
    assert!(place.is_none_or(|p| p.x > 0.0));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    wait_for(&mut window, "the components again", |app| {
        matches!(app.map_method(), Some(MapMethod::Components))
    });
}

#[test]
fn a_drawn_picture_gets_a_code_and_neighbours() {
    let Some(mut window) = open("digits:100") else {
        return;
    };
    prepare(&mut window, 100);
    let first = window.state().code().to_vec();
    window.key_press(Key::D);
    window.run_steps(4);
    wait_for(&mut window, "the empty picture's code", |app| {
        app.code() != first
    });
    let empty = window.state().code().to_vec();
    let canvas = window.get_by_label("Canvas").rect();
    let top = canvas.center() - Vec2::new(0.0, canvas.height() * 0.3);
    let bottom = canvas.center() + Vec2::new(0.0, canvas.height() * 0.3);
    drag_with(
        &mut window,
        Modifiers::NONE,
        &[top, canvas.center(), bottom],
    );
    wait_for(&mut window, "its code", |app| app.code() != empty);
    wait_for(&mut window, "its neighbours", App::has_neighbours);
    wait_for(&mut window, "its picture", App::is_picture_current);
    assert!(window.query_by_label("Query: your picture").is_some());
    // One step back takes the whole stroke away.
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    wait_for(&mut window, "the empty picture's code again", |app| {
        app.code() == empty
    });
}

#[test]
fn a_narrow_window_keeps_every_control_in_reach() {
    let Some(mut window) = open("digits:60") else {
        return;
    };
    prepare(&mut window, 60);
    window
        .get_by_role_and_label(Role::ComboBox, "Colour by")
        .click();
    window.run_steps(3);
    window
        .get_by_label("Distance to selection")
        .click_accesskit();
    window.run_steps(3);
    for size in [Vec2::new(1280.0, 800.0), Vec2::new(960.0, 600.0)] {
        window.set_size(size);
        window.run_steps(4);
        let ends = ["Low end of the scale", "High end of the scale"];
        let [low, high] = ends.map(|end| window.get_by_role_and_label(Role::Slider, end).rect());
        assert!(low.right() < high.left(), "{low} {high}");
        let fit = window.get_by_label("Fit map").rect();
        assert!(high.right() < fit.right(), "{high} {fit}");

        window
            .get_by_role_and_label(Role::Button, "Directions")
            .click();
        window.run_steps(3);
        for name in ["From a class", "From a number", "From selections", "Find"] {
            let rect = window.get_by_label(name).rect();
            assert!(rect.right() <= size.x, "{name} at {rect} of {size}");
        }
        let method = window
            .get_by_role_and_label(Role::ComboBox, "Method")
            .rect();
        let find = window.get_by_label("Find").rect();
        assert!(method.right() <= find.left(), "{method} {find}");
    }
}

#[test]
fn the_form_of_the_map_begins_with_the_present_map() {
    let Some(mut window) = open("faces:60") else {
        return;
    };
    prepare(&mut window, 60);
    for neighbours in [7_usize, 9] {
        window.get_by_label("Layout of the map").click();
        window.run_steps(3);
        window
            .get_by_role_and_label(Role::SpinButton, "Neighbours")
            .set_value_accesskit(neighbours as f64);
        window.run_steps(2);
        window.get_by_role_and_label(Role::Button, "UMAP").click();
        window.run_steps(2);
        wait_for(&mut window, "the layout", |app| {
            matches!(app.map_method(), Some(MapMethod::Umap { neighbours: k, .. }) if *k == neighbours)
                && !app.is_busy()
        });
    }
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    wait_for(&mut window, "the map before", |app| {
        matches!(
            app.map_method(),
            Some(MapMethod::Umap { neighbours: 7, .. })
        ) && !app.is_busy()
    });
    window.get_by_label("Layout of the map").click();
    window.run_steps(3);
    let neighbours = window.get_by_role_and_label(Role::SpinButton, "Neighbours");
    assert_eq!(neighbours.accesskit_node().numeric_value(), Some(7.0));
}
