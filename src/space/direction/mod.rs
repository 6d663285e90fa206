//! Attribute directions: ways through code space along which one property of the items changes.
//!
//! Larsen et al. (2016) and White (2016) take the difference of two groups' mean codes; the other usual way is the normal of
//! the plane by which a linear classifier parts the groups. Invariants: an axis is of unit length; items that a direction's
//! [`Separation`] was measured on did not take part in finding it, unless it says so.

mod fit;
mod score;

use std::fmt;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::CodeTable;
use super::sums::{dot, over_blocks};
use crate::error::{Error, Result};
use crate::progress::Progress;
use fit::{logistic, mean_difference, ridge};
use score::{area_under_curve, balanced_accuracy, coordinates, pearson};

/// One of this many items of each group is held out.
const HELD_OUT: usize = 5;

/// How a direction is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectionKind {
    /// From one group's mean code to the other's.
    #[default]
    MeanDifference,
    /// The normal of a linear classifier (logistic regression) or, for a continuous factor, the gradient of a linear
    /// model (ridge regression).
    Classifier,
}

/// How well the coordinate along a direction tells what it is named after.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Separation {
    /// What was measured.
    pub quality: Quality,
    /// Number of items it was measured on.
    pub items: usize,
    /// Whether these items were held out; otherwise there were too few, and it was measured on those that the direction was
    /// found from, which flatters it.
    pub held_out: bool,
}

/// A measure of [`Separation`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Two groups parted by a threshold on the coordinate.
    Groups {
        /// Mean of the two groups' shares on their own side of the threshold, in `[0, 1]`; 0.5 is chance.
        accuracy: f32,
        /// Area under the receiver operating characteristic: the chance that an item of the positive group has the higher
        /// coordinate, ties counting half.
        auc: f32,
    },
    /// A continuous factor.
    Factor {
        /// Pearson's correlation of coordinate and factor, in `[-1, 1]`; 0 where either is constant.
        correlation: f32,
    },
}

impl fmt::Display for Separation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quality {
            Quality::Groups { accuracy, auc } => write!(
                f,
                "separates {:.0} % (AUC {auc:.2})",
                f64::from(accuracy) * 100.0
            )?,
            Quality::Factor { correlation } => write!(f, "correlation {correlation:.2}")?,
        }
        let items = if self.items == 1 { "item" } else { "items" };
        if self.held_out {
            write!(f, " on {} held-out {items}", self.items)
        } else {
            write!(f, " on the {} {items} it was found from", self.items)
        }
    }
}

/// A named line through code space.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Direction {
    /// What changes along it.
    pub name: String,
    /// How it was found.
    pub kind: DirectionKind,
    /// The direction, `[d]`, of unit length.
    pub axis: Vec<f32>,
    /// Mean coordinate of all items.
    pub centre: f32,
    /// Standard deviation of all items' coordinates.
    pub spread: f32,
    /// How well it tells what it is named after.
    pub separation: Separation,
}

impl Direction {
    /// The direction from the items `negative` to the items `positive` (ids into `table`; an id in both lists tells nothing
    /// and is left out). A fifth of each group, drawn by `seed`, is held out to measure the separation; with fewer than
    /// five items in a group nothing is.
    ///
    /// The classifier is logistic regression on standardised dimensions, with half the squared coefficients as penalty and
    /// both groups of the same weight in all, found by Newton's method.
    ///
    /// # Errors
    /// When an id is beyond the table, a group has fewer than two items of its own, no direction leads from one group to
    /// the other, or `progress` was asked to end.
    pub fn between(
        name: impl Into<String>,
        kind: DirectionKind,
        table: &CodeTable,
        positive: &[u32],
        negative: &[u32],
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        let name = name.into();
        let groups = [own(positive, negative), own(negative, positive)];
        for group in &groups {
            if let Some(&id) = group.iter().find(|&&id| id as usize >= table.len()) {
                return Err(no_item(id, table));
            }
            if group.len() < 2 {
                return Err(Error::usage(format!(
                    "the direction “{name}” needs two groups of at least two items, not of {} and {}",
                    groups[0].len(),
                    groups[1].len()
                ))
                .hint("choose two values, or two selections, that both have items"));
            }
        }
        let splits = groups.map(|group| Split::new(group, seed));
        let held_out = splits.iter().all(|split| !split.held_out.is_empty());
        let groups = splits.map(|split| split.used(held_out));
        let (normal, threshold) = match kind {
            DirectionKind::MeanDifference => {
                mean_difference(table, &groups[0].fit, &groups[1].fit, progress)?
            }
            DirectionKind::Classifier => logistic(table, &groups[0].fit, &groups[1].fit, progress)?,
        };
        let (axis, length) = unit(&normal).ok_or_else(|| {
            Error::usage(format!(
                "no direction leads to “{name}”: both groups have the same codes on average"
            ))
        })?;
        let [above, below] = groups.map(|group| coordinates(table, &axis, &group.measure));
        let quality = Quality::Groups {
            accuracy: balanced_accuracy(&above, &below, threshold / length),
            auc: area_under_curve(&above, &below),
        };
        let separation = Separation {
            quality,
            items: above.len() + below.len(),
            held_out,
        };
        Self::along(name, kind, axis, table, separation, progress)
    }

