//! The nearest of what is looked for, one row per space, with what the rows agree on.
//!
//! Invariant: all rows answer the same query; an item that is in every row is marked in all of them.

use std::fmt::Write as _;

use eframe::egui::{
    self, Align, Align2, Button, Color32, ComboBox, Layout, Popup, Rect, Response, RichText, Sense,
    Shape, Slider, Stroke, Ui, WidgetInfo,
};

mod index;

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::palette;
use crate::app::textures::Filter;
use crate::app::theme::{self, Tokens};
use crate::app::view::{Focus, Sought};
use crate::app::widgets::{command_button, empty_ui, fit, icon_button, paint_picture, set_name};
use crate::data::{Dataset, Distortion};
use crate::engine::{Comparison, Row};
use crate::retrieval::Space;
use crate::retrieval::approximate::Kind;

/// Height of the captions under a picture.
const CAPTIONS: f32 = 16.0;

/// Rows at most.
pub(super) const ROWS: usize = 3;

/// The colour of a row, here and of its links on the map.
pub(super) fn row_colour(tokens: &Tokens, row: usize) -> Color32 {
    [
        tokens.second,
        tokens.accent,
        palette::class(3, tokens.is_dark),
    ][row % ROWS]
}

/// The panel.
#[derive(Default)]
pub(super) struct RetrievalPanel;

