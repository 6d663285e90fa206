//! What the passes of the map share on the graphics card: the camera, the palette and how a pipeline is made.
//!
//! Invariant: every pass draws instances of a strip of four corners or one triangle, blended as egui blends.

use bytemuck::{Pod, Zeroable};
use eframe::egui::Color32;
use eframe::egui_wgpu::wgpu;

use super::PALETTE_LEN;

/// `Camera` of `shaders/map.wgsl`, field by field.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug, Pod, Zeroable)]
pub(super) struct Camera {
    pub centre_high: [f32; 2],
    pub centre_low: [f32; 2],
    pub scale: [f32; 2],
    pub pixel: [f32; 2],
    pub field: [f32; 4],
    pub missing: [f32; 4],
    pub greyed: [f32; 4],
    pub contour: [f32; 4],
    pub strong: [f32; 4],
    pub radius_px: f32,
    pub opacity: f32,
    pub now_secs: f32,
    pub fade_secs: f32,
    pub rim: f32,
    pub is_linear: f32,
    pub low: f32,
    pub per_value: f32,
    pub field_gain: f32,
    pub field_opacity: f32,
    pub edge_px: f32,
    pub cell: f32,
}

/// The camera and the palette on the card.
pub(super) struct Shared {
    pub layout: wgpu::BindGroupLayout,
    pub bindings: wgpu::BindGroup,
    camera: wgpu::Buffer,
    palette: wgpu::Buffer,
    target: wgpu::TextureFormat,
}

impl Shared {
    pub(super) fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let buffer = |label, size| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let camera = buffer("map camera", size_of::<Camera>() as u64);
        let palette = buffer("map palette", (PALETTE_LEN * size_of::<[f32; 4]>()) as u64);
        let entry = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("map"),
            entries: &[entry(0), entry(1)],
        });
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("map"),
            layout: &layout,
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
            layout,
            bindings,
            camera,
            palette,
            target,
        }
    }

    /// Whether the target converts linear values to sRGB by itself.
    pub(super) fn is_linear(&self) -> bool {
        self.target.is_srgb()
    }

    pub(super) fn write_camera(&self, queue: &wgpu::Queue, camera: &Camera) {
        queue.write_buffer(&self.camera, 0, bytemuck::bytes_of(camera));
    }

    pub(super) fn write_palette(&self, queue: &wgpu::Queue, colours: &[Color32]) {
        let mut palette = [[0.0_f32; 4]; PALETTE_LEN];
        for (entry, colour) in palette.iter_mut().zip(colours) {
            *entry = colour.to_normalized_gamma_f32();
        }
        queue.write_buffer(&self.palette, 0, bytemuck::cast_slice(&palette));
    }

    /// A pipeline of `source` (which has `map.wgsl` before it) with the two entry points named.
    pub(super) fn pipeline(
        &self,
        device: &wgpu::Device,
        label: &str,
        source: &str,
        [vertex, fragment]: [&str; 2],
        texture: Option<&wgpu::BindGroupLayout>,
        buffers: &[Option<wgpu::VertexBufferLayout<'_>>],
    ) -> wgpu::RenderPipeline {
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let groups: Vec<_> = std::iter::once(&self.layout)
            .chain(texture)
            .map(Some)
            .collect();
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &groups,
            immediate_size: 0,
        });
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(label),
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some(vertex),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers,
            },
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some(fragment),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format: self.target,
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
        })
    }
}

/// The layout of a texture and its bilinear sampler.
pub(super) fn texture_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty,
        count: None,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("map texture"),
        entries: &[
            entry(
                0,
                wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Float { filterable: true },
                    view_dimension: wgpu::TextureViewDimension::D2,
                    multisampled: false,
                },
            ),
            entry(
                1,
                wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
            ),
        ],
    })
}

/// A texture with its sampler, bound.
pub(super) struct Texture {
    pub texture: wgpu::Texture,
    pub bindings: wgpu::BindGroup,
}

impl Texture {
    pub(super) fn new(
        device: &wgpu::Device,
        layout: &wgpu::BindGroupLayout,
        size: [usize; 2],
        format: wgpu::TextureFormat,
    ) -> Self {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("map texture"),
            size: extent(size),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("map texture"),
            layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&view),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::Sampler(&sampler),
                },
            ],
        });
        Self { texture, bindings }
    }

    pub(super) fn size(&self) -> [usize; 2] {
        [
            self.texture.width() as usize,
            self.texture.height() as usize,
        ]
    }

    /// Writes `size` texels of `bytes` at `origin`.
    pub(super) fn write(
        &self,
        queue: &wgpu::Queue,
        origin: [usize; 2],
        size: [usize; 2],
        bytes: &[u8],
    ) {
        queue.write_texture(
            wgpu::TexelCopyTextureInfo {
                texture: &self.texture,
                mip_level: 0,
                origin: wgpu::Origin3d {
                    x: origin[0] as u32,
                    y: origin[1] as u32,
                    z: 0,
                },
                aspect: wgpu::TextureAspect::All,
            },
            bytes,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some((bytes.len() / size[1].max(1)) as u32),
                rows_per_image: None,
            },
            extent(size),
        );
    }
}

fn extent([width, height]: [usize; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width: width as u32,
        height: height as u32,
        depth_or_array_layers: 1,
    }
}

/// A buffer of `size` bytes that vertices or instances are read from.
pub(super) fn vertex_buffer(device: &wgpu::Device, label: &str, size: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: (size as u64).max(16),
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
