//! What the engine is asked and what it answers: plain values, no tensors.
//!
//! Invariant: every [`Event`] that answers a live request carries the generation of that request, so that a reader can
//! drop what is no longer wanted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::forming::Formation;
use super::labelling::Labelled;
use super::likelihoods::{LikelihoodPlan, Likelihoods};
use super::linear::Linear;
use super::mixing::Mixed;
use super::probing::{ProbeWish, ProbedModel};
use crate::data::{Dataset, DatasetSource, Distortion, Picture};
use crate::error::Error;
use crate::model::{
    CodePrior, Families, FamilyPlan, Features, LossPoint, Memorised, ModelSpec, StagePoint,
    TrainConfig,
};
use crate::retrieval::Space;
use crate::retrieval::approximate::Kind;
use crate::retrieval::memorisation::{Dependence, Scores};
use crate::retrieval::study::{Estimate, Report};
use crate::space::factors::Factors;
use crate::space::{
    CodeMap, CodeTable, Components, DensityPlan, Direction, DirectionKind, MapMethod, Mixture,
    Selection,
};

/// Where tensors are computed, and why there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceInfo {
    /// What the device is called.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Why it was taken, a sentence.
    pub reason: String,
}

/// What computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceKind {
    /// The processor, by pure-Rust kernels.
    Cpu,
    /// A graphics processor, by wgpu.
    Gpu,
    /// A program that stands in for a graphics processor; slow.
    SoftwareGpu,
}

/// Which device to compute on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum DeviceChoice {
    /// A real GPU when there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, even one emulated in software.
    Gpu,
}

/// What is known of the loaded model.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelInfo {
    /// What to call it, a file stem or a preset's name.
    pub name: String,
    /// Where it was loaded from or saved to.
    pub file: Option<PathBuf>,
    /// Its specification.
    pub spec: ModelSpec,
    /// Name of the data it was trained on.
    pub trained_on: String,
    /// Epochs of training behind it.
    pub epochs: usize,
    /// Epochs that were planned.
    pub planned_epochs: usize,
    /// Whether there are weights that no file holds.
    pub is_unsaved: bool,
    /// Whether it is one of [`Session::families`], which hold it as well.
    pub is_of_families: bool,
    /// Per code dimension over the training data: mean, standard deviation and KL in nats.
    pub code_mean: Vec<f32>,
    /// See `code_mean`.
    pub code_std: Vec<f32>,
    /// See `code_mean`.
    pub code_kl: Vec<f32>,
    /// The code of one item, to have something to show before any data is there.
    pub code_example: Vec<f32>,
    /// What its codes are drawn from before a picture is seen.
    pub prior: Arc<CodePrior>,
    /// Whether training can go on from where it stopped.
    pub can_resume: bool,
    /// Loss curves so far.
    pub history: Vec<LossPoint>,
    /// Errors of its pre-training.
    pub stage_history: Vec<StagePoint>,
}

