//! `morphospace probe`: whether a conditional model draws what it is asked for by name, as a network of its own sees it.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::{Common, output};
use crate::data::{DatasetSource, Picture};
use crate::error::Result;
use crate::model::{
    ConditionKind, ProbePlan, Probed, Share, Sides, VISIBLE, rows_of_named, seed_of_others,
};

/// Pictures in a row of the page.
const COLUMNS: usize = 9;

/// Find out how often a conditional model draws what it is asked for, by a probe that is trained on its own
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// The model, conditioned on classes or attributes
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Pictures that the probe learns from and is measured on; built-in ones are drawn anew
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Pictures asked for of each class or, half of them low and half of them high, of each attribute
    #[arg(long, value_name = "N", default_value_t = 400)]
    items: usize,
    /// Passes of the probe over its pictures
    #[arg(long, value_name = "N", default_value_t = 12)]
    epochs: usize,
    /// Where to write a PNG: a row for each attribute from low to high with one style, or for each class with nine styles
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Probe {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let start = Instant::now();
        if let Some(out) = &self.out {
            output::check_writable(out)?;
        }
        let (file, model) = common.load_model(&self.model)?;
        let seed = seed_of_others(common.seed, file.config.seed);
        let dataset = common.load_drawn(&self.data, seed)?;
        let plan = ProbePlan {
            epochs: self.epochs,
            asked: self.items,
            seed: common.seed,
            ..ProbePlan::default()
        };
        let found = plan.run(&model, &dataset, &common.progress("Probing"))?;
        if let Some(out) = &self.out {
            let rows = rows_of_named(&model, &dataset, COLUMNS, common.seed)?;
            output::write_png(out, &page(&rows))?;
        }
        let secs = start.elapsed().as_secs_f64();
        if let (Some(why), false) = (&found.stopped, common.quiet) {
            eprintln!("The probe: {why}");
        }
        if common.json {
            let [n_train, n_validation, n_measured] = found.items;
            let summary = found.summary();
            let value = json!({
                "model": self.model,
                "data": dataset.name(),
                "n_train": n_train,
                "n_validation": n_validation,
                "n_measured": n_measured,
                "kind": found.kind,
                "named": named(&found),
                "visible_from": VISIBLE,
                "visible": found.visible().count(),
                "visible_found": summary.map(|(reached, ..)| reached),
                "least_found": summary.map(|(.., least)| least),
                "steps": found.steps[0],
                "best_step": found.steps[1],
                "stopped": found.stopped,
                "out": self.out,
                "secs": secs,
            });
            output::print(true, &value);
        } else {
            print_table(&found, secs);
        }
        Ok(())
    }
}

fn share(share: Share) -> Value {
    json!({
        "share": share.value(),
        "interval": share.interval(),
        "n": share.tries,
    })
}

fn sides(sides: &Sides) -> Value {
    let mut value = share(sides.both());
    value["at"] = json!(sides.at);
    value["low"] = share(sides.found[0]);
    value["high"] = share(sides.found[1]);
    value
}

/// An object for each class or attribute.
fn named(found: &Probed) -> Vec<Value> {
    let object = |told: &crate::model::Told| {
        json!({
            "name": told.name,
            "visible": told.is_visible(),
            "real": share(told.real),
            "alike": told.alike.as_ref().map(|alike| {
                let mut value = sides(alike);
                value["balanced"] = json!(alike.balanced());
                value
            }),
            "found": told.sides.as_ref().map_or_else(|| share(told.found), sides),
            "far": told.far.as_ref().map(sides),
        })
    };
    found.told.iter().map(object).collect()
}

fn print_table(found: &Probed, secs: f64) {
    use std::io::Write as _;
    let is_class = found.kind == ConditionKind::Class;
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let mut head = vec!["", "all real", "real alike", "found", "95 %", "farther", ""];
    head[0] = if is_class { "class" } else { "attribute" };
    let mut lines: Vec<Vec<String>> = vec![head.into_iter().map(Into::into).collect()];
    for told in &found.told {
        let [low, high] = told.found.interval().map(percent);
        lines.push(vec![
            told.name.clone(),
            percent(told.real.value()),
            told.alike
                .and_then(|alike| alike.balanced())
                .map_or("–".to_owned(), percent),
            percent(told.found.value()),
            format!("[{low}, {high}]"),
            told.far
                .map_or(String::new(), |far| percent(far.both().value())),
            if told.is_visible() { "visible" } else { "" }.into(),
        ]);
    }
    if is_class {
        for line in &mut lines {
            line.remove(5);
            line.remove(2);
        }
    }
    let columns = lines[0].len();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
    let mut out = std::io::stdout().lock();
    // A reader that went away, such as `head`, is no failure of ours.
    let _ = writeln!(out, "What a probe tells of the pictures, %");
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate();
        let cells: Vec<String> = cells
            .map(|(i, (cell, &width))| {
                if i == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        let _ = writeln!(out, "{}", cells.join("   ").trim_end());
    }
    let [train, validation, measured] = found.items;
    let least = 100.0 * VISIBLE;
    let _ = if is_class {
        writeln!(
            out,
            "visible: told of at least {least:.0} % of real pictures of the class; found: pictures that are taken for the class asked for"
        )
    } else {
        writeln!(
            out,
            "real: held-out pictures that are taken for the side of the middle they are on, all of them and those within an eighth of the range of a value \
             asked for, low and high weighed alike; visible: at least {least:.0} % of the latter; found: pictures that are on the side asked for, at a quarter \
             and three quarters of the range (farther: a tenth and nine tenths)"
        )
    };
    let _ = match found.summary() {
        Some((reached, visible, least)) => writeln!(
            out,
            "{reached} of {visible} visible ones found in at least {:.0} %, the least in {} %",
            100.0 * VISIBLE,
            percent(least)
        ),
        None => writeln!(out, "nothing is visible to the probe"),
    };
    let _ = writeln!(
        out,
        "The probe: {train} pictures to learn from, {validation} to choose by, {measured} to measure on; {secs:.0} s"
    );
}

/// Rows of pictures.
fn page(rows: &[Vec<Picture>]) -> RgbImage {
    const GAP: u32 = 4;
    const PAPER: Rgb<u8> = Rgb([24, 26, 32]);
    let Some(shape) = rows.iter().flatten().map(|p| p.shape).next() else {
        return RgbImage::from_pixel(1, 1, PAPER);
    };
    let scale = output::scale_for(shape);
    let (w, h) = (
        shape.width as u32 * scale + GAP,
        shape.height as u32 * scale + GAP,
    );
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let size = (columns * w + GAP, rows.len() as u32 * h + GAP);
    let mut page = RgbImage::from_pixel(size.0, size.1, PAPER);
    for (r, row) in (0_u32..).zip(rows) {
        for (c, picture) in (0_u32..).zip(row) {
            let (x, y) = (i64::from(GAP + c * w), i64::from(GAP + r * h));
            image::imageops::replace(&mut page, &picture.to_rgb(scale), x, y);
        }
    }
    page
}
