//! Drawing a rectangle or a lasso round items.
//!
//! Invariant: what was drawn is handed over once, when the button is let go.

use eframe::egui::{CursorIcon, Painter, PointerButton, Pos2, Rect, Response, Shape, Stroke, Ui};
use egui_plot::PlotTransform;

use super::Cx;
use crate::app::command::Choice;
use crate::app::theme::Tokens;

/// Corners of a lasso are at least that far apart, in points of the interface.
const STEP: f32 = 3.0;

/// What is being drawn.
#[derive(Default)]
pub(super) struct Drawing {
    outline: Outline,
    /// In points of the interface.
    corners: Vec<Pos2>,
    how: Choice,
    done: Option<(Vec<[f32; 2]>, Choice)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Outline {
    #[default]
    None,
    Rectangle,
    Lasso,
}

impl Drawing {
    /// Follows the pointer. Returns whether something is being drawn.
    pub(super) fn follow(
        &mut self,
        ui: &Ui,
        cx: &Cx<'_>,
        response: &Response,
        transform: &PlotTransform,
    ) -> bool {
        let modifiers = ui.input(|i| i.modifiers);
        if response.drag_started_by(PointerButton::Primary) {
            self.outline = match (cx.has_lasso, modifiers.shift) {
                (true, false) => Outline::Lasso,
                (_, true) => Outline::Rectangle,
                (false, false) => Outline::None,
            };
            let from = ui.input(|i| i.pointer.press_origin());
            self.corners = from.into_iter().collect();
            self.how = match (modifiers.command, modifiers.alt) {
                (true, _) => Choice::Add,
                (false, true) => Choice::Subtract,
                (false, false) => Choice::Replace,
            };
        }
        if cx.has_lasso && response.hovered() {
            ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
        }
        if self.outline == Outline::None {
            return false;
        }
        if let Some(pointer) = response.interact_pointer_pos() {
            let pointer = pointer.clamp(transform.frame().min, transform.frame().max);
            match self.outline {
                Outline::Rectangle => {
                    self.corners.truncate(1);
                    self.corners.push(pointer);
                }
                _ if self
                    .corners
                    .last()
                    .is_none_or(|last| last.distance(pointer) >= STEP) =>
                {
                    self.corners.push(pointer);
                }
                _ => {}
            }
        }
        if !response.dragged() {
            let polygon: Vec<[f32; 2]> = self
                .polygon()
                .into_iter()
                .map(|corner| {
                    let at = transform.value_from_position(corner);
                    [at.x as f32, at.y as f32]
                })
                .collect();
            if polygon.len() > 2 {
                self.done = Some((polygon, self.how));
            }
            self.outline = Outline::None;
            self.corners.clear();
        }
        true
    }

    /// What was drawn since the last call, in map units, and what to do with the items inside.
    pub(super) fn take(&mut self) -> Option<(Vec<[f32; 2]>, Choice)> {
        self.done.take()
    }

    fn polygon(&self) -> Vec<Pos2> {
        match (self.outline, self.corners.as_slice()) {
            (Outline::Rectangle, &[a, b]) => {
                let rect = Rect::from_two_pos(a, b);
                vec![
                    rect.left_top(),
                    rect.right_top(),
                    rect.right_bottom(),
                    rect.left_bottom(),
                ]
            }
            (Outline::Rectangle, _) => Vec::new(),
            (_, corners) => corners.to_vec(),
        }
    }

    /// Draws the outline so far.
    pub(super) fn paint(&self, painter: &Painter, tokens: &Tokens) {
        let polygon = self.polygon();
        if self.outline == Outline::None || polygon.len() < 2 {
            return;
        }
        let colour = if self.how == Choice::Subtract {
            tokens.warn
        } else {
            tokens.accent
        };
        if self.outline == Outline::Rectangle {
            let fill = colour.gamma_multiply(0.12);
            painter.rect_filled(Rect::from_points(&polygon), 0.0, fill);
        }
        painter.add(Shape::closed_line(polygon, Stroke::new(1.5, colour)));
    }
}
