//! `morphospace retrieve`: nearest neighbours of many queries, and how good they are.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value};

use super::short_list::{Long, ShortListArgs};
use super::{Common, output};
use crate::data::{Dataset, DatasetSource, Labels};
use crate::error::{Error, Result};
use crate::retrieval::measures::Summary;
use crate::retrieval::{Encoded, Gallery, Queries, Space};
use crate::space::CodeTable;

/// Find and judge nearest neighbours in pixels, in codes, or in what is made of them
#[derive(Debug, Args)]
pub(super) struct Retrieve {
    /// Pictures to search in
    #[arg(long, value_name = "GALLERY")]
    data: DatasetSource,
    /// Pictures to search for; the same as --data leaves each out of its own answer
    #[arg(long, value_name = "SRC")]
    queries: DatasetSource,
    /// The model, for all spaces but those of pixels
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Where to measure distances: pixel, pixel-cosine, pixel-centred, code, code-cosine, code-scaled, code-kl, bits, rotated-bits,
    /// components (of the pixels, as many as the code has numbers) or random (axes, as many)
    #[arg(long, default_value = "pixel")]
    space: Space,
    /// Neighbours per query
    #[arg(long, value_name = "K", default_value_t = 10)]
    k: usize,
    /// Where to write the ids, [queries, k] u32
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    short_list: ShortListArgs,
}

impl Retrieve {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if self.k == 0 {
            return Err(Error::usage("k is at least 1"));
        }
        let has_short_list = self.short_list.is_wanted(self.space)?;
        let gallery = common.load_data(&self.data)?;
        let is_same = self.queries == self.data;
        let queries = if is_same {
            gallery.clone()
        } else {
            common.load_data(&self.queries)?
        };
        let own: Option<Vec<u32>> = is_same.then(|| (0..queries.len() as u32).collect());
        let gallery = Arc::new(gallery);
        let encoded = self.encode(&gallery, &queries, is_same, common)?;
        let (of_gallery, of_queries) = match &encoded {
            Some((gallery, queries)) => (Some(gallery), Some(queries)),
            None => (None, None),
        };
        let ready = Gallery::new(
            self.space,
            &gallery,
            of_gallery,
            common.seed,
            &common.progress("Preparing the space"),
        )?;
        let asked = Queries {
            pictures: &queries,
            codes: of_queries.map_or(&[], |e| e.codes.codes()),
            log_variance: of_queries.map_or(&[], |e| &e.log_variance),
        };
        let progress = common.progress("Searching");
        let mut neighbours = ready.nearest(asked, self.k, own.as_deref(), &progress)?;
        let mut of_short_list = None;
        if has_short_list {
            let exact = Long {
                gallery: &ready,
                codes: asked.codes,
                neighbours: &neighbours,
            };
            let pictures = (&gallery, &queries);
            let (found, told) = self
                .short_list
                .search(pictures, &exact, own.as_deref(), common)?;
            (neighbours, of_short_list) = (found, Some(told));
        }
        let labels = match (queries.labels(), gallery.labels()) {
            (Some(q), Some(g)) => Some((classes_of(q, g), g.values.as_slice())),
            _ => None,
        };
        let labels = labels.as_ref().map(|(q, g)| (q.as_slice(), *g));
        let summary = Summary::new(&neighbours, labels)?;
        if let Some(out) = &self.out {
            output::write_npy(out, &neighbours.ids, neighbours.k)?;
        }
        let mut value = serde_json::to_value(summary).unwrap_or_else(|_| Value::Object(Map::new()));
        if let Some(told) = of_short_list {
            value["short_list"] = told;
        }
        output::print(common.json, &value);
        Ok(())
    }
}

impl Retrieve {
    /// What the model makes of gallery and queries, where the space needs a model.
    fn encode(
        &self,
        gallery: &Dataset,
        queries: &Dataset,
        is_same: bool,
        common: &Common,
    ) -> Result<Option<(Encoded, Encoded)>> {
        if !self.space.needs_codes() {
            return Ok(None);
        }
        let Some(path) = &self.model else {
            return Err(
                Error::usage(format!("the space {} needs a model", self.space))
                    .hint("give one with --model"),
            );
        };
        let (_, model) = common.load_model(path)?;
        let encode = |pictures: &Dataset| -> Result<Encoded> {
            let posteriors = common.encode(&model, pictures)?;
            let kl = posteriors.kl_per_dimension(model.code());
            Ok(Encoded {
                codes: Arc::new(CodeTable::new(posteriors.mean, model.code(), kl)?),
                log_variance: Arc::new(posteriors.log_variance),
                is_binary: model.spec().is_binary(),
            })
        };
        let of_gallery = encode(gallery)?;
        let of_queries = if is_same {
            of_gallery.clone()
        } else {
            encode(queries)?
        };
        Ok(Some((of_gallery, of_queries)))
    }
}

/// The queries' classes as the gallery numbers them, by name; a class that the gallery lacks gets a number beyond its own.
pub(super) fn classes_of(queries: &Labels, gallery: &Labels) -> Vec<u16> {
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
