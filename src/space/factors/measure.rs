//! All figures of the bench, in one go.
//!
//! Invariant: every figure is of the same items and the same factors.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::importance::{self, Halves, Importance};
use super::information::{self, Information};
use super::known::{Column, Known, LeftOutFactor, Values};
use super::predictability::{self, Predictability};
use super::votes::{self, Votes};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Bins of a histogram at most.
pub const MOST_BINS: usize = 1000;

/// Items that are learnt from, and held-out ones, at most: as many as in disentanglement_lib.
const LEARNT: usize = 10_000;
const HELD_OUT: usize = 5_000;

/// What the dimensions of a code have to do with known factors.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Factors {
    /// What the measured factors are called.
    pub names: Vec<String>,
    /// Which of them are classes; the others are numbers.
    pub are_classes: Vec<bool>,
    /// Factors that nothing can be told of.
    pub left_out: Vec<LeftOutFactor>,
    /// Numbers of a code.
    pub dims: usize,
    /// Items measured.
    pub items: usize,
    /// Bins of every dimension, and of every factor that is a number.
    pub bins: usize,
    /// What chance was drawn from.
    pub seed: u64,
    /// Items that were learnt from, and that were held out, where something is learnt.
    pub learnt: [usize; 2],
    /// Mutual information, and MIG.
    pub information: Information,
    /// Disentanglement, completeness and informativeness.
    pub importance: Importance,
    /// SAP.
    pub predictability: Predictability,
    /// The score of FactorVAE; none where no factor is known of enough items.
    pub votes: Option<Votes>,
}

impl Factors {
    /// Measures `codes`, `[n, d]` row by row, against `known`, with histograms of `bins` bins.
    ///
    /// # Errors
    /// When there is no factor that varies, codes have fewer than two dimensions, `bins` is not in `2..=`[`MOST_BINS`], lengths do not
    /// fit together or a code is not finite; `is_cancelled`.
    pub fn measure(
        codes: &[f32],
        d: usize,
        known: &[Known],
        bins: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        let n = check(codes, d, known, bins)?;
        let (mut kept, mut columns, mut left_out) = (Vec::new(), Vec::<Column>::new(), Vec::new());
        for factor in known {
            match factor.column() {
                Ok(column) => {
                    kept.push(factor);
                    columns.push(column);
                }
                Err(reason) => left_out.push(LeftOutFactor {
                    name: factor.name.clone(),
                    reason,
                }),
            }
        }
        if columns.is_empty() {
            let told: Vec<String> = left_out
                .iter()
                .take(3)
                .map(|factor| format!("{}: {}", factor.name, factor.reason))
                .collect();
            return Err(
                Error::usage(format!("no factor can be measured: {}", told.join("; "))).hint(
                    format!(
                        "a factor has to vary, and to be known of {} items or more",
                        Known::LEAST
                    ),
                ),
            );
        }
        let halves = halves(n, seed);
        let part = |from, to| progress.part(from, to);
        let information = information::measure(codes, d, &columns, bins, &part(0.0, 0.15))?;
        let predictability =
            predictability::measure(codes, d, &columns, &halves, &part(0.15, 0.2))?;
        let importance = importance::measure(codes, d, &columns, &halves, &part(0.2, 0.8))?;
        let votes = votes::measure(codes, d, &columns, seed, &part(0.8, 1.0))?;
        Ok(Self {
            names: kept.iter().map(|factor| factor.name.clone()).collect(),
            are_classes: columns
                .iter()
                .map(|column| matches!(column.values, Values::Classes { .. }))
                .collect(),
            left_out,
            dims: d,
            items: n,
            bins,
            seed,
            learnt: [halves.train.len(), halves.test.len()],
            information,
            importance,
            predictability,
            votes,
        })
    }

    /// What `dim` tells of `factor`, nats.
    ///
    /// # Panics
    /// When there are fewer factors or dimensions.
    #[must_use]
    pub fn nats(&self, factor: usize, dim: usize) -> f64 {
        self.information.nats[factor * self.dims + dim]
    }

    /// The dimension that tells most of `factor`.
    ///
    /// # Panics
    /// When there are fewer factors.
    #[must_use]
    pub fn best(&self, factor: usize) -> usize {
        (1..self.dims).fold(0, |best, dim| {
            if self.nats(factor, dim) > self.nats(factor, best) {
                dim
            } else {
                best
            }
        })
    }
}

/// Whether these can be measured; the number of items.
fn check(codes: &[f32], d: usize, known: &[Known], bins: usize) -> Result<usize> {
    if d < 2 {
        return Err(Error::usage(
            "a code of one number has no second dimension to compare it with",
        )
        .hint("take a model whose code has two or more"));
    }
    if !(2..=MOST_BINS).contains(&bins) {
        return Err(Error::usage(format!(
            "the number of bins is between 2 and {MOST_BINS}, not {bins}"
        )));
    }
    if known.is_empty() {
        return Err(Error::usage("nothing is known of the items that a code could be measured against").hint(
            "open faces, digits, or data with classes or with a table (metadata.csv) whose columns are numbers or categories",
        ));
    }
    if !codes.len().is_multiple_of(d) {
        return Err(Error::usage(format!(
            "{} numbers are no codes of {d} numbers each",
            codes.len()
        )));
    }
    let n = codes.len() / d;
    if let Some(factor) = known.iter().find(|factor| factor.len() != n) {
        return Err(Error::usage(format!(
            "{} values of {} for {n} codes",
            factor.len(),
            factor.name
        )));
    }
    if let Some(position) = codes.iter().position(|x| !x.is_finite()) {
        return Err(Error::model(format!(
            "the code of item {} is not finite",
            position / d
        )));
    }
    Ok(n)
}

/// Two thirds of the items to learn from, the others held out, both drawn by chance.
fn halves(n: usize, seed: u64) -> Halves {
    let mut items: Vec<u32> = (0..n as u32).collect();
    items.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let learnt = (2 * n / 3).min(LEARNT);
    let end = n.min(learnt + HELD_OUT);
    let (mut train, mut test) = (items[..learnt].to_vec(), items[learnt..end].to_vec());
    train.sort_unstable();
    test.sort_unstable();
    Halves { train, test }
}
