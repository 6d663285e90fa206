//! The sliders: one per coordinate of the code in the chosen basis, the telling ones first, and a pad for two at once.
//!
//! Invariant: what the sliders show is the view's code; histograms follow the session's codes.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Align2, Button, CollapsingHeader, ComboBox, Layout, Pos2, Rect, RichText,
    ScrollArea, Sense, Stroke, Ui, WidgetInfo,
};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::gesture::On;
use crate::app::hint::Hint;
use crate::app::sweeping::Pointed;
use crate::app::theme;
use crate::app::view::BasisKind;
use crate::app::widgets::{
    CodeSlider, Moved, command_button, empty_ui, icon_button, padded, paint_hint, set_name,
    tooltip_of,
};
use crate::engine::ModelInfo;
use crate::space::{Basis, CodeTable, Held, Selection};

const BINS: usize = 48;
/// Selected items that are marked in the histograms at most; of more, every so many-th.
const MARKED: usize = 20_000;
/// Height of the pad for two coordinates.
const PAD: f32 = 168.0;
/// A panel narrower than this gives the basis a line of its own.
const NARROW: f32 = 296.0;
/// Items drawn on the pad at most; of more, every so many-th.
const PAD_POINTS: usize = 1500;

/// The panel.
#[derive(Default)]
pub(super) struct SlidersPanel {
    shown: Shown,
    has_pad: bool,
    /// The coordinates that the pad moves.
    pad: (usize, usize),
}

/// What the sliders are drawn from, made anew when codes, model or basis change.
#[derive(Default)]
struct Shown {
    codes: Option<Arc<CodeTable>>,
    model: Option<Arc<ModelInfo>>,
    basis: Option<Arc<Basis>>,
    selection: Selection,
    rows: Vec<Row>,
    /// What is written beside the slider with the longest name.
    longest: String,
}

struct Row {
    index: usize,
    short: String,
    name: String,
    note: String,
    range: (f32, f32),
    mean: f32,
    is_active: bool,
    histogram: Vec<f32>,
    marks: Vec<f32>,
}

impl Shown {
    fn refresh(&mut self, cx: &Cx<'_>, model: &Arc<ModelInfo>) {
        let codes = cx.state.session.codes.as_ref();
        let codes = codes.filter(|c| c.dims() == model.spec.code);
        let same_codes = match (&self.codes, codes) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        let same_model = self.model.as_ref().is_some_and(|m| Arc::ptr_eq(m, model));
        let same_basis = self
            .basis
            .as_ref()
            .is_some_and(|b| Arc::ptr_eq(b, cx.basis));
        let is_same = same_codes && same_model && same_basis;
        if !is_same {
            let rows = match codes {
                Some(codes) => of_codes(cx.basis, codes),
                None => (0..model.spec.code)
                    .map(|dim| of_model(model, dim))
                    .collect(),
            };
            self.rows = named(rows, cx.basis, model);
            let names = self.rows.iter().map(|row| &row.short);
            let longest = names.max_by_key(|name| name.chars().count());
            self.longest = longest.cloned().unwrap_or_default();
            self.codes = codes.cloned();
            self.model = Some(model.clone());
            self.basis = Some(cx.basis.clone());
        }
        if !is_same || self.selection != cx.view.selection {
            self.selection = cx.view.selection.clone();
            self.mark(cx.basis);
        }
    }

    /// Where the selected items lie in the histograms.
    fn mark(&mut self, basis: &Basis) {
        let Some(codes) = &self.codes else { return };
        let step = self.selection.count().div_ceil(MARKED).max(1);
        let known = |id: &u32| (*id as usize) < codes.len();
        let ids: Vec<u32> = self.selection.ids().filter(known).step_by(step).collect();
        for row in &mut self.rows {
            let mut counts = vec![0.0_f32; if ids.is_empty() { 0 } else { BINS }];
            let (low, high) = row.range;
            for &id in &ids {
                let share =
                    (basis.coordinate(row.index, codes.code(id as usize)) - low) / (high - low);
                counts[((share * BINS as f32) as usize).min(BINS - 1)] += 1.0;
            }
            let highest = counts.iter().copied().fold(1.0, f32::max);
            row.marks = counts.into_iter().map(|c| c / highest).collect();
        }
    }
}

