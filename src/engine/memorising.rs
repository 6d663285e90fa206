//! How much the model in use copies what it was trained on, on request.
//!
//! Invariant: both measures run in the workshop on shared, immutable data and a network of their own; what they find is of the
//! session that they began in, or thrown away.

use std::sync::Arc;
use std::time::Instant;

use super::core::Core;
use super::message::LeftOut;
use super::workshop::{Bench, to_session};
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::model::{FoldedOut, Suspects, TrainConfig, memorise};

/// What the comparison with training items is called while it goes on.
pub const COMPARING: &str = "Comparing with training items";
/// What leave-fold-out is called while it goes on.
pub const LEAVING_OUT: &str = "Training without each fold";

impl Core {
    /// Forgets what was found of a model or of data that are no longer there.
    pub(super) fn forget_copies(&mut self) {
        self.session.is_trained_on = false;
        self.session.memorised = None;
        self.session.left_out = None;
    }

    /// The model was trained on the loaded items, which are all encoded.
    fn check_trained_on(&self) -> Result<()> {
        if self.session.is_trained_on {
            return Ok(());
        }
        let Some(in_use) = &self.model else {
            return Err(Error::usage("there is no model yet").hint("open or train one first"));
        };
        Err(Error::usage(format!(
            "the model was trained on {}, not on the loaded items",
            in_use.file.provenance.data
        ))
        .hint("open that data, or train a model on this"))
    }

    pub(super) fn memorise(
        &mut self,
        samples: usize,
        seed: u64,
        other: Option<DatasetSource>,
    ) -> Result<()> {
        let (dataset, codes) = self.encoded()?;
        self.check_trained_on()?;
        let Some(in_use) = &self.model else {
            return Ok(());
        };
        let held_out = self.session.held_out.clone().unwrap_or_default();
        if held_out.is_empty() && other.is_none() {
            return Err(Error::usage(
                "nothing was held out of the model's training, so there is nothing to compare with",
            )
            .hint("train with some items kept out for validation"));
        }
        let network = in_use.network.clone();
        let frequencies = in_use.file.statistics.mean.clone();
        let (id, drawn_with) = (self.session.id, self.session.seed);
        self.workshop
            .start(Bench::Memorisation, COMPARING, move |progress, deliver| {
                let mut begun = 0.0;
                let other = other
                    .map(|source| {
                        begun = 0.1;
                        source.load(drawn_with, &progress.part(0.0, begun))
                    })
                    .transpose()?;
                let all: Vec<u32> = match &other {
                    Some(other) => (0..other.len() as u32).collect(),
                    None => Vec::new(),
                };
                let is_kept_out = |id: &u32| held_out.binary_search(id).is_ok();
                let train: Vec<u32> = (0..dataset.len() as u32)
                    .filter(|id| !is_kept_out(id))
                    .collect();
                let suspects = Suspects {
                    model: &network,
                    frequencies: &frequencies,
                    data: &dataset,
                    codes: codes.codes(),
                    train: &train,
                    held_out: match &other {
                        Some(other) => (other, &all),
                        None => (&dataset, &held_out),
                    },
                };
                let found = memorise(&suspects, samples, seed, &progress.part(begun, 1.0))?;
                let found = Arc::new(found);
                deliver(to_session(id, move |session| {
                    session.memorised = Some(found);
                }));
                Ok(())
            });
        Ok(())
    }

    pub(super) fn leave_fold_out(&mut self, folds: usize, epochs: usize) -> Result<()> {
        let (dataset, _) = self.encoded()?;
        self.check_trained_on()?;
        let Some(in_use) = &self.model else {
            return Ok(());
        };
        let folded = FoldedOut {
            spec: in_use.file.spec.clone(),
            config: TrainConfig {
                epochs,
                ..in_use.file.config.clone()
            },
            folds,
            is_all: false,
        };
        folded.check()?;
        let (id, device) = (self.session.id, self.device.clone());
        self.workshop
            .start(Bench::Folds, LEAVING_OUT, move |progress, deliver| {
                let start = Instant::now();
                let found = folded.measure(&dataset, &device, progress)?;
                let left_out = Arc::new(LeftOut {
                    order: found.highest_first(),
                    mean: found.mean(folded.config.seed),
                    scores: found.histogram(),
                    found,
                    epochs,
                    secs: start.elapsed().as_secs_f32(),
                });
                deliver(to_session(id, move |session| {
                    session.left_out = Some(left_out);
                }));
                Ok(())
            });
        Ok(())
    }
}
