//! Training, one step at a time.
//!
//! Invariant: what a step does depends on the seed and on the number of steps before it alone, so that training that was
//! saved and resumed gives the same weights as training that was not interrupted (bit for bit on the CPU).

mod batch;
mod schedule;

use std::rc::Rc;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, activation};
use rand::seq::SliceRandom;

use super::auto_encoder::{Architecture, AutoEncoder, read, stream};
use super::config::{LossPoint, TrainConfig};
use super::finite;
use super::initial;
use super::interruption::interruptible;
use super::network::{Layer, apply};
use super::ops;
use super::optimizer::{Adam, tracked, untracked};
use super::pretraining::{Pretrainer, StagePoint};
use super::spec::{Likelihood, ModelSpec};
use crate::data::Dataset;
use crate::error::{Error, Result};

/// Multiplications that one layer may take in one go on the CPU, about 30 ms on two cores: between two layers a picture
/// asked for meanwhile is served (see [`Trainer::set_meanwhile`]), and a batch too large for that is cut in slices.
const CPU_SLICE: usize = 750_000_000;

/// Streams of random numbers, far enough apart never to meet.
const SHUFFLE: u64 = 1 << 60;
const SPLIT: u64 = (1 << 60) - 1;
const VALIDATE: u64 = 1 << 58;
const BUDGET: u64 = (1 << 60) - 2;

/// What is left to do in an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The next slice of the present batch.
    Slice(usize),
    /// The next batch of validation items, with the sum of the losses so far.
    Validation { batch: usize, sum: f64 },
}

/// What is done between two layers of a step, with the network as it is.
pub type Meanwhile = Rc<dyn Fn(&AutoEncoder)>;

/// A model in training.
#[derive(Debug)]
pub struct Trainer {
    architecture: Arc<Architecture>,
    recording: Device,
    config: TrainConfig,
    train: Vec<u32>,
    validation: Vec<u32>,
    /// The order of the present epoch's items, and the epoch it belongs to.
    order: (usize, Vec<u32>),
    pub(super) weights: Vec<Layer>,
    pub(super) adam: Adam,
    /// The weights with the lowest validation loss, and that loss.
    pub(super) best: Option<(f32, Vec<Layer>)>,
    phase: Phase,
    slices: usize,
    accumulated: Vec<Layer>,
    /// The terms of the slices of the present step.
    terms_so_far: Option<(Tensor<1>, Tensor<1>)>,
    /// Losses not read back yet: step, reconstruction and KL.
    pending: Vec<(u64, Tensor<1>, Tensor<1>)>,
    history: Vec<LossPoint>,
    /// The errors of pre-training, once it is over.
    stages: Vec<StagePoint>,
    meanwhile: Option<Between>,
    /// What is known by name of each item, `[n, named]`, of a conditional model.
    known: Vec<f32>,
    /// The training items of which it is used, where it is not used of all.
    labelled: Option<Vec<u32>>,
    /// What comes first.
    pub(super) pretrainer: Option<Pretrainer>,
}

