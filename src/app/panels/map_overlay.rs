//! What is painted over the points: links to neighbours, the path, the code's place, the names of the axes.
//!
//! Invariant: shows only what has a place on this map.

use eframe::egui::{self, Color32, Painter, Pos2, Rect, Shape, Stroke};
use egui_plot::{PlotPoint, PlotTransform};

use super::Cx;
use super::map::paint_cross;
use super::retrieval::{ROWS, row_colour};
use crate::app::key_places::key_place;
use crate::app::state::State;
use crate::app::theme::{self, Tokens};
use crate::engine::Mixed;
use crate::space::CodeMap;

/// Gaussians that are drawn at most, the heaviest, and points of the contour of each.
const GAUSSIANS: usize = 16;
const CONTOUR: usize = 64;
/// Points along a path per key-frame.
const PATH_STEPS: usize = 24;

fn on_screen(transform: &PlotTransform, place: [f32; 2]) -> Pos2 {
    transform.position_from_point(&PlotPoint::new(place[0], place[1]))
}

/// Lines from the item in focus to its neighbours in every row of the retrieval panel, those of the last row strongest.
pub(super) fn paint_links(painter: &Painter, cx: &Cx<'_>, at: &impl Fn(usize) -> Option<Pos2>) {
    let (Some(comparison), Some(from)) = (&cx.state.comparison, cx.view.item().and_then(at)) else {
        return;
    };
    let tokens = cx.tokens;
    let count = comparison.rows.len();
    for (at_row, row) in comparison.rows.iter().enumerate().take(ROWS) {
        // The last row's links are the strongest: it is the space one came for.
        let strength = if at_row + 1 == count { 0.85 } else { 0.45 };
        let colour = row_colour(tokens, at_row).gamma_multiply(strength);
        for to in row.ids.iter().filter_map(|&id| at(id as usize)) {
            painter.line_segment([from, to], Stroke::new(1.0, colour));
            painter.circle_stroke(to, 4.5, Stroke::new(1.5, colour));
        }
    }
}

/// The mixture over the codes that lie on the map, where this is linear.
pub(super) fn mixture_of(state: &State) -> Option<&Mixed> {
    let mixed = state.session.density.as_deref()?;
    let is_linear = state.session.projection.as_ref()?.is_linear();
    (is_linear && mixed.of_codes().is_some()).then_some(mixed)
}

/// The Gaussians of a mixture over the codes, each at one standard deviation with its number by weight; the heavier, the stronger.
/// Only a linear map shows them as they are.
pub(super) fn paint_gaussians(
    painter: &Painter,
    cx: &Cx<'_>,
    map: &CodeMap,
    transform: &PlotTransform,
) {
    let wanted = cx.view.look.has_gaussians;
    let Some(mixed) = mixture_of(cx.state).filter(|_| wanted) else {
        return;
    };
    let mixture = mixed.density.mixture();
    let weights: Vec<f64> = mixture.weights().collect();
    let heaviest = mixed.means.first().map_or(1.0, |(own, _)| weights[*own]);
    for (i, (component, _)) in mixed.means.iter().take(GAUSSIANS).enumerate() {
        let Some([centre, a, b]) = mixture.seen(*component, |code| map.place(code)) else {
            return;
        };
        let contour = (0..CONTOUR).map(|step| {
            let (sin, cos) = (std::f32::consts::TAU * step as f32 / CONTOUR as f32).sin_cos();
            let at = [0, 1].map(|i| centre[i] + a[i] * cos + b[i] * sin);
            on_screen(transform, at)
        });
        let contour: Vec<Pos2> = contour.collect();
        let strength = (weights[*component] / heaviest) as f32;
        let below = Stroke::new(3.5, cx.tokens.well.gamma_multiply(0.7));
        painter.add(Shape::closed_line(contour.clone(), below));
        let stroke = Stroke::new(0.75 + strength, cx.tokens.accent);
        painter.add(Shape::closed_line(contour, stroke));
        let at = on_screen(transform, centre);
        painter.circle(at, 8.0, cx.tokens.well, Stroke::new(1.0, cx.tokens.accent));
        painter.text(
            at,
            egui::Align2::CENTER_CENTER,
            i + 1,
            theme::strong(10.0),
            cx.tokens.accent,
        );
    }
}

