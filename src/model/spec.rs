//! What a model is, as plain data: everything needed to rebuild its network and to train it again.
//!
//! Invariant: a [`ModelSpec`] that came through [`ModelSpec::check`] can be built into a network.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::ImageShape;
use crate::error::{Error, Result};

/// Highest version of the specification this program knows; files with a higher one are refused. What it writes has the
/// lowest version that says all of it, so that older programs read on what they can: 2 with binary codes, else 1.
pub const SPEC_VERSION: u32 = 2;

/// Everything needed to rebuild a network.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ModelSpec {
    /// Version of this specification, at most [`SPEC_VERSION`].
    pub version: u32,
    /// The pictures it takes and gives.
    pub shape: ImageShape,
    /// Numbers per code, 2 to 256.
    pub code: usize,
    /// What these numbers are.
    #[serde(default, skip_serializing_if = "CodeKind::is_posterior")]
    pub kind: CodeKind,
    /// The kind of network between pictures and codes.
    pub network: Network,
    /// What the decoder's output means.
    pub likelihood: Likelihood,
    /// Weight of the KL term, above 0; 1 is the evidence lower bound. Of no effect with binary codes, which have none.
    pub beta: f32,
}

/// What the numbers of a code are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeKind {
    /// Mean and variance of an independent normal posterior each: a variational auto-encoder.
    #[default]
    Posterior,
    /// Bits, 0 or 1 each: a sigmoid's output, rounded, whose derivative is taken as if it were not (Krizhevsky and Hinton,
    /// ESANN 2011). The loss is the reconstruction alone.
    Binary,
}

impl CodeKind {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    fn is_posterior(&self) -> bool {
        *self == Self::Posterior
    }

    /// The first version of the specification that knows it.
    fn version(self) -> u32 {
        match self {
            Self::Posterior => 1,
            Self::Binary => 2,
        }
    }
}

/// The kind of network between pictures and codes; the decoder mirrors the encoder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Fully connected layers with rectified units.
    Dense {
        /// Units of each hidden layer of the encoder, from the picture inwards.
        hidden: Vec<usize>,
    },
    /// Convolutions over non-overlapping patches (stride equals kernel) with residual blocks between them, each a depthwise
    /// 3×3 and two 1×1 convolutions, so that nearly all of the work is large matrix products, on every device.
    Conv {
        /// From the picture inwards.
        stages: Vec<Stage>,
        /// Units of the fully connected layers between the last stage and the code, from the stage inwards.
        hidden: Vec<usize>,
    },
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

/// What the decoder's output means, and with it the reconstruction term.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Independent Bernoulli pixels; a grey value is taken as a probability.
    Bernoulli,
    /// As `Bernoulli`, with every pixel drawn to 0 or 1 anew each time it is used (dynamic binarisation).
    BinarizedBernoulli,
    /// Independent normal pixels around the output, in units where the full range of a pixel is 1.
    Gaussian {
        /// Standard deviation of the pixels.
        sigma: f32,
    },
}

