//! What pre-training without labels is worth to a classifier of the data that are open, on request.
//!
//! Invariant: the items that errors are counted on take part in no training, nor in any choice; the rows are those of the same comparison on the
//! command line.

use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::core::Core;
use super::workshop::Bench;
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::model::{BudgetErrors, Comparison};

/// What the comparison is called while it goes on.
pub const TRAINING_CLASSIFIERS: &str = "Training classifiers";

/// Of so many items one is kept out to count errors on, where there are no other items to count them on.
const TESTED: usize = 6;

/// Bytes of pixels that are copied to keep some of them out; more are refused rather than held twice.
const MOST_BYTES: usize = 1 << 30;

/// What is compared.
#[derive(Clone, PartialEq, Debug)]
pub struct LabelPlan {
    /// The networks, label budgets and seeds.
    pub comparison: Comparison,
    /// Items to count errors on; without these a sixth of the open items is, which is kept out of all training.
    pub test: Option<DatasetSource>,
}

/// What came of it, or has come of it so far.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// What was compared.
    pub plan: LabelPlan,
    /// What the items are called that errors are counted on, and how many they are.
    pub test: (String, usize),
    /// A row for each label budget that is done.
    pub rows: Vec<BudgetErrors>,
    /// Whether all trainings are done.
    pub is_complete: bool,
    /// Trainings that ended early, and what was kept of them.
    pub notes: Vec<String>,
}

/// The items to learn from, and those kept out to count errors on.
fn split(dataset: &Dataset, seed: u64) -> Result<(Dataset, Dataset)> {
    let mut ids: Vec<usize> = (0..dataset.len()).collect();
    ids.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let tested = dataset.len() / TESTED;
    if tested == 0 {
        return Err(Error::usage(format!(
            "{} has too few items to keep one of {TESTED} out to count errors on",
            dataset.name()
        )));
    }
    if dataset.len() * dataset.shape().len() > MOST_BYTES {
        return Err(Error::usage(format!(
            "{} is too large to be parted into items to learn from and items to count errors on",
            dataset.name()
        ))
        .hint("open fewer of them, with a count behind the name, or the train part of data that has a test part"));
    }
    let mut test = ids.split_off(dataset.len() - tested);
    ids.sort_unstable();
    test.sort_unstable();
    Ok((dataset.subset(&ids)?, dataset.subset(&test)?))
}

impl Core {
    /// Trains the classifiers; the session has the rows that are done, one after another.
    pub(super) fn compare_labels(&mut self, plan: LabelPlan) -> Result<()> {
        let dataset = self.whole_dataset()?;
        let device = self.device.clone();
        let drawn_with = self.session.seed;
        self.workshop.start(
            Bench::Labels,
            TRAINING_CLASSIFIERS,
            move |progress, deliver| {
                dataset.check_unchanged()?;
                let seed = plan.comparison.plan.seed;
                let reading = progress.part(0.0, 0.02);
                let (own, test);
                let learnt = if let Some(source) = &plan.test {
                    test = source.load(drawn_with, &reading)?;
                    dataset.as_ref()
                } else {
                    (own, test) = split(&dataset, seed)?;
                    &own
                };
                let mut labelled = Labelled {
                    test: match &plan.test {
                        Some(source) => (source.to_string(), test.len()),
                        None => (dataset.name().to_owned(), test.len()),
                    },
                    plan: plan.clone(),
                    rows: Vec::new(),
                    is_complete: false,
                    notes: Vec::new(),
                };
                let mut publish = |labelled: Labelled| {
                    let labelled = Arc::new(labelled);
                    let of = dataset.clone();
                    deliver(Box::new(move |core| {
                        let own = core.session.dataset.as_ref();
                        if own.is_some_and(|own| Arc::ptr_eq(own, &of)) {
                            core.session.labelled = Some(labelled);
                            core.publish();
                        }
                        Ok(())
                    }));
                };
                let part = progress.part(0.02, 1.0);
                let found = plan.comparison.run(learnt, &test, &device, &part, |rows| {
                    publish(Labelled {
                        rows: rows.to_vec(),
                        ..labelled.clone()
                    });
                })?;
                labelled.rows = found.budgets;
                labelled.notes = found.notes;
                labelled.is_complete = true;
                publish(labelled);
                Ok(())
            },
        );
        Ok(())
    }
}
