//! What is looked at: sources, file formats and built-in generators. Knows neither tensors nor the window.

mod dataset;
mod source;

pub mod animation;
pub mod digits;
pub mod faces;
pub mod formats;

pub use dataset::{Dataset, Factor, ImageShape, Labels, Picture, Skipped};
pub use source::{DatasetSource, Part, Size};
