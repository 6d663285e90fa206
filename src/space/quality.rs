//! What a map is worth: whether neighbours on the plane are neighbours in the space, and whether they are of one class.
//!
//! Invariant: the same input gives the same measure, whatever the number of threads; no memory of the square of the rows.

#![expect(
    clippy::inline_always,
    reason = "code gets a kind of vector only by being inlined where that kind is known to be there"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::graph::{ITEMS, NeighbourGraph, QUERIES, Rows, check, multiply};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Some rows, drawn at random, in place of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How many rows; all where there are no more.
    pub rows: usize,
    /// Seed of the drawing.
    pub seed: u64,
}

/// How far a map's neighbours can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trustworthiness {
    /// From 0, or for random positions about 0.5, to 1: each row's neighbours on the plane are its nearest in the space.
    pub value: f64,
    /// The rows over which it is a mean: all of them or the sample.
    pub rows: usize,
}

/// Trustworthiness of `positions` for `rows`, `[n, d]` row by row (Venna and Kaski 2001): one, less what it costs that rows
/// are among the `k` nearest on the plane but not in the space, by how far down they are in the order of the row's
/// neighbours. Of equally near rows the smaller number comes first.
///
/// The work is that of comparing all rows with all, `n² d`; with a `sample` only its rows are compared with all and the measure
/// is the mean over them.
///
/// # Errors
/// When there is not one finite position per row, `k` is zero or not below half of the rows, a number is not finite or
/// too large to compare, or someone asked for the end.
pub fn trustworthiness(
    rows: &[f32],
    d: usize,
    positions: &[[f32; 2]],
    k: usize,
    sample: Option<Sample>,
    progress: &Progress,
) -> Result<Trustworthiness> {
    check(rows, d, k)?;
    let plane = positions.as_flattened();
    check(plane, 2, k)?;
    let n = rows.len() / d;
    if positions.len() != n {
        return Err(Error::usage(format!(
            "{} positions for {n} rows",
            positions.len()
        )));
    }
    if 2 * k >= n {
        return Err(Error::usage(format!(
            "the trustworthiness of {k} neighbours needs more than {} rows, not {n}",
            2 * k
        )));
    }
    let (rows, plane) = (Rows::new(rows, d), Rows::new(plane, 2));
    let drawn: Vec<u32> = match sample {
        Some(Sample { rows, seed }) if rows < n => {
            if rows == 0 {
                return Err(Error::usage("a sample needs at least one row"));
            }
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let drawn = rand::seq::index::sample(&mut rng, n, rows);
            let mut drawn: Vec<u32> = drawn.into_iter().map(|i| i as u32).collect();
            drawn.sort_unstable();
            drawn
        }
        _ => (0..n as u32).collect(),
    };
    let blocks = drawn.len().div_ceil(QUERIES);
    let done = AtomicUsize::new(0);
    let excess: Vec<u64> = drawn
        .par_chunks(QUERIES)
        .map(|queries| {
            let excess = excess(&rows, &plane, queries, k, progress)?;
            progress.update(done.fetch_add(1, Ordering::Relaxed) + 1, blocks)?;
            Ok(excess)
        })
        .collect::<Result<_>>()?;
    let excess = excess.iter().sum::<u64>() as f64;
    let (n, k, of) = (n as f64, k as f64, drawn.len() as f64);
    Ok(Trustworthiness {
        value: 1.0 - excess * 2.0 / (of * k * (2.0 * n - 3.0 * k - 1.0)),
        rows: drawn.len(),
    })
}

/// By how much the ranks of some rows' neighbours on the plane are beyond `k`, in all.
fn excess(
    rows: &Rows<'_>,
    plane: &Rows<'_>,
    queries: &[u32],
    k: usize,
    progress: &Progress,
) -> Result<u64> {
    let near: Vec<u32> = plane
        .nearest(queries, k, progress)?
        .iter()
        .flatten()
        .map(|&(_, id)| id)
        .collect();
    let width = rows.d + 1;
    let mut packed = Vec::new();
    for &i in queries {
        rows.pack(i as usize, &mut packed);
    }
    let bounds: Vec<Bound> = near
        .iter()
        .enumerate()
        .map(|(at, &j)| Bound::new(rows, queries[at / k], j))
        .collect();
    let mut products = vec![0.0; queries.len() * ITEMS.min(rows.n)];
    let mut exact = vec![f64::NAN; ITEMS];
    let mut ranks = vec![1_u64; near.len()];
    for (block, items) in rows.centred.chunks(ITEMS * width).enumerate() {
        if progress.is_cancelled() {
            return Err(Error::cancelled());
        }
        let (first, count) = (block * ITEMS, items.len() / width);
        let products = &mut products[..queries.len() * count];
        multiply(&packed, items, width, products);
        for (query, values) in products.chunks_exact_mut(count).enumerate() {
            let i = queries[query];
            // A row is not in its own order.
            if let Some(own) = (i as usize).checked_sub(first)
                && own < count
            {
                values[own] = f32::INFINITY;
            }
            exact.fill(f64::NAN);
            for at in query * k..(query + 1) * k {
                let bound = &bounds[at];
                let (nearer, perhaps) = pulp::Arch::new().dispatch(
                    #[inline(always)]
                    || bound.count(values),
                );
                ranks[at] += nearer;
                if perhaps > 0 {
                    // Too near for the products to tell: by the differences. Where all distances are alike, that is all items, so
                    // each is measured once only.
                    for (item, (value, exact)) in values.iter().zip(&mut exact).enumerate() {
                        if bound.leaves_open(*value) {
                            let id = first + item;
                            if exact.is_nan() {
                                *exact = squared_distance(rows, i, id as u32);
                            }
                            let order = exact.total_cmp(&bound.square);
                            ranks[at] +=
                                u64::from(order.then(id.cmp(&(near[at] as usize))).is_lt());
                        }
                    }
                }
            }
        }
    }
    Ok(ranks.iter().map(|rank| rank.saturating_sub(k as u64)).sum())
}

