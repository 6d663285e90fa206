//! Live requests: what a hand on a slider or on the map asks for.
//!
//! Invariant: each is answered from the weights of this moment, also half-way through training.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::core::Core;
use super::mailbox::{Decode, Encode, Inspect, Mailbox, Retrieve};
use super::message::{Event, Query};
use super::outbox::Outbox;
use super::search::Task;
use crate::data::Picture;
use crate::error::{Error, Result};
use crate::model::{AutoEncoder, Meanwhile, interruptible};
use crate::progress::Progress;
use crate::retrieval::nearest_codes;
use crate::space::CodeMap;

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
            posterior.kl_per_item(network.code())[0],
        );
        self.outbox.send(Event::Encoded {
            generation,
            reconstruction: Picture {
                shape: picture.shape,
                pixels: network.decode(&posterior.mean)?,
            },
            code: posterior.mean,
            loss,
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
        let pixels = dataset.pixels(mail.item);
        let posterior = network.encode(&[pixels], &Progress::silent())?;
        let reconstruction = Picture {
            shape: dataset.shape(),
            pixels: network.decode(&posterior.mean)?,
        };
        let loss = (
            network.losses_at(&[pixels], &posterior.mean)?[0],
            posterior.kl_per_item(network.code())[0],
        );
        self.outbox.send(Event::Inspected {
            generation: mail.generation,
            item: mail.item,
            code: posterior.mean,
            reconstruction,
            loss,
        });
        Ok(())
    }

    fn retrieve(&mut self, mail: Retrieve) -> Result<()> {
        let Some(dataset) = self.session.dataset.clone() else {
            return Ok(());
        };
        let codes = self.session.codes.clone().filter(|c| c.len() > 0);
        let (pixels, code) = match &mail.query {
            Query::Item(item) if *item < dataset.len() => {
                let known = codes
                    .as_ref()
                    .filter(|c| *item < c.len())
                    .map(|c| c.code(*item).to_vec());
                (dataset.pixels(*item).to_vec(), known)
            }
            Query::Item(_) => return Ok(()),
            Query::Picture(picture) if picture.shape == dataset.shape() => {
                let network = self.network().filter(|n| n.spec().shape == picture.shape);
                let code = network
                    .map(|n| n.encode(&[&picture.pixels], &Progress::silent()))
                    .transpose()?;
                (picture.pixels.clone(), code.map(|p| p.mean))
            }
            Query::Picture(picture) => {
                return Err(Error::model(format!(
                    "the query is {}, the data {}",
                    picture.shape,
                    dataset.shape()
                )));
            }
        };
        self.searcher.search(Task {
            generation: mail.generation,
            dataset,
            codes,
            query: mail.query,
            pixels,
            code,
            k: mail.k,
        });
        Ok(())
    }
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
