//! Where the panels are: the tree of tiles, how it looks, and how panels are hidden and brought back.
//!
//! Invariant: a [`Layout`] holds every panel exactly once; a stored one that does not is replaced by the default.

use eframe::egui::{
    self, Color32, CornerRadius, CursorIcon, Id, Rect, Response, Role, Sense, Stroke, StrokeKind,
    Ui, Visuals, WidgetInfo, WidgetText,
};
use egui_tiles::{
    Behavior, Container, Linear, LinearDir, SimplificationOptions, TabState, Tabs, Tile, TileId,
    Tiles, Tree,
};
use serde::{Deserialize, Serialize};

use super::panels::{Cx, PanelKind, Panels};
use super::theme::{self, Tokens};

/// Room in a tab: before its icon as much as panels have at their edge, before its title, and behind it, so that all tabs of the usual
/// window are seen at once.
const TAB_LEFT: f32 = theme::STEP + theme::HALF;
const TAB_GAP: f32 = 5.0;
const TAB_RIGHT: f32 = 2.0;

/// The panels' places.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Layout {
    tree: Tree<PanelKind>,
}

impl Default for Layout {
    fn default() -> Self {
        use PanelKind as P;
        let mut tiles = Tiles::default();
        let mut tabs = |kinds: &[PanelKind]| {
            let panes = kinds.iter().map(|&k| tiles.insert_pane(k)).collect();
            tiles.insert_tab_tile(panes)
        };
        let about = tabs(&[P::Data, P::Model]);
        let training = tabs(&[P::Training, P::Selection]);
        let map = tabs(&[
            P::Map,
            P::Memorisation,
            P::Formation,
            P::Why,
            P::Conditions,
            P::Factors,
            P::Labels,
            P::Mixture,
        ]);
        let below = tabs(&[
            P::Retrieval,
            P::Measures,
            P::Path,
            P::Items,
            P::Likelihood,
            P::Denoising,
            P::Log,
        ]);
        let picture = tabs(&[P::Picture, P::Sheet, P::Own, P::Features]);
        let sliders = tabs(&[P::Sliders, P::Directions, P::Pixel]);
        let left = split(
            &mut tiles,
            LinearDir::Vertical,
            &[(about, 0.41), (training, 0.59)],
        );
        let centre = split(
            &mut tiles,
            LinearDir::Vertical,
            &[(map, 0.73), (below, 0.27)],
        );
        let right = split(
            &mut tiles,
            LinearDir::Vertical,
            &[(picture, 0.56), (sliders, 0.44)],
        );
        let root = split(
            &mut tiles,
            LinearDir::Horizontal,
            &[(left, 0.205), (centre, 0.545), (right, 0.25)],
        );
        Self {
            tree: Tree::new(Id::unique("panels"), root, tiles),
        }
    }
}

fn split(tiles: &mut Tiles<PanelKind>, dir: LinearDir, parts: &[(TileId, f32)]) -> TileId {
    let mut linear = Linear::new(dir, parts.iter().map(|&(id, _)| id).collect());
    for &(id, share) in parts {
        linear.shares.set_share(id, share);
    }
    tiles.insert_container(Container::Linear(linear))
}

impl Layout {
    /// This layout, or the default one when a panel is missing or doubled.
    pub(crate) fn checked(self) -> Self {
        let mut kinds: Vec<PanelKind> = self
            .tree
            .tiles
            .tiles()
            .filter_map(|tile| match tile {
                Tile::Pane(kind) => Some(*kind),
                Tile::Container(_) => None,
            })
            .collect();
        kinds.sort_by_key(|k| *k as usize);
        let reaches = |kind: &PanelKind| {
            let mut at = self.tree.tiles.find_pane(kind);
            while let Some(id) = at.filter(|id| !self.tree.is_root(*id)) {
                at = self.tree.tiles.parent_of(id);
            }
            at.is_some()
        };
        if kinds == PanelKind::ALL && kinds.iter().all(reaches) {
            self
        } else {
            Self::default()
        }
    }

    /// Hides the panel where it is in front; else brings it there, whether it was hidden or behind another tab.
    pub(crate) fn toggle(&mut self, kind: PanelKind) {
        let Some(id) = self.tree.tiles.find_pane(&kind) else {
            return;
        };
        let show = !self.tree.is_visible(id) || self.rect_of(kind).is_none();
        if show {
            self.bring_forward(kind);
        } else {
            self.tree.set_visible(id, false);
        }
    }

    /// Brings a panel in front of the tabs it shares a tile with, hidden or not.
    pub(crate) fn bring_forward(&mut self, kind: PanelKind) {
        if let Some(id) = self.tree.tiles.find_pane(&kind) {
            self.tree.set_visible(id, true);
        }
        self.tree
            .make_active(|_, tile| matches!(tile, Tile::Pane(k) if *k == kind));
    }

    /// Where a panel was drawn in the last frame, if it was.
    pub(crate) fn rect_of(&self, kind: PanelKind) -> Option<Rect> {
        self.tree.tiles.rect(self.tree.tiles.find_pane(&kind)?)
    }

