//! UMAP: positions on the plane that keep the neighbourhoods of many dimensions (McInnes, Healy and Melville 2018).
//!
//! Invariant: the same graph, start and settings give the same positions, whatever the number of threads.
//!
//! The published optimisation moves both ends of a sampled edge at once, one edge after the other, which cannot be spread
//! over threads without races. Here each row is moved by its own edges alone, at twice their rate, since every edge stands
//! at both of its ends; the rows of one of a few interleaved sets move together and see the others where they were
//! before.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::{NeighbourGraph, spectral};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Sets of rows that move one after the other within an epoch.
const SWEEPS: usize = 8;

/// Width and height of the start, as in the reference implementation.
const EXTENT: f32 = 10.0;

/// The rate at the start, and the power of what is left of the epochs with which it falls; 1 and 1 in the reference
/// implementation. Rows that all move at once cross each other less easily than rows that move one by one: what is large in
/// a layout needs higher rates, what is small needs as long at low ones.
const RATE: f32 = 2.0;
const FALL: f32 = 1.5;

/// No step along an axis is longer than this times the rate.
const LONGEST_STEP: f32 = 4.0;

/// Up to so many epochs no edge is left out for being drawn too rarely.
const FEW: usize = 10;

/// How long a layout that was shown stays at least.
const SHOWN: Duration = Duration::from_millis(250);

/// What a layout is made with; the names and defaults are those of the reference implementation, umap-learn.
#[derive(Clone, Debug, PartialEq)]
pub struct UmapConfig {
    /// Size of a neighbourhood, the row itself counted; at least 2.
    pub neighbours: usize,
    /// How near each other neighbours may lie, from 0 to `spread`.
    pub min_dist: f32,
    /// Over which distance neighbourhood fades on the plane; above 0.
    pub spread: f32,
    /// Passes over the graph; without it 500 for up to 10,000 rows, else 200.
    pub epochs: Option<usize>,
    /// Rows that are pushed away per edge that pulls.
    pub negative_samples: usize,
    /// Seed of all that is drawn.
    pub seed: u64,
}

impl Default for UmapConfig {
    fn default() -> Self {
        Self {
            neighbours: 15,
            min_dist: 0.1,
            spread: 1.0,
            epochs: None,
            negative_samples: 5,
            seed: 1,
        }
    }
}

impl UmapConfig {
    pub(super) fn check(&self) -> Result<()> {
        if self.neighbours < 2 {
            return Err(Error::usage(
                "a neighbourhood needs at least 2 rows, the row itself among them",
            ));
        }
        let spread = self.spread > 0.0 && self.spread.is_finite();
        if !spread || !(0.0..=self.spread).contains(&self.min_dist) {
            return Err(Error::usage(format!(
                "a least distance of {} does not lie between 0 and a spread of {}",
                self.min_dist, self.spread
            )));
        }
        Ok(())
    }

    fn epochs(&self, rows: usize) -> usize {
        self.epochs.unwrap_or(Self::usual_epochs(rows))
    }

    fn usual_epochs(rows: usize) -> usize {
        if rows <= 10_000 { 500 } else { 200 }
    }
}

