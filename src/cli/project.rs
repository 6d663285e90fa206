//! `morphospace project`: positions of codes on a map.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Common, output};
use crate::data::DatasetSource;
use crate::error::Result;
use crate::space::Projection;

/// Write positions of codes on a map as NPY
#[derive(Debug, Args)]
pub(super) struct Project {
    /// The model
    #[arg(
        long,
        value_name = "FILE",
        requires = "data",
        required_unless_present = "codes"
    )]
    model: Option<PathBuf>,
    /// Pictures to encode
    #[arg(long, value_name = "SRC", requires = "model")]
    data: Option<DatasetSource>,
    /// Codes, [n, d] f32 or f64, instead of a model and pictures
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "data"])]
    codes: Option<PathBuf>,
    /// How to project
    #[arg(long, value_enum, default_value = "pca")]
    method: Method,
    /// Where to write the positions, [n, 2] f32
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// How to project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Principal component analysis
    Pca,
}

impl Project {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let (codes, columns) = match (&self.model, &self.data, &self.codes) {
            (_, _, Some(file)) => output::read_npy(file)?,
            (Some(model), Some(data), None) => {
                let dataset = common.load_data(data)?;
                let (_, model) = common.load_model(model)?;
                (common.encode(&model, &dataset)?.mean, model.code())
            }
            _ => return Err(crate::Error::usage("give --model and --data, or --codes")),
        };
        let start = Instant::now();
        let projection = match self.method {
            Method::Pca => Projection::pca(&codes, columns, 2)?,
        };
        let secs = start.elapsed().as_secs_f64();
        let positions = projection.positions().concat();
        output::write_npy(&self.out, &positions, 2)?;
        let value = json!({
            "n": positions.len() / 2,
            "method": "pca",
            "explained_variance": projection.explained(),
            "secs": secs,
            "out": self.out.display().to_string(),
        });
        output::print(common.json, &value);
        Ok(())
    }
}
