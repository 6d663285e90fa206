//! `morphospace mixture`: a mixture of Gaussians as the density model to compare with, over pictures or over a model's codes.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use image::{Rgb, RgbImage};
use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{Common, output};
use crate::data::{Dataset, DatasetSource, Picture};
use crate::error::{Error, Result};
use crate::model::AutoEncoder;
use crate::space::{Mixture, PictureMixture};

/// Most samples drawn on one page.
const MOST_SAMPLES: usize = 10_000;

/// Most numbers in all covariances together: 128 MiB.
const MOST_NUMBERS: usize = 1 << 24;

/// Components and items in the picture of responsibilities.
const SHOWN_COMPONENTS: usize = 16;
const SHOWN_ITEMS: usize = 12;

/// Fit a mixture of Gaussians to pictures, or to their codes
#[derive(Debug, Args)]
pub(super) struct MixtureOf {
    /// Pictures to fit to
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// A model: the mixture is fitted to its codes in place of pixels, and its samples are decoded
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Gaussians at most, each with a full covariance
    #[arg(long, value_name = "K", default_value_t = 10)]
    components: usize,
    /// Principal components of the pixels that they are over; the rest is noise of equal variance
    #[arg(long, value_name = "D", default_value_t = 50, conflicts_with = "model")]
    dims: usize,
    /// Pictures to judge by; without this a tenth of --data is held out
    #[arg(long, value_name = "SRC")]
    test: Option<DatasetSource>,
    /// Number of samples
    #[arg(long, value_name = "N", default_value_t = 64)]
    count: usize,
    /// Draw also the noise in the directions that are left out
    #[arg(long, conflicts_with = "model")]
    noise: bool,
    /// Where to write a PNG of samples
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where to write a PNG of the components' means over their weights, and of which answer for some held-out pictures
    #[arg(long, value_name = "FILE")]
    responsibilities: Option<PathBuf>,
}

/// What was fitted.
enum Density {
    Pixels(PictureMixture),
    Codes(Mixture, AutoEncoder),
}

/// Pictures, and their codes where these are what is looked at.
struct Items {
    pictures: Dataset,
    codes: Vec<f32>,
}

impl MixtureOf {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let start = Instant::now();
        for file in [&self.out, &self.responsibilities].into_iter().flatten() {
            output::check_writable(file)?;
        }
        if self.count == 0 || self.count > MOST_SAMPLES {
            return Err(Error::usage(format!(
                "a page shows 1 to {MOST_SAMPLES} pictures, not {}",
                self.count
            )));
        }
        let data = common.load_data(&self.data)?;
        let model = self.model.as_ref().map(|path| common.load_model(path));
        let model = model.transpose()?.map(|(_, model)| model);
        let size = data.shape().len();
        let dims = model
            .as_ref()
            .map_or(self.dims.min(size), AutoEncoder::code);
        let numbers = dims.saturating_mul(dims).saturating_mul(self.components);
        if numbers > MOST_NUMBERS {
            return Err(Error::usage(format!(
                "{} covariances of {dims} × {dims} numbers are out of reach",
                self.components
            ))
            .hint("take fewer --components, or fewer --dims"));
        }
        let (train, held_out) = self.parts(data, common)?;
        let train = Items::of(train, model.as_ref(), common)?;
        let held_out = held_out
            .map(|set| Items::of(set, model.as_ref(), common))
            .transpose()?;
        let progress = common.progress("Fitting a mixture");
        let density = match model {
            Some(model) => Density::Codes(
                Mixture::fit(&train.codes, dims, self.components, common.seed, &progress)?,
                model,
            ),
            None => Density::Pixels(PictureMixture::fit(
                &train.pictures,
                self.components,
                self.dims,
                common.seed,
                &progress,
            )?),
        };
        let mut value = density.told();
        value["data"] = train.pictures.name().into();
        value["n_train"] = train.pictures.len().into();
        value["log_likelihood"] = density.likelihood(&train, common)?;
        if let Some(held_out) = &held_out {
            value["held_out"] = held_out.pictures.name().into();
            value["n_held_out"] = held_out.pictures.len().into();
            value["log_likelihood_held_out"] = density.likelihood(held_out, common)?;
        }
        if let Some(out) = &self.out {
            self.draw(&density, out, common)?;
            value["out"] = out.display().to_string().into();
        }
        if let Some(out) = &self.responsibilities {
            let shown = held_out.as_ref().unwrap_or(&train).few()?;
            let (page, told) = answering(&density, &shown, common)?;
            output::write_png(out, &page)?;
            value["answering"] = told;
            value["responsibilities"] = out.display().to_string().into();
        }
        value["secs"] = start.elapsed().as_secs_f64().into();
        if !common.json {
            in_words(&mut value);
        }
        output::print(common.json, &value);
        Ok(())
    }

    /// What is fitted to, and what is held out.
    fn parts(&self, data: Dataset, common: &Common) -> Result<(Dataset, Option<Dataset>)> {
        if let Some(test) = &self.test {
            return Ok((data, Some(common.load_data(test)?)));
        }
        let n = data.len();
        if n < 10 {
            return Ok((data, None));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(common.seed);
        let mut is_held_out = vec![false; n];
        for id in index::sample(&mut rng, n, n / 10) {
            is_held_out[id] = true;
        }
        let (held_out, train): (Vec<usize>, Vec<usize>) = (0..n).partition(|&id| is_held_out[id]);
        Ok((data.subset(&train)?, Some(data.subset(&held_out)?)))
    }

    fn draw(&self, density: &Density, out: &std::path::Path, common: &Common) -> Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(common.seed);
        let pictures = density.samples(self.count, self.noise, &mut rng)?;
        let shape = pictures[0].shape;
        let mut grid = output::Grid::new(pictures.len(), shape, output::scale_for(shape));
        for picture in &pictures {
            grid.push(picture);
        }
        output::write_png(out, &grid.finish())
    }
}

