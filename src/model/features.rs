//! What the stages of a convolutional network make of a picture, and what each unpooling makes of the same code.
//!
//! Invariant: maps have the size of their stage's grid, padding of the picture included.

use burn::tensor::{Tensor, TensorData};

use super::auto_encoder::{AutoEncoder, read};
use super::network::View;
use super::spec::Unpooling;
use crate::data::Picture;
use crate::error::{Error, Result};

/// The maps of features after one stage.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureMaps {
    /// What the stage is called, such as `Pooling 2`.
    pub name: String,
    /// Whether it is one of the decoder's.
    pub is_of_decoder: bool,
    /// Rows of a map.
    pub height: usize,
    /// Columns of a map.
    pub width: usize,
    /// Maps one after the other, each row by row, `[maps, height, width]`.
    pub values: Vec<f32>,
}

impl FeatureMaps {
    /// How many maps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / (self.height * self.width).max(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Name and size, such as `Pooling 2: 32 maps of 7×7`.
    #[must_use]
    pub fn title(&self) -> String {
        let (name, count) = (&self.name, self.len());
        let maps = if count == 1 { "map" } else { "maps" };
        format!("{name}: {count} {maps} of {}×{}", self.height, self.width)
    }

    /// The map `index` in shades, 0 to 255: of values that are nowhere below 0 from 0 to the largest of the stage, else from the
    /// smallest to the largest.
    #[must_use]
    pub fn shades(&self, index: usize) -> Vec<u8> {
        let low = self.values.iter().copied().fold(0.0, f32::min);
        let high = self.values.iter().copied().fold(0.0, f32::max);
        let range = (high - low).max(f32::MIN_POSITIVE);
        let size = self.height * self.width;
        let map = self.values[index * size..(index + 1) * size].iter();
        map.map(|x| ((x - low) / range * 255.0).round() as u8)
            .collect()
    }

    fn new(view: &View, values: &[f32], is_of_decoder: bool) -> Self {
        let height = view.places.iter().map(|p| p.0 + 1).max().unwrap_or(0);
        let width = view.places.iter().map(|p| p.1 + 1).max().unwrap_or(0);
        let mut maps = vec![0.0; values.len()];
        for ((row, column), of_place) in view.places.iter().zip(values.chunks(view.channels)) {
            for (c, value) in of_place.iter().enumerate() {
                maps[(c * height + row) * width + column] = *value;
            }
        }
        Self {
            name: view.name.clone(),
            is_of_decoder,
            height,
            width,
            values: maps,
        }
    }
}

/// What a network with convolutions makes of a picture on its way in, and out again.
#[derive(Clone, PartialEq, Debug)]
pub struct Features {
    /// Maps of the encoder's stages, from the picture inwards.
    pub encoder: Vec<FeatureMaps>,
    /// What comes of the code: by the unpooling that the network was trained with, then by the others with the same weights. One way out
    /// where nothing is pooled.
    pub ways: Vec<WayOut>,
}

/// One way from the code of a picture to its reconstruction.
#[derive(Clone, PartialEq, Debug)]
pub struct WayOut {
    /// How it unpools; nothing where there is no unpooling.
    pub unpooling: Option<Unpooling>,
    /// The reconstruction.
    pub picture: Picture,
    /// Its squared error, summed over values in `[0, 1]`.
    pub error: f64,
    /// Maps of the decoder's stages, from the code outwards.
    pub maps: Vec<FeatureMaps>,
}

