//! Projections: how long principal components, UMAP and t-SNE take, and what the maps are worth.
//!
//! `cargo bench --bench projection -- ROWS.npy,LABELS.npy …` lays out the rows of each file, `[n, d]` of 32-bit floats, whose classes are
//! whole numbers `[n]` of 32 bits, by UMAP with five seeds and by t-SNE. Principal components are of MNIST's 60,000 training pictures
//! where `MORPHOSPACE_TEST_DATA` names a folder that holds `mnist`, and of as many drawn here otherwise. `peers/projection.py` does the
//! same work with the tools people use today and measures the maps in the same way.

use std::hint::black_box;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use morphospace::error::Result;
use morphospace::progress::Progress;
use morphospace::space::quality::{Sample, plane_accuracy, trustworthiness};
use morphospace::space::tsne::{self, TsneConfig};
use morphospace::space::umap::{self, UmapConfig};
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

fn read<T: npyz::Deserialize>(path: &str) -> (Vec<T>, usize) {
    let file = std::fs::File::open(path).expect("a file");
    let file = npyz::NpyFile::new(std::io::BufReader::new(file)).expect("an .npy file");
    let columns = file.shape().get(1).map_or(1, |&d| d as usize);
    (file.into_vec().expect("numbers of that type"), columns)
}

/// Rows and their classes.
struct Items {
    rows: Vec<f32>,
    d: usize,
    labels: Vec<u16>,
}

impl Items {
    fn read(paths: &str) -> Self {
        let (rows, labels) = paths.split_once(',').expect("ROWS.npy,LABELS.npy");
        let (rows, d) = read(rows);
        let labels = read::<i32>(labels).0;
        let labels = labels.into_iter().map(|label| label as u16).collect();
        Self { rows, d, labels }
    }

    /// Finds `k` neighbours, has them laid out and measures the map.
    fn lay_out(
        &self,
        name: &str,
        k: usize,
        layout: impl FnOnce(&NeighbourGraph, &[[f32; 2]]) -> Result<Vec<[f32; 2]>>,
    ) {
        let Self { rows, d, labels } = self;
        let (d, n, silent) = (*d, labels.len(), Progress::silent());
        let graph = || NeighbourGraph::new(rows, d, k, 1, &silent).expect("a graph");
        let (graph, neighbours) = seconds(graph);
        let (start, components) = seconds(|| Projection::pca(rows, d, 2).expect("components"));
        let (positions, optimisation) = seconds(|| layout(&graph, start.positions()));
        let positions = positions.expect("a layout");
        let sample = Some(Sample {
            rows: 10_000,
            seed: 1,
        });
        let measure = || trustworthiness(rows, d, &positions, 15, sample, &silent);
        let (trust, trusting) = seconds(measure);
        let measure = || plane_accuracy(&positions, labels, 10, &silent);
        let (accuracy, voting) = seconds(measure);
        println!(
            "{{\"what\": \"{name} of {n}x{d}\", \"neighbours_secs\": {neighbours:.2}, \"start_secs\": {components:.2}, \
             \"layout_secs\": {optimisation:.2}, \"secs\": {:.2}, \"trustworthiness\": {:.5}, \"plane_accuracy\": {:.5}, \
             \"measuring_secs\": [{trusting:.2}, {voting:.2}]}}",
            neighbours + components + optimisation,
            trust.expect("a measure").value,
            accuracy.expect("a measure"),
        );
    }
}

fn main() {
    principal_components();
    let silent = Progress::silent();
    // Cargo adds options of its own.
    for paths in std::env::args().skip(1).filter(|a| !a.starts_with("--")) {
        let items = Items::read(&paths);
        for seed in 1..=5 {
            let config = UmapConfig {
                seed,
                ..UmapConfig::default()
            };
            items.lay_out("umap", config.neighbours, |graph, start| {
                umap::layout(graph, start, &config, &silent, &mut |_| {})
            });
        }
        let config = TsneConfig::default();
        items.lay_out(
            "tsne",
            (3.0 * config.perplexity) as usize,
            |graph, start| tsne::layout(graph, start, &config, &silent, &mut |_| {}),
        );
    }
}
