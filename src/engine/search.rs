//! Answers retrieval queries on a thread of its own, so that a search over many pictures holds up nothing.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Sender, bounded};

use super::mailbox::Slot;
use super::message::{Comparison, Event, Query};
use super::outbox::Outbox;
use crate::data::Dataset;
use crate::error::Result;
use crate::progress::Progress;
use crate::retrieval::{Neighbours, Space, nearest_codes, nearest_to_picture};
use crate::space::CodeTable;

/// All that a search needs.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) generation: u64,
    pub(super) dataset: Arc<Dataset>,
    pub(super) codes: Option<Arc<CodeTable>>,
    pub(super) query: Query,
    /// The query's pixels and, where there is a model, its code.
    pub(super) pixels: Vec<u8>,
    pub(super) code: Option<Vec<f32>>,
    pub(super) k: usize,
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
            while rings.recv().is_ok() {
                while let Some(task) = tasks.take() {
                    let generation = task.generation;
                    let answer =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answer(task)));
                    outbox.send(match answer {
                        Ok(Ok(comparison)) => Event::Retrieved {
                            generation,
                            comparison: Arc::new(comparison),
                        },
                        Ok(Err(error)) => Event::Failed(error),
                        Err(_) => Event::Failed(crate::error::Error::device(
                            "a search failed in an unexpected way",
                        )),
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

fn answer(task: Task) -> Result<Comparison> {
    let progress = Progress::silent();
    let own = match task.query {
        Query::Item(item) => Some(item as u32),
        Query::Picture(_) => None,
    };
    let pixels = nearest_to_picture(&task.dataset, &task.pixels, task.k, own, &progress)?;
    let codes = match (&task.codes, &task.code) {
        (Some(codes), Some(code)) => nearest_codes(
            codes,
            code,
            task.k,
            own.as_ref().map(std::slice::from_ref),
            &progress,
        )?,
        _ => Neighbours {
            k: 0,
            ids: Vec::new(),
            distances: Vec::new(),
            space: Space::Code,
            secs: 0.0,
        },
    };
    Ok(Comparison {
        query: task.query,
        pixels,
        codes,
    })
}
