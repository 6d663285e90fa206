//! What training minimises: reconstruction and KL, and the terms that one auto-encoder has and another has not.
//!
//! Every term is summed over the items of a batch and multiplied by `scale`. Invariant: the value told of a term is that of the term itself;
//! where only its derivative is wanted in another form, that form is kept apart.

mod conditional;

use burn::tensor::{Int, Tensor, activation};

use super::auto_encoder::Architecture;
use super::binary;
use super::flow;
use super::likelihood;
use super::network::{Layer, Plan, ignored};
use super::optimizer::untracked;
use super::spec::{CodeKind, Likelihood};

/// `log 2π`.
const LOG_TAU: f32 = 1.837_877_1;

/// Values of pairs of codes and pictures that are held at a time.
const PAIR_VALUES: usize = 4 << 20;

/// A batch, on the device that records derivatives or on the plain one.
pub(super) struct Batch {
    /// What is to be made again, `[items, inputs]`.
    pub(super) inputs: Tensor<2>,
    /// What the encoder sees instead, where it sees something else.
    pub(super) seen: Option<Tensor<2>>,
    /// Standard normal numbers, `[items × samples, code]`, the samples of an item side by side; of codes with a posterior.
    pub(super) noise: Option<Tensor<2>>,
    /// Standard normal numbers, `[items, inputs]`: the direction in which a contraction is measured.
    pub(super) direction: Option<Tensor<2>>,
    /// For each number of each code the item it comes from when codes are drawn apart, `[items, code]`.
    pub(super) apart: Option<Tensor<2, Int>>,
    /// What is known by name, `[known, named]`, of the first items of a conditional model's batch; of the others nothing is.
    pub(super) known: Option<Tensor<2>>,
}

/// What the loss of a batch is made of, tensors of one number each.
pub(super) struct Terms {
    pub(super) reconstruction: Tensor<1>,
    /// 0 without a posterior. With several samples what is missing from the reconstruction to the bound.
    pub(super) kl: Tensor<1>,
    /// The KL term where it is another that is minimised: with free bits.
    floored: Option<Tensor<1>>,
    /// What is added to the two, weighted.
    penalty: Option<Tensor<1>>,
    /// What is added in training alone: the balance of bits, what a discriminator learns by.
    aside: Option<Tensor<1>>,
    /// What has the loss's derivative, in place of the two.
    surrogate: Option<Tensor<1>>,
}

impl Terms {
    fn new(reconstruction: Tensor<1>, kl: Tensor<1>) -> Self {
        Self {
            reconstruction,
            kl,
            floored: None,
            penalty: None,
            aside: None,
            surrogate: None,
        }
    }

    /// The sum of these terms and those of other items of the batch; neither has a surrogate or a floor.
    fn and(self, other: Self) -> Self {
        let both = |a: Option<Tensor<1>>, b: Option<Tensor<1>>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self {
            penalty: both(self.penalty, other.penalty),
            aside: both(self.aside, other.aside),
            ..Self::new(
                self.reconstruction + other.reconstruction,
                self.kl + other.kl,
            )
        }
    }

    fn add_penalty(&mut self, term: Tensor<1>) {
        self.penalty = Some(match self.penalty.take() {
            Some(sum) => sum + term,
            None => term,
        });
    }

    /// What is minimised, up to what has no derivative.
    pub(super) fn loss(&self, beta: f32) -> Tensor<1> {
        let mut loss = self.surrogate.clone().unwrap_or_else(|| {
            let kl = self.floored.as_ref().unwrap_or(&self.kl);
            self.reconstruction.clone() + kl.clone() * beta
        });
        for term in [&self.penalty, &self.aside].into_iter().flatten() {
            loss = loss + term.clone();
        }
        loss
    }

    /// What models are chosen by.
    pub(super) fn validation(&self, beta: f32) -> Tensor<1> {
        let loss = self.reconstruction.clone() + self.kl.clone() * beta;
        match &self.penalty {
            Some(penalty) => loss + penalty.clone(),
            None => loss,
        }
    }
}

/// Codes drawn from posteriors.
pub(super) struct Drawn {
    /// `[rows, code]`.
    pub(super) codes: Tensor<2>,
    /// Logarithm of the posterior's density, a part for each number, `[rows, code]`.
    pub(super) log_density: Tensor<2>,
}

