//! Exact search over binary codes: how many bits differ.
//!
//! Invariant: bits are packed into words of 64, the first bit lowest; bits beyond the code's are zero everywhere.

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, dispatch};
use super::scan::{Nearest, Scan, Task};
use super::{Neighbours, Space};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Gallery bytes that are compared with a group of queries while they are in the cache.
const BLOCK_BYTES: usize = 1 << 18;

/// Binary codes of a set of items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BitTable {
    words: Vec<u64>,
    bits: usize,
}

impl BitTable {
    /// The codes of `n` items of `bits` bits each, packed: `[n, ⌈bits / 64⌉]` words row by row.
    ///
    /// # Errors
    /// When there are no bits, the words do not make whole codes, or a bit beyond a code's is set.
    pub fn new(words: Vec<u64>, bits: usize) -> Result<Self> {
        let per = bits.div_ceil(64);
        if bits == 0 || !words.len().is_multiple_of(per) {
            return Err(Error::usage(format!(
                "{} words are no codes of {bits} bits",
                words.len()
            )));
        }
        let used = bits % 64;
        let beyond = if used == 0 { 0 } else { u64::MAX << used };
        if words
            .chunks_exact(per)
            .any(|code| code[per - 1] & beyond != 0)
        {
            return Err(Error::usage(format!("a code has more than {bits} bits")));
        }
        Ok(Self { words, bits })
    }

    /// The codes whose bits say where `rows`, `[n, d]` row by row, exceed `thresholds`, `[d]`.
    ///
    /// # Errors
    /// When there is no threshold or the rows do not fit them.
    pub fn above(rows: &[f32], thresholds: &[f32]) -> Result<Self> {
        let d = thresholds.len();
        if d == 0 || !rows.len().is_multiple_of(d) {
            return Err(Error::usage(format!(
                "{} numbers are no codes of {d} numbers each",
                rows.len()
            )));
        }
        let per = d.div_ceil(64);
        let mut words = vec![0_u64; rows.len() / d * per];
        words
            .par_chunks_mut(per)
            .zip(rows.par_chunks_exact(d))
            .for_each(|(words, row)| {
                for (i, (x, threshold)) in row.iter().zip(thresholds).enumerate() {
                    words[i / 64] |= u64::from(x > threshold) << (i % 64);
                }
            });
        Ok(Self { words, bits: d })
    }

    /// Number of codes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len() / self.words_per_code()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Bits per code.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Words per code.
    #[must_use]
    pub fn words_per_code(&self) -> usize {
        self.bits.div_ceil(64)
    }

    /// The code of item `i`.
    ///
    /// # Panics
    /// When `i` is not below [`Self::len`].
    #[must_use]
    pub fn code(&self, i: usize) -> &[u64] {
        let per = self.words_per_code();
        &self.words[i * per..][..per]
    }

    /// All codes, row by row.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

/// The `k` codes of `gallery` that differ in the fewest bits from each of `queries`. With `left_out`, one gallery id per query,
/// that item is not among its neighbours.
///
/// # Errors
/// When the codes differ in length, `left_out` has not one entry per query, or `progress` was cancelled.
pub fn nearest_bits(
    gallery: &BitTable,
    queries: &BitTable,
    k: usize,
    left_out: Option<&[u32]>,
    space: Space,
    progress: &Progress,
) -> Result<Neighbours> {
    if gallery.bits != queries.bits {
        return Err(Error::usage(format!(
            "codes of {} bits cannot be compared with codes of {}",
            queries.bits, gallery.bits
        )));
    }
    let task = Task::new(space, queries.len(), gallery.len(), k, left_out)?;
    task.run(&Codes { gallery, queries }, progress)
}

/// How many bits of each code of `gallery` differ from `query`.
#[must_use]
pub(super) fn differing(gallery: &BitTable, query: &[u64]) -> Vec<u64> {
    let per = gallery.words_per_code();
    let mut counts = vec![0_u64; gallery.len()];
    counts
        .par_chunks_mut(1 << 14)
        .zip(gallery.words.par_chunks((1 << 14) * per))
        .for_each(|(counts, words)| {
            dispatch(Count {
                words,
                query,
                counts,
            });
        });
    counts
}

struct Count<'a> {
    words: &'a [u64],
    query: &'a [u64],
    counts: &'a mut [u64],
}

impl Kernel for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, _: L) {
        let codes = self.words.chunks_exact(self.query.len());
        for (count, code) in self.counts.iter_mut().zip(codes) {
            *count = u64::from(distance(code, self.query));
        }
    }
}

