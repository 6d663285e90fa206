//! What `morphospace retrieve` searches with when the exact search over its own codes takes too long: codes that were written
//! before, an approximate index beside the data.
//!
//! Invariant: without `--index` the search is exact; what an index found is printed as approximate, with its measured recall.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{Common, output};
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::retrieval::approximate::{Kind, Settings};
use crate::retrieval::{ApproximateIndex, Encoded, Gallery, Neighbours, Queries};
use crate::space::CodeTable;

/// How codes are come by and searched.
#[derive(Debug, Args)]
pub(super) struct SearchWith {
    /// Search by an approximate index of this kind (f32, f16, i8 or bits), built at the first time and kept beside the data
    #[arg(long, value_name = "KIND")]
    index: Option<Kind>,
    /// Build the index anew, though there is one
    #[arg(long, requires = "index")]
    rebuild_index: bool,
    /// The gallery's codes, as `encode` wrote them, so that they are not computed again
    #[arg(long, value_name = "FILE")]
    pub(super) codes: Option<PathBuf>,
    /// Search the gallery's codes in a collection of a Qdrant server, such as http://localhost:6333/collections/faces
    #[cfg(feature = "qdrant")]
    #[arg(long, value_name = "URL", conflicts_with_all = ["index", "codes"])]
    pub(super) gallery_url: Option<String>,
    /// Let the server use its own approximate index; the recall is measured against its exact answer to a part of the queries
    #[cfg(feature = "qdrant")]
    #[arg(long, requires = "gallery_url")]
    pub(super) gallery_approximate: bool,
}

impl SearchWith {
    /// The neighbours, by the index where one is asked for, and what is to be printed about it.
    pub(super) fn search(
        &self,
        source: &DatasetSource,
        gallery: &Gallery,
        queries: Queries<'_>,
        k: usize,
        left_out: Option<&[u32]>,
        common: &Common,
    ) -> Result<(Neighbours, Map<String, Value>)> {
        let mut said = Map::new();
        let progress = common.progress("Searching");
        let Some(kind) = self.index else {
            let found = gallery.nearest(queries, k, left_out, &progress)?;
            return Ok((found, said));
        };
        let index = self.open_or_build(kind, source, gallery, common)?;
        let found = gallery.nearest_by(&index, queries, k, left_out, &progress)?;
        said.insert("approximate".into(), true.into());
        said.insert("index".into(), kind.name().into());
        said.insert("recall".into(), json!(index.recall()));
        said.insert("recall_sample".into(), json!(index.about().sample));
        said.insert("index_build_secs".into(), json!(index.about().secs));
        if !common.quiet {
            eprintln!("approximate, recall {:.3}", index.recall());
        }
        Ok((found, said))
    }

    fn open_or_build(
        &self,
        kind: Kind,
        source: &DatasetSource,
        gallery: &Gallery,
        common: &Common,
    ) -> Result<ApproximateIndex> {
        let space = gallery.space();
        let rows = gallery.rows().ok_or_else(|| {
            Error::usage(format!("the space {space} has no approximate index")).hint(
                "take code, code-cosine, code-scaled, bits, rotated-bits, components or random",
            )
        })?;
        let path = source
            .path_of_cut()
            .map(|file| ApproximateIndex::path_beside(&file, space, kind));
        if let Some(path) = path
            .as_deref()
            .filter(|p| p.exists() && !self.rebuild_index)
        {
            return ApproximateIndex::open(path, space, rows).map_err(|e| {
                if e.is_newer_version() {
                    e
                } else {
                    e.hint("add --rebuild-index to build it again")
                }
            });
        }
        let progress = common.progress(&format!("Building the index of {} items", rows.len()));
        let mut index = ApproximateIndex::build(space, rows, kind, Settings::default(), &progress)?;
        if let Some(path) = path
            && let Err(error) = index.save(&path)
            && !common.quiet
        {
            eprintln!("the index is not kept: {error}");
        }
        Ok(index)
    }

    /// What a model made of the gallery, where that was written to a file before: `n` codes.
    pub(super) fn encoded(&self, n: usize) -> Result<Option<Encoded>> {
        let Some(path) = &self.codes else {
            return Ok(None);
        };
        let (codes, columns) = output::read_npy(path)?;
        let found = codes.len() / columns.max(1);
        if found != n {
            return Err(Error::file(
                path,
                format!("holds {found} codes, and the gallery has {n} items"),
            )
            .hint("encode the gallery again"));
        }
        let codes =
            CodeTable::new(codes, columns, vec![0.0; columns]).map_err(|e| e.in_file(path))?;
        Ok(Some(Encoded {
            codes: Arc::new(codes),
            log_variance: Arc::default(),
            is_binary: false,
        }))
    }
}
