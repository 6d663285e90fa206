//! The path: its key-frames on a time line, what plays and changes it, and its way to files.
//!
//! Invariant: the path is the view's; every edit asks for a whole new one, and a refused edit says why and changes nothing.

use eframe::egui::{
    self, Align, Button, ComboBox, DragValue, Layout, Popup, PopupCloseBehavior, Rect, Response,
    RichText, Sense, Ui, Vec2,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::path_fade;
use super::path_strip::{Edit, Strip};
use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::gesture::On;
use crate::app::theme;
use crate::app::walking::{STEP_SECS, empty_path};
use crate::app::widgets::{
    centred_row, command_button, empty_ui, icon_button, set_name, shortcut_of, toggle_button,
    tooltip_of,
};
use crate::data::animation::{AnimationFormat, AnimationShape, readable};
use crate::error::Result;
use crate::model::shape_of;
use crate::space::path::{Interpolation, KeyFrame, Path};

/// Height of the rows above and below the strip.
const ROW: f32 = 30.0;
/// Below this width the settings are behind a button, and below the other what leads to files as well.
const NARROW: f32 = 740.0;
const NARROWEST: f32 = 440.0;
/// Narrower than this the line below the strip says only what is selected.
const HINT: f32 = 620.0;
/// Items of the path that shows how it is done.
const SHOWN_HOW: usize = 4;
/// Selected items that can be made a path at once.
const MOST_SELECTED: usize = 50;
/// An animation that could become larger than this many bytes is warned of.
const LARGE: u64 = 1 << 30;

/// The panel.
#[derive(Default)]
pub(super) struct PathPanel {
    strip: Strip,
    fade: path_fade::Fade,
    /// The key-frame whose facts are shown.
    selected: Option<usize>,
    /// Why the last edit was refused.
    refused: Option<String>,
}

impl Panel for PathPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let path = &cx.view.path;
        if path.keys().is_empty() {
            (self.selected, self.refused) = (None, None);
            return begin_ui(ui, cx);
        }
        if let Err(error) = path.check_fits(cx.view.code.len()) {
            return misfit_ui(ui, cx, &error.to_string());
        }
        self.selected = self.selected.filter(|key| *key < path.keys().len());
        ui.add_space(theme::HALF);
        self.header_ui(ui, cx);
        let mut area = ui.available_rect_before_wrap();
        if cx.view.has_crossfade {
            let fade =
                path_fade::Place::within(area, cx.textures.decoded.get().map_or(1.0, |d| d.1));
            area.max.x = fade.area.left();
            self.fade.show_ui(ui, cx, &fade);
        }
        let has_footer = area.height() > 3.0 * ROW;
        let footer = if has_footer { ROW } else { theme::HALF };
        let (middle, below) = area.split_top_bottom_at_y(area.bottom() - footer);
        let strip = middle.shrink2(egui::vec2(theme::STEP, 0.0));
        if strip.is_positive() {
            let edit = ui
                .scope_builder(egui::UiBuilder::new().max_rect(strip), |ui| {
                    self.strip.show_ui(ui, cx, self.selected)
                })
                .inner;
            if let Some(edit) = edit {
                self.carry_out(cx, edit);
            }
        }
        if has_footer {
            ui.scope_builder(egui::UiBuilder::new().max_rect(below), |ui| {
                ui.horizontal_centered(|ui| self.footer_ui(ui, cx));
            });
        }
    }
}

