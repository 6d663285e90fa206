//! A mixture over pictures or over codes with what it is fitted to: what is fitted step by step, watched, kept in a file, gone on with.
//!
//! Invariant: left off at any step, and gone on with after a file, it comes to the same mixture as at one go.

use std::sync::Arc;

use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Mixture, PictureMixture};
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::files::Digest;
use crate::progress::Progress;

/// The least items of which some are kept out.
const LEAST_TO_PART: usize = 10;

/// What a mixture is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Principal components of the pixels, and equal noise beside them.
    Pixels {
        /// Components at most.
        dims: usize,
    },
    /// A model's codes.
    Codes,
}

/// What is to be fitted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DensityPlan {
    /// What it is over.
    pub over: Over,
    /// Gaussians at most.
    pub components: usize,
    /// Of the items that are kept out, and of the start.
    pub seed: u64,
    /// Whether a tenth of the items is kept out of the fit, to judge it by.
    pub keeps_out: bool,
}

impl DensityPlan {
    /// Most numbers in all covariances together: 64 MiB of them.
    pub(super) const MOST_NUMBERS: usize = 1 << 23;

    /// Most numbers in all principal components of pixels together: 512 MiB of them.
    pub(super) const MOST_AXES: usize = 1 << 26;

    /// How many of `n` items it is fitted to.
    pub(super) fn fitted(&self, n: usize) -> usize {
        let out = if self.keeps_out && n >= LEAST_TO_PART {
            n / LEAST_TO_PART
        } else {
            0
        };
        (n - out).min(Mixture::MOST_ITEMS)
    }

    /// The items that it is fitted to and those that are kept out, of `n`; both ascending. Of very many it is fitted to
    /// [`Mixture::MOST_ITEMS`], and the rest is neither.
    #[must_use]
    pub fn parts(&self, n: usize) -> (Vec<usize>, Vec<usize>) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let (mut fitted, mut out): (Vec<usize>, _) = ((0..n).collect(), Vec::new());
        if self.keeps_out && n >= LEAST_TO_PART {
            let mut is_kept_out = vec![false; n];
            for id in index::sample(&mut rng, n, n / LEAST_TO_PART) {
                is_kept_out[id] = true;
            }
            (out, fitted) = (0..n).partition(|&id| is_kept_out[id]);
        }
        let most = self.fitted(n);
        if most < fitted.len() {
            let chosen = index::sample(&mut rng, fitted.len(), most);
            fitted = chosen.into_iter().map(|at| fitted[at]).collect();
            fitted.sort_unstable();
        }
        (fitted, out)
    }

    /// Fails when its covariances in `dims` dimensions, or so many axes in pictures of `size` numbers, are too many numbers.
    fn check(&self, dims: usize, size: usize) -> Result<()> {
        if dims.saturating_mul(size) > Self::MOST_AXES {
            return Err(Error::usage(format!(
                "{dims} principal components of pictures of {size} numbers are out of reach"
            ))
            .hint("take fewer of them, or smaller pictures"));
        }
        let numbers = dims.saturating_mul(dims).saturating_mul(self.components);
        if numbers > Self::MOST_NUMBERS {
            return Err(Error::usage(format!(
                "{} covariances of {dims} × {dims} numbers are out of reach",
                self.components
            ))
            .hint("take fewer components, or fewer dimensions"));
        }
        Ok(())
    }
}

/// Pictures, with their codes where a mixture is over these.
#[derive(Clone, Debug)]
pub struct DensityItems {
    pictures: Arc<Dataset>,
    /// `[items, d]`; empty where there are none.
    codes: Vec<f32>,
}

impl DensityItems {
    /// Pictures alone.
    #[must_use]
    pub fn of_pixels(pictures: Arc<Dataset>) -> Self {
        Self {
            pictures,
            codes: Vec::new(),
        }
    }

