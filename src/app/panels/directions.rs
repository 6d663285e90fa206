//! Directions in code space along which an attribute changes: found from a class, a number or two selections, walked
//! along with a slider each; and analogies between items.
//!
//! Invariant: a slider shows where the view's code lies along its direction; nothing here keeps a code of its own.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Align2, Button, Color32, ComboBox, CornerRadius, CursorIcon, Layout, Rect,
    RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
};

use super::selection::capitalised;
use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme::{self, Tokens};
use crate::app::view::BasisKind;
use crate::app::widgets::{
    CodeSlider, Moved, caption, command_button, empty_ui, fit, padded, paint_picture,
    primary_button, set_name, within,
};
use crate::data::{ColumnValues, Dataset};
use crate::engine::{Between, Contrast};
use crate::progress::Progress;
use crate::retrieval::nearest_codes;
use crate::space::{Basis, CodeTable, Direction, DirectionKind, Selection, analogy};

/// Bins of a slider's histogram.
const BINS: usize = 48;
/// Sliders of this panel are counted from here, apart from those of the code.
const FIRST_DRAG: usize = 1000;
/// The room that the button beside the method takes, in points.
const FIND_WIDTH: f32 = 84.0;
/// Neighbours of an analogy's result that are shown.
const NEAREST: usize = 8;

/// What a new direction is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum From {
    #[default]
    Class,
    Number,
    Selections,
}

/// A group of items.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum Group {
    /// The present selection.
    #[default]
    Present,
    /// The selection of this name.
    Named(String),
    /// All items that are not in the other group.
    Others,
}

impl Group {
    fn name(&self) -> &str {
        match self {
            Self::Present => "The selection",
            Self::Named(name) => name,
            Self::Others => "All others",
        }
    }

    /// Its items; none for all others.
    fn items(&self, cx: &Cx<'_>) -> Option<Selection> {
        match self {
            Self::Present => Some(cx.view.selection.clone()),
            Self::Named(name) => {
                let named = cx.view.named.iter().find(|n| n.name == *name)?;
                Some(named.selection.clone())
            }
            Self::Others => None,
        }
    }
}

/// What the person asked for.
#[derive(Default)]
struct Form {
    from: From,
    class: usize,
    number: String,
    these: Group,
    those: Option<Group>,
    kind: DirectionKind,
}

/// The panel.
#[derive(Default)]
pub(super) struct DirectionsPanel {
    form: Form,
    histograms: Histograms,
    analogy: Analogy,
}

impl Panel for DirectionsPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let session = cx.state.session.clone();
        let dims = cx.view.code.len();
        let is_fit = cx.state.model().is_some_and(|m| m.spec.code == dims);
        let codes = session
            .codes
            .as_ref()
            .filter(|c| c.dims() == dims && is_fit);
        let (Some(data), Some(codes)) = (&session.dataset, codes) else {
            let (title, text) = match (cx.state.model(), cx.state.waiting_for()) {
                (None, _) => (
                    "No directions yet".to_owned(),
                    "A direction leads from items without an attribute to items with it, in the code space of a model",
                ),
                (_, Some((what, _))) => (what, "Directions are found once the items are encoded"),
                _ => (
                    "Not encoded yet".to_owned(),
                    "Directions are found once the items are encoded",
                ),
            };
            empty_ui(ui, cx.tokens, icon::COMPASS, &title, text, |ui| {
                if cx.state.model().is_none() {
                    command_button(ui, Command::OpenModel, true, cx.out);
                }
            });
            return;
        };
        self.histograms.refresh(cx, codes);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| {
                self.form.show_ui(ui, cx, data);
                self.found_ui(ui, cx);
                self.analogy.show_ui(ui, cx, data, codes);
            });
        });
    }
}

fn heading(ui: &mut Ui, tokens: &Tokens, text: &str) {
    ui.label(
        RichText::new(text)
            .font(theme::strong(theme::BODY))
            .color(tokens.text_strong),
    );
}

