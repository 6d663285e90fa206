//! One dimension of the code: name, histogram with a handle on it, number.
//!
//! Invariant: the handle's place and the number show the same value; the widget itself keeps none.

use eframe::egui::accesskit::{Action, ActionData};
use eframe::egui::{
    self, Align2, CornerRadius, CursorIcon, DragValue, Event, EventFilter, Id, Key, Rect, Response,
    Sense, Shape, Stroke, Ui, WidgetInfo,
};

use super::set_name;
use crate::app::format;
use crate::app::theme::{self, Tokens};

const NAME_WIDTH: f32 = 76.0;
const NUMBER_WIDTH: f32 = 52.0;
const HEIGHT: f32 = 28.0;

/// What is shown of a dimension.
pub(crate) struct CodeSlider<'a> {
    pub dim: usize,
    pub value: f32,
    pub range: (f32, f32),
    /// Where a double click goes.
    pub mean: f32,
    /// Nats, on average over the items.
    pub kl: f32,
    /// Heights of the histogram's bins, in `[0, 1]`, over `range`; empty before there are codes.
    pub histogram: &'a [f32],
    pub is_active: bool,
}

impl CodeSlider<'_> {
    /// Draws it over the whole width. Returns where it was moved to, if it was.
    pub(crate) fn show_ui(&self, ui: &mut Ui, tokens: &Tokens) -> Option<f32> {
        let (row, _) =
            ui.allocate_exact_size(egui::vec2(ui.available_width(), HEIGHT), Sense::hover());
        let (name, rest) = row.split_left_right_at_x(row.left() + NAME_WIDTH);
        let (track, number) = rest.split_left_right_at_x(rest.right() - NUMBER_WIDTH - theme::STEP);
        self.paint_name(ui, tokens, name);
        let moved = self.track_ui(ui, tokens, track.shrink2(egui::vec2(7.0, 2.0)));
        let number = Rect::from_center_size(number.center(), egui::vec2(NUMBER_WIDTH, 20.0))
            .translate(egui::vec2(4.0, 0.0));
        moved.or_else(|| self.number_ui(ui, number))
    }

    fn paint_name(&self, ui: &Ui, tokens: &Tokens, rect: Rect) {
        let colour = if self.is_active {
            tokens.text_strong
        } else {
            tokens.text_weak
        };
        let painter = ui.painter();
        painter.text(
            rect.left_center(),
            Align2::LEFT_CENTER,
            format::dimension(self.dim),
            theme::strong(theme::BODY),
            colour,
        );
        let nats = format!("{} nats", format::number(self.kl));
        let right = rect.right_center() - egui::vec2(theme::HALF, 0.0);
        painter.text(
            right,
            Align2::RIGHT_CENTER,
            nats,
            theme::regular(10.0),
            tokens.text_faint,
        );
    }

    fn track_ui(&self, ui: &mut Ui, tokens: &Tokens, rect: Rect) -> Option<f32> {
        let id = ui.scope_id().with(("slider", self.dim));
        let response = ui.interact(
            rect.expand2(egui::vec2(6.0, 0.0)),
            id,
            Sense::click_and_drag(),
        );
        let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
        self.paint_track(ui, tokens, rect, &response);
        let name = format!("Dimension {}", self.dim + 1);
        response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), f64::from(self.value), &name));
        response.ctx.accesskit_node_builder(response.id, |node| {
            for action in [Action::SetValue, Action::Increment, Action::Decrement] {
                node.add_action(action);
            }
        });
        let moved = self
            .moved(ui, rect, &response)
            .or_else(|| self.told(ui, response.id));
        if !response.dragged() {
            response.on_hover_text(format!(
                "Dimension {}: drag to walk along it, double-click for its mean, arrow keys for small steps",
                self.dim + 1
            ));
        }
        moved
    }

    fn moved(&self, ui: &Ui, rect: Rect, response: &Response) -> Option<f32> {
        let (low, high) = self.range;
        if response.double_clicked() {
            return Some(self.mean);
        }
        if response.clicked() || response.dragged() {
            response.request_focus();
        }
        if let Some(pointer) = response
            .interact_pointer_pos()
            .filter(|_| response.is_pointer_button_down_on())
        {
            let share = ((pointer.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
            return Some(low + share * (high - low));
        }
        if response.has_focus() {
            let filter = EventFilter {
                horizontal_arrows: true,
                ..EventFilter::default()
            };
            ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
            let steps: f32 = ui.input(|input| {
                let pressed = |event: &Event| match event {
                    Event::Key {
                        key: Key::ArrowRight,
                        pressed: true,
                        ..
                    } => 1.0,
                    Event::Key {
                        key: Key::ArrowLeft,
                        pressed: true,
                        ..
                    } => -1.0,
                    _ => 0.0,
                };
                input.events.iter().map(pressed).sum()
            });
            if steps != 0.0 {
                return Some((self.value + steps * (high - low) / 100.0).clamp(low, high));
            }
        }
        None
    }

    /// Where a screen reader moved it to.
    fn told(&self, ui: &Ui, id: Id) -> Option<f32> {
        let (low, high) = self.range;
        ui.input(|input| {
            let set = input
                .accesskit_action_requests(id, Action::SetValue)
                .find_map(|r| match r.data {
                    Some(ActionData::NumericValue(value)) => Some(value as f32),
                    _ => None,
                });
            let count = |action| input.num_accesskit_action_requests(id, action) as f32;
            let steps = count(Action::Increment) - count(Action::Decrement);
            set.or_else(|| (steps != 0.0).then(|| self.value + steps * (high - low) / 100.0))
                .map(|value| value.clamp(low, high))
        })
    }

    fn paint_track(&self, ui: &Ui, tokens: &Tokens, rect: Rect, response: &Response) {
        let (low, high) = self.range;
        let x_of = |value: f32| egui::remap_clamp(value, low..=high, rect.x_range());
        let is_lit = response.hovered() || response.dragged() || response.has_focus();
        let painter = ui.painter();
        let base = rect.bottom() - 3.0;
        let here = x_of(self.value);
        let from = x_of(self.mean);
        let bar_width = rect.width() / self.histogram.len().max(1) as f32;
        for (i, &height) in self.histogram.iter().enumerate() {
            let left = rect.left() + i as f32 * bar_width;
            let centre = left + bar_width / 2.0;
            let is_between = (centre >= from.min(here)) && (centre <= from.max(here));
            let colour = match (is_between, is_lit) {
                (true, _) => tokens.accent.gamma_multiply(0.55),
                (false, true) => tokens.line_strong,
                (false, false) => tokens.hover,
            };
            if height > 0.0 {
                let top = base - (rect.height() - 6.0) * height;
                let bar = Rect::from_min_max(
                    egui::pos2(left + 0.5, top),
                    egui::pos2(left + bar_width - 0.5, base),
                );
                painter.rect_filled(bar, CornerRadius::same(1), colour);
            }
        }
        let rail = |x: [f32; 2], colour| {
            Shape::line_segment(
                [egui::pos2(x[0], base), egui::pos2(x[1], base)],
                Stroke::new(2.0, colour),
            )
        };
        painter.add(rail([rect.left(), rect.right()], tokens.line_strong));
        painter.add(rail([from.min(here), from.max(here)], tokens.accent));
        painter.circle_filled(egui::pos2(from, base), 2.0, tokens.text_faint);
        let handle = Rect::from_center_size(
            egui::pos2(here, rect.center().y + 1.0),
            egui::vec2(5.0, rect.height() - 2.0),
        );
        let colour = if is_lit {
            tokens.text_strong
        } else {
            tokens.text
        };
        painter.rect(
            handle,
            CornerRadius::same(3),
            colour,
            Stroke::new(2.0, tokens.surface),
            egui::StrokeKind::Outside,
        );
        if response.has_focus() {
            painter.rect_stroke(
                handle.expand(2.0),
                CornerRadius::same(4),
                Stroke::new(1.0, tokens.accent),
                egui::StrokeKind::Outside,
            );
        }
    }

    fn number_ui(&self, ui: &mut Ui, rect: Rect) -> Option<f32> {
        let mut value = self.value;
        let (low, high) = self.range;
        let number = DragValue::new(&mut value)
            .speed((high - low) / 400.0)
            .fixed_decimals(2)
            .update_while_editing(false);
        let response = ui.scope(|ui| {
            ui.spacing_mut().interact_size = rect.size();
            ui.spacing_mut().button_padding = egui::vec2(4.0, 2.0);
            ui.put(rect, number)
        });
        set_name(
            &response.inner,
            &format!("Value of dimension {}", self.dim + 1),
        );
        (response.inner.changed() && value.is_finite()).then_some(value)
    }
}
