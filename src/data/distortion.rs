//! Distorted copies of a picture, to see which space still knows it.
//!
//! Invariant: strength 0 changes nothing, and the same picture, distortion and seed give the same copy.

use std::f32::consts::TAU;
use std::fmt;
use std::str::FromStr;

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::{ImageShape, Picture};
use crate::error::{Error, Result};

/// A way of distorting a picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distortion {
    /// To the right and downwards, by up to four pixels (an eighth of the side where that is more); the edge's colour goes on.
    #[default]
    Shift,
    /// About the middle, by up to 45 degrees.
    Rotate,
    /// Lighter, by up to 128 of 255.
    Brighten,
    /// Normal noise of a standard deviation of up to 96 of 255.
    Noise,
    /// Behind a grey square of up to 0.6 of the shorter side, at a place of its own for each seed.
    Occlude,
}

impl Distortion {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Shift,
        Self::Rotate,
        Self::Brighten,
        Self::Noise,
        Self::Occlude,
    ];

    /// The name by which it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Rotate => "rotate",
            Self::Brighten => "brighten",
            Self::Noise => "noise",
            Self::Occlude => "occlude",
        }
    }

    /// The name as people read it, in sentence case.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Shift => "Shift",
            Self::Rotate => "Rotate",
            Self::Brighten => "Brighten",
            Self::Noise => "Noise",
            Self::Occlude => "Occlude",
        }
    }

    /// The seed of item `id`'s copy in a set of copies drawn with `seed`.
    #[must_use]
    pub fn seed_of(seed: u64, id: usize) -> u64 {
        seed ^ (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// What strength `strength`, 0 to 1, does to pictures of `shape`, in its own unit.
    #[must_use]
    pub fn amount(self, strength: f32, shape: ImageShape) -> String {
        let s = strength.clamp(0.0, 1.0);
        match self {
            Self::Shift => format!("{:.1} pixels", s * reach(shape)),
            Self::Rotate => format!("{:.0}°", s * MOST_DEGREES),
            Self::Brighten => format!("+{:.0}", s * MOST_LIGHT),
            Self::Noise => format!("σ {:.0}", s * MOST_NOISE),
            Self::Occlude => format!("{:.0} % of the side", s * MOST_HIDDEN * 100.0),
        }
    }

    /// A copy of `picture`, distorted by `strength`, 0 to 1.
    #[must_use]
    pub fn apply(self, picture: &Picture, strength: f32, seed: u64) -> Picture {
        let s = strength.clamp(0.0, 1.0);
        if s == 0.0 {
            return picture.clone();
        }
        let shape = picture.shape;
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let pixels = match self {
            Self::Shift => {
                let by = s * reach(shape);
                sampled(picture, |y, x| (y - by, x - by))
            }
            Self::Rotate => {
                let angle = s * MOST_DEGREES / 360.0 * TAU;
                let (sin, cos) = angle.sin_cos();
                let (my, mx) = (
                    (shape.height as f32 - 1.0) / 2.0,
                    (shape.width as f32 - 1.0) / 2.0,
                );
                sampled(picture, |y, x| {
                    let (dy, dx) = (y - my, x - mx);
                    (my + cos * dy - sin * dx, mx + sin * dy + cos * dx)
                })
            }
            Self::Brighten => {
                let by = (s * MOST_LIGHT) as u8;
                let lighter = |&p: &u8| p.saturating_add(by);
                picture.pixels.iter().map(lighter).collect()
            }
            Self::Noise => {
                let noisy = |&p: &u8| {
                    let noise: f32 = StandardNormal.sample(&mut chance);
                    // Casting saturates.
                    (f32::from(p) + s * MOST_NOISE * noise).round() as u8
                };
                picture.pixels.iter().map(noisy).collect()
            }
            Self::Occlude => {
                let shorter = shape.height.min(shape.width) as f32;
                let side = (s * MOST_HIDDEN * shorter).round().max(1.0) as usize;
                let place = |room: usize, chance: &mut ChaCha8Rng| {
                    // About the middle half, where pictures have their content.
                    let (low, high) = (room / 4, room - room / 4);
                    low + (chance.random::<f32>() * (high - low + 1) as f32) as usize
                };
                let top = place(shape.height - side, &mut chance).min(shape.height - side);
                let left = place(shape.width - side, &mut chance).min(shape.width - side);
                let mut pixels = picture.pixels.clone();
                for y in top..top + side {
                    let row = (y * shape.width + left) * shape.channels;
                    pixels[row..row + side * shape.channels].fill(GREY);
                }
                pixels
            }
        };
        Picture { shape, pixels }
    }
}

const MOST_DEGREES: f32 = 45.0;
const MOST_LIGHT: f32 = 128.0;
const MOST_NOISE: f32 = 96.0;
const MOST_HIDDEN: f32 = 0.6;
const GREY: u8 = 128;

/// Pixels that a shift goes at most: four, an eighth of the side in pictures of more than 32 pixels.
fn reach(shape: ImageShape) -> f32 {
    (shape.height.max(shape.width) as f32 / 8.0).max(4.0)
}

/// The pixels of a picture of `shape`, moved by whole numbers of pixels; the edge's colour goes on.
///
/// # Panics
/// When there are fewer pixels than that shape has.
#[must_use]
pub fn moved(pixels: &[u8], shape: ImageShape, down: i32, right: i32) -> Vec<u8> {
    let ImageShape {
        height,
        width,
        channels,
    } = shape;
    let from = |at: usize, by: i32, len: usize| {
        at.saturating_add_signed(-by as isize)
            .min(len.saturating_sub(1))
    };
    let mut moved = Vec::with_capacity(shape.len());
    for y in 0..height {
        let row = from(y, down, height) * width;
        for x in 0..width {
            let at = (row + from(x, right, width)) * channels;
            moved.extend_from_slice(&pixels[at..at + channels]);
        }
    }
    moved
}

/// The picture whose pixel at `(y, x)` is what `from` says, between pixels by bilinear interpolation; beyond the edge its colour goes on.
fn sampled(picture: &Picture, from: impl Fn(f32, f32) -> (f32, f32)) -> Vec<u8> {
    let ImageShape {
        height,
        width,
        channels,
    } = picture.shape;
    let mut pixels = Vec::with_capacity(picture.pixels.len());
    let at =
        |y: usize, x: usize, c: usize| f32::from(picture.pixels[(y * width + x) * channels + c]);
    for y in 0..height {
        for x in 0..width {
            let (fy, fx) = from(y as f32, x as f32);
            let (fy, fx) = (
                fy.clamp(0.0, height as f32 - 1.0),
                fx.clamp(0.0, width as f32 - 1.0),
            );
            let (y0, x0) = (fy as usize, fx as usize);
            let (y1, x1) = ((y0 + 1).min(height - 1), (x0 + 1).min(width - 1));
            let (wy, wx) = (fy - y0 as f32, fx - x0 as f32);
            for c in 0..channels {
                let upper = at(y0, x0, c) * (1.0 - wx) + at(y0, x1, c) * wx;
                let lower = at(y1, x0, c) * (1.0 - wx) + at(y1, x1, c) * wx;
                pixels.push((upper * (1.0 - wy) + lower * wy).round() as u8);
            }
        }
    }
    pixels
}

impl fmt::Display for Distortion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Distortion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|d| d.name() == text);
        found.ok_or_else(|| {
            Error::usage(format!("there is no distortion called {text}"))
                .hint("shift, rotate, brighten, noise or occlude")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let shape = ImageShape::new(32, 32, 3);
        let pixel = |i: usize| (i / 3 % 32 * 5 + i / 96 * 2 + i % 3 * 20) as u8;
        Picture {
            shape,
            pixels: (0..shape.len()).map(pixel).collect(),
        }
    }

    fn apart(a: &Picture, b: &Picture) -> u64 {
        let pairs = a.pixels.iter().zip(&b.pixels);
        pairs.map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum()
    }

    #[test]
    fn nothing_is_nothing_and_more_is_farther() {
        let picture = picture();
        for distortion in Distortion::ALL {
            assert_eq!(distortion.apply(&picture, 0.0, 1), picture);
            let far = |s| apart(&picture, &distortion.apply(&picture, s, 1));
            assert!(0 < far(0.3) && far(0.3) < far(1.0), "{distortion}");
            assert_eq!(
                distortion.apply(&picture, 0.7, 5),
                distortion.apply(&picture, 0.7, 5)
            );
            assert!(distortion.apply(&picture, 1.0, 2).is_whole());
        }
    }

    #[test]
    fn a_shift_by_whole_pixels_moves_them() {
        let picture = picture();
        let moved = Distortion::Shift.apply(&picture, 0.5, 0);
        let at = |p: &Picture, y: usize, x: usize| p.pixels[(y * 32 + x) * 3];
        assert_eq!(at(&moved, 20, 20), at(&picture, 18, 18));
    }

    #[test]
    fn moving_by_whole_pixels_is_what_a_shift_by_as_many_does() {
        let picture = picture();
        let shifted = Distortion::Shift.apply(&picture, 0.75, 0);
        assert_eq!(shifted.pixels, moved(&picture.pixels, picture.shape, 3, 3));
        let back = moved(&shifted.pixels, picture.shape, -3, -3);
        let at = |pixels: &[u8], y: usize, x: usize| pixels[(y * 32 + x) * 3];
        assert_eq!(at(&back, 20, 20), at(&picture.pixels, 20, 20));
    }

    #[test]
    fn small_pictures_can_be_distorted() {
        for (height, width) in [(1, 1), (1, 9), (2, 3)] {
            let shape = ImageShape::new(height, width, 1);
            let picture = Picture {
                shape,
                pixels: vec![100; shape.len()],
            };
            for distortion in Distortion::ALL {
                assert!(distortion.apply(&picture, 1.0, 3).is_whole());
            }
        }
    }
}
