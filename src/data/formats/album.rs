//! Collections of files: a folder with its sub-folders, a zip, a tar.
//!
//! Invariant: members are numbered by the natural order of their names, whatever order they are stored in; nothing is
//! ever written to disk.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::stream::{Stream, fail};
use super::tar;
use crate::data::{Skipped, metadata};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The most bytes that one picture file may have.
const MEMBER_BYTES: u64 = 256 << 20;

/// The most bytes that all members together may unpack to.
const TOTAL_BYTES: u64 = 64 << 30;

/// Folders within folders that are followed.
const DEPTH: usize = 64;

/// The bytes of one file, or why they cannot be had.
pub(super) type Bytes = Result<Vec<u8>, String>;

/// A collection of files, listed but not yet read.
pub(super) struct Album {
    path: PathBuf,
    store: Store,
    names: Vec<String>,
    skipped: Vec<Skipped>,
}

enum Store {
    /// The paths of the files.
    Folder(Vec<PathBuf>),
    /// The archive and the places of the files in it.
    Zip(Box<ZipArchive<BufReader<File>>>, Vec<usize>),
    /// The number of each member, by its place in the archive.
    Tar(Vec<Option<usize>>),
}

impl Album {
    /// Just the file at `path`.
    pub(super) fn single(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            names: vec![
                path.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
            ],
            store: Store::Folder(vec![path.to_path_buf()]),
            skipped: Vec::new(),
        }
    }

    /// All files in the folder at `root` and below it, without its metadata.
    pub(super) fn folder(root: &Path, progress: &Progress) -> Result<Self> {
        let mut walk = Walk::default();
        walk.enter(root, DEPTH, progress)?;
        let named = walk.files.into_iter().map(|path| {
            let inner = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = inner.iter().map(|part| part.to_string_lossy()).collect();
            (parts.join("/"), path)
        });
        let named = named.filter(|(name, _)| !metadata::is_metadata(name));
        let (names, paths) = in_order(named);
        Ok(Self {
            path: root.to_path_buf(),
            store: Store::Folder(paths),
            names,
            skipped: walk.skipped,
        })
    }

    /// All files in the zip at `path`.
    pub(super) fn zip(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, &e))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| {
            Error::file(path, format!("is a damaged zip ({e})"))
                .hint("fetch or copy the file again")
        })?;
        let mut skipped = Vec::new();
        let mut named = Vec::new();
        for place in 0..archive.len() {
            let Some(Ok(name)) = archive.name_for_index(place) else {
                continue;
            };
            if name.ends_with('/') || is_clutter(&name) {
                continue;
            }
            if is_inside(&name) {
                named.push((name.into_owned(), place));
            } else {
                skipped.push(leads_out(&name));
            }
        }
        let (names, places) = in_order(named);
        Ok(Self {
            path: path.to_path_buf(),
            store: Store::Zip(Box::new(archive), places),
            names,
            skipped,
        })
    }

    /// All files in the tar at `path`, which may be gzip.
    pub(super) fn tar(path: &Path, progress: &Progress) -> Result<Self> {
        let mut skipped = Vec::new();
        let mut named = Vec::new();
        let mut count = 0;
        tar::for_each_file(Stream::open(path, progress)?, path, |name, _| {
            if is_inside(name) && !is_clutter(name) {
                named.push((name.to_owned(), count));
            } else if !is_inside(name) {
                skipped.push(leads_out(name));
            }
            count += 1;
            Ok(true)
        })?;
        let (names, places) = in_order(named);
        let mut numbers = vec![None; count];
        for (number, place) in places.into_iter().enumerate() {
            numbers[place] = Some(number);
        }
        Ok(Self {
            path: path.to_path_buf(),
            store: Store::Tar(numbers),
            names,
            skipped,
        })
    }

    /// The members' names, folders apart by `/`, in natural order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where member `id` is: its path, or its name in the archive.
    pub(super) fn location(&self, id: usize) -> PathBuf {
        match &self.store {
            Store::Folder(paths) => paths[id].clone(),
            Store::Zip(..) | Store::Tar(_) => PathBuf::from(&self.names[id]),
        }
    }

    /// What was left out when the album was listed.
    pub(super) fn take_skipped(&mut self) -> Vec<Skipped> {
        std::mem::take(&mut self.skipped)
    }

    /// Hands over the bytes of the members `wanted` (ascending numbers), in the order in which they are stored.
    pub(super) fn visit(
        &mut self,
        wanted: &[usize],
        mut each: impl FnMut(usize, Bytes) -> Result<()>,
    ) -> Result<()> {
        let path = &self.path;
        let mut budget = Budget(TOTAL_BYTES);
        match &mut self.store {
            Store::Folder(paths) => {
                for &number in wanted {
                    let read = read_file(&paths[number]);
                    each(number, budget.spend(path, read)?)?;
                }
            }
            Store::Zip(archive, places) => {
                for &number in wanted {
                    let read = match archive.by_index(places[number]) {
                        Ok(mut member) => {
                            let declared = member.size();
                            read_picture_bytes(&mut member, declared)
                                .unwrap_or_else(|e| Err(format!("is damaged ({e})")))
                        }
                        Err(error) => Err(format!("cannot be unpacked ({error})")),
                    };
                    each(number, budget.spend(path, read)?)?;
                }
            }
            Store::Tar(numbers) => {
                let mut place = 0;
                let mut left = wanted.len();
                tar::for_each_file(
                    Stream::open(path, &Progress::silent())?,
                    path,
                    |_, member| {
                        let number = numbers.get(place).copied().flatten();
                        place += 1;
                        if let Some(number) = number.filter(|n| wanted.binary_search(n).is_ok()) {
                            let declared = member.limit();
                            let read =
                                read_picture_bytes(member, declared).map_err(|e| fail(path, &e))?;
                            each(number, budget.spend(path, read)?)?;
                            left -= 1;
                        }
                        Ok(left > 0)
                    },
                )?;
            }
        }
        Ok(())
    }
}

