//! Why a variational auto-encoder: families side by side, with noise on the code, a way between two items and samples, live.
//!
//! Invariant: every column answers the same wish, and what is shown is the newest answer.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Button, DragValue, Layout, Rect, RichText, ScrollArea, Sense, Slider, Stroke,
    TextureHandle, Ui, WidgetInfo,
};

use super::{Cx, Panel};
use crate::app::command::Action;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{
    bar_ui, caption, empty_ui, fit, padded, paint_picture, primary_button, set_name,
};
use crate::data::Dataset;
use crate::engine::{FamilyPictures, FamilyWish, TRAINING_FAMILIES};
use crate::model::{Families, FamilyPlan, Trained};

/// Samples abreast.
const ABREAST: usize = 3;
/// Least width of a column.
const NARROWEST: f32 = 108.0;

/// The panel.
pub(super) struct WhyPanel {
    plan: FamilyPlan,
    wish: FamilyWish,
    /// The wish that was sent last, for which families.
    sent: Option<(FamilyWish, Arc<Families>)>,
    /// The answer that the textures are of, and one column's textures each.
    shown: Option<(u64, Vec<Column>)>,
}

struct Column {
    between: TextureHandle,
    samples: Vec<TextureHandle>,
}

impl Default for WhyPanel {
    fn default() -> Self {
        Self {
            plan: FamilyPlan {
                code: 10,
                epochs: 8,
                seed: 1,
            },
            wish: FamilyWish {
                items: [0, 1],
                share: 0.5,
                noise: 0.0,
                by_mixture: false,
                seed: 1,
            },
            sent: None,
            shown: None,
        }
    }
}

impl Panel for WhyPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(data) = cx.state.session.dataset.clone() else {
            let text = "Open data: a plain, a denoising, a contractive and two variational auto-encoders are trained on it and shown side by side";
            empty_ui(
                ui,
                cx.tokens,
                icon::INFO,
                "Nothing to train on",
                text,
                |_| {},
            );
            return;
        };
        ui.add_space(4.0);
        let Some(families) = cx.state.session.families.clone() else {
            self.start_ui(ui, cx, &data);
            return;
        };
        self.header_ui(ui, cx, &data);
        let is_sent = self
            .sent
            .as_ref()
            .is_some_and(|(wish, of)| *wish == self.wish && Arc::ptr_eq(of, &families));
        // One at a time, so that a drag never queues.
        if !is_sent && cx.state.families.is_idle() {
            self.sent = Some((self.wish, families.clone()));
            cx.out.act(Action::DecodeFamilies(self.wish));
        }
        self.take_in(ui, cx);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.columns_ui(ui, cx, &families);
            ui.add_space(theme::STEP);
            let text = format!(
                "Fréchet distances are over {}; codes of {} numbers, {} epochs each, seed {}. Evenness: mean step over largest step along decoded lines between items.",
                families.features, families.plan.code, families.plan.epochs, families.plan.seed
            );
            padded(ui, |ui| caption(ui, cx.tokens, &text));
        });
    }
}

