//! What is painted on the head: eyes, brows, mouth, nostrils, blush and beard.
//!
//! Everything is placed by the x and y of the surface point in head space, so it turns and foreshortens with the head.
//! Invariant: edges are smooth over [`SOFT`], about one pixel, so painting needs no supersampling.

use super::factors::Face;
use super::hair::Hair;
use super::head::Head;
use super::light::Surface;
use super::maths::{Vec3, hump, mix, smoothstep, vec3, wave};
use super::palette;

/// Half width of a painted edge.
const SOFT: f32 = 0.026;
/// Half length of a brow.
const BROW_HALF: f32 = 0.225;

/// Everything painted on one head.
#[derive(Clone, Debug)]
pub(super) struct Features {
    skin: Vec3,
    lips: Vec3,
    brow: Vec3,
    iris: Vec3,
    lash: Vec3,
    beard: f32,
    beard_colour: Vec3,
    /// Middle of the eye, both sides.
    pub(super) eye_x: f32,
    eye_half: f32,
    upper_lid: f32,
    lower_lid: f32,
    gaze: f32,
    catch_light: Vec3,
    brow_y: f32,
    brow_slope: f32,
    mouth_half: f32,
    smile: f32,
    gap: f32,
    nose: f32,
    blush: f32,
}

pub(super) const SKIN_WRAP: Vec3 = vec3(0.42, 0.24, 0.18);

/// 1 where `d` (positive inside) is well inside, 0 outside.
fn inside(d: f32) -> f32 {
    smoothstep(-SOFT, SOFT, d)
}

impl Features {
    pub(super) fn new(face: &Face, head: &Head, hair: &Hair, light: Vec3) -> Self {
        let skin = palette::skin(face.skin);
        let wide = head.half_width / 0.735;
        let size = 1.0 + 0.18 * face.eye_size;
        let smile = face.smile;
        Self {
            skin,
            lips: skin.by(vec3(0.90, 0.50, 0.50)) + vec3(0.035, 0.004, 0.008),
            brow: hair.colour.mix(skin.by(vec3(0.22, 0.18, 0.16)), 0.35) * 0.75,
            iris: palette::iris(face.eye_colour),
            lash: skin.by(vec3(0.05, 0.04, 0.04)) + vec3(0.012, 0.009, 0.009),
            beard: face.beard,
            beard_colour: hair.colour.mix(skin, 0.06) * 0.86,
            eye_x: (0.335 + 0.038 * face.eye_spacing) * wide,
            eye_half: 0.213 * size * wide.min(1.0),
            upper_lid: 0.142 * size,
            lower_lid: (0.095 - 0.035 * smile.max(0.0)) * size,
            gaze: 0.075 * face.gaze,
            catch_light: vec3(0.05 * light.x + 0.008, 0.035 + 0.035 * light.y, 0.0),
            brow_y: 0.265 + 0.055 * face.brow_height + 0.02 * face.eye_size,
            brow_slope: 0.06 * face.brow_tilt - 0.006,
            mouth_half: 0.235 + 0.066 * face.mouth_width + 0.03 * smile.max(0.0),
            smile: 0.022
                + if smile > 0.0 {
                    0.115 * smile
                } else {
                    0.045 * smile
                },
            gap: 0.17 * face.mouth_opening,
            nose: 1.0 + 0.35 * face.nose_size,
            blush: 0.30 + 0.25 * smile.max(0.0),
        }
    }

    /// Bare skin.
    pub(super) fn skin(&self) -> Surface {
        Surface {
            albedo: self.skin,
            gloss: 0.07,
            wrap: SKIN_WRAP,
            open: 1.0,
            lit: 1.0,
        }
    }

