//! What the engine's events change.
//!
//! Invariant: an answer whose generation is not the newest asked for is dropped (decoded pictures may lag while a
//! drag goes on, but never go back).

use std::sync::Arc;

use eframe::egui::Context;

use super::application::App;
use super::format;
use super::panels::PanelKind;
use super::state::{Decoded, Inspected, Level, Task};
use super::theme::Tokens;
use super::view::{Change, Focus, View};
use crate::data::Picture;
use crate::engine::{Event, IndexInfo, IndexState, Session, TrainingReport, TrainingState};
use crate::model::StagePoint;
use crate::space::Mixture;

impl App {
    /// Takes in one event.
    pub(super) fn apply(&mut self, ctx: &Context, event: Event) {
        match event {
            Event::Device(device) => {
                self.note(
                    Level::Info,
                    format!("Computing on {}: {}", device.name, device.reason),
                );
                self.state.device = Some(device);
            }
            Event::Progress {
                what,
                done,
                secs_left,
            } => match self.state.tasks.iter_mut().find(|t| t.what == what) {
                Some(task) => (task.done, task.secs_left) = (done, secs_left),
                None => self.state.tasks.push(Task {
                    what,
                    done,
                    secs_left,
                }),
            },
            Event::ProgressEnded { what } => self.state.tasks.retain(|t| t.what != what),
            Event::Session(session) => self.apply_session(ctx, session),
            Event::Decoded {
                generation,
                picture,
                secs,
            } => {
                if generation > self.generations.decoded && generation <= self.generations.decode {
                    self.generations.decoded = generation;
                    self.textures
                        .decoded
                        .show(ctx, "decoded", &picture, self.filter());
                    self.state.decoded = Some(Decoded { picture, secs });
                    if !self.view.flips.is_empty() {
                        self.pass_flips();
                    }
                }
            }
            Event::Inspected {
                generation,
                item,
                code,
                reconstruction,
                loss,
                features,
            } => {
                if generation == self.generations.inspect
                    && let Some(data) = self.state.session.dataset.clone()
                    && item < data.len()
                {
                    let original = data.picture(item);
                    self.state.inspected = Some(Inspected {
                        item,
                        code,
                        original,
                        reconstruction,
                        loss,
                        features,
                    });
                    self.refresh_inspected(ctx);
                }
            }
            Event::Retrieved {
                generation,
                comparison,
            } => {
                if generation == self.generations.retrieve {
                    self.state.comparison = Some(comparison);
                }
            }
            Event::Encoded {
                generation,
                code,
                reconstruction,
                loss,
            } => {
                if generation == self.generations.encode {
                    self.apply_own(ctx, code, &reconstruction, loss);
                }
            }
            Event::Passed { generation, passed } => {
                if let Some((sent, pictures)) = self.state.flips_sent.take() {
                    if sent == generation {
                        self.state.flipped = Some(pictures.into_iter().zip(passed).collect());
                    } else {
                        self.state.flips_sent = Some((sent, pictures));
                    }
                }
            }
            Event::Refined {
                generation,
                is_over,
                code,
                losses,
                ..
            } => {
                if generation == self.generations.refine {
                    self.apply_refined(ctx, is_over, code, losses);
                }
            }
            Event::Direction(direction) => {
                self.record(ctx, Change::Lists);
                let text = format!("{}: {}", direction.name, direction.separation);
                self.tell(ctx, Level::Success, text);
                self.view.directions.push(direction);
            }
            Event::Hovered {
                generation,
                picture,
            } => {
                if generation == self.generations.hover {
                    let filter = self.filter();
                    self.textures.hovered.show(ctx, "hovered", &picture, filter);
                    self.state.hovered = Some(picture);
                }
            }
            Event::Placed {
                generation,
                position,
            } => {
                if generation == self.generations.place {
                    self.state.placed = Some(position);
                }
            }
            Event::Sheet {
                generation,
                first,
                pictures,
            } => {
                if generation == self.generations.sheet {
                    self.apply_sheet(ctx, first, pictures);
                }
            }
            Event::KeyPictures {
                generation,
                first,
                pictures,
            } => {
                if generation == self.generations.keys {
                    self.apply_key_pictures(ctx, first, &pictures);
                }
            }
            Event::KeysPlaced {
                generation,
                nearest,
            } => {
                if generation == self.generations.key_places {
                    self.apply_key_places(nearest);
                }
            }
            Event::Training(report) => self.apply_training(report),
            Event::Preview {
                originals,
                reconstructions,
                filters,
            } => {
                self.textures
                    .show_preview(ctx, &originals, &reconstructions, &filters);
                self.state.preview = Some((originals, reconstructions, filters));
                // The weights moved on: the portrait and the selected item follow.
                self.request_picture();
                if self.view.item().is_some() {
                    self.inspect(self.layout.rect_of(PanelKind::Features).is_some());
                }
                self.request_own();
            }
            Event::FamiliesDecoded {
                generation,
                pictures,
            } => self.state.families.take_in(generation, pictures),
            Event::DensityDrawn {
                generation,
                sampled,
            } => self.state.drawn.take_in(generation, sampled),
            Event::Repaired {
                generation,
                pictures,
            } => self.state.repairs.take_in(generation, pictures),
            Event::GridDecoded {
                generation,
                pictures,
            } => self.state.grid.take_in(generation, pictures),
            Event::Formed(formation) => self.state.formation = Some(formation),
            Event::Saved(path) => {
                self.tell(ctx, Level::Success, format!("Saved {}", path.display()));
                self.state.remember(path);
            }
            Event::Written(path) => {
                self.tell(ctx, Level::Success, format!("Wrote {}", path.display()));
            }
            Event::Failed(error) => {
                self.state.opening = None;
                self.fail(ctx, &error);
            }
        }
    }

