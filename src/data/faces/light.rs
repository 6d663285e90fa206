//! The light of a portrait: a warm key, a soft sky, a bounce from the background and a rim from behind.
//!
//! Invariant: light is linear; nothing here knows what the thing it falls on is.

use super::factors::Face;
use super::maths::{Vec3, mix, sin_cos, vec3};

/// All lights of one portrait, in camera space.
#[derive(Clone, Debug)]
pub(super) struct Light {
    /// Towards the key light.
    pub(super) key: Vec3,
    half: Vec3,
    rim: Vec3,
    bounce: Vec3,
}

/// What light falls on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    /// Linear diffuse colour.
    pub(super) albedo: Vec3,
    /// Strength of the highlight.
    pub(super) gloss: f32,
    /// How far light bleeds round the terminator, per channel: skin lets red through.
    pub(super) wrap: Vec3,
    /// What reaches the point of the soft light, in `[0, 1]`.
    pub(super) open: f32,
    /// What reaches the point of the key light, in `[0, 1]`.
    pub(super) lit: f32,
}

const KEY: Vec3 = vec3(1.04, 0.985, 0.90);
const SKY: Vec3 = vec3(0.43, 0.42, 0.44);
const RIM: Vec3 = vec3(0.62, 0.66, 0.74);

impl Light {
    pub(super) fn new(face: &Face, background: Vec3) -> Self {
        let (sa, ca) = sin_cos(face.light_azimuth);
        let (se, ce) = sin_cos(face.light_elevation);
        let key = vec3(sa * ce, se, ca * ce);
        Self {
            key,
            half: (key + vec3(0.0, 0.0, 1.0)).unit(),
            rim: vec3(-1.2 * sa, 0.35, -0.5).unit(),
            bounce: background.mix(vec3(0.56, 0.45, 0.38), 0.72) * 0.44,
        }
    }

    /// Light towards the viewer from a surface with normal `n`.
    pub(super) fn shade(&self, surface: &Surface, n: Vec3) -> Vec3 {
        let cos = n.dot(self.key);
        let wrapped = |w: f32| {
            let d = ((cos + w) / (1.0 + w)).max(0.0);
            d * mix(d, 1.0, 0.55)
        };
        let diffuse = vec3(
            wrapped(surface.wrap.x),
            wrapped(surface.wrap.y),
            wrapped(surface.wrap.z),
        );
        // Where light is blocked, red still seeps through the skin.
        let seep = surface.wrap * 0.5;
        let reach = Vec3::ONE * surface.lit + seep * (1.0 - surface.lit);
        let sky = self.bounce.mix(SKY, 0.5 + 0.5 * n.y);
        let mut colour = surface
            .albedo
            .by(KEY.by(diffuse).by(reach) + sky * surface.open);
        let facing = n.z.max(0.0);
        let edge = (1.0 - facing) * (1.0 - facing);
        colour += RIM.by(surface.albedo.mix(Vec3::ONE, 0.10))
            * (edge * n.dot(self.rim).max(0.0) * surface.open);
        let s = n.dot(self.half).max(0.0);
        let (s4, s8) = (s * s * s * s, s * s * s * s * s * s * s * s);
        let broad = 0.25 * s8 + 0.75 * s8 * s8 * s8 * s4;
        colour + KEY * (surface.gloss * broad * surface.lit)
    }

    /// Highlight of strands along `tangent` (Kajiya and Kay, 1989).
    pub(super) fn strand(&self, tangent: Vec3, n: Vec3) -> f32 {
        let along = tangent.dot(self.half);
        let sin2 = (1.0 - along * along).max(0.0);
        let (s2, s4) = (sin2 * sin2, sin2 * sin2 * sin2 * sin2);
        (0.18 * s4 + 0.82 * s4 * s4 * s4 * s2) * (n.dot(self.key) * 0.7 + 0.3).max(0.0)
    }
}
