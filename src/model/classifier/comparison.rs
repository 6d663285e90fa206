//! What pre-training without labels is worth to a classifier: the same network with and without it, by the number of labels.
//!
//! Invariants: both networks of a pair are told the same labels, in the same order, with the same corruption; the items that errors are counted on
//! take part in no training, nor in any choice.

use std::borrow::Cow;
use std::time::Instant;

use burn::tensor::Device;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::tuning::{Truth, Tuning};
use super::{Classifier, ClassifierPlan, Fitted, Pretrained, VALIDATION, labels_of};
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::files::Digest;
use crate::model::auto_encoder::read;
use crate::model::network::Layer;
use crate::progress::Progress;

/// The same network with and without pre-training, for several label budgets and seeds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// The network with its pre-training; its seed is the first, its label budget is not used.
    pub plan: ClassifierPlan,
    /// Label budgets; `None` stands for all.
    pub budgets: Vec<Option<usize>>,
    /// Trainings of each, with seeds one after another: 1 to 20.
    pub seeds: usize,
    /// Items to count errors on; without these a sixth of the data is, which is kept out of all training.
    pub test: Option<DatasetSource>,
}

/// Of so many items one is kept out to count errors on, where there are no other items to count them on.
const TESTED: usize = 6;

/// Bytes of pixels that are copied to keep some of them out; more are refused rather than held twice.
const MOST_BYTES: usize = 1 << 30;

/// Label budgets that a comparison takes where none are named, as far as there are twice as many items; then all.
const BUDGETS: [usize; 3] = [100, 1000, 10_000];

/// What over a difference varies in its interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Varied {
    /// The seeds: weights, chosen labels, order. Student's t on the differences of each seed.
    Seeds,
    /// With one seed the choice of the test items alone: the normal approximation for paired errors.
    TestItems,
}

/// One network's errors, a number per seed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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

/// Items as a comparison knows them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ItemsOf {
    /// What they are called.
    pub name: String,
    /// How many they are.
    pub count: usize,
    /// Of their pictures, classes and the classes' names.
    digest: u64,
}

impl ItemsOf {
    /// # Errors
    /// When they have no labels.
    fn new(dataset: &Dataset) -> Result<Self> {
        let labels = labels_of(dataset)?;
        let mut digest = Digest::default();
        digest.mix(dataset.digest());
        for name in &labels.names {
            digest.mix(name.len() as u64);
            digest.mix_bytes(name.as_bytes());
        }
        for class in &labels.values {
            digest.mix(u64::from(*class));
        }
        Ok(Self {
            name: dataset.name().to_owned(),
            count: dataset.len(),
            digest: digest.value(),
        })
    }

    /// Whether these are they, whatever they are called.
    #[must_use]
    pub fn are(&self, dataset: &Dataset) -> bool {
        // The digest reads every pixel: sizes are compared first.
        dataset.len() == self.count && Self::new(dataset).is_ok_and(|own| own.digest == self.digest)
    }

    fn check(&self, dataset: &Dataset) -> Result<()> {
        if self.are(dataset) {
            return Ok(());
        }
        Err(Error::model(format!(
            "{} is not what the comparison began with, {} items of {}",
            dataset.name(),
            self.count,
            self.name
        ))
        .hint("give the data that it began with; what the program draws itself depends on the --seed it was started with"))
    }
}

/// A comparison, as far as it has come; what it holds lies in the CPU's memory, whatever trains.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What is compared.
    pub comparison: Comparison,
    /// The items learnt from, of which some are kept out for validation.
    pub learnt: ItemsOf,
    /// The items that errors are counted on.
    pub test: ItemsOf,
    /// A row per budget of which a pair is trained, in the order asked for.
    pub budgets: Vec<BudgetErrors>,
    /// Trainings that ended early, and what was kept of them.
    pub notes: Vec<String>,
    /// The pre-trained network of the largest budget so far, of the first seed.
    pub classifier: Option<Classifier>,
    /// The hidden layers of the seed under way.
    pub(super) pretrained: Option<Pretrained>,
}

impl Comparison {
    /// Label budgets for data of so many items.
    #[must_use]
    pub fn budgets_for(items: usize) -> Vec<Option<usize>> {
        let fewer = BUDGETS.into_iter().filter(|n| 2 * n <= items);
        fewer.map(Some).chain([None]).collect()
    }

