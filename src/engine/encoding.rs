//! Filling the table of codes, a batch at a time.
//!
//! Invariants: the codes are always those of the first items of the data, so that a table that is still growing is a
//! right one, only shorter; those of a file too large to be read are kept beside it, and it goes on from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::core::{Core, InUse};
use super::message::Event;
use super::outbox::Told;
use crate::data::Dataset;
use crate::error::Result;
use crate::model::codes_file::{About, BLOCK, CodesFile, digest_of_model, read_whole};
use crate::model::{AutoEncoder, CodeStatistics, Posteriors, class_error};
use crate::progress::Progress;
use crate::space::{CodeTable, Components};

/// Items encoded between two looks at the mailbox.
const BATCH: usize = 64;
/// Items whose codes are shown together, at first and at least later on.
const FIRST_SHOWN: usize = 256;
const SHOWN: usize = 1024;
/// The share by which a table grows before it is shown again: of a large one every copy counts.
const GROWTH: usize = 8;
/// Items whose codes are refreshed after each epoch of training.
const PREVIEWED: usize = 2000;

/// Codes on their way into a table.
#[derive(Debug)]
pub(super) struct Encoding {
    network: AutoEncoder,
    posteriors: Posteriors,
    encoded: usize,
    shown: usize,
    /// Stop there, though there be more items.
    limit: usize,
    /// A preview is not told of.
    told: Option<Told>,
    /// Where the codes are kept, if they are.
    kept: Option<CodesFile>,
    /// Whether these are the first codes of new weights, whose statistics belong in the model's file.
    pub(super) is_first: bool,
}

impl Encoding {
    fn new(network: AutoEncoder, limit: usize, told: Option<Told>) -> Self {
        let posteriors = Posteriors::default();
        Self {
            network,
            posteriors,
            encoded: 0,
            shown: 0,
            limit,
            told,
            kept: None,
            is_first: false,
        }
    }

    /// Puts what is encoded on the disk.
    fn keep(&mut self) -> Result<()> {
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        let from = kept.done() * self.network.code();
        let log_variance = &self.posteriors.log_variance;
        let log_variance = log_variance.get(from..).unwrap_or_default();
        if self.encoded > kept.done() {
            kept.append(&self.posteriors.mean[from..], log_variance, self.encoded)?;
        }
        Ok(())
    }

    /// The same once enough came together, and for good once all is there.
    fn keep_some(&mut self, is_complete: bool) -> Result<()> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        if is_complete || self.encoded >= kept.done() + BLOCK {
            self.keep()?;
        }
        match self.kept.take_if(|_| is_complete) {
            Some(kept) => kept.finish_noted(),
            None => Ok(()),
        }
    }
}

/// The file beside `data` for the codes of the model called `model`, and that for their variances.
fn files_beside(data: &Path, model: &str) -> (PathBuf, PathBuf) {
    let model: String = (model.chars())
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    let beside = |what: &str| {
        let mut name = data.as_os_str().to_os_string();
        name.push(format!(".{model}.{what}.npy"));
        PathBuf::from(name)
    };
    (beside("codes"), beside("log-variance"))
}

/// What there is of codes before the first is computed.
#[derive(Default)]
struct Begun {
    kept: Option<CodesFile>,
    posteriors: Posteriors,
}

impl Core {
    /// Begins to encode all items with the model in use, if there are both and they fit.
    pub(super) fn encode_all(&mut self) {
        self.leave_encoding();
        self.forget_measures();
        let (Some(in_use), Some(dataset)) = (&self.model, &self.session.dataset) else {
            return;
        };
        if in_use.file.spec.shape != dataset.shape() {
            return;
        }
        let mut what = format!("Encoding {}", dataset.name());
        let mut encoding = Encoding::new(in_use.network.clone(), usize::MAX, None);
        match self.begun(in_use, dataset) {
            Ok(Begun { kept, posteriors }) => {
                encoding.encoded = posteriors.mean.len() / encoding.network.code();
                (encoding.kept, encoding.posteriors) = (kept, posteriors);
                if encoding.encoded > 0 {
                    let from = encoding.encoded;
                    what = format!("{what}, going on after {from} that were kept");
                }
            }
            Err(error) => {
                tracing::warn!("codes are not kept: {error}");
                what.push_str(", which cannot be kept beside the data");
            }
        }
        encoding.told = Some(self.outbox.told(&what));
        // The codes of foreign weights are not known before.
        encoding.is_first = in_use.file.epochs == 0;
        self.encoding = Some(encoding);
    }

