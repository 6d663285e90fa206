//! Colours that stand for data: classes and numbers.
//!
//! Invariant: neighbouring classes stay apart for colour-blind readers; numbers grow in lightness.

use eframe::egui::Color32;

/// Okabe and Ito's set (2008) without black, in an order that keeps the first few far apart.
const OKABE_ITO: [[u8; 3]; 7] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [204, 121, 167],
    [240, 228, 66],
    [213, 94, 0],
    [0, 114, 178],
];

/// Ten evenly spaced stops of matplotlib's viridis (Smith and van der Walt, 2015).
const VIRIDIS: [[u8; 3]; 10] = [
    [68, 1, 84],
    [72, 40, 120],
    [62, 73, 137],
    [49, 104, 142],
    [38, 130, 142],
    [31, 158, 137],
    [53, 183, 121],
    [110, 206, 88],
    [181, 222, 43],
    [253, 231, 37],
];

/// Classes after which the colours come round again.
pub(crate) const CLASSES: usize = 24;

/// The colour of class `class`: the seven hues, then a neutral grey, then the same eight again, paler and darker.
pub(crate) fn class(class: usize, is_dark: bool) -> Color32 {
    let round = class % CLASSES / 8;
    let [r, g, b] = match OKABE_ITO.get(class % 8) {
        // Okabe and Ito's yellow vanishes on white.
        Some([240, 228, 66]) if !is_dark => [196, 176, 0],
        Some(&colour) => colour,
        None if is_dark => [225, 228, 235],
        None => [70, 76, 88],
    };
    let towards = |to: u8, share: f32| {
        let mix = |c: u8| (f32::from(c) + (f32::from(to) - f32::from(c)) * share) as u8;
        Color32::from_rgb(mix(r), mix(g), mix(b))
    };
    match round {
        0 => Color32::from_rgb(r, g, b),
        1 => towards(255, 0.5),
        _ => towards(0, 0.45),
    }
}

/// Viridis at `t` in `[0, 1]`.
pub(crate) fn viridis(t: f32) -> Color32 {
    let at = t.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f32;
    let low = (at as usize).min(VIRIDIS.len() - 2);
    let share = at - low as f32;
    let mix = |c: usize| {
        let (a, b) = (f32::from(VIRIDIS[low][c]), f32::from(VIRIDIS[low + 1][c]));
        (a + (b - a) * share).round() as u8
    };
    Color32::from_rgb(mix(0), mix(1), mix(2))
}

/// The end of the diverging scale for what is less.
pub(crate) const BELOW: Color32 = Color32::from_rgb(86, 180, 233);
/// The end of the diverging scale for what is more.
pub(crate) const ABOVE: Color32 = Color32::from_rgb(240, 140, 20);

/// A difference in `[-1, 1]`: blue below, orange above, `neutral` in between.
pub(crate) fn diverging(value: f32, neutral: Color32) -> Color32 {
    let end = if value < 0.0 { BELOW } else { ABOVE };
    neutral.lerp_to_gamma(end, value.abs().clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_grows_in_lightness_between_its_ends() {
        let luma =
            |c: Color32| 0.3 * f32::from(c.r()) + 0.6 * f32::from(c.g()) + 0.1 * f32::from(c.b());
        let values: Vec<f32> = (0..=20).map(|i| luma(viridis(i as f32 / 20.0))).collect();
        assert!(values.windows(2).all(|w| w[0] < w[1]), "{values:?}");
        assert_eq!(viridis(-1.0), Color32::from_rgb(68, 1, 84));
        assert_eq!(viridis(2.0), Color32::from_rgb(253, 231, 37));
    }

    #[test]
    fn twenty_four_classes_have_different_colours() {
        for is_dark in [true, false] {
            let mut seen: Vec<Color32> = (0..24).map(|c| class(c, is_dark)).collect();
            seen.sort_by_key(Color32::to_array);
            seen.dedup();
            assert_eq!(seen.len(), 24);
        }
    }
}
