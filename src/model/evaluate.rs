//! How good a model is: the figures of `morphospace evaluate`.

use burn::tensor::Tensor;
use rayon::prelude::*;
use serde::Serialize;

use super::auto_encoder::{AutoEncoder, Posteriors, normal, read};
use super::features::squared_error;
use super::likelihood;
use super::objective::repeated;
use super::spec::{CodeKind, ConditionKind, Likelihood, ModelSpec};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Values the decoder puts out at a time while likelihoods are estimated.
const CHUNK_VALUES: usize = 4 * 1024 * 1024;

/// What [`evaluate`] found, averages over items.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Evaluation {
    /// Items looked at.
    pub n: usize,
    /// Squared error of the reconstruction from the posterior mean, summed over a picture's values in `[0, 1]`; with remembered switches, where
    /// the network has them.
    pub sse_per_image: f64,
    /// The same per value.
    pub mse_per_pixel: f64,
    /// Evidence lower bound, nats: mean over the samples of `log p(x|z) + log p(z) − log q(z|x)`. Absent with a binary code, as
    /// all that follows from a posterior.
    pub elbo: Option<f64>,
    /// Negative log-likelihood, nats, estimated by importance weighting with all samples (Burda et al. 2016).
    pub nll: Option<f64>,
    /// Standard errors of the two over the items.
    pub elbo_error: Option<f64>,
    /// See `elbo_error`.
    pub nll_error: Option<f64>,
    /// The two parts of the bound by the same samples: mean of `log p(x|z)`, and KL `log q(z|x) − log p(z)`.
    pub reconstruction: Option<f64>,
    /// See `reconstruction`.
    pub kl: Option<f64>,
    /// Samples per item behind `elbo` and `nll`.
    pub samples: usize,
    /// KL of the posterior from the prior per code dimension, nats.
    pub kl_per_dim: Option<Vec<f32>>,
    /// Share of items whose class a conditional model's classifier mistakes, where the data say it.
    pub class_error: Option<f64>,
    /// Norm `‖∂h/∂x‖` of the code's derivative by the picture, mean over up to 500 items, where codes are points or logistic units; estimated
    /// from 16 normal directions.
    pub derivative_norm: Option<f64>,
    /// Dimensions whose posterior mean varies by more than 0.01 over the items (Burda et al. 2016).
    pub active_units: usize,
}

