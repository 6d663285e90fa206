//! What an index is built of and asked for, and the forms in which the library takes it.
//!
//! Invariant: two sets of rows of one digest are the same but for chance.

use serde::{Deserialize, Serialize};
use usearch::b1x8;

use crate::files::Digest;
use crate::retrieval::BitTable;
use crate::space::CodeTable;

/// What an index is built of.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Vectors with the Euclidean distance.
    Vectors(&'a CodeTable),
    /// Bits with the number that differ.
    Bits(&'a BitTable),
}

impl Rows<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Vectors(table) => table.len(),
            Self::Bits(table) => table.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers, or bits, of each.
    #[must_use]
    pub fn dims(&self) -> usize {
        match self {
            Self::Vectors(table) => table.dims(),
            Self::Bits(table) => table.bits(),
        }
    }

    /// A digest of all of them (64-bit FNV-1a over 8-byte words).
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        digest.mix(self.dims() as u64);
        match self {
            Self::Vectors(table) => {
                let (pairs, rest) = table.codes().as_chunks::<2>();
                for [a, b] in pairs {
                    digest.mix(u64::from(a.to_bits()) << 32 | u64::from(b.to_bits()));
                }
                for x in rest {
                    digest.mix(u64::from(x.to_bits()));
                }
            }
            Self::Bits(table) => {
                digest.mix(1);
                for &word in table.words() {
                    digest.mix(word);
                }
            }
        }
        digest.value()
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Vectors, `[q, d]` row by row.
    Vectors(&'a [f32]),
    /// Bits.
    Bits(&'a BitTable),
}

/// How vectors become whole numbers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Scale {
    pub(super) centre: Vec<f32>,
    per_step: f32,
}

impl Scale {
    /// One step for all dimensions, so that distances stay in proportion; six standard deviations of the widest, or its
    /// extremes where these are nearer, become 127.
    pub(super) fn of(table: &CodeTable) -> Self {
        let widest = table.std().iter().copied().fold(0.0, f32::max);
        let mut farthest = 0.0_f32;
        for row in table.codes().chunks_exact(table.dims()) {
            for (x, centre) in row.iter().zip(table.mean()) {
                farthest = farthest.max((x - centre).abs());
            }
        }
        let reach = farthest.min(6.0 * widest);
        Self {
            centre: table.mean().to_vec(),
            per_step: if reach > 0.0 { 127.0 / reach } else { 0.0 },
        }
    }

    pub(super) fn apply(&self, row: &[f32], to: &mut Vec<i8>) {
        to.clear();
        let whole =
            |(x, centre): (&f32, &f32)| ((x - centre) * self.per_step).round().clamp(-127.0, 127.0);
        to.extend(row.iter().zip(&self.centre).map(|pair| whole(pair) as i8));
    }
}

/// Room for a row in another form.
#[derive(Default)]
pub(super) struct Buffer {
    pub(super) whole: Vec<i8>,
    bytes: Vec<u8>,
}

impl Buffer {
    pub(super) fn bits(&mut self, code: &[u64]) -> &[b1x8] {
        self.bytes.clear();
        self.bytes
            .extend(code.iter().flat_map(|word| word.to_le_bytes()));
        b1x8::from_u8s(&self.bytes)
    }
}
