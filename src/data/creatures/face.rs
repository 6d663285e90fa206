//! Faces: eyes, mouths and cheeks, stamped on the skin that is there.
//!
//! Invariant: the two eyes of a face are the same on both sides of its middle, but for the glint of the light.

use super::canvas::{Canvas, colour};
use super::palette::{BLUSH, MOUTH, OUTLINE, PLAIN, PUPIL, TONGUE, WHITE};
use super::traits::Traits;

/// Where a face is: the line between its middle columns, the row of the eyes' upper edge, and whether there is room for a mouth.
#[derive(Clone, Copy)]
pub(super) struct FacePlace {
    pub(super) middle: i32,
    pub(super) row: i32,
    pub(super) has_mouth: bool,
}

/// The left eyes, row by row: `k` pupil, `w` white, `i` iris.
const EYES: [&[&[u8]]; 6] = [
    &[b"k", b"k"],
    &[b"wk", b"kk", b"kk"],
    &[b"www", b"wkk", b"wkk"],
    &[b".k.", b"k.k"],
    &[b"wk", b"kk", b"ki"],
    &[b"k.", b"wk", b"kk"],
];

/// The kind of eyes that fits where others are too wide.
const NARROW: usize = 1;

/// The one eye of a cyclops.
const CYCLOPS: [&[u8]; 4] = [b".ww.", b"wkkw", b"wkkw", b".ww."];

/// Mouths, row by row: `-` a line in the skin's darkest shade, `m` an open mouth, `t` tongue, `w` tooth.
const MOUTHS: [&[&[u8]]; 7] = [
    &[b"--"],
    &[b"-..-", b".--."],
    &[b"-mm-", b".tt."],
    &[b"----", b"w..w"],
    &[b"-.--.-", b".-..-."],
    &[b"--", b"tt"],
    &[b"mm", b"mm"],
];

/// Draws eyes, mouth and cheeks on the skin that is there; the second colour is that of the irises.
pub(super) fn face(canvas: &mut Canvas, traits: &Traits, place: FacePlace) {
    let FacePlace {
        middle,
        row,
        has_mouth,
    } = place;
    let bottom = if let Some(&wanted) = EYES.get(usize::from(traits.eyes)) {
        let room = canvas.room_beside(middle, row + 1);
        let eye = if wanted[0].len() == 3 && room < 5 {
            EYES[NARROW]
        } else {
            wanted
        };
        let (width, height) = (eye[0].len() as i32, eye.len() as i32);
        let gap = (1 + i32::from(traits.eye_distance))
            .min(room - width - 1)
            .max(1);
        for (row, &marks) in (row..).zip(eye) {
            for (across, &mark) in (0..).zip(marks) {
                let Some(colour) = ink(mark, traits) else {
                    continue;
                };
                // Light glints on the same side of both eyes; else one is the other's mirror image.
                let other = if marks == b"wk" {
                    across
                } else {
                    width - 1 - across
                };
                canvas.set_on_skin(middle - gap - width + across, row, colour);
                canvas.set_on_skin(middle + gap + other, row, colour);
            }
        }
        if traits.has_blush {
            for out in 0..2 {
                let (left, right) = (middle - gap - width + out - 1, middle + gap + width - out);
                canvas.set_on_skin(left, row + height, BLUSH);
                canvas.set_on_skin(right, row + height, BLUSH);
            }
        }
        row + height
    } else {
        stamp(canvas, traits, (middle - 2, row - 1), &CYCLOPS);
        row + 3
    };
    if has_mouth {
        let mouth = MOUTHS[usize::from(traits.mouth)];
        let left = middle - mouth[0].len() as i32 / 2;
        stamp(canvas, traits, (left, bottom), mouth);
    }
}

/// The colour of a mark in a stamp.
fn ink(mark: u8, traits: &Traits) -> Option<u8> {
    match mark {
        b'k' => Some(PUPIL),
        b'w' => Some(WHITE),
        b'i' => Some(colour(traits.second, PLAIN)),
        b'-' => Some(colour(traits.colour, OUTLINE)),
        b'm' => Some(MOUTH),
        b't' => Some(TONGUE),
        _ => None,
    }
}

/// Draws rows of marks on skin, the upper left of them given.
pub(super) fn stamp(
    canvas: &mut Canvas,
    traits: &Traits,
    (column, row): (i32, i32),
    rows: &[&[u8]],
) {
    for (row, &marks) in (row..).zip(rows) {
        for (column, &mark) in (column..).zip(marks) {
            if let Some(colour) = ink(mark, traits) {
                canvas.set_on_skin(column, row, colour);
            }
        }
    }
}

/// One eye of a creature seen from the side, its upper left corner given.
pub(super) fn side_eye(canvas: &mut Canvas, traits: &Traits, place: (i32, i32)) {
    let eye: &[&[u8]] = match traits.eyes {
        0 => &[b"kk", b"kk"],
        1 => &[b"wk", b"kk", b"kk"],
        3 => &[b".kk", b"k.."],
        4 => &[b"wk", b"kk", b"ki"],
        5 => &[b"kk.", b"wkk"],
        6 => &CYCLOPS,
        _ => &[b"www", b"wkk", b"wkk"],
    };
    stamp(canvas, traits, place, eye);
}