    /// The direction along which a continuous factor rises; `values` are those of the items of `table`, in order, and what
    /// is not finite is left out. A fifth of the items, drawn by `seed`, is held out to measure the correlation; with fewer
    /// than fifteen nothing is.
    ///
    /// [`DirectionKind::MeanDifference`] leads from the items in the lower third of the values to those in the upper;
    /// [`DirectionKind::Classifier`] is the gradient of ridge regression on standardised dimensions.
    ///
    /// # Errors
    /// When there are not as many values as items, fewer than six are known, they are all the same, no direction leads
    /// along them, or `progress` was asked to end.
    pub fn along_factor(
        name: impl Into<String>,
        kind: DirectionKind,
        table: &CodeTable,
        values: &[f32],
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        /// Two points always lie on a line: a correlation needs three.
        const LEAST_HELD_OUT: usize = 3;
        let name = name.into();
        if values.len() != table.len() {
            return Err(Error::usage(format!(
                "“{name}” has {} values for {} items",
                values.len(),
                table.len()
            )));
        }
        let known: Vec<u32> = (0..)
            .zip(values)
            .filter(|(_, value)| value.is_finite())
            .map(|(id, _)| id)
            .collect();
        if known.len() < 6 {
            return Err(Error::usage(format!(
                "the direction “{name}” needs the values of at least six items, not of {}",
                known.len()
            )));
        }
        let split = Split::new(known, seed);
        let held_out = split.held_out.len() >= LEAST_HELD_OUT;
        let items = split.used(held_out);
        let value = |&id: &u32| values[id as usize];
        let first = value(&items.fit[0]);
        if items.fit.iter().all(|id| value(id) == first) {
            return Err(Error::usage(format!(
                "no direction leads along “{name}”: all its values are {first}"
            )));
        }
        let normal = match kind {
            DirectionKind::MeanDifference => {
                let (upper, lower) = outer_thirds(&items.fit, values);
                mean_difference(table, &upper, &lower, progress)?.0
            }
            DirectionKind::Classifier => ridge(table, &items.fit, values, progress)?,
        };
        let (axis, _) = unit(&normal).ok_or_else(|| {
            Error::usage(format!(
                "no direction leads along “{name}”: the codes do not change with it"
            ))
        })?;
        let measured: Vec<f32> = items.measure.iter().map(value).collect();
        let correlation = pearson(&coordinates(table, &axis, &items.measure), &measured);
        let separation = Separation {
            quality: Quality::Factor { correlation },
            items: measured.len(),
            held_out,
        };
        Self::along(name, kind, axis, table, separation, progress)
    }

    fn along(
        name: String,
        kind: DirectionKind,
        axis: Vec<f32>,
        table: &CodeTable,
        separation: Separation,
        progress: &Progress,
    ) -> Result<Self> {
        let centre = dot(&axis, table.mean());
        let squares = over_blocks(
            table.len(),
            progress,
            || 0.0,
            |sum, rows| {
                *sum += rows
                    .map(|i| (dot(&axis, table.code(i)) - centre).powi(2))
                    .sum::<f64>();
            },
            |sum, part| *sum += part,
        )?;
        Ok(Self {
            name,
            kind,
            axis,
            centre: centre as f32,
            spread: (squares / table.len() as f64).sqrt() as f32,
            separation,
        })
    }

