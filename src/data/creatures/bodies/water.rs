//! Creatures of the water: fish, octopuses, crabs.
//!
//! Invariant: those seen from the side look to the left; the canvas turns them.

use super::{front_face, patterned};
use crate::data::creatures::canvas::{Canvas, MIDDLE, Shape, colour, limb, of, oval};
use crate::data::creatures::face::{face, side_eye, stamp};
use crate::data::creatures::gear::{gleam, headgear};
use crate::data::creatures::palette::{BUBBLE, OUTLINE};
use crate::data::creatures::traits::Traits;

pub(super) fn fish(traits: &Traits, canvas: &mut Canvas) {
    let rx = 5.4 + 1.0 * traits.size;
    let ry = 3.6 + 2.2 * traits.width;
    let body = (8.4, 10.4);
    let (root, tip) = (body.0 + rx - 1.0, body.0 + rx + 3.6);
    let spread = 2.6 + 2.0 * traits.limbs;
    for way in [-1.0, 1.0] {
        canvas.paint(
            Shape::Triangle([
                (root, body.1),
                (tip, body.1 + way * spread),
                (tip - 1.8, body.1),
            ]),
            of(traits.second),
        );
        canvas.paint(
            limb(
                (root, body.1 + way * 0.4),
                (tip - 0.8, body.1 + way * (spread - 0.6)),
                1.0,
                1.0,
            ),
            of(traits.second),
        );
    }
    // Fins above and below.
    match traits.variant {
        0 => canvas.paint(
            Shape::Triangle([
                (body.0 - 2.4, body.1 - 0.6 * ry),
                (body.0 + 2.6, body.1 - ry - 2.8),
                (body.0 + 3.4, body.1 - 0.5 * ry),
            ]),
            of(traits.second),
        ),
        1 => {
            for step in 0..4 {
                let x = body.0 - 2.2 + 1.7 * step as f32;
                canvas.paint(
                    limb(
                        (x, body.1 - 0.7 * ry),
                        (x + 0.6, body.1 - ry - 1.0),
                        0.9,
                        0.6,
                    ),
                    of(traits.second),
                );
            }
        }
        _ => canvas.paint(
            limb(
                (body.0 - 1.0, body.1 - 0.8 * ry),
                (body.0 + 3.0, body.1 - ry - 0.6),
                1.6,
                1.0,
            ),
            of(traits.second),
        ),
    }
    canvas.paint(
        Shape::Triangle([
            (body.0 - 0.5, body.1 + 0.7 * ry),
            (body.0 + 2.6, body.1 + ry + 1.9),
            (body.0 + 3.0, body.1 + 0.6 * ry),
        ]),
        of(traits.second),
    );
    patterned(
        canvas,
        traits,
        Shape::Oval(body, (rx, ry), (0.0, 0.0)),
        false,
        false,
    );
    canvas.paint(
        limb(
            (body.0 + 0.8, body.1 + 1.2),
            (body.0 + 3.0, body.1 + 1.9),
            0.9,
            1.2,
        ),
        of(traits.second).edged(),
    );
    side_eye(
        canvas,
        traits,
        ((body.0 - 0.6 * rx) as i32, (body.1 - 0.45 * ry) as i32),
    );
    let mouth = colour(traits.colour, OUTLINE);
    for column in 0..2 {
        canvas.set(
            (body.0 - rx) as i32 + 1 + column,
            (body.1 + 0.35 * ry) as i32 + 1,
            mouth,
        );
    }
    gleam(canvas, (body.0 + 0.1) as i32, (body.1 - 0.6 * ry) as i32);
    for (column, row) in [(1, 4), (3, 2)] {
        if traits.eye_distance > 0 {
            canvas.set(column, row, BUBBLE);
        }
    }
}

