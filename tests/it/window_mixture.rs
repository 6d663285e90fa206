//! The mixture of Gaussians in the window: fitted, looked at, drawn from, kept and gone on with.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::time::Instant;

use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use morphospace::app::App;
use serde_json::Value;

use crate::command_line::{json, text};
use crate::driver::{PATIENCE, open, prepare, wait_for};

fn press(window: &mut Harness<'_, App>, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.run_steps(3);
}

fn says(window: &Harness<'_, App>, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

fn set(window: &mut Harness<'_, App>, number: &str, value: f64) {
    window
        .get_by_role_and_label(Role::SpinButton, number)
        .set_value_accesskit(value);
    window.run_steps(2);
}

fn wait_settled(window: &mut Harness<'_, App>) {
    wait_for(window, "the mixture and its samples", |app| {
        app.mixture_steps()
            .is_some_and(|(_, is_settled)| is_settled)
            && !app.is_busy()
            && app.has_samples()
    });
    window.run_steps(3);
}

/// The panel says what the command line has found.
fn check_figures(window: &Harness<'_, App>, found: &Value) {
    for figure in ["log_likelihood", "log_likelihood_held_out"] {
        let [mean, error] = ["mean", "standard_error"].map(|key| {
            let value = found[figure][key].as_f64();
            value.unwrap_or_else(|| panic!("no {figure} in {found}"))
        });
        let told = format!("{mean:.1} ± {error:.1}");
        assert!(says(window, &told), "{figure}: {told}");
    }
}

#[test]
fn a_mixture_over_pixels_is_fitted_looked_at_and_gone_on_with() {
    let Some(mut window) = open("digits:300") else {
        return;
    };
    prepare(&mut window, 300);
    // It stands among the presets, too.
    window
        .get_by_role_and_label(Role::ComboBox, "Preset")
        .click();
    window.run_steps(3);
    window.get_by_label("mixture…").click_accesskit();
    window.run_steps(3);
    assert!(says(&window, "Where do they lie?"));
    press(&mut window, "Mixture over pixels");
    set(&mut window, "Gaussians at most", 4.0);
    set(&mut window, "Principal components", 8.0);
    press(&mut window, "Fit");
    wait_settled(&mut window);
    let fit = ["mixture", "--data", "digits:300", "--components", "4"];
    let folder = tempfile::tempdir().expect("a folder");
    let [own, whole, part] =
        ["own", "whole", "part"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let new = [&fit[..], &["--dims", "8"]].concat();
    let found = json(&[&new[..], &["--save", text(&whole)]].concat());
    check_figures(&window, &found);
    assert!(says(&window, "4 Gaussians over 8 principal components"));
    assert!(says(&window, "Fitted to (270)") && says(&window, "Kept out (30)"));
    assert!(
        window
            .query_by_label_contains("Plot: mean log-density")
            .is_some()
    );

    // A Gaussian selects the items that most probably come from it.
    let mut counted = 0;
    for gaussian in 1..=4 {
        let name = format!("Gaussian {gaussian}:");
        window.get_by_label_contains(&name).click();
        window.run_steps(3);
        counted += window.state().selected_items().len();
    }
    assert_eq!(counted, 300);

    // A sample can be taken through the model.
    assert!(!window.state().has_own_picture());
    press(&mut window, "Sample 1 of the mixture");
    assert!(window.state().has_own_picture());

    // Both write the same file, and the window goes on from where the command line was left off.
    window.state_mut().save_mixture_to(own.clone());
    wait_for(&mut window, "the file", |_| own.exists());
    let read = |file| std::fs::read(file).expect("a mixture");
    assert!(read(&own) == read(&whole), "other mixtures");
    json(&[&new[..], &["--steps", "2", "--save", text(&part)]].concat());
    crate::window::drop_file(&mut window, &part);
    wait_for(&mut window, "the mixture that was left off", |app| {
        app.mixture_steps() == Some((2, false)) && !app.is_busy()
    });
    window.run_steps(3);
    assert!(says(&window, "2 steps, and not at its end"));
    press(&mut window, "Go on");
    wait_settled(&mut window);
    check_figures(&window, &found);
    std::fs::remove_file(&own).expect("a file");
    window.state_mut().save_mixture_to(own.clone());
    wait_for(&mut window, "the file", |_| own.exists());
    assert!(read(&own) == read(&whole), "other mixtures");
}

#[test]
fn codes_are_drawn_from_a_mixture_over_codes() {
    let Some(mut window) = open("digits:300") else {
        return;
    };
    prepare(&mut window, 300);
    assert!(window.query_by_label("Gaussians on the map").is_none());
    press(&mut window, "Mixture");
    set(&mut window, "Gaussians at most", 2.0);
    press(&mut window, "Fit");
    wait_settled(&mut window);
    assert!(says(
        &window,
        "codes of 16 numbers of digits, by the model digits"
    ));
    let before = window.state().code().to_vec();
    press(&mut window, "Sample 2 of the mixture");
    wait_for(&mut window, "the sample's picture", |app| {
        app.is_picture_current() && !app.is_busy()
    });
    let sample = window.state().code().to_vec();
    assert_ne!(sample, before);
    press(&mut window, "Other samples");
    wait_for(&mut window, "other samples", App::has_samples);
    press(&mut window, "Sample 2 of the mixture");
    assert_ne!(window.state().code(), sample);

    // On the map its Gaussians can be seen or left out.
    press(&mut window, "Map");
    window.hover_at(eframe::egui::Pos2::new(5.0, 890.0));
    window.run_steps(5);
    let with = window.render().expect("the window can be drawn");
    press(&mut window, "Gaussians on the map");
    window.hover_at(eframe::egui::Pos2::new(5.0, 890.0));
    window.run_steps(5);
    let without = window.render().expect("the window can be drawn");
    let pairs = with.enumerate_pixels().zip(without.pixels());
    let changed =
        pairs.filter(|((x, y, a), b)| (330..1050).contains(x) && (130..600).contains(y) && a != b);
    assert!(changed.count() > 500);
    press(&mut window, "Mixture");

    // The command line comes to the same, and reads what the window wrote as of its own codes.
    let fit = ["mixture", "--data", "digits:300", "--model", "digits"];
    let found = json(&[&fit[..], &["--components", "2"]].concat());
    check_figures(&window, &found);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("m.safetensors");
    window.state_mut().save_mixture_to(file.clone());
    wait_for(&mut window, "the file", |_| file.exists());
    let load = ["--model", "digits", "--load", text(&file)];
    let same = ["mixture", "--data", "digits:300"];
    let again = json(&[&same[..], &load].concat());
    assert_eq!(again["log_likelihood"], found["log_likelihood"]);

    // With another model it makes way.
    let model = crate::command_line::tiny(folder.path(), "1");
    crate::window::drop_file(&mut window, &model);
    wait_for(&mut window, "the other model", |app| {
        app.code().len() == 4 && app.mapped_items() == 300 && !app.is_busy()
    });
    assert_eq!(window.state().mixture_steps(), None);
    assert!(says(&window, "Where do they lie?"));

    // One over codes of another size is refused, and says which model it wants.
    crate::window::drop_file(&mut window, &file);
    let start = Instant::now();
    while !says(&window, "over codes of 16 numbers") {
        assert!(start.elapsed() < PATIENCE, "nothing says why");
        window.step();
    }
    assert_eq!(window.state().mixture_steps(), None);
}

#[test]
fn a_fit_is_cancelled_half_way_and_gone_on_with() {
    let Some(mut window) = open("digits:2000") else {
        return;
    };
    prepare(&mut window, 2000);
    press(&mut window, "Mixture");
    press(&mut window, "Mixture over pixels");
    set(&mut window, "Gaussians at most", 60.0);
    set(&mut window, "Principal components", 25.0);
    press(&mut window, "Fit");
    wait_for(&mut window, "the first steps", |app| {
        app.mixture_steps().is_some_and(|(steps, _)| steps > 0)
    });
    // The panel's own, beside that of the bar below.
    let all = window.query_all_by_role_and_label(Role::Button, "Cancel");
    all.into_iter().next().expect("a button").click();
    window.run_steps(3);
    wait_for(&mut window, "the end", |app| !app.is_busy());
    let (steps, is_settled) = window.state().mixture_steps().expect("a mixture");
    assert!(!is_settled, "it had settled after {steps} steps");
    press(&mut window, "Go on");
    wait_settled(&mut window);
    assert!(
        window
            .state()
            .mixture_steps()
            .is_some_and(|(s, _)| s > steps)
    );
    let fit = ["mixture", "--data", "digits:2000", "--components", "60"];
    let found = json(&[&fit[..], &["--dims", "25"]].concat());
    check_figures(&window, &found);
    assert_eq!(found["settled"], true);
}
