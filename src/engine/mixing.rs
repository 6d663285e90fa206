//! A mixture of Gaussians over the open pictures or over their codes, fitted step by step, on request.
//!
//! Invariant: the figures are those of the same fit on the command line, however often it was left off.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::core::Core;
use super::message::{DensityWish, Event, Sampled};
use super::workshop::{Bench, Delivery, to_session};
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::model::AutoEncoder;
use crate::progress::Progress;
use crate::space::{Density, DensityItems, DensityPlan, LogLikelihood, Mixture, Over, Placed};

/// What the fit is called while it goes on.
pub const FITTING_MIXTURE: &str = "Fitting a mixture";

/// Components whose means are shown, the heaviest.
const MEANS: usize = 48;
/// Least time between two looks at a fit that goes on.
const LEAST_WAIT: Duration = Duration::from_millis(60);

/// A mixture, and how the open items stand to it.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// The mixture, as far as it is fitted.
    pub density: Density,
    /// Its components with their mean pictures, the heaviest first; no more than can be looked at.
    pub means: Vec<(usize, Picture)>,
    /// Of the open items where it is fitted to them: of those that it is fitted to; else of all.
    pub log_likelihood: LogLikelihood,
    /// Of the open items that are kept out of the fit; nothing where it is fitted to others.
    pub held_out: Option<LogLikelihood>,
    /// Whether it is fitted to the open items.
    pub is_own: bool,
    /// Where the open items lie for it.
    pub placed: Arc<Placed>,
    /// The component that each open item most probably comes from.
    pub answers: Vec<u32>,
    /// Steps that were looked at since the fit was begun or gone on with, and the mean log-density after them of what it is fitted to and of what is kept
    /// out.
    pub course: Vec<(usize, f64, Option<f64>)>,
}

impl Mixed {
    /// The mixture over the codes of the open items; nothing where it is over pixels, or over codes of which nobody knows whether they are
    /// of the model in use.
    #[must_use]
    pub fn of_codes(&self) -> Option<&Mixture> {
        let is_over_codes = self.density.over_pixels().is_none();
        (self.is_own && is_over_codes).then(|| self.density.mixture())
    }
}

/// What a look at a mixture takes.
struct Onlooker {
    network: Option<AutoEncoder>,
    placed: Arc<Placed>,
    /// The items that it is fitted to and those kept out; nothing where these are others.
    parts: Option<(Vec<usize>, Vec<usize>)>,
    course: Vec<(usize, f64, Option<f64>)>,
}

impl Onlooker {
    fn new(
        density: &Density,
        items: &DensityItems,
        network: Option<AutoEncoder>,
        progress: &Progress,
    ) -> Result<Self> {
        Ok(Self {
            placed: Arc::new(density.place(items, progress)?),
            parts: density.parts(items),
            network,
            course: Vec::new(),
        })
    }

    fn look(&mut self, density: &Density) -> Result<Mixed> {
        let (each, answers) = density.judge(&self.placed);
        let of = |ids: &[usize]| LogLikelihood::of(ids.iter().map(|&id| each[id]));
        let (log_likelihood, held_out) = match &self.parts {
            Some((fitted, out)) => (of(fitted), (!out.is_empty()).then(|| of(out))),
            None => (LogLikelihood::of(each.iter().copied()), None),
        };
        if self.parts.is_some() {
            let out = held_out.map(|own| own.mean);
            let step = density.mixture().steps();
            self.course.push((step, log_likelihood.mean, out));
        }
        let mut order = density.order();
        order.truncate(MEANS);
        let means = density.means(&order);
        let means = means.pictures(|codes| decoded(self.network.as_ref(), codes))?;
        Ok(Mixed {
            means: order.into_iter().zip(means).collect(),
            log_likelihood,
            held_out,
            is_own: self.parts.is_some(),
            placed: self.placed.clone(),
            answers,
            course: self.course.clone(),
            density: density.clone(),
        })
    }
}

/// The pictures of codes.
fn decoded(network: Option<&AutoEncoder>, codes: &[f32]) -> Result<Vec<Picture>> {
    let network = network.ok_or_else(|| {
        Error::usage("there is no model to decode the mixture's codes").hint("open one first")
    })?;
    if !codes.len().is_multiple_of(network.code()) {
        return Err(Error::usage("the mixture is over codes of another model"));
    }
    let pixels = network.decode(codes)?;
    Ok(Picture::each_of(network.spec().shape, &pixels))
}

/// The session `id` has the mixture.
fn found(mixed: Mixed, id: u64) -> Delivery {
    to_session(id, move |session| session.density = Some(Arc::new(mixed)))
}

impl Core {
    /// Fits a mixture; the session has it as far as it has come.
    pub(super) fn fit_density(&mut self, plan: DensityPlan) -> Result<()> {
        let over = plan.over;
        self.run_density(over, move |items, model, progress| {
            Density::begin(plan, items, model, progress)
        })
    }

    /// Goes on with the fit that the session has.
    pub(super) fn resume_density(&mut self) -> Result<()> {
        let mixed = self.session.density.clone();
        let mixed = mixed.ok_or_else(|| Error::usage("there is no mixture to go on with"))?;
        let over = mixed.density.plan().over;
        self.run_density(over, move |_, _, _| Ok(mixed.density.clone()))
    }

