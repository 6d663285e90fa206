//! The colours that pictures are limited to, and the way back from colours to their numbers.
//!
//! Invariant: no two colours are the same, and there are 1 to [`Palette::MOST`] of them.

use crate::error::{Error, Result};

/// A list of different colours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Palette {
    colours: Vec<[u8; 3]>,
    /// The colours in rising order, each with its number.
    sorted: Vec<([u8; 3], u16)>,
}

impl Palette {
    /// Most colours of a palette.
    pub const MOST: usize = 1 << 16;

    /// The palette of `colours`, sRGB; of several that are equal the first counts.
    ///
    /// # Errors
    /// When there is none, or more than [`Self::MOST`] different ones.
    pub fn new(colours: impl IntoIterator<Item = [u8; 3]>) -> Result<Self> {
        let mut seen = std::collections::HashSet::new();
        let colours: Vec<[u8; 3]> = colours.into_iter().filter(|&c| seen.insert(c)).collect();
        if colours.is_empty() {
            return Err(Error::usage("a palette needs at least one colour"));
        }
        if colours.len() > Self::MOST {
            return Err(Error::usage(format!(
                "{} colours are more than the {} of a palette",
                colours.len(),
                Self::MOST
            )));
        }
        let mut sorted: Vec<([u8; 3], u16)> = colours.iter().copied().zip(0..=u16::MAX).collect();
        sorted.sort_unstable();
        Ok(Self { colours, sorted })
    }

    /// The colours, by their numbers.
    #[must_use]
    pub fn colours(&self) -> &[[u8; 3]] {
        &self.colours
    }

    /// The number of a colour, where the palette has it.
    #[must_use]
    pub fn index_of(&self, colour: [u8; 3]) -> Option<u16> {
        let found = self.sorted.binary_search_by_key(&colour, |entry| entry.0);
        found.ok().map(|at| self.sorted[at].1)
    }

    /// The numbers of the colours of RGB `pixels`; `None` when a colour is not of the palette, or bytes are left over.
    #[must_use]
    pub fn indices(&self, pixels: &[u8]) -> Option<Vec<u16>> {
        let (pixels, rest) = pixels.as_chunks::<3>();
        if !rest.is_empty() {
            return None;
        }
        // Neighbours often have the same colour.
        let mut last = ([0; 3], None);
        let number = |&colour: &[u8; 3]| {
            if last.0 != colour || last.1.is_none() {
                last = (colour, self.index_of(colour));
            }
            last.1
        };
        pixels.iter().map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_their_numbers_back_and_twins_count_once() -> Result<()> {
        let palette = Palette::new([[9, 9, 9], [1, 2, 3], [9, 9, 9], [0, 0, 0]])?;
        assert_eq!(palette.colours(), [[9, 9, 9], [1, 2, 3], [0, 0, 0]]);
        assert_eq!(palette.index_of([0, 0, 0]), Some(2));
        assert_eq!(palette.index_of([9, 9, 8]), None);
        let pixels = [0, 0, 0, 1, 2, 3, 1, 2, 3, 9, 9, 9];
        assert_eq!(palette.indices(&pixels), Some(vec![2, 1, 1, 0]));
        assert_eq!(palette.indices(&pixels[..11]), None);
        assert_eq!(palette.indices(&[1, 2, 4]), None);
        Ok(())
    }

    #[test]
    fn a_palette_is_as_large_as_numbers_of_two_bytes_reach() {
        let colour = |i: u32| [(i >> 16) as u8, (i >> 8) as u8, i as u8];
        let full = Palette::new((0..1 << 16).map(colour));
        assert!(full.is_ok_and(|full| full.index_of([0, 255, 255]) == Some(u16::MAX)));
        assert!(Palette::new((0..=1 << 16).map(colour)).is_err_and(|e| e.is_usage()));
        assert!(Palette::new([]).is_err_and(|e| e.is_usage()));
    }
}
