//! The map drawn onto a picture instead of a window.
//!
//! Invariant: draws what the window draws, by the same passes.

use std::time::{Duration, Instant};

use eframe::egui::{PaintCallbackInfo, Pos2, Rect};
use eframe::egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};

use super::map::{MapFrame, install_in};

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// A device with a picture to draw on.
pub struct Offscreen {
    adapter: wgpu::AdapterInfo,
    device: wgpu::Device,
    queue: wgpu::Queue,
    target: wgpu::Texture,
    resources: CallbackResources,
}

/// How long a frame took.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Took {
    /// Until everything was handed to the driver.
    pub processor: Duration,
    /// Until everything was drawn.
    pub whole: Duration,
}

impl Offscreen {
    /// A picture of `size` pixels; none where there is no graphics driver.
    #[must_use]
    pub fn new(size: [u32; 2]) -> Option<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter =
            pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))
                .ok()?;
        let (device, queue) =
            pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).ok()?;
        let target = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("off screen"),
            size: wgpu::Extent3d {
                width: size[0],
                height: size[1],
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let mut resources = CallbackResources::default();
        install_in(&mut resources, &device, FORMAT);
        Some(Self {
            adapter: adapter.get_info(),
            device,
            queue,
            target,
            resources,
        })
    }

    /// What draws.
    #[must_use]
    pub fn adapter(&self) -> &wgpu::AdapterInfo {
        &self.adapter
    }

    /// Draws a frame on black.
    pub fn draw(&mut self, frame: &MapFrame) -> Took {
        let start = Instant::now();
        let size = [self.target.width(), self.target.height()];
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let screen = ScreenDescriptor {
            size_in_pixels: size,
            pixels_per_point: 1.0,
        };
        frame.prepare(
            &self.device,
            &self.queue,
            &screen,
            &mut encoder,
            &mut self.resources,
        );
        let view = self
            .target
            .create_view(&wgpu::TextureViewDescriptor::default());
        let pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        let mut pass = pass.forget_lifetime();
        let rect = Rect::from_min_size(Pos2::ZERO, [size[0] as f32, size[1] as f32].into());
        let info = PaintCallbackInfo {
            viewport: rect,
            clip_rect: rect,
            pixels_per_point: 1.0,
            screen_size_px: size,
        };
        frame.paint(info, &mut pass, &self.resources);
        drop(pass);
        let commands = encoder.finish();
        let processor = start.elapsed();
        self.queue.submit([commands]);
        self.wait();
        Took {
            processor,
            whole: start.elapsed(),
        }
    }

    /// The picture drawn last: rows of red, green, blue and alpha.
    #[must_use]
    pub fn pixels(&self) -> Vec<[u8; 4]> {
        let [width, height] = [self.target.width(), self.target.height()];
        let stride = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("off screen"),
            size: u64::from(stride * height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_buffer(
            self.target.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(stride),
                    rows_per_image: None,
                },
            },
            self.target.size(),
        );
        self.queue.submit([encoder.finish()]);
        buffer.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.wait();
        let Ok(bytes) = buffer.slice(..).get_mapped_range() else {
            return Vec::new();
        };
        let rows = bytes.chunks_exact(stride as usize);
        rows.flat_map(|row| row[..width as usize * 4].as_chunks().0.to_vec())
            .collect()
    }

    fn wait(&self) {
        // A device that is lost leaves the picture as it was.
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
    }
}
