//! The networks of an auto-encoder: layers with weights, and the plan by which they are applied.
//!
//! Invariant: parameter names depend on the specification alone: `encoder.I`, `mean`, `log_variance` and `decoder.I`,
//! each with `weight [in, out]` and `bias [out]`.

use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Uniform};

use super::layout::{PixelLayout, grid};
use super::ops::affine;
use super::spec::{ModelSpec, Network};

/// The weights of one layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// `[in, out]`.
    pub(super) weight: Tensor<2>,
    /// `[out]`.
    pub(super) bias: Tensor<1>,
}

impl Layer {
    /// The layer with each tensor passed flat through `f`, which keeps its length.
    pub(super) fn map(self, mut f: impl FnMut(Tensor<1>) -> Tensor<1>) -> Self {
        let [from, to] = self.weight.dims();
        Self {
            weight: f(self.weight.reshape([from * to])).reshape([from, to]),
            bias: f(self.bias),
        }
    }
}

/// How one half of the network applies its layers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The next layer, on rows of its input size.
    Layer { rectify: bool },
    /// Two layers around a rectified middle, their result added to what went in.
    Residual,
}

/// One layer's size: inputs and outputs.
type Size = (usize, usize);

/// The plan of both halves.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    encoder: Vec<(Step, Vec<Size>)>,
    decoder: Vec<(Step, Vec<Size>)>,
    features: usize,
    code: usize,
    inputs: usize,
}

impl Plan {
    pub(super) fn new(spec: &ModelSpec) -> Self {
        let inputs = PixelLayout::new(spec).inputs();
        let layer = |from, to, rectify| (Step::Layer { rectify }, vec![(from, to)]);
        let residual = |width| (Step::Residual, vec![(width, width), (width, width)]);
        let (encoder, mut decoder, features) = match &spec.network {
            Network::Dense { hidden } => {
                let mut encoder = Vec::new();
                let mut decoder = Vec::new();
                let mut width = inputs;
                for &next in hidden {
                    encoder.push(layer(width, next, true));
                    decoder.push(layer(next, width, width != inputs));
                    width = next;
                }
                (encoder, decoder, width)
            }
            Network::Conv { stages, hidden } => {
                let (rows, columns) = grid(spec);
                let mut encoder = Vec::new();
                let mut decoder = Vec::new();
                let mut width = spec.shape.channels;
                for (i, stage) in stages.iter().enumerate() {
                    let patch = stage.patch * stage.patch * width;
                    encoder.push(layer(patch, stage.channels, true));
                    decoder.push(layer(stage.channels, patch, i > 0));
                    for _ in 0..stage.blocks {
                        encoder.push(residual(stage.channels));
                        decoder.push(residual(stage.channels));
                    }
                    width = stage.channels;
                }
                let flat = rows * columns * width;
                encoder.push(layer(flat, *hidden, true));
                decoder.push(layer(*hidden, flat, true));
                (encoder, decoder, *hidden)
            }
        };
        decoder.push(layer(spec.code, features, true));
        decoder.reverse();
        Self {
            encoder,
            decoder,
            features,
            code: spec.code,
            inputs,
        }
    }

    /// Name and size of every layer, in the order of the weights.
    pub(super) fn layers(&self) -> Vec<(String, Size)> {
        let half = |name: &str, steps: &[(Step, Vec<Size>)]| -> Vec<(String, Size)> {
            let sizes = steps.iter().flat_map(|(_, sizes)| sizes.iter().copied());
            sizes
                .enumerate()
                .map(|(i, size)| (format!("{name}.{i}"), size))
                .collect()
        };
        let head = (self.features, self.code);
        let mut layers = half("encoder", &self.encoder);
        layers.push(("mean".into(), head));
        layers.push(("log_variance".into(), head));
        layers.extend(half("decoder", &self.decoder));
        layers
    }

