//! One coordinate of the code: name, histogram with a handle on it, number, lock and solo.
//!
//! Invariant: the handle's place and the number show the same value; the widget itself keeps none.

use std::sync::Arc;

use eframe::egui::accesskit::{Action, ActionData};
use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    self, Align2, Color32, CornerRadius, CursorIcon, DragValue, Event, EventFilter, Galley, Id,
    Key, Rect, Response, Sense, Shape, Stroke, Ui, WidgetInfo,
};

use super::set_name;
use crate::app::fonts::icon;
use crate::app::gesture::On;
use crate::app::theme::{self, Tokens};

/// The name's width at least; longer names are made room for, up to `MOST_NAME` of the row.
const NAME_WIDTH: f32 = 76.0;
const MOST_NAME: f32 = 0.34;
/// The name's width in a row narrower than `NARROW`: the note stands in the tooltip alone.
const SHORT_NAME_WIDTH: f32 = 42.0;
const NARROW: f32 = 248.0;
const NUMBER_WIDTH: f32 = 52.0;
const HEIGHT: f32 = 28.0;

/// Width of the lock and of the solo button together.
const SWITCHES: f32 = 36.0;

/// What is shown of a coordinate.
pub(crate) struct CodeSlider<'a> {
    /// Tells it from the other sliders of the panel.
    pub id: usize,
    /// What is written at its left.
    pub short: &'a str,
    /// The longest of what is written at the left of the panel's sliders: all tracks begin behind it.
    pub longest: &'a str,
    /// What screen readers say.
    pub name: &'a str,
    /// What it counts for, such as `3.2 nats`; written small.
    pub note: &'a str,
    pub value: f32,
    pub range: (f32, f32),
    /// Where a double click goes.
    pub mean: f32,
    pub is_locked: bool,
    /// Whether the picture shows this coordinate alone.
    pub is_solo: bool,
    /// Heights of the histogram's bins, in `[0, 1]`, over `range`; empty before there are codes.
    pub histogram: &'a [f32],
    /// The same of the selected items; empty where none are.
    pub marks: &'a [f32],
    pub is_active: bool,
}

/// What was done to a slider.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Moved {
    To(f32),
    Lock,
    Solo,
}

/// A name on one line, cut off where it is wider than `width`; all of it stands in the tooltip.
fn galley(ui: &Ui, name: &str, colour: Color32, width: f32) -> Arc<Galley> {
    let font = theme::strong(theme::BODY);
    let mut job = LayoutJob::simple_singleline(name.to_owned(), font, colour);
    job.wrap = TextWrapping::truncate_at_width(width);
    ui.painter().layout_job(job)
}

