//! Nothing selected.

use eframe::egui::Ui;

use super::{Cx, Panel};
use crate::app::fonts::icon;
use crate::app::widgets::empty_ui;

/// The panel.
#[derive(Default)]
pub(super) struct SelectionPanel;

impl Panel for SelectionPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        empty_ui(
            ui,
            cx.tokens,
            icon::SELECTION,
            "Nothing selected",
            "Shift-drag on the map, or draw a lasso, to select items",
            |_| {},
        );
    }
}
