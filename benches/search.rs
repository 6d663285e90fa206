//! Exact search: how long one query and a batch of them take.
//!
//! Sizes are MNIST's; contents are drawn here, so that nothing has to be at hand. Set `MORPHOSPACE_TEST_DATA` to a folder that holds
//! `mnist` to search the real pictures instead, which `peers/search.py` does too.
//!
//! A million codes are those of `MORPHOSPACE_CODES`, an NPY file of `[n, 32]` f32 that `peers/search.py --codes` writes and searches
//! too; without it the part on a million is left out. The approximate index takes minutes: it is built for the kinds in
//! `MORPHOSPACE_APPROXIMATE`, such as `f32,bits`.

use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use morphospace::data::{Dataset, ImageShape};
use morphospace::error::Result;
use morphospace::progress::Progress;
use morphospace::retrieval::approximate::{Kind, Rows, Settings, Wanted};
use morphospace::retrieval::{
    ApproximateIndex, BitTable, Space, nearest_bits, nearest_codes, nearest_pixels,
    nearest_to_picture,
};
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

/// A hundred clusters, as codes have them: those of the file, which its header says nothing new about.
fn million() -> Option<CodeTable> {
    let bytes = std::fs::read(std::env::var_os("MORPHOSPACE_CODES")?).ok()?;
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (numbers, _) = bytes.get(header..)?.as_chunks::<4>();
    let codes: Vec<f32> = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
    CodeTable::new(codes, 32, vec![0.0; 32]).ok()
}

/// One query in a million codes, in as many hashes, and by the approximate index.
fn at_scale() {
    let silent = Progress::silent();
    let Some(table) = million() else { return };
    let n = table.len();
    let query = |i: usize| table.code(i * 997 % n).to_vec();
    let mut turn = 0..;
    let mut next = || query(turn.next().unwrap_or_default());
    let one = || nearest_codes(&table, black_box(&next()), K, None, &silent);
    println!(
        "{{\"codes_{n}x32_1_query_ms\": {:.2}}}",
        milliseconds(101, one)
    );
    let word = |i: u64| {
        let x = i.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
        x.wrapping_mul(0xD134_2543_DE82_EF95)
    };
    let words: Vec<u64> = (0..4 * n as u64).map(word).collect();
    let bits = BitTable::new(words, 256).expect("hashes");
    let mut turn = 0..;
    let one = || {
        let i = turn.next().unwrap_or_default() * 997 % n;
        let query = BitTable::new(bits.code(i).to_vec(), 256)?;
        nearest_bits(&bits, black_box(&query), K, None, Space::Bits, &silent)
    };
    println!(
        "{{\"bits_{n}x256_1_query_ms\": {:.3}}}",
        milliseconds(201, one)
    );
    let Ok(kinds) = std::env::var("MORPHOSPACE_APPROXIMATE") else {
        return;
    };
    let median = BitTable::above(table.codes(), &medians(&table)).expect("bits");
    for kind in kinds.split(',').map(str::parse).filter_map(Result::ok) {
        let rows = match kind {
            Kind::Bits => Rows::Bits(&median),
            Kind::F32 | Kind::F16 | Kind::I8 => Rows::Vectors(&table),
        };
        approximate(rows, kind);
    }
}

/// The median of each number.
fn medians(table: &CodeTable) -> Vec<f32> {
    let median = |dim: usize| {
        let mut column: Vec<f32> = (0..table.len()).map(|i| table.code(i)[dim]).collect();
        let middle = column.len() / 2;
        *column.select_nth_unstable_by(middle, f32::total_cmp).1
    };
    (0..table.dims()).map(median).collect()
}

/// Bytes of this process that are in memory: its own, and those of files that it maps. Nothing where the system does not say.
fn resident() -> Option<[f64; 2]> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes / 1024.0)
    };
    Some([of("RssAnon:")?, of("RssFile:")?])
}

/// Builds an index, asks it, and tells what it takes of memory, as built and as mapped from its file.
fn approximate(rows: Rows<'_>, kind: Kind) {
    let silent = Progress::silent();
    let (n, d) = (rows.len(), rows.dims());
    let name = format!("approximate_{kind}_{n}x{d}");
    let space = match rows {
        Rows::Vectors(_) => Space::Code,
        Rows::Bits(_) => Space::Bits,
    };
    let ask = |index: &ApproximateIndex, name: &str| {
        let mut turn = 0..;
        let one = || {
            let i = turn.next().unwrap_or_default() * 997 % n;
            match rows {
                Rows::Vectors(table) => {
                    let wanted = Wanted::Vectors(black_box(table.code(i)));
                    index.nearest(rows, wanted, K, None, &silent)
                }
                Rows::Bits(table) => {
                    let query = BitTable::new(table.code(i).to_vec(), d)?;
                    index.nearest(rows, Wanted::Bits(black_box(&query)), K, None, &silent)
                }
            }
        };
        println!("{{\"{name}_1_query_ms\": {:.3}}}", milliseconds(1001, one));
    };
    let grown = |before: Option<[f64; 2]>, name: &str| {
        if let (Some([own, files]), Some(now)) = (before, resident()) {
            let (own, files) = (now[0] - own, now[1] - files);
            println!("{{\"{name}_own_mib\": {own:.0}, \"{name}_file_mib\": {files:.0}}}");
        }
    };
    let before = resident();
    let settings = Settings::default();
    let mut index =
        ApproximateIndex::build(space, rows, kind, settings, &silent).expect("an index");
    println!("{{\"{name}_build_secs\": {:.1}}}", index.about().secs);
    println!("{{\"{name}_recall\": {:.4}}}", index.recall());
    ask(&index, &name);
    grown(before, &format!("{name}_built"));
    let path =
        std::env::temp_dir().join(format!("morphospace-bench-{}.usearch", std::process::id()));
    index.save(&path).expect("it is saved");
    drop(index);
    let before = resident();
    let index = ApproximateIndex::open(&path, space, rows).expect("it is opened");
    grown(before, &format!("{name}_mapped"));
    ask(&index, &format!("{name}_mapped"));
    grown(before, &format!("{name}_mapped_and_asked"));
    drop(index);
    for file in [path.clone(), path.with_extension("usearch.json")] {
        let _ = std::fs::remove_file(file);
    }
}

fn main() {
    at_scale();
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
