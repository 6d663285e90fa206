//! Pictures in arrays of numbers, as `NumPy` and MATLAB store them: which axis is which, and what is black and white.
//!
//! Invariant: an array is read number by number; only the pictures that are wanted are held, one byte per number.

use std::io::Read;
use std::path::Path;

use super::folder::half_named;
use super::layout::{Layout, Style};
use super::stream::{checked_total, cut_off, fail};
use super::{Loaded, Pick, Places, Wanted, labels};
use crate::data::{ImageShape, Part};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Names that say that an array holds pictures, the surest first.
const IMAGE_KEYS: [&str; 9] = [
    "data", "images", "x", "faces", "image", "imgs", "pictures", "pixels", "arr_0",
];

/// Names that say that an array holds classes.
const LABEL_KEYS: [&str; 7] = [
    "labels", "label", "y", "targets", "target", "classes", "class",
];

/// Numbers handled between two looks at the progress.
const CHUNK: usize = 1 << 18;

/// How a number is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NumberKind {
    /// Natural numbers and truth values.
    Unsigned,
    /// Whole numbers.
    Signed,
    /// IEEE 754.
    Float,
}

/// The type of the numbers in an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NumberType {
    /// How a number is stored.
    pub(super) kind: NumberKind,
    /// 1, 2, 4 or 8.
    pub(super) bytes: usize,
    /// Whether the most significant byte comes first.
    pub(super) is_big_endian: bool,
}

impl NumberType {
    /// Whether the numbers are 0 to 255.
    pub(super) fn is_bytes(self) -> bool {
        self.kind == NumberKind::Unsigned && self.bytes == 1
    }

    /// The number in `stored`, which has as many bytes as the type.
    pub(super) fn decode(self, stored: &[u8]) -> f64 {
        let push = |number: u64, &byte: &u8| (number << 8) | u64::from(byte);
        let bits = if self.is_big_endian {
            stored.iter().fold(0, push)
        } else {
            stored.iter().rev().fold(0, push)
        };
        match (self.kind, self.bytes) {
            (NumberKind::Unsigned, _) => bits as f64,
            (NumberKind::Signed, bytes) => {
                let unused = 64 - 8 * bytes as u32;
                (((bits << unused) as i64) >> unused) as f64
            }
            (NumberKind::Float, 2) => half_to_f64(bits as u16),
            (NumberKind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (NumberKind::Float, _) => f64::from_bits(bits),
        }
    }
}

/// The number in the 16 bits of an IEEE 754 half.
fn half_to_f64(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Hands a reader that stands at an array's first number to whoever wants to read it.
pub(super) type Open<'a> = dyn Fn(&mut dyn FnMut(&mut dyn Read) -> Result<()>) -> Result<()> + 'a;

/// An array in a file, not yet read.
pub(super) struct Array<'a> {
    /// What the file calls it.
    pub(super) name: String,
    /// The type of its numbers.
    pub(super) numbers: NumberType,
    /// The lengths of its axes.
    pub(super) dims: Vec<u64>,
    /// Whether the first axis is the fastest.
    pub(super) is_fortran: bool,
    /// Opens it.
    pub(super) open: Box<Open<'a>>,
}

impl Array<'_> {
    fn describe(&self) -> String {
        let dims: Vec<String> = self.dims.iter().map(ToString::to_string).collect();
        let dims = if dims.is_empty() {
            "one number".into()
        } else {
            dims.join("×")
        };
        if self.name.is_empty() {
            dims
        } else {
            format!("{} ({dims})", self.name)
        }
    }

    fn total(&self) -> Option<u64> {
        self.dims
            .iter()
            .try_fold(1u64, |product, &n| product.checked_mul(n))
    }