    /// Fresh weights: uniform within `±√(6 / inputs)` before a rectified unit and `±√(3 / inputs)` elsewhere (He et al.
    /// 2015), zero biases, and a last residual layer a tenth as large, so that blocks start near the identity.
    pub(super) fn weights(&self, seed: u64, device: &Device) -> Vec<Layer> {
        let gains = |steps: &[(Step, Vec<Size>)]| -> Vec<f32> {
            let rectified = std::f32::consts::SQRT_2;
            let gain = |(step, _): &(Step, Vec<Size>)| match step {
                Step::Layer { rectify: true } => vec![rectified],
                Step::Layer { rectify: false } => vec![1.0],
                Step::Residual => vec![rectified, 0.1],
            };
            steps.iter().flat_map(gain).collect()
        };
        let gains = [gains(&self.encoder), vec![1.0, 0.1], gains(&self.decoder)].concat();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let fresh = |((_, (from, to)), gain): ((String, Size), f32)| {
            let bound = gain * (3.0 / from as f32).sqrt();
            let uniform = Uniform::new_inclusive(-bound, bound).expect("a finite interval");
            let values: Vec<f32> = (0..from * to).map(|_| uniform.sample(&mut rng)).collect();
            Layer {
                weight: Tensor::from_data(TensorData::new(values, [from, to]), device),
                bias: Tensor::zeros([to], device),
            }
        };
        self.layers().into_iter().zip(gains).map(fresh).collect()
    }

    /// Mean and log-variance of the posterior, `[items, code]` each, of `inputs`, `[items, inputs]`.
    pub(super) fn encode(&self, weights: &[Layer], inputs: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let [items, _] = inputs.dims();
        let heads = self.mean_layer();
        let features = run(&self.encoder, weights, inputs).reshape([items, self.features]);
        let mean = apply(&weights[heads], features.clone(), false);
        // Bounded, so that no step can send a variance to infinity.
        let log_variance = apply(&weights[heads + 1], features, false).clamp(-12.0, 6.0);
        (mean, log_variance)
    }

    /// The decoder's output for codes `[items, code]`, `[items, inputs]`: logits or means by the likelihood.
    pub(super) fn decode(&self, weights: &[Layer], codes: Tensor<2>) -> Tensor<2> {
        let [items, _] = codes.dims();
        run(&self.decoder, &weights[count(&self.encoder) + 2..], codes)
            .reshape([items, self.inputs])
    }

    /// Which layer gives the posterior mean.
    pub(super) fn mean_layer(&self) -> usize {
        count(&self.encoder)
    }

    /// Multiplications one item costs on its way through both halves.
    pub(super) fn multiplications(&self) -> usize {
        let half = |steps: &[(Step, Vec<Size>)], mut width: usize| {
            let mut total = 0;
            for (_, sizes) in steps {
                let rows = width / sizes[0].0;
                total += sizes
                    .iter()
                    .map(|(from, to)| rows * from * to)
                    .sum::<usize>();
                width = rows * sizes[sizes.len() - 1].1;
            }
            total
        };
        half(&self.encoder, self.inputs)
            + 2 * self.features * self.code
            + half(&self.decoder, self.code)
    }
}

/// Layers that some steps have.
fn count(steps: &[(Step, Vec<Size>)]) -> usize {
    steps.iter().map(|(_, sizes)| sizes.len()).sum()
}

fn apply(layer: &Layer, x: Tensor<2>, rectify: bool) -> Tensor<2> {
    affine(x, layer.weight.clone(), layer.bias.clone(), rectify)
}

fn run(steps: &[(Step, Vec<Size>)], layers: &[Layer], mut x: Tensor<2>) -> Tensor<2> {
    let mut layers = layers.iter();
    let mut next = || layers.next().expect("a layer per step of the plan");
    for (step, sizes) in steps {
        let [rows, columns] = x.dims();
        let width = sizes[0].0;
        x = x.reshape([rows * columns / width, width]);
        x = match step {
            Step::Layer { rectify } => apply(next(), x, *rectify),
            Step::Residual => {
                let middle = apply(next(), x.clone(), true);
                x + apply(next(), middle, false)
            }
        };
    }
    x
}