    /// Draws every panel.
    pub(crate) fn show_ui(&mut self, ui: &mut Ui, panels: &mut Panels, cx: &mut Cx<'_>) {
        let mut tiles = Shown {
            panels,
            cx,
            to_hide: None,
        };
        self.tree.ui(&mut tiles, ui);
        if let Some(id) = tiles.to_hide {
            self.tree.set_visible(id, false);
        }
    }
}

struct Shown<'a, 'c> {
    panels: &'a mut Panels,
    cx: &'a mut Cx<'c>,
    to_hide: Option<TileId>,
}

impl Shown<'_, '_> {
    fn tokens(&self) -> &'static Tokens {
        self.cx.tokens
    }
}

impl Behavior<PanelKind> for Shown<'_, '_> {
    fn pane_ui(
        &mut self,
        ui: &mut Ui,
        _tile_id: TileId,
        kind: &mut PanelKind,
    ) -> egui_tiles::UiResponse {
        ui.painter()
            .rect_filled(ui.max_rect(), CornerRadius::ZERO, self.tokens().surface);
        self.panels.get(*kind).show_ui(ui, self.cx);
        egui_tiles::UiResponse::None
    }

    fn tab_title_for_pane(&mut self, kind: &PanelKind) -> WidgetText {
        kind.title().into()
    }

    fn tab_ui(
        &mut self,
        tiles: &mut Tiles<PanelKind>,
        ui: &mut Ui,
        id: Id,
        tile_id: TileId,
        state: &TabState,
    ) -> Response {
        let tokens = self.tokens();
        let kind = tiles.get_pane(&tile_id).copied();
        let title = kind.map_or("Group", PanelKind::title);
        let icon = kind.map_or("", PanelKind::icon);
        let colour = if state.active {
            tokens.text_strong
        } else {
            tokens.text_weak
        };
        let icon_colour = if state.active {
            tokens.accent
        } else {
            tokens.text_faint
        };
        let icon =
            ui.painter()
                .layout_no_wrap(icon.to_owned(), theme::regular(theme::TITLE), icon_colour);
        let font = if state.active {
            theme::strong(theme::BODY)
        } else {
            theme::regular(theme::BODY)
        };
        let text = ui.painter().layout_no_wrap(title.to_owned(), font, colour);
        let width = TAB_LEFT + icon.size().x + TAB_GAP + text.size().x + TAB_RIGHT;
        let (_, rect) = ui.allocate_space(egui::vec2(width, ui.available_height()));
        let response = ui
            .interact(rect, id, Sense::click_and_drag())
            .on_hover_cursor(CursorIcon::Grab);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, state.active, title));
        if !state.is_being_dragged {
            let left = rect.left() + TAB_LEFT;
            let centre = rect.center().y;
            ui.painter().galley(
                egui::pos2(left, centre - icon.size().y / 2.0),
                icon.clone(),
                icon_colour,
            );
            let at = egui::pos2(left + icon.size().x + TAB_GAP, centre - text.size().y / 2.0);
            ui.painter().galley(at, text, colour);
        }
        if response.clicked_by(egui::PointerButton::Middle) {
            self.to_hide = Some(tile_id);
        }
        response.context_menu(|ui| {
            if ui.button("Hide panel").clicked() {
                self.to_hide = Some(tile_id);
            }
        });
        response.on_hover_text("Drag to move this panel; right-click to hide it")
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        32.0
    }

    fn tab_bar_color(&self, _visuals: &Visuals) -> Color32 {
        self.tokens().surface
    }

    fn tab_bar_hline_stroke(&self, _visuals: &Visuals) -> Stroke {
        Stroke::new(1.0, self.tokens().line)
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        4.0
    }

    fn min_size(&self) -> f32 {
        120.0
    }

    fn resize_stroke(&self, style: &egui::Style, state: egui_tiles::ResizeState) -> Stroke {
        let tokens = self.tokens();
        match state {
            egui_tiles::ResizeState::Idle => Stroke::new(self.gap_width(style), tokens.base),
            egui_tiles::ResizeState::Hovering => Stroke::new(2.0, tokens.line_strong),
            egui_tiles::ResizeState::Dragging => Stroke::new(2.0, tokens.accent),
        }
    }

    fn drag_preview_stroke(&self, _visuals: &Visuals) -> Stroke {
        Stroke::new(1.0, self.tokens().accent)
    }

    fn drag_preview_color(&self, _visuals: &Visuals) -> Color32 {
        self.tokens().accent.gamma_multiply(0.2)
    }

    fn paint_on_top_of_tile(
        &self,
        painter: &egui::Painter,
        _style: &egui::Style,
        tile_id: TileId,
        rect: Rect,
    ) {
        let _ = tile_id;
        let stroke = Stroke::new(1.0, self.tokens().base);
        painter.rect_stroke(rect, CornerRadius::ZERO, stroke, StrokeKind::Outside);
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions {
            all_panes_must_have_tabs: true,
            ..SimplificationOptions::default()
        }
    }

    fn is_tab_bar_visible(&self, _tile_id: TileId, _tabs: &Tabs) -> bool {
        true
    }
}
