//! Puts head, hair, body, glasses and background together and turns them into pixels.
//!
//! Camera space: x right, y up, z towards the viewer, orthographic; [`SCALE`] pixels to the unit. Invariant: the
//! colour of a point depends on the scene and the point alone; only outlines are sampled more than once a pixel.

use std::mem::Discriminant;

use super::SHAPE;
use super::factors::Face;
use super::features::Features;
use super::glasses::Glasses;
use super::hair::{Hair, Strand};
use super::head::Head;
use super::light::{Light, Surface};
use super::maths::{Rotation, Vec3, ellipsoid, hump, smoothstep, vec3};
use super::palette;
use crate::data::Picture;

const SCALE: f32 = 21.5;
const SIZE: usize = SHAPE.width;
/// Height of the picture's middle in camera space.
const MIDDLE: f32 = -0.115;
/// The head turns about the top of the neck.
const PIVOT: Vec3 = vec3(0.0, -0.62, -0.22);
/// Inverse radii of an ellipsoid that holds the largest head with its ears and the fullest cap of hair.
const HEAD_BOUNDS: Vec3 = vec3(1.0 / 1.08, 1.0 / 1.25, 1.0 / 1.30);
/// Where an outline pixel is sampled besides its middle, in pixels: a rotated grid.
const ROTATED_GRID: [(f32, f32); 4] = [(-0.4, -0.15), (0.15, -0.4), (0.4, 0.15), (-0.15, 0.4)];

/// What a sample shows.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Background,
    Cap(Strand),
    Mane(Strand),
    Head { normal: Vec3, cover: f32 },
    Ear(Vec3),
    Neck(Vec3),
    Shirt(Vec3),
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    colour: Vec3,
    part: Discriminant<Seen>,
    depth: f32,
}

/// One portrait, ready to be sampled.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    head: Head,
    hair: Hair,
    features: Features,
    glasses: Option<Glasses>,
    light: Light,
    light_in_head: Vec3,
    turn: Rotation,
    towards_viewer: Vec3,
    background: [Vec3; 2],
    shirt: Vec3,
}

impl Scene {
    pub(super) fn new(face: &Face) -> Self {
        let background = [
            palette::oklch(0.94, 0.032, face.background + 14.0),
            palette::oklch(0.775, 0.075, face.background - 14.0),
        ];
        let light = Light::new(face, background[1]);
        let turn = Rotation::new(face.yaw, face.pitch, face.tilt);
        let head = Head::new(face);
        let hair = Hair::new(face, &head);
        let light_in_head = turn.inverse(light.key);
        let features = Features::new(face, &head, &hair, light_in_head);
        let frame = palette::oklch(0.27, 0.05, face.shirt + 30.0);
        let glasses = Glasses::new(face.glasses, frame, &head, &features);
        Self {
            light_in_head,
            towards_viewer: turn.inverse(vec3(0.0, 0.0, 1.0)),
            turn,
            head,
            hair,
            features,
            glasses,
            light,
            background,
            shirt: palette::oklch(0.56, 0.105, face.shirt),
        }
    }

    /// The whole picture.
    pub(super) fn render(&self) -> Picture {
        let at = |column: usize, row: usize, (dx, dy): (f32, f32)| {
            let u = (column as f32 + 0.5 + dx - SIZE as f32 / 2.0) / SCALE;
            let v = (SIZE as f32 / 2.0 - row as f32 - 0.5 - dy) / SCALE + MIDDLE;
            self.sample(u, v)
        };
        let mut samples = Vec::with_capacity(SIZE * SIZE);
        for row in 0..SIZE {
            samples.extend((0..SIZE).map(|column| at(column, row, (0.0, 0.0))));
        }
        let mut pixels = Vec::with_capacity(SHAPE.len());
        for row in 0..SIZE {
            for column in 0..SIZE {
                let middle = samples[row * SIZE + column];
                let neighbours = [
                    samples[row * SIZE + column.saturating_sub(1)],
                    samples[row * SIZE + (column + 1).min(SIZE - 1)],
                    samples[row.saturating_sub(1) * SIZE + column],
                    samples[(row + 1).min(SIZE - 1) * SIZE + column],
                ];
                let outline = neighbours
                    .iter()
                    .any(|n| n.part != middle.part || (n.depth - middle.depth).abs() > 0.16);
                let colour = if outline {
                    let sum = ROTATED_GRID.iter().fold(middle.colour, |sum, &offset| {
                        sum + at(column, row, offset).colour
                    });
                    sum * (1.0 / (1 + ROTATED_GRID.len()) as f32)
                } else {
                    middle.colour
                };
                pixels.extend([colour.x, colour.y, colour.z].map(palette::to_srgb));
            }
        }
        Picture {
            shape: SHAPE,
            pixels,
        }
    }

