//! How far the decoder's output is from a picture: the reconstruction term, with a fused form for the CPU.
//!
//! On the CPU the term and its derivative come from one pass over memory. Invariant: the fused form computes the same
//! function as the plain tensor operations; tests compare both, and the derivative with finite differences.

#![expect(
    clippy::inline_always,
    reason = "pulp compiles the inlined body once per instruction set"
)]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::tensor::{Tensor, TensorData, activation};
use rayon::prelude::*;

use super::ops::{PIECE, Tracked, is_cpu, rows_per_piece, tracked, untracked};
use super::spec::Likelihood;

/// Negative log-likelihood of `target` under the decoder's `output`, both `[items, pixels]` with targets in `[0, 1]`,
/// summed over everything and multiplied by `scale`: a tensor of one number.
///
/// Bernoulli outputs are logits, and the sum is the cross-entropy; of a normal distribution the constant
/// `log σ√(2π)` per pixel is left out.
pub(super) fn reconstruction(
    output: Tensor<2>,
    target: Tensor<2>,
    likelihood: Likelihood,
    scale: f32,
) -> Tensor<1> {
    let device = output.device();
    if let Likelihood::Categorical { colours } = likelihood {
        return categorical_rows(output, target, colours).sum() * scale;
    }
    if !is_cpu(&device) {
        return match likelihood {
            Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => {
                (softplus(output.clone()) - output * target).sum() * scale
            }
            Likelihood::Gaussian { sigma } => {
                let off = output - target;
                (off.clone() * off).sum() * (scale / (2.0 * sigma * sigma))
            }
            Likelihood::Categorical { colours } => {
                categorical_rows(output, target, colours).sum() * scale
            }
        };
    }
    if !device.is_autodiff() {
        let (sum, _) =
            reconstruction_forward(&untracked(output), &untracked(target), likelihood, scale);
        return Tensor::from_primitive::<Flex>(sum);
    }
    let (output, node): (FlexTensor, NodeGuard) = tracked(output).into_parts();
    let target = tracked(target).into_primitive();
    let (sum, grad) = reconstruction_forward(&output, &target, likelihood, scale);
    let prepared = ReconstructionBackward
        .prepare::<NoCheckpointing>([node])
        .compute_bound()
        .stateful();
    Tensor::from_primitive::<Tracked>(match prepared {
        OpsKind::Tracked(prepared) => prepared.finish(grad, sum),
        OpsKind::UnTracked(prepared) => prepared.finish(sum),
    })
}

/// As [`reconstruction`], of `repeat` rows of `output`, `[items × repeat, pixels]`, for each row of `target`, `[items, pixels]`; the term of a row
/// counts `weights[row]` times. There is no derivative by the weights. Beside it the terms of the rows themselves, `[rows]`, without derivative.
pub(super) fn weighted_reconstruction(
    output: Tensor<2>,
    target: Tensor<2>,
    repeat: usize,
    weights: Tensor<1>,
    likelihood: Likelihood,
    scale: f32,
) -> (Tensor<1>, Tensor<1>) {
    let device = output.device();
    let [rows, pixels] = output.dims();
    let weights = weights.detach();
    let is_categorical = matches!(likelihood, Likelihood::Categorical { .. });
    if is_categorical || !is_cpu(&device) || !device.is_autodiff() {
        let each = plain_rows(output, &target, repeat, likelihood);
        return ((each.clone() * weights).sum() * scale, each.detach());
    }
    let (output, node): (FlexTensor, NodeGuard) = tracked(output).into_parts();
    let output = output.to_contiguous();
    let target = tracked(target).into_primitive().to_contiguous();
    let weights = tracked(weights).into_primitive().to_contiguous();
    let (o, t): (&[f32], &[f32]) = (output.storage(), target.storage());
    let weights: &[f32] = weights.storage();
    let mut grad = FlexTensor::empty(output.layout().shape().clone(), output.dtype());
    let mut sums = vec![0.0_f64; rows];
    let arch = pulp::Arch::new();
    grad.storage_mut::<f32>()
        .par_chunks_mut(pixels)
        .zip(&mut sums)
        .enumerate()
        .with_min_len(rows_per_piece(pixels))
        .for_each(|(r, (g, sum))| {
            let o = &o[r * pixels..(r + 1) * pixels];
            let t = &t[r / repeat * pixels..(r / repeat + 1) * pixels];
            let weight = weights[r];
            *sum = arch.dispatch(
                #[inline(always)]
                || differentiated(o, t, g, scale * weight, likelihood),
            );
        });
    let weighted = sums.iter().zip(weights).map(|(sum, w)| sum * f64::from(*w));
    let sum = (weighted.sum::<f64>() * f64::from(scale)) as f32;
    let each: Vec<f32> = sums.iter().map(|sum| *sum as f32).collect();
    let each = Tensor::from_data(TensorData::new(each, [rows]), &device);
    let sum = FlexTensor::from_data(TensorData::new(vec![sum], [1]));
    let prepared = ReconstructionBackward
        .prepare::<NoCheckpointing>([node])
        .compute_bound()
        .stateful();
    let sum = Tensor::from_primitive::<Tracked>(match prepared {
        OpsKind::Tracked(prepared) => prepared.finish(grad, sum),
        OpsKind::UnTracked(prepared) => prepared.finish(sum),
    });
    (sum, each)
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
                grad.storage_mut::<f32>()
                    .par_chunks_mut(PIECE)
                    .for_each(|piece| {
                        for g in piece {
                            *g *= factor;
                        }
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
                || differentiated(o, t, g, scale, likelihood),
            )
        })
        .collect();
    let sum = (sums.iter().sum::<f64>() * f64::from(scale)) as f32;
    (FlexTensor::from_data(TensorData::new(vec![sum], [1])), grad)
}

