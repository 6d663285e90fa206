//! Named starting points: a network with its objective, and how it is trained.
//!
//! Invariant: every preset gives a specification that a network can be built from, for pictures of any shape it takes.

use serde::{Deserialize, Serialize};

use super::config::TrainConfig;
use super::pretraining::{Pretraining, Teacher};
use super::spec::{
    CodeKind, Condition, Flow, Likelihood, ModelSpec, Network, Objective, Pooling, Prior, Stage,
    Unit, Unpooling,
};
use crate::data::{Corruption, Dataset, ImageShape};
use crate::error::{Error, Result};

/// Standard deviation of the numbers of a code that another model stands on.
const DEVIATION_BENEATH: f32 = 0.15;

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
    #[serde(rename = "mnist-2d")]
    Mnist2d,
    /// 784-1000-500-250-30 of logistic units with a linear code (Hinton and Salakhutdinov, Science 2006).
    #[serde(rename = "deep-30")]
    Deep30,
    /// The same with a code of 2.
    #[serde(rename = "deep-2")]
    Deep2,
    /// Learns to make clean pictures of corrupted ones (Vincent et al. 2010).
    Denoising,
    /// One logistic layer whose derivative is kept small (Rifai et al. 2011).
    Contractive,
    /// β-VAE (Higgins et al. 2017).
    #[serde(rename = "beta-vae")]
    Beta,
    /// β-TCVAE (Chen et al. 2018).
    #[serde(rename = "tc-vae")]
    TotalCorrelation,
    /// FactorVAE (Kim and Mnih 2018).
    #[serde(rename = "factor-vae")]
    Factor,
    /// 784-200-200-50 of tanh units with dynamic binarisation, as of the importance-weighted auto-encoder's paper (Burda et al. 2016).
    #[serde(rename = "vae-200")]
    Vae200,
    /// The same, trained on the importance-weighted bound of 50 samples.
    Iwae,
    /// Convolutional, with a posterior bent by inverse autoregressive flow (Kingma et al. 2016).
    Iaf,
    /// The same with two residual blocks per stage and the widest flow that was published.
    IafFull,
    /// With a learnt prior (Tomczak and Welling 2018).
    Vamp,
    /// Told the class of each picture, so that its code says the rest (Sohn et al. 2015).
    Conditional,
    /// Told attributes instead (Yan et al. 2016).
    Attributes,
    /// Told the classes of a few (model M2 of Kingma et al. 2014).
    SemiSupervised,
    /// The same on the codes of another model (M1+M2 of the same).
    Stacked,
    /// Pictures in the colours of a palette, one of them for each pixel; a code of 10, two of which are swept.
    Palette,
    /// Dense with 256 bits, layers scaled to the pictures.
    #[serde(rename = "binary-256")]
    Binary256,
    /// Dense 8192-4096-2048-1024-512 with 256 bits, as published for pictures of 32×32×3 (Krizhevsky and Hinton, ESANN 2011).
    #[serde(rename = "binary-256-full")]
    Binary256Full,
    /// Dense with 28 bits, short enough to address memory by (Salakhutdinov and Hinton, 2009).
    #[serde(rename = "hash-28")]
    Hash28,
    /// Max-pooling, undone by remembered switches (Zeiler and Fergus 2014).
    Pooled,
    /// Max-pooling, undone by repetition.
    PooledRepeat,
    /// Small and quick, for trying things out.
    Tiny,
}

