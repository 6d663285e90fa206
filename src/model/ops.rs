//! The three operations a network spends its time in, each with a fused form for the CPU.
//!
//! On a GPU they are written with plain tensor operations, which burn fuses by itself. On the CPU each runs as one or two
//! passes over memory with a hand-written derivative. Invariant: both forms compute the same function; tests compare
//! them and their derivatives.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Autodiff, DispatchDevice};
use burn::tensor::{Device, Tensor, TensorData, activation};
use rayon::prelude::*;

use super::spec::Likelihood;

/// Values per parallel piece of an elementwise pass; small enough to stay in a core's cache.
const PIECE: usize = 16 * 1024;

type Tracked = Autodiff<Flex, NoCheckpointing>;

/// Whether tensors of this device live in the CPU's memory, where the fused forms apply.
pub(super) fn is_cpu(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

fn tracked<const D: usize>(tensor: Tensor<D>) -> <Tracked as burn::backend::BackendTypes>::FloatTensorPrimitive {
    tensor.try_into_primitive::<Tracked>().expect("a tensor of the tracked CPU device")
}

fn untracked<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("a tensor of the CPU device")
}

/// `x · weight + bias`, rectified when `rectify`: `[rows, in] × [in, out] + [out] → [rows, out]`.
pub(super) fn affine(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, rectify: bool) -> Tensor<2> {
    let device = x.device();
    if !is_cpu(&device) {
        let y = x.matmul(weight) + bias.unsqueeze::<2>();
        return if rectify { activation::relu(y) } else { y };
    }
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

fn affine_forward(x: FlexTensor, weight: FlexTensor, bias: &FlexTensor, rectify: bool) -> FlexTensor {
    let mut y = Flex::float_matmul(x, weight);
    let bias = bias.to_contiguous();
    let bias: &[f32] = bias.storage();
    let rows = rows_per_piece(bias.len());
    y.storage_mut::<f32>().par_chunks_mut(rows * bias.len()).for_each(|piece| {
        for row in piece.chunks_exact_mut(bias.len()) {
            if rectify {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y = (*y + b).max(0.0));
            } else {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
        }
    });
    y
}

#[derive(Debug)]
struct AffineBackward;

impl Backward<Flex, 3> for AffineBackward {
    /// Input, weight and, where it was rectified, the output.
    type State = (FlexTensor, FlexTensor, Option<FlexTensor>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
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
    let output = output.map(FlexTensor::to_contiguous);
    let output: Option<&[f32]> = output.as_ref().map(FlexTensor::storage);
    let length = rows_per_piece(columns) * columns;
    let sums: Vec<Vec<f32>> = grad
        .storage_mut::<f32>()
        .par_chunks_mut(length)
        .enumerate()
        .map(|(i, piece)| {
            let mut sum = vec![0.0_f32; columns];
            for (r, row) in piece.chunks_exact_mut(columns).enumerate() {
                if let Some(output) = output {
                    let start = i * length + r * columns;
                    let kept = &output[start..start + columns];
                    row.iter_mut().zip(kept).for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 });
                }
                sum.iter_mut().zip(&*row).for_each(|(s, g)| *s += g);
            }
            sum
        })
        .collect();
    let mut total = vec![0.0_f32; columns];
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(t, s)| *t += s);
    }
    FlexTensor::from_data(TensorData::new(total, [columns]))
}

fn rows_per_piece(columns: usize) -> usize {
    (PIECE / columns.max(1)).max(1)
}

/// Negative log-likelihood of `target` under the decoder's `output`, both `[items, pixels]` with targets in `[0, 1]`,
/// summed over everything and multiplied by `scale`: a tensor of one number.
///
/// Bernoulli outputs are logits, and the sum is the cross-entropy; of a normal distribution the constant
/// `log σ√(2π)` per pixel is left out.
pub(super) fn reconstruction(output: Tensor<2>, target: Tensor<2>, likelihood: Likelihood, scale: f32) -> Tensor<1> {
    let device = output.device();
    if !is_cpu(&device) {
        return match likelihood {
            Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => {
                (softplus(output.clone()) - output * target).sum() * scale
            }
            Likelihood::Gaussian { sigma } => {
                let off = output - target;
                (off.clone() * off).sum() * (scale / (2.0 * sigma * sigma))
            }
        };
    }
    if !device.is_autodiff() {
        let (sum, _) = reconstruction_forward(&untracked(output), &untracked(target), likelihood, scale);
        return Tensor::from_primitive::<Flex>(sum);
    }
    let (output, node): (FlexTensor, NodeGuard) = tracked(output).into_parts();
    let target = tracked(target).into_primitive();
    let (sum, grad) = reconstruction_forward(&output, &target, likelihood, scale);
    let prepared = ReconstructionBackward.prepare::<NoCheckpointing>([node]).compute_bound().stateful();
    Tensor::from_primitive::<Tracked>(match prepared {
        OpsKind::Tracked(prepared) => prepared.finish(grad, sum),
        OpsKind::UnTracked(prepared) => prepared.finish(sum),
    })
}

