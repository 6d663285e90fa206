//! Pictures one after the other as a file: GIF, animated PNG, or a folder of numbered PNGs.
//!
//! Invariants: one frame is held at a time; what was at the path stays until the whole animation is written; the same pictures
//! give the same bytes. Every format is played endlessly.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{ImageShape, Picture};
use crate::error::{Error, Result};
use crate::files::{Replacement, folder_of};

/// Most bytes of pixels that an animation can have before it is compressed.
const MAX_BYTES: u64 = 16 << 30;
/// How many of the enlarged pixels the colours of a GIF frame are learnt from: every tenth.
const GIF_SPEED: i32 = 10;

/// What an animation is written as.
///
/// There is no animated WebP: the pure-Rust encoders write single pictures only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnimationFormat {
    /// GIF: grey pictures keep every value, colours are reduced to 256 a frame. Times are whole hundredths of a second; shown faster
    /// than 50 frames a second it runs slow in most programs.
    Gif,
    /// Animated PNG: every pixel as it is.
    Apng,
    /// A folder of PNGs `0000.png`, `0001.png` and so on.
    Frames,
}

impl AnimationFormat {
    /// The format that a path asks for: `.gif`, `.png` or `.apng`, or a folder: one that exists, ends in a slash or has no extension.
    ///
    /// # Errors
    /// When the extension names none of these.
    pub fn of(path: &Path) -> Result<Self> {
        let ends_in_slash = path
            .as_os_str()
            .as_encoded_bytes()
            .last()
            .is_some_and(|byte| std::path::is_separator(char::from(*byte)));
        if ends_in_slash || path.is_dir() {
            return Ok(Self::Frames);
        }
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        match extension.as_ref().map(|e| e.to_str()) {
            None => Ok(Self::Frames),
            Some(Some("gif")) => Ok(Self::Gif),
            Some(Some("png" | "apng")) => Ok(Self::Apng),
            Some(_) => Err(Error::file(path, "it is no kind of animation")
                .hint("end the name in .gif or .png, or in a slash for a folder of numbered PNGs")),
        }
    }
}

/// What an animation is like, known before its first frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnimationShape {
    /// The shape of every picture.
    pub picture: ImageShape,
    /// How many times as wide and high each is drawn, from 1; pixels become squares.
    pub scale: u32,
    /// Frames a second, 1 to 1,000.
    pub fps: u32,
    /// How many frames there will be.
    pub frames: usize,
}

impl AnimationShape {
    fn width(self) -> u64 {
        self.picture.width as u64 * u64::from(self.scale)
    }

    fn height(self) -> u64 {
        self.picture.height as u64 * u64::from(self.scale)
    }

    /// Bytes of all enlarged pixels.
    #[must_use]
    pub fn raw_bytes(self) -> u64 {
        self.width()
            .saturating_mul(self.height())
            .saturating_mul(self.picture.channels as u64)
            .saturating_mul(self.frames as u64)
    }

    /// Whether its pixels are more than any animation can have.
    #[must_use]
    pub fn is_too_large(self) -> bool {
        self.raw_bytes() > MAX_BYTES
    }

    /// An upper bound of the bytes it takes on the disk: what pixels without any pattern would take.
    #[must_use]
    pub fn estimate_bytes(self, format: AnimationFormat) -> u64 {
        // Headers, a palette, and what a file system adds to a file.
        const PER_FRAME: u64 = 8 << 10;
        let per_frame = match format {
            // A pixel is at most one code of 12 bits (1.5 bytes); blocks of 255 bytes and emptied tables add a hundredth.
            AnimationFormat::Gif => {
                let pixels = self.width().saturating_mul(self.height());
                pixels
                    .saturating_add(pixels / 2)
                    .saturating_add(pixels / 64)
            }
            // A byte per row for its filter; what does not compress is stored, in blocks with five bytes of header.
            AnimationFormat::Apng | AnimationFormat::Frames => {
                let row = self.width().saturating_mul(self.picture.channels as u64) + 1;
                let raw = row.saturating_mul(self.height());
                raw.saturating_add(raw / 64)
            }
        };
        per_frame
            .saturating_add(PER_FRAME)
            .saturating_mul(self.frames as u64)
            .saturating_add(PER_FRAME)
    }