impl AutoEncoder {
    /// What the network makes of a picture of its shape; nothing of a network without convolutions.
    ///
    /// # Errors
    /// When the picture has another size, or the device fails.
    pub fn features(&self, picture: &Picture) -> Result<Option<Features>> {
        if self.architecture.plan.views(false).is_empty() {
            return Ok(None);
        }
        let items = [picture.pixels.as_slice()];
        let code = self.encode(&items, &crate::Progress::silent())?.mean;
        let ways: Vec<Option<Unpooling>> = match self.spec().unpooling() {
            None => vec![None],
            Some(own) => {
                let others = Unpooling::ALL.into_iter().filter(|by| *by != own);
                std::iter::once(own).chain(others).map(Some).collect()
            }
        };
        let mut features = Features {
            encoder: Vec::new(),
            ways: Vec::with_capacity(ways.len()),
        };
        for unpooling in ways {
            let pixels = match unpooling {
                None => self.reconstruct(&items, &code)?,
                Some(by) => self.unpooled(&items, &code, by)?,
            };
            let maps = self.feature_maps(&picture.pixels, unpooling)?;
            let (maps, encoder) = maps.into_iter().partition(|m| m.is_of_decoder);
            features.encoder = encoder;
            features.ways.push(WayOut {
                unpooling,
                error: squared_error(&picture.pixels, &pixels),
                picture: Picture {
                    shape: picture.shape,
                    pixels,
                },
                maps,
            });
        }
        Ok(Some(features))
    }

    /// The maps of features of a picture of the model's shape, from the picture inwards and out again. The decoder unpools the
    /// picture's code as the model does, or as `by` says. There are none of a network without convolutions.
    ///
    /// # Errors
    /// When the picture has another size, or the device fails.
    pub fn feature_maps(&self, picture: &[u8], by: Option<Unpooling>) -> Result<Vec<FeatureMaps>> {
        let code = self.encode(&[picture], &crate::Progress::silent())?.mean;
        let architecture = &self.architecture;
        let device = &architecture.device;
        let mut seen: Vec<(View, Tensor<2>)> = Vec::new();
        let mut look = |view: &View, x: Tensor<2>| seen.push((view.clone(), x));
        let inputs = architecture.inputs(&[picture], None, device);
        let plan = &architecture.plan;
        let (_, mut unpooled) = plan.features_and_switches(&self.weights, inputs, &mut look);
        unpooled.by = by.unwrap_or(unpooled.by);
        let code = Tensor::from_data(TensorData::new(code, [1, self.code()]), device);
        plan.decode_by(&self.weights, code, unpooled, &mut look);
        let encoder = plan.views(false).len();
        let maps = seen.into_iter().enumerate();
        maps.map(|(i, (view, x))| Ok(FeatureMaps::new(&view, &read(x)?, i >= encoder)))
            .collect()
    }

    /// The pictures of codes `[items, code]` as the unpooling `by` makes them with these weights, whatever the model was trained with;
    /// switches are those of `items`.
    ///
    /// # Errors
    /// When the network does not pool, when there are not as many codes as pictures, or when the device fails.
    pub fn unpooled(&self, items: &[&[u8]], codes: &[f32], by: Unpooling) -> Result<Vec<u8>> {
        if self.spec().unpooling().is_none() {
            return Err(Error::model(
                "the model has no pooling that could be undone in several ways",
            )
            .hint("train one with --preset pooled"));
        }
        self.pictures(codes, Some((items, by)))
    }
}

