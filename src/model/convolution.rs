//! Convolution with padding by zeros, max-pooling and unpooling, with fused forms for the CPU.
//!
//! Positions lie patch within patch (see [`super::layout`]): the four of a field of 2×2 stand side by side, so that pooling and unpooling
//! are a reshape, and a convolution looks its neighbours up in a table. It is one matrix product, of the neighbours spread out side by side or, where
//! fewer channels come out than go in, before the products are collected from them. Invariant: both ways, and the fused forms and the plain tensor
//! operations, compute the same function; tests compare them, and their derivatives.

use std::sync::{Arc, OnceLock};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use rayon::prelude::*;

use super::interruption::breathe;
use super::network::Layer;
use super::ops::{Tracked, affine, is_cpu, rows_per_piece, tracked, untracked};
use super::spec::Unpooling;

/// Edge of the fields that become one position by pooling.
pub(super) const EDGE: usize = 2;
/// Positions of such a field.
pub(super) const FIELD: usize = EDGE * EDGE;

/// In a table: beyond the edge of the picture.
const OUTSIDE: u32 = u32::MAX;

/// Which positions a kernel sees from which.
#[derive(Debug)]
pub(super) struct Window {
    taps: usize,
    /// For each position the positions under the taps of a kernel centred there, row by row.
    table: Vec<u32>,
    /// What the plain operations select by, on the device.
    on_device: [OnceLock<Selection>; 2],
}

/// Rows to select and by what to multiply each: 0 beyond the edge, else 1.
#[derive(Clone, Debug)]
struct Selection {
    rows: Tensor<1, Int>,
    inside: Tensor<1>,
}

/// The two ways of a value between a position and its neighbours; each is the other's derivative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Each position gets the values of its neighbours side by side, `[rows, channels] → [rows, taps · channels]`.
    Spread,
    /// Each position gets the sum of what its neighbours hold for it, `[rows, taps · channels] → [rows, channels]`.
    Collect,
}

impl Window {
    /// Of a kernel of edge `kernel`, odd, among positions at `places`, row and column each, which fill a rectangle.
    pub(super) fn new(places: &[(usize, usize)], kernel: usize) -> Self {
        let rows = places.iter().map(|p| p.0 + 1).max().unwrap_or(0);
        let columns = places.iter().map(|p| p.1 + 1).max().unwrap_or(0);
        let mut at = vec![OUTSIDE; rows * columns];
        for (i, (row, column)) in places.iter().enumerate() {
            at[row * columns + column] = i as u32;
        }
        let taps = kernel * kernel;
        let seen = |(row, column): (usize, usize), tap: usize| {
            let row = (row + tap / kernel).checked_sub(kernel / 2);
            let column = (column + tap % kernel).checked_sub(kernel / 2);
            match (row, column) {
                (Some(row), Some(column)) if row < rows && column < columns => {
                    at[row * columns + column]
                }
                _ => OUTSIDE,
            }
        };
        let table = places
            .iter()
            .flat_map(|&place| (0..taps).map(move |tap| (place, tap)))
            .map(|(place, tap)| seen(place, tap))
            .collect();
        Self {
            taps,
            table,
            on_device: [OnceLock::new(), OnceLock::new()],
        }
    }

    /// Taps of the kernel.
    pub(super) fn taps(&self) -> usize {
        self.taps
    }

    fn positions(&self) -> usize {
        self.table.len() / self.taps
    }

    fn selection(&self, way: Way, device: &Device) -> Selection {
        let upload = || {
            let device = device.clone().inner();
            // What a neighbour holds for a position lies under the tap opposite to the one it is seen by.
            let row = |(i, &from): (usize, &u32)| match (from, way) {
                (OUTSIDE, _) => 0,
                (from, Way::Spread) => from as i32,
                (from, Way::Collect) => {
                    (from as usize * self.taps + self.taps - 1 - i % self.taps) as i32
                }
            };
            let rows: Vec<i32> = self.table.iter().enumerate().map(row).collect();
            let inside = self.table.iter().map(|from| f32::from(*from != OUTSIDE));
            let inside: Vec<f32> = inside.collect();
            let length = rows.len();
            Selection {
                rows: Tensor::from_data(TensorData::new(rows, [length]), &device),
                inside: Tensor::from_data(TensorData::new(inside, [length]), &device),
            }
        };
        let found = self.on_device[usize::from(way == Way::Collect)].get_or_init(upload);
        if !device.is_autodiff() {
            return found.clone();
        }
        Selection {
            rows: Tensor::from_inner(found.rows.clone()),
            inside: Tensor::from_inner(found.inside.clone()),
        }
    }
}

