//! Greedy pre-training of a dense network, layer by layer from the picture inwards (Hinton and Salakhutdinov, Science 2006; Bengio et al. 2007).
//!
//! Each stage learns to make again what the stages before it give, which no longer change; afterwards its layer and its mirror take their
//! places in the network, which is then trained as a whole. Invariant: what a stage does depends on the seed and on the number of steps
//! before it alone.

use burn::tensor::{Device, Tensor, activation};
use rand::RngExt as _;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::auto_encoder::{Architecture, drawn, normal, read, stream};
use super::network::{Layer, apply};
use super::optimizer::{Adam, tracked, untracked};
use super::spec::{ModelSpec, Network, Unit};
use crate::error::{Error, Result};

/// Streams of random numbers, apart from those of the training itself.
const DRAW: u64 = 1 << 53;
const ORDER: u64 = 1 << 52;

/// Weight cost of a Boltzmann machine.
const COST: f32 = 2e-4;
/// Momentum in the first epochs of a stage, and from then on.
const MOMENTUM: (f32, f32) = (0.5, 0.9);
/// How many epochs are the first.
const FIRST_EPOCHS: u64 = 5;
/// Weight of the sum of absolute values of hidden units where there are more of them than inputs.
const SPARSITY: f32 = 1e-3;
/// Adam's step size for auto-encoders.
const ADAM_RATE: f64 = 1e-3;

/// By what a stage learns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Teacher {
    /// A restricted Boltzmann machine, by one step of contrastive divergence (Hinton 2002).
    Boltzmann,
    /// A shallow auto-encoder; where the hidden layer is wider than what it sees, with a cost on its units' absolute values.
    AutoEncoder,
}

impl Teacher {
    /// Both, in the order menus show them.
    pub const ALL: [Self; 2] = [Self::Boltzmann, Self::AutoEncoder];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boltzmann => "boltzmann",
            Self::AutoEncoder => "auto-encoder",
        }
    }

    /// The name in the window.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Boltzmann => "Boltzmann machines",
            Self::AutoEncoder => "Auto-encoders",
        }
    }
}

/// How a network is pre-trained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pretraining {
    /// By what.
    pub teacher: Teacher,
    /// Passes over the items, for each layer.
    pub epochs: usize,
}

impl Pretraining {
    /// Whether `spec` has layers that can be pre-trained so.
    ///
    /// # Errors
    /// When it has not; the reason says what would fit.
    pub fn check(self, spec: &ModelSpec) -> Result<()> {
        let refuse = |reason: &str| Err(Error::usage(reason));
        if !(1..=10_000).contains(&self.epochs) {
            return refuse("pre-training takes 1 to 10,000 epochs for each layer");
        }
        if spec.condition.is_some() {
            return refuse("a conditional model is not pre-trained layer by layer");
        }
        match &spec.network {
            Network::Conv { .. } | Network::Pooled { .. } => {
                refuse("only dense networks are pre-trained layer by layer, such as deep-30")
            }
            Network::Dense { unit, .. }
                if self.teacher == Teacher::Boltzmann && *unit != Unit::Logistic =>
            {
                refuse(
                    "Boltzmann machines need logistic units, as deep-30 has them; auto-encoders take any",
                )
            }
            Network::Stacked { .. } => {
                refuse("a model on the codes of another is not pre-trained: the one below is")
            }
            Network::Dense { .. } => Ok(()),
        }
    }
}

/// How well a stage makes again what it sees, at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct StagePoint {
    /// Which layer, from the picture inwards.
    pub stage: usize,
    /// Steps taken in the stage.
    pub step: u64,
    /// Squared error, summed over what is seen, per item.
    pub error: f32,
}

/// A pre-training under way.
#[derive(Debug)]
pub(super) struct Pretrainer {
    pub(super) plan: Pretraining,
    /// The stage, and steps taken in it.
    pub(super) stage: usize,
    pub(super) step: u64,
    stages: usize,
    /// The stage's layer inwards and, of an auto-encoder, outwards; of a Boltzmann machine only the latter's bias counts.
    pub(super) layers: [Layer; 2],
    /// Momenta, or Adam's moments.
    pub(super) adam: Adam,
    history: Vec<StagePoint>,
    pending: Vec<(usize, u64, Tensor<1>)>,
    order: (u64, Vec<u32>),
}

