//! Twenty by twenty pixels that parts of a body are painted on, from the back to the front.
//!
//! Invariant: every pixel holds the number of a colour; light comes from above left whichever way a creature looks.

use super::palette::{DEEP, GROUND, LIGHT, OUTLINE, PAPER, PLAIN, SHADES, SHADOW};

/// Pixels to a side.
pub(super) const SIDE: usize = 20;

/// The line between the middle columns, about which a creature seen from the front is symmetric.
pub(super) const MIDDLE: f32 = SIDE as f32 / 2.0;

/// Column and row, in pixels from the upper left corner.
pub(super) type Point = (f32, f32);

/// A region of the canvas with the surface it is the outline of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Centre, radii, and how square its upper and lower halves are, from 0 (an ellipse) to 1.
    Oval(Point, Point, (f32, f32)),
    /// From one point to another, with the radius at each.
    Limb([Point; 2], [f32; 2]),
    /// A flat triangle.
    Triangle([Point; 3]),
}

/// An ellipse.
pub(super) fn oval(x: f32, y: f32, rx: f32, ry: f32) -> Shape {
    Shape::Oval((x, y), (rx, ry), (0.0, 0.0))
}

/// A limb with the radius at either end.
pub(super) fn limb(from: Point, to: Point, start: f32, end: f32) -> Shape {
    Shape::Limb([from, to], [start, end])
}

impl Shape {
    /// The direction that the surface has at a point, as columns and rows of a unit vector; `None` outside.
    fn facing(&self, (x, y): Point) -> Option<Point> {
        match *self {
            Self::Oval(centre, radii, square) => {
                let (u, v) = ((x - centre.0) / radii.0, (y - centre.1) / radii.1);
                let square = if v < 0.0 { square.0 } else { square.1 };
                let (u2, v2) = (u * u, v * v);
                let depth = (1.0 - square) * (u2 + v2) + square * (u2 * u2 + v2 * v2);
                (depth <= 1.0).then_some((u, v))
            }
            Self::Limb([from, to], radii) => {
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let along = (x - from.0) * dx + (y - from.1) * dy;
                let t = (along / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
                let radius = radii[0] + (radii[1] - radii[0]) * t;
                let (u, v) = (x - from.0 - t * dx, y - from.1 - t * dy);
                (u * u + v * v <= radius * radius).then_some((u / radius, v / radius))
            }
            Self::Triangle(corners) => {
                let side = |a: Point, b: Point| (b.0 - a.0) * (y - a.1) - (b.1 - a.1) * (x - a.0);
                let sides = [0, 1, 2].map(|i| side(corners[i], corners[(i + 1) % 3]));
                let is_inside = sides.iter().all(|&s| s >= 0.0) || sides.iter().all(|&s| s <= 0.0);
                let mean = |of: fn(&Point) -> f32| corners.iter().map(of).sum::<f32>() / 3.0;
                let (u, v) = (x - mean(|p| p.0), y - mean(|p| p.1));
                is_inside.then_some((0.3 * u, 0.2 * v))
            }
        }
    }

    /// Its mirror image about the middle of the canvas.
    fn mirrored(self) -> Self {
        let flip = |(x, y): Point| (SIDE as f32 - x, y);
        match self {
            Self::Oval(centre, radii, square) => Self::Oval(flip(centre), radii, square),
            Self::Limb(ends, radii) => Self::Limb(ends.map(flip), radii),
            Self::Triangle(corners) => Self::Triangle(corners.map(flip)),
        }
    }
}

/// What a part is covered with.
#[derive(Clone, Copy)]
pub(super) struct Skin<'a> {
    cover: Cover<'a>,
    darker: u8,
    is_edged: bool,
}

#[derive(Clone, Copy)]
enum Cover<'a> {
    /// One ramp.
    Plain(u8),
    /// The ramp at each point.
    Marked(&'a dyn Fn(Point) -> u8),
}

/// Skin of one ramp in full light, parted by a line from the paper alone.
pub(super) fn of(ramp: u8) -> Skin<'static> {
    Skin {
        cover: Cover::Plain(ramp),
        darker: 0,
        is_edged: false,
    }
}

/// The same, of the ramp that `marks` has at each point.
pub(super) fn marked(marks: &dyn Fn(Point) -> u8) -> Skin<'_> {
    Skin {
        cover: Cover::Marked(marks),
        darker: 0,
        is_edged: false,
    }
}

impl Skin<'_> {
    /// The same, so many shades darker, as what lies behind is.
    pub(super) fn darker(self, shades: u8) -> Self {
        Self {
            darker: shades,
            ..self
        }
    }

    /// The same, parted by a line from what lies behind, too.
    pub(super) fn edged(self) -> Self {
        self.edged_if(true)
    }

    pub(super) fn edged_if(self, is_edged: bool) -> Self {
        Self { is_edged, ..self }
    }

    fn ramp(&self, point: Point) -> u8 {
        match self.cover {
            Cover::Plain(ramp) => ramp,
            Cover::Marked(marks) => marks(point),
        }
    }
}

/// What a pixel of the canvas holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cell {
    Empty,
    Line(u8),
    Filled(u8),
}

/// The picture that is being painted.
pub(super) struct Canvas {
    cells: [Cell; SIDE * SIDE],
    /// Whether left and right are swapped: the creature looks to the right.
    is_mirrored: bool,
}

impl Canvas {
    pub(super) fn new(is_mirrored: bool) -> Self {
        Self {
            cells: [Cell::Empty; SIDE * SIDE],
            is_mirrored,
        }
    }