fn wrapped(ui: &mut Ui, colour: Color32, text: &str) {
    let text = RichText::new(text).size(theme::CAPTION).color(colour);
    ui.add(egui::Label::new(text).wrap());
}

/// A button that is only an icon. Returns whether it was clicked.
fn glyph_button(ui: &mut Ui, tokens: &Tokens, glyph: &str, name: &str, tip: &str) -> bool {
    let padding = std::mem::replace(&mut ui.spacing_mut().button_padding.x, 4.0);
    let button = Button::new(RichText::new(glyph).color(tokens.text_weak))
        .frame_when_inactive(false)
        .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT));
    let button = ui.add(button);
    ui.spacing_mut().button_padding.x = padding;
    set_name(&button, name);
    button.on_hover_text(tip).clicked()
}

/// Columns and factors of numbers.
fn numbers(data: &Dataset) -> Vec<&str> {
    let columns = data.columns().iter();
    let columns = columns.filter(|c| matches!(c.values, ColumnValues::Number(_)));
    let factors = data.factors().iter().map(|f| f.name.as_str());
    columns.map(|c| c.name.as_str()).chain(factors).collect()
}

impl Form {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let tokens = cx.tokens;
        let classes = data.labels().map_or(&[][..], |labels| &labels.names);
        let numbers = numbers(data);
        self.repair(cx, classes, &numbers);
        heading(ui, tokens, "New direction");
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::Vec2::splat(theme::HALF);
            for (from, text, tip, is_there) in [
                (
                    From::Class,
                    "From a class",
                    "It leads from all other items to those of a class",
                    !classes.is_empty(),
                ),
                (
                    From::Number,
                    "From a number",
                    "It leads to where a factor, or a column of metadata, is larger",
                    !numbers.is_empty(),
                ),
                (
                    From::Selections,
                    "From selections",
                    "It leads from some items to others: these minus those",
                    true,
                ),
            ] {
                if is_there {
                    let button = Button::selectable(self.from == from, text);
                    let button = ui.add(button.wrap_mode(egui::TextWrapMode::Extend));
                    if button.on_hover_text(tip).clicked() {
                        self.from = from;
                    }
                }
            }
        });
        match self.from {
            From::Class => {
                let name = classes.get(self.class).map_or("", String::as_str);
                let combo = ComboBox::from_id_salt("class")
                    .selected_text(name)
                    .width(ui.available_width())
                    .height(320.0)
                    .truncate();
                let combo = combo.show_ui(ui, |ui| {
                    for (i, name) in classes.iter().enumerate() {
                        ui.selectable_value(&mut self.class, i, name);
                    }
                });
                set_name(&combo.response, "Class");
                combo
                    .response
                    .on_hover_text("The class that the direction leads to");
            }
            From::Number => {
                let combo = ComboBox::from_id_salt("number")
                    .selected_text(&self.number)
                    .width(ui.available_width())
                    .height(320.0)
                    .truncate();
                let combo = combo.show_ui(ui, |ui| {
                    for name in numbers {
                        ui.selectable_value(&mut self.number, name.to_owned(), name);
                    }
                });
                set_name(&combo.response, "Number");
                combo
                    .response
                    .on_hover_text("The number that grows along the direction");
            }
            From::Selections => self.selections_ui(ui, cx),
        }
        let missing = self.missing(cx);
        let row = ui.available_width();
        ui.horizontal(|ui| {
            self.kind_ui(ui, (row - FIND_WIDTH).max(80.0));
            let is_ready = missing.is_none();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_enabled_ui(is_ready, |ui| {
                    let tip = "Find the direction, and how well it separates items that it was not found from";
                    if primary_button(ui, tokens, icon::COMPASS, "Find", tip)
                        && let Some(contrast) = self.contrast(cx, data)
                    {
                        cx.out.act(Action::FindDirection(contrast));
                    }
                });
            });
        });
        if let Some(reason) = missing {
            wrapped(ui, tokens.text_faint, reason);
        }
    }

    fn kind_ui(&mut self, ui: &mut Ui, width: f32) {
        let name = |kind| match kind {
            DirectionKind::MeanDifference => "Difference of means",
            DirectionKind::Classifier => "Linear classifier",
        };
        let combo = ComboBox::from_id_salt("kind")
            .selected_text(name(self.kind))
            .width(width)
            .truncate();
        let mut choices_ui = |ui: &mut Ui| {
            for (kind, tip) in [
                (
                    DirectionKind::MeanDifference,
                    "From the mean code of one group to that of the other; for a number, from its lowest third to its highest",
                ),
                (
                    DirectionKind::Classifier,
                    "Across the plane that parts the groups best (logistic regression); for a number, the gradient of ridge regression",
                ),
            ] {
                ui.selectable_value(&mut self.kind, kind, name(kind))
                    .on_hover_text(tip);
            }
        };
        let combo = within(ui, width, |ui| combo.show_ui(ui, |ui| choices_ui(ui)));
        set_name(&combo.response, "Method");
        combo.response.on_hover_text("How the direction is found");
    }

    /// Lets go of what is no longer there to choose.
    fn repair(&mut self, cx: &Cx<'_>, classes: &[String], numbers: &[&str]) {
        if self.from == From::Class && classes.is_empty() {
            self.from = From::Number;
        }
        if self.from == From::Number && numbers.is_empty() {
            self.from = From::Selections;
        }
        self.class = self.class.min(classes.len().saturating_sub(1));
        if !numbers.contains(&self.number.as_str()) {
            self.number = numbers.first().map_or(String::new(), |n| (*n).to_owned());
        }
        let is_gone = |group: &Group| matches!(group, Group::Named(name) if cx.view.named.iter().all(|n| n.name != *name));
        if is_gone(&self.these) {
            self.these = Group::Present;
        }
        if self.those.as_ref().is_some_and(is_gone) {
            self.those = None;
        }
    }

    fn selections_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let named = || cx.view.named.iter().map(|n| Group::Named(n.name.clone()));
        let mut those = self.those.clone().unwrap_or(Group::Others);
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 48.0) / 2.0;
            let these = std::iter::once(Group::Present).chain(named());
            group_ui(ui, "These", width, these, &mut self.these);
            ui.label("minus");
            let others = [Group::Others, Group::Present].into_iter().chain(named());
            group_ui(ui, "Those", width, others, &mut those);
        });
        self.those = Some(those);
    }

    /// Why nothing can be found yet, if so.
    fn missing(&self, cx: &Cx<'_>) -> Option<&'static str> {
        if !cx.state.session.is_encoded {
            return Some("Directions are found once every item is encoded");
        }
        if self.from != From::Selections {
            return None;
        }
        let is_empty = |group: &Group| match group {
            Group::Present => cx.view.selection.is_empty(),
            Group::Named(_) | Group::Others => false,
        };
        if is_empty(&self.these) || self.those.as_ref().is_some_and(is_empty) {
            return Some("Select some items on the map first, or save selections to choose from");
        }
        (self.those.as_ref() == Some(&self.these)).then_some("These and those are the same items")
    }

    /// What is to be found.
    fn contrast(&self, cx: &Cx<'_>, data: &Dataset) -> Option<Contrast> {
        let (name, between) = match self.from {
            From::Class => {
                let labels = data.labels()?;
                let name = labels.names.get(self.class)?;
                let is_in = |(_, class): &(u32, &u16)| usize::from(**class) == self.class;
                let ids = (0..).zip(&labels.values).filter(is_in).map(|(id, _)| id);
                let groups = Between::Groups {
                    positive: Selection::from_ids(data.len(), ids),
                    negative: None,
                };
                // A bare number would say nothing among other names.
                let name = match name.parse::<f64>() {
                    Ok(_) => format!("Class {name}"),
                    Err(_) => name.clone(),
                };
                (name, groups)
            }
            From::Number => (self.number.clone(), Between::Values(self.number.clone())),
            From::Selections => {
                let those = self.those.clone().unwrap_or(Group::Others);
                let groups = Between::Groups {
                    positive: self.these.items(cx)?,
                    negative: those.items(cx),
                };
                let name = match &those {
                    Group::Others => self.these.name().to_owned(),
                    Group::Present => format!("{} − the selection", self.these.name()),
                    Group::Named(name) => format!("{} − {name}", self.these.name()),
                };
                (name, groups)
            }
        };
        Some(Contrast {
            name,
            kind: self.kind,
            between,
        })
    }
}

