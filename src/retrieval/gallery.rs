//! A set of items made ready to be searched in one space.
//!
//! Invariant: one query and many, the nearest and all distances agree to the bit.

use std::sync::Arc;

use rayon::prelude::*;

use super::approximate::{ApproximateIndex, Rows, Wanted};
use super::bits::{BitTable, differing, nearest_bits};
use super::pixel::{Measure, Measured, Moments, moments};
use super::posterior::{Pairs, Posteriors};
use super::rotation::Rotation;
use super::scan::Task;
use super::{Neighbours, Space, code, nearest_codes, nearest_pixels, pixel};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::{CodeTable, Projection};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Pictures that principal components are found from.
const SAMPLE: usize = 4096;
/// Pictures that are projected at a time.
const BLOCK: usize = 256;

/// What a model makes of a set of items.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Posterior means.
    pub codes: Arc<CodeTable>,
    /// Logarithms of the posteriors' variances, `[n, d]` row by row; empty where the model has none.
    pub log_variance: Arc<Vec<f32>>,
    /// Whether the codes are binary, 0 or 1 each.
    pub is_binary: bool,
}

/// What is looked for: a picture, with what the model makes of it where there is one.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Probe {
    /// Its pixels.
    pub pixels: Vec<u8>,
    /// Its code; empty without a model.
    pub code: Vec<f32>,
    /// The logarithms of its posterior's variances; may be empty.
    pub log_variance: Vec<f32>,
}

/// Many queries at once.
#[derive(Clone, Copy, Debug)]
pub struct Queries<'a> {
    /// Their pictures.
    pub pictures: &'a Dataset,
    /// Their codes, `[n, d]` row by row; empty without a model.
    pub codes: &'a [f32],
    /// The logarithms of their posteriors' variances; may be empty.
    pub log_variance: &'a [f32],
}

/// Items made ready for one space.
#[derive(Debug)]
pub struct Gallery {
    space: Space,
    data: Arc<Dataset>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Pixels {
        measure: Measure,
        moments: Vec<Moments>,
    },
    /// Vectors with the Euclidean distance, and how a query becomes one.
    Vectors {
        table: Arc<CodeTable>,
        turn: Turn,
    },
    Posteriors(Posteriors),
    Bits {
        table: BitTable,
        turn: Binary,
    },
}

/// How a code or a picture becomes a vector.
#[derive(Debug)]
enum Turn {
    Same,
    /// To unit length.
    Unit,
    /// Each number times this.
    Scaled(Vec<f32>),
    /// Pixels along these axes.
    Axes(Box<Projection>),
    /// Pixels times this matrix, `[d, pixels]`.
    Random(Vec<f32>),
}

/// How a code becomes bits.
#[derive(Debug)]
enum Binary {
    Above(Vec<f32>),
    Rotated(Box<Rotation>),
}

