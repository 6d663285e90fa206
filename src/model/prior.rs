//! Codes drawn from what a model takes codes to be before it has seen a picture.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::spec::{CodeKind, ConditionKind, ModelSpec};

impl ModelSpec {
    /// A code drawn from the prior, `[code]`: standard normal numbers with one class or even attributes behind them, where these have names; or, of a binary code, independent bits of which each is 1
    /// as often as in `frequencies`, `[code]`, the mean of the training items' codes; half of the time where that is not
    /// known.
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
