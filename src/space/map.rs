//! Maps: the codes of a set of items on the plane, by any method, with the way there and, where there is one, the way back.
//!
//! Invariants: there is one finite position for each item; an item's position is where [`CodeMap::place`] puts its code, where
//! the method places codes; [`CodeMap::place`] undoes [`CodeMap::unplace`].

use std::path::PathBuf;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::blend::weights;
use super::sums::dot;
use super::{CodeTable, Direction, Projection};
use crate::error::{Error, Result};

/// Two attribute axes whose scalar product is further than this from zero are too nearly parallel to span a plane: they are
/// less than three degrees apart.
const NEARLY_PARALLEL: f64 = 0.9986;

/// How a map is made: what a session file keeps of it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum MapMethod {
    /// The first two principal components.
    #[default]
    Components,
    /// Two of the code's own dimensions, counted from 0.
    Raw {
        /// The horizontal one.
        x: usize,
        /// The vertical one.
        y: usize,
    },
    /// Two attribute directions.
    Axes {
        /// The horizontal one.
        x: Box<Direction>,
        /// The vertical one.
        y: Box<Direction>,
    },
    /// t-distributed stochastic neighbour embedding (van der Maaten and Hinton 2008).
    Tsne {
        /// Effective number of neighbours of an item.
        perplexity: f32,
        /// Steps of optimisation.
        iterations: usize,
        /// What chance is drawn from.
        seed: u64,
    },
    /// Uniform manifold approximation and projection (McInnes et al. 2018).
    Umap {
        /// Neighbours of an item in the graph.
        neighbours: usize,
        /// Least distance of items on the plane.
        min_distance: f32,
        /// Passes over the graph.
        epochs: usize,
        /// What chance is drawn from.
        seed: u64,
    },
    /// Positions read from a file.
    File {
        /// The file.
        path: PathBuf,
    },
}

/// Items on the plane.
#[derive(Clone, Debug)]
pub struct CodeMap {
    method: MapMethod,
    way: Way,
}

/// How codes and places lead to each other.
#[derive(Clone, Debug)]
enum Way {
    Components(Projection),
    /// Coordinates of the code: by dimension or along direction, as the method says. The codes' mean stands in where no code
    /// is held.
    Coordinates {
        positions: Vec<[f32; 2]>,
        mean: Vec<f32>,
    },
    /// There is none; there are as many positions as items.
    Nowhere {
        positions: Vec<[f32; 2]>,
    },
}

impl CodeMap {
    /// Items among which a code is placed by [`Self::place_among`].
    pub const PLACED_AMONG: usize = 15;

    /// The map that a projection by principal components is.
    #[must_use]
    pub fn components(projection: Projection) -> Self {
        Self {
            method: MapMethod::Components,
            way: Way::Components(projection),
        }
    }

    /// The codes of `table` by their dimensions `x` and `y`, counted from 0.
    ///
    /// # Errors
    /// When the codes have no such dimension, or both are the same.
    pub fn raw(table: &CodeTable, x: usize, y: usize) -> Result<Self> {
        if let Some(dim) = [x, y].into_iter().find(|&dim| dim >= table.dims()) {
            return Err(Error::usage(format!(
                "there is no dimension {} among {}",
                dim + 1,
                table.dims()
            )));
        }
        if x == y {
            return Err(
                Error::usage(format!("dimension {} cannot be both axes of a map", x + 1))
                    .hint("choose two different dimensions"),
            );
        }
        Ok(Self::by_coordinates(MapMethod::Raw { x, y }, table))
    }

    /// The codes of `table` by their coordinates along two directions.
    ///
    /// # Errors
    /// When a direction is not one of these codes, or both are parallel or nearly so.
    pub fn axes(table: &CodeTable, x: Direction, y: Direction) -> Result<Self> {
        for direction in [&x, &y] {
            if direction.axis.len() != table.dims() {
                return Err(Error::usage(format!(
                    "the direction “{}” is one of codes of {} numbers, not of {}",
                    direction.name,
                    direction.axis.len(),
                    table.dims()
                )));
            }
            // A direction may come from a file.
            let squared_length = dot(&direction.axis, &direction.axis);
            if !(0.999..1.001).contains(&squared_length) {
                return Err(Error::usage(format!(
                    "the direction “{}” is not of unit length",
                    direction.name
                )));
            }
        }
        if dot(&x.axis, &y.axis).abs() > NEARLY_PARALLEL {
            return Err(Error::usage(format!(
                "“{}” and “{}” lead the same way and span no map",
                x.name, y.name
            ))
            .hint("choose two directions that differ"));
        }
        let (x, y) = (Box::new(x), Box::new(y));
        Ok(Self::by_coordinates(MapMethod::Axes { x, y }, table))
    }

