//! The networks of an auto-encoder: layers with weights, and the plan by which they are applied.
//!
//! Invariant: parameter names depend on the specification alone: `encoder.I`, `mean`, `log_variance` (of codes without a posterior `logits` or
//! `code` instead of the two) and `decoder.I`, each with `weight [in, out]` and `bias [out]`; of a depthwise convolution the weight is
//! `[9, channels]`, of another `[taps · in, out]`. Behind them, where there are any: `flow.STEP.…`, `prior` with a row per learnt picture, `adversary.I`, `classifier.I` and `class`, and with `beneath.` before them the names of the
//! model that this one stands on.

mod step;

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData, activation};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Uniform};

use super::binary::rounded;
use super::convolution::Window;
use super::depthwise::Neighbours;
use super::flow;
use super::layout::{PixelLayout, grid, places};
use super::spec::{CodeKind, Flow, ModelSpec, Network, Prior, Unit, Unpooling};

use step::{Step, apply_moved, run, run_moved, walk};
pub(super) use step::{Unpooled, apply};

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

/// Units of each hidden layer of a discriminator.
const DISCRIMINATOR: usize = 256;

/// The plan of both halves.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    encoder: Vec<Step>,
    decoder: Vec<Step>,
    features: usize,
    /// Numbers of a code that are not said by name, and those that are.
    style: usize,
    named: usize,
    /// Octaves of waves of what is said by name, and what the decoder is told with them.
    octaves: usize,
    told: usize,
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
    unpooling: Unpooling,
    /// What there is to look at of encoder and decoder.
    stages: [Vec<View>; 2],
    /// The model on whose codes this one stands: what goes in and comes out is its.
    beneath: Option<Box<Self>>,
}

/// Row and column of each position, in the order in which they lie.
type Places = Vec<(usize, usize)>;

/// Maps of features that can be looked at after some of the steps of one half of a network.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) name: String,
    /// Steps before it.
    after: usize,
    pub(super) channels: usize,
    pub(super) places: Arc<Places>,
}

