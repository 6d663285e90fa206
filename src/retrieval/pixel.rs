//! Exact Euclidean search over pixels, in whole numbers.
//!
//! Invariant: a squared distance is computed without rounding, for pictures of any size.

use std::ops::Range;

use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, dispatch};
use super::scan::{Nearest, Scan, Task};
use super::sketch::Sketches;
use super::{Neighbours, Space};
use crate::data::{Dataset, ImageShape};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Gallery bytes that are compared with a group of queries while they are in the cache.
const BLOCK_BYTES: usize = 1 << 18;

/// The `k` gallery items nearest to each picture of `queries`. With `left_out`, one gallery id per query, that item is not
/// among its neighbours: the way to search a set in itself.
///
/// # Errors
/// When the pictures differ in shape, `left_out` has not one entry per query, or `progress` was cancelled.
pub fn nearest_pixels(
    gallery: &Dataset,
    queries: &Dataset,
    k: usize,
    left_out: Option<&[u32]>,
    progress: &Progress,
) -> Result<Neighbours> {
    check_shapes(gallery.shape(), queries.shape())?;
    let task = Task::new(Space::Pixel, queries.len(), gallery.len(), k, left_out)?;
    if Sketches::pay_off(gallery, queries.len()) {
        task.run(&Sketches::new(gallery, queries, progress)?, progress)
    } else {
        task.run(
            &Pictures {
                gallery,
                query: |i| queries.pixels(i),
            },
            progress,
        )
    }
}

/// The `k` gallery items nearest to one picture, `picture`, of the gallery's shape, without the item `left_out`.
///
/// # Errors
/// When the picture has not the gallery's size, or `progress` was cancelled.
pub fn nearest_to_picture(
    gallery: &Dataset,
    picture: &[u8],
    k: usize,
    left_out: Option<u32>,
    progress: &Progress,
) -> Result<Neighbours> {
    if picture.len() != gallery.shape().len() {
        return Err(Error::usage(format!(
            "a picture of {} numbers cannot be compared with pictures of {}",
            picture.len(),
            gallery.shape()
        )));
    }
    let left_out = left_out.as_ref().map(std::slice::from_ref);
    let task = Task::new(Space::Pixel, 1, gallery.len(), k, left_out)?;
    task.run(
        &Pictures {
            gallery,
            query: |_| picture,
        },
        progress,
    )
}

fn check_shapes(gallery: ImageShape, queries: ImageShape) -> Result<()> {
    if gallery == queries {
        Ok(())
    } else {
        Err(Error::usage(format!(
            "pictures of {queries} cannot be compared with pictures of {gallery}"
        )))
    }
}

/// Every query against every item.
struct Pictures<'a, F> {
    gallery: &'a Dataset,
    query: F,
}

impl<'a, F: Fn(usize) -> &'a [u8] + Sync> Scan for Pictures<'a, F> {
    fn scan(&self, queries: Range<usize>, items: Range<usize>, nearest: &mut [Nearest]) {
        for (query, nearest) in queries.zip(nearest) {
            dispatch(OneQuery {
                gallery: self.gallery,
                query: (self.query)(query),
                items: items.clone(),
                nearest,
            });
        }
    }

    fn queries_at_once(&self) -> usize {
        32
    }

    fn items_at_once(&self) -> usize {
        (BLOCK_BYTES / self.gallery.shape().len()).max(1)
    }

    fn euclidean(&self, distance: u64) -> f32 {
        euclidean(distance)
    }
}

/// How pictures are compared, given ‖a − b‖² and what is known of each: whole numbers all, so nothing is rounded before the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Measure {
    /// Euclidean distance.
    Plain,
    /// One minus the cosine: ⟨a, b⟩ = (‖a‖² + ‖b‖² − ‖a − b‖²) / 2.
    Cosine,
    /// Euclidean distance less each mean: n ‖a − b‖² − (Σa − Σb)² is n times its square.
    Centred,
}

/// Sum and sum of squares of a picture's numbers.
pub(super) type Moments = (u64, u64);

pub(super) fn moments(pixels: &[u8]) -> Moments {
    let sum: u64 = pixels.iter().map(|&x| u64::from(x)).sum();
    let squares = pixels
        .iter()
        .map(|&x| u64::from(u16::from(x) * u16::from(x)));
    (sum, squares.sum())
}

