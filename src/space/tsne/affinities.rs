//! How strongly each pair of items holds together: the joint probabilities of t-SNE on a neighbour graph.
//!
//! Invariant: the affinities are symmetric, sum to one, and do not depend on the number of threads.

#![expect(
    clippy::inline_always,
    reason = "pulp compiles the inlined body once per instruction set"
)]

use rayon::prelude::*;

use crate::error::Result;
use crate::progress::Progress;
use crate::space::NeighbourGraph;

/// Every item's neighbours are padded to a multiple of this many, so that loops over them need no remainder.
pub(super) const LANES: usize = 16;

/// Items that are worked on between two looks at the progress.
const BLOCK: usize = 8192;

/// Steps in the search for a width; each halves the bracket at worst.
const SEARCH_STEPS: usize = 60;

/// A sparse symmetric matrix by rows: neighbours in rising order, then padding of no weight.
pub(super) struct Affinities {
    starts: Vec<usize>,
    ids: Vec<u32>,
    values: Vec<f32>,
}

impl Affinities {
    /// `p_ij = (p_j|i + p_i|j) / 2n`, where `p_j|i` is a Gaussian of the distance whose entropy over the nearest `3 · perplexity`
    /// neighbours is `ln(perplexity)` (van der Maaten and Hinton 2008, equations 1 and 12).
    ///
    /// # Errors
    /// When cancelled.
    pub(super) fn new(
        graph: &NeighbourGraph,
        perplexity: f32,
        progress: &Progress,
        total: usize,
    ) -> Result<Self> {
        let n = graph.len();
        let k = graph.k().min((3.0 * perplexity).ceil() as usize);
        let mut one_way = vec![(0_u32, 0.0_f32); n * k];
        if k > 0 {
            for (block, rows) in one_way.chunks_mut(BLOCK * k).enumerate() {
                progress.update(0, total)?;
                rows.par_chunks_mut(k).enumerate().for_each(|(row, pairs)| {
                    let i = block * BLOCK + row;
                    let shares = conditional(&graph.distances(i)[..k], perplexity);
                    for ((pair, &id), share) in pairs.iter_mut().zip(graph.ids(i)).zip(shares) {
                        *pair = (id, share / (2.0 * n as f32));
                    }
                    pairs.sort_unstable_by_key(|pair| pair.0);
                });
            }
        }
        progress.update(0, total)?;
        let reversed = Reversed::new(&one_way, n, k);
        progress.update(0, total)?;
        let of_row = |i: usize| Merge {
            left: &one_way[i * k..][..k],
            right: reversed.row(i),
        };
        let mut starts = vec![0; n + 1];
        starts[1..]
            .par_iter_mut()
            .enumerate()
            .for_each(|(i, length)| *length = of_row(i).count().next_multiple_of(LANES));
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        progress.update(0, total)?;
        let mut ids = vec![0_u32; starts[n]];
        let mut values = vec![0.0_f32; starts[n]];
        let (mut ids_left, mut values_left) = (&mut ids[..], &mut values[..]);
        let mut blocks = Vec::new();
        for first in (0..n).step_by(BLOCK) {
            let length = starts[n.min(first + BLOCK)] - starts[first];
            let (ids, values);
            (ids, ids_left) = ids_left.split_at_mut(length);
            (values, values_left) = values_left.split_at_mut(length);
            blocks.push((first, ids, values));
        }
        blocks.into_par_iter().for_each(|(first, ids, values)| {
            for i in first..n.min(first + BLOCK) {
                let row = starts[i] - starts[first]..starts[i + 1] - starts[first];
                ids[row.clone()].fill(i as u32);
                let places = ids[row.clone()].iter_mut().zip(&mut values[row]);
                for ((id, value), pair) in places.zip(of_row(i)) {
                    (*id, *value) = pair;
                }
            }
        });
        Ok(Self {
            starts,
            ids,
            values,
        })
    }

    /// Item `i`'s neighbours and its affinity to each, both in whole groups of [`LANES`].
    #[inline]
    pub(super) fn row(&self, i: usize) -> (&[[u32; LANES]], &[[f32; LANES]]) {
        let row = self.starts[i]..self.starts[i + 1];
        (
            self.ids[row.clone()].as_chunks().0,
            self.values[row].as_chunks().0,
        )
    }

