//! Pictures on the map, from one texture that holds those in view and as many others as there is room for. The shader is
//! `shaders/thumbnails.wgsl`.
//!
//! Invariant: a frame uploads a bounded number of pictures; the rest come in the next ones. Pictures in view are never evicted.

use crossbeam_channel::{Receiver, TryRecvError, unbounded};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use eframe::egui::Context;
use eframe::egui_wgpu::wgpu;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::gpu::{Camera, Shared, Texture, texture_layout, vertex_buffer};
use super::map::{MapData, Pictures};
use super::thumbnails::{Chosen, MOST};
use crate::data::Picture;

/// Edges of slots, in texels: a picture is drawn from the next larger one.
const EDGES: [usize; 11] = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/// Pictures uploaded per frame, and texels.
const UPLOADS: (usize, usize) = (128, 1 << 18);
/// Pictures asked for at once.
const BATCH: usize = 512;
/// Pictures brought from the background at once.
const PARCEL: usize = 32;
/// Texels to a side at most, which every card can do.
const LARGEST: usize = 8192;

/// A picture as large as its slot.
struct Tile {
    id: u32,
    size: [usize; 2],
    /// Red, green, blue and alpha.
    texels: Vec<u8>,
}

struct Slot {
    id: u32,
    /// The last choice that it was part of.
    used: u64,
    size: [usize; 2],
    born_secs: f32,
}

/// As `shaders/thumbnails.wgsl` reads it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Instance {
    point: [f32; 2],
    corner: [f32; 2],
    origin: [f32; 2],
    size: [f32; 2],
    value: f32,
    born_secs: f32,
    pull: f32,
    mark: u32,
    bounded: [f32; 4],
}

/// The texture and what is in it.
struct Atlas {
    texture: Texture,
    edge: usize,
    columns: usize,
    room: usize,
    /// Where pictures come from.
    pictures: Pictures,
    slots: Vec<Slot>,
    slot_of: HashMap<u32, usize>,
    /// The next slot that may be given to another picture.
    hand: usize,
    /// Pictures that are wanted, and those that have come and wait for their upload.
    missing: VecDeque<u32>,
    waiting: VecDeque<Tile>,
    coming: Option<Receiver<Vec<Tile>>>,
}

/// The pictures on the card.
pub(super) struct AtlasPass {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    atlas: Option<Atlas>,
    instances: wgpu::Buffer,
    count: u32,
    shown: Option<(Arc<Chosen>, MapData)>,
    /// How often the choice has changed.
    choice: u64,
}

