//! Principal components of pictures: the linear auto-encoder that any other of the same code size is compared with.
//!
//! Invariant: pixels are numbers in `[0, 1]` in every error; axes are orthonormal, so that a picture's error is the squared length of what
//! lies off their plane.

use rayon::prelude::*;

use super::Projection;
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Pictures of more values than this are taken by the products of at most so many of them.
const LARGEST: usize = 2048;
/// Pictures whose errors are taken at a time.
const BLOCK: usize = 512;

/// Principal components of the pixels of pictures.
#[derive(Clone, Debug)]
pub struct PictureComponents {
    plane: Projection,
    fitted_on: usize,
}

impl PictureComponents {
    /// The `count` directions along which the items `ids` of `pictures` vary most; fewer where there are fewer values or items. Exact
    /// for the items that are looked at: at most `most` of them, evenly spaced, and at most 2,048 where a picture has more values than
    /// that, so that memory and time are bounded.
    ///
    /// # Errors
    /// When there is no item or no component, or when cancelled.
    pub fn fit(
        pictures: &Dataset,
        ids: &[u32],
        count: usize,
        most: usize,
        progress: &Progress,
    ) -> Result<Self> {
        progress.update(0, 2)?;
        let values = pictures.shape().len();
        let most = if values > LARGEST {
            most.min(LARGEST)
        } else {
            most
        };
        let stride = ids.len().div_ceil(most.max(1)).max(1);
        let seen: Vec<u32> = ids.iter().copied().step_by(stride).collect();
        if seen.len() < 2 {
            return Err(Error::usage(
                "principal components need at least two pictures to be fitted to",
            ));
        }
        let fill = |i: usize, row: &mut [f32]| {
            // What was given up need not read the pictures any more.
            if progress.is_cancelled() {
                return;
            }
            for (x, &pixel) in row.iter_mut().zip(pictures.pixels(seen[i] as usize)) {
                *x = f32::from(pixel) / 255.0;
            }
        };
        let count = count.min(values).min(seen.len() - 1);
        let plane = Projection::fit(seen.len(), values, count, &fill)?;
        progress.update(2, 2)?;
        Ok(Self {
            plane,
            fitted_on: seen.len(),
        })
    }

    /// Number of components.
    #[must_use]
    pub fn count(&self) -> usize {
        self.plane.explained().len()
    }

    /// Number of pictures that they were found from.
    #[must_use]
    pub fn fitted_on(&self) -> usize {
        self.fitted_on
    }

    /// Mean squared error of the items `ids` of `pictures`, summed over a picture's values, when all that is kept of each is its place on
    /// the plane: `‖x − m‖² − ‖A(x − m)‖²`.
    ///
    /// # Errors
    /// When the pictures are of another shape, or when cancelled.
    pub fn error(&self, pictures: &Dataset, ids: &[u32], progress: &Progress) -> Result<f64> {
        let mean = self.plane.mean();
        if pictures.shape().len() != mean.len() {
            return Err(Error::usage(format!(
                "the principal components are of pictures of {} values, {} has {}",
                mean.len(),
                pictures.name(),
                pictures.shape()
            )));
        }
        let mut sum = 0.0;
        for (block, part) in ids.chunks(BLOCK).enumerate() {
            progress.update(block * BLOCK, ids.len())?;
            let rows: Vec<f32> = part
                .iter()
                .flat_map(|&id| pictures.pixels(id as usize))
                .map(|&pixel| f32::from(pixel) / 255.0)
                .collect();
            let places = self.plane.coordinates_of_rows(&rows);
            let errors: Vec<f64> = rows
                .par_chunks_exact(mean.len())
                .zip(places.par_chunks_exact(self.count()))
                .map(|(row, place)| {
                    let off = row.iter().zip(mean);
                    let whole: f64 = off.map(|(x, m)| f64::from(x - m).powi(2)).sum();
                    let kept: f64 = place.iter().map(|x| f64::from(*x).powi(2)).sum();
                    (whole - kept).max(0.0)
                })
                .collect();
            // In their order, so that the number of threads does not matter.
            sum += errors.iter().sum::<f64>();
        }
        Ok(sum / ids.len().max(1) as f64)
    }

    /// The point of the plane nearest to `picture`, as a picture: bytes are rounded and kept within 0 to 255. Of a picture of another
    /// size, that picture itself.
    #[must_use]
    pub fn reconstruction(&self, picture: &Picture) -> Picture {
        let mean = self.plane.mean();
        if picture.pixels.len() != mean.len() {
            return picture.clone();
        }
        let row: Vec<f32> = picture
            .pixels
            .iter()
            .map(|&pixel| f32::from(pixel) / 255.0)
            .collect();
        let mut made = mean.to_vec();
        let axes = self.plane.axes().chunks_exact(mean.len());
        for (axis, along) in axes.zip(self.plane.coordinates(&row)) {
            for (x, loading) in made.iter_mut().zip(axis) {
                *x += along * loading;
            }
        }
        let pixels = made.iter().map(|x| (x * 255.0).round().clamp(0.0, 255.0));
        Picture {
            shape: picture.shape,
            pixels: pixels.map(|x| x as u8).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::digits;

    #[test]
    fn errors_are_what_lies_off_the_plane_and_fall_with_every_component() -> Result<()> {
        let quiet = Progress::silent();
        let data = digits::generate(1, 0..80, &quiet)?;
        let (seen, others): (Vec<u32>, Vec<u32>) = (0..80).partition(|id| id % 4 != 0);
        let mut before = f64::INFINITY;
        for count in [1, 4, 16, 59] {
            let components = PictureComponents::fit(&data, &seen, count, usize::MAX, &quiet)?;
            assert_eq!((components.count(), components.fitted_on()), (count, 60));
            let found = components.error(&data, &others, &quiet)?;
            // Of pictures, which are rounded and clamped: near the same, and never above it by more than rounding makes.
            let off = |&id: &u32| {
                let made = components.reconstruction(&data.picture(id as usize));
                let pairs = made.pixels.iter().zip(data.pixels(id as usize));
                pairs
                    .map(|(a, b)| ((f64::from(*a) - f64::from(*b)) / 255.0).powi(2))
                    .sum::<f64>()
            };
            let drawn = others.iter().map(off).sum::<f64>() / others.len() as f64;
            assert!(
                drawn < found + 0.05 && drawn > 0.7 * found - 0.05,
                "{drawn} {found}"
            );
            assert!(found < before, "{count}: {found} after {before}");
            before = found;
        }
        // On what they were fitted to, as many as there are directions leave nothing.
        let all = PictureComponents::fit(&data, &seen, 200, usize::MAX, &quiet)?;
        assert_eq!(all.count(), 59);
        assert!(all.error(&data, &seen, &quiet)? < 1e-3);
        let few = PictureComponents::fit(&data, &seen, 5, 20, &quiet)?;
        assert_eq!(few.fitted_on(), 20);
        Ok(())
    }

    #[test]
    fn too_few_pictures_and_cancelled_fits_are_errors() -> Result<()> {
        let quiet = Progress::silent();
        let data = digits::generate(1, 0..3, &quiet)?;
        assert!(PictureComponents::fit(&data, &[1], 2, 10, &quiet).is_err());
        let given_up = Progress::silent();
        given_up.cancel();
        let refused = PictureComponents::fit(&data, &[0, 1, 2], 2, 10, &given_up);
        assert!(refused.is_err_and(|e| e.is_cancelled()));
        Ok(())
    }
}
