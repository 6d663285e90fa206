//! Classifiers on disk, and comparisons of them that can go on.
//!
//! Invariant: the file of a comparison is that of its classifier, too, as soon as it has one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::comparison::{BudgetErrors, Compared, Comparison, Errors, ItemsOf, Varied};
use super::{Classifier, ClassifierPlan, Pretrained};
use crate::data::ImageShape;
use crate::error::{Error, Result};
use crate::files::{has_entry, write_atomically};
use crate::model::auto_encoder::read;
use crate::model::file::MAX_FILE;
use crate::model::import;
use crate::model::network::Layer;

/// The metadata entry that holds [`Description`] as JSON.
const CLASSIFIER: &str = "morphospace-classifier";
/// The one that holds [`Standing`].
const COMPARISON: &str = "morphospace-comparison";
/// Highest version of either.
const VERSION: u32 = 1;

/// What stands beside a classifier's weights.
#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    plan: ClassifierPlan,
    shape: ImageShape,
    classes: Vec<String>,
}

/// How far a comparison has come.
#[derive(Serialize, Deserialize)]
struct Standing {
    version: u32,
    comparison: Comparison,
    learnt: ItemsOf,
    test: ItemsOf,
    rows: Vec<Row>,
    notes: Vec<String>,
    /// Units of each layer that is pre-trained for the seed under way, from the picture inwards.
    widths: Vec<usize>,
}

/// A row with the bits of its numbers: decimal digits do not all come back as the number they were made of.
#[derive(Serialize, Deserialize)]
struct Row {
    labels: usize,
    /// Test errors, validation errors and best steps, with pre-training and without.
    pretrained: (Vec<u64>, Vec<u64>, Vec<usize>),
    random: (Vec<u64>, Vec<u64>, Vec<usize>),
    gain: [u64; 3],
    over: Varied,
}

impl From<&BudgetErrors> for Row {
    fn from(row: &BudgetErrors) -> Self {
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect();
        let stored = |own: &Errors| {
            (
                bits(&own.test),
                bits(&own.validation),
                own.best_step.clone(),
            )
        };
        Self {
            labels: row.labels,
            pretrained: stored(&row.pretrained),
            random: stored(&row.random),
            gain: row.gain.map(f64::to_bits),
            over: row.over,
        }
    }
}

impl From<Row> for BudgetErrors {
    fn from(row: Row) -> Self {
        let numbers = |bits: Vec<u64>| bits.into_iter().map(f64::from_bits).collect();
        let errors = |(test, validation, best_step)| Errors {
            test: numbers(test),
            validation: numbers(validation),
            best_step,
        };
        Self {
            labels: row.labels,
            pretrained: errors(row.pretrained),
            random: errors(row.random),
            gain: row.gain.map(f64::from_bits),
            over: row.over,
        }
    }
}

/// What layer `i` of `layers` of a classifier is called.
fn layer_name(i: usize, layers: usize) -> String {
    if i + 1 < layers {
        format!("hidden.{i}")
    } else {
        "class".to_owned()
    }
}

/// What layer `i` is called that is pre-trained for the seed under way.
fn pretrained_name(i: usize) -> String {
    format!("pretrained.{i}")
}

/// What a file is going to hold.
#[derive(Default)]
struct Content {
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
    metadata: HashMap<String, String>,
}

impl Content {
    fn add(&mut self, name: &str, layer: &Layer) -> Result<()> {
        let bytes =
            |values: Vec<f32>| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
        let [from, to] = layer.weight.dims();
        let weight = bytes(read(layer.weight.clone())?);
        self.tensors
            .push((format!("{name}.weight"), vec![from, to], weight));
        let bias = bytes(read(layer.bias.clone())?);
        self.tensors.push((format!("{name}.bias"), vec![to], bias));
        Ok(())
    }

    fn describe(&mut self, key: &str, what: &impl Serialize, path: &Path) -> Result<()> {
        let json = serde_json::to_string(what).map_err(|e| Error::file(path, e.to_string()))?;
        self.metadata.insert(key.to_owned(), json);
        Ok(())
    }

