//! The pictures of a study: curves with their intervals, and who is taken for whom.
//!
//! Invariant: a space has the same colour in every picture.

use eframe::egui::{self, Align2, Color32, Rangef, Rect, RichText, Sense, Ui, WidgetInfo};
use egui_plot::{AxisHints, FilledArea, GridMark, Line, PlotPoints, uniform_grid_spacer};

use super::measures::{dot_ui, space_colour};
use crate::app::format;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::still_plot;
use crate::data::Distortion;
use crate::retrieval::study::{Estimate, Findings, OfSpace, STRENGTHS};

/// Height of a plot, where there is that much and no more.
const HEIGHTS: (f32, f32) = (92.0, 200.0);
/// A plot narrower than that goes to the next line.
const NARROWEST: f32 = 190.0;

/// Which colour is which space.
pub(super) fn key_ui(ui: &mut Ui, tokens: &Tokens, found: &Findings) {
    ui.horizontal_wrapped(|ui| {
        for (i, (space, _)) in found.secs.iter().enumerate() {
            dot_ui(ui, space_colour(tokens, i));
            ui.label(
                RichText::new(space.title())
                    .size(theme::CAPTION)
                    .color(tokens.text),
            );
        }
    });
}

/// One curve of each space over the number of neighbours.
pub(super) fn curves_ui(ui: &mut Ui, tokens: &Tokens, found: &Findings) {
    type Curve = fn(&OfSpace) -> &Vec<Estimate>;
    let figures: [(&str, Curve); 3] = [
        ("Precision by neighbours", |s| &s.precision),
        ("Recall by neighbours", |s| &s.recall),
        ("Accuracy of the vote by neighbours", |s| &s.accuracy),
    ];
    let xs: Vec<f64> = (1..=found.k).map(|k| k as f64).collect();
    in_rows(ui, figures.len(), |ui, i, size| {
        let (name, of) = figures[i];
        let curves: Vec<&[Estimate]> = found.spaces.iter().map(|s| of(s).as_slice()).collect();
        plot_ui(
            ui,
            tokens,
            &Drawn {
                name: name.to_owned(),
                xs: &xs,
                curves,
                range: None,
                size,
            },
        );
    });
}

/// One curve of each space over the strength of each distortion.
pub(super) fn distortions_ui(ui: &mut Ui, tokens: &Tokens, found: &Findings) {
    let xs: Vec<f64> = STRENGTHS.iter().map(|&s| f64::from(s)).collect();
    in_rows(ui, Distortion::ALL.len(), |ui, i, size| {
        let distortion = Distortion::ALL[i];
        let of = found
            .robustness
            .iter()
            .filter(|c| c.distortion == distortion);
        let curves: Vec<&[Estimate]> = of.map(|c| c.found.as_slice()).collect();
        let most = distortion.amount(1.0, found.gallery.shape());
        let name = format!("{}, up to {most}", distortion.title());
        plot_ui(
            ui,
            tokens,
            &Drawn {
                name,
                xs: &xs,
                curves,
                range: Some((0.0, 1.0)),
                size,
            },
        );
    });
    let text = format!(
        "Share of {} items whose distorted copy still has its original as the nearest",
        format::count(found.sampled)
    );
    ui.label(
        RichText::new(text)
            .size(theme::CAPTION)
            .color(tokens.text_weak),
    );
}

/// Draws `n` plots, as many beside each other as there is room for.
fn in_rows(ui: &mut Ui, n: usize, mut add: impl FnMut(&mut Ui, usize, egui::Vec2)) {
    let room = ui.available_width() - theme::DOUBLE;
    let columns = ((room / NARROWEST) as usize).clamp(1, n);
    let width = room / columns as f32 - theme::STEP;
    let rows = n.div_ceil(columns) as f32;
    let height = ui.clip_rect().bottom() - ui.cursor().top();
    let height = (height / rows - 32.0).clamp(HEIGHTS.0, HEIGHTS.1);
    for first in (0..n).step_by(columns) {
        ui.horizontal(|ui| {
            for i in first..n.min(first + columns) {
                add(ui, i, egui::vec2(width, height));
            }
        });
    }
}

struct Drawn<'a> {
    name: String,
    xs: &'a [f64],
    curves: Vec<&'a [Estimate]>,
    /// Of the values; the curves' own where none is given.
    range: Option<(f64, f64)>,
    size: egui::Vec2,
}