impl Pretrainer {
    /// The first stage, with fresh weights.
    pub(super) fn new(
        plan: Pretraining,
        architecture: &Architecture,
        fresh: &[Layer],
        seed: u64,
    ) -> Self {
        let mut pretrainer = Self {
            plan,
            stage: 0,
            step: 0,
            stages: architecture.plan.stages(),
            layers: [fresh[0].clone(), fresh[0].clone()],
            adam: Adam::default(),
            history: Vec::new(),
            pending: Vec::new(),
            order: (u64::MAX, Vec::new()),
        };
        pretrainer.begin(architecture, fresh, seed);
        pretrainer
    }

    /// Fresh layers for the present stage.
    fn begin(&mut self, architecture: &Architecture, fresh: &[Layer], seed: u64) {
        let (up, down) = architecture.plan.stage(self.stage);
        self.step = 0;
        self.adam = Adam::default();
        self.layers = [fresh[up].clone(), fresh[down].clone()];
        if self.plan.teacher == Teacher::Boltzmann {
            // As small as Hinton's guide to training them (2010) has it.
            let [from, to] = fresh[up].weight.dims();
            let device = fresh[up].weight.device();
            let streams: Vec<u64> = (0..from as u64).collect();
            let seed = seed.wrapping_add(self.stage as u64 + 1);
            self.layers[0].weight = normal(seed, &streams, to, &device).mul_scalar(0.01);
        }
    }

    /// Stages done, and in all.
    pub(super) fn stages(&self) -> (usize, usize) {
        (self.stage, self.stages)
    }

    /// Steps of a stage.
    pub(super) fn steps(&self, per_epoch: u64) -> u64 {
        per_epoch * self.plan.epochs as u64
    }

    /// The errors so far, as far as they have been read back.
    pub(super) fn history(&self) -> &[StagePoint] {
        &self.history
    }

    pub(super) fn set_history(&mut self, history: Vec<StagePoint>) {
        self.history = history;
    }

