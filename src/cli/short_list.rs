//! `morphospace retrieve --short-list`: a few items by a short code, put in order by the bits of the model in use.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::Common;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::retrieval::measures::overlap;
use crate::retrieval::{Encoded, Gallery, MOST_HASH_BITS, Neighbours, ShortList, Space};
use crate::space::CodeTable;

/// How a short list is made.
#[derive(Debug, Args)]
pub(super) struct ShortListArgs {
    /// With --space bits or rotated-bits: a second model, of short codes such as hash-28, that picks the few items to be compared
    #[arg(long, value_name = "FILE", requires = "model")]
    short_list: Option<PathBuf>,
    /// Bits of the short code in which an item on the list may differ; where fewer than K items do, the list is made longer
    #[arg(long, value_name = "N", default_value_t = 5, requires = "short_list")]
    radius: usize,
}

/// The stage that puts lists in order: the items by their long codes, those of the queries, and what an exact search finds.
pub(super) struct Long<'a> {
    pub(super) gallery: &'a Gallery,
    pub(super) codes: &'a [f32],
    pub(super) neighbours: &'a Neighbours,
}

impl ShortListArgs {
    /// Whether a short list is wanted.
    ///
    /// # Errors
    /// When it is, in a space that is not one of bits.
    pub(super) fn is_wanted(&self, space: Space) -> Result<bool> {
        if self.short_list.is_some() && !matches!(space, Space::Bits | Space::RotatedBits) {
            return Err(Error::usage(format!(
                "a short list is put in order by bits, not in the space {space}"
            ))
            .hint("add --space bits"));
        }
        Ok(self.short_list.is_some())
    }

    /// Searches in two stages. Gives what was found, and in numbers how that came about.
    ///
    /// # Errors
    /// When the model of the short list cannot be read, is not one of short codes, or does not take these pictures.
    pub(super) fn search(
        &self,
        (gallery, queries): (&Arc<Dataset>, &Dataset),
        long: &Long<'_>,
        left_out: Option<&[u32]>,
        common: &Common,
    ) -> Result<(Neighbours, Value)> {
        let (Some(path), Some(long_bits)) = (&self.short_list, long.gallery.bit_table()) else {
            return Err(Error::usage("a short list needs a model and bits"));
        };
        let (_, model) = common.load_model(path)?;
        let bits = model.code();
        if bits > MOST_HASH_BITS {
            return Err(Error::file(
                path,
                format!(
                    "its codes of {bits} are too long for a short list, which takes {MOST_HASH_BITS} bits"
                ),
            )
            .hint("train one with --preset hash-28"));
        }
        let codes = common.encode(&model, gallery)?.mean;
        let of_queries = match left_out {
            // The queries are the gallery.
            Some(_) => codes.clone(),
            None => common.encode(&model, queries)?.mean,
        };
        let encoded = Encoded {
            codes: Arc::new(CodeTable::new(codes, bits, vec![0.0; bits])?),
            log_variance: Arc::default(),
            is_binary: model.spec().is_binary(),
        };
        let progress = common.progress("Searching short lists");
        let short = Gallery::new(Space::Bits, gallery, Some(&encoded), common.seed, &progress)?;
        let Some(short_bits) = short.bit_table() else {
            return Err(Error::usage("a short list needs bits"));
        };
        let (asked, asked_long) = (
            short.bits_of(&of_queries)?,
            long.gallery.bits_of(long.codes)?,
        );
        let list = ShortList::new(short_bits, long_bits, self.radius)?;
        let exact = long.neighbours;
        let mut found = list.nearest(&asked, &asked_long, exact.k, left_out, &progress)?;
        found.neighbours.space = exact.space;
        let n = found.candidates.len().max(1) as f64;
        let mut sizes = found.candidates.clone();
        sizes.sort_unstable();
        let mean = sizes.iter().map(|n| f64::from(*n)).sum::<f64>() / n;
        let is_widened = |r: &&u32| **r as usize > self.radius;
        let widened = found.radii.iter().filter(is_widened).count();
        let told = json!({
            "radius": self.radius,
            "bits": bits,
            "candidates": mean,
            "median_candidates": sizes.get(sizes.len() / 2),
            "candidate_share": mean / gallery.len().max(1) as f64,
            "widened_queries": widened,
            "exact_answer_kept": overlap(exact, &found.neighbours)?,
            "exact_secs": exact.secs,
        });
        Ok((found.neighbours, told))
    }
}
