//! The engine's loop: requests in order, then the newest live request, then one piece of long work.
//!
//! Invariant: between two looks at the mailbox lies at most one small piece of work (a slice of a training step, or a
//! batch to encode), and whatever fails there becomes an event. A drag is served even between the layers of such a piece.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, select};

use super::EngineOptions;
use super::device;
use super::encoding::Encoding;
use super::indexing::Indexing;
use super::loading::{Job, Loaded};
use super::mailbox::Mailbox;
use super::mapping::Mapping;
use super::message::{
    DeviceInfo, DeviceKind, Event, ModelInfo, Request, Session, TrainingReport, TrainingState,
};
use super::outbox::Outbox;
use super::pieces::{Measuring, Refining, SheetWork};
use super::search::Searcher;
use super::training::Training;
use super::workshop::{Parcel, Workshop};
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::model::{
    AutoEncoder, CodePrior, ModelFile, ModelSpec, TrainConfig, load_named, shipped_for,
};
use crate::progress::Progress;

/// What comes in from outside.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) requests: Receiver<Request>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) bell: Receiver<()>,
}

/// What became of a job of reading, with the job's number.
type News = (u64, Loaded);

/// The model in use, as file and as network.
#[derive(Debug)]
pub(super) struct InUse {
    pub(super) file: ModelFile,
    pub(super) network: AutoEncoder,
    pub(super) info: Arc<ModelInfo>,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) options: EngineOptions,
    pub(super) outbox: Outbox,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) device: Device,
    info: DeviceInfo,
    pub(super) session: Session,
    pub(super) model: Option<InUse>,
    job: Option<Job>,
    jobs: u64,
    /// The job whose data is shown.
    shown_job: Option<u64>,
    news: (Sender<News>, Receiver<News>),
    pub(super) encoding: Option<Encoding>,
    pub(super) training: Option<Training>,
    pub(super) sheet: Option<SheetWork>,
    pub(super) keys: Option<SheetWork>,
    pub(super) measuring: Option<Measuring>,
    pub(super) refining: Option<Refining>,
    pub(super) searcher: Searcher,
    pub(super) workshop: Workshop,
    pub(super) mapping: Mapping,
    pub(super) indexing: Indexing,
}

/// Runs until the last sender of requests is gone.
pub(super) fn run(options: EngineOptions, inbox: &Inbox, outbox: Outbox) {
    let (device, info) = device::choose(options.device).unwrap_or_else(|error| {
        let reason = format!("{error}");
        outbox.send(Event::Failed(error));
        device::cpu(&reason)
    });
    tracing::info!("computing on {}: {}", info.name, info.reason);
    outbox.send(Event::Device(info.clone()));
    let mut core = Core {
        options,
        searcher: Searcher::start(outbox.clone()),
        workshop: Workshop::new(outbox.clone()),
        mapping: Mapping::default(),
        indexing: Indexing::default(),
        outbox,
        mailbox: inbox.mailbox.clone(),
        device,
        info,
        session: Session::default(),
        model: None,
        job: None,
        jobs: 0,
        shown_job: None,
        news: bounded(4),
        encoding: None,
        training: None,
        sheet: None,
        keys: None,
        measuring: None,
        refining: None,
    };
    let parcels = core.workshop.parcels();
    loop {
        match inbox.requests.try_recv() {
            Ok(request) => {
                core.guarded(|core| core.handle(request));
                continue;
            }
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {}
        }
        if let Ok((id, news)) = core.news.1.try_recv() {
            core.guarded(|core| core.loaded(id, news));
            continue;
        }
        if let Ok(parcel) = parcels.try_recv() {
            core.receive(parcel);
            continue;
        }
        if core.serve() || core.work() {
            continue;
        }
        let news = core.news.1.clone();
        select! {
            recv(inbox.requests) -> request => match request {
                Ok(request) => core.guarded(|core| core.handle(request)),
                Err(_) => break,
            },
            recv(news) -> message => {
                if let Ok((id, news)) = message {
                    core.guarded(|core| core.loaded(id, news));
                }
            }
            recv(parcels) -> parcel => {
                if let Ok(parcel) = parcel {
                    core.receive(parcel);
                }
            }
            recv(inbox.bell) -> _ => {}
        }
    }
    if let Some(job) = &core.job {
        job.progress.cancel();
    }
    core.leave_encoding();
}