impl Preset {
    /// Every preset, in the order menus show them.
    pub const ALL: [Self; 27] = [
        Self::Faces,
        Self::Digits,
        Self::MnistDense,
        Self::Mnist2d,
        Self::Deep30,
        Self::Deep2,
        Self::Denoising,
        Self::Contractive,
        Self::Beta,
        Self::TotalCorrelation,
        Self::Factor,
        Self::Vae200,
        Self::Iwae,
        Self::Iaf,
        Self::IafFull,
        Self::Vamp,
        Self::Conditional,
        Self::Attributes,
        Self::SemiSupervised,
        Self::Stacked,
        Self::Palette,
        Self::Binary256,
        Self::Binary256Full,
        Self::Hash28,
        Self::Pooled,
        Self::PooledRepeat,
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
            Self::Deep30 => "deep-30",
            Self::Deep2 => "deep-2",
            Self::Denoising => "denoising",
            Self::Contractive => "contractive",
            Self::Beta => "beta-vae",
            Self::TotalCorrelation => "tc-vae",
            Self::Factor => "factor-vae",
            Self::Vae200 => "vae-200",
            Self::Iwae => "iwae",
            Self::Iaf => "iaf",
            Self::IafFull => "iaf-full",
            Self::Vamp => "vamp",
            Self::Conditional => "conditional",
            Self::Attributes => "attributes",
            Self::SemiSupervised => "semi-supervised",
            Self::Stacked => "stacked",
            Self::Palette => "palette",
            Self::Binary256 => "binary-256",
            Self::Binary256Full => "binary-256-full",
            Self::Hash28 => "hash-28",
            Self::Pooled => "pooled",
            Self::PooledRepeat => "pooled-repeat",
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
            Self::Deep30 => "Deep auto-encoder 784-1000-500-250-30 of logistic units, plain code",
            Self::Deep2 => "The same with a plain code of 2",
            Self::Denoising => "Makes pictures whole of which a share of the pixels is masked",
            Self::Contractive => {
                "One layer of logistic units that give way little when the picture moves"
            }
            Self::Beta => {
                "VAE whose KL term weighs 4 times: dimensions that stand for one thing each"
            }
            Self::TotalCorrelation => "VAE whose total correlation weighs 6 times (β-TCVAE)",
            Self::Factor => "VAE whose total correlation a discriminator tells (FactorVAE)",
            Self::Vae200 => "Dense 784-200-200-50 with tanh units, dynamic binarisation",
            Self::Iwae => "The same, trained on the importance-weighted bound of 50 samples",
            Self::Iaf => {
                "Convolutional VAE whose posterior is bent by an inverse autoregressive flow"
            }
            Self::IafFull => "The same with the flow of the paper, 8 steps of 1920 units; slow",
            Self::Vamp => "VAE whose prior is learnt: a mixture of posteriors of learnt pictures",
            Self::Conditional => "VAE that is told the class: style and class apart",
            Self::Attributes => {
                "VAE that is told named attributes: sliders with names beside those of style"
            }
            Self::SemiSupervised => {
                "VAE that is told the class of 100 pictures and finds out the others (M2)"
            }
            Self::Stacked => {
                "The same on the codes of a model trained before, which stays as it is (M1+M2)"
            }
            Self::Palette => {
                "For palette pictures such as creatures: one colour of it for each pixel, code of 10"
            }
            Self::Binary256 => "Dense, code of 256 bits: similar pictures differ in few",
            Self::Binary256Full => {
                "Dense 8192-4096-2048-1024-512, code of 256 bits; large and slow"
            }
            Self::Hash28 => "Dense, code of 28 bits: a short list of similar pictures at once",
            Self::Pooled => {
                "Convolution and max-pooling, undone by remembered switches; plain code of 16"
            }
            Self::PooledRepeat => "The same, undone by repetition: of the code alone",
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

    /// The same where the preset may stand on the codes of `model`.
    ///
    /// # Errors
    /// As [`Self::spec_for`], and when codes of `model` cannot be stood on.
    pub fn spec_upon(self, dataset: &Dataset, model: Option<&ModelSpec>) -> Result<ModelSpec> {
        if self != Self::Stacked {
            return self.spec_for(dataset);
        }
        let model = model.ok_or_else(|| {
            Error::usage("preset stacked stands on the codes of a model trained before").hint(
                "open such a model of these pictures, or name it with --from; preset vae-200 trains one",
            )
        })?;
        let spec = self.spec(dataset.shape());
        let condition = Condition::classes_of(dataset)?;
        spec.conditioned(condition)
            .stacked_on(model, DEVIATION_BENEATH)
    }

    /// The standard deviation of what the decoder makes of pictures of `shape`, where it is taken as normally distributed.
    #[must_use]
    pub fn deviation(self, shape: ImageShape) -> Option<f32> {
        if self == Self::Stacked {
            return Some(DEVIATION_BENEATH);
        }
        self.spec(shape).deviation()
    }

    /// The specification for `dataset`: for its shape, and conditioned on what it says of its items where the preset is conditional.
    ///
    /// # Errors
    /// When the data do not say what the preset needs; the reason says what would fit.
    pub fn spec_for(self, dataset: &Dataset) -> Result<ModelSpec> {
        let spec = self.spec(dataset.shape());
        if self == Self::Palette {
            let palette = dataset
                .palette()
                .filter(|palette| palette.colours().len() <= 512);
            let palette = palette.ok_or_else(|| {
                Error::model(format!(
                    "{} are no pictures in the colours of a palette of at most 512",
                    dataset.name()
                ))
                .hint("take creatures, or rows of palette indices with a colour map beside them")
            })?;
            let colours = palette.colours().to_vec();
            let spec = ModelSpec {
                likelihood: Likelihood::Categorical {
                    colours: colours.len(),
                },
                palette: Some(colours),
                ..spec
            };
            return spec.check();
        }
        if self == Self::Stacked {
            return self.spec_upon(dataset, None);
        }
        let condition = match self {
            Self::Conditional | Self::SemiSupervised => Condition::classes_of(dataset)?,
            Self::Attributes => Condition::attributes_of(dataset, &[])?,
            _ => return Ok(spec),
        };
        Ok(spec.conditioned(condition))
    }

    /// The specification for pictures of `shape`, not yet conditioned on anything.
    #[must_use]
    pub fn spec(self, shape: ImageShape) -> ModelSpec {
        let likelihood = match self {
            Self::MnistDense | Self::Vae200 | Self::Iwae => Likelihood::BinarizedBernoulli,
            Self::Iaf | Self::IafFull if shape.channels == 1 => Likelihood::BinarizedBernoulli,
            _ if shape.channels == 1 => Likelihood::Bernoulli,
            _ => Likelihood::Gaussian { sigma: 0.1 },
        };
        let of_unit = |hidden: &[usize], unit| Network::Dense {
            hidden: hidden.to_vec(),
            unit,
        };
        let dense = |hidden: &[usize]| of_unit(hidden, Unit::Rectified);
        let (network, code) = match self {
            Self::Faces => (conv_for(shape, &[32, 64, 128, 192], &[256]), 32),
            Self::Digits => (conv_for(shape, &[24, 32, 64, 128], &[128]), 16),
            Self::MnistDense => (dense(&[400]), 20),
            Self::Mnist2d => (dense(&[512, 256]), 2),
            Self::Deep30 => (of_unit(&[1000, 500, 250], Unit::Logistic), 30),
            Self::Deep2 => (of_unit(&[1000, 500, 250], Unit::Logistic), 2),
            Self::Denoising => (dense(&[1000, 500]), 64),
            Self::Contractive => (dense(&[]), 128),
            // Feature maps, dense layer and code as of the flow's paper.
            Self::Iaf | Self::IafFull if Self::for_shape(shape) == Self::Digits => {
                let network = conv_for(shape, &[16, 16, 32, 32], &[450]);
                let first = 1 + usize::from(self == Self::IafFull);
                (with_blocks(network, &[first, 2, 2, 2]), 32)
            }
            // What is told by name says more together than by itself: where glasses are depends on how the head is turned. Thin lines take
            // several blocks where positions are close.
            Self::Attributes if shape.channels == 3 => {
                let network = conv_for(shape, &[32, 64, 128, 192], &[512, 512]);
                (with_blocks(network, &[2, 2, 2, 1]), 8)
            }
            // What the pictures ask for, and an objective of one's own.
            Self::Beta
            | Self::TotalCorrelation
            | Self::Factor
            | Self::Iaf
            | Self::IafFull
            | Self::Vamp
            | Self::Conditional
            | Self::Attributes => {
                let like = Self::for_shape(shape).spec(shape);
                (like.network, like.code)
            }
            Self::Vae200 | Self::Iwae => (of_unit(&[200, 200], Unit::Tanh), 50),
            // A style of few numbers leaves to the class what it can say.
            Self::SemiSupervised => (of_unit(&[500], Unit::Softplus), 5),
            Self::Stacked => (of_unit(&[500], Unit::Softplus), 12),
            Self::Palette => (dense(&[256]), 10),
            Self::Binary256 => (dense(&halving(shape, 512)), 256),
            Self::Binary256Full => (dense(&[8192, 4096, 2048, 1024, 512]), 256),
            Self::Hash28 => (dense(&halving(shape, 256)), 28),
            Self::Pooled => (pooling_for(shape, Unpooling::Switches), 16),
            Self::PooledRepeat => (pooling_for(shape, Unpooling::Repetition), 16),
            Self::Tiny => (dense(&[64]), 4),
        };
        let kind = match self {
            Self::Binary256 | Self::Binary256Full | Self::Hash28 => CodeKind::Binary,
            Self::Deep30 | Self::Deep2 | Self::Denoising | Self::Pooled | Self::PooledRepeat => {
                CodeKind::Point
            }
            Self::Contractive => CodeKind::Logistic,
            _ => CodeKind::Posterior,
        };
        let plain = Objective::default();
        let objective = match self {
            Self::Contractive => Objective {
                contraction: 0.1,
                ..plain
            },
            Self::TotalCorrelation => Objective {
                total_correlation: 5.0,
                ..plain
            },
            Self::Factor => Objective {
                adversary: 10.0,
                ..plain
            },
            Self::SemiSupervised | Self::Stacked => Objective {
                supervision: 10.0,
                ..plain
            },
            Self::Iwae => Objective {
                samples: 50,
                ..plain
            },
            _ => plain,
        };
        let flow = match self {
            Self::Iaf => Some(Flow {
                steps: 4,
                hidden: 320,
            }),
            Self::IafFull => Some(Flow {
                steps: 8,
                hidden: 1920,
            }),
            _ => None,
        };
        let prior = match self {
            Self::Vamp => Prior::Vamp { inputs: 200 },
            _ => Prior::Standard,
        };
        ModelSpec {
            version: 1,
            shape,
            code,
            kind,
            network,
            likelihood,
            beta: match self {
                Self::Beta => 4.0,
                // A style of few numbers that cost much leaves to the names what they can say, beside the sharp likelihood of colour pixels.
                Self::Attributes if shape.channels == 3 => 20.0,
                _ => 1.0,
            },
            objective,
            flow,
            prior,
            palette: None,
            condition: None,
        }
        .of_needed_version()
    }

    /// How to train it, on pictures of `shape`.
    #[must_use]
    pub fn training(self, shape: ImageShape) -> TrainConfig {
        let like = match self {
            Self::Beta
            | Self::TotalCorrelation
            | Self::Factor
            | Self::Vamp
            | Self::Conditional
            | Self::Attributes => Self::for_shape(shape),
            Self::Iaf | Self::IafFull if Self::for_shape(shape) == Self::Faces => Self::Faces,
            other => other,
        };
        let (batch, learning_rate) = match like {
            Self::Faces => (16, 2e-3),
            Self::Tiny => (32, 3e-3),
            Self::Palette => (50, 1e-3),
            Self::SemiSupervised | Self::Stacked => (100, 1e-3),
            Self::Binary256Full => (128, 3e-4),
            Self::Iaf | Self::IafFull => (100, 2e-3),
            _ => (128, 1e-3),
        };
        // The total correlation is estimated from a batch: of few items it says little.
        let batch = match self {
            Self::TotalCorrelation | Self::Factor => batch.max(64),
            _ => batch,
        };
        let (epochs, warm_up) = match like {
            // The decoder learns without the encoder for most of the time: it has the longest way to go.
            Self::Faces if self == Self::Attributes => (24, 20.0),
            Self::Faces => (36, 8.0),
            Self::Digits => (30, 2.0),
            Self::MnistDense | Self::Vae200 | Self::Iwae => (50, 0.0),
            Self::SemiSupervised => (12, 4.0),
            Self::Stacked => (28, 14.0),
            Self::Mnist2d => (50, 2.0),
            Self::Deep30 | Self::Deep2 => (100, 0.0),
            Self::Binary256Full => (30, 0.0),
            Self::Palette => (150, 20.0),
            Self::Iaf | Self::IafFull => (100, 10.0),
            Self::Tiny => (5, 1.0),
            _ => (20, 0.0),
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
            corruption: (self == Self::Denoising).then_some((Corruption::Masking, 0.5)),
            labels: matches!(self, Self::SemiSupervised | Self::Stacked).then_some(100),
            pretraining: matches!(self, Self::Deep30 | Self::Deep2).then_some(Pretraining {
                teacher: Teacher::Boltzmann,
                epochs: 10,
            }),
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

/// Poolings that bring the longer side down to about 5 to 10 positions, as many as the shorter side allows.
fn pooling_for(shape: ImageShape, unpooling: Unpooling) -> Network {
    let most = shape.height.min(shape.width).max(2).ilog2() as usize;
    let channels: &[usize] = match shape.height.max(shape.width) {
        0..=40 => &[16, 32],
        41..=80 => &[16, 32, 64],
        81..=160 => &[16, 32, 64, 64],
        _ => &[16, 32, 64, 64, 64],
    };
    let stage = |&channels| Pooling {
        kernel: 3,
        channels,
    };
    Network::Pooled {
        stages: channels.iter().take(most).map(stage).collect(),
        hidden: Vec::new(),
        unpooling,
    }
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

/// A convolutional network with so many residual blocks at each of its stages.
fn with_blocks(mut network: Network, blocks: &[usize]) -> Network {
    if let Network::Conv { stages, .. } = &mut network {
        for (stage, blocks) in stages.iter_mut().zip(blocks) {
            stage.blocks = *blocks;
        }
    }
    network
}
