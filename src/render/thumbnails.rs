//! Which items show their picture on the map: one per cell of the grid, at the finest level whose cells hold a picture.
//!
//! Invariant: pictures never overlap, and the square around each covers its own point. An item that is shown is still shown after zooming in: it is the first of
//! its cell, and so of the part of the cell that it lies in.

use std::ops::Range;
use std::sync::Arc;

use super::map::{MapData, Mark, View};

/// Pictures at once.
pub(super) const MOST: usize = 8192;
/// Points whose least key is kept.
const BLOCK: usize = 16;
/// Bits of a key that hold the order within one mark.
const ORDER_BITS: u32 = 30;

/// A picture's item and cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Thumbnail {
    pub id: u32,
    /// The item's position.
    pub point: [f32; 2],
    /// Lower corner of its cell.
    pub corner: [f32; 2],
    /// How far the picture is drawn to the middle of the cell, `[0, 1]`: not where the item is alone, so that it stays in its place;
    /// wholly in a crowd, so that pictures stand in rows.
    pub pull: f32,
    /// 1 for each edge of the cell (left, low, right, high) that the picture may not cross, because there are pictures beyond.
    pub bounded: [f32; 4],
}

/// The items chosen.
#[derive(Default)]
pub(super) struct Chosen {
    /// Level of the grid whose cells they stand in.
    pub level: u32,
    pub items: Vec<Thumbnail>,
}

/// What is kept from frame to frame.
#[derive(Default)]
pub(super) struct Thumbnails {
    keys: Option<Keys>,
    /// The level and the cells that were looked at.
    window: Option<(u32, [i64; 4])>,
    chosen: Arc<Chosen>,
    edge_px: f32,
}

impl Thumbnails {
    /// The items whose pictures, `edge_px` pixels long, are in view; the same `Arc` for as long as they are.
    pub(super) fn choose(&mut self, data: &MapData, view: &View, edge_px: f32) -> Arc<Chosen> {
        let index = &data.index;
        self.edge_px = edge_px;
        let is_known = self
            .keys
            .as_ref()
            .is_some_and(|keys| keys.data.is_same(data));
        if !is_known {
            self.keys = Some(Keys::new(data));
            self.window = None;
        }
        let (Some(keys), Some((min, _))) = (&self.keys, index.bounds()) else {
            self.chosen = Arc::default();
            return self.chosen.clone();
        };
        // A little air between neighbours.
        let mut level = index.level_of(f64::from(edge_px + 1.0) / view.px_per_unit());
        let window_at = |level: u32| {
            let cell = |x: f64, axis: usize| {
                ((x - f64::from(min[axis])) / index.cell_width(level)).floor() as i64
            };
            [
                cell(view.min[0], 0),
                cell(view.min[1], 1),
                cell(view.max[0], 0),
                cell(view.max[1], 1),
            ]
        };
        let cells =
            |[left, low, right, high]: [i64; 4]| (right - left + 1).saturating_mul(high - low + 1);
        while level > 0 && cells(window_at(level)) > MOST as i64 {
            level -= 1;
        }
        let window = Some((level, window_at(level)));
        if self.window != window {
            // Cells just out of view bound those in view.
            let width = index.cell_width(level);
            let (low, high) = (view.min.map(|x| x - width), view.max.map(|x| x + width));
            let (mut items, mut places) = (Vec::new(), Vec::new());
            index.cells(level, low, high, |cell| {
                if let Some(k) = keys.first(cell.run.clone()) {
                    items.push(Thumbnail {
                        id: index.ids()[k],
                        point: index.points()[k],
                        corner: index.corner(cell).map(|x| x as f32),
                        pull: ((cell.run.len() - 1) as f32 / 7.0).min(1.0),
                        bounded: [0.0; 4],
                    });
                    places.push([cell.column, cell.row]);
                }
            });
            bound(&mut items, &places);
            self.chosen = Arc::new(Chosen { level, items });
            self.window = window;
        }
        self.chosen.clone()
    }

    /// The item whose picture covers `at`.
    pub(super) fn at(&self, data: &MapData, view: &View, at: [f64; 2]) -> Option<u32> {
        let per_unit = view.px_per_unit();
        let half = f64::from(self.edge_px) / per_unit / 2.0;
        let cell = data.index.cell_width(self.chosen.level);
        let covers = |thumbnail: &&Thumbnail| {
            (0..2).all(|axis| (at[axis] - centre(thumbnail, axis, half, cell)).abs() <= half)
        };
        self.chosen
            .items
            .iter()
            .find(covers)
            .map(|thumbnail| thumbnail.id)
    }
}

