//! Principal components: positions of codes (or pictures) on the plane, with a way back.
//!
//! Invariants: axes are of unit length (or zero where there is no spread left) and orthogonal; an item's position is where
//! [`Projection::place`] puts its code; the same input gives the same axes, signs included, whatever
//! the number of threads.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use rayon::prelude::*;

use crate::data::Dataset;
use crate::error::{Error, Result};

/// Items that are converted and multiplied at a time.
const BLOCK: usize = 512;

/// Items whose sums are taken one after the other; many, as every block has sums of its own.
const MEAN_BLOCK: usize = 4096;

/// Columns of a symmetric product that one thread sums at a time.
const STRIP: usize = 64;

/// The largest matrix whose eigenvectors are sought: 8,192² doubles are 512 MiB.
const LARGEST_MATRIX: usize = 8192;

/// A linear map of codes `[d]` to the plane, by principal components or by the code itself.
#[derive(Clone, Debug)]
pub struct Projection {
    mean: Vec<f32>,
    axes: Vec<f32>,
    explained: Vec<f32>,
    positions: Vec<[f32; 2]>,
}

impl Projection {
    /// Exact principal component analysis of `codes`, `[n, d]` row by row: the `components` (at most `d`) directions of
    /// greatest variance, each signed so that its loading of largest magnitude is positive.
    ///
    /// # Errors
    /// When there is no code or no component, a number is not finite, or both `n` and `d` are above 8,192.
    pub fn pca(codes: &[f32], d: usize, components: usize) -> Result<Self> {
        if d == 0 || !codes.len().is_multiple_of(d) {
            return Err(Error::usage(format!(
                "{} numbers are no codes of {d} numbers each",
                codes.len()
            )));
        }
        if let Some(item) = codes
            .par_chunks(d)
            .position_first(|code| code.iter().any(|x| !x.is_finite()))
        {
            return Err(Error::model(format!(
                "the code of item {item} is not finite"
            )));
        }
        Self::of_rows(codes.len() / d, d, components, |i, row| {
            row.copy_from_slice(&codes[i * d..][..d]);
        })
    }

    /// The same analysis of the pixels of `pictures`, each byte a dimension.
    ///
    /// # Errors
    /// As [`Self::pca`].
    pub fn pca_of_pictures(pictures: &Dataset, components: usize) -> Result<Self> {
        Self::of_rows(
            pictures.len(),
            pictures.shape().len(),
            components,
            |i, row| {
                for (value, &pixel) in row.iter_mut().zip(pictures.pixels(i)) {
                    *value = f32::from(pixel);
                }
            },
        )
    }

    /// Codes of two numbers as their own positions.
    ///
    /// # Errors
    /// When there is no code, their numbers are odd in count, or one is not finite.
    pub fn identity_2d(codes: &[f32]) -> Result<Self> {
        let (positions, rest) = codes.as_chunks::<2>();
        if positions.is_empty() || !rest.is_empty() || codes.iter().any(|x| !x.is_finite()) {
            return Err(Error::usage("codes of two finite numbers are needed"));
        }
        let n = positions.len() as f64;
        let variance = [0, 1].map(|axis| {
            let values = positions.iter().map(|p| f64::from(p[axis]));
            let mean = values.clone().sum::<f64>() / n;
            values.map(|x| (x - mean).powi(2)).sum::<f64>() / n
        });
        Ok(Self {
            mean: vec![0.0; 2],
            axes: vec![1.0, 0.0, 0.0, 1.0],
            explained: shares(&variance, variance.iter().sum()),
            positions: positions.to_vec(),
        })
    }