    /// Where `code`, `[d]`, lies along the direction: its scalar product with the axis.
    #[must_use]
    pub fn coordinate(&self, code: &[f32]) -> f32 {
        dot(&self.axis, code) as f32
    }

    /// The code, `[d]`, that lies `by` units further along.
    #[must_use]
    pub fn moved(&self, code: &[f32], by: f32) -> Vec<f32> {
        code.iter()
            .zip(&self.axis)
            .map(|(x, a)| x + by * a)
            .collect()
    }

    /// The code, `[d]`, moved along the direction until its coordinate is `target`.
    #[must_use]
    pub fn set_coordinate(&self, code: &[f32], target: f32) -> Vec<f32> {
        let by = f64::from(target) - dot(&self.axis, code);
        self.moved(code, by as f32)
    }
}

/// The code `a - b + c`: what is to `c` as `a` is to `b` (Mikolov et al. 2013).
///
/// # Errors
/// When the codes differ in length.
pub fn analogy(a: &[f32], b: &[f32], c: &[f32]) -> Result<Vec<f32>> {
    if a.len() != b.len() || a.len() != c.len() {
        return Err(Error::usage(format!(
            "codes of {}, {} and {} numbers make no analogy",
            a.len(),
            b.len(),
            c.len()
        )));
    }
    let terms = a.iter().zip(b).zip(c);
    Ok(terms.map(|((a, b), c)| a - b + c).collect())
}

/// `ids` in rising order, each once, without those of `others`.
fn own(ids: &[u32], others: &[u32]) -> Vec<u32> {
    let sorted = |ids: &[u32]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let others = sorted(others);
    let mut ids = sorted(ids);
    ids.retain(|id| others.binary_search(id).is_err());
    ids
}

fn no_item(id: u32, table: &CodeTable) -> Error {
    Error::usage(format!("there is no item {id} among {}", table.len()))
}

/// A group in two parts.
struct Split {
    rest: Vec<u32>,
    held_out: Vec<u32>,
}

/// The items to find a direction from and those to measure it on.
struct Used {
    fit: Vec<u32>,
    measure: Vec<u32>,
}

impl Split {
    fn new(mut ids: Vec<u32>, seed: u64) -> Self {
        ids.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut rest = ids.split_off(ids.len() / HELD_OUT);
        ids.sort_unstable();
        rest.sort_unstable();
        Self {
            rest,
            held_out: ids,
        }
    }

    fn used(self, held_out: bool) -> Used {
        let Self {
            rest,
            held_out: measure,
        } = self;
        if held_out {
            return Used { fit: rest, measure };
        }
        let all = [rest, measure].concat();
        Used {
            fit: all.clone(),
            measure: all,
        }
    }
}

/// The ids with values in the upper and in the lower third; values that tie stay together, and where a tie covers the
/// middle third and both ends the mean parts the items. `ids` have at least two different values.
fn outer_thirds(ids: &[u32], values: &[f32]) -> (Vec<u32>, Vec<u32>) {
    let value = |id: u32| values[id as usize];
    let mut sorted: Vec<f32> = ids.iter().map(|&id| value(id)).collect();
    sorted.sort_by(f32::total_cmp);
    let third = (sorted.len() / 3).max(1);
    let (low, high) = (sorted[third - 1], sorted[sorted.len() - third]);
    if low < high {
        return (
            ids.iter()
                .copied()
                .filter(|&id| value(id) >= high)
                .collect(),
            ids.iter().copied().filter(|&id| value(id) <= low).collect(),
        );
    }
    let mean = sorted.iter().map(|&x| f64::from(x)).sum::<f64>() / sorted.len() as f64;
    ids.iter().partition(|&&id| f64::from(value(id)) > mean)
}

