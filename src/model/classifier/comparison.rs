//! What pre-training without labels is worth to a classifier: the same network with and without it, by the number of labels.
//!
//! Invariant: both networks of a pair are told the same labels, in the same order, with the same corruption.

use std::time::Instant;

use burn::tensor::Device;
use serde::Serialize;

use super::tuning::{Truth, Tuning};
use super::{Classifier, ClassifierPlan, labels_of};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::auto_encoder::read;
use crate::progress::Progress;

/// The same network with and without pre-training, for several label budgets and seeds.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// The network with its pre-training; its seed is the first, its label budget is not used.
    pub plan: ClassifierPlan,
    /// Label budgets; `None` stands for all.
    pub budgets: Vec<Option<usize>>,
    /// Trainings of each, with seeds one after another: 1 to 20.
    pub seeds: usize,
}

/// Label budgets that a comparison takes where none are named, as far as there are twice as many items; then all.
const BUDGETS: [usize; 3] = [100, 1000, 10_000];

/// What over a difference varies in its interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Varied {
    /// The seeds: weights, chosen labels, order. Student's t on the differences of each seed.
    Seeds,
    /// With one seed the choice of the test items alone: the normal approximation for paired errors.
    TestItems,
}

/// One network's errors, a number per seed.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Errors {
    /// The share of the test items whose class is missed.
    pub test: Vec<f64>,
    /// The same of the validation items, by which the weights were chosen.
    pub validation: Vec<f64>,
    /// Steps after which the kept weights were reached.
    pub best_step: Vec<usize>,
}

impl Errors {
    fn new() -> Self {
        Self {
            test: Vec::new(),
            validation: Vec::new(),
            best_step: Vec::new(),
        }
    }

    /// Mean of the test errors, and their standard deviation over seeds where there are several.
    #[must_use]
    pub fn summary(&self) -> (f64, Option<f64>) {
        let (mean, variance) = moments(&self.test);
        (mean, (self.test.len() > 1).then(|| variance.sqrt()))
    }
}

/// What a budget came to.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BudgetErrors {
    /// Labels that the network was told.
    pub labels: usize,
    /// With pre-trained hidden layers.
    pub pretrained: Errors,
    /// From random weights.
    pub random: Errors,
    /// By how much the test error is lower with pre-training: the mean, and the ends of its 95 % interval.
    pub gain: [f64; 3],
    /// What varies in the interval.
    pub over: Varied,
}

/// What the comparison came to.
#[derive(Clone, Debug)]
pub struct Compared {
    /// A row per budget, in the order asked for.
    pub budgets: Vec<BudgetErrors>,
    /// Items trained on, and kept out for validation.
    pub items: [usize; 2],
    /// Trainings that ended early, and what was kept of them.
    pub notes: Vec<String>,
    /// The pre-trained network of the largest budget, of the first seed.
    pub classifier: Classifier,
}

impl Comparison {
    /// Label budgets for data of so many items.
    #[must_use]
    pub fn budgets_for(items: usize) -> Vec<Option<usize>> {
        let fewer = BUDGETS.into_iter().filter(|n| 2 * n <= items);
        fewer.map(Some).chain([None]).collect()
    }

    /// The plans of all trainings of one seed, a pre-trained one and a random one for each budget.
    fn plans(&self, seed: usize) -> Vec<ClassifierPlan> {
        let plan = |&labels: &Option<usize>| ClassifierPlan {
            labels,
            seed: self.plan.seed.wrapping_add(seed as u64),
            ..self.plan.clone()
        };
        self.budgets.iter().map(plan).collect()
    }

    /// Whether it can be done.
    ///
    /// # Errors
    /// As [`ClassifierPlan::check`], and when there is no budget, no pre-training to compare with, or too many seeds.
    pub fn check(&self, data: &Dataset) -> Result<()> {
        if self.plan.pretraining.is_none() || self.budgets.is_empty() {
            return Err(Error::usage(
                "a comparison needs a pre-training and at least one label budget",
            ));
        }
        if !(1..=T_QUANTILES.len() + 1).contains(&self.seeds) {
            return Err(Error::usage(format!(
                "a comparison takes 1 to {} seeds",
                T_QUANTILES.len() + 1
            )));
        }
        self.plans(0).iter().try_for_each(|plan| plan.check(data))
    }

