//! Classes of pictures by a dense network whose hidden layers may be pre-trained without labels.
//!
//! A soft-max over the classes, trained on the cross-entropy (Bengio et al. 2007; Erhan et al. 2010). Invariants: with and without
//! pre-training a network begins from the same random numbers, is shown the same items in the same order, and differs in its hidden layers alone; what
//! comes out depends on the seed alone, whatever the number of threads.

mod comparison;
mod file;
pub(super) mod tuning;

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use self::tuning::{Course, Truth, Tuned, Tuning, each_logits, largest};
use super::auto_encoder::{Architecture, read, stream};
use super::network::Layer;
use super::optimizer::{tracked, untracked};
use super::pretraining::{Pretrainer, Pretraining, StagePoint};
use super::spec::{CodeKind, Likelihood, ModelSpec, Network, Objective, Prior, SPEC_VERSION, Unit};
use crate::data::{Corruption, Dataset, ImageShape, Labels};
use crate::error::{Error, Result};
use crate::progress::Progress;

pub use comparison::{BudgetErrors, Compared, Comparison, Errors, ItemsOf, Varied};

/// Streams of random numbers, apart from those of pre-training.
const SPLIT: u64 = 1 << 50;
const BUDGET: u64 = SPLIT + 1;

/// One of so many items is kept out for validation: 5,000 of MNIST's 60,000.
const VALIDATION: usize = 12;
/// Steps that a fine-tuning has at least: few labels are passed over more often.
const LEAST_STEPS: usize = 1000;
/// How often a fine-tuning of few labels is validated; others are after each epoch.
const VALIDATIONS: usize = 20;
/// What a classifier is, and how it is trained.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClassifierPlan {
    /// Units of each hidden layer, from the picture inwards.
    pub hidden: Vec<usize>,
    /// What they are.
    pub unit: Unit,
    /// How the hidden layers are trained first, without labels; not at all, where it is not said.
    pub pretraining: Option<Pretraining>,
    /// Passes over the items with labels; where these are few there are more, up to 1,000 steps.
    pub epochs: usize,
    /// Items per step.
    pub batch: usize,
    /// Adam's step size at the start, in `(0, 1]`; it falls to 0 along half a cosine.
    pub learning_rate: f64,
    /// What is done to each picture before the network that is told labels sees it, with its strength in `(0, 1)`. Masked pixels are dropped
    /// inputs (Srivastava et al. 2014): what is left of them weighs more, so that the sums stay what they are on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corruption: Option<(Corruption, f32)>,
    /// Seed of initial weights, of the choice of items and of their order.
    pub seed: u64,
    /// How many items it is told the labels of, of each class as many as of another; of all that are trained on, where it is not said.
    pub labels: Option<usize>,
}

impl Default for ClassifierPlan {
    /// The lecture's network, 784-1000-1000-500-10 on MNIST, from random weights.
    fn default() -> Self {
        Self {
            hidden: vec![1000, 1000, 500],
            unit: Unit::Logistic,
            pretraining: None,
            epochs: 20,
            batch: 100,
            learning_rate: 1e-3,
            corruption: None,
            seed: 1,
            labels: None,
        }
    }
}

/// The classes of `dataset`.
fn labels_of(dataset: &Dataset) -> Result<&Labels> {
    dataset.labels().ok_or_else(|| {
        Error::usage(format!("{} has no labels", dataset.name())).hint(
            "a folder with a sub-folder per class has them, and so has a table beside the data with a column called label",
        )
    })
}

/// Items kept out of training, and those trained on.
struct Parts {
    validation: Vec<u32>,
    train: Vec<u32>,
}

impl ClassifierPlan {
    /// Whether `dataset` can be learnt so.
    ///
    /// # Errors
    /// When a number is out of its range, when the data has no labels or fewer than are asked for; the reason says which.
    pub fn check(&self, dataset: &Dataset) -> Result<()> {
        self.architecture(dataset, &Device::flex()).map(drop)
    }

