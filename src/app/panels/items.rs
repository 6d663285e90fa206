//! No items yet.

use eframe::egui::Ui;

use super::{Cx, Panel};
use crate::app::fonts::icon;
use crate::app::widgets::empty_ui;

/// The panel.
#[derive(Default)]
pub(super) struct ItemsPanel;

impl Panel for ItemsPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        empty_ui(
            ui,
            cx.tokens,
            icon::GRID,
            "No items yet",
            "The pictures of the data appear here",
            |_| {},
        );
    }
}