/// Finds the edges that pictures may not cross: those with a picture in one of the three cells beyond. As a picture reaches at most half a
/// cell over an edge, two that do so into the same empty cell do not meet.
fn bound(items: &mut [Thumbnail], places: &[[u32; 2]]) {
    let least = [0, 1].map(|axis| places.iter().map(|place| place[axis]).min().unwrap_or(0));
    let most = [0, 1].map(|axis| places.iter().map(|place| place[axis]).max().unwrap_or(0));
    // With an empty cell around all.
    let columns = (most[0] - least[0]) as usize + 3;
    let mut is_taken = vec![false; columns * ((most[1] - least[1]) as usize + 3)];
    let at = |place: &[u32; 2]| {
        ((place[1] - least[1]) as usize + 1) * columns + (place[0] - least[0]) as usize + 1
    };
    for place in places {
        is_taken[at(place)] = true;
    }
    for (item, place) in items.iter_mut().zip(places) {
        let above_below = [at(place) + columns, at(place) - columns];
        let beside = |i: usize| is_taken[i - 1] || is_taken[i] || is_taken[i + 1];
        let column = |i: usize| is_taken[i - columns] || is_taken[i] || is_taken[i + columns];
        let edges = [
            column(at(place) - 1),
            beside(above_below[1]),
            column(at(place) + 1),
            beside(above_below[0]),
        ];
        item.bounded = edges.map(|is_bounded| f32::from(u8::from(is_bounded)));
    }
}

/// Where a picture's centre lies, in map units: `place` of `shaders/thumbnails.wgsl`.
fn centre(thumbnail: &Thumbnail, axis: usize, half: f64, cell: f64) -> f64 {
    let (corner, point) = (
        f64::from(thumbnail.corner[axis]),
        f64::from(thumbnail.point[axis]),
    );
    let pull = half * f64::from(thumbnail.pull);
    let drawn = (corner + cell / 2.0).clamp(point - pull, point + pull);
    let low = corner + half * f64::from(thumbnail.bounded[axis]);
    let high = corner + cell - half * f64::from(thumbnail.bounded[axis + 2]);
    drawn.clamp(low, high.max(low))
}

/// In which order items are shown: selected ones first, greyed ones last, and among equals by chance.
struct Keys {
    data: MapData,
    order: Vec<u32>,
    /// The least of each block.
    least: Vec<u32>,
}

impl Keys {
    fn new(data: &MapData) -> Self {
        let key = |&id: &u32| {
            let rank = match data.mark(id) {
                Mark::Selected => 0,
                Mark::Plain => 1,
                Mark::Greyed => 2,
                Mark::Hidden => return u32::MAX,
            };
            // Multiples of the golden ratio are spread evenly (D. E. Knuth, "The Art of Computer Programming", vol. 3, 6.4).
            rank << ORDER_BITS | id.wrapping_mul(0x9E37_79B9) >> (32 - ORDER_BITS)
        };
        let order: Vec<u32> = data.index.ids().iter().map(key).collect();
        let least = order
            .chunks(BLOCK)
            .map(|block| block.iter().copied().min().unwrap_or(u32::MAX))
            .collect();
        Self {
            data: data.clone(),
            order,
            least,
        }
    }

    /// Where the first item of a run stands; none where all are hidden.
    fn first(&self, run: Range<usize>) -> Option<usize> {
        let blocks = run.start.div_ceil(BLOCK)..run.end / BLOCK;
        if blocks.start >= blocks.end {
            return self.first_of(run);
        }
        let ends = [run.start..blocks.start * BLOCK, blocks.end * BLOCK..run.end];
        let best_block = blocks
            .min_by_key(|&block| self.least[block])
            .map(|block| block * BLOCK..(block + 1) * BLOCK);
        let candidates = ends
            .into_iter()
            .chain(best_block)
            .filter_map(|part| self.first_of(part));
        candidates.min_by_key(|&k| self.order[k])
    }

