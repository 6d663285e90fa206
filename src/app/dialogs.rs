//! The system's file dialogs, each on a thread of its own.
//!
//! Invariant: the window's thread never waits for a dialog.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use eframe::egui::Context;

use super::command::{Action, Command};
use crate::error::{Error, Result};

/// Nobody closes a dialog as fast as one fails that never opened.
const SEEN: Duration = Duration::from_millis(500);

/// Dialogs that are open and what was chosen in them.
pub(crate) struct Dialogs {
    chosen: Sender<Result<Action>>,
    choices: Receiver<Result<Action>>,
}

impl Default for Dialogs {
    fn default() -> Self {
        let (chosen, choices) = channel();
        Self { chosen, choices }
    }
}

impl Dialogs {
    /// Opens the dialog that belongs to `command`; `name` is what a saved file is called at first.
    pub(crate) fn open(&self, ctx: &Context, command: Command, name: &str) {
        let chosen = self.chosen.clone();
        let ctx = ctx.clone();
        let title = command.describe().text.trim_end_matches('…');
        let dialog = rfd::FileDialog::new().set_title(title);
        let name = format!("{name}.safetensors");
        std::thread::spawn(move || {
            let start = Instant::now();
            let picked: Option<PathBuf> = match command {
                Command::OpenFolder => dialog.pick_folder(),
                Command::OpenModel => dialog
                    .add_filter("Models", &["safetensors", "pt", "pth"])
                    .add_filter("All files", &["*"])
                    .pick_file(),
                Command::SaveModel => dialog
                    .add_filter("Model", &["safetensors"])
                    .set_file_name(name)
                    .save_file(),
                _ => dialog.pick_file(),
            };
            let answer = match picked {
                Some(path) => Ok(match command {
                    Command::OpenModel => Action::OpenModel(path),
                    Command::SaveModel => Action::SaveModel(path),
                    _ => Action::OpenPath(path),
                }),
                None if start.elapsed() < SEEN => Err(Error::device(
                    "this desktop shows no file dialog",
                )
                .hint("drop files on the window, name them behind --data and --model, or install zenity")),
                None => return,
            };
            // The window may be gone by now; then nobody wants the file.
            if chosen.send(answer).is_ok() {
                ctx.request_repaint();
            }
        });
    }

    /// What was chosen since the last call.
    pub(crate) fn take(&self) -> impl Iterator<Item = Result<Action>> + '_ {
        self.choices.try_iter()
    }
}
