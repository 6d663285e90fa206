//! Why a variational auto-encoder: several families trained on the same data, with codes of the same size and as many epochs, side by side.
//!
//! Invariants: all begin from the same seed and differ in what the comparison is about alone; what is measured of one is measured of all, on
//! the same items.

use burn::tensor::Device;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::auto_encoder::AutoEncoder;
use super::config::TrainConfig;
use super::file::{CodeStatistics, ModelFile, Provenance};
use super::preset::Preset;
use super::shipped::shipped_for;
use super::spec::{CodeKind, Likelihood, ModelSpec, Network, Objective, Unit};
use super::trainer::Trainer;
use crate::data::{Corruption, Dataset, DatasetSource, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::{CodeTable, Mixture, Projection, frechet};

/// Items whose codes are looked at, and samples drawn, at most.
const MEASURED: usize = 2000;
/// Components of the mixture behind the codes.
const COMPONENTS: usize = 10;
/// Pairs of items between which lines are decoded, and pictures on each.
const LINES: (usize, usize) = (48, 13);
/// Principal components that stand in where there is no network of features.
const FEATURES: usize = 24;

/// A family of auto-encoders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Reconstruction alone.
    Plain,
    /// Makes clean pictures of masked ones.
    Denoising,
    /// With codes that give way little.
    Contractive,
    /// A posterior, and a prior it is held to.
    Variational,
    /// The same with four times the weight on the prior.
    Beta,
}

impl Family {
    /// All, in the order of their columns.
    pub const ALL: [Self; 5] = [
        Self::Plain,
        Self::Denoising,
        Self::Contractive,
        Self::Variational,
        Self::Beta,
    ];

    /// The name of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Denoising => "denoising",
            Self::Contractive => "contractive",
            Self::Variational => "vae",
            Self::Beta => "beta-vae",
        }
    }

    /// The name in the window.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Plain => "Plain",
            Self::Denoising => "Denoising",
            Self::Contractive => "Contractive",
            Self::Variational => "VAE",
            Self::Beta => "β-VAE",
        }
    }

    /// What it minimises, in a line.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Plain => "Minimises the reconstruction alone; nothing says where codes lie",
            Self::Denoising => {
                "Makes the clean picture of one of which half of the pixels are masked"
            }
            Self::Contractive => "Codes may not move much when the picture moves a little",
            Self::Variational => "Codes are noisy, and their distribution is held to N(0, 1)",
            Self::Beta => "The same, with four times the weight on N(0, 1)",
        }
    }
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FamilyPlan {
    /// Numbers per code.
    pub code: usize,
    /// Passes over the data, for each.
    pub epochs: usize,
    /// Seed of all chance.
    pub seed: u64,
}

/// One family, trained, with what makes the point.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Which.
    pub family: Family,
    /// The model.
    pub model: AutoEncoder,
    /// The same as it lies on disk.
    pub file: ModelFile,
    /// A mixture of Gaussians fitted to its codes.
    pub mixture: Mixture,
    /// Deviation of the codes, a root mean square over their numbers: by it noise is measured, so that it means the same in every column.
    pub spread: f32,
    /// The figures under its column.
    pub figures: FamilyFigures,
}

/// The figures of one family.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct FamilyFigures {
    /// Squared error of the reconstruction per picture, values in `[0, 1]`, on items kept out of training.
    pub sse_per_image: f64,
    /// Fréchet distance of pictures decoded from N(0, 1) to the data, over [`Families::features`].
    pub frechet_prior: f64,
    /// The same of pictures decoded from the mixture.
    pub frechet_mixture: f64,
    /// Share of codes outside the ball that holds 99 % of N(0, 1).
    pub outside: f64,
    /// How even decoded lines between two items are: mean step over largest step between neighbouring pictures, averaged; 1 is even.
    pub evenness: f64,
}

/// All families on the same data.
#[derive(Clone, Debug)]
pub struct Families {
    /// What was compared.
    pub plan: FamilyPlan,
    /// Over what the Fréchet distance is taken.
    pub features: String,
    /// A column each.
    pub trained: Vec<Trained>,
}

