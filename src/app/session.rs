//! The session file: what is loaded and what is shown of it, as JSON, so that a window comes back as it was.
//!
//! Invariant: a session that was read is whole and of this version or an older one; what it names and is not there is told by
//! name, and everything else comes back.

use std::path::{Path, PathBuf};

use eframe::egui::{self, Button, Context, Frame, Panel, RichText, Ui};
use serde::{Deserialize, Serialize};

use super::application::App;
use super::command::{Action, Command, Outbox};
use super::state::Level;
use super::theme::{self, Tokens};
use super::view::View;
use super::widgets::{command_button, set_name};
use crate::data::DatasetSource;
use crate::engine::{ModelInfo, Request, Session};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::model::Shipped;
use crate::space::MapMethod;

/// Grows when older programs could no longer read a session.
const VERSION: u32 = 1;
/// The longest file that is read as a session.
const LONGEST: u64 = 256 << 20;

/// What a session file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionFile {
    version: u32,
    /// Where the data came from, as `--data` takes it.
    data: Option<String>,
    /// A table that was read beside the data.
    #[serde(default)]
    metadata: Option<PathBuf>,
    /// The model's file, or the name of a shipped one; older sessions name none for a shipped one.
    model: Option<PathBuf>,
    /// The seed of built-in data.
    #[serde(default)]
    seed: Option<u64>,
    view: View,
}

/// The part that is read first, of whatever version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl SessionFile {
    /// Reads a session.
    ///
    /// # Errors
    /// `is_file` when it cannot be read, is no session, or is of a newer version.
    pub fn load(path: &Path) -> Result<Self> {
        let io = |e: std::io::Error| Error::io(path, &e);
        if std::fs::metadata(path).map_err(io)?.len() > LONGEST {
            return Err(Error::file(path, "it is too long for a session"));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let bad = |e: serde_json::Error| Error::file(path, format!("it is no session: {e}"));
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(bad)?;
        if version > VERSION {
            return Err(
                Error::file(path, format!("it is a session of version {version}"))
                    .hint("this program reads up to version 1; take a newer one"),
            );
        }
        let session: Self = serde_json::from_slice(&bytes).map_err(bad)?;
        session
            .view
            .check()
            .map_err(|reason| Error::file(path, reason))?;
        Ok(session)
    }

    /// The seed of its built-in data.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Whether the file at `path` looks like a session.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("json"))
            && Self::load(path).is_ok()
    }
}

/// A session that was opened, until what it names is there.
pub(super) struct Awaited {
    view: View,
    data: Option<DatasetSource>,
    seed: Option<u64>,
    model: Option<PathBuf>,
    metadata: Option<PathBuf>,
    /// Whether the data, and whether the model, were not where the session says.
    is_missing: (bool, bool),
}

impl Awaited {
    fn has_data(&self, session: &Session) -> bool {
        let Some(wanted) = &self.data else {
            return session.dataset.is_some();
        };
        let is_seeded = wanted.is_builtin() && self.seed.is_some_and(|seed| seed != session.seed);
        let source = session.source.as_ref();
        session.dataset.is_some()
            && !is_seeded
            && source.is_some_and(|source| source.absolute() == wanted.absolute())
    }

    fn has_model(&self, model: &ModelInfo) -> bool {
        match (&self.model, &model.file) {
            (None, _) => true,
            (Some(wanted), Some(file)) => whole(wanted) == whole(file),
            (Some(wanted), None) => !model.is_unsaved && Path::new(&model.name) == wanted,
        }
    }

    /// What was not where the session says, in words.
    pub(super) fn missing(&self) -> Vec<String> {
        let data = self.data.as_ref().filter(|_| self.is_missing.0);
        let model = self.model.as_ref().filter(|_| self.is_missing.1);
        data.map(|source| format!("the data {source}"))
            .into_iter()
            .chain(model.map(|model| format!("the model {}", model.display())))
            .collect()
    }
}

impl App {
    /// Writes the session.
    pub(super) fn write_session(&mut self, ctx: &Context, path: &Path) {
        let model = self.state.model();
        if model.is_some_and(|m| m.is_unsaved) {
            let text =
                "The model is in no file yet: save it first, so that the session can name it";
            return self.tell(ctx, Level::Info, text.to_owned());
        }
        let session = &self.state.session;
        let file = SessionFile {
            version: VERSION,
            data: session.source.as_ref().map(|s| s.absolute().to_string()),
            metadata: session.metadata.as_ref().map(|table| whole(table)),
            model: model.map(|m| match &m.file {
                Some(file) => whole(file),
                None => PathBuf::from(&m.name),
            }),
            seed: Some(session.seed),
            view: self.view.clone(),
        };
        let written = serde_json::to_vec(&file)
            .map_err(|e| Error::file(path, e.to_string()))
            .and_then(|bytes| write_atomically(path, &bytes));
        match written {
            Ok(()) => {
                self.state.remember(path.to_path_buf());
                self.tell(ctx, Level::Success, format!("Wrote {}", path.display()));
            }
            Err(error) => self.fail(ctx, &error),
        }
    }

    /// Brings a session back.
    pub(super) fn read_session(&mut self, ctx: &Context, path: &Path) {
        match SessionFile::load(path) {
            Ok(session) => {
                self.state.remember(path.to_path_buf());
                self.restore_session(ctx, session);
            }
            Err(error) => self.fail(ctx, &error),
        }
    }

