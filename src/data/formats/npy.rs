//! `NumPy` arrays: one in an `.npy` file, or several in the zip that `.npz` is.
//! Described at <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//!
//! Invariant: the header is read by plain text search, so that nothing in it can nest, overflow or run.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::arrays::{self, Array, NumberKind, NumberType, Open};
use super::layout::{Layout, Style};
use super::stream::{Stream, cut_off, fail};
use super::{Loaded, Wanted};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The longest header that is read; `NumPy`'s own take about a hundred bytes.
const MAX_HEADER: u64 = 1 << 16;

/// Arrays of one file that are looked at.
const MAX_ARRAYS: usize = 4096;

/// Reads the pictures in one array.
pub(super) fn load_npy(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    let open = || Stream::open(path, &Progress::silent());
    if let Some(loaded) = map_npy(path, wanted, progress)? {
        return Ok(loaded);
    }
    let header = Header::read(&mut open()?, path)?;
    let array = header.array(
        String::new(),
        Box::new(move |sink| {
            let mut stream = open()?;
            Header::read(&mut stream, path)?;
            sink(&mut stream)
        }),
    );
    arrays::load(path, &[array], Style::NumPy, wanted, progress)
}

/// The pictures in one large array of bytes that lie as a set's do, without reading them.
fn map_npy(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Option<Loaded>> {
    if Stream::open(path, &Progress::silent())?.is_gzip() {
        return Ok(None);
    }
    let mut file = File::open(path).map_err(|e| Error::io(path, &e))?;
    let header = Header::read(&mut file, path)?;
    let offset = file.stream_position().map_err(|e| Error::io(path, &e))?;
    let layout = Layout::of(&header.dims, header.is_fortran, Style::NumPy, wanted.size);
    let Some(layout) = layout.filter(|l| header.numbers.is_bytes() && l.is_interleaved()) else {
        return Ok(None);
    };
    let Some(loaded) = super::mapped(path, offset, layout.shape, layout.count, wanted)? else {
        return Ok(None);
    };
    let bytes = layout.count.saturating_mul(layout.shape.len() as u64);
    Ok(arrays::are_grey_levels(path, &mut file.take(bytes), progress)?.then_some(loaded))
}

/// Reads the pictures among the arrays of a zip.
pub(super) fn load_npz(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    let mut archive = open_zip(path)?;
    let mut found = Vec::new();
    let mut refused = None;
    for place in 0..archive.len().min(MAX_ARRAYS) {
        let Some(Ok(name)) = archive.name_for_index(place) else {
            continue;
        };
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else {
            continue;
        };
        let mut member = archive.by_index(place).map_err(|e| damaged_zip(path, &e))?;
        match Header::read(&mut member, path) {
            Ok(header) => {
                found
                    .push(header.array(name, Box::new(move |sink| read_member(path, place, sink))));
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match (
        arrays::load(path, &found, Style::NumPy, wanted, progress),
        refused,
    ) {
        (Err(_), Some(refused)) if found.is_empty() => Err(refused),
        (result, _) => result,
    }
}

fn open_zip(path: &Path) -> Result<ZipArchive<BufReader<File>>> {
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    ZipArchive::new(BufReader::new(file)).map_err(|e| damaged_zip(path, &e))
}

fn damaged_zip(path: &Path, error: &zip::result::ZipError) -> Error {
    Error::file(path, format!("is a damaged zip ({error})")).hint("fetch or copy the file again")
}

fn read_member(
    path: &Path,
    place: usize,
    sink: &mut dyn FnMut(&mut dyn Read) -> Result<()>,
) -> Result<()> {
    let mut archive = open_zip(path)?;
    let mut member = archive.by_index(place).map_err(|e| damaged_zip(path, &e))?;
    Header::read(&mut member, path)?;
    sink(&mut member)
}

/// What an array says about itself.
pub(super) struct Header {
    /// The type of its numbers.
    pub(super) numbers: NumberType,
    /// The lengths of its axes.
    pub(super) dims: Vec<u64>,
    /// Whether the first axis is the fastest.
    pub(super) is_fortran: bool,
}

impl Header {
    /// Reads the header and leaves `reader` at the first number.
    pub(super) fn read(reader: &mut impl Read, path: &Path) -> Result<Self> {
        let mut take = |count: u64| {
            let mut bytes = Vec::new();
            reader
                .take(count)
                .read_to_end(&mut bytes)
                .map_err(|e| fail(path, &e))?;
            if (bytes.len() as u64) < count {
                return Err(cut_off(path));
            }
            Ok(bytes)
        };
        let damaged = || {
            Error::file(path, "has a damaged NumPy header")
                .hint("save the array again with numpy.save")
        };
        let start = take(8)?;
        if !start.starts_with(b"\x93NUMPY") {
            return Err(damaged());
        }
        let len = match start[6] {
            1 => u64::from(u16::from_le_bytes(take(2)?.try_into().unwrap_or_default())),
            2 | 3 => u64::from(u32::from_le_bytes(take(4)?.try_into().unwrap_or_default())),
            version => {
                return Err(Error::file(
                    path,
                    format!("has NumPy format {version}, which is not known here"),
                ));
            }
        };
        if len > MAX_HEADER {
            return Err(damaged());
        }
        let text = String::from_utf8(take(len)?).map_err(|_| damaged())?;
        let value = |key: &str| {
            let (_, after) = text.split_once(&format!("'{key}'"))?;
            Some(after.trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = value("descr").ok_or_else(damaged)?;
        let dims = value("shape").and_then(parse_shape).ok_or_else(damaged)?;
        let is_fortran = value("fortran_order")
            .ok_or_else(damaged)?
            .starts_with("True");
        let code = descr
            .strip_prefix('\'')
            .and_then(|rest| rest.split_once('\''))
            .map(|(code, _)| code);
        let numbers = code.and_then(parse_type).ok_or_else(|| {
            let what = match code {
                Some(code) if code.contains('O') => "Python objects".to_owned(),
                Some(code) => format!("values of type {code}"),
                None => "records".to_owned(),
            };
            Error::file(path, format!("holds an array of {what}, not of numbers"))
                .hint("save the pictures as one array of uint8 or float32")
        })?;
        Ok(Self {
            numbers,
            dims,
            is_fortran,
        })
    }

    fn array(self, name: String, open: Box<Open<'_>>) -> Array<'_> {
        Array {
            name,
            numbers: self.numbers,
            dims: self.dims,
            is_fortran: self.is_fortran,
            open,
        }
    }
}

/// The lengths in a Python tuple such as `(60000, 28, 28)`.
fn parse_shape(text: &str) -> Option<Vec<u64>> {
    let (inner, _) = text.strip_prefix('(')?.split_once(')')?;
    let numbers = inner
        .split(',')
        .map(str::trim)
        .filter(|number| !number.is_empty());
    numbers
        .take(32)
        .map(|number| number.trim_end_matches('L').parse().ok())
        .collect()
}

/// The type that a code such as `<f4` names.
fn parse_type(code: &str) -> Option<NumberType> {
    let mut letters = code.chars();
    let is_big_endian = match letters.next()? {
        '<' | '|' => false,
        '>' => true,
        '=' => cfg!(target_endian = "big"),
        _ => return None,
    };
    let letter = letters.next()?;
    let bytes = letters.as_str().parse().ok()?;
    let (kind, sizes): (_, &[usize]) = match letter {
        'b' => (NumberKind::Unsigned, &[1]),
        'u' => (NumberKind::Unsigned, &[1, 2, 4, 8]),
        'i' => (NumberKind::Signed, &[1, 2, 4, 8]),
        'f' => (NumberKind::Float, &[2, 4, 8]),
        _ => return None,
    };
    sizes.contains(&bytes).then_some(NumberType {
        kind,
        bytes,
        is_big_endian,
    })
}
