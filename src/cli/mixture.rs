//! `morphospace mixture`: a mixture of Gaussians as the density model to compare with, over pictures or over a model's codes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{Common, device_named, output};
use crate::data::{DatasetSource, Picture};
use crate::error::{Error, Result};
use crate::model::AutoEncoder;
use crate::progress::Progress;
use crate::space::{Density, DensityItems, DensityPlan, LogLikelihood, Over};

/// Most samples drawn on one page.
const MOST_SAMPLES: usize = 10_000;

/// How often a mixture is written while it is fitted.
const SAVED_EVERY: Duration = Duration::from_secs(10);

/// Components and items in the picture of responsibilities.
const SHOWN_COMPONENTS: usize = 16;
const SHOWN_ITEMS: usize = 12;

/// Fit a mixture of Gaussians to pictures, or to their codes
#[derive(Debug, Args)]
pub(super) struct MixtureOf {
    /// Pictures to fit to, 50,000 of them at most, or to judge by --load
    #[arg(long, value_name = "SRC", required_unless_present = "load")]
    data: Option<DatasetSource>,
    /// A model: the mixture is fitted to its codes in place of pixels, and its samples are decoded
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Gaussians at most, each with a full covariance
    #[arg(long, value_name = "K", default_value_t = 10, conflicts_with_all = ["load", "resume"])]
    components: usize,
    /// Principal components of the pixels that they are over; the rest is noise of equal variance
    #[arg(long, value_name = "D", default_value_t = 50, conflicts_with_all = ["model", "load", "resume"])]
    dims: usize,
    /// Steps of expectation and maximisation in all, at most; it ends before when one adds next to nothing. Without this 200; where these
    /// are taken and it has not settled, 200 more
    #[arg(long, value_name = "N", conflicts_with = "load")]
    steps: Option<usize>,
    /// Pictures to judge by; without this a tenth of --data is held out
    #[arg(long, value_name = "SRC")]
    test: Option<DatasetSource>,
    /// Where to write the mixture, while it is fitted and at the end; without this the file of --resume
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// A mixture that was written: it is not fitted anew
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "save"])]
    load: Option<PathBuf>,
    /// A mixture that was left off: go on with it, on the data that it began with
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
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
    #[arg(long, value_name = "FILE", requires = "data")]
    responsibilities: Option<PathBuf>,
}

