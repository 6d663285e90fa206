//! Loaders against files that the tests write, and against real data where it is at hand.
//!
//! Invariant: every file a test reads is written by the test itself, or its absence is printed.

mod hostile;
mod metadata;
mod pictures;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use morphospace::data::{Dataset, DatasetSource, ImageShape, Palette};
use morphospace::error::{Error, Result};
use morphospace::progress::Progress;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }
}

fn load(path: &Path, suffix: &str) -> Result<Dataset> {
    let source: DatasetSource = format!("{}{suffix}", path.display()).parse()?;
    source.load(1, &Progress::silent())
}

fn read(path: &Path, suffix: &str) -> Dataset {
    load(path, suffix).unwrap_or_else(|e| panic!("{e}"))
}

/// Loads what cannot be loaded; the error has to name the file, be one line, and say `expected`.
fn refuse(path: &Path, suffix: &str, expected: &str) {
    let error: Error = load(path, suffix).expect_err("this file is hostile");
    let text = error.to_string();
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert!(error.is_file(), "kind of {text}");
    assert!(text.contains(&name) && !text.contains('\n'), "{text}");
    assert!(text.contains(expected), "{expected:?} is not in {text:?}");
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, u8::try_from(dims.len()).expect("few")];
    bytes.extend(dims.iter().flat_map(|n| n.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn ramp(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 % 251) as u8).collect()
}

fn npy(descr: &str, is_fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if is_fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn zip_of(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .expect("in memory");
        writer.write_all(bytes).expect("in memory");
    }
    writer.finish().expect("in memory").into_inner()
}

