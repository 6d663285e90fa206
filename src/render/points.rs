//! The points of the map as discs. The shader is `shaders/points.wgsl`.
//!
//! Invariant: points are uploaded when they change, not when they are looked at.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui_wgpu::wgpu;

use super::gpu::{Shared, vertex_buffer};
use super::map::{MapData, Mark};

/// As many selected points are drawn a second time, on top.
const ON_TOP: usize = 1 << 17;

/// What the buffers hold, in the order of the grid index; the selected points follow once more.
pub(super) struct PointsPass {
    pipeline: wgpu::RenderPipeline,
    places: wgpu::Buffer,
    values: wgpu::Buffer,
    marks: wgpu::Buffer,
    /// Points that there is room for.
    room: usize,
    shown: Option<MapData>,
    /// Where the selected points stand.
    on_top: Vec<u32>,
}

impl PointsPass {
    pub(super) fn new(device: &wgpu::Device, shared: &Shared) -> Self {
        let source = concat!(
            include_str!("../../shaders/map.wgsl"),
            include_str!("../../shaders/points.wgsl")
        );
        let buffer = |array_stride, attributes| {
            Some(wgpu::VertexBufferLayout {
                array_stride,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes,
            })
        };
        let buffers = [
            buffer(12, &wgpu::vertex_attr_array![0 => Float32x3]),
            buffer(4, &wgpu::vertex_attr_array![1 => Float32]),
            buffer(4, &wgpu::vertex_attr_array![2 => Uint32]),
        ];
        let [places, values, marks] = buffers_of(device, 1);
        Self {
            pipeline: shared.pipeline(
                device,
                "points",
                source,
                ["place", "colour"],
                None,
                &buffers,
            ),
            places,
            values,
            marks,
            room: 1,
            shown: None,
            on_top: Vec::new(),
        }
    }

    /// Uploads what changed of `data`.
    pub(super) fn prepare(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, data: &MapData) {
        let n = data.index.ids().len();
        let room = n + n.min(ON_TOP);
        if room > self.room {
            // Room to grow, so that a set that fills up is not moved at each step.
            self.room = room + room / 2;
            [self.places, self.values, self.marks] = buffers_of(device, self.room);
            self.shown = None;
        }
        let shown = self.shown.as_ref();
        let has_moved = !shown.is_some_and(|s| {
            Arc::ptr_eq(&s.index, &data.index) && Arc::ptr_eq(&s.births, &data.births)
        });
        let is_recoloured =
            has_moved || !shown.is_some_and(|s| Arc::ptr_eq(&s.values, &data.values));
        let is_marked = has_moved || !shown.is_some_and(|s| Arc::ptr_eq(&s.marks, &data.marks));
        if !(has_moved || is_recoloured || is_marked) {
            return;
        }
        let (ids, points) = (data.index.ids(), data.index.points());
        let place = |k: usize| [points[k][0], points[k][1], data.birth(ids[k])];
        // A missing value is the least number to the shader, which need not know of NaN.
        let value = |k: usize| {
            Some(data.value(ids[k]))
                .filter(|v| !v.is_nan())
                .unwrap_or(f32::MIN)
        };
        if is_marked {
            let marks: Vec<u32> = ids.iter().map(|&id| data.mark(id) as u32).collect();
            let selected = |&k: &u32| marks[k as usize] == Mark::Selected as u32;
            self.on_top = (0..n as u32).filter(selected).take(ON_TOP + 1).collect();
            if self.on_top.len() > ON_TOP {
                self.on_top.clear();
            }
            write(queue, &self.marks, 0, &marks);
            write(
                queue,
                &self.marks,
                n,
                &vec![Mark::Selected as u32; self.on_top.len()],
            );
        }
        let on_top = || self.on_top.iter().map(|&k| k as usize);
        if has_moved {
            write(
                queue,
                &self.places,
                0,
                &(0..n).map(place).collect::<Vec<_>>(),
            );
        }
        if is_marked {
            write(
                queue,
                &self.places,
                n,
                &on_top().map(place).collect::<Vec<_>>(),
            );
        }
        if is_recoloured {
            write(
                queue,
                &self.values,
                0,
                &(0..n).map(value).collect::<Vec<_>>(),
            );
        }
        write(
            queue,
            &self.values,
            n,
            &on_top().map(value).collect::<Vec<_>>(),
        );
        self.shown = Some(data.clone());
    }

    /// Draws `runs` of the points, and the selected ones over them.
    pub(super) fn paint(
        &self,
        render: &mut wgpu::RenderPass<'static>,
        shared: &Shared,
        runs: &[Range<usize>],
    ) {
        let Some(shown) = &self.shown else { return };
        render.set_pipeline(&self.pipeline);
        render.set_bind_group(0, &shared.bindings, &[]);
        for (slot, buffer) in [&self.places, &self.values, &self.marks]
            .into_iter()
            .enumerate()
        {
            render.set_vertex_buffer(slot as u32, buffer.slice(..));
        }
        let n = shown.index.ids().len();
        for run in runs.iter().chain([&(n..n + self.on_top.len())]) {
            if !run.is_empty() {
                render.draw(0..4, run.start as u32..run.end as u32);
            }
        }
    }
}

fn buffers_of(device: &wgpu::Device, points: usize) -> [wgpu::Buffer; 3] {
    [("map places", 12), ("map values", 4), ("map marks", 4)]
        .map(|(label, bytes)| vertex_buffer(device, label, points * bytes))
}

/// Writes `entries` from entry `start` on.
fn write<T: bytemuck::NoUninit>(
    queue: &wgpu::Queue,
    buffer: &wgpu::Buffer,
    start: usize,
    entries: &[T],
) {
    queue.write_buffer(
        buffer,
        (start * size_of::<T>()) as u64,
        bytemuck::cast_slice(entries),
    );
}
