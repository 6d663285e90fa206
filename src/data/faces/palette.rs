//! The colours of the portraits: restricted, named ramps in Oklch, handed out as linear RGB.
//!
//! Invariant: hues that vary freely keep one lightness and chroma, so any two of them go together.
//! Oklab: Björn Ottosson, "A perceptual color space for image processing" (2020).

use super::maths::{Vec3, sin_cos, vec3};

/// Lightness in `[0, 1]`, chroma, hue in degrees.
type Lch = [f32; 3];

const SKIN: &[Lch] = &[
    [0.880, 0.042, 50.0],
    [0.845, 0.058, 57.0],
    [0.795, 0.072, 62.0],
    [0.710, 0.084, 60.0],
    [0.600, 0.086, 55.0],
    [0.490, 0.076, 50.0],
    [0.415, 0.062, 46.0],
];

const HAIR: &[Lch] = &[
    [0.225, 0.012, 285.0],
    [0.280, 0.028, 50.0],
    [0.350, 0.052, 52.0],
    [0.440, 0.078, 52.0],
    [0.560, 0.128, 48.0],
    [0.660, 0.100, 74.0],
    [0.790, 0.072, 86.0],
    [0.740, 0.010, 250.0],
    [0.640, 0.120, 5.0],
    [0.480, 0.130, 305.0],
    [0.520, 0.090, 210.0],
];

const IRIS: &[Lch] = &[
    [0.33, 0.055, 50.0],
    [0.45, 0.085, 60.0],
    [0.55, 0.085, 95.0],
    [0.56, 0.085, 150.0],
    [0.58, 0.095, 235.0],
];

/// Skin from porcelain (0) to deep brown (1).
pub(super) fn skin(t: f32) -> Vec3 {
    ramp(SKIN, t)
}

/// Hair from black (0) through the natural colours to the bold ones (1).
pub(super) fn hair(t: f32) -> Vec3 {
    // The three bold colours share the last fifth.
    ramp(
        HAIR,
        if t < 0.8 {
            t * 0.875
        } else {
            0.7 + (t - 0.8) * 1.5
        },
    )
}

/// Iris from dark brown (0) to blue (1).
pub(super) fn iris(t: f32) -> Vec3 {
    ramp(IRIS, t)
}

fn ramp(stops: &[Lch], t: f32) -> Vec3 {
    let position = t.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
    let index = (position as usize).min(stops.len() - 2);
    let lab = |[l, c, h]: Lch| {
        let (sin, cos) = sin_cos(h);
        vec3(l, c * cos, c * sin)
    };
    oklab(lab(stops[index]).mix(lab(stops[index + 1]), position - index as f32))
}

/// Linear RGB of lightness `l`, chroma `c` and hue `h` in degrees.
pub(in crate::data) fn oklch(l: f32, c: f32, h: f32) -> Vec3 {
    let (sin, cos) = sin_cos(h);
    oklab(vec3(l, c * cos, c * sin))
}

fn oklab(lab: Vec3) -> Vec3 {
    let cube = |v: f32| v * v * v;
    let l = cube(lab.x + 0.396_337_78 * lab.y + 0.215_803_76 * lab.z);
    let m = cube(lab.x - 0.105_561_346 * lab.y - 0.063_854_17 * lab.z);
    let s = cube(lab.x - 0.089_484_18 * lab.y - 1.291_485_5 * lab.z);
    vec3(
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_93 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    )
}

/// An sRGB byte of linear `v`: a sum of square roots that stays within one step of the exact curve.
pub(in crate::data) fn to_srgb(v: f32) -> u8 {
    let half = v.clamp(0.0, 1.0).sqrt();
    let quarter = half.sqrt();
    let eighth = quarter.sqrt();
    let encoded = 0.585_122_4 * half + 0.783_140_36 * quarter - 0.368_262_74 * eighth;
    (encoded.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}
