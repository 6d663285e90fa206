//! `morphospace train`: drives the engine and prints its events.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::{Common, output};
use crate::data::{Corruption, DatasetSource};
use crate::engine::{
    DeviceKind, Engine, EngineOptions, Event, Request, Session, TrainingReport, TrainingState,
};
use crate::error::{Error, Result};
use crate::model::{
    Condition, Flow, LossPoint, ModelFile, ModelSpec, Precision, Preset, Pretraining, Prior,
    Teacher, Unpooling, load_named,
};

/// Train a model
#[derive(Debug, Args)]
pub(super) struct Train {
    /// Pictures to train on
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Where to start from, by name; without it what suits the pictures
    #[arg(long, value_parser = preset())]
    preset: Option<Preset>,
    /// The network, likelihood and beta from a specification as JSON instead of the preset's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["latent", "beta", "sigma"])]
    spec: Option<PathBuf>,
    /// Print the specification that would be trained as JSON, to change it and give it to --spec, and end
    #[arg(long, conflicts_with = "resume")]
    print_spec: bool,
    /// Numbers per code, 2 to 256; of a conditional model those that have no name
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
    /// Standard deviation of the pixels, where they are taken as normally distributed, or of the numbers of a code that the model stands on
    #[arg(long, value_name = "X")]
    sigma: Option<f32>,
    /// Epochs in which the KL term's weight rises (of a conditional model falls) or, for colour pictures, the deviation of the pixels falls (of a
    /// conditional model the decoder learns without the encoder)
    #[arg(long, value_name = "N")]
    warm_up: Option<f32>,
    /// Pixels by which the encoder sees each picture moved at random, while the decoder makes it where it was: codes that forget the place
    #[arg(long, value_name = "PIXELS")]
    shift: Option<usize>,
    /// What is done to each picture before the encoder sees it: masking, gaussian or salt-and-pepper, with its strength, as masking:0.5
    #[arg(long, value_name = "KIND:S", value_parser = corruption)]
    corrupt: Option<(Corruption, f32)>,
    /// Weight of the squared norm of the code's derivative, for codes that are points or logistic units
    #[arg(long, value_name = "X")]
    contraction: Option<f32>,
    /// Weight of the sum of absolute values of a code's numbers
    #[arg(long, value_name = "X")]
    sparsity: Option<f32>,
    /// Weight of the sum of squares of a code's numbers
    #[arg(long, value_name = "X")]
    shrinkage: Option<f32>,
    /// Nats per dimension below which the KL term is not pressed
    #[arg(long, value_name = "NATS")]
    free_bits: Option<f32>,
    /// Additional weight of the total correlation (β-TCVAE)
    #[arg(long, value_name = "X")]
    total_correlation: Option<f32>,
    /// Weight of the total correlation that a discriminator tells (FactorVAE)
    #[arg(long, value_name = "X")]
    adversary: Option<f32>,
    /// Codes drawn per item for the importance-weighted bound
    #[arg(long, value_name = "N")]
    importance: Option<usize>,
    /// Steps of the flow that bends the posterior, 0 for none
    #[arg(long, value_name = "N")]
    flow: Option<usize>,
    /// How a network that pools unpools: switches, repetition or transposed
    #[arg(long, value_name = "HOW")]
    unpooling: Option<Unpooling>,
    /// Pictures that the prior learns, 0 for a standard normal prior
    #[arg(long, value_name = "N")]
    vamp: Option<usize>,
    /// What codes say by name: class, or attributes of the data such as Yaw,Smile
    #[arg(long, value_name = "class|A,B,…", value_delimiter = ',')]
    condition: Vec<String>,
    /// How many items the model is told the labels of; the others it trains on without
    #[arg(long, value_name = "N")]
    labels: Option<usize>,
    /// Weight of the classifier's cross-entropy
    #[arg(long, value_name = "X")]
    supervision: Option<f32>,
    /// By what layers are pre-trained one by one: boltzmann, auto-encoder or none
    #[arg(long, value_name = "HOW")]
    pretrain: Option<String>,
    /// Passes over the data for each layer that is pre-trained
    #[arg(long, value_name = "N")]
    pretrain_epochs: Option<usize>,
    /// Share of the items kept out of training, to choose the best weights
    #[arg(long, value_name = "X")]
    validation: Option<f32>,
    /// Where to write the model, also after each epoch; without it the resumed file, or model.safetensors
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A model to begin with: its weights are taken where layers are the same, and preset stacked stands on its codes
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    from: Option<PathBuf>,
    /// Store the finished weights with 16 bits each, in half the space
    #[arg(long)]
    half: bool,
    /// Go on with the training in this file, on the same data
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "latent", "epochs", "batch", "lr", "beta", "sigma", "warm_up", "shift", "spec", "corrupt", "contraction", "sparsity", "shrinkage", "free_bits", "total_correlation", "adversary", "importance", "flow", "vamp", "unpooling", "pretrain", "pretrain_epochs", "validation", "condition", "labels", "supervision"])]
    resume: Option<PathBuf>,
}

