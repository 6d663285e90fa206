//! Little monsters of twenty by twenty pixels in a fixed palette: pixel art by a painter of our own.
//!
//! Invariant: creature `i` of a seed depends on the seed and `i` alone, its class is `i` modulo the number of body plans, and
//! every pixel is one of the palette's colours.

mod bodies;
mod canvas;
mod face;
mod gear;
mod palette;
mod traits;

use std::ops::Range;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Dataset, ImageShape, Labels, Palette, drawn};
use crate::error::Result;
use crate::progress::Progress;
use canvas::{Canvas, SIDE};
use traits::{FACTORS, PLANS, Traits};

/// Shape of every creature.
pub const SHAPE: ImageShape = ImageShape::new(SIDE, SIDE, 3);

/// Creatures in the default set.
pub const DEFAULT_COUNT: usize = 4_000;

/// Creatures that can be drawn at once.
pub const MAX_COUNT: usize = 5_000_000;

/// Number of colours of the palette that all creatures share.
#[must_use]
pub const fn colours() -> usize {
    palette::COUNT
}

impl Traits {
    fn of_item(seed: u64, index: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        Self::sample(class_of(index), &mut rng)
    }

    /// The picture as numbers of colours, row by row.
    fn draw(&self) -> Canvas {
        let mut canvas = Canvas::new(self.is_mirrored);
        bodies::paint(self, &mut canvas);
        canvas
    }
}

fn class_of(index: usize) -> u16 {
    (index % PLANS.len()) as u16
}

/// Creatures `range` of the endless set that belongs to `seed`, with body plans as classes, fourteen factors and the palette
/// attached.
///
/// # Errors
/// When `range` is empty or longer than [`MAX_COUNT`]; `is_cancelled` when `progress` was cancelled.
pub fn generate(seed: u64, range: Range<usize>, progress: &Progress) -> Result<Dataset> {
    let colours = palette::colours();
    let (pixels, values) = drawn::items(
        ("creatures", SHAPE),
        range.clone(),
        MAX_COUNT,
        progress,
        |index, pixels| {
            let traits = Traits::of_item(seed, index);
            let (pixels, _) = pixels.as_chunks_mut::<3>();
            for (pixel, colour) in pixels.iter_mut().zip(traits.draw().colours()) {
                *pixel = colours[usize::from(colour)];
            }
            traits.values()
        },
    )?;
    let labels = Labels {
        values: range.map(class_of).collect(),
        names: PLANS.map(String::from).to_vec(),
    };
    let dataset = Dataset::new("creatures", SHAPE, pixels)?
        .with_labels(labels)?
        .with_palette(Palette::new(colours)?)?;
    drawn::with_factors(dataset, FACTORS, &values)
}

#[cfg(test)]
mod tests {
    use super::super::drawn::tests::assert_factors_vary;
    use super::canvas::colour;
    use super::palette::{BUBBLE, GROUND, OUTLINE, PAPER, PUPIL, RAMPS, SHADES};
    use super::*;
    use std::collections::HashSet;

    /// Plans seen from the front, with both eyes in the middle of the canvas.
    const FRONT: [u16; 8] = [0, 1, 3, 5, 7, 9, 10, 11];

    fn drawn(traits: &Traits) -> Vec<u8> {
        traits.draw().colours().collect()
    }

    fn is_beside(at: usize, other: usize) -> bool {
        let (dx, dy) = (
            (at % SIDE).abs_diff(other % SIDE),
            (at / SIDE).abs_diff(other / SIDE),
        );
        dx + dy == 1
    }

    #[test]
    fn any_sub_range_gives_the_same_creatures_and_classes_are_balanced() {
        let all = generate(3, 0..1200, &Progress::silent()).expect("draws");
        let part = generate(3, 595..640, &Progress::silent()).expect("draws");
        let other_seed = generate(4, 595..640, &Progress::silent()).expect("draws");
        let (labels, part_labels) = (
            all.labels().expect("classes"),
            part.labels().expect("classes"),
        );
        for i in 0..part.len() {
            assert_eq!(part.pixels(i), all.pixels(595 + i));
            assert_ne!(part.pixels(i), other_seed.pixels(i));
            assert_eq!(part_labels.values[i], labels.values[595 + i]);
        }
        for (plan, name) in PLANS.iter().enumerate() {
            let count = labels
                .values
                .iter()
                .filter(|&&v| usize::from(v) == plan)
                .count();
            assert_eq!(count, 100, "{name}");
        }
        assert_eq!(part.factors()[0].values[0], all.factors()[0].values[595]);
    }