impl MixtureOf {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let start = Instant::now();
        let save = self.save.as_ref().or(self.resume.as_ref());
        for file in [save, self.out.as_ref(), self.responsibilities.as_ref()] {
            file.map_or(Ok(()), |file| output::check_writable(file))?;
        }
        if self.count == 0 || self.count > MOST_SAMPLES {
            return Err(Error::usage(format!(
                "a page shows 1 to {MOST_SAMPLES} pictures, not {}",
                self.count
            )));
        }
        let known = self.load.as_ref().or(self.resume.as_ref());
        let known = known.map(|path| Density::load(path)).transpose()?;
        let model = self.model.as_ref().map(|path| common.load_model(path));
        let model = model.transpose()?.map(|(_, model)| model);
        if let Some(density) = &known {
            check_model(density, self.model.as_deref(), model.as_ref())?;
        }
        let read = |source: &DatasetSource| items(source, model.as_ref(), common);
        let data = self.data.as_ref().map(read).transpose()?;
        let test = self.test.as_ref().map(read).transpose()?;
        let density = match (&data, known) {
            (Some(data), known) if self.load.is_none() => {
                self.fitted(known, (data, test.as_ref()), save, common)?
            }
            (_, Some(density)) => density,
            (_, None) => return Err(Error::usage("pictures to fit to are asked for: --data")),
        };
        // What was found is told in any case.
        let saved = match save {
            Some(save) => density.save(save),
            None => Ok(()),
        };
        let mut value = told(&density);
        // Which of which items the components' page shows.
        let mut shown = None;
        if let Some(data) = &data {
            value["data"] = data.pictures().name().into();
            let placed = density.place(data, &common.progress("Judging"))?;
            let (each, _) = density.judge(&placed);
            let judged = |ids: &[usize]| likelihood(ids.iter().map(|&id| each[id]));
            if let Some((fitted, held_out)) = density.parts(data) {
                value["log_likelihood"] = judged(&fitted);
                if test.is_none() && !held_out.is_empty() {
                    value["held_out"] = data.pictures().name().into();
                    value["n_held_out"] = held_out.len().into();
                    value["log_likelihood_held_out"] = judged(&held_out);
                    shown = Some((data, held_out));
                }
            } else {
                // Other items than it was fitted to.
                value["n_data"] = each.len().into();
                value["log_likelihood_data"] = likelihood(each.iter().copied());
            }
            shown = shown.or_else(|| Some((data, (0..each.len()).collect())));
        }
        if let Some(test) = &test {
            let placed = density.place(test, &common.progress("Judging"))?;
            let (each, _) = density.judge(&placed);
            value["held_out"] = test.pictures().name().into();
            value["n_held_out"] = each.len().into();
            value["log_likelihood_held_out"] = likelihood(each.iter().copied());
            shown = Some((test, (0..each.len()).collect()));
        }
        if let Some(save) = save {
            value["file"] = save.display().to_string().into();
        }
        let decode = |codes: &[f32]| decoded(model.as_ref(), codes);
        if let Some(out) = &self.out {
            let mut rng = ChaCha8Rng::seed_from_u64(common.seed);
            let drawn = density.draw(self.count, self.noise, &mut rng);
            let pictures = drawn.pictures(decode)?;
            let shape = pictures[0].shape;
            let mut grid = output::Grid::new(pictures.len(), shape, output::scale_for(shape));
            for picture in &pictures {
                grid.push(picture);
            }
            output::write_png(out, &grid.finish())?;
            value["out"] = out.display().to_string().into();
        }
        if let (Some(out), Some((items, ids))) = (&self.responsibilities, shown) {
            let (page, told) = answering(&density, items, &few(&ids), &decode, common)?;
            output::write_png(out, &page)?;
            value["answering"] = told;
            value["responsibilities"] = out.display().to_string().into();
        }
        value["secs"] = start.elapsed().as_secs_f64().into();
        if !common.json {
            in_words(&mut value);
        }
        output::print(common.json, &value);
        saved
    }

    /// The mixture, begun where none is known and gone on with; it is written now and then.
    fn fitted(
        &self,
        known: Option<Density>,
        (data, test): (&DensityItems, Option<&DensityItems>),
        save: Option<&PathBuf>,
        common: &Common,
    ) -> Result<Density> {
        let progress = common.progress("Fitting a mixture");
        let begin = progress.part(0.0, 0.5);
        let mut density = known.map_or_else(|| self.begun(data, common, &begin), Ok)?;
        density.check_own(data)?;
        if let Some(test) = test {
            density.check(test)?;
        }
        // From here on there is something to go on with.
        if let Some(save) = save {
            density.save(save)?;
            if !common.quiet && !density.mixture().is_settled() {
                eprintln!(
                    "Should it be interrupted, it goes on with: morphospace mixture {}--resume {} --seed {}{}",
                    self.sources(),
                    save.display(),
                    common.seed,
                    device_named(common)
                );
            }
        }
        let steps = self.steps;
        let steps = steps.unwrap_or_else(|| density.mixture().steps_ahead());
        let mut saved = Instant::now();
        let part = progress.part(0.5, 1.0);
        density.go_on(data, steps, &part, &mut |so_far| {
            if let Some(save) = save.filter(|_| saved.elapsed() > SAVED_EVERY) {
                saved = Instant::now();
                // Later there may be room again, and the end is told in any case.
                if let Err(error) = so_far.save(save) {
                    eprintln!("morphospace: {error}");
                }
            }
            Ok(())
        })?;
        Ok(density)
    }

    /// The mixture from which the steps begin.
    fn begun(&self, data: &DensityItems, common: &Common, progress: &Progress) -> Result<Density> {
        let over = match self.model {
            Some(_) => Over::Codes,
            None => Over::Pixels { dims: self.dims },
        };
        let plan = DensityPlan {
            over,
            components: self.components,
            seed: common.seed,
            keeps_out: self.test.is_none(),
        };
        let model = self.model.as_ref();
        let model = model.and_then(|path| path.file_stem());
        let model = model.map(|stem| stem.to_string_lossy().into_owned());
        Density::begin(plan, data, model, progress)
    }

    /// The options that say what it is fitted to, and how far.
    fn sources(&self) -> String {
        let data = self.data.as_ref().map(|own| format!("--data {own} "));
        let model = self.model.as_ref();
        let model = model.map(|own| format!("--model {} ", own.display()));
        let test = self.test.as_ref().map(|own| format!("--test {own} "));
        let steps = self.steps.map(|own| format!("--steps {own} "));
        [data, model, test, steps].into_iter().flatten().collect()
    }
}

/// The pictures of a source, with their codes where there is a model.
fn items(
    source: &DatasetSource,
    model: Option<&AutoEncoder>,
    common: &Common,
) -> Result<DensityItems> {
    let pictures = Arc::new(common.load_data(source)?);
    match model {
        Some(model) => {
            let codes = common.encode(model, &pictures)?.mean;
            DensityItems::with_codes(pictures, codes)
        }
        None => Ok(DensityItems::of_pixels(pictures)),
    }
}

