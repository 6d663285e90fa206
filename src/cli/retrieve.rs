//! `morphospace retrieve`: nearest neighbours of many queries, and how good they are.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use super::{Common, output};
use crate::data::{DatasetSource, Labels};
use crate::error::{Error, Result};
use crate::retrieval::measures::Summary;
use crate::retrieval::{Space, nearest_codes, nearest_pixels};
use crate::space::CodeTable;

/// Find and judge nearest neighbours in pixel space or code space
#[derive(Debug, Args)]
pub(super) struct Retrieve {
    /// Pictures to search in
    #[arg(long, value_name = "GALLERY")]
    data: DatasetSource,
    /// Pictures to search for; the same as --data leaves each out of its own answer
    #[arg(long, value_name = "SRC")]
    queries: DatasetSource,
    /// The model, for code space
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Where to measure distances: pixel or code
    #[arg(long, default_value = "pixel")]
    space: Space,
    /// Neighbours per query
    #[arg(long, value_name = "K", default_value_t = 10)]
    k: usize,
    /// Where to write the ids, [queries, k] u32
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Retrieve {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if self.k == 0 {
            return Err(Error::usage("k is at least 1"));
        }
        let gallery = common.load_data(&self.data)?;
        let is_same = self.queries == self.data;
        let queries = if is_same {
            gallery.clone()
        } else {
            common.load_data(&self.queries)?
        };
        let own: Option<Vec<u32>> = is_same.then(|| (0..queries.len() as u32).collect());
        let neighbours = match self.space {
            Space::Pixel => nearest_pixels(
                &gallery,
                &queries,
                self.k,
                own.as_deref(),
                &common.progress("Searching pixels"),
            )?,
            Space::Code => {
                let Some(path) = &self.model else {
                    return Err(
                        Error::usage("code space needs a model").hint("give one with --model")
                    );
                };
                let (_, model) = common.load_model(path)?;
                let posteriors = common.encode(&model, &gallery)?;
                let kl = posteriors.kl_per_dimension(model.code());
                let table = CodeTable::new(posteriors.mean, model.code(), kl)?;
                let codes = if is_same {
                    table.codes().to_vec()
                } else {
                    common.encode(&model, &queries)?.mean
                };
                nearest_codes(
                    &table,
                    &codes,
                    self.k,
                    own.as_deref(),
                    &common.progress("Searching codes"),
                )?
            }
        };
        let labels = match (queries.labels(), gallery.labels()) {
            (Some(q), Some(g)) => Some((classes_of(q, g), g.values.as_slice())),
            _ => None,
        };
        let labels = labels.as_ref().map(|(q, g)| (q.as_slice(), *g));
        let summary = Summary::new(&neighbours, labels)?;
        if let Some(out) = &self.out {
            output::write_npy(out, &neighbours.ids, neighbours.k)?;
        }
        let value = serde_json::to_value(summary).unwrap_or_else(|_| Value::Object(Map::new()));
        output::print(common.json, &value);
        Ok(())
    }
}

/// The queries' classes as the gallery numbers them, by name; a class that the gallery lacks gets a number beyond its own.
fn classes_of(queries: &Labels, gallery: &Labels) -> Vec<u16> {
    let number = |name: &String| gallery.names.iter().position(|g| g == name);
    let numbers: Vec<u16> = queries
        .names
        .iter()
        .map(|name| number(name).map_or(u16::MAX, |i| i as u16))
        .collect();
    let of = |class: &u16| {
        numbers
            .get(usize::from(*class))
            .copied()
            .unwrap_or(u16::MAX)
    };
    queries.values.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_compared_by_name() {
        let labels = |names: &[&str], values: &[u16]| Labels {
            values: values.to_vec(),
            names: names.iter().map(ToString::to_string).collect(),
        };
        let gallery = labels(&["ant", "bee", "cat"], &[0, 1, 2]);
        let queries = labels(&["bee", "dog", "cat"], &[0, 1, 2, 2]);
        assert_eq!(classes_of(&queries, &gallery), [1, u16::MAX, 2, 2]);
    }
}
