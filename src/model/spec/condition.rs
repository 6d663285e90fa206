//! What codes say by name: classes or attributes, and how a data set's become numbers between 0 and 1.

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::error::{Error, Result};

/// Octaves of waves by which attributes are told where nothing else is said: on faces they end at a squared error 6 % lower than none, and 3 %
/// lower than 5 (after 8 epochs of 20,000).
const OCTAVES: usize = 3;

/// What codes say by name: the last numbers of each, `[0, 1]`. Encoder and decoder are told them, so that the numbers before them, the style,
/// need not say the same again (Sohn et al. 2015). A classifier that is trained along tells them of a picture whose are not known: with
/// classes this is model M2 of Kingma et al. (2014, arXiv 1406.5298), with attributes that of Yan et al. (2016, arXiv 1512.00570).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// What they are.
    pub kind: ConditionKind,
    /// Names of the classes or attributes.
    pub names: Vec<String>,
    /// Of attributes the values that 0 and 1 stand for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<(f32, f32)>,
    /// Octaves of waves, at most [`Self::MOST_OCTAVES`], by which the decoder is told each attribute beside its value `a`: `sin 2ᵏπa` and `cos 2ᵏπa` with `k` from 0
    /// (Tancik et al. 2020, arXiv 2006.10739). Of numbers by themselves a network learns what depends on them coarsely long before what depends on
    /// them finely, such as where thin lines are when a head turns.
    #[serde(default, skip_serializing_if = "crate::model::config::is_zero")]
    pub octaves: usize,
}

/// What is said by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// One class of several: the numbers are shares that add up to 1.
    Class,
    /// Attributes, each by itself.
    Attributes,
}

impl Condition {
    /// The most octaves of waves.
    pub const MOST_OCTAVES: usize = 8;

    /// The classes of `dataset`.
    ///
    /// # Errors
    /// When it has none, or too many.
    pub fn classes_of(dataset: &Dataset) -> Result<Self> {
        let Some(labels) = dataset.labels() else {
            return Err(Error::model(format!(
                "{} has no classes for a model to be conditioned on",
                dataset.name()
            ))
            .hint("take data with labels, such as digits, or name attributes, as --condition Yaw,Smile"));
        };
        if !(2..=128).contains(&labels.names.len()) {
            return Err(Error::model(format!(
                "{} has {} classes, and a model is conditioned on 2 to 128",
                dataset.name(),
                labels.names.len()
            )));
        }
        Ok(Self {
            kind: ConditionKind::Class,
            names: labels.names.clone(),
            ranges: Vec::new(),
            octaves: 0,
        })
    }

    /// The factors or columns of numbers of `dataset` called `names`; all of its factors where there are no names.
    ///
    /// # Errors
    /// When one is missing, has gaps, or is the same for all items.
    pub fn attributes_of(dataset: &Dataset, names: &[String]) -> Result<Self> {
        let all: Vec<String> = dataset.factors().iter().map(|f| f.name.clone()).collect();
        let names = if names.is_empty() { &all } else { names };
        if names.is_empty() || names.len() > 128 {
            return Err(Error::model(format!(
                "{} has no attributes for a model to be conditioned on",
                dataset.name()
            ))
            .hint(
                "take data with factors, such as faces, or with a table of numbers beside them",
            ));
        }
        let mut ranges = Vec::new();
        for name in names {
            let Some(values) = dataset.numbers(name) else {
                return Err(
                    Error::model(format!("{} has no attribute {name}", dataset.name()))
                        .hint(format!("there are {}", all.join(", "))),
                );
            };
            let low = values.iter().copied().fold(f32::INFINITY, f32::min);
            let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let known = dataset.factors().iter().find(|f| &f.name == name);
            let range = known.map_or((low, high), |f| f.range);
            if values.iter().any(|v| !v.is_finite()) || range.0 >= range.1 {
                return Err(Error::model(format!(
                    "attribute {name} is not a number for every item, or the same for all"
                )));
            }
            ranges.push(range);
        }
        Ok(Self {
            kind: ConditionKind::Attributes,
            names: names.to_vec(),
            ranges,
            octaves: OCTAVES,
        })
    }

    /// What is known of the items of `dataset`, `[n, names]`.
    ///
    /// # Errors
    /// When the data do not say what the model is conditioned on.
    pub fn values(&self, dataset: &Dataset) -> Result<Vec<f32>> {
        let width = self.names.len();
        let mut values = vec![0.0; dataset.len() * width];
        match self.kind {
            ConditionKind::Class => {
                let labels = dataset.labels().filter(|l| l.names == self.names);
                let labels = labels.ok_or_else(|| {
                    Error::model(format!(
                        "{} has not the classes that the model is conditioned on: {}",
                        dataset.name(),
                        self.names.join(", ")
                    ))
                })?;
                for (row, class) in values.chunks_exact_mut(width).zip(&labels.values) {
                    row[usize::from(*class)] = 1.0;
                }
            }
            ConditionKind::Attributes => {
                for (i, (name, (low, high))) in self.names.iter().zip(&self.ranges).enumerate() {
                    let numbers = dataset.numbers(name).ok_or_else(|| {
                        Error::model(format!("{} has no attribute {name}", dataset.name()))
                    })?;
                    for (row, x) in values.chunks_exact_mut(width).zip(numbers) {
                        row[i] = ((x - low) / (high - low)).clamp(0.0, 1.0);
                    }
                }
            }
        }
        Ok(values)
    }
}