/// The convolution of `x`, `[items · positions, in]`, by a layer whose weight is `[taps · in, out]`: `[items · positions, out]`.
pub(super) fn convolve(
    layer: &Layer,
    x: Tensor<2>,
    window: &Arc<Window>,
    rectify: bool,
) -> Tensor<2> {
    let [_, from] = x.dims();
    let [_, to] = layer.weight.dims();
    let (weight, bias) = (layer.weight.clone(), layer.bias.clone());
    if from <= to {
        return affine(moved(x, window, Way::Spread), weight, bias, rectify);
    }
    let taps = window.taps;
    let opposite = weight.reshape([taps, from, to]).flip([0]).swap_dims(0, 1);
    let products = x.matmul(opposite.reshape([from, taps * to]));
    let y = moved(products, window, Way::Collect) + bias.unsqueeze::<2>();
    if rectify { activation::relu(y) } else { y }
}

/// Takes `x` one of the two ways.
fn moved(x: Tensor<2>, window: &Arc<Window>, way: Way) -> Tensor<2> {
    let device = x.device();
    if !is_cpu(&device) {
        return plain(x, window, way);
    }
    breathe();
    if !device.is_autodiff() {
        return Tensor::from_primitive::<Flex>(fused(&untracked(x), window, way));
    }
    let (x, node) = tracked(x).into_parts();
    let prepared = MovedBackward
        .prepare::<NoCheckpointing>([node])
        .compute_bound()
        .stateful();
    let y = fused(&x, window, way);
    Tensor::from_primitive::<Tracked>(match prepared {
        OpsKind::Tracked(prepared) => prepared.finish((window.clone(), way), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    })
}

fn plain(x: Tensor<2>, window: &Window, way: Way) -> Tensor<2> {
    let [rows, columns] = x.dims();
    let (taps, positions) = (window.taps, window.positions());
    let items = rows / positions;
    let Selection {
        rows: selected,
        inside,
    } = window.selection(way, &x.device());
    let inside = inside.reshape([1, positions * taps, 1]);
    match way {
        Way::Spread => {
            let x = x.reshape([items, positions, columns]).select(1, selected);
            (x * inside).reshape([rows, taps * columns])
        }
        Way::Collect => {
            let channels = columns / taps;
            let x = x.reshape([items, positions * taps, channels]);
            let x = (x.select(1, selected) * inside).reshape([rows, taps, channels]);
            x.sum_dim(1).reshape([rows, channels])
        }
    }
}

#[derive(Debug)]
struct MovedBackward;

impl Backward<Flex, 1> for MovedBackward {
    type State = (Arc<Window>, Way);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        breathe();
        let [node] = ops.parents;
        let grad = grads.consume::<Flex>(&ops.node);
        let (window, way) = ops.state;
        let back = match way {
            Way::Spread => Way::Collect,
            Way::Collect => Way::Spread,
        };
        if let Some(node) = node {
            grads.register::<Flex>(node.id, fused(&grad, &window, back));
        }
    }
}

/// Each row of the result is written by itself, so that it does not depend on the number of threads.
fn fused(x: &FlexTensor, window: &Window, way: Way) -> FlexTensor {
    let x = x.to_contiguous();
    let [rows, columns] = [x.layout().shape()[0], x.layout().shape()[1]];
    let (taps, positions) = (window.taps, window.positions());
    let channels = match way {
        Way::Spread => columns,
        Way::Collect => columns / taps,
    };
    let width = match way {
        Way::Spread => taps * channels,
        Way::Collect => channels,
    };
    let values: &[f32] = x.storage();
    let at_once = rows_per_piece(taps * channels);
    let work = |(piece, y): (usize, &mut [f32])| {
        for (r, y) in y.chunks_exact_mut(width).enumerate() {
            let row = piece * at_once + r;
            let item = row / positions * positions;
            let seen = &window.table[(row - item) * taps..][..taps];
            match way {
                Way::Spread => {
                    for (y, &from) in y.chunks_exact_mut(channels).zip(seen) {
                        if from != OUTSIDE {
                            let from = (item + from as usize) * channels;
                            y.copy_from_slice(&values[from..from + channels]);
                        }
                    }
                }
                Way::Collect => {
                    for (tap, &from) in seen.iter().enumerate() {
                        if from != OUTSIDE {
                            let from = (item + from as usize) * taps + taps - 1 - tap;
                            let held = &values[from * channels..][..channels];
                            y.iter_mut().zip(held).for_each(|(y, x)| *y += x);
                        }
                    }
                }
            }
        }
    };
    let mut y = vec![0.0_f32; rows * width];
    let length = at_once * width;
    if y.len() <= length {
        // The one picture of a drag does not wait for threads that may be busy with other things.
        work((0, &mut y));
    } else {
        y.par_chunks_mut(length).enumerate().for_each(work);
    }
    FlexTensor::from_data(TensorData::new(y, [rows, width]))
}