    /// Hands over the array's numbers as they are stored, in runs, until `each` returns false.
    fn read(
        &self,
        file: &Path,
        progress: &Progress,
        mut each: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<()> {
        let total = self.total().ok_or_else(|| too_large(file, self))?;
        (self.open)(&mut |reader| {
            let mut left = total;
            let mut chunk = Vec::new();
            while left > 0 {
                progress.update((total - left) as usize, total as usize)?;
                let count = left.min(CHUNK as u64);
                chunk.clear();
                let wanted = count * self.numbers.bytes as u64;
                reader
                    .take(wanted)
                    .read_to_end(&mut chunk)
                    .map_err(|e| fail(file, &e))?;
                if (chunk.len() as u64) < wanted {
                    return Err(cut_off(file));
                }
                if !each(&chunk)? {
                    return Ok(());
                }
                left -= count;
            }
            Ok(())
        })
    }

    fn read_numbers(&self, file: &Path, progress: &Progress) -> Result<Vec<f64>> {
        checked_total(file, self.total().unwrap_or(u64::MAX), size_of::<f64>())?;
        let mut numbers = Vec::new();
        self.read(file, progress, |run| {
            numbers.extend(
                run.chunks_exact(self.numbers.bytes)
                    .map(|stored| self.numbers.decode(stored)),
            );
            Ok(true)
        })?;
        Ok(numbers)
    }
}

fn too_large(file: &Path, array: &Array) -> Error {
    Error::file(
        file,
        format!(
            "claims an array of {}, more than can be held",
            array.describe()
        ),
    )
    .hint("make sure that the file is what it should be")
}

/// An array and how it holds pictures.
struct Pictures<'a> {
    array: &'a Array<'a>,
    layout: Layout,
}

/// Reads the pictures among `arrays`, all of the file `file`.
pub(super) fn load(
    file: &Path,
    arrays: &[Array],
    style: Style,
    wanted: Wanted,
    progress: &Progress,
) -> Result<Loaded> {
    let (sets, pick) = choose(file, arrays, style, wanted)?;
    let range = sets.iter().try_fold(Range::EMPTY, |range, (set, _)| {
        range.scan(file, set, progress)
    })?;
    let shape = sets
        .first()
        .map_or(ImageShape::new(0, 0, 1), |(set, _)| set.layout.shape);
    let (mut pixels, mut numbers, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let mut has_labels = true;
    let mut places = Places::default();
    let mut left = pick;
    for (set, is_wanted) in &sets {
        let count = set.layout.count;
        if !is_wanted || left.count == Some(0) {
            places.pass(count);
            continue;
        }
        read_pictures(file, set, range, left, &mut pixels, progress)?;
        match labels_of(file, arrays, set, progress)? {
            Some(found) => {
                ids.extend(left.filter(numbers.len()..numbers.len() + found.len()));
                numbers.extend(found);
            }
            None => has_labels = false,
        }
        let half = half_named(&set.array.name).filter(|_| sets.len() > 1);
        places.keep(count, left, half);
        left.count = pick
            .count
            .map(|count| count.saturating_sub(pixels.len() / shape.len()));
    }
    let labels = has_labels
        .then(|| labels::from_numbers(&numbers, None))
        .flatten();
    Ok(Loaded {
        labels: labels.map(|labels| labels::subset(&labels, &ids)),
        places,
        ..Loaded::new(shape, pixels)
    })
}

/// The arrays with the pictures, each with whether it is wanted, and what is still to be picked from them.
fn choose<'a>(
    file: &Path,
    arrays: &'a [Array],
    style: Style,
    wanted: Wanted,
) -> Result<(Vec<(Pictures<'a>, bool)>, Pick)> {
    let found = arrays
        .iter()
        .filter(|array| !names_labels(&array.name))
        .filter_map(|array| {
            let layout = Layout::of(&array.dims, array.is_fortran, style, wanted.size)?;
            Some(Pictures { array, layout })
        });
    let mut found: Vec<Pictures> = found.collect();
    let mut pick = wanted.pick();
    let half = |p: &Pictures| half_named(&p.array.name);
    let train = found.iter().position(|p| half(p) == Some(Part::Train));
    let test = found.iter().position(|p| half(p) == Some(Part::Test));
    if let (Some(train), Some(test)) = (train, test)
        && found[train].layout.shape == found[test].layout.shape
    {
        let part = pick.part.take();
        let (first, second) = (train.min(test), train.max(test));
        let other = found.swap_remove(second);
        let one = found.swap_remove(first);
        let (train, test) = if train < test {
            (one, other)
        } else {
            (other, one)
        };
        let sets = vec![
            (train, part != Some(Part::Test)),
            (test, part != Some(Part::Train)),
        ];
        return Ok((sets, pick));
    }
    let key = |p: &Pictures| {
        let name = p.array.name.to_lowercase();
        IMAGE_KEYS.iter().position(|key| *key == name)
    };
    found.sort_by_key(|p| key(p).unwrap_or(usize::MAX));
    if found.first().is_some_and(|p| key(p).is_some()) {
        found.truncate(1);
    }
    let listed = |arrays: Vec<String>| match arrays.len() {
        0 => "nothing".to_owned(),
        1..=8 => arrays.join(", "),
        more => format!("{} and {} more", arrays[..8].join(", "), more - 8),
    };
    match found.len() {
        1 => Ok((found.into_iter().map(|p| (p, true)).collect(), pick)),
        0 => Err(Error::file(
            file,
            format!("holds no array of pictures, but {}", listed(arrays.iter().map(Array::describe).collect())),
        )
        .hint("pictures are N×H×W, N×H×W×C or N×C×H×W with 1 or 3 channels; for N×D add the shape, such as :28x28")),
        _ => Err(Error::file(
            file,
            format!(
                "holds several arrays that could be pictures: {}",
                listed(found.iter().map(|p| p.array.describe()).collect())
            ),
        )
        .hint("save the pictures as one array, or call it data")),
    }
}

/// The classes of the pictures in `set`, where an array beside it holds them.
fn labels_of(
    file: &Path,
    arrays: &[Array],
    set: &Pictures,
    progress: &Progress,
) -> Result<Option<Vec<i64>>> {
    let half = half_named(&set.array.name);
    let is_label = |array: &&Array| {
        let is_vector = array.dims.iter().filter(|&&n| n != 1).count() <= 1;
        let fits = is_vector && array.total() == Some(set.layout.count);
        fits && names_labels(&array.name) && half_named(&array.name) == half
    };
    let Some(array) = arrays.iter().find(is_label) else {
        return Ok(None);
    };
    let numbers = array.read_numbers(file, progress)?;
    let is_whole = numbers.iter().all(|n| n.fract() == 0.0 && n.abs() < 1e15);
    Ok(is_whole.then(|| numbers.iter().map(|&n| n as i64).collect()))
}

/// Whether an array of this name holds classes.
fn names_labels(name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(|c: char| !c.is_alphanumeric())
        .any(|word| LABEL_KEYS.contains(&word))
}

/// Smallest and largest number of an array, and how they become bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Range {
    least: f64,
    most: f64,
}

