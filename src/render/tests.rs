//! The shaders parse, and draw the pixels they should. Without a graphics driver the latter is skipped, and says so.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Color32, Context};

use super::{Layers, Look, MapData, MapLayer, Mark, Offscreen, Pictures, View};
use crate::data::{ImageShape, Picture};
use crate::space::GridIndex;

const WIDTH: usize = 320;
const HEIGHT: usize = 200;

struct Stage {
    screen: Offscreen,
    layer: MapLayer,
    ctx: Context,
    look: Look,
    pixels: Vec<[u8; 4]>,
}

impl Stage {
    fn new() -> Option<Self> {
        let Some(screen) = Offscreen::new([WIDTH as u32, HEIGHT as u32]) else {
            eprintln!("skipped: no graphics driver can draw the map");
            return None;
        };
        let look = Look {
            rim: 0.0,
            now_secs: 100.0,
            ..Look::default()
        };
        Some(Self {
            screen,
            layer: MapLayer::default(),
            ctx: Context::default(),
            look,
            pixels: Vec::new(),
        })
    }

    /// Draws until nothing more comes.
    fn draw(&mut self, data: &MapData, view: &View) {
        let mut steps = 0;
        loop {
            let frame = self.layer.frame(data, view, &self.look, &self.ctx);
            self.screen.draw(&frame);
            self.pixels = self.screen.pixels();
            // A settled layer's last field, and pictures with their fade, are on the screen a few frames later.
            steps = if self.layer.is_settled() {
                steps + 1
            } else {
                0
            };
            if steps > 20 {
                return;
            }
            self.look.now_secs += 0.05;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Red, green and blue of the pixel that shows a place of `view`.
    fn at(&self, view: &View, at: [f64; 2]) -> [u8; 3] {
        let share =
            [0, 1].map(|axis| (at[axis] - view.min[axis]) / (view.max[axis] - view.min[axis]));
        let (x, y) = (
            (share[0] * WIDTH as f64) as usize,
            ((1.0 - share[1]) * HEIGHT as f64) as usize,
        );
        let [r, g, b, _] = self.pixels[y.min(HEIGHT - 1) * WIDTH + x.min(WIDTH - 1)];
        [r, g, b]
    }
}

fn view(centre: [f64; 2], width: f64) -> View {
    let half = [width / 2.0, width / 2.0 * HEIGHT as f64 / WIDTH as f64];
    View {
        min: [0, 1].map(|axis| centre[axis] - half[axis]),
        max: [0, 1].map(|axis| centre[axis] + half[axis]),
        size_px: [WIDTH as f32, HEIGHT as f32],
        px_per_point: 1.0,
    }
}

fn map(points: &[[f32; 2]], values: &[f32]) -> MapData {
    MapData {
        index: Arc::new(GridIndex::new(points)),
        values: Arc::new(values.to_vec()),
        palette: Arc::new(
            (0..=255)
                .map(|i| Color32::from_rgb(i, 40, 255 - i))
                .collect(),
        ),
        ..MapData::default()
    }
}

/// Whether two colours are the same but for rounding and what shines through.
fn is_near(a: [u8; 3], b: [u8; 3], by: u8) -> bool {
    a.iter().zip(b).all(|(&a, b)| a.abs_diff(b) <= by)
}

/// `colour` at the opacity that few points have.
fn shown(colour: Color32) -> [u8; 3] {
    [colour.r(), colour.g(), colour.b()].map(|c| (f32::from(c) * 0.92).round() as u8)
}

#[test]
fn every_shader_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("a shader");
    let shared = read(&folder.join("map.wgsl"));
    let mut parsed = 0;
    for entry in std::fs::read_dir(&folder).expect("the shaders") {
        let path = entry.expect("a file").path();
        let source = if path.ends_with("map.wgsl") {
            shared.clone()
        } else {
            shared.clone() + &read(&path)
        };
        let module = naga::front::wgsl::parse_str(&source);
        assert!(
            module.is_ok(),
            "{}: {:?}",
            path.display(),
            module.err().map(|e| e.emit_to_string(&source))
        );
        parsed += 1;
    }
    assert_eq!(parsed, 4);
}

#[test]
fn points_have_their_colour_and_hidden_ones_none() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let points = [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]];
    let mut data = map(&points, &[200.0, 0.0, 100.0, f32::NAN, 50.0]);
    let all = view([0.0, 0.0], 3.2);
    stage.look.missing = Color32::from_rgb(9, 200, 9);
    stage.look.greyed = Color32::from_gray(70);
    stage.draw(&data, &all);
    let place = |id: usize| points[id].map(f64::from);
    let palette = data.palette.clone();
    for (id, colour) in [
        (0, palette[200]),
        (1, palette[0]),
        (2, palette[100]),
        (3, stage.look.missing),
        (4, palette[50]),
    ] {
        let found = stage.at(&all, place(id));
        assert!(
            is_near(found, shown(colour), 2),
            "{id}: {found:?}, not {colour:?}"
        );
    }
    assert_eq!(stage.at(&all, [0.5, 0.25]), [0; 3]);

    data.marks = Arc::new(vec![Mark::Selected, Mark::Greyed, Mark::Hidden]);
    stage.draw(&data, &all);
    assert!(is_near(
        stage.at(&all, place(1)),
        shown(stage.look.greyed),
        2
    ));
    assert_eq!(stage.at(&all, place(2)), [0; 3]);

    // Other ends of the scale colour the same values anew.
    stage.look.scale = [0.0, 510.0];
    stage.draw(&data, &all);
    assert!(is_near(
        stage.at(&all, place(0)),
        [palette[100].r(), 40, palette[100].b()],
        22
    ));
    assert!(is_near(stage.at(&all, place(4)), shown(palette[25]), 2));
}

