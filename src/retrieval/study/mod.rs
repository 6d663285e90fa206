//! A comparison of spaces over a whole set of queries, with intervals: what a single query shows, in numbers.
//!
//! Invariant: every figure is a mean over queries whose interval holds 95 of 100 resamples of these queries (bootstrap, percentile
//! method: Efron 1979); the same input and seed give the same figures, whatever the number of threads.

mod inquiry;
mod page;

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use inquiry::{Findings, Inquiry, can_be_sought};
pub use page::Report;

use super::measures::{majority, shared};
use super::{Gallery, Neighbours, Probe, Space};
use crate::data::{Dataset, Distortion, Labels};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Resamples of the queries.
const RESAMPLES: usize = 1000;
/// Queries of which most is told: the ones where one space wins most.
const WINS: usize = 10;
/// Queries whose ranks are correlated, and items copies of which are distorted, at most.
const SAMPLE: usize = 300;
/// Gallery items that ranks are correlated over.
const RANKED: usize = 1000;
/// Strengths at which a distortion is tried.
pub const STRENGTHS: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];

/// A mean over queries and where 95 of 100 resampled means lie.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The resamples of `n` queries: for each, how often each query was drawn.
pub(super) struct Resampling {
    pub(super) n: usize,
    pub(super) seed: u64,
}

impl Resampling {
    /// The means of several values per query; `values` is `[n, m]` row by row.
    fn estimates(&self, values: &[f64], m: usize) -> Vec<Estimate> {
        if self.n == 0 || m == 0 {
            return vec![Estimate::default(); m];
        }
        let mean_of = |weights: &dyn Fn(usize) -> f64| {
            let mut sums = vec![0.0; m];
            for (i, row) in values.chunks_exact(m).enumerate() {
                let weight = weights(i);
                if weight > 0.0 {
                    for (sum, x) in sums.iter_mut().zip(row) {
                        *sum += weight * x;
                    }
                }
            }
            for sum in &mut sums {
                *sum /= self.n as f64;
            }
            sums
        };
        let means = mean_of(&|_| 1.0);
        let resampled: Vec<Vec<f64>> = (0..RESAMPLES)
            .into_par_iter()
            .map(|resample| {
                let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
                chance.set_stream(resample as u64);
                let mut drawn = vec![0_u32; self.n];
                for _ in 0..self.n {
                    drawn[chance.random_range(0..self.n)] += 1;
                }
                mean_of(&|i| f64::from(drawn[i]))
            })
            .collect();
        (0..m)
            .map(|at| {
                let mut sorted: Vec<f64> = resampled.iter().map(|means| means[at]).collect();
                sorted.sort_by(f64::total_cmp);
                let end = |share: f64| sorted[((RESAMPLES - 1) as f64 * share).round() as usize];
                Estimate {
                    mean: means[at],
                    low: end(0.025),
                    high: end(0.975),
                }
            })
            .collect()
    }

    /// The mean of one value per query.
    pub(super) fn estimate(&self, values: &[f64]) -> Estimate {
        self.estimates(values, 1)[0]
    }
}

/// Classes of queries and gallery, counted alike, and their names.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a> {
    /// One per query.
    pub queries: &'a [u16],
    /// One per gallery item.
    pub gallery: &'a [u16],
    /// Their names.
    pub names: &'a [String],
}

/// The classes of queries, counted as those of the gallery are: the same name is the same class, and what the gallery does not know
/// is none of its classes.
#[must_use]
pub fn classes_of(queries: &Labels, gallery: &Labels) -> Vec<u16> {
    let number = |name: &String| gallery.names.iter().position(|g| g == name);
    let numbers: Vec<u16> = queries
        .names
        .iter()
        .map(|name| number(name).map_or(u16::MAX, |i| i as u16))
        .collect();
    let of = |class: &u16| {
        numbers
            .get(usize::from(*class))
            .copied()
            .unwrap_or(u16::MAX)
    };
    queries.values.iter().map(of).collect()
}

/// How one class fares.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfClass {
    /// Its name.
    pub name: String,
    /// Queries of it.
    pub queries: usize,
    /// Share of their neighbours that are of it.
    pub precision: Estimate,
    /// Share of them that their neighbours' vote tells right.
    pub accuracy: Estimate,
}

