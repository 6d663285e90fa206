//! How good a model is: the figures of `morphospace evaluate`.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use serde::Serialize;

use super::auto_encoder::{AutoEncoder, Posteriors, normal, read};
use super::likelihood;
use super::spec::Likelihood;
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
    /// Squared error of the reconstruction from the posterior mean, summed over a picture's values in `[0, 1]`.
    pub sse_per_image: f64,
    /// The same per value.
    pub mse_per_pixel: f64,
    /// Evidence lower bound, nats: mean over the samples of `log p(x|z) + log p(z) − log q(z|x)`. Absent with a binary code, as
    /// all that follows from a posterior.
    pub elbo: Option<f64>,
    /// Negative log-likelihood, nats, estimated by importance weighting with all samples (Burda et al. 2016).
    pub nll: Option<f64>,
    /// Samples per item behind `elbo` and `nll`.
    pub samples: usize,
    /// KL of the posterior from the prior per code dimension, nats.
    pub kl_per_dim: Option<Vec<f32>>,
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
    let architecture = &model.architecture;
    let spec = model.spec();
    if dataset.shape() != spec.shape {
        return Err(Error::model(format!(
            "the model takes {} pictures, {} has {}",
            spec.shape,
            dataset.name(),
            dataset.shape()
        )));
    }
    let (n, code) = (dataset.len(), spec.code);
    // A code without a posterior is the same each time.
    let samples = if spec.is_binary() { 0 } else { samples.max(1) };
    let binarized = matches!(spec.likelihood, Likelihood::BinarizedBernoulli);
    let width = architecture.layout.inputs();
    let chunk = (CHUNK_VALUES / (width * samples.max(1))).clamp(1, 256);
    let at_once = (CHUNK_VALUES / width).clamp(1, samples.max(1));
    let device = &architecture.device;
    // The constant that the reconstruction term leaves out.
    let constant = match spec.likelihood {
        Likelihood::Gaussian { sigma } => {
            spec.shape.len() as f64
                * (f64::from(sigma).ln() + 0.5 * (2.0 * std::f64::consts::PI).ln())
        }
        Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => 0.0,
    };
    let (mut squared, mut bound, mut likelihood) = (0.0, 0.0, 0.0);
    let mut posteriors = Posteriors::default();
    for start in (0..n).step_by(chunk) {
        progress.update(start, n)?;
        let ids: Vec<u64> = (start..(start + chunk).min(n)).map(|i| i as u64).collect();
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let inputs = architecture.inputs(&items, binarized.then_some((seed, &ids)), device);
        let (mean, log_variance) = architecture.plan.encode(&model.weights, inputs.clone());
        let means = read(mean)?;
        let log_variances = log_variance.map_or(Ok(Vec::new()), read)?;

        let pictures = model.decode(&means)?;
        squared += items
            .par_iter()
            .zip(pictures.par_chunks(spec.shape.len()))
            .map(|(a, b)| squared_error(a, b))
            .sum::<f64>()
            / (255.0 * 255.0);

        let mut weights = vec![Vec::with_capacity(samples); ids.len()];
        for first in (0..samples).step_by(at_once) {
            let part = at_once.min(samples - first);
            let rows = ids.len() * part;
            let stream = |id: &u64| {
                let of_item = (1 << 40) + id * samples as u64 + first as u64;
                of_item..of_item + part as u64
            };
            let streams: Vec<u64> = ids.iter().flat_map(stream).collect();
            let noise = read(normal(seed, &streams, code, device))?;
            let mut codes = vec![0.0_f32; rows * code];
            let ratios: Vec<f64> = codes
                .par_chunks_mut(code)
                .zip(noise.par_chunks(code))
                .enumerate()
                .map(|(row, (codes, noise))| {
                    let item = row / part * code;
                    let mut ratio = 0.0;
                    for (d, (z, e)) in codes.iter_mut().zip(noise).enumerate() {
                        let (m, s) = (means[item + d], log_variances[item + d]);
                        *z = m + (0.5 * s).exp() * e;
                        // log p(z) − log q(z|x); the two constants cancel.
                        ratio += 0.5 * f64::from(s + e * e - *z * *z);
                    }
                    ratio
                })
                .collect();
            let codes = Tensor::from_data(TensorData::new(codes, [rows, code]), device);
            let (output, padding) =
                architecture.masked(architecture.plan.decode(&model.weights, codes));
            let errors = read(likelihood::reconstruction_rows(
                output,
                &inputs,
                part,
                spec.likelihood,
            ))?;
            let pairs = errors.chunks(part).zip(ratios.chunks(part));
            for (weights, (errors, ratios)) in weights.iter_mut().zip(pairs) {
                let pairs = errors.iter().zip(ratios);
                weights.extend(pairs.map(|(e, r)| r - f64::from(e - padding) - constant));
            }
        }
        for weights in weights.iter().filter(|_| samples > 0) {
            bound += weights.iter().sum::<f64>() / samples as f64;
            likelihood += log_mean_exp(weights);
        }
        posteriors.mean.extend(means);
        posteriors.log_variance.extend(log_variances);
    }
    let items = n as f64;
    let has_posterior = samples > 0;
    Ok(Evaluation {
        n,
        sse_per_image: squared / items,
        mse_per_pixel: squared / items / spec.shape.len() as f64,
        elbo: has_posterior.then_some(bound / items),
        nll: has_posterior.then_some(-likelihood / items),
        samples,
        kl_per_dim: has_posterior.then(|| posteriors.kl_per_dimension(code)),
        active_units: active_units(&posteriors.mean, code),
    })
}

fn squared_error(a: &[u8], b: &[u8]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(i32::from(*a) - i32::from(*b)).powi(2))
        .sum()
}

fn log_mean_exp(values: &[f64]) -> f64 {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + (values.iter().map(|v| (v - top).exp()).sum::<f64>() / values.len() as f64).ln()
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
    use super::*;

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