    /// Begins to encode some items with the weights of this moment of training, unless it is still at the last ones.
    pub(super) fn encode_preview(&mut self, network: AutoEncoder) {
        if self.encoding.is_none() {
            self.encoding = Some(Encoding::new(network, PREVIEWED, None));
        }
    }

    /// Whether there are items to encode, or none are left and the end is still to be told.
    pub(super) fn encoding_wants_to_run(&self) -> bool {
        let available = self.session.dataset.as_ref().map_or(0, |d| d.len());
        let expected = self.session.expected_items;
        self.encoding.as_ref().is_some_and(|e| {
            e.encoded < available.min(e.limit)
                || (available > 0 && e.encoded >= expected.min(e.limit))
        })
    }

    /// What there is already of the codes of a file that is too large to be read.
    fn begun(&self, in_use: &InUse, dataset: &Dataset) -> Result<Begun> {
        let source = self.session.source.as_ref();
        let data = source.and_then(crate::data::DatasetSource::path_of_cut);
        let Some(data) = data.filter(|_| dataset.is_mapped() && !in_use.info.is_unsaved) else {
            return Ok(Begun::default());
        };
        let (name, file) = (&in_use.info.name, &in_use.info.file);
        let (out, log_variances) = files_beside(&data, name);
        let network = &in_use.network;
        // Not every code has a posterior.
        let log_variances = network.spec().has_posterior().then_some(log_variances);
        let model = digest_of_model(file.as_deref().unwrap_or(Path::new(name)))?;
        let about = About::new(model, dataset, network.code(), log_variances);
        let posteriors = |(mean, log_variance)| Posteriors { mean, log_variance };
        if let Some(whole) = read_whole(&out, &about) {
            return Ok(Begun {
                kept: None,
                posteriors: posteriors(whole),
            });
        }
        let kept = CodesFile::start(&out, about)?;
        Ok(Begun {
            posteriors: posteriors(kept.read()?),
            kept: Some(kept),
        })
    }

    /// Leaves the table of codes as it is, and keeps what is not kept yet.
    pub(super) fn leave_encoding(&mut self) {
        if let Some(mut encoding) = self.encoding.take()
            && let Err(error) = encoding.keep()
        {
            self.outbox.send(Event::Failed(error));
        }
    }

    pub(super) fn encode_some(&mut self) -> Result<()> {
        let (Some(encoding), Some(dataset)) = (self.encoding.take(), self.session.dataset.clone())
        else {
            return Ok(());
        };
        self.encode_batch(encoding, &dataset)
    }

    /// Encodes a batch more; keeps the encoding for the next one, if there are items left.
    fn encode_batch(&mut self, mut encoding: Encoding, dataset: &Dataset) -> Result<()> {
        dataset.check_unchanged()?;
        let available = dataset.len().min(encoding.limit);
        let end = (encoding.encoded + BATCH).min(available);
        let pixels = dataset.copied(encoding.encoded..end)?;
        let items: Vec<&[u8]> = pixels.chunks_exact(dataset.shape().len()).collect();
        // Where all were kept there are none left.
        if !items.is_empty() {
            let more = self.serving(|| encoding.network.encode(&items, &Progress::silent()))?;
            encoding.posteriors.mean.extend(more.mean);
            encoding.posteriors.log_variance.extend(more.log_variance);
        }
        encoding.encoded = end;
        let expected = self.session.expected_items.min(encoding.limit);
        if let Some(told) = &encoding.told {
            let _ = told.progress.update(end, expected);
        }

        let is_complete = end >= expected;
        if let Err(error) = encoding.keep_some(is_complete) {
            encoding.kept = None;
            self.outbox.send(Event::Failed(
                error.hint("the codes are not kept any further; encoding goes on"),
            ));
        }
        let step = if encoding.shown == 0 {
            FIRST_SHOWN
        } else {
            SHOWN.max(encoding.shown / GROWTH)
        };
        // While an epoch's preview is made the codes of the epoch before stay on the map.
        let is_due = encoding.limit == usize::MAX && end - encoding.shown >= step;
        if is_complete || is_due {
            self.show(&mut encoding, is_complete)?;
        }
        if !is_complete {
            self.encoding = Some(encoding);
        }
        Ok(())
    }

