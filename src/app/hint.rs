//! The one quiet hint of the first use.
//!
//! Invariant: it only moves forward, and never returns once everything was tried.

use serde::{Deserialize, Serialize};

/// What to try next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Hint {
    #[default]
    DragSlider,
    ClickPoint,
    Done,
}

impl Hint {
    /// What it says.
    pub(crate) fn text(self) -> Option<&'static str> {
        match self {
            Self::DragSlider => Some("Drag a slider: the picture follows"),
            Self::ClickPoint => Some("Click a point: its neighbours appear below"),
            Self::Done => None,
        }
    }

    /// Notes that `tried` was done.
    pub(crate) fn tried(&mut self, tried: Self) {
        if *self == tried {
            *self = match tried {
                Self::DragSlider => Self::ClickPoint,
                Self::ClickPoint | Self::Done => Self::Done,
            };
        }
    }
}
