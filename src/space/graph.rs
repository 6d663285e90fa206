//! The nearest neighbours of every row among the others: what UMAP, t-SNE and the lists of neighbours are made from.
//!
//! Invariants: a row is never its own neighbour; neighbours are sorted by distance, then by number; the same rows and
//! seed give the same graph, whatever the number of threads.
//!
//! Distances are found as `‖y‖² − 2 x·y` by products of matrices, which is fast and inexact. What is kept is computed again
//! from the differences, and a row whose neighbours could be others within the error of the products is searched once more
//! without them.

#![expect(
    clippy::inline_always,
    reason = "code gets a kind of vector only by being inlined where that kind is known to be there"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::cells::{Cells, cells_for};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The neighbours of one row with their distances, nearest first.
pub(super) type List = Vec<(f32, u32)>;

/// More rows than this are not all compared with all.
const COMPARED_WITH_ALL: usize = 200_000;

/// Rows whose neighbours are sought together, and rows they are compared with at a time: the products fit a core's cache.
pub(super) const QUERIES: usize = 128;
pub(super) const ITEMS: usize = 1024;

/// Numbers beyond this have squares whose sum may not be finite.
const LARGEST: f32 = 1e15;

/// The `k` nearest neighbours of each of `n` rows by Euclidean distance.
#[derive(Clone, Debug, PartialEq)]
pub struct NeighbourGraph {
    n: usize,
    k: usize,
    ids: Vec<u32>,
    distances: Vec<f32>,
    recall: f32,
    exact: bool,
}

impl NeighbourGraph {
    /// The graph of `rows`, `[n, d]` row by row; `k` is taken as `n − 1` where there are fewer others. Up to 200,000 rows are all compared
    /// with all; of more, each with those of the cells about it, which chance in `seed` draws.
    ///
    /// # Errors
    /// When there is no row, `k` is zero, the numbers are no rows of `d`, a number is not finite or above 1e15 in magnitude,
    /// or someone asked for the end.
    pub fn new(rows: &[f32], d: usize, k: usize, seed: u64, progress: &Progress) -> Result<Self> {
        check(rows, d, k)?;
        let rows = Rows::new(rows, d);
        let k = k.min(rows.n - 1);
        if rows.n > COMPARED_WITH_ALL {
            let cells = Cells::new(&rows, cells_for(rows.n), seed, &progress.part(0.0, 0.05))?;
            if let Some((lists, recall)) = cells.search(k, seed, &progress.part(0.05, 1.0))? {
                return Ok(Self {
                    recall,
                    exact: false,
                    ..Self::of_lists(&lists, k)
                });
            }
        }
        rows.exact(k, progress)
    }

