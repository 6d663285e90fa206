//! What a model is, as plain data: everything needed to rebuild its network and to train it again.
//!
//! Invariant: a [`ModelSpec`] that came through [`ModelSpec::check`] can be built into a network.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::{Dataset, ImageShape};
use crate::error::{Error, Result};

/// Highest version of the specification this program knows; files with a higher one are refused. What it writes has the
/// lowest version that says all of it, so that older programs read on what they can: 2 with binary codes, 3 with what came later, else 1.
pub const SPEC_VERSION: u32 = 3;

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
    /// Weight of the KL term, above 0; 1 is the evidence lower bound. Of no effect with codes that have no posterior.
    pub beta: f32,
    /// What is minimised beside reconstruction and KL.
    #[serde(default, skip_serializing_if = "Objective::is_plain")]
    pub objective: Objective,
    /// What bends the normal posterior into another shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Flow>,
    /// Where codes are taken to come from.
    #[serde(default, skip_serializing_if = "Prior::is_standard")]
    pub prior: Prior,
    /// The colours of pictures whose pixels are numbers of colours, sRGB; as many as a categorical likelihood has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub palette: Option<Vec<[u8; 3]>>,
    /// What a code says by name; see [`Condition`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// What codes say by name: the last numbers of each, `[0, 1]`. Encoder and decoder are told them, so that the numbers before them, the style,
/// need not say the same again (Sohn et al. 2015). A classifier that is trained along tells them of a picture whose are not known: with
/// classes this is model M2 of Kingma et al. (2014, arXiv 1406.5298), with attributes that of Yan et al. (2016, arXiv 1512.00570).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// What they are.
    pub kind: ConditionKind,
    /// Names of the classes or attributes.
    pub names: Vec<String>,
    /// Of attributes the values that 0 and 1 stand for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<(f32, f32)>,
}

/// What is said by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// One class of several: the numbers are shares that add up to 1.
    Class,
    /// Attributes, each by itself.
    Attributes,
}

impl Condition {
    /// The classes of `dataset`.
    ///
    /// # Errors
    /// When it has none, or too many.
    pub fn classes_of(dataset: &Dataset) -> Result<Self> {
        let Some(labels) = dataset.labels() else {
            return Err(Error::model(format!(
                "{} has no classes for a model to be conditioned on",
                dataset.name()
            ))
            .hint("take data with labels, such as digits, or name attributes, as --condition Yaw,Smile"));
        };
        if !(2..=128).contains(&labels.names.len()) {
            return Err(Error::model(format!(
                "{} has {} classes, and a model is conditioned on 2 to 128",
                dataset.name(),
                labels.names.len()
            )));
        }
        Ok(Self {
            kind: ConditionKind::Class,
            names: labels.names.clone(),
            ranges: Vec::new(),
        })
    }

    /// The factors or columns of numbers of `dataset` called `names`; all of its factors where there are no names.
    ///
    /// # Errors
    /// When one is missing, has gaps, or is the same for all items.
    pub fn attributes_of(dataset: &Dataset, names: &[String]) -> Result<Self> {
        let all: Vec<String> = dataset.factors().iter().map(|f| f.name.clone()).collect();
        let names = if names.is_empty() { &all } else { names };
        if names.is_empty() || names.len() > 128 {
            return Err(Error::model(format!(
                "{} has no attributes for a model to be conditioned on",
                dataset.name()
            ))
            .hint(
                "take data with factors, such as faces, or with a table of numbers beside them",
            ));
        }
        let mut ranges = Vec::new();
        for name in names {
            let Some(values) = dataset.numbers(name) else {
                return Err(
                    Error::model(format!("{} has no attribute {name}", dataset.name()))
                        .hint(format!("there are {}", all.join(", "))),
                );
            };
            let low = values.iter().copied().fold(f32::INFINITY, f32::min);
            let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let known = dataset.factors().iter().find(|f| &f.name == name);
            let range = known.map_or((low, high), |f| f.range);
            if values.iter().any(|v| !v.is_finite()) || range.0 >= range.1 {
                return Err(Error::model(format!(
                    "attribute {name} is not a number for every item, or the same for all"
                )));
            }
            ranges.push(range);
        }
        Ok(Self {
            kind: ConditionKind::Attributes,
            names: names.to_vec(),
            ranges,
        })
    }

