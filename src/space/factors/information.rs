//! Mutual information between factors and dimensions, and the gap between the two dimensions that tell most of a factor.
//!
//! Invariant: no entry is negative, and none exceeds its factor's entropy.

use rayon::prelude::*;
use serde::Serialize;

use super::known::{Column, Values};
use crate::error::Result;
use crate::progress::Progress;

/// What each dimension tells of each factor, in nats, estimated from histograms of as many bins between the least and the
/// greatest value, as numpy makes them.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Information {
    /// Mutual information `[factors, dims]` row by row, nats.
    pub nats: Vec<f64>,
    /// What would be expected of a dimension that has nothing to do with the factor, `[factors, dims]`: histograms of few items
    /// share information by chance, about `(a − 1)(b − 1) / 2n` nats for `a` and `b` bins that are not empty (Miller, 1955).
    pub by_chance: Vec<f64>,
    /// Entropy of each factor in its bins, nats, above zero.
    pub entropy: Vec<f64>,
    /// For each factor the information of the dimension that tells most less that of the second, over the entropy: 0 to 1.
    pub gaps: Vec<f64>,
    /// Mutual information gap, the mean of these (Chen et al., 2018, equation 6).
    pub mig: f64,
}

/// Values in bins.
pub(super) struct Binned {
    pub bins: Vec<u32>,
    /// One more than the greatest bin.
    pub count: usize,
}

impl Binned {
    /// Values in `count` equal bins from the least to the greatest of them, each with its lower end, the last with both; a single
    /// bin where all are the same.
    pub(super) fn of_numbers(values: impl Iterator<Item = f32> + Clone, count: usize) -> Self {
        let ends = values
            .clone()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
        let (low, high) = (f64::from(ends.0), f64::from(ends.1));
        let step = (high - low) / count as f64;
        let edge = |bin: usize| bin as f64 * step + low;
        let last = count.saturating_sub(1);
        let bin = |x: f32| {
            let x = f64::from(x);
            if step <= 0.0 {
                return 0;
            }
            // The quotient may be off by one where the value lies on an edge.
            let mut bin = (((x - low) / step) as usize).min(last);
            while bin > 0 && x < edge(bin) {
                bin -= 1;
            }
            while bin < last && x >= edge(bin + 1) {
                bin += 1;
            }
            bin as u32
        };
        Self {
            bins: values.map(bin).collect(),
            count,
        }
    }

    /// A factor in `count` bins, or in its classes.
    pub(super) fn of_factor(values: &Values, count: usize) -> Self {
        match values {
            Values::Numbers(values) => Self::of_numbers(values.iter().copied(), count),
            Values::Classes { values, count } => Self {
                bins: values.clone(),
                count: *count,
            },
        }
    }
}

/// Measures it for `codes`, `[n, d]`.
pub(super) fn measure(
    codes: &[f32],
    d: usize,
    factors: &[Column],
    bins: usize,
    progress: &Progress,
) -> Result<Information> {
    progress.update(0, 2)?;
    let dims: Vec<Binned> = (0..d)
        .into_par_iter()
        .map(|dim| Binned::of_numbers(codes.iter().skip(dim).step_by(d).copied(), bins))
        .collect();
    progress.update(1, 2)?;
    let rows: Vec<Row> = factors
        .par_iter()
        .map(|factor| {
            progress.update(1, 2)?;
            Ok(row(factor, &dims, bins))
        })
        .collect::<Result<_>>()?;
    let gaps: Vec<f64> = rows.iter().map(|row| gap(&row.nats, row.entropy)).collect();
    progress.update(2, 2)?;
    Ok(Information {
        mig: gaps.iter().sum::<f64>() / gaps.len().max(1) as f64,
        gaps,
        entropy: rows.iter().map(|row| row.entropy).collect(),
        by_chance: rows.iter().flat_map(|row| row.by_chance.clone()).collect(),
        nats: rows.into_iter().flat_map(|row| row.nats).collect(),
    })
}

struct Row {
    nats: Vec<f64>,
    by_chance: Vec<f64>,
    entropy: f64,
}

