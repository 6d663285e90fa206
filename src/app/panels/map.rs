//! The map: every code as a point on the plane.
//!
//! Invariant: the part that is looked at is the view's camera; dragging and zooming only ask for another.

use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui::{
    self, Align2, Color32, CursorIcon, Modifiers, PointerButton, Pos2, Response, Shape, Stroke, Ui,
    Vec2,
};
use egui_plot::{Plot, PlotBounds, PlotPoint, PlotTransform};

use super::map_cloud::Cloud;
use super::map_item::MapItem;
use super::map_select::Drawing;
use super::{Cx, Panel, map_header, map_hover, map_overlay};
use crate::app::command::{Action, Choice, Command};
use crate::app::fonts::icon;
use crate::app::hint::Hint;
use crate::app::view::Camera;
use crate::app::widgets::{bar_ui, command_button, empty_ui, paint_hint};
use crate::data::Dataset;
use crate::render::{MapLayer, Pictures};
use crate::space::{CodeMap, Selection, blend};

/// How far from a point the pointer still touches it, in points of the interface.
const TOUCH: f32 = 10.0;
/// Items whose codes are blended where a map has no way back.
const BLENDED: usize = 8;

/// The panel.
#[derive(Default)]
pub(crate) struct MapPanel {
    layer: MapLayer,
    cloud: Option<Cloud>,
    transform: Option<PlotTransform>,
    drawing: Drawing,
    pictures: Option<Source>,
    form: map_header::Form,
}

/// Where the pictures on the map come from. The layer keeps those it has as long as `pictures` is the same, also while the
/// data grow.
struct Source {
    session: u64,
    data: Arc<Mutex<Arc<Dataset>>>,
    pictures: Pictures,
}

impl Source {
    fn new(session: u64, data: Arc<Dataset>) -> Self {
        let data = Arc::new(Mutex::new(data));
        let shared = data.clone();
        let pictures: Pictures = Arc::new(move |id| {
            let data = shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            ((id as usize) < data.len()).then(|| data.picture(id as usize))
        });
        Self {
            session,
            data,
            pictures,
        }
    }
}

impl MapPanel {
    /// A panel that draws up to `budget` points as points.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            layer: MapLayer::new(budget),
            ..Self::default()
        }
    }

    /// Where a position of the map lies on the screen, as of the last frame.
    pub(crate) fn screen_position(&self, position: [f32; 2]) -> Option<Pos2> {
        let transform = self.transform.as_ref()?;
        let at = transform.position_from_point(&PlotPoint::new(position[0], position[1]));
        transform.frame().contains(at).then_some(at)
    }
}

impl Panel for MapPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(map) = cx.state.session.projection.clone() else {
            (self.cloud, self.transform) = (None, None);
            waiting_ui(ui, cx);
            return;
        };
        let now_secs = ui.input(|i| i.time) as f32;
        let cloud = Cloud::refresh(self.cloud.take(), ui.ctx(), cx, &map, now_secs);
        if cloud.is_fading() {
            ui.ctx().request_repaint();
        }
        map_header::header_ui(ui, cx, &cloud, &mut self.form);
        self.plot_ui(ui, cx, &cloud, now_secs);
        self.cloud = Some(cloud);
    }
}

fn waiting_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let tokens = cx.tokens;
    let task = cx.state.waiting_for();
    let (title, text) = match (&task, cx.state.model()) {
        (Some((what, _)), _) => (what.as_str(), "The map fills as items are encoded"),
        (None, None) => (
            "No map yet",
            "A model places every item here; train one, or open trained weights",
        ),
        (None, Some(_)) if cx.state.is_training() => {
            ("No map yet", "The first codes appear after the first epoch")
        }
        (None, Some(_)) if cx.state.items() > 0 => ("No map yet", "The items are not encoded"),
        (None, Some(_)) => ("No map yet", "Open data to see where its items lie"),
    };
    empty_ui(ui, tokens, icon::SCATTER, title, text, |ui| {
        match (&task, cx.state.model()) {
            (Some((_, done)), _) => bar_ui(ui, tokens, *done, 160.0),
            (None, None) => command_button(ui, Command::OpenModel, true, cx.out),
            (None, Some(_)) if cx.state.is_training() || cx.state.items() > 0 => {}
            (None, Some(_)) => command_button(ui, Command::OpenFaces, true, cx.out),
        }
    });
}

/// What lies under the pointer.
enum Under {
    Item(usize),
    /// Empty map, with the code that belongs there and whether it is a blend of neighbours'.
    Place(Vec<f32>, bool),
    Nothing,
}

