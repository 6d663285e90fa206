//! Exact nearest neighbours in pixels, in codes and in what is made of them, and what a comparison of such spaces measures.
//!
//! Invariants: neighbours come nearest first, the lower id first among equals, and every search gives the same ids as
//! computing all distances would.

#![expect(
    clippy::inline_always,
    reason = "code gets a kind of vector only by being inlined where that kind is known to be there"
)]

pub mod approximate;
mod bits;
mod code;
mod gallery;
mod lanes;
pub mod measures;
pub mod memorisation;
mod pixel;
mod posterior;
#[cfg(feature = "qdrant")]
pub mod remote;
mod rotation;
mod scan;
mod short_list;
mod sketch;
mod space;
pub mod study;

pub use approximate::ApproximateIndex;
pub use bits::{BitTable, HashTable, MOST_HASH_BITS, nearest_bits};
pub use code::nearest_codes;
pub use gallery::{Distances, Encoded, Gallery, Probe, Queries};
pub use pixel::{nearest_pixels, nearest_to_picture};
pub use rotation::Rotation;
pub use short_list::{ShortList, ShortListed};
pub use space::Space;

/// The nearest gallery items of each query.
#[derive(Clone, PartialEq, Debug)]
pub struct Neighbours {
    /// Neighbours per query: what was asked for, or as many as the gallery has.
    pub k: usize,
    /// Gallery ids, `[queries, k]` row by row, nearest first.
    pub ids: Vec<u32>,
    /// Distance of each by the space's measure (Euclidean ones are not squared), in the same order.
    pub distances: Vec<f32>,
    /// Where the distances were measured.
    pub space: Space,
    /// Seconds the search took.
    pub secs: f64,
}

impl Neighbours {
    /// Number of queries; 0 when there are no neighbours to give.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.ids.len().checked_div(self.k).unwrap_or(0)
    }

    /// Ids of the neighbours of query `i`, nearest first.
    ///
    /// # Panics
    /// When `i` is not below [`Self::queries`].
    #[must_use]
    pub fn ids_of(&self, i: usize) -> &[u32] {
        &self.ids[i * self.k..][..self.k]
    }

    /// Distances of the neighbours of query `i`, nearest first.
    ///
    /// # Panics
    /// When `i` is not below [`Self::queries`].
    #[must_use]
    pub fn distances_of(&self, i: usize) -> &[f32] {
        &self.distances[i * self.k..][..self.k]
    }
}