    fn apply_session(&mut self, ctx: &Context, session: Arc<Session>) {
        let before = std::mem::replace(&mut self.state.session, session);
        let now = self.state.session.clone();
        let is_new = before.id != now.id;
        // News of what was there before says nothing of what is being opened.
        if now.dataset.is_some() && is_new {
            self.state.opening = None;
        }
        let same_model = match (&before.model, &now.model) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        let same_data = before.source == now.source
            && before.seed == now.seed
            && before.dataset.as_ref().map(|d| d.shape())
                == now.dataset.as_ref().map(|d| d.shape());
        if is_new && !same_data {
            self.forget_items();
            if let Some(data) = &now.dataset {
                self.note(Level::Info, format!("Opened {}", data.name()));
            }
        }
        if let Some(model) = now.model.as_ref().filter(|_| !same_model) {
            if !self.state.is_training() {
                self.state.curve.clone_from(&model.history);
                self.state.stage_curve.clone_from(&model.stage_history);
            }
            if before.model.as_ref().is_none_or(|m| m.name != model.name) {
                self.note(
                    Level::Info,
                    format!("Model {}: {}", model.name, model.spec.summary()),
                );
            }
        }
        if is_new {
            self.restore_last_view();
        }
        self.restore_awaited(ctx);
        if now.dataset.is_some()
            && now.is_encoded
            && let Some(table) = self.metadata_wanted.take()
        {
            self.perform(ctx, super::command::Action::OpenMetadata(table));
        }
        if let (None, Some(mixture)) = (&before.mixture, &now.mixture) {
            self.note(Level::Info, told_of(mixture));
        }
        if self.wants_sample && now.mixture.is_some() {
            self.sample_mixture(ctx);
        }
        self.measure_if_needed();
        self.apply_indices(ctx, &before.indices);
        let same_map = match (&before.projection, &now.projection) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if !same_map {
            self.request_place();
            self.place_own();
        }
        let is_answered = now.maps_asked == self.generations.map;
        if is_answered && self.view.map != now.map_method {
            // A layout was given up, or could not be made: the view goes back with it.
            match self.history.take_back(Change::Map) {
                Some(view) if view.map == now.map_method => self.view.camera = view.camera,
                _ => self.view.camera = None,
            }
            self.view.map = now.map_method.clone();
        }
        let dims = now.model.as_ref().map_or(0, |m| m.spec.code);
        if self.view.code.len() != dims {
            self.history.clear();
            let first = self.first_code().unwrap_or_default();
            self.view.move_to(first);
            self.generations.decoded = self.generations.decode;
            self.state.decoded = None;
        }
        if !same_model {
            self.forget_sheets();
        }
        if !same_model || self.state.decoded.is_none() {
            self.request_picture();
        }
        let keeps_own = |own: &Picture| {
            now.model
                .as_ref()
                .is_some_and(|m| m.spec.shape == own.shape)
        };
        if self.view.own.as_ref().is_some_and(|own| !keeps_own(own)) {
            self.drop_own();
        } else if !same_model {
            self.request_own();
        }
        // Neighbours are sought anew when the selected item has come, when its code has, and when all have.
        let selected = self.view.item().unwrap_or(usize::MAX);
        let reach = |s: &Session| {
            let codes = s.codes.as_ref().map_or(0, |c| c.len());
            let items = s.dataset.as_ref().map_or(0, |d| d.len());
            (
                selected < items,
                selected < codes,
                codes == s.expected_items,
            )
        };
        if self.view.focus != Focus::Nothing
            && (is_new || !same_model || reach(&before) != reach(&now))
        {
            self.request_neighbours();
        }
    }