    /// The plan of the trainings of a seed, counted from 0, with so many labels.
    fn plan_of(&self, seed: usize, labels: Option<usize>) -> ClassifierPlan {
        ClassifierPlan {
            labels,
            seed: self.plan.seed.wrapping_add(seed as u64),
            ..self.plan.clone()
        }
    }

    /// What is learnt from, and what errors are counted on: `data` and the test items, drawn with the seed `drawn_with` where the program draws
    /// them itself, or `data` parted in two.
    ///
    /// # Errors
    /// When the test items cannot be read, when `data` has too few items to be parted or too many to be held twice, or someone asked for the end.
    pub fn sets<'a>(
        &self,
        data: &'a Dataset,
        drawn_with: u64,
        progress: &Progress,
    ) -> Result<(Cow<'a, Dataset>, Dataset)> {
        if let Some(source) = &self.test {
            return Ok((Cow::Borrowed(data), source.load(drawn_with, progress)?));
        }
        let tested = data.len() / TESTED;
        if tested == 0 {
            return Err(Error::usage(format!(
                "{} has too few items to keep one of {TESTED} out to count errors on",
                data.name()
            )));
        }
        if data.len() * data.shape().len() > MOST_BYTES {
            return Err(Error::usage(format!(
                "{} is too large to be parted into items to learn from and items to count errors on",
                data.name()
            ))
            .hint("open fewer of them, with a count behind the name, or the train part of data that has a test part"));
        }
        let mut ids: Vec<usize> = (0..data.len()).collect();
        ids.shuffle(&mut ChaCha8Rng::seed_from_u64(self.plan.seed));
        let mut test = ids.split_off(data.len() - tested);
        ids.sort_unstable();
        test.sort_unstable();
        Ok((Cow::Owned(data.subset(&ids)?), data.subset(&test)?))
    }

    /// Whether it can be done.
    ///
    /// # Errors
    /// As [`ClassifierPlan::check`], and when there is no budget, no pre-training to compare with, or too many seeds.
    pub fn check(&self, data: &Dataset) -> Result<()> {
        self.check_counts()?;
        let mut budgets = self.budgets.iter();
        budgets.try_for_each(|labels| self.plan_of(0, *labels).check(data))
    }

    /// Whether there are budgets, a pre-training and no more seeds than can be told apart.
    fn check_counts(&self) -> Result<()> {
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
        Ok(())
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

    /// How long a multiplication takes, seconds, by the time of a few steps.
    fn secs_per_multiplication(&self, data: &Dataset, device: &Device) -> Result<f64> {
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
        Ok(quickest / (3 * batch * whole) as f64)
    }
}

/// A part of the work.
#[derive(Clone, Copy)]
enum Step {
    /// The pre-training of a seed.
    Pretraining(usize),
    /// The two trainings of a seed and a budget.
    Pair(usize, usize),
}

impl Compared {
    /// A comparison of which nothing is done yet.
    ///
    /// # Errors
    /// As [`Comparison::check`] and [`Comparison::check_test`].
    pub fn new(comparison: Comparison, data: &Dataset, test: &Dataset) -> Result<Self> {
        comparison.check(data)?;
        Comparison::check_test(data, test)?;
        Ok(Self {
            comparison,
            learnt: ItemsOf::new(data)?,
            test: ItemsOf::new(test)?,
            budgets: Vec::new(),
            notes: Vec::new(),
            classifier: None,
            pretrained: None,
        })
    }

