//! The bar above the map: how it is made, what the colours say with their legend, and how it is drawn.
//!
//! Invariant: the form holds only what was not asked for yet; everything else is the view's.

use eframe::egui::{
    self, Align, Button, ComboBox, DragValue, Layout, Popup, PopupCloseBehavior, RichText,
    ScrollArea, Slider, Ui,
};

use super::map_cloud::{Cloud, Legend, colourings, colourless, name_of as colouring_name, resolve};
use super::{Cx, map_overlay};
use crate::app::command::{Action, Choice, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::palette;
use crate::app::theme;
use crate::app::view::{Colouring, Drawn, MapLook};
use crate::app::widgets::{
    Swatch, caption, icon_button, scale_ui, set_name, toggle_button, within,
};
use crate::space::{Direction, MapMethod, Selection};

/// The room that a scale needs beside the buttons, in points; with less it gets a line of its own.
const SCALE_WIDTH: f32 = 150.0;
/// The room that what the colours say takes.
const COLOURING_WIDTH: f32 = 112.0;
/// The room that the name of a map takes at most.
const NAME_WIDTH: f32 = 132.0;

/// What was chosen for a map that was not asked for yet; it begins with what made the present one.
pub(super) struct Form {
    /// The map whose settings it took over last.
    taken: Option<MapMethod>,
    perplexity: f32,
    iterations: usize,
    neighbours: usize,
    min_distance: f32,
    epochs: usize,
    seed: u64,
    raw: (usize, usize),
    axes: (usize, usize),
}

impl Default for Form {
    fn default() -> Self {
        Self {
            taken: None,
            perplexity: 30.0,
            iterations: 500,
            neighbours: 15,
            min_distance: 0.1,
            epochs: 0,
            seed: 1,
            raw: (0, 1),
            axes: (0, 1),
        }
    }
}

impl Form {
    /// Takes over the settings of the present map, where that is another one than before: one that was asked for, restored
    /// or undone.
    fn take_over(&mut self, map: &MapMethod, directions: &[&Direction]) {
        if self.taken.as_ref() == Some(map) {
            return;
        }
        self.taken = Some(map.clone());
        match map {
            MapMethod::Raw { x, y } => self.raw = (*x, *y),
            MapMethod::Axes { x, y } => {
                let place = |axis: &Direction| directions.iter().position(|d| *d == axis);
                if let (Some(x), Some(y)) = (place(x), place(y)) {
                    self.axes = (x, y);
                }
            }
            MapMethod::Tsne {
                perplexity,
                iterations,
                seed,
            } => {
                (self.perplexity, self.iterations, self.seed) = (*perplexity, *iterations, *seed);
            }
            MapMethod::Umap {
                neighbours,
                min_distance,
                epochs,
                seed,
            } => {
                (self.neighbours, self.min_distance) = (*neighbours, *min_distance);
                (self.epochs, self.seed) = (*epochs, *seed);
            }
            MapMethod::Components | MapMethod::File { .. } => {}
        }
    }
}

/// What a way of making the map is called.
fn name_of(method: &MapMethod) -> String {
    match method {
        MapMethod::Components => "Components".to_owned(),
        MapMethod::Raw { x, y } => {
            format!("{} × {}", format::dimension(*x), format::dimension(*y))
        }
        MapMethod::Axes { x, y } => format!("{} × {}", x.name, y.name),
        MapMethod::Tsne { .. } => "t-SNE".to_owned(),
        MapMethod::Umap { .. } => "UMAP".to_owned(),
        MapMethod::File { .. } => "From a file".to_owned(),
    }
}

/// Draws the bar.
pub(super) fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, cloud: &Cloud, form: &mut Form) {
    ui.add_space(6.0);
    let mut is_below = false;
    ui.horizontal(|ui| {
        ui.set_height(30.0);
        ui.add_space(12.0);
        method_ui(ui, cx, form);
        colouring_ui(ui, cx);
        ui.add_space(theme::STEP);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.add_space(theme::STEP);
            icon_button(ui, icon::FIT, Command::FitMap, cx.out);
            look_ui(ui, cx);
            toggle_button(
                ui,
                cx.view.look.has_pictures,
                Command::TogglePictures,
                cx.out,
            );
            if map_overlay::mixture_of(cx.state).is_some() {
                let is_on = cx.view.look.has_gaussians;
                toggle_button(ui, is_on, Command::ToggleGaussians, cx.out);
            }
            toggle_button(ui, cx.has_lasso, Command::ToggleLasso, cx.out);
            ui.add_space(theme::HALF);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let is_scale = matches!(cloud.legend, Legend::Scale(..));
                is_below = is_scale && ui.available_width() < SCALE_WIDTH;
                if !is_below {
                    legend_ui(ui, cx, cloud);
                }
            });
        });
    });
    if is_below {
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            legend_ui(ui, cx, cloud);
        });
    }
}

