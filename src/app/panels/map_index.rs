//! Which point is near the pointer: points sorted into the cells of a grid.
//!
//! Invariant: the answer equals that of looking at every point.

/// Points on a grid of about four to a cell.
#[derive(Default)]
pub(super) struct GridIndex {
    min: [f32; 2],
    max: [f32; 2],
    /// Width of a cell, in map units.
    cell: f32,
    columns: usize,
    rows: usize,
    /// Where each cell's ids start in `ids`; one more entry than cells.
    starts: Vec<u32>,
    ids: Vec<u32>,
}

impl GridIndex {
    /// The index of `positions`; those that are not finite are left out.
    pub(super) fn new(positions: &[[f32; 2]]) -> Self {
        let is_finite = |p: &[f32; 2]| p[0].is_finite() && p[1].is_finite();
        let (mut min, mut max) = ([f32::MAX; 2], [f32::MIN; 2]);
        for p in positions.iter().filter(|p| is_finite(p)) {
            for axis in 0..2 {
                min[axis] = min[axis].min(p[axis]);
                max[axis] = max[axis].max(p[axis]);
            }
        }
        if min[0] > max[0] {
            return Self::default();
        }
        let (width, height) = (max[0] - min[0], max[1] - min[1]);
        let cells = (positions.len() as f32 / 4.0).max(1.0);
        let cell = (width * height / cells)
            .sqrt()
            .max(width.max(height) / 4096.0)
            .max(f32::MIN_POSITIVE);
        let count = |extent: f32| ((extent / cell) as usize + 1).min(4097);
        let (columns, rows) = (count(width), count(height));
        let mut index = Self {
            min,
            max,
            cell,
            columns,
            rows,
            starts: vec![0; columns * rows + 1],
            ids: Vec::new(),
        };
        for p in positions.iter().filter(|p| is_finite(p)) {
            let cell = index.cell_of(*p);
            index.starts[cell + 1] += 1;
        }
        for i in 1..index.starts.len() {
            index.starts[i] += index.starts[i - 1];
        }
        index.ids = vec![0; index.starts.last().map_or(0, |&n| n as usize)];
        let mut next = index.starts.clone();
        for (id, p) in positions.iter().enumerate().filter(|(_, p)| is_finite(p)) {
            let at = &mut next[index.cell_of(*p)];
            index.ids[*at as usize] = id as u32;
            *at += 1;
        }
        index
    }

    /// Corners of the smallest box that holds every point.
    pub(super) fn bounds(&self) -> Option<([f32; 2], [f32; 2])> {
        (!self.ids.is_empty()).then_some((self.min, self.max))
    }

    /// The point nearest to `at`, if it is within `reach`.
    pub(super) fn nearest(
        &self,
        positions: &[[f32; 2]],
        at: [f32; 2],
        reach: f32,
    ) -> Option<usize> {
        let mut best: Option<(f32, usize)> = None;
        self.cells_within(
            [at[0] - reach, at[1] - reach],
            [at[0] + reach, at[1] + reach],
            |ids| {
                for &id in ids {
                    let p = positions[id as usize];
                    let distance = (p[0] - at[0]).powi(2) + (p[1] - at[1]).powi(2);
                    if distance <= reach * reach && best.is_none_or(|(least, _)| distance < least) {
                        best = Some((distance, id as usize));
                    }
                }
            },
        );
        best.map(|(_, id)| id)
    }

    /// About how many points lie between two corners: all those of the cells that touch the box.
    pub(super) fn count_within(&self, min: [f32; 2], max: [f32; 2]) -> usize {
        let mut count = 0;
        self.cells_within(min, max, |ids| count += ids.len());
        count
    }

    fn cell_of(&self, p: [f32; 2]) -> usize {
        let [column, row] = [(0, self.columns), (1, self.rows)].map(|(axis, count)| {
            (((p[axis] - self.min[axis]) / self.cell) as usize).min(count - 1)
        });
        row * self.columns + column
    }

    fn cells_within(&self, min: [f32; 2], max: [f32; 2], mut visit: impl FnMut(&[u32])) {
        if self.ids.is_empty()
            || (0..2).any(|axis| max[axis] < self.min[axis] || min[axis] > self.max[axis])
        {
            return;
        }
        let (first, last) = (self.cell_of(min), self.cell_of(max));
        let (left, right) = (first % self.columns, last % self.columns);
        for row in first / self.columns..=last / self.columns {
            // The cells of a row lie side by side, and so do their ids.
            let start = self.starts[row * self.columns + left] as usize;
            let end = self.starts[row * self.columns + right + 1] as usize;
            visit(&self.ids[start..end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scattered(n: usize) -> Vec<[f32; 2]> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        (0..n)
            .map(|_| [next() * 7.0 - 3.0, next().powi(3) * 2.0])
            .collect()
    }

    #[test]
    fn the_grid_agrees_with_a_linear_scan() {
        let points = scattered(3000);
        let index = GridIndex::new(&points);
        for (i, at) in scattered(200).into_iter().enumerate() {
            let reach = 0.01 * (1 + i % 20) as f32;
            let distance = |p: &[f32; 2]| (p[0] - at[0]).powi(2) + (p[1] - at[1]).powi(2);
            let scan = (0..points.len())
                .filter(|&id| distance(&points[id]) <= reach * reach)
                .min_by(|&a, &b| distance(&points[a]).total_cmp(&distance(&points[b])));
            assert_eq!(index.nearest(&points, at, reach), scan);
        }
        assert_eq!(index.count_within([-9.0; 2], [9.0; 2]), 3000);
    }

    #[test]
    fn degenerate_sets_are_fine() {
        assert_eq!(GridIndex::new(&[]).nearest(&[], [0.0; 2], 1.0), None);
        let same = vec![[2.0, 2.0]; 50];
        assert!(
            GridIndex::new(&same)
                .nearest(&same, [2.0, 2.1], 0.2)
                .is_some()
        );
        let broken = vec![[f32::NAN, 0.0], [1.0, 1.0]];
        assert_eq!(
            GridIndex::new(&broken).nearest(&broken, [1.0, 1.0], 0.1),
            Some(1)
        );
        let line: Vec<_> = (0..100).map(|i| [i as f32, 0.0]).collect();
        assert_eq!(
            GridIndex::new(&line).nearest(&line, [42.2, 0.1], 1.0),
            Some(42)
        );
    }
}
