//! The card beside the pointer: an item's picture and what is known of it.
//!
//! Invariant: shows nothing that the dataset does not hold.

use eframe::egui::{self, Label, PopupAnchor, Response, RichText, Stroke, Ui};

use super::Cx;
use super::map_cloud::Cloud;
use crate::app::format;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::app::view::Colouring;
use crate::app::widgets::paint_picture;
use crate::data::{Column, ColumnValues, Dataset};

/// The longer side of the card's picture, in points.
const EDGE: f32 = 96.0;
/// Width of what is written beside it.
const TEXT: f32 = 140.0;
/// Columns and factors listed beside it, besides what the map is coloured by and the class.
const FACTS: usize = 5;

/// Shows the card of item `id` beside the pointer.
pub(super) fn card_ui(ui: &Ui, cx: &mut Cx<'_>, cloud: &Cloud, map: &Response, id: usize) {
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
                ui.set_width(TEXT);
                let line = |ui: &mut Ui, text: RichText| {
                    ui.add(Label::new(text).truncate());
                };
                let title = data
                    .item_name(id)
                    .map_or_else(|| format!("Item {}", format::count(id)), str::to_owned);
                let title = RichText::new(title).font(theme::strong(theme::BODY));
                line(ui, title.color(tokens.text_strong));
                if let Some((name, value)) = cloud.fact(id) {
                    let colour = cloud.colour(id, cx.view);
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = theme::HALF;
                        let (dot, _) =
                            ui.allocate_exact_size(egui::Vec2::splat(8.0), egui::Sense::hover());
                        ui.painter().circle_filled(dot.center(), 4.0, colour);
                        line(ui, RichText::new(value).color(tokens.text_strong));
                        let name = RichText::new(name).size(theme::CAPTION);
                        line(ui, name.color(tokens.text_weak));
                    });
                }
                for (name, value) in facts(&data, id, cloud.colouring()) {
                    let text = RichText::new(format!("{name}  {value}")).size(theme::CAPTION);
                    line(ui, text.color(tokens.text_weak));
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

/// What is known of the item besides what the map is coloured by: its class, then a few of its columns and factors.
fn facts<'d>(data: &'d Dataset, id: usize, coloured: &Colouring) -> Vec<(&'d str, String)> {
    let class = data.label_name(id).map(|name| ("Class", name.to_owned()));
    let class = class.filter(|_| *coloured != Colouring::Label);
    let is_other = |name: &str| !matches!(coloured, Colouring::Factor(of) | Colouring::Column(of) if of == name);
    // The column that gave the classes says the same once more.
    let tells_class = |c: &&Column| {
        ["class", "classes", "label", "labels"].contains(&c.name.to_lowercase().as_str())
            && c.text(id).as_deref() == data.label_name(id)
    };
    let columns = data.columns().iter().filter(|c| is_other(&c.name));
    let columns = columns.filter(|c| !tells_class(c));
    let columns = columns.filter_map(|c| {
        let text = match &c.values {
            ColumnValues::Number(values) => {
                let value = values.get(id).filter(|value| !value.is_nan())?;
                format::number(*value)
            }
            ColumnValues::Category { .. } | ColumnValues::Text(_) => c.text(id)?,
        };
        Some((c.name.as_str(), text))
    });
    let factors = data.factors().iter().filter(|f| is_other(&f.name));
    let factors =
        factors.filter_map(|f| Some((f.name.as_str(), format::number(*f.values.get(id)?))));
    let others = columns.chain(factors).take(FACTS);
    class.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Factor, ImageShape, Labels};

    #[test]
    fn an_item_tells_its_class_and_a_few_columns_and_factors() -> crate::error::Result<()> {
        let mut data = Dataset::new("two", ImageShape::new(1, 1, 1), vec![0, 1])?
            .with_labels(Labels {
                values: vec![0, 1],
                names: vec!["cat".to_owned(), "dog".to_owned()],
            })?
            .with_column(Column {
                name: "age".to_owned(),
                values: ColumnValues::Number(vec![3.0, f32::NAN]),
            })?
            .with_column(Column {
                name: "hair".to_owned(),
                values: ColumnValues::Text(vec!["red".to_owned(), "grey".to_owned()]),
            })?;
        for factor in 0..9 {
            data = data.with_factor(Factor {
                name: format!("f{factor}"),
                range: (0.0, 1.0),
                values: vec![0.5; 2],
            })?;
        }
        let first = facts(&data, 0, &Colouring::Column("age".to_owned()));
        let fact = |name, value: &str| (name, value.to_owned());
        assert_eq!(first[..2], [fact("Class", "cat"), fact("hair", "red")]);
        assert_eq!(first.len(), FACTS + 1);
        // Without an age there is nothing to tell about it.
        let second = facts(&data, 1, &Colouring::Label);
        assert_eq!(second[..2], [fact("hair", "grey"), fact("f0", "0.50")]);
        Ok(())
    }
}
