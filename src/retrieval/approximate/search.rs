//! Asking an index.
//!
//! Invariant: of what it finds the distances are exact, and as many neighbours come back as there are to give.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::rows::Buffer;
use super::{ApproximateIndex, Kind, Rows, Wanted, failed, in_blocks};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::bits::{self, BitTable, nearest_bits};
use crate::retrieval::{Neighbours, code, nearest_codes};

impl ApproximateIndex {
    /// The `k` nearest of `rows`, which are those that the index was built of, to each query, as far as the index finds them;
    /// distances are exact. With `left_out`, one row per query, that one is not among its neighbours.
    ///
    /// # Errors
    /// When the queries do not fit, the library fails, or `is_cancelled`.
    pub fn nearest(
        &self,
        rows: Rows<'_>,
        wanted: Wanted<'_>,
        k: usize,
        left_out: Option<&[u32]>,
        progress: &Progress,
    ) -> Result<Neighbours> {
        let start = Instant::now();
        let count = self.check(rows, wanted)?;
        self.check_file()?;
        if left_out.is_some_and(|ids| ids.len() != count) {
            return Err(Error::usage(format!(
                "another number of items to leave out than the {count} queries"
            )));
        }
        let k = k.min(rows.len() - usize::from(left_out.is_some()));
        // Rounded rows come in a rounded order: twice as many are looked at exactly.
        let more = match self.about.kind {
            Kind::F32 | Kind::Bits => 0,
            Kind::F16 | Kind::I8 => k,
        };
        let asked = (k + usize::from(left_out.is_some()) + more).min(rows.len());
        let one = |query: usize, buffer: &mut Buffer| -> Result<Vec<(u64, u32)>> {
            let matches = match wanted {
                Wanted::Vectors(queries) => {
                    let query = &queries[query * self.about.dims..][..self.about.dims];
                    match &self.about.scale {
                        None => self.index.search(query, asked),
                        Some(scale) => {
                            scale.apply(query, &mut buffer.whole);
                            self.index.search(&buffer.whole, asked)
                        }
                    }
                }
                Wanted::Bits(queries) => self.index.search(buffer.bits(queries.code(query)), asked),
            };
            let matches = matches.map_err(|e| failed("a search", &e))?;
            let own = left_out.map(|ids| ids[query]);
            let mut found = Vec::with_capacity(matches.keys.len());
            for id in matches.keys {
                let Some(id) = u32::try_from(id)
                    .ok()
                    .filter(|&id| (id as usize) < rows.len())
                else {
                    return Err(Error::usage("the index names rows that there are not")
                        .hint("build it again"));
                };
                if Some(id) != own {
                    found.push((self.key(rows, wanted, query, id as usize), id));
                }
            }
            found.sort_unstable();
            found.truncate(k);
            Ok(found)
        };
        let answers: Vec<Mutex<Vec<(u64, u32)>>> = (0..count).map(|_| Mutex::default()).collect();
        let done = AtomicUsize::new(0);
        {
            let _all_places = self
                .searching
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            in_blocks(count, |block| {
                let size = block.len();
                let mut buffer = Buffer::default();
                for query in block {
                    let found = one(query, &mut buffer)?;
                    *answers[query]
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = found;
                }
                progress.update(done.fetch_add(size, Ordering::Relaxed) + size, count)
            })?;
        }
        let mut ids = Vec::with_capacity(count * k);
        let mut distances = Vec::with_capacity(count * k);
        for (query, answer) in answers.into_iter().enumerate() {
            let answer = answer.into_inner().unwrap_or_else(PoisonError::into_inner);
            if answer.len() == k {
                ids.extend(answer.iter().map(|&(_, id)| id));
                distances.extend(answer.iter().map(|&(key, _)| self.distance(key)));
            } else {
                // A graph may fall into parts that are smaller than what is asked for.
                let own = left_out.map(|ids| &ids[query..=query]);
                let exact = self.exact(rows, wanted, query, k, own)?;
                ids.extend(exact.ids);
                distances.extend(exact.distances);
            }
        }
        Ok(Neighbours {
            k,
            ids,
            distances,
            space: self.about.space,
            secs: start.elapsed().as_secs_f64(),
        })
    }

