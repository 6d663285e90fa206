//! Bringing pictures to one size.
//!
//! Invariant: the aspect of what is seen is kept: the middle of the picture is cut out before it is resized.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rayon::prelude::*;

use super::Loaded;
use super::stream::checked_total;
use crate::data::Size;
use crate::data::{ImageShape, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The middle of `picture` at `height × width`: Lanczos where it shrinks, Catmull–Rom, which rings less, where it
/// grows.
pub(super) fn fit(picture: Picture, height: usize, width: usize) -> Result<Picture, String> {
    let from = picture.shape;
    if (from.height, from.width) == (height, width) {
        return Ok(picture);
    }
    let kind = if from.channels == 1 {
        PixelType::U8
    } else {
        PixelType::U8x3
    };
    let filter = if from.height < height || from.width < width {
        FilterType::CatmullRom
    } else {
        FilterType::Lanczos3
    };
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .fit_into_destination(Some((0.5, 0.5)));
    let source = ImageRef::new(from.width as u32, from.height as u32, &picture.pixels, kind)
        .map_err(|e| e.to_string())?;
    let mut target = Image::new(width as u32, height as u32, kind);
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|e| e.to_string())?;
    Ok(Picture {
        shape: ImageShape::new(height, width, from.channels),
        pixels: target.into_vec(),
    })
}

/// The middle of `picture` brought to `shape`.
///
/// # Errors
/// When the picture is empty, or not as many bytes as its shape says.
pub fn fit_picture(picture: Picture, shape: ImageShape) -> Result<Picture> {
    if picture.shape.is_empty() || !picture.is_whole() {
        return Err(Error::usage("an empty picture cannot be shown"));
    }
    let fitted = fit(picture, shape.height, shape.width).map_err(Error::usage)?;
    Ok(with_channels(fitted, shape.channels))
}

/// `picture` in grey (luma of ITU-R BT.601) or colour.
pub(super) fn with_channels(picture: Picture, channels: usize) -> Picture {
    let pixels = match (picture.shape.channels, channels) {
        (1, 3) => widen(&picture.pixels),
        (3, 1) => {
            let luma = |p: &[u8]| {
                (299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2]) + 500) / 1000
            };
            picture
                .pixels
                .chunks_exact(3)
                .map(|p| luma(p) as u8)
                .collect()
        }
        _ => return picture,
    };
    Picture {
        shape: ImageShape {
            channels,
            ..picture.shape
        },
        pixels,
    }
}

/// Grey as colour.
pub(super) fn widen(grey: &[u8]) -> Vec<u8> {
    grey.iter().flat_map(|&value| [value; 3]).collect()
}

/// Brings all pictures of a set to `size`.
pub(super) fn to_size(
    path: &Path,
    loaded: Loaded,
    size: Size,
    progress: &Progress,
) -> Result<Loaded> {
    let from = loaded.shape;
    let to = ImageShape::new(
        size.height,
        size.width,
        size.channels.unwrap_or(from.channels),
    );
    if from == to {
        return Ok(loaded);
    }
    let count = loaded.pixels.len() / from.len();
    let bytes = checked_total(path, count as u64, to.len())?;
    let mut pixels = vec![0; bytes as usize];
    let done = AtomicUsize::new(0);
    let items = pixels
        .par_chunks_exact_mut(to.len())
        .zip(loaded.pixels.par_chunks_exact(from.len()));
    items.try_for_each(|(target, source)| {
        let picture = Picture {
            shape: from,
            pixels: source.to_vec(),
        };
        let fitted =
            fit(picture, to.height, to.width).map_err(|reason| Error::file(path, reason))?;
        target.copy_from_slice(&with_channels(fitted, to.channels).pixels);
        progress.update(done.fetch_add(1, Ordering::Relaxed), count)
    })?;
    Ok(Loaded {
        shape: to,
        pixels,
        // Mixed colours are others.
        palette: None,
        ..loaded
    })
}
