//! A model at moments of its training: where a fixed handful of items lie in code space, and what a fixed set of codes is decoded to.
//!
//! Invariant: every moment shows the same items and codes; moments grow apart as training goes on, so that there are about as many of its
//! first second as of its last hour.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::core::Core;
use super::message::Event;
use super::workshop::Bench;
use crate::data::animation::{AnimationShape, AnimationWriter};
use crate::data::{Dataset, ImageShape, Labels, Picture};
use crate::error::{Error, Result};
use crate::model::{AutoEncoder, Trainer};
use crate::progress::Progress;
use crate::space::Projection;

/// Items whose codes are followed.
const ITEMS: usize = 600;
/// Items encoded at a time, so that a drag is served between.
const AT_ONCE: usize = 50;
/// Codes that are decoded each time: a square of so many a side.
const SIDE: usize = 6;
/// Items whose reconstructions are shown.
const SHOWN: usize = 6;
/// By how much the steps of a moment exceed those of the one before.
const APART: f64 = 1.12;
/// Bytes that all moments may take together; beyond it every other is dropped.
const MOST_BYTES: usize = 96 << 20;

/// A model at one moment of its training.
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    /// Steps taken.
    pub step: u64,
    /// Epochs, with the fraction of the present one.
    pub epoch: f32,
    /// Where the items lie, `[items, code]`.
    pub codes: Vec<f32>,
    /// Pictures of the fixed codes, one after the other.
    pub samples: Vec<u8>,
    /// Reconstructions of the first items, one after the other.
    pub reconstructions: Vec<u8>,
}

/// How a model took form.
#[derive(Clone, Debug)]
pub struct Formation {
    /// Of every picture.
    pub shape: ImageShape,
    /// Numbers per code.
    pub dims: usize,
    /// The items that are followed, ids in the data.
    pub items: Arc<Vec<u32>>,
    /// Their classes, where there are any.
    pub labels: Option<Labels>,
    /// The pictures of the first of them, whose reconstructions are shown.
    pub originals: Arc<Vec<u8>>,
    /// The moments, in order; at least one.
    pub moments: Vec<Arc<Moment>>,
}

impl Formation {
    /// Pictures of fixed codes in a row of their square.
    pub const SIDE: usize = SIDE;

    /// Where the items lie on a plane at every moment: the codes themselves where they have two numbers, else the two principal components
    /// of the last moment's codes, so that nothing turns between moments.
    ///
    /// # Errors
    /// When codes are not finite.
    pub fn positions(&self) -> Result<Vec<Vec<[f32; 2]>>> {
        let Some(last) = self.moments.last() else {
            return Ok(Vec::new());
        };
        if self.dims == 2 {
            let pairs = |m: &Arc<Moment>| m.codes.chunks_exact(2).map(|c| [c[0], c[1]]).collect();
            return Ok(self.moments.iter().map(pairs).collect());
        }
        let plane = Projection::pca(&last.codes, self.dims, 2)?;
        let place = |m: &Arc<Moment>| {
            let codes = m.codes.chunks_exact(self.dims);
            codes.map(|code| plane.place(code)).collect()
        };
        Ok(self.moments.iter().map(place).collect())
    }