fn group_ui(
    ui: &mut Ui,
    name: &str,
    width: f32,
    options: impl Iterator<Item = Group>,
    chosen: &mut Group,
) {
    let combo = ComboBox::from_id_salt(name)
        .selected_text(chosen.name())
        .width(width - 1.0)
        .truncate();
    let combo = within(ui, width, |ui| {
        combo.show_ui(ui, |ui| {
            for option in options {
                let text = option.name().to_owned();
                ui.selectable_value(chosen, option, text);
            }
        })
    });
    set_name(&combo.response, name);
    let tip = if name == "These" {
        "The items that the direction leads to"
    } else {
        "The items that it comes from"
    };
    combo.response.on_hover_text(tip);
}

/// Where the items lie along each direction, made anew when codes or directions change.
#[derive(Default)]
struct Histograms {
    codes: Option<Arc<CodeTable>>,
    directions: Vec<Direction>,
    heights: Vec<Vec<f32>>,
}

impl Histograms {
    fn refresh(&mut self, cx: &Cx<'_>, codes: &Arc<CodeTable>) {
        let is_same = self.codes.as_ref().is_some_and(|c| Arc::ptr_eq(c, codes));
        if is_same && self.directions == cx.view.directions {
            return;
        }
        self.directions.clone_from(&cx.view.directions);
        self.codes = Some(codes.clone());
        let dims = codes.dims();
        let heights = |direction: &Direction| {
            if direction.axis.len() != dims {
                return Vec::new();
            }
            let basis = Basis::Directions(vec![direction.clone()]);
            let Some(slider) = basis.sliders(codes).into_iter().next() else {
                return Vec::new();
            };
            let counts = basis.histogram(&slider, codes, BINS);
            let highest = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
            counts.into_iter().map(|c| c as f32 / highest).collect()
        };
        self.heights = self.directions.iter().map(heights).collect();
    }
}

