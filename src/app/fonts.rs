//! The fonts that are built in, and the icons by name.
//!
//! Invariant: every icon constant is a code point of the Phosphor file in `assets/fonts` that Inter does not have; Inter's own
//! private glyphs lie below U+E165.

use std::sync::Arc;

use eframe::egui::{FontData, FontDefinitions, FontFamily, FontTweak};

use super::theme;

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");
const SEMIBOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");
const ICONS: &[u8] = include_bytes!("../../assets/fonts/Phosphor.ttf");

/// Inter in two weights with Phosphor's icons behind each.
pub(crate) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let icons = FontData::from_static(ICONS).tweak(FontTweak {
        scale: 1.12,
        y_offset_factor: 0.02,
        ..FontTweak::default()
    });
    for (name, data) in [
        ("inter", FontData::from_static(REGULAR)),
        ("inter-semibold", FontData::from_static(SEMIBOLD)),
        ("phosphor", icons),
    ] {
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
    }
    let fallback = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    let family = |first: &[&str]| {
        let mut names: Vec<String> = first.iter().map(|&n| n.to_owned()).collect();
        names.extend(fallback.iter().cloned());
        names
    };
    fonts
        .families
        .insert(FontFamily::Proportional, family(&["inter", "phosphor"]));
    fonts.families.insert(
        theme::semibold(),
        family(&["inter-semibold", "phosphor", "inter"]),
    );
    fonts
}

/// Phosphor's code points that the window uses.
pub(crate) mod icon {
    macro_rules! icons {
        ($($name:ident = $text:literal;)*) => {
            $(#[doc = concat!("Phosphor ", stringify!($name))] pub(crate) const $name: &str = $text;)*
        };
    }
    icons! {
        FOLDER_OPEN = "\u{e256}";
        IMAGE = "\u{e2ca}";
        FILE_OPEN = "\u{e61e}";
        SAVE = "\u{e248}";
        UNDO = "\u{e08a}";
        REDO = "\u{e08c}";
        RESET = "\u{e1a0}";
        PLAY = "\u{e3d0}";
        PAUSE = "\u{e39e}";
        STOP = "\u{e46c}";
        STEP = "\u{ea88}";
        SHUFFLE = "\u{e422}";
        FIT = "\u{e1d0}";
        CLOSE = "\u{e4f6}";
        SUN = "\u{e472}";
        MOON = "\u{e330}";
        KEYBOARD = "\u{e2d8}";
        INFO = "\u{e2ce}";
        ERROR = "\u{e4e2}";
        CHECK = "\u{e184}";
        LAYOUT = "\u{e6d6}";
        DATABASE = "\u{e1de}";
        CUBE = "\u{e1da}";
        CURVES = "\u{e4ac}";
        SLIDERS = "\u{e434}";
        SMILEY = "\u{e436}";
        DIGITS = "\u{e3c8}";
        CREATURE = "\u{e62a}";
        SEARCH = "\u{e30c}";
        CLICK = "\u{e7c8}";
        CPU = "\u{e610}";
        GPU = "\u{e612}";
        TIMER = "\u{e492}";
        MEMORY = "\u{e9c4}";
        EXIT = "\u{e42a}";
        PREVIOUS = "\u{e5a4}";
        NEXT = "\u{e5a6}";
        CLEAR = "\u{e4f8}";
        SMOOTH = "\u{e18c}";
        SCATTER = "\u{eaac}";
        LOG = "\u{e2f2}";
        HAND = "\u{e29a}";
        TARGET = "\u{e47c}";
        STACK = "\u{e466}";
        LIGHTNING = "\u{e2de}";
        LASSO = "\u{edc6}";
        SELECTION = "\u{e69a}";
        SELECT_ALL = "\u{e746}";
        INVERT = "\u{e744}";
        GRID = "\u{e296}";
        SHEET = "\u{ec8c}";
        PATH = "\u{e39c}";
        PENCIL = "\u{e3b4}";
        PIXEL = "\u{e36c}";
        MEASURES = "\u{e6b8}";
        ERASER = "\u{e21e}";
        LOCK = "\u{e2fa}";
        UNLOCKED = "\u{e306}";
        SOLO = "\u{e2a6}";
        COMPASS = "\u{e1c8}";
        PAD = "\u{e0a4}";
        PLUS = "\u{e3d4}";
        MINUS = "\u{e32a}";
        TRASH = "\u{e4a6}";
        EXPORT = "\u{eaf0}";
        FILM = "\u{e792}";
        REPEAT = "\u{e3f6}";
        COPY = "\u{e1ca}";
        PASTE = "\u{e196}";
        PALETTE = "\u{e6c8}";
        BOOKMARK = "\u{e0ea}";
        PICTURES = "\u{e836}";
        EYE = "\u{e220}";
        DENSITY = "\u{eb42}";
        SWAP = "\u{e83c}";
        TAG = "\u{e478}";
        TABLE = "\u{e476}";
        WAND = "\u{e6b6}";
        TERMINAL = "\u{eae8}";
        SESSION = "\u{ea86}";
        MAP = "\u{e31a}";
        BRAIN = "\u{e74e}";
        FACTORS = "\u{e8c4}";
        FEATURES = "\u{e464}";
        CIRCLES = "\u{e192}";
    }
}
