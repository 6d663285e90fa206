//! How much a model copies what it was trained on: its samples and reconstructions beside the nearest training items, and K models
//! that each miss a fold of the items.
//!
//! Invariants: every picture is compared as it is looked at, in bytes, and every code is a posterior mean; beside the items at most a
//! handful of numbers per item is held.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use burn::tensor::Device;

use super::auto_encoder::AutoEncoder;
use super::config::TrainConfig;
use super::evaluate::log_likelihoods;
use super::spec::ModelSpec;
use super::trainer::Trainer;
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::Space;
use crate::retrieval::memorisation::{Dependence, Found, InSpace, Memorisation, Nearest};

/// Held-out items that are compared at most: a hundredth of them is told well enough.
const MOST_HELD_OUT: usize = 10_000;
/// Samples at most.
pub const MOST_SAMPLES: usize = 100_000;
/// Pictures that are kept beside the figures, of each kind.
const KEPT: usize = 120;
/// Pictures encoded or decoded between two looks at whether the work was cancelled.
const BATCH: usize = 256;
/// Samples of the posterior behind a log-likelihood.
pub const LIKELIHOOD_SAMPLES: usize = 32;
/// Folds at most.
pub const MOST_FOLDS: usize = 100;
/// What an epoch costs per item, in ways through half a network: there and back again, and backwards twice as much.
const EPOCH_COST: f32 = 6.0;
/// What a likelihood costs per item: encoded once, decoded for each sample.
const LIKELIHOOD_COST: f32 = 1.0 + LIKELIHOOD_SAMPLES as f32;

/// Streams of random numbers.
const SAMPLED: u64 = 1;
const RECONSTRUCTED: u64 = 2;
const HELD_OUT: u64 = 3;
const FOLDED: u64 = 4;

/// What is compared, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Suspects<'a> {
    /// The model.
    pub model: &'a AutoEncoder,
    /// The mean of the training items' codes, which says how often a bit is set; see [`super::CodePrior`].
    pub frequencies: &'a [f32],
    /// The data that the training items are of.
    pub data: &'a Dataset,
    /// The codes of all items of `data`, `[n, code]` row by row.
    pub codes: &'a [f32],
    /// The items trained on, ascending.
    pub train: &'a [u32],
    /// Data with items that the model never saw, and these.
    pub held_out: (&'a Dataset, &'a [u32]),
}

/// Pictures of a model beside which the nearest training items are shown.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Copies {
    /// Their places among all, the one nearest to a training item by its pixels first.
    pub places: Vec<usize>,
    /// The pictures.
    pub pictures: Vec<Picture>,
}

/// What [`memorise`] found.
#[derive(Clone, PartialEq, Debug)]
pub struct Memorised {
    /// The figures.
    pub figures: Memorisation,
    /// The samples nearest to a training item.
    pub samples: Copies,
    /// The reconstructions nearest to one.
    pub reconstructions: Copies,
}