    /// Whether all trainings are done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pairs() == self.comparison.seeds * self.comparison.budgets.len()
    }

    /// Items trained on, and kept out for validation.
    #[must_use]
    pub fn parts(&self) -> [usize; 2] {
        let validation = self.learnt.count / VALIDATION;
        [self.learnt.count - validation, validation]
    }

    /// Pairs of trainings that are done, one with pre-training and one without.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.budgets.iter().map(|row| row.random.test.len()).sum()
    }

    /// Whether what it holds is of one comparison that was left off.
    pub(super) fn check(&self) -> Result<()> {
        self.comparison.check_counts()?;
        let refuse = |reason: &str| Err(Error::model(reason));
        let (done, budgets) = (self.pairs(), self.comparison.budgets.len());
        let pairs = |row: usize| done / budgets + usize::from(row < done % budgets);
        let is_whole = |(i, row): (usize, &BudgetErrors)| {
            [&row.random, &row.pretrained].into_iter().all(|own| {
                let lengths = [own.test.len(), own.validation.len(), own.best_step.len()];
                lengths == [pairs(i); 3]
            })
        };
        let rows = budgets.min(done);
        let is_right = done <= self.comparison.seeds * budgets
            && self.budgets.len() == rows
            && self.budgets.iter().enumerate().all(is_whole)
            && self.classifier.is_some() == (done > 0);
        if !is_right {
            return refuse("its rows are not those of its label budgets and seeds");
        }
        let is_share = |x: &f64| (0.0..=1.0).contains(x);
        let is_known = |row: &BudgetErrors| {
            let both = [&row.random, &row.pretrained].into_iter();
            let mut shares = both.flat_map(|own| own.test.iter().chain(&own.validation));
            (1..=self.parts()[0]).contains(&row.labels)
                && shares.all(is_share)
                && row.gain.iter().all(|x| x.is_finite())
        };
        if !self.budgets.iter().all(is_known) {
            return refuse("its rows hold errors or numbers of labels that cannot be");
        }
        let own = |plan: &ClassifierPlan| ClassifierPlan {
            labels: self.comparison.plan.labels,
            ..plan.clone()
        };
        let mut classifier = self.classifier.iter().map(|kept| own(kept.plan()));
        if classifier.any(|plan| plan != self.comparison.plan) {
            return refuse("its classifier is of another plan");
        }
        let hidden = &self.comparison.plan.hidden;
        let mut layers = self.pretrained.iter().map(|own| &own.layers);
        let is_of_plan = |layers: &Vec<Layer>| {
            let widths = layers.iter().map(|layer| layer.weight.dims()[1]);
            !self.is_complete() && widths.eq(hidden.iter().copied())
        };
        if !layers.all(is_of_plan) {
            return refuse("its pre-trained layers are of another network");
        }
        Ok(())
    }

    /// Whether these are what it began with.
    ///
    /// # Errors
    /// When they are not.
    pub fn check_data(&self, data: &Dataset, test: &Dataset) -> Result<()> {
        self.learnt.check(data)?;
        self.test.check(test)
    }

    fn steps_left(&self) -> Vec<Step> {
        let budgets = self.comparison.budgets.len();
        let done = self.pairs();
        let mut steps = Vec::new();
        for pair in done..self.comparison.seeds * budgets {
            let (seed, budget) = (pair / budgets, pair % budgets);
            let has_layers = if pair == done {
                self.pretrained.is_some()
            } else {
                budget > 0
            };
            if !has_layers {
                steps.push(Step::Pretraining(seed));
            }
            steps.push(Step::Pair(seed, budget));
        }
        steps
    }

    /// Multiplications of what is left, step by step.
    fn costs(&self, data: &Dataset) -> Vec<f64> {
        let (pretraining, tunings) = self.comparison.costs(data);
        let cost = |step: Step| match step {
            Step::Pretraining(_) => pretraining,
            Step::Pair(_, budget) => 2.0 * tunings[budget],
        };
        self.steps_left().into_iter().map(cost).collect()
    }

    /// About how long what is left takes, seconds, by the time of a few steps.
    ///
    /// # Errors
    /// As [`Comparison::check`], and when the device fails.
    pub fn estimate(&self, data: &Dataset, device: &Device) -> Result<f64> {
        let secs = self.comparison.secs_per_multiplication(data, device)?;
        Ok(self.costs(data).iter().sum::<f64>() * secs)
    }

    /// Does what is left: pre-trains once for each seed, fine-tunes with and without for each budget, and counts the errors on `test`. After each
    /// pre-training, and each pair of trainings, `so_far` sees what there is. What comes out is, on the same device, the same however often it was left off.
    ///
    /// # Errors
    /// When `data` or `test` are not what it began with, when an error of pre-training is no longer a finite number, when the device fails
    /// or someone asked for the end; what is done stays.
    pub fn go_on(
        &mut self,
        (data, test): (&Dataset, &Dataset),
        device: &Device,
        progress: &Progress,
        mut so_far: impl FnMut(&Self),
    ) -> Result<()> {
        self.check_data(data, test)?;
        self.comparison.check(data)?;
        let costs = self.costs(data);
        let all: f64 = costs.iter().sum();
        let mut done = 0.0;
        for (step, cost) in self.steps_left().into_iter().zip(costs) {
            let from = done;
            done += cost / all;
            let part = progress.part(from as f32, done as f32);
            match step {
                Step::Pretraining(seed) => {
                    let plan = self.comparison.plan_of(seed, None);
                    let layers = plan.pretrain(data, device, &part)?;
                    self.pretrained = Some(layers.moved(&Device::flex())?);
                }
                Step::Pair(seed, budget) => {
                    self.train_pair(seed, budget, (data, test), device, &part)?;
                }
            }
            so_far(self);
        }
        Ok(())
    }

    fn train_pair(
        &mut self,
        seed: usize,
        budget: usize,
        (data, test): (&Dataset, &Dataset),
        device: &Device,
        progress: &Progress,
    ) -> Result<()> {
        let plan = self
            .comparison
            .plan_of(seed, self.comparison.budgets[budget]);
        let train = |layers: Option<&Pretrained>, part: Progress| -> Result<(Fitted, Vec<bool>)> {
            let fitted = plan.train(layers, data, device, &part)?;
            let misses = fitted.classifier.misses(test, &Progress::silent())?;
            Ok((fitted, misses))
        };
        let most = |labels: Option<usize>| labels.unwrap_or(usize::MAX);
        let kept = self.classifier.as_ref().map(|own| most(own.plan().labels));
        let is_kept = seed == 0 && kept.is_none_or(|kept| most(plan.labels) > kept);
        let pretrained = train(self.pretrained.as_ref(), progress.part(0.0, 0.5))?;
        let random = train(None, progress.part(0.5, 1.0))?;
        // Of one seed, what each test item adds to the gain.
        let both = pretrained.1.iter().zip(&random.1);
        let items: Vec<f64> = both
            .map(|(with, without)| f64::from(*without) - f64::from(*with))
            .collect();
        // Only what is whole is taken in: a cancelled pair leaves no trace.
        if is_kept {
            self.classifier = Some(pretrained.0.classifier.moved(&Device::flex())?);
        }
        if budget == self.budgets.len() {
            self.budgets.push(BudgetErrors::new(pretrained.0.labels));
        }
        let row = &mut self.budgets[budget];
        for ((fitted, misses), own, which) in [
            (&pretrained, &mut row.pretrained, "with"),
            (&random, &mut row.random, "without"),
        ] {
            let wrong = misses.iter().filter(|miss| **miss).count();
            own.test.push(wrong as f64 / test.len() as f64);
            own.validation.push(fitted.validation_error);
            own.best_step.push(fitted.best_step);
            if let Some(why) = &fitted.stopped {
                self.notes.push(format!(
                    "{} labels {which} pre-training, seed {}: {why}",
                    fitted.labels, plan.seed
                ));
            }
        }
        (row.gain, row.over) = gain(&row.pretrained.test, &row.random.test, &items);
        // The next seed has its own.
        if budget + 1 == self.comparison.budgets.len() {
            self.pretrained = None;
        }
        Ok(())
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
    use super::super::tests::{data, plan};
    use super::*;
    use crate::model::spec::Unit;

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

    type Change = fn(&mut Compared);

    #[test]
    fn a_comparison_that_is_left_off_comes_to_the_same() -> Result<()> {
        let (data, device, silent) = (data(360), Device::flex(), Progress::silent());
        let comparison = Comparison {
            plan: plan(Unit::Rectified),
            budgets: vec![Some(40), None],
            seeds: 2,
            test: None,
        };
        let (learnt, test) = comparison.sets(&data, 1, &silent)?;
        assert_eq!((learnt.len(), test.len()), (300, 60));
        let sets = (learnt.as_ref(), &test);
        let mut whole = Compared::new(comparison.clone(), &learnt, &test)?;
        assert_eq!((whole.pairs(), whole.parts()), (0, [275, 25]));
        whole.go_on(sets, &device, &silent, |_| {})?;
        assert!(whole.is_complete() && whole.pairs() == 4);
        let intervals = whole.budgets.iter().map(|row| (row.labels, row.over));
        let intervals: Vec<_> = intervals.collect();
        assert_eq!(intervals, [(40, Varied::Seeds), (275, Varied::Seeds)]);

        // Left off behind every step, within a pair, too: each time a new program reads the file.
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("classifiers.safetensors");
        let mut begun = Compared::new(comparison, &learnt, &test)?;
        begun.save(&file)?;
        let mut steps = 0;
        while !begun.is_complete() {
            assert!(Compared::is_one(&file));
            begun = Compared::load(&file)?;
            let progress = Progress::silent();
            let ended = begun.go_on(sets, &device, &progress, |so_far| {
                so_far.save(&file).expect("saved");
                progress.cancel();
            });
            steps += 1;
            assert!(ended.is_err_and(|e| e.is_cancelled()) || begun.is_complete());
        }
        // A pre-training and two pairs of each seed.
        assert_eq!(steps, 6);
        for (found, expected) in begun.budgets.iter().zip(&whole.budgets) {
            assert_eq!(found, expected);
        }
        let loaded = Classifier::load(&file, &device)?;
        let classifier = whole.classifier.as_ref().expect("a classifier");
        assert_eq!(loaded.plan(), classifier.plan());
        assert_eq!(loaded.plan().labels, None);
        assert_eq!(
            loaded.predict(&data, &silent)?,
            classifier.predict(&data, &silent)?
        );

        // On other items it does not go on.
        let error = begun.go_on((&data, &test), &device, &silent, |_| {});
        assert!(error.is_err_and(|e| e.to_string().contains("not what the comparison began with")));
        let error = begun.go_on((&learnt, &learnt), &device, &silent, |_| {});
        assert!(error.is_err());

        // What cannot have come of one comparison is refused, before anything is drawn of it or goes on with it.
        let changes: [(Change, &str); 8] = [
            (|own| drop(own.budgets.pop()), "rows"),
            (|own| own.budgets[1].random.test.push(0.5), "rows"),
            (|own| own.classifier = None, "rows"),
            (|own| own.comparison.seeds = 1, "rows"),
            (|own| own.comparison.seeds = 0, "seeds"),
            (|own| own.budgets[0].random.test[0] = 1e9, "cannot be"),
            (|own| own.budgets[0].labels = 276, "cannot be"),
            (|own| own.comparison.plan.epochs += 1, "another plan"),
        ];
        for (change, reason) in changes {
            let mut changed = begun.clone();
            change(&mut changed);
            changed.save(&file)?;
            let error = Compared::load(&file).expect_err("it is refused");
            assert!(
                error.is_file() && error.to_string().contains(reason),
                "{error}"
            );
        }
        Ok(())
    }

    #[test]
    fn every_bit_of_a_saved_row_comes_back() -> Result<()> {
        let (data, device, silent) = (data(180), Device::flex(), Progress::silent());
        let comparison = Comparison {
            plan: plan(Unit::Tanh),
            budgets: vec![None],
            seeds: 1,
            test: None,
        };
        let (learnt, test) = comparison.sets(&data, 1, &silent)?;
        let mut found = Compared::new(comparison, &learnt, &test)?;
        found.go_on((&learnt, &test), &device, &silent, |_| {})?;
        // Of these a reader of decimal digits in a hurry makes other numbers.
        found.budgets[0].random.test[0] = 7.0 / 60.0;
        found.budgets[0].gain = [1.0 / 3.0 - 0.1, -0.1 + 0.2 / 7.0, 7.0 / 60.0];
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("classifiers.safetensors");
        found.save(&file)?;
        let loaded = Compared::load(&file)?;
        let bits = |row: &BudgetErrors| {
            [row.random.test[0], row.gain[0], row.gain[1], row.gain[2]].map(f64::to_bits)
        };
        assert_eq!(bits(&loaded.budgets[0]), bits(&found.budgets[0]));
        assert_eq!(loaded.budgets, found.budgets);
        Ok(())
    }
}
