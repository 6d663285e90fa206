//! Training of a network that tells something of a picture, its class or its attributes: what a classifier and a probe share.
//!
//! Invariants: what comes out depends on the course, its seed and the first weights alone, whatever the number of threads; the weights that
//! are kept are finite numbers if the first ones were.

use burn::tensor::{Device, Tensor, TensorData, activation};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::data::{Corruption, Dataset};
use crate::error::Result;
use crate::model::auto_encoder::{Architecture, read, stream};
use crate::model::finite;
use crate::model::network::Layer;
use crate::model::optimizer::{Adam, tracked, untracked};
use crate::progress::Progress;

/// Streams of random numbers, apart from those of [`super`] and of pre-training.
const ORDER: u64 = 1 << 49;
const CORRUPT: u64 = 1 << 48;

/// Items looked at a time.
const AT_ONCE: usize = 500;

/// What is told of each item of a data set.
#[derive(Clone, Copy)]
pub(in crate::model) enum Truth<'a> {
    /// Its class.
    Classes(&'a [u16]),
    /// A number in `[0, 1]` for each of the network's outputs, `[n, outputs]`.
    Attributes(&'a [f32]),
}

impl Truth<'_> {
    /// What the outputs should be for the items `ids`, `[ids, outputs]`: of classes 1 for the right one and 0 for the others.
    fn wanted(self, ids: &[u32], outputs: usize) -> Vec<f32> {
        match self {
            Self::Classes(classes) => {
                let mut chosen = vec![0.0; ids.len() * outputs];
                for (row, &id) in chosen.chunks_mut(outputs).zip(ids) {
                    row[usize::from(classes[id as usize])] = 1.0;
                }
                chosen
            }
            Self::Attributes(values) => {
                let row = |&id: &u32| &values[id as usize * outputs..][..outputs];
                ids.iter().flat_map(row).copied().collect()
            }
        }
    }

    /// What is wrong in an item's logits: 1 for another class, or the number of attributes on the other side of the middle; and its loss, nats.
    fn misses(self, id: u32, logits: &[f32]) -> (usize, f64) {
        match self {
            Self::Classes(classes) => {
                let truth = classes[id as usize];
                let (class, most) = largest(logits);
                let total: f64 = logits.iter().map(|x| f64::from(x - most).exp()).sum();
                let own = logits[usize::from(truth)];
                let loss = total.ln() - f64::from(own - most);
                (usize::from(class != truth), loss)
            }
            Self::Attributes(values) => {
                let values = &values[id as usize * logits.len()..][..logits.len()];
                let both = || logits.iter().zip(values);
                let wrong = both().filter(|(x, t)| (**x > 0.0) != (**t > 0.5));
                let loss = |(x, t): (&f32, &f32)| {
                    let (x, t) = (f64::from(*x), f64::from(*t));
                    (-x.abs()).exp().ln_1p() + x.max(0.0) - x * t
                };
                (wrong.count(), both().map(loss).sum())
            }
        }
    }
}

/// The first of the largest numbers, and where it stands.
pub(in crate::model) fn largest(logits: &[f32]) -> (u16, f32) {
    let first = (0, f32::NEG_INFINITY);
    let larger = |best: (u16, f32), (class, value): (u16, &f32)| {
        if *value > best.1 {
            (class, *value)
        } else {
            best
        }
    };
    (0..).zip(logits).fold(first, larger)
}

/// How a network is trained.
pub(in crate::model) struct Course {
    /// Steps in all.
    pub(in crate::model) steps: usize,
    /// Items per step.
    pub(in crate::model) batch: usize,
    /// Steps between two looks at the validation items.
    pub(in crate::model) every: usize,
    /// Adam's step size at the start; it falls to 0 along half a cosine.
    pub(in crate::model) learning_rate: f64,
    /// What is done to each picture before the network sees it, with its strength.
    pub(in crate::model) corruption: Option<(Corruption, f32)>,
    /// Seed of order and corruption.
    pub(in crate::model) seed: u64,
}

/// What a training came to.
pub(in crate::model) struct Tuned {
    /// The weights with the fewest errors on the validation items, of equally many those with the lower loss.
    pub(in crate::model) weights: Vec<Layer>,
    /// Steps after which they were reached.
    pub(in crate::model) best_step: usize,
    /// What is wrong with them on the validation items.
    pub(in crate::model) wrong: usize,
    /// Why it ended before its last step, and which weights were kept.
    pub(in crate::model) stopped: Option<String>,
}

/// A network on its way.
pub(in crate::model) struct Tuning {
    pub(in crate::model) architecture: Architecture,
    recording: Device,
    weights: Vec<Layer>,
    adam: Adam,
}

