//! Pictures as text: one row of palette indices per picture, beside a colour map with one row of red, green and blue
//! per colour.
//!
//! Invariant: every index is within the colour map.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::stream::{Stream, checked_total, fail};
use super::{Loaded, Places, Wanted, folder};
use crate::data::{ImageShape, Palette};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The longest line that is read.
const MAX_LINE: u64 = 16 << 20;

/// Reads the pictures in the index file at `path`, or in the one beside the colour map at `path`.
pub(super) fn load(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    let (indices, colours) = if is_indices(path) {
        let map = beside(path, is_colour_map, &["map", "palette", "colo"]).ok_or_else(|| {
            Error::file(path, "holds rows of numbers, and no colour map is beside it")
                .hint("put a text file with one row of red, green and blue per colour into the same folder")
        })?;
        (path.to_path_buf(), map)
    } else if is_colour_map(path) {
        let indices = beside(path, is_indices, &["train", "ind", "data"]).ok_or_else(|| {
            Error::file(
                path,
                "is a colour map, and no rows of palette indices are beside it",
            )
            .hint("put the text file with one row of indices per picture into the same folder")
        })?;
        (indices, path.to_path_buf())
    } else {
        return Err(Error::file(path, "is text with rows of different lengths")
            .hint("palette indices need the same count in every row"));
    };
    let colours = read_colours(&colours, progress)?;
    read_pictures(&indices, &colours, wanted, progress)
}

/// Whether text begins as numbers apart by blanks or commas do.
pub(super) fn is_numbers(head: &[u8]) -> bool {
    let is_part = |b: &u8| b.is_ascii_digit() || b.is_ascii_whitespace() || b".,+-eE".contains(b);
    head.iter().take(4096).all(is_part) && head.iter().take(64).any(u8::is_ascii_digit)
}

/// Whether the first rows of a text file are as long as pictures are.
pub(super) fn is_indices(path: &Path) -> bool {
    first_rows(path).is_some_and(|rows| rows[0] > 3 && rows.iter().all(|&len| len == rows[0]))
}

fn is_colour_map(path: &Path) -> bool {
    first_rows(path).is_some_and(|rows| rows.iter().all(|&len| len == 3))
}

/// The counts of numbers in the first rows.
fn first_rows(path: &Path) -> Option<Vec<usize>> {
    let mut rows = Rows::open(path, &Progress::silent()).ok()?;
    if !is_numbers(rows.reader.fill_buf().ok()?) {
        return None;
    }
    let mut lens = Vec::new();
    while lens.len() < 4 && rows.advance().ok()? {
        lens.push(rows.words().count());
    }
    (!lens.is_empty()).then_some(lens)
}

/// The one file beside `path` that `fits`, or the one of several with a telling name.
fn beside(path: &Path, fits: impl Fn(&Path) -> bool, telling: &[&str]) -> Option<PathBuf> {
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let others = folder::files_in(parent)
        .ok()?
        .into_iter()
        .filter(|other| other.file_name() != path.file_name());
    let found: Vec<PathBuf> = others.filter(|other| fits(other)).collect();
    let tells = |other: &&PathBuf| {
        let name = other
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        telling.iter().any(|word| name.contains(word))
    };
    found.iter().find(tells).or(found.first()).cloned()
}

/// The rows of a text file, one at a time.
struct Rows<'a> {
    path: &'a Path,
    reader: BufReader<Stream>,
    line: String,
    number: usize,
}

impl<'a> Rows<'a> {
    fn open(path: &'a Path, progress: &Progress) -> Result<Self> {
        Ok(Self {
            path,
            reader: BufReader::new(Stream::open(path, progress)?),
            line: String::new(),
            number: 0,
        })
    }

    /// Goes to the next row that is not blank; false at the end.
    fn advance(&mut self) -> Result<bool> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = self
                .reader
                .by_ref()
                .take(MAX_LINE)
                .read_line(&mut self.line);
            match read.map_err(|e| fail(self.path, &e))? {
                0 => return Ok(false),
                len if len as u64 == MAX_LINE => {
                    return Err(self.error("is longer than a row can be"));
                }
                _ if self.line.trim().is_empty() => {}
                _ => return Ok(true),
            }
        }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let words = self
            .line
            .split(|c: char| c.is_ascii_whitespace() || c == ',');
        words.filter(|word| !word.is_empty())
    }

    fn numbers<T: std::str::FromStr>(&self) -> Result<Vec<T>> {
        let parse = |word: &str| {
            word.parse()
                .map_err(|_| self.error(&format!("has {word:?}, which is not such a number")))
        };
        self.words().map(parse).collect()
    }

    fn error(&self, what: &str) -> Error {
        Error::file(self.path, format!("line {} {what}", self.number))
    }
}

