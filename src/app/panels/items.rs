//! The items as a grid of pictures, in any order, all or only the selected ones.
//!
//! Invariant: only rows that are seen are laid out; the order is found anew only when what it follows from changes.

use std::sync::Arc;

use eframe::egui::{
    self, Button, Color32, ComboBox, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo,
};
use rayon::prelude::*;

use super::{Cx, Panel};
use crate::app::command::{Action, Choice, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::gesture::On;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::app::widgets::{command_button, empty_ui, fit, set_name};
use crate::data::{ColumnValues, Dataset};
use crate::space::Selection;

/// Shorter and longer side of the pictures, in points of the interface.
const SIZES: (f32, f32) = (24.0, 128.0);
/// Between two pictures.
const GAP: f32 = 4.0;
/// Pictures shown at once at most; where more would fit they are drawn larger.
const MOST_SHOWN: f32 = 1500.0;
/// Items that are sorted anew while the sliders are dragged at most.
const SORTED_LIVE: usize = 50_000;

/// What the items are sorted by.
#[derive(Clone, PartialEq, Debug, Default)]
enum Sort {
    /// As the data has them.
    #[default]
    Order,
    Class,
    /// A factor or a column of numbers.
    Number(String),
    Kl,
    Error,
    /// From the code that is shown.
    Distance,
}

impl Sort {
    fn name(&self) -> &str {
        match self {
            Self::Order => "Order",
            Self::Class => "Class",
            Self::Number(name) => name,
            Self::Kl => "KL",
            Self::Error => "Reconstruction error",
            Self::Distance => "Distance to the sliders",
        }
    }

    /// What the data can be sorted by.
    fn options(cx: &Cx<'_>, data: &Dataset) -> Vec<Self> {
        let mut options = vec![Self::Order];
        if data.labels().is_some() {
            options.push(Self::Class);
        }
        let columns = data.columns().iter();
        let numbers = columns.filter(|c| matches!(c.values, ColumnValues::Number(_)));
        options.extend(numbers.map(|c| Self::Number(c.name.clone())));
        let factors = data.factors().iter();
        options.extend(factors.map(|f| Self::Number(f.name.clone())));
        if cx.state.session.codes.is_some() {
            if cx.state.session.item_kl.is_some() {
                options.push(Self::Kl);
            }
            options.extend([Self::Error, Self::Distance]);
        }
        options
    }
}

/// What an order follows from.
#[derive(Clone, PartialEq)]
struct Asked {
    session: u64,
    items: usize,
    sort: Sort,
    is_falling: bool,
    /// Where what is sorted by is kept.
    source: usize,
    /// The code that distances are measured from.
    from: Vec<f32>,
}

/// The items in order.
#[derive(Default)]
struct Order {
    asked: Option<Asked>,
    /// What they are sorted by, an entry per item; empty for the data's order.
    values: Vec<f32>,
    sorted: Vec<u32>,
    /// Those of them that are shown.
    shown: Vec<u32>,
    /// The selection that `shown` follows from; none where all are shown.
    among: Option<Selection>,
}

impl Order {
    fn refresh(&mut self, ui: &Ui, cx: &Cx<'_>, form: &Form, data: &Arc<Dataset>) {
        let session = &cx.state.session;
        let address = |values: &Option<Arc<Vec<f32>>>| {
            let values = values.as_ref();
            values.map_or(0, |v| Arc::as_ptr(v).cast::<u8>() as usize)
        };
        let codes = session.codes.as_ref();
        let asked = Asked {
            session: session.id,
            items: data.len(),
            sort: form.sort.clone(),
            is_falling: form.is_falling,
            source: match form.sort {
                Sort::Kl => address(&session.item_kl),
                Sort::Error => address(&session.item_errors),
                Sort::Distance => codes.map_or(0, |c| Arc::as_ptr(c).cast::<u8>() as usize),
                // Metadata that is read later comes with another data set.
                Sort::Class | Sort::Number(_) => Arc::as_ptr(data).cast::<u8>() as usize,
                Sort::Order => 0,
            },
            from: match form.sort {
                Sort::Distance => cx.shown.to_vec(),
                _ => Vec::new(),
            },
        };
        let is_dragging = ui.input(|i| i.pointer.any_down());
        let mut is_same = self.asked.as_ref() == Some(&asked);
        if !is_same
            && is_dragging
            && asked.items > SORTED_LIVE
            && let Some(before) = &self.asked
        {
            // Of very many, the order follows once the slider is let go.
            is_same = Asked {
                from: asked.from.clone(),
                ..before.clone()
            } == asked;
        }
        if !is_same {
            self.values = values(cx, data, &asked);
            self.sorted = sorted(asked.items, &self.values, asked.is_falling);
            self.asked = Some(asked);
        }
        let among = form.only_selected.then_some(&cx.view.selection);
        if !is_same || self.among.as_ref() != among {
            self.shown = match among {
                Some(among) => {
                    let ids = self.sorted.par_iter().copied();
                    ids.filter(|&id| among.contains(id)).collect()
                }
                None => self.sorted.clone(),
            };
            self.among = among.cloned();
        }
    }
}

/// What the items are sorted by; not a number where it is not known.
fn values(cx: &Cx<'_>, data: &Dataset, asked: &Asked) -> Vec<f32> {
    let session = &cx.state.session;
    match &asked.sort {
        Sort::Order => Vec::new(),
        Sort::Class => data.labels().map_or(Vec::new(), |labels| {
            labels
                .values
                .iter()
                .map(|&class| f32::from(class))
                .collect()
        }),
        Sort::Number(name) => data.numbers(name).map_or(Vec::new(), <[f32]>::to_vec),
        Sort::Kl => session.item_kl.as_deref().cloned().unwrap_or_default(),
        Sort::Error => session.item_errors.as_deref().cloned().unwrap_or_default(),
        Sort::Distance => match &session.codes {
            Some(codes) if codes.dims() == asked.from.len() => {
                let distance = |code: &[f32]| {
                    let squares = code.iter().zip(&asked.from).map(|(a, b)| (a - b).powi(2));
                    squares.sum::<f32>().sqrt()
                };
                let codes = codes.codes().par_chunks_exact(codes.dims());
                codes.map(distance).collect()
            }
            _ => Vec::new(),
        },
    }
}

/// The ids of `items` items by their values; what has none comes last, and the data's order breaks ties.
fn sorted(items: usize, values: &[f32], is_falling: bool) -> Vec<u32> {
    let mut ids: Vec<u32> = (0..items as u32).collect();
    if values.is_empty() {
        if is_falling {
            ids.reverse();
        }
        return ids;
    }
    let value = |id: u32| values.get(id as usize).copied().filter(|v| !v.is_nan());
    ids.par_sort_unstable_by(|&a, &b| {
        let by_value = match (value(a), value(b)) {
            (Some(x), Some(y)) if is_falling => y.total_cmp(&x),
            (Some(x), Some(y)) => x.total_cmp(&y),
            (x, y) => x.is_none().cmp(&y.is_none()),
        };
        by_value.then(a.cmp(&b))
    });
    ids
}

/// What the person set.
struct Form {
    only_selected: bool,
    /// Longer side of a picture.
    size: f32,
    sort: Sort,
    is_falling: bool,
    /// Where the codes were kept whose errors were asked for last.
    measured: usize,
}

/// The panel.
pub(super) struct ItemsPanel {
    form: Form,
    order: Order,
    /// The item that was clicked last: where a range begins.
    anchor: Option<u32>,
    /// The item in focus as of the last frame.
    focus: Option<usize>,
    /// The rows that were seen in the last frame.
    seen: std::ops::Range<usize>,
}

impl Default for ItemsPanel {
    fn default() -> Self {
        Self {
            form: Form {
                only_selected: false,
                size: 48.0,
                sort: Sort::Order,
                is_falling: false,
                measured: 0,
            },
            order: Order::default(),
            anchor: None,
            focus: None,
            seen: 0..0,
        }
    }
}

impl Panel for ItemsPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(data) = cx.state.session.dataset.clone() else {
            let (title, text) = match cx.state.waiting_for() {
                Some((what, _)) => (what, "The first pictures appear in a moment"),
                None => (
                    "No items yet".to_owned(),
                    "The pictures of the data appear here",
                ),
            };
            empty_ui(ui, cx.tokens, icon::GRID, &title, text, |ui| {
                command_button(ui, Command::OpenData, true, cx.out);
            });
            return;
        };
        let options = Sort::options(cx, &data);
        if !options.contains(&self.form.sort) {
            self.form.sort = Sort::Order;
        }
        self.order.refresh(ui, cx, &self.form, &data);
        ui.add_space(6.0);
        self.header_ui(ui, cx, options);
        if self.order.shown.is_empty() {
            let text = "Select items on the map, by a class, or by searching in the panel of the selection";
            empty_ui(
                ui,
                cx.tokens,
                icon::SELECTION,
                "Nothing selected",
                text,
                |ui| {
                    let all = Button::new(format!("{}  Show all items", icon::GRID));
                    let all = ui.add(all);
                    set_name(&all, "Show all items");
                    let all = all.on_hover_text("Show every item, selected or not");
                    if all.clicked() {
                        self.form.only_selected = false;
                    }
                },
            );
            return;
        }
        self.grid_ui(ui, cx, &data);
    }
}