impl Core {
    /// Does something that may fail or even panic; either becomes an event, and a broken GPU is left for the CPU.
    pub(super) fn guarded(&mut self, action: impl FnOnce(&mut Self) -> Result<()>) {
        let result = catch_unwind(AssertUnwindSafe(|| action(self))).unwrap_or_else(|panic| {
            Err(Error::device(format!(
                "the engine failed: {}",
                panic_text(panic.as_ref())
            )))
        });
        let Err(error) = result else { return };
        if error.is_cancelled() {
            return;
        }
        let broken = error.is_device();
        self.outbox.send(Event::Failed(error));
        if broken {
            self.recover();
        }
    }

    /// After a failure of the device: everything anew from what is held in memory, on the CPU. What failed on the CPU
    /// itself would fail again: a training ends with the weights of its last whole epoch, an encoding ends.
    fn recover(&mut self) {
        self.leave_encoding();
        self.drop_pieces();
        let training = self.training.take();
        if self.info.kind == DeviceKind::Cpu {
            if let Some(training) = training {
                self.keep_checkpoint(training);
            }
            return;
        }
        let (device, info) = device::cpu("the GPU stopped working");
        (self.device, self.info) = (device, info);
        self.outbox.send(Event::Device(self.info.clone()));
        // What a lost device leaves behind may panic even while it is thrown away.
        if catch_unwind(AssertUnwindSafe(|| self.rebuild(training))).is_err() {
            self.report_end_of_training();
            self.outbox.send(Event::Failed(Error::device(
                "the work could not be continued on the CPU",
            )));
        }
        self.encode_all();
    }

    /// Model and training anew on the present device.
    fn rebuild(&mut self, training: Option<Training>) {
        if let Some(in_use) = &mut self.model {
            match in_use.file.model(&self.device) {
                Ok(network) => in_use.network = network,
                Err(error) => self.outbox.send(Event::Failed(error)),
            }
        }
        let Some(training) = training else { return };
        match training.restored(&self.device) {
            Ok(mut restored) => {
                restored.set_meanwhile(self.meanwhile());
                self.training = Some(restored);
            }
            Err((training, error)) => {
                self.outbox.send(Event::Failed(error));
                self.keep_checkpoint(*training);
            }
        }
    }

    /// Ends a training that cannot go on, with the weights of its last whole epoch in use.
    pub(super) fn keep_checkpoint(&mut self, training: Training) {
        if let Err(error) = self.use_model(training.into_checkpoint(), None) {
            self.outbox.send(Event::Failed(error));
        }
        self.update_info(|info| info.is_unsaved = true);
        self.report_end_of_training();
        self.publish();
    }

    fn handle(&mut self, request: Request) -> Result<()> {
        match request {
            Request::OpenData(source) => self.open_data(&source),
            Request::Seed(seed) => {
                self.options.seed = seed;
                Ok(())
            }
            Request::OpenModel(path) => self.open_model(&path),
            Request::Train {
                spec,
                config,
                from_model,
            } => self.train(spec, config, from_model),
            Request::Pause => self.with_training(Training::pause),
            Request::Step => self.with_training(Training::step_once),
            Request::Resume => self.resume(),
            Request::Stop => self.finish_training(),
            Request::SaveModel(path) => self.save_model(&path),
            Request::Cancel => {
                if let Some(job) = &self.job {
                    job.progress.cancel();
                } else {
                    self.leave_encoding();
                }
                self.cancel_pieces();
                self.end_layout();
                self.end_indexing();
                self.workshop.cancel_all();
                self.publish();
                Ok(())
            }
            Request::Refine {
                generation,
                picture,
                code,
                steps,
            } => self.refine(generation, &picture, &code, steps),
            Request::MeasureItems => self.measure_items(),
            Request::BuildIndex { space, kind } => self.build_index(space, kind),
            Request::Project(method) => self.project(method),
            Request::FindDirection(contrast) => self.find_direction(contrast),
            Request::FitMixture => self.fit_mixture(),
            Request::Study(study) => self.study(study),
            Request::WriteReport(folder) => self.write_report(folder),
            Request::Repair {
                generation,
                pictures,
            } => self.repair(generation, &pictures),
            Request::DecodeGrid { generation, codes } => self.decode_grid(generation, &codes),
            Request::MeasureComponents => self.measure_components(),
            Request::MeasureLikelihoods(plan) => self.measure_likelihoods(plan),
            Request::CompareFamilies(plan) => self.compare_families(plan),
            Request::UseFamily(at) => self.use_family(at),
            Request::CompareLabels(comparison) => self.compare_labels(comparison),
            Request::ResumeLabels => self.resume_labels(),
            Request::OpenLabels(path) => self.open_labels(path),
            Request::SaveLabels(path) => self.save_labels(path),
            Request::FitDensity(plan) => self.fit_density(plan),
            Request::ResumeDensity => self.resume_density(),
            Request::OpenDensity(path) => self.open_density(path),
            Request::SaveDensity(path) => self.save_density(path),
            Request::DrawDensity { generation, wish } => self.draw_density(generation, wish),
            Request::Probe(wish) => self.probe_model(wish),
            Request::DecodeFamilies { generation, wish } => self.decode_families(generation, wish),
            Request::WriteFormation { formation, path } => {
                self.write_formation(formation, path);
                Ok(())
            }
            Request::AddMetadata(path) => self.add_metadata(path),
            Request::PlaceKeys { generation, codes } => {
                self.place_keys(generation, codes);
                Ok(())
            }
            Request::Animate {
                path,
                originals,
                file,
            } => self.animate(path, originals, file),
            Request::ExportItems { items, path } => self.export_items(&items, path),
            Request::Memorise {
                samples,
                seed,
                held_out,
            } => self.memorise(samples, seed, held_out),
            Request::MeasureFactors { bins, seed } => self.measure_factors(bins, seed),
            Request::LeaveFoldOut { folds, epochs } => self.leave_fold_out(folds, epochs),
        }
    }