    /// A graph from lists of equal length, one after the other; each has to be sorted.
    fn of_lists(lists: &[List], k: usize) -> Self {
        let entries = || lists.iter().flat_map(|list| &list[..k]);
        Self {
            n: lists.len(),
            k,
            ids: entries().map(|&(_, id)| id).collect(),
            distances: entries().map(|&(distance, _)| distance).collect(),
            recall: 1.0,
            exact: true,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there is no row; never so.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Neighbours per row.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The neighbours of row `i`, nearest first, `[k]`.
    pub fn ids(&self, i: usize) -> &[u32] {
        &self.ids[i * self.k..][..self.k]
    }

    /// The Euclidean distances of the neighbours of row `i`, `[k]`.
    pub fn distances(&self, i: usize) -> &[f32] {
        &self.distances[i * self.k..][..self.k]
    }

    /// The graph of the `k` nearest only, or of all when there are fewer.
    #[must_use]
    pub fn truncated(&self, k: usize) -> Self {
        let k = k.min(self.k);
        Self {
            n: self.n,
            k,
            ids: (0..self.n)
                .flat_map(|i| &self.ids(i)[..k])
                .copied()
                .collect(),
            distances: (0..self.n)
                .flat_map(|i| &self.distances(i)[..k])
                .copied()
                .collect(),
            recall: self.recall,
            exact: self.exact,
        }
    }

    /// Whether every row was compared with every other.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The share of true neighbours that were found: 1 when exact, else as measured on a sample of rows.
    pub fn recall(&self) -> f32 {
        self.recall
    }
}

pub(super) fn check(rows: &[f32], d: usize, k: usize) -> Result<()> {
    if rows.is_empty() || d == 0 || !rows.len().is_multiple_of(d) {
        return Err(Error::usage(format!(
            "{} numbers are no rows of {d} numbers each",
            rows.len()
        )));
    }
    if k == 0 {
        return Err(Error::usage("at least one neighbour is needed"));
    }
    if u32::try_from(rows.len() / d).is_err() {
        return Err(Error::usage(format!(
            "{} rows are too many to search",
            rows.len() / d
        )));
    }
    match rows.iter().position(|x| x.is_nan() || x.abs() > LARGEST) {
        None => Ok(()),
        Some(position) if rows[position].is_finite() => Err(Error::model(format!(
            "row {} has the number {:e}, too large to compare",
            position / d,
            rows[position]
        ))),
        Some(position) => Err(Error::model(format!("row {} is not finite", position / d))),
    }
}

/// The rows as they were given, and centred with their squared lengths as the last number, `[n, d + 1]`.
pub(super) struct Rows<'a> {
    pub(super) n: usize,
    pub(super) d: usize,
    given: &'a [f32],
    pub(super) centred: Vec<f32>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(given: &'a [f32], d: usize) -> Self {
        let n = given.len() / d;
        let mut mean = vec![0.0_f64; d];
        for row in given.chunks_exact(d) {
            for (sum, &x) in mean.iter_mut().zip(row) {
                *sum += f64::from(x);
            }
        }
        for sum in &mut mean {
            *sum /= n as f64;
        }
        let mut centred = vec![0.0; n * (d + 1)];
        centred
            .par_chunks_exact_mut(d + 1)
            .zip(given.par_chunks_exact(d))
            .for_each(|(centred, row)| {
                let mut square = 0.0;
                for ((c, &x), m) in centred.iter_mut().zip(row).zip(&mean) {
                    *c = (f64::from(x) - m) as f32;
                    square += f64::from(*c) * f64::from(*c);
                }
                centred[d] = square as f32;
            });
        Self {
            n,
            d,
            given,
            centred,
        }
    }

    pub(super) fn given(&self, i: usize) -> &[f32] {
        &self.given[i * self.d..][..self.d]
    }

    pub(super) fn centred(&self, i: usize) -> &[f32] {
        &self.centred[i * (self.d + 1)..][..=self.d]
    }

    /// Every row compared with every other.
    fn exact(&self, k: usize, progress: &Progress) -> Result<NeighbourGraph> {
        let blocks = self.n.div_ceil(QUERIES);
        let done = AtomicUsize::new(0);
        let lists: Vec<Vec<List>> = (0..blocks)
            .into_par_iter()
            .map(|block| {
                let first = block * QUERIES;
                let queries: Vec<u32> = (first..(first + QUERIES).min(self.n))
                    .map(|i| i as u32)
                    .collect();
                let lists = self.nearest(&queries, k, progress)?;
                progress.update(done.fetch_add(1, Ordering::Relaxed) + 1, blocks)?;
                Ok(lists)
            })
            .collect::<Result<_>>()?;
        Ok(NeighbourGraph::of_lists(&lists.concat(), k))
    }

    /// The exact `k` nearest neighbours of some rows, among all others.
    pub(super) fn nearest(
        &self,
        queries: &[u32],
        k: usize,
        progress: &Progress,
    ) -> Result<Vec<List>> {
        let mut candidates = Candidates::new(self, queries, k);
        for (block, items) in self.centred.chunks(ITEMS * (self.d + 1)).enumerate() {
            if progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            let first = (block * ITEMS) as u32;
            candidates.offer(items, |i| first + i as u32);
        }
        let certain = |kept| self.certain(kept, k).unwrap_or_else(|i| self.all(i, k));
        Ok(candidates.kept.into_iter().map(certain).collect())
    }

    /// Appends row `i` as it has to be multiplied with centred rows to give `‖y‖² − 2 x·y`.
    pub(super) fn pack(&self, i: usize, to: &mut Vec<f32>) {
        to.extend(self.centred(i)[..self.d].iter().map(|x| -2.0 * x));
        to.push(1.0);
    }

    /// The `k` nearest of what was kept by their true distances, or the row's number when one that was not kept might be nearer.
    fn certain(&self, mut kept: Kept, k: usize) -> Result<List, u32> {
        let beyond = kept.close();
        let i = kept.row;
        let list = self.best(kept, k);
        let (Some(bound), Some(&(farthest, _))) = (beyond, list.last()) else {
            return Ok(list);
        };
        let square = f64::from(self.centred(i as usize)[self.d]);
        let error = self.error(i, f64::from(farthest));
        if f64::from(bound) + square > f64::from(farthest).powi(2) + error {
            Ok(list)
        } else {
            Err(i)
        }
    }

    /// The `k` nearest of what was kept by their true distances.
    fn best(&self, kept: Kept, k: usize) -> List {
        let ids = kept.entries.into_iter().map(|(_, id)| id);
        let mut list = self.measured(kept.row, ids);
        sort(&mut list);
        list.truncate(k);
        list
    }

    /// By how much a product can be wrong about an item that is no further than `distance` from row `i`.
    pub(super) fn error(&self, i: u32, distance: f64) -> f64 {
        // Such an item has a length of at most |x| + distance. The products of d numbers err by at most d roundings of what is
        // multiplied; the rest covers the centring, the squares and the distance itself.
        let square = f64::from(self.centred(i as usize)[self.d]);
        let reach = 2.0 * square.sqrt() + distance;
        (self.d + 16) as f64 * f64::from(f32::EPSILON) / 2.0 * reach * reach
    }

    /// The `k` nearest neighbours of row `i` by the differences from all others.
    fn all(&self, i: u32, k: usize) -> List {
        let others = (0..self.n as u32).filter(|&j| j != i);
        let mut list = self.measured(i, others);
        if k < list.len() {
            list.select_nth_unstable_by(k, order);
            list.truncate(k);
        }
        sort(&mut list);
        list
    }

    /// The true distance of each of `ids` from row `i`.
    fn measured(&self, i: u32, ids: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
        let row = self.given(i as usize);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                ids.map(|id| (distance(row, self.given(id as usize)), id))
                    .collect()
            },
        )
    }
}

