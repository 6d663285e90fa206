//! What comes back at the next start.
//!
//! Invariant: stored values are checked when they are loaded; what does not fit is replaced by defaults.

use std::path::PathBuf;

use eframe::egui::Theme;
use serde::{Deserialize, Serialize};

use super::hint::Tried;
use super::layout::Layout;
use super::view::View;

/// Changes whenever [`Saved`] or the set of panels changes its meaning.
const KEY: &str = "morphospace-window-3";

/// What is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    pub is_dark: bool,
    pub is_smooth: bool,
    pub layout: Layout,
    pub recent: Vec<PathBuf>,
    pub tried: Tried,
    /// The last view, with the data and the model it was a view of.
    pub view: Option<(String, String, View)>,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            is_dark: true,
            is_smooth: true,
            layout: Layout::default(),
            recent: Vec::new(),
            tried: Tried::default(),
            view: None,
        }
    }
}

impl Saved {
    /// What the last start left, or the defaults.
    pub(crate) fn load(storage: Option<&dyn eframe::Storage>) -> Self {
        let mut saved: Self = storage
            .and_then(|s| eframe::get_value(s, KEY))
            .unwrap_or_default();
        saved.layout = saved.layout.checked();
        saved.recent.retain(|path| path.exists());
        saved
    }

    /// Leaves this for the next start.
    pub(crate) fn store(&self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, KEY, self);
    }

    pub(crate) fn theme(&self) -> Theme {
        if self.is_dark {
            Theme::Dark
        } else {
            Theme::Light
        }
    }
}
