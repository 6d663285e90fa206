//! A training under way: steps, reports, previews and checkpoints.
//!
//! Invariant: a checkpoint of the last whole epoch is held in memory, so that neither a failing device nor a loss that
//! is no longer finite costs more than one epoch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::Device;

use super::core::Core;
use super::forming::Forming;
use super::message::{Event, StageReport, TrainingReport, TrainingState};
use crate::data::{Dataset, DatasetSource, Picture};
use crate::error::{Error, Result};
use crate::model::{
    AutoEncoder, CodeStatistics, Meanwhile, ModelFile, ModelSpec, Provenance, TrainConfig, Trainer,
};
use crate::progress::Progress;

const REPORT_EVERY: Duration = Duration::from_millis(100);
const PREVIEW_EVERY: Duration = Duration::from_secs(1);
const PREVIEWS: usize = 8;
/// Units shown of a layer that is pre-trained.
const FILTERS: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pace {
    Running,
    /// Until so many steps have been taken.
    Until(u64),
    Halted,
}

#[derive(Debug)]
pub(super) struct Training {
    trainer: Trainer,
    dataset: Arc<Dataset>,
    provenance: Provenance,
    pub(super) statistics: CodeStatistics,
    pace: Pace,
    is_over: bool,
    forming: Forming,
    saved: ModelFile,
    epoch_shown: u64,
    last_report: Instant,
    last_preview: Option<Instant>,
    /// Time spent on steps, and their number, since this training was begun or resumed.
    spent: (Duration, u64),
    /// Points of the loss curve that have been reported, and errors of pre-training.
    reported: (usize, usize),
}

impl Training {
    /// Begins anew, or with the weights of a model.
    pub(super) fn new(
        (spec, config): (ModelSpec, TrainConfig),
        from: Option<&AutoEncoder>,
        dataset: Arc<Dataset>,
        source: Option<&DatasetSource>,
        device: &Device,
    ) -> Result<Self> {
        let provenance = Provenance::of(&dataset, source);
        let statistics = CodeStatistics::unknown(&spec);
        let trainer = match from {
            Some(model) => Trainer::from_model(model, spec, config, &dataset, device)?,
            None => Trainer::new(spec, config, &dataset, device)?,
        };
        let saved = ModelFile::from_trainer(&trainer, provenance.clone(), statistics.clone())?;
        Ok(Self::around(trainer, saved, dataset))
    }

    /// Goes on from a file.
    pub(super) fn resumed(file: ModelFile, dataset: Arc<Dataset>, device: &Device) -> Result<Self> {
        let trainer = file.trainer(None, &dataset, device)?;
        Ok(Self::around(trainer, file, dataset))
    }

    fn around(trainer: Trainer, saved: ModelFile, dataset: Arc<Dataset>) -> Self {
        Self {
            forming: Forming::new(&trainer, &dataset),
            epoch_shown: epoch_of(&trainer),
            reported: (0, 0),
            trainer,
            dataset,
            provenance: saved.provenance.clone(),
            statistics: saved.statistics.clone(),
            pace: Pace::Running,
            is_over: false,
            saved,
            last_report: Instant::now(),
            last_preview: None,
            spent: (Duration::ZERO, 0),
        }
    }

    /// The same training from its last checkpoint, on another device; the training itself where that fails.
    pub(super) fn restored(self, device: &Device) -> Result<Self, (Box<Self>, Error)> {
        match Self::resumed(self.saved.clone(), self.dataset.clone(), device) {
            Ok(mut restored) => {
                if self.pace == Pace::Halted {
                    restored.pause();
                }
                Ok(restored)
            }
            Err(error) => Err((Box::new(self), error)),
        }
    }

    /// The model at the end of the last whole epoch.
    pub(super) fn into_checkpoint(self) -> ModelFile {
        self.saved
    }

    pub(super) fn set_meanwhile(&mut self, meanwhile: Meanwhile) {
        self.trainer.set_meanwhile(meanwhile);
    }

    pub(super) fn pause(&mut self) {
        self.pace = Pace::Halted;
    }

    pub(super) fn step_once(&mut self) {
        // Counted in steps: an epoch's validation that is still under way is none.
        self.pace = Pace::Until(steps_of(&self.trainer) + 1);
    }

    pub(super) fn resume(&mut self) {
        self.pace = Pace::Running;
    }

    pub(super) fn finish(&mut self) {
        self.is_over = true;
    }

    pub(super) fn wants_to_run(&self) -> bool {
        // A step that was begun is always brought to its end, so that weights and counters belong together.
        !self.is_over && (self.pace != Pace::Halted || !self.trainer.is_between_steps())
    }

    pub(super) fn network(&self) -> AutoEncoder {
        self.trainer.model()
    }

    /// The model as it can be saved now.
    pub(super) fn checkpoint(&mut self) -> Result<ModelFile> {
        while !self.trainer.is_between_steps() {
            self.trainer.advance(&self.dataset)?;
        }
        self.trainer.read_losses()?;
        ModelFile::from_trainer(
            &self.trainer,
            self.provenance.clone(),
            self.statistics.clone(),
        )
    }

