//! Whether the dimension that varies least tells which factor was held fixed.
//!
//! Invariant: vote `i` depends on the seed and `i` alone.

use rand::seq::index;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::known::{Column, Values};
use crate::error::Result;
use crate::progress::Progress;

/// A dimension whose standard deviation is below this has no vote: what disentanglement_lib's studies set.
pub const DEAD: f64 = 0.05;
/// A factor that is known of fewer items has no votes.
pub const LEAST_ITEMS: usize = 80;

/// Items that a vote is taken of.
const GROUP: usize = 64;
/// At least so many, of a class with few items.
const LEAST_GROUP: usize = 8;
/// A group is no wider than this part of the items.
const NARROW: usize = 10;
/// Votes for the classifier, and to judge it by.
const VOTES: [u64; 2] = [10_000, 5_000];
/// Votes between two looks at the progress.
const BATCH: u64 = 500;

/// The score of FactorVAE (Kim and Mnih, 2018).
///
/// A vote holds a factor fixed: 64 items (a tenth of few) of one class, or with values next to each other where it is a number, since
/// a table holds no items of the very same. The dimension of least variance, in units of its variance over all items,
/// is its vote. A dimension stands for the factor that it voted for most.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Votes {
    /// Share of further votes that name the factor that was held fixed.
    pub score: f64,
    /// Votes `[factors, dims]`, row by row; none of a factor that is known of too few items.
    pub votes: Vec<u32>,
    /// Dimensions without a vote, because they hardly vary.
    pub dead: Vec<usize>,
}

/// A factor's items by value.
struct Ordered {
    items: Vec<u32>,
    /// For each place the first and the one behind the last of its value.
    runs: Vec<(u32, u32)>,
    is_class: bool,
    /// Places that a group can be taken about.
    starts: Vec<u32>,
    group: usize,
}

impl Ordered {
    fn of(column: &Column) -> Option<Self> {
        let n = column.items.len();
        if n < LEAST_ITEMS {
            return None;
        }
        let (values, is_class): (Vec<f32>, bool) = match &column.values {
            Values::Numbers(values) => (values.clone(), false),
            // Of fewer classes than 2²⁴.
            Values::Classes { values, .. } => (values.iter().map(|&x| x as f32).collect(), true),
        };
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut runs = Vec::with_capacity(n);
        for run in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let start = runs.len() as u32;
            runs.extend(run.iter().map(|_| (start, start + run.len() as u32)));
        }
        let is_enough = |run: (u32, u32)| !is_class || run.1 - run.0 >= LEAST_GROUP as u32;
        let starts: Vec<u32> = (0..n as u32)
            .filter(|&at| is_enough(runs[at as usize]))
            .collect();
        if starts.is_empty() {
            return None;
        }
        Some(Self {
            items: order.into_iter().map(|at| column.items[at]).collect(),
            runs,
            is_class,
            starts,
            group: GROUP.min(n / NARROW),
        })
    }

    /// Items that are alike in this factor.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let at = self.starts[rng.random_range(0..self.starts.len())] as usize;
        let (first, end) = self.runs[at];
        let (first, run) = (first as usize, (end - first) as usize);
        if run > self.group {
            let drawn = index::sample(rng, run, self.group);
            return drawn.iter().map(|i| self.items[first + i]).collect();
        }
        if self.is_class {
            return self.items[first..first + run].to_vec();
        }
        let low = at.saturating_sub(self.group / 2);
        let low = low.min(self.items.len() - self.group);
        self.items[low..low + self.group].to_vec()
    }
}

