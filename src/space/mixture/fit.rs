//! How a mixture is fitted: a start from k-means++, steps of expectation and maximisation, and what is done about components
//! that collapse.
//!
//! Invariant: between two re-seedings no step makes the items less likely, but by the little that the ridge costs.

use faer::Mat;
use rand::seq::index;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Component, Course, Mixture, RIDGE};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::sums::{BLOCK, add_products, over_blocks};

/// Fitting ends when a step adds less than this to the mean log-density per code, in nats.
const TOLERANCE: f64 = 1e-4;

/// Most rounds of k-means from which the fit starts.
const MOST_ROUNDS: usize = 20;

/// The standard deviation that a dimension without spread is taken to have, as a share of its mean's magnitude or of one.
const NO_SPREAD: f64 = 1e-4;

/// Rounds in which components that have collapsed are set anew.
pub(super) const MOST_RESEEDINGS: usize = 5;

/// A component's variance counts as none below this, and that of all items as some from a hundred times this.
const NO_VARIANCE: f64 = 4.0 * RIDGE;

/// The steps of a fit that was begun, with what all of them need.
pub(super) struct Steps {
    fit: Fit,
    whole: Component,
    has_spread: bool,
}

impl Steps {
    /// Of the codes that `mixture` began with; nothing where it has settled.
    pub(super) fn of(codes: &[f32], mixture: &Mixture, progress: &Progress) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(mixture.course.seed);
        let ids = chosen(codes.len() / mixture.dims(), &mut rng);
        let fit = Fit::of(codes, &ids, mixture);
        let whole = fit.whole(progress)?;
        let has_spread = whole.least_variance() > 100.0 * NO_VARIANCE;
        Ok(Self {
            fit,
            whole,
            has_spread,
        })
    }

    /// Takes one: whole, or not at all. It settles the mixture when it adds next to nothing.
    pub(super) fn take(&self, mixture: &mut Mixture, progress: &Progress) -> Result<()> {
        let fit = &self.fit;
        let collapsed = fit.collapsed(mixture, self.has_spread);
        let is_anew = !collapsed.is_empty() && mixture.course.rounds < MOST_RESEEDINGS;
        let anew = is_anew.then(|| {
            let mut anew = mixture.clone();
            fit.set_anew(&mut anew, &collapsed, &self.whole, progress)?;
            Ok(anew)
        });
        let anew = anew.transpose()?;
        let (log_density, sums) = fit.expect(anew.as_ref().unwrap_or(mixture), progress)?;
        let components = Fit::maximise(&sums);
        if !log_density.is_finite() || components.is_empty() {
            return Err(Error::model(
                "the items have no density under this mixture: a file holds numbers that no fit comes to",
            ));
        }
        // From here on nothing fails, so that no step is left half taken.
        if let Some(anew) = anew {
            *mixture = anew;
        }
        let course = &mut mixture.course;
        let before = course.history.last().copied();
        course.history.push(log_density);
        course.steps += 1;
        let gain = before.map_or(f64::INFINITY, |before| log_density - before);
        // With one component there is nothing to assign, and the first estimate is the best.
        course.is_settled = mixture.components.len() == 1 || gain < TOLERANCE * fit.n as f64;
        if !course.is_settled {
            mixture.components = components;
        }
        mixture.course.collapsed = fit.collapsed(mixture, self.has_spread).len();
        Ok(())
    }
}

/// What a component is estimated from.
pub(super) struct Sums {
    pub(super) weight: f64,
    pub(super) first: Vec<f64>,
    pub(super) second: Mat<f64>,
}

impl Sums {
    fn zero(d: usize) -> Self {
        Self {
            weight: 0.0,
            first: vec![0.0; d],
            second: Mat::zeros(d, d),
        }
    }

