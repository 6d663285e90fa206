//! The application's life: events in, commands done, panels drawn.
//!
//! Invariant: state changes in [`App::logic`] only; drawing emits actions that the next `logic` carries out.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use eframe::egui::{self, CentralPanel, Context, Frame, Pos2, Ui};

use super::command::{Action, Command, Outbox, builtin};
use super::command_palette::{CommandPalette, Offer};
use super::dialogs::Dialogs;
use super::hint::Tried;
use super::layout::Layout;
use super::panels::{Cx, Panels};
use super::persist::Saved;
use super::session::Awaited;
use super::state::{PixelCost, State};
use super::sweeping::{Pointed, Sweep};
use super::textures::{Filter, Textures};
use super::theme::{self, Tokens};
use super::toasts::Toasts;
use super::view::{History, View};
use super::watch::Watch;
use super::{bars, help};
use crate::data::DatasetSource;
use crate::engine::{Engine, EngineOptions, LeftOut, ModelInfo, Query, TrainingState};
use crate::model::{Memorised, Preset};
use crate::retrieval::Space;
use crate::space::factors::Factors;
use crate::space::{Basis, MapMethod, Mixture};

/// How the window starts.
pub struct AppOptions {
    /// The data to open; with neither data nor model, the built-in faces.
    pub data: Option<DatasetSource>,
    /// The model to open.
    pub model: Option<PathBuf>,
    /// How tensors are computed.
    pub engine: EngineOptions,
    /// The session to bring back, instead of data and model.
    pub session: Option<PathBuf>,
    /// The folder for trained models that nobody saved, so that no training is lost; none are kept without one.
    pub keep_in: Option<PathBuf>,
}

/// Which overlay is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Overlay {
    Palette,
    Shortcuts,
    About,
}

/// The window.
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that have nothing to do with each other"
)]
pub struct App {
    pub(super) engine: Engine,
    pub(super) state: State,
    pub(super) view: View,
    pub(super) history: History,
    pub(super) layout: Layout,
    pub(super) textures: Textures,
    pub(super) toasts: Toasts,
    pub(super) dialogs: Dialogs,
    pub(super) tried: Tried,
    pub(super) is_dark: bool,
    pub(super) is_smooth: bool,
    pub(super) overlay: Option<Overlay>,
    pub(super) palette: CommandPalette,
    /// The view of the last start, until its data and model are there.
    pub(super) last_view: Option<(String, String, View)>,
    pub(super) generations: Generations,
    /// The coordinates that the sliders show; follows from view and session.
    pub(super) basis: Arc<Basis>,
    /// Whether a draw from the mixture waits for it to be fitted.
    pub(super) wants_sample: bool,
    /// A session that was opened, until its data and model are there.
    pub(super) awaited: Option<Awaited>,
    /// A table that waits for the data to be there.
    pub(super) metadata_wanted: Option<PathBuf>,
    /// Whether dragging on the map draws a lasso.
    pub(super) has_lasso: bool,
    pub(super) started: Instant,
    pub(super) queue: VecDeque<Action>,
    pub(super) frame_secs: f32,
    pub(super) keep_in: Option<PathBuf>,
    /// The model that was kept last.
    pub(super) kept: Option<Arc<ModelInfo>>,
    /// What became of the file that pictures are looked at in.
    pub(super) watch: Watch,
    panels: Panels,
    hovered: Option<usize>,
    /// The code at the pointer, whose picture was asked for last.
    hovered_code: Option<Vec<f32>>,
    /// The dimension that the pointer rests on.
    pub(super) pointed: Option<Pointed>,
    /// The slider that moves by itself for that.
    pub(super) sweep: Option<Sweep>,
}

/// Numbers of the newest live requests; answers to older ones are dropped.
#[derive(Default)]
pub(super) struct Generations {
    pub decode: u64,
    pub decoded: u64,
    pub inspect: u64,
    /// The newest of those that asked for features.
    pub features: u64,
    pub retrieve: u64,
    pub encode: u64,
    pub place: u64,
    pub hover: u64,
    pub sheet: u64,
    pub keys: u64,
    pub key_places: u64,
    pub refine: u64,
    pub map: u64,
    pub pass: u64,
}

