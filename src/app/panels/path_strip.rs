//! The strip: key-frames' pictures on a time line under a ruler, with the play head over both.
//!
//! Invariant: a picture's left edge is at the second at which the path passes it; while a time is dragged, the strip's scale
//! stays as it was.

use eframe::egui::{
    self, Align2, Color32, CursorIcon, EventFilter, Key, Rect, Response, ScrollArea, Sense, Stroke,
    StrokeKind, TextureHandle, Ui, Vec2, WidgetInfo,
};

use super::Cx;
use crate::app::gesture::On;
use crate::app::textures::Filter;
use crate::app::theme;
use crate::space::path::{KeyFrame, Path};

/// Height of the ruler.
const RULER: f32 = 20.0;
/// Narrowest that a key-frame is drawn on average, and at all.
const NARROWEST: (f32, f32) = (40.0, 6.0);
/// Half the width of the edge that is dragged for a time.
const EDGE: f32 = 4.0;
/// Shortest and longest time from one key-frame to the next, in seconds, and the steps in which one is dragged.
const SECS: (f32, f32, f32) = (0.05, 600.0, 0.05);
/// Least distance between two numbers on the ruler.
const TICKS: f32 = 64.0;

/// What was done to the strip.
#[derive(Clone, Copy)]
pub(super) enum Edit {
    /// A key-frame was clicked.
    Pick(usize),
    /// The play head was moved to a second.
    Seek(f64),
    /// A key-frame was dropped elsewhere.
    Move { from: usize, to: usize },
    /// The time from a key-frame to the next was dragged.
    Secs { key: usize, secs: f32 },
    /// A key-frame is to go.
    Delete(usize),
}

/// What is under way.
#[derive(Default)]
pub(super) struct Strip {
    /// Points per second while a time is dragged.
    scale: Option<f32>,
}

/// Where the key-frames are.
struct Places {
    /// The strip's upper left corner and its height.
    area: Rect,
    /// Points per second.
    scale: f32,
    starts: Vec<f64>,
    /// Right edge of each key-frame, as points from the left.
    ends: Vec<f32>,
}

impl Places {
    /// The places of `path`'s key-frames, the last of which is `edge` wide where no time leads on from it.
    fn new(path: &Path, scale: f32, edge: f32) -> Self {
        let starts = path.starts();
        let last = starts.len().saturating_sub(1);
        let end = |(i, start): (usize, &f64)| {
            let start = *start as f32 * scale;
            if i == last && !path.is_loop() {
                start + edge
            } else {
                (start + path.keys()[i].secs * scale).max(start + NARROWEST.1)
            }
        };
        Self {
            area: Rect::NOTHING,
            scale,
            ends: starts.iter().enumerate().map(end).collect(),
            starts,
        }
    }

    fn width(&self) -> f32 {
        self.ends.last().copied().unwrap_or(0.0)
    }

    fn x_of(&self, secs: f64) -> f32 {
        self.area.left() + secs as f32 * self.scale
    }

    /// The key-frame's part of the strip below the ruler.
    fn rect(&self, key: usize) -> Rect {
        Rect::from_x_y_ranges(
            self.x_of(self.starts[key])..=self.area.left() + self.ends[key],
            self.area.top() + RULER..=self.area.bottom(),
        )
    }

    /// The gap between key-frames nearest to `x`: 0 before the first.
    fn gap(&self, x: f32) -> usize {
        (0..self.starts.len())
            .filter(|key| self.rect(*key).center().x < x)
            .count()
    }
}