impl Panel for RetrievalPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let data = cx.state.session.dataset.clone();
        let query = sought(cx);
        let Some(data) = data else {
            let text = "Open data: the nearest of each item by pixels and by codes appear here, side by side";
            empty_ui(ui, cx.tokens, icon::SEARCH, "No items yet", text, |_| {});
            return;
        };
        ui.add_space(4.0);
        header_ui(ui, cx, query);
        index::indices_ui(ui, cx);
        let Some(query) = query else {
            let (title, text) = match cx.view.lookup.sought {
                Sought::Focus => (
                    "No query yet",
                    "Click a point on the map: its nearest by pixels and by codes appear here, side by side",
                ),
                Sought::Selection => (
                    "Nothing selected",
                    "Select items on the map: the nearest of their mean appear here",
                ),
                Sought::Sliders => (
                    "No model yet",
                    "Open or train a model: the nearest of the sliders' picture appear here",
                ),
            };
            empty_ui(ui, cx.tokens, icon::SEARCH, title, text, |ui| {
                if cx.state.items() > 0 && cx.view.lookup.sought == Sought::Focus {
                    command_button(ui, Command::RandomItem, true, cx.out);
                }
            });
            return;
        };
        if query.item().is_none_or(|item| item < data.len()) {
            let area = ui
                .available_rect_before_wrap()
                .shrink2(egui::vec2(12.0, 6.0));
            strip_ui(ui, cx, &data, query, area);
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Query {
    Item(usize),
    /// A distorted copy of an item.
    Copy(usize),
    Own,
    Mean,
    Sliders,
}

impl Query {
    /// The item it is, or a copy of.
    fn item(self) -> Option<usize> {
        match self {
            Self::Item(item) | Self::Copy(item) => Some(item),
            Self::Own | Self::Mean | Self::Sliders => None,
        }
    }

    /// Its class, where it has one.
    fn label(self, data: &Dataset) -> Option<&str> {
        data.label_name(self.item()?)
    }
}

fn sought(cx: &Cx<'_>) -> Option<Query> {
    match cx.view.lookup.sought {
        Sought::Focus => match (cx.view.focus, &cx.view.own) {
            (Focus::Item(item), _) if cx.view.lookup.strength > 0.0 => Some(Query::Copy(item)),
            (Focus::Item(item), _) => Some(Query::Item(item)),
            (Focus::Own, Some(_)) => Some(Query::Own),
            _ => None,
        },
        Sought::Selection => (!cx.view.selection.is_empty()).then_some(Query::Mean),
        Sought::Sliders => cx.state.model().map(|_| Query::Sliders),
    }
}

/// What is looked for, how it is distorted, and how many rows there are.
fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, query: Option<Query>) {
    let tokens = cx.tokens;
    let before = &cx.view.lookup;
    let mut lookup = before.clone();
    let mut is_drag = false;
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        let name = |sought| match sought {
            Sought::Focus => "Item in focus",
            Sought::Selection => "Mean of the selection",
            Sought::Sliders => "Sliders' picture",
        };
        let combo = ComboBox::from_id_salt("sought")
            .selected_text(name(lookup.sought))
            .width(132.0);
        let combo = combo.show_ui(ui, |ui| {
            for sought in [Sought::Focus, Sought::Selection, Sought::Sliders] {
                ui.selectable_value(&mut lookup.sought, sought, name(sought));
            }
            let has_model = cx.state.model().is_some();
            let sample = ui.add_enabled(
                has_model,
                Button::selectable(false, "Sample from the prior"),
            );
            let sample = sample
                .on_hover_text("Move the sliders to a random code, and look for its picture")
                .on_disabled_hover_text("It needs a model");
            if sample.clicked() {
                lookup.sought = Sought::Sliders;
                cx.out.run(Command::RandomCode);
            }
        });
        set_name(&combo.response, "Look for");
        combo
            .response
            .on_hover_text("Whose nearest are shown, live");
        if query == Some(Query::Sliders) {
            icon_button(ui, icon::SHUFFLE, Command::RandomCode, cx.out);
        }
        if query.is_some_and(|query| query.item().is_some()) {
            ui.add_space(theme::HALF);
            let combo = ComboBox::from_id_salt("distortion")
                .selected_text(lookup.distortion.title())
                .width(84.0);
            let combo = combo.show_ui(ui, |ui| {
                for distortion in Distortion::ALL {
                    let name = distortion.title();
                    ui.selectable_value(&mut lookup.distortion, distortion, name);
                }
            });
            set_name(&combo.response, "Distortion");
            combo
                .response
                .on_hover_text("A distorted copy is looked for: where is its original lost first?");
            ui.spacing_mut().slider_width = (ui.available_width() - 190.0).clamp(60.0, 160.0);
            let slider = Slider::new(&mut lookup.strength, 0.0..=1.0).show_value(false);
            let slider = ui.add(slider);
            set_name(&slider, "Strength of the distortion");
            is_drag = slider.dragged() || slider.has_focus();
            let is_double = slider.double_clicked();
            if !slider.dragged() && !slider.is_pointer_button_down_on() {
                // It would cover what changes.
                slider.on_hover_text("How much; double-click for none");
            }
            if is_double {
                lookup.strength = 0.0;
            }
            let shape = cx.state.session.dataset.as_ref().map(|d| d.shape());
            let amount = match shape {
                Some(shape) if lookup.strength > 0.0 => {
                    lookup.distortion.amount(lookup.strength, shape)
                }
                _ => "none".to_owned(),
            };
            ui.label(
                RichText::new(amount)
                    .size(theme::CAPTION)
                    .color(tokens.text_weak),
            );
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::STEP);
            ui.spacing_mut().item_spacing.x = 2.0;
            let count = lookup.spaces.len();
            let text = |glyph| {
                Button::new(RichText::new(glyph).size(theme::TITLE)).frame_when_inactive(false)
            };
            let more = ui.add_enabled(count < ROWS, text(icon::PLUS));
            set_name(&more, "Add a row");
            if more.on_hover_text("One more space to look in").clicked() {
                let free = Space::ALL.into_iter().find(|s| !lookup.spaces.contains(s));
                lookup.spaces.extend(free);
            }
            let fewer = ui.add_enabled(count > 2, text(icon::MINUS));
            set_name(&fewer, "Remove the last row");
            if fewer.on_hover_text("Without the last row").clicked() {
                lookup.spaces.pop();
                lookup.forget_rowless();
            }
        });
    });
    if lookup != *before {
        cx.out.act(Action::Lookup { lookup, is_drag });
    }
}

/// One row of the strip.
struct Line<'a> {
    /// Its place, from the top.
    at: usize,
    space: Space,
    colour: Color32,
    found: Option<&'a Row>,
    area: Rect,
    /// How much of it is left for words.
    title_width: f32,
}

