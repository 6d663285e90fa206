//! Factors: what each dimension of the code has to do with each known factor, as a heat map under the scores.
//!
//! Invariant: every figure is one of the session's; a slider moves while the pointer rests on its column, and not otherwise.

use std::sync::Arc;

use eframe::egui::{self, Button, DragValue, Label, PopupAnchor, Response, RichText, Stroke, Ui};

use super::factors_map::{Heat, map_ui};
use super::factors_scores::{percent, scores_ui};
use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::sweeping::Pointed;
use crate::app::theme;
use crate::app::widgets::{
    bar_ui, command_button, empty_ui, paint_picture, primary_button, set_name,
};
use crate::engine::MEASURING_FACTORS;
use crate::space::CodeTable;
use crate::space::factors::{Factors, Known, MOST_BINS};

/// Space at either side.
pub(super) const MARGIN: f32 = 12.0;
/// Longer side of the picture beside the pointer.
const LENS: f32 = 96.0;
/// Width of what is written beside it.
const TEXT: f32 = 176.0;
/// Seeds everything that is drawn.
const SEED: u64 = 1;

/// Which matrix is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Matrix {
    #[default]
    Information,
    Importance,
    Predictability,
}

impl Matrix {
    const ALL: [Self; 3] = [Self::Information, Self::Importance, Self::Predictability];

    fn name(self) -> &'static str {
        match self {
            Self::Information => "Information",
            Self::Importance => "Importance",
            Self::Predictability => "Predictability",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Information => {
                "Mutual information between factor and dimension, in nats; MIG is taken from it"
            }
            Self::Importance => {
                "What boosted trees that foretell the factor make of the dimension, each factor's adding up to 1; DCI is taken from it"
            }
            Self::Predictability => {
                "How well the dimension alone foretells the factor by a line: squared correlation, or the share of classes told; SAP is taken from it"
            }
        }
    }

    /// What the colours stand for.
    fn scale(self) -> &'static str {
        match self {
            Self::Information => "Mutual information, nats",
            Self::Importance => "Importance, share of the factor's",
            Self::Predictability => "Squared correlation, or share of classes told",
        }
    }

    fn cells(self, found: &Factors) -> &[f64] {
        match self {
            Self::Information => &found.information.nats,
            Self::Importance => &found.importance.importance,
            Self::Predictability => &found.predictability.scores,
        }
    }
}

/// The panel.
pub(super) struct FactorsPanel {
    matrix: Matrix,
    is_by_kl: bool,
    bins: usize,
    /// The dimension that a click kept, until the pointer leaves it.
    kept: Option<usize>,
    heat: Option<Heat>,
}

impl Default for FactorsPanel {
    fn default() -> Self {
        Self {
            matrix: Matrix::Information,
            is_by_kl: true,
            bins: 20,
            kept: None,
            heat: None,
        }
    }
}

impl Panel for FactorsPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let session = cx.state.session.clone();
        let (Some(data), Some(_)) = (&session.dataset, &session.model) else {
            let text = "Open data with known factors and a model, or train one: what each dimension has to do with each factor appears here";
            empty_ui(ui, cx.tokens, icon::FACTORS, "No model yet", text, |ui| {
                command_button(ui, Command::OpenFaces, true, cx.out);
            });
            return;
        };
        if !Known::are_in(data) {
            let title = format!("Nothing is known of the items of {}", data.name());
            let text = "A code is measured against known factors: open faces or digits, data with classes, or a table whose columns are numbers or categories";
            empty_ui(ui, cx.tokens, icon::FACTORS, &title, text, |ui| {
                command_button(ui, Command::OpenMetadata, true, cx.out);
                command_button(ui, Command::OpenFaces, true, cx.out);
            });
            return;
        }
        let Some(codes) = session.codes.clone().filter(|_| session.is_encoded) else {
            let (title, text) = if cx.state.is_training() {
                (
                    "A training is under way".to_owned(),
                    "The code is measured against known factors once it has ended",
                )
            } else {
                let waiting = cx.state.waiting_for();
                (
                    waiting.map_or("Not encoded yet".to_owned(), |(what, _)| what),
                    "The code is measured against known factors once the items are encoded",
                )
            };
            empty_ui(ui, cx.tokens, icon::FACTORS, &title, text, |_| {});
            return;
        };
        if codes.dims() < 2 {
            let text = "The scores compare dimensions with each other: take a model whose code has two or more";
            let title = "A code of one number";
            empty_ui(ui, cx.tokens, icon::FACTORS, title, text, |_| {});
            return;
        }
        ui.add_space(6.0);
        self.header_ui(ui, cx);
        let Some(found) = session.factors.clone() else {
            let (title, text) = if how_far(cx).is_some() {
                (
                    MEASURING_FACTORS,
                    "What each dimension has to do with each factor appears here in a moment; everything else goes on meanwhile",
                )
            } else {
                (
                    "Nothing measured yet",
                    "Measure how each dimension of the code goes with each factor that is known: does one slider do one thing?",
                )
            };
            empty_ui(ui, cx.tokens, icon::FACTORS, title, text, |_| {});
            return;
        };
        scores_ui(ui, cx, &found);
        self.matrix_ui(ui, cx, &found, &codes);
    }
}

