//! How far two sets of rows are apart as normal distributions.
//!
//! Invariant: the distance of a set to itself is 0 but for rounding.

use faer::{Mat, Side};

use crate::error::{Error, Result};

/// The squared Fréchet distance of the normal distributions fitted to two sets of rows, each `[n, width]` row by row:
/// `|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)` (Dowson and Landau 1982).
///
/// # Errors
/// When a set has fewer than two rows, lengths do not fit, or a number is not finite.
pub fn frechet(a: &[f32], b: &[f32], width: usize) -> Result<f64> {
    let (mean_a, of_a) = moments(a, width)?;
    let (mean_b, of_b) = moments(b, width)?;
    let apart: f64 = mean_a
        .iter()
        .zip(&mean_b)
        .map(|(a, b)| (a - b).powi(2))
        .sum();
    // The square root of Σ₁ Σ₂ has the trace of that of Σ₁^½ Σ₂ Σ₁^½, which is symmetric.
    let root = root(&of_a)?;
    let product = &root * &of_b * &root;
    let trace = |m: &Mat<f64>| (0..width).map(|i| m[(i, i)]).sum::<f64>();
    let shared: f64 = eigenvalues(&product)?
        .iter()
        .map(|x| x.max(0.0).sqrt())
        .sum();
    Ok((apart + trace(&of_a) + trace(&of_b) - 2.0 * shared).max(0.0))
}

/// Mean and covariance.
fn moments(rows: &[f32], width: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = rows.len().checked_div(width).unwrap_or(0);
    if n < 2 || !rows.len().is_multiple_of(width) {
        return Err(Error::usage(format!(
            "{} numbers are not two or more rows of {width}",
            rows.len()
        )));
    }
    if rows.iter().any(|x| !x.is_finite()) {
        return Err(Error::usage("a number is not finite"));
    }
    let mut mean = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        for (m, x) in mean.iter_mut().zip(row) {
            *m += f64::from(*x) / n as f64;
        }
    }
    let centred = Mat::from_fn(n, width, |i, j| f64::from(rows[i * width + j]) - mean[j]);
    let covariance = centred.transpose() * &centred;
    let share = 1.0 / (n - 1) as f64;
    let covariance = Mat::from_fn(width, width, |i, j| {
        0.5 * share * (covariance[(i, j)] + covariance[(j, i)])
    });
    Ok((mean, covariance))
}

fn eigenvalues(symmetric: &Mat<f64>) -> Result<Vec<f64>> {
    symmetric
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_| Error::usage("a covariance has no eigenvalues"))
}

/// The symmetric square root of a covariance.
fn root(covariance: &Mat<f64>) -> Result<Mat<f64>> {
    let parts = covariance
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| Error::usage("a covariance has no eigenvalues"))?;
    let (vectors, values) = (parts.U(), parts.S());
    let d = covariance.nrows();
    let scaled = Mat::from_fn(d, d, |i, j| vectors[(i, j)] * values[j].max(0.0).sqrt());
    Ok(&scaled * vectors.transpose())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with mean and covariance that are known exactly.
    fn cross(mean: [f32; 2], reach: [f32; 2]) -> Vec<f32> {
        let [x, y] = mean;
        let [a, b] = reach;
        vec![x + a, y, x - a, y, x, y + b, x, y - b]
    }

    #[test]
    fn it_is_that_of_two_normal_distributions() -> Result<()> {
        // Diagonal covariances 2a²/3 and 2b²/3: the distance is a sum over coordinates.
        let a = cross([0.0, 0.0], [3.0, 1.0]);
        let b = cross([1.0, -2.0], [1.0, 2.0]);
        let std = |reach: f64| (2.0 * reach * reach / 3.0).sqrt();
        let expected = 1.0 + 4.0 + (std(3.0) - std(1.0)).powi(2) + (std(1.0) - std(2.0)).powi(2);
        let found = frechet(&a, &b, 2)?;
        assert!((found - expected).abs() < 1e-6, "{found} and {expected}");
        assert!(frechet(&a, &a, 2)? < 1e-9);
        assert!((frechet(&b, &a, 2)? - found).abs() < 1e-9);
        assert!(frechet(&a[..2], &b, 2).is_err() && frechet(&a, &b, 3).is_err());
        Ok(())
    }
}
