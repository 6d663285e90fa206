//! What a person can do. [`Command`] needs no further data and is what menus, keys and buttons share; [`Action`]
//! carries data from the widget that emits it.
//!
//! Invariant: text, tooltip, icon and shortcut of a command are written here and nowhere else.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use super::fonts::icon;
use super::panels::PanelKind;
use super::sweeping::Pointed;
use super::view::{BasisKind, Camera, Colouring, Lookup, MapLook, SheetSpec};
use crate::data::{DatasetSource, Flip, Picture};
use crate::engine::{Contrast, DensityWish, FamilyWish, LikelihoodPlan, ProbeWish, Request, Study};
use crate::model::{Comparison, FamilyPlan, ModelSpec, TrainConfig};
use crate::retrieval::Space;
use crate::retrieval::approximate::Kind;
use crate::space::{DensityPlan, MapMethod, Selection};

/// Something to do that needs no further data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Command {
    OpenData,
    OpenFolder,
    OpenModel,
    SaveModel,
    OpenFaces,
    OpenDigits,
    /// Draw the built-in creatures.
    OpenCreatures,
    Cancel,
    Quit,
    Undo,
    Redo,
    ResetCode,
    RandomCode,
    RandomFromMixture,
    CopyCode,
    Paste,
    SlidersByDimensions,
    SlidersByComponents,
    SlidersByDirections,
    CodeOfSelection,
    ClearSelection,
    SelectAll,
    InvertSelection,
    NextItem,
    PreviousItem,
    RandomItem,
    DrawPicture,
    RefineOwn,
    ForgetOwn,
    FitMap,
    ToggleLasso,
    TogglePictures,
    ToggleGaussians,
    MapAutomatic,
    MapAsPoints,
    MapAsDensity,
    OpenPositions,
    OpenMetadata,
    ExportSelection,
    ExportSheet,
    ExportReport,
    ExportFormation,
    AddToLikelihood,
    SaveLabels,
    OpenLabels,
    SaveMixture,
    OpenMixture,
    ExportPath,
    ExportPathPng,
    ExportPathFrames,
    SavePath,
    OpenPathFile,
    PlayPath,
    AddKey,
    AddItemKey,
    ToggleLoop,
    ToggleCrossfade,
    ClearPath,
    SaveSession,
    OpenSession,
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

