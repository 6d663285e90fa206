//! The mixture of Gaussians in the window: fitted, looked at, drawn from, kept and gone on with.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use morphospace::app::App;
use serde_json::Value;

use crate::command_line::{json, text};
use crate::driver::{open, prepare, wait_for};

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
    press(&mut window, "Mixture");
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
    assert!(!says(&window, "Your own picture"));
    press(&mut window, "Sample 1 of the mixture");
    wait_for(&mut window, "the own picture", |app| !app.is_busy());

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
    press(&mut window, "Mixture");
    set(&mut window, "Gaussians at most", 2.0);
    press(&mut window, "Fit");
    wait_settled(&mut window);
    assert!(says(&window, "codes of digits"));
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

    // A mixture over other codes is refused, and says which model it wants.
    let folder = tempfile::tempdir().expect("a folder");
    let model = crate::command_line::tiny(folder.path(), "1");
    let file = folder.path().join("m.safetensors");
    let of = ["mixture", "--data", "digits:100", "--model", text(&model)];
    json(&[&of[..], &["--components", "2", "--save", text(&file)]].concat());
    let codes = window.state().code().len();
    crate::window::drop_file(&mut window, &file);
    if codes == 4 {
        println!("the model in use has codes as the tiny one");
        return;
    }
    wait_for(&mut window, "the refusal", |app| !app.is_busy());
    window.run_steps(5);
    assert!(says(&window, "over codes of 4 numbers"));
    assert!(window.state().mixture_steps().is_some());
}