/// `repeat` rows for each row of `x`, side by side.
pub(super) fn repeated(x: Tensor<2>, repeat: usize) -> Tensor<2> {
    if repeat == 1 {
        return x;
    }
    let [rows, columns] = x.dims();
    x.reshape([rows, 1, columns])
        .repeat_dim(1, repeat)
        .reshape([rows * repeat, columns])
}

/// `log Σ exp` over columns, `[rows, 1]`.
fn log_sum_exp(x: Tensor<2>) -> Tensor<2> {
    let top = x.clone().detach().max_dim(1);
    (x - top.clone()).exp().sum_dim(1).log() + top
}

impl Plan {
    /// Codes `mean + exp(log_variance / 2) · noise` (Kingma & Welling 2014), bent by the flow where there is one. `noise` has as many rows for
    /// each row of `features` as codes are drawn of it.
    pub(super) fn draw(
        &self,
        weights: &[Layer],
        features: &Tensor<2>,
        (mean, log_variance): (&Tensor<2>, &Tensor<2>),
        noise: Tensor<2>,
    ) -> Drawn {
        let repeat = noise.dims()[0] / mean.dims()[0];
        let (mean, log_variance) = (
            repeated(mean.clone(), repeat),
            repeated(log_variance.clone(), repeat),
        );
        let log_density =
            (noise.clone().square() + log_variance.clone() + LOG_TAU).mul_scalar(-0.5);
        let codes = mean + log_variance.mul_scalar(0.5).exp() * noise;
        match self.flow(weights) {
            None => Drawn { codes, log_density },
            Some((plan, layers)) => {
                let features = repeated(features.clone(), repeat);
                let (codes, gates) = flow::bend(plan, layers, &features, codes);
                // The numbers of the two stand in other places where the flow turned their order round.
                let log_density = if plan.steps.is_multiple_of(2) {
                    log_density.flip([1])
                } else {
                    log_density
                };
                Drawn {
                    codes,
                    log_density: log_density - gates,
                }
            }
        }
    }

    /// Codes `[items, code]` of `inputs`, `[items, inputs]`: means of the posterior with the logarithms of its variances, or codes without a
    /// posterior, which have none. What a conditional model is told by name, `named`, stands behind the style. With a flow it is the mean taken through the flow, and the variances are those around it.
    pub(super) fn encode(
        &self,
        weights: &[Layer],
        inputs: Tensor<2>,
        named: Option<Tensor<2>>,
    ) -> (Tensor<2>, Option<Tensor<2>>) {
        let features = self.features(weights, inputs);
        if self.kind() != CodeKind::Posterior {
            return (self.point(weights, features), None);
        }
        if let Some(named) = named {
            let features = Tensor::cat(vec![features, named.clone()], 1);
            let (mean, log_variance) = self.posterior(weights, features);
            let certain = named.zeros_like();
            return (
                Tensor::cat(vec![mean, named], 1),
                Some(Tensor::cat(vec![log_variance, certain], 1)),
            );
        }
        let (mean, log_variance) = self.posterior(weights, features.clone());
        match self.flow(weights) {
            None => (mean, Some(log_variance)),
            Some((plan, layers)) => {
                let (mean, gates) = flow::bend(plan, layers, &features, mean);
                let log_variance = if plan.steps.is_multiple_of(2) {
                    log_variance.flip([1])
                } else {
                    log_variance
                };
                (mean, Some(log_variance + gates.mul_scalar(2.0)))
            }
        }
    }

    /// Mean and log-variance of the posteriors of the pictures that the prior learns, `[pictures, code]`, where it does.
    pub(super) fn learnt_posteriors(&self, weights: &[Layer]) -> Option<(Tensor<2>, Tensor<2>)> {
        let learnt = self.learnt(weights)?;
        let pictures = activation::sigmoid(learnt.weight.clone() + learnt.bias.clone().unsqueeze());
        let features = self.features(weights, pictures);
        Some(self.posterior(weights, features))
    }

