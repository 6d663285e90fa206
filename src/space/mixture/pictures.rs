//! A mixture of Gaussians as a density over pictures: full covariances on principal components, equal noise in all other directions.
//!
//! Pixels are taken as numbers in `[0, 1]`. With one component it is probabilistic principal component analysis (Tipping and
//! Bishop 1999). Invariant: it is a proper density: it integrates to one over all numbers that pixels could have.

use std::f64::consts::TAU;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::Mixture;
use crate::data::{Dataset, ImageShape, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::Projection;
use crate::space::sums::BLOCK;

/// Most items that the components of large pictures are taken from: the largest matrix of products that is decomposed.
const MOST_LARGE: usize = 4096;

/// The least variance of a pixel in a direction that is left out: what rounding to bytes makes.
const LEAST_VARIANCE: f64 = 1.0 / (12.0 * 255.0 * 255.0);

/// A density over pictures of one shape.
#[derive(Clone, PartialEq, Debug)]
pub struct PictureMixture {
    pub(super) subspace: Subspace,
    pub(super) explained: f64,
    pub(super) mixture: Mixture,
    pub(super) residual: f64,
}

/// The principal components, pixels being in `[0, 1]`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Subspace {
    pub(super) shape: ImageShape,
    pub(super) mean: Vec<f64>,
    /// `[dims, pixels]` row by row, orthonormal.
    pub(super) axes: Vec<f64>,
}

impl PictureMixture {
    /// A mixture of at most `components` Gaussians over the first `dims` principal components of `pictures`, fitted as
    /// [`Mixture::fit`] says; there are fewer dimensions when the pictures differ in fewer. What the components leave out is
    /// noise with the mean of the variances left out, Tipping and Bishop's estimate.
    ///
    /// Where there are more than 4,096 pictures of more than 4,096 numbers, the principal components are those of so many of them,
    /// drawn by `seed`.
    ///
    /// # Errors
    /// As [`Mixture::fit`]; `is_usage` when `dims` is zero.
    pub fn fit(
        pictures: &Dataset,
        components: usize,
        dims: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        let ids: Vec<usize> = (0..pictures.len()).collect();
        let part = progress.part(0.0, 0.5);
        let mut density = Self::begin(pictures, &ids, components, dims, seed, &part)?;
        let (scores, _) = density.place(pictures, &ids, &progress.part(0.5, 0.55))?;
        let progress = &progress.part(0.55, 1.0);
        let steps = Mixture::MOST_STEPS;
        let mixture = &mut density.mixture;
        mixture.go_on(&scores, steps, progress, &mut |_| Ok(()))?;
        Ok(density)
    }

