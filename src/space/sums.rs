//! Sums over many rows of codes, and the linear systems they lead to.
//!
//! Invariant: the order in which numbers are added depends on the rows alone, never on the number of threads.

use std::ops::Range;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltParams, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::progress::Progress;

/// Rows that are worked on at a time.
pub(super) const BLOCK: usize = 256;

/// Most sums that are kept side by side; a fixed number, so that every machine adds in the same order.
const PARTS: usize = 16;

/// The sum over rows `0..n`: `add` adds a block of at most [`BLOCK`] rows to a sum that began as `zero`, `merge` joins two.
///
/// # Errors
/// `is_cancelled` when `progress` was asked to end.
pub(super) fn over_blocks<S: Send>(
    n: usize,
    progress: &Progress,
    zero: impl Fn() -> S + Sync,
    add: impl Fn(&mut S, Range<usize>) + Sync,
    mut merge: impl FnMut(&mut S, S),
) -> Result<S> {
    let blocks = n.div_ceil(BLOCK);
    let parts = blocks.clamp(1, PARTS);
    let sums = (0..parts).into_par_iter().map(|part| {
        let mut sum = zero();
        for block in blocks * part / parts..blocks * (part + 1) / parts {
            if progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            add(&mut sum, block * BLOCK..n.min((block + 1) * BLOCK));
        }
        Ok(sum)
    });
    let mut total = zero();
    for sum in sums.collect::<Result<Vec<_>>>()? {
        merge(&mut total, sum);
    }
    Ok(total)
}

/// Adds `RᵀR` of the rows `R`, `[_, d]` row by row, to the lower triangle of `sum`, `d × d`.
pub(super) fn add_products(sum: MatMut<'_, f64>, rows: &[f64]) {
    let d = sum.ncols();
    let rows = MatRef::from_row_major_slice(rows, rows.len() / d, d);
    triangular::matmul(
        sum,
        BlockStructure::TriangularLower,
        Accum::Add,
        rows.transpose(),
        BlockStructure::Rectangular,
        rows,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}

/// The factor `L` of a symmetric matrix (its lower triangle) `LLᵀ`, zero above the diagonal; `None` unless the matrix is
/// positive definite.
pub(super) fn cholesky(mut matrix: Mat<f64>) -> Option<Mat<f64>> {
    let d = matrix.nrows();
    let parameters = Spec::<LltParams, f64>::default();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(d, Par::Seq, parameters));
    cholesky_in_place(
        matrix.as_mut(),
        LltRegularization::default(),
        Par::Seq,
        MemStack::new(&mut memory),
        parameters,
    )
    .ok()?;
    for column in 1..d {
        for row in 0..column {
            matrix[(row, column)] = 0.0;
        }
    }
    (0..d).all(|i| matrix[(i, i)].is_finite()).then_some(matrix)
}

/// The solution `x` of `LLᵀx = b` for the factor that [`cholesky`] gives.
pub(super) fn solve(factor: &Mat<f64>, mut b: Vec<f64>) -> Vec<f64> {
    let rows = b.len();
    let mut x = MatMut::from_column_major_slice_mut(&mut b, rows, 1);
    solve_lower_triangular_in_place(factor.as_ref(), x.as_mut(), Par::Seq);
    solve_upper_triangular_in_place(factor.transpose(), x, Par::Seq);
    b
}

/// The scalar product, in doubles.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_the_number_of_threads() -> Result<()> {
        let sum = |threads| -> Result<f64> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| Error::usage(error.to_string()))?;
            pool.install(|| {
                over_blocks(
                    10_007,
                    &Progress::silent(),
                    || 0.0,
                    |sum, rows| rows.for_each(|i| *sum += (i as f64).sqrt()),
                    |sum, part| *sum += part,
                )
            })
        };
        let expected: f64 = (0..10_007).map(|i| f64::from(i).sqrt()).sum();
        assert!((sum(1)? - expected).abs() < 1e-6);
        assert_eq!(sum(1)?.to_bits(), sum(2)?.to_bits());
        assert_eq!(sum(1)?.to_bits(), sum(3)?.to_bits());
        Ok(())
    }

    #[test]
    fn a_cancelled_sum_ends() {
        let progress = Progress::silent();
        progress.cancel();
        let sum = over_blocks(10, &progress, || 0, |sum, _| *sum += 1, |sum, x| *sum += x);
        assert!(sum.is_err_and(|error| error.is_cancelled()));
    }

    #[test]
    fn a_system_by_hand() {
        // [[4, 2], [2, 5]] x = [8, 8] has the solution [1.5, 1].
        let mut matrix = Mat::zeros(2, 2);
        add_products(matrix.as_mut(), &[2.0, 1.0, 0.0, 2.0]);
        let factor = cholesky(matrix).expect("positive definite");
        assert_eq!(factor[(0, 0)], 2.0);
        assert_eq!(factor[(0, 1)], 0.0);
        let x = solve(&factor, vec![8.0, 8.0]);
        assert!(
            (x[0] - 1.5).abs() < 1e-12 && (x[1] - 1.0).abs() < 1e-12,
            "{x:?}"
        );
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_factor() {
        assert!(cholesky(Mat::zeros(2, 2)).is_none());
        assert!(cholesky(Mat::from_fn(2, 2, |_, _| f64::NAN)).is_none());
    }
}
