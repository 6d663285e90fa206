//! Depthwise 3×3 convolution: how a position hears from its neighbours, with a fused form for the CPU.
//!
//! Positions lie patch within patch (see [`super::layout`]), so that neighbours are looked up in a table. Pictures are
//! continued beyond their edges by their outermost positions. Invariant: the fused form computes the same function as the
//! plain tensor operations; tests compare both, and their derivatives.

#![expect(
    clippy::inline_always,
    reason = "pulp compiles the inlined body once per instruction set"
)]

use std::sync::{Arc, OnceLock};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;

use super::interruption::breathe;
use super::likelihood::LANES;
use super::ops::{Tracked, is_cpu, rows_per_piece, tracked, untracked};

/// Taps of the kernel, row by row.
pub(super) const TAPS: usize = 9;

/// Which positions surround which.
#[derive(Debug)]
pub(super) struct Neighbours {
    /// For each position the positions under the taps of a kernel centred there.
    table: Vec<[u32; TAPS]>,
    /// The same on the device, tap by tap.
    indices: OnceLock<Tensor<1, Int>>,
}

impl Neighbours {
    /// Of positions at `places`, row and column each, which fill a rectangle.
    pub(super) fn new(places: &[(usize, usize)]) -> Self {
        let rows = places.iter().map(|p| p.0 + 1).max().unwrap_or(0);
        let columns = places.iter().map(|p| p.1 + 1).max().unwrap_or(0);
        let mut at = vec![0; rows * columns];
        for (i, (row, column)) in places.iter().enumerate() {
            at[row * columns + column] = i as u32;
        }
        let near = |(row, column): &(usize, usize)| {
            std::array::from_fn(|tap| {
                let row = (row + tap / 3).saturating_sub(1).min(rows - 1);
                let column = (column + tap % 3).saturating_sub(1).min(columns - 1);
                at[row * columns + column]
            })
        };
        Self {
            table: places.iter().map(near).collect(),
            indices: OnceLock::new(),
        }
    }

    fn positions(&self) -> usize {
        self.table.len()
    }

    fn indices(&self, device: &Device) -> Tensor<1, Int> {
        let upload = || {
            let taps = (0..TAPS).flat_map(|t| self.table.iter().map(move |near| near[t] as i32));
            let values: Vec<i32> = taps.collect();
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), &device.clone().inner())
        };
        self.indices.get_or_init(upload).clone()
    }
}

/// The convolution of `x`, `[items · positions, channels]`, each channel with its own kernel: `weight` is
/// `[9, channels]`, `bias` is `[channels]`.
pub(super) fn depthwise(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    near: &Arc<Neighbours>,
) -> Tensor<2> {
    let device = x.device();
    if !is_cpu(&device) {
        return plain(x, &weight, bias, near);
    }
    breathe();
    if !device.is_autodiff() {
        let y = forward(&untracked(x), &untracked(weight), &untracked(bias), near);
        return Tensor::from_primitive::<Flex>(y);
    }
    let (x, x_node) = tracked(x).into_parts();
    let (weight, weight_node) = tracked(weight).into_parts();
    let (bias, bias_node) = tracked(bias).into_parts();
    let prepared = DepthwiseBackward
        .prepare::<NoCheckpointing>([x_node, weight_node, bias_node])
        .compute_bound()
        .stateful();
    let y = forward(&x, &weight, &bias, near);
    Tensor::from_primitive::<Tracked>(match prepared {
        OpsKind::Tracked(prepared) => prepared.finish((x, weight, near.clone()), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    })
}

fn plain(x: Tensor<2>, weight: &Tensor<2>, bias: Tensor<1>, near: &Neighbours) -> Tensor<2> {
    let [rows, channels] = x.dims();
    let positions = near.positions();
    let items = rows / positions;
    let mut indices = near.indices(&x.device());
    if x.device().is_autodiff() {
        indices = Tensor::from_inner(indices);
    }
    let x = x.reshape([items, positions, channels]);
    // Tap by tap: all nine side by side would be larger than the buffers some drivers give.
    let tap = |t: usize| {
        let indices = indices.clone().narrow(0, t * positions, positions);
        let kernel = weight.clone().narrow(0, t, 1);
        x.clone().select(1, indices) * kernel.reshape([1, 1, channels])
    };
    let sum = (1..TAPS).fold(tap(0), |sum, t| sum + tap(t));
    sum.reshape([rows, channels]) + bias.unsqueeze::<2>()
}

/// The values of `L` channels of a kernel, tap by tap.
type Kernel<const L: usize> = [[f32; L]; TAPS];

/// `L` values from the front of `from`.
#[inline(always)]
fn load<const L: usize>(from: &[f32]) -> [f32; L] {
    *from.first_chunk().expect("as many values")
}

/// Writes `values` to the front of `into`.
#[inline(always)]
fn store<const L: usize>(into: &mut [f32], values: [f32; L]) {
    *into.first_chunk_mut().expect("as many places") = values;
}

/// `L` channels of a kernel from channel `c` on.
#[inline(always)]
fn kernel<const L: usize>(weight: &[f32], channels: usize, c: usize) -> Kernel<L> {
    std::array::from_fn(|tap| load(&weight[tap * channels + c..]))
}

/// What a convolution reads: all of its input, and the layer.
#[derive(Clone, Copy)]
struct Source<'a> {
    x: &'a [f32],
    channels: usize,
    weight: &'a [f32],
    bias: &'a [f32],
    near: &'a Neighbours,
}