/// Bits that differ.
#[inline(always)]
pub(super) fn distance(a: &[u64], b: &[u64]) -> u32 {
    let mut sum = 0;
    for (a, b) in a.iter().zip(b) {
        sum += (a ^ b).count_ones();
    }
    sum
}

struct Codes<'a> {
    gallery: &'a BitTable,
    queries: &'a BitTable,
}

impl Scan for Codes<'_> {
    fn scan(&self, queries: Range<usize>, items: Range<usize>, nearest: &mut [Nearest]) {
        let per = self.gallery.words_per_code();
        let words = &self.gallery.words[items.start * per..items.end * per];
        for (query, nearest) in queries.zip(nearest) {
            let query = self.queries.code(query);
            let first = items.start;
            // Of a known length the compiler keeps the query in registers.
            match per {
                1 => dispatch(Words::<1> {
                    codes: words,
                    query,
                    first,
                    nearest,
                }),
                2 => dispatch(Words::<2> {
                    codes: words,
                    query,
                    first,
                    nearest,
                }),
                4 => dispatch(Words::<4> {
                    codes: words,
                    query,
                    first,
                    nearest,
                }),
                _ => dispatch(Words::<0> {
                    codes: words,
                    query,
                    first,
                    nearest,
                }),
            }
        }
    }

    fn queries_at_once(&self) -> usize {
        64
    }

    fn items_at_once(&self) -> usize {
        (BLOCK_BYTES / (8 * self.gallery.words_per_code())).max(PANEL)
    }

    fn euclidean(&self, distance: u64) -> f32 {
        distance as f32
    }
}

/// Codes whose distances are found before any of them is looked at.
const PANEL: usize = 64;

/// Codes of `W` words; of any length where `W` is 0.
struct Words<'a, const W: usize> {
    codes: &'a [u64],
    query: &'a [u64],
    /// Id of the first of the codes.
    first: usize,
    nearest: &'a mut Nearest,
}

impl<const W: usize> Kernel for Words<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, _: L) {
        let per = if W == 0 { self.query.len() } else { W };
        let mut bound = self.nearest.bound();
        let mut counts = [0_u32; PANEL];
        for (panel, words) in self.codes.chunks(PANEL * per).enumerate() {
            let codes = words.chunks_exact(per);
            let count = codes.len();
            let mut smallest = u32::MAX;
            for (slot, code) in counts.iter_mut().zip(codes) {
                *slot = distance(code, self.query);
                smallest = smallest.min(*slot);
            }
            if u64::from(smallest) > bound {
                continue;
            }
            for (i, &found) in counts[..count].iter().enumerate() {
                if u64::from(found) <= bound {
                    let id = self.first + panel * PANEL + i;
                    self.nearest.offer(u64::from(found), id as u32);
                    bound = self.nearest.bound();
                }
            }
        }
    }
}

/// Items by the value of short codes, so that those within a few bits of a code are found without looking at the others
/// (semantic hashing: Salakhutdinov and Hinton, 2009).
#[derive(Clone, Debug)]
pub struct HashTable {
    /// Distinct codes in ascending order, and where the items of each begin.
    codes: Vec<u64>,
    starts: Vec<u32>,
    items: Vec<u32>,
    bits: usize,
}

/// The most bits of a hash: each code is one word, and a ball of a few bits around it can be walked.
pub const MOST_HASH_BITS: usize = 32;

impl HashTable {
    /// The items of `table` by their codes.
    ///
    /// # Errors
    /// When codes have more than [`MOST_HASH_BITS`] bits.
    pub fn new(table: &BitTable) -> Result<Self> {
        if table.bits() > MOST_HASH_BITS {
            return Err(Error::usage(format!(
                "codes of {} bits are too long for a hash, which takes {MOST_HASH_BITS}",
                table.bits()
            )));
        }
        let mut order: Vec<(u64, u32)> = table.words().iter().copied().zip(0..).collect();
        order.par_sort_unstable();
        let mut codes: Vec<u64> = Vec::new();
        let mut starts = Vec::new();
        for (at, (code, _)) in order.iter().enumerate() {
            if codes.last() != Some(code) {
                codes.push(*code);
                starts.push(at as u32);
            }
        }
        starts.push(order.len() as u32);
        Ok(Self {
            codes,
            starts,
            items: order.into_iter().map(|(_, id)| id).collect(),
            bits: table.bits(),
        })
    }

