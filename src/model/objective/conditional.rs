//! The bound of a conditional model: of items whose classes or attributes are known, and of others.
//!
//! Invariant: what a classifier learns by and what it is asked for are the same logits.

use burn::tensor::{Tensor, activation};

use super::{Batch, Terms, closed_form, log_sum_exp, repeated};
use crate::model::auto_encoder::Architecture;
use crate::model::likelihood;
use crate::model::network::Layer;
use crate::model::spec::{ConditionKind, Likelihood};

/// The items of a batch of which something is known, or nothing.
struct Part {
    inputs: Tensor<2>,
    seen: Tensor<2>,
    noise: Tensor<2>,
}

impl Architecture {
    /// What the classifier of a conditional model takes pictures for: shares of classes, or attributes, `[items, named]`.
    pub(in crate::model) fn recognised(
        &self,
        weights: &[Layer],
        inputs: Tensor<2>,
    ) -> Option<Tensor<2>> {
        self.spec.condition.as_ref()?;
        let logits = self.plan.classify(weights, inputs);
        Some(if self.is_of_classes() {
            activation::softmax(logits, 1)
        } else {
            activation::sigmoid(logits)
        })
    }

    /// Of a conditional model: the bound of the items whose classes or attributes are known, with what the classifier is off by, and that of
    /// the others, `Σ_y q(y|x) (L(x, y) + log q(y|x))` (Kingma et al. 2014, equations 6 to 9).
    pub(super) fn conditional(
        &self,
        weights: &[Layer],
        batch: Batch,
        scale: f32,
        likelihood: Likelihood,
    ) -> Terms {
        let [items, _] = batch.inputs.dims();
        let seen = batch.seen.unwrap_or_else(|| batch.inputs.clone());
        let known = batch.known.as_ref().map_or(0, |known| known.dims()[0]);
        let noise = batch
            .noise
            .unwrap_or_else(|| Tensor::zeros([items, self.spec.style()], &seen.device()));
        let part = |first, count| Part {
            inputs: batch.inputs.clone().narrow(0, first, count),
            seen: seen.clone().narrow(0, first, count),
            noise: noise.clone().narrow(0, first, count),
        };
        let of_known = batch
            .known
            .map(|condition| self.told(weights, part(0, known), condition, scale, likelihood));
        let of_others = (known < items)
            .then(|| self.untold(weights, part(known, items - known), scale, likelihood));
        match (of_known, of_others) {
            (Some(known), Some(others)) => known.and(others),
            (Some(terms), None) | (None, Some(terms)) => terms,
            (None, None) => {
                let nothing = Tensor::zeros([1], &seen.device());
                Terms::new(nothing.clone(), nothing)
            }
        }
    }

    /// The bound of items of which everything is known with a posterior that is the prior: what the decoder makes of what is known and a style of noise. With it,
    /// where `is_classifying`, what the classifier is off by.
    pub(in crate::model) fn told_to_decoder(
        &self,
        weights: &[Layer],
        batch: Batch,
        (scale, is_classifying): (f32, bool),
        likelihood: Likelihood,
    ) -> Terms {
        let off = match &batch.known {
            Some(known) if is_classifying => {
                let seen = batch.seen.unwrap_or_else(|| batch.inputs.clone());
                Some(self.off_by(self.plan.classify(weights, seen), known))
            }
            _ => None,
        };
        let codes: Vec<Tensor<2>> = batch.noise.into_iter().chain(batch.known).collect();
        let output = self.plan.decode(weights, Tensor::cat(codes, 1));
        let kl = Tensor::zeros([1], &output.device());
        let made = self.reconstruction(output, batch.inputs, scale, likelihood);
        let mut terms = Terms::new(made, kl);
        if let Some(off) = off {
            terms.add_penalty(off * (self.spec.objective.supervision * scale));
        }
        terms
    }

