//! A set of pictures of one shape, with what is known about each.
//!
//! Invariants: every block but the last holds the same number of items; labels, factors, columns and names, where
//! there are any, have one entry per item; a label is below the number of label names; where there is a palette, every pixel
//! has one of its colours.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{Rgb, RgbImage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::mapped::Mapped;
use super::metadata::{self, Column};
use super::{ColumnValues, Palette};
use crate::error::{Error, Result};
use crate::files::Digest;

/// Height, width and channels (1 grey or 3 RGB) of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
}

impl ImageShape {
    /// The shape `height × width × channels`.
    #[must_use]
    pub const fn new(height: usize, width: usize, channels: usize) -> Self {
        Self {
            height,
            width,
            channels,
        }
    }

    /// Numbers per picture.
    #[must_use]
    pub const fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether a picture of this shape holds nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Display for ImageShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// One picture: `height × width × channels` bytes, row by row, channels interleaved, sRGB.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Picture {
    /// Its shape.
    pub shape: ImageShape,
    /// `shape.len()` bytes.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// The pictures of `shape` whose pixels lie one after the other.
    #[must_use]
    pub fn each_of(shape: ImageShape, pixels: &[u8]) -> Vec<Self> {
        let picture = |pixels: &[u8]| Self {
            shape,
            pixels: pixels.to_vec(),
        };
        pixels.chunks_exact(shape.len()).map(picture).collect()
    }

    /// Whether there are as many bytes as its shape says.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.pixels.len() == self.shape.len()
    }

    /// As RGB, each pixel drawn `scale` times as wide and high.
    #[must_use]
    pub fn to_rgb(&self, scale: u32) -> RgbImage {
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        RgbImage::from_fn(width as u32 * scale, height as u32 * scale, |x, y| {
            let at = ((y / scale) as usize * width + (x / scale) as usize) * channels;
            match self.pixels[at..at + channels] {
                [r, g, b] => Rgb([r, g, b]),
                _ => Rgb([self.pixels[at]; 3]),
            }
        })
    }
}

/// A class per item.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels {
    /// Class of each item, an index into `names`.
    pub values: Vec<u16>,
    /// What each class is called.
    pub names: Vec<String>,
}

/// A named number per item, such as the yaw of a generated head.
#[derive(Clone, PartialEq, Debug)]
pub struct Factor {
    /// What the number is, in sentence case.
    pub name: String,
    /// Smallest and largest value it can take.
    pub range: (f32, f32),
    /// Value of each item.
    pub values: Vec<f32>,
}

/// A file that could not be used, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// The file, or the member of an archive.
    pub file: PathBuf,
    /// Why it was left out.
    pub reason: String,
}

/// Where items stood in the source that they were read from, so that tables about all of it can be cut as they were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    /// The place of each item.
    pub(super) places: Vec<u32>,
    /// How many items the whole source has.
    pub(super) whole: u64,
}

/// Pixels that lie side by side.
#[derive(Clone, Debug)]
enum Block {
    Held(Arc<Vec<u8>>),
    /// In a file; pages come and go.
    Mapped(Arc<Mapped>),
}

impl Block {
    fn len(&self) -> usize {
        match self {
            Self::Held(pixels) => pixels.len(),
            Self::Mapped(map) => map.len(),
        }
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        match self {
            Self::Held(pixels) => &pixels[range],
            Self::Mapped(map) => map.bytes(range),
        }
    }
}

/// Items of one shape with optional labels, named factors, metadata columns and item names.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    shape: ImageShape,
    blocks: Vec<Block>,
    block_items: usize,
    len: usize,
    labels: Option<Labels>,
    factors: Vec<Factor>,
    columns: Vec<Column>,
    palette: Option<Arc<Palette>>,
    item_names: Vec<String>,
    skipped: Vec<Skipped>,
    origin: Option<Origin>,
    is_cut: bool,
}

