//! In which order a network reads the values of a picture.
//!
//! A dense network reads them as they lie. A convolutional one reads them patch within patch: all values of a first
//! patch, then of the next patch of the same larger patch, and so on. In that order the step from one resolution to the
//! next is a reshape that moves nothing, and a convolution whose stride equals its kernel is one matrix product.
//! Invariant: `order` holds every value of the picture exactly once; padding holds none.

use super::convolution::EDGE;
use super::spec::{ModelSpec, Network};

/// Where each input of a network comes from.
#[derive(Clone, Debug)]
pub(super) struct PixelLayout {
    /// For each input, the index of its value in the picture (row by row, channels interleaved); `None` is padding.
    order: Vec<Option<u32>>,
    picture_len: usize,
    /// The colours of pictures whose pixels are numbers of colours.
    palette: Vec<[u8; 3]>,
}

impl PixelLayout {
    pub(super) fn new(spec: &ModelSpec) -> Self {
        if let Some(beneath) = spec.beneath() {
            return Self::new(beneath);
        }
        let shape = spec.shape;
        let picture_len = shape.len();
        let order = match &spec.network {
            Network::Dense { .. } | Network::Stacked { .. } => {
                (0..picture_len as u32).map(Some).collect()
            }
            Network::Conv { .. } | Network::Pooled { .. } => {
                let patches = patches(spec);
                let (rows, columns) = grid(spec);
                let block: usize = patches.iter().product();
                let mut order = Vec::with_capacity(rows * columns * block * block * shape.channels);
                for row in 0..rows {
                    for column in 0..columns {
                        visit(&patches, row * block, column * block, &mut |y, x| {
                            for c in 0..shape.channels {
                                let inside = y < shape.height && x < shape.width;
                                order.push(
                                    inside.then(|| {
                                        ((y * shape.width + x) * shape.channels + c) as u32
                                    }),
                                );
                            }
                        });
                    }
                }
                order
            }
        };
        Self {
            order,
            picture_len,
            palette: spec.palette.clone().unwrap_or_default(),
        }
    }

    /// Inputs of the network, padding included.
    pub(super) fn inputs(&self) -> usize {
        if self.palette.is_empty() {
            self.order.len()
        } else {
            self.picture_len / 3 * self.palette.len()
        }
    }

    /// For each input 1, or 0 where it is padding; `None` when there is no padding.
    pub(super) fn mask(&self) -> Option<Vec<f32>> {
        (self.palette.is_empty() && self.order.len() > self.picture_len).then(|| {
            self.order
                .iter()
                .map(|o| if o.is_some() { 1.0 } else { 0.0 })
                .collect()
        })
    }

    /// Writes a picture's values, as the network reads them, into `inputs`, which are 0: `value(byte)` each, 0 for padding; of a palette 1 at the
    /// place of each pixel's colour.
    pub(super) fn gather(
        &self,
        pixels: &[u8],
        inputs: &mut [f32],
        mut value: impl FnMut(u8) -> f32,
    ) {
        if !self.palette.is_empty() {
            let places = inputs.chunks_exact_mut(self.palette.len());
            for (pixel, places) in pixels.chunks_exact(3).zip(places) {
                places[self.nearest(pixel)] = 1.0;
            }
            return;
        }
        for (input, from) in inputs.iter_mut().zip(&self.order) {
            *input = from.map_or(0.0, |i| value(pixels[i as usize]));
        }
    }

    /// The number of the colour that is nearest to `pixel`: its own, where the palette has it.
    fn nearest(&self, pixel: &[u8]) -> usize {
        let off = |colour: &[u8; 3]| -> i32 {
            let pairs = colour.iter().zip(pixel);
            pairs
                .map(|(a, b)| (i32::from(*a) - i32::from(*b)).pow(2))
                .sum()
        };
        let nearest = self
            .palette
            .iter()
            .enumerate()
            .min_by_key(|(_, colour)| off(colour));
        nearest.map_or(0, |(i, _)| i)
    }

