//! Filling the table of codes, a batch at a time.
//!
//! Invariant: the codes are always those of the first items of the data, so that a table that is still growing is a
//! right one, only shorter.

use std::sync::Arc;

use super::core::Core;
use super::outbox::Told;
use crate::data::Dataset;
use crate::error::Result;
use crate::model::{AutoEncoder, CodeStatistics, Posteriors};
use crate::progress::Progress;
use crate::space::{CodeTable, Components};

/// Items encoded between two looks at the mailbox.
const BATCH: usize = 64;
/// Items whose codes are shown together, at first and at least later on.
const FIRST_SHOWN: usize = 256;
const SHOWN: usize = 1024;
/// The share by which a table grows before it is shown again: of a large one every copy counts.
const GROWTH: usize = 8;
/// Items among which the one is sought whose picture is shown first.
const EXAMPLES: usize = 2000;
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
            is_first: false,
        }
    }
}

impl Core {
    /// Begins to encode all items with the model in use, if there are both and they fit.
    pub(super) fn encode_all(&mut self) {
        self.encoding = None;
        self.session.is_encoded = false;
        self.session.item_errors = None;
        self.session.held_out = None;
        self.session.mixture = None;
        self.drop_indices();
        self.workshop.cancel_all();
        let (Some(in_use), Some(dataset)) = (&self.model, &self.session.dataset) else {
            return;
        };
        if in_use.file.spec.shape != dataset.shape() {
            return;
        }
        let told = self.outbox.told(&format!("Encoding {}", dataset.name()));
        let mut encoding = Encoding::new(in_use.network.clone(), usize::MAX, Some(told));
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

    /// Leaves the table of codes as it is.
    pub(super) fn cancel_encoding(&mut self) {
        self.encoding = None;
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
        let available = dataset.len().min(encoding.limit);
        let end = (encoding.encoded + BATCH).min(available);
        let items: Vec<&[u8]> = (encoding.encoded..end)
            .map(|id| dataset.pixels(id))
            .collect();
        let more = self.serving(|| encoding.network.encode(&items, &Progress::silent()))?;
        encoding.posteriors.mean.extend(more.mean);
        encoding.posteriors.log_variance.extend(more.log_variance);
        encoding.encoded = end;
        let expected = self.session.expected_items.min(encoding.limit);
        if let Some(told) = &encoding.told {
            let _ = told.progress.update(end, expected);
        }

        let is_complete = end >= expected;
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
        let fresh = encoding.posteriors.kl_per_dimension(code);
        let known = self
            .model
            .as_ref()
            .filter(|_| !encoding.is_first && encoding.limit == usize::MAX);
        // The order of the sliders must not change while the table grows.
        let kl = match known {
            Some(in_use) if !is_complete => in_use.file.statistics.kl.clone(),
            _ => fresh,
        };
        let codes = Arc::new(encoding.posteriors.mean.clone());
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
            let held_out = of_model.and_then(|(m, data)| m.file.held_out(data));
            self.session.held_out = held_out.map(Arc::new);
        }
        // Bits have no posterior.
        let has_kl = !encoding.network.spec().is_binary();
        let kl = has_kl.then(|| encoding.posteriors.kl_per_item(code));
        self.session.item_kl = kl.map(Arc::new);
        let log_variance = &mut encoding.posteriors.log_variance;
        self.session.log_variance = self
            .session
            .is_encoded
            .then(|| Arc::new(std::mem::take(log_variance)));
        self.session.codes = Some(Arc::new(table));
        self.session.projection = Some(Arc::new(projection));
        let made = if self.session.is_encoded {
            self.make_map()
        } else {
            Ok(())
        };
        self.publish();
        made
    }

    fn learn_statistics(&mut self, table: &CodeTable) {
        let statistics = CodeStatistics {
            mean: table.mean().to_vec(),
            std: table.std().to_vec(),
            kl: table.kl().to_vec(),
            example: table.code(table.typical(EXAMPLES)).to_vec(),
        };
        self.update_info(|info| {
            info.code_mean.clone_from(&statistics.mean);
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
