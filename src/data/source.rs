//! Where data comes from, as written behind `--data`.
//!
//! Invariant: `source.to_string().parse()` gives the source back, for every path that is UTF-8.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::formats::{self, Wanted};
use super::{Dataset, creatures, digits, faces};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Items of a built-in set that are for testing start at this index, far from any used for training.
const BUILTIN_TEST_START: usize = 1 << 32;

/// Test items of a built-in set, when no count is given.
const BUILTIN_TEST_COUNT: usize = 2_000;

/// One of the two halves of a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Part {
    /// What a model learns from.
    Train,
    /// What it has never seen.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Test => "test",
        })
    }
}

/// The size that pictures shall have: of raw bytes their shape, of anything else what they are resized to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Size {
    /// Rows, 1 to 16384.
    pub height: usize,
    /// Columns, 1 to 16384.
    pub width: usize,
    /// 1 or 3; `None` leaves it to the data.
    pub channels: Option<usize>,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)?;
        self.channels
            .map_or(Ok(()), |channels| write!(f, "x{channels}"))
    }
}

impl Size {
    /// Reads `HxW` or `HxWxC`; `None` when the text is something else.
    fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<usize> = text.split('x').map(parse_number).collect::<Option<_>>()?;
        let (height, width, channels) = match numbers[..] {
            [height, width] => (height, width, None),
            [height, width, channels @ (1 | 3)] => (height, width, Some(channels)),
            _ => return None,
        };
        let is_possible = |n| (1..=16_384).contains(&n);
        (is_possible(height) && is_possible(width)).then_some(Self {
            height,
            width,
            channels,
        })
    }
}

/// Plain digits, without a sign.
fn parse_number(text: &str) -> Option<usize> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok())?
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Origin {
    Faces,
    Digits,
    Creatures,
    Path(PathBuf),
}

impl Origin {
    fn named(text: &str) -> Self {
        match text {
            "faces" => Self::Faces,
            "digits" => Self::Digits,
            "creatures" => Self::Creatures,
            _ => Self::Path(PathBuf::from(text)),
        }
    }
}

/// A parsed `--data` value: `NAME-OR-PATH[:part][:size][:count]`.
///
/// `NAME` is `faces`, `digits` or `creatures`, drawn by this program; anything else is a path (write `./faces` for a folder of
/// that name). The part is `train` or `test`, the size `HxW` or `HxWxC`, the count the first so many items. A path
/// that itself ends like a suffix is taken as it is when it exists, or when an empty suffix follows it (`a:10::train`).
///
/// ```
/// use morphospace::data::{DatasetSource, Part};
///
/// let source: DatasetSource = "pictures/cats:test:64x64x3:500".parse()?;
/// assert_eq!(source.part(), Some(Part::Test));
/// assert_eq!(source.count(), Some(500));
/// assert_eq!(source.to_string(), "pictures/cats:test:64x64x3:500");
/// assert!("faces:64x64".parse::<DatasetSource>().is_err());
/// # Ok::<(), morphospace::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatasetSource {
    origin: Origin,
    part: Option<Part>,
    size: Option<Size>,
    count: Option<usize>,
}

impl DatasetSource {
    fn whole(origin: Origin) -> Self {
        Self {
            origin,
            part: None,
            size: None,
            count: None,
        }
    }

