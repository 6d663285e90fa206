//! The panels: one per file behind one small trait.
//!
//! Invariant: a panel reads [`Cx`] and emits commands and actions; it changes nothing but its own form fields.

mod conditions;
mod conditions_probe;
mod data;
mod denoising;
mod directions;
mod factors;
mod factors_map;
mod factors_scores;
mod features;
mod formation;
mod items;
mod labels;
mod likelihood;
mod log;
mod map;
mod map_cloud;
mod map_header;
mod map_hover;
mod map_item;
mod map_overlay;
mod map_select;
mod measures;
mod measures_plots;
mod memorisation;
mod memorisation_plots;
mod mixture;
mod mixture_rows;
mod model;
mod own;
mod path;
mod path_fade;
mod path_strip;
mod picture;
mod pixel;
mod retrieval;
mod selection;
mod sheet;
mod sliders;
mod training;
mod training_form;
mod training_progress;
mod why;

use std::sync::Arc;

use eframe::egui::{RichText, TextureHandle, Ui};
use serde::{Deserialize, Serialize};

use super::command::{Command, Outbox};
use super::fonts::icon;
use super::format;
use super::hint::Hint;
use super::state::{State, Task};
use super::sweeping::Pointed;
use super::textures::{Filter, Textures};
use super::theme::{self, Tokens};
use super::view::View;
use super::widgets::{bar_ui, command_button};
use crate::data::Dataset;
use crate::space::Basis;

pub(crate) use map::MapPanel;
pub(crate) use map_cloud::colourings;

/// Which panel a tile holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) enum PanelKind {
    Data,
    Model,
    Training,
    Map,
    Picture,
    Sliders,
    Retrieval,
    Log,
    Selection,
    Items,
    Directions,
    Sheet,
    Path,
    Own,
    Pixel,
    Measures,
    Memorisation,
    Formation,
    Why,
    Likelihood,
    Conditions,
    Factors,
    Denoising,
    Features,
    Labels,
    Mixture,
}

