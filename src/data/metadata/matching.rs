//! Which row of a table belongs to which item.
//!
//! Invariants: no item gets two rows; when rows go by order, their count is that of the items or of the whole source
//! that the items were cut from. Where items were cut from a source, rows with unknown names are taken for those of the
//! others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use super::column::normalised;
use super::table::{Cells, Table, shown};
use crate::data::Dataset;
use crate::error::{Error, Result};

/// Columns whose cells may be the names of items, the likeliest first.
const KEYS: [&str; 6] = ["name", "file", "filename", "filepath", "path", "item"];

/// The column that numbers items, where they have no names.
const NUMBERS: &str = "item";

/// What to do when rows and items do not fit.
const WAY_OUT: &str = "correct the file, or take it away to go without metadata";

/// The row of each item, and the column that told, unless rows go by order.
pub(super) struct Matching {
    pub(super) rows: Vec<Option<usize>>,
    pub(super) key: Option<usize>,
}

/// Finds the row of each item of `set` in `table`, which was read from `path`.
pub(super) fn find(path: &Path, table: &Table, set: &Dataset) -> Result<Matching> {
    if set.item_name(0).is_some() {
        let keys = KEYS.iter().flat_map(|key| columns_called(table, key));
        let keys: Vec<usize> = keys.collect();
        let names = Names::of(set);
        let hits = |place: usize| {
            let cells = table.columns[place].iter();
            cells
                .filter(|cell| !matches!(names.find(cell), Found::Nothing))
                .count()
        };
        let counted = keys.iter().map(|&place| (place, hits(place)));
        // Of equal counts the likeliest name, which comes first.
        let best = counted.fold(
            (0, 0),
            |best, next| if next.1 > best.1 { next } else { best },
        );
        if best.1 > 0 {
            let rows = by_name(path, table, set, &names, &table.columns[best.0])?;
            return Ok(Matching {
                rows,
                key: Some(best.0),
            });
        }
        // All rows may be about the part that is not there.
        let goes_by_order = table.rows() == set.len()
            || set
                .origin()
                .is_some_and(|origin| origin.whole == table.rows() as u64);
        if !keys.is_empty() && set.is_cut() && !goes_by_order {
            return Ok(Matching {
                rows: vec![None; set.len()],
                key: keys.first().copied(),
            });
        }
    } else if let Some(place) = columns_called(table, NUMBERS).next()
        && let Some(rows) = by_number(path, table, set, &table.columns[place])?
    {
        return Ok(Matching {
            rows,
            key: Some(place),
        });
    }
    let rows = by_order(path, table, set)?;
    Ok(Matching { rows, key: None })
}

fn columns_called(table: &Table, name: &str) -> impl Iterator<Item = usize> {
    let named = table.columns.iter().enumerate();
    named
        .filter(move |(_, cells)| normalised(&cells.name) == name)
        .map(|(place, _)| place)
}

/// What a cell names.
enum Found {
    Nothing,
    Item(usize),
    /// Two of several items.
    Several(usize, usize),
}

/// Items by what they may be called.
struct Names {
    /// By the whole name.
    whole: HashMap<String, usize>,
    /// By the last parts of the name, with and without its extension; two items where several are called so.
    ends: HashMap<String, (usize, Option<usize>)>,
}

impl Names {
    fn of(set: &Dataset) -> Self {
        let mut names = Self {
            whole: HashMap::with_capacity(set.len()),
            ends: HashMap::with_capacity(2 * set.len()),
        };
        for (id, name) in (0..set.len()).filter_map(|id| Some((id, set.item_name(id)?))) {
            names.whole.insert(name.to_owned(), id);
            let mut end = name;
            loop {
                names.add(end, id);
                names.add(stem(end), id);
                match end.split_once('/') {
                    Some((_, rest)) => end = rest,
                    None => break,
                }
            }
        }
        names
    }

    fn add(&mut self, end: &str, id: usize) {
        match self.ends.entry(end.to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert((id, None));
            }
            Entry::Occupied(mut entry) => {
                let (first, second) = entry.get_mut();
                if *first != id {
                    second.get_or_insert(id);
                }
            }
        }
    }

    fn find(&self, cell: &str) -> Found {
        let cell = cell.replace('\\', "/");
        let cell = cell.trim_start_matches("./");
        if cell.is_empty() {
            return Found::Nothing;
        }
        if let Some(&id) = self.whole.get(cell) {
            return Found::Item(id);
        }
        match self.ends.get(cell) {
            Some(&(id, None)) => return Found::Item(id),
            Some(&(one, Some(other))) => return Found::Several(one, other),
            None => {}
        }
        // A path from further up, such as an absolute one.
        let mut rest = cell;
        while let Some((_, inner)) = rest.split_once('/') {
            if let Some(&id) = self.whole.get(inner).filter(|_| inner.contains('/')) {
                return Found::Item(id);
            }
            rest = inner;
        }
        self.whole
            .get(rest)
            .filter(|_| rest != cell)
            .map_or(Found::Nothing, |&id| Found::Item(id))
    }
}

/// A name without its extension.
fn stem(name: &str) -> &str {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].rfind('.') {
        Some(dot) if dot > 0 => &name[..start + dot],
        _ => name,
    }
}

