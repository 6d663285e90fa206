//! How a row is searched: exactly, or by an approximate index that one asks for.
//!
//! Invariant: a row says how its answer came about; an index that cannot answer is named, and the answer is exact.

use eframe::egui::{self, Align, Button, Label, Layout, Popup, Rect, RichText, Ui};

use super::Cx;
use crate::app::command::Action;
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme;
use crate::app::widgets::set_name;
use crate::engine::{IndexState, Row};
use crate::retrieval::Space;
use crate::retrieval::approximate::Kind;

/// What became of the index that the row of `space` is to be answered by, if it was asked for.
fn state_of<'a>(cx: &'a Cx<'_>, space: Space, kind: Kind) -> Option<&'a IndexState> {
    let mut known = cx.state.session.indices.iter();
    let info = known.find(|info| (info.space, info.kind) == (space, kind))?;
    Some(&info.state)
}

fn choose(cx: &mut Cx<'_>, space: Space, kind: Option<Kind>) {
    let mut lookup = cx.view.lookup.clone();
    match kind {
        Some(kind) => lookup.approximate.insert(space, kind),
        None => lookup.approximate.remove(&space),
    };
    cx.out.act(Action::Lookup {
        lookup,
        is_drag: false,
    });
}

/// A share with two digits, which says 1.00 of all alone.
fn rounded_down(share: f64) -> String {
    format!("{:.2}", (share * 100.0 + 1e-9).floor() / 100.0)
}

/// How many items have codes, where a space needs them and not all have.
fn encoded_so_far(cx: &Cx<'_>, space: Space) -> Option<usize> {
    let session = &cx.state.session;
    let n = session.codes.as_ref().map_or(0, |codes| codes.len());
    (space.needs_codes() && n < session.expected_items).then_some(n)
}

/// How the row of `space` was answered, which can be chosen.
pub(super) fn how_ui(ui: &mut Ui, cx: &mut Cx<'_>, space: Space, found: &Row, area: Rect) {
    let tokens = cx.tokens;
    let chosen = cx.view.lookup.approximate.get(&space).copied();
    let secs = format::secs(found.secs as f32);
    let (text, colour) = match (found.index, chosen) {
        (Some((_, recall)), _) => (
            format!("approximate, recall {}", rounded_down(recall)),
            tokens.text_strong,
        ),
        (None, Some(_)) => (format!("still exact, {secs}"), tokens.warn),
        (None, None) => match encoded_so_far(cx, space) {
            Some(n) => (
                format!("exact, of {} so far", format::count(n)),
                tokens.warn,
            ),
            None => (format!("exact, {secs}"), tokens.text_weak),
        },
    };
    let tip = match found.index {
        Some((kind, recall)) => {
            let (sample, kept) = match state_of(cx, space, kind) {
                Some(IndexState::Ready { sample, kept, .. }) => (*sample, Some(kept)),
                _ => (0, None),
            };
            let kept = match kept {
                Some(Ok(path)) => format!("; it is kept in {}", path.display()),
                Some(Err(reason)) => format!("; it is kept in memory only: {reason}"),
                None => String::new(),
            };
            format!(
                "Answered in {secs} by an index of kind {kind}, which finds {recall:.3} of the ten nearest, measured on {} items{kept}",
                format::count(sample)
            )
        }
        None => "Every item was compared; an approximate index looks at few and misses some".into(),
    };
    let area = Rect::from_min_size(
        area.left_top() + egui::vec2(theme::STEP, -2.0),
        egui::vec2(area.width() - theme::STEP, 18.0),
    );
    let arrow = RichText::new("▼").size(7.0).color(tokens.text_weak);
    let title = RichText::new(text).size(theme::CAPTION).color(colour);
    let builder = egui::UiBuilder::new()
        .max_rect(area)
        .layout(Layout::left_to_right(Align::Min));
    let response = ui
        .scope_builder(builder, |ui| {
            ui.spacing_mut().button_padding = egui::vec2(0.0, 1.0);
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.add(Button::new((title, arrow)).frame_when_inactive(false))
        })
        .inner;
    let name = match found.index {
        Some((_, recall)) => format!(
            "How {} is searched: approximate, recall {}",
            space.title().to_lowercase(),
            rounded_down(recall)
        ),
        None => format!("How {} is searched: exact", space.title().to_lowercase()),
    };
    set_name(&response, &name);
    let response = response.on_hover_text(tip);
    Popup::menu(&response).show(|ui| {
        let exact = ui.selectable_label(chosen.is_none(), "Exact");
        let exact = exact.on_hover_text("Compare every item");
        if exact.clicked() && chosen.is_some() {
            choose(cx, space, None);
            ui.close();
        }
        for kind in Kind::ALL {
            let is_on = chosen == Some(kind);
            let fits = Kind::of(space).contains(&kind);
            let choice = Button::selectable(is_on, format!("Approximate, {kind}"));
            let choice = ui.add_enabled(fits, choice).on_hover_text(match kind {
                Kind::F32 => "A graph of near items with their numbers as they are",
                Kind::F16 => "The same in half the room, with rounded numbers",
                Kind::I8 => "The same in a quarter of the room, with coarse numbers",
                Kind::Bits => "A graph of near items with a bit for each number",
            });
            let choice = choice.on_disabled_hover_text(match kind {
                Kind::Bits => "For the spaces of bits",
                _ => "For the spaces of numbers",
            });
            if choice.clicked() && !is_on {
                choose(cx, space, Some(kind));
                ui.close();
            }
        }
    });
}

/// A line for each index that was asked for and cannot answer, with what to do.
pub(super) fn indices_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let tokens = cx.tokens;
    let wanted = cx.view.lookup.approximate.clone();
    for (space, kind) in wanted {
        let name = format!("{kind} index of {}", space.title().to_lowercase());
        let (text, button) = match state_of(cx, space, kind) {
            Some(IndexState::Ready { .. }) => continue,
            Some(IndexState::Absent) => (
                format!("There is no {name} yet; the search is exact"),
                Some("Build it"),
            ),
            Some(IndexState::Pending) => (
                format!("The {name} is on its way; until then the search is exact"),
                None,
            ),
            Some(IndexState::Refused(reason)) => (
                // The button is the way out, so only the reason is told.
                format!(
                    "The {name} is not used, the search is exact: {}",
                    reason.lines().next().unwrap_or_default()
                ),
                Some("Build it again"),
            ),
            None if cx.state.session.is_encoded => continue,
            None => (
                format!("The {name} can be had once every item is encoded"),
                None,
            ),
        };
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            ui.spacing_mut().item_spacing.x = theme::STEP;
            ui.label(RichText::new(icon::INFO).color(tokens.warn));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(12.0);
                let exact = ui.small_button("Search exactly");
                set_name(&exact, &format!("Search exactly: {}", space.title()));
                if exact.on_hover_text("Without an index").clicked() {
                    choose(cx, space, None);
                }
                if let Some(button) = button {
                    let build = ui.small_button(button);
                    set_name(&build, &format!("{button}: {name}"));
                    let tip = "Takes minutes for a million items; it is kept beside the data";
                    if build.on_hover_text(tip).clicked() {
                        cx.out.act(Action::BuildIndex(space, kind));
                    }
                }
                let text = RichText::new(text).size(theme::CAPTION);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(text.color(tokens.text_strong)).wrap());
                });
            });
        });
    }
}
