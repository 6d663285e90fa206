//! Mathematics on codes as plain arrays: tables of codes, projections onto the plane, paths, directions, densities.
//!
//! Invariant: knows neither tensors nor the window.

pub mod path;

mod code_table;
mod direction;
mod mixture;
mod projection;
mod sums;

pub use code_table::CodeTable;
pub use direction::{Direction, DirectionKind, Quality, Separation, analogy};
pub use mixture::Mixture;
pub use projection::Projection;