impl PanelKind {
    /// Every panel, in the order of the View menu.
    pub(crate) const ALL: [Self; 26] = [
        Self::Data,
        Self::Model,
        Self::Training,
        Self::Map,
        Self::Picture,
        Self::Sliders,
        Self::Retrieval,
        Self::Log,
        Self::Selection,
        Self::Items,
        Self::Directions,
        Self::Sheet,
        Self::Path,
        Self::Own,
        Self::Pixel,
        Self::Measures,
        Self::Memorisation,
        Self::Formation,
        Self::Why,
        Self::Likelihood,
        Self::Conditions,
        Self::Factors,
        Self::Denoising,
        Self::Features,
        Self::Labels,
        Self::Mixture,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Data => "Data",
            Self::Model => "Model",
            Self::Training => "Training",
            Self::Map => "Map",
            Self::Picture => "Picture",
            Self::Sliders => "Sliders",
            Self::Retrieval => "Retrieval",
            Self::Log => "Log",
            Self::Selection => "Selection",
            Self::Items => "Items",
            Self::Directions => "Directions",
            Self::Sheet => "Sheet",
            Self::Path => "Path",
            Self::Own => "Own picture",
            Self::Pixel => "One pixel",
            Self::Measures => "Measures",
            Self::Memorisation => "Memorisation",
            Self::Formation => "Formation",
            Self::Why => "Why VAE",
            Self::Likelihood => "Likelihood",
            Self::Conditions => "Style and class",
            Self::Factors => "Factors",
            Self::Denoising => "Denoising",
            Self::Features => "Features",
            Self::Labels => "Few labels",
            Self::Mixture => "Mixture",
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Data => "Show or hide the panel of loaded data",
            Self::Model => "Show or hide the panel of the loaded model",
            Self::Training => "Show or hide training with its loss curves",
            Self::Map => "Show or hide the map of codes",
            Self::Picture => "Show or hide the decoded picture",
            Self::Sliders => "Show or hide the sliders of the code",
            Self::Retrieval => "Show or hide the nearest neighbours",
            Self::Log => "Show or hide what happened so far",
            Self::Selection => "Show or hide the selected items: search, save, export",
            Self::Items => "Show or hide the pictures of all items as a grid",
            Self::Directions => "Show or hide the directions of attributes in code space",
            Self::Sheet => "Show or hide the sheet that sweeps two dimensions",
            Self::Path => "Show or hide the path through code space and its animation",
            Self::Own => "Show or hide your own picture: draw, drop or paste one",
            Self::Pixel => "Show or hide what one changed pixel costs",
            Self::Measures => "Show or hide how good retrieval is in each space, over many queries",
            Self::Memorisation => "Show or hide how much the model copies what it was trained on",
            Self::Formation => "Show or hide the model at every moment of its training",
            Self::Why => "Show or hide families of auto-encoders side by side",
            Self::Likelihood => "Show or hide bounds and likelihoods of models in one table",
            Self::Conditions => {
                "Show or hide the same style with every class, or an attribute swept"
            }
            Self::Factors => "Show or hide what each dimension has to do with known factors",
            Self::Denoising => "Show or hide clean, corrupted and repaired pictures",
            Self::Features => {
                "Show or hide the feature maps of every stage and the ways of unpooling"
            }
            Self::Labels => "Show or hide what pictures without labels are worth to a classifier",
            Self::Mixture => "Show or hide a mixture of Gaussians over pixels or over codes",
        }
    }

    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Data => icon::DATABASE,
            Self::Model => icon::CUBE,
            Self::Training => icon::CURVES,
            Self::Map => icon::SCATTER,
            Self::Picture => icon::IMAGE,
            Self::Sliders => icon::SLIDERS,
            Self::Retrieval => icon::SEARCH,
            Self::Log => icon::LOG,
            Self::Selection => icon::SELECTION,
            Self::Items => icon::GRID,
            Self::Directions => icon::COMPASS,
            Self::Sheet => icon::SHEET,
            Self::Path => icon::PATH,
            Self::Own => icon::PENCIL,
            Self::Pixel => icon::PIXEL,
            Self::Measures => icon::MEASURES,
            Self::Memorisation => icon::BRAIN,
            Self::Formation => icon::FILM,
            Self::Why => icon::INFO,
            Self::Likelihood => icon::TABLE,
            Self::Conditions => icon::PALETTE,
            Self::Factors => icon::FACTORS,
            Self::Denoising => icon::ERASER,
            Self::Features => icon::FEATURES,
            Self::Labels => icon::TAG,
            Self::Mixture => icon::CIRCLES,
        }
    }
}

/// What a panel is shown with.
pub(crate) struct Cx<'a> {
    /// What is loaded and answered.
    pub state: &'a State,
    /// What is shown of it.
    pub view: &'a View,
    /// The coordinates that the sliders show.
    pub basis: &'a Arc<Basis>,
    /// What the sliders show: the view's code, with one on its way where the pointer rests on what speaks of it.
    pub code: &'a [f32],
    /// The dimension that the pointer rested on in the frame before.
    pub pointed: Option<Pointed>,
    /// The code whose picture is shown.
    pub shown: &'a [f32],
    /// Whether dragging on the map draws a lasso.
    pub has_lasso: bool,
    /// The item that was under the pointer in the frame before.
    pub hovered: Option<usize>,
    /// Whether pictures are drawn smoothly.
    pub is_smooth: bool,
    /// What to try next, until it was tried.
    pub hint: Option<Hint>,
    /// Whether the file that pictures are looked at in is another than it was.
    pub is_data_changed: bool,
    pub tokens: &'static Tokens,
    pub textures: &'a mut Textures,
    pub out: &'a mut Outbox,
}

impl Cx<'_> {
    /// The texture of an item of the data, drawn as pictures are drawn at present.
    fn texture_of(&mut self, ui: &Ui, data: &Dataset, item: usize) -> TextureHandle {
        let filter = if self.is_smooth {
            Filter::Smooth
        } else {
            Filter::Pixels
        };
        self.textures
            .item(ui.ctx(), self.state.session.id, data, item, filter)
    }
}

/// `count` items of `n`, or as many as there are: the one in focus first, then some all over the data, others for another `seed`.
fn some_items(focus: Option<usize>, seed: usize, count: usize, n: usize) -> Vec<usize> {
    // A step that has no common factor with round numbers reaches all classes.
    let others = (1..).map(|i| (i * 7919 + seed * 104_729) % n.max(1));
    let focus = focus.filter(|item| *item < n);
    focus.into_iter().chain(others).take(count.min(n)).collect()
}

