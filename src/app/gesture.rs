//! What mouse and keys do on a widget itself, as tooltips and the list of shortcuts tell it.
//!
//! Invariant: such keys are written here, those of commands in [`Command`](super::command::Command), and neither anywhere else.

use eframe::egui::Context;
use eframe::egui::os::OperatingSystem;

/// Where a gesture is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    Map,
    Slider,
    Temperature,
    PlayHead,
    KeyFrame,
    Sheet,
    Items,
    Legend,
    Scale,
    Palette,
}

/// Something that mouse or keys do there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gesture {
    pub on: On,
    keys: &'static str,
    /// What it does.
    pub what: &'static str,
}

const fn gesture(on: On, keys: &'static str, what: &'static str) -> Gesture {
    Gesture { on, keys, what }
}

const ALL: [Gesture; 26] = [
    gesture(On::Map, "Wheel", "zoom"),
    gesture(On::Map, "Drag", "move it"),
    gesture(On::Map, "Double-click", "fit it"),
    gesture(
        On::Map,
        "Click",
        "look at the item, or go to the code of an empty place",
    ),
    gesture(On::Map, "Ctrl+click", "select the item or let go of it"),
    gesture(
        On::Map,
        "Shift+drag",
        "select what is in the rectangle; with Ctrl more, with Alt fewer",
    ),
    gesture(On::Slider, "Drag", "walk along it"),
    gesture(On::Slider, "Double-click", "back to the mean"),
    gesture(On::Slider, "← →", "a small step"),
    gesture(On::Temperature, "Double-click", "back to 1"),
    gesture(On::PlayHead, "Drag", "walk along the path"),
    gesture(On::PlayHead, "← →", "a single frame"),
    gesture(On::KeyFrame, "Drag", "move it among the others"),
    gesture(On::KeyFrame, "Delete", "take it out"),
    gesture(On::Sheet, "Click", "go to the code of a picture"),
    gesture(On::Sheet, "← → ↑ ↓", "go to the picture beside"),
    gesture(On::Items, "Click", "look at the item"),
    gesture(On::Items, "Ctrl+click", "select it or let go of it"),
    gesture(On::Items, "Shift+click", "select a range"),
    gesture(On::Legend, "Click", "show or hide the class"),
    gesture(On::Legend, "Shift+click", "select its items"),
    gesture(On::Legend, "Ctrl+click", "add them to the selection"),
    gesture(On::Scale, "Drag", "move an end"),
    gesture(On::Scale, "Double-click", "put both ends back"),
    gesture(On::Palette, "↑ ↓", "choose a line"),
    gesture(On::Palette, "Enter", "run it"),
];

impl On {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Map => "On the map",
            Self::Slider => "On a slider",
            Self::Temperature => "On the temperature",
            Self::PlayHead => "On the time line of the path",
            Self::KeyFrame => "On a key-frame",
            Self::Sheet => "On the sheet",
            Self::Items => "On an item of the grid",
            Self::Legend => "On the legend",
            Self::Scale => "On the scale of colours",
            Self::Palette => "In the command palette",
        }
    }

    /// All that can be done there, a line each, for a tooltip.
    pub(crate) fn tip(self, ctx: &Context) -> String {
        let here = Gesture::all().filter(|gesture| gesture.on == self);
        let lines = here.map(|gesture| format!("{}: {}", gesture.keys(ctx), gesture.what));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Gesture {
    /// Every gesture, those made in one place one after the other.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter()
    }

    /// The keys and the mouse as this system calls them.
    pub(crate) fn keys(self, ctx: &Context) -> String {
        let is_mac = matches!(ctx.os(), OperatingSystem::Mac);
        self.keys
            .replace("Ctrl", if is_mac { "Cmd" } else { "Ctrl" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gesture_does_two_things_and_those_of_a_place_are_together() {
        let mut seen = Vec::new();
        let mut places: Vec<On> = Vec::new();
        for Gesture { on, keys, .. } in ALL {
            assert!(!seen.contains(&(on, keys)), "{on:?}: {keys}");
            seen.push((on, keys));
            if places.last() != Some(&on) {
                assert!(!places.contains(&on), "{on:?}");
                places.push(on);
            }
        }
    }
}
