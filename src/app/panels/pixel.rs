//! One pixel: what a single changed pixel costs in pixel space, in code space, and to the model.
//!
//! Invariant: all cases start from the same picture, the sliders'; what is said of a case is of the picture beside it.

use eframe::egui::{
    self, Align, Button, Color32, Layout, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind,
    Ui, WidgetInfo,
};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::state::PixelCost;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::app::view::MOST_FLIPS;
use crate::app::widgets::{command_button, empty_ui, fit, paint_picture, set_name};
use crate::data::{Flip, Picture};
use crate::engine::Passed;

/// Height of the pictures of a case.
const PICTURE: f32 = 72.0;

/// The panel.
#[derive(Default)]
pub(super) struct PixelPanel;

impl Panel for PixelPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(base) = cx.state.decoded.as_ref().map(|d| d.picture.clone()) else {
            let text = "Open or train a model: one pixel of its picture can be changed here, to see what that costs";
            empty_ui(ui, cx.tokens, icon::PIXEL, "No picture yet", text, |ui| {
                command_button(ui, Command::OpenModel, true, cx.out);
            });
            return;
        };
        ui.add_space(6.0);
        header_ui(ui, cx, &base);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            canvas_ui(ui, cx, &base);
            cases_ui(ui, cx);
        });
    }
}

/// The two cases of the lecture, and the way back to none.
fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, base: &Picture) {
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        let cases = [
            (
                "On the edge",
                "Lighten a dark pixel beside the stroke",
                Flip::on_edge(base),
            ),
            (
                "Far away",
                "Lighten the dark pixel farthest from the stroke, by as much",
                Flip::far_away(base),
            ),
        ];
        for (name, tip, flip) in cases {
            let button = ui.add_enabled(flip.is_some(), Button::new(name));
            set_name(&button, name);
            let button = button
                .on_hover_text(tip)
                .on_disabled_hover_text("This picture has no stroke on dark ground");
            if let Some(flip) = flip.filter(|_| button.clicked()) {
                add(cx, flip);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::STEP);
            let away = Button::new(RichText::new(icon::TRASH).size(theme::TITLE));
            let away = ui.add_enabled(!cx.view.flips.is_empty(), away.frame_when_inactive(false));
            set_name(&away, "Change no pixel");
            if away.on_hover_text("Change no pixel").clicked() {
                cx.out.act(Action::Flips(Vec::new()));
            }
        });
    });
}

/// One case more; the oldest makes room.
fn add(cx: &mut Cx<'_>, flip: Flip) {
    let mut flips = cx.view.flips.clone();
    flips.retain(|other| other.pixel != flip.pixel);
    if flips.len() == MOST_FLIPS {
        flips.remove(0);
    }
    flips.push(flip);
    cx.out.act(Action::Flips(flips));
}

/// The sliders' picture, of which a click changes a pixel, or changes it back.
fn canvas_ui(ui: &mut Ui, cx: &mut Cx<'_>, base: &Picture) {
    let tokens = cx.tokens;
    let aspect = base.shape.width as f32 / base.shape.height as f32;
    // Room for two cases below it, where there is any.
    let height = (ui.available_height() - 2.0 * PICTURE - 28.0).clamp(84.0, 220.0);
    let (area, response) = ui.allocate_exact_size(
        egui::vec2(ui.available_width(), height + 12.0),
        Sense::click(),
    );
    let rect = fit(area.shrink2(egui::vec2(12.0, 6.0)), aspect);
    let live = &mut cx.textures.pixel_base;
    live.show(ui.ctx(), "one pixel", base, Filter::Pixels);
    if let Some((texture, _)) = live.get() {
        let outline = Stroke::new(1.0, tokens.line);
        paint_picture(ui, rect, texture, outline, theme::RADIUS_SMALL);
    }
    for (i, flip) in cx.view.flips.iter().enumerate() {
        mark(ui, rect, base, *flip, colour(cx, i));
    }
    response.widget_info(|| {
        WidgetInfo::labeled(egui::Role::Canvas, true, "Pixels of the sliders' picture")
    });
    if let Some(at) = response
        .interact_pointer_pos()
        .filter(|_| response.clicked())
        && rect.contains(at)
    {
        let share = (at - rect.min) / rect.size();
        let x = ((share.x * base.shape.width as f32) as usize).min(base.shape.width - 1);
        let y = ((share.y * base.shape.height as f32) as usize).min(base.shape.height - 1);
        let pixel = (y * base.shape.width + x) as u32;
        if cx.view.flips.iter().any(|flip| flip.pixel == pixel) {
            let mut flips = cx.view.flips.clone();
            flips.retain(|flip| flip.pixel != pixel);
            cx.out.act(Action::Flips(flips));
        } else {
            add(cx, Flip::opposite(base, pixel));
        }
    }
    response.on_hover_text("Click a pixel to make it its opposite, again to take that back");
}