    /// `positions` of `items` items that t-SNE or UMAP has found, or that were read from a file.
    ///
    /// # Errors
    /// When the method is another, there are not as many positions as items, or one is not finite.
    pub fn with_positions(
        method: MapMethod,
        positions: Vec<[f32; 2]>,
        items: usize,
    ) -> Result<Self> {
        let error = |reason| match &method {
            MapMethod::File { path } => Error::file(path, reason),
            _ => Error::usage(reason),
        };
        if !matches!(
            method,
            MapMethod::Tsne { .. } | MapMethod::Umap { .. } | MapMethod::File { .. }
        ) {
            return Err(Error::usage(
                "this map's positions follow from the codes and cannot be given",
            ));
        }
        if positions.len() != items {
            return Err(error(format!(
                "{} positions for {items} items",
                positions.len()
            )));
        }
        let finite = |position: &[f32; 2]| position.iter().all(|x| x.is_finite());
        if let Some(item) = positions.iter().position(|position| !finite(position)) {
            return Err(error(format!("the position of item {item} is not finite")));
        }
        Ok(Self {
            method,
            way: Way::Nowhere { positions },
        })
    }

    fn by_coordinates(method: MapMethod, table: &CodeTable) -> Self {
        let positions = table
            .codes()
            .par_chunks_exact(table.dims())
            .map(|code| coordinates(&method, code))
            .collect();
        let mean = table.mean().to_vec();
        Self {
            method,
            way: Way::Coordinates { positions, mean },
        }
    }

    /// How it was made.
    #[must_use]
    pub fn method(&self) -> &MapMethod {
        &self.method
    }

    /// Where each item lies.
    #[must_use]
    pub fn positions(&self) -> &[[f32; 2]] {
        match &self.way {
            Way::Components(projection) => projection.positions(),
            Way::Coordinates { positions, .. } | Way::Nowhere { positions } => positions,
        }
    }

    /// The names of the horizontal and vertical axis; `None` where they mean nothing.
    #[must_use]
    pub fn axis_names(&self) -> Option<[String; 2]> {
        match &self.method {
            MapMethod::Components => Some([1, 2].map(|axis| format!("Component {axis}"))),
            MapMethod::Raw { x, y } => Some([x, y].map(|dim| format!("Dimension {}", dim + 1))),
            MapMethod::Axes { x, y } => Some([x, y].map(|direction| direction.name.clone())),
            MapMethod::Tsne { .. } | MapMethod::Umap { .. } | MapMethod::File { .. } => None,
        }
    }

    /// The shares of the codes' variance that the axes show, where the method knows them.
    #[must_use]
    pub fn explained(&self) -> Option<&[f32]> {
        match &self.way {
            Way::Components(projection) => Some(projection.explained()),
            Way::Coordinates { .. } | Way::Nowhere { .. } => None,
        }
    }

