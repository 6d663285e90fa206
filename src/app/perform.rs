//! Carrying out commands and actions.
//!
//! Invariant: this and the engine's events are all that changes the window's state.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Context, ViewportCommand};

use super::application::{App, Overlay};
use super::command::{Action, Command};
use super::hint::Hint;
use super::state::Level;
use super::view::{Change, View};
use crate::engine::{Query, Request};

/// Neighbours shown in each row.
pub(super) const NEIGHBOURS: usize = 10;

impl App {
    /// Does one thing.
    pub(super) fn perform(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Run(command) => self.run(ctx, command),
            Action::Open(source) => {
                self.keep_unsaved();
                self.state.opening = Some(source.to_string());
                self.engine.request(Request::OpenData(source));
            }
            Action::OpenPath(path) => self.open_path(ctx, path),
            Action::OpenModel(path) => {
                self.keep_unsaved();
                self.state.remember(path.clone());
                self.engine.request(Request::OpenModel(path));
            }
            Action::SaveModel(path) => self.engine.request(Request::SaveModel(path)),
            Action::Select(item) => self.select_item(ctx, Some(item)),
            Action::SetDimension { dim, value } => {
                if self.view.code.get(dim).is_some_and(|v| *v != value) {
                    self.record(ctx, Change::Dimension(dim));
                    self.view.code[dim] = value;
                    self.tried.note(Hint::DragSlider);
                    self.request_picture();
                }
            }
            Action::Colour(colouring) => {
                self.record(ctx, Change::Colouring);
                self.view.colouring = colouring;
            }
            Action::Look(camera) => {
                if self.view.camera != camera {
                    self.record(ctx, Change::Camera);
                    self.view.camera = camera;
                }
            }
            Action::Train(spec, config) => {
                self.keep_unsaved();
                self.engine.request(Request::Train { spec, config });
            }
        }
    }

    fn run(&mut self, ctx: &Context, command: Command) {
        match command.request() {
            Some(Request::OpenData(source)) => return self.perform(ctx, Action::Open(source)),
            Some(request) => return self.engine.request(request),
            None => {}
        }
        match command {
            Command::OpenData | Command::OpenFolder | Command::OpenModel => {
                self.dialogs.open(ctx, command, "");
            }
            Command::SaveModel => {
                if let Some(model) = self.state.model() {
                    self.dialogs.open(ctx, command, &model.name);
                } else {
                    let text = "There is no model to save yet: open or train one";
                    self.tell(ctx, Level::Info, text.to_owned());
                }
            }
            Command::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            Command::Undo => {
                if let Some(view) = self.history.undo(&self.view) {
                    self.show(ctx, view);
                }
            }
            Command::Redo => {
                if let Some(view) = self.history.redo(&self.view) {
                    self.show(ctx, view);
                }
            }
            Command::ResetCode => {
                if let Some(mean) = self.mean_code() {
                    self.set_code(ctx, mean);
                }
            }
            Command::RandomCode => {
                let code = standard_normal(
                    self.view.code.len(),
                    self.generations.decode ^ self.entropy(),
                );
                self.set_code(ctx, code);
            }
            Command::CodeOfSelection => {
                if let Some(code) = self.view.selection.and_then(|item| self.code_of(item)) {
                    self.set_code(ctx, code);
                }
            }
            Command::ClearSelection => {
                if self.overlay.take().is_none() && self.view.selection.is_some() {
                    self.select_item(ctx, None);
                }
            }
            Command::NextItem => self.step_selection(ctx, 1),
            Command::PreviousItem => self.step_selection(ctx, -1),
            Command::RandomItem => {
                let items = self.state.items();
                if items > 0 {
                    let item = (self.entropy() % items as u64) as usize;
                    self.select_item(ctx, Some(item));
                }
            }
            Command::FitMap => self.perform(ctx, Action::Look(None)),
            Command::ToggleSmooth => {
                self.is_smooth = !self.is_smooth;
                self.refresh_textures(ctx);
            }
            Command::ToggleTheme => {
                self.is_dark = !self.is_dark;
                ctx.set_theme(if self.is_dark {
                    eframe::egui::Theme::Dark
                } else {
                    eframe::egui::Theme::Light
                });
                self.refresh_textures(ctx);
            }
            Command::TogglePanel(kind) => self.layout.toggle(kind),
            Command::ResetLayout => self.layout = super::layout::Layout::default(),
            Command::ShowShortcuts => self.toggle_overlay(Overlay::Shortcuts),
            Command::ShowAbout => self.toggle_overlay(Overlay::About),
            // Requests were sent above.
            Command::OpenFaces
            | Command::OpenDigits
            | Command::Cancel
            | Command::Pause
            | Command::Resume
            | Command::Step
            | Command::Stop => {}
        }
    }

    /// Saves a trained model that nobody saved, before it is replaced or the window closes.
    pub(super) fn keep_unsaved(&mut self) {
        let (Some(folder), Some(model)) = (&self.keep_in, self.state.model()) else {
            return;
        };
        if !model.is_unsaved
            || self
                .kept
                .as_ref()
                .is_some_and(|kept| Arc::ptr_eq(kept, model))
        {
            return;
        }
        if let Err(e) = std::fs::create_dir_all(folder) {
            tracing::error!("{}: {e}", folder.display());
            return;
        }
        let name = model.name.replace(|c: char| !c.is_alphanumeric(), "-");
        let file = |n: usize| folder.join(format!("{name}-{n}.safetensors"));
        let free = (1..10_000).map(file).find(|path| !path.exists());
        self.kept = Some(model.clone());
        if let Some(path) = free {
            self.state.remember(path.clone());
            self.engine.request(Request::SaveModel(path));
        }
    }

    fn toggle_overlay(&mut self, overlay: Overlay) {
        self.overlay = (self.overlay != Some(overlay)).then_some(overlay);
    }

    fn open_path(&mut self, ctx: &Context, path: PathBuf) {
        let is_model = path.extension().and_then(|e| e.to_str()).is_some_and(|e| {
            matches!(
                e.to_ascii_lowercase().as_str(),
                "safetensors" | "pt" | "pth"
            )
        });
        if is_model {
            self.perform(ctx, Action::OpenModel(path));
            return;
        }
        match path.to_string_lossy().parse() {
            Ok(source) => {
                self.state.remember(path);
                self.perform(ctx, Action::Open(source));
            }
            Err(error) => self.fail(ctx, &error),
        }
    }

    /// Shows an error and keeps it in the log.
    pub(super) fn fail(&mut self, ctx: &Context, error: &crate::error::Error) {
        if error.is_cancelled() {
            return;
        }
        self.tell(ctx, Level::Error, error.to_string());
    }

    /// Shows a notice and keeps it in the log.
    pub(super) fn tell(&mut self, ctx: &Context, level: Level, text: String) {
        self.toasts.push(ctx, level, text.clone());
        self.note(level, text);
    }

    /// Adds a line to the log.
    pub(super) fn note(&mut self, level: Level, text: impl Into<String>) {
        self.state
            .note(self.started.elapsed().as_secs_f64(), level, text);
    }

    fn record(&mut self, ctx: &Context, change: Change) {
        self.history
            .record(&self.view, change, ctx.input(|i| i.time));
    }

    fn step_selection(&mut self, ctx: &Context, by: isize) {
        let items = self.state.items() as isize;
        if items > 0 {
            let from = self
                .view
                .selection
                .map_or(if by > 0 { -1 } else { 0 }, |s| s as isize);
            self.select_item(ctx, Some((from + by).rem_euclid(items) as usize));
        }
    }

    fn select_item(&mut self, ctx: &Context, item: Option<usize>) {
        if item.is_some_and(|item| item >= self.state.items()) {
            return;
        }
        self.record(ctx, Change::Selection);
        self.view.selection = item;
        if let Some(code) = item.and_then(|item| self.code_of(item)) {
            self.view.code = code;
            self.request_picture();
        }
        if item.is_some() {
            self.tried.note(Hint::ClickPoint);
        }
        self.request_neighbours();
    }

    fn set_code(&mut self, ctx: &Context, code: Vec<f32>) {
        self.record(ctx, Change::Code);
        self.view.code = code;
        self.request_picture();
    }

    fn show(&mut self, _ctx: &Context, view: View) {
        let selection_changed = view.selection != self.view.selection;
        self.view = view;
        self.request_picture();
        if selection_changed {
            self.request_neighbours();
        }
    }

    /// The posterior mean of an item, if it is encoded.
    fn code_of(&self, item: usize) -> Option<Vec<f32>> {
        let codes = self.state.session.codes.as_ref()?;
        (item < codes.len()).then(|| codes.code(item).to_vec())
    }

    /// The mean code of the loaded items, or of the items the model was trained on.
    fn mean_code(&self) -> Option<Vec<f32>> {
        let model = self.state.model()?;
        let mean = match &self.state.session.codes {
            Some(codes) if codes.dims() == model.spec.code && codes.len() > 1 => {
                codes.mean().to_vec()
            }
            _ if model.code_mean.len() == model.spec.code => model.code_mean.clone(),
            _ => vec![0.0; model.spec.code],
        };
        Some(mean)
    }

    /// What the sliders show at first: the code of one item, for a picture with character, else the mean.
    pub(super) fn first_code(&self) -> Option<Vec<f32>> {
        let model = self.state.model()?;
        if model.code_example.len() == model.spec.code {
            return Some(model.code_example.clone());
        }
        self.mean_code()
    }

    /// Asks for the picture of the sliders' code.
    pub(super) fn request_picture(&mut self) {
        if self
            .state
            .model()
            .is_some_and(|m| m.spec.code == self.view.code.len())
        {
            self.generations.decode += 1;
            self.engine
                .decode(self.generations.decode, self.view.code.clone());
        }
    }

    /// Asks for the neighbours of the selection and for its way through the model.
    pub(super) fn request_neighbours(&mut self) {
        self.state.comparison = None;
        self.generations.retrieve += 1;
        self.generations.inspect += 1;
        match self.view.selection {
            Some(item) => {
                self.engine
                    .retrieve(self.generations.retrieve, Query::Item(item), NEIGHBOURS);
                if self.state.model().is_some() {
                    self.engine.inspect(self.generations.inspect, item);
                }
            }
            None => self.state.inspected = None,
        }
    }

    fn entropy(&self) -> u64 {
        let nanos = self.started.elapsed().as_nanos() as u64;
        split_mix(nanos)
    }
}

/// One step of Steele, Lea and Flood's `SplitMix64` (2014).
fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `n` draws from a standard normal (Box and Muller).
fn standard_normal(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = split_mix(state);
        ((state >> 40) as f32 + 0.5) / (1u64 << 24) as f32
    };
    (0..n)
        .map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f32::consts::TAU * uniform()).cos())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_draws_have_unit_spread() {
        let draws = standard_normal(20_000, 7);
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / draws.len() as f32;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }
}