impl Tuning {
    /// From the given weights of the encoder and of the layer behind it.
    pub(in crate::model) fn new(architecture: Architecture, weights: Vec<Layer>) -> Self {
        Self {
            recording: architecture.device.clone().autodiff(),
            weights: weights.into_iter().map(tracked).collect(),
            adam: Adam::default(),
            architecture,
        }
    }

    fn now(&self) -> Vec<Layer> {
        self.weights.iter().map(untracked).collect()
    }

    /// Trains on the items `train` of `dataset`, and chooses among the weights by the items `validation`. A loss or a weight that is no longer a
    /// finite number ends it, with the best weights until then.
    ///
    /// # Errors
    /// When the device fails or someone asked for the end.
    pub(in crate::model) fn run(
        &mut self,
        course: &Course,
        dataset: &Dataset,
        truth: Truth,
        (train, validation): (&[u32], &[u32]),
        progress: &Progress,
    ) -> Result<Tuned> {
        let per_epoch = train.len() / course.batch;
        let judge = |tuning: &Self, weights: &[Layer]| {
            judged(&tuning.architecture, weights, dataset, validation, truth)
        };
        // Should nothing better come, there is what it began with.
        let first = self.now();
        let mut best = (judge(self, &first)?, 0, first);
        let mut stopped = None;
        let mut losses = Vec::new();
        let (mut epoch, mut order) = (usize::MAX, Vec::new());
        for step in 0..course.steps {
            progress.update(step, course.steps)?;
            if epoch != step / per_epoch {
                epoch = step / per_epoch;
                order = train.to_vec();
                order.shuffle(&mut stream(course.seed, ORDER + epoch as u64));
            }
            let ids = &order[step % per_epoch * course.batch..][..course.batch];
            let done = step as f64 / course.steps as f64;
            let rate = course.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
            losses.push(self.step(course, dataset, truth, ids, (step, rate)));
            if (step + 1) % course.every != 0 && step + 1 != course.steps {
                continue;
            }
            // The one place where the training waits for the device.
            let values = read(Tensor::cat(std::mem::take(&mut losses), 0))?;
            let now = self.now();
            let found = judge(self, &now)?;
            let bad = values.iter().position(|loss| !loss.is_finite());
            // A rectified unit makes 0 of what is no number, so that the loss alone does not tell.
            if bad.is_some() || !found.1.is_finite() || !finite::are_finite(&now)? {
                let after = step + 1 - bad.map_or(0, |bad| values.len() - bad);
                stopped = Some(format!(
                    "the loss is no longer a finite number after {after} steps; the weights after {} steps, the best until then, are kept (try a lower learning rate)",
                    best.1
                ));
                break;
            }
            if found.0 < best.0.0 || (found.0 == best.0.0 && found.1 < best.0.1) {
                best = (found, step + 1, now);
            }
        }
        let ((wrong, _), best_step, weights) = best;
        Ok(Tuned {
            weights,
            best_step,
            wrong,
            stopped,
        })
    }

    /// One step of Adam of size `rate` on the items `ids`; gives the loss before it.
    pub(super) fn step(
        &mut self,
        course: &Course,
        dataset: &Dataset,
        truth: Truth,
        ids: &[u32],
        (step, rate): (usize, f64),
    ) -> Tensor<1> {
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let own = &self.architecture;
        let inputs = match course.corruption {
            None => own.inputs(&items, None, &self.recording),
            Some((kind, strength)) => {
                let first = CORRUPT + (step * course.batch) as u64;
                let corrupted = items.par_iter().enumerate().map(|(i, pixels)| {
                    let mut chance = stream(course.seed, first + i as u64);
                    kind.apply_with(pixels, dataset.shape(), strength, &mut chance)
                });
                let corrupted: Vec<Vec<u8>> = corrupted.collect();
                let views: Vec<&[u8]> = corrupted.iter().map(Vec::as_slice).collect();
                own.inputs(&views, None, &self.recording) * kept_scale(kind, strength)
            }
        };
        let loss = loss(own, &self.weights, inputs, truth, ids);
        let mut gradients = loss.backward();
        let weights = std::mem::take(&mut self.weights);
        self.weights = self.adam.step(weights, &mut gradients, rate, 0.0);
        loss.inner()
    }
}

/// By what corrupted inputs are multiplied, so that on average they are what they are without: masked pixels are dropped inputs, and what
/// is left of them weighs more (Srivastava et al. 2014).
fn kept_scale(kind: Corruption, strength: f32) -> f32 {
    match kind {
        Corruption::Masking if strength < 1.0 => 1.0 / (1.0 - strength),
        Corruption::Masking | Corruption::Gaussian | Corruption::SaltAndPepper => 1.0,
    }
}

