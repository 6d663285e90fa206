//! Search in two stages: a short list of items whose short codes differ in a few bits, put in order by long codes (Krizhevsky and
//! Hinton, ESANN 2011: 28 bits, then 256).
//!
//! Invariant: within the short list the order is that of an exact search by the long codes, ties included.

use std::time::Instant;

use rayon::prelude::*;

use super::bits::{BitTable, HashTable, binomial, differing, distance};
use super::{Neighbours, Space};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Queries answered between two looks at whether the work was cancelled.
const BATCH: usize = 256;

/// Codes that are compared in the time in which one is looked up.
const LOOK_UP: usize = 64;

/// Items by two codes each: a short one, by which a few are picked, and a long one, which puts those in order.
#[derive(Debug)]
pub struct ShortList<'a> {
    short: &'a BitTable,
    long: &'a BitTable,
    hash: HashTable,
    radius: usize,
    /// Whether looking up every code within the radius is quicker than comparing all short codes.
    is_walked: bool,
}

/// What a search in two stages found.
#[derive(Clone, Debug)]
pub struct ShortListed {
    /// The neighbours by the long codes among each query's candidates.
    pub neighbours: Neighbours,
    /// Items on each query's short list.
    pub candidates: Vec<u32>,
    /// Bits in which short codes of each query's list may differ: the radius or, where fewer items than wanted lie within it, the
    /// least one that holds as many.
    pub radii: Vec<u32>,
}

/// The answer to one query: neighbours with their distances, how many candidates there were and within which radius.
struct Answer {
    nearest: Vec<(u32, u32)>,
    candidates: u32,
    radius: u32,
}

impl<'a> ShortList<'a> {
    /// Items with their short codes, of at most [`super::MOST_HASH_BITS`] bits, and their long codes; a short list holds those
    /// whose short codes differ from the query's in at most `radius` bits.
    ///
    /// # Errors
    /// When short codes are too long, or there is not one long code for each short one.
    pub fn new(short: &'a BitTable, long: &'a BitTable, radius: usize) -> Result<Self> {
        if short.len() != long.len() {
            return Err(Error::usage(format!(
                "{} short codes for {} long ones",
                short.len(),
                long.len()
            )));
        }
        let radius = radius.min(short.bits());
        let ball = (0..=radius)
            .map(|distance| binomial(short.bits(), distance))
            .fold(0, usize::saturating_add);
        Ok(Self {
            hash: HashTable::new(short)?,
            short,
            long,
            radius,
            is_walked: ball.saturating_mul(LOOK_UP) < short.len(),
        })
    }

    /// The `k` items nearest to each query by its long code, among those near it by its short one. Where fewer than `k` are
    /// near, all short codes are compared and the list takes in whole distances until it holds `k`. With `left_out`, one item
    /// per query, that one is on no list.
    ///
    /// # Errors
    /// When queries do not have codes as long as the items', or `left_out` has not one entry each; `is_cancelled`.
    pub fn nearest(
        &self,
        short: &BitTable,
        long: &BitTable,
        k: usize,
        left_out: Option<&[u32]>,
        progress: &Progress,
    ) -> Result<ShortListed> {
        let start = Instant::now();
        let n = short.len();
        if short.bits() != self.short.bits() || long.bits() != self.long.bits() {
            return Err(Error::usage(format!(
                "codes of {} and {} bits cannot be compared with codes of {} and {}",
                short.bits(),
                long.bits(),
                self.short.bits(),
                self.long.bits()
            )));
        }
        if long.len() != n || left_out.is_some_and(|ids| ids.len() != n) {
            return Err(Error::usage(format!(
                "{n} queries need a long code, and where items are left out an item, each"
            )));
        }
        let others = self.long.len() - usize::from(left_out.is_some() && !self.long.is_empty());
        let k = k.min(others);
        let mut answers: Vec<Answer> = Vec::with_capacity(n);
        for first in (0..n).step_by(BATCH) {
            progress.update(first, n)?;
            let batch = (first..n.min(first + BATCH)).into_par_iter();
            let left_out = |i: usize| left_out.map(|ids| ids[i]);
            answers.par_extend(
                batch.map(|i| self.answer(short.code(i)[0], long.code(i), k, left_out(i))),
            );
        }
        progress.update(n, n)?;
        let found = || answers.iter().flat_map(|answer| &answer.nearest);
        Ok(ShortListed {
            neighbours: Neighbours {
                k,
                ids: found().map(|(_, id)| *id).collect(),
                distances: found().map(|(distance, _)| *distance as f32).collect(),
                space: Space::Bits,
                secs: start.elapsed().as_secs_f64(),
            },
            candidates: answers.iter().map(|answer| answer.candidates).collect(),
            radii: answers.iter().map(|answer| answer.radius).collect(),
        })
    }

    fn answer(&self, short: u64, long: &[u64], k: usize, left_out: Option<u32>) -> Answer {
        let mut radius = self.radius;
        let mut candidates = Vec::new();
        if self.is_walked {
            candidates = self.hash.ball(short, radius);
            candidates.retain(|id| Some(*id) != left_out);
        }
        if candidates.len() < k || !self.is_walked {
            (radius, candidates) = self.scanned(short, k, left_out);
        }
        let mut nearest: Vec<(u32, u32)> = candidates
            .iter()
            .map(|&id| (distance(self.long.code(id as usize), long), id))
            .collect();
        if k < nearest.len() && k > 0 {
            nearest.select_nth_unstable(k - 1);
        }
        nearest.truncate(k);
        nearest.sort_unstable();
        Answer {
            nearest,
            candidates: candidates.len() as u32,
            radius: radius as u32,
        }
    }