    fn told(
        &self,
        weights: &[Layer],
        part: Part,
        condition: Tensor<2>,
        scale: f32,
        likelihood: Likelihood,
    ) -> Terms {
        let logits = self.plan.classify(weights, part.seen.clone());
        let off = self.off_by(logits, &condition);
        let features = self.plan.features(weights, part.seen);
        let features = Tensor::cat(vec![features, condition.clone()], 1);
        let (mean, log_variance) = self.plan.posterior(weights, features.clone());
        let posterior = (&mean, &log_variance);
        let drawn = self.plan.draw(weights, &features, posterior, part.noise);
        let codes = Tensor::cat(vec![drawn.codes, condition], 1);
        let output = self.plan.decode(weights, codes);
        let reconstruction = self.reconstruction(output, part.inputs, scale, likelihood);
        let kl = closed_form(mean, log_variance).sum() * scale;
        let mut terms = Terms::new(reconstruction, kl);
        terms.add_penalty(off * (self.spec.objective.supervision * scale));
        terms
    }

    /// What a classifier is off by, nats, summed over items: cross-entropy with classes, or with each attribute.
    fn off_by(&self, logits: Tensor<2>, condition: &Tensor<2>) -> Tensor<1> {
        if self.is_of_classes() {
            (log_sum_exp(logits.clone()).sum()) - (logits * condition.clone()).sum()
        } else {
            let softplus =
                logits.clone().abs().neg().exp().log1p() + activation::relu(logits.clone());
            (softplus - logits * condition.clone()).sum()
        }
    }

    fn is_of_classes(&self) -> bool {
        let condition = self.spec.condition.as_ref();
        condition.is_some_and(|c| c.kind == ConditionKind::Class)
    }

    fn untold(&self, weights: &[Layer], part: Part, scale: f32, likelihood: Likelihood) -> Terms {
        let device = part.seen.device();
        let classes = self.plan.named();
        let logits = self.plan.classify(weights, part.seen.clone());
        if !self.is_of_classes() {
            // Attributes cannot all be tried: the classifier's word is taken.
            let condition = activation::sigmoid(logits);
            let mut terms = self.told(weights, part, condition, scale, likelihood);
            terms.penalty = None;
            return terms;
        }
        let [items, _] = logits.dims();
        let rows = items * classes;
        let log_share = logits.clone() - log_sum_exp(logits);
        let share = log_share.clone().exp();
        let features = repeated(self.plan.features(weights, part.seen), classes);
        let all: Tensor<2> = Tensor::eye(classes, &device);
        let all = all.repeat_dim(0, items);
        let features = Tensor::cat(vec![features, all.clone()], 1);
        let (mean, log_variance) = self.plan.posterior(weights, features.clone());
        let noise = repeated(part.noise, classes);
        let posterior = (&mean, &log_variance);
        let drawn = self.plan.draw(weights, &features, posterior, noise);
        let codes = Tensor::cat(vec![drawn.codes, all], 1);
        let (output, padding) = self.masked(self.plan.decode(weights, codes));
        let flat = share.clone().reshape([rows]);
        let (weighted, errors) = likelihood::weighted_reconstruction(
            output,
            part.inputs,
            classes,
            flat,
            likelihood,
            scale,
        );
        let errors = errors.reshape([items, classes]) - padding;
        let kl = closed_form(mean, log_variance).sum_dim(1);
        let kl = (share.clone() * kl.reshape([items, classes])).sum() * scale;
        // KL of the classes from equal shares, which `beta` leaves as it is.
        let of_classes = (share.clone() * (log_share + (classes as f32).ln())).sum() * scale;
        // The weighted sum passes its derivative to the decoder; this one, of the same value, to the classifier.
        let told_apart = (share * errors).sum() * scale;
        let reconstruction = told_apart.clone() + weighted.clone() - weighted.detach();
        let mut terms = Terms::new(reconstruction, kl);
        terms.add_penalty(of_classes);
        terms
    }
}