/// Finds the nearest training items, in pixels and in codes, of `samples` samples of the prior, of the reconstructions of as many
/// training items, and of held-out items, at most ten thousand, with their reconstructions.
///
/// The code of a sample is not the latent that it was decoded from but what the encoder makes of its picture. The items' codes are
/// posterior means, which spread less than the prior: a latent is the farther from all of them the less its dimensions are used,
/// and would never look like a copy. Encoded again, samples, reconstructions and held-out pictures are all measured alike. Of
/// pixels the decoder's mean is taken, which is smoother than a picture and for that alone nearer to most: what smoothness brings
/// at most is told by the reconstructions of held-out items.
///
/// # Errors
/// When there is nothing to compare, or shapes differ; `is_cancelled`; when the device fails.
pub fn memorise(
    suspects: &Suspects<'_>,
    samples: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Memorised> {
    if !(1..=MOST_SAMPLES).contains(&samples) {
        return Err(Error::usage(format!(
            "1 to {MOST_SAMPLES} samples are drawn"
        )));
    }
    let Suspects {
        model,
        data,
        train,
        held_out: (other, held_out),
        ..
    } = *suspects;
    if train.is_empty() || held_out.is_empty() {
        return Err(Error::usage(
            "there are no training items, or none were held out",
        ));
    }
    if data.shape() != model.spec().shape || other.shape() != data.shape() {
        return Err(Error::model(format!(
            "the model takes {} pictures, {} has {} and {} has {}",
            model.spec().shape,
            data.name(),
            data.shape(),
            other.name(),
            other.shape()
        )));
    }
    other.check_unchanged()?;
    let originals = some_of(train, samples, (seed, RECONSTRUCTED));
    let tested = some_of(held_out, MOST_HELD_OUT, (seed, HELD_OUT));
    let part = |from: f32, to: f32| progress.part(from, to);

    let mut chance = stream(seed, SAMPLED);
    let prior = model.prior(suspects.frequencies)?;
    let latents: Vec<f32> = (0..samples)
        .flat_map(|_| prior.sample(&mut chance))
        .collect();
    let sampled = Pictures::of_codes(model, &latents, None, &part(0.0, 0.1))?;
    let d = model.code();
    let own = |&id: &u32| &suspects.codes[id as usize * d..][..d];
    let codes: Vec<f32> = originals.iter().flat_map(own).copied().collect();
    let reconstructed =
        Pictures::of_codes(model, &codes, Some((data, &originals)), &part(0.1, 0.2))?;
    let of_tested: Vec<usize> = tested.iter().map(|&id| id as usize).collect();
    let unseen = Pictures::of_dataset(model, other.subset(&of_tested)?, &part(0.2, 0.25))?;
    let echoes = Pictures::of_codes(
        model,
        &unseen.codes,
        Some((other, &tested)),
        &part(0.25, 0.35),
    )?;

    let sets = [&sampled, &reconstructed, &unseen, &echoes];
    let all: usize = sets.iter().map(|set| set.pictures.len()).sum();
    let nearest = |in_codes: bool, from: f32, to: f32| -> Result<Found> {
        let mut done = 0;
        let mut found = sets.iter().map(|set| {
            let share = |at: usize| from + (to - from) * at as f32 / all as f32;
            let part = progress.part(share(done), share(done + set.pictures.len()));
            done += set.pictures.len();
            if in_codes {
                Nearest::in_codes(suspects.codes, d, train, &set.codes, &part)
            } else {
                Nearest::in_pixels(data, train, &set.pictures, &part)
            }
        });
        let mut next = || found.next().unwrap_or_else(|| Ok(Nearest::default()));
        Ok(Found {
            samples: next()?,
            reconstructions: next()?,
            held_out: next()?,
            held_out_reconstructions: next()?,
        })
    };
    let in_pixels = nearest(false, 0.35, 0.9)?;
    let in_codes = nearest(true, 0.9, 1.0)?;
    Ok(Memorised {
        samples: sampled.closest(&in_pixels.samples),
        reconstructions: reconstructed.closest(&in_pixels.reconstructions),
        figures: Memorisation {
            train: train.len(),
            samples,
            reconstructions: originals.len(),
            held_out: [tested.len(), held_out.len()],
            pixels: InSpace::new(Space::Pixel, in_pixels, &originals, seed)?,
            codes: InSpace::new(Space::Code, in_codes, &originals, seed)?,
            originals,
        },
    })
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(stream);
    chance
}

/// At most `most` of `ids`, by chance, in their order.
fn some_of(ids: &[u32], most: usize, (seed, of): (u64, u64)) -> Vec<u32> {
    if ids.len() <= most {
        return ids.to_vec();
    }
    let mut chosen = index::sample(&mut stream(seed, of), ids.len(), most).into_vec();
    chosen.sort_unstable();
    chosen.into_iter().map(|at| ids[at]).collect()
}

/// Pictures and what the encoder makes of them.
struct Pictures {
    pictures: Dataset,
    codes: Vec<f32>,
}

impl Pictures {
    /// Those that are decoded from `codes`; where they are those of items, their reconstructions.
    fn of_codes(
        model: &AutoEncoder,
        codes: &[f32],
        of: Option<(&Dataset, &[u32])>,
        progress: &Progress,
    ) -> Result<Self> {
        let mut pixels = Vec::new();
        let batches = codes.chunks(BATCH * model.code());
        let count = batches.len();
        for (i, batch) in batches.enumerate() {
            progress.update(i, 2 * count)?;
            pixels.extend(match of {
                None => model.decode(batch)?,
                Some((data, ids)) => {
                    let ids = ids.iter().skip(i * BATCH).take(batch.len() / model.code());
                    let items: Vec<&[u8]> = ids.map(|&id| data.pixels(id as usize)).collect();
                    model.reconstruct(&items, batch)?
                }
            });
        }
        let pictures = Dataset::new("decoded", model.spec().shape, pixels)?;
        Self::of_dataset(model, pictures, &progress.part(0.5, 1.0))
    }

    fn of_dataset(model: &AutoEncoder, pictures: Dataset, progress: &Progress) -> Result<Self> {
        let mut codes = Vec::with_capacity(pictures.len() * model.code());
        for start in (0..pictures.len()).step_by(BATCH) {
            progress.update(start, pictures.len())?;
            let end = (start + BATCH).min(pictures.len());
            let items: Vec<&[u8]> = (start..end).map(|i| pictures.pixels(i)).collect();
            codes.extend(model.encode(&items, &Progress::silent())?.mean);
        }
        Ok(Self { pictures, codes })
    }

    fn closest(&self, nearest: &Nearest) -> Copies {
        let mut places = nearest.closest_first();
        places.truncate(KEPT);
        Copies {
            pictures: places.iter().map(|&at| self.pictures.picture(at)).collect(),
            places,
        }
    }
}

/// What leave-fold-out trains: models of one specification with one way of training them.
#[derive(Clone, Debug)]
pub struct FoldedOut {
    /// The specification.
    pub spec: ModelSpec,
    /// How they are trained; its seed is that of the folds, too.
    pub config: TrainConfig,
    /// Folds, 2 to [`MOST_FOLDS`].
    pub folds: usize,
    /// Whether all items are trained on but those of a fold; else, as `config` says, some are kept out to choose the best weights.
    pub is_all: bool,
}

impl FoldedOut {
    /// Trains a model without each of the folds in turn, and takes every item's likelihood by each of them.
    ///
    /// # Errors
    /// When the code has no posterior, so that there are no likelihoods; when there are fewer items than folds, or a training fails;
    /// `is_cancelled`.
    pub fn measure(
        &self,
        dataset: &Dataset,
        device: &Device,
        progress: &Progress,
    ) -> Result<Dependence> {
        self.check()?;
        let mut config = self.config.clone();
        if self.is_all {
            config.validation = 0.0;
        }
        let (validation, train) = super::trainer::split(&config, dataset.len());
        if train.len() < 2 * self.folds {
            return Err(Error::usage(format!(
                "{} training items are too few for {} folds",
                train.len(),
                self.folds
            )));
        }
        dataset.check_unchanged()?;
        let mut items = train.clone();
        items.sort_unstable();
        let fold = folds(items.len(), self.folds, config.seed);
        let fold_of = |id: &u32| {
            items
                .binary_search(id)
                .map_or(0, |at| usize::from(fold[at]))
        };
        let mut found = Dependence::begin(items.clone(), fold.clone(), self.folds)?;
        let training = EPOCH_COST * config.epochs as f32;
        let training_share = training / (training + LIKELIHOOD_COST);
        for left_out in 0..self.folds {
            let share = |done: f32| (left_out as f32 + done) / self.folds as f32;
            let seen = train.iter().filter(|id| fold_of(id) != left_out);
            let parts = (validation.clone(), seen.copied().collect());
            let mut trainer =
                Trainer::on(self.spec.clone(), config.clone(), dataset, parts, device)?;
            let training = progress.part(share(0.0), share(training_share));
            let steps = trainer.steps() as usize;
            while !trainer.is_done() {
                training.update(trainer.step() as usize, steps)?;
                let before = trainer.step();
                trainer.advance(dataset)?;
                if trainer.step() != before && trainer.step() % trainer.steps_per_epoch() == 0 {
                    trainer.read_losses()?;
                }
            }
            let model = trainer.best_model();
            let measuring = progress.part(share(training_share), share(1.0));
            let likelihoods = log_likelihoods(
                &model,
                dataset,
                &items,
                LIKELIHOOD_SAMPLES,
                config.seed,
                &measuring,
            )?;
            found.take_in(left_out, &likelihoods);
        }
        progress.update(1, 1)?;
        Ok(found)
    }

    /// About how long it takes, in the time that an epoch of training takes.
    #[must_use]
    pub fn effort(folds: usize, epochs: usize) -> f32 {
        folds as f32 * (epochs as f32 + LIKELIHOOD_COST / EPOCH_COST)
    }

    /// Whether it can be done.
    ///
    /// # Errors
    /// When the code has no posterior, or the number of folds makes no sense.
    pub fn check(&self) -> Result<()> {
        if !self.spec.has_posterior() {
            return Err(Error::model(
                "a code of bits has no posterior, so a picture has no likelihood that could depend on its having been trained on",
            )
            .hint("take a model with a continuous code"));
        }
        if !(2..=MOST_FOLDS).contains(&self.folds) {
            return Err(Error::usage(format!(
                "there are 2 to {MOST_FOLDS} folds, not {}",
                self.folds
            )));
        }
        Ok(())
    }
}

/// The fold of each of `n` items, by chance, all of them equally large or one item larger.
fn folds(n: usize, folds: usize, seed: u64) -> Vec<u16> {
    let mut fold: Vec<u16> = (0..n).map(|i| (i % folds) as u16).collect();
    fold.shuffle(&mut stream(seed, FOLDED));
    fold
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetSource;
    use crate::model::Preset;

    #[test]
    fn every_item_is_in_one_of_the_folds_which_are_equally_large() {
        let fold = folds(103, 5, 7);
        let sizes = |of: u16| fold.iter().filter(|&&f| f == of).count();
        let mut sizes: Vec<usize> = (0..5).map(sizes).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [20, 20, 21, 21, 21]);
        assert_eq!(fold, folds(103, 5, 7));
        assert_ne!(fold, folds(103, 5, 8));
    }

    #[test]
    fn some_items_are_chosen_once_each_and_all_where_they_are_few() {
        let ids = [2, 3, 5, 8, 13, 21];
        assert_eq!(some_of(&ids, 9, (1, 1)), ids);
        let chosen = some_of(&ids, 4, (1, 1));
        assert_eq!(chosen.len(), 4);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(chosen.iter().all(|id| ids.contains(id)));
    }

    #[test]
    fn leaving_a_fold_out_lowers_the_likelihood_of_its_items() -> Result<()> {
        let source: DatasetSource = "digits:64".parse()?;
        let data = source.load(1, &Progress::silent())?;
        let device = Device::flex();
        let folded = FoldedOut {
            spec: Preset::Tiny.spec(data.shape()),
            config: TrainConfig {
                epochs: 60,
                ..Preset::Tiny.training(data.shape())
            },
            folds: 2,
            is_all: true,
        };
        let found = folded.measure(&data, &device, &Progress::silent())?;
        assert_eq!(found.items.len(), 64);
        let mean = found.mean(1);
        assert!(mean.low > 0.0, "{mean:?}");
        assert_eq!(found, folded.measure(&data, &device, &Progress::silent())?);

        // Nothing is trained once it was cancelled.
        let cancelled = Progress::silent();
        cancelled.cancel();
        let refused = folded.measure(&data, &device, &cancelled);
        assert!(refused.is_err_and(|e| e.is_cancelled()));
        let bits = FoldedOut {
            spec: Preset::Hash28.spec(data.shape()),
            ..folded
        };
        let refused = bits.measure(&data, &device, &Progress::silent());
        assert!(refused.is_err_and(|e| e.to_string().contains("posterior")));
        Ok(())
    }
}
