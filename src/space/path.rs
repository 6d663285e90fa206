//! Ways from one code to another.
//!
//! Invariant: every way passes exactly through the codes it was given.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How a path runs between its key codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Straight lines.
    #[default]
    Linear,
    /// Arcs about the origin, which keep the length between those of the ends (Shoemake 1985).
    Spherical,
    /// A smooth Catmull-Rom curve (1974).
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

/// `frames` codes evenly spaced in time along the path through `keys`, its first and last key included. With a single key
/// every frame is that key; with a single frame it is the first key.
///
/// # Errors
/// When there is no key, or the keys differ in length.
pub fn through(
    keys: &[Vec<f32>],
    frames: usize,
    interpolation: Interpolation,
) -> Result<Vec<Vec<f32>>> {
    let Some(first) = keys.first() else {
        return Err(Error::usage("a path needs at least one code"));
    };
    if let Some(other) = keys.iter().find(|key| key.len() != first.len()) {
        return Err(Error::usage(format!(
            "a path cannot lead from a code of {} numbers to one of {}",
            first.len(),
            other.len()
        )));
    }
    let last = keys.len() - 1;
    let steps = frames.saturating_sub(1).max(1);
    Ok((0..frames)
        .map(|frame| {
            // Whole-number arithmetic, so that keys that fall on a frame are met exactly.
            let (segment, rest) = (frame * last / steps, frame * last % steps);
            if rest == 0 {
                return keys[segment].clone();
            }
            let t = rest as f32 / steps as f32;
            let (a, b) = (&keys[segment], &keys[segment + 1]);
            match interpolation {
                Interpolation::Linear => linear(a, b, t),
                Interpolation::Spherical => spherical(a, b, t),
                Interpolation::Spline => {
                    let before = &keys[segment.saturating_sub(1)];
                    let after = &keys[(segment + 2).min(last)];
                    catmull_rom([before, a, b, after], t)
                }
            }
        })
        .collect())
}

/// The uniform Catmull-Rom curve between the middle two of four codes.
fn catmull_rom([p, a, b, n]: [&[f32]; 4], t: f32) -> Vec<f32> {
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    ];
    (0..a.len())
        .map(|i| weights[0] * p[i] + weights[1] * a[i] + weights[2] * b[i] + weights[3] * n[i])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    #[test]
    fn a_line_meets_its_ends_and_middle() {
        let (a, b) = ([1.0, -2.0], [3.0, 4.0]);
        assert_eq!(linear(&a, &b, 0.0), a);
        assert_eq!(linear(&a, &b, 1.0), b);
        assert_eq!(linear(&a, &b, 0.5), [2.0, 1.0]);
    }

    #[test]
    fn an_arc_keeps_the_length_and_halves_the_angle() {
        let middle = spherical(&[2.0, 0.0], &[0.0, 2.0], 0.5);
        assert!(
            close(&middle, &[2.0_f32.sqrt(), 2.0_f32.sqrt()]),
            "{middle:?}"
        );
        let uneven = spherical(&[1.0, 0.0], &[0.0, 3.0], 0.5);
        assert!((uneven[0].hypot(uneven[1]) - 2.0).abs() < 1e-5);
    }

    #[test]
    fn an_arc_that_is_not_defined_is_a_line() {
        for (a, b) in [
            ([0.0, 0.0], [1.0, 0.0]),
            ([1.0, 1.0], [2.0, 2.0]),
            ([1.0, 0.0], [-1.0, 0.0]),
        ] {
            assert_eq!(spherical(&a, &b, 0.25), linear(&a, &b, 0.25));
        }
    }

    #[test]
    fn every_path_meets_its_keys() -> Result<()> {
        let keys = vec![
            vec![0.0, 1.0],
            vec![2.0, 1.0],
            vec![-1.0, 3.0],
            vec![0.5, 0.5],
        ];
        for interpolation in [
            Interpolation::Linear,
            Interpolation::Spherical,
            Interpolation::Spline,
        ] {
            let path = through(&keys, 31, interpolation)?;
            assert_eq!(path.len(), 31);
            for (key, code) in keys.iter().zip(path.iter().step_by(10)) {
                assert_eq!(key, code);
            }
        }
        Ok(())
    }

    #[test]
    fn a_spline_through_evenly_spaced_keys_on_a_line_stays_on_it() -> Result<()> {
        let keys: Vec<_> = (0..4u8).map(|i| vec![f32::from(i)]).collect();
        let path = through(&keys, 13, Interpolation::Spline)?;
        assert!((path[6][0] - 1.5).abs() < 1e-6);
        Ok(())
    }

    #[test]
    fn short_paths_and_bad_keys() -> Result<()> {
        assert_eq!(
            through(&[vec![1.0]], 3, Interpolation::Spline)?,
            vec![vec![1.0]; 3]
        );
        assert_eq!(
            through(&[vec![1.0], vec![2.0]], 1, Interpolation::Linear)?,
            vec![vec![1.0]]
        );
        assert!(through(&[], 3, Interpolation::Linear).is_err());
        assert!(through(&[vec![1.0], vec![1.0, 2.0]], 3, Interpolation::Linear).is_err());
        Ok(())
    }
}
