//! The pictures of a mixture: samples, and which of its Gaussians answers for which item.
//!
//! Invariant: a Gaussian's column is below its mean; a mean fades as the Gaussian answers less.

use std::sync::Arc;

use eframe::egui::{
    self, Color32, CornerRadius, Rect, Sense, Stroke, TextureHandle, Ui, WidgetInfo,
};

use super::Cx;
use crate::app::command::{Action, Choice};
use crate::app::format;
use crate::app::theme;
use crate::app::widgets::{fit, paint_picture};
use crate::data::{Dataset, ImageShape};
use crate::engine::Mixed;
use crate::space::Selection;

/// Edge of a picture, at least and at most.
const EDGES: (f32, f32) = (28.0, 56.0);
const GAP: f32 = 4.0;
/// Height of the bar of a share.
const BAR: f32 = 4.0;

/// An item and the probability of each Gaussian given it.
pub(super) struct Row {
    pub(super) item: usize,
    pub(super) shares: Vec<f64>,
}

/// A mixture with its pictures.
pub(super) struct Shown {
    pub(super) of: Arc<Mixed>,
    /// The heaviest first.
    pub(super) means: Vec<TextureHandle>,
    pub(super) rows: Vec<Row>,
    /// For how many items each Gaussian answers most.
    pub(super) counts: Vec<usize>,
    pub(super) samples: Option<Samples>,
}

/// What was drawn from the mixture, at this step of its fit or at one before.
pub(super) struct Samples {
    /// The number of the answer.
    pub(super) generation: u64,
    pub(super) of: Arc<Mixed>,
    pub(super) textures: Vec<TextureHandle>,
}

/// The samples, one behind another as far as there is room.
pub(super) fn samples_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    mixed: &Mixed,
    shown: &Shown,
    shape: ImageShape,
) {
    let samples = shown.samples.as_ref();
    let textures = samples.map_or(&[][..], |own| &own.textures);
    let edge = EDGES.1;
    let abreast = ((ui.available_width() + GAP) / (edge + GAP))
        .floor()
        .max(1.0) as usize;
    let size = egui::vec2(abreast as f32 * (edge + GAP) - GAP, edge);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let is_over_pixels = mixed.density.over_pixels().is_some();
    let takes_own = cx.state.model().is_some_and(|own| own.spec.shape == shape);
    for (i, texture) in textures.iter().take(abreast).enumerate() {
        let left = area.left() + i as f32 * (edge + GAP);
        let cell = Rect::from_min_size(egui::pos2(left, area.top()), egui::Vec2::splat(edge));
        let rect = fit(cell, aspect_of(shape));
        let line = Stroke::new(1.0, cx.tokens.line_strong);
        paint_picture(ui, rect, texture, line, theme::RADIUS_SMALL);
        let response = ui.interact(rect, ui.scope_id().with(("sample", i)), Sense::click());
        let name = format!("Sample {} of the mixture", i + 1);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
        let tip = match (is_over_pixels, takes_own) {
            (false, _) => "Click to move the sliders there",
            (true, true) => "Click to take it through the model, as your own picture",
            (true, false) => "Drawn from the mixture",
        };
        if response.on_hover_text(tip).clicked() {
            let newest = cx.state.drawn.newest();
            let Some((generation, Some(sampled))) = newest else {
                continue;
            };
            if samples.is_none_or(|own| own.generation != *generation) {
                continue;
            }
            let d = mixed.density.mixture().dims();
            match (
                sampled.codes.chunks_exact(d).nth(i),
                sampled.pictures.get(i),
            ) {
                (Some(code), _) => cx.out.act(Action::SetCode {
                    code: code.to_vec(),
                    drag: None,
                }),
                (None, Some(picture)) if takes_own => cx.out.act(Action::SetOwn {
                    picture: picture.clone(),
                    stroke: None,
                }),
                _ => {}
            }
        }
    }
}