impl App {
    /// The window's contents, with the engine started and the first data asked for.
    pub fn new(cc: &eframe::CreationContext<'_>, options: AppOptions) -> Self {
        let ctx = cc.egui_ctx.clone();
        let saved = Saved::load(cc.storage);
        theme::install(&ctx);
        let mut points = 0;
        if let Some(render) = &cc.wgpu_render_state {
            crate::render::install(render);
            points = crate::render::point_budget(&render.adapter.get_info());
        }
        ctx.set_theme(saved.theme());
        let wake = ctx.clone();
        let engine = Engine::start(options.engine, move || wake.request_repaint());
        let session = options.session.map(Action::OpenSession);
        let is_bare = options.model.is_none() && session.is_none();
        let faces = || builtin("faces").filter(|_| is_bare);
        let data = options.data.or_else(faces).map(Action::Open);
        let model = options.model.clone().map(Action::OpenModel);
        Self {
            engine,
            state: State {
                recent: saved.recent,
                ..State::default()
            },
            view: View::default(),
            history: History::default(),
            layout: saved.layout,
            textures: Textures::default(),
            toasts: Toasts::default(),
            dialogs: Dialogs::default(),
            tried: saved.tried,
            is_dark: saved.is_dark,
            is_smooth: saved.is_smooth,
            overlay: None,
            palette: CommandPalette::default(),
            last_view: saved.view,
            generations: Generations::default(),
            basis: Arc::new(Basis::Dimensions(0)),
            wants_sample: false,
            awaited: None,
            metadata_wanted: None,
            has_lasso: false,
            started: Instant::now(),
            queue: session.into_iter().chain(data).chain(model).collect(),
            frame_secs: 0.0,
            keep_in: options.keep_in,
            kept: None,
            watch: Watch::default(),
            panels: Panels::new(points),
            hovered: None,
            hovered_code: None,
            pointed: None,
            sweep: None,
        }
    }

    /// Where item `id` was drawn on the map in the last frame, if it was.
    pub fn item_position(&self, id: usize) -> Option<Pos2> {
        let positions = self.state.session.projection.as_ref()?.positions();
        self.panels.map.screen_position(*positions.get(id)?)
    }

    /// Items that are loaded so far.
    pub fn items(&self) -> usize {
        self.state.items()
    }

    /// Whether a model is loaded.
    pub fn has_model(&self) -> bool {
        self.state.model().is_some()
    }

    /// Items that are on the map so far.
    pub fn mapped_items(&self) -> usize {
        self.state
            .session
            .projection
            .as_ref()
            .map_or(0, |p| p.positions().len())
    }

    /// Whether the neighbours of the selection are there, in both spaces.
    pub fn has_neighbours(&self) -> bool {
        self.state
            .comparison
            .as_ref()
            .is_some_and(|c| c.rows.iter().all(|row| !row.ids.is_empty()))
    }

    /// The strength of the distortion whose answer is shown, where a distorted copy is looked for.
    pub fn answered_strength(&self) -> Option<f32> {
        match self.state.comparison.as_ref()?.query {
            Query::Distorted { strength, .. } => Some(strength),
            _ => None,
        }
    }

    /// The spaces of the answer that is shown, one per row.
    pub fn rows(&self) -> Vec<Space> {
        let rows = self.state.comparison.as_ref().map(|c| &c.rows);
        rows.into_iter().flatten().map(|row| row.space).collect()
    }

    /// The measured recall of the approximate index that a row of the answer came from; `None` for an exact row.
    pub fn recall_of(&self, row: usize) -> Option<f64> {
        let row = self.state.comparison.as_ref()?.rows.get(row)?;
        row.index.map(|(_, recall)| recall)
    }

