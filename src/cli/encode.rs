//! `morphospace encode`: the codes of pictures, however many, written block by block.
//!
//! Invariant: what is on the disk when it is stopped is a right beginning, and the same command goes on from there.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Common, output};
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::model::AutoEncoder;
use crate::model::codes_file::{About, BLOCK, CodesFile, digest_of_model};
use crate::progress::Progress;

/// Write the codes of pictures as NPY
#[derive(Debug, Args)]
pub(super) struct Encode {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Pictures to encode
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Where to write the posterior means, [n, code] f32; stopped and started again it goes on where it was
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to write the logarithms of the posteriors' variances, [n, code] f32
    #[arg(long, value_name = "FILE")]
    posterior: Option<PathBuf>,
}

impl Encode {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        output::check_writable(&self.out)?;
        if let Some(posterior) = &self.posterior {
            output::check_writable(posterior)?;
        }
        let dataset = common.load_data(&self.data)?;
        let (_, model) = common.load_model(&self.model)?;
        Common::check_shape(&model, &dataset)?;
        if self.posterior.is_some() && !model.spec().has_posterior() {
            return Err(
                Error::usage("the model's codes have no posterior").hint("leave --posterior out")
            );
        }
        let about = About::new(
            digest_of_model(&self.model)?,
            &dataset,
            model.code(),
            self.posterior.clone(),
        );
        let (n, code) = (dataset.len(), model.code());
        let mut writing = CodesFile::start(&self.out, about)?;
        let from = writing.done();
        if from > 0 && !common.quiet {
            eprintln!("Going on after {from} of {n} pictures");
        }
        let progress = common.progress(&format!("Encoding {}", dataset.name()));
        if let Err(error) = encode(&model, &dataset, &mut writing, &progress) {
            writing.tidy();
            return Err(error);
        }
        writing.finish()?;
        let out = self.out.display().to_string();
        output::print(
            common.json,
            &json!({ "n": n, "code": code, "out": out, "resumed_at": from }),
        );
        Ok(())
    }
}

fn encode(
    model: &AutoEncoder,
    dataset: &Dataset,
    writing: &mut CodesFile,
    progress: &Progress,
) -> Result<()> {
    let n = dataset.len();
    while writing.done() < n {
        progress.update(writing.done(), n)?;
        dataset.check_unchanged()?;
        let end = (writing.done() + BLOCK).min(n);
        let pixels = dataset.copied(writing.done()..end)?;
        let items: Vec<&[u8]> = pixels.chunks_exact(dataset.shape().len()).collect();
        let posteriors = model.encode(&items, &Progress::silent())?;
        writing.append(&posteriors.mean, &posteriors.log_variance, end)?;
    }
    progress.update(n, n)
}
