//! Mathematics on codes as plain arrays: tables of codes, projections onto the plane, paths.
//!
//! Invariant: knows neither tensors nor the window.

pub mod path;

mod code_table;
mod projection;
mod selection;

pub use code_table::CodeTable;
pub use projection::Projection;
pub use selection::{NamedSelection, Selection};
