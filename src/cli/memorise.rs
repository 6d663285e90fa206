//! `morphospace memorise`: how much a model copies what it was trained on.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use image::{Rgb, RgbImage};
use serde_json::{Map, Value, json};

use super::{Common, output};
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::model::{
    Copies, FoldedOut, LIKELIHOOD_SAMPLES, Memorised, ModelFile, Suspects, memorise,
};
use crate::retrieval::memorisation::{Dependence, Nearest};

/// Pictures told of, and drawn.
const CLOSEST: usize = 16;

/// Find out how much a model copies the items it was trained on
#[derive(Debug, Args)]
pub(super) struct Memorise {
    /// The data that the model was trained on
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Samples of the prior, and reconstructed training items
    #[arg(long, value_name = "N", default_value_t = 1000)]
    samples: usize,
    /// Pictures that the model never saw; without this, the items of --data that were kept out of training
    #[arg(long, value_name = "SRC")]
    held_out: Option<DatasetSource>,
    /// Where to write a PNG of the samples nearest to training items, above the nearest of each in pixels and in codes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also train K models, each without one fold of the items, and tell how much each item's likelihood depends on it
    #[arg(long, value_name = "K")]
    folds: Option<usize>,
    /// Epochs of these trainings; without this as many as the model's
    #[arg(long, value_name = "E", requires = "folds")]
    epochs: Option<usize>,
    /// Where to write each item's fold, likelihoods and score, as CSV
    #[arg(long, value_name = "FILE", requires = "folds")]
    scores: Option<PathBuf>,
}

impl Memorise {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let start = Instant::now();
        for file in [&self.out, &self.scores].into_iter().flatten() {
            output::check_writable(file)?;
        }
        let data = common.load_data(&self.data)?;
        let (file, model) = common.load_model(&self.model)?;
        Common::check_shape(&model, &data)?;
        let parts = self.parts(&file, &data, common)?;
        let folded = self.folds.map(|folds| FoldedOut {
            spec: file.spec.clone(),
            config: crate::model::TrainConfig {
                epochs: self.epochs.unwrap_or(file.config.epochs),
                ..file.config.clone()
            },
            folds,
            is_all: !parts.is_trained_on,
        });
        // What cannot be done is told before anything is.
        folded.as_ref().map_or(Ok(()), FoldedOut::check)?;
        let other = self
            .held_out
            .as_ref()
            .map(|source| common.load_data(source))
            .transpose()?;
        let all_of_other: Vec<u32> = (0..other.as_ref().map_or(0, Dataset::len) as u32).collect();
        let held_out = match &other {
            Some(other) => (other, all_of_other.as_slice()),
            None => (&data, parts.held_out.as_slice()),
        };
        let codes = common.encode(&model, &data)?.mean;
        let suspects = Suspects {
            model: &model,
            frequencies: &file.statistics.mean,
            data: &data,
            codes: &codes,
            train: &parts.train,
            held_out,
        };
        let progress = common.progress("Comparing with training items");
        let found = memorise(&suspects, self.samples, common.seed, &progress)?;
        if let Some(out) = &self.out {
            output::write_png(out, &page(&data, &found))?;
        }
        let mut value = told(&found);
        if !parts.is_trained_on {
            value["note"] = note(&file, &data).into();
        }
        if let Some(folded) = folded {
            let (device, _) = crate::engine::choose_device(common.device)?;
            let progress = common.progress("Training without each fold");
            let found = folded.measure(&data, &device, &progress)?;
            if let Some(file) = &self.scores {
                write_atomically(file, table(&found).as_bytes())?;
            }
            value["leave_fold_out"] = told_of(&found, folded.config.epochs, common.seed);
        }
        value["secs"] = start.elapsed().as_secs_f64().into();
        output::print(
            common.json,
            &if common.json { value } else { in_lines(&value) },
        );
        Ok(())
    }

    /// Which items count as trained on, and which as held out.
    fn parts(&self, file: &ModelFile, data: &Dataset, common: &Common) -> Result<Parts> {
        let Some((held_out, train)) = file.parts(data) else {
            if self.held_out.is_none() {
                return Err(Error::model(note(file, data)).hint(
                    "give the data it was trained on, with the same seed, or pictures it never saw with --held-out",
                ));
            }
            if !common.quiet {
                eprintln!("{}: all of it counts as trained on", note(file, data));
            }
            return Ok(Parts {
                held_out: Vec::new(),
                train: (0..data.len() as u32).collect(),
                is_trained_on: false,
            });
        };
        if held_out.is_empty() && self.held_out.is_none() {
            return Err(Error::model(format!(
                "the model was trained on all of {}, nothing was held out",
                data.name()
            ))
            .hint("give pictures it never saw with --held-out, such as a test part"));
        }
        Ok(Parts {
            held_out,
            train,
            is_trained_on: true,
        })
    }
}

struct Parts {
    held_out: Vec<u32>,
    train: Vec<u32>,
    /// Whether the model says so itself.
    is_trained_on: bool,
}