/// How much of the measuring is done, while it goes on.
fn how_far(cx: &Cx<'_>) -> Option<f32> {
    let mut tasks = cx.state.tasks.iter();
    let task = tasks.find(|task| task.what == MEASURING_FACTORS)?;
    Some(task.done)
}

impl FactorsPanel {
    /// Which matrix is shown and how, and the button that measures.
    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(MARGIN);
            ui.spacing_mut().item_spacing.x = theme::HALF;
            for matrix in Matrix::ALL {
                let button = ui.add(Button::selectable(self.matrix == matrix, matrix.name()));
                set_name(&button, &format!("Show {}", matrix.name().to_lowercase()));
                if button.on_hover_text(matrix.describe()).clicked() {
                    self.matrix = matrix;
                }
            }
            ui.add_space(theme::STEP);
            let by_kl = ui.add(Button::selectable(self.is_by_kl, "By KL"));
            set_name(&by_kl, "Columns by KL");
            let tip = "Put the dimensions that carry most first, as the sliders are; else in the code's own order";
            if by_kl.on_hover_text(tip).clicked() {
                self.is_by_kl = !self.is_by_kl;
            }
            ui.add_space(theme::STEP);
            if let Some(done) = how_far(cx) {
                bar_ui(ui, cx.tokens, done, 90.0);
                command_button(ui, Command::Cancel, true, cx.out);
                return;
            }
            let text = RichText::new("Bins").size(theme::CAPTION);
            ui.label(text.color(cx.tokens.text_weak));
            let bins = DragValue::new(&mut self.bins).range(2..=MOST_BINS).speed(0.1);
            let bins = ui.add(bins);
            set_name(&bins, "Bins");
            bins.on_hover_text("Equal bins between the least and the greatest value of each dimension, and of each factor that is a number");
            let tip = "Measure the code of every item against what is known of it";
            if primary_button(ui, cx.tokens, icon::FACTORS, "Measure", tip) {
                cx.out.act(Action::MeasureFactors {
                    bins: self.bins,
                    seed: SEED,
                });
            }
        });
    }

    fn matrix_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, found: &Arc<Factors>, codes: &CodeTable) {
        let is_same = self
            .heat
            .as_ref()
            .is_some_and(|heat| heat.is_of(found, self.matrix, self.is_by_kl));
        if !is_same {
            let order = if self.is_by_kl {
                codes.order_by_kl()
            } else {
                (0..found.dims).collect()
            };
            let cells = self.matrix.cells(found);
            let heat = Heat::new(found, self.matrix, self.is_by_kl, cells, order);
            self.heat = Some(heat);
        }
        let Some(heat) = &self.heat else { return };
        let at = map_ui(ui, cx, heat, self.matrix.scale(), cx.pointed.map(|p| p.dim));
        let Some((response, cell)) = at else {
            self.kept = None;
            return;
        };
        self.kept = self.kept.filter(|&dim| dim == cell.dim);
        if response.clicked() && self.kept.is_none() {
            self.kept = Some(cell.dim);
            cx.out.act(Action::KeepSwept);
        }
        cx.out.pointed = Some(Pointed {
            dim: cell.dim,
            is_kept: self.kept.is_some(),
        });
        card_ui(ui, cx, &response, found, cell, self.kept.is_some());
    }
}