    /// Writes all moments as an animation to `path`, in the format its name asks for: the map beside the pictures of the fixed codes, over
    /// items and their reconstructions. Points have the colours of `palette` by class.
    ///
    /// # Errors
    /// See [`AnimationWriter::create`]; `is_cancelled`.
    pub fn write(
        &self,
        path: &Path,
        palette: &dyn Fn(usize) -> [u8; 3],
        progress: &Progress,
    ) -> Result<()> {
        let positions = self.positions()?;
        let bounds = bounds_of(&positions);
        let ImageShape { height, width, .. } = self.shape;
        let scale = (40 / width.max(height)).max(1);
        let (tile_h, tile_w) = (height * scale + 2, width * scale + 2);
        let map = (SIDE * tile_h).max(240);
        let total_width = map + (SIDE * tile_w).max(SHOWN * tile_w) + 12;
        let total_height = map + 2 * tile_h + 16;
        let shape = AnimationShape {
            picture: ImageShape::new(total_height, total_width, 3),
            scale: 1,
            frames: self.moments.len(),
            fps: 12,
        };
        let mut writer = AnimationWriter::create(path, shape)?;
        let mut page = Page {
            width: total_width,
            pixels: vec![0; shape.picture.len()],
        };
        for (i, (moment, places)) in self.moments.iter().zip(&positions).enumerate() {
            progress.update(i, self.moments.len())?;
            page.pixels.fill(22);
            for (item, place) in places.iter().enumerate() {
                let class = self
                    .labels
                    .as_ref()
                    .map_or(0, |l| usize::from(l.values[item]));
                let at = |x: f32, (low, high): (f32, f32)| {
                    let share = (x - low) / (high - low).max(1e-9);
                    (8.0 + share.clamp(0.0, 1.0) * (map as f32 - 16.0)) as usize
                };
                let (x, y) = (at(place[0], bounds[0]), map - at(place[1], bounds[1]));
                page.dot(x, y, palette(class));
            }
            let pictures = moment.samples.chunks_exact(self.shape.len());
            for (at, pixels) in pictures.enumerate() {
                let (x, y) = (map + 8 + at % SIDE * tile_w, 4 + at / SIDE * tile_h);
                page.picture(self.shape, pixels, scale, x, y);
            }
            let rows = [self.originals.as_slice(), &moment.reconstructions];
            for (row, pictures) in rows.into_iter().enumerate() {
                for (at, pixels) in pictures.chunks_exact(self.shape.len()).enumerate() {
                    let (x, y) = (8 + at * tile_w, map + 8 + row * tile_h);
                    page.picture(self.shape, pixels, scale, x, y);
                }
            }
            page.bar((i + 1) as f32 / self.moments.len() as f32);
            writer.push(&Picture {
                shape: shape.picture,
                pixels: page.pixels.clone(),
            })?;
        }
        writer.finish()?;
        Ok(())
    }
}

/// The ends of both coordinates over all moments but the wildest hundredth.
fn bounds_of(positions: &[Vec<[f32; 2]>]) -> [(f32, f32); 2] {
    [0, 1].map(|axis| {
        let mut values: Vec<f32> = positions.iter().flatten().map(|p| p[axis]).collect();
        values.sort_by(f32::total_cmp);
        let at = |share: f32| {
            let place = (share * values.len().saturating_sub(1) as f32) as usize;
            values.get(place).copied().unwrap_or(0.0)
        };
        (at(0.005), at(0.995))
    })
}

/// A picture that is drawn on.
struct Page {
    width: usize,
    pixels: Vec<u8>,
}

impl Page {
    fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        let at = (y * self.width + x) * 3;
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(at..at + 3)
        {
            pixel.copy_from_slice(&colour);
        }
    }

    fn dot(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        for (dx, dy) in [(1, 0), (0, 1), (1, 1), (2, 1), (1, 2)] {
            self.set(
                (x + dx).saturating_sub(1),
                (y + dy).saturating_sub(1),
                colour,
            );
        }
    }

    fn picture(&mut self, shape: ImageShape, pixels: &[u8], scale: usize, left: usize, top: usize) {
        for y in 0..shape.height * scale {
            for x in 0..shape.width * scale {
                let at = (y / scale * shape.width + x / scale) * shape.channels;
                let colour = match pixels[at..at + shape.channels] {
                    [r, g, b] => [r, g, b],
                    _ => [pixels[at]; 3],
                };
                self.set(left + x, top + y, colour);
            }
        }
    }

    /// How far training was, along the lower edge.
    fn bar(&mut self, done: f32) {
        let rows = self.pixels.len() / 3 / self.width;
        for x in 0..(done * self.width as f32) as usize {
            for y in rows.saturating_sub(3)..rows {
                self.set(x, y, [86, 180, 233]);
            }
        }
    }
}

