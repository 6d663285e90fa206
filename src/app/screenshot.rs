//! The pictures of README, from the real window, drawn off screen.
//!
//! Invariant: waits for what it wants to show, never for a time; gives up with an error when that does not come.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use eframe::egui::{Key, Modifiers, Rect, Theme, Vec2};
use egui_kittest::Harness;
use image::RgbaImage;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

use super::application::{App, AppOptions};
use super::command::{Action, Command};
use super::panels::PanelKind;
use crate::data::{Corruption, DatasetSource};
use crate::engine::{EngineOptions, LikelihoodPlan};
use crate::error::{Error, Result};
use crate::model::{
    ClassifierPlan, Comparison, FamilyPlan, ModelSpec, Preset, Pretraining, Teacher, TrainConfig,
};
use crate::space::{DensityPlan, MapMethod, Over};

const SIZE: Vec2 = Vec2::new(1440.0, 900.0);
/// Of the window where a panel below the map or to the right of it is to be seen whole.
const TALL: Vec2 = Vec2::new(1440.0, 1600.0);
/// Of the window where a panel below the map has a little more to show than usual.
const TALLER: Vec2 = Vec2::new(1440.0, 1300.0);
/// The item whose feature maps are shown.
const TOLD: usize = 8;
/// How long anything may take; training the families on a slow machine is the longest.
const PATIENCE: Duration = Duration::from_mins(15);

/// Which pictures are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Part {
    /// All of them.
    #[default]
    All,
    /// The window, the map, retrieval, the sheet, the path and training.
    Window,
    /// The benches, whose models are trained on the spot.
    Benches,
}

/// Opens the window off screen, waits until it is full of life, and writes what it looks like into `dir`: the whole
/// window in both themes, close-ups of the map, the retrieval strip, the sheet, the path and training, and the benches; or a `part`
/// of these. Gives the files written.
///
/// # Errors
/// When there is no graphics driver, the window does not get ready, or a file cannot be written.
pub fn screenshots(dir: &Path, engine: EngineOptions, part: Part) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, &e))?;
    if !can_draw() {
        return Err(Error::device("no graphics driver can draw the window")
            .hint("on Debian, mesa-vulkan-drivers is one that needs no GPU"));
    }
    let options = AppOptions {
        data: None,
        model: None,
        session: None,
        engine,
        keep_in: None,
    };
    let mut harness = Harness::builder()
        .with_size(SIZE)
        .with_render_cursor(false)
        .with_step_dt(1.0 / 30.0)
        .wgpu()
        .build_eframe(|cc| App::new(cc, options));
    harness.state_mut().tried = super::hint::Tried::ALL;
    let mut written = Vec::new();
    if part != Part::Benches {
        picture_window(&mut harness, dir, &mut written)?;
    }
    if part != Part::Window {
        picture_benches(&mut harness, dir, &mut written)?;
    }
    Ok(written)
}

/// The whole window and close-ups.
fn picture_window(
    harness: &mut Harness<'_, App>,
    dir: &Path,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    wait_for(harness, "every item on the map", |app| {
        let expected = app.state.session.expected_items;
        expected > 0 && app.mapped_items() == expected && app.state.tasks.is_empty()
    })?;
    let chosen = harness.state().telling_item();
    harness.state_mut().select(chosen);
    wait_for(harness, "the neighbours of an item", |app| {
        app.has_neighbours() && app.is_picture_current() && app.state.inspected.is_some()
    })?;
    settle(harness);
    for (theme, name) in [
        (Theme::Dark, "window-dark.png"),
        (Theme::Light, "window-light.png"),
    ] {
        harness.state_mut().set_theme(theme);
        settle(harness);
        let whole = shoot(harness)?;
        save(&whole, &dir.join(name), written)?;
    }
    harness.state_mut().set_theme(Theme::Dark);
    settle(harness);
    for (kind, name) in [
        (PanelKind::Map, "map.png"),
        (PanelKind::Retrieval, "retrieval.png"),
    ] {
        let whole = shoot(harness)?;
        save(
            &crop(&whole, harness.state().layout.rect_of(kind)),
            &dir.join(name),
            written,
        )?;
    }
    picture_map(harness, dir, written)?;
    picture_sheet(harness, dir, written)?;
    picture_path(harness, dir, written)?;
    train(harness)?;
    let whole = shoot(harness)?;
    let panel = harness.state().layout.rect_of(PanelKind::Training);
    save(&crop(&whole, panel), &dir.join("training.png"), written)?;
    harness.state_mut().queue_command(Command::Stop);
    wait_for(harness, "the end of training", |app| {
        !app.state.is_training() && !app.is_busy()
    })
}