    /// Adds each of `rows` with its weight; `weighted` is room for as many numbers.
    fn add(&mut self, rows: &[f64], weights: impl Iterator<Item = f64>, weighted: &mut Vec<f64>) {
        let d = self.first.len();
        weighted.clear();
        for (row, weight) in rows.chunks_exact(d).zip(weights) {
            // Most rows are none of the component's concern.
            if weight > f64::MIN_POSITIVE {
                self.weight += weight;
                let root = weight.sqrt();
                for (sum, x) in self.first.iter_mut().zip(row) {
                    *sum += weight * x;
                    weighted.push(root * x);
                }
            }
        }
        add_products(self.second.as_mut(), weighted);
    }

    fn merge(sums: &mut [Self], parts: Vec<Self>) {
        for (sum, part) in sums.iter_mut().zip(parts) {
            sum.weight += part.weight;
            for (sum, x) in sum.first.iter_mut().zip(part.first) {
                *sum += x;
            }
            sum.second += part.second;
        }
    }
}

/// Standardised codes that a mixture is being fitted to.
pub(super) struct Fit {
    rows: Vec<f64>,
    n: usize,
    d: usize,
}

impl Fit {
    /// The mixture of at most so many components from which the steps begin.
    pub(super) fn begin(
        codes: &[f32],
        d: usize,
        components: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Mixture> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let ids = chosen(codes.len() / d, &mut rng);
        let (centre, scale) = spread(codes, d, &ids);
        let mut mixture = Mixture {
            centre,
            scale,
            components: Vec::new(),
            course: Course {
                seed,
                items: ids.len(),
                ..Course::default()
            },
        };
        let fit = Self::of(codes, &ids, &mixture);
        let components = components.min(ids.len() / (d + 1)).max(1);
        let nearest = fit.start(components, &mut rng, progress)?;
        mixture.components = fit.components(&nearest, progress)?;
        Ok(mixture)
    }

    /// The components that answer for too few items to span a covariance, or have lost their spread in a direction where the
    /// items have some.
    fn collapsed(&self, mixture: &Mixture, has_spread: bool) -> Vec<usize> {
        let components = &mixture.components;
        // The only component there is has nowhere to go.
        if components.len() == 1 {
            return Vec::new();
        }
        let is_collapsed = |&c: &usize| {
            let component = &components[c];
            component.weight * (self.n as f64) < (self.d + 1) as f64
                || (has_spread && component.least_variance() < NO_VARIANCE)
        };
        (0..components.len()).filter(is_collapsed).collect()
    }

    /// The Gaussian of all items.
    fn whole(&self, progress: &Progress) -> Result<Component> {
        let sums = over_blocks(
            self.n,
            progress,
            || Sums::zero(self.d),
            |sums, block| {
                let rows = &self.rows[block.start * self.d..block.end * self.d];
                sums.add(rows, rows.chunks(self.d).map(|_| 1.0), &mut Vec::new());
            },
            |sums, part| Sums::merge(std::slice::from_mut(sums), vec![part]),
        )?;
        Ok(Component::of(&sums, sums.weight))
    }

    /// Sets components anew: each at the item that the others explain worst and that was not tried before, with the shape of
    /// all items at the size that a part of them has, and the weight of an equal share.
    fn set_anew(
        &self,
        mixture: &mut Mixture,
        collapsed: &[usize],
        whole: &Component,
        progress: &Progress,
    ) -> Result<()> {
        mixture.course.history.clear();
        mixture.course.rounds += 1;
        let k = mixture.components.len();
        let mut kept: Vec<Component> = std::mem::take(&mut mixture.components);
        for &component in collapsed.iter().rev() {
            kept.remove(component);
        }
        let share = 1.0 / k as f64;
        mixture.components = kept;
        // k equal balls fill the volume of one that is this much larger in each direction.
        let shrink = (k as f64).powf(-2.0 / self.d as f64);
        for _ in collapsed {
            if progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            let Some(worst) = self.worst_explained(mixture) else {
                break;
            };
            mixture.course.tried.push(worst);
            let covariance = Mat::from_fn(self.d, self.d, |i, j| {
                let products = (0..=i.min(j)).map(|l| whole.factor[(i, l)] * whole.factor[(j, l)]);
                shrink * products.sum::<f64>()
            });
            let mean = self.row(worst).to_vec();
            mixture
                .components
                .push(Component::new(mean, covariance, share));
            mixture.course.reseeded += 1;
        }
        let total: f64 = mixture.weights().sum();
        for component in &mut mixture.components {
            let weight = component.weight / total;
            *component = component.clone().weighted(weight);
        }
        Ok(())
    }