    fn sample(&self, u: f32, v: f32) -> Sample {
        let e = self.towards_viewer;
        let o = self.turn.inverse(vec3(u, v, 0.0) - PIVOT) + PIVOT;
        // Geometry first, from front to back where that saves work; colour only for what is seen.
        let mut depth = -9.0;
        let mut seen = Seen::Background;
        if ellipsoid(o, e, HEAD_BOUNDS).is_some() {
            if let Some(strand) = self.hair.cap(o, e) {
                (depth, seen) = (strand.w, Seen::Cap(strand));
            } else if let Some((w, normal)) = self.head.hit(o, e) {
                let cover = self.hair.cover(o + e * w);
                let scalp = Strand {
                    w,
                    normal,
                    openness: 0.75,
                };
                (depth, seen) = (
                    w,
                    if cover > 0.0 {
                        Seen::Cap(scalp)
                    } else {
                        Seen::Head { normal, cover }
                    },
                );
            } else if let Some(strand) = self.hair.cap_rim(o, e) {
                (depth, seen) = (strand.w, Seen::Cap(strand));
            }
            for side in [-1.0, 1.0] {
                let (centre, inverse_radii) = self.head.ear(side);
                if let Some(w) = ellipsoid(o - centre, e, inverse_radii).filter(|&w| w > depth) {
                    (depth, seen) = (w, Seen::Ear((o + e * w - centre).by(inverse_radii)));
                }
            }
        }
        if let Some(strand) = self.hair.mane(o, e, depth) {
            (depth, seen) = (strand.w, Seen::Mane(strand));
        }
        if let Some((w, normal)) = body(u, v).filter(|&(w, _)| w > depth) {
            (depth, seen) = (
                w,
                if v < neckline(u) {
                    Seen::Shirt(normal)
                } else {
                    Seen::Neck(normal)
                },
            );
        }
        let p = o + e * depth;
        let mut colour = match seen {
            Seen::Background => self.backdrop(u, v),
            Seen::Cap(ref strand) | Seen::Mane(ref strand) => self.hair_colour(p, strand),
            Seen::Head { normal, cover } => self.face_colour(p, normal, cover),
            Seen::Ear(local) => self.ear_colour(local),
            Seen::Neck(normal) | Seen::Shirt(normal) => {
                self.body_colour(p, normal, v - neckline(u))
            }
        };
        if let Some(glasses) = &self.glasses {
            let glass = glasses.at(o, e, depth);
            colour = colour
                .mix(Vec3::ONE, glass.shine)
                .mix(glasses.colour(), glass.frame);
        }
        Sample {
            colour,
            part: std::mem::discriminant(&seen),
            depth,
        }
    }

    fn backdrop(&self, u: f32, v: f32) -> Vec3 {
        let (dx, dy) = (u + 0.25 * self.light.key.x, v - 0.35);
        self.background[1].mix(self.background[0], hump((dx * dx + dy * dy) / 5.5))
    }

