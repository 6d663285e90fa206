//! Blends of the items nearest to a place on a map that has no way back of its own.
//!
//! Inverse-distance weights (Shepard 1968). Invariant: at an item, the blend is that item.

use crate::error::{Error, Result};

/// The blend of the codes of the items `nearest` to a place on the map, pairs of id and distance on the map, with weights
/// of one over the squared distance; `codes` are `[n, d]` row by row. Where items lie at distance zero the blend is the mean
/// of those alone.
///
/// # Errors
/// When no item is near, an id has no code, or a distance is negative or not finite.
pub fn blend(codes: &[f32], d: usize, nearest: &[(u32, f32)]) -> Result<Vec<f32>> {
    let mut blend = vec![0.0_f64; d];
    for (id, weight) in weights(nearest)? {
        let code = codes.chunks_exact(d.max(1)).nth(id as usize);
        let code = code.ok_or_else(|| Error::usage(format!("there is no code of item {id}")))?;
        for (sum, &x) in blend.iter_mut().zip(code) {
            *sum += weight * f64::from(x);
        }
    }
    Ok(blend.into_iter().map(|x| x as f32).collect())
}

/// The ids with their weights, which add up to one.
pub(super) fn weights(nearest: &[(u32, f32)]) -> Result<Vec<(u32, f64)>> {
    if nearest.is_empty() {
        return Err(Error::usage("there is no item near this place"));
    }
    if let Some((id, distance)) = nearest.iter().find(|(_, x)| !x.is_finite() || *x < 0.0) {
        return Err(Error::usage(format!(
            "item {id} cannot be at a distance of {distance}"
        )));
    }
    let closest = nearest
        .iter()
        .map(|&(_, x)| x)
        .fold(f32::INFINITY, f32::min);
    let share = |distance: f32| {
        if closest > 0.0 {
            // Relative to the closest, so that squares neither overflow nor vanish.
            (f64::from(closest) / f64::from(distance)).powi(2)
        } else {
            f64::from(u8::from(distance <= 0.0))
        }
    };
    let total: f64 = nearest.iter().map(|&(_, distance)| share(distance)).sum();
    Ok(nearest
        .iter()
        .map(|&(id, distance)| (id, share(distance) / total))
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const CODES: [f32; 6] = [0.0, 0.0, 4.0, 8.0, -4.0, 2.0];

    #[test]
    fn nearer_items_weigh_more_by_the_square() -> Result<()> {
        // Weights 1 and 1/9 of 10/9.
        let blend = blend(&CODES, 2, &[(1, 1.0), (0, 3.0)])?;
        assert!(
            (blend[0] - 3.6).abs() < 1e-6 && (blend[1] - 7.2).abs() < 1e-6,
            "{blend:?}"
        );
        Ok(())
    }

    #[test]
    fn at_an_item_the_blend_is_the_item() -> Result<()> {
        assert_eq!(blend(&CODES, 2, &[(2, 0.0), (0, 1e-20)])?, [-4.0, 2.0]);
        assert_eq!(
            blend(&CODES, 2, &[(2, 0.0), (1, 0.0), (0, 1.0)])?,
            [0.0, 5.0]
        );
        assert_eq!(blend(&CODES, 2, &[(1, 1e-30)])?, [4.0, 8.0]);
        assert_eq!(blend(&CODES, 2, &[(1, 3e38)])?, [4.0, 8.0]);
        Ok(())
    }

    #[test]
    fn what_cannot_be_blended_is_refused() {
        assert!(blend(&CODES, 2, &[]).is_err());
        assert!(blend(&CODES, 2, &[(3, 1.0)]).is_err());
        assert!(blend(&CODES, 2, &[(0, f32::NAN)]).is_err());
        assert!(blend(&CODES, 2, &[(0, -1.0)]).is_err());
        assert!(blend(&[], 0, &[(0, 1.0)]).is_err());
    }

    proptest! {
        #[test]
        fn a_blend_lies_between_its_items(nearest in vec((0..3_u32, 0.0_f32..9.0), 1..6)) {
            let blend = blend(&CODES, 2, &nearest)?;
            for dim in 0..2 {
                let values = nearest.iter().map(|&(id, _)| CODES[id as usize * 2 + dim]);
                let low = values.clone().fold(f32::INFINITY, f32::min);
                let high = values.fold(f32::NEG_INFINITY, f32::max);
                prop_assert!(blend[dim] >= low - 1e-5 && blend[dim] <= high + 1e-5);
            }
        }
    }
}
