//! Handwriting-like digits: stroke skeletons bent by a hand of chance and drawn with a pen of varying pressure.
//!
//! Like MNIST's they are white on black, fill a box of about 20×20 and are centred by their ink. Invariant: digit `i`
//! of a seed depends on the seed and `i` alone, and its class is `i` modulo 10.

mod skeletons;

use std::ops::Range;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Dataset, ImageShape, Labels, drawn};
use crate::error::Result;
use crate::progress::Progress;

/// Shape of every digit.
pub const SHAPE: ImageShape = ImageShape::new(28, 28, 1);

/// Digits in the default set.
pub const DEFAULT_COUNT: usize = 20_000;

/// Digits that can be drawn at once.
pub const MAX_COUNT: usize = 10_000_000;

/// Straight pieces that a spline section between two skeleton points is drawn with.
const PIECES: usize = 8;

/// Name and range of every factor, in the order of [`Hand::values`].
const FACTORS: [(&str, (f32, f32)); 9] = [
    ("Style", (0.0, 1.0)),
    ("Slant", (-16.0, 30.0)),
    ("Rotation", (-9.0, 9.0)),
    ("Width", (0.70, 1.20)),
    ("Size", (17.0, 21.0)),
    ("Thickness", (1.5, 3.6)),
    ("Pressure", (0.0, 1.0)),
    ("Wobble", (0.0, 1.0)),
    ("Elastic", (0.0, 1.0)),
];

/// How one digit is written.
#[derive(Clone, Debug)]
struct Hand {
    values: [f32; FACTORS.len()],
    /// Direction and share of each bend of the paper, scaled by the elastic factor.
    bends: [(f32, f32); 5],
    rng: ChaCha8Rng,
}

type Point = (f32, f32);

impl Hand {
    fn of_item(seed: u64, index: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        let values = FACTORS.map(|(name, (low, high))| {
            // Slant, width and thickness are mostly moderate; how the digit is written is even.
            let t = match name {
                "Slant" | "Rotation" | "Width" | "Thickness" => {
                    0.5 * (rng.random::<f32>() + rng.random::<f32>())
                }
                _ => rng.random(),
            };
            low + t * (high - low)
        });
        let bends = std::array::from_fn(|_| (even(&mut rng), even(&mut rng)));
        Self { values, bends, rng }
    }

    /// The lines of `digit` in pixels, each point with the radius of the pen there.
    fn lines(&self, digit: u16) -> Vec<Vec<(Point, f32)>> {
        let [
            style,
            slant,
            rotation,
            width,
            size,
            thickness,
            pressure,
            wobble,
            elastic,
        ] = self.values;
        let mut rng = self.rng.clone();
        let ways = skeletons::of(digit);
        let skeleton = ways[((style * ways.len() as f32) as usize).min(ways.len() - 1)];
        let (shear, turn) = (tangent(slant), tangent(rotation));
        let mut lines: Vec<Vec<(Point, f32)>> = Vec::with_capacity(skeleton.len());
        let mut last_end: Option<(Point, Point)> = None;
        for stroke in skeleton {
            let mut moved: Vec<Point> = stroke
                .iter()
                .map(|&(x, y)| {
                    (
                        x + 0.1 * wobble * even(&mut rng),
                        y + 0.1 * wobble * even(&mut rng),
                    )
                })
                .collect();
            // A stroke that goes on where the last one ended stays joined to it.
            if let Some((skeleton_end, end)) = last_end
                && skeleton_end == stroke[0]
            {
                moved[0] = end;
            }
            last_end = stroke.last().copied().zip(moved.last().copied());
            let count = (moved.len() - 1) * PIECES;
            let line = (0..=count)
                .map(|i| {
                    let along = i as f32 / count as f32;
                    let (x, y) = self.bend(spline(&moved, i), elastic);
                    let (x, y) = (x * width + shear * y, y);
                    let point = (x - turn * y, y + turn * x);
                    // The pen presses most in the first half and lifts towards the end.
                    let press = 1.0
                        - pressure
                            * (0.55 * (along - 0.35) * (along - 0.35) + 0.25 * along * along);
                    (point, 0.5 * thickness * press)
                })
                .collect();
            lines.push(line);
        }
        fit(&mut lines, size - thickness, 1.0 + 0.5 * thickness);
        lines
    }

    /// Moves a point by a smooth field, a random polynomial of low degree.
    fn bend(&self, (x, y): Point, elastic: f32) -> Point {
        let basis = [
            y * y - 0.4,
            x * y * 1.4,
            (y * y - 0.7) * y,
            x * x - 0.1,
            x * (1.0 - 1.5 * y * y),
        ];
        basis
            .iter()
            .zip(&self.bends)
            .fold((x, y), |(u, v), (b, bend)| {
                (
                    u + 0.27 * elastic * b * bend.0,
                    v + 0.20 * elastic * b * bend.1,
                )
            })
    }

