//! How good retrieval is in each space, over many queries at once.
//!
//! Invariant: every figure is one of the session's study; only which of them are shown is the panel's own.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Button, Color32, ComboBox, DragValue, Layout, Popup, PopupCloseBehavior, Rect,
    RichText, ScrollArea, Sense, Stroke, TextEdit, TextureHandle, Ui, WidgetInfo,
};

use super::measures_plots::{confusions_ui, curves_ui, distortions_ui, key_ui};
use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::palette;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{bar_ui, command_button, empty_ui, icon_button, paint_picture, set_name};
use crate::data::{Dataset, DatasetSource};
use crate::engine::{QuerySet, Studied, Study};
use crate::retrieval::Space;
use crate::retrieval::study::{Estimate, Findings, OfSpace, Win};

/// What the work is called while it goes on.
const WORK: &str = "Comparing spaces";
/// Spaces compared at most: as many as there are colours that stay apart.
const SPACES: usize = 7;
/// Neighbours shown of a query.
const SHOWN: usize = 8;
/// Side of their pictures.
const THUMB: f32 = 28.0;

/// The colour of the `i`th space of a study.
pub(super) fn space_colour(tokens: &Tokens, i: usize) -> Color32 {
    palette::class(i, tokens.is_dark)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Queries {
    HeldOut,
    Items,
    Selection,
    Data,
}

impl Queries {
    const ALL: [Self; 4] = [Self::HeldOut, Self::Items, Self::Selection, Self::Data];

    fn name(self) -> &'static str {
        match self {
            Self::HeldOut => "Held-out items",
            Self::Items => "Items at random",
            Self::Selection => "The selection",
            Self::Data => "Other data",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::HeldOut => {
                "Items that the model was not trained on, each left out of its own answer"
            }
            Self::Items => "Any of the items, each left out of its own answer",
            Self::Selection => "The selected items, each left out of its own answer",
            Self::Data => "Pictures from elsewhere, such as a test set, sought among these items",
        }
    }

    /// Why it cannot be had now, if it cannot.
    fn misses(self, cx: &Cx<'_>) -> Option<&'static str> {
        match self {
            Self::HeldOut if cx.state.session.held_out.is_none() => Some(
                "The model was trained on other data, or on all of these, or they are not encoded yet",
            ),
            Self::Selection if cx.view.selection.is_empty() => Some("Nothing is selected"),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Figures,
    Curves,
    Distortions,
    Classes,
    Cases,
}

impl Section {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (
            Self::Figures,
            "Figures",
            "Each space in numbers, and how the spaces agree",
        ),
        (
            Self::Curves,
            "Curves",
            "Precision, recall and accuracy by the number of neighbours",
        ),
        (
            Self::Distortions,
            "Distortions",
            "How often the original of a distorted copy is still the nearest",
        ),
        (
            Self::Classes,
            "Classes",
            "What is taken for what in each space",
        ),
        (
            Self::Cases,
            "Cases",
            "The queries that one space answers better than the other",
        ),
    ];
}

impl Section {
    /// Whether it tells which neighbours are right.
    fn needs_classes(self) -> bool {
        matches!(self, Self::Curves | Self::Classes | Self::Cases)
    }
}

/// Textures of the queries of a study, which may be no items.
struct QueryTextures {
    of: Arc<Studied>,
    textures: Vec<(u32, TextureHandle)>,
}

/// The panel.
pub(super) struct MeasuresPanel {
    queries: Option<Queries>,
    /// The other data, as on the command line.
    other: String,
    most: usize,
    k: usize,
    spaces: Vec<Space>,
    section: Section,
    pair: usize,
    textures: Option<QueryTextures>,
}

impl Default for MeasuresPanel {
    fn default() -> Self {
        Self {
            queries: None,
            other: String::new(),
            most: 1000,
            k: 10,
            spaces: vec![Space::Pixel, Space::Code, Space::Components],
            section: Section::Figures,
            pair: 0,
            textures: None,
        }
    }
}

impl Panel for MeasuresPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if cx.state.items() == 0 {
            let text = "Open data: how good retrieval is in each space is measured here, over many queries at once";
            empty_ui(ui, cx.tokens, icon::MEASURES, "No items yet", text, |_| {});
            return;
        }
        ui.add_space(4.0);
        self.form_ui(ui, cx);
        let task = cx.state.tasks.iter().find(|task| task.what == WORK);
        if let Some(task) = task {
            let left = task.secs_left.map(|s| format!("{} left", format::secs(s)));
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                let width = (ui.available_width() - 190.0).max(60.0);
                bar_ui(ui, cx.tokens, task.done, width);
                command_button(ui, Command::Cancel, true, cx.out);
                ui.label(RichText::new(left.unwrap_or_default()).color(cx.tokens.text_weak));
            });
        }
        let Some(studied) = cx.state.session.study.clone() else {
            if task.is_none() {
                let text = "Choose queries and spaces, then Measure: precision, accuracy, agreement and robustness, each with its interval";
                empty_ui(
                    ui,
                    cx.tokens,
                    icon::MEASURES,
                    "Nothing measured yet",
                    text,
                    |_| {},
                );
            }
            return;
        };
        self.sections_ui(ui, cx, &studied);
        let scroll = ScrollArea::vertical().id_salt(self.section as usize);
        scroll.auto_shrink(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                ui.vertical(|ui| self.section_ui(ui, cx, &studied));
            });
        });
    }
}

