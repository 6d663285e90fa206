//! Finding items by words: in names, classes and metadata.
//!
//! Invariant: an item is found when every term of the query holds for it; a missing value fulfils no term.

use rayon::prelude::*;

use super::metadata::normalised;
use super::{Column, ColumnValues, Dataset};
use crate::error::{Error, Result};

impl Dataset {
    /// The items that `query` describes, ascending.
    ///
    /// Terms apart by blanks all have to hold; quotation marks keep blanks together. `ankle` is looked for in names,
    /// classes and columns of text or categories, whatever its case; `hair:red` in one column (or `name`, `label`,
    /// `item`); `hair=red` is the whole value; `age>3`, `age>=3`, `age<3`, `age<=3` and `age=3` compare numbers of
    /// factors, metadata and `item`. A column's name is taken whatever its case and without its blanks. An empty query
    /// finds nothing.
    ///
    /// # Errors
    /// `is_usage` when a column is not there (those that are, are listed), has no numbers to compare, or a value is
    /// missing or no number.
    pub fn search(&self, query: &str) -> Result<Vec<u32>> {
        let terms = parse(query)?;
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let tests = terms
            .iter()
            .map(|term| self.test(term))
            .collect::<Result<Vec<_>>>()?;
        let ids = (0..self.len() as u32).into_par_iter().with_min_len(4096);
        Ok(ids
            .filter(|&id| tests.iter().all(|test| test.holds(id as usize)))
            .collect())
    }

    fn test<'a>(&'a self, term: &Term) -> Result<Test<'a>> {
        let Some((name, comparison)) = &term.column else {
            let needle = Needle::new(&term.value);
            let any_of = |names: &[String]| names.iter().map(|name| needle.is_in(name)).collect();
            let mut any: Vec<Test> = Vec::new();
            if self.item_name(0).is_some() {
                any.push(Test::Name(self, needle.clone(), false));
            }
            if let Some(labels) = self.labels() {
                any.push(Test::Label(&labels.values, any_of(&labels.names)));
            }
            any.extend(
                self.columns()
                    .iter()
                    .filter_map(|column| match &column.values {
                        ColumnValues::Number(_) => None,
                        ColumnValues::Category { values, names } => {
                            Some(Test::Category(values, any_of(names)))
                        }
                        ColumnValues::Text(values) => {
                            Some(Test::Text(values, needle.clone(), false))
                        }
                    }),
            );
            return Ok(Test::Any(any));
        };
        let wanted = normalised(name);
        let is_whole = *comparison == Comparison::Equal;
        let needle = Needle::new(&term.value);
        let refuse_order = || {
            if matches!(comparison, Comparison::Contains | Comparison::Equal) {
                return Ok(());
            }
            Err(Error::usage(format!("{name} has no numbers to compare"))
                .hint(format!("write {name}:{} to look for a text", term.value)))
        };
        let number = || {
            let number: Option<f32> = term.value.parse().ok().filter(|x: &f32| !x.is_nan());
            number.ok_or_else(|| {
                Error::usage(format!(
                    "{name} holds numbers, and {:?} is none",
                    term.value
                ))
            })
        };
        // Which categories fit. They may be numbers, which have an order.
        let categories = |names: &[String]| {
            let numbers: Option<Vec<f32>> = names.iter().map(|name| name.parse().ok()).collect();
            if let (Some(numbers), Ok(number)) = (numbers, number()) {
                return Ok(numbers
                    .iter()
                    .map(|&value| comparison.holds(value, number))
                    .collect());
            }
            refuse_order()?;
            Ok(names
                .iter()
                .map(|name| needle.fits(name, is_whole))
                .collect::<Vec<bool>>())
        };
        if let Some(column) = self
            .columns()
            .iter()
            .find(|column| normalised(&column.name) == wanted)
        {
            return Ok(match &column.values {
                ColumnValues::Number(values) => Test::Number(values, *comparison, number()?),
                ColumnValues::Category { values, names } => {
                    Test::Category(values, categories(names)?)
                }
                ColumnValues::Text(values) => {
                    refuse_order()?;
                    Test::Text(values, needle, is_whole)
                }
            });
        }
        if let Some(factor) = self
            .factors()
            .iter()
            .find(|factor| normalised(&factor.name) == wanted)
        {
            return Ok(Test::Number(&factor.values, *comparison, number()?));
        }
        match (wanted.as_str(), self.labels()) {
            ("item", _) => Ok(Test::Item(*comparison, f64::from(number()?))),
            ("name" | "file", _) if self.item_name(0).is_some() => {
                refuse_order()?;
                Ok(Test::Name(self, needle, is_whole))
            }
            ("label" | "class", Some(labels)) => {
                Ok(Test::Label(&labels.values, categories(&labels.names)?))
            }
            _ => Err(self.no_column(name)),
        }
    }

    fn no_column(&self, name: &str) -> Error {
        let own = self
            .columns()
            .iter()
            .map(|column: &Column| column.name.as_str());
        let factors = self.factors().iter().map(|factor| factor.name.as_str());
        let mut names: Vec<&str> = vec!["item"];
        names.extend(self.item_name(0).map(|_| "name"));
        names.extend(self.labels().map(|_| "label"));
        names.extend(own.chain(factors));
        let more = match names.len().saturating_sub(40) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        names.truncate(40);
        Error::usage(format!("there is no column called {name:?}")).hint(format!(
            "there are {}{more}; put quotation marks around words that are no column",
            names.join(", ")
        ))
    }
}

