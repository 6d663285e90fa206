//! Families of auto-encoders trained on the data that are open, side by side, on request; and what each makes of the same wish, live.
//!
//! Invariant: they are of the items of the session; when these go, so do they.

use std::sync::Arc;

use super::core::Core;
use super::message::{Event, FamilyPictures, FamilyWish};
use super::workshop::Bench;
use crate::data::Picture;
use crate::error::{Error, Result};
use crate::model::{AutoEncoder, FamilyPlan};
use crate::progress::Progress;

/// What their training is called while it goes on.
pub const TRAINING_FAMILIES: &str = "Training families";

/// Samples that each column shows.
const SAMPLES: usize = 9;

impl Core {
    /// Trains and measures the families; the session has them once they are there.
    pub(super) fn compare_families(&mut self, plan: FamilyPlan) -> Result<()> {
        let dataset = self.whole_dataset()?;
        let source = self.session.source.clone();
        let device = self.device.clone();
        self.workshop.start(
            Bench::Families,
            TRAINING_FAMILIES,
            move |progress, deliver| {
                let found = Arc::new(plan.run(&dataset, source.as_ref(), &device, progress)?);
                deliver(Box::new(move |core| {
                    let own = core.session.dataset.as_ref();
                    if own.is_some_and(|own| Arc::ptr_eq(own, &dataset)) {
                        core.session.families = Some(found);
                        core.update_info(|info| info.is_of_families = false);
                        core.publish();
                    }
                    Ok(())
                }));
                Ok(())
            },
        );
        Ok(())
    }

    /// Takes the family in column `at` into use, as a model that nobody saved.
    pub(super) fn use_family(&mut self, at: usize) -> Result<()> {
        self.refuse_while_training()?;
        let families = self.session.families.clone();
        let trained = families.as_ref().and_then(|own| own.trained.get(at));
        let trained = trained.ok_or_else(|| Error::usage("there is no such family"))?;
        self.use_model(trained.file.clone(), None)?;
        self.update_info(|info| {
            trained.family.name().clone_into(&mut info.name);
            info.is_unsaved = true;
            info.is_of_families = true;
        });
        self.session.id += 1;
        self.forget_codes();
        self.leave_encoding();
        self.encode_all();
        // Its file tells of the codes that it was measured by, which may be some of all.
        if let Some(encoding) = &mut self.encoding {
            encoding.is_first = true;
        }
        self.publish();
        Ok(())
    }

    /// Takes pictures through the model in use, or that which trains. There is an answer whatever happens, empty where nothing could be made, so
    /// that who waits for it goes on.
    pub(super) fn repair(&mut self, generation: u64, pictures: &[Picture]) -> Result<()> {
        let views: Vec<&[u8]> = pictures.iter().map(|p| p.pixels.as_slice()).collect();
        let made = self.made(|network| {
            let codes = network.encode(&views, &Progress::silent())?.mean;
            network.reconstruct(&views, &codes)
        });
        let (pictures, end) = told(made);
        self.outbox.send(Event::Repaired {
            generation,
            pictures,
        });
        end
    }

    /// Decodes many codes by the model in use, or by that which trains; there is an answer as there is to [`Self::repair`].
    pub(super) fn decode_grid(&mut self, generation: u64, codes: &[f32]) -> Result<()> {
        let (pictures, end) = told(self.made(|network| network.decode(codes)));
        self.outbox.send(Event::GridDecoded {
            generation,
            pictures,
        });
        end
    }

    /// The pictures that `make` makes by the model in use, or by that which trains; none without one.
    fn made(&self, make: impl FnOnce(&AutoEncoder) -> Result<Vec<u8>>) -> Result<Vec<Picture>> {
        let Some(network) = self.network() else {
            return Ok(Vec::new());
        };
        let pixels = make(&network)?;
        Ok(Picture::each_of(network.spec().shape, &pixels))
    }

    /// Decodes a wish by every family; there is an answer as there is to [`Self::repair`].
    pub(super) fn decode_families(&mut self, generation: u64, wish: FamilyWish) -> Result<()> {
        let (pictures, end) = told(self.wished(wish));
        self.outbox.send(Event::FamiliesDecoded {
            generation,
            pictures,
        });
        end
    }

    fn wished(&self, wish: FamilyWish) -> Result<Vec<FamilyPictures>> {
        let (Some(families), Some(dataset)) = (&self.session.families, &self.session.dataset)
        else {
            return Ok(Vec::new());
        };
        if wish.items.iter().any(|item| *item >= dataset.len()) {
            return Err(Error::usage("there is no such item"));
        }
        let items = wish.items.map(|item| dataset.pixels(item));
        let each = families.trained.iter().map(|trained| {
            Ok(FamilyPictures {
                between: trained.between(items, wish.share, wish.noise, wish.seed)?,
                samples: trained.samples(SAMPLES, wish.by_mixture, wish.seed)?,
            })
        });
        each.collect()
    }
}

/// An answer, which is empty after a failure, and that failure.
fn told<T>(found: Result<Vec<T>>) -> (Vec<T>, Result<()>) {
    match found {
        Ok(found) => (found, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    }
}
