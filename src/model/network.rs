//! The networks of an auto-encoder: layers with weights, and the plan by which they are applied.
//!
//! Invariant: parameter names depend on the specification alone: `encoder.I`, `mean`, `log_variance` (of binary codes `logits`
//! instead of the two) and `decoder.I`, each with `weight [in, out]` and `bias [out]`; of a depthwise convolution the weight is `[9, channels]`.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Uniform};

use super::binary::rounded;
use super::depthwise::{Neighbours, TAPS, depthwise};
use super::layout::{PixelLayout, grid, places};
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

/// One layer's size: inputs and outputs.
type Size = (usize, usize);

/// How one half of the network applies its layers.
#[derive(Clone, Debug)]
enum Step {
    /// One layer, on rows of its input size.
    Layer { size: Size, rectify: bool },
    /// Three layers whose result is added to what went in: a depthwise 3×3 convolution, and two 1×1 convolutions with
    /// [`WIDENED`] times the channels, rectified, between them.
    Block { width: usize, near: Arc<Neighbours> },
}

/// How many times wider the middle of a block is.
const WIDENED: usize = 2;

impl Step {
    /// Sizes of its layers, with the gain of their initial weights.
    fn layers(&self) -> Vec<(Size, f32)> {
        let rectified = std::f32::consts::SQRT_2;
        match *self {
            Self::Layer { size, rectify } => vec![(size, if rectify { rectified } else { 1.0 })],
            // Blocks start near the identity.
            Self::Block { width, .. } => vec![
                ((TAPS, width), 1.0),
                ((width, WIDENED * width), rectified),
                ((WIDENED * width, width), 0.1),
            ],
        }
    }

    /// Values per row, before and after.
    fn size(&self) -> Size {
        match *self {
            Self::Layer { size, .. } => size,
            Self::Block { width, .. } => (width, width),
        }
    }

    /// Multiplications of its dearest layer, per row.
    fn multiplications(&self) -> usize {
        let layers = self.layers().into_iter();
        layers.map(|((from, to), _)| from * to).max().unwrap_or(0)
    }
}

/// The plan of both halves.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    encoder: Vec<Step>,
    decoder: Vec<Step>,
    features: usize,
    code: usize,
    is_binary: bool,
    inputs: usize,
    /// By what all initial weights are multiplied.
    initial_scale: f32,
}

impl Plan {
    pub(super) fn new(spec: &ModelSpec) -> Self {
        let inputs = PixelLayout::new(spec).inputs();
        let layer = |from, to, rectify| Step::Layer {
            size: (from, to),
            rectify,
        };
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let features = match &spec.network {
            Network::Dense { hidden } => {
                let mut width = inputs;
                for &next in hidden {
                    encoder.push(layer(width, next, true));
                    decoder.push(layer(next, width, width != inputs));
                    width = next;
                }
                width
            }
            Network::Conv { stages, hidden } => {
                let (rows, columns) = grid(spec);
                let mut width = spec.shape.channels;
                for (i, stage) in stages.iter().enumerate() {
                    let patch = stage.patch * stage.patch * width;
                    encoder.push(layer(patch, stage.channels, true));
                    decoder.push(layer(stage.channels, patch, i > 0));
                    width = stage.channels;
                    let near = Arc::new(Neighbours::new(&places(spec, stages, i)));
                    let block = Step::Block { width, near };
                    encoder.extend(vec![block.clone(); stage.blocks]);
                    decoder.extend(vec![block; stage.blocks]);
                }
                width *= rows * columns;
                for &next in hidden {
                    encoder.push(layer(width, next, true));
                    decoder.push(layer(next, width, true));
                    width = next;
                }
                width
            }
        };
        decoder.push(layer(spec.code, features, true));
        decoder.reverse();
        // Few layers do not need their signal kept up, and small weights end better: 0.5 nats on MNIST after 50 epochs. Before
        // bits there are many.
        let initial_scale = match spec.network {
            Network::Dense { .. } if !spec.is_binary() => 1.0 / 3.0_f32.sqrt(),
            Network::Dense { .. } | Network::Conv { .. } => 1.0,
        };
        Self {
            encoder,
            decoder,
            features,
            code: spec.code,
            is_binary: spec.is_binary(),
            inputs,
            initial_scale,
        }
    }

    /// Name and size of every layer, in the order of the weights.
    pub(super) fn layers(&self) -> Vec<(String, Size)> {
        let half = |name: &str, steps: &[Step]| -> Vec<(String, Size)> {
            let sizes = steps.iter().flat_map(Step::layers);
            sizes
                .enumerate()
                .map(|(i, (size, _))| (format!("{name}.{i}"), size))
                .collect()
        };
        let head = (self.features, self.code);
        let mut layers = half("encoder", &self.encoder);
        for name in self.heads() {
            layers.push(((*name).into(), head));
        }
        layers.extend(half("decoder", &self.decoder));
        layers
    }

