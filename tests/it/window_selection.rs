//! The window's selection, its grid of items and its directions, driven as a person would.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time; what is expected is found from the data, not
//! from the window.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::{Role, Toggled};
use eframe::egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use morphospace::Progress;
use morphospace::app::App;
use morphospace::data::{Dataset, DatasetSource};

use crate::driver::{self, PATIENCE, SEED, pixels_of, train_tiny};

/// A window over `data` and the data themselves, or `None` with a printed reason where nothing can draw it.
fn open(data: &str) -> Option<(Harness<'static, App>, Dataset)> {
    let mut window = driver::open(data)?;
    let source: DatasetSource = data.parse().expect("built-in data has a name");
    let known = source
        .load(SEED, &Progress::silent())
        .expect("built-in data");
    wait_for(&mut window, "the data", |window| {
        window.state().items() == known.len() && !window.state().is_busy()
    });
    Some((window, known))
}

fn wait_for(
    window: &mut Harness<'_, App>,
    what: &str,
    is_there: impl Fn(&Harness<'_, App>) -> bool,
) {
    let start = Instant::now();
    while !is_there(window) {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        window.step();
        std::thread::sleep(Duration::from_millis(2));
    }
    window.run_steps(3);
}

/// Waits until every item is encoded and a picture is there; where no shipped model fits, trains the smallest first.
fn encode(window: &mut Harness<'_, App>) {
    if !window.state().has_model() {
        train_tiny(window, 2.0);
        wait_for(window, "training to begin", |window| {
            window.state().loss_points() > 0
        });
    }
    wait_for(window, "the codes and a picture", |window| {
        let app = window.state();
        app.mapped_items() == app.items() && app.is_picture_current() && !app.is_busy()
    });
}

/// Brings the panel called `title` to the front.
fn bring_forward(window: &mut Harness<'_, App>, title: &str) {
    window.get_by_role_and_label(Role::Button, title).click();
    window.run_steps(3);
}

fn press(window: &mut Harness<'_, App>, name: &str) {
    press_with(window, name, Modifiers::NONE);
}

fn press_with(window: &mut Harness<'_, App>, name: &str, modifiers: Modifiers) {
    window.get_by_label(name).click_modifiers(modifiers);
    window.run_steps(3);
}

fn write(window: &mut Harness<'_, App>, field: &str, text: &str) {
    window.get_by_label(field).focus();
    window.run_steps(2);
    window.get_by_label(field).type_text(text);
    window.run_steps(2);
}

/// The ids of the selected items, as the grid shows them.
fn selected(window: &mut Harness<'_, App>) -> BTreeSet<u32> {
    press(window, "Show selected");
    let cells = window.get_all_by_label_contains("Items: item ");
    let ids = cells.map(|cell| {
        let name = cell.accesskit_node().label().expect("a name");
        let id = name.rsplit(' ').next().expect("a number");
        id.parse().expect("a number")
    });
    let ids = ids.collect();
    press(window, "Show all");
    ids
}

/// The items of a class.
fn of_class(known: &Dataset, class: &str) -> BTreeSet<u32> {
    let ids = 0..known.len() as u32;
    ids.filter(|&id| known.label_name(id as usize) == Some(class))
        .collect()
}

#[test]
fn a_search_selects_what_it_describes() {
    let Some((mut window, known)) = open("digits:120") else {
        return;
    };
    bring_forward(&mut window, "Selection");
    bring_forward(&mut window, "Items");
    write(&mut window, "Search names and metadata", "label=3");
    window.key_press(Key::Enter);
    window.run_steps(3);
    let wanted = of_class(&known, "3");
    assert!(!wanted.is_empty());
    assert_eq!(selected(&mut window), wanted);
    let count = format!("{} of 120 items selected", wanted.len());
    assert!(window.query_by_label(&count).is_some(), "{count}");

    write(&mut window, "Search names and metadata", " colour>3");
    wait_for(&mut window, "the search after a pause", |window| {
        window.query_by_label_contains("no column").is_some()
    });
    assert_eq!(
        selected(&mut window),
        wanted,
        "a query that makes no sense leaves the selection alone"
    );
}

#[test]
fn a_click_on_a_class_selects_it_and_a_named_selection_comes_back() {
    let Some((mut window, known)) = open("digits:120") else {
        return;
    };
    bring_forward(&mut window, "Selection");
    bring_forward(&mut window, "Items");
    press(&mut window, "Select class 7");
    let sevens = of_class(&known, "7");
    assert_eq!(selected(&mut window), sevens);

    write(&mut window, "Name of the selection", "Sevens");
    press(&mut window, "Save selection");
    press_with(&mut window, "Select class 1", Modifiers::COMMAND);
    let both: BTreeSet<u32> = sevens.union(&of_class(&known, "1")).copied().collect();
    assert_eq!(selected(&mut window), both, "Ctrl adds");
    press_with(&mut window, "Select class 7", Modifiers::ALT);
    assert_eq!(
        selected(&mut window),
        of_class(&known, "1"),
        "Alt takes out"
    );
    press(&mut window, "Clear selection");
    press(&mut window, "Recall Sevens");
    assert_eq!(selected(&mut window), sevens);
    press(&mut window, "Forget Sevens");
    assert!(window.query_by_label("Recall Sevens").is_none());
}

#[test]
fn clicks_in_the_grid_focus_toggle_and_select_ranges() {
    let Some((mut window, known)) = open("digits:60") else {
        return;
    };
    bring_forward(&mut window, "Items");
    let is_on = |window: &Harness<'_, App>, id: u32| {
        let name = format!("Items: item {id}");
        let cell = window.get_by_label(&name);
        cell.accesskit_node().toggled() == Some(Toggled::True)
    };
    press_with(&mut window, "Items: item 4", Modifiers::COMMAND);
    assert!(is_on(&window, 4) && !is_on(&window, 5));
    press_with(&mut window, "Items: item 4", Modifiers::COMMAND);
    assert!(!is_on(&window, 4), "a second click lets go of it");

    press(&mut window, "Items: item 2");
    assert!(!is_on(&window, 2), "a plain click only looks at it");
    press_with(&mut window, "Items: item 5", Modifiers::SHIFT);
    assert_eq!(selected(&mut window), (2..=5).collect());

    window
        .get_by_role_and_label(Role::ComboBox, "Sort by")
        .click();
    window.run_steps(3);
    window.get_by_label("Class").click();
    window.run_steps(3);
    let cells = window.get_all_by_label_contains("Items: item ");
    let mut places: Vec<_> = cells
        .map(|cell| {
            let name = cell.accesskit_node().label().expect("a name");
            let id: usize = name["Items: item ".len()..].parse().expect("a number");
            let at = cell.rect().min;
            ((at.y.round() as i32, at.x.round() as i32), id)
        })
        .collect();
    places.sort_unstable();
    let classes: Vec<_> = places.iter().map(|p| known.label_name(p.1)).collect();
    assert!(classes.len() > 20 && classes.is_sorted(), "{classes:?}");
}