impl DirectionsPanel {
    /// A slider per direction.
    fn found_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        ui.add_space(theme::STEP);
        heading(ui, tokens, "Directions");
        if cx.view.directions.is_empty() {
            let text = "None yet: each that you find gets a slider here, and an axis that the map, the sheet and the sliders can use";
            wrapped(ui, tokens.text_faint, text);
            return;
        }
        let text = "Sliders move the present code; click an item to start from it";
        wrapped(ui, tokens.text_weak, text);
        let directions = cx.view.directions.clone();
        for (place, direction) in directions.iter().enumerate() {
            if direction.axis.len() == cx.view.code.len() {
                let heights = self.heights_of(place);
                direction_ui(ui, cx, place, direction, heights);
            }
        }
    }

    fn heights_of(&self, place: usize) -> &[f32] {
        self.histograms
            .heights
            .get(place)
            .map_or(&[], Vec::as_slice)
    }
}

fn direction_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    place: usize,
    direction: &Direction,
    heights: &[f32],
) {
    let tokens = cx.tokens;
    let here = direction.coordinate(&cx.view.code);
    let start = cx.view.item().and_then(|item| {
        let codes = cx.state.session.codes.as_ref()?;
        (item < codes.len()).then(|| direction.coordinate(codes.code(item)))
    });
    let move_to = |cx: &mut Cx<'_>, target: f32, drag: Option<usize>| {
        let code = direction.set_coordinate(&cx.view.code, target);
        cx.out.act(Action::SetCode { code, drag });
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            let name = format!("Forget {}", direction.name);
            if glyph_button(ui, tokens, icon::TRASH, &name, "Forget this direction") {
                cx.out.act(Action::ForgetDirection(place));
            }
            let (name, tip) = (
                format!("Reset {}", direction.name),
                if start.is_some() {
                    "Back to where the item in focus lies"
                } else {
                    "Back to the mean of all items"
                },
            );
            if glyph_button(ui, tokens, icon::RESET, &name, tip) {
                move_to(cx, start.unwrap_or(direction.centre), None);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let name = RichText::new(&direction.name).color(tokens.text_strong);
                ui.add(egui::Label::new(name).truncate());
            });
        });
    });
    ui.spacing_mut().item_spacing.y = 2.0;
    let kind = match direction.kind {
        DirectionKind::MeanDifference => "means",
        DirectionKind::Classifier => "classifier",
    };
    let separation = direction.separation.to_string();
    let text = capitalised(&format!("{separation} · {kind}"));
    wrapped(ui, tokens.text_weak, &text);
    let (spread, centre) = (direction.spread.max(1e-3), direction.centre);
    let key = (BasisKind::Directions, place);
    let short = format!("{:+.1} σ", (here - centre) / spread);
    let slider = CodeSlider {
        id: FIRST_DRAG + place,
        short: &short,
        longest: &short,
        name: &direction.name,
        note: &separation,
        value: here,
        range: (centre - 3.0 * spread, centre + 3.0 * spread),
        mean: centre,
        is_locked: cx.view.locked.contains(&key),
        is_solo: cx.view.solo == Some(key),
        histogram: heights,
        marks: &[],
        is_active: true,
    };
    // Locks and solos belong to the sliders' basis, which is these directions from then on.
    let switch = |cx: &mut Cx<'_>, action| {
        if cx.view.basis != BasisKind::Directions {
            cx.out.act(Action::Basis(BasisKind::Directions));
        }
        cx.out.act(action);
    };
    match slider.show_ui(ui, tokens) {
        Some(Moved::To(value)) => move_to(cx, value, Some(FIRST_DRAG + place)),
        Some(Moved::Lock) => switch(cx, Action::Lock(place)),
        Some(Moved::Solo) => switch(cx, Action::Solo(place)),
        None => {}
    }
    ui.spacing_mut().item_spacing.y = 6.0;
}

