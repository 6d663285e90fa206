//! Numbers and tensors for the tests of this folder.

use burn::tensor::{Device, Tensor, TensorData};

use super::auto_encoder::Architecture;
use super::network::Layer;
use super::objective::Batch;
use super::optimizer::tracked;

/// Numbers between −1 and 1 that look random and are the same each time.
pub(super) fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

pub(super) fn tensor<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub(super) fn close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * (1.0 + b.abs()),
            "number {i}: {a} and {b}"
        );
    }
}

pub(super) fn vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// A batch of `inputs` and nothing else.
pub(super) fn batch(inputs: Tensor<2>) -> Batch {
    Batch {
        inputs,
        seen: None,
        noise: None,
        direction: None,
        apart: None,
        known: None,
    }
}

/// Compares the gradient of `loss` in every layer with the slope of `plain`, which has the same gradient there but is smooth; it is told
/// the layer's number.
pub(super) fn check_slopes(
    architecture: &Architecture,
    loss: impl Fn(&[Layer], &Device) -> Tensor<1>,
    plain: impl Fn(usize, &[Layer], &Device) -> Tensor<1>,
) {
    let device = Device::flex();
    let recording = device.clone().autodiff();
    let weights = architecture.plan.weights(3, &device);
    let recorded: Vec<Layer> = weights.iter().cloned().map(tracked).collect();
    let grads = loss(&recorded, &recording).backward();
    for (at, (name, (from, to))) in architecture.plan.layers().into_iter().enumerate() {
        let slopes = vec(recorded[at].weight.grad(&grads).expect("a gradient"));
        // The weight that matters most, so that rounding does not hide its slope.
        let i = (0..slopes.len())
            .max_by(|a, b| slopes[*a].abs().total_cmp(&slopes[*b].abs()))
            .expect("a weight");
        let moved = |by: f32| {
            let mut weights = weights.clone();
            let mut values = vec(weights[at].weight.clone());
            values[i] += by;
            weights[at].weight = tensor(values, [from, to], &device);
            plain(at, &weights, &device).into_scalar::<f32>()
        };
        let step = 2e-3;
        let slope = (moved(step) - moved(-step)) / (2.0 * step);
        assert!(
            (slope - slopes[i]).abs() < 0.03 * slopes[i].abs() + 5e-3,
            "{name} {i}: {slope} and {}",
            slopes[i]
        );
    }
}