impl MapPanel {
    /// The pictures of the data that is loaded, the same ones while it only grows.
    fn pictures(&mut self, cx: &Cx<'_>) -> Option<Pictures> {
        let session = &cx.state.session;
        let data = session
            .dataset
            .clone()
            .filter(|_| cx.view.look.has_pictures)?;
        match &self.pictures {
            Some(source) if source.session == session.id => {
                *source.data.lock().unwrap_or_else(PoisonError::into_inner) = data;
                Some(source.pictures.clone())
            }
            _ => {
                let source = Source::new(session.id, data);
                let pictures = source.pictures.clone();
                self.pictures = Some(source);
                Some(pictures)
            }
        }
    }

    fn plot_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, cloud: &Cloud, now_secs: f32) {
        let tokens = cx.tokens;
        let map = cloud.map().clone();
        let area = ui.available_rect_before_wrap();
        let bounds = looked_at(cx.view.camera, cloud, area.size());
        let pictures = self.pictures(cx);
        let item = MapItem::new(
            &mut self.layer,
            pictures,
            cx,
            cloud,
            ui.ctx(),
            area.size(),
            bounds,
            now_secs,
        );
        let radius = item.radius();
        let plot = Plot::new("map")
            .show_axes(false)
            .show_grid(true)
            .grid_color(tokens.line)
            .grid_spacing(egui::Rangef::new(48.0, 320.0))
            .show_background(false)
            .show_crosshair(false)
            .show_x(false)
            .show_y(false)
            .allow_drag(false)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .allow_axis_zoom_drag(false)
            .allow_double_click_reset(false)
            .auto_bounds(false);
        ui.painter().rect_filled(area, 0.0, tokens.well);
        let view = item.view();
        let shown = plot.show(ui, |plot| {
            plot.set_plot_bounds(bounds);
            plot.add_item(Box::new(item));
        });
        let (response, transform) = (shown.response, shown.transform);
        self.transform = Some(transform);
        let modifiers = ui.input(|i| i.modifiers);
        let is_drawing = self.drawing.follow(ui, cx, &response, &transform);
        if let Some((polygon, how)) = self.drawing.take() {
            let ids = cloud.data.index.lasso(&polygon);
            let ids = ids.into_iter().filter(|&id| cloud.is_shown(id as usize));
            let items = Selection::from_ids(cx.state.items(), ids);
            cx.out.act(Action::Choose { items, how });
        }
        if !is_drawing {
            look_around(ui, cx, &response, &transform);
        }

        let under = if is_drawing {
            Under::Nothing
        } else {
            self.under(ui, cx, &response, &transform, cloud, &view, &map)
        };
        let touched = match under {
            Under::Item(id) => Some(id),
            _ => None,
        };
        if touched.is_some() {
            cx.out.hovered = touched;
        }
        let at = |id: usize| {
            let p = map.positions().get(id)?;
            Some(transform.position_from_point(&PlotPoint::new(p[0], p[1])))
        };
        let painter = ui.painter().with_clip_rect(*transform.frame());
        map_overlay::paint_links(&painter, cx, &at);
        map_overlay::paint_gaussians(&painter, cx, &map, &transform);
        map_overlay::paint_path(&painter, cx, &map, &transform);
        for (id, colour, width) in [
            (touched.or(cx.hovered), tokens.text_strong, 1.5),
            (cx.view.item(), tokens.text_strong, 2.0),
        ] {
            if let Some((id, at)) = id.and_then(|id| Some((id, at(id)?))) {
                painter.circle_filled(at, radius + 1.0, cloud.colour(id, cx.view));
                painter.circle_stroke(
                    at,
                    radius + 3.5,
                    Stroke::new(width + 2.5, tokens.well.gamma_multiply(0.8)),
                );
                painter.circle_stroke(at, radius + 3.5, Stroke::new(width, colour));
            }
        }
        map_overlay::paint_own(&painter, cx, &transform);
        map_overlay::paint_code(&painter, cx, &map, &transform);
        map_overlay::paint_axes(&painter, tokens, &map, *transform.frame());
        self.drawing.paint(&painter, tokens);
        match under {
            Under::Item(id) => {
                map_hover::card_ui(ui, cx, cloud, &response, id);
                if response.clicked() {
                    click_item(cx, id, modifiers);
                }
            }
            Under::Place(code, is_blend) => {
                map_hover::decoded_ui(ui, cx, &response, is_blend);
                if response.clicked() {
                    let code_there = code.clone();
                    cx.out.act(Action::SetCode {
                        code: code_there,
                        drag: None,
                    });
                }
                cx.out.hovered_code = Some(code);
            }
            Under::Nothing => {}
        }
        if cx.hint == Some(Hint::ClickPoint) {
            let text = Hint::ClickPoint.text();
            let at = transform.frame().center_bottom() - egui::vec2(0.0, 28.0);
            paint_hint(ui, tokens, at, Align2::CENTER_BOTTOM, icon::CLICK, text);
        }
    }

    /// What is under the pointer.
    #[expect(clippy::too_many_arguments, reason = "all of it decides what is meant")]
    fn under(
        &self,
        ui: &Ui,
        cx: &Cx<'_>,
        response: &Response,
        transform: &PlotTransform,
        cloud: &Cloud,
        view: &crate::render::View,
        map: &CodeMap,
    ) -> Under {
        let Some(pointer) = response.hover_pos().filter(|_| !response.dragged()) else {
            return Under::Nothing;
        };
        let at = transform.value_from_position(pointer);
        let per_point = transform.dvalue_dpos()[0].abs();
        if cx.view.look.has_pictures
            && let Some(id) = self.layer.thumbnail_at(&cloud.data, view, [at.x, at.y])
        {
            ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
            return Under::Item(id as usize);
        }
        let reach = TOUCH * per_point as f32;
        let at = [at.x as f32, at.y as f32];
        let nearest = cloud.data.index.nearest(at, reach);
        if let Some(id) = nearest.filter(|&id| cloud.is_shown(id)) {
            ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
            return Under::Item(id);
        }
        let dims = cx.view.code.len();
        let Some(codes) = cx.state.session.codes.as_ref().filter(|c| c.dims() == dims) else {
            return Under::Nothing;
        };
        if let Some(code) = map.unplace(at, Some(&cx.view.code)) {
            return Under::Place(code, false);
        }
        let nearest = cloud.data.index.nearest_many(at, BLENDED);
        match blend(codes.codes(), dims, &nearest) {
            Ok(code) => Under::Place(code, true),
            Err(_) => Under::Nothing,
        }
    }
}

