//! What a list of neighbours is worth: measures by label, and the agreement between two lists.
//!
//! Invariant: every measure is a mean over queries, in `[0, 1]`; labels are indices by query and by gallery item.

use serde::{Deserialize, Serialize};

use super::{Neighbours, Space};
use crate::data::{Dataset, Factor};
use crate::error::{Error, Result};

/// Neighbours with the class of each query and of each gallery item.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    neighbours: &'a Neighbours,
    queries: &'a [u16],
    gallery: &'a [u16],
}

impl<'a> Labelled<'a> {
    /// Neighbours with the classes of the queries and of the gallery they were found in.
    ///
    /// # Errors
    /// When there is not one class per query, or a neighbour has none.
    pub fn new(neighbours: &'a Neighbours, queries: &'a [u16], gallery: &'a [u16]) -> Result<Self> {
        if queries.len() != neighbours.queries() {
            return Err(Error::usage(format!(
                "{} labels for {} queries",
                queries.len(),
                neighbours.queries()
            )));
        }
        if let Some(id) = neighbours
            .ids
            .iter()
            .find(|&&id| id as usize >= gallery.len())
        {
            return Err(Error::usage(format!(
                "neighbour {id} has none of the {} labels",
                gallery.len()
            )));
        }
        Ok(Self {
            neighbours,
            queries,
            gallery,
        })
    }

    /// Share of the first `k` neighbours that have the query's class; of all neighbours when there are fewer.
    #[must_use]
    pub fn precision(&self, k: usize) -> f64 {
        let k = k.min(self.neighbours.k);
        let hits =
            |(class, found): (u16, Vec<u16>)| found[..k].iter().filter(|&&c| c == class).count();
        share(self.answers().map(hits).sum(), k * self.queries.len())
    }

    /// Share of queries whose class is the one most frequent among their first `k` neighbours; among equally frequent
    /// classes the one whose nearest member is nearest wins. `k = 1` is the nearest-neighbour classifier.
    #[must_use]
    pub fn accuracy(&self, k: usize) -> f64 {
        let k = k.min(self.neighbours.k);
        let right = self
            .answers()
            .filter(|(class, found)| majority(&found[..k]) == Some(*class));
        share(right.count(), self.queries.len())
    }

    /// Mean average precision over the whole list, as in work on hashing: for each query, the mean of the precision at the rank
    /// of each neighbour that has its class, over those neighbours; 0 when none has. With all of the gallery as
    /// neighbours it is the usual mean average precision; with fewer it is written mAP@k.
    #[must_use]
    pub fn mean_average_precision(&self) -> f64 {
        let averages = self.answers().map(|(class, found)| {
            let (mut hits, mut sum) = (0_u32, 0.0);
            for (rank, _) in found.iter().enumerate().filter(|&(_, &c)| c == class) {
                hits += 1;
                sum += f64::from(hits) / (rank + 1) as f64;
            }
            sum / f64::from(hits.max(1))
        });
        averages.sum::<f64>() / self.queries.len().max(1) as f64
    }

    /// The class of each query and those of its neighbours.
    fn answers(&self) -> impl Iterator<Item = (u16, Vec<u16>)> {
        self.queries.iter().enumerate().map(|(i, &class)| {
            let ids = self.neighbours.ids_of(i).iter();
            (class, ids.map(|&id| self.gallery[id as usize]).collect())
        })
    }
}

/// Share of a factor's range by which two items may differ in it and still be called equal.
const EQUAL: f32 = 0.1;