impl Gallery {
    /// Makes `data` ready for `space`. Spaces of codes need what a model made of the same items, in `encoded`, or of the first of
    /// them: then these are searched. `seed` is that of random axes and rotations.
    ///
    /// # Errors
    /// When the space needs codes and there are none, or they are not those of these items; `is_cancelled`.
    pub fn new(
        space: Space,
        data: &Arc<Dataset>,
        encoded: Option<&Encoded>,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        progress.update(0, 1)?;
        let of_pixels = |measure| {
            let moments = if measure == Measure::Plain {
                Vec::new()
            } else {
                (0..data.len())
                    .into_par_iter()
                    .map(|id| moments(data.pixels(id)))
                    .collect()
            };
            Content::Pixels { measure, moments }
        };
        let encoded = || -> Result<&Encoded> {
            let encoded = encoded.ok_or_else(|| {
                Error::usage(format!("the space {space} needs a model")).hint("open or name one")
            })?;
            if encoded.codes.len() <= data.len() {
                Ok(encoded)
            } else {
                Err(Error::usage(format!(
                    "there are codes of {} items, but {} items",
                    encoded.codes.len(),
                    data.len()
                )))
            }
        };
        let content = match space {
            Space::Pixel => of_pixels(Measure::Plain),
            Space::PixelCosine => of_pixels(Measure::Cosine),
            Space::PixelCentred => of_pixels(Measure::Centred),
            Space::Code => Content::Vectors {
                table: encoded()?.codes.clone(),
                turn: Turn::Same,
            },
            Space::CodeCosine => turned(&encoded()?.codes, Turn::Unit)?,
            Space::CodeScaled => {
                let codes = &encoded()?.codes;
                let inverse = |&std: &f32| if std > 0.0 { 1.0 / std } else { 0.0 };
                turned(
                    codes,
                    Turn::Scaled(codes.std().iter().map(inverse).collect()),
                )?
            }
            Space::CodeKl => {
                let encoded = encoded()?;
                if encoded.log_variance.len() != encoded.codes.codes().len() {
                    return Err(Error::model("this model has no posterior, only codes")
                        .hint("take another space of codes"));
                }
                let table = encoded.codes.clone();
                Content::Posteriors(Posteriors::of_table(table, &encoded.log_variance))
            }
            Space::Bits => {
                let encoded = encoded()?;
                let thresholds = if encoded.is_binary {
                    vec![0.5; encoded.codes.dims()]
                } else {
                    medians(&encoded.codes)
                };
                Content::Bits {
                    table: BitTable::above(encoded.codes.codes(), &thresholds)?,
                    turn: Binary::Above(thresholds),
                }
            }
            Space::RotatedBits => {
                let codes = &encoded()?.codes;
                let rotation = Rotation::fit(codes.codes(), codes.dims(), seed, progress)?;
                Content::Bits {
                    table: rotation.bits(codes.codes())?,
                    turn: Binary::Rotated(Box::new(rotation)),
                }
            }
            Space::Components => {
                let axes = components(data, encoded()?.codes.dims())?;
                of_pictures(data, Turn::Axes(Box::new(axes)), progress)?
            }
            Space::Random => {
                let (d, pixels) = (encoded()?.codes.dims(), data.shape().len());
                let mut chance = ChaCha8Rng::seed_from_u64(seed);
                // Of unit expected length, so that distances are those of pixels on average.
                let scale = 1.0 / (d as f32).sqrt();
                let number = |_| {
                    scale * {
                        let x: f32 = StandardNormal.sample(&mut chance);
                        x
                    }
                };
                let matrix = (0..d * pixels).map(number).collect();
                of_pictures(data, Turn::Random(matrix), progress)?
            }
        };
        Ok(Self {
            space,
            data: data.clone(),
            content,
        })
    }

    /// Where it measures.
    #[must_use]
    pub fn space(&self) -> Space {
        self.space
    }