/// What can be begun with.
fn begin_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let has_model = cx.state.model().is_some();
    let text = if has_model {
        let key = shortcut_of(ui.ctx(), Command::AddKey);
        format!(
            "Press {key} to add the sliders' code as a key-frame; two of them make a path to walk, play and export"
        )
    } else {
        "A model turns the codes along a path into pictures".to_owned()
    };
    empty_ui(ui, cx.tokens, icon::PATH, "No path yet", &text, |ui| {
        centred_row(ui, "begin a path", |ui| {
            if !has_model {
                command_button(ui, Command::OpenModel, true, cx.out);
                return;
            }
            command_button(ui, Command::AddKey, true, cx.out);
            let chosen = chosen_items(cx);
            if chosen.len() >= 2 {
                let text = format!("{}  Through the {} selected", icon::PATH, chosen.len());
                let tip = "Make a path through the selected items, in their order";
                if named_button(ui, &text, "Path through the selection", tip).clicked() {
                    through(cx, &chosen);
                }
            }
            let text = format!("{}  Four random items", icon::SHUFFLE);
            let tip = "Make a path through four items drawn at random, to see how it is done";
            let is_there = encoded(cx) >= SHOWN_HOW;
            let button = ui.add_enabled_ui(is_there, |ui| {
                named_button(ui, &text, "Four random items", tip)
            });
            if button.inner.clicked() {
                let nanos = ui.input(|i| i.time * 1e9) as u64;
                let mut rng = ChaCha8Rng::seed_from_u64(nanos);
                let items = rand::seq::index::sample(&mut rng, encoded(cx), SHOWN_HOW);
                through(cx, &items.into_vec());
            }
            command_button(ui, Command::OpenPathFile, true, cx.out);
        });
    });
}

/// The selected items that are encoded, where they are not too many for a path.
fn chosen_items(cx: &Cx<'_>) -> Vec<usize> {
    let encoded = encoded(cx);
    let ids = cx.view.selection.ids().map(|id| id as usize);
    let items: Vec<usize> = ids.take(MOST_SELECTED + 1).collect();
    let fits = items.len() <= MOST_SELECTED && items.iter().all(|item| *item < encoded);
    if fits { items } else { Vec::new() }
}

/// Items whose codes the model's are.
fn encoded(cx: &Cx<'_>) -> usize {
    let codes = cx.state.session.codes.as_ref();
    codes
        .filter(|codes| codes.dims() == cx.view.code.len())
        .map_or(0, |codes| codes.len())
}

/// Asks for a path through items.
fn through(cx: &mut Cx<'_>, items: &[usize]) {
    let (Some(model), Some(codes)) = (cx.state.model(), &cx.state.session.codes) else {
        return;
    };
    let mut path = empty_path(model.spec.shape);
    for &item in items {
        let mut key = KeyFrame::new(codes.code(item).to_vec(), STEP_SECS);
        key.item = Some(item);
        if path.insert(path.keys().len(), key).is_err() {
            return;
        }
    }
    cx.out.act(Action::SetPath {
        path,
        is_drag: false,
    });
    cx.out.act(Action::Seek(0.0));
}

/// The path is another model's.
fn misfit_ui(ui: &mut Ui, cx: &mut Cx<'_>, reason: &str) {
    let reason = format!("{}{}", reason[..1].to_uppercase(), &reason[1..]);
    empty_ui(
        ui,
        cx.tokens,
        icon::PATH,
        "A path of another model",
        &reason,
        |ui| {
            centred_row(ui, "another path", |ui| {
                command_button(ui, Command::ClearPath, true, cx.out);
                command_button(ui, Command::OpenPathFile, true, cx.out);
            });
        },
    );
}

fn named_button(ui: &mut Ui, text: &str, name: &str, tip: &str) -> Response {
    let response = ui.add(Button::new(text));
    set_name(&response, name);
    response.on_hover_text(tip)
}

/// A button that is only an icon.
fn glyph_button(ui: &mut Ui, glyph: &str, name: &str, tip: &str) -> bool {
    let text = RichText::new(glyph).size(theme::TITLE);
    let response = ui.add(
        Button::new(text)
            .frame_when_inactive(false)
            .min_size(Vec2::splat(theme::CONTROL_HEIGHT)),
    );
    set_name(&response, name);
    response.on_hover_text(tip).clicked()
}

impl PathPanel {
    /// Asks for the path with `change` made; a refusal is kept to be shown.
    fn edit(
        &mut self,
        cx: &mut Cx<'_>,
        is_drag: bool,
        change: impl FnOnce(&mut Path) -> Result<()>,
    ) {
        let mut path = cx.view.path.clone();
        match change(&mut path) {
            Ok(()) => {
                self.refused = None;
                cx.out.act(Action::SetPath { path, is_drag });
            }
            Err(error) => self.refused = Some(error.to_string()),
        }
    }