impl MeasuresPanel {
    /// What to measure.
    fn form_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let fallback = if Queries::HeldOut.misses(cx).is_none() {
            Queries::HeldOut
        } else {
            Queries::Items
        };
        let chosen = self.queries.filter(|q| q.misses(cx).is_none());
        let chosen = chosen.unwrap_or(fallback);
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            let combo = ComboBox::from_id_salt("queries")
                .selected_text(chosen.name())
                .width(116.0);
            let combo = combo.show_ui(ui, |ui| {
                for queries in Queries::ALL {
                    let misses = queries.misses(cx);
                    let choice = Button::selectable(queries == chosen, queries.name());
                    let choice = ui.add_enabled(misses.is_none(), choice);
                    let choice = choice.on_hover_text(queries.describe());
                    if choice
                        .on_disabled_hover_text(misses.unwrap_or_default())
                        .clicked()
                    {
                        self.queries = Some(queries);
                    }
                }
            });
            set_name(&combo.response, "Queries");
            combo.response.on_hover_text(chosen.describe());
            if chosen == Queries::Data {
                if self.other.is_empty() {
                    let source = cx.state.session.source.as_ref();
                    let test = source.filter(|s| s.to_string().ends_with(":train"));
                    self.other =
                        test.map_or(String::new(), |s| s.to_string().replace(":train", ":test"));
                }
                let field = TextEdit::singleline(&mut self.other)
                    .hint_text("folder, file or name:part")
                    .desired_width(150.0);
                let field = ui.add(field);
                set_name(&field, "Other data");
                field.on_hover_text(
                    "As after --queries: a file, a folder, digits:1000, …/mnist:test",
                );
            }
            let most = DragValue::new(&mut self.most)
                .range(1..=100_000)
                .speed(20.0)
                .suffix(" queries");
            let most = ui.add(most);
            set_name(&most, "Number of queries");
            most.on_hover_text("Queries at most, drawn at random with the seed");
            let k = ui.add(
                DragValue::new(&mut self.k)
                    .range(1..=100)
                    .speed(0.1)
                    .prefix("k "),
            );
            set_name(&k, "Number of neighbours");
            k.on_hover_text("Neighbours per query");
            self.spaces_ui(ui, cx);
            let is_at_it = cx.state.tasks.iter().any(|task| task.what == WORK);
            let misses = self.misses(cx, chosen);
            let can = misses.is_none() && !is_at_it;
            let measure = Button::new(RichText::new("Measure").color(if can {
                cx.tokens.on_accent
            } else {
                cx.tokens.text_faint
            }));
            let measure = measure.fill(if can {
                cx.tokens.accent
            } else {
                cx.tokens.raised
            });
            let measure = ui.add_enabled(can, measure);
            set_name(&measure, "Measure");
            let why = misses.unwrap_or_else(|| "Spaces are being compared".to_owned());
            let measure = measure.on_disabled_hover_text(why);
            if measure
                .on_hover_text("Answer every query in every space, and measure the answers")
                .clicked()
                && let Some(queries) = self.query_set(cx, chosen)
            {
                cx.out.act(Action::Study(Study {
                    queries,
                    most: self.most,
                    spaces: self.spaces.clone(),
                    k: self.k,
                    seed: 1,
                }));
            }
        });
    }

    fn spaces_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let text = format!("{} spaces", self.spaces.len());
        let arrow = RichText::new("▼").size(8.0).color(cx.tokens.text_weak);
        let button = ui.button((text, arrow));
        set_name(&button, "Spaces");
        let button = button.on_hover_text("Where to search");
        let popup = Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        popup.show(|ui| {
            for space in Space::ALL {
                let mut is_on = self.spaces.contains(&space);
                let can = is_on || self.spaces.len() < SPACES;
                let needs = space.needs_codes() && cx.state.model().is_none();
                let choice = egui::Checkbox::new(&mut is_on, space.title());
                let choice = ui.add_enabled(can && !needs, choice);
                let choice = choice
                    .on_hover_text(space.describe())
                    .on_disabled_hover_text(if needs {
                        "It needs a model"
                    } else {
                        "Seven spaces at most"
                    });
                if choice.changed() {
                    self.spaces.retain(|other| *other != space);
                    if is_on {
                        self.spaces.push(space);
                    }
                }
            }
        });
    }

    /// Why nothing can be measured now, if it cannot.
    fn misses(&self, cx: &Cx<'_>, chosen: Queries) -> Option<String> {
        if self.spaces.is_empty() {
            return Some("Choose a space".to_owned());
        }
        let needs_codes = self.spaces.iter().any(|space| space.needs_codes());
        if needs_codes && cx.state.model().is_none() {
            return Some("Spaces of codes need a model: open or train one".to_owned());
        }
        if needs_codes && !cx.state.session.is_encoded {
            return Some("The items are being encoded".to_owned());
        }
        if cx.state.items() < cx.state.session.expected_items {
            return Some("The data are being read".to_owned());
        }
        if chosen == Queries::Data {
            return match self.other.parse::<DatasetSource>() {
                Ok(_) if !self.other.trim().is_empty() => None,
                _ => Some("Name the other data".to_owned()),
            };
        }
        None
    }

    fn query_set(&self, cx: &Cx<'_>, chosen: Queries) -> Option<QuerySet> {
        Some(match chosen {
            Queries::HeldOut => QuerySet::HeldOut,
            Queries::Items => QuerySet::Items,
            Queries::Selection => QuerySet::Selection(cx.view.selection.clone()),
            Queries::Data => QuerySet::Data(self.other.trim().parse().ok()?),
        })
    }

    fn sections_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, studied: &Studied) {
        let report = &studied.report;
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            ui.spacing_mut().item_spacing.x = 2.0;
            let has_classes = !report.findings.spaces.is_empty();
            if !has_classes && self.section.needs_classes() {
                self.section = Section::Figures;
            }
            for (section, name, tip) in Section::ALL {
                let is_on = section == self.section;
                let can_be = has_classes || !section.needs_classes();
                let choice = ui.add_enabled(can_be, Button::selectable(is_on, name));
                let choice = choice.on_hover_text(tip).on_disabled_hover_text(
                    "These data have no classes: which neighbours are right cannot be told",
                );
                if choice.clicked() {
                    self.section = section;
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(theme::STEP);
                icon_button(ui, icon::EXPORT, Command::ExportReport, cx.out);
                let text = format!("{}, k {}", report.queries, report.findings.k);
                let text = RichText::new(text)
                    .size(theme::CAPTION)
                    .color(cx.tokens.text_weak);
                ui.add(egui::Label::new(text).truncate());
            });
        });
        ui.add_space(theme::HALF);
    }

    fn section_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, studied: &Arc<Studied>) {
        let found = &studied.report.findings;
        let tokens = cx.tokens;
        if let Some(text) = found.on_k() {
            let text = RichText::new(text).size(theme::CAPTION);
            ui.label(text.color(tokens.warn));
        }
        match self.section {
            Section::Figures => {
                figures_ui(ui, tokens, found);
                agreement_ui(ui, tokens, found);
            }
            Section::Curves => {
                key_ui(ui, tokens, found);
                curves_ui(ui, tokens, found);
            }
            Section::Distortions if found.robustness.is_empty() => {
                let text = "Copies are still being distorted and sought";
                ui.label(RichText::new(text).color(tokens.text_weak));
            }
            Section::Distortions => {
                key_ui(ui, tokens, found);
                distortions_ui(ui, tokens, found);
            }
            Section::Classes => confusions_ui(ui, tokens, found),
            Section::Cases => self.cases_ui(ui, cx, studied),
        }
    }

    /// The queries that one space of a pair answers better.
    fn cases_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, studied: &Arc<Studied>) {
        let pairs = &studied.report.findings.pairs;
        self.pair = self.pair.min(pairs.len().saturating_sub(1));
        let name = |i: usize| {
            pairs.get(i).map_or(String::new(), |pair| {
                format!("{} and {}", pair.spaces[0].title(), pair.spaces[1].title())
            })
        };
        if pairs.is_empty() {
            ui.label(
                RichText::new("One space alone has no other to be better than")
                    .color(cx.tokens.text_weak),
            );
            return;
        }
        if pairs.len() > 1 {
            let combo = ComboBox::from_id_salt("pair")
                .selected_text(name(self.pair))
                .width(180.0);
            let combo = combo.show_ui(ui, |ui| {
                for i in 0..pairs.len() {
                    ui.selectable_value(&mut self.pair, i, name(i));
                }
            });
            set_name(&combo.response, "Pair of spaces");
        }
        let pair = &pairs[self.pair];
        for (side, wins) in pair.wins.iter().enumerate() {
            let [a, b] = [pair.spaces[side], pair.spaces[1 - side]];
            let (a_name, b_name) = (a.title(), b.title().to_lowercase());
            let text = match wins.len() {
                0 => format!("{a_name} is never ahead of {b_name}"),
                n => format!(
                    "Where {} is furthest ahead of {b_name}, {n} queries",
                    a_name.to_lowercase()
                ),
            };
            ui.add_space(theme::HALF);
            ui.label(
                RichText::new(text)
                    .font(theme::strong(theme::BODY))
                    .color(cx.tokens.text_strong),
            );
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = egui::vec2(theme::STEP, theme::STEP);
                for win in wins {
                    self.case_ui(ui, cx, studied, *win, [a, b]);
                }
            });
        }
    }

    fn case_ui(
        &mut self,
        ui: &mut Ui,
        cx: &mut Cx<'_>,
        studied: &Arc<Studied>,
        win: Win,
        spaces: [Space; 2],
    ) {
        let tokens = cx.tokens;
        let found = &studied.report.findings;
        let query = win.query as usize;
        let item = studied.own.as_ref().and_then(|own| own.get(query)).copied();
        let texture = self.query_texture(ui, studied, win.query);
        let class = found.queries.label_name(query);
        let mark = 6.0;
        let side = 2.0 * THUMB + 4.0;
        let width = side + theme::STEP + mark + SHOWN as f32 * (THUMB + 3.0) + theme::DOUBLE;
        let (area, _) =
            ui.allocate_exact_size(egui::vec2(width, side + theme::DOUBLE), Sense::hover());
        ui.painter().rect_filled(area, theme::RADIUS, tokens.raised);
        let at = area.min + egui::vec2(theme::STEP, theme::STEP);
        let rect = Rect::from_min_size(at, egui::vec2(side, side));
        let outline = Stroke::new(1.0, tokens.line_strong);
        paint_picture(ui, rect, &texture, outline, theme::RADIUS_SMALL);
        let id = ui.scope_id().with(("case", query, spaces[0].title()));
        let response = ui.interact(rect, id, Sense::click());
        response.widget_info(|| {
            let name = format!(
                "Case: query {query}, {} ahead by {}",
                spaces[0].title(),
                win.by
            );
            WidgetInfo::labeled(egui::Role::Button, true, name)
        });
        if let Some(item) = item.filter(|_| response.clicked()) {
            cx.out.act(Action::Select(item as usize));
        }
        let what = item.map_or_else(
            || format!("Query {}", format::count(query)),
            |item| format!("Item {}", format::count(item as usize)),
        );
        let class_text = class.map_or(String::new(), |class| format!(", {class}"));
        response.on_hover_text(format!(
            "{what}{class_text}: {} more of its neighbours are of its class in {} than in {}",
            win.by,
            spaces[0].title().to_lowercase(),
            spaces[1].title().to_lowercase()
        ));
        let left = rect.right() + theme::STEP;
        for (row, space) in spaces.into_iter().enumerate() {
            let Some(place) = found.found.iter().position(|f| f.space == space) else {
                continue;
            };
            let top = at.y + row as f32 * (THUMB + 4.0);
            let line = Rect::from_min_size(egui::pos2(left, top), egui::vec2(3.0, THUMB));
            ui.painter()
                .rect_filled(line, 2.0, space_colour(tokens, place));
            for (i, &id) in found.found[place]
                .ids_of(query)
                .iter()
                .take(SHOWN)
                .enumerate()
            {
                let x = left + mark + i as f32 * (THUMB + 3.0);
                let rect = Rect::from_min_size(egui::pos2(x, top), egui::vec2(THUMB, THUMB));
                neighbour_ui(ui, cx, &found.gallery, id, rect, class, (query, row, i));
            }
        }
    }

    /// The picture of a query, which may be none of the items.
    fn query_texture(&mut self, ui: &Ui, studied: &Arc<Studied>, query: u32) -> TextureHandle {
        let is_known = |known: &QueryTextures| Arc::ptr_eq(&known.of, studied);
        let known = self.textures.take().filter(is_known);
        let known = self.textures.insert(known.unwrap_or_else(|| QueryTextures {
            of: studied.clone(),
            textures: Vec::new(),
        }));
        if let Some((_, texture)) = known.textures.iter().find(|(id, _)| *id == query) {
            return texture.clone();
        }
        let picture = studied.report.findings.queries.picture(query as usize);
        let texture = crate::app::textures::load(ui.ctx(), "query of a study", &picture);
        known.textures.push((query, texture.clone()));
        texture
    }
}

