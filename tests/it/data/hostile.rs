//! Files that are cut off, damaged, lying or something else.
//!
//! Invariant: each ends in one error of kind file that names it and says why, never in a panic.

use std::fs;

use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use morphospace::data::DatasetSource;
use morphospace::progress::Progress;

use super::{
    Folder, colour_png, encoded, grey_png, gz, idx, load, mat_file, mat_matrix, npy, ramp, read,
    refuse, tar_of, zip_of,
};

#[test]
fn hostile_idx_is_refused() {
    let folder = Folder::new();
    let whole = idx(&[6, 4, 3], &ramp(72));
    let packed = gz(&idx(&[6, 400, 300], &ramp(720_000)));
    refuse(
        &folder.write("half.gz", &packed[..packed.len() / 2]),
        "",
        "cut off",
    );
    refuse(
        &folder.write("half", &whole[..60]),
        "",
        "promises 6 pictures and it holds 3",
    );
    refuse(
        &folder.write("promises", idx(&[60_000, 28, 28], &ramp(784))),
        "",
        "it holds 1",
    );
    refuse(
        &folder.write("promises.gz", gz(&idx(&[1_000_000, 28, 28], &ramp(784)))),
        "",
        "it holds 1",
    );
    refuse(
        &folder.write("huge", idx(&[u32::MAX; 3], &[0; 64])),
        "",
        "can be held",
    );
    refuse(
        &folder.write("huge4", idx(&[u32::MAX, u32::MAX, u32::MAX, 3], &[0; 64])),
        "",
        "can be held",
    );
    refuse(
        &folder.write("many", idx(&[u32::MAX, 28, 28], &[0; 64])),
        "",
        "16 GiB",
    );
    refuse(
        &folder.write("none", idx(&[0, 28, 28], &[])),
        "",
        "not a single picture",
    );
    refuse(
        &folder.write("flat", idx(&[5, 0, 28], &[])),
        "",
        "not a single picture",
    );
    refuse(
        &folder.write("alone/labels", idx(&[5], &[0; 5])),
        "",
        "beside it",
    );
    let mut damaged = gz(&whole);
    let end = damaged.len() - 6;
    damaged[end] ^= 0xff;
    refuse(&folder.write("damaged.gz", damaged), "", "damaged");
    let mut floats = whole;
    floats[2] = 0x0d;
    refuse(&folder.write("floats", floats), "", "unsigned bytes");
}

#[test]
fn hostile_archives_are_refused() {
    let folder = Folder::new();
    let whole = zip_of(&[("a.png", grey_png(1)), ("b.png", grey_png(2))]);
    refuse(
        &folder.write("half.zip", &whole[..whole.len() / 2]),
        "",
        "damaged zip",
    );
    refuse(&folder.write("empty.zip", zip_of(&[])), "", "no picture");
    refuse(
        &folder.write("escape.zip", zip_of(&[("../a.png", grey_png(1))])),
        "",
        "leads out",
    );
    let mut bomb = b"BM".to_vec();
    bomb.resize(257 << 20, 0);
    refuse(
        &folder.write("bomb.zip", zip_of(&[("bomb.bmp", bomb)])),
        "",
        "larger than the 256 MiB",
    );
    let tar = tar_of(&[("a.png", ramp(3000)), ("b.png", grey_png(2))]);
    refuse(&folder.write("half.tar", &tar[..1500]), "", "cut off");
    let packed = gz(&tar);
    refuse(
        &folder.write("half.tar.gz", &packed[..packed.len() / 2]),
        "",
        "cut off",
    );
    let mut damaged = tar;
    damaged[3584 + 3] ^= 1;
    refuse(&folder.write("damaged.tar", damaged), "", "damaged tar");
}

#[test]
fn a_zip_that_lies_about_a_length_is_no_bomb() {
    let folder = Folder::new();
    let mut bomb = b"BM".to_vec();
    bomb.resize(257 << 20, 0);
    let mut bytes = zip_of(&[("bomb.bmp", bomb), ("a.png", grey_png(5))]);
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == (257u32 << 20).to_le_bytes() {
            bytes[at..at + 4].copy_from_slice(&64u32.to_le_bytes());
        }
    }
    let set = read(&folder.write("lies.zip", bytes), "");
    assert_eq!((set.len(), set.skipped().len()), (1, 1));
}