impl Core {
    /// Writes how a model took form.
    pub(super) fn write_formation(&mut self, formation: Arc<Formation>, path: PathBuf) {
        let what = "Writing the animation";
        self.workshop
            .start(Bench::Export, what, move |progress, deliver| {
                formation.write(&path, &colour_of, progress)?;
                deliver(Box::new(move |core| {
                    core.outbox.send(Event::Written(path));
                    Ok(())
                }));
                Ok(())
            });
    }
}

/// Colours of classes on a dark ground (Okabe and Ito), repeated.
fn colour_of(class: usize) -> [u8; 3] {
    const COLOURS: [[u8; 3]; 8] = [
        [86, 180, 233],
        [230, 159, 0],
        [0, 158, 115],
        [240, 228, 66],
        [204, 121, 167],
        [213, 94, 0],
        [0, 114, 178],
        [200, 200, 200],
    ];
    COLOURS[class % COLOURS.len()]
}

/// Follows a training.
#[derive(Debug)]
pub(super) struct Forming {
    formation: Formation,
    /// The fixed codes.
    codes: Vec<f32>,
    /// At which step the next moment is due.
    next: u64,
    under_way: Option<UnderWay>,
}

/// A moment that is being recorded.
#[derive(Debug)]
struct UnderWay {
    network: AutoEncoder,
    step: u64,
    epoch: f32,
    codes: Vec<f32>,
    left: VecDeque<u32>,
}

impl Forming {
    pub(super) fn new(trainer: &Trainer, dataset: &Dataset) -> Self {
        let n = dataset.len();
        // Data are often in an order, so that the first of them, or every tenth, would be all alike.
        let mut rng = ChaCha8Rng::seed_from_u64(trainer.config().seed);
        let drawn = rand::seq::index::sample(&mut rng, n, n.min(ITEMS));
        let items: Vec<u32> = drawn.into_iter().map(|id| id as u32).collect();
        let first = &items[..items.len().min(SHOWN)];
        let pixels = first.iter().flat_map(|&id| dataset.pixels(id as usize));
        let originals: Vec<u8> = pixels.copied().collect();
        let labels = dataset.labels().map(|labels| Labels {
            values: items.iter().map(|&id| labels.values[id as usize]).collect(),
            names: labels.names.clone(),
        });
        let spec = trainer.spec();
        let codes = (0..SIDE * SIDE).flat_map(|_| spec.sample_prior(&[], &mut rng));
        Self {
            codes: codes.collect(),
            formation: Formation {
                shape: dataset.shape(),
                dims: spec.code,
                items: Arc::new(items),
                labels,
                originals: Arc::new(originals),
                moments: Vec::new(),
            },
            next: trainer.step(),
            under_way: None,
        }
    }

    /// Whether there is something to do now.
    pub(super) fn is_due(&self, trainer: &Trainer) -> bool {
        self.under_way.is_some()
            || (trainer.is_between_steps()
                && trainer.stage().is_none()
                && (trainer.step() >= self.next || (trainer.is_done() && self.is_behind(trainer))))
    }

    fn is_behind(&self, trainer: &Trainer) -> bool {
        let last = self.formation.moments.last();
        last.is_none_or(|moment| moment.step < trainer.step())
    }

