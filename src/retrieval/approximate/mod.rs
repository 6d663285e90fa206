//! Approximate nearest neighbours: a graph of near items is walked towards the query (hierarchical navigable small worlds,
//! Malkov and Yashunin 2020), so that a query looks at some hundreds of a million items.
//!
//! Invariants: an index answers for the very rows that it was built of and for no others; it carries the share of the exact
//! answer that it was measured to find; distances it gives are the exact ones of the items it found.
//!
//! Rows are added on all cores at once, and which comes first is left to chance: two indices of the same rows find the same
//! share of neighbours, not the same graph to the bit. What an index answers once it is built does not depend on chance.

mod build;
mod file;
mod rows;
mod search;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use super::Space;
use crate::error::{Error, Result};

use rows::Scale;
pub use rows::{Rows, Wanted};

/// Rows added, or queries answered, by one core at a time.
const BLOCK: usize = 64;

/// How the rows are kept in an index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// As they are.
    F32,
    /// In half precision.
    F16,
    /// As whole numbers from -127 to 127, of one step in all dimensions around the mean of each.
    I8,
    /// As bits, for the spaces of bits.
    Bits,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::I8, Self::Bits];

    /// The kinds that an index of `space` can be of; none where there are neither vectors nor bits.
    #[must_use]
    pub fn of(space: Space) -> &'static [Self] {
        match space {
            Space::Code
            | Space::CodeCosine
            | Space::CodeScaled
            | Space::Components
            | Space::Random => &[Self::F32, Self::F16, Self::I8],
            Space::Bits | Space::RotatedBits => &[Self::Bits],
            Space::Pixel | Space::PixelCosine | Space::PixelCentred | Space::CodeKl => &[],
        }
    }

    /// The name by which it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
            Self::Bits => "bits",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            Error::usage(format!("there is no index called {text}"))
                .hint(Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// How thoroughly a graph is built and walked: larger numbers find more and take longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Neighbours kept per item.
    pub connectivity: usize,
    /// Candidates held while an item is added.
    pub expansion_add: usize,
    /// Candidates held while a query is answered.
    pub expansion_search: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connectivity: 16,
            expansion_add: 128,
            expansion_search: 64,
        }
    }
}

/// What is known of an index, written beside it as JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct About {
    /// Version of this description.
    version: u64,
    /// Version of usearch that built the index.
    library: String,
    /// Where it measures.
    pub space: Space,
    /// How the rows are kept.
    pub kind: Kind,
    /// Rows.
    pub n: usize,
    /// Numbers or bits of each.
    pub dims: usize,
    /// [`Rows::digest`] of what was indexed.
    digest: String,
    /// How it was built and is searched.
    pub settings: Settings,
    /// Share of the ten nearest rows that it finds, of rows of a sample, the row itself left out.
    pub recall: f64,
    /// Rows of that sample.
    pub sample: usize,
    /// Seconds that building took.
    pub secs: f64,
    scale: Option<Scale>,
    /// Bytes of the file and their digest.
    bytes: u64,
    file_digest: String,
}

/// An index of rows.
pub struct ApproximateIndex {
    index: Index,
    about: About,
    /// The file it is mapped from, with its length; none while it is in memory.
    mapped: Option<(PathBuf, u64)>,
    /// The library has as many places for searches as there are cores, and fails beyond: one batch has them all.
    searching: Mutex<()>,
}

impl fmt::Debug for ApproximateIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApproximateIndex")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl ApproximateIndex {
    /// What is known of it.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Share of the ten nearest rows that it finds, measured on a sample of its own rows.
    #[must_use]
    pub fn recall(&self) -> f64 {
        self.about.recall
    }
}

/// An index with nothing in it.
fn empty(about: &About) -> Result<Index> {
    let (dimensions, metric, quantization) = match about.kind {
        Kind::F32 => (about.dims, MetricKind::L2sq, ScalarKind::F32),
        Kind::F16 => (about.dims, MetricKind::L2sq, ScalarKind::F16),
        Kind::I8 => (about.dims, MetricKind::L2sq, ScalarKind::I8),
        // Bits beyond the code's are zero in all.
        Kind::Bits => (
            about.dims.next_multiple_of(64),
            MetricKind::Hamming,
            ScalarKind::B1,
        ),
    };
    let options = IndexOptions {
        dimensions,
        metric,
        quantization,
        connectivity: about.settings.connectivity,
        expansion_add: about.settings.expansion_add,
        expansion_search: about.settings.expansion_search,
        multi: false,
    };
    Index::new(&options).map_err(|e| failed("making the index", &e))
}

fn failed(what: &str, error: &impl fmt::Display) -> Error {
    Error::device(format!("the approximate index failed in {what}: {error}"))
        .hint("the exact search needs no index")
}

/// Cores that work on an index at once.
fn workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::current_num_threads().min(cores).max(1)
}

/// Gives `0..n` to all cores in blocks, in order; ends at the first error.
fn in_blocks(n: usize, work: impl Fn(Range<usize>) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let error = Mutex::new(None);
    rayon::scope(|scope| {
        for _ in 0..workers().min(n.div_ceil(BLOCK)) {
            scope.spawn(|_| {
                loop {
                    let start = next.fetch_add(BLOCK, Ordering::Relaxed);
                    if start >= n {
                        break;
                    }
                    if let Err(e) = work(start..(start + BLOCK).min(n)) {
                        next.store(n, Ordering::Relaxed);
                        *error.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
                        break;
                    }
                }
            });
        }
    });
    match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod fixtures {
    use super::*;
    use crate::progress::Progress;
    use crate::retrieval::BitTable;
    use crate::space::CodeTable;

    /// Clusters, as codes have them.
    pub(super) fn table(n: usize, d: usize) -> Result<CodeTable> {
        let number = |i: usize| {
            let x = (i as u64)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .rotate_left(29)
                .wrapping_mul(0xD134_2543_DE82_EF95);
            (x >> 40) as f32 / 16_777_216.0 - 0.5
        };
        let row = |i: usize| {
            (0..d).map(move |j| 3.0 * number(i % 20 * d + j) + number(100_000 + i * d + j))
        };
        CodeTable::new((0..n).flat_map(row).collect::<Vec<_>>(), d, vec![0.0; d])
    }

    pub(super) fn bits(table: &CodeTable) -> Result<BitTable> {
        BitTable::above(table.codes(), table.mean())
    }

    pub(super) fn built(kind: Kind, table: &CodeTable) -> Result<ApproximateIndex> {
        let bits = bits(table)?;
        let (space, rows) = match kind {
            Kind::Bits => (Space::Bits, Rows::Bits(&bits)),
            _ => (Space::Code, Rows::Vectors(table)),
        };
        ApproximateIndex::build(space, rows, kind, Settings::default(), &Progress::silent())
    }
}
