//! A mixture of Gaussians over the open pictures or over their codes: fitted step by step, looked at, drawn from, kept.
//!
//! Invariant: figures, samples and answers are all of the same mixture, the newest one that the session has.

use std::sync::Arc;

use eframe::egui::{self, Button, Checkbox, DragValue, RichText, ScrollArea, Ui, WidgetInfo};
use egui_plot::{AxisHints, GridMark, Line, PlotPoints, uniform_grid_spacer};

use super::measures_plots::nice;
use super::mixture_rows::{Row, Samples, Shown, samples_ui};
use super::{Cx, Panel, progress_ui, some_items, task};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{
    caption, command_button, empty_ui, icon_button, padded, primary_button, set_name, still_plot,
};
use crate::engine::{DensityWish, FITTING_MIXTURE, Mixed};
use crate::space::{DensityPlan, LogLikelihood, Over};

/// Items whose answers are shown.
const ITEMS: usize = 6;
/// Samples that are drawn.
const SAMPLES: usize = 24;
/// Size of the plot of the steps.
const PLOT: egui::Vec2 = egui::vec2(250.0, 104.0);
/// Width of the figures beside it, at least.
const FIGURES: f32 = 300.0;

/// The panel.
pub(super) struct MixturePanel {
    is_over_codes: bool,
    components: usize,
    dims: usize,
    seed: u64,
    /// Which items are shown.
    items: usize,
    wish: DensityWish,
    /// The wish that was sent last, to which mixture.
    sent: Option<(DensityWish, Arc<Mixed>)>,
    shown: Option<Shown>,
}

impl Default for MixturePanel {
    fn default() -> Self {
        Self {
            is_over_codes: true,
            components: 10,
            dims: 50,
            seed: 1,
            items: 1,
            wish: DensityWish {
                count: SAMPLES,
                has_noise: false,
                seed: 1,
            },
            sent: None,
            shown: None,
        }
    }
}

impl Panel for MixturePanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(data) = cx.state.session.dataset.clone().filter(|own| own.len() > 0) else {
            let text = "Open pictures: Gaussians are fitted to their pixels or to a model's codes, and show what they take for likely";
            let (glyph, title) = (icon::CIRCLES, "Nothing to fit to");
            empty_ui(ui, cx.tokens, glyph, title, text, |ui| {
                command_button(ui, Command::OpenData, true, cx.out);
            });
            return;
        };
        ui.add_space(6.0);
        self.header_ui(ui, cx);
        let Some(mixed) = cx.state.session.density.clone() else {
            // Nothing that is large outlives the data it is of.
            (self.sent, self.shown) = (None, None);
            let (title, text) = if task(cx, FITTING_MIXTURE).is_some() {
                (
                    FITTING_MIXTURE,
                    "Principal components come first; then every step of expectation and maximisation is shown",
                )
            } else {
                (
                    "Where do they lie?",
                    "Each Gaussian has a mean, a share of the items and a shape of its own. Over pixels they are the density model that auto-encoders are compared with; over codes, a prior from which samples look like the items",
                )
            };
            empty_ui(ui, cx.tokens, icon::CIRCLES, title, text, |_| {});
            return;
        };
        self.ask(cx, &mixed);
        let items = some_items(cx.view.item(), self.items, ITEMS, data.len());
        self.take_in(ui, cx, &mixed, &items);
        let Self {
            shown, items, wish, ..
        } = self;
        let Some(shown) = shown else { return };
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| {
                figures_ui(ui, cx.tokens, &mixed);
                ui.add_space(theme::STEP);
                ui.horizontal(|ui| {
                    caption(ui, cx.tokens, "Samples");
                    let again = ui.add(Button::new(icon::SHUFFLE).frame_when_inactive(false));
                    set_name(&again, "Other samples");
                    if again.on_hover_text("Draw anew").clicked() {
                        wish.seed += 1;
                    }
                    if mixed.density.over_pixels().is_some() {
                        let noise = ui.add(Checkbox::new(&mut wish.has_noise, "Noise"));
                        set_name(&noise, "Noise beside the components");
                        noise.on_hover_text("Draw also the noise in the directions that its principal components leave out");
                    }
                });
                samples_ui(ui, cx, &mixed, shown, data.shape());
                ui.add_space(theme::STEP);
                ui.horizontal(|ui| {
                    caption(
                        ui,
                        cx.tokens,
                        "The Gaussians' means over their shares; below, as far as each answers for an item",
                    );
                    let again = ui.add(Button::new(icon::SHUFFLE).frame_when_inactive(false));
                    set_name(&again, "Other items");
                    let tip = "Other items; the first is the one in focus";
                    if again.on_hover_text(tip).clicked() {
                        *items += 1;
                    }
                });
                shown.grid_ui(ui, cx, &mixed, &data);
            });
        });
    }
}

