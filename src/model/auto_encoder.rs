//! An auto-encoder ready for use: pictures to codes and codes to pictures, in bytes and plain numbers.
//!
//! Invariant: the weights carry no derivatives, so nothing is recorded; batches have one of a few fixed sizes, so that a
//! GPU compiles each kernel once.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData, activation};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, Uniform};
use rayon::prelude::*;

use super::layout::PixelLayout;
use super::likelihood;
use super::network::{Layer, Plan, Unpooled, ignored};
use super::ops;
use super::spec::{Likelihood, ModelSpec, Unpooling};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Items encoded at a time.
const ENCODE_BATCH: usize = 128;
/// Codes decoded at a time, when there are more than one.
const DECODE_BATCH: usize = 64;

/// What a network is, without its weights.
#[derive(Debug)]
pub(super) struct Architecture {
    pub(super) spec: ModelSpec,
    pub(super) plan: Plan,
    pub(super) layout: PixelLayout,
    pub(super) device: Device,
    /// Of a model that stands on the codes of another the part above, by which it is trained.
    pub(super) above: Option<Box<Self>>,
}

impl Architecture {
    pub(super) fn new(spec: ModelSpec, device: &Device) -> Result<Self> {
        let spec = spec.check()?;
        let above = spec.above().map(|above| Self::new(above, device));
        Ok(Self {
            plan: Plan::new(&spec),
            layout: PixelLayout::new(&spec),
            device: device.clone(),
            above: above.transpose()?.map(Box::new),
            spec,
        })
    }

    /// Means of the posteriors that the model beneath has of `inputs`, `[items, inputs]`, and codes drawn from them by standard normal numbers of
    /// the streams `streams`: what a model that stands on it is to make, and what it sees. Nothing of other models.
    pub(super) fn drawn_beneath(
        &self,
        weights: &[Layer],
        inputs: Tensor<2>,
        (seed, streams): (u64, &[u64]),
    ) -> Option<(Tensor<2>, Tensor<2>)> {
        let (beneath, own) = self.plan.beneath(weights)?;
        let features = beneath.features(own, inputs);
        let (mean, log_variance) = beneath.posterior(own, features.clone());
        let [items, width] = mean.dims();
        let draw = |noise: Tensor<2>| {
            let posterior = (&mean, &log_variance);
            beneath.draw(own, &features, posterior, noise).codes
        };
        let noise = normal(seed, streams, width, &self.device);
        Some((
            draw(Tensor::zeros([items, width], &self.device)),
            draw(noise),
        ))
    }

    /// The inputs of a batch, `[items, inputs]`, on `device`. Where `binarize` names a seed and a stream per item, each
    /// value is drawn to 0 or 1 with the grey value as probability.
    pub(super) fn inputs(
        &self,
        items: &[&[u8]],
        binarize: Option<(u64, &[u64])>,
        device: &Device,
    ) -> Tensor<2> {
        let width = self.layout.inputs();
        let mut values = vec![0.0_f32; items.len() * width];
        values
            .par_chunks_mut(width)
            .zip(items)
            .enumerate()
            .for_each(|(i, (row, pixels))| match binarize {
                None => self.layout.gather(pixels, row, |p| f32::from(p) / 255.0),
                Some((seed, streams)) => {
                    let mut rng = stream(seed, streams[i]);
                    let uniform = Uniform::new(0_u16, 255).expect("an interval");
                    self.layout.gather(pixels, row, |p| {
                        if uniform.sample(&mut rng) < u16::from(p) {
                            1.0
                        } else {
                            0.0
                        }
                    });
                }
            });
        Tensor::from_data(TensorData::new(values, [items.len(), width]), device)
    }

    /// The decoder's output with zeros for padding, and what the padding of one item adds to its reconstruction term.
    pub(super) fn masked(&self, output: Tensor<2>) -> (Tensor<2>, f32) {
        let Some(mask) = self.layout.mask() else {
            return (output, 0.0);
        };
        let padding = mask.iter().filter(|m| **m == 0.0).count() as f32;
        let mask = Tensor::from_data(
            TensorData::new(mask, [1, self.layout.inputs()]),
            &output.device(),
        );
        let per_value = match self.spec.likelihood {
            Likelihood::Gaussian { .. } | Likelihood::Categorical { .. } => 0.0,
            Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => std::f32::consts::LN_2,
        };
        (output * mask, padding * per_value)
    }
}

/// The random numbers of one item, apart from those of all others.
pub(super) fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Standard normal numbers `[streams, width]`, a stream per row.
pub(super) fn normal(seed: u64, streams: &[u64], width: usize, device: &Device) -> Tensor<2> {
    drawn(seed, streams, width, device, |rng| {
        StandardNormal.sample(rng)
    })
}

