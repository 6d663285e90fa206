//! How likely models take the same pictures to be, in one table, on request.
//!
//! Invariant: every row is of the same items, the same samples per item and the same seed.

use std::path::PathBuf;
use std::sync::Arc;

use super::core::Core;
use super::workshop::{Bench, Deliver, to_session};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Evaluation, Likelihood, ModelFile, ModelSpec, Prior, evaluate};
use crate::progress::Progress;
use crate::space::{LogLikelihood, PictureMixture};

/// What the measuring is called while it goes on.
pub const MEASURING_LIKELIHOODS: &str = "Measuring likelihoods";

/// Gaussians of the mixture, and the principal components they are on at most.
const MIXTURE: (usize, usize) = (10, 50);

/// What is measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LikelihoodPlan {
    /// Samples per item, at least 1.
    pub samples: usize,
    /// Items at most.
    pub most: usize,
    /// Seed of samples and of binarisation.
    pub seed: u64,
    /// Models beside the one in use.
    pub others: Vec<PathBuf>,
    /// Whether a mixture of Gaussians on principal components of the pixels is measured, too.
    pub has_mixture: bool,
}

/// One model's row.
#[derive(Clone, Debug)]
pub struct LikelihoodRow {
    /// What it is called.
    pub name: String,
    /// What it is, such as `VAE with flow`.
    pub kind: String,
    /// What its pixels are taken as; rows are compared where these agree.
    pub pixels: Likelihood,
    /// The figures, or why there are none.
    pub found: Result<LikelihoodFigures>,
}

/// The figures of a row, nats per picture; what a model does not have is left out.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LikelihoodFigures {
    /// Items.
    pub n: usize,
    /// Evidence lower bound with its standard error.
    pub bound: Option<(f64, f64)>,
    /// Log-likelihood with its standard error: estimated by importance weighting, or exact of a mixture.
    pub log_likelihood: Option<(f64, f64)>,
    /// Mean of `log p(x|z)`.
    pub reconstruction: Option<f64>,
    /// KL from posterior to prior.
    pub kl: Option<f64>,
    /// The same per number of the code.
    pub kl_per_dim: Vec<f32>,
    /// Numbers of a code whose mean varies.
    pub active: Option<usize>,
}

impl From<Evaluation> for LikelihoodFigures {
    fn from(found: Evaluation) -> Self {
        Self {
            n: found.n,
            bound: found.elbo.zip(found.elbo_error),
            log_likelihood: found.nll.map(|nll| -nll).zip(found.nll_error),
            reconstruction: found.reconstruction,
            kl: found.kl,
            kl_per_dim: found.kl_per_dim.unwrap_or_default(),
            active: Some(found.active_units),
        }
    }
}

/// The table.
#[derive(Clone, Debug)]
pub struct Likelihoods {
    /// What was measured.
    pub plan: LikelihoodPlan,
    /// Whether the items were kept out of the training of the model in use.
    pub is_held_out: bool,
    /// The rows, the model in use first.
    pub rows: Vec<LikelihoodRow>,
}

/// What a specification is called in a table.
fn kind_of(spec: &ModelSpec) -> String {
    let mut kind = match (spec.has_posterior(), spec.condition.is_some()) {
        (false, _) => return "without a posterior".to_owned(),
        (true, true) => "conditional VAE".to_owned(),
        (true, false) if spec.objective.samples > 1 => format!("IWAE-{}", spec.objective.samples),
        (true, false) => "VAE".to_owned(),
    };
    if spec.flow.is_some() {
        kind += " with flow";
    }
    if spec.prior != Prior::Standard {
        kind += " with learnt prior";
    }
    kind
}

/// Shows the rows so far, if the session is still that.
fn hand_over(table: &Likelihoods, id: u64, deliver: &mut Deliver<'_>) {
    let so_far = Arc::new(table.clone());
    deliver(to_session(id, move |session| {
        session.likelihoods = Some(so_far);
    }));
}

