//! How strongly all items push each other apart: every pair for few items, a grid and Fourier transforms for many.
//!
//! The push is minus half the gradient of the potential `φ(y) = Σ_j 1 / (1 + |y − y_j|²)`, a convolution. As in FIt-SNE (Linderman and
//! others 2019) items are spread onto a regular grid, the convolution is a product of transforms, and the result is
//! interpolated back; here with cubic B-splines, whose smoothness lets the potential's own gradient be interpolated (as in
//! smooth particle-mesh Ewald sums, Essmann and others 1995), so that one transform there and one back suffice.
//!
//! Invariant: sums are taken in an order that does not depend on the number of threads.

#![expect(
    clippy::inline_always,
    reason = "pulp compiles the inlined body once per instruction set"
)]

use std::sync::Arc;

use rayon::prelude::*;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::affinities::LANES;

/// The fewest items for which the grid is faster than all pairs.
pub(super) const GRID_FROM: usize = 1500;

/// The grid's step where the layout is large: the kernel's Fourier transform falls like `exp(−|k|)` and is below 0.002 at
/// the highest frequency of such a grid.
const STEP: f32 = 0.5;

/// Steps across a layout at least, and at most: 1,500 steps keep the transforms below 100 MB.
const FEWEST_STEPS: f32 = 64.0;
const MOST_STEPS: f32 = 1500.0;

/// Items that are looked up at a time.
const PIECE: usize = 1024;

/// Items per separate sum of the spreading, and the most such sums.
const SPREAD: usize = 4096;
const MOST_SPREADS: usize = 8;

/// Rows or columns that are transformed together: as many complex numbers as a cache line holds.
const STRIP: usize = 8;

const ZERO: Complex<f32> = Complex::new(0.0, 0.0);

/// Computes pushes; keeps the grid between calls.
#[derive(Default)]
pub(super) struct Repulsion {
    grid: Option<Grid>,
}

impl Repulsion {
    /// Writes `Σ_j q_ij² (y_i − y_j)` with `q_ij = 1 / (1 + |y_i − y_j|²)` for every item and returns `Σ_{i≠j} q_ij`.
    pub(super) fn evaluate(&mut self, positions: &[[f32; 2]], pushes: &mut [[f32; 2]]) -> f64 {
        if positions.len() < GRID_FROM {
            exact(positions, pushes)
        } else {
            self.by_grid(positions, pushes)
        }
    }

    fn by_grid(&mut self, positions: &[[f32; 2]], pushes: &mut [[f32; 2]]) -> f64 {
        let mut low = [f32::INFINITY; 2];
        let mut high = [f32::NEG_INFINITY; 2];
        for position in positions {
            for axis in 0..2 {
                low[axis] = low[axis].min(position[axis]);
                high[axis] = high[axis].max(position[axis]);
            }
        }
        let span = (high[0] - low[0])
            .max(high[1] - low[1])
            .max(f32::MIN_POSITIVE.sqrt());
        let step = step_for(span);
        let length = transform_length((span / step) as usize + 1 + SUPPORT);
        if self
            .grid
            .as_ref()
            .is_none_or(|grid| grid.step != step || grid.length != length)
        {
            self.grid = Some(Grid::new(step, length));
        }
        match &mut self.grid {
            Some(grid) => grid.evaluate(low, positions, pushes),
            None => 0.0,
        }
    }
}

/// Every pair.
fn exact(positions: &[[f32; 2]], pushes: &mut [[f32; 2]]) -> f64 {
    // What pads the last group is so far away that its push is zero.
    let padded = positions.len().next_multiple_of(LANES);
    let column = |axis: usize| {
        let mut column: Vec<f32> = positions.iter().map(|position| position[axis]).collect();
        column.resize(padded, 1e12);
        column
    };
    let (xs, ys) = (column(0), column(1));
    let arch = pulp::Arch::new();
    let totals: Vec<f64> = pushes
        .par_chunks_mut(64)
        .zip(positions.par_chunks(64))
        .map(|(pushes, positions)| {
            arch.dispatch(
                #[inline(always)]
                || {
                    let mut total = 0.0;
                    for (push, &[x, y]) in pushes.iter_mut().zip(positions) {
                        let mut sums = [[0.0_f32; LANES]; 3];
                        let xs = xs.as_chunks::<LANES>().0;
                        let ys = ys.as_chunks::<LANES>().0;
                        for (xs, ys) in xs.iter().zip(ys) {
                            for lane in 0..LANES {
                                let (dx, dy) = (x - xs[lane], y - ys[lane]);
                                let q = 1.0 / (1.0 + dx * dx + dy * dy);
                                sums[0][lane] += q;
                                sums[1][lane] += q * q * dx;
                                sums[2][lane] += q * q * dy;
                            }
                        }
                        total += sums[0].iter().map(|&q| f64::from(q)).sum::<f64>() - 1.0;
                        *push = [sums[1].iter().sum(), sums[2].iter().sum()];
                    }
                    total
                },
            )
        })
        .collect();
    totals.iter().sum()
}

