//! The person's own picture: a canvas of the model's size with pencil and eraser, and what the model makes of it.
//!
//! Invariant: the canvas shows the view's own picture; every stroke leaves as an action.

use eframe::egui::{
    self, Button, Color32, CursorIcon, Label, Pos2, Rect, Response, RichText, Sense, Stroke, Ui,
    WidgetInfo,
};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::app::view::Focus;
use crate::app::widgets::{command_button, empty_ui, fit, paint_picture, set_name};
use crate::data::Picture;

/// Height of what is shown below the canvas.
const BELOW: f32 = 112.0;
/// What the tools beside the slider of the tip take, in points: pencil and eraser, clear and trash, and the colour.
const TOOLS: f32 = 168.0;
const SWATCH: f32 = 40.0;
/// The share of the width that the reconstruction takes at most.
const SHARE: f32 = 0.32;
/// What leads back to the picture after something else was looked at.
const BACK: &str = "Show its code and neighbours";

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Tool {
    #[default]
    Pencil,
    Eraser,
}

/// The panel.
pub(super) struct OwnPanel {
    tool: Tool,
    /// Radius of the tip, in pixels of the picture.
    radius: f32,
    colour: Color32,
    /// Number of the stroke that is drawn, or was drawn last.
    stroke: u64,
    /// Where the stroke has got to, in pixels of the picture.
    last: Option<Pos2>,
}

impl Default for OwnPanel {
    fn default() -> Self {
        Self {
            tool: Tool::Pencil,
            radius: 1.2,
            colour: Color32::WHITE,
            stroke: 0,
            last: None,
        }
    }
}

impl Panel for OwnPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(own) = cx.view.own.clone() else {
            self.last = None;
            empty(ui, cx);
            return;
        };
        ui.add_space(6.0);
        self.tools_ui(ui, cx, &own);
        let area = ui.available_rect_before_wrap();
        let (above, below) = area.split_top_bottom_at_y(area.bottom() - BELOW);
        self.canvas_ui(ui, cx, own, above.shrink2(egui::vec2(theme::DOUBLE, 8.0)));
        below_ui(ui, cx, below);
    }
}

fn empty(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (title, text) = if cx.state.model().is_some() {
        (
            "No picture of yours yet",
            "Draw one, drop a picture file on the window, or copy one and press Ctrl+V",
        )
    } else {
        ("No model yet", "A model says how large your picture is")
    };
    empty_ui(ui, cx.tokens, icon::PENCIL, title, text, |ui| {
        let command = if cx.state.model().is_some() {
            Command::DrawPicture
        } else {
            Command::OpenModel
        };
        command_button(ui, command, true, cx.out);
    });
}