/// The code a − b + c of three items.
#[derive(Default)]
struct Analogy {
    session: u64,
    slots: [Option<usize>; 3],
    /// What the result and its neighbours follow from.
    codes: Option<Arc<CodeTable>>,
    made_of: [Option<usize>; 3],
    result: Vec<f32>,
    nearest: Vec<u32>,
}

impl Analogy {
    /// Follows the slots and the codes. Returns whether there is another result.
    fn refresh(&mut self, session: u64, codes: &Arc<CodeTable>) -> bool {
        if self.session != session {
            *self = Self {
                session,
                ..Self::default()
            };
        }
        let is_same = self.codes.as_ref().is_some_and(|c| Arc::ptr_eq(c, codes));
        if is_same && self.made_of == self.slots {
            return false;
        }
        let is_other = self.made_of != self.slots;
        self.codes = Some(codes.clone());
        self.made_of = self.slots;
        (self.result, self.nearest) = (Vec::new(), Vec::new());
        let [Some(a), Some(b), Some(c)] = self.slots else {
            return false;
        };
        if a.max(b).max(c) >= codes.len() {
            return false;
        }
        let Ok(result) = analogy(codes.code(a), codes.code(b), codes.code(c)) else {
            return false;
        };
        // The three themselves say nothing new.
        let found = nearest_codes(codes, &result, NEAREST + 3, None, &Progress::silent());
        if let Ok(found) = found {
            let ids = found.ids.into_iter();
            let ids = ids.filter(|&id| ![a, b, c].contains(&(id as usize)));
            self.nearest = ids.take(NEAREST).collect();
        }
        self.result = result;
        is_other
    }

    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset, codes: &Arc<CodeTable>) {
        let tokens = cx.tokens;
        ui.add_space(theme::STEP);
        ui.horizontal(|ui| {
            heading(ui, tokens, "Analogy");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let is_begun = self.slots.iter().any(Option::is_some);
                if is_begun
                    && glyph_button(
                        ui,
                        tokens,
                        icon::CLEAR,
                        "Empty the analogy",
                        "Empty all three places",
                    )
                {
                    self.slots = [None; 3];
                }
            });
        });
        wrapped(
            ui,
            tokens.text_weak,
            "What is to c as a is to b: click an item, then the place it takes",
        );
        self.slots_ui(ui, cx, data);
        if self.refresh(cx.state.session.id, codes) {
            cx.out.act(Action::SetCode {
                code: self.result.clone(),
                drag: None,
            });
        }
        if !self.nearest.is_empty() {
            caption(ui, tokens, "Nearest items to the result");
            self.nearest_ui(ui, cx, data);
        }
    }

    fn slots_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        const SIGN: f32 = 18.0;
        let tokens = cx.tokens;
        let side = ((ui.available_width() - 3.0 * SIGN) / 4.0).clamp(32.0, 76.0);
        let size = egui::vec2(4.0 * side + 3.0 * SIGN, side);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let cell = |place: usize| {
            let left = area.left() + place as f32 * (side + SIGN);
            Rect::from_min_size(egui::pos2(left, area.top()), egui::Vec2::splat(side))
        };
        for (place, sign) in ["−", "+", "="].into_iter().enumerate() {
            let at = cell(place).right_center() + egui::vec2(SIGN / 2.0, 0.0);
            let font = theme::strong(theme::TITLE);
            ui.painter()
                .text(at, Align2::CENTER_CENTER, sign, font, tokens.text_weak);
        }
        for (place, letter) in ["a", "b", "c"].into_iter().enumerate() {
            let item = self.slots[place].filter(|&item| item < data.len());
            if slot_ui(ui, cx, data, cell(place), letter, item) {
                self.slots[place] = cx.view.item();
            }
        }
        self.result_ui(ui, cx, cell(3));
    }

    /// The picture of the result, while it is the one that is shown.
    fn result_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>, rect: Rect) {
        let tokens = cx.tokens;
        let is_there = !self.result.is_empty();
        let is_shown = is_there && self.result == cx.view.code;
        let response = ui.interact(rect, ui.scope_id().with("result"), Sense::click());
        let enabled = is_there && !is_shown;
        response.widget_info(|| {
            WidgetInfo::labeled(
                egui::Role::Button,
                enabled,
                "Show the result of the analogy",
            )
        });
        let radius = CornerRadius::same(theme::RADIUS_SMALL);
        match cx.textures.decoded.get() {
            Some((texture, aspect)) if is_shown => {
                let stroke = Stroke::new(1.5, tokens.accent);
                paint_picture(ui, fit(rect, aspect), texture, stroke, theme::RADIUS_SMALL);
            }
            _ => {
                ui.painter().rect_filled(rect, radius, tokens.well);
                let (colour, glyph) = if is_there {
                    (tokens.text_weak, icon::EYE)
                } else {
                    (tokens.text_faint, "?")
                };
                let line = if is_there && response.hovered() {
                    tokens.accent
                } else {
                    tokens.line
                };
                ui.painter()
                    .rect_stroke(rect, radius, Stroke::new(1.0, line), StrokeKind::Inside);
                let font = theme::regular(theme::TITLE);
                ui.painter()
                    .text(rect.center(), Align2::CENTER_CENTER, glyph, font, colour);
            }
        }
        if response.clicked() && enabled {
            cx.out.act(Action::SetCode {
                code: self.result.clone(),
                drag: None,
            });
        }
        response.on_hover_text(match (is_there, is_shown) {
            (false, _) => "The result appears once all three places are taken",
            (true, true) => "The result, which the sliders and the picture show",
            (true, false) => "Show the result again",
        });
    }

    fn nearest_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        const GAP: f32 = 6.0;
        let tokens = cx.tokens;
        let width = ui.available_width();
        let side = ((width + GAP) / NEAREST as f32 - GAP).clamp(16.0, 56.0);
        let shape = data.shape();
        let aspect = shape.width as f32 / shape.height as f32;
        let (area, _) = ui.allocate_exact_size(egui::vec2(width, side + 2.0), Sense::hover());
        for (place, &id) in self.nearest.iter().enumerate() {
            let item = id as usize;
            if item >= data.len() {
                continue;
            }
            let left = area.left() + place as f32 * (side + GAP);
            let cell =
                Rect::from_min_size(egui::pos2(left, area.top() + 1.0), egui::Vec2::splat(side));
            let rect = fit(cell, aspect);
            let response = ui.interact(rect, ui.scope_id().with(("near", place)), Sense::click());
            response.widget_info(|| {
                let name = format!("Analogy: item {item}");
                WidgetInfo::labeled(egui::Role::Button, true, name)
            });
            let is_lit = response.hovered() || cx.hovered == Some(item);
            let stroke = if is_lit {
                Stroke::new(2.0, tokens.text_strong)
            } else {
                Stroke::new(1.0, tokens.line)
            };
            let texture = cx.texture_of(ui, data, item);
            paint_picture(ui, rect, &texture, stroke, theme::RADIUS_SMALL);
            if response.hovered() {
                cx.out.hovered = Some(item);
            }
            let response = response.on_hover_cursor(CursorIcon::PointingHand);
            if response.on_hover_text(name_of(data, item)).clicked() {
                cx.out.act(Action::Select(item));
            }
        }
    }
}