    /// `Σ_j p_ij q_ij (y_i − y_j)` with `q_ij = 1 / (1 + |y_i − y_j|²)`: how item `i` is drawn to its neighbours.
    #[inline(always)]
    pub(super) fn attraction(&self, i: usize, positions: &[[f32; 2]]) -> [f32; 2] {
        let [x, y] = positions[i];
        let (mut along_x, mut along_y) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let (ids, values) = self.row(i);
        for (ids, values) in ids.iter().zip(values) {
            let (mut dx, mut dy) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            for lane in 0..LANES {
                [dx[lane], dy[lane]] = positions[ids[lane] as usize];
            }
            for lane in 0..LANES {
                let (dx, dy) = (x - dx[lane], y - dy[lane]);
                let weight = values[lane] / (1.0 + dx * dx + dy * dy);
                along_x[lane] += weight * dx;
                along_y[lane] += weight * dy;
            }
        }
        [along_x.iter().sum(), along_y.iter().sum()]
    }
}

/// The shares of neighbours at rising `distances`, summing to one: `exp(−β d²)` with `β` such that their entropy is
/// `ln(perplexity)`; as close to it as ties among the nearest permit.
pub(super) fn conditional(distances: &[f32], perplexity: f32) -> Vec<f32> {
    let nearest = distances.first().map_or(0.0, |&d| f64::from(d).powi(2));
    let excess: Vec<f64> = distances
        .iter()
        .map(|&d| f64::from(d).powi(2) - nearest)
        .collect();
    let mean = excess.iter().sum::<f64>() / excess.len().max(1) as f64;
    if mean <= 0.0 {
        return vec![1.0 / distances.len() as f32; distances.len()];
    }
    let target = f64::from(perplexity).ln();
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    // Newton's method for ln β, kept within a bracket: the entropy falls by β² times the variance of the squared distances.
    let mut width = -mean.ln();
    for _ in 0..SEARCH_STEPS {
        let beta = width.exp();
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for &x in &excess {
            let weight = (-beta * x).exp();
            sum += weight;
            first += weight * x;
            second += weight * x * x;
        }
        (first, second) = (first / sum, second / sum);
        let off = sum.ln() + beta * first - target;
        if off.abs() < 1e-6 {
            break;
        }
        if off > 0.0 {
            low = width;
        } else {
            high = width;
        }
        let slope = beta * beta * (second - first * first);
        let step = (off / slope).clamp(-3.0, 3.0);
        let newton = if step.is_nan() {
            width + 3.0 * off.signum()
        } else {
            width + step
        };
        width = if newton > low && newton < high {
            newton
        } else {
            0.5 * (low + high)
        };
    }
    let beta = width.exp();
    let weights: Vec<f64> = excess.iter().map(|x| (-beta * x).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// For each item, who counts it among its neighbours, in rising order.
struct Reversed {
    starts: Vec<usize>,
    pairs: Vec<(u32, f32)>,
}

impl Reversed {
    fn new(one_way: &[(u32, f32)], n: usize, k: usize) -> Self {
        let mut starts = vec![0; n + 1];
        for &(id, _) in one_way {
            starts[id as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut pairs = vec![(0, 0.0); one_way.len()];
        for (i, row) in one_way.chunks_exact(k.max(1)).enumerate() {
            for &(id, value) in row {
                let place = &mut next[id as usize];
                pairs[*place] = (i as u32, value);
                *place += 1;
            }
        }
        Self { starts, pairs }
    }

    fn row(&self, i: usize) -> &[(u32, f32)] {
        &self.pairs[self.starts[i]..self.starts[i + 1]]
    }
}

/// Two rows in rising order as one; what is in both is added.
struct Merge<'a> {
    left: &'a [(u32, f32)],
    right: &'a [(u32, f32)],
}

impl Iterator for Merge<'_> {
    type Item = (u32, f32);

    fn next(&mut self) -> Option<(u32, f32)> {
        let left = self.left.first().map_or(u32::MAX, |pair| pair.0);
        let right = self.right.first().map_or(u32::MAX, |pair| pair.0);
        let mut sum = None;
        if left <= right {
            let (&(id, value), rest) = self.left.split_first()?;
            (self.left, sum) = (rest, Some((id, value)));
        }
        if right <= left {
            let (&(id, value), rest) = self.right.split_first()?;
            self.right = rest;
            sum = Some((id, value + sum.map_or(0.0, |pair| pair.1)));
        }
        sum
    }
}
