//! A path through code space as an animation: key-frames in, pictures out, one batch at a time.
//!
//! Invariant: what is written depends on the model, the path and the originals alone, so that a path gives the same bytes whoever
//! asks for it; memory does not grow with the number of frames.

use std::path::Path as FilePath;

use super::AutoEncoder;
use crate::data::animation::{AnimationShape, AnimationWriter};
use crate::data::{Dataset, DatasetSource, ImageShape, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::path::{Crossfade, Path};

/// Codes decoded at a time.
const BATCH: usize = 32;
/// Rows between the two pictures of a frame, and their grey.
const GAP: (usize, u8) = (2, 24);

/// What an animation has become.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Animated {
    /// Frames.
    pub frames: usize,
    /// Seconds that they take.
    pub secs: f64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// What the animation of `path` is like with pictures of `shape`; with a cross-fade each frame has a second one below.
#[must_use]
pub fn shape_of(path: &Path, shape: ImageShape, has_crossfade: bool) -> AnimationShape {
    let picture = if has_crossfade {
        ImageShape::new(2 * shape.height + GAP.0, shape.width, shape.channels)
    } else {
        shape
    };
    AnimationShape {
        picture,
        scale: path.scale(),
        fps: path.fps(),
        frames: path.frames(),
    }
}

/// The picture of each key of `path`, which its cross-fade is made of.
///
/// # Errors
/// When a key comes from no item, or from one that `dataset` has not: the message names it.
pub fn originals_of(path: &Path, dataset: &Dataset) -> Result<Vec<Picture>> {
    let items = items_of(path, dataset)?;
    Ok(items.iter().map(|item| dataset.picture(*item)).collect())
}

/// What the cross-fade of `path` over items of `dataset` is made of, so that whoever reads the path finds the same pictures.
/// `source` is where the data came from, `seed` what it was drawn with where it is built in.
///
/// # Errors
/// As [`originals_of`].
pub fn crossfade_of(
    path: &Path,
    dataset: &Dataset,
    source: Option<&DatasetSource>,
    seed: u64,
) -> Result<Crossfade> {
    let pictures = dataset.subset(&items_of(path, dataset)?)?;
    Ok(Crossfade {
        data: source.map(|source| source.absolute().to_string()),
        seed: source.filter(|source| source.is_builtin()).map(|_| seed),
        digest: format!("{:016x}", pictures.digest()),
    })
}

fn items_of(path: &Path, dataset: &Dataset) -> Result<Vec<usize>> {
    let item = |(i, key): (usize, &crate::space::path::KeyFrame)| match key.item {
        None => Err(
            Error::usage(format!("key {i} comes from no item of the data"))
                .hint("do without the cross-fade, or make the path of items"),
        ),
        Some(item) if item >= dataset.len() => Err(Error::usage(format!(
            "there is no item {item} among {}",
            dataset.len()
        ))),
        Some(item) => Ok(item),
    };
    path.keys().iter().enumerate().map(item).collect()
}

/// Draws every frame of `path` with `model` and writes the animation `out`, of the format that its name asks for. With `originals`,
/// the picture of each key, a second picture under each frame shows the cross-fade between them, pixel by pixel.
///
/// # Errors
/// When the path has fewer than two keys or is that of another model, when there is not one original of the model's shape per
/// key, see [`AnimationWriter`], when cancelled or when the device fails. What was at `out` then stays.
pub fn animate(
    model: &AutoEncoder,
    path: &Path,
    originals: Option<&[Picture]>,
    out: &FilePath,
    progress: &Progress,
) -> Result<Animated> {
    let shape = model.spec().shape;
    if path.keys().len() < 2 {
        return Err(Error::usage("a path passes at least two keys"));
    }
    path.check_fits(model.code())?;
    if let Some(originals) = originals
        && (originals.len() != path.keys().len() || originals.iter().any(|p| p.shape != shape))
    {
        return Err(Error::model(format!(
            "a cross-fade needs a picture of {shape} per key"
        )));
    }
    let animation = shape_of(path, shape, originals.is_some());
    let (frame, frames) = (animation.picture, animation.frames);
    let mut writer = AnimationWriter::create(out, animation)?;
    let mut codes = path.codes();
    let mut done = 0;
    while done < frames {
        progress.update(done, frames)?;
        let batch: Vec<f32> = codes.by_ref().take(BATCH).flatten().collect();
        for pixels in model.decode(&batch)?.chunks_exact(shape.len()) {
            progress.update(done, frames)?;
            let mut pixels = pixels.to_vec();
            if let Some(originals) = originals {
                pixels.resize(pixels.len() + GAP.0 * shape.width * shape.channels, GAP.1);
                cross_fade(path, originals, path.time_of(done), &mut pixels);
            }
            writer.push(&Picture {
                shape: frame,
                pixels,
            })?;
            done += 1;
        }
    }
    progress.update(frames, frames)?;
    Ok(Animated {
        frames,
        secs: frames as f64 / f64::from(path.fps()),
        bytes: writer.finish()?,
    })
}

/// Adds the mixture of the two originals between which `path` is at `secs`, by their shares of the time.
fn cross_fade(path: &Path, originals: &[Picture], secs: f64, pixels: &mut Vec<u8>) {
    let Some(place) = path.place_at(secs) else {
        return;
    };
    let (from, to) = (&originals[place.from].pixels, &originals[place.to].pixels);
    pixels.extend(mixed(from, to, place.share));
}

/// The pixels a share `share` of the way from those of one picture to those of another.
pub(crate) fn mixed(from: &[u8], to: &[u8], share: f64) -> impl Iterator<Item = u8> {
    from.iter().zip(to).map(move |(a, b)| {
        let mixed = (1.0 - share) * f64::from(*a) + share * f64::from(*b);
        mixed.round() as u8
    })
}
