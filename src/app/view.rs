//! What is shown of what is loaded: small, serialisable, with undo and redo.
//!
//! Invariant: a [`View`] holds no derived data, such as decoded pictures or codes of items; those follow from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::{Distortion, Flip, ImageShape, Picture};
use crate::retrieval::Space;
use crate::retrieval::approximate::Kind;
use crate::space::path::Path;
use crate::space::{Direction, MapMethod, NamedSelection, Selection};

/// What the colour of a point on the map says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Colouring {
    /// Whatever the data offers first: its classes, else its first factor.
    #[default]
    Auto,
    /// Nothing: every point has the same colour.
    Plain,
    /// Its class.
    Label,
    /// The named factor's value.
    Factor(String),
    /// KL of its posterior from the prior.
    Kl,
    /// How badly the model reconstructs it.
    Error,
    /// Whether the model was trained on it.
    Training,
    /// The metadata column of this name.
    Column(String),
    /// How far its code is from the mean of the selection's, or from the code in focus.
    Distance,
}

/// Whose neighbours the retrieval panel shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Sought {
    /// Those of the item or the picture in focus.
    #[default]
    Focus,
    /// Those of the mean of the selected items.
    Selection,
    /// Those of the sliders' picture.
    Sliders,
}

/// What the retrieval panel looks for, and where.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lookup {
    pub sought: Sought,
    /// The rows, two or three different ones.
    pub spaces: Vec<Space>,
    /// Rows that an approximate index is to answer; all others are searched exactly.
    pub approximate: BTreeMap<Space, Kind>,
    /// How an item in focus is distorted before it is looked for.
    pub distortion: Distortion,
    /// How much, 0 to 1; nothing at 0.
    pub strength: f32,
}

impl Default for Lookup {
    fn default() -> Self {
        Self {
            sought: Sought::Focus,
            spaces: vec![Space::Pixel, Space::Code],
            approximate: BTreeMap::new(),
            distortion: Distortion::Shift,
            strength: 0.0,
        }
    }
}

impl Lookup {
    /// Forgets how spaces are searched that have no row any more.
    pub(crate) fn forget_rowless(&mut self) {
        let spaces = &self.spaces;
        self.approximate.retain(|space, _| spaces.contains(space));
    }
}

/// The part of the map that is looked at, in the map's units.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Camera {
    pub min: [f64; 2],
    pub max: [f64; 2],
}

/// What is looked at more closely, and whose neighbours are sought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Focus {
    /// Nothing.
    #[default]
    Nothing,
    /// An item of the data.
    Item(usize),
    /// The person's own picture.
    Own,
}

/// Which coordinates of the code the sliders show.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub(crate) enum BasisKind {
    /// Its own numbers.
    #[default]
    Dimensions,
    /// Principal components of the codes.
    Components,
    /// Directions that were found.
    Directions,
}

/// What the points of the map are drawn as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Drawn {
    /// As a density where they are too many to be told apart.
    #[default]
    Auto,
    /// As points.
    Points,
    /// As a density.
    Density,
}

/// How the map is drawn.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MapLook {
    pub points: Drawn,
    /// Whether items' pictures appear where they fit.
    pub has_pictures: bool,
    /// Whether a mixture's Gaussians over the codes are drawn.
    pub has_gaussians: bool,
    /// Longer side of these pictures, in points of the interface.
    pub picture_size: f32,
}

impl Default for MapLook {
    fn default() -> Self {
        Self {
            points: Drawn::Auto,
            has_pictures: true,
            has_gaussians: true,
            picture_size: 40.0,
        }
    }
}

/// What the sheet sweeps: two coordinates of a basis, the rest held at the sliders' code.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SheetSpec {
    pub basis: BasisKind,
    /// The coordinate that grows to the right.
    pub across: usize,
    /// The coordinate that grows upwards.
    pub upwards: usize,
    /// Pictures to a side.
    pub side: usize,
    /// Standard deviations to either side of the mean.
    pub reach: f32,
}

impl Default for SheetSpec {
    fn default() -> Self {
        Self {
            basis: BasisKind::Components,
            across: 0,
            upwards: 1,
            side: 11,
            reach: 2.5,
        }
    }
}

/// Single pixels that are looked at side by side at most.
pub(crate) const MOST_FLIPS: usize = 4;
/// Pictures to a side of a sheet at most.
pub(crate) const MOST_TO_A_SIDE: usize = 32;

/// How far the shown code is from the mean, as a share of how far the sliders' code is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Psi(pub f32);

impl Default for Psi {
    fn default() -> Self {
        Self(1.0)
    }
}