/// A click on an item looks at it; with Ctrl it joins the selection or leaves it.
fn click_item(cx: &mut Cx<'_>, id: usize, modifiers: Modifiers) {
    if !modifiers.command && !modifiers.alt {
        cx.out.act(Action::Select(id));
        return;
    }
    let is_in = cx.view.selection.contains(id as u32);
    let how = if is_in || modifiers.alt {
        Choice::Subtract
    } else {
        Choice::Add
    };
    cx.out.act(Action::Choose {
        items: Selection::from_ids(cx.state.items(), [id as u32]),
        how,
    });
}

/// The camera, or all points, widened to the shape of the panel so that both axes have one scale.
fn looked_at(camera: Option<Camera>, cloud: &Cloud, size: Vec2) -> PlotBounds {
    let (min, max) = match (camera, cloud.data.index.bounds()) {
        (Some(camera), _) => (camera.min, camera.max),
        (None, Some((min, max))) => {
            let margin = 0.06 * f64::from((max[0] - min[0]).max(max[1] - min[1])).max(1e-3);
            (
                min.map(|x| f64::from(x) - margin),
                max.map(|x| f64::from(x) + margin),
            )
        }
        (None, None) => ([-1.0; 2], [1.0; 2]),
    };
    let centre = [0, 1].map(|axis| f64::midpoint(min[axis], max[axis]));
    let per_point = ((max[0] - min[0]) / f64::from(size.x.max(1.0)))
        .max((max[1] - min[1]) / f64::from(size.y.max(1.0)));
    let half = [f64::from(size.x), f64::from(size.y)].map(|s| s * per_point.max(1e-9) / 2.0);
    PlotBounds::from_min_max(
        [centre[0] - half[0], centre[1] - half[1]],
        [centre[0] + half[0], centre[1] + half[1]],
    )
}

/// Dragging moves the camera, the wheel and pinching zoom about the pointer, a double click fits everything.
fn look_around(ui: &Ui, cx: &mut Cx<'_>, response: &Response, transform: &PlotTransform) {
    if response.double_clicked() {
        cx.out.act(Action::Look(None));
        return;
    }
    let mut moved = *transform;
    let is_panning = [
        PointerButton::Primary,
        PointerButton::Secondary,
        PointerButton::Middle,
    ]
    .into_iter()
    .any(|button| response.dragged_by(button));
    if is_panning {
        let delta = response.drag_delta();
        moved.translate_bounds((-f64::from(delta.x), -f64::from(delta.y)));
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    }
    if let Some(pointer) = response.hover_pos() {
        let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
        let factor = (scroll / 240.0).exp() * pinch;
        if factor != 1.0 {
            moved.zoom(Vec2::splat(factor), pointer);
        }
    }
    let bounds = moved.bounds();
    if bounds != transform.bounds() && bounds.is_valid() {
        cx.out.act(Action::Look(Some(Camera {
            min: bounds.min(),
            max: bounds.max(),
        })));
    }
}

/// A cross-hair, over a wider one in the colour of the ground.
pub(super) fn paint_cross(painter: &egui::Painter, at: Pos2, ground: Color32, colour: Color32) {
    for (colour, width) in [(ground, 5.0), (colour, 2.0)] {
        let stroke = Stroke::new(width, colour);
        painter.circle_stroke(at, 9.0, stroke);
        for direction in [Vec2::X, Vec2::Y, -Vec2::X, -Vec2::Y] {
            painter.add(Shape::line_segment(
                [at + direction * 6.0, at + direction * 15.0],
                stroke,
            ));
        }
    }
}
