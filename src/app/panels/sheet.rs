//! The sheet: two coordinates of the code swept on a grid of pictures, the rest held at the sliders'.
//!
//! Invariant: once all have come, the picture in a cell is that of the code which a click on it moves the sliders to.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Align2, Button, ComboBox, CursorIcon, DragValue, EventFilter, Key, Layout,
    PopupAnchor, Pos2, Rect, Response, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
};

use super::{Cx, Panel, PanelKind};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::sheet::{Sweep, basis_of, sweep};
use crate::app::theme;
use crate::app::view::{BasisKind, SheetSpec};
use crate::app::widgets::{
    command_button, empty_ui, fit, icon_button, paint_picture, set_name, within,
};
use crate::space::{Basis, CodeTable};

/// Pictures to a side at least and at most.
const SIDES: std::ops::RangeInclusive<usize> = 5..=25;
/// Standard deviations to either side at least and at most.
const REACH: std::ops::RangeInclusive<f32> = 0.5..=4.0;
/// Below this width the header has a row more.
const NARROW: f32 = 310.0;
/// The width of a choice of an axis that holds the name of any dimension or component.
const WHOLE_NAME: f32 = 124.0;
/// What arrows, gaps and the button that exchanges the axes take of their row.
const BESIDE_AXES: f32 = 96.0;
/// Room for the names of the axes at the left and below.
const GUTTER: f32 = 20.0;
/// Longer side of the picture beside the pointer.
const LENS: f32 = 96.0;
/// The rest of a code this near to that of the sheet is the same: what is lost where a code is put together anew.
const SAME: f32 = 1e-4;

/// The panel.
#[derive(Default)]
pub(super) struct SheetPanel {
    swept: Option<Swept>,
}

/// What is shown, made anew when any of what it follows from changes.
struct Swept {
    spec: SheetSpec,
    basis: Basis,
    table: Arc<CodeTable>,
    /// The basis's numbers and names, those that change most first.
    choices: Vec<(usize, String)>,
    sweep: Option<Sweep>,
}

impl Swept {
    fn is_of(&self, spec: &SheetSpec, basis: &Basis, table: &Arc<CodeTable>, code: &[f32]) -> bool {
        self.spec == *spec
            && Arc::ptr_eq(&self.table, table)
            && self.basis == *basis
            && self.sweep.as_ref().is_none_or(|sweep| {
                let means = sweep.plane.coordinates(basis, table.mean());
                let held = sweep.plane.set(basis, code, means);
                let pairs = held.iter().zip(&sweep.held);
                pairs
                    .into_iter()
                    .all(|(a, b)| (a - b).abs() <= SAME * (1.0 + b.abs()))
            })
    }
}

impl Panel for SheetPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        let model = cx.state.model().cloned();
        let Some(model) = model.filter(|m| m.spec.code == cx.view.code.len()) else {
            let text = "A sheet shows what two coordinates of a model's code do together";
            empty_ui(ui, tokens, icon::SHEET, "No model yet", text, |ui| {
                command_button(ui, Command::OpenModel, true, cx.out);
            });
            return;
        };
        let session = &cx.state.session;
        let table = session.codes.clone().filter(|table| {
            table.dims() == model.spec.code && table.len() == session.expected_items
        });
        let Some(table) = table else {
            let text = "A sheet spans the codes of the items; it appears once all are encoded";
            empty_ui(ui, tokens, icon::SHEET, "Not encoded yet", text, |ui| {
                if cx.state.items() == 0 {
                    command_button(ui, Command::OpenFaces, true, cx.out);
                }
            });
            return;
        };
        let spec = shown_spec(
            ui,
            &cx.view.sheet,
            model.spec.shape.height.max(model.spec.shape.width),
        );
        self.refresh(cx, spec, &table);
        // As wide as the panel, also where the rows above are wider.
        let whole = ui.available_rect_before_wrap();
        ui.add_space(6.0);
        let Some(swept) = &self.swept else { return };
        header_ui(ui, cx, swept);
        let Some(sweep) = &swept.sweep else {
            return too_few_ui(ui, cx);
        };
        let area = whole.with_min_y(ui.cursor().top());
        sheet_ui(ui, cx, swept, sweep, area);
        cx.out.sheet = Some((sweep.codes.clone(), spec.side));
    }
}