    /// The neighbours that a row of the answer shows, nearest first.
    pub fn neighbours(&self, row: usize) -> &[u32] {
        let rows = self.state.comparison.as_ref().map(|c| &c.rows);
        rows.and_then(|rows| rows.get(row))
            .map_or(&[], |row| &row.ids)
    }

    /// What each pixel that is changed in the sliders' picture costs.
    pub fn flipped(&self) -> Vec<PixelCost> {
        let passed = self.state.flipped.as_deref().unwrap_or_default();
        match passed.split_first() {
            Some((base, cases)) => cases.iter().map(|case| PixelCost::of(base, case)).collect(),
            None => Vec::new(),
        }
    }

    /// What the model was found to copy, once that was measured.
    pub fn memorised(&self) -> Option<&Memorised> {
        self.state.session.memorised.as_deref()
    }

    /// What the items owe to having been trained on, once that was measured.
    pub fn left_out(&self) -> Option<&LeftOut> {
        self.state.session.left_out.as_deref()
    }

    /// What the dimensions have to do with known factors, once that was measured.
    pub fn factors(&self) -> Option<&Factors> {
        self.state.session.factors.as_deref()
    }

    /// Whether a picture answers the newest position of the sliders.
    pub fn is_picture_current(&self) -> bool {
        self.state.decoded.is_some() && self.generations.decoded == self.generations.decode
    }

    /// Points of the loss curve so far.
    pub fn loss_points(&self) -> usize {
        self.state.curve.len()
    }

    /// Whether the model holds weights that no file does, from the first step of its training on.
    pub fn has_unsaved_model(&self) -> bool {
        self.state.model().is_some_and(|model| model.is_unsaved)
    }

    /// Whether something is being opened, read, encoded or trained. A session that waits for a person to find its files is none of it.
    pub fn is_busy(&self) -> bool {
        let is_restoring = self
            .awaited
            .as_ref()
            .is_some_and(|a| a.missing().is_empty());
        !self.state.tasks.is_empty()
            || self.state.is_training()
            || self.state.opening.is_some()
            || is_restoring
    }

    /// Selects an item, as a click on it does.
    pub fn select(&mut self, id: usize) {
        self.queue.push_back(Action::Select(id));
    }

    /// Writes the model to a file, as the dialog does once a file is chosen.
    pub fn save_model(&mut self, file: PathBuf) {
        self.queue.push_back(Action::SaveModel(file));
    }

    /// The selected items, ascending.
    pub fn selected_items(&self) -> Vec<u32> {
        self.view.selection.ids().collect()
    }

    /// Writes the comparison of classifiers, as the dialog does once a file is chosen.
    pub fn save_labels_to(&mut self, file: PathBuf) {
        self.queue.push_back(Action::SaveLabels(file));
    }

    /// Reads a comparison of classifiers, as the dialog does once a file is chosen.
    pub fn open_labels_from(&mut self, file: PathBuf) {
        self.queue.push_back(Action::OpenLabels(file));
    }

    /// Writes the mixture, as the dialog does once a file is chosen.
    pub fn save_mixture_to(&mut self, file: PathBuf) {
        self.queue.push_back(Action::SaveDensity(file));
    }

    /// Steps that the fit of the mixture has taken, and whether it has settled; nothing without one.
    #[must_use]
    pub fn mixture_steps(&self) -> Option<(usize, bool)> {
        let mixed = self.state.session.density.as_ref()?;
        let mixture = mixed.density.mixture();
        Some((mixture.steps(), mixture.is_settled()))
    }

    /// Whether there is a mixture over the codes that has settled.
    #[must_use]
    pub fn has_codes_mixture(&self) -> bool {
        let mixed = self.state.session.density.as_ref();
        mixed.is_some_and(|own| own.of_codes().is_some_and(Mixture::is_settled))
    }

    /// Whether there is an own picture.
    #[must_use]
    pub fn has_own_picture(&self) -> bool {
        self.view.own.is_some()
    }