/// All that is loaded. Immutable; each change is a new one.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Grows by one with each change of data or model (not while the same data is filling up).
    pub id: u64,
    /// Where the data came from.
    pub source: Option<DatasetSource>,
    /// What built-in data are drawn with.
    pub seed: u64,
    /// The table that was read beside the data, on request.
    pub metadata: Option<PathBuf>,
    /// The items that are there so far.
    pub dataset: Option<Arc<Dataset>>,
    /// Items there will be once everything is read.
    pub expected_items: usize,
    /// The model.
    pub model: Option<Arc<ModelInfo>>,
    /// Codes of the first `codes.len()` items.
    pub codes: Option<Arc<CodeTable>>,
    /// Whether these are the codes of all items by the model as it is now: while a training goes on, and until everything
    /// is encoded after its end, they are older ones or not all.
    pub is_encoded: bool,
    /// Logarithms of the variances of the encoded items' posteriors, `[n, d]` row by row, once all are encoded; empty where codes
    /// are bits.
    pub log_variance: Option<Arc<Vec<f32>>>,
    /// KL of each encoded item's posterior from the prior, nats; `None` where codes are bits, which have none.
    pub item_kl: Option<Arc<Vec<f32>>>,
    /// Reconstruction term of each item at its code, nats; on request.
    pub item_errors: Option<Arc<Vec<f32>>>,
    /// Items kept out of the model's training, in ascending order, once all are encoded; `None` where it was trained on other
    /// data, or on all of this.
    pub held_out: Option<Arc<Vec<u32>>>,
    /// Whether the model was trained on items of this data, once all are encoded.
    pub is_trained_on: bool,
    /// How much the model copies its training items, on request.
    pub memorised: Option<Arc<Memorised>>,
    /// Families of auto-encoders trained on the items, side by side.
    pub families: Option<Arc<Families>>,
    /// Classifiers of the items with and without pre-training, on request.
    pub labelled: Option<Arc<Labelled>>,
    /// What a probe finds of what the model is asked for by name, on request.
    pub probed: Option<Arc<ProbedModel>>,
    /// On how many items classes were counted, and of which share of them the model misses it, once all are encoded: on those kept out of its
    /// training, or on all where there are none. Nothing where the model or the data know no classes, or others.
    pub class_missed: Option<(usize, f64)>,
    /// How likely models take the items to be.
    pub likelihoods: Option<Arc<Likelihoods>>,
    /// How much the items' likelihoods depend on their having been trained on, on request.
    pub left_out: Option<Arc<LeftOut>>,
    /// The model beside principal components of the same size, on request.
    pub linear: Option<Arc<Linear>>,
    /// What the dimensions have to do with known factors, on request.
    pub factors: Option<Arc<Factors>>,
    /// The density of the codes, on request.
    pub mixture: Option<Arc<Mixture>>,
    /// A mixture over pixels or over codes, and how the items stand to it, on request.
    pub density: Option<Arc<Mixed>>,
    /// Spaces compared over many queries, on request.
    pub study: Option<Arc<Studied>>,
    /// All principal components of the codes, once all are encoded.
    pub components: Option<Arc<Components>>,
    /// How the map is to be made; it is made otherwise where that is not possible, or not yet.
    pub map_method: MapMethod,
    /// How many maps were asked for so far.
    pub maps_asked: u64,
    /// Positions of the same items on the map.
    pub projection: Option<Arc<CodeMap>>,
    /// What became of each approximate index of these codes that was asked for.
    pub indices: Arc<Vec<IndexInfo>>,
}

impl Session {
    /// Where other items come from of which as much is known as of these: their source, unless a table was read beside them.
    #[must_use]
    pub fn source_of_more(&self) -> Option<&DatasetSource> {
        self.source.as_ref().filter(|_| self.metadata.is_none())
    }
}

/// An approximate index that was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct IndexInfo {
    /// Where it measures.
    pub space: Space,
    /// How it keeps the rows.
    pub kind: Kind,
    /// What became of it.
    pub state: IndexState,
}

/// See [`IndexInfo`].
#[derive(Clone, PartialEq, Debug)]
pub enum IndexState {
    /// There is none; it can be built ([`Request::BuildIndex`]).
    Absent,
    /// It is being opened or built.
    Pending,
    /// There is one that is not used, and why, a sentence with its file; it can be built again.
    Refused(String),
    /// It answers.
    Ready {
        /// Share of the ten nearest that it finds, measured on a sample.
        recall: f64,
        /// Items of that sample.
        sample: usize,
        /// The file beside the data that keeps it, or why there is none.
        kept: Result<PathBuf, String>,
    },
}

/// What leave-fold-out found.
#[derive(Clone, PartialEq, Debug)]
pub struct LeftOut {
    /// The figures.
    pub found: Dependence,
    /// The items' places in them, the highest score first.
    pub order: Vec<usize>,
    /// The mean score, nats.
    pub mean: Estimate,
    /// The scores' histogram.
    pub scores: Scores,
    /// Epochs of each training.
    pub epochs: usize,
    /// Seconds it all took.
    pub secs: f32,
}