/// A [`Meanwhile`] that can be printed.
#[derive(Clone)]
struct Between(Meanwhile);

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Trainer {
    /// A new model for `dataset` with fresh weights.
    ///
    /// # Errors
    /// When specification, settings and data do not fit together.
    pub fn new(
        spec: ModelSpec,
        config: TrainConfig,
        dataset: &Dataset,
        device: &Device,
    ) -> Result<Self> {
        let parts = split(&config, dataset.len());
        Self::on(spec, config, dataset, parts, device)
    }

    /// The same with the weights of `model` to begin with, where it has layers of the same names and sizes; of a specification that stands on
    /// the codes of `model` those of the part beneath, which stay as they are.
    ///
    /// # Errors
    /// As [`Self::new`], and when not one layer fits.
    pub fn from_model(
        model: &AutoEncoder,
        spec: ModelSpec,
        config: TrainConfig,
        dataset: &Dataset,
        device: &Device,
    ) -> Result<Self> {
        let parts = split(&config, dataset.len());
        Self::begun(spec, config, dataset, parts, (Some(model), device))
    }

    /// The same with items of one's own choice kept out for validation, and items trained on: ids, in any order. There may be others,
    /// which are neither.
    ///
    /// # Errors
    /// As [`Self::new`], and when there is nothing to train on.
    pub(super) fn on(
        spec: ModelSpec,
        config: TrainConfig,
        dataset: &Dataset,
        parts: (Vec<u32>, Vec<u32>),
        device: &Device,
    ) -> Result<Self> {
        Self::begun(spec, config, dataset, parts, (None, device))
    }

    fn begun(
        spec: ModelSpec,
        config: TrainConfig,
        dataset: &Dataset,
        parts: (Vec<u32>, Vec<u32>),
        (model, device): (Option<&AutoEncoder>, &Device),
    ) -> Result<Self> {
        let architecture = Arc::new(Architecture::new(spec, device)?);
        let fresh = architecture.plan.weights(config.seed, device);
        let mut trainer = Self::with_parts(architecture, config, fresh, dataset, parts)?;
        let mut weights = std::mem::take(&mut trainer.weights);
        if let Some(model) = model {
            initial::taken(&trainer.architecture, &mut weights, model)?;
        } else if trainer.spec().beneath().is_some() {
            return Err(Error::model(
                "this model stands on the codes of another, and none is given",
            )
            .hint("open the model that it is to stand on first, or name it with --from"));
        }
        let is_fresh = model.is_none();
        let is_gaussian = matches!(trainer.spec().likelihood, Likelihood::Gaussian { .. });
        let first = trainer.train.iter().take(initial::ITEMS);
        let items: Vec<&[u8]> = first.map(|&id| dataset.pixels(id as usize)).collect();
        if is_fresh {
            weights = initial::learnt(&trainer.architecture, weights, &items)?;
        }
        if is_fresh && is_gaussian && trainer.spec().has_posterior() {
            weights = match trainer.spec().condition {
                Some(_) => initial::silent(&trainer.architecture, weights),
                None => initial::whitened(&trainer.architecture, weights, &items)?,
            };
        }
        if let Some(plan) = trainer.config.pretraining {
            let seed = trainer.config.seed;
            let architecture = &trainer.architecture;
            trainer.pretrainer = Some(Pretrainer::new(plan, architecture, &weights, seed));
        }
        trainer.weights = weights.into_iter().map(tracked).collect();
        Ok(trainer)
    }

    pub(super) fn with_weights(
        architecture: Arc<Architecture>,
        config: TrainConfig,
        weights: Vec<Layer>,
        dataset: &Dataset,
    ) -> Result<Self> {
        let parts = split(&config, dataset.len());
        Self::with_parts(architecture, config, weights, dataset, parts)
    }

    fn with_parts(
        architecture: Arc<Architecture>,
        config: TrainConfig,
        weights: Vec<Layer>,
        dataset: &Dataset,
        (validation, train): (Vec<u32>, Vec<u32>),
    ) -> Result<Self> {
        let spec = &architecture.spec;
        if dataset.shape() != spec.shape {
            return Err(Error::model(format!(
                "the model takes {} pictures, {} has {}",
                spec.shape,
                dataset.name(),
                dataset.shape()
            )));
        }
        let config = config.check()?;
        if let Some(pretraining) = config.pretraining {
            pretraining.check(spec)?;
        }
        if train.is_empty() {
            return Err(Error::usage("there is no item to train on"));
        }
        let batch = config.batch.min(train.len());
        let known = match &spec.condition {
            Some(condition) => condition.values(dataset)?,
            None => Vec::new(),
        };
        let labelled = match (&spec.condition, config.labels) {
            (Some(_), Some(budget)) => Some(budgeted(&config, budget, dataset, &train)?),
            (None, Some(_)) => {
                return Err(Error::usage("only a conditional model is told labels")
                    .hint("choose preset conditional or semi-supervised"));
            }
            (_, None) => None,
        };
        let can_slice = !spec.objective.is_of_the_batch()
            && spec.condition.is_none()
            && spec.beneath().is_none();
        let slices = if ops::is_cpu(&architecture.device) && can_slice {
            // Backward a layer takes two products as large as the one forward.
            (2 * batch * spec.objective.samples * architecture.plan.dearest_layer())
                .div_ceil(CPU_SLICE)
                .clamp(1, batch)
        } else {
            1
        };
        Ok(Self {
            recording: architecture.device.clone().autodiff(),
            architecture,
            train,
            validation,
            order: (usize::MAX, Vec::new()),
            weights,
            adam: Adam::default(),
            best: None,
            phase: Phase::Slice(0),
            slices,
            accumulated: Vec::new(),
            terms_so_far: None,
            pending: Vec::new(),
            history: Vec::new(),
            stages: Vec::new(),
            meanwhile: None,
            known,
            labelled,
            pretrainer: None,
            config: TrainConfig { batch, ..config },
        })
    }

    /// From now on calls `meanwhile` between the layers of a step, on the CPU.
    pub fn set_meanwhile(&mut self, meanwhile: Meanwhile) {
        self.meanwhile = Some(Between(meanwhile));
    }

    /// What is trained.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.architecture.spec
    }

    /// How it is trained.
    #[must_use]
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Items kept out of training, in random order; those trained on, when none is kept out.
    #[must_use]
    pub fn held_out(&self) -> &[u32] {
        if self.validation.is_empty() {
            &self.train
        } else {
            &self.validation
        }
    }

    /// Steps in one epoch; items that do not fill a last batch wait for the next epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        (self.train.len() / self.config.batch) as u64
    }

    /// Steps in all.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps_per_epoch() * self.config.epochs as u64
    }

    /// Steps taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.adam.steps
    }

    /// Whether all epochs are done, the last validation included.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.step() >= self.steps() && self.phase == Phase::Slice(0) && self.pretrainer.is_none()
    }

    /// Whether the next call of [`Self::advance`] begins a step, so that nothing is half done.
    #[must_use]
    pub fn is_between_steps(&self) -> bool {
        self.phase == Phase::Slice(0)
    }

    /// Whether an epoch's validation is under way, whose result belongs to the last point of the loss curve.
    #[must_use]
    pub fn is_validating(&self) -> bool {
        matches!(self.phase, Phase::Validation { .. })
    }

    /// The loss curve so far, as far as it has been read back.
    #[must_use]
    pub fn history(&self) -> &[LossPoint] {
        &self.history
    }

    /// The errors of pre-training so far, as far as they have been read back.
    #[must_use]
    pub fn stage_history(&self) -> &[StagePoint] {
        match &self.pretrainer {
            Some(pretrainer) => pretrainer.history(),
            None => &self.stages,
        }
    }

    pub(super) fn set_stage_history(&mut self, history: Vec<StagePoint>) {
        match &mut self.pretrainer {
            Some(pretrainer) => pretrainer.set_history(history),
            None => self.stages = history,
        }
    }

    /// The stage of pre-training that is under way, stages in all, and the steps taken and to take in it.
    #[must_use]
    pub fn stage(&self) -> Option<(usize, usize, u64, u64)> {
        let pretrainer = self.pretrainer.as_ref()?;
        let (stage, stages) = pretrainer.stages();
        let steps = pretrainer.steps(self.steps_per_epoch());
        Some((stage, stages, pretrainer.step, steps))
    }

    /// Steps of pre-training that were taken, and in all.
    #[must_use]
    pub fn pretraining_steps(&self) -> (u64, u64) {
        let Some(plan) = self.config.pretraining else {
            return (0, 0);
        };
        let stages = self.architecture.plan.stages() as u64;
        let all = self.steps_per_epoch() * plan.epochs as u64 * stages;
        let taken = self
            .stage()
            .map_or(all, |(stage, _, step, steps)| steps * stage as u64 + step);
        (taken, all)
    }

    pub(super) fn set_history(&mut self, history: Vec<LossPoint>) {
        self.history = history;
    }

    pub(super) fn architecture(&self) -> &Arc<Architecture> {
        &self.architecture
    }

    /// The model as it is now.
    #[must_use]
    pub fn model(&self) -> AutoEncoder {
        AutoEncoder {
            architecture: self.architecture.clone(),
            weights: self.weights_now(),
        }
    }

    /// The weights as they are now, with the stage of pre-training that is under way in its place.
    fn weights_now(&self) -> Vec<Layer> {
        let mut weights: Vec<Layer> = self.weights.iter().map(untracked).collect();
        if let Some(pretrainer) = &self.pretrainer {
            let (up, down) = self.architecture.plan.stage(pretrainer.stage);
            let [inward, outward] = pretrainer.shown();
            (weights[up], weights[down]) = (inward, outward);
        }
        weights
    }

    /// What the stage of pre-training that is under way makes of pictures of the model's shape, on its way in and out again, and the first
    /// `filters` of its units as pictures: what each looks for, through the stages before it, black against and white for. `None` after
    /// pre-training.
    ///
    /// # Errors
    /// When the device fails.
    pub fn stage_pictures(
        &self,
        items: &[&[u8]],
        filters: usize,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let Some(pretrainer) = &self.pretrainer else {
            return Ok(None);
        };
        let Architecture {
            plan,
            layout,
            device,
            spec,
            above: _,
        } = self.architecture.as_ref();
        let weights = self.weights_now();
        let inputs = self.architecture.inputs(items, None, device);
        let below = plan.up_to(&weights, inputs, pretrainer.stage);
        let (up, _) = plan.stage(pretrainer.stage);
        let code = apply(&weights[up], below, plan.unit_of(pretrainer.stage));
        let output = plan.down_from(&weights, code, pretrainer.stage);
        let output = match spec.likelihood {
            Likelihood::Gaussian { .. } | Likelihood::Categorical { .. } => output,
            Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => activation::sigmoid(output),
        };
        let width = layout.inputs();
        let mut made = vec![0; items.len() * spec.shape.len()];
        for (picture, output) in made
            .chunks_mut(spec.shape.len())
            .zip(read(output)?.chunks(width))
        {
            layout.scatter(output, picture);
        }
        let [_, units] = weights[up].weight.dims();
        let shown = filters.min(units);
        let mut sought = weights[up].weight.clone().narrow(1, 0, shown);
        for stage in (0..pretrainer.stage).rev() {
            sought = weights[stage].weight.clone().matmul(sought);
        }
        let mut drawn = vec![0; shown * spec.shape.len()];
        for (picture, sought) in drawn
            .chunks_mut(spec.shape.len())
            .zip(read(sought.transpose())?.chunks(width))
        {
            let most = sought.iter().fold(1e-9_f32, |most, x| most.max(x.abs()));
            let grey: Vec<f32> = sought.iter().map(|x| 0.5 + 0.5 * x / most).collect();
            layout.scatter(&grey, picture);
        }
        Ok(Some((made, drawn)))
    }

    /// The model with the lowest validation loss; as it is now, when nothing was kept out for validation.
    #[must_use]
    pub fn best_model(&self) -> AutoEncoder {
        match &self.best {
            Some((_, weights)) => AutoEncoder {
                architecture: self.architecture.clone(),
                weights: weights.clone(),
            },
            None => self.model(),
        }
    }

    /// The smallest piece of work that leaves everything in order: one slice of a step, or one batch of validation.
    ///
    /// # Errors
    /// When the device fails.
    pub fn advance(&mut self, dataset: &Dataset) -> Result<()> {
        if let Some(mut pretrainer) = self.pretrainer.take() {
            let is_over = pretrainer.advance(
                &self.architecture,
                &mut self.weights,
                &self.train,
                (self.config.batch, self.config.seed),
                |id| dataset.pixels(id as usize),
            )?;
            if is_over {
                self.stages = pretrainer.history().to_vec();
            } else {
                self.pretrainer = Some(pretrainer);
            }
            return Ok(());
        }
        match self.phase {
            Phase::Slice(slice) => {
                self.advance_step(dataset, slice);
                Ok(())
            }
            Phase::Validation { batch, sum } => self.advance_validation(dataset, batch, sum),
        }
    }

    fn advance_step(&mut self, dataset: &Dataset, slice: usize) {
        let batch = self.config.batch;
        let per_epoch = self.steps_per_epoch();
        let epoch = (self.step() / per_epoch) as usize;
        if self.order.0 != epoch {
            let mut order = self.train.clone();
            order.shuffle(&mut stream(self.config.seed, SHUFFLE + epoch as u64));
            self.order = (epoch, order);
        }
        let start = (self.step() % per_epoch) as usize * batch;
        let range = start + slice * batch / self.slices..start + (slice + 1) * batch / self.slices;
        let ids = self.with_labelled(&self.order.1[range.clone()]);
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let known = match &self.labelled {
            None => items.len(),
            Some(_) => items.len() - range.len(),
        };
        // So that no two items of two steps share their numbers.
        let per_step = match &self.labelled {
            None => batch,
            Some(labelled) => batch + labelled.len().min(batch),
        } as u64;
        let first = self.step() * per_step + (range.start - start) as u64;
        let likelihood = self.likelihood();
        let (terms, mut grads) = self.interruptible(|| {
            let terms = self.terms(
                &self.weights,
                (&items, &ids[..known]),
                first,
                1.0 / batch as f32,
                likelihood,
            );
            let grads = terms.loss(self.beta()).backward();
            (terms, grads)
        });
        // The curve shows the term of the likelihood that is wanted in the end.
        let comparable = match (likelihood, self.spec().likelihood) {
            (Likelihood::Gaussian { sigma: now }, Likelihood::Gaussian { sigma: then }) => {
                (now / then).powi(2)
            }
            _ => 1.0,
        };
        let (reconstruction, kl) = (terms.reconstruction.inner() * comparable, terms.kl.inner());
        let terms = match self.terms_so_far.take() {
            Some((r, k)) => (r + reconstruction, k + kl),
            None => (reconstruction, kl),
        };
        if self.slices > 1 {
            self.accumulate(&mut grads);
            if slice + 1 < self.slices {
                self.phase = Phase::Slice(slice + 1);
                self.terms_so_far = Some(terms);
                return;
            }
            for (layer, sum) in self.weights.iter().zip(self.accumulated.drain(..)) {
                layer.weight.grad_replace(&mut grads, sum.weight);
                layer.bias.grad_replace(&mut grads, sum.bias);
            }
        }
        let mut weights = std::mem::take(&mut self.weights);
        let beneath = weights.split_off(self.architecture.plan.own_layers());
        let paces = self.paces();
        let clip = self.config.clip;
        self.weights = self.adam.step_each(weights, &mut grads, clip, paces);
        self.weights.extend(beneath);
        self.pending.push((self.step(), terms.0, terms.1));
        let epoch_ends = self.step().is_multiple_of(per_epoch);
        self.phase = if epoch_ends && !self.validation.is_empty() {
            Phase::Validation { batch: 0, sum: 0.0 }
        } else {
            Phase::Slice(0)
        };
    }

    fn interruptible<R>(&self, work: impl FnOnce() -> R) -> R {
        let Some(Between(meanwhile)) = self.meanwhile.clone() else {
            return work();
        };
        let model = self.model();
        interruptible(Rc::new(move || meanwhile(&model)), work)
    }

    fn accumulate(&mut self, grads: &mut burn::tensor::Gradients) {
        let fresh = self.weights.iter().map(|layer| Layer {
            weight: layer
                .weight
                .grad_remove(grads)
                .expect("every weight has a gradient"),
            bias: layer
                .bias
                .grad_remove(grads)
                .expect("every bias has a gradient"),
        });
        self.accumulated = if self.accumulated.is_empty() {
            fresh.collect()
        } else {
            let sums = self.accumulated.drain(..).zip(fresh);
            sums.map(|(a, b)| Layer {
                weight: a.weight + b.weight,
                bias: a.bias + b.bias,
            })
            .collect()
        };
    }

    fn advance_validation(&mut self, dataset: &Dataset, batch: usize, sum: f64) -> Result<()> {
        let size = (self.config.batch / self.slices).max(1);
        let start = batch * size;
        let ids = &self.validation[start..(start + size).min(self.validation.len())];
        let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
        let weights: Vec<Layer> = self.weights.iter().map(untracked).collect();
        let likelihood = self.spec().likelihood;
        let terms = self.interruptible(|| {
            let known = if self.labelled.is_some() { &[] } else { ids };
            self.terms(
                &weights,
                (&items, known),
                VALIDATE + start as u64,
                1.0,
                likelihood,
            )
        });
        let loss = read(terms.validation(self.spec().beta))?;
        let sum = sum + f64::from(loss[0]);
        if start + size < self.validation.len() {
            self.phase = Phase::Validation {
                batch: batch + 1,
                sum,
            };
            return Ok(());
        }
        self.phase = Phase::Slice(0);
        let loss = (sum / self.validation.len() as f64) as f32;
        // During the warm-up another loss is minimised than the one that is wanted in the end.
        let warm = self.warmth() >= 1.0;
        // First, so that weights that are no numbers are not taken for the best.
        self.read_losses()?;
        if warm && loss.is_finite() && self.best.as_ref().is_none_or(|(best, _)| loss < *best) {
            self.best = Some((loss, weights));
        }
        if let Some(last) = self.history.last_mut() {
            last.validation = Some(loss);
        }
        Ok(())
    }

    /// Reads back the losses of the steps since the last call; the one place where training waits for the device.
    ///
    /// # Errors
    /// When a loss or a weight is not a finite number, and then at every further call; or when the device fails.
    pub fn read_losses(&mut self) -> Result<()> {
        if let Some(pretrainer) = &mut self.pretrainer {
            pretrainer.read_errors()?;
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let losses = self.pending.iter();
        let mut both: Vec<_> = losses
            .flat_map(|(_, r, k)| [r.clone(), k.clone()])
            .collect();
        let now: Vec<Layer> = self.weights.iter().map(untracked).collect();
        both.extend(finite::sums(&now));
        let values = read(Tensor::cat(both, 0))?;
        let (losses, sums) = values.split_at(2 * self.pending.len());
        let per_epoch = self.steps_per_epoch() as f32;
        let mut points = Vec::with_capacity(self.pending.len());
        for (&(step, ..), terms) in self.pending.iter().zip(losses.chunks_exact(2)) {
            let point = LossPoint {
                step,
                epoch: step as f32 / per_epoch,
                reconstruction: terms[0],
                kl: terms[1],
                validation: None,
            };
            if !(point.reconstruction.is_finite() && point.kl.is_finite()) {
                return Err(self.lost("the loss is no longer a finite number", step));
            }
            points.push(point);
        }
        // A rectified unit makes 0 of what is no number, so that the loss alone does not tell.
        if sums.iter().any(|sum| !sum.is_finite()) {
            let reason = "a weight is no longer a finite number, which the loss does not show,";
            return Err(self.lost(reason, self.step()));
        }
        self.history.append(&mut points);
        self.pending.clear();
        Ok(())
    }

    /// Why a training ends before its last step, and which weights are good.
    fn lost(&self, reason: &str, step: u64) -> Error {
        let kept = match &self.best {
            None => "those at the end of the last whole epoch".to_owned(),
            Some((loss, _)) => {
                let mut points = self.history.iter().rev();
                let best = points.find(|point| point.validation == Some(*loss));
                best.map_or("the best so far".to_owned(), |best| {
                    format!("those after {} steps, the best so far", best.step)
                })
            }
        };
        Error::model(format!(
            "{reason} after {step} steps; of the weights {kept} are kept"
        ))
        .hint("try a lower learning rate")
    }
}