impl Strip {
    /// Draws the strip over all of `ui`. Returns what was done to it, if anything.
    pub(super) fn show_ui(
        &mut self,
        ui: &mut Ui,
        cx: &mut Cx<'_>,
        selected: Option<usize>,
    ) -> Option<Edit> {
        let path = &cx.view.path;
        let size = ui.available_size();
        let shape = cx.state.model()?.spec.shape;
        let height = (size.y - RULER).max(16.0);
        let edge = (height * shape.width as f32 / shape.height as f32).min(size.x / 2.0);
        let scale = self.scale.unwrap_or_else(|| fitting(path, size.x, edge));
        let mut places = Places::new(path, scale, edge);
        let mut edit = None;
        let scroll = ScrollArea::horizontal()
            .id_salt("key-frames")
            .auto_shrink(false)
            .scroll_source(egui::scroll_area::ScrollSource {
                drag: egui::scroll_area::DragScroll::Never,
                ..egui::scroll_area::ScrollSource::default()
            });
        scroll.show(ui, |ui| {
            let width = places.width().max(size.x);
            let (area, _) = ui.allocate_exact_size(egui::vec2(width, size.y), Sense::hover());
            places.area = area;
            edit = ruler_ui(ui, cx, &places);
            let visible: Vec<usize> = (0..places.starts.len())
                .filter(|key| ui.clip_rect().intersects(places.rect(*key)))
                .collect();
            for &key in &visible {
                let is_selected = selected == Some(key);
                let done = key_ui(ui, cx, &places, key, is_selected, edge);
                edit = done.or(edit);
            }
            // Above the pictures, so that an edge is not covered by the next picture.
            for &key in &visible {
                let done = self.edge_ui(ui, cx, &places, key);
                edit = done.or(edit);
            }
            paint_head(ui, cx, &places);
        });
        if !ui.input(|i| i.pointer.any_down()) {
            self.scale = None;
        }
        edit
    }

    /// The right edge of a key-frame, dragged for the time to the next.
    fn edge_ui(&mut self, ui: &Ui, cx: &Cx<'_>, places: &Places, key: usize) -> Option<Edit> {
        let path = &cx.view.path;
        if key + 1 == path.keys().len() && !path.is_loop() {
            return None;
        }
        let secs = path.keys()[key].secs;
        let rect = places.rect(key);
        let handle =
            Rect::from_x_y_ranges(rect.right() - EDGE..=rect.right() + EDGE, rect.y_range());
        let id = ui.scope_id().with(("time", key));
        let response = ui
            .interact(handle, id, Sense::drag())
            .on_hover_cursor(CursorIcon::ResizeHorizontal);
        response.widget_info(|| {
            let name = format!("Time after key-frame {}", key + 1);
            WidgetInfo::slider(true, f64::from(secs), name)
        });
        if response.hovered() || response.dragged() {
            ui.painter().vline(
                rect.right(),
                rect.y_range(),
                Stroke::new(3.0, cx.tokens.accent),
            );
        }
        if !response.dragged() {
            response.on_hover_text("Drag for the time to the next key-frame");
            return None;
        }
        self.scale.get_or_insert(places.scale);
        let pointer = response.interact_pointer_pos()?;
        let wanted = (pointer.x - rect.left()) / places.scale;
        let stepped = (wanted / SECS.2).round() * SECS.2;
        let wanted = stepped.clamp(SECS.0, SECS.1);
        ((wanted - secs).abs() > 1e-4).then_some(Edit::Secs { key, secs: wanted })
    }
}

/// A key-frame's picture, to be clicked and dragged.
fn key_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    places: &Places,
    key: usize,
    is_selected: bool,
    edge: f32,
) -> Option<Edit> {
    let path = &cx.view.path;
    let (frame, count) = (path.keys()[key].clone(), path.keys().len());
    let leads_on = key + 1 < count || path.is_loop();
    let rect = places.rect(key);
    let body = rect.with_max_x((rect.right() - EDGE).max(rect.left() + 2.0));
    let id = ui.scope_id().with(("key-frame", key));
    let response = ui.interact(body, id, Sense::click_and_drag());
    let name = match frame.item {
        Some(item) => format!("Key-frame {}: item {item}", key + 1),
        None => format!("Key-frame {}", key + 1),
    };
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_selected, &name));
    let texture = texture_of(ui, cx, &frame);
    let look = Look {
        number: key + 1,
        texture,
        edge,
        secs: leads_on.then_some(frame.secs),
        is_selected,
    };
    paint_key(ui, cx, rect.shrink2(egui::vec2(1.0, 0.0)), &response, &look);
    let mut edit = dragged(ui, cx, places, key, &response, &look);
    if response.clicked() {
        response.request_focus();
        edit = Some(Edit::Pick(key));
    }
    if response.has_focus()
        && ui.input(|i| i.key_pressed(Key::Delete) || i.key_pressed(Key::Backspace))
    {
        edit = Some(Edit::Delete(key));
    }
    if !response.dragged() {
        let tip = match &frame.name {
            Some(called) => format!("{name}, {called}: click to go there, drag to move it"),
            None => format!("{name}: click to go there, drag to move it"),
        };
        response
            .on_hover_cursor(CursorIcon::Grab)
            .on_hover_text(tip);
    }
    edit
}

