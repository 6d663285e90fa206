//! What the dimensions of the codes have to do with known factors, on request.
//!
//! Invariant: the figures are those of the same measurement on the command line, of all items and all their codes.

use std::sync::Arc;

use super::core::Core;
use super::workshop::Bench;
use crate::error::Result;
use crate::space::factors::{Factors, Known};

/// What the measuring is called while it goes on.
pub const MEASURING_FACTORS: &str = "Measuring factors";

impl Core {
    /// Measures the codes against what is known of the items; the session has the figures once they are there.
    pub(super) fn measure_factors(&mut self, bins: usize, seed: u64) -> Result<()> {
        let (dataset, codes) = self.encoded()?;
        let id = self.session.id;
        self.workshop.start(
            Bench::Factors,
            MEASURING_FACTORS,
            move |progress, deliver| {
                let known = Known::of(&dataset);
                let d = codes.dims();
                let found = Factors::measure(codes.codes(), d, &known, bins, seed, progress)?;
                let found = Arc::new(found);
                deliver(Box::new(move |core| {
                    // A table that was read meanwhile may know of other factors.
                    let is_same = |now: &Arc<_>| Arc::ptr_eq(now, &dataset);
                    if core.session.id == id && core.session.dataset.as_ref().is_some_and(is_same) {
                        core.session.factors = Some(found);
                        core.publish();
                    }
                    Ok(())
                }));
                Ok(())
            },
        );
        Ok(())
    }
}