fn neighbour_ui(
    ui: &Ui,
    cx: &mut Cx<'_>,
    data: &Dataset,
    id: u32,
    rect: Rect,
    class: Option<&str>,
    place: (usize, usize, usize),
) {
    let label = data.label_name(id as usize);
    let is_right = class.is_some() && label == class;
    let outline = if is_right {
        Stroke::new(2.0, cx.tokens.good)
    } else {
        Stroke::new(1.0, cx.tokens.warn)
    };
    let texture = cx.texture_of(ui, data, id as usize);
    paint_picture(ui, rect, &texture, outline, theme::RADIUS_SMALL);
    let response = ui.interact(rect, ui.scope_id().with(("near", place)), Sense::click());
    if response.clicked() {
        cx.out.act(Action::Select(id as usize));
    }
    if response.hovered() {
        cx.out.hovered = Some(id as usize);
    }
    let label = label.map_or(String::new(), |label| format!(", {label}"));
    response.on_hover_text(format!("Item {}{label}", format::count(id as usize)));
}

/// A name, what it says, and how it is read from a space's figures.
type Column = (String, &'static str, fn(&OfSpace) -> Estimate);

/// A row per space.
fn figures_ui(ui: &mut Ui, tokens: &Tokens, found: &Findings) {
    if found.spaces.is_empty() {
        let text = "These data have no classes: how the spaces agree is told here, how they bear distortions beside";
        ui.label(RichText::new(text).color(tokens.text_weak));
        return;
    }
    let k = found.k;
    let columns: [Column; 4] = [
        (
            format!("Precision@{k}"),
            "Share of the neighbours that are of the query's class",
            |s| s.precision.last().copied().unwrap_or_default(),
        ),
        (
            "1-NN".to_owned(),
            "Share of queries whose nearest is of their class",
            |s| s.accuracy.first().copied().unwrap_or_default(),
        ),
        (
            format!("{k}-NN"),
            "Share of queries whose class the neighbours' vote tells",
            |s| s.accuracy.last().copied().unwrap_or_default(),
        ),
        (
            format!("mAP@{k}"),
            "Mean average precision over the list of neighbours",
            |s| s.mean_average_precision,
        ),
    ];
    let best: Vec<f64> = columns
        .iter()
        .map(|(_, _, of)| found.spaces.iter().map(|s| of(s).mean).fold(0.0, f64::max))
        .collect();
    egui::Grid::new("figures")
        .spacing(egui::vec2(theme::DOUBLE, theme::HALF))
        .show(ui, |ui| {
            ui.label(head(tokens, "Space"));
            for (name, tip, _) in &columns {
                ui.label(head(tokens, name)).on_hover_text(*tip);
            }
            ui.label(head(tokens, "Search"))
                .on_hover_text("Time to answer all queries");
            ui.end_row();
            for (i, space) in found.spaces.iter().enumerate() {
                ui.horizontal(|ui| {
                    dot_ui(ui, space_colour(tokens, i));
                    ui.label(RichText::new(space.space.title()).color(tokens.text_strong))
                        .on_hover_text(space.space.describe());
                });
                for ((name, _, of), best) in columns.iter().zip(&best) {
                    let e = of(space);
                    let title = space.space.title();
                    let is_best = *best > 0.0 && e.mean >= *best;
                    estimate_ui(ui, tokens, e, is_best, &format!("{title}, {name}"));
                }
                ui.label(RichText::new(format::secs(space.secs as f32)).color(tokens.text_weak));
                ui.end_row();
            }
        });
}

/// What stands over a column.
fn head(tokens: &Tokens, text: &str) -> RichText {
    RichText::new(text)
        .size(theme::CAPTION)
        .color(tokens.text_weak)
}

/// A dot in a space's colour.
pub(super) fn dot_ui(ui: &mut Ui, colour: Color32) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(8.0, 8.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.0, colour);
}

