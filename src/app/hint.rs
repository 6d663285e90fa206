//! The one quiet hint of the first use.
//!
//! Invariant: what was tried once is never suggested again.

use serde::{Deserialize, Serialize};

/// Something worth trying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hint {
    DragSlider,
    ClickPoint,
}

impl Hint {
    /// What it says.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::DragSlider => "Drag a slider: the picture follows",
            Self::ClickPoint => "Click a point: its neighbours appear below",
        }
    }
}

/// What was tried so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tried {
    slider: bool,
    point: bool,
}

impl Tried {
    /// All there is to try.
    pub(crate) const ALL: Self = Self {
        slider: true,
        point: true,
    };

    /// What to try next.
    pub(crate) fn next(self) -> Option<Hint> {
        match self {
            Self { slider: false, .. } => Some(Hint::DragSlider),
            Self { point: false, .. } => Some(Hint::ClickPoint),
            _ => None,
        }
    }

    /// Notes that `hint` was done, whether it was suggested or not.
    pub(crate) fn note(&mut self, hint: Hint) {
        match hint {
            Hint::DragSlider => self.slider = true,
            Hint::ClickPoint => self.point = true,
        }
    }
}
