//! Codes of many pictures on their way to the disk, block by block.
//!
//! Invariant: the file at `OUT` is whole or not there. Until it is, the codes lie in `OUT.part`, and `OUT.part.json` says how many of
//! them are on the disk and which model made them of which data: the same work goes on from there.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::files::{Digest, digest_of_file, write_atomically};

/// Pictures encoded between two notes of how far it is.
pub(crate) const BLOCK: usize = 4096;

/// What tells one model's weights from another's: the file's digest, or the name of a model that came with this version.
///
/// # Errors
/// `is_file` when it cannot be read.
pub(crate) fn digest_of_model(path: &Path) -> Result<String> {
    let digest = if path.is_file() {
        digest_of_file(path)?.1
    } else {
        let mut digest = Digest::default();
        digest.mix_bytes(path.as_os_str().as_encoded_bytes());
        digest.mix_bytes(env!("CARGO_PKG_VERSION").as_bytes());
        digest.value()
    };
    Ok(format!("{digest:016x}"))
}

/// What is being written, and how far it is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct About {
    model: String,
    data: String,
    n: usize,
    code: usize,
    posterior: Option<PathBuf>,
    /// Pictures whose codes are on the disk.
    done: usize,
}

impl About {
    /// Of the codes that the model of this digest makes of `dataset`, `code` numbers each; `posterior` is where the logarithms
    /// of their variances go.
    pub(crate) fn new(
        model: String,
        dataset: &Dataset,
        code: usize,
        posterior: Option<PathBuf>,
    ) -> Self {
        // The same from any folder.
        let posterior = posterior.map(|path| std::path::absolute(&path).unwrap_or(path));
        Self {
            model,
            data: format!("{:016x}", dataset.fingerprint()),
            n: dataset.len(),
            code,
            posterior,
            done: 0,
        }
    }

    /// What a note beside `out` says, where it is of the same work.
    fn noted(&self, note: &Path) -> Option<Self> {
        let text = std::fs::read(note).ok()?;
        let before: Self = serde_json::from_slice(&text).ok()?;
        let is_same = before.done <= self.n
            && Self {
                done: 0,
                ..before.clone()
            } == *self;
        is_same.then_some(before)
    }

    fn write(&self, note: &Path) -> Result<()> {
        let text = serde_json::to_vec(self)
            .map_err(|e| Error::file(note, format!("the note cannot be written: {e}")))?;
        write_atomically(note, &text)
    }
}

/// Codes on their way into files.
#[derive(Debug)]
pub(crate) struct CodesFile {
    about: About,
    /// Where it says how far it is; `None` for what is written straight through, such as a pipe.
    notes: Option<PathBuf>,
    means: Table,
    log_variances: Option<Table>,
}

impl CodesFile {
    /// Begins, or goes on where the same work was stopped.
    ///
    /// # Errors
    /// `is_file` when nothing can be written there.
    pub(crate) fn start(out: &Path, about: About) -> Result<Self> {
        let (n, code) = (about.n, about.code);
        let notes = beside(out, ".part.json");
        let before = about.noted(&notes);
        let done = before.map_or(0, |before| before.done);
        let is_file = |path: &Path| std::fs::metadata(path).map_or(true, |m| m.is_file());
        let can_go_on = is_file(out) && about.posterior.as_deref().is_none_or(is_file);
        let open = |path: &Path, done| Table::open(path, n, code, done);
        let both = |done| -> Result<(Table, Option<Table>)> {
            let log_variances = about.posterior.as_deref().map(|path| open(path, done));
            Ok((open(out, done)?, log_variances.transpose()?))
        };
        // Where less is on the disk than the note says, it begins anew.
        let (done, (means, log_variances)) = match both(done) {
            Ok(tables) => (done, tables),
            Err(_) if done > 0 => (0, both(0)?),
            Err(error) => return Err(error),
        };
        Ok(Self {
            about: About { done, ..about },
            notes: can_go_on.then_some(notes),
            means,
            log_variances,
        })
    }

    /// Items whose codes are there.
    pub(crate) fn done(&self) -> usize {
        self.about.done
    }

    /// The codes that were there at the start, and the logarithms of their variances.
    ///
    /// # Errors
    /// `is_file` when they cannot be read.
    pub(crate) fn read(&self) -> Result<(Vec<f32>, Vec<f32>)> {
        let About { n, code, done, .. } = self.about;
        let read = |table: &Table| match &table.move_to {
            Some((part, _)) => read_rows(part, n, code, done),
            None => Ok(Vec::new()),
        };
        let log_variances = self.log_variances.as_ref().map(read).transpose()?;
        Ok((read(&self.means)?, log_variances.unwrap_or_default()))
    }

    /// Writes the codes up to item `end`, and the note once they are on the disk.
    ///
    /// # Errors
    /// `is_file` when they cannot be written.
    pub(crate) fn append(
        &mut self,
        means: &[f32],
        log_variances: &[f32],
        end: usize,
    ) -> Result<()> {
        self.means.append(means)?;
        if let Some(table) = &mut self.log_variances {
            table.append(log_variances)?;
        }
        self.about.done = end;
        let Some(notes) = self.notes.as_deref().filter(|_| end < self.about.n) else {
            return Ok(());
        };
        self.means.flush()?;
        if let Some(table) = &self.log_variances {
            table.flush()?;
        }
        self.about.write(notes)
    }