/// A mean with its interval.
fn estimate_ui(ui: &mut Ui, tokens: &Tokens, e: Estimate, is_best: bool, name: &str) {
    let response = ui
        .horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::HALF;
            let colour = if is_best {
                tokens.good
            } else {
                tokens.text_strong
            };
            let value = ui.label(
                RichText::new(format!("{:.4}", e.mean))
                    .font(theme::strong(theme::BODY))
                    .color(colour),
            );
            ui.label(
                RichText::new(format!("{:.3}–{:.3}", e.low, e.high))
                    .size(theme::CAPTION)
                    .color(tokens.text_weak),
            );
            value
        })
        .inner;
    response.widget_info(|| {
        WidgetInfo::labeled(egui::Role::Label, true, format!("{name}: {:.4}", e.mean))
    });
    response.on_hover_text(
        "95 of 100 resamples of the queries have their mean in the interval (bootstrap)",
    );
}

/// A row per pair of spaces.
fn agreement_ui(ui: &mut Ui, tokens: &Tokens, found: &Findings) {
    if found.pairs.is_empty() {
        return;
    }
    ui.add_space(theme::STEP);
    egui::Grid::new("agreement")
        .spacing(egui::vec2(theme::DOUBLE, theme::HALF))
        .show(ui, |ui| {
            ui.label(head(tokens, "Agreement"));
            ui.label(head(tokens, "Neighbours shared"))
                .on_hover_text("Share of the neighbours that both lists have");
            ui.label(head(tokens, "Rank correlation")).on_hover_text(
                "Spearman's, of the distances in both spaces to the same gallery items",
            );
            ui.end_row();
            for pair in &found.pairs {
                let [a, b] = pair.spaces;
                let name = format!("{} and {}", a.title(), b.title().to_lowercase());
                ui.label(RichText::new(&name).color(tokens.text));
                estimate_ui(ui, tokens, pair.overlap, false, &format!("{name}, shared"));
                if let Some(correlation) = pair.rank_correlation {
                    let name = format!("{name}, rank correlation");
                    estimate_ui(ui, tokens, correlation, false, &name);
                }
                ui.end_row();
            }
        });
}