impl Shown {
    /// The means over their shares, and below them a row for each item.
    pub(super) fn grid_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>, mixed: &Mixed, data: &Dataset) {
        let columns = self.means.len();
        let room = ui.available_width() - 24.0;
        let edge = (room / (columns as f32 + 1.4) - GAP).clamp(EDGES.0, EDGES.1);
        let step = edge + GAP;
        let first = 1.4 * step;
        let head = step + BAR + GAP;
        let size = egui::vec2(
            first + step * columns as f32,
            head + step * self.rows.len() as f32,
        );
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let aspect = aspect_of(data.shape());
        let weights: Vec<f64> = mixed.density.mixture().weights().collect();
        let heaviest = mixed.means.first().map_or(1.0, |(own, _)| weights[*own]);
        let cell = |x: f32, y: f32| {
            let min = area.min + egui::vec2(x, y);
            fit(Rect::from_min_size(min, egui::Vec2::splat(edge)), aspect)
        };
        let each = mixed.means.iter().zip(&self.means).enumerate();
        for (column, ((component, _), texture)) in each.clone() {
            let (left, component) = (first + column as f32 * step, *component);
            let rect = cell(left, 0.0);
            let line = Stroke::new(1.0, cx.tokens.line_strong);
            paint_picture(ui, rect, texture, line, theme::RADIUS_SMALL);
            let length = (weights[component] / heaviest) as f32 * edge;
            let from = area.min + egui::vec2(left, edge + 3.0);
            let bar = Rect::from_min_size(from, egui::vec2(length.max(1.0), BAR));
            ui.painter().rect_filled(bar, 2.0, cx.tokens.accent);
            let id = ui.scope_id().with(("mean", column));
            let response = ui.interact(rect.union(bar), id, Sense::click());
            let (share, count) = (100.0 * weights[component], self.counts[component]);
            let name = format!("Gaussian {}: {share:.1} %", column + 1);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
            let tip = match count {
                0 => format!("{name} of the items; none comes most probably from it"),
                _ => format!(
                    "{name} of the items. Click to select the {} that most probably come from it",
                    format::count(count)
                ),
            };
            if response.on_hover_text(tip).clicked() && count > 0 {
                let all = (0..).zip(&mixed.answers);
                let own = all.filter(|(_, answer)| **answer as usize == component);
                let items = Selection::from_ids(data.len(), own.map(|(id, _)| id));
                cx.out.act(Action::Choose {
                    items,
                    how: Choice::Replace,
                });
            }
        }
        for (i, row) in self.rows.iter().enumerate() {
            let top = head + i as f32 * step;
            let rect = cell(0.0, top);
            let texture = cx.texture_of(ui, data, row.item);
            let line = Stroke::new(1.5, cx.tokens.text_weak);
            paint_picture(ui, rect, &texture, line, theme::RADIUS_SMALL);
            let response = ui.interact(rect, ui.scope_id().with(("item", i)), Sense::click());
            let name = format!("Item {} and who answers for it", row.item);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
            let tip = format!("Item {}: click to look at it", row.item);
            if response.on_hover_text(tip).clicked() {
                cx.out.act(Action::Select(row.item));
            }
            for (column, ((component, _), texture)) in each.clone() {
                let rect = cell(first + column as f32 * step, top);
                let share = row.shares[*component] as f32;
                let radius = CornerRadius::same(theme::RADIUS_SMALL);
                ui.painter().rect_filled(rect, radius, cx.tokens.well);
                egui::Image::new((texture.id(), rect.size()))
                    .corner_radius(radius)
                    .tint(Color32::WHITE.gamma_multiply(share))
                    .paint_at(ui, rect);
                let id = ui.scope_id().with(("share", i, column));
                let response = ui.interact(rect, id, Sense::hover());
                response.on_hover_text(format!(
                    "Gaussian {} answers for item {} with {}",
                    column + 1,
                    row.item,
                    percent(share)
                ));
            }
        }
    }
}

/// Width over height.
fn aspect_of(shape: ImageShape) -> f32 {
    shape.width as f32 / shape.height as f32
}

fn percent(share: f32) -> String {
    match share {
        s if s > 0.0 && s < 0.001 => "less than 0.1 %".to_owned(),
        s => format!("{:.1} %", 100.0 * s),
    }
}