    /// Whether the samples of the mixture are there.
    #[must_use]
    pub fn has_samples(&self) -> bool {
        let newest = self.state.drawn.newest();
        self.state.drawn.is_idle() && newest.is_some_and(|(_, sampled)| sampled.is_some())
    }

    /// Writes the path as an animation, as the dialog does once a file is chosen.
    pub fn export_path_to(&mut self, file: PathBuf) {
        self.queue.push_back(Action::ExportPath(file));
    }

    /// Writes the path's key-frames, as the dialog does once a file is chosen.
    pub fn save_path_to(&mut self, file: PathBuf) {
        self.queue.push_back(Action::SavePath(file));
    }

    /// Writes the sheet, as the dialog does once a file is chosen.
    pub fn export_sheet_to(&mut self, file: PathBuf) {
        self.queue.push_back(Action::ExportSheet(file));
    }

    /// Writes the comparison of spaces to a folder, as the dialog does once one is chosen.
    pub fn export_report_to(&mut self, folder: PathBuf) {
        self.queue.push_back(Action::ExportReport(folder));
    }

    /// Moments of the training that are known.
    #[must_use]
    pub fn formation_moments(&self) -> usize {
        let formation = self.state.formation.as_ref();
        formation.map_or(0, |formation| formation.moments.len())
    }

    /// Writes these moments to `file` as an animation.
    pub fn export_formation_to(&mut self, file: PathBuf) {
        self.queue.push_back(Action::ExportFormation(file));
    }

    /// Whether families of auto-encoders were compared.
    #[must_use]
    pub fn has_families(&self) -> bool {
        self.state.session.families.is_some()
    }

    /// Rows of the comparison of classifiers that are there, and whether they are all.
    #[must_use]
    pub fn labelled_rows(&self) -> (usize, bool) {
        let labelled = self.state.session.labelled.as_ref();
        labelled.map_or((0, false), |labelled| {
            let compared = &labelled.compared;
            (compared.budgets.len(), compared.is_complete())
        })
    }

    /// What a probe found of the model, where it was asked.
    #[must_use]
    pub fn probed(&self) -> Option<&crate::model::Probed> {
        self.state
            .session
            .probed
            .as_ref()
            .map(|probed| &probed.found)
    }

    /// On how many items classes were counted, and which share of them the model misses.
    #[must_use]
    pub fn class_missed(&self) -> Option<(usize, f64)> {
        self.state.session.class_missed
    }

    /// The newest wish that the families answered, counted from 1.
    #[must_use]
    pub fn families_answered(&self) -> u64 {
        self.state.families.answered()
    }

    /// Squared error per picture of the model and of principal components of the same size, where they were measured.
    #[must_use]
    pub fn errors_beside_components(&self) -> Option<(f64, f64)> {
        let linear = self.state.session.linear.as_ref();
        linear.map(|linear| (linear.of_model, linear.of_components))
    }

    /// Whether feature maps of the item in focus were made.
    #[must_use]
    pub fn has_feature_maps(&self) -> bool {
        let inspected = self.state.inspected.as_ref();
        inspected.is_some_and(|inspected| inspected.features.is_some())
    }

    /// Rows of the table of likelihoods.
    #[must_use]
    pub fn likelihood_rows(&self) -> usize {
        let table = self.state.session.likelihoods.as_ref();
        table.map_or(0, |table| table.rows.len())
    }

    /// Adds a model to that table.
    pub fn add_to_likelihood(&mut self, file: PathBuf) {
        self.queue.push_back(Action::AddToLikelihood(file));
    }

    /// The newest pictures that the model repaired, counted from 1.
    #[must_use]
    pub fn repairs_answered(&self) -> u64 {
        self.state.repairs.answered()
    }

    /// Whether a grid of styles and classes was answered.
    #[must_use]
    pub fn has_grid(&self) -> bool {
        self.state.grid.newest().is_some()
    }

