//! The bar of menus above the panels and the status bar below them.
//!
//! Invariant: everything in a menu is a command or a file of the recent list.

use eframe::egui::{
    self, Align, Align2, Button, Context, Frame, Id, LayerId, Layout, Margin, MenuBar, Order,
    Panel, Ui,
};

use super::application::App;
use super::command::{Action, Command, Outbox};
use super::fonts::icon;
use super::format;
use super::panels::PanelKind;
use super::theme::{self, Tokens};
use super::view::Focus;
use super::widgets::{icon_button, tooltip_of};
use crate::engine::DeviceKind;

/// The menus, the name of what is loaded, and the switch of the theme.
pub(super) fn top_ui(ui: &mut Ui, app: &App, tokens: &'static Tokens, out: &mut Outbox) {
    let frame = Frame::new()
        .fill(tokens.base)
        .inner_margin(Margin::symmetric(12, 6));
    Panel::top("menus")
        .frame(frame)
        .show_separator_line(false)
        .show(ui, |ui| {
            MenuBar::new().ui(ui, |ui| {
                ui.label(
                    egui::RichText::new("Morphospace")
                        .font(theme::strong(theme::TITLE))
                        .color(tokens.text_strong),
                );
                ui.add_space(theme::STEP);
                ui.menu_button("File", |ui| file_menu(ui, app, out));
                ui.menu_button("Edit", |ui| edit_menu(ui, app, out));
                ui.menu_button("View", |ui| view_menu(ui, app, out));
                ui.menu_button("Help", |ui| {
                    let help = [
                        Command::ShowPalette,
                        Command::ShowShortcuts,
                        Command::ShowAbout,
                    ];
                    entries(ui, out, &help);
                });
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let glyph = if tokens.is_dark {
                        icon::SUN
                    } else {
                        icon::MOON
                    };
                    icon_button(ui, glyph, Command::ToggleTheme, out);
                    icon_button(ui, icon::TERMINAL, Command::ShowPalette, out);
                    let (data, model) = app.loaded_names();
                    let title = match (data.is_empty(), model.is_empty()) {
                        (true, true) => String::new(),
                        (false, true) => data,
                        (true, false) => model,
                        (false, false) => format!("{data}  ·  {model}"),
                    };
                    ui.add_space(theme::STEP);
                    ui.label(egui::RichText::new(title).color(tokens.text_weak));
                });
            });
        });
}

/// One line of a menu. Returns whether it was chosen.
fn entry(ui: &mut Ui, command: Command, is_enabled: bool, out: &mut Outbox) {
    let describe = command.describe();
    let mut button =
        Button::new(format!("{}   {}", describe.icon, describe.text)).frame_when_inactive(false);
    if let Some(shortcut) = describe.shortcut {
        button = button.shortcut_text(ui.ctx().format_shortcut(&shortcut));
    }
    let response = ui.add_enabled(
        is_enabled,
        button.min_size(egui::vec2(216.0, theme::CONTROL_HEIGHT)),
    );
    super::widgets::set_name(&response, describe.text);
    if response.on_hover_text(describe.tooltip).clicked() {
        out.run(command);
        ui.close();
    }
}

fn entries(ui: &mut Ui, out: &mut Outbox, commands: &[Command]) {
    for &command in commands {
        entry(ui, command, true, out);
    }
}

