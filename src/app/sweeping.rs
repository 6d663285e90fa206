//! A slider that moves to and fro by itself while the pointer rests on what speaks of its dimension.
//!
//! Invariant: the view's code stays as it is, so that nothing is left of the movement once the pointer is gone.

use std::f64::consts::TAU;

use eframe::egui::Context;

use super::application::App;
use super::panels::PanelKind;
use super::view::{BasisKind, Change};

/// Seconds there and back.
const PERIOD: f64 = 4.0;
/// Standard deviations to either side of the mean.
const REACH: f32 = 2.0;

/// The dimension that the pointer rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pointed {
    pub dim: usize,
    /// Whether its slider is to stay where it is, because a click kept it there.
    pub is_kept: bool,
}

/// A slider on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    dim: usize,
    mean: f32,
    reach: f32,
    /// Bits have nothing between 0 and 1.
    is_binary: bool,
    /// When it began, in seconds.
    since: f64,
    /// Share of the way that it began at.
    phase: f64,
    value: f32,
}

impl Sweep {
    /// Begins where the slider stands, as far as that is within reach.
    fn begin(dim: usize, value: f32, (mean, std): (f32, f32), is_binary: bool, now: f64) -> Self {
        // What hardly varies would not be seen to move.
        let reach = (REACH * std).max(0.1);
        let at = f64::from((value - mean) / reach).clamp(-1.0, 1.0);
        Self {
            dim,
            mean,
            reach,
            is_binary,
            since: now,
            phase: at.asin() / TAU,
            value,
        }
    }

    fn go_on(&mut self, now: f64) {
        let at = (TAU * ((now - self.since) / PERIOD + self.phase)).sin() as f32;
        self.value = if self.is_binary {
            f32::from(u8::from(at >= 0.0))
        } else {
            self.mean + self.reach * at
        };
    }
}

impl App {
    /// The dimension that moves by itself at present, and where its slider is.
    pub fn swept(&self) -> Option<(usize, f32)> {
        self.sweep.map(|sweep| (sweep.dim, sweep.value))
    }

    /// What the sliders show: their code, with the one that moves by itself where it is now.
    pub(super) fn code_on_the_way(&self) -> Vec<f32> {
        let mut code = self.view.code.clone();
        if let Some((dim, value)) = self.swept()
            && let Some(place) = code.get_mut(dim)
        {
            *place = value;
        }
        code
    }

    /// Moves the slider that the pointer speaks of; puts it back once the pointer is gone.
    pub(super) fn sweep_on(&mut self, ctx: &Context) {
        let pointed = self.pointed.filter(|pointed| !pointed.is_kept);
        let place = pointed.and_then(|pointed| {
            let value = *self.view.code.get(pointed.dim)?;
            Some((pointed.dim, value, self.spread_of(pointed.dim)?))
        });
        let Some((dim, value, spread)) = place.filter(|_| !self.state.is_playing) else {
            if self.sweep.take().is_some() {
                self.request_picture();
            }
            return;
        };
        let now = ctx.input(|i| i.time);
        let is_binary = self.state.model().is_some_and(|m| m.spec.is_binary());
        let begin = Sweep::begin(dim, value, spread, is_binary, now);
        let mut sweep = self.sweep.filter(|s| s.dim == dim).unwrap_or(begin);
        sweep.go_on(now);
        self.sweep = Some(sweep);
        self.request_picture();
        ctx.request_repaint();
    }

    /// Keeps the slider that moves by itself where it is, and brings the sliders to the front.
    pub(super) fn keep_swept(&mut self, ctx: &Context) {
        if self.sweep.is_none() {
            return;
        }
        let code = self.code_on_the_way();
        self.sweep = None;
        self.record(ctx, Change::Code);
        self.view.move_to(code);
        self.view.basis = BasisKind::Dimensions;
        self.view.solo = None;
        self.layout.bring_forward(PanelKind::Sliders);
        self.request_picture();
    }

    /// Mean and standard deviation of a dimension.
    fn spread_of(&self, dim: usize) -> Option<(f32, f32)> {
        let codes = self.state.session.codes.as_ref()?;
        Some((*codes.mean().get(dim)?, *codes.std().get(dim)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_where_it_stands_and_goes_two_deviations_to_either_side() {
        let mut sweep = Sweep::begin(3, 1.5, (1.0, 0.5), false, 10.0);
        sweep.go_on(10.0);
        assert!((sweep.value - 1.5).abs() < 1e-6);
        let mut ends = (f32::INFINITY, f32::NEG_INFINITY);
        for i in 0..=400 {
            sweep.go_on(10.0 + PERIOD * f64::from(i) / 400.0);
            ends = (ends.0.min(sweep.value), ends.1.max(sweep.value));
        }
        assert!((ends.0 - 0.0).abs() < 1e-3 && (ends.1 - 2.0).abs() < 1e-3);
        assert!((sweep.value - 1.5).abs() < 1e-5, "once there and back");

        let mut far = Sweep::begin(0, 9.0, (0.0, 1.0), false, 0.0);
        far.go_on(0.0);
        assert!((far.value - 2.0).abs() < 1e-6);
        let mut bit = Sweep::begin(0, 0.0, (0.5, 0.5), true, 0.0);
        for i in 0..10 {
            bit.go_on(f64::from(i) * 0.7);
            assert!(bit.value == 0.0 || bit.value == 1.0);
        }
    }
}
