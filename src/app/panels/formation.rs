//! How a model took form: its map, the pictures of fixed codes and reconstructions at every moment of its training.
//!
//! Invariant: what is shown is of one moment, the one under the slider; while training goes on and the slider is at its end, of the newest.

use std::sync::Arc;

use eframe::egui::{
    self, Align, Layout, Rect, RichText, Sense, Slider, Stroke, TextureHandle, Ui, WidgetInfo,
};
use egui_plot::{PlotPoint, PlotPoints, Points};

use super::{Cx, Panel};
use crate::app::command::Command;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::palette;
use crate::app::textures;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{
    caption, empty_ui, fit, icon_button, paint_picture, set_name, still_plot,
};
use crate::data::{ImageShape, Picture};
use crate::engine::Formation;

/// Moments shown each second while it plays.
const PACE: f64 = 10.0;

/// The panel.
pub(super) struct FormationPanel {
    /// The moment that is shown.
    at: usize,
    /// Whether the slider is at its end, and stays there as moments come.
    follows: bool,
    /// When it began to play, and from which moment.
    playing: Option<(f64, usize)>,
    made: Option<Made>,
}

impl Default for FormationPanel {
    fn default() -> Self {
        Self {
            at: 0,
            follows: true,
            playing: None,
            made: None,
        }
    }
}

/// What was worked out of a formation.
struct Made {
    of: Arc<Formation>,
    places: Vec<Vec<[f32; 2]>>,
    bounds: [(f64, f64); 2],
    /// The moment whose pictures these are.
    at: Option<usize>,
    samples: Option<TextureHandle>,
    rows: Option<TextureHandle>,
}

impl Made {
    fn new(of: Arc<Formation>) -> Self {
        let places = of.positions().unwrap_or_default();
        let ends = |axis: usize| {
            let values = || places.iter().skip(1).flatten().map(|p| f64::from(p[axis]));
            let low = values().fold(f64::INFINITY, f64::min);
            let high = values().fold(f64::NEG_INFINITY, f64::max);
            if low < high {
                let margin = 0.04 * (high - low);
                (low - margin, high + margin)
            } else {
                (-1.0, 1.0)
            }
        };
        Self {
            bounds: [ends(0), ends(1)],
            places,
            of,
            at: None,
            samples: None,
            rows: None,
        }
    }

    /// Draws the pictures of moment `at`, where they are of another.
    fn show(&mut self, ui: &Ui, at: usize) {
        if self.at == Some(at) {
            return;
        }
        let Some(moment) = self.of.moments.get(at) else {
            return;
        };
        let shape = self.of.shape;
        let samples = sheet(shape, &[&moment.samples], Formation::SIDE);
        let shown = self.of.originals.len() / shape.len();
        let rows = sheet(shape, &[&self.of.originals, &moment.reconstructions], shown);
        self.samples = Some(textures::load(ui.ctx(), "formation samples", &samples));
        self.rows = Some(textures::load(ui.ctx(), "formation rows", &rows));
        self.at = Some(at);
    }
}

/// Pictures of one shape in rows of `columns`.
fn sheet(shape: ImageShape, parts: &[&[u8]], columns: usize) -> Picture {
    const GAP: usize = 1;
    let count: usize = parts.iter().map(|p| p.len() / shape.len()).sum();
    let columns = columns.max(1);
    let (step_x, step_y) = (shape.width + GAP, shape.height + GAP);
    let size = ImageShape::new(
        step_y * count.div_ceil(columns) - GAP,
        step_x * columns - GAP,
        shape.channels,
    );
    let mut pixels = vec![0; size.len()];
    let pictures = parts.iter().flat_map(|p| p.chunks_exact(shape.len()));
    for (i, picture) in pictures.enumerate() {
        let (left, top) = (i % columns * step_x, i / columns * step_y);
        for (y, line) in picture
            .chunks_exact(shape.width * shape.channels)
            .enumerate()
        {
            let at = ((top + y) * size.width + left) * size.channels;
            pixels[at..at + line.len()].copy_from_slice(line);
        }
    }
    Picture {
        shape: size,
        pixels,
    }
}

impl Panel for FormationPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(formation) = cx.state.formation.clone() else {
            let text = "While a model trains, its map and its pictures are kept at moments that grow apart: a slider goes back and forth through them";
            let title = "Nothing took form yet";
            empty_ui(ui, cx.tokens, icon::FILM, title, text, |_| {});
            return;
        };
        let is_known = |made: &Made| Arc::ptr_eq(&made.of, &formation);
        if !self.made.as_ref().is_some_and(is_known) {
            self.made = Some(Made::new(formation.clone()));
        }
        let last = formation.moments.len().saturating_sub(1);
        // Another training begins at its beginning.
        self.follows |= last == 0;
        if self.follows || self.at > last {
            self.at = last;
        }
        ui.add_space(4.0);
        self.time_ui(ui, cx, &formation, last);
        let Some(made) = &mut self.made else { return };
        made.show(ui, self.at);
        let area = ui
            .available_rect_before_wrap()
            .shrink2(egui::vec2(12.0, 4.0));
        contents_ui(ui, cx.tokens, made, self.at, area);
    }
}

