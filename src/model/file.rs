//! A model on disk: one `.safetensors` with the weights and, as metadata, all that is known of them.
//!
//! Invariant: a file is written beside its place and moved there when it is complete, so that whatever was saved before
//! stays until the new one is whole.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::auto_encoder::{Architecture, AutoEncoder, read};
use super::config::{LossPoint, TrainConfig};
use super::import;
use super::network::Layer;
use super::optimizer::{tracked, untracked};
use super::pretraining::{Pretrainer, Pretraining, StagePoint};
use super::spec::{CodeKind, ModelSpec, SPEC_VERSION};
use super::trainer::{Trainer, split};
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::space::CodeTable;

/// Largest model file that is read, bytes.
pub(super) const MAX_FILE: u64 = 4 << 30;
/// Points of the loss curve that are kept in a file.
const MAX_HISTORY: usize = 1000;
/// The metadata entry that holds [`Description`] as JSON.
const KEY: &str = "morphospace";

/// The layers of a stage of pre-training: inwards and outwards.
const SIDES: [&str; 2] = ["in", "out"];

/// Numbers of a tensor by name, with its shape.
pub(super) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Mean, standard deviation and KL of the codes of the training items, per dimension.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CodeStatistics {
    /// Mean of the posterior means.
    pub mean: Vec<f32>,
    /// Standard deviation of the posterior means.
    pub std: Vec<f32>,
    /// KL from the prior, nats.
    pub kl: Vec<f32>,
    /// The code of one item, to have something to show before any data is there.
    pub example: Vec<f32>,
}

impl CodeStatistics {
    /// Items among which the one to show is looked for.
    const EXAMPLES: usize = 2000;

    /// Of codes.
    #[must_use]
    pub fn of(table: &CodeTable) -> Self {
        Self {
            mean: table.mean().to_vec(),
            std: table.std().to_vec(),
            kl: table.kl().to_vec(),
            example: table.code(table.typical(Self::EXAMPLES)).to_vec(),
        }
    }

    /// What is assumed of a model's codes as long as none was seen: those of the prior.
    #[must_use]
    pub fn unknown(spec: &ModelSpec) -> Self {
        let (mean, std, kl) = match spec.kind {
            CodeKind::Posterior => (0.0, 1.0, 1.0),
            CodeKind::Binary | CodeKind::Logistic => (0.5, 0.5, 0.0),
            CodeKind::Point => (0.0, 1.0, 0.0),
        };
        let each = |x| vec![x; spec.code];
        Self {
            mean: each(mean),
            std: each(std),
            kl: each(kl),
            example: each(mean),
        }
    }
}

/// Where a model comes from.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the program that trained it.
    pub program: String,
    /// Name of the data it was trained on.
    pub data: String,
    /// How that data is written behind `--data`.
    pub source: String,
    /// [`Dataset::digest`] of that data.
    pub digest: u64,
    /// Items of that data.
    pub items: usize,
}

impl Provenance {
    /// Of what this program trains on `dataset`, read from `source`.
    #[must_use]
    pub fn of(dataset: &Dataset, source: Option<&DatasetSource>) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            data: dataset.name().to_owned(),
            source: source.map(ToString::to_string).unwrap_or_default(),
            digest: dataset.digest(),
            items: dataset.len(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Description {
    version: u32,
    spec: serde_json::Value,
    config: TrainConfig,
    provenance: Provenance,
    statistics: CodeStatistics,
    step: u64,
    epochs: usize,
    best: Option<f32>,
    history: Vec<LossPoint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stage_history: Vec<StagePoint>,
    /// Stage of pre-training, and steps taken in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<(usize, u64)>,
}

/// A model as it lies on disk.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// What it is.
    pub spec: ModelSpec,
    /// How it was trained, or is being trained.
    pub config: TrainConfig,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Its codes.
    pub statistics: CodeStatistics,
    /// Its loss curve, thinned out.
    pub history: Vec<LossPoint>,
    /// The errors of its pre-training, thinned out.
    pub stage_history: Vec<StagePoint>,
    /// The stage of pre-training that is under way, and steps taken in it.
    stage: Option<(usize, u64)>,
    /// Epochs of training behind it.
    pub epochs: usize,
    /// Steps of training behind it.
    pub step: u64,
    best: Option<f32>,
    tensors: Tensors,
    precision: Precision,
}

/// How the weights of a finished model are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Precision {
    /// As they were trained, 32 bits each.
    #[default]
    Single,
    /// In half the space, 16 bits each.
    Half,
}