/// The grid's step for a layout of this span: [`STEP`] or, for a small layout, a step from a ladder of factors √2, so that the
/// kernel has to be transformed anew only now and then.
fn step_for(span: f32) -> f32 {
    let rungs = (2.0 * (FEWEST_STEPS * STEP / span).log2()).floor();
    (STEP * (-0.5 * rungs.max(0.0)).exp2()).max(span / MOST_STEPS)
}

/// A length of transforms that holds `nodes` twice, so that no sum reaches round: `2^a 3^b` or five times that, which are fast.
fn transform_length(nodes: usize) -> usize {
    let mut best = usize::MAX;
    for odd in [1, 3, 9, 27, 5, 15, 45] {
        let mut length = 2 * odd;
        while length < 2 * nodes {
            length *= 2;
        }
        best = best.min(length);
    }
    best
}

/// Nodes that a cubic B-spline touches on each axis.
const SUPPORT: usize = 4;

/// The weights of the four nodes around a place `t`, in `[0, 1)`, between the middle two, and the weights' slopes.
#[inline(always)]
fn spline(t: f32) -> ([f32; SUPPORT], [f32; SUPPORT]) {
    let s = 1.0 - t;
    let (t2, s2) = (t * t, s * s);
    (
        [
            s2 * s / 6.0,
            (4.0 - 6.0 * t2 + 3.0 * t2 * t) / 6.0,
            (4.0 - 6.0 * s2 + 3.0 * s2 * s) / 6.0,
            t2 * t / 6.0,
        ],
        [-0.5 * s2, -2.0 * t + 1.5 * t2, 2.0 * s - 1.5 * s2, 0.5 * t2],
    )
}

/// A square grid, its transforms and the transformed kernel.
struct Grid {
    step: f32,
    length: usize,
    nodes: usize,
    /// The kernel's transform less its mean, `[length / 2 + 1, length]`: first axis horizontal frequencies.
    kernel: Vec<f32>,
    /// The kernel's mean over the grid.
    mean: f64,
    there: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    columns_there: Arc<dyn Fft<f32>>,
    columns_back: Arc<dyn Fft<f32>>,
    spreads: Vec<Vec<f32>>,
    rows: Vec<Complex<f32>>,
    columns: Vec<Complex<f32>>,
    potential: Vec<f32>,
}

impl Grid {
    fn new(step: f32, length: usize) -> Self {
        let nodes = length / 2;
        let frequencies = length / 2 + 1;
        let mut real = RealFftPlanner::new();
        let mut complex = FftPlanner::new();
        let (kernel, mean) = kernel(f64::from(step), length);
        Self {
            step,
            length,
            nodes,
            kernel,
            mean,
            there: real.plan_fft_forward(length),
            back: real.plan_fft_inverse(length),
            columns_there: complex.plan_fft_forward(length),
            columns_back: complex.plan_fft_inverse(length),
            spreads: Vec::new(),
            rows: vec![ZERO; nodes * frequencies],
            columns: vec![ZERO; nodes * frequencies],
            potential: vec![0.0; nodes * nodes],
        }
    }

    fn evaluate(&mut self, low: [f32; 2], positions: &[[f32; 2]], pushes: &mut [[f32; 2]]) -> f64 {
        self.spread(low, positions);
        self.convolve();
        let total = self.look_up(low, positions, pushes);
        let n = positions.len() as f64;
        // Without the kernel's mean the sums are small and lose no digits; each item's push on itself is one.
        total + n * n * self.mean - n
    }

