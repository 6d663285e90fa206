//! Live requests: what a hand on a slider or on the map asks for.
//!
//! Invariant: each is answered from the weights of this moment, also half-way through training.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::core::Core;
use super::mailbox::{Decode, Encode, Inspect, Mailbox, Pass, Retrieve};
use super::message::{Event, Passed, Query};
use super::outbox::Outbox;
use super::search::Task;
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::model::{AutoEncoder, Meanwhile, interruptible};
use crate::progress::Progress;
use crate::retrieval::{Encoded, Probe, nearest_codes};
use crate::space::{CodeMap, Selection};

impl Core {
    /// The network as it is now, also half-way through training.
    pub(super) fn network(&self) -> Option<AutoEncoder> {
        match &self.training {
            Some(training) => Some(training.network()),
            None => self.model.as_ref().map(|m| m.network.clone()),
        }
    }

    /// Serves the newest live requests; whether there was one.
    pub(super) fn serve(&mut self) -> bool {
        let mailbox: Arc<Mailbox> = self.mailbox.clone();
        let mut served = false;
        if let Some(mail) = mailbox.decode.take() {
            self.guarded(|core| core.decode(&mail));
            served = true;
        }
        if let Some(mail) = mailbox.hover.take() {
            self.guarded(|core| core.decode_hovered(&mail));
            served = true;
        }
        if let Some(mail) = mailbox.place.take() {
            self.guarded(|core| core.place(&mail));
            served = true;
        }
        if let Some(mail) = mailbox.encode.take() {
            self.guarded(|core| core.encode_picture(mail));
            served = true;
        }
        if let Some(mail) = mailbox.pass.take() {
            self.guarded(|core| core.pass(&mail));
            served = true;
        }
        if let Some(mail) = mailbox.sheet.take() {
            self.start_sheet(mail);
            served = true;
        }
        if let Some(mail) = mailbox.keys.take() {
            self.start_keys(mail);
            served = true;
        }
        if let Some(mail) = mailbox.inspect.take() {
            self.guarded(|core| core.inspect(&mail));
            served = true;
        }
        if let Some(mail) = mailbox.retrieve.take() {
            self.guarded(|core| core.retrieve(mail));
            served = true;
        }
        served
    }

    fn decode(&mut self, mail: &Decode) -> Result<()> {
        match self.network() {
            Some(network) => answer(mail, &network, &self.outbox),
            None => Ok(()),
        }
    }

    fn decode_hovered(&mut self, mail: &Decode) -> Result<()> {
        let Some(network) = self.network().filter(|n| n.code() == mail.code.len()) else {
            return Ok(());
        };
        let picture = Picture {
            shape: network.spec().shape,
            pixels: network.decode(&mail.code)?,
        };
        self.outbox.send(Event::Hovered {
            generation: mail.generation,
            picture,
        });
        Ok(())
    }

    fn place(&mut self, mail: &Decode) -> Result<()> {
        let Some(codes) = self.session.codes.clone() else {
            return Ok(());
        };
        if codes.dims() != mail.code.len() {
            return Ok(());
        }
        let progress = Progress::silent();
        let found = nearest_codes(&codes, &mail.code, CodeMap::PLACED_AMONG, None, &progress)?;
        let nearest: Vec<(u32, f32)> = found.ids.into_iter().zip(found.distances).collect();
        self.tell_place(mail.generation, &nearest);
        Ok(())
    }

    fn encode_picture(&mut self, mail: Encode) -> Result<()> {
        let Some(network) = self.network() else {
            return Ok(());
        };
        let Encode {
            generation,
            picture,
        } = mail;
        // A picture of another shape was meant for a model that is gone.
        if picture.shape != network.spec().shape {
            return Ok(());
        }
        let posterior = network.encode(&[&picture.pixels], &Progress::silent())?;
        let loss = (
            network.losses_at(&[&picture.pixels], &posterior.mean)?[0],
            posterior.kl_per_item(network.spec())[0],
        );
        self.outbox.send(Event::Encoded {
            generation,
            reconstruction: Picture {
                shape: picture.shape,
                pixels: network.reconstruct(&[&picture.pixels], &posterior.mean)?,
            },
            code: posterior.mean,
            loss,
        });
        Ok(())
    }

