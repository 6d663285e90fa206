//! What one portrait is made of: the table of factors, their ranges and how they are drawn.
//!
//! Invariant: factors are independent of each other, and every combination inside the ranges gives a whole face.

use rand::{Rng, RngExt};

/// One factor of variation as the rest of the program sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FactorInfo {
    /// What it is called, in sentence case.
    pub name: &'static str,
    /// Smallest and largest value.
    pub range: (f32, f32),
}

/// Declares [`Face`], [`FACTORS`] and the draws from one table.
macro_rules! factors {
    ($($(#[doc = $doc:literal])+ $field:ident: $name:literal, $low:literal..$high:literal, $draw:ident;)+) => {
        /// The factor values of one portrait.
        #[derive(Clone, PartialEq, Debug)]
        pub struct Face {
            $($(#[doc = $doc])+ pub $field: f32,)+
        }

        /// All factors, in the order of [`Face::values`].
        pub const FACTORS: &[FactorInfo] = &[$(FactorInfo { name: $name, range: ($low, $high) },)+];

        impl Face {
            /// A portrait with every factor drawn by chance.
            pub fn sample(rng: &mut impl Rng) -> Self {
                Self { $($field: $draw(rng, $low, $high),)+ }
            }

            /// The values in the order of [`FACTORS`].
            pub fn values(&self) -> [f32; FACTORS.len()] {
                [$(self.$field),+]
            }

            /// The value of factor `index` of [`FACTORS`], to be changed; `None` beyond the last.
            pub fn value_mut(&mut self, index: usize) -> Option<&mut f32> {
                [$(&mut self.$field),+].into_iter().nth(index)
            }
        }
    };
}

factors! {
    /// Turn of the head in degrees; positive to the viewer's right.
    yaw: "Yaw", -35.0..35.0, central;
    /// Nod of the head in degrees; positive looks up.
    pitch: "Pitch", -15.0..15.0, central;
    /// Lean of the head in degrees; positive to the viewer's left.
    tilt: "Tilt", -9.0..9.0, central;
    /// Where the light comes from in degrees; positive from the viewer's right.
    light_azimuth: "Light azimuth", -65.0..65.0, even;
    /// Height of the light in degrees.
    light_elevation: "Light elevation", 10.0..60.0, even;
    /// From porcelain (0) to deep brown (1).
    skin: "Skin tone", 0.0..1.0, even;
    /// From narrow to wide.
    face_width: "Face width", -1.0..1.0, even;
    /// From pointed to square.
    jaw: "Jaw", -1.0..1.0, even;
    /// From small to large.
    eye_size: "Eye size", -1.0..1.0, even;
    /// From close to wide apart.
    eye_spacing: "Eye spacing", -1.0..1.0, even;
    /// Iris from dark brown (0) over hazel and green to blue (1).
    eye_colour: "Eye colour", 0.0..1.0, even;
    /// Where the eyes look; positive to the viewer's right.
    gaze: "Gaze", -1.0..1.0, central;
    /// From low to raised.
    brow_height: "Brow height", -1.0..1.0, even;
    /// From worried to stern.
    brow_tilt: "Brow tilt", -1.0..1.0, even;
    /// From small to large.
    nose_size: "Nose size", -1.0..1.0, even;
    /// From narrow to wide.
    mouth_width: "Mouth width", -1.0..1.0, even;
    /// From a frown (−1) to a broad smile (1).
    smile: "Smile", -1.0..1.0, cheerful;
    /// From closed lips (0) to an open mouth (1).
    mouth_opening: "Mouth opening", 0.0..1.0, often_none;
    /// From cropped (0) over chin-long to below the shoulders (1).
    hair_length: "Hair length", 0.0..1.0, even;
    /// From flat to full.
    hair_volume: "Hair volume", 0.0..1.0, even;
    /// From a high forehead (0) to a fringe just above the brows (1).
    fringe: "Fringe", 0.0..1.0, even;
    /// Which side the hair is parted on; positive on the viewer's right.
    parting: "Parting", -1.0..1.0, even;
    /// From straight to curly.
    curl: "Curl", 0.0..1.0, even;
    /// Black, brown, chestnut, copper, gold, platinum, silver, then rose, violet and teal.
    hair_colour: "Hair colour", 0.0..1.0, even;
    /// Whether glasses are worn (0 or 1; between, they fade).
    glasses: "Glasses", 0.0..1.0, now_and_then;
    /// From shaven (0) over stubble to a full beard (1).
    beard: "Beard", 0.0..1.0, often_none;
    /// Hue of the background in degrees around the colour circle.
    background: "Background hue", 0.0..360.0, even;
    /// Hue of the shirt in degrees around the colour circle.
    shirt: "Shirt hue", 0.0..360.0, even;
}

fn even(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// The middle is most likely.
fn central(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    let t = rng.random::<f32>() * 0.6 + rng.random::<f32>() * 0.4;
    low + (high - low) * t
}

/// The upper half is more likely.
fn cheerful(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    let t = rng.random::<f32>();
    low + (high - low) * t.sqrt()
}

/// The lowest value half of the time, else even.
fn often_none(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * (rng.random::<f32>() * 2.0 - 1.0).max(0.0)
}

/// The highest value a third of the time, else the lowest.
fn now_and_then(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    if rng.random::<f32>() < 1.0 / 3.0 {
        high
    } else {
        low
    }
}
