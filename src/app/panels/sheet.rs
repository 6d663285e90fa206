//! No sheet yet.

use eframe::egui::Ui;

use super::{Cx, Panel};
use crate::app::fonts::icon;
use crate::app::widgets::empty_ui;

/// The panel.
#[derive(Default)]
pub(super) struct SheetPanel;

impl Panel for SheetPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        empty_ui(
            ui,
            cx.tokens,
            icon::SHEET,
            "No sheet yet",
            "A sheet sweeps two dimensions of the code",
            |_| {},
        );
    }
}