    /// Number of items that are searched.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "sets and tables are never empty"
    )]
    pub fn len(&self) -> usize {
        match &self.content {
            Content::Pixels { .. } => self.data.len(),
            Content::Vectors { table, .. } => table.len(),
            Content::Posteriors(posteriors) => posteriors.len(),
            Content::Bits { table, .. } => table.len(),
        }
    }

    /// The distances of all items from one query.
    ///
    /// # Errors
    /// When the query is of another size than the items, lacks what the space measures, or is not finite.
    pub fn distances(&self, probe: &Probe) -> Result<Distances> {
        let keys = match &self.content {
            Content::Pixels { measure, moments } => {
                self.check_pixels(&probe.pixels)?;
                let own = pixel::moments(&probe.pixels);
                pixel::keys(&self.data, moments, &probe.pixels, own, *measure)
            }
            Content::Vectors { table, turn } => {
                let vector =
                    self.vectors(turn, std::slice::from_ref(&&probe.pixels[..]), &probe.code)?;
                code::keys(table, &vector)
            }
            Content::Posteriors(posteriors) => {
                let query = self.posteriors(&probe.code, &probe.log_variance)?;
                posteriors.keys(&query, 0)
            }
            Content::Bits { table, turn } => {
                differing(table, self.bits(turn, &probe.code)?.code(0))
            }
        };
        Ok(Distances {
            keys,
            measure: self.measure(),
        })
    }

    /// The `k` items nearest to each query. With `left_out`, one item per query, that one is not among its neighbours.
    ///
    /// # Errors
    /// As [`Self::distances`], and `is_cancelled`.
    pub fn nearest(
        &self,
        queries: Queries<'_>,
        k: usize,
        left_out: Option<&[u32]>,
        progress: &Progress,
    ) -> Result<Neighbours> {
        let n = queries.pictures.len();
        let mut found = match &self.content {
            Content::Pixels {
                measure: Measure::Plain,
                ..
            } => nearest_pixels(&self.data, queries.pictures, k, left_out, progress)?,
            Content::Pixels { measure, moments } => {
                if n > 0 {
                    self.check_pixels(queries.pictures.pixels(0))?;
                }
                let of_queries: Vec<Moments> = (0..n)
                    .into_par_iter()
                    .map(|i| pixel::moments(queries.pictures.pixels(i)))
                    .collect();
                let task = Task::new(self.space, n, self.len(), k, left_out)?;
                let scan = Measured {
                    gallery: &self.data,
                    moments,
                    queries: queries.pictures,
                    of_queries: &of_queries,
                    measure: *measure,
                };
                task.run(&scan, progress)?
            }
            Content::Vectors { table, turn } => {
                let pictures: Vec<&[u8]> = (0..n).map(|i| queries.pictures.pixels(i)).collect();
                let vectors = self.vectors(turn, &pictures, queries.codes)?;
                nearest_codes(table, &vectors, k, left_out, progress)?
            }
            Content::Posteriors(gallery) => {
                let queries = self.posteriors(queries.codes, queries.log_variance)?;
                let task = Task::new(self.space, queries.len(), self.len(), k, left_out)?;
                task.run(
                    &Pairs {
                        gallery,
                        queries: &queries,
                    },
                    progress,
                )?
            }
            Content::Bits { table, turn } => {
                let bits = self.bits(turn, queries.codes)?;
                nearest_bits(table, &bits, k, left_out, self.space, progress)?
            }
        };
        if self.space == Space::CodeCosine {
            for distance in &mut found.distances {
                *distance = cosine(*distance);
            }
        }
        found.space = self.space;
        Ok(found)
    }

    /// What an approximate index of this gallery is built of; `None` where the space has neither vectors nor bits.
    #[must_use]
    pub fn rows(&self) -> Option<Rows<'_>> {
        match &self.content {
            Content::Vectors { table, .. } => Some(Rows::Vectors(table)),
            Content::Bits { table, .. } => Some(Rows::Bits(table)),
            Content::Pixels { .. } | Content::Posteriors(_) => None,
        }
    }

    /// The same by `index`, which was built of [`Self::rows`]: most of the nearest items, with their exact distances.
    ///
    /// # Errors
    /// As [`Self::nearest`], and where the space has no rows to index.
    pub fn nearest_by(
        &self,
        index: &ApproximateIndex,
        queries: Queries<'_>,
        k: usize,
        left_out: Option<&[u32]>,
        progress: &Progress,
    ) -> Result<Neighbours> {
        let mut found = match &self.content {
            Content::Vectors { table, turn } => {
                let n = queries.pictures.len();
                let pictures: Vec<&[u8]> = (0..n).map(|i| queries.pictures.pixels(i)).collect();
                let vectors = self.vectors(turn, &pictures, queries.codes)?;
                let wanted = Wanted::Vectors(&vectors);
                index.nearest(Rows::Vectors(table), wanted, k, left_out, progress)?
            }
            Content::Bits { table, turn } => {
                let bits = self.bits(turn, queries.codes)?;
                index.nearest(
                    Rows::Bits(table),
                    Wanted::Bits(&bits),
                    k,
                    left_out,
                    progress,
                )?
            }
            Content::Pixels { .. } | Content::Posteriors(_) => {
                return Err(Error::usage(format!(
                    "the space {} has no approximate index",
                    self.space
                )));
            }
        };
        if self.space == Space::CodeCosine {
            for distance in &mut found.distances {
                *distance = cosine(*distance);
            }
        }
        Ok(found)
    }

    /// The `k` items nearest to one query by `index`, as [`Self::nearest_by`] finds them.
    ///
    /// # Errors
    /// As [`Self::nearest_by`].
    pub fn nearest_to_by(
        &self,
        index: &ApproximateIndex,
        probe: &Probe,
        k: usize,
        left_out: Option<u32>,
    ) -> Result<Neighbours> {
        self.check_pixels(&probe.pixels)?;
        let picture = Dataset::new("query", self.data.shape(), probe.pixels.clone())?;
        let queries = Queries {
            pictures: &picture,
            codes: &probe.code,
            log_variance: &probe.log_variance,
        };
        let left_out = left_out.map(|id| [id]);
        let left_out = left_out.as_ref().map(<[u32; 1]>::as_slice);
        self.nearest_by(index, queries, k, left_out, &Progress::silent())
    }

    /// The items' vectors, where the space is one of vectors: codes themselves for [`Space::Code`].
    #[must_use]
    pub fn table(&self) -> Option<&Arc<CodeTable>> {
        match &self.content {
            Content::Vectors { table, .. } => Some(table),
            _ => None,
        }
    }

    /// The items' bits, where the space is one of bits.
    #[must_use]
    pub fn bit_table(&self) -> Option<&BitTable> {
        match &self.content {
            Content::Bits { table, .. } => Some(table),
            _ => None,
        }
    }

    /// The bits of `codes`, `[n, d]` row by row, as those of the items are made.
    ///
    /// # Errors
    /// When the space is not one of bits, or the codes are not finite or of another size.
    pub fn bits_of(&self, codes: &[f32]) -> Result<BitTable> {
        match &self.content {
            Content::Bits { turn, .. } => self.bits(turn, codes),
            _ => Err(Error::usage(format!(
                "the space {} has no bits",
                self.space
            ))),
        }
    }

    fn measure(&self) -> Kind {
        match &self.content {
            Content::Pixels { measure, .. } => Kind::Pixels(*measure, self.data.shape().len()),
            Content::Vectors { .. } if self.space == Space::CodeCosine => Kind::Unit,
            Content::Vectors { .. } => Kind::Squared,
            Content::Posteriors(_) => Kind::Plain,
            Content::Bits { .. } => Kind::Count,
        }
    }

    fn check_pixels(&self, pixels: &[u8]) -> Result<()> {
        if pixels.len() == self.data.shape().len() {
            return Ok(());
        }
        Err(Error::usage(format!(
            "a picture of {} numbers cannot be compared with pictures of {}",
            pixels.len(),
            self.data.shape()
        )))
    }

    fn check_codes(&self, codes: &[f32], d: usize) -> Result<()> {
        if codes.is_empty() || !codes.len().is_multiple_of(d) {
            return Err(Error::usage(format!(
                "the space {} looks for codes of {d} numbers, not of {}",
                self.space,
                codes.len()
            )));
        }
        if codes.iter().any(|x| !x.is_finite()) {
            return Err(Error::model("the code of a query is not finite"));
        }
        Ok(())
    }

    fn vectors(&self, turn: &Turn, pictures: &[&[u8]], codes: &[f32]) -> Result<Vec<f32>> {
        if matches!(turn, Turn::Axes(_) | Turn::Random(_)) {
            for pixels in pictures {
                self.check_pixels(pixels)?;
            }
            return Ok(project(turn, pictures));
        }
        let d = self.table().map_or(1, |table| table.dims());
        self.check_codes(codes, d)?;
        let mut codes = codes.to_vec();
        turn.apply(&mut codes, d);
        Ok(codes)
    }

    fn posteriors(&self, codes: &[f32], log_variance: &[f32]) -> Result<Posteriors> {
        let Content::Posteriors(gallery) = &self.content else {
            return Err(Error::usage("this space has no posteriors"));
        };
        self.check_codes(codes, gallery.dims())?;
        if log_variance.len() != codes.len() {
            return Err(Error::usage("the query has a code but no posterior")
                .hint("take another space of codes"));
        }
        Ok(Posteriors::of_rows(
            codes.to_vec(),
            log_variance,
            gallery.dims(),
        ))
    }

    fn bits(&self, turn: &Binary, codes: &[f32]) -> Result<BitTable> {
        match turn {
            Binary::Above(thresholds) => {
                self.check_codes(codes, thresholds.len())?;
                BitTable::above(codes, thresholds)
            }
            Binary::Rotated(rotation) => {
                self.check_codes(codes, rotation.dims())?;
                rotation.bits(codes)
            }
        }
    }
}

