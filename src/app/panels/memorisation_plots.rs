//! The histograms of memorisation: how far pictures are from the nearest training item, and what items owe to being seen.
//!
//! Invariant: every set is drawn as shares of its own pictures, so that sets of different sizes can be compared.

use eframe::egui::{self, Color32, RichText, Sense, Stroke, Ui};
use egui_plot::{Bar, BarChart, LineStyle, VLine, uniform_grid_spacer};

use super::training_progress::steps;
use crate::app::format;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::still_plot;
use crate::retrieval::memorisation::{Histogram, Scores};

/// Height of a plot, in points of the interface.
const HEIGHT: f32 = 92.0;

/// One set of a histogram.
struct Set<'a> {
    name: &'a str,
    counts: &'a [u32],
    colour: Color32,
}

/// The colours of the model's pictures and of held-out items.
fn colours(tokens: &Tokens) -> [Color32; 2] {
    [tokens.accent, tokens.second]
}

/// Distances of the model's pictures, `counts`, called `name`, and of held-out items, with the distance below which one counts as
/// close, which is called `close`.
pub(super) fn distances_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    id: &str,
    (name, counts): (&str, &[u32]),
    histogram: &Histogram,
    (close, quantile): (&str, f32),
) {
    let [own, others] = colours(tokens);
    let sets = [
        Set {
            name: "Held out",
            counts: &histogram.held_out,
            colour: others,
        },
        Set {
            name,
            counts,
            colour: own,
        },
    ];
    legend_ui(ui, tokens, &sets, close);
    plot_ui(
        ui,
        tokens,
        id,
        &sets,
        (0.0, histogram.width),
        Some(f64::from(quantile)),
    );
}

/// The scores of leave-fold-out.
pub(super) fn scores_ui(ui: &mut Ui, tokens: &Tokens, scores: &Scores) {
    let sets = [Set {
        name: "Items",
        counts: &scores.counts,
        colour: tokens.accent,
    }];
    plot_ui(
        ui,
        tokens,
        "scores",
        &sets,
        (scores.low, scores.width),
        Some(0.0),
    );
}

fn legend_ui(ui: &mut Ui, tokens: &Tokens, sets: &[Set<'_>], line: &str) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme::HALF;
        let entry = |ui: &mut Ui, colour: Color32, is_line: bool, name: &str| {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(10.0, 12.0), Sense::hover());
            if is_line {
                let x = rect.center().x;
                let stroke = Stroke::new(1.5, colour);
                ui.painter().vline(x, rect.y_range(), stroke);
            } else {
                ui.painter().circle_filled(rect.center(), 3.5, colour);
            }
            let text = RichText::new(name).size(theme::CAPTION);
            ui.label(text.color(tokens.text_weak));
            ui.add_space(theme::HALF);
        };
        for set in sets.iter().rev() {
            entry(ui, set.colour, false, set.name);
        }
        entry(ui, tokens.warn, true, line);
    });
}

fn plot_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    id: &str,
    sets: &[Set<'_>],
    (low, width): (f64, f64),
    line: Option<f64>,
) {
    let charts = sets.iter().map(|set| {
        let all = f64::from(set.counts.iter().sum::<u32>().max(1));
        let bars = (0_u32..).zip(set.counts).map(|(bin, &count)| {
            let middle = low + (f64::from(bin) + 0.5) * width;
            Bar::new(middle, 100.0 * f64::from(count) / all)
                .width(width)
                .fill(set.colour.gamma_multiply(0.55))
                .stroke(Stroke::new(0.5, set.colour.gamma_multiply(0.8)))
        });
        BarChart::new(set.name, bars.collect())
            .color(set.colour)
            .allow_hover(false)
    });
    let charts: Vec<BarChart> = charts.collect();
    let plot = still_plot(id, tokens)
        .height(HEIGHT)
        .set_margin_fraction(egui::vec2(0.02, 0.08))
        .y_axis_min_width(34.0)
        .x_grid_spacer(uniform_grid_spacer(|grid| steps(&grid, 4.0)))
        .y_grid_spacer(uniform_grid_spacer(|grid| steps(&grid, 3.0)))
        .y_axis_formatter(|mark, _| format!("{} %", whole(mark.value)))
        .x_axis_formatter(|mark, _| whole(mark.value));
    plot.show(ui, |plot| {
        for chart in charts {
            plot.bar_chart(chart);
        }
        if let Some(x) = line {
            let line = VLine::new("line", x)
                .color(tokens.warn)
                .style(LineStyle::dashed_dense())
                .width(1.5);
            plot.vline(line);
        }
    });
}

/// A mark of an axis.
fn whole(value: f64) -> String {
    if value.abs() < 1e-9 {
        "0".to_owned()
    } else if value.fract() == 0.0 {
        format!("{value}")
    } else {
        format::number(value as f32)
    }
}
