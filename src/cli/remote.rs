//! `morphospace retrieve --gallery-url`: the gallery's codes are on a server.
//!
//! Invariant: the server is asked for the exact answer unless its own index is asked for.

use serde_json::{Map, Value, json};

use super::index::SearchWith;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::remote::Collection;
use crate::retrieval::{Neighbours, Space};

/// Queries whose approximate answers are compared with exact ones.
const SAMPLE: usize = 100;

/// The collection at `url`, if it measures in `space` and has a vector of `code` numbers for each of `items`.
pub(super) fn open(url: &str, space: Space, code: usize, items: usize) -> Result<Collection> {
    let collection = Collection::open(url, std::env::var("MORPHOSPACE_QDRANT_KEY").ok())?;
    let other = |reason: String| Error::file(url, reason);
    if collection.space() != space {
        return Err(other(format!(
            "measures in the space {}, not in {space}",
            collection.space()
        ))
        .hint(format!("add --space {}", collection.space())));
    }
    if collection.dims() != code {
        return Err(other(format!(
            "holds vectors of {} numbers, the model's codes have {code}",
            collection.dims()
        ))
        .hint("fill it with the codes of this model"));
    }
    if collection.points() != items as u64 {
        return Err(other(format!(
            "holds {} points, and the gallery has {items} items",
            collection.points()
        ))
        .hint("fill it with the codes of this gallery"));
    }
    Ok(collection)
}

/// The neighbours of the queries, and what is to be printed about them.
pub(super) fn search(
    collection: &Collection,
    codes: &[f32],
    k: usize,
    own: Option<&[u32]>,
    how: &SearchWith,
    progress: &Progress,
) -> Result<(Neighbours, Map<String, Value>)> {
    let is_exact = !how.gallery_approximate;
    let found = collection.nearest(codes, k, own, is_exact, &progress.part(0.0, 0.9))?;
    if let Some(id) = found
        .ids
        .iter()
        .find(|&&id| u64::from(id) >= collection.points())
    {
        return Err(Error::usage(format!(
            "the collection numbers a point {id}, and the gallery has no such item"
        ))
        .hint("fill it with the ids 0, 1, 2 and so on"));
    }
    let mut said = Map::new();
    if !is_exact {
        let sample = found.queries().min(SAMPLE);
        let part = &codes[..sample * collection.dims()];
        let own = own.map(|own| &own[..sample]);
        let exact = collection.nearest(part, k, own, true, &progress.part(0.9, 1.0))?;
        let hits: usize = (0..sample)
            .map(|i| {
                let exact = exact.ids_of(i);
                let is_right = |id: &&u32| exact.contains(id);
                found.ids_of(i).iter().filter(is_right).count()
            })
            .sum();
        said.insert("approximate".into(), true.into());
        said.insert(
            "recall".into(),
            json!(hits as f64 / (sample * found.k).max(1) as f64),
        );
        said.insert("recall_sample".into(), json!(sample));
    }
    Ok((found, said))
}