impl ItemsPanel {
    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, options: Vec<Sort>) {
        let tokens = cx.tokens;
        let form = &mut self.form;
        let selected = cx.view.selection.count();
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            ui.spacing_mut().item_spacing.x = theme::HALF;
            for (only_selected, name, count, tip) in [
                (
                    false,
                    "All",
                    cx.state.items(),
                    "Show every item; those outside the selection are faint",
                ),
                (true, "Selected", selected, "Show the selected items alone"),
            ] {
                let text = format!("{name}  {}", format::count(count));
                let button = ui.add(Button::selectable(
                    form.only_selected == only_selected,
                    text,
                ));
                set_name(&button, &format!("Show {}", name.to_lowercase()));
                if button.on_hover_text(tip).clicked() {
                    form.only_selected = only_selected;
                }
            }
            ui.add_space(theme::STEP);
            let combo = ComboBox::from_id_salt("sort")
                .selected_text(form.sort.name())
                .width(132.0)
                .height(320.0)
                .truncate();
            let combo = combo.show_ui(ui, |ui| {
                for option in options {
                    let name = option.name().to_owned();
                    let is_new = option == Sort::Error && cx.state.session.item_errors.is_none();
                    let choice = ui.selectable_value(&mut form.sort, option, name);
                    if is_new {
                        choice.on_hover_text("Measures every item first");
                    }
                }
            });
            set_name(&combo.response, "Sort by");
            combo.response.on_hover_text("What the items are sorted by");
            let session = &cx.state.session;
            let codes = session
                .codes
                .as_ref()
                .map_or(0, |c| Arc::as_ptr(c).cast::<u8>() as usize);
            // Once per table of codes: an answer takes a while, and a cancelled one is not asked for again.
            let needs_errors = form.sort == Sort::Error
                && session.item_errors.is_none()
                && session.is_encoded
                && form.measured != codes;
            if needs_errors {
                form.measured = codes;
                cx.out.act(Action::MeasureItems);
            }
            let (glyph, name) = if form.is_falling {
                ("↓", "Largest first")
            } else {
                ("↑", "Smallest first")
            };
            let turn = Button::new(RichText::new(glyph).size(theme::TITLE))
                .frame_when_inactive(false)
                .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT));
            let turn = ui.add(turn);
            set_name(&turn, name);
            if turn
                .on_hover_text(format!("{name}; click for the other way round"))
                .clicked()
            {
                form.is_falling = !form.is_falling;
            }
            if needs_errors {
                let text = RichText::new("Measuring").size(theme::CAPTION);
                ui.label(text.color(tokens.text_weak));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add_space(12.0);
                ui.spacing_mut().slider_width = 96.0;
                let size = egui::Slider::new(&mut form.size, SIZES.0..=SIZES.1).show_value(false);
                let size = ui.add(size);
                set_name(&size, "Picture size");
                size.on_hover_text("How large the pictures are");
                let glyph = RichText::new(icon::IMAGE).color(tokens.text_weak);
                ui.label(glyph);
            });
        });
        ui.add_space(theme::HALF);
    }

    fn grid_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let area = ui.available_rect_before_wrap();
        let shape = data.shape();
        let aspect = shape.width as f32 / shape.height as f32;
        let least = (area.area() / MOST_SHOWN).sqrt();
        let side = self.form.size.max(least);
        let wanted = egui::vec2(side * aspect.min(1.0), side / aspect.max(1.0));
        let inside = area.width() - 24.0;
        let columns = (((inside + GAP) / (wanted.x + GAP)) as usize).max(1);
        // A little larger, so that the columns fill the width.
        let cell = wanted * (((inside + GAP) / columns as f32 - GAP) / wanted.x).min(1.5);
        let count = self.order.shown.len();
        let rows = count.div_ceil(columns);
        let step = cell.y + GAP;

        let mut scroll = ScrollArea::vertical().id_salt("grid").auto_shrink(false);
        if self.focus != cx.view.item() {
            self.focus = cx.view.item();
            // The grid turns to an item that was clicked elsewhere.
            let place = self.focus.and_then(|item| self.place_of(item as u32));
            if let Some(row) = place.map(|place| place / columns)
                && !self.seen.contains(&row)
            {
                let middle = (area.height() - step) / 2.0;
                scroll = scroll.vertical_scroll_offset((row as f32 * step - middle).max(0.0));
            }
        }
        let is_plain = cx.view.selection.is_empty() || self.form.only_selected;
        let mut clicked = None;
        let mut seen = 0..0;
        ui.spacing_mut().item_spacing.y = GAP;
        scroll.show_rows(ui, cell.y, rows, |ui, range| {
            seen = range.clone();
            for row in range {
                let size = egui::vec2(ui.available_width(), cell.y);
                let (_, line) = ui.allocate_space(size);
                for column in 0..columns {
                    let Some(&id) = self.order.shown.get(row * columns + column) else {
                        break;
                    };
                    let left = line.left() + 12.0 + column as f32 * (cell.x + GAP);
                    let rect = Rect::from_min_size(egui::pos2(left, line.top()), cell);
                    let is_faint = !is_plain && !cx.view.selection.contains(id);
                    if self.cell_ui(ui, cx, data, id, fit(rect, aspect), is_faint) {
                        clicked = Some(id);
                    }
                }
            }
        });
        // Rows that are cut off do not count as seen.
        self.seen = seen.start + 1..seen.end.saturating_sub(1);
        if let Some(id) = clicked {
            self.click(ui, cx, id);
        }
    }

    fn place_of(&self, id: u32) -> Option<usize> {
        self.order.shown.iter().position(|&shown| shown == id)
    }

    fn click(&mut self, ui: &Ui, cx: &mut Cx<'_>, id: u32) {
        let modifiers = ui.input(|i| i.modifiers);
        let items = cx.state.items();
        if modifiers.shift {
            let ends = self.anchor.and_then(|anchor| self.place_of(anchor));
            if let (Some(from), Some(to)) = (ends, self.place_of(id)) {
                let range = &self.order.shown[from.min(to)..=from.max(to)];
                let how = if modifiers.command {
                    Choice::Add
                } else {
                    Choice::Replace
                };
                let items = Selection::from_ids(items, range.iter().copied());
                cx.out.act(Action::Choose { items, how });
                return;
            }
        }
        self.anchor = Some(id);
        if modifiers.command {
            let how = if cx.view.selection.contains(id) {
                Choice::Subtract
            } else {
                Choice::Add
            };
            let items = Selection::from_ids(items, [id]);
            cx.out.act(Action::Choose { items, how });
        } else {
            self.focus = Some(id as usize);
            cx.out.act(Action::Select(id as usize));
        }
    }

    /// One picture. Returns whether it was clicked.
    fn cell_ui(
        &self,
        ui: &mut Ui,
        cx: &mut Cx<'_>,
        data: &Dataset,
        id: u32,
        rect: Rect,
        is_faint: bool,
    ) -> bool {
        let tokens = cx.tokens;
        let item = id as usize;
        if item >= data.len() {
            return false;
        }
        let filter = if cx.is_smooth {
            Filter::Smooth
        } else {
            Filter::Pixels
        };
        let texture = cx
            .textures
            .item(ui.ctx(), cx.state.session.id, data, item, filter);
        let response = ui.interact(rect, ui.scope_id().with(("item", id)), Sense::click());
        let is_selected = cx.view.selection.contains(id);
        response.widget_info(|| {
            let name = format!("Items: item {id}");
            WidgetInfo::selected(egui::Role::Button, true, is_selected, name)
        });
        let is_lit = response.hovered() || cx.hovered == Some(item);
        let is_focus = cx.view.item() == Some(item);
        let tint = if is_faint && !is_lit && !is_focus {
            Color32::WHITE.gamma_multiply(0.22)
        } else {
            Color32::WHITE
        };
        egui::Image::new((texture.id(), rect.size()))
            .corner_radius(theme::RADIUS_SMALL)
            .tint(tint)
            .paint_at(ui, rect);
        let outline = match (is_focus, is_lit) {
            (true, _) => Stroke::new(2.0, tokens.accent),
            (_, true) => Stroke::new(2.0, tokens.text_strong),
            _ => Stroke::new(1.0, tokens.line),
        };
        ui.painter()
            .rect_stroke(rect, theme::RADIUS_SMALL, outline, StrokeKind::Outside);
        if response.hovered() {
            cx.out.hovered = Some(item);
        }
        let is_clicked = response.clicked();
        response.on_hover_ui(|ui| self.tip_ui(ui, cx, data, item));
        is_clicked
    }

    fn tip_ui(&self, ui: &mut Ui, cx: &Cx<'_>, data: &Dataset, item: usize) {
        let name = data
            .item_name(item)
            .map_or_else(|| format!("Item {}", format::count(item)), str::to_owned);
        ui.label(RichText::new(name).font(theme::strong(theme::BODY)));
        if let Some(class) = data.label_name(item) {
            ui.label(class);
        }
        if !matches!(self.form.sort, Sort::Order | Sort::Class)
            && let Some(&value) = self.order.values.get(item)
        {
            ui.label(format!(
                "{} {}",
                self.form.sort.name(),
                format::number(value)
            ));
        }
        let text = RichText::new(On::Items.tip(ui.ctx())).size(theme::CAPTION);
        ui.label(text.color(cx.tokens.text_weak));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_without_a_value_come_last_either_way() {
        let values = [2.0, f32::NAN, 1.0, 2.0];
        assert_eq!(sorted(5, &values, false), [2, 0, 3, 1, 4]);
        assert_eq!(sorted(5, &values, true), [0, 3, 2, 1, 4]);
        assert_eq!(sorted(3, &[], false), [0, 1, 2]);
        assert_eq!(sorted(3, &[], true), [2, 1, 0]);
    }
}
