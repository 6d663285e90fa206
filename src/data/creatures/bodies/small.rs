//! Creatures without bones: blobs, insects, mushrooms, ghosts.
//!
//! Invariant: all are seen from the front, symmetric but for a spot, a curl and the light.

use super::{front_face, patterned};
use crate::data::creatures::canvas::{
    Canvas, MIDDLE, Point, Shape, colour, limb, marked, of, oval,
};
use crate::data::creatures::face::face;
use crate::data::creatures::gear::{FEELERS, gleam, headgear};
use crate::data::creatures::palette::{CLEAR, CREAM, DEEP, OUTLINE};
use crate::data::creatures::traits::Traits;

pub(super) fn blob(traits: &Traits, canvas: &mut Canvas) {
    let rx = 6.0 + 2.2 * traits.width;
    let ry = 5.0 + 2.5 * traits.size;
    let bottom = 17.6;
    let centre = (MIDDLE, bottom - 0.62 * ry);
    headgear(canvas, traits, centre, (0.85 * rx, ry));
    if traits.limbs > 0.5 {
        canvas.paint_pair(
            limb(
                (MIDDLE - rx + 1.0, centre.1 + 1.0),
                (MIDDLE - rx - 0.6, centre.1 - 1.0 - traits.limbs),
                1.0,
                0.9,
            ),
            of(traits.colour),
        );
    }
    match traits.variant {
        // A drop that has run a little at its foot.
        0 => {
            canvas.paint_pair(
                oval(MIDDLE - rx + 1.0, bottom - 0.8, 2.0, 1.3),
                of(traits.colour),
            );
            patterned(
                canvas,
                traits,
                Shape::Oval(centre, (rx, ry), (0.0, 0.9)),
                true,
                false,
            );
        }
        // A cube of jelly.
        1 => patterned(
            canvas,
            traits,
            Shape::Oval(centre, (rx, ry), (0.9, 0.9)),
            true,
            false,
        ),
        // A pear.
        _ => {
            canvas.paint(
                oval(MIDDLE, centre.1 - 0.55 * ry, 0.62 * rx, 0.62 * ry),
                of(traits.colour),
            );
            patterned(
                canvas,
                traits,
                Shape::Oval((MIDDLE, centre.1 + 0.1 * ry), (rx, 0.8 * ry), (0.0, 0.4)),
                true,
                false,
            );
        }
    }
    gleam(
        canvas,
        (MIDDLE - 0.6 * rx) as i32,
        (centre.1 - 0.55 * ry) as i32,
    );
    face(canvas, traits, front_face(centre.1 as i32 - 2));
    canvas.ground(MIDDLE, rx + 1.0, 18);
}

pub(super) fn insect(traits: &Traits, canvas: &mut Canvas) {
    let spread = 1.4 * traits.limbs;
    let (hx, hy) = (3.9 + 0.9 * traits.width, 3.5 + 0.5 * traits.size);
    let head = (MIDDLE, 7.8);
    let waist = 2.8 + 1.0 * traits.width;
    let body = match traits.variant {
        // A bee or fly with clear wings.
        0 => {
            canvas.paint_pair(
                limb(
                    (8.2, 11.0),
                    (3.4 - 0.3 * spread, 8.4 - 1.4 * spread),
                    1.4,
                    2.3,
                ),
                of(CLEAR),
            );
            canvas.paint_pair(limb((8.2, 12.5), (4.2, 13.4), 1.2, 1.6), of(CLEAR));
            Shape::Oval((MIDDLE, 13.8), (waist, 4.0), (0.0, 0.0))
        }
        // A butterfly or moth.
        1 => {
            let (x, y) = (4.4, 7.6);
            let eyespots = |(column, row): Point| {
                let (u, v) = (column - x, row - y);
                if u * u + v * v < 1.7 {
                    traits.colour
                } else {
                    traits.second
                }
            };
            let skin = marked(&eyespots);
            canvas.paint_pair(
                oval(5.4, 14.2, 3.0, 2.5 + 0.5 * traits.size),
                skin.darker(1),
            );
            canvas.paint_pair(oval(4.9, 8.2, 3.8, 3.6 + 0.6 * spread), skin);
            Shape::Oval((MIDDLE, 13.8), (0.7 * waist, 4.0), (0.0, 0.0))
        }
        // A beetle, with legs at its sides.
        _ => {
            for row in [11, 14, 17] {
                for (column, row) in [
                    (4, row),
                    (3, row),
                    (2, row + 1 - (2.0 * traits.limbs) as i32),
                ] {
                    canvas.set(column, row.min(18), colour(traits.colour, OUTLINE));
                    canvas.set(19 - column, row.min(18), colour(traits.colour, OUTLINE));
                }
            }
            Shape::Oval((MIDDLE, 13.2), (4.4 + 0.9 * traits.width, 4.6), (0.0, 0.0))
        }
    };
    let headgear_of = if matches!(traits.headgear, 4 | 8 | 9) {
        traits.headgear
    } else {
        FEELERS
    };
    headgear(canvas, &traits.with_headgear(headgear_of), head, (hx, hy));
    patterned(canvas, traits, body, true, true);
    if traits.variant == 2 {
        for row in 9..18 {
            canvas.reshade(9, row, DEEP);
            canvas.reshade(10, row, DEEP);
        }
    }
    canvas.paint(oval(head.0, head.1, hx, hy), of(traits.colour).edged());
    face(canvas, traits, front_face(7));
    canvas.ground(MIDDLE, 3.5 + traits.width, 18);
}