    /// The comparison of spaces over many queries, once it is there, with every part of it.
    pub fn has_study(&self) -> bool {
        let study = self.state.session.study.as_ref();
        study.is_some_and(|study| !study.report.findings.robustness.is_empty())
    }

    /// Where the key-frames of the path were drawn on the map in the last frame; none where one was not.
    pub fn key_positions(&self) -> Vec<Option<Pos2>> {
        let place = |key| {
            let map = self.state.session.projection.as_ref()?;
            let place = super::key_places::key_place(&self.state, map, key)?;
            self.panels.map.screen_position(place)
        };
        self.view.path.keys().iter().map(place).collect()
    }

    /// Key-frames of the path.
    pub fn path_keys(&self) -> usize {
        self.view.path.keys().len()
    }

    /// Where the play head is, in seconds, and whether it moves.
    pub fn play_head(&self) -> (f64, bool) {
        (self.state.head, self.state.is_playing)
    }

    /// The pixels of the pictures on the sheet, row by row from the top, once all answer what was asked for last.
    pub fn sheet_pixels(&self) -> Option<Vec<&[u8]>> {
        let sheet = &self.state.sheet;
        let pictures = sheet.pictures.iter().map(Option::as_ref);
        let pixels: Option<Vec<&[u8]>> = pictures.map(|p| Some(p?.pixels.as_slice())).collect();
        pixels.filter(|p| !p.is_empty() && sheet.done == p.len())
    }

    /// The sliders' code.
    pub fn code(&self) -> &[f32] {
        &self.view.code
    }

    /// The pixels of the picture of the sliders' code, once it is there.
    pub fn decoded_pixels(&self) -> Option<&[u8]> {
        Some(&self.state.decoded.as_ref()?.picture.pixels)
    }

    /// The pixels of the picture of the code at the pointer, once it is there.
    pub fn hovered_pixels(&self) -> Option<&[u8]> {
        self.hovered_code.as_ref()?;
        Some(&self.state.hovered.as_ref()?.pixels)
    }

    /// Where the sliders' code lies on the screen, where the map can place it.
    pub fn code_position(&self) -> Option<Pos2> {
        let place = self
            .state
            .session
            .projection
            .as_ref()?
            .place(&self.view.code);
        self.panels
            .map
            .screen_position(place.or(self.state.placed)?)
    }

    /// What the map is made by at present, such as `components`, and whether it is on its way to another.
    pub fn map_method(&self) -> Option<&MapMethod> {
        Some(self.state.session.projection.as_ref()?.method())
    }

    /// Opens a file, as one that is dropped on the window.
    pub fn open_file(&mut self, file: PathBuf) {
        self.queue.push_back(Action::OpenPath(file));
    }

    /// Brings a session back, as the dialog does once a file is chosen.
    pub fn open_session(&mut self, file: PathBuf) {
        self.queue.push_back(Action::OpenSession(file));
    }

    /// Writes the session, as the dialog does once a file is chosen.
    pub fn save_session(&mut self, file: PathBuf) {
        self.queue.push_back(Action::SaveSession(file));
    }

    /// Whether training takes steps.
    pub fn is_running(&self) -> bool {
        self.state
            .training
            .as_ref()
            .is_some_and(|t| t.state == TrainingState::Running)
    }

    /// An item with much to tell: its nearest in the two spaces differ, and it lies among others.
    pub(super) fn telling_item(&self) -> usize {
        let Some(projection) = &self.state.session.projection else {
            return 0;
        };
        let positions = projection.positions();
        let spread =
            positions.iter().map(|p| p[0].hypot(p[1])).sum::<f32>() / positions.len().max(1) as f32;
        let off = |p: &[f32; 2]| (p[0] - 0.7 * spread).hypot(p[1] - 0.5 * spread);
        (0..positions.len())
            .min_by(|&a, &b| off(&positions[a]).total_cmp(&off(&positions[b])))
            .unwrap_or(0)
    }