impl CodeSlider<'_> {
    /// Draws it over the whole width. Returns what was done to it, if anything.
    pub(crate) fn show_ui(&self, ui: &mut Ui, tokens: &Tokens) -> Option<Moved> {
        let (row, response) =
            ui.allocate_exact_size(egui::vec2(ui.available_width(), HEIGHT), Sense::hover());
        let is_near = response.contains_pointer();
        let name_width = if row.width() < NARROW {
            SHORT_NAME_WIDTH
        } else {
            let longest = galley(ui, self.longest, tokens.text_strong, f32::INFINITY);
            let wanted = longest.size().x + theme::STEP;
            wanted.min(MOST_NAME * row.width()).max(NAME_WIDTH)
        };
        let (name, rest) = row.split_left_right_at_x(row.left() + name_width);
        let (track, right) =
            rest.split_left_right_at_x(rest.right() - NUMBER_WIDTH - SWITCHES - theme::HALF);
        self.paint_name(ui, tokens, name);
        let (number, switches) = right.split_left_right_at_x(right.right() - SWITCHES);
        let switched = self.switches_ui(ui, tokens, switches, is_near);
        let track = track.shrink2(egui::vec2(7.0, 2.0));
        let moved = ui
            .add_enabled_ui(!self.is_locked, |ui| {
                let moved = self.track_ui(ui, tokens, track);
                let number =
                    Rect::from_center_size(number.center(), egui::vec2(NUMBER_WIDTH, 20.0));
                moved.or_else(|| self.number_ui(ui, number))
            })
            .inner;
        switched.or(moved.map(Moved::To))
    }

    /// The lock and the solo button, faint until one is near or it is on.
    fn switches_ui(
        &self,
        ui: &mut Ui,
        tokens: &Tokens,
        rect: Rect,
        is_near: bool,
    ) -> Option<Moved> {
        let lock = if self.is_locked {
            icon::LOCK
        } else {
            icon::UNLOCKED
        };
        let switches = [
            (
                lock,
                self.is_locked,
                Moved::Lock,
                "Lock",
                "Keep this as it is when others are drawn at random or reset",
            ),
            (
                icon::SOLO,
                self.is_solo,
                Moved::Solo,
                "Solo",
                "Show what this does alone, with all others at the mean",
            ),
        ];
        let mut done = None;
        for (i, (glyph, is_on, what, word, tip)) in switches.into_iter().enumerate() {
            let cell = Rect::from_min_size(
                rect.min + egui::vec2(i as f32 * SWITCHES / 2.0, 0.0),
                egui::vec2(SWITCHES / 2.0, rect.height()),
            );
            let id = ui.scope_id().with((word, self.id));
            let response = ui.interact(cell, id, Sense::click());
            let colour = match (is_on, response.hovered(), is_near) {
                (true, ..) => tokens.accent,
                (_, true, _) => tokens.text_strong,
                (_, _, true) => tokens.text_weak,
                _ => tokens.line_strong,
            };
            ui.painter().text(
                cell.center(),
                Align2::CENTER_CENTER,
                glyph,
                theme::regular(theme::CAPTION),
                colour,
            );
            let name = format!("{word} {}", self.name);
            response.widget_info(|| WidgetInfo::selected(egui::Role::CheckBox, true, is_on, &name));
            if response.on_hover_text(tip).clicked() {
                done = Some(what);
            }
        }
        done
    }

    fn paint_name(&self, ui: &Ui, tokens: &Tokens, rect: Rect) {
        let colour = if self.is_active {
            tokens.text_strong
        } else {
            tokens.text_weak
        };
        let painter = ui.painter();
        let name = galley(ui, self.short, colour, rect.width() - theme::HALF);
        let name_width = name.size().x;
        let at = rect.left_center() - egui::vec2(0.0, name.size().y / 2.0);
        painter.galley(at, name, colour);
        let right = rect.right_center() - egui::vec2(theme::HALF, 0.0);
        let font = theme::regular(10.0);
        let note = painter.layout_no_wrap(self.note.to_owned(), font, tokens.text_faint);
        if name_width + note.size().x + theme::STEP < rect.width() {
            let at = right - egui::vec2(note.size().x, note.size().y / 2.0);
            painter.galley(at, note, tokens.text_faint);
        }
    }

    fn track_ui(&self, ui: &mut Ui, tokens: &Tokens, rect: Rect) -> Option<f32> {
        let id = ui.scope_id().with(("slider", self.id));
        let response = ui.interact(
            rect.expand2(egui::vec2(6.0, 0.0)),
            id,
            Sense::click_and_drag(),
        );
        let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
        self.paint_track(ui, tokens, rect, &response);
        response
            .widget_info(|| WidgetInfo::slider(ui.is_enabled(), f64::from(self.value), self.name));
        response.ctx.accesskit_node_builder(response.id, |node| {
            for action in [Action::SetValue, Action::Increment, Action::Decrement] {
                node.add_action(action);
            }
        });
        let moved = self
            .moved(ui, rect, &response)
            .or_else(|| self.told(ui, response.id));
        if !response.dragged() {
            let tip = On::Slider.tip(ui.ctx());
            response.on_hover_text(format!("{}, {}\n{tip}", self.name, self.note));
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
        for (i, &height) in self.marks.iter().enumerate().filter(|(_, h)| **h > 0.0) {
            let left = rect.left() + i as f32 * bar_width;
            let top = base - (rect.height() - 6.0) * height;
            painter.rect_filled(
                Rect::from_min_max(
                    egui::pos2(left + 0.5, top),
                    egui::pos2(left + bar_width - 0.5, (top + 2.0).min(base)),
                ),
                CornerRadius::ZERO,
                tokens.second,
            );
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
            &format!("Value of {}", self.name.to_lowercase()),
        );
        (response.inner.changed() && value.is_finite()).then_some(value)
    }
}