    /// Tells of approximate indices that have come, and looks for neighbours anew where some did or went.
    fn apply_indices(&mut self, ctx: &Context, before: &[IndexInfo]) {
        let now = self.state.session.indices.clone();
        if *now == *before {
            return;
        }
        for info in now.iter().filter(|info| !before.contains(info)) {
            let IndexState::Ready {
                recall,
                sample,
                kept,
            } = &info.state
            else {
                continue;
            };
            let text = format!(
                "The {} index of {} finds {recall:.3} of the nearest, measured on {sample} items",
                info.kind,
                info.space.title().to_lowercase()
            );
            match kept {
                Ok(path) => self.note(Level::Info, format!("{text}; it is {}", path.display())),
                Err(reason) => {
                    let text = format!("{text}; it is kept in memory only: {reason}");
                    self.tell(ctx, Level::Info, text);
                }
            }
        }
        if !self.view.lookup.approximate.is_empty() {
            self.look_up();
        }
    }

    /// Forgets what speaks of items that are no longer loaded.
    fn forget_items(&mut self) {
        self.history.clear();
        self.view = View {
            code: std::mem::take(&mut self.view.code),
            look: self.view.look,
            basis: self.view.basis,
            sheet: self.view.sheet,
            lookup: self.view.lookup.clone(),
            directions: std::mem::take(&mut self.view.directions),
            ..View::default()
        };
        self.state.is_playing = false;
        self.state.comparison = None;
        self.state.inspected = None;
        self.state.preview = None;
        self.generations.inspect += 1;
        self.generations.retrieve += 1;
    }

    /// Shows what was shown when the window was closed, if it was of the data and the model that are there now.
    fn restore_last_view(&mut self) {
        let names = self.loaded_names();
        let Some(model) = self.state.model() else {
            return;
        };
        let (dims, shape) = (model.spec.code, model.spec.shape);
        let items = self.state.session.expected_items;
        let fits = |(data, model, view): &(String, String, View)| {
            (data, model) == (&names.0, &names.1)
                && view.check().is_ok()
                && view.misfit(dims, shape, items).is_none()
        };
        if self.state.session.dataset.is_some()
            && self.awaited.is_none()
            && let Some((_, _, view)) = self.last_view.take().filter(|last| fits(last))
        {
            self.take_view(view);
        }
    }

    fn apply_training(&mut self, mut report: TrainingReport) {
        let points = std::mem::take(&mut report.points);
        let is_over = |state| matches!(state, None | Some(TrainingState::Finished));
        if is_over(self.state.training.as_ref().map(|t| t.state)) && !is_over(Some(report.state)) {
            // A training that goes on tells its whole curve again.
            self.state.curve.clear();
            self.state.stage_curve.clear();
        }
        let errors = std::mem::take(&mut report.stage_points);
        if let Some(first) = errors.first().map(|p| (p.stage, p.step)) {
            let is_before = |p: &StagePoint| (p.stage, p.step) < first;
            self.state.stage_curve.retain(is_before);
        }
        self.state.stage_curve.extend(errors);
        if let Some(first) = points.first() {
            // So does one that goes on from its last checkpoint.
            self.state.curve.retain(|p| p.step < first.step);
        }
        self.state.curve.extend(points);
        let was = self.state.training.as_ref().map(|t| t.state);
        if was != Some(report.state) {
            let text = match report.state {
                TrainingState::Running => format!("Training, {} epochs", report.epochs),
                TrainingState::Paused => format!(
                    "Training halted at step {}",
                    format::count(report.step as usize)
                ),
                TrainingState::Finished => format!("Training ended after {} epochs", report.epoch),
            };
            self.note(Level::Info, text);
        }
        self.state.training = Some(report);
    }

