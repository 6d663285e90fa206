//! Positions of items on the plane, from a file that another program wrote.
//!
//! Invariant: what is read has two finite numbers for every item.

use std::path::Path;

use super::arrays::NumberType;
use super::npy::Header;
use super::stream::{Stream, cut_off};
use crate::data::metadata::{self, Cells, Table, normalised, read_text, shown};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Columns of a table that tell which item a row is about, not where it lies.
const NO_POSITION: [&str; 9] = [
    "", "name", "file", "filename", "filepath", "path", "item", "index", "id",
];

/// The way out where the count is wrong.
const WAY_OUT: &str = "positions need one row per item, in the order of the items";

/// Reads the positions of `n` items from the file at `path`, in the order of the items.
///
/// `.npy` holds an array `[n, 2]` of numbers; `.json` a list of pairs or a table; anything else is a table with
/// commas, semicolons or tabs, whose columns x and y count, else the first two columns of numbers.
///
/// # Errors
/// `is_file` when it is missing or malformed, has another number of rows (both are told), or has a position that is not
/// finite (its row is told).
pub fn read_positions(path: &Path, n: usize) -> Result<Vec<[f32; 2]>> {
    let mut start = Stream::open(path, &Progress::silent())?;
    if start.peek(6)? == b"\x93NUMPY" {
        return read_npy(path, start, n);
    }
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    if !matches!(ending.as_str(), "csv" | "tsv" | "tab") {
        let text = read_text(path)?;
        let list = text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .strip_prefix('[');
        if list.is_some_and(|list| list.trim_start().starts_with(['[', ']'])) {
            return read_pairs(path, &text, n);
        }
    }
    read_table(path, n)
}

fn check_count(path: &Path, found: u64, n: usize) -> Result<()> {
    if found == n as u64 {
        return Ok(());
    }
    Err(Error::file(path, format!("has {found} positions for {n} items")).hint(WAY_OUT))
}

fn not_finite(path: &Path, place: &str, value: &str) -> Error {
    Error::file(
        path,
        format!("{place} has {value}, which is no finite number"),
    )
    .hint("leave no position out: every item needs one")
}

fn read_npy(path: &Path, mut stream: Stream, n: usize) -> Result<Vec<[f32; 2]>> {
    let Header {
        numbers,
        dims,
        is_fortran,
    } = Header::read(&mut stream, path)?;
    let &[rows, 2] = dims.as_slice() else {
        let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
        return Err(Error::file(
            path,
            format!("holds an array of {}, not {n}×2 numbers", dims.join("×")),
        )
        .hint(WAY_OUT));
    };
    check_count(path, rows, n)?;
    let mut bytes = Vec::new();
    let wanted = rows.saturating_mul(2 * numbers.bytes as u64);
    stream.append(wanted, &mut bytes)?;
    if (bytes.len() as u64) < wanted {
        return Err(cut_off(path));
    }
    let value = |at: usize| decoded(numbers, &bytes, at);
    let position = |row: usize| {
        let position = if is_fortran {
            [value(row), value(n + row)]
        } else {
            [value(2 * row), value(2 * row + 1)]
        };
        match position.iter().find(|x| !x.is_finite()) {
            Some(bad) => Err(not_finite(
                path,
                &format!("row {row} (counted from 0)"),
                &bad.to_string(),
            )),
            None => Ok(position),
        }
    };
    (0..n).map(position).collect()
}

fn decoded(numbers: NumberType, bytes: &[u8], at: usize) -> f32 {
    numbers.decode(&bytes[at * numbers.bytes..(at + 1) * numbers.bytes]) as f32
}

fn read_pairs(path: &Path, text: &str, n: usize) -> Result<Vec<[f32; 2]>> {
    let text = text.trim_start_matches('\u{feff}');
    let pairs: Vec<[Option<f64>; 2]> = serde_json::from_str(text).map_err(|e| {
        Error::file(path, format!("is no list of pairs of numbers: {e}"))
            .hint("positions in JSON are [[x, y], [x, y], …]; NaN is no number there")
    })?;
    check_count(path, pairs.len() as u64, n)?;
    let position = |(row, pair): (usize, [Option<f64>; 2])| {
        let number = |value: Option<f64>| value.map(|x| x as f32).filter(|x| x.is_finite());
        if let [Some(x), Some(y)] = pair.map(number) {
            return Ok([x, y]);
        }
        let bad = pair
            .into_iter()
            .find(|&value| number(value).is_none())
            .flatten();
        let bad = bad.map_or("null".into(), |value| value.to_string());
        Err(not_finite(path, &format!("entry {}", row + 1), &bad))
    };
    pairs.into_iter().enumerate().map(position).collect()
}

fn read_table(path: &Path, n: usize) -> Result<Vec<[f32; 2]>> {
    let table = Table::read(path, metadata::Header::Optional)?;
    let [x, y] = columns(&table).ok_or_else(|| {
        let names: Vec<&str> = table
            .columns
            .iter()
            .take(8)
            .map(|cells| cells.name.as_str())
            .collect();
        let reason = format!(
            "has no two columns of numbers; its columns are {}",
            names.join(", ")
        );
        Error::file(path, reason).hint("call the columns with the positions x and y")
    })?;
    check_count(path, table.rows() as u64, n)?;
    let position = |row: usize| {
        let number = |cell: &str| {
            let number = table
                .number(cell)
                .map(|x| x as f32)
                .filter(|x| x.is_finite());
            number.ok_or_else(|| not_finite(path, &table.place(row), &shown(cell)))
        };
        Ok([number(x.get(row))?, number(y.get(row))?])
    };
    (0..n).map(position).collect()
}

/// The columns that hold the positions.
fn columns(table: &Table) -> Option<[&Cells; 2]> {
    let called = |name: &str| {
        table
            .columns
            .iter()
            .find(|cells| normalised(&cells.name) == name)
    };
    if let (Some(x), Some(y)) = (called("x"), called("y")) {
        return Some([x, y]);
    }
    // Cells that are missing or not finite are for the reader of the numbers to refuse.
    let is_number =
        |cell: &str| cell.is_empty() || table.number(cell).is_some() || cell.parse::<f64>().is_ok();
    let mut numeric = table.columns.iter().filter(|cells| {
        !NO_POSITION.contains(&normalised(&cells.name).as_str()) && cells.iter().all(is_number)
    });
    Some([numeric.next()?, numeric.next()?])
}
