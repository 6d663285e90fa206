//! Neighbours of so many rows that not all can be compared with all: only rows of near cells are.
//!
//! Invariants: the same rows and seed give the same lists, whatever the number of threads; how many cells are searched is chosen, and how many
//! neighbours that finds is measured, on rows whose neighbours were sought among all.
//!
//! The cells are those of k-means (Lloyd 1982). As with an inverted file (Jégou, Douze and Schmid 2011), a row's neighbours are sought in the
//! cells whose centres are nearest, here to the centre of the row's own cell, so that the rows of a cell are compared together.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::graph::{Candidates, ITEMS, List, QUERIES, Rows, multiply};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Rows per cell, on average.
const CELL: usize = 1000;
const MOST_CELLS: usize = 2048;
/// Rows per cell that the centres are sought from, and passes over them.
const LEARNT_FROM: usize = 64;
const PASSES: usize = 8;
/// Rows whose neighbours are sought among all.
const SAMPLE: usize = 1000;
/// The share of the sample's neighbours that have to lie in the cells searched.
const WANTED: f64 = 0.98;
/// Beyond this share of all cells, comparing all with all takes about as long.
const WORTHWHILE: f64 = 0.6;

/// Rows in cells.
pub(super) struct Cells<'a> {
    rows: &'a Rows<'a>,
    /// The rows cell by cell, where each cell begins (one more than cells), and each row's cell.
    order: Vec<u32>,
    begins: Vec<usize>,
    cell_of: Vec<u32>,
    /// The centred rows in that order.
    centred: Vec<f32>,
    /// For each cell all cells, the nearest centre first.
    near: Vec<Vec<u32>>,
}

