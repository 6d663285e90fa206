//! Memorisation: a model's samples and reconstructions beside the nearest items it was trained on, how that compares with pictures
//! it never saw, and which items' likelihoods owe most to having been trained on.
//!
//! Invariant: what is shown was found of the loaded data and model; nothing is measured unless it is asked for.

use std::sync::Arc;

use eframe::egui::{
    self, Button, Color32, DragValue, Rect, RichText, ScrollArea, Sense, Stroke, TextureHandle, Ui,
    WidgetInfo,
};

use super::memorisation_plots::{distances_ui, scores_ui};
use super::{Cx, Panel, progress_ui, task};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::app::widgets::{command_button, empty_ui, fit, paint_picture, primary_button, set_name};
use crate::data::{Dataset, DatasetSource};
use crate::engine::{COMPARING, LEAVING_OUT, LeftOut, ModelInfo};
use crate::model::{FoldedOut, LIKELIHOOD_SAMPLES, MOST_FOLDS, MOST_SAMPLES, Memorised};
use crate::retrieval::memorisation::{InSpace, Nearest, SHARE, percent};
use crate::retrieval::study::Estimate;

/// Side of a picture, in points of the interface.
const PICTURE: f32 = 52.0;
/// Height of the two lines under a picture.
const CAPTIONS: f32 = 30.0;
/// Between pictures.
const GAP: f32 = 6.0;
/// Between three pictures and the next three.
const APART: f32 = 18.0;
/// Width from which the figures stand beside the pictures.
const WIDE: f32 = 520.0;
/// Space at either side.
const MARGIN: f32 = 12.0;

/// What is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Shown {
    #[default]
    Samples,
    Reconstructions,
    LeftOut,
}

impl Shown {
    const ALL: [Self; 3] = [Self::Samples, Self::Reconstructions, Self::LeftOut];

    fn name(self) -> &'static str {
        match self {
            Self::Samples => "Samples",
            Self::Reconstructions => "Reconstructions",
            Self::LeftOut => "Leave-fold-out",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Samples => {
                "Pictures decoded from the prior, the nearest training item beside each"
            }
            Self::Reconstructions => {
                "Training items through the model, the nearest training item beside each: is it the original?"
            }
            Self::LeftOut => {
                "How much each item's likelihood depends on its having been trained on: models are trained without it"
            }
        }
    }
}

/// The panel.
pub(super) struct MemorisationPanel {
    shown: Shown,
    samples: usize,
    seed: u64,
    folds: usize,
    /// As many as the model's where none are named.
    epochs: Option<usize>,
}

impl Default for MemorisationPanel {
    fn default() -> Self {
        Self {
            shown: Shown::Samples,
            samples: 1000,
            seed: 1,
            folds: 5,
            epochs: None,
        }
    }
}

impl Panel for MemorisationPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let session = cx.state.session.clone();
        let (Some(data), Some(model)) = (&session.dataset, &session.model) else {
            let text = "Open data and a model, or train one: what it copies of the items it was trained on appears here";
            empty_ui(ui, cx.tokens, icon::BRAIN, "No model yet", text, |ui| {
                command_button(ui, Command::OpenModel, true, cx.out);
            });
            return;
        };
        if !session.is_encoded {
            let (title, text) = if cx.state.is_training() {
                (
                    "A training is under way".to_owned(),
                    "What the model copies is measured once it has ended",
                )
            } else {
                let waiting = cx.state.waiting_for();
                (
                    waiting.map_or("Not encoded yet".to_owned(), |(what, _)| what),
                    "What the model copies is measured once the items are encoded",
                )
            };
            empty_ui(ui, cx.tokens, icon::BRAIN, &title, text, |_| {});
            return;
        }
        if !session.is_trained_on {
            let title = match model.trained_on.as_str() {
                "" => "The model was trained on other data, not on these items".to_owned(),
                name if name == data.name() => {
                    format!("The model was trained on other items of {name} than these")
                }
                name => format!("The model was trained on {name}, not on these items"),
            };
            let open = match model.trained_on.as_str() {
                "digits" => Command::OpenDigits,
                "creatures" => Command::OpenCreatures,
                "faces" => Command::OpenFaces,
                _ => Command::OpenData,
            };
            let text = "Copies are sought among the items that a model was trained on: open those, or train a model on these";
            empty_ui(ui, cx.tokens, icon::BRAIN, &title, text, |ui| {
                command_button(ui, open, true, cx.out);
            });
            return;
        }
        ui.add_space(6.0);
        let unseen = Unseen::of(cx);
        self.header_ui(ui, cx, model, &unseen);
        ui.add_space(theme::HALF);
        match self.shown {
            Shown::LeftOut => left_out_ui(ui, cx, data, model),
            Shown::Samples | Shown::Reconstructions => self.copies_ui(ui, cx, data, &unseen),
        }
    }
}

