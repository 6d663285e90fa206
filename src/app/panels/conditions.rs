//! Style down, class across: what a conditional model makes of the same style with every class, or with an attribute swept.
//!
//! Invariant: a row keeps one style, a column one class or value; what is said by name otherwise is each item's own.

use std::sync::Arc;

use eframe::egui::{
    self, Align2, Button, ComboBox, Rect, RichText, ScrollArea, Sense, Stroke, TextureHandle, Ui,
    WidgetInfo,
};

use super::conditions_probe::ProbeForm;
use super::{Cx, Panel, some_items};
use crate::app::command::Action;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures;
use crate::app::theme;
use crate::app::widgets::{empty_ui, fit, paint_picture, set_name};
use crate::data::Dataset;
use crate::model::{Condition, ConditionKind, ModelSpec};
use crate::space::CodeTable;

/// Styles shown.
const ROWS: usize = 8;
/// Values of an attribute.
const STEPS: usize = 9;
/// Edge of a picture, at least and at most.
const EDGES: (f32, f32) = (26.0, 64.0);

/// The panel.
#[derive(Default)]
pub(super) struct ConditionsPanel {
    /// Whether it is shown what a probe finds, in place of pictures.
    is_probed: bool,
    probe: ProbeForm,
    /// The attribute that is swept.
    attribute: usize,
    /// By what the items whose styles are shown are drawn.
    seed: usize,
    /// The codes that were asked for last, row by row.
    sent: Vec<f32>,
    /// The answer that the textures are of.
    shown: Option<(u64, Vec<TextureHandle>)>,
}

impl Panel for ConditionsPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let spec = cx.state.model().map(|model| model.spec.clone());
        let condition = spec.as_ref().and_then(|spec| spec.condition.clone());
        let (Some(spec), Some(condition)) = (spec, condition) else {
            let text = "A conditional model is told a picture's class or attributes, so that its style stands apart: train with preset conditional, attributes or semi-supervised";
            empty_ui(
                ui,
                cx.tokens,
                icon::PALETTE,
                "Nothing is said by name",
                text,
                |_| {},
            );
            return;
        };
        if self.is_probed && cx.state.session.dataset.is_some() {
            ui.add_space(4.0);
            ui.horizontal_wrapped(|ui| {
                ui.add_space(12.0);
                self.modes_ui(ui);
                self.probe.header_ui(ui, cx);
            });
            ui.add_space(theme::HALF);
            ProbeForm::found_ui(ui, cx);
            return;
        }
        let codes = cx.state.session.codes.clone();
        let data = cx.state.session.dataset.clone();
        let codes = codes.filter(|codes| codes.dims() == spec.code);
        let (Some(codes), Some(data)) = (codes, data) else {
            let text = "Open the data whose styles are to be shown";
            empty_ui(ui, cx.tokens, icon::PALETTE, "No items yet", text, |_| {});
            return;
        };
        self.attribute = self.attribute.min(condition.names.len().saturating_sub(1));
        ui.add_space(4.0);
        self.header_ui(ui, cx, &condition);
        let items = some_items(cx.view.item(), self.seed, ROWS, codes.len().min(data.len()));
        let columns = match condition.kind {
            ConditionKind::Class => condition.names.len(),
            ConditionKind::Attributes => STEPS,
        };
        let wanted = self.codes(&spec, &condition, &codes, &items);
        if wanted != self.sent && cx.state.grid.is_idle() {
            self.sent.clone_from(&wanted);
            cx.out.act(Action::DecodeGrid(Arc::new(wanted.clone())));
        }
        if let Some((generation, pictures)) = cx.state.grid.newest()
            && self
                .shown
                .as_ref()
                .is_none_or(|(known, _)| known != generation)
        {
            let load = |picture| textures::load(ui.ctx(), "condition", picture);
            self.shown = Some((*generation, pictures.iter().map(load).collect()));
        }
        let grid = Shown {
            items: &items,
            columns,
            condition: &condition,
            code: spec.code,
            codes: &wanted,
        };
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            self.grid_ui(ui, cx, &data, &grid);
        });
    }
}

struct Shown<'a> {
    items: &'a [usize],
    columns: usize,
    condition: &'a Condition,
    code: usize,
    codes: &'a [f32],
}

impl ConditionsPanel {
    /// Pictures, or what a probe finds.
    fn modes_ui(&mut self, ui: &mut Ui) {
        let modes = [
            (
                false,
                "Pictures",
                "The same style with every class, or an attribute swept",
            ),
            (
                true,
                "Probe",
                "How often the model draws what it is asked for, as a network of its own sees it",
            ),
        ];
        for (is_probed, name, tip) in modes {
            let button = ui.add(Button::selectable(self.is_probed == is_probed, name));
            set_name(&button, &format!("Show {}", name.to_lowercase()));
            if button.on_hover_text(tip).clicked() {
                self.is_probed = is_probed;
            }
        }
        ui.add_space(theme::STEP);
    }