fn row(factor: &Column, dims: &[Binned], bins: usize) -> Row {
    let binned = Binned::of_factor(&factor.values, bins);
    let own = shares(&counts(&binned.bins, binned.count));
    let entropy = own.iter().map(|p| -p * p.ln()).sum();
    let (mut nats, mut by_chance) = (Vec::new(), Vec::new());
    for dim in dims {
        let other: Vec<u32> = factor
            .items
            .iter()
            .map(|&item| dim.bins[item as usize])
            .collect();
        let counts_of_dim = counts(&other, dim.count);
        let used = |counts: &[u32]| counts.iter().filter(|&&count| count > 0).count();
        let free = own.len().saturating_sub(1) * used(&counts_of_dim).saturating_sub(1);
        by_chance.push(free as f64 / (2.0 * factor.items.len() as f64));
        nats.push(mutual(&binned, &other, dim.count).clamp(0.0, entropy));
    }
    Row {
        nats,
        by_chance,
        entropy,
    }
}

/// The top less the second of `information`, over `entropy`.
fn gap(information: &[f64], entropy: f64) -> f64 {
    let (top, second) = top_two(information);
    (top - second) / entropy
}

/// The greatest and the second; nothing counts as zero.
pub(super) fn top_two(values: &[f64]) -> (f64, f64) {
    values.iter().fold((0.0, 0.0), |(top, second), &x| {
        if x > top {
            (x, top)
        } else {
            (top, f64::max(second, x))
        }
    })
}

fn counts(bins: &[u32], count: usize) -> Vec<u32> {
    let mut counts = vec![0; count];
    for &bin in bins {
        counts[bin as usize] += 1;
    }
    counts
}

/// The shares of what occurs.
fn shares(counts: &[u32]) -> Vec<f64> {
    let n: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let some = counts.iter().filter(|&&count| count > 0);
    some.map(|&count| f64::from(count) / n).collect()
}

/// Mutual information of two discrete variables, nats.
fn mutual(a: &Binned, b: &[u32], b_count: usize) -> f64 {
    let mut joint = vec![0_u32; a.count * b_count];
    for (&a, &b) in a.bins.iter().zip(b) {
        joint[a as usize * b_count + b as usize] += 1;
    }
    let n = b.len() as f64;
    let (of_a, of_b) = (counts(&a.bins, a.count), counts(b, b_count));
    let mut sum = 0.0;
    for (row, &in_a) in joint.chunks_exact(b_count).zip(&of_a) {
        for (&both, &in_b) in row.iter().zip(&of_b) {
            if both > 0 {
                let both = f64::from(both);
                sum += both / n * (both * n / (f64::from(in_a) * f64::from(in_b))).ln();
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_those_of_numpy() {
        // numpy.digitize(x, numpy.histogram(x, 4)[1][:-1]) - 1
        let x = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 3.9, 4.0];
        let binned = Binned::of_numbers(x.into_iter(), 4);
        assert_eq!(binned.bins, [0, 0, 1, 1, 2, 3, 3, 3]);
        let same = Binned::of_numbers([7.0; 3].into_iter(), 4);
        assert_eq!(same.bins, [0; 3]);
        let tenth: Vec<f32> = (0..11).map(|i| i as f32 * 0.1).collect();
        let binned = Binned::of_numbers(tenth.iter().copied(), 10);
        assert_eq!((binned.bins[0], binned.bins[10]), (0, 9));
    }

    #[test]
    fn information_of_small_tables_is_what_a_hand_computes() {
        let a = Binned {
            bins: vec![0, 0, 1, 1],
            count: 2,
        };
        // The same, none, and three of four: H(1/4) is taken from ln 2 by Σ p ln(p / (p_a p_b)).
        assert!((mutual(&a, &[1, 1, 0, 0], 2) - 2.0_f64.ln()).abs() < 1e-12);
        assert!(mutual(&a, &[0, 1, 0, 1], 2).abs() < 1e-12);
        let expected = 0.25 * (0.25_f64 / (0.5 * 0.75)).ln()
            + 0.25 * (0.25_f64 / (0.5 * 0.25)).ln()
            + 0.5 * (0.5_f64 / (0.5 * 0.75)).ln();
        assert!((mutual(&a, &[0, 1, 0, 0], 2) - expected).abs() < 1e-12);
    }

    #[test]
    fn the_gap_is_between_the_first_two() {
        assert_eq!(top_two(&[0.1, 0.7, 0.4]), (0.7, 0.4));
        assert_eq!(top_two(&[0.7, 0.7]), (0.7, 0.7));
        assert_eq!(top_two(&[0.3]), (0.3, 0.0));
        assert!((gap(&[0.5, 0.1, 0.2], 2.0) - 0.15).abs() < 1e-12);
    }
}
