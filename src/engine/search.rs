//! Answers retrieval queries on a thread of its own, so that a search over many pictures holds up nothing.
//!
//! Invariant: a space is made ready once per set of items and codes, and kept while they are.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Sender, bounded};

use super::indexing::{Indexed, SEED};
use super::mailbox::Slot;
use super::message::{Comparison, Event, Query, Row, Search};
use super::outbox::Outbox;
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::retrieval::{Distances, Encoded, Gallery, Neighbours, Probe, Space};

/// All that a search needs.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) generation: u64,
    pub(super) dataset: Arc<Dataset>,
    /// What the model makes of all items, once it is there.
    pub(super) encoded: Option<Encoded>,
    /// The approximate indices that are to answer, of these codes.
    pub(super) indices: Vec<Arc<Indexed>>,
    pub(super) search: Search,
    pub(super) probe: Probe,
    /// The query's picture, where it is none of the data's.
    pub(super) picture: Option<Picture>,
}

/// A handle to the searching thread, which ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Searcher {
    slot: Arc<Slot<Task>>,
    bell: Sender<()>,
}

impl Searcher {
    pub(super) fn start(outbox: Outbox) -> Self {
        let slot: Arc<Slot<Task>> = Arc::default();
        let (bell, rings) = bounded(1);
        let tasks = slot.clone();
        let work = move || {
            // A pool of its own: a search over a million pictures shared with a drag would hold the drag up.
            let pool = rayon::ThreadPoolBuilder::new().build();
            let mut ready = Ready::default();
            while rings.recv().is_ok() {
                while let Some(task) = tasks.take() {
                    let generation = task.generation;
                    let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        let search = || answer(task, &mut ready, &outbox);
                        match &pool {
                            Ok(pool) => pool.install(search),
                            Err(_) => search(),
                        }
                    }));
                    outbox.send(match answer {
                        Ok(Ok(comparison)) => Event::Retrieved {
                            generation,
                            comparison: Arc::new(comparison),
                        },
                        Ok(Err(error)) => Event::Failed(error),
                        Err(_) => {
                            Event::Failed(Error::device("a search failed in an unexpected way"))
                        }
                    });
                }
            }
        };
        if let Err(e) = thread::Builder::new()
            .name("morphospace-search".into())
            .spawn(work)
        {
            tracing::error!("the searching thread could not be started: {e}");
        }
        Self { slot, bell }
    }

    /// Searches; a task that still waits is replaced.
    pub(super) fn search(&self, task: Task) {
        self.slot.put(task);
        let _ = self.bell.try_send(());
    }
}

/// Spaces that are ready, for the items and codes they were made for.
#[derive(Default)]
struct Ready {
    dataset: Option<Arc<Dataset>>,
    encoded: Option<Encoded>,
    galleries: Vec<Arc<Gallery>>,
}

impl Ready {
    /// Forgets what is of other items or codes.
    fn of(&mut self, task: &Task) {
        let same_data = self
            .dataset
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, &task.dataset));
        let same_codes = match (&self.encoded, &task.encoded) {
            (Some(a), Some(b)) => {
                Arc::ptr_eq(&a.codes, &b.codes) && Arc::ptr_eq(&a.log_variance, &b.log_variance)
            }
            (None, None) => true,
            _ => false,
        };
        self.galleries
            .retain(|gallery| same_data && (same_codes || gallery.space().is_of_pixels()));
        self.dataset = Some(task.dataset.clone());
        self.encoded.clone_from(&task.encoded);
    }

    fn gallery(&mut self, space: Space, task: &Task, outbox: &Outbox) -> Result<Arc<Gallery>> {
        if let Some(known) = self.galleries.iter().find(|g| g.space() == space) {
            return Ok(known.clone());
        }
        let told = outbox.told(&format!("Preparing {}", space.title().to_lowercase()));
        let gallery = Gallery::new(
            space,
            &task.dataset,
            task.encoded.as_ref(),
            SEED,
            &told.progress,
        )?;
        let gallery = Arc::new(gallery);
        self.galleries.push(gallery.clone());
        Ok(gallery)
    }
}

