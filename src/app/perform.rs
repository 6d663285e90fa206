//! Carrying out commands and actions.
//!
//! Invariant: this and the engine's events are all that changes the window's state.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Context, ViewportCommand};

use super::application::{App, Overlay};
use super::command::{Action, Choice, Command};
use super::command_palette::CommandPalette;
use super::hint::Hint;
use super::panels::PanelKind;
use super::state::Level;
use super::view::{BasisKind, Change, Drawn, Focus, MapLook, Sought, View};
use crate::data::Picture;
use crate::engine::{Query, Request, Search};
use crate::space::{MapMethod, Selection};

/// Neighbours shown in each row.
pub(super) const NEIGHBOURS: usize = 10;

impl App {
    /// Does one thing.
    pub(super) fn perform(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Run(command) => self.run(ctx, command),
            Action::Open(source) => {
                self.keep_unsaved();
                let source = self.pointed_to(source);
                self.state.opening = Some(source.to_string());
                self.engine.request(Request::OpenData(source));
            }
            Action::OpenPath(path) => self.open_path(ctx, path),
            // All end alike, and what is in them is seen at once.
            Action::OpenModel(path) if crate::space::Density::is_one(&path) => {
                self.layout.bring_forward(PanelKind::Mixture);
                self.engine.request(Request::OpenDensity(path));
            }
            Action::OpenModel(path) if crate::model::Compared::is_one(&path) => {
                self.layout.bring_forward(PanelKind::Labels);
                self.engine.request(Request::OpenLabels(path));
            }
            Action::OpenModel(path) => {
                self.keep_unsaved();
                self.pointed_to_model(&path);
                if path.exists() {
                    self.state.remember(path.clone());
                }
                self.engine.request(Request::OpenModel(path));
            }
            Action::SaveModel(path) => self.engine.request(Request::SaveModel(path)),
            Action::Select(item) => self.set_focus(ctx, Focus::Item(item)),
            Action::SetOwn { picture, stroke } => self.set_own(ctx, picture, stroke),
            Action::FocusOwn => {
                if self.view.own.is_some() {
                    self.set_focus(ctx, Focus::Own);
                    self.view.follows_own = true;
                    self.request_own();
                }
            }
            Action::ForgetOwn => self.forget_own(ctx),
            Action::SetCode { code, drag } => {
                let is_whole = code.len() == self.view.code.len();
                if is_whole && code != self.view.code && code.iter().all(|x| x.is_finite()) {
                    self.record(ctx, drag.map_or(Change::Code, Change::Dimension));
                    self.view.move_to(code);
                    self.tried.note(Hint::DragSlider);
                    self.request_picture();
                }
            }
            Action::Basis(kind) => {
                self.record(ctx, Change::Basis);
                self.view.basis = kind;
                if self.view.solo.take().is_some() {
                    self.request_picture();
                }
            }
            Action::Lock(index) => {
                self.record(ctx, Change::Basis);
                let slider = (self.view.basis, index);
                if !self.view.locked.remove(&slider) {
                    self.view.locked.insert(slider);
                }
            }
            Action::Solo(index) => {
                self.record(ctx, Change::Basis);
                let slider = Some((self.view.basis, index));
                self.view.solo = if self.view.solo == slider {
                    None
                } else {
                    slider
                };
                self.request_picture();
            }
            Action::Psi(psi) => {
                self.record(ctx, Change::Psi);
                self.view.psi = super::view::Psi(psi.clamp(0.0, 2.0));
                self.request_picture();
            }
            Action::Choose { items, how } => self.choose(ctx, &items, how),
            Action::NameSelection(name) => self.name_selection(ctx, name),
            Action::RecallSelection(place) => {
                if let Some(named) = self.view.named.get(place).cloned() {
                    self.choose(ctx, &named.selection, Choice::Replace);
                }
            }
            Action::ForgetSelection(place) => {
                if place < self.view.named.len() {
                    self.record(ctx, Change::Lists);
                    self.view.named.remove(place);
                }
            }
            Action::ExportSelection(path) => self.export_selection(path),
            Action::MeasureItems => self.engine.request(Request::MeasureItems),
            Action::Memorise {
                samples,
                seed,
                held_out,
            } => self.engine.request(Request::Memorise {
                samples,
                seed,
                held_out,
            }),
            Action::LeaveFoldOut { folds, epochs } => {
                self.engine.request(Request::LeaveFoldOut { folds, epochs });
            }
            Action::MeasureFactors { bins, seed } => {
                self.engine.request(Request::MeasureFactors { bins, seed });
            }
            Action::KeepSwept => self.keep_swept(ctx),
            Action::OpenMetadata(path) => self.engine.request(Request::AddMetadata(path)),
            Action::ExportSheet(path) => self.export_sheet(ctx, &path),
            Action::Study(study) => self.engine.request(Request::Study(study)),
            Action::ExportReport(folder) => self.engine.request(Request::WriteReport(folder)),
            Action::Repair(pictures) => {
                let generation = self.state.repairs.ask();
                self.engine.request(Request::Repair {
                    generation,
                    pictures,
                });
            }
            Action::DecodeGrid(codes) => {
                let generation = self.state.grid.ask();
                self.engine
                    .request(Request::DecodeGrid { generation, codes });
            }
            Action::MeasureComponents => self.measure_components(),
            Action::InspectFeatures => {
                // Once: where nothing comes of it there is nothing to see.
                if self.generations.features != self.generations.inspect {
                    self.inspect(true);
                }
            }
            Action::MeasureLikelihoods(plan) => {
                self.engine.request(Request::MeasureLikelihoods(plan));
            }
            Action::AddToLikelihood(path) => {
                let models = &mut self.view.likelihood_models;
                if !models.contains(&path) {
                    models.push(path);
                }
            }
            Action::LeaveOutOfLikelihood(path) => {
                self.view.likelihood_models.retain(|own| *own != path);
            }
            Action::CompareLabels(plan) => self.engine.request(Request::CompareLabels(plan)),
            Action::ResumeLabels => self.engine.request(Request::ResumeLabels),
            Action::OpenLabels(path) => self.engine.request(Request::OpenLabels(path)),
            Action::SaveLabels(path) => self.engine.request(Request::SaveLabels(path)),
            Action::Show(kind) => self.layout.bring_forward(kind),
            Action::FitDensity(plan) => self.engine.request(Request::FitDensity(plan)),
            Action::ResumeDensity => self.engine.request(Request::ResumeDensity),
            Action::OpenDensity(path) => self.engine.request(Request::OpenDensity(path)),
            Action::SaveDensity(path) => self.engine.request(Request::SaveDensity(path)),
            Action::DrawDensity(wish) => {
                let generation = self.state.drawn.ask();
                self.engine
                    .request(Request::DrawDensity { generation, wish });
            }
            Action::Probe(wish) => self.engine.request(Request::Probe(wish)),
            Action::CompareFamilies(plan) => self.engine.request(Request::CompareFamilies(plan)),
            Action::UseFamily(at) => {
                // One family after another is looked at: none of them is lost by that.
                if self.state.model().is_none_or(|own| !own.is_of_families) {
                    self.keep_unsaved();
                }
                self.engine.request(Request::UseFamily(at));
            }
            Action::DecodeFamilies(wish) => {
                let generation = self.state.families.ask();
                self.engine
                    .request(Request::DecodeFamilies { generation, wish });
            }
            Action::ExportFormation(path) => {
                if let Some(formation) = self.state.formation.clone() {
                    self.engine
                        .request(Request::WriteFormation { formation, path });
                }
            }
            Action::ExportPath(path) => self.export_path(ctx, path),
            Action::SavePath(path) => self.save_path(ctx, &path),
            Action::OpenPathFile(path) => self.open_path_file(ctx, &path),
            Action::SetPath { path, is_drag } => self.set_path(ctx, path, is_drag),
            Action::Seek(secs) => {
                if !self.state.is_playing {
                    self.record(ctx, Change::Head);
                }
                self.seek(secs);
            }
            Action::Lookup { lookup, is_drag } => {
                let change = if is_drag {
                    Change::Strength
                } else {
                    Change::Lookup
                };
                self.record(ctx, change);
                self.view.lookup = lookup;
                self.seek_neighbours();
            }
            Action::BuildIndex(space, kind) => {
                self.engine.request(Request::BuildIndex { space, kind });
            }
            Action::Flips(flips) => {
                self.record(ctx, Change::Flips);
                self.view.flips = flips;
                self.pass_flips();
            }
            Action::Sheet(spec) => {
                self.record(ctx, Change::Sheet);
                self.view.sheet = spec;
            }
            Action::SaveSession(path) => self.write_session(ctx, &path),
            Action::OpenSession(path) => self.read_session(ctx, &path),
            Action::LeaveSession => self.awaited = None,
            Action::FindDirection(contrast) => {
                self.engine.request(Request::FindDirection(contrast));
            }
            Action::ForgetDirection(place) => {
                if place < self.view.directions.len() {
                    self.record(ctx, Change::Lists);
                    self.view.directions.remove(place);
                }
            }
            Action::ToggleClass(class) => {
                self.record(ctx, Change::Legend);
                if !self.view.hidden.remove(&class) {
                    self.view.hidden.insert(class);
                }
            }
            Action::Scale(ends) => {
                self.record(ctx, Change::Scale);
                self.view.scale = ends;
            }
            Action::Colour(colouring) => {
                self.record(ctx, Change::Colouring);
                self.view.colouring = colouring;
                self.view.scale = None;
                self.view.hidden.clear();
                self.measure_if_needed();
            }
            Action::Map(method) => {
                self.record(ctx, Change::Map);
                self.set_map(method);
                self.view.camera = None;
            }
            Action::MapLook(look) => {
                self.record(ctx, Change::Look);
                self.view.look = look;
            }
            Action::Look(camera) => {
                if self.view.camera != camera {
                    self.record(ctx, Change::Camera);
                    self.view.camera = camera;
                }
            }
            Action::Train {
                spec,
                config,
                from_model,
            } => {
                self.keep_unsaved();
                self.engine.request(Request::Train {
                    spec: *spec,
                    config: *config,
                    from_model,
                });
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
                    self.set_unlocked(ctx, &mean);
                }
            }
            Command::RandomCode => {
                let seed = self.generations.decode ^ self.entropy();
                let code = self.code_of_prior(seed);
                self.set_unlocked(ctx, &code);
            }
            Command::RandomFromMixture => self.sample_mixture(ctx),
            Command::CopyCode => self.copy_code(ctx),
            // The clipboard answers with an event.
            Command::Paste => ctx.send_viewport_cmd(ViewportCommand::RequestPaste),
            Command::SlidersByDimensions => self.perform(ctx, Action::Basis(BasisKind::Dimensions)),
            Command::SlidersByComponents => self.perform(ctx, Action::Basis(BasisKind::Components)),
            Command::SlidersByDirections => self.perform(ctx, Action::Basis(BasisKind::Directions)),
            Command::CodeOfSelection => {
                if let Some(code) = self.view.item().and_then(|item| self.code_of(item)) {
                    self.set_code(ctx, code);
                }
            }
            Command::ClearSelection => {
                if self.overlay.take().is_some() {
                } else if !self.view.selection.is_empty() {
                    let none = Selection::none(self.state.items());
                    self.choose(ctx, &none, Choice::Replace);
                } else if self.view.focus != Focus::Nothing {
                    self.set_focus(ctx, Focus::Nothing);
                }
            }
            Command::SelectAll | Command::InvertSelection => {
                let mut items = Selection::none(self.state.items());
                if command == Command::InvertSelection {
                    items.add(&self.view.selection);
                }
                items.invert();
                self.choose(ctx, &items, Choice::Replace);
            }
            Command::NextItem => self.step_selection(ctx, 1),
            Command::PreviousItem => self.step_selection(ctx, -1),
            Command::RandomItem => {
                let items = self.state.items();
                if items > 0 {
                    let item = (self.entropy() % items as u64) as usize;
                    self.set_focus(ctx, Focus::Item(item));
                }
            }
            Command::DrawPicture => self.draw_own(ctx),
            Command::RefineOwn => self.refine_own(ctx),
            Command::ForgetOwn => self.perform(ctx, Action::ForgetOwn),
            Command::FitMap => self.perform(ctx, Action::Look(None)),
            Command::ToggleLasso => self.has_lasso = !self.has_lasso,
            Command::TogglePictures => {
                let look = MapLook {
                    has_pictures: !self.view.look.has_pictures,
                    ..self.view.look
                };
                self.perform(ctx, Action::MapLook(look));
            }
            Command::ToggleGaussians => {
                let look = MapLook {
                    has_gaussians: !self.view.look.has_gaussians,
                    ..self.view.look
                };
                self.perform(ctx, Action::MapLook(look));
            }
            Command::MapAutomatic => self.draw_map_as(ctx, Drawn::Auto),
            Command::MapAsPoints => self.draw_map_as(ctx, Drawn::Points),
            Command::MapAsDensity => self.draw_map_as(ctx, Drawn::Density),
            Command::OpenPositions
            | Command::OpenMetadata
            | Command::OpenPathFile
            | Command::OpenLabels
            | Command::OpenMixture
            | Command::OpenSession => self.dialogs.open(ctx, command, ""),
            Command::ExportSelection => self.dialogs.open(ctx, command, "items"),
            Command::ExportSheet => self.dialogs.open(ctx, command, "sheet"),
            Command::ExportReport => self.dialogs.open(ctx, command, "report"),
            Command::AddToLikelihood => self.dialogs.open(ctx, command, "model"),
            Command::SaveMixture => self.dialogs.open(ctx, command, "mixture"),
            Command::SaveLabels => self.dialogs.open(ctx, command, "classifiers"),
            Command::ExportFormation => self.dialogs.open(ctx, command, "formation"),
            Command::ExportPath
            | Command::ExportPathPng
            | Command::ExportPathFrames
            | Command::SavePath => self.dialogs.open(ctx, command, "path"),
            Command::SaveSession => self.dialogs.open(ctx, command, "session"),
            Command::PlayPath => self.play_path(ctx),
            Command::AddKey => self.add_key(ctx),
            Command::AddItemKey => self.add_item_key(ctx),
            Command::ToggleLoop => self.toggle_loop(ctx),
            Command::ToggleCrossfade => {
                self.record(ctx, Change::Path);
                self.view.has_crossfade = !self.view.has_crossfade;
            }
            Command::ClearPath => {
                self.set_path(ctx, crate::space::path::Path::default(), false);
            }
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
            Command::ShowPalette => {
                self.palette = CommandPalette::default();
                self.toggle_overlay(Overlay::Palette);
            }
            Command::ShowShortcuts => self.toggle_overlay(Overlay::Shortcuts),
            Command::ShowAbout => self.toggle_overlay(Overlay::About),
            // Requests were sent above.
            Command::OpenFaces
            | Command::OpenDigits
            | Command::OpenCreatures
            | Command::Cancel
            | Command::Pause
            | Command::Resume
            | Command::Step
            | Command::Stop => {}
        }
    }

    fn draw_map_as(&mut self, ctx: &Context, points: Drawn) {
        let look = MapLook {
            points,
            ..self.view.look
        };
        self.perform(ctx, Action::MapLook(look));
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
        // To someone with a model a single picture is one to show it; a folder or an archive is data.
        if self.state.model().is_some() && crate::data::formats::is_picture(&path) {
            self.open_own(ctx, &path);
            return;
        }
        let has_ending = |endings: &[&str]| {
            let ending = path.extension().and_then(|e| e.to_str());
            ending.is_some_and(|e| endings.contains(&e.to_ascii_lowercase().as_str()))
        };
        if has_ending(&["json"]) && super::session::SessionFile::is_one(&path) {
            self.perform(ctx, Action::OpenSession(path));
            return;
        }
        if has_ending(&["json"]) && crate::space::path::Path::load(&path).is_ok() {
            self.perform(ctx, Action::OpenPathFile(path));
            return;
        }
        let items = self.state.session.expected_items;
        if items > 0
            && has_ending(&["npy"])
            && crate::data::formats::read_positions(&path, items).is_ok()
        {
            // A pair of numbers per item are no pictures.
            self.perform(ctx, Action::Map(MapMethod::File { path }));
            return;
        }
        if self.state.items() > 0 && has_ending(&["csv", "tsv", "json", "jsonl"]) {
            self.perform(ctx, Action::OpenMetadata(path));
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

    /// Asks for the map by `method`.
    pub(super) fn set_map(&mut self, method: MapMethod) {
        self.generations.map += 1;
        self.view.map = method.clone();
        self.engine.request(Request::Project(method));
    }

    pub(super) fn record(&mut self, ctx: &Context, change: Change) {
        self.history
            .record(&self.view, change, ctx.input(|i| i.time));
    }

    fn step_selection(&mut self, ctx: &Context, by: isize) {
        let items = self.state.items() as isize;
        if items > 0 {
            let from = self
                .view
                .item()
                .map_or(if by > 0 { -1 } else { 0 }, |s| s as isize);
            let item = (from + by).rem_euclid(items) as usize;
            self.set_focus(ctx, Focus::Item(item));
        }
    }

    fn set_focus(&mut self, ctx: &Context, focus: Focus) {
        if matches!(focus, Focus::Item(item) if item >= self.state.items()) {
            return;
        }
        self.record(ctx, Change::Focus);
        self.view.focus = focus;
        if let Some(code) = self.view.item().and_then(|item| self.code_of(item)) {
            self.view.move_to(code);
            self.request_picture();
            self.tried.note(Hint::ClickPoint);
        }
        self.request_neighbours();
    }

    fn show(&mut self, _ctx: &Context, view: View) {
        if view.map != self.view.map {
            self.set_map(view.map.clone());
        }
        self.state.head = self.state.head.min(view.path.duration());
        let other = (view.focus, &view.own) != (self.view.focus, &self.view.own);
        let is_sought = view.lookup.sought == Sought::Selection;
        let seeks =
            view.lookup != self.view.lookup || (is_sought && view.selection != self.view.selection);
        self.view = view;
        self.request_picture();
        if seeks {
            self.look_up();
        }
        self.pass_flips();
        if other {
            self.request_own();
            self.request_neighbours();
        }
    }

    /// Asks for the picture of the sliders' code.
    pub(super) fn request_picture(&mut self) {
        if self
            .state
            .model()
            .is_some_and(|m| m.spec.code == self.view.code.len())
        {
            self.generations.decode += 1;
            let code = self.shown_code();
            self.engine.decode(self.generations.decode, code);
            self.request_place();
            if self.view.lookup.sought == Sought::Sliders {
                self.look_up();
            }
        }
    }

    /// Asks where the shown code lies, on a map that cannot tell by itself.
    pub(super) fn request_place(&mut self) {
        let code = self.shown_code();
        self.generations.place += 1;
        match &self.state.session.projection {
            Some(map) if map.axis_names().is_none() => {
                self.engine.place(self.generations.place, code);
            }
            _ => self.state.placed = None,
        }
    }

    /// Asks what the model makes of the sliders' picture, and of it with single pixels changed.
    pub(super) fn pass_flips(&mut self) {
        self.generations.pass += 1;
        let Some(base) = self.state.decoded.as_ref().map(|d| &d.picture) else {
            return;
        };
        if self.view.flips.is_empty() {
            self.state.flipped = None;
            return;
        }
        let changed = self.view.flips.iter().map(|flip| flip.apply(base));
        let pictures: Vec<Picture> = std::iter::once(base.clone()).chain(changed).collect();
        self.state.flips_sent = Some((self.generations.pass, pictures.clone()));
        self.engine.pass(self.generations.pass, pictures);
    }

    /// Asks for the neighbours of what is in focus and for its way through the model.
    pub(super) fn request_neighbours(&mut self) {
        self.state.comparison = None;
        self.seek_neighbours();
    }

    /// The same, with the present answer shown until the new one is there.
    pub(super) fn seek_neighbours(&mut self) {
        let has_features = self.layout.rect_of(PanelKind::Features).is_some();
        self.inspect(has_features);
        self.look_up();
    }

    /// Takes the item in focus through the model; what each stage makes of it is several times the work.
    pub(super) fn inspect(&mut self, has_features: bool) {
        self.generations.inspect += 1;
        match self.view.focus {
            Focus::Item(item) if self.state.model().is_some() => {
                let generation = self.generations.inspect;
                if has_features {
                    self.generations.features = generation;
                }
                self.engine.inspect(generation, item, has_features);
            }
            Focus::Item(_) => {}
            Focus::Own | Focus::Nothing => self.state.inspected = None,
        }
    }

    /// Asks for the neighbours of what is looked for, in every row's space.
    pub(super) fn look_up(&mut self) {
        self.generations.retrieve += 1;
        match self.sought() {
            Some(query) => {
                let search = Search {
                    query,
                    spaces: self.view.lookup.spaces.clone(),
                    approximate: self.view.lookup.approximate.clone(),
                    k: NEIGHBOURS,
                };
                self.engine.retrieve(self.generations.retrieve, search);
            }
            None => self.state.comparison = None,
        }
    }

    /// What the retrieval panel looks for, if there is anything.
    fn sought(&self) -> Option<Query> {
        let lookup = &self.view.lookup;
        match lookup.sought {
            Sought::Sliders => {
                let code = self.shown_code();
                let fits = self
                    .state
                    .model()
                    .is_some_and(|m| m.spec.code == code.len());
                fits.then_some(Query::Code(code))
            }
            Sought::Selection => {
                let selection = &self.view.selection;
                (!selection.is_empty()).then(|| Query::Mean(selection.clone()))
            }
            Sought::Focus => match self.view.focus {
                Focus::Item(item) if lookup.strength > 0.0 => Some(Query::Distorted {
                    item,
                    distortion: lookup.distortion,
                    strength: lookup.strength,
                }),
                Focus::Item(item) => Some(Query::Item(item)),
                Focus::Own => self.view.own.clone().map(Query::Picture),
                Focus::Nothing => None,
            },
        }
    }
}
