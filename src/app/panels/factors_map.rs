//! The heat map of factors by dimensions: names and headings stay while the cells are scrolled.
//!
//! Invariant: the cell that the pointer is said to be on is the one that is drawn there.

use std::sync::Arc;

use eframe::egui::{
    self, Align2, Color32, CornerRadius, CursorIcon, EventFilter, Key, Mesh, Pos2, Rect, Response,
    ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
};

use super::Cx;
use super::factors::{Cell, Matrix};
use crate::app::format;
use crate::app::palette;
use crate::app::theme;
use crate::space::factors::Factors;

/// Width of the factors' names.
const NAMES: f32 = 112.0;
/// Width of what each factor's best dimension is called.
const BEST: f32 = 44.0;
/// Height of the columns' names.
const HEADINGS: f32 = 18.0;
/// Height of the scale.
const SCALE: f32 = 26.0;
/// Space at either side.
const MARGIN: f32 = 12.0;
/// A cell is at least and at most so large.
const WIDTHS: (f32, f32) = (13.0, 48.0);
const HEIGHTS: (f32, f32) = (12.0, 26.0);
/// A cell of this width has room for its value.
const ROOM: f32 = 27.0;
/// Pieces the scale is drawn in.
const PARTS: u32 = 24;

/// What is drawn, made anew when any of what it follows from changes.
pub(super) struct Heat {
    found: Arc<Factors>,
    matrix: Matrix,
    is_by_kl: bool,
    /// The dimensions, in the order of the columns.
    order: Vec<usize>,
    /// `[factors, dims]`, in the code's own order.
    cells: Vec<f64>,
    /// What the brightest colour stands for.
    high: f64,
    /// The dimension with the greatest cell of each factor.
    best: Vec<usize>,
}

impl Heat {
    pub(super) fn new(
        found: &Arc<Factors>,
        matrix: Matrix,
        is_by_kl: bool,
        cells: &[f64],
        order: Vec<usize>,
    ) -> Self {
        let best = |row: &[f64]| {
            (1..row.len()).fold(0, |best, dim| if row[dim] > row[best] { dim } else { best })
        };
        Self {
            found: found.clone(),
            matrix,
            is_by_kl,
            order,
            high: cells.iter().copied().fold(f64::MIN_POSITIVE, f64::max),
            best: cells.chunks_exact(found.dims).map(best).collect(),
            cells: cells.to_vec(),
        }
    }

    pub(super) fn is_of(&self, found: &Arc<Factors>, matrix: Matrix, is_by_kl: bool) -> bool {
        Arc::ptr_eq(&self.found, found) && self.matrix == matrix && self.is_by_kl == is_by_kl
    }

    /// Whether the best dimension of a factor tells more of it than chance would.
    fn is_told(&self, factor: usize) -> bool {
        let at = factor * self.found.dims + self.best[factor];
        let information = &self.found.information;
        information.nats[at] > 2.0 * information.by_chance[at]
    }

    fn share(&self, factor: usize, dim: usize) -> f32 {
        (self.cells[factor * self.found.dims + dim] / self.high) as f32
    }
}

/// Draws the map. Returns what the pointer rests on, a cell or a column's heading.
pub(super) fn map_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    heat: &Heat,
    scale: &str,
    pointed: Option<usize>,
) -> Option<(Response, Cell)> {
    let area = ui.available_rect_before_wrap();
    let area = area.shrink2(egui::vec2(MARGIN, 0.0));
    let inner = Rect::from_min_max(
        area.min + egui::vec2(NAMES, HEADINGS),
        area.max - egui::vec2(BEST, SCALE),
    );
    if inner.width() < WIDTHS.0 || inner.height() < HEIGHTS.0 {
        return None;
    }
    let (rows, columns) = (heat.found.names.len(), heat.order.len());
    // Whole points, so that all gaps are alike.
    let fitting = egui::vec2(
        (inner.width() / columns as f32).clamp(WIDTHS.0, WIDTHS.1),
        (inner.height() / rows as f32).clamp(HEIGHTS.0, HEIGHTS.1),
    )
    .floor();
    let builder = egui::UiBuilder::new().max_rect(inner).id_salt("cells");
    let mut cells_ui = ui.new_child(builder);
    cells_ui.set_clip_rect(inner.intersect(ui.clip_rect()));
    let scroll = ScrollArea::both().auto_shrink(false);
    let (page, response) = scroll
        .show(&mut cells_ui, |ui| {
            let size = egui::vec2(fitting.x * columns as f32, fitting.y * rows as f32);
            let (page, response) = ui.allocate_exact_size(size, Sense::click());
            paint_cells(ui, heat, page, fitting);
            (page, response)
        })
        .inner;
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Factors by dimensions"));
    let focus = focused_ui(ui, &response, rows, columns);
    let on_cell = response
        .hover_pos()
        .filter(|at| page.contains(*at) && inner.contains(*at))
        .map(|at| {
            let at = (at - page.min) / fitting;
            (
                (at.x as usize).min(columns - 1),
                (at.y as usize).min(rows - 1),
            )
        });
    let cell = on_cell.or(focus).map(|(column, row)| Cell {
        dim: heat.order[column],
        factor: Some(row),
    });
    let marked = cell.map(|cell| cell.dim).or(pointed);
    let heading = headings_ui(ui, cx, heat, (page, inner), fitting.x, marked);
    names_ui(ui, cx, heat, (page, inner, area), fitting.y, cell);
    if let Some(cell) = cell {
        let place = heat.order.iter().position(|&dim| dim == cell.dim);
        if let (Some(column), Some(row)) = (place, cell.factor) {
            let rect = cell_rect(page, fitting, column, row);
            let painter = ui.painter().with_clip_rect(inner);
            let stroke = Stroke::new(2.0, cx.tokens.accent);
            painter.rect_stroke(rect, CornerRadius::same(2), stroke, StrokeKind::Inside);
        }
    }
    // Right under the cells where they do not fill the panel.
    let under = inner.bottom().min(page.bottom() + theme::HALF);
    let line = Rect::from_x_y_ranges(inner.x_range(), under..=under + SCALE);
    scale_ui(ui, cx, heat, scale, line);
    ui.advance_cursor_after_rect(area);
    let cell = cell.map(|cell| (response.on_hover_cursor(CursorIcon::PointingHand), cell));
    cell.or(heading)
}

