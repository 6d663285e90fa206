//! The code's scale at the start of training.
//!
//! Fresh weights give codes with large offsets, small spread and strong correlations. The KL term would put that right in
//! the end, but beside the sharp likelihood of Gaussian pixels its pull is weak: it takes longer than anyone trains. So there the layer of the
//! posterior mean is turned and scaled, once, until the codes of some items are white: centred, uncorrelated and of unit
//! variance, as the prior is. Of a conditional model that layer begins at 0 instead. Invariant: nothing but that layer changes.

use std::collections::HashMap;

use burn::tensor::{Tensor, TensorData};
use faer::{Mat, Side};

use super::auto_encoder::{Architecture, AutoEncoder, read};
use super::network::Layer;
use crate::error::{Error, Result};

/// Items that are looked at.
pub(super) const ITEMS: usize = 512;

/// The weights of a conditional model with a style that says nothing yet: so the decoder first learns what it is told by name, and the style only what is left.
/// With a white style it would learn from that alone, and what is said by name again could be asked for in vain.
pub(super) fn silent(architecture: &Architecture, mut weights: Vec<Layer>) -> Vec<Layer> {
    let at = architecture.plan.code_layer();
    weights[at] = Layer {
        weight: weights[at].weight.zeros_like(),
        bias: weights[at].bias.zeros_like(),
    };
    weights
}

/// The weights with white codes for `items`; as they were, where the codes have no spread to speak of.
pub(super) fn whitened(
    architecture: &Architecture,
    mut weights: Vec<Layer>,
    items: &[&[u8]],
) -> Result<Vec<Layer>> {
    let device = &architecture.device;
    let code = architecture.spec.code;
    let inputs = architecture.inputs(items, None, device);
    let codes = read(
        architecture
            .plan
            .sums(&weights, architecture.plan.features(&weights, inputs)),
    )?;
    let n = items.len() as f64;
    let rows = || {
        codes
            .chunks_exact(code)
            .map(|row| row.iter().map(|x| f64::from(*x)))
    };
    let mut mean = vec![0.0; code];
    for row in rows() {
        mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / n);
    }
    let mut covariance = Mat::<f64>::zeros(code, code);
    for row in rows() {
        let off: Vec<f64> = row.zip(&mean).map(|(x, m)| x - m).collect();
        for i in 0..code {
            for j in 0..code {
                covariance[(i, j)] += off[i] * off[j] / n;
            }
        }
    }
    // Directions with next to no spread are not blown up.
    let spread = (0..code).map(|i| covariance[(i, i)]).sum::<f64>() / code as f64;
    for i in 0..code {
        covariance[(i, i)] += 1e-3 * spread;
    }
    let Ok(factor) = covariance.llt(Side::Lower) else {
        return Ok(weights);
    };
    let lower = factor.L();
    // A row y of codes becomes (y − mean)·L⁻ᵀ, and with it every row of the layer's weight.
    let turned = |row: &mut [f64]| {
        for i in 0..code {
            let known: f64 = (0..i).map(|j| lower[(i, j)] * row[j]).sum();
            row[i] = (row[i] - known) / lower[(i, i)];
        }
    };
    let at = architecture.plan.code_layer();
    let [from, to] = weights[at].weight.dims();
    let mut weight: Vec<f64> = read(weights[at].weight.clone())?
        .iter()
        .map(|w| f64::from(*w))
        .collect();
    weight.chunks_exact_mut(code).for_each(turned);
    let mut bias: Vec<f64> = read(weights[at].bias.clone())?
        .iter()
        .zip(&mean)
        .map(|(b, m)| f64::from(*b) - m)
        .collect();
    turned(&mut bias);
    let single = |values: Vec<f64>| -> Vec<f32> { values.into_iter().map(|v| v as f32).collect() };
    let finite = weight.iter().chain(&bias).all(|v| v.is_finite());
    if finite {
        weights[at] = Layer {
            weight: Tensor::from_data(TensorData::new(single(weight), [from, to]), device),
            bias: Tensor::from_data(TensorData::new(single(bias), [to]), device),
        };
    }
    Ok(weights)
}

