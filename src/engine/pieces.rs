//! Long work of the network's that is done piece by piece between two looks at the mailbox: sheets of pictures and those of
//! key-frames, measures of every item, and the refining of a code.
//!
//! Invariant: a piece takes a few milliseconds on the CPU, and what is asked for anew replaces what was asked for before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::mailbox::Sheet;
use super::message::Event;
use crate::data::Picture;
use crate::error::{Error, Result};
use crate::model::Refinement;
use crate::progress::Progress;

/// Pictures of a sheet decoded at a time.
const SHEET_PIECE: usize = 16;
/// Items measured at a time.
const MEASURED: usize = 64;
/// News of a refinement are sent this often.
const NEWS_EVERY: Duration = Duration::from_millis(60);

const MEASURING: &str = "Measuring reconstructions";
const REFINING: &str = "Refining the code";

/// Pictures on their way onto a sheet or a path.
#[derive(Debug)]
pub(super) struct SheetWork {
    generation: u64,
    codes: Vec<f32>,
    /// Pictures made so far.
    done: usize,
}

impl SheetWork {
    fn new(mail: Sheet) -> Self {
        Self {
            generation: mail.generation,
            codes: mail.codes,
            done: 0,
        }
    }
}

/// The measuring of every item.
#[derive(Debug)]
pub(super) struct Measuring {
    errors: Vec<f32>,
    progress: Progress,
}

/// The refining of a code.
#[derive(Debug)]
pub(super) struct Refining {
    generation: u64,
    refinement: Refinement,
    progress: Progress,
    last_news: Instant,
}

impl Core {
    pub(super) fn start_sheet(&mut self, mail: Sheet) {
        self.sheet = Some(SheetWork::new(mail));
    }

    pub(super) fn start_keys(&mut self, mail: Sheet) {
        self.keys = Some(SheetWork::new(mail));
    }

    /// Begins to measure every item, once all are encoded.
    pub(super) fn measure_items(&mut self) -> Result<()> {
        if !self.session.is_encoded {
            return Err(Error::usage("not every item is encoded yet").hint("wait until they are"));
        }
        if self.session.item_errors.is_none() && self.measuring.is_none() {
            self.measuring = Some(Measuring {
                errors: Vec::new(),
                progress: self.outbox.progress(MEASURING),
            });
        }
        Ok(())
    }

    /// Begins to refine `code` for `picture`.
    pub(super) fn refine(
        &mut self,
        generation: u64,
        picture: &Picture,
        code: &[f32],
        steps: usize,
    ) -> Result<()> {
        self.stop_refining();
        let network = self
            .network()
            .ok_or_else(|| Error::usage("there is no model to refine a code with"))?;
        self.refining = Some(Refining {
            generation,
            refinement: Refinement::new(&network, &picture.pixels, code, steps)?,
            progress: self.outbox.progress(REFINING),
            last_news: Instant::now(),
        });
        Ok(())
    }

    /// Ends everything of this kind that is under way: what it was made with is gone, or nobody wants it any more.
    pub(super) fn drop_pieces(&mut self) {
        (self.sheet, self.keys) = (None, None);
        if self.measuring.take().is_some() {
            self.outbox.progress_ended(MEASURING);
        }
        if self.refining.take().is_some() {
            self.outbox.progress_ended(REFINING);
        }
    }

    /// Ends refining and measuring; the best code so far is told.
    pub(super) fn cancel_pieces(&mut self) {
        if self.measuring.take().is_some() {
            self.outbox.progress_ended(MEASURING);
        }
        self.stop_refining();
    }

    /// Whether any of this is to be done.
    pub(super) fn has_pieces(&self) -> bool {
        self.sheet.is_some()
            || self.keys.is_some()
            || self.measuring.is_some()
            || self.refining.is_some()
    }

