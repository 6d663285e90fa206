//! Clean, corrupted, repaired: what a model, and principal components of the same size, make of pictures that something was done to, live.
//!
//! Invariant: the rows are of the same items; what is repaired is what stands in the second.

use std::sync::Arc;

use eframe::egui::{
    self, Align2, Button, ComboBox, Pos2, Rect, RichText, ScrollArea, Sense, Slider, Stroke,
    TextureHandle, Ui, WidgetInfo,
};

use super::{Cx, Panel, some_items};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{caption, command_button, empty_ui, fit, paint_picture, set_name};
use crate::data::{Corruption, Dataset, Picture};
use crate::engine::Linear;

/// Items in a row.
const ITEMS: usize = 12;
/// Edge of a picture, at least and at most.
const EDGES: (f32, f32) = (26.0, 96.0);
/// Room for the name of a row.
const NAMES: f32 = 104.0;

/// The panel.
pub(super) struct DenoisingPanel {
    kind: Corruption,
    strength: f32,
    seed: usize,
    /// What was asked for last: the corrupted pictures, of which items of which session.
    sent: Option<(Arc<Vec<Picture>>, u64)>,
    shown: Option<Shown>,
}

/// Pictures with their squared error, values in `[0, 1]`.
struct Row {
    pictures: Vec<TextureHandle>,
    error: f64,
}

/// The answer that the textures are of.
struct Shown {
    generation: u64,
    corrupted: Row,
    repaired: Row,
    /// What these components make of the same, with them.
    linear: Option<(Arc<Linear>, Row)>,
}

impl Default for DenoisingPanel {
    fn default() -> Self {
        Self {
            kind: Corruption::Masking,
            strength: 0.5,
            seed: 1,
            sent: None,
            shown: None,
        }
    }
}

impl Panel for DenoisingPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let data = cx.state.session.dataset.clone();
        let shape = cx.state.model().map(|model| model.spec.shape);
        let (Some(data), Some(shape)) = (data, shape) else {
            let text = "Open data and a model, at best one trained with preset denoising: it learns to make clean pictures of corrupted ones";
            empty_ui(
                ui,
                cx.tokens,
                icon::ERASER,
                "Nothing to repair",
                text,
                |ui| {
                    command_button(ui, Command::OpenModel, true, cx.out);
                },
            );
            return;
        };
        if data.shape() != shape || data.len() == 0 {
            let text = "The model takes pictures of another shape than the open ones";
            empty_ui(
                ui,
                cx.tokens,
                icon::ERASER,
                "Nothing to repair",
                text,
                |_| {},
            );
            return;
        }
        if cx.state.wants_linear() {
            cx.out.act(Action::MeasureComponents);
        }
        ui.add_space(4.0);
        self.header_ui(ui, cx);
        let items = some_items(cx.view.item(), self.seed, ITEMS, data.len());
        let corrupted: Vec<Picture> = items
            .iter()
            .enumerate()
            .map(|(i, &item)| Picture {
                shape,
                pixels: self.kind.apply(
                    data.pixels(item),
                    shape,
                    self.strength,
                    (self.seed * ITEMS + i) as u64,
                ),
            })
            .collect();
        let model = cx.state.session.id;
        let is_sent = self
            .sent
            .as_ref()
            .is_some_and(|(sent, of)| **sent == corrupted && *of == model);
        // One at a time, so that a drag never queues.
        if !is_sent && cx.state.repairs.is_idle() {
            let corrupted = Arc::new(corrupted);
            self.sent = Some((corrupted.clone(), model));
            cx.out.act(Action::Repair(corrupted));
        }
        self.take_in(ui, cx, &data, &items);
        ScrollArea::both()
            .auto_shrink(false)
            .show(ui, |ui| self.rows_ui(ui, cx, &data, &items));
    }
}