    /// Logarithm of the prior's density at `codes`, `[rows, code]`: a part for each number, or in one where the prior is learnt.
    pub(super) fn log_prior(&self, weights: &[Layer], codes: &Tensor<2>) -> Tensor<2> {
        let Some((mean, log_variance)) = self.learnt_posteriors(weights) else {
            return (codes.clone().square() + LOG_TAU).mul_scalar(-0.5);
        };
        let [rows, code] = codes.dims();
        let pictures = mean.dims()[0];
        let at_once = (PAIR_VALUES / (pictures * code)).max(1);
        let parts = (0..rows).step_by(at_once).map(|first| {
            let part = at_once.min(rows - first);
            let codes = codes.clone().narrow(0, first, part);
            let pairs = log_normal_pairs(&codes, &mean, &log_variance);
            log_sum_exp(pairs.sum_dim(2).reshape([part, pictures]))
        });
        Tensor::cat(parts.collect(), 0) - (pictures as f32).ln()
    }
}

/// Logarithm of the normal density of each number of each code under each of the posteriors, `[codes, posteriors, code]`.
fn log_normal_pairs(codes: &Tensor<2>, mean: &Tensor<2>, log_variance: &Tensor<2>) -> Tensor<3> {
    let off = codes.clone().unsqueeze_dim::<3>(1) - mean.clone().unsqueeze_dim::<3>(0);
    let log_variance = log_variance.clone().unsqueeze_dim::<3>(0);
    (off.square() * log_variance.clone().neg().exp() + log_variance + LOG_TAU).mul_scalar(-0.5)
}

impl Architecture {
    /// The terms of a batch's loss.
    pub(super) fn terms(
        &self,
        weights: &[Layer],
        batch: Batch,
        scale: f32,
        likelihood: Likelihood,
    ) -> Terms {
        match self.spec.kind {
            CodeKind::Posterior if self.spec.condition.is_some() => {
                self.conditional(weights, batch, scale, likelihood)
            }
            CodeKind::Posterior if self.spec.objective.samples > 1 => {
                self.weighted(weights, batch, scale, likelihood)
            }
            CodeKind::Posterior => self.variational(weights, batch, scale, likelihood),
            CodeKind::Binary | CodeKind::Point | CodeKind::Logistic => {
                self.pointed(weights, batch, scale, likelihood)
            }
        }
    }

    /// Reconstruction term of what the decoder made of codes.
    fn reconstruction(
        &self,
        output: Tensor<2>,
        inputs: Tensor<2>,
        scale: f32,
        likelihood: Likelihood,
    ) -> Tensor<1> {
        let [items, _] = inputs.dims();
        let (output, padding) = self.masked(output);
        likelihood::reconstruction(output, inputs, likelihood, scale)
            - padding * items as f32 * scale
    }

    /// Of codes without a posterior.
    fn pointed(
        &self,
        weights: &[Layer],
        batch: Batch,
        scale: f32,
        likelihood: Likelihood,
    ) -> Terms {
        let objective = &self.spec.objective;
        let Batch {
            inputs,
            seen,
            direction,
            ..
        } = batch;
        let [items, _] = inputs.dims();
        let seen = seen.unwrap_or_else(|| inputs.clone());
        let kl = Tensor::zeros([1], &inputs.device());
        let (mut aside, mut contraction) = (None, None);
        let look = &mut ignored;
        let (codes, unpooled) = match direction {
            // ‖∂h/∂x‖² is what the square of its product with a normal direction is on average (Hutchinson 1990).
            Some(direction) if !self.plan.is_one_layer() => {
                let (codes, motion) = self.plan.point_and_motion(weights, seen.clone(), direction);
                contraction = Some(motion.square().sum());
                let unpooled = if self.spec.remembers() {
                    self.plan.features_and_switches(weights, seen, look).1
                } else {
                    self.plan.forgotten()
                };
                (codes, unpooled)
            }
            _ => {
                let (features, unpooled) = self.plan.features_and_switches(weights, seen, look);
                let codes = if self.spec.is_binary() {
                    let logits = self.plan.sums(weights, features);
                    aside = Some(binary::imbalance(logits.clone()) * (items as f32 * scale));
                    binary::rounded(logits)
                } else {
                    let codes = self.plan.point(weights, features);
                    contraction = (objective.contraction > 0.0)
                        .then(|| self.one_layer_contraction(weights, codes.clone()));
                    codes
                };
                (codes, unpooled)
            }
        };
        let output = self
            .plan
            .decode_by(weights, codes.clone(), unpooled, &mut ignored);
        let reconstruction = self.reconstruction(output, inputs, scale, likelihood);
        let mut terms = Terms::new(reconstruction, kl);
        terms.aside = aside;
        if let Some(contraction) = contraction {
            terms.add_penalty(contraction * (objective.contraction * scale));
        }
        self.size_penalties(&mut terms, &codes, scale);
        terms
    }