/// Channels `c..c + L` of the rows `y`, of which the first is row `first` of all.
#[inline(always)]
fn convolve<const L: usize>(source: Source<'_>, c: usize, first: usize, y: &mut [f32]) {
    let Source { channels, near, .. } = source;
    let kernel: Kernel<L> = kernel(source.weight, channels, c);
    let bias: [f32; L] = load(&source.bias[c..]);
    for (r, y) in y.chunks_exact_mut(channels).enumerate() {
        let row = first + r;
        let item = row / near.positions() * near.positions();
        let mut sum = bias;
        for (k, n) in kernel.iter().zip(&near.table[row - item]) {
            let value: [f32; L] = load(&source.x[(item + *n as usize) * channels + c..]);
            for i in 0..L {
                sum[i] += k[i] * value[i];
            }
        }
        store(&mut y[c..], sum);
    }
}

fn forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    near: &Neighbours,
) -> FlexTensor {
    let (x, weight, bias) = (
        x.to_contiguous(),
        weight.to_contiguous(),
        bias.to_contiguous(),
    );
    let channels = x.layout().shape()[1];
    let mut y = FlexTensor::empty(x.layout().shape().clone(), x.dtype());
    let source = Source {
        x: x.storage(),
        channels,
        weight: weight.storage(),
        bias: bias.storage(),
        near,
    };
    let arch = pulp::Arch::new();
    let rows = rows_per_piece(channels);
    let work = |(piece, y): (usize, &mut [f32])| {
        arch.dispatch(
            #[inline(always)]
            || {
                let whole = channels / LANES * LANES;
                for c in (0..whole).step_by(LANES) {
                    convolve::<LANES>(source, c, piece * rows, y);
                }
                for c in whole..channels {
                    convolve::<1>(source, c, piece * rows, y);
                }
            },
        );
    };
    let values = y.storage_mut::<f32>();
    if values.len() <= 4 * rows * channels {
        // The one picture of a drag does not wait for threads that may be busy with other things.
        values
            .chunks_mut(rows * channels)
            .enumerate()
            .for_each(work);
    } else {
        values
            .par_chunks_mut(rows * channels)
            .enumerate()
            .for_each(work);
    }
    y
}

#[derive(Debug)]
struct DepthwiseBackward;

impl Backward<Flex, 3> for DepthwiseBackward {
    /// Input, weight and who is whose neighbour.
    type State = (FlexTensor, FlexTensor, Arc<Neighbours>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        breathe();
        let [x_node, weight_node, bias_node] = ops.parents;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, weight, near) = ops.state;
        let (x_grad, weight_grad, bias_grad) = backward(&x, &weight, &grad, &near);
        let nodes = [x_node, weight_node, bias_node];
        for (node, grad) in nodes.into_iter().zip([x_grad, weight_grad, bias_grad]) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, grad);
            }
        }
    }
}

/// Adds to `x_grad` the derivative by one item's channels `c..c + L`, and writes those by kernel and bias into `sums`,
/// `[10, channels]`.
#[inline(always)]
fn differentiate<const L: usize>(
    source: Source<'_>,
    c: usize,
    grad: &[f32],
    x_grad: &mut [f32],
    sums: &mut [f32],
) {
    let channels = source.channels;
    let kernel: Kernel<L> = kernel(source.weight, channels, c);
    let mut by_kernel: Kernel<L> = [[0.0; L]; TAPS];
    let mut by_bias = [0.0; L];
    for (grad, near) in grad.chunks_exact(channels).zip(&source.near.table) {
        let g: [f32; L] = load(&grad[c..]);
        for i in 0..L {
            by_bias[i] += g[i];
        }
        for tap in 0..TAPS {
            let at = near[tap] as usize * channels + c;
            let value: [f32; L] = load(&source.x[at..]);
            let mut sum: [f32; L] = load(&x_grad[at..]);
            for i in 0..L {
                by_kernel[tap][i] += g[i] * value[i];
                sum[i] += g[i] * kernel[tap][i];
            }
            store(&mut x_grad[at..], sum);
        }
    }
    for (tap, by_tap) in by_kernel.into_iter().chain([by_bias]).enumerate() {
        store(&mut sums[tap * channels + c..], by_tap);
    }
}

