//! `morphospace train`: drives the engine and prints its events.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::{Common, output};
use crate::data::DatasetSource;
use crate::engine::{
    DeviceKind, Engine, EngineOptions, Event, Request, Session, TrainingReport, TrainingState,
};
use crate::error::{Error, Result};
use crate::model::{LossPoint, ModelFile, ModelSpec, Precision, Preset};

/// Train a model
#[derive(Debug, Args)]
pub(super) struct Train {
    /// Pictures to train on
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Where to start from: faces, digits, mnist-dense, mnist-2d, binary-256, binary-256-full, hash-28 or tiny; without it what suits the pictures
    #[arg(long)]
    preset: Option<Preset>,
    /// The network, likelihood and beta from a specification as JSON instead of the preset's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["latent", "beta", "sigma"])]
    spec: Option<PathBuf>,
    /// Numbers per code, 2 to 256
    #[arg(long, value_name = "N")]
    latent: Option<usize>,
    /// Passes over the data
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Items per step
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Learning rate at the start
    #[arg(long, value_name = "X")]
    lr: Option<f64>,
    /// Weight of the KL term
    #[arg(long, value_name = "X")]
    beta: Option<f32>,
    /// Standard deviation of the pixels, where they are taken as normally distributed
    #[arg(long, value_name = "X")]
    sigma: Option<f32>,
    /// Epochs in which the KL term's weight rises or, for colour pictures, the deviation of the pixels falls
    #[arg(long, value_name = "N")]
    warm_up: Option<f32>,
    /// Pixels by which the encoder sees each picture moved at random, while the decoder makes it where it was: codes that forget the place
    #[arg(long, value_name = "PIXELS")]
    shift: Option<usize>,
    /// Where to write the model, also after each epoch; without it the resumed file, or model.safetensors
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Store the finished weights with 16 bits each, in half the space
    #[arg(long)]
    half: bool,
    /// Go on with the training in this file, on the same data
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "latent", "epochs", "batch", "lr", "beta", "sigma", "warm_up", "shift", "spec"])]
    resume: Option<PathBuf>,
}

/// What is known of the training so far.
#[derive(Default)]
struct Watch {
    epoch: usize,
    is_finished: bool,
    last: LossPoint,
    validation: Option<f32>,
    steps: u64,
    step_secs: f32,
    /// Whether a GPU computes, which the engine can do without.
    is_gpu: bool,
}

impl Train {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let start = Instant::now();
        let out = self.out.as_ref().or(self.resume.as_ref()).cloned();
        let out = out.unwrap_or_else(|| "model.safetensors".into());
        output::check_writable(&out)?;
        let engine = Engine::start(
            EngineOptions {
                device: common.device,
                seed: common.seed,
            },
            || {},
        );
        let interrupted = Arc::new(AtomicBool::new(false));
        let is_training = Arc::new(AtomicBool::new(false));
        let (flag, can_stop) = (interrupted.clone(), is_training.clone());
        ctrlc::set_handler(move || {
            // Before training there is nothing to keep; the second time the file of the last epoch is whole.
            if !can_stop.load(Ordering::Relaxed) || flag.swap(true, Ordering::Relaxed) {
                std::process::exit(1);
            }
        })
        .map_err(|e| Error::usage(format!("ctrl-C cannot be handled: {e}")))?;

