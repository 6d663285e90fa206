//! Columns of numbers, of categories and of text, and how a table's cells become them.
//!
//! Invariant: a column's kind follows from the whole table, so that the halves of a set have the same categories.

use std::collections::HashMap;

use super::table::{Cells, Table};
use crate::data::Labels;
use crate::data::formats::natural_order;

/// The most categories of a column that nobody calls one.
const MAX_CATEGORIES: usize = 256;

/// What is called by one of these is a column of categories, even of numbers.
const CLASS_NAMES: [&str; 5] = ["label", "labels", "class", "classes", "category"];

/// The class of pictures that have none, where others have.
const NO_LABEL: &str = "(no label)";

/// What is known of every item under one name.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// What it is called, as the file has it.
    pub name: String,
    /// One value per item.
    pub values: ColumnValues,
}

/// The values of a column.
#[derive(Clone, PartialEq, Debug)]
pub enum ColumnValues {
    /// Finite numbers; NaN where there is none.
    Number(Vec<f32>),
    /// One of few names.
    Category {
        /// The place in `names` of each item's; `u32::MAX` where there is none.
        values: Vec<u32>,
        /// What the categories are called, in natural order.
        names: Vec<String>,
    },
    /// Any text; empty where there is none.
    Text(Vec<String>),
}

impl Column {
    /// The value that stands for no category.
    pub const NO_CATEGORY: u32 = u32::MAX;

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.values {
            ColumnValues::Number(values) => values.len(),
            ColumnValues::Category { values, .. } => values.len(),
            ColumnValues::Text(values) => values.len(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of item `id` as text; `None` where it has none.
    #[must_use]
    pub fn text(&self, id: usize) -> Option<String> {
        match &self.values {
            ColumnValues::Number(values) => {
                let value = values.get(id).filter(|value| !value.is_nan())?;
                Some(value.to_string())
            }
            ColumnValues::Category { values, names } => {
                names.get(*values.get(id)? as usize).cloned()
            }
            ColumnValues::Text(values) => values.get(id).filter(|text| !text.is_empty()).cloned(),
        }
    }

    /// What kind of values it has: `number`, `category` or `text`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.values {
            ColumnValues::Number(_) => "number",
            ColumnValues::Category { .. } => "category",
            ColumnValues::Text(_) => "text",
        }
    }

    /// How many items have no value.
    #[must_use]
    pub fn missing(&self) -> usize {
        match &self.values {
            ColumnValues::Number(values) => values.iter().filter(|value| value.is_nan()).count(),
            ColumnValues::Category { values, .. } => {
                let is_missing = |&&value: &&u32| value == Self::NO_CATEGORY;
                values.iter().filter(is_missing).count()
            }
            ColumnValues::Text(values) => values.iter().filter(|text| text.is_empty()).count(),
        }
    }

    /// The least and the greatest number; none where it holds none.
    #[must_use]
    pub fn range(&self) -> Option<(f32, f32)> {
        let ColumnValues::Number(values) = &self.values else {
            return None;
        };
        let known = values.iter().copied().filter(|value| !value.is_nan());
        known.fold(None, |range, value| match range {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        })
    }

    /// The category of each item, [`Self::NO_CATEGORY`] where it has none, and what the categories are called in natural order:
    /// its own, or of a column of text its different texts. None for numbers, and for more than 256 different texts.
    #[must_use]
    pub fn categories(&self) -> Option<(Vec<u32>, Vec<String>)> {
        match &self.values {
            ColumnValues::Number(_) => None,
            ColumnValues::Category { values, names } => Some((values.clone(), names.clone())),
            ColumnValues::Text(values) => {
                sorted_categories(values.iter().map(String::as_str), MAX_CATEGORIES)
            }
        }
    }

    /// The column that has, one after the other, the values at `places`, and none where a place is `None`.
    pub(in crate::data) fn gathered(&self, places: impl Iterator<Item = Option<usize>>) -> Self {
        let values = match &self.values {
            ColumnValues::Number(values) => ColumnValues::Number(
                places
                    .map(|place| {
                        place
                            .and_then(|at| values.get(at).copied())
                            .unwrap_or(f32::NAN)
                    })
                    .collect(),
            ),
            ColumnValues::Category { values, names } => ColumnValues::Category {
                values: places
                    .map(|place| {
                        place
                            .and_then(|at| values.get(at).copied())
                            .unwrap_or(Self::NO_CATEGORY)
                    })
                    .collect(),
                names: names.clone(),
            },
            ColumnValues::Text(values) => ColumnValues::Text(
                places
                    .map(|place| {
                        place
                            .and_then(|at| values.get(at).cloned())
                            .unwrap_or_default()
                    })
                    .collect(),
            ),
        };
        Self {
            name: self.name.clone(),
            values,
        }
    }

    /// Whether `next` can be appended: the same name, kind and categories.
    pub(in crate::data) fn continues(&self, next: &Self) -> bool {
        let are_alike = match (&self.values, &next.values) {
            (ColumnValues::Number(_), ColumnValues::Number(_))
            | (ColumnValues::Text(_), ColumnValues::Text(_)) => true,
            (ColumnValues::Category { names, .. }, ColumnValues::Category { names: more, .. }) => {
                names == more
            }
            _ => false,
        };
        self.name == next.name && are_alike
    }