    /// Takes one step on a batch of `items`, and at a stage's end puts its layers into `weights`. Gives whether the last stage is over.
    ///
    /// # Errors
    /// When an error that is read back is not a finite number, or the device fails.
    pub(super) fn advance<'a>(
        &mut self,
        architecture: &Architecture,
        weights: &mut [Layer],
        train: &[u32],
        (batch, seed): (usize, u64),
        pixels: impl Fn(u32) -> &'a [u8],
    ) -> Result<bool> {
        let per_epoch = (train.len() / batch) as u64;
        let epoch = self.step / per_epoch;
        let stage = self.stage as u64;
        if self.order.0 != (stage << 32) + epoch {
            let mut order = train.to_vec();
            order.shuffle(&mut stream(seed, ORDER + (stage << 32) + epoch));
            self.order = ((stage << 32) + epoch, order);
        }
        let start = (self.step % per_epoch) as usize * batch;
        let items: Vec<&[u8]> = self.order.1[start..start + batch]
            .iter()
            .map(|&id| pixels(id))
            .collect();
        let device = &architecture.device;
        let inputs = architecture.inputs(&items, None, device);
        let below: Vec<Layer> = weights.iter().map(untracked).collect();
        let seen = architecture.plan.up_to(&below, inputs, self.stage);
        let first = (stage << 40) + self.step * batch as u64;
        let error = match self.plan.teacher {
            Teacher::Boltzmann => self.contrast(architecture, seen, first, epoch, seed),
            Teacher::AutoEncoder => self.descend(architecture, seen),
        };
        self.step += 1;
        self.pending.push((self.stage, self.step, error));
        if self.step < self.steps(per_epoch) {
            return Ok(false);
        }
        self.read_errors()?;
        let (up, down) = architecture.plan.stage(self.stage);
        let [inward, outward] = self.shown();
        weights[up] = tracked(inward);
        weights[down] = tracked(outward);
        self.stage += 1;
        if self.stage == self.stages {
            return Ok(true);
        }
        let fresh = architecture.plan.weights(seed, device);
        self.begin(architecture, &fresh, seed);
        Ok(false)
    }

    /// The stage's layers as they would stand in the network.
    pub(super) fn shown(&self) -> [Layer; 2] {
        let [up, down] = [untracked(&self.layers[0]), untracked(&self.layers[1])];
        match self.plan.teacher {
            Teacher::AutoEncoder => [up, down],
            Teacher::Boltzmann => {
                let weight = up.weight.clone().transpose();
                [
                    up,
                    Layer {
                        weight,
                        bias: down.bias,
                    },
                ]
            }
        }
    }

    /// One step of contrastive divergence on `seen`, `[items, visible]`.
    fn contrast(
        &mut self,
        architecture: &Architecture,
        seen: Tensor<2>,
        first: u64,
        epoch: u64,
        seed: u64,
    ) -> Tensor<1> {
        let device = seen.device();
        let [items, _] = seen.dims();
        let is_linear = self.is_linear(architecture);
        let machine = Machine {
            weight: self.layers[0].weight.clone(),
            hidden: self.layers[0].bias.clone(),
            visible: self.layers[1].bias.clone(),
            is_linear,
        };
        let width = machine.hidden.dims()[0];
        let streams: Vec<u64> = (0..items as u64).map(|i| DRAW + first + i).collect();
        let chance = if is_linear {
            normal(seed, &streams, width, &device)
        } else {
            uniform(seed, &streams, width, &device)
        };
        let (gradient, error) = machine.contrast(seen, chance);
        // Linear units have no bound that would keep a large step from running away.
        let rate = if is_linear { 1e-3 } else { 0.1 };
        let momentum = if epoch < FIRST_EPOCHS {
            MOMENTUM.0
        } else {
            MOMENTUM.1
        };
        let [from, to] = machine.weight.dims();
        let cost = machine.weight.clone() * COST;
        let gradients = [
            (gradient.weight - cost).reshape([from * to]),
            gradient.hidden,
            gradient.visible,
        ];
        if self.adam.moments.is_empty() {
            let zeros = gradients.iter().map(|g| (g.zeros_like(), g.zeros_like()));
            self.adam.moments = zeros.collect();
        }
        let moved: Vec<Tensor<1>> = gradients
            .into_iter()
            .zip(&mut self.adam.moments)
            .map(|(gradient, (velocity, _))| {
                *velocity = velocity.clone() * momentum + gradient * rate;
                velocity.clone()
            })
            .collect();
        self.layers[0].weight = machine.weight + moved[0].clone().reshape([from, to]);
        self.layers[0].bias = machine.hidden + moved[1].clone();
        self.layers[1].bias = machine.visible + moved[2].clone();
        error
    }

    /// One step of Adam on the shallow auto-encoder of `seen`, `[items, inputs]`.
    fn descend(&mut self, architecture: &Architecture, seen: Tensor<2>) -> Tensor<1> {
        let [items, width] = seen.dims();
        let [up, down] = [
            tracked(self.layers[0].clone()),
            tracked(self.layers[1].clone()),
        ];
        let unit = architecture.plan.unit_of(self.stage);
        // What is seen are the values of pixels, or of hidden units.
        let seen_unit = match self.stage {
            0 => Some(Unit::Logistic),
            stage => architecture.plan.unit_of(stage - 1),
        };
        let seen: Tensor<2> = Tensor::from_inner(seen);
        let code = apply(&up, seen.clone(), unit);
        let is_wider = code.dims()[1] > width;
        let sums = apply(&down, code.clone(), None);
        let (loss, made) = if seen_unit == Some(Unit::Logistic) {
            // Cross-entropy, written so that a large sum does not overflow.
            let softplus = sums.clone().abs().neg().exp().log1p() + activation::relu(sums.clone());
            let loss = (softplus - sums.clone() * seen.clone()).sum();
            (loss, activation::sigmoid(sums))
        } else {
            let made = match seen_unit {
                Some(Unit::Tanh) => sums.tanh(),
                Some(Unit::Rectified) => activation::relu(sums),
                Some(Unit::Softplus) => activation::softplus(sums, 1.0),
                Some(Unit::Logistic) | None => sums,
            };
            ((made.clone() - seen.clone()).square().sum() * 0.5, made)
        };
        let mut loss = loss;
        if is_wider {
            loss = loss + code.abs().sum() * SPARSITY;
        }
        let error = (made - seen).square().sum().inner() / items as f32;
        let mut gradients = (loss / items as f32).backward();
        let layers = vec![up, down];
        let moved = self.adam.step(layers, &mut gradients, ADAM_RATE, 0.0);
        for (own, moved) in self.layers.iter_mut().zip(&moved) {
            *own = untracked(moved);
        }
        error
    }

    fn is_linear(&self, architecture: &Architecture) -> bool {
        architecture.plan.unit_of(self.stage).is_none()
    }

    /// Reads back the errors of the steps since the last call.
    ///
    /// # Errors
    /// When one is not a finite number, or the device fails.
    pub(super) fn read_errors(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let errors = pending.iter().map(|(.., error)| error.clone()).collect();
        let errors = read(Tensor::cat(errors, 0))?;
        for ((stage, step, _), error) in pending.into_iter().zip(errors) {
            if !error.is_finite() {
                return Err(Error::model(format!(
                    "the error of stage {} is no longer a finite number after {step} steps",
                    stage + 1
                ))
                .hint("pre-train by auto-encoders instead, or not at all"));
            }
            self.history.push(StagePoint { stage, step, error });
        }
        Ok(())
    }
}