    /// Everything in the file or folder at `path`.
    #[must_use]
    pub fn open_path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let shadows_builtin = path
            .to_str()
            .is_some_and(|text| !matches!(Origin::named(text), Origin::Path(_)));
        let path = if shadows_builtin {
            Path::new(".").join(path)
        } else {
            path
        };
        Self::whole(Origin::Path(path))
    }

    /// The built-in faces.
    #[must_use]
    pub fn faces() -> Self {
        Self::whole(Origin::Faces)
    }

    /// The built-in digits.
    #[must_use]
    pub fn digits() -> Self {
        Self::whole(Origin::Digits)
    }

    /// The built-in creatures, whose pixels are in the colours of a palette.
    #[must_use]
    pub fn creatures() -> Self {
        Self::whole(Origin::Creatures)
    }

    /// The same source, cut to one half (`None`: to all).
    #[must_use]
    pub fn with_part(mut self, part: Option<Part>) -> Self {
        self.part = part;
        self
    }

    /// The same source, brought to a size (`None`: its own). Built-in sets have one size and ignore it.
    #[must_use]
    pub fn with_size(mut self, size: Option<Size>) -> Self {
        self.size = size.filter(|_| !self.is_builtin());
        self
    }

    /// The same source, cut to the first `count` items, at least one (`None`: to all).
    #[must_use]
    pub fn with_count(mut self, count: Option<usize>) -> Self {
        self.count = count.map(|n| n.max(1));
        self
    }

    /// Whether this program draws the pictures itself.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.path().is_none()
    }

    /// The file or folder that is read, where it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Path(path) => Some(path),
            Origin::Faces | Origin::Digits | Origin::Creatures => None,
        }
    }

    /// The path of its file or folder with the part, size and count in the name: what is kept beside the data is kept for
    /// each cut of them. `None` for built-in sets.
    #[must_use]
    pub fn path_of_cut(&self) -> Option<PathBuf> {
        let file = self.path()?;
        let whole = Self::open_path(file).to_string();
        let ending = self.to_string();
        let ending = ending.strip_prefix(whole.as_str()).unwrap_or_default();
        let mut name = file.as_os_str().to_os_string();
        name.push(ending.replace(':', "-"));
        Some(name.into())
    }

    /// Whether it is built in, or its file or folder is there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.path().is_none_or(Path::exists)
    }

    /// The same source, named so that it means the same from any folder.
    #[must_use]
    pub fn absolute(&self) -> Self {
        let mut source = self.clone();
        if let Origin::Path(path) = &mut source.origin
            && let Ok(whole) = std::path::absolute(&*path)
        {
            *path = whole;
        }
        source
    }

    /// All of the other half, where this is what a model learns from: the train part, or all of a built-in set.
    #[must_use]
    pub fn unseen(&self) -> Option<Self> {
        let is_learnt = match self.part {
            Some(part) => part == Part::Train,
            None => self.is_builtin(),
        };
        is_learnt.then(|| self.clone().with_part(Some(Part::Test)).with_count(None))
    }

    /// The half that is asked for.
    #[must_use]
    pub fn part(&self) -> Option<Part> {
        self.part
    }

    /// The size that is asked for.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        self.size
    }

    /// How many items are asked for at most.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        self.count
    }

    /// A short name for a heading: that of the set, file or folder, with the part where one was chosen.
    #[must_use]
    pub fn name(&self) -> String {
        let stem = match &self.origin {
            Origin::Faces => "faces".into(),
            Origin::Digits => "digits".into(),
            Origin::Creatures => "creatures".into(),
            Origin::Path(path) => {
                let named = path.file_name().unwrap_or(path.as_os_str());
                named.to_string_lossy().into_owned()
            }
        };
        self.part
            .map_or(stem.clone(), |part| format!("{stem}:{part}"))
    }

    /// How many items a built-in set will have; `None` for files.
    #[must_use]
    pub fn builtin_len(&self) -> Option<usize> {
        let default = match (&self.origin, self.part) {
            (Origin::Path(_), _) => return None,
            (_, Some(Part::Test)) => BUILTIN_TEST_COUNT,
            (Origin::Faces, _) => faces::DEFAULT_COUNT,
            (Origin::Digits, _) => digits::DEFAULT_COUNT,
            (Origin::Creatures, _) => creatures::DEFAULT_COUNT,
        };
        Some(self.count.unwrap_or(default))
    }

    /// Reads or draws the whole set. `seed` matters to built-in sets only.
    ///
    /// # Errors
    /// `is_file` when the file is missing, unreadable or not what it has to be; `is_cancelled`.
    pub fn load(&self, seed: u64, progress: &Progress) -> Result<Dataset> {
        let set = match (&self.origin, self.builtin_len()) {
            (Origin::Path(path), _) => {
                let wanted = Wanted {
                    part: self.part,
                    size: self.size,
                    count: self.count,
                };
                formats::load(path, wanted, progress)?
            }
            (_, len) => self.load_range(seed, 0..len.unwrap_or(0), progress)?,
        };
        Ok(set.named(self.name()))
    }

    /// Draws items `range` of a built-in set, so that a set can be had block by block.
    ///
    /// # Errors
    /// `is_usage` when the source is a file or the range is not within [`Self::builtin_len`]; `is_cancelled`.
    pub fn load_range(
        &self,
        seed: u64,
        range: Range<usize>,
        progress: &Progress,
    ) -> Result<Dataset> {
        if range.is_empty() || self.builtin_len().is_none_or(|len| range.end > len) {
            return Err(Error::usage(format!(
                "{self} has no items {} to {}",
                range.start, range.end
            )));
        }
        let offset = if self.part == Some(Part::Test) {
            BUILTIN_TEST_START
        } else {
            0
        };
        let too_far = || Error::usage(format!("{self} has too many items"));
        let start = range.start.checked_add(offset).ok_or_else(too_far)?;
        let end = range.end.checked_add(offset).ok_or_else(too_far)?;
        let set = match self.origin {
            Origin::Digits => digits::generate(seed, start..end, progress)?,
            Origin::Creatures => creatures::generate(seed, start..end, progress)?,
            _ => faces::generate(seed, start..end, progress)?,
        };
        Ok(set.named(self.name()))
    }

    /// Takes `suffix` when it is one that is not set yet.
    fn take_suffix(&mut self, suffix: &str) -> Result<bool> {
        let part = match suffix {
            "train" => Some(Part::Train),
            "test" => Some(Part::Test),
            _ => None,
        };
        if part.is_some() && self.part.is_none() {
            self.part = part;
        } else if let (Some(size), None) = (Size::parse(suffix), self.size) {
            self.size = Some(size);
        } else if let (Some(count), None) = (parse_number(suffix), self.count) {
            if count == 0 {
                return Err(Error::usage("a count of 0 leaves no picture")
                    .hint("the count behind --data is at least 1"));
            }
            self.count = Some(count);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl FromStr for DatasetSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut source = Self::faces();
        let mut rest = text;
        while !Path::new(rest).exists() {
            let Some((before, suffix)) = rest.rsplit_once(':') else {
                break;
            };
            if suffix.is_empty() && !before.is_empty() {
                rest = before;
                break;
            }
            let is_drive = cfg!(windows) && before.len() == 1;
            if before.is_empty() || is_drive || !source.take_suffix(suffix)? {
                break;
            }
            rest = before;
        }
        if rest.is_empty() {
            return Err(Error::usage("the data source is empty")
                .hint("name a file, a folder, faces, digits or creatures"));
        }
        source.origin = Origin::named(rest);
        if let (true, Some(size)) = (source.is_builtin(), source.size) {
            return Err(Error::usage(format!(
                "{rest} has a size of its own and cannot be made {size}"
            ))
            .hint(format!("write {rest} without a size")));
        }
        Ok(source)
    }
}