    pub(super) fn report(&mut self) -> Result<TrainingReport> {
        self.trainer.read_losses()?;
        let history = self.trainer.history();
        // The last point of an epoch is complete when the epoch's validation is.
        let complete =
            history.len() - usize::from(self.trainer.is_validating() && !history.is_empty());
        let points = history[self.reported.0.min(complete)..complete].to_vec();
        self.reported.0 = self.reported.0.max(complete);
        let errors = self.trainer.stage_history();
        let stage_points = errors[self.reported.1.min(errors.len())..].to_vec();
        self.reported.1 = self.reported.1.max(errors.len());
        let epoch = (self.trainer.step() / self.trainer.steps_per_epoch()) as usize;
        let (pretrained, before) = self.trainer.pretraining_steps();
        let (step, steps) = (
            pretrained + self.trainer.step(),
            before + self.trainer.steps(),
        );
        let (spent, taken) = self.spent;
        let (step_secs, secs_left) = if taken == 0 {
            (0.0, 0.0)
        } else {
            let [first, now, last] =
                [step.saturating_sub(taken), step, steps].map(|step| self.trainer.cost(step));
            let spent = spent.as_secs_f32();
            let share = (last - now.min(last)) as f32 / (now - first).max(1) as f32;
            (spent / taken as f32, spent * share)
        };
        self.last_report = Instant::now();
        Ok(TrainingReport {
            state: match self.pace {
                _ if self.is_over => TrainingState::Finished,
                Pace::Halted => TrainingState::Paused,
                Pace::Running | Pace::Until(_) => TrainingState::Running,
            },
            epoch,
            epochs: self.trainer.config().epochs,
            step,
            steps,
            step_secs,
            secs_left,
            points,
            stage: self
                .trainer
                .stage()
                .map(|(stage, stages, step, steps)| StageReport {
                    stage,
                    stages,
                    step,
                    steps,
                }),
            stage_points,
        })
    }

    fn preview(&self) -> Result<Event> {
        let network = self.trainer.model();
        let shape = self.dataset.shape();
        let shown = self.trainer.held_out().iter().take(PREVIEWS);
        let items: Vec<&[u8]> = shown.map(|&id| self.dataset.pixels(id as usize)).collect();
        let of_stage = self.trainer.stage_pictures(&items, FILTERS)?;
        let (pixels, filters) = if let Some(pictures) = of_stage {
            pictures
        } else {
            let codes = network.encode(&items, &Progress::silent())?.mean;
            (network.reconstruct(&items, &codes)?, Vec::new())
        };
        let picture = |pixels: &[u8]| Picture {
            shape,
            pixels: pixels.to_vec(),
        };
        Ok(Event::Preview {
            originals: items.into_iter().map(picture).collect(),
            reconstructions: pixels.chunks(shape.len()).map(picture).collect(),
            filters: filters.chunks(shape.len()).map(picture).collect(),
        })
    }
}

/// Steps taken, those of pre-training included.
fn steps_of(trainer: &Trainer) -> u64 {
    trainer.pretraining_steps().0 + trainer.step()
}

/// Whole epochs done, those of pre-training included.
fn epoch_of(trainer: &Trainer) -> u64 {
    steps_of(trainer) / trainer.steps_per_epoch()
}

impl Core {
    /// One slice of a step, and what is due after it.
    pub(super) fn train_some(&mut self) -> Result<()> {
        // What is recorded of the last moment comes before the end.
        let is_recording = |t: &Training| t.forming.is_due(&t.trainer);
        if !self.training.as_ref().is_some_and(is_recording) && self.end_epoch()? {
            return Ok(());
        }
        let Some(training) = &mut self.training else {
            return Ok(());
        };
        if let Err(error) = training.dataset.check_unchanged() {
            return self.give_up(error);
        }
        if training.forming.is_due(&training.trainer) {
            let formed = training
                .forming
                .advance(&training.trainer, &training.dataset);
            match formed {
                Ok(Some(formation)) => self.outbox.send(Event::Formed(formation)),
                Ok(None) => {}
                Err(error) => return self.give_up(error),
            }
            return Ok(());
        }
        let start = Instant::now();
        let before = steps_of(&training.trainer);
        if let Err(error) = training.trainer.advance(&training.dataset) {
            return self.give_up(error);
        }
        let is_whole = training.trainer.is_between_steps();
        let after = steps_of(&training.trainer);
        training.spent.0 += start.elapsed();
        training.spent.1 += after - before;
        if is_whole && matches!(training.pace, Pace::Until(step) if after >= step) {
            training.pace = Pace::Halted;
        }
        let is_due = training.last_report.elapsed() >= REPORT_EVERY;
        if is_due || (is_whole && training.pace == Pace::Halted) {
            match training.report() {
                Ok(report) => self.outbox.send(Event::Training(report)),
                Err(error) => return self.give_up(error),
            }
        }
        let Some(training) = &mut self.training else {
            return Ok(());
        };
        if training
            .last_preview
            .is_none_or(|at| at.elapsed() >= PREVIEW_EVERY)
        {
            training.last_preview = Some(Instant::now());
            let preview = training.preview()?;
            self.outbox.send(preview);
        }
        Ok(())
    }

    /// What is due after an epoch; whether that was the last one.
    fn end_epoch(&mut self) -> Result<bool> {
        let Some(training) = &mut self.training else {
            return Ok(true);
        };
        let trainer = &training.trainer;
        let epoch = epoch_of(trainer);
        if !trainer.is_between_steps() || epoch <= training.epoch_shown {
            return Ok(false);
        }
        training.epoch_shown = epoch;
        match training.checkpoint() {
            Ok(file) => training.saved = file,
            Err(error) => {
                self.give_up(error)?;
                return Ok(true);
            }
        }
        if training.trainer.is_done() {
            self.finish_training()?;
            return Ok(true);
        }
        let network = training.network();
        self.encode_preview(network);
        Ok(false)
    }

    /// Ends a training whose loss is lost, with the weights of the last epoch's end.
    fn give_up(&mut self, error: Error) -> Result<()> {
        if error.is_device() {
            return Err(error);
        }
        if let Some(training) = self.training.take() {
            self.keep_checkpoint(training);
            self.encode_all();
        }
        Err(error)
    }
}
