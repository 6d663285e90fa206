//! What the dimensions of a code have to do with known factors of variation: mutual information, MIG, DCI, SAP and the score of
//! FactorVAE, defined as in disentanglement_lib (Locatello et al., 2019).
//!
//! Invariant: the same codes, factors and seed give the same figures, whatever the number of threads.

mod boosting;
mod importance;
mod information;
mod known;
mod measure;
mod predictability;
mod table;
mod votes;

#[cfg(test)]
mod tests;

pub use importance::Importance;
pub use information::Information;
pub use known::{Known, KnownValues, LeftOutFactor};
pub use measure::{Factors, MOST_BINS};
pub use predictability::Predictability;
pub use votes::{DEAD, LEAST_ITEMS, Votes};
