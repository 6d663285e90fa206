//! What the engine has told the window so far.
//!
//! Invariant: nothing here is changed by a widget; it follows from the engine's events alone.

use std::path::PathBuf;
use std::sync::Arc;

use super::key_places::KeyPlaces;
use super::sheet::{KeyPictures, Sheet};
use crate::data::Picture;
use crate::engine::{
    Comparison, DeviceInfo, FamilyPictures, Formation, ModelInfo, Passed, Sampled, Session,
    TrainingReport, TrainingState,
};
use crate::model::{Features, LossPoint, StagePoint};

/// A decoded picture.
pub(crate) struct Decoded {
    pub picture: Picture,
    pub secs: f32,
}

/// An item that passed through the model.
pub(crate) struct Inspected {
    pub item: usize,
    pub code: Vec<f32>,
    pub original: Picture,
    pub reconstruction: Picture,
    /// Reconstruction term and KL, nats.
    pub loss: (f32, f32),
    /// What each stage makes of it, with convolutions.
    pub features: Option<Arc<Features>>,
}

/// The person's own picture, passed through the model.
pub(crate) struct Own {
    /// Posterior mean.
    pub code: Vec<f32>,
    /// Reconstruction term and KL, nats.
    pub loss: (f32, f32),
    /// Where it lies on the map.
    pub place: Option<[f32; 2]>,
}

/// Gradient descent on the own picture's code.
pub(crate) struct Refined {
    pub is_over: bool,
    /// The best code so far.
    pub code: Vec<f32>,
    /// Reconstruction term at the encoder's code and at the best, nats.
    pub losses: (f32, f32),
}

/// Work that goes on.
pub(crate) struct Task {
    pub what: String,
    pub done: f32,
    pub secs_left: Option<f32>,
}

/// How grave an entry of the log is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Info,
    Success,
    Error,
}

/// One line of the log.
pub(crate) struct LogEntry {
    /// Seconds since the start.
    pub at: f64,
    pub level: Level,
    pub text: String,
}

const LOG_LINES: usize = 500;

/// What the engine has told.
#[derive(Default)]
pub(crate) struct State {
    pub session: Arc<Session>,
    /// The data that was asked for, until the first of it is there.
    pub opening: Option<String>,
    pub device: Option<DeviceInfo>,
    pub decoded: Option<Decoded>,
    pub inspected: Option<Inspected>,
    /// The own picture's way through the model; follows the view's.
    pub own: Option<Own>,
    pub refined: Option<Refined>,
    /// Where the shown code lies, on a map that cannot tell by itself.
    pub placed: Option<[f32; 2]>,
    /// The pictures of the sheet.
    pub sheet: Sheet,
    /// The pictures of key-frames that are on their way.
    pub keys: KeyPictures,
    /// Where key-frames that are no items lie on maps that cannot tell by themselves.
    pub key_places: KeyPlaces,
    /// Where the play head is on the path, in seconds.
    pub head: f64,
    pub is_playing: bool,
    /// The sliders' picture and those with a pixel changed, with what the model makes of them.
    pub flipped: Option<Vec<(Picture, Passed)>>,
    /// The pictures of the newest request for that.
    pub flips_sent: Option<(u64, Vec<Picture>)>,
    /// The picture of the code at the pointer.
    pub hovered: Option<Picture>,
    pub comparison: Option<Arc<Comparison>>,
    pub tasks: Vec<Task>,
    pub training: Option<TrainingReport>,
    pub curve: Vec<LossPoint>,
    /// The model that trains, or was trained last, at moments of its training.
    pub formation: Option<Arc<Formation>>,
    /// The session whose model was to be measured beside principal components last.
    pub linear_asked: Option<u64>,
    /// Pictures taken through the model.
    pub repairs: Exchange<Vec<Picture>>,
    /// Pictures of a grid of codes.
    pub grid: Exchange<Vec<Picture>>,
    /// What was drawn from a mixture, where something could be.
    pub drawn: Exchange<Option<Sampled>>,
    /// What each family makes of a wish.
    pub families: Exchange<Vec<FamilyPictures>>,
    /// Errors of pre-training.
    pub stage_curve: Vec<StagePoint>,
    /// Items beside their reconstructions while training goes on, and what units of a layer that is pre-trained look for.
    pub preview: Option<(Vec<Picture>, Vec<Picture>, Vec<Picture>)>,
    pub log: Vec<LogEntry>,
    pub recent: Vec<PathBuf>,
}