/// Squared error of a picture, summed over its values in `[0, 1]`; both in bytes.
#[must_use]
pub fn squared_error(a: &[u8], b: &[u8]) -> f64 {
    let pairs = a.iter().zip(b);
    let sum: f64 = pairs
        .map(|(a, b)| f64::from(i32::from(*a) - i32::from(*b)).powi(2))
        .sum();
    sum / (255.0 * 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::model::auto_encoder::Architecture;
    use crate::model::{ModelSpec, Preset};
    use burn::tensor::Device;
    use std::sync::Arc;

    fn model(spec: ModelSpec) -> AutoEncoder {
        let architecture = Architecture::new(spec, &Device::flex()).expect("a network");
        AutoEncoder {
            weights: architecture.plan.weights(5, &Device::flex()),
            architecture: Arc::new(architecture),
        }
    }

    fn picture(shape: ImageShape) -> Vec<u8> {
        (0..shape.len()).map(|i| (i * 37 % 251) as u8).collect()
    }

    #[test]
    fn every_stage_has_maps_of_its_size() {
        let shape = ImageShape::new(14, 10, 1);
        let model = model(Preset::Pooled.spec(shape));
        let maps = model.feature_maps(&picture(shape), None).expect("maps");
        let titles: Vec<String> = maps.iter().map(FeatureMaps::title).collect();
        assert_eq!(
            titles,
            [
                "Convolution 1: 16 maps of 16×12",
                "Pooling 1: 16 maps of 8×6",
                "Convolution 2: 32 maps of 8×6",
                "Pooling 2: 32 maps of 4×3",
                "From the code: 32 maps of 4×3",
                "Unpooling 2: 32 maps of 8×6",
                "Deconvolution 2: 16 maps of 8×6",
                "Unpooling 1: 16 maps of 16×12",
                "Deconvolution 1: 1 map of 16×12",
            ]
        );
        let of_decoder: Vec<bool> = maps.iter().map(|m| m.is_of_decoder).collect();
        assert_eq!(of_decoder.iter().filter(|d| !**d).count(), 4);
        // What pooling leaves is the largest of each field.
        let (before, after) = (&maps[0], &maps[1]);
        for c in 0..16 {
            for (row, column) in (0..8).flat_map(|r| (0..6).map(move |c| (r, c))) {
                let at = |y: usize, x: usize| {
                    before.values[(c * 16 + 2 * row + y) * 12 + 2 * column + x]
                };
                let largest = at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1));
                assert_eq!(after.values[(c * 8 + row) * 6 + column], largest);
            }
        }
        // With switches a value goes back to where it was the largest; repetition fills the field.
        let repeated = model
            .feature_maps(&picture(shape), Some(Unpooling::Repetition))
            .expect("maps");
        let filled = |maps: &FeatureMaps| maps.values.iter().filter(|v| **v != 0.0).count();
        assert_eq!(filled(&repeated[5]), 4 * filled(&repeated[4]));
        assert_eq!(filled(&maps[5]), filled(&maps[4]));
        let second = &maps[2];
        for (i, value) in maps[5].values.iter().enumerate() {
            let (c, row, column) = (i / 48, i / 6 % 8, i % 6);
            let field = |y: usize, x: usize| {
                second.values[(c * 8 + row / 2 * 2 + y) * 6 + column / 2 * 2 + x]
            };
            let largest = field(0, 0)
                .max(field(0, 1))
                .max(field(1, 0))
                .max(field(1, 1));
            assert!(*value == 0.0 || second.values[i] == largest);
        }
    }

    #[test]
    fn reconstruction_remembers_and_decoding_does_not() {
        let shape = ImageShape::new(12, 12, 1);
        let model = model(Preset::Pooled.spec(shape));
        let picture = picture(shape);
        let items = [picture.as_slice()];
        let code = model
            .encode(&items, &crate::Progress::silent())
            .expect("a code")
            .mean;
        let own = model.reconstruct(&items, &code).expect("a picture");
        let by = |by| model.unpooled(&items, &code, by).expect("a picture");
        let bare = model.decode(&code).expect("a picture");
        assert_eq!(own, by(Unpooling::Switches));
        assert_eq!(bare, by(Unpooling::Transposed));
        assert_ne!(own, bare);
        assert_ne!(by(Unpooling::Repetition), bare);
        let loss = model.losses_at(&items, &code).expect("a loss")[0];
        assert!(loss.is_finite());
        assert_eq!(model.spec().switches(), 16 * 36 + 32 * 9);
    }

    #[test]
    fn models_without_pooling_say_so() {
        let shape = ImageShape::new(12, 12, 1);
        let picture = picture(shape);
        let dense = model(Preset::Tiny.spec(shape));
        let code = vec![0.0; dense.code()];
        let refused = dense.unpooled(&[&picture], &code, Unpooling::Switches);
        assert!(refused.is_err());
        assert!(dense.feature_maps(&picture, None).expect("maps").is_empty());
        let conv = model(Preset::Digits.spec(shape));
        let maps = conv.feature_maps(&picture, None).expect("maps");
        assert_eq!(maps.first().map(FeatureMaps::len), Some(32));
        assert!(maps.iter().any(|m| m.is_of_decoder));
    }
}
