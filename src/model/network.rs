//! The networks of an auto-encoder: layers with weights, and the plan by which they are applied.
//!
//! Invariant: parameter names depend on the specification alone: `encoder.I`, `mean`, `log_variance` (of codes without a posterior `logits` or
//! `code` instead of the two) and `decoder.I`, each with `weight [in, out]` and `bias [out]`; of a depthwise convolution the weight is
//! `[9, channels]`. Behind them, where there are any: `flow.STEP.…`, `prior` with a row per learnt picture, `adversary.I`, `classifier.I` and `class`.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData, activation};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Uniform};

use super::binary::rounded;
use super::depthwise::{Neighbours, TAPS, depthwise};
use super::flow;
use super::layout::{PixelLayout, grid, places};
use super::ops::affine;
use super::spec::{CodeKind, Flow, ModelSpec, Network, Prior, Unit};

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
    Layer { size: Size, unit: Option<Unit> },
    /// Three layers whose result is added to what went in: a depthwise 3×3 convolution, and two 1×1 convolutions with
    /// [`WIDENED`] times the channels, rectified, between them.
    Block { width: usize, near: Arc<Neighbours> },
}

/// Units of each hidden layer of a discriminator.
const DISCRIMINATOR: usize = 256;

/// How many times wider the middle of a block is.
const WIDENED: usize = 2;

