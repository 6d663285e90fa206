//! Exact search by the symmetric Kullback-Leibler divergence between posteriors.
//!
//! Invariant: the divergence of an item from itself is zero, and no divergence is below it.
//!
//! Posteriors are normal with diagonal covariance. Half the sum of both directions is, dimension by dimension,
//! ¼ (σ₁²/σ₂² + σ₂²/σ₁² − 2 + (μ₁ − μ₂)² (1/σ₁² + 1/σ₂²)).

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::code::key;
use super::lanes::{Kernel, Lanes, dispatch};
use super::scan::{Nearest, Scan};
use crate::space::CodeTable;

/// Items whose divergences are computed together.
const ITEMS: usize = 2048;

/// The posteriors of a set of items, or of queries.
#[derive(Clone, Debug)]
pub(super) struct Posteriors {
    mean: Mean,
    variance: Vec<f32>,
    d: usize,
}

#[derive(Clone, Debug)]
enum Mean {
    Table(Arc<CodeTable>),
    Rows(Vec<f32>),
}

impl Posteriors {
    /// Of a table's codes, whose variances have these logarithms.
    pub(super) fn of_table(table: Arc<CodeTable>, log_variance: &[f32]) -> Self {
        Self {
            d: table.dims(),
            mean: Mean::Table(table),
            variance: log_variance.iter().map(|x| x.exp()).collect(),
        }
    }

    /// Of codes, `[n, d]` row by row.
    pub(super) fn of_rows(mean: Vec<f32>, log_variance: &[f32], d: usize) -> Self {
        Self {
            mean: Mean::Rows(mean),
            variance: log_variance.iter().map(|x| x.exp()).collect(),
            d,
        }
    }

    fn means(&self) -> &[f32] {
        match &self.mean {
            Mean::Table(table) => table.codes(),
            Mean::Rows(rows) => rows,
        }
    }

    pub(super) fn dims(&self) -> usize {
        self.d
    }

    pub(super) fn len(&self) -> usize {
        self.variance.len() / self.d
    }

    fn rows(&self, range: Range<usize>) -> (&[f32], &[f32]) {
        let range = range.start * self.d..range.end * self.d;
        (&self.means()[range.clone()], &self.variance[range])
    }

    /// Each item's divergence from query `i` of `queries`, as a key.
    pub(super) fn keys(&self, queries: &Self, i: usize) -> Vec<u64> {
        let mut keys = vec![0_u64; self.len()];
        keys.par_chunks_mut(ITEMS)
            .enumerate()
            .for_each(|(block, keys)| {
                let first = block * ITEMS;
                dispatch(Divergences {
                    items: self.rows(first..first + keys.len()),
                    query: queries.rows(i..i + 1),
                    keys,
                });
            });
        keys
    }
}

struct Divergences<'a> {
    items: (&'a [f32], &'a [f32]),
    query: (&'a [f32], &'a [f32]),
    keys: &'a mut [u64],
}

impl Kernel for Divergences<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, _: L) {
        let d = self.query.0.len();
        let items = self
            .items
            .0
            .chunks_exact(d)
            .zip(self.items.1.chunks_exact(d));
        for (slot, (mean, variance)) in self.keys.iter_mut().zip(items) {
            let mut sum = 0.0_f32;
            for i in 0..d {
                let (a, b) = (self.query.1[i], variance[i]);
                let apart = self.query.0[i] - mean[i];
                // σ₁²/σ₂² + σ₂²/σ₁² − 2 = (σ₁² − σ₂²)² / σ₁²σ₂²: never below zero, whatever is rounded.
                sum += ((a - b) * (a - b) + apart * apart * (a + b)) / (a * b);
            }
            *slot = key(0.25 * sum);
        }
    }
}

/// Queries against a gallery.
pub(super) struct Pairs<'a> {
    pub(super) gallery: &'a Posteriors,
    pub(super) queries: &'a Posteriors,
}

impl Scan for Pairs<'_> {
    fn scan(&self, queries: Range<usize>, items: Range<usize>, nearest: &mut [Nearest]) {
        let mut keys = vec![0; items.len()];
        for (query, nearest) in queries.zip(nearest) {
            dispatch(Divergences {
                items: self.gallery.rows(items.clone()),
                query: self.queries.rows(query..query + 1),
                keys: &mut keys,
            });
            nearest.offer_all(&keys, items.start);
        }
    }

    fn queries_at_once(&self) -> usize {
        64
    }

    fn items_at_once(&self) -> usize {
        ITEMS
    }

    fn euclidean(&self, distance: u64) -> f32 {
        f32::from_bits(distance as u32)
    }
}