/// A restricted Boltzmann machine of logistic visible units and logistic or linear hidden ones.
struct Machine {
    /// `[visible, hidden]`.
    weight: Tensor<2>,
    /// `[hidden]`.
    hidden: Tensor<1>,
    /// `[visible]`.
    visible: Tensor<1>,
    /// Whether hidden units are linear with unit normal noise.
    is_linear: bool,
}

/// In which direction the likelihood of a machine rises.
struct Rise {
    weight: Tensor<2>,
    hidden: Tensor<1>,
    visible: Tensor<1>,
}

impl Machine {
    /// Expected hidden units given visible ones, `[items, hidden]`.
    fn up(&self, seen: Tensor<2>) -> Tensor<2> {
        let sums = seen.matmul(self.weight.clone()) + self.hidden.clone().unsqueeze();
        if self.is_linear {
            sums
        } else {
            activation::sigmoid(sums)
        }
    }

    /// The direction by one step of contrastive divergence and the squared error of what is made again, per item. `chance`, `[items, hidden]`,
    /// is even in `[0, 1)`, or standard normal for linear hidden units.
    fn contrast(&self, seen: Tensor<2>, chance: Tensor<2>) -> (Rise, Tensor<1>) {
        let [items, _] = seen.dims();
        let expected = self.up(seen.clone());
        let drawn = if self.is_linear {
            expected.clone() + chance
        } else {
            chance.lower(expected.clone()).float()
        };
        let sums = drawn.matmul(self.weight.clone().transpose()) + self.visible.clone().unsqueeze();
        let made = activation::sigmoid(sums);
        let again = self.up(made.clone());
        let share = 1.0 / items as f32;
        let weight = seen.clone().transpose().matmul(expected.clone())
            - made.clone().transpose().matmul(again.clone());
        let column = |x: Tensor<2>| -> Tensor<1> {
            let [_, width] = x.dims();
            x.mean_dim(0).reshape([width])
        };
        let rise = Rise {
            weight: weight * share,
            hidden: column(expected - again),
            visible: column(seen.clone() - made.clone()),
        };
        let error = (seen - made).square().sum().reshape([1]) * share;
        (rise, error)
    }