/// How a value is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comparison {
    Contains,
    Equal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

impl Comparison {
    fn holds<T: PartialOrd + Copy>(self, value: T, than: T) -> bool {
        match self {
            Self::Contains | Self::Equal => value == than,
            Self::Less => value < than,
            Self::LessOrEqual => value <= than,
            Self::More => value > than,
            Self::MoreOrEqual => value >= than,
        }
    }
}

/// A part of a query: a value, and where it is looked for when that is said.
#[derive(Debug, PartialEq)]
struct Term {
    column: Option<(String, Comparison)>,
    value: String,
}

fn parse(query: &str) -> Result<Vec<Term>> {
    let mut terms = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        let (term, after) = parse_term(rest)?;
        terms.push(term);
        rest = after.trim_start();
    }
    Ok(terms)
}

/// The first term of `text`, and what follows it.
fn parse_term(text: &str) -> Result<(Term, &str)> {
    let (mut word, mut is_quoted, mut column) = (String::new(), false, None);
    let mut end = text.len();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => word.push(letter),
            _ if letter.is_whitespace() => {
                end = at;
                break;
            }
            ':' | '=' | '<' | '>' if column.is_none() && at > 0 => {
                let is_or_equal = matches!(letter, '<' | '>')
                    && letters.next_if(|&(_, next)| next == '=').is_some();
                let comparison = match (letter, is_or_equal) {
                    (':', _) => Comparison::Contains,
                    ('=', _) => Comparison::Equal,
                    ('<', false) => Comparison::Less,
                    ('<', true) => Comparison::LessOrEqual,
                    (_, false) => Comparison::More,
                    (_, true) => Comparison::MoreOrEqual,
                };
                column = Some((std::mem::take(&mut word), comparison));
            }
            _ => word.push(letter),
        }
    }
    if let Some((name, _)) = &column
        && word.is_empty()
    {
        return Err(
            Error::usage(format!("nothing is said about {name}")).hint(format!(
                "write a value right behind it, such as {name}:red or {name}>3"
            )),
        );
    }
    let term = Term {
        column,
        value: word,
    };
    Ok((term, &text[end..]))
}

/// A text that is looked for, whatever its case.
#[derive(Clone, Debug)]
struct Needle {
    lower: String,
}

impl Needle {
    fn new(text: &str) -> Self {
        Self {
            lower: text.to_lowercase(),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        let (needle, hay) = (self.lower.as_bytes(), text.as_bytes());
        if !text.is_ascii() {
            return text.to_lowercase().contains(&self.lower);
        }
        let Some(first) = needle.first() else {
            return !text.is_empty();
        };
        // Without an allocation per item: most names are plain.
        let mut windows = hay.windows(needle.len());
        windows.any(|window| {
            window[0].to_ascii_lowercase() == *first && window.eq_ignore_ascii_case(needle)
        })
    }

    fn fits(&self, text: &str, is_whole: bool) -> bool {
        if is_whole {
            self.is(text)
        } else {
            self.is_in(text)
        }
    }

    fn is(&self, text: &str) -> bool {
        if text.is_ascii() {
            text.eq_ignore_ascii_case(&self.lower)
        } else {
            text.to_lowercase() == self.lower
        }
    }
}

/// What is asked of an item.
enum Test<'a> {
    Any(Vec<Test<'a>>),
    Name(&'a Dataset, Needle, bool),
    Text(&'a [String], Needle, bool),
    /// Classes, and which of them fit.
    Label(&'a [u16], Vec<bool>),
    /// Categories, and which of them fit.
    Category(&'a [u32], Vec<bool>),
    Number(&'a [f32], Comparison, f32),
    Item(Comparison, f64),
}

impl Test<'_> {
    fn holds(&self, id: usize) -> bool {
        match self {
            Self::Any(tests) => tests.iter().any(|test| test.holds(id)),
            Self::Name(dataset, needle, is_whole) => dataset
                .item_name(id)
                .is_some_and(|name| needle.fits(name, *is_whole)),
            Self::Text(values, needle, is_whole) => needle.fits(&values[id], *is_whole),
            Self::Label(values, fit) => fit.get(usize::from(values[id])).copied().unwrap_or(false),
            Self::Category(values, fit) => fit.get(values[id] as usize).copied().unwrap_or(false),
            Self::Number(values, comparison, than) => comparison.holds(values[id], *than),
            Self::Item(comparison, than) => comparison.holds(id as f64, *than),
        }
    }
}
