//! What a probe finds of what a conditional model is asked for by name: a bar for each class or attribute.
//!
//! Invariant: the figures are of the model in use; once it is another they are gone.

use eframe::egui::{
    self, Align2, DragValue, Rect, RichText, ScrollArea, Sense, Stroke, Ui, WidgetInfo,
};

use super::{Cx, progress_ui, task};
use crate::app::command::Action;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{caption, empty_ui, primary_button, set_name};
use crate::data::DatasetSource;
use crate::engine::{PROBING, ProbeWish, ProbedModel};
use crate::model::{ConditionKind, ProbePlan, Told, VISIBLE};

/// Space before what stands in the panel.
const MARGIN: f32 = 12.0;
/// Height of a row.
const HEIGHT: f32 = 24.0;
/// Width of a name.
const NAME: f32 = 104.0;
/// Width of a bar, at least and at most.
const BAR: (f32, f32) = (120.0, 420.0);
/// Width of what stands behind a bar.
const FIGURES: f32 = 210.0;

/// How a probe is trained and asks.
pub(super) struct ProbeForm {
    wish: ProbeWish,
}

impl Default for ProbeForm {
    fn default() -> Self {
        Self {
            wish: ProbeWish {
                plan: ProbePlan::default(),
                pictures: 8000,
            },
        }
    }
}

impl ProbeForm {
    /// How the probe is trained, or how far it has come.
    pub(super) fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let tokens = cx.tokens;
        if progress_ui(ui, cx, PROBING) {
            return;
        }
        let plan = &mut self.wish.plan;
        let source = cx.state.session.source_of_more();
        if source.is_some_and(DatasetSource::is_builtin) {
            let number = DragValue::new(&mut self.wish.pictures).range(ProbePlan::LEAST..=60_000);
            let number = ui.add(number.speed(50.0).suffix(" pictures"));
            set_name(&number, "Pictures of the probe");
            number.on_hover_text(
                "Pictures drawn anew for the probe: three quarters of them it learns from or is chosen by, the others it is measured on",
            );
        }
        let number = DragValue::new(&mut plan.epochs).range(1..=1000).speed(0.1);
        let number = ui.add(number.suffix(" epochs"));
        set_name(&number, "Epochs of the probe");
        number.on_hover_text("Passes of the probe over its pictures");
        let number = DragValue::new(&mut plan.asked).range(2..=100_000);
        let number = ui.add(number.speed(5.0).suffix(" of each"));
        set_name(&number, "Pictures asked for");
        number.on_hover_text(
            "Pictures that the model is asked for of each class or, half of them low and half of them high, of each attribute",
        );
        let number = ui.add(DragValue::new(&mut plan.seed).speed(0.1).prefix("seed "));
        set_name(&number, "Seed of the probe");
        number.on_hover_text("Of the probe's weights, of its pictures and of styles");
        let is_training = cx.state.is_training();
        let tip = if is_training {
            "A training is under way; end it first"
        } else {
            "Train a network of its own on pictures of the data, and have it look at what the model draws"
        };
        ui.add_enabled_ui(!is_training, |ui| {
            if primary_button(ui, tokens, icon::EYE, "Ask", tip) {
                cx.out.act(Action::Probe(self.wish.clone()));
            }
        });
    }

    /// What was found.
    pub(super) fn found_ui(ui: &mut Ui, cx: &Cx<'_>) {
        let Some(probed) = cx.state.session.probed.clone() else {
            let text = "A network of its own learns to tell each class or attribute from pictures of the data; then the model is asked for each, with a style from N(0, 1), and it looks at what comes";
            let title = if task(cx, PROBING).is_some() {
                "Training a probe"
            } else {
                "Does the model draw what it is asked for?"
            };
            empty_ui(ui, cx.tokens, icon::EYE, title, text, |_| {});
            return;
        };
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            let room = ui.available_width() - 2.0 * MARGIN - NAME - FIGURES;
            let bar = room.clamp(BAR.0, BAR.1);
            head_ui(ui, cx.tokens, bar, probed.found.kind);
            for told in &probed.found.told {
                told_ui(ui, cx.tokens, told, bar);
            }
            ui.add_space(theme::STEP);
            ui.horizontal(|ui| {
                ui.add_space(MARGIN);
                ui.vertical(|ui| {
                    ui.set_max_width(NAME + bar + FIGURES);
                    summary_ui(ui, cx.tokens, &probed);
                });
            });
        });
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Where the columns behind a bar begin that ends at `right`.
fn columns(right: f32) -> [f32; 3] {
    [right + 62.0, right + 128.0, right + 140.0]
}

fn head_ui(ui: &mut Ui, tokens: &Tokens, bar: f32, kind: ConditionKind) {
    let size = egui::vec2(2.0 * MARGIN + NAME + bar + FIGURES, HEIGHT);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let left = area.left() + MARGIN + NAME;
    let put = |x: f32, align: Align2, text: &str| {
        let at = egui::pos2(x, area.center().y);
        let font = theme::regular(theme::CAPTION);
        ui.painter().text(at, align, text, font, tokens.text_weak);
    };
    let name = match kind {
        ConditionKind::Class => "Class",
        ConditionKind::Attributes => "Attribute",
    };
    put(area.left() + MARGIN, Align2::LEFT_CENTER, name);
    put(left, Align2::LEFT_CENTER, "0 %");
    put(left + 0.9 * bar, Align2::CENTER_CENTER, "90 %");
    let [found, real, _] = columns(left + bar);
    put(found, Align2::RIGHT_CENTER, "Found");
    put(real, Align2::RIGHT_CENTER, "Real");
}

