//! Which points lie where: points of the plane on a grid of 65,536 × 65,536 cells, sorted along Morton's curve (G. M. Morton, "A computer
//! oriented geodetic data base", IBM, 1966), so that every square of 2^k × 2^k cells is one run of them.
//!
//! Invariant: every answer equals that of looking at every point.

use std::ops::Range;

use rayon::prelude::*;

/// How often the square around all points is halved.
const LEVELS: u32 = 16;
/// A run this short is looked at point by point.
const FEW: usize = 16;
/// By how much cells are taken for larger than they are, in widths of the whole: more than rounding may move a point.
const SLACK: f64 = 1e-6;

/// Points in an order in which neighbours are close, with what is needed to find them again.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GridIndex {
    min: [f32; 2],
    max: [f32; 2],
    /// Width of the square that begins at `min` and holds every point, in map units.
    width: f64,
    /// Each point's place on the curve, ascending.
    keys: Vec<u32>,
    ids: Vec<u32>,
    points: Vec<[f32; 2]>,
}

/// A square of the grid and the run of points within it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GridCell {
    /// The grid has `2^level` of these squares to a side.
    pub level: u32,
    /// From the left.
    pub column: u32,
    /// From below.
    pub row: u32,
    /// Its points, as positions in [`GridIndex::ids`].
    pub run: Range<usize>,
    /// The smallest key it may hold.
    key: u32,
}

/// A box, lower and upper corner.
type Box2 = ([f64; 2], [f64; 2]);

impl GridIndex {
    /// The index of `positions`; those that are not finite are left out.
    ///
    /// # Panics
    /// With more than 2³² positions.
    #[must_use]
    pub fn new(positions: &[[f32; 2]]) -> Self {
        assert!(
            u32::try_from(positions.len()).is_ok(),
            "ids are 32 bits wide"
        );
        let is_finite = |p: &[f32; 2]| p[0].is_finite() && p[1].is_finite();
        let nothing = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        let (min, max) = positions
            .par_iter()
            .filter(|p| is_finite(p))
            .fold(
                || nothing,
                |(min, max), p| {
                    (
                        [min[0].min(p[0]), min[1].min(p[1])],
                        [max[0].max(p[0]), max[1].max(p[1])],
                    )
                },
            )
            .reduce(
                || nothing,
                |(a, b), (c, d)| {
                    (
                        [a[0].min(c[0]), a[1].min(c[1])],
                        [b[0].max(d[0]), b[1].max(d[1])],
                    )
                },
            );
        if min[0] > max[0] {
            return Self::default();
        }
        let extent = |axis: usize| f64::from(max[axis]) - f64::from(min[axis]);
        let width = extent(0).max(extent(1)).max(f64::from(f32::MIN_POSITIVE));
        let mut index = Self {
            min,
            max,
            width,
            ..Self::default()
        };
        let mut sorted: Vec<u64> = positions
            .par_iter()
            .enumerate()
            .filter(|(_, p)| is_finite(p))
            .map(|(id, &p)| u64::from(index.key(p)) << 32 | id as u64)
            .collect();
        sorted.par_sort_unstable();
        index.keys = sorted
            .par_iter()
            .map(|&entry| (entry >> 32) as u32)
            .collect();
        index.ids = sorted.par_iter().map(|&entry| entry as u32).collect();
        index.points = index
            .ids
            .par_iter()
            .map(|&id| positions[id as usize])
            .collect();
        index
    }

    /// Corners of the smallest box that holds every point.
    #[must_use]
    pub fn bounds(&self) -> Option<([f32; 2], [f32; 2])> {
        (!self.ids.is_empty()).then_some((self.min, self.max))
    }

    /// Where each point stood in the positions that the index was made of, in the order of the curve.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The points themselves, in the same order.
    #[must_use]
    pub fn points(&self) -> &[[f32; 2]] {
        &self.points
    }

