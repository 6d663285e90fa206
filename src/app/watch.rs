//! Whether the file that pictures are looked at in is still what it was: one that is mapped may change or vanish meanwhile.
//!
//! Invariant: while it is another than it was, a bar says so by name.

use std::time::{Duration, Instant};

use eframe::egui::{self, Button, Frame, Panel, RichText, Ui};

use super::application::App;
use super::command::{Action, Outbox};
use super::fonts::icon;
use super::theme::{self, Tokens};
use super::widgets::set_name;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What became of the file.
#[derive(Default)]
pub(super) struct Watch {
    looked: Option<Instant>,
    trouble: Option<Trouble>,
}

enum Trouble {
    /// It was cut or rewritten; how the data call it.
    Changed(String),
    /// It was moved or removed.
    Gone(String),
}

impl Watch {
    /// Whether the file was cut or rewritten.
    pub(super) fn is_changed(&self) -> bool {
        matches!(self.trouble, Some(Trouble::Changed(_)))
    }
}

impl App {
    /// Looks at the file, now and then.
    pub(super) fn watch_data(&mut self) {
        let watch = &mut self.watch;
        if watch.looked.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        watch.looked = Some(Instant::now());
        let data = self.state.session.dataset.as_ref();
        let name = || {
            let source = self.state.session.source.as_ref();
            let path = source.and_then(|source| source.path());
            path.map_or(String::new(), |path| path.display().to_string())
        };
        watch.trouble = match data {
            Some(data) if data.check_unchanged().is_err() => Some(Trouble::Changed(name())),
            Some(data) if data.is_gone() => Some(Trouble::Gone(name())),
            _ => None,
        };
    }

    /// The bar that tells what became of the file.
    pub(super) fn watch_ui(&self, ui: &mut Ui, tokens: &Tokens, out: &mut Outbox) {
        let Some(trouble) = &self.watch.trouble else {
            return;
        };
        let frame = Frame::new()
            .fill(tokens.raised)
            .inner_margin(egui::Margin::symmetric(12, 6));
        Panel::top("watch").frame(frame).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                let (text, can_open) = match trouble {
                    Trouble::Changed(name) => (
                        format!("{name} has changed since it was opened: what is shown and found may be wrong"),
                        true,
                    ),
                    Trouble::Gone(name) => (
                        format!("{name} is no longer there: its pictures stay as long as they are open here"),
                        false,
                    ),
                };
                ui.label(RichText::new(icon::ERROR).color(tokens.warn));
                ui.label(RichText::new(text).color(tokens.text_strong));
                let source = self.state.session.source.clone();
                if let Some(source) = source.filter(|_| can_open) {
                    let size = egui::vec2(0.0, theme::CONTROL_HEIGHT);
                    let again = ui.add(Button::new("Open it again").min_size(size));
                    set_name(&again, "Open it again");
                    let again = again.on_hover_text("Read the file as it is now");
                    if again.clicked() {
                        out.act(Action::Open(source));
                    }
                }
            });
        });
    }
}
