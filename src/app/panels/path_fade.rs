//! The way through code space over a plain cross-fade of pixels, at the play head.
//!
//! Invariant: both pictures are of the same second of the path; where the sliders are not on it, the first one says so.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{self, Align, Rect, RichText, Sense, Stroke, Ui, WidgetInfo};

use super::Cx;
use super::path::picture_ui;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::app::widgets::fit;
use crate::data::Picture;
use crate::model::mixed;

/// Share of the panel's width that the two pictures may take.
const MOST: f32 = 0.6;
/// Room for a caption below a picture.
const CAPTION: f32 = 18.0;
/// Between and about the pictures.
const GAP: f32 = theme::STEP;
/// The two are one over the other unless that makes them smaller than this share of what they are side by side.
const OVER: f32 = 0.8;

/// Where the two pictures are.
pub(super) struct Place {
    /// With their captions and the line at the left.
    pub area: Rect,
    cells: [Rect; 2],
}

impl Place {
    /// The right part of `area`, as large as pictures of width over height `aspect` can become: the code space above the
    /// cross-fade, or at its left where the panel is low.
    pub(super) fn within(area: Rect, aspect: f32) -> Self {
        let widest = area.width() * MOST;
        let height = area.height() - GAP;
        // Heights of a picture, one over the other and side by side.
        let over = (height / 2.0 - CAPTION).min((widest - 3.0 * GAP) / aspect);
        let beside = (height - CAPTION).min((widest - 4.0 * GAP) / 2.0 / aspect);
        let is_over = over >= OVER * beside;
        let picture = if is_over { over } else { beside }.max(16.0);
        let width = picture * aspect;
        let columns = if is_over { 1.0 } else { 2.0 };
        let left = area.right() - columns * (width + GAP) - 2.0 * GAP;
        let area = area.with_min_x(left);
        let size = egui::vec2(width, picture);
        let first = egui::pos2(left + 2.0 * GAP, area.top());
        let step = if is_over {
            egui::vec2(0.0, picture + CAPTION)
        } else {
            egui::vec2(width + GAP, 0.0)
        };
        // In the middle of what height there is.
        let rows = if is_over { 2.0 } else { 1.0 };
        let rest = (height - rows * (picture + CAPTION)).max(0.0);
        let first = first + egui::vec2(0.0, rest / 2.0);
        Self {
            area,
            cells: [first, first + step].map(|min| Rect::from_min_size(min, size)),
        }
    }
}

/// The first key-frame that comes from no loaded item, counted from 0.
pub(super) fn first_without(cx: &Cx<'_>) -> Option<usize> {
    let items = cx.state.items();
    let keys = cx.view.path.keys();
    keys.iter()
        .position(|key| key.item.is_none_or(|item| item >= items))
}

/// What the cross-fade's picture was mixed of last.
#[derive(Default)]
pub(super) struct Fade {
    /// The session, the two items, the share of the second, and how it is drawn.
    shown: Option<(u64, [usize; 2], f64, Filter)>,
}

impl Fade {
    /// Mixes the two items' pictures between which the play head is, unless that is done.
    fn refresh(&mut self, ui: &Ui, cx: &mut Cx<'_>) {
        let filter = if cx.is_smooth {
            Filter::Smooth
        } else {
            Filter::Pixels
        };
        let Some(data) = cx.state.session.dataset.clone() else {
            return;
        };
        let path = &cx.view.path;
        let Some(place) = path.place_at(cx.state.head) else {
            return;
        };
        let item = |key: usize| path.keys()[key].item.filter(|item| *item < data.len());
        let (Some(from), Some(to)) = (item(place.from), item(place.to)) else {
            return;
        };
        let wanted = Some((cx.state.session.id, [from, to], place.share, filter));
        if self.shown == wanted {
            return;
        }
        self.shown = wanted;
        let picture = Picture {
            shape: data.shape(),
            pixels: mixed(data.pixels(from), data.pixels(to), place.share).collect(),
        };
        let live = &mut cx.textures.crossfade;
        live.show(ui.ctx(), "cross-fade", &picture, filter);
    }