impl MixturePanel {
    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let is_at_work = task(cx, FITTING_MIXTURE).is_some();
        let margin = egui::Frame::new().inner_margin(egui::Margin::symmetric(12, 0));
        margin.show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                if is_at_work {
                    progress_ui(ui, cx, FITTING_MIXTURE);
                } else {
                    self.form_ui(ui, cx);
                }
                if cx.state.session.density.is_some() {
                    icon_button(ui, icon::SAVE, Command::SaveMixture, cx.out);
                }
                if !is_at_work {
                    icon_button(ui, icon::FILE_OPEN, Command::OpenMixture, cx.out);
                }
            });
        });
        ui.add_space(theme::HALF);
    }

    fn form_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let session = &cx.state.session;
        let has_codes = session.codes.is_some() && cx.state.model().is_some();
        let kinds = [
            (true, "Codes", "Over the codes of the model in use"),
            (
                false,
                "Pixels",
                "Over principal components of the pixels, with equal noise beside them",
            ),
        ];
        let is_over_codes = self.is_over_codes && has_codes;
        for (is_codes, name, tip) in kinds {
            let choice = Button::selectable(is_over_codes == is_codes, name);
            let choice = ui.add_enabled(has_codes || !is_codes, choice);
            set_name(&choice, &format!("Mixture over {}", name.to_lowercase()));
            let choice = choice.on_hover_text(tip);
            let none = "There are no codes: open or train a model";
            if choice.on_disabled_hover_text(none).clicked() {
                self.is_over_codes = is_codes;
            }
        }
        let suffix = match self.components {
            1 => " Gaussian",
            _ => " Gaussians",
        };
        let number = DragValue::new(&mut self.components).range(1..=500);
        let number = ui.add(number.speed(0.1).suffix(suffix));
        set_name(&number, "Gaussians at most");
        number.on_hover_text("Gaussians at most, each with a full covariance");
        if !is_over_codes {
            let of = match self.dims {
                1 => " component",
                _ => " components",
            };
            let number = DragValue::new(&mut self.dims).range(1..=500);
            let number = ui.add(number.speed(0.2).prefix("on ").suffix(of));
            set_name(&number, "Principal components");
            number.on_hover_text("Principal components of the pixels that they are over, at most");
        }
        let number = ui.add(DragValue::new(&mut self.seed).speed(0.1).prefix("seed "));
        set_name(&number, "Seed of the fit");
        number.on_hover_text("Of the tenth of the items that is kept out, and of the start");
        let session = &cx.state.session;
        let data = session.dataset.as_ref();
        let is_reading = data.is_some_and(|own| own.len() < session.expected_items);
        let reason = if is_reading {
            Some("The data are still being read")
        } else if is_over_codes && !session.is_encoded {
            Some("Not every item is encoded yet")
        } else {
            None
        };
        let tip = reason.unwrap_or("Fit it to nine tenths of the items, 50,000 at most, by expectation and maximisation; a tenth is kept out to judge it by");
        let left_off = session.density.as_ref();
        let is_left_off =
            left_off.is_some_and(|own| own.is_own && !own.density.mixture().is_settled());
        ui.add_enabled_ui(reason.is_none(), |ui| {
            if primary_button(ui, cx.tokens, icon::PLAY, "Fit", tip) {
                cx.out.act(Action::FitDensity(DensityPlan {
                    over: if is_over_codes {
                        Over::Codes
                    } else {
                        Over::Pixels { dims: self.dims }
                    },
                    components: self.components,
                    seed: self.seed,
                    keeps_out: true,
                }));
            }
        });
        if is_left_off {
            let button = ui.button(format!("{}  Go on", icon::STEP));
            set_name(&button, "Go on");
            let tip = "Take more steps of the fit below";
            if button.on_hover_text(tip).clicked() {
                cx.out.act(Action::ResumeDensity);
            }
        }
    }

    /// Asks for samples of the newest mixture, one wish at a time.
    fn ask(&mut self, cx: &mut Cx<'_>, mixed: &Arc<Mixed>) {
        let is_sent = self
            .sent
            .as_ref()
            .is_some_and(|(wish, of)| *wish == self.wish && Arc::ptr_eq(of, mixed));
        if !is_sent && cx.state.drawn.is_idle() {
            self.sent = Some((self.wish, mixed.clone()));
            cx.out.act(Action::DrawDensity(self.wish));
        }
    }

    /// Makes textures of what is new.
    fn take_in(&mut self, ui: &Ui, cx: &Cx<'_>, mixed: &Arc<Mixed>, items: &[usize]) {
        let is_known = |shown: &Shown| Arc::ptr_eq(&shown.of, mixed);
        if !self.shown.as_ref().is_some_and(is_known) {
            let load = |(_, picture): &_| textures::load(ui.ctx(), "mean", picture);
            let before = self.shown.take();
            let plan = mixed.density.plan();
            // The form says what is shown, until something else is wished for.
            if before
                .as_ref()
                .is_none_or(|own| own.of.density.plan() != plan)
            {
                (self.components, self.seed) = (plan.components, plan.seed);
                match plan.over {
                    Over::Pixels { dims } => (self.is_over_codes, self.dims) = (false, dims),
                    Over::Codes => self.is_over_codes = true,
                }
            }
            let samples = before.and_then(|shown| shown.samples);
            let samples = samples.filter(|own| own.of.density.is_akin(&mixed.density));
            let mut counts = vec![0; mixed.density.mixture().components()];
            for &answer in &mixed.answers {
                counts[answer as usize] += 1;
            }
            self.shown = Some(Shown {
                means: mixed.means.iter().map(load).collect(),
                rows: Vec::new(),
                counts,
                samples,
                of: mixed.clone(),
            });
        }
        let Some(shown) = &mut self.shown else { return };
        if !shown.rows.iter().map(|row| &row.item).eq(items) {
            let row = |&item| Row {
                item,
                shares: mixed.density.responsibilities(&mixed.placed, item),
            };
            shown.rows = items.iter().map(row).collect();
        }
        if let Some((generation, Some(sampled))) = cx.state.drawn.newest()
            && sampled.of.density.is_akin(&mixed.density)
            && shown
                .samples
                .as_ref()
                .is_none_or(|own| own.generation != *generation)
        {
            let load = |picture| textures::load(ui.ctx(), "sample", picture);
            shown.samples = Some(Samples {
                generation: *generation,
                of: sampled.of.clone(),
                textures: sampled.pictures.iter().map(load).collect(),
            });
        }
    }
}

