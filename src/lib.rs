//! Morphospace: explore the code space of an auto-encoder.
//!
//! The rooms, from the top down; each may use those below it:
//! `cli` and `app` (readers of the engine's events), `engine` (the one thread that owns tensors), `render` (drawing for
//! the window), `model` (the networks), `retrieval` and `space` (plain mathematics on pictures and codes), `data` (what is
//! looked at).

pub mod app;
pub mod cli;
pub mod data;
pub mod engine;
pub mod error;
mod files;
pub mod model;
pub mod progress;
pub mod render;
pub mod retrieval;
pub mod space;

pub use error::{Error, Result};
pub use progress::Progress;