impl AtlasPass {
    pub(super) fn new(device: &wgpu::Device, shared: &Shared) -> Self {
        let source = concat!(
            include_str!("../../shaders/map.wgsl"),
            include_str!("../../shaders/thumbnails.wgsl")
        );
        let layout = texture_layout(device);
        let instance = wgpu::VertexBufferLayout {
            array_stride: size_of::<Instance>() as u64,
            step_mode: wgpu::VertexStepMode::Instance,
            attributes: &wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4, 2 => Float32x3, 3 => Uint32, 4 => Float32x4],
        };
        let entries = ["place", "colour"];
        Self {
            pipeline: shared.pipeline(
                device,
                "thumbnails",
                source,
                entries,
                Some(&layout),
                &[Some(instance)],
            ),
            layout,
            atlas: None,
            instances: vertex_buffer(device, "map thumbnails", MOST * size_of::<Instance>()),
            count: 0,
            shown: None,
            choice: 0,
        }
    }

    /// Makes the chosen pictures ready, as far as a frame allows.
    #[expect(clippy::too_many_arguments, reason = "they are the parts of a frame")]
    pub(super) fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        chosen: &Arc<Chosen>,
        pictures: &Pictures,
        data: &MapData,
        size_px: [f32; 2],
        camera: &Camera,
        ctx: &Context,
    ) {
        let wanted = camera.edge_px as usize;
        let edge = EDGES
            .into_iter()
            .find(|&edge| edge >= wanted)
            .unwrap_or(EDGES[EDGES.len() - 1]);
        // As many as the screen holds side by side, and half as many again.
        let across = size_px.map(|px| px as usize / wanted.max(1) + 3);
        let room = (across[0] * across[1] * 3 / 2).min(MOST * 3 / 2);
        let fits = self.atlas.as_ref().is_some_and(|atlas| {
            atlas.edge == edge
                && atlas.room >= room.min(atlas.most())
                && is_same(&atlas.pictures, pictures)
        });
        if !fits {
            self.atlas = Some(Atlas::new(
                device,
                &self.layout,
                edge,
                room,
                pictures.clone(),
            ));
            self.shown = None;
        }
        let Some(atlas) = &mut self.atlas else { return };
        let is_new = !self
            .shown
            .as_ref()
            .is_some_and(|(c, d)| Arc::ptr_eq(c, chosen) && d.is_same(data));
        if is_new {
            self.choice += 1;
            atlas.want(chosen, self.choice);
            self.shown = Some((chosen.clone(), data.clone()));
        }
        let has_uploaded = atlas.fill(queue, self.choice, camera.now_secs, ctx);
        if is_new || has_uploaded {
            let instances = atlas.instances(chosen, data);
            queue.write_buffer(&self.instances, 0, bytemuck::cast_slice(&instances));
            self.count = instances.len() as u32;
        }
    }

    pub(super) fn paint(&self, render: &mut wgpu::RenderPass<'static>, shared: &Shared) {
        if let (Some(atlas), true) = (&self.atlas, self.count > 0) {
            render.set_pipeline(&self.pipeline);
            render.set_bind_group(0, &shared.bindings, &[]);
            render.set_bind_group(1, &atlas.texture.bindings, &[]);
            render.set_vertex_buffer(0, self.instances.slice(..));
            render.draw(0..4, 0..self.count);
        }
    }
}

fn is_same(a: &Pictures, b: &Pictures) -> bool {
    std::ptr::eq(Arc::as_ptr(a).cast::<()>(), Arc::as_ptr(b).cast::<()>())
}

impl Atlas {
    fn new(
        device: &wgpu::Device,
        layout: &wgpu::BindGroupLayout,
        edge: usize,
        room: usize,
        pictures: Pictures,
    ) -> Self {
        let columns = ((room as f64).sqrt().ceil() as usize).min(LARGEST / edge);
        let rows = room.div_ceil(columns).min(LARGEST / edge);
        let size = [columns * edge, rows * edge];
        Self {
            texture: Texture::new(device, layout, size, wgpu::TextureFormat::Rgba8Unorm),
            edge,
            columns,
            room: columns * rows,
            pictures,
            slots: Vec::new(),
            slot_of: HashMap::new(),
            hand: 0,
            missing: VecDeque::new(),
            waiting: VecDeque::new(),
            coming: None,
        }
    }

    /// Slots that a texture of this edge can have.
    fn most(&self) -> usize {
        (LARGEST / self.edge).pow(2)
    }

    /// Keeps the chosen pictures that are there and asks for the others.
    fn want(&mut self, chosen: &Chosen, choice: u64) {
        self.missing.clear();
        for item in &chosen.items {
            match self.slot_of.get(&item.id) {
                Some(&slot) => self.slots[slot].used = choice,
                None => self.missing.push_back(item.id),
            }
        }
    }