    /// Opens what the session names. What is missing is told by name, and its place is taken by what one opens instead; the
    /// view waits until everything is there.
    pub(super) fn restore_session(&mut self, ctx: &Context, session: SessionFile) {
        self.awaited = None;
        let mut missing = Vec::new();
        let data = match session.data.as_deref().map(str::parse::<DatasetSource>) {
            Some(Ok(source)) => Some(source),
            Some(Err(error)) => return self.fail(ctx, &error),
            None => None,
        };
        let is_missing = (
            data.as_ref().is_some_and(|source| !source.is_there()),
            session
                .model
                .as_ref()
                .is_some_and(|model| !model.exists() && !is_shipped(model)),
        );
        if let Some(source) = data.clone().filter(|_| !is_missing.0) {
            if let Some(seed) = session.seed.filter(|_| source.is_builtin()) {
                self.engine.request(Request::Seed(seed));
            }
            self.perform(ctx, Action::Open(source));
        }
        if let Some(model) = session.model.clone().filter(|_| !is_missing.1) {
            self.perform(ctx, Action::OpenModel(model));
        }
        let mut awaited = Awaited {
            view: session.view,
            data,
            seed: session.seed,
            model: session.model,
            metadata: None,
            is_missing,
        };
        missing.extend(awaited.missing());
        if let MapMethod::File { path } = &awaited.view.map
            && !path.exists()
        {
            missing.push(format!("the positions {}", path.display()));
            awaited.view.map = MapMethod::default();
            awaited.view.camera = None;
        }
        if let Some(table) = session.metadata {
            if table.exists() {
                awaited.metadata = Some(table);
            } else {
                missing.push(format!("the metadata {}", table.display()));
            }
        }
        self.awaited = Some(awaited);
        self.restore_awaited(ctx);
        if !missing.is_empty() {
            let error = Error::usage(format!("this session misses {}", missing.join(" and ")))
                .hint("open it from where it is now: the session goes on from there");
            self.fail(ctx, &error);
        }
    }

    /// The data that are to be opened when someone asks for `source`: while a session waits for data, these are they, of the
    /// same part, size and number.
    pub(super) fn pointed_to(&mut self, source: DatasetSource) -> DatasetSource {
        let Some(awaited) = &mut self.awaited else {
            return source;
        };
        if awaited.has_data(&self.state.session) {
            // Other data than the session's: it is given up.
            self.awaited = None;
            return source;
        }
        let source = match &awaited.data {
            Some(old) => source
                .clone()
                .with_part(source.part().or(old.part()))
                .with_size(source.size().or(old.size()))
                .with_count(source.count().or(old.count())),
            None => source,
        };
        awaited.data = Some(source.clone());
        awaited.is_missing.0 = false;
        source
    }

    /// Takes note that the model at `path` is about to be opened: while a session waits for a model, this is it.
    pub(super) fn pointed_to_model(&mut self, path: &Path) {
        let model = self.state.session.model.as_deref();
        if let Some(awaited) = &mut self.awaited {
            if model.is_some_and(|model| awaited.has_model(model)) && awaited.model.is_some() {
                self.awaited = None;
            } else {
                awaited.model = Some(path.to_path_buf());
                awaited.is_missing.1 = false;
            }
        }
    }

    /// Shows the view of a session once its data and its model are there.
    pub(super) fn restore_awaited(&mut self, ctx: &Context) {
        let session = self.state.session.clone();
        let Some(model) = session.model.as_deref() else {
            return;
        };
        let is_there =
            |awaited: &mut Awaited| awaited.has_data(&session) && awaited.has_model(model);
        let Some(awaited) = self.awaited.take_if(is_there) else {
            return;
        };
        let (dims, shape) = (model.spec.code, model.spec.shape);
        if let Some(reason) = awaited.view.misfit(dims, shape, session.expected_items) {
            let error = Error::usage(format!("the session's view cannot be shown: {reason}"))
                .hint("open the data and the model that it was saved with, then the session again");
            return self.fail(ctx, &error);
        }
        self.metadata_wanted = awaited.metadata;
        self.history.clear();
        self.take_view(awaited.view);
    }

    /// Shows a view of what is loaded, in place of the present one.
    pub(super) fn take_view(&mut self, mut view: View) {
        view.selection
            .resize(self.state.items().max(view.selection.items()));
        let map = std::mem::take(&mut view.map);
        self.view = view;
        self.set_map(map);
        self.request_picture();
        self.request_own();
        self.request_neighbours();
        self.measure_if_needed();
    }

    /// The bar that tells what a session waits for, and opens it.
    pub(super) fn awaited_ui(&self, ui: &mut Ui, tokens: &Tokens, out: &mut Outbox) {
        let Some(awaited) = &self.awaited else { return };
        let missing = awaited.missing();
        if missing.is_empty() {
            return;
        }
        let frame = Frame::new()
            .fill(tokens.raised)
            .inner_margin(egui::Margin::symmetric(12, 6));
        Panel::top("awaited").frame(frame).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                let text = format!(
                    "The session misses {}: open it from where it is now",
                    missing.join(" and ")
                );
                ui.label(RichText::new(text).color(tokens.text_strong));
                if awaited.is_missing.0 {
                    command_button(ui, Command::OpenData, true, out);
                    command_button(ui, Command::OpenFolder, false, out);
                }
                if awaited.is_missing.1 {
                    command_button(ui, Command::OpenModel, true, out);
                }
                let without = ui.add(
                    Button::new("Go on without").min_size(egui::vec2(0.0, theme::CONTROL_HEIGHT)),
                );
                set_name(&without, "Go on without");
                if without
                    .on_hover_text("Leave the session; what is loaded stays")
                    .clicked()
                {
                    out.act(Action::LeaveSession);
                }
            });
        });
    }
}

/// The path as it is written from any folder.
fn whole(path: &Path) -> PathBuf {
    if is_shipped(path) {
        return path.to_path_buf();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Whether this is the name of a shipped model.
fn is_shipped(path: &Path) -> bool {
    Shipped::all()
        .iter()
        .any(|shipped| Path::new(shipped.name) == path && !path.exists())
}