    fn pass(&mut self, mail: &Pass) -> Result<()> {
        let Some(network) = self.network() else {
            return Ok(());
        };
        let shape = network.spec().shape;
        // Pictures of another shape were meant for a model that is gone.
        if mail.pictures.is_empty() || mail.pictures.iter().any(|p| p.shape != shape) {
            return Ok(());
        }
        let pixels: Vec<&[u8]> = mail.pictures.iter().map(|p| p.pixels.as_slice()).collect();
        let posterior = network.encode(&pixels, &Progress::silent())?;
        let losses = network.losses_at(&pixels, &posterior.mean)?;
        let kl = posterior.kl_per_item(network.spec());
        let codes = posterior.mean.chunks_exact(network.code());
        let mut passed = Vec::with_capacity(pixels.len());
        for (i, code) in codes.enumerate() {
            passed.push(Passed {
                code: code.to_vec(),
                reconstruction: Picture {
                    shape,
                    pixels: network.reconstruct(&pixels[i..=i], code)?,
                },
                loss: (losses[i], kl.get(i).copied().unwrap_or(0.0)),
            });
        }
        self.outbox.send(Event::Passed {
            generation: mail.generation,
            passed,
        });
        Ok(())
    }

    /// Serves a drag between the layers of long work: it can wait for neither a training step nor a batch.
    pub(super) fn meanwhile(&self) -> Meanwhile {
        let (mailbox, outbox) = (self.mailbox.clone(), self.outbox.clone());
        Rc::new(move |network| {
            if let Some(mail) = mailbox.decode.take()
                && let Err(error) = answer(&mail, network, &outbox)
            {
                outbox.send(Event::Failed(error));
            }
        })
    }

    /// Does `work`, and serves drags meanwhile.
    pub(super) fn serving<R>(&self, work: impl FnOnce() -> R) -> R {
        let Some(network) = self.network() else {
            return work();
        };
        let meanwhile = self.meanwhile();
        interruptible(Rc::new(move || meanwhile(&network)), work)
    }

    fn inspect(&mut self, mail: &Inspect) -> Result<()> {
        let (Some(network), Some(dataset)) = (self.network(), self.session.dataset.clone()) else {
            return Ok(());
        };
        if mail.item >= dataset.len() || network.spec().shape != dataset.shape() {
            return Ok(());
        }
        dataset.check_unchanged()?;
        let pixels = dataset.pixels(mail.item);
        let posterior = network.encode(&[pixels], &Progress::silent())?;
        let reconstruction = Picture {
            shape: dataset.shape(),
            pixels: network.reconstruct(&[pixels], &posterior.mean)?,
        };
        let loss = (
            network.losses_at(&[pixels], &posterior.mean)?[0],
            posterior.kl_per_item(network.spec())[0],
        );
        let features = if mail.has_features {
            network.features(&dataset.picture(mail.item))?
        } else {
            None
        };
        self.outbox.send(Event::Inspected {
            generation: mail.generation,
            item: mail.item,
            code: posterior.mean,
            reconstruction,
            loss,
            features: features.map(Arc::new),
        });
        Ok(())
    }

    fn retrieve(&mut self, mail: Retrieve) -> Result<()> {
        let Some(dataset) = self.session.dataset.clone() else {
            return Ok(());
        };
        let encoded = self.session.codes.clone().map(|codes| Encoded {
            is_binary: codes.is_binary(),
            codes,
            log_variance: self.session.log_variance.clone().unwrap_or_default(),
        });
        let Some((probe, picture)) = self.probe(&mail.search.query, &dataset, encoded.as_ref())?
        else {
            return Ok(());
        };
        let indices = self.indices_for(&mail.search.approximate);
        self.searcher.search(Task {
            generation: mail.generation,
            dataset,
            encoded,
            indices,
            search: mail.search,
            probe,
            picture,
        });
        Ok(())
    }

