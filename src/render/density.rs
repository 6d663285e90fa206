//! How densely the map is filled, as a picture that the card smooths and draws contours into. The shader is `shaders/density.wgsl`.
//!
//! Invariant: every point that is not hidden counts, whatever their number.

use crossbeam_channel::{Receiver, TryRecvError, unbounded};
use std::sync::Arc;

use eframe::egui::{Color32, Context};
use eframe::egui_wgpu::wgpu;
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::gpu::{Shared, Texture, texture_layout};
use super::map::{Look, MapData, Mark, View, shade};

/// Standard deviation of the smoothing kernel, in texels.
const SIGMA: f64 = 2.0;
/// The kernel reaches as far to either side, in texels.
const REACH: usize = 6;
/// The kernel's standard deviation on the screen, in points of the interface.
const SIGMA_POINTS: (f64, f64) = (4.0, 16.0);
/// Texels to a side at most.
const LARGEST: usize = 1536;
/// The greatest number in the texture: the least that counts is then still exact to a thousandth.
const TOP: f32 = 1024.0;

/// A part of the map, in its units.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Part {
    min: [f64; 2],
    max: [f64; 2],
}

impl Part {
    fn grown(self, by: f64) -> Self {
        Self {
            min: self.min.map(|x| x - by),
            max: self.max.map(|x| x + by),
        }
    }

    fn clipped(self, other: Self) -> Self {
        Self {
            min: [0, 1].map(|axis| self.min[axis].max(other.min[axis])),
            max: [0, 1].map(|axis| self.max[axis].min(other.max[axis])),
        }
    }

    fn holds(&self, other: &Self) -> bool {
        (0..2).all(|axis| {
            other.min[axis] >= other.max[axis]
                || self.min[axis] <= other.min[axis] && other.max[axis] <= self.max[axis]
        })
    }
}

/// What a field is made from.
#[derive(Clone)]
struct Recipe {
    data: MapData,
    /// The part that the field is right for.
    part: Part,
    /// Width of a texel, in map units.
    texel: f64,
    scale: [f32; 2],
    missing: Color32,
    greyed: Color32,
}

impl Recipe {
    fn has_same_points(&self, other: &Self) -> bool {
        self.data.is_same(&other.data)
            && (self.scale, self.missing, self.greyed) == (other.scale, other.missing, other.greyed)
    }
}

/// Density over a part of the map.
pub(super) struct Field {
    recipe: Recipe,
    /// The corner of the texture.
    min: [f64; 2],
    size: [usize; 2],
    /// Sums of colours and number of points.
    texels: Vec<[f16; 4]>,
    /// Alpha times this is the ratio to the densest place of the map.
    pub gain: f32,
}

/// The newest field and the one that is being made.
#[derive(Default)]
pub(super) struct Density {
    field: Option<Arc<Field>>,
    coming: Option<Receiver<Field>>,
}

impl Density {
    /// The newest field there is; asks for a better one where it does not fit `view`. A field takes tens of milliseconds for a million
    /// points, on a thread of its own.
    pub(super) fn refresh(
        &mut self,
        data: &MapData,
        view: &View,
        look: &Look,
        ctx: &Context,
    ) -> Option<Arc<Field>> {
        if let Some(coming) = &self.coming {
            match coming.try_recv() {
                Ok(field) => (self.field, self.coming) = (Some(Arc::new(field)), None),
                Err(TryRecvError::Disconnected) => self.coming = None,
                Err(TryRecvError::Empty) => {}
            }
        }
        let (min, max) = data.index.bounds()?;
        let all = Part {
            min: min.map(f64::from),
            max: max.map(f64::from),
        };
        let per_unit = view.px_per_unit();
        let smooth = SIGMA_POINTS;
        let per_point = f64::from(view.px_per_point);
        let sigma = (bandwidth(data) * per_unit).clamp(smooth.0 * per_point, smooth.1 * per_point)
            / per_unit;
        let seen = Part {
            min: view.min,
            max: view.max,
        };
        let margin = 0.25 * (view.max[0] - view.min[0]).max(view.max[1] - view.min[1]);
        let recipe = Recipe {
            data: data.clone(),
            part: seen.grown(margin).clipped(all.grown(4.0 * sigma)),
            texel: sigma / SIGMA,
            scale: look.scale,
            missing: look.missing,
            greyed: look.greyed,
        };
        let needed = seen.clipped(all.grown(sigma));
        let is_good = self.field.as_ref().is_some_and(|field| {
            let known = &field.recipe;
            known.has_same_points(&recipe)
                && known.part.holds(&needed)
                && (0.7..1.4).contains(&(known.texel / recipe.texel))
        });
        let is_empty = (0..2).any(|axis| needed.min[axis] >= needed.max[axis]);
        if !is_good && !is_empty && self.coming.is_none() {
            let (sender, receiver) = unbounded();
            let ctx = ctx.clone();
            let make = move || {
                // Nobody waits for it where the window was closed.
                let _ = sender.send(Field::new(&recipe));
                ctx.request_repaint();
            };
            let thread = std::thread::Builder::new().name("density".to_owned());
            self.coming = thread.spawn(make).ok().map(|_| receiver);
        }
        self.field.clone()
    }

