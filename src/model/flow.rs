//! Inverse autoregressive flow: steps that bend the normal posterior into another shape (Kingma et al. 2016, arXiv 1606.04934).
//!
//! Invariant: in each step what happens to a number depends on the numbers before it alone, so that the logarithm of the
//! determinant of the step's derivative is the sum of the logarithms of its gates.

use burn::tensor::{Tensor, TensorData, activation};

use super::network::{Layer, apply};
use super::spec::Flow;

/// Layers of a step.
pub(super) const LAYERS: usize = 4;

/// Added to a gate's sum, so that a fresh flow lets nearly all of a code through.
const OPEN: f32 = 2.0;

/// Name, size and initial gain of the layers of all steps, in their order.
pub(super) fn layers(
    flow: &Flow,
    features: usize,
    code: usize,
) -> impl Iterator<Item = (String, (usize, usize), f32)> {
    let hidden = flow.hidden;
    (0..flow.steps).flat_map(move |step| {
        [
            ("context", (features, hidden), 1.0),
            ("numbers", (code, hidden), 1.0),
            ("shift", (hidden, code), 0.1),
            ("gate", (hidden, code), 0.1),
        ]
        .map(|(name, size, gain)| (format!("flow.{step}.{name}"), size, gain))
    })
}

/// Takes codes `[rows, code]` through the flow, with `features`, `[rows, features]`, of their pictures. Gives the new codes, and by how
/// much each step's gates change the logarithm of the density, summed over steps, `[rows, code]`: `Σ log σ` of each number.
pub(super) fn bend(
    flow: &Flow,
    layers: &[Layer],
    features: &Tensor<2>,
    codes: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    let [_, code] = codes.dims();
    let device = codes.device();
    let mask = |rows, columns, is_open: &dyn Fn(usize, usize) -> bool| -> Tensor<2> {
        let each = |i| f32::from(u8::from(is_open(i / columns, i % columns)));
        let values: Vec<f32> = (0..rows * columns).map(each).collect();
        Tensor::from_data(TensorData::new(values, [rows, columns]), &device)
    };
    // A hidden unit sees the numbers up to its own place, and a result those before it.
    let place = |unit: usize| unit % (code - 1);
    let inward = mask(code, flow.hidden, &|number, unit| number <= place(unit));
    let outward = mask(flow.hidden, code, &|unit, number| number > place(unit));
    let masked = |layer: &Layer, mask: &Tensor<2>| Layer {
        weight: layer.weight.clone() * mask.clone(),
        bias: layer.bias.clone(),
    };
    let mut codes = codes;
    let mut density = codes.zeros_like();
    for (step, layers) in layers.chunks_exact(LAYERS).take(flow.steps).enumerate() {
        let around = apply(&layers[0], features.clone(), None);
        let numbers = apply(&masked(&layers[1], &inward), codes.clone(), None);
        let hidden = activation::relu(around + numbers);
        let shift = apply(&masked(&layers[2], &outward), hidden.clone(), None);
        let gate = apply(&masked(&layers[3], &outward), hidden, None) + OPEN;
        let open = activation::sigmoid(gate.clone());
        codes = shift.clone() + open * (codes - shift);
        // log σ(x) = −log(1 + exp(−x)), written so that nothing overflows.
        let log_gate = gate.clone().clamp_max(0.0) - gate.abs().neg().exp().log1p();
        density = density + log_gate;
        if step + 1 < flow.steps {
            // A number keeps its place in the density through every turn.
            (codes, density) = (codes.flip([1]), density.flip([1]));
        }
    }
    (codes, density)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::testing::{close, numbers, tensor, vec};

    fn plan() -> (Flow, Vec<Layer>) {
        let (features, code) = (3, 4);
        let flow = Flow {
            steps: 3,
            hidden: 7,
        };
        let layer = |(i, (_, (from, to), _)): (usize, (String, (usize, usize), f32))| Layer {
            weight: tensor(numbers(from * to, i as u32), [from, to], &Device::flex()),
            bias: tensor(numbers(to, 90 + i as u32), [to], &Device::flex()),
        };
        let layers = layers(&flow, features, code).enumerate().map(layer);
        let layers = layers.collect();
        (flow, layers)
    }

    #[test]
    fn the_density_falls_by_the_determinant_of_the_derivative() {
        let (flow, layers) = plan();
        let device = Device::flex();
        let features = tensor(numbers(3, 50), [1, 3], &device);
        let at = numbers(4, 51);
        let bent = |codes: &[f32]| {
            let codes = tensor(codes.to_vec(), [1, 4], &device);
            let (codes, density) = bend(&flow, &layers, &features, codes);
            (vec(codes), vec(density).iter().sum::<f32>())
        };
        let step = 1e-2;
        let mut derivative = faer::Mat::<f64>::zeros(4, 4);
        for number in 0..4 {
            let moved = |by: f32| {
                let mut codes = at.clone();
                codes[number] += by;
                bent(&codes).0
            };
            let (up, down) = (moved(step), moved(-step));
            for i in 0..4 {
                derivative[(i, number)] = f64::from((up[i] - down[i]) / (2.0 * step));
            }
        }
        let expected = derivative.determinant().abs().ln();
        let found = f64::from(bent(&at).1);
        assert!((found - expected).abs() < 2e-3, "{found} and {expected}");
    }

    #[test]
    fn a_number_depends_on_those_before_it_alone() {
        let (flow, layers) = plan();
        let flow = Flow { steps: 1, ..flow };
        let device = Device::flex();
        let features = tensor(numbers(3, 50), [1, 3], &device);
        let at = numbers(4, 51);
        let gates = |codes: &[f32]| {
            let codes = tensor(codes.to_vec(), [1, 4], &device);
            vec(bend(&flow, &layers, &features, codes).1)
        };
        let before = gates(&at);
        for number in 0..4 {
            let mut codes = at.clone();
            codes[number] += 0.5;
            let after = gates(&codes);
            close(&after[..=number], &before[..=number], 1e-6);
            assert!(number == 3 || after[number + 1..] != before[number + 1..]);
        }
    }
}
