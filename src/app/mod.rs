//! The window: life cycle, commands, selection, layout, panels, widgets. Never sees a tensor.
//!
//! Invariant: widgets emit commands and never change state; the engine's events and the commands do.

mod application;
mod bars;
mod choosing;
mod code;
mod command;
mod command_palette;
mod dialogs;
mod events;
mod fonts;
mod format;
mod gesture;
mod help;
mod hint;
mod key_places;
mod layout;
mod own;
mod palette;
mod panels;
mod perform;
mod persist;
mod screenshot;
mod session;
mod sheet;
mod state;
mod sweeping;
mod textures;
mod theme;
mod toasts;
mod view;
mod walking;
mod watch;
mod widgets;

pub use application::{App, AppOptions};
pub use screenshot::{Part, can_draw, screenshots};
pub use session::SessionFile;
pub use state::PixelCost;

use std::sync::Arc;

use eframe::egui::{IconData, ViewportBuilder};

use crate::error::{Error, Result};

/// Where trained models that nobody saved are kept: beside what the window remembers.
#[must_use]
pub fn keep_in() -> Option<std::path::PathBuf> {
    Some(eframe::storage_dir(APP)?.join("models"))
}

/// The program's name to the desktop, and of its folder.
const APP: &str = "morphospace";
const ICON: &[u8] = include_bytes!("../../assets/icon.png");

/// Opens the window and returns when it is closed.
///
/// # Errors
/// When there is no display or no graphics driver; the text says so and names the command line.
pub fn run(options: AppOptions) -> Result<()> {
    let mut viewport = ViewportBuilder::default()
        .with_title("Morphospace")
        .with_app_id(APP)
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([960.0, 600.0])
        .with_drag_and_drop(true);
    if let Ok(icon) = image::load_from_memory(ICON) {
        let icon = icon.to_rgba8();
        let (width, height) = icon.dimensions();
        viewport = viewport.with_icon(Arc::new(IconData {
            rgba: icon.into_raw(),
            width,
            height,
        }));
    }
    let native = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Wgpu,
        ..Default::default()
    };
    let shown = eframe::run_native(
        APP,
        native,
        Box::new(|cc| Ok(Box::new(App::new(cc, options)))),
    );
    shown.map_err(|error| {
        tracing::debug!("{error}");
        let reason = match error {
            eframe::Error::Wgpu(_) => "no graphics driver can draw the window".to_owned(),
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
                "there is no display to open a window on".to_owned()
            }
            error @ eframe::Error::AppCreation(_) => {
                format!("the window cannot be opened: {error}")
            }
        };
        Error::device(reason).hint("everything also works without one: see `morphospace --help`")
    })
}
