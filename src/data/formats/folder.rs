//! What a folder holds: the files of a set stored in halves, or pictures.
//!
//! Invariant: only the files directly in a folder decide whether it is a set of files; pictures are looked for in all
//! its sub-folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::sniff::{self, Kind};
use super::{Loaded, Pick, Wanted, album, cifar, idx, load_file, palette, pictures};
use crate::data::{Part, metadata};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Files of a folder that are looked at to find out what it is.
const LOOKED_AT: usize = 256;

/// Reads whatever the folder at `path` holds.
pub(super) fn load(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    let files = files_in(path)?;
    if let Some(set) = idx::load_folder(&files, wanted, progress) {
        return set;
    }
    if let Some(set) = cifar::load_folder(&files, wanted, progress) {
        return set;
    }
    let kinds = files.iter().map(|file| sniff::sniff(file, wanted.size));
    let kinds: Vec<(&PathBuf, Kind)> = files
        .iter()
        .zip(kinds)
        .filter_map(|(f, k)| Some((f, k.ok()?)))
        .collect();
    if kinds.iter().any(|(_, kind)| matches!(kind, Kind::Picture)) {
        return pictures::load_folder(path, wanted, progress);
    }
    if let Some((file, _)) = kinds
        .iter()
        .find(|(file, kind)| matches!(kind, Kind::Numbers) && palette::is_indices(file))
    {
        return palette::load(file, wanted, progress);
    }
    let error = match pictures::load_folder(path, wanted, progress) {
        Err(error) if !error.is_cancelled() => error,
        result => return result,
    };
    let mut sets = kinds.iter().filter(|(_, kind)| {
        matches!(
            kind,
            Kind::Npy | Kind::Npz | Kind::Mat | Kind::Zip | Kind::Tar
        )
    });
    match (sets.next(), sets.next()) {
        (Some((file, kind)), None) => {
            let loaded = load_file(file, kind, wanted, progress).map_err(|e| e.in_file(file))?;
            Ok(Loaded {
                file: Some((*file).clone()),
                ..loaded
            })
        }
        (Some((one, _)), Some((other, _))) => {
            Err(Error::file(path, "holds several sets").hint(format!(
                "open one of its files, such as {} or {}",
                one.display(),
                other.display()
            )))
        }
        _ => Err(error),
    }
}

/// The first files directly in `folder` that are no metadata, in natural order.
pub(super) fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|e| Error::io(folder, &e))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.is_file() && !metadata::is_metadata(&name)
        })
        .take(LOOKED_AT)
        .collect();
    files.sort_by(|a, b| album::natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

/// Which half of a set a file, folder or array of this name holds, where the name says so.
pub(super) fn half_named(name: &str) -> Option<Part> {
    let name = name.to_lowercase();
    let words = name.split(|c: char| !c.is_alphanumeric());
    words.into_iter().find_map(|word| match word {
        "test" | "testing" | "t10k" | "val" | "valid" | "validation" | "eval" => Some(Part::Test),
        "train" | "training" => Some(Part::Train),
        _ => None,
    })
}

/// The files of a set, training files first.
pub(super) struct Halves<T> {
    /// Each file, the half that it is where both are there, and whether it is wanted.
    pub(super) files: Vec<(T, Option<Part>, bool)>,
    /// What is still to be picked among the items of the wanted files.
    pub(super) pick: Pick,
}

/// Sorts the files of a set into halves, and finds the wanted ones.
pub(super) fn halves<T>(files: Vec<T>, path: impl Fn(&T) -> &PathBuf, wanted: Wanted) -> Halves<T> {
    let is_test = |file: &T| {
        let name = path(file).file_name().unwrap_or_default();
        half_named(&name.to_string_lossy()) == Some(Part::Test)
    };
    let (test, train): (Vec<T>, Vec<T>) = files.into_iter().partition(is_test);
    let mut pick = wanted.pick();
    let are_halves = !test.is_empty() && !train.is_empty();
    let part = if are_halves { pick.part.take() } else { None };
    let of = |half: Part| are_halves.then_some(half);
    let is_wanted = |half: Part| part.is_none_or(|part| part == half);
    let train = train
        .into_iter()
        .map(|file| (file, of(Part::Train), is_wanted(Part::Train)));
    let test = test
        .into_iter()
        .map(|file| (file, of(Part::Test), is_wanted(Part::Test)));
    Halves {
        files: train.chain(test).collect(),
        pick,
    }
}
