//! Where the key-frames of the path lie on a map that places no code by itself: among the items with the nearest codes.
//!
//! Invariant: each code is searched for once per set of codes, by the engine; from then on a place is a short sum.

use std::collections::HashMap;
use std::sync::Arc;

use super::application::App;
use super::state::State;
use crate::engine::Request;
use crate::space::path::{KeyFrame, Path};
use crate::space::{CodeMap, CodeTable};

/// The items with the nearest codes of key-frames that are no items.
#[derive(Default)]
pub(crate) struct KeyPlaces {
    /// Among which codes they are the nearest.
    codes: Option<Arc<CodeTable>>,
    /// Ids and distances by the bits of a key-frame's code.
    nearest: HashMap<Vec<u32>, Vec<(u32, f32)>>,
    /// The codes that were asked for last.
    asked: Vec<Vec<f32>>,
}

fn bits(code: &[f32]) -> Vec<u32> {
    code.iter().map(|x| x.to_bits()).collect()
}

/// Where a key-frame lies on `map`: where its code does, else where its item does, else among the nearest items once these are
/// known.
pub(crate) fn key_place(state: &State, map: &CodeMap, key: &KeyFrame) -> Option<[f32; 2]> {
    let of_item = || map.positions().get(key.item?).copied();
    let among = || {
        let nearest = state.key_places.nearest.get(&bits(&key.code))?;
        map.place_among(nearest).ok()
    };
    map.place(&key.code).or_else(of_item).or_else(among)
}

/// The different codes of keys that lie on `map` only among others.
fn in_between(path: &Path, map: &CodeMap) -> Vec<Vec<f32>> {
    let mut codes: Vec<Vec<f32>> = Vec::new();
    if map.axis_names().is_some() {
        return codes;
    }
    let items = map.positions().len();
    for key in path.keys() {
        if key.item.is_none_or(|item| item >= items) && !codes.contains(&key.code) {
            codes.push(key.code.clone());
        }
    }
    codes
}

impl App {
    /// Asks for the neighbours of key-frames that have none yet, where the map needs them.
    pub(super) fn place_keys(&mut self) {
        let session = &self.state.session;
        let (Some(map), Some(codes)) = (&session.projection, &session.codes) else {
            return;
        };
        let places = &mut self.state.key_places;
        if !places.codes.as_ref().is_some_and(|c| Arc::ptr_eq(c, codes)) {
            *places = KeyPlaces {
                codes: Some(codes.clone()),
                ..KeyPlaces::default()
            };
        }
        if self.view.path.code_size() != Some(codes.dims()) {
            return;
        }
        let mut missing = in_between(&self.view.path, map);
        missing.retain(|code| !places.nearest.contains_key(&bits(code)));
        if missing.is_empty() || missing == places.asked {
            return;
        }
        self.generations.key_places += 1;
        self.engine.request(Request::PlaceKeys {
            generation: self.generations.key_places,
            codes: missing.concat(),
        });
        places.asked = missing;
    }

    /// Takes the neighbours of the key-frames that were asked for last.
    pub(super) fn apply_key_places(&mut self, nearest: Vec<Vec<(u32, f32)>>) {
        let places = &mut self.state.key_places;
        let asked = std::mem::take(&mut places.asked);
        let found = asked.iter().map(|code| bits(code)).zip(nearest);
        places.nearest.extend(found);
        // Those of key-frames that are gone would add up.
        let keys = self.view.path.keys();
        let present: Vec<Vec<u32>> = keys.iter().map(|key| bits(&key.code)).collect();
        places.nearest.retain(|code, _| present.contains(code));
    }
}