/// Takes over the weights of `model` for all layers that it has of the same name and size, or, where the architecture stands on the codes of such a
/// model, for those beneath.
///
/// # Errors
/// When not one fits, or it is another model that the architecture stands on.
pub(super) fn taken(
    architecture: &Architecture,
    weights: &mut [Layer],
    model: &AutoEncoder,
) -> Result<()> {
    let is_stacked = architecture.spec.beneath().is_some();
    if architecture
        .spec
        .beneath()
        .is_some_and(|beneath| beneath != model.spec())
    {
        return Err(Error::model(
            "the model that is given is not the one whose codes the specification stands on",
        ));
    }
    let there = model.architecture.plan.layers().into_iter();
    let there: HashMap<_, _> = there.zip(&model.weights).collect();
    let mut count = 0;
    for ((name, size), weights) in architecture.plan.layers().into_iter().zip(weights) {
        let name = if is_stacked {
            name.strip_prefix("beneath.").map(ToOwned::to_owned)
        } else {
            Some(name)
        };
        let found = name.and_then(|name| there.get(&(name, size)));
        if let Some(layer) = found {
            *weights = Layer {
                weight: layer.weight.clone().to_device(&architecture.device),
                bias: layer.bias.clone().to_device(&architecture.device),
            };
            count += 1;
        }
    }
    if count == 0 {
        return Err(Error::model(format!(
            "no layer of the model that is given ({}) fits this one ({})",
            model.spec().summary(),
            architecture.spec.summary()
        ))
        .hint("take the preset, or the specification, that it was trained with"));
    }
    Ok(())
}

/// The weights with pictures of `items` as those that the prior learns: they begin as what codes have to tell apart.
pub(super) fn learnt(
    architecture: &Architecture,
    mut weights: Vec<Layer>,
    items: &[&[u8]],
) -> Result<Vec<Layer>> {
    let Some(layer) = architecture.plan.learnt(&weights) else {
        return Ok(weights);
    };
    let [count, width] = layer.weight.dims();
    let first: Vec<&[u8]> = items.iter().copied().cycle().take(count).collect();
    let device = &architecture.device;
    // Grey values as logits; black and white are infinitely far.
    let values = read(architecture.inputs(&first, None, device))?;
    let logits = values.into_iter().map(|x| {
        let x = x.clamp(0.02, 0.98);
        (x / (1.0 - x)).ln()
    });
    let at = architecture.plan.prior_layer();
    weights[at] = Layer {
        weight: Tensor::from_data(TensorData::new(logits.collect(), [count, width]), device),
        bias: Tensor::zeros([width], device),
    };
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use crate::data::digits;
    use crate::model::{Likelihood, Preset, Trainer};
    use crate::progress::Progress;

    /// The codes of fresh weights for 600 digits whose pixels are taken as normal, `[600, code]`, and how many of their numbers have no name.
    fn first_codes(preset: Preset) -> (Vec<f32>, usize) {
        let dataset = digits::generate(3, 0..600, &Progress::silent()).expect("digits");
        let mut spec = preset.spec_for(&dataset).expect("a specification");
        spec.likelihood = Likelihood::Gaussian { sigma: 0.2 };
        let trainer = Trainer::new(
            spec,
            preset.training(dataset.shape()),
            &dataset,
            &Device::flex(),
        )
        .expect("a trainer");
        let items: Vec<&[u8]> = (0..600).map(|i| dataset.pixels(i)).collect();
        let model = trainer.model();
        let codes = model.encode(&items, &Progress::silent()).expect("codes");
        (codes.mean, model.spec().style())
    }

    #[test]
    fn codes_start_white() {
        let (codes, style) = first_codes(Preset::Digits);
        assert_eq!(codes.len(), 600 * style);
        for d in 0..style {
            let column: Vec<f32> = codes.iter().skip(d).step_by(style).copied().collect();
            let mean = column.iter().sum::<f32>() / 600.0;
            let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 600.0;
            assert!(
                mean.abs() < 0.2 && (0.6..1.4).contains(&variance),
                "dimension {d}: {mean}, {variance}"
            );
        }
    }

    #[test]
    fn a_style_beside_what_is_named_starts_silent() {
        for preset in [Preset::Conditional, Preset::Attributes] {
            let (codes, style) = first_codes(preset);
            let width = codes.len() / 600;
            assert!(width > style);
            for code in codes.chunks_exact(width) {
                assert!(code[..style].iter().all(|x| x.abs() < f32::EPSILON));
            }
        }
    }
}