impl FamilyPlan {
    /// The specification and the training of a family for `dataset`.
    fn plan(self, family: Family, dataset: &Dataset) -> (ModelSpec, TrainConfig) {
        let shape = dataset.shape();
        let like = Preset::MnistDense.spec(shape);
        let kind = match family {
            Family::Plain | Family::Denoising | Family::Contractive => CodeKind::Point,
            Family::Variational | Family::Beta => CodeKind::Posterior,
        };
        let spec = ModelSpec {
            code: self.code,
            kind,
            network: Network::Dense {
                hidden: vec![512, 256],
                unit: Unit::Rectified,
            },
            likelihood: if shape.channels == 1 {
                Likelihood::Bernoulli
            } else {
                Likelihood::Gaussian { sigma: 0.1 }
            },
            beta: if family == Family::Beta { 4.0 } else { 1.0 },
            objective: Objective {
                contraction: if family == Family::Contractive {
                    1.0
                } else {
                    0.0
                },
                ..Objective::default()
            },
            ..like
        };
        let config = TrainConfig {
            epochs: self.epochs,
            corruption: (family == Family::Denoising).then_some((Corruption::Masking, 0.5)),
            // Few items make few steps of large batches.
            batch: (dataset.len() / 40).clamp(16, 128),
            clip: 1000.0,
            validation: 0.05,
            seed: self.seed,
            ..Preset::MnistDense.training(shape)
        };
        (spec, config)
    }

    /// Trains all families on `dataset`, read from `source`, and measures them.
    ///
    /// # Errors
    /// When there are fewer than 100 items, a loss is lost, or the device fails; `is_cancelled`.
    pub fn run(
        self,
        dataset: &Dataset,
        source: Option<&DatasetSource>,
        device: &Device,
        progress: &Progress,
    ) -> Result<Families> {
        if dataset.len() < 100 {
            return Err(Error::usage(format!(
                "{} items are too few to compare families on; 100 are needed",
                dataset.len()
            )));
        }
        dataset.check_unchanged()?;
        let features = Features::of(dataset, device)?;
        let provenance = Provenance::of(dataset, source);
        let mut trained = Vec::new();
        for (i, family) in Family::ALL.into_iter().enumerate() {
            let share = |done: f32| (i as f32 + done) / Family::ALL.len() as f32;
            let (spec, config) = self.plan(family, dataset);
            let training = progress.part(share(0.0), share(0.85));
            let mut trainer = Trainer::new(spec, config, dataset, device)?;
            let steps = trainer.steps() as usize;
            while !trainer.is_done() {
                training.update(trainer.step() as usize, steps)?;
                let before = trainer.step();
                trainer.advance(dataset)?;
                if trainer.step() != before
                    && trainer.step().is_multiple_of(trainer.steps_per_epoch())
                {
                    trainer.read_losses()?;
                }
            }
            trainer.read_losses()?;
            let held_out = trainer.held_out().to_vec();
            let measuring = progress.part(share(0.85), share(1.0));
            let statistics = CodeStatistics::unknown(trainer.best_model().spec());
            let file = ModelFile::from_trainer(&trainer, provenance.clone(), statistics)?;
            let model = (trainer.best_model(), file);
            trained.push(self.measure(family, model, dataset, &held_out, &features, &measuring)?);
        }
        Ok(Families {
            plan: self,
            features: features.name,
            trained,
        })
    }