    /// The picture of `digit`, `SHAPE.len()` bytes into `pixels`.
    fn draw(&self, digit: u16, pixels: &mut [u8]) {
        let mut ink = [0.0_f32; SHAPE.len()];
        for line in self.lines(digit) {
            for ends in line.windows(2) {
                stamp(&mut ink, ends[0], ends[1]);
            }
        }
        for (pixel, ink) in pixels.iter_mut().zip(ink) {
            *pixel = (ink * 255.0 + 0.5) as u8;
        }
    }
}

/// Even in `[-1, 1]`.
fn even(rng: &mut impl Rng) -> f32 {
    rng.random::<f32>() * 2.0 - 1.0
}

/// Tangent of a small angle in degrees, the same on every machine.
fn tangent(degrees: f32) -> f32 {
    let a = degrees.to_radians();
    a + a * a * a / 3.0
}

/// Point `i` of the Catmull–Rom spline through `points`, [`PIECES`] to a section.
fn spline(points: &[Point], i: usize) -> Point {
    let section = (i / PIECES).min(points.len() - 2);
    let t = (i - section * PIECES) as f32 / PIECES as f32;
    let [a, b, c, d] = [
        section.saturating_sub(1),
        section,
        section + 1,
        (section + 2).min(points.len() - 1),
    ]
    .map(|k| points[k]);
    let blend = |a: f32, b: f32, c: f32, d: f32| {
        0.5 * (2.0 * b
            + (c - a) * t
            + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
            + (3.0 * (b - c) + d - a) * t * t * t)
    };
    (blend(a.0, b.0, c.0, d.0), blend(a.1, b.1, c.1, d.1))
}

/// Scales the lines so that the longer side of their box is `side` pixels, and centres their ink, as far as that
/// leaves `margin` pixels free all round.
fn fit(lines: &mut [Vec<(Point, f32)>], side: f32, margin: f32) {
    let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    let (mut sum, mut weight) = ((0.0, 0.0), 0.0);
    for line in lines.iter() {
        for ends in line.windows(2) {
            let ((a, _), (b, _)) = (ends[0], ends[1]);
            let length = ((b.0 - a.0) * (b.0 - a.0) + (b.1 - a.1) * (b.1 - a.1)).sqrt();
            sum = (
                sum.0 + 0.5 * (a.0 + b.0) * length,
                sum.1 + 0.5 * (a.1 + b.1) * length,
            );
            weight += length;
        }
        for ((x, y), _) in line {
            low = (low.0.min(*x), low.1.min(*y));
            high = (high.0.max(*x), high.1.max(*y));
        }
    }
    let scale = side / (high.0 - low.0).max(high.1 - low.1).max(0.1);
    let half = SHAPE.width as f32 / 2.0;
    let room = (half - margin) / scale;
    let middle = (
        (sum.0 / weight).clamp(high.0 - room, low.0 + room),
        (sum.1 / weight).clamp(high.1 - room, low.1 + room),
    );
    for (point, _) in lines.iter_mut().flatten() {
        *point = (
            half + (point.0 - middle.0) * scale,
            half - (point.1 - middle.1) * scale,
        );
    }
}

/// Inks the pixels near the piece from `a` to `b`, each a point with the radius of the pen.
fn stamp(ink: &mut [f32], (a, ra): (Point, f32), (b, rb): (Point, f32)) {
    /// Half width of the grey edge in pixels.
    const SOFT: f32 = 0.75;
    let reach = ra.max(rb) + SOFT;
    let span = |a: f32, b: f32, limit: usize| {
        let low = (a.min(b) - reach).max(0.0) as usize;
        low..((a.max(b) + reach).max(0.0) as usize + 1).min(limit)
    };
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length2 = (dx * dx + dy * dy).max(1e-9);
    for row in span(a.1, b.1, SHAPE.height) {
        for column in span(a.0, b.0, SHAPE.width) {
            let (px, py) = (column as f32 + 0.5 - a.0, row as f32 + 0.5 - a.1);
            let t = ((px * dx + py * dy) / length2).clamp(0.0, 1.0);
            let (ex, ey) = (px - t * dx, py - t * dy);
            let inside = ra + (rb - ra) * t - (ex * ex + ey * ey).sqrt();
            let s = ((inside + SOFT) / (2.0 * SOFT)).clamp(0.0, 1.0);
            let pixel = &mut ink[row * SHAPE.width + column];
            *pixel = pixel.max(s * s * (3.0 - 2.0 * s));
        }
    }
}