impl<'a> Cells<'a> {
    /// Parts the rows into about `count` cells.
    pub(super) fn new(
        rows: &'a Rows<'a>,
        count: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self> {
        let (n, d) = (rows.n, rows.d);
        let count = count.clamp(1, n);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let drawn = rand::seq::index::sample(&mut rng, n, n.min(LEARNT_FROM * count)).into_vec();
        let mut centres = Vec::with_capacity(count * (d + 1));
        for &i in &drawn[..count] {
            centres.extend_from_slice(rows.centred(i));
        }
        let learnt: Vec<u32> = drawn.iter().map(|&i| i as u32).collect();
        for pass in 0..PASSES {
            progress.update(pass, PASSES + 1)?;
            let cells = nearest_centres(rows, &learnt, &centres, progress)?;
            let mut sums = vec![0.0_f64; count * d];
            let mut sizes = vec![0_usize; count];
            for (&i, &cell) in learnt.iter().zip(&cells) {
                let cell = cell as usize;
                sizes[cell] += 1;
                let sums = &mut sums[cell * d..][..d];
                for (sum, &x) in sums.iter_mut().zip(rows.centred(i as usize)) {
                    *sum += f64::from(x);
                }
            }
            for (cell, &size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
                let centre = &mut centres[cell * (d + 1)..][..=d];
                let mut square = 0.0;
                for (x, sum) in centre.iter_mut().zip(&sums[cell * d..][..d]) {
                    *x = (sum / size as f64) as f32;
                    square += f64::from(*x) * f64::from(*x);
                }
                centre[d] = square as f32;
            }
        }
        let all: Vec<u32> = (0..n as u32).collect();
        let cell_of = nearest_centres(rows, &all, &centres, progress)?;
        let mut order = all;
        order.sort_by_key(|&i| cell_of[i as usize]);
        let mut begins = vec![0; count + 1];
        for &cell in &cell_of {
            begins[cell as usize + 1] += 1;
        }
        for cell in 0..count {
            begins[cell + 1] += begins[cell];
        }
        let mut centred = vec![0.0; n * (d + 1)];
        centred
            .par_chunks_exact_mut(d + 1)
            .zip(&order)
            .for_each(|(to, &i)| to.copy_from_slice(rows.centred(i as usize)));
        let near = (0..count)
            .into_par_iter()
            .map(|cell| nearest_first(&centres, d, cell))
            .collect();
        progress.update(1, 1)?;
        Ok(Self {
            rows,
            order,
            begins,
            cell_of,
            centred,
            near,
        })
    }

    /// The lists of all rows, `[n]` of `k` each, and the share of true neighbours among them; none when nearly all cells would have to be
    /// searched.
    pub(super) fn search(
        &self,
        k: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Option<(Vec<List>, f32)>> {
        let learnt = self.sample(k, seed.wrapping_add(1), &progress.part(0.0, 0.05))?;
        let probes = self.probes(&learnt);
        if probes as f64 > WORTHWHILE * self.near.len() as f64 {
            return Ok(None);
        }
        let lists = self.lists(k, probes, &progress.part(0.05, 0.95))?;
        let known = self.sample(k, seed.wrapping_add(2), &progress.part(0.95, 1.0))?;
        let (mut found, mut of) = (0, 0);
        for (i, truth) in &known {
            let farthest = truth.last().map_or(0.0, |&(distance, _)| distance);
            let list = &lists[*i as usize];
            found += list.iter().filter(|entry| entry.0 <= farthest).count();
            of += truth.len();
        }
        Ok(Some((lists, found as f32 / of.max(1) as f32)))
    }

    /// Some rows with their true neighbours.
    fn sample(&self, k: usize, seed: u64, progress: &Progress) -> Result<Vec<(u32, List)>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = self.rows.n;
        let drawn = rand::seq::index::sample(&mut rng, n, SAMPLE.min(n)).into_vec();
        let drawn: Vec<u32> = drawn.into_iter().map(|i| i as u32).collect();
        let lists: Vec<Vec<List>> = drawn
            .par_chunks(QUERIES)
            .map(|queries| self.rows.nearest(queries, k, progress))
            .collect::<Result<_>>()?;
        progress.update(1, 1)?;
        Ok(drawn.into_iter().zip(lists.concat()).collect())
    }

    /// How many cells hold the wanted share of known neighbours.
    fn probes(&self, known: &[(u32, List)]) -> usize {
        let mut ranks = Vec::new();
        for (i, list) in known {
            let near = &self.near[self.cell_of[*i as usize] as usize];
            let mut rank = vec![0; near.len()];
            for (at, &cell) in near.iter().enumerate() {
                rank[cell as usize] = at + 1;
            }
            ranks.extend(
                list.iter()
                    .map(|&(_, j)| rank[self.cell_of[j as usize] as usize]),
            );
        }
        ranks.sort_unstable();
        let last = (WANTED * ranks.len() as f64).ceil() as usize;
        ranks.get(last.saturating_sub(1)).copied().unwrap_or(1)
    }

    /// The `k` nearest of each row among those of the `probes` nearest cells, or of more where these hold too few.
    fn lists(&self, k: usize, probes: usize, progress: &Progress) -> Result<Vec<List>> {
        let blocks: Vec<(usize, &[u32])> = (0..self.near.len())
            .flat_map(|cell| {
                let own = &self.order[self.begins[cell]..self.begins[cell + 1]];
                own.chunks(QUERIES).map(move |queries| (cell, queries))
            })
            .collect();
        let done = AtomicUsize::new(0);
        let found: Vec<Vec<List>> = blocks
            .par_iter()
            .map(|&(cell, queries)| {
                let lists = self.near_cells(cell, queries, k, probes, progress)?;
                progress.update(done.fetch_add(1, Ordering::Relaxed) + 1, blocks.len())?;
                Ok(lists)
            })
            .collect::<Result<_>>()?;
        let mut lists = vec![List::new(); self.rows.n];
        for (&i, list) in self.order.iter().zip(found.into_iter().flatten()) {
            lists[i as usize] = list;
        }
        Ok(lists)
    }

    fn near_cells(
        &self,
        cell: usize,
        queries: &[u32],
        k: usize,
        probes: usize,
        progress: &Progress,
    ) -> Result<Vec<List>> {
        let width = self.rows.d + 1;
        let mut candidates = Candidates::new(self.rows, queries, k);
        let mut seen = 0;
        for (at, &other) in self.near[cell].iter().enumerate() {
            // The row itself is among those seen.
            if at >= probes && seen > k {
                break;
            }
            let range = self.begins[other as usize]..self.begins[other as usize + 1];
            seen += range.len();
            let items = &self.centred[range.start * width..range.end * width];
            for (items, ids) in items
                .chunks(ITEMS * width)
                .zip(self.order[range].chunks(ITEMS))
            {
                if progress.is_cancelled() {
                    return Err(Error::cancelled());
                }
                candidates.offer(items, |i| ids[i]);
            }
        }
        Ok(candidates.nearest(self.rows, k))
    }
}

/// How many cells are made of `n` rows.
pub(super) fn cells_for(n: usize) -> usize {
    (n / CELL).clamp(1, MOST_CELLS)
}

/// The nearest of `centres`, rows of `d + 1` numbers like those of `rows`, to each of `queries`.
fn nearest_centres(
    rows: &Rows<'_>,
    queries: &[u32],
    centres: &[f32],
    progress: &Progress,
) -> Result<Vec<u32>> {
    let width = rows.d + 1;
    let count = centres.len() / width;
    let nearest: Vec<Vec<u32>> = queries
        .par_chunks(QUERIES)
        .map(|queries| {
            if progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            let mut packed = Vec::new();
            for &i in queries {
                rows.pack(i as usize, &mut packed);
            }
            let mut products = vec![0.0; queries.len() * count];
            multiply(&packed, centres, width, &mut products);
            let least = |values: &[f32]| {
                let least = values.iter().copied().fold(f32::INFINITY, f32::min);
                values.iter().position(|&x| x == least).unwrap_or(0) as u32
            };
            Ok(products.chunks_exact(count).map(least).collect())
        })
        .collect::<Result<_>>()?;
    Ok(nearest.concat())
}

/// All cells by the distance of their centres from that of `cell`, itself first.
fn nearest_first(centres: &[f32], d: usize, cell: usize) -> Vec<u32> {
    let centre = |cell: usize| &centres[cell * (d + 1)..][..d];
    let square = |other: usize| -> f32 {
        let pairs = centre(cell).iter().zip(centre(other));
        pairs.map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let count = centres.len() / (d + 1);
    let mut near: Vec<(f32, u32)> = (0..count)
        .map(|other| {
            let first = if other == cell { -1.0 } else { square(other) };
            (first, other as u32)
        })
        .collect();
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.into_iter().map(|(_, cell)| cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` rows of `d` numbers around forty centres.
    fn clouds(n: usize, d: usize) -> Vec<f32> {
        let unit = |i: usize| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 16_777_216.0;
        (0..n * d)
            .map(|at| {
                let (i, column) = (at / d, at % d);
                3.0 * unit((i % 40) * 1000 + column + 7) + unit(at + 1_000_000)
            })
            .collect()
    }

    fn searched(given: &[f32], d: usize, threads: usize) -> Result<Option<(Vec<List>, f32)>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| Error::usage(e.to_string()))?;
        let progress = Progress::silent();
        pool.install(|| {
            let rows = Rows::new(given, d);
            Cells::new(&rows, 50, 1, &progress)?.search(10, 1, &progress)
        })
    }

    #[test]
    fn near_cells_hold_nearly_all_neighbours_and_threads_change_nothing() -> Result<()> {
        let given = clouds(6000, 8);
        let found = searched(&given, 8, 1)?;
        assert_eq!(found, searched(&given, 8, 2)?);
        let Some((lists, recall)) = found else {
            return Err(Error::usage("nothing was searched"));
        };
        let rows = Rows::new(&given, 8);
        let all: Vec<u32> = (0..6000).collect();
        let truth = rows.nearest(&all, 10, &Progress::silent())?;
        let pairs = lists.iter().zip(&truth);
        let common =
            |(list, truth): (&List, &List)| list.iter().filter(|x| truth.contains(x)).count();
        let share = pairs.map(common).sum::<usize>() as f32 / 60_000.0;
        assert!(share > 0.95 && share < 1.0, "{share}");
        assert!((share - recall).abs() < 0.02, "{share} {recall}");
        assert!(
            lists
                .iter()
                .all(|list| list.len() == 10 && list.is_sorted_by(|a, b| a.0 <= b.0))
        );
        Ok(())
    }

    #[test]
    fn rows_without_structure_are_left_to_the_exact_search() -> Result<()> {
        let unit = |i: usize| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 16_777_216.0;
        let given: Vec<f32> = (0..3000 * 40).map(|i| unit(i * i)).collect();
        assert_eq!(searched(&given, 40, 1)?, None);
        Ok(())
    }

    #[test]
    fn a_cancelled_search_ends() -> Result<()> {
        let given = clouds(2000, 4);
        let rows = Rows::new(&given, 4);
        let progress = Progress::silent();
        let cells = Cells::new(&rows, 20, 1, &progress)?;
        progress.cancel();
        assert!(
            cells
                .search(5, 1, &progress)
                .is_err_and(|e| e.is_cancelled())
        );
        assert!(Cells::new(&rows, 20, 1, &progress).is_err_and(|e| e.is_cancelled()));
        Ok(())
    }
}