    /// The open items, and what decodes their codes.
    fn density_items(&self, over: Over) -> Result<(Arc<Dataset>, Vec<f32>)> {
        match over {
            Over::Pixels { .. } => Ok((self.whole_dataset()?, Vec::new())),
            Over::Codes => {
                let (dataset, codes) = self.encoded()?;
                Ok((dataset, codes.codes().to_vec()))
            }
        }
    }

    fn run_density(
        &mut self,
        over: Over,
        begin: impl FnOnce(&DensityItems, Option<String>, &Progress) -> Result<Density> + Send + 'static,
    ) -> Result<()> {
        let (dataset, codes) = self.density_items(over)?;
        let in_use = self.model.as_ref();
        let model = in_use.map(|own| own.info.name.clone());
        let model = model.filter(|_| over == Over::Codes);
        let (id, network) = (self.session.id, in_use.map(|own| own.network.clone()));
        self.workshop
            .start(Bench::Density, FITTING_MIXTURE, move |progress, deliver| {
                dataset.check_unchanged()?;
                let items = items_of(&dataset, codes)?;
                let mut density = begin(&items, model, &progress.part(0.0, 0.45))?;
                let placing = progress.part(0.45, 0.5);
                let mut onlooker = Onlooker::new(&density, &items, network, &placing)?;
                let mixed = onlooker.look(&density)?;
                deliver(found(mixed, id));
                let steps = density.mixture().steps_ahead();
                // Looking on takes a third of the time at most.
                let mut next = Instant::now() + LEAST_WAIT;
                density.go_on(&items, steps, &progress.part(0.5, 1.0), &mut |so_far| {
                    let start = Instant::now();
                    if start < next {
                        return Ok(());
                    }
                    let mixed = onlooker.look(so_far)?;
                    deliver(found(mixed, id));
                    next = Instant::now() + LEAST_WAIT.max(2 * start.elapsed());
                    Ok(())
                })?;
                let mixed = onlooker.look(&density)?;
                deliver(found(mixed, id));
                Ok(())
            });
        Ok(())
    }

    /// Reads a mixture, and judges the open items by it.
    pub(super) fn open_density(&mut self, path: PathBuf) -> Result<()> {
        if self.workshop.is_at(Bench::Density) {
            return Err(Error::usage("a mixture is being fitted or read")
                .hint("cancel that, and save what there is of it, before another is opened"));
        }
        if self.session.dataset.is_none() {
            return Err(Error::usage("there are no items to look at a mixture with")
                .hint("open the data that it is of first"));
        }
        let dataset = self.whole_dataset()?;
        let codes = self.encoded().map(|(_, codes)| codes);
        let network = self.model.as_ref().map(|own| own.network.clone());
        let id = self.session.id;
        let what = "Reading a mixture";
        self.workshop
            .start(Bench::Density, what, move |progress, deliver| {
                dataset.check_unchanged()?;
                let density = Density::load(&path)?;
                let codes = match density.plan().over {
                    Over::Pixels { .. } => Vec::new(),
                    Over::Codes => codes?.codes().to_vec(),
                };
                let items = items_of(&dataset, codes)?;
                let in_file = |error: Error| error.in_file(&path);
                density.check(&items).map_err(in_file)?;
                let mut onlooker = Onlooker::new(&density, &items, network, progress)?;
                let mixed = onlooker.look(&density)?;
                deliver(found(mixed, id));
                Ok(())
            });
        Ok(())
    }

    /// Writes the mixture that the session has.
    pub(super) fn save_density(&mut self, path: PathBuf) -> Result<()> {
        let mixed = self.session.density.clone();
        let mixed = mixed.ok_or_else(|| Error::usage("there is no mixture to save"))?;
        self.workshop
            .start(Bench::Export, "Saving the mixture", move |_, deliver| {
                mixed.density.save(&path)?;
                deliver(Box::new(move |core| {
                    core.outbox.send(Event::Written(path));
                    Ok(())
                }));
                Ok(())
            });
        Ok(())
    }

    /// Draws from the mixture that the session has. There is an answer whatever happens, so that who waits for it goes on.
    pub(super) fn draw_density(&mut self, generation: u64, wish: DensityWish) -> Result<()> {
        let drawn = self.session.density.clone().map(|of| -> Result<Sampled> {
            let mut rng = ChaCha8Rng::seed_from_u64(wish.seed);
            let drawn = of.density.draw(wish.count, wish.has_noise, &mut rng);
            let codes = drawn.codes().to_vec();
            let network = self.network();
            let pictures = drawn.pictures(|codes| decoded(network.as_ref(), codes))?;
            Ok(Sampled {
                of,
                pictures,
                codes,
            })
        });
        let (sampled, end) = match drawn.transpose() {
            Ok(sampled) => (sampled, Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.outbox.send(Event::DensityDrawn {
            generation,
            sampled,
        });
        end
    }
}

fn items_of(dataset: &Arc<Dataset>, codes: Vec<f32>) -> Result<DensityItems> {
    if codes.is_empty() {
        return Ok(DensityItems::of_pixels(dataset.clone()));
    }
    DensityItems::with_codes(dataset.clone(), codes)
}
