//! Writing down what is known of chosen items: a table for spreadsheets, and arrays for other programs.
//!
//! Invariants: rows are written as they are made, so that a million of them take no memory; a file is whole or is not
//! there; a table that was written can be read again as metadata.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;

use super::metadata::normalised;
use super::{ColumnValues, Dataset};
use crate::error::{Error, Result};
use crate::files::write_atomically_with;
use crate::progress::Progress;

/// Rows between two looks at the progress.
const STEP: usize = 1024;

/// Writes a CSV table with a row for each item of `ids`, in that order.
///
/// Its columns: `item` (the number from 0), `file` and `label` where the data has them, factors, metadata, the code
/// (`z0`, `z1`, …) and the position (`x`, `y`) where they are given: `codes` are all codes of the set, `[n, d]` row by
/// row, with `d`; `positions` one per item of the set. A value that is missing leaves its cell empty.
///
/// # Errors
/// `is_usage` when an id is not below the number of items, or codes or positions are not as many; `is_file` when the
/// file cannot be written, and then what was there stays; `is_cancelled`.
pub fn export_csv(
    path: &Path,
    dataset: &Dataset,
    ids: &[u32],
    codes: Option<(&[f32], usize)>,
    positions: Option<&[[f32; 2]]>,
    progress: &Progress,
) -> Result<()> {
    check_export(dataset, ids, codes, positions)?;
    write_atomically_with(path, |out| {
        write_table(out, path, dataset, ids, codes, positions, progress)
    })
}

/// Whether `ids` are items of the set, and codes and positions are as many.
fn check_export(
    dataset: &Dataset,
    ids: &[u32],
    codes: Option<(&[f32], usize)>,
    positions: Option<&[[f32; 2]]>,
) -> Result<()> {
    let n = dataset.len();
    check_ids(ids, n)?;
    if let Some((codes, d)) = codes {
        check_count("codes", codes, d, n)?;
    }
    if let Some(positions) = positions {
        check_count("positions", positions.as_flattened(), 2, n)?;
    }
    Ok(())
}

/// Writes the table that will be at `path`.
fn write_table(
    out: &mut dyn Write,
    path: &Path,
    dataset: &Dataset,
    ids: &[u32],
    codes: Option<(&[f32], usize)>,
    positions: Option<&[[f32; 2]]>,
    progress: &Progress,
) -> Result<()> {
    let fields = fields(dataset, ids, codes, positions);
    let io = |e: std::io::Error| Error::io(path, &e);
    let headings = headings(&fields);
    write_row(out, headings.iter().map(|name| Cow::from(name.as_str()))).map_err(io)?;
    for (row, &id) in ids.iter().enumerate() {
        if row.is_multiple_of(STEP) {
            progress.update(row, ids.len())?;
        }
        let cells = fields.iter().map(|field| field.cell(dataset, id as usize));
        write_row(out, cells).map_err(io)?;
    }
    progress.update(ids.len(), ids.len())
}

/// Writes the codes of the items `ids` as an NPY array `[m, d]` at `path`, and beside it, at [`table_beside`], what makes them
/// whole: the table that [`export_csv`] writes without codes, whose rows are those of the array. `codes` are all codes of the
/// set, `[n, d]` row by row, with `d`; `positions` one per item of the set.
///
/// # Errors
/// As [`export_npy`] and [`export_csv`]; then neither file is there, or what was there stays.
pub fn export_codes(
    path: &Path,
    dataset: &Dataset,
    ids: &[u32],
    codes: (&[f32], usize),
    positions: Option<&[[f32; 2]]>,
    progress: &Progress,
) -> Result<()> {
    let (codes, d) = codes;
    check_count("codes", codes, d, dataset.len())?;
    let table = table_beside(path);
    check_export(dataset, ids, None, positions)?;
    // The array takes its place while the table, complete, only waits for its name: both appear or neither does.
    write_atomically_with(&table, |out| {
        write_table(out, &table, dataset, ids, None, positions, progress)?;
        export_npy(path, ids, codes, d, progress)
    })
}

/// Where the table that belongs to the array of codes at `path` is written: `codes.items.csv` beside `codes.npy`.
#[must_use]
pub fn table_beside(path: &Path) -> PathBuf {
    path.with_extension("items.csv")
}