    fn receive(&mut self, parcel: Parcel) {
        if let Some(content) = self.workshop.open(parcel) {
            self.guarded(content);
        }
    }

    pub(super) fn refuse_while_training(&self) -> Result<()> {
        if self.training.is_some() {
            return Err(Error::usage("a training is under way").hint("stop it first"));
        }
        Ok(())
    }

    fn open_data(&mut self, source: &DatasetSource) -> Result<()> {
        self.refuse_while_training()?;
        if let Some(job) = self.job.take() {
            job.progress.cancel();
        }
        self.jobs += 1;
        self.job = Some(Job::start(
            self.jobs,
            source.clone(),
            self.options.seed,
            &self.outbox,
            self.news.0.clone(),
        ));
        // The model of built-in data is there at once, long before the data.
        if source.is_builtin() && self.session.dataset.is_none() && self.model.is_none() {
            let shipped = crate::model::Shipped::all()
                .iter()
                .find(|s| s.name == source.name());
            if let Some(file) = shipped.and_then(|s| s.load().ok()) {
                self.use_model(file, None)?;
            }
            self.session.id += 1;
            self.session.source = Some(source.clone());
            self.session.seed = self.options.seed;
            self.session.expected_items = source.builtin_len().unwrap_or(0);
            self.publish();
        }
        Ok(())
    }

    fn loaded(&mut self, id: u64, news: Loaded) -> Result<()> {
        let Some(job) = self.job.as_ref().filter(|job| job.id == id) else {
            return Ok(());
        };
        let source = job.source.clone();
        let (dataset, is_all) = match news {
            Loaded::Part(dataset) => (dataset, false),
            Loaded::All(dataset) => (dataset, true),
            Loaded::Failed(error) => {
                self.job = None;
                // What is already there of a set that was cancelled half-way stays, and is all there will be.
                if let Some(dataset) = &self.session.dataset
                    && self.shown_job == Some(id)
                {
                    self.session.expected_items = dataset.len();
                    self.publish();
                }
                return Err(error);
            }
        };
        let is_more = self.shown_job == Some(id);
        self.shown_job = Some(id);
        let total = if is_all {
            dataset.len()
        } else {
            source.builtin_len().unwrap_or(dataset.len())
        };
        if is_all {
            self.job = None;
        }
        self.session.expected_items = total;
        let dataset = Arc::new(dataset);
        self.session.dataset = Some(dataset.clone());
        if is_more {
            self.publish();
            return Ok(());
        }
        self.session.id += 1;
        self.session.source = Some(source.clone());
        self.session.seed = self.options.seed;
        self.session.metadata = None;
        self.session.families = None;
        self.session.labelled = None;
        self.session.density = None;
        self.forget_codes();
        let fits = self
            .model
            .as_ref()
            .is_some_and(|m| m.file.spec.shape == dataset.shape());
        if !fits {
            if let Some(model) = self.model.take().filter(|m| m.info.file.is_some()) {
                let text = format!(
                    "{} takes {} pictures, {} has {}",
                    model.info.name,
                    model.file.spec.shape,
                    dataset.name(),
                    dataset.shape()
                );
                self.outbox.send(Event::Failed(
                    Error::model(text).hint("the model was put aside"),
                ));
            }
            self.session.model = None;
            if let Some(file) = shipped_for(&source.name(), dataset.shape()) {
                self.use_model(file, None)?;
            }
        }
        self.publish();
        self.encode_all();
        Ok(())
    }