fn tar_of(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in members {
        let mut block = [0u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        block[156] = b'0';
        block[257..262].copy_from_slice(b"ustar");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        tar.extend(block);
        tar.extend(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .into()
        .write_to(&mut bytes, format)
        .expect("in memory");
    bytes.into_inner()
}

fn grey_png(value: u8) -> Vec<u8> {
    encoded(GrayImage::from_pixel(9, 7, Luma([value])), ImageFormat::Png)
}

fn colour_png(colour: [u8; 3]) -> Vec<u8> {
    encoded(RgbImage::from_pixel(9, 7, Rgb(colour)), ImageFormat::Png)
}

/// A MATLAB element: type, length, content, padding.
fn element(kind: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn mat_matrix(name: &str, dims: &[u32], data: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|n| n.to_le_bytes()).collect();
    let parts = [
        element(6, &[9, 0, 0, 0, 0, 0, 0, 0]),
        element(5, &dims),
        element(1, name.as_bytes()),
        element(2, data),
    ];
    element(14, &parts.concat())
}

fn mat_file(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"MATLAB 5.0 MAT-file".to_vec();
    bytes.resize(124, b' ');
    bytes.extend([0, 1, b'I', b'M']);
    bytes.extend(elements.concat());
    bytes
}

#[test]
fn idx_is_read_with_its_labels_from_any_of_its_files() {
    let folder = Folder::new();
    let pixels = ramp(6 * 12);
    let images = folder.write("train-images-idx3-ubyte.gz", gz(&idx(&[6, 4, 3], &pixels)));
    let labels = folder.write("train-labels-idx1-ubyte", idx(&[6], &[0, 1, 2, 1, 0, 2]));
    folder.write("t10k-images-idx3-ubyte", idx(&[2, 4, 3], &pixels[..24]));
    folder.write("t10k-labels-idx1-ubyte", idx(&[2], &[1, 1]));

    for path in [&images, &labels] {
        let set = read(path, "");
        assert_eq!((set.len(), set.shape()), (6, ImageShape::new(4, 3, 1)));
        assert_eq!(set.pixels(5), &pixels[60..]);
        assert_eq!(set.labels().expect("labels").values, [0, 1, 2, 1, 0, 2]);
    }
    let all = read(folder.0.path(), "");
    assert_eq!(
        all.labels().expect("labels").values,
        [0, 1, 2, 1, 0, 2, 1, 1]
    );
    assert_eq!(all.pixels(6), &pixels[..12]);
    assert_eq!(
        (
            read(folder.0.path(), ":train").len(),
            read(folder.0.path(), ":test").len()
        ),
        (6, 2)
    );
    assert_eq!(read(folder.0.path(), ":7").label_name(6), Some("1"));
    let resized = read(&images, ":8x6x3:2");
    assert_eq!(
        (resized.len(), resized.shape()),
        (2, ImageShape::new(8, 6, 3))
    );
}

#[test]
fn idx_of_four_sizes_has_channels() {
    let folder = Folder::new();
    let pixels = ramp(2 * 5 * 4 * 3);
    let last = read(&folder.write("a/x", idx(&[2, 5, 4, 3], &pixels)), "");
    assert_eq!(
        (last.shape(), last.pixels(1)),
        (ImageShape::new(5, 4, 3), &pixels[60..])
    );
    let first = read(&folder.write("b/x", idx(&[2, 3, 5, 4], &pixels)), "");
    assert_eq!(first.shape(), ImageShape::new(5, 4, 3));
    assert_eq!(first.pixels(0)[..3], [pixels[0], pixels[20], pixels[40]]);
}

#[test]
fn cifar_is_found_by_its_records() {
    let folder = Folder::new();
    let record = |labels: &[u8], seed: u8| {
        let planes = (0..3072u32).map(move |i| (i / 1024) as u8 * 50 + seed);
        labels.iter().copied().chain(planes).collect::<Vec<u8>>()
    };
    let ten: Vec<u8> = (0..4).flat_map(|i| record(&[9 - i], i)).collect();
    let set = read(&folder.write("some.bin", &ten), "");
    assert_eq!((set.len(), set.shape()), (4, ImageShape::new(32, 32, 3)));
    assert_eq!(set.pixels(2)[..6], [2, 52, 102, 2, 52, 102]);
    assert_eq!(set.label_name(0), Some("truck"));

    let hundred: Vec<u8> = (0..4).flat_map(|i| record(&[i, 90 + i], i)).collect();
    let names: Vec<String> = (0..100).map(|i| format!("class {i}")).collect();
    folder.write("c/fine_label_names.txt", names.join("\n"));
    let set = read(&folder.write("c/data.bin.gz", gz(&hundred)), "");
    assert_eq!(set.label_name(3), Some("class 93"));

    folder.write("h/data_batch_1.bin", &ten);
    folder.write("h/test_batch.bin", &ten[..3073]);
    assert_eq!(
        (
            read(&folder.path("h"), "").len(),
            read(&folder.path("h"), ":test").len()
        ),
        (5, 1)
    );
    refuse(
        &folder.write("t/data_batch_1.bin", &ten[..7000]),
        "",
        "cut off within picture 2",
    );
    let mut wrong = ten;
    wrong.extend(record(&[0], 1).repeat(30));
    wrong[3073 * 30] = 77;
    refuse(
        &folder.write("w/cifar.bin", wrong),
        "",
        "label at picture 30",
    );
}

#[test]
fn other_sets_are_split_nine_to_one() {
    let folder = Folder::new();
    let path = folder.write("raw", ramp(4 * 2000));
    let (train, test) = (read(&path, ":2x2:train"), read(&path, ":2x2:test"));
    assert_eq!(train.len() + test.len(), 2000);
    assert!((150..250).contains(&test.len()), "{}", test.len());
    assert_eq!(read(&path, ":2x2:test:20").pixels(7), test.pixels(7));
}

#[test]
fn arrays_are_read_whatever_their_order() {
    let folder = Folder::new();
    let pixels = ramp(5 * 4 * 3);
    let rows = read(
        &folder.write("a.npy", npy("|u1", false, "(5, 3, 4)", &pixels)),
        "",
    );
    assert_eq!((rows.len(), rows.shape()), (5, ImageShape::new(3, 4, 1)));
    assert_eq!(rows.pixels(4), &pixels[48..]);

    let fortran: Vec<u8> = (0..60)
        .map(|i| pixels[i % 5 * 12 + i / 5 % 3 * 4 + i / 15])
        .collect();
    let columns = read(
        &folder.write("f.npy", npy("|u1", true, "(5, 3, 4)", &fortran)),
        "",
    );
    assert_eq!(columns.digest(), rows.digest());

    let colour = ramp(2 * 5 * 4 * 3);
    let planes = read(
        &folder.write("p.npy.gz", gz(&npy("|u1", false, "(2, 3, 5, 4)", &colour))),
        "",
    );
    assert_eq!(planes.pixels(1)[..3], [colour[60], colour[80], colour[100]]);

    let floats: Vec<u8> = pixels
        .iter()
        .flat_map(|&p| (f32::from(p) / 255.0).to_le_bytes())
        .collect();
    let unit = read(
        &folder.write("u.npy", npy("<f4", false, "(5, 3, 4)", &floats)),
        "",
    );
    assert_eq!(unit.digest(), rows.digest());
    let integers: Vec<u8> = pixels
        .iter()
        .flat_map(|&p| i64::from(p).to_be_bytes())
        .collect();
    let wide = read(
        &folder.write("i.npy", npy(">i8", false, "(5, 12)", &integers)),
        ":3x4",
    );
    assert_eq!(wide.digest(), rows.digest());
    let bits = read(
        &folder.write("b.npy", npy("|b1", false, "(1, 2, 2)", &[0, 1, 1, 0])),
        "",
    );
    assert_eq!(bits.pixels(0), [0, 255, 255, 0]);
}

#[test]
fn npz_takes_pictures_labels_and_halves_by_name() {
    let folder = Folder::new();
    let images = npy("|u1", false, "(3, 2, 2)", &ramp(12));
    let labels = npy(
        "<i8",
        false,
        "(3,)",
        &[5i64, 2, 5].map(i64::to_le_bytes).concat(),
    );
    let path = folder.write(
        "a.npz",
        zip_of(&[("codes.npy", images.clone()), ("y.npy", labels.clone())]),
    );
    let set = read(&path, "");
    assert_eq!(
        (set.len(), set.label_name(0), set.label_name(1)),
        (3, Some("5"), Some("2"))
    );

    let test = npy("|u1", false, "(1, 2, 2)", &[1, 2, 3, 200]);
    let halves = [
        ("x_train.npy", images.clone()),
        ("y_train.npy", labels),
        ("x_test.npy", test.clone()),
    ];
    let path = folder.write("b.npz", zip_of(&halves));
    assert_eq!((read(&path, "").len(), read(&path, ":train").len()), (4, 3));
    assert_eq!(read(&path, ":test").pixels(0), [1, 2, 3, 200]);
    assert_eq!(read(&path, ":train").label_name(2), Some("5"));

    let other = npy("|u1", false, "(2, 3, 3)", &ramp(18));
    let mixed = zip_of(&[("first.npy", images.clone()), ("second.npy", other.clone())]);
    refuse(
        &folder.write("mixed.npz", mixed),
        "",
        "first (3×2×2), second (2×3×3)",
    );
    let named = zip_of(&[("other.npy", other), ("data.npy", images)]);
    assert_eq!(read(&folder.write("named.npz", named), "").len(), 3);
}

#[test]
fn matlab_stores_pictures_column_by_column() {
    let folder = Folder::new();
    let data = ramp(16 * 5);
    let plain = mat_matrix("faces", &[16, 5], &data);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&plain).expect("in memory");
    let packed = packed.finish().expect("in memory");
    let compressed = [15u32.to_le_bytes(), (packed.len() as u32).to_le_bytes()].concat();
    let labels = mat_matrix("y", &[5, 1], &[1, 2, 3, 2, 1]);
    let files = [
        mat_file(&[plain, labels.clone()]),
        mat_file(&[labels, [compressed, packed].concat()]),
    ];
    for (at, file) in files.iter().enumerate() {
        let set = read(&folder.write(&format!("{at}.mat"), file), "");
        assert_eq!((set.len(), set.shape()), (5, ImageShape::new(4, 4, 1)));
        assert_eq!(
            set.pixels(1)[..5],
            [data[16], data[20], data[24], data[28], data[17]]
        );
        assert_eq!(set.label_name(2), Some("3"));
        refuse(
            &folder.write(&format!("half{at}.mat"), &file[..file.len() - 24]),
            "",
            "cut off",
        );
    }
    let cube = read(
        &folder.write(
            "cube.mat",
            mat_file(&[mat_matrix("x", &[4, 3, 5], &ramp(60))]),
        ),
        "",
    );
    assert_eq!((cube.len(), cube.shape()), (5, ImageShape::new(4, 3, 1)));
    assert_eq!(cube.pixels(0)[..3], [ramp(60)[0], ramp(60)[4], ramp(60)[8]]);
    refuse(
        &folder.write("empty.mat", mat_file(&[])),
        "",
        "no array of pictures",
    );
    refuse(
        &folder.write(
            "huge.mat",
            mat_file(&[mat_matrix("x", &[u32::MAX; 4], &[0; 32])]),
        ),
        "",
        "no array",
    );
}

#[test]
fn palette_indices_find_their_colour_map() {
    let folder = Folder::new();
    let map = folder.write("colormap.txt", "0 0 0\n255 0 0\n0 255 10\n");
    let path = folder.write("train.txt", "0 1 2 0\n2 2 1 0\n");
    for start in [&path, &map, &folder.0.path().to_path_buf()] {
        let set = read(start, "");
        assert_eq!((set.len(), set.shape()), (2, ImageShape::new(2, 2, 3)));
        assert_eq!(set.pixels(0), [0, 0, 0, 255, 0, 0, 0, 255, 10, 0, 0, 0]);
    }
    let set = read(&path, ":1x4");
    assert_eq!(set.shape(), ImageShape::new(1, 4, 3));
    let palette = set.palette().expect("the colour map");
    assert_eq!(palette.colours(), [[0, 0, 0], [255, 0, 0], [0, 255, 10]]);
    assert_eq!(palette.indices(set.pixels(1)), Some(vec![2, 2, 1, 0]));
    // Colours that are mixed or turned to grey are no longer those of the map.
    assert!(read(&path, ":2x1").palette().is_none());
    assert!(read(&path, ":2x2x1").palette().is_none());
    folder.write("one/map.csv", "0,0,0\n1,0.5,0\n");
    let set = read(&folder.write("one/i.csv", "1,2,2,1\n"), "");
    assert_eq!(set.pixels(0)[3..6], [255, 128, 0]);
    refuse(
        &folder.write("train.txt", "0 1 2 0\n2 2 3 0\n"),
        "",
        "picture 1 uses colour 3",
    );
    refuse(
        &folder.write("train.txt", "0 1 2 0\n2 2 1 0\n0 0 0 0\n0 0 0 0\n1 2\n"),
        "",
        "line 5 has 2",
    );
    refuse(
        &folder.write("train.txt", "0 1 2 0 1\n"),
        "",
        "no square picture",
    );
    refuse(
        &folder.write("train.txt", "0 1 2 -1\n"),
        "",
        "line 1 has \"-1\"",
    );
    refuse(
        &folder.write("x/train.txt", "0 1 2 0\n"),
        "",
        "no colour map",
    );
}

#[test]
fn a_set_of_creatures_keeps_its_palette_when_it_is_cut_or_continued() {
    let source: DatasetSource = "creatures:40".parse().expect("a source");
    let set = source.load(1, &Progress::silent()).expect("creatures");
    assert_eq!((set.len(), set.shape()), (40, ImageShape::new(20, 20, 3)));
    let palette = set.palette().expect("a palette");
    let part = set.subset(&[7, 3]).expect("two of them");
    assert_eq!(part.palette(), Some(palette));
    assert_eq!(set.first(5).expect("five").palette(), Some(palette));
    let half = |range| source.load_range(1, range, &Progress::silent());
    let (first, second) = (half(0..20).expect("draws"), half(20..40).expect("draws"));
    let joined = first.followed_by(&second).expect("the rest");
    assert_eq!(joined.palette(), Some(palette));
    assert_eq!(joined.digest(), set.digest());
    // Indices name the colours of the pixels.
    let indices = palette.indices(part.pixels(0)).expect("known colours");
    let colours = indices.iter().map(|&i| palette.colours()[usize::from(i)]);
    assert_eq!(colours.flatten().collect::<Vec<u8>>(), part.pixels(0));
    // Another palette is no continuation, and colours that are not in one are refused.
    let fewer = Palette::new(palette.colours().iter().copied().rev()).expect("the same colours");
    let other = second.clone().with_palette(fewer).expect("all are known");
    assert!(first.followed_by(&other).is_err());
    let black = Palette::new([[0, 0, 0]]).expect("one colour");
    assert!(second.with_palette(black).is_err_and(|e| e.is_usage()));
}

#[test]
fn raw_bytes_need_a_shape() {
    let folder = Folder::new();
    let path = folder.write("pictures_9x5x4.bin", ramp(180));
    refuse(&path, "", "probably");
    assert_eq!(read(&path, ":5x4").len(), 9);
    assert_eq!(read(&path, ":5x4x3:2").shape(), ImageShape::new(5, 4, 3));
    refuse(
        &path,
        ":7x7",
        "not a whole number of 7×7×1 pictures: 33 bytes",
    );
    assert_eq!(read(&folder.write("a.gz", gz(&ramp(180))), ":5x4").len(), 9);
    refuse(
        &folder.write("b.gz", &gz(&ramp(100_000))[..300]),
        ":5x4",
        "cut off",
    );
}

#[test]
fn loading_can_be_stopped() {
    let folder = Folder::new();
    let path = folder.write("images", idx(&[6, 4, 3], &ramp(72)));
    let progress = Progress::silent();
    progress.cancel();
    for path in [path, folder.0.path().to_path_buf()] {
        let error = DatasetSource::open_path(path)
            .load(1, &progress)
            .expect_err("stopped");
        assert!(error.is_cancelled(), "{error}");
    }
}

/// A file or folder of the real data, or `None` after saying that it is missing.
fn real(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MORPHOSPACE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn real_sets_have_their_known_counts() {
    let sets = [
        ("mnist", "", 70_000, [28, 28, 1], 10),
        ("mnist", ":train", 60_000, [28, 28, 1], 10),
        ("mnist", ":test", 10_000, [28, 28, 1], 10),
        ("fashion-mnist", ":train", 60_000, [28, 28, 1], 10),
        (
            "fashion-mnist/t10k-images-idx3-ubyte.gz",
            "",
            10_000,
            [28, 28, 1],
            10,
        ),
        (
            "omniglot/images_background_small1.zip",
            ":28x28",
            2_720,
            [28, 28, 1],
            5,
        ),
        (
            "omniglot/images_background_small2.zip",
            ":28x28",
            3_120,
            [28, 28, 1],
            5,
        ),
        ("quickdraw/cats1000.bin", ":28x28", 1_000, [28, 28, 1], 0),
        ("quickdraw/trains1000.bin", ":28x28", 1_000, [28, 28, 1], 0),
        ("olivetti/olivettifaces.mat", "", 400, [64, 64, 1], 0),
        (
            "freyfaces/freyfaces_1965x28x20_u8.bin",
            ":28x20",
            1_965,
            [28, 20, 1],
            0,
        ),
        (
            "cifar10/cifar10_train_first4000.bin.gz",
            "",
            4_000,
            [32, 32, 3],
            10,
        ),
        (
            "cifar10/cifar10-jpeg-test.tar.gz",
            ":32x32",
            10_000,
            [32, 32, 3],
            10,
        ),
    ];
    for (name, suffix, len, [height, width, channels], classes) in sets {
        let Some(path) = real(name) else {
            continue;
        };
        let set = read(&path, suffix);
        assert_eq!(
            (set.len(), set.shape()),
            (len, ImageShape::new(height, width, channels)),
            "{name}"
        );
        assert_eq!(
            set.labels().map_or(0, |labels| labels.names.len()),
            classes,
            "{name}"
        );
        assert_eq!(set.skipped(), [], "{name}");
    }
}

#[test]
fn olivetti_faces_stand_upright() {
    let Some(path) = real("olivetti/olivettifaces.mat") else {
        return;
    };
    let set = read(&path, "");
    let mirrored = |id: usize, is_sideways: bool| {
        let pixel = |y: usize, x: usize| {
            i32::from(set.pixels(id)[if is_sideways { x * 64 + y } else { y * 64 + x }])
        };
        (0..64 * 32)
            .map(|i| (pixel(i / 32, i % 32) - pixel(i / 32, 63 - i % 32)).abs())
            .sum::<i32>()
    };
    let upright = (0..set.len())
        .filter(|&id| mirrored(id, false) < mirrored(id, true))
        .count();
    assert!(
        upright > 300,
        "left and right of a face are more alike than top and bottom: {upright} of 400"
    );
}
