//! How much a model copies the items it was trained on: the nearest of them to each of its pictures, held against how near they
//! come to pictures that it never saw; and how much an item's likelihood depends on its having been trained on.
//!
//! Invariant: a share has the interval that 95 of 100 resamples of its pictures give, as in [`super::study`]; the same input and
//! seed give the same figures, whatever the number of threads.

use serde::Serialize;

use super::study::{Estimate, Resampling};
use super::{Space, nearest_codes, nearest_pixels};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::CodeTable;

/// The share of held-out items below whose distance a picture counts as close.
pub const SHARE: f64 = 0.01;
/// Bins of a histogram.
pub const BINS: usize = 48;
/// Bytes of training items that are searched at a time, where they are not all of the data and have to be copied.
const BLOCK_BYTES: usize = 32 << 20;

/// The training item nearest to each of some pictures, in one space.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Nearest {
    /// Its number in the data that the model was trained on, one per picture.
    pub ids: Vec<u32>,
    /// How far it is.
    pub distances: Vec<f32>,
}

impl Nearest {
    /// The item of `data` nearest to each of `queries` by Euclidean distance between pixels, among those in `among`, ascending.
    ///
    /// # Errors
    /// When the pictures differ in shape, or there is no item to find; `is_cancelled`.
    pub fn in_pixels(
        data: &Dataset,
        among: &[u32],
        queries: &Dataset,
        progress: &Progress,
    ) -> Result<Self> {
        data.check_unchanged()?;
        if among.len() == data.len() {
            let found = nearest_pixels(data, queries, 1, None, progress)?;
            return Ok(Self {
                ids: found.ids,
                distances: found.distances,
            });
        }
        let mut nearest = Self::default();
        let block = (BLOCK_BYTES / data.shape().len()).max(1);
        for (i, ids) in among.chunks(block).enumerate() {
            let (from, to) = (i * block, (i * block + ids.len()).min(among.len()));
            let share = |at: usize| at as f32 / among.len() as f32;
            let of_block: Vec<usize> = ids.iter().map(|&id| id as usize).collect();
            let gallery = data.subset(&of_block)?;
            let part = progress.part(share(from), share(to));
            let found = nearest_pixels(&gallery, queries, 1, None, &part)?;
            let found = Self {
                ids: found.ids.iter().map(|&at| ids[at as usize]).collect(),
                distances: found.distances,
            };
            nearest = nearest.or(found);
        }
        nearest.checked(queries.len())
    }

    /// The same by Euclidean distance between codes, `[items, d]` and `[queries, d]` row by row.
    ///
    /// # Errors
    /// When a number is not finite, or there is no item to find; `is_cancelled`.
    pub fn in_codes(
        codes: &[f32],
        d: usize,
        among: &[u32],
        queries: &[f32],
        progress: &Progress,
    ) -> Result<Self> {
        let own = |&id: &u32| &codes[id as usize * d..][..d];
        let gallery: Vec<f32> = among.iter().flat_map(own).copied().collect();
        let gallery = CodeTable::new(gallery, d, vec![0.0; d])?;
        let found = nearest_codes(&gallery, queries, 1, None, progress)?;
        let nearest = Self {
            ids: found.ids.iter().map(|&at| among[at as usize]).collect(),
            distances: found.distances,
        };
        nearest.checked(queries.len() / d)
    }

    /// Of each picture the nearer of two items; the first of equals.
    fn or(mut self, other: Self) -> Self {
        if self.ids.is_empty() {
            return other;
        }
        let pairs = other.ids.into_iter().zip(other.distances);
        let own = self.ids.iter_mut().zip(&mut self.distances);
        for ((id, distance), (other_id, other_distance)) in own.zip(pairs) {
            if other_distance < *distance {
                (*id, *distance) = (other_id, other_distance);
            }
        }
        self
    }

    fn checked(self, queries: usize) -> Result<Self> {
        if self.ids.len() == queries && queries > 0 {
            Ok(self)
        } else {
            Err(Error::usage(
                "the nearest training item is sought among no items, or for no picture",
            ))
        }
    }

    /// The places of its pictures, the one nearest to a training item first.
    #[must_use]
    pub fn closest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.ids.len()).collect();
        order.sort_by(|&a, &b| self.distances[a].total_cmp(&self.distances[b]));
        order
    }
}