fn read_colours(path: &Path, progress: &Progress) -> Result<Vec<[u8; 3]>> {
    let mut rows = Rows::open(path, progress)?;
    let mut colours: Vec<[f64; 3]> = Vec::new();
    while rows.advance()? {
        let numbers: Vec<f64> = rows.numbers()?;
        let colour = numbers
            .try_into()
            .map_err(|_| rows.error("has not three numbers"))?;
        if colours.len() == Palette::MOST {
            return Err(Error::file(
                path,
                format!("has more than {} colours", Palette::MOST),
            ));
        }
        colours.push(colour);
    }
    let flat = || colours.iter().flatten();
    if !flat().all(|value| (0.0..=255.0).contains(value)) {
        return Err(Error::file(path, "has colours outside of 0 to 255"));
    }
    let gain = if flat().all(|&value| value <= 1.0) {
        255.0
    } else {
        1.0
    };
    Ok(colours
        .iter()
        .map(|colour| colour.map(|value| (value * gain).round() as u8))
        .collect())
}

fn read_pictures(
    path: &Path,
    colours: &[[u8; 3]],
    wanted: Wanted,
    progress: &Progress,
) -> Result<Loaded> {
    let pick = wanted.pick();
    let mut rows = Rows::open(path, progress)?;
    let mut shape: Option<ImageShape> = None;
    let mut indices: Vec<u32> = Vec::new();
    let (mut index, mut kept) = (0, 0);
    while pick.count.is_none_or(|count| kept < count as u64) && rows.advance()? {
        let row: Vec<u32> = rows.numbers()?;
        let expected = match shape {
            Some(shape) => shape,
            None => *shape.insert(shape_of(path, row.len(), wanted)?),
        };
        if row.len() != expected.height * expected.width {
            return Err(rows.error(&format!(
                "has {} indices where a picture has {}",
                row.len(),
                expected.height * expected.width
            )));
        }
        if pick.keeps(index) {
            kept += 1;
            checked_total(path, kept, 3 * row.len())?;
            indices.extend(row);
        }
        index += 1;
    }
    while wanted.count.is_some() && rows.advance()? {
        index += 1;
    }
    let shape = shape.unwrap_or(ImageShape::new(1, 1, 3));
    let (least, most) = indices
        .iter()
        .fold((u32::MAX, 0), |(a, b), &n| (a.min(n), b.max(n)));
    // MATLAB counts colours from 1; then the last number is in use and 0 is not.
    let first = u32::from(least >= 1 && most as usize == colours.len());
    let colour = |index: u32| colours.get((index - first) as usize);
    if let Some(at) = indices.iter().position(|&index| colour(index).is_none()) {
        let item = at / (shape.height * shape.width);
        return Err(Error::file(
            path,
            format!(
                "picture {item} uses colour {}, and the colour map has {}",
                indices[at],
                colours.len()
            ),
        )
        .hint("put the colour map that belongs to it into the same folder"));
    }
    let pixels = indices
        .iter()
        .filter_map(|&index| colour(index))
        .flatten()
        .copied()
        .collect();
    let mut places = Places::default();
    places.keep(index, pick, None);
    Ok(Loaded {
        places,
        palette: Some(Palette::new(colours.iter().copied())?),
        ..Loaded::new(shape, pixels)
    })
}

/// The shape of pictures with `area` pixels.
fn shape_of(path: &Path, area: usize, wanted: Wanted) -> Result<ImageShape> {
    let side = area.isqrt();
    match wanted.size {
        Some(size) if size.height * size.width == area => {
            Ok(ImageShape::new(size.height, size.width, 3))
        }
        _ if side * side == area => Ok(ImageShape::new(side, side, 3)),
        _ => Err(Error::file(
            path,
            format!("has rows of {area} indices, which make no square picture"),
        )
        .hint(format!(
            "add the shape, such as {}:{}x{}",
            path.display(),
            1,
            area
        ))),
    }
}