impl Items {
    fn of(pictures: Dataset, model: Option<&AutoEncoder>, common: &Common) -> Result<Self> {
        let codes = match model {
            Some(model) => common.encode(model, &pictures)?.mean,
            None => Vec::new(),
        };
        Ok(Self { pictures, codes })
    }

    /// Some of them, evenly spread.
    fn few(&self) -> Result<Self> {
        let n = self.pictures.len();
        let count = SHOWN_ITEMS.min(n);
        let ids: Vec<usize> = (0..count).map(|i| i * n / count).collect();
        let d = self.codes.len() / n;
        let codes = ids.iter().flat_map(|id| &self.codes[id * d..][..d]);
        Ok(Self {
            codes: codes.copied().collect(),
            pictures: self.pictures.subset(&ids)?,
        })
    }
}

impl Density {
    fn mixture(&self) -> &Mixture {
        match self {
            Self::Pixels(density) => density.mixture(),
            Self::Codes(mixture, _) => mixture,
        }
    }

    /// What is known of it before anything is judged by it.
    fn told(&self) -> Value {
        let mixture = self.mixture();
        let mut value = json!({
            "components": mixture.components(),
            "dims": mixture.dims(),
            "fitted_to": mixture.items(),
            "steps": mixture.history().len(),
            "bic": mixture.bic(),
            "reseeded": mixture.reseeded(),
            "collapsed": mixture.collapsed(),
            "weights": mixture.weights().collect::<Vec<f64>>(),
        });
        match self {
            Self::Pixels(density) => {
                value["space"] = "pixels".into();
                value["unit"] =
                    "nats per picture, of a density over pixels in [0, 1]; not a probability of binarised pixels"
                        .into();
                value["explained"] = density.explained().into();
                value["residual_variance"] = density.residual().into();
            }
            Self::Codes(mixture, _) => {
                value["space"] = "codes".into();
                value["unit"] = format!(
                    "nats per code, of a density over {} numbers",
                    mixture.dims()
                )
                .into();
            }
        }
        value
    }

    /// Mean log-density with its standard error.
    fn likelihood(&self, items: &Items, common: &Common) -> Result<Value> {
        let each = match self {
            Self::Pixels(density) => {
                density.log_densities(&items.pictures, &common.progress("Judging"))?
            }
            Self::Codes(mixture, _) => mixture.log_densities(&items.codes),
        };
        let n = each.len() as f64;
        let mean = each.iter().sum::<f64>() / n;
        let squares: f64 = each.iter().map(|x| (x - mean).powi(2)).sum();
        let error = (squares / (n - 1.0).max(1.0) / n).sqrt();
        Ok(json!({ "mean": mean, "standard_error": error }))
    }

    fn samples<R: Rng>(&self, count: usize, with_noise: bool, rng: &mut R) -> Result<Vec<Picture>> {
        match self {
            Self::Pixels(density) => Ok((0..count)
                .map(|_| density.sample(with_noise, rng))
                .collect()),
            Self::Codes(mixture, model) => {
                let codes: Vec<f32> = (0..count).flat_map(|_| mixture.sample(rng)).collect();
                decoded(model, &codes)
            }
        }
    }

    fn mean(&self, component: usize) -> Result<Picture> {
        match self {
            Self::Pixels(density) => Ok(density.component_mean(component)),
            Self::Codes(mixture, model) => Ok(decoded(model, &mixture.mean(component))?.remove(0)),
        }
    }

    /// `[n, components]`.
    fn responsibilities(&self, items: &Items, common: &Common) -> Result<Vec<f64>> {
        match self {
            Self::Pixels(density) => {
                density.responsibilities(&items.pictures, &common.progress("Judging"))
            }
            Self::Codes(mixture, _) => {
                let codes = items.codes.chunks_exact(mixture.dims());
                Ok(codes
                    .flat_map(|code| mixture.responsibilities(code))
                    .collect())
            }
        }
    }
}