/// Where pictures come from that the model never saw.
enum Unseen {
    /// So many items were kept out of training.
    KeptOut(usize),
    /// The other half of the data.
    TestPart(DatasetSource),
    Nowhere,
}

impl Unseen {
    fn of(cx: &Cx<'_>) -> Self {
        let session = &cx.state.session;
        if let Some(held_out) = &session.held_out {
            return Self::KeptOut(held_out.len());
        }
        let test = session.source.as_ref().and_then(DatasetSource::unseen);
        test.map_or(Self::Nowhere, Self::TestPart)
    }

    fn source(&self) -> Option<DatasetSource> {
        match self {
            Self::TestPart(source) => Some(source.clone()),
            Self::KeptOut(_) | Self::Nowhere => None,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::KeptOut(1) => "1 item that was kept out of training".to_owned(),
            Self::KeptOut(n) => {
                format!("{} items that were kept out of training", format::count(*n))
            }
            Self::TestPart(source) => format!("the items of {}", source.name()),
            Self::Nowhere => "nothing".to_owned(),
        }
    }
}

impl MemorisationPanel {
    /// What is looked at, and how it is measured.
    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, model: &ModelInfo, unseen: &Unseen) {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(MARGIN);
            ui.spacing_mut().item_spacing.x = theme::HALF;
            for shown in Shown::ALL {
                let button = ui.add(Button::selectable(self.shown == shown, shown.name()));
                set_name(&button, &format!("Show {}", shown.name().to_lowercase()));
                if button.on_hover_text(shown.describe()).clicked() {
                    self.shown = shown;
                }
            }
            ui.add_space(theme::STEP);
            match self.shown {
                Shown::LeftOut if model.spec.has_posterior() => self.folds_ui(ui, cx, model),
                Shown::LeftOut => {}
                Shown::Samples | Shown::Reconstructions => {
                    if !matches!(unseen, Unseen::Nowhere) {
                        self.samples_ui(ui, cx, unseen);
                    }
                }
            }
        });
    }

    fn samples_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, unseen: &Unseen) {
        if progress_ui(ui, cx, COMPARING) {
            return;
        }
        number_ui(
            ui,
            cx,
            "Pictures",
            "Samples of the prior to draw, and training items to reconstruct",
            |ui| {
                ui.add(
                    DragValue::new(&mut self.samples)
                        .range(10..=MOST_SAMPLES.min(20_000))
                        .speed(10.0),
                )
            },
        );
        number_ui(
            ui,
            cx,
            "Seed",
            "Seed of the samples: the same one draws the same",
            |ui| ui.add(DragValue::new(&mut self.seed).speed(0.2)),
        );
        let tip = format!(
            "Find the nearest training items, in pixels and in codes; compared with {}",
            unseen.describe()
        );
        if primary_button(ui, cx.tokens, icon::BRAIN, "Measure", &tip) {
            cx.out.act(Action::Memorise {
                samples: self.samples,
                seed: self.seed,
                held_out: unseen.source(),
            });
        }
    }

    fn folds_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, model: &ModelInfo) {
        if progress_ui(ui, cx, LEAVING_OUT) {
            return;
        }
        number_ui(
            ui,
            cx,
            "Folds",
            "Models to train, each without one fold of the items",
            |ui| {
                ui.add(
                    DragValue::new(&mut self.folds)
                        .range(2..=MOST_FOLDS)
                        .speed(0.1),
                )
            },
        );
        let mut epochs = self.epochs.unwrap_or(model.planned_epochs);
        number_ui(
            ui,
            cx,
            "Epochs of each",
            "Passes over the items in each training",
            |ui| ui.add(DragValue::new(&mut epochs).range(1..=10_000).speed(0.3)),
        );
        if epochs != model.planned_epochs || self.epochs.is_some() {
            self.epochs = Some(epochs);
        }
        let time = self.time(cx, epochs);
        let time = time.map_or(String::new(), |secs| {
            format!("; takes about {}", format::secs(secs))
        });
        let tip = format!(
            "Train {} models of this specification{time}. The window stays live",
            self.folds
        );
        if primary_button(ui, cx.tokens, icon::BRAIN, "Leave out", &tip) {
            cx.out.act(Action::LeaveFoldOut {
                folds: self.folds,
                epochs,
            });
        }
    }

    /// Seconds that leave-fold-out will take, once something of the kind was done.
    fn time(&self, cx: &Cx<'_>, epochs: usize) -> Option<f32> {
        let wanted = FoldedOut::effort(self.folds, epochs);
        if let Some(last) = &cx.state.session.left_out {
            let done = FoldedOut::effort(last.found.folds, last.epochs);
            return Some(last.secs / done * wanted);
        }
        let training = cx.state.training.as_ref().filter(|t| t.epochs > 0)?;
        let epoch = training.step_secs * training.steps as f32 / training.epochs as f32;
        (epoch > 0.0).then_some(epoch * wanted)
    }

    /// Pictures of the model beside training items, and the figures.
    fn copies_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Arc<Dataset>, unseen: &Unseen) {
        let Some(found) = cx.state.session.memorised.clone() else {
            let (title, text) = match unseen {
                Unseen::Nowhere => (
                    "Nothing was held out",
                    "How near a copy is can only be told beside pictures that the model never saw: train with some items kept out for validation, or open the train part of data that has a test part".to_owned(),
                ),
                Unseen::KeptOut(_) | Unseen::TestPart(_) => (
                    "Nothing measured yet",
                    format!(
                        "Measure how near the model's own pictures come to the items it was trained on, compared with {}",
                        unseen.describe()
                    ),
                ),
            };
            empty_ui(ui, cx.tokens, icon::BRAIN, title, &text, |_| {});
            return;
        };
        let is_sample = self.shown == Shown::Samples;
        beside_ui(
            ui,
            cx,
            |ui, cx| cards_ui(ui, cx, data, &found, is_sample),
            |ui, cx| figures_ui(ui, cx, &found, is_sample),
        );
    }
}

