//! The sheet: two coordinates swept on a grid, the rest held.
//!
//! Invariant: pictures on the sheet answer the codes asked for last; while new ones come, old ones stay in their places.

use std::path::Path;

use eframe::egui::Context;
use image::{Rgb, RgbImage};

use super::application::App;
use super::state::Level;
use super::view::{BasisKind, SheetSpec, View};
use crate::data::Picture;
use crate::error::Error;
use crate::files::write_atomically;
use crate::space::{Basis, CodeTable};

/// Longer side of a written sheet, in pixels, that pictures are enlarged to by a whole factor at most.
const LARGE: usize = 2048;

/// The pictures of a sheet.
#[derive(Default)]
pub(crate) struct Sheet {
    /// The codes they are pictures of, `[side², code]` row by row from the top.
    pub codes: Vec<f32>,
    pub side: usize,
    pub pictures: Vec<Option<Picture>>,
    /// Pictures that answer `codes`, from the first on.
    pub done: usize,
}

/// What a sheet of `spec` shows.
pub(crate) struct Sweep {
    /// `[side², code]`, row by row from the top, where what grows upwards is highest.
    pub codes: Vec<f32>,
    /// Names of what grows to the right, and upwards.
    pub names: [String; 2],
    /// The coordinates' ends, each low and high.
    pub ranges: [(f32, f32); 2],
}

/// The codes of a sheet about `code`; none where the basis has not two coordinates.
pub(crate) fn sweep(
    spec: &SheetSpec,
    basis: &Basis,
    code: &[f32],
    table: &CodeTable,
) -> Option<Sweep> {
    let sliders = basis.sliders(table);
    let find = |index: usize| sliders.iter().find(|s| s.index == index);
    let (across, upwards) = match (find(spec.across), find(spec.upwards)) {
        (Some(a), Some(u)) if spec.across != spec.upwards => (a, u),
        _ => (sliders.first()?, sliders.get(1)?),
    };
    let ends = |index: usize, range: (f32, f32)| {
        let mean = basis.coordinate(index, table.mean());
        let std = match basis {
            Basis::Dimensions(_) => table.std()[index],
            Basis::Components(_) | Basis::Directions(_) => (range.1 - range.0) / 6.0,
        };
        let reach = (spec.reach * std).max(1e-3);
        (mean - reach, mean + reach)
    };
    let ranges = [
        ends(across.index, across.range),
        ends(upwards.index, upwards.range),
    ];
    let side = spec.side.max(2);
    let at = |(low, high): (f32, f32), i: usize| low + (high - low) * i as f32 / (side - 1) as f32;
    let mut codes = Vec::with_capacity(side * side * code.len());
    for row in 0..side {
        let held = basis.set_coordinate(upwards.index, code, at(ranges[1], side - 1 - row));
        for column in 0..side {
            codes.extend(basis.set_coordinate(across.index, &held, at(ranges[0], column)));
        }
    }
    Some(Sweep {
        codes,
        names: [across.name.clone(), upwards.name.clone()],
        ranges,
    })
}

/// The basis of a kind as the view and the session have it.
pub(crate) fn basis_of(kind: BasisKind, view: &View, session: &crate::engine::Session) -> Basis {
    let dims = view.code.len();
    match kind {
        BasisKind::Dimensions => Basis::Dimensions(dims),
        BasisKind::Components => match &session.components {
            Some(components) if components.dims() == dims => Basis::Components(components.clone()),
            _ => Basis::Components(std::sync::Arc::default()),
        },
        BasisKind::Directions => {
            let fits = view.directions.iter().filter(|d| d.axis.len() == dims);
            Basis::Directions(fits.cloned().collect())
        }
    }
}

impl App {
    /// Asks for the pictures of a sheet, unless they are there or on their way.
    pub(super) fn request_sheet(&mut self, codes: Vec<f32>, side: usize) {
        if self.state.sheet.codes == codes {
            return;
        }
        self.generations.sheet += 1;
        self.engine
            .decode_sheet(self.generations.sheet, codes.clone());
        let sheet = &mut self.state.sheet;
        if sheet.side != side {
            sheet.pictures = vec![None; side * side];
        }
        (sheet.codes, sheet.side, sheet.done) = (codes, side, 0);
    }

    pub(super) fn apply_sheet(&mut self, ctx: &Context, first: usize, pictures: Vec<Picture>) {
        let sheet = &mut self.state.sheet;
        sheet.done = first + pictures.len();
        for (place, picture) in sheet.pictures.iter_mut().skip(first).zip(pictures) {
            *place = Some(picture);
        }
        self.textures.show_sheet(ctx, sheet.side, &sheet.pictures);
    }

    /// Writes the sheet as one picture.
    pub(super) fn export_sheet(&mut self, ctx: &Context, path: &Path) {
        let sheet = &self.state.sheet;
        let pictures: Option<Vec<&Picture>> = sheet.pictures.iter().map(Option::as_ref).collect();
        let written = match pictures {
            Some(pictures) if !pictures.is_empty() && sheet.done == pictures.len() => {
                let page = page(&pictures, sheet.side);
                let mut bytes = std::io::Cursor::new(Vec::new());
                page.write_to(&mut bytes, image::ImageFormat::Png)
                    .map_err(|e| Error::file(path, e.to_string()))
                    .and_then(|()| write_atomically(path, bytes.get_ref()))
            }
            _ => Err(Error::usage("the sheet is not drawn yet").hint("open its panel and wait")),
        };
        match written {
            Ok(()) => {
                let text = format!("Wrote {}", path.display());
                self.tell(ctx, Level::Success, text);
            }
            Err(error) => self.fail(ctx, &error),
        }
    }
}

/// The pictures side by side without gaps, enlarged by a whole factor.
fn page(pictures: &[&Picture], side: usize) -> RgbImage {
    let shape = pictures[0].shape;
    let scale = (LARGE / (side * shape.height.max(shape.width))).clamp(1, 8);
    let (w, h) = (shape.width * scale, shape.height * scale);
    RgbImage::from_fn((side * w) as u32, (side * h) as u32, |x, y| {
        let (x, y) = (x as usize, y as usize);
        let picture = pictures[y / h * side + x / w];
        let at = (y % h / scale * shape.width + x % w / scale) * shape.channels;
        match picture.pixels[at..at + shape.channels] {
            [r, g, b] => Rgb([r, g, b]),
            _ => Rgb([picture.pixels[at]; 3]),
        }
    })
}