    fn add_classifier(&mut self, classifier: &Classifier, path: &Path) -> Result<()> {
        let layers = classifier.weights.len();
        for (i, layer) in classifier.weights.iter().enumerate() {
            self.add(&layer_name(i, layers), layer)?;
        }
        let description = Description {
            version: VERSION,
            plan: classifier.plan.clone(),
            shape: classifier.architecture.spec.shape,
            classes: classifier.classes.clone(),
        };
        self.describe(CLASSIFIER, &description, path)
    }

    fn write(self, path: &Path) -> Result<()> {
        let bad = |e: safetensors::SafeTensorError| Error::file(path, e.to_string());
        let mut views = Vec::with_capacity(self.tensors.len());
        for (name, shape, bytes) in &self.tensors {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(bad)?;
            views.push((name.as_str(), view));
        }
        let content = safetensors::serialize(views, Some(self.metadata)).map_err(bad)?;
        write_atomically(path, &content)
    }
}

/// A file that was read.
struct Stored<'a> {
    path: &'a Path,
    metadata: &'a Metadata,
    tensors: SafeTensors<'a>,
}

/// Reads a file whole, and tells `found` what it holds.
fn open<T>(path: &Path, found: impl FnOnce(&Stored<'_>) -> Result<T>) -> Result<T> {
    let length = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
    if length.len() > MAX_FILE {
        return Err(Error::file(
            path,
            format!(
                "a classifier of {} bytes is larger than the limit of {MAX_FILE}",
                length.len()
            ),
        ));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    let broken = |e: safetensors::SafeTensorError| {
        Error::file(path, format!("it is not a complete safetensors file: {e}"))
            .hint("if it was copied or downloaded, try again")
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(broken)?;
    found(&Stored {
        path,
        metadata: &metadata,
        tensors,
    })
}

impl Stored<'_> {
    fn bad(&self, reason: impl Into<String>) -> Error {
        Error::file(self.path, reason.into())
    }

    /// What the metadata says under `key`; nothing where it has no such entry.
    fn described<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let entries = self.metadata.metadata().as_ref();
        let Some(json) = entries.and_then(|entries| entries.get(key)) else {
            return Ok(None);
        };
        let unreadable =
            |e: serde_json::Error| self.bad(format!("its description cannot be read: {e}"));
        let raw: serde_json::Value = serde_json::from_str(json).map_err(unreadable)?;
        let version = raw.get("version").and_then(serde_json::Value::as_u64);
        if version.is_none_or(|version| version > u64::from(VERSION)) {
            return Err(Error::newer_version(
                self.path,
                "it was written by a later version",
            ));
        }
        serde_json::from_value(raw).map(Some).map_err(unreadable)
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<TensorData> {
        let view = self.tensors.tensor(name);
        let view = view.map_err(|_| self.bad(format!("{name} is missing")))?;
        if view.shape() != shape {
            return Err(self.bad(format!(
                "{name} has shape {:?} instead of {shape:?}",
                view.shape()
            )));
        }
        let values = import::as_f32(view.dtype(), view.data());
        let values = values.filter(|values| values.iter().all(|v| v.is_finite()));
        let values =
            values.ok_or_else(|| self.bad(format!("{name} holds what is no finite number")))?;
        Ok(TensorData::new(values, shape.to_vec()))
    }

    fn layer(&self, name: &str, (from, to): (usize, usize), device: &Device) -> Result<Layer> {
        let weight = self.tensor(&format!("{name}.weight"), &[from, to])?;
        let bias = self.tensor(&format!("{name}.bias"), &[to])?;
        Ok(Layer {
            weight: Tensor::from_data(weight, device),
            bias: Tensor::from_data(bias, device),
        })
    }

    /// Nothing where the file holds none.
    fn classifier(&self, device: &Device) -> Result<Option<Classifier>> {
        let Some(Description {
            plan,
            shape,
            classes,
            ..
        }) = self.described(CLASSIFIER)?
        else {
            return Ok(None);
        };
        let architecture = plan.network(shape, classes.len(), device);
        let architecture = architecture.map_err(|e| e.in_file(self.path))?;
        let layers = architecture.plan.code_layer() + 1;
        let sizes = architecture.plan.layers().into_iter().map(|(_, size)| size);
        let weights = sizes.take(layers).enumerate();
        let weights = weights.map(|(i, size)| self.layer(&layer_name(i, layers), size, device));
        Ok(Some(Classifier {
            weights: weights.collect::<Result<_>>()?,
            plan,
            classes,
            architecture: Arc::new(architecture),
        }))
    }
}

impl Classifier {
    /// Writes the weights, `hidden.I` and `class` with `weight [in, out]` and `bias [out]` each, with the plan as metadata.
    ///
    /// # Errors
    /// When the file cannot be written; what was there before stays.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut content = Content::default();
        content.add_classifier(self, path)?;
        content.write(path)
    }

    /// Reads what [`Self::save`] or [`Compared::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, cut, too large, of another kind or of a later version, or when weights do not fit its plan.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        open(path, |stored| {
            if let Some(classifier) = stored.classifier(device)? {
                return Ok(classifier);
            }
            let is_begun = stored.described::<Standing>(COMPARISON)?.is_some();
            let (reason, hint) = if is_begun {
                (
                    "no classifier of this comparison is trained yet",
                    "morphospace classify --resume goes on with it",
                )
            } else {
                (
                    "it is no classifier",
                    "morphospace classify --out writes one",
                )
            };
            Err(stored.bad(reason).hint(hint))
        })
    }
}

