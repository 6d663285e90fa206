//! Sketches: a few 16-bit numbers per picture whose distances never exceed those of the pixels by more than a known
//! rounding error, so that nearly all of the gallery is ruled out without looking at a pixel.
//!
//! A sketch is the picture's coordinates along leading principal axes of the gallery and, as one more coordinate, the
//! length of what those axes miss. With P the orthogonal projection on the axes, ‖x − y‖² = ‖Px − Py‖² + ‖(x − Px) − (y − Py)‖²,
//! and by the triangle inequality the second term is at least (‖x − Px‖ − ‖y − Py‖)². Invariant: an item is ruled out only if its
//! sketch alone proves it too far; what is left is compared pixel by pixel, so the search is exact for any axes.

use std::ops::Range;

use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, dispatch};
use super::pixel::{euclidean, squared_distance};
use super::scan::{Nearest, Scan};
use crate::data::Dataset;
use crate::error::Result;
use crate::progress::Progress;
use crate::space::Projection;

/// Numbers per sketch.
const DIMS: usize = 64;

/// Axes; the last number is the length of the rest.
const AXES: usize = DIMS - 1;

/// Gallery items whose sketches are interleaved.
const PANEL: usize = 32;

/// Gallery pictures from which the axes are found.
const SAMPLE: usize = 1024;

/// Pictures that are projected at a time.
const BLOCK: usize = 64;

/// The sketches of a gallery and of queries, with the pictures.
pub(super) struct Sketches<'a> {
    gallery: &'a Dataset,
    queries: &'a Dataset,
    /// For each panel, for each pair of dimensions, the pair of each of its items.
    panels: Vec<i16>,
    gallery_norms: Vec<u32>,
    rows: Vec<i16>,
    query_norms: Vec<u32>,
    /// Units of a sketch per unit of pixel distance.
    scale: f64,
    /// How much rounding can add to a sketch distance, in its units.
    slack: f64,
}

impl<'a> Sketches<'a> {
    /// Whether ruling out saves more time than making the sketches takes.
    pub(super) fn pay_off(gallery: &Dataset, queries: usize) -> bool {
        queries >= 512 && gallery.len() >= 4 * SAMPLE && gallery.shape().len() >= 4 * DIMS
    }

    /// Sketches of all pictures of both sets.
    pub(super) fn new(
        gallery: &'a Dataset,
        queries: &'a Dataset,
        progress: &Progress,
    ) -> Result<Self> {
        let basis = Basis::of(gallery)?;
        progress.update(0, 1)?;
        let (mut gallery_rows, gallery_norms) = basis.sketch(gallery, progress)?;
        let (rows, query_norms) = basis.sketch(queries, progress)?;
        gallery_rows.resize(gallery.len().next_multiple_of(PANEL) * DIMS, 0);
        Ok(Self {
            gallery,
            queries,
            panels: interleave(&gallery_rows),
            gallery_norms,
            rows,
            query_norms,
            scale: basis.scale,
            slack: basis.slack,
        })
    }

    /// The largest squared sketch distance that an item within `squared` of the query can have.
    fn limit(&self, squared: u64) -> u32 {
        if squared == u64::MAX {
            return u32::MAX;
        }
        ((squared as f64).sqrt() * self.scale + self.slack)
            .powi(2)
            .ceil() as u32
    }
}

impl Scan for Sketches<'_> {
    fn scan(&self, queries: Range<usize>, items: Range<usize>, nearest: &mut [Nearest]) {
        dispatch(Filter {
            sketches: self,
            queries,
            items,
            nearest,
        });
    }

    fn queries_at_once(&self) -> usize {
        480
    }

    fn items_at_once(&self) -> usize {
        16 * PANEL
    }

    fn euclidean(&self, distance: u64) -> f32 {
        euclidean(distance)
    }
}

struct Filter<'a> {
    sketches: &'a Sketches<'a>,
    queries: Range<usize>,
    items: Range<usize>,
    nearest: &'a mut [Nearest],
}

