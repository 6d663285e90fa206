//! The command palette: every command by typing a part of its name.
//!
//! Invariant: what it offers is made from the commands themselves and from what is loaded; it keeps only what was typed.

use eframe::egui::{
    self, Align, Align2, Context, Frame, Id, Key, Modal, Modifiers, RichText, ScrollArea, Sense,
    TextEdit, Ui,
};

use super::command::{Action, Command, Outbox};
use super::theme::{self, Tokens};
use super::widgets::{set_name, shortcut_of};

/// Something the palette offers.
pub(crate) struct Offer {
    pub text: String,
    pub tip: String,
    pub icon: &'static str,
    pub shortcut: String,
    pub action: Action,
}

impl Offer {
    /// A command as an offer.
    pub(crate) fn of(ctx: &Context, command: Command) -> Self {
        let describe = command.describe();
        Self {
            text: match command {
                Command::TogglePanel(_) => format!("{} panel", describe.text),
                _ => describe.text.to_owned(),
            },
            tip: describe.tooltip.to_owned(),
            icon: describe.icon,
            shortcut: shortcut_of(ctx, command),
            action: Action::Run(command),
        }
    }

    /// Something else than a command.
    pub(crate) fn new(icon: &'static str, text: String, tip: &str, action: Action) -> Self {
        Self {
            text,
            tip: tip.to_owned(),
            icon,
            shortcut: String::new(),
            action,
        }
    }
}

/// What was typed, and which line is chosen.
#[derive(Default)]
pub(crate) struct CommandPalette {
    query: String,
    line: usize,
}

impl CommandPalette {
    /// Draws it over the window. Returns whether it is to be closed.
    pub(crate) fn show_ui(
        &mut self,
        ctx: &Context,
        tokens: &Tokens,
        offers: Vec<Offer>,
        out: &mut Outbox,
    ) -> bool {
        let (up, down, enter) = ctx.input_mut(|i| {
            (
                i.consume_key(Modifiers::NONE, Key::ArrowUp),
                i.consume_key(Modifiers::NONE, Key::ArrowDown),
                i.consume_key(Modifiers::NONE, Key::Enter),
            )
        });
        let found = ranked(&self.query, offers);
        self.line = self.line.min(found.len().saturating_sub(1));
        if down {
            self.line = (self.line + 1).min(found.len().saturating_sub(1));
        }
        if up {
            self.line = self.line.saturating_sub(1);
        }
        let mut chosen = enter.then_some(self.line);
        let frame = Frame::popup(&ctx.global_style()).inner_margin(theme::STEP);
        let area = Modal::default_area(Id::unique("command palette"))
            .anchor(Align2::CENTER_TOP, egui::vec2(0.0, 96.0));
        let modal = Modal::new(Id::unique("command palette"))
            .area(area)
            .frame(frame);
        let shown = modal.show(ctx, |ui| {
            ui.set_width(520.0);
            let edit = TextEdit::singleline(&mut self.query)
                .hint_text("Type a command")
                .font(theme::regular(theme::TITLE))
                .margin(egui::Margin::symmetric(10, 8))
                .desired_width(f32::INFINITY);
            let edit = ui.add(edit);
            set_name(&edit, "Command");
            edit.request_focus();
            if edit.changed() {
                self.line = 0;
            }
            ui.add_space(theme::HALF);
            ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                if found.is_empty() {
                    ui.add_space(theme::STEP);
                    ui.label(
                        RichText::new("No command has this in its name").color(tokens.text_weak),
                    );
                }
                for (i, offer) in found.iter().enumerate() {
                    let response = line_ui(ui, tokens, offer, i == self.line);
                    if i == self.line && (up || down) {
                        response.scroll_to_me(Some(Align::Center));
                    }
                    if response.clicked() {
                        chosen = Some(i);
                    }
                }
            });
        });
        if let Some(offer) = chosen.and_then(|i| found.into_iter().nth(i)) {
            out.act(offer.action);
            return true;
        }
        shown.should_close()
    }
}

fn line_ui(ui: &mut Ui, tokens: &Tokens, offer: &Offer, is_chosen: bool) -> egui::Response {
    let size = egui::vec2(ui.available_width(), 30.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if is_chosen || response.hovered() {
        let fill = if is_chosen {
            tokens.accent_soft
        } else {
            tokens.raised
        };
        ui.painter().rect_filled(rect, theme::RADIUS_SMALL, fill);
    }
    let painter = ui.painter().with_clip_rect(rect);
    let middle = rect.left_center();
    let weak = tokens.text_weak;
    painter.text(
        middle + egui::vec2(10.0, 0.0),
        Align2::LEFT_CENTER,
        offer.icon,
        theme::regular(theme::BODY),
        weak,
    );
    let text = painter.text(
        middle + egui::vec2(34.0, 0.0),
        Align2::LEFT_CENTER,
        &offer.text,
        theme::strong(theme::BODY),
        tokens.text_strong,
    );
    let keys = painter.text(
        rect.right_center() - egui::vec2(10.0, 0.0),
        Align2::RIGHT_CENTER,
        &offer.shortcut,
        theme::regular(theme::CAPTION),
        weak,
    );
    let tip = rect
        .with_min_x(text.right() + 12.0)
        .with_max_x(keys.left() - 12.0);
    ui.painter().with_clip_rect(tip).text(
        tip.left_center(),
        Align2::LEFT_CENTER,
        &offer.tip,
        theme::regular(theme::CAPTION),
        tokens.text_faint,
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &offer.text));
    response
}

/// The offers that hold what was typed, the best first.
fn ranked(query: &str, offers: Vec<Offer>) -> Vec<Offer> {
    let mut found: Vec<(u32, Offer)> = offers
        .into_iter()
        .filter_map(|offer| Some((score(query, &offer.text, &offer.tip)?, offer)))
        .collect();
    found.sort_by_key(|(score, _)| *score);
    found.into_iter().map(|(_, offer)| offer).collect()
}

/// How far `text` is from what was typed, small is near; none where it is something else. Every word typed has to be in
/// the name or, which counts less, in its explanation; initials count too.
fn score(query: &str, text: &str, tip: &str) -> Option<u32> {
    let (text, tip) = (text.to_lowercase(), tip.to_lowercase());
    let initials: String = text
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| word.chars().next())
        .collect();
    let mut sum = 0;
    for word in query.to_lowercase().split_whitespace() {
        sum += if text.starts_with(word) {
            0
        } else if text
            .split(|c: char| !c.is_alphanumeric())
            .any(|w| w.starts_with(word))
        {
            1
        } else if text.contains(word) {
            2
        } else if word.len() > 1 && initials.starts_with(word) {
            3
        } else if tip.contains(word) {
            5
        } else {
            return None;
        };
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_begins_with_what_was_typed_comes_first() {
        let order = |query: &str| {
            let near = |text: &str| score(query, text, "");
            [
                near("Random code"),
                near("Reset sliders"),
                near("Colour by random"),
            ]
        };
        assert_eq!(order("random"), [Some(0), None, Some(1)]);
        assert_eq!(order("rs"), [None, Some(2), None]);
        assert_eq!(score("cp", "Command palette", ""), Some(3));
        assert_eq!(order("code ran"), [Some(1), None, None]);
        assert_eq!(order(""), [Some(0); 3]);
    }
}