/// Writes a row as RFC 4180 has it: cells with a comma, a quotation mark or a line's end stand in quotation marks.
pub(crate) fn write_row<'a>(
    out: &mut dyn Write,
    cells: impl Iterator<Item = Cow<'a, str>>,
) -> std::io::Result<()> {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        if cell.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

/// Writes the rows `ids` of `values`, `[n, columns]` row by row, as one NPY array: codes with `columns` numbers each, or
/// positions with two.
///
/// # Errors
/// `is_usage` when an id is not below n, or `values` are no whole number of rows; `is_file` when the file cannot be
/// written, and then what was there stays; `is_cancelled`.
pub fn export_npy(
    path: &Path,
    ids: &[u32],
    values: &[f32],
    columns: usize,
    progress: &Progress,
) -> Result<()> {
    if columns == 0 || !values.len().is_multiple_of(columns) {
        return Err(Error::usage(format!(
            "{} numbers are no rows of {columns}",
            values.len()
        )));
    }
    check_ids(ids, values.len() / columns)?;
    let io = |e: std::io::Error| Error::io(path, &e);
    write_atomically_with(path, |out: &mut dyn Write| {
        let mut array = npyz::WriteOptions::<f32>::new()
            .default_dtype()
            .shape(&[ids.len() as u64, columns as u64])
            .writer(out)
            .begin_nd()
            .map_err(io)?;
        for (row, &id) in ids.iter().enumerate() {
            if row.is_multiple_of(STEP) {
                progress.update(row, ids.len())?;
            }
            let numbers = &values[id as usize * columns..][..columns];
            array.extend(numbers.iter().copied()).map_err(io)?;
        }
        array.finish().map_err(io)?;
        progress.update(ids.len(), ids.len())
    })
}

fn check_ids(ids: &[u32], n: usize) -> Result<()> {
    match ids.iter().find(|&&id| id as usize >= n) {
        Some(id) => Err(Error::usage(format!(
            "there is no item {id}: the last is item {}",
            n.saturating_sub(1)
        ))),
        None => Ok(()),
    }
}

fn check_count(what: &str, values: &[f32], width: usize, n: usize) -> Result<()> {
    if width > 0 && width.checked_mul(n) == Some(values.len()) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} numbers are no {what} of {width} numbers for {n} items",
        values.len()
    )))
}

/// What a column of the table shows.
enum Field<'a> {
    Item,
    Name,
    Label,
    Numbers(&'a str, &'a [f32]),
    Column(&'a str, &'a ColumnValues),
    Code(&'a [f32], usize, usize),
    Position(&'a [[f32; 2]], usize),
}

impl Field<'_> {
    fn heading(&self) -> Cow<'_, str> {
        match self {
            Self::Item => "item".into(),
            Self::Name => "file".into(),
            Self::Label => "label".into(),
            Self::Numbers(name, _) | Self::Column(name, _) => (*name).into(),
            Self::Code(_, _, dim) => format!("z{dim}").into(),
            Self::Position(_, axis) => ["x", "y"][*axis].into(),
        }
    }

    fn cell<'b>(&'b self, dataset: &'b Dataset, id: usize) -> Cow<'b, str> {
        let number = |value: f32| {
            if value.is_nan() {
                Cow::Borrowed("")
            } else {
                Cow::Owned(shortest(value))
            }
        };
        match self {
            Self::Item => id.to_string().into(),
            Self::Name => dataset.item_name(id).unwrap_or_default().into(),
            Self::Label => dataset.label_name(id).unwrap_or_default().into(),
            Self::Numbers(_, values) => number(values[id]),
            Self::Column(_, ColumnValues::Number(values)) => number(values[id]),
            Self::Column(_, ColumnValues::Category { values, names }) => {
                let name = names.get(values[id] as usize);
                name.map_or("", String::as_str).into()
            }
            Self::Column(_, ColumnValues::Text(values)) => values[id].as_str().into(),
            Self::Code(codes, d, dim) => number(codes[id * d + dim]),
            Self::Position(positions, axis) => number(positions[id][*axis]),
        }
    }
}

/// The shortest text that reads back as the same number.
fn shortest(value: f32) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e9).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

fn fields<'a>(
    dataset: &'a Dataset,
    ids: &[u32],
    codes: Option<(&'a [f32], usize)>,
    positions: Option<&'a [[f32; 2]]>,
) -> Vec<Field<'a>> {
    let mut fields = vec![Field::Item];
    if dataset.item_name(0).is_some() {
        fields.push(Field::Name);
    }
    if dataset.labels().is_some() && !columns_tell_labels(dataset, ids) {
        fields.push(Field::Label);
    }
    let factors = dataset.factors().iter();
    fields.extend(factors.map(|factor| Field::Numbers(&factor.name, &factor.values)));
    let columns = dataset.columns().iter();
    fields.extend(columns.map(|column| Field::Column(&column.name, &column.values)));
    if let Some((codes, d)) = codes {
        fields.extend((0..d).map(|dim| Field::Code(codes, d, dim)));
    }
    if let Some(positions) = positions {
        fields.extend([0, 1].map(|axis| Field::Position(positions, axis)));
    }
    fields
}

/// Whether a column called label says the same as the labels, as when these came from it.
fn columns_tell_labels(dataset: &Dataset, ids: &[u32]) -> bool {
    dataset.columns().iter().any(|column| {
        let ColumnValues::Category { values, names } = &column.values else {
            return false;
        };
        let is_same = |&id: &u32| {
            let name = names.get(values[id as usize] as usize);
            name.is_none_or(|name| dataset.label_name(id as usize) == Some(name))
        };
        normalised(&column.name) == "label" && ids.iter().all(is_same)
    })
}

/// The fields' headings, with a number behind those that would be there twice.
fn headings(fields: &[Field]) -> Vec<String> {
    let mut used = HashSet::new();
    let heading = |field: &Field| {
        let heading = field.heading();
        let numbered = (2..).map(|number| format!("{heading} {number}"));
        let mut candidates = std::iter::once(heading.to_string()).chain(numbered);
        let free = candidates.find(|name| used.insert(name.clone()));
        free.unwrap_or_default()
    };
    fields.iter().map(heading).collect()
}