    /// Whether a code's place is an affine function of it.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        !matches!(self.way, Way::Nowhere { .. })
    }

    /// Where a code, `[d]`, lies; `None` where the method places no code but those it was made from: there, see
    /// [`Self::place_among`].
    #[must_use]
    pub fn place(&self, code: &[f32]) -> Option<[f32; 2]> {
        match &self.way {
            Way::Components(projection) => Some(projection.place(code)),
            Way::Coordinates { .. } => Some(coordinates(&self.method, code)),
            Way::Nowhere { .. } => None,
        }
    }

    /// Where a code lies among the items whose codes are nearest to it, pairs of id and distance of codes: their mean
    /// position, weighted by one over the squared distance.
    ///
    /// # Errors
    /// When no item is given, one has no position, or a distance is negative or not finite.
    pub fn place_among(&self, nearest: &[(u32, f32)]) -> Result<[f32; 2]> {
        let mut place = [0.0; 2];
        for (id, weight) in weights(nearest)? {
            let position = self.positions().get(id as usize);
            let position = position
                .ok_or_else(|| Error::usage(format!("there is no position of item {id}")))?;
            for (sum, &x) in place.iter_mut().zip(position) {
                *sum += weight * f64::from(x);
            }
        }
        Ok(place.map(|x| x as f32))
    }

    /// The code, `[d]`, that lies at a place and is nearest to `held`, the present code, or where none is held to the mean of
    /// the codes: what the map does not show stays as it is there. `None` where the method knows no way back: there, see
    /// [`blend`](super::blend()).
    ///
    /// A place off the only axis of codes of one number leads to the code below it.
    #[must_use]
    pub fn unplace(&self, at: [f32; 2], held: Option<&[f32]>) -> Option<Vec<f32>> {
        match &self.way {
            Way::Components(projection) => Some(match held {
                None => projection.unplace(at),
                Some(held) => {
                    let here = projection.place(held);
                    let axes = projection.axes().chunks_exact(projection.mean().len());
                    let moves = axes.zip(at.iter().zip(here));
                    moves.fold(held.to_vec(), |code, (axis, (at, here))| {
                        along(&code, axis, at - here)
                    })
                }
            }),
            Way::Coordinates { mean, .. } => {
                let held = held.unwrap_or(mean);
                match &self.method {
                    MapMethod::Raw { x, y } => {
                        let mut code = held.to_vec();
                        code[*x] = at[0];
                        code[*y] = at[1];
                        Some(code)
                    }
                    MapMethod::Axes { x, y } => {
                        let cosine = dot(&x.axis, &y.axis);
                        let by_x = f64::from(at[0]) - dot(&x.axis, held);
                        let by_y = f64::from(at[1]) - dot(&y.axis, held);
                        // The system [1 c; c 1] [a b] = [by_x by_y] of steps along both.
                        let determinant = 1.0 - cosine * cosine;
                        let a = (by_x - cosine * by_y) / determinant;
                        let b = (by_y - cosine * by_x) / determinant;
                        let axes = x.axis.iter().zip(&y.axis);
                        let step = axes.map(|(&x, &y)| a * f64::from(x) + b * f64::from(y));
                        let pairs = held.iter().zip(step);
                        Some(
                            pairs
                                .map(|(&h, step)| (f64::from(h) + step) as f32)
                                .collect(),
                        )
                    }
                    _ => None,
                }
            }
            Way::Nowhere { .. } => None,
        }
    }

    /// The same map with the codes of `table` in place of those it was made from; `None` where the method cannot place them.
    #[must_use]
    pub fn covering(&self, table: &CodeTable) -> Option<Self> {
        match &self.way {
            Way::Components(projection) => {
                Some(Self::components(projection.covering(table.codes())))
            }
            Way::Coordinates { .. } => Some(Self::by_coordinates(self.method.clone(), table)),
            Way::Nowhere { .. } => None,
        }
    }
}

/// The position that two dimensions or directions give a code.
fn coordinates(method: &MapMethod, code: &[f32]) -> [f32; 2] {
    match method {
        MapMethod::Raw { x, y } => [code[*x], code[*y]],
        MapMethod::Axes { x, y } => [x.coordinate(code), y.coordinate(code)],
        _ => [0.0; 2],
    }
}

fn along(code: &[f32], axis: &[f32], by: f32) -> Vec<f32> {
    code.iter().zip(axis).map(|(x, a)| x + by * a).collect()
}

#[cfg(test)]
mod tests {
    use proptest::array::uniform2;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::space::{DirectionKind, Quality, Separation};

    const UMAP: MapMethod = MapMethod::Umap {
        neighbours: 15,
        min_distance: 0.1,
        epochs: 200,
        seed: 7,
    };

    fn direction(name: &str, axis: &[f32]) -> Direction {
        let length = dot(axis, axis).sqrt() as f32;
        Direction {
            name: name.into(),
            kind: DirectionKind::Classifier,
            axis: axis.iter().map(|x| x / length).collect(),
            centre: 0.0,
            spread: 1.0,
            separation: Separation {
                quality: Quality::Factor { correlation: 0.0 },
                items: 0,
                held_out: true,
            },
        }
    }

    fn table() -> Result<CodeTable> {
        let codes: Vec<f32> = (0..40_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as f32 / 1000.0 - 2.0)
            .collect();
        CodeTable::new(codes, 4, vec![0.1; 4])
    }

    fn maps(table: &CodeTable) -> Result<[CodeMap; 3]> {
        let x = direction("old", &[1.0, 2.0, 0.0, -1.0]);
        let y = direction("glad", &[1.0, 1.0, 0.5, 0.0]);
        Ok([
            CodeMap::components(Projection::pca(table.codes(), 4, 2)?),
            CodeMap::raw(table, 3, 1)?,
            CodeMap::axes(table, x, y)?,
        ])
    }

    #[test]
    fn items_lie_where_their_codes_are_placed() -> Result<()> {
        let table = table()?;
        for map in maps(&table)? {
            assert_eq!(map.positions().len(), 10);
            for (i, &position) in map.positions().iter().enumerate() {
                assert_eq!(map.place(table.code(i)), Some(position));
            }
            let grown = map
                .covering(&table.followed_by(&table)?)
                .expect("codes are placed");
            assert_eq!(
                grown.positions(),
                [map.positions(), map.positions()].concat()
            );
        }
        Ok(())
    }

    #[test]
    fn axes_have_names() -> Result<()> {
        let names = maps(&table()?)?.map(|map| map.axis_names().map(|names| names.join(", ")));
        let names: Vec<_> = names.iter().flatten().collect();
        assert_eq!(
            names,
            [
                "Component 1, Component 2",
                "Dimension 4, Dimension 2",
                "old, glad"
            ]
        );
        Ok(())
    }