/// What the network makes of `inputs`, `[items, inputs]`: logits, `[items, outputs]`.
fn logits(architecture: &Architecture, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
    let plan = &architecture.plan;
    plan.sums(weights, plan.features(weights, inputs))
}

/// The mean over the items `ids`, whose `inputs` these are, of what their logits are off by, nats: of classes `−log P(truth)` by the soft-max,
/// of attributes the cross-entropy of each with the logistic function, added up.
fn loss(
    architecture: &Architecture,
    weights: &[Layer],
    inputs: Tensor<2>,
    truth: Truth,
    ids: &[u32],
) -> Tensor<1> {
    let device = inputs.device();
    let outputs = architecture.spec.code;
    let wanted = TensorData::new(truth.wanted(ids, outputs), [ids.len(), outputs]);
    let wanted: Tensor<2> = Tensor::from_data(wanted, &device);
    let logits = logits(architecture, weights, inputs);
    match truth {
        Truth::Classes(_) => {
            // Less the largest of each row, so that no exponential overflows.
            let logits = logits.clone() - logits.detach().max_dim(1);
            let total = logits.clone().exp().sum_dim(1).log();
            (total - (logits * wanted).sum_dim(1)).mean().reshape([1])
        }
        Truth::Attributes(_) => {
            let softplus =
                logits.clone().abs().neg().exp().log1p() + activation::relu(logits.clone());
            let off = softplus - logits * wanted;
            off.sum_dim(1).mean().reshape([1])
        }
    }
}

/// Tells `found` the logits of each of the items `ids`.
pub(in crate::model) fn each_logits(
    architecture: &Architecture,
    weights: &[Layer],
    dataset: &Dataset,
    ids: &[u32],
    progress: &Progress,
    mut found: impl FnMut(u32, &[f32]),
) -> Result<()> {
    for (block, part) in ids.chunks(AT_ONCE).enumerate() {
        progress.update(block * AT_ONCE, ids.len())?;
        let items: Vec<&[u8]> = part.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let values = logits_of(architecture, weights, &items)?;
        for (row, &id) in values.chunks(architecture.spec.code).zip(part) {
            found(id, row);
        }
    }
    Ok(())
}

/// The logits of pictures of the network's shape, `[items, outputs]`.
pub(in crate::model) fn logits_of(
    architecture: &Architecture,
    weights: &[Layer],
    items: &[&[u8]],
) -> Result<Vec<f32>> {
    let inputs = architecture.inputs(items, None, &architecture.device);
    read(logits(architecture, weights, inputs))
}

