//! The way through code space beside a plain cross-fade of pixels, at the play head.
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

/// Widest that the two pictures may become together.
const WIDEST: f32 = 260.0;
/// Room for the captions.
const CAPTION: f32 = 16.0;

/// The strip's part of `area` and that of the two pictures.
pub(super) fn split(area: Rect) -> (Rect, Rect) {
    let width = (2.0 * (area.height() - CAPTION) + 28.0)
        .min(WIDEST)
        .min(area.width() / 2.0);
    area.split_left_right_at_x(area.right() - width)
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
    pub(super) fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, area: Rect) {
        let tokens = cx.tokens;
        let area = area.shrink2(egui::vec2(theme::STEP, 0.0));
        ui.painter().vline(
            area.left() - theme::STEP,
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
        let (left, right) = area.split_left_right_at_x(area.center().x);
        for ((name, live), half) in live.into_iter().zip([left, right]) {
            let cell = half
                .shrink2(egui::vec2(theme::HALF, 0.0))
                .with_max_y(half.bottom() - CAPTION);
            let aspect = live.as_ref().map_or(1.0, |(_, aspect)| *aspect);
            let rect = fit(cell, aspect);
            let outline = Stroke::new(1.0, tokens.line);
            picture_ui(ui, cx, rect, live.as_ref().map(|(t, _)| t), outline);
            let response = ui.interact(rect, ui.scope_id().with(name), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
            let font = theme::regular(theme::CAPTION);
            let mut job = LayoutJob::simple_singleline(name.to_owned(), font, tokens.text);
            job.wrap = TextWrapping::truncate_at_width(half.width() - theme::HALF);
            let caption = ui.fonts_mut(|fonts| fonts.layout_job(job));
            let at = egui::pos2(
                cell.center().x - caption.size().x / 2.0,
                rect.bottom() + 3.0,
            );
            ui.painter().galley(at, caption, tokens.text);
        }
    }
}