/// The rows with what has a name called by it, and before the others.
fn named(mut rows: Vec<Row>, basis: &Basis, model: &ModelInfo) -> Vec<Row> {
    if !matches!(basis, Basis::Dimensions(_)) || model.spec.condition.is_none() {
        return rows;
    }
    for row in &mut rows {
        if let Some(name) = model.spec.number_name(row.index) {
            name.clone_into(&mut row.name);
            name.clone_into(&mut row.short);
            row.range = (0.0, 1.0);
            row.is_active = true;
            row.note = String::new();
        }
    }
    // Names in their own order, the rest as it was.
    rows.sort_by_key(|row| match model.spec.number_name(row.index) {
        Some(_) => row.index,
        None => usize::MAX,
    });
    rows
}

fn of_codes(basis: &Basis, codes: &CodeTable) -> Vec<Row> {
    let row = |slider: crate::space::Slider| {
        let counts = basis.histogram(&slider, codes, BINS);
        let highest = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
        let index = slider.index;
        let (short, note, is_active) = match basis {
            Basis::Dimensions(_) => (
                format::dimension(index),
                note_of(codes, index),
                codes.is_active(index),
            ),
            Basis::Components(_) => {
                let std = (slider.range.1 - slider.range.0) / 6.0;
                (
                    format!("PC {}", index + 1),
                    format!("σ {}", format::number(std)),
                    true,
                )
            }
            Basis::Directions(directions) => (
                slider.name.clone(),
                directions[index].separation.to_string(),
                true,
            ),
        };
        Row {
            mean: basis.coordinate(index, codes.mean()),
            index,
            short,
            name: slider.name,
            note,
            range: slider.range,
            is_active,
            histogram: counts.into_iter().map(|c| c as f32 / highest).collect(),
            marks: Vec::new(),
        }
    };
    basis.sliders(codes).into_iter().map(row).collect()
}

/// What is said of a dimension: what it carries; of a bit, in how many codes it is set; else how far it spreads.
fn note_of(codes: &CodeTable, dim: usize) -> String {
    let (kl, mean, std) = (codes.kl()[dim], codes.mean()[dim], codes.std()[dim]);
    if codes.is_binary() {
        format!("{:.0} %", 100.0 * mean)
    } else if kl == 0.0 {
        format!("σ {}", format::number(std))
    } else {
        format!("{} nats", format::number(kl))
    }
}

fn of_model(model: &ModelInfo, dim: usize) -> Row {
    let of = |values: &[f32], otherwise| values.get(dim).copied().unwrap_or(otherwise);
    let (mean, std, kl) = (
        of(&model.code_mean, 0.0),
        of(&model.code_std, 1.0),
        of(&model.code_kl, 0.0),
    );
    let reach = (3.0 * std).max(0.5);
    let is_binary = model.spec.is_binary();
    let is_active = if is_binary || kl == 0.0 {
        std > 0.0
    } else {
        kl > CodeTable::ACTIVE_KL || model.code_kl.is_empty()
    };
    Row {
        index: dim,
        short: format::dimension(dim),
        name: format!("Dimension {}", dim + 1),
        note: match (is_binary, kl == 0.0) {
            (true, _) => format!("{:.0} %", 100.0 * mean),
            (false, true) => format!("σ {}", format::number(std)),
            (false, false) => format!("{} nats", format::number(kl)),
        },
        range: if is_binary {
            (0.0, 1.0)
        } else {
            (mean - reach, mean + reach)
        },
        mean,
        is_active,
        histogram: Vec::new(),
        marks: Vec::new(),
    }
}

