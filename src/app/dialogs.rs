//! The system's file dialogs, each on a thread of its own.
//!
//! Invariant: the window's thread never waits for a dialog.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use eframe::egui::Context;

use super::command::{Action, Command};

/// Dialogs that are open and what was chosen in them.
pub(crate) struct Dialogs {
    chosen: Sender<Action>,
    choices: Receiver<Action>,
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
            if let Some(path) = picked {
                let action = match command {
                    Command::OpenModel => Action::OpenModel(path),
                    Command::SaveModel => Action::SaveModel(path),
                    _ => Action::OpenPath(path),
                };
                // The window may be gone by now; then nobody wants the file.
                if chosen.send(action).is_ok() {
                    ctx.request_repaint();
                }
            }
        });
    }

    /// What was chosen since the last call.
    pub(crate) fn take(&self) -> impl Iterator<Item = Action> + '_ {
        self.choices.try_iter()
    }
}