/// Work to be done in order.
#[derive(Clone, Debug)]
pub enum Request {
    /// Read data; a model that fits it stays, else the shipped one that fits is taken, else none.
    OpenData(DatasetSource),
    /// Draw built-in data with this seed from now on.
    Seed(u64),
    /// Read a model file; data that does not fit it is replaced by built-in data where that fits.
    OpenModel(PathBuf),
    /// Train a new model on the loaded data.
    Train {
        /// What to build.
        spec: ModelSpec,
        /// How to train it.
        config: TrainConfig,
        /// Whether to begin with the weights of the model in use, or to stand on its codes where the specification says so.
        from_model: bool,
    },
    /// Halt training after the present step.
    Pause,
    /// Take one training step, then halt.
    Step,
    /// Go on with training that was halted, or that was loaded before its last epoch, on the loaded data.
    Resume,
    /// End training and keep the best weights so far.
    Stop,
    /// Write the model to a file; with its optimiser's state when it can be trained further.
    SaveModel(PathBuf),
    /// Improve the code of a picture by gradient descent on the reconstruction.
    Refine {
        /// Comes back with the answers; a request with another one ends it.
        generation: u64,
        /// A picture of the model's shape.
        picture: Picture,
        /// Where to start.
        code: Vec<f32>,
        /// Steps to take.
        steps: usize,
    },
    /// Show the codes by another method.
    Project(MapMethod),
    /// Find a direction in code space; answered by [`Event::Direction`].
    FindDirection(Contrast),
    /// Fit a Gaussian mixture to the codes ([`Session::mixture`]).
    FitMixture,
    /// Compare spaces over many queries ([`Session::study`]).
    Study(Study),
    /// Write the report of that to a folder.
    WriteReport(PathBuf),
    /// Show what the model makes of pictures of its shape.
    Repair {
        /// Comes back with the answer.
        generation: u64,
        /// The pictures.
        pictures: Arc<Vec<Picture>>,
    },
    /// Decode many codes at once.
    DecodeGrid {
        /// Comes back with the answer.
        generation: u64,
        /// `[count, code]`.
        codes: Arc<Vec<f32>>,
    },
    /// Measure the model beside principal components of the same size ([`Session::linear`]).
    MeasureComponents,
    /// Measure how likely models take the items to be.
    MeasureLikelihoods(LikelihoodPlan),
    /// Train families of auto-encoders on the data, side by side.
    CompareFamilies(FamilyPlan),
    /// Take the family in this column into use.
    UseFamily(usize),
    /// Train classifiers of the data with and without pre-training ([`Session::labelled`]).
    CompareLabels(crate::model::Comparison),
    /// Go on with the comparison of classifiers that the session has.
    ResumeLabels,
    /// Read a comparison of classifiers.
    OpenLabels(PathBuf),
    /// Write the comparison that the session has, with its classifier.
    SaveLabels(PathBuf),
    /// Fit a mixture over pixels or over codes ([`Session::density`]).
    FitDensity(DensityPlan),
    /// Go on with the fit that the session has.
    ResumeDensity,
    /// Read a mixture.
    OpenDensity(PathBuf),
    /// Write the mixture that the session has.
    SaveDensity(PathBuf),
    /// Draw from it.
    DrawDensity {
        /// Comes back with the answer.
        generation: u64,
        /// What is wished for.
        wish: DensityWish,
    },
    /// Find out whether the model draws what it is asked for by name ([`Session::probed`]).
    Probe(ProbeWish),
    /// Show what each family makes of the same wish.
    DecodeFamilies {
        /// Comes back with the answer.
        generation: u64,
        /// What is wished for.
        wish: FamilyWish,
    },
    /// Write how a model took form as an animation, in the format that the path asks for.
    WriteFormation {
        /// What is written.
        formation: Arc<Formation>,
        /// Where to.
        path: PathBuf,
    },
    /// Read a table with a row per item of the loaded data.
    AddMetadata(PathBuf),
    /// Find the items among which codes are placed on a map that places none by itself; answered by [`Event::KeysPlaced`].
    PlaceKeys {
        /// Comes back with the answer.
        generation: u64,
        /// The codes, `[count, code]`.
        codes: Vec<f32>,
    },
    /// Write a path as an animation.
    Animate {
        /// The way.
        path: crate::space::path::Path,
        /// One picture per key-frame, whose pixel cross-fade is drawn below, where that is wanted.
        originals: Option<Vec<Picture>>,
        /// Where to.
        file: PathBuf,
    },
    /// Write items to a file: their codes where it ends in `.npy`, else a table with all that is known of them.
    ExportItems {
        /// Which.
        items: Selection,
        /// Where to.
        path: PathBuf,
    },
    /// Find out how well the model reconstructs each item ([`Session::item_errors`]).
    MeasureItems,
    /// Find out how much the model copies the items it was trained on ([`Session::memorised`]).
    Memorise {
        /// Samples of the prior, and training items that are reconstructed.
        samples: usize,
        /// Seed of both.
        seed: u64,
        /// Pictures that the model never saw; without these the items kept out of its training.
        held_out: Option<DatasetSource>,
    },
    /// Train models without each fold of the items in turn, to find out how much each item's likelihood depends on its having been
    /// trained on ([`Session::left_out`]).
    LeaveFoldOut {
        /// Folds.
        folds: usize,
        /// Epochs of each training.
        epochs: usize,
    },
    /// Find out what the dimensions have to do with known factors ([`Session::factors`]).
    MeasureFactors {
        /// Bins of each dimension, and of each factor that is a number.
        bins: usize,
        /// What chance is drawn from.
        seed: u64,
    },
    /// Build the approximate index of a space and keep it beside the data ([`Session::indices`]).
    BuildIndex {
        /// Where it measures.
        space: Space,
        /// How it keeps the rows.
        kind: Kind,
    },
    /// Give up reading, encoding, projecting, measuring or refining that is under way.
    Cancel,
}