impl WhyPanel {
    fn start_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let task = cx.state.tasks.iter().find(|t| t.what == TRAINING_FAMILIES);
        let title = "Why a variational auto-encoder?";
        let text = "Trains a plain, a denoising, a contractive, a variational and a β-variational auto-encoder on the same data, then shows what noise on the code, the way between two items and samples look like in each";
        if let Some(task) = task {
            let (done, left) = (task.done, task.secs_left);
            empty_ui(
                ui,
                cx.tokens,
                icon::INFO,
                "Training five families",
                text,
                |ui| {
                    ui.vertical_centered(|ui| {
                        bar_ui(ui, cx.tokens, done, 220.0);
                        let left =
                            left.map_or(String::new(), |s| format!("{} left", format::secs(s)));
                        caption(ui, cx.tokens, &left);
                    });
                },
            );
            return;
        }
        let is_training = cx.state.is_training();
        let enough = data.len() >= 100;
        empty_ui(ui, cx.tokens, icon::INFO, title, text, |ui| {
            let code = ui.add(
                DragValue::new(&mut self.plan.code)
                    .range(2..=128)
                    .prefix("code "),
            );
            set_name(&code, "Code size of the families");
            code.on_hover_text("Numbers per code, the same for all");
            let epochs = DragValue::new(&mut self.plan.epochs).range(1..=1000);
            let epochs = ui.add(epochs.suffix(" epochs"));
            set_name(&epochs, "Epochs of the families");
            epochs.on_hover_text("Passes over the data for each family");
            let tip = if is_training {
                "A training is under way; end it first"
            } else if enough {
                "Train and measure all five; it can be cancelled"
            } else {
                "100 items are needed"
            };
            ui.add_enabled_ui(enough && !is_training, |ui| {
                if primary_button(ui, cx.tokens, icon::PLAY, "Compare", tip) {
                    cx.out.act(Action::CompareFamilies(self.plan));
                }
            });
        });
    }

    /// What all columns are asked for.
    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let tokens = cx.tokens;
        let last = data.len().saturating_sub(1);
        let wish = &mut self.wish;
        wish.items = wish.items.map(|item| item.min(last));
        ui.horizontal_wrapped(|ui| {
            ui.add_space(12.0);
            for (i, name) in ["First item", "Second item"].into_iter().enumerate() {
                let item = wish.items[i];
                let texture = cx.texture_of(ui, data, item);
                let (rect, _) = ui.allocate_exact_size(egui::vec2(26.0, 26.0), Sense::hover());
                let outline = Stroke::new(1.0, tokens.line_strong);
                paint_picture(ui, rect, &texture, outline, theme::RADIUS_SMALL);
                let number = ui.add(
                    DragValue::new(&mut wish.items[i])
                        .range(0..=last)
                        .speed(1.0),
                );
                set_name(&number, name);
                number.on_hover_text(format!("{name} of the way; drag or type"));
                if i == 0 {
                    ui.spacing_mut().slider_width = 84.0;
                    let share = Slider::new(&mut wish.share, 0.0..=1.0).show_value(false);
                    let share = ui.add(share);
                    set_name(&share, "Share of the way");
                    if !share.dragged() {
                        share.on_hover_text("How far from the first item to the second");
                    }
                }
            }
            ui.add_space(theme::STEP);
            ui.label(RichText::new("Noise").color(tokens.text_weak));
            ui.spacing_mut().slider_width = 70.0;
            let noise = ui.add(Slider::new(&mut wish.noise, 0.0..=2.0).show_value(false));
            set_name(&noise, "Noise on the code");
            if !noise.dragged() {
                let tip = "Normal noise on the code, in units of the codes' spread";
                noise.on_hover_text(format!("{tip}: {:.2}", wish.noise));
            }
            ui.add_space(theme::STEP);
            ui.label(RichText::new("Samples").color(tokens.text_weak));
            for (by_mixture, name) in [(false, "N(0, 1)"), (true, "Mixture")] {
                let tip = if by_mixture {
                    "Codes drawn from a mixture of Gaussians fitted to the family's own codes"
                } else {
                    "Codes of independent standard normal numbers"
                };
                let choice = ui.selectable_label(wish.by_mixture == by_mixture, name);
                set_name(&choice, &format!("Samples of {name}"));
                if choice.on_hover_text(tip).clicked() {
                    wish.by_mixture = by_mixture;
                }
            }
            let again = ui.add(Button::new(icon::SHUFFLE).frame_when_inactive(false));
            set_name(&again, "Other noise and samples");
            if again.on_hover_text("Draw noise and samples anew").clicked() {
                wish.seed += 1;
            }
            let can_train = !cx.state.is_training();
            let anew = Button::new(icon::REPEAT).frame_when_inactive(false);
            let anew = ui.add_enabled(can_train, anew);
            set_name(&anew, "Train the families anew");
            let tip = format!(
                "Train all five anew: codes of {}, {} epochs each",
                self.plan.code, self.plan.epochs
            );
            if anew.on_hover_text(tip).clicked() {
                cx.out.act(Action::CompareFamilies(self.plan));
            }
        });
        ui.add_space(theme::HALF);
    }

    /// Makes textures of the newest answer.
    fn take_in(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let Some((generation, pictures)) = cx.state.families.newest() else {
            return;
        };
        if self
            .shown
            .as_ref()
            .is_some_and(|(known, _)| known == generation)
        {
            return;
        }
        let column = |made: &FamilyPictures| Column {
            between: textures::load(ui.ctx(), "family", &made.between),
            samples: made
                .samples
                .iter()
                .map(|picture| textures::load(ui.ctx(), "family sample", picture))
                .collect(),
        };
        self.shown = Some((*generation, pictures.iter().map(column).collect()));
    }

    fn columns_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>, families: &Families) {
        let tokens = cx.tokens;
        let can_use = !cx.state.is_training();
        let count = families.trained.len().max(1);
        let room = ui.available_width() - 24.0;
        let width = (room / count as f32 - theme::DOUBLE).clamp(NARROWEST, 190.0);
        ScrollArea::horizontal()
            .auto_shrink([false, true])
            .show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    ui.add_space(12.0);
                    ui.spacing_mut().item_spacing.x = theme::STEP;
                    for (at, trained) in families.trained.iter().enumerate() {
                        let column = self.shown.as_ref().and_then(|(_, shown)| shown.get(at));
                        ui.vertical(|ui| {
                            ui.set_width(width);
                            column_ui(ui, tokens, trained, column, width);
                            ui.add_space(theme::HALF);
                            let button = Button::new(format!("{}  Use", icon::CUBE));
                            let button = ui.add_enabled(can_use, button);
                            set_name(&button, &format!("Use {}", trained.family.title()));
                            let tip = "Take this model into use: its map, its sliders, its retrieval; it can be saved then";
                            let none = "A training is under way; end it first";
                            let button = button.on_hover_text(tip);
                            if button.on_disabled_hover_text(none).clicked() {
                                cx.out.act(Action::UseFamily(at));
                            }
                        });
                    }
                });
            });
    }
}