    /// Fresh weights: uniform within `±√(6 / inputs)` before a rectified unit and `±√(3 / inputs)` elsewhere (He et al.
    /// 2015), zero biases, and a last layer of each block a tenth as large; in dense networks all of it smaller by `√3`, unless
    /// codes are binary.
    pub(super) fn weights(&self, seed: u64, device: &Device) -> Vec<Layer> {
        let gains = |steps: &[Step]| -> Vec<f32> {
            let layers = steps.iter().flat_map(Step::layers);
            layers.map(|(_, gain)| gain).collect()
        };
        // Every log-variance starts at 0: a fresh network on unusual pictures would else begin with a noise beyond bounds.
        let heads = &[1.0, 0.0][..self.heads().len()];
        let gains = [&gains(&self.encoder), heads, &gains(&self.decoder)].concat();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let fresh = |((_, (from, to)), gain): ((String, Size), f32)| {
            let bound = self.initial_scale * gain * (3.0 / from as f32).sqrt();
            let uniform = Uniform::new_inclusive(-bound, bound).expect("a finite interval");
            let values: Vec<f32> = (0..from * to).map(|_| uniform.sample(&mut rng)).collect();
            Layer {
                weight: Tensor::from_data(TensorData::new(values, [from, to]), device),
                bias: Tensor::zeros([to], device),
            }
        };
        self.layers().into_iter().zip(gains).map(fresh).collect()
    }

    /// Codes `[items, code]` of `inputs`, `[items, inputs]`: means of the posterior with the logarithms of its variances, or bits,
    /// which have none.
    pub(super) fn encode(
        &self,
        weights: &[Layer],
        inputs: Tensor<2>,
    ) -> (Tensor<2>, Option<Tensor<2>>) {
        if self.is_binary {
            return (rounded(self.before_rounding(weights, inputs)), None);
        }
        let (mean, log_variance) = self.posterior(weights, inputs);
        (mean, Some(log_variance))
    }

    /// Mean and log-variance of the posterior, `[items, code]` each, of `inputs`, `[items, inputs]`; not for binary codes.
    pub(super) fn posterior(&self, weights: &[Layer], inputs: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let features = self.features(weights, inputs);
        let heads = &weights[self.code_layer()..];
        let mean = apply(&heads[0], features.clone(), false);
        // Bounded, so that no step can send a variance to infinity.
        let log_variance = apply(&heads[1], features, false).clamp(-12.0, 6.0);
        (mean, log_variance)
    }

    /// What [`Self::code_layer`] gives for `inputs`, `[items, code]`: means, or what bits say the sign of.
    pub(super) fn before_rounding(&self, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
        let features = self.features(weights, inputs);
        apply(&weights[self.code_layer()], features, false)
    }

    fn features(&self, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
        let [items, _] = inputs.dims();
        run(&self.encoder, weights, inputs).reshape([items, self.features])
    }

    /// The decoder's output for codes `[items, code]`, `[items, inputs]`: logits or means by the likelihood.
    pub(super) fn decode(&self, weights: &[Layer], codes: Tensor<2>) -> Tensor<2> {
        let [items, _] = codes.dims();
        let first = self.code_layer() + self.heads().len();
        run(&self.decoder, &weights[first..], codes).reshape([items, self.inputs])
    }

    /// Which layer gives the posterior mean, or the logits of bits.
    pub(super) fn code_layer(&self) -> usize {
        self.encoder.iter().map(|step| step.layers().len()).sum()
    }

    /// The layers between encoder and code.
    fn heads(&self) -> &'static [&'static str] {
        if self.is_binary {
            &["logits"]
        } else {
            &["mean", "log_variance"]
        }
    }

    /// Multiplications one item costs on its way through the network's dearest layer.
    pub(super) fn dearest_layer(&self) -> usize {
        let half = |steps: &[Step], mut width: usize| {
            let mut largest = 0;
            for step in steps {
                let (from, to) = step.size();
                let rows = width / from;
                largest = largest.max(rows * step.multiplications());
                width = rows * to;
            }
            largest
        };
        half(&self.encoder, self.inputs).max(half(&self.decoder, self.code))
    }
}

fn apply(layer: &Layer, x: Tensor<2>, rectify: bool) -> Tensor<2> {
    affine(x, layer.weight.clone(), layer.bias.clone(), rectify)
}