    /// `‖∂h/∂x‖²` of one layer in closed form: `Σ_j s_j Σ_i W_ij²`, where `s_j` is `(h_j (1 − h_j))²` of a logistic unit and 1 of a linear one.
    fn one_layer_contraction(&self, weights: &[Layer], codes: Tensor<2>) -> Tensor<1> {
        let of_units = weights[self.plan.code_layer()]
            .weight
            .clone()
            .square()
            .sum_dim(0);
        let slopes = match self.spec.kind {
            CodeKind::Logistic => (codes.clone() * (codes.neg() + 1.0)).square(),
            _ => codes.ones_like(),
        };
        (slopes * of_units).sum()
    }

    /// Adds what codes' sizes cost.
    fn size_penalties(&self, terms: &mut Terms, codes: &Tensor<2>, scale: f32) {
        let objective = &self.spec.objective;
        if objective.sparsity > 0.0 {
            terms.add_penalty(codes.clone().abs().sum() * (objective.sparsity * scale));
        }
        if objective.shrinkage > 0.0 {
            terms.add_penalty(codes.clone().square().sum() * (objective.shrinkage * scale));
        }
    }

    /// Of codes with a posterior, one drawn of each item.
    fn variational(
        &self,
        weights: &[Layer],
        batch: Batch,
        scale: f32,
        likelihood: Likelihood,
    ) -> Terms {
        let objective = &self.spec.objective;
        let inputs = batch.inputs;
        let [items, _] = inputs.dims();
        let seen = batch.seen.unwrap_or_else(|| inputs.clone());
        let features = self.plan.features(weights, seen);
        let (mean, log_variance) = self.plan.posterior(weights, features.clone());
        let noise = batch.noise.unwrap_or_else(|| mean.zeros_like());
        let posterior = (&mean, &log_variance);
        let drawn = self.plan.draw(weights, &features, posterior, noise);
        let has_closed_form =
            self.plan.flow(weights).is_none() && self.plan.learnt(weights).is_none();
        // [items, code], or [items, 1] of a learnt prior.
        let each = || {
            if has_closed_form {
                closed_form(mean.clone(), log_variance.clone())
            } else {
                let prior = self.plan.log_prior(weights, &drawn.codes);
                if prior.dims()[1] == 1 {
                    drawn.log_density.clone().sum_dim(1) - prior
                } else {
                    drawn.log_density.clone() - prior
                }
            }
        };
        let each = each();
        let output = self.plan.decode(weights, drawn.codes.clone());
        let reconstruction = self.reconstruction(output, inputs, scale, likelihood);
        let mut terms = Terms::new(reconstruction, each.clone().sum() * scale);
        if objective.free_bits > 0.0 {
            let floored = each.mean_dim(0).clamp_min(objective.free_bits).sum();
            terms.floored = Some(floored * (items as f32 * scale));
        }
        if objective.total_correlation > 0.0 {
            let together = total_correlation(&drawn.codes, &mean, &log_variance);
            let weight = objective.total_correlation * items as f32 * scale;
            terms.add_penalty(together * weight);
        }
        if let Some(apart) = batch.apart {
            let (told, learning) = self.adversary(weights, &drawn.codes, apart);
            terms.add_penalty(told * (objective.adversary * scale));
            terms.aside = Some(learning * scale);
        }
        self.size_penalties(&mut terms, &drawn.codes, scale);
        terms
    }

    /// The total correlation as the discriminator tells it, summed over codes, without its own derivative; and what it learns by, without
    /// that of the codes.
    fn adversary(
        &self,
        weights: &[Layer],
        codes: &Tensor<2>,
        apart: Tensor<2, Int>,
    ) -> (Tensor<1>, Tensor<1>) {
        let fixed: Vec<Layer> = weights
            .iter()
            .map(|layer| Layer {
                weight: layer.weight.clone().detach(),
                bias: layer.bias.clone().detach(),
            })
            .collect();
        let logits = self.plan.discriminate(&fixed, codes.clone());
        let told = (logits.clone().narrow(1, 0, 1) - logits.narrow(1, 1, 1)).sum();
        let drawn = codes.clone().detach();
        let side = |codes: Tensor<2>, which: usize| {
            let logits = self.plan.discriminate(weights, codes);
            (log_sum_exp(logits.clone()) - logits.narrow(1, which, 1)).sum()
        };
        let learning = side(drawn.clone(), 0) + side(drawn.gather(0, apart), 1);
        (told, learning * 0.5)
    }