/// The benches: the model at moments of its training, likelihoods, families side by side, repaired pictures, feature maps, styles with every
/// class, factors. The models are trained on the spot, briefly.
fn picture_benches(
    harness: &mut Harness<'_, App>,
    dir: &Path,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    let mut picture = |harness: &mut Harness<'_, App>, kind, name: &str| -> Result<()> {
        harness.state_mut().layout.bring_forward(kind);
        settle(harness);
        let whole = shoot(harness)?;
        let panel = harness.state().layout.rect_of(kind);
        save(&crop(&whole, panel), &dir.join(name), written)
    };
    open(harness, "digits:4000", 4000)?;
    harness
        .state_mut()
        .layout
        .bring_forward(PanelKind::Formation);
    train_preset(harness, Preset::Iaf, |spec| spec.flow = None, 40)?;
    picture(harness, PanelKind::Formation, "formation.png")?;
    // Beside the next model in the table of likelihoods.
    let plain = dir.join("vae.safetensors");
    harness.state_mut().act(Action::SaveModel(plain.clone()));
    wait_for(harness, "the saved model", |app| !app.has_unsaved_model())?;
    train_preset(harness, Preset::Iaf, |_| {}, 40)?;
    harness
        .state_mut()
        .act(Action::MeasureLikelihoods(LikelihoodPlan {
            samples: 50,
            most: 1000,
            seed: 1,
            others: vec![plain.clone()],
            has_mixture: true,
        }));
    wait_for(harness, "likelihoods", |app| {
        app.likelihood_rows() == 3 && !app.is_busy()
    })?;
    std::fs::remove_file(&plain).map_err(|e| Error::io(&plain, &e))?;
    // Panels below the map have little room in a window of usual height.
    harness.set_size(TALL);
    picture(harness, PanelKind::Likelihood, "likelihood.png")?;
    harness.set_size(SIZE);
    harness.state_mut().act(Action::CompareFamilies(FamilyPlan {
        code: 10,
        epochs: 12,
        seed: 1,
    }));
    harness.state_mut().layout.bring_forward(PanelKind::Why);
    wait_for(harness, "families", |app| {
        app.has_families() && app.families_answered() > 0 && !app.is_busy()
    })?;
    picture(harness, PanelKind::Why, "why.png")?;
    harness.set_size(TALLER);
    harness.state_mut().act(Action::FitDensity(DensityPlan {
        over: Over::Pixels { dims: 50 },
        components: 12,
        seed: 1,
        keeps_out: true,
    }));
    harness.state_mut().layout.bring_forward(PanelKind::Mixture);
    wait_for(harness, "a mixture with its samples", |app| {
        let steps = app.mixture_steps();
        steps.is_some_and(|(_, is_settled)| is_settled) && !app.is_busy() && app.has_samples()
    })?;
    picture(harness, PanelKind::Mixture, "mixture.png")?;
    harness.set_size(SIZE);
    harness.state_mut().act(Action::FitDensity(DensityPlan {
        over: Over::Codes,
        components: 10,
        seed: 1,
        keeps_out: true,
    }));
    wait_for(harness, "a mixture over codes", |app| {
        app.has_codes_mixture() && !app.is_busy()
    })?;
    picture(harness, PanelKind::Map, "mixture-map.png")?;
    harness.set_size(TALLER);
    train_preset(harness, Preset::Denoising, |_| {}, 20)?;
    harness
        .state_mut()
        .layout
        .bring_forward(PanelKind::Denoising);
    wait_for(harness, "repaired pictures", |app| {
        app.repairs_answered() > 0 && app.errors_beside_components().is_some() && !app.is_busy()
    })?;
    picture(harness, PanelKind::Denoising, "denoising.png")?;
    harness.set_size(TALL);
    train_preset(harness, Preset::Pooled, |_| {}, 20)?;
    harness.state_mut().select(TOLD);
    harness
        .state_mut()
        .layout
        .bring_forward(PanelKind::Features);
    wait_for(harness, "feature maps", App::has_feature_maps)?;
    picture(harness, PanelKind::Features, "features.png")?;
    harness.set_size(SIZE);
    // With few numbers for the style a class has to be told by its name.
    let few = |spec: &mut ModelSpec| spec.code = 6 + spec.code - spec.style();
    train_preset(harness, Preset::Conditional, few, 30)?;
    harness
        .state_mut()
        .layout
        .bring_forward(PanelKind::Conditions);
    wait_for(harness, "styles with every class", App::has_grid)?;
    picture(harness, PanelKind::Conditions, "style-and-class.png")?;
    harness.state_mut().act(Action::CompareLabels(Comparison {
        plan: ClassifierPlan {
            pretraining: Some(Pretraining {
                teacher: Teacher::AutoEncoder,
                epochs: 6,
            }),
            epochs: 25,
            corruption: Some((Corruption::Masking, 0.2)),
            ..ClassifierPlan::default()
        },
        budgets: Comparison::budgets_for(4000),
        seeds: 1,
        test: "digits:test".parse().ok(),
    }));
    harness.state_mut().layout.bring_forward(PanelKind::Labels);
    wait_for(harness, "classifiers with few labels", |app| {
        app.labelled_rows().1 && !app.is_busy()
    })?;
    picture(harness, PanelKind::Labels, "few-labels.png")?;
    open(harness, "faces:3000", 3000)?;
    harness
        .state_mut()
        .act(Action::MeasureFactors { bins: 20, seed: 1 });
    wait_for(harness, "factors", |app| {
        app.factors().is_some() && !app.is_busy()
    })?;
    picture(harness, PanelKind::Factors, "factors.png")
}