/// Digits `range` of the endless set that belongs to `seed`, with classes and nine factors attached.
///
/// # Errors
/// When `range` is empty or longer than [`MAX_COUNT`]; `is_cancelled` when `progress` was cancelled.
pub fn generate(seed: u64, range: Range<usize>, progress: &Progress) -> Result<Dataset> {
    let (pixels, values) = drawn::items(
        ("digits", SHAPE),
        range.clone(),
        MAX_COUNT,
        progress,
        |index, pixels| {
            let hand = Hand::of_item(seed, index);
            hand.draw(class_of(index), pixels);
            hand.values
        },
    )?;
    let labels = Labels {
        values: range.map(class_of).collect(),
        names: (0..10).map(|digit| digit.to_string()).collect(),
    };
    let dataset = Dataset::new("digits", SHAPE, pixels)?.with_labels(labels)?;
    drawn::with_factors(dataset, FACTORS, &values)
}

fn class_of(index: usize) -> u16 {
    (index % 10) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(hand: &Hand, digit: u16) -> Vec<u8> {
        let mut pixels = vec![0; SHAPE.len()];
        hand.draw(digit, &mut pixels);
        pixels
    }

    fn ink(pixels: &[u8]) -> u64 {
        pixels.iter().map(|&p| u64::from(p)).sum()
    }

    #[test]
    fn any_sub_range_gives_the_same_digits_and_classes_are_balanced() {
        let all = generate(3, 0..2000, &Progress::silent()).expect("draws");
        let part = generate(3, 995..1030, &Progress::silent()).expect("draws");
        let (all_labels, part_labels) = (
            all.labels().expect("classes"),
            part.labels().expect("classes"),
        );
        for i in 0..part.len() {
            assert_eq!(part.pixels(i), all.pixels(995 + i));
            assert_eq!(part_labels.values[i], all_labels.values[995 + i]);
        }
        for digit in 0..10 {
            assert_eq!(
                all_labels.values.iter().filter(|&&v| v == digit).count(),
                200
            );
        }
        assert_eq!(all.label_name(7), Some("7"));
    }

    #[test]
    fn ink_is_bright_grey_at_its_edges_centred_and_clear_of_the_border() {
        let set = generate(5, 0..1000, &Progress::silent()).expect("draws");
        for id in 0..set.len() {
            let pixels = set.pixels(id);
            assert!(
                pixels.iter().any(|&p| p > 230) && pixels.iter().any(|&p| (40..200).contains(&p)),
                "digit {id}"
            );
            let (mut x, mut y) = (0.0, 0.0);
            for (i, &p) in pixels.iter().enumerate() {
                x += f64::from(p) * (i % 28) as f64;
                y += f64::from(p) * (i / 28) as f64;
                let border = i % 28 == 0 || i % 28 == 27 || i / 28 == 0 || i / 28 == 27;
                assert!(!border || p < 128, "digit {id} touches the border");
            }
            let sum = ink(pixels) as f64;
            assert!(
                (x / sum - 13.5).abs() < 1.2 && (y / sum - 13.5).abs() < 1.2,
                "digit {id} at {}, {}",
                x / sum,
                y / sum
            );
        }
    }

    #[test]
    fn thickness_adds_ink_and_slant_leans_right() {
        let mut hand = Hand::of_item(1, 1);
        hand.values = FACTORS.map(|(_, (low, high))| 0.5 * (low + high));
        hand.values[0] = 0.0;
        hand.values[7] = 0.0;
        hand.values[8] = 0.0;
        let at = |index: usize, value: f32| {
            let mut hand = hand.clone();
            hand.values[index] = value;
            draw(&hand, 1)
        };
        assert!(ink(&at(5, 3.5)) > ink(&at(5, 1.6)) * 3 / 2);
        let lean = |pixels: &[u8]| {
            let column = |rows: Range<usize>| {
                let (mut sum, mut weight) = (0.0, 0.0);
                for row in rows {
                    for column in 0..28 {
                        let p = f64::from(pixels[row * 28 + column]);
                        sum += p * column as f64;
                        weight += p;
                    }
                }
                sum / weight
            };
            column(5..10) - column(18..23)
        };
        assert!(lean(&at(1, 25.0)) > 4.0);
        assert!(lean(&at(1, -15.0)) < -1.0);
    }

    #[test]
    fn every_factor_varies_inside_its_range_and_changes_the_picture() {
        let set = generate(2, 0..100, &Progress::silent()).expect("draws");
        for (index, factor) in set.factors().iter().enumerate() {
            let (low, high) = factor.range;
            assert!(
                factor.values.iter().all(|v| (low..=high).contains(v)),
                "{}",
                factor.name
            );
            let mut hand = Hand::of_item(2, 7);
            hand.values[index] = low;
            let before = draw(&hand, 7);
            hand.values[index] = high;
            assert_ne!(before, draw(&hand, 7), "{}", factor.name);
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