impl ModelSpec {
    /// Whether its codes are bits, 0 or 1 each.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.kind == CodeKind::Binary
    }

    /// The specification in a JSON file.
    ///
    /// # Errors
    /// When the file cannot be read, is of a later version, or when no network can be built from it.
    pub fn read(path: &Path) -> Result<Self> {
        let json = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
        let bad = |e: serde_json::Error| Error::file(path, e.to_string());
        let raw: serde_json::Value = serde_json::from_str(&json).map_err(bad)?;
        let version = raw.get("version").and_then(serde_json::Value::as_u64);
        if let Some(version) = version.filter(|v| *v > u64::from(SPEC_VERSION)) {
            return Err(Error::newer_version(
                path,
                format!("it has the later version {version}"),
            ));
        }
        let spec: Self = serde_json::from_value(raw).map_err(bad)?;
        spec.check().map_err(|e| e.in_file(path))
    }

    /// The specification itself, if a network can be built from it.
    ///
    /// # Errors
    /// When a number is out of its range; the reason says which.
    pub fn check(self) -> Result<Self> {
        let refuse = |reason: String| Err(Error::model(reason));
        if self.version > SPEC_VERSION {
            return refuse(format!(
                "the model needs specification version {}, this program knows {SPEC_VERSION}; update Morphospace",
                self.version
            ));
        }
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        if !(1..=1024).contains(&height)
            || !(1..=1024).contains(&width)
            || !matches!(channels, 1 | 3)
        {
            return refuse(format!(
                "a model for {} pictures cannot be built",
                self.shape
            ));
        }
        if !(2..=256).contains(&self.code) {
            return refuse(format!("a code has 2 to 256 numbers, not {}", self.code));
        }
        if !(self.beta > 0.0 && self.beta.is_finite()) {
            return refuse(format!("beta has to be above 0, not {}", self.beta));
        }
        if let Likelihood::Gaussian { sigma } = self.likelihood
            && !(sigma > 0.0 && sigma.is_finite())
        {
            return refuse(format!("sigma has to be above 0, not {sigma}"));
        }
        let widths: Vec<usize> = match &self.network {
            Network::Dense { hidden } => hidden.clone(),
            Network::Conv { stages, hidden } => {
                if stages.is_empty()
                    || stages
                        .iter()
                        .any(|s| !(2..=16).contains(&s.patch) || s.blocks > 8)
                {
                    return refuse(
                        "convolutional stages need patches of 2 to 16 and at most 8 blocks".into(),
                    );
                }
                let channels = stages.iter().map(|s| s.channels);
                channels.chain(hidden.iter().copied()).collect()
            }
        };
        if widths.is_empty() || widths.len() > 16 || widths.iter().any(|w| !(1..=8192).contains(w))
        {
            return refuse("a network has 1 to 16 layers of 1 to 8192 units".into());
        }
        Ok(Self {
            version: self.version.max(self.kind.version()),
            ..self
        })
    }

    /// A short description such as `conv, 64×64×3, code of 32`.
    #[must_use]
    pub fn summary(&self) -> String {
        let network = match &self.network {
            Network::Dense { hidden } => {
                let widths: Vec<String> = hidden.iter().map(ToString::to_string).collect();
                format!("dense {}", widths.join("-"))
            }
            Network::Conv { .. } => "convolutional".to_owned(),
        };
        let bits = if self.is_binary() { " bits" } else { "" };
        format!("{network}, {}, code of {}{bits}", self.shape, self.code)
    }
}

/// How a model is trained.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Passes over the training items.
    pub epochs: usize,
    /// Items per step.
    pub batch: usize,
    /// Adam's step size at the start; it falls along a cosine.
    pub learning_rate: f64,
    /// Step size at the end.
    pub final_learning_rate: f64,
    /// Epochs over which the KL term's weight rises from 0 to `beta` where pixels are Bernoulli, and over which the
    /// deviation of Gaussian pixels falls to `sigma`; may be a fraction.
    pub warm_up: f32,
    /// Share of the items kept out of training to choose the best checkpoint, in `[0, 0.5]`.
    pub validation: f32,
    /// Largest norm of a step's gradient; larger ones are scaled down to it. 0 turns it off.
    pub clip: f32,
    /// Pixels, at most 32, by which the encoder sees each picture moved at random, up or down and left or right, while the decoder has
    /// to make it where it was: a denoising auto-encoder (Vincent et al. 2008) whose corruption is a shift, so that codes forget
    /// where a picture lies. 0 turns it off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shift: usize,
    /// Seed of initial weights, shuffling and noise.
    pub seed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(shift: &usize) -> bool {
    *shift == 0
}