/// Where the largest value of each field lies: `[fields, 4, channels]`, 1 there and 0 elsewhere, the first of equal ones; the positions of a
/// field stand side by side in `x`, `[fields, 4 · channels]`. It has no derivative.
pub(super) fn largest(x: &Tensor<2>, channels: usize) -> Tensor<3> {
    let device = x.device();
    let x = if device.is_autodiff() {
        x.clone().inner()
    } else {
        x.clone()
    };
    let [fields, _] = x.dims();
    let x = x.reshape([fields * FIELD, channels]);
    let switches = if is_cpu(&device) {
        breathe();
        Tensor::from_primitive::<Flex>(fused_largest(&untracked(x)))
    } else {
        plain_largest(x)
    };
    if device.is_autodiff() {
        Tensor::from_inner(switches)
    } else {
        switches
    }
}

fn plain_largest(x: Tensor<2>) -> Tensor<3> {
    let [rows, channels] = x.dims();
    let shape = [rows / FIELD, FIELD, channels];
    let at = x.reshape(shape).argmax(1).expand(shape);
    let each: Tensor<1, Int> = Tensor::arange(0..FIELD as i64, &at.device());
    at.equal(each.reshape([1, FIELD, 1]).expand(shape)).float()
}

fn fused_largest(x: &FlexTensor) -> FlexTensor {
    let x = x.to_contiguous();
    let [rows, channels] = [x.layout().shape()[0], x.layout().shape()[1]];
    let values: &[f32] = x.storage();
    let mut switches = vec![0.0_f32; rows * channels];
    let field = FIELD * channels;
    let length = rows_per_piece(field) * field;
    let work = |(switches, values): (&mut [f32], &[f32])| {
        let fields = switches.chunks_exact_mut(field);
        for (switches, values) in fields.zip(values.chunks_exact(field)) {
            for c in 0..channels {
                let mut best = c;
                for other in [c + channels, c + 2 * channels, c + 3 * channels] {
                    if values[other] > values[best] {
                        best = other;
                    }
                }
                switches[best] = 1.0;
            }
        }
    };
    if switches.len() <= length {
        work((&mut switches, values));
    } else {
        let pieces = switches.par_chunks_mut(length);
        pieces.zip(values.par_chunks(length)).for_each(work);
    }
    FlexTensor::from_data(TensorData::new(switches, [rows / FIELD, FIELD, channels]))
}

/// The value at the switch of each field, `[fields, channels]`; `x` is as for [`largest`].
pub(super) fn pooled(x: Tensor<2>, switches: &Tensor<3>) -> Tensor<2> {
    let [fields, _, channels] = switches.dims();
    let chosen = x.reshape([fields, FIELD, channels]) * switches.clone();
    chosen.sum_dim(1).reshape([fields, channels])
}

