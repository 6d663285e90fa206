//! `morphospace factors`: what each dimension of a code has to do with known factors of variation.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::{Common, output};
use crate::data::DatasetSource;
use crate::data::export::write_row;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::space::factors::{Factors, Known};

/// Measure what each dimension of the code has to do with known factors: mutual information, MIG, DCI, SAP, FactorVAE score
#[derive(Debug, Args)]
pub(super) struct FactorsCommand {
    /// Items with known factors: faces, digits, or data with classes or a table of numbers or categories
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Bins of each dimension, and of each factor that is a number
    #[arg(long, value_name = "N", default_value_t = 20)]
    bins: usize,
    /// Where to write a row for each factor and dimension, as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl FactorsCommand {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let start = Instant::now();
        if let Some(file) = &self.csv {
            output::check_writable(file)?;
        }
        let data = common.load_data(&self.data)?;
        let known = Known::of(&data);
        if known.is_empty() {
            return Err(Error::usage(format!(
                "nothing is known of the items of {} that a code could be measured against",
                data.name()
            ))
            .hint("take faces, digits, or data with classes or with a table (metadata.csv) whose columns are numbers or categories"));
        }
        let (_, model) = common.load_model(&self.model)?;
        let codes = common.encode(&model, &data)?.mean;
        let found = Factors::measure(
            &codes,
            model.code(),
            &known,
            self.bins,
            common.seed,
            &common.progress("Measuring factors"),
        )?;
        if let Some(file) = &self.csv {
            write_atomically(file, &table(&found))?;
        }
        let secs = start.elapsed().as_secs_f64();
        if common.json {
            let mut value = told(&found);
            value["secs"] = secs.into();
            output::print(true, &value);
        } else {
            output::print(false, &scores(&found, secs));
            // A reader that went away, such as `head`, is no failure of ours.
            let mut out = std::io::stdout().lock();
            let _ = std::io::Write::write_all(&mut out, matrix(&found).as_bytes());
        }
        Ok(())
    }
}

/// Everything that was found, a list of rows for each matrix.
fn told(found: &Factors) -> Value {
    let mut value = json!(found);
    let rows = |cells: &Value| -> Value {
        let cells = cells.as_array().map_or(&[][..], Vec::as_slice);
        cells.chunks(found.dims).map(|row| json!(row)).collect()
    };
    for (part, name) in [
        ("information", "nats"),
        ("information", "by_chance"),
        ("importance", "importance"),
        ("predictability", "scores"),
        ("votes", "votes"),
    ] {
        if !value[part].is_null() {
            value[part][name] = rows(&value[part][name]);
        }
    }
    let best = (0..found.names.len()).map(|factor| found.best(factor));
    value["best"] = best.collect::<Vec<usize>>().into();
    value
}

/// The scores, a line each.
fn scores(found: &Factors, secs: f64) -> Value {
    let number = |x: f64| Value::from(format!("{x:.4}"));
    let none = |reason: &str| Value::from(format!("none: {reason}"));
    let mut value = json!({
        "items": found.items,
        "factors": found.names.len(),
        "dims": found.dims,
        "mig": number(found.information.mig),
        "dci_disentanglement": found.importance.disentanglement
            .map_or_else(|| none("a single factor"), number),
        "dci_completeness": number(found.importance.completeness),
        "dci_informativeness": number(found.importance.informativeness),
        "sap": number(found.predictability.sap),
        "factor_vae": found.votes.as_ref()
            .map_or_else(|| none("too few items"), |votes| number(votes.score)),
    });
    if let Some(votes) = found.votes.as_ref().filter(|votes| !votes.dead.is_empty()) {
        value["dimensions_without_a_vote"] = votes.dead.len().into();
    }
    for factor in &found.left_out {
        value[format!("left_out {}", factor.name)] = factor.reason.clone().into();
    }
    value["secs"] = format!("{secs:.1}").into();
    value
}

/// The dimensions that tell most of each factor, in nats, beside its entropy.
fn matrix(found: &Factors) -> String {
    const TOLD: usize = 4;
    let names = found.names.iter().map(|name| name.chars().count());
    let width = names.max().unwrap_or(0).max("factor".len());
    let mut text = format!(
        "\n{:width$}  entropy     gap  nats by dimension (from 0)\n",
        "factor"
    );
    for (factor, name) in found.names.iter().enumerate() {
        let mut dims: Vec<usize> = (0..found.dims).collect();
        dims.sort_by(|&a, &b| found.nats(factor, b).total_cmp(&found.nats(factor, a)));
        let told = dims.iter().take(TOLD).map(|&dim| {
            let nats = found.nats(factor, dim);
            format!("{dim}: {nats:.3}")
        });
        let told = told.collect::<Vec<String>>().join("  ");
        let (entropy, gap) = (
            found.information.entropy[factor],
            found.information.gaps[factor],
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:width$}  {entropy:7.3}  {gap:6.3}  {told}");
    }
    text
}

/// A row for each factor and dimension.
fn table(found: &Factors) -> Vec<u8> {
    let mut out = Vec::new();
    let headings = "factor,dimension,nats,nats_by_chance,entropy,importance,predictability,votes";
    // Writing to memory cannot fail.
    let _ = write_row(&mut out, headings.split(',').map(Into::into));
    for (factor, name) in found.names.iter().enumerate() {
        for dim in 0..found.dims {
            let at = factor * found.dims + dim;
            let votes = found.votes.as_ref();
            let cells = [
                name.clone(),
                dim.to_string(),
                found.information.nats[at].to_string(),
                found.information.by_chance[at].to_string(),
                found.information.entropy[factor].to_string(),
                found.importance.importance[at].to_string(),
                found.predictability.scores[at].to_string(),
                votes.map_or(String::new(), |votes| votes.votes[at].to_string()),
            ];
            let _ = write_row(&mut out, cells.into_iter().map(Into::into));
        }
    }
    out
}
