//! The feature maps of every stage for the item in focus, and what each way of unpooling makes of its code.
//!
//! Invariant: maps and pictures are those of the last item that passed through the model; only which way out is shown is the panel's own.

use std::sync::Arc;

use eframe::egui::{
    self, Button, Color32, ColorImage, Context, Pos2, Rect, RichText, ScrollArea, Sense, Stroke,
    TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo,
};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::textures;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{caption, command_button, empty_ui, padded, paint_picture};
use crate::model::{FeatureMaps, Features, ModelSpec, Network, Unpooling};

/// Edge of a map, at least, in points.
const MAP: f32 = 34.0;
/// Edge of a map under the pointer.
const LARGE: f32 = 168.0;
/// Edge of a reconstruction, at most.
const PICTURE: f32 = 104.0;

/// The maps of one stage in one texture, so many abreast.
struct Sheet {
    title: String,
    count: usize,
    abreast: usize,
    /// Width over height of a map.
    aspect: f32,
    texture: TextureHandle,
}

impl Sheet {
    fn new(ctx: &Context, maps: &FeatureMaps) -> Self {
        let count = maps.len();
        let abreast = ((count as f32).sqrt().ceil() as usize).max(1);
        let size = [
            abreast * maps.width,
            count.div_ceil(abreast).max(1) * maps.height,
        ];
        let mut grey = vec![0; size[0] * size[1]];
        for i in 0..count {
            let (left, top) = (i % abreast * maps.width, i / abreast * maps.height);
            for (y, line) in maps.shades(i).chunks_exact(maps.width).enumerate() {
                let start = (top + y) * size[0] + left;
                grey[start..start + maps.width].copy_from_slice(line);
            }
        }
        let image = ColorImage::from_gray(size, &grey);
        Self {
            title: maps.title(),
            count,
            abreast,
            aspect: maps.width as f32 / maps.height.max(1) as f32,
            texture: ctx.load_texture(&maps.name, image, TextureOptions::NEAREST),
        }
    }

    /// Where map `index` lies in the texture.
    fn uv(&self, index: usize) -> Rect {
        let rows = self.count.div_ceil(self.abreast).max(1);
        let size = Vec2::new(1.0 / self.abreast as f32, 1.0 / rows as f32);
        let place = Vec2::new((index % self.abreast) as f32, (index / self.abreast) as f32);
        Rect::from_min_size((place * size).to_pos2(), size)
    }

    fn show_ui(&self, ui: &mut Ui, tokens: &Tokens) {
        const GAP: f32 = 2.0;
        caption(ui, tokens, &self.title);
        let width = ui.available_width();
        let abreast =
            ((width / (MAP * self.aspect.max(1.0) + GAP)) as usize).clamp(1, self.count.max(1));
        let edge = (width / abreast as f32 - GAP).min(2.0 * MAP);
        let step = Vec2::new(edge + GAP, edge / self.aspect + GAP);
        let size = Vec2::new(width, self.count.div_ceil(abreast) as f32 * step.y);
        let (area, response) = ui.allocate_exact_size(size, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &self.title));
        let place = |i: usize| {
            let at = Vec2::new((i % abreast) as f32, (i / abreast) as f32) * step;
            Rect::from_min_size(area.min + at, step - Vec2::splat(GAP))
        };
        for i in 0..self.count {
            ui.painter()
                .image(self.texture.id(), place(i), self.uv(i), Color32::WHITE);
        }
        let under = response
            .hover_pos()
            .and_then(|at: Pos2| (0..self.count).find(|&i| place(i).contains(at)));
        if let Some(i) = under {
            response.on_hover_ui_at_pointer(|ui| {
                let size = Vec2::new(LARGE, LARGE / self.aspect);
                let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
                ui.painter()
                    .image(self.texture.id(), rect, self.uv(i), Color32::WHITE);
                ui.label(format!("Map {} of {}", i + 1, format::count(self.count)));
            });
        }
    }
}

/// What was made of the features that are shown.
struct Shown {
    of: Arc<Features>,
    encoder: Vec<Sheet>,
    /// Of each way out its picture and its maps.
    ways: Vec<(TextureHandle, Vec<Sheet>)>,
}

impl Shown {
    fn new(ctx: &Context, of: &Arc<Features>) -> Self {
        let sheets = |maps: &[FeatureMaps]| maps.iter().map(|m| Sheet::new(ctx, m)).collect();
        let ways = of.ways.iter();
        Self {
            of: of.clone(),
            encoder: sheets(&of.encoder),
            ways: ways
                .map(|way| {
                    (
                        textures::load(ctx, "way out", &way.picture),
                        sheets(&way.maps),
                    )
                })
                .collect(),
        }
    }
}