    /// The analysis of `n` rows of `d` finite numbers, each written by `fill`.
    fn of_rows(
        n: usize,
        d: usize,
        components: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Self> {
        let mut projection = Self::fit(n, d, components, &fill)?;
        let mut positions = vec![[0.0; 2]; n];
        positions
            .par_chunks_mut(BLOCK)
            .enumerate()
            .for_each(|(block, positions)| {
                let mut row = vec![0.0; d];
                for (i, position) in positions.iter_mut().enumerate() {
                    fill(block * BLOCK + i, &mut row);
                    *position = projection.place(&row);
                }
            });
        projection.positions = positions;
        Ok(projection)
    }

    /// Mean, axes and explained variance of `n` rows of `d` finite numbers; no positions.
    pub(crate) fn fit(
        n: usize,
        d: usize,
        components: usize,
        fill: &(impl Fn(usize, &mut [f32]) + Sync),
    ) -> Result<Self> {
        if n == 0 || d == 0 || components == 0 {
            return Err(Error::usage(
                "principal components need at least one item, one dimension and one component",
            ));
        }
        if n.min(d) > LARGEST_MATRIX {
            return Err(Error::usage(format!(
                "exact principal components of {n} items of {d} numbers are out of reach"
            ))
            .hint(format!("take at most {LARGEST_MATRIX} items")));
        }
        let rows = Rows { n, d, fill };
        let mean = rows.mean();
        let (axes, variances, total) = if d <= n {
            rows.axes_by_covariance(&mean, components.min(d))?
        } else {
            rows.axes_by_gram(&mean, components.min(d))?
        };
        Ok(Self {
            mean: mean.iter().map(|&x| x as f32).collect(),
            axes,
            explained: shares(&variances, total),
            positions: Vec::new(),
        })
    }

    /// Where each item lies.
    #[must_use]
    pub fn positions(&self) -> &[[f32; 2]] {
        &self.positions
    }

    /// The same map with the positions of `codes`, `[n, d]` row by row, in place of those it was made from.
    #[must_use]
    pub fn covering(&self, codes: &[f32]) -> Self {
        let positions = codes
            .par_chunks_exact(self.mean.len())
            .map(|code| self.place(code))
            .collect();
        Self {
            positions,
            ..self.clone()
        }
    }

    /// Share of the variance along each component, in falling order for principal components; zeros when all items agree.
    #[must_use]
    pub fn explained(&self) -> &[f32] {
        &self.explained
    }

    /// The centre, `[d]`.
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The directions, `[components, d]` row by row.
    #[must_use]
    pub fn axes(&self) -> &[f32] {
        &self.axes
    }

    /// Coordinates of `code`, `[d]`, along every component.
    #[must_use]
    pub fn coordinates(&self, code: &[f32]) -> Vec<f32> {
        (0..self.explained.len())
            .map(|axis| self.coordinate(axis, code))
            .collect()
    }

    /// Coordinates of `rows`, `[n, d]` row by row, along every component: `[n, components]` row by row. One product of matrices in single
    /// precision, so that the last digits may differ from [`Self::coordinates`]; what is left over of a row is ignored.
    #[must_use]
    pub fn coordinates_of_rows(&self, rows: &[f32]) -> Vec<f32> {
        let (d, components) = (self.mean.len(), self.explained.len());
        let axes = MatRef::from_row_major_slice(&self.axes, components, d);
        let mut coordinates = vec![0.0; rows.len() / d * components];
        coordinates
            .par_chunks_mut(BLOCK * components)
            .zip(rows.par_chunks(BLOCK * d))
            .for_each_init(Vec::new, |centred, (coordinates, rows)| {
                centred.clear();
                for row in rows.chunks_exact(d) {
                    centred.extend(row.iter().zip(&self.mean).map(|(x, mean)| x - mean));
                }
                let height = centred.len() / d;
                matmul(
                    MatMut::from_row_major_slice_mut(coordinates, height, components),
                    Accum::Replace,
                    MatRef::from_row_major_slice(centred, height, d),
                    axes.transpose(),
                    1.0,
                    Par::Seq,
                );
            });
        coordinates
    }

    /// Where a code, `[d]`, lies among the positions; codes of one number lie on the horizontal axis.
    #[must_use]
    pub fn place(&self, code: &[f32]) -> [f32; 2] {
        let mut position = [0.0; 2];
        for (axis, x) in position.iter_mut().enumerate().take(self.explained.len()) {
            *x = self.coordinate(axis, code);
        }
        position
    }

    /// The code, `[d]`, nearest to the mean among those that lie at `position`.
    #[must_use]
    pub fn unplace(&self, position: [f32; 2]) -> Vec<f32> {
        let mut code = self.mean.clone();
        for (axis, x) in self.axes.chunks_exact(self.mean.len()).zip(position) {
            for (value, loading) in code.iter_mut().zip(axis) {
                *value += x * loading;
            }
        }
        code
    }

    fn coordinate(&self, axis: usize, code: &[f32]) -> f32 {
        let axis = &self.axes[axis * self.mean.len()..][..self.mean.len()];
        let products = code.iter().zip(&self.mean).zip(axis);
        products
            .map(|((&x, &m), &a)| f64::from(x - m) * f64::from(a))
            .sum::<f64>() as f32
    }
}

fn shares(variances: &[f64], total: f64) -> Vec<f32> {
    let share = |&v: &f64| if total > 0.0 { (v / total) as f32 } else { 0.0 };
    variances.iter().map(share).collect()
}

/// Rows that are written on demand.
struct Rows<'a, F> {
    n: usize,
    d: usize,
    fill: &'a F,
}

