//! `morphospace evaluate`: how good a model is on data it was not trained on.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::{Common, output};
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::model;
use crate::progress::Progress;
use crate::space::PictureComponents;

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
    /// Pictures that principal components are fitted to, as many as a code has numbers, to be measured on the same data
    #[arg(long, value_name = "SRC")]
    pca: Option<DatasetSource>,
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
        let fitted_to = self.pca.as_ref().map(|pca| common.load_data(pca));
        let fitted_to = fitted_to.transpose()?;
        if let Some(pictures) = &fitted_to {
            Common::check_shape(&model, pictures)?;
        }
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
        if let Some(pictures) = &fitted_to {
            let progress = common.progress("Fitting principal components");
            let seen: Vec<u32> = (0..pictures.len() as u32).collect();
            let count = model.spec().code;
            let components = PictureComponents::fit(pictures, &seen, count, usize::MAX, &progress)?;
            let measured: Vec<u32> = (0..dataset.len() as u32).collect();
            let error = components.error(&dataset, &measured, &Progress::silent())?;
            value["pca_components"] = components.count().into();
            value["pca_fitted_on"] = components.fitted_on().into();
            value["pca_sse_per_image"] = error.into();
        }
        output::print(common.json, &value);
        Ok(())
    }
}