impl DenoisingPanel {
    fn header_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(12.0);
            let combo = ComboBox::from_id_salt("corruption of the row")
                .selected_text(self.kind.title())
                .width(130.0);
            let combo = combo.show_ui(ui, |ui| {
                for kind in Corruption::ALL {
                    ui.selectable_value(&mut self.kind, kind, kind.title());
                }
            });
            set_name(&combo.response, "Kind of corruption");
            combo.response.on_hover_text("What is done to the pictures");
            ui.spacing_mut().slider_width = 130.0;
            let slider = ui.add(Slider::new(&mut self.strength, 0.0..=1.0).show_value(false));
            set_name(&slider, "Strength of the corruption");
            if !slider.dragged() {
                let tip = match self.kind {
                    Corruption::Masking | Corruption::SaltAndPepper => "Share of the pixels",
                    Corruption::Gaussian => "Deviation of the noise, where a pixel's range is 1",
                };
                slider.on_hover_text(tip);
            }
            let text = RichText::new(format!("{:.2}", self.strength)).size(theme::CAPTION);
            ui.label(text.color(cx.tokens.text_strong));
            let again = ui.add(Button::new(icon::SHUFFLE).frame_when_inactive(false));
            set_name(&again, "Other items and noise");
            if again.on_hover_text("Other items, corrupted anew").clicked() {
                self.seed += 1;
            }
            if self.shown.is_some() {
                caption(ui, cx.tokens, "Squared error per picture on the left");
            }
        });
        ui.add_space(theme::HALF);
    }

    /// Makes textures of the newest answer.
    fn take_in(&mut self, ui: &Ui, cx: &Cx<'_>, data: &Dataset, items: &[usize]) {
        let (Some((generation, repaired)), Some((corrupted, _))) =
            (cx.state.repairs.newest(), &self.sent)
        else {
            return;
        };
        let linear = cx.state.session.linear.as_ref();
        let is_known = self.shown.as_ref().is_some_and(|shown| {
            let own = shown.linear.as_ref().map(|(own, _)| Arc::as_ptr(own));
            shown.generation == *generation && own == linear.map(Arc::as_ptr)
        });
        if is_known || !cx.state.repairs.is_idle() {
            return;
        }
        let row = |pictures: &[Picture]| -> Row {
            let load = |picture| textures::load(ui.ctx(), "repair", picture);
            let off = |(picture, &item): (&Picture, &usize)| -> f64 {
                let pairs = picture.pixels.iter().zip(data.pixels(item));
                pairs
                    .map(|(a, b)| f64::from(i32::from(*a) - i32::from(*b)).powi(2))
                    .sum()
            };
            let sum: f64 = pictures.iter().zip(items).map(off).sum();
            Row {
                pictures: pictures.iter().map(load).collect(),
                error: sum / (255.0 * 255.0) / items.len().max(1) as f64,
            }
        };
        let by_components = |linear: &Arc<Linear>| {
            let of = |picture| linear.components.reconstruction(picture);
            let pictures: Vec<Picture> = corrupted.iter().map(of).collect();
            (linear.clone(), row(&pictures))
        };
        self.shown = Some(Shown {
            generation: *generation,
            corrupted: row(corrupted),
            repaired: row(repaired),
            linear: linear.map(by_components),
        });
    }

    fn rows_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, items: &[usize]) {
        let tokens = cx.tokens;
        let gap = 4.0;
        let linear = self.shown.as_ref().and_then(|shown| shown.linear.as_ref());
        let components = linear.map(|(linear, _)| {
            let count = linear.components.count();
            format!("{count} components")
        });
        let shown = self.shown.as_ref();
        let mut rows = vec![
            ("Clean", None),
            ("Corrupted", shown.map(|shown| &shown.corrupted)),
            ("Repaired", shown.map(|shown| &shown.repaired)),
        ];
        let by_components = linear.map(|(_, row)| row);
        rows.extend(components.as_deref().map(|name| (name, by_components)));
        let errors = rows.iter().filter_map(|(_, row)| Some(row.as_ref()?.error));
        let least = errors.fold(f64::INFINITY, f64::min);
        let count = rows.len() as f32;
        let room = ui.available_size() - egui::vec2(NAMES + 24.0, 12.0);
        let edge = (room.x / items.len().max(1) as f32 - gap)
            .min(room.y / count - gap)
            .clamp(EDGES.0, EDGES.1);
        let step = edge + gap;
        let size = egui::vec2(NAMES + 24.0 + step * items.len() as f32, step * count + 4.0);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let shape = data.shape();
        let aspect = shape.width as f32 / shape.height as f32;
        for (row, (name, made)) in rows.into_iter().enumerate() {
            let top = area.top() + 2.0 + row as f32 * step;
            let at = egui::pos2(area.left() + 12.0, top + edge / 2.0);
            name_ui(ui, tokens, at, name, made, least);
            for (i, &item) in items.iter().enumerate() {
                let left = area.left() + 12.0 + NAMES + i as f32 * step;
                let rect = Rect::from_min_size(egui::pos2(left, top), egui::vec2(edge, edge));
                let rect = fit(rect, aspect);
                let own = match row {
                    0 => Some(cx.texture_of(ui, data, item)),
                    _ => made.and_then(|made| made.pictures.get(i).cloned()),
                };
                match own {
                    Some(texture) => {
                        let line = Stroke::new(1.0, tokens.line_strong);
                        paint_picture(ui, rect, &texture, line, theme::RADIUS_SMALL);
                    }
                    None => {
                        ui.painter()
                            .rect_filled(rect, theme::RADIUS_SMALL, tokens.well);
                    }
                }
                let id = ui.scope_id().with(("repair", row, i));
                let response = ui.interact(rect, id, Sense::click());
                let text = format!("{name}: item {item}");
                response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &text));
                if response.clicked() {
                    cx.out.act(Action::Select(item));
                }
                response.on_hover_text(text);
            }
        }
    }
}

/// The name of a row, from `at` to the right, and below it what is lost of a picture; the least of all rows stands out.
fn name_ui(ui: &Ui, tokens: &Tokens, at: Pos2, name: &str, made: Option<&Row>, least: f64) {
    let painter = ui.painter();
    let font = theme::regular(theme::BODY);
    let Some(made) = made else {
        painter.text(at, Align2::LEFT_CENTER, name, font, tokens.text_weak);
        return;
    };
    let colour = if made.error <= least {
        tokens.good
    } else {
        tokens.text_weak
    };
    let up = at - egui::vec2(0.0, 7.0);
    painter.text(up, Align2::LEFT_CENTER, name, font, tokens.text_weak);
    let error = format::number(made.error as f32);
    let down = at + egui::vec2(0.0, 8.0);
    let small = theme::regular(theme::CAPTION);
    painter.text(down, Align2::LEFT_CENTER, &error, small, colour);
    let size = egui::vec2(NAMES, 28.0);
    let place = Rect::from_min_size(at - egui::vec2(0.0, 14.0), size);
    let response = ui.interact(place, ui.scope_id().with(("row", name)), Sense::hover());
    let text = format!("{name}: squared error {error} a picture");
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &text));
    response.on_hover_text(text);
}
