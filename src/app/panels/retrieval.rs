//! The neighbours of what is in focus in pixel space over those in code space.
//!
//! Invariant: both rows answer the same query; an item that is in both is marked in both.

use eframe::egui::{self, Align2, Color32, Rect, Response, Sense, Shape, Stroke, Ui, WidgetInfo};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures::Filter;
use crate::app::theme::{self, Tokens};
use crate::app::view::Focus;
use crate::app::widgets::{command_button, empty_ui, fit, paint_picture};
use crate::data::Dataset;
use crate::engine::Comparison;
use crate::retrieval::Neighbours;

/// Height of the captions under a picture.
const CAPTIONS: f32 = 16.0;

/// The panel.
#[derive(Default)]
pub(super) struct RetrievalPanel;

impl Panel for RetrievalPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let data = cx.state.session.dataset.clone();
        let query = match (cx.view.focus, &cx.view.own) {
            (Focus::Item(item), _) => Some(Query::Item(item)),
            (Focus::Own, Some(_)) => Some(Query::Own),
            _ => None,
        };
        let (Some(data), Some(query)) = (data, query) else {
            let text = "Click a point on the map: its nearest by pixels and by codes appear here, side by side";
            empty_ui(ui, cx.tokens, icon::SEARCH, "No query yet", text, |ui| {
                if cx.state.items() > 0 {
                    command_button(ui, Command::RandomItem, true, cx.out);
                }
            });
            return;
        };
        if query.item().is_none_or(|item| item < data.len()) {
            let area = ui
                .available_rect_before_wrap()
                .shrink2(egui::vec2(12.0, 10.0));
            strip_ui(ui, cx, &data, query, area);
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
enum Query {
    Item(usize),
    Own,
}

impl Query {
    fn item(self) -> Option<usize> {
        match self {
            Self::Item(item) => Some(item),
            Self::Own => None,
        }
    }

    /// Its class, where it has one.
    fn label(self, data: &Dataset) -> Option<&str> {
        data.label_name(self.item()?)
    }
}

/// One row of the strip.
struct Row<'a> {
    title: &'static str,
    colour: Color32,
    neighbours: Option<&'a Neighbours>,
    area: Rect,
}

fn strip_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, wanted: Query, area: Rect) {
    let comparison = cx.state.comparison.clone();
    let query_width = (area.height() - 2.0 * CAPTIONS)
        .min(area.width() * 0.17)
        .max(48.0);
    let (query, rest) = area.split_left_right_at_x(area.left() + query_width);
    query_ui(ui, cx, data, wanted, query, comparison.as_deref());
    let rest = rest.with_min_x(rest.left() + theme::DOUBLE);
    let (upper, lower) = rest.split_top_bottom_at_y(rest.center().y);
    let rows = [
        Row {
            title: "Pixel space",
            colour: cx.tokens.second,
            neighbours: comparison.as_ref().map(|c| &c.pixels),
            area: upper.with_max_y(upper.bottom() - theme::HALF),
        },
        Row {
            title: "Code space",
            colour: cx.tokens.accent,
            neighbours: comparison.as_ref().map(|c| &c.codes),
            area: lower.with_min_y(lower.top() + theme::HALF),
        },
    ];
    let shared: Vec<u32> = match &comparison {
        Some(c) => c
            .pixels
            .ids
            .iter()
            .copied()
            .filter(|id| c.codes.ids.contains(id))
            .collect(),
        None => Vec::new(),
    };
    let mut places: [Vec<(u32, Rect)>; 2] = [Vec::new(), Vec::new()];
    for (row, places) in rows.iter().zip(&mut places) {
        *places = row_ui(ui, cx, data, wanted, row, &shared);
    }
    paint_connectors(ui, cx.tokens, &places);
}

