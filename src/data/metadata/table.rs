//! Tables as people keep them: text with separators, or JSON. Cells are text until somebody needs them as numbers.
//!
//! Invariants: every column has one cell per row; memory is bounded by [`MAX_BYTES`] and [`MAX_CELLS`], whatever the
//! file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::json;
use crate::error::{Error, Result};

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// The most cells that a table may have.
const MAX_CELLS: usize = 1 << 26;

/// The most columns that a table may have.
const MAX_COLUMNS: usize = 256;

/// The longest cell, in bytes.
const MAX_CELL: usize = 1 << 16;

/// Whether the first line has to name the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::data) enum Header {
    /// A first line of nothing but numbers is refused.
    Required,
    /// A first line of nothing but numbers is the first row.
    Optional,
}

/// The cells of one column, as text without blanks at its ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::data) struct Cells {
    /// What the column is called.
    pub(in crate::data) name: String,
    text: String,
    ends: Vec<u32>,
}

impl Cells {
    /// The cell in `row`; empty where there is none.
    pub(in crate::data) fn get(&self, row: usize) -> &str {
        let start = match row {
            0 => 0,
            row => self
                .ends
                .get(row - 1)
                .map_or(self.text.len(), |&end| end as usize),
        };
        let end = self.ends.get(row).map_or(start, |&end| end as usize);
        self.text.get(start..end).unwrap_or_default()
    }

    /// All cells from the first row on.
    pub(in crate::data) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|row| self.get(row))
    }

    fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len() as u32);
    }
}

/// A table that has been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::data) struct Table {
    /// Its columns, in the order of the file.
    pub(in crate::data) columns: Vec<Cells>,
    /// Whether `1,5` is a number, as where a semicolon stands between cells.
    pub(in crate::data) has_decimal_comma: bool,
    /// Where each row begins; empty when rows are only counted.
    lines: Vec<u32>,
}

impl Table {
    /// Reads the table at `path`: JSON when the name or the first character says so, else text with commas,
    /// semicolons or tabs between cells.
    ///
    /// # Errors
    /// `is_file` when it is missing, too large, not UTF-8, ragged or no table, with the line where that shows.
    pub(in crate::data) fn read(path: &Path, header: Header) -> Result<Self> {
        let text = read_text(path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if text.trim().is_empty() {
            return Err(Error::file(path, "is empty").hint(
                "a table has the names of its columns in the first line, and a line per picture",
            ));
        }
        let table = match json::Form::of(path, text) {
            Some(form) => json::read(path, text, form)?,
            None => read_separated(path, text, header)?,
        };
        if table.rows() == 0 {
            return Err(Error::file(path, "names columns and has no row")
                .hint("a table has a line per picture after the first"));
        }
        Ok(table)
    }

    /// Number of rows, at least 1.
    pub(in crate::data) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |cells| cells.ends.len())
    }

    /// Where `row` is, such as `line 7`.
    pub(in crate::data) fn place(&self, row: usize) -> String {
        match self.lines.get(row) {
            Some(line) => format!("line {line}"),
            None => format!("entry {}", row + 1),
        }
    }

    /// The number in `cell`; `None` where it is none. Infinities are none.
    pub(in crate::data) fn number(&self, cell: &str) -> Option<f64> {
        let parsed = if self.has_decimal_comma && cell.contains(',') {
            cell.replace(',', ".").parse()
        } else {
            cell.parse()
        };
        parsed.ok().filter(|number: &f64| number.is_finite())
    }
}

/// A cell as an error shows it: quoted, on one line and not too long.
pub(in crate::data) fn shown(cell: &str) -> String {
    const SHOWN: usize = 40;
    let more = if cell.chars().nth(SHOWN).is_some() {
        "…"
    } else {
        ""
    };
    format!("{:?}", cell.chars().take(SHOWN).collect::<String>() + more)
}

