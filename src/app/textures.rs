//! Pictures on the graphics card: the live ones, and a bounded cache of items.
//!
//! Invariant: a texture shows the newest picture it was given; items of another session are never shown.

use std::collections::HashMap;

use eframe::egui::{Color32, ColorImage, Context, TextureFilter, TextureHandle, TextureOptions};

use super::palette;
use super::theme::Tokens;
use crate::data::{Dataset, ImageShape, Picture};
use crate::render::upscale;

const CACHED_ITEMS: usize = 512;
const CACHED_KEYS: usize = 256;

/// How a picture that is shown large is brought to the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Filter {
    /// Every pixel a square.
    Pixels,
    /// Enlarged with a cubic filter first, then bilinear.
    Smooth,
}

/// A picture that changes in place.
#[derive(Default)]
pub(crate) struct Live {
    texture: Option<TextureHandle>,
    aspect: f32,
}

impl Live {
    /// The texture with its width over its height, once there is a picture.
    pub(crate) fn get(&self) -> Option<(&TextureHandle, f32)> {
        Some((self.texture.as_ref()?, self.aspect))
    }

    fn set(&mut self, ctx: &Context, name: &str, image: ColorImage, filter: Filter) {
        self.aspect = image.size[0] as f32 / image.size[1] as f32;
        let options = options(filter);
        match &mut self.texture {
            Some(texture) => texture.set(image, options),
            None => self.texture = Some(ctx.load_texture(name, image, options)),
        }
    }

    /// Shows `picture` from now on.
    pub(crate) fn show(&mut self, ctx: &Context, name: &str, picture: &Picture, filter: Filter) {
        let image = match filter {
            Filter::Pixels => image_of(picture.shape, &picture.pixels),
            Filter::Smooth => {
                let large = upscale(picture);
                image_of(large.shape, &large.pixels)
            }
        };
        self.set(ctx, name, image, filter);
    }
}

fn options(filter: Filter) -> TextureOptions {
    let magnification = match filter {
        Filter::Pixels => TextureFilter::Nearest,
        Filter::Smooth => TextureFilter::Linear,
    };
    TextureOptions {
        magnification,
        ..TextureOptions::LINEAR
    }
}

fn image_of(shape: ImageShape, pixels: &[u8]) -> ColorImage {
    let size = [shape.width, shape.height];
    if shape.channels == 3 {
        ColorImage::from_rgb(size, pixels)
    } else {
        ColorImage::from_gray(size, pixels)
    }
}

/// Every texture of the window.
#[derive(Default)]
pub(crate) struct Textures {
    pub decoded: Live,
    pub original: Live,
    pub reconstruction: Live,
    pub difference: Live,
    pub own: Live,
    pub hovered: Live,
    pub sheet: Live,
    pub own_reconstruction: Live,
    pub preview_originals: Live,
    pub preview_reconstructions: Live,
    items: HashMap<usize, TextureHandle>,
    items_of: Option<(u64, Filter)>,
    /// The pixel cross-fade at the play head.
    pub crossfade: Live,
    /// Key-frames by their codes' bits.
    keys: HashMap<Vec<u32>, TextureHandle>,
}

fn bits(code: &[f32]) -> Vec<u32> {
    code.iter().map(|x| x.to_bits()).collect()
}

impl Textures {
    /// Item `id` of `dataset`, small.
    pub(crate) fn item(
        &mut self,
        ctx: &Context,
        session: u64,
        dataset: &Dataset,
        id: usize,
        filter: Filter,
    ) -> TextureHandle {
        if self.items_of != Some((session, filter)) || self.items.len() >= CACHED_ITEMS {
            self.items.clear();
            self.items_of = Some((session, filter));
        }
        self.items
            .entry(id)
            .or_insert_with(|| {
                let image = image_of(dataset.shape(), dataset.pixels(id));
                ctx.load_texture(format!("item {id}"), image, options(filter))
            })
            .clone()
    }