impl Panel for SlidersPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        let Some(model) = cx
            .state
            .model()
            .cloned()
            .filter(|m| m.spec.code == cx.view.code.len())
        else {
            let text = "Each dimension of a model's code gets a slider here";
            empty_ui(ui, tokens, icon::SLIDERS, "No model yet", text, |ui| {
                command_button(ui, Command::OpenModel, true, cx.out);
            });
            return;
        };
        self.shown.refresh(cx, &model);
        // Before there are codes, the dimensions are all there is.
        let is_early = self.shown.codes.is_none();
        ui.add_space(6.0);
        self.header_ui(ui, cx);
        if self.shown.rows.is_empty() || (is_early && cx.view.basis != BasisKind::Dimensions) {
            let (title, text) = match cx.view.basis {
                BasisKind::Directions => (
                    "No directions yet",
                    "Find one in the panel of directions: from a class, a factor or two selections",
                ),
                _ => (
                    "Not encoded yet",
                    "Components appear once every item is encoded",
                ),
            };
            empty_ui(ui, tokens, icon::COMPASS, title, text, |ui| {
                if cx.view.basis == BasisKind::Directions {
                    let panel = super::PanelKind::Directions;
                    command_button(ui, Command::TogglePanel(panel), true, cx.out);
                }
            });
            return;
        }
        if self.has_pad {
            self.pad_ui(ui, cx);
        }
        let rows = &self.shown.rows;
        let (active, unused): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_active);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                for row in &active {
                    row_ui(ui, cx, row, &self.shown.longest);
                }
                if !unused.is_empty() {
                    ui.add_space(theme::HALF);
                    let title = format!("{} unused dimensions", unused.len());
                    CollapsingHeader::new(title)
                        .id_salt("unused")
                        .default_open(active.is_empty())
                        .show(ui, |ui| {
                            for row in &unused {
                                row_ui(ui, cx, row, &self.shown.longest);
                            }
                        });
                }
            });
        });
        if cx.hint == Some(Hint::DragSlider) {
            let text = Hint::DragSlider.text();
            let at = ui.max_rect().center_bottom() - egui::vec2(0.0, 12.0);
            paint_hint(ui, tokens, at, Align2::CENTER_BOTTOM, icon::HAND, text);
        }
    }
}