/// The view's sheet, with no more pictures to a side than one texture holds.
fn shown_spec(ui: &Ui, spec: &SheetSpec, longer: usize) -> SheetSpec {
    let most = ui.input(|i| i.max_texture_side) / longer.max(1);
    SheetSpec {
        side: spec.side.min(most).max(2),
        ..*spec
    }
}

fn too_few_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (title, text) = match cx.view.sheet.basis {
        BasisKind::Directions => (
            "Not enough directions",
            "A sheet needs two: find them from a class, a factor or two selections",
        ),
        BasisKind::Components => (
            "No components yet",
            "They appear once every item is encoded",
        ),
        BasisKind::Dimensions => (
            "One dimension",
            "A code of one number has no second coordinate to sweep",
        ),
    };
    empty_ui(ui, cx.tokens, icon::SHEET, title, text, |ui| {
        if cx.view.sheet.basis == BasisKind::Directions {
            let panel = PanelKind::Directions;
            command_button(ui, Command::TogglePanel(panel), true, cx.out);
        }
    });
}

impl SheetPanel {
    fn refresh(&mut self, cx: &Cx<'_>, spec: SheetSpec, table: &Arc<CodeTable>) {
        let basis = basis_of(spec.basis, cx.view, &cx.state.session);
        let code = &cx.view.code;
        let is_same = |swept: &Swept| swept.is_of(&spec, &basis, table, code);
        if self.swept.as_ref().is_some_and(is_same) {
            return;
        }
        let sliders = basis.sliders(table);
        self.swept = Some(Swept {
            spec,
            sweep: sweep(&spec, &basis, code, table),
            choices: sliders.into_iter().map(|s| (s.index, s.name)).collect(),
            basis,
            table: table.clone(),
        });
    }
}

fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, swept: &Swept) {
    let spec = cx.view.sheet;
    let mut wanted = spec;
    let is_narrow = ui.available_width() < NARROW;
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        ui.spacing_mut().item_spacing.x = 6.0;
        basis_ui(ui, &mut wanted);
        if !is_narrow {
            size_ui(ui, &mut wanted);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::STEP);
            icon_button(ui, icon::EXPORT, Command::ExportSheet, cx.out);
        });
    });
    if is_narrow {
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            size_ui(ui, &mut wanted);
        });
    }
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        ui.spacing_mut().item_spacing.x = 4.0;
        let Some(sweep) = &swept.sweep else { return };
        let [across, upwards] = sweep.plane.indices;
        if is_narrow {
            ui.spacing_mut().button_padding.x = 6.0;
        }
        let width = ((ui.available_width() - BESIDE_AXES) / 2.0).clamp(36.0, 200.0);
        let right = axis_ui(ui, cx, swept, "To the right", "→", across, width);
        let swap = RichText::new(icon::SWAP).size(theme::TITLE);
        let swap = ui.add(Button::new(swap).frame_when_inactive(false));
        set_name(&swap, "Exchange the two");
        let up = axis_ui(ui, cx, swept, "Upwards", "↑", upwards, width);
        if swap
            .on_hover_text("Exchange what grows to the right and what grows upwards")
            .clicked()
        {
            (wanted.across, wanted.upwards) = (upwards, across);
        }
        // Of two that would be the same the other one moves away.
        if let Some(index) = right {
            let other = if index == upwards { across } else { upwards };
            (wanted.across, wanted.upwards) = (index, other);
        }
        if let Some(index) = up {
            let other = if index == across { upwards } else { across };
            (wanted.across, wanted.upwards) = (other, index);
        }
    });
    if wanted != spec {
        cx.out.act(Action::Sheet(wanted));
    }
}

/// How many pictures, and how far they reach.
fn size_ui(ui: &mut Ui, wanted: &mut SheetSpec) {
    let suffix = format!(" × {}", wanted.side);
    let side = DragValue::new(&mut wanted.side)
        .range(SIDES)
        .speed(0.1)
        .suffix(suffix);
    let side = ui.add(side);
    set_name(&side, "Pictures to a side");
    side.on_hover_text("Pictures to a side of the sheet, 5 to 25");
    let reach = DragValue::new(&mut wanted.reach)
        .range(REACH)
        .speed(0.02)
        .fixed_decimals(1)
        .prefix("± ")
        .suffix(" σ");
    let reach = ui.add(reach);
    set_name(&reach, "Reach");
    reach
        .on_hover_text("How far the sheet reaches: standard deviations to either side of the mean");
}