/// What is nearer to a row than one of its neighbours, as far as products can tell.
struct Bound {
    /// The neighbour's squared distance by the differences.
    square: f64,
    /// Products below this are of nearer items, those above the next of farther ones.
    below: f32,
    above: f32,
}

impl Bound {
    fn new(rows: &Rows<'_>, i: u32, j: u32) -> Self {
        let square = squared_distance(rows, i, j);
        let error = rows.error(i, square.sqrt());
        let product = square - f64::from(rows.centred(i as usize)[rows.d]);
        Self {
            square,
            below: (product - error) as f32,
            above: (product + error) as f32,
        }
    }

    #[inline(always)]
    fn leaves_open(&self, value: f32) -> bool {
        value >= self.below && value <= self.above
    }

    /// How many of `values` are of nearer items, and how many it cannot tell of.
    #[inline(always)]
    fn count(&self, values: &[f32]) -> (u64, u64) {
        let nearer: u32 = values.iter().map(|x| u32::from(*x < self.below)).sum();
        let as_near: u32 = values.iter().map(|x| u32::from(*x <= self.above)).sum();
        (u64::from(nearer), u64::from(as_near - nearer))
    }
}

/// By the differences, in double precision.
fn squared_distance(rows: &Rows<'_>, i: u32, j: u32) -> f64 {
    let pairs = rows.given(i as usize).iter().zip(rows.given(j as usize));
    pairs
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum()
}

