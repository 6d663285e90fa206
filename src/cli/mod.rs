//! The command line: one file per subcommand, each a thin reader of the engine's events or of the library.
//!
//! Invariant: standard output holds the result alone (one JSON object with `--json`), standard error everything else;
//! the exit status is 0, 1 for a failure and 2 for a request that makes no sense.

mod classify;
mod codes;
mod compare;
mod data;
mod denoise;
mod encode;
mod evaluate;
mod factors;
mod features;
mod index;
mod memorise;
mod mixture;
mod morph;
mod output;
mod probe;
mod project;
#[cfg(feature = "qdrant")]
mod remote;
mod report;
mod retrieve;
mod screenshot;
mod short_list;
mod train;
mod unpool;
mod why;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{self, AppOptions};
use crate::data::DatasetSource;
use crate::engine::{DeviceChoice, EngineOptions, choose_device};
use crate::error::{Error, Result};
use crate::model::{AutoEncoder, ModelFile, load_named};
use crate::progress::Progress;

/// Pictures encoded at a time.
const ENCODED: usize = 4096;

/// Explore the code space of an auto-encoder.
///
/// Without a subcommand the window opens: with the given data and model, or with the built-in faces.
#[derive(Debug, Parser)]
#[command(name = "morphospace", version, args_conflicts_with_subcommands = true)]
struct Cli {
    /// Data to open: faces, digits, creatures, or a path, each with an optional :train, :test, :HxW or :COUNT
    #[arg(long, value_name = "SRC")]
    data: Option<DatasetSource>,
    /// Model to open: a file, or faces or digits for a shipped one
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Session to bring back, as saved from the window
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "model"])]
    session: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
}

/// What every subcommand takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Where to compute; auto is a real GPU when there is one, else the CPU
    #[arg(long, global = true, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Seed of built-in data, weights, samples and noise
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    json: bool,
    /// No progress and no log
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model
    Train(train::Train),
    /// Measure a model: errors, likelihood, KL per dimension
    Evaluate(evaluate::Evaluate),
    /// Write the codes of pictures as NPY
    Encode(encode::Encode),
    /// Draw the pictures of codes as a grid
    Decode(codes::Decode),
    /// Draw pictures decoded from samples of the prior
    Sample(codes::Sample),
    /// Animate the way from picture to picture through code space
    Morph(morph::Morph),
    /// Write positions of codes on a map as NPY
    Project(project::Project),
    /// Find and judge nearest neighbours in pixel space or code space
    Retrieve(retrieve::Retrieve),
    /// Draw the neighbours of one picture in both spaces side by side
    Compare(compare::Compare),
    /// Find out how much a model copies the items it was trained on
    Memorise(memorise::Memorise),
    /// Repair corrupted pictures by a model, and by principal components
    Denoise(denoise::Denoise),
    /// Compare families of auto-encoders trained on the same data
    Why(why::Why),
    /// Fit a mixture of Gaussians to pictures, or to their codes: likelihoods, samples, components
    Mixture(mixture::MixtureOf),
    /// Tell classes by a network that was pre-trained without labels, and by one that was not
    Classify(classify::Classify),
    /// Find out how often a conditional model draws what it is asked for, by a probe that is trained on its own
    Probe(probe::Probe),
    /// Measure what each dimension has to do with known factors
    Factors(factors::FactorsCommand),
    /// Draw the feature maps of every stage for one picture
    Features(features::DrawFeatures),
    /// Draw what each way of unpooling makes of the same pictures, and measure it
    Unpool(unpool::Unpool),
    /// List or describe data
    Data(data::Data),
    /// Draw the pictures of the README
    Screenshot(screenshot::Screenshot),
}

/// Runs the program for this process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own answer goes to the right stream; its exit status for errors is 2 as well.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    start_log(cli.common.quiet);
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_cancelled() => ExitCode::from(1),
        Err(error) => {
            eprintln!("morphospace: {error}");
            ExitCode::from(if error.is_usage() { 2 } else { 1 })
        }
    }
}

/// The device as it was asked for, so that what is left off is gone on with there.
fn device_named(common: &Common) -> String {
    use clap::ValueEnum as _;
    let value = common.device.to_possible_value();
    let named = value.filter(|_| common.device != DeviceChoice::default());
    named.map_or(String::new(), |own| format!(" --device {}", own.get_name()))
}

