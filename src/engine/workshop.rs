//! Long mathematics on plain arrays, on threads of its own: layouts, mixtures, directions, exports.
//!
//! Invariants: of one kind only the newest job's results arrive; they arrive on the engine's thread, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::core::Core;
use super::message::{Event, Session};
use super::outbox::Outbox;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// What a job does on the engine's thread with what it found.
pub(super) type Delivery = Box<dyn FnOnce(&mut Core) -> Result<()> + Send>;

/// Changes the session that a job began in, `id`, and shows it; where that is another by now nothing happens.
pub(super) fn to_session(id: u64, change: impl FnOnce(&mut Session) + Send + 'static) -> Delivery {
    Box::new(move |core| {
        if core.session.id == id {
            change(&mut core.session);
            core.publish();
        }
        Ok(())
    })
}

/// How a job hands over what it found.
pub(super) type Deliver<'a> = dyn FnMut(Delivery) + Send + 'a;

/// Kinds of jobs; a new job replaces one of its kind that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bench {
    /// Laying out a map.
    Map,
    /// Fitting a mixture to the codes, to draw one from.
    Mixture,
    /// Fitting or reading a mixture that is looked at.
    Density,
    /// Finding a direction in code space.
    Direction,
    /// Finding the neighbours of key-frames.
    Keys,
    /// Comparing spaces over many queries.
    Study,
    /// Writing files.
    Export,
    /// Reading a table beside the items.
    Metadata,
    /// Comparing a model's pictures with its training items.
    Memorisation,
    /// Measuring likelihoods.
    Likelihoods,
    /// Measuring a model beside principal components.
    Linear,
    /// Training families of auto-encoders.
    Families,
    /// Training classifiers with and without pre-training.
    Labels,
    /// Training a probe and asking the model.
    Probe,
    /// Training models without each fold of the items.
    Folds,
    /// Measuring codes against known factors.
    Factors,
    /// Opening or building an approximate index.
    Index,
}

/// A delivery with the job it comes from.
pub(super) struct Parcel {
    bench: Bench,
    job: u64,
    /// Whether the job is over.
    is_last: bool,
    content: Delivery,
}

#[derive(Debug)]
struct Job {
    bench: Bench,
    id: u64,
    progress: Progress,
}

/// The jobs under way.
#[derive(Debug)]
pub(super) struct Workshop {
    outbox: Outbox,
    jobs: Vec<Job>,
    last: u64,
    parcels: (Sender<Parcel>, Receiver<Parcel>),
}

impl Workshop {
    pub(super) fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            jobs: Vec::new(),
            last: 0,
            parcels: bounded(8),
        }
    }

    /// Where results come out.
    pub(super) fn parcels(&self) -> Receiver<Parcel> {
        self.parcels.1.clone()
    }

    /// Starts `work`, which is called `what` to people. It may deliver as often as it likes.
    pub(super) fn start(
        &mut self,
        bench: Bench,
        what: &str,
        work: impl FnOnce(&Progress, &mut Deliver<'_>) -> Result<()> + Send + 'static,
    ) {
        self.cancel(bench);
        self.last += 1;
        let job = self.last;
        let progress = self.outbox.progress(what);
        self.jobs.push(Job {
            bench,
            id: job,
            progress: progress.clone(),
        });
        let (outbox, parcels, what) =
            (self.outbox.clone(), self.parcels.0.clone(), what.to_owned());
        let run = move || {
            let send = |is_last, content| {
                // Nobody is there any more only when the program ends.
                let _ = parcels.send(Parcel {
                    bench,
                    job,
                    is_last,
                    content,
                });
            };
            let mut deliver = |content: Delivery| send(false, content);
            let result = catch_unwind(AssertUnwindSafe(|| {
                progress.update(0, 1)?;
                // A pool of its own: work shared with that of a drag would hold the drag up.
                let pool = rayon::ThreadPoolBuilder::new()
                    .build()
                    .map_err(|e| Error::usage(e.to_string()))?;
                pool.install(|| work(&progress, &mut deliver))
            }))
            .unwrap_or_else(|_| {
                Err(Error::usage(format!(
                    "{} failed in an unexpected way",
                    what.to_lowercase()
                )))
            });
            outbox.progress_ended(&what);
            send(true, Box::new(move |_| result));
        };
        if let Err(e) = thread::Builder::new()
            .name("morphospace-workshop".into())
            .spawn(run)
        {
            self.jobs.retain(|j| j.id != job);
            let text = format!("no thread could be started: {e}");
            self.outbox.send(Event::Failed(Error::device(text)));
        }
    }

    /// Gives up the job of a kind; what it still delivers is thrown away.
    pub(super) fn cancel(&mut self, bench: Bench) {
        self.jobs.retain(|job| {
            if job.bench == bench {
                job.progress.cancel();
            }
            job.bench != bench
        });
    }

    /// Gives up everything.
    pub(super) fn cancel_all(&mut self) {
        for job in self.jobs.drain(..) {
            job.progress.cancel();
        }
    }

    /// Whether a job of this kind is under way.
    pub(super) fn is_at(&self, bench: Bench) -> bool {
        self.jobs.iter().any(|job| job.bench == bench)
    }

    /// The content of a parcel, unless its job was given up.
    pub(super) fn open(&mut self, parcel: Parcel) -> Option<Delivery> {
        let at = self
            .jobs
            .iter()
            .position(|job| job.bench == parcel.bench && job.id == parcel.job)?;
        if parcel.is_last {
            self.jobs.swap_remove(at);
        }
        Some(parcel.content)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        self.cancel_all();
    }
}
