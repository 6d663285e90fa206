//! The selected items: found by words or by class, counted, kept under names, exported.
//!
//! Invariant: counts follow the view's selection; they are made anew only when it or the data changes.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Align2, Button, Color32, ComboBox, CornerRadius, CursorIcon, Key, Layout, Rect,
    RichText, ScrollArea, Sense, TextEdit, Ui, WidgetInfo,
};

use super::{Cx, Panel};
use crate::app::command::{Action, Choice, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::palette;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{
    caption, chip_ui, command_button, empty_ui, padded, set_name, tooltip_of,
};
use crate::data::{ColumnValues, Dataset};
use crate::space::{NamedSelection, Selection};

/// Seconds without a key after which the search begins.
const PAUSE_SECS: f64 = 0.45;
/// Height of a row of a list.
const ROW: f32 = 22.0;
/// Columns of metadata that are listed at most.
const MOST_COLUMNS: usize = 64;

/// The panel.
#[derive(Default)]
pub(super) struct SelectionPanel {
    search: Search,
    groups: Groups,
    /// What the selection is to be called.
    name: String,
}

impl Panel for SelectionPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(data) = cx.state.session.dataset.clone() else {
            let (title, text) = match cx.state.waiting_for() {
                Some((what, _)) => (what, "Items can be selected once they are there"),
                None => (
                    "No items yet".to_owned(),
                    "Open data to select some of its items",
                ),
            };
            empty_ui(ui, cx.tokens, icon::SELECTION, &title, text, |ui| {
                command_button(ui, Command::OpenFaces, true, cx.out);
            });
            return;
        };
        self.groups.refresh(cx, &data);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| {
                self.search.show_ui(ui, cx, &data);
                count_ui(ui, cx);
                self.groups.shares_ui(ui, cx);
                self.groups.show_ui(ui, cx, &data);
                self.saved_ui(ui, cx);
                metadata_ui(ui, cx, &data);
            });
        });
    }
}

/// A heading between two parts of the panel.
fn heading(ui: &mut Ui, tokens: &Tokens, text: &str) {
    ui.add_space(theme::STEP);
    ui.label(
        RichText::new(text)
            .font(theme::strong(theme::BODY))
            .color(tokens.text_strong),
    );
}

/// The field for words, and what came of them.
#[derive(Default)]
struct Search {
    query: String,
    /// When the query was changed last, until it was looked for.
    changed_at: Option<f64>,
    /// What is said below the field, and whether it is an error.
    answer: Option<(String, bool)>,
    session: u64,
}

impl Search {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let tokens = cx.tokens;
        if self.session != cx.state.session.id {
            self.session = cx.state.session.id;
            self.answer = None;
        }
        let edit = TextEdit::singleline(&mut self.query)
            .hint_text(format!("{}  Search names and metadata", icon::SEARCH))
            .margin(egui::Margin::symmetric(8, 5))
            .desired_width(f32::INFINITY);
        let edit = ui.add(edit);
        set_name(&edit, "Search names and metadata");
        let now = ui.input(|i| i.time);
        let is_entered = edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        if edit.changed() {
            self.changed_at = Some(now);
            self.answer = None;
        }
        edit.on_hover_text(examples(data));
        let is_due = self.changed_at.is_some_and(|at| now - at >= PAUSE_SECS);
        if is_entered || is_due {
            self.changed_at = None;
            self.find(cx, data);
        } else if let Some(at) = self.changed_at {
            let left = (PAUSE_SECS - (now - at)).max(0.0);
            ui.ctx()
                .request_repaint_after(std::time::Duration::from_secs_f64(left));
        }
        if let Some((text, is_error)) = &self.answer {
            let colour = if *is_error {
                tokens.warn
            } else {
                tokens.text_weak
            };
            let text = RichText::new(text).size(theme::CAPTION).color(colour);
            ui.add(egui::Label::new(text).wrap());
        }
    }

    fn find(&mut self, cx: &mut Cx<'_>, data: &Dataset) {
        self.answer = None;
        if self.query.trim().is_empty() {
            return;
        }
        match data.search(&self.query) {
            Ok(ids) => {
                if ids.is_empty() {
                    self.answer = Some(("Nothing found; the selection stays".to_owned(), false));
                    return;
                }
                let text = match ids.len() {
                    1 => "1 item found".to_owned(),
                    n => format!("{} items found", format::count(n)),
                };
                self.answer = Some((text, false));
                cx.out.act(Action::Choose {
                    items: Selection::from_ids(data.len(), ids),
                    how: Choice::Replace,
                });
            }
            Err(error) => self.answer = Some((capitalised(&error.to_string()), true)),
        }
    }
}

