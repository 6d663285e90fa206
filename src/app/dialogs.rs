//! The system's file dialogs, each on a thread of its own.
//!
//! Invariant: the window's thread never waits for a dialog.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use eframe::egui::Context;

use super::command::{Action, Command};
use crate::error::{Error, Result};
use crate::space::MapMethod;

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

/// Kinds of files that a dialog shows: what to call them, and how they end.
pub(crate) type Filter = (&'static str, &'static [&'static str]);

/// What a dialog asks for.
enum Asked {
    File(&'static [Filter]),
    Folder,
    /// Where to write, with the name that is offered.
    Target(String, &'static [Filter]),
}

/// Tables and arrays that items are written to.
const ITEMS: &[Filter] = &[
    ("Table of everything (CSV)", &["csv"]),
    (
        "Codes (NPY), with a table of the rest beside them",
        &["npy"],
    ),
];
const CLASSIFIERS: &[Filter] = &[("Comparison of classifiers", &["safetensors"])];
const MIXTURES: &[Filter] = &[("Mixture of Gaussians", &["safetensors"])];
const MODELS: &[Filter] = &[
    ("Models", &["safetensors", "pt", "pth"]),
    ("All files", &["*"]),
];

impl Dialogs {
    /// Opens the dialog that belongs to `command`; `name` is what a saved file is called at first, without its ending.
    pub(crate) fn open(&self, ctx: &Context, command: Command, name: &str) {
        let target = |ending: &str, filters| Asked::Target(format!("{name}.{ending}"), filters);
        let (asked, then): (Asked, fn(PathBuf) -> Action) = match command {
            Command::OpenFolder => (Asked::Folder, Action::OpenPath),
            Command::OpenModel => (Asked::File(MODELS), Action::OpenModel),
            Command::AddToLikelihood => (Asked::File(MODELS), Action::AddToLikelihood),
            Command::SaveLabels => (target("safetensors", CLASSIFIERS), Action::SaveLabels),
            Command::OpenLabels => (Asked::File(CLASSIFIERS), Action::OpenLabels),
            Command::SaveMixture => (target("safetensors", MIXTURES), Action::SaveDensity),
            Command::OpenMixture => (Asked::File(MIXTURES), Action::OpenDensity),
            Command::SaveModel => (
                target("safetensors", &[("Model", &["safetensors"])]),
                Action::SaveModel,
            ),
            Command::OpenPositions => (
                Asked::File(&[("Positions", &["npy", "csv", "tsv", "json"])]),
                |path| Action::Map(MapMethod::File { path }),
            ),
            Command::OpenMetadata => (
                Asked::File(&[("Tables", &["csv", "tsv", "json", "jsonl"])]),
                Action::OpenMetadata,
            ),
            Command::ExportSelection => (target("csv", ITEMS), Action::ExportSelection),
            Command::ExportSheet => (target("png", &[("PNG", &["png"])]), Action::ExportSheet),
            Command::ExportReport => (Asked::Folder, Action::ExportReport),
            Command::ExportFormation => {
                (target("gif", &[("GIF", &["gif"])]), Action::ExportFormation)
            }
            // The dialog does not tell which of several kinds was chosen: each has one of its own.
            Command::ExportPath => (target("gif", &[("GIF", &["gif"])]), Action::ExportPath),
            Command::ExportPathPng => (
                target("png", &[("Animated PNG", &["png"])]),
                Action::ExportPath,
            ),
            Command::ExportPathFrames => (Asked::Folder, Action::ExportPath),
            Command::SavePath => (target("json", &[("Path", &["json"])]), Action::SavePath),
            Command::OpenPathFile => (Asked::File(&[("Path", &["json"])]), Action::OpenPathFile),
            Command::SaveSession => (
                target("json", &[("Session", &["json"])]),
                Action::SaveSession,
            ),
            Command::OpenSession => (Asked::File(&[("Session", &["json"])]), Action::OpenSession),
            _ => (Asked::File(&[]), Action::OpenPath),
        };
        let title = command.describe().text.trim_end_matches('…');
        self.ask(ctx, title, asked, then);
    }

    fn ask(&self, ctx: &Context, title: &str, asked: Asked, then: fn(PathBuf) -> Action) {
        let chosen = self.chosen.clone();
        let ctx = ctx.clone();
        let dialog = rfd::FileDialog::new().set_title(title);
        let with = |dialog: rfd::FileDialog, filters: &[Filter]| {
            filters.iter().fold(dialog, |dialog, (name, endings)| {
                dialog.add_filter(*name, endings)
            })
        };
        std::thread::spawn(move || {
            let start = Instant::now();
            let picked: Option<PathBuf> = match asked {
                Asked::Folder => dialog.pick_folder(),
                Asked::File(filters) => with(dialog, filters).pick_file(),
                Asked::Target(name, filters) => {
                    with(dialog, filters).set_file_name(name).save_file()
                }
            };
            let answer = match picked {
                Some(path) => Ok(then(path)),
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