impl SlidersPanel {
    /// The basis, the temperature, and what moves all sliders at once.
    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let width = ui.available_width();
        if width < NARROW {
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                basis_ui(ui, cx, width - 24.0);
            });
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    self.tools_ui(ui, cx);
                });
            });
        } else {
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                basis_ui(ui, cx, 96.0);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    self.tools_ui(ui, cx);
                });
            });
        }
        if let Some((kind, index)) = cx.view.solo.filter(|(kind, _)| *kind == cx.view.basis) {
            let _ = kind;
            if let Some(row) = self.shown.rows.iter().find(|row| row.index == index) {
                ui.horizontal(|ui| {
                    ui.add_space(12.0);
                    let text = format!("{}  Showing {} alone", icon::SOLO, row.name.to_lowercase());
                    ui.label(
                        RichText::new(text)
                            .size(theme::CAPTION)
                            .color(cx.tokens.accent),
                    );
                });
            }
        }
    }

    /// From the right: what moves all sliders at once, the pad, and the temperature.
    fn tools_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        // Six controls in the narrowest of the columns.
        ui.spacing_mut().item_spacing.x = 1.0;
        ui.spacing_mut().button_padding.x = 4.0;
        ui.add_space(theme::STEP);
        icon_button(ui, icon::RESET, Command::ResetCode, cx.out);
        icon_button(ui, icon::SCATTER, Command::RandomFromMixture, cx.out);
        icon_button(ui, icon::SHUFFLE, Command::RandomCode, cx.out);
        if cx.view.item().is_some() {
            icon_button(ui, icon::TARGET, Command::CodeOfSelection, cx.out);
        }
        let text = RichText::new(icon::PAD).size(theme::TITLE);
        let pad = Button::selectable(self.has_pad, text)
            .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT));
        let pad = ui.add(pad);
        set_name(&pad, "Pad");
        if pad
            .on_hover_text("A pad that moves two coordinates at once")
            .clicked()
        {
            self.has_pad = !self.has_pad;
        }
        let mut psi = cx.view.psi.0;
        let drag = egui::DragValue::new(&mut psi)
            .range(0.0..=2.0)
            .speed(0.01)
            .fixed_decimals(2)
            .prefix("ψ ");
        let drag = ui.add(drag);
        set_name(&drag, "Temperature");
        let changed = drag.changed();
        if drag.double_clicked() {
            cx.out.act(Action::Psi(1.0));
        } else if changed {
            cx.out.act(Action::Psi(psi));
        }
        drag.on_hover_text(format!(
            "Temperature: below 1 the picture is nearer to the mean and more typical\n{}",
            On::Temperature.tip(ui.ctx())
        ));
    }

    /// A square on which two coordinates are dragged at once, over the items' coordinates.
    fn pad_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        let rows = &self.shown.rows;
        let find = |index: usize| rows.iter().find(|row| row.index == index);
        let (Some(x), Some(y)) = (
            find(self.pad.0),
            find(self.pad.1).filter(|_| self.pad.0 != self.pad.1),
        ) else {
            // The two that tell most, to begin with.
            let first = |i: usize| rows.get(i).map_or(0, |row| row.index);
            self.pad = (first(0), first(1));
            return;
        };
        let mut chosen = self.pad;
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            let (rect, response) =
                ui.allocate_exact_size(egui::Vec2::splat(PAD), Sense::click_and_drag());
            let painter = ui.painter().with_clip_rect(rect);
            painter.rect_filled(rect, theme::RADIUS_SMALL, tokens.well);
            let to_screen = |a: f32, b: f32| {
                Pos2::new(
                    egui::remap(a, x.range.0..=x.range.1, rect.x_range()),
                    egui::remap(b, y.range.0..=y.range.1, rect.bottom()..=rect.top()),
                )
            };
            if let Some(codes) = &self.shown.codes {
                let step = codes.len().div_ceil(PAD_POINTS).max(1);
                for id in (0..codes.len()).step_by(step) {
                    let code = codes.code(id);
                    let at = to_screen(
                        cx.basis.coordinate(x.index, code),
                        cx.basis.coordinate(y.index, code),
                    );
                    painter.rect_filled(
                        Rect::from_center_size(at, egui::Vec2::splat(1.5)),
                        0.0,
                        tokens.line_strong,
                    );
                }
            }
            let here = to_screen(
                cx.basis.coordinate(x.index, &cx.view.code),
                cx.basis.coordinate(y.index, &cx.view.code),
            );
            let here = here.clamp(rect.min, rect.max);
            painter.hline(
                rect.x_range(),
                here.y,
                Stroke::new(1.0, tokens.accent.gamma_multiply(0.4)),
            );
            painter.vline(
                here.x,
                rect.y_range(),
                Stroke::new(1.0, tokens.accent.gamma_multiply(0.4)),
            );
            painter.circle(here, 6.0, tokens.accent, Stroke::new(2.0, tokens.well));
            response.widget_info(|| {
                WidgetInfo::labeled(egui::Role::Canvas, true, "Pad of two coordinates")
            });
            if let Some(pointer) = response
                .interact_pointer_pos()
                .filter(|_| response.is_pointer_button_down_on())
            {
                let at = pointer.clamp(rect.min, rect.max);
                let a = egui::remap(at.x, rect.x_range(), x.range.0..=x.range.1);
                let b = egui::remap(at.y, rect.bottom()..=rect.top(), y.range.0..=y.range.1);
                // What is locked stays; one of the two is held as well while the other moves to its place.
                let code = held(cx, None).set(cx.basis, x.index, &cx.view.code, a);
                let code = held(cx, Some(x.index)).set(cx.basis, y.index, &code, b);
                cx.out.act(Action::SetCode {
                    code,
                    drag: Some(usize::MAX),
                });
            }
            ui.vertical(|ui| {
                for (axis, name, at) in
                    [(&mut chosen.0, "Across", x), (&mut chosen.1, "Upwards", y)]
                {
                    ui.label(
                        RichText::new(name)
                            .size(theme::CAPTION)
                            .color(tokens.text_weak),
                    );
                    let combo = ComboBox::from_id_salt(name)
                        .selected_text(&at.short)
                        .width((ui.available_width() - 20.0).clamp(60.0, 130.0))
                        .height(320.0);
                    let combo = combo.show_ui(ui, |ui| {
                        for row in rows {
                            ui.selectable_value(axis, row.index, &row.short);
                        }
                    });
                    set_name(&combo.response, name);
                    let value = cx.basis.coordinate(at.index, &cx.view.code);
                    ui.label(RichText::new(format::number(value)).color(tokens.text));
                    ui.add_space(theme::HALF);
                }
            });
        });
        ui.add_space(theme::HALF);
        self.pad = chosen;
    }
}