/// What lies nearest to four kinds of pictures in one space.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// To what the model decodes from samples of the prior.
    pub samples: Nearest,
    /// To the reconstructions of training items.
    pub reconstructions: Nearest,
    /// To items that the model never saw.
    pub held_out: Nearest,
    /// To the reconstructions of those: as smooth as all that a decoder draws.
    pub held_out_reconstructions: Nearest,
}

/// How often distances fall into equal bins from 0 on.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Histogram {
    /// Width of a bin.
    pub width: f64,
    /// Of samples.
    pub samples: Vec<u32>,
    /// Of reconstructions of training items.
    pub reconstructions: Vec<u32>,
    /// Of held-out items.
    pub held_out: Vec<u32>,
}

impl Histogram {
    fn new(found: &Found) -> Self {
        let sets = [&found.samples, &found.reconstructions, &found.held_out];
        let all = sets.iter().flat_map(|set| &set.distances);
        let top = all.fold(0.0_f32, |top, &x| top.max(x));
        let width = if top > 0.0 {
            f64::from(top) / BINS as f64
        } else {
            1.0
        };
        let [samples, reconstructions, held_out] = sets.map(|set| {
            let mut counts = vec![0; BINS];
            for &distance in &set.distances {
                counts[((f64::from(distance) / width) as usize).min(BINS - 1)] += 1;
            }
            counts
        });
        Self {
            width,
            samples,
            reconstructions,
            held_out,
        }
    }
}

/// How near a model's pictures come to its training items in one space.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct InSpace {
    /// The space.
    pub space: Space,
    /// The distance below which [`SHARE`] of pictures like the held-out items are expected to lie; of fewer than 99 held-out items
    /// the smallest.
    pub quantile: f32,
    /// The share of pictures expected below it when nothing is copied: [`SHARE`], or `1/(n + 1)` of fewer than 99 items.
    pub expected: f64,
    /// The share of samples that lie closer to a training item than that.
    pub samples_below: Estimate,
    /// The share of reconstructions of training items that do.
    pub reconstructions_below: Estimate,
    /// The share of reconstructions of held-out items that do: at most so much comes from smoothness alone, for a decoder that knows its
    /// items by heart draws them for others, too.
    pub held_out_reconstructions_below: Estimate,
    /// The share of reconstructions of training items whose nearest is their own original.
    pub finds_own: Estimate,
    /// The middle distance of samples, of reconstructions and of held-out items.
    pub medians: [f32; 3],
    /// The distances of all three.
    pub histogram: Histogram,
    /// What was found.
    #[serde(skip)]
    pub found: Found,
}

impl InSpace {
    /// What follows from `found`; `originals` are the training items whose reconstructions were sought.
    ///
    /// # Errors
    /// When there is a set without a picture, or not one original per reconstruction.
    pub fn new(space: Space, found: Found, originals: &[u32], seed: u64) -> Result<Self> {
        let sets = [
            &found.samples,
            &found.reconstructions,
            &found.held_out,
            &found.held_out_reconstructions,
        ];
        if sets.iter().any(|set| set.ids.is_empty())
            || originals.len() != found.reconstructions.ids.len()
        {
            return Err(Error::usage(
                "samples, reconstructions and held-out items are needed, at least one of each",
            ));
        }
        let (quantile, expected) = low_quantile(&found.held_out.distances);
        let share = |hits: Vec<f64>| {
            let n = hits.len();
            Resampling { n, seed }.estimate(&hits)
        };
        let below = |set: &Nearest| {
            let hit = |&distance: &f32| f64::from(u8::from(distance < quantile));
            share(set.distances.iter().map(hit).collect())
        };
        let pairs = found.reconstructions.ids.iter().zip(originals);
        let own = pairs.map(|(id, original)| f64::from(u8::from(id == original)));
        Ok(Self {
            space,
            quantile,
            expected,
            samples_below: below(&found.samples),
            reconstructions_below: below(&found.reconstructions),
            held_out_reconstructions_below: below(&found.held_out_reconstructions),
            finds_own: share(own.collect()),
            medians: [&found.samples, &found.reconstructions, &found.held_out]
                .map(|set| median(&set.distances)),
            histogram: Histogram::new(&found),
            found,
        })
    }
}

