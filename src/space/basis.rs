//! Bases: the coordinates that a panel of sliders shows of a code.
//!
//! Invariant: the code is the state. A basis only reads coordinates off it and says which code has one of them changed.

use std::sync::Arc;

use rayon::prelude::*;

use super::sums::dot;
use super::{CodeTable, Direction, Projection};
use crate::error::Result;

/// What the sliders of a panel stand for.
#[derive(Clone, PartialEq, Debug)]
pub enum Basis {
    /// The code's own numbers, as many as named.
    Dimensions(usize),
    /// Principal components of the codes.
    Components(Arc<Components>),
    /// Attribute directions. They are not orthogonal in general: moving along one changes the coordinates along others.
    Directions(Vec<Direction>),
}

/// All principal components of a set of codes along which these differ.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Components {
    mean: Vec<f32>,
    /// `[components, d]` row by row, orthonormal.
    axes: Vec<f32>,
    std: Vec<f32>,
}

/// One slider of a basis.
#[derive(Clone, PartialEq, Debug)]
pub struct Slider {
    /// What it stands for: the dimension, component or direction of this number, counted from 0.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its ends, low and high; low is below high.
    pub range: (f32, f32),
}

impl Components {
    /// The components of the codes of `table`.
    ///
    /// # Errors
    /// As [`Projection::pca`].
    pub fn of(table: &CodeTable) -> Result<Self> {
        let d = table.dims();
        let projection = Projection::pca(table.codes(), d, d)?;
        let total: f32 = table.std().iter().map(|std| std * std).sum();
        // With fewer items than dimensions there are axes of length zero.
        let (axes, explained): (Vec<&[f32]>, Vec<f32>) = projection
            .axes()
            .chunks_exact(d)
            .zip(projection.explained())
            .filter(|(axis, _)| axis.iter().any(|&x| x != 0.0))
            .unzip();
        Ok(Self {
            mean: projection.mean().to_vec(),
            axes: axes.concat(),
            std: explained
                .iter()
                .map(|share| (share * total).sqrt())
                .collect(),
        })
    }

    /// Numbers per code.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.mean.len()
    }

    fn axis(&self, index: usize) -> &[f32] {
        &self.axes[index * self.mean.len()..][..self.mean.len()]
    }
}