/// Wishes that are answered one at a time, so that a drag never queues.
#[derive(Debug)]
pub(crate) struct Exchange<T> {
    asked: u64,
    newest: Option<(u64, T)>,
}

impl<T> Default for Exchange<T> {
    fn default() -> Self {
        Self {
            asked: 0,
            newest: None,
        }
    }
}

impl<T> Exchange<T> {
    /// Whether the last wish was answered, so that the next may be told.
    pub(crate) fn is_idle(&self) -> bool {
        self.asked == self.answered()
    }

    /// The number of a wish that is told now.
    pub(super) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// Takes the answer of a wish.
    pub(super) fn take_in(&mut self, number: u64, answer: T) {
        self.newest = Some((number, answer));
    }

    /// The newest answer with its wish's number.
    pub(crate) fn newest(&self) -> Option<&(u64, T)> {
        self.newest.as_ref()
    }

    /// The number of the newest wish that was answered; 0 before the first.
    pub(super) fn answered(&self) -> u64 {
        self.newest.as_ref().map_or(0, |(number, _)| *number)
    }
}

/// What a single changed pixel costs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PixelCost {
    /// Euclidean distance between the pictures' pixels.
    pub pixels: f32,
    /// Euclidean distance between their codes.
    pub codes: f32,
    /// Change of the reconstruction term, nats.
    pub reconstruction: f32,
    /// Change of the KL, nats.
    pub kl: f32,
}

impl PixelCost {
    /// Of `changed`, from `base`.
    pub(crate) fn of(base: &(Picture, Passed), changed: &(Picture, Passed)) -> Self {
        let pixels = base.0.pixels.iter().zip(&changed.0.pixels);
        let squares = pixels.map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2));
        let codes = base.1.code.iter().zip(&changed.1.code);
        Self {
            pixels: squares.sum::<f64>().sqrt() as f32,
            codes: codes.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt(),
            reconstruction: changed.1.loss.0 - base.1.loss.0,
            kl: changed.1.loss.1 - base.1.loss.1,
        }
    }
}

impl State {
    /// The model that is loaded.
    pub(crate) fn model(&self) -> Option<&Arc<ModelInfo>> {
        self.session.model.as_ref()
    }

    /// Items that are there so far.
    pub(crate) fn items(&self) -> usize {
        self.session.dataset.as_ref().map_or(0, |d| d.len())
    }

    /// Whether the model was not yet measured beside principal components, and can be; once given up it is not begun again by itself.
    pub(crate) fn wants_linear(&self) -> bool {
        let session = &self.session;
        let is_asked = self.linear_asked == Some(session.id);
        session.is_encoded && session.linear.is_none() && !is_asked && !self.is_training()
    }

    /// Whether training takes steps or could take more.
    pub(crate) fn is_training(&self) -> bool {
        self.training
            .as_ref()
            .is_some_and(|t| t.state != TrainingState::Finished)
    }

    /// What goes on, for a panel that waits for it.
    pub(crate) fn waiting_for(&self) -> Option<(String, f32)> {
        let task = self.tasks.first().map(|t| (t.what.clone(), t.done));
        task.or_else(|| Some((format!("Opening {}", self.opening.as_ref()?), 0.0)))
    }

    /// Adds a line to the log.
    pub(crate) fn note(&mut self, at: f64, level: Level, text: impl Into<String>) {
        if self.log.len() == LOG_LINES {
            self.log.remove(0);
        }
        self.log.push(LogEntry {
            at,
            level,
            text: text.into(),
        });
    }

    /// Puts `path` in front of the files that were opened last.
    pub(crate) fn remember(&mut self, path: PathBuf) {
        self.recent.retain(|p| *p != path);
        self.recent.insert(0, path);
        self.recent.truncate(8);
    }
}