    /// Takes away what was begun, where no note says how to go on from it.
    pub(crate) fn tidy(&self) {
        if self.notes.as_ref().is_some_and(|notes| !notes.exists()) {
            for table in std::iter::once(&self.means).chain(&self.log_variances) {
                let _ = std::fs::remove_file(beside(&table.path, ".part"));
            }
        }
    }

    /// Puts the whole files in their places.
    ///
    /// # Errors
    /// `is_file` when that fails.
    pub(crate) fn finish(self) -> Result<()> {
        if let Some(table) = self.log_variances {
            table.finish()?;
        }
        self.means.finish()?;
        if let Some(notes) = self.notes {
            let _ = std::fs::remove_file(notes);
        }
        Ok(())
    }

    /// The same, with a note for [`read_whole`].
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(crate) fn finish_noted(self) -> Result<()> {
        let (about, note) = (self.about.clone(), beside(&self.means.path, ".json"));
        self.finish()?;
        about.write(&note)
    }
}

/// The codes of a whole set with the logarithms of their variances, where they were written by [`finish_noted`] for the same work.
///
/// [`finish_noted`]: CodesFile::finish_noted
pub(crate) fn read_whole(out: &Path, about: &About) -> Option<(Vec<f32>, Vec<f32>)> {
    let whole = about.noted(&beside(out, ".json"))?;
    let read = |path: &Path| read_rows(path, about.n, about.code, about.n).ok();
    let log_variances = match &about.posterior {
        Some(path) => read(path)?,
        None => Vec::new(),
    };
    (whole.done == about.n).then_some((read(out)?, log_variances))
}

/// The first `done` rows of the table of `n` rows at `path`.
fn read_rows(path: &Path, n: usize, columns: usize, done: usize) -> Result<Vec<f32>> {
    let io = |e: std::io::Error| Error::io(path, &e);
    let header = npy_header(n, columns);
    let mut file = File::open(path).map_err(io)?;
    let mut found = vec![0; header.len()];
    file.read_exact(&mut found).map_err(io)?;
    if found != header {
        return Err(Error::file(path, "is not what its note says"));
    }
    let mut rows = Vec::with_capacity(done * columns);
    let mut bytes = Vec::new();
    for start in (0..done).step_by(BLOCK) {
        bytes.resize(BLOCK.min(done - start) * columns * size_of::<f32>(), 0);
        file.read_exact(&mut bytes).map_err(io)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        rows.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)));
    }
    if rows.iter().any(|x| !x.is_finite()) {
        return Err(Error::file(path, "holds numbers that are not finite"));
    }
    Ok(rows)
}

/// Rows of numbers on their way into an NPY file.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    file: File,
    /// The file that is written until all is there, and where it goes then.
    move_to: Option<(PathBuf, PathBuf)>,
}

impl Table {
    /// The table of `n` rows of `columns` numbers at `path`, of which `done` are written.
    fn open(path: &Path, n: usize, columns: usize, done: usize) -> Result<Self> {
        let io = |e: std::io::Error| Error::io(path, &e);
        let header = npy_header(n, columns);
        if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
            let mut file = File::create(path).map_err(io)?;
            file.write_all(&header).map_err(io)?;
            return Ok(Self {
                path: path.to_path_buf(),
                file,
                move_to: None,
            });
        }
        let target = match std::fs::symlink_metadata(path) {
            Ok(m) if m.is_symlink() => std::fs::canonicalize(path).map_err(io)?,
            _ => path.to_path_buf(),
        };
        let part = beside(&target, ".part");
        let io = |e: std::io::Error| Error::io(&part, &e);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(done == 0)
            .open(&part)
            .map_err(io)?;
        let end = (header.len() + done * columns * size_of::<f32>()) as u64;
        if done == 0 {
            file.write_all(&header).map_err(io)?;
        } else if file.metadata().map_err(io)?.len() < end {
            return Err(Error::file(&part, "is shorter than its note says"));
        } else {
            // A block that was cut off is written again.
            file.set_len(end).map_err(io)?;
        }
        file.seek(SeekFrom::Start(end)).map_err(io)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            move_to: Some((part, target)),
        })
    }

    fn append(&mut self, rows: &[f32]) -> Result<()> {
        let bytes: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.file
            .write_all(&bytes)
            .map_err(|e| Error::io(&self.path, &e))
    }

    fn flush(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| Error::io(&self.path, &e))
    }

    fn finish(self) -> Result<()> {
        let Some((part, target)) = &self.move_to else {
            return Ok(());
        };
        self.file
            .sync_all()
            .and_then(|()| std::fs::rename(part, target))
            .map_err(|e| Error::io(&self.path, &e))
    }
}

/// The file of that name with `ending` behind it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

/// The header of an NPY file of `[rows, columns]` numbers of 32 bits, which follow row by row.
fn npy_header(rows: usize, columns: usize) -> Vec<u8> {
    /// Numbers begin at a multiple of this.
    const ALIGNED: usize = 64;
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let used = 10 + text.len() + 1;
    text.extend(std::iter::repeat_n(
        ' ',
        used.next_multiple_of(ALIGNED) - used,
    ));
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(text.len() as u16).to_le_bytes());
    header.extend_from_slice(text.as_bytes());
    header
}