impl Kernel for Filter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const Q: usize>(self, lanes: L) {
        let s = self.sketches;
        let mut limits: Vec<u32> = self.nearest.iter().map(|n| s.limit(n.bound())).collect();
        for first in self.items.clone().step_by(PANEL) {
            let panel = &s.panels[first * DIMS..][..PANEL * DIMS];
            let ids = first..(first + PANEL).min(self.items.end);
            let mut norms = [0; PANEL];
            norms[..ids.len()].copy_from_slice(&s.gallery_norms[ids.clone()]);

            let mut query = self.queries.start;
            while query < self.queries.end {
                let tile = Q.min(self.queries.end - query);
                let mut rows: [&[i16]; Q] = [&[]; Q];
                for (i, row) in rows.iter_mut().enumerate() {
                    *row = &s.rows[(query + i.min(tile - 1)) * DIMS..][..DIMS];
                }
                let products = products::<L, Q>(lanes, panel, rows);
                for (i, products) in products.iter().enumerate().take(tile) {
                    let slot = query + i - self.queries.start;
                    let norm = s.query_norms[query + i];
                    // Products can wrap; distances fit 32 bits, so they come out right all the same.
                    let mut squared = [0_u32; PANEL];
                    let mut smallest = u32::MAX;
                    for ((squared, &product), item) in squared.iter_mut().zip(products).zip(norms) {
                        *squared = norm
                            .wrapping_add(item)
                            .wrapping_sub((product as u32).wrapping_mul(2));
                        smallest = smallest.min(*squared);
                    }
                    if smallest <= limits[slot] {
                        for (id, &bound) in ids.clone().zip(&squared) {
                            if bound <= limits[slot] {
                                let pixels = (s.queries.pixels(query + i), s.gallery.pixels(id));
                                let nearest = &mut self.nearest[slot];
                                nearest
                                    .offer(squared_distance(lanes, pixels.0, pixels.1), id as u32);
                                limits[slot] = s.limit(nearest.bound());
                            }
                        }
                    }
                }
                query += tile;
            }
        }
    }
}