fn basis_ui(ui: &mut Ui, wanted: &mut SheetSpec) {
    let name = |kind| match kind {
        BasisKind::Dimensions => "Dimensions",
        BasisKind::Components => "Components",
        BasisKind::Directions => "Directions",
    };
    let combo = ComboBox::from_id_salt("sheet basis")
        .selected_text(name(wanted.basis))
        .width(96.0);
    let combo = combo.show_ui(ui, |ui| {
        for (kind, tip) in [
            (BasisKind::Dimensions, "Two of the code's own numbers"),
            (
                BasisKind::Components,
                "Two principal components of the codes",
            ),
            (
                BasisKind::Directions,
                "Two directions of attributes that were found",
            ),
        ] {
            let is_on = wanted.basis == kind;
            let choice = ui.selectable_label(is_on, name(kind)).on_hover_text(tip);
            if choice.clicked() && !is_on {
                // The two that change most.
                let first = SheetSpec::default();
                *wanted = SheetSpec {
                    basis: kind,
                    across: first.across,
                    upwards: first.upwards,
                    ..*wanted
                };
            }
        }
    });
    set_name(&combo.response, "Basis of the sheet");
    combo
        .response
        .on_hover_text("Which coordinates of the code the sheet sweeps");
}

/// A choice of what grows along an axis. Returns it where it was made.
fn axis_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    swept: &Swept,
    name: &str,
    glyph: &str,
    chosen: usize,
    width: f32,
) -> Option<usize> {
    ui.label(RichText::new(glyph).color(cx.tokens.text_weak));
    let choice = swept.choices.iter().find(|(i, _)| *i == chosen);
    let whole = choice.map_or("", |(_, name)| name.as_str());
    // Where there is no room for a name, the sign that the sliders have.
    let text = match swept.basis {
        Basis::Dimensions(_) if width < WHOLE_NAME => format::dimension(chosen),
        Basis::Components(_) if width < WHOLE_NAME => format!("PC {}", chosen + 1),
        _ => whole.to_owned(),
    };
    let combo = ComboBox::from_id_salt(name)
        .selected_text(text)
        .width(width)
        .truncate();
    let mut found = None;
    let combo = within(ui, width, |ui| {
        combo.show_ui(ui, |ui| {
            for (index, name) in &swept.choices {
                let is_on = *index == chosen;
                if ui.selectable_label(is_on, name).clicked() && !is_on {
                    found = Some(*index);
                }
            }
        })
    });
    set_name(&combo.response, name);
    combo
        .response
        .on_hover_text(format!("What grows {}: {whole}", name.to_lowercase()));
    found
}