    /// Whether errors of what is learnt from `data` can be counted on `test`.
    ///
    /// # Errors
    /// When the pictures are of another shape, or `test` has no labels or a class that `data` has not.
    pub fn check_test(data: &Dataset, test: &Dataset) -> Result<()> {
        if data.shape() != test.shape() {
            return Err(Error::model(format!(
                "{} has {} pictures, {} has {}",
                data.name(),
                data.shape(),
                test.name(),
                test.shape()
            )));
        }
        let (known, asked) = (labels_of(data)?, labels_of(test)?);
        let strange = asked.names.iter().find(|name| !known.names.contains(name));
        match strange {
            None => Ok(()),
            Some(name) => Err(Error::model(format!(
                "{} has the class {name}, {} has not",
                test.name(),
                data.name()
            ))),
        }
    }

    /// Multiplications of one seed's pre-training, and of each budget's fine-tuning, of which there are two.
    fn costs(&self, data: &Dataset) -> (f64, Vec<f64>) {
        let parts = self.plan.parts(data.len());
        let items = parts.train.len();
        let mut widths = vec![data.shape().len()];
        widths.extend(&self.plan.hidden);
        let layers: Vec<f64> = widths.windows(2).map(|w| (w[0] * w[1]) as f64).collect();
        let whole: f64 = layers.iter().sum();
        let mut below = 0.0;
        let mut stages = 0.0;
        for layer in layers {
            // Up and down, and two products more for each on the way back; the picture needs none.
            stages += below + 5.0 * layer;
            below += layer;
        }
        let epochs = self.plan.pretraining.map_or(0, |p| p.epochs);
        let tuning = |budget: &Option<usize>| {
            let labels = budget.unwrap_or(items).min(items);
            let course = self.plan.course(labels);
            let validations = 1 + course.steps / course.every;
            whole * (3 * course.steps * course.batch + validations * parts.validation.len()) as f64
        };
        (
            stages * (epochs * items) as f64,
            self.budgets.iter().map(tuning).collect(),
        )
    }

    /// About how long it takes, seconds, by the time of a few steps.
    ///
    /// # Errors
    /// As [`Self::check`], and when the device fails.
    pub fn estimate(&self, data: &Dataset, device: &Device) -> Result<f64> {
        self.check(data)?;
        let (architecture, parts) = self.plan.architecture(data, device)?;
        let labels = labels_of(data)?;
        let course = self.plan.course(parts.train.len());
        let (batch, rate) = (course.batch, course.learning_rate);
        let ids = &parts.train[..batch];
        let truth = Truth::Classes(&labels.values);
        let weights = self.plan.first_weights(&architecture, None)?;
        let mut tuning = Tuning::new(architecture, weights);
        let mut quickest = f64::INFINITY;
        for step in 0..5 {
            let start = Instant::now();
            let loss = tuning.step(&course, data, truth, ids, (step, rate));
            read(loss)?;
            quickest = quickest.min(start.elapsed().as_secs_f64());
        }
        let mut widths = vec![data.shape().len()];
        widths.extend(&self.plan.hidden);
        let whole: usize = widths.windows(2).map(|w| w[0] * w[1]).sum();
        let (pretraining, tunings) = self.costs(data);
        let all = pretraining + 2.0 * tunings.iter().sum::<f64>();
        Ok(self.seeds as f64 * all * quickest / (3 * batch * whole) as f64)
    }