pub(super) fn mushroom(traits: &Traits, canvas: &mut Canvas) {
    let rx = 6.4 + 1.6 * traits.width;
    let ry = 4.6 + 1.6 * traits.size;
    let stem = (3.2 + 0.9 * traits.width, 3.9);
    let rim = 10.6;
    canvas.paint_pair(oval(MIDDLE - 2.0, 17.4, 1.5, 1.0), of(CREAM).darker(1));
    if traits.limbs > 0.4 {
        canvas.paint_pair(
            limb(
                (MIDDLE - stem.0 + 0.3, 14.0),
                (MIDDLE - stem.0 - 1.6, 13.6 + 1.6 * traits.limbs),
                0.9,
                0.8,
            ),
            of(CREAM),
        );
    }
    canvas.paint(
        Shape::Oval((MIDDLE, 13.8), stem, (0.4, 0.3)),
        of(CREAM).edged(),
    );
    headgear(
        canvas,
        &traits.with_headgear_among(&[5, 6, 7, 8, 9]),
        (MIDDLE, rim - 1.0),
        (rx * 0.8, ry),
    );
    let cap = match traits.variant {
        0 => Shape::Oval((MIDDLE, rim - 1.2), (rx, ry), (0.0, 0.0)),
        1 => Shape::Oval((MIDDLE, rim - 1.6), (rx, ry * 0.85), (0.5, 0.0)),
        _ => Shape::Triangle([
            (MIDDLE - rx - 1.0, rim + 0.6),
            (MIDDLE, rim - 1.6 * ry),
            (MIDDLE + rx + 1.0, rim + 0.6),
        ]),
    };
    let spots = |(x, y): Point| {
        let (u, v) = ((x - MIDDLE) / rx, (y - rim + 1.2) / ry);
        let is_spot = traits
            .spots
            .iter()
            .enumerate()
            .any(|(i, &[sx, sy, radius])| {
                let across = if i == 0 { u } else { u.abs() - sx.abs() };
                let down = v + 0.5 * (sy + 1.0);
                across * across + down * down < radius * radius * 1.2
            });
        let is_marked = match traits.pattern {
            0 => false,
            1 | 2 | 4 => is_spot,
            _ => traits.is_marked(u, v, true),
        };
        if is_marked {
            traits.second
        } else {
            traits.colour
        }
    };
    canvas.paint(cap, marked(&spots).edged());
    // The stem shows below the rim.
    canvas.paint(
        Shape::Oval((MIDDLE, 14.6), (stem.0, 3.2), (0.6, 0.3)),
        of(CREAM).edged(),
    );
    face(canvas, &traits.with_colour(CREAM), front_face(13));
    canvas.ground(MIDDLE, stem.0 + 1.5, 18);
}

pub(super) fn ghost(traits: &Traits, canvas: &mut Canvas) {
    let rx = 5.0 + 1.4 * traits.width;
    let ry = 5.6;
    let head = (MIDDLE, 8.0 - 0.6 * traits.size);
    let hem = 14.6 + 1.0 * traits.size;
    headgear(
        canvas,
        &traits.with_headgear_among(&[1, 2, 4, 7]),
        head,
        (rx, ry),
    );
    let hand = if traits.limbs < 0.5 { 10.8 } else { 7.0 };
    canvas.paint_pair(
        limb(
            (MIDDLE - rx + 0.5, 9.8),
            (MIDDLE - rx - 1.4, hand),
            1.1,
            0.9,
        ),
        of(traits.colour),
    );
    // Three tatters below, or a single curl.
    if traits.variant == 2 {
        canvas.paint(
            limb(
                (MIDDLE + 0.5, hem - 3.0),
                (MIDDLE + 2.4, hem + 0.6),
                3.2,
                1.2,
            ),
            of(traits.colour),
        );
        canvas.paint(
            limb((MIDDLE + 2.4, hem + 0.6), (MIDDLE + 4.6, hem), 1.2, 0.6),
            of(traits.colour),
        );
    } else {
        let step = rx / 1.5;
        for side in [-1.0, 0.0, 1.0] {
            canvas.paint(
                limb(
                    (MIDDLE + side * step, head.1 + 1.0),
                    (MIDDLE + side * step, hem),
                    0.5 * step,
                    0.42 * step,
                ),
                of(traits.colour),
            );
        }
    }
    patterned(
        canvas,
        traits,
        Shape::Oval((head.0, head.1 + 0.8), (rx, ry), (0.0, 0.5)),
        true,
        false,
    );
    face(canvas, traits, front_face(head.1 as i32 - 1));
    canvas.ground(MIDDLE, rx - 1.0, 18);
}
