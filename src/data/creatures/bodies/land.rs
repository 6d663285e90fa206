//! Creatures of the land and the air: bipeds and dragons, quadrupeds, birds, serpents.
//!
//! Invariant: those seen from the side look to the left; the canvas turns them.

use super::{front_face, patterned};
use crate::data::creatures::canvas::{Canvas, MIDDLE, Shape, colour, limb, of, oval};
use crate::data::creatures::face::{FacePlace, face};
use crate::data::creatures::gear::{feathered_wings, headgear, leathery_wings, tail};
use crate::data::creatures::palette::{CREAM, DEEP, LIGHT, ORANGE, PLAIN, RED, SHADOW, YELLOW};
use crate::data::creatures::traits::Traits;

pub(super) fn biped(traits: &Traits, canvas: &mut Canvas, is_dragon: bool) {
    let rx = 4.6 + 1.4 * traits.width;
    let ry = 4.0 + 1.0 * traits.size;
    let head = (MIDDLE, 7.6 + 0.4 * traits.size);
    let (bx, by) = (3.2 + 1.2 * traits.width, 14.6);
    if is_dragon {
        leathery_wings(canvas, traits.second, (bx - 0.5, by - 1.0), traits.limbs);
    }
    tail(canvas, traits, (MIDDLE + bx - 0.8, by + 1.5));
    headgear(canvas, traits, head, (rx, ry));
    // Feet, then the body, then arms before it.
    canvas.paint_pair(
        oval(MIDDLE - 2.4 - 0.4 * traits.width, 17.5, 1.8, 1.2),
        of(traits.colour),
    );
    canvas.paint(oval(MIDDLE, by, bx, 3.4), of(traits.colour).edged());
    canvas.paint(
        oval(MIDDLE, by + 0.4, bx - 1.4, 2.4),
        of(if is_dragon || traits.pattern == 1 {
            CREAM
        } else {
            traits.second
        }),
    );
    let hand = if traits.limbs < 0.5 {
        (MIDDLE - bx - 1.3, by + 1.2)
    } else {
        (MIDDLE - bx - 2.0, by - 2.4)
    };
    canvas.paint_pair(
        limb((MIDDLE - bx + 0.3, by - 1.2), hand, 1.0, 1.0),
        of(traits.colour).edged_if(traits.variant == 0),
    );
    patterned(
        canvas,
        traits,
        Shape::Oval(head, (rx, ry), (0.0, 0.25)),
        true,
        true,
    );
    if is_dragon || traits.variant == 1 {
        let muzzle = if is_dragon { traits.colour } else { CREAM };
        canvas.paint(
            oval(MIDDLE, head.1 + 0.55 * ry, 0.62 * rx, 0.42 * ry),
            of(muzzle),
        );
    }
    face(canvas, traits, front_face(head.1 as i32 - 1));
    canvas.ground(MIDDLE, bx + 2.5, 18);
}

pub(super) fn quadruped(traits: &Traits, canvas: &mut Canvas) {
    let length = 4.4 + 1.2 * traits.size;
    let ry = 3.0 + 0.8 * traits.width;
    let body = (11.6, 12.6);
    let back = body.0 + length - 1.8;
    let front = body.0 - length + 2.6;
    let foot = 17.4;
    tail(canvas, traits, (body.0 + length - 0.6, body.1 - 0.5));
    for (x, darker) in [(front + 2.0, 1), (back - 2.0, 1)] {
        canvas.paint(
            limb((x, body.1 + 1.0), (x, foot - 0.3), 1.2, 1.1),
            of(traits.colour).darker(darker),
        );
    }
    patterned(
        canvas,
        traits,
        Shape::Oval(body, (length, ry), (0.0, 0.1)),
        false,
        true,
    );
    for x in [front, back] {
        canvas.paint(
            limb((x, body.1 + 1.0), (x, foot), 1.3, 1.2),
            of(traits.colour),
        );
        for column in 0..2 {
            if traits.variant == 1 {
                canvas.reshade((x - 1.0) as i32 + column, foot as i32, DEEP);
            }
        }
    }
    let (hx, hy) = (4.0 + 0.5 * traits.width, 3.8 + 0.4 * traits.size);
    let head = (7.0, 8.6);
    headgear(canvas, traits, head, (hx, hy));
    if traits.variant == 2 {
        // A mane.
        canvas.paint(
            oval(head.0 + 0.4, head.1 + 0.2, hx + 1.3, hy + 1.2),
            of(traits.second).edged(),
        );
    }
    patterned(
        canvas,
        traits,
        Shape::Oval(head, (hx, hy), (0.0, 0.2)),
        true,
        true,
    );
    let muzzle = if traits.variant == 0 {
        traits.second
    } else {
        CREAM
    };
    canvas.paint(
        oval(head.0, head.1 + 0.62 * hy, 0.5 * hx, 0.36 * hy),
        of(muzzle),
    );
    face(
        canvas,
        traits,
        FacePlace {
            middle: 7,
            row: head.1 as i32 - 1,
            has_mouth: true,
        },
    );
    canvas.ground(body.0 - 0.6, length + 1.4, 18);
}