impl Basis {
    /// Number of sliders.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Dimensions(dims) => *dims,
            Self::Components(components) => components.std.len(),
            Self::Directions(directions) => directions.len(),
        }
    }

    /// Whether there is no slider.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sliders, those that change most first: dimensions by divergence from the prior, components by variance,
    /// directions in their order. Ranges are those of [`CodeTable::range`] for dimensions, three standard deviations to
    /// either side of the mean else; one wide where no code differs.
    #[must_use]
    pub fn sliders(&self, table: &CodeTable) -> Vec<Slider> {
        match self {
            Self::Dimensions(_) => table
                .order_by_kl()
                .into_iter()
                .map(|index| Slider {
                    index,
                    name: format!("Dimension {}", index + 1),
                    range: table.range(index),
                })
                .collect(),
            Self::Components(components) => (0..)
                .zip(&components.std)
                .map(|(index, &std)| Slider {
                    index,
                    name: format!("Component {}", index + 1),
                    range: about(0.0, std),
                })
                .collect(),
            Self::Directions(directions) => (0..)
                .zip(directions)
                .map(|(index, direction)| Slider {
                    index,
                    name: direction.name.clone(),
                    range: about(direction.centre, direction.spread),
                })
                .collect(),
        }
    }

    /// The axis, `[dims]` and of unit length, along which the coordinate of that index grows by one; `None` where the basis is one
    /// of codes of other size.
    ///
    /// # Panics
    /// When the basis has no slider of that index.
    pub(super) fn axis(&self, index: usize, dims: usize) -> Option<Vec<f32>> {
        let axis = match self {
            Self::Dimensions(count) => {
                let mut axis = vec![0.0; *count];
                axis[index] = 1.0;
                axis
            }
            Self::Components(components) => components.axis(index).to_vec(),
            Self::Directions(directions) => directions[index].axis.clone(),
        };
        (axis.len() == dims).then_some(axis)
    }

    /// The coordinate of `code`, `[d]`, that the slider with this index shows.
    ///
    /// # Panics
    /// When the basis has no slider of that index.
    #[must_use]
    pub fn coordinate(&self, index: usize, code: &[f32]) -> f32 {
        match self {
            Self::Dimensions(_) => code[index],
            Self::Components(components) => {
                let axis = components.axis(index);
                (dot(axis, code) - dot(axis, &components.mean)) as f32
            }
            Self::Directions(directions) => directions[index].coordinate(code),
        }
    }

    /// The code, `[d]`, with that coordinate changed to `target`. Other coordinates stay, but for those along directions
    /// that are not at a right angle to the one it moves along.
    ///
    /// # Panics
    /// When the basis has no slider of that index.
    #[must_use]
    pub fn set_coordinate(&self, index: usize, code: &[f32], target: f32) -> Vec<f32> {
        match self {
            Self::Dimensions(_) => {
                let mut code = code.to_vec();
                code[index] = target;
                code
            }
            Self::Components(components) => {
                let by = target - self.coordinate(index, code);
                let pairs = code.iter().zip(components.axis(index));
                pairs.map(|(x, a)| x + by * a).collect()
            }
            Self::Directions(directions) => directions[index].set_coordinate(code, target),
        }
    }

    /// How many items of `table` have the slider's coordinate in each of `bins` equal parts of its range; those beyond an end
    /// count in the bin at that end, so that the counts add up to the number of items.
    ///
    /// # Panics
    /// When the basis has no slider of that index.
    #[must_use]
    pub fn histogram(&self, slider: &Slider, table: &CodeTable, bins: usize) -> Vec<u32> {
        let Some(last) = bins.checked_sub(1) else {
            return Vec::new();
        };
        let (low, high) = slider.range;
        let scale = bins as f32 / (high - low);
        table
            .codes()
            .par_chunks(table.dims() * 4096)
            .fold(
                || vec![0; bins],
                |mut counts, codes| {
                    for code in codes.chunks_exact(table.dims()) {
                        let bin = (self.coordinate(slider.index, code) - low) * scale;
                        // A float below zero becomes 0 in the cast.
                        counts[(bin as usize).min(last)] += 1;
                    }
                    counts
                },
            )
            .reduce(
                || vec![0; bins],
                |mut counts, part| {
                    for (count, x) in counts.iter_mut().zip(part) {
                        *count += x;
                    }
                    counts
                },
            )
    }
}

/// The code a share `psi` of the way from `mean` to `code`, both `[d]`: below one it is more typical, above one less (the
/// truncation of Karras et al. 2019).
#[must_use]
pub fn truncated(code: &[f32], mean: &[f32], psi: f32) -> Vec<f32> {
    let pairs = code.iter().zip(mean);
    pairs.map(|(x, mean)| mean + psi * (x - mean)).collect()
}