fn strip_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, wanted: Query, area: Rect) {
    let comparison = cx.state.comparison.clone();
    let query_width = (area.height() - 2.0 * CAPTIONS)
        .min(area.width() * 0.17)
        .max(48.0);
    let (query, rest) = area.split_left_right_at_x(area.left() + query_width);
    query_ui(ui, cx, data, wanted, query, comparison.as_deref());
    let rest = rest.with_min_x(rest.left() + theme::DOUBLE);
    let spaces = cx.view.lookup.spaces.clone();
    let height = (rest.height() + theme::STEP) / spaces.len().max(1) as f32;
    // The words of an approximate row are longer.
    let title_width = if cx.view.lookup.approximate.is_empty() {
        124.0
    } else {
        160.0
    };
    let lines = spaces.iter().enumerate().map(|(at, &space)| {
        let top = rest.top() + at as f32 * height;
        let rows = comparison.as_ref().map(|c| &c.rows);
        Line {
            at,
            space,
            colour: row_colour(cx.tokens, at),
            found: rows
                .and_then(|rows| rows.get(at))
                .filter(|row| row.space == space),
            area: rest.with_min_y(top).with_max_y(top + height - theme::STEP),
            title_width,
        }
    });
    let lines: Vec<Line<'_>> = lines.collect();
    let shared = comparison.as_ref().map(|c| c.shared()).unwrap_or_default();
    let mut places = Vec::new();
    for line in &lines {
        places.push(row_ui(ui, cx, data, wanted, line, &shared));
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
        Query::Item(item) => cx.texture_of(ui, data, item),
        Query::Own | Query::Copy(_) | Query::Mean | Query::Sliders => {
            let sent = comparison.and_then(|c| c.picture.as_ref());
            let own = cx.view.own.as_ref().filter(|_| query == Query::Own);
            if let Some(picture) = own.or(sent) {
                let filter = if cx.is_smooth && query != Query::Own {
                    Filter::Smooth
                } else {
                    Filter::Pixels
                };
                cx.textures.query.show(ui.ctx(), "query", picture, filter);
            }
            match cx.textures.query.get() {
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
            Query::Copy(item) => format!("Query: distorted copy of item {item}"),
            Query::Own => "Query: your picture".to_owned(),
            Query::Mean => "Query: mean of the selection".to_owned(),
            Query::Sliders => "Query: the sliders' picture".to_owned(),
        };
        WidgetInfo::labeled(egui::Role::Image, true, name)
    });
    let name = match query {
        Query::Own => "Your picture".to_owned(),
        Query::Mean => format!("Mean of {}", format::count(cx.view.selection.count())),
        Query::Sliders => "Sliders' picture".to_owned(),
        Query::Copy(item) => format!("Copy of item {}", format::count(item)),
        Query::Item(item) => match (data.item_name(item), data.label_name(item)) {
            (Some(name), _) => name.to_owned(),
            (None, Some(label)) => format!("Item {}, {label}", format::count(item)),
            (None, None) => format!("Item {}", format::count(item)),
        },
    };
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
    let (text, colour) = match comparison {
        // The bar above says what became of it.
        _ if cx.is_data_changed => ("Data changed".to_owned(), tokens.warn),
        Some(c) if c.rows.iter().any(|row| row.ids.is_empty()) => {
            ("Not encoded yet".to_owned(), tokens.text_weak)
        }
        Some(c) => {
            let of = c.rows.first().map_or(0, |row| row.ids.len());
            (format!("{} of {of} agree", c.shared().len()), tokens.good)
        }
        None => ("Searching".to_owned(), tokens.text_weak),
    };
    let under = under + egui::vec2(0.0, CAPTIONS - 2.0);
    let line = painter.text(
        under,
        Align2::CENTER_TOP,
        &text,
        theme::regular(theme::CAPTION),
        colour,
    );
    let response = ui.interact(line, ui.scope_id().with("agreement"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &text));
    response.on_hover_text(
        "Items that are among the nearest in every row; they are outlined in all of them",
    );
}

