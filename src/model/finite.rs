//! Whether weights are numbers.
//!
//! Invariant: what is asked costs a sum over the weights, which is far less than a step that uses each of them for every item.

use burn::tensor::Tensor;

use super::auto_encoder::read;
use super::network::Layer;
use crate::error::Result;

/// The sums of all weights and of all biases of each layer, `[1]` each: finite where all of them are. A rectified unit makes 0 of what is no
/// number, so that a loss alone does not tell.
pub(super) fn sums(weights: &[Layer]) -> Vec<Tensor<1>> {
    let of_layer = |layer: &Layer| {
        let weight = layer.weight.clone().sum().reshape([1]);
        [weight, layer.bias.clone().sum().reshape([1])]
    };
    weights.iter().flat_map(of_layer).collect()
}

/// Whether all weights are finite numbers.
///
/// # Errors
/// When the device fails.
pub(super) fn are_finite(weights: &[Layer]) -> Result<bool> {
    let sums = read(Tensor::<1>::cat(sums(weights), 0))?;
    Ok(sums.iter().all(|sum| sum.is_finite()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::data::digits;
    use crate::model::testing::{tensor, vec};
    use crate::model::{Preset, Trainer};
    use crate::progress::Progress;

    #[test]
    fn weights_that_a_rectified_unit_hides_end_a_training_and_good_ones_stay() -> Result<()> {
        let data = digits::generate(3, 0..200, &Progress::silent())?;
        let (spec, config) = (
            Preset::Tiny.spec(data.shape()),
            Preset::Tiny.training(data.shape()),
        );
        let device = Device::flex();
        let mut trainer = Trainer::new(spec, config, &data, &device)?;
        // The best weights are looked for once the warm-up is over.
        while trainer.best.is_none() {
            trainer.advance(&data)?;
        }
        trainer.read_losses()?;
        let best_step = trainer.step();
        let best = trainer.best.clone().expect("the best weights");
        // A bias that is no number makes its unit 0, and the loss goes on as if there were none.
        let bias = trainer.weights[0].bias.clone().inner();
        let shape = bias.dims();
        let mut values = vec(bias);
        values[5] = f32::NAN;
        let broken = tensor(values, shape, &device);
        trainer.weights[0].bias = Tensor::from_inner(broken).require_grad();
        let error = loop {
            assert!(!trainer.is_done(), "nothing was noticed");
            if let Err(error) = trainer.advance(&data) {
                break error;
            }
        };
        let kept = format!("those after {best_step} steps, the best so far");
        let message = error.to_string();
        assert!(message.contains("a weight is no longer"), "{message}");
        assert!(message.contains(&kept), "{message}");
        let (loss, weights) = trainer.best.clone().expect("the best weights");
        assert!((loss - best.0).abs() < f32::EPSILON && are_finite(&weights)?);
        // It does not go on as if nothing had been.
        assert!(trainer.read_losses().is_err());
        Ok(())
    }

    #[test]
    fn one_number_that_is_none_tells() -> Result<()> {
        let device = Device::flex();
        let layer = |broken: f32| Layer {
            weight: tensor(vec![1.0, broken, -2.0, 0.5], [2, 2], &device),
            bias: tensor(vec![0.0, 1.0], [2], &device),
        };
        assert!(are_finite(&[layer(1e30), layer(-1.0)])?);
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!are_finite(&[layer(1.0), layer(broken)])?);
        }
        Ok(())
    }
}