/// Nearer first, then the smaller number.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what sorts takes references"
)]
fn order(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

fn sort(list: &mut [(f32, u32)]) {
    list.sort_unstable_by(order);
}

/// The Euclidean distance by the differences, summed in sixteen lanes whatever the processor, so that it is the same on all.
#[inline(always)]
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a, rest_a) = a.as_chunks::<16>();
    let (b, rest_b) = b.as_chunks::<16>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(rest_a).zip(rest_b) {
        *sum += (a - b) * (a - b);
    }
    let mut half = 8;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0].sqrt()
}

/// Writes the product of each of `queries` with each of `items`, rows of `width` numbers, query by query.
pub(super) fn multiply(queries: &[f32], items: &[f32], width: usize, products: &mut [f32]) {
    let (columns, rows) = (queries.len() / width, items.len() / width);
    matmul(
        MatMut::from_column_major_slice_mut(products, rows, columns),
        Accum::Replace,
        MatRef::from_row_major_slice(items, rows, width),
        MatRef::from_column_major_slice(queries, width, columns),
        1.0,
        Par::Seq,
    );
}

/// The nearest candidates of some rows among all that were offered.
pub(super) struct Candidates {
    packed: Vec<f32>,
    width: usize,
    kept: Vec<Kept>,
    products: Vec<f32>,
}

