//! How training changes with the steps taken: what is minimised, which layers learn, and how far they go.
//!
//! Invariant: all of it follows from the settings and the number of steps alone, so that resuming needs nothing else.

use super::Trainer;
use crate::model::config::TrainConfig;
use crate::model::optimizer::Pace;
use crate::model::spec::Likelihood;

/// Standard deviation of Gaussian pixels at the start of the warm-up: about that of pictures around their mean.
const WIDE: f32 = 0.4;

/// How many times heavier the KL term of a conditional model is at the start of the warm-up.
const PRESSED: f32 = 10.0;

/// Of so many steps in which a decoder learns without its encoder, the classifier learns in one: it has less far to go.
const CLASSIFYING: u64 = 4;

impl Trainer {
    /// How much of the warm-up is over, in `[0, 1]`.
    pub(super) fn warmth(&self) -> f32 {
        let rise = self.config.warm_up * self.steps_per_epoch() as f32;
        if rise > 0.0 {
            (self.step() as f32 / rise).min(1.0)
        } else {
            1.0
        }
    }

    /// The KL term's present weight: it rises to `beta` during the warm-up where pixels are Bernoulli. Of a conditional model it falls
    /// instead from [`PRESSED`] times that, so that what is said by name is made use of before the style could say the same.
    pub(super) fn beta(&self) -> f32 {
        let spec = self.spec();
        let is_stacked = spec.beneath().is_some();
        let has_deviation = matches!(spec.likelihood, Likelihood::Gaussian { .. });
        if spec.condition.is_none() {
            let rises = !is_stacked && !has_deviation;
            return spec.beta * if rises { self.warmth() } else { 1.0 };
        }
        if has_deviation && !is_stacked {
            return spec.beta;
        }
        spec.beta * (1.0 + (PRESSED - 1.0) * (1.0 - self.warmth()))
    }

    /// The present likelihood: the deviation of Gaussian pixels falls from [`WIDE`] during the warm-up, so that the
    /// code takes on the prior's scale before details count. With a rising weight of the KL it would first shrink.
    pub(super) fn likelihood(&self) -> Likelihood {
        match self.spec().likelihood {
            Likelihood::Gaussian { sigma } if sigma < WIDE => Likelihood::Gaussian {
                sigma: sigma * (WIDE / sigma).powf(1.0 - self.warmth()),
            },
            likelihood => likelihood,
        }
    }

    /// Steps at the beginning in which the decoder of a conditional model learns without the encoder, and the classifier now and then: those of the warm-up,
    /// but nine tenths of all at most, where everything is known by name and pixels are normal. The style says nothing then anyway, and a step costs
    /// less than half.
    fn steps_alone(&self) -> u64 {
        let spec = self.spec();
        let is_told_all = spec.condition.is_some() && self.labelled.is_none();
        let has_deviation = matches!(spec.likelihood, Likelihood::Gaussian { .. });
        if !is_told_all || !has_deviation || spec.beneath().is_some() {
            return 0;
        }
        let warm_up = self.config.warm_up * self.steps_per_epoch() as f32;
        (warm_up as u64).min(self.steps() / 10 * 9)
    }

    /// What the first `steps` steps cost, in a measure of its own: those of decoder, encoder and classifier alike.
    #[must_use]
    pub fn cost(&self, steps: u64) -> u64 {
        let alone = steps.min(self.steps_alone());
        alone + alone.div_ceil(CLASSIFYING) + 3 * (steps - alone)
    }

    /// Whether the decoder learns without the encoder.
    pub(super) fn is_alone(&self) -> bool {
        self.step() < self.steps_alone()
    }

    /// Whether the classifier learns in this step, too.
    pub(super) fn is_classifying(&self) -> bool {
        !self.is_alone() || self.step().is_multiple_of(CLASSIFYING)
    }

    /// The present learning rate of layers that learn from step `first` on, along half a cosine.
    fn learning_rate(&self, first: u64) -> f64 {
        let done = (self.step() - first) as f64 / (self.steps() - first) as f64;
        let TrainConfig {
            learning_rate,
            final_learning_rate,
            ..
        } = self.config;
        final_learning_rate
            + (learning_rate - final_learning_rate)
                * 0.5
                * (1.0 + (std::f64::consts::PI * done).cos())
    }

    /// How each layer, by its number, takes the present step; none of one that rests.
    pub(super) fn paces(&self) -> impl Fn(usize) -> Option<Pace> + use<> {
        let (alone, step) = (self.steps_alone(), self.step());
        let plan = &self.architecture.plan;
        let (decoder, classifier) = (plan.decoder_layers(), plan.classifier_layers());
        let of_decoder = Some(Pace {
            rate: self.learning_rate(0),
            taken: step,
        });
        let of_classifier = self.is_classifying().then(|| Pace {
            rate: self.learning_rate(0),
            taken: step.min(alone).div_ceil(CLASSIFYING) + step.saturating_sub(alone),
        });
        let of_others = step.checked_sub(alone).map(|taken| Pace {
            rate: self.learning_rate(alone),
            taken,
        });
        move |layer| match layer {
            _ if decoder.contains(&layer) => of_decoder,
            _ if classifier.contains(&layer) => of_classifier,
            _ => of_others,
        }
    }
}