/// The text with its first letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// What can be looked for in these data, by their own columns.
fn examples(data: &Dataset) -> String {
    let mut lines = vec!["Every term has to hold, such as:".to_owned()];
    let quoted = |name: &str| {
        if name.contains(char::is_whitespace) {
            format!("\"{name}\"")
        } else {
            name.to_owned()
        }
    };
    if let Some(name) = data.item_name(0) {
        let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let stem: String = stem.chars().take(24).collect();
        lines.push(format!("{}    in names", quoted(&stem)));
    }
    if let Some(class) = data.labels().and_then(|l| l.names.first()) {
        lines.push(format!("label={}    the whole class name", quoted(class)));
    }
    for column in data.columns().iter().take(2) {
        let name = quoted(&column.name);
        lines.push(match &column.values {
            ColumnValues::Number(_) => format!("{name}>3    by number"),
            ColumnValues::Category { names, .. } if !names.is_empty() => {
                format!("{name}:{}    in this column", quoted(&names[0]))
            }
            _ => format!("{name}:red    in this column"),
        });
    }
    if let Some(factor) = data.factors().first() {
        let (low, high) = factor.range;
        let middle = format::number(low.midpoint(high));
        lines.push(format!("{}>{middle}    by number", quoted(&factor.name)));
    }
    lines.push(format!(
        "item<{}    by place in the data",
        data.len().min(100)
    ));
    lines.join("\n")
}

/// How many are selected, and what concerns all of them.
fn count_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let tokens = cx.tokens;
    let (count, items) = (cx.view.selection.count(), cx.state.items());
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::HALF;
        let colour = if count > 0 {
            tokens.text_strong
        } else {
            tokens.text_weak
        };
        let number = RichText::new(format::count(count)).font(theme::strong(theme::TITLE));
        let number = ui.label(number.color(colour));
        let of = if items == 1 { "item" } else { "items" };
        let text = format!("of {} {of} selected", format::count(items));
        // A label's name is its value.
        let whole = format!("{} {text}", format::count(count));
        let ctx = number.ctx.clone();
        ctx.accesskit_node_builder(number.id, |node| node.set_value(whole));
        ui.label(RichText::new(text).color(tokens.text_weak));
    });
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::HALF;
        ui.spacing_mut().button_padding.x = theme::STEP;
        for (command, text, is_enabled) in [
            (Command::SelectAll, "All", count < items),
            (Command::InvertSelection, "Invert", true),
            (Command::ClearSelection, "Clear", count > 0),
            (Command::ExportSelection, "Export items…", true),
        ] {
            let button = ui.add_enabled(is_enabled, Button::new(text));
            set_name(&button, command.describe().text);
            if button.on_hover_text(tooltip_of(ui, command)).clicked() {
                cx.out.run(command);
            }
        }
    });
}

/// A class or a category.
struct Group {
    name: String,
    colour: Color32,
    items: usize,
    selected: usize,
}

/// The items by class, or by a column of categories.
#[derive(Default)]
struct Groups {
    /// The column; the classes where none is named.
    column: Option<String>,
    list: Vec<Group>,
    /// What they were counted from.
    counted: Option<Counted>,
}

#[derive(PartialEq)]
struct Counted {
    data: usize,
    column: Option<String>,
    selection: Selection,
    is_dark: bool,
}

/// The group of each item, as a class or a category.
enum Values<'a> {
    Classes(&'a [u16]),
    Categories(&'a [u32]),
}

impl Values<'_> {
    /// The group of item `id`, if it has one.
    fn get(&self, id: usize) -> Option<usize> {
        match self {
            Self::Classes(values) => values.get(id).map(|&v| usize::from(v)),
            Self::Categories(values) => {
                let value = *values.get(id)?;
                (value != u32::MAX).then_some(value as usize)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Classes(values) => values.len(),
            Self::Categories(values) => values.len(),
        }
    }
}

/// The groups by `column`, or the classes: the group of each item, and the groups' names.
fn grouping<'a>(data: &'a Dataset, column: Option<&str>) -> Option<(Values<'a>, &'a [String])> {
    match column {
        None => {
            let labels = data.labels()?;
            Some((Values::Classes(&labels.values), &labels.names))
        }
        Some(name) => {
            let column = data.columns().iter().find(|c| c.name == name)?;
            match &column.values {
                ColumnValues::Category { values, names } => {
                    Some((Values::Categories(values), names))
                }
                ColumnValues::Number(_) | ColumnValues::Text(_) => None,
            }
        }
    }
}

