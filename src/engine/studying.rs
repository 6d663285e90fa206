//! Spaces compared over a whole set of queries, on request.
//!
//! Invariant: the figures are those of the same inquiry on the command line.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::core::Core;
use super::message::{Event, QuerySet, Studied, Study};
use super::workshop::{Bench, to_session};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::AutoEncoder;
use crate::progress::Progress;
use crate::retrieval::Encoded;
use crate::retrieval::study::{Encoder, Findings, Inquiry, Report, can_be_sought};
use crate::space::CodeTable;

/// Pictures that go through the model at a time.
const BATCH: usize = 256;

/// Queries, with what is known of them.
struct Asked {
    name: String,
    pictures: Arc<Dataset>,
    encoded: Option<Encoded>,
    /// Where they are among the items, where they are.
    own: Option<Vec<u32>>,
}

impl Core {
    /// Compares spaces; the session has the report once it is there.
    pub(super) fn study(&mut self, study: Study) -> Result<()> {
        let Some(dataset) = self.session.dataset.clone() else {
            return Err(Error::usage("there are no items to search in").hint("open data first"));
        };
        dataset.check_unchanged()?;
        let needs_codes = study.spaces.iter().any(|space| space.needs_codes());
        let codes = self.session.codes.clone();
        let codes = codes.filter(|_| self.session.is_encoded);
        if needs_codes && codes.is_none() {
            return Err(Error::usage("not every item is encoded yet")
                .hint("wait until they are, or compare spaces of pixels alone"));
        }
        let of_gallery = codes.map(|codes| Encoded {
            is_binary: codes.is_binary(),
            codes,
            log_variance: self.session.log_variance.clone().unwrap_or_default(),
        });
        let network = self.network();
        let chosen = self.chosen(&study, dataset.len())?;
        let gallery = self.session.source.as_ref().map(ToString::to_string);
        let gallery = gallery.unwrap_or_else(|| dataset.name().to_owned());
        let model = self.session.model.as_ref().map(|m| m.name.clone());
        let (id, seed) = (self.session.id, self.options.seed);
        let what = "Comparing spaces";
        self.workshop
            .start(Bench::Study, what, move |progress, deliver| {
                let asked = match (&study.queries, chosen) {
                    (QuerySet::Data(source), _) => {
                        let pictures = source.load(seed, &progress.part(0.0, 0.05))?;
                        let pictures = Arc::new(first(pictures, study.most)?);
                        can_be_sought(&pictures, &dataset)?;
                        let encoded = match &network {
                            Some(network) if needs_codes => {
                                Some(encode(network, &pictures, &progress.part(0.05, 0.2))?)
                            }
                            _ => None,
                        };
                        Asked {
                            name: source.to_string(),
                            pictures,
                            encoded,
                            own: None,
                        }
                    }
                    (_, Some(ids)) => items(&dataset, of_gallery.as_ref(), ids)?,
                    (_, None) => return Err(Error::usage("there are no queries")),
                };
                let encode: Option<Box<Encoder<'_>>> = network.as_ref().map(|network| {
                    let encode = |pictures: &[&[u8]]| {
                        let posteriors = network.encode(pictures, &Progress::silent())?;
                        Ok((posteriors.mean, posteriors.log_variance))
                    };
                    Box::new(encode) as Box<Encoder<'_>>
                });
                let inquiry = Inquiry {
                    gallery: &dataset,
                    of_gallery: of_gallery.as_ref(),
                    queries: &asked.pictures,
                    of_queries: asked.encoded.as_ref(),
                    own: asked.own.as_deref(),
                    spaces: &study.spaces,
                    k: study.k,
                    seed: study.seed,
                    encode: encode.as_deref().filter(|_| needs_codes),
                };
                let own = asked.own.clone().map(Arc::new);
                let mut publish = |findings: Findings| {
                    let report = Report {
                        gallery: gallery.clone(),
                        queries: asked.name.clone(),
                        model: model.clone().unwrap_or_default(),
                        findings,
                    };
                    let studied = Arc::new(Studied {
                        own: own.clone(),
                        report: Arc::new(report),
                    });
                    deliver(to_session(id, move |session| {
                        session.study = Some(studied);
                    }));
                };
                let part = progress.part(0.2, 1.0);
                let findings = inquiry.run(&part, |so_far| publish(so_far.clone()))?;
                publish(findings);
                Ok(())
            });
        Ok(())
    }

    /// The items that are queries, in ascending order; `None` where other data are.
    fn chosen(&self, study: &Study, items: usize) -> Result<Option<Vec<u32>>> {
        let ids: Vec<u32> = match &study.queries {
            QuerySet::Data(_) => return Ok(None),
            QuerySet::Items => (0..items as u32).collect(),
            QuerySet::Selection(chosen) => {
                chosen.ids().filter(|id| (*id as usize) < items).collect()
            }
            QuerySet::HeldOut => match &self.session.held_out {
                Some(ids) => ids.as_ref().clone(),
                None => {
                    return Err(
                        Error::usage("nothing of these data was held out of training")
                            .hint("take items at random, or other data"),
                    );
                }
            },
        };
        if ids.is_empty() {
            return Err(Error::usage("nothing is selected to be looked for")
                .hint("select items on the map first"));
        }
        if study.most == 0 || ids.len() <= study.most {
            return Ok(Some(ids));
        }
        let mut chance = ChaCha8Rng::seed_from_u64(study.seed);
        let drawn = rand::seq::index::sample(&mut chance, ids.len(), study.most);
        let places: BTreeSet<usize> = drawn.into_iter().collect();
        Ok(Some(places.into_iter().map(|at| ids[at]).collect()))
    }

    /// Writes the report of the last comparison to a folder.
    pub(super) fn write_report(&mut self, folder: PathBuf) -> Result<()> {
        let Some(study) = self.session.study.clone() else {
            return Err(Error::usage("nothing was compared yet").hint("compare spaces first"));
        };
        self.workshop
            .start(Bench::Export, "Writing the report", move |_, deliver| {
                let page = study.report.write(&folder)?;
                deliver(Box::new(move |core| {
                    core.outbox.send(Event::Written(page));
                    Ok(())
                }));
                Ok(())
            });
        Ok(())
    }
}