/// Measures `model` on `dataset` with `samples` samples per item.
///
/// Where the model was trained with dynamic binarisation the items are binarised once, by `seed`.
///
/// # Errors
/// When shapes differ, when cancelled, or when the device fails.
pub fn evaluate(
    model: &AutoEncoder,
    dataset: &Dataset,
    samples: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Evaluation> {
    check_shape(model, dataset)?;
    let spec = model.spec();
    let (n, code) = (dataset.len(), spec.code);
    // A code without a posterior is the same each time.
    let samples = if spec.has_posterior() {
        samples.max(1)
    } else {
        0
    };
    let chunk = items_at_once(model, samples);
    let (mut squared, mut kl) = (0.0, 0.0);
    let (mut bound, mut likelihood) = (Sum::default(), Sum::default());
    let mut posteriors = Posteriors::default();
    for start in (0..n).step_by(chunk) {
        progress.update(start, n)?;
        let ids: Vec<u64> = (start..(start + chunk).min(n)).map(|i| i as u64).collect();
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let (of_items, weights, divergence) = log_weights(model, &items, &ids, samples, seed)?;
        kl += divergence;
        let pictures = model.reconstruct(&items, &of_items.mean)?;
        squared += items
            .par_iter()
            .zip(pictures.par_chunks(spec.shape.len()))
            .map(|(a, b)| squared_error(a, b))
            .sum::<f64>();
        for weights in weights.iter().filter(|_| samples > 0) {
            bound.add(weights.iter().sum::<f64>() / samples as f64);
            likelihood.add(log_mean_exp(weights));
        }
        posteriors.mean.extend(of_items.mean);
        posteriors.log_variance.extend(of_items.log_variance);
    }
    let items = n as f64;
    let all: Vec<u32> = (0..n as u32).collect();
    let has_posterior = samples > 0;
    Ok(Evaluation {
        n,
        sse_per_image: squared / items,
        mse_per_pixel: squared / items / spec.shape.len() as f64,
        elbo: has_posterior.then_some(bound.mean(n)),
        nll: has_posterior.then_some(-likelihood.mean(n)),
        elbo_error: has_posterior.then_some(bound.error(n)),
        nll_error: has_posterior.then_some(likelihood.error(n)),
        reconstruction: has_posterior.then_some(bound.mean(n) + kl / items),
        kl: has_posterior.then_some(kl / items),
        samples,
        kl_per_dim: has_posterior.then(|| posteriors.kl_per_dimension(spec)),
        class_error: class_error(spec, dataset, &posteriors.mean, &all),
        derivative_norm: derivative_norm(model, dataset, &all, seed)?,
        active_units: active_units(&posteriors.mean, code),
    })
}

/// Squared error of the reconstructions of the items `ids` of `dataset`, the mean of what [`Evaluation::sse_per_image`] is of all.
///
/// # Errors
/// When shapes differ, when cancelled, or when the device fails.
pub fn reconstruction_error(
    model: &AutoEncoder,
    dataset: &Dataset,
    ids: &[u32],
    seed: u64,
    progress: &Progress,
) -> Result<f64> {
    check_shape(model, dataset)?;
    let size = model.spec().shape.len();
    let mut sum = 0.0;
    let mut done = 0;
    for part in ids.chunks(items_at_once(model, 0)) {
        progress.update(done, ids.len())?;
        done += part.len();
        let items: Vec<&[u8]> = part.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let streams: Vec<u64> = part.iter().map(|&id| u64::from(id)).collect();
        let (codes, ..) = log_weights(model, &items, &streams, 0, seed)?;
        let pictures = model.reconstruct(&items, &codes.mean)?;
        let pairs = items.iter().zip(pictures.chunks_exact(size));
        sum += pairs.map(|(a, b)| squared_error(a, b)).sum::<f64>();
    }
    Ok(sum / ids.len().max(1) as f64)
}

/// The log-likelihood of each of the items `ids` of `dataset`, nats, estimated by importance weighting with `samples` samples from the
/// item's posterior (Burda et al. 2016): below the true one on average, and the less so the more samples there are. The noise of an
/// item is the same for every model of the same code size.
///
/// # Errors
/// When shapes differ, when the model's code has no posterior, when cancelled, or when the device fails.
pub fn log_likelihoods(
    model: &AutoEncoder,
    dataset: &Dataset,
    ids: &[u32],
    samples: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<f32>> {
    check_shape(model, dataset)?;
    if !model.spec().has_posterior() {
        return Err(Error::model(
            "the model's code has no posterior, so a picture has no likelihood under the model",
        ));
    }
    let samples = samples.max(1);
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(items_at_once(model, samples)) {
        progress.update(found.len(), found.capacity())?;
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let streams: Vec<u64> = ids.iter().map(|&id| u64::from(id)).collect();
        let (_, weights, _) = log_weights(model, &items, &streams, samples, seed)?;
        found.extend(weights.iter().map(|weights| log_mean_exp(weights) as f32));
    }
    Ok(found)
}

fn check_shape(model: &AutoEncoder, dataset: &Dataset) -> Result<()> {
    let shape = model.spec().shape;
    if dataset.shape() == shape {
        return Ok(());
    }
    Err(Error::model(format!(
        "the model takes {shape} pictures, {} has {}",
        dataset.name(),
        dataset.shape()
    )))
}

/// Items that are looked at together.
fn items_at_once(model: &AutoEncoder, samples: usize) -> usize {
    let width = model.architecture.layout.inputs();
    (CHUNK_VALUES / (width * samples.max(1))).clamp(1, 256)
}

/// The posteriors of items, and of each the logarithms of the importance weights `p(x|z) p(z) / q(z|x)` of `samples` codes drawn from
/// its posterior; none of a code without one; and the KL by these samples, summed over items. `ids` tell the items' random numbers apart.
fn log_weights(
    model: &AutoEncoder,
    items: &[&[u8]],
    ids: &[u64],
    samples: usize,
    seed: u64,
) -> Result<(Posteriors, Vec<Vec<f64>>, f64)> {
    let architecture = &model.architecture;
    let spec = model.spec();
    let device = &architecture.device;
    let binarized = matches!(spec.likelihood, Likelihood::BinarizedBernoulli);
    let at_once = (CHUNK_VALUES / architecture.layout.inputs()).clamp(1, samples.max(1));
    // The constant that the reconstruction term leaves out.
    let constant = match spec.likelihood {
        Likelihood::Gaussian { sigma } => {
            spec.shape.len() as f64
                * (f64::from(sigma).ln() + 0.5 * (2.0 * std::f64::consts::PI).ln())
        }
        Likelihood::Bernoulli | Likelihood::BinarizedBernoulli | Likelihood::Categorical { .. } => {
            0.0
        }
    };
    let inputs = architecture.inputs(items, binarized.then_some((seed, ids)), device);
    let plan = &architecture.plan;
    let named = architecture.recognised(&model.weights, inputs.clone());
    let (mean, log_variance) = plan.encode(&model.weights, inputs.clone(), named.clone());
    let posteriors = Posteriors {
        mean: read(mean)?,
        log_variance: log_variance.map_or(Ok(Vec::new()), read)?,
    };
    if samples == 0 {
        return Ok((posteriors, vec![Vec::new(); ids.len()], 0.0));
    }
    let mut features = plan.features(&model.weights, inputs.clone());
    if let Some(named) = &named {
        features = Tensor::cat(vec![features, named.clone()], 1);
    }
    let (mean, log_variance) = plan.posterior(&model.weights, features.clone());
    let mut weights = vec![Vec::with_capacity(samples); ids.len()];
    let mut divergence = 0.0;
    for first in (0..samples).step_by(at_once) {
        let part = at_once.min(samples - first);
        let stream = |id: &u64| {
            let of_item = (1 << 40) + id * samples as u64 + first as u64;
            of_item..of_item + part as u64
        };
        let streams: Vec<u64> = ids.iter().flat_map(stream).collect();
        let noise = normal(seed, &streams, spec.style(), device);
        let drawn = plan.draw(&model.weights, &features, (&mean, &log_variance), noise);
        let prior = plan.log_prior(&model.weights, &drawn.codes).sum_dim(1);
        let ratios = read(prior - drawn.log_density.sum_dim(1))?;
        divergence -= ratios.iter().map(|r| f64::from(*r)).sum::<f64>();
        let codes = match &named {
            Some(named) => Tensor::cat(vec![drawn.codes, repeated(named.clone(), part)], 1),
            None => drawn.codes,
        };
        let (output, padding) = architecture.masked(plan.decode(&model.weights, codes));
        let errors = read(likelihood::reconstruction_rows(
            output,
            &inputs,
            part,
            spec.likelihood,
        ))?;
        let pairs = errors.chunks(part).zip(ratios.chunks(part));
        for (weights, (errors, ratios)) in weights.iter_mut().zip(pairs) {
            let pairs = errors.iter().zip(ratios);
            weights.extend(pairs.map(|(e, r)| f64::from(*r) - f64::from(e - padding) - constant));
        }
    }
    Ok((posteriors, weights, divergence / samples as f64))
}

/// A sum, and that of the squares.
#[derive(Default)]
struct Sum {
    first: f64,
    squares: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        self.first += x;
        self.squares += x * x;
    }

    fn mean(&self, n: usize) -> f64 {
        self.first / n as f64
    }

    /// Standard error of the mean.
    fn error(&self, n: usize) -> f64 {
        let variance = self.squares / n as f64 - self.mean(n).powi(2);
        (variance.max(0.0) / (n as f64 - 1.0).max(1.0)).sqrt()
    }
}

fn log_mean_exp(values: &[f64]) -> f64 {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + (values.iter().map(|v| (v - top).exp()).sum::<f64>() / values.len() as f64).ln()
}

/// [`Evaluation::derivative_norm`] of the items `ids`.
///
/// # Errors
/// When shapes differ, or when the device fails.
pub fn derivative_norm(
    model: &AutoEncoder,
    dataset: &Dataset,
    ids: &[u32],
    seed: u64,
) -> Result<Option<f64>> {
    const DIRECTIONS: usize = 16;
    if !matches!(model.spec().kind, CodeKind::Point | CodeKind::Logistic) {
        return Ok(None);
    }
    check_shape(model, dataset)?;
    let architecture = &model.architecture;
    let width = architecture.layout.inputs();
    let stride = ids.len().div_ceil(500).max(1);
    let mut norms = Vec::new();
    for id in ids.iter().step_by(stride).map(|id| *id as usize) {
        let inputs = architecture.inputs(&[dataset.pixels(id)], None, &architecture.device);
        let inputs = repeated(inputs, DIRECTIONS);
        let first = (1 << 45) + (id * DIRECTIONS) as u64;
        let streams: Vec<u64> = (first..first + DIRECTIONS as u64).collect();
        let by = normal(seed, &streams, width, &architecture.device);
        let plan = &architecture.plan;
        let (_, motion) = plan.point_and_motion(&model.weights, inputs, by);
        let squares = read(motion.square().sum())?;
        norms.push((f64::from(squares[0]) / DIRECTIONS as f64).sqrt());
    }
    Ok(Some(norms.iter().sum::<f64>() / norms.len().max(1) as f64))
}

/// Share of the items `ids` whose class is another than the one with the largest share in `codes`, `[n, code]`; nothing where the model or the
/// data know no classes, or others.
pub fn class_error(spec: &ModelSpec, dataset: &Dataset, codes: &[f32], ids: &[u32]) -> Option<f64> {
    let condition = spec.condition.as_ref()?;
    let labels = dataset.labels()?;
    if condition.kind != ConditionKind::Class || labels.names != condition.names {
        return None;
    }
    let wrong = |id: &&u32| {
        let item = **id as usize;
        let named = &codes[item * spec.code..][spec.style()..spec.code];
        let named = named.iter().enumerate();
        let taken_for = named.max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| i);
        taken_for != Some(usize::from(labels.values[item]))
    };
    Some(ids.iter().filter(wrong).count() as f64 / ids.len().max(1) as f64)
}