    /// Shows the dark or the light theme.
    pub(super) fn set_theme(&mut self, theme: egui::Theme) {
        if self.is_dark != (theme == egui::Theme::Dark) {
            self.queue.push_back(Action::Run(Command::ToggleTheme));
        }
    }

    /// Does what a widget would ask for.
    pub(super) fn act(&mut self, action: Action) {
        self.queue.push_back(action);
    }

    /// Runs a command, as its menu entry does.
    pub(super) fn queue_command(&mut self, command: Command) {
        self.queue.push_back(Action::Run(command));
    }

    /// Trains on the loaded data with the preset that suits it.
    pub(super) fn train(&mut self) {
        if let Some(data) = &self.state.session.dataset {
            let preset = Preset::for_shape(data.shape());
            let (spec, config) = (preset.spec(data.shape()), preset.training(data.shape()));
            self.queue.push_back(Action::Train {
                spec: Box::new(spec),
                config: Box::new(config),
                from_model: false,
            });
        }
    }

    /// How large pictures are drawn.
    pub(super) fn filter(&self) -> Filter {
        let is_large = self
            .state
            .session
            .dataset
            .as_ref()
            .is_none_or(|d| d.shape().height.max(d.shape().width) >= 20);
        if self.is_smooth && is_large {
            Filter::Smooth
        } else {
            Filter::Pixels
        }
    }

    /// The name of the data and of the model that are loaded.
    pub(super) fn loaded_names(&self) -> (String, String) {
        let data = self
            .state
            .session
            .dataset
            .as_ref()
            .map_or(String::new(), |d| d.name().to_owned());
        let model = self.state.model().map_or(String::new(), |m| m.name.clone());
        (data, model)
    }

    /// What the command palette offers: every command, and what can be done with what is loaded.
    fn offers(&self, ctx: &Context) -> Vec<Offer> {
        let mut offers: Vec<Offer> = Command::all()
            .filter(|command| *command != Command::ShowPalette)
            .map(|command| Offer::of(ctx, command))
            .collect();
        for (name, colouring) in super::panels::colourings(&self.state) {
            offers.push(Offer::new(
                super::fonts::icon::PALETTE,
                format!("Colour by {}", name.to_lowercase()),
                "Let the colours of the map say this",
                Action::Colour(colouring),
            ));
        }
        let maps = [
            ("Map by components", MapMethod::Components),
            (
                "Map by UMAP",
                MapMethod::Umap {
                    neighbours: 15,
                    min_distance: 0.1,
                    epochs: 0,
                    seed: 1,
                },
            ),
            (
                "Map by t-SNE",
                MapMethod::Tsne {
                    perplexity: 30.0,
                    iterations: 500,
                    seed: 1,
                },
            ),
        ];
        for (name, method) in maps {
            offers.push(Offer::new(
                super::fonts::icon::MAP,
                name.to_owned(),
                "Lay the codes out on the map this way",
                Action::Map(method),
            ));
        }
        for named in self.view.named.iter().enumerate() {
            offers.push(Offer::new(
                super::fonts::icon::SELECTION,
                format!("Select {}", named.1.name),
                "Select the items that were saved under this name",
                Action::RecallSelection(named.0),
            ));
        }
        offers
    }

