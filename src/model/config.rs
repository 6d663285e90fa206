//! How a model is trained, and what is told of it meanwhile.
//!
//! Invariant: a [`TrainConfig`] that came through [`TrainConfig::check`] can be followed.

use serde::{Deserialize, Serialize};

use super::pretraining::Pretraining;
use crate::data::Corruption;
use crate::error::{Error, Result};

/// How a model is trained.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Passes over the training items.
    pub epochs: usize,
    /// Items per step.
    pub batch: usize,
    /// Adam's step size at the start; it falls along a cosine.
    pub learning_rate: f64,
    /// Step size at the end.
    pub final_learning_rate: f64,
    /// Epochs over which the KL term's weight rises from 0 to `beta` where pixels are Bernoulli (of a conditional model it falls to `beta` from 10
    /// times that), and over which the deviation of Gaussian pixels falls to `sigma`; may be a fraction. Of a conditional model of Gaussian pixels of
    /// which everything is known by name the decoder learns without the encoder meanwhile.
    pub warm_up: f32,
    /// Share of the items kept out of training to choose the best checkpoint, in `[0, 0.5]`.
    pub validation: f32,
    /// Largest norm of a step's gradient; larger ones are scaled down to it. 0 turns it off.
    pub clip: f32,
    /// Pixels, at most 32, by which the encoder sees each picture moved at random, up or down and left or right, while the decoder has
    /// to make it where it was: a denoising auto-encoder (Vincent et al. 2008) whose corruption is a shift, so that codes forget
    /// where a picture lies. 0 turns it off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shift: usize,
    /// What is done to each picture before the encoder sees it, with its strength in `(0, 1]`, while the decoder has to make the clean one: a
    /// denoising auto-encoder (Vincent et al. 2010).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corruption: Option<(Corruption, f32)>,
    /// How many training items a conditional model is told the labels of, of each class as many as of another; of all, where it is not said. The
    /// others are trained on without (semi-supervised learning).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// What comes before the training of the whole network, layer by layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<Pretraining>,
    /// Seed of initial weights, shuffling and noise.
    pub seed: u64,
}

/// Whether a number can be left out of a file.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl TrainConfig {
    /// The configuration itself, if it can be followed.
    ///
    /// # Errors
    /// When a number is out of its range; the reason says which.
    pub fn check(self) -> Result<Self> {
        let refuse = |reason: &str| Err(Error::usage(reason));
        if !(1..=100_000).contains(&self.epochs) {
            return refuse("training takes 1 to 100,000 epochs");
        }
        if !(1..=65_536).contains(&self.batch) {
            return refuse("a batch has 1 to 65,536 items");
        }
        if self.shift > 32 {
            return refuse("pictures can be moved by at most 32 pixels");
        }
        if self.labels == Some(0) {
            return refuse("a label budget is at least 1");
        }
        if let Some((_, strength)) = self.corruption
            && !(strength > 0.0 && strength <= 1.0)
        {
            return refuse("a corruption has a strength above 0 and at most 1");
        }
        let rates = [self.learning_rate, self.final_learning_rate];
        if rates
            .iter()
            .any(|r| !(r.is_finite() && (0.0..=1.0).contains(r)))
            || self.learning_rate <= 0.0
        {
            return refuse("the learning rate has to be above 0 and at most 1");
        }
        if !(0.0..=0.5).contains(&self.validation)
            || self.warm_up.is_nan()
            || self.warm_up < 0.0
            || self.clip.is_nan()
            || self.clip < 0.0
        {
            return refuse(
                "validation share, warm-up and gradient limit cannot be negative, and at most half is kept out",
            );
        }
        Ok(self)
    }
}

/// The loss terms of one moment, per item.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LossPoint {
    /// Training steps taken.
    pub step: u64,
    /// Epochs, with the fraction of the present one.
    pub epoch: f32,
    /// Negative log-likelihood of the pixels, nats per item (for Gaussian pixels without the constant).
    pub reconstruction: f32,
    /// KL of the posterior from the prior, nats per item; 0 with binary codes.
    pub kl: f32,
    /// Sum of the two terms over the validation items, at the end of an epoch.
    pub validation: Option<f32>,
}