impl Measure {
    /// A number that grows with the distance.
    #[inline(always)]
    pub(super) fn key(self, squared: u64, n: usize, a: Moments, b: Moments) -> u64 {
        match self {
            Self::Plain => squared,
            Self::Centred => n as u64 * squared - a.0.abs_diff(b.0).pow(2),
            Self::Cosine => {
                let twice = a.1 + b.1 - squared;
                let lengths = ((a.1 as f64) * (b.1 as f64)).sqrt();
                // The angle with nothing is right; two of nothing are alike.
                let cosine = match (a.1, b.1) {
                    (0, 0) => 1.0,
                    (0, _) | (_, 0) => 0.0,
                    _ => (twice as f64 / 2.0 / lengths).min(1.0),
                };
                (1.0 - cosine).to_bits()
            }
        }
    }

    /// The distance for such a number.
    pub(super) fn distance(self, key: u64, n: usize) -> f32 {
        match self {
            Self::Plain => euclidean(key),
            Self::Centred => (key as f64 / n as f64).sqrt() as f32,
            Self::Cosine => f64::from_bits(key) as f32,
        }
    }
}

/// Each item's key of distance from `query`, whose moments are `of_query`, on all cores.
pub(super) fn keys(
    gallery: &Dataset,
    moments: &[Moments],
    query: &[u8],
    of_query: Moments,
    measure: Measure,
) -> Vec<u64> {
    let mut keys = vec![0_u64; gallery.len()];
    let items = (BLOCK_BYTES / gallery.shape().len()).max(1);
    keys.par_chunks_mut(items)
        .enumerate()
        .for_each(|(block, keys)| {
            let first = block * items;
            dispatch(All {
                gallery,
                moments: moments.get(first..first + keys.len()).unwrap_or_default(),
                query,
                of_query,
                measure,
                first,
                keys,
            });
        });
    keys
}

struct All<'a> {
    gallery: &'a Dataset,
    /// Of these items; none are needed for the plain measure.
    moments: &'a [Moments],
    query: &'a [u8],
    of_query: Moments,
    measure: Measure,
    first: usize,
    keys: &'a mut [u64],
}

impl Kernel for All<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, lanes: L) {
        let n = self.query.len();
        for (i, key) in self.keys.iter_mut().enumerate() {
            let pixels = self.gallery.pixels(self.first + i);
            let squared = squared_distance(lanes, self.query, pixels);
            let of_item = self.moments.get(i).copied().unwrap_or_default();
            *key = self.measure.key(squared, n, self.of_query, of_item);
        }
    }
}

/// The same for many queries.
pub(super) struct Measured<'a> {
    pub(super) gallery: &'a Dataset,
    pub(super) moments: &'a [Moments],
    pub(super) queries: &'a Dataset,
    pub(super) of_queries: &'a [Moments],
    pub(super) measure: Measure,
}

impl Scan for Measured<'_> {
    fn scan(&self, queries: Range<usize>, items: Range<usize>, nearest: &mut [Nearest]) {
        let mut keys = vec![0; items.len()];
        for (query, nearest) in queries.zip(nearest) {
            dispatch(All {
                gallery: self.gallery,
                moments: &self.moments[items.clone()],
                query: self.queries.pixels(query),
                of_query: self.of_queries[query],
                measure: self.measure,
                first: items.start,
                keys: &mut keys,
            });
            nearest.offer_all(&keys, items.start);
        }
    }

    fn queries_at_once(&self) -> usize {
        32
    }

    fn items_at_once(&self) -> usize {
        (BLOCK_BYTES / self.gallery.shape().len()).max(1)
    }

    fn euclidean(&self, distance: u64) -> f32 {
        self.measure.distance(distance, self.gallery.shape().len())
    }
}

struct OneQuery<'a> {
    gallery: &'a Dataset,
    query: &'a [u8],
    items: Range<usize>,
    nearest: &'a mut Nearest,
}