#[derive(Debug)]
struct ReconstructionBackward;

impl Backward<Flex, 1> for ReconstructionBackward {
    /// The derivative by the output, worked out on the way forward.
    type State = FlexTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let factor = grads.consume::<Flex>(&ops.node);
        let factor = factor.storage::<f32>()[0];
        if let Some(node) = node {
            let mut grad = ops.state;
            if (factor - 1.0).abs() > f32::EPSILON {
                grad.storage_mut::<f32>().par_chunks_mut(PIECE).for_each(|piece| {
                    piece.iter_mut().for_each(|g| *g *= factor);
                });
            }
            grads.register::<Flex>(node.id, grad);
        }
    }
}

/// The scaled sum and its derivative by the output.
fn reconstruction_forward(
    output: &FlexTensor,
    target: &FlexTensor,
    likelihood: Likelihood,
    scale: f32,
) -> (FlexTensor, FlexTensor) {
    let (output, target) = (output.to_contiguous(), target.to_contiguous());
    let (o, t): (&[f32], &[f32]) = (output.storage(), target.storage());
    let mut grad = FlexTensor::empty(output.layout().shape().clone(), output.dtype());
    let arch = pulp::Arch::new();
    let sums: Vec<f64> = grad
        .storage_mut::<f32>()
        .par_chunks_mut(PIECE)
        .zip(o.par_chunks(PIECE).zip(t.par_chunks(PIECE)))
        .map(|(g, (o, t))| {
            arch.dispatch(
                #[inline(always)]
                || match likelihood {
                    Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => {
                        sum_and_differentiate(o, t, g, scale, |l, t| {
                            let (softplus, sigmoid) = softplus_and_sigmoid(l);
                            (softplus - l * t, sigmoid - t)
                        })
                    }
                    Likelihood::Gaussian { sigma } => {
                        let precision = 1.0 / (sigma * sigma);
                        sum_and_differentiate(o, t, g, scale, |o, t| {
                            let off = o - t;
                            (0.5 * precision * off * off, precision * off)
                        })
                    }
                },
            )
        })
        .collect();
    let sum = (sums.iter().sum::<f64>() * f64::from(scale)) as f32;
    (FlexTensor::from_data(TensorData::new(vec![sum], [1])), grad)
}

/// Negative log-likelihood of each row of `output`, `[rows, pixels]` without derivatives; row `r` is compared with row
/// `r / repeat` of `target`. Terms as in [`reconstruction`].
pub(super) fn reconstruction_rows(output: Tensor<2>, target: &Tensor<2>, repeat: usize, likelihood: Likelihood) -> Tensor<1> {
    let device = output.device();
    let [rows, pixels] = output.dims();
    if !is_cpu(&device) {
        let [items, _] = target.dims();
        let target = target.clone().reshape([items, 1, pixels]).repeat_dim(1, repeat).reshape([rows, pixels]);
        let each = match likelihood {
            Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => softplus(output.clone()) - output * target,
            Likelihood::Gaussian { sigma } => (output - target).square() / (2.0 * sigma * sigma),
        };
        return each.sum_dim(1).reshape([rows]);
    }
    let (output, target) = (untracked(output).to_contiguous(), untracked(target.clone()).to_contiguous());
    let (o, t): (&[f32], &[f32]) = (output.storage(), target.storage());
    let arch = pulp::Arch::new();
    let mut sums = vec![0.0_f32; rows];
    sums.par_iter_mut().enumerate().with_min_len(rows_per_piece(pixels)).for_each(|(r, sum)| {
        let o = &o[r * pixels..(r + 1) * pixels];
        let t = &t[r / repeat * pixels..(r / repeat + 1) * pixels];
        *sum = arch.dispatch(
            #[inline(always)]
            || match likelihood {
                Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => {
                    sum_pairs(o, t, |l, t| softplus_and_sigmoid(l).0 - l * t)
                }
                Likelihood::Gaussian { sigma } => {
                    sum_pairs(o, t, |o, t| (o - t) * (o - t)) / (2.0 * f64::from(sigma * sigma))
                }
            },
        ) as f32;
    });
    Tensor::from_data(TensorData::new(sums, [rows]), &device)
}

