//! The one error type of the program.
//!
//! Every error says which file (where there is one), what is wrong with it, and what the reader can do about it.
//! The kind is private; callers ask with the `is_…` predicates. Invariant: `Display` is one sentence or two, without
//! a line break, fit for a toast and for standard error alike.

use std::fmt;
use std::path::{Path, PathBuf};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with which file, and the way out.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    file: Option<PathBuf>,
    reason: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Usage,
    File,
    NewerVersion,
    Cancelled,
    Device,
    Model,
}

impl Error {
    fn new(kind: Kind, file: Option<&Path>, reason: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            file: file.map(Path::to_path_buf),
            reason: reason.into(),
            hint: None,
        }))
    }

    /// The caller asked for something that makes no sense (a bad option, an index out of range).
    #[must_use]
    pub fn usage(reason: impl Into<String>) -> Self {
        Self::new(Kind::Usage, None, reason)
    }

    /// A file's content is not what it has to be.
    #[must_use]
    pub fn file(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::new(Kind::File, Some(path.as_ref()), reason)
    }

    /// Reading or writing a file failed in the operating system.
    #[must_use]
    pub fn io(path: impl AsRef<Path>, source: &std::io::Error) -> Self {
        let error = Self::file(path, source.to_string());
        match source.kind() {
            std::io::ErrorKind::StorageFull => {
                error.hint("free some space or choose another folder")
            }
            std::io::ErrorKind::PermissionDenied => {
                error.hint("check the permissions or choose another folder")
            }
            _ => error,
        }
    }

    /// A file was written by a later version of this program.
    #[must_use]
    pub fn newer_version(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::new(Kind::NewerVersion, Some(path.as_ref()), reason)
            .hint("update Morphospace to open it")
    }

    /// The user stopped the work.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, None, "cancelled")
    }

    /// The device that computes failed or is missing.
    #[must_use]
    pub fn device(reason: impl Into<String>) -> Self {
        Self::new(Kind::Device, None, reason)
    }

    /// Model and data, or model and weights, do not fit together.
    #[must_use]
    pub fn model(reason: impl Into<String>) -> Self {
        Self::new(Kind::Model, None, reason)
    }

    /// Adds the way out: what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the file, if the error names none yet.
    #[must_use]
    pub fn in_file(mut self, path: impl AsRef<Path>) -> Self {
        self.0
            .file
            .get_or_insert_with(|| path.as_ref().to_path_buf());
        self
    }

    /// The request itself makes no sense; exit status 2 on the command line.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.0.kind == Kind::Usage
    }

    /// A file is missing, unreadable, unwritable or malformed.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.0.kind, Kind::File | Kind::NewerVersion)
    }

    /// The file comes from a later version of the program.
    #[must_use]
    pub fn is_newer_version(&self) -> bool {
        self.0.kind == Kind::NewerVersion
    }

    /// The user stopped the work; nothing to report.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == Kind::Cancelled
    }

    /// The computing device failed.
    #[must_use]
    pub fn is_device(&self) -> bool {
        self.0.kind == Kind::Device
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.0.file {
            write!(f, "{}: ", file.display())?;
        }
        f.write_str(&self.0.reason)?;
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}
