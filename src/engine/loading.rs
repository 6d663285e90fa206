//! Reading data on a thread of its own, block by block where it is made by the program itself.

use std::thread;

use crossbeam_channel::Sender;

use super::outbox::Outbox;
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Built-in items made at a time, so that the map fills while they are made.
const BLOCK: usize = 500;

/// News of a job of reading.
#[derive(Debug)]
pub(super) enum Loaded {
    /// More items are there; all so far.
    Part(Dataset),
    /// All items are there.
    All(Dataset),
    /// It ended early.
    Failed(Error),
}

/// A job of reading under way.
#[derive(Debug)]
pub(super) struct Job {
    /// Tells the news of this job from those of one before.
    pub(super) id: u64,
    pub(super) source: DatasetSource,
    pub(super) progress: Progress,
}

impl Job {
    /// Starts reading `source`; news go to `news` under `id`.
    pub(super) fn start(
        id: u64,
        source: DatasetSource,
        seed: u64,
        outbox: &Outbox,
        news: Sender<(u64, Loaded)>,
    ) -> Self {
        let progress = outbox.progress(&format!("Reading {}", source.name()));
        let job = Self {
            id,
            source: source.clone(),
            progress: progress.clone(),
        };
        let outbox = outbox.clone();
        let work = move || {
            let result = read(&source, seed, &progress, |part| {
                news.send((id, Loaded::Part(part))).is_ok()
            });
            outbox.progress_ended(&format!("Reading {}", source.name()));
            let _ = news.send((id, result.map_or_else(Loaded::Failed, Loaded::All)));
        };
        if let Err(e) = thread::Builder::new()
            .name("morphospace-reader".into())
            .spawn(work)
        {
            tracing::error!("the reading thread could not be started: {e}");
        }
        job
    }
}

fn read(
    source: &DatasetSource,
    seed: u64,
    progress: &Progress,
    mut part: impl FnMut(Dataset) -> bool,
) -> Result<Dataset> {
    let Some(total) = source.builtin_len() else {
        return std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            source.load(seed, progress)
        }))
        .unwrap_or_else(|_| {
            Err(Error::usage(format!(
                "reading {source} failed in an unexpected way"
            )))
        });
    };
    // A pool of its own that leaves one core alone: what a hand does meanwhile comes first.
    let threads = rayon::current_num_threads().saturating_sub(1).max(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Error::usage(e.to_string()))?;
    let mut all: Option<Dataset> = None;
    for start in (0..total).step_by(BLOCK) {
        let range = start..(start + BLOCK).min(total);
        let block = pool.install(|| source.load_range(seed, range, &Progress::silent()))?;
        progress.update(start, total)?;
        let so_far = match all {
            Some(so_far) => so_far.followed_by(&block)?,
            None => block,
        };
        // The last block is news of its own: then all is there.
        if so_far.len() < total && !part(so_far.clone()) {
            return Err(Error::cancelled());
        }
        all = Some(so_far);
    }
    all.ok_or_else(|| Error::usage(format!("{source} has no items")))
}
