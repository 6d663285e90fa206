//! The overlays that explain: every key, and what this program is.
//!
//! Invariant: the list of keys is made from the commands and the gestures themselves.

use eframe::egui::{self, Context, Frame, Grid, Id, Modal, RichText, ScrollArea};

use super::application::Overlay;
use super::command::Command;
use super::gesture::Gesture;
use super::theme::{self, Tokens};

/// Draws the overlay that is open, if one is.
pub(super) fn overlay_ui(ctx: &Context, open: &mut Option<Overlay>, tokens: &Tokens) {
    let Some(overlay) = open.filter(|o| *o != Overlay::Palette) else {
        return;
    };
    let frame = Frame::popup(&ctx.global_style()).inner_margin(theme::DOUBLE + theme::HALF);
    let modal = Modal::new(Id::unique("overlay"));
    let modal = modal.frame(frame).show(ctx, |ui| {
        ui.set_width(440.0);
        match overlay {
            Overlay::Shortcuts => shortcuts_ui(ui, tokens),
            Overlay::About => about_ui(ui, tokens),
            // Has a window of its own.
            Overlay::Palette => {}
        }
        ui.add_space(theme::DOUBLE);
        ui.vertical_centered(|ui| ui.button("Close").clicked())
            .inner
    });
    if modal.inner || modal.should_close() {
        *open = None;
    }
}

fn shortcuts_ui(ui: &mut egui::Ui, tokens: &Tokens) {
    ui.heading("Shortcuts");
    ui.add_space(theme::STEP);
    ScrollArea::vertical().max_height(480.0).show(ui, |ui| {
        Grid::new("shortcuts")
            .num_columns(2)
            .spacing([theme::DOUBLE, 6.0])
            .show(ui, |ui| {
                for command in Command::all() {
                    let describe = command.describe();
                    if let Some(shortcut) = describe.shortcut {
                        let keys = ui.ctx().format_shortcut(&shortcut);
                        ui.label(
                            RichText::new(keys)
                                .font(theme::strong(theme::BODY))
                                .color(tokens.text_strong),
                        );
                        ui.label(RichText::new(describe.tooltip).color(tokens.text));
                        ui.end_row();
                    }
                }
                for gesture in Gesture::all() {
                    ui.label(
                        RichText::new(gesture.keys(ui.ctx()))
                            .font(theme::strong(theme::BODY))
                            .color(tokens.text_strong),
                    );
                    let what = format!("{}: {}", gesture.on.name(), gesture.what);
                    ui.label(RichText::new(what).color(tokens.text));
                    ui.end_row();
                }
            });
    });
}

fn about_ui(ui: &mut egui::Ui, tokens: &Tokens) {
    ui.heading("Morphospace");
    ui.label(RichText::new(concat!("Version ", env!("CARGO_PKG_VERSION"))).color(tokens.text_weak));
    ui.add_space(theme::STEP);
    ui.label(
        "The space of all forms a thing could take. Train or load an auto-encoder, walk through its codes, and see \
         why neighbours there are better neighbours than those among pixels.",
    );
    ui.add_space(theme::STEP);
    ui.label(
        RichText::new(
            "Licensed under MIT or Apache-2.0. Inter is licensed under the SIL Open Font License 1.1, Phosphor icons \
             under MIT.",
        )
        .color(tokens.text_weak),
    );
}
