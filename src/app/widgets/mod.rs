//! Small pieces that several panels share.
//!
//! Invariant: a widget draws and reports; every control has a name for screen readers.

mod code_slider;
mod legend;

pub(crate) use code_slider::{CodeSlider, Moved};
pub(crate) use legend::{Swatch, scale_ui};

use eframe::egui::{
    self, Align2, Button, Color32, Context, CornerRadius, Frame, Margin, Rect, Response, RichText,
    Sense, Stroke, StrokeKind, TextureHandle, Ui, Vec2,
};
use egui_plot::Plot;

use super::command::{Command, Outbox};
use super::theme::{self, Tokens};

/// Gives a widget its name for screen readers.
pub(crate) fn set_name(response: &Response, name: &str) {
    response
        .ctx
        .accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// A command's keys as this system writes them; empty where it has none.
pub(crate) fn shortcut_of(ctx: &Context, command: Command) -> String {
    let shortcut = command.describe().shortcut;
    shortcut.map_or(String::new(), |shortcut| ctx.format_shortcut(&shortcut))
}

/// A command's tooltip with its shortcut.
pub(crate) fn tooltip_of(ui: &Ui, command: Command) -> String {
    let tooltip = command.describe().tooltip;
    match shortcut_of(ui.ctx(), command).as_str() {
        "" => tooltip.to_owned(),
        keys => format!("{tooltip} ({keys})"),
    }
}

/// A button that is only an icon.
pub(crate) fn icon_button(ui: &mut Ui, glyph: &str, command: Command, out: &mut Outbox) {
    let text = RichText::new(glyph).size(theme::TITLE);
    let response = ui.add(
        Button::new(text)
            .frame_when_inactive(false)
            .min_size(Vec2::splat(theme::CONTROL_HEIGHT)),
    );
    set_name(&response, command.describe().text);
    if response.on_hover_text(tooltip_of(ui, command)).clicked() {
        out.run(command);
    }
}

/// A button that is only an icon and stays lit while what it stands for is on.
pub(crate) fn toggle_button(ui: &mut Ui, is_on: bool, command: Command, out: &mut Outbox) {
    let text = RichText::new(command.describe().icon).size(theme::TITLE);
    let response =
        ui.add(Button::selectable(is_on, text).min_size(Vec2::splat(theme::CONTROL_HEIGHT)));
    set_name(&response, command.describe().text);
    if response.on_hover_text(tooltip_of(ui, command)).clicked() {
        out.run(command);
    }
}

/// A button with a command's icon and text.
pub(crate) fn command_button(ui: &mut Ui, command: Command, is_enabled: bool, out: &mut Outbox) {
    let describe = command.describe();
    let response = ui.add_enabled(
        is_enabled,
        Button::new(format!("{}  {}", describe.icon, describe.text)),
    );
    set_name(&response, describe.text);
    if response.on_hover_text(tooltip_of(ui, command)).clicked() {
        out.run(command);
    }
}

/// The one button of a panel that stands out. Returns whether it was clicked.
pub(crate) fn primary_button(
    ui: &mut Ui,
    tokens: &Tokens,
    glyph: &str,
    text: &str,
    tip: &str,
) -> bool {
    let label = RichText::new(format!("{glyph}  {text}"))
        .font(theme::strong(theme::BODY))
        .color(tokens.on_accent);
    let response = ui.add(Button::new(label).fill(tokens.accent));
    set_name(&response, text);
    // Where it is disabled the tip says why.
    let response = response.on_hover_text(tip).on_disabled_hover_text(tip);
    response.clicked()
}

/// The padding inside a panel.
pub(crate) fn padded<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::new()
        .inner_margin(Margin::symmetric(12, 10))
        .show(ui, add)
        .inner
}

/// Draws `add` no wider than `width`: a combo box with a long text takes the whole row otherwise.
pub(crate) fn within<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let scope = ui.scope(|ui| {
        ui.set_max_width(width);
        add(ui)
    });
    scope.inner
}

/// A caption above a group of controls.
pub(crate) fn caption(ui: &mut Ui, tokens: &Tokens, text: &str) {
    ui.label(
        RichText::new(text)
            .size(theme::CAPTION)
            .color(tokens.text_weak),
    );
}

/// A name on the left and its value on the right.
pub(crate) fn fact_ui(ui: &mut Ui, tokens: &Tokens, name: &str, value: &str) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).color(tokens.text_weak));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(value).color(tokens.text_strong)).truncate())
                .on_hover_text(value);
        });
    });
}