    /// Width of a cell of `level`, in map units.
    #[must_use]
    pub fn cell_width(&self, level: u32) -> f64 {
        self.width / f64::from(1_u32 << level.min(LEVELS))
    }

    /// The finest level whose cells are at least `width` map units wide.
    #[must_use]
    pub fn level_of(&self, width: f64) -> u32 {
        (0..=LEVELS)
            .rev()
            .find(|&level| self.cell_width(level) >= width)
            .unwrap_or(0)
    }

    /// The lower corner of a cell, in map units.
    #[must_use]
    pub fn corner(&self, cell: &GridCell) -> [f64; 2] {
        let width = self.cell_width(cell.level);
        [
            f64::from(self.min[0]) + f64::from(cell.column) * width,
            f64::from(self.min[1]) + f64::from(cell.row) * width,
        ]
    }

    /// The id of the point nearest to `at`, if it is within `reach`; of several as near, the lowest.
    #[must_use]
    pub fn nearest(&self, at: [f32; 2], reach: f32) -> Option<usize> {
        let best = self.search(at, 1, reach * reach);
        best.first().map(|(_, id)| *id as usize)
    }

    /// The `k` points nearest to `at` (all where there are fewer), pairs of id and distance, the nearest first; of several as
    /// near, the lowest ids.
    #[must_use]
    pub fn nearest_many(&self, at: [f32; 2], k: usize) -> Vec<(u32, f32)> {
        let best = self.search(at, k, f32::INFINITY);
        best.into_iter().map(|(d, id)| (id, d.sqrt())).collect()
    }

    /// The `k` points nearest to `at` whose squared distance is at most `farthest`, pairs of squared distance and id, ascending.
    fn search(&self, at: [f32; 2], k: usize, farthest: f32) -> Vec<(f32, u32)> {
        let mut best: Vec<(f32, u32)> = Vec::new();
        let away = |cell: &GridCell| {
            let (min, max) = self.reach_of(cell);
            (0..2)
                .map(|axis| {
                    let x = f64::from(at[axis]);
                    (min[axis] - x).max(x - max[axis]).max(0.0).powi(2)
                })
                .sum::<f64>()
        };
        let mut open: Vec<(f64, GridCell)> = self
            .root()
            .filter(|_| k > 0)
            .map(|cell| (away(&cell), cell))
            .into_iter()
            .collect();
        while let Some((distance, cell)) = open.pop() {
            let limit = match best.last() {
                Some(last) if best.len() == k => last.0,
                _ => farthest,
            };
            // Points are compared in single precision.
            if distance > f64::from(limit) * (1.0 + SLACK) {
                continue;
            }
            if cell.is_small() {
                for i in cell.run {
                    let (p, id) = (self.points[i], self.ids[i]);
                    let found = ((p[0] - at[0]).powi(2) + (p[1] - at[1]).powi(2), id);
                    let place = best.partition_point(|nearer| *nearer < found);
                    if found.0 <= farthest && place < k {
                        best.insert(place, found);
                        best.truncate(k);
                    }
                }
            } else {
                let start = open.len();
                open.extend(self.children(&cell).map(|child| (away(&child), child)));
                // The nearest is looked at first.
                open[start..].sort_by(|a, b| b.0.total_cmp(&a.0));
            }
        }
        best
    }

    /// The ids of the points between two corners, edges included, ascending.
    #[must_use]
    pub fn within(&self, min: [f32; 2], max: [f32; 2]) -> Vec<u32> {
        let mut found = Vec::new();
        self.visit_within(min, max, |run| found.extend_from_slice(&self.ids[run]));
        found.par_sort_unstable();
        found
    }

    /// How many points lie between two corners, edges included.
    #[must_use]
    pub fn count_within(&self, min: [f32; 2], max: [f32; 2]) -> usize {
        let mut count = 0;
        self.visit_within(min, max, |run| count += run.len());
        count
    }

