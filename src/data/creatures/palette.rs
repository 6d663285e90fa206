//! The colours of the creatures: 26 ramps of six shades in Oklch, and a few that stand alone.
//!
//! Invariant: there are [`COUNT`] colours, all different, and a shade of a ramp is the colour `SHADES · ramp + shade`.

use crate::data::faces::palette::{oklch, to_srgb};

/// Shades of a ramp, from that of the outline to that of a gleam.
pub(super) const SHADES: usize = 6;

/// Colours in all.
pub(super) const COUNT: usize = RAMPS * SHADES + ALONE.len();

/// Shades by what they are for.
pub(super) const OUTLINE: u8 = 0;
pub(super) const DEEP: u8 = 1;
pub(super) const SHADOW: u8 = 2;
pub(super) const PLAIN: u8 = 3;
pub(super) const LIGHT: u8 = 4;
pub(super) const GLEAM: u8 = 5;

/// Ramps that a creature's skin can have: twelve vivid hues, the same soft, brown and cream.
pub(super) const RAMPS: usize = 26;

/// Hues of the wheel, in steps of which colours go together or stand against each other.
pub(super) const HUES: usize = 12;

/// Ramps by what they are for: beaks and flames, leaves, clear wings, and the two that are of no hue of the wheel.
pub(super) const RED: u8 = 0;
pub(super) const ORANGE: u8 = 1;
pub(super) const YELLOW: u8 = 2;
pub(super) const PLANT: u8 = 4;
pub(super) const CLEAR: u8 = 18;
pub(super) const BROWN: u8 = 24;
pub(super) const CREAM: u8 = 25;

/// Colours outside of the ramps, by what they are for.
pub(super) const PAPER: u8 = (RAMPS * SHADES) as u8;
pub(super) const GROUND: u8 = PAPER + 1;
pub(super) const PUPIL: u8 = PAPER + 2;
pub(super) const WHITE: u8 = PAPER + 3;
pub(super) const BLUSH: u8 = PAPER + 4;
pub(super) const MOUTH: u8 = PAPER + 5;
pub(super) const TONGUE: u8 = PAPER + 6;
pub(super) const BUBBLE: u8 = PAPER + 7;

/// Lightness, chroma and hue of the colours outside of the ramps, in the order of their names.
const ALONE: [[f32; 3]; 8] = [
    [0.975, 0.008, 95.0],
    [0.900, 0.014, 270.0],
    [0.175, 0.025, 285.0],
    [1.000, 0.000, 0.0],
    [0.760, 0.130, 10.0],
    [0.330, 0.090, 15.0],
    [0.690, 0.170, 18.0],
    [0.850, 0.055, 225.0],
];

/// Lightness, chroma and hue of the plain shade of each hue, red to pink. Yellow is light and blue dark, as the eye has it.
const WHEEL: [[f32; 3]; HUES] = [
    [0.635, 0.190, 25.0],
    [0.725, 0.160, 52.0],
    [0.840, 0.155, 88.0],
    [0.790, 0.170, 122.0],
    [0.700, 0.155, 148.0],
    [0.710, 0.110, 182.0],
    [0.750, 0.110, 215.0],
    [0.640, 0.140, 250.0],
    [0.555, 0.165, 278.0],
    [0.590, 0.170, 304.0],
    [0.640, 0.190, 335.0],
    [0.730, 0.140, 2.0],
];

/// The colours, sRGB.
pub(super) fn colours() -> Vec<[u8; 3]> {
    let ramp = |ramp: usize| {
        let base = match ramp {
            0..12 => WHEEL[ramp],
            12..24 => {
                let [l, c, h] = WHEEL[ramp - HUES];
                [0.5 * l + 0.40, 0.5 * c, h]
            }
            24 => [0.560, 0.085, 56.0],
            _ => [0.905, 0.040, 82.0],
        };
        (0..SHADES).map(move |shade| shaded(base, shade))
    };
    let ramps = (0..RAMPS).flat_map(ramp);
    ramps.chain(ALONE).map(|[l, c, h]| srgb(l, c, h)).collect()
}

/// A shade of a colour: shadows lean to violet and light to yellow, as those outdoors do.
fn shaded([l, c, h]: [f32; 3], shade: usize) -> [f32; 3] {
    /// Lightness as a share of the plain one or of the way to white, chroma as a share, and the share of the way to the
    /// hue of shadow or light.
    const STEPS: [(f32, f32, f32); SHADES] = [
        (-0.600, 0.55, 0.30),
        (-0.340, 0.90, 0.20),
        (-0.170, 1.00, 0.10),
        (0.000, 1.00, 0.00),
        (0.420, 0.72, 0.15),
        (0.780, 0.35, 0.25),
    ];
    const SHADE_HUE: f32 = 285.0;
    const LIGHT_HUE: f32 = 95.0;
    let (step, chroma, turn) = STEPS[shade];
    let (lightness, towards) = if step < 0.0 {
        (l * (1.0 + step), SHADE_HUE)
    } else {
        (l + (0.985 - l) * step, LIGHT_HUE)
    };
    // The short way round the circle.
    let mut way = towards - h;
    if way > 180.0 {
        way -= 360.0;
    } else if way < -180.0 {
        way += 360.0;
    }
    [lightness, c * chroma, h + way * turn]
}

fn srgb(l: f32, c: f32, h: f32) -> [u8; 3] {
    let linear = oklch(l, c, h);
    [to_srgb(linear.x), to_srgb(linear.y), to_srgb(linear.z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_at_most_167_colours_and_no_two_are_the_same() {
        let mut colours = colours();
        assert!(colours.len() == COUNT && COUNT <= 167);
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), COUNT);
    }

    #[test]
    fn each_shade_of_a_ramp_is_lighter_than_the_one_before() {
        let light = |[r, g, b]: [u8; 3]| 3 * u32::from(r) + 6 * u32::from(g) + u32::from(b);
        for (index, ramp) in colours()[..RAMPS * SHADES].chunks(SHADES).enumerate() {
            for pair in ramp.windows(2) {
                assert!(light(pair[0]) < light(pair[1]), "ramp {index}: {ramp:?}");
            }
        }
    }
}
