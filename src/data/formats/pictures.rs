//! Pictures in files of their own: a folder, a zip, a tar, or a single one.
//!
//! Invariant: every file is either a picture of the set or in its list of skipped files.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use rayon::prelude::*;

use super::album::{Album, Bytes, natural_order};
use super::resize::{fit, widen, with_channels};
use super::sniff::Kind;
use super::stream::checked_total;
use super::{Loaded, Places, Wanted, folder};
use crate::data::Size;
use crate::data::{ImageShape, Labels, Part, Picture, Skipped};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// What pictures are brought to when nobody says a size.
const DEFAULT_SIZE: Size = Size {
    height: 64,
    width: 64,
    channels: None,
};

/// The most pixels that a picture may have before it is resized.
const MAX_PIXELS: u64 = 1 << 26;

/// The most bytes that a picture may take while it is decoded.
const MAX_DECODED: u64 = 1 << 28;

/// Bytes of undecoded pictures that wait for a free core at most, the last one apart.
const BATCH_BYTES: usize = 32 << 20;

/// Reads the picture at `path`, cut and resized to `shape`. Turned as its camera says; clear parts become white.
///
/// # Errors
/// `is_file` when it is missing or not a picture that can be decoded.
pub fn read_picture(path: &Path, shape: ImageShape) -> Result<Picture> {
    let at = |e: std::io::Error| Error::io(path, &e);
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(at)?
        .take(MAX_DECODED)
        .read_to_end(&mut bytes)
        .map_err(at)?;
    let size = Size {
        height: shape.height,
        width: shape.width,
        channels: Some(shape.channels),
    };
    decode(&bytes, size).map_err(|reason| Error::file(path, reason))
}

/// Reads an archive of pictures, or one picture.
pub(super) fn load(
    path: &Path,
    kind: &Kind,
    wanted: Wanted,
    progress: &Progress,
) -> Result<Loaded> {
    let album = match kind {
        Kind::Zip => Album::zip(path)?,
        Kind::Tar => Album::tar(path, progress)?,
        _ => Album::single(path),
    };
    load_album(path, album, wanted, progress)
}

/// Reads all pictures in the folder at `path` and below.
pub(super) fn load_folder(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    load_album(path, Album::folder(path, progress)?, wanted, progress)
}

fn load_album(
    path: &Path,
    mut album: Album,
    wanted: Wanted,
    progress: &Progress,
) -> Result<Loaded> {
    let size = wanted.size.unwrap_or(DEFAULT_SIZE);
    let names = album.names().to_vec();
    let tree = Tree::of(&names);
    let candidates = tree.candidates(wanted);
    let mut set = Gathered {
        size,
        channels: size.channels.unwrap_or(1),
        pixels: Vec::new(),
        ids: Vec::new(),
        unreadable: Vec::new(),
    };
    let expected = wanted
        .count
        .map_or(candidates.len(), |count| count.min(candidates.len()));
    checked_total(path, expected as u64, size.height * size.width * 3)?;
    let mut rest = candidates.as_slice();
    while !rest.is_empty() && set.ids.len() < expected {
        let (now, later) = rest.split_at(rest.len().min(expected - set.ids.len()));
        let already = set.ids.len();
        let mut batch = Batch::new(progress, already, expected);
        album.visit(now, |id, bytes| batch.add(id, bytes, &mut set))?;
        batch.decode_into(&mut set)?;
        rest = later;
    }
    let mut skipped = album.take_skipped();
    skipped.extend(set.unreadable.drain(..).map(|(id, reason)| Skipped {
        file: album.location(id),
        reason,
    }));
    if set.ids.is_empty() {
        return Err(no_pictures(path, &skipped));
    }
    Ok(Loaded {
        skipped,
        ..set.finish(&names, &tree)
    })
}

fn no_pictures(path: &Path, skipped: &[Skipped]) -> Error {
    let what = skipped.first().map(|first| {
        let more = match skipped.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more files"),
        };
        let name = first
            .file
            .file_name()
            .unwrap_or(first.file.as_os_str())
            .display();
        format!(": {name} {}{more}", first.reason)
    });
    Error::file(
        path,
        format!(
            "holds no picture that can be read{}",
            what.unwrap_or_default()
        ),
    )
    .hint("BMP, GIF, JPEG, PNG, PNM, TIFF and WebP can be read")
}

/// Files waiting to be decoded side by side.
struct Batch<'a> {
    progress: &'a Progress,
    waiting: Vec<(usize, Bytes)>,
    waiting_bytes: usize,
    done: usize,
    total: usize,
}

