//! The layer a network spends its time in, with a fused form for the CPU; see also [`super::likelihood`] and
//! [`super::optimizer`].
//!
//! On a GPU they are written with plain tensor operations, which burn fuses by itself. On the CPU each runs as one or two
//! passes over memory with a hand-written derivative. Invariant: both forms compute the same function; tests compare
//! them and their derivatives.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Autodiff, DispatchDevice};
use burn::tensor::{Device, Tensor, TensorData, activation};
use rayon::prelude::*;

use super::interruption::breathe;

/// Values per parallel piece of an elementwise pass; small enough to stay in a core's cache.
pub(super) const PIECE: usize = 16 * 1024;

pub(super) type Tracked = Autodiff<Flex, NoCheckpointing>;

/// Whether tensors of this device live in the CPU's memory, where the fused forms apply.
pub(super) fn is_cpu(device: &Device) -> bool {
    matches!(
        device.clone().inner().as_dispatch(),
        DispatchDevice::Flex(_)
    )
}

pub(super) fn tracked<const D: usize>(
    tensor: Tensor<D>,
) -> <Tracked as burn::backend::BackendTypes>::FloatTensorPrimitive {
    tensor
        .try_into_primitive::<Tracked>()
        .expect("a tensor of the tracked CPU device")
}

pub(super) fn untracked<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor
        .try_into_primitive::<Flex>()
        .expect("a tensor of the CPU device")
}

/// `x · weight + bias`, rectified when `rectify`: `[rows, in] × [in, out] + [out] → [rows, out]`.
pub(super) fn affine(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, rectify: bool) -> Tensor<2> {
    let device = x.device();
    if !is_cpu(&device) {
        let y = x.matmul(weight) + bias.unsqueeze::<2>();
        return if rectify { activation::relu(y) } else { y };
    }
    breathe();
    if !device.is_autodiff() {
        let y = affine_forward(untracked(x), untracked(weight), &untracked(bias), rectify);
        return Tensor::from_primitive::<Flex>(y);
    }
    let (x, x_node) = tracked(x).into_parts();
    let (weight, weight_node) = tracked(weight).into_parts();
    let (bias, bias_node) = tracked(bias).into_parts();
    let prepared = AffineBackward
        .prepare::<NoCheckpointing>([x_node, weight_node, bias_node])
        .compute_bound()
        .stateful();
    let y = affine_forward(x.clone(), weight.clone(), &bias, rectify);
    Tensor::from_primitive::<Tracked>(match prepared {
        OpsKind::Tracked(prepared) => {
            let output = rectify.then(|| y.clone());
            prepared.finish((x, weight, output), y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    })
}

fn affine_forward(
    x: FlexTensor,
    weight: FlexTensor,
    bias: &FlexTensor,
    rectify: bool,
) -> FlexTensor {
    let mut y = Flex::float_matmul(x, weight);
    let bias = bias.to_contiguous();
    let bias: &[f32] = bias.storage();
    let add = |piece: &mut [f32]| {
        for row in piece.chunks_exact_mut(bias.len()) {
            if rectify {
                row.iter_mut()
                    .zip(bias)
                    .for_each(|(y, b)| *y = (*y + b).max(0.0));
            } else {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
        }
    };
    let length = rows_per_piece(bias.len()) * bias.len();
    let values = y.storage_mut::<f32>();
    if values.len() <= length {
        // The one picture of a drag does not wait for threads that may be busy with other things.
        add(values);
    } else {
        values.par_chunks_mut(length).for_each(add);
    }
    y
}

#[derive(Debug)]
struct AffineBackward;

impl Backward<Flex, 3> for AffineBackward {
    /// Input, weight and, where it was rectified, the output.
    type State = (FlexTensor, FlexTensor, Option<FlexTensor>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        breathe();
        let [x_node, weight_node, bias_node] = ops.parents;
        let mut grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, weight, output) = ops.state;
        let bias_grad = mask_and_sum_rows(&mut grad, output.as_ref());
        drop(output);
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, bias_grad);
        }
        if let Some(node) = weight_node {
            let weight_grad = Flex::float_matmul(Flex::float_transpose(x), grad.clone());
            grads.register::<Flex>(node.id, weight_grad);
        }
        if let Some(node) = x_node {
            let x_grad = Flex::float_matmul(grad, Flex::float_transpose(weight));
            grads.register::<Flex>(node.id, x_grad);
        }
    }
}