/// Opens built-in data and waits for the map of all `items`.
fn open(harness: &mut Harness<'_, App>, data: &str, items: usize) -> Result<()> {
    let source: DatasetSource = data.parse()?;
    harness.state_mut().act(Action::Open(source));
    wait_for(harness, data, |app| {
        app.mapped_items() == items && !app.is_busy()
    })
}

/// Trains a model of the open data from its beginning to its end, with `change` made to the preset's specification, and waits until all is
/// encoded.
fn train_preset(
    harness: &mut Harness<'_, App>,
    preset: Preset,
    change: impl FnOnce(&mut ModelSpec),
    epochs: usize,
) -> Result<()> {
    let data = harness.state().state.session.dataset.clone();
    let data = data.ok_or_else(|| Error::usage("there are no items to train on"))?;
    let mut spec = preset.spec_for(&data)?;
    change(&mut spec);
    let spec = spec.check()?;
    let config = TrainConfig {
        epochs,
        ..preset.training(data.shape())
    };
    let before = harness.state().state.session.id;
    let train = Action::Train {
        spec: Box::new(spec),
        config: Box::new(config),
        from_model: false,
    };
    harness.state_mut().act(train);
    wait_for(harness, "training to begin", |app| app.state.is_training())?;
    wait_for(harness, "the end of training", |app| {
        let session = &app.state.session;
        !app.state.is_training() && session.id > before && session.is_encoded && !app.is_busy()
    })
}

/// The map by UMAP, a part of it selected, in both themes.
fn picture_map(
    harness: &mut Harness<'_, App>,
    dir: &Path,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    let method = MapMethod::Umap {
        neighbours: 15,
        min_distance: 0.1,
        epochs: 0,
        seed: 1,
    };
    harness.state_mut().act(Action::Map(method));
    harness.run_steps(3);
    wait_for(harness, "the layout", |app| {
        matches!(app.map_method(), Some(MapMethod::Umap { .. })) && app.state.tasks.is_empty()
    })?;
    for (theme, name) in [
        (Theme::Dark, "map-umap.png"),
        (Theme::Light, "map-umap-light.png"),
    ] {
        harness.state_mut().set_theme(theme);
        settle(harness);
        settle(harness);
        let whole = shoot(harness)?;
        let panel = harness.state().layout.rect_of(PanelKind::Map);
        save(&crop(&whole, panel), &dir.join(name), written)?;
    }
    harness.state_mut().set_theme(Theme::Dark);
    harness.state_mut().act(Action::Map(MapMethod::Components));
    settle(harness);
    Ok(())
}