    fn show(&mut self, encoding: &mut Encoding, is_complete: bool) -> Result<()> {
        let code = encoding.network.code();
        let fresh = encoding
            .posteriors
            .kl_per_dimension(encoding.network.spec());
        let known = self
            .model
            .as_ref()
            .filter(|_| !encoding.is_first && encoding.limit == usize::MAX);
        // The order of the sliders must not change while the table grows.
        let kl = match known {
            Some(in_use) if !is_complete => in_use.file.statistics.kl.clone(),
            _ => fresh,
        };
        // Not every code has a posterior.
        let has_kl = encoding.network.spec().has_posterior();
        let item_kl = has_kl.then(|| encoding.posteriors.kl_per_item(encoding.network.spec()));
        let is_last = is_complete && encoding.limit == usize::MAX;
        // Of a million items a copy more counts.
        let codes = if is_last {
            std::mem::take(&mut encoding.posteriors.mean)
        } else {
            encoding.posteriors.mean.clone()
        };
        let codes = Arc::new(codes);
        let table = CodeTable::new(codes, code, kl)?;
        let covering = match &self.session.projection {
            // Nor must the map turn under the eyes of who looks at it.
            Some(map) if !is_complete && encoding.shown > 0 => map.covering(&table),
            _ => None,
        };
        let projection = match covering {
            Some(map) => map,
            None => self.map_of(&table)?,
        };
        if is_complete && (encoding.is_first || encoding.limit < usize::MAX) {
            self.learn_statistics(&table);
        }
        encoding.shown = encoding.encoded;
        self.session.is_encoded = is_complete && encoding.limit == usize::MAX;
        self.session.components = None;
        if is_complete {
            self.session.components = Some(Arc::new(Components::of(&table)?));
        }
        if self.session.is_encoded {
            let of_model = self.model.as_ref().zip(self.session.dataset.as_deref());
            let parts = of_model.and_then(|(m, data)| m.file.parts(data));
            self.session.is_trained_on = parts.is_some();
            let held_out = parts.map(|(held_out, _)| held_out);
            let held_out = held_out.filter(|held_out| !held_out.is_empty());
            self.session.held_out = held_out.map(Arc::new);
        }
        self.session.item_kl = item_kl.map(Arc::new);
        let log_variance = &mut encoding.posteriors.log_variance;
        self.session.log_variance = self
            .session
            .is_encoded
            .then(|| Arc::new(std::mem::take(log_variance)));
        self.session.codes = Some(Arc::new(table));
        self.count_missed();
        self.session.projection = Some(Arc::new(projection));
        let made = if self.session.is_encoded {
            self.make_map()
        } else {
            Ok(())
        };
        self.publish();
        made
    }

    /// Counts the items whose class the model misses, once all are encoded.
    pub(super) fn count_missed(&mut self) {
        self.session.class_missed = self.missed();
    }

    fn missed(&self) -> Option<(usize, f64)> {
        let session = &self.session;
        let (codes, dataset) = session.codes.as_ref().zip(session.dataset.as_ref())?;
        let (spec, codes) = (&self.model.as_ref()?.file.spec, codes.codes());
        let is_whole = session.is_encoded && codes.len() == dataset.len() * spec.code;
        if !is_whole {
            return None;
        }
        let all: Arc<Vec<u32>>;
        let ids = if let Some(held_out) = &session.held_out {
            held_out
        } else {
            all = Arc::new((0..dataset.len() as u32).collect());
            &all
        };
        let missed = class_error(spec, dataset, codes, ids);
        missed.map(|missed| (ids.len(), missed))
    }

    fn learn_statistics(&mut self, table: &CodeTable) {
        let statistics = CodeStatistics::of(table);
        self.update_info(|info| {
            info.code_mean.clone_from(&statistics.mean);
            info.prior = Arc::new(info.prior.with_frequencies(&info.code_mean));
            info.code_std.clone_from(&statistics.std);
            info.code_kl.clone_from(&statistics.kl);
            info.code_example.clone_from(&statistics.example);
        });
        if let Some(training) = &mut self.training {
            training.statistics.clone_from(&statistics);
        }
        if let Some(in_use) = &mut self.model {
            in_use.file.statistics = statistics;
        }
    }
}
