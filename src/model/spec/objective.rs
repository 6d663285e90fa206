//! What is minimised: likelihood, what weighs beside it, what codes are and where they are taken to come from.

use serde::{Deserialize, Serialize};

/// An inverse autoregressive flow (Kingma et al. 2016, arXiv 1606.04934): each step takes a code `z` to `σ ⊙ z + (1 − σ) ⊙ m`, where
/// gate `σ` and shift `m` of a number depend on the picture and on the numbers before it alone, so that the logarithm of the density
/// falls by `Σ log σ`. The order of the numbers turns round from step to step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// Steps, 1 to 16.
    pub steps: usize,
    /// Units of the hidden layer of each step's autoregressive network (Germain et al. 2015).
    pub hidden: usize,
}

impl Flow {
    /// Units where nothing else is said.
    pub const HIDDEN: usize = 160;
}

/// The distribution that codes are drawn from before a picture is seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// Independent standard normal numbers.
    #[default]
    Standard,
    /// The mean of the posteriors of `inputs` pictures that are learnt along (Tomczak and Welling 2018, arXiv 1705.07120).
    Vamp {
        /// Learnt pictures.
        inputs: usize,
    },
}

impl Prior {
    pub(super) fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

/// What is minimised beside the reconstruction and the KL term; a weight of 0 leaves a term out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Objective {
    /// Codes drawn per item, 1 to 1000. More than one give the importance-weighted bound (Burda et al. 2016, arXiv 1509.00519), with the doubly
    /// reparameterised gradient of the encoder (Tucker et al. 2018, arXiv 1810.04152).
    pub samples: usize,
    /// Nats per dimension of the code below which its mean KL over a batch is not pressed further down (Kingma et al. 2016).
    pub free_bits: f32,
    /// Additional weight of the total correlation of the code, estimated from the batch by weighted sampling (Chen et al. 2018,
    /// arXiv 1802.04942): with `beta` 1 and `β − 1` here it is β-TCVAE.
    pub total_correlation: f32,
    /// Weight of the total correlation as a discriminator tells it that is trained along (Kim and Mnih 2018, arXiv 1802.05983): FactorVAE.
    pub adversary: f32,
    /// Weight of `‖∂h/∂x‖²`, the squared norm of the code's derivative by the picture (Rifai et al. 2011).
    pub contraction: f32,
    /// Weight of the sum of absolute values of a code's numbers (L1).
    pub sparsity: f32,
    /// Weight of the sum of squares of a code's numbers (L2).
    pub shrinkage: f32,
    /// Weight of what the classifier of a conditional model is off by on an item whose classes or attributes are known, nats.
    pub supervision: f32,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            samples: 1,
            free_bits: 0.0,
            total_correlation: 0.0,
            adversary: 0.0,
            contraction: 0.0,
            sparsity: 0.0,
            shrinkage: 0.0,
            supervision: 50.0,
        }
    }
}

impl Objective {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a term looks at all items of a batch together, so that a batch cannot be worked off in slices.
    pub(in crate::model) fn is_of_the_batch(&self) -> bool {
        self.free_bits > 0.0 || self.total_correlation > 0.0 || self.adversary > 0.0
    }

    /// Whether the weights are in their ranges and fit codes of `kind`; the reason where they do not.
    pub(super) fn misfit(&self, kind: CodeKind) -> Option<String> {
        let weights = [
            ("free bits", self.free_bits),
            ("total correlation", self.total_correlation),
            ("adversary", self.adversary),
            ("contraction", self.contraction),
            ("sparsity", self.sparsity),
            ("shrinkage", self.shrinkage),
            ("supervision", self.supervision),
        ];
        if let Some((name, weight)) = weights
            .into_iter()
            .find(|(_, w)| !(w.is_finite() && *w >= 0.0))
        {
            return Some(format!("{name} has to be 0 or above, not {weight}"));
        }
        if !(1..=1000).contains(&self.samples) {
            return Some(format!(
                "1 to 1000 codes are drawn per item, not {}",
                self.samples
            ));
        }
        let of_posterior = self.samples > 1
            || self.free_bits > 0.0
            || self.total_correlation > 0.0
            || self.adversary > 0.0;
        if of_posterior && kind != CodeKind::Posterior {
            return Some(
                "several samples, free bits and total correlation need a code with a posterior"
                    .into(),
            );
        }
        let alone = self.free_bits + self.total_correlation + self.adversary;
        if self.samples > 1 && alone > 0.0 {
            return Some("the importance-weighted bound has no KL term for free bits or total correlation to change".into());
        }
        if self.contraction > 0.0 && !matches!(kind, CodeKind::Point | CodeKind::Logistic) {
            return Some("contraction needs a code that is a point or logistic units".into());
        }
        None
    }
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
    /// Linear units, as they are: a plain auto-encoder.
    Point,
    /// Logistic units, 0 to 1 each.
    Logistic,
}

impl CodeKind {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    pub(super) fn is_posterior(&self) -> bool {
        *self == Self::Posterior
    }

    /// The first version of the specification that knows it.
    pub(super) fn version(self) -> u32 {
        match self {
            Self::Posterior => 1,
            Self::Binary => 2,
            Self::Point | Self::Logistic => 3,
        }
    }
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
    /// One colour of a palette for each pixel, by a soft-max over all of them: what is between two colours is not a colour between them.
    Categorical {
        /// Colours of the palette.
        colours: usize,
    },
}
