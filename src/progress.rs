//! How long work tells that it goes on, and how it is told to stop.
//!
//! Invariant: whoever works calls [`Progress::update`] at least every tenth of a second and returns its error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

type Report = dyn Fn(f32) + Send + Sync;

/// A handle shared by the one who works and the one who waits. Clones share the same state.
#[derive(Clone)]
pub struct Progress {
    cancelled: Arc<AtomicBool>,
    report: Arc<Report>,
}

impl Progress {
    /// Progress whose fraction done, in `[0, 1]`, goes to `report`.
    #[must_use]
    pub fn new(report: impl Fn(f32) + Send + Sync + 'static) -> Self {
        Self {
            cancelled: Arc::default(),
            report: Arc::new(report),
        }
    }

    /// Progress that nobody watches.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Progress of a part of the work that takes it from the fraction `from` to the fraction `to`; it ends with the whole.
    #[must_use]
    pub fn part(&self, from: f32, to: f32) -> Self {
        let report = self.report.clone();
        Self {
            cancelled: self.cancelled.clone(),
            report: Arc::new(move |done| report(from + (to - from) * done)),
        }
    }

    /// Asks the work to stop; it ends at its next [`Self::update`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether someone asked for the end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Reports that `done` of `total` units are finished.
    ///
    /// # Errors
    /// `is_cancelled` when someone asked for the end.
    pub fn update(&self, done: usize, total: usize) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::cancelled());
        }
        #[expect(clippy::cast_precision_loss, reason = "a fraction for a progress bar")]
        (self.report)(done as f32 / total.max(1) as f32);
        Ok(())
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