    /// The first of the four nodes around a position on each axis, and how far it is into the middle of them.
    #[inline(always)]
    fn locate(low: [f32; 2], scale: f32, nodes: usize, position: [f32; 2]) -> [(usize, f32); 2] {
        [0, 1].map(|axis| {
            let place = (position[axis] - low[axis]) * scale;
            let node = (place as usize).min(nodes - SUPPORT);
            (node, place - node as f32)
        })
    }

    fn spread(&mut self, low: [f32; 2], positions: &[[f32; 2]]) {
        let (nodes, scale) = (self.nodes, 1.0 / self.step);
        let count = (positions.len() / SPREAD).clamp(1, MOST_SPREADS);
        self.spreads.resize(count, Vec::new());
        let arch = pulp::Arch::new();
        self.spreads
            .par_iter_mut()
            .zip(positions.par_chunks(positions.len().div_ceil(count)))
            .for_each(|(spread, positions)| {
                spread.clear();
                spread.resize(nodes * nodes, 0.0);
                arch.dispatch(
                    #[inline(always)]
                    || {
                        for &position in positions {
                            let [(column, x), (row, y)] = Self::locate(low, scale, nodes, position);
                            let (across, _) = spline(x);
                            let (down, _) = spline(y);
                            for (line, weight) in down.iter().enumerate() {
                                let line = &mut spread[(row + line) * nodes + column..][..SUPPORT];
                                for (node, share) in line.iter_mut().zip(&across) {
                                    *node += weight * share;
                                }
                            }
                        }
                    },
                );
            });
    }

    /// From what was spread to the potential.
    fn convolve(&mut self) {
        let (nodes, length, frequencies) = (self.nodes, self.length, self.length / 2 + 1);
        let (there, back) = (&self.there, &self.back);
        let spreads = &self.spreads;
        self.rows
            .par_chunks_mut(STRIP * frequencies)
            .enumerate()
            .for_each_init(
                || (there.make_input_vec(), there.make_scratch_vec()),
                |(input, scratch), (strip, rows)| {
                    for (row, output) in rows.chunks_exact_mut(frequencies).enumerate() {
                        input.fill(0.0);
                        for spread in spreads {
                            let line = &spread[(strip * STRIP + row) * nodes..][..nodes];
                            for (sum, x) in input.iter_mut().zip(line) {
                                *sum += x;
                            }
                        }
                        // The lengths are right by construction, the only thing that could fail.
                        let _ = there.process_with_scratch(input, output, scratch);
                    }
                },
            );
        let (rows, kernel) = (&self.rows, &self.kernel);
        let (columns_there, columns_back) = (&self.columns_there, &self.columns_back);
        let scratch = columns_there
            .get_inplace_scratch_len()
            .max(columns_back.get_inplace_scratch_len());
        self.columns
            .par_chunks_mut(STRIP * nodes)
            .enumerate()
            .for_each_init(
                || (vec![ZERO; STRIP * length], vec![ZERO; scratch]),
                |(strip_columns, scratch), (strip, outputs)| {
                    let width = outputs.len() / nodes;
                    strip_columns.fill(ZERO);
                    for row in 0..nodes {
                        let line = &rows[row * frequencies + strip * STRIP..][..width];
                        for (column, &x) in line.iter().enumerate() {
                            strip_columns[column * length + row] = x;
                        }
                    }
                    for (column, output) in outputs.chunks_exact_mut(nodes).enumerate() {
                        let values = &mut strip_columns[column * length..][..length];
                        columns_there.process_with_scratch(values, scratch);
                        let factors = &kernel[(strip * STRIP + column) * length..][..length];
                        for (value, factor) in values.iter_mut().zip(factors) {
                            *value *= factor;
                        }
                        columns_back.process_with_scratch(values, scratch);
                        output.copy_from_slice(&values[..nodes]);
                    }
                },
            );
        let columns = &self.columns;
        self.potential
            .par_chunks_mut(STRIP * nodes)
            .enumerate()
            .for_each_init(
                || {
                    (
                        vec![ZERO; STRIP * frequencies],
                        back.make_output_vec(),
                        back.make_scratch_vec(),
                    )
                },
                |(strip_rows, output, scratch), (strip, lines)| {
                    let height = lines.len() / nodes;
                    for column in 0..frequencies {
                        let values = &columns[column * nodes + strip * STRIP..][..height];
                        for (row, &x) in values.iter().enumerate() {
                            strip_rows[row * frequencies + column] = x;
                        }
                    }
                    for (row, line) in lines.chunks_exact_mut(nodes).enumerate() {
                        let values = &mut strip_rows[row * frequencies..][..frequencies];
                        // Real but for rounding error, which the transform would refuse.
                        values[0].im = 0.0;
                        values[frequencies - 1].im = 0.0;
                        let _ = back.process_with_scratch(values, output, scratch);
                        line.copy_from_slice(&output[..nodes]);
                    }
                },
            );
    }

