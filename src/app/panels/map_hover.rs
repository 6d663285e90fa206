//! The card beside the pointer: an item's picture and what is known of it.
//!
//! Invariant: shows nothing that the dataset does not hold.

use eframe::egui::{self, PopupAnchor, Response, RichText, Stroke, Ui};

use super::Cx;
use super::map_cloud::resolve;
use crate::app::format;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::app::view::Colouring;
use crate::app::widgets::paint_picture;
use crate::data::Dataset;

/// The longer side of the card's picture, in points.
const EDGE: f32 = 96.0;
/// Factors listed beside it.
const FACTORS: usize = 5;

/// Shows the card of item `id` beside the pointer.
pub(super) fn card_ui(ui: &Ui, cx: &mut Cx<'_>, map: &Response, id: usize) {
    let Some(data) = cx.state.session.dataset.clone().filter(|d| id < d.len()) else {
        return;
    };
    let filter = if cx.is_smooth {
        Filter::Smooth
    } else {
        Filter::Pixels
    };
    let texture = cx
        .textures
        .item(ui.ctx(), cx.state.session.id, &data, id, filter);
    let tokens = cx.tokens;
    let coloured = match resolve(&cx.view.colouring, Some(&data)) {
        Colouring::Factor(name) | Colouring::Column(name) => Some(name),
        _ => None,
    };
    let mut tooltip =
        egui::Tooltip::always_open(ui.ctx().clone(), map.layer_id, map.id, PopupAnchor::Pointer)
            .gap(14.0);
    tooltip.popup = tooltip.popup.width(260.0);
    tooltip.show(|ui| {
        ui.horizontal_top(|ui| {
            let shape = data.shape();
            let longer = shape.width.max(shape.height) as f32;
            let size = egui::vec2(shape.width as f32, shape.height as f32) / longer * EDGE;
            let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
            paint_picture(
                ui,
                rect,
                &texture,
                Stroke::new(1.0, tokens.line),
                theme::RADIUS_SMALL,
            );
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                // Without it the facts would be squeezed into what the picture leaves.
                ui.set_min_width(132.0);
                let title = data
                    .item_name(id)
                    .map_or_else(|| format!("Item {}", format::count(id)), str::to_owned);
                ui.label(
                    RichText::new(title)
                        .font(theme::strong(theme::BODY))
                        .color(tokens.text_strong),
                );
                if let Some(label) = data.label_name(id) {
                    ui.label(RichText::new(label).color(tokens.text));
                }
                for (name, value) in facts(&data, id, coloured.as_deref()) {
                    let is_coloured = coloured.as_deref() == Some(name);
                    let colour = if is_coloured {
                        tokens.text_strong
                    } else {
                        tokens.text_weak
                    };
                    ui.label(
                        RichText::new(format!("{name}  {}", format::number(value)))
                            .size(theme::CAPTION)
                            .color(colour),
                    );
                }
            });
        });
    });
}

/// Shows what the decoder makes of the code at the pointer.
pub(super) fn decoded_ui(ui: &Ui, cx: &Cx<'_>, map: &Response, is_blend: bool) {
    let Some((texture, aspect)) = cx
        .textures
        .hovered
        .get()
        .filter(|_| cx.state.hovered.is_some())
    else {
        return;
    };
    let tokens = cx.tokens;
    let tooltip =
        egui::Tooltip::always_open(ui.ctx().clone(), map.layer_id, map.id, PopupAnchor::Pointer)
            .gap(14.0);
    tooltip.show(|ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let size = egui::vec2(EDGE * aspect.min(1.0), EDGE / aspect.max(1.0));
        let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
        let outline = Stroke::new(1.0, tokens.line);
        paint_picture(ui, rect, texture, outline, theme::RADIUS_SMALL);
        let text = if is_blend {
            "Blend of nearby codes"
        } else {
            "Decoded here"
        };
        ui.label(
            RichText::new(text)
                .size(theme::CAPTION)
                .color(tokens.text_weak),
        );
    });
}

/// A few factors of the item, the one in `first` before the others.
fn facts<'d>(data: &'d Dataset, id: usize, first: Option<&str>) -> Vec<(&'d str, f32)> {
    let mut facts: Vec<(&str, f32)> = data
        .factors()
        .iter()
        .filter_map(|f| Some((f.name.as_str(), *f.values.get(id)?)))
        .collect();
    facts.sort_by_key(|(name, _)| Some(*name) != first);
    facts.truncate(FACTORS);
    facts
}
