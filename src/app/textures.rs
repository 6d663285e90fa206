//! Pictures on the graphics card: the live ones, and a bounded cache of items.
//!
//! Invariant: a texture shows the newest picture it was given; items of another session are never shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use eframe::egui::{Color32, ColorImage, Context, TextureFilter, TextureHandle, TextureOptions};

use super::palette;
use super::theme::Tokens;
use super::view::MOST_FLIPS;
use crate::data::{Dataset, ImageShape, Picture};
use crate::model::Memorised;
use crate::render::upscale;

/// Items whose textures are kept at most: more than a screen is asked to show at once.
/// Units of a layer that are shown abreast.
const FILTERS_ABREAST: usize = 8;

const CACHED_ITEMS: usize = 2048;
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

/// A texture of a picture that is no item.
pub(crate) fn load(ctx: &Context, name: &str, picture: &Picture) -> TextureHandle {
    let image = image_of(picture.shape, &picture.pixels);
    ctx.load_texture(name, image, options(Filter::Pixels))
}

/// What was made for a few of many ids; what was asked for longest ago makes room.
struct Recent<T> {
    /// With the time of its last use.
    kept: HashMap<usize, (T, u64)>,
    /// The ids by the time of their last use.
    by_use: BTreeMap<u64, usize>,
    /// Grows with every use.
    clock: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            kept: HashMap::new(),
            by_use: BTreeMap::new(),
            clock: 0,
        }
    }
}

impl<T> Recent<T> {
    /// What is kept for `id`, made where it is not, among `most` at most.
    fn get_or_make(&mut self, id: usize, most: usize, make: impl FnOnce() -> T) -> &T {
        self.clock += 1;
        let now = self.clock;
        let last = self.kept.get(&id).map(|(_, last)| *last);
        match last {
            Some(last) => {
                self.by_use.remove(&last);
            }
            None => {
                while self.kept.len() >= most.max(1) {
                    let Some((_, oldest)) = self.by_use.pop_first() else {
                        break;
                    };
                    self.kept.remove(&oldest);
                }
            }
        }
        self.by_use.insert(now, id);
        let kept = self.kept.entry(id).or_insert_with(|| (make(), now));
        kept.1 = now;
        &kept.0
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
    /// What the retrieval panel looks for, where it is none of the items.
    pub query: Live,
    /// The picture of which single pixels are changed, and of each case the changed one and what the model makes of it.
    pub pixel_base: Live,
    pub pixel_cases: [[Live; 2]; MOST_FLIPS],
    pub preview_originals: Live,
    pub preview_reconstructions: Live,
    pub preview_filters: Live,
    items: Recent<TextureHandle>,
    items_of: Option<(u64, Filter)>,
    /// A model's pictures beside which training items are shown, by their kind and place.
    copies: HashMap<(bool, usize), TextureHandle>,
    copies_of: Option<(Arc<Memorised>, Filter)>,
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
        if self.items_of != Some((session, filter)) {
            self.items = Recent::default();
            self.items_of = Some((session, filter));
        }
        let texture = self.items.get_or_make(id, CACHED_ITEMS, || {
            let image = image_of(dataset.shape(), dataset.pixels(id));
            ctx.load_texture(format!("item {id}"), image, options(filter))
        });
        texture.clone()
    }

    /// A model's picture beside which training items are shown: of the samples, or of the reconstructions, the one at `place`.
    pub(crate) fn copy(
        &mut self,
        ctx: &Context,
        found: &Arc<Memorised>,
        (is_sample, place): (bool, usize),
        filter: Filter,
    ) -> Option<TextureHandle> {
        let is_same =
            |(of, with): &(Arc<Memorised>, Filter)| Arc::ptr_eq(of, found) && *with == filter;
        if !self.copies_of.as_ref().is_some_and(is_same) {
            self.copies.clear();
            self.copies_of = Some((found.clone(), filter));
        }
        let copies = if is_sample {
            &found.samples
        } else {
            &found.reconstructions
        };
        let picture = copies.pictures.get(place)?;
        let texture = self.copies.entry((is_sample, place)).or_insert_with(|| {
            let image = image_of(picture.shape, &picture.pixels);
            ctx.load_texture("copy", image, options(filter))
        });
        Some(texture.clone())
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
        filters: &[Picture],
    ) {
        for (live, name, pictures) in [
            (&mut self.preview_originals, "preview originals", originals),
            (
                &mut self.preview_reconstructions,
                "preview reconstructions",
                reconstructions,
            ),
        ] {
            if let Some(image) = in_rows(pictures, pictures.len()) {
                live.set(ctx, name, image, Filter::Smooth);
            }
        }
        match in_rows(filters, FILTERS_ABREAST) {
            Some(image) => self
                .preview_filters
                .set(ctx, "preview filters", image, Filter::Pixels),
            None => self.preview_filters = Live::default(),
        }
    }
}

/// Pictures of one shape, so many abreast.
fn in_rows(pictures: &[Picture], abreast: usize) -> Option<ColorImage> {
    const GAP: usize = 2;
    let shape = pictures.first()?.shape;
    let step = [shape.width + GAP, shape.height + GAP];
    let columns = abreast.clamp(1, pictures.len());
    let size = [
        step[0] * columns - GAP,
        step[1] * pictures.len().div_ceil(columns) - GAP,
    ];
    let mut sheet = ColorImage::filled(size, Color32::TRANSPARENT);
    for (i, picture) in pictures.iter().enumerate() {
        let image = image_of(picture.shape, &picture.pixels);
        let (left, top) = (i % columns * step[0], i / columns * step[1]);
        for (y, line) in image.pixels.chunks(shape.width).enumerate() {
            let start = (top + y) * size[0] + left;
            sheet.pixels[start..start + shape.width].copy_from_slice(line);
        }
    }
    Some(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let mut recent = Recent::default();
        let mut made = Vec::new();
        for id in [1, 2, 3, 1, 4, 1, 3, 2] {
            let value = *recent.get_or_make(id, 3, || {
                made.push(id);
                id * 10
            });
            assert_eq!(value, id * 10);
            assert!(recent.kept.len() <= 3 && recent.by_use.len() == recent.kept.len());
        }
        // Four took the place of two, two that of four.
        assert_eq!(made, [1, 2, 3, 4, 2]);
    }
}