impl OwnPanel {
    fn tools_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, own: &Picture) {
        let row = ui.available_width();
        ui.horizontal(|ui| {
            ui.spacing_mut().button_padding.x = 4.0;
            ui.add_space(12.0);
            for (tool, glyph, name) in [
                (Tool::Pencil, icon::PENCIL, "Pencil"),
                (Tool::Eraser, icon::ERASER, "Eraser"),
            ] {
                let text = RichText::new(glyph).size(theme::TITLE);
                let button = Button::selectable(self.tool == tool, text)
                    .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT));
                let response = ui.add(button);
                set_name(&response, name);
                if response.on_hover_text(name).clicked() {
                    self.tool = tool;
                }
            }
            let longest = own.shape.width.max(own.shape.height) as f32;
            let others = TOOLS + if own.shape.channels == 3 { SWATCH } else { 0.0 };
            ui.spacing_mut().slider_width = (row - others).clamp(20.0, 72.0);
            let size = egui::Slider::new(&mut self.radius, 0.5..=(longest / 6.0).max(1.0))
                .show_value(false);
            let size = ui.add(size);
            set_name(&size, "Tip");
            size.on_hover_text("How wide the tip is");
            if own.shape.channels == 3 {
                let colour = ui.color_edit_button_srgba(&mut self.colour);
                set_name(&colour, "Colour");
                colour.on_hover_text("The pencil's colour");
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add_space(theme::STEP);
                let text = RichText::new(icon::TRASH).size(theme::TITLE);
                let away = ui.add(
                    Button::new(text)
                        .frame_when_inactive(false)
                        .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT)),
                );
                set_name(&away, "Put the picture away");
                if away.on_hover_text("Put the picture away").clicked() {
                    cx.out.act(Action::ForgetOwn);
                }
                let text = RichText::new(icon::CLEAR).size(theme::TITLE);
                let clear = ui.add(
                    Button::new(text)
                        .frame_when_inactive(false)
                        .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT)),
                );
                set_name(&clear, "Empty the canvas");
                if clear.on_hover_text("Empty the canvas").clicked() {
                    cx.out.act(Action::SetOwn {
                        picture: Picture {
                            shape: own.shape,
                            pixels: vec![0; own.pixels.len()],
                        },
                        stroke: None,
                    });
                }
            });
        });
    }

    fn canvas_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, own: Picture, area: Rect) {
        let tokens = cx.tokens;
        let shape = own.shape;
        let rect = fit(area, shape.width as f32 / shape.height as f32);
        cx.textures.own.show(ui.ctx(), "own", &own, Filter::Pixels);
        if let Some((texture, _)) = cx.textures.own.get() {
            let outline = if cx.view.focus == Focus::Own {
                Stroke::new(2.0, tokens.accent)
            } else {
                Stroke::new(1.0, tokens.line_strong)
            };
            paint_picture(ui, rect, texture, outline, 0);
        }
        let response = ui.interact(rect, ui.scope_id().with("canvas"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, "Canvas"));
        let scale = shape.width as f32 / rect.width();
        self.paint_tip(ui, &response, rect, scale, tokens.text_strong);
        let Some(pointer) = response
            .interact_pointer_pos()
            .filter(|_| response.is_pointer_button_down_on())
        else {
            self.last = None;
            return;
        };
        let at = ((pointer - rect.min) * scale).to_pos2();
        let from = self.last.unwrap_or_else(|| {
            self.stroke += 1;
            at
        });
        if self.last == Some(at) {
            return;
        }
        self.last = Some(at);
        let colour = match self.tool {
            Tool::Pencil if shape.channels == 3 => {
                let [r, g, b, _] = self.colour.to_array();
                [r, g, b]
            }
            Tool::Pencil => [255; 3],
            Tool::Eraser => [0; 3],
        };
        let mut picture = own;
        draw_line(&mut picture, from, at, self.radius, colour);
        cx.out.act(Action::SetOwn {
            picture,
            stroke: Some(self.stroke),
        });
    }

    /// A ring where the tip would touch.
    fn paint_tip(&self, ui: &Ui, response: &Response, rect: Rect, scale: f32, colour: Color32) {
        if let Some(pointer) = response.hover_pos() {
            ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
            let painter = ui.painter().with_clip_rect(rect);
            painter.circle_stroke(
                pointer,
                self.radius / scale,
                Stroke::new(3.0, Color32::BLACK),
            );
            painter.circle_stroke(pointer, self.radius / scale, Stroke::new(1.0, colour));
        }
    }
}