/// `log(1 + exp(x))`, written so that a large `|x|` does not overflow.
fn softplus(x: Tensor<2>) -> Tensor<2> {
    x.clone().abs().neg().exp().log1p() + activation::relu(x)
}

/// Running sums kept side by side, so that the compiler can hold them in one vector register.
const LANES: usize = 16;

/// Sum of `term` over pairs.
#[inline(always)]
fn sum_pairs(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut lanes = [0.0_f32; LANES];
    let head = a.len() / LANES * LANES;
    for (a, b) in a[..head].chunks_exact(LANES).zip(b[..head].chunks_exact(LANES)) {
        for i in 0..LANES {
            lanes[i] += term(a[i], b[i]);
        }
    }
    for (i, (a, b)) in a[head..].iter().zip(&b[head..]).enumerate() {
        lanes[i] += term(*a, *b);
    }
    lanes.iter().map(|s| f64::from(*s)).sum()
}

/// Sum of the losses of pairs, and `scale` times the derivative of each by its output.
#[inline(always)]
fn sum_and_differentiate(
    outputs: &[f32],
    targets: &[f32],
    grads: &mut [f32],
    scale: f32,
    term: impl Fn(f32, f32) -> (f32, f32),
) -> f64 {
    let mut lanes = [0.0_f32; LANES];
    let head = outputs.len() / LANES * LANES;
    let pairs = outputs[..head].chunks_exact(LANES).zip(targets[..head].chunks_exact(LANES));
    for ((o, t), g) in pairs.zip(grads[..head].chunks_exact_mut(LANES)) {
        for i in 0..LANES {
            let (loss, slope) = term(o[i], t[i]);
            lanes[i] += loss;
            g[i] = slope * scale;
        }
    }
    for i in head..outputs.len() {
        let (loss, slope) = term(outputs[i], targets[i]);
        lanes[i - head] += loss;
        grads[i] = slope * scale;
    }
    lanes.iter().map(|s| f64::from(*s)).sum()
}

/// `log(1 + exp(x))` and its derivative `1 / (1 + exp(−x))`, both from `exp(−|x|)`.
#[inline(always)]
fn softplus_and_sigmoid(x: f32) -> (f32, f32) {
    let e = exp_of_negative(-x.abs());
    let positive = 1.0 / (1.0 + e);
    (x.max(0.0) + log_1p_of_unit(e), if x >= 0.0 { positive } else { e * positive })
}

/// `exp(x)` for `x ≤ 0`, relative error below 2e-7, without a branch so that it vectorises.
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    let x = x.max(-87.0);
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    // x − n·log 2 in two steps, so that no digit is lost.
    let r = x - n * 0.693_359_4;
    let r = r + n * 2.121_944_4e-4;
    let p = r * 1.987_569_2e-4 + 1.398_199_9e-3;
    let p = r * p + 8.333_452e-3;
    let p = r * p + 4.166_579_6e-2;
    let p = r * p + 0.166_666_66;
    let p = r * p + 0.5;
    let p = r * r * p + r + 1.0;
    p * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

/// `log(1 + x)` for `0 ≤ x ≤ 1`, absolute error below 2e-7: `2·artanh(x / (2 + x))` as a series.
#[inline(always)]
fn log_1p_of_unit(x: f32) -> f32 {
    let s = x / (2.0 + x);
    let q = s * s;
    let p = q / 13.0 + 1.0 / 11.0;
    let p = q * p + 1.0 / 9.0;
    let p = q * p + 1.0 / 7.0;
    let p = q * p + 0.2;
    let p = q * p + 1.0 / 3.0;
    2.0 * (s + s * q * p)
}

