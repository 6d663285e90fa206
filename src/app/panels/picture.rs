//! The large decoded picture, and below it the selected item beside its reconstruction.
//!
//! Invariant: the large picture is always that of the newest answer to the sliders.

use std::sync::Arc;

use eframe::egui::{self, Align2, Rect, RichText, Sense, Stroke, TextureHandle, Ui, WidgetInfo};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::palette;
use crate::app::state::Inspected;
use crate::app::textures;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{command_button, empty_ui, fit, icon_button, paint_picture};
use crate::engine::Linear;
use crate::model::squared_error;

const STRIP_HEIGHT: f32 = 138.0;

/// What principal components make of an item.
struct ByComponents {
    of: (Arc<Linear>, usize),
    texture: TextureHandle,
    text: String,
}

/// The panel.
#[derive(Default)]
pub(super) struct PicturePanel {
    by_components: Option<ByComponents>,
}

impl Panel for PicturePanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        let decoded = cx.textures.decoded.get().map(|(t, a)| (t.clone(), a));
        let Some((texture, aspect)) = decoded.filter(|_| cx.state.decoded.is_some()) else {
            let (title, text) = match cx.state.model() {
                Some(_) => (
                    "Decoding",
                    "The picture of the sliders' code appears in a moment",
                ),
                None => (
                    "No model yet",
                    "A model turns the sliders' code into a picture",
                ),
            };
            empty_ui(ui, tokens, icon::IMAGE, title, text, |ui| {
                if cx.state.model().is_none() {
                    command_button(ui, Command::OpenModel, true, cx.out);
                }
            });
            return;
        };
        let inspected = cx
            .state
            .inspected
            .as_ref()
            .filter(|i| Some(i.item) == cx.view.item());
        let area = ui.available_rect_before_wrap();
        let strip = if inspected.is_some() && area.height() > 2.0 * STRIP_HEIGHT {
            STRIP_HEIGHT
        } else {
            0.0
        };
        let (large, below) = area.split_top_bottom_at_y(area.bottom() - strip);
        large_ui(ui, cx, large, &texture, aspect);
        if let Some(inspected) = inspected.filter(|_| strip > 0.0) {
            // A code without a posterior is a plain auto-encoder's, to which this is the linear one.
            let is_plain = cx.state.model().is_some_and(|m| !m.spec.has_posterior());
            let is_wanted = is_plain && cx.state.wants_linear();
            self.take_in(ui, cx, inspected);
            inspected_ui(ui, cx, below, inspected, self.by_components.as_ref());
            if is_wanted {
                cx.out.act(Action::MeasureComponents);
            }
        }
    }
}

impl PicturePanel {
    /// Makes what the components make of the item that is shown.
    fn take_in(&mut self, ui: &Ui, cx: &Cx<'_>, inspected: &Inspected) {
        let Some(linear) = &cx.state.session.linear else {
            self.by_components = None;
            return;
        };
        let is_known = self
            .by_components
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(&known.of.0, linear) && known.of.1 == inspected.item);
        if is_known {
            return;
        }
        let made = linear.components.reconstruction(&inspected.original);
        let error = squared_error(&inspected.original.pixels, &made.pixels);
        let own = squared_error(&inspected.original.pixels, &inspected.reconstruction.pixels);
        self.by_components = Some(ByComponents {
            of: (linear.clone(), inspected.item),
            texture: textures::load(ui.ctx(), "by components", &made),
            text: format!(
                "What {} principal components make of it: squared error {}, the model's {}",
                linear.components.count(),
                format::number(error as f32),
                format::number(own as f32)
            ),
        });
    }
}

fn large_ui(ui: &mut Ui, cx: &mut Cx<'_>, area: Rect, texture: &TextureHandle, aspect: f32) {
    let tokens = cx.tokens;
    // The switch in the corner stands above the picture, not on it.
    let below = area.with_min_y(area.top() + 24.0);
    let rect = fit(below.shrink2(egui::vec2(theme::DOUBLE, 12.0)), aspect);
    paint_picture(
        ui,
        rect,
        texture,
        Stroke::new(1.0, tokens.line),
        theme::RADIUS + 2,
    );
    let response = ui.interact(rect, ui.scope_id().with("decoded"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, "Decoded picture"));
    let corner = Rect::from_min_size(
        area.right_top() + egui::vec2(-36.0, 6.0),
        egui::vec2(30.0, 30.0),
    );
    ui.scope_builder(egui::UiBuilder::new().max_rect(corner), |ui| {
        icon_button(ui, icon::SMOOTH, Command::ToggleSmooth, cx.out);
    });
}