    /// The painted surface of the head at `p`.
    pub(super) fn paint(&self, p: Vec3) -> Surface {
        let mut s = self.skin();
        if p.z < 0.0 {
            self.grow_beard(&mut s, p);
            return s;
        }
        let warm = self.skin.by(vec3(1.0, 0.60, 0.56)) + vec3(0.01, 0.0, 0.0);
        let cheeks = Head::spot(p, 0.40, -0.27, 0.30, 0.24) * self.blush;
        let tip = Head::spot(p, 0.0, -0.28, 0.20, 0.16) * 0.28;
        s.albedo = s.albedo.mix(warm, cheeks.max(tip));
        // Soft shade in the sockets, beside and under the nose, under the lower lip.
        s.open *= 1.0 - 0.34 * Head::spot(p, self.eye_x - 0.06, 0.07, 0.30, 0.20);
        s.open *= 1.0 - 0.40 * Head::spot(p, 0.09, -0.425 - 0.02 * self.nose, 0.16, 0.07);
        s.open *= 1.0 - 0.35 * Head::spot(p, 0.0, -0.735 - 0.5 * self.gap, 0.20, 0.07);
        self.flare_nostrils(&mut s, p);
        self.grow_beard(&mut s, p);
        self.colour_lips(&mut s, p);
        if p.y.abs() < 0.45 {
            self.draw_brows(&mut s, p);
            self.draw_eye(&mut s, p);
        }
        s
    }

    fn flare_nostrils(&self, s: &mut Surface, p: Vec3) {
        let dx = (p.x.abs() - 0.075 * self.nose) / (0.062 * self.nose);
        let dy = (p.y + 0.33 + 0.058 * self.nose) / 0.036;
        let hole = hump(0.55 * (dx * dx + dy * dy));
        s.albedo = s
            .albedo
            .mix(self.skin.by(vec3(0.28, 0.14, 0.12)), 0.85 * hole);
        s.gloss *= 1.0 - hole;
    }

    fn grow_beard(&self, s: &mut Surface, p: Vec3) {
        if self.beard <= 0.0 || p.y > 0.12 || p.z < -0.12 {
            return;
        }
        let ax = p.x.abs();
        let cheek = -0.47 + 0.44 * smoothstep(0.36, 0.74, ax)
            - 0.05 * hump((ax - 0.40) * (ax - 0.40) * 30.0);
        let jaw = smoothstep(-0.01, 0.13, cheek - p.y) * smoothstep(-0.12, 0.02, p.z);
        let arch = (p.y + 0.475 + 0.9 * ax * ax) / 0.062;
        let moustache = hump(0.42 * arch * arch) * smoothstep(0.33, 0.22, ax);
        let lip = self.mouth(p.x);
        let (mx, my) = (
            p.x / (self.mouth_half + 0.035),
            (p.y - lip.centre + 0.02 + 0.3 * self.gap) / (0.105 + 0.6 * self.gap),
        );
        let free = smoothstep(0.75, 1.15, mx * mx + my * my);
        let where_it_grows = (jaw * free).max(moustache * smoothstep(0.35, 0.8, mx * mx + my * my));
        let density =
            0.45 * smoothstep(0.0, 0.22, self.beard) + 0.52 * smoothstep(0.2, 0.75, self.beard);
        let hairs = 1.0 + 0.16 * wave(p.x * 4.3 + 0.5 * p.y) * wave(p.y * 2.3 + 0.2);
        s.albedo = s
            .albedo
            .mix(self.beard_colour * hairs, density * where_it_grows);
        s.gloss *= 1.0 - 0.8 * where_it_grows * density;
    }

    fn mouth(&self, x: f32) -> Mouth {
        let t = x / self.mouth_half;
        let full = (1.0 - t * t).max(0.0);
        let centre = -0.575 + self.smile * (t * t - 0.42);
        let gap = self.gap * full;
        Mouth {
            t,
            full,
            centre,
            upper: centre + 0.30 * gap,
            lower: centre - 0.70 * gap,
        }
    }