    /// The network, and the parts of `dataset`.
    fn architecture(&self, dataset: &Dataset, device: &Device) -> Result<(Architecture, Parts)> {
        let labels = labels_of(dataset)?;
        let refuse = |reason: &str| Err(Error::usage(reason));
        if !(1..=100_000).contains(&self.epochs) || !(1..=65_536).contains(&self.batch) {
            return refuse("training takes 1 to 100,000 epochs, with 1 to 65,536 items in a batch");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return refuse("the learning rate has to be above 0 and at most 1");
        }
        if let Some((_, strength)) = self.corruption
            && !(strength > 0.0 && strength < 1.0)
        {
            return refuse("the strength of a corruption is above 0 and below 1");
        }
        let parts = self.parts(dataset.len());
        if parts.validation.is_empty() {
            return Err(Error::usage(format!(
                "{} has too few items to keep one of {VALIDATION} out for validation",
                dataset.name()
            )));
        }
        let architecture = self.network(dataset.shape(), labels.names.len(), device)?;
        if let Some(budget) = self.labels {
            if budget == 0 {
                return refuse("a label budget is at least 1");
            }
            if budget > parts.train.len() {
                return Err(Error::usage(format!(
                    "{budget} labels are asked for, and {} has only {} items to train on",
                    dataset.name(),
                    parts.train.len()
                ))
                .hint(format!(
                    "one item of {VALIDATION} is kept out for validation; all stands for the others"
                )));
            }
        }
        Ok((architecture, parts))
    }

    /// The network for pictures of `shape`: what an encoder with a number of its code for each class would be.
    fn network(&self, shape: ImageShape, classes: usize, device: &Device) -> Result<Architecture> {
        if self.hidden.is_empty() {
            return Err(Error::usage("a classifier has at least one hidden layer"));
        }
        if !(2..=256).contains(&classes) {
            return Err(Error::model(format!(
                "a classifier tells 2 to 256 classes apart, not {classes}"
            )));
        }
        let spec = ModelSpec {
            version: SPEC_VERSION,
            shape,
            code: classes,
            kind: CodeKind::Point,
            network: Network::Dense {
                hidden: self.hidden.clone(),
                unit: self.unit,
            },
            likelihood: Likelihood::Bernoulli,
            beta: 1.0,
            objective: Objective::default(),
            flow: None,
            prior: Prior::Standard,
            palette: None,
            condition: None,
        };
        if let Some(pretraining) = self.pretraining {
            pretraining.check(&spec)?;
        }
        Architecture::new(spec, device)
    }

    fn parts(&self, items: usize) -> Parts {
        let mut validation: Vec<u32> = (0..items as u32).collect();
        validation.shuffle(&mut stream(self.seed, SPLIT));
        let train = validation.split_off(items / VALIDATION);
        Parts { validation, train }
    }

    /// The items of `train` whose labels are used: of classes as evenly as there are items of each.
    fn told(&self, dataset: &Dataset, train: &[u32]) -> Vec<u32> {
        let (Some(budget), Some(labels)) = (self.labels, dataset.labels()) else {
            return train.to_vec();
        };
        let mut order = train.to_vec();
        order.shuffle(&mut stream(self.seed, BUDGET));
        let mut seen = vec![0_usize; labels.names.len()];
        let mut ranked: Vec<(usize, u32)> = order
            .into_iter()
            .map(|id| {
                let rank = &mut seen[usize::from(labels.values[id as usize])];
                *rank += 1;
                (*rank, id)
            })
            .collect();
        // The first of every class, then the second of every class, and so on.
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().take(budget).map(|(_, id)| id).collect()
    }

    /// Trains the hidden layers on the pictures of `dataset` that are not kept out for validation; labels are not looked at, so that
    /// it can be used with every label budget.
    ///
    /// # Errors
    /// When the data does not fit, when an error is no longer a finite number, when the device fails or someone asked for the end.
    pub fn pretrain(
        &self,
        dataset: &Dataset,
        device: &Device,
        progress: &Progress,
    ) -> Result<Pretrained> {
        let (architecture, parts) = self.architecture(dataset, device)?;
        let Some(plan) = self.pretraining else {
            return Err(Error::usage("the plan says of no pre-training"));
        };
        let fresh = architecture.plan.weights(self.seed, device);
        let mut pretrainer = Pretrainer::new(plan, &architecture, &fresh, self.seed);
        let mut weights: Vec<Layer> = fresh.into_iter().map(tracked).collect();
        let batch = self.batch.min(parts.train.len());
        let layers = self.hidden.len();
        let steps = pretrainer.steps((parts.train.len() / batch) as u64) as usize;
        // The stage behind the hidden layers would be the classes'.
        while pretrainer.stages().0 < layers {
            let (stage, step) = (pretrainer.stages().0, pretrainer.step as usize);
            progress.update(stage * steps + step, layers * steps)?;
            pretrainer.advance(
                &architecture,
                &mut weights,
                &parts.train,
                (batch, self.seed),
                |id| dataset.pixels(id as usize),
            )?;
        }
        Ok(Pretrained {
            layers: weights[..layers].iter().map(untracked).collect(),
            history: pretrainer.history().to_vec(),
        })
    }

