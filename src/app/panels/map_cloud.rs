//! What the map draws: positions, values and marks of all items, each made anew only when it changes.
//!
//! Invariant: looking around costs nothing here; an index of very many points is made in the background.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use eframe::egui::{Color32, Context};
use rayon::prelude::*;

use super::Cx;
use crate::app::format;
use crate::app::palette;
use crate::app::state::State;
use crate::app::view::{Colouring, View};
use crate::data::{Column, ColumnValues, Dataset};
use crate::render::{MapData, Mark, PALETTE_LEN};
use crate::space::{CodeMap, CodeTable, GridIndex, Selection};

/// Seconds over which new points fade in.
pub(super) const FADE_SECS: f32 = 0.7;
/// Points whose index is made at once; that of more is made in the background.
const AT_ONCE: usize = 100_000;

/// The class of an item that has none.
const NO_CLASS: u32 = Column::NO_CATEGORY;

/// What the colours mean.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Legend {
    None,
    /// Class names.
    Classes(Vec<String>),
    /// A name and the ends of its scale.
    Scale(String, f32, f32),
}

/// The points and everything that follows from them.
pub(super) struct Cloud {
    map: Arc<CodeMap>,
    session: u64,
    pub data: MapData,
    pub legend: Legend,
    /// The class of each item, where colours stand for classes; [`NO_CLASS`] where it has none.
    classes: Arc<Vec<u32>>,
    coloured: Coloured,
    marked: Marked,
    /// The index of a newer map, which is still being made.
    coming: Option<(Arc<CodeMap>, Receiver<GridIndex>)>,
    is_fading: bool,
}

/// What the values were made from.
#[derive(Clone, PartialEq)]
struct Coloured {
    colouring: Colouring,
    is_dark: bool,
    session: u64,
    items: usize,
    /// Where the codes, or what was measured, is kept.
    source: usize,
    /// What distances are measured from: the selection, or where it is empty the shown code.
    from: Option<(Selection, Vec<f32>)>,
}

/// What the marks were made from.
#[derive(Clone, PartialEq)]
struct Marked {
    selection: Selection,
    hidden: std::collections::BTreeSet<u32>,
    values: usize,
    items: usize,
}

/// The colouring that `Auto` stands for, and what stands for one that the data does not have.
pub(super) fn resolve(colouring: &Colouring, data: Option<&Dataset>) -> Colouring {
    let Some(data) = data else {
        return match colouring {
            Colouring::Kl | Colouring::Distance => colouring.clone(),
            _ => Colouring::Plain,
        };
    };
    let first = || {
        if data.labels().is_some() {
            Colouring::Label
        } else {
            data.factors()
                .first()
                .map_or(Colouring::Plain, |f| Colouring::Factor(f.name.clone()))
        }
    };
    match colouring {
        Colouring::Auto => first(),
        Colouring::Label if data.labels().is_none() => first(),
        Colouring::Factor(name) if data.factors().iter().all(|f| f.name != *name) => first(),
        Colouring::Column(name) if data.columns().iter().all(|c| c.name != *name) => first(),
        other => other.clone(),
    }
}

/// What a colouring is called.
pub(super) fn name_of(colouring: &Colouring) -> &str {
    match colouring {
        Colouring::Auto | Colouring::Plain => "Nothing",
        Colouring::Label => "Class",
        Colouring::Factor(name) | Colouring::Column(name) => name,
        Colouring::Kl => "KL",
        Colouring::Error => "Reconstruction error",
        Colouring::Distance => "Distance to selection",
        Colouring::Training => "Seen in training",
    }
}

/// Columns that the map cannot be coloured by: they have too many different texts.
pub(super) fn colourless(data: &Dataset) -> impl Iterator<Item = &str> {
    let is_such =
        |c: &&Column| matches!(c.values, ColumnValues::Text(_)) && c.categories().is_none();
    let columns = data.columns().iter();
    columns.filter(is_such).map(|c| c.name.as_str())
}

