//! Approximate indices of the present codes: found beside the data, or built on request and kept there.
//!
//! Invariant: an index answers for the codes that it was built of and for no others; where there is none that fits, the search
//! stays exact and the session says why.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::core::Core;
use super::message::{IndexInfo, IndexState};
use super::workshop::Bench;
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::approximate::{Kind, Settings};
use crate::retrieval::{ApproximateIndex, Encoded, Gallery, Space};
use crate::space::CodeTable;

/// What chance in random axes and rotations is drawn from.
pub(super) const SEED: u64 = 1;

/// An index, and the items that it is of.
#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) gallery: Arc<Gallery>,
    pub(super) index: ApproximateIndex,
}

/// What there is of indices.
#[derive(Debug, Default)]
pub(super) struct Indexing {
    ready: Vec<Arc<Indexed>>,
    /// What is being opened or built, with what was known of it before.
    pending: Vec<IndexInfo>,
}

/// Where the items and their codes are, to make an index of them.
struct Items {
    dataset: Arc<Dataset>,
    codes: Arc<CodeTable>,
    /// The file beside which indices are kept, or why there is none.
    beside: std::result::Result<PathBuf, String>,
}

impl Items {
    fn path(&self, space: Space, kind: Kind) -> std::result::Result<PathBuf, String> {
        let beside = self.beside.as_ref().map_err(Clone::clone)?;
        Ok(ApproximateIndex::path_beside(beside, space, kind))
    }

    fn gallery(&self, space: Space, progress: &Progress) -> Result<Arc<Gallery>> {
        let encoded = Encoded {
            is_binary: self.codes.is_binary(),
            codes: self.codes.clone(),
            log_variance: Arc::default(),
        };
        Gallery::new(space, &self.dataset, Some(&encoded), SEED, progress).map(Arc::new)
    }
}

fn no_rows(space: Space) -> Error {
    Error::usage(format!("the space {space} has no approximate index"))
}

impl Core {
    /// The indices of `wanted` that can answer; what is not known yet is looked for beside the data.
    pub(super) fn indices_for(&mut self, wanted: &BTreeMap<Space, Kind>) -> Vec<Arc<Indexed>> {
        if wanted.is_empty() || !self.session.is_encoded {
            return Vec::new();
        }
        self.look_for_indices(wanted);
        let is_wanted = |indexed: &&Arc<Indexed>| {
            let about = indexed.index.about();
            wanted.get(&about.space) == Some(&about.kind)
        };
        let ready = self.indexing.ready.iter();
        ready.filter(is_wanted).cloned().collect()
    }

    fn items(&self) -> Option<Items> {
        let (Some(dataset), Some(codes)) = (&self.session.dataset, &self.session.codes) else {
            return None;
        };
        let beside = self
            .session
            .source
            .as_ref()
            .and_then(DatasetSource::path_of_cut);
        Some(Items {
            dataset: dataset.clone(),
            codes: codes.clone(),
            beside: beside.ok_or_else(|| "built-in data have no file".to_owned()),
        })
    }

    fn look_for_indices(&mut self, wanted: &BTreeMap<Space, Kind>) {
        // What is under way comes first; the window asks again when that is done.
        if self.workshop.is_at(Bench::Index) {
            return;
        }
        let is_unknown = |&(space, kind): &(Space, Kind)| {
            let mut known = self.session.indices.iter();
            Kind::of(space).contains(&kind) && !known.any(|i| (i.space, i.kind) == (space, kind))
        };
        let wanted = wanted.iter().map(|(&space, &kind)| (space, kind));
        let unknown: Vec<(Space, Kind)> = wanted.filter(is_unknown).collect();
        let Some(items) = self.items().filter(|_| !unknown.is_empty()) else {
            return;
        };
        let is_there = |&(space, kind): &(Space, Kind)| {
            items.path(space, kind).is_ok_and(|path| path.exists())
        };
        let (there, absent): (Vec<_>, Vec<_>) = unknown.into_iter().partition(is_there);
        for (space, kind) in absent {
            self.note_index(space, kind, IndexState::Absent);
        }
        for &(space, kind) in &there {
            let given_up = IndexState::Refused("opening it was cancelled".to_owned());
            self.pend_index(space, kind, given_up);
        }
        self.publish();
        if there.is_empty() {
            return;
        }
        let what = "Opening the approximate index";
        self.workshop
            .start(Bench::Index, what, move |progress, deliver| {
                for (space, kind) in there {
                    let opened = open(&items, space, kind, progress);
                    if let Err(error) = &opened
                        && error.is_cancelled()
                    {
                        return Err(Error::cancelled());
                    }
                    deliver(Box::new(move |core| {
                        core.take_index(space, kind, opened);
                        Ok(())
                    }));
                }
                Ok(())
            });
    }