/// What the model says it was trained on.
fn note(file: &ModelFile, data: &Dataset) -> String {
    let provenance = &file.provenance;
    if provenance.source.is_empty() {
        return format!(
            "the model does not say what it was trained on, not that it was {}",
            data.name()
        );
    }
    format!(
        "the model was trained on {} ({} items), not on these {} of {}",
        provenance.source,
        provenance.items,
        data.len(),
        data.name()
    )
}

/// Figures one below the other, as people read them: shares with their intervals, and no lists.
fn in_lines(value: &Value) -> Value {
    fn add(lines: &mut Map<String, Value>, name: &str, value: &Value) {
        let Some(entries) = value.as_object() else {
            if !value.is_array() || name == "held_out" {
                lines.insert(name.to_owned(), value.clone());
            }
            return;
        };
        let number = |key: &str| value.get(key).and_then(Value::as_f64);
        if let (Some(mean), Some(low), Some(high)) = (number("mean"), number("low"), number("high"))
        {
            let text = format!("{mean:.4} ({low:.4} to {high:.4})");
            lines.insert(name.to_owned(), text.into());
            return;
        }
        for (key, value) in entries.iter().filter(|(key, _)| *key != "histogram") {
            add(lines, &format!("{name} {key}"), value);
        }
    }
    let mut lines = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        add(&mut lines, name, value);
    }
    Value::Object(lines)
}

/// The figures.
fn told(found: &Memorised) -> Value {
    let figures = &found.figures;
    let mut value = json!(figures);
    for (name, space) in [("pixels", &figures.pixels), ("codes", &figures.codes)] {
        value[name]["in_words"] = space.in_words().into();
    }
    let each = |copies: &Copies, of_pixels: &Nearest, of_codes: &Nearest, originals: &[u32]| {
        let tell = |&at: &usize| {
            json!({
                "at": at,
                "original": originals.get(at),
                "pixel_item": of_pixels.ids[at],
                "pixel_distance": of_pixels.distances[at],
                "code_item": of_codes.ids[at],
                "code_distance": of_codes.distances[at],
            })
        };
        copies
            .places
            .iter()
            .take(CLOSEST)
            .map(tell)
            .collect::<Vec<Value>>()
    };
    let (pixels, codes) = (&figures.pixels.found, &figures.codes.found);
    value["closest_samples"] = each(&found.samples, &pixels.samples, &codes.samples, &[]).into();
    value["closest_reconstructions"] = each(
        &found.reconstructions,
        &pixels.reconstructions,
        &codes.reconstructions,
        &figures.originals,
    )
    .into();
    value
}

fn told_of(found: &Dependence, epochs: usize, seed: u64) -> Value {
    let order = found.highest_first();
    let highest = order.iter().take(CLOSEST).map(|&at| {
        json!({
            "item": found.items[at],
            "score": found.score(at),
            "seen": found.seen[at],
            "unseen": found.unseen[at],
        })
    });
    let share = |share: f64| order.get(((order.len() - 1) as f64 * (1.0 - share)) as usize);
    json!({
        "folds": found.folds,
        "epochs": epochs,
        "likelihood_samples": LIKELIHOOD_SAMPLES,
        "mean": found.mean(seed),
        "median": share(0.5).map(|&at| found.score(at)),
        "q95": share(0.95).map(|&at| found.score(at)),
        "highest": highest.collect::<Vec<Value>>(),
    })
}

fn table(found: &Dependence) -> String {
    let mut text = String::from("item,fold,seen,unseen,score\n");
    for (i, item) in found.items.iter().enumerate() {
        let (seen, unseen, score) = (found.seen[i], found.unseen[i], found.score(i));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{item},{},{seen},{unseen},{score}", found.fold[i]);
    }
    text
}

/// The samples nearest to training items, the nearest item of each in pixels, and that in codes.
fn page(data: &Dataset, found: &Memorised) -> RgbImage {
    const GAP: u32 = 4;
    const PAPER: Rgb<u8> = Rgb([24, 26, 32]);
    let shape = data.shape();
    let scale = output::scale_for(shape);
    let (w, h) = (
        shape.width as u32 * scale + GAP,
        shape.height as u32 * scale + GAP,
    );
    let columns = found.samples.places.len().min(CLOSEST);
    let mut page = RgbImage::from_pixel(columns as u32 * w + GAP, 3 * h + GAP, PAPER);
    let (pixels, codes) = (&found.figures.pixels.found, &found.figures.codes.found);
    for (column, &at) in found.samples.places.iter().take(columns).enumerate() {
        let tiles = [
            found.samples.pictures[column].to_rgb(scale),
            data.picture(pixels.samples.ids[at] as usize).to_rgb(scale),
            data.picture(codes.samples.ids[at] as usize).to_rgb(scale),
        ];
        for (row, tile) in (0_u32..).zip(&tiles) {
            let (x, y) = (GAP + column as u32 * w, GAP + row * h);
            image::imageops::replace(&mut page, tile, i64::from(x), i64::from(y));
        }
    }
    page
}
