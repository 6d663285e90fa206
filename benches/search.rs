//! Exact search: how long one query and a batch of them take.
//!
//! Sizes are MNIST's; contents are drawn here, so that nothing has to be at hand. Set `MORPHOSPACE_TEST_DATA` to a folder that holds
//! `mnist` to search the real pictures instead, which `peers/search.py` does too.

use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use morphospace::data::{Dataset, ImageShape};
use morphospace::error::Result;
use morphospace::progress::Progress;
use morphospace::retrieval::{nearest_codes, nearest_pixels, nearest_to_picture};
use morphospace::space::CodeTable;

const K: usize = 10;

/// `n` pictures of strokes: a thick arc of its own radius, centre and extent each, over faint noise.
fn strokes(n: usize, seed: usize, shape: ImageShape) -> Result<Dataset> {
    let mut pixels = Vec::with_capacity(n * shape.len());
    let side = shape.height as f32;
    for i in seed..seed + n {
        let unit = |k: usize| {
            (i.wrapping_mul(k).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 16_777_216.0
        };
        let (x0, y0) = ((0.3 + 0.4 * unit(3)) * side, (0.3 + 0.4 * unit(5)) * side);
        let (radius, thick, turn) = (
            (0.15 + 0.2 * unit(7)) * side,
            1.0 + 2.0 * unit(11),
            6.3 * unit(13),
        );
        for p in 0..shape.len() {
            let cell = p / shape.channels;
            let (dx, dy) = (
                (cell % shape.width) as f32 - x0,
                (cell / shape.width) as f32 - y0,
            );
            let open = (dy.atan2(dx) - turn).cos() > 0.7;
            let ink = if open {
                0.0
            } else {
                (thick - (dx.hypot(dy) - radius).abs()).clamp(0.0, 1.0)
            };
            pixels.push((ink * 250.0) as u8 + (i.wrapping_mul(p + 1) % 4) as u8);
        }
    }
    Dataset::new("strokes", shape, pixels)
}

fn real(part: &str) -> Option<Dataset> {
    let folder = PathBuf::from(std::env::var_os("MORPHOSPACE_TEST_DATA")?).join("mnist");
    let read = |path: &Path| -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read(&folder.join(format!("{part}-images-idx3-ubyte.gz"))).ok()?;
    Dataset::new(part, ImageShape::new(28, 28, 1), bytes.get(16..)?.to_vec()).ok()
}

fn codes(n: usize, d: usize, seed: u32) -> Vec<f32> {
    let number =
        |i: usize| ((i as u32 ^ seed).wrapping_mul(0x9E37_79B9) >> 8) as f32 / 16_777_216.0 - 0.5;
    (0..n * d).map(number).collect()
}

/// Median milliseconds of `times` runs after one to warm up.
fn milliseconds<T>(times: usize, mut work: impl FnMut() -> Result<T>) -> f64 {
    let mut once = || {
        let start = Instant::now();
        black_box(work().expect("an answer"));
        1000.0 * start.elapsed().as_secs_f64()
    };
    once();
    let mut found: Vec<f64> = (0..times).map(|_| once()).collect();
    found.sort_by(f64::total_cmp);
    found[times / 2]
}

fn main() {
    let silent = Progress::silent();
    let shape = ImageShape::new(28, 28, 1);
    let drawn = |n, seed| strokes(n, seed, shape).expect("a set of pictures");
    let gallery = real("train").unwrap_or_else(|| drawn(60_000, 0));
    let queries = real("t10k").unwrap_or_else(|| drawn(10_000, 60_000));
    let one = || nearest_to_picture(&gallery, black_box(queries.pixels(0)), K, None, &silent);
    println!(
        "{{\"pixels_60000x784_1_query_ms\": {:.2}}}",
        milliseconds(15, one)
    );
    let all = || nearest_pixels(&gallery, black_box(&queries), K, None, &silent);
    println!(
        "{{\"pixels_60000x784_10000_queries_ms\": {:.0}}}",
        milliseconds(3, all)
    );

    let faces = strokes(20_000, 0, ImageShape::new(64, 64, 3)).expect("a set of pictures");
    let one = || nearest_to_picture(&faces, black_box(faces.pixels(7)), K, Some(7), &silent);
    println!(
        "{{\"pixels_20000x12288_1_query_ms\": {:.2}}}",
        milliseconds(9, one)
    );

    let d = 32;
    let table = CodeTable::new(codes(60_000, d, 0), d, vec![0.0; d]).expect("a table");
    let queries = codes(10_000, d, 0x5EED_0000);
    let one = || nearest_codes(&table, black_box(&queries[..d]), K, None, &silent);
    println!(
        "{{\"codes_60000x32_1_query_ms\": {:.3}}}",
        milliseconds(31, one)
    );
    let all = || nearest_codes(&table, black_box(&queries), K, None, &silent);
    println!(
        "{{\"codes_60000x32_10000_queries_ms\": {:.0}}}",
        milliseconds(3, all)
    );
}
