//! The scores of the bench of factors, and what they come to in a sentence.
//!
//! Invariant: every number says in its tooltip what it means and where it comes from.

use eframe::egui::{self, Frame, Label, RichText, Ui, WidgetInfo};

use super::Cx;
use super::factors::MARGIN;
use crate::app::format;
use crate::app::theme;
use crate::space::factors::{DEAD, Factors, LEAST_ITEMS};

/// A factor of which trees explain at least this share counts as told.
const TOLD: f64 = 0.1;
/// A dimension that is ahead of the next by at least this share of the entropy is the factor's own.
const OWN: f64 = 0.5;

pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// The scores side by side, and one sentence that says what they come to.
pub(super) fn scores_ui(ui: &mut Ui, cx: &Cx<'_>, found: &Factors) {
    let tokens = cx.tokens;
    let importance = &found.importance;
    let no_vote = found.votes.as_ref().map_or(0, |votes| votes.dead.len());
    let no_vote = match no_vote {
        0 => String::new(),
        1 => format!(". One dimension varies by less than {DEAD} and has no vote"),
        n => format!(". {n} dimensions vary by less than {DEAD} and have no vote"),
    };
    let scores = [
        (
            "MIG",
            Some(found.information.mig),
            "Mutual information gap: what the dimension that tells most of a factor tells more than the second, as a share of the factor's entropy, averaged. 1 where each factor has a dimension of its own (Chen et al., 2018)".to_owned(),
        ),
        (
            "Disentanglement",
            importance.disentanglement,
            "DCI disentanglement: 1 where each dimension serves one factor alone, by the importances of boosted trees (Eastwood and Williams, 2018). A single factor has none".to_owned(),
        ),
        (
            "Completeness",
            Some(importance.completeness),
            "DCI completeness: 1 where each factor lies in one dimension alone, by the importances of boosted trees".to_owned(),
        ),
        (
            "Informativeness",
            Some(importance.informativeness),
            format!(
                "DCI informativeness: how well boosted trees foretell the factors of {} held-out items, as the share of variance explained or of classes told",
                format::count(found.learnt[1])
            ),
        ),
        (
            "SAP",
            Some(found.predictability.sap),
            "Separated attribute predictability: how much better the best single dimension foretells a factor by a line than the second, averaged (Kumar et al., 2018)".to_owned(),
        ),
        (
            "FactorVAE",
            found.votes.as_ref().map(|votes| votes.score),
            format!(
                "FactorVAE score: how often the dimension that varies least among items with one factor in common tells which factor it was; {} by guessing (Kim and Mnih, 2018). Wants {LEAST_ITEMS} items or more{no_vote}",
                percent(1.0 / found.names.len() as f64)
            ),
        ),
    ];
    ui.add_space(theme::HALF);
    ui.horizontal_wrapped(|ui| {
        ui.add_space(MARGIN);
        ui.spacing_mut().item_spacing.x = theme::DOUBLE;
        for (name, score, tip) in scores {
            let value = score.map_or("–".to_owned(), |score| format!("{score:.2}"));
            let pair = ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 5.0;
                let text = RichText::new(name).size(theme::CAPTION);
                ui.label(text.color(tokens.text_weak));
                let text = RichText::new(&value).font(theme::strong(theme::TITLE));
                ui.label(text.color(tokens.text_strong));
            });
            let id = ui.scope_id().with(name);
            let response = ui.interact(pair.response.rect, id, egui::Sense::hover());
            response.widget_info(|| {
                WidgetInfo::labeled(egui::Role::Label, true, format!("{name}: {value}"))
            });
            response.on_hover_text(tip);
        }
    });
    let frame = Frame::new().inner_margin(egui::Margin::symmetric(MARGIN as i8, 0));
    frame.show(ui, |ui| {
        let text = RichText::new(in_words(found)).color(tokens.text);
        ui.add(Label::new(text).wrap())
            .on_hover_text(left_out(found));
    });
    ui.add_space(theme::HALF);
}

/// What the scores come to.
fn in_words(found: &Factors) -> String {
    let n = found.names.len();
    let told = found.importance.foretold.iter();
    let told = told.filter(|share| **share >= TOLD).count();
    let gaps = &found.information.gaps;
    let widest = (1..n).fold(0, |best, factor| {
        if gaps[factor] > gaps[best] {
            factor
        } else {
            best
        }
    });
    let dim = format::dimension(found.best(widest));
    let name = &found.names[widest];
    let gap = format::number(gaps[widest] as f32);
    let own = gaps.iter().filter(|gap| **gap >= OWN).count();
    let own = match own {
        0 => "none has a dimension of its own".to_owned(),
        1 => "one has a dimension of its own".to_owned(),
        n => format!("{n} have a dimension of their own"),
    };
    let left = match found.left_out.len() {
        0 => String::new(),
        left => format!(" {left} never vary or are hardly known."),
    };
    format!(
        "Of {n} factors the code tells {told}; {own}. Clearest is {} in {dim}, {gap} ahead of the next.{left}",
        name.to_lowercase()
    )
}

fn left_out(found: &Factors) -> String {
    let mut text = format!(
        "A factor counts as told where trees explain {} of it or more, and a dimension as its own where the gap is at least {} of its entropy",
        percent(TOLD),
        percent(OWN)
    );
    for factor in &found.left_out {
        text += "\n";
        text += &factor.name;
        text += ": ";
        text += &factor.reason;
    }
    text
}