/// The cell that arrow keys lead to, while the map has the keyboard.
fn focused_ui(ui: &Ui, response: &Response, rows: usize, columns: usize) -> Option<(usize, usize)> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
    let id = response.id.with("cell");
    let (column, row) = ui
        .data(|d| d.get_temp::<(usize, usize)>(id))
        .unwrap_or((0, 0));
    let pressed = |key| ui.input(|i| usize::from(i.key_pressed(key)));
    let column = (column + pressed(Key::ArrowRight)).saturating_sub(pressed(Key::ArrowLeft));
    let row = (row + pressed(Key::ArrowDown)).saturating_sub(pressed(Key::ArrowUp));
    let cell = (column.min(columns - 1), row.min(rows - 1));
    ui.data_mut(|d| d.insert_temp(id, cell));
    Some(cell)
}

fn cell_rect(page: Rect, size: egui::Vec2, column: usize, row: usize) -> Rect {
    let at = page.min + size * egui::vec2(column as f32, row as f32);
    Rect::from_min_size(at, size)
}

fn paint_cells(ui: &Ui, heat: &Heat, page: Rect, size: egui::Vec2) {
    let painter = ui.painter();
    let seen = ui.clip_rect();
    // A hairline between cells, of the ground.
    let gap = if size.x > 16.0 { 1.0 } else { 0.5 };
    for row in 0..heat.found.names.len() {
        for (column, &dim) in heat.order.iter().enumerate() {
            let rect = cell_rect(page, size, column, row);
            if !seen.intersects(rect) {
                continue;
            }
            let share = heat.share(row, dim);
            let inner = Rect::from_min_max(rect.min, rect.max - egui::Vec2::splat(gap));
            painter.rect_filled(inner, 1.0, palette::viridis(share));
            if size.x >= ROOM {
                let value = heat.cells[row * heat.found.dims + dim];
                painter.text(
                    inner.center(),
                    Align2::CENTER_CENTER,
                    format!("{value:.2}"),
                    theme::regular(theme::CAPTION),
                    on_viridis(share),
                );
            }
            if heat.best[row] == dim && heat.is_told(row) {
                let dot = inner.right_top() + egui::vec2(-3.5, 3.5);
                painter.circle_filled(dot, 1.8, on_viridis(share));
            }
        }
    }
}

/// What can be read on a colour of the scale.
fn on_viridis(share: f32) -> Color32 {
    if share > 0.55 {
        Color32::from_black_alpha(220)
    } else {
        Color32::from_white_alpha(220)
    }
}

/// The columns' names. Returns the one that the pointer rests on.
fn headings_ui(
    ui: &Ui,
    cx: &Cx<'_>,
    heat: &Heat,
    (page, inner): (Rect, Rect),
    width: f32,
    marked: Option<usize>,
) -> Option<(Response, Cell)> {
    let tokens = cx.tokens;
    let line = Rect::from_min_max(
        egui::pos2(inner.left(), inner.top() - HEADINGS),
        inner.right_top(),
    );
    let painter = ui
        .painter()
        .with_clip_rect(line.expand2(egui::vec2(4.0, 0.0)));
    let mut pointed = None;
    for (column, &dim) in heat.order.iter().enumerate() {
        let left = page.left() + column as f32 * width;
        let rect = Rect::from_min_size(egui::pos2(left, line.top()), egui::vec2(width, HEADINGS));
        if rect.center().x < line.left() || rect.center().x > line.right() {
            continue;
        }
        let id = ui.scope_id().with(("heading", dim));
        let response = ui.interact(rect, id, Sense::click());
        let name = format!("Column of dimension {}", dim + 1);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
        let is_marked = marked == Some(dim) || response.hovered();
        let (font, colour) = if is_marked {
            (theme::strong(theme::CAPTION), tokens.accent)
        } else {
            (theme::regular(theme::CAPTION), tokens.text_weak)
        };
        // Narrow columns are known by their numbers alone.
        let text = if width >= 20.0 {
            format::dimension(dim)
        } else {
            (dim + 1).to_string()
        };
        painter.text(rect.center(), Align2::CENTER_CENTER, text, font, colour);
        if response.hovered() {
            let cell = Cell { dim, factor: None };
            pointed = Some((response.on_hover_cursor(CursorIcon::PointingHand), cell));
        }
    }
    pointed
}