pub(super) fn bird(traits: &Traits, canvas: &mut Canvas) {
    let rx = 5.0 + 1.3 * traits.width;
    let ry = 5.4 + 1.0 * traits.size;
    let centre = (MIDDLE, 16.6 - ry);
    headgear(canvas, traits, centre, (rx, ry));
    if traits.limbs > 0.5 {
        feathered_wings(
            canvas,
            traits.second,
            (rx - 1.5, centre.1 + 1.5),
            traits.limbs - 0.3,
        );
    }
    let beak = [ORANGE, YELLOW, RED][usize::from(traits.variant)];
    for side in [-1.0, 1.0] {
        canvas.paint(oval(MIDDLE + side * 2.0, 17.3, 1.5, 0.9), of(beak));
    }
    patterned(
        canvas,
        traits,
        Shape::Oval(centre, (rx, ry), (0.0, 0.3)),
        true,
        false,
    );
    if traits.pattern != 1 {
        canvas.paint(
            oval(MIDDLE, centre.1 + 0.5 * ry, 0.6 * rx, 0.45 * ry),
            of(CREAM),
        );
    }
    if traits.limbs <= 0.5 {
        canvas.paint_pair(
            limb(
                (MIDDLE - rx + 0.6, centre.1 + 0.5),
                (MIDDLE - rx + 0.2, centre.1 + 3.6),
                1.2,
                0.9,
            ),
            of(traits.second).edged(),
        );
    }
    let row = (centre.1 - 0.35 * ry) as i32;
    face(
        canvas,
        traits,
        FacePlace {
            middle: 10,
            row,
            has_mouth: false,
        },
    );
    let below = row + 2;
    for (column, row, shade) in [
        (9, below, LIGHT),
        (10, below, PLAIN),
        (9, below + 1, SHADOW),
        (10, below + 1, SHADOW),
    ] {
        canvas.set(column, row, colour(beak, shade));
    }
    canvas.ground(MIDDLE, rx, 18);
}

pub(super) fn serpent(traits: &Traits, canvas: &mut Canvas) {
    let thick = 1.9 + 0.5 * traits.width;
    let head = (7.0, 7.6 - 0.8 * traits.size);
    let belly = |canvas: &mut Canvas, shape: Shape| canvas.paint(shape, of(traits.second));
    // The tip of the tail, the lower coil, the upper coil, the neck, the head.
    canvas.paint(
        limb((14.5, 14.5), (17.6, 11.8 - 1.5 * traits.limbs), 1.5, 0.6),
        of(traits.colour),
    );
    let coil = |canvas: &mut Canvas, x: f32, y: f32, rx: f32, ry: f32| {
        patterned(
            canvas,
            traits,
            Shape::Oval((x, y), (rx, ry), (0.0, 0.4)),
            false,
            true,
        );
    };
    coil(canvas, 10.4, 15.6, 6.6, 2.3);
    if traits.variant != 1 {
        coil(canvas, 10.8, 13.2, 5.0, 2.0);
    }
    let neck = (9.6, 13.0);
    canvas.paint(
        limb(neck, (head.0 + 0.6, head.1 + 1.5), thick, thick - 0.2),
        of(traits.colour).edged(),
    );
    belly(
        canvas,
        limb(
            (neck.0 - 0.9, neck.1),
            (head.0 - 0.1, head.1 + 2.0),
            0.8,
            0.9,
        ),
    );
    let (hx, hy) = (3.6 + 0.6 * traits.width, 2.9 + 0.5 * traits.size);
    if traits.variant == 2 {
        // A hood.
        canvas.paint(
            oval(head.0 + 0.3, head.1 + 1.6, hx + 1.6, hy + 0.8),
            of(traits.second).edged(),
        );
    }
    headgear(canvas, traits, head, (hx, hy));
    patterned(
        canvas,
        traits,
        Shape::Oval(head, (hx, hy), (0.0, 0.2)),
        true,
        true,
    );
    face(
        canvas,
        traits,
        FacePlace {
            middle: 7,
            row: head.1 as i32 - 1,
            has_mouth: true,
        },
    );
    canvas.ground(10.4, 7.0, 18);
}