    fn measure(
        self,
        family: Family,
        (model, mut file): (AutoEncoder, ModelFile),
        dataset: &Dataset,
        held_out: &[u32],
        features: &Features,
        progress: &Progress,
    ) -> Result<Trained> {
        let stride = dataset.len().div_ceil(MEASURED).max(1);
        let ids: Vec<usize> = (0..dataset.len()).step_by(stride).collect();
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id)).collect();
        let posteriors = model.encode(&items, &Progress::silent())?;
        let d = self.code;
        let kl = posteriors.kl_per_dimension(model.spec());
        file.statistics = CodeStatistics::of(&CodeTable::new(posteriors.mean.clone(), d, kl)?);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // What the decoder sees in training: of a posterior a draw, not its mean.
        let mut codes = posteriors.mean.clone();
        for (code, log_variance) in codes.iter_mut().zip(&posteriors.log_variance) {
            *code += (0.5 * log_variance).exp() * normal(&mut rng);
        }
        let n = ids.len();
        let spread = {
            let column = |i: usize| codes.iter().skip(i).step_by(d).map(|x| f64::from(*x));
            let variance = |i: usize| {
                let mean = column(i).sum::<f64>() / n as f64;
                column(i).map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64
            };
            ((0..d).map(variance).sum::<f64>() / d as f64).sqrt() as f32
        };
        let mixture = Mixture::fit(&codes, d, COMPONENTS, self.seed, &progress.part(0.0, 0.4))?;
        let reach = squared_radius(d);
        let is_outside = |code: &&[f32]| code.iter().map(|x| f64::from(x * x)).sum::<f64>() > reach;
        let outside = codes.chunks_exact(d).filter(is_outside).count() as f64 / n as f64;
        let of_data = features.of_pictures(&items)?;
        let drawn: Vec<f32> = (0..n * d).map(|_| normal(&mut rng)).collect();
        let frechet_prior = features.distance(&of_data, &model, &drawn)?;
        progress.update(6, 10)?;
        let drawn: Vec<f32> = (0..n).flat_map(|_| mixture.sample(&mut rng)).collect();
        let frechet_mixture = features.distance(&of_data, &model, &drawn)?;
        progress.update(8, 10)?;
        let seen: Vec<&[u8]> = held_out
            .iter()
            .take(MEASURED)
            .map(|&id| dataset.pixels(id as usize))
            .collect();
        let of_seen = model.encode(&seen, &Progress::silent())?.mean;
        let made = model.decode(&of_seen)?;
        let size = dataset.shape().len();
        let errors = seen.iter().zip(made.chunks_exact(size));
        let sse: f64 = errors.map(|(a, b)| squared(a, b)).sum();
        Ok(Trained {
            figures: FamilyFigures {
                sse_per_image: sse / seen.len().max(1) as f64,
                frechet_prior,
                frechet_mixture,
                outside,
                evenness: evenness(&model, &posteriors.mean, size)?,
            },
            family,
            model,
            file,
            mixture,
            spread,
        })
    }
}

/// How even the decoded lines between pairs of codes are.
fn evenness(model: &AutoEncoder, codes: &[f32], size: usize) -> Result<f64> {
    let d = model.code();
    let n = codes.len() / d;
    let pairs = LINES.0.min(n / 2).max(1);
    let mut sum = 0.0;
    for pair in 0..pairs {
        // Items far from each other in the data, so that classes differ.
        let (a, b) = (pair % n, (pair + n / 2) % n);
        let (a, b) = (&codes[a * d..][..d], &codes[b * d..][..d]);
        let line = (0..LINES.1).flat_map(|i| {
            let share = i as f32 / (LINES.1 - 1) as f32;
            a.iter().zip(b).map(move |(a, b)| a + share * (b - a))
        });
        let pictures = model.decode(&line.collect::<Vec<f32>>())?;
        let pictures: Vec<&[u8]> = pictures.chunks_exact(size).collect();
        let steps: Vec<f64> = pictures
            .windows(2)
            .map(|w| squared(w[0], w[1]).sqrt())
            .collect();
        let largest = steps.iter().copied().fold(1e-12, f64::max);
        sum += steps.iter().sum::<f64>() / steps.len() as f64 / largest;
    }
    Ok(sum / pairs as f64)
}

/// Squared distance of two pictures, values in `[0, 1]`.
fn squared(a: &[u8], b: &[u8]) -> f64 {
    let off = |(a, b): (&u8, &u8)| f64::from(i32::from(*a) - i32::from(*b)).powi(2);
    a.iter().zip(b).map(off).sum::<f64>() / (255.0 * 255.0)
}

fn normal(rng: &mut impl Rng) -> f32 {
    rand_distr::Distribution::sample(&rand_distr::StandardNormal, rng)
}

/// The squared radius of the ball that holds 99 % of `d` standard normal numbers: the quantile of χ², by Wilson and Hilferty's (1931) cube.
fn squared_radius(d: usize) -> f64 {
    let share = 2.0 / (9.0 * d as f64);
    d as f64 * (1.0 - share + 2.326_347_9 * share.sqrt()).powi(3)
}

/// What pictures are compared by: the codes of a network that is not among those compared, or principal components of the data.
struct Features {
    name: String,
    by: By,
}

enum By {
    Network(AutoEncoder),
    Components(Projection),
}

impl Features {
    fn of(dataset: &Dataset, device: &Device) -> Result<Self> {
        if let Some(file) = shipped_for(dataset.name(), dataset.shape()) {
            return Ok(Self {
                name: format!("the codes of the shipped {} model", file.provenance.data),
                by: By::Network(file.model(device)?),
            });
        }
        let count = FEATURES.min(dataset.shape().len()).min(dataset.len() - 1);
        Ok(Self {
            name: format!("{count} principal components of the data"),
            by: By::Components(Projection::pca_of_pictures(dataset, count)?),
        })
    }

