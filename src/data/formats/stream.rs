//! Reading files that may be compressed, cut off or lying about their length.
//!
//! Invariant: no allocation follows a number that a file claims without evidence for it; what is read is bounded by
//! [`MAX_BYTES`].

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::Pick;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The most bytes of pixels that one set may hold.
pub(super) const MAX_BYTES: u64 = 16 << 30;

/// Deflate packs at most this many bytes into one.
const DEFLATE_RATIO: u64 = 1032;

/// A file read from its beginning, unpacked on the way when it is gzip.
pub(super) struct Stream {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    head: Vec<u8>,
    used: usize,
    is_gzip: bool,
    expected_len: u64,
}

impl Stream {
    /// Opens `path`; `progress` follows the share of the file that has been read and can stop the reading.
    pub(super) fn open(path: &Path, progress: &Progress) -> Result<Self> {
        let at = |e: io::Error| Error::io(path, &e);
        let mut file = File::open(path).map_err(at)?;
        let packed_len = file.metadata().map_err(at)?.len();
        let mut magic = Vec::new();
        file.by_ref().take(2).read_to_end(&mut magic).map_err(at)?;
        let is_gzip = magic == [0x1f, 0x8b];
        let mut expected_len = packed_len;
        if is_gzip && packed_len >= 18 {
            let mut tail = [0; 4];
            file.seek(SeekFrom::End(-4)).map_err(at)?;
            file.read_exact(&mut tail).map_err(at)?;
            expected_len =
                u64::from(u32::from_le_bytes(tail)).min(packed_len.saturating_mul(DEFLATE_RATIO));
        }
        file.rewind().map_err(at)?;
        let counted = Counted {
            file,
            done: 0,
            total: packed_len,
            progress: progress.clone(),
        };
        let buffered = BufReader::with_capacity(1 << 17, counted);
        let reader: Box<dyn Read + Send> = if is_gzip {
            Box::new(MultiGzDecoder::new(buffered))
        } else {
            Box::new(buffered)
        };
        Ok(Self {
            path: path.to_path_buf(),
            reader,
            head: Vec::new(),
            used: 0,
            is_gzip,
            expected_len,
        })
    }

    /// Whether the file is gzip.
    pub(super) fn is_gzip(&self) -> bool {
        self.is_gzip
    }

    /// The length that the file seems to have when unpacked; exact when it is not gzip.
    pub(super) fn expected_len(&self) -> u64 {
        self.expected_len
    }

    /// The first bytes, `count` of them or all there are, without using them up. Only before the first read.
    pub(super) fn peek(&mut self, count: usize) -> Result<&[u8]> {
        if self.head.len() < count {
            let missing = (count - self.head.len()) as u64;
            let Self { reader, head, .. } = self;
            reader
                .take(missing)
                .read_to_end(head)
                .map_err(|e| fail(&self.path, &e))?;
        }
        Ok(&self.head[..count.min(self.head.len())])
    }

    /// Appends `bytes` bytes to `out`, fewer only when the file ends.
    pub(super) fn append(&mut self, bytes: u64, out: &mut Vec<u8>) -> Result<()> {
        let evidence = usize::try_from(bytes.min(self.expected_len)).unwrap_or(usize::MAX);
        out.try_reserve_exact(evidence)
            .map_err(|_| Error::file(&self.path, "needs more memory than there is"))?;
        let read = self.by_ref().take(bytes).read_to_end(out);
        read.map_err(|e| fail(&self.path, &e))?;
        Ok(())
    }

    /// Whether more bytes follow, without using them up. Only between whole elements of a file.
    pub(super) fn has_bytes(&mut self) -> Result<bool> {
        if self.used == self.head.len() {
            (self.head, self.used) = (Vec::new(), 0);
            self.peek(1)?;
        }
        Ok(self.used < self.head.len())
    }

    /// Whether more bytes follow. At the end this lets gzip check its sum.
    pub(super) fn has_more(&mut self) -> Result<bool> {
        let read = self.read(&mut [0]);
        Ok(read.map_err(|e| fail(&self.path, &e))? > 0)
    }

    /// Appends the picked ones of `n` items of `item_len` bytes to `out`, up to the last that is picked.
    pub(super) fn append_items(
        &mut self,
        item_len: usize,
        n: u64,
        pick: Pick,
        out: &mut Vec<u8>,
    ) -> Result<Extent> {
        let wanted = pick.count.map_or(n, |count| n.min(count as u64));
        if pick.part.is_none() {
            let start = out.len();
            self.append(checked_total(&self.path, wanted, item_len)?, out)?;
            let spare = (out.len() - start) % item_len;
            out.truncate(out.len() - spare);
            let items = ((out.len() - start) / item_len) as u64;
            return Ok(Extent {
                items,
                spare,
                is_complete: items == wanted,
            });
        }
        let mut item = Vec::new();
        let mut kept = 0;
        for index in 0..n {
            if kept == wanted {
                break;
            }
            item.clear();
            self.append(item_len as u64, &mut item)?;
            if item.len() < item_len {
                return Ok(Extent {
                    items: index,
                    spare: item.len(),
                    is_complete: false,
                });
            }
            if pick.keeps(index) {
                kept += 1;
                checked_total(&self.path, kept, item_len)?;
                out.extend_from_slice(&item);
            }
        }
        Ok(Extent {
            items: n,
            spare: 0,
            is_complete: true,
        })
    }
}

/// How far a file reached when items were read from it.
pub(super) struct Extent {
    /// Whole items that were seen, picked or not.
    pub(super) items: u64,
    /// Bytes of a last item that is not whole.
    pub(super) spare: usize,
    /// Whether the file held all that was asked for.
    pub(super) is_complete: bool,
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used < self.head.len() {
            let count = (&self.head[self.used..]).read(out)?;
            self.used += count;
            return Ok(count);
        }
        self.reader.read(out)
    }
}

/// `n` items of `item_len` bytes, when that is not more than a set may hold.
pub(super) fn checked_total(path: &Path, n: u64, item_len: usize) -> Result<u64> {
    n.checked_mul(item_len as u64)
        .filter(|&bytes| bytes <= MAX_BYTES)
        .ok_or_else(|| {
            Error::file(path, format!("claims {n} pictures of {item_len} bytes, more than the 16 GiB that a set may hold"))
                .hint("add a count, such as :10000, to take the first ones only, or make sure that the file is what it should be")
        })
}

/// The error behind a failed read of `path`.
pub(super) fn fail(path: &Path, error: &io::Error) -> Error {
    if let Some(own) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    {
        return own.clone();
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => cut_off(path),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Error::file(path, format!("its compressed data are damaged ({error})"))
                .hint("fetch or copy the file again")
        }
        _ => Error::io(path, error),
    }
}

/// The error of a file that ends before its data do.
pub(super) fn cut_off(path: &Path) -> Error {
    Error::file(path, "is cut off: the file ends before its data do")
        .hint("fetch or copy the file again")
}

/// Counts what is read from a file.
struct Counted {
    file: File,
    done: u64,
    total: u64,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // An upper bound on one read keeps the progress moving where whole arrays are asked for at once.
        let bound = out.len().min(1 << 22);
        let count = self.file.read(&mut out[..bound])?;
        self.done += count as u64;
        self.progress
            .update(self.done as usize, self.total as usize)
            .map_err(io::Error::other)?;
        Ok(count)
    }
}
