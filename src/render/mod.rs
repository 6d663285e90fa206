//! Drawing on the graphics card: our own passes inside egui's, and pictures made ready for it.
//!
//! Invariant: nothing here knows what a session is; it is given plain arrays.

mod enlarge;
mod points;

pub(crate) use enlarge::upscale;
pub(crate) use points::{PALETTE_LEN, Point, PointCloud, PointLook, install};
