//! Whether the model in use draws what it is asked for by name, on request.
//!
//! Invariant: the figures are those of the same probe on the command line.

use std::sync::Arc;
use std::time::Instant;

use super::core::Core;
use super::workshop::{Bench, to_session};
use crate::error::{Error, Result};
use crate::model::{ProbePlan, Probed, seed_of_others};

/// What the probing is called while it goes on.
pub const PROBING: &str = "Probing the model";

/// What is probed.
#[derive(Clone, PartialEq, Debug)]
pub struct ProbeWish {
    /// How the probe is trained, and how often the model is asked.
    pub plan: ProbePlan,
    /// Of built-in data, how many pictures are drawn anew for it; of others it learns from those that are open.
    pub pictures: usize,
}

/// What a probe found.
#[derive(Clone, PartialEq, Debug)]
pub struct ProbedModel {
    /// What was asked for.
    pub wish: ProbeWish,
    /// The pictures that it learnt from and was measured on.
    pub data: String,
    /// The figures.
    pub found: Probed,
    /// Seconds it took.
    pub secs: f32,
}

impl Core {
    /// Trains a probe and asks the model; the session has the figures once they are there.
    pub(super) fn probe_model(&mut self, wish: ProbeWish) -> Result<()> {
        let dataset = self.whole_dataset()?;
        let Some(in_use) = &self.model else {
            return Err(Error::usage("there is no model to probe").hint("open or train one first"));
        };
        let network = in_use.network.clone();
        let seed = seed_of_others(wish.plan.seed, in_use.file.config.seed);
        let source = self.session.source_of_more();
        let drawn = source.filter(|source| source.is_builtin()).cloned();
        let drawn = drawn.map(|source| source.with_part(None).with_count(Some(wish.pictures)));
        let id = self.session.id;
        self.workshop
            .start(Bench::Probe, PROBING, move |progress, deliver| {
                let start = Instant::now();
                let fresh;
                let (data, pictures) = if let Some(source) = &drawn {
                    fresh = source.load(seed, &progress.part(0.0, 0.05))?;
                    (source.to_string(), &fresh)
                } else {
                    dataset.check_unchanged()?;
                    (dataset.name().to_owned(), dataset.as_ref())
                };
                let found = wish
                    .plan
                    .run(&network, pictures, &progress.part(0.05, 1.0))?;
                let probed = Arc::new(ProbedModel {
                    wish,
                    data,
                    found,
                    secs: start.elapsed().as_secs_f32(),
                });
                deliver(to_session(id, move |session| {
                    session.probed = Some(probed);
                }));
                Ok(())
            });
        Ok(())
    }
}