impl<'a> Batch<'a> {
    fn new(progress: &'a Progress, done: usize, total: usize) -> Self {
        Self {
            progress,
            waiting: Vec::new(),
            waiting_bytes: 0,
            done,
            total,
        }
    }

    fn add(&mut self, id: usize, bytes: Bytes, set: &mut Gathered) -> Result<()> {
        self.waiting_bytes += bytes.as_ref().map_or(0, Vec::len);
        self.waiting.push((id, bytes));
        if self.waiting.len() >= 16 * rayon::current_num_threads()
            || self.waiting_bytes >= BATCH_BYTES
        {
            self.decode_into(set)?;
        }
        Ok(())
    }

    fn decode_into(&mut self, set: &mut Gathered) -> Result<()> {
        let size = set.size;
        let (progress, done, total) = (self.progress, self.done, self.total);
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        self.done += waiting.len();
        let decoded: Result<Vec<_>> = waiting
            .into_par_iter()
            .map(|(id, bytes)| {
                progress.update(done, total)?;
                Ok((id, bytes.and_then(|bytes| decode(&bytes, size))))
            })
            .collect();
        for (id, picture) in decoded? {
            match picture {
                Ok(picture) => set.push(id, picture),
                Err(reason) => set.unreadable.push((id, reason)),
            }
        }
        progress.update(self.done, total)
    }
}

/// Pictures that have been decoded so far.
struct Gathered {
    size: Size,
    channels: usize,
    pixels: Vec<u8>,
    ids: Vec<usize>,
    unreadable: Vec<(usize, String)>,
}

impl Gathered {
    fn push(&mut self, id: usize, picture: Picture) {
        if picture.shape.channels > self.channels {
            self.pixels = widen(&self.pixels);
            self.channels = 3;
        }
        self.pixels
            .extend(with_channels(picture, self.channels).pixels);
        self.ids.push(id);
    }

    fn finish(mut self, names: &[String], tree: &Tree<'_>) -> Loaded {
        let shape = ImageShape::new(self.size.height, self.size.width, self.channels);
        if !self.ids.is_sorted() {
            let mut order: Vec<usize> = (0..self.ids.len()).collect();
            order.sort_unstable_by_key(|&at| self.ids[at]);
            let items = order
                .iter()
                .flat_map(|&at| &self.pixels[at * shape.len()..(at + 1) * shape.len()]);
            self.pixels = items.copied().collect();
            self.ids.sort_unstable();
        }
        Loaded {
            labels: tree.labels(&self.ids),
            places: tree.places(&self.ids),
            item_names: self.ids.iter().map(|&id| names[id].clone()).collect(),
            ..Loaded::new(shape, self.pixels)
        }
    }
}

/// What the folders tell about the files in them.
struct Tree<'a> {
    /// Folders of each file, below those that all pictures share.
    folders: Vec<Vec<&'a str>>,
    halves: Option<Vec<Option<Part>>>,
    /// Whether each file is called like a picture.
    is_likely: Vec<bool>,
    /// Classes that pictures have by their names.
    classes: Vec<&'a str>,
}

/// The class of a file that lies beside the folders of classes.
const NO_FOLDER: &str = "(no folder)";

