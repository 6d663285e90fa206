//! The model in use beside principal components of the same size, on request.
//!
//! Invariant: both are measured on the same items, and the components are fitted to the model's own training items where these are loaded.

use std::sync::Arc;

use super::core::Core;
use super::workshop::{Bench, to_session};
use crate::error::Result;
use crate::model::{derivative_norm, reconstruction_error};
use crate::space::PictureComponents;

/// What the measuring is called while it goes on.
pub const MEASURING_COMPONENTS: &str = "Measuring principal components";

/// Items that components are fitted to at most, and that both are measured on at most.
const MOST: (usize, usize) = (20_000, 2000);

/// A model and principal components, as many as its code has numbers.
#[derive(Clone, Debug)]
pub struct Linear {
    /// The components.
    pub components: PictureComponents,
    /// Squared error per picture of the model, summed over its values in `[0, 1]`.
    pub of_model: f64,
    /// The same of the components.
    pub of_components: f64,
    /// Norm `‖∂h/∂x‖` of the code's derivative by the picture, the mean over up to 500 of the items; of codes without a posterior.
    pub derivative_norm: Option<f64>,
    /// Items that both are measured on.
    pub measured_on: usize,
    /// Whether the model's training kept these items out; the components never saw them then, either.
    pub is_held_out: bool,
    /// Whether the components are fitted to what the model was trained on.
    pub is_trained_on: bool,
}

impl Core {
    /// Fits components and measures both; the session has the figures once they are there.
    pub(super) fn measure_components(&mut self) -> Result<()> {
        let (dataset, _) = self.encoded()?;
        let Some(network) = self.network() else {
            return Ok(());
        };
        let held_out = self.session.held_out.clone();
        let is_trained_on = self.session.is_trained_on;
        let (id, seed) = (self.session.id, self.options.seed);
        self.workshop.start(
            Bench::Linear,
            MEASURING_COMPONENTS,
            move |progress, deliver| {
                dataset.check_unchanged()?;
                let all = 0..dataset.len() as u32;
                let (seen, measured): (Vec<u32>, Vec<u32>) = match &held_out {
                    Some(held_out) => all.partition(|id| held_out.binary_search(id).is_err()),
                    None => (all.clone().collect(), all.collect()),
                };
                let fitting = progress.part(0.0, 0.4);
                let count = network.code();
                let components = PictureComponents::fit(&dataset, &seen, count, MOST.0, &fitting)?;
                let stride = measured.len().div_ceil(MOST.1).max(1);
                let measured: Vec<u32> = measured.into_iter().step_by(stride).collect();
                let of_components =
                    components.error(&dataset, &measured, &progress.part(0.4, 0.5))?;
                let part = progress.part(0.5, 1.0);
                let of_model = reconstruction_error(&network, &dataset, &measured, seed, &part)?;
                let derivative_norm = derivative_norm(&network, &dataset, &measured, seed)?;
                let found = Arc::new(Linear {
                    components,
                    derivative_norm,
                    of_model,
                    of_components,
                    measured_on: measured.len(),
                    is_held_out: held_out.is_some(),
                    is_trained_on,
                });
                deliver(to_session(id, move |session| {
                    session.linear = Some(found);
                }));
                Ok(())
            },
        );
        Ok(())
    }
}