/// Share of factors in which a neighbour equals the query, over all queries and neighbours: their values differ by a tenth of the
/// factor's range at most. `None` where queries and gallery have no factor of the same name and range.
#[must_use]
pub fn equal_factors(found: &Neighbours, queries: &Dataset, gallery: &Dataset) -> Option<f64> {
    let mut shares = Vec::new();
    for factor in queries.factors() {
        let same = |f: &&Factor| f.name == factor.name && f.range == factor.range;
        let Some(other) = gallery.factors().iter().find(same) else {
            continue;
        };
        let most = (factor.range.1 - factor.range.0) * EQUAL;
        let is_equal = |i: usize, id: u32| {
            let pair = factor.values.get(i).zip(other.values.get(id as usize));
            pair.is_some_and(|(a, b)| (a - b).abs() <= most)
        };
        let equal: usize = (0..found.queries())
            .map(|i| {
                found
                    .ids_of(i)
                    .iter()
                    .filter(|&&id| is_equal(i, id))
                    .count()
            })
            .sum();
        shares.push(share(equal, found.ids.len()));
    }
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// `part` of `whole`; 0 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// The most frequent class; among equals the one met first.
pub(super) fn majority(classes: &[u16]) -> Option<u16> {
    let mut votes: Vec<(u16, usize)> = Vec::new();
    for &class in classes {
        match votes.iter_mut().find(|(c, _)| *c == class) {
            Some((_, count)) => *count += 1,
            None => votes.push((class, 1)),
        }
    }
    // `max_by_key` returns the last of equals; reversed, that is the first met.
    votes
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map(|&(class, _)| class)
}

/// An item that two lists of neighbours have in common, with its rank, from 0, in each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shared {
    /// The item.
    pub id: u32,
    /// Its rank in the first list.
    pub rank_a: usize,
    /// Its rank in the second list.
    pub rank_b: usize,
}

/// The items that occur in both lists, in the order of the first.
#[must_use]
pub fn shared(a: &[u32], b: &[u32]) -> Vec<Shared> {
    let mut ranks: Vec<(u32, usize)> = b.iter().enumerate().map(|(rank, &id)| (id, rank)).collect();
    ranks.sort_unstable();
    let rank_in_b = |id: u32| {
        ranks
            .binary_search_by_key(&id, |r| r.0)
            .ok()
            .map(|i| ranks[i].1)
    };
    let both = a.iter().enumerate().filter_map(|(rank_a, &id)| {
        let rank_b = rank_in_b(id)?;
        Some(Shared { id, rank_a, rank_b })
    });
    both.collect()
}

/// Share of each query's neighbours in `a` that are also among its neighbours in `b`, averaged.
///
/// # Errors
/// When the two do not answer the same number of queries.
pub fn overlap(a: &Neighbours, b: &Neighbours) -> Result<f64> {
    if a.queries() != b.queries() {
        return Err(Error::usage(format!(
            "neighbours of {} queries cannot be compared with those of {}",
            a.queries(),
            b.queries()
        )));
    }
    let common: usize = (0..a.queries())
        .map(|i| shared(a.ids_of(i), b.ids_of(i)).len())
        .sum();
    Ok(share(common, a.ids.len()))
}

/// What a search found, in numbers; measures that need labels are absent where there are none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Where the distances were measured.
    pub space: Space,
    /// Queries answered.
    pub n_queries: usize,
    /// Neighbours per query.
    pub k: usize,
    /// [`Labelled::precision`] over all neighbours.
    pub precision_at_k: Option<f64>,
    /// [`Labelled::accuracy`] of the nearest neighbour alone.
    pub nearest_accuracy: Option<f64>,
    /// [`Labelled::accuracy`] over all neighbours.
    pub knn_accuracy: Option<f64>,
    /// [`Labelled::mean_average_precision`].
    pub mean_average_precision: Option<f64>,
    /// Seconds the search took.
    pub secs: f64,
}