/// Two components swept on a grid.
fn picture_sheet(
    harness: &mut Harness<'_, App>,
    dir: &Path,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    harness.state_mut().queue_command(Command::ResetCode);
    harness.state_mut().layout.bring_forward(PanelKind::Sheet);
    harness.run_steps(3);
    wait_for(harness, "the sheet", |app| {
        let sheet = &app.state.sheet;
        sheet.side > 0 && sheet.done == sheet.side * sheet.side
    })?;
    settle(harness);
    let whole = shoot(harness)?;
    let panel = harness.state().layout.rect_of(PanelKind::Sheet);
    save(&crop(&whole, panel), &dir.join("sheet.png"), written)?;
    harness.state_mut().layout.bring_forward(PanelKind::Picture);
    Ok(())
}

/// A path of a few faces, half-way.
fn picture_path(
    harness: &mut Harness<'_, App>,
    dir: &Path,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    for item in [7, 42, 311, 1234] {
        harness.state_mut().select(item);
        harness.run_steps(3);
        harness.state_mut().queue_command(Command::AddKey);
        harness.run_steps(3);
    }
    harness.state_mut().act(Action::Seek(1.5));
    settle(harness);
    let whole = shoot(harness)?;
    let panel = harness.state().layout.rect_of(PanelKind::Path);
    save(&crop(&whole, panel), &dir.join("path.png"), written)?;
    harness
        .state_mut()
        .layout
        .bring_forward(PanelKind::Retrieval);
    Ok(())
}

/// Trains on digits until the curve can be read.
fn train(harness: &mut Harness<'_, App>) -> Result<()> {
    harness.state_mut().queue_command(Command::OpenDigits);
    wait_for(harness, "digits", |app| {
        app.loaded_names().0 == "digits" && !app.is_busy() && app.items() > 0
    })?;
    harness.state_mut().train();
    wait_for(harness, "training to begin", |app| app.state.is_training())?;
    wait_for(harness, "a loss curve", |app| {
        app.loss_points() > 600 && app.state.preview.is_some()
    })?;
    harness.key_press_modifiers(Modifiers::COMMAND, Key::E);
    wait_for(harness, "training to halt", |app| !app.is_running())?;
    settle(harness);
    Ok(())
}

/// Whether a graphics driver is there; the harness panics without one.
#[must_use]
pub fn can_draw() -> bool {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let mut adapters = pin!(instance.enumerate_adapters(wgpu::Backends::all()));
    // On a desktop the list is ready at once.
    let list = adapters
        .as_mut()
        .poll(&mut TaskContext::from_waker(Waker::noop()));
    matches!(list, Poll::Ready(found) if !found.is_empty())
}

fn wait_for(
    harness: &mut Harness<'_, App>,
    what: &str,
    is_there: impl Fn(&App) -> bool,
) -> Result<()> {
    let start = Instant::now();
    while !is_there(harness.state()) {
        if start.elapsed() > PATIENCE {
            return Err(Error::device(format!(
                "the window waited in vain for {what}"
            )));
        }
        harness.step();
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Steps until fades and animations are over, two seconds on the window's own clock. It is drawn meanwhile, because the
/// pictures on the map come from a thread of their own, some with each frame that is drawn.
fn settle(harness: &mut Harness<'_, App>) {
    for _ in 0..6 {
        harness.run_steps(10);
        std::thread::sleep(Duration::from_millis(80));
        if let Err(error) = harness.render() {
            tracing::debug!("{error}");
        }
    }
}

fn shoot(harness: &mut Harness<'_, App>) -> Result<RgbaImage> {
    harness.render().map_err(Error::device)
}

fn crop(whole: &RgbaImage, panel: Option<Rect>) -> RgbaImage {
    let Some(rect) = panel else {
        return whole.clone();
    };
    // Its neighbours' edges lie on it.
    let rect = rect.shrink(2.0);
    let (x, y) = (rect.left().max(0.0) as u32, rect.top().max(0.0) as u32);
    image::imageops::crop_imm(whole, x, y, rect.width() as u32, rect.height() as u32).to_image()
}

fn save(picture: &RgbaImage, path: &Path, written: &mut Vec<PathBuf>) -> Result<()> {
    let file = std::fs::File::create(path).map_err(|e| Error::io(path, &e))?;
    let encoder = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive);
    // The window covers everything.
    let opaque = image::DynamicImage::ImageRgba8(picture.clone()).to_rgb8();
    opaque
        .write_with_encoder(encoder)
        .map_err(|e| Error::file(path, e.to_string()))?;
    written.push(path.to_path_buf());
    Ok(())
}
