//! Which axis of an array counts pictures, rows, columns and channels.
//!
//! Invariant: a layout's strides address every number of the array exactly once.

use crate::data::ImageShape;
use crate::data::Size;

/// Whose habits break ties.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// Pictures along the first axis, row by row.
    NumPy,
    /// Pictures along the last axis, column by column.
    Matlab,
}

/// How an array holds pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// How many pictures.
    pub(super) count: u64,
    /// The shape of each.
    pub(super) shape: ImageShape,
    /// Numbers between neighbours along pictures, rows, columns and channels.
    strides: [u64; 4],
}

/// The role of an axis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    Item,
    Row,
    Column,
    Channel,
}

use Axis::{Channel, Column, Item, Row};

impl Layout {
    /// How an array with axes of lengths `dims` holds pictures, of `size` when that is known; `None` when it does not
    /// look like pictures.
    pub(super) fn of(
        dims: &[u64],
        is_fortran: bool,
        style: Style,
        size: Option<Size>,
    ) -> Option<Self> {
        let total = dims
            .iter()
            .try_fold(1u64, |product, &n| product.checked_mul(n))?;
        if total == 0 {
            return None;
        }
        let mut strides = vec![1; dims.len()];
        let mut stride = 1;
        let axes: Vec<usize> = if is_fortran {
            (0..dims.len()).collect()
        } else {
            (0..dims.len()).rev().collect()
        };
        for axis in axes {
            strides[axis] = stride;
            stride *= dims[axis];
        }
        if let [rows, columns] = *dims {
            return Self::of_vectors([rows, columns], [strides[0], strides[1]], style, size);
        }
        let roles = roles(dims, style, size)?;
        let along = |role| roles.iter().position(|&r| r == role);
        let len = |role| along(role).map_or(1, |axis| dims[axis]);
        let side = |role| {
            usize::try_from(len(role))
                .ok()
                .filter(|n| (1..=16_384).contains(n))
        };
        let step =
            |role| along(role).map_or(if role == Item { total } else { 1 }, |axis| strides[axis]);
        Some(Self {
            count: len(Item),
            shape: ImageShape::new(side(Row)?, side(Column)?, side(Channel)?),
            strides: [Item, Row, Column, Channel].map(step),
        })
    }

    /// Pictures written out as vectors, the rows or columns of a matrix.
    fn of_vectors(
        dims: [u64; 2],
        strides: [u64; 2],
        style: Style,
        size: Option<Size>,
    ) -> Option<Self> {
        if dims.contains(&1) && size.is_none() {
            return None;
        }
        let is_matlab = style == Style::Matlab;
        let shape_of = |len: u64| {
            if let Some(size) = size {
                let area = (size.height * size.width) as u64;
                let channels = [1, 3].into_iter().find(|&c| area * c == len)?;
                return Some(ImageShape::new(size.height, size.width, channels as usize));
            }
            let side = len.isqrt();
            let is_square = side * side == len && (4..=4096).contains(&side);
            is_square.then(|| ImageShape::new(side as usize, side as usize, 1))
        };
        let order = if is_matlab { [0, 1] } else { [1, 0] };
        let usable = if size.is_some() || is_matlab {
            &order[..]
        } else {
            &order[..1]
        };
        let (pixel_axis, shape) = usable
            .iter()
            .find_map(|&axis| Some((axis, shape_of(dims[axis])?)))?;
        let step = strides[pixel_axis];
        let (height, width, channels) = (
            shape.height as u64,
            shape.width as u64,
            shape.channels as u64,
        );
        let [row, column, channel] = if is_matlab {
            [1, height, height * width]
        } else {
            [width * channels, channels, 1]
        };
        Some(Self {
            count: dims[1 - pixel_axis],
            shape,
            strides: [
                strides[1 - pixel_axis],
                row * step,
                column * step,
                channel * step,
            ],
        })
    }

    /// Whether the pictures lie one after the other, row by row, channels side by side.
    pub(super) fn is_interleaved(&self) -> bool {
        let ImageShape {
            width, channels, ..
        } = self.shape;
        let row = width * channels;
        self.strides == [self.shape.len(), row, channels, 1].map(|n| n as u64)
            || channels == 1 && self.strides[..3] == [self.shape.len(), row, 1].map(|n| n as u64)
    }