    /// Interpolates the potential's gradient at every position; returns the sum of the potential itself.
    fn look_up(&self, low: [f32; 2], positions: &[[f32; 2]], pushes: &mut [[f32; 2]]) -> f64 {
        let (nodes, scale) = (self.nodes, 1.0 / self.step);
        let potential = &self.potential;
        let arch = pulp::Arch::new();
        let totals: Vec<f64> = positions
            .par_chunks(PIECE)
            .zip(pushes.par_chunks_mut(PIECE))
            .map(|(positions, pushes)| {
                arch.dispatch(
                    #[inline(always)]
                    || {
                        let mut total = 0.0_f64;
                        for (&position, push) in positions.iter().zip(pushes) {
                            let [(column, x), (row, y)] = Self::locate(low, scale, nodes, position);
                            let (across, across_slopes) = spline(x);
                            let (down, down_slopes) = spline(y);
                            let mut values = [0.0_f32; SUPPORT];
                            let mut slopes = [0.0_f32; SUPPORT];
                            for line in 0..SUPPORT {
                                let nodes = &potential[(row + line) * nodes + column..][..SUPPORT];
                                for lane in 0..SUPPORT {
                                    values[lane] += down[line] * nodes[lane];
                                    slopes[lane] += down_slopes[line] * nodes[lane];
                                }
                            }
                            let dot = |a: &[f32; SUPPORT], b: &[f32; SUPPORT]| -> f32 {
                                a.iter().zip(b).map(|(a, b)| a * b).sum()
                            };
                            total += f64::from(dot(&values, &across));
                            *push = [
                                -0.5 * scale * dot(&values, &across_slopes),
                                -0.5 * scale * dot(&slopes, &across),
                            ];
                        }
                        total
                    },
                )
            })
            .collect();
        totals.iter().sum()
    }
}

