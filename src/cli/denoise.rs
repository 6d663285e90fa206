//! `morphospace denoise`: how well a model repairs corrupted pictures, beside the best that principal components can do.

use std::path::PathBuf;

use clap::Args;
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use serde_json::json;

use super::train::corruption;
use super::{Common, output};
use crate::data::{Corruption, Dataset, DatasetSource, Picture};
use crate::error::Result;
use crate::model::AutoEncoder;
use crate::progress::Progress;
use crate::space::Projection;

/// Numbers of components that are tried.
const COMPONENTS: [usize; 8] = [5, 10, 20, 30, 50, 75, 100, 150];
/// Training items on which their number is chosen.
const CHOSEN_ON: usize = 2000;
/// Items on the page.
const SHOWN: usize = 10;

/// Repair corrupted pictures by a model, and by principal components
#[derive(Debug, Args)]
pub(super) struct Denoise {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Pictures that the principal components are of, and their number is chosen on
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Pictures to corrupt and repair
    #[arg(long, value_name = "SRC")]
    test: DatasetSource,
    /// What is done to them, as masking:0.5, gaussian:0.3 or salt-and-pepper:0.2
    #[arg(long, value_name = "KIND:S", value_parser = corruption, default_value = "masking:0.5")]
    corrupt: (Corruption, f32),
    /// Where to write a PNG: rows clean, corrupted, repaired by the model, repaired by components
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Denoise {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if let Some(out) = &self.out {
            output::check_writable(out)?;
        }
        let train = common.load_data(&self.data)?;
        let test = common.load_data(&self.test)?;
        let (_, model) = common.load_model(&self.model)?;
        Common::check_shape(&model, &train)?;
        Common::check_shape(&model, &test)?;
        let progress = common.progress("Repairing");
        let (kind, strength) = self.corrupt;
        let seen = |data: &Dataset, count: usize, seed: u64| -> Vec<Vec<u8>> {
            (0..count)
                .into_par_iter()
                .map(|i| kind.apply(data.pixels(i), data.shape(), strength, seed + i as u64))
                .collect()
        };
        let most = COMPONENTS[COMPONENTS.len() - 1];
        let most = most.min(train.len() - 1).min(train.shape().len());
        let plane = Projection::pca_of_pictures(&train, most)?;
        progress.update(3, 10)?;
        let chosen_on = train.len().min(CHOSEN_ON);
        let corrupted = seen(&train, chosen_on, common.seed);
        // Masked pictures are darker on average, which the best scale makes good.
        let scales: &[f32] = match kind {
            Corruption::Masking if strength < 1.0 => &[1.0, 1.0 / (1.0 - strength)],
            _ => &[1.0],
        };
        let mut best = (f64::INFINITY, 1, 1.0);
        for &count in COMPONENTS.iter().filter(|count| **count <= most) {
            for &scale in scales {
                let repaired = repaired_by(&plane, &corrupted, count, scale);
                let error = error_of(&train, &repaired);
                if error < best.0 {
                    best = (error, count, scale);
                }
            }
        }
        progress.update(6, 10)?;
        let corrupted = seen(&test, test.len(), common.seed);
        let by_components = repaired_by(&plane, &corrupted, best.1, best.2);
        let by_model = repaired(&model, &corrupted)?;
        progress.update(9, 10)?;
        if let Some(out) = &self.out {
            let shown = SHOWN.min(test.len());
            let clean: Vec<Vec<u8>> = (0..shown).map(|i| test.pixels(i).to_vec()).collect();
            let rows = [
                &clean[..],
                &corrupted[..shown],
                &by_model[..shown],
                &by_components[..shown],
            ];
            output::write_png(out, &page(&test, &rows))?;
        }
        let (of_model, of_components) =
            (error_of(&test, &by_model), error_of(&test, &by_components));
        let value = json!({
            "n": test.len(),
            "corruption": kind,
            "strength": strength,
            "corrupted_sse": error_of(&test, &corrupted),
            "repaired_sse": of_model,
            "components_sse": of_components,
            "components": best.1,
            "components_scale": best.2,
            "ratio": of_model / of_components,
        });
        output::print(common.json, &value);
        Ok(())
    }
}

/// Squared error per picture, values in `[0, 1]`.
fn error_of(clean: &Dataset, others: &[Vec<u8>]) -> f64 {
    let off = |(i, other): (usize, &Vec<u8>)| -> f64 {
        let pairs = clean.pixels(i).iter().zip(other);
        pairs
            .map(|(a, b)| f64::from(i32::from(*a) - i32::from(*b)).powi(2))
            .sum::<f64>()
    };
    let sum: f64 = others.par_iter().enumerate().map(off).sum();
    sum / (255.0 * 255.0) / others.len().max(1) as f64
}

/// What a model makes of pictures.
fn repaired(model: &AutoEncoder, pictures: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    let size = model.spec().shape.len();
    let mut all = Vec::with_capacity(pictures.len());
    for part in pictures.chunks(500) {
        let views: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
        let codes = model.encode(&views, &Progress::silent())?.mean;
        let made = model.decode(&codes)?;
        all.extend(made.chunks_exact(size).map(<[u8]>::to_vec));
    }
    Ok(all)
}

/// Pictures brought to `scale` times their values and put onto the plane of the first `count` components.
fn repaired_by(plane: &Projection, pictures: &[Vec<u8>], count: usize, scale: f32) -> Vec<Vec<u8>> {
    let mean = plane.mean();
    let d = mean.len();
    pictures
        .par_iter()
        .map(|picture| {
            let off: Vec<f32> = picture
                .iter()
                .zip(mean)
                .map(|(x, m)| f32::from(*x) * scale - m)
                .collect();
            let mut made = mean.to_vec();
            for axis in plane.axes().chunks_exact(d).take(count) {
                let along: f32 = axis.iter().zip(&off).map(|(a, x)| a * x).sum();
                made.iter_mut().zip(axis).for_each(|(m, a)| *m += along * a);
            }
            made.iter()
                .map(|x| x.round().clamp(0.0, 255.0) as u8)
                .collect()
        })
        .collect()
}

fn page(data: &Dataset, rows: &[&[Vec<u8>]]) -> RgbImage {
    const GAP: u32 = 4;
    let shape = data.shape();
    let scale = output::scale_for(shape);
    let (w, h) = (
        shape.width as u32 * scale + GAP,
        shape.height as u32 * scale + GAP,
    );
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0) as u32;
    let size = (columns * w + GAP, rows.len() as u32 * h + GAP);
    let mut page = RgbImage::from_pixel(size.0, size.1, Rgb([24, 26, 32]));
    for (r, row) in (0_u32..).zip(rows) {
        for (c, pixels) in (0_u32..).zip(*row) {
            let tile = Picture {
                shape,
                pixels: pixels.clone(),
            };
            let (x, y) = (i64::from(GAP + c * w), i64::from(GAP + r * h));
            image::imageops::replace(&mut page, &tile.to_rgb(scale), x, y);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::digits;

    #[test]
    fn components_repair_what_lies_on_their_plane() -> Result<()> {
        let data = digits::generate(1, 0..60, &Progress::silent())?;
        let plane = Projection::pca_of_pictures(&data, 50)?;
        let clean: Vec<Vec<u8>> = (0..60).map(|i| data.pixels(i).to_vec()).collect();
        let few = error_of(&data, &repaired_by(&plane, &clean, 5, 1.0));
        let many = error_of(&data, &repaired_by(&plane, &clean, 50, 1.0));
        assert!(many < 0.2 * few, "{many} and {few}");
        Ok(())
    }
}
