//! `morphospace encode`: the codes of pictures, however many, written block by block.
//!
//! Invariant: the file at `--out` is whole or not there. Until it is, the codes lie in `OUT.part`, and `OUT.part.json` says how
//! many of them are on the disk and which model made them of which data: the same command goes on from there.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Common, output};
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::files::{Digest, digest_of_file, write_atomically};
use crate::model::AutoEncoder;
use crate::progress::Progress;

/// Pictures encoded between two notes of how far it is.
const BLOCK: usize = 4096;

/// Write the codes of pictures as NPY
#[derive(Debug, Args)]
pub(super) struct Encode {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Pictures to encode
    #[arg(long, value_name = "SRC")]
    data: DatasetSource,
    /// Where to write the posterior means, [n, code] f32; stopped and started again it goes on where it was
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to write the logarithms of the posteriors' variances, [n, code] f32
    #[arg(long, value_name = "FILE")]
    posterior: Option<PathBuf>,
}

impl Encode {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        output::check_writable(&self.out)?;
        if let Some(posterior) = &self.posterior {
            output::check_writable(posterior)?;
        }
        let dataset = common.load_data(&self.data)?;
        let (_, model) = common.load_model(&self.model)?;
        Common::check_shape(&model, &dataset)?;
        if self.posterior.is_some() && model.spec().is_binary() {
            return Err(
                Error::usage("binary codes have no posterior").hint("leave --posterior out")
            );
        }
        let about = About {
            model: digest_of_model(&self.model)?,
            data: format!("{:016x}", dataset.digest()),
            n: dataset.len(),
            code: model.code(),
            posterior: self.posterior.clone(),
            done: 0,
        };
        let (n, code) = (about.n, about.code);
        let mut writing = Writing::start(&self.out, about)?;
        let from = writing.about.done;
        if from > 0 && !common.quiet {
            eprintln!("Going on after {from} of {n} pictures");
        }
        let progress = common.progress(&format!("Encoding {}", dataset.name()));
        if let Err(error) = encode(&model, &dataset, &mut writing, &progress) {
            writing.tidy();
            return Err(error);
        }
        writing.finish()?;
        let out = self.out.display().to_string();
        output::print(
            common.json,
            &json!({ "n": n, "code": code, "out": out, "resumed_at": from }),
        );
        Ok(())
    }
}

fn encode(
    model: &AutoEncoder,
    dataset: &Dataset,
    writing: &mut Writing,
    progress: &Progress,
) -> Result<()> {
    let n = dataset.len();
    while writing.about.done < n {
        progress.update(writing.about.done, n)?;
        dataset.check_unchanged()?;
        let end = (writing.about.done + BLOCK).min(n);
        let items: Vec<&[u8]> = (writing.about.done..end)
            .map(|id| dataset.pixels(id))
            .collect();
        let posteriors = model.encode(&items, &Progress::silent())?;
        writing.append(&posteriors.mean, &posteriors.log_variance, end)?;
    }
    progress.update(n, n)
}

/// What tells one model's weights from another's: the file's digest, or the name of a model that came with this version.
fn digest_of_model(path: &Path) -> Result<String> {
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
struct About {
    model: String,
    data: String,
    n: usize,
    code: usize,
    posterior: Option<PathBuf>,
    /// Pictures whose codes are on the disk.
    done: usize,
}

/// Codes on their way into files.
struct Writing {
    about: About,
    /// Where it says how far it is; `None` for what is written straight through, such as a pipe.
    notes: Option<PathBuf>,
    means: Table,
    log_variances: Option<Table>,
}

impl Writing {
    /// Begins, or goes on where the same work was stopped.
    fn start(out: &Path, about: About) -> Result<Self> {
        let (n, code) = (about.n, about.code);
        let notes = beside(out, ".part.json");
        let before = std::fs::read(&notes)
            .ok()
            .and_then(|text| serde_json::from_slice::<About>(&text).ok())
            .filter(|before| {
                before.done <= n
                    && About {
                        done: 0,
                        ..before.clone()
                    } == about
            });
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

    /// Writes the codes up to item `end`, and the note once they are on the disk.
    fn append(&mut self, means: &[f32], log_variances: &[f32], end: usize) -> Result<()> {
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
        let text = serde_json::to_vec(&self.about)
            .map_err(|e| Error::file(notes, format!("the note cannot be written: {e}")))?;
        write_atomically(notes, &text)
    }

    /// Takes away what was begun, where no note says how to go on from it.
    fn tidy(&self) {
        if self.notes.as_ref().is_some_and(|notes| !notes.exists()) {
            for table in std::iter::once(&self.means).chain(&self.log_variances) {
                let _ = std::fs::remove_file(beside(&table.path, ".part"));
            }
        }
    }

    fn finish(self) -> Result<()> {
        if let Some(table) = self.log_variances {
            table.finish()?;
        }
        self.means.finish()?;
        if let Some(notes) = self.notes {
            let _ = std::fs::remove_file(notes);
        }
        Ok(())
    }
}

/// Rows of numbers on their way into an NPY file.
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
        let header = output::npy_header(n, columns);
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
