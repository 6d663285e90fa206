//! The map: every code as a point on the plane.
//!
//! Invariant: the part that is looked at is the view's camera; dragging and zooming only ask for another.

use eframe::egui::{
    self, Align, Align2, Color32, ComboBox, CursorIcon, Layout, Pos2, Rect, Response, RichText,
    Shape, Stroke, Ui, Vec2,
};
use egui_plot::{Plot, PlotBounds, PlotPoint, PlotTransform};

use super::map_cloud::{Cloud, CloudItem, Legend, resolve, view_of};
use super::{Cx, Panel, map_hover};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::hint::Hint;
use crate::app::palette;
use crate::app::state::State;
use crate::app::theme::{self, Tokens};
use crate::app::view::{Camera, Colouring};
use crate::app::widgets::{
    bar_ui, command_button, empty_ui, icon_button, paint_hint, scale_ui, swatch_ui,
};
use crate::space::Projection;

/// How far from a point the pointer still touches it, in points of the interface.
const TOUCH: f32 = 10.0;

/// The panel.
#[derive(Default)]
pub(crate) struct MapPanel {
    cloud: Option<Cloud>,
    transform: Option<PlotTransform>,
}

impl MapPanel {
    /// Where a position of the map lies on the screen, as of the last frame.
    pub(crate) fn screen_position(&self, position: [f32; 2]) -> Option<Pos2> {
        let transform = self.transform.as_ref()?;
        let at = transform.position_from_point(&PlotPoint::new(position[0], position[1]));
        transform.frame().contains(at).then_some(at)
    }
}

impl Panel for MapPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(projection) = cx.state.session.projection.clone() else {
            (self.cloud, self.transform) = (None, None);
            waiting_ui(ui, cx);
            return;
        };
        let now_secs = ui.input(|i| i.time) as f32;
        let mut cloud = Cloud::refresh(self.cloud.take(), cx, &projection, now_secs);
        if cloud.is_fading(now_secs) {
            ui.ctx().request_repaint();
        }
        header_ui(ui, cx, &cloud);
        self.plot_ui(ui, cx, &projection, &mut cloud, now_secs);
        self.cloud = Some(cloud);
    }
}

/// What the map can be coloured by, with its name.
pub(crate) fn colourings(state: &State) -> Vec<(String, Colouring)> {
    let mut options = vec![("Nothing".to_owned(), Colouring::Plain)];
    if let Some(data) = &state.session.dataset {
        if data.labels().is_some() {
            options.push(("Class".to_owned(), Colouring::Label));
        }
        let factor = |f: &crate::data::Factor| (f.name.clone(), Colouring::Factor(f.name.clone()));
        options.extend(data.factors().iter().map(factor));
    }
    options
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
        (None, Some(_)) => ("No map yet", "Open data to see where its items lie"),
    };
    empty_ui(ui, tokens, icon::SCATTER, title, text, |ui| {
        match (&task, cx.state.model()) {
            (Some((_, done)), _) => bar_ui(ui, tokens, *done, 160.0),
            (None, None) => command_button(ui, Command::OpenModel, true, cx.out),
            (None, Some(_)) if cx.state.is_training() => {}
            (None, Some(_)) => command_button(ui, Command::OpenFaces, true, cx.out),
        }
    });
}

/// What the colours say, with its legend, and the button that fits the map.
fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, cloud: &Cloud) {
    let tokens = cx.tokens;
    let data = cx.state.session.dataset.clone();
    let shown = resolve(&cx.view.colouring, data.as_deref());
    let options = colourings(cx.state);
    let name = options
        .iter()
        .find(|(_, option)| *option == shown)
        .map_or("Nothing", |(name, _)| name.as_str());
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        ui.set_height(30.0);
        ui.add_space(12.0);
        ui.label(RichText::new("Colour by").color(tokens.text_weak));
        let combo = ComboBox::from_id_salt("colouring")
            .selected_text(name)
            .width(132.0)
            .height(320.0);
        let combo = combo.show_ui(ui, |ui| {
            for (name, option) in &options {
                if ui.selectable_label(*option == shown, name).clicked() {
                    cx.out.act(Action::Colour(option.clone()));
                }
            }
        });
        crate::app::widgets::set_name(&combo.response, "Colour by");
        combo
            .response
            .on_hover_text("What the colour of a point says");
        ui.add_space(theme::STEP);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::STEP);
            icon_button(ui, icon::FIT, Command::FitMap, cx.out);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                legend_ui(ui, tokens, &cloud.legend);
            });
        });
    });
}

