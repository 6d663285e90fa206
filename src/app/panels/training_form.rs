//! The form of a training run: a preset and the numbers one may change.
//!
//! Invariant: what the form gives is a specification that passed its check.

use eframe::egui::{Button, CollapsingHeader, ComboBox, DragValue, Grid, Response, RichText, Ui};

use super::PanelKind;
use crate::app::command::{Action, Outbox};
use crate::app::theme::Tokens;
use crate::app::widgets::set_name;
use crate::data::{Corruption, Dataset, ImageShape};
use crate::error::Result;
use crate::model::{
    CodeKind, Flow, ModelSpec, Objective, Preset, Pretraining, Prior, Teacher, TrainConfig,
    Unpooling,
};

/// What has a panel of its own beside the presets: its name in their list, and what it is.
const ELSEWHERE: [(PanelKind, &str, &str); 3] = [
    (
        PanelKind::Labels,
        "classifier…",
        "Classes by a network that was pre-trained layer by layer, told few labels or many: panel Few labels",
    ),
    (
        PanelKind::Mixture,
        "mixture…",
        "Gaussians over the pixels or over the codes, the density model to compare with: panel Mixture",
    ),
    (
        PanelKind::Why,
        "five families…",
        "Plain, denoising, contractive, variational and β, side by side: panel Why VAE",
    ),
];

/// The fields.
#[derive(Clone)]
pub(super) struct TrainingForm {
    preset: Preset,
    /// The shape the preset was chosen for, until it is chosen by hand.
    suits: Option<ImageShape>,
    code: usize,
    beta: f32,
    objective: Objective,
    flow: Option<Flow>,
    prior: Prior,
    /// Of a network that pools.
    unpooling: Option<Unpooling>,
    /// Standard deviation of what is made, where it is taken as normally distributed.
    deviation: Option<f32>,
    config: TrainConfig,
    /// Whether to begin with the weights of the open model.
    from_model: bool,
}

impl Default for TrainingForm {
    fn default() -> Self {
        Self::of(Preset::Faces, ImageShape::new(64, 64, 3))
    }
}

impl TrainingForm {
    fn of(preset: Preset, shape: ImageShape) -> Self {
        let spec = preset.spec(shape);
        Self {
            preset,
            suits: None,
            unpooling: spec.unpooling(),
            deviation: preset.deviation(shape),
            code: spec.code,
            beta: spec.beta,
            objective: spec.objective,
            flow: spec.flow,
            prior: spec.prior,
            config: preset.training(shape),
            from_model: false,
        }
    }

    /// Takes the preset that suits pictures of `shape`, when the shape is new.
    pub(super) fn suit(&mut self, shape: ImageShape) {
        if self.suits != Some(shape) {
            *self = Self {
                suits: Some(shape),
                ..Self::of(Preset::for_shape(shape), shape)
            };
        }
    }

    fn shape(&self) -> ImageShape {
        self.suits.unwrap_or(ImageShape::new(64, 64, 3))
    }

    /// What the fields say, with `model` open: what to train, how, and whether from that model.
    ///
    /// # Errors
    /// When no network can be built from them.
    pub(super) fn read(
        &self,
        dataset: &Dataset,
        model: Option<&ModelSpec>,
    ) -> Result<(ModelSpec, TrainConfig, bool)> {
        let mut spec = self.preset.spec_upon(dataset, model)?;
        spec.code = self.code + spec.code - spec.style();
        spec.beta = self.beta;
        spec.objective = self.objective.clone();
        spec.flow.clone_from(&self.flow);
        spec.prior = self.prior;
        if let Some(unpooling) = self.unpooling {
            spec = spec.unpooled_by(unpooling)?;
        }
        if let Some(deviation) = self.deviation {
            spec = spec.with_deviation(deviation);
        }
        let spec = spec.check()?;
        if let Some(pretraining) = self.config.pretraining {
            pretraining.check(&spec)?;
        }
        let from_model = self.from_model && model.is_some_and(|model| is_alike(model, &spec));
        let from_model = from_model || spec.beneath().is_some();
        Ok((spec, self.config.clone().check()?, from_model))
    }

