//! The map: what a frame costs with a million points and with pictures, beside egui_plot's own points, and how long the grid index takes.
//!
//! Everything is drawn off screen at 1280×800 by whatever graphics driver there is; Mesa's software Vulkan is one. Set
//! `MORPHOSPACE_BENCH_POINTS` to another number of points.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Color32, Context, Vec2};
use egui_kittest::Harness;
use egui_plot::{Plot, PlotPoint, PlotPoints, Points};
use morphospace::data::{ImageShape, Picture};
use morphospace::render::{Look, MapData, MapLayer, Offscreen, Pictures, View, point_budget};
use morphospace::space::GridIndex;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

const SIZE: [u32; 2] = [1280, 800];
const FRAMES: usize = 15;
const CLUSTERS: usize = 20;

/// Twenty round clusters, wider from left to right.
fn clusters(n: usize) -> Vec<[f32; 2]> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let place = |i: usize, random: &mut rand_chacha::ChaCha8Rng| {
        let cluster = i % CLUSTERS;
        let spread = 0.3 + 0.05 * (cluster % 5) as f32;
        let [x, y]: [f32; 2] = [StandardNormal.sample(random), StandardNormal.sample(random)];
        [
            3.0 * (cluster % 5) as f32 + spread * x,
            2.0 * (cluster / 5) as f32 + spread * y,
        ]
    };
    (0..n).map(|i| place(i, &mut random)).collect()
}

fn map_of(points: &[[f32; 2]]) -> MapData {
    let values = (0..points.len()).map(|i| (i % CLUSTERS) as f32);
    let palette =
        (0..=255_u8).map(|i| Color32::from_rgb(i.wrapping_mul(67), 120, i.wrapping_mul(29)));
    MapData {
        index: Arc::new(GridIndex::new(points)),
        values: Arc::new(values.collect()),
        palette: Arc::new(palette.collect()),
        ..MapData::default()
    }
}

/// A part of the map around its middle, `width` units wide.
fn view(width: f64) -> View {
    let size_px = SIZE.map(|px| px as f32);
    let half = [
        width / 2.0,
        width / 2.0 * f64::from(size_px[1] / size_px[0]),
    ];
    View {
        min: [6.3 - half[0], 2.5 - half[1]],
        max: [6.3 + half[0], 2.5 + half[1]],
        size_px,
        px_per_point: 1.0,
    }
}

/// Median and greatest, in milliseconds.
fn summary(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort();
    let ms = |at: usize| took[at].as_secs_f64() * 1000.0;
    (ms(took.len() / 2), ms(took.len() - 1))
}

fn row(what: &str, ours: Vec<Duration>, whole: Vec<Duration>) {
    let ((ours, ours_most), (whole, whole_most)) = (summary(ours), summary(whole));
    println!("| {what} | {ours:.2} ({ours_most:.2}) | {whole:.1} ({whole_most:.1}) |");
}

fn single(what: &str, times: usize, mut work: impl FnMut(usize)) {
    let took = (0..times).map(|i| {
        let start = Instant::now();
        work(i);
        start.elapsed()
    });
    let (median, most) = summary(took.collect());
    println!("| {what} | {median:.3} ({most:.3}) | |");
}

/// Frames of a camera that moves by a pixel each, once everything is there.
fn frames(what: &str, screen: &mut Offscreen, data: &MapData, width: f64, mut look: Look) {
    let ctx = Context::default();
    let mut layer = MapLayer::new(point_budget(screen.adapter()));
    let mut next = |layer: &mut MapLayer, moved: usize| {
        let mut view = view(width);
        let by = moved as f64 * width / f64::from(SIZE[0]);
        (view.min[0], view.max[0]) = (view.min[0] + by, view.max[0] + by);
        look.now_secs += 0.05;
        let start = Instant::now();
        let frame = layer.frame(data, &view, &look, &ctx);
        let made = start.elapsed();
        let took = screen.draw(&frame);
        (made + took.processor, made + took.whole)
    };
    let mut steps = 0;
    while steps < 80 {
        next(&mut layer, 0);
        steps = if layer.is_settled() { steps + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(2));
    }
    let (ours, whole) = (0..FRAMES).map(|i| next(&mut layer, i)).unzip();
    row(what, ours, whole);
}