fn answer(task: Task, ready: &mut Ready, outbox: &Outbox) -> Result<Comparison> {
    task.dataset.check_unchanged()?;
    ready.of(&task);
    let (left_out, original) = match task.search.query {
        Query::Item(item) => (Some(item as u32), None),
        Query::Distorted { item, .. } => (None, Some(item as u32)),
        Query::Picture(_) | Query::Code(_) | Query::Mean(_) => (None, None),
    };
    // What a space has no answer to yet leaves its row empty.
    let can_answer = |space: Space| {
        let Some(encoded) = task
            .encoded
            .as_ref()
            .filter(|_| !task.probe.code.is_empty())
        else {
            return !space.needs_codes();
        };
        let is_whole = encoded.codes.len() == task.dataset.len();
        // What takes long is made once, of all.
        let is_costly = matches!(
            space,
            Space::Components | Space::Random | Space::RotatedBits
        );
        (is_whole || !is_costly) && (space != Space::CodeKl || !encoded.log_variance.is_empty())
    };
    let k = task.search.k;
    let mut found: Vec<Option<Found>> = Vec::new();
    for &space in &task.search.spaces {
        if !can_answer(space) {
            found.push(None);
            continue;
        }
        let by = task.indices.iter().find(|i| i.gallery.space() == space);
        // The space is made ready before the clock starts.
        let gallery = match by {
            Some(by) => by.gallery.clone(),
            None => ready.gallery(space, &task, outbox)?,
        };
        let start = Instant::now();
        let approximate = match by {
            Some(by) => {
                let near = gallery.nearest_to_by(&by.index, &task.probe, k, left_out)?;
                Some((near, by.clone(), start.elapsed().as_secs_f64()))
            }
            None => None,
        };
        let start = Instant::now();
        let distances = gallery.distances(&task.probe)?;
        found.push(Some(Found {
            distances,
            secs: start.elapsed().as_secs_f64(),
            approximate,
        }));
    }
    let rows = task.search.spaces.iter().zip(&found);
    let rows = rows.map(|(&space, own)| row(space, own.as_ref(), &found, (left_out, original), k));
    let rows = rows.collect();
    Ok(Comparison {
        query: task.search.query,
        picture: task.picture,
        rows,
    })
}

/// What a space answers.
struct Found {
    /// Of every item: ranks are exact however a row is answered.
    distances: Distances,
    /// Seconds these took.
    secs: f64,
    /// What an index answers in their place, and the seconds it took.
    approximate: Option<(Neighbours, Arc<Indexed>, f64)>,
}

/// One row of the answer, with the ranks of its items in all of `found`.
fn row(
    space: Space,
    own: Option<&Found>,
    found: &[Option<Found>],
    (left_out, original): (Option<u32>, Option<u32>),
    k: usize,
) -> Row {
    let mut row = Row {
        space,
        ids: Vec::new(),
        distances: Vec::new(),
        ranks: Vec::new(),
        original: None,
        index: None,
        secs: 0.0,
    };
    let Some(own) = own else { return row };
    let original_rank = |id| own.distances.ranks(&[id], None).first().copied();
    match &own.approximate {
        None => {
            let start = Instant::now();
            (row.ids, row.distances) = own.distances.nearest(k, left_out).into_iter().unzip();
            row.secs = own.secs + start.elapsed().as_secs_f64();
            row.original = original.and_then(original_rank);
        }
        Some((near, by, secs)) => {
            (row.ids, row.distances) = (near.ids.clone(), near.distances.clone());
            row.secs = *secs;
            // Found by the index is found; what it missed is where it is in truth.
            let place = |id| near.ids.iter().position(|&own| own == id);
            row.original = original.and_then(|id| place(id).or_else(|| original_rank(id)));
            row.index = Some((by.index.about().kind, by.index.recall()));
        }
    }
    let ranks = found.iter().map(|other| match other {
        Some(other) => other.distances.ranks(&row.ids, left_out),
        None => Vec::new(),
    });
    row.ranks = ranks.collect();
    row
}
