//! The members of a tar, one after the other (POSIX.1-2001 `pax`, `ustar` and GNU long names).
//!
//! Invariant: a name or a length that the archive claims is bounded before anything is allocated for it.

use std::io::{self, Read, Take};
use std::path::Path;

use super::stream::{Stream, cut_off, fail};
use crate::error::{Error, Result};

const BLOCK: usize = 512;

/// The most bytes that a member's name may take.
const NAME_BYTES: u64 = 1 << 16;

/// Calls `each` with the name and content of every plain file until it returns false.
pub(super) fn for_each_file(
    mut stream: Stream,
    path: &Path,
    mut each: impl FnMut(&str, &mut Take<&mut Stream>) -> Result<bool>,
) -> Result<()> {
    let mut long_name = None;
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        stream.append(BLOCK as u64, &mut block)?;
        if block.iter().all(|&b| b == 0) {
            return Ok(());
        }
        let block: &[u8; BLOCK] = block.as_slice().try_into().map_err(|_| cut_off(path))?;
        let damaged = || Error::file(path, "is a damaged tar").hint("fetch or copy the file again");
        let size = number(&block[124..136])
            .filter(|_| has_right_sum(block))
            .ok_or_else(damaged)?;
        let padded = size
            .checked_next_multiple_of(BLOCK as u64)
            .ok_or_else(damaged)?;
        let mut content = stream.by_ref().take(size);
        match block[156] {
            b'L' => long_name = Some(text(&read_name(&mut content, path)?)),
            b'x' => long_name = pax_path(&read_name(&mut content, path)?).or(long_name),
            b'0' | 0 | b'7' => {
                let name = long_name.take().unwrap_or_else(|| short_name(block));
                if !each(name.strip_prefix("./").unwrap_or(&name), &mut content)? {
                    return Ok(());
                }
            }
            b'g' => {}
            _ => long_name = None,
        }
        let rest = padded - size + content.limit();
        let skipped = io::copy(&mut stream.by_ref().take(rest), &mut io::sink())
            .map_err(|e| fail(path, &e))?;
        if skipped < rest {
            return Err(cut_off(path));
        }
    }
}

fn read_name(content: &mut impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut name = Vec::new();
    content
        .take(NAME_BYTES)
        .read_to_end(&mut name)
        .map_err(|e| fail(path, &e))?;
    Ok(name)
}

/// A number in octal text, or in base 256 where the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let bytes = field[1..]
            .iter()
            .try_fold(u64::from(field[0] & 0x7f), |n, &b| {
                n.checked_mul(256)?.checked_add(u64::from(b))
            });
        return bytes;
    }
    let digits = text(field);
    let digits = digits.trim();
    u64::from_str_radix(if digits.is_empty() { "0" } else { digits }, 8).ok()
}

/// Whether the header's own sum is right; the sum's field counts as blanks.
fn has_right_sum(block: &[u8; BLOCK]) -> bool {
    let bytes = block.iter().enumerate();
    let sum: u64 = bytes
        .map(|(i, &b)| {
            if (148..156).contains(&i) {
                32
            } else {
                u64::from(b)
            }
        })
        .sum();
    number(&block[148..156]) == Some(sum)
}

fn short_name(block: &[u8; BLOCK]) -> String {
    let name = text(&block[..100]);
    let prefix = text(&block[345..500]);
    let has_prefix = &block[257..263] == b"ustar\0" && !prefix.is_empty();
    if has_prefix {
        format!("{prefix}/{name}")
    } else {
        name
    }
}

/// The text before the first zero byte.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// The path among pax records, each of which is `length key=value` and a line feed.
fn pax_path(mut records: &[u8]) -> Option<String> {
    while !records.is_empty() {
        let blank = records.iter().position(|&b| b == b' ')?;
        let len: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
        let record = records.get(blank + 1..len.checked_sub(1)?)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(String::from_utf8_lossy(path).into_owned());
        }
        records = records.get(len..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_pax_records_are_read() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]), Some(256));
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(b"not octal"), None);
        assert_eq!(
            pax_path(b"11 mtime=1\n13 path=a/\xc3\xa9\n"),
            Some("a/é".into())
        );
        assert_eq!(pax_path(b"99 path=a\n"), None);
        assert_eq!(pax_path(b"0 path=a\n"), None);
    }
}