/// Takes votes over `codes`, `[n, d]`; none where no factor is known of enough items.
pub(super) fn measure(
    codes: &[f32],
    d: usize,
    factors: &[Column],
    seed: u64,
    progress: &Progress,
) -> Result<Option<Votes>> {
    progress.update(0, 1)?;
    let ordered: Vec<(usize, Ordered)> = factors
        .iter()
        .enumerate()
        .filter_map(|(factor, column)| Some((factor, Ordered::of(column)?)))
        .collect();
    if ordered.is_empty() {
        return Ok(None);
    }
    let all: Vec<u32> = (0..(codes.len() / d) as u32).collect();
    let dims: Vec<usize> = (0..d).collect();
    let whole = variances(codes, d, &dims, &all);
    let (live, dead): (Vec<usize>, Vec<usize>) =
        dims.into_iter().partition(|&dim| whole[dim].sqrt() >= DEAD);
    let mut votes = [vec![0_u32; factors.len() * d], vec![0; factors.len() * d]];
    if live.is_empty() {
        let [votes, _] = votes;
        return Ok(Some(Votes {
            score: 0.0,
            votes,
            dead,
        }));
    }
    let total = VOTES.iter().sum::<u64>();
    let mut vote = 0;
    while vote < total {
        progress.update(vote as usize, total as usize)?;
        let end = (vote + BATCH).min(total);
        let cast: Vec<(usize, usize)> = (vote..end)
            .into_par_iter()
            .map(|vote| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(vote);
                let (factor, ordered) = &ordered[rng.random_range(0..ordered.len())];
                let group = ordered.draw(&mut rng);
                let own = variances(codes, d, &live, &group);
                let ratio = |at: usize| own[at] / whole[live[at]];
                let least =
                    (1..live.len()).fold(
                        0,
                        |least, at| if ratio(at) < ratio(least) { at } else { least },
                    );
                (*factor, live[least])
            })
            .collect();
        for (vote, (factor, dim)) in (vote..end).zip(cast) {
            let part = usize::from(vote >= VOTES[0]);
            votes[part][factor * d + dim] += 1;
        }
        vote = end;
    }
    progress.update(1, 1)?;
    let [votes, judged] = votes;
    // Ties go to the first factor, as numpy's argmax has it.
    let stands_for = |dim: usize| {
        (1..factors.len()).fold(0, |best, factor| {
            if votes[factor * d + dim] > votes[best * d + dim] {
                factor
            } else {
                best
            }
        })
    };
    let right: u32 = (0..d).map(|dim| judged[stands_for(dim) * d + dim]).sum();
    let judged: u32 = judged.iter().sum();
    Ok(Some(Votes {
        score: f64::from(right) / f64::from(judged.max(1)),
        votes,
        dead,
    }))
}

/// Variances (divided by one less than the number of items) of `dims` over `items`.
fn variances(codes: &[f32], d: usize, dims: &[usize], items: &[u32]) -> Vec<f64> {
    let n = items.len() as f64;
    let rows = || items.iter().map(|&item| &codes[item as usize * d..][..d]);
    let mut mean = vec![0.0; dims.len()];
    for row in rows() {
        for (sum, &dim) in mean.iter_mut().zip(dims) {
            *sum += f64::from(row[dim]) / n;
        }
    }
    let mut squares = vec![0.0; dims.len()];
    for row in rows() {
        for ((square, mean), &dim) in squares.iter_mut().zip(&mean).zip(dims) {
            *square += (f64::from(row[dim]) - mean).powi(2) / (n - 1.0);
        }
    }
    squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_alike_in_their_factor() {
        let n = 1000_u32;
        let numbers = Column {
            items: (0..n).collect(),
            values: Values::Numbers((0..n).map(|i| (i * 7 % n) as f32 / 10.0).collect()),
        };
        let classes = Column {
            items: (0..n).collect(),
            values: Values::Classes {
                values: (0..n).map(|i| if i < 5 { 9 } else { i % 9 }).collect(),
                count: 10,
            },
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            let group = Ordered::of(&numbers)
                .map(|o| o.draw(&mut rng))
                .unwrap_or_default();
            let value = |item: &u32| (item * 7 % n) as f32 / 10.0;
            let low = group.iter().map(value).fold(f32::INFINITY, f32::min);
            let high = group.iter().map(value).fold(0.0, f32::max);
            assert_eq!(group.len(), GROUP);
            assert!((high - low - 6.3).abs() < 1e-3, "{low} {high}");
            let group = Ordered::of(&classes)
                .map(|o| o.draw(&mut rng))
                .unwrap_or_default();
            // The class of five items is too small to be taken.
            assert!(group.len() == GROUP && group[0] >= 5);
            assert!(group.iter().all(|item| item % 9 == group[0] % 9));
        }
    }

    #[test]
    fn variances_are_those_of_a_sample() {
        let codes = [1.0, 9.0, 3.0, 9.0, 5.0, 9.0];
        assert_eq!(variances(&codes, 2, &[0, 1], &[0, 1, 2]), [4.0, 0.0]);
    }
}
