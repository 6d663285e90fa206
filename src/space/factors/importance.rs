//! Disentanglement, completeness and informativeness: what trees that foretell each factor from the code make use of.
//!
//! The importances are those of gradient-boosted trees, as in disentanglement_lib (Eastwood and Williams, 2018, took lasso and
//! random forests). Invariant: each factor's importances add up to one, or are all zero.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::boosting::{Boosted, Cuts, Target, boost, stages_for};
use super::known::{Column, Values};
use crate::error::Result;
use crate::progress::Progress;

/// Added to importances before their entropy is taken, as in disentanglement_lib.
const LITTLE: f64 = 1e-11;

/// What trees make of the code (Eastwood and Williams, 2018).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Importance {
    /// Importance `[factors, dims]` of each dimension for each factor, row by row; a row adds up to 1.
    pub importance: Vec<f64>,
    /// Whether each dimension serves one factor: the mean of `of_dims`, weighted by how much each dimension serves. None of a
    /// single factor, which every dimension serves alone.
    pub disentanglement: Option<f64>,
    /// Of each dimension one less the entropy of what it serves, in units of that of an even distribution.
    pub of_dims: Vec<f64>,
    /// Whether each factor lies in one dimension: the mean of `of_factors`, weighted likewise.
    pub completeness: f64,
    /// Of each factor one less the entropy of what serves it, in units of that of an even distribution.
    pub of_factors: Vec<f64>,
    /// How well the factors are foretold: the mean of `foretold`.
    pub informativeness: f64,
    /// Of each factor the share of held-out items whose class is foretold or, of numbers, the share of their variance that is
    /// explained, at least 0.
    pub foretold: Vec<f64>,
}

/// Items for learning and items held out, both ascending.
pub(super) struct Halves {
    pub train: Vec<u32>,
    pub test: Vec<u32>,
}

/// Measures it for `codes`, `[n, d]`.
pub(super) fn measure(
    codes: &[f32],
    d: usize,
    factors: &[Column],
    halves: &Halves,
    progress: &Progress,
) -> Result<Importance> {
    let stages = |column: &Column| match column.values {
        Values::Numbers(_) => stages_for(1),
        Values::Classes { count, .. } => stages_for(count),
    };
    let total: usize = factors.iter().map(stages).sum();
    let done = AtomicUsize::new(0);
    let tick = || progress.update(done.fetch_add(1, Ordering::Relaxed), total);
    tick()?;
    let cuts = Cuts::of(codes, d, &halves.train);
    let found: Vec<(Boosted, f64)> = factors
        .par_iter()
        .map(|factor| {
            let (train, test) = (factor.among(&halves.train), factor.among(&halves.test));
            let target = match &train.values {
                Values::Numbers(values) => Target::Numbers(values),
                Values::Classes { values, count } => Target::Classes(values, *count),
            };
            let (on, off) = (cuts.bin(codes, &train.items), cuts.bin(codes, &test.items));
            let found = boost(&on, &target, &off, &tick)?;
            let score = score(&found.foretold, &test.values);
            Ok((found, score))
        })
        .collect::<Result<_>>()?;
    let foretold: Vec<f64> = found.iter().map(|(_, score)| *score).collect();
    let importance: Vec<f64> = found.into_iter().flat_map(|(f, _)| f.importance).collect();
    Ok(Importance {
        informativeness: foretold.iter().sum::<f64>() / foretold.len().max(1) as f64,
        foretold,
        ..of_matrix(importance, d)
    })
}

/// What follows from the importances `[factors, d]`.
fn of_matrix(importance: Vec<f64>, d: usize) -> Importance {
    let factors = importance.len() / d;
    let column =
        |dim: usize| -> Vec<f64> { importance.iter().skip(dim).step_by(d).copied().collect() };
    let of_dims: Vec<f64> = (0..d).map(|dim| one_sided(&column(dim))).collect();
    let dims: Vec<f64> = (0..d).map(|dim| column(dim).iter().sum()).collect();
    let rows = importance.chunks_exact(d);
    let of_factors: Vec<f64> = rows.clone().map(one_sided).collect();
    let each: Vec<f64> = rows.map(|row| row.iter().sum()).collect();
    Importance {
        disentanglement: (factors > 1).then(|| weighted(&of_dims, &dims)),
        completeness: weighted(&of_factors, &each),
        of_dims,
        of_factors,
        importance,
        informativeness: 0.0,
        foretold: Vec::new(),
    }
}

/// One less the entropy of the shares of `weights`, in units of that of an even distribution; 1 of a single one.
fn one_sided(weights: &[f64]) -> f64 {
    if weights.len() < 2 {
        return 1.0;
    }
    let sum: f64 = weights.iter().map(|w| w + LITTLE).sum();
    let shares = weights.iter().map(|w| (w + LITTLE) / sum);
    let entropy: f64 = shares.map(|p| -p * p.ln()).sum();
    (1.0 - entropy / (weights.len() as f64).ln()).clamp(0.0, 1.0)
}

/// The mean of `values` by `weights`; the plain mean where all weights are zero.
fn weighted(values: &[f64], weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    if sum == 0.0 {
        return values.iter().sum::<f64>() / values.len().max(1) as f64;
    }
    let pairs = values.iter().zip(weights);
    pairs.map(|(value, weight)| value * weight / sum).sum()
}

fn score(foretold: &[f64], values: &Values) -> f64 {
    let n = foretold.len().max(1) as f64;
    match values {
        Values::Classes { values, .. } => {
            let pairs = foretold.iter().zip(values);
            pairs.filter(|(a, b)| **a == f64::from(**b)).count() as f64 / n
        }
        Values::Numbers(values) => {
            let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let squares: f64 = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
            let pairs = foretold.iter().zip(values);
            let left: f64 = pairs.map(|(a, &b)| (a - f64::from(b)).powi(2)).sum();
            if squares > 0.0 {
                (1.0 - left / squares).max(0.0)
            } else {
                0.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_matrices_are_what_a_hand_computes() {
        let is = |a: f64, b: f64| assert!((a - b).abs() < 1e-8, "{a} {b}");
        // One dimension per factor, a third one idle.
        let found = of_matrix(vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3);
        is(found.disentanglement.unwrap_or(0.0), 1.0);
        is(found.completeness, 1.0);
        assert_eq!(found.of_dims[2], 0.0);
        // Everything everywhere.
        let found = of_matrix(vec![0.5; 4], 2);
        is(found.disentanglement.unwrap_or(1.0), 0.0);
        is(found.completeness, 0.0);
        // The second factor lies evenly in two of four dimensions: 1 - log 2 / log 4 = 1/2; each dimension serves one factor.
        let found = of_matrix(vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0], 4);
        is(found.of_factors[1], 0.5);
        is(found.completeness, 0.75);
        is(found.disentanglement.unwrap_or(0.0), 1.0);
        // Each dimension serves two factors, 3 to 1: 1 - H(1/4) / log 2.
        let found = of_matrix(vec![0.75, 0.25, 0.25, 0.75], 2);
        let h = -(0.25_f64 * 0.25_f64.ln() + 0.75 * 0.75_f64.ln()) / 2.0_f64.ln();
        is(found.disentanglement.unwrap_or(0.0), 1.0 - h);
        // A single factor says nothing of disentanglement, and nothing learnt is nothing complete.
        assert_eq!(of_matrix(vec![0.5, 0.5], 2).disentanglement, None);
        assert_eq!(of_matrix(vec![0.0; 4], 2).completeness, 0.0);
    }
}
