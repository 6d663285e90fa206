//! Finding a better code for a picture than the encoder's: gradient descent on the reconstruction alone.
//!
//! Invariant: the code kept is the best one seen, so that refining never makes a reconstruction worse.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};

use super::auto_encoder::{Architecture, AutoEncoder, read};
use super::likelihood;
use super::network::Layer;
use crate::error::{Error, Result};

/// Adam's settings (Kingma & Ba 2015); codes have about unit spread.
const RATE: f32 = 0.05;
const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// A code on its way to the least reconstruction term of one picture.
#[derive(Debug)]
pub struct Refinement {
    architecture: Arc<Architecture>,
    weights: Vec<Layer>,
    inputs: Tensor<2>,
    code: Vec<f32>,
    moments: Vec<(f32, f32)>,
    taken: usize,
    steps: usize,
    first: f32,
    best: (f32, Vec<f32>),
}

impl Refinement {
    /// Starts at `code` for `pixels`, a picture of the model's shape; the rate falls to nothing over `steps` steps.
    ///
    /// # Errors
    /// When picture or code have another size than the model's.
    pub fn new(model: &AutoEncoder, pixels: &[u8], code: &[f32], steps: usize) -> Result<Self> {
        if pixels.len() != model.spec().shape.len() || code.len() != model.code() {
            return Err(Error::model(format!(
                "a picture of {} values and a code of {} for a model of {} and {}",
                pixels.len(),
                code.len(),
                model.spec().shape,
                model.code()
            )));
        }
        let architecture = model.architecture.clone();
        let recording = architecture.device.clone().autodiff();
        let recorded = |layer: &Layer| Layer {
            weight: Tensor::from_inner(layer.weight.clone()),
            bias: Tensor::from_inner(layer.bias.clone()),
        };
        Ok(Self {
            weights: model.weights.iter().map(recorded).collect(),
            inputs: architecture.inputs(&[pixels], None, &recording),
            architecture,
            code: code.to_vec(),
            moments: vec![(0.0, 0.0); code.len()],
            taken: 0,
            steps: steps.max(1),
            first: f32::NAN,
            best: (f32::INFINITY, code.to_vec()),
        })
    }

    /// Takes one step (Adam, the rate falling along half a cosine). Gives the reconstruction term before it, in nats.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self) -> Result<f32> {
        let recording = self.architecture.device.clone().autodiff();
        let code = TensorData::new(self.code.clone(), [1, self.code.len()]);
        let code: Tensor<2> = Tensor::from_data(code, &recording).require_grad();
        let output = self.architecture.plan.decode(&self.weights, code.clone());
        let (output, padding) = self.architecture.masked(output);
        let likelihood = self.architecture.spec.likelihood;
        let loss = likelihood::reconstruction(output, self.inputs.clone(), likelihood, 1.0);
        let mut grads = loss.backward();
        let grad = code
            .grad_remove(&mut grads)
            .ok_or_else(|| Error::device("the decoder does not depend on its code"))?;
        let (loss, grad) = (read(loss.inner())?[0] - padding, read(grad)?);
        self.note(loss);
        self.taken += 1;
        let done = self.taken as f32 / self.steps as f32;
        let rate = RATE * 0.5 * (1.0 + (std::f32::consts::PI * done.min(1.0)).cos());
        let corrections =
            [BETA_1, BETA_2].map(|b| 1.0 - b.powi(i32::try_from(self.taken).unwrap_or(i32::MAX)));
        for ((x, (m, v)), g) in self.code.iter_mut().zip(&mut self.moments).zip(grad) {
            // Of single numbers that ran away the rest should not suffer.
            let g = if g.is_finite() { g } else { 0.0 };
            *m = BETA_1 * *m + (1.0 - BETA_1) * g;
            *v = BETA_2 * *v + (1.0 - BETA_2) * g * g;
            *x -= rate * (*m / corrections[0]) / ((*v / corrections[1]).sqrt() + EPSILON);
        }
        Ok(loss)
    }

    fn note(&mut self, loss: f32) {
        if self.taken == 0 {
            self.first = loss;
        }
        if loss < self.best.0 {
            self.best = (loss, self.code.clone());
        }
    }

    /// Steps taken so far, and steps in all.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.taken, self.steps)
    }

    /// The best code so far.
    #[must_use]
    pub fn code(&self) -> &[f32] {
        &self.best.1
    }

    /// The reconstruction term at the start and at the best code so far, in nats; not a number before the first step.
    #[must_use]
    pub fn losses(&self) -> (f32, f32) {
        (self.first, self.best.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::model::{Preset, shipped_for};
    use crate::progress::Progress;

    fn model() -> Result<AutoEncoder> {
        let shape = ImageShape::new(28, 28, 1);
        let file = shipped_for("digits", shape).expect("digits are shipped");
        assert_eq!(file.spec.shape, Preset::Digits.spec(shape).shape);
        file.model(&burn::tensor::Device::flex())
    }

    #[test]
    fn a_picture_of_the_decoder_finds_back_to_itself() -> Result<()> {
        let model = model()?;
        let truth: Vec<f32> = (0..model.code()).map(|i| (i as f32 * 1.7).sin()).collect();
        let picture = model.decode(&truth)?;
        let start = vec![0.0; model.code()];
        let mut refinement = Refinement::new(&model, &picture, &start, 200)?;
        for _ in 0..200 {
            refinement.step()?;
        }
        let (first, best) = refinement.losses();
        let exact = model.losses_at(&[&picture], &truth)?[0];
        assert!(
            best - exact < 0.05 * (first - exact),
            "from {first} to {best}, the true code gives {exact}"
        );
        Ok(())
    }

    #[test]
    fn refining_never_makes_it_worse_than_the_encoder() -> Result<()> {
        let model = model()?;
        let data = "digits:3".parse::<crate::data::DatasetSource>()?;
        let data = data.load(5, &Progress::silent())?;
        for item in 0..data.len() {
            let pixels = data.pixels(item);
            let code = model.encode(&[pixels], &Progress::silent())?.mean;
            let mut refinement = Refinement::new(&model, pixels, &code, 30)?;
            for _ in 0..30 {
                refinement.step()?;
            }
            let (first, best) = refinement.losses();
            assert!(best < first, "{best} {first}");
            let again = model.losses_at(&[pixels], refinement.code())?[0];
            assert!((again - best).abs() < 1e-2 * best.abs().max(1.0));
        }
        assert!(Refinement::new(&model, &[0; 3], &[0.0; 2], 1).is_err());
        Ok(())
    }
}