/// What the map can be coloured by, with its name.
pub(crate) fn colourings(state: &State) -> Vec<(String, Colouring)> {
    let mut options = vec![Colouring::Plain];
    if let Some(data) = &state.session.dataset {
        if data.labels().is_some() {
            options.push(Colouring::Label);
        }
        let columns = data.columns().iter();
        let columns = columns.filter(|c| match c.values {
            ColumnValues::Number(_) | ColumnValues::Category { .. } => true,
            ColumnValues::Text(_) => c.categories().is_some(),
        });
        options.extend(columns.map(|c| Colouring::Column(c.name.clone())));
        let factors = data.factors().iter();
        options.extend(factors.map(|f| Colouring::Factor(f.name.clone())));
    }
    if state.session.codes.is_some() {
        if state.session.item_kl.is_some() {
            options.push(Colouring::Kl);
        }
        options.extend([Colouring::Error, Colouring::Distance]);
        if state.session.held_out.is_some() {
            options.push(Colouring::Training);
        }
    }
    let named = |option: Colouring| (name_of(&option).to_owned(), option);
    options.into_iter().map(named).collect()
}

/// The code that distances are measured from: the mean of the selected items' codes, else the shown one.
fn origin(selection: &Selection, shown: &[f32], codes: &CodeTable) -> Vec<f32> {
    let known = |id: &u32| (*id as usize) < codes.len();
    let mut sum = vec![0.0_f64; codes.dims()];
    let mut count = 0;
    for id in selection.ids().filter(known) {
        for (sum, &x) in sum.iter_mut().zip(codes.code(id as usize)) {
            *sum += f64::from(x);
        }
        count += 1;
    }
    if count > 0 {
        sum.iter().map(|x| (x / f64::from(count)) as f32).collect()
    } else {
        shown.to_vec()
    }
}

impl Cloud {
    /// `before`, brought up to date. New points are born at `now_secs`.
    pub(super) fn refresh(
        before: Option<Self>,
        ctx: &Context,
        cx: &Cx<'_>,
        map: &Arc<CodeMap>,
        now_secs: f32,
    ) -> Self {
        let mut cloud = match before {
            Some(cloud) => cloud,
            None => Self {
                data: MapData {
                    index: Arc::new(GridIndex::new(map.positions())),
                    ..MapData::default()
                },
                map: map.clone(),
                session: u64::MAX,
                legend: Legend::None,
                classes: Arc::default(),
                coloured: Coloured {
                    colouring: Colouring::Auto,
                    is_dark: false,
                    session: u64::MAX,
                    items: usize::MAX,
                    source: 0,
                    from: None,
                },
                marked: Marked {
                    selection: Selection::none(0),
                    hidden: std::collections::BTreeSet::new(),
                    values: 0,
                    items: 0,
                },
                coming: None,
                is_fading: true,
            },
        };
        cloud.place(ctx, map);
        cloud.give_birth(cx, now_secs);
        cloud.colour_all(cx);
        cloud.mark_all(cx);
        cloud
    }

    /// The map that is drawn; another one may be on its way.
    pub(super) fn map(&self) -> &Arc<CodeMap> {
        &self.map
    }

    fn place(&mut self, ctx: &Context, map: &Arc<CodeMap>) {
        if let Some((of, coming)) = self.coming.take() {
            match coming.try_recv() {
                Ok(index) => {
                    self.data.index = Arc::new(index);
                    self.map = of;
                }
                Err(TryRecvError::Empty) => {
                    self.coming = Some((of, coming));
                    return;
                }
                Err(TryRecvError::Disconnected) => {}
            }
        }
        if Arc::ptr_eq(&self.map, map) {
            return;
        }
        if map.positions().len() <= AT_ONCE {
            self.data.index = Arc::new(GridIndex::new(map.positions()));
            self.map = map.clone();
            return;
        }
        let (send, receive) = channel();
        let (of, ctx) = (map.clone(), ctx.clone());
        std::thread::spawn(move || {
            // Nobody waits for it any more only when the window is closed.
            let _ = send.send(GridIndex::new(of.positions()));
            ctx.request_repaint();
        });
        self.coming = Some((map.clone(), receive));
    }