/// Scalar products of `Q` sketches with the items of a panel, modulo 2³².
#[inline(always)]
fn products<L: Lanes, const Q: usize>(
    lanes: L,
    panel: &[i16],
    rows: [&[i16]; Q],
) -> [[i32; PANEL]; Q] {
    let mut out = [[0; PANEL]; Q];
    for start in (0..PANEL).step_by(2 * L::LANES) {
        let mut sums = [[lanes.zero(); 2]; Q];
        for pair in 0..DIMS / 2 {
            let items = &panel[2 * (pair * PANEL + start)..][..4 * L::LANES];
            let (low, high) = items.split_at(2 * L::LANES);
            let (low, high) = (lanes.load(low), lanes.load(high));
            for (sum, row) in sums.iter_mut().zip(&rows) {
                let query = lanes.splat([row[2 * pair], row[2 * pair + 1]]);
                *sum = [
                    lanes.multiply_add(sum[0], low, query),
                    lanes.multiply_add(sum[1], high, query),
                ];
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            lanes.store(sum[0], &mut out[start..start + L::LANES]);
            lanes.store(sum[1], &mut out[start + L::LANES..start + 2 * L::LANES]);
        }
    }
    out
}

/// Rows of sketches, a whole number of panels, regrouped as [`Sketches::panels`].
fn interleave(rows: &[i16]) -> Vec<i16> {
    let mut panels = vec![0; rows.len()];
    for (panel, rows) in panels
        .chunks_exact_mut(PANEL * DIMS)
        .zip(rows.chunks_exact(PANEL * DIMS))
    {
        for (item, row) in rows.chunks_exact(DIMS).enumerate() {
            for (pair, values) in row.chunks_exact(2).enumerate() {
                panel[2 * (pair * PANEL + item)..][..2].copy_from_slice(values);
            }
        }
    }
    panels
}

/// What pictures are projected on.
struct Basis {
    /// Centre in whole numbers, so that differences from it are exact.
    centre: Vec<u8>,
    /// Orthonormal, `[AXES, d]`; fewer when the sample has fewer.
    axes: Vec<f64>,
    scale: f64,
    slack: f64,
}

impl Basis {
    fn of(gallery: &Dataset) -> Result<Self> {
        let (n, d) = (gallery.len(), gallery.shape().len());
        let count = n.min(SAMPLE);
        let sampled = Projection::fit(count, d, AXES, &|i: usize, row: &mut [f32]| {
            for (value, &pixel) in row.iter_mut().zip(gallery.pixels(i * n / count)) {
                *value = f32::from(pixel);
            }
        })?;
        let centre: Vec<u8> = sampled.mean().iter().map(|m| m.round() as u8).collect();
        // No picture is farther from the centre than this, so no two are farther apart than twice as much: with the scale below
        // every number fits 16 bits and every squared distance 32, with 32 units of a distance left for rounding.
        let radius = centre
            .iter()
            .map(|&c| f64::from(c.max(255 - c)).powi(2))
            .sum::<f64>()
            .sqrt();
        let scale = f64::from(u16::MAX - 32) / (2.0 * radius);
        // Two roundings of at most half a unit in each dimension, and the relative error of summing `d` squares in doubles
        // (which a root turns into its square root where next to nothing is left of them), with room to spare.
        let rounding = (DIMS as f64).sqrt();
        let floats = 16.0 * scale * radius * (d as f64 * f64::EPSILON).sqrt();
        Ok(Self {
            centre,
            axes: orthonormal(sampled.axes(), d),
            scale,
            slack: rounding + floats,
        })
    }

    /// Sketches of all pictures, `[n, DIMS]`, and their squared lengths modulo 2³².
    fn sketch(&self, pictures: &Dataset, progress: &Progress) -> Result<(Vec<i16>, Vec<u32>)> {
        let d = self.centre.len();
        let count = self.axes.len() / d;
        let axes = MatRef::from_row_major_slice(&self.axes, count, d);
        let mut rows = vec![0_i16; pictures.len() * DIMS];
        rows.par_chunks_mut(BLOCK * DIMS)
            .enumerate()
            .try_for_each_init(
                || (vec![0.0_f64; BLOCK * d], vec![0.0_f64; BLOCK * count]),
                |(centred, coordinates), (block, rows)| {
                    if progress.is_cancelled() {
                        return progress.update(0, 1);
                    }
                    let height = rows.len() / DIMS;
                    let mut squares = [0.0; BLOCK];
                    for (i, (row, square)) in centred
                        .chunks_exact_mut(d)
                        .zip(&mut squares)
                        .enumerate()
                        .take(height)
                    {
                        let pixels = pictures.pixels(block * BLOCK + i);
                        let mut sum = 0_u64;
                        for ((value, &pixel), &centre) in
                            row.iter_mut().zip(pixels).zip(&self.centre)
                        {
                            let difference = i32::from(pixel) - i32::from(centre);
                            *value = f64::from(difference);
                            sum += (difference * difference) as u64;
                        }
                        *square = sum as f64;
                    }
                    faer::linalg::matmul::matmul(
                        MatMut::from_row_major_slice_mut(
                            &mut coordinates[..height * count],
                            height,
                            count,
                        ),
                        Accum::Replace,
                        MatRef::from_row_major_slice(&centred[..height * d], height, d),
                        axes.transpose(),
                        1.0,
                        Par::Seq,
                    );
                    for (i, (row, square)) in rows.chunks_exact_mut(DIMS).zip(squares).enumerate() {
                        let coordinates = &coordinates[i * count..][..count];
                        for (number, x) in row.iter_mut().zip(coordinates) {
                            *number = (x * self.scale).round() as i16;
                        }
                        let rest = square - coordinates.iter().map(|x| x * x).sum::<f64>();
                        row[AXES] = (rest.max(0.0).sqrt() * self.scale).round() as i16;
                    }
                    Ok(())
                },
            )?;
        let norms = rows.par_chunks_exact(DIMS).map(|row| {
            let squares = row.iter().map(|&x| (i32::from(x) * i32::from(x)) as u32);
            squares.fold(0_u32, u32::wrapping_add)
        });
        let norms = norms.collect();
        Ok((rows, norms))
    }
}

/// The directions of `axes`, `[_, d]`, made orthonormal in doubles (Gram-Schmidt, twice); those without one of their own
/// are left out.
fn orthonormal(axes: &[f32], d: usize) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis: Vec<f64> = Vec::with_capacity(axes.len());
    for axis in axes.chunks_exact(d) {
        let mut axis: Vec<f64> = axis.iter().map(|&x| f64::from(x)).collect();
        for _ in 0..2 {
            for earlier in basis.chunks_exact(d) {
                let along = dot(&axis, earlier);
                for (x, e) in axis.iter_mut().zip(earlier) {
                    *x -= along * e;
                }
            }
        }
        let length = dot(&axis, &axis).sqrt();
        if length > 0.5 {
            basis.extend(axis.iter().map(|x| x / length));
        }
    }
    basis
}

