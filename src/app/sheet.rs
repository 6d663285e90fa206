//! The sheet: two coordinates swept on a grid, the rest held. Beside it, the pictures of key-frames, which come the same way.
//!
//! Invariant: pictures on the sheet answer the codes asked for last; while new ones come, old ones stay in their places.

use std::path::Path;
use std::time::{Duration, Instant};

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
/// How long pictures that are on their way are waited for before others are asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pictures of a sheet.
#[derive(Default)]
pub(crate) struct Sheet {
    /// The codes they are pictures of, `[side², code]` row by row from the top.
    pub codes: Vec<f32>,
    pub side: usize,
    pub pictures: Vec<Option<Picture>>,
    /// Pictures that answer `codes`, from the first on.
    pub done: usize,
    /// When they were asked for, or the last of them came.
    heard: Option<Instant>,
}

impl Sheet {
    /// Whether its pictures are still coming: during a drag the whole sheet follows in steps, rather than its first row alone.
    fn is_coming(&self) -> bool {
        let is_recent = |at: Instant| at.elapsed() < PATIENCE;
        self.done < self.pictures.len() && self.heard.is_some_and(is_recent)
    }
}

/// The pictures of key-frames that were asked for last.
#[derive(Default)]
pub(crate) struct KeyPictures {
    asked: Vec<Vec<f32>>,
}

/// What a sheet of `spec` shows.
pub(crate) struct Sweep {
    /// `[side², code]`, row by row from the top, where what grows upwards is highest.
    pub codes: Vec<f32>,
    /// Names of what grows to the right, and upwards.
    pub names: [String; 2],
    /// The coordinates' ends, each low and high.
    pub ranges: [(f32, f32); 2],
    /// The basis's numbers of the two coordinates.
    pub plane: Plane,
    /// What the rest is held at: the code with both coordinates at their means.
    pub held: Vec<f32>,
}

/// Two coordinates of a basis that are changed together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Plane {
    pub indices: [usize; 2],
    /// How far the second moves while the first moves by one: not zero where the two directions are not at a right angle.
    lean: f32,
}

impl Plane {
    /// About directions this near to parallel nothing can be said.
    const NEARLY_PARALLEL: f32 = 0.999;

    fn new(basis: &Basis, indices: [usize; 2], code: &[f32]) -> Self {
        let [first, second] = indices;
        let step = basis.coordinate(first, code) + 1.0;
        let moved = basis.set_coordinate(first, code, step);
        let lean = basis.coordinate(second, &moved) - basis.coordinate(second, code);
        let lean = if lean.abs() < Self::NEARLY_PARALLEL {
            lean
        } else {
            0.0
        };
        Self { indices, lean }
    }

    /// The two coordinates of `code`.
    pub(crate) fn coordinates(&self, basis: &Basis, code: &[f32]) -> [f32; 2] {
        self.indices.map(|index| basis.coordinate(index, code))
    }

