//! File formats, told apart by what is in the file; the name only breaks ties.
//!
//! Invariant: whatever a file holds, reading it ends in a set or in one error that names it; memory stays bounded.

mod album;
mod arrays;
mod cifar;
mod folder;
mod idx;
mod labels;
mod layout;
mod mat;
mod npy;
mod palette;
mod pictures;
mod positions;
mod raw;
mod resize;
mod sniff;
mod stream;
mod tar;

use std::fs;
use std::path::{Path, PathBuf};

use super::dataset::Origin;
use super::mapped::{Mapped, WORTH_MAPPING};
use super::metadata;
use super::{Column, ColumnValues, Dataset, ImageShape, Labels, Palette, Part, Size, Skipped};
use crate::error::{Error, Result};
use crate::progress::Progress;
use sniff::Kind;

/// Whether the file at `path` is a single picture, by its contents.
#[must_use]
pub fn is_picture(path: &Path) -> bool {
    path.is_file() && sniff::sniff(path, None).is_ok_and(|kind| matches!(kind, Kind::Picture))
}

pub(super) use album::natural_order;
pub use pictures::read_picture;
pub use positions::read_positions;
pub use resize::fit_picture;

/// What is wanted of a file: a half of it, a size, a number of items.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// The half; `None` for all. A set that is not stored in halves is split 90 to 10 by a hash of the item's index.
    pub part: Option<Part>,
    /// The shape of a raw picture, or what pictures are resized to.
    pub size: Option<Size>,
    /// The first so many items.
    pub count: Option<usize>,
}

impl Wanted {
    fn pick(self) -> Pick {
        Pick {
            part: self.part,
            count: self.count,
        }
    }
}

/// Which items of a sequence are kept.
#[derive(Clone, Copy)]
struct Pick {
    part: Option<Part>,
    count: Option<usize>,
}

impl Pick {
    /// Whether item `index` is in the part; the count is up to the caller. The hash is the output function of
    /// splitmix64 (Steele, Lea and Flood 2014).
    fn keeps(self, index: u64) -> bool {
        let mut z = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let is_test = (z ^ (z >> 31)).is_multiple_of(10);
        self.part.is_none_or(|part| (part == Part::Test) == is_test)
    }

    /// The picked ones of `items`.
    fn filter<T>(self, items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let kept = (0u64..)
            .zip(items)
            .filter(move |(index, _)| self.keeps(*index));
        kept.map(|(_, item)| item)
            .take(self.count.unwrap_or(usize::MAX))
    }
}

/// What a format's reader found.
struct Loaded {
    shape: ImageShape,
    pixels: Vec<u8>,
    /// The pixels where they stay in their file; there are no others then.
    map: Option<Mapped>,
    labels: Option<Labels>,
    item_names: Vec<String>,
    skipped: Vec<Skipped>,
    /// The colours that the pixels are limited to.
    palette: Option<Palette>,
    places: Places,
    /// The file that was read, where it is another than the one that was asked for.
    file: Option<PathBuf>,
}

impl Loaded {
    fn new(shape: ImageShape, pixels: Vec<u8>) -> Self {
        Self {
            shape,
            pixels,
            map: None,
            labels: None,
            item_names: Vec::new(),
            skipped: Vec::new(),
            palette: None,
            places: Places::default(),
            file: None,
        }
    }
}

/// `n` pictures of `shape` that lie in the file at `path` from `offset` on, without reading them; `None` where they have to
/// be read: because the file is small, only a half of them is wanted, or another size.
fn mapped(
    path: &Path,
    offset: u64,
    shape: ImageShape,
    n: u64,
    wanted: Wanted,
) -> Result<Option<Loaded>> {
    let is_size = |size: Size| {
        let channels = size.channels.unwrap_or(shape.channels);
        ImageShape::new(size.height, size.width, channels) == shape
    };
    let pick = wanted.pick();
    let count = pick.count.map_or(n, |count| n.min(count as u64));
    let bytes = count.saturating_mul(shape.len() as u64);
    if bytes <= WORTH_MAPPING || pick.part.is_some() || !wanted.size.is_none_or(is_size) {
        return Ok(None);
    }
    let mut places = Places::default();
    places.keep(n, pick, None);
    Ok(Some(Loaded {
        map: Some(Mapped::open(path, offset, bytes)?),
        places,
        ..Loaded::new(shape, Vec::new())
    }))
}

/// Where the items that are kept stand in the whole source, which has training items before test items.
#[derive(Default)]
struct Places {
    kept: Vec<u32>,
    /// The half of each, where the source is stored in halves.
    halves: Vec<Part>,
    whole: u64,
}

impl Places {
    /// Counts `n` more items of the source, of which the picked ones are kept.
    fn keep(&mut self, n: u64, pick: Pick, half: Option<Part>) {
        let start = self.whole;
        let before = self.kept.len();
        // A place that does not fit leaves the list short, and then it is not used.
        self.kept.extend(
            pick.filter(start..start.saturating_add(n))
                .map_while(|place| u32::try_from(place).ok()),
        );
        if let Some(half) = half {
            self.halves
                .extend(std::iter::repeat_n(half, self.kept.len() - before));
        }
        self.pass(n);
    }

    /// Counts `n` more items of the source, none of which is kept.
    fn pass(&mut self, n: u64) {
        self.whole = self.whole.saturating_add(n);
    }