fn plot_ui(ui: &mut Ui, tokens: &Tokens, drawn: &Drawn<'_>) {
    let all = || drawn.curves.iter().flat_map(|c| c.iter());
    let (low, high) = drawn.range.unwrap_or_else(|| {
        let low = all().map(|e| e.low).fold(1.0, f64::min);
        let high = all().map(|e| e.high).fold(0.0, f64::max);
        let margin = (high - low).max(0.01) * 0.08;
        ((low - margin).max(0.0), (high + margin).min(1.0))
    });
    let ends = (
        drawn.xs.first().copied().unwrap_or(0.0),
        drawn.xs.last().copied().unwrap_or(1.0),
    );
    let decimals = if high - low < 0.1 { 3 } else { 2 };
    ui.vertical(|ui| {
        ui.set_width(drawn.size.x);
        ui.label(
            RichText::new(&drawn.name)
                .size(theme::CAPTION)
                .color(tokens.text_weak),
        );
        let plot = still_plot(("study", &drawn.name), tokens)
            .height(drawn.size.y)
            .width(drawn.size.x)
            .x_grid_spacer(move |_| marks_between(ends))
            .y_grid_spacer(uniform_grid_spacer(move |_| {
                let step = nice((high - low) / 3.0);
                [step, step, step]
            }))
            .custom_y_axes(vec![
                AxisHints::new_y()
                    .min_thickness(36.0)
                    .label_spacing(Rangef::new(8.0, 14.0))
                    .formatter(move |mark, _| format!("{:.decimals$}", mark.value)),
            ])
            .custom_x_axes(vec![
                AxisHints::new_x()
                    .label_spacing(Rangef::new(14.0, 18.0))
                    .formatter(|mark, _| format!("{}", mark.value)),
            ]);
        let response = plot.show(ui, |plot| {
            let margin = (ends.1 - ends.0).max(0.5) * 0.03;
            plot.set_plot_bounds_x(ends.0 - margin..=ends.1 + margin);
            plot.set_plot_bounds_y(low..=high);
            for (i, curve) in drawn.curves.iter().enumerate() {
                let colour = space_colour(tokens, i);
                let n = curve.len().min(drawn.xs.len());
                let lows: Vec<f64> = curve[..n].iter().map(|e| e.low).collect();
                let highs: Vec<f64> = curve[..n].iter().map(|e| e.high).collect();
                plot.add(
                    FilledArea::new("", &drawn.xs[..n], &lows, &highs)
                        .fill_color(colour.gamma_multiply(0.2))
                        .allow_hover(false),
                );
                let points: PlotPoints<'_> = drawn
                    .xs
                    .iter()
                    .zip(curve.iter())
                    .map(|(&x, e)| [x, e.mean])
                    .collect();
                plot.line(Line::new(format!("{i}"), points).color(colour).width(2.0));
            }
        });
        let name = format!("Plot: {}", drawn.name);
        response
            .response
            .widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name.clone()));
    });
}

/// The ends and what lies between: quarters of a whole, or whole numbers.
fn marks_between((low, high): (f64, f64)) -> Vec<GridMark> {
    let step = if high > 1.5 {
        nice((high - low) / 4.0).round().max(1.0)
    } else {
        0.25
    };
    // A round number so near an end that both would not be read gives way to it.
    let within = (1..1000).map(|i| f64::from(i) * step);
    let within = within.take_while(|x| *x < high - 0.6 * step);
    let within = within.filter(|x| *x > low + 0.6 * step);
    let values = std::iter::once(low).chain(within).chain([high]);
    let mark = |value| GridMark {
        value,
        step_size: step,
    };
    values.map(mark).collect()
}

/// A step of one digit (1, 2 or 5 times a power of ten) that is not below `step`.
pub(super) fn nice(step: f64) -> f64 {
    let power = 10.0_f64.powf(step.max(1e-9).log10().floor());
    let digit = step / power;
    let nice = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|d| *d >= digit - 1e-9);
    nice.unwrap_or(10.0) * power
}

/// Classes that have room as a square of squares.
const MOST_CLASSES: usize = 60;

