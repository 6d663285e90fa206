//! Pictures enlarged on the processor, because the graphics card only knows bilinear.
//!
//! Invariant: an enlarged picture has the same aspect and channels.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::data::{ImageShape, Picture};

/// The longer side that an enlarged picture reaches at least.
const TARGET: usize = 256;

/// `picture` enlarged by a whole factor with Mitchell and Netravali's cubic, to at least 256 pixels on its longer side; unchanged when
/// it is as large already.
#[must_use]
pub(crate) fn upscale(picture: &Picture) -> Picture {
    let ImageShape {
        height,
        width,
        channels,
    } = picture.shape;
    let factor = TARGET.div_ceil(height.max(width).max(1));
    let kind = if channels == 3 {
        PixelType::U8x3
    } else {
        PixelType::U8
    };
    let large = ImageShape::new(height * factor, width * factor, channels);
    if factor < 2 {
        return picture.clone();
    }
    let Ok(from) = ImageRef::new(width as u32, height as u32, &picture.pixels, kind) else {
        return picture.clone();
    };
    let mut to = Image::new(large.width as u32, large.height as u32, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Mitchell));
    match Resizer::new().resize(&from, &mut to, &options) {
        Ok(()) => Picture {
            shape: large,
            pixels: to.into_vec(),
        },
        Err(_) => picture.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_stays_flat_and_grows_by_a_whole_factor() {
        let small = Picture {
            shape: ImageShape::new(28, 20, 1),
            pixels: vec![77; 28 * 20],
        };
        let large = upscale(&small);
        assert_eq!(large.shape, ImageShape::new(280, 200, 1));
        assert!(large.pixels.iter().all(|&p| p == 77));
    }

    #[test]
    fn a_large_picture_is_left_alone() {
        let large = Picture {
            shape: ImageShape::new(300, 200, 3),
            pixels: vec![9; 300 * 200 * 3],
        };
        assert_eq!(upscale(&large), large);
    }
}