/// The sum of a piece, and `scale` times its derivative.
#[inline(always)]
fn differentiated(
    outputs: &[f32],
    targets: &[f32],
    grads: &mut [f32],
    scale: f32,
    likelihood: Likelihood,
) -> f64 {
    // Categorical pixels are no terms of single values, and never come here.
    if let Likelihood::Gaussian { sigma } = likelihood {
        let precision = 1.0 / (sigma * sigma);
        sum_and_differentiate(outputs, targets, grads, scale, |o, t| {
            let off = o - t;
            (0.5 * precision * off * off, precision * off)
        })
    } else {
        sum_and_differentiate(outputs, targets, grads, scale, |l, t| {
            let (softplus, sigmoid) = softplus_and_sigmoid(l);
            (softplus - l * t, sigmoid - t)
        })
    }
}

/// The term of each row where each pixel has one of `colours` colours: cross-entropy with the soft-max, summed over pixels.
fn categorical_rows(output: Tensor<2>, target: Tensor<2>, colours: usize) -> Tensor<1> {
    let [rows, values] = output.dims();
    let pixels = values / colours;
    let output = output.reshape([rows * pixels, colours]);
    let target = target.reshape([rows * pixels, colours]);
    let top = output.clone().detach().max_dim(1);
    let log_sum = (output.clone() - top.clone()).exp().sum_dim(1).log() + top;
    let each = log_sum - (output * target).sum_dim(1);
    each.reshape([rows, pixels]).sum_dim(1).reshape([rows])
}

/// The term of each row in plain tensor operations.
fn plain_rows(
    output: Tensor<2>,
    target: &Tensor<2>,
    repeat: usize,
    likelihood: Likelihood,
) -> Tensor<1> {
    let [rows, pixels] = output.dims();
    let [items, _] = target.dims();
    let target = target
        .clone()
        .reshape([items, 1, pixels])
        .repeat_dim(1, repeat)
        .reshape([rows, pixels]);
    let each = match likelihood {
        Likelihood::Bernoulli | Likelihood::BinarizedBernoulli => {
            softplus(output.clone()) - output * target
        }
        Likelihood::Gaussian { sigma } => (output - target).square() / (2.0 * sigma * sigma),
        Likelihood::Categorical { colours } => return categorical_rows(output, target, colours),
    };
    each.sum_dim(1).reshape([rows])
}