/// Points per second with which the whole path fits in `width`, unless its key-frames became too narrow.
fn fitting(path: &Path, width: f32, edge: f32) -> f32 {
    let duration = path.duration() as f32;
    if duration <= 0.0 {
        return edge;
    }
    let last = if path.is_loop() { 0.0 } else { edge };
    let steps = path.keys().len() - usize::from(!path.is_loop());
    let least = NARROWEST.0 * steps as f32 / duration;
    ((width - last) / duration).max(least)
}

/// The picture of a key-frame: the item it is, else what the decoder makes of it, which is asked for where it is missing.
fn texture_of(ui: &Ui, cx: &mut Cx<'_>, key: &KeyFrame) -> Option<TextureHandle> {
    let data = cx.state.session.dataset.clone();
    if let Some((item, data)) = key.item.zip(data).filter(|(item, data)| *item < data.len()) {
        let filter = if cx.is_smooth {
            Filter::Smooth
        } else {
            Filter::Pixels
        };
        let session = cx.state.session.id;
        return Some(cx.textures.item(ui.ctx(), session, &data, item, filter));
    }
    let texture = cx.textures.key(&key.code);
    if texture.is_none() {
        cx.out.keys.push(key.code.clone());
    }
    texture
}

/// How a key-frame looks.
struct Look {
    number: usize,
    texture: Option<TextureHandle>,
    /// Width of a whole picture.
    edge: f32,
    /// Seconds to the next, where there is one.
    secs: Option<f32>,
    is_selected: bool,
}

fn paint_key(ui: &Ui, cx: &Cx<'_>, rect: Rect, response: &Response, look: &Look) {
    let tokens = cx.tokens;
    let painter = ui.painter();
    let ground = if response.hovered() {
        tokens.hover
    } else {
        tokens.raised
    };
    painter.rect_filled(rect, theme::RADIUS_SMALL, ground);
    let shown = rect.with_max_x(rect.right().min(rect.left() + look.edge));
    if let Some(texture) = &look.texture {
        // What has no room is cut off, as on a strip of film.
        let share = (shown.width() / look.edge).clamp(0.0, 1.0);
        egui::Image::new((texture.id(), shown.size()))
            .uv(Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(share, 1.0)))
            .corner_radius(theme::RADIUS_SMALL)
            .paint_at(ui, shown);
    } else {
        painter.rect_filled(shown, theme::RADIUS_SMALL, tokens.well);
    }
    if let Some(secs) = look.secs {
        let rest = rect.with_min_x(shown.right());
        let text = painter.layout_no_wrap(
            format!("{secs:.2} s"),
            theme::regular(theme::CAPTION),
            tokens.text_weak,
        );
        if rest.width() > text.size().x + theme::STEP {
            let at = rest.center() - text.size() / 2.0;
            painter.galley(at, text, tokens.text_weak);
        }
    }
    if rect.width() > 20.0 {
        let at = rect.left_top() + Vec2::splat(11.0);
        painter.circle(at, 8.0, tokens.second, Stroke::new(1.5, tokens.well));
        painter.text(
            at,
            Align2::CENTER_CENTER,
            look.number,
            theme::strong(10.0),
            Color32::BLACK,
        );
    }
    let outline = match (look.is_selected, response.has_focus()) {
        (true, _) => Stroke::new(2.0, tokens.accent),
        (_, true) => Stroke::new(1.0, tokens.accent),
        _ => Stroke::new(1.0, tokens.line),
    };
    painter.rect_stroke(rect, theme::RADIUS_SMALL, outline, StrokeKind::Inside);
}

