//! The map as one paint callback: a density with contours where points are too many, points, and pictures where they fit.
//!
//! Invariant: what a frame costs depends on what is seen, not on how many points there are; work on all of them is done when they change.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::{Color32, Context, PaintCallbackInfo};
use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};

use super::PALETTE_LEN;
use super::atlas::AtlasPass;
use super::density::{Density, DensityPass, Field};
use super::gpu::{Camera, Shared};
use super::points::PointsPass;
use super::thumbnails::{Chosen, Thumbnails};
use crate::data::Picture;
use crate::space::GridIndex;

/// Points that a software rasteriser draws in time, and a graphics card.
const BUDGET: (usize, usize) = (80_000, 4_000_000);
/// Points of a cell that is drawn whole where it lies across the edge of the screen.
const FEW: usize = 512;

/// How an item is shown.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mark {
    /// As it is.
    #[default]
    Plain,
    /// It is in the selection: drawn on top.
    Selected,
    /// It is outside the selection: in [`Look::greyed`].
    Greyed,
    /// Not at all.
    Hidden,
}

/// Everything that is on the map. Clones share it; a change is told by another `Arc`.
#[derive(Clone, Default)]
pub struct MapData {
    /// Where the items lie.
    pub index: Arc<GridIndex>,
    /// What is coloured, per item; not a number, or none for want of entries, has [`Look::missing`].
    pub values: Arc<Vec<f32>>,
    /// How each item is shown; items beyond the end are plain.
    pub marks: Arc<Vec<Mark>>,
    /// The second at which each item appeared; items beyond the end were always there.
    pub births: Arc<Vec<f32>>,
    /// Up to [`PALETTE_LEN`] colours.
    pub palette: Arc<Vec<Color32>>,
}

impl MapData {
    pub(super) fn value(&self, id: u32) -> f32 {
        self.values.get(id as usize).copied().unwrap_or(f32::NAN)
    }

    pub(super) fn mark(&self, id: u32) -> Mark {
        self.marks.get(id as usize).copied().unwrap_or_default()
    }

    pub(super) fn birth(&self, id: u32) -> f32 {
        self.births.get(id as usize).copied().unwrap_or(f32::MIN)
    }

    /// Whether `other` is the same in every part but births.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.index, &other.index)
            && Arc::ptr_eq(&self.values, &other.values)
            && Arc::ptr_eq(&self.marks, &other.marks)
            && Arc::ptr_eq(&self.palette, &other.palette)
    }
}

/// Where `value` lies in the palette, `[0, 255]`, if the ends of the palette stand for the ends of `scale`; none where it is missing.
#[must_use]
pub fn shade(value: f32, [low, high]: [f32; 2]) -> Option<f32> {
    let last = (PALETTE_LEN - 1) as f32;
    (!value.is_nan()).then(|| ((value - low) * per_value(low, high)).clamp(0.0, last))
}

fn per_value(low: f32, high: f32) -> f32 {
    (PALETTE_LEN - 1) as f32 / (high - low).max(f32::MIN_POSITIVE)
}

/// The part of the map that is looked at, and the part of the screen that shows it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct View {
    /// Lower left corner, map units.
    pub min: [f64; 2],
    /// Upper right corner.
    pub max: [f64; 2],
    /// In physical pixels.
    pub size_px: [f32; 2],
    /// Physical pixels per point of the interface.
    pub px_per_point: f32,
}

impl View {
    /// Physical pixels per map unit.
    pub(super) fn px_per_unit(&self) -> f64 {
        f64::from(self.size_px[0].max(1.0)) / (self.max[0] - self.min[0]).max(f64::MIN_POSITIVE)
    }
}

/// What points are drawn as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Layers {
    /// As a density where there are more in view than can be drawn in time, fading into points as one comes nearer.
    #[default]
    Auto,
    /// As points, however many.
    Points,
    /// As a density, however few.
    Density,
}

/// Gives an item's picture; called from a thread in the background.
pub type Pictures = Arc<dyn Fn(u32) -> Option<Picture> + Send + Sync>;

