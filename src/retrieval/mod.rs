//! Exact nearest neighbours in pixels and in codes, and what a comparison of the two measures.
//!
//! Invariants: neighbours come nearest first, the lower id first among equals, and every search gives the same ids as
//! computing all distances would.

#![expect(
    clippy::inline_always,
    reason = "code gets a kind of vector only by being inlined where that kind is known to be there"
)]

mod code;
mod lanes;
pub mod measures;
mod pixel;
mod scan;
mod sketch;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use code::nearest_codes;
pub use pixel::{nearest_pixels, nearest_to_picture};

/// Where distances are measured.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// Euclidean distance between pixels, each in 0 to 255.
    Pixel,
    /// Euclidean distance between codes.
    Code,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pixel => "pixel",
            Self::Code => "code",
        })
    }
}

impl FromStr for Space {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "pixel" => Ok(Self::Pixel),
            "code" => Ok(Self::Code),
            _ => {
                Err(Error::usage(format!("there is no space called {text}")).hint("pixel or code"))
            }
        }
    }
}

/// The nearest gallery items of each query.
#[derive(Clone, PartialEq, Debug)]
pub struct Neighbours {
    /// Neighbours per query: what was asked for, or as many as the gallery has.
    pub k: usize,
    /// Gallery ids, `[queries, k]` row by row, nearest first.
    pub ids: Vec<u32>,
    /// Euclidean distance (not squared) of each, in the same order.
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
