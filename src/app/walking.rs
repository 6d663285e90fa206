//! The path through code space: its key-frames, playing it, and its way to files.
//!
//! Invariant: while the path is played the sliders show the code at the play head; one step back leads to the code before.

use std::path::PathBuf;

use eframe::egui::Context;

use super::application::App;
use super::command::Command;
use super::panels::PanelKind;
use super::state::Level;
use super::view::{Change, Focus};
use super::widgets::shortcut_of;
use crate::data::ImageShape;
use crate::engine::Request;
use crate::error::{Error, Result};
use crate::model::{crossfade_of, originals_of};
use crate::space::path::{Crossfade, KeyFrame, Path};

/// Seconds from one new key-frame to the next.
pub(super) const STEP_SECS: f32 = 1.0;
/// Longer side of the pictures of a new path's animation, in pixels, that small ones are enlarged to by a whole factor at most.
const LARGE: usize = 256;

/// A path without keys whose pictures of `shape` can be seen.
pub(super) fn empty_path(shape: ImageShape) -> Path {
    let mut path = Path::default();
    let scale = LARGE / shape.height.max(shape.width).max(1);
    // A factor within the bounds is never refused.
    let _ = path.set_scale((scale as u32).clamp(1, Path::MAX_SCALE));
    path
}

fn no_pictures() -> Error {
    Error::usage("there are no pictures to cross-fade")
        .hint("open the data, or switch the cross-fade off")
}

impl App {
    /// Adds the shown code to the end of the path, as the item in focus where it is that item's.
    pub(super) fn add_key(&mut self, ctx: &Context) {
        let code = self.shown_code();
        if code.is_empty() {
            return;
        }
        let mut key = KeyFrame::new(code, STEP_SECS);
        key.item = self
            .view
            .item()
            .filter(|&item| self.code_of(item).as_ref() == Some(&key.code));
        self.append_key(ctx, key);
    }

    /// Adds the item in focus to the end of the path.
    pub(super) fn add_item_key(&mut self, ctx: &Context) {
        if let Some(key) = self.focused_key() {
            self.append_key(ctx, key);
        } else {
            let text = "There is no item in focus: click one on the map first";
            self.tell(ctx, Level::Info, text.to_owned());
        }
    }

    fn append_key(&mut self, ctx: &Context, key: KeyFrame) {
        let mut path = self.view.path.clone();
        if path.code_size().is_some_and(|size| size != key.code.len()) {
            // Of a model that is gone.
            path = Path::default();
        }
        if let Some(model) = self.state.model().filter(|_| path == Path::default()) {
            path = empty_path(model.spec.shape);
        }
        match path.insert(path.keys().len(), key) {
            Ok(()) => {
                self.set_path(ctx, path, false);
                self.layout.bring_forward(PanelKind::Path);
            }
            Err(error) => self.fail(ctx, &error),
        }
    }

    pub(super) fn set_path(&mut self, ctx: &Context, path: Path, is_drag: bool) {
        if path == self.view.path {
            return;
        }
        let change = if is_drag {
            Change::PathTime
        } else {
            Change::Path
        };
        self.record(ctx, change);
        self.state.head = self.state.head.min(path.duration());
        self.view.path = path;
    }

    /// Leads the path back to its start, or not.
    pub(super) fn toggle_loop(&mut self, ctx: &Context) {
        let mut path = self.view.path.clone();
        match path.set_loop(!path.is_loop()) {
            Ok(()) => self.set_path(ctx, path, false),
            Err(error) => self.fail(ctx, &error),
        }
    }

    /// Plays the path, from its start where the head is at its end, or stops.
    pub(super) fn play_path(&mut self, ctx: &Context) {
        if self.state.is_playing {
            self.state.is_playing = false;
            return;
        }
        let path = &self.view.path;
        if path.keys().len() < 2 || path.check_fits(self.view.code.len()).is_err() {
            let key = shortcut_of(ctx, Command::AddKey);
            let text = format!("A path needs two key-frames: press {key} to add the sliders' code");
            return self.tell(ctx, Level::Info, text);
        }
        if self.state.head >= path.duration() - 1e-6 {
            self.state.head = 0.0;
        }
        self.record(ctx, Change::Code);
        self.state.is_playing = true;
        ctx.request_repaint();
    }