/// A place of the analogy. Returns whether it is to take the item in focus.
fn slot_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    data: &Dataset,
    rect: Rect,
    letter: &str,
    item: Option<usize>,
) -> bool {
    let tokens = cx.tokens;
    let can_take = cx.view.item().is_some();
    let response = ui.interact(rect, ui.scope_id().with(("slot", letter)), Sense::click());
    response.widget_info(|| {
        let name = format!("Take item in focus as {letter}");
        WidgetInfo::labeled(egui::Role::Button, can_take, name)
    });
    let is_lit = response.hovered() && can_take;
    let line = if is_lit {
        tokens.accent
    } else {
        tokens.line_strong
    };
    let radius = CornerRadius::same(theme::RADIUS_SMALL);
    if let Some(item) = item {
        let shape = data.shape();
        let aspect = shape.width as f32 / shape.height as f32;
        let texture = cx.texture_of(ui, data, item);
        let picture = fit(rect, aspect);
        paint_picture(
            ui,
            picture,
            &texture,
            Stroke::new(1.0, line),
            theme::RADIUS_SMALL,
        );
        let chip = Rect::from_min_size(picture.min, egui::vec2(15.0, 15.0));
        ui.painter()
            .rect_filled(chip, radius, tokens.surface.gamma_multiply(0.8));
        let font = theme::strong(theme::CAPTION);
        ui.painter().text(
            chip.center(),
            Align2::CENTER_CENTER,
            letter,
            font,
            tokens.text_strong,
        );
        if response.hovered() {
            cx.out.hovered = Some(item);
        }
    } else {
        ui.painter().rect_filled(rect, radius, tokens.raised);
        ui.painter()
            .rect_stroke(rect, radius, Stroke::new(1.0, line), StrokeKind::Inside);
        let colour = if can_take {
            tokens.text
        } else {
            tokens.text_faint
        };
        let font = theme::strong(theme::TITLE);
        ui.painter()
            .text(rect.center(), Align2::CENTER_CENTER, letter, font, colour);
    }
    let is_clicked = response.clicked() && can_take;
    let tip = match (item, cx.view.item()) {
        (Some(item), Some(focus)) if item != focus => format!(
            "{}; click to take {} in its place",
            name_of(data, item),
            name_of(data, focus).to_lowercase()
        ),
        (Some(item), _) => name_of(data, item),
        (None, Some(focus)) => format!(
            "Click to take {} as {letter}",
            name_of(data, focus).to_lowercase()
        ),
        (None, None) => format!("Click an item on the map first, then here to take it as {letter}"),
    };
    response.on_hover_text(tip);
    is_clicked
}

fn name_of(data: &Dataset, item: usize) -> String {
    data.item_name(item)
        .map_or_else(|| format!("Item {}", format::count(item)), str::to_owned)
}