/// Negative log-likelihood of each row of `output`, `[rows, pixels]` without derivatives; row `r` is compared with row
/// `r / repeat` of `target`. Terms as in [`reconstruction`].
pub(super) fn reconstruction_rows(
    output: Tensor<2>,
    target: &Tensor<2>,
    repeat: usize,
    likelihood: Likelihood,
) -> Tensor<1> {
    let device = output.device();
    let [rows, pixels] = output.dims();
    if !is_cpu(&device) || matches!(likelihood, Likelihood::Categorical { .. }) {
        return plain_rows(output, target, repeat, likelihood);
    }
    let (output, target) = (
        untracked(output).to_contiguous(),
        untracked(target.clone()).to_contiguous(),
    );
    let (o, t): (&[f32], &[f32]) = (output.storage(), target.storage());
    let arch = pulp::Arch::new();
    let mut sums = vec![0.0_f32; rows];
    sums.par_iter_mut()
        .enumerate()
        .with_min_len(rows_per_piece(pixels))
        .for_each(|(r, sum)| {
            let o = &o[r * pixels..(r + 1) * pixels];
            let t = &t[r / repeat * pixels..(r / repeat + 1) * pixels];
            *sum = arch.dispatch(
                #[inline(always)]
                || {
                    if let Likelihood::Gaussian { sigma } = likelihood {
                        sum_pairs(o, t, |o, t| (o - t) * (o - t)) / (2.0 * f64::from(sigma * sigma))
                    } else {
                        sum_pairs(o, t, |l, t| softplus_and_sigmoid(l).0 - l * t)
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
pub(super) const LANES: usize = 16;

/// Sum of `term` over pairs.
#[inline(always)]
fn sum_pairs(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut lanes = [0.0_f32; LANES];
    let head = a.len() / LANES * LANES;
    for (a, b) in a[..head]
        .chunks_exact(LANES)
        .zip(b[..head].chunks_exact(LANES))
    {
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
    let pairs = outputs[..head]
        .chunks_exact(LANES)
        .zip(targets[..head].chunks_exact(LANES));
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
    (
        x.max(0.0) + log_1p_of_unit(e),
        if x >= 0.0 { positive } else { e * positive },
    )
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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::testing::{numbers, tensor, vec};

    #[test]
    fn the_derivative_of_each_reconstruction_term_is_its_slope() {
        let device = Device::flex().autodiff();
        let (rows, columns) = (3, 37);
        for likelihood in [Likelihood::Bernoulli, Likelihood::Gaussian { sigma: 0.5 }] {
            let values: Vec<f32> = numbers(rows * columns, 5).iter().map(|v| 3.0 * v).collect();
            let target: Vec<f32> = numbers(rows * columns, 6)
                .iter()
                .map(|v| 0.5 + 0.5 * v)
                .collect();
            let at = |values: Vec<f32>| {
                let output = tensor(values, [rows, columns], &device).require_grad();
                let target = tensor(target.clone(), [rows, columns], &device);
                let loss = reconstruction(output.clone(), target, likelihood, 0.25) * 2.0;
                let grads = loss.backward();
                (
                    loss.inner().into_scalar::<f32>(),
                    vec(output.grad(&grads).expect("output")),
                )
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
                assert!(
                    (slope - slopes[i]).abs() < 2e-2,
                    "{likelihood:?} {i}: {slope} and {}",
                    slopes[i]
                );
            }
        }
    }

    #[test]
    fn cross_entropy_is_right_for_small_and_large_logits() {
        for x in [-100.0_f32, -20.0, -1.5, -1e-3, 0.0, 1e-3, 0.7, 12.0, 90.0] {
            let (softplus, sigmoid) = softplus_and_sigmoid(x);
            let exact = f64::from(x);
            let expected = if x > 30.0 { exact } else { exact.exp().ln_1p() };
            assert!(
                (f64::from(softplus) - expected).abs() < 1e-6 * (1.0 + expected),
                "softplus of {x}"
            );
            assert!(
                (f64::from(sigmoid) - 1.0 / (1.0 + (-exact).exp())).abs() < 1e-6,
                "sigmoid of {x}"
            );
        }
    }

    #[test]
    fn rows_add_up_to_the_whole() {
        let device = Device::flex();
        let output = tensor(numbers(4 * 50, 7), [4, 50], &device);
        let target = tensor(
            numbers(2 * 50, 8).iter().map(|v| v.abs()).collect(),
            [2, 50],
            &device,
        );
        for likelihood in [Likelihood::Bernoulli, Likelihood::Gaussian { sigma: 0.3 }] {
            let rows = vec(reconstruction_rows(output.clone(), &target, 2, likelihood));
            let doubled = target
                .clone()
                .reshape([2, 1, 50])
                .repeat_dim(1, 2)
                .reshape([4, 50]);
            let whole =
                reconstruction(output.clone(), doubled, likelihood, 1.0).into_scalar::<f32>();
            assert!((rows.iter().sum::<f32>() - whole).abs() < 1e-3 * whole.abs());
        }
    }
}