/// What it is, how likely it takes items to be, and how it came there.
fn figures_ui(ui: &mut Ui, tokens: &Tokens, mixed: &Mixed) {
    let has_plot = mixed.course.len() > 1;
    let room = ui.available_width();
    let is_beside = has_plot && room > FIGURES + PLOT.x + theme::DOUBLE;
    let width = if is_beside {
        room - PLOT.x - theme::DOUBLE
    } else {
        room
    };
    ui.horizontal_wrapped(|ui| {
        ui.vertical(|ui| {
            ui.set_width(width.min(460.0));
            let text = RichText::new(about(mixed)).color(tokens.text);
            ui.add(egui::Label::new(text).wrap());
            ui.add_space(theme::HALF);
            numbers_ui(ui, tokens, mixed);
            for note in notes(mixed) {
                let text = RichText::new(note).size(theme::CAPTION);
                ui.add(egui::Label::new(text.color(tokens.warn)).wrap());
            }
        });
        if has_plot {
            plot_ui(ui, tokens, &mixed.course);
        }
    });
}

/// What the mixture is, in a sentence.
fn about(mixed: &Mixed) -> String {
    let density = &mixed.density;
    let mixture = density.mixture();
    let gaussians = match mixture.components() {
        1 => "One Gaussian".to_owned(),
        n => format!("{} Gaussians", format::count(n)),
    };
    let (name, model) = density.fitted_to();
    let of = match (density.over_pixels(), model) {
        (Some(own), _) => format!(
            "over {} of the pixels of {name}, {:.0} % of their variance",
            match own.dims() {
                1 => "one principal component".to_owned(),
                n => format!("{n} principal components"),
            },
            100.0 * own.explained()
        ),
        (None, Some(model)) => {
            format!(
                "over codes of {} numbers of {name}, by the model {model}",
                mixture.dims()
            )
        }
        (None, None) => format!("over codes of {} numbers of {name}", mixture.dims()),
    };
    let steps = match mixture.steps() {
        1 => "1 step".to_owned(),
        n => format!("{n} steps"),
    };
    let end = if mixture.is_settled() {
        "the last of which added next to nothing"
    } else {
        "and not at its end"
    };
    format!("{gaussians} {of}; {steps}, {end}.")
}