    fn carry_out(&mut self, cx: &mut Cx<'_>, edit: Edit) {
        let keys = cx.view.path.keys();
        match edit {
            Edit::Pick(key) => {
                self.selected = Some(key);
                if let Some(secs) = cx.view.path.starts().get(key) {
                    cx.out.act(Action::Seek(*secs));
                }
            }
            Edit::Seek(secs) => cx.out.act(Action::Seek(secs)),
            Edit::Move { from, to } => {
                self.selected = Some(to);
                self.edit(cx, false, |path| path.reorder(from, to));
            }
            Edit::Secs { key, secs } => {
                self.selected = Some(key);
                self.edit(cx, true, |path| path.set_secs(key, secs));
            }
            Edit::Delete(key) => {
                self.selected = (keys.len() > 1).then(|| key.min(keys.len() - 2));
                self.edit(cx, false, |path| path.remove(key).map(|_| ()));
            }
        }
    }

    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let width = ui.available_width();
        let is_narrow = width < NARROW;
        ui.horizontal(|ui| {
            ui.set_height(ROW - 4.0);
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.add_space(theme::STEP);
            Self::transport_ui(ui, cx);
            if is_narrow {
                self.more_ui(ui, cx);
            } else {
                ui.add_space(theme::STEP);
                self.settings_ui(ui, cx);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                ui.add_space(theme::STEP);
                if width < NARROWEST {
                    files_menu_ui(ui, cx);
                } else {
                    files_ui(ui, cx, is_narrow);
                }
            });
        });
    }

    /// A button behind which the settings are, where there is no room for them.
    fn more_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let text = RichText::new(icon::SLIDERS).size(theme::TITLE);
        let button = ui.add(Button::new(text).frame_when_inactive(false));
        set_name(&button, "Settings of the path");
        let button = button.on_hover_text("How the path runs and how its animation looks");
        Popup::menu(&button)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| {
                ui.horizontal(|ui| self.settings_ui(ui, cx));
            });
    }

    /// What plays the path and adds to it.
    fn transport_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
        let path = &cx.view.path;
        let (glyph, name) = if cx.state.is_playing {
            (icon::PAUSE, "Pause path")
        } else {
            (icon::PLAY, "Play path")
        };
        if glyph_button(ui, glyph, name, &tooltip_of(ui, Command::PlayPath)) {
            cx.out.run(Command::PlayPath);
        }
        toggle_button(ui, path.is_loop(), Command::ToggleLoop, cx.out);
        let duration = cx.view.path.duration();
        let text = format!("{:.1} / {duration:.1} s", cx.state.head.min(duration));
        let galley = ui.painter().layout_no_wrap(
            text.clone(),
            theme::strong(theme::BODY),
            cx.tokens.text_strong,
        );
        let (rect, response) = ui.allocate_exact_size(egui::vec2(84.0, 20.0), Sense::hover());
        let at = rect.center() - galley.size() / 2.0;
        ui.painter().galley(at, galley, cx.tokens.text_strong);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Label, true, format!("Time {text}"))
        });
        icon_button(ui, icon::PLUS, Command::AddKey, cx.out);
        let is_item = cx.view.item().is_some_and(|item| item < encoded(cx));
        ui.add_enabled_ui(is_item, |ui| {
            icon_button(ui, icon::TARGET, Command::AddItemKey, cx.out);
        });
    }

    /// How the path runs and how its animation looks.
    fn settings_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let path = &cx.view.path;
        let (present, mut fps, mut scale) = (path.interpolation(), path.fps(), path.scale());
        let ways = [
            (
                Interpolation::Linear,
                "Straight",
                "Straight lines between the key-frames",
            ),
            (
                Interpolation::Spherical,
                "Spherical",
                "Arcs about the origin, which keep the length that codes of the prior have",
            ),
            (
                Interpolation::Spline,
                "Smooth",
                "A smooth curve through all key-frames, without a corner",
            ),
        ];
        let name = ways.iter().find(|(way, ..)| *way == present);
        let combo = ComboBox::from_id_salt("interpolation")
            .selected_text(name.map_or("", |(_, name, _)| name))
            .width(72.0);
        let mut chosen = None;
        let combo = combo.show_ui(ui, |ui| {
            for (way, name, tip) in ways {
                let choice = ui.selectable_label(way == present, name).on_hover_text(tip);
                if choice.clicked() && way != present {
                    chosen = Some(way);
                }
            }
        });
        set_name(&combo.response, "Interpolation");
        combo
            .response
            .on_hover_text("How the path runs between its key-frames");
        if let Some(way) = chosen {
            self.edit(cx, false, |path| {
                path.set_interpolation(way);
                Ok(())
            });
        }
        let drag = DragValue::new(&mut fps)
            .range(1..=Path::MAX_FPS)
            .speed(0.1)
            .suffix(" fps");
        let response = ui.add(drag);
        set_name(&response, "Frames a second");
        if response.changed() {
            self.edit(cx, true, |path| path.set_fps(fps));
        }
        response.on_hover_text("Frames a second of the animation, 1 to 100");
        let drag = DragValue::new(&mut scale)
            .range(1..=Path::MAX_SCALE)
            .speed(0.03)
            .suffix(" ×");
        let response = ui.add(drag);
        set_name(&response, "Scale");
        if response.changed() {
            self.edit(cx, true, |path| path.set_scale(scale));
        }
        response
            .on_hover_text("How many times as wide and high the animation's pictures are, 1 to 8");
        let is_on = cx.view.has_crossfade;
        toggle_button(ui, is_on, Command::ToggleCrossfade, cx.out);
    }

    /// The selected key-frame at the left; what the animation will be like at the right.
    fn footer_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.add_space(12.0);
        if let Some(key) = self.selected {
            self.key_ui(ui, cx, key);
        } else if ui.available_width() > HINT {
            let text = if cx.view.path.keys().len() < 2 {
                let key = shortcut_of(ui.ctx(), Command::AddKey);
                format!("Move the sliders and press {key} once more: two key-frames make a path")
            } else {
                "Drag a picture to move it, its right edge for the time to the next".to_owned()
            };
            ui.label(
                RichText::new(text)
                    .size(theme::CAPTION)
                    .color(tokens.text_weak),
            );
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(12.0);
            if let Some(reason) = &self.refused {
                let text = RichText::new(reason).size(theme::CAPTION).color(tokens.bad);
                ui.add(egui::Label::new(text).truncate())
                    .on_hover_text(reason);
            } else {
                estimate_ui(ui, cx);
            }
        });
    }

    fn key_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, key: usize) {
        let path = &cx.view.path;
        let (frame, count, is_loop) = (&path.keys()[key], path.keys().len(), path.is_loop());
        let secs = frame.secs;
        let text = format!("Key {}", key + 1);
        ui.label(RichText::new(text).font(theme::strong(theme::BODY)))
            .on_hover_text(match frame.item {
                Some(item) => format!("The code of item {item}"),
                None => "A code of its own, no item's".to_owned(),
            });
        if key + 1 < count || is_loop {
            let mut wanted = secs;
            let drag = DragValue::new(&mut wanted)
                .range(0.05..=600.0)
                .speed(0.02)
                .fixed_decimals(2)
                .suffix(" s");
            let response = ui.add(drag);
            set_name(&response, "Seconds to the next key-frame");
            if response.changed() {
                self.edit(cx, true, |path| path.set_secs(key, wanted));
            }
            response.on_hover_text("Seconds from this key-frame to the next");
        }
        let tip = "Put the sliders' code in its place";
        if glyph_button(ui, icon::SLIDERS, "Replace key-frame", tip) {
            let new = present_key(cx, secs);
            self.edit(cx, false, |path| {
                path.remove(key)?;
                path.insert(key, new)
            });
        }
        let tip = "Put the same once more after it: the path rests there";
        if glyph_button(ui, icon::COPY, "Duplicate key-frame", tip) {
            self.selected = Some(key + 1);
            self.edit(cx, false, |path| {
                path.insert(key + 1, path.keys()[key].clone())
            });
        }
        let tip = On::KeyFrame.tip(ui.ctx());
        if glyph_button(ui, icon::TRASH, "Delete key-frame", &tip) {
            self.carry_out(cx, Edit::Delete(key));
        }
    }
}

