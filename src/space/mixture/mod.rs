//! Mixtures of Gaussians fitted to codes and to pictures: where they really lie, to draw new ones from.
//!
//! Fitted by expectation and maximisation (Dempster, Laird and Rubin 1977) with full covariances. Invariants: every weight,
//! mean and factor is finite; the same codes and seed give the same mixture, whatever the number of threads.

mod density;
mod file;
mod fit;
mod pictures;

use std::f64::consts::TAU;

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::sums::{BLOCK, cholesky};
use crate::error::{Error, Result};
use crate::progress::Progress;
pub use density::{Density, DensityItems, DensityPlan, Drawn, LogLikelihood, Over, Placed};
use fit::{Fit, Steps, Sums};
pub use pictures::PictureMixture;

/// Added to the variance of each component in each dimension, as a share of that dimension's variance over all codes.
const RIDGE: f64 = 1e-6;

/// A weighted sum of Gaussian densities over codes `[d]`.
#[derive(Clone, PartialEq, Debug)]
pub struct Mixture {
    /// Mean and standard deviation by which each dimension is standardised; what follows is in those units.
    centre: Vec<f64>,
    scale: Vec<f64>,
    components: Vec<Component>,
    course: Course,
}

/// How the fit has gone so far: with the components, all it takes to go on.
#[derive(Clone, PartialEq, Default, Debug)]
struct Course {
    seed: u64,
    items: usize,
    steps: usize,
    /// Sum over the items of the log-density in code space, after each step since components were last set anew.
    history: Vec<f64>,
    /// Times that components were set anew, and the items at which they were.
    rounds: usize,
    tried: Vec<usize>,
    reseeded: usize,
    collapsed: usize,
    is_settled: bool,
}

#[derive(Clone, PartialEq, Debug)]
struct Component {
    weight: f64,
    mean: Vec<f64>,
    /// `L` of the covariance `LLᵀ`.
    factor: Mat<f64>,
    /// Transpose of the inverse of `L`.
    whitening: Mat<f64>,
    /// The mean in whitened units.
    whitened_mean: Vec<f64>,
    /// Log of weight and normalising constant.
    log_scale: f64,
}

impl Mixture {
    /// Most codes that a mixture is fitted to; of more than these, a part drawn by the seed.
    pub const MOST_ITEMS: usize = 50_000;

    /// Steps after which a fit ends that has not settled.
    pub const MOST_STEPS: usize = 200;

    /// A mixture of at most `components` Gaussians fitted to `codes`, `[n, d]` row by row, starting from k-means++ (Arthur
    /// and Vassilvitskii 2007) drawn by `seed`. There are fewer components when there are fewer than `d + 1` items for
    /// each, the fewest that can span a covariance, or fewer different codes. Codes that are all the same give one
    /// component without spread to speak of.
    ///
    /// A component that collapses, answering for fewer than `d + 1` items or with hardly any variance in a direction in which the
    /// codes have some, is set anew at the item that the others explain worst, a few times ([`Self::reseeded`]); what collapses
    /// after that stays as it is ([`Self::collapsed`]).
    ///
    /// # Errors
    /// When there is no code or no component, a number is not finite, or `progress` was asked to end.
    pub fn fit(
        codes: &[f32],
        d: usize,
        components: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        let mut mixture = Self::begin(codes, d, components, seed, progress)?;
        mixture.go_on(codes, Self::MOST_STEPS, progress, &mut |_| Ok(()))?;
        Ok(mixture)
    }

