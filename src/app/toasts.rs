//! Short notices in the corner of the window, which leave by themselves.
//!
//! Invariant: a notice stays while the pointer rests on it; everything it says is in the log as well.

use eframe::egui::{
    Align2, Area, Button, Context, Frame, Id, Label, Margin, Order, RichText, Stroke, Ui,
};

use super::fonts::icon;
use super::state::Level;
use super::theme::{self, Tokens};
use super::widgets::set_name;

/// Notices shown at once.
const SHOWN: usize = 4;
/// Width of a notice's text, in points.
const TEXT_WIDTH: f32 = 320.0;

struct Toast {
    level: Level,
    text: String,
    /// When it leaves, in seconds on egui's clock.
    until: f64,
}

/// The notices that are shown.
#[derive(Default)]
pub(crate) struct Toasts(Vec<Toast>);

impl Toasts {
    /// Shows a notice; failures stay longer than other news.
    pub(crate) fn push(&mut self, ctx: &Context, level: Level, text: impl Into<String>) {
        let secs = if level == Level::Error { 12.0 } else { 5.0 };
        let text = text.into();
        // The same news again stays longer; it does not pile up.
        self.0
            .retain(|own| (own.level, &own.text) != (level, &text));
        if self.0.len() == SHOWN {
            self.0.remove(0);
        }
        self.0.push(Toast {
            level,
            text,
            until: ctx.input(|i| i.time) + secs,
        });
    }

    /// Draws them, newest at the bottom.
    pub(crate) fn show_ui(&mut self, ctx: &Context, tokens: &Tokens) {
        let now = ctx.input(|i| i.time);
        self.0.retain(|toast| toast.until > now);
        if self.0.is_empty() {
            return;
        }
        let area = Area::new(Id::unique("toasts"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, [-16.0, -40.0]);
        let shown = area.show(ctx, |ui| {
            let is_dismissed = |toast: &Toast| toast_ui(ui, tokens, toast);
            let dismissed: Vec<bool> = self.0.iter().map(is_dismissed).collect();
            let mut dismissed = dismissed.into_iter();
            self.0.retain(|_| dismissed.next() != Some(true));
        });
        if shown.response.contains_pointer() {
            for toast in &mut self.0 {
                toast.until = toast.until.max(now + 3.0);
            }
        }
        ctx.request_repaint_after_secs(0.25);
    }
}

/// Draws one. Returns whether it was closed.
fn toast_ui(ui: &mut Ui, tokens: &Tokens, toast: &Toast) -> bool {
    let (glyph, colour) = match toast.level {
        Level::Info => (icon::INFO, tokens.accent),
        Level::Success => (icon::CHECK, tokens.good),
        Level::Error => (icon::ERROR, tokens.bad),
    };
    let frame = Frame::popup(ui.style())
        .fill(tokens.raised)
        .stroke(Stroke::new(1.0, tokens.line_strong))
        .inner_margin(Margin::symmetric(12, 10));
    let shown = frame.show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(glyph).size(theme::TITLE).color(colour));
            ui.vertical(|ui| {
                ui.set_width(TEXT_WIDTH);
                ui.add(Label::new(RichText::new(&toast.text).color(tokens.text_strong)).wrap());
            });
            let close =
                ui.add(Button::new(RichText::new(icon::CLOSE).size(theme::CAPTION)).frame(false));
            set_name(&close, "Dismiss");
            close
                .on_hover_text("Close this notice; the log keeps it")
                .clicked()
        })
    });
    shown.inner.inner
}
