//! Spaces compared over many queries, in the window.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use std::time::Instant;

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use morphospace::data::{Dataset, DatasetSource};
use morphospace::progress::Progress;

use crate::driver::{PATIENCE, SEED, open, prepare, wait_for};

/// Share of each item's ten nearest others by pixels that are of its class, counted here.
fn precision(data: &Dataset) -> f64 {
    let labels = data.labels().expect("digits have classes");
    let mut hits = 0;
    for i in 0..data.len() {
        let far = |j: usize| -> u64 {
            let pairs = data.pixels(i).iter().zip(data.pixels(j));
            pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
        };
        let mut others: Vec<usize> = (0..data.len()).filter(|&j| j != i).collect();
        others.sort_by_key(|&j| (far(j), j));
        let is_same = |j: &&usize| labels.values[**j] == labels.values[i];
        hits += others[..10].iter().filter(is_same).count();
    }
    hits as f64 / (10 * data.len()) as f64
}

#[test]
fn spaces_are_compared_and_the_report_says_what_the_window_says() {
    let Some(mut window) = open("digits:200") else {
        return;
    };
    prepare(&mut window, 200);
    window.get_by_label("Measures").click();
    window.run_steps(3);
    assert!(window.query_by_label("Nothing measured yet").is_some());
    window.get_by_label("Measure").click_accesskit();
    window.run_steps(3);
    wait_for(&mut window, "the comparison", |app| {
        app.has_study() && !app.is_busy()
    });

    let source: DatasetSource = "digits:200".parse().expect("a source");
    let data = source.load(SEED, &Progress::silent()).expect("digits");
    let expected = format!("Pixel space, Precision@10: {:.4}", precision(&data));
    assert!(
        window.query_by_label(&expected).is_some(),
        "the window does not say: {expected}"
    );

    for (section, seen) in [
        ("Curves", "Plot: Precision by neighbours"),
        ("Distortions", "Plot: Shift, up to 4.0 pixels"),
        ("Classes", "Confusions: Code space"),
        ("Cases", "Pair of spaces"),
    ] {
        window.get_by_role_and_label(Role::Button, section).click();
        window.run_steps(3);
        assert!(window.query_by_label(seen).is_some(), "{section}: {seen}");
    }

    let folder = tempfile::tempdir().expect("a folder");
    window
        .state_mut()
        .export_report_to(folder.path().join("report"));
    let page = folder.path().join("report/report.html");
    wait_for(&mut window, "the page", |_| page.exists());
    let text = std::fs::read_to_string(folder.path().join("report/report.json"));
    let report: serde_json::Value = serde_json::from_str(&text.expect("figures")).expect("JSON");
    let told = report["spaces"][0]["precision"][9]["mean"].as_f64();
    assert!((told.expect("a number") - precision(&data)).abs() < 1e-9);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("data:image/png;base64,"));
}

#[test]
fn what_cannot_be_measured_says_why_and_other_data_are_refused_by_name() {
    let Some(mut window) = open("digits:100") else {
        return;
    };
    prepare(&mut window, 100);
    window.get_by_label("Measures").click();
    window.run_steps(3);
    window
        .get_by_role_and_label(Role::ComboBox, "Queries")
        .click();
    window.run_steps(3);
    // Nothing is selected.
    window.get_by_label("The selection").click();
    window.run_steps(2);
    let asked = window.get_by_role_and_label(Role::ComboBox, "Queries");
    assert_ne!(asked.value().as_deref(), Some("The selection"));
    if window.query_by_label("Other data").is_none() {
        asked.click();
        window.run_steps(3);
    }
    window.get_by_label("Other data").click();
    window.run_steps(3);
    let field = window.get_by_role_and_label(Role::TextInput, "Other data");
    field.focus();
    field.type_text("faces:50");
    window.run_steps(3);
    window.get_by_label("Measure").click_accesskit();
    window.run_steps(3);
    let start = Instant::now();
    while window
        .query_all_by_label_contains("cannot be sought among")
        .next()
        .is_none()
    {
        assert!(start.elapsed() < PATIENCE, "nothing says why");
        window.step();
    }
    assert!(!window.state().has_study());
}
