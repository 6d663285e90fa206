//! The frame of every exact search: queries and gallery cut into pieces for the processor's cores and caches, and the best
//! of each query kept while distances stream by.
//!
//! Invariant: the result does not depend on how the work was cut.

use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::{Neighbours, Space};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The `k` nearest items seen so far. A distance is any number that grows with the true one.
#[derive(Clone, Debug)]
pub(super) struct Nearest {
    k: usize,
    left_out: Option<u32>,
    heap: BinaryHeap<(u64, u32)>,
}

impl Nearest {
    fn new(k: usize, left_out: Option<u32>) -> Self {
        Self {
            k,
            left_out,
            heap: BinaryHeap::new(),
        }
    }

    /// An item farther than this is not among the nearest.
    #[inline]
    pub(super) fn bound(&self) -> u64 {
        match self.heap.peek() {
            Some(&(distance, _)) if self.heap.len() == self.k => distance,
            _ => u64::MAX,
        }
    }

    /// Takes an item in, when it is near enough.
    #[inline]
    pub(super) fn offer(&mut self, distance: u64, id: u32) {
        if self.left_out == Some(id) {
            return;
        }
        if self.heap.len() < self.k {
            self.heap.push((distance, id));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && (distance, id) < *worst
        {
            *worst = (distance, id);
        }
    }

    /// Takes in those of the items from `first` on that are near enough.
    pub(super) fn offer_all(&mut self, distances: &[u64], first: usize) {
        for (id, &distance) in (first..).zip(distances) {
            if distance <= self.bound() {
                self.offer(distance, id as u32);
            }
        }
    }

    fn merge(mut self, other: Self) -> Self {
        for (distance, id) in other.heap {
            self.offer(distance, id);
        }
        self
    }
}

/// A gallery and queries whose distances can be computed piece by piece.
pub(super) trait Scan: Sync {
    /// Offers the items `items` to each query in `queries`; `nearest` has one entry per query of that range.
    fn scan(&self, queries: Range<usize>, items: Range<usize>, nearest: &mut [Nearest]);

    /// How many queries share one pass over the gallery.
    fn queries_at_once(&self) -> usize;

    /// How many items fit the cache of one core.
    fn items_at_once(&self) -> usize;

    /// The Euclidean distance for a distance that was offered.
    fn euclidean(&self, distance: u64) -> f32;
}

/// What is searched for: how many queries, among how many items, how many neighbours each, and which item each leaves out.
pub(super) struct Task<'a> {
    pub(super) queries: usize,
    pub(super) items: usize,
    pub(super) k: usize,
    pub(super) left_out: Option<&'a [u32]>,
    pub(super) space: Space,
    pub(super) start: Instant,
}

impl<'a> Task<'a> {
    /// A task whose clock starts now.
    ///
    /// # Errors
    /// When `left_out` has not one entry per query, or ids do not fit 32 bits.
    pub(super) fn new(
        space: Space,
        queries: usize,
        items: usize,
        k: usize,
        left_out: Option<&'a [u32]>,
    ) -> Result<Self> {
        if let Some(ids) = left_out.filter(|ids| ids.len() != queries) {
            return Err(Error::usage(format!(
                "{} items to leave out for {queries} queries",
                ids.len()
            )));
        }
        if u32::try_from(items).is_err() {
            return Err(Error::usage(format!(
                "{items} items are too many to search"
            )));
        }
        let available = items - usize::from(left_out.is_some());
        Ok(Self {
            queries,
            items,
            k: k.min(available),
            left_out,
            space,
            start: Instant::now(),
        })
    }

    /// Computes the neighbours on all cores.
    ///
    /// # Errors
    /// `is_cancelled` when someone asked for the end.
    pub(super) fn run(&self, scan: &impl Scan, progress: &Progress) -> Result<Neighbours> {
        let group = scan.queries_at_once();
        let groups = self.queries.div_ceil(group);
        // Few groups would leave cores idle at the end: then the gallery is cut as well.
        let wanted = 4 * rayon::current_num_threads();
        let block = scan.items_at_once();
        let shards = if groups >= wanted {
            1
        } else {
            wanted.div_ceil(groups.max(1))
        };
        let shard = self.items.div_ceil(shards).next_multiple_of(block);
        let shards = self.items.div_ceil(shard);

        let done = AtomicUsize::new(0);
        let found: Vec<Vec<Nearest>> = (0..groups * shards)
            .into_par_iter()
            .map(|job| {
                let first = job / shards * group;
                let queries = first..(first + group).min(self.queries);
                let from = job % shards * shard;
                let mut nearest: Vec<_> = queries.clone().map(|i| self.nothing_yet(i)).collect();
                for start in (from..(from + shard).min(self.items)).step_by(block) {
                    if progress.is_cancelled() {
                        return Err(Error::cancelled());
                    }
                    scan.scan(
                        queries.clone(),
                        start..(start + block).min(from + shard).min(self.items),
                        &mut nearest,
                    );
                }
                progress.update(done.fetch_add(1, Ordering::Relaxed) + 1, groups * shards)?;
                Ok(nearest)
            })
            .collect::<Result<_>>()?;

        let mut ids = Vec::with_capacity(self.queries * self.k);
        let mut distances = Vec::with_capacity(self.queries * self.k);
        let mut shards_of_group = found.into_iter();
        for _ in 0..groups {
            let mut merged: Vec<Nearest> = shards_of_group.next().unwrap_or_default();
            for other in shards_of_group.by_ref().take(shards - 1) {
                merged = merged
                    .into_iter()
                    .zip(other)
                    .map(|(a, b)| a.merge(b))
                    .collect();
            }
            for nearest in merged {
                for (distance, id) in nearest.heap.into_sorted_vec() {
                    ids.push(id);
                    distances.push(scan.euclidean(distance));
                }
            }
        }
        Ok(Neighbours {
            k: self.k,
            ids,
            distances,
            space: self.space,
            secs: self.start.elapsed().as_secs_f64(),
        })
    }

    fn nothing_yet(&self, query: usize) -> Nearest {
        Nearest::new(self.k, self.left_out.map(|ids| ids[query]))
    }
}