    /// Pictures with their codes, `[items, d]` row by row.
    ///
    /// # Errors
    /// When these are not as many.
    pub fn with_codes(pictures: Arc<Dataset>, codes: Vec<f32>) -> Result<Self> {
        if codes.is_empty() || !codes.len().is_multiple_of(pictures.len().max(1)) {
            return Err(Error::usage(format!(
                "{} numbers are no codes of {} items",
                codes.len(),
                pictures.len()
            )));
        }
        Ok(Self { pictures, codes })
    }

    /// The pictures.
    #[must_use]
    pub fn pictures(&self) -> &Dataset {
        &self.pictures
    }

    /// Numbers per code; 0 where there are none.
    #[must_use]
    pub fn code(&self) -> usize {
        self.codes.len() / self.pictures.len().max(1)
    }

    /// The codes of the items `ids`.
    fn codes_of(&self, ids: &[usize]) -> Vec<f32> {
        let d = self.code();
        let codes = ids.iter().flat_map(|id| &self.codes[id * d..][..d]);
        codes.copied().collect()
    }

    /// Tells these from others; reads every pixel, or every number of a code.
    fn digest(&self) -> u64 {
        if self.codes.is_empty() {
            return self.pictures.digest();
        }
        let mut digest = Digest::default();
        for pair in self.codes.chunks(2) {
            let word = pair
                .iter()
                .fold(0, |word, x| word << 32 | u64::from(x.to_bits()));
            digest.mix(word);
        }
        digest.value()
    }
}

/// What a density is fitted to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct FittedTo {
    pub(super) name: String,
    pub(super) count: usize,
    pub(super) model: Option<String>,
    pub(super) digest: u64,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    Pixels(PictureMixture),
    Codes(Mixture),
}

/// A mixture of Gaussians over pictures or over codes.
#[derive(Clone, PartialEq, Debug)]
pub struct Density {
    pub(super) plan: DensityPlan,
    pub(super) of: FittedTo,
    pub(super) kind: Kind,
}

/// Items where a density sees them.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed {
    /// Principal components or codes, `[items, d]`.
    rows: Vec<f32>,
    /// Log-density of what they leave out.
    beside: Vec<f64>,
}

impl Placed {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.beside.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.beside.is_empty()
    }
}

/// What is drawn from a density.
#[derive(Clone, PartialEq, Debug)]
pub enum Drawn {
    /// Pictures.
    Pictures(Vec<Picture>),
    /// Codes, one after another, for the model to decode.
    Codes(Vec<f32>),
}

/// A mean log-density, nats per item.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogLikelihood {
    /// Items.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl LogLikelihood {
    /// Of log-densities.
    #[must_use]
    pub fn of(each: impl ExactSizeIterator<Item = f64> + Clone) -> Self {
        let count = each.len();
        let n = count as f64;
        let mean = each.clone().sum::<f64>() / n;
        let squares: f64 = each.map(|x| (x - mean).powi(2)).sum();
        Self {
            n: count,
            mean,
            standard_error: (squares / (n - 1.0).max(1.0) / n).sqrt(),
        }
    }
}

impl Density {
    /// The density from which the steps begin; `model` is what the model of the codes is called.
    ///
    /// # Errors
    /// As [`PictureMixture::fit`] and [`Mixture::fit`]; `is_usage` when the covariances would be too many numbers, or there are no
    /// codes where it is over these.
    pub fn begin(
        plan: DensityPlan,
        items: &DensityItems,
        model: Option<String>,
        progress: &Progress,
    ) -> Result<Self> {
        let (fitted, _) = plan.parts(items.pictures.len());
        let (components, seed) = (plan.components, plan.seed);
        let kind = match plan.over {
            Over::Pixels { dims } => {
                let size = items.pictures.shape().len();
                plan.check(dims.min(size), size)?;
                let pictures = &items.pictures;
                Kind::Pixels(PictureMixture::begin(
                    pictures, &fitted, components, dims, seed, progress,
                )?)
            }
            Over::Codes => {
                plan.check(items.code(), 0)?;
                let codes = items.codes_of(&fitted);
                Kind::Codes(Mixture::begin(
                    &codes,
                    items.code(),
                    components,
                    seed,
                    progress,
                )?)
            }
        };
        Ok(Self {
            of: FittedTo {
                name: items.pictures.name().to_owned(),
                count: items.pictures.len(),
                model,
                digest: items.digest(),
            },
            plan,
            kind,
        })
    }