fn inspected_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    area: Rect,
    inspected: &Inspected,
    by_components: Option<&ByComponents>,
) {
    let tokens = cx.tokens;
    ui.painter()
        .hline(area.x_range(), area.top(), Stroke::new(1.0, tokens.line));
    let area = area.shrink2(egui::vec2(12.0, 8.0));
    let lines = 34.0;
    let mut pictures = vec![
        ("Original".to_owned(), cx.textures.original.get()),
        (
            "Reconstruction".to_owned(),
            cx.textures.reconstruction.get(),
        ),
    ];
    if let Some(by_components) = by_components {
        let size = by_components.texture.size_vec2();
        let name = format!("PCA {}", by_components.of.0.components.count());
        let picture = (&by_components.texture, size.x / size.y.max(1.0));
        pictures.push((name, Some(picture)));
    }
    pictures.push(("Difference".to_owned(), cx.textures.difference.get()));
    let count = pictures.len() as f32;
    let last = pictures.len() - 1;
    let gaps = (count - 1.0) * theme::STEP;
    let edge = ((area.width() - gaps) / count).min(area.height() - lines);
    let spare = (area.width() - count * edge - gaps) / 2.0;
    for (i, (name, live)) in pictures.into_iter().enumerate() {
        let Some((texture, aspect)) = live else {
            continue;
        };
        let left = area.left() + spare + i as f32 * (edge + theme::STEP);
        let cell = Rect::from_min_size(egui::pos2(left, area.top()), egui::vec2(edge, edge));
        let rect = fit(cell, aspect);
        paint_picture(
            ui,
            rect,
            texture,
            Stroke::new(1.0, tokens.line),
            theme::RADIUS_SMALL,
        );
        let response = ui.interact(rect, ui.scope_id().with(i), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
        if i == last {
            response.on_hover_text(
                "Orange where the reconstruction is brighter, blue where it is darker",
            );
        } else if let Some(by_components) = by_components.filter(|_| i == 2) {
            response.on_hover_text(&by_components.text);
        }
        let under = cell.center_bottom() + egui::vec2(0.0, 2.0);
        let font = theme::regular(theme::CAPTION);
        let text = ui.painter().text(
            under,
            Align2::CENTER_TOP,
            name,
            font.clone(),
            tokens.text_weak,
        );
        if i == last {
            let (left, right) = (
                text.left_center() - egui::vec2(6.0, 0.0),
                text.right_center() + egui::vec2(6.0, 0.0),
            );
            ui.painter().text(
                left,
                Align2::RIGHT_CENTER,
                "−",
                font.clone(),
                palette::BELOW,
            );
            ui.painter()
                .text(right, Align2::LEFT_CENTER, "+", font, palette::ABOVE);
        }
    }
    loss_ui(ui, tokens, area, inspected);
}

fn loss_ui(ui: &mut Ui, tokens: &Tokens, area: Rect, inspected: &Inspected) {
    let (reconstruction, kl) = inspected.loss;
    let line = Rect::from_min_max(egui::pos2(area.left(), area.bottom() - 16.0), area.max);
    let builder = egui::UiBuilder::new()
        .max_rect(line)
        .layout(egui::Layout::top_down(egui::Align::Center));
    ui.scope_builder(builder, |ui| {
        let text = format!(
            "Item {}  ·  reconstruction {} nats  ·  KL {} nats",
            format::count(inspected.item),
            format::number(reconstruction),
            format::number(kl)
        );
        let dims = format!(
            "The item's code has {} numbers; KL is what it costs beyond the prior",
            inspected.code.len()
        );
        ui.label(RichText::new(text).size(theme::CAPTION).color(tokens.text))
            .on_hover_text(dims);
    });
}