        engine.request(Request::OpenData(self.data.clone()));
        let mut watch = Watch::default();
        let mut session = self.wait_for_data(&engine, common, &mut watch)?;
        if let Some(file) = &self.resume {
            let data = session.dataset.as_ref();
            let model = ModelFile::load(file)?;
            data.map_or(Ok(()), |data| model.check_data(data))?;
            engine.request(Request::OpenModel(file.clone()));
            session = Self::wait_for_codes(&engine, common, &mut watch, session.id + 1)?;
            engine.request(Request::Resume);
        } else {
            engine.request(self.request(&session, common)?);
        }
        is_training.store(true, Ordering::Relaxed);
        let mut is_stopping = false;
        while !watch.is_finished {
            let event = engine.wait()?;
            match Self::watch(&event, common, &mut watch) {
                Ok(true) => engine.request(Request::SaveModel(out.clone())),
                Ok(false) => {}
                // The next epoch may find room again, and the end is told in any case.
                Err(error) if error.is_file() => eprintln!("morphospace: {error}"),
                Err(error) => return Err(error),
            }
            if interrupted.load(Ordering::Relaxed) && !is_stopping {
                is_stopping = true;
                engine.request(Request::Stop);
            }
        }
        Self::wait_for_codes(&engine, common, &mut watch, session.id + 2)?;
        engine.request(Request::SaveModel(out.clone()));
        while !matches!(checked(engine.wait()?)?, Event::Saved(_)) {}
        if self.half {
            ModelFile::load(&out)?
                .stored_as(Precision::Half)
                .save(&out)?;
        }
        if is_stopping && !common.quiet {
            eprintln!(
                "Stopped early; go on with: morphospace train --data {} --resume {} --seed {}",
                self.data,
                out.display(),
                common.seed
            );
        }
        let value = json!({
            "model": out.display().to_string(),
            "steps": watch.steps,
            "epochs": watch.last.epoch,
            "reconstruction": watch.last.reconstruction,
            "kl": watch.last.kl,
            "validation": watch.validation,
            "step_secs": watch.step_secs,
            "secs": start.elapsed().as_secs_f64(),
        });
        output::print(common.json, &value);
        Ok(())
    }

    fn request(&self, session: &Session, common: &Common) -> Result<Request> {
        let shape = session
            .dataset
            .as_ref()
            .map(|d| d.shape())
            .ok_or_else(|| Error::usage("there is no data"))?;
        let preset = self.preset.unwrap_or_else(|| Preset::for_shape(shape));
        let mut spec = match &self.spec {
            Some(file) => ModelSpec::read(file)?,
            None => preset.spec(shape),
        };
        let mut config = preset.training();
        config.seed = common.seed;
        spec.code = self.latent.unwrap_or(spec.code);
        spec.beta = self.beta.unwrap_or(spec.beta);
        if let (Some(value), crate::model::Likelihood::Gaussian { sigma }) =
            (self.sigma, &mut spec.likelihood)
        {
            *sigma = value;
        }
        config.epochs = self.epochs.unwrap_or(config.epochs);
        config.batch = self.batch.unwrap_or(config.batch);
        config.warm_up = self.warm_up.unwrap_or(config.warm_up);
        config.shift = self.shift.unwrap_or(config.shift);
        config.learning_rate = self.lr.unwrap_or(config.learning_rate);
        config.final_learning_rate = config.final_learning_rate.min(config.learning_rate);
        let (spec, config) = (spec.check()?, config.check()?);
        if !common.quiet {
            eprintln!("Training {}, {} epochs", spec.summary(), config.epochs);
        }
        Ok(Request::Train { spec, config })
    }

    fn wait_for_data(
        &self,
        engine: &Engine,
        common: &Common,
        watch: &mut Watch,
    ) -> Result<Session> {
        let progress = common.progress(&format!("Reading {}", self.data.name()));
        loop {
            let event = engine.wait()?;
            Self::watch(&event, common, watch)?;
            match event {
                Event::Progress { done, .. } => progress.update((done * 1000.0) as usize, 1000)?,
                Event::Session(session) => {
                    let there = session.dataset.as_ref().map_or(0, |d| d.len());
                    if there > 0 && there == session.expected_items {
                        return Ok((*session).clone());
                    }
                }
                _ => {}
            }
        }
    }

    /// Waits until the codes of all items are there, in a session of at least `id`.
    fn wait_for_codes(
        engine: &Engine,
        common: &Common,
        watch: &mut Watch,
        id: u64,
    ) -> Result<Session> {
        loop {
            let event = engine.wait()?;
            if let Event::Session(session) = &event
                && session.id >= id
                && session.is_encoded
            {
                return Ok((**session).clone());
            }
            Self::watch(&event, common, watch)?;
        }
    }

    /// Takes note of an event; whether an epoch has just ended.
    fn watch(event: &Event, common: &Common, watch: &mut Watch) -> Result<bool> {
        match event {
            // The engine goes on without the GPU, from the last whole epoch.
            Event::Failed(error) if error.is_device() && watch.is_gpu => {
                eprintln!("morphospace: {error}");
                Ok(false)
            }
            Event::Failed(error) => Err(error.clone()),
            Event::Device(info) => {
                watch.is_gpu = info.kind != DeviceKind::Cpu;
                if !common.quiet {
                    eprintln!("Computing on {}: {}", info.name, info.reason);
                }
                Ok(false)
            }
            Event::Training(report) => {
                watch.is_finished = report.state == TrainingState::Finished;
                watch.steps = report.step;
                watch.step_secs = report.step_secs;
                for point in &report.points {
                    watch.last = *point;
                    watch.validation = point.validation.or(watch.validation);
                }
                let ended = report.epoch > watch.epoch;
                if ended {
                    watch.epoch = report.epoch;
                    if !common.quiet {
                        eprintln!("{}", line(report, watch));
                    }
                }
                Ok(ended && !watch.is_finished)
            }
            _ => Ok(false),
        }
    }
}

/// Passes an event on, unless it tells of a failure.
fn checked(event: Event) -> Result<Event> {
    match event {
        Event::Failed(error) => Err(error),
        event => Ok(event),
    }
}

fn line(report: &TrainingReport, watch: &Watch) -> String {
    let last = watch.last;
    let validation = watch
        .validation
        .map_or(String::new(), |v| format!(", validation {v:.2}"));
    format!(
        "epoch {}/{}: reconstruction {:.2}, KL {:.2}{validation}, {:.1} ms a step, {:.0} s left",
        report.epoch,
        report.epochs,
        last.reconstruction,
        last.kl,
        report.step_secs * 1000.0,
        report.secs_left
    )
}