impl ModelFile {
    /// The best model of a training so far, and the state that lets the training go on.
    ///
    /// # Errors
    /// When the device fails.
    pub fn from_trainer(
        trainer: &Trainer,
        provenance: Provenance,
        statistics: CodeStatistics,
    ) -> Result<Self> {
        let names = trainer.architecture().plan.layers();
        let mut tensors = Tensors::new();
        store(&mut tensors, "", &names, &trainer.best_model().weights)?;
        if !trainer.is_done() {
            let present: Vec<Layer> = trainer.weights.iter().map(untracked).collect();
            store(&mut tensors, "training.", &names, &present)?;
            let tensors_of = names
                .iter()
                .flat_map(|(name, _)| [format!("{name}.weight"), format!("{name}.bias")]);
            for (name, (first, second)) in tensors_of.zip(&trainer.adam.moments) {
                let [length] = first.dims();
                tensors.insert(
                    format!("adam.first.{name}"),
                    (vec![length], read(first.clone())?),
                );
                tensors.insert(
                    format!("adam.second.{name}"),
                    (vec![length], read(second.clone())?),
                );
            }
        }
        if let Some(pretrainer) = &trainer.pretrainer {
            for (layer, side) in pretrainer.layers.iter().zip(SIDES) {
                let [from, to] = layer.weight.dims();
                let names = [(format!("pretraining.{side}"), (from, to))];
                store(&mut tensors, "", &names, std::slice::from_ref(layer))?;
            }
            for (i, (first, second)) in pretrainer.adam.moments.iter().enumerate() {
                for (which, moment) in [("first", first), ("second", second)] {
                    let [length] = moment.dims();
                    let values = read(moment.clone())?;
                    tensors.insert(format!("pretraining.{which}.{i}"), (vec![length], values));
                }
            }
        }
        let thin = trainer.stage_history().len().div_ceil(MAX_HISTORY).max(1);
        let stage_history = trainer.stage_history().iter().enumerate();
        let stage_history = stage_history.filter(|(i, _)| (i + 1) % thin == 0);
        let every = trainer.history().len().div_ceil(MAX_HISTORY).max(1);
        let kept = |(i, p): &(usize, &LossPoint)| p.validation.is_some() || (i + 1) % every == 0;
        Ok(Self {
            spec: trainer.spec().clone(),
            config: trainer.config().clone(),
            provenance,
            statistics,
            history: trainer
                .history()
                .iter()
                .enumerate()
                .filter(kept)
                .map(|(_, p)| *p)
                .collect(),
            stage_history: stage_history.map(|(_, point)| *point).collect(),
            stage: trainer.pretrainer.as_ref().map(|p| (p.stage, p.step)),
            epochs: (trainer.step() / trainer.steps_per_epoch().max(1)) as usize,
            step: trainer.step(),
            best: trainer.best.as_ref().map(|(loss, _)| *loss),
            tensors,
            precision: Precision::Single,
        })
    }

    /// The model, on `device`.
    ///
    /// # Errors
    /// When the weights do not fit the specification.
    pub fn model(&self, device: &Device) -> Result<AutoEncoder> {
        let architecture = Arc::new(Architecture::new(self.spec.clone(), device)?);
        let weights = take(&self.tensors, "", &architecture, device)?;
        Ok(AutoEncoder {
            architecture,
            weights,
        })
    }

    /// The same model, to be stored with `precision` once its training is finished.
    #[must_use]
    pub fn stored_as(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Whether training can go on from here.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        self.tensors
            .keys()
            .any(|name| name.starts_with("training."))
    }

