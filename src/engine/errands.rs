//! Mathematics that a person asks for now and then: directions, the mixture behind the codes.
//!
//! Invariant: each runs in the workshop on shared, immutable data, and answers with one event.

use std::path::PathBuf;
use std::sync::Arc;

use super::core::Core;
use super::message::{Between, Contrast, Event};
use super::workshop::{Bench, to_session};
use crate::data::export::{export_codes, export_csv, table_beside};
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::model::animate;
use crate::retrieval::nearest_codes;
use crate::space::path::Path;
use crate::space::{CodeMap, CodeTable, Direction, Mixture, Selection};

/// Components of the mixture behind the codes.
const COMPONENTS: usize = 10;
/// Errands give the same answer every time.
const SEED: u64 = 1;

impl Core {
    /// What errands work on: the items and their codes, once all are encoded.
    pub(super) fn encoded(&self) -> Result<(Arc<Dataset>, Arc<CodeTable>)> {
        match (&self.session.dataset, &self.session.codes) {
            (Some(dataset), Some(codes)) if self.session.is_encoded => {
                Ok((dataset.clone(), codes.clone()))
            }
            (Some(_), Some(_)) => Err(Error::usage("not every item is encoded yet")
                .hint("wait until they are, or until the training has ended")),
            _ => Err(Error::usage("there are no codes yet").hint("open data and a model first")),
        }
    }

    pub(super) fn find_direction(&mut self, contrast: Contrast) -> Result<()> {
        let (dataset, codes) = self.encoded()?;
        let what = format!("Finding the direction of {}", contrast.name);
        self.workshop
            .start(Bench::Direction, &what, move |progress, deliver| {
                let Contrast {
                    name,
                    kind,
                    between,
                } = contrast;
                let direction = match between {
                    Between::Groups { positive, negative } => {
                        let known = |id: &u32| (*id as usize) < codes.len();
                        let positive: Vec<u32> = positive.ids().filter(known).collect();
                        let others = || {
                            let mut others = Selection::none(codes.len());
                            others.add(&Selection::from_ids(codes.len(), positive.iter().copied()));
                            others.invert();
                            others
                        };
                        let negative = negative.unwrap_or_else(others);
                        let negative: Vec<u32> = negative.ids().filter(known).collect();
                        Direction::between(name, kind, &codes, &positive, &negative, SEED, progress)
                    }
                    Between::Values(column) => {
                        let values = dataset.numbers(&column).ok_or_else(|| {
                            Error::usage(format!(
                                "{} has no numbers called {column}",
                                dataset.name()
                            ))
                        })?;
                        Direction::along_factor(name, kind, &codes, values, SEED, progress)
                    }
                }?;
                deliver(Box::new(move |core| {
                    core.outbox.send(Event::Direction(direction));
                    Ok(())
                }));
                Ok(())
            });
        Ok(())
    }