/// The factors' names at the left, and at the right the dimension that each goes with most.
fn names_ui(
    ui: &Ui,
    cx: &Cx<'_>,
    heat: &Heat,
    (page, inner, area): (Rect, Rect, Rect),
    height: f32,
    cell: Option<Cell>,
) {
    let tokens = cx.tokens;
    let found = &heat.found;
    let clip = Rect::from_x_y_ranges(area.x_range(), inner.y_range()).intersect(ui.clip_rect());
    let painter = ui.painter().with_clip_rect(clip);
    let caption = theme::regular(theme::CAPTION);
    let at = egui::pos2(area.right(), inner.top() - HEADINGS / 2.0);
    ui.painter().text(
        at,
        Align2::RIGHT_CENTER,
        "Best",
        caption.clone(),
        tokens.text_weak,
    );
    for (row, name) in found.names.iter().enumerate() {
        let y = page.top() + (row as f32 + 0.5) * height;
        if !clip.y_range().contains(y) {
            continue;
        }
        let is_marked = cell.is_some_and(|cell| cell.factor == Some(row));
        let colour = if is_marked {
            tokens.accent
        } else {
            tokens.text
        };
        let mut job =
            egui::text::LayoutJob::simple_singleline(name.clone(), caption.clone(), colour);
        job.wrap = egui::text::TextWrapping::truncate_at_width(NAMES - theme::STEP);
        let galley = painter.layout_job(job);
        let size = galley.size();
        let corner = Pos2::new(inner.left() - theme::STEP - size.x, y - size.y / 2.0);
        painter.galley(corner, galley, colour);
        let rect = Rect::from_min_max(
            egui::pos2(area.left(), y - height / 2.0),
            egui::pos2(inner.left() - 1.0, y + height / 2.0),
        );
        let response = ui.interact(rect, ui.scope_id().with(("factor", row)), Sense::hover());
        let label = format!("Row of {name}");
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &label));
        response.on_hover_text(format!(
            "{name}: entropy {} nats; its gap is {}; trees foretell {:.0} % of it from the whole code",
            format::number(found.information.entropy[row] as f32),
            format::number(found.information.gaps[row] as f32),
            100.0 * found.importance.foretold[row],
        ));
        let best = format::dimension(heat.best[row]);
        let at = egui::pos2(area.right(), y);
        let colour = match (is_marked, heat.is_told(row)) {
            (true, _) => tokens.accent,
            (_, true) => tokens.text_strong,
            _ => tokens.text_faint,
        };
        painter.text(at, Align2::RIGHT_CENTER, best, caption.clone(), colour);
    }
}

/// What the colours stand for.
fn scale_ui(ui: &Ui, cx: &Cx<'_>, heat: &Heat, name: &str, line: Rect) {
    let tokens = cx.tokens;
    let caption = theme::regular(theme::CAPTION);
    let y = line.center().y;
    let text = |x: f32, align, text: &str, colour| {
        let at = egui::pos2(x, y);
        ui.painter().text(at, align, text, caption.clone(), colour)
    };
    let zero = text(line.left(), Align2::LEFT_CENTER, "0", tokens.text_weak);
    let left = zero.right() + 6.0;
    let bar = Rect::from_min_max(
        egui::pos2(left, y - 4.0),
        egui::pos2((left + 150.0).min(line.right() - 40.0), y + 4.0),
    );
    let mut mesh = Mesh::default();
    for i in 0..=PARTS {
        let t = i as f32 / PARTS as f32;
        let x = egui::lerp(bar.x_range(), t);
        mesh.colored_vertex(egui::pos2(x, bar.top()), palette::viridis(t));
        mesh.colored_vertex(egui::pos2(x, bar.bottom()), palette::viridis(t));
        if i > 0 {
            mesh.add_triangle(2 * i - 2, 2 * i - 1, 2 * i);
            mesh.add_triangle(2 * i - 1, 2 * i, 2 * i + 1);
        }
    }
    ui.painter().add(mesh);
    let outline = Stroke::new(1.0, tokens.line);
    ui.painter()
        .rect_stroke(bar, CornerRadius::ZERO, outline, StrokeKind::Outside);
    let high = format::number(heat.high as f32);
    let end = text(
        bar.right() + 6.0,
        Align2::LEFT_CENTER,
        &high,
        tokens.text_weak,
    );
    text(
        end.right() + theme::DOUBLE,
        Align2::LEFT_CENTER,
        name,
        tokens.text,
    );
    let response = ui.interact(line, ui.scope_id().with("scale"), Sense::hover());
    response.widget_info(|| {
        WidgetInfo::labeled(egui::Role::Label, true, format!("{name}, 0 to {high}"))
    });
}
