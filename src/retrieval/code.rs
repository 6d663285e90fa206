//! Exact Euclidean search over codes.
//!
//! Invariant: a squared distance is computed in single precision in one order, [`squared_distance`]'s, wherever it is
//! computed; so it depends on the two codes alone, not on the processor or on how the work was cut.

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, dispatch};
use super::scan::{Nearest, Scan, Task};
use super::{Neighbours, Space};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::CodeTable;

/// Gallery bytes that are compared with a group of queries while they are in the cache.
const BLOCK_BYTES: usize = 1 << 18;

/// The `k` items of `gallery` nearest to each of `queries`, `[q, d]` row by row. With `left_out`, one gallery id per query,
/// that item is not among its neighbours: the way to search a table in itself.
///
/// # Errors
/// When the queries are not codes of the gallery's size or not finite, `left_out` has not one entry per query, or
/// `progress` was cancelled.
pub fn nearest_codes(
    gallery: &CodeTable,
    queries: &[f32],
    k: usize,
    left_out: Option<&[u32]>,
    progress: &Progress,
) -> Result<Neighbours> {
    let d = gallery.dims();
    if !queries.len().is_multiple_of(d) {
        return Err(Error::usage(format!(
            "{} numbers are no queries for codes of {d} numbers",
            queries.len()
        )));
    }
    if let Some(position) = queries.iter().position(|x| !x.is_finite()) {
        return Err(Error::model(format!(
            "the code of query {} is not finite",
            position / d
        )));
    }
    let task = Task::new(Space::Code, queries.len() / d, gallery.len(), k, left_out)?;
    task.run(&Codes { gallery, queries }, progress)
}

/// Each item's squared distance from `query`, as [`key`] writes it, on all cores.
pub(super) fn keys(gallery: &CodeTable, query: &[f32]) -> Vec<u64> {
    const ITEMS: usize = 4096;
    let d = gallery.dims();
    let mut keys = vec![0_u64; gallery.len()];
    keys.par_chunks_mut(ITEMS)
        .zip(gallery.codes().par_chunks(ITEMS * d))
        .for_each(|(keys, codes)| dispatch(All { codes, query, keys }));
    keys
}

struct All<'a> {
    codes: &'a [f32],
    query: &'a [f32],
    keys: &'a mut [u64],
}

impl Kernel for All<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, _: L) {
        let codes = self.codes.chunks_exact(self.query.len());
        for (slot, code) in self.keys.iter_mut().zip(codes) {
            *slot = key(squared_distance(self.query, code));
        }
    }
}

struct Codes<'a> {
    gallery: &'a CodeTable,
    queries: &'a [f32],
}

impl Scan for Codes<'_> {
    fn scan(&self, queries: Range<usize>, items: Range<usize>, nearest: &mut [Nearest]) {
        let d = self.gallery.dims();
        let queries = &self.queries[queries.start * d..queries.end * d];
        let codes = &self.gallery.codes()[items.start * d..items.end * d];
        if nearest.len() < WORTH_TURNING {
            dispatch(ByItem {
                d,
                queries,
                codes,
                first: items.start,
                nearest,
            });
        } else {
            dispatch(ByPanel {
                d,
                queries,
                codes,
                first: items.start,
                nearest,
            });
        }
    }

    fn queries_at_once(&self) -> usize {
        256
    }

    fn items_at_once(&self) -> usize {
        (BLOCK_BYTES / (self.gallery.dims() * size_of::<f32>())).next_multiple_of(PANEL)
    }

    fn euclidean(&self, distance: u64) -> f32 {
        f32::from_bits(distance as u32).sqrt()
    }
}

/// Items whose distances from a query are summed side by side.
const PANEL: usize = 16;

/// Partial sums per distance.
const PARTS: usize = 4;

/// With fewer queries than this, turning a panel's rows into columns takes longer than it saves.
const WORTH_TURNING: usize = 4;

/// Sum of the squared differences: dimension `i` counts into partial sum `i % PARTS`.
#[inline(always)]
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let (whole_a, rest_a) = a.as_chunks::<PARTS>();
    let (whole_b, rest_b) = b.as_chunks::<PARTS>();
    let mut parts = [0.0_f32; PARTS];
    for (a, b) in whole_a.iter().zip(whole_b) {
        for ((part, a), b) in parts.iter_mut().zip(a).zip(b) {
            *part += (a - b) * (a - b);
        }
    }
    for ((part, a), b) in parts.iter_mut().zip(rest_a).zip(rest_b) {
        *part += (a - b) * (a - b);
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3])
}