impl InSpace {
    /// What the share of samples says, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let expected = percent(self.expected);
        format!(
            "{}; {expected} is expected when nothing is copied",
            self.sentence("samples", self.samples_below.mean)
        )
    }

    /// The same of the reconstructions of training items.
    #[must_use]
    pub fn reconstructions_in_words(&self) -> String {
        let expected = percent(self.expected);
        format!(
            "{}; {expected} of pictures that the model never saw are expected to",
            self.sentence("reconstructions", self.reconstructions_below.mean)
        )
    }

    fn sentence(&self, what: &str, share: f64) -> String {
        let held_out = self.found.held_out.distances.len();
        let than = if self.expected > SHARE {
            format!("any of the {held_out} held-out items does")
        } else {
            "99 % of held-out items do".to_owned()
        };
        format!(
            "{} of {what} lie closer to a training item than {than}",
            percent(share)
        )
    }
}

/// A share as a percentage, with one digit behind the point where that says something.
#[must_use]
pub fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// The [`SHARE`] quantile of the distances of pictures like `distances`, and the share of such pictures expected below it.
///
/// The k-th smallest of n has k/(n + 1) of all below it, whatever their distribution; between two of them it is drawn in a straight
/// line (definition 6 of Hyndman and Fan, 1996). Fewer than 99 do not reach as low: then it is the smallest, with 1/(n + 1) below.
fn low_quantile(distances: &[f32]) -> (f32, f64) {
    let mut sorted = distances.to_vec();
    sorted.sort_by(f32::total_cmp);
    let at = SHARE * (sorted.len() + 1) as f64;
    let rank = at as usize;
    if rank == 0 || rank >= sorted.len() {
        return (sorted[0], 1.0 / (sorted.len() + 1) as f64);
    }
    let (low, high) = (sorted[rank - 1], sorted[rank]);
    (low + (high - low) * (at - rank as f64) as f32, SHARE)
}

fn median(distances: &[f32]) -> f32 {
    let mut sorted = distances.to_vec();
    sorted.sort_by(f32::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f32::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// How near a model's pictures come to its training items.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Memorisation {
    /// Training items that were searched.
    pub train: usize,
    /// Samples of the prior.
    pub samples: usize,
    /// Reconstructed training items.
    pub reconstructions: usize,
    /// Held-out items, and how many of them there are in all.
    pub held_out: [usize; 2],
    /// By Euclidean distance between pixels.
    pub pixels: InSpace,
    /// By Euclidean distance between codes.
    pub codes: InSpace,
    /// The reconstructed training items.
    #[serde(skip)]
    pub originals: Vec<u32>,
}

/// How much each training item's likelihood depends on its having been trained on: K models are trained, each without one fold of
/// the items, and an item's score is its log-likelihood under the models that saw it less that under the one that did not
/// (van den Burg and Williams, NeurIPS 2021, there with several repetitions).
///
/// The likelihoods are estimates that are too low on average, the more so the less well a posterior fits, as it may of an item that
/// was not seen: a score is a comparison of estimates, not a bound.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Dependence {
    /// The items.
    pub items: Vec<u32>,
    /// The fold of each, the model that did not see it.
    pub fold: Vec<u16>,
    /// Folds.
    pub folds: usize,
    /// Log-likelihood of each under the models that saw it, nats, mean over these.
    pub seen: Vec<f32>,
    /// Log-likelihood of each under the one that did not, nats.
    pub unseen: Vec<f32>,
}

/// How often scores fall into equal bins.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scores {
    /// Where the first bin begins, nats.
    pub low: f64,
    /// Width of a bin, nats.
    pub width: f64,
    /// Items in each.
    pub counts: Vec<u32>,
}

impl Dependence {
    /// Nothing measured yet of `items`, whose folds are `fold`.
    ///
    /// # Errors
    /// When there is not one fold per item, or fewer than two folds.
    pub fn begin(items: Vec<u32>, fold: Vec<u16>, folds: usize) -> Result<Self> {
        if folds < 2 || items.len() != fold.len() || fold.iter().any(|&f| usize::from(f) >= folds) {
            return Err(Error::usage("every item is in one of two folds or more"));
        }
        let n = items.len();
        Ok(Self {
            items,
            fold,
            folds,
            seen: vec![0.0; n],
            unseen: vec![0.0; n],
        })
    }

    /// Takes in the log-likelihoods of the items by the model that was trained without `fold`, in nats, in the order of the items.
    pub fn take_in(&mut self, fold: usize, likelihoods: &[f32]) {
        let share = 1.0 / (self.folds - 1) as f32;
        for (i, &likelihood) in likelihoods.iter().enumerate().take(self.items.len()) {
            if usize::from(self.fold[i]) == fold {
                self.unseen[i] = likelihood;
            } else {
                self.seen[i] += likelihood * share;
            }
        }
    }