impl Range {
    const EMPTY: Self = Self {
        least: f64::INFINITY,
        most: f64::NEG_INFINITY,
    };

    /// This range, widened by the numbers of `set`.
    fn scan(self, file: &Path, set: &Pictures, progress: &Progress) -> Result<Self> {
        let numbers = set.array.numbers;
        let mut range = self;
        let mut at = 0u64;
        set.array.read(file, progress, |run| {
            if numbers.is_bytes() {
                let (least, most) = run.iter().fold((255, 0), |(a, b), &n| (n.min(a), n.max(b)));
                range.least = range.least.min(f64::from(least));
                range.most = range.most.max(f64::from(most));
                return Ok(true);
            }
            for stored in run.chunks_exact(numbers.bytes) {
                let number = numbers.decode(stored);
                if !number.is_finite() {
                    let what = if number.is_nan() {
                        "not a number (NaN)"
                    } else {
                        "infinite"
                    };
                    let item = set.layout.item_at(at);
                    return Err(Error::file(
                        file,
                        format!("picture {item} has a pixel that is {what}"),
                    )
                    .hint("replace such pixels before saving the array"));
                }
                range.least = range.least.min(number);
                range.most = range.most.max(number);
                at += 1;
            }
            Ok(true)
        })?;
        Ok(range)
    }

    /// What black is, and the number of grey levels per unit: `[0, 1]` and `[-1, 1]` fill the levels, `[0, 255]` stays
    /// as it is, anything else is stretched from its smallest to its largest number.
    fn scale(self) -> (f64, f64) {
        let Self { least, most } = self;
        if least >= 0.0 && most <= 1.0 {
            (0.0, 255.0)
        } else if least >= -1.0 && most <= 1.0 {
            (-1.0, 127.5)
        } else if least >= 0.0 && (32.0..=255.0).contains(&most) {
            (0.0, 1.0)
        } else if least >= 0.0 {
            (0.0, 255.0 / most)
        } else {
            (least, 255.0 / (most - least))
        }
    }
}