    #[test]
    fn raw_dimensions_are_replaced_and_the_rest_is_held() -> Result<()> {
        let table = table()?;
        let map = CodeMap::raw(&table, 3, 1)?;
        assert_eq!(
            map.unplace([8.0, 9.0], Some(&[1.0, 2.0, 3.0, 4.0])),
            Some(vec![1.0, 9.0, 3.0, 8.0])
        );
        let mean = table.mean();
        assert_eq!(
            map.unplace([8.0, 9.0], None),
            Some(vec![mean[0], 9.0, mean[2], 8.0])
        );
        Ok(())
    }

    #[test]
    fn a_map_without_a_way_places_codes_among_their_neighbours() -> Result<()> {
        let map = CodeMap::with_positions(UMAP, vec![[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]], 3)?;
        assert_eq!(map.place(&[1.0]), None);
        assert_eq!(map.unplace([0.0, 0.0], None), None);
        assert_eq!(map.axis_names(), None);
        assert!(map.covering(&table()?).is_none());
        assert_eq!(map.place_among(&[(2, 0.0), (1, 1.0)])?, [0.0, 20.0]);
        assert_eq!(map.place_among(&[(0, 1.0), (1, 0.5)])?, [8.0, 0.0]);
        assert!(map.place_among(&[(3, 1.0)]).is_err());
        assert!(map.place_among(&[]).is_err());
        Ok(())
    }

    #[test]
    fn what_makes_no_map_is_refused() -> Result<()> {
        let table = table()?;
        assert!(CodeMap::raw(&table, 0, 4).is_err());
        assert!(CodeMap::raw(&table, 2, 2).is_err());
        let old = direction("old", &[1.0, 2.0, 0.0, -1.0]);
        let opposite = direction("young", &[-1.0, -2.0, 0.01, 1.0]);
        assert!(CodeMap::axes(&table, old.clone(), opposite).is_err());
        assert!(CodeMap::axes(&table, old.clone(), direction("short", &[1.0])).is_err());
        let mut long = direction("long", &[0.0, 0.0, 1.0, 0.0]);
        assert!(CodeMap::axes(&table, old.clone(), long.clone()).is_ok());
        long.axis[0] = f32::NAN;
        assert!(CodeMap::axes(&table, old, long).is_err());
        let places = || vec![[0.0; 2]; 3];
        assert!(CodeMap::with_positions(UMAP, places(), 4).is_err());
        assert!(CodeMap::with_positions(MapMethod::Components, places(), 3).is_err());
        let file = MapMethod::File {
            path: "xy.npy".into(),
        };
        let error = CodeMap::with_positions(file.clone(), vec![[0.0, 1.0], [f32::NAN, 0.0]], 2);
        let error = error.expect_err("a position is not a number");
        assert!(
            error.is_file() && error.to_string() == "xy.npy: the position of item 1 is not finite",
            "{error}"
        );
        assert!(CodeMap::with_positions(file, places(), 3).is_ok());
        Ok(())
    }

    #[test]
    fn a_method_survives_a_session_file() -> Result<()> {
        for map in maps(&table()?)? {
            let json = |error: serde_json::Error| Error::usage(error.to_string());
            let text = serde_json::to_string(map.method()).map_err(json)?;
            assert_eq!(
                &serde_json::from_str::<MapMethod>(&text).map_err(json)?,
                map.method()
            );
        }
        let text = serde_json::to_value(UMAP).expect("plain numbers");
        assert_eq!(text["method"], "umap");
        assert_eq!(text["seed"], 7);
        Ok(())
    }

    proptest! {
        #[test]
        fn the_way_there_undoes_the_way_back(at in uniform2(-9.0_f32..9.0), held in vec(-5.0_f32..5.0, 4)) {
            for map in maps(&table()?)? {
                for held in [None, Some(held.as_slice())] {
                    let code = map.unplace(at, held).expect("a way back");
                    let place = map.place(&code).expect("a way there");
                    for (found, expected) in place.iter().zip(at) {
                        prop_assert!((found - expected).abs() < 1e-3, "{:?} {place:?} {at:?}", map.method());
                    }
                }
            }
        }

        #[test]
        fn the_place_of_the_held_code_leads_back_to_it(held in vec(-5.0_f32..5.0, 4)) {
            for map in maps(&table()?)? {
                let place = map.place(&held).expect("a way there");
                let code = map.unplace(place, Some(&held)).expect("a way back");
                prop_assert!(code.iter().zip(&held).all(|(a, b)| (a - b).abs() < 1e-4), "{code:?} {held:?}");
            }
        }
    }
}
