//! Writing files so that a failure leaves what was there, and telling whether a file is still the same.
//!
//! Invariant: a path holds either its old content or the whole of the new one, never a part.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, Result};

/// Bytes gathered before they go to the disk.
const BUFFER: usize = 1 << 18;

/// Bytes of a file that are held while it is digested.
const DIGESTED: usize = 1 << 20;

/// A file that is written beside its path and moved there at the end; dropped before, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Replacement {
    path: PathBuf,
    file: File,
    /// The file beside and where it goes; none for what is no file, such as /dev/null, which is written to and never
    /// replaced.
    move_to: Option<(TempPath, PathBuf)>,
}

impl Replacement {
    /// Begins the file that will be at `path`. A link goes on leading where it led.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let io = |e: std::io::Error| Error::io(path, &e);
        if std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
            return Ok(Self {
                path: path.to_path_buf(),
                file: File::create(path).map_err(io)?,
                move_to: None,
            });
        }
        let target = match std::fs::symlink_metadata(path) {
            Ok(m) if m.is_symlink() => std::fs::canonicalize(path).map_err(io)?,
            _ => path.to_path_buf(),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".morphospace-");
        // Readable as any saved file is; a temporary one would be its owner's alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let (file, beside) = builder
            .tempfile_in(folder_of(&target))
            .map_err(io)?
            .into_parts();
        Ok(Self {
            path: path.to_path_buf(),
            file,
            move_to: Some((beside, target)),
        })
    }

    /// Another handle for writing to the file, at the same position.
    ///
    /// # Errors
    /// When the system gives no more handles.
    pub(crate) fn writer(&self) -> Result<File> {
        self.file.try_clone().map_err(|e| Error::io(&self.path, &e))
    }

    /// Flushes the file to the disk and moves it to its path; returns its size in bytes.
    ///
    /// # Errors
    /// When that fails; what was at the path stays.
    pub(crate) fn finish(self) -> Result<u64> {
        let io = |e: std::io::Error| Error::io(&self.path, &e);
        let bytes = self.file.metadata().map_err(io)?.len();
        if let Some((beside, target)) = self.move_to {
            self.file.sync_all().map_err(io)?;
            beside
                .persist(&target)
                .map_err(|e| Error::io(&self.path, &e.error))?;
        }
        Ok(bytes)
    }
}

/// Writes `content` beside `path`, flushes it to the disk and moves it there.
///
/// # Errors
/// When any of that fails; what was at `path` stays.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    write_atomically_with(path, |out| {
        out.write_all(content).map_err(|e| Error::io(path, &e))
    })
}

/// Writes what `fill` hands over beside `path`, flushes it to the disk and moves it there: for content too long to be
/// held.
///
/// # Errors
/// When `fill` fails or the file cannot be written; what was at `path` stays.
pub(crate) fn write_atomically_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let replacement = Replacement::at(path)?;
    let mut out = BufWriter::with_capacity(BUFFER, replacement.writer()?);
    fill(&mut out)?;
    out.flush().map_err(|e| Error::io(path, &e))?;
    replacement.finish().map(drop)
}

/// Whether the safetensors file at `path` has a metadata entry `key`; only its head is read. Anything else has none.
pub(crate) fn has_entry(path: &Path, key: &str) -> bool {
    /// No head of ours is as long.
    const MOST: u64 = 1 << 22;
    let head = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let mut head = Vec::new();
        let length = u64::from_le_bytes(length).min(MOST);
        file.take(length).read_to_end(&mut head)?;
        Ok(head)
    };
    let Ok(head) = head() else { return false };
    let json: Option<serde_json::Value> = serde_json::from_slice(&head).ok();
    json.is_some_and(|json| !json["__metadata__"][key].is_null())
}

/// The folder in which the file at `path` lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Tells contents apart that differ by chance: 64-bit FNV-1a over 8-byte words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Takes in one word more.
    #[inline]
    pub(crate) fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x0100_0000_01b3)
            .rotate_left(23);
    }

    /// Takes in bytes: whole words, and each byte of the rest as one.
    pub(crate) fn mix_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.mix(u64::from_le_bytes(word));
        }
        for &byte in rest {
            self.mix(u64::from(byte));
        }
    }

    /// The digest of what was taken in.
    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

/// Bytes of a file, and their digest.
///
/// # Errors
/// `is_file` when it cannot be read.
pub(crate) fn digest_of_file(path: &Path) -> Result<(u64, u64)> {
    let io = |e: std::io::Error| Error::io(path, &e);
    let mut file = File::open(path).map_err(io)?;
    let mut digest = Digest::default();
    let mut chunk = Vec::with_capacity(DIGESTED);
    let mut length = 0;
    loop {
        chunk.clear();
        Read::by_ref(&mut file)
            .take(DIGESTED as u64)
            .read_to_end(&mut chunk)
            .map_err(io)?;
        if chunk.is_empty() {
            return Ok((length, digest.value()));
        }
        length += chunk.len() as u64;
        digest.mix_bytes(&chunk);
    }
}
