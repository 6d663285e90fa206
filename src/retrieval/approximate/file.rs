//! An index on the disk, with its description beside it.
//!
//! Invariant: what is opened is whole and was built of the very rows that it is opened for.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::rows::Scale;
use super::{About, ApproximateIndex, Kind, Rows, empty};
use crate::error::{Error, Result};
use crate::files::{digest_of_file, folder_of, write_atomically};
use crate::retrieval::Space;

/// Version of the description beside an index.
pub(super) const VERSION: u64 = 1;

impl ApproximateIndex {
    /// The file of an index of the data at `data`: `NAME.SPACE.KIND.usearch` beside it.
    #[must_use]
    pub fn path_beside(data: &Path, space: Space, kind: Kind) -> PathBuf {
        let mut name = data.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{space}.{kind}.usearch"));
        data.with_file_name(name)
    }

    /// Writes the index to `path`, and what is known of it beside as `PATH.json`.
    ///
    /// # Errors
    /// `is_file` when that fails; an index that was there stays.
    pub fn save(&mut self, path: &Path) -> Result<()> {
        let io = |e: std::io::Error| Error::io(path, &e);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".morphospace-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let beside = builder.tempfile_in(folder_of(path)).map_err(io)?;
        self.index
            .save(in_words(beside.path())?)
            .map_err(|e| Error::file(path, format!("the index cannot be written: {e}")))?;
        let (bytes, digest) = digest_of_file(beside.path())?;
        beside.as_file().sync_all().map_err(io)?;
        beside.persist(path).map_err(|e| io(e.error))?;
        (self.about.bytes, self.about.file_digest) = (bytes, hex(digest));
        let json = serde_json::to_vec_pretty(&self.about)
            .map_err(|e| Error::file(path, format!("the index cannot be described: {e}")))?;
        // Last: a description that does not fit what it describes is refused.
        write_atomically(&description(path), &json)
    }

    /// Opens the index at `path`, mapped into memory, if it is one of `rows` in `space`.
    ///
    /// # Errors
    /// `is_file` when there is none, it is cut or damaged, or it was built of other rows; `is_newer_version`.
    pub fn open(path: &Path, space: Space, rows: Rows<'_>) -> Result<Self> {
        let beside = description(path);
        let text = std::fs::read_to_string(&beside).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::file(
                path,
                "lies without its description, so nobody knows what it indexes",
            )
            .hint("build the index again"),
            _ => Error::io(&beside, &e),
        })?;
        let damaged = |e: serde_json::Error| {
            Error::file(&beside, format!("is no description of an index: {e}"))
                .hint("build the index again")
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
        if value["version"].as_u64().is_some_and(|v| v > VERSION) {
            return Err(Error::newer_version(
                &beside,
                "describes an index that a later version built",
            ));
        }
        let about: About = serde_json::from_value(value).map_err(damaged)?;
        let other = |what: String| Error::file(path, what).hint("build the index again");
        if about.space != space {
            return Err(other(format!(
                "is an index of the space {}, not of {space}",
                about.space
            )));
        }
        if (about.n, about.dims) != (rows.len(), rows.dims()) {
            return Err(other(format!(
                "is an index of {} rows of {}, and there are {} of {}",
                about.n,
                about.dims,
                rows.len(),
                rows.dims()
            )));
        }
        if about.digest != hex(rows.digest()) {
            return Err(other(
                "was built of other rows: the data or the model changed since".into(),
            ));
        }
        // The library trusts what it maps, so every byte is looked at before.
        if digest_of_file(path)? != (about.bytes, unhex(&about.file_digest)) {
            return Err(other("is cut off or damaged".into()));
        }
        let scale_fits = |scale: &Scale| scale.centre.len() == about.dims;
        if (about.kind == Kind::I8) != about.scale.as_ref().is_some_and(scale_fits) {
            return Err(other("lacks the scale of its whole numbers".into()));
        }
        let index = empty(&about)?;
        index
            .view(in_words(path)?)
            .map_err(|e| other(format!("is not an index that can be opened: {e}")))?;
        if index.size() != about.n {
            return Err(other("does not hold what its description says".into()));
        }
        Ok(Self {
            index,
            mapped: Some((path.to_path_buf(), about.bytes)),
            about,
            searching: Mutex::new(()),
        })
    }

    /// Whether the file it is mapped from is as long as it was: a look beyond its end would end the process.
    ///
    /// # Errors
    /// `is_file` when it is shorter or gone.
    pub(super) fn check_file(&self) -> Result<()> {
        let Some((path, bytes)) = &self.mapped else {
            return Ok(());
        };
        match std::fs::metadata(path) {
            Ok(about) if about.len() >= *bytes => Ok(()),
            Ok(_) => Err(Error::file(path, "was cut while it was in use")
                .hint("search exactly, or build the index again")),
            // What was removed is still mapped.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::io(path, &e)),
        }
    }
}

