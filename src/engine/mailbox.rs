//! Slots for live requests, each of which keeps only the newest.
//!
//! Invariant: whoever writes never waits, and whoever reads sees the newest request of each kind or none.

use std::sync::{Mutex, PoisonError};

use super::message::Search;
use crate::data::Picture;

/// A code to decode.
#[derive(Debug)]
pub(super) struct Decode {
    pub(super) generation: u64,
    pub(super) code: Vec<f32>,
}

/// A picture from elsewhere to pass through the model.
#[derive(Debug)]
pub(super) struct Encode {
    pub(super) generation: u64,
    pub(super) picture: Picture,
}

/// Pictures to pass through the model together.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) generation: u64,
    pub(super) pictures: Vec<Picture>,
}

/// Codes to decode one after the other.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) generation: u64,
    /// `[count, code]`.
    pub(super) codes: Vec<f32>,
}

/// An item to pass through the model.
#[derive(Debug)]
pub(super) struct Inspect {
    pub(super) generation: u64,
    pub(super) item: usize,
    /// Whether what each stage makes of it is looked at, too: that is several times the work.
    pub(super) has_features: bool,
}

/// A query to answer.
#[derive(Debug)]
pub(super) struct Retrieve {
    pub(super) generation: u64,
    pub(super) search: Search,
}

/// A slot that keeps only the newest value.
#[derive(Debug)]
pub(super) struct Slot<T>(Mutex<Option<T>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Slot<T> {
    /// Replaces whatever waits there.
    pub(super) fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// Takes what waits there.
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The live requests that wait for the engine.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) decode: Slot<Decode>,
    /// The code at the pointer.
    pub(super) hover: Slot<Decode>,
    /// The code whose place on the map is wanted.
    pub(super) place: Slot<Decode>,
    pub(super) encode: Slot<Encode>,
    pub(super) pass: Slot<Pass>,
    pub(super) sheet: Slot<Sheet>,
    /// The codes of key-frames.
    pub(super) keys: Slot<Sheet>,
    pub(super) inspect: Slot<Inspect>,
    pub(super) retrieve: Slot<Retrieve>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_is_kept() {
        let slot = Slot::default();
        for i in 0..5 {
            slot.put(i);
        }
        assert_eq!(slot.take(), Some(4));
        assert_eq!(slot.take(), None);
    }
}