    /// The density from which the steps of [`Self::fit`] to the pictures `items` begin, with its principal components.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub(super) fn begin(
        pictures: &Dataset,
        items: &[usize],
        components: usize,
        dims: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        let (n, size) = (items.len(), pictures.shape().len());
        if dims == 0 {
            return Err(Error::usage(
                "a density over pictures needs at least one principal component",
            ));
        }
        progress.update(0, 1)?;
        let mut ids = items.to_vec();
        if n > MOST_LARGE && size > MOST_LARGE {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let chosen = index::sample(&mut rng, n, MOST_LARGE).into_iter();
            ids = chosen.map(|at| items[at]).collect();
            ids.sort_unstable();
        }
        let fill = |i: usize, row: &mut [f32]| {
            for (value, &pixel) in row.iter_mut().zip(pictures.pixels(ids[i])) {
                *value = f32::from(pixel) / 255.0;
            }
        };
        let projection = Projection::fit(ids.len(), size, dims.min(size).min(ids.len()), &fill)?;
        progress.update(7, 10)?;
        let total = variance(pictures, &ids, projection.mean());
        // Along an axis of no variance there is nothing to model, and it may have no length.
        let rank = projection
            .explained()
            .iter()
            .filter(|&&share| f64::from(share) * total > 1e-9);
        let dims = rank.count().max(1);
        let shares = projection.explained()[..dims].iter();
        let explained: f64 = shares.map(|&share| f64::from(share)).sum();
        let left_out = size - dims;
        let residual = total * (1.0 - explained).max(0.0) / left_out.max(1) as f64;
        let double = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect();
        let subspace = Subspace {
            shape: pictures.shape(),
            mean: double(projection.mean()),
            axes: double(&projection.axes()[..dims * size]),
        };
        let (scores, _) = subspace.scores(pictures, items, &progress.part(0.7, 0.9))?;
        let part = progress.part(0.9, 1.0);
        Ok(Self {
            mixture: Mixture::begin(&scores, dims, components, seed, &part)?,
            subspace,
            explained,
            residual: residual.max(LEAST_VARIANCE),
        })
    }

    /// The mixture over the principal components.
    #[must_use]
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }

    /// Fails when `pictures` have another shape.
    pub(super) fn check(&self, pictures: &Dataset) -> Result<()> {
        if pictures.shape() == self.subspace.shape {
            return Ok(());
        }
        Err(Error::usage(format!(
            "the density is over {} pictures, {} has {}",
            self.subspace.shape,
            pictures.name(),
            pictures.shape()
        )))
    }

    /// Number of principal components.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.mixture.dims()
    }

    /// The share of the pixels' variance along these.
    #[must_use]
    pub fn explained(&self) -> f64 {
        self.explained
    }

    /// The variance of the noise in each direction that is left out, of pixels in `[0, 1]`.
    #[must_use]
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// Natural logarithm of the density at each of `pictures`, over pixels in `[0, 1]`: in nats per picture, comparable with other
    /// densities over the same numbers, and not with probabilities of binarised pixels.
    ///
    /// # Errors
    /// When the pictures have another shape, or `progress` was asked to end.
    pub fn log_densities(&self, pictures: &Dataset, progress: &Progress) -> Result<Vec<f64>> {
        let ids: Vec<usize> = (0..pictures.len()).collect();
        let (scores, beside) = self.place(pictures, &ids, progress)?;
        let along = self.mixture.log_densities(&scores);
        Ok(along.iter().zip(beside).map(|(a, b)| a + b).collect())
    }

    /// The principal components of each of the pictures `items`, `[items, dims]`, and the log-density of what these leave out.
    pub(super) fn place(
        &self,
        pictures: &Dataset,
        items: &[usize],
        progress: &Progress,
    ) -> Result<(Vec<f32>, Vec<f64>)> {
        self.check(pictures)?;
        let (scores, squares) = self.subspace.scores(pictures, items, progress)?;
        let left_out = (self.subspace.mean.len() - self.dims()) as f64;
        let constant = -0.5 * left_out * (TAU * self.residual).ln();
        let beside = squares.iter();
        let beside = beside.map(|square| constant - 0.5 * square / self.residual);
        Ok((scores, beside.collect()))
    }

    /// The mean picture of a component.
    ///
    /// # Panics
    /// When there is no component of that index.
    #[must_use]
    pub fn component_mean(&self, component: usize) -> Picture {
        self.subspace.picture(&self.mixture.mean(component), None)
    }

    /// A picture drawn from the density. The noise in the directions that are left out is drawn, too, `with_noise`; else it is the
    /// mean of all pictures with the same principal components, which looks cleaner than what the density holds likely.
    #[must_use]
    pub fn sample<R: Rng + ?Sized>(&self, with_noise: bool, rng: &mut R) -> Picture {
        let scores = self.mixture.sample(rng);
        let noise = with_noise.then(|| self.subspace.noise_beside(self.residual.sqrt(), rng));
        self.subspace.picture(&scores, noise.as_deref())
    }
}

impl Subspace {
    /// Normal noise of a standard deviation in all directions but the components'.
    fn noise_beside<R: Rng + ?Sized>(&self, std: f64, rng: &mut R) -> Vec<f64> {
        let normal = StandardNormal.sample_iter(rng).take(self.mean.len());
        let mut noise: Vec<f64> = normal.map(|x: f64| x * std).collect();
        for axis in self.axes.chunks_exact(noise.len()) {
            let along: f64 = axis.iter().zip(&noise).map(|(a, x)| a * x).sum();
            for (x, a) in noise.iter_mut().zip(axis) {
                *x -= along * a;
            }
        }
        noise
    }

    /// The picture with these components, and with noise beside them.
    fn picture(&self, scores: &[f32], noise: Option<&[f64]>) -> Picture {
        let mut pixels = self.mean.clone();
        for (axis, &score) in self.axes.chunks_exact(pixels.len()).zip(scores) {
            for (pixel, a) in pixels.iter_mut().zip(axis) {
                *pixel += f64::from(score) * a;
            }
        }
        if let Some(noise) = noise {
            for (pixel, x) in pixels.iter_mut().zip(noise) {
                *pixel += x;
            }
        }
        Picture {
            shape: self.shape,
            pixels: pixels
                .iter()
                .map(|x| (x.clamp(0.0, 1.0) * 255.0).round() as u8)
                .collect(),
        }
    }

