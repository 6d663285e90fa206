//! Telling formats apart by their first bytes, their length and their structure.
//!
//! Invariant: sniffing reads at most 64 KiB, whatever the file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::cifar::Layout;
use super::stream::Stream;
use super::{cifar, idx, palette};
use crate::data::Size;
use crate::error::Result;
use crate::progress::Progress;

/// Bytes looked at.
const HEAD: usize = 1 << 16;

/// What a file is.
pub(super) enum Kind {
    /// IDX numbers (images or labels).
    Idx,
    /// CIFAR records.
    Cifar(Layout),
    /// One `NumPy` array.
    Npy,
    /// `NumPy` arrays in a zip.
    Npz,
    /// MATLAB level 5.
    Mat,
    /// A zip of pictures.
    Zip,
    /// A tar of pictures, gzip or not.
    Tar,
    /// One picture.
    Picture,
    /// Rows of numbers as text.
    Numbers,
    /// Bytes without a known structure, and what can be said about them.
    Unknown(&'static str),
    /// A known format that is not read: the reason and the way out.
    Refused(&'static str, &'static str),
}

/// Formats that are recognised but not read: first bytes, reason, way out.
const REFUSED: [(&[u8], &str, &str); 11] = [
    (
        b"\x89HDF",
        "is an HDF5 file (MATLAB 7.3 or Keras)",
        "save it with -v7 in MATLAB, or as .npz in Python",
    ),
    (
        b"7z\xbc\xaf",
        "is a 7z archive",
        "unpack it and open the folder",
    ),
    (b"Rar!", "is a RAR archive", "unpack it and open the folder"),
    (b"\xfd7zXZ", "is packed with xz", "unpack it first"),
    (b"BZh", "is packed with bzip2", "unpack it first"),
    (
        b"\x28\xb5\x2f\xfd",
        "is packed with Zstandard",
        "unpack it first",
    ),
    (
        b"PAR1",
        "is a Parquet table",
        "export its pictures to a folder",
    ),
    (
        b"\x80\x02",
        "is a Python pickle, which could run code",
        "take the binary version, or save the array as .npy",
    ),
    (
        b"\x80\x03",
        "is a Python pickle, which could run code",
        "take the binary version, or save the array as .npy",
    ),
    (
        b"\x80\x04",
        "is a Python pickle, which could run code",
        "take the binary version, or save the array as .npy",
    ),
    (
        b"\x80\x05",
        "is a Python pickle, which could run code",
        "take the binary version, or save the array as .npy",
    ),
];

/// Finds out what the file at `path` is. A `size` tells that bytes without a header are pictures of that shape.
pub(super) fn sniff(path: &Path, size: Option<Size>) -> Result<Kind> {
    let mut stream = Stream::open(path, &Progress::silent())?;
    let (is_gzip, len) = (stream.is_gzip(), stream.expected_len());
    let head = stream.peek(HEAD)?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(if is_gzip {
            Kind::Refused("is a zip within a gzip", "unpack the gzip first")
        } else if has_arrays(path) {
            Kind::Npz
        } else {
            Kind::Zip
        });
    }
    if head.starts_with(b"\x93NUMPY") {
        return Ok(Kind::Npy);
    }
    if head.len() >= 128 && head.starts_with(b"MATLAB 5.0 MAT-file")
        || head.len() >= 128 && is_level_5(head)
    {
        return Ok(Kind::Mat);
    }
    if idx::Header::parse(head).is_some() {
        return Ok(Kind::Idx);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Ok(Kind::Tar);
    }
    if let Some((_, reason, way_out)) = REFUSED.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Ok(Kind::Refused(reason, way_out));
    }
    if image::guess_format(head).is_ok_and(|format| format.reading_enabled()) {
        return Ok(if is_gzip {
            Kind::Refused("is a picture packed with gzip", "unpack it first")
        } else {
            Kind::Picture
        });
    }
    if palette::is_numbers(head) {
        return Ok(Kind::Numbers);
    }
    if size.is_none_or(|size| (size.height, size.width) == (32, 32)) {
        let exact_len = (!is_gzip).then_some(len);
        if let Some(layout) = cifar::Layout::find(head, exact_len, path) {
            return Ok(Kind::Cifar(layout));
        }
    }
    Ok(Kind::Unknown(if is_text(head) {
        "is text, but not rows of numbers"
    } else {
        "has no structure that is known here"
    }))
}

/// The version and endian marks that end the header of a MATLAB level 5 file.
fn is_level_5(head: &[u8]) -> bool {
    matches!(
        head[124..128],
        [0x00, 0x01, b'I', b'M'] | [0x01, 0x00, b'M', b'I']
    )
}

fn is_text(head: &[u8]) -> bool {
    let is_plain = |b: &u8| !b.is_ascii_control() || b.is_ascii_whitespace();
    head.iter().all(is_plain)
}

/// Whether a zip holds `NumPy` arrays at its top.
fn has_arrays(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let Ok(mut archive) = zip::ZipArchive::new(BufReader::new(file)) else {
        return false;
    };
    let first = (0..archive.len().min(64)).find(|&i| {
        let named = archive.name_for_index(i).and_then(Result::ok);
        named.is_some_and(|name| name.ends_with(".npy") && !name.contains('/'))
    });
    first.is_some_and(|i| {
        let mut magic = [0; 6];
        archive
            .by_index(i)
            .is_ok_and(|mut member| member.read_exact(&mut magic).is_ok())
            && &magic == b"\x93NUMPY"
    })
}