fn told_ui(ui: &mut Ui, tokens: &Tokens, told: &Told, bar: f32) {
    let size = egui::vec2(2.0 * MARGIN + NAME + bar + FIGURES, HEIGHT);
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter();
    let (ink, colour) = match (told.is_visible(), told.found.value() >= VISIBLE) {
        (true, true) => (tokens.text_strong, tokens.good),
        (true, false) => (tokens.text_strong, tokens.warn),
        (false, _) => (tokens.text_faint, tokens.line_strong),
    };
    let put = |x: f32, align: Align2, text: &str, colour| {
        let font = theme::regular(theme::BODY);
        let at = egui::pos2(x, area.center().y);
        painter.text(at, align, text, font, colour)
    };
    let name = area.left() + MARGIN;
    let clipped = Rect::from_min_max(area.min, egui::pos2(name + NAME - 6.0, area.bottom()));
    painter
        .with_clip_rect(clipped.intersect(ui.clip_rect()))
        .text(
            egui::pos2(name, area.center().y),
            Align2::LEFT_CENTER,
            &told.name,
            theme::regular(theme::BODY),
            ink,
        );
    let left = name + NAME;
    let well = Rect::from_center_size(
        egui::pos2(left + bar / 2.0, area.center().y),
        egui::vec2(bar, 8.0),
    );
    let x = |share: f64| left + share as f32 * bar;
    painter.rect_filled(well, 4.0, tokens.well);
    painter.rect_filled(well.with_max_x(x(told.found.value())), 4.0, colour);
    let mark = Stroke::new(1.0, tokens.text_faint);
    painter.vline(x(VISIBLE), area.y_range().shrink(3.0), mark);
    let [low, high] = told.found.interval();
    let line = Stroke::new(1.5, tokens.text_strong);
    painter.hline(x(low)..=x(high), area.center().y, line);
    let real = told.judged();
    if let Some(real) = real {
        let at = egui::pos2(x(real), area.center().y);
        let ring = Stroke::new(1.5, tokens.second);
        painter.circle(at, 3.5, tokens.surface, ring);
    }
    let real = real.map_or("–".to_owned(), percent);
    let [at_found, at_real, at_word] = columns(left + bar);
    let found = percent(told.found.value());
    put(at_found, Align2::RIGHT_CENTER, &found, ink);
    put(at_real, Align2::RIGHT_CENTER, &real, ink);
    let (word, ending) = if told.is_visible() {
        ("", "")
    } else {
        ("not visible", ", not visible")
    };
    put(at_word, Align2::LEFT_CENTER, word, tokens.text_faint);
    let label = format!(
        "{}: found {found}, told of real pictures {real}{ending}",
        told.name
    );
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &label));
    response.on_hover_text(tip_of(told, [low, high], &real));
}

/// All that is known of a row.
fn tip_of(told: &Told, [low, high]: [f64; 2], real: &str) -> String {
    let mut lines = vec![format!(
        "{} of the {} pictures asked for are found (95 % interval {} to {})",
        percent(told.found.value()),
        told.found.tries,
        percent(low),
        percent(high)
    )];
    if let (Some(sides), Some(far)) = (told.sides, told.far) {
        let [a, b] = sides.found.map(|share| percent(share.value()));
        let at = sides.at.map(format::number);
        lines.push(format!("Low ({}): {a}; high ({}): {b}", at[0], at[1]));
        let at = far.at.map(format::number);
        let far = percent(far.both().value());
        lines.push(format!("Farther out ({} and {}): {far}", at[0], at[1]));
        let counts = told
            .alike
            .map_or([0; 2], |alike| alike.found.map(|share| share.tries));
        lines.push(format!(
            "The probe recognises {real} of real pictures like these ({} low, {} high), and {} of all real ones",
            counts[0],
            counts[1],
            percent(told.real.value())
        ));
    } else {
        let n = told.real.tries;
        lines.push(format!("The probe recognises {real} of {n} real pictures"));
    }
    lines.join("\n")
}

fn summary_ui(ui: &mut Ui, tokens: &Tokens, probed: &ProbedModel) {
    let found = &probed.found;
    let what = match found.kind {
        ConditionKind::Class => "classes",
        ConditionKind::Attributes => "attributes",
    };
    let (text, colour) = match found.summary() {
        Some((reached, visible, least)) => (
            format!(
                "{reached} of {visible} visible {what} are found in at least {:.0} % of pictures; the lowest share is {}",
                100.0 * VISIBLE,
                percent(least)
            ),
            tokens.text_strong,
        ),
        None => ("Nothing is visible to the probe".to_owned(), tokens.warn),
    };
    ui.label(
        RichText::new(text)
            .font(theme::strong(theme::BODY))
            .color(colour),
    );
    let real = match found.kind {
        ConditionKind::Class => {
            "Ring: share of real pictures of the class that the probe recognises"
        }
        ConditionKind::Attributes => {
            "Asked for at a quarter and three quarters of the range. Ring: share of real pictures with about these values whose side the probe recognises"
        }
    };
    let [train, validation, measured] = found.items.map(format::count);
    let text = format!(
        "{real}; visible where that is at least {:.0} %. Line: 95 % interval. The probe learnt from {train} pictures of {}; its weights were chosen on {validation} and measured on {measured}; seed {}, {}.",
        100.0 * VISIBLE,
        probed.data,
        probed.wish.plan.seed,
        format::secs(probed.secs)
    );
    caption(ui, tokens, &text);
    if let Some(stopped) = &found.stopped {
        ui.label(
            RichText::new(stopped)
                .size(theme::CAPTION)
                .color(tokens.warn),
        );
    }
}
