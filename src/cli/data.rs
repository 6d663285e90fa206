//! `morphospace data`: what there is to look at.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Common, output};
use crate::data::{Column, ColumnValues, DatasetSource, creatures};
use crate::error::Result;

/// List or describe data
#[derive(Debug, Args)]
pub(super) struct Data {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// List the built-in data
    List,
    /// Read data and say what is in it
    Describe {
        /// What to read
        #[arg(value_name = "SRC")]
        source: DatasetSource,
    },
}

impl Data {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let value = match self.command {
            DataCommand::List => json!({
                "faces": "portraits, 64×64 RGB, drawn by the program with named factors",
                "digits": "handwriting-like digits, 28×28 grey, drawn by the program with labels and named factors",
                "creatures": format!(
                    "little monsters, 20×20 in a palette of {} colours, drawn by the program with labels and named factors",
                    creatures::colours()
                ),
            }),
            DataCommand::Describe { source } => describe(&source, common)?,
        };
        output::print(common.json, &value);
        Ok(())
    }
}

fn describe(source: &DatasetSource, common: &Common) -> Result<Value> {
    let dataset = common.load_data(source)?;
    let shape = dataset.shape();
    let factors: Vec<Value> = dataset
        .factors()
        .iter()
        .map(|f| json!({ "name": f.name, "range": f.range }))
        .collect();
    let columns: Vec<Value> = dataset.columns().iter().map(column).collect();
    let skipped: Vec<Value> = dataset
        .skipped()
        .iter()
        .map(|s| json!({ "file": s.file.display().to_string(), "reason": s.reason }))
        .collect();
    Ok(json!({
        "name": dataset.name(),
        "items": dataset.len(),
        "height": shape.height,
        "width": shape.width,
        "channels": shape.channels,
        "colours": dataset.palette().map(|palette| palette.colours().len()),
        "classes": dataset.labels().map(|l| l.names.clone()),
        "factors": factors,
        "columns": columns,
        "skipped": skipped,
        "digest": format!("{:016x}", dataset.digest()),
    }))
}

/// A column of metadata: its kind, what its values lie between or are one of, and how many items have none.
fn column(column: &Column) -> Value {
    let mut value = json!({
        "name": column.name,
        "kind": column.kind(),
        "missing": column.missing(),
    });
    match &column.values {
        ColumnValues::Number(_) => value["range"] = json!(column.range()),
        ColumnValues::Category { names, .. } => value["categories"] = json!(names),
        ColumnValues::Text(_) => {}
    }
    value
}