/// The items whose likelihoods owe most to having been trained on.
fn left_out_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Arc<Dataset>, model: &ModelInfo) {
    let (title, text) = if model.spec.has_posterior() {
        (
            "No folds left out yet",
            "Trains models like this one, each without one fold of the items: an item whose likelihood falls when it was not seen was memorised",
        )
    } else {
        (
            "A code without a posterior has no likelihood",
            "Likelihoods are taken over the posterior of a picture's code, and this model's codes have none: take a variational one",
        )
    };
    let (title, text) = if task(cx, LEAVING_OUT).is_some() {
        (
            LEAVING_OUT,
            "What each item owes to having been trained on appears here at the end; everything else goes on meanwhile",
        )
    } else {
        (title, text)
    };
    let Some(left_out) = cx.state.session.left_out.clone() else {
        empty_ui(ui, cx.tokens, icon::BRAIN, title, text, |_| {});
        return;
    };
    beside_ui(
        ui,
        cx,
        |ui, cx| owing_ui(ui, cx, data, &left_out),
        |ui, cx| scores_figures_ui(ui, cx, &left_out),
    );
}

/// A number with its name before it.
fn number_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    name: &str,
    tip: &str,
    add: impl FnOnce(&mut Ui) -> egui::Response,
) {
    let text = RichText::new(name).size(theme::CAPTION);
    ui.label(text.color(cx.tokens.text_weak));
    let response = add(ui);
    set_name(&response, name);
    response.on_hover_text(tip);
    ui.add_space(theme::HALF);
}

