//! The one thread that owns tensors: messages in, events out.
//!
//! The window and the command line are two readers of the same events. Invariant: nothing a caller does here waits for
//! the engine, but for [`Engine::wait`].

mod comparing;
mod core;
mod device;
mod encoding;
mod errands;
mod factoring;
mod forming;
mod indexing;
mod labelling;
mod likelihoods;
mod linear;
mod live;
mod loading;
mod mailbox;
mod mapping;
mod memorising;
mod message;
mod mixing;
mod outbox;
mod pieces;
mod probing;
mod search;
mod studying;
mod training;
mod workshop;

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

pub use comparing::TRAINING_FAMILIES;
pub use forming::{Formation, Moment};
pub use likelihoods::{
    LikelihoodFigures, LikelihoodPlan, LikelihoodRow, Likelihoods, MEASURING_LIKELIHOODS,
};
use mailbox::{Decode, Encode, Inspect, Mailbox, Pass, Retrieve, Sheet};
pub use message::{
    Between, Comparison, Contrast, DensityWish, DeviceChoice, DeviceInfo, DeviceKind, Event,
    FamilyPictures, FamilyWish, IndexInfo, IndexState, LeftOut, ModelInfo, Passed, Query, QuerySet,
    Request, Row, Sampled, Search, Session, StageReport, Studied, Study, TrainingReport,
    TrainingState,
};

pub use factoring::MEASURING_FACTORS;
pub use labelling::{Judged, Kinship, Labelled, TRAINING_CLASSIFIERS};
pub use linear::{Linear, MEASURING_COMPONENTS};
pub use memorising::{COMPARING, LEAVING_OUT};
pub use mixing::{FITTING_MIXTURE, Mixed};
pub use probing::{PROBING, ProbeWish, ProbedModel};

use burn::tensor::Device;

use crate::data::Picture;
use crate::error::Result;

/// The device for `choice`, and what it is, for work outside the engine's thread.
///
/// # Errors
/// When a GPU is asked for and there is none, not even an emulated one.
pub fn choose_device(choice: DeviceChoice) -> Result<(Device, DeviceInfo)> {
    device::choose(choice)
}

/// How the engine is started.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Which device computes.
    pub device: DeviceChoice,
    /// Seed of built-in data.
    pub seed: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            seed: 1,
        }
    }
}

/// A handle to the engine's thread, which ends when the handle is dropped.
#[derive(Debug)]
pub struct Engine {
    requests: Option<Sender<Request>>,
    mailbox: Arc<Mailbox>,
    bell: Sender<()>,
    events: Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the engine's thread; `wake` is called after each event.
    pub fn start(options: EngineOptions, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (requests, requests_in) = bounded(256);
        let (bell, bell_in) = bounded(1);
        let (events_out, events) = bounded(4096);
        let mailbox = Arc::new(Mailbox::default());
        let outbox = outbox::Outbox::new(events_out, Arc::new(wake));
        let inbox = core::Inbox {
            requests: requests_in,
            mailbox: mailbox.clone(),
            bell: bell_in,
        };
        let thread = std::thread::Builder::new()
            .name("morphospace-engine".into())
            .spawn(move || core::run(options, &inbox, outbox))
            .inspect_err(|e| tracing::error!("the engine could not be started: {e}"))
            .ok();
        Self {
            requests: Some(requests),
            mailbox,
            bell,
            events,
            thread,
        }
    }

    /// Asks for work to be done in order.
    pub fn request(&self, request: Request) {
        if let Some(requests) = &self.requests
            && let Err(e) = requests.try_send(request)
        {
            tracing::warn!("a request was dropped: {e}");
        }
    }

    /// Asks for the picture of a code; a request that still waits is replaced.
    pub fn decode(&self, generation: u64, code: Vec<f32>) {
        self.mailbox.decode.put(Decode { generation, code });
        let _ = self.bell.try_send(());
    }

    /// Asks for the picture of the code at the pointer; a request that still waits is replaced.
    pub fn decode_hovered(&self, generation: u64, code: Vec<f32>) {
        self.mailbox.hover.put(Decode { generation, code });
        let _ = self.bell.try_send(());
    }

    /// Asks where a code lies on a map that places none by itself; a request that still waits is replaced.
    pub fn place(&self, generation: u64, code: Vec<f32>) {
        self.mailbox.place.put(Decode { generation, code });
        let _ = self.bell.try_send(());
    }

    /// Asks for a picture from elsewhere to be passed through the model; a request that still waits is replaced.
    pub fn encode(&self, generation: u64, picture: Picture) {
        self.mailbox.encode.put(Encode {
            generation,
            picture,
        });
        let _ = self.bell.try_send(());
    }

    /// Asks for some pictures to be passed through the model together; a request that still waits is replaced.
    pub fn pass(&self, generation: u64, pictures: Vec<Picture>) {
        self.mailbox.pass.put(Pass {
            generation,
            pictures,
        });
        let _ = self.bell.try_send(());
    }

    /// Asks for the pictures of `codes`, `[count, code]`, which come bit by bit; those of an earlier call that are not made
    /// yet are left out.
    pub fn decode_sheet(&self, generation: u64, codes: Vec<f32>) {
        self.mailbox.sheet.put(Sheet { generation, codes });
        let _ = self.bell.try_send(());
    }

    /// Asks for the pictures of key-frames with `codes`, `[count, code]`, as [`Self::decode_sheet`] does for a sheet.
    pub fn decode_keys(&self, generation: u64, codes: Vec<f32>) {
        self.mailbox.keys.put(Sheet { generation, codes });
        let _ = self.bell.try_send(());
    }

    /// Asks for an item to be passed through the model, with what each stage makes of it where that `has_features`; a request that still
    /// waits is replaced.
    pub fn inspect(&self, generation: u64, item: usize, has_features: bool) {
        self.mailbox.inspect.put(Inspect {
            generation,
            item,
            has_features,
        });
        let _ = self.bell.try_send(());
    }

    /// Asks for the nearest in some spaces; a request that still waits is replaced.
    pub fn retrieve(&self, generation: u64, search: Search) {
        self.mailbox.retrieve.put(Retrieve { generation, search });
        let _ = self.bell.try_send(());
    }

    /// The next event, if there is one.
    #[must_use]
    pub fn poll(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// `is_device` when the engine has ended.
    pub fn wait(&self) -> Result<Event> {
        self.events
            .recv()
            .map_err(|_| crate::error::Error::device("the engine has ended"))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Without senders the loop ends after its present piece of work; events nobody reads must not hold it up.
        self.requests = None;
        let _ = self.bell.try_send(());
        if let Some(thread) = self.thread.take() {
            while !thread.is_finished() {
                while self.events.try_recv().is_ok() {}
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }
}
