//! What a step is taken on: pictures as network and encoder see them, with the noise, and what is known of them by name.
//!
//! Invariant: every random number depends on the seed and on the number of the item in the whole of the training alone.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::{Trainer, VALIDATE};
use crate::data::moved;
use crate::model::auto_encoder::{normal, stream};
use crate::model::network::Layer;
use crate::model::objective::{Batch, Terms};
use crate::model::optimizer::untracked;
use crate::model::spec::Likelihood;

/// Streams of random numbers, far enough apart never to meet each other or those of the trainer.
const BINARIZE: u64 = 1 << 59;
const SHIFT: u64 = 1 << 57;
const CORRUPT: u64 = 1 << 56;
const DIRECTION: u64 = 1 << 55;
const APART: u64 = 1 << 54;
const LABELLED: u64 = 1 << 51;
const BENEATH: u64 = 1 << 49;

impl Trainer {
    pub(super) fn terms(
        &self,
        weights: &[Layer],
        (items, known): (&[&[u8]], &[u32]),
        first: u64,
        scale: f32,
        likelihood: Likelihood,
    ) -> Terms {
        let streams: Vec<u64> = (first..first + items.len() as u64).collect();
        let binarizing: Vec<u64> = streams.iter().map(|s| s + BINARIZE).collect();
        let binarize = matches!(self.spec().likelihood, Likelihood::BinarizedBernoulli);
        let device = if first >= VALIDATE {
            &self.architecture.device
        } else {
            &self.recording
        };
        let seed = self.config.seed;
        let binarizing = binarize.then_some((seed, binarizing.as_slice()));
        let inputs = self.architecture.inputs(items, binarizing, device);
        // Dynamic binarisation draws the same numbers for both: only what is drawn from differs.
        let is_altered = self.config.shift > 0 || self.config.corruption.is_some();
        let seen = is_altered.then(|| {
            let altered = self.altered(items, &streams);
            let views: Vec<&[u8]> = altered.iter().map(Vec::as_slice).collect();
            self.architecture.inputs(&views, binarizing, device)
        });
        let spec = self.spec();
        let objective = &spec.objective;
        let noise = spec.has_posterior().then(|| {
            let samples = objective.samples;
            let noise = normal(seed, &streams, samples * spec.style(), device);
            noise.reshape([items.len() * samples, spec.style()])
        });
        if let Some(above) = &self.architecture.above {
            let streams: Vec<u64> = streams.iter().map(|s| s + BENEATH).collect();
            let below = |inputs| self.below(weights, inputs, (seed, &streams));
            let (means, drawn) = below(inputs);
            let batch = Batch {
                inputs: means,
                seen: Some(seen.map_or(drawn, |seen| below(seen).1)),
                noise,
                direction: None,
                apart: None,
                known: self.known(known, device),
            };
            return above.terms(weights, batch, scale, above.spec.likelihood);
        }
        let direction = (objective.contraction > 0.0).then(|| {
            let streams: Vec<u64> = streams.iter().map(|s| s + DIRECTION).collect();
            normal(seed, &streams, self.architecture.layout.inputs(), device)
        });
        let apart = (objective.adversary > 0.0).then(|| self.apart(first, items.len(), device));
        let batch = Batch {
            inputs,
            seen,
            noise,
            direction,
            apart,
            known: self.known(known, device),
        };
        if self.is_alone() && first < VALIDATE {
            let is_classifying = self.is_classifying();
            return self.architecture.told_to_decoder(
                weights,
                batch,
                (scale, is_classifying),
                likelihood,
            );
        }
        self.architecture.terms(weights, batch, scale, likelihood)
    }

    /// Of a model that stands on the codes of another: the means of the codes of `inputs` and codes drawn of them, without the derivative of the
    /// model beneath, which learns nothing. It is to make the means and sees the drawn ones, each time others: what the noise adds to the squared
    /// error is the same whatever it makes, and numbers that are nothing but noise are nothing to be learnt.
    fn below(
        &self,
        weights: &[Layer],
        inputs: Tensor<2>,
        streams: (u64, &[u64]),
    ) -> (Tensor<2>, Tensor<2>) {
        let architecture = &self.architecture;
        let is_recording = inputs.device().is_autodiff();
        let (plain, inputs): (Vec<Layer>, _) = if is_recording {
            (weights.iter().map(untracked).collect(), inputs.inner())
        } else {
            (weights.to_vec(), inputs)
        };
        let both = architecture.drawn_beneath(&plain, inputs, streams);
        let (means, drawn) = both.expect("a model beneath");
        if is_recording {
            (Tensor::from_inner(means), Tensor::from_inner(drawn))
        } else {
            (means, drawn)
        }
    }

    /// Items of a step: where labels are few, first some of those that have one, a part of them each time.
    pub(super) fn with_labelled(&self, others: &[u32]) -> Vec<u32> {
        let Some(labelled) = &self.labelled else {
            return others.to_vec();
        };
        let count = labelled.len().min(self.config.batch);
        let mut order = labelled.clone();
        order.shuffle(&mut stream(self.config.seed, LABELLED + self.step()));
        let first = order.into_iter().take(count);
        first.chain(others.iter().copied()).collect()
    }

    /// What is known by name of the items `ids` of a conditional model, `[ids, named]`.
    pub(super) fn known(&self, ids: &[u32], device: &Device) -> Option<Tensor<2>> {
        let width = self.spec().code - self.spec().style();
        if width == 0 || ids.is_empty() {
            return None;
        }
        let row = |&id: &u32| &self.known[id as usize * width..][..width];
        let values: Vec<f32> = ids.iter().flat_map(row).copied().collect();
        let data = TensorData::new(values, [ids.len(), width]);
        Some(Tensor::from_data(data, device))
    }

    /// An order of the items of its own for each number of a code, `[items, code]`.
    fn apart(&self, first: u64, items: usize, device: &Device) -> Tensor<2, Int> {
        let code = self.spec().code;
        let mut chance = stream(self.config.seed, APART + first);
        let mut places = vec![0_i32; items * code];
        let mut order: Vec<i32> = (0..items as i32).collect();
        for number in 0..code {
            order.shuffle(&mut chance);
            for (item, from) in order.iter().enumerate() {
                places[item * code + number] = *from;
            }
        }
        Tensor::from_data(TensorData::new(places, [items, code]), device)
    }

    /// The pictures as the encoder sees them: each moved by a whole number of pixels of its own, and corrupted.
    fn altered(&self, items: &[&[u8]], streams: &[u64]) -> Vec<Vec<u8>> {
        let reach = self.config.shift as i32;
        let (shape, seed) = (self.spec().shape, self.config.seed);
        let corruption = self.config.corruption;
        let altered = items.par_iter().zip(streams).map(|(pixels, id)| {
            let mut chance = stream(seed, SHIFT + id);
            let down = chance.random_range(-reach..=reach);
            let right = chance.random_range(-reach..=reach);
            let pixels = moved(pixels, shape, down, right);
            match corruption {
                Some((kind, strength)) => {
                    let mut chance = stream(seed, CORRUPT + id);
                    kind.apply_with(&pixels, shape, strength, &mut chance)
                }
                None => pixels,
            }
        });
        altered.collect()
    }
}
