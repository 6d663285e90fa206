//! The map's points with their colours, made anew when what they show changes, and the plot item that draws them.
//!
//! Invariant: a cloud is rebuilt only when projection, data, colouring or theme change, never while one looks around.

use std::ops::RangeInclusive;
use std::sync::Arc;

use eframe::egui::{Color32, Context, Shape, Ui, Vec2};
use eframe::egui_wgpu;
use egui_plot::{PlotBounds, PlotGeometry, PlotItem, PlotItemBase, PlotTransform};

use super::Cx;
use crate::app::palette;
use crate::app::theme::Tokens;
use crate::app::view::Colouring;
use crate::data::Dataset;
use crate::render::{Look, MapData, MapFrame, MapLayer, PALETTE_LEN, View, shade};
use crate::space::{GridIndex, Projection};

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
    /// The values that the ends of the palette stand for.
    scale: [f32; 2],
    pub data: MapData,
    pub legend: Legend,
    layer: MapLayer,
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
        let known = before.as_ref().filter(|cloud| cloud.session == session.id);
        let positions = projection.positions();
        let births = births(
            known.map(|cloud| &cloud.data.births[..]),
            positions.len(),
            now_secs,
        );
        let index = known.filter(|cloud| Arc::ptr_eq(&cloud.projection, projection));
        let index = index.map_or_else(
            || Arc::new(GridIndex::new(positions)),
            |cloud| cloud.data.index.clone(),
        );
        let (values, scale, palette, legend) = colours(&colouring, data.as_deref(), cx);
        Self {
            data: MapData {
                index,
                values: Arc::new(values),
                births: Arc::new(births),
                palette: Arc::new(palette),
                ..MapData::default()
            },
            scale,
            layer: before.map(|cloud| cloud.layer).unwrap_or_default(),
            projection: projection.clone(),
            colouring,
            is_dark: cx.tokens.is_dark,
            session: session.id,
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
        self.data
            .births
            .last()
            .is_some_and(|born| now_secs < born + FADE_SECS)
    }

    /// The colour of point `id`.
    pub(super) fn colour(&self, id: usize) -> Color32 {
        let value = self.data.values.get(id).copied().unwrap_or(f32::NAN);
        let shade = shade(value, self.scale).unwrap_or(0.0);
        let colour = self.data.palette.get(shade.round() as usize);
        colour.copied().unwrap_or(Color32::GRAY)
    }

    /// The frame that shows `view`.
    pub(super) fn frame(
        &mut self,
        ctx: &Context,
        view: &View,
        tokens: &Tokens,
        now_secs: f32,
    ) -> MapFrame {
        let look = Look {
            scale: self.scale,
            missing: self.data.palette.first().copied().unwrap_or(tokens.accent),
            greyed: tokens.line,
            contour: tokens.text_strong.gamma_multiply(0.35),
            strong: tokens.text_strong,
            rim: if self.is_dark { -0.45 } else { -0.18 },
            now_secs,
            fade_secs: FADE_SECS,
            ..Look::default()
        };
        self.layer.frame(&self.data, view, &look, ctx)
    }
}

/// When each of `n` points appeared: those known before keep their second, newcomers arrive one after the other over a third of a second.
fn births(known: Option<&[f32]>, n: usize, now_secs: f32) -> Vec<f32> {
    let known = known.unwrap_or_default();
    let known = &known[..known.len().min(n)];
    let newcomers = n - known.len();
    let late = |i: usize| now_secs + i as f32 / newcomers as f32 * 0.35;
    known
        .iter()
        .copied()
        .chain((0..newcomers).map(late))
        .collect()
}

/// A value per item, the values at the ends of the palette, the palette, and what it means.
fn colours(
    colouring: &Colouring,
    data: Option<&Dataset>,
    cx: &Cx<'_>,
) -> (Vec<f32>, [f32; 2], Vec<Color32>, Legend) {
    let last = (PALETTE_LEN - 1) as f32;
    let is_dark = cx.tokens.is_dark;
    match (colouring, data) {
        (Colouring::Label, Some(data)) => {
            let Some(labels) = data.labels() else {
                return (
                    Vec::new(),
                    [0.0, last],
                    vec![cx.tokens.accent],
                    Legend::None,
                );
            };
            let values = labels
                .values
                .iter()
                .map(|&v| (usize::from(v) % PALETTE_LEN) as f32)
                .collect();
            let palette = (0..PALETTE_LEN)
                .map(|class| palette::class(class, is_dark))
                .collect();
            (
                values,
                [0.0, last],
                palette,
                Legend::Classes(labels.names.clone()),
            )
        }
        (Colouring::Factor(name), Some(data)) => {
            let Some(factor) = data.factors().iter().find(|f| f.name == *name) else {
                return (
                    Vec::new(),
                    [0.0, last],
                    vec![cx.tokens.accent],
                    Legend::None,
                );
            };
            let (low, high) = factor.range;
            let palette = (0..PALETTE_LEN)
                .map(|i| palette::viridis(i as f32 / last))
                .collect();
            (
                factor.values.clone(),
                [low, high],
                palette,
                Legend::Scale(name.clone(), low, high),
            )
        }
        _ => (
            Vec::new(),
            [0.0, last],
            vec![cx.tokens.accent],
            Legend::None,
        ),
    }
}

/// The map as the plot sees it. Hovering is answered by the map itself, through the grid.
pub(super) struct CloudItem {
    base: PlotItemBase,
    bounds: Option<([f32; 2], [f32; 2])>,
    frame: MapFrame,
}

impl CloudItem {
    pub(super) fn new(cloud: &Cloud, frame: MapFrame) -> Self {
        Self {
            base: PlotItemBase::new("codes".to_owned()),
            bounds: cloud.data.index.bounds(),
            frame,
        }
    }
}

/// The part of the map within `bounds`, shown on `area` of the interface.
pub(super) fn view_of(bounds: &PlotBounds, area: Vec2, px_per_point: f32) -> View {
    View {
        min: bounds.min(),
        max: bounds.max(),
        size_px: [area.x * px_per_point, area.y * px_per_point],
        px_per_point,
    }
}

impl PlotItem for CloudItem {
    fn shapes(&self, ui: &Ui, transform: &PlotTransform, shapes: &mut Vec<Shape>) {
        let rect = *transform.frame();
        let mut frame = self.frame.clone();
        frame.look_at(&view_of(
            transform.bounds(),
            rect.size(),
            ui.ctx().pixels_per_point(),
        ));
        shapes.push(Shape::Callback(egui_wgpu::Callback::new_paint_callback(
            rect, frame,
        )));
    }

    fn initialize(&mut self, _x_range: RangeInclusive<f64>) {}

    fn color(&self) -> Color32 {
        Color32::GRAY
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