    /// The mixture from which the steps of [`Self::fit`] begin: a component for each cluster of k-means.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn begin(
        codes: &[f32],
        d: usize,
        components: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        check_codes(codes, d)?;
        if components == 0 {
            return Err(Error::usage("a mixture needs at least one component"));
        }
        Fit::begin(codes, d, components, seed, progress)
    }

    /// Takes the steps that are left, until one adds next to nothing to the log-density ([`Self::is_settled`]) or `steps` are
    /// taken since the beginning, and tells of each. Left off at any step, in memory or in a file, and gone on with, it comes to
    /// the same mixture. `codes` are those that it began with.
    ///
    /// # Errors
    /// When there are more or fewer codes, a number is not finite, `told` fails, or `progress` was asked to end; the steps that
    /// were taken whole stay.
    pub fn go_on(
        &mut self,
        codes: &[f32],
        steps: usize,
        progress: &Progress,
        told: &mut dyn FnMut(&Self) -> Result<()>,
    ) -> Result<()> {
        let left = self.steps_on(codes, progress)?;
        while self.wants_step(steps, progress)? {
            left.take(self, progress)?;
            told(self)?;
        }
        Ok(())
    }

    /// What its steps need.
    fn steps_on(&self, codes: &[f32], progress: &Progress) -> Result<Steps> {
        check_codes(codes, self.dims())?;
        let count = codes.len() / self.dims();
        if count.min(Self::MOST_ITEMS) != self.course.items {
            return Err(Error::usage(format!(
                "the fit began with {} codes, not with {count}",
                self.course.items
            )));
        }
        Steps::of(codes, self, progress)
    }

    /// Whether another step is to be taken when `steps` are wished for in all.
    fn wants_step(&self, steps: usize, progress: &Progress) -> Result<bool> {
        if self.course.is_settled || self.course.steps >= steps {
            progress.update(1, 1)?;
            return Ok(false);
        }
        progress.update(self.course.steps, steps)?;
        Ok(true)
    }

    /// How many steps it has in all when it is gone on with: as many as a fit has at most, or when these are taken, that many more.
    #[must_use]
    pub fn steps_ahead(&self) -> usize {
        match self.course.steps {
            taken if taken < Self::MOST_STEPS => Self::MOST_STEPS,
            taken => taken.saturating_add(Self::MOST_STEPS),
        }
    }

    /// Whether the last step added next to nothing: 10⁻⁴ nats per code.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.course.is_settled
    }

    /// Steps of expectation and maximisation taken so far.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.course.steps
    }

    /// Number of components.
    #[must_use]
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// Numbers per code.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.centre.len()
    }

    /// The share of each component; they add up to one.
    pub fn weights(&self) -> impl Iterator<Item = f64> {
        self.components.iter().map(|component| component.weight)
    }

    /// The mean of a component, `[d]`.
    ///
    /// # Panics
    /// When there is no component of that index.
    #[must_use]
    pub fn mean(&self, component: usize) -> Vec<f32> {
        let mean = self.components[component].mean.iter();
        let scales = self.centre.iter().zip(&self.scale);
        mean.zip(scales)
            .map(|(x, (centre, scale))| (centre + scale * x) as f32)
            .collect()
    }

    /// A component as it is seen where an affine `place` puts codes: its mean, and the vectors `a` and `b` for which
    /// `mean + r (a cos t + b sin t)` is its contour at `r` standard deviations. Nothing where `place` puts a code nowhere.
    ///
    /// # Panics
    /// When there is no component of that index.
    #[must_use]
    pub fn seen(
        &self,
        component: usize,
        place: impl Fn(&[f32]) -> Option<[f32; 2]>,
    ) -> Option<[[f32; 2]; 3]> {
        let mean = self.mean(component);
        let centre = place(&mean)?;
        let factor = &self.components[component].factor;
        // The covariance of the plane is the sum of the products of what the factor's columns become there.
        let [mut xx, mut xy, mut yy] = [0.0_f64; 3];
        for column in 0..self.dims() {
            let moved: Vec<f32> = (0..self.dims())
                .map(|i| mean[i] + (self.scale[i] * factor[(i, column)]) as f32)
                .collect();
            let moved = place(&moved)?;
            let [x, y] = [0, 1].map(|i| f64::from(moved[i]) - f64::from(centre[i]));
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
        let a = xx.sqrt();
        let along = if a > 0.0 { xy / a } else { 0.0 };
        let b = (yy - along * along).max(0.0).sqrt();
        Some([centre, [a as f32, along as f32], [0.0, b as f32]])
    }

    /// Items that it was fitted to.
    #[must_use]
    pub fn items(&self) -> usize {
        self.course.items
    }

    /// How often a component that had collapsed was set anew during the fit.
    #[must_use]
    pub fn reseeded(&self) -> usize {
        self.course.reseeded
    }

    /// Components that were collapsed at the end of the fit: each is close to a point, or answers for next to no item, and
    /// makes the log-density of the items it was fitted to look better than it is.
    #[must_use]
    pub fn collapsed(&self) -> usize {
        self.course.collapsed
    }

    /// The sum over the items of their log-densities, in nats, after each step of the fit since components were last set anew. It
    /// never falls but by what the small variance that is added to each component costs.
    #[must_use]
    pub fn history(&self) -> &[f64] {
        &self.course.history
    }

    /// A code, `[d]`, drawn from the mixture.
    #[must_use]
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f32> {
        let mut left: f64 = rng.random();
        let mut drawn = self.components.last();
        for component in &self.components {
            left -= component.weight;
            if left < 0.0 {
                drawn = Some(component);
                break;
            }
        }
        let normal: Vec<f64> = StandardNormal.sample_iter(rng).take(self.dims()).collect();
        let scales = self.centre.iter().zip(&self.scale).enumerate();
        scales
            .map(|(i, (centre, scale))| {
                let standardised = drawn.map_or(0.0, |component| {
                    let products = (0..=i).map(|j| component.factor[(i, j)] * normal[j]);
                    component.mean[i] + products.sum::<f64>()
                });
                (centre + scale * standardised) as f32
            })
            .collect()
    }

    /// Natural logarithm of the density at `code`, `[d]`.
    #[must_use]
    pub fn log_density(&self, code: &[f32]) -> f64 {
        self.assess(code).0
    }

    /// The same of each of `codes`, `[n, d]` row by row; what is left over of a row is ignored.
    #[must_use]
    pub fn log_densities(&self, codes: &[f32]) -> Vec<f64> {
        self.judge(codes).0
    }

    /// The log-density at each of `codes`, and the component that it most probably comes from.
    fn judge(&self, codes: &[f32]) -> (Vec<f64>, Vec<u32>) {
        let (d, k) = (self.dims(), self.components.len());
        let mut densities = vec![0.0; codes.len() / d];
        let mut answers = vec![0; densities.len()];
        densities
            .par_chunks_mut(BLOCK)
            .zip(answers.par_chunks_mut(BLOCK))
            .zip(codes.par_chunks(BLOCK * d))
            .for_each(|((densities, answers), codes)| {
                let codes = &codes[..densities.len() * d];
                let mut rows: Vec<f64> = codes.iter().map(|&x| f64::from(x)).collect();
                rows.chunks_exact_mut(d)
                    .for_each(|row| self.standardise(row));
                let mut shares = vec![0.0; densities.len() * k];
                let tell = |i: usize, density| densities[i] = density;
                self.share_out(&rows, &mut vec![0.0; rows.len()], &mut shares, tell);
                for (answer, shares) in answers.iter_mut().zip(shares.chunks_exact(k)) {
                    let most = (0..).zip(shares).max_by(|a, b| a.1.total_cmp(b.1));
                    *answer = most.map_or(0, |(component, _)| component);
                }
            });
        (densities, answers)
    }

    /// The probability of each component given `code`, `[d]`; they add up to one.
    #[must_use]
    pub fn responsibilities(&self, code: &[f32]) -> Vec<f64> {
        self.assess(code).1
    }

    /// Bayesian information criterion (Schwarz 1978) of the fit, `p ln n - 2 ln L`: the lower, the better. Nothing before it has
    /// settled.
    #[must_use]
    pub fn bic(&self) -> Option<f64> {
        let (k, d) = (self.components.len() as f64, self.dims() as f64);
        let parameters = k * (d + d * (d + 1.0) / 2.0) + k - 1.0;
        let log_density = self.course.history.last().copied();
        let log_density = log_density.filter(|_| self.course.is_settled)?;
        Some(parameters * (self.course.items as f64).ln() - 2.0 * log_density)
    }

    fn assess(&self, code: &[f32]) -> (f64, Vec<f64>) {
        let mut row: Vec<f64> = code.iter().map(|&x| f64::from(x)).collect();
        self.standardise(&mut row);
        let mut shares = vec![0.0; self.components.len()];
        let mut log_density = 0.0;
        let tell = |_, density| log_density = density;
        self.share_out(&row, &mut vec![0.0; row.len()], &mut shares, tell);
        (log_density, shares)
    }

    /// Writes the log-densities in code space of `rows`, standardised codes row by row.
    fn densities(&self, rows: &[f64], densities: &mut [f64]) {
        let mut shares = vec![0.0; densities.len() * self.components.len()];
        let tell = |i: usize, density| densities[i] = density;
        self.share_out(rows, &mut vec![0.0; rows.len()], &mut shares, tell);
    }

    fn standardise(&self, code: &mut [f64]) {
        for ((x, centre), scale) in code.iter_mut().zip(&self.centre).zip(&self.scale) {
            *x = (*x - centre) / scale;
        }
    }

    /// Writes the probability of each component for each of `rows`, standardised codes row by row, to `shares`,
    /// `[rows, components]`, and tells the log-density of each row in code space. `whitened` is room for as many numbers as
    /// `rows`.
    fn share_out(
        &self,
        rows: &[f64],
        whitened: &mut [f64],
        shares: &mut [f64],
        mut tell: impl FnMut(usize, f64),
    ) {
        let (d, k) = (self.dims(), self.components.len());
        let height = rows.len() / d;
        for (c, component) in self.components.iter().enumerate() {
            triangular::matmul(
                MatMut::from_row_major_slice_mut(whitened, height, d),
                BlockStructure::Rectangular,
                Accum::Replace,
                MatRef::from_row_major_slice(rows, height, d),
                BlockStructure::Rectangular,
                component.whitening.as_ref(),
                BlockStructure::TriangularUpper,
                1.0,
                Par::Seq,
            );
            for (whitened, shares) in whitened.chunks_exact(d).zip(shares.chunks_exact_mut(k)) {
                let pairs = whitened.iter().zip(&component.whitened_mean);
                let squared: f64 = pairs.map(|(x, mean)| (x - mean) * (x - mean)).sum();
                shares[c] = component.log_scale - 0.5 * squared;
            }
        }
        let log_scale: f64 = self.scale.iter().map(|scale| scale.ln()).sum();
        for (i, shares) in shares.chunks_exact_mut(k).enumerate() {
            let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let mut sum = 0.0;
            for share in shares.iter_mut() {
                *share = (*share - most).exp();
                sum += *share;
            }
            for share in shares.iter_mut() {
                *share /= sum;
            }
            tell(i, most + sum.ln() - log_scale);
        }
    }
}