    /// Free energy `−b·v − Σ_j log(1 + exp(c_j + v·W_j))` of visible units `[items, visible]` under logistic hidden ones, `[items]`: the
    /// probability of `v` is in proportion to `exp(−F)`.
    #[cfg(test)]
    fn free_energy(&self, seen: Tensor<2>) -> Tensor<1> {
        let [items, _] = seen.dims();
        let sums = seen.clone().matmul(self.weight.clone()) + self.hidden.clone().unsqueeze();
        let softplus = sums.clone().abs().neg().exp().log1p() + activation::relu(sums);
        let own = (seen * self.visible.clone().unsqueeze()).sum_dim(1);
        (own + softplus.sum_dim(1)).neg().reshape([items])
    }
}

/// Even numbers in `[0, 1)`, `[streams, width]`, a stream per row.
fn uniform(seed: u64, streams: &[u64], width: usize, device: &Device) -> Tensor<2> {
    drawn(seed, streams, width, device, ChaCha8Rng::random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{numbers, tensor, vec};

    fn machine(visible: usize, hidden: usize) -> Machine {
        let device = Device::flex();
        Machine {
            weight: tensor(numbers(visible * hidden, 1), [visible, hidden], &device),
            hidden: tensor(numbers(hidden, 2), [hidden], &device),
            visible: tensor(numbers(visible, 3), [visible], &device),
            is_linear: false,
        }
    }

    /// All states of `n` units, a row each.
    fn states(n: usize) -> Vec<f32> {
        let bit = |state: usize, i| f32::from(u8::from(state >> i & 1 == 1));
        (0..1 << n)
            .flat_map(|state| (0..n).map(move |i| bit(state, i)))
            .collect()
    }

    #[test]
    fn the_free_energy_is_that_of_all_hidden_states_together() {
        let (v, h) = (4, 3);
        let machine = machine(v, h);
        let seen = states(v);
        let found = vec(machine.free_energy(tensor(seen.clone(), [1 << v, v], &Device::flex())));
        let (w, b, c) = (
            vec(machine.weight),
            vec(machine.visible),
            vec(machine.hidden),
        );
        for (row, found) in seen.chunks(v).zip(found) {
            let weight_of = |hidden: &[f32]| {
                let mut energy = 0.0;
                for i in 0..v {
                    energy -= b[i] * row[i];
                    for j in 0..h {
                        energy -= row[i] * w[i * h + j] * hidden[j];
                    }
                }
                for j in 0..h {
                    energy -= c[j] * hidden[j];
                }
                (-energy).exp()
            };
            let sum: f32 = states(h).chunks(h).map(weight_of).sum();
            assert!((found + sum.ln()).abs() < 1e-4, "{found} and {}", -sum.ln());
        }
    }

    #[test]
    fn contrast_vanishes_on_average_where_the_machine_is_what_it_sees() {
        // Visible states drawn as often as the machine itself has them: one step of its own chain changes nothing on average.
        let (v, h) = (3, 2);
        let machine = machine(v, h);
        let device = Device::flex();
        let all = states(v);
        let energies = vec(machine.free_energy(tensor(all.clone(), [1 << v, v], &device)));
        let sum: f32 = energies.iter().map(|f| (-f).exp()).sum();
        let draws = 200_000;
        let seen: Vec<f32> = all
            .chunks(v)
            .zip(&energies)
            .flat_map(|(row, f)| {
                let count = (draws as f32 * (-f).exp() / sum).round() as usize;
                row.repeat(count)
            })
            .collect();
        let items = seen.len() / v;
        let streams: Vec<u64> = (0..items as u64).collect();
        let chance = uniform(7, &streams, h, &device);
        let (rise, _) = machine.contrast(tensor(seen, [items, v], &device), chance);
        for (name, values) in [("hidden", vec(rise.hidden)), ("visible", vec(rise.visible))] {
            for value in values {
                assert!(value.abs() < 0.01, "{name}: {value}");
            }
        }
    }
}