/// The description beside an index.
fn description(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".json");
    name.into()
}

/// The library takes paths as text.
fn in_words(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::file(path, "has a name that is no text").hint("move the data to another folder")
    })
}

pub(super) fn hex(digest: u64) -> String {
    format!("{digest:016x}")
}

/// What [`hex`] wrote; anything else is no digest of anything.
fn unhex(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::Wanted;
    use super::super::fixtures::{built, table};
    use super::*;
    use crate::progress::Progress;
    use crate::space::CodeTable;

    #[test]
    fn a_saved_index_answers_as_before_and_for_its_own_rows_only() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::usage(e.to_string()))?;
        let silent = Progress::silent();
        let table = table(1000, 12)?;
        let rows = Rows::Vectors(&table);
        for kind in [Kind::F32, Kind::F16, Kind::I8] {
            let path = ApproximateIndex::path_beside(
                &folder.path().join("pictures.npy"),
                Space::Code,
                kind,
            );
            assert!(path.ends_with(format!("pictures.npy.code.{kind}.usearch")));
            let mut index = built(kind, &table)?;
            index.save(&path)?;
            let opened = ApproximateIndex::open(&path, Space::Code, rows)?;
            assert_eq!(opened.about(), index.about());
            let wanted = Wanted::Vectors(&table.codes()[..120]);
            let before = index.nearest(rows, wanted, 5, None, &silent)?;
            let after = opened.nearest(rows, wanted, 5, None, &silent)?;
            assert_eq!((before.ids, before.distances), (after.ids, after.distances));

            let mut other = table.codes().to_vec();
            other[77] += 1.0;
            let other = CodeTable::new(other, 12, vec![0.0; 12])?;
            let said = ApproximateIndex::open(&path, Space::Code, Rows::Vectors(&other));
            assert!(said.is_err_and(|e| e.is_file() && e.to_string().contains("other rows")));
            assert!(ApproximateIndex::open(&path, Space::CodeScaled, rows).is_err());
        }
        Ok(())
    }

    #[test]
    fn a_cut_a_damaged_and_a_newer_index_are_refused() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::usage(e.to_string()))?;
        let table = table(500, 8)?;
        let rows = Rows::Vectors(&table);
        let path = folder.path().join("x.usearch");
        let io = |e: std::io::Error| Error::usage(e.to_string());
        built(Kind::F32, &table)?.save(&path)?;
        let whole = std::fs::read(&path).map_err(io)?;
        let says = |what: &str| {
            let said = ApproximateIndex::open(&path, Space::Code, rows);
            assert!(
                said.is_err_and(|e| e.is_file() && e.to_string().contains(what)),
                "{what}"
            );
        };
        std::fs::write(&path, &whole[..whole.len() / 2]).map_err(io)?;
        says("cut off or damaged");
        let mut changed = whole.clone();
        changed[whole.len() / 3] ^= 0x40;
        std::fs::write(&path, changed).map_err(io)?;
        says("cut off or damaged");
        std::fs::write(&path, whole).map_err(io)?;
        ApproximateIndex::open(&path, Space::Code, rows)?;
        let json = std::fs::read_to_string(description(&path)).map_err(io)?;
        let newer = json.replace("\"version\": 1", "\"version\": 2");
        assert_ne!(json, newer);
        std::fs::write(description(&path), newer).map_err(io)?;
        says("later version");
        std::fs::write(description(&path), "{}").map_err(io)?;
        says("no description");
        std::fs::remove_file(description(&path)).map_err(io)?;
        assert!(ApproximateIndex::open(&path, Space::Code, rows).is_err());
        Ok(())
    }
}