    /// The half of each of `len` items as a column, when there are some of both.
    fn split(&self, len: usize) -> Option<Column> {
        let has_both = [Part::Train, Part::Test]
            .iter()
            .all(|half| self.halves.contains(half));
        (has_both && self.halves.len() == len).then(|| Column {
            name: "Split".into(),
            values: ColumnValues::Category {
                values: self
                    .halves
                    .iter()
                    .map(|&half| u32::from(half == Part::Test))
                    .collect(),
                names: [Part::Train, Part::Test]
                    .map(|half| half.to_string())
                    .to_vec(),
            },
        })
    }
}

/// Reads the pictures in the file or folder at `path`, named after it, with the table of metadata that lies with them:
/// `metadata.csv`, `.tsv`, `.json` or `.jsonl` in a folder, one of the file's own name beside a file.
///
/// # Errors
/// `is_file` when it or its metadata are missing, unreadable, of no known format, damaged or too large;
/// `is_cancelled`.
pub fn load(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Dataset> {
    let mut loaded = load_any(path, wanted, progress).map_err(|e| e.in_file(path))?;
    if loaded.pixels.is_empty() && loaded.map.is_none() {
        return Err(nothing_left(path, wanted));
    }
    if let Some(size) = wanted.size.filter(|_| loaded.map.is_none()) {
        loaded = resize::to_size(path, loaded, size, progress)?;
    }
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let set = match loaded.map {
        Some(map) => Dataset::mapped(name, loaded.shape, map),
        None => Dataset::new(name, loaded.shape, loaded.pixels),
    }
    .map_err(|e| e.in_file(path))?;
    let set = match loaded.labels {
        Some(labels) => set.with_labels(labels).map_err(|e| e.in_file(path))?,
        None => set,
    };
    let set = match loaded.item_names {
        names if names.is_empty() => set,
        names => set.with_item_names(names).map_err(|e| e.in_file(path))?,
    };
    let set = match loaded.palette {
        Some(palette) => set.with_palette(palette).map_err(|e| e.in_file(path))?,
        None => set,
    };
    let mut set = set.with_skipped(loaded.skipped);
    let places = loaded.places;
    if let Some(split) = places.split(set.len()) {
        set = set.with_column(split)?;
    }
    let origin = Origin {
        places: places.kept,
        whole: places.whole,
    };
    set = set.with_origin(
        Some(origin),
        wanted.part.is_some() || wanted.count.is_some(),
    );
    let table = metadata::beside(path).or_else(|| metadata::beside(loaded.file.as_deref()?));
    match table {
        Some(table) => set.with_metadata(table),
        None => Ok(set),
    }
}

fn nothing_left(path: &Path, wanted: Wanted) -> Error {
    match wanted.part {
        Some(part) => Error::file(path, format!("has no picture in its {part} part"))
            .hint("leave the part away"),
        None => Error::file(path, "holds not a single picture"),
    }
}

fn load_any(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    progress.update(0, 1)?;
    let about = fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => missing(path),
        _ => Error::io(path, &e),
    })?;
    if about.is_dir() {
        return folder::load(path, wanted, progress);
    }
    if !about.is_file() {
        return Err(Error::file(path, "is neither a file nor a folder"));
    }
    if about.len() == 0 {
        return Err(Error::file(path, "is empty").hint("fetch or copy the file again"));
    }
    load_file(path, &sniff::sniff(path, wanted.size)?, wanted, progress)
}

fn load_file(path: &Path, kind: &Kind, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    match kind {
        Kind::Idx => idx::load_file(path, wanted, progress),
        Kind::Cifar(layout) => cifar::load_file(path, *layout, wanted, progress),
        Kind::Npy => npy::load_npy(path, wanted, progress),
        Kind::Npz => npy::load_npz(path, wanted, progress),
        Kind::Mat => mat::load(path, wanted, progress),
        Kind::Zip | Kind::Tar | Kind::Picture => pictures::load(path, kind, wanted, progress),
        Kind::Numbers => palette::load(path, wanted, progress),
        Kind::Unknown(reason) => match wanted.size {
            Some(size) => raw::load(path, size, wanted, progress),
            None => Err(raw::unknown(path, reason)),
        },
        Kind::Refused(reason, way_out) => Err(Error::file(path, *reason).hint(*way_out)),
    }
}

/// The error of a path where nothing is, with the name that was probably meant.
fn missing(path: &Path) -> Error {
    let error = Error::file(path, "there is no such file or folder");
    let wanted = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    let neighbours = fs::read_dir(parent.unwrap_or(Path::new(".")))
        .into_iter()
        .flatten()
        .take(10_000);
    let names = neighbours
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let builtin = ["faces", "digits", "creatures"].map(String::from);
    let all = names.map(|name| parent.unwrap_or(Path::new("")).join(name));
    let all = all.chain(
        builtin
            .iter()
            .filter(|_| parent.is_none())
            .map(PathBuf::from),
    );
    let nearest = all
        .map(|candidate| {
            let name = candidate
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase();
            (distance(&wanted, &name), candidate)
        })
        .min();
    match nearest {
        Some((distance, candidate))
            if distance <= (wanted.chars().count() / 3).max(2)
                && distance < wanted.chars().count() =>
        {
            error.hint(format!("did you mean {}?", candidate.display()))
        }
        _ if parent.is_some_and(|parent| !parent.exists()) => {
            error.hint("its folder does not exist either; check the path")
        }
        _ => error.hint("check the path; the built-in sets are called faces, digits and creatures"),
    }
}

/// The number of characters to add, drop or replace between two names (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(256).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(256).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