    fn first_of(&self, run: Range<usize>) -> Option<usize> {
        run.min_by_key(|&k| self.order[k])
            .filter(|&k| self.order[k] != u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::GridIndex;

    fn map(n: usize) -> MapData {
        let unit = |i: usize, k: u32| ((i as u32).wrapping_mul(k) >> 8) as f32 / (1 << 24) as f32;
        let points: Vec<_> = (0..n)
            .map(|i| [unit(i, 0x9E37_79B9).powi(2), unit(i, 0x85EB_CA6B)])
            .collect();
        MapData {
            index: Arc::new(GridIndex::new(&points)),
            ..MapData::default()
        }
    }

    fn view(centre: [f64; 2], width: f64) -> View {
        let half = [width / 2.0, width * 0.4];
        View {
            min: [0, 1].map(|axis| centre[axis] - half[axis]),
            max: [0, 1].map(|axis| centre[axis] + half[axis]),
            size_px: [1000.0, 800.0],
            px_per_point: 1.0,
        }
    }

    #[test]
    fn pictures_never_overlap_and_cover_their_points() {
        let data = map(20_000);
        for (width, edge_px) in [(2.0, 16.0), (1.3, 33.0), (0.3, 48.0), (0.05, 96.0)] {
            let view = view([0.3, 0.5], width);
            let chosen = Thumbnails::default().choose(&data, &view, edge_px);
            assert!(!chosen.items.is_empty());
            let half = f64::from(edge_px) / view.px_per_unit() / 2.0;
            let cell = data.index.cell_width(chosen.level);
            let centres: Vec<[f64; 2]> = chosen
                .items
                .iter()
                .map(|item| [0, 1].map(|axis| centre(item, axis, half, cell)))
                .collect();
            for (i, (a, item)) in centres.iter().zip(&chosen.items).enumerate() {
                let away = (0..2).map(|axis| (f64::from(item.point[axis]) - a[axis]).abs());
                assert!(away.fold(0.0, f64::max) <= half * 1.0001);
                for b in &centres[..i] {
                    let apart = (0..2).any(|axis| (a[axis] - b[axis]).abs() > 2.0 * half * 0.9999);
                    assert!(apart, "{a:?} and {b:?} at {width}");
                }
            }
        }
    }

    #[test]
    fn a_picture_stays_while_one_zooms_in_and_moves() {
        let data = map(20_000);
        let mut thumbnails = Thumbnails::default();
        let far = thumbnails.choose(&data, &view([0.3, 0.5], 1.0), 40.0);
        let near_view = view([0.3, 0.5], 0.25);
        let near = thumbnails.choose(&data, &near_view, 40.0);
        let is_inside = |p: [f32; 2]| {
            (0..2).all(|axis| {
                (near_view.min[axis]..near_view.max[axis]).contains(&f64::from(p[axis]))
            })
        };
        let stay: Vec<_> = far
            .items
            .iter()
            .filter(|item| is_inside(item.point))
            .collect();
        assert!(stay.len() > 5);
        assert!(
            stay.iter()
                .all(|item| near.items.iter().any(|other| other.id == item.id))
        );
        let moved = thumbnails.choose(&data, &view([0.3001, 0.5], 0.25), 40.0);
        let kept = near
            .items
            .iter()
            .filter(|item| moved.items.contains(item))
            .count();
        assert!(kept + 40 > near.items.len());
    }

    #[test]
    fn hidden_items_have_no_picture_and_selected_ones_come_first() {
        let mut data = map(500);
        let mut marks = vec![Mark::Hidden; 500];
        marks[17] = Mark::Greyed;
        marks[30] = Mark::Selected;
        data.marks = Arc::new(marks);
        let mut thumbnails = Thumbnails::default();
        let ids = |chosen: &Chosen| chosen.items.iter().map(|item| item.id).collect::<Vec<_>>();
        let all = view([0.5, 0.5], 1.5);
        assert_eq!(ids(&thumbnails.choose(&data, &all, 999.0)), [30]);
        let mut both = ids(&thumbnails.choose(&data, &all, 16.0));
        both.sort_unstable();
        assert_eq!(both, [17, 30]);
        let point = thumbnails.chosen.items[0].point.map(f64::from);
        assert_eq!(
            thumbnails.at(&data, &all, point),
            Some(thumbnails.chosen.items[0].id)
        );
        assert_eq!(thumbnails.at(&data, &all, [-0.2, -0.05]), None);
    }
}
