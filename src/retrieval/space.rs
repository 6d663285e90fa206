//! The spaces in which distances are measured, by name.
//!
//! Invariant: a space is written and read by one name, on the command line and in files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where distances are measured.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Space {
    /// Euclidean distance between pixels, each in 0 to 255.
    Pixel,
    /// One minus the cosine of the angle between pixels, 0 to 1.
    PixelCosine,
    /// Euclidean distance between pixels from which each picture's mean was taken.
    PixelCentred,
    /// Euclidean distance between codes (posterior means).
    Code,
    /// One minus the cosine of the angle between codes, 0 to 2.
    CodeCosine,
    /// Euclidean distance between codes, each number divided by its standard deviation over the items.
    CodeScaled,
    /// Symmetric Kullback-Leibler divergence between posteriors, half the sum of both directions, nats.
    CodeKl,
    /// Bits that differ: those of a binary code, else whether each number of the code is above its median.
    Bits,
    /// Bits that differ after the rotation of the codes' principal components that iterative quantisation finds (Gong and
    /// Lazebnik, CVPR 2011).
    RotatedBits,
    /// Euclidean distance between principal components of the pixels, as many as the code has numbers: the fair linear
    /// opponent.
    Components,
    /// Euclidean distance between random projections of the pixels to as many numbers as the code has.
    Random,
}

impl Space {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 11] = [
        Self::Pixel,
        Self::PixelCosine,
        Self::PixelCentred,
        Self::Code,
        Self::CodeCosine,
        Self::CodeScaled,
        Self::CodeKl,
        Self::Bits,
        Self::RotatedBits,
        Self::Components,
        Self::Random,
    ];

    /// The name by which it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pixel => "pixel",
            Self::PixelCosine => "pixel-cosine",
            Self::PixelCentred => "pixel-centred",
            Self::Code => "code",
            Self::CodeCosine => "code-cosine",
            Self::CodeScaled => "code-scaled",
            Self::CodeKl => "code-kl",
            Self::Bits => "bits",
            Self::RotatedBits => "rotated-bits",
            Self::Components => "components",
            Self::Random => "random",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Pixel => "Pixel space",
            Self::PixelCosine => "Pixels, cosine",
            Self::PixelCentred => "Pixels less mean",
            Self::Code => "Code space",
            Self::CodeCosine => "Codes, cosine",
            Self::CodeScaled => "Codes, scaled",
            Self::CodeKl => "Posteriors, KL",
            Self::Bits => "Bits",
            Self::RotatedBits => "Bits, rotated",
            Self::Components => "Components",
            Self::Random => "Random axes",
        }
    }

    /// What is measured, in a sentence.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Pixel => "Euclidean distance between pixels",
            Self::PixelCosine => "Angle between pixels: brightness and contrast do not count",
            Self::PixelCentred => "Euclidean distance between pixels less each picture's mean",
            Self::Code => "Euclidean distance between codes",
            Self::CodeCosine => "Angle between codes",
            Self::CodeScaled => {
                "Euclidean distance between codes, each number in units of its spread"
            }
            Self::CodeKl => "Symmetric Kullback-Leibler divergence between posteriors",
            Self::Bits => "Bits that differ: a binary code's own, else above or below the median",
            Self::RotatedBits => "Bits that differ, after iterative quantisation",
            Self::Components => {
                "Euclidean distance between as many principal components of the pixels as the code has numbers"
            }
            Self::Random => {
                "Euclidean distance between as many random projections of the pixels as the code has numbers"
            }
        }
    }

    /// Whether distances follow from pixels and nothing else.
    #[must_use]
    pub fn is_of_pixels(self) -> bool {
        matches!(self, Self::Pixel | Self::PixelCosine | Self::PixelCentred)
    }

    /// Whether a model is needed: for its codes, or for how many numbers these have.
    #[must_use]
    pub fn needs_codes(self) -> bool {
        !self.is_of_pixels()
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Space {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|space| space.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|space| space.name()).collect();
            Error::usage(format!("there is no space called {text}")).hint(names.join(", "))
        })
    }
}