    /// Newcomers arrive one after the other, over a third of a second.
    fn give_birth(&mut self, cx: &Cx<'_>, now_secs: f32) {
        let items = self.map.positions().len();
        let session = cx.state.session.id;
        if self.session != session {
            self.session = session;
            self.data.births = Arc::default();
        }
        let known = self.data.births.len();
        if items > known {
            let mut births = (*self.data.births).clone();
            births.extend(
                (known..items)
                    .map(|i| now_secs + (i - known) as f32 / (items - known) as f32 * 0.35),
            );
            self.data.births = Arc::new(births);
        }
        self.is_fading = self
            .data
            .births
            .last()
            .is_some_and(|born| now_secs < born + FADE_SECS);
    }

    /// Whether points are still fading in.
    pub(super) fn is_fading(&self) -> bool {
        self.is_fading
    }

    fn colour_all(&mut self, cx: &Cx<'_>) {
        let session = &cx.state.session;
        let data = session.dataset.as_deref();
        let colouring = resolve(&cx.view.colouring, data);
        let address = |values: &Option<Arc<Vec<f32>>>| {
            values
                .as_ref()
                .map_or(0, |v| Arc::as_ptr(v).cast::<u8>() as usize)
        };
        let codes = session.codes.as_ref();
        let wanted = Coloured {
            is_dark: cx.tokens.is_dark,
            session: session.id,
            items: self.map.positions().len(),
            source: match colouring {
                Colouring::Kl => address(&session.item_kl),
                Colouring::Error => address(&session.item_errors),
                Colouring::Training => {
                    let held_out = session.held_out.as_ref();
                    held_out.map_or(0, |ids| Arc::as_ptr(ids).cast::<u8>() as usize)
                }
                Colouring::Distance => codes.map_or(0, |c| Arc::as_ptr(c).cast::<u8>() as usize),
                _ => 0,
            },
            from: codes
                .filter(|c| colouring == Colouring::Distance && c.dims() == cx.shown.len())
                .map(|_| {
                    let shown = if cx.view.selection.is_empty() {
                        cx.shown.to_vec()
                    } else {
                        Vec::new()
                    };
                    (cx.view.selection.clone(), shown)
                }),
            colouring,
        };
        if wanted == self.coloured {
            return;
        }
        let colours = colours(&wanted, cx);
        self.coloured = wanted;
        self.data.values = Arc::new(colours.values);
        self.data.palette = Arc::new(colours.palette);
        self.classes = Arc::new(colours.classes);
        self.legend = colours.legend;
    }

    fn mark_all(&mut self, cx: &Cx<'_>) {
        let wanted = Marked {
            selection: cx.view.selection.clone(),
            hidden: cx.view.hidden.clone(),
            values: Arc::as_ptr(&self.data.values).cast::<u8>() as usize,
            items: self.map.positions().len(),
        };
        if wanted == self.marked {
            return;
        }
        let (selection, hidden) = (&wanted.selection, &wanted.hidden);
        let is_plain = selection.is_empty();
        let has_classes = matches!(self.legend, Legend::Classes(_)) && !hidden.is_empty();
        let classes = &self.classes;
        let mark = |id: usize| {
            if has_classes && classes.get(id).is_some_and(|class| hidden.contains(class)) {
                Mark::Hidden
            } else if is_plain {
                Mark::Plain
            } else if selection.contains(id as u32) {
                Mark::Selected
            } else {
                Mark::Greyed
            }
        };
        self.data.marks = if is_plain && !has_classes {
            Arc::default()
        } else {
            Arc::new((0..wanted.items).into_par_iter().map(mark).collect())
        };
        self.marked = wanted;
    }