impl Component {
    /// The Gaussian of a sum of weights, of weighted rows and of their weighted products (lower triangle), among rows of
    /// weight `total` in all.
    fn of(sums: &Sums, total: f64) -> Self {
        let d = sums.first.len();
        let mean: Vec<f64> = sums.first.iter().map(|x| x / sums.weight).collect();
        let covariance = Mat::from_fn(d, d, |i, j| {
            let ridge = if i == j { RIDGE } else { 0.0 };
            let (i, j) = (i.max(j), i.min(j));
            sums.second[(i, j)] / sums.weight - mean[i] * mean[j] + ridge
        });
        Self::new(mean, covariance, sums.weight / total)
    }

    fn new(mean: Vec<f64>, covariance: Mat<f64>, weight: f64) -> Self {
        let d = mean.len();
        // The ridge outweighs any rounding error, so that there is a factor; without the correlations there always is.
        let variances = Mat::from_fn(d, d, |i, j| {
            let std = covariance[(i, i)].max(RIDGE).sqrt();
            if i == j { std } else { 0.0 }
        });
        let factor = cholesky(covariance).unwrap_or(variances);
        Self::of_factor(mean, factor, weight)
    }

    /// The Gaussian of covariance `LLᵀ` for the lower triangular factor `L`; the same numbers give the same component, bit for bit.
    fn of_factor(mean: Vec<f64>, factor: Mat<f64>, weight: f64) -> Self {
        let d = mean.len();
        let mut inverse = Mat::<f64>::identity(d, d);
        solve_lower_triangular_in_place(factor.as_ref(), inverse.as_mut(), Par::Seq);
        let whitened_mean = (0..d)
            .map(|i| (0..=i).map(|j| inverse[(i, j)] * mean[j]).sum())
            .collect();
        Self {
            weight,
            log_scale: log_scale(weight, &factor),
            mean,
            whitening: inverse.transpose().to_owned(),
            whitened_mean,
            factor,
        }
    }