/// How things look.
#[derive(Clone)]
pub struct Look {
    /// The values that the two ends of the palette stand for; `[0, 255]` for classes.
    pub scale: [f32; 2],
    /// Points without a value.
    pub missing: Color32,
    /// Points outside the selection.
    pub greyed: Color32,
    /// Contours of the density.
    pub contour: Color32,
    /// The frame of selected pictures.
    pub strong: Color32,
    /// How far a point's rim is mixed towards white (above 0) or black (below 0), `[-1, 1]`.
    pub rim: f32,
    /// The present second, on the clock of [`MapData::births`].
    pub now_secs: f32,
    /// Seconds over which a point fades in.
    pub fade_secs: f32,
    /// What points are drawn as.
    pub layers: Layers,
    /// Longer side of the pictures on the map in points of the interface, and where they come from; none shows none.
    pub thumbnails: Option<(f32, Pictures)>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            scale: [0.0, (PALETTE_LEN - 1) as f32],
            missing: Color32::GRAY,
            greyed: Color32::from_gray(96),
            contour: Color32::from_white_alpha(90),
            strong: Color32::WHITE,
            rim: -0.3,
            now_secs: 0.0,
            fade_secs: 0.7,
            layers: Layers::Auto,
            thumbnails: None,
        }
    }
}

/// What is kept from frame to frame.
pub struct MapLayer {
    budget: usize,
    density: Density,
    thumbnails: Thumbnails,
}

impl Default for MapLayer {
    fn default() -> Self {
        Self::new(BUDGET.0)
    }
}

impl MapLayer {
    /// A layer that draws up to `budget` points as points, see [`point_budget`].
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self {
            budget,
            density: Density::default(),
            thumbnails: Thumbnails::default(),
        }
    }

    /// The frame that shows `data`. Whatever it needs and is not there yet comes in later frames, which are asked for through `ctx`.
    pub fn frame(&mut self, data: &MapData, view: &View, look: &Look, ctx: &Context) -> MapFrame {
        let corner = |corner: [f64; 2]| corner.map(|x| x as f32);
        let in_view = data.index.count_within(corner(view.min), corner(view.max));
        let area = view
            .size_px
            .iter()
            .map(|px| px / view.px_per_point)
            .product::<f32>();
        let room = (area / in_view.max(1) as f32).sqrt();
        let (radius, opacity) = (disc_radius(room), disc_opacity(room));
        let few: f32 = (in_view as f32 / self.budget.max(1) as f32).max(f32::MIN_POSITIVE);
        let crowd = (1.0 + few.log2()).clamp(0.0, 1.0);
        let (share_of_points, share_of_field) = match look.layers {
            Layers::Auto => (1.0 - crowd, crowd),
            Layers::Points => (1.0, 0.0),
            Layers::Density => (0.0, 1.0),
        };
        let field = (share_of_field > 0.0)
            .then(|| self.density.refresh(data, view, look, ctx))
            .flatten();
        // Discs whose centre lies just outside are seen as well.
        let margin = f64::from((radius + 2.0) * view.px_per_point) / view.px_per_unit();
        let (min, max) = (view.min.map(|x| x - margin), view.max.map(|x| x + margin));
        let runs = if share_of_points > 0.0 {
            data.index.runs(corner(min), corner(max), FEW)
        } else {
            Vec::new()
        };
        let mut frame = MapFrame {
            data: data.clone(),
            runs,
            in_view,
            radius,
            field,
            thumbnails: None,
            camera: camera_of(look),
            ctx: ctx.clone(),
            view: *view,
        };
        if let Some((edge, pictures)) = &look.thumbnails {
            let edge_px = (edge * view.px_per_point).round().max(4.0);
            let chosen = self.thumbnails.choose(data, view, edge_px);
            frame.camera.edge_px = edge_px;
            frame.camera.cell = data.index.cell_width(chosen.level) as f32;
            frame.thumbnails = Some((chosen, pictures.clone()));
        }
        frame.camera.opacity = opacity * share_of_points;
        frame.camera.field_opacity = share_of_field;
        frame.camera.radius_px = radius * view.px_per_point;
        frame.look_at(view);
        frame
    }

    /// Whether nothing more comes in later frames but pictures.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.density.is_coming()
    }

    /// The item whose picture covers `at` (map units), in the frame made last for the same view.
    #[must_use]
    pub fn thumbnail_at(&self, data: &MapData, view: &View, at: [f64; 2]) -> Option<u32> {
        self.thumbnails.at(data, view, at)
    }
}

/// In points of the interface, where a point has `room` to each side.
fn disc_radius(room: f32) -> f32 {
    (room * 0.3).clamp(1.8, 5.5)
}

fn disc_opacity(room: f32) -> f32 {
    0.62 + 0.3 * ((room - 3.0) / 11.0).clamp(0.0, 1.0)
}