/// Zeroes `grad` where `output` was cut to zero and returns the sum of its rows.
///
/// The rows are summed in pieces of fixed length, so that the result does not depend on the number of threads.
fn mask_and_sum_rows(grad: &mut FlexTensor, output: Option<&FlexTensor>) -> FlexTensor {
    let columns = grad.layout().shape()[1];
    let length = rows_per_piece(columns) * columns;
    let add = |sum: &mut [f32], row: &[f32]| sum.iter_mut().zip(row).for_each(|(s, g)| *s += g);
    let sums: Vec<Vec<f32>> = if let Some(output) = output {
        let output = output.to_contiguous();
        let output: &[f32] = output.storage();
        let pieces = grad.storage_mut::<f32>().par_chunks_mut(length);
        let mask = |(piece, output): (&mut [f32], &[f32])| {
            let mut sum = vec![0.0_f32; columns];
            let rows = piece.chunks_exact_mut(columns);
            for (row, output) in rows.zip(output.chunks_exact(columns)) {
                row.iter_mut()
                    .zip(output)
                    .for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 });
                add(&mut sum, row);
            }
            sum
        };
        pieces.zip(output.par_chunks(length)).map(mask).collect()
    } else {
        // Only read: the gradient of a sum is shared by its two sides, and would be copied before a change.
        let pieces = grad.storage::<f32>().par_chunks(length);
        let only_sum = |piece: &[f32]| {
            let mut sum = vec![0.0_f32; columns];
            piece
                .chunks_exact(columns)
                .for_each(|row| add(&mut sum, row));
            sum
        };
        pieces.map(only_sum).collect()
    };
    let mut total = vec![0.0_f32; columns];
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(t, s)| *t += s);
    }
    FlexTensor::from_data(TensorData::new(total, [columns]))
}

pub(super) fn rows_per_piece(columns: usize) -> usize {
    (PIECE / columns.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{close, numbers, tensor, vec};

    #[test]
    fn an_affine_layer_and_its_derivatives_agree_with_the_plain_operations() {
        let device = Device::flex().autodiff();
        for (rows, from, to, rectify) in [(3, 5, 4, true), (1, 2, 3, false), (700, 40, 33, true)] {
            let x = tensor(numbers(rows * from, 1), [rows, from], &device).require_grad();
            let w = tensor(numbers(from * to, 2), [from, to], &device).require_grad();
            let b = tensor(numbers(to, 3), [to], &device).require_grad();
            let weights = tensor(numbers(rows * to, 4), [rows, to], &device);

            let fused = affine(x.clone(), w.clone(), b.clone(), rectify);
            let grads = (fused.clone() * weights.clone()).sum().backward();
            let plain = x.clone().matmul(w.clone()) + b.clone().unsqueeze::<2>();
            let plain = if rectify {
                activation::relu(plain)
            } else {
                plain
            };
            let plain_grads = (plain.clone() * weights).sum().backward();

            close(&vec(fused.inner()), &vec(plain.inner()), 1e-5);
            close(
                &vec(x.grad(&grads).expect("x")),
                &vec(x.grad(&plain_grads).expect("x")),
                1e-4,
            );
            close(
                &vec(w.grad(&grads).expect("w")),
                &vec(w.grad(&plain_grads).expect("w")),
                1e-4,
            );
            close(
                &vec(b.grad(&grads).expect("b")),
                &vec(b.grad(&plain_grads).expect("b")),
                1e-4,
            );
        }
    }
}
