//! The benches that put families of auto-encoders side by side, and the model at moments of its training.
//!
//! Invariant: waits for what shall happen, with a limit, and never for a time.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use morphospace::app::App;
use morphospace::data::DatasetSource;
use morphospace::model::{ClassifierPlan, Compared, Comparison, Pretraining, Teacher};
use morphospace::progress::Progress;

use crate::command_line::{json, text};
use crate::driver::{open, open_with_model, prepare, train_tiny, wait_for};

fn press(window: &mut Harness<'_, App>, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.run_steps(3);
}

fn says(window: &Harness<'_, App>, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn a_slider_goes_through_the_moments_of_a_training() {
    let Some(mut window) = open("digits:200") else {
        return;
    };
    prepare(&mut window, 200);
    press(&mut window, "Formation");
    assert!(says(&window, "Nothing took form yet"));
    train_tiny(&mut window, 6.0);
    wait_for(&mut window, "the trained model", |app| {
        app.has_unsaved_model() && app.mapped_items() == 200 && !app.is_busy()
    });
    let moments = window.state().formation_moments();
    assert!(moments > 10, "{moments}");
    // It followed to the end.
    assert!(says(&window, "epoch 6.0"), "the last moment is shown");
    window
        .get_by_role_and_label(Role::Slider, "Moment of the training")
        .set_value_accesskit(0.0);
    window.run_steps(3);
    assert!(says(&window, "Step 0, epoch 0.0"));
    assert!(says(&window, "Items over their reconstructions"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("formation.gif");
    window.state_mut().export_formation_to(file.clone());
    wait_for(&mut window, "the animation", |_| file.exists());
}

#[test]
fn families_stand_side_by_side_and_follow_the_same_wish() {
    let Some(mut window) = open("digits:240") else {
        return;
    };
    prepare(&mut window, 240);
    press(&mut window, "Why VAE");
    window
        .get_by_role_and_label(Role::SpinButton, "Epochs of the families")
        .set_value_accesskit(1.0);
    window.run_steps(2);
    press(&mut window, "Compare");
    wait_for(&mut window, "the families", |app| {
        app.has_families() && app.families_answered() > 0 && !app.is_busy()
    });
    for family in ["Plain", "Denoising", "Contractive", "VAE", "β-VAE"] {
        let picture = format!("{family}: between the items");
        assert!(window.query_by_label(&picture).is_some(), "{family}");
        let sample = format!("{family}: sample 9");
        assert!(window.query_by_label(&sample).is_some(), "{family}");
    }
    let before = window.state().families_answered();
    window
        .get_by_role_and_label(Role::Slider, "Noise on the code")
        .set_value_accesskit(1.0);
    window.run_steps(3);
    wait_for(&mut window, "another answer", |app| {
        app.families_answered() > before
    });
    let before = window.state().families_answered();
    press(&mut window, "Samples of Mixture");
    wait_for(&mut window, "samples of the mixture", |app| {
        app.families_answered() > before
    });

    // Each can be taken into use, and kept.
    assert!(!window.state().has_unsaved_model());
    press(&mut window, "Use Contractive");
    wait_for(&mut window, "the model and its codes", |app| {
        app.has_unsaved_model() && app.mapped_items() == 240 && !app.is_busy()
    });
    assert_eq!(window.state().code().len(), 10);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kept.safetensors");
    window.state_mut().save_model(file.clone());
    wait_for(&mut window, "the saved model", |app| {
        !app.has_unsaved_model()
    });
    let measured = [
        "evaluate",
        "--model",
        text(&file),
        "--data",
        "digits:test:50",
    ];
    assert!(json(&measured)["sse_per_image"].as_f64() > Some(0.0));
    // The others are still there.
    assert!(window.query_by_label("Use Plain").is_some());
}

#[test]
fn bound_and_likelihood_stand_in_a_table() {
    let Some(mut window) = open("digits:120") else {
        return;
    };
    prepare(&mut window, 120);
    press(&mut window, "Likelihood");
    assert!(says(&window, "Not measured yet"));
    for (number, value) in [("Samples per item", 5.0), ("Items at most", 60.0)] {
        window
            .get_by_role_and_label(Role::SpinButton, number)
            .set_value_accesskit(value);
        window.run_steps(2);
    }
    press(&mut window, "Measure");
    wait_for(&mut window, "the table", |app| {
        app.likelihood_rows() == 1 && !app.is_busy()
    });
    assert!(window.query_by_label("KL per dimension").is_some());
    assert!(says(&window, "60 items"));
    // A file that is no model has a row that says why.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("no model.safetensors");
    std::fs::write(&path, b"nothing").expect("written");
    window.state_mut().add_to_likelihood(path);
    window.run_steps(3);
    press(&mut window, "Measure");
    wait_for(&mut window, "two rows", |app| {
        app.likelihood_rows() == 2 && !app.is_busy()
    });
    assert!(says(&window, "no model.safetensors"));
}

#[test]
fn corrupted_pictures_are_repaired_while_the_strength_is_dragged() {
    let Some(mut window) = open("digits:120") else {
        return;
    };
    prepare(&mut window, 120);
    press(&mut window, "Denoising");
    wait_for(&mut window, "repaired pictures", |app| {
        app.repairs_answered() > 0
    });
    window.run_steps(3);
    assert!(says(&window, "Squared error per picture"));
    let before = window.state().repairs_answered();
    window
        .get_by_role_and_label(Role::Slider, "Strength of the corruption")
        .set_value_accesskit(0.1);
    window.run_steps(3);
    wait_for(&mut window, "pictures that were corrupted less", |app| {
        app.repairs_answered() > before
    });
}

#[test]
fn principal_components_stand_beside_the_model() {
    let Some(mut window) = open("digits:120") else {
        return;
    };
    prepare(&mut window, 120);
    assert_eq!(window.state().errors_beside_components(), None);
    press(&mut window, "Model");
    wait_for(&mut window, "both errors", |app| {
        app.errors_beside_components().is_some() && !app.is_busy()
    });
    let errors = window.state().errors_beside_components();
    let (of_model, of_components) = errors.expect("both errors");
    assert!(of_model > 1.0 && of_components > 1.0 && of_model != of_components);
    let components = " components";
    for text in [
        "Squared error",
        &format!("{of_model:.2} a picture"),
        components,
        &format!("{of_components:.2} a picture"),
    ] {
        assert!(says(&window, text), "{text}");
    }
    press(&mut window, "Denoising");
    wait_for(&mut window, "repaired pictures", |app| {
        app.repairs_answered() > 0
    });
    window.run_steps(3);
    for row in ["Corrupted", "Repaired", components] {
        for what in ["squared error", "item"] {
            assert!(says(&window, &format!("{row}: {what}")), "{row}: {what}");
        }
    }
}

#[test]
fn the_same_style_is_shown_with_every_class() {
    use burn::tensor::Device;
    use morphospace::Progress;
    use morphospace::data::digits;
    use morphospace::model::{CodeStatistics, ModelFile, Preset, Provenance, Trainer};

    let dataset = digits::generate(1, 0..150, &Progress::silent()).expect("digits");
    let preset = Preset::SemiSupervised;
    let spec = preset.spec_for(&dataset).expect("digits have classes");
    let mut config = preset.training(dataset.shape());
    (config.epochs, config.batch, config.labels) = (1, 50, Some(20));
    let trainer = Trainer::new(spec, config, &dataset, &Device::flex());
    let mut trainer = trainer.expect("a trainer");
    while !trainer.is_done() {
        trainer.advance(&dataset).expect("a step");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("semi.safetensors");
    let statistics = CodeStatistics::unknown(trainer.spec());
    ModelFile::from_trainer(&trainer, Provenance::default(), statistics)
        .and_then(|file| file.save(&path))
        .expect("saved");
    let Some(mut window) = open_with_model("digits:150", &path) else {
        return;
    };
    wait_for(&mut window, "the codes", |app| {
        app.mapped_items() == 150 && app.is_picture_current() && !app.is_busy()
    });
    press(&mut window, "Style and class");
    wait_for(&mut window, "the grid", App::has_grid);
    let before = window.state().code().to_vec();
    press(&mut window, "Style 2, column 7");
    let code = window.state().code().to_vec();
    assert_ne!(code, before);
    let named: Vec<f32> = code[code.len() - 10..].to_vec();
    let wanted: Vec<f32> = (0..10).map(|i| if i == 6 { 1.0 } else { 0.0 }).collect();
    assert_eq!(named, wanted);
    // The encoder tells classes; how many it misses is what the command line says.
    let evaluated = json(&["evaluate", "--model", text(&path), "--data", "digits:150"]);
    let (count, missed) = window.state().class_missed().expect("classes are known");
    assert_eq!(count, 150);
    assert_eq!(evaluated["class_error"].as_f64(), Some(missed));
    press(&mut window, "Model");
    assert!(says(
        &window,
        &format!("{:.2} % of {count}", 100.0 * missed)
    ));
    // A probe is trained and asks for every class.
    press(&mut window, "Show probe");
    assert!(says(&window, "Does the model draw what it is asked for?"));
    for (number, value) in [
        ("Pictures of the probe", 240.0),
        ("Epochs of the probe", 2.0),
        ("Pictures asked for", 10.0),
        ("Seed of the probe", 3.0),
    ] {
        window
            .get_by_role_and_label(Role::SpinButton, number)
            .set_value_accesskit(value);
        window.run_steps(2);
    }
    press(&mut window, "Ask");
    wait_for(&mut window, "what the probe finds", |app| {
        app.probed().is_some() && !app.is_busy()
    });
    window.run_steps(3);
    let own = [
        "probe",
        "--model",
        text(&path),
        "--data",
        "digits:240",
        "--seed",
        "3",
    ];
    let more = ["--epochs", "2", "--items", "10"];
    let alike = json(&[&own[..], &more].concat());
    let found = window.state().probed().expect("figures").clone();
    for (told, named) in found
        .told
        .iter()
        .zip(alike["named"].as_array().expect("classes"))
    {
        assert_eq!(named["name"], told.name.as_str());
        assert_eq!(named["found"]["share"], told.found.value(), "{named}");
        let row = format!("{}: found {:.1} %", told.name, 100.0 * told.found.value());
        assert!(says(&window, &row), "{row}");
    }
    assert_eq!(found.items, [150, 30, 60]);
}

#[test]
fn classifiers_are_compared_by_the_number_of_labels() {
    let Some(mut window) = open("digits:300") else {
        return;
    };
    prepare(&mut window, 300);
    press(&mut window, "Few labels");
    assert!(says(&window, "What are pictures without labels worth?"));
    let field = window.get_by_role_and_label(Role::TextInput, "Hidden layers");
    field.focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    let field = window.get_by_role_and_label(Role::TextInput, "Hidden layers");
    field.type_text("40 20");
    window.run_steps(2);
    for number in ["Epochs of pre-training", "Epochs with labels"] {
        window
            .get_by_role_and_label(Role::SpinButton, number)
            .set_value_accesskit(1.0);
        window.run_steps(2);
    }
    press(&mut window, "Tell all labels");
    press(&mut window, "Compare");
    wait_for(&mut window, "the row of 100 labels", |app| {
        app.labelled_rows() == (1, true) && !app.is_busy()
    });
    window.run_steps(3);
    let about = "Errors on 2\u{2009}000 items of digits:test; learnt from 275 of digits, weights chosen on 25 others; hidden layers 40-20";
    assert!(says(&window, about));
    assert!(
        window
            .query_by_label("Plot: errors by the number of labels")
            .is_some()
    );

    // Its classifier is judged by the open items, and those that it misses can be selected.
    let judged = "open items for another class";
    let told = window
        .query_by_label_contains(judged)
        .expect("it is judged");
    let told = told.accesskit_node();
    let told = told.label().or(told.value()).expect("a text");
    assert!(told.starts_with("Told 100 labels"), "{told}");
    assert!(told.ends_with("It has seen these in training."), "{told}");
    press(&mut window, "Select the items it takes for another class");
    let missed = window.state().selected_items().len();
    assert!(
        told.contains(&format!("takes {missed} of the 300 open")),
        "{told}"
    );
    assert!((1..150).contains(&missed), "{missed}");

    // The command line says the same of the file, and the window of what it reads.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("classifiers.safetensors");
    window.state_mut().save_labels_to(file.clone());
    wait_for(&mut window, "the file", |_| file.exists());
    let model = text(&file);
    let found = json(&["classify", "--model", model, "--test", "digits:300"]);
    assert_eq!(found["errors"], missed);
    let train = ["classify", "--data", "digits:300", "--resume", model];
    let found = json(&train);
    assert_eq!(found["budgets"].as_array().map(Vec::len), Some(1));
    let other = folder.path().join("begun.safetensors");
    let begun = begun();
    begun.save(&other).expect("written");
    window.state_mut().open_labels_from(other);
    wait_for(&mut window, "a comparison that is not begun", |app| {
        app.labelled_rows() == (0, false) && !app.is_busy()
    });
    window.run_steps(3);
    assert!(says(&window, "Nothing of this comparison is trained yet"));
    press(&mut window, "Go on");
    wait_for(&mut window, "the rows of both budgets", |app| {
        app.labelled_rows() == (2, true) && !app.is_busy()
    });
    window.run_steps(3);
    assert!(says(&window, "Errors on 60 items of digits:test"));
    crate::window::drop_file(&mut window, &file);
    wait_for(&mut window, "the comparison of before", |app| {
        app.labelled_rows() == (1, true) && !app.is_busy()
    });
    window.run_steps(3);
    assert!(says(&window, &told));
}

/// A comparison on 300 digits of which nothing is done.
fn begun() -> Compared {
    let silent = Progress::silent();
    let source: DatasetSource = "digits:300".parse().expect("a source");
    let data = source.load(1, &silent).expect("digits");
    let comparison = Comparison {
        plan: ClassifierPlan {
            hidden: vec![16],
            pretraining: Some(Pretraining {
                teacher: Teacher::AutoEncoder,
                epochs: 1,
            }),
            epochs: 1,
            ..ClassifierPlan::default()
        },
        budgets: vec![Some(50), None],
        seeds: 1,
        test: "digits:test:60".parse().ok(),
    };
    let (data, test) = comparison.sets(&data, 1, &silent).expect("both");
    Compared::new(comparison.clone(), &data, &test).expect("a comparison")
}
