//! No path yet.

use eframe::egui::Ui;

use super::{Cx, Panel};
use crate::app::fonts::icon;
use crate::app::widgets::empty_ui;

/// The panel.
#[derive(Default)]
pub(super) struct PathPanel;

impl Panel for PathPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        empty_ui(
            ui,
            cx.tokens,
            icon::PATH,
            "No path yet",
            "Add codes to a path and walk along it",
            |_| {},
        );
    }
}
