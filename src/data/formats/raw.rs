//! Bytes without a header, pictures of a given shape one after the other.
//!
//! Invariant: the bytes are a whole number of pictures.

use std::path::Path;

use super::stream::{MAX_BYTES, Stream};
use super::{Loaded, Places, Wanted};
use crate::data::ImageShape;
use crate::data::Size;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Reads pictures of `size`, grey unless it says otherwise.
pub(super) fn load(path: &Path, size: Size, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    let pick = wanted.pick();
    let shape = ImageShape::new(size.height, size.width, size.channels.unwrap_or(1));
    let mut stream = Stream::open(path, progress)?;
    let (whole, spare) = {
        let (bytes, each) = (stream.expected_len(), shape.len() as u64);
        (bytes / each, bytes % each)
    };
    if !stream.is_gzip()
        && spare == 0
        && let Some(loaded) = super::mapped(path, 0, shape, whole, wanted)?
    {
        return Ok(loaded);
    }
    let most = MAX_BYTES / shape.len() as u64;
    let n = if stream.is_gzip() {
        most
    } else {
        stream.expected_len().div_ceil(shape.len() as u64)
    };
    let mut pixels = Vec::new();
    let extent = stream.append_items(shape.len(), n, pick, &mut pixels)?;
    if extent.spare > 0 {
        return Err(Error::file(
            path,
            format!(
                "is not a whole number of {shape} pictures: {} bytes are left over",
                extent.spare
            ),
        )
        .hint("check the shape behind the path, HxW or HxWxC"));
    }
    if stream.is_gzip() && pick.count.is_none() && stream.has_more()? {
        return Err(
            Error::file(path, "unpacks to more than the 16 GiB that a set may hold")
                .hint("add a count, such as :10000"),
        );
    }
    let mut places = Places::default();
    places.keep(stream.expected_len() / shape.len() as u64, pick, None);
    Ok(Loaded {
        places,
        ..Loaded::new(shape, pixels)
    })
}

/// The error of bytes that nothing is known about.
pub(super) fn unknown(path: &Path, reason: &str) -> Error {
    let formats = "open IDX, CIFAR, NPY, NPZ, MATLAB 5, zip, tar or pictures";
    let hint = match shape_in_name(path) {
        Some(shape) => format!(
            "for raw bytes add the shape of a picture, probably {}:{shape}",
            path.display()
        ),
        None => format!(
            "{formats}; for raw bytes add the shape of a picture, such as {}:28x28",
            path.display()
        ),
    };
    Error::file(path, reason).hint(hint)
}

/// The shape that a name such as `faces_1965x28x20.bin` tells.
fn shape_in_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| {
        let numbers: Vec<&str> = word.split('x').collect();
        let is_shape = numbers
            .iter()
            .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        match numbers[..] {
            [height, width] | [_, height, width] if is_shape => Some(format!("{height}x{width}")),
            _ => None,
        }
    })
}
