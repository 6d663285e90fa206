//! How training goes: progress, loss curves, reconstructions.
//!
//! Invariant: shows every point of the curve it is given, thinned only for drawing.

use eframe::egui::{self, Color32, Rangef, RichText, Sense, Stroke, Ui, WidgetInfo};
use egui_plot::{AxisHints, GridInput, Line, PlotPoints, Points, uniform_grid_spacer};

use crate::app::format;
use crate::app::palette;
use crate::app::panels::Cx;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{bar_ui, caption, paint_picture, set_name, still_plot};
use crate::engine::{TrainingReport, TrainingState};
use crate::model::{LossPoint, StagePoint};

/// Points drawn per curve at most.
const DRAWN: usize = 600;

/// Which terms are drawn, and on which scale.
pub(super) struct Curves {
    /// Reconstruction, KL, validation.
    shown: [bool; 3],
    is_log: bool,
}

impl Default for Curves {
    fn default() -> Self {
        Self {
            shown: [true; 3],
            is_log: false,
        }
    }
}

/// Where training stands.
pub(super) fn report_ui(ui: &mut Ui, tokens: &Tokens, report: &TrainingReport) {
    let done = report.step as f32 / report.steps.max(1) as f32;
    let state = match report.state {
        TrainingState::Running => format!("{} left", format::secs(report.secs_left)),
        TrainingState::Paused => "Paused".to_owned(),
        TrainingState::Finished => "Finished".to_owned(),
    };
    ui.horizontal(|ui| {
        let epoch = (report.epoch + 1).min(report.epochs);
        let text = match report.stage {
            Some(stage) => format!("Layer {} of {}", stage.stage + 1, stage.stages),
            None => format!("Epoch {epoch} of {}", report.epochs),
        };
        ui.label(
            RichText::new(text)
                .font(theme::strong(theme::BODY))
                .color(tokens.text_strong),
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(state).color(tokens.text_weak));
        });
    });
    bar_ui(ui, tokens, done, ui.available_width());
    let steps = format!(
        "Step {} of {}, {} each",
        format::count(report.step as usize),
        format::count(report.steps as usize),
        format::secs(report.step_secs)
    );
    caption(ui, tokens, &steps);
}

impl Curves {
    /// The ends of a linear scale on which the course can be read: the steep fall of the first steps may leave it.
    fn bounds(&self, curve: &[LossPoint]) -> Option<(f64, f64)> {
        let late = curve
            .get(curve.len() / 10..)
            .filter(|late| late.len() > 1)?;
        let shown = |p: &LossPoint| {
            let terms = [Some(p.reconstruction), Some(p.kl), p.validation];
            let shown = terms.into_iter().zip(self.shown);
            shown.filter_map(|(term, is_shown)| term.filter(|_| is_shown))
        };
        let values = late.iter().flat_map(|p| shown(p).collect::<Vec<f32>>());
        let ends = (f32::INFINITY, f32::NEG_INFINITY);
        let (low, high) = values.fold(ends, |(low, high), v| (low.min(v), high.max(v)));
        let margin = f64::from(high - low).max(1e-3) * 0.06;
        (low <= high).then(|| (f64::from(low) - margin, f64::from(high) + margin))
    }

    /// Draws the curves with their toggles.
    pub(super) fn show_ui(&mut self, ui: &mut Ui, tokens: &Tokens, curve: &[LossPoint]) {
        let last = curve.last();
        let terms = [
            (
                "Reconstruction",
                tokens.accent,
                last.map(|p| p.reconstruction),
            ),
            ("KL", tokens.second, last.map(|p| p.kl)),
            (
                "Validation",
                tokens.good,
                curve.iter().rev().find_map(|p| p.validation),
            ),
        ];
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = theme::HALF;
            for ((name, colour, value), is_shown) in terms.into_iter().zip(&mut self.shown) {
                let value = value.map_or(String::new(), |v| format!("  {}", format::number(v)));
                let colour = if *is_shown { colour } else { tokens.text_faint };
                let response = toggle_ui(ui, tokens, colour, *is_shown, &format!("{name}{value}"));
                set_name(&response, &format!("Show {name}"));
                if response
                    .on_hover_text(format!("Show or hide {name}, nats per item"))
                    .clicked()
                {
                    *is_shown = !*is_shown;
                }
            }
            let response = toggle_ui(ui, tokens, tokens.text_faint, self.is_log, "Log");
            set_name(&response, "Logarithmic scale");
            if response
                .on_hover_text("Draw losses on a logarithmic scale")
                .clicked()
            {
                self.is_log = !self.is_log;
            }
        });
        let [reconstruction, kl, validation] = self.shown;
        let is_log = self.is_log;
        let scaled = move |y: f32| {
            if is_log {
                f64::from(y.max(1e-6)).log10()
            } else {
                f64::from(y)
            }
        };
        let bounds = (!self.is_log).then(|| self.bounds(curve)).flatten();
        let stride = curve.len().div_ceil(DRAWN).max(1);
        let series = |term: fn(&LossPoint) -> f32| -> PlotPoints<'_> {
            let thinned = curve.iter().step_by(stride).chain(curve.last());
            thinned
                .map(|p| [f64::from(p.epoch), scaled(term(p))])
                .collect()
        };
        let at_epochs: Vec<[f64; 2]> = curve
            .iter()
            .filter_map(|p| Some([f64::from(p.epoch), scaled(p.validation?)]))
            .collect();
        let plot = still_plot("losses", tokens)
            .height(148.0)
            .y_axis_min_width(40.0)
            .x_grid_spacer(uniform_grid_spacer(|grid| steps(&grid, 3.0)))
            .y_grid_spacer(uniform_grid_spacer(|grid| steps(&grid, 4.0)))
            .y_axis_formatter(move |mark, _| {
                format::number(if is_log {
                    10f64.powf(mark.value)
                } else {
                    mark.value
                } as f32)
            })
            .x_axis_formatter(|mark, _| {
                if mark.value < 0.0 {
                    String::new()
                } else {
                    format!("{}", mark.value)
                }
            });
        plot.show(ui, |plot| {
            if let Some((low, high)) = bounds {
                plot.set_plot_bounds_y(low..=high);
            }
            if reconstruction {
                plot.line(
                    Line::new("Reconstruction", series(|p| p.reconstruction))
                        .color(tokens.accent)
                        .width(1.5),
                );
            }
            if kl {
                plot.line(
                    Line::new("KL", series(|p| p.kl))
                        .color(tokens.second)
                        .width(1.5),
                );
            }
            if validation && !at_epochs.is_empty() {
                plot.line(
                    Line::new("Validation", at_epochs.clone())
                        .color(tokens.good)
                        .width(1.5),
                );
                plot.points(
                    Points::new("Validation at epochs", at_epochs)
                        .color(tokens.good)
                        .radius(2.5),
                );
            }
        });
        caption(ui, tokens, "Nats per item over epochs");
    }
}