    /// Trains the whole network on the labels of the plan's budget, from `pretrained` hidden layers or from random ones; kept are the
    /// weights with the fewest errors on the validation items, of equally many those with the lower loss.
    ///
    /// # Errors
    /// When the data or the layers do not fit, when the device fails or someone asked for the end. A loss that is no longer a finite
    /// number ends the training, and [`Fitted::stopped`] says what was kept.
    pub fn train(
        &self,
        pretrained: Option<&Pretrained>,
        dataset: &Dataset,
        device: &Device,
        progress: &Progress,
    ) -> Result<Fitted> {
        let (architecture, parts) = self.architecture(dataset, device)?;
        let labels = labels_of(dataset)?;
        let weights = self.first_weights(&architecture, pretrained)?;
        let told = self.told(dataset, &parts.train);
        let mut tuning = Tuning::new(architecture, weights);
        let Tuned {
            weights,
            best_step,
            wrong,
            stopped,
        } = tuning.run(
            &self.course(told.len()),
            dataset,
            Truth::Classes(&labels.values),
            (&told, &parts.validation),
            progress,
        )?;
        Ok(Fitted {
            labels: told.len(),
            steps: self.steps(told.len()),
            best_step,
            validation_error: wrong as f64 / parts.validation.len() as f64,
            stopped,
            classifier: Classifier {
                plan: Self {
                    pretraining: pretrained.and(self.pretraining),
                    ..self.clone()
                },
                classes: labels.names.clone(),
                architecture: Arc::new(tuning.architecture),
                weights,
            },
        })
    }

    /// The weights that a fine-tuning begins with.
    fn first_weights(
        &self,
        architecture: &Architecture,
        pretrained: Option<&Pretrained>,
    ) -> Result<Vec<Layer>> {
        let plan = &architecture.plan;
        let mut weights = plan.weights(self.seed, &architecture.device);
        // What is behind the classes would lead back to the picture.
        weights.truncate(plan.code_layer() + 1);
        if let Some(pretrained) = pretrained {
            let fits = pretrained.layers.len() + 1 == weights.len();
            let mut both = pretrained.layers.iter().zip(&weights);
            if !fits || both.any(|(own, fresh)| own.weight.dims() != fresh.weight.dims()) {
                return Err(Error::model(
                    "the layers were pre-trained for another network than this one",
                ));
            }
            for (weight, layer) in weights.iter_mut().zip(&pretrained.layers) {
                *weight = moved(layer, &architecture.device)?;
            }
        }
        Ok(weights)
    }

    /// The fine-tuning on `labels` labels.
    fn course(&self, labels: usize) -> Course {
        let batch = self.batch.min(labels).max(1);
        let steps = self.steps(labels);
        Course {
            steps,
            batch,
            every: (labels / batch).max(steps.div_ceil(VALIDATIONS)).max(1),
            learning_rate: self.learning_rate,
            corruption: self.corruption,
            seed: self.seed,
        }
    }

    /// Steps of a fine-tuning on `labels` labels.
    fn steps(&self, labels: usize) -> usize {
        let per_epoch = labels / self.batch.min(labels).max(1);
        (self.epochs * per_epoch).max(LEAST_STEPS)
    }
}

/// A layer on another device.
fn moved(layer: &Layer, device: &Device) -> Result<Layer> {
    let ([from, to], [outputs]) = (layer.weight.dims(), layer.bias.dims());
    let weight = TensorData::new(read(layer.weight.clone())?, [from, to]);
    let bias = TensorData::new(read(layer.bias.clone())?, [outputs]);
    Ok(Layer {
        weight: Tensor::from_data(weight, device),
        bias: Tensor::from_data(bias, device),
    })
}