    /// Whether a field is being made.
    pub(super) fn is_coming(&self) -> bool {
        self.coming.is_some()
    }
}

/// Standard deviation of the kernel over the whole map, in map units: it narrows with the number of points as Scott's rule says (D. W.
/// Scott, "Multivariate Density Estimation", 1992), but is far smaller, because maps are made of clusters.
fn bandwidth(data: &MapData) -> f64 {
    let n = data.index.ids().len().max(1) as f64;
    0.06 * data.index.cell_width(0) * n.powf(-1.0 / 6.0)
}

impl Field {
    fn new(recipe: &Recipe) -> Self {
        let Recipe {
            data, part, texel, ..
        } = recipe;
        let texel = texel.max(
            (0..2)
                .map(|axis| part.max[axis] - part.min[axis])
                .fold(0.0, f64::max)
                / LARGEST as f64,
        );
        let rim = REACH as f64 * texel;
        let min = part.min.map(|x| x - rim);
        let size = [0, 1].map(|axis| {
            ((part.max[axis] - part.min[axis]) / texel).ceil().max(1.0) as usize + 2 * REACH
        });
        let mut sums = vec![[0.0_f32; 4]; size[0] * size[1]];
        let colours = Colours::new(recipe);
        let far = [0, 1].map(|axis| min[axis] + size[axis] as f64 * texel);
        for k in data
            .index
            .runs(min.map(|x| x as f32), far.map(|x| x as f32), 256)
            .into_iter()
            .flatten()
        {
            let (p, id) = (data.index.points()[k], data.index.ids()[k]);
            let [x, y] = [0, 1].map(|axis| ((f64::from(p[axis]) - min[axis]) / texel).floor());
            let mark = data.mark(id);
            if mark == Mark::Hidden
                || x < 0.0
                || y < 0.0
                || x >= size[0] as f64
                || y >= size[1] as f64
            {
                continue;
            }
            let sum = &mut sums[y as usize * size[0] + x as usize];
            let colour = colours.of(data.value(id), mark);
            for (sum, part) in sum.iter_mut().zip(colour) {
                *sum += part;
            }
        }
        blur(&mut sums, size);
        let most = sums
            .iter()
            .map(|sum| sum[3])
            .fold(f32::MIN_POSITIVE, f32::max);
        let unit = TOP / most;
        let flat: Vec<f32> = sums.iter().flatten().map(|x| x * unit).collect();
        let mut texels = vec![[f16::ZERO; 4]; sums.len()];
        texels.as_flattened_mut().convert_from_f32_slice(&flat);
        let gain = 1.0 / f64::from(unit) / (texel * texel) / densest(data);
        Self {
            min,
            size,
            texels,
            gain: gain as f32,
            recipe: Recipe {
                texel,
                ..recipe.clone()
            },
        }
    }

    /// Coordinates in the texture of a place in clip space: times the first two, plus the last two.
    pub(super) fn coordinates(&self, view: &View) -> [f32; 4] {
        let mut result = [0.0; 4];
        for axis in 0..2 {
            let width = self.size[axis] as f64 * self.recipe.texel;
            let half = (view.max[axis] - view.min[axis]) / 2.0;
            result[axis] = (half / width) as f32;
            result[2 + axis] = ((view.min[axis] + half - self.min[axis]) / width) as f32;
        }
        result
    }
}

/// Points per square of map units where there are most of them, as wide as the whole map's kernel.
fn densest(data: &MapData) -> f64 {
    let level = data.index.level_of(2.5 * bandwidth(data));
    let (ids, mut most) = (data.index.ids(), 1);
    data.index
        .cells(level, [f64::MIN; 2], [f64::MAX; 2], |cell| {
            let counted = ids[cell.run.clone()]
                .iter()
                .filter(|&&id| data.mark(id) != Mark::Hidden);
            most = most.max(counted.count());
        });
    most as f64 / data.index.cell_width(level).powi(2)
}

/// Colours as the points have them, with 1 as alpha.
struct Colours<'r> {
    recipe: &'r Recipe,
    palette: Vec<[f32; 4]>,
}

fn opaque(colour: Color32) -> [f32; 4] {
    let [r, g, b, _] =
        Color32::from_rgb(colour.r(), colour.g(), colour.b()).to_normalized_gamma_f32();
    [r, g, b, 1.0]
}

impl<'r> Colours<'r> {
    fn new(recipe: &'r Recipe) -> Self {
        let palette = recipe
            .data
            .palette
            .iter()
            .map(|&colour| opaque(colour))
            .collect();
        Self { recipe, palette }
    }

    fn of(&self, value: f32, mark: Mark) -> [f32; 4] {
        if mark == Mark::Greyed {
            return opaque(self.recipe.greyed);
        }
        let known =
            shade(value, self.recipe.scale).and_then(|shade| self.palette.get(shade as usize));
        known
            .copied()
            .unwrap_or_else(|| opaque(self.recipe.missing))
    }
}