/// What is shown.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct View {
    /// What is looked at more closely.
    pub focus: Focus,
    /// The person's own picture, of the model's shape: dropped, pasted or drawn.
    pub own: Option<Picture>,
    /// The sliders' values; empty until a model is there.
    pub code: Vec<f32>,
    /// Whether the code follows the own picture: from a stroke until a slider is moved.
    pub follows_own: bool,
    /// The selected items; while there are any, all others grey out.
    pub selection: Selection,
    /// Selections that were given a name.
    pub named: Vec<NamedSelection>,
    /// Directions in code space that were found.
    pub directions: Vec<Direction>,
    /// Which coordinates of the code the sliders show.
    pub basis: BasisKind,
    /// Coordinates that random codes and resets leave alone.
    pub locked: BTreeSet<(BasisKind, usize)>,
    /// The coordinate that is shown alone.
    pub solo: Option<(BasisKind, usize)>,
    /// The temperature of what is shown.
    pub psi: Psi,
    /// What the map's colours say.
    pub colouring: Colouring,
    /// The ends of a continuous scale where they were moved; else those of the data.
    pub scale: Option<(f32, f32)>,
    /// Classes that the legend has switched off.
    pub hidden: BTreeSet<u32>,
    /// Models in the table of likelihoods beside the one in use.
    pub likelihood_models: Vec<PathBuf>,
    /// The way through code space that is played, drawn and exported.
    pub path: Path,
    /// Whether the pixel cross-fade of the path's items is shown and written beside it.
    pub has_crossfade: bool,
    /// What the sheet sweeps.
    pub sheet: SheetSpec,
    /// How the map is made.
    pub map: MapMethod,
    /// How the map is drawn.
    pub look: MapLook,
    /// The part of the map that is looked at; none shows all of it.
    pub camera: Option<Camera>,
    /// What the retrieval panel looks for.
    pub lookup: Lookup,
    /// Pixels of the sliders' picture that are made others, each a case of its own.
    pub flips: Vec<Flip>,
}

impl View {
    /// Moves the sliders to `code`.
    pub(crate) fn move_to(&mut self, code: Vec<f32>) {
        self.code = code;
        self.follows_own = false;
    }

    /// Whether a view that came from a file can be shown; else what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let are_finite = |numbers: &[f32]| numbers.iter().all(|x| x.is_finite());
        let whole = [
            (are_finite(&self.code), "its code"),
            (self.psi.0.is_finite(), "its temperature"),
            (
                self.camera.is_none_or(|c| {
                    (0..2).all(|axis| {
                        c.min[axis].is_finite()
                            && c.max[axis].is_finite()
                            && c.min[axis] < c.max[axis]
                    })
                }),
                "its part of the map",
            ),
            (
                self.scale
                    .is_none_or(|(low, high)| low.is_finite() && low < high && high.is_finite()),
                "its scale",
            ),
            (
                self.directions
                    .iter()
                    .all(|d| are_finite(&d.axis) && are_finite(&[d.centre, d.spread])),
                "one of its directions",
            ),
            (
                (2..=MOST_TO_A_SIDE).contains(&self.sheet.side) && self.sheet.reach.is_finite(),
                "its sheet",
            ),
            (
                (1..=3).contains(&self.lookup.spaces.len())
                    && (0.0..=1.0).contains(&self.lookup.strength)
                    && (self.lookup.approximate.iter())
                        .all(|(&space, kind)| Kind::of(space).contains(kind)),
                "what it looks for",
            ),
            (
                self.flips.len() <= MOST_FLIPS
                    && self.flips.iter().all(|f| (-255..=255).contains(&f.by)),
                "its single pixels",
            ),
            (
                (8.0..=512.0).contains(&self.look.picture_size),
                "the size of its pictures",
            ),
            (
                self.own.as_ref().is_none_or(Picture::is_whole),
                "its own picture",
            ),
        ];
        match whole.iter().find(|(is_fine, _)| !is_fine) {
            Some((_, what)) => Err(format!("{what} cannot be shown")),
            None => Ok(()),
        }
    }

    /// Why it is not a view of codes of `dims` numbers, pictures of `shape` and `items` items, if so.
    pub(crate) fn misfit(&self, dims: usize, shape: ImageShape, items: usize) -> Option<String> {
        if self.code.len() != dims {
            return Some(format!(
                "it is of codes of {} numbers, the model's have {dims}",
                self.code.len()
            ));
        }
        if self.own.as_ref().is_some_and(|own| own.shape != shape) {
            return Some(format!("its own picture is not {shape}"));
        }
        let is_dim = |dim: usize| dim < dims;
        let kinds = [BasisKind::Dimensions, BasisKind::Components];
        let slider = |&(kind, index): &(BasisKind, usize)| !kinds.contains(&kind) || is_dim(index);
        let whole = [
            (
                self.path.code_size().is_none_or(|size| size == dims),
                "its path is of codes of another size",
            ),
            (
                self.locked.iter().chain(&self.solo).all(slider),
                "its sliders are of another code size",
            ),
            (
                match &self.map {
                    MapMethod::Raw { x, y } => is_dim(*x) && is_dim(*y),
                    MapMethod::Axes { x, y } => x.axis.len() == dims && y.axis.len() == dims,
                    _ => true,
                },
                "its map is of codes of another size",
            ),
        ];
        if let Some((_, reason)) = whole.iter().find(|(is_fine, _)| !is_fine) {
            return Some((*reason).to_owned());
        }
        let last = self.selection.ids().last().map(|id| id as usize);
        if self.item().max(last).is_some_and(|item| item >= items) {
            return Some(format!("it speaks of items beyond the {items} there are"));
        }
        None
    }

    /// The item in focus.
    pub(crate) fn item(&self) -> Option<usize> {
        match self.focus {
            Focus::Item(item) => Some(item),
            Focus::Nothing | Focus::Own => None,
        }
    }
}

