//! Pictures in a file that is too large to be read: it is mapped into memory, and the system fetches what is looked at.
//!
//! Invariants: the file was as long as it had to be when it was opened; however many pictures are looked at, what stays
//! resident is bounded.

#![expect(
    unsafe_code,
    reason = "a map of a file is as good as memory only while nobody else cuts or rewrites the file; see Mapped"
)]

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use memmap2::{Mmap, MmapOptions};

use crate::error::{Error, Result};
use crate::files::Digest;

/// Files of more bytes than this are mapped, smaller ones read: what is read can no longer change.
pub(super) const WORTH_MAPPING: u64 = 256 << 20;

/// Once so many bytes have been looked at, the pages fetched so far are given back.
const KEPT: usize = 32 << 20;

/// What one look counts for at least: the system maps the pages around the one that is missing.
const LEAST: usize = 16 << 10;

/// A part of a file, mapped read-only.
///
/// # Safety
/// Bytes of a map are shared with everyone who writes to the file. Three things can happen behind a reader's back:
/// - Another process overwrites bytes. Each is a plain `u8` that is valid whatever it is, every length and offset was
///   taken from the header when the file was opened and is never read from the map again, and no reader looks twice
///   and relies on seeing the same. A search may then see a picture that is half old and half new, nothing worse.
/// - The file is moved, removed or replaced by a new one of that name. The map keeps the old content alive.
/// - The file is cut short. A look beyond its end ends the process (`SIGBUS`). [`Self::bytes`] asks for the length first and
///   gives zeros once the file is shorter than it was, so that this needs a cut between question and look; what looks long, as
///   encoding does, takes copies by [`Self::read`]. [`Self::check`] makes an error of it, and is called before every batch that is encoded, measured or
///   trained on, before every search, and by the window now and then.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Mmap,
    file: File,
    path: PathBuf,
    /// Where in the file the map begins.
    offset: u64,
    /// Length and time of the last change when it was opened.
    state: (u64, Option<SystemTime>),
    /// Bytes looked at since pages were last given back.
    looked_at: AtomicUsize,
    /// What is seen in place of a file that was cut; memory that nobody writes to takes no room.
    nothing: OnceLock<Vec<u8>>,
}

impl Mapped {
    /// Maps `len` bytes from `offset` of the file at `path`.
    ///
    /// # Errors
    /// `is_file` when the file cannot be opened or mapped, or is shorter than that.
    pub(super) fn open(path: &Path, offset: u64, len: u64) -> Result<Self> {
        let io = |e: std::io::Error| Error::io(path, &e);
        let file = File::open(path).map_err(io)?;
        let state = state_of(&file).map_err(io)?;
        if offset.checked_add(len).is_none_or(|end| end > state.0) {
            return Err(
                Error::file(path, "is cut off: the file ends before its data do")
                    .hint("fetch or copy the file again"),
            );
        }
        let len = usize::try_from(len)
            .map_err(|_| Error::file(path, "is too large for this machine's addresses"))?;
        // SAFETY: read-only, within the file's length as checked above; what others may do to the file meanwhile and why
        // that is no harm is said at the type.
        let map = unsafe { MmapOptions::new().offset(offset).len(len).map(&file) }.map_err(io)?;
        Ok(Self {
            map,
            file,
            path: path.to_path_buf(),
            offset,
            state,
            looked_at: AtomicUsize::new(0),
            nothing: OnceLock::new(),
        })
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// The bytes at `range`; zeros where the file was cut since.
    ///
    /// # Panics
    /// When the range is not within the map.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        if self
            .file
            .metadata()
            .is_ok_and(|about| about.len() < self.state.0)
        {
            return &self.nothing.get_or_init(|| vec![0; self.map.len()])[range];
        }
        let count = range.len().max(LEAST);
        if self.looked_at.fetch_add(count, Ordering::Relaxed) + count > KEPT {
            self.give_back();
        }
        &self.map[range]
    }

    /// A copy of the bytes at `range`, read rather than mapped: a file that is cut meanwhile is an error.
    ///
    /// # Errors
    /// `is_file` when the file is shorter than it was, or cannot be read.
    pub(super) fn read(&self, range: Range<usize>) -> Result<Vec<u8>> {
        let mut bytes = vec![0; range.len()];
        let offset = self.offset + range.start as u64;
        read_at(&self.file, &mut bytes, offset).map_err(|e| Error::io(&self.path, &e))?;
        Ok(bytes)
    }