    /// The picture that number `at` of the array belongs to.
    pub(super) fn item_at(&self, at: u64) -> u64 {
        at / self.strides[0] % self.count
    }

    /// Appends picture `id` of the array `stored` to `pixels`.
    pub(super) fn gather(&self, stored: &[u8], id: u64, pixels: &mut Vec<u8>) {
        let [item, row, column, channel] = self.strides.map(|n| n as usize);
        let start = id as usize * item;
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        for y in 0..height {
            for x in 0..width {
                let at = start + y * row + x * column;
                pixels.extend((0..channels).map(|c| stored[at + c * channel]));
            }
        }
    }
}

/// The roles of the axes of an array with three or four.
fn roles(dims: &[u64], style: Style, size: Option<Size>) -> Option<Vec<Axis>> {
    let is_channels = |n| matches!(n, 1 | 3);
    match *dims {
        [a, b, c] => {
            let is_size = |h, w| size.is_some_and(|s| (s.height as u64, s.width as u64) == (h, w));
            let items_last = match style {
                _ if is_size(a, b) != is_size(b, c) => is_size(a, b),
                _ if (a == b) != (b == c) => a == b,
                _ => style == Style::Matlab,
            };
            let is_one_picture = is_channels(c) && a > 3 && b > 3;
            Some(match (is_one_picture, items_last) {
                (true, _) => vec![Row, Column, Channel],
                (false, true) => vec![Row, Column, Item],
                (false, false) => vec![Item, Row, Column],
            })
        }
        [_, _, c, _] if style == Style::Matlab && is_channels(c) => {
            Some(vec![Row, Column, Channel, Item])
        }
        [_, _, _, d] if is_channels(d) => Some(vec![Item, Row, Column, Channel]),
        [_, b, _, _] if is_channels(b) => Some(vec![Item, Channel, Row, Column]),
        [_, _, c, _] if is_channels(c) => Some(vec![Row, Column, Channel, Item]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(dims: &[u64], style: Style) -> Option<(u64, [usize; 3])> {
        let found = Layout::of(dims, style == Style::Matlab, style, None)?;
        let ImageShape {
            height,
            width,
            channels,
        } = found.shape;
        Some((found.count, [height, width, channels]))
    }

    #[test]
    fn axes_are_told_apart() {
        use Style::{Matlab, NumPy};
        assert_eq!(layout(&[10, 28, 20], NumPy), Some((10, [28, 20, 1])));
        assert_eq!(layout(&[10, 28, 20, 3], NumPy), Some((10, [28, 20, 3])));
        assert_eq!(layout(&[10, 3, 28, 20], NumPy), Some((10, [28, 20, 3])));
        assert_eq!(layout(&[10, 784], NumPy), Some((10, [28, 28, 1])));
        assert_eq!(layout(&[10, 785], NumPy), None);
        assert_eq!(layout(&[64, 48, 3], NumPy), Some((1, [64, 48, 3])));
        assert_eq!(layout(&[28, 28, 500], NumPy), Some((500, [28, 28, 1])));
        assert_eq!(layout(&[4096, 400], Matlab), Some((400, [64, 64, 1])));
        assert_eq!(layout(&[28, 20, 500], Matlab), Some((500, [28, 20, 1])));
        assert_eq!(layout(&[32, 32, 3, 500], Matlab), Some((500, [32, 32, 3])));
        assert_eq!(layout(&[400, 1], Matlab), None);
        assert_eq!(layout(&[u64::MAX, u64::MAX, 28], NumPy), None);
        assert_eq!(layout(&[0, 28, 28], NumPy), None);
    }

    #[test]
    fn a_given_size_decides() {
        let size = |height, width| {
            Some(Size {
                height,
                width,
                channels: None,
            })
        };
        let of =
            |dims: &[u64], s| Layout::of(dims, false, Style::NumPy, s).map(|l| (l.count, l.shape));
        assert_eq!(
            of(&[10, 560], size(28, 20)),
            Some((10, ImageShape::new(28, 20, 1)))
        );
        assert_eq!(
            of(&[10, 1680], size(28, 20)),
            Some((10, ImageShape::new(28, 20, 3)))
        );
        assert_eq!(
            of(&[28, 20, 20], size(28, 20)),
            Some((20, ImageShape::new(28, 20, 1)))
        );
    }
}