/// The camera but for what the view says.
fn camera_of(look: &Look) -> Camera {
    Camera {
        missing: look.missing.to_normalized_gamma_f32(),
        greyed: look.greyed.to_normalized_gamma_f32(),
        contour: look.contour.to_normalized_gamma_f32(),
        strong: look.strong.to_normalized_gamma_f32(),
        now_secs: look.now_secs,
        fade_secs: look.fade_secs.max(1e-3),
        rim: look.rim,
        low: look.scale[0],
        per_value: per_value(look.scale[0], look.scale[1]),
        ..bytemuck::Zeroable::zeroed()
    }
}

/// One frame of the map, for [`egui_wgpu::Callback::new_paint_callback`].
#[derive(Clone)]
pub struct MapFrame {
    data: MapData,
    runs: Vec<Range<usize>>,
    in_view: usize,
    radius: f32,
    field: Option<Arc<Field>>,
    thumbnails: Option<(Arc<Chosen>, Pictures)>,
    camera: Camera,
    view: View,
    ctx: Context,
}

impl MapFrame {
    /// How many points are in view, hidden ones included.
    #[must_use]
    pub fn in_view(&self) -> usize {
        self.in_view
    }

    /// Radius of the discs, in points of the interface.
    #[must_use]
    pub fn radius(&self) -> f32 {
        self.radius
    }

    /// Moves the camera to a view that differs little from the one that the frame was made for.
    pub fn look_at(&mut self, view: &View) {
        let camera = &mut self.camera;
        let middle = [0, 1].map(|axis| f64::midpoint(view.min[axis], view.max[axis]));
        camera.centre_high = middle.map(|x| x as f32);
        camera.centre_low = middle.map(|x| (x - f64::from(x as f32)) as f32);
        camera.scale = [0, 1].map(|axis| (2.0 / (view.max[axis] - view.min[axis])) as f32);
        camera.pixel = view.size_px.map(|px| 2.0 / px.max(1.0));
        if let Some(field) = &self.field {
            camera.field = field.coordinates(view);
            camera.field_gain = field.gain;
        }
        self.view = *view;
    }
}

/// How many points the device draws in time: 80,000 on a software rasteriser, where two cores take 70 ms for them, else four million.
#[must_use]
pub fn point_budget(adapter: &wgpu::AdapterInfo) -> usize {
    if adapter.device_type == wgpu::DeviceType::Cpu {
        BUDGET.0
    } else {
        BUDGET.1
    }
}

/// Every pass of the map.
pub(super) struct Passes {
    shared: Shared,
    palette: Option<Arc<Vec<Color32>>>,
    density: DensityPass,
    points: PointsPass,
    atlas: AtlasPass,
}

impl Passes {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let shared = Shared::new(device, target);
        Self {
            palette: None,
            density: DensityPass::new(device, &shared),
            points: PointsPass::new(device, &shared),
            atlas: AtlasPass::new(device, &shared),
            shared,
        }
    }
}

/// Makes the passes known to egui's renderer. Without them, frames are not drawn.
pub fn install(state: &egui_wgpu::RenderState) {
    install_in(
        &mut state.renderer.write().callback_resources,
        &state.device,
        state.target_format,
    );
}

/// Makes the passes known to whatever draws frames onto `target`.
pub(super) fn install_in(
    resources: &mut CallbackResources,
    device: &wgpu::Device,
    target: wgpu::TextureFormat,
) {
    resources.insert(Passes::new(device, target));
}

impl CallbackTrait for MapFrame {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let Some(passes) = resources.get_mut::<Passes>() else {
            return Vec::new();
        };
        if !passes
            .palette
            .as_ref()
            .is_some_and(|palette| Arc::ptr_eq(palette, &self.data.palette))
        {
            passes.shared.write_palette(queue, &self.data.palette);
            passes.palette = Some(self.data.palette.clone());
        }
        let is_linear = f32::from(u8::from(passes.shared.is_linear()));
        passes.shared.write_camera(
            queue,
            &Camera {
                is_linear,
                ..self.camera
            },
        );
        passes.points.prepare(device, queue, &self.data);
        if let Some(field) = &self.field {
            passes.density.prepare(device, queue, field);
        }
        if let Some((chosen, pictures)) = &self.thumbnails {
            let camera = &self.camera;
            passes.atlas.prepare(
                device,
                queue,
                chosen,
                pictures,
                &self.data,
                self.view.size_px,
                camera,
                &self.ctx,
            );
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: PaintCallbackInfo,
        render: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(passes) = resources.get::<Passes>() else {
            return;
        };
        if self.field.is_some() {
            passes.density.paint(render, &passes.shared);
        }
        passes.points.paint(render, &passes.shared, &self.runs);
        if self.thumbnails.is_some() {
            passes.atlas.paint(render, &passes.shared);
        }
    }
}