#[test]
fn pictures_that_claim_too_much_are_skipped() {
    let folder = Folder::new();
    let mut giant =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0".to_vec();
    let mut crc = flate2::Crc::new();
    crc.update(&giant[12..29]);
    giant.extend(crc.sum().to_be_bytes());
    giant.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    let mut bmp = encoded(GrayImage::from_pixel(4, 4, Luma([1])), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    refuse(&folder.write("a/giant.png", &giant), "", "60000×60000");
    refuse(&folder.write("b/giant.bmp", &bmp), "", "60000×60000");
    folder.write("c/giant.png", giant);
    folder.write("c/giant.ppm", "P6 60000 60000 255\n");
    folder.write("c/small.png", grey_png(4));
    let set = read(&folder.path("c"), "");
    assert_eq!((set.len(), set.skipped().len()), (1, 2));
    refuse(
        &folder.write(
            "d/half.jpg",
            &encoded(GrayImage::new(64, 64), ImageFormat::Jpeg)[..200],
        ),
        "",
        "no picture",
    );
}

#[test]
fn hostile_arrays_are_refused() {
    let folder = Folder::new();
    let nan: Vec<u8> = [0.0f32, 1.0, 0.5, 0.5, 0.1, 0.2, f32::NAN, 0.3]
        .iter()
        .flat_map(|f| f.to_le_bytes())
        .collect();
    refuse(
        &folder.write("nan.npy", npy("<f4", false, "(2, 2, 2)", &nan)),
        "",
        "picture 1 has a pixel that is not a number",
    );
    let half = npy("|u1", false, "(60000, 28, 28)", &ramp(784));
    refuse(&folder.write("half.npy", &half), "", "cut off");
    refuse(
        &folder.write("half.npz", zip_of(&[("data.npy", half)])),
        "",
        "cut off",
    );
    let huge = npy(
        "<f8",
        false,
        "(4294967295, 4294967295, 4294967295)",
        &[0; 64],
    );
    refuse(&folder.write("huge.npy", huge), "", "no array of pictures");
    refuse(
        &folder.write(
            "many.npy",
            npy("|u1", true, "(99999999999, 28, 28)", &[0; 64]),
        ),
        "",
        "cut off",
    );
    refuse(
        &folder.write("objects.npy", npy("|O", false, "(3,)", b"\x80\x04")),
        "",
        "Python objects",
    );
    refuse(
        &folder.write("none.npy", npy("|u1", false, "(0, 28, 28)", &[])),
        "",
        "no array of pictures",
    );
    refuse(
        &folder.write("table.npy", npy("|u1", false, "(3, 7)", &ramp(21))),
        "",
        "3×7",
    );
    refuse(
        &folder.write("nested.npy", npy("|u1", false, &"(".repeat(50_000), &[])),
        "",
        "header",
    );
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend([0xff; 40]);
    refuse(&folder.write("long.npy", long), "", "header");
    refuse(&folder.write("short.npy", b"\x93NUMPY\x01"), "", "cut off");
}

#[test]
fn what_is_no_data_says_what_it_is() {
    let folder = Folder::new();
    refuse(&folder.write("empty", []), "", "is empty");
    refuse(&folder.write("notes.txt", "Some words.\n"), "", "text");
    refuse(&folder.write("v7.mat", b"\x89HDF\r\n\x1a\n0000"), "", "-v7");
    refuse(
        &folder.write("batch", b"\x80\x02}q\x01(U\x0bbatch_labelq"),
        "",
        "pickle",
    );
    refuse(
        &folder.write("a.7z", b"7z\xbc\xaf\x27\x1c1234"),
        "",
        "unpack",
    );
    fs::create_dir(folder.path("nothing")).expect("a folder");
    refuse(&folder.path("nothing"), "", "no picture");
    folder.write("texts/a.txt", "words");
    refuse(&folder.path("texts"), "", "a.txt is not a picture");
    refuse(&folder.path("note.txt"), "", "did you mean");
    refuse(&folder.path("gone/a.png"), "", "folder does not exist");
    folder.write("two/a.npy", npy("|u1", false, "(1, 2, 2)", &[0; 4]));
    assert_eq!(read(&folder.path("two"), "").len(), 1);
    folder.write("two/b.npy", npy("|u1", false, "(1, 2, 2)", &[0; 4]));
    refuse(&folder.path("two"), "", "several sets");
}

#[cfg(unix)]
#[test]
fn odd_names_links_and_locked_files_are_no_obstacle() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = Folder::new();
    folder.write("set/a.png", grey_png(1));
    let odd = folder
        .path("set")
        .join(std::ffi::OsStr::from_bytes(b"b\xff.png"));
    fs::write(&odd, grey_png(2)).expect("a file");
    symlink(folder.path("set"), folder.path("set/again")).expect("a link");
    symlink(folder.path("gone"), folder.path("set/z.png")).expect("a link");
    let set = read(&folder.path("set"), "");
    assert_eq!((set.len(), set.skipped().len()), (2, 1));
    let single = DatasetSource::open_path(&odd)
        .load(1, &Progress::silent())
        .expect("a picture");
    assert_eq!(single.len(), 1);

    let locked = folder.write("locked.npy", npy("|u1", false, "(1, 2, 2)", &[0; 4]));
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::File::open(&locked).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    refuse(&locked, "", "permissions");
}