fn legend_ui(ui: &mut Ui, tokens: &Tokens, legend: &Legend) {
    match legend {
        Legend::None => {}
        Legend::Scale(name, low, high) => scale_ui(
            ui,
            tokens,
            name,
            &format::number(*low),
            &format::number(*high),
        ),
        Legend::Classes(names) => {
            for (class, name) in names.iter().enumerate() {
                if ui.available_width() < 72.0 {
                    ui.label(
                        RichText::new(format!("+{}", names.len() - class)).color(tokens.text_weak),
                    );
                    break;
                }
                swatch_ui(ui, tokens, palette::class(class, tokens.is_dark), name);
            }
        }
    }
}

impl MapPanel {
    fn plot_ui(
        &mut self,
        ui: &mut Ui,
        cx: &mut Cx<'_>,
        projection: &Projection,
        cloud: &mut Cloud,
        now_secs: f32,
    ) {
        let tokens = cx.tokens;
        let area = ui.available_rect_before_wrap();
        let bounds = looked_at(cx.view.camera, cloud, area.size());
        let view = view_of(&bounds, area.size(), ui.ctx().pixels_per_point());
        let frame = cloud.frame(ui.ctx(), &view, tokens, now_secs);
        let radius = frame.radius();
        let cloud = &*cloud;
        let item = CloudItem::new(cloud, frame);
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
        let shown = plot.show(ui, |plot| {
            plot.set_plot_bounds(bounds);
            plot.add_item(Box::new(item));
        });
        let (response, transform) = (shown.response, shown.transform);
        self.transform = Some(transform);
        look_around(ui, cx, &response, &transform);

        let touched = touched(ui, &response, &transform, cloud);
        if touched.is_some() {
            cx.out.hovered = touched;
        }
        let at = |id: usize| {
            let p = projection.positions().get(id)?;
            Some(transform.position_from_point(&PlotPoint::new(p[0], p[1])))
        };
        let painter = ui.painter().with_clip_rect(*transform.frame());
        paint_links(&painter, cx, &at);
        for (id, colour, width) in [
            (touched.or(cx.hovered), tokens.text_strong, 1.5),
            (cx.view.item(), tokens.text_strong, 2.0),
        ] {
            if let Some((id, at)) = id.and_then(|id| Some((id, at(id)?))) {
                painter.circle_filled(at, radius + 1.0, cloud.colour(id));
                painter.circle_stroke(
                    at,
                    radius + 3.5,
                    Stroke::new(width + 2.5, tokens.well.gamma_multiply(0.8)),
                );
                painter.circle_stroke(at, radius + 3.5, Stroke::new(width, colour));
            }
        }
        paint_code(&painter, cx, projection, &transform);
        paint_axes(
            &painter,
            tokens,
            projection,
            cx.view.code.len(),
            *transform.frame(),
        );
        if let Some(id) = touched {
            map_hover::card_ui(ui, cx, &response, id);
            if response.clicked() {
                cx.out.act(Action::Select(id));
            }
        }
        if cx.hint == Some(Hint::ClickPoint) {
            let text = Hint::ClickPoint.text();
            let at = transform.frame().center_bottom() - egui::vec2(0.0, 28.0);
            paint_hint(ui, tokens, at, Align2::CENTER_BOTTOM, icon::CLICK, text);
        }
    }
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
    if response.dragged() {
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

/// The item under the pointer.
fn touched(
    ui: &Ui,
    response: &Response,
    transform: &PlotTransform,
    cloud: &Cloud,
) -> Option<usize> {
    let pointer = response.hover_pos().filter(|_| !response.dragged())?;
    let at = transform.value_from_position(pointer);
    let reach = TOUCH * transform.dvalue_dpos()[0].abs() as f32;
    let id = cloud
        .data
        .index
        .nearest([at.x as f32, at.y as f32], reach)?;
    ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    Some(id)
}

/// Lines from the selection to its neighbours: in code space, and fainter in pixel space.
fn paint_links(painter: &egui::Painter, cx: &Cx<'_>, at: &impl Fn(usize) -> Option<Pos2>) {
    let (Some(comparison), Some(from)) = (&cx.state.comparison, cx.view.item().and_then(at)) else {
        return;
    };
    let tokens = cx.tokens;
    let rows = [
        (&comparison.pixels, tokens.second, 0.45),
        (&comparison.codes, tokens.accent, 0.85),
    ];
    for (neighbours, colour, strength) in rows {
        let colour = colour.gamma_multiply(strength);
        for to in neighbours.ids.iter().filter_map(|&id| at(id as usize)) {
            painter.line_segment([from, to], Stroke::new(1.0, colour));
            painter.circle_stroke(to, 4.5, Stroke::new(1.5, colour));
        }
    }
}

/// Where the sliders' code lies: a cross-hair that moves with them.
fn paint_code(
    painter: &egui::Painter,
    cx: &Cx<'_>,
    projection: &Projection,
    transform: &PlotTransform,
) {
    if cx.view.code.is_empty() || cx.view.code.len() != projection.mean().len() {
        return;
    }
    let [x, y] = projection.place(&cx.view.code);
    let at = transform.position_from_point(&PlotPoint::new(x, y));
    let cross = |colour: Color32, width: f32| {
        let stroke = Stroke::new(width, colour);
        painter.circle_stroke(at, 9.0, stroke);
        for direction in [Vec2::X, Vec2::Y, -Vec2::X, -Vec2::Y] {
            painter.add(Shape::line_segment(
                [at + direction * 6.0, at + direction * 15.0],
                stroke,
            ));
        }
    };
    cross(cx.tokens.well, 5.0);
    cross(cx.tokens.accent, 2.0);
}

fn paint_axes(
    painter: &egui::Painter,
    tokens: &Tokens,
    projection: &Projection,
    dims: usize,
    frame: Rect,
) {
    let name = |axis: usize| {
        let share = projection.explained().get(axis).copied().unwrap_or(0.0) * 100.0;
        if dims == 2 {
            format!("{}  ·  {share:.0} % of variance", format::dimension(axis))
        } else {
            format!("Component {}  ·  {share:.0} % of variance", axis + 1)
        }
    };
    let font = theme::regular(theme::CAPTION);
    let colour = tokens.text_weak;
    let plate = |rect: Rect| {
        painter.rect_filled(
            rect.expand2(egui::vec2(6.0, 2.0)),
            8.0,
            tokens.well.gamma_multiply(0.85),
        );
    };
    let below = painter.layout_no_wrap(name(0), font.clone(), colour);
    let at = frame.center_bottom() - egui::vec2(below.size().x / 2.0, below.size().y + 6.0);
    plate(Rect::from_min_size(at, below.size()));
    painter.galley(at, below, colour);
    let beside = painter.layout_no_wrap(name(1), font, colour);
    let at = frame.left_center() + egui::vec2(6.0, beside.size().x / 2.0);
    plate(Rect::from_min_max(
        at - egui::vec2(0.0, beside.size().x),
        at + egui::vec2(beside.size().y, 0.0),
    ));
    let mut text = egui::epaint::TextShape::new(at, beside, colour);
    text.angle = -std::f32::consts::FRAC_PI_2;
    painter.add(text);
}