/// The way along the key-frames: a line where the map places every code, else straight dashes between those that have a place so
/// far, of which each keeps its number.
pub(super) fn paint_path(painter: &Painter, cx: &Cx<'_>, map: &CodeMap, transform: &PlotTransform) {
    let path = &cx.view.path;
    if path.keys().is_empty() || path.code_size() != Some(cx.view.code.len()) {
        return;
    }
    let colour = cx.tokens.second;
    let place = |key| Some(on_screen(transform, key_place(cx.state, map, key)?));
    let keys = path.keys().iter().map(place).enumerate();
    let keys: Vec<(usize, Pos2)> = keys.filter_map(|(i, at)| Some((i, at?))).collect();
    let steps = PATH_STEPS * path.keys().len();
    let way: Vec<Pos2> = (0..=steps)
        .map_while(|i| {
            let secs = path.duration() * i as f64 / steps as f64;
            Some(on_screen(transform, map.place(&path.code_at(secs)?)?))
        })
        .collect();
    if way.len() > steps {
        painter.add(Shape::line(way.clone(), Stroke::new(4.0, cx.tokens.well)));
        painter.add(Shape::line(way, Stroke::new(2.0, colour)));
    } else {
        let back = keys.first().filter(|_| path.is_loop());
        let corners: Vec<Pos2> = keys.iter().chain(back).map(|(_, at)| *at).collect();
        let stroke = Stroke::new(2.0, colour);
        painter.extend(Shape::dashed_line(&corners, stroke, 6.0, 4.0));
    }
    for (i, at) in keys {
        painter.circle(at, 8.0, colour, Stroke::new(1.5, cx.tokens.well));
        painter.text(
            at,
            egui::Align2::CENTER_CENTER,
            i + 1,
            theme::strong(10.0),
            Color32::BLACK,
        );
    }
}

/// Where the own picture lies.
pub(super) fn paint_own(painter: &Painter, cx: &Cx<'_>, transform: &PlotTransform) {
    let Some(own) = cx.state.own.as_ref().filter(|_| cx.view.own.is_some()) else {
        return;
    };
    if let Some(place) = own.place {
        let at = on_screen(transform, place);
        let corners = [(0.0, -8.0), (8.0, 0.0), (0.0, 8.0), (-8.0, 0.0)];
        let points = corners
            .iter()
            .map(|&(x, y)| at + egui::vec2(x, y))
            .collect();
        painter.add(Shape::convex_polygon(
            points,
            cx.tokens.second,
            Stroke::new(2.0, cx.tokens.well),
        ));
    }
}

/// Where the shown code lies: a cross-hair that moves with the sliders.
pub(super) fn paint_code(painter: &Painter, cx: &Cx<'_>, map: &CodeMap, transform: &PlotTransform) {
    let dims = cx.state.session.codes.as_ref().map(|c| c.dims());
    if cx.shown.is_empty() || dims != Some(cx.shown.len()) {
        return;
    }
    if let Some(place) = map.place(cx.shown).or(cx.state.placed) {
        let at = on_screen(transform, place);
        paint_cross(painter, at, cx.tokens.well, cx.tokens.accent);
    }
}

/// The names of the axes, where they mean something.
pub(super) fn paint_axes(painter: &Painter, tokens: &Tokens, map: &CodeMap, frame: Rect) {
    let Some(names) = map.axis_names() else {
        return;
    };
    let name = |axis: usize| match map.explained().and_then(|e| e.get(axis)) {
        Some(share) => format!("{}  ·  {:.0} % of variance", names[axis], share * 100.0),
        None => names[axis].clone(),
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