#[test]
fn damage_anywhere_ends_in_a_set_or_an_error() {
    let folder = Folder::new();
    folder.write("colormap.txt", "0 0 0\n255 0 0\n0 255 10\n");
    let pictures = [("a/1.png", grey_png(1)), ("b/2.png", colour_png([1, 2, 3]))];
    let jpeg = encoded(GrayImage::from_pixel(20, 20, Luma([9])), ImageFormat::Jpeg);
    let files = [
        ("images", idx(&[6, 4, 3], &ramp(72))),
        ("images.gz", gz(&idx(&[6, 4, 3], &ramp(72)))),
        ("a.npy", npy("<f4", true, "(2, 3, 4)", &[0; 96])),
        (
            "a.npz",
            zip_of(&[("data.npy", npy("|u1", false, "(2, 3, 4)", &ramp(24)))]),
        ),
        (
            "a.mat",
            mat_file(&[mat_matrix("faces", &[16, 5], &ramp(80))]),
        ),
        ("a.zip", zip_of(&pictures)),
        ("a.tar", tar_of(&pictures)),
        ("a.jpg", jpeg),
        (
            "a.gif",
            encoded(RgbImage::from_pixel(5, 5, Rgb([9, 8, 7])), ImageFormat::Gif),
        ),
        (
            "a.tif",
            encoded(GrayImage::from_pixel(5, 5, Luma([9])), ImageFormat::Tiff),
        ),
        (
            "a.webp",
            encoded(GrayImage::from_pixel(5, 5, Luma([9])), ImageFormat::WebP),
        ),
        ("train.txt", b"0 1 2 0\n2 2 1 0\n".to_vec()),
    ];
    let mut random = 1u64;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for (name, whole) in &files {
        let path = folder.write(name, whole);
        load(&path, "").unwrap_or_else(|e| panic!("{e}"));
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..=next(3) {
                // Headers, where damage does most, are hit more often.
                let at = if next(2) == 0 {
                    next(bytes.len().min(64))
                } else {
                    next(bytes.len())
                };
                bytes[at] = if next(3) == 0 { 0xff } else { next(256) as u8 };
            }
            if next(4) == 0 {
                bytes.truncate(next(bytes.len()));
            }
            if let Err(error) = load(&folder.write(name, bytes), "") {
                assert!(
                    error.is_file() && !error.to_string().contains('\n'),
                    "{error}"
                );
            }
        }
        fs::remove_file(&path).expect("the file");
    }
}
