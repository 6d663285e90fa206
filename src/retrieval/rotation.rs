//! Iterative quantisation: the rotation of centred codes whose signs lose least.
//!
//! Invariant: the rotation is orthogonal, and the same codes and seed give the same one, whatever the number of threads.
//!
//! Y. Gong and S. Lazebnik, "Iterative quantization: a Procrustean approach to learning binary codes", CVPR 2011: with V the
//! codes' principal components and B = sign(V R), R is the orthogonal matrix that minimises ‖B − V R‖, found from the singular
//! value decomposition of Bᵀ V; B and R are improved in turn.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::svd;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::bits::BitTable;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::Projection;

/// Rounds of improvement, as in the paper.
const ROUNDS: usize = 50;
/// Codes that the rotation is found from.
const SAMPLE: usize = 20_000;

/// How codes become bits.
#[derive(Clone, Debug)]
pub struct Rotation {
    components: Projection,
    /// `[d, d]`, columns are the bits' directions among the components.
    rotation: Mat<f32>,
}

impl Rotation {
    /// The rotation for `codes`, `[n, d]` row by row; beyond 20,000 of them every so many are looked at.
    ///
    /// # Errors
    /// When there are no codes, a number is not finite, or `progress` was cancelled.
    pub fn fit(codes: &[f32], d: usize, seed: u64, progress: &Progress) -> Result<Self> {
        let components = Projection::pca(codes, d, d)?;
        let n = codes.len() / d;
        let step = n.div_ceil(SAMPLE).max(1);
        let sample: Vec<f32> = codes
            .chunks_exact(d)
            .step_by(step)
            .flatten()
            .copied()
            .collect();
        let kept = components.explained().len();
        let v = components.coordinates_of_rows(&sample);
        let rows = v.len() / kept;
        let v = MatRef::from_row_major_slice(&v, rows, kept);
        let mut rotation = random_rotation(kept, seed)?;
        let mut turned = vec![0.0_f32; rows * kept];
        for round in 0..ROUNDS {
            progress.update(round, ROUNDS)?;
            let into = MatMut::from_row_major_slice_mut(&mut turned, rows, kept);
            matmul(into, Accum::Replace, v, rotation.as_ref(), 1.0, Par::Seq);
            for x in &mut turned {
                *x = if *x > 0.0 { 1.0 } else { -1.0 };
            }
            let signs = MatRef::from_row_major_slice(&turned, rows, kept);
            let mut product = Mat::<f32>::zeros(kept, kept);
            matmul(
                product.as_mut(),
                Accum::Replace,
                signs.transpose(),
                v,
                1.0,
                Par::Seq,
            );
            // Bᵀ V = S Ω Ŝᵀ, and R = Ŝ Sᵀ.
            let (left, right) = singular_vectors(&product)?;
            rotation = product_of(&right, &left);
        }
        Ok(Self {
            components,
            rotation,
        })
    }

    /// Numbers per code.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.components.mean().len()
    }

    /// The bits of `codes`, `[n, d]` row by row.
    ///
    /// # Errors
    /// When they are not codes of the size that the rotation was found for.
    pub fn bits(&self, codes: &[f32]) -> Result<BitTable> {
        let kept = self.components.explained().len();
        if !codes.len().is_multiple_of(self.components.mean().len()) {
            return Err(Error::usage(
                "these codes have another size than the rotation",
            ));
        }
        let v = self.components.coordinates_of_rows(codes);
        let rows = v.len() / kept;
        let mut turned = vec![0.0_f32; rows * kept];
        matmul(
            MatMut::from_row_major_slice_mut(&mut turned, rows, kept),
            Accum::Replace,
            MatRef::from_row_major_slice(&v, rows, kept),
            self.rotation.as_ref(),
            1.0,
            Par::Seq,
        );
        BitTable::above(&turned, &vec![0.0; kept])
    }

    /// Sum of the squared differences between `codes`' rotated components and their signs, per number: what rounding loses.
    #[must_use]
    pub fn loss(&self, codes: &[f32]) -> f64 {
        let kept = self.components.explained().len();
        let v = self.components.coordinates_of_rows(codes);
        let rows = v.len() / kept;
        let turned = MatRef::from_row_major_slice(&v, rows, kept) * &self.rotation;
        let mut sum = 0.0;
        for row in 0..rows {
            for column in 0..kept {
                let x = f64::from(turned[(row, column)]);
                sum += (x - x.signum()).powi(2);
            }
        }
        sum / (rows * kept).max(1) as f64
    }
}

/// Left and right singular vectors of a square matrix. On one thread, so that their number does not matter.
fn singular_vectors(matrix: &Mat<f32>) -> Result<(Mat<f32>, Mat<f32>)> {
    let order = matrix.nrows();
    let (mut left, mut right) = (Mat::zeros(order, order), Mat::zeros(order, order));
    let mut values = Diag::<f32>::zeros(order);
    let full = svd::ComputeSvdVectors::Full;
    let scratch = svd::svd_scratch::<f32>(order, order, full, full, Par::Seq, Spec::default());
    svd::svd(
        matrix.as_ref(),
        values.as_mut(),
        Some(left.as_mut()),
        Some(right.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|_| Error::usage("no rotation of these codes could be found"))?;
    Ok((left, right))
}

/// `a bᵀ`, on one thread.
fn product_of(a: &Mat<f32>, b: &Mat<f32>) -> Mat<f32> {
    let mut product = Mat::zeros(a.nrows(), b.nrows());
    matmul(
        product.as_mut(),
        Accum::Replace,
        a.as_ref(),
        b.transpose(),
        1.0,
        Par::Seq,
    );
    product
}

fn random_rotation(d: usize, seed: u64) -> Result<Mat<f32>> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let random = Mat::<f32>::from_fn(d, d, |_, _| StandardNormal.sample(&mut chance));
    let (left, right) = singular_vectors(&random)?;
    Ok(product_of(&left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_orthogonal_and_loses_less_than_no_rotation() -> Result<()> {
        let d = 8;
        let mut chance = ChaCha8Rng::seed_from_u64(3);
        // Corners of a turned cube, blurred.
        let turn = random_rotation(d, 9)?;
        let mut codes = Vec::new();
        for i in 0..2000_usize {
            let corner: Vec<f32> = (0..d)
                .map(|bit| {
                    let noise: f32 = StandardNormal.sample(&mut chance);
                    (if (i * 37) >> bit & 1 == 1 { 1.0 } else { -1.0 }) + 0.1 * noise
                })
                .collect();
            codes.extend((0..d).map(|row| (0..d).map(|k| turn[(row, k)] * corner[k]).sum::<f32>()));
        }
        let found = Rotation::fit(&codes, d, 1, &Progress::silent())?;
        let identity = found.rotation.transpose() * &found.rotation;
        for i in 0..d {
            for j in 0..d {
                let expected = f32::from(u8::from(i == j));
                assert!((identity[(i, j)] - expected).abs() < 1e-4);
            }
        }
        let plain = Rotation {
            rotation: Mat::identity(d, d),
            ..found.clone()
        };
        assert!(found.loss(&codes) < 0.5 * plain.loss(&codes));
        let again = Rotation::fit(&codes, d, 1, &Progress::silent())?;
        assert_eq!(again.bits(&codes)?, found.bits(&codes)?);
        Ok(())
    }
}