/// Draws a row. Returns where its items are.
fn row_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    data: &Dataset,
    query: Query,
    line: &Line<'_>,
    shared: &[u32],
) -> Vec<(u32, Rect)> {
    let tokens = cx.tokens;
    let (title, cells) = line
        .area
        .split_left_right_at_x(line.area.left() + line.title_width);
    let mark = Rect::from_min_size(
        title.left_top() + egui::vec2(0.0, 2.0),
        egui::vec2(3.0, 28.0_f32.min(line.area.height() - 4.0)),
    );
    ui.painter().rect_filled(mark, 2.0, line.colour);
    space_ui(ui, cx, line, title);
    let painter = ui.painter().with_clip_rect(title);
    let at = title.left_top() + egui::vec2(theme::STEP, 0.0);
    let Some(found) = line.found.filter(|row| !row.ids.is_empty()) else {
        return Vec::new();
    };
    let under = at + egui::vec2(0.0, 19.0);
    let secs = format::secs(found.secs as f32);
    let (text, colour) = match (found.original, matching_labels(data, query, found)) {
        (Some(0), _) => ("original found".to_owned(), tokens.good),
        (Some(rank), _) => (
            format!("original at {}", format::count(rank + 1)),
            tokens.warn,
        ),
        (None, _) if matches!(query, Query::Copy(_)) => {
            let text = format!("original not in {}", found.ids.len());
            (text, tokens.warn)
        }
        (None, Some((matching, of))) => {
            let colour = if matching == of {
                tokens.good
            } else {
                tokens.text_weak
            };
            (format!("{matching}/{of} same class"), colour)
        }
        (None, None) => (secs.clone(), tokens.text_weak),
    };
    let has_kinds = !Kind::of(line.space).is_empty();
    // How a row was searched says how long it took, too.
    let has_room = line.area.height() > 50.0 && !(has_kinds && text == secs);
    // Where a distorted copy is looked for, the place of its original comes before all else.
    let tells_place = found.original.is_some();
    if has_room || !has_kinds || tells_place {
        let font = theme::regular(theme::CAPTION);
        painter.text(under, Align2::LEFT_TOP, &text, font, colour);
    }
    let below = under + egui::vec2(0.0, if has_room { 15.0 } else { 0.0 });
    if has_kinds && (has_room || !tells_place) {
        index::how_ui(ui, cx, line.space, found, title.with_min_y(below.y));
    } else if has_room && text != secs {
        let font = theme::regular(theme::CAPTION);
        painter.text(below, Align2::LEFT_TOP, secs, font, tokens.text_weak);
    }
    let count = found.ids.len().max(1) as f32;
    let gap = 6.0;
    let step = (cells.width() + gap) / count;
    let edge = (step - gap).min(cells.height() - CAPTIONS).max(8.0);
    let shape = data.shape();
    let mut places = Vec::new();
    for (i, (&id, &distance)) in found.ids.iter().zip(&found.distances).enumerate() {
        let left = cells.left() + i as f32 * step + (step - gap - edge) / 2.0;
        let cell = Rect::from_min_size(egui::pos2(left, cells.top()), egui::vec2(edge, edge));
        let rect = fit(cell, shape.width as f32 / shape.height as f32);
        if (id as usize) < data.len() {
            let is_shared = shared.contains(&id);
            // Its rank in each of the other rows.
            let elsewhere = found
                .ranks
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != line.at);
            let elsewhere = elsewhere.filter_map(|(at, ranks)| {
                let space = *cx.view.lookup.spaces.get(at)?;
                Some((space, *ranks.get(i)?))
            });
            let elsewhere = elsewhere.collect();
            neighbour_ui(
                ui,
                cx,
                data,
                query,
                &Neighbour {
                    line,
                    rect,
                    room: step - 2.0,
                    id: id as usize,
                    distance,
                    is_shared,
                    elsewhere,
                },
            );
            places.push((id, rect));
        }
    }
    places
}

