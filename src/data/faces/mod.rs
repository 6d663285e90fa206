//! Portraits drawn by a small renderer of our own: a head with real volume under a light, 28 factors of variation.
//!
//! Invariant: portrait `i` of a seed depends on the seed and `i` alone, whatever range is asked for and however many
//! threads draw it.

mod factors;
mod features;
mod glasses;
mod hair;
mod head;
mod light;
mod maths;
pub(super) mod palette;
mod scene;

use std::ops::Range;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Dataset, ImageShape, Picture, drawn};
use crate::error::Result;
use crate::progress::Progress;

pub use factors::{FACTORS, Face, FactorInfo};

/// Shape of every portrait.
pub const SHAPE: ImageShape = ImageShape::new(64, 64, 3);

/// Portraits in the default set.
pub const DEFAULT_COUNT: usize = 20_000;

/// Portraits that can be drawn at once: 12 GB of pixels.
pub const MAX_COUNT: usize = 1_000_000;

impl Face {
    /// Portrait `index` of the endless set that belongs to `seed`.
    #[must_use]
    pub fn of_item(seed: u64, index: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        Self::sample(&mut rng)
    }

    /// The picture of this portrait.
    #[must_use]
    pub fn render(&self) -> Picture {
        scene::Scene::new(self).render()
    }
}

/// Portraits `range` of the endless set that belongs to `seed`, with all [`FACTORS`] attached.
///
/// # Errors
/// When `range` is empty or longer than [`MAX_COUNT`]; `is_cancelled` when `progress` was cancelled.
pub fn generate(seed: u64, range: Range<usize>, progress: &Progress) -> Result<Dataset> {
    let (pixels, values) = drawn::items(
        ("portraits", SHAPE),
        range,
        MAX_COUNT,
        progress,
        |index, pixels| {
            let face = Face::of_item(seed, index);
            pixels.copy_from_slice(&face.render().pixels);
            face.values()
        },
    )?;
    let dataset = Dataset::new("faces", SHAPE, pixels)?;
    let factors = FACTORS.iter().map(|info| (info.name, info.range));
    drawn::with_factors(dataset, factors, &values)
}

#[cfg(test)]
mod tests {
    use super::super::drawn::tests::assert_factors_vary;
    use super::*;

    fn plain() -> Face {
        let mut face = Face::of_item(7, 0);
        for (index, info) in FACTORS.iter().enumerate() {
            if let Some(value) = face.value_mut(index) {
                *value = 0.5 * (info.range.0 + info.range.1);
            }
        }
        face.glasses = 0.0;
        face.beard = 0.0;
        face
    }

    /// Mean absolute difference of two pictures per byte.
    fn difference(a: &Picture, b: &Picture) -> f32 {
        let sum: u32 = a
            .pixels
            .iter()
            .zip(&b.pixels)
            .map(|(&a, &b)| u32::from(a.abs_diff(b)))
            .sum();
        sum as f32 / a.pixels.len() as f32
    }

    #[test]
    fn any_sub_range_gives_the_same_portraits() {
        let all = generate(3, 0..60, &Progress::silent()).expect("draws");
        let part = generate(3, 47..53, &Progress::silent()).expect("draws");
        let other_seed = generate(4, 47..53, &Progress::silent()).expect("draws");
        for i in 0..part.len() {
            assert_eq!(part.pixels(i), all.pixels(47 + i));
            assert_ne!(part.pixels(i), other_seed.pixels(i));
        }
        assert_eq!(part.factors()[0].values[0], all.factors()[0].values[47]);
    }

    #[test]
    fn every_value_lies_in_its_range_and_every_factor_varies() {
        let set = generate(1, 0..64, &Progress::silent()).expect("draws");
        assert!(set.factors().len() >= 16);
        assert_factors_vary(&set);
    }

    #[test]
    fn every_factor_changes_the_picture_and_a_small_step_changes_it_little() {
        for (index, info) in FACTORS.iter().enumerate() {
            let at = |t: f32| {
                let mut face = plain();
                if info.name == "Mouth opening" {
                    face.smile = 0.8;
                }
                if let Some(value) = face.value_mut(index) {
                    *value = info.range.0 + t * (info.range.1 - info.range.0);
                }
                face.render()
            };
            // A hue comes back to itself after the full circle, so the ends are not compared.
            let far = difference(&at(0.1), &at(0.7));
            let near = difference(&at(0.50), &at(0.51));
            assert!(far > 0.1, "{} does nothing: {far}", info.name);
            assert!(
                near < 1.5 && near < far,
                "{} jumps: {near} of {far}",
                info.name
            );
        }
    }

    #[test]
    fn the_face_turns_with_the_head() {
        let render = |yaw: f32| {
            let mut face = plain();
            face.yaw = yaw;
            face.light_azimuth = 0.0;
            face.gaze = 0.0;
            face.parting = 0.0;
            face.render().pixels
        };
        // The dark of both eyes, in the band of rows that holds them, moves to the side the head turns to.
        let middle_of_eyes = |pixels: &[u8]| {
            let (mut sum, mut weight) = (0.0, 0.0);
            for row in 27..33 {
                for column in 18..46 {
                    let dark = 255.0 - f32::from(pixels[(row * 64 + column) * 3 + 1]);
                    let dark = (dark - 160.0).max(0.0);
                    sum += dark * column as f32;
                    weight += dark;
                }
            }
            sum / weight
        };
        let (left, right) = (
            middle_of_eyes(&render(-15.0)),
            middle_of_eyes(&render(15.0)),
        );
        assert!(right - left > 4.0, "{left} {right}");
    }

    #[test]
    fn hair_covers_the_crown_at_every_turn() {
        for index in 0..200 {
            let mut face = Face::of_item(11, index);
            face.hair_colour = 1.0;
            face.skin = 0.2;
            face.glasses = 0.0;
            let yaw = face.yaw;
            let picture = face.render();
            // Walking down the picture's column over the crown, hair comes before skin.
            let column = (32.0 + yaw * 0.05) as usize;
            let first = (0..64).find(|row| {
                let p = &picture.pixels[(row * 64 + column) * 3..][..3];
                let above = &picture.pixels[(row.saturating_sub(1) * 64 + column) * 3..][..3];
                p.iter().zip(above).any(|(a, b)| a.abs_diff(*b) > 24)
            });
            let row = first.expect("a head below the sky") + 2;
            let p = &picture.pixels[(row * 64 + column) * 3..][..3];
            assert!(p[2] > p[0], "portrait {index} shows scalp: {p:?}");
        }
    }

    #[test]
    fn an_empty_or_endless_range_is_refused_and_cancelling_stops() {
        assert!(generate(1, 5..5, &Progress::silent()).is_err_and(|e| e.is_usage()));
        assert!(generate(1, 0..usize::MAX, &Progress::silent()).is_err_and(|e| e.is_usage()));
        let progress = Progress::silent();
        progress.cancel();
        assert!(generate(1, 0..100, &progress).is_err_and(|e| e.is_cancelled()));
    }
}