#[test]
fn a_selected_point_is_drawn_over_those_that_hide_it() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let mut points = vec![[0.0, 0.0]; 40];
    points.push([2.0, 2.0]);
    let mut data = map(&points, &[0.0; 41]);
    let mut values = vec![0.0; 41];
    values[7] = 255.0;
    data.values = Arc::new(values);
    let mut marks = vec![Mark::Greyed; 41];
    marks[7] = Mark::Selected;
    data.marks = Arc::new(marks);
    stage.draw(&data, &view([0.0, 0.0], 3.2));
    let found = stage.at(&view([0.0, 0.0], 3.2), [0.0, 0.0]);
    assert!(found[0] > 220 && found[2] < 30, "{found:?}");
}

#[test]
fn neighbours_in_single_precision_are_told_apart() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let next = f32::from_bits(1.0_f32.to_bits() + 1);
    let data = map(&[[1.0, 1.0], [next, 1.0], [-5.0, 3.0]], &[0.0, 255.0, 0.0]);
    let near = view([1.0, 1.0], 4.0 * f64::from(next - 1.0));
    stage.draw(&data, &near);
    assert!(is_near(
        stage.at(&near, [1.0, 1.0]),
        shown(data.palette[0]),
        2
    ));
    assert!(is_near(
        stage.at(&near, [f64::from(next), 1.0]),
        shown(data.palette[255]),
        2
    ));
}

#[test]
fn the_density_of_mirrored_clusters_is_symmetric() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let unit = |i: u32, k: u32| f64::from(i.wrapping_mul(k) >> 8) / f64::from(1 << 24) - 0.5;
    let right = (0..3000)
        .map(|i| [0.8 + unit(i, 0x9E37_79B9) * 0.5, unit(i, 0x85EB_CA6B) * 0.5].map(|x| x as f32));
    let right: Vec<[f32; 2]> = right.collect();
    let points: Vec<[f32; 2]> = right.iter().flat_map(|&[x, y]| [[x, y], [-x, y]]).collect();
    let data = map(&points, &vec![255.0; 6000]);
    let all = view([0.0, 0.0], 3.2);
    stage.look.layers = Layers::Density;
    stage.look.contour = Color32::TRANSPARENT;
    stage.draw(&data, &all);
    let (mut brightest, mut pairs) = (0, 0);
    for row in stage.pixels.chunks_exact(WIDTH) {
        for x in 0..WIDTH / 2 {
            let (a, b) = (row[x], row[WIDTH - 1 - x]);
            // The texture's cells need not lie as mirrored.
            assert!(a[0].abs_diff(b[0]) <= 24, "{x}: {a:?} and {b:?}");
            brightest = brightest.max(a[0]);
            pairs += usize::from(a[0] > 100);
        }
    }
    assert!(brightest > 180 && pairs > 500, "{brightest}, {pairs}");
    assert_eq!(stage.at(&all, [0.0, 0.9]), [0; 3]);
    let centre = stage.at(&all, [0.8, 0.0]);
    assert!(
        centre[0] > 5 * centre[2].max(1),
        "the colour of its points: {centre:?}"
    );

    // Hidden points count for nothing.
    let half_hidden = (0..6000).map(|i| {
        if i % 2 == 0 {
            Mark::Plain
        } else {
            Mark::Hidden
        }
    });
    let data = MapData {
        marks: Arc::new(half_hidden.collect()),
        ..data
    };
    stage.draw(&data, &all);
    assert_eq!(stage.at(&all, [-0.8, 0.0]), [0; 3]);
    assert!(stage.at(&all, [0.8, 0.0])[0] > 150);
}