    /// One piece of each.
    pub(super) fn do_pieces(&mut self) -> Result<()> {
        if let Some(work) = self.sheet.take() {
            self.sheet = self.draw_some(work, |generation, first, pictures| Event::Sheet {
                generation,
                first,
                pictures,
            })?;
        }
        if let Some(work) = self.keys.take() {
            self.keys = self.draw_some(work, |generation, first, pictures| Event::KeyPictures {
                generation,
                first,
                pictures,
            })?;
        }
        self.refine_some()?;
        self.measure_some()
    }

    /// Draws the next few pictures and tells them; gives back what is left to do.
    fn draw_some(
        &self,
        mut work: SheetWork,
        tell: impl FnOnce(u64, usize, Vec<Picture>) -> Event,
    ) -> Result<Option<SheetWork>> {
        let Some(network) = self.network() else {
            return Ok(None);
        };
        let code = network.code();
        if !work.codes.len().is_multiple_of(code) {
            return Ok(None);
        }
        let first = work.done;
        let end = (first + SHEET_PIECE).min(work.codes.len() / code);
        let codes = &work.codes[first * code..end * code];
        let pixels = self.serving(|| network.decode(codes))?;
        let shape = network.spec().shape;
        let pictures = pixels.chunks(shape.len()).map(|pixels| Picture {
            shape,
            pixels: pixels.to_vec(),
        });
        self.outbox
            .send(tell(work.generation, first, pictures.collect()));
        work.done = end;
        Ok((end * code < work.codes.len()).then_some(work))
    }

    fn measure_some(&mut self) -> Result<()> {
        let Some(mut work) = self.measuring.take() else {
            return Ok(());
        };
        let (Some(network), Some(dataset), Some(codes)) = (
            self.network(),
            self.session.dataset.clone(),
            self.session.codes.clone(),
        ) else {
            self.outbox.progress_ended(MEASURING);
            return Ok(());
        };
        if let Err(error) = dataset.check_unchanged() {
            self.outbox.progress_ended(MEASURING);
            return Err(error);
        }
        let n = codes.len().min(dataset.len());
        let range = work.errors.len()..(work.errors.len() + MEASURED).min(n);
        let items: Vec<&[u8]> = range.clone().map(|id| dataset.pixels(id)).collect();
        let d = codes.dims();
        let means = &codes.codes()[range.start * d..range.end * d];
        let more = self.serving(|| network.losses_at(&items, means));
        let done = more.and_then(|more| {
            work.errors.extend(more);
            work.progress.update(range.end, n)
        });
        if let Err(error) = done {
            self.outbox.progress_ended(MEASURING);
            return Err(error);
        }
        if range.end < n {
            self.measuring = Some(work);
            return Ok(());
        }
        self.outbox.progress_ended(MEASURING);
        self.session.item_errors = Some(Arc::new(work.errors));
        self.publish();
        Ok(())
    }

    fn refine_some(&mut self) -> Result<()> {
        let Some(mut work) = self.refining.take() else {
            return Ok(());
        };
        let stepped = self
            .serving(|| work.refinement.step())
            .and_then(|_| {
                let (taken, steps) = work.refinement.progress();
                work.progress.update(taken, steps)?;
                Ok(taken >= steps)
            })
            .inspect_err(|_| self.outbox.progress_ended(REFINING));
        let is_over = stepped?;
        if is_over || work.last_news.elapsed() >= NEWS_EVERY {
            work.last_news = Instant::now();
            self.tell_refined(&work, is_over);
        }
        if is_over {
            self.outbox.progress_ended(REFINING);
        } else {
            self.refining = Some(work);
        }
        Ok(())
    }

    fn stop_refining(&mut self) {
        if let Some(work) = self.refining.take() {
            self.tell_refined(&work, true);
            self.outbox.progress_ended(REFINING);
        }
    }

    fn tell_refined(&self, work: &Refining, is_over: bool) {
        self.outbox.send(Event::Refined {
            generation: work.generation,
            step: work.refinement.progress().0,
            is_over,
            code: work.refinement.code().to_vec(),
            losses: work.refinement.losses(),
        });
    }
}