/// The text of a file that has to be UTF-8.
pub(in crate::data) fn read_text(path: &Path) -> Result<String> {
    let at = |e: std::io::Error| Error::io(path, &e);
    let too_long = || {
        let reason = format!(
            "is longer than the {} MiB that a table may have",
            MAX_BYTES >> 20
        );
        Error::file(path, reason).hint("keep only the columns that are needed")
    };
    let file = File::open(path).map_err(at)?;
    if file.metadata().map_err(at)?.len() > MAX_BYTES {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    // A file may grow, and a device has no length.
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(at)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_long());
    }
    let save = "save it as UTF-8; spreadsheets call it “CSV UTF-8”";
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Error::file(path, "is UTF-16, not UTF-8").hint(save));
    }
    if bytes.contains(&0) {
        return Err(Error::file(path, "is no text: it holds a zero byte")
            .hint("make sure that the file is what it should be"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let bad = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..bad].split(|&b| b == b'\n').count();
        Error::file(
            path,
            format!(
                "is not UTF-8 (Latin-1, probably): line {line} has the byte {:#04x}",
                e.as_bytes()[bad]
            ),
        )
        .hint(save)
    })
}

/// A table under way.
#[derive(Default)]
pub(super) struct Builder {
    columns: Vec<Cells>,
    places: HashMap<String, usize>,
    rows: usize,
    cells: usize,
    lines: Vec<u32>,
}

impl Builder {
    /// The place of the column called `name`, new where there is none; the rows so far have empty cells then.
    pub(super) fn column(&mut self, name: &str) -> Result<usize, String> {
        let name = name.trim();
        if let Some(&place) = self.places.get(name) {
            return Ok(place);
        }
        self.new_column(name)
    }

    /// The place of a column that must not be there yet.
    pub(super) fn new_column(&mut self, name: &str) -> Result<usize, String> {
        let place = self.columns.len();
        let name = match name.trim() {
            "" => format!("column {}", place + 1),
            name => name.to_owned(),
        };
        if place == MAX_COLUMNS {
            return Err(format!(
                "has more than the {MAX_COLUMNS} columns that are read"
            ));
        }
        if name.len() > MAX_CELL {
            return Err(format!("has a column whose name has {} bytes", name.len()));
        }
        if self.places.insert(name.clone(), place).is_some() {
            return Err(format!("has two columns called {}", shown(&name)));
        }
        self.cells += self.rows;
        self.columns.push(Cells {
            name,
            text: String::new(),
            ends: vec![0; self.rows],
        });
        Ok(place)
    }

    /// Adds a cell to the column at `place`.
    pub(super) fn push(&mut self, place: usize, cell: &str) -> Result<(), String> {
        let cell = cell.trim();
        if cell.len() > MAX_CELL {
            return Err(format!(
                "has a cell of {} bytes, more than the {} KiB that one may have",
                cell.len(),
                MAX_CELL >> 10
            ));
        }
        self.cells += 1;
        if self.cells > MAX_CELLS {
            return Err(format!("has more than the {MAX_CELLS} cells that are read"));
        }
        self.columns[place].push(cell);
        Ok(())
    }

    /// Whether the row under way has a cell in the column at `place` already.
    pub(super) fn has_cell(&self, place: usize) -> bool {
        self.columns[place].ends.len() > self.rows
    }

    /// Number of rows that are complete.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Completes a row that began in `line`, where that is known; columns without a cell get an empty one.
    pub(super) fn end_row(&mut self, line: Option<u32>) -> Result<(), String> {
        for place in 0..self.columns.len() {
            if !self.has_cell(place) {
                self.push(place, "")?;
            }
        }
        self.rows += 1;
        self.lines.extend(line);
        Ok(())
    }

    /// The table, whose columns were filled one after the other when no row was completed.
    pub(super) fn finish(self) -> Result<Table, String> {
        let rows = self.columns.first().map_or(0, |cells| cells.ends.len());
        if let Some(other) = self.columns.iter().find(|cells| cells.ends.len() != rows) {
            return Err(format!(
                "has {rows} entries in {} and {} in {}",
                shown(&self.columns[0].name),
                other.ends.len(),
                shown(&other.name)
            ));
        }
        Ok(Table {
            columns: self.columns,
            has_decimal_comma: false,
            lines: self.lines,
        })
    }
}