/// Pictures with the figures beside them, or below them where it is narrow.
fn beside_ui<'c>(
    ui: &mut Ui,
    cx: &mut Cx<'c>,
    pictures: impl FnOnce(&mut Ui, &mut Cx<'c>),
    figures: impl FnOnce(&mut Ui, &mut Cx<'c>),
) {
    let area = ui.available_rect_before_wrap();
    let is_wide = area.width() >= WIDE;
    let (left, right) = if is_wide {
        let width = (area.width() * 0.44).clamp(248.0, 420.0);
        area.split_left_right_at_x(area.right() - width)
    } else {
        let (above, below) = area.split_top_bottom_at_y(area.top() + area.height() * 0.5);
        (below, above)
    };
    let mut within = |rect: Rect, salt: &str, add: &mut dyn FnMut(&mut Ui)| {
        let builder = egui::UiBuilder::new().max_rect(rect).id_salt(salt);
        let mut inner = ui.new_child(builder);
        inner.set_clip_rect(rect.intersect(ui.clip_rect()));
        add(&mut inner);
    };
    let mut figures = Some(figures);
    let right = right.shrink2(egui::vec2(MARGIN, 0.0));
    within(right, "figures", &mut |ui| {
        let scroll = ScrollArea::vertical().auto_shrink(false);
        scroll.show(ui, |ui| {
            if let Some(figures) = figures.take() {
                // Room for the bar that scrolls, and for the last mark of an axis.
                ui.set_max_width(ui.available_width() - theme::STEP);
                figures(ui, cx);
            }
        });
    });
    let mut pictures = Some(pictures);
    let left = left.with_min_x(left.left() + MARGIN);
    within(left, "pictures", &mut |ui| {
        if let Some(pictures) = pictures.take() {
            pictures(ui, cx);
        }
    });
    ui.advance_cursor_after_rect(area);
}

fn filter(cx: &Cx<'_>) -> Filter {
    if cx.is_smooth {
        Filter::Smooth
    } else {
        Filter::Pixels
    }
}

/// Three pictures each: the model's, the nearest training item in pixels, and that in codes.
fn cards_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    data: &Arc<Dataset>,
    found: &Arc<Memorised>,
    is_sample: bool,
) {
    let what = if is_sample {
        "Sample"
    } else {
        "Reconstruction"
    };
    let text = format!("{what}, nearest in pixels, nearest in codes; closest copies first");
    caption_ui(ui, cx.tokens.text_weak, &text);
    let copies = if is_sample {
        &found.samples
    } else {
        &found.reconstructions
    };
    let card = egui::vec2(3.0 * PICTURE + 2.0 * GAP, 2.0 + PICTURE + CAPTIONS);
    let columns =
        (((ui.available_width() - theme::STEP + APART) / (card.x + APART)) as usize).max(1);
    let count = copies.places.len();
    ui.spacing_mut().item_spacing.y = theme::STEP;
    let scroll = ScrollArea::vertical().auto_shrink(false);
    scroll.show_rows(ui, card.y, count.div_ceil(columns), |ui, range| {
        for row in range {
            let size = egui::vec2(ui.available_width(), card.y);
            let (_, line) = ui.allocate_space(size);
            for column in 0..columns {
                let rank = row * columns + column;
                if rank >= count {
                    break;
                }
                let left = line.left() + 1.0 + column as f32 * (card.x + APART);
                let rect = Rect::from_min_size(egui::pos2(left, line.top() + 2.0), card);
                card_ui(ui, cx, data, found, (is_sample, rank), rect);
            }
        }
    });
}