/// Positions of the graph's rows. They begin at the graph's slowest vibrations, which are sought from `start` (principal
/// components do well), or at `start` itself when the graph has several parts. `show` is given what there is so far, about
/// four times a second.
///
/// Where the graph has fewer neighbours than the settings ask for, all of them are used.
///
/// # Errors
/// When a setting is out of its range, `start` has not one finite position per row, or someone asked for the end.
pub fn layout(
    graph: &NeighbourGraph,
    start: &[[f32; 2]],
    config: &UmapConfig,
    progress: &Progress,
    show: &mut dyn FnMut(&[[f32; 2]]),
) -> Result<Vec<[f32; 2]>> {
    config.check()?;
    if start.len() != graph.len() || start.iter().flatten().any(|x| !x.is_finite()) {
        return Err(Error::usage(format!(
            "{} positions to start from are not one finite position for each of {} rows",
            start.len(),
            graph.len()
        )));
    }
    let epochs = config.epochs(graph.len());
    progress.update(0, epochs)?;
    // A handful of passes is a glance at the layout of the whole graph, not of its strongest edges.
    let in_full = if epochs > FEW {
        epochs
    } else {
        UmapConfig::usual_epochs(graph.len())
    };
    let edges = Edges::new(graph, config.neighbours, in_full);
    let forces = Forces::new(config);
    let unfolded = spectral::positions(&edges, start, progress)?;
    let mut positions = spread_out(unfolded.as_deref().unwrap_or(start), config.seed);
    let mut moved = Vec::new();
    let mut shown = Instant::now();
    for epoch in 0..epochs {
        let pass = Pass {
            edges: &edges,
            forces: &forces,
            epoch,
            rate: RATE * (1.0 - epoch as f32 / epochs as f32).powf(FALL),
            negative_samples: config.negative_samples,
            seed: mixed(config.seed.wrapping_add(mixed(epoch as u64))),
        };
        for set in 0..SWEEPS.min(positions.len()) {
            if progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            let rows = (positions.len() - set).div_ceil(SWEEPS);
            (0..rows)
                .into_par_iter()
                .with_min_len(64)
                .map_init(Vec::new, |drawn, row| {
                    pass.moved(set + row * SWEEPS, &positions, drawn)
                })
                .collect_into_vec(&mut moved);
            for (position, &moved) in positions[set..].iter_mut().step_by(SWEEPS).zip(&moved) {
                *position = moved;
            }
        }
        progress.update(epoch + 1, epochs)?;
        if shown.elapsed() >= SHOWN {
            show(&positions);
            shown = Instant::now();
        }
    }
    Ok(positions)
}

/// The width over which memberships `exp(−(distance − nearest) / width)` fall so that they sum up to `sum`, by bisection.
fn width(distances: &[f32], nearest: f32, sum: f32) -> f32 {
    let (mut low, mut high, mut width) = (0.0_f32, f32::INFINITY, 1.0_f32);
    for _ in 0..64 {
        let memberships = distances
            .iter()
            .map(|x| (-(x - nearest).max(0.0) / width).exp());
        let excess = memberships.sum::<f32>() - sum;
        if excess.abs() < 1e-5 {
            break;
        }
        if excess > 0.0 {
            high = width;
            width = f32::midpoint(low, high);
        } else {
            low = width;
            width = if high.is_finite() {
                f32::midpoint(low, high)
            } else {
                2.0 * width
            };
        }
    }
    width
}

/// One end's view of an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    /// The row at the other end.
    pub(super) end: u32,
    /// First how strongly the ends belong together, then how often the edge is drawn in an epoch.
    pub(super) draws: f32,
}

/// The fuzzy graph: edges row by row, each at both of its ends.
pub(super) struct Edges {
    /// Where each row's edges begin; one more than rows.
    begins: Vec<usize>,
    edges: Vec<Edge>,
}

impl Edges {
    fn new(graph: &NeighbourGraph, neighbours: usize, epochs: usize) -> Self {
        let k = graph.k().min(neighbours - 1);
        let n = graph.len();
        let mean = |distances: &[f32]| distances.iter().sum::<f32>() / (k + 1) as f32;
        let means: Vec<f32> = (0..n).map(|i| mean(&graph.distances(i)[..k])).collect();
        let mean_of_all = means.iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64;

        let directed: Vec<Vec<(u32, f32)>> = (0..n)
            .into_par_iter()
            .map(|i| {
                let distances = &graph.distances(i)[..k];
                let nearest = distances.iter().copied().find(|&x| x > 0.0).unwrap_or(0.0);
                let floor = if nearest > 0.0 {
                    means[i]
                } else {
                    mean_of_all as f32
                };
                let width = width(distances, nearest, ((k + 1) as f32).log2()).max(1e-3 * floor);
                let membership = |&x: &f32| {
                    if x <= nearest || width == 0.0 {
                        1.0
                    } else {
                        (-(x - nearest) / width).exp()
                    }
                };
                let weights = distances.iter().map(membership);
                let mut row: Vec<_> = graph.ids(i)[..k].iter().copied().zip(weights).collect();
                row.sort_unstable_by_key(|&(id, _)| id);
                row
            })
            .collect();
        Self::united(&directed).scheduled(epochs)
    }