impl Candidates {
    /// None yet of `queries`, whose `k` nearest are wanted.
    pub(super) fn new(rows: &Rows<'_>, queries: &[u32], k: usize) -> Self {
        let mut packed = Vec::new();
        for &i in queries {
            rows.pack(i as usize, &mut packed);
        }
        Self {
            packed,
            width: rows.d + 1,
            kept: queries.iter().map(|&i| Kept::new(i, k)).collect(),
            products: vec![0.0; queries.len() * ITEMS.min(rows.n)],
        }
    }

    /// Takes in at most [`ITEMS`] centred rows, whose numbers are told by `id`.
    pub(super) fn offer(&mut self, items: &[f32], id: impl Fn(usize) -> u32) {
        let count = items.len() / self.width;
        let products = &mut self.products[..self.kept.len() * count];
        multiply(&self.packed, items, self.width, products);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for (kept, values) in self.kept.iter_mut().zip(products.chunks_exact(count)) {
                    kept.offer_all(values, &id);
                }
            },
        );
    }

    /// The `k` nearest of each by their true distances.
    pub(super) fn nearest(self, rows: &Rows<'_>, k: usize) -> Vec<List> {
        let best = |mut kept: Kept| {
            kept.drop_farthest();
            rows.best(kept, k)
        };
        self.kept.into_iter().map(best).collect()
    }
}

/// The nearest candidates of one row by products, a few more than are wanted.
struct Kept {
    row: u32,
    capacity: usize,
    entries: Vec<(f32, u32)>,
    /// Nothing at or beyond this is kept any more; infinite until something was dropped.
    bound: f32,
}

impl Kept {
    fn new(row: u32, k: usize) -> Self {
        // The more that are kept, the rarer a row has to be searched again; the more to be measured again for each.
        let capacity = k + k / 8 + 8;
        Self {
            row,
            capacity,
            entries: Vec::with_capacity(2 * capacity),
            bound: f32::INFINITY,
        }
    }

    /// Takes in what is near enough of `values`, whose ids are told by `id`.
    #[inline(always)]
    fn offer_all(&mut self, values: &[f32], id: impl Fn(usize) -> u32) {
        let (chunks, rest) = values.as_chunks::<64>();
        for (chunk, values) in chunks.iter().enumerate() {
            // Most have nothing to offer, which four vectors tell at once.
            let mut least = [f32::INFINITY; 16];
            for part in values.as_chunks::<16>().0 {
                for lane in 0..16 {
                    least[lane] = if part[lane] < least[lane] {
                        part[lane]
                    } else {
                        least[lane]
                    };
                }
            }
            if least
                .iter()
                .fold(0, |any, &x| any | u32::from(x < self.bound))
                > 0
            {
                self.offer(values, |i| id(chunk * 64 + i));
            }
        }
        self.offer(rest, |i| id(chunks.len() * 64 + i));
    }

    #[inline]
    fn offer(&mut self, values: &[f32], id: impl Fn(usize) -> u32) {
        for (i, &value) in values.iter().enumerate() {
            if value < self.bound && id(i) != self.row {
                self.entries.push((value, id(i)));
                if self.entries.len() == 2 * self.capacity {
                    self.drop_farthest();
                }
            }
        }
    }

    fn drop_farthest(&mut self) {
        if self.entries.len() > self.capacity {
            let (_, &mut (bound, _), _) = self.entries.select_nth_unstable_by(self.capacity, order);
            self.entries.truncate(self.capacity);
            self.bound = bound;
        }
    }