    /// Takes the steps that are left, until one adds next to nothing or `steps` are taken since the beginning, and tells of each.
    /// Once it has settled there is nothing left to do.
    ///
    /// # Errors
    /// When these are other `items` than it began with, or as [`Mixture::go_on`].
    pub fn go_on(
        &mut self,
        items: &DensityItems,
        steps: usize,
        progress: &Progress,
        told: &mut dyn FnMut(&Self) -> Result<()>,
    ) -> Result<()> {
        let fitted = self.check_own(items)?;
        let placed = self.place_some(items, &fitted, &progress.part(0.0, 0.1))?;
        let progress = &progress.part(0.1, 1.0);
        let left = self.mixture().steps_on(&placed.rows, progress)?;
        while self.mixture().wants_step(steps, progress)? {
            let mixture = match &mut self.kind {
                Kind::Pixels(density) => &mut density.mixture,
                Kind::Codes(mixture) => mixture,
            };
            left.take(mixture, progress)?;
            told(self)?;
        }
        Ok(())
    }

    /// Which of `items` it is fitted to.
    ///
    /// # Errors
    /// When these are others than it began with.
    pub fn check_own(&self, items: &DensityItems) -> Result<Vec<usize>> {
        if let Some((fitted, _)) = self.parts(items) {
            return Ok(fitted);
        }
        let what = match &self.of.model {
            Some(model) => format!("codes of {} by {model}", self.of.name),
            None => self.of.name.clone(),
        };
        let hint = match self.kind {
            Kind::Pixels(_) => {
                "give the data that it began with; what the program draws itself depends on the --seed it was started with"
            }
            Kind::Codes(_) => {
                "give the data and the model that it began with, on the same device: another one computes other codes by a hair"
            }
        };
        Err(Error::model(format!(
            "{} is not what the mixture began with, {} items: {what}",
            items.pictures.name(),
            self.of.count
        ))
        .hint(hint))
    }

    /// Which of `items` it was fitted to and which were kept out; nothing where these are others than it began with.
    #[must_use]
    pub fn parts(&self, items: &DensityItems) -> Option<(Vec<usize>, Vec<usize>)> {
        // The digest reads everything: what is known at once is compared first.
        let may_be = items.pictures.len() == self.of.count && self.check(items).is_ok();
        (may_be && items.digest() == self.of.digest).then(|| self.plan.parts(self.of.count))
    }

    /// Whether it can judge `items`.
    ///
    /// # Errors
    /// When pictures have another shape, or codes are none or of another size.
    pub fn check(&self, items: &DensityItems) -> Result<()> {
        match &self.kind {
            Kind::Pixels(density) => density.check(&items.pictures),
            Kind::Codes(mixture) if mixture.dims() == items.code() => Ok(()),
            Kind::Codes(mixture) => {
                let model = self.of.model.as_deref().unwrap_or("the model");
                let found = match items.code() {
                    0 => "there are no codes".to_owned(),
                    code => format!("these have {code}"),
                };
                Err(Error::model(format!(
                    "the mixture is over codes of {} numbers, {found}",
                    mixture.dims()
                ))
                .hint(format!("it was fitted to codes by {model}: open that")))
            }
        }
    }

    /// Whether it is of the same plan on the same items, and at most at another step.
    #[must_use]
    pub fn is_akin(&self, other: &Self) -> bool {
        self.plan == other.plan && self.of == other.of
    }

    /// What was to be fitted.
    #[must_use]
    pub fn plan(&self) -> &DensityPlan {
        &self.plan
    }

