//! What happened so far, newest first.
//!
//! Invariant: shows every line the state keeps.

use eframe::egui::{self, RichText, ScrollArea, Ui};

use super::{Cx, Panel};
use crate::app::fonts::icon;
use crate::app::state::Level;
use crate::app::theme;
use crate::app::widgets::{empty_ui, padded};

/// The panel.
#[derive(Default)]
pub(super) struct LogPanel;

impl Panel for LogPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        if cx.state.log.is_empty() {
            empty_ui(
                ui,
                tokens,
                icon::LOG,
                "Nothing happened yet",
                "What is opened, saved or fails is listed here",
                |_| {},
            );
            return;
        }
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| {
                for entry in cx.state.log.iter().rev() {
                    let (glyph, colour) = match entry.level {
                        Level::Info => (icon::INFO, tokens.text_weak),
                        Level::Success => (icon::CHECK, tokens.good),
                        Level::Error => (icon::ERROR, tokens.bad),
                    };
                    ui.horizontal_top(|ui| {
                        let minutes = (entry.at / 60.0) as u64;
                        let time = format!("{minutes:02}:{:02}", entry.at as u64 % 60);
                        ui.label(
                            RichText::new(time)
                                .size(theme::CAPTION)
                                .color(tokens.text_faint),
                        );
                        ui.label(RichText::new(glyph).color(colour));
                        ui.add(
                            egui::Label::new(RichText::new(&entry.text).color(tokens.text))
                                .wrap()
                                .selectable(true),
                        );
                    });
                }
            });
        });
    }
}