    /// Whether `dataset` is what the training began with.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_data(&self, dataset: &Dataset) -> Result<()> {
        if dataset.digest() == self.provenance.digest {
            return Ok(());
        }
        Err(Error::model(format!(
            "{} is not the data that the training began with, {}",
            dataset.name(),
            self.provenance.source
        ))
        .hint("give the same data with the same seed"))
    }

    /// The items of `dataset` that were kept out of training, in ascending order. `None` where the model was trained on other
    /// data, or on all of it.
    #[must_use]
    pub fn held_out(&self, dataset: &Dataset) -> Option<Vec<u32>> {
        let (held_out, _) = self.parts(dataset)?;
        (!held_out.is_empty()).then_some(held_out)
    }

    /// The items of `dataset` that were kept out of training, which may be none, and those trained on, each in ascending order.
    /// `None` where the model was trained on other data.
    #[must_use]
    pub fn parts(&self, dataset: &Dataset) -> Option<(Vec<u32>, Vec<u32>)> {
        // The digest reads every pixel: sizes are compared first.
        let is_of_it = self.epochs > 0
            && dataset.len() == self.provenance.items
            && dataset.digest() == self.provenance.digest;
        let (mut held_out, mut trained_on) =
            is_of_it.then(|| split(&self.config, dataset.len()))?;
        held_out.sort_unstable();
        trained_on.sort_unstable();
        Some((held_out, trained_on))
    }

    /// The training where it stopped, to go on with the same data.
    ///
    /// # Errors
    /// When the file holds a finished model, or the data is another than before.
    pub fn trainer(
        &self,
        epochs: Option<usize>,
        dataset: &Dataset,
        device: &Device,
    ) -> Result<Trainer> {
        if !self.can_resume() {
            return Err(Error::model(
                "the model's training is finished, so it cannot go on",
            ));
        }
        self.check_data(dataset)?;
        let architecture = Arc::new(Architecture::new(self.spec.clone(), device)?);
        let weights = take(&self.tensors, "training.", &architecture, device)?
            .into_iter()
            .map(tracked)
            .collect();
        let mut config = self.config.clone();
        if let Some(epochs) = epochs {
            config.epochs = epochs;
        }
        let mut trainer = Trainer::with_weights(architecture.clone(), config, weights, dataset)?;
        trainer.adam.steps = self.step;
        if let (Some((stage, step)), Some(plan)) = (self.stage, trainer.config().pretraining) {
            trainer.pretrainer = Some(self.pretrainer(plan, (stage, step), &trainer, device)?);
        }
        trainer.set_stage_history(self.stage_history.clone());
        let has_begun = self.step > 0;
        let own = architecture.plan.own_layers();
        for (name, _) in architecture.plan.layers().into_iter().take(own) {
            if !has_begun {
                break;
            }
            for part in ["weight", "bias"] {
                let moment = |which: &str| -> Result<Tensor<1>> {
                    let key = format!("adam.{which}.{name}.{part}");
                    let (_, values) = self
                        .tensors
                        .get(&key)
                        .ok_or_else(|| Error::model(format!("{key} is missing")))?;
                    Ok(Tensor::from_data(
                        TensorData::new(values.clone(), [values.len()]),
                        device,
                    ))
                };
                trainer
                    .adam
                    .moments
                    .push((moment("first")?, moment("second")?));
            }
        }
        if let Some(loss) = self.best {
            trainer.best = Some((loss, take(&self.tensors, "", &architecture, device)?));
        }
        trainer.set_history(self.history.clone());
        Ok(trainer)
    }

    /// The pre-training where it stopped.
    fn pretrainer(
        &self,
        plan: Pretraining,
        (stage, step): (usize, u64),
        trainer: &Trainer,
        device: &Device,
    ) -> Result<Pretrainer> {
        let architecture = trainer.architecture();
        let seed = trainer.config().seed;
        let fresh = architecture.plan.weights(seed, device);
        let mut pretrainer = Pretrainer::new(plan, architecture, &fresh, seed);
        let missing = |key: &str| Error::model(format!("{key} is missing"));
        let tensor = |key: String| -> Result<(Vec<usize>, Vec<f32>)> {
            self.tensors.get(&key).cloned().ok_or_else(|| missing(&key))
        };
        if stage >= architecture.plan.stages() {
            return Err(missing("the stage of pre-training"));
        }
        (pretrainer.stage, pretrainer.step) = (stage, step);
        let (up, down) = architecture.plan.stage(stage);
        for (at, (place, side)) in [up, down].into_iter().zip(SIDES).enumerate() {
            let (weight_shape, weight) = tensor(format!("pretraining.{side}.weight"))?;
            let (_, bias) = tensor(format!("pretraining.{side}.bias"))?;
            let [from, to] = fresh[place].weight.dims();
            if weight_shape != [from, to] || bias.len() != to {
                return Err(missing(&format!("pretraining.{side}")));
            }
            pretrainer.layers[at] = Layer {
                weight: Tensor::from_data(TensorData::new(weight, [from, to]), device),
                bias: Tensor::from_data(TensorData::new(bias, [to]), device),
            };
        }
        for i in 0.. {
            let key = |which: &str| format!("pretraining.{which}.{i}");
            if !self.tensors.contains_key(&key("first")) {
                break;
            }
            let moment = |which: &str| -> Result<Tensor<1>> {
                let (_, values) = tensor(key(which))?;
                let length = values.len();
                Ok(Tensor::from_data(TensorData::new(values, [length]), device))
            };
            let pair = (moment("first")?, moment("second")?);
            pretrainer.adam.moments.push(pair);
        }
        pretrainer.adam.steps = step;
        Ok(pretrainer)
    }

    /// Writes the file so that either the old content or the whole new one is there, whatever happens meanwhile.
    ///
    /// # Errors
    /// When the file cannot be written; what was there before stays.
    pub fn save(&self, path: &Path) -> Result<()> {
        let description = Description {
            version: self.spec.version,
            spec: serde_json::to_value(&self.spec).map_err(|e| Error::file(path, e.to_string()))?,
            config: self.config.clone(),
            provenance: self.provenance.clone(),
            statistics: self.statistics.clone(),
            step: self.step,
            epochs: self.epochs,
            best: self.best,
            history: self.history.clone(),
            stage_history: self.stage_history.clone(),
            stage: self.stage,
        };
        let json =
            serde_json::to_string(&description).map_err(|e| Error::file(path, e.to_string()))?;
        // What training goes on from keeps every bit.
        let is_half = self.precision == Precision::Half && !self.can_resume();
        let dtype = if is_half { Dtype::F16 } else { Dtype::F32 };
        let encode = |values: &Vec<f32>| -> Vec<u8> {
            if is_half {
                values
                    .iter()
                    .flat_map(|v| half::f16::from_f32(*v).to_le_bytes())
                    .collect()
            } else {
                values.iter().flat_map(|v| v.to_le_bytes()).collect()
            }
        };
        let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| (name, shape, encode(values)))
            .collect();
        let mut views = Vec::with_capacity(bytes.len());
        for (name, shape, bytes) in &bytes {
            let view = TensorView::new(dtype, (*shape).clone(), bytes)
                .map_err(|e| Error::file(path, e.to_string()))?;
            views.push((name.as_str(), view));
        }
        let metadata = HashMap::from([(KEY.to_owned(), json)]);
        let content = safetensors::serialize(views, Some(metadata))
            .map_err(|e| Error::file(path, e.to_string()))?;
        write_atomically(path, &content)
    }

    /// Reads a model: one of this program, or the weights of another beside a specification `NAME.json`
    /// (see [`ModelSpec`]) as `.safetensors` or PyTorch state dictionary.
    ///
    /// # Errors
    /// When the file is missing, cut, too large, of another kind or of a later version, or when weights do not match;
    /// the error lists those.
    pub fn load(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path)
            .map_err(|e| Error::io(path, &e))?
            .len();
        if length > MAX_FILE {
            return Err(Error::file(
                path,
                format!("a model of {length} bytes is larger than the limit of {MAX_FILE}"),
            ));
        }
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        if import::is_pytorch(&bytes) {
            return import::pytorch(path);
        }
        Self::from_bytes(&bytes, path)
    }

    /// Reads a model from memory; `path` is what errors name.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let broken = |e: safetensors::SafeTensorError| {
            Error::file(path, format!("it is not a complete safetensors file: {e}"))
                .hint("if it was copied or downloaded, try again")
        };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        let mut tensors = Tensors::new();
        for (name, view) in file.tensors() {
            let values = import::as_f32(view.dtype(), view.data()).ok_or_else(|| {
                Error::file(
                    path,
                    format!("{name} has numbers of kind {:?}", view.dtype()),
                )
            })?;
            if values.iter().any(|v| !v.is_finite()) {
                return Err(Error::file(
                    path,
                    format!("{name} holds a number that is not finite"),
                ));
            }
            tensors.insert(name, (view.shape().to_vec(), values));
        }
        let Some(json) = metadata.metadata().as_ref().and_then(|m| m.get(KEY)) else {
            return import::foreign(path, tensors);
        };
        let bad = |e: serde_json::Error| {
            Error::file(path, format!("its description cannot be read: {e}"))
        };
        let raw: serde_json::Value = serde_json::from_str(json).map_err(bad)?;
        let version = raw
            .get("version")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        if version > u64::from(SPEC_VERSION) {
            return Err(Error::newer_version(
                path,
                format!("it was written by a later version (format {version})"),
            ));
        }
        let d: Description = serde_json::from_value(raw).map_err(bad)?;
        let spec: ModelSpec = serde_json::from_value(d.spec).map_err(bad)?;
        let spec = spec.check().map_err(|e| e.in_file(path))?;
        let statistics = d.statistics;
        let per_dimension = [
            &statistics.mean,
            &statistics.std,
            &statistics.kl,
            &statistics.example,
        ];
        if per_dimension.iter().any(|v| v.len() != spec.code) {
            return Err(Error::file(
                path,
                "its code statistics have another size than its code",
            ));
        }
        let file = Self {
            config: d
                .config
                .check()
                .map_err(|e| Error::file(path, e.to_string()))?,
            provenance: d.provenance,
            statistics,
            history: d.history,
            stage_history: d.stage_history,
            stage: d.stage,
            epochs: d.epochs,
            step: d.step,
            best: d.best,
            tensors,
            precision: Precision::Single,
            spec,
        };
        import::check_names(&file.spec, &file.tensors).map_err(|e| e.in_file(path))?;
        Ok(file)
    }

    /// A model whose weights came from elsewhere.
    pub(super) fn foreign(
        spec: ModelSpec,
        config: TrainConfig,
        name: String,
        tensors: Tensors,
    ) -> Self {
        Self {
            statistics: CodeStatistics::unknown(&spec),
            spec,
            config,
            provenance: Provenance {
                data: name,
                ..Provenance::default()
            },
            history: Vec::new(),
            stage_history: Vec::new(),
            stage: None,
            epochs: 0,
            step: 0,
            best: None,
            tensors,
            precision: Precision::Single,
        }
    }
}