    pub(super) fn export_items(&mut self, items: &Selection, path: PathBuf) -> Result<()> {
        let Some(dataset) = self.session.dataset.clone() else {
            return Err(Error::usage("there are no items to write").hint("open data first"));
        };
        let ids: Vec<u32> = items
            .ids()
            .filter(|id| (*id as usize) < dataset.len())
            .collect();
        // What is not there for every item is left out rather than written in part.
        let codes = self
            .session
            .codes
            .clone()
            .filter(|c| c.len() == dataset.len());
        let map = self.session.projection.clone();
        let map = map.filter(|m| m.positions().len() == dataset.len());
        let is_npy = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("npy"));
        if is_npy && codes.is_none() {
            return Err(Error::usage("not every item is encoded yet").hint("wait until they are"));
        }
        self.workshop
            .start(Bench::Export, "Writing items", move |progress, deliver| {
                match &codes {
                    Some(codes) if is_npy => {
                        let codes = (codes.codes(), codes.dims());
                        let positions = map.as_ref().map(|m| m.positions());
                        export_codes(&path, &dataset, &ids, codes, positions, progress)?;
                    }
                    _ => export_csv(
                        &path,
                        &dataset,
                        &ids,
                        codes.as_ref().map(|c| (c.codes(), c.dims())),
                        map.as_ref().map(|m| m.positions()),
                        progress,
                    )?,
                }
                deliver(Box::new(move |core| {
                    let table = is_npy.then(|| table_beside(&path));
                    core.outbox.send(Event::Written(path));
                    if let Some(table) = table {
                        core.outbox.send(Event::Written(table));
                    }
                    Ok(())
                }));
                Ok(())
            });
        Ok(())
    }

    /// Finds the items with the nearest codes of `wanted`, `[count, code]`: there may be a thousand key-frames and a million items.
    pub(super) fn place_keys(&mut self, generation: u64, wanted: Vec<f32>) {
        // Codes of another size are those of a path of a model that is gone.
        let codes = self.session.codes.clone();
        let Some(codes) = codes.filter(|codes| wanted.len().is_multiple_of(codes.dims())) else {
            return;
        };
        let what = "Placing key-frames";
        self.workshop
            .start(Bench::Keys, what, move |progress, deliver| {
                let among = CodeMap::PLACED_AMONG;
                let found = nearest_codes(&codes, &wanted, among, None, progress)?;
                let pairs = found.ids.into_iter().zip(found.distances);
                let pairs: Vec<(u32, f32)> = pairs.collect();
                // Fewer items than that leave fewer neighbours.
                let each = (pairs.len() / (wanted.len() / codes.dims()).max(1)).max(1);
                let nearest = pairs.chunks(each).map(<[_]>::to_vec).collect();
                deliver(Box::new(move |core| {
                    core.outbox.send(Event::KeysPlaced {
                        generation,
                        nearest,
                    });
                    Ok(())
                }));
                Ok(())
            });
    }

    pub(super) fn animate(
        &mut self,
        path: Path,
        originals: Option<Vec<Picture>>,
        file: PathBuf,
    ) -> Result<()> {
        let network = self
            .network()
            .ok_or_else(|| Error::usage("there is no model to draw the path with"))?;
        self.workshop.start(
            Bench::Export,
            "Writing the animation",
            move |progress, deliver| {
                animate(&network, &path, originals.as_deref(), &file, progress)?;
                deliver(Box::new(move |core| {
                    core.outbox.send(Event::Written(file));
                    Ok(())
                }));
                Ok(())
            },
        );
        Ok(())
    }

    /// Reads a table beside the loaded items; the session has it once it is read.
    pub(super) fn add_metadata(&mut self, path: PathBuf) -> Result<()> {
        let Some(dataset) = self.session.dataset.clone() else {
            return Err(
                Error::usage("there are no items that this table could speak of")
                    .hint("open the data first"),
            );
        };
        let id = self.session.id;
        self.workshop
            .start(Bench::Metadata, "Reading metadata", move |_, deliver| {
                let with = Arc::new(Dataset::clone(&dataset).with_metadata(&path)?);
                deliver(Box::new(move |core| {
                    if core.session.id == id {
                        core.session.dataset = Some(with);
                        // What was known before is not all that is known now.
                        core.session.factors = None;
                        core.session.labelled = None;
                        core.session.probed = None;
                        core.workshop.cancel(Bench::Labels);
                        core.workshop.cancel(Bench::Probe);
                        core.count_missed();
                        core.session.metadata = Some(path);
                        core.publish();
                    }
                    Ok(())
                }));
                Ok(())
            });
        Ok(())
    }

    pub(super) fn fit_mixture(&mut self) -> Result<()> {
        let (_, codes) = self.encoded()?;
        let id = self.session.id;
        let what = "Fitting a Gaussian mixture to the codes";
        self.workshop
            .start(Bench::Mixture, what, move |progress, deliver| {
                let mixture =
                    Mixture::fit(codes.codes(), codes.dims(), COMPONENTS, SEED, progress)?;
                let mixture = Arc::new(mixture);
                deliver(to_session(id, move |session| {
                    session.mixture = Some(mixture);
                }));
                Ok(())
            });
        Ok(())
    }
}