#[test]
fn many_points_are_a_density_and_a_few_of_them_points() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let points: Vec<[f32; 2]> = (0..40_000)
        .map(|i| [(i % 200) as f32, (i / 200) as f32])
        .collect();
    let data = map(&points, &[]);
    stage.layer = MapLayer::new(1000);
    let (all, near) = (view([100.0, 100.0], 330.0), view([100.0, 100.0], 16.0));
    stage.draw(&data, &all);
    // Between two points is colour as well.
    assert!(stage.at(&all, [100.5, 100.5]).iter().all(|&c| c > 40));
    stage.draw(&data, &near);
    assert_eq!(stage.at(&near, [100.5, 100.5]), [0; 3]);
    assert!(is_near(
        stage.at(&near, [100.0, 100.0]),
        shown(stage.look.missing),
        2
    ));
}

#[test]
fn a_picture_on_the_map_has_its_colours_and_shape() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let mut data = map(&[[0.0, 0.0], [1.2, 0.0], [-1.2, 0.0]], &[0.0; 3]);
    let all = view([0.0, 0.0], 3.2);
    // Twice as wide as high: red above, blue below; the second is grey.
    let pictures: Pictures = Arc::new(|id| match id {
        0 => {
            let rows = [[[250, 10, 10]; 16]; 4]
                .into_iter()
                .chain([[[10, 10, 250]; 16]; 4]);
            Some(Picture {
                shape: ImageShape::new(8, 16, 3),
                pixels: rows.flatten().flatten().collect(),
            })
        }
        1 => Some(Picture {
            shape: ImageShape::new(8, 8, 1),
            pixels: vec![120; 64],
        }),
        _ => None,
    });
    stage.look.thumbnails = Some((48.0, pictures));
    stage.draw(&data, &all);
    assert!(
        is_near(stage.at(&all, [0.0, 0.05]), [250, 10, 10], 4),
        "{:?}",
        stage.at(&all, [0.0, 0.05])
    );
    assert!(is_near(stage.at(&all, [0.0, -0.06]), [10, 10, 250], 4));
    assert!(is_near(stage.at(&all, [0.15, 0.08]), [250, 10, 10], 4));
    assert_eq!(stage.at(&all, [0.0, 0.18]), [0; 3]);
    assert!(is_near(stage.at(&all, [1.2, 0.1]), [120; 3], 2));
    // An item without a picture stays a point.
    assert!(is_near(
        stage.at(&all, [-1.2, 0.0]),
        shown(data.palette[0]),
        2
    ));
    assert_eq!(stage.layer.thumbnail_at(&data, &all, [0.15, 0.08]), Some(0));

    data.marks = Arc::new(vec![Mark::Greyed, Mark::Selected, Mark::Hidden]);
    stage.draw(&data, &all);
    assert!(stage.at(&all, [0.0, 0.05])[0] < 130);
    assert!(is_near(stage.at(&all, [1.2, 0.1]), [120; 3], 2));
    assert_eq!(stage.at(&all, [-1.2, 0.0]), [0; 3]);

    // None of them once they are off.
    stage.look.thumbnails = None;
    stage.draw(&data, &all);
    assert_eq!(stage.at(&all, [1.2, 0.1]), [0; 3]);
}