/// How good the neighbours in one space are, by class.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfSpace {
    /// The space.
    pub space: Space,
    /// Seconds the search took.
    pub secs: f64,
    /// Share of the first k neighbours that have the query's class, for k = 1, 2, …
    pub precision: Vec<Estimate>,
    /// Share of the query's class that is among the first k neighbours, for k = 1, 2, …
    pub recall: Vec<Estimate>,
    /// Share of queries whose class the vote of the first k neighbours tells, for k = 1, 2, …; ties go to the nearest.
    pub accuracy: Vec<Estimate>,
    /// Mean average precision over the list.
    pub mean_average_precision: Estimate,
    /// The same, class by class, over the whole list.
    pub classes: Vec<OfClass>,
    /// Queries by their class (rows) and the class their neighbours vote for (columns).
    pub confusion: Vec<Vec<u32>>,
}

/// A query that one space answers better.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Win {
    /// The query.
    pub query: u32,
    /// How many more of its neighbours have its class than in the other space.
    pub by: i32,
}

/// How two spaces agree.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfPair {
    /// The two spaces.
    pub spaces: [Space; 2],
    /// Share of the neighbours that both have.
    pub overlap: Estimate,
    /// Spearman's rank correlation of the distances from a query to the same thousand gallery items.
    pub rank_correlation: Option<Estimate>,
    /// Where the first wins most, then where the second does.
    pub wins: [Vec<Win>; 2],
}

/// Which distorted pictures a space still finds the original of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Robustness {
    /// The distortion.
    pub distortion: Distortion,
    /// The space.
    pub space: Space,
    /// Share of queries whose original is the nearest item, at each of [`STRENGTHS`].
    pub found: Vec<Estimate>,
}

/// The quality of `found`, by the classes of queries and gallery.
///
/// # Errors
/// When there is not one class per query or gallery item.
pub fn of_space(found: &Neighbours, classes: Classes<'_>, seed: u64) -> Result<OfSpace> {
    let n = found.queries();
    if classes.queries.len() != n {
        return Err(Error::usage(format!(
            "{} classes for {n} queries",
            classes.queries.len()
        )));
    }
    if found
        .ids
        .iter()
        .any(|&id| id as usize >= classes.gallery.len())
    {
        return Err(Error::usage("a neighbour has no class"));
    }
    let k = found.k;
    let resampling = Resampling { n, seed };
    let kinds = classes.names.len();
    let mut sizes = vec![0_usize; usize::from(u16::MAX) + 1];
    for &class in classes.gallery {
        sizes[usize::from(class)] += 1;
    }
    let mut precision = vec![0.0; n * k];
    let mut recall = vec![0.0; n * k];
    let mut accuracy = vec![0.0; n * k];
    let mut average = vec![0.0; n];
    let mut confusion = vec![vec![0_u32; kinds]; kinds];
    for (i, &class) in classes.queries.iter().enumerate() {
        let of: Vec<u16> = found
            .ids_of(i)
            .iter()
            .map(|&id| classes.gallery[id as usize])
            .collect();
        let (mut hits, mut sum) = (0_usize, 0.0);
        for (rank, &other) in of.iter().enumerate() {
            if other == class {
                hits += 1;
                sum += hits as f64 / (rank + 1) as f64;
            }
            precision[i * k + rank] = hits as f64 / (rank + 1) as f64;
            recall[i * k + rank] = hits as f64 / sizes[usize::from(class)].max(1) as f64;
            accuracy[i * k + rank] = f64::from(u8::from(majority(&of[..=rank]) == Some(class)));
        }
        average[i] = sum / hits.max(1) as f64;
        if let Some(vote) = majority(&of).map(usize::from)
            && let Some(row) = confusion.get_mut(usize::from(class))
            && let Some(cell) = row.get_mut(vote)
        {
            *cell += 1;
        }
    }
    let last = |values: &[f64], i: usize| values[i * k + k - 1];
    let of_classes = (0..kinds).map(|kind| {
        let members: Vec<usize> = (0..n)
            .filter(|&i| usize::from(classes.queries[i]) == kind)
            .collect();
        let resampling = Resampling {
            n: members.len(),
            seed,
        };
        let take = |values: &[f64]| {
            members
                .iter()
                .map(|&i| last(values, i))
                .collect::<Vec<f64>>()
        };
        OfClass {
            name: classes.names[kind].clone(),
            queries: members.len(),
            precision: resampling.estimate(&take(&precision)),
            accuracy: resampling.estimate(&take(&accuracy)),
        }
    });
    Ok(OfSpace {
        space: found.space,
        secs: found.secs,
        classes: if k > 0 {
            of_classes.collect()
        } else {
            Vec::new()
        },
        precision: resampling.estimates(&precision, k),
        recall: resampling.estimates(&recall, k),
        accuracy: resampling.estimates(&accuracy, k),
        mean_average_precision: resampling.estimate(&average),
        confusion,
    })
}

