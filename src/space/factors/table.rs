//! What of a data set counts as a factor of variation.
//!
//! Invariant: nothing counts twice.

use super::{Known, KnownValues};
use crate::data::{Column, ColumnValues, Dataset};

impl Known {
    /// Whether [`Self::of`] finds any, told at once.
    #[must_use]
    pub fn are_in(dataset: &Dataset) -> bool {
        let is_factor = |column: &Column| !matches!(column.values, ColumnValues::Text(_));
        !dataset.factors().is_empty()
            || dataset.labels().is_some()
            || dataset.columns().iter().any(is_factor)
    }

    /// The factors of `dataset`: its named factors, its classes, and what else is known of the items in numbers or categories; text is
    /// none.
    #[must_use]
    pub fn of(dataset: &Dataset) -> Vec<Self> {
        let mut all: Vec<Self> = dataset
            .factors()
            .iter()
            .map(|factor| Self {
                name: factor.name.clone(),
                values: KnownValues::Numbers(factor.values.clone()),
            })
            .collect();
        let labels = dataset.labels();
        if let Some(labels) = labels {
            all.push(Self {
                name: "Class".to_owned(),
                values: KnownValues::Classes {
                    values: labels
                        .values
                        .iter()
                        .map(|&class| u32::from(class))
                        .collect(),
                    names: labels.names.clone(),
                },
            });
        }
        for column in dataset.columns() {
            let values = match &column.values {
                ColumnValues::Number(values) => KnownValues::Numbers(values.clone()),
                ColumnValues::Category { values, names } => {
                    // The column that gave the classes says the same once more.
                    let is_same = |id: usize| {
                        column
                            .text(id)
                            .is_none_or(|text| dataset.label_name(id) == Some(&text))
                    };
                    if labels.is_some() && (0..dataset.len()).all(is_same) {
                        continue;
                    }
                    KnownValues::Classes {
                        values: values.clone(),
                        names: names.clone(),
                    }
                }
                ColumnValues::Text(_) => continue,
            };
            if all.iter().all(|known| known.name != column.name) {
                all.push(Self {
                    name: column.name.clone(),
                    values,
                });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Factor, ImageShape, Labels};
    use crate::error::Result;

    #[test]
    fn factors_classes_and_columns_count_once_and_text_does_not() -> Result<()> {
        let column = |name: &str, values| Column {
            name: name.to_owned(),
            values,
        };
        let names = || vec!["cat".to_owned(), "dog".to_owned()];
        let data = Dataset::new("two", ImageShape::new(1, 1, 1), vec![0, 1])?
            .with_labels(Labels {
                values: vec![0, 1],
                names: names(),
            })?
            .with_factor(Factor {
                name: "yaw".to_owned(),
                range: (0.0, 1.0),
                values: vec![0.5, 0.25],
            })?
            .with_column(column(
                "label",
                ColumnValues::Category {
                    values: vec![0, 1],
                    names: names(),
                },
            ))?
            .with_column(column(
                "hair",
                ColumnValues::Category {
                    values: vec![1, 1],
                    names: names(),
                },
            ))?
            .with_column(column("age", ColumnValues::Number(vec![3.0, f32::NAN])))?
            .with_column(column("yaw", ColumnValues::Number(vec![1.0, 2.0])))?
            .with_column(column(
                "note",
                ColumnValues::Text(vec!["a".into(), "b".into()]),
            ))?;
        let found: Vec<String> = Known::of(&data)
            .into_iter()
            .map(|known| known.name)
            .collect();
        assert_eq!(found, ["yaw", "Class", "hair", "age"]);
        Ok(())
    }
}
