//! What is done to a picture before an auto-encoder that learns to undo it sees it (Vincent et al. 2008 and 2010).
//!
//! Invariant: the same picture, strength and seed give the same corrupted picture; strength 0 leaves it as it is.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::ImageShape;
use crate::error::Error;

/// A kind of corruption.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corruption {
    /// Pixels chosen by chance become black; strength is their share.
    Masking,
    /// Normal noise is added to each value and the sum cut to its range; strength is the deviation, where the full range is 1.
    Gaussian,
    /// Pixels chosen by chance become black or white, in halves; strength is their share.
    SaltAndPepper,
}

impl Corruption {
    /// Every kind, in the order menus show them.
    pub const ALL: [Self; 3] = [Self::Masking, Self::Gaussian, Self::SaltAndPepper];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Masking => "masking",
            Self::Gaussian => "gaussian",
            Self::SaltAndPepper => "salt-and-pepper",
        }
    }

    /// The name in the window.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Masking => "Masking",
            Self::Gaussian => "Gaussian noise",
            Self::SaltAndPepper => "Salt and pepper",
        }
    }

    /// The picture `pixels`, of `shape`, corrupted with `strength`, 0 to 1.
    ///
    /// # Panics
    /// When there are not as many values as the shape says.
    #[must_use]
    pub fn apply(self, pixels: &[u8], shape: ImageShape, strength: f32, seed: u64) -> Vec<u8> {
        self.apply_with(
            pixels,
            shape,
            strength,
            &mut ChaCha8Rng::seed_from_u64(seed),
        )
    }

    pub(crate) fn apply_with(
        self,
        pixels: &[u8],
        shape: ImageShape,
        strength: f32,
        chance: &mut ChaCha8Rng,
    ) -> Vec<u8> {
        assert_eq!(pixels.len(), shape.len(), "a picture of its shape");
        let mut pixels = pixels.to_vec();
        match self {
            Self::Masking => {
                for pixel in pixels.chunks_exact_mut(shape.channels) {
                    if chance.random::<f32>() < strength {
                        pixel.fill(0);
                    }
                }
            }
            Self::SaltAndPepper => {
                for pixel in pixels.chunks_exact_mut(shape.channels) {
                    let drawn = chance.random::<f32>();
                    if drawn < strength {
                        pixel.fill(if drawn < 0.5 * strength { 0 } else { 255 });
                    }
                }
            }
            Self::Gaussian => {
                for value in &mut pixels {
                    let noise: f32 = StandardNormal.sample(chance);
                    let noisy = f32::from(*value) + 255.0 * strength * noise;
                    *value = noisy.round().clamp(0.0, 255.0) as u8;
                }
            }
        }
        pixels
    }
}

impl std::fmt::Display for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Corruption {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                Error::usage(format!(
                    "there is no corruption {text}; choose from {names}"
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape::new(40, 50, 3);

    #[test]
    fn a_strength_is_the_share_of_pixels_or_the_deviation() {
        let grey = vec![128; SHAPE.len()];
        for kind in Corruption::ALL {
            assert_eq!(kind.apply(&grey, SHAPE, 0.0, 1), grey, "{kind}");
            let seen = kind.apply(&grey, SHAPE, 0.3, 1);
            assert_eq!(seen, kind.apply(&grey, SHAPE, 0.3, 1));
            assert_ne!(seen, kind.apply(&grey, SHAPE, 0.3, 2));
            let pixels = || seen.chunks(3);
            let share = |value: u8| {
                let whole = pixels().filter(|p| **p == [value; 3]).count();
                whole as f32 / 2000.0
            };
            match kind {
                Corruption::Masking => assert!((share(0) - 0.3).abs() < 0.04),
                Corruption::SaltAndPepper => {
                    assert!((share(0) - 0.15).abs() < 0.03 && (share(255) - 0.15).abs() < 0.03);
                }
                Corruption::Gaussian => {
                    let off = seen.iter().map(|x| (f32::from(*x) - 128.0) / 255.0);
                    let square: f32 = off.map(|x| x * x).sum::<f32>() / seen.len() as f32;
                    // A little is cut off.
                    assert!((square.sqrt() - 0.29).abs() < 0.02, "{}", square.sqrt());
                }
            }
        }
    }
}