/// The items `ids` as queries.
fn items(dataset: &Arc<Dataset>, encoded: Option<&Encoded>, ids: Vec<u32>) -> Result<Asked> {
    let all = ids.len() == dataset.len();
    let pictures = if all {
        dataset.clone()
    } else {
        let places: Vec<usize> = ids.iter().map(|&id| id as usize).collect();
        Arc::new(dataset.subset(&places)?)
    };
    let encoded = match encoded {
        Some(encoded) if !all => Some(part(encoded, &ids)?),
        encoded => encoded.cloned(),
    };
    Ok(Asked {
        name: format!("{} items of {}", ids.len(), dataset.name()),
        pictures,
        encoded,
        own: Some(ids),
    })
}

/// What the model makes of the items `ids`.
fn part(encoded: &Encoded, ids: &[u32]) -> Result<Encoded> {
    let d = encoded.codes.dims();
    let rows = |all: &[f32]| -> Vec<f32> {
        let row = |&id: &u32| {
            let at = id as usize * d;
            all.get(at..at + d).unwrap_or_default().to_vec()
        };
        ids.iter().flat_map(row).collect()
    };
    let codes = rows(encoded.codes.codes());
    Ok(Encoded {
        codes: Arc::new(CodeTable::new(codes, d, encoded.codes.kl().to_vec())?),
        log_variance: Arc::new(rows(&encoded.log_variance)),
        is_binary: encoded.is_binary,
    })
}

fn encode(network: &AutoEncoder, pictures: &Dataset, progress: &Progress) -> Result<Encoded> {
    let (mut mean, mut log_variance) = (Vec::new(), Vec::new());
    let n = pictures.len();
    for start in (0..n).step_by(BATCH) {
        progress.update(start, n)?;
        let pixels = pictures.copied(start..(start + BATCH).min(n))?;
        let views: Vec<&[u8]> = pixels.chunks_exact(pictures.shape().len()).collect();
        let posteriors = network.encode(&views, &Progress::silent())?;
        mean.extend(posteriors.mean);
        log_variance.extend(posteriors.log_variance);
    }
    let d = network.code();
    // How much each dimension diverges from the prior plays no part in a search.
    let kl = vec![0.0; d];
    Ok(Encoded {
        codes: Arc::new(CodeTable::new(mean, d, kl)?),
        log_variance: Arc::new(log_variance),
        is_binary: network.spec().is_binary(),
    })
}

fn first(pictures: Dataset, most: usize) -> Result<Dataset> {
    if most == 0 {
        return Ok(pictures);
    }
    pictures.first(most)
}