    /// Begins to build an index, in place of one that is there.
    pub(super) fn build_index(&mut self, space: Space, kind: Kind) -> Result<()> {
        let Some(items) = self.items().filter(|_| self.session.is_encoded) else {
            return Err(Error::usage("not every item is encoded yet").hint("wait until they are"));
        };
        if !Kind::of(space).contains(&kind) {
            let text = format!("the space {space} has no approximate index of the kind {kind}");
            return Err(Error::usage(text));
        }
        self.end_indexing();
        let mut known = self.session.indices.iter();
        let before = known
            .find(|i| (i.space, i.kind) == (space, kind))
            .map_or(IndexState::Absent, |info| info.state.clone());
        self.pend_index(space, kind, before);
        self.publish();
        let what = format!(
            "Building the {kind} index of {}",
            space.title().to_lowercase()
        );
        self.workshop
            .start(Bench::Index, &what, move |progress, deliver| {
                let built = build(&items, space, kind, progress);
                if built.is_err() {
                    deliver(Box::new(|core| {
                        core.end_indexing();
                        core.publish();
                        Ok(())
                    }));
                }
                let built = built?;
                deliver(Box::new(move |core| {
                    core.take_index(space, kind, Ok(built));
                    Ok(())
                }));
                Ok(())
            });
        Ok(())
    }

    fn take_index(
        &mut self,
        space: Space,
        kind: Kind,
        opened: Result<(Indexed, std::result::Result<PathBuf, String>)>,
    ) {
        let of = |info: &IndexInfo| (info.space, info.kind) != (space, kind);
        self.indexing.pending.retain(of);
        let state = match opened {
            Ok((indexed, kept)) => {
                let about = indexed.index.about();
                let (recall, sample) = (about.recall, about.sample);
                self.indexing.ready.retain(|other| {
                    let about = other.index.about();
                    (about.space, about.kind) != (space, kind)
                });
                self.indexing.ready.push(Arc::new(indexed));
                IndexState::Ready {
                    recall,
                    sample,
                    kept,
                }
            }
            Err(error) => IndexState::Refused(error.to_string()),
        };
        self.note_index(space, kind, state);
        self.publish();
    }

    /// Gives up what is being opened or built; what was known before is known again.
    pub(super) fn end_indexing(&mut self) {
        self.workshop.cancel(Bench::Index);
        for before in std::mem::take(&mut self.indexing.pending) {
            self.note_index(before.space, before.kind, before.state);
        }
    }

    /// Lets go of all indices: they are of other codes.
    pub(super) fn drop_indices(&mut self) {
        self.workshop.cancel(Bench::Index);
        self.indexing = Indexing::default();
        self.session.indices = Arc::default();
    }

    /// Tells that an index is on its way; `before` is told again when that is given up.
    fn pend_index(&mut self, space: Space, kind: Kind, before: IndexState) {
        self.indexing.pending.push(IndexInfo {
            space,
            kind,
            state: before,
        });
        self.note_index(space, kind, IndexState::Pending);
    }

    fn note_index(&mut self, space: Space, kind: Kind, state: IndexState) {
        let indices = Arc::make_mut(&mut self.session.indices);
        match indices
            .iter_mut()
            .find(|i| (i.space, i.kind) == (space, kind))
        {
            Some(info) => info.state = state,
            None => indices.push(IndexInfo { space, kind, state }),
        }
    }
}

/// An index with where it is kept, or why it is not.
type Kept = (Indexed, std::result::Result<PathBuf, String>);

fn open(items: &Items, space: Space, kind: Kind, progress: &Progress) -> Result<Kept> {
    let path = items.path(space, kind).map_err(Error::usage)?;
    let gallery = items.gallery(space, progress)?;
    let rows = gallery.rows().ok_or_else(|| no_rows(space))?;
    let index = ApproximateIndex::open(&path, space, rows)?;
    Ok((Indexed { gallery, index }, Ok(path)))
}

fn build(items: &Items, space: Space, kind: Kind, progress: &Progress) -> Result<Kept> {
    let gallery = items.gallery(space, &progress.part(0.0, 0.02))?;
    let rows = gallery.rows().ok_or_else(|| no_rows(space))?;
    let rest = progress.part(0.02, 1.0);
    let mut index = ApproximateIndex::build(space, rows, kind, Settings::default(), &rest)?;
    progress.update(1, 1)?;
    let kept = match items.path(space, kind) {
        Ok(path) => match index.save(&path) {
            // From its file it need not be held in memory.
            Ok(()) => match ApproximateIndex::open(&path, space, rows) {
                Ok(mapped) => {
                    index = mapped;
                    Ok(path)
                }
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        },
        Err(reason) => Err(reason),
    };
    Ok((Indexed { gallery, index }, kept))
}