/// What becomes of the present selection when items are selected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Choice {
    /// It is replaced.
    #[default]
    Replace,
    /// It grows.
    Add,
    /// It loses them.
    Subtract,
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
    /// Move the sliders.
    SetCode {
        code: Vec<f32>,
        /// What is dragged, where it is a drag: the frames of one drag are one step back.
        drag: Option<usize>,
    },
    /// Let the sliders show other coordinates of the same code.
    Basis(BasisKind),
    /// Lock a coordinate of the present basis, or let go of it.
    Lock(usize),
    /// Show a coordinate of the present basis alone, or all again.
    Solo(usize),
    /// Set the temperature.
    Psi(f32),
    /// Select items.
    Choose { items: Selection, how: Choice },
    /// Keep the selection under a name.
    NameSelection(String),
    /// Select a named selection, by its place in the list.
    RecallSelection(usize),
    /// Forget a named selection.
    ForgetSelection(usize),
    /// Write the selected items to a file; codes alone where it ends in `.npy`.
    ExportSelection(PathBuf),
    /// Read a table with a row per item.
    OpenMetadata(PathBuf),
    /// Find out how well the model reconstructs each item.
    MeasureItems,
    /// Find out how much the model copies its training items.
    Memorise {
        samples: usize,
        seed: u64,
        /// Pictures that it never saw, where none were kept out of its training.
        held_out: Option<DatasetSource>,
    },
    /// Train models without each fold of the items.
    LeaveFoldOut { folds: usize, epochs: usize },
    /// Find out what the dimensions have to do with known factors.
    MeasureFactors { bins: usize, seed: u64 },
    /// Keep the slider that moves by itself where it is.
    KeepSwept,
    /// Write the sheet.
    ExportSheet(PathBuf),
    /// Compare spaces over many queries.
    Study(Study),
    /// Write the report of that to a folder.
    ExportReport(PathBuf),
    /// Write the model's moments as an animation.
    ExportFormation(PathBuf),
    /// Show what the model makes of pictures.
    Repair(Arc<Vec<Picture>>),
    /// Decode many codes at once.
    DecodeGrid(Arc<Vec<f32>>),
    /// Measure the model beside principal components of the same size.
    MeasureComponents,
    /// Look at what each stage makes of the item in focus.
    InspectFeatures,
    /// Measure how likely models take the items to be.
    MeasureLikelihoods(LikelihoodPlan),
    /// Add a model to that table.
    AddToLikelihood(PathBuf),
    /// Leave one out of it.
    LeaveOutOfLikelihood(PathBuf),
    /// Train families of auto-encoders side by side.
    CompareFamilies(FamilyPlan),
    /// Take one of them, by its column, into use.
    UseFamily(usize),
    /// Train classifiers with and without pre-training.
    CompareLabels(Comparison),
    /// Go on with a comparison that was left off.
    ResumeLabels,
    /// Read a comparison of classifiers.
    OpenLabels(PathBuf),
    /// Write it, with its classifier.
    SaveLabels(PathBuf),
    /// Bring a panel forward, hidden or not.
    Show(PanelKind),
    /// Fit a mixture over pixels or over codes.
    FitDensity(DensityPlan),
    /// Go on with the fit that was left off.
    ResumeDensity,
    /// Read a mixture.
    OpenDensity(PathBuf),
    /// Write it.
    SaveDensity(PathBuf),
    /// Draw from it.
    DrawDensity(DensityWish),
    /// Find out whether the model draws what it is asked for by name.
    Probe(ProbeWish),
    /// Show what each family makes of a wish.
    DecodeFamilies(FamilyWish),
    /// Write the path as an animation.
    ExportPath(PathBuf),
    /// Write the path's key-frames.
    SavePath(PathBuf),
    /// Read key-frames.
    OpenPathFile(PathBuf),
    /// Take another path; `is_drag` where a time is dragged.
    SetPath {
        path: crate::space::path::Path,
        is_drag: bool,
    },
    /// Put the play head at a second of the path.
    Seek(f64),
    /// Look for something else, or elsewhere; `is_drag` while the strength of a distortion is dragged.
    Lookup { lookup: Lookup, is_drag: bool },
    /// Build the approximate index of a space.
    BuildIndex(Space, Kind),
    /// Look at other single pixels.
    Flips(Vec<Flip>),
    /// Sweep other coordinates on the sheet.
    Sheet(SheetSpec),
    /// Write the session.
    SaveSession(PathBuf),
    /// Bring back a session.
    OpenSession(PathBuf),
    /// Wait no longer for what a session misses.
    LeaveSession,
    /// Find a direction in code space.
    FindDirection(Contrast),
    /// Forget a direction, by its place in the list.
    ForgetDirection(usize),
    /// Switch a class of the legend on or off.
    ToggleClass(u32),
    /// Move the ends of the scale; none puts them back.
    Scale(Option<(f32, f32)>),
    /// Colour the map.
    Colour(Colouring),
    /// Make the map by another method.
    Map(MapMethod),
    /// Draw the map otherwise.
    MapLook(MapLook),
    /// Look at another part of the map; none fits everything.
    Look(Option<Camera>),
    /// Train a new model.
    Train {
        /// What to build.
        spec: Box<ModelSpec>,
        /// How to train it.
        config: Box<TrainConfig>,
        /// Whether from the open model.
        from_model: bool,
    },
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
        const COMMANDS: [Command; 70] = [
            Command::OpenData,
            Command::OpenFolder,
            Command::OpenModel,
            Command::SaveModel,
            Command::OpenFaces,
            Command::OpenDigits,
            Command::OpenCreatures,
            Command::Cancel,
            Command::Quit,
            Command::Undo,
            Command::Redo,
            Command::ResetCode,
            Command::RandomCode,
            Command::RandomFromMixture,
            Command::CopyCode,
            Command::Paste,
            Command::SlidersByDimensions,
            Command::SlidersByComponents,
            Command::SlidersByDirections,
            Command::CodeOfSelection,
            Command::ClearSelection,
            Command::SelectAll,
            Command::InvertSelection,
            Command::NextItem,
            Command::PreviousItem,
            Command::RandomItem,
            Command::DrawPicture,
            Command::RefineOwn,
            Command::ForgetOwn,
            Command::FitMap,
            Command::ToggleLasso,
            Command::TogglePictures,
            Command::ToggleGaussians,
            Command::MapAutomatic,
            Command::MapAsPoints,
            Command::MapAsDensity,
            Command::OpenPositions,
            Command::OpenMetadata,
            Command::ExportSelection,
            Command::ExportSheet,
            Command::ExportReport,
            Command::ExportFormation,
            Command::AddToLikelihood,
            Command::SaveLabels,
            Command::OpenLabels,
            Command::SaveMixture,
            Command::OpenMixture,
            Command::ExportPath,
            Command::ExportPathPng,
            Command::ExportPathFrames,
            Command::SavePath,
            Command::OpenPathFile,
            Command::PlayPath,
            Command::AddKey,
            Command::AddItemKey,
            Command::ToggleLoop,
            Command::ToggleCrossfade,
            Command::ClearPath,
            Command::SaveSession,
            Command::OpenSession,
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
            Self::OpenCreatures => (
                "Creatures",
                "Draw the built-in little monsters: pixel art in the colours of a palette",
                icon::CREATURE,
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
                "Draw a code from the prior: a standard normal or, of bits, each as often set as in the data",
                icon::SHUFFLE,
                key(PLAIN, Key::R),
            ),
            Self::RandomFromMixture => (
                "Random code like the data's",
                "Draw a code from a Gaussian mixture fitted to the codes of the data",
                icon::SCATTER,
                key(SHIFT, Key::R),
            ),
            Self::CopyCode => (
                "Copy code",
                "Put the code on the clipboard as text",
                icon::COPY,
                key(CTRL, Key::C),
            ),
            Self::Paste => (
                "Paste code or picture",
                "Take a code from the clipboard, or a picture as your own",
                icon::PASTE,
                key(CTRL, Key::V),
            ),
            Self::SlidersByDimensions => (
                "Sliders by dimensions",
                "Let the sliders show the code's own numbers, by KL",
                icon::SLIDERS,
                None,
            ),
            Self::SlidersByComponents => (
                "Sliders by components",
                "Let the sliders show principal components of the codes, three standard deviations to either side",
                icon::SLIDERS,
                None,
            ),
            Self::SlidersByDirections => (
                "Sliders by directions",
                "Let the sliders show directions of attributes that were found",
                icon::SLIDERS,
                None,
            ),
            Self::CodeOfSelection => (
                "Sliders to selection",
                "Move the sliders to the code of the selected item",
                icon::TARGET,
                key(PLAIN, Key::C),
            ),
            Self::ClearSelection => (
                "Clear selection",
                "Let go of the selected items, then of the item in focus",
                icon::CLEAR,
                key(PLAIN, Key::Escape),
            ),
            Self::SelectAll => (
                "Select all",
                "Select every item",
                icon::SELECT_ALL,
                key(CTRL, Key::A),
            ),
            Self::InvertSelection => (
                "Invert selection",
                "Select the items that are not selected",
                icon::INVERT,
                key(CTRL, Key::I),
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
            Self::ForgetOwn => (
                "Forget own picture",
                "Let go of the picture that you drew, dropped or pasted",
                icon::TRASH,
                None,
            ),
            Self::FitMap => (
                "Fit map",
                "Show the whole map",
                icon::FIT,
                key(PLAIN, Key::F),
            ),
            Self::ToggleLasso => (
                "Lasso",
                "Select items by drawing round them on the map; with Ctrl more, with Alt fewer",
                icon::LASSO,
                key(PLAIN, Key::L),
            ),
            Self::TogglePictures => (
                "Pictures on the map",
                "Show the items' pictures where they fit on the map",
                icon::PICTURES,
                key(PLAIN, Key::T),
            ),
            Self::ToggleGaussians => (
                "Gaussians on the map",
                "Draw the Gaussians of a mixture over the codes, at one standard deviation, where the map is linear",
                icon::CIRCLES,
                None,
            ),
            Self::MapAutomatic => (
                "Points or density",
                "Draw the map as points, or as a density where they are too many to be told apart",
                icon::SCATTER,
                None,
            ),
            Self::MapAsPoints => (
                "Map as points",
                "Draw the map as points, however many",
                icon::SCATTER,
                None,
            ),
            Self::MapAsDensity => (
                "Map as density",
                "Draw the map as a density with contours, however few",
                icon::SCATTER,
                None,
            ),
            Self::OpenPositions => (
                "Positions from a file…",
                "Lay the map out by positions from an NPY, CSV or JSON file",
                icon::FILE_OPEN,
                None,
            ),
            Self::OpenMetadata => (
                "Open metadata…",
                "Read a table with a row per item: colours, search and directions know its columns",
                icon::TABLE,
                None,
            ),
            Self::ExportSelection => (
                "Export items…",
                "Write the selected items, or all, with names, metadata, codes and positions: one CSV table, or codes as NPY with a table of the rest beside them",
                icon::EXPORT,
                None,
            ),
            Self::ExportSheet => (
                "Export sheet…",
                "Write the sheet as one PNG picture",
                icon::EXPORT,
                None,
            ),
            Self::ExportReport => (
                "Export report…",
                "Write the comparison of spaces as a page, with its figures as JSON and CSV",
                icon::EXPORT,
                None,
            ),
            Self::ExportFormation => (
                "Export formation…",
                "Write the model's map and pictures at every moment of its training as an animated GIF",
                icon::FILM,
                None,
            ),
            Self::AddToLikelihood => (
                "Add a model…",
                "Add a model to the table of likelihoods",
                icon::PLUS,
                None,
            ),
            Self::SaveLabels => (
                "Save comparison…",
                "Write the comparison of classifiers, with the pre-trained one of the most labels, to a file that goes on from here",
                icon::SAVE,
                None,
            ),
            Self::OpenLabels => (
                "Open comparison…",
                "Read a comparison of classifiers, and judge its classifier by the open items",
                icon::FILE_OPEN,
                None,
            ),
            Self::SaveMixture => (
                "Save mixture…",
                "Write the mixture of Gaussians to a file that a fit goes on from",
                icon::SAVE,
                None,
            ),
            Self::OpenMixture => (
                "Open mixture…",
                "Read a mixture of Gaussians, and judge the open items by it",
                icon::FILE_OPEN,
                None,
            ),
            Self::ExportPath => (
                "Export GIF…",
                "Write the path as an animated GIF",
                icon::FILM,
                None,
            ),
            Self::ExportPathPng => (
                "Export animated PNG…",
                "Write the path as an animated PNG: every pixel as it is",
                icon::FILM,
                None,
            ),
            Self::ExportPathFrames => (
                "Export numbered PNGs…",
                "Write the path as pictures 0000.png, 0001.png and so on, in a new or empty folder",
                icon::FILM,
                None,
            ),
            Self::SavePath => (
                "Save path…",
                "Write the path to a small file that the command line replays",
                icon::SAVE,
                None,
            ),
            Self::OpenPathFile => (
                "Open path…",
                "Read a path from a file",
                icon::FILE_OPEN,
                None,
            ),
            Self::PlayPath => (
                "Play path",
                "Walk along the path, or stop",
                icon::PLAY,
                key(PLAIN, Key::Space),
            ),
            Self::AddKey => (
                "Add key-frame",
                "Add the sliders' code to the end of the path",
                icon::PLUS,
                key(PLAIN, Key::K),
            ),
            Self::AddItemKey => (
                "Add item to path",
                "Add the item in focus to the end of the path",
                icon::TARGET,
                None,
            ),
            Self::ToggleLoop => (
                "Loop path",
                "Lead from the last key-frame back to the first, again and again",
                icon::REPEAT,
                None,
            ),
            Self::ToggleCrossfade => (
                "Cross-fade",
                "Show and write, with the way through code space, a plain cross-fade of the items' pixels",
                icon::INVERT,
                None,
            ),
            Self::ClearPath => (
                "Clear path",
                "Forget every key-frame of the path",
                icon::TRASH,
                None,
            ),
            Self::SaveSession => (
                "Save session…",
                "Write data, model, map, view, selections and path to one file",
                icon::SESSION,
                key(CTRL_SHIFT, Key::S),
            ),
            Self::OpenSession => (
                "Open session…",
                "Bring back a saved session",
                icon::SESSION,
                None,
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

    /// Every command with its shortcut, those with Shift first: egui takes Ctrl+Shift+Z for Ctrl+Z as well. The keys of the
    /// clipboard are left out: they come as its own events.
    pub(crate) fn shortcuts() -> Vec<(Self, KeyboardShortcut)> {
        let with_key = |command: Self| match command {
            Self::CopyCode | Self::Paste => None,
            _ => Some((command, command.describe().shortcut?)),
        };
        let mut shortcuts: Vec<_> = Self::all().filter_map(with_key).collect();
        shortcuts.sort_by_key(|(_, shortcut)| !shortcut.modifiers.shift);
        shortcuts
    }

    /// The request a command is nothing but, if so.
    pub(crate) fn request(self) -> Option<Request> {
        Some(match self {
            Self::OpenFaces => Request::OpenData(builtin("faces")?),
            Self::OpenDigits => Request::OpenData(builtin("digits")?),
            Self::OpenCreatures => Request::OpenData(builtin("creatures")?),
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
    /// The codes of the sheet that is shown, and its pictures to a side.
    pub sheet: Option<(Vec<f32>, usize)>,
    /// The codes of key-frames that are shown and have no picture yet.
    pub keys: Vec<Vec<f32>>,
    /// The code at the pointer in this frame, whose picture is wanted.
    pub hovered_code: Option<Vec<f32>>,
    /// The dimension that the pointer rests on in this frame, whose slider is to move.
    pub pointed: Option<Pointed>,
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
