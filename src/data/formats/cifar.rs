//! CIFAR-10 and CIFAR-100 in their binary version: per picture one or two label bytes, then 32×32 red, green and blue
//! planes. Described at <https://www.cs.toronto.edu/~kriz/cifar.html>.
//!
//! Invariant: a file is only taken for CIFAR when every label that is looked at is within its classes.

use std::path::{Path, PathBuf};

use super::folder::{self, Halves};
use super::idx::interleave;
use super::stream::{Stream, checked_total};
use super::{Loaded, Places, Wanted, labels, sniff};
use crate::data::ImageShape;
use crate::error::{Error, Result};
use crate::progress::Progress;

const SHAPE: ImageShape = ImageShape::new(32, 32, 3);

/// Which of the two sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// One label of ten.
    Ten,
    /// A coarse label of twenty, then a fine one of a hundred.
    Hundred,
}

impl Layout {
    fn label_bytes(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    fn record_len(self) -> usize {
        self.label_bytes() + SHAPE.len()
    }

    fn has_labels(self, record: &[u8]) -> bool {
        match self {
            Self::Ten => record[0] < 10,
            Self::Hundred => record.len() > 1 && record[0] < 20 && record[1] < 100,
        }
    }

    /// Which set the file is whose first bytes are `head`; `len` is its length, where that is certain.
    pub(super) fn find(head: &[u8], len: Option<u64>, path: &Path) -> Option<Self> {
        let name = path.to_string_lossy().to_lowercase();
        let is_named = ["cifar", "data_batch", "test_batch"]
            .iter()
            .any(|part| name.contains(part));
        let mut fitting = [Self::Ten, Self::Hundred].into_iter().filter(|layout| {
            let mut records = head.chunks(layout.record_len());
            let is_whole = len.is_some_and(|len| len.is_multiple_of(layout.record_len() as u64));
            let varies = head
                .chunks_exact(layout.record_len())
                .any(|record| record[..layout.label_bytes()] != head[..layout.label_bytes()]);
            (is_whole || varies || is_named) && records.all(|record| layout.has_labels(record))
        });
        fitting
            .next()
            .filter(|_| head.len() >= Self::Ten.record_len())
    }
}

/// Reads the CIFAR files of a folder, the training half before the test half; `None` when there are none.
pub(super) fn load_folder(
    files: &[PathBuf],
    wanted: Wanted,
    progress: &Progress,
) -> Option<Result<Loaded>> {
    let found = files
        .iter()
        .filter_map(|path| match sniff::sniff(path, None) {
            Ok(sniff::Kind::Cifar(layout)) => Some((path.clone(), layout)),
            _ => None,
        });
    let found: Vec<(PathBuf, Layout)> = found.collect();
    let layout = found.first()?.1;
    let paths = found
        .into_iter()
        .filter(|(_, l)| *l == layout)
        .map(|(path, _)| path);
    let halves = folder::halves(paths.collect(), |path| path, wanted);
    Some(load(&halves, layout, progress))
}

/// Reads one file.
pub(super) fn load_file(
    path: &Path,
    layout: Layout,
    wanted: Wanted,
    progress: &Progress,
) -> Result<Loaded> {
    let halves = Halves {
        files: vec![(path.to_path_buf(), None, true)],
        pick: wanted.pick(),
    };
    load(&halves, layout, progress)
}

/// Reads the records of `halves`, one file after the other.
fn load(halves: &Halves<PathBuf>, layout: Layout, progress: &Progress) -> Result<Loaded> {
    let Halves { files, pick } = halves;
    let (mut pixels, mut numbers) = (Vec::new(), Vec::new());
    let mut places = Places::default();
    let mut index = 0;
    for (path, half, is_wanted) in files {
        let mut stream = Stream::open(path, progress)?;
        let expected = stream.expected_len() / layout.record_len() as u64;
        let start = places.whole;
        places.pass(expected);
        if !is_wanted {
            continue;
        }
        let mut within = 0;
        let expected = expected.min(pick.count.map_or(u64::MAX, |count| count as u64));
        pixels
            .try_reserve_exact(expected as usize * SHAPE.len())
            .map_err(|_| Error::file(path, "needs more memory than there is"))?;
        let mut record = Vec::with_capacity(layout.record_len());
        while pick.count.is_none_or(|count| numbers.len() < count) {
            record.clear();
            stream.append(layout.record_len() as u64, &mut record)?;
            if record.is_empty() {
                break;
            }
            if record.len() < layout.record_len() {
                return Err(Error::file(
                    path,
                    format!(
                        "is cut off within picture {index}: CIFAR records have {} bytes",
                        layout.record_len()
                    ),
                )
                .hint("fetch or copy the file again"));
            }
            if !layout.has_labels(&record) {
                return Err(Error::file(path, format!("has a label at picture {index} that CIFAR does not have"))
                    .hint("if it is no CIFAR file but raw bytes, add the shape of a picture, such as :28x28"));
            }
            if pick.keeps(index) {
                let (label, planes) = record.split_at_mut(layout.label_bytes());
                checked_total(path, numbers.len() as u64 + 1, SHAPE.len())?;
                interleave(planes, SHAPE);
                pixels.extend_from_slice(planes);
                numbers.push(i64::from(label[label.len() - 1]));
                places.kept.extend(u32::try_from(start + within));
                places.halves.extend(half);
            }
            index += 1;
            within += 1;
        }
    }
    let names = files
        .first()
        .and_then(|(path, ..)| class_names(path, layout));
    Ok(Loaded {
        labels: labels::from_numbers(&numbers, names),
        places,
        ..Loaded::new(SHAPE, pixels)
    })
}

/// The class names beside `path`; CIFAR-10's own when there are none.
fn class_names(path: &Path, layout: Layout) -> Option<Vec<String>> {
    let (file, count) = match layout {
        Layout::Ten => ("batches.meta.txt", 10),
        Layout::Hundred => ("fine_label_names.txt", 100),
    };
    let beside = labels::names_in(&path.with_file_name(file)).filter(|names| names.len() == count);
    beside.or_else(|| (layout == Layout::Ten).then(|| labels::owned(&labels::CIFAR_10)))
}