    /// How much of the log-likelihood of item number `i` comes from its having been trained on, nats.
    #[must_use]
    pub fn score(&self, i: usize) -> f32 {
        self.seen[i] - self.unseen[i]
    }

    /// The items' places, the highest score first.
    #[must_use]
    pub fn highest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        order.sort_by(|&a, &b| self.score(b).total_cmp(&self.score(a)));
        order
    }

    /// How often scores fall into equal bins from the lowest to the highest.
    #[must_use]
    pub fn histogram(&self) -> Scores {
        let scores: Vec<f32> = (0..self.items.len()).map(|i| self.score(i)).collect();
        let low = scores.iter().copied().fold(f32::INFINITY, f32::min);
        let high = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let reach = f64::from(high) - f64::from(low);
        let width = if reach > 0.0 {
            reach / BINS as f64
        } else {
            1.0
        };
        let mut counts = vec![0; BINS];
        for score in scores {
            let bin = ((f64::from(score) - f64::from(low)) / width) as usize;
            counts[bin.min(BINS - 1)] += 1;
        }
        Scores {
            low: f64::from(low),
            width,
            counts,
        }
    }

    /// The mean score, with its interval over the items, in nats.
    #[must_use]
    pub fn mean(&self, seed: u64) -> Estimate {
        let n = self.items.len();
        let scores: Vec<f64> = (0..n).map(|i| f64::from(self.score(i))).collect();
        Resampling { n, seed }.estimate(&scores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    fn nearest(ids: &[u32], distances: &[f32]) -> Nearest {
        Nearest {
            ids: ids.to_vec(),
            distances: distances.to_vec(),
        }
    }

    #[test]
    fn the_quantile_has_a_hundredth_below_it() {
        // Of 199 distances the second smallest has 2/200 below it; of 149 it lies halfway from the first to the second.
        let distances = |n: u16| (1..=n).rev().map(f32::from).collect::<Vec<f32>>();
        assert_eq!(low_quantile(&distances(199)), (2.0, SHARE));
        assert_eq!(low_quantile(&distances(149)), (1.5, SHARE));
        assert_eq!(low_quantile(&distances(99)), (1.0, SHARE));
        // Nineteen reach no lower than a twentieth.
        assert_eq!(low_quantile(&distances(19)), (1.0, 0.05));
        assert_eq!(low_quantile(&[3.0]), (3.0, 0.5));
    }

    #[test]
    fn shares_bins_and_medians_are_those_computed_by_hand() -> Result<()> {
        let found = Found {
            samples: nearest(&[0, 1, 2, 3], &[1.0, 4.0, 5.0, 48.0]),
            reconstructions: nearest(&[5, 6, 5], &[0.5, 1.5, 2.5]),
            held_out: nearest(&[1, 1, 2], &[4.5, 8.0, 24.0]),
            held_out_reconstructions: nearest(&[1, 1, 2], &[4.0, 9.0, 20.0]),
        };
        let space = InSpace::new(Space::Pixel, found, &[5, 7, 5], 1)?;
        // The smallest of three held-out distances, with a quarter expected below.
        assert_eq!((space.quantile, space.expected), (4.5, 0.25));
        assert_eq!(space.samples_below.mean, 0.5);
        assert_eq!(space.reconstructions_below.mean, 1.0);
        assert!((space.held_out_reconstructions_below.mean - 1.0 / 3.0).abs() < 1e-12);
        assert!((space.finds_own.mean - 2.0 / 3.0).abs() < 1e-12);
        assert!(space.samples_below.low <= 0.5 && space.samples_below.high >= 0.5);
        assert_eq!(space.medians, [4.5, 1.5, 8.0]);
        // The largest distance, 48, makes bins of width 1; it lies in the last.
        let bins = &space.histogram;
        assert_eq!(bins.width, 1.0);
        let at = |counts: &[u32]| -> Vec<usize> {
            let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            filled.map(|(bin, _)| bin).collect()
        };
        assert_eq!(at(&bins.samples), [1, 4, 5, 47]);
        assert_eq!(at(&bins.reconstructions), [0, 1, 2]);
        assert_eq!(at(&bins.held_out), [4, 8, 24]);
        assert_eq!(space.found.samples.closest_first(), [0, 1, 2, 3]);
        Ok(())
    }

    #[test]
    fn a_share_is_told_in_words() -> Result<()> {
        let held_out = |n: u16| {
            let distances: Vec<f32> = (1..=n).map(f32::from).collect();
            nearest(&vec![0; usize::from(n)], &distances)
        };
        let told = |n: u16| -> Result<String> {
            let found = Found {
                samples: nearest(&[0, 0, 0], &[0.5, 9.0, 9.0]),
                reconstructions: nearest(&[0], &[1.0]),
                held_out: held_out(n),
                held_out_reconstructions: nearest(&[0], &[1.0]),
            };
            Ok(InSpace::new(Space::Pixel, found, &[0], 1)?.in_words())
        };
        assert_eq!(
            told(199)?,
            "33.3 % of samples lie closer to a training item than 99 % of held-out items do; 1 % is expected when nothing is copied"
        );
        assert_eq!(
            told(19)?,
            "33.3 % of samples lie closer to a training item than any of the 19 held-out items does; 5 % is expected when nothing is copied"
        );
        Ok(())
    }

    #[test]
    fn sets_without_pictures_are_refused() {
        let one = nearest(&[0], &[1.0]);
        let found = Found {
            samples: one.clone(),
            reconstructions: one.clone(),
            held_out: Nearest::default(),
            held_out_reconstructions: one,
        };
        assert!(InSpace::new(Space::Pixel, found, &[0], 1).is_err());
    }

    #[test]
    fn only_training_items_are_found_in_either_space() -> Result<()> {
        let shape = ImageShape::new(1, 2, 1);
        let silent = Progress::silent();
        let data = Dataset::new("four", shape, vec![0, 0, 10, 10, 20, 20, 13, 14])?;
        let queries = Dataset::new("two", shape, vec![13, 14, 0, 1])?;
        // Without item 3, which is the first query itself: item 1 is 3 and 4 away from it, so 5.
        let found = Nearest::in_pixels(&data, &[0, 1, 2], &queries, &silent)?;
        assert_eq!(found, nearest(&[1, 0], &[5.0, 1.0]));
        let found = Nearest::in_pixels(&data, &[0, 1, 2, 3], &queries, &silent)?;
        assert_eq!(found, nearest(&[3, 0], &[0.0, 1.0]));
        let codes = [0.0, 0.0, 1.0, 0.0, 3.0, 4.0];
        let found = Nearest::in_codes(&codes, 2, &[0, 2], &[1.0, 0.0, 3.0, 3.0], &silent)?;
        assert_eq!(found, nearest(&[0, 2], &[1.0, 1.0]));
        assert!(Nearest::in_codes(&codes, 2, &[], &[1.0, 0.0], &silent).is_err());
        Ok(())
    }

    #[test]
    fn the_nearer_item_of_two_blocks_is_kept_and_the_first_of_equals() {
        let first = nearest(&[1, 2, 3], &[1.0, 5.0, 2.0]);
        let second = nearest(&[7, 8, 9], &[1.0, 4.0, 3.0]);
        let both = Nearest::default().or(first).or(second);
        assert_eq!(both, nearest(&[1, 8, 3], &[1.0, 4.0, 2.0]));
    }

    #[test]
    fn a_score_is_what_being_seen_adds() -> Result<()> {
        let mut found = Dependence::begin(vec![4, 8, 9], vec![0, 1, 2], 3)?;
        // Rows are models, columns items; each item's own fold is its unseen likelihood.
        found.take_in(0, &[-9.0, -2.0, -3.0]);
        found.take_in(1, &[-4.0, -6.0, -5.0]);
        found.take_in(2, &[-2.0, -4.0, -3.5]);
        assert_eq!(found.seen, [-3.0, -3.0, -4.0]);
        assert_eq!(found.unseen, [-9.0, -6.0, -3.5]);
        assert_eq!(found.score(0), 6.0);
        assert_eq!(found.highest_first(), [0, 1, 2]);
        // From -0.5 to 6: the second, 3, lies at 3.5 of 6.5, in bin 25 of 48.
        let bins = found.histogram();
        assert_eq!((bins.low, bins.width), (-0.5, 6.5 / 48.0));
        let filled = bins.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        assert_eq!(filled.map(|(bin, _)| bin).collect::<Vec<_>>(), [0, 25, 47]);
        assert!((found.mean(1).mean - 8.5 / 3.0).abs() < 1e-12);
        assert!(Dependence::begin(vec![1], vec![1], 1).is_err());
        assert!(Dependence::begin(vec![1], vec![2], 2).is_err());
        Ok(())
    }
}