    /// The principal components of each of the pictures `items`, `[items, dims]`, and the squared length of what they leave out. The
    /// pictures have the shape.
    fn scores(
        &self,
        pictures: &Dataset,
        items: &[usize],
        progress: &Progress,
    ) -> Result<(Vec<f32>, Vec<f64>)> {
        let (n, size) = (items.len(), self.mean.len());
        let dims = self.axes.len() / size;
        let axes = MatRef::from_row_major_slice(&self.axes, dims, size);
        let mut scores = vec![0.0_f32; n * dims];
        let mut squares = vec![0.0; n];
        let blocks = scores
            .par_chunks_mut(BLOCK * dims)
            .zip(squares.par_chunks_mut(BLOCK));
        blocks
            .enumerate()
            .try_for_each(|(block, (scores, squares))| {
                progress.update(block * BLOCK, n)?;
                let height = squares.len();
                let mut rows = Vec::with_capacity(height * size);
                for &item in &items[block * BLOCK..][..height] {
                    let pixels = pictures.pixels(item).iter().zip(&self.mean);
                    rows.extend(pixels.map(|(&pixel, mean)| f64::from(pixel) / 255.0 - mean));
                }
                let mut along = vec![0.0; height * dims];
                matmul(
                    MatMut::from_row_major_slice_mut(&mut along, height, dims),
                    Accum::Replace,
                    MatRef::from_row_major_slice(&rows, height, size),
                    axes.transpose(),
                    1.0,
                    Par::Seq,
                );
                matmul(
                    MatMut::from_row_major_slice_mut(&mut rows, height, size),
                    Accum::Add,
                    MatRef::from_row_major_slice(&along, height, dims),
                    axes,
                    -1.0,
                    Par::Seq,
                );
                for (square, row) in squares.iter_mut().zip(rows.chunks_exact(size)) {
                    *square = row.iter().map(|x| x * x).sum();
                }
                for (score, x) in scores.iter_mut().zip(along) {
                    *score = x as f32;
                }
                Ok(())
            })?;
        Ok((scores, squares))
    }
}

