//! Writing files so that a failure leaves what was there.
//!
//! Invariant: a path holds either its old content or the whole of the new one, never a part.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Bytes gathered before they go to the disk.
const BUFFER: usize = 1 << 18;

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
    let io = |e: std::io::Error| Error::io(path, &e);
    // What is no file, such as /dev/null, is written to and never replaced; a link goes on leading where it led.
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        let file = File::create(path).map_err(io)?;
        return filled(&file, path, fill);
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
    let file = builder.tempfile_in(folder_of(&target)).map_err(io)?;
    filled(file.as_file(), path, fill)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(&target)
        .map_err(|e| Error::io(path, &e.error))?;
    Ok(())
}

fn filled(file: &File, path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, file);
    fill(&mut out)?;
    out.flush().map_err(|e| Error::io(path, &e))
}

/// The folder in which the file at `path` lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_half_way_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.csv");
        write_atomically(&path, b"old").expect("written");
        let error = write_atomically_with(&path, |out| {
            out.write_all(&vec![b'x'; 3 * BUFFER])
                .map_err(|e| Error::io(&path, &e))?;
            Err(Error::cancelled())
        })
        .expect_err("stopped");
        assert!(error.is_cancelled());
        assert_eq!(std::fs::read(&path).expect("a file"), b"old");
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 1, "the unfinished file is gone");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_with_the_way_out() {
        let full = Path::new("/dev/full");
        for content in [&b"x"[..], &vec![b'x'; 3 * BUFFER]] {
            let text = write_atomically(full, content)
                .expect_err("the disk is full")
                .to_string();
            assert!(
                text.contains("/dev/full") && text.contains("free some space"),
                "{text}"
            );
        }
    }
}
