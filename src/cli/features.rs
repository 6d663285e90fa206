//! `morphospace features`: the feature maps of every stage of a network with convolutions, for one picture.
//!
//! Invariant: a row, or several where they do not fit into one, holds the maps of one stage, in the order in which the command tells them.

use std::path::PathBuf;

use clap::Args;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::{Common, output};
use crate::data::{DatasetSource, ImageShape, Picture};
use crate::error::{Error, Result};
use crate::model::{FeatureMaps, Unpooling};

/// Maps abreast, at most.
const ABREAST: u32 = 16;
/// Edge of a map on the page, about.
const EDGE: u32 = 56;
const GAP: u32 = 3;
const PAPER: Rgb<u8> = Rgb([24, 26, 32]);

/// Draw the feature maps of every stage for one picture
#[derive(Debug, Args)]
pub(super) struct DrawFeatures {
    /// The model, with convolutions
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Where the picture is
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// The picture's number
    #[arg(long, value_name = "N", default_value_t = 0)]
    item: usize,
    /// Unpool in this way instead of the model's own, with the same weights: switches, repetition or transposed
    #[arg(long, value_name = "HOW")]
    unpooling: Option<Unpooling>,
    /// Where to write the PNG: the picture, the maps of each stage, and what the decoder makes of them
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl DrawFeatures {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let dataset = common.load_data(&self.data)?;
        let (_, model) = common.load_model(&self.model)?;
        Common::check_shape(&model, &dataset)?;
        if self.item >= dataset.len() {
            return Err(Error::usage(format!(
                "there is no item {} among {}",
                self.item,
                dataset.len()
            )));
        }
        let picture = dataset.picture(self.item);
        let none = || {
            Error::model("the model has no convolutions, and so no maps of features")
                .hint("train one with --preset pooled or digits")
        };
        let features = model.features(&picture)?.ok_or_else(none)?;
        let has = |way: &&crate::model::WayOut| {
            self.unpooling.is_none() || way.unpooling == self.unpooling
        };
        let way = features.ways.iter().find(has).ok_or_else(|| {
            Error::model("the model has no pooling that could be undone in several ways")
                .hint("leave --unpooling out, or train a model with --preset pooled")
        })?;
        let stages: Vec<&FeatureMaps> = features.encoder.iter().chain(&way.maps).collect();
        output::write_png(&self.out, &page(&picture, &stages, &way.picture))?;
        let stage = |maps: &&FeatureMaps| -> Value {
            json!({ "name": maps.name, "maps": maps.len(), "height": maps.height, "width": maps.width })
        };
        let value = json!({
            "stages": stages.iter().map(stage).collect::<Vec<Value>>(),
            "unpooling": way.unpooling.map(Unpooling::name),
            "squared_error": way.error,
            "out": self.out.display().to_string(),
        });
        output::print(common.json, &value);
        Ok(())
    }
}

/// Rows of pictures from the top down.
fn page(picture: &Picture, stages: &[&FeatureMaps], made: &Picture) -> RgbImage {
    let mut rows: Vec<Vec<RgbImage>> = vec![vec![enlarged(picture)]];
    for maps in stages {
        let shape = ImageShape::new(maps.height, maps.width, 1);
        let tiles: Vec<RgbImage> = (0..maps.len())
            .map(|i| {
                enlarged(&Picture {
                    shape,
                    pixels: maps.shades(i),
                })
            })
            .collect();
        rows.extend(tiles.chunks(ABREAST as usize).map(<[RgbImage]>::to_vec));
    }
    rows.push(vec![enlarged(made)]);
    let width = |row: &Vec<RgbImage>| row.iter().map(|tile| tile.width() + GAP).sum::<u32>() + GAP;
    let height = |row: &Vec<RgbImage>| row.first().map_or(0, RgbImage::height) + GAP;
    let size = (
        rows.iter().map(width).max().unwrap_or(0),
        rows.iter().map(height).sum::<u32>() + GAP,
    );
    let mut page = RgbImage::from_pixel(size.0, size.1, PAPER);
    let mut top = GAP;
    for row in &rows {
        let mut left = GAP;
        for tile in row {
            image::imageops::replace(&mut page, tile, i64::from(left), i64::from(top));
            left += tile.width() + GAP;
        }
        top += height(row);
    }
    page
}

fn enlarged(picture: &Picture) -> RgbImage {
    let longest = picture.shape.height.max(picture.shape.width).max(1) as u32;
    picture.to_rgb((EDGE / longest).max(1))
}