/// Presets by name, with what they are in the help.
fn preset() -> impl TypedValueParser<Value = Preset> {
    let names = Preset::ALL.map(|p| PossibleValue::new(p.name()).help(p.describe()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Preset>())
}

/// A corruption and its strength, as `masking:0.5`.
pub(super) fn corruption(text: &str) -> Result<(Corruption, f32)> {
    let (name, strength) = text.split_once(':').unwrap_or((text, "0.3"));
    let strength = strength.parse().ok();
    let strength = strength.filter(|s| (0.0..=1.0).contains(s));
    let strength = strength.ok_or_else(|| Error::usage("a strength is 0 to 1"))?;
    Ok((name.parse()?, strength))
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
    /// The layer that is pre-trained, and its squared error.
    stage: Option<usize>,
    error: f32,
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
            if let Some(file) = &self.from {
                let shape = load_named(file)?.spec.shape;
                let there = session.dataset.as_ref().map(|data| data.shape());
                if there.is_some_and(|there| there != shape) {
                    return Err(Error::file(
                        file,
                        format!("it takes {shape} pictures, and {} has others", self.data),
                    ));
                }
                engine.request(Request::OpenModel(file.clone()));
                session = Self::wait_for_codes(&engine, common, &mut watch, session.id + 1)?;
            }
            let request = self.request(&session, common)?;
            if let (Request::Train { spec, .. }, true) = (&request, self.print_spec) {
                let json = serde_json::to_string_pretty(spec);
                println!("{}", json.map_err(|e| Error::usage(e.to_string()))?);
                return Ok(());
            }
            engine.request(request);
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
        let dataset = session.dataset.as_ref();
        let dataset = dataset.ok_or_else(|| Error::usage("there is no data"))?;
        let shape = dataset.shape();
        let preset = self.preset.unwrap_or_else(|| Preset::for_shape(shape));
        let model = session.model.as_ref().filter(|_| self.from.is_some());
        let mut spec = match &self.spec {
            Some(file) => ModelSpec::read(file)?,
            None => preset.spec_upon(dataset, model.map(|model| &model.spec))?,
        };
        let mut config = preset.training(shape);
        config.seed = common.seed;
        match self.condition.as_slice() {
            [] => {}
            [class] if class == "class" => {
                spec = spec.conditioned(Condition::classes_of(dataset)?);
            }
            names => spec = spec.conditioned(Condition::attributes_of(dataset, names)?),
        }
        let named = spec.code - spec.style();
        spec.code = self.latent.map_or(spec.code, |style| style + named);
        spec.beta = self.beta.unwrap_or(spec.beta);
        if let Some(deviation) = self.sigma {
            spec = spec.with_deviation(deviation);
        }
        self.objective(&mut spec);
        if let Some(unpooling) = self.unpooling {
            spec = spec.unpooled_by(unpooling)?;
        }
        config.epochs = self.epochs.unwrap_or(config.epochs);
        config.batch = self.batch.unwrap_or(config.batch);
        config.warm_up = self.warm_up.unwrap_or(config.warm_up);
        config.shift = self.shift.unwrap_or(config.shift);
        config.corruption = self.corrupt.or(config.corruption);
        config.corruption = config.corruption.filter(|(_, strength)| *strength > 0.0);
        config.validation = self.validation.unwrap_or(config.validation);
        config.labels = self.labels.or(config.labels);
        config.pretraining = self.pretraining(config.pretraining)?;
        if let Some(pretraining) = config.pretraining {
            pretraining.check(&spec)?;
        }
        config.learning_rate = self.lr.unwrap_or(config.learning_rate);
        config.final_learning_rate = config.final_learning_rate.min(config.learning_rate);
        let (spec, config) = (spec.check()?, config.check()?);
        if !common.quiet && !self.print_spec {
            eprintln!("Training {}, {} epochs", spec.summary(), config.epochs);
        }
        Ok(Request::Train {
            spec,
            config,
            from_model: self.from.is_some(),
        })
    }

    /// What the options say of pre-training, where the preset has `own`.
    fn pretraining(&self, own: Option<Pretraining>) -> Result<Option<Pretraining>> {
        let teacher = match self.pretrain.as_deref() {
            Some("none") => return Ok(None),
            Some(name) => {
                let found = Teacher::ALL.into_iter().find(|t| t.name() == name);
                Some(found.ok_or_else(|| {
                    Error::usage(format!(
                        "layers cannot be pre-trained by {name}; choose boltzmann, auto-encoder or none"
                    ))
                })?)
            }
            None => own.map(|own| own.teacher),
        };
        let epochs = self.pretrain_epochs.or(own.map(|own| own.epochs));
        Ok(teacher.map(|teacher| Pretraining {
            teacher,
            epochs: epochs.unwrap_or(10),
        }))
    }

    /// Puts what the options say of the objective, the flow and the prior into `spec`.
    fn objective(&self, spec: &mut ModelSpec) {
        let set = |own: &mut f32, asked: Option<f32>| *own = asked.unwrap_or(*own);
        let objective = &mut spec.objective;
        set(&mut objective.contraction, self.contraction);
        set(&mut objective.sparsity, self.sparsity);
        set(&mut objective.shrinkage, self.shrinkage);
        set(&mut objective.free_bits, self.free_bits);
        set(&mut objective.total_correlation, self.total_correlation);
        set(&mut objective.adversary, self.adversary);
        set(&mut objective.supervision, self.supervision);
        objective.samples = self.importance.unwrap_or(objective.samples);
        if let Some(steps) = self.flow {
            let hidden = spec.flow.as_ref().map_or(Flow::HIDDEN, |flow| flow.hidden);
            spec.flow = (steps > 0).then_some(Flow { steps, hidden });
        }
        if let Some(inputs) = self.vamp {
            spec.prior = if inputs > 0 {
                Prior::Vamp { inputs }
            } else {
                Prior::Standard
            };
        }
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
                // The first report of a layer tells how the one before ended.
                let stage = report.stage.map_or(usize::MAX, |stage| stage.stage);
                let has_stage_ended = watch.stage.is_some_and(|own| own != stage);
                if let (true, Some(own), false) = (has_stage_ended, watch.stage, common.quiet) {
                    let mut of_stage = report.stage_points.iter().filter(|p| p.stage == own);
                    let error = of_stage.next_back().map_or(watch.error, |p| p.error);
                    eprintln!("layer {} is pre-trained: squared error {error:.2}", own + 1);
                }
                if let Some(point) = report.stage_points.last() {
                    watch.error = point.error;
                }
                watch.stage = report.stage.map(|stage| stage.stage);
                let ended = report.epoch > watch.epoch;
                if ended {
                    watch.epoch = report.epoch;
                    if !common.quiet {
                        eprintln!("{}", line(report, watch));
                    }
                }
                Ok((ended || has_stage_ended) && !watch.is_finished)
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