    /// Puts the play head at `secs` and shows the code there.
    pub(super) fn seek(&mut self, secs: f64) {
        self.state.head = secs.clamp(0.0, self.view.path.duration());
        self.show_head();
    }

    fn show_head(&mut self) {
        let path = &self.view.path;
        if let Some(code) = path.code_at(self.state.head)
            && code.len() == self.view.code.len()
        {
            self.view.move_to(code);
            self.request_picture();
        }
    }

    /// Moves the play head on by the time since the last frame.
    pub(super) fn walk(&mut self, ctx: &Context) {
        if !self.state.is_playing {
            return;
        }
        let path = &self.view.path;
        let duration = path.duration();
        if path.keys().len() < 2 || path.check_fits(self.view.code.len()).is_err() {
            self.state.is_playing = false;
            return;
        }
        let head = self.state.head + f64::from(ctx.input(|i| i.stable_dt.min(0.1)));
        if head < duration {
            self.state.head = head;
        } else if path.is_loop() {
            self.state.head = head % duration;
        } else {
            self.state.head = duration;
            self.state.is_playing = false;
        }
        self.show_head();
        ctx.request_repaint();
    }

    /// The data that the path's cross-fade is made of.
    fn crossfade(&self, path: &Path) -> Result<Crossfade> {
        let session = &self.state.session;
        let data = session.dataset.as_ref().ok_or_else(no_pictures)?;
        crossfade_of(path, data, session.source.as_ref(), self.state.session.seed)
    }

    /// Writes the path as an animation.
    pub(super) fn export_path(&mut self, ctx: &Context, file: PathBuf) {
        let data = self.state.session.dataset.as_ref();
        let originals = self.view.has_crossfade.then(|| {
            let data = data.ok_or_else(no_pictures)?;
            originals_of(&self.view.path, data)
        });
        match originals.transpose() {
            Ok(originals) => self.engine.request(Request::Animate {
                path: self.view.path.clone(),
                originals,
                file,
            }),
            Err(error) => self.fail(ctx, &error),
        }
    }

    /// Writes the key-frames to a file, with what the cross-fade is made of where it is on.
    pub(super) fn save_path(&mut self, ctx: &Context, file: &std::path::Path) {
        let mut path = self.view.path.clone();
        if self.view.has_crossfade {
            match self.crossfade(&path) {
                Ok(crossfade) => path.set_crossfade(Some(crossfade)),
                Err(error) => return self.fail(ctx, &error),
            }
        }
        match path.save(file) {
            Ok(()) => {
                let text = format!("Wrote {}", file.display());
                self.tell(ctx, Level::Success, text);
            }
            Err(error) => self.fail(ctx, &error),
        }
    }

    /// Takes the key-frames of a file. Items that its cross-fade shows to be those of other data are forgotten.
    pub(super) fn open_path_file(&mut self, ctx: &Context, file: &std::path::Path) {
        let size = self.view.code.len();
        let loaded = Path::load(file).and_then(|path| {
            path.check_fits(size).map_err(|error| error.in_file(file))?;
            Ok(path)
        });
        let mut path = match loaded {
            Ok(path) => path,
            Err(error) => return self.fail(ctx, &error),
        };
        let stored = path.crossfade().cloned();
        path.set_crossfade(None);
        let mut has_crossfade = false;
        if let Some(stored) = stored {
            let found = self.crossfade(&path);
            has_crossfade = found.is_ok_and(|found| found.digest == stored.digest);
            if !has_crossfade {
                path.forget_items();
                let data = stored.data.unwrap_or_else(|| "other data".to_owned());
                let error = Error::file(file, format!("its items are those of {data}"))
                    .hint("the codes are shown without their items; open those data first to cross-fade them");
                self.fail(ctx, &error);
            }
        }
        if path != self.view.path || has_crossfade != self.view.has_crossfade {
            self.record(ctx, Change::Path);
            self.view.path = path;
            self.view.has_crossfade = has_crossfade;
        }
        self.layout.bring_forward(PanelKind::Path);
        self.seek(0.0);
    }

    /// The item in focus as a key-frame.
    fn focused_key(&self) -> Option<KeyFrame> {
        let item = match self.view.focus {
            Focus::Item(item) => item,
            Focus::Nothing | Focus::Own => return None,
        };
        let mut key = KeyFrame::new(self.code_of(item)?, STEP_SECS);
        key.item = Some(item);
        Some(key)
    }
}
