//! One slider per dimension of the code, the telling ones first.
//!
//! Invariant: what the sliders show is the view's code; histograms follow the session's codes.

use std::sync::Arc;

use eframe::egui::{Align2, CollapsingHeader, RichText, ScrollArea, Ui};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::hint::Hint;
use crate::app::theme;
use crate::app::widgets::{CodeSlider, command_button, empty_ui, icon_button, padded, paint_hint};
use crate::engine::ModelInfo;
use crate::space::CodeTable;

const BINS: usize = 48;

/// The panel.
#[derive(Default)]
pub(super) struct SlidersPanel {
    shown: Shown,
}

/// What the sliders are drawn from, made anew when codes or model change.
#[derive(Default)]
struct Shown {
    codes: Option<Arc<CodeTable>>,
    model: Option<Arc<ModelInfo>>,
    order: Vec<usize>,
    dims: Vec<Dimension>,
}

struct Dimension {
    range: (f32, f32),
    mean: f32,
    kl: f32,
    is_active: bool,
    histogram: Vec<f32>,
}

impl Shown {
    fn refresh(&mut self, model: &Arc<ModelInfo>, codes: Option<&Arc<CodeTable>>) {
        let codes = codes.filter(|c| c.dims() == model.spec.code);
        let same_codes = match (&self.codes, codes) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if same_codes && self.model.as_ref().is_some_and(|m| Arc::ptr_eq(m, model)) {
            return;
        }
        self.dims = match codes {
            Some(codes) => (0..codes.dims()).map(|dim| of_codes(codes, dim)).collect(),
            None => (0..model.spec.code)
                .map(|dim| of_model(model, dim))
                .collect(),
        };
        self.order = (0..self.dims.len()).collect();
        self.order
            .sort_by(|&a, &b| self.dims[b].kl.total_cmp(&self.dims[a].kl));
        self.codes = codes.cloned();
        self.model = Some(model.clone());
    }
}

fn of_codes(codes: &CodeTable, dim: usize) -> Dimension {
    let counts = codes.histogram(dim, BINS);
    let highest = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
    Dimension {
        range: codes.range(dim),
        mean: codes.mean()[dim],
        kl: codes.kl()[dim],
        is_active: codes.is_active(dim),
        histogram: counts.into_iter().map(|c| c as f32 / highest).collect(),
    }
}

fn of_model(model: &ModelInfo, dim: usize) -> Dimension {
    let of = |values: &[f32], otherwise| values.get(dim).copied().unwrap_or(otherwise);
    let (mean, std, kl) = (
        of(&model.code_mean, 0.0),
        of(&model.code_std, 1.0),
        of(&model.code_kl, 0.0),
    );
    let reach = (3.0 * std).max(0.5);
    Dimension {
        range: (mean - reach, mean + reach),
        mean,
        kl,
        is_active: kl > CodeTable::ACTIVE_KL || model.code_kl.is_empty(),
        histogram: Vec::new(),
    }
}

impl Panel for SlidersPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        let Some(model) = cx
            .state
            .model()
            .cloned()
            .filter(|m| m.spec.code == cx.view.code.len())
        else {
            let text = "Each dimension of a model's code gets a slider here";
            empty_ui(ui, tokens, icon::SLIDERS, "No model yet", text, |ui| {
                command_button(ui, Command::OpenModel, true, cx.out);
            });
            return;
        };
        self.shown.refresh(&model, cx.state.session.codes.as_ref());
        let Shown { order, dims, .. } = &self.shown;
        let (active, unused): (Vec<usize>, Vec<usize>) =
            order.iter().partition(|&&dim| dims[dim].is_active);
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            ui.label(RichText::new(format!("{} dimensions", active.len())).color(tokens.text_weak));
            ui.with_layout(
                eframe::egui::Layout::right_to_left(eframe::egui::Align::Center),
                |ui| {
                    ui.add_space(theme::STEP);
                    icon_button(ui, icon::RESET, Command::ResetCode, cx.out);
                    icon_button(ui, icon::SHUFFLE, Command::RandomCode, cx.out);
                    if cx.view.item().is_some() {
                        icon_button(ui, icon::TARGET, Command::CodeOfSelection, cx.out);
                    }
                },
            );
        });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                for &dim in &active {
                    row_ui(ui, cx, &dims[dim], dim);
                }
                if !unused.is_empty() {
                    ui.add_space(theme::HALF);
                    let title = format!("{} unused dimensions", unused.len());
                    CollapsingHeader::new(title)
                        .id_salt("unused")
                        .default_open(active.is_empty())
                        .show(ui, |ui| {
                            for &dim in &unused {
                                row_ui(ui, cx, &dims[dim], dim);
                            }
                        });
                }
            });
        });
        if cx.hint == Some(Hint::DragSlider) {
            let text = Hint::DragSlider.text();
            let at = ui.max_rect().center_bottom() - eframe::egui::vec2(0.0, 12.0);
            paint_hint(ui, tokens, at, Align2::CENTER_BOTTOM, icon::HAND, text);
        }
    }
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, dimension: &Dimension, dim: usize) {
    let slider = CodeSlider {
        dim,
        value: cx.view.code[dim],
        range: dimension.range,
        mean: dimension.mean,
        kl: dimension.kl,
        histogram: &dimension.histogram,
        is_active: dimension.is_active,
    };
    if let Some(value) = slider.show_ui(ui, cx.tokens) {
        cx.out.act(Action::SetDimension { dim, value });
    }
}