/// Convolves rows and columns with a Gaussian; beyond the edge is nothing.
fn blur(sums: &mut Vec<[f32; 4]>, [width, height]: [usize; 2]) {
    let weight = |i: usize| (-0.5 * (i as f64 / SIGMA).powi(2)).exp();
    let total = weight(0) + 2.0 * (1..=REACH).map(weight).sum::<f64>();
    let kernel: Vec<f32> = (0..=2 * REACH)
        .map(|i| (weight(i.abs_diff(REACH)) / total) as f32)
        .collect();
    let mut padded = vec![[0.0_f32; 4]; width + 2 * REACH];
    for row in sums.chunks_exact_mut(width) {
        padded[REACH..REACH + width].copy_from_slice(row);
        for (x, sum) in row.iter_mut().enumerate() {
            let mut mixed = [0.0; 4];
            for (w, from) in kernel.iter().zip(&padded[x..]) {
                for (mixed, from) in mixed.iter_mut().zip(from) {
                    *mixed += w * from;
                }
            }
            *sum = mixed;
        }
    }
    let mut blurred = vec![[0.0_f32; 4]; width * height];
    for (y, row) in blurred.chunks_exact_mut(width).enumerate() {
        for from in y.saturating_sub(REACH)..(y + REACH + 1).min(height) {
            let w = kernel[from + REACH - y];
            let other = &sums[from * width..][..width];
            for (sum, from) in row.as_flattened_mut().iter_mut().zip(other.as_flattened()) {
                *sum += w * from;
            }
        }
    }
    *sums = blurred;
}

/// The layer on the card.
pub(super) struct DensityPass {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    texture: Option<Texture>,
    shown: Option<Arc<Field>>,
}

impl DensityPass {
    pub(super) fn new(device: &wgpu::Device, shared: &Shared) -> Self {
        let source = concat!(
            include_str!("../../shaders/map.wgsl"),
            include_str!("../../shaders/density.wgsl")
        );
        let layout = texture_layout(device);
        Self {
            pipeline: shared.pipeline(
                device,
                "density",
                source,
                ["cover", "fill"],
                Some(&layout),
                &[],
            ),
            layout,
            texture: None,
            shown: None,
        }
    }

    pub(super) fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        field: &Arc<Field>,
    ) {
        if self
            .shown
            .as_ref()
            .is_some_and(|shown| Arc::ptr_eq(shown, field))
        {
            return;
        }
        let texture = self
            .texture
            .take()
            .filter(|texture| texture.size() == field.size);
        let texture = texture.unwrap_or_else(|| {
            Texture::new(
                device,
                &self.layout,
                field.size,
                wgpu::TextureFormat::Rgba16Float,
            )
        });
        let bits: &[u16] = field.texels.as_flattened().reinterpret_cast();
        texture.write(queue, [0; 2], field.size, bytemuck::cast_slice(bits));
        (self.texture, self.shown) = (Some(texture), Some(field.clone()));
    }

    pub(super) fn paint(&self, render: &mut wgpu::RenderPass<'static>, shared: &Shared) {
        if let Some(texture) = &self.texture {
            render.set_pipeline(&self.pipeline);
            render.set_bind_group(0, &shared.bindings, &[]);
            render.set_bind_group(1, &texture.bindings, &[]);
            render.draw(0..3, 0..1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::GridIndex;

    #[test]
    fn every_point_counts_unless_it_is_hidden() {
        let unit = |i: usize, k: u32| ((i as u32).wrapping_mul(k) >> 8) as f32 / (1 << 24) as f32;
        let n = 200_000;
        let points: Vec<_> = (0..n)
            .map(|i| [unit(i, 0x9E37_79B9).powi(3), unit(i, 0x85EB_CA6B)])
            .collect();
        let marks = (0..n).map(|i| {
            if i % 4 == 0 {
                Mark::Hidden
            } else {
                Mark::Plain
            }
        });
        let data = MapData {
            index: Arc::new(GridIndex::new(&points)),
            marks: Arc::new(marks.collect()),
            palette: Arc::new(vec![Color32::WHITE]),
            ..MapData::default()
        };
        let recipe = Recipe {
            data,
            part: Part {
                min: [-0.2; 2],
                max: [1.2; 2],
            },
            texel: 0.004,
            scale: [0.0, 1.0],
            missing: Color32::from_rgb(255, 0, 0),
            greyed: Color32::GRAY,
        };
        let field = Field::new(&recipe);
        let area = field.recipe.texel.powi(2);
        let unit = f64::from(field.gain) * densest(&recipe.data) * area;
        let total = |channel: usize| {
            field
                .texels
                .iter()
                .map(|texel| texel[channel].to_f64())
                .sum::<f64>()
                * unit
        };
        let expected = 0.75 * n as f64;
        assert!((total(3) / expected - 1.0).abs() < 1e-3, "{}", total(3));
        assert!((total(0) / expected - 1.0).abs() < 1e-3 && total(1) == 0.0);
    }
}
