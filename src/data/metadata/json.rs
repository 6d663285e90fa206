//! Tables in JSON: a list of objects, an object per line, or an object of lists.
//!
//! Invariant: entries become cells as they are read; the document is never held as a tree.

use std::fmt;
use std::path::Path;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::table::{Builder, Table, shown};
use crate::error::{Error, Result};

/// How rows are written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// One object after the other.
    Lines,
    /// A list of objects.
    Objects,
    /// An object of lists, one per column.
    Lists,
}

impl Form {
    /// The form of a file; `None` when it is no JSON.
    pub(super) fn of(path: &Path, text: &str) -> Option<Self> {
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let text = text.trim_start();
        match extension.as_str() {
            "jsonl" | "ndjson" => return Some(Self::Lines),
            "csv" | "tsv" | "tab" => return None,
            _ => {}
        }
        if text.starts_with('{') {
            let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
            let is_lines =
                !rest.trim().is_empty() && serde_json::from_str::<IgnoredAny>(first).is_ok();
            return Some(if is_lines { Self::Lines } else { Self::Lists });
        }
        (text.starts_with('[') || extension == "json").then_some(Self::Objects)
    }
}

/// Whether JSON text begins like a table, and not like the many other things that are kept in JSON.
pub(super) fn is_table(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(rest) = text.strip_prefix('[') {
        return rest.trim_start().starts_with('{');
    }
    let first_value = || {
        let mut is_escaped = false;
        let key = text.strip_prefix('{')?.trim_start().strip_prefix('"')?;
        let end = key.find(|c| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        })?;
        Some(key[end + 1..].trim_start().strip_prefix(':')?.trim_start())
    };
    first_value().is_some_and(|value| value.starts_with('['))
}

/// Reads a table in `form`.
pub(super) fn read(path: &Path, text: &str, form: Form) -> Result<Table> {
    let mut builder = Builder::default();
    let mut source = serde_json::Deserializer::from_str(text);
    let read = match form {
        Form::Objects => source
            .deserialize_seq(Objects(&mut builder))
            .and_then(|()| source.end()),
        Form::Lists => source
            .deserialize_map(Lists(&mut builder))
            .and_then(|()| source.end()),
        Form::Lines => {
            let lines = (1..)
                .zip(text.lines())
                .filter(|(_, line)| !line.trim().is_empty());
            for (number, line) in lines {
                let mut source = serde_json::Deserializer::from_str(line);
                let row = Row(&mut builder, Some(number));
                let read = row.deserialize(&mut source).and_then(|()| source.end());
                read.map_err(|e| {
                    Error::file(path, format!("line {number} is no row of a table: {e}"))
                })?;
            }
            Ok(())
        }
    };
    read.map_err(|e| {
        Error::file(path, format!("cannot be read as a table: {e}"))
            .hint("a table in JSON is a list of objects, or an object of lists")
    })?;
    builder.finish().map_err(|reason| Error::file(path, reason))
}

/// A list of objects.
struct Objects<'a>(&'a mut Builder);

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Row(self.0, None))?.is_some() {}
        Ok(())
    }
}

/// An object of lists.
struct Lists<'a>(&'a mut Builder);

impl<'de> Visitor<'de> for Lists<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of lists")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(name) = object.next_key::<String>()? {
            let place = self.0.new_column(&name).map_err(A::Error::custom)?;
            object.next_value_seed(List(self.0, place))?;
        }
        Ok(())
    }
}

/// The cells of one column.
struct List<'a>(&'a mut Builder, usize);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list with the values of a column")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Cell(self.0, self.1))?.is_some() {}
        Ok(())
    }
}

/// An object that is a row, and the line in which it stands.
struct Row<'a>(&'a mut Builder, Option<u32>);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object as entry {}", self.0.rows() + 1)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(name) = object.next_key::<String>()? {
            let place = self.0.column(&name).map_err(A::Error::custom)?;
            if self.0.has_cell(place) {
                let entry = self.0.rows() + 1;
                return Err(A::Error::custom(format!(
                    "entry {entry} has two values of {}",
                    shown(&name)
                )));
            }
            object.next_value_seed(Cell(self.0, place))?;
        }
        self.0.end_row(self.1).map_err(A::Error::custom)
    }
}

/// One value.
struct Cell<'a>(&'a mut Builder, usize);

impl Cell<'_> {
    fn push<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.push(self.1, text).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl Visitor<'_> for Cell<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, true, false or null")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.push("")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.push(if value { "true" } else { "false" })
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.push(&value.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.push(&value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.push(&value.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.push(value)
    }
}
