//! Drawing on the graphics card: our own passes inside egui's, and pictures made ready for it.
//!
//! Invariant: nothing here knows what a session is; it is given plain arrays.

mod atlas;
mod density;
mod enlarge;
mod gpu;
mod map;
mod offscreen;
mod points;
#[cfg(test)]
mod tests;
mod thumbnails;

pub(crate) use enlarge::upscale;
pub use map::{
    Layers, Look, MapData, MapFrame, MapLayer, Mark, Pictures, View, install, point_budget, shade,
};
pub use offscreen::{Offscreen, Took};

/// Colours in a palette.
pub const PALETTE_LEN: usize = 256;