    /// What the items that it was fitted to are called, and the model of their codes.
    #[must_use]
    pub fn fitted_to(&self) -> (&str, Option<&str>) {
        (&self.of.name, self.of.model.as_deref())
    }

    /// The mixture, over principal components or over codes.
    #[must_use]
    pub fn mixture(&self) -> &Mixture {
        match &self.kind {
            Kind::Pixels(density) => density.mixture(),
            Kind::Codes(mixture) => mixture,
        }
    }

    /// The density over pictures, where it is one.
    #[must_use]
    pub fn over_pixels(&self) -> Option<&PictureMixture> {
        match &self.kind {
            Kind::Pixels(density) => Some(density),
            Kind::Codes(_) => None,
        }
    }

    /// The components' indices, the heaviest first.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let weights: Vec<f64> = self.mixture().weights().collect();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
        order
    }

    /// Where items lie for it; the same at every step of its fit.
    ///
    /// # Errors
    /// As [`Self::check`], or when `progress` was asked to end.
    pub fn place(&self, items: &DensityItems, progress: &Progress) -> Result<Placed> {
        let ids: Vec<usize> = (0..items.pictures.len()).collect();
        self.place_some(items, &ids, progress)
    }

    fn place_some(
        &self,
        items: &DensityItems,
        ids: &[usize],
        progress: &Progress,
    ) -> Result<Placed> {
        self.check(items)?;
        Ok(match &self.kind {
            Kind::Pixels(density) => {
                let (rows, beside) = density.place(&items.pictures, ids, progress)?;
                Placed { rows, beside }
            }
            Kind::Codes(_) => Placed {
                rows: items.codes_of(ids),
                beside: vec![0.0; ids.len()],
            },
        })
    }

    /// Mean log-density of items: in nats per picture of pixels in `[0, 1]`, or in nats per code.
    ///
    /// # Errors
    /// As [`Self::place`].
    pub fn log_likelihood(
        &self,
        items: &DensityItems,
        progress: &Progress,
    ) -> Result<LogLikelihood> {
        let placed = self.place(items, progress)?;
        Ok(LogLikelihood::of(self.judge(&placed).0.into_iter()))
    }

    /// Natural logarithm of the density at each item that it has placed, and the component that the item most probably comes from.
    #[must_use]
    pub fn judge(&self, placed: &Placed) -> (Vec<f64>, Vec<u32>) {
        let (mut densities, answers) = self.mixture().judge(&placed.rows);
        for (density, beside) in densities.iter_mut().zip(&placed.beside) {
            *density += beside;
        }
        (densities, answers)
    }

    /// The probability of each component given the item `id` of those that it has placed.
    ///
    /// # Panics
    /// When there is no such item.
    #[must_use]
    pub fn responsibilities(&self, placed: &Placed, id: usize) -> Vec<f64> {
        let d = self.mixture().dims();
        self.mixture().responsibilities(&placed.rows[id * d..][..d])
    }

    /// Draws `count` pictures or codes. Of pictures, the noise in the directions that are left out is drawn, too, `with_noise`.
    #[must_use]
    pub fn draw<R: Rng>(&self, count: usize, with_noise: bool, rng: &mut R) -> Drawn {
        match &self.kind {
            Kind::Pixels(density) => Drawn::Pictures(
                (0..count)
                    .map(|_| density.sample(with_noise, rng))
                    .collect(),
            ),
            Kind::Codes(mixture) => {
                Drawn::Codes((0..count).flat_map(|_| mixture.sample(rng)).collect())
            }
        }
    }

    /// The means of `components`.
    ///
    /// # Panics
    /// When there is no component of such an index.
    #[must_use]
    pub fn means(&self, components: &[usize]) -> Drawn {
        match &self.kind {
            Kind::Pixels(density) => Drawn::Pictures(
                components
                    .iter()
                    .map(|&component| density.component_mean(component))
                    .collect(),
            ),
            Kind::Codes(mixture) => Drawn::Codes(
                components
                    .iter()
                    .flat_map(|&component| mixture.mean(component))
                    .collect(),
            ),
        }
    }
}