fn read_separated(path: &Path, text: &str, header: Header) -> Result<Table> {
    let separator = separator_of(text);
    let mut records = Records::new(text, separator);
    let mut builder = Builder::default();
    let refuse = |line: u32, reason: &str| Error::file(path, format!("line {line} {reason}"));
    let add_row = |builder: &mut Builder, records: &Records| {
        records
            .cells()
            .enumerate()
            .try_for_each(|(place, cell)| builder.push(place, cell))
            .and_then(|()| builder.end_row(Some(records.line)))
            .map_err(|reason| refuse(records.line, &reason))
    };
    let mut width = None;
    while records
        .advance()
        .map_err(|reason| refuse(records.line, &reason))?
    {
        let Some(expected) = width else {
            width = Some(records.cells().count());
            let is_row = records
                .cells()
                .all(|cell| cell.trim().parse::<f64>().is_ok());
            if is_row && header == Header::Required {
                return Err(refuse(
                    records.line,
                    "does not name the columns: it holds only numbers",
                )
                .hint("write the names of the columns into the first line"));
            }
            for name in records.cells() {
                let name = if is_row { "" } else { name };
                builder
                    .new_column(name)
                    .map_err(|reason| refuse(records.line, &reason))?;
            }
            if is_row {
                add_row(&mut builder, &records)?;
            }
            continue;
        };
        let found = records.cells().count();
        if found != expected {
            return Err(refuse(
                records.line,
                &format!("has {found} cells where the first line has {expected}"),
            )
            .hint(
                "complete the line, and quote cells that hold the separator or a quotation mark",
            ));
        }
        add_row(&mut builder, &records)?;
    }
    let table = builder
        .finish()
        .map_err(|reason| Error::file(path, reason))?;
    Ok(Table {
        has_decimal_comma: separator == b';',
        ..table
    })
}

/// The records of a text, one at a time; blank lines are none.
struct Records<'a> {
    parser: csv_core::Reader,
    rest: &'a [u8],
    cells: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    /// The line in which the record begins.
    line: u32,
    next_line: u32,
}

impl<'a> Records<'a> {
    fn new(text: &'a str, separator: u8) -> Self {
        Self {
            parser: csv_core::ReaderBuilder::new().delimiter(separator).build(),
            rest: text.as_bytes(),
            cells: vec![0; 1 << 12],
            ends: vec![0; MAX_COLUMNS + 1],
            count: 0,
            line: 1,
            next_line: 1,
        }
    }

    /// Goes to the next record; false at the end.
    fn advance(&mut self) -> Result<bool, String> {
        let blank = self
            .rest
            .iter()
            .take_while(|byte| b"\r\n".contains(byte))
            .count();
        self.pass(blank);
        self.line = self.next_line;
        let mut filled = 0;
        self.count = 0;
        loop {
            let (state, read, written, ended) = self.parser.read_record(
                self.rest,
                &mut self.cells[filled..],
                &mut self.ends[self.count..],
            );
            self.pass(read);
            filled += written;
            self.count += ended;
            match state {
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::OutputFull => {
                    self.cells.resize(2 * self.cells.len(), 0);
                }
                csv_core::ReadRecordResult::OutputEndsFull => {
                    return Err(format!(
                        "has more than the {MAX_COLUMNS} columns that are read"
                    ));
                }
                csv_core::ReadRecordResult::Record => return Ok(true),
                csv_core::ReadRecordResult::End => return Ok(false),
            }
        }
    }

    fn pass(&mut self, count: usize) {
        let (passed, rest) = self.rest.split_at(count);
        self.next_line += passed.split(|&byte| byte == b'\n').count() as u32 - 1;
        self.rest = rest;
    }

    fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.count).map(|place| {
            let start = if place == 0 { 0 } else { self.ends[place - 1] };
            std::str::from_utf8(&self.cells[start..self.ends[place]]).unwrap_or_default()
        })
    }
}

/// What stands between cells: whichever of comma, semicolon and tab is most frequent in the first line, outside of
/// quotation marks.
fn separator_of(text: &str) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut is_quoted = false;
    for byte in text
        .trim_start_matches(['\n', '\r'])
        .bytes()
        .take(MAX_CELL * 4)
    {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => break,
            _ if is_quoted => {}
            byte => {
                for (separator, count) in &mut counts {
                    *count += usize::from(*separator == byte);
                }
            }
        }
    }
    let first_of_most = counts.iter().rev().max_by_key(|(_, count)| *count);
    first_of_most.map_or(b',', |(separator, _)| *separator)
}
