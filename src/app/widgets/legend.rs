//! What the colours of the map mean.
//!
//! Invariant: a legend shows the same colours as the points it explains.

use eframe::egui::{self, Align2, CornerRadius, Mesh, Rect, Sense, Ui};

use crate::app::palette;
use crate::app::theme::{self, Tokens};

/// A class: a dot and its name.
pub(crate) fn swatch_ui(ui: &mut Ui, tokens: &Tokens, colour: egui::Color32, name: &str) {
    let galley =
        ui.painter()
            .layout_no_wrap(name.to_owned(), theme::regular(theme::CAPTION), tokens.text);
    let size = egui::vec2(galley.size().x + 14.0, 16.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter()
        .circle_filled(rect.left_center() + egui::vec2(4.0, 0.0), 4.0, colour);
    ui.painter().galley(
        egui::pos2(rect.left() + 12.0, rect.center().y - galley.size().y / 2.0),
        galley,
        tokens.text,
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name));
}

/// Pieces a scale is drawn in.
const PARTS: u32 = 24;

/// A scale from `low` to `high` in viridis, with its name.
pub(crate) fn scale_ui(ui: &mut Ui, tokens: &Tokens, name: &str, low: &str, high: &str) {
    let font = theme::regular(theme::CAPTION);
    let (rect, response) = ui.allocate_exact_size(egui::vec2(208.0, 30.0), Sense::hover());
    let painter = ui.painter();
    painter.text(
        rect.left_top(),
        Align2::LEFT_TOP,
        name,
        font.clone(),
        tokens.text,
    );
    let low_width = painter
        .text(
            rect.left_bottom(),
            Align2::LEFT_BOTTOM,
            low,
            font.clone(),
            tokens.text_weak,
        )
        .width();
    let high_width = painter
        .text(
            rect.right_bottom(),
            Align2::RIGHT_BOTTOM,
            high,
            font,
            tokens.text_weak,
        )
        .width();
    let bar = Rect::from_min_max(
        egui::pos2(rect.left() + low_width + 6.0, rect.bottom() - 10.0),
        egui::pos2(rect.right() - high_width - 6.0, rect.bottom() - 4.0),
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
}
