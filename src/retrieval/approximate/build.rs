//! Building an index, and measuring what it finds.
//!
//! Invariant: the recall is that of the index as it answers, on a sample of its own rows.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::file::{VERSION, hex};
use super::rows::{Buffer, Scale};
use super::{
    About, ApproximateIndex, Kind, Rows, Settings, Wanted, empty, failed, in_blocks, workers,
};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::{BitTable, Neighbours, Space, nearest_bits, nearest_codes};

/// Queries of which the recall is measured.
const SAMPLE: usize = 500;
/// Neighbours per query of which the recall is measured.
const RECALL_K: usize = 10;
/// Rows that are added one after another, a second's work, before all cores add in an order that chance decides. How well separate groups of
/// rows are linked depends on that order, and a small set should not be searched well today and badly tomorrow.
const FIRST: usize = 8192;

impl ApproximateIndex {
    /// Builds an index of `rows` on all cores and measures its recall.
    ///
    /// # Errors
    /// When the kind does not fit the rows, the library fails (for want of memory, say), or `is_cancelled`.
    pub fn build(
        space: Space,
        rows: Rows<'_>,
        kind: Kind,
        settings: Settings,
        progress: &Progress,
    ) -> Result<Self> {
        match (rows, kind) {
            (Rows::Vectors(_), Kind::Bits) => {
                return Err(Error::usage(format!(
                    "the space {space} has numbers, and an index of bits is for bits"
                ))
                .hint("take f32, f16 or i8, or one of the spaces bits and rotated-bits"));
            }
            (Rows::Bits(_), Kind::F32 | Kind::F16 | Kind::I8) => {
                return Err(
                    Error::usage(format!("the space {space} has bits, not numbers"))
                        .hint("take an index of bits"),
                );
            }
            _ => {}
        }
        let start = Instant::now();
        let scale = match (rows, kind) {
            (Rows::Vectors(table), Kind::I8) => Some(Scale::of(table)),
            _ => None,
        };
        let about = About {
            version: VERSION,
            library: usearch::version().to_owned(),
            space,
            kind,
            n: rows.len(),
            dims: rows.dims(),
            digest: hex(rows.digest()),
            settings,
            recall: 0.0,
            sample: 0,
            secs: 0.0,
            scale,
            bytes: 0,
            file_digest: String::new(),
        };
        let index = empty(&about)?;
        index
            .reserve_capacity_and_threads(rows.len(), workers())
            .map_err(|e| failed("making room", &e))?;
        let mut built = Self {
            index,
            about,
            mapped: None,
            searching: Mutex::new(()),
        };
        built.add(rows, &progress.part(0.0, 0.98))?;
        built.about.secs = start.elapsed().as_secs_f64();
        built.measure(rows, &progress.part(0.98, 1.0))?;
        Ok(built)
    }

    fn add(&self, rows: Rows<'_>, progress: &Progress) -> Result<()> {
        let n = rows.len();
        let first = n.min(FIRST);
        let done = AtomicUsize::new(0);
        let add = |block: Range<usize>| {
            let count = block.len();
            let mut buffer = Buffer::default();
            for i in block {
                if progress.is_cancelled() {
                    return Err(Error::cancelled());
                }
                let added = match rows {
                    Rows::Vectors(table) => match &self.about.scale {
                        None => self.index.add(i as u64, table.code(i)),
                        Some(scale) => {
                            scale.apply(table.code(i), &mut buffer.whole);
                            self.index.add(i as u64, &buffer.whole)
                        }
                    },
                    Rows::Bits(table) => self.index.add(i as u64, buffer.bits(table.code(i))),
                };
                added.map_err(|e| failed("adding a row", &e))?;
            }
            progress.update(done.fetch_add(count, Ordering::Relaxed) + count, n)
        };
        add(0..first)?;
        in_blocks(n - first, |block| {
            add(block.start + first..block.end + first)
        })
    }

    /// Holds so many candidates while a query is answered from now on, and measures the recall anew.
    ///
    /// # Errors
    /// `is_cancelled`, or when the rows are not the index's.
    pub fn search_with(
        &mut self,
        expansion: usize,
        rows: Rows<'_>,
        progress: &Progress,
    ) -> Result<()> {
        self.index.change_expansion_search(expansion);
        self.about.settings.expansion_search = expansion;
        self.measure(rows, progress)
    }