/// What is wrong with the items `ids`, added up, and their mean loss, nats.
pub(super) fn judged(
    architecture: &Architecture,
    weights: &[Layer],
    dataset: &Dataset,
    ids: &[u32],
    truth: Truth,
) -> Result<(usize, f64)> {
    let (mut wrong, mut sum) = (0, 0.0);
    let silent = Progress::silent();
    each_logits(
        architecture,
        weights,
        dataset,
        ids,
        &silent,
        |id, logits| {
            let (own, loss) = truth.misses(id, logits);
            wrong += own;
            sum += loss;
        },
    )?;
    Ok((wrong, sum / ids.len().max(1) as f64))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{data, plan};
    use super::*;
    use crate::model::Unit;
    use crate::model::testing::{numbers, vec};

    fn fresh(architecture: Architecture) -> Tuning {
        let weights = plan(Unit::Tanh).first_weights(&architecture, None);
        Tuning::new(architecture, weights.expect("weights"))
    }

    #[test]
    fn the_gradient_of_the_loss_is_its_slope() {
        let data = data(40);
        let device = Device::flex();
        let ids = [0, 7, 20, 31];
        let items: Vec<&[u8]> = ids.iter().map(|&id| data.pixels(id as usize)).collect();
        let classes = &data.labels().expect("classes").values;
        let attributes: Vec<f32> = numbers(400, 3).iter().map(|x| 0.5 + 0.5 * x).collect();
        let all = [Truth::Classes(classes), Truth::Attributes(&attributes)];
        let units = [Unit::Logistic, Unit::Tanh, Unit::Softplus];
        for (unit, truth) in units.into_iter().flat_map(|u| all.map(|t| (u, t))) {
            let (architecture, _) = plan(unit).architecture(&data, &device).expect("a network");
            let tuning = fresh(architecture);
            let inputs = tuning.architecture.inputs(&items, None, &tuning.recording);
            let gradients =
                loss(&tuning.architecture, &tuning.weights, inputs, truth, &ids).backward();
            let now = tuning.now();
            let plain = |at: usize, flat: Vec<f32>, is_bias: bool| {
                let mut weights = now.clone();
                let layer = &mut weights[at];
                if is_bias {
                    let shape = layer.bias.dims();
                    layer.bias = Tensor::from_data(TensorData::new(flat, shape), &device);
                } else {
                    let shape = layer.weight.dims();
                    layer.weight = Tensor::from_data(TensorData::new(flat, shape), &device);
                }
                let inputs = tuning.architecture.inputs(&items, None, &device);
                vec(loss(&tuning.architecture, &weights, inputs, truth, &ids))[0]
            };
            for (at, layer) in tuning.weights.iter().enumerate() {
                let slopes = [
                    vec(layer.weight.grad(&gradients).expect("a gradient")),
                    vec(layer.bias.grad(&gradients).expect("a gradient")),
                ];
                let values = [vec(now[at].weight.clone()), vec(now[at].bias.clone())];
                for (slopes, values) in slopes.into_iter().zip(values) {
                    let is_bias = values.len() == now[at].bias.dims()[0];
                    // The number that matters most, so that rounding does not hide its slope.
                    let i = (0..slopes.len())
                        .max_by(|a, b| slopes[*a].abs().total_cmp(&slopes[*b].abs()))
                        .expect("a number");
                    let moved = |by: f32| {
                        let mut flat = values.clone();
                        flat[i] += by;
                        plain(at, flat, is_bias)
                    };
                    let step = 5e-3;
                    let slope = (moved(step) - moved(-step)) / (2.0 * step);
                    assert!(
                        (slope - slopes[i]).abs() < 0.01 * slopes[i].abs() + 2e-4,
                        "{unit:?}, layer {at}: {slope} and {}",
                        slopes[i]
                    );
                }
            }
        }
    }

    #[test]
    fn the_loss_is_finite_and_right_where_logits_are_large() {
        let data = data(40);
        let device = Device::flex();
        let (architecture, parts) = plan(Unit::Logistic)
            .architecture(&data, &device)
            .expect("a network");
        let mut weights = fresh(architecture).now();
        let (architecture, _) = plan(Unit::Logistic)
            .architecture(&data, &device)
            .expect("a network");
        let last = weights.last_mut().expect("a layer");
        last.weight = last.weight.zeros_like();
        let biases: Vec<f32> = (0..10).map(|i| 200.0 * i as f32).collect();
        last.bias = Tensor::from_data(TensorData::new(biases, [10]), &device);
        let inputs = architecture.inputs(&[data.pixels(0)], None, &device);
        let found = vec(loss(
            &architecture,
            &weights,
            inputs,
            Truth::Classes(&[7]),
            &[0],
        ))[0];
        assert!((found - 400.0).abs() < 1e-3, "{found}");
        // What validation counts with is the same.
        let truth = vec![7; data.len()];
        let ids = &parts.train[..3];
        let truth = Truth::Classes(&truth);
        let (wrong, mean) = judged(&architecture, &weights, &data, ids, truth).expect("a loss");
        assert_eq!(wrong, 3);
        assert!((mean - 400.0).abs() < 1e-3, "{mean}");
    }

    #[test]
    fn an_attribute_is_missed_on_the_other_side_of_the_middle() {
        let truth = Truth::Attributes(&[0.9, 0.1, 0.6, 0.4, 0.5, 1.0]);
        // The second item's numbers are 0.4, 0.5 and 1: low, low and high.
        let (wrong, loss) = truth.misses(1, &[2.0, -1.0, 0.0]);
        assert_eq!(wrong, 2);
        let entropy = |x: f64, t: f64| {
            let share = 1.0 / (1.0 + (-x).exp());
            -t * share.ln() - (1.0 - t) * (1.0 - share).ln()
        };
        let expected = entropy(2.0, 0.4) + entropy(-1.0, 0.5) + entropy(0.0, 1.0);
        assert!((loss - expected).abs() < 1e-6, "{loss} and {expected}");
        // Far logits neither overflow nor lose their loss.
        let (_, loss) = truth.misses(1, &[800.0, -800.0, 800.0]);
        assert!((loss - (480.0 + 400.0)).abs() < 1e-3, "{loss}");
    }

    #[test]
    fn masked_inputs_are_on_average_what_they_are() {
        let data = data(1);
        let masked = |id: u64| {
            let kind = Corruption::Masking;
            kind.apply(data.pixels(0), data.shape(), 0.4, id)
        };
        let sum = |pixels: &[u8]| pixels.iter().map(|p| f64::from(*p)).sum::<f64>();
        let mean = (0..200).map(|id| sum(&masked(id))).sum::<f64>() / 200.0;
        let scaled = mean * f64::from(kept_scale(Corruption::Masking, 0.4));
        let whole = sum(data.pixels(0));
        assert!((scaled / whole - 1.0).abs() < 0.02, "{scaled} and {whole}");
    }
}