/// The shown code as a key-frame, as the item in focus where it is that item's.
fn present_key(cx: &Cx<'_>, secs: f32) -> KeyFrame {
    let mut key = KeyFrame::new(cx.shown.to_vec(), secs);
    let codes = cx.state.session.codes.as_ref();
    key.item = cx.view.item().filter(|&item| {
        item < encoded(cx) && codes.is_some_and(|codes| codes.code(item) == cx.shown)
    });
    key
}

/// The kinds of files that an animation becomes.
const EXPORTS: [Command; 3] = [
    Command::ExportPath,
    Command::ExportPathPng,
    Command::ExportPathFrames,
];

/// The path's way to files.
fn files_ui(ui: &mut Ui, cx: &mut Cx<'_>, is_narrow: bool) {
    let can_export =
        cx.view.path.keys().len() > 1 && !shape(cx).is_some_and(AnimationShape::is_too_large);
    let describe = Command::ExportPath.describe();
    let text = if is_narrow {
        describe.icon.to_owned()
    } else {
        format!("{}  Export…", describe.icon)
    };
    let export = ui.add_enabled(can_export, Button::new(text));
    set_name(&export, "Export path");
    let export = export
        .on_hover_text("As a GIF, an animated PNG or numbered PNGs")
        .on_disabled_hover_text(if cx.view.path.keys().len() > 1 {
            "It would be too large: fewer frames, a lower scale"
        } else {
            "A path of one key-frame does not move"
        });
    Popup::menu(&export).show(|ui| {
        for kind in EXPORTS {
            command_button(ui, kind, true, cx.out);
        }
    });
    icon_button(ui, icon::TRASH, Command::ClearPath, cx.out);
    icon_button(ui, icon::SAVE, Command::SavePath, cx.out);
    icon_button(ui, icon::FILE_OPEN, Command::OpenPathFile, cx.out);
}