/// What a direction in code space is to lead between.
#[derive(Clone, PartialEq, Debug)]
pub struct Contrast {
    /// What to call it.
    pub name: String,
    /// How to find it.
    pub kind: DirectionKind,
    /// What tells its two ends apart.
    pub between: Between,
}

/// See [`Contrast`].
#[derive(Clone, PartialEq, Debug)]
pub enum Between {
    /// Two groups of items.
    Groups {
        /// Where it leads to.
        positive: Selection,
        /// Where it comes from; all other items when none is named.
        negative: Option<Selection>,
    },
    /// A factor, or a column of numbers, along which it rises.
    Values(String),
}

/// Which pictures are the queries of a [`Study`].
#[derive(Clone, PartialEq, Debug)]
pub enum QuerySet {
    /// Items that were held out of the model's training.
    HeldOut,
    /// Any items.
    Items,
    /// These items.
    Selection(Selection),
    /// Other data.
    Data(DatasetSource),
}

/// Spaces to compare, and by which queries.
#[derive(Clone, PartialEq, Debug)]
pub struct Study {
    /// The queries. Items among them are left out of their own answers.
    pub queries: QuerySet,
    /// Queries at most, drawn by the seed (of other data the first ones); 0 takes all.
    pub most: usize,
    /// Where to search.
    pub spaces: Vec<Space>,
    /// Neighbours per query.
    pub k: usize,
    /// What chance is drawn from.
    pub seed: u64,
}

/// What a [`Study`] found.
#[derive(Clone, Debug)]
pub struct Studied {
    /// Where the queries are among the items, where they are items.
    pub own: Option<Arc<Vec<u32>>>,
    /// The figures, with the queries and the answers.
    pub report: Arc<Report>,
}

/// What a model makes of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// Posterior mean.
    pub code: Vec<f32>,
    /// Its reconstruction.
    pub reconstruction: Picture,
    /// Reconstruction term and KL, nats.
    pub loss: (f32, f32),
}

/// What to look for in [`Event::Retrieved`].
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// An item of the loaded data; it is left out of its own answer.
    Item(usize),
    /// A distorted copy of an item, which is not left out: whether it is still found is the question.
    Distorted {
        /// The item.
        item: usize,
        /// How it is distorted.
        distortion: Distortion,
        /// How much, 0 to 1.
        strength: f32,
    },
    /// A picture from elsewhere, of the data's shape.
    Picture(Picture),
    /// A code, as the picture that the model decodes from it.
    Code(Vec<f32>),
    /// The mean of these items: of their pixels in pixel space, of their codes in code space.
    Mean(Selection),
}

/// Where to look, and for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// What to look for.
    pub query: Query,
    /// Where, one row of the answer each.
    pub spaces: Vec<Space>,
    /// The spaces in which an approximate index is to answer, once it is there; the search is exact in all others, and until
    /// then.
    pub approximate: BTreeMap<Space, Kind>,
    /// Neighbours per row.
    pub k: usize,
}