    /// The item of least density among those that were not tried, the first of several; the one farthest from the middle when no
    /// component is left to explain any.
    fn worst_explained(&self, mixture: &Mixture) -> Option<usize> {
        let mut densities = vec![0.0; self.n];
        densities
            .par_chunks_mut(BLOCK)
            .zip(self.rows.par_chunks(BLOCK * self.d))
            .for_each(|(densities, rows)| {
                if mixture.components.is_empty() {
                    for (density, row) in densities.iter_mut().zip(rows.chunks_exact(self.d)) {
                        *density = -row.iter().map(|x| x * x).sum::<f64>();
                    }
                } else {
                    mixture.densities(rows, densities);
                }
            });
        let untried = (0..self.n).filter(|i| !mixture.course.tried.contains(i));
        untried.min_by(|&a, &b| densities[a].total_cmp(&densities[b]))
    }

    /// The codes `ids`, standardised as the mixture says.
    fn of(codes: &[f32], ids: &[usize], mixture: &Mixture) -> Self {
        let (n, d) = (ids.len(), mixture.dims());
        let mut rows = Vec::with_capacity(n * d);
        for &id in ids {
            rows.extend(codes[id * d..][..d].iter().map(|&x| f64::from(x)));
        }
        rows.par_chunks_exact_mut(d)
            .for_each(|row| mixture.standardise(row));
        Self { rows, n, d }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.d..][..self.d]
    }

    /// The cluster of each row: k-means from centres drawn one by one, each with the chance of a row's squared distance to
    /// the nearest one drawn before.
    fn start(
        &self,
        clusters: usize,
        rng: &mut ChaCha8Rng,
        progress: &Progress,
    ) -> Result<Vec<u32>> {
        let mut centres = self.row(rng.random_range(0..self.n)).to_vec();
        let mut nearest = vec![(0_u32, f64::INFINITY); self.n];
        for cluster in 0..clusters as u32 {
            progress.update(0, 1)?;
            let centre = &centres[cluster as usize * self.d..];
            nearest
                .par_iter_mut()
                .zip(self.rows.par_chunks_exact(self.d))
                .for_each(|(nearest, row)| {
                    let squared = squared_distance(row, centre);
                    if squared < nearest.1 {
                        *nearest = (cluster, squared);
                    }
                });
            let total: f64 = nearest.iter().map(|(_, squared)| squared).sum();
            if cluster + 1 == clusters as u32 || total <= 0.0 {
                break;
            }
            let mut left = total * rng.random::<f64>();
            let mut next = None;
            for (i, (_, squared)) in nearest.iter().enumerate() {
                if *squared > 0.0 {
                    next = Some(i);
                    left -= squared;
                    if left < 0.0 {
                        break;
                    }
                }
            }
            let Some(next) = next else { break };
            centres.extend_from_slice(&self.rows[next * self.d..][..self.d]);
        }
        let mut clusters: Vec<u32> = nearest.into_iter().map(|(cluster, _)| cluster).collect();
        for _ in 0..MOST_ROUNDS {
            progress.update(0, 1)?;
            let mut sums = vec![0.0; centres.len()];
            let mut counts = vec![0_usize; centres.len() / self.d];
            for (row, &cluster) in self.rows.chunks_exact(self.d).zip(&clusters) {
                counts[cluster as usize] += 1;
                for (sum, x) in sums[cluster as usize * self.d..].iter_mut().zip(row) {
                    *sum += x;
                }
            }
            for ((centre, sum), &count) in centres
                .chunks_exact_mut(self.d)
                .zip(sums.chunks_exact(self.d))
                .zip(&counts)
            {
                if count > 0 {
                    for (x, sum) in centre.iter_mut().zip(sum) {
                        *x = sum / count as f64;
                    }
                }
            }
            let moved: usize = clusters
                .par_iter_mut()
                .zip(self.rows.par_chunks_exact(self.d))
                .map(|(cluster, row)| {
                    let before = *cluster;
                    let mut least = f64::INFINITY;
                    for (candidate, centre) in (0..).zip(centres.chunks_exact(self.d)) {
                        let squared = squared_distance(row, centre);
                        if squared < least {
                            (*cluster, least) = (candidate, squared);
                        }
                    }
                    usize::from(before != *cluster)
                })
                .sum();
            if moved * 1000 <= self.n {
                break;
            }
        }
        Ok(clusters)
    }

    /// A component for each cluster that has rows.
    fn components(&self, clusters: &[u32], progress: &Progress) -> Result<Vec<Component>> {
        let count = clusters.iter().max().map_or(1, |&last| last as usize + 1);
        let sums = over_blocks(
            self.n,
            progress,
            || (0..count).map(|_| Sums::zero(self.d)).collect::<Vec<_>>(),
            |sums, block| {
                let rows = &self.rows[block.start * self.d..block.end * self.d];
                let mut weighted = Vec::new();
                for (cluster, sum) in (0..).zip(sums) {
                    let own = clusters[block.clone()].iter();
                    let weights = own.map(|&c| f64::from(u8::from(c == cluster)));
                    sum.add(rows, weights, &mut weighted);
                }
            },
            |sums, parts| Sums::merge(sums, parts),
        )?;
        Ok(Self::maximise(&sums))
    }

    /// The log-density of all rows, and for each component the rows weighted by its responsibility for them.
    fn expect(&self, mixture: &Mixture, progress: &Progress) -> Result<(f64, Vec<Sums>)> {
        let k = mixture.components.len();
        over_blocks(
            self.n,
            progress,
            || (0.0, (0..k).map(|_| Sums::zero(self.d)).collect::<Vec<_>>()),
            |(log_density, sums), block| {
                let rows = &self.rows[block.start * self.d..block.end * self.d];
                let mut room = Vec::with_capacity(BLOCK * self.d);
                room.resize(rows.len(), 0.0);
                let mut shares = vec![0.0; block.len() * k];
                let tell = |_, density| *log_density += density;
                mixture.share_out(rows, &mut room, &mut shares, tell);
                for (component, sum) in sums.iter_mut().enumerate() {
                    let weights = shares.iter().skip(component).step_by(k).copied();
                    sum.add(rows, weights, &mut room);
                }
            },
            |(log_density, sums), (part, parts)| {
                *log_density += part;
                Sums::merge(sums, parts);
            },
        )
    }

    /// The components of greatest likelihood for the sums; one that has lost its rows is gone.
    fn maximise(sums: &[Sums]) -> Vec<Component> {
        let kept = || sums.iter().filter(|sum| sum.weight > 1e-6);
        let total = kept().map(|sum| sum.weight).sum();
        kept().map(|sum| Component::of(sum, total)).collect()
    }
}

/// Mean and standard deviation of each dimension over the codes `ids`.
fn spread(codes: &[f32], d: usize, ids: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let n = ids.len() as f64;
    let rows = || ids.iter().map(|&id| &codes[id * d..][..d]);
    let mut centre = vec![0.0; d];
    for row in rows() {
        for (sum, &x) in centre.iter_mut().zip(row) {
            *sum += f64::from(x) / n;
        }
    }
    let mut scale = vec![0.0; d];
    for row in rows() {
        for ((sum, &x), centre) in scale.iter_mut().zip(row).zip(&centre) {
            *sum += (f64::from(x) - centre).powi(2) / n;
        }
    }
    for (scale, centre) in scale.iter_mut().zip(&centre) {
        let least = NO_SPREAD * centre.abs().max(1.0);
        let std = scale.sqrt();
        *scale = if std > 1e-3 * least { std } else { least };
    }
    (centre, scale)
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The items to fit to, in rising order.
fn chosen(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    if n <= Mixture::MOST_ITEMS {
        return (0..n).collect();
    }
    let mut ids = index::sample(rng, n, Mixture::MOST_ITEMS).into_vec();
    ids.sort_unstable();
    ids
}