fn column_ui(ui: &mut Ui, tokens: &Tokens, trained: &Trained, column: Option<&Column>, width: f32) {
    let name = trained.family.title();
    let title = RichText::new(name)
        .font(theme::strong(theme::TITLE))
        .color(tokens.text_strong);
    ui.label(title).on_hover_text(trained.family.describe());
    let shape = trained.model.spec().shape;
    let aspect = shape.width as f32 / shape.height as f32;
    let picture = |ui: &mut Ui, rect: Rect, texture: &TextureHandle, name: String| {
        let rect = fit(rect, aspect);
        let outline = Stroke::new(1.0, tokens.line_strong);
        paint_picture(ui, rect, texture, outline, theme::RADIUS_SMALL);
        let response = ui.interact(rect, ui.scope_id().with(&name), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
    };
    let edge = width.min(130.0);
    let (area, _) = ui.allocate_exact_size(egui::vec2(edge, edge), Sense::hover());
    if let Some(column) = column {
        picture(
            ui,
            area,
            &column.between,
            format!("{name}: between the items"),
        );
    }
    ui.add_space(theme::HALF);
    let gap = 3.0;
    let small = (edge - gap * (ABREAST - 1) as f32) / ABREAST as f32;
    let (area, _) = ui.allocate_exact_size(egui::vec2(edge, edge), Sense::hover());
    for (i, texture) in column.iter().flat_map(|c| c.samples.iter().enumerate()) {
        let (row, column) = (i / ABREAST, i % ABREAST);
        let offset = egui::vec2(column as f32, row as f32) * (small + gap);
        let rect = Rect::from_min_size(area.min + offset, egui::vec2(small, small));
        picture(ui, rect, texture, format!("{name}: sample {}", i + 1));
    }
    ui.add_space(theme::HALF);
    let figures = trained.figures;
    let rows = [
        (
            "N(0, 1)",
            format::number(figures.frechet_prior as f32),
            "Fréchet distance of pictures decoded from N(0, 1) to the data: less is nearer",
        ),
        (
            "Mixture",
            format::number(figures.frechet_mixture as f32),
            "Fréchet distance of pictures decoded from the mixture to the data",
        ),
        (
            "Outside",
            format!("{:.1} %", 100.0 * figures.outside),
            "Share of codes outside the ball that holds 99 % of N(0, 1): 1 % would be its share",
        ),
        (
            "Evenness",
            format!("{:.2}", figures.evenness),
            "Mean step over largest step along decoded lines between items: 1 is even",
        ),
        (
            "Error",
            format::number(figures.sse_per_image as f32),
            "Squared error of the reconstruction per picture, on items kept out of training",
        ),
    ];
    for (name, value, tip) in rows {
        let row = ui.horizontal(|ui| {
            ui.label(
                RichText::new(name)
                    .size(theme::CAPTION)
                    .color(tokens.text_weak),
            );
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space((width - edge).max(0.0));
                let value = RichText::new(value).font(theme::strong(theme::CAPTION));
                ui.label(value.color(tokens.text_strong));
            });
        });
        row.response.on_hover_text(tip);
    }
}