fn store(
    tensors: &mut Tensors,
    prefix: &str,
    names: &[(String, (usize, usize))],
    weights: &[Layer],
) -> Result<()> {
    for ((name, (from, to)), layer) in names.iter().zip(weights) {
        tensors.insert(
            format!("{prefix}{name}.weight"),
            (vec![*from, *to], read(layer.weight.clone())?),
        );
        tensors.insert(
            format!("{prefix}{name}.bias"),
            (vec![*to], read(layer.bias.clone())?),
        );
    }
    Ok(())
}

fn take(
    tensors: &Tensors,
    prefix: &str,
    architecture: &Architecture,
    device: &Device,
) -> Result<Vec<Layer>> {
    let get = |name: String, shape: &[usize]| match tensors.get(&name) {
        Some((found, values)) if found == shape => {
            Ok(TensorData::new(values.clone(), shape.to_vec()))
        }
        Some((found, _)) => Err(Error::model(format!(
            "{name} has shape {found:?} instead of {shape:?}"
        ))),
        None => Err(Error::model(format!("{name} is missing"))),
    };
    let layers = architecture
        .plan
        .layers()
        .into_iter()
        .map(|(name, (from, to))| {
            Ok(Layer {
                weight: Tensor::from_data(
                    get(format!("{prefix}{name}.weight"), &[from, to])?,
                    device,
                ),
                bias: Tensor::from_data(get(format!("{prefix}{name}.bias"), &[to])?, device),
            })
        });
    layers.collect()
}
