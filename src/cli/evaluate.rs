//! `morphospace evaluate`: how good a model is on data it was not trained on.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::{Common, output};
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::model;

/// Measure a model: errors, likelihood, KL per dimension
#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Pictures to measure it on
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Samples per item behind the bound and the likelihood
    #[arg(long, value_name = "K", default_value_t = 1)]
    samples: usize,
}

impl Evaluate {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if !(1..=100_000).contains(&self.samples) {
            return Err(Error::usage(
                "the number of samples is between 1 and 100,000",
            ));
        }
        let dataset = common.load_data(&self.data)?;
        let (_, model) = common.load_model(&self.model)?;
        let start = Instant::now();
        let found = model::evaluate(
            &model,
            &dataset,
            self.samples,
            common.seed,
            &common.progress("Evaluating"),
        )?;
        let mut value = serde_json::to_value(&found).map_err(|e| Error::usage(e.to_string()))?;
        value["secs"] = start.elapsed().as_secs_f64().into();
        output::print(common.json, &value);
        Ok(())
    }
}
