//! `morphospace morph`: the way from picture to picture through code space, as an animation.

use std::path::PathBuf;

use clap::Args;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame};
use serde_json::json;

use super::{Common, output};
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::model::write_atomically;
use crate::space::path::{self, Interpolation};

/// Animate the way from picture to picture through code space
#[derive(Debug, Args)]
pub(super) struct Morph {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Pictures to go between
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Items to pass, such as 3,17,42
    #[arg(long, value_name = "I,J,…", value_delimiter = ',', required = true)]
    path: Vec<usize>,
    /// Frames in all
    #[arg(long, value_name = "N", default_value_t = 60)]
    frames: usize,
    /// Frames a second
    #[arg(long, value_name = "N", default_value_t = 25)]
    fps: u32,
    /// Where to write the GIF
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Morph {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if self.path.len() < 2 {
            return Err(Error::usage("a path passes at least two items"));
        }
        if !(2..=5_000).contains(&self.frames) || !(1..=100).contains(&self.fps) {
            return Err(Error::usage(
                "an animation has 2 to 5,000 frames and 1 to 100 of them a second",
            ));
        }
        let dataset = common.load_data(&self.data)?;
        if let Some(item) = self.path.iter().find(|i| **i >= dataset.len()) {
            return Err(Error::usage(format!(
                "there is no item {item} among {}",
                dataset.len()
            )));
        }
        let (_, model) = common.load_model(&self.model)?;
        let keys = common.encode(&model, &dataset.subset(&self.path)?)?.mean;
        let keys: Vec<Vec<f32>> = keys.chunks(model.code()).map(<[f32]>::to_vec).collect();
        let codes = path::through(&keys, self.frames, Interpolation::Spline)?.concat();
        let shape = model.spec().shape;
        let pictures = output::pictures(shape, &model.decode(&codes)?);
        let mut bytes = Vec::new();
        {
            let broken = |e: image::ImageError| Error::file(&self.out, e.to_string());
            let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
            encoder.set_repeat(Repeat::Infinite).map_err(broken)?;
            let progress = common.progress("Drawing");
            for (i, picture) in pictures.iter().enumerate() {
                progress.update(i, pictures.len())?;
                let image = output::rgb(picture, output::scale_for(shape));
                let delay = Delay::from_numer_denom_ms(1000, self.fps);
                let rgba = DynamicImage::ImageRgb8(image).into_rgba8();
                encoder
                    .encode_frame(Frame::from_parts(rgba, 0, 0, delay))
                    .map_err(broken)?;
            }
        }
        write_atomically(&self.out, &bytes)?;
        let value = json!({ "frames": pictures.len(), "bytes": bytes.len(), "out": self.out.display().to_string() });
        output::print(common.json, &value);
        Ok(())
    }
}
