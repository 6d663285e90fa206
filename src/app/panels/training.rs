//! Training: the form, the controls, and how it goes.
//!
//! Invariant: the form cannot be changed while training runs; what begins and ends it stays in sight below.

use eframe::egui::{CollapsingHeader, Frame, Margin, Panel as Edge, ScrollArea, Ui};

use super::training_form::TrainingForm;
use super::training_progress::{Curves, preview_ui, report_ui, stages_ui};
use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::theme;
use crate::app::widgets::{command_button, empty_ui, padded, primary_button};
use crate::engine::TrainingState;

/// The panel.
#[derive(Default)]
pub(super) struct TrainingPanel {
    form: TrainingForm,
    curves: Curves,
}

impl Panel for TrainingPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(shape) = cx.state.session.dataset.as_ref().map(|d| d.shape()) else {
            let text = "Open data first; a model learns to make such pictures from codes";
            empty_ui(
                ui,
                cx.tokens,
                icon::CURVES,
                "Nothing to train on",
                text,
                |ui| {
                    command_button(ui, Command::OpenFaces, true, cx.out);
                },
            );
            return;
        };
        self.form.suit(shape);
        let margin = Margin::symmetric(12, 6);
        Edge::bottom("training controls")
            .frame(Frame::new().inner_margin(margin))
            .show(ui, |ui| {
                if cx.state.is_training() {
                    controls_ui(ui, cx);
                } else {
                    self.start_ui(ui, cx);
                }
            });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            padded(ui, |ui| self.contents_ui(ui, cx));
        });
    }
}

impl TrainingPanel {
    fn contents_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        let is_training = cx.state.is_training();
        if let Some(report) = cx
            .state
            .training
            .as_ref()
            .filter(|t| is_training || t.step > 0)
        {
            report_ui(ui, tokens, report);
            ui.add_space(theme::HALF);
        }
        if !is_training {
            self.form.show_ui(ui, tokens, cx.out);
            ui.add_space(theme::HALF);
        }
        if !cx.state.stage_curve.is_empty() {
            stages_ui(ui, tokens, &cx.state.stage_curve);
        }
        if !cx.state.curve.is_empty() {
            self.curves.show_ui(ui, tokens, &cx.state.curve);
        }
        preview_ui(ui, cx);
        if is_training {
            let header = CollapsingHeader::new("Settings of the next run").id_salt("settings");
            header.show(ui, |ui| {
                ui.add_enabled_ui(false, |ui| self.form.show_ui(ui, tokens, cx.out))
            });
        }
    }

    fn start_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(data) = cx.state.session.dataset.clone() else {
            return;
        };
        let model = cx.state.model().map(|model| &model.spec);
        let read = self.form.read(&data, model);
        // Above the buttons, where it wraps.
        if let Err(error) = &read {
            ui.colored_label(cx.tokens.warn, error.to_string());
        }
        ui.horizontal(|ui| {
            let tip = "Train a new model on the loaded data";
            if let Ok((spec, config, from_model)) = read
                && primary_button(ui, cx.tokens, icon::PLAY, "Train", tip)
            {
                cx.out.act(Action::Train {
                    spec: Box::new(spec),
                    config: Box::new(config),
                    from_model,
                });
            }
            if cx.state.model().is_some_and(|m| m.can_resume) {
                command_button(ui, Command::Resume, true, cx.out);
            }
        });
    }
}

fn controls_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let is_paused = cx
        .state
        .training
        .as_ref()
        .is_some_and(|t| t.state == TrainingState::Paused);
    ui.horizontal(|ui| {
        if is_paused {
            command_button(ui, Command::Resume, true, cx.out);
        } else {
            command_button(ui, Command::Pause, true, cx.out);
        }
        command_button(ui, Command::Step, is_paused, cx.out);
        command_button(ui, Command::Stop, true, cx.out);
    });
}