    /// Draws the fields.
    pub(super) fn show_ui(&mut self, ui: &mut Ui, tokens: &Tokens, out: &mut Outbox) {
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
                            .height(440.0)
                            .show_ui(ui, |ui| {
                                for preset in Preset::ALL {
                                    ui.selectable_value(&mut chosen, preset, preset.name())
                                        .on_hover_text(preset.describe());
                                }
                                ui.separator();
                                // What is no auto-encoder, and looked for here all the same.
                                for (kind, name, tip) in ELSEWHERE {
                                    let text = RichText::new(name).color(tokens.text_weak);
                                    let entry = ui.selectable_label(false, text);
                                    if entry.on_hover_text(tip).clicked() {
                                        out.act(Action::Show(kind));
                                    }
                                }
                            });
                        combo.response.on_hover_text(chosen.describe())
                    },
                );
                if chosen != self.preset {
                    *self = Self {
                        suits: self.suits,
                        ..Self::of(chosen, self.shape())
                    };
                }
                let config = &mut self.config;
                field(
                    ui,
                    tokens,
                    "Code size",
                    "Numbers, or bits, per code, 2 to 256; what has a name comes on top",
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
        let objective =
            CollapsingHeader::new("Objective").show(ui, |ui| self.objective_ui(ui, tokens));
        objective
            .header_response
            .on_hover_text("What is minimised, where the posterior and the prior come from");
        let more = CollapsingHeader::new("More settings").show(ui, |ui| self.more_ui(ui, tokens));
        more.header_response
            .on_hover_text("Learning rate, warm-up, corruption, pre-training, shift and seed");
    }

    /// What is minimised; terms that the kind of code has not are disabled, with the reason.
    fn objective_ui(&mut self, ui: &mut Ui, tokens: &Tokens) {
        let spec = self.preset.spec(self.shape());
        let has_posterior = spec.has_posterior();
        let is_point = matches!(spec.kind, CodeKind::Point | CodeKind::Logistic);
        let weight = |ui: &mut Ui, value: &mut f32, is_on: bool, reason: &str| {
            let number = DragValue::new(value)
                .range(0.0..=1000.0)
                .speed(0.02)
                .max_decimals(4);
            ui.add_enabled(is_on, number).on_disabled_hover_text(reason)
        };
        let needs_posterior = "The code has no posterior";
        let objective = &mut self.objective;
        Grid::new("objective of the training form")
            .num_columns(2)
            .spacing([12.0, 6.0])
            .show(ui, |ui| {
                let tip = "Weight of the KL term; 1 is the evidence lower bound";
                field(ui, tokens, "Beta", tip, |ui| {
                    ui.add_enabled(
                        has_posterior,
                        DragValue::new(&mut self.beta)
                            .range(0.001..=100.0)
                            .speed(0.01)
                            .max_decimals(3),
                    )
                    .on_disabled_hover_text("A code without a posterior has no KL term")
                });
                let tip = "Standard deviation of what is made: of pixels, whose full range is 1, or of the numbers of the codes that the model stands on";
                let mut deviation = self.deviation.unwrap_or(0.0);
                field(ui, tokens, "Deviation", tip, |ui| {
                    let reason = "Pixels of 0 and 1, grey ones taken as such, and palette colours have none";
                    if self.deviation.is_none() {
                        let none = ui.add_enabled(false, Button::new("None"));
                        return none.on_disabled_hover_text(reason);
                    }
                    let number = DragValue::new(&mut deviation).range(0.01..=10.0);
                    let number = number.speed(0.002).max_decimals(3).update_while_editing(false);
                    ui.add(number)
                });
                if let Some(value) = &mut self.deviation {
                    *value = deviation;
                }
                let tip = "Codes drawn per item; more than one give the importance-weighted bound";
                field(ui, tokens, "Samples", tip, |ui| {
                    let number = DragValue::new(&mut objective.samples)
                        .range(1..=1000)
                        .speed(0.1);
                    ui.add_enabled(has_posterior, number)
                        .on_disabled_hover_text(needs_posterior)
                });
                let tip = "Nats per dimension below which the KL term is not pressed further";
                field(ui, tokens, "Free bits", tip, |ui| {
                    weight(ui, &mut objective.free_bits, has_posterior, needs_posterior)
                });
                let tip = "Additional weight of the code's total correlation (β-TCVAE)";
                field(ui, tokens, "Total correlation", tip, |ui| {
                    let value = &mut objective.total_correlation;
                    weight(ui, value, has_posterior, needs_posterior)
                });
                let tip = "Weight of the total correlation that a discriminator tells (FactorVAE)";
                field(ui, tokens, "Discriminator", tip, |ui| {
                    weight(ui, &mut objective.adversary, has_posterior, needs_posterior)
                });
                let tip = "Steps of the inverse autoregressive flow that bends the posterior";
                let mut steps = self.flow.as_ref().map_or(0, |flow| flow.steps);
                field(ui, tokens, "Flow steps", tip, |ui| {
                    let number = DragValue::new(&mut steps).range(0..=16).speed(0.05);
                    ui.add_enabled(has_posterior, number)
                        .on_disabled_hover_text(needs_posterior)
                });
                if steps != self.flow.as_ref().map_or(0, |flow| flow.steps) {
                    let hidden = self.flow.as_ref().map_or(Flow::HIDDEN, |flow| flow.hidden);
                    self.flow = (steps > 0).then_some(Flow { steps, hidden });
                }
                let tip = "Pictures that the prior learns (VampPrior); 0 for a standard normal prior";
                let mut inputs = match self.prior {
                    Prior::Standard => 0,
                    Prior::Vamp { inputs } => inputs,
                };
                field(ui, tokens, "Learnt pictures", tip, |ui| {
                    let number = DragValue::new(&mut inputs).range(0..=5000).speed(1.0);
                    ui.add_enabled(has_posterior, number)
                        .on_disabled_hover_text(needs_posterior)
                });
                self.prior = match inputs {
                    0 => Prior::Standard,
                    inputs => Prior::Vamp { inputs },
                };
                let tip = "Weight of the squared norm of the code's derivative by the picture";
                field(ui, tokens, "Contraction", tip, |ui| {
                    let reason = "The code is no point or logistic unit: presets deep, denoising and contractive have such";
                    weight(ui, &mut objective.contraction, is_point, reason)
                });
                let tip = "Weight of the sum of absolute values of a code (L1)";
                field(ui, tokens, "Sparsity", tip, |ui| {
                    weight(ui, &mut objective.sparsity, true, "")
                });
                let tip = "Weight of the sum of squares of a code (L2)";
                field(ui, tokens, "Shrinkage", tip, |ui| {
                    weight(ui, &mut objective.shrinkage, true, "")
                });
                let tip = "Weight of what the classifier of a conditional model is off by";
                let is_conditional = is_conditional(self.preset);
                field(ui, tokens, "Supervision", tip, |ui| {
                    let reason = "The model is told nothing by name: presets conditional, attributes, semi-supervised and stacked are";
                    weight(ui, &mut objective.supervision, is_conditional, reason)
                });
                let tip = "How the decoder undoes max-pooling";
                field(ui, tokens, "Unpooling", tip, |ui| {
                    let reason = "The network does not pool: presets pooled and pooled-repeat do";
                    unpooling_ui(ui, &mut self.unpooling).on_disabled_hover_text(reason)
                });
            });
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
                field(
                    ui,
                    tokens,
                    "Warm-up",
                    "Epochs in which the loss takes its final form: the KL term's weight rises (of a conditional model it falls), or the deviation of colour pixels falls (of a conditional model the decoder learns without the encoder)",
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
                let tip = "What is done to each picture before the encoder sees it, while the decoder makes the clean one";
                let mut kind = config.corruption.map(|(kind, _)| kind);
                field(ui, tokens, "Corruption", tip, |ui| {
                    let name = kind.map_or("None", Corruption::title);
                    let combo = ComboBox::from_id_salt("corruption")
                        .selected_text(name)
                        .width(ui.available_width().clamp(72.0, 120.0));
                    let combo = combo.show_ui(ui, |ui| {
                        ui.selectable_value(&mut kind, None, "None");
                        for other in Corruption::ALL {
                            ui.selectable_value(&mut kind, Some(other), other.title());
                        }
                    });
                    combo.response
                });
                let mut strength = config.corruption.map_or(0.3, |(_, strength)| strength);
                let tip = "Share of the pixels, or the noise's deviation where a pixel's range is 1";
                field(ui, tokens, "Strength", tip, |ui| {
                    let number = DragValue::new(&mut strength).range(0.01..=1.0).speed(0.005);
                    ui.add_enabled(kind.is_some(), number)
                        .on_disabled_hover_text("Nothing is corrupted")
                });
                config.corruption = kind.map(|kind| (kind, strength));
                let tip = "Layers of a dense network learn one by one before the whole is trained";
                let mut teacher = config.pretraining.map(|p| p.teacher);
                field(ui, tokens, "Pre-training", tip, |ui| {
                    let name = teacher.map_or("None", Teacher::title);
                    let combo = ComboBox::from_id_salt("pre-training")
                        .selected_text(name)
                        .width(ui.available_width().clamp(72.0, 120.0));
                    let combo = combo.show_ui(ui, |ui| {
                        ui.selectable_value(&mut teacher, None, "None");
                        for other in Teacher::ALL {
                            ui.selectable_value(&mut teacher, Some(other), other.title());
                        }
                    });
                    combo.response
                });
                let mut has_budget = config.labels.is_some();
                let mut labels = config.labels.unwrap_or(100);
                let is_of_classes =
                    is_conditional(self.preset) && self.preset != Preset::Attributes;
                let tip = "How many items a conditional model is told the class of; it trains on the others without";
                field(ui, tokens, "Labels", tip, |ui| {
                    ui.add_enabled_ui(is_of_classes, |ui| {
                        ui.horizontal(|ui| {
                            let some = ui.checkbox(&mut has_budget, "");
                            set_name(&some, "Few labels");
                            some.on_hover_text("Only so many; all of them else");
                            ui.add_enabled(
                                has_budget,
                                DragValue::new(&mut labels).range(1..=1_000_000).speed(1.0),
                            )
                        })
                        .inner
                    })
                    .inner
                });
                config.labels = has_budget.then_some(labels);
                let mut epochs = config.pretraining.map_or(10, |p| p.epochs);
                let tip = "Passes over the training items for each layer";
                field(ui, tokens, "Epochs a layer", tip, |ui| {
                    let number = DragValue::new(&mut epochs).range(1..=1000).speed(0.1);
                    ui.add_enabled(teacher.is_some(), number)
                        .on_disabled_hover_text("Nothing is pre-trained")
                });
                config.pretraining = teacher.map(|teacher| Pretraining { teacher, epochs });
                let tip = "Begin with the weights of the open model, where it is of the same network, and go on from there";
                field(ui, tokens, "Open model", tip, |ui| {
                    ui.checkbox(&mut self.from_model, "go on from it")
                });
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

/// Whether the preset's model is told anything by name.
fn is_conditional(preset: Preset) -> bool {
    matches!(
        preset,
        Preset::Conditional | Preset::Attributes | Preset::SemiSupervised | Preset::Stacked
    )
}

/// Whether a training of `spec` can begin with the weights of `model`.
fn is_alike(model: &ModelSpec, spec: &ModelSpec) -> bool {
    (model.shape, model.code, model.kind) == (spec.shape, spec.code, spec.kind)
        && model.network == spec.network
}

/// The ways of unpooling; disabled where there is nothing to undo.
fn unpooling_ui(ui: &mut Ui, chosen: &mut Option<Unpooling>) -> Response {
    ui.add_enabled_ui(chosen.is_some(), |ui| {
        let name = chosen.map_or("None", Unpooling::title);
        let combo = ComboBox::from_id_salt("unpooling")
            .selected_text(name)
            .width(ui.available_width().clamp(72.0, 120.0));
        let combo = combo.show_ui(ui, |ui| {
            for by in Unpooling::ALL {
                ui.selectable_value(chosen, Some(by), by.title())
                    .on_hover_text(by.describe());
            }
        });
        combo.response
    })
    .inner
}

fn field(
    ui: &mut Ui,
    tokens: &Tokens,
    name: &str,
    tip: &str,
    add: impl FnOnce(&mut Ui) -> Response,
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
    use crate::data::digits;
    use crate::progress::Progress;

    #[test]
    fn every_preset_reads_back_as_itself() {
        let dataset = digits::generate(1, 0..20, &Progress::silent()).expect("digits");
        let shape = dataset.shape();
        for preset in Preset::ALL {
            let form = TrainingForm::of(preset, shape);
            if preset == Preset::Palette {
                let refused = form.read(&dataset, None);
                assert!(refused.is_err_and(|e| e.to_string().contains("creatures")));
                continue;
            }
            if preset == Preset::Stacked {
                let refused = form.read(&dataset, None);
                assert!(refused.is_err_and(|e| e.to_string().contains("trained before")));
            }
            let open = Preset::Vae200.spec(shape);
            let read = form.read(&dataset, Some(&open));
            let (spec, config, from_model) = read.expect("a preset can be built");
            let expected = preset.spec_upon(&dataset, Some(&open));
            let expected = expected.expect("digits have classes");
            assert_eq!(from_model, preset == Preset::Stacked);
            assert_eq!((spec, config), (expected, preset.training(shape)));
        }
    }

    #[test]
    fn the_way_of_unpooling_is_that_which_was_chosen() {
        let dataset = digits::generate(1, 0..20, &Progress::silent()).expect("digits");
        let mut form = TrainingForm::of(Preset::Pooled, dataset.shape());
        for by in Unpooling::ALL {
            form.unpooling = Some(by);
            let read = form.read(&dataset, None);
            let (spec, ..) = read.expect("a network can be built");
            assert_eq!(spec.unpooling(), Some(by));
        }
        let others = TrainingForm::of(Preset::Tiny, dataset.shape());
        assert_eq!(others.unpooling, None);
    }

    #[test]
    fn a_new_shape_brings_its_preset_and_keeps_it_until_the_next() {
        let mut form = TrainingForm::default();
        form.suit(ImageShape::new(28, 28, 1));
        assert_eq!(form.preset, Preset::Digits);
        form = TrainingForm {
            suits: form.suits,
            ..TrainingForm::of(Preset::Tiny, ImageShape::new(28, 28, 1))
        };
        form.suit(ImageShape::new(28, 28, 1));
        assert_eq!(form.preset, Preset::Tiny);
    }
}