fn file_menu(ui: &mut Ui, app: &App, out: &mut Outbox) {
    entries(ui, out, &[Command::OpenData, Command::OpenFolder]);
    ui.menu_button(format!("{}   Built-in data", icon::DATABASE), |ui| {
        entries(
            ui,
            out,
            &[
                Command::OpenFaces,
                Command::OpenDigits,
                Command::OpenCreatures,
            ],
        );
    });
    ui.add_enabled_ui(!app.state.recent.is_empty(), |ui| {
        ui.menu_button(format!("{}   Recent", icon::TIMER), |ui| {
            for path in &app.state.recent {
                let name = path
                    .file_name()
                    .unwrap_or(path.as_os_str())
                    .to_string_lossy();
                if ui
                    .button(name)
                    .on_hover_text(path.display().to_string())
                    .clicked()
                {
                    out.act(Action::OpenPath(path.clone()));
                    ui.close();
                }
            }
        });
    });
    let has_items = app.state.items() > 0;
    entry(ui, Command::OpenMetadata, has_items, out);
    ui.separator();
    let has_model = app.state.model().is_some();
    entry(ui, Command::OpenModel, true, out);
    entry(ui, Command::SaveModel, has_model, out);
    ui.separator();
    entry(ui, Command::OpenSession, true, out);
    entry(ui, Command::SaveSession, has_items || has_model, out);
    ui.separator();
    entry(ui, Command::ExportSelection, has_items, out);
    entry(ui, Command::ExportSheet, app.state.sheet.done > 0, out);
    let has_study = app.state.session.study.is_some();
    entry(ui, Command::ExportReport, has_study, out);
    let has_formation = app.state.formation.is_some();
    entry(ui, Command::ExportFormation, has_formation, out);
    for kind in [
        Command::ExportPath,
        Command::ExportPathPng,
        Command::ExportPathFrames,
    ] {
        entry(ui, kind, app.view.path.keys().len() > 1, out);
    }
    ui.separator();
    entry(ui, Command::Quit, true, out);
}

fn edit_menu(ui: &mut Ui, app: &App, out: &mut Outbox) {
    entry(ui, Command::Undo, app.history.can_undo(), out);
    entry(ui, Command::Redo, app.history.can_redo(), out);
    ui.separator();
    let has_model = app.state.model().is_some();
    entry(ui, Command::ResetCode, has_model, out);
    entry(ui, Command::RandomCode, has_model, out);
    entry(ui, Command::RandomFromMixture, has_model, out);
    entry(ui, Command::CopyCode, has_model, out);
    entry(ui, Command::Paste, has_model, out);
    entry(ui, Command::CodeOfSelection, app.view.item().is_some(), out);
    ui.menu_button(format!("{}   Path", icon::PATH), |ui| {
        path_menu(ui, app, out);
    });
    ui.separator();
    let has_items = app.state.items() > 0;
    for command in [
        Command::NextItem,
        Command::PreviousItem,
        Command::RandomItem,
    ] {
        entry(ui, command, has_items, out);
    }
    entry(ui, Command::DrawPicture, has_model, out);
    entry(ui, Command::ForgetOwn, app.view.own.is_some(), out);
    ui.separator();
    entry(ui, Command::SelectAll, has_items, out);
    entry(ui, Command::InvertSelection, has_items, out);
    let has_choice = app.view.focus != Focus::Nothing || !app.view.selection.is_empty();
    entry(ui, Command::ClearSelection, has_choice, out);
}

fn path_menu(ui: &mut Ui, app: &App, out: &mut Outbox) {
    let has_model = app.state.model().is_some();
    let keys = app.view.path.keys().len();
    entry(ui, Command::AddKey, has_model, out);
    let is_item = has_model && app.view.item().is_some();
    entry(ui, Command::AddItemKey, is_item, out);
    ui.separator();
    entry(ui, Command::PlayPath, keys > 1, out);
    entry(ui, Command::ToggleLoop, keys > 0, out);
    entry(ui, Command::ToggleCrossfade, keys > 0, out);
    ui.separator();
    entry(ui, Command::OpenPathFile, has_model, out);
    entry(ui, Command::SavePath, keys > 0, out);
    entry(ui, Command::ExportPath, keys > 1, out);
    entry(ui, Command::ClearPath, keys > 0, out);
}

fn view_menu(ui: &mut Ui, app: &App, out: &mut Outbox) {
    // In one column they would leave a small window.
    let rows = PanelKind::ALL.len().div_ceil(2);
    let (left, right) = PanelKind::ALL.split_at(rows);
    egui::Grid::new("panels of the view menu")
        .num_columns(2)
        .spacing([theme::DOUBLE, ui.spacing().item_spacing.y])
        .show(ui, |ui| {
            for row in 0..rows {
                for kind in [left.get(row), right.get(row)].into_iter().flatten() {
                    let mut is_in_front = app.layout.rect_of(*kind).is_some();
                    let entry = ui.checkbox(&mut is_in_front, kind.title());
                    if entry.on_hover_text(kind.describe()).clicked() {
                        out.run(Command::TogglePanel(*kind));
                    }
                }
                ui.end_row();
            }
        });
    ui.separator();
    ui.menu_button(format!("{}   Basis of the sliders", icon::SLIDERS), |ui| {
        let bases = [
            Command::SlidersByDimensions,
            Command::SlidersByComponents,
            Command::SlidersByDirections,
        ];
        entries(ui, out, &bases);
    });
    ui.menu_button(format!("{}   Map drawn as", icon::SCATTER), |ui| {
        let ways = [
            Command::MapAutomatic,
            Command::MapAsPoints,
            Command::MapAsDensity,
        ];
        entries(ui, out, &ways);
    });
    entries(
        ui,
        out,
        &[
            Command::ResetLayout,
            Command::FitMap,
            Command::ToggleLasso,
            Command::TogglePictures,
            Command::ToggleGaussians,
            Command::ToggleSmooth,
            Command::ToggleTheme,
        ],
    );
}