/// What the items can be grouped by: the classes, then columns.
fn groupings(data: &Dataset) -> Vec<Option<String>> {
    let classes = data.labels().map(|_| None);
    let columns = data.columns().iter();
    let categories = columns.filter(|c| matches!(c.values, ColumnValues::Category { .. }));
    let columns = categories.map(|c| Some(c.name.clone()));
    classes.into_iter().chain(columns).collect()
}

impl Groups {
    fn refresh(&mut self, cx: &Cx<'_>, data: &Arc<Dataset>) {
        if grouping(data, self.column.as_deref()).is_none() {
            self.column = groupings(data).into_iter().next().flatten();
        }
        let counted = Counted {
            data: Arc::as_ptr(data).cast::<u8>() as usize,
            column: self.column.clone(),
            selection: cx.view.selection.clone(),
            is_dark: cx.tokens.is_dark,
        };
        if self.counted.as_ref() == Some(&counted) {
            return;
        }
        self.list.clear();
        if let Some((values, names)) = grouping(data, self.column.as_deref()) {
            let group = |(i, name): (usize, &String)| Group {
                name: name.clone(),
                colour: palette::class(i, cx.tokens.is_dark),
                items: 0,
                selected: 0,
            };
            self.list = names.iter().enumerate().map(group).collect();
            for id in 0..values.len() {
                if let Some(group) = values.get(id).and_then(|g| self.list.get_mut(g)) {
                    group.items += 1;
                }
            }
            for id in cx.view.selection.ids() {
                let group = values.get(id as usize);
                if let Some(group) = group.and_then(|g| self.list.get_mut(g)) {
                    group.selected += 1;
                }
            }
        }
        self.counted = Some(counted);
    }

    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let options = groupings(data);
        if options.is_empty() || self.list.is_empty() {
            return;
        }
        let name = |column: &Option<String>| match column {
            None => "By class".to_owned(),
            Some(name) => format!("By {name}"),
        };
        if options.len() == 1 {
            heading(ui, cx.tokens, &name(&self.column));
        } else {
            ui.add_space(theme::STEP);
            let combo = ComboBox::from_id_salt("grouping")
                .selected_text(name(&self.column))
                .width(160.0)
                .truncate();
            let combo = combo.show_ui(ui, |ui| {
                for option in options {
                    let text = name(&option);
                    ui.selectable_value(&mut self.column, option, text);
                }
            });
            set_name(&combo.response, "Group by");
            combo
                .response
                .on_hover_text("The classes or the column of metadata that are listed");
        }
        self.list_ui(ui, cx, data);
    }

    /// What the selection is made of, as parts of a bar; how to select where nothing is. Both are of the same height, so
    /// that nothing below moves when the first items are selected.
    fn shares_ui(&self, ui: &mut Ui, cx: &Cx<'_>) {
        const STRIP: f32 = 16.0;
        let tokens = cx.tokens;
        let size = egui::vec2(ui.available_width(), STRIP);
        let (strip, response) = ui.allocate_exact_size(size, Sense::hover());
        if cx.view.selection.is_empty() {
            let text = if self.list.is_empty() {
                "Search, or shift-drag or lasso (L) on the map"
            } else {
                "Click a class, search, or lasso (L) on the map"
            };
            let font = theme::regular(theme::CAPTION);
            let at = strip.left_center();
            ui.painter()
                .text(at, Align2::LEFT_CENTER, text, font, tokens.text_weak);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, text));
            return;
        }
        let total: usize = self.list.iter().map(|g| g.selected).sum();
        if total == 0 {
            return;
        }
        let bar = Rect::from_center_size(strip.center(), egui::vec2(strip.width(), 8.0));
        let painter = ui.painter();
        painter.rect_filled(bar, CornerRadius::same(2), tokens.raised);
        let x_of = |items: usize| bar.left() + bar.width() * (items as f32 / total as f32);
        let pointer = response.hover_pos();
        let (mut before, mut under) = (0, None);
        for group in self.list.iter().filter(|g| g.selected > 0) {
            let (left, right) = (x_of(before), x_of(before + group.selected));
            before += group.selected;
            let part = bar
                .with_min_x(left)
                .with_max_x((right - 1.0).max(left + 0.5));
            painter.rect_filled(part, CornerRadius::same(1), group.colour);
            if pointer.is_some_and(|at| (left..=right).contains(&at.x)) {
                under = Some(group);
            }
        }
        let percent = |g: &Group| {
            format!(
                "{} %",
                format::number(100.0 * g.selected as f32 / total as f32)
            )
        };
        response.widget_info(|| {
            let parts = self.list.iter().filter(|g| g.selected > 0).take(16);
            let parts: Vec<String> = parts
                .map(|g| format!("{} {}", g.name, percent(g)))
                .collect();
            let name = format!("The selection by class: {}", parts.join(", "));
            WidgetInfo::labeled(egui::Role::Label, true, name)
        });
        if let Some(group) = under {
            response.on_hover_text(format!(
                "{}: {} of the selection",
                group.name,
                percent(group)
            ));
        }
    }

    /// A row per group; only those that are seen are drawn.
    fn list_ui(&self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let size = egui::vec2(ui.available_width(), ROW * self.list.len() as f32);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let seen = ui.clip_rect().intersect(area);
        if !seen.is_positive() {
            return;
        }
        let first = ((seen.top() - area.top()) / ROW) as usize;
        let last = ((seen.bottom() - area.top()) / ROW).ceil() as usize;
        for place in first..last.min(self.list.len()) {
            let top = area.top() + place as f32 * ROW;
            let row =
                Rect::from_min_size(egui::pos2(area.left(), top), egui::vec2(area.width(), ROW));
            if row_ui(ui, cx.tokens, row, place, &self.list[place]) {
                let modifiers = ui.input(|i| i.modifiers);
                let how = if modifiers.command {
                    Choice::Add
                } else if modifiers.alt {
                    Choice::Subtract
                } else {
                    Choice::Replace
                };
                if let Some((values, _)) = grouping(data, self.column.as_deref()) {
                    let ids = (0..values.len()).filter(|&id| values.get(id) == Some(place));
                    let items = Selection::from_ids(data.len(), ids.map(|id| id as u32));
                    cx.out.act(Action::Choose { items, how });
                }
            }
        }
    }
}