fn query_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    data: &Dataset,
    query: Query,
    area: Rect,
    comparison: Option<&Comparison>,
) {
    let tokens = cx.tokens;
    let texture = match query {
        Query::Item(item) => texture_of(ui, cx, data, item),
        Query::Own => {
            if let Some(own) = &cx.view.own {
                cx.textures.own.show(ui.ctx(), "own", own, Filter::Pixels);
            }
            match cx.textures.own.get() {
                Some((texture, _)) => texture.clone(),
                None => return,
            }
        }
    };
    let shape = data.shape();
    let cell = Rect::from_min_size(
        area.min,
        egui::vec2(area.width(), area.height() - 2.0 * CAPTIONS),
    );
    let rect = fit(cell, shape.width as f32 / shape.height as f32);
    paint_picture(
        ui,
        rect,
        &texture,
        Stroke::new(2.0, tokens.text_strong),
        theme::RADIUS,
    );
    let response = ui.interact(rect, ui.scope_id().with("query"), Sense::hover());
    response.widget_info(|| {
        let name = match query {
            Query::Item(item) => format!("Query: item {item}"),
            Query::Own => "Query: your picture".to_owned(),
        };
        WidgetInfo::labeled(egui::Role::Image, true, name)
    });
    let name = match query {
        Query::Own => "Your picture".to_owned(),
        Query::Item(item) => match (data.item_name(item), data.label_name(item)) {
            (Some(name), _) => name.to_owned(),
            (None, Some(label)) => format!("Item {}, {label}", format::count(item)),
            (None, None) => format!("Item {}", format::count(item)),
        },
    };
    let agree = comparison.map(|c| {
        let shared = c
            .pixels
            .ids
            .iter()
            .filter(|id| c.codes.ids.contains(id))
            .count();
        (shared, c.codes.ids.len())
    });
    let painter = ui
        .painter()
        .with_clip_rect(area.expand2(egui::vec2(theme::STEP, 0.0)));
    let under = egui::pos2(area.center().x, cell.bottom() + 4.0);
    painter.text(
        under,
        Align2::CENTER_TOP,
        name,
        theme::strong(theme::CAPTION),
        tokens.text_strong,
    );
    let text = match agree {
        Some((_, 0)) => "Not encoded yet".to_owned(),
        Some((shared, of)) => format!("{shared} of {of} agree"),
        None => "Searching".to_owned(),
    };
    let under = under + egui::vec2(0.0, CAPTIONS - 2.0);
    let line = painter.text(
        under,
        Align2::CENTER_TOP,
        &text,
        theme::regular(theme::CAPTION),
        tokens.good,
    );
    let response = ui.interact(line, ui.scope_id().with("agreement"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &text));
    response.on_hover_text(
        "Items that are among the nearest in both spaces; they are outlined in both rows",
    );
}

/// Draws a row. Returns where its items are.
fn row_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    data: &Dataset,
    query: Query,
    row: &Row<'_>,
    shared: &[u32],
) -> Vec<(u32, Rect)> {
    const TITLE_WIDTH: f32 = 108.0;
    let tokens = cx.tokens;
    let (title, cells) = row
        .area
        .split_left_right_at_x(row.area.left() + TITLE_WIDTH);
    let painter = ui.painter();
    let mark = Rect::from_min_size(
        title.left_top() + egui::vec2(0.0, 2.0),
        egui::vec2(3.0, 28.0),
    );
    painter.rect_filled(mark, 2.0, row.colour);
    let at = title.left_top() + egui::vec2(theme::STEP, 0.0);
    painter.text(
        at,
        Align2::LEFT_TOP,
        row.title,
        theme::strong(theme::BODY),
        tokens.text_strong,
    );
    let Some(neighbours) = row.neighbours.filter(|n| !n.ids.is_empty()) else {
        return Vec::new();
    };
    let under = at + egui::vec2(0.0, 17.0);
    painter.text(
        under,
        Align2::LEFT_TOP,
        format::secs(neighbours.secs as f32),
        theme::regular(theme::CAPTION),
        tokens.text_weak,
    );
    if let Some((matching, of)) = matching_labels(data, query, neighbours) {
        let text = format!("{matching}/{of} same class");
        let colour = if matching == of {
            tokens.good
        } else {
            tokens.text_weak
        };
        painter.text(
            under + egui::vec2(0.0, 15.0),
            Align2::LEFT_TOP,
            text,
            theme::regular(theme::CAPTION),
            colour,
        );
    }
    let count = neighbours.ids.len().max(1) as f32;
    let gap = 6.0;
    let step = (cells.width() + gap) / count;
    let edge = (step - gap).min(cells.height() - CAPTIONS).max(8.0);
    let shape = data.shape();
    let mut places = Vec::new();
    for (i, (&id, &distance)) in neighbours.ids.iter().zip(&neighbours.distances).enumerate() {
        let left = cells.left() + i as f32 * step + (step - gap - edge) / 2.0;
        let cell = Rect::from_min_size(egui::pos2(left, cells.top()), egui::vec2(edge, edge));
        let rect = fit(cell, shape.width as f32 / shape.height as f32);
        if (id as usize) < data.len() {
            let is_shared = shared.contains(&id);
            neighbour_ui(
                ui,
                cx,
                data,
                query,
                &Neighbour {
                    row,
                    rect,
                    id: id as usize,
                    distance,
                    is_shared,
                },
            );
            places.push((id, rect));
        }
    }
    places
}

/// Pictures narrower than that have no room for a number below them; it is in their tooltip.
const LEGIBLE: f32 = 24.0;

