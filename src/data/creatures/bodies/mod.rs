//! The body plans: which parts a creature of each class is painted from.
//!
//! Invariant: a creature seen from the front is symmetric about the middle but for its tail, a spot and the light; one seen
//! from the side looks to the left, and the canvas turns it.

mod land;
mod small;
mod water;

use super::canvas::{Canvas, MIDDLE, Point, Shape, marked};
use super::face::FacePlace;
use super::traits::Traits;

/// Paints the creature.
pub(super) fn paint(traits: &Traits, canvas: &mut Canvas) {
    match traits.plan {
        0 => small::blob(traits, canvas),
        1 => land::biped(traits, canvas, false),
        2 => land::quadruped(traits, canvas),
        3 => land::bird(traits, canvas),
        4 => water::fish(traits, canvas),
        5 => small::insect(traits, canvas),
        6 => land::serpent(traits, canvas),
        7 => water::octopus(traits, canvas),
        8 => water::crab(traits, canvas),
        9 => small::mushroom(traits, canvas),
        10 => small::ghost(traits, canvas),
        _ => land::biped(traits, canvas, true),
    }
}

/// Paints an oval with the creature's pattern on it.
fn patterned(canvas: &mut Canvas, traits: &Traits, shape: Shape, is_front: bool, is_edged: bool) {
    let Shape::Oval(centre, radii, _) = shape else {
        return;
    };
    let ramp = |(x, y): Point| {
        let (u, v) = ((x - centre.0) / radii.0, (y - centre.1) / radii.1);
        if traits.is_marked(u, v, is_front) {
            traits.second
        } else {
            traits.colour
        }
    };
    canvas.paint(shape, marked(&ramp).edged_if(is_edged));
}

/// A face in the middle of the canvas.
fn front_face(row: i32) -> FacePlace {
    FacePlace {
        middle: MIDDLE as i32,
        row,
        has_mouth: true,
    }
}