impl Kernel for OneQuery<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, lanes: L) {
        let mut bound = self.nearest.bound();
        for id in self.items {
            let distance = squared_distance(lanes, self.query, self.gallery.pixels(id));
            if distance <= bound {
                self.nearest.offer(distance, id as u32);
                bound = self.nearest.bound();
            }
        }
    }
}

/// Sum of the squared differences of two pictures of the same length.
#[inline(always)]
pub(super) fn squared_distance<L: Lanes>(lanes: L, a: &[u8], b: &[u8]) -> u64 {
    // 16,384 · 255² fits 31 bits.
    const STRIP: usize = 1 << 14;
    let mut total = 0;
    for (a, b) in a.chunks(STRIP).zip(b.chunks(STRIP)) {
        total += u64::from(strip_distance(lanes, a, b));
    }
    total
}

#[inline(always)]
fn strip_distance<L: Lanes>(lanes: L, a: &[u8], b: &[u8]) -> u32 {
    let step = 2 * L::LANES;
    let mut sums = [lanes.zero(); 2];
    let (mut doubles_a, mut doubles_b) = (a.chunks_exact(2 * step), b.chunks_exact(2 * step));
    for (a, b) in doubles_a.by_ref().zip(doubles_b.by_ref()) {
        for (i, sum) in sums.iter_mut().enumerate() {
            let difference = lanes.sub(
                lanes.widen(&a[i * step..][..step]),
                lanes.widen(&b[i * step..][..step]),
            );
            *sum = lanes.multiply_add(*sum, difference, difference);
        }
    }
    let mut total = 0;
    for sum in sums {
        let mut buffer = [0; 16];
        lanes.store(sum, &mut buffer[..L::LANES]);
        for lane in buffer {
            total += lane;
        }
    }
    for (&a, &b) in doubles_a.remainder().iter().zip(doubles_b.remainder()) {
        total += (i32::from(a) - i32::from(b)).pow(2);
    }
    total as u32
}

/// The Euclidean distance for its square.
pub(super) fn euclidean(squared: u64) -> f32 {
    (squared as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::super::lanes::on_every_kind;
    use super::*;

    #[derive(Clone, Copy)]
    struct Distance<'a>(&'a [u8], &'a [u8]);

    impl Kernel for Distance<'_> {
        type Output = u64;

        fn run<L: Lanes, const Q: usize>(self, lanes: L) -> u64 {
            squared_distance(lanes, self.0, self.1)
        }
    }

    #[test]
    fn distances_are_exact_at_every_length_on_every_processor() {
        for length in 0..300 {
            let a: Vec<u8> = (0..length).map(|i| (i * 37 % 256) as u8).collect();
            let b: Vec<u8> = (0..length).map(|i| (i * i * 11 % 256) as u8).collect();
            let expected: u64 = a
                .iter()
                .zip(&b)
                .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
                .sum();
            for distance in on_every_kind(Distance(&a, &b)) {
                assert_eq!(distance, expected, "{length}");
            }
        }
    }

    #[test]
    fn large_pictures_do_not_overflow() {
        let length = 300 * 300 * 3;
        let (black, white) = (vec![0; length], vec![255; length]);
        for distance in on_every_kind(Distance(&black, &white)) {
            assert_eq!(distance, length as u64 * 255 * 255);
        }
    }

    #[test]
    fn other_shapes_are_refused() -> Result<()> {
        let set = |shape: ImageShape| Dataset::new("", shape, vec![0; shape.len()]);
        let (square, tall) = (
            set(ImageShape::new(2, 2, 1))?,
            set(ImageShape::new(4, 1, 1))?,
        );
        let silent = Progress::silent();
        assert!(nearest_pixels(&square, &tall, 1, None, &silent).is_err());
        assert!(nearest_to_picture(&square, &[0; 3], 1, None, &silent).is_err());
        assert!(nearest_to_picture(&square, &[0; 4], 1, None, &silent).is_ok());
        Ok(())
    }

    #[test]
    fn a_cancelled_search_ends() -> Result<()> {
        let set = Dataset::new("", ImageShape::new(2, 2, 1), vec![0; 4])?;
        let progress = Progress::silent();
        progress.cancel();
        let ended = nearest_pixels(&set, &set, 1, None, &progress);
        assert!(ended.is_err_and(|error| error.is_cancelled()));
        Ok(())
    }
}