/// The row of a mixture fitted to the items that are not measured.
fn mixture_row(
    dataset: &Dataset,
    measured: &[usize],
    items: &Dataset,
    seed: u64,
    progress: &Progress,
) -> Result<LikelihoodRow> {
    let others: Vec<usize> = (0..dataset.len())
        .filter(|id| measured.binary_search(id).is_err())
        .collect();
    let found = if others.len() < 50 {
        Err(Error::usage(
            "there are too few items beside the measured ones to fit a mixture to",
        ))
    } else {
        let seen = dataset.subset(&others)?;
        let dims = MIXTURE.1.min(seen.shape().len() - 1).min(others.len() / 4);
        let fitting = progress.part(0.0, 0.8);
        PictureMixture::fit(&seen, MIXTURE.0, dims, seed, &fitting)
            .and_then(|mixture| mixture.log_densities(items, &progress.part(0.8, 1.0)))
            .map(|densities| {
                let found = LogLikelihood::of(densities.into_iter());
                LikelihoodFigures {
                    n: found.n,
                    log_likelihood: Some((found.mean, found.standard_error)),
                    ..LikelihoodFigures::default()
                }
            })
    };
    if let Err(error) = &found
        && error.is_cancelled()
    {
        return Err(error.clone());
    }
    Ok(LikelihoodRow {
        name: "mixture".to_owned(),
        kind: format!("{} Gaussians on principal components", MIXTURE.0),
        pixels: Likelihood::Gaussian { sigma: 1.0 },
        found,
    })
}

impl Core {
    /// Measures the model in use and others; the session has the table once it is there, and the rows so far meanwhile.
    pub(super) fn measure_likelihoods(&mut self, plan: LikelihoodPlan) -> Result<()> {
        let dataset = self.whole_dataset()?;
        let Some(in_use) = &self.model else {
            return Err(
                Error::usage("there is no model to measure").hint("open or train one first")
            );
        };
        if !(1..=10_000).contains(&plan.samples) || plan.most == 0 {
            return Err(Error::usage(
                "1 to 10,000 samples are drawn per item, of at least one item",
            ));
        }
        let own = (in_use.info.name.clone(), in_use.network.clone());
        let held_out = self.session.held_out.clone();
        let (id, device) = (self.session.id, self.device.clone());
        self.workshop.start(
            Bench::Likelihoods,
            MEASURING_LIKELIHOODS,
            move |progress, deliver| {
                dataset.check_unchanged()?;
                let all: Vec<usize> = match &held_out {
                    Some(ids) => ids.iter().map(|&id| id as usize).collect(),
                    None => (0..dataset.len()).collect(),
                };
                let stride = all.len().div_ceil(plan.most).max(1);
                let chosen: Vec<usize> = all.into_iter().step_by(stride).collect();
                let items = dataset.subset(&chosen)?;
                let mut table = Likelihoods {
                    plan: plan.clone(),
                    is_held_out: held_out.is_some(),
                    rows: Vec::new(),
                };
                let count = plan.others.len() + 1 + usize::from(plan.has_mixture);
                for i in 0..count {
                    let part =
                        progress.part(i as f32 / count as f32, (i + 1) as f32 / count as f32);
                    if i > plan.others.len() {
                        let row = mixture_row(&dataset, &chosen, &items, plan.seed, &part)?;
                        table.rows.push(row);
                        hand_over(&table, id, deliver);
                        continue;
                    }
                    let (name, network) = match i.checked_sub(1) {
                        None => (own.0.clone(), Ok(own.1.clone())),
                        Some(other) => {
                            let path = &plan.others[other];
                            let name = path.file_stem().unwrap_or(path.as_os_str());
                            let name = name.to_string_lossy().into_owned();
                            (
                                name,
                                ModelFile::load(path).and_then(|file| file.model(&device)),
                            )
                        }
                    };
                    let row = match network {
                        Err(error) => LikelihoodRow {
                            name,
                            kind: String::new(),
                            pixels: own.1.spec().likelihood,
                            found: Err(error),
                        },
                        Ok(network) => {
                            let spec = network.spec();
                            let found = if spec.has_posterior() {
                                evaluate(&network, &items, plan.samples, plan.seed, &part)
                                    .map(LikelihoodFigures::from)
                            } else {
                                Err(Error::model(
                                    "its codes have no posterior, so there is no bound",
                                ))
                            };
                            if let Err(error) = &found
                                && error.is_cancelled()
                            {
                                return Err(error.clone());
                            }
                            LikelihoodRow {
                                name,
                                kind: kind_of(spec),
                                pixels: spec.likelihood,
                                found,
                            }
                        }
                    };
                    table.rows.push(row);
                    hand_over(&table, id, deliver);
                }
                Ok(())
            },
        );
        Ok(())
    }
}