    /// The items of class `class`.
    pub(super) fn items_of(&self, class: u32) -> impl Iterator<Item = u32> {
        let ids = (0..).zip(self.classes.iter());
        ids.filter(move |(_, of)| **of == class).map(|(id, _)| id)
    }

    /// What the colour of item `id` says: the name of what is shown and the item's value of it; none where colours say nothing.
    pub(super) fn fact(&self, id: usize) -> Option<(&str, String)> {
        let missing = || "–".to_owned();
        match &self.legend {
            Legend::None => None,
            Legend::Scale(name, ..) => {
                let value = self.data.values.get(id).copied();
                let value = value.filter(|value| !value.is_nan());
                Some((name, value.map_or_else(missing, format::number)))
            }
            Legend::Classes(names) => {
                let class = self.classes.get(id).copied().unwrap_or(NO_CLASS);
                let class = names.get(class as usize).cloned();
                let name = name_of(&self.coloured.colouring);
                Some((name, class.unwrap_or_else(missing)))
            }
        }
    }

    /// What the colours show, with nothing left to choose.
    pub(super) fn colouring(&self) -> &Colouring {
        &self.coloured.colouring
    }

    /// Whether item `id` is drawn at all.
    pub(super) fn is_shown(&self, id: usize) -> bool {
        self.data.marks.get(id) != Some(&Mark::Hidden)
    }

    /// The values that the ends of the palette stand for.
    pub(super) fn scale(&self, view: &View) -> [f32; 2] {
        match &self.legend {
            Legend::Scale(_, low, high) => {
                let (low, high) = view.scale.unwrap_or((*low, *high));
                [low, high]
            }
            _ => [0.0, (PALETTE_LEN - 1) as f32],
        }
    }

    /// The colour of point `id`.
    pub(super) fn colour(&self, id: usize, view: &View) -> Color32 {
        let value = self.data.values.get(id).copied().unwrap_or(f32::NAN);
        let [low, high] = self.scale(view);
        let last = (PALETTE_LEN - 1) as f32;
        let shade = (value - low) / (high - low).max(f32::MIN_POSITIVE) * last;
        if shade.is_nan() {
            return Color32::GRAY;
        }
        self.data
            .palette
            .get(shade.clamp(0.0, last).round() as usize)
            .copied()
            .unwrap_or(Color32::GRAY)
    }
}

/// A value per item, the palette it refers to, and what it means.
struct Colours {
    values: Vec<f32>,
    palette: Vec<Color32>,
    legend: Legend,
    /// The class of each item where the values stand for classes, of which several may share a colour.
    classes: Vec<u32>,
}

impl Colours {
    fn of_classes(classes: Vec<u32>, names: Vec<String>, is_dark: bool) -> Self {
        let value = |&class: &u32| {
            if class == NO_CLASS {
                f32::NAN
            } else {
                (class as usize % palette::CLASSES) as f32
            }
        };
        let colour = |class| palette::class(class, is_dark);
        Self {
            values: classes.iter().map(value).collect(),
            palette: (0..palette::CLASSES).map(colour).collect(),
            legend: Legend::Classes(names),
            classes,
        }
    }

    /// Of numbers, on a scale between `ends` or else the values' own.
    fn of_numbers(values: Vec<f32>, name: &str, ends: Option<(f32, f32)>) -> Self {
        let last = (PALETTE_LEN - 1) as f32;
        let palette = (0..PALETTE_LEN).map(|i| palette::viridis(i as f32 / last));
        let (low, high) = ends.unwrap_or_else(|| extent(&values));
        Self {
            legend: Legend::Scale(name.to_owned(), low, high),
            values,
            palette: palette.collect(),
            classes: Vec::new(),
        }
    }
}

