//! The plot item that hands the map over to the graphics card.
//!
//! Invariant: everything that is drawn was decided before the plot is laid out; here it is only put in its place.

use std::ops::RangeInclusive;

use eframe::egui::{Color32, Context, Shape, Ui, Vec2};
use eframe::egui_wgpu;
use egui_plot::{PlotBounds, PlotGeometry, PlotItem, PlotItemBase, PlotTransform};

use super::Cx;
use super::map_cloud::{Cloud, FADE_SECS};
use crate::app::view::Drawn;
use crate::render::{Layers, Look, MapFrame, MapLayer, Pictures, View};

/// One frame of the map.
pub(super) struct MapItem {
    base: PlotItemBase,
    bounds: PlotBounds,
    frame: MapFrame,
    view: View,
}

impl MapItem {
    #[expect(clippy::too_many_arguments, reason = "a frame is made of all of them")]
    /// The map as seen within `bounds` on `size` points of the interface.
    pub(super) fn new(
        layer: &mut MapLayer,
        pictures: Option<Pictures>,
        cx: &Cx<'_>,
        cloud: &Cloud,
        ctx: &Context,
        size: Vec2,
        bounds: PlotBounds,
        now_secs: f32,
    ) -> Self {
        let tokens = cx.tokens;
        let per_point = ctx.pixels_per_point();
        let view = View {
            min: bounds.min(),
            max: bounds.max(),
            size_px: [size.x * per_point, size.y * per_point],
            px_per_point: per_point,
        };
        let look = Look {
            scale: cloud.scale(cx.view),
            missing: tokens.text_faint,
            greyed: tokens.line_strong,
            contour: tokens.text_weak.gamma_multiply(0.5),
            strong: tokens.text_strong,
            rim: if tokens.is_dark { -0.45 } else { -0.18 },
            now_secs,
            fade_secs: FADE_SECS,
            layers: match cx.view.look.points {
                Drawn::Auto => Layers::Auto,
                Drawn::Points => Layers::Points,
                Drawn::Density => Layers::Density,
            },
            thumbnails: pictures.map(|pictures| (cx.view.look.picture_size, pictures)),
        };
        Self {
            base: PlotItemBase::new("codes".to_owned()),
            bounds,
            frame: layer.frame(&cloud.data, &view, &look, ctx),
            view,
        }
    }

    /// Radius of the points, in points of the interface.
    pub(super) fn radius(&self) -> f32 {
        self.frame.radius()
    }

    /// The part of the map that is looked at.
    pub(super) fn view(&self) -> View {
        self.view
    }
}

impl PlotItem for MapItem {
    fn shapes(&self, ui: &Ui, transform: &PlotTransform, shapes: &mut Vec<Shape>) {
        let area = *transform.frame();
        let bounds = transform.bounds();
        let per_point = ui.ctx().pixels_per_point();
        let mut frame = self.frame.clone();
        frame.look_at(&View {
            min: bounds.min(),
            max: bounds.max(),
            size_px: [area.width() * per_point, area.height() * per_point],
            px_per_point: per_point,
        });
        let callback = egui_wgpu::Callback::new_paint_callback(area, frame);
        shapes.push(Shape::Callback(callback));
    }

    fn initialize(&mut self, _x_range: RangeInclusive<f64>) {}

    fn color(&self) -> Color32 {
        Color32::GRAY
    }

    fn geometry(&self) -> PlotGeometry<'_> {
        PlotGeometry::None
    }

    fn bounds(&self) -> PlotBounds {
        self.bounds
    }

    fn base(&self) -> &PlotItemBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut PlotItemBase {
        &mut self.base
    }
}