fn method_ui(ui: &mut Ui, cx: &mut Cx<'_>, form: &mut Form) {
    // In every frame, so that a map that came and went while the form was closed is noticed.
    let directions = directions_of(cx);
    form.take_over(&cx.view.map, &directions);
    let arrow = RichText::new("▼").size(9.0).color(cx.tokens.text_weak);
    let name = name_of(&cx.view.map);
    // Names of directions may be of any length.
    let button = within(ui, NAME_WIDTH, |ui| {
        ui.add(Button::new((name, arrow)).truncate())
    });
    set_name(&button, "Layout of the map");
    let button = button.on_hover_text("How the codes are laid out on the map");
    popup(&button).show(|ui| {
        ui.set_width(284.0);
        ui.spacing_mut().item_spacing.y = 6.0;
        let chosen = methods_ui(ui, cx, form);
        if let Some(method) = chosen {
            cx.out.act(Action::Map(method));
            ui.close();
        }
    });
}

/// The directions that can be axes.
fn directions_of<'v>(cx: &Cx<'v>) -> Vec<&'v Direction> {
    let dims = cx.view.code.len();
    let directions = cx.view.directions.iter();
    directions.filter(|d| d.axis.len() == dims).collect()
}

/// A form that stays open below `button` until one clicks elsewhere.
fn popup(button: &egui::Response) -> Popup<'_> {
    Popup::from_toggle_button_response(button)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .gap(4.0)
}

/// A line with what makes a map and the button that makes it.
fn line_ui(ui: &mut Ui, title: &str, tip: &str, add: impl FnOnce(&mut Ui)) -> bool {
    ui.horizontal(|ui| {
        let response = ui.add_sized([104.0, theme::CONTROL_HEIGHT], Button::new(title));
        set_name(&response, title);
        let clicked = response.on_hover_text(tip).clicked();
        add(ui);
        clicked
    })
    .inner
}

