//! Adam with a limit on the gradient's norm.
//!
//! Invariant: the moments are kept in the order of the weights, weight before bias.

use burn::backend::flex::Flex;
use burn::tensor::{Gradients, Tensor};
use rayon::prelude::*;

use super::likelihood::LANES;
use super::network::Layer;
use super::ops::{PIECE, is_cpu, untracked as primitive};

/// Adam (Kingma & Ba 2015) with the usual 0.9, 0.999 and 10⁻⁸.
#[derive(Clone, Debug, Default)]
pub(super) struct Adam {
    /// First and second moment of every tensor, flat; empty before the first step.
    pub(super) moments: Vec<(Tensor<1>, Tensor<1>)>,
    /// Steps taken.
    pub(super) steps: u64,
}

/// How a layer takes its next step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The step's size.
    pub(super) rate: f64,
    /// Steps that the layer has taken before it.
    pub(super) taken: u64,
}

impl Adam {
    /// Moves `weights` one step of size `rate` against the gradients, scaled down to norm `clip` where that is above 0.
    pub(super) fn step(
        &mut self,
        weights: Vec<Layer>,
        grads: &mut Gradients,
        rate: f64,
        clip: f32,
    ) -> Vec<Layer> {
        let pace = Pace {
            rate,
            taken: self.steps,
        };
        self.step_each(weights, grads, clip, |_| Some(pace))
    }

    /// The same with a pace for each layer by its number; those without one stay as they are and need no gradient.
    pub(super) fn step_each(
        &mut self,
        weights: Vec<Layer>,
        grads: &mut Gradients,
        clip: f32,
        pace: impl Fn(usize) -> Option<Pace>,
    ) -> Vec<Layer> {
        let mut flat = Vec::with_capacity(2 * weights.len());
        let moves = |(i, _): &(usize, &Layer)| pace(*i).is_some();
        for (_, layer) in weights.iter().enumerate().filter(moves) {
            let [from, to] = layer.weight.dims();
            let weight = layer
                .weight
                .grad_remove(grads)
                .expect("every weight has a gradient");
            let bias = layer
                .bias
                .grad_remove(grads)
                .expect("every bias has a gradient");
            flat.extend([weight.reshape([from * to]), bias]);
        }
        let factor = (clip > 0.0).then(|| {
            let squares = flat.iter().map(|g| sum_of_squares(g.clone())).collect();
            let norm = Tensor::cat(squares, 0).sum().sqrt();
            (norm + 1e-6).recip().mul_scalar(clip).clamp_max(1.0)
        });
        self.steps += 1;
        let fresh = self.moments.is_empty();
        let mut moments = std::mem::take(&mut self.moments).into_iter();
        let mut flat = flat.into_iter();
        let mut update = |param: Tensor<1>, step: Option<AdamStep>| {
            let param = param.inner();
            let pair = if fresh {
                (param.zeros_like(), param.zeros_like())
            } else {
                moments.next().expect("moments of every tensor")
            };
            let (param, pair) = match step {
                None => (param, pair),
                Some(step) => {
                    let grad = flat.next().expect("a gradient per tensor that moves");
                    adam(param, grad, pair, factor.as_ref(), step)
                }
            };
            self.moments.push(pair);
            param
        };
        let mut moved = Vec::with_capacity(weights.len());
        for (i, layer) in weights.into_iter().enumerate() {
            let step = pace(i).map(Pace::step);
            moved.push(tracked(layer.map(|param| update(param, step))));
        }
        moved
    }
}

/// The same layer with derivatives recorded.
pub(super) fn tracked(layer: Layer) -> Layer {
    Layer {
        weight: Tensor::from_inner(layer.weight).require_grad(),
        bias: Tensor::from_inner(layer.bias).require_grad(),
    }
}

/// The same layer without derivatives.
pub(super) fn untracked(layer: &Layer) -> Layer {
    Layer {
        weight: layer.weight.clone().inner(),
        bias: layer.bias.clone().inner(),
    }
}

/// The numbers of one Adam step; see [`adam`].
#[derive(Clone, Copy, Debug)]
struct AdamStep {
    /// Learning rate divided by the first moment's bias correction.
    rate: f32,
    /// Square root of the second moment's bias correction.
    second_correction: f32,
}

impl Pace {
    fn step(self) -> AdamStep {
        let corrected = |beta: f32| 1.0 - f64::from(beta).powf((self.taken + 1) as f64);
        AdamStep {
            rate: (self.rate / corrected(BETA_1)) as f32,
            second_correction: corrected(BETA_2).sqrt() as f32,
        }
    }
}

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// One Adam step (Kingma & Ba 2015) on flat tensors without derivatives: the new parameter and moments.
///
/// `grad` is multiplied by `factor`, a tensor of one number, first.
fn adam(
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
        primitive(param).to_contiguous(),
        primitive(first).to_contiguous(),
        primitive(second).to_contiguous(),
    );
    let grad = primitive(grad).to_contiguous();
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
        (
            Tensor::from_primitive::<Flex>(m),
            Tensor::from_primitive::<Flex>(v),
        ),
    )
}

/// Sum of the squares of all numbers of a tensor without derivatives, as a tensor of one number.
fn sum_of_squares(tensor: Tensor<1>) -> Tensor<1> {
    let device = tensor.device();
    if !is_cpu(&device) {
        return (tensor.clone() * tensor).sum();
    }
    let tensor = primitive(tensor).to_contiguous();
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
    use burn::tensor::Device;

    use super::*;
    use crate::model::testing::{close, tensor, vec};

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
            let step = AdamStep {
                rate: (0.01 / c1) as f32,
                second_correction: c2.sqrt() as f32,
            };
            let grad = tensor(grad.iter().map(|g| *g as f32).collect(), [2], &device);
            (tensors, moments) = adam(tensors, grad, moments, None, step);
        }
        let expected: Vec<f32> = p.iter().map(|p| *p as f32).collect();
        close(&vec(tensors), &expected, 1e-5);
    }

    #[test]
    fn a_layer_that_begins_later_steps_as_one_that_has_just_begun() {
        let device = Device::flex();
        let layer = |x| {
            tracked(Layer {
                weight: tensor(vec![x], [1, 1], &device),
                bias: tensor(vec![0.0], [1], &device),
            })
        };
        let run = |rest: u64| {
            let mut adam = Adam::default();
            let mut weights = vec![layer(1.0), layer(2.0)];
            for step in 0..rest + 3 {
                let late = step >= rest;
                let layers = 1 + usize::from(late);
                let loss = weights[..layers].iter().map(|layer| {
                    layer.weight.clone().square().sum() + layer.bias.clone().exp().sum()
                });
                let loss = loss.reduce(|a, b| a + b).expect("a layer");
                weights = adam.step_each(weights, &mut loss.backward(), 0.0, |i| match i {
                    0 => Some(Pace {
                        rate: 0.01,
                        taken: step,
                    }),
                    _ => late.then(|| Pace {
                        rate: 0.1,
                        taken: step - rest,
                    }),
                });
            }
            weights
        };
        let (at_once, later) = (run(0), run(40));
        let weight = |weights: &[Layer], i: usize| vec(weights[i].weight.clone().inner());
        close(&weight(&at_once, 1), &weight(&later, 1), 1e-6);
        assert!(weight(&at_once, 1)[0] < 1.8, "it did move");
        assert!(weight(&later, 0)[0] < weight(&at_once, 0)[0] - 0.1);
    }
}
