//! `morphospace unpool`: what each way of unpooling makes of the same pictures, drawn and measured.
//!
//! Invariant: all columns of one model have the same codes and the same weights; only where values go back to differs.

use std::path::PathBuf;

use clap::Args;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::{Common, output};
use crate::data::{Dataset, DatasetSource, Picture};
use crate::error::{Error, Result};
use crate::model::{AutoEncoder, Unpooling, squared_error};

/// Pictures measured at a time.
const BATCH: usize = 256;
/// Pictures drawn at most.
const MOST: usize = 40;
const GAP: u32 = 4;
const PAPER: Rgb<u8> = Rgb([24, 26, 32]);

/// Draw what each way of unpooling makes of the same pictures, and measure it
#[derive(Debug, Args)]
pub(super) struct Unpool {
    /// Models that pool, one after the other
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', required = true)]
    model: Vec<PathBuf>,
    /// Pictures to measure on
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// The pictures that are drawn; the first ten without it
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    items: Vec<usize>,
    /// Ways that are drawn and measured of each model: switches, repetition, transposed (the same as switches withheld)
    #[arg(
        long,
        value_name = "HOW,…",
        value_delimiter = ',',
        default_value = "switches,transposed,repetition"
    )]
    ways: Vec<Unpooling>,
    /// Draw and measure each model in its own way only
    #[arg(long, conflicts_with = "ways")]
    own: bool,
    /// Where to write the PNG: a row for each picture, the original and then a column for each way of each model
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Unpool {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let dataset = common.load_data(&self.data)?;
        let items = self.drawn(&dataset)?;
        let mut columns: Vec<Vec<Picture>> =
            vec![items.iter().map(|&i| dataset.picture(i)).collect()];
        let mut found: Vec<Value> = Vec::new();
        for path in &self.model {
            let (_, model) = common.load_model(path)?;
            Common::check_shape(&model, &dataset).map_err(|e| e.in_file(path))?;
            let Some(own) = model.spec().unpooling() else {
                return Err(Error::model("the model does not pool")
                    .hint("train one with --preset pooled or pooled-repeat")
                    .in_file(path));
            };
            let own_way = [own];
            let ways: &[Unpooling] = if self.own { &own_way } else { &self.ways };
            for &by in ways {
                let progress = common.progress(&format!("Measuring {}", by.name()));
                let mut squared = 0.0;
                for start in (0..dataset.len()).step_by(BATCH) {
                    progress.update(start, dataset.len())?;
                    let ids: Vec<usize> = (start..(start + BATCH).min(dataset.len())).collect();
                    let made = unpooled(&model, &dataset, &ids, by)?;
                    let pairs = ids.iter().zip(&made);
                    squared += pairs
                        .map(|(&id, made)| squared_error(dataset.pixels(id), &made.pixels))
                        .sum::<f64>();
                }
                progress.update(dataset.len(), dataset.len())?;
                columns.push(unpooled(&model, &dataset, &items, by)?);
                found.push(json!({
                    "model": path.display().to_string(),
                    "unpooling": by.name(),
                    "trained_so": by == own,
                    "code": model.code(),
                    "switches": if by == Unpooling::Switches { model.spec().switches() } else { 0 },
                    "sse_per_image": squared / dataset.len() as f64,
                }));
            }
        }
        output::write_png(&self.out, &page(&columns))?;
        let value = json!({
            "n": dataset.len(),
            "columns": found,
            "out": self.out.display().to_string(),
        });
        output::print(common.json, &value);
        Ok(())
    }

    /// The items that are drawn.
    fn drawn(&self, dataset: &Dataset) -> Result<Vec<usize>> {
        let items = if self.items.is_empty() {
            (0..dataset.len().min(10)).collect()
        } else {
            self.items.clone()
        };
        if items.len() > MOST {
            return Err(Error::usage(format!(
                "a page shows at most {MOST} pictures"
            )));
        }
        match items.iter().find(|&&item| item >= dataset.len()) {
            Some(item) => Err(Error::usage(format!(
                "there is no item {item} among {}",
                dataset.len()
            ))),
            None => Ok(items),
        }
    }
}

/// What `model` makes of items with one way of unpooling.
fn unpooled(
    model: &AutoEncoder,
    dataset: &Dataset,
    ids: &[usize],
    by: Unpooling,
) -> Result<Vec<Picture>> {
    let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id)).collect();
    let codes = model.encode(&items, &crate::Progress::silent())?.mean;
    let shape = dataset.shape();
    let pixels = model.unpooled(&items, &codes, by)?;
    let pictures = pixels.chunks_exact(shape.len());
    Ok(pictures
        .map(|pixels| Picture {
            shape,
            pixels: pixels.to_vec(),
        })
        .collect())
}

/// Columns of pictures, the first a little apart.
fn page(columns: &[Vec<Picture>]) -> RgbImage {
    let Some(shape) = columns.iter().flatten().map(|p| p.shape).next() else {
        return RgbImage::from_pixel(1, 1, PAPER);
    };
    let scale = output::scale_for(shape);
    let step = (
        shape.width as u32 * scale + GAP,
        shape.height as u32 * scale + GAP,
    );
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let width = columns.len() as u32 * step.0 + 3 * GAP;
    let mut page = RgbImage::from_pixel(width, rows * step.1 + GAP, PAPER);
    for (i, column) in columns.iter().enumerate() {
        let apart = if i > 0 { 2 * GAP } else { 0 };
        let left = i64::from(GAP + i as u32 * step.0 + apart);
        for (j, picture) in column.iter().enumerate() {
            let top = i64::from(GAP + j as u32 * step.1);
            image::imageops::replace(&mut page, &picture.to_rgb(scale), left, top);
        }
    }
    page
}