    /// What a query looks for, with its picture where it is none of the data's; nothing where it speaks of items that are gone.
    fn probe(
        &self,
        query: &Query,
        dataset: &Dataset,
        encoded: Option<&Encoded>,
    ) -> Result<Option<(Probe, Option<Picture>)>> {
        let network = self.network().filter(|n| n.spec().shape == dataset.shape());
        let passed = |picture: Picture| -> Result<(Probe, Option<Picture>)> {
            let posteriors = network
                .as_ref()
                .map(|n| n.encode(&[&picture.pixels], &Progress::silent()))
                .transpose()?
                .unwrap_or_default();
            let probe = Probe {
                pixels: picture.pixels.clone(),
                code: posteriors.mean,
                log_variance: posteriors.log_variance,
            };
            Ok((probe, Some(picture)))
        };
        let of_item = |item: usize| {
            let row = |rows: &[f32]| {
                let d = encoded.map_or(0, |e| e.codes.dims());
                rows.get(item * d..(item + 1) * d)
                    .unwrap_or_default()
                    .to_vec()
            };
            Probe {
                pixels: dataset.pixels(item).to_vec(),
                code: encoded
                    .filter(|e| item < e.codes.len())
                    .map(|e| e.codes.code(item).to_vec())
                    .unwrap_or_default(),
                log_variance: encoded.map(|e| row(&e.log_variance)).unwrap_or_default(),
            }
        };
        Ok(match query {
            Query::Item(item) if *item < dataset.len() => Some((of_item(*item), None)),
            Query::Distorted {
                item,
                distortion,
                strength,
            } if *item < dataset.len() => {
                let seed = *item as u64;
                let picture = distortion.apply(&dataset.picture(*item), *strength, seed);
                Some(passed(picture)?)
            }
            Query::Item(_) | Query::Distorted { .. } => None,
            Query::Picture(picture) if picture.shape == dataset.shape() => {
                Some(passed(picture.clone())?)
            }
            Query::Picture(picture) => {
                return Err(Error::model(format!(
                    "the query is {}, the data {}",
                    picture.shape,
                    dataset.shape()
                )));
            }
            Query::Code(code) => match network.filter(|n| n.code() == code.len()) {
                Some(network) => {
                    let picture = Picture {
                        shape: network.spec().shape,
                        pixels: network.decode(code)?,
                    };
                    // The code itself, not what the encoder makes of its picture; how sure the encoder is of that picture.
                    let posteriors = network.encode(&[&picture.pixels], &Progress::silent())?;
                    let probe = Probe {
                        pixels: picture.pixels.clone(),
                        code: code.clone(),
                        log_variance: posteriors.log_variance,
                    };
                    Some((probe, Some(picture)))
                }
                None => None,
            },
            Query::Mean(selection) => mean(selection, dataset, encoded),
        })
    }
}

/// The mean of some items: of their pixels, their codes, and the logarithms of their variances.
fn mean(
    selection: &Selection,
    dataset: &Dataset,
    encoded: Option<&Encoded>,
) -> Option<(Probe, Option<Picture>)> {
    let known = encoded.map_or(dataset.len(), |e| e.codes.len().min(dataset.len()));
    let ids = || {
        selection
            .ids()
            .map(|id| id as usize)
            .filter(|&id| id < known)
    };
    let count = ids().count();
    if count == 0 {
        return None;
    }
    let of = |n: usize, add: &dyn Fn(usize, &mut [f64])| {
        let mut sums = vec![0.0_f64; n];
        for id in ids() {
            add(id, &mut sums);
        }
        sums.into_iter()
            .map(move |sum| sum / count as f64)
            .collect::<Vec<f64>>()
    };
    let add = |row: &[f32], sums: &mut [f64]| {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
    };
    let pixels = of(dataset.shape().len(), &|id, sums| {
        for (sum, &x) in sums.iter_mut().zip(dataset.pixels(id)) {
            *sum += f64::from(x);
        }
    });
    let single = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect::<Vec<f32>>();
    let (mut code, mut log_variance) = (Vec::new(), Vec::new());
    if let Some(encoded) = encoded {
        let d = encoded.codes.dims();
        code = single(of(d, &|id, sums| add(encoded.codes.code(id), sums)));
        let variances = &encoded.log_variance;
        if !variances.is_empty() {
            log_variance = single(of(d, &|id, sums| add(&variances[id * d..][..d], sums)));
        }
    }
    let pixels: Vec<u8> = pixels.into_iter().map(|x| x.round() as u8).collect();
    let picture = Picture {
        shape: dataset.shape(),
        pixels: pixels.clone(),
    };
    let probe = Probe {
        pixels,
        code,
        log_variance,
    };
    Some((probe, Some(picture)))
}

/// Decodes the code a hand has chosen.
fn answer(mail: &Decode, network: &AutoEncoder, outbox: &Outbox) -> Result<()> {
    // A code of another length was meant for a model that is gone.
    if network.code() != mail.code.len() {
        return Ok(());
    }
    let start = Instant::now();
    let pixels = network.decode(&mail.code)?;
    outbox.send(Event::Decoded {
        generation: mail.generation,
        picture: Picture {
            shape: network.spec().shape,
            pixels,
        },
        secs: start.elapsed().as_secs_f32(),
    });
    Ok(())
}