fn start_log(quiet: bool) {
    let level = if quiet {
        tracing::Level::ERROR
    } else {
        tracing::Level::WARN
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(level)
        .with_target(false)
        .without_time()
        .init();
}

fn dispatch(cli: Cli) -> Result<()> {
    let common = cli.common;
    match cli.command {
        None => {
            // Built-in data are drawn as they were when the session was saved.
            let saved = cli
                .session
                .as_deref()
                .map(app::SessionFile::load)
                .transpose()?;
            let seed = saved.and_then(|s| s.seed()).unwrap_or(common.seed);
            let engine = EngineOptions {
                device: common.device,
                seed,
            };
            app::run(AppOptions {
                data: cli.data,
                model: cli.model,
                session: cli.session,
                engine,
                keep_in: app::keep_in(),
            })
        }
        Some(Command::Train(command)) => command.run(&common),
        Some(Command::Evaluate(command)) => command.run(&common),
        Some(Command::Encode(command)) => command.run(&common),
        Some(Command::Decode(command)) => command.run(&common),
        Some(Command::Sample(command)) => command.run(&common),
        Some(Command::Morph(command)) => command.run(&common),
        Some(Command::Project(command)) => command.run(&common),
        Some(Command::Retrieve(command)) => command.run(&common),
        Some(Command::Compare(command)) => command.run(&common),
        Some(Command::Memorise(command)) => command.run(&common),
        Some(Command::Denoise(command)) => command.run(&common),
        Some(Command::Why(command)) => command.run(&common),
        Some(Command::Mixture(command)) => command.run(&common),
        Some(Command::Classify(command)) => command.run(&common),
        Some(Command::Probe(command)) => command.run(&common),
        Some(Command::Factors(command)) => command.run(&common),
        Some(Command::Features(command)) => command.run(&common),
        Some(Command::Unpool(command)) => command.run(&common),
        Some(Command::Data(command)) => command.run(&common),
        Some(Command::Screenshot(command)) => command.run(&common),
    }
}

impl Common {
    /// Progress on standard error.
    fn progress(&self, what: &str) -> Progress {
        if self.quiet {
            Progress::silent()
        } else {
            output::progress(what)
        }
    }

    fn load_data(&self, source: &DatasetSource) -> Result<crate::data::Dataset> {
        self.load_drawn(source, self.seed)
    }

    /// Reads data; built-in data are drawn with `seed`.
    fn load_drawn(&self, source: &DatasetSource, seed: u64) -> Result<crate::data::Dataset> {
        let dataset = source.load(seed, &self.progress(&format!("Reading {}", source.name())))?;
        if !self.quiet {
            for skipped in dataset.skipped() {
                eprintln!("left out {}: {}", skipped.file.display(), skipped.reason);
            }
        }
        Ok(dataset)
    }

    /// The model of a file, or a shipped one by its name.
    fn load_model(&self, path: &Path) -> Result<(ModelFile, AutoEncoder)> {
        let file = load_named(path)?;
        let (device, info) = choose_device(self.device)?;
        if !self.quiet {
            eprintln!("Computing on {}: {}", info.name, info.reason);
        }
        let model = file.model(&device).map_err(|e| e.in_file(path))?;
        Ok((file, model))
    }

    /// Whether the model takes the pictures of `dataset`.
    fn check_shape(model: &AutoEncoder, dataset: &crate::data::Dataset) -> Result<()> {
        if dataset.shape() == model.spec().shape {
            return Ok(());
        }
        Err(Error::model(format!(
            "the model takes {} pictures, {} has {}",
            model.spec().shape,
            dataset.name(),
            dataset.shape()
        )))
    }

    /// The posteriors of all items, `[n, code]`.
    fn encode(
        &self,
        model: &AutoEncoder,
        dataset: &crate::data::Dataset,
    ) -> Result<crate::model::Posteriors> {
        Self::check_shape(model, dataset)?;
        dataset.check_unchanged()?;
        let progress = self.progress(&format!("Encoding {}", dataset.name()));
        let mut all = crate::model::Posteriors::default();
        all.mean.reserve_exact(dataset.len() * model.code());
        all.log_variance.reserve_exact(dataset.len() * model.code());
        // Pages of a mapped file come and go with the block.
        for start in (0..dataset.len()).step_by(ENCODED) {
            progress.update(start, dataset.len())?;
            let end = (start + ENCODED).min(dataset.len());
            let items: Vec<&[u8]> = (start..end).map(|i| dataset.pixels(i)).collect();
            let more = model.encode(&items, &Progress::silent())?;
            all.mean.extend(more.mean);
            all.log_variance.extend(more.log_variance);
        }
        progress.update(dataset.len(), dataset.len())?;
        Ok(all)
    }
}