/// Numbers `[streams, width]` that `draw` draws, a stream per row.
pub(super) fn drawn(
    seed: u64,
    streams: &[u64],
    width: usize,
    device: &Device,
    draw: impl Fn(&mut ChaCha8Rng) -> f32 + Sync,
) -> Tensor<2> {
    let mut values = vec![0.0_f32; streams.len() * width];
    values
        .par_chunks_mut(width.max(1))
        .zip(streams)
        .for_each(|(row, &s)| {
            let mut rng = stream(seed, s);
            for value in row {
                *value = draw(&mut rng);
            }
        });
    Tensor::from_data(TensorData::new(values, [streams.len(), width]), device)
}

/// Posteriors of some items: per item `code` means and log-variances, or as many bits.
#[derive(Clone, Debug, Default)]
pub struct Posteriors {
    /// `[items, code]`; of a binary code its bits, 0 or 1 each.
    pub mean: Vec<f32>,
    /// `[items, code]`, logarithms of the variances; empty with a binary code.
    pub log_variance: Vec<f32>,
}

impl Posteriors {
    /// KL from the standard normal prior of each number of a code of `spec`, in nats: `½(exp s + m² − 1 − s)`, averaged over items; 0 for
    /// numbers without a posterior. With a flow or a learnt prior it is that of the normal posterior next to the one that is bent.
    #[must_use]
    pub fn kl_per_dimension(&self, spec: &ModelSpec) -> Vec<f32> {
        let (code, style) = (spec.code, spec.style());
        let mut kl = vec![0.0_f64; code];
        for (i, (m, s)) in self.mean.iter().zip(&self.log_variance).enumerate() {
            if i % code < style {
                kl[i % code] += 0.5 * f64::from(s.exp() + m * m - 1.0 - s);
            }
        }
        let items = (self.mean.len() / code.max(1)).max(1) as f64;
        kl.iter().map(|k| (k / items) as f32).collect()
    }

    /// KL of each item's posterior from the prior, in nats, summed over the numbers of a code of `spec`; 0 without a posterior.
    #[must_use]
    pub fn kl_per_item(&self, spec: &ModelSpec) -> Vec<f32> {
        let (code, style) = (spec.code.max(1), spec.style());
        if self.log_variance.is_empty() {
            return vec![0.0; self.mean.len() / code];
        }
        let items = self.mean.chunks(code).zip(self.log_variance.chunks(code));
        items
            .map(|(mean, log_variance)| {
                let terms = mean.iter().zip(log_variance).take(style);
                terms.map(|(m, s)| 0.5 * (s.exp() + m * m - 1.0 - s)).sum()
            })
            .collect()
    }
}

/// A network with its weights, for encoding and decoding.
#[derive(Clone, Debug)]
pub struct AutoEncoder {
    pub(super) architecture: Arc<Architecture>,
    pub(super) weights: Vec<Layer>,
}

impl AutoEncoder {
    /// What it is.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.architecture.spec
    }

    /// Numbers per code.
    #[must_use]
    pub fn code(&self) -> usize {
        self.architecture.spec.code
    }

    /// The posteriors, or bits, of pictures of the model's shape.
    ///
    /// # Errors
    /// When a picture has another size, when cancelled, or when the device fails.
    pub fn encode(&self, items: &[&[u8]], progress: &Progress) -> Result<Posteriors> {
        let expected = self.spec().shape.len();
        if let Some(other) = items.iter().find(|p| p.len() != expected) {
            return Err(Error::model(format!(
                "a picture of {} values for a model of {}",
                other.len(),
                self.spec().shape
            )));
        }
        let device = &self.architecture.device;
        let mut posteriors = Posteriors::default();
        for (i, batch) in items.chunks(ENCODE_BATCH).enumerate() {
            progress.update(i * ENCODE_BATCH, items.len())?;
            let mut padded = batch.to_vec();
            if !ops::is_cpu(device) && items.len() > 1 {
                padded.resize(ENCODE_BATCH, batch[0]);
            }
            let inputs = self.architecture.inputs(&padded, None, device);
            let named = self.architecture.recognised(&self.weights, inputs.clone());
            let plan = &self.architecture.plan;
            let (mean, log_variance) = plan.encode(&self.weights, inputs, named);
            let wanted = batch.len() * self.code();
            posteriors.mean.extend_from_slice(&read(mean)?[..wanted]);
            if let Some(log_variance) = log_variance {
                let log_variance = read(log_variance)?;
                posteriors
                    .log_variance
                    .extend_from_slice(&log_variance[..wanted]);
            }
        }
        Ok(posteriors)
    }

    /// The pictures of codes `[count, code]`: `count` pictures of the model's shape, one after the other.
    ///
    /// # Errors
    /// When the numbers do not make whole codes, or when the device fails.
    pub fn decode(&self, codes: &[f32]) -> Result<Vec<u8>> {
        self.pictures(codes, None)
    }

    /// The reconstructions of pictures of the model's shape at their codes, `[items, code]`. It is what [`Self::decode`] makes of the codes but with a
    /// network that remembers switches: then it has those of the pictures beside their codes.
    ///
    /// # Errors
    /// When there are not as many codes as pictures, or the device fails.
    pub fn reconstruct(&self, items: &[&[u8]], codes: &[f32]) -> Result<Vec<u8>> {
        let remembered = self.spec().remembers();
        self.pictures(codes, remembered.then_some((items, Unpooling::Switches)))
    }

    /// The pictures of codes; with the items that they are the codes of, unpooled by these items' switches or as is said.
    pub(super) fn pictures(
        &self,
        codes: &[f32],
        of: Option<(&[&[u8]], Unpooling)>,
    ) -> Result<Vec<u8>> {
        let code = self.code();
        if let Some((items, _)) = of
            && items.len() * code != codes.len()
        {
            return Err(not_codes_of(codes, items));
        }
        if !codes.len().is_multiple_of(code) {
            return Err(Error::model(format!(
                "{} numbers are not whole codes of {code}",
                codes.len()
            )));
        }
        let device = &self.architecture.device;
        let size = self.spec().shape.len();
        let width = self.architecture.layout.inputs();
        let mut pictures = vec![0; codes.len() / code * size];
        for (i, (codes, pictures)) in codes
            .chunks(DECODE_BATCH * code)
            .zip(pictures.chunks_mut(DECODE_BATCH * size))
            .enumerate()
        {
            let mut padded = codes.to_vec();
            if !ops::is_cpu(device) && codes.len() > code {
                padded.resize(DECODE_BATCH * code, 0.0);
            }
            let rows = padded.len() / code;
            let codes = Tensor::from_data(TensorData::new(padded, [rows, code]), device);
            let output = match of {
                None => self.architecture.plan.decode(&self.weights, codes),
                Some((items, by)) => {
                    let mut items = items[i * DECODE_BATCH..].to_vec();
                    items.resize(rows, items[0]);
                    let inputs = self.architecture.inputs(&items, None, device);
                    self.decode_by(codes, inputs, by)
                }
            };
            let output = read(match self.spec().likelihood {
                Likelihood::Gaussian { .. } | Likelihood::Categorical { .. } => output,
                Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => {
                    activation::sigmoid(output)
                }
            })?;
            for (picture, output) in pictures.chunks_mut(size).zip(output.chunks(width)) {
                self.architecture.layout.scatter(output, picture);
            }
        }
        Ok(pictures)
    }
}

