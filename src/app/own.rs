//! The person's own picture: taken in, drawn on, passed through the model, refined.
//!
//! Invariant: the own picture always has the model's shape; what the model makes of it follows from the newest stroke.

use std::path::Path;

use eframe::egui::{ColorImage, Context};

use super::application::App;
use super::state::{Level, Own, Refined};
use super::view::{Change, Focus};
use crate::data::formats::{fit_picture, read_picture};
use crate::data::{ImageShape, Picture};
use crate::engine::Request;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::nearest_codes;
use crate::space::CodeMap;

/// Steps of gradient descent on a code.
const REFINE_STEPS: usize = 300;

impl App {
    /// Whether pictures of this shape go into the model.
    pub(super) fn fits_model(&self, shape: ImageShape) -> bool {
        self.state.model().is_some_and(|m| m.spec.shape == shape)
    }

    pub(super) fn set_own(&mut self, ctx: &Context, picture: Picture, stroke: Option<u64>) {
        if !self.fits_model(picture.shape) || !picture.is_whole() {
            return;
        }
        self.record(ctx, stroke.map_or(Change::Focus, Change::Stroke));
        self.view.own = Some(picture);
        self.view.focus = Focus::Own;
        self.layout.bring_forward(super::panels::PanelKind::Own);
        self.view.follows_own = true;
        self.request_own();
        self.seek_neighbours();
    }

    pub(super) fn forget_own(&mut self, ctx: &Context) {
        if self.view.own.is_some() {
            self.record(ctx, Change::Focus);
            self.drop_own();
        }
    }

    /// Lets go of the own picture, because it does not fit what is loaded or is no longer wanted.
    pub(super) fn drop_own(&mut self) {
        self.view.own = None;
        self.state.own = None;
        self.state.refined = None;
        self.generations.encode += 1;
        self.generations.refine += 1;
        if self.view.focus == Focus::Own {
            self.view.focus = Focus::Nothing;
            self.request_neighbours();
        }
    }

    /// An empty picture to draw on, black as most data's ground is; the decoded one for colour, which is easier to change
    /// than to begin.
    pub(super) fn draw_own(&mut self, ctx: &Context) {
        let Some(model) = self.state.model() else {
            let text = "Open or train a model first: it says how large the picture is";
            return self.tell(ctx, Level::Info, text.to_owned());
        };
        let shape = model.spec.shape;
        let decoded = self.state.decoded.as_ref().map(|d| d.picture.clone());
        let picture = decoded
            .filter(|d| shape.channels == 3 && d.shape == shape)
            .unwrap_or_else(|| Picture {
                shape,
                pixels: vec![0; shape.len()],
            });
        self.set_own(ctx, picture, None);
    }

    /// Takes a picture file as the own picture.
    pub(super) fn open_own(&mut self, ctx: &Context, path: &Path) {
        match self.state.model().map(|m| m.spec.shape) {
            Some(shape) => match read_picture(path, shape) {
                Ok(picture) => self.set_own(ctx, picture, None),
                Err(error) => self.fail(ctx, &error),
            },
            None => self.fail(
                ctx,
                &Error::usage("there is no model to show this picture to")
                    .hint("open or train one first"),
            ),
        }
    }

    /// Takes a picture from the clipboard as the own picture.
    pub(super) fn paste_own(&mut self, ctx: &Context, image: &ColorImage) {
        let pasted = || -> Result<Picture> {
            let shape = self
                .state
                .model()
                .map(|m| m.spec.shape)
                .ok_or_else(|| Error::usage("there is no model to show this picture to"))?;
            let pixels = image
                .pixels
                .iter()
                .flat_map(|p| {
                    // What is transparent shows black.
                    let [r, g, b, _] = p.to_array();
                    [r, g, b]
                })
                .collect();
            let whole = Picture {
                shape: ImageShape::new(image.height(), image.width(), 3),
                pixels,
            };
            fit_picture(whole, shape)
        };
        match pasted() {
            Ok(picture) => self.set_own(ctx, picture, None),
            Err(error) => self.fail(ctx, &error),
        }
    }

    /// Asks for the own picture's way through the model.
    pub(super) fn request_own(&mut self) {
        self.generations.encode += 1;
        self.generations.refine += 1;
        self.state.refined = None;
        match &self.view.own {
            Some(own) => self.engine.encode(self.generations.encode, own.clone()),
            None => self.state.own = None,
        }
    }

    /// Asks for a better code than the encoder's.
    pub(super) fn refine_own(&mut self, ctx: &Context) {
        let (Some(own), Some(encoded)) = (&self.view.own, &self.state.own) else {
            let text = "Draw, drop or paste a picture first";
            return self.tell(ctx, Level::Info, text.to_owned());
        };
        let start = match &self.state.refined {
            Some(refined) => refined.code.clone(),
            None => encoded.code.clone(),
        };
        self.generations.refine += 1;
        self.engine.request(Request::Refine {
            generation: self.generations.refine,
            picture: own.clone(),
            code: start,
            steps: REFINE_STEPS,
        });
    }

    pub(super) fn apply_own(
        &mut self,
        ctx: &Context,
        code: Vec<f32>,
        reconstruction: &Picture,
        loss: (f32, f32),
    ) {
        let filter = self.filter();
        self.textures
            .own_reconstruction
            .show(ctx, "own reconstruction", reconstruction, filter);
        if self.view.follows_own && self.view.focus == Focus::Own {
            self.view.code.clone_from(&code);
            self.request_picture();
        }
        self.state.own = Some(Own {
            code,
            loss,
            place: None,
        });
        self.place_own();
    }

    /// Finds out where the own picture lies on the present map.
    pub(super) fn place_own(&mut self) {
        let session = &self.state.session;
        let (Some(own), Some(map), Some(codes)) =
            (&mut self.state.own, &session.projection, &session.codes)
        else {
            return;
        };
        if codes.dims() != own.code.len() {
            own.place = None;
            return;
        }
        own.place = map.place(&own.code).or_else(|| {
            let progress = Progress::silent();
            let found =
                nearest_codes(codes, &own.code, CodeMap::PLACED_AMONG, None, &progress).ok()?;
            let nearest: Vec<(u32, f32)> = found.ids.into_iter().zip(found.distances).collect();
            map.place_among(&nearest).ok()
        });
    }

    pub(super) fn apply_refined(
        &mut self,
        ctx: &Context,
        is_over: bool,
        code: Vec<f32>,
        losses: (f32, f32),
    ) {
        if self.view.focus == Focus::Own && self.view.code.len() == code.len() {
            if self.state.refined.is_none() {
                // The whole descent is one step back.
                self.record(ctx, Change::Code);
            }
            self.view.move_to(code.clone());
            self.request_picture();
        }
        self.state.refined = Some(Refined {
            is_over,
            code,
            losses,
        });
    }
}