impl Dataset {
    /// The numbers called `name`, one for each item: a factor's, or a column's.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Option<&[f32]> {
        if let Some(factor) = self.factors.iter().find(|f| f.name == name) {
            return Some(&factor.values);
        }
        let column = self.columns.iter().find(|c| c.name == name)?;
        match &column.values {
            ColumnValues::Number(values) => Some(values),
            ColumnValues::Category { .. } | ColumnValues::Text(_) => None,
        }
    }

    /// A set called `name` of the pictures in `pixels`, `[n, height, width, channels]`.
    ///
    /// # Errors
    /// When there is no item, or the length is not a multiple of the shape's.
    pub fn new(name: impl Into<String>, shape: ImageShape, pixels: Vec<u8>) -> Result<Self> {
        Self::of_block(name.into(), shape, Block::Held(Arc::new(pixels)))
    }

    /// The same for pictures in a file.
    pub(super) fn mapped(name: impl Into<String>, shape: ImageShape, map: Mapped) -> Result<Self> {
        Self::of_block(name.into(), shape, Block::Mapped(Arc::new(map)))
    }

    fn of_block(name: String, shape: ImageShape, pixels: Block) -> Result<Self> {
        if shape.is_empty() || !matches!(shape.channels, 1 | 3) {
            return Err(Error::usage(format!(
                "pictures of shape {shape} cannot be shown"
            )));
        }
        if pixels.len() == 0 {
            return Err(Error::usage("there is not a single picture in it"));
        }
        if !pixels.len().is_multiple_of(shape.len()) {
            return Err(Error::usage(format!(
                "{} bytes are not a whole number of {shape} pictures",
                pixels.len()
            )));
        }
        let len = pixels.len() / shape.len();
        Ok(Self {
            name,
            shape,
            blocks: vec![pixels],
            block_items: len,
            len,
            labels: None,
            factors: Vec::new(),
            columns: Vec::new(),
            palette: None,
            item_names: Vec::new(),
            skipped: Vec::new(),
            origin: None,
            is_cut: false,
        })
    }

    /// The same set with a class per item.
    ///
    /// # Errors
    /// When the count differs or a label has no name.
    pub fn with_labels(mut self, labels: Labels) -> Result<Self> {
        if labels.values.len() != self.len {
            return Err(Error::usage(format!(
                "{} labels for {} pictures",
                labels.values.len(),
                self.len
            )));
        }
        if let Some(bad) = labels
            .values
            .iter()
            .find(|&&v| usize::from(v) >= labels.names.len())
        {
            return Err(Error::usage(format!(
                "label {bad} of {} classes",
                labels.names.len()
            )));
        }
        self.labels = Some(labels);
        Ok(self)
    }

    /// The same set with one more named number per item.
    ///
    /// # Errors
    /// When the count differs.
    pub fn with_factor(mut self, factor: Factor) -> Result<Self> {
        if factor.values.len() != self.len {
            return Err(Error::usage(format!(
                "{} values of {} for {} pictures",
                factor.values.len(),
                factor.name,
                self.len
            )));
        }
        self.factors.push(factor);
        Ok(self)
    }

    /// The same set with one more column, in place of one of the same name. A column of categories called label or
    /// class gives the set its classes, too, where it has none.
    ///
    /// # Errors
    /// When the count differs.
    pub fn with_column(mut self, column: Column) -> Result<Self> {
        if column.len() != self.len {
            return Err(Error::usage(format!(
                "{} values of {} for {} pictures",
                column.len(),
                column.name,
                self.len
            )));
        }
        if self.labels.is_none()
            && let Some(labels) = column.as_labels()
        {
            self = self.with_labels(labels)?;
        }
        let same = |other: &Column| {
            metadata::normalised(&other.name) == metadata::normalised(&column.name)
        };
        match self.columns.iter().position(same) {
            Some(place) => self.columns[place] = column,
            None => self.columns.push(column),
        }
        Ok(self)
    }

    /// The same set with the columns of the CSV, TSV or JSON table at `path`.
    ///
    /// Rows go to items by a column called name, file, filename, filepath, path or item with their names (the whole
    /// one, the file's, or that without its ending), or item with their numbers from 0 where they have no names; else
    /// by order, when there are as many rows as items or as the whole source has. Items without a row have no values.
    ///
    /// # Errors
    /// `is_file` when the table is missing, malformed or does not fit, with the first offending row.
    pub fn with_metadata(self, path: impl AsRef<Path>) -> Result<Self> {
        metadata::apply(path.as_ref(), self)
    }

    /// The same set, known to be `origin`'s items, and whether there are others that it was cut from.
    pub(super) fn with_origin(mut self, origin: Option<Origin>, is_cut: bool) -> Self {
        self.origin = origin.filter(|origin| origin.places.len() == self.len);
        self.is_cut = is_cut;
        self
    }

    /// The same set, known to be in the colours of `palette` alone.
    ///
    /// # Errors
    /// When the pictures are grey, or a pixel has another colour.
    pub fn with_palette(mut self, palette: impl Into<Arc<Palette>>) -> Result<Self> {
        let palette = palette.into();
        if self.shape.channels != 3 {
            return Err(Error::usage(format!(
                "pictures of shape {} have no palette of colours",
                self.shape
            )));
        }
        let other = (0..self.len)
            .into_par_iter()
            .find_first(|&id| palette.indices(self.pixels(id)).is_none());
        if let Some(id) = other {
            return Err(Error::usage(format!(
                "picture {id} has a colour that is not among the {} of the palette",
                palette.colours().len()
            )));
        }
        self.palette = Some(palette);
        Ok(self)
    }

    /// The same set with a name per item.
    ///
    /// # Errors
    /// When the count differs.
    pub fn with_item_names(mut self, names: Vec<String>) -> Result<Self> {
        if names.len() != self.len {
            return Err(Error::usage(format!(
                "{} names for {} pictures",
                names.len(),
                self.len
            )));
        }
        self.item_names = names;
        Ok(self)
    }

    /// The same set with the list of files that were left out.
    #[must_use]
    pub fn with_skipped(mut self, skipped: Vec<Skipped>) -> Self {
        self.skipped = skipped;
        self
    }

    /// The same pictures under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// This set followed by `next`; the pixels of both are shared, not copied.
    ///
    /// # Errors
    /// When shape, block length, class names, factors, columns or palette differ.
    pub fn followed_by(&self, next: &Self) -> Result<Self> {
        let same_factors = self
            .factors
            .iter()
            .map(|f| &f.name)
            .eq(next.factors.iter().map(|f| &f.name));
        let same_classes =
            self.labels.as_ref().map(|l| &l.names) == next.labels.as_ref().map(|l| &l.names);
        let whole_blocks =
            self.len.is_multiple_of(self.block_items) && next.block_items <= self.block_items;
        let one_block = next.blocks.len() == 1 || next.block_items == self.block_items;
        let same_columns = self.columns.len() == next.columns.len()
            && self
                .columns
                .iter()
                .zip(&next.columns)
                .all(|(a, b)| a.continues(b));
        if self.shape != next.shape
            || !same_factors
            || !same_columns
            || !same_classes
            || self.palette != next.palette
            || !whole_blocks
            || !one_block
        {
            return Err(Error::usage(format!(
                "{} does not continue {}",
                next.name, self.name
            )));
        }
        let mut joined = self.clone();
        joined.blocks.extend(next.blocks.iter().cloned());
        joined.len += next.len;
        if let (Some(labels), Some(more)) = (&mut joined.labels, &next.labels) {
            labels.values.extend_from_slice(&more.values);
        }
        for (factor, more) in joined.factors.iter_mut().zip(&next.factors) {
            factor.values.extend_from_slice(&more.values);
        }
        for (column, more) in joined.columns.iter_mut().zip(&next.columns) {
            column.append(more);
        }
        joined.origin = None;
        joined.is_cut |= next.is_cut;
        joined.item_names.extend(next.item_names.iter().cloned());
        joined.skipped.extend(next.skipped.iter().cloned());
        Ok(joined)
    }

    /// A copy of the items at `ids`, in that order.
    ///
    /// # Errors
    /// When `ids` is empty.
    ///
    /// # Panics
    /// When an id is not below [`Self::len`].
    pub fn subset(&self, ids: &[usize]) -> Result<Self> {
        let mut pixels = Vec::with_capacity(ids.len() * self.shape.len());
        for &id in ids {
            pixels.extend_from_slice(self.pixels(id));
        }
        let mut part = Self::new(self.name.clone(), self.shape, pixels)?;
        part.labels = self.labels.as_ref().map(|labels| Labels {
            values: ids.iter().map(|&id| labels.values[id]).collect(),
            names: labels.names.clone(),
        });
        part.factors = self
            .factors
            .iter()
            .map(|f| Factor {
                name: f.name.clone(),
                range: f.range,
                values: ids.iter().map(|&id| f.values[id]).collect(),
            })
            .collect();
        let gathered = |column: &Column| column.gathered(ids.iter().map(|&id| Some(id)));
        part.columns = self.columns.iter().map(gathered).collect();
        part.origin = self.origin.as_ref().map(|origin| Origin {
            places: ids.iter().map(|&id| origin.places[id]).collect(),
            whole: origin.whole,
        });
        part.is_cut = true;
        part.palette.clone_from(&self.palette);
        if !self.item_names.is_empty() {
            part.item_names = ids.iter().map(|&id| self.item_names[id].clone()).collect();
        }
        part.skipped.clone_from(&self.skipped);
        Ok(part)
    }

    /// The first `count` items (all, when there are fewer).
    ///
    /// # Errors
    /// When `count` is zero.
    pub fn first(&self, count: usize) -> Result<Self> {
        if count >= self.len {
            return Ok(self.clone());
        }
        self.subset(&(0..count).collect::<Vec<_>>())
    }

    /// What the set is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of items, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The shape of every item.
    #[must_use]
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The bytes of item `id`.
    ///
    /// # Panics
    /// When `id` is not below [`Self::len`].
    #[must_use]
    pub fn pixels(&self, id: usize) -> &[u8] {
        let size = self.shape.len();
        let start = id % self.block_items * size;
        self.blocks[id / self.block_items].bytes(start..start + size)
    }

    /// The bytes of the items `range`, one after the other, for work that takes its time: of a mapped file they are read, so that a
    /// file that is cut meanwhile is an error.
    ///
    /// # Errors
    /// `is_file` when the file of mapped pixels was cut or cannot be read.
    ///
    /// # Panics
    /// When the range is not within the items.
    pub fn copied(&self, range: Range<usize>) -> Result<Vec<u8>> {
        let size = self.shape.len();
        let mut bytes = Vec::with_capacity(range.len() * size);
        let mut at = range.start;
        while at < range.end {
            let block = &self.blocks[at / self.block_items];
            let start = at % self.block_items * size;
            let end = (start + (range.end - at) * size).min(block.len());
            match block {
                Block::Held(pixels) => bytes.extend_from_slice(&pixels[start..end]),
                Block::Mapped(map) => bytes.extend(map.read(start..end)?),
            }
            at += (end - start) / size;
        }
        Ok(bytes)
    }

    /// Item `id` as a picture of its own.
    ///
    /// # Panics
    /// When `id` is not below [`Self::len`].
    #[must_use]
    pub fn picture(&self, id: usize) -> Picture {
        Picture {
            shape: self.shape,
            pixels: self.pixels(id).to_vec(),
        }
    }

    /// Runs of consecutive items that lie side by side in memory: the ids and their bytes.
    pub fn blocks(&self) -> impl Iterator<Item = (Range<usize>, &[u8])> {
        /// Of a file so many bytes are looked at together.
        const RUN: usize = 4 << 20;
        let size = self.shape.len();
        self.blocks.iter().enumerate().flat_map(move |(i, block)| {
            let (first, items) = (i * self.block_items, block.len() / size);
            let run = match block {
                Block::Held(_) => items,
                Block::Mapped(_) => (RUN / size).max(1),
            };
            (0..items).step_by(run.max(1)).map(move |start| {
                let end = (start + run).min(items);
                (
                    first + start..first + end,
                    block.bytes(start * size..end * size),
                )
            })
        })
    }

    /// Whether the pixels stay in their file and are fetched as they are looked at.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        let is_mapped = |block: &Block| matches!(block, Block::Mapped(_));
        self.blocks.iter().any(is_mapped)
    }

    /// Whether the file of mapped pixels is still what it was when it was opened: to be asked before a sweep over many.
    ///
    /// # Errors
    /// `is_file` when the file was cut or rewritten.
    pub fn check_unchanged(&self) -> Result<()> {
        self.blocks.iter().try_for_each(|block| match block {
            Block::Held(_) => Ok(()),
            Block::Mapped(map) => map.check(),
        })
    }

    /// Whether the file of mapped pixels is no longer where it was opened; its content stays as long as it is open.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let is_gone = |block: &Block| matches!(block, Block::Mapped(map) if map.is_gone());
        self.blocks.iter().any(is_gone)
    }

    /// Classes, where the data has them.
    #[must_use]
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// The name of item `id`'s class, where the data has classes.
    #[must_use]
    pub fn label_name(&self, id: usize) -> Option<&str> {
        let labels = self.labels.as_ref()?;
        Some(&labels.names[usize::from(*labels.values.get(id)?)])
    }

    /// Named numbers, where the data has them.
    #[must_use]
    pub fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// What else is known of each item: the columns of a table that lay with the data, and what its files told.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The colours that the pictures are limited to, where that is known; [`Palette::indices`] gives their numbers back.
    #[must_use]
    pub fn palette(&self) -> Option<&Palette> {
        self.palette.as_deref()
    }

    /// Where the items stood in their source, where that is known.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Whether the set is known to be a part of another.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The name of item `id`, where the data names its items.
    #[must_use]
    pub fn item_name(&self, id: usize) -> Option<&str> {
        self.item_names.get(id).map(String::as_str)
    }

    /// Files that were left out when the set was read.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Tells whether work on these data, left half-way, is still of the same: the digest of what is held. Of a file that is
    /// mapped, reading which takes long, it mixes its length, the time of its last change and a few of the pictures: whoever
    /// rewrites a file changes its length or its time.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> u64 {
        /// Pictures of a file that are looked at.
        const FEW: usize = 64;
        if !self.is_mapped() {
            return self.digest();
        }
        let mut digest = Digest::default();
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        for number in [self.len, height, width, channels] {
            digest.mix(number as u64);
        }
        for block in &self.blocks {
            if let Block::Mapped(map) = block {
                map.mix_state(&mut digest);
            }
        }
        for id in (0..self.len).step_by(self.len.div_ceil(FEW)) {
            digest.mix_bytes(self.pixels(id));
        }
        digest.value()
    }

    /// A digest of shape and pixels (64-bit FNV-1a over 8-byte words), to tell whether two runs saw the same data.
    #[must_use]
    pub fn digest(&self) -> u64 {
        const PRIME: u64 = 0x0100_0000_01b3;
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut mix = |word: u64| hash = (hash ^ word).wrapping_mul(PRIME).rotate_left(23);
        for n in [self.shape.height, self.shape.width, self.shape.channels] {
            mix(n as u64);
        }
        for id in 0..self.len {
            for word in self.pixels(id).chunks(8) {
                let mut bytes = [0; 8];
                bytes[..word.len()].copy_from_slice(word);
                mix(u64::from_le_bytes(bytes));
            }
        }
        hash
    }
}
