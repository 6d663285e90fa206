//! No directions yet.

use eframe::egui::Ui;

use super::{Cx, Panel};
use crate::app::fonts::icon;
use crate::app::widgets::empty_ui;

/// The panel.
#[derive(Default)]
pub(super) struct DirectionsPanel;

impl Panel for DirectionsPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        empty_ui(
            ui,
            cx.tokens,
            icon::COMPASS,
            "No directions yet",
            "A direction leads from items without an attribute to items with it",
            |_| {},
        );
    }
}