    /// Pre-trains once for each seed, fine-tunes with and without for each budget, and counts the errors on `test`. After each pair of trainings
    /// `so_far` sees the rows that are there.
    ///
    /// # Errors
    /// As [`Self::check`] and [`Self::check_test`], when an error of pre-training is no longer a finite number, when the device fails
    /// or someone asked for the end.
    pub fn run(
        &self,
        data: &Dataset,
        test: &Dataset,
        device: &Device,
        progress: &Progress,
        mut so_far: impl FnMut(&[BudgetErrors]),
    ) -> Result<Compared> {
        self.check(data)?;
        Self::check_test(data, test)?;
        let (pretraining, tunings) = self.costs(data);
        let all = self.seeds as f64 * (pretraining + 2.0 * tunings.iter().sum::<f64>());
        let mut done = 0.0;
        let mut part = |cost: f64| {
            let from = done;
            done += cost / all;
            progress.part(from as f32, done as f32)
        };
        let mut rows: Vec<BudgetErrors> = Vec::new();
        let mut notes = Vec::new();
        let mut kept: Option<(usize, Classifier)> = None;
        for seed in 0..self.seeds {
            let plans = self.plans(seed);
            let pretrained = plans[0].pretrain(data, device, &part(pretraining))?;
            for (i, plan) in plans.iter().enumerate() {
                let mut missed = Vec::new();
                for (arm, layers) in [Some(&pretrained), None].into_iter().enumerate() {
                    let fitted = plan.train(layers, data, device, &part(tunings[i]))?;
                    let misses = fitted.classifier.misses(test, &Progress::silent())?;
                    let wrong = misses.iter().filter(|miss| **miss).count();
                    if i == rows.len() {
                        rows.push(BudgetErrors::new(fitted.labels));
                    }
                    let own = match arm {
                        0 => &mut rows[i].pretrained,
                        _ => &mut rows[i].random,
                    };
                    own.test.push(wrong as f64 / test.len() as f64);
                    own.validation.push(fitted.validation_error);
                    own.best_step.push(fitted.best_step);
                    if let Some(why) = fitted.stopped {
                        let which = ["with", "without"][arm];
                        notes.push(format!(
                            "{} labels {which} pre-training, seed {}: {why}",
                            fitted.labels, plan.seed
                        ));
                    }
                    let is_larger = kept.as_ref().is_none_or(|(most, _)| fitted.labels > *most);
                    if arm == 0 && seed == 0 && is_larger {
                        kept = Some((fitted.labels, fitted.classifier));
                    }
                    missed.push(misses);
                }
                let both = missed[0].iter().zip(&missed[1]);
                // Of one seed, what each test item adds to the gain.
                let items: Vec<f64> = both
                    .map(|(with, without)| f64::from(*without) - f64::from(*with))
                    .collect();
                let row = &mut rows[i];
                (row.gain, row.over) = gain(&row.pretrained.test, &row.random.test, &items);
                so_far(&rows);
            }
        }
        progress.update(1, 1)?;
        let parts = self.plan.parts(data.len());
        let (_, classifier) = kept.ok_or_else(|| Error::usage("there is no label budget"))?;
        Ok(Compared {
            budgets: rows,
            items: [parts.train.len(), parts.validation.len()],
            notes,
            classifier,
        })
    }
}

impl BudgetErrors {
    /// Of so many labels nothing is known yet.
    fn new(labels: usize) -> Self {
        Self {
            labels,
            pretrained: Errors::new(),
            random: Errors::new(),
            gain: [0.0; 3],
            over: Varied::TestItems,
        }
    }
}

/// 97.5 % quantiles of Student's t with 1, 2, … degrees of freedom.
const T_QUANTILES: [f64; 19] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
];

/// The mean difference of paired errors with its 95 % interval: over seeds, or where there is one over the `items`' own differences.
fn gain(with: &[f64], without: &[f64], items: &[f64]) -> ([f64; 3], Varied) {
    let differences: Vec<f64> = without.iter().zip(with).map(|(b, a)| b - a).collect();
    let (sample, quantile, over) = match differences.len() {
        0 | 1 => (items, 1.96, Varied::TestItems),
        n => (
            differences.as_slice(),
            T_QUANTILES[(n - 2).min(T_QUANTILES.len() - 1)],
            Varied::Seeds,
        ),
    };
    let (mean, variance) = moments(sample);
    let reach = quantile * (variance / sample.len().max(1) as f64).sqrt();
    ([mean, mean - reach, mean + reach], over)
}

/// Mean and unbiased variance; of fewer than two numbers the variance is 0.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, squares / (n - 1.0).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_paired_differences() {
        // Differences 1, 2 and 3: mean 2, standard deviation 1, t 4.303.
        let (gain_, over) = gain(&[1.0, 1.0, 1.0], &[2.0, 3.0, 4.0], &[]);
        assert_eq!(over, Varied::Seeds);
        let reach = 4.303 / 3.0_f64.sqrt();
        for (found, expected) in gain_.iter().zip([2.0, 2.0 - reach, 2.0 + reach]) {
            assert!((found - expected).abs() < 1e-12, "{gain_:?}");
        }
        // Of 100 items 10 are right with pre-training alone and 4 without alone.
        let items = [vec![1.0; 10], vec![-1.0; 4], vec![0.0; 86]].concat();
        let (gain_, over) = gain(&[0.1], &[0.16], &items);
        assert_eq!(over, Varied::TestItems);
        let deviation = ((0.14 - 0.06 * 0.06) * 100.0 / 99.0 / 100.0_f64).sqrt();
        assert!((gain_[0] - 0.06).abs() < 1e-12);
        assert!((gain_[2] - 0.06 - 1.96 * deviation).abs() < 1e-12);
    }
}