    /// The least variance that is left in a dimension when those before it are known: that of a component without spread in some
    /// direction is hardly more than the ridge.
    fn least_variance(&self) -> f64 {
        let variances = (0..self.mean.len()).map(|i| self.factor[(i, i)] * self.factor[(i, i)]);
        variances.fold(f64::INFINITY, f64::min)
    }

    /// Whether densities under it are numbers.
    fn is_finite(&self) -> bool {
        let d = self.mean.len();
        let inverse = (0..d).flat_map(|i| (0..d).map(move |j| self.whitening[(i, j)]));
        let mut all = inverse.chain(self.whitened_mean.iter().copied());
        all.all(f64::is_finite) && self.log_scale.is_finite()
    }

    /// The same component with another weight.
    fn weighted(mut self, weight: f64) -> Self {
        self.log_scale = log_scale(weight, &self.factor);
        self.weight = weight;
        self
    }
}

/// Logarithm of weight and normalising constant of a Gaussian.
fn log_scale(weight: f64, factor: &Mat<f64>) -> f64 {
    let d = factor.nrows();
    let half_log_determinant: f64 = (0..d).map(|i| factor[(i, i)].ln()).sum();
    weight.ln() - half_log_determinant - 0.5 * d as f64 * TAU.ln()
}

/// Fails unless `codes` are some codes of `d` finite numbers each.
fn check_codes(codes: &[f32], d: usize) -> Result<()> {
    if d == 0 || codes.is_empty() || !codes.len().is_multiple_of(d) {
        return Err(Error::usage(format!(
            "{} numbers are no codes of {d} numbers each",
            codes.len()
        )));
    }
    match codes.iter().position(|x| !x.is_finite()) {
        Some(position) => Err(Error::model(format!(
            "the code of item {} is not finite",
            position / d
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Three overlapping clouds of 600 evenly spread codes in all.
    fn clouds() -> Vec<f32> {
        let at = |c: usize, here: usize| f64::from(u8::from(c == here));
        (0..600)
            .flat_map(|i| {
                let u = [0.819_172_5, 0.671_043_6, 0.549_700_5]
                    .map(|step| (f64::from(i + 1) * step) % 1.0 - 0.5);
                let c = i as usize % 3;
                [
                    u[0] * 2.0 + 4.0 * at(c, 0) + u[1],
                    u[1] - 3.0 * at(c, 1) + 0.5 * u[0] * at(c, 2),
                    u[2] * 0.5 + u[0] * at(c, 1) + 2.0 * at(c, 2),
                ]
                .map(|x| x as f32)
            })
            .collect()
    }

    /// Random codes of `d` numbers about a few centres.
    fn random(n: usize, d: usize, centres: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut normal = |scale: f32| -> f32 {
            let x: f32 = StandardNormal.sample(&mut rng);
            scale * x
        };
        let centres: Vec<Vec<f32>> = (0..centres)
            .map(|_| (0..d).map(|_| normal(1.2)).collect())
            .collect();
        (0..n)
            .flat_map(|i| {
                let centre = &centres[i % centres.len()];
                centre.iter().map(|x| x + normal(1.0)).collect::<Vec<_>>()
            })
            .collect()
    }

    fn fit(codes: &[f32], d: usize, components: usize) -> Result<Mixture> {
        Mixture::fit(codes, d, components, 1, &Progress::silent())
    }

    #[test]
    fn one_component_is_the_normal_distribution_of_the_codes() -> Result<()> {
        // Mean 1, variance 2 (divided by n).
        let mixture = fit(&[-1.0, 1.0, 1.0, 3.0], 1, 1)?;
        let expected = |x: f64| -0.5 * ((x - 1.0).powi(2) / 2.0 + (TAU * 2.0).ln());
        for x in [-1.0, 0.0, 5.0] {
            let found = mixture.log_density(&[x as f32]);
            assert!((found - expected(x)).abs() < 1e-4, "{found}");
        }
        assert_eq!(mixture.responsibilities(&[9.0]), [1.0]);
        let total = 2.0 * expected(1.0) + expected(-1.0) + expected(3.0);
        let bic = mixture.bic().expect("it has settled");
        assert!((bic - (2.0 * 4.0_f64.ln() - 2.0 * total)).abs() < 1e-3);
        Ok(())
    }

    #[test]
    fn the_fit_is_that_of_scikit_learn() -> Result<()> {
        let codes = clouds();
        // GaussianMixture(k, reg_covar=1e-9, tol=1e-10, max_iter=10000, n_init=10, random_state=0).fit(codes), version 1.9.1:
        // score(codes), bic(codes), score_samples(codes[:2])
        for (k, score, bic, first) in [
            (
                1,
                -4.260_575_19,
                5_170.262_60,
                [-4.348_601_03, -3.953_636_39],
            ),
            (
                3,
                -1.515_506_12,
                2_004.118_30,
                [-0.946_384_47, -1.453_882_20],
            ),
        ] {
            let mixture = fit(&codes, 3, k)?;
            assert_eq!(mixture.components(), k);
            let mean = codes
                .chunks_exact(3)
                .map(|code| mixture.log_density(code))
                .sum::<f64>()
                / 600.0;
            assert!((mean - score).abs() < 1e-4, "{mean}");
            let found = mixture.bic().expect("it has settled");
            assert!((found - bic).abs() < 0.1, "{found}");
            for (code, expected) in codes.chunks_exact(3).zip(first) {
                let found = mixture.log_density(code);
                assert!((found - expected).abs() < 1e-3, "{found}");
            }
        }
        Ok(())
    }

    #[test]
    fn two_blobs_are_found_and_drawn_from() -> Result<()> {
        let codes: Vec<f32> = random(1000, 2, 1)
            .chunks_exact(2)
            .enumerate()
            .flat_map(|(i, code)| {
                let far = if i % 4 == 0 { 50.0 } else { 0.0 };
                [code[0] + far, code[1] - far]
            })
            .collect();
        let mixture = fit(&codes, 2, 2)?;
        let mut weights: Vec<f64> = mixture.weights().collect();
        weights.sort_by(f64::total_cmp);
        assert!(
            (weights[0] - 0.25).abs() < 1e-6 && (weights[1] - 0.75).abs() < 1e-6,
            "{weights:?}"
        );
        let shares = |code: &[f32]| mixture.responsibilities(code);
        assert!(shares(&codes[..2]).iter().any(|&share| share > 0.999));
        assert_ne!(shares(&codes[..2])[0] > 0.5, shares(&codes[2..4])[0] > 0.5);
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let drawn: Vec<Vec<f32>> = (0..2000).map(|_| mixture.sample(&mut rng)).collect();
        let (far, near): (Vec<&Vec<f32>>, Vec<_>) = drawn.iter().partition(|code| code[0] > 25.0);
        assert!((400..600).contains(&far.len()), "{}", far.len());
        let mean = |codes: &[&Vec<f32>], i: usize| {
            codes.iter().map(|code| code[i]).sum::<f32>() / codes.len() as f32
        };
        let spread = |i: usize| {
            let mean = mean(&near, i);
            (near
                .iter()
                .map(|code| (code[i] - mean).powi(2))
                .sum::<f32>()
                / near.len() as f32)
                .sqrt()
        };
        assert!((mean(&far, 0) - mean(&near, 0) - 50.0).abs() < 0.3);
        assert!((mean(&far, 1) - mean(&near, 1) + 50.0).abs() < 0.3);
        assert!((spread(0) - 1.0).abs() < 0.1 && (spread(1) - 1.0).abs() < 0.1);
        Ok(())
    }

    #[test]
    fn a_step_never_makes_the_codes_less_likely() -> Result<()> {
        let mixture = fit(&random(3000, 5, 7), 5, 6)?;
        assert!(mixture.history().len() > 5, "{:?}", mixture.history());
        for step in mixture.history().windows(2) {
            assert!(
                step[1] >= step[0] - 1e-9 * step[0].abs(),
                "{:?}",
                mixture.history()
            );
        }
        Ok(())
    }

    /// A broad cloud in the plane, and twelve of its codes in one place, on which a component falls in.
    fn cloud_with_a_point() -> Vec<f32> {
        let mut codes = random(400, 2, 1);
        codes.extend([9.0, 9.0].repeat(12));
        codes.extend(random(400, 2, 1).iter().map(|x| x - 12.0));
        codes
    }

    #[test]
    fn a_component_that_falls_in_on_a_point_is_set_anew_and_it_is_said() -> Result<()> {
        let mixture = fit(&cloud_with_a_point(), 2, 3)?;
        assert_eq!(mixture.components(), 3);
        assert!(mixture.reseeded() > 0);
        let total: f64 = mixture.weights().sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
        for step in mixture.history().windows(2) {
            assert!(step[1] >= step[0] - 1e-9 * step[0].abs());
        }
        // Codes without such a place have no need of it.
        let healthy = fit(&random(3000, 5, 7), 5, 6)?;
        assert_eq!((healthy.reseeded(), healthy.collapsed()), (0, 0));
        // Where the codes are few points alone, every component is one, and that is told, too.
        let twins = fit(&[1.0, 2.0].repeat(50), 1, 2)?;
        assert!(twins.reseeded() > 0);
        assert_eq!(twins.collapsed(), 2);
        Ok(())
    }

    #[test]
    fn a_component_with_too_few_items_moves_to_where_others_explain_little() -> Result<()> {
        // Two lone codes far out draw a component that starts between them; three clouds need three components.
        let mut codes: Vec<f32> = (0..3_i8)
            .flat_map(|cloud| {
                let far = 14.0 * f32::from(cloud);
                random(300, 2, 1).into_iter().map(move |x| x + far)
            })
            .collect();
        codes.extend([-90.0, 90.0, -91.0, 90.5]);
        let mixture = fit(&codes, 2, 4)?;
        assert!(mixture.reseeded() > 0);
        let means: Vec<Vec<f32>> = (0..mixture.components()).map(|c| mixture.mean(c)).collect();
        for cloud in [0.0, 14.0, 28.0] {
            let is_there = |mean: &Vec<f32>| mean.iter().all(|x| (x - cloud).abs() < 4.0);
            assert!(means.iter().any(is_there), "{means:?}");
        }
        Ok(())
    }

    #[test]
    fn log_densities_are_those_of_each_code() -> Result<()> {
        let codes = clouds();
        let mixture = fit(&codes, 3, 3)?;
        let all = mixture.log_densities(&codes);
        assert_eq!(all.len(), 600);
        for (code, density) in codes.chunks_exact(3).zip(all) {
            assert!((mixture.log_density(code) - density).abs() < 1e-9);
        }
        Ok(())
    }

    #[test]
    fn a_fit_that_is_left_off_after_each_step_comes_to_the_same() -> Result<()> {
        let silent = Progress::silent();
        for (codes, d, k) in [
            (random(2000, 4, 5), 4, 5),
            // Here components are set anew on the way.
            (cloud_with_a_point(), 2, 3),
        ] {
            let at_once = fit(&codes, d, k)?;
            let mut mixture = Mixture::begin(&codes, d, k, 1, &silent)?;
            let mut steps = 0;
            while !mixture.is_settled() && steps < Mixture::MOST_STEPS {
                steps += 1;
                let mut told = 0;
                mixture.go_on(&codes, steps, &silent, &mut |so_far| {
                    told += so_far.steps();
                    Ok(())
                })?;
                assert_eq!((mixture.steps(), told), (steps, steps));
            }
            assert!(steps > 2);
            assert_eq!(mixture.components, at_once.components);
            assert_eq!(mixture.course, at_once.course);
            // There is nothing left to do.
            mixture.go_on(&codes, usize::MAX, &silent, &mut |_| {
                Err(Error::usage("a step was taken"))
            })?;
        }
        Ok(())
    }

    #[test]
    fn a_cancelled_fit_keeps_the_steps_that_were_taken() -> Result<()> {
        let codes = random(3000, 5, 7);
        let progress = Progress::silent();
        let mut mixture = Mixture::begin(&codes, 5, 6, 1, &progress)?;
        let end = mixture.go_on(&codes, Mixture::MOST_STEPS, &progress, &mut |so_far| {
            if so_far.steps() == 3 {
                progress.cancel();
            }
            Ok(())
        });
        assert!(end.is_err_and(|error| error.is_cancelled()));
        assert_eq!((mixture.steps(), mixture.is_settled()), (3, false));
        assert_eq!(mixture.bic(), None);
        let silent = Progress::silent();
        let others = mixture.go_on(&codes[..500], 9, &silent, &mut |_| Ok(()));
        assert!(others.is_err_and(|error| error.is_usage()));
        mixture.go_on(&codes, Mixture::MOST_STEPS, &silent, &mut |_| Ok(()))?;
        assert_eq!(mixture.components, fit(&codes, 5, 6)?.components);
        Ok(())
    }

    #[test]
    fn threads_change_nothing() -> Result<()> {
        let codes = random(3000, 9, 5);
        let drawn = |threads| -> Result<(Vec<f32>, u64)> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| Error::usage(error.to_string()))?;
            pool.install(|| {
                let mixture = fit(&codes, 9, 5)?;
                let code = mixture.sample(&mut ChaCha8Rng::seed_from_u64(2));
                let density = mixture.log_density(&code).to_bits();
                Ok((code, density))
            })
        };
        assert_eq!(drawn(1)?, drawn(2)?);
        Ok(())
    }

    #[test]
    fn few_or_equal_codes_have_fewer_components() -> Result<()> {
        assert_eq!(fit(&random(12, 3, 1), 3, 10)?.components(), 3);
        assert_eq!(fit(&random(2, 3, 1), 3, 10)?.components(), 1);
        let twins = fit(&[1.0, 2.0].repeat(50), 1, 10)?;
        assert_eq!(twins.components(), 2);
        assert!(
            twins.log_density(&[1.0]).is_finite()
                && twins.log_density(&[1.5]) < twins.log_density(&[2.0])
        );
        Ok(())
    }

    #[test]
    fn codes_that_are_all_the_same_are_a_point() -> Result<()> {
        for n in [1, 500] {
            let mixture = fit(&[0.3, -200.0, 0.0].repeat(n), 3, 4)?;
            assert_eq!(mixture.components(), 1);
            let code = mixture.sample(&mut ChaCha8Rng::seed_from_u64(2));
            assert!(
                (code[0] - 0.3).abs() < 1e-5
                    && (code[1] + 200.0).abs() < 1e-3
                    && code[2].abs() < 1e-5,
                "{code:?}"
            );
            assert!(mixture.log_density(&[0.3, -200.0, 0.0]).is_finite());
            assert!(mixture.log_density(&[9.0, 9.0, 9.0]).is_finite());
            assert!(mixture.bic().is_some_and(f64::is_finite));
        }
        Ok(())
    }

    #[test]
    fn a_component_is_seen_with_the_covariance_of_the_plane() -> Result<()> {
        let codes = clouds();
        let mixture = fit(&codes, 3, 1)?;
        // Two sums of the numbers, moved.
        let place = |code: &[f32]| [code[0] - 2.0 * code[2] + 3.0, code[1] + code[2]];
        let placed: Vec<[f32; 2]> = codes.chunks_exact(3).map(place).collect();
        let n = placed.len() as f32;
        let mean = [0, 1].map(|i| placed.iter().map(|p| p[i]).sum::<f32>() / n);
        let product = |i: usize, j: usize| {
            let each = placed.iter().map(|p| (p[i] - mean[i]) * (p[j] - mean[j]));
            each.sum::<f32>() / n
        };
        let seen = mixture.seen(0, |code| Some(place(code)));
        let [centre, a, b] = seen.expect("a place");
        for i in 0..2 {
            assert!((centre[i] - mean[i]).abs() < 1e-3, "{centre:?} {mean:?}");
            for j in 0..2 {
                let found = a[i] * a[j] + b[i] * b[j];
                assert!((found - product(i, j)).abs() < 1e-3, "{found}");
            }
        }
        assert_eq!(mixture.seen(0, |_| None), None);
        Ok(())
    }

    #[test]
    fn a_far_code_has_a_finite_density_and_probabilities() -> Result<()> {
        let mixture = fit(&clouds(), 3, 3)?;
        assert!(mixture.log_density(&[1e9; 3]).is_finite());
        let total: f64 = mixture.responsibilities(&[1e9; 3]).iter().sum();
        assert!((total - 1.0).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn many_codes_are_represented_by_some() -> Result<()> {
        let mixture = fit(&random(Mixture::MOST_ITEMS + 10, 1, 1), 1, 1)?;
        assert_eq!(mixture.items(), Mixture::MOST_ITEMS);
        Ok(())
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        assert!(fit(&[], 2, 1).is_err());
        assert!(fit(&[1.0; 3], 2, 1).is_err());
        assert!(fit(&[1.0; 3], 0, 1).is_err());
        assert!(fit(&[1.0; 4], 2, 0).is_err());
        assert!(fit(&[1.0, f32::NAN], 2, 1).is_err());
        let progress = Progress::silent();
        progress.cancel();
        let fit = Mixture::fit(&clouds(), 3, 2, 1, &progress);
        assert!(fit.is_err_and(|error| error.is_cancelled()));
    }
}