fn numbers_ui(ui: &mut Ui, tokens: &Tokens, mixed: &Mixed) {
    let what = if mixed.density.over_pixels().is_some() {
        "nats per picture, of a density over pixels in [0, 1]; not a probability of binarised pixels"
    } else {
        "nats per code"
    };
    let mut figure = |name: &str, found: &LogLikelihood, colour| {
        ui.horizontal(|ui| {
            let items = format::count(found.n);
            ui.label(RichText::new(format!("{name} ({items})")).color(tokens.text_weak));
            // Of one item there is no error to tell.
            let error = match found.n {
                1 => String::new(),
                _ => format!(" ± {:.1}", found.standard_error),
            };
            let value = format!("{:.1}{error}", found.mean);
            let value = RichText::new(value)
                .font(theme::strong(theme::BODY))
                .color(colour);
            ui.label(value);
        })
        .response
        .on_hover_text(format!("Mean log-density with its standard error, {what}"));
    };
    let name = if mixed.is_own {
        "Fitted to"
    } else {
        "Open items, another set than it was fitted to"
    };
    figure(name, &mixed.log_likelihood, tokens.accent);
    if let Some(held_out) = &mixed.held_out {
        figure("Kept out", held_out, tokens.second);
    }
}

/// What one should know of components that went astray.
fn notes(mixed: &Mixed) -> Vec<String> {
    let mixture = mixed.density.mixture();
    let mut notes = Vec::new();
    let asked = mixed.density.plan().components;
    if mixture.components() < asked {
        notes.push(format!(
            "There are fewer Gaussians than the {asked} asked for: each needs more items than it has dimensions, and a place of its own"
        ));
    }
    if !mixed.is_own
        && let (_, Some(model)) = mixed.density.fitted_to()
    {
        notes.push(format!(
            "It is over codes of {model}: samples and means are right only where the model in use is that one"
        ));
    }
    match mixture.reseeded() {
        0 => {}
        1 => notes.push("One had collapsed on the way and was set anew".to_owned()),
        n => notes.push(format!(
            "{n} times one had collapsed on the way and was set anew"
        )),
    }
    match mixture.collapsed() {
        0 => {}
        1 => notes.push(
            "One is close to a point, or answers for next to nothing: the figures look better than they are"
                .to_owned(),
        ),
        n => notes.push(format!(
            "{n} are close to points, or answer for next to nothing: the figures look better than they are"
        )),
    }
    notes
}

/// Mean log-density over the steps, of what it is fitted to and of what is kept out.
fn plot_ui(ui: &mut Ui, tokens: &Tokens, course: &[(usize, f64, Option<f64>)]) {
    let fitted: Vec<[f64; 2]> = course.iter().map(|(s, a, _)| [*s as f64, *a]).collect();
    let out = course
        .iter()
        .filter_map(|(s, _, b)| Some([*s as f64, (*b)?]));
    let out: Vec<[f64; 2]> = out.collect();
    // The first steps gain most; what comes after them is what one looks at.
    let late = &course[course.len() / 5..];
    let values = || late.iter().flat_map(|(_, a, b)| [Some(*a), *b]).flatten();
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    let margin = 0.08 * (high - low).max(1e-6);
    let (first, last) = (fitted[0][0], fitted[fitted.len() - 1][0]);
    let plot = still_plot("steps of a mixture", tokens)
        .width(PLOT.x)
        .height(PLOT.y)
        .x_grid_spacer(uniform_grid_spacer(move |_| {
            [nice((last - first).max(1.0) / 4.0); 3]
        }))
        .y_grid_spacer(uniform_grid_spacer(move |_| {
            [nice((high - low).max(1e-6) / 3.0); 3]
        }))
        .custom_y_axes(vec![
            AxisHints::new_y()
                .min_thickness(40.0)
                .formatter(|mark, _| plain(mark)),
        ])
        .custom_x_axes(vec![
            AxisHints::new_x()
                .label_spacing(egui::Rangef::new(20.0, 40.0))
                .formatter(|mark, _| plain(mark)),
        ]);
    let response = plot.show(ui, |plot| {
        plot.set_plot_bounds_x(first..=last);
        plot.set_plot_bounds_y(low - margin..=high + margin);
        for (name, points, colour) in [
            ("Kept out", out, tokens.second),
            ("Fitted to", fitted, tokens.accent),
        ] {
            let line = PlotPoints::from(points);
            plot.line(Line::new(name, line).color(colour).width(2.0));
        }
    });
    response.response.widget_info(|| {
        let name = "Plot: mean log-density by the steps of the fit";
        WidgetInfo::labeled(egui::Role::Image, true, name)
    });
    response
        .response
        .on_hover_text("Mean log-density over the steps of expectation and maximisation");
}

fn plain(mark: GridMark) -> String {
    if mark.step_size >= 1.0 {
        format!("{:.0}", mark.value)
    } else {
        format!("{:.2}", mark.value)
    }
}