    /// `code` moved within the plane until its coordinates are `targets`.
    pub(crate) fn set(&self, basis: &Basis, code: &[f32], targets: [f32; 2]) -> Vec<f32> {
        let now = self.coordinates(basis, code);
        // What the second step adds to the first coordinate is left out of the first step.
        let [right, up] = [targets[0] - now[0], targets[1] - now[1]];
        let later = self.lean * (up - self.lean * right) / (1.0 - self.lean * self.lean);
        let first = basis.set_coordinate(self.indices[0], code, targets[0] - later);
        basis.set_coordinate(self.indices[1], &first, targets[1])
    }
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
    let plane = Plane::new(basis, [across.index, upwards.index], code);
    let held = plane.set(basis, code, plane.coordinates(basis, table.mean()));
    let side = spec.side.max(2);
    let at = |(low, high): (f32, f32), i: usize| low + (high - low) * i as f32 / (side - 1) as f32;
    let mut codes = Vec::with_capacity(side * side * code.len());
    for row in 0..side {
        for column in 0..side {
            let targets = [at(ranges[0], column), at(ranges[1], side - 1 - row)];
            codes.extend(plane.set(basis, &held, targets));
        }
    }
    Some(Sweep {
        codes,
        names: [across.name.clone(), upwards.name.clone()],
        ranges,
        plane,
        held,
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
        let sheet = &self.state.sheet;
        if sheet.codes == codes || (sheet.side == side && sheet.is_coming()) {
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
        sheet.heard = Some(Instant::now());
    }

    pub(super) fn apply_sheet(&mut self, ctx: &Context, first: usize, pictures: Vec<Picture>) {
        let sheet = &mut self.state.sheet;
        sheet.done = first + pictures.len();
        sheet.heard = Some(Instant::now());
        for (place, picture) in sheet.pictures.iter_mut().skip(first).zip(pictures) {
            *place = Some(picture);
        }
        self.textures.show_sheet(ctx, sheet.side, &sheet.pictures);
    }

    /// Asks for pictures of key-frames, unless they are on their way.
    pub(super) fn request_key_pictures(&mut self, codes: &[Vec<f32>]) {
        let asked = &self.state.keys.asked;
        if codes.is_empty() || codes.iter().all(|code| asked.contains(code)) {
            return;
        }
        self.generations.keys += 1;
        self.engine
            .decode_keys(self.generations.keys, codes.concat());
        self.state.keys.asked = codes.to_vec();
    }

    pub(super) fn apply_key_pictures(&mut self, ctx: &Context, first: usize, made: &[Picture]) {
        let asked = self.state.keys.asked.iter().skip(first);
        for (code, picture) in asked.zip(made) {
            self.textures.keep_key(ctx, code, picture);
        }
        if first + made.len() >= self.state.keys.asked.len() {
            // What is missing again later has to be made anew.
            self.state.keys.asked.clear();
        }
    }

    /// Lets sheet and key-frames be drawn anew: the model is another.
    pub(super) fn forget_sheets(&mut self) {
        self.state.sheet.codes.clear();
        self.state.sheet.done = 0;
        self.state.sheet.heard = None;
        self.state.keys.asked.clear();
        self.textures.forget_keys();
        self.generations.sheet += 1;
        self.generations.keys += 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;
    use crate::space::{Direction, DirectionKind};

    #[test]
    fn every_cell_lies_where_the_edges_say_even_along_slanted_directions()
    -> crate::error::Result<()> {
        // Twenty points in the plane with a number that follows x, and one that follows x + y.
        let codes: Vec<f32> = (0..20_u8)
            .flat_map(|i| [f32::from(i % 5), f32::from(i / 5) * 1.5, 0.25])
            .collect();
        let table = CodeTable::new(codes, 3, vec![1.0, 1.0, 0.0])?;
        let along = |name: &str, value: &dyn Fn(&[f32]) -> f32| {
            let values: Vec<f32> = (0..table.len()).map(|i| value(table.code(i))).collect();
            let kind = DirectionKind::MeanDifference;
            Direction::along_factor(
                name.to_owned(),
                kind,
                &table,
                &values,
                1,
                &Progress::silent(),
            )
        };
        let basis = Basis::Directions(vec![
            along("right", &|code| code[0])?,
            along("slanted", &|code| code[0] + code[1])?,
        ]);
        let spec = SheetSpec {
            side: 5,
            ..SheetSpec::default()
        };
        let code = [1.0, 2.0, 0.75];
        let sweep = sweep(&spec, &basis, &code, &table).expect("a basis of two");
        assert!(
            sweep.plane.lean.abs() > 0.2,
            "the directions are not at a right angle: {}",
            sweep.plane.lean
        );
        let at = |(low, high): (f32, f32), i: usize| low + (high - low) * i as f32 / 4.0;
        for (i, cell) in sweep.codes.chunks_exact(3).enumerate() {
            let found = sweep.plane.coordinates(&basis, cell);
            let wanted = [at(sweep.ranges[0], i % 5), at(sweep.ranges[1], 4 - i / 5)];
            for axis in 0..2 {
                assert!(
                    (found[axis] - wanted[axis]).abs() < 1e-3,
                    "cell {i}: {found:?}, {wanted:?}"
                );
            }
            let again = super::sweep(&spec, &basis, cell, &table).expect("a basis of two");
            let far = again.codes.iter().zip(&sweep.codes);
            let far = far.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(
                far < 1e-3,
                "the sheet about a cell is the same sheet: {far}"
            );
        }
        Ok(())
    }
}