impl Turn {
    fn apply(&self, codes: &mut [f32], d: usize) {
        match self {
            Self::Same | Self::Axes(_) | Self::Random(_) => {}
            Self::Unit => {
                for code in codes.chunks_exact_mut(d) {
                    let squares = code.iter().map(|&x| f64::from(x) * f64::from(x));
                    let length = squares.sum::<f64>().sqrt();
                    if length > 0.0 {
                        for x in code {
                            *x = (f64::from(*x) / length) as f32;
                        }
                    }
                }
            }
            Self::Scaled(scale) => {
                for code in codes.chunks_exact_mut(d) {
                    for (x, scale) in code.iter_mut().zip(scale) {
                        *x *= scale;
                    }
                }
            }
        }
    }
}

/// A table of codes in which each is turned.
fn turned(codes: &CodeTable, turn: Turn) -> Result<Content> {
    let d = codes.dims();
    let mut rows = codes.codes().to_vec();
    rows.par_chunks_mut(BLOCK * d)
        .for_each(|rows| turn.apply(rows, d));
    Ok(Content::Vectors {
        table: Arc::new(CodeTable::new(rows, d, vec![0.0; d])?),
        turn,
    })
}

/// A table of pictures along axes.
fn of_pictures(data: &Dataset, turn: Turn, progress: &Progress) -> Result<Content> {
    let mut rows = Vec::new();
    let blocks = data.len().div_ceil(BLOCK);
    let at_once = rayon::current_num_threads();
    for block in (0..blocks).step_by(at_once) {
        progress.update(block, blocks)?;
        let parts: Vec<Vec<f32>> = (block..(block + at_once).min(blocks))
            .into_par_iter()
            .map(|block| {
                let range = block * BLOCK..((block + 1) * BLOCK).min(data.len());
                let pictures: Vec<&[u8]> = range.map(|id| data.pixels(id)).collect();
                project(&turn, &pictures)
            })
            .collect();
        rows.extend(parts.into_iter().flatten());
    }
    let d = (rows.len() / data.len()).max(1);
    Ok(Content::Vectors {
        table: Arc::new(CodeTable::new(rows, d, vec![0.0; d])?),
        turn,
    })
}