    #[test]
    fn at_least_800_of_1000_differ_and_every_pixel_is_of_the_palette() {
        let set = generate(1, 0..1000, &Progress::silent()).expect("draws");
        let different: HashSet<&[u8]> = (0..set.len()).map(|i| set.pixels(i)).collect();
        assert!(different.len() >= 800, "{}", different.len());
        let palette = set.palette().expect("a palette");
        assert!(palette.colours().len() <= 167);
        for id in 0..set.len() {
            let indices = palette.indices(set.pixels(id)).expect("known colours");
            assert_eq!(indices.len(), SIDE * SIDE);
        }
    }

    #[test]
    fn a_dark_line_closes_every_figure() {
        let lines: HashSet<u8> = (0..RAMPS as u8).map(|ramp| colour(ramp, OUTLINE)).collect();
        let is_outside = |colour: u8| matches!(colour, PAPER | GROUND | BUBBLE);
        for index in 0..2400 {
            let pixels = drawn(&Traits::of_item(5, index));
            for (at, &found) in pixels.iter().enumerate() {
                let is_bare =
                    (0..pixels.len()).any(|other| is_beside(at, other) && pixels[other] == PAPER);
                assert!(
                    is_outside(found) || lines.contains(&found) || !is_bare,
                    "creature {index} is open at {}, {}",
                    at % SIDE,
                    at / SIDE
                );
            }
        }
    }

    #[test]
    fn who_looks_at_us_has_an_eye_on_either_side() {
        for index in 0..3600 {
            let traits = Traits::of_item(7, index);
            if !FRONT.contains(&traits.plan) {
                continue;
            }
            let pixels = drawn(&traits);
            let rows = |is_of_side: fn(usize) -> bool| {
                let pupils =
                    (0..pixels.len()).filter(|&at| pixels[at] == PUPIL && is_of_side(at % SIDE));
                pupils.map(|at| at / SIDE).collect::<Vec<_>>()
            };
            let (left, right) = (rows(|column| column < 10), rows(|column| column >= 10));
            assert!(
                !left.is_empty() && left == right,
                "creature {index}: {left:?} {right:?}"
            );
        }
    }

    #[test]
    fn light_comes_from_above_left_whichever_way_a_creature_looks() {
        let mut lighter = 0;
        for index in 0..1200 {
            let pixels = drawn(&Traits::of_item(2, index));
            let (mut sums, mut counts) = ([0; 2], [0; 2]);
            for (at, &colour) in pixels.iter().enumerate() {
                let shade = usize::from(colour) % SHADES;
                if usize::from(colour) < RAMPS * SHADES && shade > 0 {
                    let side = usize::from(at % SIDE + at / SIDE >= SIDE);
                    sums[side] += shade;
                    counts[side] += 1;
                }
            }
            lighter += usize::from(sums[0] * counts[1] > sums[1] * counts[0]);
        }
        assert!(lighter > 1150, "{lighter}");
    }

    #[test]
    fn a_fish_that_turns_round_has_the_mirrored_outline_and_another_light() {
        let left = Traits {
            is_mirrored: false,
            ..Traits::of_item(1, 4)
        };
        let right = Traits {
            is_mirrored: true,
            ..left.clone()
        };
        let (left, right) = (drawn(&left), drawn(&right));
        let flipped = |at: usize| at / SIDE * SIDE + SIDE - 1 - at % SIDE;
        assert!((0..left.len()).all(|at| (left[at] == PAPER) == (right[flipped(at)] == PAPER)));
        assert!((0..left.len()).any(|at| left[at] != right[flipped(at)]));
    }

    #[test]
    fn every_factor_varies_inside_its_range_and_changes_pictures() {
        let set = generate(2, 0..600, &Progress::silent()).expect("draws");
        assert_factors_vary(&set);
        let changes: [fn(&mut Traits); FACTORS.len()] = [
            |t| t.colour = (t.colour + 5) % RAMPS as u8,
            |t| t.second = (t.second + 5) % RAMPS as u8,
            |t| t.size = 1.0 - t.size,
            |t| t.width = 1.0 - t.width,
            |t| t.limbs = 1.0 - t.limbs,
            |t| t.eyes = (t.eyes + 1) % 7,
            |t| t.eye_distance = (t.eye_distance + 1) % 3,
            |t| t.mouth = (t.mouth + 1) % 7,
            |t| t.pattern = (t.pattern + 1) % 7,
            |t| t.headgear = (t.headgear + 1) % 10,
            |t| t.tail = (t.tail + 1) % 5,
            |t| t.variant = (t.variant + 1) % 3,
            |t| t.has_blush = !t.has_blush,
            |t| t.is_mirrored = !t.is_mirrored,
        ];
        for ((name, _), change) in FACTORS.iter().zip(changes) {
            let changed = (0..240).filter(|&index| {
                let traits = Traits::of_item(2, index);
                let mut other = traits.clone();
                change(&mut other);
                drawn(&traits) != drawn(&other)
            });
            let changed = changed.count();
            assert!(changed >= 40, "{name} changes {changed} of 240");
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
