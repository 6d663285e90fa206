//! What colours mean: a swatch per class, or a continuous scale whose ends can be dragged.
//!
//! Invariant: the colours are those of the map it explains.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    self, Align2, CornerRadius, CursorIcon, Mesh, Rect, Response, Sense, Stroke, Ui,
};

use crate::app::format;
use crate::app::gesture::On;
use crate::app::palette;
use crate::app::theme::{self, Tokens};

/// A class of the legend.
pub(crate) struct Swatch<'a> {
    pub colour: egui::Color32,
    pub name: &'a str,
    /// Whether its items are shown.
    pub is_on: bool,
}

impl Swatch<'_> {
    /// Draws a dot and the name.
    pub(crate) fn show_ui(&self, ui: &mut Ui, tokens: &Tokens) -> Response {
        let font = theme::regular(theme::CAPTION);
        let text = self.name.to_owned();
        let galley = ui.painter().layout_no_wrap(text, font, tokens.text);
        let size = egui::vec2(galley.size().x + 16.0, 18.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let centre = rect.left_center() + egui::vec2(5.0, 0.0);
        let text = match (self.is_on, response.hovered()) {
            (_, true) => tokens.text_strong,
            (true, false) => tokens.text,
            (false, false) => tokens.text_faint,
        };
        if self.is_on {
            ui.painter().circle_filled(centre, 4.0, self.colour);
        } else {
            ui.painter()
                .circle_stroke(centre, 3.5, Stroke::new(1.0, tokens.text_faint));
        }
        let at = egui::pos2(rect.left() + 13.0, rect.center().y - galley.size().y / 2.0);
        ui.painter()
            .galley_with_override_text_color(at, galley, text);
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::Role::CheckBox, true, self.is_on, self.name)
        });
        response
            .on_hover_cursor(CursorIcon::PointingHand)
            .on_hover_text(On::Legend.tip(ui.ctx()))
    }
}

/// Pieces a scale is drawn in.
const PARTS: u32 = 24;

/// The width of a scale at most.
const SCALE_WIDTH: f32 = 216.0;
/// What the numbers at its ends take of it, each.
const END_WIDTH: f32 = 44.0;

/// A scale between `ends` in viridis, with its name, as wide as there is room; `whole` is where the data's own ends are. Returns the ends where they
/// were moved: none for back to the data's own.
#[expect(clippy::option_option, reason = "nothing done, put back, or moved")]
pub(crate) fn scale_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    name: &str,
    ends: (f32, f32),
    whole: (f32, f32),
) -> Option<Option<(f32, f32)>> {
    let font = theme::regular(theme::CAPTION);
    let width = ui.available_width().clamp(3.0 * END_WIDTH, SCALE_WIDTH);
    let (rect, response) = ui.allocate_exact_size(egui::vec2(width, 30.0), Sense::hover());
    let painter = ui.painter();
    let mut heading = LayoutJob::simple_singleline(name.to_owned(), font.clone(), tokens.text);
    heading.wrap = TextWrapping::truncate_at_width(width);
    painter.galley(rect.left_top(), painter.layout_job(heading), tokens.text);
    let (low, high) = (format::number(ends.0), format::number(ends.1));
    let below = |at, align, text: &str| {
        painter
            .text(at, align, text, font.clone(), tokens.text_weak)
            .width()
    };
    below(rect.left_bottom(), Align2::LEFT_BOTTOM, &low);
    below(rect.right_bottom(), Align2::RIGHT_BOTTOM, &high);
    let bar = Rect::from_min_max(
        egui::pos2(rect.left() + END_WIDTH, rect.bottom() - 10.0),
        egui::pos2(rect.right() - END_WIDTH, rect.bottom() - 4.0),
    );
    // The bar stands for the data's whole range; the colours lie between the ends.
    let margin = 0.001 * (whole.1 - whole.0).max(f32::MIN_POSITIVE);
    let x_of = |value: f32| egui::remap_clamp(value, whole.0..=whole.1, bar.x_range());
    let (left, right) = (x_of(ends.0), x_of(ends.1));
    let mut mesh = Mesh::default();
    for i in 0..=PARTS {
        let t = i as f32 / PARTS as f32;
        let x = egui::lerp(bar.x_range(), t);
        let shade = ((x - left) / (right - left).max(1.0)).clamp(0.0, 1.0);
        mesh.colored_vertex(egui::pos2(x, bar.top()), palette::viridis(shade));
        mesh.colored_vertex(egui::pos2(x, bar.bottom()), palette::viridis(shade));
        if i > 0 {
            mesh.add_triangle(2 * i - 2, 2 * i - 1, 2 * i);
            mesh.add_triangle(2 * i - 1, 2 * i, 2 * i + 1);
        }
    }
    painter.add(mesh);
    painter.rect_stroke(
        bar,
        CornerRadius::ZERO,
        (1.0, tokens.line),
        egui::StrokeKind::Outside,
    );
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name}, {low} to {high}"))
    });
    response.on_hover_text(name);
    let mut moved = None;
    for (is_low, x) in [(true, left), (false, right)] {
        let handle = Rect::from_center_size(egui::pos2(x, bar.center().y), egui::vec2(7.0, 13.0));
        let id = ui.scope_id().with(("scale end", is_low));
        let response = ui.interact(handle.expand(3.0), id, Sense::click_and_drag());
        let name = if is_low {
            "Low end of the scale"
        } else {
            "High end of the scale"
        };
        response.widget_info(|| {
            let value = if is_low { ends.0 } else { ends.1 };
            egui::WidgetInfo::slider(true, f64::from(value), name)
        });
        let colour = if response.hovered() || response.dragged() {
            tokens.text_strong
        } else {
            tokens.text
        };
        ui.painter().rect(
            handle.shrink2(egui::vec2(1.5, 0.0)),
            CornerRadius::same(2),
            colour,
            Stroke::new(1.0, tokens.surface),
            egui::StrokeKind::Outside,
        );
        if response.double_clicked() {
            moved = Some(None);
        } else if let Some(pointer) = response
            .interact_pointer_pos()
            .filter(|_| response.dragged())
        {
            let value = egui::remap_clamp(pointer.x, bar.x_range(), whole.0..=whole.1);
            moved = Some(Some(if is_low {
                (value.min(ends.1 - margin), ends.1)
            } else {
                (ends.0, value.max(ends.0 + margin))
            }));
        }
        response
            .on_hover_cursor(CursorIcon::ResizeHorizontal)
            .on_hover_text(On::Scale.tip(ui.ctx()));
    }
    moved
}
