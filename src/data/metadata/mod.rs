//! What is known of items beside their pictures: columns from a table that lies with the data or is named.
//!
//! Invariant: a table either gives every one of its columns to a set or, with an error that names it, none.

mod column;
mod json;
mod matching;
mod table;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Dataset;
use crate::error::Result;

pub use column::{Column, ColumnValues};

pub(super) use column::normalised;
pub(super) use table::{Cells, Header, Table, read_text, shown};

/// Endings of the names of tables, the likeliest first.
const ENDINGS: [&str; 4] = ["csv", "tsv", "json", "jsonl"];

/// The name of the table in a folder of data, without its ending.
const IN_FOLDER: &str = "metadata";

/// Whether a file of this name, directly in a folder of data, is the table that goes with them.
pub(super) fn is_metadata(name: &str) -> bool {
    let ending = name
        .strip_prefix(IN_FOLDER)
        .and_then(|rest| rest.strip_prefix('.'));
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The table that lies with the data at `path`: `metadata.csv` in a folder, `STEM.csv` beside a file, or one with
/// another of the known endings.
pub(super) fn beside(path: &Path) -> Option<PathBuf> {
    let is_folder = path.is_dir();
    let base = if is_folder {
        path.join(IN_FOLDER)
    } else {
        path.with_file_name(stem(&path.file_name()?.to_string_lossy()))
    };
    let candidates = ENDINGS.iter().map(|ending| {
        let mut name = OsString::from(&base);
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    });
    let mut files = candidates.filter(|file| file != path && file.is_file());
    files.find(|file| is_folder || !is_other_json(file))
}

/// A file's name without its ending, and without `.gz` behind that.
fn stem(name: &str) -> &str {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    match name.rfind('.') {
        Some(dot) if dot > 0 => &name[..dot],
        _ => name,
    }
}

/// Whether a file is JSON of another kind than a table, such as a model's specification.
fn is_other_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
        && read_text(path).is_ok_and(|text| !json::is_table(&text) && !text.trim().is_empty())
}

/// `set` with the columns of the table at `path`, in place of columns of the same names.
pub(super) fn apply(path: &Path, mut set: Dataset) -> Result<Dataset> {
    let table = Table::read(path, Header::Required)?;
    let found = matching::find(path, &table, &set)?;
    for (place, cells) in table.columns.iter().enumerate() {
        if found.key != Some(place) {
            let column = Column::of(cells, &table).gathered(found.rows.iter().copied());
            set = set.with_column(column).map_err(|e| e.in_file(path))?;
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, cells: &[&str]) -> Result<ColumnValues> {
        let folder = tempfile::tempdir().map_err(|e| crate::Error::io("temporary folder", &e))?;
        let path = folder.path().join("a.csv");
        let text = format!("{name},rest\n{},1\n", cells.join(",1\n"));
        std::fs::write(&path, text).map_err(|e| crate::Error::io(&path, &e))?;
        let table = Table::read(&path, Header::Required)?;
        Ok(Column::of(&table.columns[0], &table).values)
    }

    fn kind(name: &str, cells: &[&str]) -> Result<&'static str> {
        Ok(match column(name, cells)? {
            ColumnValues::Number(_) => "number",
            ColumnValues::Category { .. } => "category",
            ColumnValues::Text(_) => "text",
        })
    }

    #[test]
    fn kinds_follow_from_cells_and_names() -> Result<()> {
        assert_eq!(
            kind("age", &["1", "2.5", "", "NA", "nan", "-1e3"])?,
            "number"
        );
        assert_eq!(kind("age", &["1", "1", "2", "2", "2"])?, "number");
        assert_eq!(kind("age", &["1", "2", "three"])?, "text");
        assert_eq!(kind("age", &["1", "1e999", "2"])?, "text");
        assert_eq!(kind("age", &["", "NA", ""])?, "text");
        assert_eq!(kind("Label", &["1", "1", "2", "2", "2"])?, "category");
        assert_eq!(kind("class", &["1.5", "1", "2"])?, "number");
        assert_eq!(kind("category", &["a", "b"])?, "category");
        assert_eq!(kind("hair", &["a", "b", "a", "b", "a"])?, "category");
        assert_eq!(kind("hair", &["a", "b", "a", "b"])?, "text");
        assert_eq!(kind("glasses", &["True", "False"])?, "category");
        let many: Vec<String> = (0..600).map(|i| format!("n{}", i % 257)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(kind("hair", &many)?, "text");
        Ok(())
    }

    #[test]
    fn categories_are_in_natural_order_and_may_be_missing() -> Result<()> {
        let found = column("label", &["10", "9", "NA", "10"])?;
        let names = vec!["9".to_owned(), "10".to_owned()];
        let values = vec![1, 0, Column::NO_CATEGORY, 1];
        assert_eq!(found, ColumnValues::Category { values, names });
        Ok(())
    }

    #[test]
    fn texts_make_categories_while_they_are_few() {
        let texts = |n: usize| Column {
            name: "a".into(),
            values: ColumnValues::Text((0..n).map(|i| format!("t{i}")).collect()),
        };
        let few = Column {
            name: "a".into(),
            values: ColumnValues::Text(["red", "", "blue"].map(String::from).to_vec()),
        };
        let names = vec!["blue".to_owned(), "red".to_owned()];
        assert_eq!(
            few.categories(),
            Some((vec![1, Column::NO_CATEGORY, 0], names))
        );
        assert!(texts(256).categories().is_some() && texts(257).categories().is_none());
    }

    #[test]
    fn names_lose_their_endings() {
        for (name, expected) in [
            ("a.npy", "a"),
            ("a.b.tar.gz", "a.b"),
            ("a.idx.gz", "a"),
            (".hidden", ".hidden"),
            ("plain", "plain"),
        ] {
            assert_eq!(stem(name), expected);
        }
        assert!(
            is_metadata("metadata.tsv") && !is_metadata("metadata.png") && !is_metadata("metadata")
        );
    }
}
