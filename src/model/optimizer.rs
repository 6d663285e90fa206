//! Adam with a limit on the gradient's norm.
//!
//! Invariant: the moments are kept in the order of the weights, weight before bias.

use burn::tensor::{Gradients, Tensor};

use super::network::Layer;
use super::ops::{self, AdamStep, BETA_1, BETA_2};

/// Adam (Kingma & Ba 2015) with the usual 0.9, 0.999 and 10⁻⁸.
#[derive(Clone, Debug, Default)]
pub(super) struct Adam {
    /// First and second moment of every tensor, flat; empty before the first step.
    pub(super) moments: Vec<(Tensor<1>, Tensor<1>)>,
    /// Steps taken.
    pub(super) steps: u64,
}

impl Adam {
    /// Moves `weights` one step of size `rate` against the gradients, scaled down to norm `clip` where that is above 0.
    pub(super) fn step(&mut self, weights: Vec<Layer>, grads: &mut Gradients, rate: f64, clip: f32) -> Vec<Layer> {
        let mut flat = Vec::with_capacity(2 * weights.len());
        for layer in &weights {
            let [from, to] = layer.weight.dims();
            let weight = layer.weight.grad_remove(grads).expect("every weight has a gradient");
            let bias = layer.bias.grad_remove(grads).expect("every bias has a gradient");
            flat.extend([weight.reshape([from * to]), bias]);
        }
        let factor = (clip > 0.0).then(|| {
            let squares = flat.iter().map(|g| ops::sum_of_squares(g.clone())).collect();
            let norm = Tensor::cat(squares, 0).sum().sqrt();
            (norm + 1e-6).recip().mul_scalar(clip).clamp_max(1.0)
        });
        self.steps += 1;
        let corrected = |beta: f32| 1.0 - f64::from(beta).powf(self.steps as f64);
        let step = AdamStep {
            rate: (rate / corrected(BETA_1)) as f32,
            second_correction: corrected(BETA_2).sqrt() as f32,
        };
        let fresh = self.moments.is_empty();
        let mut moments = std::mem::take(&mut self.moments).into_iter();
        let mut flat = flat.into_iter();
        let mut update = |param: Tensor<1>| {
            let param = param.inner();
            let grad = flat.next().expect("a gradient per tensor");
            let pair = if fresh {
                (grad.zeros_like(), grad.zeros_like())
            } else {
                moments.next().expect("moments of every tensor")
            };
            let (param, pair) = ops::adam(param, grad, pair, factor.as_ref(), step);
            self.moments.push(pair);
            param
        };
        weights.into_iter().map(|layer| tracked(layer.map(&mut update))).collect()
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
