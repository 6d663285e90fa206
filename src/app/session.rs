//! The session file: what is loaded and what is shown of it, as JSON, so that a window comes back as it was.
//!
//! Invariant: a session that was read is whole and of this version or an older one; what it names and is not there is told by
//! name, and everything else comes back.

use std::path::{Path, PathBuf};

use eframe::egui::Context;
use serde::{Deserialize, Serialize};

use super::application::App;
use super::command::Action;
use super::state::Level;
use super::view::View;
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::files::write_atomically;

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
    /// The model's file; none for the one that is shipped with the data.
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

impl App {
    /// Writes the session.
    pub(super) fn write_session(&mut self, ctx: &Context, path: &Path) {
        let model = self.state.model();
        if model.is_some_and(|m| m.is_unsaved) {
            let text =
                "The model is in no file yet: save it first, so that the session can name it";
            return self.tell(ctx, Level::Info, text.to_owned());
        }
        let file = SessionFile {
            version: VERSION,
            data: self.state.session.source.as_ref().map(absolute),
            metadata: self.metadata.clone(),
            model: model
                .and_then(|m| m.file.clone())
                .map(|f| std::path::absolute(&f).unwrap_or(f)),
            seed: Some(self.seed),
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

    /// Brings a session back. What is missing is named, and can be pointed to anew by opening it: the view waits for it.
    pub(super) fn read_session(&mut self, ctx: &Context, path: &Path) {
        match SessionFile::load(path) {
            Ok(session) => {
                self.state.remember(path.to_path_buf());
                self.restore_session(ctx, session);
            }
            Err(error) => self.fail(ctx, &error),
        }
    }

    pub(super) fn restore_session(&mut self, ctx: &Context, session: SessionFile) {
        let mut missing = Vec::new();
        let is_builtin = |data: &String| data.parse().is_ok_and(|s: DatasetSource| s.is_builtin());
        if let Some(seed) = session.seed.filter(|seed| *seed != self.seed)
            && session.data.as_ref().is_some_and(is_builtin)
        {
            let error = Error::usage(format!("this session's data were drawn with seed {seed}"))
                .hint(format!(
                    "start the program with --seed {seed} to see the same items"
                ));
            self.fail(ctx, &error);
        }
        match session.data.as_deref().map(str::parse::<DatasetSource>) {
            Some(Ok(source)) if source.is_there() => self.perform(ctx, Action::Open(source)),
            Some(Ok(source)) => missing.push(format!("the data {source}")),
            Some(Err(error)) => self.fail(ctx, &error),
            None => {}
        }
        if let Some(model) = &session.model {
            if model.exists() {
                self.perform(ctx, Action::OpenModel(model.clone()));
            } else {
                missing.push(format!("the model {}", model.display()));
            }
        }
        if let Some(table) = &session.metadata {
            if table.exists() {
                self.metadata_wanted = Some(table.clone());
            } else {
                missing.push(format!("the metadata {}", table.display()));
            }
        }
        self.awaited = Some(session.view);
        self.restore_awaited(ctx);
        if !missing.is_empty() {
            let error = Error::usage(format!("this session misses {}", missing.join(" and ")))
                .hint("open it from where it is now: the session goes on from there");
            self.fail(ctx, &error);
        }
    }
}

impl App {
    /// Shows the view of a session once its data and its model are there.
    pub(super) fn restore_awaited(&mut self, ctx: &Context) {
        let (Some(_), Some(model)) = (&self.state.session.dataset, self.state.model()) else {
            return;
        };
        let (dims, shape) = (model.spec.code, model.spec.shape);
        let items = self.state.session.expected_items;
        let is_coming = self
            .queue
            .iter()
            .any(|action| matches!(action, Action::Open(_)));
        let Some(view) = self
            .awaited
            .take_if(|_| self.state.opening.is_none() && !is_coming)
        else {
            return;
        };
        if let Some(reason) = view.misfit(dims, shape, items) {
            let error = Error::usage(format!("the session's view cannot be shown: {reason}"))
                .hint("open the data and the model that it was saved with");
            return self.fail(ctx, &error);
        }
        self.history.clear();
        self.take_view(view);
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
}

/// A source that means the same from any folder.
fn absolute(source: &DatasetSource) -> String {
    source.absolute().to_string()
}