/// The transform of `1 / (1 + |r|²)` on a ring of `length` nodes each way, its mean taken out, divided by what spreading and looking up
/// with splines do to each frequency and by the transforms' own factor; and that mean.
fn kernel(step: f64, length: usize) -> (Vec<f32>, f64) {
    let half = length / 2;
    let transform = FftPlanner::new().plan_fft_forward(length);
    // Even on both axes, so every transform is real, and half of each axis tells the rest.
    let even = |line: &mut dyn FnMut(usize) -> f64| -> Vec<f64> {
        let mut values = vec![Complex::new(0.0, 0.0); length];
        for i in 0..=half {
            values[i].re = line(i);
            values[(length - i) % length] = values[i];
        }
        transform.process(&mut values);
        values[..=half].iter().map(|x| x.re).collect()
    };
    let rows: Vec<Vec<f64>> = (0..=half)
        .map(|row| {
            even(&mut |column| {
                // One less than the kernel: this keeps the digits of small layouts, where it is close to one.
                let square = step * step * ((row * row + column * column) as f64);
                -square / (1.0 + square)
            })
        })
        .collect();
    let damping: Vec<f64> = (0..length)
        .map(|f| {
            let angle = std::f64::consts::TAU * f as f64 / length as f64;
            ((2.0 + angle.cos()) / 3.0).powi(2)
        })
        .collect();
    let area = (length * length) as f64;
    let mut result = Vec::with_capacity((half + 1) * length);
    let mut mean = 0.0;
    for column in 0..=half {
        let mut frequencies = even(&mut |row| rows[row][column]);
        if column == 0 {
            mean = 1.0 + frequencies[0] / area;
            frequencies[0] = 0.0;
        }
        result.extend((0..length).map(|row| {
            let value = frequencies[row.min(length - row)];
            (value / (damping[row] * damping[column] * area)) as f32
        }));
    }
    (result, mean)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn scattered(n: usize, span: f32, seed: u64) -> Vec<[f32; 2]> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..n)
            .map(|i| {
                // Half of them in a dense clump, as layouts are.
                let scale = if i % 2 == 0 { span } else { 0.1 * span };
                [0, 1].map(|_| scale * (random.random::<f32>() - 0.5))
            })
            .collect()
    }

    /// The definition, in double precision, for the first `count` items; and the sum over them.
    fn reference(positions: &[[f32; 2]], count: usize) -> (Vec<[f64; 2]>, f64) {
        let mut total = 0.0;
        let items = positions.iter().take(count).enumerate();
        let pushes = items.map(|(i, a)| {
            let mut push = [0.0; 2];
            for (j, b) in positions.iter().enumerate() {
                let d = [0, 1].map(|axis| f64::from(a[axis]) - f64::from(b[axis]));
                let q = 1.0 / (1.0 + d[0] * d[0] + d[1] * d[1]);
                if i != j {
                    total += q;
                }
                push[0] += q * q * d[0];
                push[1] += q * q * d[1];
            }
            push
        });
        let pushes = pushes.collect();
        (pushes, total)
    }

    fn error(found: &[[f32; 2]], expected: &[[f64; 2]]) -> f64 {
        let square = |x: f64| x * x;
        let (mut off, mut size) = (0.0, 0.0);
        for (found, expected) in found.iter().zip(expected) {
            for axis in 0..2 {
                off += square(f64::from(found[axis]) - expected[axis]);
                size += square(expected[axis]);
            }
        }
        (off / size).sqrt()
    }

    #[test]
    fn the_grid_agrees_with_all_pairs_at_every_scale() {
        // The larger, the more items, as in layouts of real data: few items far apart hardly push each other, and the
        // grid's push of each on itself counts.
        for (n, span) in [
            (2000, 1e-4),
            (2000, 0.3),
            (2000, 7.0),
            (2000, 60.0),
            (20_000, 200.0),
        ] {
            let positions = scattered(n, span, 1);
            let (expected, _) = reference(&positions, 500);
            let mut pushes = vec![[0.0; 2]; n];
            let total = Repulsion::default().by_grid(&positions, &mut pushes);
            let off = error(&pushes[..500], &expected);
            assert!(off < 1e-2, "{span}: {off}");
            let expected_total = exact(&positions, &mut pushes);
            assert!((total / expected_total - 1.0).abs() < 1e-3, "{span}");
        }
    }

    #[test]
    fn a_layout_beyond_the_grid_stays_finite() {
        for span in [3000.0, 1e9] {
            let positions = scattered(2000, span, 1);
            let mut pushes = vec![[f32::NAN; 2]; positions.len()];
            let total = Repulsion::default().by_grid(&positions, &mut pushes);
            assert!(total.is_finite());
            assert!(pushes.iter().flatten().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn all_pairs_follow_the_definition() {
        let positions = scattered(333, 5.0, 2);
        let (expected, expected_total) = reference(&positions, 333);
        let mut pushes = vec![[0.0; 2]; positions.len()];
        let total = exact(&positions, &mut pushes);
        assert!(error(&pushes, &expected) < 1e-5);
        assert!((total / expected_total - 1.0).abs() < 1e-5);
    }

    #[test]
    fn items_at_one_place_do_not_push() {
        for n in [2, 2000] {
            let positions = vec![[3.0, -4.0]; n];
            let mut pushes = vec![[1.0; 2]; n];
            let total = Repulsion::default().by_grid(&positions, &mut pushes);
            let pairs = (n * (n - 1)) as f64;
            assert!((total / pairs - 1.0).abs() < 1e-3, "{total}");
            // Noise of the grid at most, against the other items' unit pushes.
            assert!(pushes.iter().flatten().all(|x| x.abs() < 1e-2 * n as f32));
        }
    }
}