/// The work that is called `what`, while it goes on.
fn task<'a>(cx: &'a Cx<'_>, what: &str) -> Option<&'a Task> {
    cx.state.tasks.iter().find(|task| task.what == what)
}

/// How far work called `what` has come, and the way to end it. Returns whether it is under way.
fn progress_ui(ui: &mut Ui, cx: &mut Cx<'_>, what: &str) -> bool {
    let Some((done, secs_left)) = task(cx, what).map(|task| (task.done, task.secs_left)) else {
        return false;
    };
    bar_ui(ui, cx.tokens, done, 110.0);
    let left = secs_left.map_or(String::new(), |secs| {
        format!(", {} left", format::secs(secs))
    });
    let text = format!("{:.0} %{left}", 100.0 * done);
    let text = RichText::new(text).size(theme::CAPTION);
    ui.label(text.color(cx.tokens.text_weak));
    command_button(ui, Command::Cancel, true, cx.out);
    true
}

/// A panel.
pub(crate) trait Panel {
    /// Draws it into the tile that `ui` fills.
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>);
}

/// Every panel with its own form fields.
#[derive(Default)]
pub(crate) struct Panels {
    data: data::DataPanel,
    model: model::ModelPanel,
    training: training::TrainingPanel,
    /// Asked for where items lie on the screen.
    pub map: MapPanel,
    picture: picture::PicturePanel,
    sliders: sliders::SlidersPanel,
    retrieval: retrieval::RetrievalPanel,
    log: log::LogPanel,
    selection: selection::SelectionPanel,
    items: items::ItemsPanel,
    directions: directions::DirectionsPanel,
    sheet: sheet::SheetPanel,
    path: path::PathPanel,
    own: own::OwnPanel,
    pixel: pixel::PixelPanel,
    measures: measures::MeasuresPanel,
    memorisation: memorisation::MemorisationPanel,
    formation: formation::FormationPanel,
    why: why::WhyPanel,
    likelihood: likelihood::LikelihoodPanel,
    conditions: conditions::ConditionsPanel,
    factors: factors::FactorsPanel,
    denoising: denoising::DenoisingPanel,
    features: features::FeaturesPanel,
    labels: labels::LabelsPanel,
    mixture: mixture::MixturePanel,
}

impl Panels {
    /// All panels, with a map that draws up to `points` points as points.
    pub(crate) fn new(points: usize) -> Self {
        Self {
            map: MapPanel::new(points),
            ..Self::default()
        }
    }

    /// The panel of a kind.
    pub(crate) fn get(&mut self, kind: PanelKind) -> &mut dyn Panel {
        match kind {
            PanelKind::Data => &mut self.data,
            PanelKind::Model => &mut self.model,
            PanelKind::Training => &mut self.training,
            PanelKind::Map => &mut self.map,
            PanelKind::Picture => &mut self.picture,
            PanelKind::Sliders => &mut self.sliders,
            PanelKind::Retrieval => &mut self.retrieval,
            PanelKind::Log => &mut self.log,
            PanelKind::Selection => &mut self.selection,
            PanelKind::Items => &mut self.items,
            PanelKind::Directions => &mut self.directions,
            PanelKind::Sheet => &mut self.sheet,
            PanelKind::Path => &mut self.path,
            PanelKind::Own => &mut self.own,
            PanelKind::Pixel => &mut self.pixel,
            PanelKind::Measures => &mut self.measures,
            PanelKind::Memorisation => &mut self.memorisation,
            PanelKind::Formation => &mut self.formation,
            PanelKind::Why => &mut self.why,
            PanelKind::Likelihood => &mut self.likelihood,
            PanelKind::Conditions => &mut self.conditions,
            PanelKind::Factors => &mut self.factors,
            PanelKind::Denoising => &mut self.denoising,
            PanelKind::Features => &mut self.features,
            PanelKind::Labels => &mut self.labels,
            PanelKind::Mixture => &mut self.mixture,
        }
    }
}