    /// Appends the values of `next`, where it [`Self::continues`] this one.
    pub(in crate::data) fn append(&mut self, next: &Self) {
        match (&mut self.values, &next.values) {
            (ColumnValues::Number(values), ColumnValues::Number(more)) => {
                values.extend_from_slice(more);
            }
            (
                ColumnValues::Category { values, .. },
                ColumnValues::Category { values: more, .. },
            ) => {
                values.extend_from_slice(more);
            }
            (ColumnValues::Text(values), ColumnValues::Text(more)) => {
                values.extend_from_slice(more);
            }
            _ => {}
        }
    }

    /// The classes that the column gives when it is called label or class and holds categories.
    pub(in crate::data) fn as_labels(&self) -> Option<Labels> {
        let is_label =
            ["label", "labels", "class", "classes"].contains(&normalised(&self.name).as_str());
        let ColumnValues::Category { values, names } = &self.values else {
            return None;
        };
        if !is_label || names.len() >= usize::from(u16::MAX) {
            return None;
        }
        let mut names = names.clone();
        let none = names.len();
        if values.contains(&Self::NO_CATEGORY) {
            names.push(NO_LABEL.into());
        }
        Some(Labels {
            values: values
                .iter()
                .map(|&value| none.min(value as usize) as u16)
                .collect(),
            names,
        })
    }

    /// The column that the cells of `table` make.
    pub(super) fn of(cells: &Cells, table: &Table) -> Self {
        let is_class = CLASS_NAMES.contains(&normalised(&cells.name).as_str());
        let values = if is_class {
            classes(cells, table).or_else(|| numbers(cells, table))
        } else {
            numbers(cells, table).or_else(|| categories(cells, few(table)))
        };
        Self {
            name: cells.name.clone(),
            values: values
                .unwrap_or_else(|| ColumnValues::Text(cells.iter().map(String::from).collect())),
        }
    }
}

/// A column's name as names are compared: in lower case, without what parts its words.
pub(in crate::data) fn normalised(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}

/// Whether a cell says that there is no value.
fn is_missing(cell: &str) -> bool {
    cell.is_empty()
        || ["na", "n/a", "nan", "null"]
            .iter()
            .any(|word| cell.eq_ignore_ascii_case(word))
}

/// The cells as numbers, when all that are not missing are, and one is.
fn numbers(cells: &Cells, table: &Table) -> Option<ColumnValues> {
    let mut has_any = false;
    let mut number = |cell: &str| {
        if is_missing(cell) {
            return Some(f32::NAN);
        }
        let number = table.number(cell)? as f32;
        has_any = true;
        number.is_finite().then_some(number)
    };
    let values = cells
        .iter()
        .map(&mut number)
        .collect::<Option<Vec<f32>>>()?;
    has_any.then_some(ColumnValues::Number(values))
}

/// The cells of a column that is called one of classes: any names, or whole numbers.
fn classes(cells: &Cells, table: &Table) -> Option<ColumnValues> {
    let is_broken =
        |cell: &str| !is_missing(cell) && table.number(cell).is_some_and(|n| n.fract() != 0.0);
    if cells.iter().any(is_broken) {
        return None;
    }
    categories(cells, usize::from(u16::MAX) - 1)
}

/// How many different texts make categories rather than text.
fn few(table: &Table) -> usize {
    MAX_CATEGORIES.min((table.rows() - 1) / 2)
}

/// The cells as categories, when they are `most` at most, or truth values.
fn categories(cells: &Cells, most: usize) -> Option<ColumnValues> {
    let is_truth = |cell: &str| {
        ["true", "false"]
            .iter()
            .any(|word| cell.eq_ignore_ascii_case(word))
    };
    let are_truths = cells.iter().all(|cell| is_missing(cell) || is_truth(cell));
    let most = if are_truths { 6 } else { most };
    let (values, names) = sorted_categories(cells.iter(), most)?;
    Some(ColumnValues::Category { values, names })
}

/// The category of each cell and the categories' names in natural order, when there are any and at most `most`.
fn sorted_categories<'a>(
    cells: impl Iterator<Item = &'a str>,
    most: usize,
) -> Option<(Vec<u32>, Vec<String>)> {
    let mut places: HashMap<&str, u32> = HashMap::new();
    let mut values = Vec::new();
    for cell in cells {
        if is_missing(cell) {
            values.push(Column::NO_CATEGORY);
            continue;
        }
        let next = places.len() as u32;
        values.push(*places.entry(cell).or_insert(next));
        if places.len() > most {
            return None;
        }
    }
    let mut names: Vec<(&str, u32)> = places.into_iter().collect();
    if names.is_empty() {
        return None;
    }
    names.sort_by(|(a, _), (b, _)| natural_order(a, b));
    let mut ranks = vec![0; names.len()];
    for (rank, &(_, place)) in (0..).zip(&names) {
        ranks[place as usize] = rank;
    }
    for value in &mut values {
        *value = ranks
            .get(*value as usize)
            .copied()
            .unwrap_or(Column::NO_CATEGORY);
    }
    let names = names.into_iter().map(|(name, _)| name.to_owned());
    Some((values, names.collect()))
}
