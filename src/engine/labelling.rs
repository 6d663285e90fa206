//! What pre-training without labels is worth to a classifier of the data that are open, on request.
//!
//! Invariant: the rows are those of the same comparison on the command line, however often it was left off.

use std::path::PathBuf;
use std::sync::Arc;

use super::core::Core;
use super::message::Event;
use super::workshop::{Bench, Delivery};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Compared, Comparison};
use crate::progress::Progress;

/// What the comparison is called while it goes on.
pub const TRAINING_CLASSIFIERS: &str = "Training classifiers";

/// A comparison, and what its classifier makes of the open items.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// What came of it, or has come of it so far.
    pub compared: Compared,
    /// What its classifier makes of the open items; nothing where it has none yet, or they are not for it.
    pub judged: Option<Judged>,
}

/// Open items whose class a classifier misses.
#[derive(Clone, Debug)]
pub struct Judged {
    /// They, ascending.
    pub missed: Vec<u32>,
    /// How the open items stand to what it learnt from.
    pub kinship: Kinship,
}

/// How items stand to those that a classifier learnt from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kinship {
    /// They are those.
    Learnt,
    /// Those are among them; the others are what its errors were counted on.
    Parted,
    /// They are what its errors were counted on.
    Test,
    /// It has not met them.
    Others,
}

impl Labelled {
    fn new(compared: Compared, dataset: &Dataset, progress: &Progress) -> Result<Self> {
        let judge = |own: &crate::model::Classifier| match own.misses(dataset, progress) {
            Err(error) if error.is_cancelled() => Some(Err(error)),
            // Other pictures, or other classes.
            Err(_) => None,
            Ok(misses) => Some(Ok(misses)),
        };
        let misses = compared.classifier.as_ref().and_then(judge).transpose()?;
        let judged = misses.map(|misses| {
            let all = (0..).zip(misses);
            let (learnt, test) = (&compared.learnt, &compared.test);
            let is_parted = compared.comparison.test.is_none();
            Judged {
                missed: all.filter(|(_, is)| *is).map(|(id, _)| id).collect(),
                kinship: if learnt.are(dataset) {
                    Kinship::Learnt
                } else if is_parted && learnt.count + test.count == dataset.len() {
                    Kinship::Parted
                } else if test.are(dataset) {
                    Kinship::Test
                } else {
                    Kinship::Others
                },
            }
        });
        Ok(Self { compared, judged })
    }
}

/// The session of the data `of` has the comparison.
fn found(labelled: Labelled, of: Arc<Dataset>) -> Delivery {
    Box::new(move |core| {
        let own = core.session.dataset.as_ref();
        if own.is_some_and(|own| Arc::ptr_eq(own, &of)) {
            core.session.labelled = Some(Arc::new(labelled));
            core.publish();
        }
        Ok(())
    })
}

impl Core {
    /// Trains the classifiers; the session has the rows that are done, one after another.
    pub(super) fn compare_labels(&mut self, comparison: Comparison) -> Result<()> {
        self.run_labels(comparison, None)
    }

    /// Goes on with the comparison that the session has.
    pub(super) fn resume_labels(&mut self) -> Result<()> {
        let labelled = self.session.labelled.clone();
        let labelled =
            labelled.ok_or_else(|| Error::usage("there is no comparison to go on with"))?;
        let left_off = labelled.compared.clone();
        self.run_labels(left_off.comparison.clone(), Some(left_off))
    }

    fn run_labels(&mut self, comparison: Comparison, left_off: Option<Compared>) -> Result<()> {
        let dataset = self.whole_dataset()?;
        let device = self.device.clone();
        let drawn_with = self.session.seed;
        self.workshop.start(
            Bench::Labels,
            TRAINING_CLASSIFIERS,
            move |progress, deliver| {
                dataset.check_unchanged()?;
                let reading = progress.part(0.0, 0.02);
                let (learnt, test) = comparison.sets(&dataset, drawn_with, &reading)?;
                let mut compared = match left_off {
                    Some(left_off) => left_off,
                    None => Compared::new(comparison, &learnt, &test)?,
                };
                let part = progress.part(0.02, 0.99);
                compared.go_on((&learnt, &test), &device, &part, |so_far| {
                    let labelled = Labelled {
                        compared: so_far.clone(),
                        judged: None,
                    };
                    deliver(found(labelled, dataset.clone()));
                })?;
                let labelled = Labelled::new(compared, &dataset, &progress.part(0.99, 1.0))?;
                deliver(found(labelled, dataset));
                Ok(())
            },
        );
        Ok(())
    }

    /// Reads a comparison that was left off or is done.
    pub(super) fn open_labels(&mut self, path: PathBuf) -> Result<()> {
        let dataset = self.whole_dataset()?;
        let device = self.device.clone();
        let what = "Reading a comparison";
        self.workshop
            .start(Bench::Labels, what, move |progress, deliver| {
                let compared = Compared::load(&path, &device)?;
                let labelled = Labelled::new(compared, &dataset, progress)?;
                deliver(found(labelled, dataset));
                Ok(())
            });
        Ok(())
    }

    /// Writes the comparison that the session has, with its classifier.
    pub(super) fn save_labels(&mut self, path: PathBuf) -> Result<()> {
        let labelled = self.session.labelled.clone();
        let labelled = labelled.ok_or_else(|| Error::usage("there is no comparison to save"))?;
        self.workshop
            .start(Bench::Export, "Saving the comparison", move |_, deliver| {
                labelled.compared.save(&path)?;
                deliver(Box::new(move |core| {
                    core.outbox.send(Event::Written(path));
                    Ok(())
                }));
                Ok(())
            });
        Ok(())
    }
}
