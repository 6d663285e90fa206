//! What is looked at: sources, file formats and built-in generators. Knows neither tensors nor the window.

mod corruption;
mod dataset;
mod distortion;
mod drawn;
mod flip;
mod mapped;
mod metadata;
mod palette;
mod search;
mod source;

pub mod animation;
pub mod creatures;
pub mod digits;
pub mod export;
pub mod faces;
pub mod formats;

pub use corruption::Corruption;
pub use dataset::{Dataset, Factor, ImageShape, Labels, Picture, Skipped};
pub use distortion::{Distortion, moved};
pub use flip::Flip;
pub use metadata::{Column, ColumnValues};
pub use palette::Palette;
pub use source::{DatasetSource, Part, Size};