    /// What is known of the items of `dataset`, `[n, names]`.
    ///
    /// # Errors
    /// When the data do not say what the model is conditioned on.
    pub fn values(&self, dataset: &Dataset) -> Result<Vec<f32>> {
        let width = self.names.len();
        let mut values = vec![0.0; dataset.len() * width];
        match self.kind {
            ConditionKind::Class => {
                let labels = dataset.labels().filter(|l| l.names == self.names);
                let labels = labels.ok_or_else(|| {
                    Error::model(format!(
                        "{} has not the classes that the model is conditioned on: {}",
                        dataset.name(),
                        self.names.join(", ")
                    ))
                })?;
                for (row, class) in values.chunks_exact_mut(width).zip(&labels.values) {
                    row[usize::from(*class)] = 1.0;
                }
            }
            ConditionKind::Attributes => {
                for (i, (name, (low, high))) in self.names.iter().zip(&self.ranges).enumerate() {
                    let numbers = dataset.numbers(name).ok_or_else(|| {
                        Error::model(format!("{} has no attribute {name}", dataset.name()))
                    })?;
                    for (row, x) in values.chunks_exact_mut(width).zip(numbers) {
                        row[i] = ((x - low) / (high - low)).clamp(0.0, 1.0);
                    }
                }
            }
        }
        Ok(values)
    }
}

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
    fn is_standard(&self) -> bool {
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
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a term looks at all items of a batch together, so that a batch cannot be worked off in slices.
    pub(super) fn is_of_the_batch(&self) -> bool {
        self.free_bits > 0.0 || self.total_correlation > 0.0 || self.adversary > 0.0
    }

    /// Whether the weights are in their ranges and fit codes of `kind`; the reason where they do not.
    fn misfit(&self, kind: CodeKind) -> Option<String> {
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
    fn is_posterior(&self) -> bool {
        *self == Self::Posterior
    }

    /// The first version of the specification that knows it.
    fn version(self) -> u32 {
        match self {
            Self::Posterior => 1,
            Self::Binary => 2,
            Self::Point | Self::Logistic => 3,
        }
    }
}

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
    fn is_rectified(&self) -> bool {
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

impl ModelSpec {
    /// Whether its codes are bits, 0 or 1 each.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.kind == CodeKind::Binary
    }

    /// Whether a picture has a distribution of codes, and with it a KL term and a bound on its likelihood.
    #[must_use]
    pub fn has_posterior(&self) -> bool {
        self.kind == CodeKind::Posterior
    }

    /// The lowest version of the specification that says all of it.
    fn needed_version(&self) -> u32 {
        let has_unit = matches!(&self.network, Network::Dense { unit, hidden } if *unit != Unit::Rectified || hidden.is_empty());
        let is_later = has_unit
            || matches!(
                self.network,
                Network::Pooled { .. } | Network::Stacked { .. }
            )
            || !self.objective.is_plain()
            || self.flow.is_some()
            || self.prior != Prior::Standard
            || self.condition.is_some()
            || self.palette.is_some();
        self.kind.version().max(if is_later { 3 } else { 1 })
    }

    /// Numbers of a code that are not said by name: its style.
    #[must_use]
    pub fn style(&self) -> usize {
        let named = self.condition.as_ref().map_or(0, |c| c.names.len());
        self.code.saturating_sub(named)
    }

    /// What number `index` of a code is called, where it has a name.
    #[must_use]
    pub fn number_name(&self, index: usize) -> Option<&str> {
        let named = index.checked_sub(self.style())?;
        let condition = self.condition.as_ref()?;
        condition.names.get(named).map(String::as_str)
    }

    /// The same, conditioned: a code grows by what it says by name.
    #[must_use]
    pub fn conditioned(self, condition: Condition) -> Self {
        let spec = Self {
            code: self.style() + condition.names.len(),
            condition: Some(condition),
            ..self
        };
        spec.of_needed_version()
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
        let is_categorical = match (self.likelihood, &self.palette) {
            (Likelihood::Categorical { colours }, Some(palette)) => {
                let fits = colours == palette.len() && (2..=512).contains(&colours);
                let is_dense = matches!(
                    self.network,
                    Network::Dense { .. } | Network::Stacked { .. }
                );
                if !fits || channels != 3 || !is_dense {
                    return refuse(
                        "a model of palette pictures is a dense one, of 2 to 512 colours".into(),
                    );
                }
                true
            }
            (Likelihood::Categorical { .. }, None) => {
                return refuse("a model of palette pictures needs their palette".into());
            }
            (_, Some(_)) => return refuse("a palette goes with categorical pixels".into()),
            (_, None) => false,
        };
        let widths: Vec<usize> = match &self.network {
            Network::Dense { hidden, .. } => hidden.clone(),
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
            Network::Pooled { stages, hidden, .. } => {
                self.check_pooling(stages)?;
                let channels = stages.iter().map(|s| s.channels);
                channels.chain(hidden.iter().copied()).collect()
            }
            Network::Stacked { hidden, .. } => {
                self.check_stack()?;
                hidden.clone()
            }
        };
        if widths.len() > 16 || widths.iter().any(|w| !(1..=8192).contains(w)) {
            return refuse("a network has up to 16 layers of 1 to 8192 units".into());
        }
        if let Some(reason) = self.objective.misfit(self.kind) {
            return refuse(reason);
        }
        if let Some(condition) = &self.condition {
            let named = condition.names.len();
            let has_ranges = match condition.kind {
                ConditionKind::Class => named >= 2,
                ConditionKind::Attributes => condition.ranges.len() == named,
            };
            if !self.has_posterior() || named == 0 || !has_ranges || self.code < named + 2 {
                return refuse(
                    "a condition has names, and a style of at least 2 numbers with a posterior beside them"
                        .into(),
                );
            }
            let plain = Objective {
                supervision: self.objective.supervision,
                ..Objective::default()
            };
            if self.flow.is_some() || self.prior != Prior::Standard || self.objective != plain {
                return refuse(
                    "a conditional model goes with the plain bound, without a flow and with the standard prior"
                        .into(),
                );
            }
        }
        if let Some(flow) = &self.flow
            && (!self.has_posterior()
                || !(1..=16).contains(&flow.steps)
                || !(1..=4096).contains(&flow.hidden))
        {
            return refuse(
                "a flow bends a posterior, in 1 to 16 steps with 1 to 4096 hidden units".into(),
            );
        }
        if let Prior::Vamp { inputs } = self.prior
            && (!self.has_posterior() || !(1..=5000).contains(&inputs))
        {
            return refuse(
                "a learnt prior needs a code with a posterior, and 1 to 5000 learnt pictures"
                    .into(),
            );
        }
        if is_categorical && self.objective.contraction > 0.0 {
            return refuse(
                "contraction is measured on pixels that can move, not on palette pictures".into(),
            );
        }
        let is_bent = self.flow.is_some() || self.prior != Prior::Standard;
        if is_bent && (self.objective.samples > 1 || self.objective.total_correlation > 0.0) {
            return refuse(
                "several samples and total correlation go without a flow and with the standard prior"
                    .into(),
            );
        }
        if self.prior != Prior::Standard && self.objective.free_bits > 0.0 {
            return refuse("a learnt prior has no KL term per dimension for free bits".into());
        }
        if self.flow.is_some() && self.prior != Prior::Standard {
            return refuse("a flow goes with the standard normal prior".into());
        }
        Ok(self.of_needed_version())
    }

    /// Whether pictures can be pooled by `stages`, and the code goes with what is remembered of them.
    fn check_pooling(&self, stages: &[Pooling]) -> Result<()> {
        let refuse = |reason: String| Err(Error::model(reason));
        if !(1..=6).contains(&stages.len()) || stages.iter().any(|s| !matches!(s.kernel, 3 | 5)) {
            return refuse("pooling takes 1 to 6 stages with kernels of 3 or 5".into());
        }
        let least = 1 << stages.len();
        if self.shape.height.min(self.shape.width) < least {
            return Err(Error::model(format!(
                "{} stages of pooling need pictures of at least {least}×{least}, not {}",
                stages.len(),
                self.shape
            ))
            .hint("take larger pictures, or a dense network such as preset tiny"));
        }
        let has_likelihood = self.has_posterior() || self.condition.is_some();
        if self.remembers() && has_likelihood {
            return Err(Error::model(
                "with remembered switches a picture is not made of its code alone, so its code can have no posterior",
            )
            .hint("take a plain code, or --unpooling repetition"));
        }
        Ok(())
    }

    /// Whether the model can stand on the codes of the one below.
    fn check_stack(&self) -> Result<()> {
        let (Some(above), Some(beneath)) = (self.above(), self.beneath()) else {
            return Ok(());
        };
        let refuse = |reason: &str| Err(Error::model(reason));
        if !beneath.has_posterior() || beneath.condition.is_some() || beneath.beneath().is_some() {
            return Err(Error::model(
                "a model can stand on the codes of a variational auto-encoder only, one that is told nothing and stands on no other itself",
            )
            .hint("train such a one first, for instance by preset vae-200"));
        }
        if beneath.shape != self.shape
            || beneath.likelihood != self.likelihood
            || beneath.palette != self.palette
        {
            return refuse("a model takes the pictures of the one that it stands on");
        }
        if self.prior != Prior::Standard {
            return refuse("a model that stands on another has the standard normal prior");
        }
        if !self.has_posterior() {
            return refuse("the code of a model that stands on another has a posterior");
        }
        beneath.clone().check()?;
        above.check()?;
        Ok(())
    }

    /// The same dense network on the codes of `beneath` in place of pictures, each number of them with deviation `sigma`.
    ///
    /// # Errors
    /// When it is no dense network, or codes of `beneath` cannot be stood on.
    pub fn stacked_on(self, beneath: &Self, sigma: f32) -> Result<Self> {
        let Network::Dense { hidden, unit } = self.network else {
            return Err(Error::usage(
                "only a dense network can stand on the codes of another model",
            )
            .hint("choose preset semi-supervised or stacked"));
        };
        let spec = Self {
            shape: beneath.shape,
            likelihood: beneath.likelihood,
            palette: beneath.palette.clone(),
            network: Network::Stacked {
                beneath: Box::new(beneath.clone()),
                hidden,
                unit,
                sigma,
            },
            ..self
        };
        spec.check()
    }

    /// The model on whose codes this one stands, where it does.
    #[must_use]
    pub fn beneath(&self) -> Option<&Self> {
        match &self.network {
            Network::Stacked { beneath, .. } => Some(beneath),
            Network::Dense { .. } | Network::Conv { .. } | Network::Pooled { .. } => None,
        }
    }

    /// Of a model that stands on the codes of another the part above: a dense model of them, as if they were pictures of one row.
    pub(super) fn above(&self) -> Option<Self> {
        let Network::Stacked {
            beneath,
            hidden,
            unit,
            sigma,
        } = &self.network
        else {
            return None;
        };
        let spec = Self {
            shape: ImageShape::new(1, beneath.code, 1),
            network: Network::Dense {
                hidden: hidden.clone(),
                unit: *unit,
            },
            likelihood: Likelihood::Gaussian { sigma: *sigma },
            palette: None,
            ..self.clone()
        };
        Some(spec.of_needed_version())
    }

    /// How a pooled network unpools; nothing of others.
    #[must_use]
    pub fn unpooling(&self) -> Option<Unpooling> {
        match self.network {
            Network::Pooled { unpooling, .. } => Some(unpooling),
            Network::Dense { .. } | Network::Conv { .. } | Network::Stacked { .. } => None,
        }
    }

    /// The same pooled network with another unpooling.
    ///
    /// # Errors
    /// When it does not pool.
    pub fn unpooled_by(mut self, by: Unpooling) -> Result<Self> {
        match &mut self.network {
            Network::Pooled { unpooling, .. } => *unpooling = by,
            Network::Dense { .. } | Network::Conv { .. } | Network::Stacked { .. } => {
                return Err(Error::usage("only a network that pools has an unpooling")
                    .hint("choose preset pooled or pooled-repeat"));
            }
        }
        Ok(self)
    }

    /// Whether a reconstruction is made with more than the code: where each value was the largest of its field.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.unpooling() == Some(Unpooling::Switches)
    }

    /// Switches of a picture of a pooled network, each of which says one of four positions (2 bits); 0 of others.
    #[must_use]
    pub fn switches(&self) -> usize {
        let Network::Pooled { stages, .. } = &self.network else {
            return 0;
        };
        let halved =
            |n: usize, times: usize| n.div_ceil(1 << stages.len()) << (stages.len() - times);
        let of_stage = |(i, stage): (usize, &Pooling)| {
            halved(self.shape.height, i + 1) * halved(self.shape.width, i + 1) * stage.channels
        };
        stages.iter().enumerate().map(of_stage).sum()
    }

    /// The same with the lowest version that says all of it.
    pub(super) fn of_needed_version(self) -> Self {
        Self {
            version: self.needed_version(),
            ..self
        }
    }

    /// A short description such as `conv, 64×64×3, code of 32`.
    #[must_use]
    pub fn summary(&self) -> String {
        let network = match &self.network {
            Network::Dense { hidden, .. } if hidden.is_empty() => "one layer".to_owned(),
            Network::Dense { hidden, .. } => {
                let widths: Vec<String> = hidden.iter().map(ToString::to_string).collect();
                format!("dense {}", widths.join("-"))
            }
            Network::Conv { .. } => "convolutional".to_owned(),
            Network::Pooled { unpooling, .. } => {
                format!("convolutional with pooling, {}", unpooling.name())
            }
            Network::Stacked { beneath, .. } => {
                format!("on {} numbers of another model", beneath.code)
            }
        };
        let bits = if self.is_binary() { " bits" } else { "" };
        format!("{network}, {}, code of {}{bits}", self.shape, self.code)
    }
}
