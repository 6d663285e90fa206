//! Paths as files: one JSON object, read with a bound on its size and written whole or not at all.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::{Crossfade, Interpolation, KeyFrame, Path};
use crate::error::{Error, Result};
use crate::files::write_atomically;

/// What a path is on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathFile {
    version: u32,
    interpolation: Interpolation,
    fps: u32,
    #[serde(rename = "loop", default)]
    is_loop: bool,
    #[serde(default = "once")]
    scale: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crossfade: Option<Crossfade>,
    keys: Vec<KeyFrame>,
}

fn once() -> u32 {
    1
}

/// The version of path files that this program writes, and the last one it reads.
const VERSION: u32 = 1;
/// Bytes of the largest path file that is read.
const MAX_FILE: u64 = 256 << 20;
impl From<Path> for PathFile {
    fn from(path: Path) -> Self {
        Self {
            version: VERSION,
            interpolation: path.interpolation,
            fps: path.fps,
            is_loop: path.is_loop,
            scale: path.scale,
            crossfade: path.crossfade,
            keys: path.keys,
        }
    }
}

impl TryFrom<PathFile> for Path {
    type Error = Error;

    fn try_from(file: PathFile) -> Result<Self> {
        if file.version != VERSION {
            return Err(Error::usage(format!(
                "it is a path of version {}, known is {VERSION}",
                file.version
            )));
        }
        let path = Self {
            keys: file.keys,
            interpolation: file.interpolation,
            fps: file.fps,
            is_loop: file.is_loop,
            scale: file.scale,
            crossfade: file.crossfade,
        };
        path.check()?;
        Ok(path)
    }
}

impl Path {
    /// Reads a path from JSON.
    ///
    /// # Errors
    /// `is_newer_version` when a later version of the program wrote it; otherwise when it is no JSON (with the line) or breaks
    /// an invariant. `file` is what errors name.
    pub fn from_json(json: &[u8], file: &std::path::Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let broken = |e: serde_json::Error| Error::file(file, format!("it is not a path: {e}"));
        let found = serde_json::from_slice::<Version>(json).map_err(broken)?;
        if found.version > VERSION {
            return Err(Error::newer_version(
                file,
                format!(
                    "it is a path of version {}, this program knows {VERSION}",
                    found.version
                ),
            ));
        }
        serde_json::from_slice(json).map_err(broken)
    }

    /// Reads a path file.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or see [`Self::from_json`].
    pub fn load(file: &std::path::Path) -> Result<Self> {
        let io = |e: std::io::Error| Error::io(file, &e);
        let mut json = Vec::new();
        std::fs::File::open(file)
            .map_err(io)?
            .take(MAX_FILE + 1)
            .read_to_end(&mut json)
            .map_err(io)?;
        if json.len() as u64 > MAX_FILE {
            return Err(Error::file(
                file,
                format!("it is larger than the {MAX_FILE} bytes that a path can have"),
            ));
        }
        Self::from_json(&json, file)
    }

    /// Writes a path file.
    ///
    /// # Errors
    /// When it cannot be written; what was there stays.
    pub fn save(&self, file: &std::path::Path) -> Result<()> {
        let mut json = serde_json::to_vec(self).map_err(|e| Error::file(file, e.to_string()))?;
        json.push(b'\n');
        write_atomically(file, &json)
    }
}