/// Axes `[components, d]`, the variance along each, and the variance in all.
type Axes = (Vec<f32>, Vec<f64>, f64);

impl<F: Fn(usize, &mut [f32]) + Sync> Rows<'_, F> {
    fn mean(&self) -> Vec<f64> {
        // Blocks are added in their order, so that the number of threads does not matter.
        let sums: Vec<Vec<f64>> = (0..self.n.div_ceil(MEAN_BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut sums = vec![0.0; self.d];
                let mut row = vec![0.0; self.d];
                for i in block * MEAN_BLOCK..self.n.min((block + 1) * MEAN_BLOCK) {
                    (self.fill)(i, &mut row);
                    for (sum, &x) in sums.iter_mut().zip(&row) {
                        *sum += f64::from(x);
                    }
                }
                sums
            })
            .collect();
        let mut mean = vec![0.0; self.d];
        for sums in &sums {
            for (mean, sum) in mean.iter_mut().zip(sums) {
                *mean += sum / self.n as f64;
            }
        }
        mean
    }

    /// Eigenvectors of the covariance matrix, `d × d`.
    fn axes_by_covariance(&self, mean: &[f64], components: usize) -> Result<Axes> {
        let (n, d) = (self.n, self.d);
        let mut covariance = Mat::<f64>::zeros(d, d);
        let mut block = vec![0.0_f64; BLOCK * d];
        for start in (0..n).step_by(BLOCK) {
            let height = BLOCK.min(n - start);
            block[..height * d]
                .par_chunks_mut(d)
                .enumerate()
                .for_each_init(
                    || vec![0.0; d],
                    |row, (i, centred)| {
                        (self.fill)(start + i, row);
                        for ((value, &x), mean) in centred.iter_mut().zip(row.iter()).zip(mean) {
                            *value = f64::from(x) - mean;
                        }
                    },
                );
            let centred = MatRef::from_row_major_slice(&block[..height * d], height, d);
            add_lower_product(covariance.as_mut(), centred.transpose(), centred);
        }
        let (vectors, values) = eigenvectors(&covariance, components)?;
        let total = (0..d).map(|i| covariance[(i, i)]).sum();
        let mut axes = Vec::with_capacity(components * d);
        for axis in vectors {
            axes.extend(signed(&axis));
        }
        Ok((axes, values, total))
    }

    /// Eigenvectors of the matrix of the rows' products, `n × n`, carried over to the axes; for fewer rows than columns.
    fn axes_by_gram(&self, mean: &[f64], components: usize) -> Result<Axes> {
        let (n, d) = (self.n, self.d);
        let mut rows = vec![0.0_f32; n * d];
        rows.par_chunks_mut(d)
            .enumerate()
            .for_each(|(i, row)| (self.fill)(i, row));
        let centred_columns = |start: usize| {
            let width = BLOCK.min(d - start);
            let mut strip = vec![0.0_f64; n * width];
            for (strip, row) in strip.chunks_exact_mut(width).zip(rows.chunks_exact(d)) {
                for ((value, &x), mean) in strip.iter_mut().zip(&row[start..]).zip(&mean[start..]) {
                    *value = f64::from(x) - mean;
                }
            }
            strip
        };
        let mut gram = Mat::<f64>::zeros(n, n);
        for start in (0..d).step_by(BLOCK) {
            let strip = centred_columns(start);
            let centred = MatRef::from_row_major_slice(&strip, n, strip.len() / n);
            add_lower_product(gram.as_mut(), centred, centred.transpose());
        }
        let total: f64 = (0..n).map(|i| gram[(i, i)]).sum();
        let (vectors, mut values) = eigenvectors(&gram, components.min(n))?;
        values.resize(components, 0.0);
        let mut axes = vec![vec![0.0_f64; d]; components];
        for start in (0..d).step_by(BLOCK) {
            let strip = centred_columns(start);
            for ((axis, vector), &value) in axes.iter_mut().zip(&vectors).zip(&values) {
                // What is left of an axis without variance is rounding error.
                if value > 1e-12 * total {
                    for (row, weight) in strip.chunks_exact(strip.len() / n).zip(vector) {
                        for (loading, x) in axis[start..].iter_mut().zip(row) {
                            *loading += weight / value.sqrt() * x;
                        }
                    }
                }
            }
        }
        Ok((
            axes.iter().flat_map(|axis| signed(axis)).collect(),
            values,
            total,
        ))
    }
}