#[cfg(test)]
mod tests {
    use super::super::lanes::on_every_kind;
    use super::super::scan::Task;
    use super::super::{Space, nearest_to_picture};
    use super::*;
    use crate::data::ImageShape;

    #[derive(Clone, Copy)]
    struct Products<'a>(&'a [i16], &'a [i16]);

    impl Kernel for Products<'_> {
        type Output = [i32; PANEL];

        fn run<L: Lanes, const Q: usize>(self, lanes: L) -> [i32; PANEL] {
            products::<L, Q>(lanes, self.0, [self.1; Q])[Q - 1]
        }
    }

    #[test]
    fn products_are_exact_on_every_processor() {
        let number = |i: usize| (i * 7919 % 8191) as i16 - 4095;
        let rows: Vec<i16> = (0..PANEL * DIMS).map(number).collect();
        let query: Vec<i16> = (0..DIMS).map(|i| number(i + 17)).collect();
        let expected: Vec<i32> = rows
            .chunks_exact(DIMS)
            .map(|row| {
                row.iter()
                    .zip(&query)
                    .map(|(&a, &b)| i32::from(a) * i32::from(b))
                    .sum()
            })
            .collect();
        for products in on_every_kind(Products(&interleave(&rows), &query)) {
            assert_eq!(products.as_slice(), expected);
        }
    }

    /// The same neighbours, ties and distances included, as without sketches.
    fn assert_exact(pixel: impl Fn(usize, usize) -> u8) -> Result<()> {
        let shape = ImageShape::new(9, 31, 1);
        let set = |n: usize, seed: usize| {
            let pixels = (0..n).flat_map(|i| (0..shape.len()).map(move |j| (i + seed, j)));
            Dataset::new("", shape, pixels.map(|(i, j)| pixel(i, j)).collect())
        };
        let (gallery, queries) = (set(777, 0)?, set(70, 500)?);
        let progress = Progress::silent();
        let task = Task::new(Space::Pixel, queries.len(), gallery.len(), 9, None)?;
        let found = task.run(&Sketches::new(&gallery, &queries, &progress)?, &progress)?;
        for i in 0..queries.len() {
            let expected = nearest_to_picture(&gallery, queries.pixels(i), 9, None, &progress)?;
            assert_eq!(found.ids_of(i), expected.ids, "query {i}");
            assert_eq!(found.distances_of(i), expected.distances);
        }
        Ok(())
    }

    fn noise(i: usize, j: usize) -> usize {
        (i * 1_000_003 + j).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
    }

    #[test]
    fn pictures_with_structure_are_found_exactly() -> Result<()> {
        assert_exact(|i, j| {
            let wave = ((i % 97) as f32 * 0.1 + j as f32 * 0.05 * (1 + i % 3) as f32).sin();
            (128.0 + 100.0 * wave) as u8 + (noise(i, j) % 8) as u8
        })
    }

    #[test]
    fn noise_is_found_exactly() -> Result<()> {
        assert_exact(|i, j| noise(i, j) as u8)
    }

    #[test]
    fn repeated_and_extreme_pictures_are_found_exactly() -> Result<()> {
        assert_exact(|i, j| (noise(i % 10, j) % 2 * 255) as u8)?;
        assert_exact(|i, _| (i % 2 * 255) as u8)?;
        assert_exact(|_, _| 7)
    }
}