    /// Uploads some pictures that have come and asks for more. Gives whether there were any.
    fn fill(&mut self, queue: &wgpu::Queue, choice: u64, now_secs: f32, ctx: &Context) -> bool {
        if let Some(coming) = &self.coming {
            loop {
                match coming.try_recv() {
                    Ok(tiles) => self.waiting.extend(tiles),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        self.coming = None;
                        break;
                    }
                }
            }
        }
        let most = UPLOADS.0.min(UPLOADS.1 / (self.edge * self.edge)).max(1);
        let uploads = self.waiting.len().min(most);
        for _ in 0..uploads {
            let Some(tile) = self.waiting.pop_front() else {
                break;
            };
            if let (false, Some(slot)) =
                (self.slot_of.contains_key(&tile.id), self.free_slot(choice))
            {
                let origin = self.origin(slot);
                self.texture.write(queue, origin, tile.size, &tile.texels);
                self.slot_of.insert(tile.id, slot);
                self.slots[slot] = Slot {
                    id: tile.id,
                    used: choice,
                    size: tile.size,
                    born_secs: now_secs,
                };
            }
        }
        if self.coming.is_none() && self.waiting.len() < BATCH && !self.missing.is_empty() {
            self.ask(ctx);
        }
        if !self.waiting.is_empty() {
            ctx.request_repaint();
        }
        uploads > 0
    }

    /// Has the next missing pictures made on a thread of its own.
    fn ask(&mut self, ctx: &Context) {
        let ids: Vec<u32> = self
            .missing
            .drain(..self.missing.len().min(BATCH))
            .collect();
        let (edge, pictures, ctx) = (self.edge, self.pictures.clone(), ctx.clone());
        let (sender, receiver) = unbounded();
        let make = move || {
            for ids in ids.chunks(PARCEL) {
                let tiles = ids
                    .iter()
                    .filter_map(|&id| tile_of(id, &pictures(id)?, edge))
                    .collect();
                // Another size or other data are shown by now.
                if sender.send(tiles).is_err() {
                    return;
                }
                ctx.request_repaint();
            }
        };
        let thread = std::thread::Builder::new().name("thumbnails".to_owned());
        self.coming = thread.spawn(make).ok().map(|_| receiver);
    }

    /// A slot that no picture in view has.
    fn free_slot(&mut self, choice: u64) -> Option<usize> {
        if self.slots.len() < self.room {
            self.slots.push(Slot {
                id: u32::MAX,
                used: choice,
                size: [0; 2],
                born_secs: 0.0,
            });
            return Some(self.slots.len() - 1);
        }
        for _ in 0..self.room {
            self.hand = (self.hand + 1) % self.room;
            let slot = &self.slots[self.hand];
            if slot.used < choice {
                self.slot_of.remove(&slot.id);
                return Some(self.hand);
            }
        }
        None
    }

    fn origin(&self, slot: usize) -> [usize; 2] {
        [
            slot % self.columns * self.edge,
            slot / self.columns * self.edge,
        ]
    }

    fn instances(&self, chosen: &Chosen, data: &MapData) -> Vec<Instance> {
        let ready = chosen
            .items
            .iter()
            .filter_map(|item| Some((item, *self.slot_of.get(&item.id)?)));
        let instances = ready.map(|(item, at)| {
            let slot = &self.slots[at];
            let value = Some(data.value(item.id)).filter(|v| !v.is_nan());
            Instance {
                point: item.point,
                corner: item.corner,
                origin: self.origin(at).map(|x| x as f32),
                size: slot.size.map(|x| x as f32),
                value: value.unwrap_or(f32::MIN),
                born_secs: slot.born_secs,
                pull: item.pull,
                mark: data.mark(item.id) as u32,
                bounded: item.bounded,
            }
        });
        instances.take(MOST).collect()
    }
}

/// `picture` with its longer side `edge` texels long.
fn tile_of(id: u32, picture: &Picture, edge: usize) -> Option<Tile> {
    let shape = picture.shape;
    let longer = shape.width.max(shape.height).max(1);
    let size =
        [shape.width, shape.height].map(|side| (side * edge).div_ceil(longer).clamp(1, edge));
    let kind = if shape.channels == 3 {
        PixelType::U8x3
    } else {
        PixelType::U8
    };
    let from = ImageRef::new(
        shape.width as u32,
        shape.height as u32,
        &picture.pixels,
        kind,
    )
    .ok()?;
    let mut to = Image::new(size[0] as u32, size[1] as u32, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Mitchell));
    Resizer::new().resize(&from, &mut to, &options).ok()?;
    let texels = if shape.channels == 3 {
        to.buffer()
            .chunks_exact(3)
            .flat_map(|p| [p[0], p[1], p[2], 255])
            .collect()
    } else {
        to.buffer().iter().flat_map(|&p| [p, p, p, 255]).collect()
    };
    Some(Tile { id, size, texels })
}