/// Hidden layers that were trained without labels.
#[derive(Clone, Debug)]
pub struct Pretrained {
    layers: Vec<Layer>,
    history: Vec<StagePoint>,
}

impl Pretrained {
    /// The same on `device`.
    ///
    /// # Errors
    /// When the device that they are on fails.
    fn moved(&self, device: &Device) -> Result<Self> {
        let layers = self.layers.iter().map(|layer| moved(layer, device));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            history: self.history.clone(),
        })
    }

    /// How well each layer made again what it saw, step by step; of layers from a file nothing is known of it.
    #[must_use]
    pub fn history(&self) -> &[StagePoint] {
        &self.history
    }
}

/// What a training came to.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The network with the fewest validation errors.
    pub classifier: Classifier,
    /// Labels it was told.
    pub labels: usize,
    /// Steps that were planned, and the one after which it is kept.
    pub steps: usize,
    /// See `steps`.
    pub best_step: usize,
    /// The share of the validation items whose class it misses.
    pub validation_error: f64,
    /// Why it ended before its last step, and which weights were kept.
    pub stopped: Option<String>,
}

/// A network that tells the class of a picture.
#[derive(Clone, Debug)]
pub struct Classifier {
    plan: ClassifierPlan,
    classes: Vec<String>,
    architecture: Arc<Architecture>,
    weights: Vec<Layer>,
}

impl Classifier {
    /// How it was trained; its pre-training is named where it had one.
    #[must_use]
    pub fn plan(&self) -> &ClassifierPlan {
        &self.plan
    }

    /// What each class is called.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The same on `device`.
    ///
    /// # Errors
    /// When the device that it is on fails.
    fn moved(&self, device: &Device) -> Result<Self> {
        let weights = self.weights.iter().map(|layer| moved(layer, device));
        let architecture = Architecture::new(self.architecture.spec.clone(), device)?;
        Ok(Self {
            plan: self.plan.clone(),
            classes: self.classes.clone(),
            architecture: Arc::new(architecture),
            weights: weights.collect::<Result<_>>()?,
        })
    }

    /// The class of each item, an index into [`Self::classes`].
    ///
    /// # Errors
    /// When the pictures have another shape than the network takes, when the device fails or someone asked for the end.
    pub fn predict(&self, dataset: &Dataset, progress: &Progress) -> Result<Vec<u16>> {
        let shape = self.architecture.spec.shape;
        if dataset.shape() != shape {
            return Err(Error::model(format!(
                "the classifier takes {shape} pictures, {} has {}",
                dataset.name(),
                dataset.shape()
            )));
        }
        let ids: Vec<u32> = (0..dataset.len() as u32).collect();
        let (own, weights) = (&self.architecture, &self.weights);
        let mut found = Vec::with_capacity(ids.len());
        each_logits(own, weights, dataset, &ids, progress, |_, logits| {
            found.push(largest(logits).0);
        })?;
        Ok(found)
    }

