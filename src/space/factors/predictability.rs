//! How well a single dimension foretells each factor by a line, and by how much the best is ahead of the second.
//!
//! Invariant: scores are between 0 and 1.

use rayon::prelude::*;
use serde::Serialize;

use super::importance::Halves;
use super::information::top_two;
use super::known::{Column, Values};
use crate::error::Result;
use crate::progress::Progress;

/// A dimension of less variance foretells nothing, as in disentanglement_lib.
const FLAT: f64 = 1e-12;

/// Separated attribute predictability (Kumar et al., 2018, section 3).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Predictability {
    /// `[factors, dims]`, row by row. Of numbers the squared correlation; of classes the share of held-out items that a linear
    /// classifier of the one dimension gets right: one line per class against the rest by least squares, both sides of equal
    /// weight, where disentanglement_lib fits support-vector machines with balanced classes.
    pub scores: Vec<f64>,
    /// For each factor the best score less the second.
    pub gaps: Vec<f64>,
    /// The mean of these.
    pub sap: f64,
}

/// Measures it for `codes`, `[n, d]`.
pub(super) fn measure(
    codes: &[f32],
    d: usize,
    factors: &[Column],
    halves: &Halves,
    progress: &Progress,
) -> Result<Predictability> {
    progress.update(0, 1)?;
    let rows: Vec<Vec<f64>> = factors
        .par_iter()
        .map(|factor| {
            progress.update(0, 1)?;
            Ok(match &factor.values {
                Values::Numbers(values) => {
                    let of = |dim| correlation(codes, d, dim, &factor.items, values).powi(2);
                    (0..d).map(of).collect()
                }
                Values::Classes { count, .. } => {
                    let (train, test) = (factor.among(&halves.train), factor.among(&halves.test));
                    let of = |dim| classified(codes, d, dim, &train, &test, *count);
                    (0..d).map(of).collect()
                }
            })
        })
        .collect::<Result<_>>()?;
    let gap = |row: &Vec<f64>| {
        let (top, second) = top_two(row);
        top - second
    };
    let gaps: Vec<f64> = rows.iter().map(gap).collect();
    progress.update(1, 1)?;
    Ok(Predictability {
        sap: gaps.iter().sum::<f64>() / gaps.len().max(1) as f64,
        gaps,
        scores: rows.concat(),
    })
}