    /// The features of pictures, row by row, and how many there are of each.
    fn of_pictures(&self, items: &[&[u8]]) -> Result<(Vec<f32>, usize)> {
        match &self.by {
            By::Network(network) => {
                let codes = network.encode(items, &Progress::silent())?.mean;
                Ok((codes, network.code()))
            }
            By::Components(components) => {
                let rows = items.iter().flat_map(|p| p.iter());
                let rows: Vec<f32> = rows.map(|x| f32::from(*x)).collect();
                let mut found = components.coordinates_of_rows(&rows);
                for x in &mut found {
                    *x /= 255.0;
                }
                let width = found.len() / items.len().max(1);
                Ok((found, width))
            }
        }
    }

    /// The Fréchet distance of what `model` makes of `codes` to `data`.
    fn distance(
        &self,
        (data, width): &(Vec<f32>, usize),
        model: &AutoEncoder,
        codes: &[f32],
    ) -> Result<f64> {
        let made = model.decode(codes)?;
        let size = model.spec().shape.len();
        let pictures: Vec<&[u8]> = made.chunks_exact(size).collect();
        let (of_made, _) = self.of_pictures(&pictures)?;
        frechet(data, &of_made, *width)
    }
}

impl Trained {
    /// What becomes of two codes on the way from one to the other: the picture at `share` of the way, with normal noise of `noise` times the
    /// codes' spread added, drawn by `seed`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn between(&self, items: [&[u8]; 2], share: f32, noise: f32, seed: u64) -> Result<Picture> {
        let codes = self.model.encode(&items, &Progress::silent())?.mean;
        let (a, b) = codes.split_at(self.model.code());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let code: Vec<f32> = a
            .iter()
            .zip(b)
            .map(|(a, b)| a + share * (b - a) + noise * self.spread * normal(&mut rng))
            .collect();
        Ok(Picture {
            shape: self.model.spec().shape,
            pixels: self.model.decode(&code)?,
        })
    }

    /// `count` pictures decoded from N(0, 1), or from the mixture, drawn by `seed`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn samples(&self, count: usize, by_mixture: bool, seed: u64) -> Result<Vec<Picture>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let d = self.model.code();
        let codes: Vec<f32> = if by_mixture {
            (0..count)
                .flat_map(|_| self.mixture.sample(&mut rng))
                .collect()
        } else {
            (0..count * d).map(|_| normal(&mut rng)).collect()
        };
        let shape = self.model.spec().shape;
        let pixels = self.model.decode(&codes)?;
        Ok(Picture::each_of(shape, &pixels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::digits;

    #[test]
    fn the_ball_holds_what_it_says() {
        // Quantiles of χ² from tables.
        for (d, quantile) in [(2, 9.210), (10, 23.209), (32, 53.486)] {
            assert!((squared_radius(d) / quantile - 1.0).abs() < 0.01, "{d}");
        }
    }

    #[test]
    fn codes_of_a_vae_stay_in_the_ball_and_its_samples_need_no_mixture() -> Result<()> {
        let dataset = digits::generate(1, 0..600, &Progress::silent())?;
        let plan = FamilyPlan {
            code: 8,
            epochs: 6,
            seed: 1,
        };
        let found = plan.run(&dataset, None, &Device::flex(), &Progress::silent())?;
        let of = |family| {
            let mut trained = found.trained.iter();
            let trained = trained.find(|t| t.family == family);
            trained.map(|t| t.figures).unwrap_or_default()
        };
        let (plain, vae) = (of(Family::Plain), of(Family::Variational));
        assert!(
            vae.outside < 0.1 && vae.outside < plain.outside,
            "{vae:?} {plain:?}"
        );
        assert!(plain.frechet_mixture < plain.frechet_prior, "{plain:?}");
        for trained in &found.trained {
            let items = [dataset.pixels(0), dataset.pixels(1)];
            let still = trained.between(items, 0.0, 0.0, 1)?;
            let code = trained.model.encode(&items[..1], &Progress::silent())?.mean;
            assert_eq!(still.pixels, trained.model.decode(&code)?);
            assert_ne!(still, trained.between(items, 0.5, 0.0, 1)?);
            assert_ne!(still, trained.between(items, 0.0, 1.0, 1)?);
            assert_eq!(trained.samples(3, true, 1)?, trained.samples(3, true, 1)?);
            assert!((0.0..=1.0).contains(&trained.figures.evenness));
        }
        Ok(())
    }
}