impl Compared {
    /// Writes how far it has come, and its classifier as [`Classifier::save`] does: [`Self::load`] goes on from there.
    ///
    /// # Errors
    /// When the file cannot be written; what was there before stays.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut content = Content::default();
        if let Some(classifier) = &self.classifier {
            content.add_classifier(classifier, path)?;
        }
        let layers = self.pretrained.iter().flat_map(|own| &own.layers);
        let mut widths = Vec::new();
        for (i, layer) in layers.enumerate() {
            content.add(&pretrained_name(i), layer)?;
            let [from, to] = layer.weight.dims();
            if i == 0 {
                widths.push(from);
            }
            widths.push(to);
        }
        let standing = Standing {
            version: VERSION,
            comparison: self.comparison.clone(),
            learnt: self.learnt.clone(),
            test: self.test.clone(),
            rows: self.budgets.iter().map(Row::from).collect(),
            notes: self.notes.clone(),
            widths,
        };
        content.describe(COMPARISON, &standing, path)?;
        content.write(path)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// As [`Classifier::load`], and when what it holds cannot have come of one comparison.
    pub fn load(path: &Path) -> Result<Self> {
        let device = &Device::flex();
        open(path, |stored| {
            let standing: Option<Standing> = stored.described(COMPARISON)?;
            let standing = standing.ok_or_else(|| {
                stored
                    .bad("it holds no comparison of classifiers")
                    .hint("morphospace classify --out writes one, and so does the panel Few labels")
            })?;
            let sizes = standing.widths.windows(2).enumerate();
            let layers = sizes
                .map(|(i, size)| stored.layer(&pretrained_name(i), (size[0], size[1]), device));
            let layers = layers.collect::<Result<Vec<Layer>>>()?;
            let found = Self {
                comparison: standing.comparison,
                learnt: standing.learnt,
                test: standing.test,
                budgets: standing.rows.into_iter().map(BudgetErrors::from).collect(),
                notes: standing.notes,
                classifier: stored.classifier(device)?,
                pretrained: (!layers.is_empty()).then_some(Pretrained {
                    layers,
                    history: Vec::new(),
                }),
            };
            found.check().map_err(|e| stored.bad(e.to_string()))?;
            Ok(found)
        })
    }

    /// Whether the file at `path` holds a comparison; only its head is read.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        has_entry(path, COMPARISON)
    }
}