/// The pictures of codes.
fn decoded(model: &AutoEncoder, codes: &[f32]) -> Result<Vec<Picture>> {
    const BATCH: usize = 64;
    let shape = model.spec().shape;
    let mut pictures = Vec::with_capacity(codes.len() / model.code());
    for batch in codes.chunks(BATCH * model.code()) {
        let pixels = model.decode(batch)?;
        pictures.extend(pixels.chunks_exact(shape.len()).map(|pixels| Picture {
            shape,
            pixels: pixels.to_vec(),
        }));
    }
    Ok(pictures)
}

/// The picture of responsibilities, and for each of its items which components answer for it.
///
/// Its first row shows the components' means, the heaviest first, over bars as long as their weights. Each further row begins with an
/// item; behind it every component's mean stands out from the page as far as that component answers for the item.
fn answering(density: &Density, items: &Items, common: &Common) -> Result<(RgbImage, Value)> {
    const GAP: u32 = 4;
    const BAR: u32 = 4;
    const PAGE: Rgb<u8> = Rgb([24, 26, 32]);
    const MARK: Rgb<u8> = Rgb([86, 180, 233]);
    let weights: Vec<f64> = density.mixture().weights().collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    let shown = &order[..order.len().min(SHOWN_COMPONENTS)];
    let shape = items.pictures.shape();
    let scale = output::scale_for(shape);
    let (w, h) = (shape.width as u32 * scale, shape.height as u32 * scale);
    let means: Vec<RgbImage> = shown
        .iter()
        .map(|&component| Ok(density.mean(component)?.to_rgb(scale)))
        .collect::<Result<_>>()?;
    let rows = items.pictures.len() as u32;
    let first = 2 * GAP + h + BAR + GAP;
    let mut page = RgbImage::from_pixel(
        GAP + (shown.len() as u32 + 1) * (w + GAP),
        first + rows * (h + GAP),
        PAGE,
    );
    let left = |column: usize| GAP + (column as u32 + 1) * (w + GAP);
    for (column, (mean, &component)) in means.iter().zip(shown).enumerate() {
        image::imageops::replace(&mut page, mean, i64::from(left(column)), i64::from(GAP));
        let length = (weights[component] / weights[shown[0]] * f64::from(w)).round() as u32;
        for (x, y) in (0..length.min(w)).flat_map(|x| (0..BAR).map(move |y| (x, y))) {
            page.put_pixel(left(column) + x, GAP + h + 2 + y, MARK);
        }
    }
    let shares = density.responsibilities(items, common)?;
    let mut told = Vec::new();
    for (item, shares) in shares.chunks_exact(weights.len()).enumerate() {
        let top = first + item as u32 * (h + GAP);
        let picture = items.pictures.picture(item).to_rgb(scale);
        image::imageops::replace(&mut page, &picture, i64::from(GAP), i64::from(top));
        for (column, (mean, &component)) in means.iter().zip(shown).enumerate() {
            let share = shares[component];
            for (x, y, &Rgb(pixel)) in mean.enumerate_pixels() {
                let mixed = [0, 1, 2].map(|c| {
                    let (page, pixel) = (f64::from(PAGE.0[c]), f64::from(pixel[c]));
                    (page + share * (pixel - page)).round() as u8
                });
                page.put_pixel(left(column) + x, top + y, Rgb(mixed));
            }
        }
        let mut answers: Vec<(usize, f64)> = shares.iter().copied().enumerate().collect();
        answers.sort_by(|a, b| b.1.total_cmp(&a.1));
        let answers = answers
            .iter()
            .take_while(|(_, share)| *share >= 0.01)
            .take(3);
        let answers =
            answers.map(|(component, share)| json!({ "component": component, "share": share }));
        told.push(json!({ "item": item, "components": answers.collect::<Vec<Value>>() }));
    }
    Ok((page, told.into()))
}

/// Figures as people read them.
fn in_words(value: &mut Value) {
    for name in ["log_likelihood", "log_likelihood_held_out"] {
        let number = |key: &str| value.get(name)?.get(key)?.as_f64();
        if let (Some(mean), Some(error)) = (number("mean"), number("standard_error")) {
            value[name] = format!("{mean:.2} ± {error:.2}").into();
        }
    }
    if let Some(entries) = value.as_object_mut() {
        let weights = entries.get("weights").and_then(Value::as_array).map(|all| {
            let mut weights: Vec<f64> = all.iter().filter_map(Value::as_f64).collect();
            weights.sort_by(|a, b| b.total_cmp(a));
            let shown = weights
                .iter()
                .take(SHOWN_COMPONENTS)
                .map(|w| format!("{w:.3}"));
            shown.collect::<Vec<_>>().join(" ")
        });
        entries.insert("weights".into(), weights.into());
        entries.remove("answering");
    }
}