    /// Draws the selected item's pictures anew.
    fn refresh_inspected(&mut self, ctx: &Context) {
        let filter = self.filter();
        if let Some(inspected) = &self.state.inspected {
            let tokens = Tokens::current(ctx);
            self.textures.show_inspected(
                ctx,
                tokens,
                &inspected.original,
                &inspected.reconstruction,
                filter,
            );
        }
    }

    /// Draws every live picture anew, after a change of theme or filter.
    pub(super) fn refresh_textures(&mut self, ctx: &Context) {
        let filter = self.filter();
        if let Some(decoded) = &self.state.decoded {
            self.textures
                .decoded
                .show(ctx, "decoded", &decoded.picture, filter);
        }
        self.refresh_inspected(ctx);
    }
}

/// What the log says of a mixture that was fitted.
fn told_of(mixture: &Mixture) -> String {
    let gaussians = match mixture.components() {
        1 => "One Gaussian".to_owned(),
        n => format!("A mixture of {n} Gaussians"),
    };
    let mut text = format!("{gaussians} fitted to the codes");
    match mixture.reseeded() {
        0 => {}
        1 => text.push_str("; one had collapsed on the way and was set anew"),
        n => text = format!("{text}; {n} times one had collapsed on the way and was set anew"),
    }
    match mixture.collapsed() {
        0 => {}
        1 => text.push_str("; one is close to a point"),
        n => text = format!("{text}; {n} are close to points"),
    }
    text
}

#[cfg(test)]
mod tests {
    use eframe::egui::Vec2;
    use egui_kittest::Harness;

    use super::*;
    use crate::app::{AppOptions, can_draw};
    use crate::data::ImageShape;
    use crate::engine::EngineOptions;

    #[test]
    fn the_log_says_when_components_of_the_mixture_had_collapsed() -> crate::error::Result<()> {
        let silent = crate::progress::Progress::silent();
        let points = Mixture::fit(&[1.0, 2.0].repeat(50), 1, 2, 1, &silent)?;
        let text = told_of(&points);
        let counted = format!("; {} times", points.reseeded());
        assert!(
            text.contains(&counted) && text.contains("2 are close to points"),
            "{text}"
        );
        let even: Vec<f32> = (0..100_u8).map(f32::from).collect();
        let one = Mixture::fit(&even, 1, 1, 1, &silent)?;
        assert_eq!(told_of(&one), "One Gaussian fitted to the codes");
        Ok(())
    }

    #[test]
    fn pictures_that_answer_nothing_asked_for_are_dropped() {
        if !can_draw() {
            println!("skipped: no graphics driver can draw the window here");
            return;
        }
        let options = AppOptions {
            data: Some("digits:5".parse().expect("a source")),
            model: None,
            session: None,
            engine: EngineOptions::default(),
            keep_in: None,
        };
        let mut window = Harness::builder()
            .with_size(Vec2::new(960.0, 600.0))
            .wgpu()
            .build_eframe(|cc| App::new(cc, options));
        let ctx = window.ctx.clone();
        let app = window.state_mut();
        let answer = |generation, grey| Event::Decoded {
            generation,
            picture: Picture {
                shape: ImageShape::new(1, 1, 1),
                pixels: vec![grey],
            },
            secs: 0.0,
        };
        let shown = |app: &App| app.state.decoded.as_ref().map(|d| d.picture.pixels[0]);
        (app.generations.decode, app.generations.decoded) = (109, 100);
        app.apply(&ctx, answer(105, 1));
        assert_eq!(shown(app), Some(1), "an answer may lag behind a drag");
        app.apply(&ctx, answer(104, 2));
        assert_eq!(shown(app), Some(1), "it never goes back");
        app.apply(&ctx, answer(110, 3));
        assert_eq!(shown(app), Some(1), "nor is it of another asker");
        app.apply(&ctx, answer(109, 4));
        assert_eq!(shown(app), Some(4));
    }
}
