//! What a model is, as plain data: everything needed to rebuild its network and to train it again.
//!
//! Invariant: a [`ModelSpec`] that came through [`ModelSpec::check`] can be built into a network.

mod condition;
mod network;
mod objective;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::ImageShape;
use crate::error::{Error, Result};

pub use condition::{Condition, ConditionKind};
pub use network::{Network, Pooling, Stage, Unit, Unpooling};
pub use objective::{CodeKind, Flow, Likelihood, Objective, Prior};

/// Highest version of the specification this program knows; files with a higher one are refused. What it writes has the
/// lowest version that says all of it, so that older programs read on what they can: 2 with binary codes, 3 with families that came later, 4 with attributes
/// told as waves, else 1.
pub const SPEC_VERSION: u32 = 4;

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
        let octaves = self.condition.as_ref().map_or(0, |c| c.octaves);
        let version = match (octaves, is_later) {
            (1.., _) => 4,
            (0, true) => 3,
            (0, false) => 1,
        };
        self.kind.version().max(version)
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
                ConditionKind::Class => named >= 2 && condition.octaves == 0,
                ConditionKind::Attributes => condition.ranges.len() == named,
            };
            if condition.octaves > Condition::MOST_OCTAVES {
                return refuse(format!(
                    "attributes are told by at most {} octaves of waves",
                    Condition::MOST_OCTAVES
                ));
            }
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

    /// The standard deviation of what the decoder makes, where it is taken as normally distributed: of pixels, or of the numbers of the codes
    /// that the model stands on.
    #[must_use]
    pub fn deviation(&self) -> Option<f32> {
        match (&self.network, self.likelihood) {
            (Network::Stacked { sigma, .. }, _) => Some(*sigma),
            (_, Likelihood::Gaussian { sigma }) => Some(sigma),
            _ => None,
        }
    }

    /// The same with this standard deviation, above 0; of no effect where there is none.
    #[must_use]
    pub fn with_deviation(mut self, deviation: f32) -> Self {
        match (&mut self.network, &mut self.likelihood) {
            (Network::Stacked { sigma, .. }, _) | (_, Likelihood::Gaussian { sigma }) => {
                *sigma = deviation;
            }
            _ => {}
        }
        self
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
