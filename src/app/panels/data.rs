//! The data that is loaded, and the buttons that load other data.
//!
//! Invariant: everything here follows from the session's dataset.

use eframe::egui::{CollapsingHeader, RichText, ScrollArea, Ui};

use super::{Cx, Panel};
use crate::app::command::Command;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme;
use crate::app::widgets::{
    bar_ui, caption, centred_row, chip_ui, command_button, empty_ui, fact_ui, padded,
};
use crate::data::Dataset;

/// The panel.
#[derive(Default)]
pub(super) struct DataPanel;

impl Panel for DataPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let session = cx.state.session.clone();
        if let Some(data) = &session.dataset {
            ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| padded(ui, |ui| dataset_ui(ui, cx, data)));
        } else {
            waiting_ui(ui, cx);
        }
    }
}

fn waiting_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (title, text) = match cx.state.waiting_for() {
        Some((what, _)) => (what, "The first items appear in a moment"),
        None => (
            "No data yet".to_owned(),
            "Open pictures of your own, or start with built-in ones",
        ),
    };
    let rows = [
        [Command::OpenData, Command::OpenFolder],
        [Command::OpenFaces, Command::OpenDigits],
    ];
    empty_ui(ui, cx.tokens, icon::DATABASE, &title, text, |ui| {
        for row in rows {
            centred_row(ui, row[0].describe().text, |ui| {
                for command in row {
                    command_button(ui, command, true, cx.out);
                }
            });
        }
    });
}

fn open_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal_wrapped(|ui| {
        for command in [
            Command::OpenData,
            Command::OpenFolder,
            Command::OpenFaces,
            Command::OpenDigits,
        ] {
            command_button(ui, command, true, cx.out);
        }
    });
}

fn dataset_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
    let tokens = cx.tokens;
    let session = &cx.state.session;
    ui.label(
        RichText::new(data.name())
            .font(theme::strong(theme::TITLE))
            .color(tokens.text_strong),
    );
    let expected = session.expected_items.max(data.len());
    let items = if expected > data.len() {
        format!(
            "{} of {}",
            format::count(data.len()),
            format::count(expected)
        )
    } else {
        format::count(data.len())
    };
    fact_ui(ui, tokens, "Items", &items);
    fact_ui(ui, tokens, "Shape", &data.shape().to_string());
    if let Some(source) = &session.source {
        fact_ui(ui, tokens, "Source", &source.to_string());
    }
    if let Some(labels) = data.labels() {
        fact_ui(ui, tokens, "Classes", &labels.names.len().to_string());
    }
    if !data.factors().is_empty() {
        fact_ui(ui, tokens, "Factors", &data.factors().len().to_string());
    }
    for task in &cx.state.tasks {
        let left = task
            .secs_left
            .map_or(String::new(), |s| format!(", {} left", format::secs(s)));
        caption(ui, tokens, &format!("{}{left}", task.what));
        bar_ui(ui, tokens, task.done, ui.available_width());
    }
    if !cx.state.tasks.is_empty() {
        command_button(ui, Command::Cancel, true, cx.out);
    }
    ui.add_space(theme::HALF);
    open_ui(ui, cx);
    lists_ui(ui, cx, data);
}

fn lists_ui(ui: &mut Ui, cx: &Cx<'_>, data: &Dataset) {
    let tokens = cx.tokens;
    if !data.factors().is_empty() {
        CollapsingHeader::new("Factors").show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = eframe::egui::vec2(4.0, 4.0);
                for factor in data.factors() {
                    let (low, high) = factor.range;
                    chip_ui(ui, &factor.name, tokens.text_weak, tokens).on_hover_text(format!(
                        "{} to {}",
                        format::number(low),
                        format::number(high)
                    ));
                }
            });
        });
    }
    if let Some(labels) = data.labels() {
        CollapsingHeader::new("Classes").show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = eframe::egui::vec2(4.0, 4.0);
                for name in labels.names.iter().take(128) {
                    chip_ui(ui, name, tokens.text_weak, tokens);
                }
            });
        });
    }
    let skipped = data.skipped();
    if !skipped.is_empty() {
        let title = format!("{} left out", format::count(skipped.len()));
        CollapsingHeader::new(RichText::new(title).color(tokens.warn))
            .id_salt("skipped")
            .show(ui, |ui| {
                for skipped in skipped.iter().take(200) {
                    ui.label(
                        RichText::new(skipped.file.display().to_string()).size(theme::CAPTION),
                    );
                    ui.label(
                        RichText::new(&skipped.reason)
                            .size(theme::CAPTION)
                            .color(tokens.text_weak),
                    );
                }
            });
    }
}