    /// Paints `shape` over what is there.
    pub(super) fn paint(&mut self, shape: Shape, skin: Skin<'_>) {
        let shape = if self.is_mirrored {
            shape.mirrored()
        } else {
            shape
        };
        let colour_at = |column: usize, row: usize| {
            // What would reach the edge is cut short, so that its outline closes.
            let inner = 1..SIDE - 1;
            if !inner.contains(&column) || !inner.contains(&row) {
                return None;
            }
            let point = (column as f32 + 0.5, row as f32 + 0.5);
            let facing = shape.facing(point)?;
            let own = if self.is_mirrored {
                (SIDE as f32 - point.0, point.1)
            } else {
                point
            };
            Some((skin.ramp(own), shade(facing).saturating_sub(skin.darker)))
        };
        let mut painted = [None; SIDE * SIDE];
        for (at, painted) in painted.iter_mut().enumerate() {
            *painted = colour_at(at % SIDE, at / SIDE);
        }
        for at in 0..painted.len() {
            let cell = &mut self.cells[at];
            if let Some((ramp, shade)) = painted[at] {
                *cell = Cell::Filled(colour(ramp, shade));
            } else if let Some((ramp, _)) = neighbours(at).find_map(|near| painted[near]) {
                let is_drawn = match cell {
                    Cell::Empty => true,
                    Cell::Line(_) => false,
                    Cell::Filled(_) => skin.is_edged,
                };
                if is_drawn {
                    *cell = Cell::Line(colour(ramp, OUTLINE));
                }
            }
        }
    }

    /// Paints `shape` and its mirror image, for the two of a pair.
    pub(super) fn paint_pair(&mut self, shape: Shape, skin: Skin<'_>) {
        self.paint(shape, skin);
        let flipped = |(x, y): Point| skin.ramp((SIDE as f32 - x, y));
        let other = Skin {
            cover: Cover::Marked(&flipped),
            ..skin
        };
        self.paint(shape.mirrored(), other);
    }

    /// Sets the pixel in a column and row to a colour; nothing outside of the canvas.
    pub(super) fn set(&mut self, column: i32, row: i32, colour: u8) {
        if let Some(at) = self.place(column, row) {
            self.cells[at] = Cell::Filled(colour);
        }
    }

    /// The same where there is a part of the body, and nothing on its outline or beyond.
    pub(super) fn set_on_skin(&mut self, column: i32, row: i32, colour: u8) {
        if self.is_skin(column, row) {
            self.set(column, row, colour);
        }
    }

    /// Sets a pixel of the part there to another shade of its ramp, so that a gleam or a crease has the colour of the skin.
    pub(super) fn reshade(&mut self, column: i32, row: i32, shade: u8) {
        if let Some(at) = self.place(column, row)
            && let Cell::Filled(found) = self.cells[at]
            && found < PAPER
        {
            self.cells[at] = Cell::Filled(colour(found / SHADES as u8, shade));
        }
    }

    /// Columns of skin on the narrower side of the line left of the column `middle`.
    pub(super) fn room_beside(&self, middle: i32, row: i32) -> i32 {
        let is_room =
            |&out: &i32| self.is_skin(middle + out, row) && self.is_skin(middle - 1 - out, row);
        (0..SIDE as i32).take_while(is_room).count() as i32
    }

    fn is_skin(&self, column: i32, row: i32) -> bool {
        let at = self.place(column, row);
        at.is_some_and(|at| matches!(self.cells[at], Cell::Filled(_)))
    }

    fn place(&self, column: i32, row: i32) -> Option<usize> {
        let side = SIDE as i32;
        let column = if self.is_mirrored {
            side - 1 - column
        } else {
            column
        };
        let is_inside = (0..side).contains(&column) && (0..side).contains(&row);
        is_inside.then_some((row * side + column) as usize)
    }

    /// Lays a shadow on the ground: `half` columns to either side of `middle` in the last row.
    pub(super) fn ground(&mut self, middle: f32, half: f32, row: usize) {
        let middle = if self.is_mirrored {
            SIDE as f32 - middle
        } else {
            middle
        };
        for column in 0..SIDE {
            let cell = &mut self.cells[row * SIDE + column];
            if *cell == Cell::Empty && (column as f32 + 0.5 - middle).abs() <= half {
                *cell = Cell::Filled(GROUND);
            }
        }
    }

    /// The colours, row by row.
    pub(super) fn colours(&self) -> impl Iterator<Item = u8> {
        self.cells.iter().map(|cell| match *cell {
            Cell::Empty => PAPER,
            Cell::Line(colour) | Cell::Filled(colour) => colour,
        })
    }
}

/// The colour of a shade of a ramp.
pub(super) fn colour(ramp: u8, shade: u8) -> u8 {
    ramp * SHADES as u8 + shade
}

/// How bright a surface is that faces so, the light coming from above left.
fn shade((u, v): Point) -> u8 {
    let depth = (1.0 - u * u - v * v).max(0.0).sqrt();
    let light = -0.50 * u - 0.70 * v + 0.45 * depth;
    if light > 0.72 {
        LIGHT
    } else if light > -0.08 {
        PLAIN
    } else if light > -0.62 {
        SHADOW
    } else {
        DEEP
    }
}

/// The pixels that share a side with the one at `at`.
fn neighbours(at: usize) -> impl Iterator<Item = usize> {
    let (column, row) = (at % SIDE, at / SIDE);
    [
        (row + 1 < SIDE).then(|| at + SIDE),
        (column + 1 < SIDE).then(|| at + 1),
        (column > 0).then(|| at - 1),
        (row > 0).then(|| at - SIDE),
    ]
    .into_iter()
    .flatten()
}