    /// The radius or, where fewer than `k` items lie within it, the least one that holds as many, and the items within it.
    fn scanned(&self, short: u64, k: usize, left_out: Option<u32>) -> (usize, Vec<u32>) {
        let off = differing(self.short, &[short]);
        let others = || (0..).zip(&off).filter(|(id, _)| Some(*id) != left_out);
        let mut counts = vec![0; self.short.bits() + 1];
        for (_, &bits) in others() {
            counts[bits as usize] += 1;
        }
        let mut within = 0;
        let radius = counts.iter().position(|count| {
            within += count;
            within >= k
        });
        let radius = radius.unwrap_or(self.short.bits()).max(self.radius);
        let near = others().filter(|(_, bits)| **bits <= radius as u64);
        (radius, near.map(|(id, _)| id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::nearest_bits;
    use super::*;

    fn codes(n: usize, bits: usize, seed: u64) -> Result<BitTable> {
        let mut state = seed;
        let mut word = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(seed | 1);
            (state ^ (state >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB)
        };
        let used = |word: u64| {
            if bits.is_multiple_of(64) {
                word
            } else {
                word >> (64 - bits % 64)
            }
        };
        let per = bits.div_ceil(64);
        let mut words: Vec<u64> = (0..n * per).map(|_| word()).collect();
        words
            .chunks_exact_mut(per)
            .for_each(|code| code[per - 1] = used(code[per - 1]));
        BitTable::new(words, bits)
    }

    #[test]
    fn what_is_near_by_the_short_code_comes_in_the_order_of_the_long_one() -> Result<()> {
        // Of 12 bits all short codes are compared, of 6 those equal to the query's are looked up.
        for (bits, least) in [(12, 3), (6, 0)] {
            let (short, long) = (codes(500, bits, 1)?, codes(500, 130, 2)?);
            let (asked_short, asked_long) = (codes(40, bits, 3)?, codes(40, 130, 4)?);
            let list = ShortList::new(&short, &long, least)?;
            assert_eq!(list.is_walked, least == 0);
            let progress = Progress::silent();
            let left_out: Vec<u32> = (0..40).collect();
            let found = list.nearest(&asked_short, &asked_long, 4, Some(&left_out), &progress)?;
            for i in 0..40 {
                let off = |table: &BitTable, code: &[u64], id: usize| -> usize {
                    let pairs = table.code(id).iter().zip(code);
                    pairs.map(|(a, b)| (a ^ b).count_ones() as usize).sum()
                };
                let near = |radius: usize| -> Vec<usize> {
                    let all = (0..500).filter(|id| *id != i);
                    all.filter(|id| off(&short, asked_short.code(i), *id) <= radius)
                        .collect()
                };
                let radius = (least..=bits)
                    .find(|r| near(*r).len() >= 4)
                    .expect("a radius");
                let mut expected: Vec<(usize, u32)> = near(radius)
                    .into_iter()
                    .map(|id| (off(&long, asked_long.code(i), id), id as u32))
                    .collect();
                expected.sort_unstable();
                let ids: Vec<u32> = expected[..4].iter().map(|e| e.1).collect();
                assert_eq!(found.neighbours.ids_of(i), ids);
                assert_eq!(found.neighbours.distances_of(i)[0], expected[0].0 as f32);
                assert_eq!(found.candidates[i] as usize, expected.len());
                assert_eq!(found.radii[i] as usize, radius);
            }
        }
        Ok(())
    }

    #[test]
    fn an_empty_ball_is_widened_and_a_full_one_is_an_exact_search() -> Result<()> {
        let (short, long) = (codes(300, 28, 1)?, codes(300, 256, 2)?);
        let (asked_short, asked_long) = (codes(9, 28, 3)?, codes(9, 256, 4)?);
        let progress = Progress::silent();
        let narrow = ShortList::new(&short, &long, 0)?;
        let found = narrow.nearest(&asked_short, &asked_long, 2, None, &progress)?;
        assert!(found.radii.iter().all(|radius| *radius > 0));
        assert!(found.candidates.iter().all(|n| (2..300).contains(n)));
        let wide = ShortList::new(&short, &long, 28)?;
        let all = wide.nearest(&asked_short, &asked_long, 7, None, &progress)?;
        let exact = nearest_bits(&long, &asked_long, 7, None, Space::Bits, &progress)?;
        assert_eq!(all.neighbours.ids, exact.ids);
        assert_eq!(all.neighbours.distances, exact.distances);
        let more = wide.nearest(&asked_short, &asked_long, 1000, None, &progress)?;
        assert_eq!(more.neighbours.k, 300);
        Ok(())
    }

    #[test]
    fn codes_that_do_not_belong_together_are_refused() -> Result<()> {
        let (short, long) = (codes(10, 28, 1)?, codes(10, 256, 2)?);
        assert!(ShortList::new(&codes(9, 28, 1)?, &long, 2).is_err());
        assert!(ShortList::new(&long, &long, 2).is_err());
        let list = ShortList::new(&short, &long, 2)?;
        let progress = Progress::silent();
        assert!(list.nearest(&long, &long, 1, None, &progress).is_err());
        assert!(
            list.nearest(&short, &long, 1, Some(&[0]), &progress)
                .is_err()
        );
        Ok(())
    }
}
