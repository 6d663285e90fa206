//! Pictures in files of their own: folders, zips and tars.
//!
//! Invariant: every file is a picture of the set or in its list of skipped files.

use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use morphospace::data::{ImageShape, formats};

use super::{Folder, colour_png, encoded, grey_png, gz, read, tar_of, zip_of};

#[test]
fn folders_of_pictures_become_classes() {
    let folder = Folder::new();
    folder.write("set/root/cats/2.png", grey_png(20));
    folder.write("set/root/cats/10.png", grey_png(100));
    folder.write(
        "set/root/dogs/1.bmp",
        encoded(RgbImage::from_pixel(30, 20, Rgb([50; 3])), ImageFormat::Bmp),
    );
    folder.write(
        "set/root/dogs/deeper/1.jpg",
        encoded(
            GrayImage::from_pixel(80, 80, Luma([200])),
            ImageFormat::Jpeg,
        ),
    );
    folder.write("set/root/dogs/broken.png", &grey_png(1)[..40]);
    folder.write("set/readme.txt", "not a picture");
    folder.write("set/.hidden/x.png", grey_png(1));
    let set = read(&folder.path("set"), ":16x12");
    assert_eq!(
        (set.len(), set.shape()),
        (4, ImageShape::new(16, 12, 1)),
        "grey stays grey"
    );
    let means: Vec<u8> = (0..4).map(|i| set.pixels(i)[50]).collect();
    assert_eq!(means, [20, 100, 50, 200], "natural order");
    assert_eq!(set.labels().expect("classes").names, ["cats", "dogs"]);
    assert_eq!(set.labels().expect("classes").values, [0, 0, 1, 1]);
    assert_eq!(set.item_name(1), Some("root/cats/10.png"));
    let mut skipped: Vec<_> = set
        .skipped()
        .iter()
        .filter_map(|s| s.file.file_name()?.to_str())
        .collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["broken.png", "readme.txt"]);

    folder.write("set/root/dogs/red.png", colour_png([255, 0, 0]));
    let set = read(&folder.path("set"), ":8x8");
    assert_eq!(
        (set.shape().channels, set.pixels(0)[..3].to_vec()),
        (3, vec![20; 3])
    );
    assert_eq!(read(&folder.path("set"), ":8x8x1").shape().channels, 1);
    assert_eq!(read(&folder.path("set"), ":3").len(), 3);
}

#[test]
fn folders_called_train_and_test_are_halves() {
    let folder = Folder::new();
    for (at, name) in ["train/a", "train/b", "test/a", "test/b", "test/b"]
        .iter()
        .enumerate()
    {
        folder.write(&format!("{name}/{at}.png"), grey_png(at as u8));
    }
    let path = folder.0.path();
    assert_eq!(
        (
            read(path, "").len(),
            read(path, ":train").len(),
            read(path, ":test").len()
        ),
        (5, 2, 3)
    );
    assert_eq!(
        read(path, ":test").labels().expect("classes").names,
        ["a", "b"]
    );
}

#[test]
fn pictures_are_cut_to_the_middle_turned_and_laid_over_white() {
    let folder = Folder::new();
    let wide = RgbImage::from_fn(300, 100, |x, _| {
        if (100..200).contains(&x) {
            Rgb([10, 200, 30])
        } else {
            Rgb([255; 3])
        }
    });
    let path = folder.write("wide.png", encoded(wide, ImageFormat::Png));
    let set = read(&path, ":32x32");
    assert_eq!(set.pixels(0)[3 * 16 * 33..][..3], [10, 200, 30]);
    let clear = RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 51]));
    let path = folder.write("clear.png", encoded(clear, ImageFormat::Png));
    assert_eq!(read(&path, ":8x8").pixels(0), [204; 64]);
    let picture = formats::read_picture(&path, ImageShape::new(4, 4, 3)).expect("a picture");
    assert_eq!(picture.pixels, [204; 48]);
}

#[test]
fn zips_and_tars_are_read_like_folders() {
    let folder = Folder::new();
    let members = [
        ("root/b/10.png", grey_png(3)),
        ("root/b/9.png", grey_png(2)),
        ("root/a/1.png", grey_png(1)),
        ("../out.png", grey_png(9)),
        ("root/note.txt", b"text".to_vec()),
        ("__MACOSX/root/a/1.png", grey_png(9)),
    ];
    let packed = [
        folder.write("set.zip", zip_of(&members)),
        folder.write("set.tar", tar_of(&members)),
        folder.write("set.tar.gz", gz(&tar_of(&members))),
    ];
    for path in packed {
        let set = read(&path, ":7x9");
        let values: Vec<u8> = (0..set.len()).map(|i| set.pixels(i)[0]).collect();
        assert_eq!(values, [1, 2, 3]);
        assert_eq!(set.labels().expect("classes").values, [0, 1, 1]);
        let skipped: Vec<_> = set
            .skipped()
            .iter()
            .map(|s| s.file.display().to_string())
            .collect();
        assert_eq!(skipped, ["../out.png", "root/note.txt"]);
        assert_eq!(read(&path, ":2").len(), 2);
    }
}