    fn open_model(&mut self, path: &Path) -> Result<()> {
        self.refuse_while_training()?;
        let file = load_named(path)?;
        let shape = file.spec.shape;
        let built_in = file
            .provenance
            .source
            .parse::<DatasetSource>()
            .ok()
            .filter(DatasetSource::is_builtin);
        // A shipped model lies in no file.
        self.use_model(file, path.exists().then_some(path))?;
        self.session.id += 1;
        let fits = self
            .session
            .dataset
            .as_ref()
            .is_some_and(|d| d.shape() == shape);
        if !fits {
            self.session.dataset = None;
            self.session.families = None;
            self.session.labelled = None;
            self.session.density = None;
            self.session.source = None;
            self.session.expected_items = 0;
            self.shown_job = None;
        }
        self.forget_codes();
        self.leave_encoding();
        self.publish();
        let is_awaited = |job: &Job| self.shown_job != Some(job.id);
        if fits {
            self.encode_all();
        } else if self.job.as_ref().is_some_and(is_awaited) {
            // Data that was asked for is on its way: whether it fits is seen when it is there.
        } else {
            if let Some(job) = self.job.take() {
                job.progress.cancel();
            }
            let fallback = crate::model::Shipped::all()
                .iter()
                .filter_map(|s| s.load().ok());
            let fallback = fallback
                .filter(|f| f.spec.shape == shape)
                .find_map(|f| f.provenance.data.parse().ok());
            if let Some(source) = built_in.or(fallback) {
                self.open_data(&source)?;
            }
        }
        Ok(())
    }

    /// Lets go of all that follows from codes.
    pub(super) fn forget_codes(&mut self) {
        self.session.codes = None;
        self.session.item_kl = None;
        self.session.log_variance = None;
        self.session.components = None;
        self.session.map_method = crate::space::MapMethod::Components;
        self.session.projection = None;
        self.forget_measures();
    }

    /// Lets go of what was measured of all codes together, which holds for them no longer.
    pub(super) fn forget_measures(&mut self) {
        self.session.is_encoded = false;
        self.session.item_errors = None;
        self.session.held_out = None;
        self.forget_copies();
        self.session.factors = None;
        self.session.mixture = None;
        // That of the pixels does not depend on codes.
        let density = self.session.density.take();
        self.session.density = density.filter(|own| own.density.over_pixels().is_some());
        self.session.study = None;
        self.session.likelihoods = None;
        self.session.probed = None;
        self.session.class_missed = None;
        self.session.linear = None;
        self.drop_indices();
        self.workshop.cancel_all();
    }

    /// Takes a model into use; the session is not published yet.
    pub(super) fn use_model(&mut self, file: ModelFile, path: Option<&Path>) -> Result<()> {
        let network = file.model(&self.device)?;
        self.drop_pieces();
        if self.info.kind != DeviceKind::Cpu {
            // Kernels are compiled at their first use; better now, with progress, than under the first drag.
            let what = "Preparing the GPU";
            let progress = self.outbox.progress(what);
            progress.update(0, 2)?;
            let picture = network.decode(&vec![0.0; network.code()])?;
            progress.update(1, 2)?;
            network.encode(&[&picture, &picture], &Progress::silent())?;
            network.encode(&[&picture], &Progress::silent())?;
            self.outbox.progress_ended(what);
        }
        let prior = network.prior(&file.statistics.mean)?;
        let info = Arc::new(describe(&file, prior, path, false));
        self.session.model = Some(info.clone());
        self.model = Some(InUse {
            file,
            network,
            info,
        });
        Ok(())
    }

    /// Changes what is known of the model in use.
    pub(super) fn update_info(&mut self, change: impl FnOnce(&mut ModelInfo)) {
        if let Some(in_use) = &mut self.model {
            let mut info = (*in_use.info).clone();
            change(&mut info);
            in_use.info = Arc::new(info);
            self.session.model = Some(in_use.info.clone());
        }
    }

    pub(super) fn publish(&self) {
        self.outbox
            .send(Event::Session(Arc::new(self.session.clone())));
    }

    fn save_model(&mut self, path: &Path) -> Result<()> {
        if let Some(training) = &mut self.training {
            training.checkpoint()?.save(path)?;
        } else if let Some(in_use) = &self.model {
            in_use.file.save(path)?;
        } else {
            return Err(Error::usage("there is no model to save"));
        }
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        self.update_info(|info| {
            info.file = Some(path.to_path_buf());
            info.is_unsaved = false;
            if let Some(stem) = stem {
                info.name = stem;
            }
        });
        self.outbox.send(Event::Saved(path.to_path_buf()));
        self.publish();
        Ok(())
    }