struct Neighbour<'a> {
    row: &'a Row<'a>,
    rect: Rect,
    id: usize,
    distance: f32,
    is_shared: bool,
}

fn neighbour_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, query: Query, n: &Neighbour<'_>) {
    let tokens = cx.tokens;
    let texture = texture_of(ui, cx, data, n.id);
    let response = ui.interact(
        n.rect,
        ui.scope_id().with((n.row.title, n.id)),
        Sense::click(),
    );
    response.widget_info(|| {
        WidgetInfo::labeled(
            egui::Role::Button,
            true,
            format!("{}: item {}", n.row.title, n.id),
        )
    });
    let is_lit = response.hovered() || cx.hovered == Some(n.id);
    let outline = match (is_lit, n.is_shared) {
        (true, _) => Stroke::new(2.0, tokens.text_strong),
        (false, true) => Stroke::new(2.0, tokens.good),
        (false, false) => Stroke::new(1.0, tokens.line),
    };
    paint_picture(ui, n.rect, &texture, outline, theme::RADIUS_SMALL);
    if !cx.view.selection.is_empty() && !cx.view.selection.contains(n.id as u32) {
        // As on the map, what is outside the selection is greyed.
        let veil = tokens.surface.gamma_multiply(0.65);
        ui.painter().rect_filled(n.rect, theme::RADIUS_SMALL, veil);
    }
    let label = data.label_name(n.id);
    let is_same = query.label(data).is_none_or(|own| Some(own) == label);
    let distance = format::number(n.distance);
    let (text, colour) = match label {
        Some(label) if is_same => (format!("{label} · {distance}"), tokens.text_weak),
        Some(label) => (format!("{label} · {distance}"), tokens.warn),
        None => (distance, tokens.text_weak),
    };
    if n.rect.width() >= LEGIBLE {
        let under = n.rect.center_bottom() + egui::vec2(0.0, 2.0);
        let clip = n.rect.expand2(egui::vec2(3.0, 20.0));
        let font = theme::regular(10.0);
        let painter = ui.painter().with_clip_rect(clip);
        painter.text(under, Align2::CENTER_TOP, text, font, colour);
    }
    if response.hovered() {
        cx.out.hovered = Some(n.id);
    }
    if response.clicked() {
        cx.out.act(Action::Select(n.id));
    }
    tell(response, data, n, label.is_some() && !is_same);
}

fn tell(response: Response, data: &Dataset, n: &Neighbour<'_>, is_mismatch: bool) {
    let name = data
        .item_name(n.id)
        .map_or_else(|| format!("Item {}", format::count(n.id)), str::to_owned);
    let mut text = format!(
        "{name}, {} away in {}",
        format::number(n.distance),
        n.row.title.to_lowercase()
    );
    if n.is_shared {
        text.push_str("; near in both spaces");
    }
    if is_mismatch {
        text.push_str("; of another class");
    }
    response.on_hover_text(text);
}

/// How many neighbours have the query's class, where the data has classes.
fn matching_labels(
    data: &Dataset,
    query: Query,
    neighbours: &Neighbours,
) -> Option<(usize, usize)> {
    let label = query.label(data)?;
    let same = neighbours
        .ids
        .iter()
        .filter(|&&id| data.label_name(id as usize) == Some(label))
        .count();
    Some((same, neighbours.ids.len()))
}

/// Curves between the places of items that are in both rows.
fn paint_connectors(ui: &Ui, tokens: &Tokens, places: &[Vec<(u32, Rect)>; 2]) {
    for (id, above) in &places[0] {
        if let Some((_, below)) = places[1].iter().find(|(other, _)| other == id) {
            let from = above.center_bottom() + egui::vec2(0.0, 14.0);
            let to = below.center_top() - egui::vec2(0.0, 2.0);
            let bend = egui::vec2(0.0, (to.y - from.y) / 2.0);
            let stroke = Stroke::new(1.5, tokens.good.gamma_multiply(0.7));
            let points = [from, from + bend, to - bend, to];
            ui.painter().add(Shape::CubicBezier(
                egui::epaint::CubicBezierShape::from_points_stroke(
                    points,
                    false,
                    Color32::TRANSPARENT,
                    stroke,
                ),
            ));
        }
    }
}

fn texture_of(ui: &Ui, cx: &mut Cx<'_>, data: &Dataset, id: usize) -> egui::TextureHandle {
    let filter = if cx.is_smooth {
        Filter::Smooth
    } else {
        Filter::Pixels
    };
    cx.textures
        .item(ui.ctx(), cx.state.session.id, data, id, filter)
}