    /// Of codes with a posterior, several drawn of each item: the importance-weighted bound `log 1/K Σ_k w_k`. The decoder's derivative
    /// weighs samples by `w̃_k = w_k / Σ w`, the encoder's by `w̃_k²` and leaves out the posterior's own (Tucker et al. 2018).
    fn weighted(
        &self,
        weights: &[Layer],
        batch: Batch,
        scale: f32,
        likelihood: Likelihood,
    ) -> Terms {
        let samples = self.spec.objective.samples;
        let inputs = batch.inputs;
        let [items, _] = inputs.dims();
        let rows = items * samples;
        let seen = batch.seen.unwrap_or_else(|| inputs.clone());
        let features = self.plan.features(weights, seen);
        let (mean, log_variance) = self.plan.posterior(weights, features.clone());
        let noise = match batch.noise {
            Some(noise) => noise,
            None => repeated(mean.zeros_like(), samples),
        };
        let posterior = (&mean, &log_variance);
        let drawn = self.plan.draw(weights, &features, posterior, noise);
        let is_recording = inputs.device().is_autodiff();
        let plain: Vec<Layer> = if is_recording {
            weights.iter().map(untracked).collect()
        } else {
            weights.to_vec()
        };
        let inner = |x: &Tensor<2>| {
            if is_recording {
                x.clone().inner()
            } else {
                x.clone()
            }
        };
        // The weights themselves need no derivative.
        let codes = inner(&drawn.codes);
        let (output, padding) = self.masked(self.plan.decode(&plain, codes.clone()));
        let target = inner(&inputs);
        let errors = likelihood::reconstruction_rows(output, &target, samples, likelihood);
        let errors = errors.reshape([items, samples]) - padding;
        let prior = self.plan.log_prior(&plain, &codes).sum_dim(1);
        let ratio = (prior - inner(&drawn.log_density).sum_dim(1)).reshape([items, samples]);
        let log_weights = ratio - errors.clone();
        let bound = log_sum_exp(log_weights.clone()) - (samples as f32).ln();
        let share = activation::softmax(log_weights, 1);
        let reconstruction = errors.mean_dim(1).sum().reshape([1]) * scale;
        let loss = bound.sum().reshape([1]) * -scale;
        let kl = loss - reconstruction.clone();
        if !is_recording {
            return Terms::new(reconstruction, kl);
        }
        let share: Tensor<1> = Tensor::from_inner(share.reshape([rows]));
        let column = share.clone().reshape([rows, 1]);
        // What goes in has the codes' values, and the share of their derivative.
        let fixed = drawn.codes.clone().detach();
        let codes = fixed.clone() + (drawn.codes - fixed) * column.clone();
        let (output, _) = self.masked(self.plan.decode(weights, codes.clone()));
        let (errors, _) =
            likelihood::weighted_reconstruction(output, inputs, samples, share, likelihood, scale);
        let mean = repeated(mean.detach(), samples);
        let precision = repeated(log_variance.detach().neg().exp(), samples);
        let prior = codes.clone().square();
        let own = (codes - mean).square() * precision;
        let ratio = ((prior - own) * column).sum() * (0.5 * scale);
        let mut terms = Terms::new(Tensor::from_inner(reconstruction), Tensor::from_inner(kl));
        terms.surrogate = Some(errors + ratio);
        terms
    }
}

