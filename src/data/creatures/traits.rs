//! What tells one creature from another: its body plan and fourteen named numbers.
//!
//! Invariant: every number lies in the range that [`FACTORS`] names.

use rand::{Rng, RngExt};

use super::palette::{BROWN, CREAM, HUES, RAMPS};

/// The body plans, which are the classes, by the names of what they are like.
pub(super) const PLANS: [&str; 12] = [
    "Blob",
    "Biped",
    "Quadruped",
    "Bird",
    "Fish",
    "Insect",
    "Serpent",
    "Octopus",
    "Crab",
    "Mushroom",
    "Ghost",
    "Dragon",
];

/// Name and range of every factor; those that are kinds are whole numbers.
pub(super) const FACTORS: [(&str, (f32, f32)); 14] = [
    ("Colour", (0.0, RAMPS as f32 - 1.0)),
    ("Second colour", (0.0, RAMPS as f32 - 1.0)),
    ("Size", (0.0, 1.0)),
    ("Width", (0.0, 1.0)),
    ("Limbs", (0.0, 1.0)),
    ("Eyes", (0.0, 6.0)),
    ("Eye distance", (0.0, 2.0)),
    ("Mouth", (0.0, 6.0)),
    ("Pattern", (0.0, 6.0)),
    ("Headgear", (0.0, 9.0)),
    ("Tail", (0.0, 4.0)),
    ("Variant", (0.0, 2.0)),
    ("Blush", (0.0, 1.0)),
    ("Facing", (0.0, 1.0)),
];

/// One creature. Kinds are counted from 0.
#[derive(Clone, Debug)]
pub(super) struct Traits {
    /// An index into [`PLANS`].
    pub(super) plan: u16,
    /// Ramp of the skin, and of what is marked or set off.
    pub(super) colour: u8,
    pub(super) second: u8,
    /// Of the whole, of the body across, and how far limbs are spread, all in `[0, 1]`.
    pub(super) size: f32,
    pub(super) width: f32,
    pub(super) limbs: f32,
    pub(super) eyes: u8,
    /// Pixels between the eyes and the middle, beyond the least.
    pub(super) eye_distance: u8,
    pub(super) mouth: u8,
    pub(super) pattern: u8,
    pub(super) headgear: u8,
    pub(super) tail: u8,
    /// Which of its plan's forms it has.
    pub(super) variant: u8,
    pub(super) has_blush: bool,
    /// Whether it looks, or its tail points, the other way.
    pub(super) is_mirrored: bool,
    /// Where its spots are: across and down in a part's radii, and their radius.
    pub(super) spots: [[f32; 3]; 5],
}

impl Traits {
    pub(super) fn sample(plan: u16, rng: &mut impl Rng) -> Self {
        let colour = rng.random_range(0..RAMPS as u8);
        let second = companion(colour, rng);
        Self {
            plan,
            colour,
            second,
            size: rng.random(),
            width: rng.random(),
            limbs: rng.random(),
            eyes: rng.random_range(0..7),
            eye_distance: rng.random_range(0..3),
            mouth: rng.random_range(0..7),
            pattern: rng.random_range(0..7),
            headgear: rng.random_range(0..10),
            tail: rng.random_range(0..5),
            variant: rng.random_range(0..3),
            has_blush: rng.random_range(0..5) < 2,
            is_mirrored: rng.random(),
            spots: std::array::from_fn(|_| {
                [
                    rng.random::<f32>() * 1.7 - 0.85,
                    rng.random::<f32>() * 1.7 - 0.85,
                    0.16 + 0.16 * rng.random::<f32>(),
                ]
            }),
        }
    }

    /// The same creature with another kind of headgear.
    pub(super) fn with_headgear(&self, headgear: u8) -> Self {
        Self {
            headgear,
            ..self.clone()
        }
    }

    /// The same creature, bare-headed unless its headgear is one of those that become it.
    pub(super) fn with_headgear_among(&self, kinds: &[u8]) -> Self {
        let becomes = kinds.contains(&self.headgear);
        self.with_headgear(if becomes { self.headgear } else { 0 })
    }

    /// The same creature in another colour.
    pub(super) fn with_colour(&self, colour: u8) -> Self {
        Self {
            colour,
            ..self.clone()
        }
    }

    /// The values of [`FACTORS`], in their order.
    pub(super) fn values(&self) -> [f32; FACTORS.len()] {
        [
            f32::from(self.colour),
            f32::from(self.second),
            self.size,
            self.width,
            self.limbs,
            f32::from(self.eyes),
            f32::from(self.eye_distance),
            f32::from(self.mouth),
            f32::from(self.pattern),
            f32::from(self.headgear),
            f32::from(self.tail),
            f32::from(self.variant),
            f32::from(u8::from(self.has_blush)),
            f32::from(u8::from(self.is_mirrored)),
        ]
    }

    /// Whether the point `(u, v)` of a part, in radii from its centre, is in the second colour. `is_front` is whether the
    /// part is seen from the front, so that its marks are the same on both sides but for one spot.
    pub(super) fn is_marked(&self, u: f32, v: f32, is_front: bool) -> bool {
        let across = if is_front { u.abs() } else { u };
        match self.pattern {
            // A belly.
            1 => {
                let (x, y) = if is_front {
                    (u, v - 0.45)
                } else {
                    (u + 0.1, v - 0.75)
                };
                x * x / 0.36 + y * y / 0.36 < 1.0
            }
            2 => {
                let spots = self.spots.iter().enumerate();
                let mut spots = spots.map(|(i, &[x, y, radius])| {
                    let x = if is_front && i > 0 {
                        across - x.abs()
                    } else {
                        u - x
                    };
                    x * x + (v - y) * (v - y) < radius * radius
                });
                spots.any(|is_in| is_in)
            }
            // Bands across.
            3 => wave(v * 1.6 + 0.3),
            // Stripes down the sides.
            4 => wave(across * 1.5 + 0.28) && v < 0.45 && across > 0.15,
            // A cap, and its opposite.
            5 => v + 0.35 * u * u < -0.30,
            6 => v - 0.25 * u * u > 0.30,
            _ => false,
        }
    }
}

/// Whether the square wave of period one is up.
fn wave(t: f32) -> bool {
    let t = t + 16.0;
    t - (t as i32) as f32 >= 0.55
}

/// A ramp that goes with `colour`: a neighbour on the wheel, one across, its own soft or vivid sister, or cream.
fn companion(colour: u8, rng: &mut impl Rng) -> u8 {
    let hues = HUES as u8;
    if colour >= BROWN {
        return rng.random_range(0..2 * hues);
    }
    let (hue, is_soft) = (colour % hues, colour >= hues);
    let turned = |by: u8| (hue + by) % hues;
    match rng.random_range(0..12) {
        0 => turned(1),
        1 => turned(2),
        2 => turned(hues - 1),
        3 => turned(hues - 2),
        4 => turned(5),
        5 => turned(6),
        6 => turned(7),
        7 => hues + turned(6),
        8 => hues + turned(2),
        9 | 10 => CREAM,
        _ if is_soft => hue,
        _ => hues + hue,
    }
}