/// How many bytes may still be unpacked.
struct Budget(u64);

impl Budget {
    fn spend(&mut self, path: &Path, bytes: Bytes) -> Result<Bytes> {
        let len = bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        self.0 = self.0.checked_sub(len).ok_or_else(|| {
            Error::file(
                path,
                format!("unpacks to more than {} GiB", TOTAL_BYTES >> 30),
            )
            .hint("unpack it and open a part of it, or add a count, such as :10000")
        })?;
        Ok(bytes)
    }
}

fn read_file(path: &Path) -> Bytes {
    let read = || {
        let mut file = File::open(path)?;
        let declared = file.metadata()?.len();
        read_picture_bytes(&mut file, declared)
    };
    read().unwrap_or_else(|e: io::Error| Err(e.to_string()))
}

/// Reads a member that claims `declared` bytes, when it begins like a picture and stays within the limit.
fn read_picture_bytes(member: &mut impl Read, declared: u64) -> io::Result<Bytes> {
    let too_large = || {
        format!(
            "is larger than the {} MiB that one picture may have",
            MEMBER_BYTES >> 20
        )
    };
    if declared > MEMBER_BYTES {
        return Ok(Err(too_large()));
    }
    let mut bytes = Vec::new();
    member.take(64).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(Err("is empty".into()));
    }
    if !image::guess_format(&bytes).is_ok_and(|format| format.reading_enabled()) {
        return Ok(Err("is not a picture in a format that is known here".into()));
    }
    member.take(MEMBER_BYTES).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MEMBER_BYTES {
        return Ok(Err(too_large()));
    }
    Ok(Ok(bytes))
}

#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    skipped: Vec<Skipped>,
    entered: HashSet<PathBuf>,
}

impl Walk {
    fn enter(&mut self, folder: &Path, depth: usize, progress: &Progress) -> Result<()> {
        progress.update(0, 1)?;
        // A link back to a folder above would otherwise be followed for ever.
        let is_new = fs::canonicalize(folder).is_ok_and(|real| self.entered.insert(real));
        if !is_new || depth == 0 {
            return Ok(());
        }
        let entries = fs::read_dir(folder).map_err(|e| Error::io(folder, &e))?;
        for entry in entries {
            let path = entry.map_err(|e| Error::io(folder, &e))?.path();
            if is_clutter(&path.file_name().unwrap_or_default().to_string_lossy()) {
                continue;
            }
            if path.is_dir() {
                match self.enter(&path, depth - 1, progress) {
                    Err(error) if error.is_cancelled() => return Err(error),
                    Err(error) => self.skipped.push(Skipped {
                        file: path,
                        reason: error.to_string(),
                    }),
                    Ok(()) => {}
                }
            } else {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

/// Names in natural order, and what goes with each.
fn in_order<T>(named: impl IntoIterator<Item = (String, T)>) -> (Vec<String>, Vec<T>) {
    let mut named: Vec<(String, T)> = named.into_iter().collect();
    named.sort_by(|(a, _), (b, _)| natural_order(a, b));
    named.into_iter().unzip()
}

/// What file managers and archivers leave behind.
fn is_clutter(name: &str) -> bool {
    let mut parts = name.split('/');
    parts.any(|part| part.starts_with('.') && part != ".." && part != "." || part == "__MACOSX")
        || ["Thumbs.db", "desktop.ini"]
            .iter()
            .any(|clutter| name.ends_with(clutter))
}

/// Whether an archive member's name stays within the archive.
fn is_inside(name: &str) -> bool {
    let is_absolute = name.starts_with(['/', '\\']) || name.as_bytes().get(1) == Some(&b':');
    !is_absolute && !name.split(['/', '\\']).any(|part| part == "..")
}

fn leads_out(name: &str) -> Skipped {
    Skipped {
        file: PathBuf::from(name),
        reason: "its name leads out of the archive".into(),
    }
}

/// Compares names as people do: `2.png` before `10.png`.
pub(in crate::data) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (left.first(), right.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (split_number(&mut left), split_number(&mut right));
            let order = m.len().cmp(&n.len()).then_with(|| m.cmp(n));
            if order.is_ne() {
                return order;
            }
        } else {
            // A folder's own files come before its namesakes' with more letters.
            let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
            if rank(x) != rank(y) {
                return rank(x).cmp(&rank(y));
            }
            (left, right) = (&left[1..], &right[1..]);
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Takes the digits at the beginning of `text`; returns them without leading zeros.
fn split_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    let zeros = number
        .iter()
        .position(|&b| b != b'0')
        .unwrap_or(number.len());
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_do() {
        let mut names = [
            "b/1", "a10.png", "a2.png", "a02.png", "a/z", "a.png", "a2/1", "B",
        ];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            [
                "B", "a/z", "a.png", "a2/1", "a02.png", "a2.png", "a10.png", "b/1"
            ]
        );
    }

    #[test]
    fn names_that_lead_out_are_seen() {
        for name in [
            "../a.png",
            "/etc/a.png",
            "a/../../b.png",
            "C:\\a.png",
            "a\\..\\b.png",
        ] {
            assert!(!is_inside(name), "{name}");
        }
        assert!(is_inside("a/b..c.png"));
    }
}