    fn colour_lips(&self, s: &mut Surface, p: Vec3) {
        if p.y > -0.36 || p.y < -0.95 || p.x.abs() > self.mouth_half + 0.16 {
            return;
        }
        let m = self.mouth(p.x);
        // Dimples where a smile folds the cheek.
        let dimple = hump({
            let (dx, dy) = (
                (p.x.abs() - self.mouth_half - 0.035) / 0.07,
                (p.y - m.centre) / 0.08,
            );
            dx * dx + dy * dy
        });
        s.open *= 1.0 - (0.12 + 0.9 * self.smile.max(0.0)) * dimple;
        let bow = 1.0 - 0.35 * hump(p.x * p.x * 300.0);
        let top = m.upper + 0.050 * m.full.sqrt() * bow * m.full;
        let bottom = m.lower - 0.078 * m.full;
        let ends = inside((1.0 - m.t.abs()) * self.mouth_half + 0.01);
        let lips = inside(top - p.y) * inside(p.y - bottom) * ends;
        let shade = if p.y > m.centre { 0.86 } else { 1.04 };
        s.albedo = s.albedo.mix(self.lips * shade, 0.88 * lips);
        s.gloss = mix(s.gloss, 0.13, lips);
        // The parting of the lips, and what is behind it.
        let (upper, lower) = (m.upper + 0.012, m.lower - 0.012);
        let open = inside(upper - p.y) * inside(p.y - lower) * ends;
        let line = open * mix(0.80, 1.0, smoothstep(0.0, 0.05, self.gap));
        let mut mouth = vec3(0.085, 0.018, 0.020);
        let tongue =
            inside(lower + 0.45 * self.gap * m.full - p.y) * smoothstep(0.06, 0.12, self.gap);
        mouth = mouth.mix(vec3(0.38, 0.08, 0.09), tongue);
        let teeth = inside(p.y - upper + (0.028 + 0.25 * self.gap) * m.full)
            * smoothstep(0.025, 0.075, self.gap)
            * smoothstep(-0.01, 0.05, self.smile);
        mouth = mouth.mix(
            vec3(0.80, 0.77, 0.72),
            teeth * smoothstep(1.0, 0.75, m.t.abs()),
        );
        s.albedo = s.albedo.mix(mouth, line);
        s.gloss *= 1.0 - line;
    }

    fn draw_brows(&self, s: &mut Surface, p: Vec3) {
        let t = (p.x.abs() - self.eye_x) / BROW_HALF;
        let middle = self.brow_y + self.brow_slope * t - 0.052 * t * t - 0.004 * t;
        let half = 0.040 * smoothstep(1.12, -0.4, t) + 0.010;
        let ends = inside((1.0 - t.abs()) * BROW_HALF + 0.01);
        let brow = smoothstep(half + SOFT, half - SOFT, (p.y - middle).abs()) * ends;
        s.albedo = s.albedo.mix(self.brow, 0.92 * brow);
        s.gloss *= 1.0 - brow;
    }

    fn draw_eye(&self, s: &mut Surface, p: Vec3) {
        let side = if p.x < 0.0 { -1.0 } else { 1.0 };
        let local = p.x.abs() - self.eye_x;
        let t = local / self.eye_half;
        if t.abs() > 1.5 {
            return;
        }
        // Outer corners lie a little higher.
        let y = p.y - 0.022 * t;
        let arch = 1.0 - t * t;
        let upper = self.upper_lid * arch * (1.0 - 0.12 * t);
        let lower = -self.lower_lid * arch;
        let slope = 2.0 * self.upper_lid * t / self.eye_half;
        let narrow = 1.0 / (1.0 + 0.5 * slope * slope).sqrt();
        let opening = inside((upper - y) * narrow)
            * inside((y - lower) * narrow)
            * inside((1.0 - t.abs()) * self.eye_half);
        // Crease above the lid.
        let crease = upper + 0.050;
        let fold = smoothstep(0.034, 0.0, (y - crease).abs()) * smoothstep(1.15, 0.7, t.abs());
        s.albedo = s
            .albedo
            .mix(self.skin.by(vec3(0.52, 0.40, 0.38)), 0.42 * fold);
        // White, iris, pupil.
        let mut eye = vec3(0.86, 0.85, 0.84);
        let dx = local - side * self.gaze;
        let dy = y - 0.012;
        let r = (dx * dx + dy * dy).sqrt();
        let radius = 0.80 * self.upper_lid + 0.006;
        let lighter = smoothstep(0.05, -0.10, dy);
        let iris = self.iris * mix(0.75, 1.55, lighter);
        let iris = iris.mix(self.iris * 0.28, smoothstep(0.62, 1.0, r / radius) * 0.8);
        eye = eye.mix(iris, inside(radius - r));
        eye = eye.mix(vec3(0.008, 0.007, 0.008), inside(0.46 * radius - r));
        let (cx, cy) = (side * dx - self.catch_light.x, dy - self.catch_light.y);
        let glint = smoothstep(0.044, 0.016, (cx * cx + cy * cy).sqrt());
        let shadow = mix(0.50, 1.0, smoothstep(0.0, 0.10, upper - y));
        eye = eye * shadow;
        s.albedo = s.albedo.mix(eye, opening);
        s.gloss *= 1.0 - opening;
        // Lashes: a strong upper line that thickens outwards, a faint lower one.
        let thick = 0.017 + 0.010 * smoothstep(-0.8, 0.9, t);
        let upper_line = smoothstep(thick + 0.024, thick - 0.016, (y - upper - 0.010).abs())
            * smoothstep(1.18, 0.92, t.abs());
        let lower_line =
            smoothstep(0.036, 0.0, (y - lower + 0.008).abs()) * smoothstep(1.05, 0.6, t.abs());
        s.albedo = s.albedo.mix(self.lash, 0.94 * upper_line);
        s.albedo = s
            .albedo
            .mix(self.skin.by(vec3(0.40, 0.28, 0.27)), 0.45 * lower_line);
        s.albedo = s.albedo.mix(vec3(1.5, 1.5, 1.5), glint * opening);
    }
}