impl<'a> Tree<'a> {
    fn of(names: &'a [String]) -> Self {
        let split = |name: &'a String| {
            let mut parts: Vec<&str> = name.split('/').collect();
            parts.pop();
            parts
        };
        let mut folders: Vec<Vec<&str>> = names.iter().map(split).collect();
        let mut is_likely: Vec<bool> = names
            .iter()
            .map(|name| ImageFormat::from_path(name).is_ok())
            .collect();
        if !is_likely.contains(&true) {
            is_likely.fill(true);
        }
        drop_common(&mut folders, &is_likely);
        let half_of = |folders: &Vec<&str>| folder::half_named(folders.first()?);
        let halves: Vec<Option<Part>> = folders.iter().map(half_of).collect();
        let are_halves = halves
            .iter()
            .zip(&is_likely)
            .all(|(half, likely)| half.is_some() || !likely)
            && [Part::Test, Part::Train]
                .iter()
                .all(|&part| halves.contains(&Some(part)));
        if are_halves {
            for folders in folders.iter_mut().filter(|folders| !folders.is_empty()) {
                folders.remove(0);
            }
            drop_common(&mut folders, &is_likely);
        }
        let likely = folders
            .iter()
            .zip(&is_likely)
            .filter(|(_, likely)| **likely);
        Self {
            classes: likely.map(|(folders, _)| class_of(folders)).collect(),
            halves: are_halves.then_some(halves),
            folders,
            is_likely,
        }
    }

    /// The files of the wanted part, by number.
    fn candidates(&self, wanted: Wanted) -> Vec<usize> {
        let pick = wanted.pick();
        let is_wanted = |&id: &usize| match (&self.halves, wanted.part) {
            (Some(halves), Some(part)) => halves[id] == Some(part),
            _ => pick.keeps(id as u64),
        };
        (0..self.folders.len()).filter(is_wanted).collect()
    }

    /// Where the files `ids` stand among those that are called like pictures; none, when one of them is not.
    fn places(&self, ids: &[usize]) -> Places {
        let mut places = Places::default();
        let mut wanted = ids.iter().copied().peekable();
        for (id, _) in self
            .is_likely
            .iter()
            .enumerate()
            .filter(|(_, likely)| **likely)
        {
            if wanted.next_if_eq(&id).is_some() {
                places.kept.extend(u32::try_from(places.whole));
            }
            places.pass(1);
        }
        if let Some(halves) = &self.halves {
            places.halves = ids.iter().filter_map(|&id| halves[id]).collect();
        }
        places
    }

    /// The classes of the files `ids`: the first folder that branches.
    fn labels(&self, ids: &[usize]) -> Option<Labels> {
        let own = ids.iter().map(|&id| class_of(&self.folders[id]));
        let mut names: Vec<&str> = self.classes.iter().copied().chain(own.clone()).collect();
        names.sort_by(|a, b| natural_order(a, b));
        names.dedup();
        let position = |name: &str| {
            names
                .binary_search_by(|other| natural_order(other, name))
                .unwrap_or_default()
        };
        (2..=usize::from(u16::MAX))
            .contains(&names.len())
            .then(|| Labels {
                values: own.map(|name| position(name) as u16).collect(),
                names: names.iter().map(ToString::to_string).collect(),
            })
    }
}

fn class_of<'a>(folders: &[&'a str]) -> &'a str {
    folders.first().copied().unwrap_or(NO_FOLDER)
}

/// Leaves away the folders that all likely pictures share.
fn drop_common(folders: &mut [Vec<&str>], is_likely: &[bool]) {
    let mut likely = folders
        .iter()
        .zip(is_likely)
        .filter(|(_, likely)| **likely)
        .map(|(folders, _)| folders);
    let Some(first) = likely.next().cloned() else {
        return;
    };
    let shared = |f: &Vec<&str>| first.iter().zip(f).take_while(|(a, b)| a == b).count();
    let depth = likely.map(shared).min().unwrap_or(first.len());
    for folders in folders {
        let len = folders.len().min(depth);
        folders.drain(..len);
    }
}

/// Decodes a picture and brings it to `size`; the reason when this cannot be done.
fn decode(bytes: &[u8], size: Size) -> Result<Picture, String> {
    let text = |e: image::ImageError| {
        let lines: Vec<String> = e.to_string().split_whitespace().map(String::from).collect();
        format!("cannot be decoded ({})", lines.join(" "))
    };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(text)?;
    let (width, height) = decoder.dimensions();
    let is_too_large =
        u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED;
    if is_too_large {
        return Err(format!(
            "claims {width}×{height} pixels, more than can be decoded here"
        ));
    }
    if width == 0 || height == 0 {
        return Err("has no pixels".into());
    }
    let turned = decoder.orientation().map_err(text)?;
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(text)?;
    decoded.apply_orientation(turned);
    let is_grey = !decoded.color().has_color();
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let picture = Picture {
        shape: ImageShape::new(height, width, if is_grey { 1 } else { 3 }),
        pixels: match (is_grey, decoded.color().has_alpha()) {
            (true, false) => decoded.into_luma8().into_raw(),
            (true, true) => over_white::<2>(decoded.into_luma_alpha8().as_raw()),
            (false, false) => decoded.into_rgb8().into_raw(),
            (false, true) => over_white::<4>(decoded.into_rgba8().as_raw()),
        },
    };
    let fitted = fit(picture, size.height, size.width)?;
    let is_grey = fitted.shape.channels == 1
        || fitted
            .pixels
            .chunks_exact(3)
            .all(|p| p[0] == p[1] && p[1] == p[2]);
    Ok(with_channels(
        fitted,
        size.channels.unwrap_or(if is_grey { 1 } else { 3 }),
    ))
}

/// Pixels of `N` channels, the last of which is opacity, laid over white.
fn over_white<const N: usize>(pixels: &[u8]) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<N>();
    let blend = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let over = |pixel: &[u8; N]| {
        let alpha = pixel[N - 1];
        pixel.map(|value| blend(value, alpha))
    };
    pixels
        .iter()
        .flat_map(|pixel| over(pixel).into_iter().take(N - 1))
        .collect()
}