/// Whether the bytes of `reader` are grey levels as they are: looks at them until there is no more doubt.
pub(super) fn are_grey_levels(
    file: &Path,
    reader: &mut impl Read,
    progress: &Progress,
) -> Result<bool> {
    let mut chunk = vec![0; CHUNK];
    let mut range = Range::EMPTY;
    loop {
        progress.update(0, 1)?;
        let count = reader.read(&mut chunk).map_err(|e| fail(file, &e))?;
        for &byte in &chunk[..count] {
            range.least = range.least.min(f64::from(byte));
            range.most = range.most.max(f64::from(byte));
        }
        // Brighter bytes can only confirm it.
        if range.scale() == (0.0, 1.0) {
            return Ok(true);
        }
        if count == 0 {
            return Ok(false);
        }
    }
}

/// Reads the picked pictures of `set` and appends them to `pixels`.
fn read_pictures(
    file: &Path,
    set: &Pictures,
    range: Range,
    pick: Pick,
    pixels: &mut Vec<u8>,
    progress: &Progress,
) -> Result<()> {
    let Pictures { array, layout } = set;
    let item_len = layout.shape.len();
    let numbers = array.numbers;
    let (black, gain) = range.scale();
    let convert = |run: &[u8], out: &mut Vec<u8>| {
        if numbers.is_bytes() && (black, gain) == (0.0, 1.0) {
            out.extend_from_slice(run);
        } else {
            let bytes = run.chunks_exact(numbers.bytes);
            out.extend(bytes.map(|stored| ((numbers.decode(stored) - black) * gain).round() as u8));
        }
    };
    if !layout.is_interleaved() {
        checked_total(file, layout.count, item_len)?;
        let mut stored = Vec::new();
        array.read(file, progress, |run| {
            convert(run, &mut stored);
            Ok(true)
        })?;
        for id in pick.filter(0..layout.count) {
            layout.gather(&stored, id, pixels);
        }
        return Ok(());
    }
    let count = pick.count.map_or(u64::MAX, |count| count as u64);
    let (mut item, mut index, mut kept) = (Vec::new(), 0, 0);
    array.read(file, progress, |mut run| {
        while !run.is_empty() && kept < count {
            let missing = (item_len - item.len()) * numbers.bytes;
            let (now, later) = run.split_at(missing.min(run.len()));
            convert(now, &mut item);
            if item.len() == item_len {
                if pick.keeps(index) {
                    kept += 1;
                    checked_total(file, kept, item_len)?;
                    pixels.extend_from_slice(&item);
                }
                item.clear();
                index += 1;
            }
            run = later;
        }
        Ok(kept < count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(kind: NumberKind, stored: &[u8], is_big_endian: bool) -> f64 {
        let bytes = stored.len();
        NumberType {
            kind,
            bytes,
            is_big_endian,
        }
        .decode(stored)
    }

    #[test]
    fn numbers_of_every_type_are_decoded() {
        assert_eq!(number(NumberKind::Unsigned, &[1, 2], true), 258.0);
        assert_eq!(number(NumberKind::Signed, &[0xfe], false), -2.0);
        assert_eq!(
            number(NumberKind::Signed, &(-5i64).to_le_bytes(), false),
            -5.0
        );
        assert_eq!(number(NumberKind::Float, &1.5f32.to_be_bytes(), true), 1.5);
        assert_eq!(
            number(NumberKind::Float, &(-2.25f64).to_le_bytes(), false),
            -2.25
        );
        assert_eq!(number(NumberKind::Float, &[0x00, 0x3c], false), 1.0);
        assert_eq!(
            number(NumberKind::Float, &[0x01, 0x00], false),
            2f64.powi(-24)
        );
        assert_eq!(number(NumberKind::Float, &[0xff, 0xfb], false), -65504.0);
    }

    #[test]
    fn every_range_fills_the_grey_levels() {
        let grey = |least, most, value: f64| {
            let (black, gain) = Range { least, most }.scale();
            ((value - black) * gain).round() as u8
        };
        assert_eq!([grey(0.0, 1.0, 0.5), grey(0.0, 1.0, 1.0)], [128, 255]);
        assert_eq!([grey(-1.0, 1.0, -1.0), grey(-1.0, 1.0, 1.0)], [0, 255]);
        assert_eq!([grey(0.0, 255.0, 7.0), grey(0.0, 200.0, 200.0)], [7, 200]);
        assert_eq!(
            [grey(0.0, 16.0, 16.0), grey(0.0, 65_535.0, 65_535.0)],
            [255, 255]
        );
        assert_eq!([grey(-3.0, 5.0, -3.0), grey(-3.0, 5.0, 5.0)], [0, 255]);
        assert_eq!(grey(-3.0, -3.0, -3.0), 0);
    }
}