fn sheet_ui(ui: &mut Ui, cx: &mut Cx<'_>, swept: &Swept, sweep: &Sweep, area: Rect) {
    let tokens = cx.tokens;
    let side = swept.spec.side;
    let well = Rect::from_min_max(
        area.min + egui::vec2(GUTTER + theme::HALF, theme::HALF),
        area.max - egui::vec2(12.0, GUTTER + theme::HALF),
    );
    if well.width() < 32.0 || well.height() < 32.0 {
        return;
    }
    let live = cx.textures.sheet.get().map(|(t, a)| (t.clone(), a));
    let drawn = live.filter(|_| {
        cx.state.sheet.side == side && cx.state.sheet.pictures.iter().any(Option::is_some)
    });
    let aspect = drawn.as_ref().map_or(1.0, |(_, aspect)| *aspect);
    let page = fit(well, aspect);
    let hairline = Stroke::new(1.0, tokens.line);
    match &drawn {
        Some((texture, _)) => paint_picture(ui, page, texture, hairline, theme::RADIUS_SMALL),
        None => {
            ui.painter().rect(
                page,
                theme::RADIUS_SMALL,
                tokens.well,
                hairline,
                StrokeKind::Outside,
            );
        }
    }
    let response = ui.interact(page, ui.scope_id().with("sheet"), Sense::click());
    let [right, up] = &sweep.names;
    response.widget_info(|| {
        let name = format!(
            "Sheet of {} and {}",
            right.to_lowercase(),
            up.to_lowercase()
        );
        WidgetInfo::labeled(egui::Role::Image, true, name)
    });
    paint_axes(ui, cx, sweep, page);
    progress_ui(ui, cx, side, page);

    let here = cell_of(swept, sweep, &cx.view.code);
    if let Some((column, row)) = here {
        let cell = cell_rect(page, side, column, row);
        let stroke = |width, colour| Stroke::new(width, colour);
        ui.painter().rect_stroke(
            cell,
            2.0,
            stroke(4.0, tokens.well.gamma_multiply(0.8)),
            StrokeKind::Middle,
        );
        ui.painter()
            .rect_stroke(cell, 2.0, stroke(2.0, tokens.accent), StrokeKind::Middle);
    }
    let dims = cx.view.code.len();
    let code_of = |(column, row): (usize, usize)| {
        let at = (row * side + column) * dims;
        sweep.codes[at..at + dims].to_vec()
    };
    let pointed = response.hover_pos().map(|at| under(page, side, at));
    if let Some((column, row)) = pointed {
        let cell = cell_rect(page, side, column, row);
        ui.painter().rect_stroke(
            cell,
            2.0,
            Stroke::new(1.5, tokens.text_strong),
            StrokeKind::Middle,
        );
        let texture = drawn.as_ref().map(|(texture, _)| texture.id());
        lens_ui(
            ui,
            cx,
            &response,
            sweep,
            &LensOf {
                texture,
                side,
                column,
                row,
                aspect,
            },
        );
    }
    let stepped = here.and_then(|at| stepped(ui, &response, side, at));
    let clicked = pointed.filter(|_| response.clicked());
    if response.clicked() {
        response.request_focus();
    }
    if response.has_focus() {
        ui.painter().rect_stroke(
            page.expand(2.0),
            theme::RADIUS_SMALL,
            Stroke::new(1.0, tokens.accent),
            StrokeKind::Outside,
        );
    }
    if let Some(cell) = clicked.or(stepped) {
        cx.out.act(Action::SetCode {
            code: code_of(cell),
            drag: None,
        });
    }
    response.on_hover_cursor(CursorIcon::PointingHand);
}

/// The cell that the arrow keys move to from `at`.
fn stepped(
    ui: &Ui,
    response: &Response,
    side: usize,
    (column, row): (usize, usize),
) -> Option<(usize, usize)> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
    let pressed = |key| ui.input(|i| i.key_pressed(key));
    let to = if pressed(Key::ArrowLeft) {
        (column.saturating_sub(1), row)
    } else if pressed(Key::ArrowRight) {
        ((column + 1).min(side - 1), row)
    } else if pressed(Key::ArrowUp) {
        (column, row.saturating_sub(1))
    } else if pressed(Key::ArrowDown) {
        (column, (row + 1).min(side - 1))
    } else {
        return None;
    };
    (to != (column, row)).then_some(to)
}

/// Column and row of the cell nearest to `code`, if the sheet reaches that far.
fn cell_of(swept: &Swept, sweep: &Sweep, code: &[f32]) -> Option<(usize, usize)> {
    let last = (swept.spec.side - 1) as f32;
    let coordinates = sweep.plane.coordinates(&swept.basis, code);
    let place = |axis: usize| {
        let (low, high) = sweep.ranges[axis];
        let at = ((coordinates[axis] - low) / (high - low) * last).round();
        (0.0..=last).contains(&at).then_some(at as usize)
    };
    Some((place(0)?, swept.spec.side - 1 - place(1)?))
}

fn cell_rect(page: Rect, side: usize, column: usize, row: usize) -> Rect {
    let size = page.size() / side as f32;
    Rect::from_min_size(
        page.min + egui::vec2(size.x * column as f32, size.y * row as f32),
        size,
    )
}

fn under(page: Rect, side: usize, at: Pos2) -> (usize, usize) {
    let share = (at - page.min) / page.size();
    let place = |share: f32| ((share * side as f32) as usize).min(side - 1);
    (place(share.x), place(share.y))
}