/// The derivatives by input, weight and bias. Sums over items are taken in their order, so that the result does not depend
/// on the number of threads.
fn backward(
    x: &FlexTensor,
    weight: &FlexTensor,
    grad: &FlexTensor,
    near: &Neighbours,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let channels = x.layout().shape()[1];
    let item = near.positions() * channels;
    let mut x_grad = FlexTensor::zeros(x.layout().shape().clone(), x.dtype());
    let (x, weight, grad): (&[f32], &[f32], &[f32]) =
        (x.storage(), weight.storage(), grad.storage());
    let arch = pulp::Arch::new();
    let sums: Vec<Vec<f32>> = x_grad
        .storage_mut::<f32>()
        .par_chunks_mut(item)
        .zip(x.par_chunks(item).zip(grad.par_chunks(item)))
        .map(|(x_grad, (x, grad))| {
            let mut sums = vec![0.0; (TAPS + 1) * channels];
            let source = Source {
                x,
                channels,
                weight,
                bias: &[],
                near,
            };
            arch.dispatch(
                #[inline(always)]
                || {
                    let whole = channels / LANES * LANES;
                    for c in (0..whole).step_by(LANES) {
                        differentiate::<LANES>(source, c, grad, x_grad, &mut sums);
                    }
                    for c in whole..channels {
                        differentiate::<1>(source, c, grad, x_grad, &mut sums);
                    }
                },
            );
            sums
        })
        .collect();
    let mut total = vec![0.0_f32; (TAPS + 1) * channels];
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(t, s)| *t += s);
    }
    let bias_grad = total.split_off(TAPS * channels);
    (
        x_grad,
        FlexTensor::from_data(TensorData::new(total, [TAPS, channels])),
        FlexTensor::from_data(TensorData::new(bias_grad, [channels])),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{close, numbers, tensor, vec};

    fn row_by_row(rows: usize, columns: usize) -> Arc<Neighbours> {
        let places: Vec<(usize, usize)> = (0..rows * columns)
            .map(|i| (i / columns, i % columns))
            .collect();
        Arc::new(Neighbours::new(&places))
    }

    #[test]
    fn a_kernel_of_one_tap_shifts_the_picture_and_repeats_its_edge() {
        let device = Device::flex();
        let near = row_by_row(2, 3);
        let x = tensor(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [6, 1], &device);
        let shifted = |tap: usize| {
            let mut weight = vec![0.0; TAPS];
            weight[tap] = 1.0;
            let weight = tensor(weight, [TAPS, 1], &device);
            vec(depthwise(
                x.clone(),
                weight,
                Tensor::zeros([1], &device),
                &near,
            ))
        };
        assert_eq!(shifted(4), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(shifted(5), [2.0, 3.0, 3.0, 5.0, 6.0, 6.0]);
        assert_eq!(shifted(1), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn values_and_derivatives_agree_with_the_plain_operations() {
        let device = Device::flex().autodiff();
        for (rows, columns, items, channels) in [(1, 1, 1, 1), (3, 4, 2, 5), (8, 8, 7, 40)] {
            // In another order than row by row, as patches within patches are.
            let mut places: Vec<(usize, usize)> = (0..rows * columns)
                .map(|i| (i / columns, i % columns))
                .collect();
            places.reverse();
            let near = Arc::new(Neighbours::new(&places));
            let all = items * rows * columns;
            let x = tensor(numbers(all * channels, 1), [all, channels], &device).require_grad();
            let w = tensor(numbers(TAPS * channels, 2), [TAPS, channels], &device).require_grad();
            let b = tensor(numbers(channels, 3), [channels], &device).require_grad();
            let weights = tensor(numbers(all * channels, 4), [all, channels], &device);

            let fused = depthwise(x.clone(), w.clone(), b.clone(), &near);
            let fused_grads = (fused.clone() * weights.clone()).sum().backward();
            let expected = plain(x.clone(), &w, b.clone(), &near);
            let grads = (expected.clone() * weights).sum().backward();

            close(&vec(fused.inner()), &vec(expected.inner()), 1e-5);
            let pair = |t: &Tensor<2>| {
                let (a, b) = (t.grad(&fused_grads), t.grad(&grads));
                close(
                    &vec(a.expect("a gradient")),
                    &vec(b.expect("a gradient")),
                    1e-4,
                );
            };
            pair(&x);
            pair(&w);
            let (a, b) = (b.grad(&fused_grads), b.grad(&grads));
            close(
                &vec(a.expect("a gradient")),
                &vec(b.expect("a gradient")),
                1e-4,
            );
        }
    }
}
