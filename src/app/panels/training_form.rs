//! The form of a training run: a preset and the numbers one may change.
//!
//! Invariant: what the form gives is a specification that passed its check.

use eframe::egui::{CollapsingHeader, ComboBox, DragValue, Grid, RichText, Ui};

use crate::app::theme::Tokens;
use crate::app::widgets::set_name;
use crate::data::ImageShape;
use crate::error::Result;
use crate::model::{CodeKind, ModelSpec, Preset, TrainConfig};

/// The fields.
#[derive(Clone)]
pub(super) struct TrainingForm {
    preset: Preset,
    /// The shape the preset was chosen for, until it is chosen by hand.
    suits: Option<ImageShape>,
    code: usize,
    beta: f32,
    config: TrainConfig,
}

impl Default for TrainingForm {
    fn default() -> Self {
        Self::of(Preset::Faces)
    }
}

impl TrainingForm {
    fn of(preset: Preset) -> Self {
        let spec = preset.spec(ImageShape::new(64, 64, 3));
        Self {
            preset,
            suits: None,
            code: spec.code,
            beta: spec.beta,
            config: preset.training(),
        }
    }

    /// Takes the preset that suits pictures of `shape`, when the shape is new.
    pub(super) fn suit(&mut self, shape: ImageShape) {
        if self.suits != Some(shape) {
            *self = Self {
                suits: Some(shape),
                ..Self::of(Preset::for_shape(shape))
            };
        }
    }

    /// What the fields say.
    ///
    /// # Errors
    /// When no network can be built from them.
    pub(super) fn read(&self, shape: ImageShape) -> Result<(ModelSpec, TrainConfig)> {
        let mut spec = self.preset.spec(shape);
        spec.code = self.code;
        spec.beta = self.beta;
        Ok((spec.check()?, self.config.clone()))
    }

    /// Draws the fields.
    pub(super) fn show_ui(&mut self, ui: &mut Ui, tokens: &Tokens) {
        Grid::new("training form")
            .num_columns(2)
            .spacing([12.0, 6.0])
            .show(ui, |ui| {
                let mut chosen = self.preset;
                field(
                    ui,
                    tokens,
                    "Preset",
                    "What kind of network to start from",
                    |ui| {
                        let combo = ComboBox::from_id_salt("preset")
                            .selected_text(chosen.name())
                            .width(ui.available_width().clamp(72.0, 120.0))
                            .show_ui(ui, |ui| {
                                for preset in Preset::ALL {
                                    ui.selectable_value(&mut chosen, preset, preset.name())
                                        .on_hover_text(preset.describe());
                                }
                            });
                        combo.response.on_hover_text(chosen.describe())
                    },
                );
                if chosen != self.preset {
                    *self = Self {
                        suits: self.suits,
                        ..Self::of(chosen)
                    };
                }
                let config = &mut self.config;
                field(
                    ui,
                    tokens,
                    "Code size",
                    "Numbers, or bits, per code, 2 to 256",
                    |ui| ui.add(DragValue::new(&mut self.code).range(2..=256).speed(0.2)),
                );
                field(
                    ui,
                    tokens,
                    "Epochs",
                    "Passes over the training items",
                    |ui| {
                        ui.add(
                            DragValue::new(&mut config.epochs)
                                .range(1..=10_000)
                                .speed(0.3),
                        )
                    },
                );
                field(ui, tokens, "Batch", "Items per step", |ui| {
                    ui.add(DragValue::new(&mut config.batch).range(1..=4096).speed(1.0))
                });
            });
        let more = CollapsingHeader::new("More settings").show(ui, |ui| self.more_ui(ui, tokens));
        more.header_response
            .on_hover_text("Learning rate, beta, warm-up, shift and seed");
    }

    fn more_ui(&mut self, ui: &mut Ui, tokens: &Tokens) {
        let config = &mut self.config;
        Grid::new("more of the training form")
            .num_columns(2)
            .spacing([12.0, 6.0])
            .show(ui, |ui| {
                field(
                    ui,
                    tokens,
                    "Learning rate",
                    "Adam's step size at the start; it falls along a cosine",
                    |ui| {
                        let mut rate = config.learning_rate;
                        let number = DragValue::new(&mut rate)
                            .range(1e-6..=0.1)
                            .speed(1e-5)
                            .max_decimals(6);
                        let response = ui.add(number);
                        if response.changed() {
                            config.final_learning_rate *= rate / config.learning_rate;
                            config.learning_rate = rate;
                        }
                        response
                    },
                );
                let has_kl = self.preset.spec(ImageShape::new(1, 1, 1)).kind == CodeKind::Posterior;
                field(
                    ui,
                    tokens,
                    "Beta",
                    "Weight of the KL term; 1 is the evidence lower bound",
                    |ui| {
                        ui.add_enabled(
                            has_kl,
                            DragValue::new(&mut self.beta)
                                .range(0.001..=100.0)
                                .speed(0.01)
                                .max_decimals(3),
                        )
                        .on_disabled_hover_text("Bits have no KL term")
                    },
                );
                field(
                    ui,
                    tokens,
                    "Warm-up",
                    "Epochs in which the loss takes its final form: the KL term's weight rises, or the deviation of colour pixels falls",
                    |ui| {
                        ui.add(
                            DragValue::new(&mut config.warm_up)
                                .range(0.0..=1000.0)
                                .speed(0.05)
                                .max_decimals(2),
                        )
                    },
                );
                field(
                    ui,
                    tokens,
                    "Shift",
                    "Pixels by which the encoder sees each picture moved at random, while the decoder makes it where it was: codes that forget the place",
                    |ui| ui.add(DragValue::new(&mut config.shift).range(0..=32).speed(0.05)),
                );
                field(
                    ui,
                    tokens,
                    "Seed",
                    "Seed of initial weights, shuffling and noise",
                    |ui| ui.add(DragValue::new(&mut config.seed).speed(0.1)),
                );
            });
    }
}

fn field(
    ui: &mut Ui,
    tokens: &Tokens,
    name: &str,
    tip: &str,
    add: impl FnOnce(&mut Ui) -> eframe::egui::Response,
) {
    ui.label(RichText::new(name).color(tokens.text_weak))
        .on_hover_text(tip);
    let response = add(ui);
    set_name(&response, name);
    response.on_hover_text(tip);
    ui.end_row();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_reads_back_as_itself() {
        let shape = ImageShape::new(28, 28, 1);
        for preset in Preset::ALL {
            let (spec, config) = TrainingForm::of(preset)
                .read(shape)
                .expect("a preset can be built");
            assert_eq!((spec, config), (preset.spec(shape), preset.training()));
        }
    }

    #[test]
    fn a_new_shape_brings_its_preset_and_keeps_it_until_the_next() {
        let mut form = TrainingForm::default();
        form.suit(ImageShape::new(28, 28, 1));
        assert_eq!(form.preset, Preset::Digits);
        form = TrainingForm {
            suits: form.suits,
            ..TrainingForm::of(Preset::Tiny)
        };
        form.suit(ImageShape::new(28, 28, 1));
        assert_eq!(form.preset, Preset::Tiny);
    }
}