/// What kind of change a step of the history is; a run of the same kind is one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Focus,
    Selection,
    /// The list of named selections, or of directions.
    Lists,
    Legend,
    Basis,
    Psi,
    /// The end of a scale.
    Scale,
    Map,
    Look,
    Sheet,
    Path,
    /// The time of a key-frame.
    PathTime,
    /// The place of the play head.
    Head,
    /// A stroke of the pencil, by its number.
    Stroke(u64),
    Dimension(usize),
    Code,
    Colouring,
    Camera,
    Lookup,
    /// The strength of a distortion.
    Strength,
    Flips,
}

impl Change {
    /// Whether changes of this kind come in streams, such as the frames of a drag.
    fn is_continuous(self) -> bool {
        matches!(
            self,
            Self::Dimension(_)
                | Self::Camera
                | Self::Stroke(_)
                | Self::Scale
                | Self::Strength
                | Self::Psi
                | Self::PathTime
                | Self::Head
        )
    }
}

const STEPS: usize = 100;
const PAUSE_SECS: f64 = 0.6;

/// The views before and after the present one.
#[derive(Default)]
pub(crate) struct History {
    past: Vec<View>,
    future: Vec<View>,
    last: Option<(Change, f64)>,
}

impl History {
    /// Notes that `before` is about to change at `now` (seconds). Changes that belong to one drag become one step.
    pub(crate) fn record(&mut self, before: &View, change: Change, now: f64) {
        let goes_on = self.last.is_some_and(|(kind, at)| {
            kind == change && change.is_continuous() && now - at < PAUSE_SECS
        });
        self.last = Some((change, now));
        if goes_on {
            return;
        }
        self.future.clear();
        self.past.push(before.clone());
        if self.past.len() > STEPS {
            self.past.remove(0);
        }
    }

    /// The view before `present`, if there is one.
    pub(crate) fn undo(&mut self, present: &View) -> Option<View> {
        let before = self.past.pop()?;
        self.future.push(present.clone());
        self.last = None;
        Some(before)
    }

    /// The view that was taken back last, if there is one.
    pub(crate) fn redo(&mut self, present: &View) -> Option<View> {
        let after = self.future.pop()?;
        self.past.push(present.clone());
        self.last = None;
        Some(after)
    }

    /// Takes out the last step where it is a `change`, because nothing came of it. Gives the view before it.
    pub(crate) fn take_back(&mut self, change: Change) -> Option<View> {
        let (last, _) = self.last.take_if(|(last, _)| *last == change)?;
        debug_assert_eq!(last, change);
        self.past.pop()
    }

    pub(crate) fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Forgets everything, because what it speaks of is no longer loaded.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_code(code: f32) -> View {
        View {
            code: vec![code],
            ..View::default()
        }
    }

    #[test]
    fn a_drag_is_one_step() {
        let mut history = History::default();
        for (i, value) in [0.0, 0.1, 0.2, 0.3].into_iter().enumerate() {
            history.record(&with_code(value), Change::Dimension(0), i as f64 * 0.1);
        }
        history.record(&with_code(0.4), Change::Dimension(1), 0.4);
        assert_eq!(history.undo(&with_code(0.5)), Some(with_code(0.4)));
        assert_eq!(history.undo(&with_code(0.4)), Some(with_code(0.0)));
        assert_eq!(history.undo(&with_code(0.0)), None);
        assert_eq!(history.redo(&with_code(0.0)), Some(with_code(0.4)));
    }

    #[test]
    fn a_new_change_ends_redo_and_history_is_bounded() {
        let mut history = History::default();
        for i in 0..300 {
            history.record(&with_code(i as f32), Change::Code, f64::from(i));
        }
        assert_eq!(history.past.len(), STEPS);
        let before = history.undo(&with_code(300.0)).expect("there is a past");
        assert!(history.can_redo());
        history.record(&before, Change::Focus, 400.0);
        assert!(!history.can_redo() && history.can_undo());
    }
}