impl FormationPanel {
    /// The slider through time, with what it stands at.
    fn time_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, formation: &Formation, last: usize) {
        let tokens = cx.tokens;
        let now = ui.input(|i| i.time);
        if let Some((since, from)) = self.playing {
            let at = from + ((now - since) * PACE) as usize;
            self.at = at.min(last);
            if at >= last {
                self.playing = None;
            } else {
                ui.ctx().request_repaint();
            }
        }
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            let is_playing = self.playing.is_some();
            let (glyph, name) = if is_playing {
                (icon::PAUSE, "Pause the formation")
            } else {
                (icon::PLAY, "Play the formation")
            };
            let play = ui.button(glyph);
            set_name(&play, name);
            if play.on_hover_text(name).clicked() {
                let from = if self.at >= last { 0 } else { self.at };
                self.playing = (!is_playing).then_some((now, from));
                self.follows = false;
            }
            ui.spacing_mut().slider_width = (ui.available_width() - 250.0).max(80.0);
            let mut at = self.at;
            let slider = ui.add(Slider::new(&mut at, 0..=last.max(1)).show_value(false));
            set_name(&slider, "Moment of the training");
            if slider.changed() {
                self.at = at.min(last);
                self.playing = None;
            }
            let moment = formation.moments.get(self.at);
            let text = moment.map_or(String::new(), |m| {
                format!(
                    "Step {}, epoch {:.1}",
                    format::count(m.step as usize),
                    m.epoch
                )
            });
            let text = RichText::new(text).size(theme::CAPTION);
            ui.label(text.color(tokens.text_strong));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(theme::STEP);
                icon_button(ui, icon::EXPORT, Command::ExportFormation, cx.out);
            });
        });
        self.follows = self.at >= last && self.playing.is_none();
    }
}

fn contents_ui(ui: &mut Ui, tokens: &Tokens, made: &Made, at: usize, area: Rect) {
    let formation = &made.of;
    let is_wide = area.width() > 1.5 * area.height();
    let (map, pictures) = if is_wide {
        area.split_left_right_at_fraction(0.42)
    } else {
        area.split_top_bottom_at_fraction(0.45)
    };
    let mut within = |rect: Rect, salt: &str, add: &mut dyn FnMut(&mut Ui)| {
        let builder = egui::UiBuilder::new().max_rect(rect).id_salt(salt);
        let mut inner = ui.new_child(builder);
        inner.set_clip_rect(rect.intersect(ui.clip_rect()));
        add(&mut inner);
    };
    within(map, "formation map", &mut |ui| {
        let text = if formation.dims == 2 {
            "Codes"
        } else {
            "Codes, by the principal components of the last moment"
        };
        caption(ui, tokens, text);
        map_ui(ui, tokens, made, at);
    });
    let (samples, rows) = if is_wide {
        pictures
            .with_min_x(pictures.left() + theme::DOUBLE)
            .split_left_right_at_fraction(0.5)
    } else {
        pictures
            .with_min_y(pictures.top() + theme::STEP)
            .split_left_right_at_fraction(0.5)
    };
    let shown = [
        ("Decodes of the same codes", &made.samples, samples),
        ("Items over their reconstructions", &made.rows, rows),
    ];
    for (name, texture, area) in shown {
        within(area, name, &mut |ui| {
            caption(ui, tokens, name);
            let Some(texture) = texture else { return };
            let mut rect = ui.available_rect_before_wrap();
            rect.max.x -= theme::STEP;
            let size = texture.size_vec2();
            let mut rect = fit(rect, size.x / size.y.max(1.0));
            rect = rect.translate(ui.cursor().left_top() - rect.left_top());
            paint_picture(ui, rect, texture, Stroke::NONE, theme::RADIUS_SMALL);
            let response = ui.allocate_rect(rect, Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
        });
    }
}

fn map_ui(ui: &mut Ui, tokens: &Tokens, made: &Made, at: usize) {
    let Some(places) = made.places.get(at) else {
        return;
    };
    let labels = made.of.labels.as_ref();
    let classes = labels.map_or(1, |l| l.names.len());
    let height = (ui.available_height() - theme::STEP).max(80.0);
    let plot = still_plot("formation", tokens)
        .height(height)
        .show_axes(false)
        .show_grid(false);
    let [(left, right), (low, high)] = made.bounds;
    plot.show(ui, |plot| {
        plot.set_plot_bounds_x(left..=right);
        plot.set_plot_bounds_y(low..=high);
        for class in 0..classes {
            let of_class = places
                .iter()
                .enumerate()
                .filter(|(item, _)| labels.is_none_or(|l| usize::from(l.values[*item]) == class));
            let points: Vec<PlotPoint> =
                of_class.map(|(_, p)| PlotPoint::new(p[0], p[1])).collect();
            let name = labels.map_or("Items", |l| l.names[class].as_str());
            let colour = if labels.is_some() {
                palette::class(class, tokens.is_dark)
            } else {
                tokens.accent
            };
            plot.points(
                Points::new(name, PlotPoints::Owned(points))
                    .color(colour)
                    .radius(2.2),
            );
        }
    });
}