fn active_units(means: &[f32], code: usize) -> usize {
    let n = (means.len() / code).max(1) as f64;
    (0..code)
        .filter(|d| {
            let column = means.iter().skip(*d).step_by(code).map(|m| f64::from(*m));
            let (sum, squares) = column.fold((0.0, 0.0), |(s, q), m| (s + m, q + m * m));
            squares / n - (sum / n).powi(2) > 0.01
        })
        .count()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::data::digits;
    use crate::model::{Preset, Trainer};

    #[test]
    fn the_derivative_is_as_long_as_finite_differences_say() -> Result<()> {
        let data = digits::generate(3, 0..12, &Progress::silent())?;
        let preset = Preset::Contractive;
        let (spec, config) = (preset.spec_for(&data)?, preset.training(data.shape()));
        let trainer = Trainer::new(spec, config, &data, &Device::flex())?;
        let model = trainer.model();
        let found = derivative_norm(&model, &data, &[5], 1)?.expect("codes are units");
        // One grey level more or less of each pixel.
        let picture = data.pixels(5);
        let mut moved: Vec<Vec<u8>> = vec![picture.to_vec()];
        let step = |grey: u8| if grey == 255 { 254 } else { grey + 1 };
        for at in 0..picture.len() {
            moved.push(picture.to_vec());
            moved[at + 1][at] = step(picture[at]);
        }
        let views: Vec<&[u8]> = moved.iter().map(Vec::as_slice).collect();
        let codes = model.encode(&views, &Progress::silent())?.mean;
        let (own, others) = codes.split_at(model.code());
        let squares = others.chunks_exact(own.len()).map(|code| {
            let offs = code.iter().zip(own).map(|(a, b)| f64::from(a - b) * 255.0);
            offs.map(|off| off * off).sum::<f64>()
        });
        let expected = squares.sum::<f64>().sqrt();
        // The square of it is a mean over 16 directions.
        assert!((found / expected - 1.0).abs() < 0.15, "{found} {expected}");
        Ok(())
    }

    #[test]
    fn the_mean_of_exponentials_is_taken_without_overflow() {
        assert!((log_mean_exp(&[-1000.0, -1000.0]) + 1000.0).abs() < 1e-12);
        assert!((log_mean_exp(&[0.0, 3.0_f64.ln()]) - 2.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_dimension_is_active_when_its_mean_varies() {
        let means = [0.0, 5.0, 1.0, 5.0, 0.0, 5.0, 1.0, 5.0];
        assert_eq!(active_units(&means, 2), 1);
    }
}