impl TrainConfig {
    /// The configuration itself, if it can be followed.
    ///
    /// # Errors
    /// When a number is out of its range; the reason says which.
    pub fn check(self) -> Result<Self> {
        let refuse = |reason: &str| Err(Error::usage(reason));
        if !(1..=100_000).contains(&self.epochs) {
            return refuse("training takes 1 to 100,000 epochs");
        }
        if !(1..=65_536).contains(&self.batch) {
            return refuse("a batch has 1 to 65,536 items");
        }
        if self.shift > 32 {
            return refuse("pictures can be moved by at most 32 pixels");
        }
        let rates = [self.learning_rate, self.final_learning_rate];
        if rates
            .iter()
            .any(|r| !(r.is_finite() && (0.0..=1.0).contains(r)))
            || self.learning_rate <= 0.0
        {
            return refuse("the learning rate has to be above 0 and at most 1");
        }
        if !(0.0..=0.5).contains(&self.validation)
            || self.warm_up.is_nan()
            || self.warm_up < 0.0
            || self.clip.is_nan()
            || self.clip < 0.0
        {
            return refuse(
                "validation share, warm-up and gradient limit cannot be negative, and at most half is kept out",
            );
        }
        Ok(self)
    }
}

/// The loss terms of one moment, per item.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LossPoint {
    /// Training steps taken.
    pub step: u64,
    /// Epochs, with the fraction of the present one.
    pub epoch: f32,
    /// Negative log-likelihood of the pixels, nats per item (for Gaussian pixels without the constant).
    pub reconstruction: f32,
    /// KL of the posterior from the prior, nats per item; 0 with binary codes.
    pub kl: f32,
    /// Sum of the two terms over the validation items, at the end of an epoch.
    pub validation: Option<f32>,
}

/// A named starting point for a specification and its training.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Convolutional, for colour pictures such as the built-in portraits.
    Faces,
    /// Convolutional, for small grey pictures such as the built-in digits.
    Digits,
    /// 784-400-20 with dynamic binarisation, the classic VAE of MNIST.
    MnistDense,
    /// Dense with a code of 2, whose map is the code itself.
    Mnist2d,
    /// Dense with 256 bits, layers scaled to the pictures.
    #[serde(rename = "binary-256")]
    Binary256,
    /// Dense 8192-4096-2048-1024-512 with 256 bits, as published for pictures of 32×32×3 (Krizhevsky and Hinton, ESANN 2011).
    #[serde(rename = "binary-256-full")]
    Binary256Full,
    /// Dense with 28 bits, short enough to address memory by (Salakhutdinov and Hinton, 2009).
    #[serde(rename = "hash-28")]
    Hash28,
    /// Small and quick, for trying things out.
    Tiny,
}