fn methods_ui(ui: &mut Ui, cx: &mut Cx<'_>, form: &mut Form) -> Option<MapMethod> {
    let tokens = cx.tokens;
    let dims = cx.view.code.len();
    let directions = directions_of(cx);
    let mut chosen = None;
    let number = |ui: &mut Ui, name: &str, drag: DragValue<'_>| {
        let response = ui.add(drag);
        set_name(&response, name);
        response.on_hover_text(name);
    };
    if line_ui(
        ui,
        "Components",
        "The two principal components of the codes; every place on the map is a code",
        |_| {},
    ) {
        chosen = Some(MapMethod::Components);
    }
    let (x, y) = form.raw;
    let raw = line_ui(ui, "Dimensions", "Two of the code's own dimensions", |ui| {
        for (axis, salt) in [(&mut form.raw.0, "raw x"), (&mut form.raw.1, "raw y")] {
            ComboBox::from_id_salt(salt)
                .selected_text(format::dimension(*axis))
                .width(56.0)
                .height(280.0)
                .show_ui(ui, |ui| {
                    for dim in 0..dims {
                        ui.selectable_value(axis, dim, format::dimension(dim));
                    }
                });
        }
    });
    if raw {
        chosen = Some(MapMethod::Raw { x, y });
    }
    if directions.len() >= 2 {
        form.axes.0 = form.axes.0.min(directions.len() - 1);
        form.axes.1 = form.axes.1.min(directions.len() - 1);
        let (x, y) = form.axes;
        let axes = line_ui(ui, "Attributes", "Two directions as axes", |ui| {
            for (axis, salt) in [(&mut form.axes.0, "axis x"), (&mut form.axes.1, "axis y")] {
                let combo = ComboBox::from_id_salt(salt)
                    .selected_text(&directions[*axis].name)
                    .width(64.0)
                    .truncate();
                within(ui, 64.0, |ui| {
                    combo.show_ui(ui, |ui| {
                        for (i, direction) in directions.iter().enumerate() {
                            ui.selectable_value(axis, i, &direction.name);
                        }
                    })
                });
            }
        });
        if axes {
            chosen = Some(MapMethod::Axes {
                x: Box::new(directions[x].clone()),
                y: Box::new(directions[y].clone()),
            });
        }
    } else {
        caption(
            ui,
            tokens,
            "Two directions, once found, can be the axes as well",
        );
    }
    ui.separator();
    if line_ui(
        ui,
        "UMAP",
        "Uniform manifold approximation and projection: keeps who is near whom; all items, shown as it forms",
        |ui| {
            number(
                ui,
                "Neighbours",
                DragValue::new(&mut form.neighbours)
                    .range(2..=200)
                    .prefix("k "),
            );
            number(
                ui,
                "Least distance on the map",
                DragValue::new(&mut form.min_distance)
                    .range(0.0..=1.0)
                    .speed(0.01)
                    .fixed_decimals(2),
            );
        },
    ) {
        chosen = Some(MapMethod::Umap {
            neighbours: form.neighbours,
            min_distance: form.min_distance,
            epochs: form.epochs,
            seed: form.seed,
        });
    }
    if line_ui(
        ui,
        "t-SNE",
        "t-distributed stochastic neighbour embedding: keeps close neighbours together; all items, shown as it forms",
        |ui| {
            number(
                ui,
                "Perplexity",
                DragValue::new(&mut form.perplexity)
                    .range(2.0..=200.0)
                    .prefix("p "),
            );
            number(
                ui,
                "Iterations",
                DragValue::new(&mut form.iterations)
                    .range(50..=5000)
                    .suffix(" steps"),
            );
        },
    ) {
        chosen = Some(MapMethod::Tsne {
            perplexity: form.perplexity,
            iterations: form.iterations,
            seed: form.seed,
        });
    }
    ui.horizontal(|ui| {
        ui.label(RichText::new("Seed of both").color(tokens.text_weak));
        let seed = ui.add(DragValue::new(&mut form.seed));
        set_name(&seed, "Seed");
        seed.on_hover_text("The same seed gives the same map");
    });
    ui.separator();
    crate::app::widgets::command_button(ui, Command::OpenPositions, true, cx.out);
    chosen
}

fn colouring_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let data = cx.state.session.dataset.clone();
    let shown = resolve(&cx.view.colouring, data.as_deref());
    let combo = ComboBox::from_id_salt("colouring")
        .selected_text(colouring_name(&shown))
        .width(COLOURING_WIDTH)
        .height(360.0)
        .truncate();
    let combo = within(ui, COLOURING_WIDTH, |ui| {
        combo.show_ui(ui, |ui| {
            for (name, option) in colourings(cx.state) {
                if ui.selectable_label(option == shown, name).clicked() {
                    cx.out.act(Action::Colour(option));
                }
            }
            for name in data.iter().flat_map(|data| colourless(data)) {
                ui.add_enabled(false, Button::selectable(false, name))
                    .on_disabled_hover_text("No colours: it has more than 256 different texts");
            }
        })
    });
    set_name(&combo.response, "Colour by");
    combo
        .response
        .on_hover_text("What the colour of a point says");
}