/// [`squared_distance`] of a query from each item of a panel, whose dimensions are `columns`.
#[inline(always)]
fn squared_distances(columns: &[[[f32; PANEL]; PARTS]], query: &[[f32; PARTS]]) -> [f32; PANEL] {
    let mut parts = [[0.0_f32; PANEL]; PARTS];
    for (columns, query) in columns.iter().zip(query) {
        for ((part, column), q) in parts.iter_mut().zip(columns).zip(query) {
            for (part, x) in part.iter_mut().zip(column) {
                *part += (q - x) * (q - x);
            }
        }
    }
    let mut sums = [0.0; PANEL];
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum = (parts[0][i] + parts[1][i]) + (parts[2][i] + parts[3][i]);
    }
    sums
}

/// The bits of non-negative floats are ordered as the floats are.
#[inline(always)]
pub(super) fn key(squared: f32) -> u64 {
    u64::from(squared.to_bits())
}

/// One distance after the other.
struct ByItem<'a> {
    d: usize,
    queries: &'a [f32],
    codes: &'a [f32],
    /// Id of the first of `codes`.
    first: usize,
    nearest: &'a mut [Nearest],
}

impl Kernel for ByItem<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, _: L) {
        for (query, nearest) in self.queries.chunks_exact(self.d).zip(self.nearest) {
            let mut bound = nearest.bound();
            for (i, code) in self.codes.chunks_exact(self.d).enumerate() {
                let distance = key(squared_distance(query, code));
                if distance <= bound {
                    nearest.offer(distance, (self.first + i) as u32);
                    bound = nearest.bound();
                }
            }
        }
    }
}

/// The same sums, for a panel of items at a time.
struct ByPanel<'a> {
    d: usize,
    queries: &'a [f32],
    codes: &'a [f32],
    /// Id of the first of `codes`.
    first: usize,
    nearest: &'a mut [Nearest],
}

impl Kernel for ByPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, _: L) {
        let mut bounds: Vec<u64> = self.nearest.iter().map(Nearest::bound).collect();
        // Dimensions beyond the code's are zero in both and add nothing.
        let groups = self.d.div_ceil(PARTS);
        let mut columns = vec![[[0.0_f32; PANEL]; PARTS]; groups];
        let mut queries = vec![[0.0_f32; PARTS]; groups * bounds.len()];
        for (padded, query) in queries
            .chunks_exact_mut(groups)
            .zip(self.queries.chunks_exact(self.d))
        {
            padded.as_flattened_mut()[..self.d].copy_from_slice(query);
        }
        for (panel, codes) in self.codes.chunks(PANEL * self.d).enumerate() {
            let first = self.first + panel * PANEL;
            let count = codes.len() / self.d;
            for (item, code) in codes.chunks_exact(self.d).enumerate() {
                for (column, &x) in columns.as_flattened_mut().iter_mut().zip(code) {
                    column[item] = x;
                }
            }
            for (slot, query) in queries.chunks_exact(groups).enumerate() {
                let squared = squared_distances(&columns, query);
                let mut smallest = u32::MAX;
                for x in squared {
                    smallest = smallest.min(x.to_bits());
                }
                if u64::from(smallest) <= bounds[slot] {
                    for (item, &x) in squared[..count].iter().enumerate() {
                        if key(x) <= bounds[slot] {
                            self.nearest[slot].offer(key(x), (first + item) as u32);
                            bounds[slot] = self.nearest[slot].bound();
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(n: usize, d: usize) -> Vec<f32> {
        (0..n * d)
            .map(|i| ((i * 7919 % 1013) as f32).sqrt() - 15.0)
            .collect()
    }

    #[test]
    fn one_query_and_many_find_the_same_distances_to_the_bit() -> Result<()> {
        for d in [1, 2, 3, 4, 7, 32, 33] {
            let gallery = CodeTable::new(codes(100, d), d, vec![0.0; d])?;
            let queries = codes(10, d);
            let silent = Progress::silent();
            let many = nearest_codes(&gallery, &queries, 100, None, &silent)?;
            for (i, query) in queries.chunks_exact(d).enumerate() {
                let one = nearest_codes(&gallery, query, 100, None, &silent)?;
                assert_eq!(many.ids_of(i), one.ids);
                assert_eq!(many.distances_of(i), one.distances);
            }
        }
        Ok(())
    }

    #[test]
    fn queries_that_are_no_codes_are_refused() -> Result<()> {
        let gallery = CodeTable::new(codes(5, 2), 2, vec![0.0; 2])?;
        let silent = Progress::silent();
        assert!(nearest_codes(&gallery, &[0.0; 3], 1, None, &silent).is_err());
        assert!(nearest_codes(&gallery, &[0.0, f32::NAN], 1, None, &silent).is_err());
        assert!(nearest_codes(&gallery, &[0.0; 4], 1, Some(&[0]), &silent).is_err());
        Ok(())
    }
}