/// The neighbours in one space.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where they are near.
    pub space: Space,
    /// Their ids, nearest first.
    pub ids: Vec<u32>,
    /// How far each is, by the space's measure.
    pub distances: Vec<f32>,
    /// The rank of each, from 0, in every space of the answer, in the rows' order; empty where a space has no answer or an
    /// approximate one, which ranks nothing but its own neighbours.
    pub ranks: Vec<Vec<usize>>,
    /// Where the original of a distorted copy comes, from 0; `None` where an approximate answer does not hold it.
    pub original: Option<usize>,
    /// The index that answered, with the recall that was measured; `None` for an exact answer.
    pub index: Option<(Kind, f64)>,
    /// Seconds the search took.
    pub secs: f64,
}

/// The same query answered in several spaces.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What was looked for.
    pub query: Query,
    /// The picture looked for, where the query is none of the data's own.
    pub picture: Option<Picture>,
    /// One row per space that was asked for; without neighbours where the space is not ready, as before anything is encoded.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// The items that every row with an answer has.
    #[must_use]
    pub fn shared(&self) -> Vec<u32> {
        let mut rows = self.rows.iter().filter(|row| !row.ids.is_empty());
        let Some(first) = rows.next() else {
            return Vec::new();
        };
        let others: Vec<&Row> = rows.collect();
        if others.is_empty() {
            return Vec::new();
        }
        let is_shared = |id: &&u32| others.iter().all(|row| row.ids.contains(id));
        first.ids.iter().filter(is_shared).copied().collect()
    }
}

/// Where training stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrainingState {
    /// Steps are taken.
    Running,
    /// Halted; can go on.
    Paused,
    /// All epochs done, or stopped; the best weights are in place.
    Finished,
}

/// News of training, several times a second.
#[derive(Clone, Debug)]
pub struct TrainingReport {
    /// Where it stands.
    pub state: TrainingState,
    /// Epoch under way, from 0.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Steps taken since the start, those of pre-training included.
    pub step: u64,
    /// Steps in all, likewise.
    pub steps: u64,
    /// Seconds one step takes.
    pub step_secs: f32,
    /// Seconds left at this pace.
    pub secs_left: f32,
    /// Points of the loss curve since the last report.
    pub points: Vec<LossPoint>,
    /// The layer that is pre-trained, while one is.
    pub stage: Option<StageReport>,
    /// Errors of pre-training since the last report.
    pub stage_points: Vec<StagePoint>,
}

/// What every family of auto-encoders is asked to show.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FamilyWish {
    /// Two items.
    pub items: [usize; 2],
    /// How far from the first to the second, in `[0, 1]`.
    pub share: f32,
    /// Deviation of the noise on the code, in units of the codes' spread.
    pub noise: f32,
    /// Whether samples are drawn from the mixture of Gaussians fitted to the codes, or from N(0, 1).
    pub by_mixture: bool,
    /// What noise and samples are drawn by.
    pub seed: u64,
}

/// What one family makes of a wish.
#[derive(Clone, PartialEq, Debug)]
pub struct FamilyPictures {
    /// The picture between the two items, with noise on its code.
    pub between: Picture,
    /// Samples.
    pub samples: Vec<Picture>,
}

/// What is drawn from a mixture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DensityWish {
    /// Pictures.
    pub count: usize,
    /// Whether noise is drawn, too, in the directions that a mixture over pixels leaves out.
    pub has_noise: bool,
    /// What they are drawn by.
    pub seed: u64,
}

/// What was drawn from a mixture.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// The mixture.
    pub of: Arc<Mixed>,
    /// The pictures.
    pub pictures: Vec<Picture>,
    /// Their codes, one after another, where it is over codes.
    pub codes: Vec<f32>,
}

