//! The sliders' code: where it comes from, and how it leaves and enters as text.
//!
//! Invariant: a code has as many numbers as the model says, all finite, or it is not taken.

use std::sync::Arc;

use eframe::egui::Context;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::application::App;
use super::sheet::basis_of;
use super::state::Level;
use super::view::{BasisKind, Change};
use crate::engine::Request;
use crate::space::{Held, truncated};

impl App {
    /// The posterior mean of an item, if it is encoded.
    pub(super) fn code_of(&self, item: usize) -> Option<Vec<f32>> {
        let codes = self.state.session.codes.as_ref()?;
        (item < codes.len()).then(|| codes.code(item).to_vec())
    }

    /// The mean code of the loaded items, or of the items the model was trained on.
    pub(super) fn mean_code(&self) -> Option<Vec<f32>> {
        let model = self.state.model()?;
        let mean = match &self.state.session.codes {
            Some(codes) if codes.dims() == model.spec.code && codes.len() > 1 => {
                codes.mean().to_vec()
            }
            _ if model.code_mean.len() == model.spec.code => model.code_mean.clone(),
            _ => vec![0.0; model.spec.code],
        };
        Some(mean)
    }

    /// What the sliders show at first: the code of one item, for a picture with character, else the mean.
    pub(super) fn first_code(&self) -> Option<Vec<f32>> {
        let model = self.state.model()?;
        if model.code_example.len() == model.spec.code {
            return Some(model.code_example.clone());
        }
        self.mean_code()
    }

    pub(super) fn set_code(&mut self, ctx: &Context, code: Vec<f32>) {
        self.record(ctx, Change::Code);
        self.view.move_to(code);
        self.request_picture();
    }

    /// Moves the sliders as near to `code` as those let that are locked, in whatever basis; see [`Held::hold`] for how exactly
    /// they are held.
    pub(super) fn set_unlocked(&mut self, ctx: &Context, code: &[f32]) {
        let present = &self.view.code;
        if code.len() != present.len() {
            return;
        }
        let mut held = Held::default();
        for kind in [
            BasisKind::Dimensions,
            BasisKind::Components,
            BasisKind::Directions,
        ] {
            let locks = self.view.locked.iter().filter(|lock| lock.0 == kind);
            let mut locks = locks.map(|lock| lock.1).peekable();
            if locks.peek().is_none() {
                continue;
            }
            let basis = basis_of(kind, &self.view, &self.state.session);
            for index in locks {
                held.add(&basis, index, present.len());
            }
        }
        let code = held.hold(code, present);
        self.set_code(ctx, code);
    }

    /// A code drawn from the model's prior.
    pub(super) fn code_of_prior(&self, seed: u64) -> Vec<f32> {
        match self.state.model() {
            Some(model) => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                model.prior.sample(&mut rng)
            }
            None => standard_normal(self.view.code.len(), seed),
        }
    }

    /// Moves the sliders to a draw from the mixture over the codes that the panel shows, or else from one behind the codes, which is
    /// fitted first where it is not yet.
    pub(super) fn sample_mixture(&mut self, ctx: &Context) {
        let session = self.state.session.clone();
        let shown = session.density.as_ref().and_then(|own| own.of_codes());
        let Some(mixture) = shown.or(session.mixture.as_deref()) else {
            self.wants_sample = true;
            return self.engine.request(Request::FitMixture);
        };
        self.wants_sample = false;
        if mixture.dims() == self.view.code.len() {
            let mut rng = ChaCha8Rng::seed_from_u64(self.entropy());
            let code = mixture.sample(&mut rng);
            self.set_unlocked(ctx, &code);
        }
    }

    /// The code whose picture is shown: that of the sliders, of one slider alone, and nearer to the mean or farther from
    /// it.
    pub(super) fn shown_code(&self) -> Vec<f32> {
        let code = &self.code_on_the_way();
        let psi = self.view.psi.0;
        let Some(mean) = self.mean_code().filter(|m| m.len() == code.len()) else {
            return code.clone();
        };
        let alone = match self.view.solo {
            Some((kind, index)) if kind == self.view.basis && index < self.basis.len() => {
                let coordinate = self.basis.coordinate(index, code);
                self.basis.set_coordinate(index, &mean, coordinate)
            }
            _ => code.clone(),
        };
        if psi == 1.0 {
            alone
        } else {
            truncated(&alone, &mean, psi)
        }
    }

    /// Makes the sliders' basis anew where what it follows from has changed.
    pub(super) fn refresh_basis(&mut self) {
        let wanted = basis_of(self.view.basis, &self.view, &self.state.session);
        if wanted != *self.basis {
            self.basis = Arc::new(wanted);
        }
    }

    /// Puts the code on the clipboard, numbers with commas between.
    pub(super) fn copy_code(&mut self, ctx: &Context) {
        if self.view.code.is_empty() {
            return;
        }
        let numbers: Vec<String> = self.view.code.iter().map(f32::to_string).collect();
        ctx.copy_text(numbers.join(", "));
        self.tell(
            ctx,
            Level::Success,
            "The code is on the clipboard".to_owned(),
        );
    }

    /// Takes a code from text: numbers with commas, semicolons or spaces between, brackets or not.
    pub(super) fn paste_code(&mut self, ctx: &Context, text: &str) {
        let wanted = self.view.code.len();
        if wanted == 0 {
            return;
        }
        match parse_code(text, wanted) {
            Ok(code) => self.set_code(ctx, code),
            Err(reason) => self.tell(ctx, Level::Error, reason),
        }
    }

    pub(super) fn entropy(&self) -> u64 {
        let nanos = self.started.elapsed().as_nanos() as u64;
        split_mix(nanos)
    }
}

fn parse_code(text: &str, wanted: usize) -> Result<Vec<f32>, String> {
    let is_between = |c: char| c.is_whitespace() || ",;[](){}".contains(c);
    let parts: Vec<&str> = text.split(is_between).filter(|p| !p.is_empty()).collect();
    if parts.len() != wanted {
        return Err(format!(
            "The clipboard holds {} numbers, a code of this model {wanted}",
            parts.len()
        ));
    }
    let number = |part: &&str| {
        part.parse::<f32>()
            .ok()
            .filter(|x| x.is_finite())
            .ok_or_else(|| {
                format!(
                    "“{}” is no number",
                    part.chars().take(24).collect::<String>()
                )
            })
    };
    parts.iter().map(number).collect()
}

/// One step of Steele, Lea and Flood's `SplitMix64` (2014).
fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `n` draws from a standard normal (Box and Muller).
fn standard_normal(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = split_mix(state);
        ((state >> 40) as f32 + 0.5) / (1u64 << 24) as f32
    };
    (0..n)
        .map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f32::consts::TAU * uniform()).cos())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_back_from_its_text() {
        let code = [0.25_f32, -1.5e-7, 3.0];
        let text = code.map(|x| x.to_string()).join(", ");
        assert_eq!(parse_code(&text, 3), Ok(code.to_vec()));
        assert_eq!(parse_code("[1; 2;\n3]", 3), Ok(vec![1.0, 2.0, 3.0]));
        assert!(parse_code("1, 2", 3).is_err());
        assert!(parse_code("1, 2, x", 3).is_err());
        assert!(parse_code("1, 2, inf", 3).is_err());
    }

    #[test]
    fn normal_draws_have_unit_spread() {
        let draws = standard_normal(20_000, 7);
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / draws.len() as f32;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }
}