#[test]
fn a_direction_from_a_class_moves_the_picture_and_an_analogy_has_neighbours() {
    let Some((mut window, _)) = open("digits:300") else {
        return;
    };
    encode(&mut window);
    bring_forward(&mut window, "Directions");
    window
        .get_by_role_and_label(Role::ComboBox, "Class")
        .click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::Button, "1").click();
    window.run_steps(3);
    press(&mut window, "Find");
    wait_for(&mut window, "the direction", |window| {
        window
            .query_by_role_and_label(Role::Slider, "Class 1")
            .is_some()
    });
    assert!(
        window
            .query_all_by_label_contains("Separates")
            .next()
            .is_some(),
        "how well it separates is said"
    );
    let before = pixels_of(&mut window, "Decoded picture");
    let value = |window: &Harness<'_, App>| {
        let slider = window.get_by_role_and_label(Role::Slider, "Class 1");
        let value = slider.accesskit_node().numeric_value();
        value.expect("a slider has a value")
    };
    let low = value(&window);
    for _ in 0..40 {
        window
            .get_by_role_and_label(Role::Slider, "Class 1")
            .increment_accesskit();
        window.step();
    }
    wait_for(&mut window, "the new picture", |window| {
        window.state().is_picture_current()
    });
    assert!(value(&window) > low);
    assert_ne!(pixels_of(&mut window, "Decoded picture"), before);

    for (letter, item) in [("a", 10), ("b", 20), ("c", 30)] {
        window.state_mut().select(item);
        window.run_steps(3);
        // The notice of what was found may lie over it.
        window
            .get_by_label(&format!("Take item in focus as {letter}"))
            .click_accesskit();
        window.run_steps(3);
    }
    wait_for(&mut window, "the result", |window| {
        window.state().is_picture_current()
    });
    let near = window.get_all_by_label_contains("Analogy: item ").count();
    assert_eq!(near, 8);
}
