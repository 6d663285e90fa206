//! The data that is loaded, and the buttons that load other data.
//!
//! Invariant: everything here follows from the session's dataset.

use std::sync::Arc;

use eframe::egui::{CollapsingHeader, RichText, ScrollArea, Ui};

use super::{Cx, Panel};
use crate::app::command::Command;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme;
use crate::app::widgets::{
    bar_ui, caption, centred_row, chip_ui, command_button, empty_ui, fact_ui, padded,
};
use crate::data::{Column, ColumnValues, Dataset};

/// Columns of metadata that are listed at most.
const MOST_COLUMNS: usize = 64;
/// Categories that are named at most.
const FEW: usize = 6;

/// The panel.
#[derive(Default)]
pub(super) struct DataPanel {
    columns: Columns,
}

/// What is said of each column of metadata, made anew with the data.
#[derive(Default)]
struct Columns {
    /// The data, by where they are kept.
    of: usize,
    lines: Vec<(String, String)>,
}

impl Columns {
    fn refresh(&mut self, data: &Arc<Dataset>) {
        let of = Arc::as_ptr(data).cast::<u8>() as usize;
        if self.of != of {
            self.of = of;
            let columns = data.columns().iter().take(MOST_COLUMNS);
            self.lines = columns.map(|c| (c.name.clone(), told(c))).collect();
        }
    }
}

/// The kind of a column, and what its values lie between or are one of.
fn told(column: &Column) -> String {
    let mut text = match (&column.values, column.range()) {
        (ColumnValues::Number(_), Some((low, high))) => {
            format!("{} to {}", format::number(low), format::number(high))
        }
        (ColumnValues::Number(_), None) => "numbers".to_owned(),
        (ColumnValues::Category { names, .. }, _) => {
            let shown = &names[..names.len().min(FEW)];
            let more = names.len() - shown.len();
            let more = (more > 0).then(|| format!(" and {} more", format::count(more)));
            shown.join(", ") + &more.unwrap_or_default()
        }
        (ColumnValues::Text(_), _) => "text".to_owned(),
    };
    let missing = column.missing();
    if missing > 0 {
        text = format!("{text}; {} without", format::count(missing));
    }
    text
}

impl Panel for DataPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let session = cx.state.session.clone();
        if let Some(data) = &session.dataset {
            self.columns.refresh(data);
            let lines = &self.columns.lines;
            ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| padded(ui, |ui| dataset_ui(ui, cx, data, lines)));
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
    let rows: [&[Command]; 2] = [
        &[Command::OpenData, Command::OpenFolder],
        &[
            Command::OpenFaces,
            Command::OpenDigits,
            Command::OpenCreatures,
        ],
    ];
    empty_ui(ui, cx.tokens, icon::DATABASE, &title, text, |ui| {
        for row in rows {
            centred_row(ui, row[0].describe().text, |ui| {
                for &command in row {
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
            Command::OpenCreatures,
        ] {
            command_button(ui, command, true, cx.out);
        }
    });
}

fn dataset_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, columns: &[(String, String)]) {
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
    if let Some(palette) = data.palette() {
        let colours = format::count(palette.colours().len());
        fact_ui(ui, tokens, "Colours", &colours);
    }
    if !data.factors().is_empty() {
        fact_ui(ui, tokens, "Factors", &data.factors().len().to_string());
    }
    if !columns.is_empty() {
        fact_ui(ui, tokens, "Metadata", &counted(data.columns().len()));
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
    lists_ui(ui, cx, data, columns);
}

fn counted(columns: usize) -> String {
    match columns {
        1 => "1 column".to_owned(),
        n => format!("{} columns", format::count(n)),
    }
}

fn lists_ui(ui: &mut Ui, cx: &Cx<'_>, data: &Dataset, columns: &[(String, String)]) {
    let tokens = cx.tokens;
    if !columns.is_empty() {
        CollapsingHeader::new("Columns of metadata").show(ui, |ui| {
            for (name, told) in columns {
                fact_ui(ui, tokens, name, told);
            }
            let more = data.columns().len() - columns.len();
            if more > 0 {
                caption(ui, tokens, &format!("and {} more", counted(more)));
            }
        });
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_tells_its_kind_and_what_is_in_it() {
        let told = |values| {
            told(&Column {
                name: "a".to_owned(),
                values,
            })
        };
        let numbers = ColumnValues::Number(vec![3.0, f32::NAN, -1.0]);
        assert_eq!(told(numbers), "-1.00 to 3.00; 1 without");
        let categories = ColumnValues::Category {
            values: vec![0; 3],
            names: (0..9).map(|i| format!("c{i}")).collect(),
        };
        assert_eq!(told(categories), "c0, c1, c2, c3, c4, c5 and 3 more");
        assert_eq!(told(ColumnValues::Text(vec!["x".to_owned()])), "text");
    }
}