fn colour(cx: &Cx<'_>, case: usize) -> Color32 {
    crate::app::palette::class(case, cx.tokens.is_dark)
}

/// A frame round the pixel of a case.
fn mark(ui: &Ui, rect: Rect, picture: &Picture, flip: Flip, colour: Color32) {
    let (width, height) = (picture.shape.width, picture.shape.height);
    let (x, y) = (flip.pixel as usize % width, flip.pixel as usize / width);
    if y >= height {
        return;
    }
    let cell = rect.size() / egui::vec2(width as f32, height as f32);
    let at = rect.min + egui::vec2(x as f32, y as f32) * cell;
    let pixel = Rect::from_min_size(at, cell).expand(1.5);
    ui.painter()
        .rect_stroke(pixel, 1.0, Stroke::new(2.0, colour), StrokeKind::Outside);
}

/// Each case: the changed picture, what the model makes of it, and what that costs.
fn cases_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let tokens = cx.tokens;
    if cx.view.flips.is_empty() {
        ui.vertical_centered(|ui| {
            let text = "Change a pixel beside the stroke and one far from it: pixels cannot tell the two apart. Can the code?";
            ui.add_space(theme::STEP);
            ui.add(egui::Label::new(RichText::new(text).color(tokens.text_weak)).wrap());
        });
        return;
    }
    let Some(flipped) = cx.state.flipped.clone() else {
        return;
    };
    let Some((origin, cases)) = flipped.split_first() else {
        return;
    };
    for (i, case) in cases.iter().enumerate() {
        let Some(flip) = cx.view.flips.get(i).copied() else {
            break;
        };
        case_ui(ui, cx, origin, case, (i, flip));
    }
}

fn case_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    base: &(Picture, Passed),
    case: &(Picture, Passed),
    (at, flip): (usize, Flip),
) {
    let tokens = cx.tokens;
    let (picture, passed) = case;
    let aspect = picture.shape.width as f32 / picture.shape.height as f32;
    ui.add_space(theme::HALF);
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        let [changed, again] = &mut cx.textures.pixel_cases[at];
        changed.show(ui.ctx(), "changed", picture, Filter::Pixels);
        again.show(ui.ctx(), "passed", &passed.reconstruction, Filter::Pixels);
        let textures = [changed.get(), again.get()].map(|live| live.map(|(t, _)| t.clone()));
        let names = ["Changed", "Through the model"];
        for (texture, name) in textures.into_iter().zip(names) {
            let size = egui::vec2(PICTURE * aspect.min(1.5), PICTURE);
            let (cell, response) = ui.allocate_exact_size(size, Sense::hover());
            let rect = fit(cell, aspect);
            if let Some(texture) = texture {
                let outline = Stroke::new(1.0, tokens.line);
                paint_picture(ui, rect, &texture, outline, theme::RADIUS_SMALL);
            }
            if name == "Changed" {
                mark(ui, rect, picture, flip, colour(cx, at));
            }
            response.widget_info(|| {
                WidgetInfo::labeled(egui::Role::Image, true, format!("{name}, case {}", at + 1))
            });
            response.on_hover_text(name);
        }
        let cost = PixelCost::of(base, case);
        let change = |by: f32| {
            let sign = if by < 0.0 { "−" } else { "+" };
            format!("{sign}{} nats", format::number(by.abs()))
        };
        let rows = [
            ("Pixel distance", format::number(cost.pixels)),
            ("Code distance", format::number(cost.codes)),
            ("Reconstruction", change(cost.reconstruction)),
            ("KL", change(cost.kl)),
        ];
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(theme::HALF, 1.0);
            // As low as the text: four lines beside a picture.
            ui.spacing_mut().interact_size.y = 14.0;
            for (name, value) in rows {
                ui.horizontal(|ui| {
                    let text = RichText::new(name)
                        .size(theme::CAPTION)
                        .color(tokens.text_weak);
                    let left = ui.cursor().left();
                    ui.label(text);
                    ui.add_space((left + 84.0 - ui.cursor().left()).max(0.0));
                    let value = RichText::new(value)
                        .size(theme::CAPTION)
                        .color(tokens.text_strong);
                    let is_code = name == "Code distance";
                    let font = theme::strong(theme::CAPTION);
                    ui.label(if is_code { value.font(font) } else { value });
                });
            }
        });
    });
}
