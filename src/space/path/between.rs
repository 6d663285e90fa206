//! Ways from one code to another.

use serde::{Deserialize, Serialize};

/// How a path runs between its key codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Straight lines.
    #[default]
    Linear,
    /// Arcs about the origin, which keep the length between those of the ends (Shoemake 1985).
    Spherical,
    /// A smooth curve through all codes: Catmull-Rom (1974) on the times of the keys, see [`Path::code_at`](super::Path::code_at).
    Spline,
}

/// The code a share `t` in `[0, 1]` of the way from `a` to `b` on the straight line.
#[must_use]
pub fn linear(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| (1.0 - t) * a + t * b)
        .collect()
}

/// The code a share `t` in `[0, 1]` of the way from `a` to `b` on the arc about the origin: direction by slerp,
/// length by linear interpolation. Where the arc is not defined (an end at the origin, ends in nearly the same or
/// nearly opposite directions) it is [`linear`].
#[must_use]
pub fn spherical(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    const NEARLY_PARALLEL: f64 = 1e-6;
    let dot = |x: &[f32], y: &[f32]| {
        x.iter()
            .zip(y)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum::<f64>()
    };
    let (length_a, length_b) = (dot(a, a).sqrt(), dot(b, b).sqrt());
    let angle = (dot(a, b) / (length_a * length_b)).clamp(-1.0, 1.0).acos();
    let sine = angle.sin();
    if sine.is_nan() || sine < NEARLY_PARALLEL || t <= 0.0 || t >= 1.0 {
        return linear(a, b, t);
    }
    let t = f64::from(t);
    let length = (1.0 - t) * length_a + t * length_b;
    let from_a = length * ((1.0 - t) * angle).sin() / (sine * length_a);
    let from_b = length * (t * angle).sin() / (sine * length_b);
    a.iter()
        .zip(b)
        .map(|(&a, &b)| (from_a * f64::from(a) + from_b * f64::from(b)) as f32)
        .collect()
}