    /// Whether each item is taken for another class than its own; classes are matched by name.
    ///
    /// # Errors
    /// As [`Self::predict`], and when the data has no labels, or one that the network does not know.
    pub fn misses(&self, dataset: &Dataset, progress: &Progress) -> Result<Vec<bool>> {
        let labels = labels_of(dataset)?;
        let place = |name: &String| self.classes.iter().position(|own| own == name);
        let places: Vec<Option<usize>> = labels.names.iter().map(place).collect();
        let known = |class: &u16| {
            places[usize::from(*class)].ok_or_else(|| {
                Error::model(format!(
                    "the classifier does not know the class {} of {}",
                    labels.names[usize::from(*class)],
                    dataset.name()
                ))
            })
        };
        let truth: Vec<usize> = labels.values.iter().map(known).collect::<Result<_>>()?;
        let found = self.predict(dataset, progress)?;
        let both = found.into_iter().zip(truth);
        Ok(both.map(|(a, b)| usize::from(a) != b).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::tuning::judged;
    use super::*;
    use crate::data::digits;
    use crate::model::Teacher;
    use crate::model::testing::vec;

    pub(super) fn data(count: usize) -> Dataset {
        digits::generate(3, 0..count, &Progress::silent()).expect("digits")
    }

    pub(super) fn plan(unit: Unit) -> ClassifierPlan {
        ClassifierPlan {
            hidden: vec![40, 20],
            unit,
            pretraining: Some(Pretraining {
                teacher: Teacher::AutoEncoder,
                epochs: 2,
            }),
            epochs: 2,
            batch: 20,
            ..ClassifierPlan::default()
        }
    }

    /// All numbers of some layers.
    fn numbers_of(weights: &[Layer]) -> Vec<f32> {
        let both = |layer: &Layer| [vec(layer.weight.clone()), vec(layer.bias.clone())].concat();
        weights.iter().flat_map(both).collect()
    }

    #[test]
    fn it_learns_digits_and_gives_the_same_again() -> Result<()> {
        let (data, device) = (data(1200), Device::flex());
        let test = digits::generate(9, 5000..5400, &Progress::silent())?;
        let plan = plan(Unit::Logistic);
        let silent = Progress::silent();
        let pretrained = plan.pretrain(&data, &device, &silent)?;
        let errors: Vec<f32> = pretrained.history().iter().map(|p| p.error).collect();
        let first_stage = pretrained.history().iter().filter(|p| p.stage == 0).count();
        assert!(errors[first_stage - 1] < 0.8 * errors[0]);
        assert_eq!(pretrained.history().last().map(|p| p.stage), Some(1));
        let fitted = plan.train(Some(&pretrained), &data, &device, &silent)?;
        let wrong = fitted.classifier.misses(&test, &silent)?;
        let wrong = wrong.iter().filter(|miss| **miss).count();
        assert!(wrong < 40, "{wrong} of 400");
        assert!(fitted.best_step > 0 && fitted.stopped.is_none());
        let again = plan.pretrain(&data, &device, &silent)?;
        assert_eq!(numbers_of(&again.layers), numbers_of(&pretrained.layers));
        let again = plan.train(Some(&again), &data, &device, &silent)?;
        assert_eq!(
            numbers_of(&again.classifier.weights),
            numbers_of(&fitted.classifier.weights)
        );
        let random = plan.train(None, &data, &device, &silent)?;
        assert_ne!(
            numbers_of(&random.classifier.weights),
            numbers_of(&fitted.classifier.weights)
        );
        Ok(())
    }

    #[test]
    fn corrupted_pictures_are_learnt_from_and_clean_ones_told() -> Result<()> {
        let (data, device) = (data(1200), Device::flex());
        let test = digits::generate(9, 5000..5400, &Progress::silent())?;
        let silent = Progress::silent();
        let clean = plan(Unit::Rectified);
        let corrupted = ClassifierPlan {
            corruption: Some((Corruption::Masking, 0.3)),
            ..clean.clone()
        };
        let fitted = corrupted.train(None, &data, &device, &silent)?;
        let wrong = fitted.classifier.misses(&test, &silent)?;
        let wrong = wrong.iter().filter(|miss| **miss).count();
        assert!(wrong < 40, "{wrong} of 400");
        let weights = numbers_of(&fitted.classifier.weights);
        let again = corrupted.train(None, &data, &device, &silent)?;
        assert_eq!(numbers_of(&again.classifier.weights), weights);
        let other = clean.train(None, &data, &device, &silent)?;
        assert_ne!(numbers_of(&other.classifier.weights), weights);
        Ok(())
    }

    #[test]
    fn labels_are_shared_out_among_the_classes() {
        let data = data(600);
        let plan = ClassifierPlan {
            labels: Some(53),
            ..plan(Unit::Logistic)
        };
        let parts = plan.parts(data.len());
        assert_eq!((parts.validation.len(), parts.train.len()), (50, 550));
        let told = plan.told(&data, &parts.train);
        let values = &data.labels().expect("classes").values;
        let mut counts = [0; 10];
        for id in &told {
            assert!(!parts.validation.contains(id));
            counts[usize::from(values[*id as usize])] += 1;
        }
        counts.sort_unstable();
        assert_eq!(counts, [5, 5, 5, 5, 5, 5, 5, 6, 6, 6]);
        // A larger budget is told the same and more.
        let more = ClassifierPlan {
            labels: Some(100),
            ..plan.clone()
        };
        let more = more.told(&data, &parts.train);
        assert!(told.iter().all(|id| more.contains(id)));
        let other = ClassifierPlan { seed: 2, ..plan };
        assert_ne!(other.told(&data, &other.parts(600).train), told);
    }

    #[test]
    fn a_loss_beyond_numbers_ends_the_training_and_keeps_what_was_good() -> Result<()> {
        let (data, device) = (data(300), Device::flex());
        let silent = Progress::silent();
        // The loss is an ordinary number, and its slope in the first layer is beyond what a number holds.
        let plan = ClassifierPlan {
            hidden: vec![40, 40, 20],
            ..plan(Unit::Rectified)
        };
        let (architecture, _) = plan.architecture(&data, &device)?;
        let fresh = architecture.plan.weights(1, &device);
        let scaled = |(layer, scale): (&Layer, f32)| Layer {
            weight: layer.weight.clone() * scale,
            bias: layer.bias.clone(),
        };
        let steep = Pretrained {
            layers: fresh.iter().zip([1e-41, 3e20, 3e20]).map(scaled).collect(),
            history: Vec::new(),
        };
        let fitted = plan.train(Some(&steep), &data, &device, &silent)?;
        let why = fitted.stopped.expect("it ends early");
        let kept = format!("the weights after {} steps", fitted.best_step);
        assert!(why.contains(&kept), "{why}");
        let weights = numbers_of(&fitted.classifier.weights);
        assert!(weights.iter().all(|w| w.is_finite()));
        let parts = plan.parts(data.len());
        let truth = Truth::Classes(&data.labels().expect("classes").values);
        let own = &fitted.classifier;
        let ids = &parts.validation;
        let (wrong, mean) = judged(&own.architecture, &own.weights, &data, ids, truth)?;
        assert!(mean.is_finite());
        assert_eq!(wrong as f64 / ids.len() as f64, fitted.validation_error);
        Ok(())
    }

    #[test]
    fn a_saved_classifier_says_the_same_and_a_broken_one_is_refused() -> Result<()> {
        let (data, device) = (data(240), Device::flex());
        let silent = Progress::silent();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("digits.safetensors");
        let fitted = plan(Unit::Tanh).train(None, &data, &device, &silent)?;
        fitted.classifier.save(&path)?;
        let loaded = Classifier::load(&path, &device)?;
        assert_eq!(loaded.plan(), fitted.classifier.plan());
        assert_eq!(loaded.plan().pretraining, None);
        assert_eq!(loaded.classes().len(), 10);
        assert_eq!(
            loaded.predict(&data, &silent)?,
            fitted.classifier.predict(&data, &silent)?
        );
        let bytes = std::fs::read(&path).expect("the file");
        std::fs::write(&path, &bytes[..bytes.len() - 5]).expect("written");
        let refused = Classifier::load(&path, &device);
        assert!(refused.is_err_and(|e| e.is_file()));
        Ok(())
    }

    #[test]
    fn what_cannot_be_learnt_is_refused() {
        let data = data(120);
        let own = plan(Unit::Logistic);
        let refused = |plan: &ClassifierPlan, part: &str| {
            let error = plan.check(&data).expect_err("it is refused");
            assert!(error.to_string().contains(part), "{error}");
        };
        let with = |change: fn(&mut ClassifierPlan)| {
            let mut plan = own.clone();
            change(&mut plan);
            plan
        };
        refused(&with(|p| p.labels = Some(111)), "only 110 items");
        refused(&with(|p| p.labels = Some(0)), "at least 1");
        refused(&with(|p| p.hidden.clear()), "hidden layer");
        refused(&with(|p| p.hidden = vec![10_000]), "8192");
        refused(&with(|p| p.learning_rate = 0.0), "learning rate");
        refused(
            &with(|p| p.corruption = Some((Corruption::Masking, 1.0))),
            "below 1",
        );
        refused(
            &with(|p| {
                p.unit = Unit::Rectified;
                p.pretraining = Some(Pretraining {
                    teacher: Teacher::Boltzmann,
                    epochs: 1,
                });
            }),
            "logistic",
        );
        assert!(with(|p| p.labels = Some(110)).check(&data).is_ok());
        let unlabelled = Dataset::new("bare", data.shape(), data.pixels(0).repeat(20));
        let error = own.check(&unlabelled.expect("pictures"));
        assert!(error.is_err_and(|e| e.to_string().contains("no labels")));
    }
}