    /// Number of queries, when they and the rows are such as the index has.
    fn check(&self, rows: Rows<'_>, wanted: Wanted<'_>) -> Result<usize> {
        let about = &self.about;
        if (rows.len(), rows.dims()) != (about.n, about.dims) {
            return Err(Error::usage(format!(
                "an index of {} rows of {} cannot search {} rows of {}",
                about.n,
                about.dims,
                rows.len(),
                rows.dims()
            )));
        }
        match (rows, wanted) {
            (Rows::Vectors(_), Wanted::Vectors(queries))
                if queries.len().is_multiple_of(about.dims) =>
            {
                if queries.iter().any(|x| !x.is_finite()) {
                    return Err(Error::model("the code of a query is not finite"));
                }
                Ok(queries.len() / about.dims)
            }
            (Rows::Bits(_), Wanted::Bits(queries)) if queries.bits() == about.dims => {
                Ok(queries.len())
            }
            _ => Err(Error::usage("the queries are not such as the index holds")),
        }
    }

    fn key(&self, rows: Rows<'_>, wanted: Wanted<'_>, query: usize, id: usize) -> u64 {
        match (rows, wanted) {
            (Rows::Vectors(table), Wanted::Vectors(queries)) => {
                let query = &queries[query * self.about.dims..][..self.about.dims];
                code::key(code::squared_distance(query, table.code(id)))
            }
            (Rows::Bits(table), Wanted::Bits(queries)) => {
                u64::from(bits::distance(queries.code(query), table.code(id)))
            }
            _ => u64::MAX,
        }
    }

    fn distance(&self, key: u64) -> f32 {
        match self.about.kind {
            Kind::Bits => key as f32,
            Kind::F32 | Kind::F16 | Kind::I8 => f32::from_bits(key as u32).sqrt(),
        }
    }

    fn exact(
        &self,
        rows: Rows<'_>,
        wanted: Wanted<'_>,
        query: usize,
        k: usize,
        own: Option<&[u32]>,
    ) -> Result<Neighbours> {
        let silent = Progress::silent();
        match (rows, wanted) {
            (Rows::Vectors(table), Wanted::Vectors(queries)) => {
                let query = &queries[query * self.about.dims..][..self.about.dims];
                nearest_codes(table, query, k, own, &silent)
            }
            (Rows::Bits(table), Wanted::Bits(queries)) => {
                let query = BitTable::new(queries.code(query).to_vec(), queries.bits())?;
                nearest_bits(table, &query, k, own, self.about.space, &silent)
            }
            _ => Err(Error::usage("the queries are not such as the index holds")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{built, table};
    use super::*;

    #[test]
    fn an_item_that_is_left_out_is_not_found_and_small_sets_are_whole() -> Result<()> {
        let table = table(7, 3)?;
        let index = built(Kind::F32, &table)?;
        let rows = Rows::Vectors(&table);
        let silent = Progress::silent();
        let own: Vec<u32> = (0..7).collect();
        let wanted = Wanted::Vectors(table.codes());
        let found = index.nearest(rows, wanted, 100, Some(&own), &silent)?;
        assert_eq!(
            found,
            Neighbours {
                secs: found.secs,
                ..nearest_codes(&table, table.codes(), 100, Some(&own), &silent)?
            }
        );
        assert!(
            index
                .nearest(rows, Wanted::Vectors(&[0.0; 4]), 1, None, &silent)
                .is_err()
        );
        assert!(
            index
                .nearest(rows, Wanted::Vectors(&[f32::NAN; 3]), 1, None, &silent)
                .is_err()
        );
        assert!(index.nearest(rows, wanted, 1, Some(&[1]), &silent).is_err());
        Ok(())
    }
}
