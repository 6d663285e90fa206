//! Mathematics on codes as plain arrays: tables of codes, maps of them, paths, directions, densities.
//!
//! Invariant: knows neither tensors nor the window.

pub mod factors;
pub mod path;
pub mod quality;
pub mod tsne;
pub mod umap;

mod basis;
mod blend;
mod cells;
mod code_table;
mod direction;
mod frechet;
mod graph;
mod grid;
mod held;
mod layout;
mod linear;
mod map;
mod mixture;
mod projection;
mod selection;
mod spectral;
mod sums;

pub use basis::{Basis, Components, Slider, truncated};
pub use blend::blend;
pub use code_table::CodeTable;
pub use direction::{Direction, DirectionKind, Quality, Separation, analogy};
pub use frechet::frechet;
pub use graph::NeighbourGraph;
pub use grid::{GridCell, GridIndex};
pub use held::Held;
pub use layout::{check_spread, lay_out, neighbours_for};
pub use linear::PictureComponents;
pub use map::{CodeMap, MapMethod};
pub use mixture::{
    Density, DensityItems, DensityPlan, Drawn, LogLikelihood, Mixture, Over, PictureMixture, Placed,
};
pub use projection::Projection;
pub use selection::{NamedSelection, Selection};
