//! Projections: how long principal components and a t-SNE layout take.
//!
//! `cargo bench --bench projection -- ROWS.npy …` lays out the rows of each file, `[n, d]` of 32-bit floats. Principal components are of
//! MNIST's 60,000 training pictures where `MORPHOSPACE_TEST_DATA` names a folder that holds `mnist`, and of as many drawn here otherwise.
//! `peers/projection.py` does the same work with the tools people use today.

use std::hint::black_box;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use morphospace::progress::Progress;
use morphospace::space::tsne::{self, TsneConfig};
use morphospace::space::{NeighbourGraph, Projection};

const COMPONENTS: usize = 50;
const PIXELS: usize = 784;

/// The pixels of MNIST's training pictures.
fn mnist() -> Option<Vec<f32>> {
    let folder = PathBuf::from(std::env::var_os("MORPHOSPACE_TEST_DATA")?).join("mnist");
    let file = std::fs::File::open(folder.join("train-images-idx3-ubyte.gz")).ok()?;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes.get(16..)?.iter().copied().map(f32::from).collect())
}

/// `n` rows with a few strong directions and noise.
fn drawn(n: usize, d: usize) -> Vec<f32> {
    let unit = |i: usize| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 16_777_216.0;
    (0..n * d)
        .map(|at| {
            let (i, column) = (at / d, at % d);
            let shared = (1..9).map(|k| unit(i * 8 + k) * (k * column) as f32 / d as f32);
            shared.sum::<f32>().sin() + 0.2 * unit(at)
        })
        .collect()
}

fn seconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let answer = black_box(work());
    (answer, start.elapsed().as_secs_f64())
}

fn principal_components() {
    let rows = mnist().unwrap_or_else(|| drawn(60_000, PIXELS));
    let mut found: Vec<f64> = (0..5)
        .map(|_| {
            let work = || {
                let projection = Projection::pca(&rows, PIXELS, COMPONENTS).expect("components");
                projection.coordinates_of_rows(&rows)
            };
            seconds(work).1
        })
        .collect();
    found.sort_by(f64::total_cmp);
    println!("{{\"pca_60000x784_to_50_secs\": {:.3}}}", found[2]);
}

fn tsne_of(path: &str) {
    let file = std::fs::File::open(path).expect("a file of rows");
    let file = npyz::NpyFile::new(std::io::BufReader::new(file)).expect("an .npy file");
    let d = file.shape()[1] as usize;
    let rows: Vec<f32> = file.into_vec().expect("32-bit floats");
    let n = rows.len() / d;
    let (config, silent) = (TsneConfig::default(), Progress::silent());
    let k = (3.0 * config.perplexity) as usize;
    let graph = || NeighbourGraph::new(&rows, d, k, config.seed, &silent).expect("a graph");
    let (graph, neighbours) = seconds(graph);
    let start = || Projection::pca(&rows, d, 2).expect("components");
    let (start, components) = seconds(start);
    let layout = || tsne::layout(&graph, start.positions(), &config, &silent, &mut |_| {});
    let (layout, optimisation) = seconds(layout);
    layout.expect("a layout");
    println!(
        "{{\"rows\": \"{n}x{d}\", \"neighbours_secs\": {neighbours:.2}, \"start_secs\": {components:.2}, \"tsne_secs\": {optimisation:.2}, \
         \"total_secs\": {:.2}}}",
        neighbours + components + optimisation
    );
}

fn main() {
    principal_components();
    // Cargo adds options of its own.
    for path in std::env::args().skip(1).filter(|a| !a.starts_with("--")) {
        tsne_of(&path);
    }
}
