//! What all built-in generators do: draw a range of an endless set on all cores, and attach the factors it was drawn from.

use std::ops::Range;

use rayon::prelude::*;

use super::{Dataset, Factor, ImageShape};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Bytes of pixels drawn between two looks at whether to go on.
const BATCH_BYTES: usize = 400_000;

/// Pixels of the items `range` one after another, and what `draw` says of each: it is given the number of the item in the endless set and the
/// pixels to fill.
///
/// # Errors
/// When `range` is longer than `most`, and `is_cancelled`; `what` are the items in a reason.
pub(super) fn items<V: Send>(
    (what, shape): (&str, ImageShape),
    range: Range<usize>,
    most: usize,
    progress: &Progress,
    draw: impl Fn(usize, &mut [u8]) -> V + Sync,
) -> Result<(Vec<u8>, Vec<V>)> {
    let count = range.len();
    if count > most {
        return Err(Error::usage(format!(
            "{count} {what} are more than the {most} that can be drawn at once"
        )));
    }
    let at_once = (BATCH_BYTES / shape.len()).max(1);
    let mut pixels = vec![0; count * shape.len()];
    let mut values = Vec::with_capacity(count);
    for (batch, pixels) in pixels.chunks_mut(at_once * shape.len()).enumerate() {
        let first = batch * at_once;
        progress.update(first, count)?;
        let drawn = pixels
            .par_chunks_mut(shape.len())
            .enumerate()
            .map(|(i, pixels)| draw(range.start + first + i, pixels));
        values.par_extend(drawn);
    }
    progress.update(count, count)?;
    Ok((pixels, values))
}

/// The set with factors of these names and ranges, whose values stand in this order in each of `values`.
///
/// # Errors
/// As [`Dataset::with_factor`].
pub(super) fn with_factors<const N: usize>(
    mut dataset: Dataset,
    factors: impl IntoIterator<Item = (&'static str, (f32, f32))>,
    values: &[[f32; N]],
) -> Result<Dataset> {
    for (index, (name, range)) in factors.into_iter().enumerate() {
        dataset = dataset.with_factor(Factor {
            name: name.to_owned(),
            range,
            values: values.iter().map(|values| values[index]).collect(),
        })?;
    }
    Ok(dataset)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every factor lies inside its range and is not the same for all.
    pub(in crate::data) fn assert_factors_vary(set: &Dataset) {
        for factor in set.factors() {
            let (low, high) = factor.range;
            let name = &factor.name;
            let mut values = factor.values.iter();
            assert!(values.all(|v| (low..=high).contains(v)), "{name}");
            let mut values = factor.values.iter();
            assert!(values.any(|v| *v != factor.values[0]), "{name}");
        }
    }

    #[test]
    fn items_know_their_number_and_too_many_are_refused() {
        let shape = ImageShape {
            height: 1,
            width: 2,
            channels: 1,
        };
        let draw = |index: usize, pixels: &mut [u8]| {
            pixels.fill(index as u8);
            index
        };
        let silent = Progress::silent();
        let (pixels, values) = items(("dots", shape), 3..6, 3, &silent, draw).expect("draws");
        assert_eq!((pixels, values), (vec![3, 3, 4, 4, 5, 5], vec![3, 4, 5]));
        let refused = items(("dots", shape), 0..4, 3, &silent, draw);
        assert!(refused.is_err_and(|e| e.is_usage() && e.to_string().contains("4 dots")));
    }

    #[test]
    fn a_cancelled_drawing_ends() {
        let progress = Progress::silent();
        progress.cancel();
        let shape = super::super::digits::SHAPE;
        let stopped = items(("dots", shape), 0..9, 9, &progress, |_, _| ());
        assert!(stopped.is_err_and(|e| e.is_cancelled()));
    }
}