    /// Whether it can be written at `path`.
    ///
    /// # Errors
    /// When it has no frame, is larger than the format, this program or the disk allows (the message says how large it could
    /// become), or when `path` is a file where a folder is needed or the other way round.
    pub fn check(self, format: AnimationFormat, path: &Path) -> Result<()> {
        let smaller = "fewer frames, a lower scale";
        if self.frames == 0
            || self.scale == 0
            || !(1..=1000).contains(&self.fps)
            || self.picture.is_empty()
        {
            return Err(Error::usage(
                "an animation has at least one frame with a pixel, and 1 to 1,000 frames a second",
            ));
        }
        let side = self.width().max(self.height());
        let longest = match format {
            AnimationFormat::Gif => u64::from(u16::MAX),
            AnimationFormat::Apng | AnimationFormat::Frames => i32::MAX as u64,
        };
        if side > longest {
            return Err(Error::file(
                path,
                format!(
                    "its frames would be {side} pixels wide or high, the format allows {longest}"
                ),
            )
            .hint("a lower scale"));
        }
        let raw = self.raw_bytes();
        if self.is_too_large() {
            let (raw, most) = (readable(raw), readable(MAX_BYTES));
            return Err(Error::file(
                path,
                format!("the animation would have {raw} of pixels, more than {most}"),
            )
            .hint(smaller));
        }
        // Where the system does not say how much room there is, writing will.
        let needed = self.estimate_bytes(format);
        if let Ok(free) = fs4::available_space(folder_of(path))
            && needed > free
            && !std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
        {
            let (needed, free) = (readable(needed), readable(free));
            return Err(Error::file(
                path,
                format!("the animation could take up to {needed}, the disk has {free} left"),
            )
            .hint(format!("{smaller} or another folder")));
        }
        Ok(())
    }
}

