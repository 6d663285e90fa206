//! Mathematics on codes as plain arrays: tables of codes, projections onto the plane, maps, paths, directions,
//! slider bases, densities.
//!
//! Invariant: knows neither tensors nor the window.

pub mod path;

mod basis;
mod blend;
mod code_table;
mod direction;
mod map;
mod mixture;
mod projection;
mod sums;
mod selection;

pub use basis::{Basis, Components, Slider, truncated};
pub use blend::blend;
pub use code_table::CodeTable;
pub use direction::{Direction, DirectionKind, Quality, Separation, analogy};
pub use map::{CodeMap, MapMethod};
pub use mixture::Mixture;
pub use projection::Projection;
pub use selection::{NamedSelection, Selection};
