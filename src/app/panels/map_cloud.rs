//! The map's points with their colours, made anew when what they show changes, and the plot item that draws them.
//!
//! Invariant: a cloud is rebuilt only when projection, data, colouring or theme change, never while one looks around.

use std::ops::RangeInclusive;
use std::sync::Arc;

use eframe::egui::{Color32, Shape, Ui};
use eframe::egui_wgpu;
use egui_plot::{PlotBounds, PlotGeometry, PlotItem, PlotItemBase, PlotTransform};

use super::Cx;
use super::map_index::GridIndex;
use crate::app::palette;
use crate::app::view::Colouring;
use crate::data::Dataset;
use crate::render::{PALETTE_LEN, Point, PointCloud, PointLook};
use crate::space::Projection;

/// Seconds over which new points fade in.
pub(super) const FADE_SECS: f32 = 0.7;

/// What the colours mean.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Legend {
    None,
    /// Class names.
    Classes(Vec<String>),
    /// A factor's name and the ends of its scale.
    Scale(String, f32, f32),
}

/// The points and everything that follows from them.
pub(super) struct Cloud {
    projection: Arc<Projection>,
    colouring: Colouring,
    is_dark: bool,
    session: u64,
    revision: u64,
    points: Arc<Vec<Point>>,
    palette: Arc<Vec<Color32>>,
    pub legend: Legend,
    pub index: GridIndex,
}

/// The colouring that `Auto` stands for.
pub(super) fn resolve(colouring: &Colouring, data: Option<&Dataset>) -> Colouring {
    let Some(data) = data else {
        return Colouring::Plain;
    };
    let first = || {
        if data.labels().is_some() {
            Colouring::Label
        } else {
            data.factors()
                .first()
                .map_or(Colouring::Plain, |f| Colouring::Factor(f.name.clone()))
        }
    };
    match colouring {
        Colouring::Auto => first(),
        Colouring::Label if data.labels().is_none() => first(),
        Colouring::Factor(name) if data.factors().iter().all(|f| f.name != *name) => first(),
        other => other.clone(),
    }
}

impl Cloud {
    /// `before` where nothing changed, else a new cloud. New points are born at `now_secs`.
    pub(super) fn refresh(
        before: Option<Self>,
        cx: &Cx<'_>,
        projection: &Arc<Projection>,
        now_secs: f32,
    ) -> Self {
        let session = &cx.state.session;
        let data = session.dataset.clone();
        let colouring = resolve(&cx.view.colouring, data.as_deref());
        let before = match before {
            Some(cloud) if cloud.shows(projection, &colouring, session.id, cx.tokens.is_dark) => {
                return cloud;
            }
            other => other,
        };
        let births = before
            .as_ref()
            .filter(|cloud| cloud.session == session.id)
            .map(|cloud| cloud.points.clone());
        let born = |i: usize, n: usize, known: usize| {
            let known_birth = births.as_ref().and_then(|p| p.get(i)).map(|p| p.born_secs);
            // Newcomers arrive one after the other, over a third of a second.
            known_birth
                .unwrap_or_else(|| now_secs + (i - known) as f32 / (n - known).max(1) as f32 * 0.35)
        };
        let (shades, palette, legend) = colours(&colouring, data.as_deref(), cx);
        let positions = projection.positions();
        let known = births.as_ref().map_or(0, |p| p.len()).min(positions.len());
        let points = positions.iter().enumerate().map(|(i, &position)| Point {
            position,
            shade: shades.get(i).copied().unwrap_or(0.0),
            born_secs: born(i, positions.len(), known),
        });
        Self {
            points: Arc::new(points.collect()),
            index: GridIndex::new(positions),
            revision: before.map_or(1, |cloud| cloud.revision + 1),
            projection: projection.clone(),
            colouring,
            is_dark: cx.tokens.is_dark,
            session: session.id,
            palette: Arc::new(palette),
            legend,
        }
    }

    fn shows(
        &self,
        projection: &Arc<Projection>,
        colouring: &Colouring,
        session: u64,
        is_dark: bool,
    ) -> bool {
        Arc::ptr_eq(&self.projection, projection)
            && self.colouring == *colouring
            && (self.session, self.is_dark) == (session, is_dark)
    }

    /// Whether points are still fading in.
    pub(super) fn is_fading(&self, now_secs: f32) -> bool {
        self.points
            .last()
            .is_some_and(|p| now_secs < p.born_secs + FADE_SECS)
    }