impl AutoEncoder {
    /// Reconstruction term of each picture at its code, in nats; `codes` are `[items, code]`. It is that of [`Self::reconstruct`].
    ///
    /// # Errors
    /// When there are not as many codes as pictures, or the device fails.
    pub fn losses_at(&self, items: &[&[u8]], codes: &[f32]) -> Result<Vec<f32>> {
        let code = self.code();
        if codes.len() != items.len() * code {
            return Err(not_codes_of(codes, items));
        }
        let device = &self.architecture.device;
        let mut losses = Vec::with_capacity(items.len());
        for (items, codes) in items
            .chunks(DECODE_BATCH)
            .zip(codes.chunks(DECODE_BATCH * code))
        {
            let mut padded = (items.to_vec(), codes.to_vec());
            if !ops::is_cpu(device) && items.len() > 1 {
                padded.0.resize(DECODE_BATCH, items[0]);
                padded.1.resize(DECODE_BATCH * code, 0.0);
            }
            let rows = padded.0.len();
            let inputs = self.architecture.inputs(&padded.0, None, device);
            let codes = Tensor::from_data(TensorData::new(padded.1, [rows, code]), device);
            let output = if self.spec().remembers() {
                self.decode_by(codes, inputs.clone(), Unpooling::Switches)
            } else {
                self.architecture.plan.decode(&self.weights, codes)
            };
            let (output, padding) = self.architecture.masked(output);
            let rows = likelihood::reconstruction_rows(output, &inputs, 1, self.spec().likelihood);
            let rows = read(rows)?;
            losses.extend(rows[..items.len()].iter().map(|loss| loss - padding));
        }
        Ok(losses)
    }
}

impl AutoEncoder {
    /// The decoder's output for the codes of `inputs`, unpooled by their switches or as `by` says.
    fn decode_by(&self, codes: Tensor<2>, inputs: Tensor<2>, by: Unpooling) -> Tensor<2> {
        let plan = &self.architecture.plan;
        let look = &mut ignored;
        let (_, unpooled) = plan.features_and_switches(&self.weights, inputs, look);
        plan.decode_by(&self.weights, codes, Unpooled { by, ..unpooled }, look)
    }
}

fn not_codes_of(codes: &[f32], items: &[&[u8]]) -> Error {
    Error::model(format!(
        "{} numbers are not the codes of {} pictures",
        codes.len(),
        items.len()
    ))
}

/// The numbers of a tensor.
pub(super) fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .try_into_data()
        .map_err(|e| Error::device(format!("the device stopped working: {e}")))?
        .try_into_vec::<f32>()
        .map_err(|e| Error::device(format!("the device gave something unexpected: {e:?}")))
}
