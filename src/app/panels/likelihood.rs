//! Bound, importance-weighted estimate and their gap, of the model in use and of others, in one table.
//!
//! Invariant: rows whose pixels are taken as something else are not ranked with the first.

use std::sync::Arc;

use eframe::egui::{self, Button, DragValue, Grid, RichText, ScrollArea, Sense, Ui, WidgetInfo};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::palette;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{bar_ui, caption, command_button, empty_ui, primary_button, set_name};
use crate::engine::{
    LikelihoodFigures, LikelihoodPlan, LikelihoodRow, Likelihoods, MEASURING_LIKELIHOODS,
};
use crate::model::Likelihood;

/// Bars of the KL per dimension that are drawn of a model.
const BARS: usize = 64;

/// The panel.
pub(super) struct LikelihoodPanel {
    samples: usize,
    most: usize,
    seed: u64,
    has_mixture: bool,
}

impl Default for LikelihoodPanel {
    fn default() -> Self {
        Self {
            samples: 50,
            most: 1000,
            seed: 1,
            has_mixture: false,
        }
    }
}

impl Panel for LikelihoodPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(model) = cx.state.model() else {
            let text = "Open or train a variational model: its bound and its likelihood on pictures appear here, beside those of other models";
            empty_ui(ui, cx.tokens, icon::TABLE, "No model yet", text, |ui| {
                command_button(ui, Command::OpenModel, true, cx.out);
            });
            return;
        };
        if cx.state.session.dataset.is_none() {
            let text = "Open the pictures whose likelihood is to be measured";
            empty_ui(ui, cx.tokens, icon::TABLE, "No items yet", text, |ui| {
                command_button(ui, Command::OpenData, true, cx.out);
            });
            return;
        }
        let has_posterior = model.spec.has_posterior();
        ui.add_space(4.0);
        self.header_ui(ui, cx, has_posterior);
        let Some(found) = cx.state.session.likelihoods.clone() else {
            let (title, text) = if has_posterior {
                (
                    "Not measured yet",
                    "The bound that training raises, the likelihood itself estimated by importance weighting, and the gap between the two: the KL from the posterior that the encoder gives to the true one",
                )
            } else {
                (
                    "The model's codes have no posterior",
                    "Bounds and likelihoods are taken over one: choose a variational model, or add one to the table",
                )
            };
            empty_ui(ui, cx.tokens, icon::TABLE, title, text, |_| {});
            return;
        };
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.add_space(12.0);
                ui.vertical(|ui| table_ui(ui, cx.tokens, &found));
            });
        });
    }
}

impl LikelihoodPanel {
    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, has_posterior: bool) {
        let tokens = cx.tokens;
        ui.horizontal_wrapped(|ui| {
            ui.add_space(12.0);
            let mut task = cx.state.tasks.iter();
            if let Some(task) = task.find(|t| t.what == MEASURING_LIKELIHOODS) {
                bar_ui(ui, tokens, task.done, 160.0);
                let left = task.secs_left;
                let left = left.map_or(String::new(), |s| format!("{} left", format::secs(s)));
                caption(ui, tokens, &left);
                return;
            }
            let samples = DragValue::new(&mut self.samples).range(1..=5000).speed(1.0);
            let samples = ui.add(samples.suffix(" samples"));
            set_name(&samples, "Samples per item");
            samples.on_hover_text("Codes drawn per item: the more, the closer the estimate");
            let most = DragValue::new(&mut self.most)
                .range(10..=100_000)
                .speed(10.0);
            let most = ui.add(most.suffix(" items"));
            set_name(&most, "Items at most");
            most.on_hover_text("Items kept out of training where there are any, else of all");
            let seed = ui.add(DragValue::new(&mut self.seed).speed(0.1).prefix("seed "));
            set_name(&seed, "Seed of the samples");
            seed.on_hover_text("Of samples and of binarisation");
            let mixture = ui.checkbox(&mut self.has_mixture, "Mixture");
            set_name(&mixture, "With a mixture");
            mixture.on_hover_text("A mixture of ten Gaussians on principal components of the pixels, fitted to the items that are not measured");
            let others = cx.view.likelihood_models.clone();
            ui.add_enabled_ui(has_posterior || !others.is_empty(), |ui| {
                let tip = "Measure the model in use and those that were added";
                if primary_button(ui, tokens, icon::PLAY, "Measure", tip) {
                    cx.out.act(Action::MeasureLikelihoods(LikelihoodPlan {
                        samples: self.samples,
                        most: self.most,
                        seed: self.seed,
                        others: others.clone(),
                        has_mixture: self.has_mixture,
                    }));
                }
            });
            command_button(ui, Command::AddToLikelihood, true, cx.out);
            for path in others {
                let name = path
                    .file_stem()
                    .unwrap_or(path.as_os_str())
                    .to_string_lossy();
                let text = RichText::new(format!("{name}  {}", icon::CLOSE)).size(theme::CAPTION);
                let chip = ui.add(Button::new(text));
                set_name(&chip, &format!("Leave out {name}"));
                let tip = format!("Leave {} out of the table", path.display());
                if chip.on_hover_text(tip).clicked() {
                    cx.out.act(Action::LeaveOutOfLikelihood(path.clone()));
                }
            }
        });
        ui.add_space(theme::HALF);
    }
}