impl Drawn {
    /// The codes; none where pictures were drawn.
    #[must_use]
    pub fn codes(&self) -> &[f32] {
        match self {
            Self::Pictures(_) => &[],
            Self::Codes(codes) => codes,
        }
    }

    /// The pictures; codes are decoded by `decode`.
    ///
    /// # Errors
    /// When `decode` fails.
    pub fn pictures(
        self,
        decode: impl FnOnce(&[f32]) -> Result<Vec<Picture>>,
    ) -> Result<Vec<Picture>> {
        match self {
            Self::Pictures(pictures) => Ok(pictures),
            Self::Codes(codes) => decode(&codes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    fn plan(keeps_out: bool) -> DensityPlan {
        DensityPlan {
            over: Over::Codes,
            components: 3,
            seed: 5,
            keeps_out,
        }
    }

    #[test]
    fn every_item_has_one_part_but_of_very_many() {
        for (n, keeps_out, expected) in [
            (1, true, (1, 0)),
            (9, true, (9, 0)),
            (10, true, (9, 1)),
            (60_000, true, (Mixture::MOST_ITEMS, 6000)),
            (60_000, false, (Mixture::MOST_ITEMS, 0)),
        ] {
            let (fitted, out) = plan(keeps_out).parts(n);
            assert_eq!((fitted.len(), out.len()), expected);
            assert_eq!(plan(keeps_out).fitted(n), expected.0);
            let mut all = [fitted, out].concat();
            assert!(all.iter().all(|id| *id < n));
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), expected.0 + expected.1);
        }
        assert_eq!(plan(true).parts(500), plan(true).parts(500));
        let other = DensityPlan {
            seed: 6,
            ..plan(true)
        };
        assert_ne!(plan(true).parts(500), other.parts(500));
    }

    #[test]
    fn few_items_and_equal_ones_have_a_density() -> Result<()> {
        let silent = Progress::silent();
        let shape = ImageShape::new(3, 2, 1);
        for n in [1, 2, 9, 12] {
            let pictures = Dataset::new("same", shape, vec![40; 6 * n])?;
            let items = DensityItems::of_pixels(Arc::new(pictures));
            let codes = items.pictures.clone();
            let codes = DensityItems::with_codes(codes, [0.5, -2.0].repeat(n))?;
            for (over, items) in [(Over::Pixels { dims: 4 }, &items), (Over::Codes, &codes)] {
                let plan = DensityPlan { over, ..plan(true) };
                let mut density = Density::begin(plan, items, None, &silent)?;
                density.go_on(items, 9, &silent, &mut |_| Ok(()))?;
                assert_eq!(density.mixture().components(), 1);
                assert!(density.log_likelihood(items, &silent)?.mean.is_finite());
                let folder = tempfile::tempdir().expect("a folder");
                let file = folder.path().join("m.safetensors");
                density.save(&file)?;
                assert_eq!(Density::load(&file)?, density);
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_out_of_reach_is_refused() -> Result<()> {
        let silent = Progress::silent();
        let codes = vec![0.5; 40];
        let pictures = Dataset::new("two", ImageShape::new(1, 1, 1), vec![0, 1])?;
        let items = DensityItems::with_codes(Arc::new(pictures), codes)?;
        let many = DensityPlan {
            components: DensityPlan::MOST_NUMBERS / 400 + 1,
            ..plan(true)
        };
        let end = Density::begin(many, &items, None, &silent);
        assert!(end.is_err_and(|e| e.is_usage()));
        let none = DensityItems::of_pixels(items.pictures.clone());
        assert!(Density::begin(plan(true), &none, None, &silent).is_err());
        assert!(DensityItems::with_codes(items.pictures.clone(), vec![1.0; 3]).is_err());
        Ok(())
    }
}