/// Adds the lower triangle of `left · right`, a symmetric product, to `sum`; strips of it at the same time, each by one thread, so that
/// the number of threads does not change a sum.
fn add_lower_product(sum: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    let order = sum.nrows();
    sum.par_col_chunks_mut(STRIP)
        .enumerate()
        .for_each(|(strip, columns)| {
            let (start, width) = (strip * STRIP, columns.ncols());
            matmul(
                columns.subrows_mut(start, order - start),
                Accum::Add,
                left.subrows(start, order - start),
                right.subcols(start, width),
                1.0,
                Par::Seq,
            );
        });
}

/// The `count` eigenvectors of a symmetric matrix (its lower triangle) with the largest eigenvalues, and those values. By one
/// thread: several would share the sums in a way that depends on their number.
fn eigenvectors(matrix: &Mat<f64>, count: usize) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
    let order = matrix.nrows();
    let mut vectors = Mat::<f64>::zeros(order, order);
    let mut values = Diag::<f64>::zeros(order);
    let scratch = evd::self_adjoint_evd_scratch::<f64>(
        order,
        evd::ComputeEigenvectors::Yes,
        Par::Seq,
        Spec::default(),
    );
    evd::self_adjoint_evd(
        matrix.as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|_| Error::usage("the principal components of these items cannot be computed"))?;
    // faer sorts the values in rising order.
    let columns = (0..order).rev().take(count);
    let values = columns
        .clone()
        .map(|column| values.column_vector()[column].max(0.0))
        .collect();
    let vectors = columns.map(|column| vectors.col(column).iter().copied().collect());
    Ok((vectors.collect(), values))
}