/// egui_plot's own points. The time of a whole frame has the picture's way back in it, a few milliseconds.
fn plot_frames(points: &[[f32; 2]]) {
    let points: Vec<PlotPoint> = points.iter().map(|p| PlotPoint::new(p[0], p[1])).collect();
    let builder = Harness::builder()
        .with_size(Vec2::from(SIZE.map(|px| px as f32)))
        .wgpu();
    let mut harness = builder.build_ui(move |ui| {
        Plot::new("peer").show(ui, |plot| {
            plot.points(Points::new("points", PlotPoints::Borrowed(&points)).radius(1.8));
        });
    });
    let frame = |_: usize| {
        let start = Instant::now();
        harness.step();
        let ours = start.elapsed();
        let drawn = harness.render();
        assert!(drawn.is_ok(), "a picture");
        (ours, start.elapsed())
    };
    let (ours, whole) = (0..5).map(frame).skip(1).unzip();
    row("egui_plot's points, as many, whole map", ours, whole);
}

fn main() {
    let n = std::env::var("MORPHOSPACE_BENCH_POINTS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000_000);
    let points = clusters(n);
    let Some(mut screen) = Offscreen::new(SIZE) else {
        println!("no graphics driver: nothing is measured");
        return;
    };
    println!(
        "{n} points, {}×{}, {}\n",
        SIZE[0],
        SIZE[1],
        screen.adapter().name
    );
    println!("| median (greatest), milliseconds | processor | whole frame |\n|---|---|---|");
    let data = map_of(&points);
    for (what, width) in [
        ("whole map", 18.0),
        ("a quarter", 4.5),
        ("a tenth", 1.8),
        ("a fiftieth", 0.36),
    ] {
        frames(
            &format!("points, {what}"),
            &mut screen,
            &data,
            width,
            Look::default(),
        );
    }
    let shape = ImageShape::new(64, 64, 3);
    let pictures: Pictures = Arc::new(move |id| {
        let byte = |i: usize| (i as u32).wrapping_mul(id.wrapping_mul(2) | 1) as u8;
        Some(Picture {
            shape,
            pixels: (0..shape.len()).map(byte).collect(),
        })
    });
    let few = map_of(&points[..n.min(20_000)]);
    for edge in [16.0, 32.0, 96.0] {
        let look = Look {
            thumbnails: Some((edge, pictures.clone())),
            ..Look::default()
        };
        frames(
            &format!("20,000 items with pictures of {edge} pixels"),
            &mut screen,
            &few,
            18.0,
            look.clone(),
        );
        frames(
            &format!("{n} items with pictures of {edge} pixels"),
            &mut screen,
            &data,
            18.0,
            look,
        );
    }
    plot_frames(&points);
    let index = &data.index;
    single("building the index", 5, |_| drop(GridIndex::new(&points)));
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(8);
    let places: Vec<[f32; 2]> = (0..1000)
        .map(|_| {
            [
                random.random_range(-1.0..13.0),
                random.random_range(-1.0..7.0),
            ]
        })
        .collect();
    single("hover pick, 10 pixels", 1000, |i| {
        std::hint::black_box(index.nearest(places[i], 0.14));
    });
    let lasso: Vec<[f32; 2]> = (0..400)
        .map(|i| {
            let turn = i as f32 / 400.0 * std::f32::consts::TAU;
            let reach = 1.65 + 0.15 * (17.0 * turn).sin();
            [6.0 + reach * turn.cos(), 3.0 + reach * turn.sin()]
        })
        .collect();
    single(
        &format!("lasso of {}", index.lasso(&lasso).len()),
        15,
        |_| {
            std::hint::black_box(index.lasso(&lasso));
        },
    );
}
