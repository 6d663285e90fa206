//! What a person can do. [`Command`] needs no further data and is what menus, keys and buttons share; [`Action`]
//! carries data from the widget that emits it.
//!
//! Invariant: text, tooltip, icon and shortcut of a command are written here and nowhere else.

use std::path::PathBuf;

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use super::fonts::icon;
use super::panels::PanelKind;
use super::view::{Camera, Colouring};
use crate::data::{DatasetSource, Picture};
use crate::engine::Request;
use crate::model::{ModelSpec, TrainConfig};

/// Something to do that needs no further data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Command {
    OpenData,
    OpenFolder,
    OpenModel,
    SaveModel,
    OpenFaces,
    OpenDigits,
    Cancel,
    Quit,
    Undo,
    Redo,
    ResetCode,
    RandomCode,
    CodeOfSelection,
    ClearSelection,
    NextItem,
    PreviousItem,
    RandomItem,
    DrawPicture,
    RefineOwn,
    FitMap,
    ToggleSmooth,
    ToggleTheme,
    TogglePanel(PanelKind),
    ResetLayout,
    Pause,
    Resume,
    Step,
    Stop,
    ShowPalette,
    ShowShortcuts,
    ShowAbout,
}

/// Something to do, with what it needs.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Run a command.
    Run(Command),
    /// Read data.
    Open(DatasetSource),
    /// Read a dropped or recent file, whatever it holds.
    OpenPath(PathBuf),
    /// Read a model.
    OpenModel(PathBuf),
    /// Write the model.
    SaveModel(PathBuf),
    /// Select an item.
    Select(usize),
    /// Take a picture as the person's own, of the model's shape.
    SetOwn {
        picture: Picture,
        /// The stroke that changed it, where it was drawn; changes by one stroke are one step back.
        stroke: Option<u64>,
    },
    /// Look at the own picture.
    FocusOwn,
    /// Let go of the own picture.
    ForgetOwn,
    /// Move one slider.
    SetDimension {
        /// Which.
        dim: usize,
        /// Where to.
        value: f32,
    },
    /// Colour the map.
    Colour(Colouring),
    /// Look at another part of the map; none fits everything.
    Look(Option<Camera>),
    /// Train a new model.
    Train(ModelSpec, TrainConfig),
}

/// A command as menus, buttons and tooltips show it.
#[derive(Clone, Copy)]
pub(crate) struct Describe {
    pub text: &'static str,
    pub tooltip: &'static str,
    pub icon: &'static str,
    pub shortcut: Option<KeyboardShortcut>,
}

const PLAIN: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = CTRL.plus(SHIFT);

#[expect(clippy::unnecessary_wraps, reason = "not every command has a shortcut")]
const fn key(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}