/// What an empty panel says: what would fill it, and below, through `add`, the buttons that do.
pub(crate) fn empty_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    glyph: &str,
    title: &str,
    text: &str,
    add: impl FnOnce(&mut Ui),
) {
    // Where there is little room the words and the button come first.
    let height = ui.available_height();
    let is_low = height < 156.0;
    ui.vertical_centered(|ui| {
        let taken = if is_low { 92.0 } else { 132.0 };
        ui.add_space(((height - taken) / 2.0).max(theme::STEP));
        if !is_low {
            ui.label(
                RichText::new(glyph)
                    .size(theme::DISPLAY)
                    .color(tokens.text_faint),
            );
        }
        ui.label(
            RichText::new(title)
                .font(theme::strong(theme::BODY))
                .color(tokens.text),
        );
        // Not from edge to edge.
        let width = (ui.available_width() - 2.0 * theme::DOUBLE).clamp(80.0, 520.0);
        ui.scope(|ui| {
            ui.set_max_width(width);
            ui.add(egui::Label::new(RichText::new(text).color(tokens.text_weak)).wrap());
        });
        ui.add_space(theme::HALF);
        add(ui);
    });
}

/// A row of widgets in the middle of the width, whose width is only known once they were drawn.
pub(crate) fn centred_row(ui: &mut Ui, salt: &str, add: impl FnOnce(&mut Ui)) {
    let id = ui.scope_id().with(salt);
    let width = ui.data(|d| d.get_temp::<f32>(id)).unwrap_or(0.0);
    let space = ((ui.available_width() - width) / 2.0).max(0.0);
    ui.horizontal(|ui| {
        ui.add_space(space);
        let inner = ui.horizontal(add);
        ui.data_mut(|d| d.insert_temp(id, inner.response.rect.width()));
    });
}

/// A plot that is only looked at: nothing moves it.
pub(crate) fn still_plot<'a>(id: impl egui::AsIdSalt, tokens: &Tokens) -> Plot<'a> {
    Plot::new(id)
        .show_background(false)
        .show_crosshair(false)
        .grid_color(tokens.line_strong)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
}

/// A thin bar that is filled to `done`.
pub(crate) fn bar_ui(ui: &mut Ui, tokens: &Tokens, done: f32, width: f32) {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(width, 6.0), Sense::hover());
    let radius = CornerRadius::same(3);
    ui.painter().rect_filled(rect, radius, tokens.raised);
    let mut filled = rect;
    filled.set_width((rect.width() * done.clamp(0.0, 1.0)).max(6.0));
    ui.painter().rect_filled(filled, radius, tokens.accent);
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, "Progress");
        info.value = Some(f64::from(done));
        info
    });
}

/// A picture that fills `rect`, with rounded corners and a hairline.
pub(crate) fn paint_picture(
    ui: &Ui,
    rect: Rect,
    texture: &TextureHandle,
    outline: Stroke,
    radius: u8,
) {
    let radius = CornerRadius::same(radius);
    egui::Image::new((texture.id(), rect.size()))
        .corner_radius(radius)
        .paint_at(ui, rect);
    ui.painter()
        .rect_stroke(rect, radius, outline, StrokeKind::Outside);
}

/// The largest rectangle of width over height `aspect` in the middle of `area`.
pub(crate) fn fit(area: Rect, aspect: f32) -> Rect {
    let width = area.width().min(area.height() * aspect);
    Rect::from_center_size(area.center(), egui::vec2(width, width / aspect))
}

/// A small rounded label on a tinted ground.
pub(crate) fn chip_ui(ui: &mut Ui, text: &str, colour: Color32, tokens: &Tokens) -> Response {
    let galley =
        ui.painter()
            .layout_no_wrap(text.to_owned(), theme::regular(theme::CAPTION), colour);
    let size = galley.size() + egui::vec2(14.0, 4.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let ground = tokens.surface.lerp_to_gamma(colour, 0.16);
    ui.painter()
        .rect_filled(rect, CornerRadius::same(RADIUS_CHIP), ground);
    ui.painter()
        .galley(rect.min + egui::vec2(7.0, 2.0), galley, colour);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
    response
}

const RADIUS_CHIP: u8 = 9;

/// The first-use hint as a soft pill about `at`.
pub(crate) fn paint_hint(
    ui: &Ui,
    tokens: &Tokens,
    at: egui::Pos2,
    align: Align2,
    glyph: &str,
    text: &str,
) {
    let galley = ui.painter().layout_no_wrap(
        format!("{glyph}  {text}"),
        theme::regular(theme::BODY),
        tokens.text_strong,
    );
    let size = galley.size() + egui::vec2(24.0, 12.0);
    let rect = align.anchor_size(at, size);
    let radius = CornerRadius::same(14);
    ui.painter().rect_filled(rect, radius, tokens.accent_soft);
    ui.painter().rect_stroke(
        rect,
        radius,
        Stroke::new(1.0, tokens.accent.gamma_multiply(0.6)),
        StrokeKind::Inside,
    );
    ui.painter()
        .galley(rect.min + egui::vec2(12.0, 6.0), galley, tokens.text_strong);
}
