//! Layouts: the positions of rows by the methods that optimise them, t-SNE and UMAP, from one graph of neighbours.
//!
//! Invariant: the same graph, start and method give the same positions, whatever the number of threads.

use super::{MapMethod, NeighbourGraph, tsne, umap};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Fewer rows than this are not laid out: all arrangements of three are alike, but for their size.
const FEWEST: usize = 4;

/// How many neighbours of each of `n` rows the layout by `method` is made from; none where it needs no layout.
///
/// # Errors
/// When the method's settings are out of their ranges, or there are fewer than four rows.
pub fn neighbours_for(method: &MapMethod, n: usize) -> Result<Option<usize>> {
    let (name, k) = match *method {
        MapMethod::Tsne { perplexity, .. } => {
            if !(perplexity.is_finite() && perplexity > 0.0) {
                return Err(
                    Error::usage(format!("a perplexity of {perplexity} means nothing"))
                        .hint("take a number from 5 to 50"),
                );
            }
            ("t-SNE", (3.0 * perplexity).ceil() as usize)
        }
        MapMethod::Umap { neighbours, .. } => {
            umap_config(method).check()?;
            ("UMAP", neighbours)
        }
        _ => return Ok(None),
    };
    if n < FEWEST {
        return Err(Error::usage(format!(
            "{name} of {} would tell nothing",
            if n == 1 {
                "1 item".to_owned()
            } else {
                format!("{n} items")
            }
        ))
        .hint("take more items, or the principal components"));
    }
    Ok(Some(k.min(n - 1)))
}

/// Differences between rows below this share of their size are rounding errors.
const ROUNDING: f32 = 1e-6;

/// Whether `rows`, of `d` numbers each, differ from each other, so that there is something to lay out.
///
/// # Errors
/// When all are alike, but for rounding.
pub fn check_spread(rows: &[f32], d: usize) -> Result<()> {
    let (first, others) = rows.split_at(d.min(rows.len()));
    let is_alike = |row: &[f32]| {
        let differs = |(a, b): (&f32, &f32)| (a - b).abs() > ROUNDING * (1.0 + a.abs());
        !first.iter().zip(row).any(differs)
    };
    if others.chunks_exact(d.max(1)).all(is_alike) {
        let n = rows.len() / d.max(1);
        return Err(Error::model(format!(
            "all {n} items are alike: there is nothing to lay out"
        ))
        .hint("take the principal components, or other items"));
    }
    Ok(())
}

/// Where the rows of `graph` lie on the plane by t-SNE or UMAP. They begin at `start`, principal components for example; `show`
/// gets the positions now and then.
///
/// # Errors
/// When the method needs no layout or its settings are out of their ranges, `start` has not one finite position per row, or
/// someone asked for the end.
pub fn lay_out(
    method: &MapMethod,
    graph: &NeighbourGraph,
    start: &[[f32; 2]],
    progress: &Progress,
    show: &mut dyn FnMut(&[[f32; 2]]),
) -> Result<Vec<[f32; 2]>> {
    match *method {
        MapMethod::Tsne {
            perplexity,
            iterations,
            seed,
        } => {
            let config = tsne::TsneConfig {
                perplexity,
                iterations,
                seed,
                ..tsne::TsneConfig::default()
            };
            tsne::layout(graph, start, &config, progress, show)
        }
        MapMethod::Umap { .. } => umap::layout(graph, start, &umap_config(method), progress, show),
        _ => Err(Error::usage("this map needs no layout")),
    }
}

fn umap_config(method: &MapMethod) -> umap::UmapConfig {
    let usual = umap::UmapConfig::default();
    match *method {
        MapMethod::Umap {
            neighbours,
            min_distance,
            epochs,
            seed,
        } => umap::UmapConfig {
            neighbours,
            min_dist: min_distance,
            // A session keeps no epochs as zero.
            epochs: (epochs > 0).then_some(epochs),
            seed,
            ..usual
        },
        _ => usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tsne(perplexity: f32) -> MapMethod {
        MapMethod::Tsne {
            perplexity,
            iterations: 10,
            seed: 1,
        }
    }

    #[test]
    fn a_layout_wants_three_neighbours_per_unit_of_perplexity_and_no_more_than_there_are()
    -> Result<()> {
        assert_eq!(neighbours_for(&tsne(30.0), 1000)?, Some(90));
        assert_eq!(neighbours_for(&tsne(30.0), 50)?, Some(49));
        assert_eq!(neighbours_for(&MapMethod::Components, 3)?, None);
        Ok(())
    }

    #[test]
    fn what_cannot_be_laid_out_is_refused_before_any_work() {
        let refused = neighbours_for(&tsne(30.0), 3).map_err(|e| e.to_string());
        assert!(refused.is_err_and(|e| e.contains("t-SNE of 3 items")));
        assert!(neighbours_for(&tsne(f32::NAN), 100).is_err_and(|e| e.is_usage()));
        let umap = MapMethod::Umap {
            neighbours: 15,
            min_distance: 2.0,
            epochs: 0,
            seed: 1,
        };
        assert!(neighbours_for(&umap, 100).is_err_and(|e| e.is_usage()));
    }
}