    /// Measures the recall against the exact search.
    fn measure(&mut self, rows: Rows<'_>, progress: &Progress) -> Result<()> {
        let n = rows.len();
        let sample = n.min(SAMPLE);
        let ids: Vec<u32> = (0..sample).map(|i| (i * n / sample) as u32).collect();
        let (found, exact) = match rows {
            Rows::Vectors(table) => {
                let mut queries = Vec::with_capacity(sample * table.dims());
                for &id in &ids {
                    queries.extend_from_slice(table.code(id as usize));
                }
                let wanted = Wanted::Vectors(&queries);
                let found = self.nearest(rows, wanted, RECALL_K, Some(&ids), progress)?;
                let exact = nearest_codes(table, &queries, RECALL_K, Some(&ids), progress)?;
                (found, exact)
            }
            Rows::Bits(table) => {
                let words = ids.iter().flat_map(|&id| table.code(id as usize));
                let queries = BitTable::new(words.copied().collect(), table.bits())?;
                let wanted = Wanted::Bits(&queries);
                let found = self.nearest(rows, wanted, RECALL_K, Some(&ids), progress)?;
                let space = self.about.space;
                let exact = nearest_bits(table, &queries, RECALL_K, Some(&ids), space, progress)?;
                (found, exact)
            }
        };
        self.about.recall = recall(&found, &exact);
        self.about.sample = sample;
        Ok(())
    }
}

/// Share of what `exact` has that `found` has, too; rows as far away as the last count as found.
fn recall(found: &Neighbours, exact: &Neighbours) -> f64 {
    let mut hits = 0;
    for query in 0..exact.queries() {
        let Some(last) = exact.distances_of(query).last() else {
            continue;
        };
        let near = found.distances_of(query).iter().filter(|d| *d <= last);
        hits += near.count();
    }
    if exact.ids.is_empty() {
        1.0
    } else {
        hits as f64 / exact.ids.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{built, table};
    use super::*;

    #[test]
    fn nearly_all_of_the_exact_answer_is_found_and_its_distances_are_exact() -> Result<()> {
        let table = table(5000, 40)?;
        let silent = Progress::silent();
        let queries: Vec<f32> = table.codes()[..100 * 40].iter().map(|x| x + 0.01).collect();
        let exact = nearest_codes(&table, &queries, 10, None, &silent)?;
        for kind in [Kind::F32, Kind::F16, Kind::I8] {
            let index = built(kind, &table)?;
            assert!(index.recall() > 0.95, "{kind}: {}", index.recall());
            let rows = Rows::Vectors(&table);
            let found = index.nearest(rows, Wanted::Vectors(&queries), 10, None, &silent)?;
            let found_share = recall(&found, &exact);
            assert!(found_share > 0.95, "{kind}: {found_share}");
            for query in 0..100 {
                for (id, distance) in found.ids_of(query).iter().zip(found.distances_of(query)) {
                    let query = &queries[query * 40..][..40];
                    let code = table.code(*id as usize);
                    assert_eq!(
                        *distance,
                        crate::retrieval::code::squared_distance(query, code).sqrt()
                    );
                }
                assert!(found.distances_of(query).is_sorted());
            }
        }
        let index = built(Kind::Bits, &table)?;
        assert!(index.recall() > 0.9, "bits: {}", index.recall());
        Ok(())
    }

    #[test]
    fn building_can_be_stopped_and_kinds_have_to_fit() -> Result<()> {
        let table = table(2000, 8)?;
        let progress = Progress::silent();
        progress.cancel();
        let rows = Rows::Vectors(&table);
        let settings = Settings::default();
        let stopped = ApproximateIndex::build(Space::Code, rows, Kind::F32, settings, &progress);
        assert!(stopped.is_err_and(|e| e.is_cancelled()));
        let silent = Progress::silent();
        let unfit = ApproximateIndex::build(Space::Code, rows, Kind::Bits, settings, &silent);
        assert!(unfit.is_err_and(|e| e.is_usage()));
        Ok(())
    }
}
