//! One pixel of a picture made another: the smallest change there is, wherever it is.
//!
//! Invariant: the two prepared cases change a pixel by the same amount, so that no pixel loss can tell them apart.

use serde::{Deserialize, Serialize};

use super::{ImageShape, Picture};

/// Pixels darker than this are ground, lighter ones than the other ink.
const GROUND: u16 = 50;
const INK: u16 = 128;
/// By how much the prepared cases lighten a pixel: what every pixel of the ground can take.
const BY: i16 = 200;

/// A pixel that is made lighter or darker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flip {
    /// Which one, row by row from the top left.
    pub pixel: u32,
    /// By how much each of its channels changes, -255 to 255.
    pub by: i16,
}

impl Flip {
    /// The pixel made the opposite of what it is.
    ///
    /// # Panics
    /// When the picture has no such pixel.
    #[must_use]
    pub fn opposite(picture: &Picture, pixel: u32) -> Self {
        let lightness = lightness(picture, pixel as usize) as i16;
        let by = if lightness < INK as i16 {
            255 - lightness
        } else {
            -lightness
        };
        Self { pixel, by }
    }

    /// The lecture's first case: a dark pixel beside the stroke is made light. None where there is no stroke on dark ground.
    #[must_use]
    pub fn on_edge(picture: &Picture) -> Option<Self> {
        let ImageShape { height, width, .. } = picture.shape;
        let is_ink = |y: usize, x: usize| lightness(picture, y * width + x) >= INK;
        let ink_beside = |pixel: usize| {
            let (y, x) = (pixel / width, pixel % width);
            let rows = y.saturating_sub(1)..(y + 2).min(height);
            rows.flat_map(|y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| (y, x)))
                .filter(|&(y, x)| is_ink(y, x))
                .count()
        };
        // Beside as much ink as can be: as if the stroke were a pixel wider there.
        ground(picture)
            .map(|pixel| (ink_beside(pixel), pixel))
            .filter(|(ink, _)| *ink > 0)
            .max_by_key(|&(ink, pixel)| (ink, std::cmp::Reverse(pixel)))
            .map(|(_, pixel)| Self {
                pixel: pixel as u32,
                by: BY,
            })
    }

    /// The lecture's second case: the dark pixel farthest from any stroke is made light.
    #[must_use]
    pub fn far_away(picture: &Picture) -> Option<Self> {
        let width = picture.shape.width;
        let count = picture.shape.height * width;
        let ink: Vec<usize> = (0..count)
            .filter(|&p| lightness(picture, p) >= INK)
            .collect();
        let apart = |a: usize, b: usize| {
            (a / width).abs_diff(b / width).pow(2) + (a % width).abs_diff(b % width).pow(2)
        };
        ground(picture)
            .filter_map(|pixel| {
                let nearest = ink.iter().map(|&other| apart(pixel, other)).min()?;
                Some((nearest, std::cmp::Reverse(pixel)))
            })
            .max()
            .map(|(_, pixel)| Self {
                pixel: pixel.0 as u32,
                by: BY,
            })
    }

    /// The picture with this pixel changed; as it is where it has no such pixel.
    #[must_use]
    pub fn apply(self, picture: &Picture) -> Picture {
        let mut changed = picture.clone();
        let channels = picture.shape.channels;
        let start = self.pixel as usize * channels;
        if let Some(pixel) = changed.pixels.get_mut(start..start + channels) {
            for value in pixel {
                *value = (i16::from(*value) + self.by).clamp(0, 255) as u8;
            }
        }
        changed
    }
}

fn lightness(picture: &Picture, pixel: usize) -> u16 {
    let channels = picture.shape.channels;
    let values = &picture.pixels[pixel * channels..][..channels];
    values.iter().map(|&x| u16::from(x)).sum::<u16>() / channels as u16
}

fn ground(picture: &Picture) -> impl Iterator<Item = usize> {
    let count = picture.shape.height * picture.shape.width;
    (0..count).filter(|&pixel| {
        let channels = picture.shape.channels;
        let values = &picture.pixels[pixel * channels..][..channels];
        values.iter().all(|&x| u16::from(x) < GROUND)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar() -> Picture {
        let shape = ImageShape::new(9, 9, 1);
        // Columns 1 and 2 are ink.
        let pixels = (0..81).map(|i| if (1..3).contains(&(i % 9)) { 250 } else { 3 });
        Picture {
            shape,
            pixels: pixels.collect(),
        }
    }

    fn apart(a: &Picture, b: &Picture) -> u32 {
        let pairs = a.pixels.iter().zip(&b.pixels);
        pairs.map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    }

    #[test]
    fn the_two_cases_cost_the_same_and_lie_where_they_say() {
        let bar = bar();
        let edge = Flip::on_edge(&bar).expect("there is an edge");
        let far = Flip::far_away(&bar).expect("there is ground");
        assert!([0, 3].contains(&(edge.pixel % 9)));
        assert_eq!(far.pixel % 9, 8);
        assert_eq!(apart(&bar, &edge.apply(&bar)), 200 * 200);
        assert_eq!(apart(&bar, &far.apply(&bar)), 200 * 200);
    }

    #[test]
    fn a_flip_back_is_the_opposite_and_nothing_has_no_edge() {
        let bar = bar();
        let flipped = Flip::opposite(&bar, 40).apply(&bar);
        assert_eq!(flipped.pixels[40], 255);
        assert_eq!(Flip::opposite(&bar, 1).apply(&bar).pixels[1], 0);
        let nothing = Picture {
            shape: bar.shape,
            pixels: vec![0; 81],
        };
        assert_eq!(
            (Flip::on_edge(&nothing), Flip::far_away(&nothing)),
            (None, None)
        );
        let beyond = Flip { pixel: 500, by: 9 };
        assert_eq!(beyond.apply(&bar), bar);
    }
}