fn project(turn: &Turn, pictures: &[&[u8]]) -> Vec<f32> {
    let rows: Vec<f32> = pictures
        .iter()
        .flat_map(|p| p.iter().map(|&x| f32::from(x)))
        .collect();
    match turn {
        Turn::Axes(axes) => axes.coordinates_of_rows(&rows),
        Turn::Random(matrix) => {
            let pixels = pictures.first().map_or(1, |p| p.len());
            rows.chunks_exact(pixels)
                .flat_map(|row| matrix.chunks_exact(pixels).map(|axis| dot(axis, row)))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Eight partial sums, so that the compiler may use vectors.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (whole_a, rest_a) = a.as_chunks::<8>();
    let (whole_b, rest_b) = b.as_chunks::<8>();
    let mut parts = [0.0_f32; 8];
    for (a, b) in whole_a.iter().zip(whole_b) {
        for ((part, a), b) in parts.iter_mut().zip(a).zip(b) {
            *part += a * b;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    parts.iter().sum::<f32>() + rest
}

/// As many principal components of pictures as a code has numbers; of many pictures every so many are looked at.
fn components(data: &Dataset, d: usize) -> Result<Projection> {
    let step = data.len().div_ceil(SAMPLE).max(1);
    let rows = data.len().div_ceil(step);
    let pixels = data.shape().len();
    let fill = |i: usize, row: &mut [f32]| {
        for (x, &pixel) in row.iter_mut().zip(data.pixels(i * step)) {
            *x = f32::from(pixel);
        }
    };
    Projection::fit(rows, pixels, d.min(rows).min(pixels), &fill)
}

/// The median of each number of the codes.
fn medians(codes: &CodeTable) -> Vec<f32> {
    let d = codes.dims();
    (0..d)
        .into_par_iter()
        .map(|dim| {
            let mut column: Vec<f32> = codes.codes()[dim..].iter().step_by(d).copied().collect();
            let middle = column.len() / 2;
            *column.select_nth_unstable_by(middle, f32::total_cmp).1
        })
        .collect()
}

/// One minus the cosine for the distance between unit vectors.
fn cosine(distance: f32) -> f32 {
    distance * distance / 2.0
}

/// What a key stands for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Pixels(Measure, usize),
    Squared,
    Unit,
    Plain,
    Count,
}

/// The distances of all items from one query, comparable without rounding.
#[derive(Clone, Debug)]
pub struct Distances {
    keys: Vec<u64>,
    measure: Kind,
}

impl Distances {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The distance of item `id`.
    ///
    /// # Panics
    /// When there is no such item.
    #[must_use]
    pub fn distance(&self, id: usize) -> f32 {
        let key = self.keys[id];
        let single = f32::from_bits(key as u32);
        match self.measure {
            Kind::Pixels(measure, n) => measure.distance(key, n),
            Kind::Squared => single.sqrt(),
            Kind::Unit => single / 2.0,
            Kind::Plain => single,
            Kind::Count => key as f32,
        }
    }

    /// The `k` nearest items with their distances, nearest first and the lower id first among equals, without `left_out`.
    #[must_use]
    pub fn nearest(&self, k: usize, left_out: Option<u32>) -> Vec<(u32, f32)> {
        let mut best: Vec<(u64, u32)> = Vec::with_capacity(k + 1);
        for (&key, id) in self.keys.iter().zip(0_u32..) {
            let is_near = best.len() < k || best.last().is_some_and(|last| (key, id) < *last);
            if is_near && Some(id) != left_out {
                let at = best.partition_point(|other| *other < (key, id));
                best.insert(at, (key, id));
                best.truncate(k);
            }
        }
        best.into_iter()
            .map(|(_, id)| (id, self.distance(id as usize)))
            .collect()
    }

    /// How many items, without `left_out`, come before each of `ids`: 0 is the nearest.
    #[must_use]
    pub fn ranks(&self, ids: &[u32], left_out: Option<u32>) -> Vec<usize> {
        let mut wanted: Vec<(u64, u32, usize)> = ids
            .iter()
            .enumerate()
            .filter_map(|(at, &id)| Some((*self.keys.get(id as usize)?, id, at)))
            .collect();
        wanted.sort_unstable();
        // Items between one wanted item and the next, summed up afterwards.
        let mut between = vec![0_usize; wanted.len() + 1];
        let last = wanted.last().map_or(0, |w| w.0);
        for (&key, id) in self.keys.iter().zip(0_u32..) {
            if key <= last && Some(id) != left_out {
                let after = wanted.partition_point(|&(k, i, _)| (k, i) <= (key, id));
                between[after] += 1;
            }
        }
        let mut ranks = vec![self.keys.len(); ids.len()];
        let mut before = 0;
        for (slot, (key, id, at)) in wanted.into_iter().enumerate() {
            before += between[slot];
            let _ = (key, id);
            ranks[at] = before;
        }
        ranks
    }
}