fn card_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    data: &Arc<Dataset>,
    found: &Arc<Memorised>,
    (is_sample, rank): (bool, usize),
    area: Rect,
) {
    let tokens = cx.tokens;
    let figures = &found.figures;
    let (copies, what) = if is_sample {
        (&found.samples, "sample")
    } else {
        (&found.reconstructions, "reconstruction")
    };
    let at = copies.places[rank];
    let original = (!is_sample).then(|| figures.originals[at]);
    let cell = |place: usize| {
        let left = area.left() + place as f32 * (PICTURE + GAP);
        Rect::from_min_size(egui::pos2(left, area.top()), egui::Vec2::splat(PICTURE))
    };
    let own = |space: &InSpace| -> (u32, f32, f32) {
        let nearest: &Nearest = if is_sample {
            &space.found.samples
        } else {
            &space.found.reconstructions
        };
        (nearest.ids[at], nearest.distances[at], space.quantile)
    };
    let pixels = own(&figures.pixels);
    let filter = filter(cx);
    if let Some(texture) = cx.textures.copy(ui.ctx(), found, (is_sample, rank), filter) {
        let name = match original {
            Some(item) => format!("Reconstruction of item {item}"),
            None => format!("Sample {at}"),
        };
        picture_ui(ui, cx, data, (cell(0), &texture), &name, false);
    }
    let ratio = pixels.1 / pixels.2.max(f32::MIN_POSITIVE);
    let colour = if ratio < 1.0 {
        tokens.warn
    } else {
        tokens.text_strong
    };
    let title = match original {
        Some(item) => format!("of {}", format::count(item as usize)),
        None => format!("#{}", format::count(at)),
    };
    lines_ui(ui, cell(0), (&format!("{}×", format::number(ratio)), colour), (&title, tokens.text_weak))
        .on_hover_text("Pixel distance to the nearest training item, in units of what counts as close: below 1 it is closer than 99 % of held-out items are");
    let spaces = [("pixels", pixels), ("codes", own(&figures.codes))];
    for (place, (space, (id, distance, quantile))) in (1..).zip(spaces) {
        let item = id as usize;
        if item >= data.len() {
            continue;
        }
        let texture = cx.texture_of(ui, data, item);
        let name = format!("Nearest in {space} of {what} {at}: item {item}");
        if picture_ui(ui, cx, data, (cell(place), &texture), &name, true) {
            cx.out.act(Action::Select(item));
        }
        let is_own = original == Some(id);
        let colour = if distance < quantile {
            tokens.warn
        } else {
            tokens.text
        };
        let title = if is_own {
            ("original".to_owned(), tokens.good)
        } else {
            (format::count(item), tokens.text_weak)
        };
        lines_ui(
            ui,
            cell(place),
            (&format::number(distance), colour),
            (&title.0, title.1),
        )
        .on_hover_text(format!(
            "Distance between {space}; {} counts as close",
            format::number(quantile)
        ));
    }
}

/// A picture in a cell. Returns whether it was clicked.
fn picture_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    data: &Dataset,
    (cell, texture): (Rect, &TextureHandle),
    name: &str,
    is_item: bool,
) -> bool {
    let shape = data.shape();
    let rect = fit(cell, shape.width as f32 / shape.height as f32);
    let sense = if is_item {
        Sense::click()
    } else {
        Sense::hover()
    };
    let response = ui.interact(rect, ui.scope_id().with(name), sense);
    let outline = if is_item && response.hovered() {
        Stroke::new(2.0, cx.tokens.text_strong)
    } else if is_item {
        Stroke::new(1.0, cx.tokens.line)
    } else {
        Stroke::new(1.5, cx.tokens.accent)
    };
    paint_picture(ui, rect, texture, outline, theme::RADIUS_SMALL);
    let role = if is_item {
        egui::Role::Button
    } else {
        egui::Role::Image
    };
    response.widget_info(|| WidgetInfo::labeled(role, true, name));
    let is_clicked = response.clicked();
    let tip = if is_item {
        format!("{name}; click to look at it")
    } else {
        name.to_owned()
    };
    response.on_hover_text(tip);
    is_clicked
}