fn run(steps: &[Step], layers: &[Layer], mut x: Tensor<2>) -> Tensor<2> {
    let mut layers = layers.iter();
    let mut next = || layers.next().expect("a layer per step of the plan");
    for step in steps {
        let [rows, columns] = x.dims();
        let width = step.size().0;
        x = x.reshape([rows * columns / width, width]);
        x = match step {
            Step::Layer { rectify, .. } => apply(next(), x, *rectify),
            Step::Block { near, .. } => {
                let kernel = next();
                let (weight, bias) = (kernel.weight.clone(), kernel.bias.clone());
                let around = depthwise(x.clone(), weight, bias, near);
                let middle = apply(next(), around, true);
                x + apply(next(), middle, false)
            }
        };
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::model::auto_encoder::Architecture;
    use crate::model::binary::imbalance;
    use crate::model::likelihood::reconstruction;
    use crate::model::optimizer::tracked;
    use crate::model::testing::{numbers, tensor, vec};
    use crate::model::{CodeKind, Likelihood, Stage};
    use burn::tensor::activation::sigmoid;

    /// A small network of every kind of layer, on pictures that do not fill its patches.
    fn conv() -> ModelSpec {
        let stage = |channels| Stage {
            patch: 2,
            channels,
            blocks: 1,
        };
        let mut spec = crate::model::Preset::Digits.spec(ImageShape::new(7, 6, 1));
        spec.code = 3;
        spec.network = Network::Conv {
            stages: vec![stage(5), stage(6)],
            hidden: vec![9, 7],
        };
        spec
    }

    /// Compares the gradient of `loss` in every layer with the slope of `plain`, which has the same gradient but is smooth.
    fn check_slopes(
        architecture: &Architecture,
        loss: impl Fn(&[Layer], &Device) -> Tensor<1>,
        plain: impl Fn(&[Layer], &Device) -> Tensor<1>,
    ) {
        let device = Device::flex();
        let recording = device.clone().autodiff();
        let weights = architecture.plan.weights(3, &device);
        let recorded: Vec<Layer> = weights.iter().cloned().map(tracked).collect();
        let grads = loss(&recorded, &recording).backward();
        for (at, (name, (from, to))) in architecture.plan.layers().into_iter().enumerate() {
            let slopes = vec(recorded[at].weight.grad(&grads).expect("a gradient"));
            // The weight that matters most, so that rounding does not hide its slope.
            let i = (0..slopes.len())
                .max_by(|a, b| slopes[*a].abs().total_cmp(&slopes[*b].abs()))
                .expect("a weight");
            let moved = |by: f32| {
                let mut weights = weights.clone();
                let mut values = vec(weights[at].weight.clone());
                values[i] += by;
                weights[at].weight = tensor(values, [from, to], &device);
                plain(&weights, &device).into_scalar::<f32>()
            };
            let step = 2e-3;
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            assert!(
                (slope - slopes[i]).abs() < 0.03 * slopes[i].abs() + 5e-3,
                "{name} {i}: {slope} and {}",
                slopes[i]
            );
        }
    }

    fn two_pictures() -> Vec<u8> {
        (0..2 * 42).map(|i| (i * 37 % 256) as u8).collect()
    }

    #[test]
    fn the_gradient_of_the_loss_is_its_slope_in_every_layer() {
        for likelihood in [Likelihood::Bernoulli, Likelihood::Gaussian { sigma: 0.5 }] {
            let spec = ModelSpec {
                likelihood,
                ..conv()
            };
            let architecture = Architecture::new(spec, &Device::flex()).expect("a network");
            let pixels = two_pictures();
            let items: Vec<&[u8]> = pixels.chunks(42).collect();
            let loss = |weights: &[Layer], device: &Device| {
                let inputs = architecture.inputs(&items, None, device);
                let noise = tensor(numbers(2 * 3, 9), [2, 3], device);
                let terms = architecture.terms(weights, inputs, None, Some(noise), 0.5, likelihood);
                terms.loss(1.0)
            };
            check_slopes(&architecture, loss, loss);
        }
    }

    #[test]
    fn with_bits_the_gradient_is_the_slope_of_the_loss_as_if_sigmoids_were_not_rounded() {
        let spec = ModelSpec {
            kind: CodeKind::Binary,
            code: 12,
            ..conv()
        };
        let likelihood = spec.likelihood;
        let device = Device::flex();
        let architecture = Architecture::new(spec, &device).expect("a network");
        let plan = &architecture.plan;
        assert_eq!(plan.layers()[plan.code_layer()].0, "logits");
        let pixels = two_pictures();
        let items: Vec<&[u8]> = pixels.chunks(42).collect();
        let inputs = || architecture.inputs(&items, None, &device);
        let loss = |weights: &[Layer], device: &Device| {
            let inputs = architecture.inputs(&items, None, device);
            let terms = architecture.terms(weights, inputs, None, None, 0.5, likelihood);
            assert_eq!(vec(terms.kl.clone()), [0.0]);
            terms.loss(1.0)
        };
        // The bits stay what they are, and move as sigmoids do: at the weights the value is that of the loss, and its derivative
        // the one that rounding passes on.
        let weights = plan.weights(3, &device);
        let (bits, _) = plan.encode(&weights, inputs());
        let sigmoid = |weights: &[Layer]| sigmoid(plan.before_rounding(weights, inputs()));
        let at_weights = sigmoid(&weights);
        let plain = |weights: &[Layer], _: &Device| {
            let code = bits.clone() + sigmoid(weights) - at_weights.clone();
            let (output, padding) = architecture.masked(plan.decode(weights, code));
            let imbalance = imbalance(plan.before_rounding(weights, inputs()));
            reconstruction(output, inputs(), likelihood, 0.5) - padding + imbalance
        };
        let (a, b) = (vec(loss(&weights, &device)), vec(plain(&weights, &device)));
        assert!((a[0] - b[0]).abs() < 1e-4 * a[0], "{a:?} and {b:?}");
        check_slopes(&architecture, loss, plain);
    }
}
