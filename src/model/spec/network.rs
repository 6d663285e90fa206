//! The kinds of network between pictures and codes, their units and stages.

use serde::{Deserialize, Serialize};

use super::ModelSpec;
use crate::error::{Error, Result};

/// The kind of network between pictures and codes; the decoder mirrors the encoder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Fully connected layers.
    Dense {
        /// Units of each hidden layer of the encoder, from the picture inwards.
        hidden: Vec<usize>,
        /// What the hidden units are.
        #[serde(default, skip_serializing_if = "Unit::is_rectified")]
        unit: Unit,
    },
    /// Convolutions over non-overlapping patches (stride equals kernel) with residual blocks between them, each a depthwise
    /// 3×3 and two 1×1 convolutions, so that nearly all of the work is large matrix products, on every device.
    Conv {
        /// From the picture inwards.
        stages: Vec<Stage>,
        /// Units of the fully connected layers between the last stage and the code, from the stage inwards.
        hidden: Vec<usize>,
    },
    /// Convolutions with rectified units and max-pooling over fields of 2×2; in the decoder unpooling and convolutions (Zeiler and Fergus
    /// 2014, arXiv 1311.2901; Noh et al. 2015, arXiv 1505.04366).
    Pooled {
        /// From the picture inwards.
        stages: Vec<Pooling>,
        /// Units of the fully connected layers between the last stage and the code, from the stage inwards.
        hidden: Vec<usize>,
        /// How the decoder makes four positions of one.
        unpooling: Unpooling,
    },
    /// Fully connected layers on the codes of another model, which stays as it is: they stand in place of the pictures, seen as drawn anew from its
    /// posteriors in each step of training, their means taken as normally distributed around what the decoder makes of the code above. With classes it is M1+M2 of Kingma et
    /// al. (2014, arXiv 1406.5298).
    Stacked {
        /// The model below.
        beneath: Box<ModelSpec>,
        /// Units of each hidden layer of the encoder, from the codes below inwards.
        hidden: Vec<usize>,
        /// What the hidden units are.
        unit: Unit,
        /// Standard deviation of the numbers of a code below.
        sigma: f32,
    },
}

/// One stage of a pooled encoder: a convolution, and max-pooling that leaves a quarter of the positions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pooling {
    /// Edge of the kernel, 3 or 5; what it sees beyond the edge of the picture is 0.
    pub kernel: usize,
    /// Channels after it.
    pub channels: usize,
}

/// How a decoder makes four positions of one before it convolves them. The weights it needs are the same for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpooling {
    /// The value goes back to where it was the largest when the picture was encoded, with 0 elsewhere. The decoder then knows these
    /// positions beside the code, and a code by itself has none: its values go to the upper left.
    Switches,
    /// The value goes to all four.
    Repetition,
    /// The value goes to the upper left, with 0 elsewhere: with the convolution that follows a transposed convolution of stride 2 (Dumoulin
    /// and Visin 2016, arXiv 1603.07285).
    Transposed,
}

impl Unpooling {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Switches, Self::Repetition, Self::Transposed];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Switches => "switches",
            Self::Repetition => "repetition",
            Self::Transposed => "transposed",
        }
    }

    /// The name in the window.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Switches => "Switches",
            Self::Repetition => "Repetition",
            Self::Transposed => "Upper left",
        }
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Switches => {
                "Each value goes back to where it was the largest of its field: positions that the code does not hold"
            }
            Self::Repetition => "Each value goes to all four positions of its field",
            Self::Transposed => {
                "Each value goes to the upper left of its field, as in a transposed convolution and where switches are withheld"
            }
        }
    }
}

impl std::str::FromStr for Unpooling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|u| u.name() == text);
        found.ok_or_else(|| {
            Error::usage(format!(
                "there is no unpooling {text}; choose from switches, repetition, transposed"
            ))
        })
    }
}

/// What a unit makes of the sum that reaches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The sum where it is above 0, else 0.
    #[default]
    Rectified,
    /// `1 / (1 + exp(−x))`.
    Logistic,
    /// The hyperbolic tangent.
    Tanh,
    /// `log(1 + exp(x))`.
    Softplus,
}

impl Unit {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    pub(super) fn is_rectified(&self) -> bool {
        *self == Self::Rectified
    }
}

/// One step down in resolution of a convolutional encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// Edge of the patches that become one position, at least 2.
    pub patch: usize,
    /// Channels after it.
    pub channels: usize,
    /// Residual blocks at the new resolution.
    pub blocks: usize,
}