    /// Runs of points that hold all between two corners, and beyond them no more than what lies in cells of at most `few` points across
    /// the edge. There are few runs, in ascending order.
    #[must_use]
    pub fn runs(&self, min: [f32; 2], max: [f32; 2], few: usize) -> Vec<Range<usize>> {
        let view = (min.map(f64::from), max.map(f64::from));
        let mut runs: Vec<Range<usize>> = Vec::new();
        self.walk(&mut |cell| {
            let cover = self.reach_of(cell);
            if !overlap(cover, view) {
                return false;
            }
            let is_whole = contains(view, cover) || cell.run.len() <= few || cell.level == LEVELS;
            if is_whole {
                match runs.last_mut() {
                    Some(last) if last.end == cell.run.start => last.end = cell.run.end,
                    _ => runs.push(cell.run.clone()),
                }
            }
            !is_whole
        });
        runs
    }

    /// Visits every cell of `level` that holds points and touches the box between two corners.
    pub fn cells(
        &self,
        level: u32,
        min: [f64; 2],
        max: [f64; 2],
        mut visit: impl FnMut(&GridCell),
    ) {
        self.walk(&mut |cell| {
            let is_seen = overlap(self.reach_of(cell), (min, max));
            if is_seen && cell.level == level.min(LEVELS) {
                visit(cell);
            }
            is_seen && cell.level < level.min(LEVELS)
        });
    }

    /// The ids of the points inside a closed polygon by the even-odd rule, ascending: a point is inside when a ray from it crosses the
    /// outline an odd number of times (M. Shimrat, "Algorithm 112: position of point relative to polygon", CACM 5(8), 1962). Corners that
    /// are not finite are left out.
    #[must_use]
    pub fn lasso(&self, polygon: &[[f32; 2]]) -> Vec<u32> {
        let corners: Vec<[f64; 2]> = polygon
            .iter()
            .filter(|p| p[0].is_finite() && p[1].is_finite())
            .map(|p| p.map(f64::from))
            .collect();
        let next = corners.iter().cycle().skip(1);
        let edges: Vec<Edge> = corners
            .iter()
            .zip(next)
            .map(|(&from, &to)| Edge { from, to })
            .collect();
        let mut found = Vec::new();
        if let (Some(root), true) = (self.root(), edges.len() > 2) {
            self.lasso_cell(&root, &edges, &mut found);
        }
        found.par_sort_unstable();
        found
    }

    /// `edges` are all those that a ray to the right from within `cell` may cross.
    fn lasso_cell(&self, cell: &GridCell, edges: &[Edge], found: &mut Vec<u32>) {
        let cover = self.reach_of(cell);
        let near: Vec<Edge> = edges
            .iter()
            .copied()
            .filter(|edge| edge.can_be_crossed_from(cover))
            .collect();
        if near.is_empty() {
            return;
        }
        if !near.iter().any(|edge| edge.may_touch(cover)) {
            let centre = [0, 1].map(|axis| f64::midpoint(cover.0[axis], cover.1[axis]));
            if is_inside(&near, centre) {
                found.extend_from_slice(&self.ids[cell.run.clone()]);
            }
        } else if cell.is_small() {
            let run = cell.run.clone();
            let inside = run.filter(|&k| is_inside(&near, self.points[k].map(f64::from)));
            found.extend(inside.map(|k| self.ids[k]));
        } else {
            for child in self.children(cell) {
                self.lasso_cell(&child, &near, found);
            }
        }
    }

    fn visit_within(&self, min: [f32; 2], max: [f32; 2], mut visit: impl FnMut(Range<usize>)) {
        let view = (min.map(f64::from), max.map(f64::from));
        self.walk(&mut |cell| {
            let cover = self.reach_of(cell);
            if !overlap(cover, view) {
                return false;
            }
            if contains(view, cover) {
                visit(cell.run.clone());
                return false;
            }
            if cell.is_small() {
                for k in cell.run.clone() {
                    let p = self.points[k];
                    if (0..2).all(|axis| min[axis] <= p[axis] && p[axis] <= max[axis]) {
                        visit(k..k + 1);
                    }
                }
                return false;
            }
            true
        });
    }

