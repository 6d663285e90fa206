//! Families of auto-encoders trained on the data that are open, side by side, on request; and what each makes of the same wish, live.
//!
//! Invariant: they are of the items of the session; when these go, so do they.

use std::sync::Arc;

use super::core::Core;
use super::message::{Event, FamilyPictures, FamilyWish};
use super::workshop::Bench;
use crate::data::Picture;
use crate::error::{Error, Result};
use crate::model::FamilyPlan;
use crate::progress::Progress;

/// What their training is called while it goes on.
pub const TRAINING_FAMILIES: &str = "Training families";

/// Samples that each column shows.
const SAMPLES: usize = 9;

impl Core {
    /// Trains and measures the families; the session has them once they are there.
    pub(super) fn compare_families(&mut self, plan: FamilyPlan) -> Result<()> {
        let dataset = self.whole_dataset()?;
        let device = self.device.clone();
        self.workshop.start(
            Bench::Families,
            TRAINING_FAMILIES,
            move |progress, deliver| {
                let found = Arc::new(plan.run(&dataset, &device, progress)?);
                deliver(Box::new(move |core| {
                    let own = core.session.dataset.as_ref();
                    if own.is_some_and(|own| Arc::ptr_eq(own, &dataset)) {
                        core.session.families = Some(found);
                        core.publish();
                    }
                    Ok(())
                }));
                Ok(())
            },
        );
        Ok(())
    }

    /// Takes pictures through the model in use, or that which trains.
    pub(super) fn repair(&mut self, generation: u64, pictures: &[Picture]) -> Result<()> {
        let Some(network) = self.network() else {
            return Ok(());
        };
        let shape = network.spec().shape;
        let views: Vec<&[u8]> = pictures.iter().map(|p| p.pixels.as_slice()).collect();
        let codes = network.encode(&views, &Progress::silent())?.mean;
        let pixels = network.decode(&codes)?;
        let picture = |pixels: &[u8]| Picture {
            shape,
            pixels: pixels.to_vec(),
        };
        self.outbox.send(Event::Repaired {
            generation,
            pictures: pixels.chunks_exact(shape.len()).map(picture).collect(),
        });
        Ok(())
    }

    /// Decodes many codes by the model in use, or by that which trains.
    pub(super) fn decode_grid(&mut self, generation: u64, codes: &[f32]) -> Result<()> {
        let Some(network) = self.network() else {
            return Ok(());
        };
        let shape = network.spec().shape;
        let pixels = network.decode(codes)?;
        let picture = |pixels: &[u8]| Picture {
            shape,
            pixels: pixels.to_vec(),
        };
        self.outbox.send(Event::GridDecoded {
            generation,
            pictures: pixels.chunks_exact(shape.len()).map(picture).collect(),
        });
        Ok(())
    }

    /// Decodes a wish by every family.
    pub(super) fn decode_families(&mut self, generation: u64, wish: FamilyWish) -> Result<()> {
        let (Some(families), Some(dataset)) = (&self.session.families, &self.session.dataset)
        else {
            return Ok(());
        };
        if wish.items.iter().any(|item| *item >= dataset.len()) {
            return Err(Error::usage("there is no such item"));
        }
        let items = wish.items.map(|item| dataset.pixels(item));
        let mut pictures = Vec::new();
        for trained in &families.trained {
            pictures.push(FamilyPictures {
                between: trained.between(items, wish.share, wish.noise, wish.seed)?,
                samples: trained.samples(SAMPLES, wish.by_mixture, wish.seed)?,
            });
        }
        self.outbox.send(Event::FamiliesDecoded {
            generation,
            pictures,
        });
        Ok(())
    }
}