    /// The union of each edge with its opposite: `a + b − a·b`.
    fn united(directed: &[Vec<(u32, f32)>]) -> Self {
        let mut opposite: Vec<Vec<(u32, f32)>> = vec![Vec::new(); directed.len()];
        for (i, row) in directed.iter().enumerate() {
            for &(j, weight) in row {
                opposite[j as usize].push((i as u32, weight));
            }
        }
        let mut edges = Self {
            begins: vec![0],
            edges: Vec::new(),
        };
        for (there, back) in directed.iter().zip(&opposite) {
            let (mut there, mut back) = (there.iter().peekable(), back.iter().peekable());
            // Both are sorted by the other end.
            loop {
                let ends = [there.peek(), back.peek()].map(|edge| edge.map(|edge| edge.0));
                let Some(end) = ends.into_iter().flatten().min() else {
                    break;
                };
                let a = there
                    .next_if(|edge| edge.0 == end)
                    .map_or(0.0, |edge| edge.1);
                let b = back
                    .next_if(|edge| edge.0 == end)
                    .map_or(0.0, |edge| edge.1);
                let draws = a + b - a * b;
                edges.edges.push(Edge { end, draws });
            }
            edges.begins.push(edges.edges.len());
        }
        edges
    }

    /// Turns strengths into draws: the strongest edge is drawn once an epoch at each of its ends, so twice at the one that is
    /// moved. Edges that would not be drawn once in all are left out.
    fn scheduled(&self, epochs: usize) -> Self {
        let strongest = self
            .edges
            .iter()
            .fold(0.0_f32, |most, edge| most.max(edge.draws));
        let least = strongest / epochs as f32;
        let mut edges = Vec::with_capacity(self.edges.len());
        let mut begins = vec![0];
        for ends in self.begins.windows(2) {
            let strong = self.edges[ends[0]..ends[1]]
                .iter()
                .filter(|edge| edge.draws >= least);
            edges.extend(strong.map(|edge| Edge {
                draws: 2.0 * edge.draws / strongest,
                ..*edge
            }));
            begins.push(edges.len());
        }
        Self { begins, edges }
    }

    pub(super) fn of(&self, row: usize) -> &[Edge] {
        &self.edges[self.begins[row]..self.begins[row + 1]]
    }
}

/// One epoch.
struct Pass<'a> {
    edges: &'a Edges,
    forces: &'a Forces,
    epoch: usize,
    rate: f32,
    negative_samples: usize,
    seed: u64,
}

impl Pass<'_> {
    /// Where `row` goes from its place among `positions`; `drawn` is scratch memory.
    fn moved(&self, row: usize, positions: &[[f32; 2]], drawn: &mut Vec<u32>) -> [f32; 2] {
        let edges = self.edges.of(row);
        // Every edge is written down twice and kept as often as it is drawn: without branches, which nobody could foresee.
        drawn.resize(drawn.len().max(2 * edges.len() + 2), 0);
        let mut count = 0;
        for &Edge { end, draws } in edges {
            let before = (self.epoch as f32 * draws) as i32;
            let times = ((self.epoch + 1) as f32 * draws) as i32 - before;
            drawn[count] = end;
            drawn[count + 1] = end;
            count += times as usize;
        }
        let mut here = positions[row];
        let mut state = self.seed ^ mixed(row as u64);
        // The two draws at both ends of an edge push away once. Which of an odd number goes without alternates.
        let pushes = (self.epoch + row) % 2;
        for (draw, &end) in drawn[..count].iter().enumerate() {
            let there = positions[end as usize];
            let difference = [here[0] - there[0], here[1] - there[1]];
            let pull = self.forces.attraction.at(square(difference));
            for (x, difference) in here.iter_mut().zip(difference) {
                *x -= self.rate * (pull * difference).clamp(-LONGEST_STEP, LONGEST_STEP);
            }
            if draw % 2 == pushes {
                // All see the row where it is now, so that the processor can compute them side by side.
                let mut push = [0.0_f32; 2];
                for _ in 0..self.negative_samples {
                    state = state.wrapping_add(STEP);
                    let other = ((mixed(state) >> 32) * positions.len() as u64) >> 32;
                    let there = positions[other as usize];
                    let difference = [here[0] - there[0], here[1] - there[1]];
                    let force = self.forces.repulsion.at(square(difference));
                    for (push, difference) in push.iter_mut().zip(difference) {
                        *push += (force * difference).clamp(-LONGEST_STEP, LONGEST_STEP);
                    }
                }
                for (x, push) in here.iter_mut().zip(push) {
                    *x += self.rate * push;
                }
            }
        }
        here
    }
}