/// How two answers to the same queries agree, and where one is better by class.
///
/// # Errors
/// When they do not answer the same number of queries.
pub fn of_pair(
    a: &Neighbours,
    b: &Neighbours,
    classes: Option<Classes<'_>>,
    rank_correlations: Option<&[f64]>,
    seed: u64,
) -> Result<OfPair> {
    let n = a.queries();
    if n != b.queries() {
        return Err(Error::usage(format!(
            "{n} answers cannot be compared with {}",
            b.queries()
        )));
    }
    let overlaps: Vec<f64> = (0..n)
        .map(|i| shared(a.ids_of(i), b.ids_of(i)).len() as f64 / a.k.max(1) as f64)
        .collect();
    let mut wins: [Vec<Win>; 2] = Default::default();
    if let Some(classes) = classes {
        let hits = |found: &Neighbours, i: usize| {
            let same = |&&id: &&u32| classes.gallery[id as usize] == classes.queries[i];
            found.ids_of(i).iter().filter(same).count() as i32
        };
        let mut by: Vec<Win> = (0..n)
            .map(|i| Win {
                query: i as u32,
                by: hits(a, i) - hits(b, i),
            })
            .collect();
        by.sort_by_key(|win| (-win.by, win.query));
        wins[0] = by.iter().copied().filter(|w| w.by > 0).take(WINS).collect();
        by.sort_by_key(|win| (win.by, win.query));
        let turned = |w: Win| Win { by: -w.by, ..w };
        wins[1] = by
            .iter()
            .copied()
            .filter(|w| w.by < 0)
            .take(WINS)
            .map(turned)
            .collect();
    }
    let correlations = rank_correlations.map(|values| {
        let resampling = Resampling {
            n: values.len(),
            seed,
        };
        resampling.estimate(values)
    });
    Ok(OfPair {
        spaces: [a.space, b.space],
        overlap: Resampling { n, seed }.estimate(&overlaps),
        rank_correlation: correlations,
        wins,
    })
}

/// Spearman's rank correlation, for each query, of its distances in two spaces to the same thousand gallery items at most.
///
/// # Errors
/// As [`Gallery::distances`]; `is_cancelled`.
pub fn rank_correlations(
    a: &Gallery,
    b: &Gallery,
    probes: &[Probe],
    progress: &Progress,
) -> Result<Vec<f64>> {
    let step = a.len().div_ceil(RANKED).max(1);
    let mut found = Vec::with_capacity(probes.len());
    for (i, probe) in probes.iter().enumerate() {
        progress.update(i, probes.len())?;
        let (in_a, in_b) = (a.distances(probe)?, b.distances(probe)?);
        let of = |all: &super::Distances| {
            (0..a.len())
                .step_by(step)
                .map(|id| f64::from(all.distance(id)))
                .collect::<Vec<f64>>()
        };
        found.push(correlation(&ranks(&of(&in_a)), &ranks(&of(&in_b))));
    }
    Ok(found)
}

/// Ranks from 0; equals share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        while to < order.len() && values[order[to]] == values[order[from]] {
            to += 1;
        }
        for &i in &order[from..to] {
            ranks[i] = f64::midpoint(from as f64, (to - 1) as f64);
        }
        from = to;
    }
    ranks
}

/// Pearson's correlation; 0 where one does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    if aa * bb > 0.0 {
        ab / (aa * bb).sqrt()
    } else {
        0.0
    }
}

/// What a model makes of pictures: codes and the logarithms of variances, row by row.
pub type Encoder<'a> = dyn Fn(&[&[u8]]) -> Result<(Vec<f32>, Vec<f32>)> + 'a;