fn colours(wanted: &Coloured, cx: &Cx<'_>) -> Colours {
    let session = &cx.state.session;
    let plain = || Colours {
        values: vec![0.0; wanted.items],
        palette: vec![cx.tokens.accent; 2],
        legend: Legend::None,
        classes: Vec::new(),
    };
    let Some(data) = session.dataset.as_deref() else {
        return plain();
    };
    let classes = |classes, names| Colours::of_classes(classes, names, wanted.is_dark);
    let scale = Colours::of_numbers;
    match &wanted.colouring {
        Colouring::Label => match data.labels() {
            Some(labels) => classes(
                labels.values.iter().map(|&v| u32::from(v)).collect(),
                labels.names.clone(),
            ),
            None => plain(),
        },
        Colouring::Factor(name) => match data.factors().iter().find(|f| f.name == *name) {
            Some(factor) => scale(factor.values.clone(), name, Some(factor.range)),
            None => plain(),
        },
        Colouring::Column(name) => {
            let column = data.columns().iter().find(|c| c.name == *name);
            match column.map(|c| (&c.values, c.categories())) {
                Some((ColumnValues::Number(values), _)) => scale(values.clone(), name, None),
                Some((_, Some((values, names)))) => classes(values, names),
                Some((_, None)) | None => plain(),
            }
        }
        Colouring::Kl => match &session.item_kl {
            Some(kl) => scale((**kl).clone(), "KL, nats", None),
            None => plain(),
        },
        Colouring::Error => match &session.item_errors {
            Some(errors) => scale((**errors).clone(), "Reconstruction, nats", None),
            None => plain(),
        },
        Colouring::Training => match &session.held_out {
            Some(held_out) => {
                let mut values = vec![0; data.len()];
                for &id in held_out.iter() {
                    values[id as usize] = 1;
                }
                let names = ["Trained on", "Held out"].map(str::to_owned);
                classes(values, names.to_vec())
            }
            None => plain(),
        },
        Colouring::Distance => match (&session.codes, &wanted.from) {
            (Some(codes), Some((selection, shown))) => {
                let from = origin(selection, shown, codes);
                let distance = |code: &[f32]| {
                    let squares = code.iter().zip(&from).map(|(a, b)| (a - b).powi(2));
                    squares.sum::<f32>().sqrt()
                };
                let values = codes
                    .codes()
                    .par_chunks_exact(codes.dims())
                    .map(distance)
                    .collect();
                let name = if cx.view.selection.is_empty() {
                    "Distance to the sliders' code"
                } else {
                    "Distance to the selection"
                };
                scale(values, name, None)
            }
            _ => plain(),
        },
        Colouring::Auto | Colouring::Plain => plain(),
    }
}

/// Where all but the outermost hundredth of the finite values lie, so that one outlier does not use up the whole scale.
fn extent(values: &[f32]) -> (f32, f32) {
    let mut finite: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if finite.is_empty() {
        return (0.0, 1.0);
    }
    let at = |finite: &mut Vec<f32>, share: f32| {
        let i = ((finite.len() - 1) as f32 * share) as usize;
        *finite.select_nth_unstable_by(i, f32::total_cmp).1
    };
    let (low, high) = (at(&mut finite, 0.005), at(&mut finite, 0.995));
    if high > low {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_keep_their_number_though_colours_come_round_again() {
        let classes = vec![3, 259, NO_CLASS, 300];
        let names = (0..301).map(|i| i.to_string()).collect();
        let colours = Colours::of_classes(classes.clone(), names, true);
        assert_eq!(colours.classes, classes);
        for (&class, &value) in classes.iter().zip(&colours.values) {
            if class == NO_CLASS {
                assert!(value.is_nan());
            } else {
                let legend = palette::class(class as usize, true);
                assert_eq!(colours.palette[value as usize], legend, "class {class}");
            }
        }
    }

    #[test]
    fn an_outlier_does_not_use_up_the_scale() {
        let mut values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        values.push(1e9);
        values.push(f32::NAN);
        let (low, high) = extent(&values);
        assert!(low < 10.0 && high > 980.0 && high < 1001.0, "{low} {high}");
        assert_eq!(extent(&[f32::NAN]), (0.0, 1.0));
        assert_eq!(extent(&[2.0, 2.0]), (1.5, 2.5));
    }
}