/// Two lines under a picture.
fn lines_ui(
    ui: &Ui,
    cell: Rect,
    (first, colour): (&str, Color32),
    (second, weak): (&str, Color32),
) -> egui::Response {
    let area = Rect::from_min_max(
        cell.left_bottom() + egui::vec2(-2.0, 3.0),
        cell.right_bottom() + egui::vec2(2.0, CAPTIONS),
    );
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    let top = egui::pos2(area.center().x, area.top());
    let align = egui::Align2::CENTER_TOP;
    painter.text(top, align, first, theme::strong(theme::CAPTION), colour);
    let under = top + egui::vec2(0.0, 13.0);
    painter.text(under, align, second, theme::regular(theme::CAPTION), weak);
    let id = ui
        .scope_id()
        .with(("lines", cell.min.x as i32, cell.min.y as i32));
    ui.interact(area, id, Sense::hover())
}

fn caption_ui(ui: &mut Ui, colour: Color32, text: &str) {
    let text = RichText::new(text).size(theme::CAPTION).color(colour);
    ui.add(egui::Label::new(text).wrap());
}

fn heading_ui(ui: &mut Ui, cx: &Cx<'_>, text: &str) {
    let text = RichText::new(text).font(theme::strong(theme::BODY));
    ui.label(text.color(cx.tokens.text_strong));
}

/// An interval, as percentages.
fn interval(of: &Estimate) -> String {
    let low = percent(of.low);
    format!("{} to {}", low.trim_end_matches(" %"), percent(of.high))
}

/// What the distances say, in words and as histograms.
fn figures_ui(ui: &mut Ui, cx: &mut Cx<'_>, found: &Memorised, is_sample: bool) {
    let tokens = cx.tokens;
    ui.spacing_mut().item_spacing.y = theme::HALF;
    let figures = &found.figures;
    for (title, id, space) in [
        ("In pixels", "pixel distances", &figures.pixels),
        ("In codes", "code distances", &figures.codes),
    ] {
        heading_ui(ui, cx, title);
        let (words, below, name, counts) = if is_sample {
            let counts = &space.histogram.samples;
            (space.in_words(), &space.samples_below, "Samples", counts)
        } else {
            let counts = &space.histogram.reconstructions;
            (
                space.reconstructions_in_words(),
                &space.reconstructions_below,
                "Reconstructions",
                counts,
            )
        };
        let words = egui::Label::new(RichText::new(words).color(tokens.text)).wrap();
        let words = ui.add(words);
        words.on_hover_text(format!(
            "Between {} in 95 of 100 resamples",
            interval(below)
        ));
        if !is_sample {
            let text = format!(
                "{} find their own original ({})",
                percent(space.finds_own.mean),
                interval(&space.finds_own)
            );
            caption_ui(ui, tokens.text_weak, &text);
        }
        let smooth = &space.held_out_reconstructions_below;
        let text = format!(
            "Of reconstructions of held-out items {} do: at most so much comes from smoothness alone",
            percent(smooth.mean)
        );
        caption_ui(ui, tokens.text_weak, &text);
        let close = if space.expected > SHARE {
            "Nearest held out"
        } else {
            "Their 1 % quantile"
        };
        let close = (close, space.quantile);
        distances_ui(ui, tokens, id, (name, counts), &space.histogram, close);
        ui.add_space(theme::STEP);
    }
    let [used, of] = figures.held_out;
    let held_out = if used == of {
        format::count(used)
    } else {
        format!("{} of {}", format::count(used), format::count(of))
    };
    let text = format!(
        "{} samples and {} reconstructions among {} training items; {held_out} held-out items. Every picture is encoded anew, so that samples and items are measured alike",
        format::count(figures.samples),
        format::count(figures.reconstructions),
        format::count(figures.train),
    );
    caption_ui(ui, tokens.text_weak, &text);
}

