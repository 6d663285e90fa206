//! Mathematics on codes as plain arrays: tables of codes, projections onto the plane, paths.
//!
//! Invariant: knows neither tensors nor the window.

pub mod path;

mod code_table;
mod grid;
mod projection;

pub use code_table::CodeTable;
pub use grid::{GridCell, GridIndex};
pub use projection::Projection;
