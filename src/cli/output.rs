//! How results leave the command line: tables and JSON on standard output, arrays and pictures as files.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Mutex;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::data::{ImageShape, Picture};
use crate::error::{Error, Result};
use crate::model::{folder_of, write_atomically};
use crate::progress::Progress;

/// Prints an object: one line of JSON, or a line `name value` per entry.
pub(super) fn print(json: bool, value: &Value) {
    print_to(&mut std::io::stdout().lock(), json, value);
}

/// The same, elsewhere.
pub(super) fn print_to(out: &mut dyn Write, json: bool, value: &Value) {
    // A reader that went away, such as `head`, is no failure of ours.
    let _ = if json {
        writeln!(out, "{value}")
    } else if let Value::Object(entries) = value {
        let width = entries.keys().map(String::len).max().unwrap_or(0);
        entries.iter().try_for_each(|(name, value)| match value {
            Value::String(text) => writeln!(out, "{name:width$}  {text}"),
            value => writeln!(out, "{name:width$}  {value}"),
        })
    } else {
        writeln!(out, "{value}")
    };
}

/// Progress as a line on standard error that is written over; nothing where that is no terminal.
pub(super) fn progress(what: &str) -> Progress {
    if !std::io::stderr().is_terminal() {
        return Progress::silent();
    }
    let what = what.to_owned();
    let last = Mutex::new(usize::MAX);
    Progress::new(move |done| {
        let percent = (done * 100.0) as usize;
        if let Ok(mut last) = last.lock()
            && *last != percent
        {
            *last = percent;
            eprint!("\r{what} {percent} %\x1b[K");
            if percent >= 99 {
                eprint!("\r\x1b[K");
            }
        }
    })
}

/// Writes numbers `[rows, columns]` as NPY.
pub(super) fn write_npy<T: npyz::AutoSerialize + Copy>(
    path: &Path,
    values: &[T],
    columns: usize,
) -> Result<()> {
    use npyz::WriterBuilder;
    let io = |e: std::io::Error| Error::io(path, &e);
    let mut bytes = Vec::new();
    let rows = (values.len() / columns.max(1)) as u64;
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[rows, columns as u64])
        .writer(&mut bytes)
        .begin_nd()
        .map_err(io)?;
    writer.extend(values.iter().copied()).map_err(io)?;
    writer.finish().map_err(io)?;
    write_atomically(path, &bytes)
}

/// Whether a file can be written at `path`, found out before hours of work are put into it.
pub(super) fn check_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::file(path, "it is a folder").hint("name a file"));
    }
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return Ok(());
    }
    tempfile::Builder::new()
        .prefix(".morphospace-")
        .tempfile_in(folder_of(path))
        .map(drop)
        .map_err(|e| Error::io(path, &e))
}

/// Reads numbers `[rows, columns]` from NPY.
pub(super) fn read_npy(path: &Path) -> Result<(Vec<f32>, usize)> {
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, &e))?;
    let length = file.metadata().map_err(|e| Error::io(path, &e))?.len();
    let bad = |e: std::io::Error| Error::file(path, format!("it is not an NPY array: {e}"));
    let array = npyz::NpyFile::new(std::io::BufReader::new(file)).map_err(bad)?;
    let &[rows, columns] = array.shape() else {
        return Err(Error::file(
            path,
            format!("codes have two dimensions, not {:?}", array.shape()),
        ));
    };
    if columns == 0
        || rows
            .checked_mul(columns)
            .and_then(|n| n.checked_mul(4))
            .is_none_or(|bytes| bytes > 2 * length)
    {
        return Err(Error::file(
            path,
            "it holds fewer numbers than its header promises",
        ));
    }
    if array.order() == npyz::Order::Fortran && rows > 1 && columns > 1 {
        return Err(Error::file(path, "it is stored column by column")
            .hint("save numpy.ascontiguousarray(codes) instead"));
    }
    let values = match array.try_data::<f32>() {
        Ok(values) => values.collect::<std::io::Result<Vec<f32>>>().map_err(bad)?,
        Err(array) => match array.try_data::<f64>() {
            Ok(values) => values
                .map(|v| v.map(|v| v as f32))
                .collect::<std::io::Result<Vec<f32>>>()
                .map_err(bad)?,
            Err(_) => {
                return Err(Error::file(
                    path,
                    "codes have to be 32- or 64-bit floating-point numbers",
                ));
            }
        },
    };
    if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
        let (row, column) = (bad / columns as usize, bad % columns as usize);
        return Err(Error::file(
            path,
            format!(
                "the number in row {row}, column {column} (both counted from 0) is {}, not finite",
                values[bad]
            ),
        )
        .hint("leave such rows out, or put numbers in their place"));
    }
    Ok((values, columns as usize))
}

/// Pictures side by side, row by row, with a thin gap; they come one after the other, so that only the page is held.
pub(super) struct Grid {
    page: RgbImage,
    columns: u32,
    scale: u32,
    next: u32,
}

impl Grid {
    const GAP: u32 = 2;

    /// An empty page for `count` pictures of `shape`, each drawn `scale` times as wide and high.
    pub(super) fn new(count: usize, shape: ImageShape, scale: u32) -> Self {
        let columns = (count as f32).sqrt().ceil().max(1.0) as u32;
        let rows = (count as u32).div_ceil(columns);
        let page = RgbImage::from_pixel(
            columns * (shape.width as u32 * scale + Self::GAP) + Self::GAP,
            rows * (shape.height as u32 * scale + Self::GAP) + Self::GAP,
            Rgb([24, 26, 32]),
        );
        Self {
            page,
            columns,
            scale,
            next: 0,
        }
    }

    /// Draws the next picture.
    pub(super) fn push(&mut self, picture: &Picture) {
        let tile = picture.to_rgb(self.scale);
        let (column, row) = (self.next % self.columns, self.next / self.columns);
        let x = Self::GAP + column * (tile.width() + Self::GAP);
        let y = Self::GAP + row * (tile.height() + Self::GAP);
        image::imageops::replace(&mut self.page, &tile, i64::from(x), i64::from(y));
        self.next += 1;
    }

    /// The page.
    pub(super) fn finish(self) -> RgbImage {
        self.page
    }
}

/// Writes a picture as PNG.
pub(super) fn write_png(path: &Path, image: &RgbImage) -> Result<()> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|e| Error::file(path, e.to_string()))?;
    write_atomically(path, bytes.get_ref())
}

/// A scale at which small pictures can be seen.
pub(super) fn scale_for(shape: ImageShape) -> u32 {
    (96 / shape.height.max(shape.width).max(1) as u32).clamp(1, 4)
}