    /// Skin of the neck or, below the neckline (`above` negative), cloth; `p` in head space, `n` in camera space.
    fn body_colour(&self, p: Vec3, n: Vec3, above: f32) -> Vec3 {
        let lit = self.head.lit(p, self.light_in_head, &[0.12, 0.3, 0.5]);
        let open = smoothstep(-0.25, 0.75, self.head.field(p + vec3(0.0, 0.16, 0.10)).0);
        let surface = if above < 0.0 {
            let hem = smoothstep(-0.075, -0.055, above);
            Surface {
                albedo: self.shirt * (1.0 - 0.22 * hem),
                gloss: 0.015,
                wrap: vec3(0.25, 0.25, 0.25),
                open: 0.35 + 0.65 * open,
                lit,
            }
        } else {
            Surface {
                open: 0.25 + 0.60 * open,
                lit: 0.80 * lit,
                ..self.features.skin()
            }
        };
        self.light.shade(&surface, n)
    }

    /// `local` is the point on the ear stretched to the unit sphere.
    fn ear_colour(&self, local: Vec3) -> Vec3 {
        let n = local.by(self.head.ear(1.0).1).unit();
        let mut surface = self.features.skin();
        let (dy, dz) = ((local.y + 0.02) / 0.68, (local.z - 0.25) / 0.75);
        let hollow = hump(dy * dy + dz * dz);
        surface.open = 0.80 - 0.35 * hollow;
        surface.lit = 0.85 - 0.30 * hollow;
        surface.albedo = surface
            .albedo
            .by(vec3(1.0, 0.88 - 0.12 * hollow, 0.86 - 0.12 * hollow));
        self.light.shade(&surface, self.turn.apply(n))
    }

    fn face_colour(&self, p: Vec3, n: Vec3, cover: f32) -> Vec3 {
        let mut surface = self.features.paint(p);
        surface.lit = self.head.lit(p + n * 0.05, self.light_in_head, &[0.20]);
        let under_hair = smoothstep(-0.17, 0.0, cover);
        surface.open *= 1.0 - 0.45 * under_hair;
        surface.lit *= 1.0 - 0.50 * under_hair;
        self.light.shade(&surface, self.turn.apply(n))
    }

    fn hair_colour(&self, p: Vec3, strand: &Strand) -> Vec3 {
        let n = self.turn.apply(strand.normal);
        let tangent = self.turn.apply(self.hair.direction(p, strand.normal));
        let lock = self.hair.lock(p);
        let surface = Surface {
            albedo: self.hair.colour * (lock * strand.openness),
            gloss: 0.0,
            wrap: vec3(0.30, 0.30, 0.30),
            open: strand.openness,
            lit: strand.openness,
        };
        let shine = self.light.strand(tangent, n) * lock * strand.openness;
        let gleam = self.hair.colour.mix(Vec3::ONE, 0.03) + vec3(0.010, 0.009, 0.008);
        self.light.shade(&surface, n) + gleam * shine
    }
}

/// Height of the edge of the shirt, lower in front.
fn neckline(u: f32) -> f32 {
    -1.20 - 0.15 * hump(u * u * 2.6)
}

/// Depth and normal of neck or shoulders at `(u, v)`; they do not turn with the head.
fn body(u: f32, v: f32) -> Option<(f32, Vec3)> {
    if v > -0.45 {
        return None;
    }
    let flare = (-1.02 - v).max(0.0);
    let radius = 0.352 + 1.5 * flare * flare;
    let inside = radius * radius - u * u;
    let neck = (inside > 0.0).then(|| {
        let z = inside.sqrt();
        (z - 0.24, vec3(u, 3.0 * flare * radius, z).unit())
    });
    let (o, e) = (vec3(u, v + 2.02, 0.26), vec3(0.0, 0.0, 1.0));
    let inverse_radii = vec3(1.0 / 1.34, 1.0 / 0.80, 1.0 / 0.56);
    let torso = ellipsoid(o, e, inverse_radii)
        .map(|w| (w, (o + e * w).by(inverse_radii).by(inverse_radii).unit()));
    match (neck, torso) {
        (Some(neck), Some(torso)) => Some(if neck.0 > torso.0 { neck } else { torso }),
        (neck, torso) => neck.or(torso),
    }
}