/// The items kept out of training and those trained on, of `items`, each in random order. At least one is trained on.
pub(super) fn split(config: &TrainConfig, items: usize) -> (Vec<u32>, Vec<u32>) {
    let mut ids: Vec<u32> = (0..items as u32).collect();
    ids.shuffle(&mut stream(config.seed, SPLIT));
    let kept = (items as f32 * config.validation).round() as usize;
    let train = ids.split_off(kept.min(items.saturating_sub(1)));
    (ids, train)
}

/// The `budget` items of `train` whose labels are used, of classes as evenly as there are items of each.
fn budgeted(
    config: &TrainConfig,
    budget: usize,
    dataset: &Dataset,
    train: &[u32],
) -> Result<Vec<u32>> {
    if budget > train.len() {
        return Err(Error::usage(format!(
            "{budget} labels are asked for, and there are only {} items to train on",
            train.len()
        )));
    }
    let labels = dataset
        .labels()
        .ok_or_else(|| Error::usage(format!("{} has no labels", dataset.name())))?;
    let mut order = train.to_vec();
    order.shuffle(&mut stream(config.seed, BUDGET));
    let mut by_class = vec![Vec::new(); labels.names.len()];
    for id in order {
        by_class[usize::from(labels.values[id as usize])].push(id);
    }
    let mut chosen = Vec::with_capacity(budget);
    for round in 0.. {
        let before = chosen.len();
        for class in &by_class {
            if chosen.len() < budget {
                chosen.extend(class.get(round).copied());
            }
        }
        if chosen.len() == budget || chosen.len() == before {
            break;
        }
    }
    Ok(chosen)
}