fn by_name(
    path: &Path,
    table: &Table,
    set: &Dataset,
    names: &Names,
    key: &Cells,
) -> Result<Vec<Option<usize>>> {
    let refuse = |row: usize, cell: &str, reason: String, way_out: &str| {
        Error::file(
            path,
            format!(
                "{} has {} in {}, {reason}",
                table.place(row),
                shown(cell),
                shown(&key.name)
            ),
        )
        .hint(way_out)
    };
    let mut rows: Vec<Option<usize>> = vec![None; set.len()];
    for (row, cell) in key.iter().enumerate() {
        match names.find(cell) {
            Found::Item(id) => {
                if let Some(earlier) = rows[id].replace(row) {
                    let reason = format!("which {} has already", table.place(earlier));
                    return Err(refuse(row, cell, reason, WAY_OUT));
                }
            }
            Found::Several(one, other) => {
                let called = |id| set.item_name(id).unwrap_or_default();
                let reason = format!(
                    "which may be {} or {}",
                    shown(called(one)),
                    shown(called(other))
                );
                let way_out = "write the file's path within the folder or archive";
                return Err(refuse(row, cell, reason, way_out));
            }
            // What is not in a part of a set may be in another; what could not be read is no stranger either.
            Found::Nothing if set.is_cut() || is_skipped(set, cell) => {}
            Found::Nothing => {
                return Err(refuse(
                    row,
                    cell,
                    "and no item is called that".into(),
                    WAY_OUT,
                ));
            }
        }
    }
    Ok(rows)
}

fn is_skipped(set: &Dataset, cell: &str) -> bool {
    !cell.is_empty()
        && set.skipped().iter().any(|skipped| {
            skipped.file.ends_with(cell) || skipped.file.with_extension("").ends_with(cell)
        })
}

/// Rows by the number of the item; `None` when the cells are no numbers.
fn by_number(
    path: &Path,
    table: &Table,
    set: &Dataset,
    key: &Cells,
) -> Result<Option<Vec<Option<usize>>>> {
    let numbers: Option<Vec<u64>> = key.iter().map(|cell| cell.parse().ok()).collect();
    let Some(numbers) = numbers else {
        return Ok(None);
    };
    let mut rows: Vec<Option<usize>> = vec![None; set.len()];
    for (row, &number) in numbers.iter().enumerate() {
        let known = usize::try_from(number).ok().and_then(|id| rows.get_mut(id));
        let Some(place) = known else {
            let reason = format!(
                "{} is about item {number}, and the last is item {}",
                table.place(row),
                set.len() - 1
            );
            return Err(Error::file(path, reason)
                .hint("items are counted from 0; call the column something else to go by order"));
        };
        if let Some(earlier) = place.replace(row) {
            let reason = format!(
                "{} is about item {number}, which {} is already",
                table.place(row),
                table.place(earlier)
            );
            return Err(Error::file(path, reason).hint(WAY_OUT));
        }
    }
    Ok(Some(rows))
}

fn by_order(path: &Path, table: &Table, set: &Dataset) -> Result<Vec<Option<usize>>> {
    let rows = table.rows();
    if rows == set.len() {
        return Ok((0..rows).map(Some).collect());
    }
    if let Some(origin) = set.origin().filter(|origin| origin.whole == rows as u64) {
        return Ok(origin
            .places
            .iter()
            .map(|&place| Some(place as usize))
            .collect());
    }
    let whole = match set.origin() {
        Some(origin) if origin.whole != set.len() as u64 => {
            format!(" (of {} in the whole source)", origin.whole)
        }
        _ => String::new(),
    };
    let items = set.len();
    let first = &table.columns[0];
    let key = KEYS
        .iter()
        .flat_map(|key| columns_called(table, key))
        .next();
    let told = key.map_or(first, |place| &table.columns[place]);
    let (row, what) = if rows > items {
        (items, "is the first row without an item")
    } else {
        (rows - 1, "is the last row")
    };
    let reason = format!(
        "has {rows} rows for {items} items{whole}: {}, with {} in {}, {what}",
        table.place(row),
        shown(told.get(row)),
        shown(&told.name),
    );
    let way_out = if set.item_name(0).is_some() {
        "write one row per item, or their file names in a column called file, or take the file away"
    } else {
        "write one row per item, or their numbers from 0 in a column called item, or take the file away"
    };
    Err(Error::file(path, reason).hint(way_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    #[test]
    fn names_are_found_by_path_end_and_stem() -> Result<()> {
        let names = ["r/cats/1.png", "r/dogs/1.png", "r/dogs/2.a.png", "3.png"];
        let set = Dataset::new("x", ImageShape::new(1, 1, 1), vec![0; 4])?
            .with_item_names(names.map(String::from).to_vec())?;
        let names = Names::of(&set);
        let found = |cell: &str| match names.find(cell) {
            Found::Nothing => None,
            Found::Item(id) => Some((id, id)),
            Found::Several(one, other) => Some((one, other)),
        };
        assert_eq!(found("r/cats/1.png"), Some((0, 0)));
        assert_eq!(found("dogs/1.png"), Some((1, 1)));
        assert_eq!(found(".\\r\\dogs\\1"), Some((1, 1)));
        assert_eq!(found("1.png"), Some((0, 1)));
        assert_eq!(found("2.a"), Some((2, 2)));
        assert_eq!(found("/home/me/r/dogs/2.a.png"), Some((2, 2)));
        assert_eq!(found("/home/me/3.png"), Some((3, 3)));
        assert_eq!(found("/home/me/dogs/2.a.png"), None);
        assert_eq!(found("2"), None);
        assert_eq!(found(""), None);
        Ok(())
    }
}