/// The squared error of each layer in its pre-training, layer beside layer.
pub(super) fn stages_ui(ui: &mut Ui, tokens: &Tokens, curve: &[StagePoint]) {
    let stages = curve.iter().map(|p| p.stage + 1).max().unwrap_or(0);
    let stride = curve.len().div_ceil(DRAWN).max(1);
    // Noise of single batches hides the course.
    let smooth = |points: &[&StagePoint]| -> Vec<f64> {
        let mut mean = points.first().map_or(0.0, |p| f64::from(p.error));
        let follow = |p: &&StagePoint| {
            mean += 0.1 * (f64::from(p.error) - mean);
            mean
        };
        points.iter().map(follow).collect()
    };
    let plot = still_plot("stages", tokens)
        .height(110.0)
        .y_axis_min_width(40.0)
        .include_y(0.0)
        .show_x(false)
        .x_grid_spacer(uniform_grid_spacer(|_| [1.0, 1.0, 1.0]))
        .y_grid_spacer(uniform_grid_spacer(|grid| steps(&grid, 3.0)))
        .y_axis_formatter(|mark, _| format::number(mark.value as f32))
        .custom_x_axes(vec![
            AxisHints::new_x()
                .label_spacing(Rangef::new(16.0, 22.0))
                .formatter(move |mark, _| {
                    let layer = mark.value.round();
                    if layer < 0.0 || layer >= stages as f64 {
                        String::new()
                    } else {
                        format!("{}", layer + 1.0)
                    }
                }),
        ]);
    plot.show(ui, |plot| {
        for stage in 0..stages {
            let points = curve.iter().filter(|p| p.stage == stage);
            let points: Vec<&StagePoint> = points.step_by(stride).collect();
            let last = points.last().map_or(1, |p| p.step).max(1) as f64;
            let ys = smooth(&points);
            let line: PlotPoints<'_> = points
                .iter()
                .zip(ys)
                .map(|(p, y)| [stage as f64 + 0.95 * p.step as f64 / last, y])
                .collect();
            let colour = palette::class(stage, tokens.is_dark);
            let name = format!("Layer {}", stage + 1);
            plot.line(Line::new(name, line).color(colour).width(1.5));
        }
    });
    caption(
        ui,
        tokens,
        "Layers in their pre-training: squared error per item of what each makes again",
    );
}

/// Steps of a grid with about `count` lines.
pub(super) fn steps(grid: &GridInput, count: f64) -> [f64; 3] {
    let step = round_step((grid.bounds.1 - grid.bounds.0) / count);
    [step, 10.0 * step, 100.0 * step]
}

/// The next of 1, 2, 5, 10 … that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * power);
    let next = steps.into_iter().find(|s| *s >= step * 0.999);
    next.unwrap_or(10.0 * power)
}

fn toggle_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    dot: Color32,
    is_on: bool,
    text: &str,
) -> egui::Response {
    let ink = if is_on {
        tokens.text
    } else {
        tokens.text_faint
    };
    let galley = ui
        .painter()
        .layout_no_wrap(text.to_owned(), theme::regular(theme::CAPTION), ink);
    let (rect, response) =
        ui.allocate_exact_size(galley.size() + egui::vec2(24.0, 6.0), Sense::click());
    let ground = if response.hovered() {
        tokens.hover
    } else {
        tokens.raised
    };
    ui.painter().rect_filled(rect, 9.0, ground);
    ui.painter()
        .circle_filled(rect.left_center() + egui::vec2(10.0, 0.0), 3.5, dot);
    ui.painter()
        .galley(rect.min + egui::vec2(18.0, 3.0), galley, ink);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, text));
    response
}

/// Originals over reconstructions by the weights of this moment.
pub(super) fn preview_ui(ui: &mut Ui, cx: &Cx<'_>) {
    if cx.state.preview.is_none() {
        return;
    }
    let rows = [
        ("Originals", cx.textures.preview_originals.get()),
        (
            "Reconstructed now",
            cx.textures.preview_reconstructions.get(),
        ),
        (
            "What units of this layer look for",
            cx.textures.preview_filters.get(),
        ),
    ];
    for (name, live) in rows {
        let Some((texture, aspect)) = live else {
            continue;
        };
        caption(ui, cx.tokens, name);
        let width = ui.available_width();
        let (rect, response) =
            ui.allocate_exact_size(egui::vec2(width, width / aspect), Sense::hover());
        paint_picture(ui, rect, texture, Stroke::NONE, theme::RADIUS_SMALL);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
    }
}