    /// Draws both, or says why there is only one.
    pub(super) fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, place: &Place) {
        let tokens = cx.tokens;
        let area = place.area.shrink2(egui::vec2(GAP, 0.0));
        ui.painter().vline(
            area.left() - GAP / 2.0,
            area.y_range(),
            Stroke::new(1.0, tokens.line),
        );
        if let Some(key) = first_without(cx) {
            let text = format!(
                "Only items can be cross-faded, and key {} is none. Make the path of items, or switch the cross-fade off.",
                key + 1
            );
            let builder = egui::UiBuilder::new()
                .max_rect(area.shrink(theme::STEP))
                .layout(egui::Layout::top_down(Align::Center));
            ui.scope_builder(builder, |ui| {
                ui.add_space(theme::DOUBLE);
                let text = RichText::new(text)
                    .size(theme::CAPTION)
                    .color(tokens.text_weak);
                ui.add(egui::Label::new(text).wrap());
            });
            return;
        }
        self.refresh(ui, cx);
        let on_path = cx.view.path.code_at(cx.state.head);
        let first = if on_path.as_ref() == Some(&cx.view.code) {
            "Code space"
        } else {
            "Off the path"
        };
        let live = [
            (first, cx.textures.decoded.get()),
            ("Pixel cross-fade", cx.textures.crossfade.get()),
        ];
        let live = live.map(|(name, live)| (name, live.map(|(t, aspect)| (t.clone(), aspect))));
        for ((name, live), cell) in live.into_iter().zip(place.cells) {
            let aspect = live.as_ref().map_or(1.0, |(_, aspect)| *aspect);
            let rect = fit(cell, aspect);
            let outline = Stroke::new(1.0, tokens.line);
            picture_ui(ui, cx, rect, live.as_ref().map(|(t, _)| t), outline);
            let response = ui.interact(rect, ui.scope_id().with(name), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
            let font = theme::regular(theme::CAPTION);
            let mut job = LayoutJob::simple_singleline(name.to_owned(), font, tokens.text);
            job.wrap = TextWrapping::truncate_at_width(cell.width());
            let caption = ui.fonts_mut(|fonts| fonts.layout_job(job));
            let at = egui::pos2(
                cell.center().x - caption.size().x / 2.0,
                rect.bottom() + 2.0,
            );
            ui.painter().galley(at, caption, tokens.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(width: f32, height: f32, aspect: f32) -> Place {
        let area = Rect::from_min_size(egui::pos2(10.0, 20.0), egui::vec2(width, height));
        let place = Place::within(area, aspect);
        let [code, fade] = place.cells;
        for cell in [code, fade] {
            assert!(
                place.area.contains_rect(cell),
                "{cell:?} in {:?}",
                place.area
            );
            assert!((cell.width() / cell.height() - aspect).abs() < 1e-3);
        }
        assert!(!code.intersects(fade) && area.contains_rect(place.area));
        assert!(
            place.area.width() <= MOST * width + 0.01,
            "the strip has room"
        );
        place
    }

    #[test]
    fn the_code_space_is_over_the_cross_fade_where_the_panel_is_high_and_both_are_large_where_it_is_low()
     {
        let [code, fade] = place(500.0, 600.0, 1.0).cells;
        assert!(code.bottom() < fade.top() && code.height() > 250.0);
        let [code, fade] = place(700.0, 160.0, 1.0).cells;
        assert!(code.right() < fade.left() && code.height() > 130.0);
        let [code, fade] = place(260.0, 200.0, 1.0).cells;
        assert!(code.bottom() < fade.top() && code.height() > 70.0);
        place(400.0, 150.0, 2.0);
        place(400.0, 150.0, 0.5);
    }
}