/// The locked coordinates of the shown basis, and one more.
fn held(cx: &Cx<'_>, more: Option<usize>) -> Held {
    let mut held = Held::default();
    let locked = cx.view.locked.iter();
    let locked = locked.filter(|(kind, _)| *kind == cx.view.basis);
    for index in locked.map(|(_, index)| *index).chain(more) {
        held.add(cx.basis, index, cx.view.code.len());
    }
    held
}

/// Which coordinates of the code the sliders show.
fn basis_ui(ui: &mut Ui, cx: &mut Cx<'_>, width: f32) {
    let name = |kind| match kind {
        BasisKind::Dimensions => "Dimensions",
        BasisKind::Components => "Components",
        BasisKind::Directions => "Directions",
    };
    let combo = ComboBox::from_id_salt("basis")
        .selected_text(name(cx.view.basis))
        .width(width);
    let combo = combo.show_ui(ui, |ui| {
        for (kind, command) in [
            (BasisKind::Dimensions, Command::SlidersByDimensions),
            (BasisKind::Components, Command::SlidersByComponents),
            (BasisKind::Directions, Command::SlidersByDirections),
        ] {
            let is_on = cx.view.basis == kind;
            let choice = ui.selectable_label(is_on, name(kind));
            if choice.on_hover_text(tooltip_of(ui, command)).clicked() && !is_on {
                cx.out.run(command);
            }
        }
    });
    set_name(&combo.response, "Basis");
    combo
        .response
        .on_hover_text("Which coordinates of the code the sliders show");
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, row: &Row, longest: &str) {
    let key = (cx.view.basis, row.index);
    let slider = CodeSlider {
        id: row.index,
        short: &row.short,
        longest,
        name: &row.name,
        note: &row.note,
        value: cx.basis.coordinate(row.index, cx.code),
        range: row.range,
        mean: row.mean,
        histogram: &row.histogram,
        marks: &row.marks,
        is_active: row.is_active,
        is_locked: cx.view.locked.contains(&key),
        is_solo: cx.view.solo == Some(key),
    };
    let top = ui.cursor().top();
    let moved = slider.show_ui(ui, cx.tokens);
    let is_pointed = |pointed: Pointed| pointed.dim == row.index;
    if cx.view.basis == BasisKind::Dimensions && cx.pointed.is_some_and(is_pointed) {
        let rect = Rect::from_x_y_ranges(ui.max_rect().x_range(), top..=ui.min_rect().bottom());
        ui.painter().rect_stroke(
            rect,
            theme::RADIUS_SMALL,
            Stroke::new(1.0, cx.tokens.accent),
            egui::StrokeKind::Outside,
        );
        ui.scroll_to_rect(rect, None);
    }
    match moved {
        Some(Moved::To(value)) => cx.out.act(Action::SetCode {
            code: held(cx, None).set(cx.basis, row.index, &cx.view.code, value),
            drag: Some(row.index),
        }),
        Some(Moved::Lock) => cx.out.act(Action::Lock(row.index)),
        Some(Moved::Solo) => cx.out.act(Action::Solo(row.index)),
        None => {}
    }
}
