//! `morphospace retrieve`: nearest neighbours of many queries, and how good they are.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rayon::prelude::*;
use serde_json::{Map, Value};

use super::index::SearchWith;
use super::report::encoded;
use super::short_list::{Long, ShortListArgs};
use super::{Common, output};
use crate::data::export::write_row;
use crate::data::formats::fit_picture;
use crate::data::{Dataset, DatasetSource, Distortion, ImageShape};
use crate::error::{Error, Result};
use crate::files::write_atomically_with;
use crate::retrieval::measures::{Summary, equal_factors};
use crate::retrieval::study::classes_of;
use crate::retrieval::{Encoded, Gallery, Neighbours, Queries, Space};

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
    /// Look for distorted copies of the queries, and tell how often the original comes first: shift, rotate, brighten, noise or occlude,
    /// with a strength up to 1, such as shift:0.75
    #[arg(long, value_name = "KIND:STRENGTH", value_parser = distorted)]
    distort: Option<(Distortion, f32)>,
    /// Where to write a table with a line for each query and neighbour: query, rank, id, distance, label, space; - for standard
    /// output, and then the measures go to standard error
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    search_with: SearchWith,
    #[command(flatten)]
    short_list: ShortListArgs,
}

/// A distortion and its strength, as `shift:0.75`.
fn distorted(text: &str) -> Result<(Distortion, f32)> {
    let (name, strength) = text.split_once(':').unwrap_or((text, "1"));
    let strength = strength.parse().ok();
    let strength = strength.filter(|s| (0.0..=1.0).contains(s));
    let strength = strength.ok_or_else(|| Error::usage("a strength is 0 to 1"))?;
    Ok((name.parse()?, strength))
}

/// `pictures` brought to another shape, with their classes.
fn fitted(pictures: &Dataset, shape: ImageShape) -> Result<Dataset> {
    let mut pixels = Vec::with_capacity(pictures.len() * shape.len());
    for i in 0..pictures.len() {
        pixels.extend(fit_picture(pictures.picture(i), shape)?.pixels);
    }
    let fitted = Dataset::new(pictures.name(), shape, pixels)?;
    match pictures.labels() {
        Some(labels) => fitted.with_labels(labels.clone()),
        None => Ok(fitted),
    }
}

/// Distorted copies of `pictures`, each with a seed of its own, and with the classes of the originals.
fn copies(pictures: &Dataset, distortion: Distortion, strength: f32, seed: u64) -> Result<Dataset> {
    let each = (0..pictures.len()).into_par_iter().flat_map_iter(|i| {
        let seed = Distortion::seed_of(seed, i);
        distortion
            .apply(&pictures.picture(i), strength, seed)
            .pixels
    });
    let copies = Dataset::new(pictures.name(), pictures.shape(), each.collect())?;
    match pictures.labels() {
        Some(labels) => copies.with_labels(labels.clone()),
        None => Ok(copies),
    }
}

impl Retrieve {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if self.k == 0 {
            return Err(Error::usage("k is at least 1"));
        }
        let is_csv_printed = self.csv.as_deref() == Some(Path::new("-"));
        if is_csv_printed && common.json {
            return Err(Error::usage("--csv - and --json both want standard output")
                .hint("name a file for one of them"));
        }
        self.short_list.is_wanted(self.space)?;
        let gallery = common.load_data(&self.data)?;
        let is_same = self.queries == self.data;
        let mut queries = if is_same {
            gallery.clone()
        } else {
            common.load_data(&self.queries)?
        };
        if queries.shape() != gallery.shape() {
            if !common.quiet {
                eprintln!(
                    "The queries are pictures of {}; they are cut, resized and recoloured to {}",
                    queries.shape(),
                    gallery.shape()
                );
            }
            queries = fitted(&queries, gallery.shape())?;
        }
        if let Some((distortion, strength)) = self.distort {
            queries = copies(&queries, distortion, strength, common.seed)?;
        }
        // Of a copy the original is the answer.
        let own = is_same && self.distort.is_none();
        let own: Option<Vec<u32>> = own.then(|| (0..queries.len() as u32).collect());
        let gallery = Arc::new(gallery);
        let asked = self.at_server(&gallery, &queries, own.as_deref(), common)?;
        let (neighbours, about_search) = match asked {
            Some(found) => found,
            None => self.here(&gallery, &queries, own.as_deref(), common)?,
        };
        if neighbours.k < self.k && !common.quiet {
            eprintln!(
                "There are {} neighbours to give, not {}",
                neighbours.k, self.k
            );
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
        if let Some(csv) = &self.csv {
            let fill = |out: &mut dyn Write| {
                write_csv(out, &neighbours, &gallery).map_err(|e| Error::io(csv, &e))
            };
            if is_csv_printed {
                // A reader that went away, such as `head`, is no failure of ours.
                let _ = write_csv(&mut std::io::stdout().lock(), &neighbours, &gallery);
            } else {
                write_atomically_with(csv, fill)?;
            }
        }
        let mut value = serde_json::to_value(summary).unwrap_or_else(|_| Value::Object(Map::new()));
        if let Value::Object(entries) = &mut value {
            entries.extend(about_search);
            if let Some(share) = equal_factors(&neighbours, &queries, &gallery) {
                entries.insert("equal_factors_at_k".to_owned(), share.into());
            }
            if is_same && self.distort.is_some() {
                let first = |i: &usize| neighbours.ids_of(*i).first() == Some(&(*i as u32));
                let found = (0..neighbours.queries()).filter(first).count();
                let share = found as f64 / neighbours.queries().max(1) as f64;
                entries.insert("original_first".to_owned(), share.into());
            }
        }
        if !is_csv_printed {
            output::print(common.json, &value);
        } else if !common.quiet {
            output::print_to(&mut std::io::stderr().lock(), false, &value);
        }
        Ok(())
    }
}

