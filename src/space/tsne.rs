//! t-SNE: positions on the plane that keep neighbours together (van der Maaten and Hinton 2008).
//!
//! Every item is drawn to its neighbours by their affinity (`affinities`) and pushed away by all items (`repulsion`); momentum and a gain
//! per coordinate (Jacobs 1988) lead to a minimum of the divergence between both. The schedule is openTSNE's, with
//! the learning rate of Belkina and others (2019).
//!
//! Invariant: the same graph, start and configuration give the same layout whatever the number of threads.

mod affinities;
mod repulsion;

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use self::affinities::Affinities;
use self::repulsion::Repulsion;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::space::NeighbourGraph;

/// How much stronger items are drawn together at first, so that clusters form before they are pushed apart.
const EARLY_EXAGGERATION: f32 = 12.0;

/// The part of a step that the next one keeps.
const MOMENTUM: f32 = 0.8;

/// What a gain grows by where the slope keeps its sign, shrinks to where it turns, and never goes below.
const GAIN_STEP: f32 = 0.2;
const GAIN_DECAY: f32 = 0.8;
const LEAST_GAIN: f32 = 0.01;

/// The longest step of an item.
const LONGEST_STEP: f32 = 5.0;

/// Standard deviation of the layout that the descent starts from, along its first axis.
const START_DEVIATION: f64 = 1e-4;

/// Standard deviation of the noise that parts items at one place, as a share of the above.
const JITTER: f64 = 0.01;

/// Least time between two layouts shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// Items moved at a time.
const PIECE: usize = 256;

/// What a layout depends on beside the graph and the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TsneConfig {
    /// Effective number of neighbours of each item, above zero. Three times as many have to be in the graph: with fewer, the
    /// perplexity is lowered to a third of their number, but not below one.
    pub perplexity: f32,
    /// Steps during which the affinities are twelve times as strong.
    pub early_exaggeration_iterations: usize,
    /// Steps after those.
    pub iterations: usize,
    /// Of the noise that parts items that start at the same place.
    pub seed: u64,
}

impl Default for TsneConfig {
    fn default() -> Self {
        Self {
            perplexity: 30.0,
            early_exaggeration_iterations: 250,
            iterations: 500,
            seed: 0,
        }
    }
}

/// The perplexity that is taken where `wanted` is asked for with `k` neighbours an item: a third of them at most, 1 at least.
#[must_use]
pub fn usable_perplexity(wanted: f32, k: usize) -> f32 {
    wanted.min(k as f32 / 3.0).max(1.0)
}

/// Positions of the items of `graph`, around the origin. They start at `start` (the first two principal components, say), of which
/// only the shape counts: it is shrunk. `show` gets a layout now and then, at most four times a second.
///
/// # Errors
/// When `start` is of another length than `graph`, one of its numbers is not finite or the perplexity is not above zero; when
/// cancelled.
pub fn layout(
    graph: &NeighbourGraph,
    start: &[[f32; 2]],
    config: &TsneConfig,
    progress: &Progress,
    show: &mut dyn FnMut(&[[f32; 2]]),
) -> Result<Vec<[f32; 2]>> {
    let n = graph.len();
    if start.len() != n {
        return Err(Error::usage(format!(
            "{} positions to start from do not fit {n} items",
            start.len()
        )));
    }
    if let Some(item) = start.iter().position(|p| !p.iter().all(|x| x.is_finite())) {
        return Err(Error::usage(format!(
            "the position that item {item} starts from is not finite"
        )));
    }
    if !(config.perplexity.is_finite() && config.perplexity > 0.0) {
        return Err(Error::usage(format!(
            "a perplexity of {} means nothing",
            config.perplexity
        ))
        .hint("take a number from 5 to 50"));
    }
    if n < 2 {
        return Ok(vec![[0.0; 2]; n]);
    }
    let total = config.early_exaggeration_iterations + config.iterations;
    let perplexity = usable_perplexity(config.perplexity, graph.k());
    let affinities = Affinities::new(graph, perplexity, progress, total)?;
    let mut descent = Descent::new(shrunk(start, config.seed));
    let mut shown = Instant::now();
    for iteration in 0..total {
        progress.update(iteration, total)?;
        let early = iteration < config.early_exaggeration_iterations;
        descent.step(&affinities, if early { EARLY_EXAGGERATION } else { 1.0 });
        if shown.elapsed() >= SHOW_EVERY {
            show(&descent.positions);
            shown = Instant::now();
        }
    }
    progress.update(total, total)?;
    Ok(descent.positions)
}