    /// The decoded picture of a key-frame with this code, small, if it is there.
    pub(crate) fn key(&self, code: &[f32]) -> Option<TextureHandle> {
        self.keys.get(&bits(code)).cloned()
    }

    /// Keeps the decoded picture of a key-frame with this code.
    pub(crate) fn keep_key(&mut self, ctx: &Context, code: &[f32], picture: &Picture) {
        if self.keys.len() >= CACHED_KEYS {
            self.keys.clear();
        }
        let image = image_of(picture.shape, &picture.pixels);
        let texture = ctx.load_texture("key-frame", image, options(Filter::Smooth));
        self.keys.insert(bits(code), texture);
    }

    /// Forgets the pictures of key-frames, which were another model's.
    pub(crate) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Shows an item beside its reconstruction and the difference: blue where the reconstruction is darker, orange where it
    /// is brighter.
    pub(crate) fn show_inspected(
        &mut self,
        ctx: &Context,
        tokens: &Tokens,
        original: &Picture,
        made: &Picture,
        filter: Filter,
    ) {
        self.original.show(ctx, "original", original, filter);
        self.reconstruction
            .show(ctx, "reconstruction", made, filter);
        let channels = original.shape.channels;
        let colours = original
            .pixels
            .chunks(channels)
            .zip(made.pixels.chunks(channels))
            .map(|(a, b)| {
                let sum: i32 = a
                    .iter()
                    .zip(b)
                    .map(|(&a, &b)| i32::from(b) - i32::from(a))
                    .sum();
                palette::diverging(sum as f32 / (96 * channels) as f32, tokens.well)
            })
            .collect();
        let image = ColorImage::new([original.shape.width, original.shape.height], colours);
        self.difference
            .set(ctx, "difference", image, Filter::Pixels);
    }

    /// Shows a sheet of `side` pictures to a side; those that are not there yet stay empty.
    pub(crate) fn show_sheet(&mut self, ctx: &Context, side: usize, pictures: &[Option<Picture>]) {
        let Some(shape) = pictures.iter().flatten().map(|p| p.shape).next() else {
            return;
        };
        let width = side * shape.width;
        let size = [width, side * shape.height];
        let mut page = ColorImage::filled(size, Color32::TRANSPARENT);
        for (i, picture) in pictures.iter().enumerate() {
            let Some(picture) = picture.as_ref().filter(|p| p.shape == shape) else {
                continue;
            };
            let image = image_of(shape, &picture.pixels);
            for (y, line) in image.pixels.chunks(shape.width).enumerate() {
                let start = (i / side * shape.height + y) * width + i % side * shape.width;
                page.pixels[start..start + shape.width].copy_from_slice(line);
            }
        }
        self.sheet.set(ctx, "sheet", page, Filter::Smooth);
    }

    /// Shows a row of originals and a row of what the model makes of them.
    pub(crate) fn show_preview(
        &mut self,
        ctx: &Context,
        originals: &[Picture],
        reconstructions: &[Picture],
    ) {
        for (live, name, pictures) in [
            (&mut self.preview_originals, "preview originals", originals),
            (
                &mut self.preview_reconstructions,
                "preview reconstructions",
                reconstructions,
            ),
        ] {
            if let Some(image) = side_by_side(pictures) {
                live.set(ctx, name, image, Filter::Smooth);
            }
        }
    }
}

fn side_by_side(pictures: &[Picture]) -> Option<ColorImage> {
    const GAP: usize = 2;
    let shape = pictures.first()?.shape;
    let step = shape.width + GAP;
    let width = step * pictures.len() - GAP;
    let mut row = ColorImage::filled([width, shape.height], Color32::TRANSPARENT);
    for (i, picture) in pictures.iter().enumerate() {
        let image = image_of(picture.shape, &picture.pixels);
        for (y, line) in image.pixels.chunks(shape.width).enumerate() {
            let start = y * width + i * step;
            row.pixels[start..start + shape.width].copy_from_slice(line);
        }
    }
    Some(row)
}