/// Draws a line with a round, soft-edged tip of `radius` pixels from `from` to `to`, in pixels of the picture.
fn draw_line(picture: &mut Picture, from: Pos2, to: Pos2, radius: f32, colour: [u8; 3]) {
    let shape = picture.shape;
    let along = to - from;
    let length = along.length_sq();
    for y in 0..shape.height {
        for x in 0..shape.width {
            let centre = egui::pos2(x as f32 + 0.5, y as f32 + 0.5);
            let share = if length > 0.0 {
                ((centre - from).dot(along) / length).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let off = centre.distance(from + along * share);
            let cover = (radius - off + 0.5).clamp(0.0, 1.0);
            if cover > 0.0 {
                let at = (y * shape.width + x) * shape.channels;
                for (value, &to) in picture.pixels[at..at + shape.channels]
                    .iter_mut()
                    .zip(&colour)
                {
                    let mixed = f32::from(*value) + (f32::from(to) - f32::from(*value)) * cover;
                    *value = mixed.round() as u8;
                }
            }
        }
    }
}

/// The reconstruction, what it costs, and whether a refinement made it better.
fn below_ui(ui: &mut Ui, cx: &mut Cx<'_>, area: Rect) {
    let tokens = cx.tokens;
    ui.painter()
        .hline(area.x_range(), area.top(), Stroke::new(1.0, tokens.line));
    let area = area.shrink2(egui::vec2(12.0, 10.0));
    let Some(own) = &cx.state.own else {
        return;
    };
    let mut text_left = area.left();
    if let Some((texture, aspect)) = cx.textures.own_reconstruction.get() {
        let side = area.height().min(SHARE * area.width());
        let cell = Rect::from_min_size(area.min, egui::Vec2::splat(side));
        let rect = fit(cell, aspect);
        paint_picture(
            ui,
            rect,
            texture,
            Stroke::new(1.0, tokens.line),
            theme::RADIUS_SMALL,
        );
        let response = ui.interact(
            rect,
            ui.scope_id().with("own reconstruction"),
            Sense::hover(),
        );
        response.widget_info(|| {
            WidgetInfo::labeled(egui::Role::Image, true, "Reconstruction of your picture")
        });
        text_left = cell.right() + 12.0;
    }
    let text = Rect::from_min_max(egui::pos2(text_left, area.top()), area.max);
    ui.scope_builder(egui::UiBuilder::new().max_rect(text), |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let title = RichText::new("The model's reconstruction").font(theme::strong(theme::BODY));
        ui.add(Label::new(title.color(tokens.text_strong)).truncate());
        let line = |ui: &mut Ui, text: String, colour| {
            let text = RichText::new(text).size(theme::CAPTION).color(colour);
            ui.add(Label::new(text).truncate());
        };
        let (reconstruction, divergence) = (format::number(own.loss.0), format::number(own.loss.1));
        let terms = format!("{reconstruction} nats, KL {divergence} nats");
        line(ui, terms, tokens.text_weak);
        if let Some(refined) = &cx.state.refined {
            let (first, best) = refined.losses;
            let text = format!(
                "refined to {} from {}{}",
                format::number(best),
                format::number(first),
                if refined.is_over { "" } else { " …" }
            );
            line(ui, text, tokens.good);
        }
        if cx.view.focus == Focus::Own {
            command_button(ui, Command::RefineOwn, true, cx.out);
        } else {
            let back = Button::new(BACK).truncate();
            if ui.add(back).on_hover_text(BACK).clicked() {
                cx.out.act(Action::FocusOwn);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    #[test]
    fn a_stroke_covers_its_middle_and_nothing_far_from_it() {
        let shape = ImageShape::new(9, 9, 1);
        let mut picture = Picture {
            shape,
            pixels: vec![0; 81],
        };
        draw_line(
            &mut picture,
            egui::pos2(1.5, 4.5),
            egui::pos2(7.5, 4.5),
            1.0,
            [255; 3],
        );
        let row = |y: usize| &picture.pixels[y * 9..(y + 1) * 9];
        assert!(row(4)[1..8].iter().all(|&v| v == 255));
        assert!(row(3)[3] > 0 && row(3)[3] < 255, "the edge is soft");
        assert!(row(1).iter().chain(row(7)).all(|&v| v == 0));
        draw_line(
            &mut picture,
            egui::pos2(4.5, 4.5),
            egui::pos2(4.5, 4.5),
            6.0,
            [0; 3],
        );
        assert!(picture.pixels[4 * 9 + 4] == 0, "the eraser takes it away");
    }
}