impl Plan {
    pub(super) fn new(spec: &ModelSpec) -> Self {
        if let (Some(above), Some(beneath)) = (spec.above(), spec.beneath()) {
            return Self {
                beneath: Some(Box::new(Self::new(beneath))),
                ..Self::new(&above)
            };
        }
        let inputs = PixelLayout::new(spec).inputs();
        let of_unit = |from, to, unit| Step::Layer {
            size: (from, to),
            unit,
        };
        let layer = |from, to, rectify: bool| of_unit(from, to, rectify.then_some(Unit::Rectified));
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let dense = |mut width, hidden: &[usize], encoder: &mut Vec<_>, decoder: &mut Vec<_>| {
            for &next in hidden {
                encoder.push(layer(width, next, true));
                decoder.push(layer(next, width, true));
                width = next;
            }
            width
        };
        let named = spec.code - spec.style();
        let octaves = spec.condition.as_ref().map_or(0, |c| c.octaves);
        let told = spec.code + 2 * octaves * named;
        let mut views = [Vec::new(), Vec::new()];
        let features = match &spec.network {
            // Which was dealt with.
            Network::Stacked { .. } => inputs,
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
                    let near = Arc::new(Neighbours::new(&places(spec, i + 1)));
                    let block = Step::Block { width, near };
                    encoder.extend(vec![block.clone(); stage.blocks]);
                    decoder.extend(vec![block; stage.blocks]);
                    let places = Arc::new(places(spec, i + 1));
                    let view = |name: &str, after| View {
                        name: format!("{name} {}", i + 1),
                        after,
                        channels: width,
                        places: places.clone(),
                    };
                    views[0].push(view("Stage", encoder.len()));
                    views[1].push(view("Back to stage", decoder.len()));
                }
                dense(width * rows * columns, hidden, &mut encoder, &mut decoder)
            }
            Network::Pooled { stages, hidden, .. } => {
                let (rows, columns) = grid(spec);
                let mut width = spec.shape.channels;
                let mut outer = Arc::new(places(spec, 0));
                for (i, stage) in stages.iter().enumerate() {
                    let channels = stage.channels;
                    let inner = Arc::new(places(spec, i + 1));
                    let window = Arc::new(Window::new(&outer, stage.kernel));
                    let convolution = |from, to, rectify| Step::Convolution {
                        size: (from, to),
                        window: window.clone(),
                        rectify,
                    };
                    let view = |name: &str, after, channels, places: &Arc<Places>| View {
                        name: format!("{name} {}", i + 1),
                        after,
                        channels,
                        places: places.clone(),
                    };
                    encoder.push(convolution(width, channels, true));
                    views[0].push(view("Convolution", encoder.len(), channels, &outer));
                    encoder.push(Step::Pool { channels });
                    views[0].push(view("Pooling", encoder.len(), channels, &inner));
                    views[1].push(view("Deconvolution", decoder.len(), width, &outer));
                    decoder.push(convolution(channels, width, i > 0));
                    views[1].push(view("Unpooling", decoder.len(), channels, &outer));
                    decoder.push(Step::Unpool { channels });
                    (width, outer) = (channels, inner);
                }
                views[1].push(View {
                    name: "From the code".into(),
                    after: decoder.len(),
                    channels: width,
                    places: outer,
                });
                dense(width * rows * columns, hidden, &mut encoder, &mut decoder)
            }
        };
        let innermost = match &spec.network {
            // Then it is the outermost, too.
            Network::Dense { hidden, .. } if hidden.is_empty() => None,
            Network::Dense { unit, .. } => Some(*unit),
            Network::Conv { .. } | Network::Pooled { .. } | Network::Stacked { .. } => {
                Some(Unit::Rectified)
            }
        };
        decoder.push(of_unit(told, features, innermost));
        decoder.reverse();
        views[1].reverse();
        for view in &mut views[1] {
            view.after = decoder.len() - view.after;
        }
        // Few layers do not need their signal kept up, and small weights end better: 0.5 nats on MNIST after 50 epochs. Before
        // bits there are many.
        let initial_scale = match spec.network {
            Network::Dense {
                unit: Unit::Rectified,
                ..
            } if !spec.is_binary() => 1.0 / 3.0_f32.sqrt(),
            Network::Dense { .. }
            | Network::Conv { .. }
            | Network::Pooled { .. }
            | Network::Stacked { .. } => 1.0,
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
            named,
            octaves,
            told,
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
            // Of no effect where nothing is pooled.
            unpooling: spec.unpooling().unwrap_or(Unpooling::Repetition),
            stages: views,
            beneath: None,
        }
    }

    /// Layers that are trained: all but those of the model beneath.
    pub(super) fn own_layers(&self) -> usize {
        let classifier: usize = self.classifier.iter().map(|step| step.layers().len()).sum();
        self.classifier_layer() + classifier + usize::from(self.named > 0)
    }

    /// The model that this one stands on, with its weights.
    pub(super) fn beneath<'a>(&self, weights: &'a [Layer]) -> Option<(&Self, &'a [Layer])> {
        let beneath = self.beneath.as_deref()?;
        Some((beneath, &weights[self.own_layers()..]))
    }

    /// What the encoder is given of `inputs`, `[items, inputs]`: the means of the codes beneath, where there is a model beneath.
    fn given(&self, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
        match self.beneath(weights) {
            Some((beneath, own)) => beneath.encode(own, inputs, None).0,
            None => inputs,
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
        if let Some(beneath) = &self.beneath {
            let below = beneath.layers().into_iter();
            layers.extend(below.map(|(name, size)| (format!("beneath.{name}"), size)));
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
        let mut weights: Vec<Layer> = self.layers().into_iter().zip(gains).map(fresh).collect();
        if let Some(beneath) = &self.beneath {
            weights.extend(beneath.weights(seed, device));
        }
        weights
    }

    /// What the encoder makes of `inputs`, `[items, inputs]`, before the code: `[items, features]`.
    pub(super) fn features(&self, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
        self.features_and_switches(weights, inputs, &mut ignored).0
    }

    /// The same, and what the decoder may remember of it. `look` is told each of the encoder's [`View`]s.
    pub(super) fn features_and_switches(
        &self,
        weights: &[Layer],
        inputs: Tensor<2>,
        look: &mut impl FnMut(&View, Tensor<2>),
    ) -> (Tensor<2>, Unpooled) {
        let [items, _] = inputs.dims();
        let inputs = self.given(weights, inputs);
        let mut unpooled = self.forgotten();
        let features = walk(
            &self.encoder,
            weights,
            inputs,
            &mut unpooled,
            &mut |at, x| {
                tell(&self.stages[0], at, x, look);
            },
        );
        (features.reshape([items, self.features]), unpooled)
    }

    /// What there is to look at of the decoder or the encoder, from the picture or the code on.
    pub(super) fn views(&self, of_decoder: bool) -> &[View] {
        &self.stages[usize::from(of_decoder)]
    }

    /// How codes by themselves are unpooled.
    pub(super) fn forgotten(&self) -> Unpooled {
        Unpooled {
            by: self.unpooling,
            switches: Vec::new(),
        }
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
        let inputs = self.given(weights, inputs);
        let own = &weights[self.classifier_layer()..self.own_layers()];
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

    fn classifier_layer(&self) -> usize {
        let adversary: usize = self.adversary.iter().map(|step| step.layers().len()).sum();
        self.adversary_layer() + adversary
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
            Some(_) => None,
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

    /// Which layers make the decoder.
    pub(super) fn decoder_layers(&self) -> std::ops::Range<usize> {
        self.code_layer() + self.heads().len()..self.flow_layer()
    }

    /// Which layers make the classifier, where there is one.
    pub(super) fn classifier_layers(&self) -> std::ops::Range<usize> {
        self.classifier_layer()..self.own_layers()
    }

    /// Which layer holds the prior's learnt pictures, where there are any.
    pub(super) fn prior_layer(&self) -> usize {
        let flow = self.flow.as_ref().map_or(0, |f| f.steps * flow::LAYERS);
        self.flow_layer() + flow
    }

    /// The decoder's output for codes `[items, code]`, `[items, inputs]`: logits or means by the likelihood.
    pub(super) fn decode(&self, weights: &[Layer], codes: Tensor<2>) -> Tensor<2> {
        self.decode_by(weights, codes, self.forgotten(), &mut ignored)
    }

    /// The same, unpooled as [`Self::features_and_switches`] remembers it of as many pictures. `look` is told each of the decoder's
    /// [`View`]s.
    pub(super) fn decode_by(
        &self,
        weights: &[Layer],
        codes: Tensor<2>,
        mut unpooled: Unpooled,
        look: &mut impl FnMut(&View, Tensor<2>),
    ) -> Tensor<2> {
        let [items, _] = codes.dims();
        let own = &weights[self.code_layer() + self.heads().len()..];
        let told = self.with_waves(codes);
        let output = walk(&self.decoder, own, told, &mut unpooled, &mut |at, x| {
            tell(&self.stages[1], at, x, look);
        });
        let output = output.reshape([items, self.inputs]);
        match self.beneath(weights) {
            Some((beneath, own)) => beneath.decode(own, output),
            None => output,
        }
    }

    /// What the decoder is told by `codes`, `[items, code]`: them, and sine and cosine of each octave of what they say by name, `[items, told]`.
    fn with_waves(&self, codes: Tensor<2>) -> Tensor<2> {
        if self.octaves == 0 {
            return codes;
        }
        let named = codes.clone().narrow(1, self.style, self.named);
        let waves = (0..self.octaves).flat_map(|octave| {
            let angle = named.clone() * (std::f32::consts::PI * (1_u32 << octave) as f32);
            [angle.clone().sin(), angle.cos()]
        });
        Tensor::cat(std::iter::once(codes).chain(waves).collect(), 1)
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
        let beneath = self.beneath.as_ref().map_or(0, |b| b.dearest_layer());
        let own = half(&self.encoder, self.inputs).max(half(&self.decoder, self.told));
        own.max(beneath)
    }
}

/// Looks at nothing.
pub(super) fn ignored(_: &View, _: Tensor<2>) {}

/// Tells `look` what there is to see after `after` steps.
fn tell(views: &[View], after: usize, x: &Tensor<2>, look: &mut impl FnMut(&View, Tensor<2>)) {
    for view in views.iter().filter(|view| view.after == after) {
        look(view, x.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::model::auto_encoder::Architecture;
    use crate::model::binary::imbalance;
    use crate::model::likelihood::reconstruction;
    use crate::model::testing::{batch, check_slopes, numbers, tensor, vec};
    use crate::model::{CodeKind, Likelihood, Pooling, Stage};
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

    /// Pictures that do not fill the fields of two poolings.
    fn pooled(unpooling: Unpooling) -> ModelSpec {
        let stage = |channels| Pooling {
            kernel: 3,
            channels,
        };
        ModelSpec {
            kind: CodeKind::Point,
            network: Network::Pooled {
                stages: vec![stage(4), stage(5)],
                hidden: vec![8],
                unpooling,
            },
            ..conv()
        }
        .check()
        .expect("a specification")
    }

    #[test]
    fn with_every_unpooling_the_gradient_is_the_slope() {
        let device = Device::flex();
        for unpooling in Unpooling::ALL {
            for contraction in [0.0, 0.5] {
                let mut spec = pooled(unpooling);
                spec.objective.contraction = contraction;
                let likelihood = spec.likelihood;
                let architecture = Architecture::new(spec, &device).expect("a network");
                let plan = &architecture.plan;
                let pixels = two_pictures();
                let items: Vec<&[u8]> = pixels.chunks(42).collect();
                let width = architecture.layout.inputs();
                let inputs = |device: &Device| architecture.inputs(&items, None, device);
                let terms = |weights: &[Layer], device: &Device| {
                    let mut batch = batch(inputs(device));
                    batch.direction = (contraction > 0.0)
                        .then(|| tensor(numbers(2 * width, 3), [2, width], device));
                    architecture.terms(weights, batch, 0.5, likelihood)
                };
                let weights = plan.weights(3, &device);
                let look = &mut ignored;
                let (_, remembered) = plan.features_and_switches(&weights, inputs(&device), look);
                // A switch has no slope: it stays where it is while a weight moves.
                let plain = |_, weights: &[Layer], device: &Device| {
                    let all = terms(weights, device);
                    let features = plan.features(weights, inputs(device));
                    let codes = plan.point(weights, features);
                    let output = plan.decode_by(weights, codes, remembered.clone(), &mut ignored);
                    let (output, padding) = architecture.masked(output);
                    let made = reconstruction(output, inputs(device), likelihood, 0.5) - padding;
                    all.loss(1.0) - all.reconstruction + made
                };
                let loss = |weights: &[Layer], device: &Device| terms(weights, device).loss(1.0);
                let (a, b) = (
                    vec(loss(&weights, &device)),
                    vec(plain(0, &weights, &device)),
                );
                assert!((a[0] - b[0]).abs() < 1e-4 * a[0], "{a:?} and {b:?}");
                check_slopes(&architecture, loss, plain);
            }
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
