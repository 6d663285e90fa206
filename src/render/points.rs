//! The points of the map in one draw call. The shader is `shaders/points.wgsl`.
//!
//! Invariant: points are uploaded when they change, not when they are looked at; a frame costs one small uniform.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use eframe::egui::{Color32, PaintCallbackInfo};
use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};

/// Colours in a palette.
pub(crate) const PALETTE_LEN: usize = 256;

/// One point, as the shader reads it.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug, Pod, Zeroable)]
pub(crate) struct Point {
    /// In map units.
    pub(crate) position: [f32; 2],
    /// Index into the palette, `[0, 255]`; fractions are mixed.
    pub(crate) shade: f32,
    /// The second at which it appeared.
    pub(crate) born_secs: f32,
}

/// How points are drawn in one frame.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct PointLook {
    /// Clip space is position times this…
    pub(crate) scale: [f32; 2],
    /// …plus this.
    pub(crate) offset: [f32; 2],
    /// Width and height of the part of the screen that clip space covers, in physical pixels.
    pub(crate) size_px: [f32; 2],
    /// In physical pixels.
    pub(crate) radius_px: f32,
    /// In `[0, 1]`.
    pub(crate) opacity: f32,
    /// The present second, on the clock of [`Point::born_secs`].
    pub(crate) now_secs: f32,
    /// Seconds over which a point fades in.
    pub(crate) fade_secs: f32,
    /// How far a point's rim is mixed towards white (above 0) or black (below 0), `[-1, 1]`.
    pub(crate) rim: f32,
}

/// Points to be drawn in this frame. Clones share the points.
#[derive(Clone)]
pub(crate) struct PointCloud {
    /// The points.
    pub(crate) points: Arc<Vec<Point>>,
    /// Changes whenever the points or the palette do.
    pub(crate) revision: u64,
    /// Colours the points' shades refer to.
    pub(crate) palette: Arc<Vec<Color32>>,
    /// How they are drawn.
    pub(crate) look: PointLook,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Camera {
    scale: [f32; 2],
    offset: [f32; 2],
    pixel: [f32; 2],
    radius_px: f32,
    opacity: f32,
    now_secs: f32,
    fade_secs: f32,
    rim: f32,
    is_linear: f32,
}

struct Pass {
    pipeline: wgpu::RenderPipeline,
    camera: wgpu::Buffer,
    palette: wgpu::Buffer,
    bindings: wgpu::BindGroup,
    points: Option<wgpu::Buffer>,
    count: u32,
    revision: Option<u64>,
    is_linear: bool,
}

/// Makes the pass known to egui's renderer. Without it, clouds are not drawn.
pub(crate) fn install(state: &egui_wgpu::RenderState) {
    let pass = Pass::new(&state.device, state.target_format);
    state.renderer.write().callback_resources.insert(pass);
}

impl Pass {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let shader = device.create_shader_module(wgpu::include_wgsl!("../../shaders/points.wgsl"));
        let uniform = |label, size| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let camera = uniform("points camera", size_of::<Camera>() as u64);
        let palette = uniform(
            "points palette",
            (PALETTE_LEN * size_of::<[f32; 4]>()) as u64,
        );
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("points"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("place"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[Some(wgpu::VertexBufferLayout {
                    array_stride: size_of::<Point>() as u64,
                    step_mode: wgpu::VertexStepMode::Instance,
                    attributes: &wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32, 2 => Float32],
                })],
            },
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("colour"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format: target,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            primitive: wgpu::PrimitiveState {
                topology: wgpu::PrimitiveTopology::TriangleStrip,
                ..wgpu::PrimitiveState::default()
            },
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            multiview_mask: None,
            cache: None,
        });
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("points"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: camera.as_entire_binding(),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: palette.as_entire_binding(),
                },
            ],
        });
        Self {
            pipeline,
            camera,
            palette,
            bindings,
            points: None,
            count: 0,
            revision: None,
            is_linear: target.is_srgb(),
        }
    }

    fn upload(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, cloud: &PointCloud) {
        let bytes: &[u8] = bytemuck::cast_slice(&cloud.points);
        let fits = self
            .points
            .as_ref()
            .is_some_and(|b| b.size() >= bytes.len() as u64);
        if !fits {
            self.points = Some(device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("points"),
                // Room to grow, so that a set that fills up is not moved at each step.
                size: (bytes.len() as u64).next_power_of_two().max(4096),
                usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }));
        }
        if let Some(points) = &self.points {
            queue.write_buffer(points, 0, bytes);
        }
        let mut palette = [[0.0_f32; 4]; PALETTE_LEN];
        for (entry, colour) in palette.iter_mut().zip(cloud.palette.iter()) {
            *entry = colour.to_normalized_gamma_f32();
        }
        queue.write_buffer(&self.palette, 0, bytemuck::cast_slice(&palette));
        self.count = cloud.points.len() as u32;
        self.revision = Some(cloud.revision);
    }
}

impl CallbackTrait for PointCloud {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(pass) = resources.get_mut::<Pass>() {
            if pass.revision != Some(self.revision) {
                pass.upload(device, queue, self);
            }
            let look = &self.look;
            let camera = Camera {
                scale: look.scale,
                offset: look.offset,
                pixel: look.size_px.map(|px| 2.0 / px.max(1.0)),
                radius_px: look.radius_px,
                opacity: look.opacity,
                now_secs: look.now_secs,
                fade_secs: look.fade_secs,
                rim: look.rim,
                is_linear: f32::from(u8::from(pass.is_linear)),
            };
            queue.write_buffer(&pass.camera, 0, bytemuck::bytes_of(&camera));
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: PaintCallbackInfo,
        render: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(pass) = resources.get::<Pass>() else {
            return;
        };
        let Some(points) = &pass.points else { return };
        render.set_pipeline(&pass.pipeline);
        render.set_bind_group(0, &pass.bindings, &[]);
        render.set_vertex_buffer(0, points.slice(..));
        render.draw(0..4, 0..pass.count);
    }
}