/// The panel.
#[derive(Default)]
pub(super) struct FeaturesPanel {
    /// The way of unpooling that was chosen; the model's own without it.
    chosen: Option<Unpooling>,
    shown: Option<Shown>,
}

impl Panel for FeaturesPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(spec) = cx.state.model().map(|m| m.spec.clone()) else {
            self.shown = None;
            let text = "A model with convolutions makes maps of features at every stage";
            empty_ui(ui, cx.tokens, icon::FEATURES, "No model yet", text, |ui| {
                command_button(ui, Command::OpenModel, true, cx.out);
            });
            return;
        };
        if matches!(spec.network, Network::Dense { .. }) {
            self.shown = None;
            let text = "A dense network has no places; train with preset pooled, digits or faces";
            empty_ui(
                ui,
                cx.tokens,
                icon::FEATURES,
                "No feature maps",
                text,
                |_| {},
            );
            return;
        }
        let inspected = cx.state.inspected.as_ref();
        let inspected = inspected.filter(|i| Some(i.item) == cx.view.item());
        let Some((item, features)) = inspected.and_then(|i| Some((i.item, i.features.as_ref()?)))
        else {
            self.shown = None;
            if cx.view.item().is_some() {
                cx.out.act(Action::InspectFeatures);
            }
            let text = "Click an item on the map to see what each stage makes of its picture";
            let title = match cx.view.item() {
                Some(_) => "Passing through the stages",
                None => "No item in focus",
            };
            empty_ui(ui, cx.tokens, icon::FEATURES, title, text, |_| {});
            return;
        };
        let is_same = |shown: &Shown| Arc::ptr_eq(&shown.of, features);
        if !self.shown.as_ref().is_some_and(is_same) {
            self.shown = Some(Shown::new(ui.ctx(), features));
        }
        let Some(shown) = &self.shown else { return };
        let way = shown
            .of
            .ways
            .iter()
            .position(|way| way.unpooling == self.chosen);
        let way = way.unwrap_or(0);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| {
                caption(ui, cx.tokens, &format!("Item {}", format::count(item)));
                if spec.unpooling().is_some() {
                    ways_ui(ui, cx.tokens, shown, way, &mut self.chosen, &spec);
                }
                for sheet in &shown.encoder {
                    sheet.show_ui(ui, cx.tokens);
                }
                if let Some((_, maps)) = shown.ways.get(way) {
                    for sheet in maps {
                        sheet.show_ui(ui, cx.tokens);
                    }
                }
            });
        });
    }
}

/// What each way of unpooling makes of the same code, and which one's maps are shown below.
fn ways_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    shown: &Shown,
    current: usize,
    chosen: &mut Option<Unpooling>,
    spec: &ModelSpec,
) {
    let count = shown.ways.len().max(1) as f32;
    let edge = ((ui.available_width() - count * theme::STEP) / count).clamp(24.0, PICTURE);
    ui.horizontal(|ui| {
        for (i, way) in shown.of.ways.iter().enumerate() {
            let (Some(by), Some((texture, _))) = (way.unpooling, shown.ways.get(i)) else {
                continue;
            };
            ui.vertical(|ui| {
                ui.set_width(edge);
                let aspect = way.picture.shape.width as f32 / way.picture.shape.height as f32;
                let size = Vec2::new(edge, edge / aspect);
                let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
                let line = Stroke::new(1.0, tokens.line);
                paint_picture(ui, rect, texture, line, theme::RADIUS_SMALL);
                let name = format!(
                    "{}: squared error {}",
                    by.title(),
                    format::number(way.error as f32)
                );
                response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
                response.on_hover_text(&name);
                let text = RichText::new(by.title()).size(theme::CAPTION);
                let button = ui.add(Button::selectable(i == current, text));
                if button.on_hover_text(by.describe()).clicked() {
                    *chosen = Some(by);
                }
                let error = RichText::new(format!("error {}", format::number(way.error as f32)));
                ui.label(error.size(theme::CAPTION).color(tokens.text_weak));
            });
        }
    });
    let trained = spec.unpooling().map_or("", Unpooling::title).to_lowercase();
    let note = format!(
        "The same code and the same weights, trained with {trained}. Switches are {} positions of 2 bits each that the code of {} numbers does not hold: compare by the code alone with repetition.",
        format::count(spec.switches()),
        spec.code
    );
    ui.label(
        RichText::new(note)
            .size(theme::CAPTION)
            .color(tokens.text_weak),
    );
}