/// A group's colour, name and numbers. Returns whether it was clicked.
fn row_ui(ui: &Ui, tokens: &Tokens, row: Rect, place: usize, group: &Group) -> bool {
    let response = ui.interact(row, ui.scope_id().with(("group", place)), Sense::click());
    let painter = ui.painter().with_clip_rect(row.intersect(ui.clip_rect()));
    let ground = row.expand2(egui::vec2(6.0, 0.0));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(
            ground,
            CornerRadius::same(theme::RADIUS_SMALL),
            tokens.raised,
        );
    }
    let is_in = group.selected > 0;
    painter.circle_filled(row.left_center() + egui::vec2(5.0, 0.0), 4.0, group.colour);
    let numbers = if is_in {
        format!(
            "{} of {}",
            format::count(group.selected),
            format::count(group.items)
        )
    } else {
        format::count(group.items)
    };
    let colour = if is_in {
        tokens.text
    } else {
        tokens.text_faint
    };
    let font = theme::regular(theme::CAPTION);
    let numbers_rect = painter.text(
        row.right_center(),
        Align2::RIGHT_CENTER,
        &numbers,
        font,
        colour,
    );
    let name = painter.with_clip_rect(
        row.with_max_x(numbers_rect.left() - theme::STEP)
            .intersect(ui.clip_rect()),
    );
    let (font, colour) = if is_in {
        (theme::strong(theme::BODY), tokens.text_strong)
    } else {
        (theme::regular(theme::BODY), tokens.text)
    };
    let at = row.left_center() + egui::vec2(18.0, 0.0);
    name.text(at, Align2::LEFT_CENTER, &group.name, font, colour);
    response.widget_info(|| {
        let name = format!("Select class {}", group.name);
        WidgetInfo::selected(egui::Role::Button, true, is_in, name)
    });
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    let is_clicked = response.clicked();
    response.on_hover_text(format!(
        "{}: click to select its items, with Ctrl to add them to the selection, with Alt to take them out",
        group.name
    ));
    is_clicked
}