    /// A small piece of the work; the whole formation once a moment is complete.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn advance(
        &mut self,
        trainer: &Trainer,
        dataset: &Dataset,
    ) -> Result<Option<Arc<Formation>>> {
        let Some(under_way) = &mut self.under_way else {
            self.next = ((trainer.step() as f64 * APART).ceil() as u64).max(trainer.step() + 1);
            self.under_way = Some(UnderWay {
                network: trainer.model(),
                step: trainer.step(),
                epoch: trainer.step() as f32 / trainer.steps_per_epoch().max(1) as f32,
                codes: Vec::new(),
                left: self.formation.items.iter().copied().collect(),
            });
            return Ok(None);
        };
        let silent = Progress::silent();
        if !under_way.left.is_empty() {
            let count = under_way.left.len().min(AT_ONCE);
            let ids: Vec<u32> = under_way.left.drain(..count).collect();
            let items: Vec<&[u8]> = ids.iter().map(|&id| dataset.pixels(id as usize)).collect();
            let codes = under_way.network.encode(&items, &silent)?.mean;
            under_way.codes.extend(codes);
            return Ok(None);
        }
        let Some(done) = self.under_way.take() else {
            return Ok(None);
        };
        if done.codes.iter().any(|x| !x.is_finite()) {
            return Err(Error::model("the codes are no longer finite numbers"));
        }
        let shown = self.formation.originals.len() / self.formation.shape.len();
        let reconstructions = done
            .network
            .decode(&done.codes[..shown * self.formation.dims])?;
        let moment = Moment {
            step: done.step,
            epoch: done.epoch,
            samples: done.network.decode(&self.codes)?,
            codes: done.codes,
            reconstructions,
        };
        let bytes = moment.samples.len() + moment.reconstructions.len() + 4 * moment.codes.len();
        let moments = &mut self.formation.moments;
        moments.push(Arc::new(moment));
        if moments.len() * bytes > MOST_BYTES {
            let last = moments.len() - 1;
            let mut at = 0..;
            moments.retain(|_| at.next().is_some_and(|i| i % 2 == 0 || i == last));
        }
        Ok(Some(Arc::new(self.formation.clone())))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::data::digits;
    use crate::model::Preset;

    #[test]
    fn moments_grow_apart_and_an_animation_has_one_frame_of_each() -> Result<()> {
        let dataset = digits::generate(1, 0..200, &Progress::silent())?;
        let mut config = Preset::Tiny.training(dataset.shape());
        (config.epochs, config.batch) = (6, 10);
        let spec = Preset::Tiny.spec(dataset.shape());
        let mut trainer = Trainer::new(spec, config, &dataset, &Device::flex())?;
        let mut forming = Forming::new(&trainer, &dataset);
        let mut last = None;
        while !trainer.is_done() || forming.is_due(&trainer) {
            if forming.is_due(&trainer) {
                last = forming.advance(&trainer, &dataset)?.or(last);
            } else {
                trainer.advance(&dataset)?;
            }
        }
        let formation = last.ok_or_else(|| Error::usage("no moment"))?;
        let steps: Vec<u64> = formation.moments.iter().map(|m| m.step).collect();
        assert_eq!(steps[..4], [0, 1, 2, 3]);
        assert_eq!(steps.last(), Some(&trainer.step()), "the end is shown");
        let gaps: Vec<u64> = steps.windows(2).map(|w| w[1] - w[0]).collect();
        let before_last = &gaps[..gaps.len() - 1];
        assert!(
            before_last.is_sorted() && before_last.last() > Some(&5),
            "{steps:?}"
        );
        let first = &formation.moments[0];
        let end = &formation.moments[steps.len() - 1];
        assert_eq!(first.codes.len(), 200 * 4);
        assert_ne!(first.samples, end.samples);
        // Later reconstructions are nearer.
        let error = |m: &Moment| -> f64 {
            let pairs = m.reconstructions.iter().zip(formation.originals.iter());
            pairs
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum()
        };
        assert!(error(end) < error(first));
        let folder = tempfile::tempdir().map_err(|e| Error::usage(e.to_string()))?;
        let path = folder.path().join("formation/");
        formation.write(&path, &|_| [200, 200, 200], &Progress::silent())?;
        let frames = std::fs::read_dir(&path).map_err(|e| Error::io(&path, &e))?;
        assert_eq!(frames.count(), steps.len());
        Ok(())
    }
}