/// The numbers of one Adam step; see [`adam`].
#[derive(Clone, Copy, Debug)]
pub(super) struct AdamStep {
    /// Learning rate divided by the first moment's bias correction.
    pub(super) rate: f32,
    /// Square root of the second moment's bias correction.
    pub(super) second_correction: f32,
}

pub(super) const BETA_1: f32 = 0.9;
pub(super) const BETA_2: f32 = 0.999;
pub(super) const EPSILON: f32 = 1e-8;

/// One Adam step (Kingma & Ba 2015) on flat tensors without derivatives: the new parameter and moments.
///
/// `grad` is multiplied by `factor`, a tensor of one number, first.
pub(super) fn adam(
    param: Tensor<1>,
    grad: Tensor<1>,
    moments: (Tensor<1>, Tensor<1>),
    factor: Option<&Tensor<1>>,
    step: AdamStep,
) -> (Tensor<1>, (Tensor<1>, Tensor<1>)) {
    let (first, second) = moments;
    if !is_cpu(&param.device()) {
        let grad = match factor {
            Some(factor) => grad * factor.clone(),
            None => grad,
        };
        let first = first * BETA_1 + grad.clone() * (1.0 - BETA_1);
        let second = second * BETA_2 + grad.clone() * grad * (1.0 - BETA_2);
        let root = second.clone().sqrt() / step.second_correction + EPSILON;
        return (param - first.clone() / root * step.rate, (first, second));
    }
    let factor = factor.map_or(1.0, |f| f.clone().into_scalar::<f32>());
    let (mut p, mut m, mut v) = (
        untracked(param).to_contiguous(),
        untracked(first).to_contiguous(),
        untracked(second).to_contiguous(),
    );
    let grad = untracked(grad).to_contiguous();
    let arch = pulp::Arch::new();
    p.storage_mut::<f32>()
        .par_chunks_mut(PIECE)
        .zip(m.storage_mut::<f32>().par_chunks_mut(PIECE))
        .zip(v.storage_mut::<f32>().par_chunks_mut(PIECE))
        .zip(grad.storage::<f32>().par_chunks(PIECE))
        .for_each(|(((p, m), v), g)| {
            arch.dispatch(
                #[inline(always)]
                || {
                    for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
                        let g = g * factor;
                        *m = BETA_1 * *m + (1.0 - BETA_1) * g;
                        *v = BETA_2 * *v + (1.0 - BETA_2) * g * g;
                        *p -= step.rate * *m / (v.sqrt() / step.second_correction + EPSILON);
                    }
                },
            );
        });
    (
        Tensor::from_primitive::<Flex>(p),
        (Tensor::from_primitive::<Flex>(m), Tensor::from_primitive::<Flex>(v)),
    )
}