pub(super) fn octopus(traits: &Traits, canvas: &mut Canvas) {
    let rx = 4.8 + 1.4 * traits.width;
    let ry = 4.6 + 1.0 * traits.size;
    let head = (MIDDLE, 7.6);
    headgear(canvas, traits, head, (rx, ry));
    let spread = 1.0 + 1.2 * traits.limbs;
    // From the outermost to the innermost.
    for (root, foot, bottom, darker) in [
        (3.4, 6.4, 14.2, 1),
        (2.8, 4.6, 16.4, 0),
        (1.2, 1.8, 17.2, 0),
    ] {
        let root = (MIDDLE - root, head.1 + 0.6 * ry);
        let end = (MIDDLE - foot - 0.5 * spread, bottom);
        canvas.paint_pair(
            limb(root, end, 1.5, 1.0),
            of(traits.colour).darker(darker).edged(),
        );
        let curl = (end.0 - 1.0, end.1 - 0.7);
        canvas.paint_pair(limb(end, curl, 1.0, 0.7), of(traits.colour).darker(darker));
        if traits.pattern > 2 {
            canvas.paint_pair(oval(end.0, end.1 + 0.2, 0.7, 0.7), of(traits.second));
        }
    }
    patterned(
        canvas,
        traits,
        Shape::Oval(head, (rx, ry), (0.0, 0.3)),
        true,
        false,
    );
    gleam(
        canvas,
        (MIDDLE - 0.55 * rx) as i32,
        (head.1 - 0.65 * ry) as i32,
    );
    face(canvas, traits, front_face(7));
    canvas.ground(MIDDLE, 6.0, 18);
}

pub(super) fn crab(traits: &Traits, canvas: &mut Canvas) {
    let rx = 5.0 + 1.2 * traits.width;
    let ry = 3.6 + 1.0 * traits.size;
    let body = (MIDDLE, 12.6);
    for (out, row) in [(2.6, 15.8), (1.4, 17.2)] {
        canvas.paint_pair(
            limb(
                (MIDDLE - rx + 1.6, 14.0),
                (MIDDLE - rx - out + 1.6, row),
                0.9,
                0.7,
            ),
            of(traits.colour).darker(1),
        );
    }
    // Claws: an arm, a fist and the notch in it.
    let claw = (3.6, 7.6 - 1.6 * traits.limbs);
    canvas.paint_pair(
        limb((MIDDLE - rx + 0.6, 11.5), (claw.0, claw.1 + 1.6), 0.9, 0.9),
        of(traits.colour),
    );
    canvas.paint_pair(
        oval(claw.0, claw.1, 2.3, 2.1),
        of(if traits.variant == 0 {
            traits.second
        } else {
            traits.colour
        })
        .edged(),
    );
    for (across, down) in [(0, -2), (0, -1), (1, -1), (0, 0)] {
        let (column, row) = (claw.0 as i32 + across, claw.1 as i32 + down);
        for column in [column, 19 - column] {
            canvas.set(
                column,
                row,
                colour(
                    if traits.variant == 0 {
                        traits.second
                    } else {
                        traits.colour
                    },
                    OUTLINE,
                ),
            );
        }
    }
    headgear(
        canvas,
        &traits.with_headgear_among(&[4, 8, 9]),
        body,
        (rx * 0.8, ry),
    );
    patterned(
        canvas,
        traits,
        Shape::Oval(body, (rx, ry), (0.0, 0.3)),
        true,
        true,
    );
    if traits.variant == 2 {
        // Eyes on stalks.
        let out = 2.0 + f32::from(traits.eye_distance.min(1));
        let row = body.1 - ry - 1.6;
        canvas.paint_pair(
            limb(
                (MIDDLE - out, body.1 - ry + 1.0),
                (MIDDLE - out, row),
                0.9,
                1.5,
            ),
            of(traits.colour),
        );
        for middle in [MIDDLE - out, MIDDLE + out] {
            let eye: &[&[u8]] = if traits.eyes == 3 {
                &[b"kk"]
            } else {
                &[b"wk", b"kk"]
            };
            stamp(canvas, traits, (middle as i32 - 1, row as i32), eye);
        }
        stamp(canvas, traits, (8, 12), &[b"-..-", b".--."]);
    } else {
        face(canvas, traits, front_face(body.1 as i32 - 1));
    }
    canvas.ground(MIDDLE, rx + 1.5, 18);
}