impl Preset {
    /// Every preset, in the order menus show them.
    pub const ALL: [Self; 8] = [
        Self::Faces,
        Self::Digits,
        Self::MnistDense,
        Self::Mnist2d,
        Self::Binary256,
        Self::Binary256Full,
        Self::Hash28,
        Self::Tiny,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Faces => "faces",
            Self::Digits => "digits",
            Self::MnistDense => "mnist-dense",
            Self::Mnist2d => "mnist-2d",
            Self::Binary256 => "binary-256",
            Self::Binary256Full => "binary-256-full",
            Self::Hash28 => "hash-28",
            Self::Tiny => "tiny",
        }
    }

    /// One line for a menu.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Faces => "Convolutional, for colour pictures; code of 32",
            Self::Digits => "Convolutional, for small grey pictures; code of 16",
            Self::MnistDense => "Dense 784-400-20, dynamic binarisation",
            Self::Mnist2d => "Dense with a code of 2: the map is the code",
            Self::Binary256 => "Dense, code of 256 bits: similar pictures differ in few",
            Self::Binary256Full => {
                "Dense 8192-4096-2048-1024-512, code of 256 bits; large and slow"
            }
            Self::Hash28 => "Dense, code of 28 bits: a short list of similar pictures at once",
            Self::Tiny => "Small and quick, for trying things out",
        }
    }

    /// The preset that suits pictures of `shape`.
    #[must_use]
    pub fn for_shape(shape: ImageShape) -> Self {
        if shape.channels == 3 || shape.height.max(shape.width) > 40 {
            Self::Faces
        } else {
            Self::Digits
        }
    }

    /// The specification for pictures of `shape`.
    #[must_use]
    pub fn spec(self, shape: ImageShape) -> ModelSpec {
        let bernoulli = shape.channels == 1;
        let likelihood = match self {
            Self::MnistDense => Likelihood::BinarizedBernoulli,
            _ if bernoulli => Likelihood::Bernoulli,
            _ => Likelihood::Gaussian { sigma: 0.1 },
        };
        let dense = |hidden: &[usize]| Network::Dense {
            hidden: hidden.to_vec(),
        };
        let (network, code) = match self {
            Self::Faces => (conv_for(shape, &[32, 64, 128, 192], &[256]), 32),
            Self::Digits => (conv_for(shape, &[24, 32, 64, 128], &[128]), 16),
            Self::MnistDense => (dense(&[400]), 20),
            Self::Mnist2d => (dense(&[512, 256]), 2),
            Self::Binary256 => (dense(&halving(shape, 512)), 256),
            Self::Binary256Full => (dense(&[8192, 4096, 2048, 1024, 512]), 256),
            Self::Hash28 => (dense(&halving(shape, 256)), 28),
            Self::Tiny => (dense(&[64]), 4),
        };
        let kind = match self {
            Self::Binary256 | Self::Binary256Full | Self::Hash28 => CodeKind::Binary,
            _ => CodeKind::Posterior,
        };
        ModelSpec {
            version: kind.version(),
            shape,
            code,
            kind,
            network,
            likelihood,
            beta: 1.0,
        }
    }

    /// How to train it.
    #[must_use]
    pub fn training(self) -> TrainConfig {
        let (batch, learning_rate) = match self {
            Self::Faces => (16, 2e-3),
            Self::Tiny => (32, 3e-3),
            Self::Digits | Self::MnistDense | Self::Mnist2d | Self::Binary256 | Self::Hash28 => {
                (128, 1e-3)
            }
            Self::Binary256Full => (128, 3e-4),
        };
        let (epochs, warm_up) = match self {
            Self::Faces => (36, 8.0),
            Self::Digits => (30, 2.0),
            Self::MnistDense => (50, 0.0),
            Self::Mnist2d => (50, 2.0),
            Self::Binary256 | Self::Hash28 => (20, 0.0),
            Self::Binary256Full => (30, 0.0),
            Self::Tiny => (5, 1.0),
        };
        TrainConfig {
            epochs,
            batch,
            learning_rate,
            final_learning_rate: 1e-5,
            warm_up,
            validation: if self == Self::MnistDense { 0.0 } else { 0.05 },
            clip: if self == Self::MnistDense {
                0.0
            } else {
                1000.0
            },
            shift: 0,
            seed: 1,
        }
    }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == text)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|p| p.name()).collect();
                Error::usage(format!(
                    "there is no preset {text}; choose from {}",
                    names.join(", ")
                ))
            })
    }
}

/// Widths that halve down to `last`, from the power of two that holds the picture's values on, but at most 1024, so that some
/// thousand pictures are enough and train in minutes.
fn halving(shape: ImageShape, last: usize) -> Vec<usize> {
    let first = shape.len().next_power_of_two().clamp(last, 1024);
    std::iter::successors(Some(first), |width| Some(width / 2))
        .take_while(|width| *width >= last)
        .collect()
}

/// Stages that bring the longer side down to about 4 to 10 positions; with fewer than four of them, of the later
/// `channels`.
fn conv_for(shape: ImageShape, channels: &[usize; 4], hidden: &[usize]) -> Network {
    let longest = shape.height.max(shape.width);
    let patches: &[usize] = match longest {
        0..=16 => &[2],
        17..=40 => &[2, 2],
        41..=80 => &[2, 2, 2, 2],
        81..=160 => &[4, 2, 2, 2],
        161..=320 => &[8, 2, 2, 2],
        _ => &[16, 4, 2],
    };
    let channels = &channels[usize::from(patches.len() < 4)..];
    let stage = |(&patch, &channels)| Stage {
        patch,
        channels,
        blocks: 1,
    };
    Network::Conv {
        stages: patches.iter().zip(channels).map(stage).collect(),
        hidden: hidden.to_vec(),
    }
}