/// Items by their scores, the highest first.
fn owing_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Arc<Dataset>, left_out: &LeftOut) {
    caption_ui(
        ui,
        cx.tokens.text_weak,
        "Items whose likelihood owes most to having been trained on, in nats",
    );
    let cell = egui::vec2(PICTURE + theme::STEP, PICTURE + CAPTIONS);
    let columns = (((ui.available_width() - theme::STEP) / cell.x) as usize).max(1);
    let order = &left_out.order;
    ui.spacing_mut().item_spacing.y = theme::STEP;
    let scroll = ScrollArea::vertical().auto_shrink(false);
    scroll.show_rows(ui, cell.y, order.len().div_ceil(columns), |ui, range| {
        for row in range {
            let (_, line) = ui.allocate_space(egui::vec2(ui.available_width(), cell.y));
            for column in 0..columns {
                let Some(&place) = order.get(row * columns + column) else {
                    break;
                };
                let item = left_out.found.items[place] as usize;
                if item >= data.len() {
                    continue;
                }
                let left = line.left() + 3.0 + column as f32 * cell.x;
                let picture = egui::Vec2::splat(PICTURE);
                let rect = Rect::from_min_size(egui::pos2(left, line.top()), picture);
                let texture = cx.texture_of(ui, data, item);
                let name = format!("Left out: item {item}");
                if picture_ui(ui, cx, data, (rect, &texture), &name, true) {
                    cx.out.act(Action::Select(item));
                }
                let score = left_out.found.score(place);
                let text = format!(
                    "{}{}",
                    if score < 0.0 { "−" } else { "+" },
                    format::number(score.abs())
                );
                let lines = lines_ui(
                    ui,
                    rect,
                    (&text, cx.tokens.text_strong),
                    (&format::count(item), cx.tokens.text_weak),
                );
                lines.on_hover_text(format!(
                    "Log-likelihood {} when it was seen, {} when it was not",
                    format::number(left_out.found.seen[place]),
                    format::number(left_out.found.unseen[place])
                ));
            }
        }
    });
}

fn scores_figures_ui(ui: &mut Ui, cx: &mut Cx<'_>, left_out: &LeftOut) {
    let tokens = cx.tokens;
    ui.spacing_mut().item_spacing.y = theme::HALF;
    heading_ui(ui, cx, "What being seen adds");
    let highest = left_out.order.first().map(|&at| left_out.found.score(at));
    let Estimate { mean, low, high } = left_out.mean;
    let number = |x: f64| format::number(x as f32).replace('-', "−");
    let text = format!(
        "Having been trained on adds {} nats to an item's log-likelihood on average ({} to {}), and {} at most; about 0 is expected when nothing is memorised",
        number(mean),
        number(low),
        number(high),
        number(f64::from(highest.unwrap_or(0.0)))
    );
    ui.add(egui::Label::new(RichText::new(text).color(tokens.text)).wrap());
    ui.add_space(theme::HALF);
    scores_ui(ui, tokens, &left_out.scores);
    caption_ui(
        ui,
        tokens.text_weak,
        "Share of items over what being seen adds, in nats",
    );
    ui.add_space(theme::HALF);
    let text = format!(
        "{} folds of {} epochs, {}. Likelihoods are estimated with {LIKELIHOOD_SAMPLES} samples from each posterior, too low on average, and perhaps more so for what was not seen",
        left_out.found.folds,
        left_out.epochs,
        format::secs(left_out.secs),
    );
    caption_ui(ui, tokens.text_weak, &text);
}