impl Command {
    /// Every command, in the order in which the list of shortcuts shows them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        const COMMANDS: [Command; 30] = [
            Command::OpenData,
            Command::OpenFolder,
            Command::OpenModel,
            Command::SaveModel,
            Command::OpenFaces,
            Command::OpenDigits,
            Command::Cancel,
            Command::Quit,
            Command::Undo,
            Command::Redo,
            Command::ResetCode,
            Command::RandomCode,
            Command::CodeOfSelection,
            Command::ClearSelection,
            Command::NextItem,
            Command::PreviousItem,
            Command::RandomItem,
            Command::DrawPicture,
            Command::RefineOwn,
            Command::FitMap,
            Command::ToggleSmooth,
            Command::ToggleTheme,
            Command::ResetLayout,
            Command::Pause,
            Command::Resume,
            Command::Step,
            Command::Stop,
            Command::ShowPalette,
            Command::ShowShortcuts,
            Command::ShowAbout,
        ];
        COMMANDS
            .into_iter()
            .chain(PanelKind::ALL.into_iter().map(Command::TogglePanel))
    }

    /// Text, tooltip, icon and shortcut.
    pub(crate) fn describe(self) -> Describe {
        let (text, tooltip, icon, shortcut) = match self {
            Self::OpenData => (
                "Open data…",
                "Open an IDX, CIFAR, NPY, MATLAB, picture or zip file",
                icon::FILE_OPEN,
                key(CTRL, Key::O),
            ),
            Self::OpenFolder => (
                "Open folder…",
                "Open a folder of pictures; sub-folders become classes",
                icon::FOLDER_OPEN,
                key(CTRL_SHIFT, Key::O),
            ),
            Self::OpenModel => (
                "Open model…",
                "Open trained weights",
                icon::CUBE,
                key(CTRL, Key::M),
            ),
            Self::SaveModel => (
                "Save model…",
                "Write the model to a file",
                icon::SAVE,
                key(CTRL, Key::S),
            ),
            Self::OpenFaces => (
                "Faces",
                "Draw the built-in portraits: 20,000 faces with named factors",
                icon::SMILEY,
                None,
            ),
            Self::OpenDigits => (
                "Digits",
                "Draw the built-in handwritten digits",
                icon::DIGITS,
                None,
            ),
            Self::Cancel => (
                "Cancel",
                "Give up what is being read or encoded",
                icon::CLOSE,
                None,
            ),
            Self::Quit => ("Quit", "Close the window", icon::EXIT, key(CTRL, Key::Q)),
            Self::Undo => (
                "Undo",
                "Take back the last change of what is shown",
                icon::UNDO,
                key(CTRL, Key::Z),
            ),
            Self::Redo => (
                "Redo",
                "Do again what was taken back",
                icon::REDO,
                key(CTRL_SHIFT, Key::Z),
            ),
            Self::ResetCode => (
                "Reset sliders",
                "Move every slider to the mean code",
                icon::RESET,
                key(PLAIN, Key::Home),
            ),
            Self::RandomCode => (
                "Random code",
                "Draw a code from the prior, a standard normal",
                icon::SHUFFLE,
                key(PLAIN, Key::R),
            ),
            Self::CodeOfSelection => (
                "Sliders to selection",
                "Move the sliders to the code of the selected item",
                icon::TARGET,
                key(PLAIN, Key::C),
            ),
            Self::ClearSelection => (
                "Clear selection",
                "Let go of the selected item and its neighbours",
                icon::CLEAR,
                key(PLAIN, Key::Escape),
            ),
            Self::NextItem => (
                "Next item",
                "Select the next item",
                icon::NEXT,
                key(PLAIN, Key::N),
            ),
            Self::PreviousItem => (
                "Previous item",
                "Select the item before",
                icon::PREVIOUS,
                key(SHIFT, Key::N),
            ),
            Self::RandomItem => (
                "Random item",
                "Select any item",
                icon::CLICK,
                key(PLAIN, Key::I),
            ),
            Self::DrawPicture => (
                "Draw a picture",
                "Draw a picture of your own and see its code and its neighbours",
                icon::PENCIL,
                key(PLAIN, Key::D),
            ),
            Self::RefineOwn => (
                "Refine its code",
                "Improve the code of your own picture by gradient descent on the reconstruction",
                icon::WAND,
                None,
            ),
            Self::FitMap => (
                "Fit map",
                "Show the whole map",
                icon::FIT,
                key(PLAIN, Key::F),
            ),
            Self::ToggleSmooth => (
                "Smooth pictures",
                "Draw pictures smoothly or as their pixels",
                icon::SMOOTH,
                key(PLAIN, Key::P),
            ),
            Self::ToggleTheme => (
                "Dark or light",
                "Change between the dark and the light theme",
                icon::SUN,
                key(CTRL_SHIFT, Key::L),
            ),
            Self::TogglePanel(kind) => (kind.title(), kind.describe(), kind.icon(), None),
            Self::ResetLayout => (
                "Reset layout",
                "Put every panel back in its place",
                icon::LAYOUT,
                None,
            ),
            Self::Pause => (
                "Pause",
                "Halt training after the present step",
                icon::PAUSE,
                key(CTRL, Key::E),
            ),
            Self::Resume => (
                "Resume",
                "Go on with training",
                icon::PLAY,
                key(CTRL, Key::R),
            ),
            Self::Step => (
                "Step",
                "Take one training step",
                icon::STEP,
                key(CTRL, Key::Period),
            ),
            Self::Stop => (
                "Stop",
                "End training and keep the best weights",
                icon::STOP,
                None,
            ),
            Self::ShowPalette => (
                "Command palette",
                "Find any command by typing a part of its name",
                icon::TERMINAL,
                key(CTRL, Key::P),
            ),
            Self::ShowShortcuts => (
                "Shortcuts",
                "Show every key",
                icon::KEYBOARD,
                key(PLAIN, Key::F1),
            ),
            Self::ShowAbout => (
                "About Morphospace",
                "Version and licences",
                icon::INFO,
                None,
            ),
        };
        Describe {
            text,
            tooltip,
            icon,
            shortcut,
        }
    }

    /// Every command with its shortcut, those with Shift first: egui takes Ctrl+Shift+Z for Ctrl+Z as well.
    pub(crate) fn shortcuts() -> Vec<(Self, KeyboardShortcut)> {
        let with_key = |command: Self| Some((command, command.describe().shortcut?));
        let mut shortcuts: Vec<_> = Self::all().filter_map(with_key).collect();
        shortcuts.sort_by_key(|(_, shortcut)| !shortcut.modifiers.shift);
        shortcuts
    }

    /// The request a command is nothing but, if so.
    pub(crate) fn request(self) -> Option<Request> {
        Some(match self {
            Self::OpenFaces => Request::OpenData(builtin("faces")?),
            Self::OpenDigits => Request::OpenData(builtin("digits")?),
            Self::Cancel => Request::Cancel,
            Self::Pause => Request::Pause,
            Self::Resume => Request::Resume,
            Self::Step => Request::Step,
            Self::Stop => Request::Stop,
            _ => return None,
        })
    }
}

/// The built-in data called `name`.
pub(crate) fn builtin(name: &str) -> Option<DatasetSource> {
    name.parse().ok()
}

/// What widgets ask for during a frame; it is done at the start of the next.
#[derive(Default)]
pub(crate) struct Outbox {
    pub actions: Vec<Action>,
    /// The item under the pointer in this frame.
    pub hovered: Option<usize>,
}

impl Outbox {
    /// Asks for a command.
    pub(crate) fn run(&mut self, command: Command) {
        self.actions.push(Action::Run(command));
    }

    /// Asks for an action.
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_shortcut() {
        let mut taken = std::collections::HashMap::new();
        for command in Command::all() {
            if let Some(shortcut) = command.describe().shortcut {
                let key = (shortcut.modifiers, shortcut.logical_key);
                assert_eq!(taken.insert(key, command), None, "{command:?}");
            }
        }
    }

    #[test]
    fn texts_keep_to_the_house_style() {
        for command in Command::all() {
            let Describe { text, tooltip, .. } = command.describe();
            assert!(
                text.starts_with(char::is_uppercase) && !text.ends_with('.'),
                "{text}"
            );
            assert!(
                tooltip.len() > text.len() && !tooltip.ends_with('.'),
                "{tooltip}"
            );
        }
    }
}