    /// Drops what is too many; gives the least value of all that was ever dropped, if anything was.
    fn close(&mut self) -> Option<f32> {
        self.drop_farthest();
        self.bound.is_finite().then_some(self.bound)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graph(rows: &[f32], d: usize, k: usize) -> Result<NeighbourGraph> {
        NeighbourGraph::new(rows, d, k, 1, &Progress::silent())
    }

    /// Neighbours by the definition.
    fn by_definition(rows: &[f32], d: usize, k: usize) -> Vec<Vec<(f32, u32)>> {
        let rows: Vec<&[f32]> = rows.chunks_exact(d).collect();
        let neighbours = |i: usize| {
            let others = (0..rows.len()).filter(|&j| j != i);
            let mut list: Vec<_> = others
                .map(|j| (distance(rows[i], rows[j]), j as u32))
                .collect();
            sort(&mut list);
            list.truncate(k);
            list
        };
        (0..rows.len()).map(neighbours).collect()
    }

    fn lists(graph: &NeighbourGraph) -> Vec<Vec<(f32, u32)>> {
        let list = |i| {
            let distances = graph.distances(i).iter().copied();
            distances.zip(graph.ids(i).iter().copied()).collect()
        };
        (0..graph.len()).map(list).collect()
    }

    #[test]
    fn neighbours_on_a_line_are_those_beside() -> Result<()> {
        let graph = graph(&[0.0, 1.0, 3.0, 7.0], 1, 2)?;
        assert_eq!(graph.ids(0), [1, 2]);
        assert_eq!(graph.distances(0), [1.0, 3.0]);
        assert_eq!(graph.ids(2), [1, 0]);
        assert_eq!(graph.distances(3), [4.0, 6.0]);
        assert!(graph.is_exact() && graph.recall() == 1.0);
        let nearest = graph.truncated(1);
        assert_eq!((nearest.len(), nearest.k()), (4, 1));
        assert_eq!(nearest.ids(2), [1]);
        assert_eq!(graph.truncated(9), graph);
        Ok(())
    }

    proptest! {
        /// Whole numbers have many ties; a far-away corner makes the products inexact.
        #[test]
        fn the_exact_graph_is_that_of_the_definition(
            values in prop::collection::vec(-4_i8..5, 3..900),
            d in 1_usize..20,
            k in 1_usize..30,
            corner in prop::sample::select(vec![0.0_f32, 1000.0, 1e6]),
            step in prop::sample::select(vec![1.0_f32, 0.37]),
        ) {
            let mut rows: Vec<f32> = values.iter().map(|&x| f32::from(x) * step + corner).collect();
            rows.resize(rows.len().next_multiple_of(d), 0.0);
            let graph = graph(&rows, d, k)?;
            prop_assert_eq!(lists(&graph), by_definition(&rows, d, k));
        }
    }

    #[test]
    fn few_or_identical_rows_have_the_neighbours_there_are() -> Result<()> {
        let one = graph(&[1.0, 2.0], 2, 15)?;
        assert_eq!((one.len(), one.k(), one.ids(0).len()), (1, 0, 0));
        let three = graph(&[0.0, 5.0, 1.0], 1, 15)?;
        assert_eq!((three.k(), three.ids(1)), (2, &[2, 0][..]));
        let same = graph(&[0.1, 0.7].repeat(500), 2, 3)?;
        assert_eq!(same.ids(0), [1, 2, 3]);
        assert_eq!(same.ids(499), [0, 1, 2]);
        assert_eq!(same.distances(2), [0.0; 3]);
        Ok(())
    }

    #[test]
    fn what_has_no_neighbours_is_refused_and_named() {
        assert!(graph(&[], 2, 3).is_err_and(|e| e.is_usage()));
        assert!(graph(&[1.0; 5], 2, 3).is_err_and(|e| e.is_usage()));
        assert!(graph(&[1.0; 4], 2, 0).is_err_and(|e| e.is_usage()));
        for bad in [f32::NAN, f32::INFINITY, 1e30] {
            let refused = graph(&[0.0, 1.0, 2.0, 3.0, bad, 5.0], 2, 1);
            assert!(refused.is_err_and(|e| e.to_string().contains("row 2 ")));
        }
    }

    #[test]
    fn a_cancelled_search_ends() {
        let progress = Progress::silent();
        progress.cancel();
        let refused = NeighbourGraph::new(&[0.0, 1.0], 1, 1, 1, &progress);
        assert!(refused.is_err_and(|e| e.is_cancelled()));
    }
}