/// Sum of the squares of all numbers of a tensor without derivatives, as a tensor of one number.
pub(super) fn sum_of_squares(tensor: Tensor<1>) -> Tensor<1> {
    let device = tensor.device();
    if !is_cpu(&device) {
        return (tensor.clone() * tensor).sum();
    }
    let tensor = untracked(tensor).to_contiguous();
    let pieces: Vec<f32> = tensor
        .storage::<f32>()
        .par_chunks(PIECE)
        .map(|piece| {
            let mut lanes = [0.0_f32; LANES];
            for chunk in piece.chunks(LANES) {
                lanes.iter_mut().zip(chunk).for_each(|(s, x)| *s += x * x);
            }
            lanes.iter().sum()
        })
        .collect();
    Tensor::from_data([pieces.iter().sum::<f32>()], &device)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between −1 and 1 that look random and are the same each time.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn close(a: &[f32], b: &[f32], tolerance: f32) {
        assert_eq!(a.len(), b.len());
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "number {i}: {a} and {b}");
        }
    }

    fn vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec().expect("f32")
    }

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
            let plain = if rectify { activation::relu(plain) } else { plain };
            let plain_grads = (plain.clone() * weights).sum().backward();

            close(&vec(fused.inner()), &vec(plain.inner()), 1e-5);
            close(&vec(x.grad(&grads).expect("x")), &vec(x.grad(&plain_grads).expect("x")), 1e-4);
            close(&vec(w.grad(&grads).expect("w")), &vec(w.grad(&plain_grads).expect("w")), 1e-4);
            close(&vec(b.grad(&grads).expect("b")), &vec(b.grad(&plain_grads).expect("b")), 1e-4);
        }
    }

    #[test]
    fn the_derivative_of_each_reconstruction_term_is_its_slope() {
        let device = Device::flex().autodiff();
        let (rows, columns) = (3, 37);
        for likelihood in [Likelihood::Bernoulli, Likelihood::Gaussian { sigma: 0.5 }] {
            let values: Vec<f32> = numbers(rows * columns, 5).iter().map(|v| 3.0 * v).collect();
            let target: Vec<f32> = numbers(rows * columns, 6).iter().map(|v| 0.5 + 0.5 * v).collect();
            let at = |values: Vec<f32>| {
                let output = tensor(values, [rows, columns], &device).require_grad();
                let target = tensor(target.clone(), [rows, columns], &device);
                let loss = reconstruction(output.clone(), target, likelihood, 0.25) * 2.0;
                let grads = loss.backward();
                (loss.inner().into_scalar::<f32>(), vec(output.grad(&grads).expect("output")))
            };
            let (_, slopes) = at(values.clone());
            for i in [0, 7, rows * columns - 1] {
                let step = 1e-2;
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[i] += by;
                    at(values).0
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((slope - slopes[i]).abs() < 2e-2, "{likelihood:?} {i}: {slope} and {}", slopes[i]);
            }
        }
    }

    #[test]
    fn cross_entropy_is_right_for_small_and_large_logits() {
        for x in [-100.0_f32, -20.0, -1.5, -1e-3, 0.0, 1e-3, 0.7, 12.0, 90.0] {
            let (softplus, sigmoid) = softplus_and_sigmoid(x);
            let exact = f64::from(x);
            let expected = if x > 30.0 { exact } else { exact.exp().ln_1p() };
            assert!((f64::from(softplus) - expected).abs() < 1e-6 * (1.0 + expected), "softplus of {x}");
            assert!((f64::from(sigmoid) - 1.0 / (1.0 + (-exact).exp())).abs() < 1e-6, "sigmoid of {x}");
        }
    }

    #[test]
    fn rows_add_up_to_the_whole() {
        let device = Device::flex();
        let output = tensor(numbers(4 * 50, 7), [4, 50], &device);
        let target = tensor(numbers(2 * 50, 8).iter().map(|v| v.abs()).collect(), [2, 50], &device);
        for likelihood in [Likelihood::Bernoulli, Likelihood::Gaussian { sigma: 0.3 }] {
            let rows = vec(reconstruction_rows(output.clone(), &target, 2, likelihood));
            let doubled = target.clone().reshape([2, 1, 50]).repeat_dim(1, 2).reshape([4, 50]);
            let whole = reconstruction(output.clone(), doubled, likelihood, 1.0).into_scalar::<f32>();
            assert!((rows.iter().sum::<f32>() - whole).abs() < 1e-3 * whole.abs());
        }
    }

    #[test]
    fn adam_follows_its_definition() {
        let device = Device::flex();
        let (mut p, mut m, mut v) = (vec![0.5_f64, -2.0], vec![0.0_f64; 2], vec![0.0_f64; 2]);
        let mut tensors = tensor(vec![0.5, -2.0], [2], &device);
        let mut moments = (tensors.zeros_like(), tensors.zeros_like());
        for (t, grad) in (1..).zip([[0.1, -3.0], [0.2, 1.0], [-0.5, 0.0]]) {
            let (c1, c2) = (1.0 - 0.9_f64.powi(t), 1.0 - 0.999_f64.powi(t));
            for i in 0..2 {
                m[i] = 0.9 * m[i] + 0.1 * grad[i];
                v[i] = 0.999 * v[i] + 0.001 * grad[i] * grad[i];
                p[i] -= 0.01 * (m[i] / c1) / ((v[i] / c2).sqrt() + 1e-8);
            }
            let step = AdamStep { rate: (0.01 / c1) as f32, second_correction: c2.sqrt() as f32 };
            let grad = tensor(grad.iter().map(|g| *g as f32).collect(), [2], &device);
            (tensors, moments) = adam(tensors, grad, moments, None, step);
        }
        let expected: Vec<f32> = p.iter().map(|p| *p as f32).collect();
        close(&vec(tensors), &expected, 1e-5);
    }
}