/// KL of normal posteriors from the standard normal prior, `½ (exp s + m² − 1 − s)` each.
fn closed_form(mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<2> {
    (log_variance.clone().exp() + mean.square() - log_variance - 1.0).mul_scalar(0.5)
}

/// The total correlation of codes, nats: `E log q(z) − E log Π q(z_d)`, where `q(z)` is the mean of the batch's posteriors up to a constant
/// (minibatch-weighted sampling, Chen et al. 2018); the constant is left out.
fn total_correlation(codes: &Tensor<2>, mean: &Tensor<2>, log_variance: &Tensor<2>) -> Tensor<1> {
    let pairs = log_normal_pairs(codes, mean, log_variance);
    let [items, _, code] = pairs.dims();
    let together = log_sum_exp(pairs.clone().sum_dim(2).reshape([items, items]));
    // [items, code, items], so that columns are the posteriors.
    let each = pairs.swap_dims(1, 2).reshape([items * code, items]);
    let apart = log_sum_exp(each).sum();
    (together.sum() - apart) / items as f32 + (code as f32 - 1.0) * (items as f32).ln()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::data::ImageShape;
    use crate::model::testing::{batch, check_slopes, close, numbers, tensor, vec};
    use crate::model::{ConditionKind, Flow, ModelSpec, Network, Objective, Preset, Prior, Unit};

    const PIXELS: usize = 12;
    const CODE: usize = 3;

    fn spec(kind: CodeKind, hidden: &[usize], unit: Unit, objective: Objective) -> ModelSpec {
        ModelSpec {
            code: CODE,
            kind,
            network: Network::Dense {
                hidden: hidden.to_vec(),
                unit,
            },
            likelihood: Likelihood::Bernoulli,
            objective,
            ..Preset::Tiny.spec(ImageShape::new(4, 3, 1))
        }
    }

    fn some(items: usize) -> Vec<f32> {
        let grey = numbers(items * PIXELS, 5).into_iter();
        grey.map(|x| 0.5 + 0.5 * x).collect()
    }

    /// Checks the gradient of the whole loss, where it is smooth and nothing is left out of it.
    fn check(spec: ModelSpec) {
        let likelihood = spec.likelihood;
        let is_posterior = spec.has_posterior();
        let has_direction = spec.objective.contraction > 0.0;
        let architecture = Architecture::new(spec, &Device::flex()).expect("a network");
        let items = 5;
        let loss = |weights: &[Layer], device: &Device| {
            let mut batch = batch(tensor(some(items), [items, PIXELS], device));
            batch.noise =
                is_posterior.then(|| tensor(numbers(items * CODE, 9), [items, CODE], device));
            batch.direction =
                has_direction.then(|| tensor(numbers(items * PIXELS, 3), [items, PIXELS], device));
            architecture
                .terms(weights, batch, 0.5, likelihood)
                .loss(0.7)
        };
        check_slopes(&architecture, loss, |_, weights, device| {
            loss(weights, device)
        });
    }

    #[test]
    fn the_gradient_of_every_objective_is_its_slope() {
        let plain = Objective::default;
        for unit in [Unit::Rectified, Unit::Logistic, Unit::Tanh] {
            for kind in [CodeKind::Posterior, CodeKind::Point, CodeKind::Logistic] {
                check(spec(kind, &[6], unit, plain()));
            }
            let contraction = Objective {
                contraction: 0.8,
                ..plain()
            };
            check(spec(CodeKind::Point, &[6, 5], unit, contraction.clone()));
            check(spec(CodeKind::Logistic, &[6], unit, contraction));
        }
        let contraction = Objective {
            contraction: 3.0,
            ..plain()
        };
        check(spec(
            CodeKind::Logistic,
            &[],
            Unit::Logistic,
            contraction.clone(),
        ));
        check(spec(CodeKind::Point, &[], Unit::Logistic, contraction));
        let posterior = |objective| spec(CodeKind::Posterior, &[6], Unit::Tanh, objective);
        check(posterior(Objective {
            free_bits: 0.02,
            ..plain()
        }));
        check(posterior(Objective {
            total_correlation: 6.0,
            ..plain()
        }));
        check(posterior(Objective {
            sparsity: 0.5,
            shrinkage: 0.3,
            ..plain()
        }));
        check(ModelSpec {
            flow: Some(Flow {
                steps: 3,
                hidden: 6,
            }),
            ..posterior(plain())
        });
        let colours: Vec<[u8; 3]> = (0..3).map(|i| [i, 2 * i, 3 * i]).collect();
        check(ModelSpec {
            likelihood: Likelihood::Categorical { colours: 3 },
            palette: Some(colours),
            shape: ImageShape::new(2, 2, 3),
            ..posterior(plain())
        });
        check(ModelSpec {
            prior: Prior::Vamp { inputs: 4 },
            ..posterior(plain())
        });
    }

    #[test]
    fn a_discriminator_and_what_it_judges_learn_against_each_other() {
        let objective = Objective {
            adversary: 4.0,
            ..Objective::default()
        };
        let spec = spec(CodeKind::Posterior, &[6], Unit::Tanh, objective);
        let architecture = Architecture::new(spec, &Device::flex()).expect("a network");
        let items = 5;
        let terms = |weights: &[Layer], device: &Device| {
            let mut batch = batch(tensor(some(items), [items, PIXELS], device));
            batch.noise = Some(tensor(numbers(items * CODE, 9), [items, CODE], device));
            let apart = vec![3, 1, 0, 0, 2, 4, 1, 4, 2, 4, 0, 3, 2, 3, 1];
            batch.apart = Some(Tensor::from_data(
                TensorData::new(apart, [items, CODE]),
                device,
            ));
            architecture.terms(weights, batch, 0.5, Likelihood::Bernoulli)
        };
        let first = architecture
            .plan
            .layers()
            .iter()
            .position(|(name, _)| name == "adversary.0")
            .expect("a discriminator");
        check_slopes(
            &architecture,
            |weights, device| terms(weights, device).loss(0.7),
            |layer, weights, device| {
                let terms = terms(weights, device);
                if layer >= first {
                    terms.aside.expect("what it learns by")
                } else {
                    terms.validation(0.7)
                }
            },
        );
    }

    #[test]
    fn the_estimate_of_the_derivatives_norm_is_right_on_average() {
        let objective = Objective {
            contraction: 1.0,
            ..Objective::default()
        };
        // One layer has a closed form, which the same network with a layer more approaches by chance.
        let spec = spec(CodeKind::Logistic, &[], Unit::Logistic, objective);
        let architecture = Architecture::new(spec, &Device::flex()).expect("a network");
        let device = Device::flex();
        let weights = architecture.plan.weights(3, &device);
        let picture = tensor(some(1), [1, PIXELS], &device);
        let codes = architecture.plan.point(
            &weights,
            architecture.plan.features(&weights, picture.clone()),
        );
        let exact = vec(architecture.one_layer_contraction(&weights, codes))[0];
        let draws = 20_000;
        let pictures = picture.repeat_dim(0, draws);
        let streams: Vec<u64> = (0..draws as u64).collect();
        let directions = crate::model::auto_encoder::normal(1, &streams, PIXELS, &device);
        let (_, motion) = architecture
            .plan
            .point_and_motion(&weights, pictures, directions);
        let estimate = vec(motion.square().sum())[0] / draws as f32;
        assert!(
            (estimate / exact - 1.0).abs() < 0.02,
            "{estimate} and {exact}"
        );
    }

    #[test]
    fn the_total_correlation_of_independent_codes_is_less_than_that_of_copies() {
        let device = Device::flex();
        let items = 400;
        let normal = |seed| {
            let streams: Vec<u64> = (0..items as u64).collect();
            vec(crate::model::auto_encoder::normal(
                seed, &streams, 2, &device,
            ))
        };
        let tight = tensor(vec![-6.0; items * 2], [items, 2], &device);
        let of = |codes: Vec<f32>| {
            let mean = tensor(codes, [items, 2], &device);
            vec(total_correlation(&mean, &mean, &tight))[0]
        };
        let apart = of(normal(1));
        let copied: Vec<f32> = normal(2).chunks(2).flat_map(|c| [c[0], c[0]]).collect();
        let together = of(copied);
        assert!(together > apart + 1.0, "{together} and {apart}");
    }

    /// A weighted batch of `items` copies of one picture, each with samples of its own.
    fn weighted_spec(samples: usize) -> ModelSpec {
        let objective = Objective {
            samples,
            ..Objective::default()
        };
        spec(CodeKind::Posterior, &[6], Unit::Tanh, objective)
    }

    #[test]
    fn the_gradient_of_a_conditional_model_is_its_slope_whatever_is_known() {
        for (kind, classes, octaves) in [
            (ConditionKind::Class, 3, 0),
            (ConditionKind::Attributes, 2, 0),
            (ConditionKind::Attributes, 2, 3),
        ] {
            let architecture = told(kind, classes, octaves);
            let items = 5;
            for known in [0, 2, 5] {
                let loss = |weights: &[Layer], device: &Device| {
                    let mut batch = batch(tensor(some(items), [items, PIXELS], device));
                    batch.noise = Some(tensor(numbers(items * CODE, 9), [items, CODE], device));
                    let one_of = |i: usize| {
                        (0..classes).map(move |c| if i % classes == c { 1.0 } else { 0.0 })
                    };
                    let told: Vec<f32> = (0..known).flat_map(one_of).collect();
                    batch.known = (known > 0).then(|| tensor(told, [known, classes], device));
                    architecture
                        .terms(weights, batch, 0.5, Likelihood::Bernoulli)
                        .loss(0.7)
                };
                check_slopes(&architecture, loss, |_, weights, device| {
                    loss(weights, device)
                });
            }
        }
    }

    #[test]
    fn the_gradient_of_what_only_the_decoder_is_told_is_its_slope() {
        let architecture = told(ConditionKind::Attributes, 2, 3);
        let items = 4;
        for is_classifying in [false, true] {
            let loss = |weights: &[Layer], device: &Device| {
                let mut batch = batch(tensor(some(items), [items, PIXELS], device));
                batch.noise = Some(tensor(numbers(items * CODE, 9), [items, CODE], device));
                let told = numbers(items * 2, 5).into_iter().map(f32::abs).collect();
                batch.known = Some(tensor(told, [items, 2], device));
                let how = (0.5, is_classifying);
                let terms =
                    architecture.told_to_decoder(weights, batch, how, Likelihood::Bernoulli);
                assert_eq!(vec(terms.kl.clone()), [0.0]);
                // So that layers that rest have a gradient to compare: none.
                let all = weights
                    .iter()
                    .map(|layer| layer.weight.clone().sum() + layer.bias.clone().sum());
                all.fold(terms.loss(0.7), |loss, sum| loss + sum * 0.0)
            };
            check_slopes(&architecture, loss, |_, weights, device| {
                loss(weights, device)
            });
        }
    }

    /// A small model that is told `names` classes or attributes.
    fn told(kind: ConditionKind, names: usize, octaves: usize) -> Architecture {
        let spec = spec(
            CodeKind::Posterior,
            &[6],
            Unit::Softplus,
            Objective::default(),
        );
        let spec = spec.conditioned(crate::model::Condition {
            kind,
            names: (0..names).map(|i| format!("name {i}")).collect(),
            ranges: vec![(0.0, 1.0); names],
            octaves,
        });
        assert_eq!((spec.style(), spec.code), (CODE, CODE + names));
        Architecture::new(spec, &Device::flex()).expect("a network")
    }

    #[test]
    fn the_importance_weighted_gradient_is_that_of_the_bound_on_average() {
        let (samples, items) = (4, 4000);
        let architecture =
            Architecture::new(weighted_spec(samples), &Device::flex()).expect("a network");
        let terms = |weights: &[Layer], device: &Device| {
            let picture = tensor(some(1), [1, PIXELS], device);
            let mut batch = batch(picture.repeat_dim(0, items));
            let streams: Vec<u64> = (0..items as u64).collect();
            let noise = crate::model::auto_encoder::normal(1, &streams, samples * CODE, device);
            batch.noise = Some(noise.reshape([items * samples, CODE]));
            let scale = 1.0 / items as f32;
            architecture.terms(weights, batch, scale, Likelihood::Bernoulli)
        };
        // The slope of the bound over all these draws is another estimate of the same derivative.
        check_slopes(
            &architecture,
            |weights, device| terms(weights, device).loss(1.0),
            |_, weights, device| terms(weights, device).validation(1.0),
        );
    }

    #[test]
    fn one_sample_gives_the_plain_bound_estimated() {
        let device = Device::flex();
        let items = 5;
        let batch = || {
            let mut batch = batch(tensor(some(items), [items, PIXELS], &device));
            batch.noise = Some(tensor(numbers(items * CODE, 9), [items, CODE], &device));
            batch
        };
        let architecture = Architecture::new(weighted_spec(1), &device).expect("a network");
        let weights = architecture.plan.weights(3, &device);
        let plain = architecture.terms(&weights, batch(), 1.0, Likelihood::Bernoulli);
        let weighted = architecture.weighted(&weights, batch(), 1.0, Likelihood::Bernoulli);
        close(
            &vec(weighted.reconstruction),
            &vec(plain.reconstruction),
            1e-5,
        );
    }
}