/// A button behind which the path's way to files is, where there is no room for it.
fn files_menu_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let text = RichText::new(icon::FILM).size(theme::TITLE);
    let button = ui.add(Button::new(text).frame_when_inactive(false));
    set_name(&button, "Files of the path");
    let button = button.on_hover_text("Export, save, open or clear the path");
    Popup::menu(&button).show(|ui| {
        let can_export =
            cx.view.path.keys().len() > 1 && !shape(cx).is_some_and(AnimationShape::is_too_large);
        for kind in EXPORTS {
            command_button(ui, kind, can_export, cx.out);
        }
        for command in [Command::SavePath, Command::OpenPathFile, Command::ClearPath] {
            command_button(ui, command, true, cx.out);
        }
    });
}

/// What the animation will be like.
fn shape(cx: &Cx<'_>) -> Option<AnimationShape> {
    let model = cx.state.model()?;
    Some(shape_of(
        &cx.view.path,
        model.spec.shape,
        cx.view.has_crossfade && path_fade::first_without(cx).is_none(),
    ))
}

fn estimate_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let Some(shape) = shape(cx).filter(|_| cx.view.path.keys().len() > 1) else {
        return;
    };
    let scale = shape.scale as usize;
    let (width, height) = (shape.picture.width * scale, shape.picture.height * scale);
    let bytes = shape.estimate_bytes(AnimationFormat::Gif);
    let text = format!(
        "up to {}, {} frames of {width}×{height}",
        readable(bytes),
        shape.frames
    );
    let colour = if shape.is_too_large() {
        cx.tokens.bad
    } else if bytes > LARGE {
        cx.tokens.warn
    } else {
        cx.tokens.text_weak
    };
    let text = RichText::new(text).size(theme::CAPTION).color(colour);
    ui.add(egui::Label::new(text).truncate())
        .on_hover_text(format!(
            "What the animation takes as a GIF at most, {:.1} s of it; pictures without noise take far less",
            shape.frames as f64 / f64::from(shape.fps)
        ));
}

/// The pixels of an area that a picture of this aspect is drawn on, or a placeholder where it is not there yet.
pub(super) fn picture_ui(
    ui: &Ui,
    cx: &Cx<'_>,
    rect: Rect,
    texture: Option<&egui::TextureHandle>,
    outline: egui::Stroke,
) {
    match texture {
        Some(texture) => {
            crate::app::widgets::paint_picture(ui, rect, texture, outline, theme::RADIUS_SMALL);
        }
        None => {
            ui.painter().rect(
                rect,
                theme::RADIUS_SMALL,
                cx.tokens.well,
                outline,
                egui::StrokeKind::Outside,
            );
        }
    }
}
