//! The map: the codes on the plane, by the method that is wanted.
//!
//! Invariant: while a layout is sought the map shows how far it has got; when that is given up, the map before comes back.

use std::sync::Arc;

use super::core::Core;
use super::message::Event;
use super::workshop::{Bench, Deliver};
use crate::data::formats::read_positions;
use crate::error::Result;
use crate::progress::Progress;
use crate::space::{
    CodeMap, CodeTable, MapMethod, NeighbourGraph, Projection, check_spread, lay_out,
    neighbours_for,
};

/// Layouts that are kept, so that going back to one takes no time.
const KEPT: usize = 4;
/// What chance in the search for neighbours is drawn from.
const GRAPH_SEED: u64 = 1;
/// The share of a layout's progress that the search for neighbours takes.
const GRAPH_SHARE: f32 = 0.2;

/// What is kept of layouts.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    /// What the maps below are maps of.
    codes: Option<Arc<CodeTable>>,
    done: Vec<Arc<CodeMap>>,
    graph: Option<Arc<NeighbourGraph>>,
    /// The map that was there before a layout began.
    before: Option<Arc<CodeMap>>,
}

impl Mapping {
    /// Forgets what is of other codes.
    fn of(&mut self, codes: &Arc<CodeTable>) -> &mut Self {
        let is_same = self
            .codes
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, codes));
        if !is_same {
            *self = Self {
                codes: Some(codes.clone()),
                ..Self::default()
            };
        }
        self
    }
}

impl Core {
    /// Shows the codes by `method` from now on.
    pub(super) fn project(&mut self, method: MapMethod) -> Result<()> {
        self.end_layout();
        self.session.maps_asked += 1;
        self.session.map_method = method;
        let result = self.make_map();
        if result.is_err()
            && let Some(map) = &self.session.projection
        {
            self.session.map_method = map.method().clone();
        }
        self.publish();
        result
    }

    /// A map of codes that may still grow: by the wanted method where it needs no layout, else by principal components.
    pub(super) fn map_of(&self, table: &CodeTable) -> Result<CodeMap> {
        if table.dims() == 2 && self.session.map_method == MapMethod::Components {
            return CodeMap::raw(table, 0, 1);
        }
        match &self.session.map_method {
            MapMethod::Raw { x, y } => CodeMap::raw(table, *x, *y),
            MapMethod::Axes { x, y } => CodeMap::axes(table, (**x).clone(), (**y).clone()),
            _ => components(table),
        }
        .or_else(|_| components(table))
    }

    /// Makes the wanted map of the present codes, or begins to.
    pub(super) fn make_map(&mut self) -> Result<()> {
        let Some(codes) = self.session.codes.clone() else {
            return Ok(());
        };
        let method = self.session.map_method.clone();
        let mapping = self.mapping.of(&codes);
        if let Some(map) = mapping.done.iter().find(|m| *m.method() == method) {
            self.session.projection = Some(map.clone());
            return Ok(());
        }
        let map = match &method {
            MapMethod::Tsne { .. } | MapMethod::Umap { .. } if !self.session.is_encoded => {
                return Ok(());
            }
            MapMethod::Tsne { .. } | MapMethod::Umap { .. } => {
                self.lay_out(method, codes);
                return Ok(());
            }
            MapMethod::File { path } => {
                if !self.session.is_encoded {
                    return Ok(());
                }
                let positions = read_positions(path, codes.len())?;
                CodeMap::with_positions(method.clone(), positions, codes.len())?
            }
            MapMethod::Components if codes.dims() == 2 => CodeMap::raw(&codes, 0, 1)?,
            MapMethod::Components => components(&codes)?,
            MapMethod::Raw { x, y } => CodeMap::raw(&codes, *x, *y)?,
            MapMethod::Axes { x, y } => CodeMap::axes(&codes, (**x).clone(), (**y).clone())?,
        };
        self.session.projection = Some(Arc::new(map));
        Ok(())
    }

    fn lay_out(&mut self, method: MapMethod, codes: Arc<CodeTable>) {
        let known = self.mapping.graph.clone();
        self.mapping.before.clone_from(&self.session.projection);
        let name = match method {
            MapMethod::Tsne { .. } => "t-SNE",
            _ => "UMAP",
        };
        let what = format!("Laying out by {name}");
        let work = move |progress: &Progress, deliver: &mut Deliver<'_>| {
            let k = neighbours_for(&method, codes.len())?.unwrap_or_default();
            check_spread(codes.codes(), codes.dims())?;
            let graph = if let Some(graph) = known.filter(|graph| graph.k() >= k) {
                graph
            } else {
                let part = progress.part(0.0, GRAPH_SHARE);
                let graph = NeighbourGraph::new(codes.codes(), codes.dims(), k, GRAPH_SEED, &part)?;
                Arc::new(graph)
            };
            let kept = graph.clone();
            deliver(Box::new(move |core| {
                core.mapping.graph = Some(kept);
                Ok(())
            }));
            let used = graph.truncated(k);
            let start = components(&codes)?;
            let rest = progress.part(GRAPH_SHARE, 1.0);
            let mut show = |positions: &[[f32; 2]]| {
                let map = CodeMap::with_positions(method.clone(), positions.to_vec(), codes.len());
                if let Ok(map) = map {
                    deliver(Box::new(move |core| {
                        core.take_map(map, false);
                        Ok(())
                    }));
                }
            };
            let positions = lay_out(&method, &used, start.positions(), &rest, &mut show)?;
            let map = CodeMap::with_positions(method.clone(), positions, codes.len())?;
            deliver(Box::new(move |core| {
                core.take_map(map, true);
                Ok(())
            }));
            Ok(())
        };
        self.workshop
            .start(Bench::Map, &what, move |progress, deliver| {
                let result = work(progress, deliver);
                if result.is_err() {
                    deliver(Box::new(|core| {
                        core.bring_back();
                        core.publish();
                        Ok(())
                    }));
                }
                result
            });
    }

    fn take_map(&mut self, map: CodeMap, is_done: bool) {
        let map = Arc::new(map);
        if is_done {
            self.mapping.before = None;
            self.mapping.done.push(map.clone());
            if self.mapping.done.len() > KEPT {
                self.mapping.done.remove(0);
            }
        }
        self.session.projection = Some(map);
        self.publish();
    }

    /// Gives up a layout that is under way.
    pub(super) fn end_layout(&mut self) {
        if self.workshop.is_at(Bench::Map) {
            self.workshop.cancel(Bench::Map);
            self.bring_back();
        }
    }

    /// Shows the map that was there before a layout of which nothing came.
    fn bring_back(&mut self) {
        if let Some(before) = self.mapping.before.take() {
            self.session.map_method = before.method().clone();
            self.session.projection = Some(before);
        }
    }

    /// Places a code on a map that places none by itself, among the items with the nearest codes.
    pub(super) fn tell_place(&self, generation: u64, nearest: &[(u32, f32)]) {
        if let Some(map) = &self.session.projection
            && let Ok(position) = map.place_among(nearest)
        {
            self.outbox.send(Event::Placed {
                generation,
                position,
            });
        }
    }
}

fn components(table: &CodeTable) -> Result<CodeMap> {
    Ok(CodeMap::components(Projection::pca(
        table.codes(),
        table.dims(),
        2,
    )?))
}
