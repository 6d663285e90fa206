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
        // As JSON: the desktop's own format cannot bring every part of a view back.
        let mut saved: Self = storage
            .and_then(|s| s.get_string(KEY))
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        saved.layout = saved.layout.checked();
        saved.recent.retain(|path| path.exists());
        saved
    }

    /// Leaves this for the next start.
    pub(crate) fn store(&self, storage: &mut dyn eframe::Storage) {
        match serde_json::to_string(self) {
            Ok(text) => storage.set_string(KEY, text),
            Err(error) => tracing::error!("the window's state could not be kept: {error}"),
        }
    }

    pub(crate) fn theme(&self) -> Theme {
        if self.is_dark {
            Theme::Dark
        } else {
            Theme::Light
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::view::{BasisKind, Focus};
    use crate::space::path::{KeyFrame, Path};
    use crate::space::{MapMethod, NamedSelection, Selection};

    #[test]
    fn what_is_stored_comes_back() -> Result<(), Box<dyn std::error::Error>> {
        let mut view = View {
            focus: Focus::Item(3),
            code: vec![0.5, -1.25],
            map: MapMethod::Umap {
                neighbours: 15,
                min_distance: 0.1,
                epochs: 0,
                seed: 7,
            },
            path: Path::new(vec![
                KeyFrame::new(vec![0.0, 1.0], 1.0),
                KeyFrame::new(vec![2.0, 3.0], 0.5),
            ])?,
            selection: Selection::from_ids(9, [1, 2, 5]),
            ..View::default()
        };
        view.locked.insert((BasisKind::Components, 4));
        view.named.push(NamedSelection {
            name: "a name".to_owned(),
            selection: Selection::from_ids(9, [8]),
        });
        let saved = Saved {
            is_dark: false,
            view: Some(("data".to_owned(), "model".to_owned(), view.clone())),
            ..Saved::default()
        };
        let text = serde_json::to_string(&saved)?;
        let mut back: Saved = serde_json::from_str(&text)?;
        let Some((_, _, again)) = &mut back.view else {
            return Err("no view came back".into());
        };
        // A selection is stored up to its last item.
        again.selection.resize(9);
        assert_eq!(*again, view);
        assert!(!back.is_dark);
        Ok(())
    }
}