/// What the pointer rests on: a column and, where it is on a cell, its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    pub dim: usize,
    pub factor: Option<usize>,
}

/// The picture on its way, and what is known of the cell.
fn card_ui(ui: &Ui, cx: &Cx<'_>, response: &Response, found: &Factors, cell: Cell, is_kept: bool) {
    let tokens = cx.tokens;
    let layer = response.layer_id;
    let tooltip =
        egui::Tooltip::always_open(ui.ctx().clone(), layer, response.id, PopupAnchor::Pointer);
    tooltip.gap(16.0).show(|ui| {
        ui.horizontal_top(|ui| {
            if let Some((texture, aspect)) = cx.textures.decoded.get() {
                let size = egui::vec2(LENS * aspect.min(1.0), LENS / aspect.max(1.0));
                let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
                let outline = Stroke::new(1.0, tokens.line);
                paint_picture(ui, rect, texture, outline, theme::RADIUS_SMALL);
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.set_width(TEXT);
                let line = |ui: &mut Ui, text: String| {
                    let text = RichText::new(text).size(theme::CAPTION);
                    ui.add(Label::new(text.color(tokens.text_weak)).wrap());
                };
                let dim = format::dimension(cell.dim);
                let title = match cell.factor {
                    Some(factor) => format!("{} × {dim}", found.names[factor]),
                    None => format!("Dimension {dim}"),
                };
                let title = RichText::new(title).font(theme::strong(theme::BODY));
                ui.add(Label::new(title.color(tokens.text_strong)).wrap());
                if let Some(factor) = cell.factor {
                    for text in facts(found, factor, cell.dim) {
                        line(ui, text);
                    }
                } else {
                    line(ui, serves(found, cell.dim));
                }
                let value = cx.code.get(cell.dim).copied().unwrap_or(0.0);
                let value = format::number(value).replace('-', "−");
                let text = if is_kept {
                    format!("Kept at {value}")
                } else {
                    format!("Its slider moves: {value}. Click to keep it there")
                };
                let text = RichText::new(text).size(theme::CAPTION);
                ui.add(Label::new(text.color(tokens.accent)).wrap());
            });
        });
    });
}

/// What is known of a cell.
fn facts(found: &Factors, factor: usize, dim: usize) -> Vec<String> {
    let at = factor * found.dims + dim;
    let number = |x: f64| format::number(x as f32);
    let information = &found.information;
    let line = if found.are_classes[factor] {
        "A line over it tells the class of"
    } else {
        "A line over it explains"
    };
    let mut facts = vec![
        format!(
            "{} of {} nats; {} by chance",
            number(information.nats[at]),
            number(information.entropy[factor]),
            number(information.by_chance[at])
        ),
        format!(
            "Importance {} for trees",
            number(found.importance.importance[at])
        ),
        format!("{line} {}", percent(found.predictability.scores[at])),
    ];
    if let Some(votes) = &found.votes {
        let cast: u32 = votes.votes[factor * found.dims..][..found.dims]
            .iter()
            .sum();
        if cast > 0 {
            let share = f64::from(votes.votes[at]) / f64::from(cast);
            facts.push(format!("Varies least in {} of groups", percent(share)));
        }
    }
    facts
}

/// What a dimension serves.
fn serves(found: &Factors, dim: usize) -> String {
    let own = |factor: usize| found.nats(factor, dim);
    let best = (1..found.names.len()).fold(0, |best, factor| {
        if own(factor) > own(best) {
            factor
        } else {
            best
        }
    });
    format!(
        "Tells most of {}: {} nats",
        found.names[best].to_lowercase(),
        format::number(own(best) as f32)
    )
}