    fn with_training(&mut self, action: impl FnOnce(&mut Training)) -> Result<()> {
        let Some(training) = &mut self.training else {
            return Err(Error::usage("no training is under way"));
        };
        action(training);
        let report = training.report()?;
        self.outbox.send(Event::Training(report));
        Ok(())
    }

    fn train(&mut self, spec: ModelSpec, config: TrainConfig, from_model: bool) -> Result<()> {
        self.refuse_while_training()?;
        let dataset = self.whole_dataset()?;
        let from = self.model.as_ref().filter(|_| from_model);
        let from = from.map(|in_use| in_use.network.clone());
        let training = Training::new(
            (spec, config),
            from.as_ref(),
            dataset,
            self.session.source.as_ref(),
            &self.device,
        )?;
        self.begin(training)
    }

    fn resume(&mut self) -> Result<()> {
        if self.training.is_some() {
            return self.with_training(Training::resume);
        }
        let dataset = self.whole_dataset()?;
        let Some(in_use) = &self.model else {
            return Err(Error::usage("there is no model to train further"));
        };
        let training = Training::resumed(in_use.file.clone(), dataset, &self.device)?;
        self.begin(training)
    }

    pub(super) fn whole_dataset(&self) -> Result<Arc<crate::data::Dataset>> {
        let dataset = self
            .session
            .dataset
            .clone()
            .ok_or_else(|| Error::usage("there is no data to train on"))?;
        if self.job.is_some() {
            return Err(Error::usage("the data is still being read")
                .hint("wait until it is there, or cancel the reading"));
        }
        Ok(dataset)
    }

    fn begin(&mut self, mut training: Training) -> Result<()> {
        let file = training.checkpoint()?;
        self.use_model(file, None)?;
        self.update_info(|info| info.is_unsaved = true);
        self.session.id += 1;
        self.forget_codes();
        self.leave_encoding();
        self.outbox.send(Event::Training(training.report()?));
        training.set_meanwhile(self.meanwhile());
        self.training = Some(training);
        self.publish();
        Ok(())
    }

    /// Ends training with the best weights in use.
    pub(super) fn finish_training(&mut self) -> Result<()> {
        let Some(mut training) = self.training.take() else {
            return Err(Error::usage("no training is under way"));
        };
        training.finish();
        let report = training.report()?;
        let file = training.checkpoint()?;
        self.use_model(file, None)?;
        self.update_info(|info| info.is_unsaved = true);
        self.session.id += 1;
        self.encode_all();
        if let Some(encoding) = &mut self.encoding {
            encoding.is_first = true;
        }
        self.publish();
        // Last, so that the window is never told that nothing goes on while the items are still to be encoded.
        self.outbox.send(Event::Training(report));
        Ok(())
    }

    pub(super) fn report_end_of_training(&self) {
        self.outbox.send(Event::Training(TrainingReport {
            state: TrainingState::Finished,
            epoch: 0,
            epochs: 0,
            step: 0,
            steps: 0,
            step_secs: 0.0,
            secs_left: 0.0,
            points: Vec::new(),
            stage: None,
            stage_points: Vec::new(),
        }));
    }

    /// One piece of long work; whether there was any.
    fn work(&mut self) -> bool {
        let can_train = self.training.as_ref().is_some_and(Training::wants_to_run);
        let can_encode = self.encoding_wants_to_run();
        if can_encode {
            self.guarded(Self::encode_some);
        }
        if can_train {
            self.guarded(Self::train_some);
        }
        let has_pieces = self.has_pieces();
        if has_pieces {
            self.guarded(Self::do_pieces);
        }
        can_train || can_encode || has_pieces
    }
}

/// What a reader of events needs to know of a model.
pub(super) fn describe(
    file: &ModelFile,
    prior: CodePrior,
    path: Option<&Path>,
    is_unsaved: bool,
) -> ModelInfo {
    let stem = path
        .and_then(Path::file_stem)
        .map(|s| s.to_string_lossy().into_owned());
    ModelInfo {
        name: stem.unwrap_or_else(|| file.provenance.data.clone()),
        file: path.map(Path::to_path_buf),
        spec: file.spec.clone(),
        trained_on: file.provenance.data.clone(),
        epochs: file.epochs,
        planned_epochs: file.config.epochs,
        is_unsaved,
        is_of_families: false,
        code_mean: file.statistics.mean.clone(),
        code_std: file.statistics.std.clone(),
        code_kl: file.statistics.kl.clone(),
        code_example: file.statistics.example.clone(),
        prior: Arc::new(prior),
        can_resume: file.can_resume(),
        history: file.history.clone(),
        stage_history: file.stage_history.clone(),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("an unknown reason")
}
