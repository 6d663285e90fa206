//! Coordinates that stay as they are while a code changes: the locks of the sliders, of whatever basis.
//!
//! Invariant: every coordinate of a [`Basis`] is an affine function of the code, so that what keeps several of them is a flat of
//! codes; a change is the smallest one that leads onto it.

use super::Basis;

/// Of two axes, what is left of the second beside the first has to be longer than this to count as another direction; both are
/// of unit length.
const DEPENDENT: f64 = 1e-5;
/// A coordinate that changes by less than this per step beside the held axes is as good as held: moving it would throw the code
/// far away. It is the squared sine of the angle to what is held.
const NEARLY_HELD: f64 = 1e-2;

/// Coordinates that are held.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// An orthonormal basis of the axes along which a code must not move.
    axes: Vec<Vec<f64>>,
    /// The code's own numbers among the coordinates.
    dims: Vec<usize>,
}

impl Held {
    /// Holds one more coordinate of codes of `dims` numbers; one that the basis has not is left out. The axes are made
    /// orthonormal one after the other by the modified process of Gram and Schmidt, carried out twice; one that follows from
    /// those before it adds nothing, and is held by them.
    pub fn add(&mut self, basis: &Basis, index: usize, dims: usize) {
        if index >= basis.len() {
            return;
        }
        let Some(axis) = basis.axis(index, dims) else {
            return;
        };
        if matches!(basis, Basis::Dimensions(_)) {
            self.dims.push(index);
        }
        let axis: Vec<f64> = axis.iter().map(|&x| f64::from(x)).collect();
        let rest = self.beside(&axis);
        let length = dot(&rest, &rest).sqrt();
        if length > DEPENDENT {
            self.axes.push(rest.iter().map(|x| x / length).collect());
        }
    }

    /// The code nearest to `code` whose held coordinates are those of `from`, both `[d]`. The code's own numbers are held to the
    /// bit, components and directions to the rounding of the code's numbers.
    #[must_use]
    pub fn hold(&self, code: &[f32], from: &[f32]) -> Vec<f32> {
        let mut back: Vec<f64> = code
            .iter()
            .zip(from)
            .map(|(&x, &from)| f64::from(from) - f64::from(x))
            .collect();
        let off = self.beside(&back);
        for (back, off) in back.iter_mut().zip(off) {
            *back -= off;
        }
        let mut held: Vec<f32> = code
            .iter()
            .zip(back)
            .map(|(&x, back)| (f64::from(x) + back) as f32)
            .collect();
        for &dim in &self.dims {
            held[dim] = from[dim];
        }
        held
    }

    /// The code, `[d]`, with a coordinate of `basis` changed to `target` and all held ones as they are; `code` itself where these
    /// hold that one too.
    ///
    /// # Panics
    /// When the basis has no such coordinate.
    #[must_use]
    pub fn set(&self, basis: &Basis, index: usize, code: &[f32], target: f32) -> Vec<f32> {
        if self.axes.is_empty() {
            return basis.set_coordinate(index, code, target);
        }
        let Some(axis) = basis.axis(index, code.len()) else {
            return code.to_vec();
        };
        let axis: Vec<f64> = axis.iter().map(|&x| f64::from(x)).collect();
        let way = self.beside(&axis);
        // How far the coordinate changes per step along the way, which is the way's squared length.
        let gain = dot(&way, &axis);
        if gain <= NEARLY_HELD {
            return code.to_vec();
        }
        let by = f64::from(target - basis.coordinate(index, code)) / gain;
        let pairs = code.iter().zip(way);
        let moved: Vec<f32> = pairs
            .map(|(&x, w)| (f64::from(x) + by * w) as f32)
            .collect();
        self.hold(&moved, code)
    }

    /// The part of `vector` at a right angle to every held axis.
    fn beside(&self, vector: &[f64]) -> Vec<f64> {
        let mut rest = vector.to_vec();
        for _ in 0..2 {
            for axis in &self.axes {
                let along = dot(axis, &rest);
                for (x, a) in rest.iter_mut().zip(axis) {
                    *x -= along * a;
                }
            }
        }
        rest
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{CodeTable, Components, Direction, DirectionKind};
    use super::*;
    use crate::progress::Progress;

    const DIMS: usize = 5;

    /// All three bases of codes of `DIMS` numbers.
    fn bases(codes: Vec<f32>) -> Option<[Basis; 3]> {
        let quiet = Progress::silent();
        let table = CodeTable::new(codes, DIMS, vec![0.1; DIMS]).ok()?;
        let along = |dim: usize| {
            let values: Vec<f32> = (0..table.len())
                .map(|i| table.code(i)[dim] + table.code(i)[dim + 1])
                .collect();
            let kind = DirectionKind::MeanDifference;
            Direction::along_factor("a factor", kind, &table, &values, 1, &quiet).ok()
        };
        Some([
            Basis::Dimensions(DIMS),
            Basis::Components(Arc::new(Components::of(&table).ok()?)),
            Basis::Directions(vec![along(0)?, along(1)?, along(2)?]),
        ])
    }

    proptest! {
        #[test]
        fn locks_of_all_bases_hold_at_once_and_nothing_else_moves_more_than_it_must(
            codes in vec(-3.0_f32..3.0, DIMS * 40),
            from in vec(-3.0_f32..3.0, DIMS),
            new in vec(-3.0_f32..3.0, DIMS),
            locks in vec((0..3_usize, 0..DIMS), 0..8),
            moved in (0..3_usize, 0..DIMS),
            target in -4.0_f32..4.0,
        ) {
            let Some(bases) = bases(codes) else { return Ok(()) };
            let mut held = Held::default();
            for &(basis, index) in &locks {
                held.add(&bases[basis], index, DIMS);
            }
            let found = held.hold(&new, &from);
            let (basis, index) = (&bases[moved.0], moved.1 % bases[moved.0].len());
            let slid = held.set(basis, index, &from, target);
            for &(kind, lock) in &locks {
                if lock >= bases[kind].len() {
                    continue;
                }
                let at = |code: &[f32]| bases[kind].coordinate(lock, code);
                if kind == 0 {
                    prop_assert_eq!(found[lock].to_bits(), from[lock].to_bits());
                    prop_assert_eq!(slid[lock].to_bits(), from[lock].to_bits());
                }
                prop_assert!((at(&found) - at(&from)).abs() < 1e-4, "{} {}", at(&found), at(&from));
                prop_assert!((at(&slid) - at(&from)).abs() < 1e-3, "{} {}", at(&slid), at(&from));
            }
            if locks.is_empty() {
                prop_assert_eq!(&found, &new);
                prop_assert_eq!(&slid, &basis.set_coordinate(index, &from, target));
            }
            // No code with the same held coordinates is nearer: holding it again changes nothing.
            let again = held.hold(&found, &from);
            prop_assert!(again.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }

    #[test]
    fn a_lock_leaves_what_is_at_a_right_angle_to_it_as_it_was_drawn() {
        let mut held = Held::default();
        held.add(&Basis::Dimensions(3), 1, 3);
        assert_eq!(
            held.hold(&[1.0, 2.0, 3.0], &[7.0, 8.0, 9.0]),
            [1.0, 8.0, 3.0]
        );
        held.add(&Basis::Dimensions(3), 9, 3);
        assert_eq!(
            held.set(&Basis::Dimensions(3), 1, &[1.0, 2.0, 3.0], 5.0),
            [1.0, 2.0, 3.0]
        );
        assert_eq!(
            held.set(&Basis::Dimensions(3), 2, &[1.0, 2.0, 3.0], 5.0),
            [1.0, 2.0, 5.0]
        );
    }
}