    /// Gives pages back to the system, which fetches them again when they are looked at.
    #[cold]
    fn give_back(&self) {
        self.looked_at.store(0, Ordering::Relaxed);
        #[cfg(unix)]
        {
            // SAFETY: the map is of a file and read-only, so pages that are dropped hold nothing that the file does not; who
            // reads one at this moment waits until it is back.
            let done = unsafe {
                self.map
                    .unchecked_advise(memmap2::UncheckedAdvice::DontNeed)
            };
            // It is advice: where it is not taken, pages stay until the system needs their room.
            drop(done);
        }
    }

    /// Whether there is no file any more where it was.
    pub(super) fn is_gone(&self) -> bool {
        !self.path.exists()
    }

    /// Mixes the file's length and the time of its last change, as they were when it was opened.
    pub(super) fn mix_state(&self, digest: &mut Digest) {
        digest.mix(self.state.0);
        let since = self
            .state
            .1
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        digest.mix(since.map_or(0, |since| since.as_nanos() as u64));
    }

    /// Whether the file is still as it was when it was opened.
    ///
    /// # Errors
    /// `is_file` when it was cut, continued or rewritten in place.
    pub(super) fn check(&self) -> Result<()> {
        let now = match File::open(&self.path).and_then(|file| state_of(&file)) {
            Ok(now) => now,
            // What was removed is still mapped, as it was or as it was made before.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                state_of(&self.file).map_err(|e| Error::io(&self.path, &e))?
            }
            Err(error) => return Err(Error::io(&self.path, &error)),
        };
        if now == self.state {
            return Ok(());
        }
        Err(Error::file(&self.path, "has changed since it was opened").hint("open the data again"))
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    use std::io::{Read as _, Seek as _};
    // On systems that let nobody cut a file that is mapped, one reader at a time is all there is.
    file.seek(std::io::SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

fn state_of(file: &File) -> std::io::Result<(u64, Option<SystemTime>)> {
    let about = file.metadata()?;
    Ok((about.len(), about.modified().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_file_however_often_pages_are_given_back() -> Result<()> {
        let file = tempfile::NamedTempFile::new().map_err(|e| Error::usage(e.to_string()))?;
        let content: Vec<u8> = (0..3_000_000_u32)
            .map(|i| ((i * 7919) >> 5) as u8)
            .collect();
        std::fs::write(file.path(), &content).map_err(|e| Error::io(file.path(), &e))?;
        let mapped = Mapped::open(file.path(), 5, 2_999_990)?;
        for sweep in 0..200 {
            for at in (0..2_990_000).step_by(65_521) {
                assert_eq!(
                    mapped.bytes(at..at + 3000),
                    &content[at + 5..at + 3005],
                    "sweep {sweep}"
                );
            }
        }
        assert!(Mapped::open(file.path(), 5, 2_999_996).is_err());
        assert!(Mapped::open(file.path(), u64::MAX, 2).is_err());
        Ok(())
    }

    #[test]
    fn a_file_that_was_cut_is_told_before_it_is_looked_at() -> Result<()> {
        let file = tempfile::NamedTempFile::new().map_err(|e| Error::usage(e.to_string()))?;
        let io = |e: std::io::Error| Error::io(file.path(), &e);
        std::fs::write(file.path(), vec![1; 100_000]).map_err(io)?;
        let mapped = Mapped::open(file.path(), 0, 100_000)?;
        mapped.check()?;
        file.as_file().set_len(10).map_err(io)?;
        let said = mapped.check().map_err(|e| e.to_string());
        assert!(said.is_err_and(|e| e.contains("has changed")));
        assert_eq!(mapped.bytes(99_990..100_000), [0; 10], "nothing is there");
        Ok(())
    }

    #[test]
    fn a_file_that_was_removed_stays_readable() -> Result<()> {
        let file = tempfile::NamedTempFile::new().map_err(|e| Error::usage(e.to_string()))?;
        std::fs::write(file.path(), vec![7; 100_000]).map_err(|e| Error::io(file.path(), &e))?;
        let mapped = Mapped::open(file.path(), 0, 100_000)?;
        drop(file);
        mapped.check()?;
        assert_eq!(mapped.bytes(99_990..100_000), [7; 10]);
        Ok(())
    }
}