/// How often each space finds the original of a distorted gallery item, for the gallery's `items`. Pictures are encoded by `encode`
/// where a space needs codes.
///
/// # Errors
/// As [`Gallery::distances`] and `encode`; `is_cancelled`.
pub fn robustness(
    spaces: &[Gallery],
    data: &Dataset,
    items: &[u32],
    encode: Option<&Encoder<'_>>,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<Robustness>> {
    let mut all = Vec::new();
    let steps = Distortion::ALL.len() * STRENGTHS.len();
    for (d, distortion) in Distortion::ALL.into_iter().enumerate() {
        // For each space, whether each query was found at each strength: `[items, strengths]`.
        let mut found = vec![vec![0.0; items.len() * STRENGTHS.len()]; spaces.len()];
        for (s, &strength) in STRENGTHS.iter().enumerate() {
            let part = progress.part(
                (d * STRENGTHS.len() + s) as f32 / steps as f32,
                (d * STRENGTHS.len() + s + 1) as f32 / steps as f32,
            );
            part.update(0, 1)?;
            let pictures: Vec<Vec<u8>> = items
                .par_iter()
                .map(|&id| {
                    let seed = Distortion::seed_of(seed, id as usize);
                    distortion
                        .apply(&data.picture(id as usize), strength, seed)
                        .pixels
                })
                .collect();
            let views: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
            let (codes, log_variance) = match encode {
                Some(encode) => encode(&views)?,
                None => Default::default(),
            };
            let d = codes.len() / items.len().max(1);
            for (i, (pixels, &id)) in pictures.iter().zip(items).enumerate() {
                part.update(i, items.len())?;
                let of = |rows: &[f32]| rows.get(i * d..(i + 1) * d).unwrap_or_default().to_vec();
                let probe = Probe {
                    pixels: pixels.clone(),
                    code: of(&codes),
                    log_variance: of(&log_variance),
                };
                for (space, found) in spaces.iter().zip(&mut found) {
                    let distances = space.distances(&probe)?;
                    // An equal twin of the original is the original as well.
                    let is_found = distances.nearest(1, None).first().is_some_and(|best| {
                        best.0 == id || distances.distance(id as usize) <= best.1
                    });
                    found[i * STRENGTHS.len() + s] = f64::from(u8::from(is_found));
                }
            }
        }
        let resampling = Resampling {
            n: items.len(),
            seed,
        };
        for (space, found) in spaces.iter().zip(&found) {
            all.push(Robustness {
                distortion,
                space: space.space(),
                found: resampling.estimates(found, STRENGTHS.len()),
            });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(space: Space, k: usize, ids: &[u32]) -> Neighbours {
        Neighbours {
            k,
            ids: ids.to_vec(),
            distances: vec![0.0; ids.len()],
            space,
            secs: 0.0,
        }
    }

    #[test]
    fn figures_are_those_counted_by_hand() -> Result<()> {
        let names: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        let classes = Classes {
            queries: &[0, 1],
            gallery: &[0, 0, 1, 1, 0],
            names: &names,
        };
        // Classes found: a b a for the query of class a, and b a b for that of class b.
        let one = found(Space::Pixel, 3, &[0, 2, 1, 3, 4, 2]);
        let report = of_space(&one, classes, 1)?;
        let means = |e: &[Estimate]| e.iter().map(|e| e.mean).collect::<Vec<f64>>();
        let close = |a: Vec<f64>, b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(means(&report.precision), &[1.0, 0.5, 2.0 / 3.0]));
        assert!(close(
            means(&report.recall),
            &[
                f64::midpoint(1.0 / 3.0, 0.5),
                f64::midpoint(1.0 / 3.0, 0.5),
                f64::midpoint(2.0 / 3.0, 1.0)
            ]
        ));
        assert!(close(means(&report.accuracy), &[1.0, 1.0, 1.0]));
        assert_eq!(report.confusion, [[1, 0], [0, 1]]);
        assert_eq!(report.classes[1].queries, 1);
        let other = found(Space::Code, 3, &[0, 1, 4, 0, 1, 4]);
        let pair = of_pair(&one, &other, Some(classes), None, 1)?;
        assert!((pair.overlap.mean - 0.5).abs() < 1e-12);
        assert_eq!(pair.wins[0], [Win { query: 1, by: 2 }]);
        assert_eq!(pair.wins[1], [Win { query: 0, by: 1 }]);
        Ok(())
    }

    #[test]
    fn intervals_hold_the_mean_and_shrink_with_more_queries() {
        let width = |n: usize| {
            let values: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
            let found = Resampling { n, seed: 5 }.estimate(&values);
            assert!(found.low <= found.mean && found.mean <= found.high);
            found.high - found.low
        };
        // Of a share p the interval is about 3.92 √(p (1 − p) / n) wide.
        let expected = 3.92 * (2.0 / 9.0_f64 / 900.0).sqrt();
        assert!((width(900) - expected).abs() < 0.2 * expected);
        assert!(width(3600) < 0.7 * width(900));
    }

    #[test]
    fn ranks_of_equals_are_shared() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        assert!((correlation(&[0.0, 1.0, 2.0], &[4.0, 5.0, 6.0]) - 1.0).abs() < 1e-12);
        assert_eq!(correlation(&[1.0, 1.0], &[0.0, 1.0]), 0.0);
    }

    #[test]
    fn classes_are_compared_by_name() {
        let labels = |names: &[&str], values: &[u16]| Labels {
            values: values.to_vec(),
            names: names.iter().map(ToString::to_string).collect(),
        };
        let gallery = labels(&["ant", "bee", "cat"], &[0, 1, 2]);
        let queries = labels(&["bee", "dog", "cat"], &[0, 1, 2, 2]);
        assert_eq!(classes_of(&queries, &gallery), [1, u16::MAX, 2, 2]);
    }
}
