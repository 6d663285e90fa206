//! What sits on a body or sticks out of it: ears and horns, tails, wings, a gleam.
//!
//! Invariant: what comes in pairs is mirrored about the middle of the head or of the canvas.

use super::canvas::{Canvas, MIDDLE, Point, Shape, limb, marked, of, oval};
use super::palette::{CREAM, GLEAM, ORANGE, PLANT, YELLOW};
use super::traits::Traits;

/// The kind of headgear that insects have unless another becomes them.
pub(super) const FEELERS: u8 = 5;

/// What the head with this centre and these radii wears; to be painted before the head.
pub(super) fn headgear(canvas: &mut Canvas, traits: &Traits, (x, y): Point, (w, h): Point) {
    let (skin, second, bone) = (of(traits.colour), of(traits.second), of(CREAM));
    let crown = y - h;
    match traits.headgear {
        // Pointed ears.
        1 => {
            for side in [-w, w] {
                let ear = [
                    (x + 0.95 * side, y - 0.2 * h),
                    (x + 0.85 * side, crown - 1.6),
                    (x + 0.15 * side, y - 0.8 * h),
                ];
                let inside = [
                    (x + 0.80 * side, y - 0.5 * h),
                    (x + 0.80 * side, crown - 0.2),
                    (x + 0.40 * side, y - 0.8 * h),
                ];
                canvas.paint(Shape::Triangle(ear), skin);
                canvas.paint(Shape::Triangle(inside), second);
            }
        }
        // Round ears.
        2 => {
            for side in [-w, w] {
                let across = x + 0.78 * side;
                canvas.paint(oval(across, y - 0.85 * h, 2.1, 2.1), skin);
                canvas.paint(oval(across, y - 0.80 * h, 1.1, 1.1), second);
            }
        }
        // Long ears.
        3 => {
            for side in [-w, w] {
                let root = (x + 0.45 * side, y - 0.8 * h);
                canvas.paint(limb(root, (x + 0.62 * side, crown - 2.6), 1.3, 1.1), skin);
            }
        }
        // Horns.
        4 => {
            for side in [-w, w] {
                let horn = [
                    (x + 0.85 * side, y - 0.5 * h),
                    (x + 0.95 * side, crown - 1.9),
                    (x + 0.30 * side, y - 0.8 * h),
                ];
                canvas.paint(Shape::Triangle(horn), bone);
            }
        }
        FEELERS => {
            for side in [-1.0, 1.0] {
                let root = x + 0.35 * side * w;
                let stalk = limb(
                    (root, crown + 0.5),
                    (root + 1.4 * side, crown - 1.8),
                    0.55,
                    0.55,
                );
                canvas.paint(stalk, skin.darker(1));
                canvas.paint(oval(root + 1.6 * side, crown - 2.0, 0.9, 0.9), second);
            }
        }
        // Two leaves.
        6 => {
            let root = (x, crown + 0.5);
            canvas.paint(limb(root, (x - 2.4, crown - 1.8), 0.6, 1.2), of(PLANT));
            canvas.paint(limb(root, (x + 2.0, crown - 1.3), 0.6, 1.0), of(PLANT));
        }
        // A tuft.
        7 => {
            for (across, up, radius) in [(-1.3, 0.6, 1.0), (1.3, 0.7, 0.9), (0.2, 1.5, 1.2)] {
                let tip = (x + across, crown - up);
                canvas.paint(limb((x, y - 0.8 * h), tip, 1.4, radius), second);
            }
        }
        // A crest of spikes.
        8 => {
            for (across, up) in [(-2.4, 1.6), (2.4, 1.6), (0.0, 2.6)] {
                canvas.paint(spike((x + across, y - 0.6 * h), 1.5, crown - up), second);
            }
        }
        // One horn.
        9 => canvas.paint(spike((x, y - 0.7 * h), 1.4, crown - 3.0), bone),
        _ => {}
    }
}

fn spike((x, y): Point, half: f32, top: f32) -> Shape {
    Shape::Triangle([(x - half, y), (x, top), (x + half, y)])
}

/// A tail from `root` to the right, behind what is painted later.
pub(super) fn tail(canvas: &mut Canvas, traits: &Traits, root: Point) {
    let (skin, second) = (of(traits.colour), of(traits.second));
    let (x, y) = root;
    match traits.tail {
        // Thin, with a tuft.
        0 => {
            let bend = (x + 2.2, y - 1.0);
            canvas.paint(limb(root, bend, 0.8, 0.7), skin);
            canvas.paint(limb(bend, (x + 2.8, y - 3.4), 0.7, 0.6), skin);
            canvas.paint(oval(x + 2.8, y - 4.0, 1.2, 1.3), second);
        }
        // Bushy.
        1 => {
            let brush = limb((x + 2.5, y - 2.6), (x + 2.9, y - 4.4), 1.7, 0.8);
            canvas.paint(limb(root, (x + 2.4, y - 2.2), 1.0, 2.0), skin);
            canvas.paint(brush, second);
        }
        // With a flame at its end.
        2 => {
            let flame = |(_, row): Point| if row < y - 3.2 { YELLOW } else { ORANGE };
            let end = limb((x + 2.6, y - 3.0), (x + 2.9, y - 5.4), 1.5, 0.5);
            canvas.paint(limb(root, (x + 2.6, y - 1.6), 0.9, 0.7), skin);
            canvas.paint(end, marked(&flame));
        }
        // Thick and pointed.
        3 => {
            let bend = (x + 2.0, y + 0.3);
            canvas.paint(limb(root, bend, 1.7, 1.2), skin);
            canvas.paint(limb(bend, (x + 4.0, y - 1.4), 1.2, 0.5), skin);
        }
        // A ball.
        _ => canvas.paint(oval(x + 1.2, y - 0.6, 1.7, 1.7), second),
    }
}

/// Leathery wings behind a body, with roots `across` from the middle of the canvas.
pub(super) fn leathery_wings(canvas: &mut Canvas, ramp: u8, (across, y): Point, spread: f32) {
    let root = (MIDDLE - across, y);
    let tip = (root.0 - 4.6 - 0.6 * spread, y - 4.6);
    for behind in [(tip.0 + 0.2, y + 1.6), (tip.0 + 2.8, y + 2.6)] {
        canvas.paint_pair(Shape::Triangle([root, tip, behind]), of(ramp));
    }
}

/// Feathered wings, the same way.
pub(super) fn feathered_wings(canvas: &mut Canvas, ramp: u8, (across, y): Point, spread: f32) {
    let root = (MIDDLE - across, y);
    let below = (root.0 - 2.8 - spread, y + 0.6);
    canvas.paint_pair(
        limb(root, (root.0 - 3.6 - spread, y - 2.4), 1.2, 1.7),
        of(ramp),
    );
    canvas.paint_pair(limb((root.0, y + 1.0), below, 1.2, 1.3), of(ramp));
}

/// A gleam on wet skin.
pub(super) fn gleam(canvas: &mut Canvas, column: i32, row: i32) {
    for (across, down) in [(0, 0), (1, 0), (0, 1)] {
        canvas.reshade(column + across, row + down, GLEAM);
    }
}