    /// Visits cells from the whole down, in the order of the curve; `enter` says whether a cell's quarters are visited.
    fn walk(&self, enter: &mut impl FnMut(&GridCell) -> bool) {
        if let Some(root) = self.root() {
            self.walk_cell(&root, enter);
        }
    }

    fn walk_cell(&self, cell: &GridCell, enter: &mut impl FnMut(&GridCell) -> bool) {
        if enter(cell) && cell.level < LEVELS {
            for child in self.children(cell) {
                self.walk_cell(&child, enter);
            }
        }
    }

    fn root(&self) -> Option<GridCell> {
        let run = 0..self.ids.len();
        (!run.is_empty()).then_some(GridCell {
            level: 0,
            column: 0,
            row: 0,
            run,
            key: 0,
        })
    }

    /// The quarters of a cell that hold points.
    fn children(&self, cell: &GridCell) -> impl Iterator<Item = GridCell> + use<> {
        let level = cell.level + 1;
        let keys = &self.keys[cell.run.clone()];
        let key = [0, 1, 2, 3].map(|quarter| cell.key | quarter << (2 * (LEVELS - level)));
        let starts = key.map(|key| cell.run.start + keys.partition_point(|&k| k < key));
        let ends = [starts[1], starts[2], starts[3], cell.run.end];
        let (column, row) = (2 * cell.column, 2 * cell.row);
        (0..4_u32)
            .map(move |quarter| GridCell {
                level,
                column: column | quarter & 1,
                row: row | quarter >> 1,
                run: starts[quarter as usize]..ends[quarter as usize],
                key: key[quarter as usize],
            })
            .filter(|cell| !cell.run.is_empty())
    }

    /// The square of a cell, a little widened.
    fn reach_of(&self, cell: &GridCell) -> Box2 {
        let (corner, width, slack) = (
            self.corner(cell),
            self.cell_width(cell.level),
            self.width * SLACK,
        );
        (corner.map(|x| x - slack), corner.map(|x| x + width + slack))
    }

    fn key(&self, p: [f32; 2]) -> u32 {
        let cells = f64::from(1_u32 << LEVELS);
        let [column, row] = [0, 1].map(|axis| {
            let along = (f64::from(p[axis]) - f64::from(self.min[axis])) / self.width;
            (along * cells).min(cells - 1.0) as u32
        });
        spread(column) | spread(row) << 1
    }
}

impl GridCell {
    fn is_small(&self) -> bool {
        self.run.len() <= FEW || self.level == LEVELS
    }
}

/// Moves the lower 16 bits apart: bit `i` becomes bit `2 i`.
fn spread(x: u32) -> u32 {
    let x = (x | x << 8) & 0x00FF_00FF;
    let x = (x | x << 4) & 0x0F0F_0F0F;
    let x = (x | x << 2) & 0x3333_3333;
    (x | x << 1) & 0x5555_5555
}

fn overlap(a: Box2, b: Box2) -> bool {
    (0..2).all(|axis| a.0[axis] <= b.1[axis] && b.0[axis] <= a.1[axis])
}

fn contains(outer: Box2, inner: Box2) -> bool {
    (0..2).all(|axis| outer.0[axis] <= inner.0[axis] && inner.1[axis] <= outer.1[axis])
}

/// An edge of a polygon.
#[derive(Clone, Copy)]
struct Edge {
    from: [f64; 2],
    to: [f64; 2],
}

impl Edge {
    /// Whether a ray to the right from `at` crosses it.
    fn is_crossed_from(&self, at: [f64; 2]) -> bool {
        let (a, b) = (self.from, self.to);
        (a[1] > at[1]) != (b[1] > at[1])
            && at[0] < a[0] + (b[0] - a[0]) * (at[1] - a[1]) / (b[1] - a[1])
    }