/// The mouth at one x.
struct Mouth {
    /// −1 at one corner, 1 at the other.
    t: f32,
    /// 1 in the middle, 0 at the corners.
    full: f32,
    centre: f32,
    upper: f32,
    lower: f32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::faces::FACTORS;

    /// A face with the named factors at the low or high end of their ranges by the bits of `corner`.
    fn at_corner(names: &[&str], corner: usize) -> Face {
        let mut face = Face::of_item(5, corner);
        for (bit, name) in names.iter().enumerate() {
            let index = FACTORS
                .iter()
                .position(|f| f.name == *name)
                .expect("a factor of this name");
            let (low, high) = FACTORS[index].range;
            if let Some(value) = face.value_mut(index) {
                *value = if corner >> bit & 1 == 0 { low } else { high };
            }
        }
        face
    }

    fn painted(face: &Face) -> (Head, Hair, Features) {
        let head = Head::new(face);
        let hair = Hair::new(face, &head);
        let features = Features::new(face, &head, &hair, vec3(0.0, 0.0, 1.0));
        (head, hair, features)
    }

    #[test]
    fn eyes_stay_on_the_front_of_the_face_and_apart() {
        for corner in 0..8 {
            let (head, _, f) = painted(&at_corner(
                &["Face width", "Eye size", "Eye spacing"],
                corner,
            ));
            assert!(
                f.eye_x + f.eye_half < 0.93 * head.half_width,
                "corner {corner}"
            );
            assert!(
                head.front(f.eye_x + f.eye_half, 0.0) > 0.25,
                "corner {corner}"
            );
            assert!(f.eye_x - f.eye_half > 0.03, "corner {corner}");
        }
    }

    #[test]
    fn brows_lie_between_lid_and_hair() {
        for corner in 0..256 {
            let names = [
                "Brow height",
                "Brow tilt",
                "Eye size",
                "Fringe",
                "Parting",
                "Curl",
                "Eye spacing",
                "Face width",
            ];
            let (head, hair, f) = painted(&at_corner(&names, corner));
            assert!(f.brow_y > f.upper_lid + 0.02, "corner {corner}");
            for x in [-f.eye_x, f.eye_x] {
                let y = f.brow_y + 0.04;
                let p = vec3(x, y, head.front(x, y));
                assert!(
                    hair.cover(p) < 0.0,
                    "corner {corner}: brow under the hair at {x}"
                );
            }
        }
    }

    #[test]
    fn a_beard_grows_on_the_jaw_and_leaves_eyes_and_lips_alone() {
        let mut face = at_corner(&["Beard"], 1);
        (face.beard, face.hair_colour, face.skin, face.mouth_opening) = (1.0, 0.0, 0.1, 0.0);
        let (head, _, f) = painted(&face);
        let red = |x: f32, y: f32| f.paint(vec3(x, y, head.front(x, y))).albedo.x;
        assert!(red(0.0, -0.88) < 0.2 && red(0.45, -0.6) < 0.2);
        assert!(red(0.0, 0.3) > 0.4 && red(0.0, -0.62) > 0.2);
    }
}