fn about(centre: f32, std: f32) -> (f32, f32) {
    let reach = 3.0 * std;
    if reach > f32::EPSILON * centre.abs().max(1.0) {
        (centre - reach, centre + reach)
    } else {
        (centre - 0.5, centre + 0.5)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::progress::Progress;
    use crate::space::DirectionKind;

    /// Points along (3, 4)/5 with standard deviation √2 and mean (1, -1), and a third, constant number.
    fn line() -> Result<CodeTable> {
        let codes = (0..5_u8)
            .flat_map(|i| {
                let along = f32::from(i) - 2.0;
                [1.0 + 0.6 * along, -1.0 + 0.8 * along, 7.0]
            })
            .collect::<Vec<_>>();
        CodeTable::new(codes, 3, vec![0.2, 0.9, 0.0])
    }

    fn bases(table: &CodeTable) -> Result<[Basis; 3]> {
        let quiet = Progress::silent();
        let values: Vec<f32> = (0..table.len()).map(|i| table.code(i)[0]).collect();
        let along = |name, kind| Direction::along_factor(name, kind, table, &values, 1, &quiet);
        Ok([
            Basis::Dimensions(table.dims()),
            Basis::Components(Arc::new(Components::of(table)?)),
            Basis::Directions(vec![
                along("rising", DirectionKind::MeanDifference)?,
                along("steep", DirectionKind::Classifier)?,
            ]),
        ])
    }

    #[test]
    fn dimensions_come_by_divergence_with_their_own_ranges() -> Result<()> {
        let table = line()?;
        let sliders = Basis::Dimensions(table.dims()).sliders(&table);
        let order: Vec<_> = sliders.iter().map(|slider| slider.index).collect();
        assert_eq!(order, [1, 0, 2]);
        assert_eq!(sliders[0].name, "Dimension 2");
        assert_eq!(sliders[0].range, table.range(1));
        assert_eq!(
            Basis::Dimensions(table.dims()).histogram(&sliders[0], &table, 4),
            table.histogram(1, 4)
        );
        Ok(())
    }

    #[test]
    fn a_component_reaches_three_standard_deviations() -> Result<()> {
        let table = line()?;
        let basis = Basis::Components(Arc::new(Components::of(&table)?));
        let sliders = basis.sliders(&table);
        let reach = 3.0 * 2.0_f32.sqrt();
        let (low, high) = sliders[0].range;
        assert!(
            (high - reach).abs() < 1e-4 && (low + reach).abs() < 1e-4,
            "{low} {high}"
        );
        assert_eq!(sliders.len(), 3);
        assert!((basis.coordinate(0, table.code(4)) - 2.0).abs() < 1e-5);
        let moved = basis.set_coordinate(0, &[1.0, -1.0, 9.0], 5.0);
        for (x, expected) in moved.iter().zip([4.0, 3.0, 9.0]) {
            assert!((x - expected).abs() < 1e-5, "{moved:?}");
        }
        Ok(())
    }

    #[test]
    fn fewer_items_than_dimensions_leave_only_components_with_variance() -> Result<()> {
        let codes = vec![0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 4.0, 0.0];
        let table = CodeTable::new(codes, 4, vec![0.0; 4])?;
        let basis = Basis::Components(Arc::new(Components::of(&table)?));
        let sliders = basis.sliders(&table);
        assert_eq!(sliders.len(), 1);
        assert!((sliders[0].range.1 - 7.5).abs() < 1e-5);
        let one = CodeTable::new(vec![1.0, 2.0], 2, vec![0.0; 2])?;
        assert_eq!(
            Basis::Components(Arc::new(Components::of(&one)?)).sliders(&one),
            []
        );
        Ok(())
    }

    #[test]
    fn histograms_count_every_item() -> Result<()> {
        let codes: Vec<f32> = (0..30_000_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32)
            .collect();
        let table = CodeTable::new(codes, 3, vec![0.1; 3])?;
        for basis in bases(&table)? {
            for slider in basis.sliders(&table) {
                assert!(slider.range.0 < slider.range.1, "{slider:?}");
                let counts = basis.histogram(&slider, &table, 12);
                assert_eq!(counts.iter().sum::<u32>(), 10_000);
                let (low, high) = slider.range;
                let first = (0..table.len())
                    .filter(|&i| {
                        basis.coordinate(slider.index, table.code(i)) < low + (high - low) / 12.0
                    })
                    .count();
                assert!(
                    first.abs_diff(counts[0] as usize) <= 1,
                    "{first} {counts:?}"
                );
                assert_eq!(basis.histogram(&slider, &table, 0), [0_u32; 0]);
            }
        }
        Ok(())
    }

    #[test]
    fn truncation_leads_from_the_mean_to_the_code_and_beyond() {
        let (code, mean) = ([3.0, -1.0], [1.0, 1.0]);
        assert_eq!(truncated(&code, &mean, 0.0), mean);
        assert_eq!(truncated(&code, &mean, 0.5), [2.0, 0.0]);
        assert_eq!(truncated(&code, &mean, 1.0), code);
        assert_eq!(truncated(&code, &mean, 2.0), [5.0, -3.0]);
    }

    proptest! {
        #[test]
        fn a_slider_that_is_moved_shows_its_target_and_holds_the_rest(
            codes in vec(-3.0_f32..3.0, 8 * 4),
            code in vec(-3.0_f32..3.0, 4),
            target in -4.0_f32..4.0,
        ) {
            let table = CodeTable::new(codes, 4, vec![0.1; 4])?;
            let Ok(bases) = bases(&table) else { return Ok(()) };
            for basis in bases {
                let sliders = basis.sliders(&table);
                for slider in &sliders {
                    let moved = basis.set_coordinate(slider.index, &code, target);
                    prop_assert!((basis.coordinate(slider.index, &moved) - target).abs() < 1e-4);
                    if matches!(basis, Basis::Directions(_)) {
                        continue;
                    }
                    for other in sliders.iter().filter(|other| other.index != slider.index) {
                        let before = basis.coordinate(other.index, &code);
                        prop_assert!((basis.coordinate(other.index, &moved) - before).abs() < 1e-4);
                    }
                }
            }
        }
    }
}