/// Each value of `x`, `[fields, channels]`, at the switch of its field and 0 elsewhere, `[fields, 4 · channels]`. Where there are no switches it is
/// repeated or put to the upper left, as `unpooling` says.
pub(super) fn unpooled(
    x: Tensor<2>,
    switches: Option<Tensor<3>>,
    unpooling: Unpooling,
) -> Tensor<2> {
    let [fields, channels] = x.dims();
    let device = x.device();
    let x = x.reshape([fields, 1, channels]);
    let spread = match (switches, unpooling) {
        (Some(switches), Unpooling::Switches) => x * switches,
        (_, Unpooling::Repetition) => x.repeat_dim(1, FIELD),
        (_, Unpooling::Switches | Unpooling::Transposed) => {
            let zeros = Tensor::zeros([fields, FIELD - 1, channels], &device);
            Tensor::cat(vec![x, zeros], 1)
        }
    };
    spread.reshape([fields, FIELD * channels])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{close, numbers, tensor, vec};

    /// Positions of a rectangle, in an order of no pattern.
    fn places() -> Vec<(usize, usize)> {
        let mut places: Vec<(usize, usize)> = (0..20).map(|i| (i / 4, i % 4)).collect();
        places.sort_by_key(|(row, column)| (row * 7 + column * 5) % 11 + row);
        places
    }

    /// By the definition, `[rows, to]`.
    fn by_hand(x: &[f32], weight: &[f32], kernel: usize, (from, to): (usize, usize)) -> Vec<f32> {
        let places = places();
        let at = |row: i32, column: i32| {
            places
                .iter()
                .position(|p| (p.0 as i32, p.1 as i32) == (row, column))
        };
        let half = (kernel / 2) as i32;
        let mut y = Vec::new();
        for item in 0..x.len() / (places.len() * from) {
            for (row, column) in &places {
                for b in 0..to {
                    let mut sum = 0.0;
                    for tap in 0..kernel * kernel {
                        let row = *row as i32 + (tap / kernel) as i32 - half;
                        let column = *column as i32 + (tap % kernel) as i32 - half;
                        let Some(at) = at(row, column) else { continue };
                        for a in 0..from {
                            sum += x[(item * places.len() + at) * from + a]
                                * weight[(tap * from + a) * to + b];
                        }
                    }
                    y.push(sum);
                }
            }
        }
        y
    }

    #[test]
    fn a_convolution_is_what_its_definition_says_whichever_way_it_is_worked_out() {
        let device = Device::flex();
        for kernel in [3, 5] {
            let window = Arc::new(Window::new(&places(), kernel));
            for (from, to) in [(2, 3), (3, 2), (1, 1)] {
                let (x, weight) = (
                    numbers(2 * 20 * from, 1),
                    numbers(kernel * kernel * from * to, 2),
                );
                let layer = Layer {
                    weight: tensor(weight.clone(), [kernel * kernel * from, to], &device),
                    bias: Tensor::zeros([to], &device),
                };
                let y = convolve(
                    &layer,
                    tensor(x.clone(), [40, from], &device),
                    &window,
                    false,
                );
                close(&vec(y), &by_hand(&x, &weight, kernel, (from, to)), 1e-5);
            }
        }
    }

    #[test]
    fn the_fused_ways_and_their_derivatives_agree_with_the_plain_operations() {
        let device = Device::flex().autodiff();
        let window = Arc::new(Window::new(&places(), 3));
        for (way, columns, width) in [(Way::Spread, 2, 18), (Way::Collect, 18, 2)] {
            let x = tensor(numbers(60 * columns, 1), [60, columns], &device).require_grad();
            let weights = tensor(numbers(60 * width, 4), [60, width], &device);
            let fused = moved(x.clone(), &window, way);
            let grads = (fused.clone() * weights.clone()).sum().backward();
            let plain = plain(x.clone(), &window, way);
            let plain_grads = (plain.clone() * weights).sum().backward();
            close(&vec(fused.inner()), &vec(plain.inner()), 1e-5);
            close(
                &vec(x.grad(&grads).expect("x")),
                &vec(x.grad(&plain_grads).expect("x")),
                1e-5,
            );
        }
    }

    #[test]
    fn pooling_takes_the_largest_and_unpooling_puts_it_back_where_it_was() {
        let device = Device::flex();
        // Two fields of two channels.
        let x = vec![
            1.0, -1.0, 5.0, -2.0, 2.0, -0.5, 0.0, -3.0, //
            0.0, 4.0, 0.0, 1.0, 0.0, 2.0, 0.0, 3.0,
        ];
        let x = tensor(x, [2, 8], &device);
        let switches = largest(&x, 2);
        let y = pooled(x, &switches);
        assert_eq!(vec(y.clone()), [5.0, -0.5, 0.0, 4.0]);
        let back = |switches, unpooling| vec(unpooled(y.clone(), switches, unpooling));
        let own = back(Some(switches.clone()), Unpooling::Switches);
        assert_eq!(
            own,
            [
                0.0, 0.0, 5.0, 0.0, 0.0, -0.5, 0.0, 0.0, //
                0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            ]
        );
        let upper_left = [
            5.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, //
            0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        ];
        assert_eq!(back(None, Unpooling::Switches), upper_left);
        assert_eq!(back(Some(switches), Unpooling::Transposed), upper_left);
        assert_eq!(
            back(None, Unpooling::Repetition),
            [
                5.0, -0.5, 5.0, -0.5, 5.0, -0.5, 5.0, -0.5, //
                0.0, 4.0, 0.0, 4.0, 0.0, 4.0, 0.0, 4.0
            ]
        );
    }

    #[test]
    fn the_plain_operations_find_the_same_largest_value() {
        let device = Device::flex();
        let x = tensor(numbers(4 * 6 * 5, 3), [6, 20], &device);
        let plain = plain_largest(x.clone().reshape([24, 5]));
        close(&vec(largest(&x, 5)), &vec(plain), 0.0);
    }
}
