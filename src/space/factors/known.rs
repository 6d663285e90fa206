//! Factors of variation whose value is known of most items.
//!
//! Invariant: a factor that is measured takes at least two values, and is known of [`Known::LEAST`] items or more.

use serde::Serialize;

/// A factor of variation.
#[derive(Clone, PartialEq, Debug)]
pub struct Known {
    /// What it is called.
    pub name: String,
    /// One value per item.
    pub values: KnownValues,
}

/// The values of a factor.
#[derive(Clone, PartialEq, Debug)]
pub enum KnownValues {
    /// Numbers; what is not finite is unknown.
    Numbers(Vec<f32>),
    /// A class per item, an index into `names`; what is beyond them is unknown.
    Classes {
        /// The class of each item.
        values: Vec<u32>,
        /// What the classes are called.
        names: Vec<String>,
    },
}

/// A factor that nothing can be told of, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LeftOutFactor {
    /// What it is called.
    pub name: String,
    /// Why it was left out.
    pub reason: String,
}

/// A factor as it is measured: the items that it is known of, and its values there.
pub(super) struct Column {
    /// Ascending.
    pub items: Vec<u32>,
    pub values: Values,
}

/// The values of a [`Column`], one per item of it.
pub(super) enum Values {
    Numbers(Vec<f32>),
    /// Classes that occur, numbered without gaps.
    Classes {
        values: Vec<u32>,
        count: usize,
    },
}

impl Known {
    /// A factor known of fewer items than this is left out.
    pub const LEAST: usize = 10;

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.values {
            KnownValues::Numbers(values) => values.len(),
            KnownValues::Classes { values, .. } => values.len(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of it, or why nothing can be told of it.
    pub(super) fn column(&self) -> Result<Column, String> {
        let (items, values): (Vec<u32>, Values) = match &self.values {
            KnownValues::Numbers(values) => {
                let known = (0..).zip(values).filter(|(_, value)| value.is_finite());
                let (items, values): (Vec<u32>, Vec<f32>) = known.unzip();
                (items, Values::Numbers(values))
            }
            KnownValues::Classes { values, names } => {
                let known = |(_, class): &(u32, &u32)| (**class as usize) < names.len();
                let known = (0..).zip(values).filter(known);
                let (items, mut values): (Vec<u32>, Vec<u32>) = known.unzip();
                let mut place = vec![u32::MAX; names.len()];
                for &class in &values {
                    place[class as usize] = 0;
                }
                let mut count = 0;
                for place in place.iter_mut().filter(|place| **place == 0) {
                    *place = count;
                    count += 1;
                }
                for class in &mut values {
                    *class = place[*class as usize];
                }
                let count = count as usize;
                (items, Values::Classes { values, count })
            }
        };
        if items.len() < Self::LEAST {
            return Err(match items.len() {
                0 => "it is known of no item".to_owned(),
                1 => "it is known of a single item".to_owned(),
                n => format!("it is known of {n} items alone"),
            });
        }
        let is_constant = match &values {
            Values::Numbers(values) => values.iter().all(|value| *value == values[0]),
            Values::Classes { count, .. } => *count < 2,
        };
        if is_constant {
            return Err("it is the same in all items".to_owned());
        }
        Ok(Column { items, values })
    }
}

impl Column {
    /// The part of this at `items`, both ascending.
    pub(super) fn among(&self, items: &[u32]) -> Self {
        let mut wanted = items.iter().copied().peekable();
        let mut is_wanted = |item: u32| {
            while wanted.next_if(|&next| next < item).is_some() {}
            wanted.peek() == Some(&item)
        };
        let places: Vec<usize> = (0..self.items.len())
            .filter(|&at| is_wanted(self.items[at]))
            .collect();
        Self {
            items: places.iter().map(|&at| self.items[at]).collect(),
            values: match &self.values {
                Values::Numbers(values) => {
                    Values::Numbers(places.iter().map(|&at| values[at]).collect())
                }
                Values::Classes { values, count } => Values::Classes {
                    values: places.iter().map(|&at| values[at]).collect(),
                    count: *count,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f32]) -> Known {
        Known {
            name: "a".into(),
            values: KnownValues::Numbers(values.to_vec()),
        }
    }

    #[test]
    fn what_is_unknown_is_left_out_and_classes_have_no_gaps() {
        let mut values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        values[3] = f32::NAN;
        let column = numbers(&values).column().expect("it varies");
        assert_eq!(column.items, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]);
        let classes = Known {
            name: "b".into(),
            values: KnownValues::Classes {
                values: (0..12)
                    .map(|i| if i == 5 { u32::MAX } else { i % 2 * 3 })
                    .collect(),
                names: (0..4).map(|i| i.to_string()).collect(),
            },
        };
        let column = classes.column().expect("it varies");
        let part = column.among(&[1, 2, 5, 7]);
        assert_eq!(part.items, [1, 2, 7]);
        let Values::Classes { values, count } = part.values else {
            panic!("classes stay classes");
        };
        assert_eq!((values, count), (vec![1, 0, 1], 2));
    }

    #[test]
    fn constants_and_what_is_hardly_known_are_told() {
        let reason = |known: &Known| known.column().err().expect("a reason");
        assert!(reason(&numbers(&[2.0; 40])).contains("the same"));
        assert!(reason(&numbers(&[])).contains("no item"));
        let mut few = vec![f32::NAN; 40];
        few[..3].copy_from_slice(&[1.0, 2.0, f32::INFINITY]);
        assert!(reason(&numbers(&few)).contains("2 items"));
    }
}