fn table_ui(ui: &mut Ui, tokens: &Tokens, found: &Arc<Likelihoods>) {
    let heads = [
        ("Model", "What was measured"),
        (
            "Bound",
            "Evidence lower bound, nats per picture, with its standard error over items",
        ),
        (
            "Log-likelihood",
            "By importance weighting with all samples; below the true one on average",
        ),
        (
            "Gap",
            "Log-likelihood less bound: the KL from the encoder's posterior to the true one, as far as the samples tell",
        ),
        (
            "Reconstruction",
            "Logarithm of the picture's probability given codes of the posterior",
        ),
        ("KL", "From posterior to prior, by the same samples"),
        (
            "Active",
            "Numbers of a code whose mean varies over the items",
        ),
    ];
    Grid::new("likelihoods")
        .num_columns(heads.len())
        .spacing([18.0, theme::STEP])
        .show(ui, |ui| {
            for (name, tip) in heads {
                let text = RichText::new(name).size(theme::CAPTION);
                ui.label(text.color(tokens.text_weak)).on_hover_text(tip);
            }
            ui.end_row();
            let first = found.rows.first().map(|row| row.pixels);
            for row in &found.rows {
                row_ui(ui, tokens, row, first);
                ui.end_row();
            }
        });
    ui.add_space(theme::HALF);
    let n = found.rows.iter().find_map(|row| row.found.as_ref().ok());
    let n = n.map_or(0, |found| found.n);
    let which = if found.is_held_out {
        "kept out of the training of the model in use"
    } else {
        "of all, as none were kept out of training"
    };
    let text = format!(
        "{} items {which}; {} samples each, seed {}. Pictures of grey pixels are probabilities only where they are binarised.",
        format::count(n),
        found.plan.samples,
        found.plan.seed
    );
    caption(ui, tokens, &text);
    ui.add_space(theme::STEP);
    for (i, row) in found.rows.iter().enumerate() {
        if let Ok(LikelihoodFigures { kl_per_dim: kl, .. }) = &row.found
            && !kl.is_empty()
        {
            caption(ui, tokens, &format!("{}: KL per dimension, nats", row.name));
            bars_ui(ui, tokens, kl, i);
        }
    }
}

fn row_ui(ui: &mut Ui, tokens: &Tokens, row: &LikelihoodRow, first: Option<Likelihood>) {
    let is_comparable = first
        .is_none_or(|first| std::mem::discriminant(&first) == std::mem::discriminant(&row.pixels));
    let ink = if is_comparable {
        tokens.text_strong
    } else {
        tokens.text_faint
    };
    ui.vertical(|ui| {
        ui.set_min_width(210.0);
        ui.spacing_mut().item_spacing.y = 1.0;
        let name = RichText::new(&row.name).font(theme::strong(theme::BODY));
        ui.label(name.color(ink));
        let pixels = match row.pixels {
            Likelihood::Bernoulli => "grey Bernoulli pixels",
            Likelihood::BinarizedBernoulli => "binarised pixels",
            Likelihood::Gaussian { .. } => "Gaussian pixels",
            Likelihood::Categorical { .. } => "palette pixels",
        };
        let kind = format!("{}, {pixels}", row.kind);
        let text = RichText::new(kind).size(theme::CAPTION);
        ui.label(text.color(tokens.text_weak));
        if !is_comparable {
            let text = RichText::new("not to be compared with the first").size(theme::CAPTION);
            ui.label(text.color(tokens.warn));
        }
    });
    match &row.found {
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().next().unwrap_or_default().to_owned();
            ui.label(RichText::new(reason).color(tokens.warn));
        }
        Ok(found) => {
            let mut figure = |text: Option<String>| {
                let text = text.unwrap_or_else(|| "–".to_owned());
                ui.label(RichText::new(text).color(ink));
            };
            let with_error = |(value, error): (f64, f64)| format!("{value:.2} ± {error:.2}");
            let plain = |value: f64| format!("{value:.2}");
            figure(found.bound.map(with_error));
            figure(found.log_likelihood.map(with_error));
            let both = found.log_likelihood.zip(found.bound);
            figure(both.map(|((likelihood, _), (bound, _))| plain(likelihood - bound)));
            figure(found.reconstruction.map(plain));
            figure(found.kl.map(plain));
            figure(found.active.map(|active| active.to_string()));
        }
    }
}

/// A bar for each dimension, from the one that carries most.
fn bars_ui(ui: &mut Ui, tokens: &Tokens, kl: &[f32], row: usize) {
    let mut sorted: Vec<f32> = kl.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted.truncate(BARS);
    let highest = sorted.first().copied().unwrap_or(0.0).max(1e-6);
    let (width, height) = (6.0, 36.0);
    let size = egui::vec2(sorted.len() as f32 * (width + 2.0), height);
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    let colour = palette::class(row, tokens.is_dark);
    for (i, kl) in sorted.iter().enumerate() {
        let tall = (kl / highest * height).max(1.0);
        let left = area.left() + i as f32 * (width + 2.0);
        let bar = egui::Rect::from_min_max(
            egui::pos2(left, area.bottom() - tall),
            egui::pos2(left + width, area.bottom()),
        );
        ui.painter().rect_filled(bar, 1.0, colour);
    }
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, "KL per dimension"));
    response.on_hover_text(format!("Up to {highest:.2} nats"));
    ui.add_space(theme::HALF);
}