fn square(difference: [f32; 2]) -> f32 {
    difference[0] * difference[0] + difference[1] * difference[1]
}

/// What pulls the ends of an edge together and what pushes rows apart: factors of their difference, by its square.
struct Forces {
    attraction: Table,
    repulsion: Table,
}

impl Forces {
    /// The gradients of the cross-entropy of memberships `1 / (1 + a x^2b)` on the plane.
    fn new(config: &UmapConfig) -> Self {
        let (a, b) = membership_curve(f64::from(config.min_dist), f64::from(config.spread));
        Self {
            attraction: Table::new(|x| 2.0 * a * b * x.powf(b - 1.0) / (1.0 + a * x.powf(b))),
            repulsion: Table::new(|x| 2.0 * b / ((0.001 + x) * (1.0 + a * x.powf(b)))),
        }
    }
}

/// A smooth function of a positive number, linear between 32 points for each doubling from 2⁻²⁴ to 2⁴⁰, constant outside.
/// Powers would take most of the time; a function that falls as x⁻² errs by less than a thousandth.
struct Table {
    values: Box<[[f32; 2]; SEGMENTS]>,
}

const DOUBLINGS: usize = 64;
const SEGMENTS: usize = 32 * DOUBLINGS;
const SHIFT: u32 = 23 - 5;
const FIRST: u32 = (127 - 24) << 23;

impl Table {
    fn new(function: impl Fn(f64) -> f64) -> Self {
        let mut values = Box::new([[0.0; 2]; SEGMENTS]);
        for (segment, value) in values.iter_mut().enumerate() {
            let at = |segment: usize| {
                function(f64::from(f32::from_bits(
                    FIRST + ((segment as u32) << SHIFT),
                )))
            };
            let (from, to) = (at(segment), at(segment + 1));
            *value = [
                from as f32,
                ((to - from) / f64::from(1_u32 << SHIFT)) as f32,
            ];
        }
        Self { values }
    }

    /// The bits of a positive float grow with it, and linearly between powers of two.
    #[inline]
    fn at(&self, x: f32) -> f32 {
        let last = ((SEGMENTS as u32) << SHIFT) - 1;
        let bits = x.to_bits().saturating_sub(FIRST).min(last);
        let [value, slope] = self.values[(bits >> SHIFT) as usize % SEGMENTS];
        value + slope * (bits & ((1 << SHIFT) - 1)) as f32
    }
}

/// `a` and `b` of the curve `1 / (1 + a x^2b)` that comes nearest, by least squares at 300 points up to three spreads, to
/// one within `min_dist` and `exp(−(x − min_dist) / spread)` beyond.
fn membership_curve(min_dist: f64, spread: f64) -> (f64, f64) {
    let points: Vec<(f64, f64)> = (0..300)
        .map(|i| {
            let x = 3.0 * spread * f64::from(i) / 299.0;
            let beyond = (x - min_dist).max(0.0);
            (x, (-beyond / spread).exp())
        })
        .collect();
    let curve = |[a, b]: [f64; 2], x: f64| 1.0 / (1.0 + a.exp() * x.powf(2.0 * b.exp()));
    let loss = |p: [f64; 2]| -> f64 {
        let residual = |&(x, y): &(f64, f64)| (curve(p, x) - y).powi(2);
        points.iter().map(residual).sum()
    };
    // Levenberg and Marquardt's steps for the logarithms, so that both stay positive; the unit of length is divided out first.
    let mut parameters = [-2.0 * spread.ln(), 0.0];
    let mut damping = 1e-3;
    for _ in 0..200 {
        let (mut h, mut g) = ([0.0; 3], [0.0; 2]);
        for &(x, y) in points.iter().filter(|(x, _)| *x > 0.0) {
            let f = curve(parameters, x);
            let by_a = -f * (1.0 - f);
            let by_b = by_a * 2.0 * parameters[1].exp() * x.ln();
            for (sum, value) in h.iter_mut().zip([by_a * by_a, by_a * by_b, by_b * by_b]) {
                *sum += value;
            }
            g[0] += by_a * (f - y);
            g[1] += by_b * (f - y);
        }
        let (first, second) = (h[0] * (1.0 + damping), h[2] * (1.0 + damping));
        let determinant = first * second - h[1] * h[1];
        let step = [
            (second * g[0] - h[1] * g[1]) / determinant,
            (first * g[1] - h[1] * g[0]) / determinant,
        ];
        let next = [parameters[0] - step[0], parameters[1] - step[1]];
        if loss(next) < loss(parameters) {
            parameters = next;
            damping /= 10.0;
        } else {
            damping *= 10.0;
        }
    }
    (parameters[0].exp(), parameters[1].exp())
}