    /// False only where no ray to the right from within a box crosses it.
    fn can_be_crossed_from(&self, (min, max): Box2) -> bool {
        let (a, b) = (self.from, self.to);
        a[0].max(b[0]) >= min[0] && a[1].max(b[1]) >= min[1] && a[1].min(b[1]) <= max[1]
    }

    /// False only where the edge passes a box by.
    fn may_touch(&self, (min, max): Box2) -> bool {
        let (a, b) = (self.from, self.to);
        let is_near = (0..2)
            .all(|axis| a[axis].max(b[axis]) >= min[axis] && a[axis].min(b[axis]) <= max[axis]);
        let side = |x: f64, y: f64| (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
        let sides = [
            side(min[0], min[1]),
            side(max[0], min[1]),
            side(min[0], max[1]),
            side(max[0], max[1]),
        ];
        is_near && !sides.iter().all(|&s| s > 0.0) && !sides.iter().all(|&s| s < 0.0)
    }
}

fn is_inside(edges: &[Edge], at: [f64; 2]) -> bool {
    edges.iter().filter(|edge| edge.is_crossed_from(at)).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Points in clumps, on lines and on top of each other, as maps have them.
    fn points() -> impl Strategy<Value = Vec<[f32; 2]>> {
        let clump = (-3.0_f32..3.0, -3.0_f32..3.0, 0.0_f32..1.0, 1_usize..80);
        let clump = clump.prop_flat_map(|(x, y, spread, n)| {
            proptest::collection::vec(
                (-1.0_f32..1.0, -1.0_f32..1.0)
                    .prop_map(move |(dx, dy)| [x + dx * spread, y + dy * spread]),
                n,
            )
        });
        let coarse = proptest::collection::vec(
            (-4_i8..4, -4_i8..4).prop_map(|(x, y)| [f32::from(x), f32::from(y)]),
            0..60,
        );
        (proptest::collection::vec(clump, 0..6), coarse)
            .prop_map(|(clumps, coarse)| clumps.into_iter().flatten().chain(coarse).collect())
    }

    fn corner() -> impl Strategy<Value = [f32; 2]> {
        prop_oneof![
            (-4.5_f32..4.5, -4.5_f32..4.5).prop_map(|(x, y)| [x, y]),
            (-4_i8..4, -4_i8..4).prop_map(|(x, y)| [f32::from(x), f32::from(y)]),
        ]
    }

    proptest! {
        #[test]
        fn the_nearest_many_agree_with_sorting_all(points in points(), at in corner(), k in 0_usize..12) {
            let mut all: Vec<(f32, u32)> = points
                .iter()
                .zip(0..)
                .filter(|(p, _)| p[0].is_finite() && p[1].is_finite())
                .map(|(p, id)| ((p[0] - at[0]).powi(2) + (p[1] - at[1]).powi(2), id))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let wanted: Vec<u32> = all.iter().take(k).map(|(_, id)| *id).collect();
            let found = GridIndex::new(&points).nearest_many(at, k);
            prop_assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), wanted);
        }

        #[test]
        fn nearest_agrees_with_a_linear_scan(points in points(), at in corner(), reach in 0.0_f32..9.0) {
            let distance = |p: &[f32; 2]| (p[0] - at[0]).powi(2) + (p[1] - at[1]).powi(2);
            let scan = (0..points.len())
                .filter(|&id| distance(&points[id]) <= reach * reach)
                .min_by(|&a, &b| distance(&points[a]).total_cmp(&distance(&points[b])));
            prop_assert_eq!(GridIndex::new(&points).nearest(at, reach), scan);
        }