/// Pearson's correlation of dimension `dim` with `values`; 0 of a flat one.
fn correlation(codes: &[f32], d: usize, dim: usize, items: &[u32], values: &[f32]) -> f64 {
    let n = items.len() as f64;
    let code = |item: u32| f64::from(codes[item as usize * d + dim]);
    let pairs = || {
        let values = values.iter().map(|&y| f64::from(y));
        items.iter().map(|&item| code(item)).zip(values)
    };
    let (x_sum, y_sum) = pairs().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (x_mean, y_mean) = (x_sum / n, y_sum / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs() {
        let (x, y) = (x - x_mean, y - y_mean);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    if xx / (n - 1.0) <= FLAT || yy <= 0.0 {
        return 0.0;
    }
    (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0)
}

/// The share of the `test` items whose class lines over dimension `dim` tell, fitted to the `train` items; that of a guess where the
/// dimension is flat.
fn classified(
    codes: &[f32],
    d: usize,
    dim: usize,
    train: &Column,
    test: &Column,
    count: usize,
) -> f64 {
    let (Values::Classes { values, .. }, Values::Classes { values: others, .. }) =
        (&train.values, &test.values)
    else {
        return 0.0;
    };
    let code = |item: &u32| f64::from(codes[*item as usize * d + dim]);
    // Per class the number, the mean and the squares about it, and of all.
    let mut sums = vec![(0.0_f64, 0.0_f64); count];
    for (item, &class) in train.items.iter().zip(values) {
        let (n, sum) = &mut sums[class as usize];
        *n += 1.0;
        *sum += code(item);
    }
    let (n, sum) = sums
        .iter()
        .fold((0.0, 0.0), |(n, sum), own| (n + own.0, sum + own.1));
    let mut squares = vec![0.0_f64; count];
    for (item, &class) in train.items.iter().zip(values) {
        let (own, sum) = sums[class as usize];
        squares[class as usize] += (code(item) - sum / own).powi(2);
    }
    let whole: f64 = sums
        .iter()
        .zip(&squares)
        .map(|(&(own, x), square)| square + own * (x / own.max(1.0) - sum / n).powi(2))
        .sum();
    if n < 2.0 || whole / (n - 1.0) <= FLAT {
        return 1.0 / count as f64;
    }
    // Two sides at 1 and -1, each of weight one half: the slope is the covariance over the variance of that mixture.
    let line = |class: usize| {
        let (own, x) = sums[class];
        if own == 0.0 || own == n {
            // Never foretold, or always.
            return (0.0, if own == 0.0 { f64::NEG_INFINITY } else { 1.0 });
        }
        let (here, there) = (x / own, (sum - x) / (n - own));
        let off = whole
            - squares[class]
            - own * (here - sum / n).powi(2)
            - (n - own) * (there - sum / n).powi(2);
        let within = 0.5 * (squares[class] / own + off.max(0.0) / (n - own));
        let half = 0.5 * (here - there);
        let slope = half / (within + half * half).max(f64::MIN_POSITIVE);
        (slope, -slope * 0.5 * (here + there))
    };
    let lines: Vec<(f64, f64)> = (0..count).map(line).collect();
    let right = test.items.iter().zip(others).filter(|(item, class)| {
        let x = code(item);
        let at = |class: usize| lines[class].0 * x + lines[class].1;
        let best = (1..count).fold(
            0,
            |best, class| {
                if at(class) > at(best) { class } else { best }
            },
        );
        best == **class as usize
    });
    right.count() as f64 / test.items.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_explains_what_a_hand_computes() {
        let items: Vec<u32> = (0..4).collect();
        let codes = [1.0, 5.0, 2.0, 5.0, 3.0, 5.0, 4.0, 5.0];
        let r = |dim, y: &[f32]| correlation(&codes, 2, dim, &items, y);
        assert!((r(0, &[2.0, 4.0, 6.0, 8.0]) - 1.0).abs() < 1e-12);
        // A symmetric bump goes neither up nor down.
        assert!(r(0, &[0.0, 1.0, 1.0, 0.0]).abs() < 1e-12);
        // x - 2.5 = -1.5 … 1.5, y - 0.25 = 0.75, -0.25 …: -1.5 / sqrt(5 · 0.75).
        let expected = -1.5 / (5.0_f64 * 0.75).sqrt();
        assert!((r(0, &[1.0, 0.0, 0.0, 0.0]) - expected).abs() < 1e-12);
        assert_eq!(r(1, &[1.0, 2.0, 3.0, 4.0]), 0.0);
    }

    #[test]
    fn classes_on_either_side_are_told_and_a_flat_dimension_guesses() {
        let codes: Vec<f32> = (0..30).flat_map(|i| [i as f32, 3.0]).collect();
        let column = |from: u32, classes: u32| Column {
            items: (from..30).step_by(2).collect(),
            values: Values::Classes {
                values: (from..30).step_by(2).map(|i| i * classes / 30).collect(),
                count: classes as usize,
            },
        };
        let share = |dim, n| classified(&codes, 2, dim, &column(0, n), &column(1, n), n as usize);
        assert_eq!(share(0, 2), 1.0);
        assert_eq!(share(1, 2), 0.5);
        // Of three in a row the means are 4, 14 and 24: the outer lines end at 11.5 and 16.5, the middle one is level, so that of
        // the middle class 13 and 15 are right, and 11, 17 and 19 are not.
        assert_eq!(share(0, 3), 12.0 / 15.0);
    }
}
