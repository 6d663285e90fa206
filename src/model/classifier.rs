//! Classes of pictures by a dense network whose hidden layers may be pre-trained without labels, and what the pre-training is worth where labels are few.
//!
//! A soft-max over the classes, trained on the cross-entropy (Bengio et al. 2007; Erhan et al. 2010). Invariants: with and without
//! pre-training a network begins from the same random numbers, is shown the same items in the same order, and differs in its hidden layers alone; what
//! comes out depends on the seed alone, whatever the number of threads.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::auto_encoder::{Architecture, read, stream};
use super::file::MAX_FILE;
use super::import;
use super::network::Layer;
use super::optimizer::{Adam, tracked, untracked};
use super::pretraining::{Pretrainer, Pretraining, StagePoint};
use super::spec::{CodeKind, Likelihood, ModelSpec, Network, Objective, Prior, SPEC_VERSION, Unit};
use crate::data::{Dataset, ImageShape, Labels};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::progress::Progress;

/// Streams of random numbers, apart from those of pre-training.
const SPLIT: u64 = 1 << 50;
const BUDGET: u64 = SPLIT + 1;
const ORDER: u64 = 1 << 49;

/// One of so many items is kept out for validation: 5,000 of MNIST's 60,000.
const VALIDATION: usize = 12;
/// Steps that a fine-tuning has at least: few labels are passed over more often.
const LEAST_STEPS: usize = 1000;
/// How often a fine-tuning of few labels is validated; others are after each epoch.
const VALIDATIONS: usize = 20;
/// Items classified at a time.
const PREDICTED: usize = 500;
/// The metadata entry that holds [`Description`] as JSON.
const KEY: &str = "morphospace-classifier";
/// Highest version of that description.
const VERSION: u32 = 1;

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
        let mut tuning = Tuning::new(architecture, self.seed, pretrained)?;
        let told = self.told(dataset, &parts.train);
        let batch = self.batch.min(told.len());
        let per_epoch = told.len() / batch;
        let steps = self.steps(told.len());
        let every = per_epoch.max(steps.div_ceil(VALIDATIONS));
        let judge = |tuning: &Tuning, weights: &[Layer]| {
            let ids = &parts.validation;
            judged(&tuning.architecture, weights, dataset, ids, &labels.values)
        };
        // Should nothing better come, there is what it began with.
        let first = tuning.now();
        let mut best = (judge(&tuning, &first)?, 0, first);
        let mut stopped = None;
        let mut losses = Vec::new();
        let (mut epoch, mut order) = (usize::MAX, Vec::new());
        for step in 0..steps {
            progress.update(step, steps)?;
            if epoch != step / per_epoch {
                epoch = step / per_epoch;
                order.clone_from(&told);
                order.shuffle(&mut stream(self.seed, ORDER + epoch as u64));
            }
            let ids = &order[step % per_epoch * batch..][..batch];
            let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
            let truth: Vec<u16> = ids.iter().map(|&id| labels.values[id as usize]).collect();
            let done = step as f64 / steps as f64;
            let rate = self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
            losses.push(tuning.step(&items, &truth, rate));
            if (step + 1) % every != 0 && step + 1 != steps {
                continue;
            }
            // The one place where the training waits for the device.
            let values = read(Tensor::cat(std::mem::take(&mut losses), 0))?;
            let now = tuning.now();
            let found = judge(&tuning, &now)?;
            let bad = values.iter().position(|loss| !loss.is_finite());
            if bad.is_some() || !found.1.is_finite() || !is_finite(&now)? {
                let after = step + 1 - bad.map_or(0, |bad| values.len() - bad);
                stopped = Some(format!(
                    "the loss is no longer a finite number after {after} steps; the weights after {} steps, the best until then, are kept (try a lower learning rate)",
                    best.1
                ));
                break;
            }
            if found.0 < best.0.0 || (found.0 == best.0.0 && found.1 < best.0.1) {
                best = (found, step + 1, now);
            }
        }
        let ((wrong, _), step, weights) = best;
        Ok(Fitted {
            labels: told.len(),
            steps,
            best_step: step,
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

    /// Steps of a fine-tuning on `labels` labels.
    fn steps(&self, labels: usize) -> usize {
        let per_epoch = labels / self.batch.min(labels).max(1);
        (self.epochs * per_epoch).max(LEAST_STEPS)
    }
}

/// Hidden layers that were trained without labels.
#[derive(Clone, Debug)]
pub struct Pretrained {
    layers: Vec<Layer>,
    history: Vec<StagePoint>,
}

impl Pretrained {
    /// How well each layer made again what it saw, step by step.
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

/// A network on its way.
struct Tuning {
    architecture: Architecture,
    recording: Device,
    weights: Vec<Layer>,
    adam: Adam,
}

impl Tuning {
    fn new(architecture: Architecture, seed: u64, pretrained: Option<&Pretrained>) -> Result<Self> {
        let device = &architecture.device;
        let mut weights = architecture.plan.weights(seed, device);
        // What is behind the classes would lead back to the picture.
        weights.truncate(architecture.plan.code_layer() + 1);
        if let Some(pretrained) = pretrained {
            let fits = pretrained.layers.len() + 1 == weights.len();
            let mut both = pretrained.layers.iter().zip(&weights);
            if !fits || both.any(|(own, fresh)| own.weight.dims() != fresh.weight.dims()) {
                return Err(Error::model(
                    "the layers were pre-trained for another network than this one",
                ));
            }
            weights[..pretrained.layers.len()].clone_from_slice(&pretrained.layers);
        }
        Ok(Self {
            recording: device.clone().autodiff(),
            weights: weights.into_iter().map(tracked).collect(),
            adam: Adam::default(),
            architecture,
        })
    }

    fn now(&self) -> Vec<Layer> {
        self.weights.iter().map(untracked).collect()
    }

    /// One step of Adam on `items` of the classes `truth`; gives the loss before it.
    fn step(&mut self, items: &[&[u8]], truth: &[u16], rate: f64) -> Tensor<1> {
        let inputs = self.architecture.inputs(items, None, &self.recording);
        let loss = loss(&self.architecture, &self.weights, inputs, truth);
        let mut gradients = loss.backward();
        let weights = std::mem::take(&mut self.weights);
        self.weights = self.adam.step(weights, &mut gradients, rate, 0.0);
        loss.inner()
    }
}

/// Whether all weights are finite numbers: a rectified unit makes 0 of what is none, so that the loss alone does not tell.
fn is_finite(weights: &[Layer]) -> Result<bool> {
    let sums = weights.iter().flat_map(|layer| {
        let weight = layer.weight.clone().sum().reshape([1]);
        [weight, layer.bias.clone().sum().reshape([1])]
    });
    let sums: Vec<f32> = read(Tensor::<1>::cat(sums.collect(), 0))?;
    Ok(sums.iter().all(|sum| sum.is_finite()))
}

/// What the network makes of `inputs`, `[items, inputs]`: logits, `[items, classes]`.
fn logits(architecture: &Architecture, weights: &[Layer], inputs: Tensor<2>) -> Tensor<2> {
    let plan = &architecture.plan;
    plan.sums(weights, plan.features(weights, inputs))
}

/// The mean over items of `−log P(truth)`, nats, by the soft-max of the logits.
fn loss(
    architecture: &Architecture,
    weights: &[Layer],
    inputs: Tensor<2>,
    truth: &[u16],
) -> Tensor<1> {
    let device = inputs.device();
    let classes = architecture.spec.code;
    let mut chosen = vec![0.0_f32; truth.len() * classes];
    for (row, class) in chosen.chunks_mut(classes).zip(truth) {
        row[usize::from(*class)] = 1.0;
    }
    let chosen: Tensor<2> =
        Tensor::from_data(TensorData::new(chosen, [truth.len(), classes]), &device);
    let logits = logits(architecture, weights, inputs);
    // Less the largest of each row, so that no exponential overflows.
    let logits = logits.clone() - logits.detach().max_dim(1);
    let total = logits.clone().exp().sum_dim(1).log();
    (total - (logits * chosen).sum_dim(1)).mean().reshape([1])
}

/// The class of each of the items `ids` by the largest logit, and the items' logits' losses where their classes `truth` are known, summed.
fn classified(
    architecture: &Architecture,
    weights: &[Layer],
    dataset: &Dataset,
    ids: &[u32],
    truth: Option<&[u16]>,
    progress: &Progress,
) -> Result<(Vec<u16>, f64)> {
    let classes = architecture.spec.code;
    let mut found = Vec::with_capacity(ids.len());
    let mut sum = 0.0;
    for (block, ids) in ids.chunks(PREDICTED).enumerate() {
        progress.update(block * PREDICTED, dataset.len())?;
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let inputs = architecture.inputs(&items, None, &architecture.device);
        let values = read(logits(architecture, weights, inputs))?;
        for (row, &id) in values.chunks(classes).zip(ids) {
            let (class, most) =
                row.iter()
                    .enumerate()
                    .fold((0, f32::NEG_INFINITY), |best, (class, &value)| {
                        if value > best.1 { (class, value) } else { best }
                    });
            found.push(class as u16);
            if let Some(truth) = truth {
                let total: f64 = row.iter().map(|x| f64::from(x - most).exp()).sum();
                let own = row[usize::from(truth[id as usize])];
                sum += total.ln() - f64::from(own - most);
            }
        }
    }
    Ok((found, sum))
}

/// How many of the items `ids` are taken for another class than theirs, and their mean loss, nats.
fn judged(
    architecture: &Architecture,
    weights: &[Layer],
    dataset: &Dataset,
    ids: &[u32],
    truth: &[u16],
) -> Result<(usize, f64)> {
    let silent = Progress::silent();
    let (found, sum) = classified(architecture, weights, dataset, ids, Some(truth), &silent)?;
    let wrong = found.iter().zip(ids);
    let wrong = wrong.filter(|(class, id)| **class != truth[**id as usize]);
    Ok((wrong.count(), sum / ids.len().max(1) as f64))
}

/// What layer `i` of `layers` is called on disk.
fn layer_name(i: usize, layers: usize) -> String {
    if i + 1 < layers {
        format!("hidden.{i}")
    } else {
        "class".to_owned()
    }
}

/// A network that tells the class of a picture.
#[derive(Clone, Debug)]
pub struct Classifier {
    plan: ClassifierPlan,
    classes: Vec<String>,
    architecture: Arc<Architecture>,
    weights: Vec<Layer>,
}

/// What stands beside the weights on disk.
#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    plan: ClassifierPlan,
    shape: ImageShape,
    classes: Vec<String>,
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
        let own = &self.architecture;
        Ok(classified(own, &self.weights, dataset, &ids, None, progress)?.0)
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

    /// Writes the weights, `hidden.I` and `class` with `weight [in, out]` and `bias [out]` each, with the plan as metadata.
    ///
    /// # Errors
    /// When the file cannot be written; what was there before stays.
    pub fn save(&self, path: &Path) -> Result<()> {
        let description = Description {
            version: VERSION,
            plan: self.plan.clone(),
            shape: self.architecture.spec.shape,
            classes: self.classes.clone(),
        };
        let bad = |reason: String| Error::file(path, reason);
        let json = serde_json::to_string(&description).map_err(|e| bad(e.to_string()))?;
        let bytes =
            |values: Vec<f32>| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
        let mut tensors = Vec::new();
        for (i, layer) in self.weights.iter().enumerate() {
            let name = layer_name(i, self.weights.len());
            let [from, to] = layer.weight.dims();
            let weight = bytes(read(layer.weight.clone())?);
            tensors.push((format!("{name}.weight"), vec![from, to], weight));
            let bias = bytes(read(layer.bias.clone())?);
            tensors.push((format!("{name}.bias"), vec![to], bias));
        }
        let mut views = Vec::with_capacity(tensors.len());
        for (name, shape, bytes) in &tensors {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            views.push((name.as_str(), view.map_err(|e| bad(e.to_string()))?));
        }
        let metadata = HashMap::from([(KEY.to_owned(), json)]);
        let content =
            safetensors::serialize(views, Some(metadata)).map_err(|e| bad(e.to_string()))?;
        write_atomically(path, &content)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, cut, too large, of another kind or of a later version, or when weights do not fit its plan.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let length = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
        let bad = |reason: String| Error::file(path, reason);
        if length.len() > MAX_FILE {
            return Err(bad(format!(
                "a classifier of {} bytes is larger than the limit of {MAX_FILE}",
                length.len()
            )));
        }
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        let broken = |e: safetensors::SafeTensorError| {
            bad(format!("it is not a complete safetensors file: {e}"))
                .hint("if it was copied or downloaded, try again")
        };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
        let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
        let json = json.ok_or_else(|| {
            bad("it is no classifier".into()).hint("morphospace classify --out writes one")
        })?;
        let unreadable = |e: serde_json::Error| bad(format!("its plan cannot be read: {e}"));
        let raw: serde_json::Value = serde_json::from_str(json).map_err(unreadable)?;
        let version = raw.get("version").and_then(serde_json::Value::as_u64);
        if version.is_none_or(|version| version > u64::from(VERSION)) {
            return Err(Error::newer_version(
                path,
                "it was written by a later version",
            ));
        }
        let described: Description = serde_json::from_value(raw).map_err(unreadable)?;
        let classes = described.classes.len();
        let architecture = described.plan.network(described.shape, classes, device);
        let architecture = architecture.map_err(|e| e.in_file(path))?;
        let take = |name: String, shape: &[usize]| -> Result<TensorData> {
            let view = file.tensor(&name);
            let view = view.map_err(|_| bad(format!("{name} is missing")))?;
            let values = import::as_f32(view.dtype(), view.data());
            let values = values.filter(|values| values.iter().all(|v| v.is_finite()));
            match values {
                Some(values) if view.shape() == shape => {
                    Ok(TensorData::new(values, shape.to_vec()))
                }
                Some(_) => Err(bad(format!(
                    "{name} has shape {:?} instead of {shape:?}",
                    view.shape()
                ))),
                None => Err(bad(format!("{name} holds what is no finite number"))),
            }
        };
        let sizes = architecture.plan.layers().into_iter().map(|(_, size)| size);
        let sizes: Vec<(usize, usize)> = sizes.take(architecture.plan.code_layer() + 1).collect();
        let layers = sizes.len();
        let mut weights = Vec::with_capacity(layers);
        for (i, (from, to)) in sizes.into_iter().enumerate() {
            let name = layer_name(i, layers);
            let weight = take(format!("{name}.weight"), &[from, to])?;
            let bias = take(format!("{name}.bias"), &[to])?;
            weights.push(Layer {
                weight: Tensor::from_data(weight, device),
                bias: Tensor::from_data(bias, device),
            });
        }
        Ok(Self {
            plan: described.plan,
            classes: described.classes,
            architecture: Arc::new(architecture),
            weights,
        })
    }
}

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
            let steps = self.plan.steps(labels);
            let batch = self.plan.batch.min(labels);
            let every = (labels / batch.max(1)).max(steps.div_ceil(VALIDATIONS));
            let validations = 1 + steps / every.max(1);
            whole * (3 * steps * batch + validations * parts.validation.len()) as f64
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
        let batch = self.plan.batch.min(parts.train.len());
        let ids = &parts.train[..batch];
        let items: Vec<&[u8]> = ids.iter().map(|&id| data.pixels(id as usize)).collect();
        let truth: Vec<u16> = ids.iter().map(|&id| labels.values[id as usize]).collect();
        let mut tuning = Tuning::new(architecture, self.plan.seed, None)?;
        let mut quickest = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            let loss = tuning.step(&items, &truth, self.plan.learning_rate);
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

    /// Pre-trains once for each seed, fine-tunes with and without for each budget, and counts the errors on `test`.
    ///
    /// # Errors
    /// As [`Self::check`], when `test` does not fit, when an error of pre-training is no longer a finite number, when the device fails
    /// or someone asked for the end.
    pub fn run(
        &self,
        data: &Dataset,
        test: &Dataset,
        device: &Device,
        progress: &Progress,
    ) -> Result<Compared> {
        self.check(data)?;
        let (pretraining, tunings) = self.costs(data);
        let all = self.seeds as f64 * (pretraining + 2.0 * tunings.iter().sum::<f64>());
        let mut done = 0.0;
        let mut part = |cost: f64| {
            let from = done;
            done += cost / all;
            progress.part(from as f32, done as f32)
        };
        let mut errors = vec![[Errors::new(), Errors::new()]; self.budgets.len()];
        let mut labels = vec![0; self.budgets.len()];
        // Of one seed, what each test item adds to the gain.
        let mut gains = vec![Vec::new(); self.budgets.len()];
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
                    let own = &mut errors[i][arm];
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
                    labels[i] = fitted.labels;
                    let is_larger = kept.as_ref().is_none_or(|(most, _)| fitted.labels > *most);
                    if arm == 0 && seed == 0 && is_larger {
                        kept = Some((fitted.labels, fitted.classifier));
                    }
                    missed.push(misses);
                }
                let both = missed[0].iter().zip(&missed[1]);
                gains[i] = both
                    .map(|(with, without)| f64::from(*without) - f64::from(*with))
                    .collect();
            }
        }
        progress.update(1, 1)?;
        let parts = self.plan.parts(data.len());
        let (_, classifier) = kept.ok_or_else(|| Error::usage("there is no label budget"))?;
        let rows = errors.into_iter().zip(gains).zip(labels);
        Ok(Compared {
            budgets: rows
                .map(|(([pretrained, random], items), labels)| {
                    let (gain, over) = gain(&pretrained.test, &random.test, &items);
                    BudgetErrors {
                        labels,
                        pretrained,
                        random,
                        gain,
                        over,
                    }
                })
                .collect(),
            items: [parts.train.len(), parts.validation.len()],
            notes,
            classifier,
        })
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
    use crate::data::digits;
    use crate::model::Teacher;
    use crate::model::testing::vec;

    fn data(count: usize) -> Dataset {
        digits::generate(3, 0..count, &Progress::silent()).expect("digits")
    }

    fn plan(unit: Unit) -> ClassifierPlan {
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
    fn the_gradient_of_the_loss_is_its_slope() {
        let data = data(40);
        let device = Device::flex();
        let ids = [0, 7, 20, 31];
        let items: Vec<&[u8]> = ids.iter().map(|&id| data.pixels(id)).collect();
        let truth: Vec<u16> = ids
            .iter()
            .map(|&id| data.labels().expect("classes").values[id])
            .collect();
        for unit in [Unit::Logistic, Unit::Tanh, Unit::Softplus] {
            let (architecture, _) = plan(unit).architecture(&data, &device).expect("a network");
            let tuning = Tuning::new(architecture, 5, None).expect("weights");
            let inputs = tuning.architecture.inputs(&items, None, &tuning.recording);
            let gradients = loss(&tuning.architecture, &tuning.weights, inputs, &truth).backward();
            let now = tuning.now();
            let plain = |at: usize, flat: Vec<f32>, is_bias: bool| {
                let mut weights = now.clone();
                let layer = &mut weights[at];
                if is_bias {
                    let shape = layer.bias.dims();
                    layer.bias = Tensor::from_data(TensorData::new(flat, shape), &device);
                } else {
                    let shape = layer.weight.dims();
                    layer.weight = Tensor::from_data(TensorData::new(flat, shape), &device);
                }
                let inputs = tuning.architecture.inputs(&items, None, &device);
                vec(loss(&tuning.architecture, &weights, inputs, &truth))[0]
            };
            for (at, layer) in tuning.weights.iter().enumerate() {
                let slopes = [
                    vec(layer.weight.grad(&gradients).expect("a gradient")),
                    vec(layer.bias.grad(&gradients).expect("a gradient")),
                ];
                let values = [vec(now[at].weight.clone()), vec(now[at].bias.clone())];
                for (slopes, values) in slopes.into_iter().zip(values) {
                    let is_bias = values.len() == now[at].bias.dims()[0];
                    // The number that matters most, so that rounding does not hide its slope.
                    let i = (0..slopes.len())
                        .max_by(|a, b| slopes[*a].abs().total_cmp(&slopes[*b].abs()))
                        .expect("a number");
                    let moved = |by: f32| {
                        let mut flat = values.clone();
                        flat[i] += by;
                        plain(at, flat, is_bias)
                    };
                    let step = 5e-3;
                    let slope = (moved(step) - moved(-step)) / (2.0 * step);
                    assert!(
                        (slope - slopes[i]).abs() < 0.01 * slopes[i].abs() + 2e-4,
                        "{unit:?}, layer {at}: {slope} and {}",
                        slopes[i]
                    );
                }
            }
        }
    }

    #[test]
    fn the_loss_is_finite_and_right_where_logits_are_large() {
        let data = data(40);
        let device = Device::flex();
        let (architecture, parts) = plan(Unit::Logistic)
            .architecture(&data, &device)
            .expect("a network");
        let mut weights = Tuning::new(architecture, 5, None).expect("weights").now();
        let (architecture, _) = plan(Unit::Logistic)
            .architecture(&data, &device)
            .expect("a network");
        let last = weights.last_mut().expect("a layer");
        last.weight = last.weight.zeros_like();
        let biases: Vec<f32> = (0..10).map(|i| 200.0 * i as f32).collect();
        last.bias = Tensor::from_data(TensorData::new(biases, [10]), &device);
        let inputs = architecture.inputs(&[data.pixels(0)], None, &device);
        let found = vec(loss(&architecture, &weights, inputs, &[7]))[0];
        assert!((found - 400.0).abs() < 1e-3, "{found}");
        // What validation counts with is the same.
        let truth = vec![7; data.len()];
        let ids = &parts.train[..3];
        let (wrong, mean) = judged(&architecture, &weights, &data, ids, &truth).expect("a loss");
        assert_eq!(wrong, 3);
        assert!((mean - 400.0).abs() < 1e-3, "{mean}");
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
        let truth = &data.labels().expect("classes").values;
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
