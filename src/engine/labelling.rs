//! What pre-training without labels is worth to a classifier of the data that are open, on request.
//!
//! Invariant: the rows are those of the same comparison on the command line, however often it was left off.

use std::borrow::Cow;
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
    /// What its classifier makes of the open items, or why it makes nothing of them; nothing as long as there is no classifier.
    pub judged: Option<Result<Judged>>,
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
    /// They are another set, which may have items in common with those.
    Others,
}

fn kinship(compared: &Compared, dataset: &Dataset) -> Kinship {
    if compared.learnt.are(dataset) {
        return Kinship::Learnt;
    }
    if compared.test.are(dataset) {
        return Kinship::Test;
    }
    let is_parted = compared.comparison.test.is_none()
        && compared.learnt.count.checked_add(compared.test.count) == Some(dataset.len());
    let sets = || compared.comparison.sets(dataset, 0, &Progress::silent());
    let are = |(learnt, test): (Cow<'_, Dataset>, Dataset)| {
        compared.learnt.are(&learnt) && compared.test.are(&test)
    };
    if is_parted && sets().is_ok_and(are) {
        Kinship::Parted
    } else {
        Kinship::Others
    }
}

/// What the comparison's classifier makes of `dataset`; nothing where it has none yet.
fn judged(compared: &Compared, dataset: &Dataset) -> Option<Result<Judged>> {
    let classifier = compared.classifier.as_ref()?;
    let misses = classifier.misses(dataset, &Progress::silent());
    Some(misses.map(|misses| {
        let all = (0..).zip(misses);
        Judged {
            missed: all.filter(|(_, is)| *is).map(|(id, _)| id).collect(),
            kinship: kinship(compared, dataset),
        }
    }))
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
        let comparison = labelled.compared.comparison.clone();
        self.run_labels(comparison, Some(labelled))
    }

    fn run_labels(
        &mut self,
        comparison: Comparison,
        left_off: Option<Arc<Labelled>>,
    ) -> Result<()> {
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
                let (mut compared, mut verdict) = match left_off {
                    Some(own) => (own.compared.clone(), own.judged.clone()),
                    None => (Compared::new(comparison, &learnt, &test)?, None),
                };
                let labels = |of: &Compared| of.classifier.as_ref().map(|own| own.plan().labels);
                let mut judged_of = verdict.as_ref().and(labels(&compared));
                let part = progress.part(0.02, 1.0);
                compared.go_on((&learnt, &test), &device, &part, |so_far| {
                    if labels(so_far) != judged_of {
                        verdict = judged(so_far, &dataset);
                        judged_of = labels(so_far);
                    }
                    let labelled = Labelled {
                        compared: so_far.clone(),
                        judged: verdict.clone(),
                    };
                    deliver(found(labelled, dataset.clone()));
                })
            },
        );
        Ok(())
    }

    /// Reads a comparison that was left off or is done.
    pub(super) fn open_labels(&mut self, path: PathBuf) -> Result<()> {
        if self.workshop.is_at(Bench::Labels) {
            return Err(Error::usage("a comparison of classifiers is under way")
                .hint("cancel it, and save what there is of it, before another is opened"));
        }
        let none = Error::usage("there are no items with classes to look at a comparison with")
            .hint("open the data that it is of first");
        let dataset = self.session.dataset.as_ref();
        if dataset.is_none_or(|own| own.labels().is_none()) {
            return Err(none);
        }
        let dataset = self.whole_dataset()?;
        let what = "Reading a comparison";
        self.workshop.start(Bench::Labels, what, move |_, deliver| {
            dataset.check_unchanged()?;
            let compared = Compared::load(&path)?;
            let labelled = Labelled {
                judged: judged(&compared, &dataset),
                compared,
            };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DatasetSource, digits};
    use crate::model::{ClassifierPlan, Pretraining, Teacher};

    #[test]
    fn open_items_are_told_from_those_that_were_learnt_from() -> Result<()> {
        let silent = Progress::silent();
        let drawn = |seed, items| digits::generate(seed, 0..items, &silent);
        let data = drawn(1, 120)?;
        let begun = |test: Option<DatasetSource>| -> Result<Compared> {
            let plan = ClassifierPlan {
                hidden: vec![8],
                pretraining: Some(Pretraining {
                    teacher: Teacher::AutoEncoder,
                    epochs: 1,
                }),
                ..ClassifierPlan::default()
            };
            let comparison = Comparison {
                plan,
                budgets: vec![None],
                seeds: 1,
                test,
            };
            let (learnt, test) = comparison.sets(&data, 1, &silent)?;
            Compared::new(comparison.clone(), &learnt, &test)
        };
        let source: DatasetSource = "digits:test:30".parse()?;
        let apart = begun(Some(source.clone()))?;
        assert_eq!(kinship(&apart, &data), Kinship::Learnt);
        assert_eq!(kinship(&apart, &source.load(1, &silent)?), Kinship::Test);
        assert_eq!(kinship(&apart, &drawn(1, 100)?), Kinship::Others);
        assert_eq!(kinship(&apart, &drawn(2, 120)?), Kinship::Others);
        let parted = begun(None)?;
        assert_eq!(kinship(&parted, &data), Kinship::Parted);
        // As many items of another seed are not those.
        assert_eq!(kinship(&parted, &drawn(2, 120)?), Kinship::Others);
        let ids: Vec<usize> = (0..120).rev().collect();
        assert_eq!(kinship(&parted, &data.subset(&ids)?), Kinship::Others);
        Ok(())
    }
}