/// The start, each axis stretched to the extent, with a little noise so that no two rows lie on each other.
fn spread_out(start: &[[f32; 2]], seed: u64) -> Vec<[f32; 2]> {
    let ends = [0, 1].map(|axis| {
        let values = start.iter().map(|position| position[axis]);
        values.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], x| {
            [low.min(x), high.max(x)]
        })
    });
    let place = |(row, position): (usize, &[f32; 2])| {
        [0, 1].map(|axis| {
            let [low, high] = ends[axis].map(f64::from);
            let draw = mixed(seed ^ mixed((2 * row + axis) as u64)) >> 40;
            let noise = f64::from(draw as u32) / f64::from(1_u32 << 24) - 0.5;
            let (share, noise) = if high > low {
                (
                    (f64::from(position[axis]) - low) / (high - low),
                    1e-4 * noise,
                )
            } else {
                (0.5, noise)
            };
            EXTENT * (share + noise) as f32
        })
    };
    start.iter().enumerate().map(place).collect()
}

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A number whose bits all depend on all bits of another (SplitMix64: Steele, Lea and Flood 2014).
pub(super) fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(STEP);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(rows: &[f32], d: usize, threads: usize) -> Result<Vec<[f32; 2]>> {
        let progress = Progress::silent();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| Error::usage(e.to_string()))?;
        let graph = NeighbourGraph::new(rows, d, 14, 1, &progress)?;
        let start: Vec<_> = rows.chunks_exact(d).map(|row| [row[0], row[1]]).collect();
        let config = UmapConfig::default();
        pool.install(|| layout(&graph, &start, &config, &progress, &mut |_| ()))
    }

    /// Two clouds of a hundred rows each, far from each other along the third number.
    fn clouds() -> Vec<f32> {
        (0..200_u64)
            .flat_map(|i| {
                let number = |j| (mixed(i * 3 + j) >> 40) as f32 / 16_777_216.0;
                [number(0), number(1), number(2) + 20.0 * (i % 2) as f32]
            })
            .collect()
    }

    #[test]
    fn the_curve_is_that_of_the_reference_implementation() {
        let (a, b) = membership_curve(0.1, 1.0);
        assert!((a - 1.576_943).abs() < 1e-4 && (b - 0.895_061).abs() < 1e-4);
    }

    #[test]
    fn clouds_stay_apart_and_threads_change_nothing() -> Result<()> {
        let positions = made(&clouds(), 3, 1)?;
        assert_eq!(positions, made(&clouds(), 3, 2)?);
        let labels: Vec<u16> = (0..200).map(|i| i % 2).collect();
        let accuracy =
            crate::space::quality::plane_accuracy(&positions, &labels, 5, &Progress::silent())?;
        assert_eq!(accuracy, 1.0);
        Ok(())
    }

    #[test]
    fn few_or_identical_rows_have_finite_places() -> Result<()> {
        for n in 1..4 {
            let rows: Vec<f32> = (0..2 * n).map(|i| i as f32).collect();
            assert!(
                made(&rows, 2, 1)?
                    .as_flattened()
                    .iter()
                    .all(|x| x.is_finite())
            );
        }
        let same = made(&[0.5; 120], 2, 1)?;
        assert!(same.len() == 60 && same.as_flattened().iter().all(|x| x.is_finite()));
        Ok(())
    }

    #[test]
    fn a_cancelled_layout_ends() -> Result<()> {
        let progress = Progress::silent();
        let graph = NeighbourGraph::new(&[0.0, 1.0], 1, 1, 1, &progress)?;
        progress.cancel();
        let stopped = layout(
            &graph,
            &[[0.0; 2]; 2],
            &UmapConfig::default(),
            &progress,
            &mut |_| (),
        );
        assert!(stopped.is_err_and(|e| e.is_cancelled()));
        Ok(())
    }
}