/// Device, times, memory and counts.
pub(super) fn status_ui(ui: &mut Ui, app: &App, tokens: &'static Tokens, out: &mut Outbox) {
    let frame = Frame::new()
        .fill(tokens.base)
        .inner_margin(Margin::symmetric(12, 4));
    Panel::bottom("status")
        .frame(frame)
        .show_separator_line(false)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = theme::DOUBLE;
                let part = |ui: &mut Ui, icon: &str, text: String, tip: &str| {
                    let text = egui::RichText::new(format!("{icon}  {text}"))
                        .size(theme::CAPTION)
                        .color(tokens.text_weak);
                    ui.label(text).on_hover_text(tip);
                };
                match &app.state.device {
                    Some(device) => {
                        let icon = if device.kind == DeviceKind::Cpu {
                            icon::CPU
                        } else {
                            icon::GPU
                        };
                        part(ui, icon, device.name.clone(), &device.reason);
                    }
                    None => part(
                        ui,
                        icon::CPU,
                        "Looking for a device".into(),
                        "The device that computes",
                    ),
                }
                let items = app.state.items();
                let expected = app.state.session.expected_items;
                let counted = if expected > items {
                    format!(
                        "{} of {} items",
                        format::count(items),
                        format::count(expected)
                    )
                } else {
                    format!("{} items", format::count(items))
                };
                part(ui, icon::STACK, counted, "Items that are loaded");
                if let Some(task) = app.state.tasks.first() {
                    task_ui(ui, task, tokens, out);
                }
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if let Some(memory) = memory_stats::memory_stats() {
                        part(
                            ui,
                            icon::MEMORY,
                            format::bytes(memory.physical_mem),
                            "Memory in use",
                        );
                    }
                    if app.frame_secs > 0.0 {
                        let time = format!("{:.1} ms", app.frame_secs * 1e3);
                        part(ui, icon::TIMER, time, "Processor time to draw one frame");
                    }
                    if let Some(decoded) = &app.state.decoded {
                        part(
                            ui,
                            icon::LIGHTNING,
                            format::secs(decoded.secs),
                            "Time to decode the picture",
                        );
                    }
                });
            });
        });
}

fn task_ui(ui: &mut Ui, task: &super::state::Task, tokens: &Tokens, out: &mut Outbox) {
    ui.spacing_mut().item_spacing.x = theme::STEP;
    let mut text = task.what.clone();
    if let Some(left) = task.secs_left {
        text = format!("{text}, {} left", format::secs(left));
    }
    ui.label(
        egui::RichText::new(text)
            .size(theme::CAPTION)
            .color(tokens.text_weak),
    );
    super::widgets::bar_ui(ui, tokens, task.done, 96.0);
    let cancel =
        ui.add(Button::new(egui::RichText::new(icon::CLOSE).size(theme::CAPTION)).frame(false));
    super::widgets::set_name(&cancel, "Cancel");
    if cancel
        .on_hover_text(tooltip_of(ui, Command::Cancel))
        .clicked()
    {
        out.run(Command::Cancel);
    }
}

/// A veil over the window while files hang over it.
pub(super) fn drop_target_ui(ctx: &Context, tokens: &Tokens) {
    if ctx.input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop target")));
    let rect = ctx.content_rect();
    painter.rect_filled(rect, 0.0, tokens.base.gamma_multiply(0.85));
    painter.text(
        rect.center(),
        Align2::CENTER_CENTER,
        format!(
            "{}  Drop to open: data, a folder of pictures, or a model",
            icon::FOLDER_OPEN
        ),
        theme::strong(theme::TITLE),
        tokens.text_strong,
    );
}
