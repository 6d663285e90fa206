//! `morphospace decode` and `sample`: from codes to pictures.

use std::path::PathBuf;

use clap::Args;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::{Common, output};
use crate::data::Picture;
use crate::error::{Error, Result};
use crate::model::AutoEncoder;

/// Most pictures drawn on one page.
const MAX_PICTURES: usize = 10_000;
/// Codes decoded at a time.
const BATCH: usize = 64;

/// Draw the pictures of codes as a grid
#[derive(Debug, Args)]
pub(super) struct Decode {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Codes, [n, code] f32 or f64
    #[arg(long, value_name = "FILE")]
    codes: PathBuf,
    /// Where to write the PNG
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Decode {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let (codes, columns) = output::read_npy(&self.codes)?;
        let (_, model) = common.load_model(&self.model)?;
        if columns != model.code() {
            let reason = format!(
                "its codes have {columns} numbers, those of the model {}",
                model.code()
            );
            return Err(Error::file(&self.codes, reason));
        }
        draw(&model, &codes, &self.out, common)
    }
}

/// Draw pictures decoded from samples of the prior
#[derive(Debug, Args)]
pub(super) struct Sample {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Number of pictures
    #[arg(long, value_name = "N", default_value_t = 64)]
    count: usize,
    /// Where to write the PNG
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Sample {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let (file, model) = common.load_model(&self.model)?;
        if self.count > MAX_PICTURES {
            return Err(Error::usage(format!(
                "at most {MAX_PICTURES} pictures fit on one page"
            )));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(common.seed);
        let frequencies = &file.statistics.mean;
        let prior = model.prior(frequencies)?;
        let codes: Vec<f32> = (0..self.count)
            .flat_map(|_| prior.sample(&mut rng))
            .collect();
        draw(&model, &codes, &self.out, common)
    }
}

fn draw(model: &AutoEncoder, codes: &[f32], out: &std::path::Path, common: &Common) -> Result<()> {
    let count = codes.len() / model.code();
    if count == 0 || count > MAX_PICTURES {
        return Err(Error::usage(format!(
            "a page shows 1 to {MAX_PICTURES} pictures, not {count}"
        )));
    }
    let shape = model.spec().shape;
    let mut grid = output::Grid::new(count, shape, output::scale_for(shape));
    let progress = common.progress("Drawing");
    for (i, batch) in codes.chunks(BATCH * model.code()).enumerate() {
        progress.update(i * BATCH, count)?;
        for pixels in model.decode(batch)?.chunks_exact(shape.len()) {
            grid.push(&Picture {
                shape,
                pixels: pixels.to_vec(),
            });
        }
    }
    progress.update(count, count)?;
    output::write_png(out, &grid.finish())?;
    output::print(
        common.json,
        &json!({ "n": count, "out": out.display().to_string() }),
    );
    Ok(())
}