/// The start, moved to the origin, shrunk and with a little noise, which alone remains where all start at one place.
fn shrunk(start: &[[f32; 2]], seed: u64) -> Vec<[f32; 2]> {
    let n = start.len() as f64;
    let mean = [0, 1].map(|axis| start.iter().map(|p| f64::from(p[axis])).sum::<f64>() / n);
    let deviation = [0, 1].map(|axis| {
        let squares = start
            .iter()
            .map(|p| (f64::from(p[axis]) - mean[axis]).powi(2));
        (squares.sum::<f64>() / n).sqrt()
    });
    // The first component has the greater spread, unless the start is no principal components.
    let deviation = deviation[0].max(deviation[1]);
    let (scale, noise) = if deviation > 0.0 {
        (START_DEVIATION / deviation, JITTER * START_DEVIATION)
    } else {
        (0.0, START_DEVIATION)
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    start
        .iter()
        .map(|position| {
            [0, 1].map(|axis| {
                let jitter: f64 = StandardNormal.sample(&mut random);
                ((f64::from(position[axis]) - mean[axis]) * scale + noise * jitter) as f32
            })
        })
        .collect()
}

/// Where a descent stands.
struct Descent {
    positions: Vec<[f32; 2]>,
    steps: Vec<[f32; 2]>,
    gains: Vec<[f32; 2]>,
    pushes: Vec<[f32; 2]>,
    next: Vec<[f32; 2]>,
    repulsion: Repulsion,
}

impl Descent {
    fn new(positions: Vec<[f32; 2]>) -> Self {
        let n = positions.len();
        Self {
            positions,
            steps: vec![[0.0; 2]; n],
            gains: vec![[1.0; 2]; n],
            pushes: vec![[0.0; 2]; n],
            next: vec![[0.0; 2]; n],
            repulsion: Repulsion::default(),
        }
    }

    /// Moves every item once.
    fn step(&mut self, affinities: &Affinities, exaggeration: f32) {
        let n = self.positions.len();
        let total = self.repulsion.evaluate(&self.positions, &mut self.pushes);
        // A quarter of the gradient, as its factor of four is left to the learning rate.
        let rate = n as f32 / exaggeration;
        let share = if total > 0.0 {
            (1.0 / total) as f32
        } else {
            0.0
        };
        let positions = &self.positions;
        let arch = pulp::Arch::new();
        let sums: Vec<[f64; 2]> = (
            self.next.par_chunks_mut(PIECE),
            self.steps.par_chunks_mut(PIECE),
            self.gains.par_chunks_mut(PIECE),
            self.pushes.par_chunks(PIECE),
        )
            .into_par_iter()
            .enumerate()
            .map(|(piece, (next, steps, gains, pushes))| {
                arch.dispatch(
                    #[inline(always)]
                    || {
                        let mut sum = [0.0_f64; 2];
                        for (i, next) in next.iter_mut().enumerate() {
                            let item = piece * PIECE + i;
                            let pull = affinities.attraction(item, positions);
                            let step = &mut steps[i];
                            for axis in 0..2 {
                                let slope = exaggeration * pull[axis] - share * pushes[i][axis];
                                let gain = &mut gains[i][axis];
                                *gain = if sign(step[axis]) == sign(slope) {
                                    GAIN_DECAY * *gain + LEAST_GAIN
                                } else {
                                    *gain + GAIN_STEP
                                };
                                step[axis] = MOMENTUM * step[axis] - rate * *gain * slope;
                            }
                            let length = (step[0] * step[0] + step[1] * step[1]).sqrt();
                            if length > LONGEST_STEP {
                                *step = step.map(|x| x * (LONGEST_STEP / length));
                            }
                            for axis in 0..2 {
                                next[axis] = positions[item][axis] + step[axis];
                                sum[axis] += f64::from(next[axis]);
                            }
                        }
                        sum
                    },
                )
            })
            .collect();
        let mean = [0, 1].map(|axis| {
            (sums.iter().map(|sum: &[f64; 2]| sum[axis]).sum::<f64>() / n as f64) as f32
        });
        for position in &mut self.next {
            position[0] -= mean[0];
            position[1] -= mean[1];
        }
        std::mem::swap(&mut self.positions, &mut self.next);
    }
}

/// −1, 0 or 1.
#[inline]
fn sign(x: f32) -> i8 {
    i8::from(x > 0.0) - i8::from(x < 0.0)
}

#[cfg(test)]
mod tests {
    use super::affinities::conditional;
    use super::*;

    /// Rows `[n, d]` as their exact graph of `k` neighbours.
    fn graph(rows: &[f32], d: usize, k: usize) -> Result<NeighbourGraph> {
        NeighbourGraph::new(rows, d, k, 0, &Progress::silent())
    }

    /// `blobs` clouds of `each` items in ten dimensions, ten standard deviations apart.
    fn blobs(blobs: usize, each: usize) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut rows = Vec::new();
        for item in 0..blobs * each {
            for axis in 0..10 {
                let noise: f32 = StandardNormal.sample(&mut random);
                rows.push(noise + if axis == item % blobs { 10.0 } else { 0.0 });
            }
        }
        rows
    }

    fn first_two(rows: &[f32], d: usize) -> Vec<[f32; 2]> {
        rows.chunks_exact(d).map(|row| [row[0], row[1]]).collect()
    }

    fn run(rows: &[f32], d: usize, k: usize, config: &TsneConfig) -> Result<Vec<[f32; 2]>> {
        let graph = graph(rows, d, k)?;
        let start = first_two(rows, d);
        layout(&graph, &start, config, &Progress::silent(), &mut |_| {})
    }

    /// The Kullback–Leibler divergence, by definition.
    fn divergence(affinities: &Affinities, positions: &[[f32; 2]]) -> f64 {
        let q = |i: usize, j: usize| {
            let d = [0, 1].map(|a| f64::from(positions[i][a]) - f64::from(positions[j][a]));
            1.0 / (1.0 + d[0] * d[0] + d[1] * d[1])
        };
        let n = positions.len();
        let total: f64 = (0..n)
            .flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)))
            .map(|(i, j)| q(i, j))
            .sum();
        let mut sum = 0.0;
        for i in 0..n {
            let (ids, values) = affinities.row(i);
            for (&j, &p) in ids.iter().flatten().zip(values.iter().flatten()) {
                if p > 0.0 {
                    let p = f64::from(p);
                    sum += p * (p * total / q(i, j as usize)).ln();
                }
            }
        }
        sum
    }

    #[test]
    fn affinities_sum_to_one_are_symmetric_and_have_the_perplexity() -> Result<()> {
        let rows = blobs(3, 40);
        let graph = graph(&rows, 10, 30)?;
        let affinities = Affinities::new(&graph, 10.0, &Progress::silent(), 1)?;
        let n = graph.len();
        let mut dense = vec![0.0; n * n];
        for i in 0..n {
            let (ids, values) = affinities.row(i);
            for (&j, &p) in ids.iter().flatten().zip(values.iter().flatten()) {
                dense[i * n + j as usize] += f64::from(p);
            }
        }
        assert!((dense.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        for i in 0..n {
            assert_eq!(dense[i * n + i], 0.0);
            for j in 0..n {
                assert!((dense[i * n + j] - dense[j * n + i]).abs() < 1e-9);
            }
            let shares = conditional(graph.distances(i), 10.0);
            let entropy: f64 = shares
                .iter()
                .filter(|&&p| p > 0.0)
                .map(|&p| -f64::from(p) * f64::from(p).ln())
                .sum();
            assert!((entropy.exp() - 10.0).abs() < 1e-3, "{}", entropy.exp());
            assert!(shares.is_sorted_by(|a, b| a >= b));
        }
        Ok(())
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_divergence() -> Result<()> {
        let rows = blobs(3, 20);
        let graph = graph(&rows, 10, 15)?;
        let affinities = Affinities::new(&graph, 5.0, &Progress::silent(), 1)?;
        let positions = first_two(&rows, 10);
        let mut pushes = vec![[0.0; 2]; positions.len()];
        let total = Repulsion::default().evaluate(&positions, &mut pushes);
        for item in [0, 17, 59] {
            let pull = affinities.attraction(item, &positions);
            for axis in 0..2 {
                let slope = 4.0 * (f64::from(pull[axis]) - f64::from(pushes[item][axis]) / total);
                let at = |shift: f32| {
                    let mut moved = positions.clone();
                    moved[item][axis] += shift;
                    divergence(&affinities, &moved)
                };
                let measured = (at(0.01) - at(-0.01)) / 0.02;
                assert!(
                    (slope - measured).abs() < 1e-3 * measured.abs() + 1e-6,
                    "{slope} {measured}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn the_divergence_falls() -> Result<()> {
        let rows = blobs(4, 100);
        let graph = graph(&rows, 10, 45)?;
        let affinities = Affinities::new(&graph, 15.0, &Progress::silent(), 1)?;
        let start = shrunk(&first_two(&rows, 10), 0);
        let mut last = divergence(&affinities, &start);
        for iterations in [10, 100, 400] {
            let config = TsneConfig {
                perplexity: 15.0,
                early_exaggeration_iterations: 100,
                iterations,
                ..TsneConfig::default()
            };
            let positions = layout(&graph, &start, &config, &Progress::silent(), &mut |_| {})?;
            let now = divergence(&affinities, &positions);
            assert!(now < last, "{iterations}: {now} {last}");
            last = now;
        }
        assert!(last < 1.0, "{last}");
        Ok(())
    }

    #[test]
    fn separate_clouds_are_laid_out_apart() -> Result<()> {
        // By all pairs, and by the grid.
        for each in [60, 500] {
            let config = TsneConfig::default();
            let positions = run(&blobs(4, each), 10, 90, &config)?;
            let off = (0..positions.len())
                .filter(|&i| {
                    let nearest = (0..positions.len()).filter(|&j| j != i).min_by(|&a, &b| {
                        let to = |j: usize| {
                            let p: [f32; 2] = positions[j];
                            (p[0] - positions[i][0]).hypot(p[1] - positions[i][1])
                        };
                        to(a).total_cmp(&to(b))
                    });
                    nearest.is_none_or(|j| j % 4 != i % 4)
                })
                .count();
            assert_eq!(off, 0);
            let mean = [0, 1].map(|a| positions.iter().map(|p| p[a]).sum::<f32>());
            assert!(mean.iter().all(|x| x.abs() < 0.01 * positions.len() as f32));
        }
        Ok(())
    }

    #[test]
    fn the_number_of_threads_changes_nothing() -> Result<()> {
        let config = TsneConfig {
            early_exaggeration_iterations: 30,
            iterations: 30,
            ..TsneConfig::default()
        };
        for each in [100, 1500] {
            let rows = blobs(3, each);
            let with = |threads: usize| -> Result<Vec<[f32; 2]>> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let pool = pool.map_err(|error| Error::usage(error.to_string()))?;
                pool.install(|| run(&rows, 10, 60, &config))
            };
            let one = with(1)?;
            assert_eq!(one, with(2)?);
            assert_eq!(one, with(3)?);
            let other = run(&rows, 10, 60, &TsneConfig { seed: 1, ..config })?;
            assert_ne!(one, other);
        }
        Ok(())
    }

    #[test]
    fn few_items_and_equal_items_have_positions_too() -> Result<()> {
        let config = TsneConfig::default();
        assert_eq!(run(&[1.0, 2.0], 2, 5, &config)?, [[0.0; 2]]);
        for n in 2..6 {
            let rows: Vec<f32> = (0..2 * n).map(|i| (i * i) as f32).collect();
            for rows in [rows, vec![0.5; 2 * n]] {
                let positions = run(&rows, 2, n - 1, &config)?;
                assert!(positions.iter().flatten().all(|x| x.is_finite()));
                assert!(positions.iter().flatten().any(|&x| x != 0.0));
            }
        }
        let config = TsneConfig {
            early_exaggeration_iterations: 50,
            iterations: 50,
            ..config
        };
        for n in [200, 2000] {
            let positions = run(&vec![7.0; 3 * n], 3, 20, &config)?;
            assert!(positions.iter().flatten().all(|x| x.is_finite()));
        }
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_a_cancelled_layout_ends() -> Result<()> {
        let rows = blobs(2, 20);
        let graph = graph(&rows, 10, 15)?;
        let start = first_two(&rows, 10);
        let config = TsneConfig::default();
        let silent = Progress::silent();
        let fails = |start: &[[f32; 2]], config: &TsneConfig, progress: &Progress| {
            layout(&graph, start, config, progress, &mut |_| {}).err()
        };
        assert!(fails(&start[1..], &config, &silent).is_some_and(|e| e.is_usage()));
        let mut broken = start.clone();
        broken[3][1] = f32::NAN;
        let error = fails(&broken, &config, &silent).map(|e| e.to_string());
        assert!(error.is_some_and(|e| e.contains("item 3")));
        for perplexity in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let config = TsneConfig {
                perplexity,
                ..config
            };
            assert!(fails(&start, &config, &silent).is_some_and(|e| e.is_usage()));
        }
        let cancelled = Progress::silent();
        cancelled.cancel();
        assert!(fails(&start, &config, &cancelled).is_some_and(|e| e.is_cancelled()));
        Ok(())
    }
}
