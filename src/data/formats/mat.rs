//! MATLAB level 5 files, plain or compressed: their numeric arrays.
//! Described in *MAT-File Format*, The `MathWorks`, chapter 1.
//!
//! Invariant: only headers are read to find the arrays; names and dimensions are bounded before they are read.

use std::io::{self, Read};
use std::path::Path;

use flate2::read::ZlibDecoder;

use super::arrays::{self, Array, NumberKind, NumberType};
use super::layout::Style;
use super::stream::{Stream, cut_off, fail};
use super::{Loaded, Wanted};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The type of an element that holds others, compressed.
const COMPRESSED: u32 = 15;

/// The type of an element that holds a matrix.
const MATRIX: u32 = 14;

/// Bytes of a name or of the list of dimensions at most.
const MAX_FIELD: u64 = 1 << 12;

/// Arrays of one file that are looked at.
const MAX_ARRAYS: usize = 4096;

/// Reads the pictures in the file's matrix of images.
pub(super) fn load(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    let mut found: Vec<(usize, Matrix)> = Vec::new();
    for_each_matrix(path, |place, matrix, _| {
        found.push((place, matrix));
        Ok(found.len() < MAX_ARRAYS)
    })?;
    let arrays = found.into_iter().map(|(place, matrix)| Array {
        name: matrix.name,
        numbers: matrix.numbers,
        dims: matrix.dims,
        is_fortran: true,
        open: Box::new(move |sink| {
            for_each_matrix(path, |at, _, reader| {
                if at == place {
                    sink(reader)?;
                }
                Ok(at < place)
            })
        }),
    });
    let arrays: Vec<Array> = arrays.collect();
    arrays::load(path, &arrays, Style::Matlab, wanted, progress)
}

/// A numeric array's header.
struct Matrix {
    name: String,
    dims: Vec<u64>,
    numbers: NumberType,
}

/// Calls `each` with the place, the header and the numbers of every full real numeric array, until it returns false.
fn for_each_matrix(
    path: &Path,
    mut each: impl FnMut(usize, Matrix, &mut dyn Read) -> Result<bool>,
) -> Result<()> {
    let mut stream = Stream::open(path, &Progress::silent())?;
    let mut header = Vec::new();
    stream.append(128, &mut header)?;
    if header.len() < 128 {
        return Err(cut_off(path));
    }
    let format = Format {
        path,
        is_big_endian: header[126] == b'M',
    };
    for place in 0.. {
        if !stream.has_bytes()? {
            return Ok(());
        }
        let tag = format.tag(&mut stream)?;
        let mut element = stream.by_ref().take(tag.len);
        let goes_on = match tag.kind {
            COMPRESSED => {
                let mut inflated = ZlibDecoder::new(&mut element);
                let tag = format.tag(&mut inflated)?;
                let mut inner = inflated.take(tag.len);
                match format.matrix(tag.kind, &mut inner)? {
                    Some(matrix) => each(place, matrix, &mut inner)?,
                    None => true,
                }
            }
            kind => match format.matrix(kind, &mut element)? {
                Some(matrix) => each(place, matrix, &mut element)?,
                None => true,
            },
        };
        if !goes_on {
            return Ok(());
        }
        let left = element.limit();
        let skipped = io::copy(&mut element, &mut io::sink()).map_err(|e| fail(path, &e))?;
        if skipped < left {
            return Err(cut_off(path));
        }
    }
    Ok(())
}

/// What an element is and how many bytes it has; short ones are in the tag itself.
struct Tag {
    kind: u32,
    len: u64,
    inline: Option<[u8; 4]>,
}

struct Format<'a> {
    path: &'a Path,
    is_big_endian: bool,
}

impl Format<'_> {
    fn bytes<const N: usize>(&self, reader: &mut impl Read) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        reader
            .read_exact(&mut bytes)
            .map_err(|e| fail(self.path, &e))?;
        Ok(bytes)
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    fn tag(&self, reader: &mut impl Read) -> Result<Tag> {
        let kind = self.number(self.bytes(reader)?);
        let second = self.bytes(reader)?;
        if kind >> 16 != 0 {
            return Ok(Tag {
                kind: kind & 0xffff,
                len: u64::from(kind >> 16).min(4),
                inline: Some(second),
            });
        }
        Ok(Tag {
            kind,
            len: u64::from(self.number(second)),
            inline: None,
        })
    }

    /// The content of a small element and the padding behind it.
    fn field(&self, reader: &mut impl Read) -> Result<Vec<u8>> {
        let tag = self.tag(reader)?;
        if let Some(inline) = tag.inline {
            return Ok(inline[..tag.len as usize].to_vec());
        }
        if tag.len > MAX_FIELD {
            return Err(
                Error::file(self.path, "is a damaged MATLAB file").hint("save it again with -v7")
            );
        }
        let mut bytes = Vec::new();
        let padded = tag.len.next_multiple_of(8);
        reader
            .take(padded)
            .read_to_end(&mut bytes)
            .map_err(|e| fail(self.path, &e))?;
        if (bytes.len() as u64) < padded {
            return Err(cut_off(self.path));
        }
        bytes.truncate(tag.len as usize);
        Ok(bytes)
    }

    /// Reads the header of a matrix and leaves `reader` at its first number; `None` when it has no plain numbers.
    fn matrix(&self, kind: u32, reader: &mut impl Read) -> Result<Option<Matrix>> {
        if kind != MATRIX {
            return Ok(None);
        }
        let flags = self.field(reader)?;
        let Some(&flags) = flags.first_chunk() else {
            return Ok(None);
        };
        let flags = self.number(flags);
        let (class, is_complex) = (flags & 0xff, flags & 0x800 != 0);
        // 6 to 15 are the numeric classes; below are cells, structures, objects, text and sparse matrices.
        if !(6..=15).contains(&class) || is_complex {
            return Ok(None);
        }
        let dims = self.field(reader)?;
        let (dims, _) = dims.as_chunks();
        let dims = dims.iter().map(|&n| u64::from(self.number(n))).collect();
        let name = self.field(reader)?;
        let tag = self.tag(reader)?;
        // A handful of numbers within the tag is no matrix of pictures.
        let numbers = self.number_type(tag.kind).filter(|_| tag.inline.is_none());
        Ok(numbers.map(|numbers| Matrix {
            name: String::from_utf8_lossy(&name).into_owned(),
            dims,
            numbers,
        }))
    }

    fn number_type(&self, kind: u32) -> Option<NumberType> {
        let (kind, bytes) = match kind {
            1 => (NumberKind::Signed, 1),
            2 => (NumberKind::Unsigned, 1),
            3 => (NumberKind::Signed, 2),
            4 => (NumberKind::Unsigned, 2),
            5 => (NumberKind::Signed, 4),
            6 => (NumberKind::Unsigned, 4),
            7 => (NumberKind::Float, 4),
            9 => (NumberKind::Float, 8),
            12 => (NumberKind::Signed, 8),
            13 => (NumberKind::Unsigned, 8),
            _ => return None,
        };
        Some(NumberType {
            kind,
            bytes,
            is_big_endian: self.is_big_endian,
        })
    }
}
