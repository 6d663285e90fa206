//! The model that is loaded.
//!
//! Invariant: everything here follows from the session's model.

use eframe::egui::{RichText, ScrollArea, Ui};

use super::{Cx, Panel};
use crate::app::command::Command;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme;
use crate::app::widgets::{chip_ui, command_button, empty_ui, fact_ui, padded};
use crate::engine::ModelInfo;
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
        "not measured: the code has no posterior".to_owned()
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