    fn header_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, condition: &Condition) {
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            self.modes_ui(ui);
            let text = match condition.kind {
                ConditionKind::Class => "Style down, class across",
                ConditionKind::Attributes => "Style down, across",
            };
            ui.label(RichText::new(text).color(cx.tokens.text_weak));
            if condition.kind == ConditionKind::Attributes {
                let combo = ComboBox::from_id_salt("attribute")
                    .selected_text(condition.names[self.attribute].as_str())
                    .width(130.0);
                let combo = combo.show_ui(ui, |ui| {
                    for (i, name) in condition.names.iter().enumerate() {
                        ui.selectable_value(&mut self.attribute, i, name);
                    }
                });
                set_name(&combo.response, "Attribute across");
                combo
                    .response
                    .on_hover_text("The attribute that grows to the right");
            }
            let again = ui.add(Button::new(icon::SHUFFLE).frame_when_inactive(false));
            set_name(&again, "Other styles");
            let tip = "Styles of other items; the first row is of the item in focus";
            if again.on_hover_text(tip).clicked() {
                self.seed += 1;
            }
        });
        ui.add_space(theme::HALF);
    }

    /// A code per cell, row by row.
    fn codes(
        &self,
        spec: &ModelSpec,
        condition: &Condition,
        codes: &CodeTable,
        items: &[usize],
    ) -> Vec<f32> {
        let style = spec.style();
        let mut all = Vec::new();
        for &item in items {
            let own = codes.code(item);
            match condition.kind {
                ConditionKind::Class => {
                    for class in 0..condition.names.len() {
                        all.extend_from_slice(&own[..style]);
                        all.extend(
                            (0..condition.names.len()).map(|i| f32::from(u8::from(i == class))),
                        );
                    }
                }
                ConditionKind::Attributes => {
                    for step in 0..STEPS {
                        let mut code = own.to_vec();
                        code[style + self.attribute] = step as f32 / (STEPS - 1) as f32;
                        all.extend(code);
                    }
                }
            }
        }
        all
    }

    fn grid_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, grid: &Shown<'_>) {
        let tokens = cx.tokens;
        let gap = 4.0;
        let room = ui.available_size() - egui::vec2(28.0, 30.0);
        let edge = (room.x / (grid.columns as f32 + 1.5) - gap)
            .min(room.y / grid.items.len().max(1) as f32 - gap)
            .clamp(EDGES.0, EDGES.1);
        let step = edge + gap;
        let size = egui::vec2(
            24.0 + step * (grid.columns as f32 + 1.4),
            22.0 + step * grid.items.len() as f32,
        );
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let left = area.left() + 12.0;
        let first = left + step * 1.4;
        for column in 0..grid.columns {
            let name = match grid.condition.kind {
                ConditionKind::Class => grid.condition.names[column].clone(),
                ConditionKind::Attributes => {
                    let (low, high) = grid.condition.ranges[self.attribute];
                    let share = column as f32 / (STEPS - 1) as f32;
                    format::number(low + share * (high - low))
                }
            };
            let short: String = name.chars().take((edge / 6.0) as usize).collect();
            let at = egui::pos2(first + column as f32 * step + edge / 2.0, area.top() + 14.0);
            let font = theme::regular(theme::CAPTION);
            ui.painter()
                .text(at, Align2::CENTER_BOTTOM, short, font, tokens.text_weak);
        }
        let shape = data.shape();
        let aspect = shape.width as f32 / shape.height as f32;
        for (row, &item) in grid.items.iter().enumerate() {
            let top = area.top() + 20.0 + row as f32 * step;
            let cell = |x: f32| {
                let rect = Rect::from_min_size(egui::pos2(x, top), egui::vec2(edge, edge));
                fit(rect, aspect)
            };
            let rect = cell(left);
            let texture = cx.texture_of(ui, data, item);
            let outline = Stroke::new(1.5, tokens.text_weak);
            paint_picture(ui, rect, &texture, outline, theme::RADIUS_SMALL);
            let response = ui.interact(rect, ui.scope_id().with(("style", row)), Sense::click());
            let name = format!("Style of item {item}");
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
            if response.clicked() {
                cx.out.act(Action::Select(item));
            }
            response.on_hover_text(format!("{name}: click to look at it"));
            for column in 0..grid.columns {
                let at = row * grid.columns + column;
                let rect = cell(first + column as f32 * step);
                let textures = self.shown.as_ref().map(|(_, textures)| textures);
                match textures.and_then(|textures| textures.get(at)) {
                    Some(texture) => {
                        let line = Stroke::new(1.0, tokens.line_strong);
                        paint_picture(ui, rect, texture, line, theme::RADIUS_SMALL);
                    }
                    None => {
                        ui.painter()
                            .rect_filled(rect, theme::RADIUS_SMALL, tokens.well);
                    }
                }
                let id = ui.scope_id().with(("condition", at));
                let response = ui.interact(rect, id, Sense::click());
                let name = format!("Style {}, column {}", row + 1, column + 1);
                response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
                if response.clicked()
                    && let Some(code) = grid.codes.get(at * grid.code..(at + 1) * grid.code)
                {
                    cx.out.act(Action::SetCode {
                        code: code.to_vec(),
                        drag: None,
                    });
                }
                response.on_hover_text("Click to move the sliders there");
            }
        }
    }
}