/// A key-frame that is dragged to another place.
fn dragged(
    ui: &Ui,
    cx: &Cx<'_>,
    places: &Places,
    key: usize,
    response: &Response,
    look: &Look,
) -> Option<Edit> {
    let is_over = response.drag_stopped();
    if !response.dragged() && !is_over {
        return None;
    }
    let pointer = response.interact_pointer_pos()?;
    let gap = places.gap(pointer.x);
    // Without it, those behind it move up.
    let to = if gap > key { gap - 1 } else { gap };
    if is_over {
        return (to != key).then_some(Edit::Move { from: key, to });
    }
    ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    let x = match gap.checked_sub(1) {
        Some(before) => places.rect(before).right(),
        None => places.area.left() + 1.0,
    };
    let painter = ui
        .ctx()
        .layer_painter(egui::LayerId::new(egui::Order::Tooltip, response.id));
    let range = places.area.top() + RULER..=places.area.bottom();
    if to != key {
        painter.vline(x, range, Stroke::new(3.0, cx.tokens.accent));
    }
    if let Some(texture) = &look.texture {
        let rect = places.rect(key);
        let size = egui::vec2(look.edge, rect.height()) * 0.7;
        let ghost = Rect::from_center_size(egui::pos2(pointer.x, rect.center().y), size);
        let whole = Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(1.0, 1.0));
        painter.image(
            texture.id(),
            ghost,
            whole,
            Color32::WHITE.gamma_multiply(0.85),
        );
        painter.rect_stroke(
            ghost,
            theme::RADIUS_SMALL,
            Stroke::new(1.0, cx.tokens.accent),
            StrokeKind::Outside,
        );
    }
    None
}

/// The ruler; pressing on it moves the play head.
fn ruler_ui(ui: &Ui, cx: &Cx<'_>, places: &Places) -> Option<Edit> {
    let tokens = cx.tokens;
    let duration = cx.view.path.duration();
    let ruler = places
        .area
        .with_max_y(places.area.top() + RULER)
        .intersect(ui.clip_rect());
    let painter = ui.painter();
    let step = tick(places.scale);
    let per_number = step / 5.0;
    let first = (f64::from((ruler.left() - places.area.left()) / places.scale) / per_number)
        .floor()
        .max(0.0) as usize;
    for i in first.. {
        let secs = i as f64 * per_number;
        let x = places.x_of(secs);
        if x > ruler.right() || secs > duration + 1e-9 {
            break;
        }
        let is_number = i % 5 == 0;
        let height = if is_number { 6.0 } else { 3.0 };
        painter.vline(
            x,
            ruler.bottom() - height - 2.0..=ruler.bottom() - 2.0,
            Stroke::new(1.0, tokens.line_strong),
        );
        if is_number {
            let text = if step < 1.0 {
                format!("{secs:.1} s")
            } else {
                format!("{secs:.0} s")
            };
            painter.text(
                egui::pos2(x + 3.0, ruler.top()),
                Align2::LEFT_TOP,
                text,
                theme::regular(10.0),
                tokens.text_weak,
            );
        }
    }
    let response = ui
        .interact(
            ruler,
            ui.scope_id().with("play head"),
            Sense::click_and_drag(),
        )
        .on_hover_cursor(CursorIcon::ResizeHorizontal);
    let head = cx.state.head;
    response.widget_info(|| WidgetInfo::slider(true, head, "Play head"));
    if response.clicked() || response.dragged() {
        response.request_focus();
    }
    let pressed = response
        .interact_pointer_pos()
        .filter(|_| response.is_pointer_button_down_on() || response.clicked());
    let wanted = match pressed {
        Some(at) => Some(f64::from((at.x - places.area.left()) / places.scale)),
        None => stepped(ui, cx, &response),
    };
    let wanted = wanted.map(|secs| secs.clamp(0.0, duration));
    if !response.dragged() {
        response.on_hover_text(On::PlayHead.tip(ui.ctx()));
    }
    wanted.filter(|secs| *secs != head).map(Edit::Seek)
}