/// The names of the axes with their ends.
fn paint_axes(ui: &Ui, cx: &Cx<'_>, sweep: &Sweep, page: Rect) {
    let tokens = cx.tokens;
    let font = theme::regular(theme::CAPTION);
    let painter = ui.painter();
    let [(left, right), (bottom, top)] = sweep.ranges;
    let below = page.bottom() + 5.0;
    for (x, align, text, colour) in [
        (
            page.left(),
            Align2::LEFT_TOP,
            format::number(left),
            tokens.text_weak,
        ),
        (
            page.center().x,
            Align2::CENTER_TOP,
            sweep.names[0].clone(),
            tokens.text,
        ),
        (
            page.right(),
            Align2::RIGHT_TOP,
            format::number(right),
            tokens.text_weak,
        ),
    ] {
        painter.text(egui::pos2(x, below), align, text, font.clone(), colour);
    }
    let beside = page.left() - 5.0;
    for (y, share, text, colour) in [
        (page.bottom(), 0.0, format::number(bottom), tokens.text_weak),
        (page.center().y, 0.5, sweep.names[1].clone(), tokens.text),
        (page.top(), 1.0, format::number(top), tokens.text_weak),
    ] {
        let galley = painter.layout_no_wrap(text, font.clone(), colour);
        // Text that is turned runs upwards from its corner.
        let at = egui::pos2(beside - galley.size().y, y + share * galley.size().x);
        let mut text = egui::epaint::TextShape::new(at, galley, colour);
        text.angle = -std::f32::consts::FRAC_PI_2;
        painter.add(text);
    }
}

/// A line over the sheet that grows while its pictures come.
fn progress_ui(ui: &mut Ui, cx: &Cx<'_>, side: usize, page: Rect) {
    let all = side * side;
    let done = cx.state.sheet.done;
    if done >= all {
        return;
    }
    let share = done as f32 / all as f32;
    let mut line = Rect::from_min_max(
        page.left_top() - egui::vec2(0.0, 3.0),
        page.right_top() - egui::vec2(0.0, 1.0),
    );
    let response = ui.interact(line, ui.scope_id().with("sheet progress"), Sense::hover());
    response.widget_info(|| {
        let mut info =
            WidgetInfo::labeled(egui::Role::ProgressIndicator, true, "Pictures of the sheet");
        info.value = Some(f64::from(share));
        info
    });
    line.set_width(line.width() * share);
    ui.painter().rect_filled(line, 1.0, cx.tokens.accent);
}

/// What the lens looks at.
struct LensOf {
    texture: Option<egui::TextureId>,
    side: usize,
    column: usize,
    row: usize,
    aspect: f32,
}

/// The cell under the pointer, larger, with the values of its coordinates.
fn lens_ui(ui: &Ui, cx: &Cx<'_>, sheet: &Response, sweep: &Sweep, of: &LensOf) {
    let tokens = cx.tokens;
    let last = (of.side - 1) as f32;
    let value = |(low, high): (f32, f32), at: usize| low + (high - low) * at as f32 / last;
    let values = [
        value(sweep.ranges[0], of.column),
        value(sweep.ranges[1], of.side - 1 - of.row),
    ];
    let tooltip = egui::Tooltip::always_open(
        ui.ctx().clone(),
        sheet.layer_id,
        sheet.id,
        PopupAnchor::Pointer,
    );
    tooltip.gap(14.0).show(|ui| {
        ui.horizontal(|ui| {
            if let Some(texture) = of.texture {
                let size = egui::vec2(of.aspect.min(1.0), (1.0 / of.aspect).min(1.0)) * LENS;
                let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
                let cell = 1.0 / of.side as f32;
                // Half a texel less, so that the neighbours do not shine in.
                let uv = Rect::from_min_size(
                    egui::pos2(of.column as f32 * cell, of.row as f32 * cell),
                    egui::Vec2::splat(cell),
                );
                let uv = uv.shrink(0.004 * cell);
                egui::Image::new((texture, size))
                    .uv(uv)
                    .corner_radius(theme::RADIUS_SMALL)
                    .paint_at(ui, rect);
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.set_min_width(104.0);
                for (name, value) in sweep.names.iter().zip(values) {
                    ui.label(
                        RichText::new(name)
                            .size(theme::CAPTION)
                            .color(tokens.text_weak),
                    );
                    let text = RichText::new(format::number(value));
                    ui.label(
                        text.font(theme::strong(theme::BODY))
                            .color(tokens.text_strong),
                    );
                }
            });
        });
    });
}