/// The axis, turned so that its loading of largest magnitude is positive.
fn signed(axis: &[f64]) -> impl Iterator<Item = f32> {
    let largest = axis.iter().fold(
        0.0_f64,
        |best, &x| if x.abs() > best.abs() { x } else { best },
    );
    axis.iter()
        .map(move |&x| (x * 1.0_f64.copysign(largest)) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points along (3, 4)/5 with a little spread across it, shifted by (10, -20), and a third, constant number.
    fn elongated() -> Vec<f32> {
        (0..21_u8)
            .flat_map(|i| {
                let (along, across) = (f32::from(i) - 10.0, if i % 2 == 0 { 0.1 } else { -0.1 });
                [
                    10.0 + 0.6 * along - 0.8 * across,
                    -20.0 + 0.8 * along + 0.6 * across,
                    5.0,
                ]
            })
            .collect()
    }

    #[test]
    fn the_first_axis_is_the_longest_direction_with_a_fixed_sign() -> Result<()> {
        let projection = Projection::pca(&elongated(), 3, 2)?;
        let axes = projection.axes();
        assert!(
            (axes[0] - 0.6).abs() < 1e-2 && (axes[1] - 0.8).abs() < 1e-2,
            "{axes:?}"
        );
        assert!(projection.explained()[0] > 0.99 && projection.explained()[1] > 0.0);
        assert!((projection.explained().iter().sum::<f32>() - 1.0).abs() < 1e-6);
        Ok(())
    }

    #[test]
    fn items_lie_where_their_codes_are_placed_and_the_way_back_returns() -> Result<()> {
        let codes = elongated();
        let projection = Projection::pca(&codes, 3, 2)?;
        for (code, &position) in codes.chunks_exact(3).zip(projection.positions()) {
            assert_eq!(projection.place(code), position);
            let back = projection.unplace(position);
            assert!(
                back.iter().zip(code).all(|(a, b)| (a - b).abs() < 1e-4),
                "{back:?} {code:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn more_dimensions_than_items_give_the_same_axes_as_the_covariance() -> Result<()> {
        let (n, d) = (12, 20);
        let codes: Vec<f32> = (0..n * d)
            .map(|i| ((i * i * 7 + i * 3) % 101) as f32)
            .collect();
        let fill = |i: usize, row: &mut [f32]| row.copy_from_slice(&codes[i * d..][..d]);
        let rows = Rows { n, d, fill: &fill };
        let mean = rows.mean();
        let (by_gram, variances, total) = rows.axes_by_gram(&mean, 4)?;
        let (by_covariance, expected, expected_total) = rows.axes_by_covariance(&mean, 4)?;
        assert!(
            by_gram
                .iter()
                .zip(&by_covariance)
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
        assert!(
            variances
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-6 * total)
        );
        assert!((total - expected_total).abs() < 1e-6 * total);
        Ok(())
    }

    #[test]
    fn coordinates_of_many_rows_are_those_of_each() -> Result<()> {
        let (n, d) = (1100, 7);
        let codes: Vec<f32> = (0..n * d).map(|i| ((i * i + 3 * i) % 97) as f32).collect();
        let projection = Projection::pca(&codes, d, 5)?;
        let all = projection.coordinates_of_rows(&codes);
        assert_eq!(all.len(), n * 5);
        for (code, coordinates) in codes.chunks_exact(d).zip(all.chunks_exact(5)) {
            let one = projection.coordinates(code);
            assert!(
                one.iter()
                    .zip(coordinates)
                    .all(|(a, b)| (a - b).abs() < 1e-4)
            );
        }
        assert!(projection.coordinates_of_rows(&[]).is_empty());
        Ok(())
    }

    #[test]
    fn the_number_of_threads_changes_nothing() -> Result<()> {
        // Wide enough for several strips: by the covariance, then by the products of rows.
        for (n, d) in [(400, 300), (200, 300)] {
            let codes: Vec<f32> = (0..n * d)
                .map(|i| ((i * i * 7 + i * 3) % 10_007) as f32)
                .collect();
            let with = |threads: usize| -> Result<Projection> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let pool = pool.map_err(|error| Error::usage(error.to_string()))?;
                pool.install(|| Projection::pca(&codes, d, 6))
            };
            let (one, three) = (with(1)?, with(3)?);
            assert_eq!(one.axes(), three.axes());
            assert_eq!(one.positions(), three.positions());
        }
        Ok(())
    }

    #[test]
    fn degenerate_inputs_have_positions_too() -> Result<()> {
        let one = Projection::pca(&[3.0, 4.0], 2, 2)?;
        assert_eq!(one.positions(), [[0.0; 2]]);
        assert_eq!(one.unplace([0.0; 2]), [3.0, 4.0]);
        let same = Projection::pca(&[1.0, 2.0].repeat(5), 2, 2)?;
        assert_eq!(same.positions(), [[0.0; 2]; 5]);
        assert_eq!(same.explained(), [0.0; 2]);
        let line = Projection::pca(&[1.0, 2.0, 6.0], 1, 2)?;
        assert_eq!(line.positions(), [[-2.0, 0.0], [-1.0, 0.0], [3.0, 0.0]]);
        assert_eq!(line.unplace([3.0, 7.0]), [6.0]);
        Ok(())
    }

    #[test]
    fn what_cannot_be_projected_is_refused() {
        assert!(Projection::pca(&[], 2, 2).is_err());
        assert!(Projection::pca(&[1.0; 3], 2, 2).is_err());
        assert!(Projection::pca(&[1.0; 4], 2, 0).is_err());
        assert!(Projection::pca(&[1.0, f32::NAN], 1, 1).is_err());
        assert!(Projection::identity_2d(&[1.0; 3]).is_err());
        assert!(Projection::identity_2d(&[f32::INFINITY, 0.0]).is_err());
    }

    #[test]
    fn codes_of_two_numbers_are_their_own_positions() -> Result<()> {
        let projection = Projection::identity_2d(&[1.0, 2.0, 3.0, 2.0])?;
        assert_eq!(projection.positions(), [[1.0, 2.0], [3.0, 2.0]]);
        assert_eq!(projection.place(&[5.0, -1.0]), [5.0, -1.0]);
        assert_eq!(projection.unplace([5.0, -1.0]), [5.0, -1.0]);
        assert_eq!(projection.explained(), [1.0, 0.0]);
        Ok(())
    }
}
