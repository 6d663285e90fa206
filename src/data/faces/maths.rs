//! Vectors and shaping functions of the renderer.
//!
//! Invariant: everything here is built from `+ - × ÷ √ floor`, which
//! every machine rounds alike.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A point, a direction or a linear colour.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(in crate::data) struct Vec3 {
    pub(in crate::data) x: f32,
    pub(in crate::data) y: f32,
    pub(in crate::data) z: f32,
}

pub(super) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    pub(super) const ONE: Self = vec3(1.0, 1.0, 1.0);

    pub(super) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// Componentwise product.
    pub(super) fn by(self, other: Self) -> Self {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }

    pub(super) fn unit(self) -> Self {
        self * (1.0 / self.dot(self).sqrt().max(1e-9))
    }

    /// `self` at `t = 0`, `other` at `t = 1`.
    #[inline]
    pub(super) fn mix(self, other: Self, t: f32) -> Self {
        self + (other - self) * t
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        vec3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        vec3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        vec3(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

/// A rotation, as the images of the three axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    columns: [Vec3; 3],
}

impl Rotation {
    /// Nod by `pitch`, turn by `yaw`, lean by `roll` (degrees, in this order).
    pub(super) fn new(yaw: f32, pitch: f32, roll: f32) -> Self {
        let (sy, cy) = sin_cos(yaw);
        let (sp, cp) = sin_cos(pitch);
        let (sr, cr) = sin_cos(roll);
        let turn = |v: Vec3| {
            let v = vec3(v.x, v.y * cp + v.z * sp, v.z * cp - v.y * sp);
            let v = vec3(v.x * cy + v.z * sy, v.y, v.z * cy - v.x * sy);
            vec3(v.x * cr - v.y * sr, v.x * sr + v.y * cr, v.z)
        };
        Self {
            columns: [
                turn(vec3(1.0, 0.0, 0.0)),
                turn(vec3(0.0, 1.0, 0.0)),
                turn(vec3(0.0, 0.0, 1.0)),
            ],
        }
    }

    pub(super) fn apply(&self, v: Vec3) -> Vec3 {
        self.columns[0] * v.x + self.columns[1] * v.y + self.columns[2] * v.z
    }

    pub(super) fn inverse(&self, v: Vec3) -> Vec3 {
        vec3(
            self.columns[0].dot(v),
            self.columns[1].dot(v),
            self.columns[2].dot(v),
        )
    }
}

/// Sine and cosine of an angle in degrees, by their series, because a system's own may differ in the last bit.
pub(super) fn sin_cos(degrees: f32) -> (f32, f32) {
    let quarters = (degrees / 90.0).round();
    let a = (degrees - 90.0 * quarters).to_radians();
    let a2 = a * a;
    let sin = a * (1.0 - a2 / 6.0 * (1.0 - a2 / 20.0 * (1.0 - a2 / 42.0)));
    let cos = 1.0 - a2 / 2.0 * (1.0 - a2 / 12.0 * (1.0 - a2 / 30.0 * (1.0 - a2 / 56.0)));
    match (quarters as i32).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[inline]
pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `a`, 1 above `b`, smooth between (also for `a > b`, which falls).
#[inline]
pub(super) fn smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// 1 at 0, falling smoothly to 0 at distance 1; takes the squared distance.
#[inline]
pub(super) fn hump(squared: f32) -> f32 {
    let t = (1.0 - squared).max(0.0);
    t * t * t
}

/// A smooth wave of period 1 in `[-1, 1]`, close to a sine, for `turns` above −64.
#[inline]
pub(super) fn wave(turns: f32) -> f32 {
    // A cast instead of `floor`, which is a library call on baseline x86-64.
    let t = turns + 64.0;
    let t = t - (t as i32) as f32 - 0.5;
    16.0 * t * (t.abs() - 0.5)
}

/// The `w` nearest the viewer at which the ray `o + w·e` meets the ellipsoid about the origin.
#[inline]
pub(super) fn ellipsoid(o: Vec3, e: Vec3, inverse_radii: Vec3) -> Option<f32> {
    let (o, e) = (o.by(inverse_radii), e.by(inverse_radii));
    let a = e.dot(e);
    let b = o.dot(e);
    let disc = b * b - a * (o.dot(o) - 1.0);
    (disc > 0.0).then(|| (disc.sqrt() - b) / a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_agree_with_the_system_s() {
        for tenth in -8000_i16..8000 {
            let degrees = f32::from(tenth) / 10.0;
            let (sin, cos) = sin_cos(degrees);
            let exact = f64::from(degrees).to_radians();
            assert!((f64::from(sin) - exact.sin()).abs() < 2e-6, "{degrees}");
            assert!((f64::from(cos) - exact.cos()).abs() < 2e-6, "{degrees}");
        }
    }

    #[test]
    fn a_rotation_keeps_lengths_and_its_inverse_undoes_it() {
        let turn = Rotation::new(31.0, -12.0, 7.0);
        let v = vec3(0.3, -0.8, 0.5);
        let turned = turn.apply(v);
        assert!((turned.dot(turned) - v.dot(v)).abs() < 1e-5);
        let back = turn.inverse(turned) - v;
        assert!(back.dot(back) < 1e-10);
        // Positive yaw turns the nose to the viewer's right, positive pitch lifts it.
        let nose = vec3(0.0, 0.0, 1.0);
        assert!(Rotation::new(20.0, 0.0, 0.0).apply(nose).x > 0.3);
        assert!(Rotation::new(0.0, 10.0, 0.0).apply(nose).y > 0.1);
    }
}