    fn collect_actions(&mut self, ctx: &Context) {
        let chosen: Vec<_> = self.dialogs.take().collect();
        for answer in chosen {
            match answer {
                Ok(action) => self.queue.push_back(action),
                Err(error) => self.fail(ctx, &error),
            }
        }
        let dropped = ctx.input(|i| {
            i.raw
                .dropped_files
                .iter()
                .map(|f| f.path().to_path_buf())
                .collect::<Vec<_>>()
        });
        self.queue.extend(dropped.into_iter().map(Action::OpenPath));
        // An open menu or list has the keys, Escape above all.
        if ctx.text_edit_focused() || egui::Popup::is_any_open(ctx) {
            return;
        }
        let events = ctx.input(|i| i.events.clone());
        for event in events {
            match event {
                egui::Event::PasteImage(image) => self.paste_own(ctx, &image),
                egui::Event::Paste(text) => self.paste_code(ctx, &text),
                egui::Event::Copy => self.copy_code(ctx),
                _ => {}
            }
        }
        for (command, shortcut) in Command::shortcuts() {
            if ctx.input_mut(|i| i.consume_shortcut(&shortcut)) {
                self.queue.push_back(Action::Run(command));
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        while let Some(event) = self.engine.poll() {
            self.apply(ctx, event);
        }
        if ctx.input(|i| i.viewport().close_requested()) {
            self.keep_unsaved();
        }
        self.collect_actions(ctx);
        while let Some(action) = self.queue.pop_front() {
            self.perform(ctx, action);
        }
        self.watch_data();
        self.walk(ctx);
        self.sweep_on(ctx);
        self.refresh_basis();
        self.place_keys();
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        if let Some(secs) = frame.info().cpu_usage {
            self.frame_secs += (secs - self.frame_secs) * 0.1;
        }
        let tokens = Tokens::current(ui.ctx());
        let mut out = Outbox::default();
        bars::top_ui(ui, self, tokens, &mut out);
        bars::status_ui(ui, self, tokens, &mut out);
        self.awaited_ui(ui, tokens, &mut out);
        self.watch_ui(ui, tokens, &mut out);
        let is_smooth = self.filter() == Filter::Smooth;
        let (code, shown) = (self.code_on_the_way(), self.shown_code());
        CentralPanel::default()
            .frame(Frame::new().fill(tokens.base).inner_margin(theme::HALF))
            .show(ui, |ui| {
                let mut cx = Cx {
                    state: &self.state,
                    view: &self.view,
                    basis: &self.basis,
                    code: &code,
                    pointed: self.pointed,
                    shown: &shown,
                    has_lasso: self.has_lasso,
                    hovered: self.hovered,
                    is_smooth,
                    hint: self.tried.next(),
                    is_data_changed: self.watch.is_changed(),
                    tokens,
                    textures: &mut self.textures,
                    out: &mut out,
                };
                self.layout.show_ui(ui, &mut self.panels, &mut cx);
            });
        if self.overlay == Some(Overlay::Palette) {
            let offers = self.offers(ui.ctx());
            if self.palette.show_ui(ui.ctx(), tokens, offers, &mut out) {
                self.overlay = None;
            }
        }
        help::overlay_ui(ui.ctx(), &mut self.overlay, tokens);
        bars::drop_target_ui(ui.ctx(), tokens);
        self.toasts.show_ui(ui.ctx(), tokens);

        if let Some((codes, side)) = out.sheet {
            self.request_sheet(codes, side);
        }
        self.request_key_pictures(&out.keys);
        if self.hovered_code != out.hovered_code {
            self.hovered_code = out.hovered_code;
            self.generations.hover += 1;
            if let Some(code) = self.hovered_code.clone() {
                self.engine.decode_hovered(self.generations.hover, code);
            }
        }
        if self.pointed != out.pointed {
            self.pointed = out.pointed;
            ui.ctx().request_repaint();
        }
        if self.hovered != out.hovered {
            self.hovered = out.hovered;
            ui.ctx().request_repaint();
        }
        if !out.actions.is_empty() {
            self.queue.extend(out.actions);
            ui.ctx().request_repaint();
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let (data, model) = self.loaded_names();
        let saved = Saved {
            is_dark: self.is_dark,
            is_smooth: self.is_smooth,
            layout: self.layout.clone(),
            recent: self.state.recent.clone(),
            tried: self.tried,
            view: Some((data, model, self.view.clone())),
        };
        saved.store(storage);
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        Tokens::of(if visuals.dark_mode {
            egui::Theme::Dark
        } else {
            egui::Theme::Light
        })
        .base
        .to_normalized_gamma_f32()
    }
}