impl fmt::Display for DatasetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Faces => f.write_str("faces")?,
            Origin::Digits => f.write_str("digits")?,
            Origin::Creatures => f.write_str("creatures")?,
            Origin::Path(path) => {
                let text = path.to_string_lossy();
                f.write_str(&text)?;
                let looks_suffixed = text.rsplit_once(':').is_some_and(|(_, end)| {
                    end.is_empty() || !matches!(Self::faces().take_suffix(end), Ok(false))
                });
                if looks_suffixed {
                    f.write_str(":")?;
                }
            }
        }
        if let Some(part) = self.part {
            write!(f, ":{part}")?;
        }
        if let Some(size) = self.size {
            write!(f, ":{size}")?;
        }
        if let Some(count) = self.count {
            write!(f, ":{count}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for DatasetSource {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<DatasetSource> for String {
    fn from(source: DatasetSource) -> Self {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatasetSource> {
        text.parse()
    }

    #[test]
    fn suffixes_are_taken_in_any_order() -> Result<()> {
        let source = parse("some/where:32x48x3:test:10")?;
        assert_eq!(source.path(), Some(Path::new("some/where")));
        assert_eq!(
            (source.part(), source.count()),
            (Some(Part::Test), Some(10))
        );
        let size = source.size().ok_or_else(|| Error::usage("no size"))?;
        assert_eq!((size.height, size.width, size.channels), (32, 48, Some(3)));
        assert_eq!(source.to_string(), "some/where:test:32x48x3:10");
        assert_eq!(source.name(), "where:test");
        Ok(())
    }

    #[test]
    fn what_is_no_suffix_belongs_to_the_path() -> Result<()> {
        for text in [
            "a:b",
            "C:\\data\\cats",
            "a:32x",
            "a:32x32x2",
            "a:0x5",
            "a:+5",
            "a:train:train",
        ] {
            let source = parse(text)?;
            let has_suffix = source.count().is_some() || source.size().is_some();
            assert!(!has_suffix, "{text}");
        }
        assert_eq!(parse("a:train:train")?.path(), Some(Path::new("a:train")));
        Ok(())
    }

    #[test]
    fn display_round_trips() -> Result<()> {
        let mut sources = vec![
            DatasetSource::faces(),
            DatasetSource::digits().with_part(Some(Part::Test)),
            DatasetSource::creatures().with_count(Some(500)),
        ];
        for path in [
            "a",
            "a:10",
            "a:train",
            "b:",
            "faces",
            "./digits",
            "x:28x28",
            "C:\\d:x",
            "a b/ä:5:test",
        ] {
            let source = DatasetSource::open_path(path);
            sources.push(
                source
                    .clone()
                    .with_part(Some(Part::Train))
                    .with_count(Some(7)),
            );
            sources.push(source);
        }
        for source in sources {
            let text = source.to_string();
            assert_eq!(parse(&text)?, source, "{text}");
            let json = serde_json::to_string(&source).map_err(|e| Error::usage(e.to_string()))?;
            let back: DatasetSource =
                serde_json::from_str(&json).map_err(|e| Error::usage(e.to_string()))?;
            assert_eq!(back, source);
        }
        Ok(())
    }

    #[test]
    fn each_cut_of_a_file_has_a_path_of_its_own() -> Result<()> {
        let of = |text: &str| -> Result<_> { Ok(parse(text)?.path_of_cut()) };
        assert_eq!(of("a/b.npy")?, Some(PathBuf::from("a/b.npy")));
        assert_eq!(
            of("a/b.npy:train:500")?,
            Some(PathBuf::from("a/b.npy-train-500"))
        );
        assert_eq!(of("faces:500")?, None);
        Ok(())
    }

    #[test]
    fn an_existing_file_wins_over_a_suffix() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::io("temporary folder", &e))?;
        let path = folder.path().join("odd:10");
        std::fs::write(&path, [1]).map_err(|e| Error::io(&path, &e))?;
        let source = parse(&path.to_string_lossy())?;
        assert_eq!(
            (source.path(), source.count()),
            (Some(path.as_path()), None)
        );
        assert_eq!(parse(&format!("{}:3", path.display()))?.count(), Some(3));
        Ok(())
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "faces:0",
            "faces:64x64",
            "digits:28x28:5",
            "creatures:0",
            "creatures:20x20",
        ] {
            assert!(parse(text).is_err_and(|e| e.is_usage()), "{text}");
        }
    }

    #[test]
    fn test_items_of_a_built_in_set_are_not_its_training_items() -> Result<()> {
        let silent = Progress::silent();
        let test = parse("digits:test:5")?.load(1, &silent)?;
        let train = parse("digits:5")?.load(1, &silent)?;
        assert_eq!((test.len(), train.len()), (5, 5));
        assert_ne!(test.digest(), train.digest());
        assert_eq!(parse("digits:test")?.builtin_len(), Some(2_000));
        let block = parse("digits:5")?.load_range(1, 2..4, &silent)?;
        assert_eq!(block.pixels(0), train.pixels(2));
        assert!(parse("digits:5")?.load_range(1, 2..6, &silent).is_err());
        Ok(())
    }
}