/// Fails when a mixture that was written needs a model that is not there, or another one, or none.
fn check_model(density: &Density, path: Option<&Path>, model: Option<&AutoEncoder>) -> Result<()> {
    let dims = density.mixture().dims();
    match (density.over_pixels(), path, model) {
        (Some(_), Some(_), _) => Err(Error::usage(
            "the mixture is over pixels and needs no --model",
        )),
        (None, _, None) => Err(Error::usage(format!(
            "the mixture is over codes of {}: its --model is asked for",
            density.fitted_to().1.unwrap_or("a model")
        ))),
        (None, Some(path), Some(model)) if model.code() != dims => Err(Error::usage(format!(
            "the mixture is over codes of {dims} numbers, those of {} have {}",
            path.display(),
            model.code()
        ))),
        _ => Ok(()),
    }
}

/// Some of the items, evenly spread.
fn few(ids: &[usize]) -> Vec<usize> {
    let count = SHOWN_ITEMS.min(ids.len());
    (0..count).map(|i| ids[i * ids.len() / count]).collect()
}

/// A mean log-density with its standard error.
fn likelihood(each: impl ExactSizeIterator<Item = f64> + Clone) -> Value {
    let found = LogLikelihood::of(each);
    json!({ "mean": found.mean, "standard_error": found.standard_error })
}

/// What is known of it before anything is judged by it.
fn told(density: &Density) -> Value {
    let mixture = density.mixture();
    let (name, model) = density.fitted_to();
    let mut value = json!({
        "components": mixture.components(),
        "dims": mixture.dims(),
        "fitted_to": name,
        "n_train": mixture.items(),
        "steps": mixture.steps(),
        "settled": mixture.is_settled(),
        "bic": mixture.bic(),
        "reseeded": mixture.reseeded(),
        "collapsed": mixture.collapsed(),
        "weights": mixture.weights().collect::<Vec<f64>>(),
    });
    if let Some(density) = density.over_pixels() {
        value["space"] = "pixels".into();
        value["unit"] =
            "nats per picture, of a density over pixels in [0, 1]; not a probability of binarised pixels"
                .into();
        value["explained"] = density.explained().into();
        value["residual_variance"] = density.residual().into();
    } else {
        value["space"] = "codes".into();
        value["model"] = model.into();
        value["unit"] = format!(
            "nats per code, of a density over {} numbers",
            mixture.dims()
        )
        .into();
    }
    value
}

/// The pictures of codes.
fn decoded(model: Option<&AutoEncoder>, codes: &[f32]) -> Result<Vec<Picture>> {
    const BATCH: usize = 64;
    let model = model.ok_or_else(|| Error::usage("codes are decoded by their --model"))?;
    let mut pictures = Vec::with_capacity(codes.len() / model.code());
    for batch in codes.chunks(BATCH * model.code()) {
        let pixels = model.decode(batch)?;
        pictures.extend(Picture::each_of(model.spec().shape, &pixels));
    }
    Ok(pictures)
}

/// The picture of responsibilities, and for each of its items which components answer for it.
///
/// Its first row shows the components' means, the heaviest first, over bars as long as their weights. Each further row begins with an
/// item; behind it every component's mean stands out from the page as far as that component answers for the item.
fn answering(
    density: &Density,
    items: &DensityItems,
    ids: &[usize],
    decode: &dyn Fn(&[f32]) -> Result<Vec<Picture>>,
    common: &Common,
) -> Result<(RgbImage, Value)> {
    const GAP: u32 = 4;
    const BAR: u32 = 4;
    const PAGE: Rgb<u8> = Rgb([24, 26, 32]);
    const MARK: Rgb<u8> = Rgb([86, 180, 233]);
    let weights: Vec<f64> = density.mixture().weights().collect();
    let order = density.order();
    let shown = &order[..order.len().min(SHOWN_COMPONENTS)];
    let pictures = items.pictures();
    let shape = pictures.shape();
    let scale = output::scale_for(shape);
    let (w, h) = (shape.width as u32 * scale, shape.height as u32 * scale);
    let means = density.means(shown).pictures(decode)?;
    let means: Vec<RgbImage> = means.iter().map(|mean| mean.to_rgb(scale)).collect();
    let rows = ids.len() as u32;
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
    let placed = density.place(items, &common.progress("Judging"))?;
    let mut told = Vec::new();
    for (row, &item) in ids.iter().enumerate() {
        let shares = density.responsibilities(&placed, item);
        let top = first + row as u32 * (h + GAP);
        let picture = pictures.picture(item).to_rgb(scale);
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
    for name in [
        "log_likelihood",
        "log_likelihood_data",
        "log_likelihood_held_out",
    ] {
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
        entries.retain(|_, value| !value.is_null());
    }
}
