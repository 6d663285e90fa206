//! What is shown of what is loaded: small, serialisable, with undo and redo.
//!
//! Invariant: a [`View`] holds no derived data, such as decoded pictures or codes of items; those follow from it.

use serde::{Deserialize, Serialize};

use crate::data::Picture;

/// What the colour of a point on the map says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Colouring {
    /// Whatever the data offers first: its classes, else its first factor.
    #[default]
    Auto,
    /// Nothing: every point has the same colour.
    Plain,
    /// Its class.
    Label,
    /// The named factor's value.
    Factor(String),
}

/// The part of the map that is looked at, in the map's units.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Camera {
    pub min: [f64; 2],
    pub max: [f64; 2],
}

/// What is looked at more closely, and whose neighbours are sought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Focus {
    /// Nothing.
    #[default]
    Nothing,
    /// An item of the data.
    Item(usize),
    /// The person's own picture.
    Own,
}

/// What is shown.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct View {
    /// What is looked at more closely.
    pub focus: Focus,
    /// The person's own picture, of the model's shape: dropped, pasted or drawn.
    pub own: Option<Picture>,
    /// The sliders' values; empty until a model is there.
    pub code: Vec<f32>,
    /// What the map's colours say.
    pub colouring: Colouring,
    /// The part of the map that is looked at; none shows all of it.
    pub camera: Option<Camera>,
}

impl View {
    /// The item in focus.
    pub(crate) fn item(&self) -> Option<usize> {
        match self.focus {
            Focus::Item(item) => Some(item),
            Focus::Nothing | Focus::Own => None,
        }
    }
}

/// What kind of change a step of the history is; a run of the same kind is one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Focus,
    /// A stroke of the pencil, by its number.
    Stroke(u64),
    Dimension(usize),
    Code,
    Colouring,
    Camera,
}

impl Change {
    /// Whether changes of this kind come in streams, such as the frames of a drag.
    fn is_continuous(self) -> bool {
        matches!(self, Self::Dimension(_) | Self::Camera | Self::Stroke(_))
    }
}

const STEPS: usize = 100;
const PAUSE_SECS: f64 = 0.6;

/// The views before and after the present one.
#[derive(Default)]
pub(crate) struct History {
    past: Vec<View>,
    future: Vec<View>,
    last: Option<(Change, f64)>,
}

impl History {
    /// Notes that `before` is about to change at `now` (seconds). Changes that belong to one drag become one step.
    pub(crate) fn record(&mut self, before: &View, change: Change, now: f64) {
        let goes_on = self.last.is_some_and(|(kind, at)| {
            kind == change && change.is_continuous() && now - at < PAUSE_SECS
        });
        self.last = Some((change, now));
        if goes_on {
            return;
        }
        self.future.clear();
        self.past.push(before.clone());
        if self.past.len() > STEPS {
            self.past.remove(0);
        }
    }

    /// The view before `present`, if there is one.
    pub(crate) fn undo(&mut self, present: &View) -> Option<View> {
        let before = self.past.pop()?;
        self.future.push(present.clone());
        self.last = None;
        Some(before)
    }

    /// The view that was taken back last, if there is one.
    pub(crate) fn redo(&mut self, present: &View) -> Option<View> {
        let after = self.future.pop()?;
        self.past.push(present.clone());
        self.last = None;
        Some(after)
    }

    pub(crate) fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Forgets everything, because what it speaks of is no longer loaded.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_code(code: f32) -> View {
        View {
            code: vec![code],
            ..View::default()
        }
    }

    #[test]
    fn a_drag_is_one_step() {
        let mut history = History::default();
        for (i, value) in [0.0, 0.1, 0.2, 0.3].into_iter().enumerate() {
            history.record(&with_code(value), Change::Dimension(0), i as f64 * 0.1);
        }
        history.record(&with_code(0.4), Change::Dimension(1), 0.4);
        assert_eq!(history.undo(&with_code(0.5)), Some(with_code(0.4)));
        assert_eq!(history.undo(&with_code(0.4)), Some(with_code(0.0)));
        assert_eq!(history.undo(&with_code(0.0)), None);
        assert_eq!(history.redo(&with_code(0.0)), Some(with_code(0.4)));
    }

    #[test]
    fn a_new_change_ends_redo_and_history_is_bounded() {
        let mut history = History::default();
        for i in 0..300 {
            history.record(&with_code(i as f32), Change::Code, f64::from(i));
        }
        assert_eq!(history.past.len(), STEPS);
        let before = history.undo(&with_code(300.0)).expect("there is a past");
        assert!(history.can_redo());
        history.record(&before, Change::Focus, 400.0);
        assert!(!history.can_redo() && history.can_undo());
    }
}