impl SelectionPanel {
    /// The selections that have names, and the field that gives the present one its name.
    fn saved_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        heading(ui, tokens, "Saved selections");
        ui.horizontal(|ui| {
            const BUTTON: f32 = 52.0;
            let width = ui.available_width() - BUTTON - theme::STEP;
            let edit = TextEdit::singleline(&mut self.name)
                .hint_text("Name")
                .desired_width(width - 8.0);
            let edit = ui.add(edit);
            set_name(&edit, "Name of the selection");
            let is_entered = edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
            let name = self.name.trim().to_owned();
            let is_ready = !name.is_empty() && !cx.view.selection.is_empty();
            let size = egui::vec2(BUTTON, theme::CONTROL_HEIGHT);
            let save = ui.add_enabled(is_ready, Button::new("Save").min_size(size));
            set_name(&save, "Save selection");
            let is_clicked = save.clicked();
            save.on_hover_text("Keep the selection under this name; one of that name is replaced")
                .on_disabled_hover_text("Select some items and give them a name first");
            if is_ready && (is_clicked || is_entered) {
                cx.out.act(Action::NameSelection(name));
                self.name.clear();
            }
        });
        if cx.view.named.is_empty() {
            let text = "None yet: a selection that has a name comes back with a click";
            let text = RichText::new(text).size(theme::CAPTION);
            ui.add(egui::Label::new(text.color(tokens.text_faint)).wrap());
        }
        ui.spacing_mut().item_spacing.y = 2.0;
        for (place, named) in cx.view.named.iter().enumerate() {
            let done = ui
                .horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 0.0;
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        named_ui(ui, cx, named)
                    })
                    .inner
                })
                .inner;
            let choose = |how| Action::Choose {
                items: named.selection.clone(),
                how,
            };
            match done {
                Some(Done::Recall) => cx.out.act(Action::RecallSelection(place)),
                Some(Done::Add) => cx.out.act(choose(Choice::Add)),
                Some(Done::Subtract) => cx.out.act(choose(Choice::Subtract)),
                Some(Done::Forget) => cx.out.act(Action::ForgetSelection(place)),
                None => {}
            }
        }
    }
}

/// What was done to a selection that has a name.
#[derive(Clone, Copy)]
enum Done {
    Recall,
    Add,
    Subtract,
    Forget,
}

/// A selection that has a name, from right to left. Returns what was done to it.
fn named_ui(ui: &mut Ui, cx: &Cx<'_>, named: &NamedSelection) -> Option<Done> {
    let tokens = cx.tokens;
    let mut done = None;
    for (glyph, word, tip, what) in [
        (icon::TRASH, "Forget", "Forget this selection", Done::Forget),
        (
            icon::MINUS,
            "Subtract",
            "Take its items out of the selection",
            Done::Subtract,
        ),
        (
            icon::PLUS,
            "Add",
            "Add its items to the selection",
            Done::Add,
        ),
    ] {
        let button = Button::new(RichText::new(glyph).color(tokens.text_weak))
            .frame_when_inactive(false)
            .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT));
        let padding = std::mem::replace(&mut ui.spacing_mut().button_padding.x, 4.0);
        let button = ui.add(button);
        ui.spacing_mut().button_padding.x = padding;
        set_name(&button, &format!("{word} {}", named.name));
        if button.on_hover_text(tip).clicked() {
            done = Some(what);
        }
    }
    let count = format::count(named.selection.count());
    let count = RichText::new(count).size(theme::CAPTION);
    ui.label(count.color(tokens.text_weak));
    ui.add_space(theme::HALF);
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        // One that was read from a file counts items up to its last alone.
        let mut whole = named.selection.clone();
        whole.resize(cx.view.selection.items());
        let colour = if whole == cx.view.selection {
            tokens.accent
        } else {
            tokens.text
        };
        let text = format!("{}  {}", icon::BOOKMARK, named.name);
        let button = Button::new(RichText::new(text).color(colour))
            .frame_when_inactive(false)
            .truncate();
        ui.spacing_mut().button_padding.x = 0.0;
        let button = ui.add(button);
        set_name(&button, &format!("Recall {}", named.name));
        if button.on_hover_text("Select its items again").clicked() {
            done = Some(Done::Recall);
        }
    });
    done
}

/// The columns that the search, the map's colours and the directions know.
fn metadata_ui(ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
    let tokens = cx.tokens;
    heading(ui, tokens, "Metadata");
    let columns = data.columns();
    if columns.is_empty() {
        let text =
            "No table is open; one with a row per item adds columns to search, colour and sort by";
        let text = RichText::new(text).size(theme::CAPTION);
        ui.add(egui::Label::new(text.color(tokens.text_faint)).wrap());
    } else {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
            for column in columns.iter().take(MOST_COLUMNS) {
                let kind = match &column.values {
                    ColumnValues::Number(_) => "Numbers".to_owned(),
                    ColumnValues::Category { names, .. } => format!("{} categories", names.len()),
                    ColumnValues::Text(_) => "Texts".to_owned(),
                };
                chip_ui(ui, &column.name, tokens.text_weak, tokens).on_hover_text(kind);
            }
        });
        if columns.len() > MOST_COLUMNS {
            caption(
                ui,
                tokens,
                &format!("and {} more", columns.len() - MOST_COLUMNS),
            );
        }
    }
    ui.add_space(theme::HALF);
    command_button(ui, Command::OpenMetadata, true, cx.out);
}