/// The share of rows whose class is the commonest among their `k` nearest on the plane, themselves left out. Of classes that
/// are equally common the smallest is taken. Where there are no `k` others, all others vote.
///
/// # Errors
/// When there are fewer than two positions, not one label for each, `k` is zero, a position is not finite, or someone asked
/// for the end.
pub fn plane_accuracy(
    positions: &[[f32; 2]],
    labels: &[u16],
    k: usize,
    progress: &Progress,
) -> Result<f64> {
    if positions.len() != labels.len() || positions.len() < 2 {
        return Err(Error::usage(format!(
            "{} labels for {} positions; two or more of each are needed",
            labels.len(),
            positions.len()
        )));
    }
    let graph = NeighbourGraph::new(positions.as_flattened(), 2, k, 0, progress)?;
    let classes = labels
        .iter()
        .max()
        .map_or(0, |&label| usize::from(label) + 1);
    let right = (0..labels.len())
        .into_par_iter()
        .map_init(
            || vec![0_u32; classes],
            |votes, i| {
                votes.fill(0);
                for &j in graph.ids(i) {
                    votes[usize::from(labels[j as usize])] += 1;
                }
                let most = votes.iter().max();
                let winner = votes.iter().position(|count| Some(count) == most);
                usize::from(winner == Some(usize::from(labels[i])))
            },
        )
        .sum::<usize>();
    Ok(right as f64 / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(rows: &[f32], d: usize, positions: &[[f32; 2]], k: usize) -> Result<f64> {
        let measured = trustworthiness(rows, d, positions, k, None, &Progress::silent())?;
        assert_eq!(measured.rows, positions.len());
        Ok(measured.value)
    }

    /// Trustworthiness as it is written down, from sorted lists.
    fn by_definition(rows: &[f32], d: usize, positions: &[[f32; 2]], k: usize) -> f64 {
        let order = |rows: &[f32], d: usize, i: usize| {
            let square = |j: usize| -> f64 {
                let pairs = rows[i * d..][..d].iter().zip(&rows[j * d..][..d]);
                pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
            };
            let mut ids: Vec<usize> = (0..rows.len() / d).filter(|&j| j != i).collect();
            ids.sort_by(|&a, &b| square(a).total_cmp(&square(b)).then(a.cmp(&b)));
            ids
        };
        let n = positions.len();
        let mut sum = 0;
        for i in 0..n {
            let space = order(rows, d, i);
            for j in &order(positions.as_flattened(), 2, i)[..k] {
                let rank = 1 + space.iter().position(|other| other == j).unwrap_or(n);
                sum += rank.saturating_sub(k);
            }
        }
        1.0 - 2.0 * sum as f64 / (n * k * (2 * n - 3 * k - 1)) as f64
    }

    #[test]
    fn a_map_with_two_rows_exchanged_loses_what_the_formula_says() -> Result<()> {
        let line = [0.0, 1.0, 2.1, 3.3, 4.6];
        let faithful = line.map(|x| [x, 0.0]);
        assert_eq!(measured(&line, 1, &faithful, 1)?, 1.0);
        // Nearest on the plane: 0→3, 1→2, 2→3, 3→0, 4→1.
        let exchanged = [0.0, 3.3, 2.1, 1.0, 4.6].map(|x| [x, 0.0]);
        // Their ranks in the space: 3, 2, 2, 4 and 3; beyond the first: 2 + 1 + 1 + 3 + 2.
        let expected = 1.0 - 2.0 / (5.0 * 1.0 * (10.0 - 3.0 - 1.0)) * 9.0;
        let found = measured(&line, 1, &exchanged, 1)?;
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        Ok(())
    }

    proptest! {
        #[test]
        fn trustworthiness_is_that_of_the_definition(
            values in prop::collection::vec((-4_i8..5, -4_i8..5, -4_i8..5, -9_i8..9, -9_i8..9), 12..300),
            k in 1_usize..6,
            corner in prop::sample::select(vec![0.0_f32, 0.25, 3000.0]),
        ) {
            // Whole numbers have many ties; a far-away corner makes the products inexact.
            let rows: Vec<f32> = values
                .iter()
                .flat_map(|v| [v.0, v.1, v.2].map(|x| f32::from(x) + corner))
                .collect();
            let positions: Vec<_> = values.iter().map(|v| [v.3, v.4].map(f32::from)).collect();
            let found = measured(&rows, 3, &positions, k)?;
            prop_assert_eq!(found, by_definition(&rows, 3, &positions, k));
        }
    }

    #[test]
    fn a_sample_tells_about_as_much_and_says_how_many_it_saw() -> Result<()> {
        let n = 3000_u32;
        let rows: Vec<f32> = (0..n).map(|i| (i * 7919 % n) as f32).collect();
        // A fold at a half: two distant rows on every place.
        let positions: Vec<_> = rows.iter().map(|x| [(x - 1500.2).abs(), 0.0]).collect();
        let all = measured(&rows, 1, &positions, 4)?;
        let sample = Some(Sample { rows: 400, seed: 3 });
        let some = trustworthiness(&rows, 1, &positions, 4, sample, &Progress::silent())?;
        assert_eq!(some.rows, 400);
        assert!((some.value - all).abs() < 0.03, "{} {all}", some.value);
        assert!((0.5..0.95).contains(&all));
        Ok(())
    }

    #[test]
    fn votes_leave_the_row_out_and_ties_go_to_the_smaller_class() -> Result<()> {
        let accuracy = |xs: &[f32], labels: &[u16], k| {
            let positions: Vec<_> = xs.iter().map(|&x| [x, 0.0]).collect();
            plane_accuracy(&positions, labels, k, &Progress::silent())
        };
        let xs = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
        assert_eq!(accuracy(&xs, &[1, 1, 1, 0, 0, 0], 2)?, 1.0);
        // The stranger among three is wrong, and in each of its two neighbours' votes one of two: 0 wins the tie.
        assert_eq!(accuracy(&xs, &[1, 0, 1, 0, 0, 0], 2)?, 0.5);
        // Alone with one of another class, each is taken for the other.
        assert_eq!(accuracy(&[0.0, 1.0], &[0, 7], 10)?, 0.0);
        Ok(())
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let positions = [[0.0, 1.0]; 6];
        let progress = Progress::silent();
        let refused = |rows: &[f32], positions: &[[f32; 2]], k| {
            trustworthiness(rows, 1, positions, k, None, &progress).is_err_and(|e| e.is_usage())
        };
        assert!(refused(&[0.0; 5], &positions, 1));
        assert!(refused(&[0.0; 6], &positions, 3));
        assert!(refused(&[0.0; 6], &positions, 0));
        assert!(measured(&[0.0; 6], 1, &[[f32::NAN; 2]; 6], 1).is_err());
        assert!(plane_accuracy(&positions, &[1; 5], 1, &progress).is_err_and(|e| e.is_usage()));
        assert!(plane_accuracy(&[], &[], 1, &progress).is_err_and(|e| e.is_usage()));
        progress.cancel();
        let stopped = plane_accuracy(&positions, &[1; 6], 1, &progress);
        assert!(stopped.is_err_and(|e| e.is_cancelled()));
        let stopped = trustworthiness(&[0.0; 6], 1, &positions, 2, None, &progress);
        assert!(stopped.is_err_and(|e| e.is_cancelled()));
    }
}