/// A square of squares per space: rows are the query's class, columns what its neighbours vote for.
pub(super) fn confusions_ui(ui: &mut Ui, tokens: &Tokens, found: &Findings) {
    let n = found.spaces.first().map_or(0, |s| s.classes.len());
    if n > MOST_CLASSES {
        let text = format!(
            "{} classes are too many to be drawn; the report has them",
            format::count(n)
        );
        ui.label(RichText::new(text).color(tokens.text_weak));
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(theme::DOUBLE, theme::STEP);
        for (i, space) in found.spaces.iter().enumerate() {
            confusion_ui(ui, tokens, space, i);
        }
    });
    let text = "Rows: the query's class. Columns: what its neighbours vote for. Stronger is more, by the square root.";
    ui.label(
        RichText::new(text)
            .size(theme::CAPTION)
            .color(tokens.text_weak),
    );
}

fn confusion_ui(ui: &mut Ui, tokens: &Tokens, space: &OfSpace, i: usize) {
    let n = space.confusion.len().max(1);
    let cell = (190.0 / n as f32).clamp(4.0, 20.0);
    let names = if cell >= 11.0 { 34.0 } else { 0.0 };
    let side = cell * n as f32;
    let size = egui::vec2(names + side, 20.0 + names * 0.5 + side);
    let (area, response) = ui.allocate_exact_size(size.max(egui::vec2(150.0, 0.0)), Sense::hover());
    let painter = ui.painter();
    painter.circle_filled(
        area.min + egui::vec2(4.0, 8.0),
        4.0,
        space_colour(tokens, i),
    );
    painter.text(
        area.min + egui::vec2(14.0, 1.0),
        Align2::LEFT_TOP,
        space.space.title(),
        theme::strong(theme::BODY),
        tokens.text_strong,
    );
    let origin = area.min + egui::vec2(names, 20.0 + names * 0.5);
    let name_of = |at: usize| space.classes.get(at).map_or("", |c| c.name.as_str());
    for (row, counts) in space.confusion.iter().enumerate() {
        if names > 0.0 {
            let short: String = name_of(row).chars().take(5).collect();
            let font = theme::regular(10.0);
            let y = origin.y + (row as f32 + 0.5) * cell;
            let left = egui::pos2(origin.x - 4.0, y);
            painter.text(
                left,
                Align2::RIGHT_CENTER,
                &short,
                font.clone(),
                tokens.text_weak,
            );
            let short: String = short.chars().take(2).collect();
            let x = origin.x + (row as f32 + 0.5) * cell;
            let above = egui::pos2(x, origin.y - 3.0);
            painter.text(above, Align2::CENTER_BOTTOM, short, font, tokens.text_weak);
        }
        let total: u32 = counts.iter().sum();
        for (column, &count) in counts.iter().enumerate() {
            let share = count as f32 / total.max(1) as f32;
            let colour = if row == column {
                tokens.good
            } else {
                tokens.warn
            };
            let at = origin + egui::vec2(column as f32 * cell, row as f32 * cell);
            let rect = Rect::from_min_size(at, egui::vec2(cell - 1.0, cell - 1.0));
            painter.rect_filled(rect, 1.5, shade(tokens, colour, share));
        }
    }
    response.widget_info(|| {
        let name = format!("Confusions: {}", space.space.title());
        WidgetInfo::labeled(egui::Role::Image, true, name)
    });
    let Some(at) = response.hover_pos().map(|at| (at - origin) / cell) else {
        return;
    };
    let (row, column) = (at.y.floor(), at.x.floor());
    if row < 0.0 || column < 0.0 {
        return;
    }
    let (row, column) = (row as usize, column as usize);
    if let Some(count) = space.confusion.get(row).and_then(|r| r.get(column)) {
        let text = if row == column {
            format!(
                "{} {} told right",
                format::count(*count as usize),
                name_of(row)
            )
        } else {
            format!(
                "{} {} taken for {}",
                format::count(*count as usize),
                name_of(row),
                name_of(column)
            )
        };
        let precision = space.classes.get(row).map(|c| c.precision);
        let of = precision.map_or(String::new(), |p| {
            format!(
                "\nPrecision of {}: {:.3} ({:.3}–{:.3})",
                name_of(row),
                p.mean,
                p.low,
                p.high
            )
        });
        response.on_hover_text_at_pointer(text + &of);
    }
}

/// `colour` as strong as `share` is; the root, so that rare confusions can be seen.
fn shade(tokens: &Tokens, colour: Color32, share: f32) -> Color32 {
    if share <= 0.0 {
        tokens.well
    } else {
        tokens
            .well
            .lerp_to_gamma(colour, 0.12 + 0.88 * share.sqrt())
    }
}