/// The row's space, which can be chosen.
fn space_ui(ui: &mut Ui, cx: &mut Cx<'_>, line: &Line<'_>, area: Rect) {
    let tokens = cx.tokens;
    let area = Rect::from_min_size(
        area.left_top() + egui::vec2(theme::STEP, -2.0),
        egui::vec2(area.width() - theme::STEP, 20.0),
    );
    let title = RichText::new(line.space.title())
        .font(theme::strong(theme::BODY))
        .color(tokens.text_strong);
    let arrow = RichText::new("▼").size(8.0).color(tokens.text_weak);
    let button = Button::new((title, arrow)).frame_when_inactive(false);
    let builder = egui::UiBuilder::new()
        .max_rect(area)
        .layout(Layout::left_to_right(Align::Center));
    let response = ui
        .scope_builder(builder, |ui| {
            ui.spacing_mut().button_padding = egui::vec2(0.0, 1.0);
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.add(button)
        })
        .inner;
    set_name(&response, &format!("Space of row {}", line.at + 1));
    let response = response.on_hover_text(line.space.describe());
    Popup::menu(&response).show(|ui| {
        for space in Space::ALL {
            let is_on = space == line.space;
            let can_be = is_on || !cx.view.lookup.spaces.contains(&space);
            let choice = ui.add_enabled(can_be, Button::selectable(is_on, space.title()));
            if choice.on_hover_text(space.describe()).clicked() && !is_on {
                let mut lookup = cx.view.lookup.clone();
                lookup.spaces[line.at] = space;
                lookup.forget_rowless();
                cx.out.act(Action::Lookup {
                    lookup,
                    is_drag: false,
                });
                ui.close();
            }
        }
    });
}

/// Pictures narrower than that have no room for the rank in the other row's space.
const BADGED: f32 = 34.0;
/// Pictures narrower than that have no room for a number below them; it is in their tooltip.
const LEGIBLE: f32 = 24.0;

struct Neighbour<'a> {
    line: &'a Line<'a>,
    rect: Rect,
    /// How wide its caption may be.
    room: f32,
    id: usize,
    distance: f32,
    is_shared: bool,
    /// Its rank, from 0, in the other rows' spaces.
    elsewhere: Vec<(Space, usize)>,
}

fn neighbour_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, query: Query, n: &Neighbour<'_>) {
    let tokens = cx.tokens;
    let texture = cx.texture_of(ui, data, n.id);
    let response = ui.interact(
        n.rect,
        ui.scope_id().with((n.line.at, n.id)),
        Sense::click(),
    );
    response.widget_info(|| {
        WidgetInfo::labeled(
            egui::Role::Button,
            true,
            format!("{}: item {}", n.line.space.title(), n.id),
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
        let clip = n
            .rect
            .expand2(egui::vec2((n.room - n.rect.width()) / 2.0, 20.0));
        let font = theme::regular(10.0);
        let painter = ui.painter().with_clip_rect(clip);
        painter.text(under, Align2::CENTER_TOP, text, font, colour);
    }
    // How far down the next row's list it is, where it is not among the nearest there.
    let next = n
        .elsewhere
        .first()
        .filter(|(_, rank)| *rank >= n.line.found.map_or(0, |f| f.ids.len()));
    if let Some((_, rank)) = next
        && n.rect.width() >= BADGED
    {
        let font = theme::regular(9.0);
        let text = format!("#{}", format::count(rank + 1));
        let galley = ui.painter().layout_no_wrap(text, font, Color32::WHITE);
        let size = galley.size() + egui::vec2(6.0, 2.0);
        let badge = Rect::from_min_size(n.rect.right_bottom() - size - egui::vec2(1.0, 1.0), size);
        let ground = Color32::from_black_alpha(170);
        ui.painter().rect_filled(badge, 4.0, ground);
        let at = badge.min + egui::vec2(3.0, 1.0);
        ui.painter().galley(at, galley, Color32::WHITE);
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
        n.line.space.title().to_lowercase()
    );
    for (space, rank) in &n.elsewhere {
        let place = format::count(rank + 1);
        let _ = write!(text, "; number {place} in {}", space.title().to_lowercase());
    }
    if n.is_shared {
        text.push_str("; near in every row");
    }
    if is_mismatch {
        text.push_str("; of another class");
    }
    response.on_hover_text(text);
}

/// How many neighbours have the query's class, where the data has classes.
fn matching_labels(data: &Dataset, query: Query, found: &Row) -> Option<(usize, usize)> {
    let label = query.label(data)?;
    let same = found
        .ids
        .iter()
        .filter(|&&id| data.label_name(id as usize) == Some(label))
        .count();
    Some((same, found.ids.len()))
}

/// Curves between the places of items that are in two rows, one above the other.
fn paint_connectors(ui: &Ui, tokens: &Tokens, places: &[Vec<(u32, Rect)>]) {
    for pair in places.windows(2) {
        for (id, above) in &pair[0] {
            if let Some((_, below)) = pair[1].iter().find(|(other, _)| other == id) {
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
}
