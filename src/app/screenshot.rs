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

use super::application::{App, AppOptions};
use super::command::{Action, Command};
use super::panels::PanelKind;
use crate::data::DatasetSource;
use crate::engine::{EngineOptions, LikelihoodPlan};
use crate::error::{Error, Result};
use crate::model::FamilyPlan;
use crate::space::MapMethod;

const SIZE: Vec2 = Vec2::new(1440.0, 900.0);
/// How long anything may take; encoding twenty thousand faces on a slow machine is the longest.
const PATIENCE: Duration = Duration::from_mins(5);

/// Opens the window off screen, waits until it is full of life, and writes what it looks like into `dir`: the whole
/// window in both themes, and close-ups of the map, the retrieval strip, the sheet, the path and training. Gives the files
/// written.
///
/// # Errors
/// When there is no graphics driver, the window does not get ready, or a file cannot be written.
pub fn screenshots(dir: &Path, engine: EngineOptions) -> Result<Vec<PathBuf>> {
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

    wait_for(&mut harness, "every item on the map", |app| {
        let expected = app.state.session.expected_items;
        expected > 0 && app.mapped_items() == expected && app.state.tasks.is_empty()
    })?;
    let chosen = harness.state().telling_item();
    harness.state_mut().select(chosen);
    wait_for(&mut harness, "the neighbours of an item", |app| {
        app.has_neighbours() && app.is_picture_current() && app.state.inspected.is_some()
    })?;
    settle(&mut harness);
    for (theme, name) in [
        (Theme::Dark, "window-dark.png"),
        (Theme::Light, "window-light.png"),
    ] {
        harness.state_mut().set_theme(theme);
        settle(&mut harness);
        let whole = shoot(&mut harness)?;
        save(&whole, &dir.join(name), &mut written)?;
    }
    harness.state_mut().set_theme(Theme::Dark);
    settle(&mut harness);
    for (kind, name) in [
        (PanelKind::Map, "map.png"),
        (PanelKind::Retrieval, "retrieval.png"),
    ] {
        let whole = shoot(&mut harness)?;
        save(
            &crop(&whole, harness.state().layout.rect_of(kind)),
            &dir.join(name),
            &mut written,
        )?;
    }
    picture_map(&mut harness, dir, &mut written)?;
    picture_sheet(&mut harness, dir, &mut written)?;
    picture_path(&mut harness, dir, &mut written)?;
    train(&mut harness)?;
    let whole = shoot(&mut harness)?;
    let panel = harness.state().layout.rect_of(PanelKind::Training);
    save(
        &crop(&whole, panel),
        &dir.join("training.png"),
        &mut written,
    )?;
    picture_benches(&mut harness, dir, &mut written)?;
    Ok(written)
}

/// The model at moments of its training, families side by side, likelihoods, factors and repaired pictures.
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
    picture(harness, PanelKind::Formation, "formation.png")?;
    harness.state_mut().queue_command(Command::Stop);
    wait_for(harness, "the end of training", |app| {
        !app.state.is_training() && !app.is_busy()
    })?;
    let few: DatasetSource = "digits:4000".parse()?;
    harness.state_mut().act(Action::Open(few));
    wait_for(harness, "fewer digits", |app| {
        app.mapped_items() == 4000 && !app.is_busy()
    })?;
    harness.state_mut().layout.bring_forward(PanelKind::Why);
    harness.state_mut().act(Action::CompareFamilies(FamilyPlan {
        code: 10,
        epochs: 12,
        seed: 1,
    }));
    wait_for(harness, "families", |app| {
        app.has_families() && app.families_answered() > 0 && !app.is_busy()
    })?;
    picture(harness, PanelKind::Why, "why.png")?;
    harness
        .state_mut()
        .act(Action::MeasureLikelihoods(LikelihoodPlan {
            samples: 50,
            most: 1000,
            seed: 1,
            others: Vec::new(),
            has_mixture: true,
        }));
    wait_for(harness, "likelihoods", |app| {
        app.likelihood_rows() == 2 && !app.is_busy()
    })?;
    picture(harness, PanelKind::Likelihood, "likelihood.png")?;
    harness
        .state_mut()
        .layout
        .bring_forward(PanelKind::Denoising);
    wait_for(harness, "repaired pictures", |app| {
        app.repairs_answered() > 0
    })?;
    picture(harness, PanelKind::Denoising, "denoising.png")
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
    let (x, y) = (rect.left().max(0.0) as u32, rect.top().max(0.0) as u32);
    image::imageops::crop_imm(whole, x, y, rect.width() as u32, rect.height() as u32).to_image()
}

fn save(picture: &RgbaImage, path: &Path, written: &mut Vec<PathBuf>) -> Result<()> {
    picture
        .save(path)
        .map_err(|e| Error::file(path, e.to_string()))?;
    written.push(path.to_path_buf());
    Ok(())
}