impl Summary {
    /// The summary of `neighbours` whose queries and gallery have these classes, if any: `(queries, gallery)`.
    ///
    /// # Errors
    /// As [`Labelled::new`].
    pub fn new(neighbours: &Neighbours, labels: Option<(&[u16], &[u16])>) -> Result<Self> {
        let labelled = labels
            .map(|(queries, gallery)| Labelled::new(neighbours, queries, gallery))
            .transpose()?;
        let k = neighbours.k;
        Ok(Self {
            space: neighbours.space,
            n_queries: neighbours.queries(),
            k,
            precision_at_k: labelled.map(|l| l.precision(k)),
            nearest_accuracy: labelled.map(|l| l.accuracy(1)),
            knn_accuracy: labelled.map(|l| l.accuracy(k)),
            mean_average_precision: labelled.map(|l| l.mean_average_precision()),
            secs: neighbours.secs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    fn neighbours(k: usize, ids: &[u32]) -> Neighbours {
        Neighbours {
            k,
            ids: ids.to_vec(),
            distances: vec![0.0; ids.len()],
            space: Space::Pixel,
            secs: 0.0,
        }
    }

    #[test]
    fn measures_by_hand() -> Result<()> {
        let gallery = [0, 0, 1, 1, 2];
        let found = neighbours(4, &[0, 2, 1, 4, 3, 4, 2, 0]);
        let labelled = Labelled::new(&found, &[0, 2], &gallery)?;
        // Classes found: 0 1 0 2 for the query of class 0, and 1 2 1 0 for the query of class 2.
        assert_eq!(labelled.precision(4), f64::midpoint(0.5, 0.25));
        assert_eq!(labelled.precision(1), 0.5);
        assert_eq!(labelled.accuracy(1), 0.5);
        assert_eq!(labelled.accuracy(4), 0.5);
        let (first, second) = (f64::midpoint(1.0, 2.0 / 3.0), 0.5);
        assert!((labelled.mean_average_precision() - f64::midpoint(first, second)).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn a_tied_vote_goes_to_the_nearest() {
        assert_eq!(majority(&[3, 1, 1, 3]), Some(3));
        assert_eq!(majority(&[3, 1, 1]), Some(1));
        assert_eq!(majority(&[]), None);
    }

    #[test]
    fn a_query_without_a_hit_counts_as_zero() -> Result<()> {
        let found = neighbours(2, &[0, 1]);
        let labelled = Labelled::new(&found, &[7], &[0, 0])?;
        assert_eq!(labelled.mean_average_precision(), 0.0);
        assert_eq!(labelled.precision(2), 0.0);
        Ok(())
    }

    #[test]
    fn shared_items_have_their_ranks_in_both_lists() -> Result<()> {
        let both = shared(&[5, 3, 9], &[9, 1, 5]);
        let expected = [
            Shared {
                id: 5,
                rank_a: 0,
                rank_b: 2,
            },
            Shared {
                id: 9,
                rank_a: 2,
                rank_b: 0,
            },
        ];
        assert_eq!(both, expected);
        let share = overlap(&neighbours(3, &[5, 3, 9]), &neighbours(3, &[9, 1, 5]))?;
        assert!((share - 2.0 / 3.0).abs() < 1e-12);
        assert!(overlap(&neighbours(1, &[5]), &neighbours(1, &[5, 5])).is_err());
        Ok(())
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let found = neighbours(2, &[0, 4]);
        assert!(Labelled::new(&found, &[0, 1], &[0; 5]).is_err());
        assert!(Labelled::new(&found, &[0], &[0; 4]).is_err());
        assert!(Labelled::new(&found, &[0], &[0; 5]).is_ok());
    }

    #[test]
    fn a_summary_without_labels_says_so_by_absence() -> Result<()> {
        let summary = Summary::new(&neighbours(2, &[0, 1]), None)?;
        assert_eq!((summary.n_queries, summary.precision_at_k), (1, None));
        Ok(())
    }

    #[test]
    fn factors_are_equal_within_a_tenth_of_their_range() -> Result<()> {
        let shape = ImageShape::new(1, 1, 1);
        let data = |tilt: &[f32], hue: &[f32]| -> Result<Dataset> {
            let factor = |name: &str, range, values: &[f32]| Factor {
                name: name.to_owned(),
                range,
                values: values.to_vec(),
            };
            Dataset::new("drawn", shape, vec![0; tilt.len()])?
                .with_factor(factor("Tilt", (0.0, 10.0), tilt))?
                .with_factor(factor("Hue", (0.0, 100.0), hue))
        };
        let gallery = data(&[0.0, 5.0, 10.0], &[0.0, 50.0, 60.0])?;
        let queries = data(&[4.1], &[50.0])?;
        let found = Neighbours {
            k: 2,
            ids: vec![1, 2],
            distances: vec![0.0; 2],
            space: Space::Pixel,
            secs: 0.0,
        };
        // Tilt: item 1 alone. Hue: both, the second by exactly a tenth.
        assert_eq!(equal_factors(&found, &queries, &gallery), Some(0.75));
        let none = Dataset::new("plain", shape, vec![0])?;
        assert_eq!(equal_factors(&found, &none, &gallery), None);
        Ok(())
    }
}