fn look_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let button = ui.add(
        Button::new(RichText::new(icon::DENSITY).size(theme::TITLE))
            .frame_when_inactive(false)
            .min_size(egui::Vec2::splat(theme::CONTROL_HEIGHT)),
    );
    set_name(&button, "How the map is drawn");
    let button = button.on_hover_text("Points or density, and the size of pictures");
    popup(&button).show(|ui| {
        ui.set_width(220.0);
        let mut look = cx.view.look;
        caption(ui, cx.tokens, "Items as");
        ui.horizontal(|ui| {
            for (points, name, tip) in [
                (
                    Drawn::Auto,
                    "Automatic",
                    "A density where there are more points than can be told apart",
                ),
                (Drawn::Points, "Points", "Points, however many"),
                (
                    Drawn::Density,
                    "Density",
                    "A density with contours, however few",
                ),
            ] {
                if ui
                    .selectable_label(look.points == points, name)
                    .on_hover_text(tip)
                    .clicked()
                {
                    look.points = points;
                }
            }
        });
        ui.add_space(theme::HALF);
        caption(ui, cx.tokens, "Size of pictures");
        ui.spacing_mut().slider_width = 150.0;
        let size = ui.add(Slider::new(&mut look.picture_size, 16.0..=96.0).step_by(1.0));
        set_name(&size, "Size of pictures");
        if look != cx.view.look {
            let has_pictures = look.has_pictures || look.picture_size != cx.view.look.picture_size;
            cx.out.act(Action::MapLook(MapLook {
                has_pictures,
                ..look
            }));
        }
    });
}

fn legend_ui(ui: &mut Ui, cx: &mut Cx<'_>, cloud: &Cloud) {
    match &cloud.legend {
        Legend::None => {
            let is_waiting = cx.view.colouring == Colouring::Error;
            if is_waiting {
                ui.label(RichText::new("Measuring…").color(cx.tokens.text_weak));
            }
        }
        Legend::Scale(name, low, high) => {
            let ends = cx.view.scale.unwrap_or((*low, *high));
            if let Some(moved) = scale_ui(ui, cx.tokens, name, ends, (*low, *high)) {
                cx.out.act(Action::Scale(moved));
            }
        }
        Legend::Classes(names) => {
            for (class, name) in names.iter().enumerate() {
                if ui.available_width() < 96.0 {
                    rest_ui(ui, cx, cloud, names, class);
                    break;
                }
                class_ui(ui, cx, cloud, class, name);
            }
        }
    }
}

/// The classes for which the bar has no room.
fn rest_ui(ui: &mut Ui, cx: &mut Cx<'_>, cloud: &Cloud, names: &[String], from: usize) {
    let button = ui.button(format!("+{}", names.len() - from));
    set_name(&button, "More classes");
    popup(&button).show(|ui| {
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for (class, name) in names.iter().enumerate() {
                class_ui(ui, cx, cloud, class, name);
            }
        });
    });
}

/// A class of the legend: a click switches it on or off, with Shift it selects its items, with Ctrl it adds them.
fn class_ui(ui: &mut Ui, cx: &mut Cx<'_>, cloud: &Cloud, class: usize, name: &str) {
    let swatch = Swatch {
        colour: palette::class(class, cx.tokens.is_dark),
        name,
        is_on: !cx.view.hidden.contains(&(class as u32)),
    };
    let response = swatch.show_ui(ui, cx.tokens);
    if !response.clicked() {
        return;
    }
    let modifiers = ui.input(|i| i.modifiers);
    if !modifiers.shift && !modifiers.command {
        cx.out.act(Action::ToggleClass(class as u32));
        return;
    }
    let ids = cloud.items_of(class as u32);
    cx.out.act(Action::Choose {
        items: Selection::from_ids(cx.state.items(), ids),
        how: if modifiers.command {
            Choice::Add
        } else {
            Choice::Replace
        },
    });
}