/// Where the arrow keys move the play head, by frames.
fn stepped(ui: &Ui, cx: &Cx<'_>, ruler: &Response) -> Option<f64> {
    if !ruler.has_focus() {
        return None;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|m| m.set_focus_lock_filter(ruler.id, filter));
    let pressed = |key| ui.input(|i| i.key_pressed(key));
    let frames = f64::from(pressed(Key::ArrowRight)) - f64::from(pressed(Key::ArrowLeft));
    (frames != 0.0).then(|| cx.state.head + frames / f64::from(cx.view.path.fps()))
}

/// Seconds between two numbers on the ruler.
fn tick(scale: f32) -> f64 {
    const STEPS: [f64; 12] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0,
    ];
    let wide = |step: &&f64| **step as f32 * scale >= TICKS;
    STEPS.iter().find(wide).copied().unwrap_or(1000.0)
}

fn paint_head(ui: &Ui, cx: &Cx<'_>, places: &Places) {
    if cx.view.path.keys().len() < 2 {
        return;
    }
    let tokens = cx.tokens;
    // After a step back the path may have become shorter.
    let x = places.x_of(cx.state.head.min(cx.view.path.duration()));
    let painter = ui.painter();
    let (top, bottom) = (places.area.top() + RULER - 8.0, places.area.bottom());
    painter.vline(x, top..=bottom, Stroke::new(4.0, tokens.well));
    painter.vline(x, top..=bottom, Stroke::new(2.0, tokens.accent));
    let grip = [
        (-5.0, -8.0),
        (5.0, -8.0),
        (5.0, -2.0),
        (0.0, 4.0),
        (-5.0, -2.0),
    ];
    let grip = grip.map(|(dx, dy)| egui::pos2(x + dx, top + dy)).to_vec();
    painter.add(egui::Shape::convex_polygon(
        grip,
        tokens.accent,
        Stroke::new(1.0, tokens.well),
    ));
    if cx.state.is_playing {
        let head = Rect::from_center_size(egui::pos2(x, bottom), Vec2::new(48.0, 1.0));
        ui.scroll_to_rect(head, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(secs: &[f32]) -> Path {
        let keys = secs.iter().map(|secs| KeyFrame::new(vec![0.0], *secs));
        Path::new(keys.collect()).expect("a path")
    }

    #[test]
    fn the_whole_path_fits_until_it_is_too_crowded() {
        let short = path(&[1.0, 3.0, 1.0]);
        let scale = fitting(&short, 500.0, 100.0);
        let places = Places::new(&short, scale, 100.0);
        assert!((places.width() - 500.0).abs() < 0.01, "{}", places.width());
        assert!(
            (places.ends[0] - 100.0).abs() < 0.01,
            "a quarter of the time"
        );
        let long = path(&[1.0; 101]);
        let places = Places::new(&long, fitting(&long, 500.0, 100.0), 100.0);
        assert!((places.width() - 100.0 - 100.0 * NARROWEST.0).abs() < 0.1);
    }

    #[test]
    fn a_drop_falls_into_the_nearest_gap() {
        let path = path(&[1.0; 4]);
        let mut places = Places::new(&path, 100.0, 100.0);
        places.area = Rect::from_min_size(egui::pos2(10.0, 0.0), egui::vec2(400.0, 100.0));
        assert_eq!(places.gap(0.0), 0);
        assert_eq!(places.gap(100.0), 1);
        assert_eq!(places.gap(170.0), 2);
        assert_eq!(places.gap(900.0), 4);
    }
}