        #[test]
        fn the_box_agrees_with_a_linear_scan(points in points(), a in corner(), b in corner()) {
            let (min, max) = ([a[0].min(b[0]), a[1].min(b[1])], [a[0].max(b[0]), a[1].max(b[1])]);
            let is_within = |p: &[f32; 2]| (0..2).all(|axis| min[axis] <= p[axis] && p[axis] <= max[axis]);
            let scan: Vec<u32> = (0..points.len() as u32).filter(|&id| is_within(&points[id as usize])).collect();
            let index = GridIndex::new(&points);
            prop_assert_eq!(index.count_within(min, max), scan.len());
            for few in [0, 9] {
                let runs = index.runs(min, max, few);
                prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start));
                let mut drawn: Vec<u32> = runs.into_iter().flat_map(|run| index.ids()[run].to_vec()).collect();
                drawn.sort_unstable();
                prop_assert!(scan.iter().all(|id| drawn.binary_search(id).is_ok()));
            }
            prop_assert_eq!(index.within(min, max), scan);
        }

        #[test]
        fn the_lasso_agrees_with_the_even_odd_rule(points in points(), polygon in proptest::collection::vec(corner(), 0..40)) {
            let is_inside = |p: &[f32; 2]| {
                let [x, y] = p.map(f64::from);
                let mut crossings = 0;
                for (i, a) in polygon.iter().enumerate() {
                    let [x0, y0] = a.map(f64::from);
                    let [x1, y1] = polygon[(i + 1) % polygon.len()].map(f64::from);
                    let is_crossed = (y0 > y) != (y1 > y) && x < x0 + (x1 - x0) * (y - y0) / (y1 - y0);
                    crossings += u32::from(is_crossed);
                }
                crossings % 2 == 1
            };
            let scan: Vec<u32> = (0..points.len() as u32).filter(|&id| is_inside(&points[id as usize])).collect();
            prop_assert_eq!(GridIndex::new(&points).lasso(&polygon), scan);
        }

        #[test]
        fn the_cells_of_a_level_hold_every_point_once(points in points(), level in 0_u32..20) {
            let index = GridIndex::new(&points);
            let mut seen = 0;
            index.cells(level, [-9.0; 2], [9.0; 2], |cell| {
                let (corner, width) = (index.corner(cell), index.cell_width(level));
                for p in &index.points()[cell.run.clone()] {
                    for axis in 0..2 {
                        let along = (f64::from(p[axis]) - corner[axis]) / width;
                        assert!((-1e-6..=1.0 + 1e-6).contains(&along), "{along}");
                    }
                }
                seen += cell.run.len();
            });
            prop_assert_eq!(seen, points.len());
        }
    }

    #[test]
    fn degenerate_sets_are_fine() {
        let empty = GridIndex::new(&[]);
        assert_eq!(empty.nearest([0.0; 2], 1.0), None);
        assert_eq!(empty.bounds(), None);
        assert!(
            empty
                .lasso(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
                .is_empty()
        );
        let same = GridIndex::new(&[[2.0, 2.0]; 50]);
        assert_eq!(same.nearest([2.0, 2.1], 0.2), Some(0));
        assert_eq!(same.count_within([1.0; 2], [3.0; 2]), 50);
        let broken = GridIndex::new(&[[f32::NAN, 0.0], [1.0, 1.0], [f32::INFINITY, 1.0]]);
        assert_eq!(broken.nearest([1.0, 1.0], 0.1), Some(1));
        assert_eq!(broken.ids(), [1]);
        let line: Vec<_> = (0..100).map(|i| [i as f32, 0.0]).collect();
        assert_eq!(GridIndex::new(&line).nearest([42.2, 0.1], 1.0), Some(42));
        let far = GridIndex::new(&[[-f32::MAX, -f32::MAX], [f32::MAX, f32::MAX]]);
        assert_eq!(far.count_within([-f32::MAX; 2], [f32::MAX; 2]), 2);
        let line: Vec<_> = (0..3).map(|i| [f32::NAN, i as f32]).collect();
        assert!(GridIndex::new(&[[0.0; 2]]).lasso(&line).is_empty());
    }
}
