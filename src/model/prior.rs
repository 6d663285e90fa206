//! Codes drawn from what a model takes codes to be before it has seen a picture.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::auto_encoder::{AutoEncoder, read};
use super::spec::{CodeKind, ConditionKind, ModelSpec};
use crate::error::Result;

/// The distribution that a model's codes come from before a picture is seen, ready to be drawn from.
#[derive(Clone, PartialEq, Debug)]
pub struct CodePrior {
    spec: ModelSpec,
    frequencies: Vec<f32>,
    /// Means and log-variances of the posteriors of learnt pictures, `[pictures, code]` each.
    learnt: Option<(Vec<f32>, Vec<f32>)>,
}

impl CodePrior {
    /// A code, `[code]`: see [`ModelSpec::sample_prior`]; of a learnt prior drawn from the posterior of one of its pictures.
    pub fn sample(&self, rng: &mut impl Rng) -> Vec<f32> {
        let Some((mean, log_variance)) = &self.learnt else {
            return self.spec.sample_prior(&self.frequencies, rng);
        };
        let code = self.spec.code;
        let picture = rng.random_range(0..(mean.len() / code).max(1));
        let at = picture * code..(picture + 1) * code;
        let pairs = mean[at.clone()].iter().zip(&log_variance[at]);
        pairs
            .map(|(mean, log_variance)| {
                let noise: f32 = StandardNormal.sample(rng);
                mean + (0.5 * log_variance).exp() * noise
            })
            .collect()
    }

    /// The same with other frequencies of bits.
    #[must_use]
    pub fn with_frequencies(&self, frequencies: &[f32]) -> Self {
        Self {
            frequencies: frequencies.to_vec(),
            ..self.clone()
        }
    }

    /// What is known of it without the network.
    #[must_use]
    pub fn of_spec(spec: &ModelSpec, frequencies: &[f32]) -> Self {
        Self {
            spec: spec.clone(),
            frequencies: frequencies.to_vec(),
            learnt: None,
        }
    }
}

impl AutoEncoder {
    /// The prior of the model's codes; `frequencies`, `[code]`, are the mean of the training items' codes, by which bits are drawn.
    ///
    /// # Errors
    /// When the device fails.
    pub fn prior(&self, frequencies: &[f32]) -> Result<CodePrior> {
        let learnt = self.architecture.plan.learnt_posteriors(&self.weights);
        let learnt = match learnt {
            Some((mean, log_variance)) => Some((read(mean)?, read(log_variance)?)),
            None => None,
        };
        Ok(CodePrior {
            learnt,
            ..CodePrior::of_spec(self.spec(), frequencies)
        })
    }
}

impl ModelSpec {
    /// A code drawn from what the specification alone says of the prior, `[code]`: standard normal numbers, with one class or even attributes
    /// behind them where these have names; of logistic units even numbers; of a binary code independent bits, of which each is 1 as often as in
    /// `frequencies`, `[code]`, the mean of the training items' codes, and half of the time where that is not known. See [`CodePrior`] for
    /// one that is learnt.
    pub fn sample_prior(&self, frequencies: &[f32], rng: &mut impl Rng) -> Vec<f32> {
        match self.kind {
            CodeKind::Posterior | CodeKind::Point => {
                let style = StandardNormal.sample_iter(&mut *rng).take(self.style());
                let mut code: Vec<f32> = style.collect();
                if let Some(condition) = &self.condition {
                    let named = condition.names.len();
                    let class = rng.random_range(0..named.max(1));
                    code.extend((0..named).map(|i| match condition.kind {
                        ConditionKind::Class => f32::from(u8::from(i == class)),
                        ConditionKind::Attributes => rng.random(),
                    }));
                }
                code
            }
            CodeKind::Logistic => (0..self.code).map(|_| rng.random()).collect(),
            CodeKind::Binary => (0..self.code)
                .map(|bit| {
                    let frequency = frequencies.get(bit).copied().unwrap_or(0.5);
                    f32::from(u8::from(rng.random::<f32>() < frequency))
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use crate::data::ImageShape;
    use crate::model::Preset;

    #[test]
    fn a_learnt_prior_is_drawn_from_where_its_pictures_lie() -> crate::error::Result<()> {
        use burn::tensor::Device;

        let data = crate::data::digits::generate(1, 0..60, &crate::progress::Progress::silent())?;
        let preset = Preset::Vamp;
        let mut spec = preset.spec(data.shape());
        spec.prior = crate::model::Prior::Vamp { inputs: 3 };
        let config = preset.training(data.shape());
        let trainer = crate::model::Trainer::new(spec, config, &data, &Device::flex())?;
        let model = trainer.model();
        let prior = model.prior(&[])?;
        let (mean, log_variance) = prior.learnt.clone().expect("it is learnt");
        assert_eq!(mean.len(), 3 * model.code());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let draws = 3000;
        let mut sum = 0.0;
        for _ in 0..draws {
            sum += prior.sample(&mut rng)[0] / draws as f32;
        }
        let column =
            |values: &[f32]| -> Vec<f32> { values.iter().step_by(model.code()).copied().collect() };
        let expected = column(&mean).iter().sum::<f32>() / 3.0;
        let widest = column(&log_variance)
            .iter()
            .fold(0.0_f32, |w, s| w.max((0.5 * s).exp()));
        assert!(
            (sum - expected).abs() < 0.1 * widest.max(0.5),
            "{sum} and {expected}"
        );
        Ok(())
    }

    #[test]
    fn bits_are_drawn_as_often_as_they_are_set() {
        let mut spec = Preset::Hash28.spec(ImageShape::new(8, 8, 1));
        spec.code = 4;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut sums = [0.0; 4];
        for _ in 0..4000 {
            let code = spec.sample_prior(&[0.0, 0.25, 1.0], &mut rng);
            assert!(code.iter().all(|bit| *bit == 0.0 || *bit == 1.0));
            for (sum, bit) in sums.iter_mut().zip(code) {
                *sum += bit;
            }
        }
        assert_eq!((sums[0], sums[2]), (0.0, 4000.0));
        assert!((sums[1] - 1000.0_f32).abs() < 120.0 && (sums[3] - 2000.0_f32).abs() < 120.0);
    }
}
