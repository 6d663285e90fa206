//! `morphospace why`: families of auto-encoders on the same data, side by side.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::{Common, output};
use crate::data::{Dataset, DatasetSource};
use crate::engine::choose_device;
use crate::error::{Error, Result};
use crate::model::{Family, FamilyPlan, Trained};

/// Train a plain, a denoising, a contractive and two variational auto-encoders on the same data, and compare them
#[derive(Debug, Args)]
pub(super) struct Why {
    /// Pictures to train on
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Numbers per code
    #[arg(long, value_name = "N", default_value_t = 10)]
    latent: usize,
    /// Passes over the data, for each
    #[arg(long, value_name = "N", default_value_t = 8)]
    epochs: usize,
    /// Where to write a PNG: a row for each family with the way between two items and samples of N(0, 1) and of the mixture
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A folder to write the models to
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
}

impl Why {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if !(2..=256).contains(&self.latent) || !(1..=100_000).contains(&self.epochs) {
            return Err(Error::usage(
                "codes have 2 to 256 numbers, and training takes 1 to 100,000 epochs",
            ));
        }
        if let Some(out) = &self.out {
            output::check_writable(out)?;
        }
        if let Some(folder) = &self.save {
            std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, &e))?;
            for family in Family::ALL {
                output::check_writable(&Self::file(folder, family))?;
            }
        }
        let dataset = common.load_data(&self.data)?;
        let start = Instant::now();
        let plan = FamilyPlan {
            code: self.latent,
            epochs: self.epochs,
            seed: common.seed,
        };
        let (device, _) = choose_device(common.device)?;
        let progress = common.progress("Training families");
        let found = plan.run(&dataset, Some(&self.data), &device, &progress)?;
        if let Some(folder) = &self.save {
            for trained in &found.trained {
                trained.file.save(&Self::file(folder, trained.family))?;
            }
        }
        if let Some(out) = &self.out {
            output::write_png(out, &page(&found.trained, &dataset, common.seed)?)?;
        }
        let families: Vec<Value> = found
            .trained
            .iter()
            .map(|t| json!({ "family": t.family, "figures": t.figures }))
            .collect();
        let value = json!({
            "n": dataset.len(),
            "code": self.latent,
            "epochs": self.epochs,
            "features": found.features,
            "folder": self.save.as_ref().map(|own| own.display().to_string()),
            "families": families,
            "secs": start.elapsed().as_secs_f64(),
        });
        output::print(common.json, &value);
        Ok(())
    }

    fn file(folder: &Path, family: Family) -> PathBuf {
        folder.join(format!("{}.safetensors", family.name()))
    }
}

/// A row per family: seven pictures between two items, six samples of N(0, 1), six of the mixture.
fn page(trained: &[Trained], dataset: &Dataset, seed: u64) -> Result<RgbImage> {
    const GAP: u32 = 4;
    const APART: u32 = 16;
    const PAPER: Rgb<u8> = Rgb([24, 26, 32]);
    const BETWEEN: u32 = 7;
    const SAMPLES: u32 = 6;
    let scale = output::scale_for(dataset.shape());
    let (w, h) = (
        dataset.shape().width as u32 * scale + GAP,
        dataset.shape().height as u32 * scale + GAP,
    );
    let columns = BETWEEN + 2 * SAMPLES;
    let size = (
        columns * w + 2 * APART + GAP,
        trained.len() as u32 * h + GAP,
    );
    let mut page = RgbImage::from_pixel(size.0, size.1, PAPER);
    let items = [dataset.pixels(0), dataset.pixels(dataset.len() / 2)];
    for (row, trained) in (0_u32..).zip(trained) {
        let mut pictures = Vec::new();
        for i in 0..BETWEEN {
            let share = i as f32 / (BETWEEN - 1) as f32;
            pictures.push(trained.between(items, share, 0.0, seed)?);
        }
        pictures.extend(trained.samples(SAMPLES as usize, false, seed)?);
        pictures.extend(trained.samples(SAMPLES as usize, true, seed)?);
        for (column, picture) in (0_u32..).zip(pictures) {
            let groups = u32::from(column >= BETWEEN) + u32::from(column >= BETWEEN + SAMPLES);
            let (x, y) = (GAP + column * w + groups * APART, GAP + row * h);
            let tile = picture.to_rgb(scale);
            image::imageops::replace(&mut page, &tile, i64::from(x), i64::from(y));
        }
    }
    Ok(page)
}
