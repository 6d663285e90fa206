//! The model that is loaded.
//!
//! Invariant: everything here follows from the session's model.

use eframe::egui::{RichText, ScrollArea, Ui};

use super::{Cx, Panel};
use crate::app::command::{Action, Command};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme;
use crate::app::theme::Tokens;
use crate::app::widgets::{bar_ui, caption, chip_ui, command_button, empty_ui, fact_ui, padded};
use crate::engine::{Linear, MEASURING_COMPONENTS, ModelInfo};
use crate::model::Likelihood;

/// The panel.
#[derive(Default)]
pub(super) struct ModelPanel;

impl Panel for ModelPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        match cx.state.model().cloned() {
            Some(model) => {
                ScrollArea::vertical()
                    .auto_shrink(false)
                    .show(ui, |ui| padded(ui, |ui| model_ui(ui, cx, &model)));
            }
            None => empty_ui(
                ui,
                cx.tokens,
                icon::CUBE,
                "No model fits this data",
                "Train one in the panel below, or open trained weights",
                |ui| command_button(ui, Command::OpenModel, true, cx.out),
            ),
        }
    }
}

/// What the model loses of a picture, beside what principal components of the same size lose.
fn linear_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let tokens = cx.tokens;
    if cx.state.wants_linear() {
        cx.out.act(Action::MeasureComponents);
    }
    if let Some(linear) = &cx.state.session.linear {
        errors_ui(ui, tokens, linear);
        return;
    }
    if !cx.state.session.is_encoded {
        return;
    }
    let mut tasks = cx.state.tasks.iter();
    if let Some(task) = tasks.find(|task| task.what == MEASURING_COMPONENTS) {
        caption(ui, tokens, "Measuring beside principal components");
        bar_ui(ui, tokens, task.done, ui.available_width());
    } else {
        let button = ui.button("Compare with principal components");
        let tip = "The squared error of the model beside that of as many principal components as its code has numbers";
        if button.on_hover_text(tip).clicked() {
            cx.out.act(Action::MeasureComponents);
        }
    }
}

fn errors_ui(ui: &mut Ui, tokens: &Tokens, linear: &Linear) {
    let error = |x: f64| format!("{x:.2} a picture");
    fact_ui(ui, tokens, "Squared error", &error(linear.of_model));
    let name = format!("{} components", linear.components.count());
    fact_ui(ui, tokens, &name, &error(linear.of_components));
    let (fitted, measured) = (
        format::count(linear.components.fitted_on()),
        format::count(linear.measured_on),
    );
    let text = match (linear.is_held_out, linear.is_trained_on) {
        (true, _) => format!(
            "Principal components fitted to {fitted} training items; both measured on {measured} kept out of training"
        ),
        (false, true) => format!(
            "Principal components fitted to {fitted} training items; both measured on {measured} of these, as none were kept out"
        ),
        (false, false) => format!(
            "Principal components fitted to {fitted} open items and measured on {measured} of these; the model was not trained on just these"
        ),
    };
    caption(ui, tokens, &text);
    if let Some(norm) = linear.derivative_norm {
        fact_ui(ui, tokens, "Jacobian norm", &format::number(norm as f32));
        let text = "Mean norm of the code's derivative by the picture: what contraction lowers";
        caption(ui, tokens, text);
    }
}

fn model_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &ModelInfo) {
    let tokens = cx.tokens;
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(&model.name)
                .font(theme::strong(theme::TITLE))
                .color(tokens.text_strong),
        );
        if model.is_unsaved {
            chip_ui(ui, "Unsaved", tokens.warn, tokens)
                .on_hover_text("No file holds these weights yet");
        }
    });
    let summary = model.spec.summary();
    let (network, _) = summary.split_once(',').unwrap_or((&summary, ""));
    fact_ui(ui, tokens, "Network", network);
    fact_ui(ui, tokens, "Shape", &model.spec.shape.to_string());
    fact_ui(ui, tokens, "Code", &format!("{} numbers", model.spec.code));
    linear_ui(ui, cx);
    if let Some((count, missed)) = cx.state.session.class_missed {
        let text = format!("{:.2} % of {}", 100.0 * missed, format::count(count));
        fact_ui(ui, tokens, "Class missed", &text);
        let which = match (&cx.state.session.held_out, cx.state.session.is_trained_on) {
            (Some(_), _) => "Items kept out of training whose class the encoder takes for another",
            (None, true) => {
                "Items whose class the encoder takes for another; it was trained on these, and may have been told labels of some"
            }
            (None, false) => {
                "Items whose class the encoder takes for another; its file does not say that it was trained on just these"
            }
        };
        caption(ui, tokens, which);
    }
    let likelihood = match model.spec.likelihood {
        Likelihood::Bernoulli => "Bernoulli".to_owned(),
        Likelihood::BinarizedBernoulli => "Bernoulli, binarised".to_owned(),
        Likelihood::Categorical { colours } => format!("one of {colours} colours"),
        Likelihood::Gaussian { sigma } => format!("Gaussian, σ {sigma}"),
    };
    fact_ui(ui, tokens, "Pixels", &likelihood);
    if model.spec.has_posterior() {
        let beta = format!("β {}", model.spec.beta);
        fact_ui(ui, tokens, "Weight of KL", &beta);
    }
    fact_ui(ui, tokens, "Trained on", &model.trained_on);
    fact_ui(ui, tokens, "Epochs", &format::count(model.epochs));
    let kl: f32 = model.code_kl.iter().sum();
    let information = if model.spec.is_binary() {
        format!("{} bits per code", model.spec.code)
    } else if model.spec.has_posterior() {
        format!("{} nats per code", format::number(kl))
    } else {
        "without a posterior".to_owned()
    };
    fact_ui(ui, tokens, "Information", &information);
    if let Some(file) = &model.file {
        let name = file
            .file_name()
            .unwrap_or(file.as_os_str())
            .to_string_lossy();
        fact_ui(ui, tokens, "File", &name);
    }
    ui.add_space(theme::HALF);
    ui.horizontal_wrapped(|ui| {
        command_button(ui, Command::OpenModel, true, cx.out);
        command_button(ui, Command::SaveModel, true, cx.out);
    });
}