/// The vector at unit length and the length it had; `None` when that is zero or not finite.
fn unit(vector: &[f64]) -> Option<(Vec<f32>, f64)> {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    (length.is_finite() && length > 0.0).then(|| {
        let axis = vector.iter().map(|x| (x / length) as f32).collect();
        (axis, length)
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use DirectionKind::{Classifier, MeanDifference};

    const KINDS: [DirectionKind; 2] = [MeanDifference, Classifier];

    fn table(codes: Vec<f32>, d: usize) -> Result<CodeTable> {
        CodeTable::new(codes, d, vec![0.0; d])
    }

    /// Evenly spread codes of three numbers on scales of their own, and a value that depends on them and on a disturbance.
    fn spread_out(n: usize) -> Result<(CodeTable, Vec<f32>)> {
        let mut codes = Vec::new();
        let mut values = Vec::new();
        for i in 0..n {
            let i = i as f64;
            let x = [(0.819_172_5, 2.0), (0.671_043_6, 1.0), (0.549_700_5, 5.0)]
                .map(|(step, scale)| (((i + 1.0) * step) % 1.0 * scale) as f32);
            codes.extend(x);
            let [a, b, c] = x.map(f64::from);
            values.push((a - b + 0.1 * c + 0.4 * i.sin()) as f32);
        }
        Ok((table(codes, 3)?, values))
    }

    fn parted(values: &[f32], at: f32) -> (Vec<u32>, Vec<u32>) {
        (0..values.len() as u32).partition(|&id| values[id as usize] > at)
    }

    fn close(a: &[f32], b: &[f64]) -> bool {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(&a, b)| (f64::from(a) - b).abs() < 1e-5)
    }

    #[test]
    fn the_classifier_is_that_of_scikit_learn() -> Result<()> {
        let (table, values) = spread_out(60)?;
        let (positive, negative) = parted(&values, 0.9);
        assert_eq!(positive.len(), 32);
        let (normal, threshold) = logistic(&table, &positive, &negative, &Progress::silent())?;
        let (axis, length) = unit(&normal).expect("a direction");
        // z = StandardScaler().fit_transform(x)
        // LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=1000).fit(z, values > 0.9), scikit-learn 1.9.1
        assert!(
            close(&axis, &[0.675_306_09, -0.735_181_21, 0.058_908_99]),
            "{axis:?}"
        );
        assert!(
            (threshold / length - 0.437_996_115).abs() < 1e-5,
            "{}",
            threshold / length
        );
        Ok(())
    }

    #[test]
    fn the_regression_is_that_of_scikit_learn() -> Result<()> {
        let (table, values) = spread_out(60)?;
        let ids: Vec<u32> = (0..60).collect();
        let (axis, _) =
            unit(&ridge(&table, &ids, &values, &Progress::silent())?).expect("a direction");
        // Ridge(alpha=1.0).fit(z, values)
        assert!(
            close(&axis, &[0.682_905_59, -0.725_778_66, 0.082_977_59]),
            "{axis:?}"
        );
        Ok(())
    }

    #[test]
    fn a_mean_difference_by_hand() -> Result<()> {
        let table = table(vec![0.0, 0.0, 2.0, 0.0, 4.0, 4.0, 4.0, 4.0], 2)?;
        let direction = Direction::between(
            "smile",
            MeanDifference,
            &table,
            &[2, 3],
            &[0, 1],
            1,
            &Progress::silent(),
        )?;
        assert_eq!(direction.axis, [0.6, 0.8]);
        assert!((direction.centre - 3.1).abs() < 1e-6);
        // Coordinates 0, 1.2, 5.6 and 5.6 about 3.1.
        let variance = (3.1_f32.powi(2) + 1.9_f32.powi(2) + 2.0 * 2.5_f32.powi(2)) / 4.0;
        assert!((direction.spread - variance.sqrt()).abs() < 1e-6);
        assert_eq!(
            direction.separation,
            Separation {
                quality: Quality::Groups {
                    accuracy: 1.0,
                    auc: 1.0
                },
                items: 4,
                held_out: false
            }
        );
        Ok(())
    }

    #[test]
    fn quality_is_measured_on_a_fifth_that_did_not_take_part() -> Result<()> {
        let (table, values) = spread_out(500)?;
        let (positive, negative) = parted(&values, 0.9);
        let measured = |kind| -> Result<(f32, f32)> {
            let quiet = Progress::silent();
            let found = Direction::between("high", kind, &table, &positive, &negative, 7, &quiet)?;
            let separation = found.separation;
            assert!(separation.held_out);
            assert_eq!(separation.items, positive.len() / 5 + negative.len() / 5);
            match separation.quality {
                Quality::Groups { accuracy, auc } => Ok((accuracy, auc)),
                Quality::Factor { .. } => Err(Error::usage("two groups have no correlation")),
            }
        };
        let (by_means, by_classifier) = (measured(MeanDifference)?, measured(Classifier)?);
        // The dimension of largest scale tells least: means follow it, a classifier does not.
        assert!(by_means.0 > 0.7 && by_means.1 > 0.8, "{by_means:?}");
        assert!(
            by_classifier.0 > by_means.0 && by_classifier.1 > 0.9,
            "{by_classifier:?}"
        );
        assert!(by_classifier.1 < 1.0);
        Ok(())
    }

    #[test]
    fn a_label_without_meaning_does_not_separate_held_out_items() -> Result<()> {
        // 40 dimensions and 60 items: a plane that parts the items it was fitted to nearly always exists.
        let codes: Vec<f32> = (0..60 * 40)
            .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7)
            .collect();
        let table = table(codes, 40)?;
        let (positive, negative): (Vec<u32>, Vec<u32>) = (0..60).partition(|id| id % 2 == 0);
        let mut mean = 0.0;
        for seed in 0..20 {
            let direction = Direction::between(
                "parity",
                Classifier,
                &table,
                &positive,
                &negative,
                seed,
                &Progress::silent(),
            )?;
            if let Quality::Groups { auc, .. } = direction.separation.quality {
                mean += auc / 20.0;
            }
        }
        assert!((0.3..0.7).contains(&mean), "{mean}");
        Ok(())
    }

    #[test]
    fn a_factor_is_followed_by_both_kinds() -> Result<()> {
        let (table, mut values) = spread_out(500)?;
        values[3] = f32::NAN;
        for kind in KINDS {
            let direction =
                Direction::along_factor("value", kind, &table, &values, 7, &Progress::silent())?;
            let Quality::Factor { correlation } = direction.separation.quality else {
                return Err(Error::usage("a factor has a correlation"));
            };
            assert!(direction.separation.held_out);
            assert_eq!(direction.separation.items, 99);
            assert!(
                correlation > 0.75 && correlation < 1.0,
                "{kind:?} {correlation}"
            );
        }
        Ok(())
    }

    #[test]
    fn values_that_tie_are_parted_by_their_mean() {
        let ids: Vec<u32> = (0..10).collect();
        let mut values = [0.0; 10];
        values[4] = 1.0;
        assert_eq!(
            outer_thirds(&ids, &values),
            (vec![4], vec![0, 1, 2, 3, 5, 6, 7, 8, 9])
        );
        let rising: Vec<f32> = (0..10_u8).map(f32::from).collect();
        assert_eq!(outer_thirds(&ids, &rising), (vec![7, 8, 9], vec![0, 1, 2]));
    }

    #[test]
    fn ranks_and_correlations_by_hand() {
        // 1 beats 0 and 1 ties half, 2 beats both: (1 + 0.5 + 2) / 4.
        assert_eq!(area_under_curve(&[1.0, 2.0], &[0.0, 1.0]), 3.5 / 4.0);
        assert_eq!(area_under_curve(&[1.0; 3], &[1.0; 2]), 0.5);
        assert_eq!(
            balanced_accuracy(&[1.0, 2.0, 3.0, 4.0], &[0.0, 5.0], 1.5),
            0.625
        );
        assert!((pearson(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0]) - 0.5).abs() < 1e-6);
        assert_eq!(pearson(&[1.0, 1.0], &[1.0, 2.0]), 0.0);
    }

    #[test]
    fn the_seed_and_the_order_of_ids_and_threads() -> Result<()> {
        let (table, values) = spread_out(2000)?;
        let (mut positive, negative) = parted(&values, 0.9);
        let find = |positive: &[u32], threads| -> Result<Direction> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| Error::usage(error.to_string()))?;
            pool.install(|| {
                Direction::between(
                    "a",
                    Classifier,
                    &table,
                    positive,
                    &negative,
                    7,
                    &Progress::silent(),
                )
            })
        };
        let first = find(&positive, 1)?;
        assert_eq!(first, find(&positive, 2)?);
        positive.reverse();
        assert_eq!(first, find(&positive, 2)?);
        Ok(())
    }

    #[test]
    fn what_has_no_direction_is_refused() -> Result<()> {
        let quiet = Progress::silent();
        let (table_, values) = spread_out(20)?;
        let same = table([0.1, 0.7].repeat(20), 2)?;
        let low: Vec<u32> = (0..10).collect();
        let high: Vec<u32> = (10..20).collect();
        for kind in KINDS {
            let between = |table: &CodeTable, positive: &[u32], negative: &[u32]| {
                Direction::between("x", kind, table, positive, negative, 1, &quiet)
            };
            assert!(between(&table_, &low, &[]).is_err());
            assert!(between(&table_, &[], &low).is_err());
            assert!(between(&table_, &low, &[12]).is_err());
            assert!(between(&table_, &low, &low).is_err());
            assert!(between(&table_, &low, &[12, 20]).is_err());
            assert!(between(&same, &low, &high).is_err());
            let along = |table: &CodeTable, values: &[f32]| {
                Direction::along_factor("x", kind, table, values, 1, &quiet)
            };
            assert!(along(&table_, &values[1..]).is_err());
            assert!(along(&table_, &[2.0; 20]).is_err());
            assert!(along(&table_, &[f32::NAN; 20]).is_err());
            assert!(along(&same, &values).is_err());
            let cancelled = Progress::silent();
            cancelled.cancel();
            assert!(
                Direction::between("x", kind, &table_, &low, &high, 1, &cancelled)
                    .is_err_and(|error| error.is_cancelled())
            );
        }
        Ok(())
    }

    #[test]
    fn two_well_separated_groups_and_a_constant_dimension_give_a_finite_classifier() -> Result<()> {
        let codes = (0..40_u8)
            .flat_map(|i| [f32::from(i / 20) * 1e4 + f32::from(i % 20), 7.0])
            .collect();
        let (negative, positive): (Vec<u32>, Vec<u32>) = (0..40).partition(|&id| id < 20);
        let direction = Direction::between(
            "far",
            Classifier,
            &table(codes, 2)?,
            &positive,
            &negative,
            1,
            &Progress::silent(),
        )?;
        assert_eq!(direction.axis, [1.0, 0.0]);
        assert_eq!(
            direction.separation.quality,
            Quality::Groups {
                accuracy: 1.0,
                auc: 1.0
            }
        );
        Ok(())
    }

    #[test]
    fn an_analogy_adds_a_difference() -> Result<()> {
        assert_eq!(analogy(&[3.0, 1.0], &[1.0, 1.0], &[0.0, 5.0])?, [2.0, 5.0]);
        assert!(analogy(&[3.0], &[1.0, 1.0], &[0.0, 5.0]).is_err());
        assert!(analogy(&[3.0], &[1.0], &[]).is_err());
        Ok(())
    }

    #[test]
    fn a_direction_survives_a_session_file() -> Result<()> {
        let (table, values) = spread_out(50)?;
        let direction =
            Direction::along_factor("value", Classifier, &table, &values, 7, &Progress::silent())?;
        let text =
            serde_json::to_string(&direction).map_err(|error| Error::usage(error.to_string()))?;
        let back: Direction =
            serde_json::from_str(&text).map_err(|error| Error::usage(error.to_string()))?;
        assert_eq!(back, direction);
        Ok(())
    }

    proptest! {
        #[test]
        fn a_coordinate_that_is_set_is_there(axis in vec(-1.0_f64..1.0, 6), code in vec(-5.0_f32..5.0, 6), target in -9.0_f32..9.0) {
            let Some((axis, _)) = unit(&axis) else { return Ok(()) };
            let separation = Separation { quality: Quality::Factor { correlation: 0.0 }, items: 0, held_out: true };
            let direction = Direction { name: String::new(), kind: Classifier, axis, centre: 0.0, spread: 1.0, separation };
            let moved = direction.set_coordinate(&code, target);
            prop_assert!((direction.coordinate(&moved) - target).abs() < 1e-4);
            let by = direction.moved(&code, target);
            prop_assert!((direction.coordinate(&by) - direction.coordinate(&code) - target).abs() < 1e-4);
        }
    }
}
