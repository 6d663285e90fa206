//! The slowest vibrations of a graph: where a layout starts that has to unfold what it holds.
//!
//! Invariant: sums over rows are taken in their order, so that the number of threads changes nothing.

use faer::{Mat, Side};
use rayon::prelude::*;

use super::umap::{Edge, Edges, mixed};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Vectors that are sought together; two are wanted, the others make the search faster.
const BLOCK: usize = 4;
/// Products with the graph per round, and rounds.
const DEGREE: usize = 25;
const ROUNDS: usize = 6;

/// One entry of each vector.
type Entry = [f64; BLOCK];

/// The two eigenvectors of the graph's normalised Laplacian after the first with the least eigenvalues, as positions, by
/// subspace iteration with Chebyshev polynomials (Zhou and others 2006) from `guess`. None when the graph has several parts,
/// whose places they would not tell.
///
/// # Errors
/// `is_cancelled` when someone asked for the end.
pub(super) fn positions(
    edges: &Edges,
    guess: &[[f32; 2]],
    progress: &Progress,
) -> Result<Option<Vec<[f32; 2]>>> {
    let n = guess.len();
    if n <= 2 * BLOCK || !is_connected(edges, n) {
        return Ok(None);
    }
    let degree = |row| edges.of(row).iter().map(|edge| f64::from(edge.draws));
    let degrees: Vec<f64> = (0..n).map(|row| degree(row).sum()).collect();
    let scale: Vec<f64> = degrees.iter().map(|degree| degree.sqrt().recip()).collect();
    let total: f64 = degrees.iter().sum();
    let trivial: Vec<f64> = degrees.iter().map(|d| (d / total).sqrt()).collect();

    let noise = |row: usize, column: usize| {
        let draw = mixed((BLOCK * row + column) as u64) >> 11;
        draw as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let entry = |row: usize| {
        let [x, y] = guess[row].map(f64::from);
        [x, y, noise(row, 2), noise(row, 3)]
    };
    let mut vectors: Vec<Entry> = (0..n).map(entry).collect();
    if !orthonormalise(&mut vectors, &trivial) {
        vectors = (0..n)
            .map(|row| [0, 1, 2, 3].map(|column| noise(row, column)))
            .collect();
        orthonormalise(&mut vectors, &trivial);
    }
    // Whatever lies between −1 and this is made small.
    let mut bound = 0.5;
    for _ in 0..ROUNDS {
        let (half, centre) = (f64::midpoint(bound, 1.0), (bound - 1.0) / 2.0);
        let (mut before, mut now) = (vectors.clone(), vectors);
        for step in 0..DEGREE {
            if progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            let (by, minus) = if step == 0 { (1.0, 0.0) } else { (2.0, 1.0) };
            before.par_iter_mut().enumerate().for_each(|(row, entry)| {
                let product = product(edges, &scale, &now, row);
                for column in 0..BLOCK {
                    let shifted = (product[column] - centre * now[row][column]) / half;
                    entry[column] = by * shifted - minus * entry[column];
                }
            });
            std::mem::swap(&mut before, &mut now);
        }
        vectors = now;
        if !orthonormalise(&mut vectors, &trivial) {
            return Ok(None);
        }
        let mut projected = Mat::<f64>::zeros(BLOCK, BLOCK);
        let images: Vec<Entry> = (0..n)
            .into_par_iter()
            .map(|row| product(edges, &scale, &vectors, row))
            .collect();
        for (vector, image) in vectors.iter().zip(&images) {
            for i in 0..BLOCK {
                for j in 0..BLOCK {
                    projected[(i, j)] += vector[i] * image[j];
                }
            }
        }
        let Ok(eigen) = projected.self_adjoint_eigen(Side::Lower) else {
            return Ok(None);
        };
        let turn = eigen.U();
        vectors.par_iter_mut().for_each(|entry| {
            // Values come in rising order; the greatest are wanted first.
            let turned = |column: usize| {
                let column = turn.col(BLOCK - 1 - column);
                column.iter().zip(*entry).map(|(a, b)| a * b).sum()
            };
            *entry = [0, 1, 2, 3].map(turned);
        });
        bound = eigen.S().column_vector()[0].clamp(0.0, 0.9999);
    }
    Ok(Some(
        vectors.iter().map(|v| [v[0] as f32, v[1] as f32]).collect(),
    ))
}

/// Row `row` of the normalised graph's product with the vectors.
fn product(edges: &Edges, scale: &[f64], vectors: &[Entry], row: usize) -> Entry {
    let mut sum = [0.0; BLOCK];
    for &Edge { end, draws } in edges.of(row) {
        let weight = f64::from(draws) * scale[end as usize];
        for (sum, x) in sum.iter_mut().zip(vectors[end as usize]) {
            *sum += weight * x;
        }
    }
    sum.map(|x| x * scale[row])
}

/// Makes the vectors orthogonal to `trivial` and each other, and of unit length; false when they do not span enough.
fn orthonormalise(vectors: &mut [Entry], trivial: &[f64]) -> bool {
    // Once more for what rounding left.
    for _ in 0..2 {
        for column in 0..BLOCK {
            let along: f64 = vectors
                .iter()
                .zip(trivial)
                .map(|(v, t)| v[column] * t)
                .sum();
            for (vector, t) in vectors.iter_mut().zip(trivial) {
                vector[column] -= along * t;
            }
            for other in 0..column {
                let along: f64 = vectors.iter().map(|v| v[column] * v[other]).sum();
                for vector in &mut *vectors {
                    vector[column] -= along * vector[other];
                }
            }
            let length = vectors
                .iter()
                .map(|v| v[column] * v[column])
                .sum::<f64>()
                .sqrt();
            if length.is_nan() || length <= 1e-100 {
                return false;
            }
            for vector in &mut *vectors {
                vector[column] /= length;
            }
        }
    }
    true
}

fn is_connected(edges: &Edges, n: usize) -> bool {
    let mut seen = vec![false; n];
    let mut open = vec![0_usize];
    seen[0] = true;
    let mut reached = 0;
    while let Some(row) = open.pop() {
        reached += 1;
        for edge in edges.of(row) {
            let end = edge.end as usize;
            if !seen[end] {
                seen[end] = true;
                open.push(end);
            }
        }
    }
    reached == n
}