/// The variance of all pixels together, in `[0, 1]`, of the items `ids`.
fn variance(pictures: &Dataset, ids: &[usize], mean: &[f32]) -> f64 {
    let squares: Vec<f64> = ids
        .par_iter()
        .map(|&id| {
            let pixels = pictures.pixels(id).iter().zip(mean);
            pixels
                .map(|(&pixel, &mean)| (f64::from(pixel) / 255.0 - f64::from(mean)).powi(2))
                .sum()
        })
        .collect();
    squares.iter().sum::<f64>() / ids.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of 4 × 4 pixels that differ along a few directions, with noise.
    fn pictures(n: usize, seed: u64) -> Dataset {
        let shape = ImageShape::new(4, 4, 1);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut pixels = Vec::with_capacity(n * shape.len());
        for _ in 0..n {
            let normal: Vec<f64> = StandardNormal.sample_iter(&mut rng).take(19).collect();
            for i in 0..16 {
                let (row, column) = ((i / 4) as f64 - 1.5, (i % 4) as f64 - 1.5);
                let shade = 128.0
                    + 20.0 * normal[16] * row
                    + 12.0 * normal[17] * column
                    + 5.0 * normal[18] * row * column
                    + 4.0 * normal[i];
                pixels.push(shade.round().clamp(0.0, 255.0) as u8);
            }
        }
        Dataset::new("planes", shape, pixels).expect("pictures")
    }

    fn fit(pictures: &Dataset, components: usize, dims: usize) -> Result<PictureMixture> {
        PictureMixture::fit(pictures, components, dims, 1, &Progress::silent())
    }

    fn mean_of(density: &PictureMixture, pictures: &Dataset) -> Result<f64> {
        let each = density.log_densities(pictures, &Progress::silent())?;
        Ok(each.iter().sum::<f64>() / each.len() as f64)
    }

    #[test]
    fn one_component_has_the_likelihood_of_probabilistic_components() -> Result<()> {
        let set = pictures(500, 1);
        let (n, size) = (set.len(), 16);
        // Eigenvalues of the covariance of the pixels, computed apart.
        let mut mean = vec![0.0; size];
        for i in 0..n {
            for (mean, &x) in mean.iter_mut().zip(set.pixels(i)) {
                *mean += f64::from(x) / 255.0 / n as f64;
            }
        }
        let covariance = faer::Mat::from_fn(size, size, |a, b| {
            let of = |i: usize, p: usize| f64::from(set.pixels(i)[p]) / 255.0 - mean[p];
            (0..n).map(|i| of(i, a) * of(i, b)).sum::<f64>() / n as f64
        });
        let values = covariance
            .self_adjoint_eigenvalues(faer::Side::Lower)
            .expect("symmetric");
        for dims in [1, 3, 15, 16] {
            let (noise, kept) = values.split_at(size - dims);
            let sigma = noise.iter().sum::<f64>() / noise.len().max(1) as f64;
            // Tipping and Bishop 1999, equation 5 at their estimates.
            let expected = -0.5
                * (size as f64 * (TAU.ln() + 1.0)
                    + kept.iter().map(|value| value.ln()).sum::<f64>()
                    + if noise.is_empty() {
                        0.0
                    } else {
                        noise.len() as f64 * sigma.ln()
                    });
            let density = fit(&set, 1, dims)?;
            assert_eq!(density.dims(), dims);
            let found = mean_of(&density, &set)?;
            assert!(
                (found - expected).abs() < 2e-3,
                "{dims}: {found} {expected}"
            );
        }
        Ok(())
    }

    #[test]
    fn samples_have_the_mean_and_covariance_of_the_pictures() -> Result<()> {
        let set = pictures(3000, 2);
        let density = fit(&set, 3, 4)?;
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let drawn: Vec<u8> = (0..20_000)
            .flat_map(|_| density.sample(true, &mut rng).pixels)
            .collect();
        let drawn = Dataset::new("drawn", set.shape(), drawn)?;
        let moments = |set: &Dataset, a: usize, b: usize| {
            let n = set.len() as f64;
            let of = |i: usize, p: usize| f64::from(set.pixels(i)[p]);
            let mean = |p: usize| (0..set.len()).map(|i| of(i, p)).sum::<f64>() / n;
            let product = (0..set.len()).map(|i| of(i, a) * of(i, b)).sum::<f64>() / n;
            (mean(a), product - mean(a) * mean(b))
        };
        for (a, b) in [(0, 0), (5, 5), (0, 3), (0, 15), (3, 12), (6, 9), (1, 2)] {
            let ((mean, covariance), (other_mean, other)) =
                (moments(&set, a, b), moments(&drawn, a, b));
            assert!((mean - other_mean).abs() < 1.5, "{a}: {mean} {other_mean}");
            assert!(
                (covariance - other).abs() < 45.0 + 0.05 * covariance.abs(),
                "{a} {b}: {covariance} {other}"
            );
        }
        Ok(())
    }

    #[test]
    fn pictures_unlike_those_it_was_fitted_to_are_less_likely() -> Result<()> {
        let density = fit(&pictures(1000, 3), 2, 3)?;
        let like = mean_of(&density, &pictures(300, 4))?;
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let noise: Vec<u8> = (0..300 * 16)
            .map(|_| rand::RngExt::random(&mut rng))
            .collect();
        let noise = Dataset::new("noise", ImageShape::new(4, 4, 1), noise)?;
        assert!(like > mean_of(&density, &noise)? + 100.0);
        Ok(())
    }

    #[test]
    fn pictures_that_are_all_the_same_are_a_point() -> Result<()> {
        let shape = ImageShape::new(2, 3, 3);
        let set = Dataset::new("one", shape, [7, 200, 31].repeat(6 * 9))?;
        let density = fit(&set, 4, 5)?;
        assert!(mean_of(&density, &set)?.is_finite());
        let picture = density.sample(false, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(picture.pixels, set.pixels(0));
        assert_eq!(density.component_mean(0).pixels, set.pixels(0));
        Ok(())
    }

    #[test]
    fn what_cannot_be_fitted_or_judged_is_refused() -> Result<()> {
        let set = pictures(30, 1);
        assert!(fit(&set, 1, 0).is_err_and(|e| e.is_usage()));
        assert!(fit(&set, 0, 1).is_err_and(|e| e.is_usage()));
        let density = fit(&set, 1, 2)?;
        let other = Dataset::new("flat", ImageShape::new(2, 8, 1), vec![0; 16])?;
        assert!(
            density
                .log_densities(&other, &Progress::silent())
                .is_err_and(|e| e.is_usage())
        );
        let progress = Progress::silent();
        progress.cancel();
        let fit = PictureMixture::fit(&set, 2, 2, 1, &progress);
        assert!(fit.is_err_and(|e| e.is_cancelled()));
        Ok(())
    }
}