    /// The colour of point `id`.
    pub(super) fn colour(&self, id: usize) -> Color32 {
        let shade = self.points.get(id).map_or(0.0, |p| p.shade);
        self.palette
            .get(shade.round() as usize)
            .copied()
            .unwrap_or(Color32::GRAY)
    }

    /// The plot item that draws the points.
    pub(super) fn item(&self, radius: f32, opacity: f32, now_secs: f32) -> CloudItem {
        CloudItem {
            base: PlotItemBase::new("codes".to_owned()),
            bounds: self.index.bounds(),
            radius,
            cloud: PointCloud {
                points: self.points.clone(),
                revision: self.revision,
                palette: self.palette.clone(),
                look: PointLook {
                    scale: [1.0; 2],
                    offset: [0.0; 2],
                    size_px: [1.0; 2],
                    radius_px: radius,
                    opacity,
                    now_secs,
                    fade_secs: FADE_SECS,
                    rim: if self.is_dark { -0.45 } else { -0.18 },
                },
            },
        }
    }
}

/// A shade per item, the palette it refers to, and what it means.
fn colours(
    colouring: &Colouring,
    data: Option<&Dataset>,
    cx: &Cx<'_>,
) -> (Vec<f32>, Vec<Color32>, Legend) {
    let is_dark = cx.tokens.is_dark;
    match (colouring, data) {
        (Colouring::Label, Some(data)) => {
            let Some(labels) = data.labels() else {
                return (Vec::new(), vec![cx.tokens.accent], Legend::None);
            };
            let shades = labels
                .values
                .iter()
                .map(|&v| (usize::from(v) % PALETTE_LEN) as f32)
                .collect();
            let palette = (0..PALETTE_LEN)
                .map(|class| palette::class(class, is_dark))
                .collect();
            (shades, palette, Legend::Classes(labels.names.clone()))
        }
        (Colouring::Factor(name), Some(data)) => {
            let Some(factor) = data.factors().iter().find(|f| f.name == *name) else {
                return (Vec::new(), vec![cx.tokens.accent], Legend::None);
            };
            let (low, high) = factor.range;
            let last = (PALETTE_LEN - 1) as f32;
            let scale = last / (high - low).max(f32::MIN_POSITIVE);
            let shades = factor
                .values
                .iter()
                .map(|v| ((v - low) * scale).clamp(0.0, last))
                .collect();
            let palette = (0..PALETTE_LEN)
                .map(|i| palette::viridis(i as f32 / last))
                .collect();
            (shades, palette, Legend::Scale(name.clone(), low, high))
        }
        _ => (Vec::new(), vec![cx.tokens.accent; 2], Legend::None),
    }
}

/// The points as the plot sees them. Hovering is answered by the map itself, through the grid.
pub(super) struct CloudItem {
    base: PlotItemBase,
    bounds: Option<([f32; 2], [f32; 2])>,
    /// In points of the interface.
    radius: f32,
    cloud: PointCloud,
}

impl PlotItem for CloudItem {
    fn shapes(&self, ui: &Ui, transform: &PlotTransform, shapes: &mut Vec<Shape>) {
        let frame = *transform.frame();
        let bounds = transform.bounds();
        let (centre, size) = (bounds.center(), [bounds.width(), bounds.height()]);
        let scale = size.map(|s| 2.0 / s);
        let per_point = ui.ctx().pixels_per_point();
        let mut cloud = self.cloud.clone();
        cloud.look.scale = scale.map(|s| s as f32);
        cloud.look.offset = [(-centre.x * scale[0]) as f32, (-centre.y * scale[1]) as f32];
        cloud.look.size_px = [frame.width() * per_point, frame.height() * per_point];
        cloud.look.radius_px = self.radius * per_point;
        shapes.push(Shape::Callback(egui_wgpu::Callback::new_paint_callback(
            frame, cloud,
        )));
    }

    fn initialize(&mut self, _x_range: RangeInclusive<f64>) {}

    fn color(&self) -> Color32 {
        self.cloud.palette.first().copied().unwrap_or(Color32::GRAY)
    }

    fn geometry(&self) -> PlotGeometry<'_> {
        PlotGeometry::None
    }

    fn bounds(&self) -> PlotBounds {
        match self.bounds {
            Some((min, max)) => PlotBounds::from_min_max(min.map(f64::from), max.map(f64::from)),
            None => PlotBounds::NOTHING,
        }
    }

    fn base(&self) -> &PlotItemBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut PlotItemBase {
        &mut self.base
    }
}