/// A number of bytes in the largest fitting unit.
pub(crate) fn readable(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// Writes an animation frame by frame; dropped before [`Self::finish`], it leaves what was there.
pub struct AnimationWriter {
    path: PathBuf,
    shape: AnimationShape,
    written: usize,
    enlarged: Vec<u8>,
    output: Output,
}

enum Output {
    Gif(Box<gif::Encoder<BufWriter<File>>>, Replacement),
    Apng(Box<png::Writer<File>>, Replacement),
    Frames { folder: TempDir, bytes: u64 },
}

impl std::fmt::Debug for AnimationWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnimationWriter")
            .field("path", &self.path)
            .field("shape", &self.shape)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl AnimationWriter {
    /// Begins the animation that will be at `path`, in the format its name asks for.
    ///
    /// # Errors
    /// See [`AnimationFormat::of`] and [`AnimationShape::check`]; also when nothing can be written there, or when a folder holds
    /// other files than the numbered PNGs of an earlier animation.
    pub fn create(path: &Path, shape: AnimationShape) -> Result<Self> {
        let format = AnimationFormat::of(path)?;
        shape.check(format, path)?;
        let broken = |e: String| Error::file(path, e);
        let output = match format {
            AnimationFormat::Gif => {
                let file = Replacement::at(path)?;
                // One palette of all greys for the whole animation: nothing is lost and nothing is repeated.
                let greys: Vec<u8> = match shape.picture.channels {
                    1 => (0..=255).flat_map(|grey| [grey; 3]).collect(),
                    _ => Vec::new(),
                };
                let mut encoder = gif::Encoder::new(
                    BufWriter::new(file.writer()?),
                    shape.width() as u16,
                    shape.height() as u16,
                    &greys,
                )
                .map_err(|e| broken(e.to_string()))?;
                encoder
                    .set_repeat(gif::Repeat::Infinite)
                    .map_err(|e| broken(e.to_string()))?;
                Output::Gif(Box::new(encoder), file)
            }
            AnimationFormat::Apng => {
                let file = Replacement::at(path)?;
                let writer =
                    Self::apng(file.writer()?, shape).map_err(|e| broken(e.to_string()))?;
                Output::Apng(Box::new(writer), file)
            }
            AnimationFormat::Frames => {
                check_replaceable(path)?;
                let folder = tempfile::Builder::new()
                    .prefix(".morphospace-")
                    .tempdir_in(folder_of(path))
                    .map_err(|e| Error::io(path, &e))?;
                Output::Frames { folder, bytes: 0 }
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            shape,
            written: 0,
            enlarged: Vec::new(),
            output,
        })
    }

    fn apng(file: File, shape: AnimationShape) -> Result<png::Writer<File>, png::EncodingError> {
        let mut encoder = png::Encoder::new(file, shape.width() as u32, shape.height() as u32);
        encoder.set_color(colour(shape.picture));
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_animated(shape.frames as u32, 0)?;
        encoder.set_frame_delay(1, shape.fps as u16)?;
        encoder.write_header()
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When it has another shape or is one too many, or when it cannot be written.
    pub fn push(&mut self, picture: &Picture) -> Result<()> {
        if picture.shape != self.shape.picture || self.written == self.shape.frames {
            return Err(Error::usage(format!(
                "an animation of {} frames of {} has no place for one more of {}",
                self.shape.frames, self.shape.picture, picture.shape
            )));
        }
        let (shape, scale) = (self.shape.picture, self.shape.scale as usize);
        // A GIF's colours are chosen before pixels become squares: the same ones, learnt from as many pixels, at a fraction of the work.
        let indexed = (matches!(self.output, Output::Gif(..)) && shape.channels > 1).then(|| {
            let (width, height) = (shape.width as u16, shape.height as u16);
            let speed = (GIF_SPEED / (scale * scale) as i32).max(1);
            gif::Frame::from_rgb_speed(width, height, &picture.pixels, speed)
        });
        let (pixels, channels) = match &indexed {
            Some(frame) => (&*frame.buffer, 1),
            None => (&*picture.pixels, shape.channels),
        };
        enlarge(pixels, shape.width, channels, scale, &mut self.enlarged);
        let (width, height) = (self.shape.width(), self.shape.height());
        match &mut self.output {
            Output::Gif(encoder, _) => {
                // Rounded ends rather than rounded lengths, so that the whole takes the time it should.
                let fps = u64::from(self.shape.fps);
                let end = |frames: usize| (frames as u64 * 100 + fps / 2) / fps;
                let frame = gif::Frame {
                    width: width as u16,
                    height: height as u16,
                    delay: (end(self.written + 1) - end(self.written)) as u16,
                    palette: indexed.and_then(|frame| frame.palette),
                    buffer: Cow::Borrowed(&self.enlarged),
                    ..gif::Frame::default()
                };
                encoder.write_frame(&frame).map_err(|e| match e {
                    gif::EncodingError::Io(e) => Error::io(&self.path, &e),
                    e => Error::file(&self.path, e.to_string()),
                })?;
            }
            Output::Apng(writer, _) => writer
                .write_image_data(&self.enlarged)
                .map_err(|e| failed(&self.path, e))?,
            Output::Frames { folder, bytes } => {
                let digits = (self.shape.frames - 1).to_string().len().max(4);
                let path = folder.path().join(format!("{:0digits$}.png", self.written));
                let io = |e: std::io::Error| Error::io(&self.path, &e);
                let file = File::create_new(path).map_err(io)?;
                let mut writer = BufWriter::new(&file);
                let mut encoder = png::Encoder::new(&mut writer, width as u32, height as u32);
                encoder.set_color(colour(self.shape.picture));
                encoder.set_depth(png::BitDepth::Eight);
                encoder
                    .write_header()
                    .and_then(|mut writer| {
                        writer.write_image_data(&self.enlarged)?;
                        writer.finish()
                    })
                    .map_err(|e| failed(&self.path, e))?;
                writer.flush().map_err(io)?;
                drop(writer);
                file.sync_all().map_err(io)?;
                *bytes += file.metadata().map_err(io)?.len();
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Puts the animation in its place; returns its size in bytes.
    ///
    /// # Errors
    /// When frames are missing or the end cannot be written; what was there stays.
    pub fn finish(self) -> Result<u64> {
        let path = &self.path;
        if self.written != self.shape.frames {
            return Err(Error::usage(format!(
                "an animation of {} frames got {}",
                self.shape.frames, self.written
            )));
        }
        match self.output {
            Output::Gif(encoder, file) => {
                let buffer = encoder.into_inner().map_err(|e| match e {
                    gif::EncodingError::Io(e) => Error::io(path, &e),
                    e => Error::file(path, e.to_string()),
                })?;
                buffer
                    .into_inner()
                    .map_err(|e| Error::io(path, e.error()))?;
                file.finish()
            }
            Output::Apng(writer, file) => {
                writer.finish().map_err(|e| failed(path, e))?;
                file.finish()
            }
            Output::Frames { folder, bytes } => {
                put_folder(folder, path)?;
                Ok(bytes)
            }
        }
    }
}

fn failed(path: &Path, error: png::EncodingError) -> Error {
    match error {
        png::EncodingError::IoError(e) => Error::io(path, &e),
        e => Error::file(path, e.to_string()),
    }
}

fn colour(shape: ImageShape) -> png::ColorType {
    if shape.channels == 1 {
        png::ColorType::Grayscale
    } else {
        png::ColorType::Rgb
    }
}

/// Each pixel of a picture of `width` pixels of `channels` bytes as a square of `scale` × `scale`, into `enlarged`.
fn enlarge(pixels: &[u8], width: usize, channels: usize, scale: usize, enlarged: &mut Vec<u8>) {
    enlarged.clear();
    for row in pixels.chunks(width * channels) {
        let start = enlarged.len();
        for pixel in row.chunks(channels) {
            for _ in 0..scale {
                enlarged.extend_from_slice(pixel);
            }
        }
        let end = enlarged.len();
        for _ in 1..scale {
            enlarged.extend_from_within(start..end);
        }
    }
}

/// Whether a folder of numbered PNGs can take the place of `path` without loss: nothing is there, or nothing but such PNGs.
fn check_replaceable(path: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(Error::file(path, "it is a file, not a folder")
                .hint("end the name in .gif or .png, or choose another folder"));
        }
        Err(e) => return Err(Error::io(path, &e)),
    };
    for entry in entries {
        let name = entry.map_err(|e| Error::io(path, &e))?.file_name();
        let numbered = Path::new(&name)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .is_some_and(|stem| stem.len() >= 4 && stem.bytes().all(|b| b.is_ascii_digit()))
            && Path::new(&name).extension().is_some_and(|e| e == "png");
        if !numbered {
            return Err(Error::file(
                path,
                format!("the folder holds {}", Path::new(&name).display()),
            )
            .hint("choose a new or empty folder"));
        }
    }
    Ok(())
}

/// Moves a finished folder to `path`, whose numbered PNGs it replaces.
fn put_folder(folder: TempDir, path: &Path) -> Result<()> {
    let io = |e: std::io::Error| Error::io(path, &e);
    // Frames may have appeared in the meantime that are not ours to remove.
    check_replaceable(path)?;
    let target = if path.exists() {
        std::fs::canonicalize(path).map_err(io)?
    } else {
        path.to_path_buf()
    };
    // Goes, with the old frames in it, when it is dropped; until then they can be brought back.
    let old = tempfile::Builder::new()
        .prefix(".morphospace-")
        .tempdir_in(folder_of(&target))
        .map_err(io)?;
    let kept = old.path().join("old");
    let had = target.exists();
    if had {
        std::fs::rename(&target, &kept).map_err(io)?;
    }
    match std::fs::rename(folder.path(), &target) {
        Ok(()) => {
            // It is no longer where it would be removed from.
            let _ = folder.keep();
            Ok(())
        }
        Err(e) => {
            if had && std::fs::rename(&kept, &target).is_err() {
                let kept = old.keep().join("old");
                return Err(io(e).hint(format!("the old frames are in {}", kept.display())));
            }
            Err(io(e))
        }
    }
}

#[cfg(test)]
mod tests {
    use image::AnimationDecoder;
    use std::io::BufReader;

    use super::*;

    const GREY: ImageShape = ImageShape::new(3, 5, 1);

    /// Grey pictures of all kinds of values, or colours.
    fn pictures(shape: ImageShape, count: usize) -> Vec<Picture> {
        let value = |i: usize| (i * 89 % 256) as u8;
        (0..count)
            .map(|i| Picture {
                shape,
                pixels: (0..shape.len()).map(|j| value(i * 31 + j)).collect(),
            })
            .collect()
    }

    fn write(path: &Path, pictures: &[Picture], scale: u32, fps: u32) -> Result<u64> {
        let shape = AnimationShape {
            picture: pictures[0].shape,
            scale,
            fps,
            frames: pictures.len(),
        };
        let mut writer = AnimationWriter::create(path, shape)?;
        for picture in pictures {
            writer.push(picture)?;
        }
        let bytes = writer.finish()?;
        assert!(bytes <= shape.estimate_bytes(AnimationFormat::of(path)?));
        Ok(bytes)
    }

    fn open(path: &Path) -> BufReader<File> {
        BufReader::new(File::open(path).expect("a file"))
    }

    fn frames(path: &Path) -> Vec<image::Frame> {
        let frames = if path.extension().is_some_and(|e| e == "gif") {
            image::codecs::gif::GifDecoder::new(open(path))
                .expect("a GIF")
                .into_frames()
        } else {
            let decoder = image::codecs::png::PngDecoder::new(open(path)).expect("a PNG");
            assert!(decoder.is_apng().expect("readable"));
            decoder.apng().expect("animated").into_frames()
        };
        frames.collect_frames().expect("frames")
    }

    /// Whether `image` shows `picture` with every pixel a square.
    fn shows(image: &image::RgbaImage, picture: &Picture, scale: u32) -> bool {
        let shape = picture.shape;
        image.dimensions() == (shape.width as u32 * scale, shape.height as u32 * scale)
            && image.enumerate_pixels().all(|(x, y, pixel)| {
                let at =
                    ((y / scale) as usize * shape.width + (x / scale) as usize) * shape.channels;
                let value = |c: usize| picture.pixels[at + c % shape.channels];
                pixel.0 == [value(0), value(1), value(2), 255]
            })
    }

    #[test]
    fn a_grey_animation_comes_back_pixel_by_pixel() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let pictures = pictures(GREY, 7);
        for name in ["a.gif", "a.png", "b.apng"] {
            let path = folder.path().join(name);
            let bytes = write(&path, &pictures, 3, 25)?;
            assert_eq!(bytes, std::fs::metadata(&path).expect("a file").len());
            let found = frames(&path);
            assert_eq!(found.len(), 7, "{name}");
            for (frame, picture) in found.iter().zip(&pictures) {
                assert!(shows(frame.buffer(), picture, 3), "{name}");
                assert_eq!(frame.delay().numer_denom_ms(), (40, 1), "{name}");
            }
        }
        Ok(())
    }

    #[test]
    fn colours_come_back_from_an_animated_png_and_nearly_from_a_gif() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let pictures = pictures(ImageShape::new(20, 20, 3), 2);
        let path = folder.path().join("a.png");
        write(&path, &pictures, 1, 10)?;
        assert!(shows(frames(&path)[1].buffer(), &pictures[1], 1));
        let path = folder.path().join("a.gif");
        write(&path, &pictures, 1, 10)?;
        let found = &frames(&path)[1];
        for (pixel, wanted) in found.buffer().pixels().zip(pictures[1].pixels.chunks(3)) {
            assert!(pixel.0.iter().zip(wanted).all(|(a, b)| a.abs_diff(*b) < 48));
        }
        Ok(())
    }

    #[test]
    fn a_gif_takes_the_time_it_should() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.gif");
        for fps in [1, 7, 24, 30, 60, 100] {
            let pictures = pictures(GREY, 2 * fps as usize);
            write(&path, &pictures, 1, fps)?;
            let delays = frames(&path);
            let delays = delays.iter().map(|f| f.delay().numer_denom_ms().0);
            assert_eq!(delays.sum::<u32>(), 2_000, "{fps} frames a second");
        }
        Ok(())
    }

    #[test]
    fn numbered_pictures_replace_those_of_an_earlier_animation_and_nothing_else() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("frames/");
        let pictures = pictures(GREY, 5);
        write(&out, &pictures, 2, 25)?;
        write(&out, &pictures[1..4], 2, 25)?;
        let mut names: Vec<_> = std::fs::read_dir(&out)
            .expect("the folder")
            .flatten()
            .map(|e| e.file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["0000.png", "0001.png", "0002.png"]);
        let second = image::open(out.join("0001.png")).expect("a PNG");
        assert!(shows(&second.into_rgba8(), &pictures[2], 2));
        std::fs::write(out.join("notes.txt"), "mine").expect("written");
        let error = write(&out, &pictures, 2, 25)
            .expect_err("refused")
            .to_string();
        assert!(error.contains("notes.txt"), "{error}");
        assert_eq!(std::fs::read_dir(&out).expect("the folder").count(), 4);
        assert_eq!(
            std::fs::read_dir(folder.path())
                .expect("the folder")
                .count(),
            1
        );
        Ok(())
    }

    #[test]
    fn an_animation_given_up_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let shape = AnimationShape {
            picture: GREY,
            scale: 1,
            fps: 5,
            frames: 2,
        };
        for name in ["a.gif", "a.png", "frames"] {
            let path = folder.path().join(name);
            write(&path, &pictures(GREY, 1), 1, 5).expect("written");
            let before = std::fs::read_dir(folder.path()).expect("a folder").count();
            let mut writer = AnimationWriter::create(&path, shape).expect("begun");
            writer.push(&pictures(GREY, 1)[0]).expect("a frame");
            assert!(writer.finish().expect_err("a frame is missing").is_usage());
            assert_eq!(
                std::fs::read_dir(folder.path()).expect("a folder").count(),
                before
            );
            if name != "frames" {
                assert_eq!(frames(&path).len(), 1);
            }
        }
        let mut writer =
            AnimationWriter::create(&folder.path().join("b.gif"), shape).expect("begun");
        assert!(
            writer
                .push(&pictures(ImageShape::new(5, 3, 1), 1)[0])
                .is_err()
        );
    }

    #[test]
    fn noise_takes_no_more_than_the_estimate() -> Result<()> {
        use rand::{Rng, SeedableRng};
        let folder = tempfile::tempdir().expect("a folder");
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for shape in [ImageShape::new(300, 200, 1), ImageShape::new(150, 200, 3)] {
            let mut pixels = vec![0; shape.len()];
            random.fill_bytes(&mut pixels);
            for name in ["a.gif", "a.png", "frames"] {
                write(
                    &folder.path().join(name),
                    &[Picture {
                        shape,
                        pixels: pixels.clone(),
                    }],
                    1,
                    5,
                )?;
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_too_large_is_refused_with_its_size() {
        let shape = AnimationShape {
            picture: ImageShape::new(64, 64, 3),
            scale: 8,
            fps: 25,
            frames: 100_000,
        };
        let path = Path::new("a.png");
        let error = shape
            .check(AnimationFormat::Apng, path)
            .expect_err("refused");
        assert!(error.to_string().contains("79 GB"), "{error}");
        let wide = AnimationShape {
            picture: ImageShape::new(1, 10_000, 1),
            frames: 1,
            ..shape
        };
        assert!(wide.check(AnimationFormat::Apng, path).is_ok());
        let error = wide.check(AnimationFormat::Gif, path).expect_err("refused");
        assert!(error.to_string().contains("80000"), "{error}");
        let endless = AnimationShape {
            picture: ImageShape::new(usize::MAX, usize::MAX, 3),
            ..shape
        };
        assert!(endless.check(AnimationFormat::Apng, path).is_err());
    }

    #[test]
    fn the_name_says_the_format() -> Result<()> {
        let of = |name: &str| AnimationFormat::of(Path::new(name));
        assert_eq!(of("a/b.GIF")?, AnimationFormat::Gif);
        assert_eq!(of("b.png")?, AnimationFormat::Apng);
        assert_eq!(of("b.apng")?, AnimationFormat::Apng);
        for name in ["b", "b.gif/", "src", "a.b/c"] {
            assert_eq!(of(name)?, AnimationFormat::Frames, "{name}");
        }
        for name in ["b.webp", "b.mp4"] {
            assert!(of(name).expect_err("refused").to_string().contains(".gif"));
        }
        Ok(())
    }
}