/// A line for each query and neighbour; ranks are counted from 1, queries and ids from 0.
fn write_csv(out: &mut dyn Write, found: &Neighbours, gallery: &Dataset) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(out);
    let heads = ["query", "rank", "id", "distance", "label", "space"];
    write_row(&mut out, heads.into_iter().map(Cow::from))?;
    for query in 0..found.queries() {
        let near = found.ids_of(query).iter().zip(found.distances_of(query));
        for (rank, (&id, distance)) in near.enumerate() {
            let numbers = [query, rank + 1, id as usize].map(|n| Cow::from(n.to_string()));
            let label = gallery.label_name(id as usize).unwrap_or_default();
            let rest = [
                Cow::from(distance.to_string()),
                Cow::from(label),
                Cow::from(found.space.name()),
            ];
            write_row(&mut out, numbers.into_iter().chain(rest))?;
        }
    }
    out.flush()
}

impl Retrieve {
    /// The neighbours in a collection on a server, where one is named.
    #[cfg(feature = "qdrant")]
    fn at_server(
        &self,
        gallery: &Dataset,
        queries: &Dataset,
        own: Option<&[u32]>,
        common: &Common,
    ) -> Result<Option<(Neighbours, Map<String, Value>)>> {
        let Some(url) = &self.search_with.gallery_url else {
            return Ok(None);
        };
        let Some(path) = &self.model else {
            return Err(
                Error::usage("codes of the queries need a model").hint("give one with --model")
            );
        };
        let (_, model) = common.load_model(path)?;
        let collection = super::remote::open(url, self.space, model.code(), gallery.len())?;
        let codes = common.encode(&model, queries)?.mean;
        let progress = common.progress("Asking the server");
        super::remote::search(
            &collection,
            &codes,
            self.k,
            own,
            &self.search_with,
            &progress,
        )
        .map(Some)
    }

    #[cfg(not(feature = "qdrant"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "there are servers with the feature qdrant"
    )]
    fn at_server(
        &self,
        _: &Dataset,
        _: &Dataset,
        _: Option<&[u32]>,
        _: &Common,
    ) -> Result<Option<(Neighbours, Map<String, Value>)>> {
        Ok(None)
    }

    /// The neighbours among pictures or codes on this machine, and what is to be printed about the search.
    fn here(
        &self,
        gallery: &Arc<Dataset>,
        queries: &Dataset,
        own: Option<&[u32]>,
        common: &Common,
    ) -> Result<(Neighbours, Map<String, Value>)> {
        let encoded = self.encode(gallery, queries, own.is_some(), common)?;
        let (of_gallery, of_queries) = match &encoded {
            Some((gallery, queries)) => (Some(gallery), Some(queries)),
            None => (None, None),
        };
        let ready = Gallery::new(
            self.space,
            gallery,
            of_gallery,
            common.seed,
            &common.progress("Preparing the space"),
        )?;
        let asked = Queries {
            pictures: queries,
            codes: of_queries.map_or(&[], |e| e.codes.codes()),
            log_variance: of_queries.map_or(&[], |e| &e.log_variance),
        };
        gallery.check_unchanged()?;
        let (mut neighbours, mut about) = self
            .search_with
            .search(&self.data, &ready, asked, self.k, own, common)?;
        if self.short_list.is_wanted(self.space)? {
            let exact = Long {
                gallery: &ready,
                codes: asked.codes,
                neighbours: &neighbours,
            };
            let (found, told) = self
                .short_list
                .search((gallery, queries), &exact, own, common)?;
            neighbours = found;
            about.insert("short_list".to_owned(), told);
        }
        Ok((neighbours, about))
    }

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
        let written = self.search_with.encoded(gallery.len())?;
        if let Some(written) = written.as_ref().filter(|_| is_same) {
            return Ok(Some((written.clone(), written.clone())));
        }
        let Some(path) = &self.model else {
            return Err(
                Error::usage(format!("the space {} needs a model", self.space))
                    .hint("give one with --model"),
            );
        };
        let (_, model) = common.load_model(path)?;
        let encode = |pictures: &Dataset| encoded(&model, pictures, common);
        let of_gallery = match written {
            Some(written) if written.codes.dims() == model.code() => written,
            Some(written) => {
                return Err(Error::model(format!(
                    "the gallery's codes have {} numbers, those of the model {}",
                    written.codes.dims(),
                    model.code()
                )));
            }
            None => encode(gallery)?,
        };
        let of_queries = if is_same {
            of_gallery.clone()
        } else {
            encode(queries)?
        };
        Ok(Some((of_gallery, of_queries)))
    }
}