    /// Writes a network's outputs in `[0, 1]` as the bytes of a picture; of a palette the likeliest colour of each pixel.
    pub(super) fn scatter(&self, outputs: &[f32], pixels: &mut [u8]) {
        if !self.palette.is_empty() {
            let places = outputs.chunks_exact(self.palette.len());
            for (pixel, places) in pixels.chunks_exact_mut(3).zip(places) {
                let likeliest = places.iter().enumerate();
                let likeliest = likeliest.max_by(|a, b| a.1.total_cmp(b.1));
                pixel.copy_from_slice(&self.palette[likeliest.map_or(0, |(i, _)| i)]);
            }
            return;
        }
        for (output, to) in outputs.iter().zip(&self.order) {
            if let Some(i) = to {
                pixels[*i as usize] = (output.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
            }
        }
    }
}

/// Edges of what becomes one position at each stage of a convolutional encoder, from the picture inwards.
fn patches(spec: &ModelSpec) -> Vec<usize> {
    match &spec.network {
        Network::Dense { .. } | Network::Stacked { .. } => Vec::new(),
        Network::Conv { stages, .. } => stages.iter().map(|s| s.patch).collect(),
        Network::Pooled { stages, .. } => vec![EDGE; stages.len()],
    }
}

/// Rows and columns of positions after the last stage of a convolutional encoder.
pub(super) fn grid(spec: &ModelSpec) -> (usize, usize) {
    if let Network::Dense { .. } | Network::Stacked { .. } = spec.network {
        return (1, 1);
    }
    let block: usize = patches(spec).iter().product();
    (
        spec.shape.height.div_ceil(block),
        spec.shape.width.div_ceil(block),
    )
}

/// Row and column of each position after `stages` stages of a convolutional encoder, in the order in which they lie.
pub(super) fn places(spec: &ModelSpec, stages: usize) -> Vec<(usize, usize)> {
    let patches = &patches(spec)[stages..];
    let block: usize = patches.iter().product();
    let (rows, columns) = grid(spec);
    let mut places = Vec::new();
    for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
        visit(patches, row * block, column * block, &mut |y, x| {
            places.push((y, x));
        });
    }
    places
}

/// Calls `emit(y, x)` for each position below one position of the last stage, patch within patch.
fn visit(patches: &[usize], top: usize, left: usize, emit: &mut impl FnMut(usize, usize)) {
    let Some((&last, before)) = patches.split_last() else {
        emit(top, left);
        return;
    };
    let edge: usize = before.iter().product();
    for row in 0..last {
        for column in 0..last {
            visit(before, top + row * edge, left + column * edge, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::model::{Likelihood, Preset, Stage};

    fn spec(height: usize, width: usize, patches: &[usize]) -> ModelSpec {
        let mut spec = Preset::Faces.spec(ImageShape::new(height, width, 3));
        spec.likelihood = Likelihood::Gaussian { sigma: 0.1 };
        spec.network = Network::Conv {
            stages: patches
                .iter()
                .map(|&patch| Stage {
                    patch,
                    channels: 8,
                    blocks: 0,
                })
                .collect(),
            hidden: vec![8],
        };
        spec
    }

    #[test]
    fn every_value_is_read_once() {
        for (height, width, patches) in [
            (8, 8, vec![2, 2]),
            (7, 5, vec![2, 2]),
            (12, 6, vec![3, 2]),
            (1, 1, vec![2]),
        ] {
            let layout = PixelLayout::new(&spec(height, width, &patches));
            let mut seen: Vec<u32> = layout.order.iter().flatten().copied().collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..(height * width * 3) as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_gathered_is_scattered_back() {
        let layout = PixelLayout::new(&spec(7, 5, &[2, 2]));
        let pixels: Vec<u8> = (0..7 * 5 * 3).map(|i| (i * 2) as u8).collect();
        let mut inputs = vec![9.0; layout.inputs()];
        layout.gather(&pixels, &mut inputs, |p| f32::from(p) / 255.0);
        let mut back = vec![0; pixels.len()];
        layout.scatter(&inputs, &mut back);
        assert_eq!(back, pixels);
        assert_eq!(
            layout.mask().map(|m| m.iter().sum::<f32>() as usize),
            Some(pixels.len())
        );
    }

    #[test]
    fn neighbouring_inputs_form_the_first_patch() {
        let layout = PixelLayout::new(&spec(4, 4, &[2, 2]));
        let first: Vec<u32> = layout
            .order
            .iter()
            .step_by(3)
            .take(4)
            .flatten()
            .map(|i| i / 3)
            .collect();
        assert_eq!(first, [0, 1, 4, 5]);
    }
}
