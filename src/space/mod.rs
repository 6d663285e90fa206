//! Mathematics on codes as plain arrays: tables of codes, projections onto the plane, paths.
//!
//! Invariant: knows neither tensors nor the window.

pub mod path;
pub mod tsne;

mod code_table;
mod graph;
mod projection;

pub use code_table::CodeTable;
pub use graph::NeighbourGraph;
pub use projection::Projection;