/// Where the pre-training of one layer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StageReport {
    /// Which layer, from 0.
    pub stage: usize,
    /// Layers in all.
    pub stages: usize,
    /// Steps taken in this one.
    pub step: u64,
    /// Its steps in all.
    pub steps: u64,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Tensors are now computed there.
    Device(DeviceInfo),
    /// Work that takes longer than a blink goes on.
    Progress {
        /// What is being done, such as `Encoding faces`.
        what: String,
        /// Share done, in `[0, 1]`.
        done: f32,
        /// Seconds left, once that can be told.
        secs_left: Option<f32>,
    },
    /// That work ended (well, badly or cancelled).
    ProgressEnded {
        /// As in the `Progress` events before.
        what: String,
    },
    /// Something was loaded, or more of it is there.
    Session(Arc<Session>),
    /// The picture of a code.
    Decoded {
        /// Of the request.
        generation: u64,
        /// What the decoder makes of it.
        picture: Picture,
        /// Seconds the decoder took.
        secs: f32,
    },
    /// An item passed through the model.
    Inspected {
        /// Of the request.
        generation: u64,
        /// The item.
        item: usize,
        /// Posterior mean.
        code: Vec<f32>,
        /// What the decoder makes of the posterior mean.
        reconstruction: Picture,
        /// Reconstruction term and KL of this item, nats.
        loss: (f32, f32),
        /// What each stage makes of it, where that was asked for; nothing without convolutions.
        features: Option<Arc<Features>>,
    },
    /// The picture of the code at the pointer.
    Hovered {
        /// Of the request.
        generation: u64,
        /// What the decoder makes of it.
        picture: Picture,
    },
    /// What the model makes of the pictures that were to be passed through it, in their order.
    Passed {
        /// That of the request.
        generation: u64,
        /// One per picture.
        passed: Vec<Passed>,
    },
    /// A picture from elsewhere passed through the model.
    Encoded {
        /// Of the request.
        generation: u64,
        /// Posterior mean.
        code: Vec<f32>,
        /// What the decoder makes of the posterior mean.
        reconstruction: Picture,
        /// Reconstruction term and KL, nats.
        loss: (f32, f32),
    },
    /// Some of the pictures of a sheet.
    Sheet {
        /// Of the request.
        generation: u64,
        /// The place of the first of them among all.
        first: usize,
        /// The pictures.
        pictures: Vec<Picture>,
    },
    /// Some of the pictures of key-frames.
    KeyPictures {
        /// Of the request.
        generation: u64,
        /// The place of the first of them among all.
        first: usize,
        /// The pictures.
        pictures: Vec<Picture>,
    },
    /// The items with the nearest codes of each code that was asked for, [`CodeMap::PLACED_AMONG`] ids and distances.
    KeysPlaced {
        /// Of the request.
        generation: u64,
        /// In the order of the codes.
        nearest: Vec<Vec<(u32, f32)>>,
    },
    /// Gradient descent on a code goes on, or ended.
    Refined {
        /// Of the request.
        generation: u64,
        /// Steps taken.
        step: usize,
        /// Whether it has ended.
        is_over: bool,
        /// The best code so far.
        code: Vec<f32>,
        /// Reconstruction term at the start and at the best code, nats.
        losses: (f32, f32),
    },
    /// Where a code lies on a map that places none by itself.
    Placed {
        /// Of the request.
        generation: u64,
        /// In map units.
        position: [f32; 2],
    },
    /// A direction in code space was found.
    Direction(Direction),
    /// A query answered in both spaces.
    Retrieved {
        /// Of the request.
        generation: u64,
        /// The answer.
        comparison: Arc<Comparison>,
    },
    /// Training began, goes on or ended.
    Training(TrainingReport),
    /// A fixed handful of items beside their reconstructions by the weights of this moment.
    Preview {
        /// The items.
        originals: Vec<Picture>,
        /// The model's picture of each; while a layer is pre-trained, what comes of it through the layers so far.
        reconstructions: Vec<Picture>,
        /// What units of the layer that is pre-trained look for.
        filters: Vec<Picture>,
    },
    /// What the model makes of pictures.
    Repaired {
        /// Of the request.
        generation: u64,
        /// One of each.
        pictures: Vec<Picture>,
    },
    /// The pictures of a grid of codes.
    GridDecoded {
        /// Of the request.
        generation: u64,
        /// One per code.
        pictures: Vec<Picture>,
    },
    /// What each family makes of a wish.
    FamiliesDecoded {
        /// Of the request.
        generation: u64,
        /// In the order of the families.
        pictures: Vec<FamilyPictures>,
    },
    /// What was drawn from a mixture.
    DensityDrawn {
        /// Of the request.
        generation: u64,
        /// That; nothing where nothing could be drawn.
        sampled: Option<Sampled>,
    },
    /// A training model's map and pictures at its moments so far.
    Formed(Arc<Formation>),
    /// The model was written.
    Saved(PathBuf),
    /// Something else was written.
    Written(PathBuf),
    /// Something failed; the engine goes on.
    Failed(Error),
}
