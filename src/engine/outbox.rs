//! Where events leave the engine, from any of its threads.
//!
//! Invariant: each event is followed by one call of the reader's wake-up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::message::Event;
use crate::progress::Progress;

/// Where events go, from any of the engine's threads.
#[derive(Clone)]
pub(super) struct Outbox {
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    pub(super) fn new(events: Sender<Event>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { events, wake }
    }

    pub(super) fn send(&self, event: Event) {
        // Nobody listens any more only when the program ends.
        let _ = self.events.send(event);
        (self.wake)();
    }

    /// Progress whose news become events, at most twenty a second.
    pub(super) fn progress(&self, what: &str) -> Progress {
        let (outbox, what) = (self.clone(), what.to_owned());
        let start = Instant::now();
        // When news was sent last, and the share that was done before, where the work goes on from another day.
        let last = Mutex::new(None::<(Instant, f32)>);
        Progress::new(move |done| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|(at, _)| at.elapsed() < Duration::from_millis(50)) {
                return;
            }
            let before = last.map_or(done, |(_, before)| before);
            *last = Some((Instant::now(), before));
            let (spent, own) = (start.elapsed().as_secs_f32(), done - before);
            let is_enough = own > 0.02 * (1.0 - before) || (own > 0.0 && spent > 5.0);
            let is_told = is_enough && spent > 0.3;
            let secs_left = is_told.then(|| spent / own * (1.0 - done));
            outbox.send(Event::Progress {
                what: what.clone(),
                done,
                secs_left,
            });
        })
    }

    pub(super) fn progress_ended(&self, what: &str) {
        self.send(Event::ProgressEnded {
            what: what.to_owned(),
        });
    }
}

/// Work that is told of, until this is dropped.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) progress: Progress,
    what: String,
    outbox: Outbox,
}

impl Outbox {
    /// Progress of work that begins now, and ends when what is returned is dropped.
    pub(super) fn told(&self, what: &str) -> Told {
        self.send(Event::Progress {
            what: what.to_owned(),
            done: 0.0,
            secs_left: None,
        });
        Told {
            progress: self.progress(what),
            what: what.to_owned(),
            outbox: self.clone(),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.outbox.progress_ended(&self.what);
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