    /// Distinct codes in use.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.codes.len()
    }

    /// Ids of all items whose codes differ from `code` in at most `radius` bits, nearest codes first, ascending within a code.
    #[must_use]
    pub fn ball(&self, code: u64, radius: usize) -> Vec<u32> {
        let mut found = Vec::new();
        for distance in 0..=radius.min(self.bits) {
            // All codes at this distance, or all codes in use: whichever are fewer.
            if binomial(self.bits, distance) < self.codes.len() {
                self.walk(code, 0, distance, &mut found);
            } else {
                for (i, other) in self.codes.iter().enumerate() {
                    if (other ^ code).count_ones() as usize == distance {
                        found.extend_from_slice(self.bucket(i));
                    }
                }
            }
        }
        found
    }

    fn walk(&self, code: u64, from: usize, left: usize, found: &mut Vec<u32>) {
        if left == 0 {
            if let Ok(i) = self.codes.binary_search(&code) {
                found.extend_from_slice(self.bucket(i));
            }
            return;
        }
        for bit in from..=self.bits - left {
            self.walk(code ^ (1 << bit), bit + 1, left - 1, found);
        }
    }

    fn bucket(&self, i: usize) -> &[u32] {
        &self.items[self.starts[i] as usize..self.starts[i + 1] as usize]
    }
}

/// `n` over `k`, or `usize::MAX` where that is too large.
fn binomial(n: usize, k: usize) -> usize {
    (0..k)
        .try_fold(1_usize, |product, i| {
            Some(product.checked_mul(n - i)? / (i + 1))
        })
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(n: usize, seed: u64) -> Vec<u64> {
        (0..n as u64)
            .map(|i| {
                (i + seed)
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    .rotate_left(17)
                    .wrapping_mul(0xD134_2543_DE82_EF95)
            })
            .collect()
    }

    #[test]
    fn the_nearest_are_those_of_a_plain_count() -> Result<()> {
        for bits in [1, 20, 63, 64, 65, 128, 200, 256, 300] {
            let per = usize::div_ceil(bits, 64);
            let cut = |mut words: Vec<u64>| {
                if bits % 64 != 0 {
                    for code in words.chunks_exact_mut(per) {
                        code[per - 1] &= (1 << (bits % 64)) - 1;
                    }
                }
                words
            };
            let gallery = BitTable::new(cut(words(700 * per, 1)), bits)?;
            let queries = BitTable::new(cut(words(5 * per, 99)), bits)?;
            let found = nearest_bits(
                &gallery,
                &queries,
                9,
                None,
                Space::Bits,
                &Progress::silent(),
            )?;
            for i in 0..5 {
                let count = |id: usize| -> u32 {
                    let pairs = gallery.code(id).iter().zip(queries.code(i));
                    pairs.map(|(a, b)| (a ^ b).count_ones()).sum()
                };
                let mut all: Vec<(u32, u32)> = (0..700).map(|id| (count(id), id as u32)).collect();
                all.sort_unstable();
                let ids: Vec<u32> = all[..9].iter().map(|a| a.1).collect();
                assert_eq!(found.ids_of(i), ids, "{bits} bits");
                let plain: Vec<u64> = (0..700).map(|id| u64::from(count(id))).collect();
                assert_eq!(differing(&gallery, queries.code(i)), plain);
            }
        }
        Ok(())
    }

    #[test]
    fn a_ball_holds_exactly_what_differs_in_so_few_bits() -> Result<()> {
        let cut: Vec<u64> = words(3000, 5).iter().map(|w| w & 0xFFFF).collect();
        let table = BitTable::new(cut.clone(), 16)?;
        let hash = HashTable::new(&table)?;
        for radius in 0..6 {
            let code = cut[7] ^ 0b101;
            let mut found = hash.ball(code, radius);
            let near = |&id: &u32| (cut[id as usize] ^ code).count_ones() as usize;
            assert!(found.is_sorted_by_key(near));
            found.sort_unstable();
            let expected: Vec<u32> = (0..3000).filter(|id| near(id) <= radius).collect();
            assert_eq!(found, expected, "radius {radius}");
        }
        Ok(())
    }

    #[test]
    fn bits_say_what_exceeds_a_threshold() -> Result<()> {
        let table = BitTable::above(&[0.0, 1.0, 2.0, 0.5, 0.5, 0.5], &[0.5, 0.5, 0.5])?;
        assert_eq!((table.code(0), table.code(1)), (&[0b110][..], &[0][..]));
        assert!(BitTable::new(vec![0b1000], 3).is_err());
        assert!(BitTable::new(vec![1, 2, 3], 100).is_err());
        Ok(())
    }
}