impl Step {
    /// Sizes of its layers, with the gain of their initial weights.
    fn layers(&self) -> Vec<(Size, f32)> {
        let rectified = std::f32::consts::SQRT_2;
        match *self {
            Self::Layer { size, unit } => vec![(
                size,
                match unit {
                    Some(Unit::Rectified) => rectified,
                    // Its slope at 0 is a quarter (Glorot and Bengio 2010).
                    Some(Unit::Logistic) => 4.0,
                    Some(Unit::Tanh | Unit::Softplus) | None => 1.0,
                },
            )],
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
    /// Numbers of a code that are not said by name, and those that are.
    style: usize,
    named: usize,
    code: usize,
    kind: CodeKind,
    inputs: usize,
    flow: Option<Flow>,
    /// Pictures that the prior learns.
    learnt: usize,
    /// The discriminator that tells the total correlation.
    adversary: Vec<Step>,
    /// What tells a picture's classes or attributes, before its last layer.
    classifier: Vec<Step>,
    /// Colours of palette pictures, of which one input is 1 for each pixel and the others 0; 1 for other pictures.
    colours: usize,
    /// By what all initial weights are multiplied.
    initial_scale: f32,
}

impl Plan {
    pub(super) fn new(spec: &ModelSpec) -> Self {
        let inputs = PixelLayout::new(spec).inputs();
        let of_unit = |from, to, unit| Step::Layer {
            size: (from, to),
            unit,
        };
        let layer = |from, to, rectify: bool| of_unit(from, to, rectify.then_some(Unit::Rectified));
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let features = match &spec.network {
            Network::Dense { hidden, unit } => {
                let mut width = inputs;
                for (i, &next) in hidden.iter().enumerate() {
                    encoder.push(of_unit(width, next, Some(*unit)));
                    decoder.push(of_unit(next, width, (i > 0).then_some(*unit)));
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
        let innermost = match &spec.network {
            // Then it is the outermost, too.
            Network::Dense { hidden, .. } if hidden.is_empty() => None,
            Network::Dense { unit, .. } => Some(*unit),
            Network::Conv { .. } => Some(Unit::Rectified),
        };
        decoder.push(of_unit(spec.code, features, innermost));
        decoder.reverse();
        // Few layers do not need their signal kept up, and small weights end better: 0.5 nats on MNIST after 50 epochs. Before
        // bits there are many.
        let initial_scale = match spec.network {
            Network::Dense {
                unit: Unit::Rectified,
                ..
            } if !spec.is_binary() => 1.0 / 3.0_f32.sqrt(),
            Network::Dense { .. } | Network::Conv { .. } => 1.0,
        };
        let adversary = if spec.objective.adversary > 0.0 {
            let width = DISCRIMINATOR;
            vec![
                of_unit(spec.code, width, Some(Unit::Tanh)),
                of_unit(width, width, Some(Unit::Tanh)),
                of_unit(width, width, Some(Unit::Tanh)),
                of_unit(width, 2, None),
            ]
        } else {
            Vec::new()
        };
        Self {
            features,
            style: spec.style(),
            named: spec.code - spec.style(),
            code: spec.code,
            kind: spec.kind,
            inputs,
            flow: spec.flow.clone(),
            learnt: match spec.prior {
                Prior::Standard => 0,
                Prior::Vamp { inputs } => inputs,
            },
            adversary,
            classifier: if spec.condition.is_some() {
                encoder.clone()
            } else {
                Vec::new()
            },
            encoder,
            decoder,
            colours: spec.palette.as_ref().map_or(1, Vec::len),
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
        let head = (self.features + self.named, self.style);
        let mut layers = half("encoder", &self.encoder);
        for name in self.heads() {
            layers.push(((*name).into(), head));
        }
        layers.extend(half("decoder", &self.decoder));
        if let Some(flow) = &self.flow {
            layers.extend(
                flow::layers(flow, self.features, self.code).map(|(name, size, _)| (name, size)),
            );
        }
        if self.learnt > 0 {
            layers.push(("prior".into(), (self.learnt, self.inputs)));
        }
        layers.extend(half("adversary", &self.adversary));
        if self.named > 0 {
            layers.extend(half("classifier", &self.classifier));
            layers.push(("class".into(), (self.features, self.named)));
        }
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
        let flow = self.flow.iter();
        let flow = flow.flat_map(|f| flow::layers(f, self.features, self.code));
        let flow: Vec<f32> = flow.map(|(_, _, gain)| gain).collect();
        let prior = vec![1.0; usize::from(self.learnt > 0)];
        let gains = [
            &gains(&self.encoder),
            heads,
            &gains(&self.decoder),
            &flow,
            &prior,
            &gains(&self.adversary),
            &gains(&self.classifier),
            &vec![1.0; usize::from(self.named > 0)],
        ]
        .concat();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let fresh = |((_, (from, to)), gain): ((String, Size), f32)| {
            // Inputs that are 0 add nothing to the sums.
            let from_one = if from == self.inputs {
                from / self.colours
            } else {
                from
            };
            let bound = self.initial_scale * gain * (3.0 / from_one.max(1) as f32).sqrt();
            let uniform = Uniform::new_inclusive(-bound, bound).expect("a finite interval");
            let values: Vec<f32> = (0..from * to).map(|_| uniform.sample(&mut rng)).collect();
            Layer {
                weight: Tensor::from_data(TensorData::new(values, [from, to]), device),
                bias: Tensor::zeros([to], device),
            }
        };
        self.layers().into_iter().zip(gains).map(fresh).collect()
    }

    /// What the encoder makes of `inputs`, `[items, inputs]`, before the code: `[items, features]`.
    pub(super) fn features(&self, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
        let [items, _] = inputs.dims();
        run(&self.encoder, weights, inputs).reshape([items, self.features])
    }

    /// Mean and log-variance of the normal posterior, `[items, code]` each, by [`Self::features`]; only for codes with a
    /// posterior. Of a conditional model `features` are followed by what is said by name, `[items, features + named]`.
    pub(super) fn posterior(
        &self,
        weights: &[Layer],
        features: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        let heads = &weights[self.code_layer()..];
        let mean = apply(&heads[0], features.clone(), None);
        // Bounded, so that no step can send a variance to infinity.
        let log_variance = apply(&heads[1], features, None).clamp(-12.0, 6.0);
        (mean, log_variance)
    }

    /// What [`Self::code_layer`] gives, `[items, code]`: means, points, or what bits and logistic units are made of.
    pub(super) fn sums(&self, weights: &[Layer], features: Tensor<2>) -> Tensor<2> {
        apply(&weights[self.code_layer()], features, None)
    }

    /// The codes of pictures where they have no posterior, `[items, code]`, by [`Self::features`].
    pub(super) fn point(&self, weights: &[Layer], features: Tensor<2>) -> Tensor<2> {
        let sums = self.sums(weights, features);
        match self.kind {
            CodeKind::Binary => rounded(sums),
            CodeKind::Logistic => activation::sigmoid(sums),
            CodeKind::Point | CodeKind::Posterior => sums,
        }
    }

    /// Codes of points or logistic units, `[items, code]`, and how they move when `inputs` move by `by`, both `[items, inputs]`: the
    /// product of their derivative with `by`, worked out along with them.
    pub(super) fn point_and_motion(
        &self,
        weights: &[Layer],
        inputs: Tensor<2>,
        by: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        let [items, _] = inputs.dims();
        let (features, motion) = run_moved(&self.encoder, weights, inputs, by);
        let features = features.reshape([items, self.features]);
        let motion = motion.reshape([items, self.features]);
        let unit = (self.kind == CodeKind::Logistic).then_some(Unit::Logistic);
        apply_moved(&weights[self.code_layer()], features, motion, unit)
    }

    /// Whether nothing lies between picture and code but one layer.
    pub(super) fn is_one_layer(&self) -> bool {
        self.encoder.is_empty()
    }

    /// The layers of the flow with its plan, where there is one.
    pub(super) fn flow<'a>(&self, weights: &'a [Layer]) -> Option<(&Flow, &'a [Layer])> {
        let flow = self.flow.as_ref()?;
        Some((flow, &weights[self.flow_layer()..]))
    }

    /// The layer whose rows are the pictures that the prior learns, where it does.
    pub(super) fn learnt<'a>(&self, weights: &'a [Layer]) -> Option<&'a Layer> {
        (self.learnt > 0).then(|| &weights[self.prior_layer()])
    }

    /// What the discriminator says of codes `[items, code]`, `[items, 2]`: logits of being drawn together and apart.
    pub(super) fn discriminate(&self, weights: &[Layer], codes: Tensor<2>) -> Tensor<2> {
        run(&self.adversary, &weights[self.adversary_layer()..], codes)
    }

    /// What the classifier of a conditional model makes of `inputs`, `[items, inputs]`: logits of classes or attributes, `[items, named]`.
    pub(super) fn classify(&self, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
        let [items, _] = inputs.dims();
        let adversary: usize = self.adversary.iter().map(|step| step.layers().len()).sum();
        let own = &weights[self.adversary_layer() + adversary..];
        let features = run(&self.classifier, own, inputs).reshape([items, self.features]);
        let last = own.last().expect("a layer that tells classes");
        apply(last, features, None)
    }

    /// Numbers of a code that are said by name.
    pub(super) fn named(&self) -> usize {
        self.named
    }

    fn adversary_layer(&self) -> usize {
        self.prior_layer() + usize::from(self.learnt > 0)
    }

    /// Layers between picture and code of a dense network, the code's included: the stages of pre-training.
    pub(super) fn stages(&self) -> usize {
        self.code_layer() + 1
    }

    /// Which layer leads inwards at a stage of a dense network, and which is its mirror.
    pub(super) fn stage(&self, stage: usize) -> (usize, usize) {
        let innermost = self.code_layer() + self.heads().len();
        (stage, innermost + self.code_layer() - stage)
    }

    /// The unit of the layer that leads inwards at a stage of a dense network; none of a linear one.
    pub(super) fn unit_of(&self, stage: usize) -> Option<Unit> {
        match self.encoder.get(stage) {
            Some(Step::Layer { unit, .. }) => *unit,
            Some(Step::Block { .. }) => None,
            None if self.kind == CodeKind::Point || self.kind == CodeKind::Posterior => None,
            None => Some(Unit::Logistic),
        }
    }

    /// What the stage `stage` of a dense network sees of `inputs`, `[items, inputs]`.
    pub(super) fn up_to(&self, weights: &[Layer], inputs: Tensor<2>, stage: usize) -> Tensor<2> {
        run(&self.encoder[..stage], weights, inputs)
    }

    /// What comes of a code of the stage `stage`, `[items, units]`, on the way out of a dense network: the decoder's output.
    pub(super) fn down_from(&self, weights: &[Layer], code: Tensor<2>, stage: usize) -> Tensor<2> {
        let (_, down) = self.stage(stage);
        let first = self.decoder.len() - 1 - stage;
        run(&self.decoder[first..], &weights[down..], code)
    }

    pub(super) fn kind(&self) -> CodeKind {
        self.kind
    }

    fn flow_layer(&self) -> usize {
        let decoder: usize = self.decoder.iter().map(|step| step.layers().len()).sum();
        self.code_layer() + self.heads().len() + decoder
    }

    /// Which layer holds the prior's learnt pictures, where there are any.
    pub(super) fn prior_layer(&self) -> usize {
        let flow = self.flow.as_ref().map_or(0, |f| f.steps * flow::LAYERS);
        self.flow_layer() + flow
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
        match self.kind {
            CodeKind::Posterior => &["mean", "log_variance"],
            CodeKind::Binary => &["logits"],
            CodeKind::Point | CodeKind::Logistic => &["code"],
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

/// What a layer makes of `x`, `[rows, in]`.
pub(super) fn apply(layer: &Layer, x: Tensor<2>, unit: Option<Unit>) -> Tensor<2> {
    let rectify = unit == Some(Unit::Rectified);
    let y = affine(x, layer.weight.clone(), layer.bias.clone(), rectify);
    match unit {
        Some(Unit::Logistic) => activation::sigmoid(y),
        Some(Unit::Tanh) => y.tanh(),
        Some(Unit::Softplus) => activation::softplus(y, 1.0),
        Some(Unit::Rectified) | None => y,
    }
}

/// The same, and how it moves when `x` moves by `by`.
fn apply_moved(
    layer: &Layer,
    x: Tensor<2>,
    by: Tensor<2>,
    unit: Option<Unit>,
) -> (Tensor<2>, Tensor<2>) {
    let y = apply(layer, x, unit);
    let motion = by.matmul(layer.weight.clone());
    let motion = match unit {
        None => motion,
        Some(Unit::Rectified) => motion * y.clone().detach().greater_elem(0.0).float(),
        Some(Unit::Logistic) => motion * (y.clone() * (y.clone().neg() + 1.0)),
        Some(Unit::Tanh) => motion * (y.clone().square().neg() + 1.0),
        // 1 − exp(−y) is the logistic function of the sum.
        Some(Unit::Softplus) => motion * (y.clone().neg().exp().neg() + 1.0),
    };
    (y, motion)
}

fn run(steps: &[Step], layers: &[Layer], mut x: Tensor<2>) -> Tensor<2> {
    let mut layers = layers.iter();
    let mut next = || layers.next().expect("a layer per step of the plan");
    for step in steps {
        x = rows_of(step, x);
        x = match step {
            Step::Layer { unit, .. } => apply(next(), x, *unit),
            Step::Block { near, .. } => {
                let kernel = next();
                let (weight, bias) = (kernel.weight.clone(), kernel.bias.clone());
                let around = depthwise(x.clone(), weight, bias, near);
                let middle = apply(next(), around, Some(Unit::Rectified));
                x + apply(next(), middle, None)
            }
        };
    }
    x
}

/// [`run`], and how the result moves when `x` moves by `by`.
fn run_moved(
    steps: &[Step],
    layers: &[Layer],
    mut x: Tensor<2>,
    mut by: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    let mut layers = layers.iter();
    let mut next = || layers.next().expect("a layer per step of the plan");
    for step in steps {
        (x, by) = (rows_of(step, x), rows_of(step, by));
        (x, by) = match step {
            Step::Layer { unit, .. } => apply_moved(next(), x, by, *unit),
            Step::Block { near, .. } => {
                let kernel = next();
                let (weight, bias) = (kernel.weight.clone(), kernel.bias.clone());
                let still = bias.zeros_like();
                let around = depthwise(x.clone(), weight.clone(), bias, near);
                let motion = depthwise(by.clone(), weight, still, near);
                let (middle, motion) = apply_moved(next(), around, motion, Some(Unit::Rectified));
                let (y, motion) = apply_moved(next(), middle, motion, None);
                (x + y, by + motion)
            }
        };
    }
    (x, by)
}

/// `x` in rows as wide as what goes into a step.
fn rows_of(step: &Step, x: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = x.dims();
    let width = step.size().0;
    x.reshape([rows * columns / width, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::model::auto_encoder::Architecture;
    use crate::model::binary::imbalance;
    use crate::model::likelihood::reconstruction;
    use crate::model::testing::{batch, check_slopes, numbers, tensor, vec};
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
                let mut batch = batch(inputs);
                batch.noise = Some(noise);
                architecture
                    .terms(weights, batch, 0.5, likelihood)
                    .loss(1.0)
            };
            check_slopes(&architecture, loss, |_, weights, device| {
                loss(weights, device)
            });
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
        let logits = |weights: &[Layer], inputs| plan.sums(weights, plan.features(weights, inputs));
        let loss = |weights: &[Layer], device: &Device| {
            let inputs = architecture.inputs(&items, None, device);
            let terms = architecture.terms(weights, batch(inputs), 0.5, likelihood);
            assert_eq!(vec(terms.kl.clone()), [0.0]);
            terms.loss(1.0)
        };
        // The bits stay what they are, and move as sigmoids do: at the weights the value is that of the loss, and its derivative
        // the one that rounding passes on.
        let weights = plan.weights(3, &device);
        let (bits, _) = plan.encode(&weights, inputs(), None);
        let sigmoid = |weights: &[Layer]| sigmoid(logits(weights, inputs()));
        let at_weights = sigmoid(&weights);
        let plain = |_, weights: &[Layer], _: &Device| {
            let code = bits.clone() + sigmoid(weights) - at_weights.clone();
            let (output, padding) = architecture.masked(plan.decode(weights, code));
            let imbalance = imbalance(logits(weights, inputs()));
            reconstruction(output, inputs(), likelihood, 0.5) - padding + imbalance
        };
        let (a, b) = (
            vec(loss(&weights, &device)),
            vec(plain(0, &weights, &device)),
        );
        assert!((a[0] - b[0]).abs() < 1e-4 * a[0], "{a:?} and {b:?}");
        check_slopes(&architecture, loss, plain);
    }
}
