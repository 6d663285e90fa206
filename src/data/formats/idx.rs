//! IDX, the format of MNIST: big-endian sizes, then unsigned bytes; labels lie in a file of their own.
//! Described at <http://yann.lecun.com/exdb/mnist/>.
//!
//! Invariant: labels are only used when there are as many as pictures.

use std::path::{Path, PathBuf};

use super::folder::{self, Halves};
use super::stream::{MAX_BYTES, Stream, cut_off};
use super::{Loaded, Pick, Places, Wanted, labels};
use crate::data::ImageShape;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The type code of unsigned bytes.
const U8: u8 = 0x08;

/// The first bytes of an IDX file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    type_code: u8,
    dims: Vec<u64>,
}

impl Header {
    /// Reads the header at the beginning of `head`; `None` when this is not IDX.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let [0, 0, type_code @ (U8 | 0x09 | 0x0b..=0x0e), rank @ 1..=4] = *head.first_chunk()?
        else {
            return None;
        };
        let sizes = head.get(4..4 + 4 * usize::from(rank))?;
        let (sizes, _) = sizes.as_chunks();
        Some(Self {
            type_code,
            dims: sizes
                .iter()
                .map(|&size| u64::from(u32::from_be_bytes(size)))
                .collect(),
        })
    }

    fn peek(path: &Path) -> Option<Self> {
        Self::parse(
            Stream::open(path, &Progress::silent())
                .ok()?
                .peek(20)
                .ok()?,
        )
    }

    fn is_images(&self) -> bool {
        self.dims.len() >= 3
    }

    fn len(&self) -> usize {
        4 + 4 * self.dims.len()
    }
}

/// A file of pictures, the header that it has, and its file of labels.
struct Images {
    path: PathBuf,
    header: Header,
    labels: Option<PathBuf>,
}

/// Reads one file with its labels; given the labels, finds the pictures.
pub(super) fn load_file(path: &Path, wanted: Wanted, progress: &Progress) -> Result<Loaded> {
    let header = Header::peek(path).ok_or_else(|| cut_off(path))?;
    let (path, header) = if header.is_images() {
        (path.to_path_buf(), header)
    } else if header.dims.len() == 1 {
        sibling(path, "labels", "images", |h| {
            h.is_images() && h.dims[0] == header.dims[0]
        })
        .ok_or_else(|| {
            Error::file(
                path,
                "holds labels, and the file with their pictures is not beside it",
            )
            .hint("put the …-images-idx3-ubyte file into the same folder")
        })?
    } else {
        return Err(Error::file(path, "holds a table, not pictures")
            .hint("pictures need an IDX file of 3 sizes"));
    };
    let labels = labels_of(&path, &header);
    let images = Images {
        path,
        header,
        labels,
    };
    load(
        &Halves {
            files: vec![(images, None, true)],
            pick: wanted.pick(),
        },
        progress,
    )
}

/// Reads the pictures of a folder, the training half before the test half; `None` when it has no IDX pictures.
pub(super) fn load_folder(
    files: &[PathBuf],
    wanted: Wanted,
    progress: &Progress,
) -> Option<Result<Loaded>> {
    let found = files.iter().filter_map(|path| {
        let header = Header::peek(path).filter(Header::is_images)?;
        let labels = labels_of(path, &header);
        Some(Images {
            path: path.clone(),
            header,
            labels,
        })
    });
    let found: Vec<Images> = found.collect();
    if found.is_empty() {
        return None;
    }
    let halves = folder::halves(found, |images| &images.path, wanted);
    Some(load(&halves, progress))
}

fn load(halves: &Halves<Images>, progress: &Progress) -> Result<Loaded> {
    let Halves { files, pick } = halves;
    let (mut pixels, mut numbers, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let mut has_labels = true;
    let mut shape = None;
    let mut places = Places::default();
    let mut left = *pick;
    for (images, half, is_wanted) in files {
        let count = images.header.dims[0];
        if !is_wanted || left.count == Some(0) {
            places.pass(count);
            continue;
        }
        let file_shape = read_images(images, left, &mut pixels, progress)?;
        if *shape.get_or_insert(file_shape) != file_shape {
            return Err(Error::file(
                &images.path,
                "has pictures of another shape than the other files of its folder",
            )
            .hint("open one file instead of the folder"));
        }
        if let Some(path) = &images.labels {
            let found = read_labels(path, progress)?;
            ids.extend(left.filter(numbers.len()..numbers.len() + found.len()));
            numbers.extend(found);
        } else {
            has_labels = false;
        }
        places.keep(count, left, *half);
        left.count = pick
            .count
            .map(|count| count.saturating_sub(pixels.len() / file_shape.len()));
    }
    let shape = shape.ok_or_else(|| Error::usage("no IDX file to read"))?;
    let is_fashion = files.iter().any(|(images, ..)| {
        images
            .path
            .to_string_lossy()
            .to_lowercase()
            .contains("fashion")
    });
    let names = is_fashion.then(|| labels::owned(&labels::FASHION));
    let labels = has_labels
        .then(|| labels::from_numbers(&numbers, names))
        .flatten();
    Ok(Loaded {
        labels: labels.map(|labels| labels::subset(&labels, &ids)),
        places,
        ..Loaded::new(shape, pixels)
    })
}

fn read_images(
    images: &Images,
    pick: Pick,
    pixels: &mut Vec<u8>,
    progress: &Progress,
) -> Result<ImageShape> {
    let Images { path, header, .. } = images;
    if header.type_code != U8 {
        return Err(
            Error::file(path, "holds numbers that are not unsigned bytes")
                .hint("save the pictures as bytes"),
        );
    }
    let too_large = || {
        let sizes: Vec<String> = header.dims.iter().map(ToString::to_string).collect();
        Error::file(
            path,
            format!(
                "its header claims {} bytes, more than can be held",
                sizes.join(" × ")
            ),
        )
        .hint("make sure that the file is what it should be")
    };
    let side = |i: usize| usize::try_from(header.dims[i]).unwrap_or(usize::MAX);
    let (shape, is_planar) = match header.dims.len() {
        3 => (ImageShape::new(side(1), side(2), 1), false),
        _ if matches!(side(3), 1 | 3) => (ImageShape::new(side(1), side(2), side(3)), false),
        _ if matches!(side(1), 1 | 3) => (ImageShape::new(side(2), side(3), side(1)), true),
        _ => {
            return Err(Error::file(
                path,
                "has pictures of neither 1 nor 3 channels",
            ));
        }
    };
    let item_len = header.dims[1..]
        .iter()
        .try_fold(1u64, |product, &n| product.checked_mul(n));
    let item_len = item_len.filter(|&n| n <= MAX_BYTES).ok_or_else(too_large)? as usize;
    if item_len == 0 || header.dims[0] == 0 {
        return Err(Error::file(
            path,
            "holds not a single picture: a size in its header is 0",
        ));
    }
    let mut stream = Stream::open(path, progress)?;
    stream.append(header.len() as u64, &mut Vec::new())?;
    let start = pixels.len();
    let extent = stream.append_items(item_len, header.dims[0], pick, pixels)?;
    if !extent.is_complete {
        return Err(Error::file(
            path,
            format!(
                "is cut off: its header promises {} pictures and it holds {}",
                header.dims[0], extent.items
            ),
        )
        .hint("fetch or copy the file again"));
    }
    if pick.count.is_none() {
        stream.has_more()?;
    }
    if is_planar {
        for item in pixels[start..].chunks_exact_mut(item_len) {
            interleave(item, shape);
        }
    }
    Ok(shape)
}

/// Turns planes one after the other into channels side by side.
pub(super) fn interleave(item: &mut [u8], shape: ImageShape) {
    let planes = item.to_vec();
    let area = shape.height * shape.width;
    for (at, pixel) in item.chunks_exact_mut(shape.channels).enumerate() {
        for (channel, value) in pixel.iter_mut().enumerate() {
            *value = planes[channel * area + at];
        }
    }
}

fn read_labels(path: &Path, progress: &Progress) -> Result<Vec<i64>> {
    let mut stream = Stream::open(path, progress)?;
    let header = Header::parse(stream.peek(20)?).ok_or_else(|| cut_off(path))?;
    stream.append(header.len() as u64, &mut Vec::new())?;
    let count = header.dims[0];
    let mut bytes = Vec::new();
    let whole = stream.append_items(
        1,
        count,
        Pick {
            part: None,
            count: None,
        },
        &mut bytes,
    )?;
    if !whole.is_complete {
        return Err(Error::file(
            path,
            format!(
                "is cut off: its header promises {count} labels and it holds {}",
                whole.items
            ),
        )
        .hint("fetch or copy the file again, or move it away to go without labels"));
    }
    Ok(bytes.into_iter().map(i64::from).collect())
}

/// The labels that belong to a file of pictures.
fn labels_of(images: &Path, header: &Header) -> Option<PathBuf> {
    let fits = |h: &Header| h.type_code == U8 && h.dims.len() == 1 && h.dims[0] == header.dims[0];
    sibling(images, "images", "labels", fits).map(|(path, _)| path)
}

/// The one IDX file beside `path` that `fits`; when several do, the one named alike with `to` in place of `from`.
fn sibling(
    path: &Path,
    from: &str,
    to: &str,
    fits: impl Fn(&Header) -> bool,
) -> Option<(PathBuf, Header)> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let files = folder::files_in(folder).ok()?;
    let others = files.into_iter().filter(|other| other != path);
    let mut found: Vec<_> = others
        .filter_map(|other| {
            let header = Header::peek(&other).filter(&fits)?;
            Some((other, header))
        })
        .collect();
    if found.len() > 1 {
        let wanted = stem(path).replace(from, to);
        found.retain(|(other, _)| stem(other) == wanted);
    }
    found.into_iter().next()
}

/// A file's name in lower case without what differs between the files of one set: `.gz` and the number of sizes.
fn stem(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    ["idx1", "idx3", "idx4"]
        .iter()
        .fold(name.replace('.', "-"), |name, idx| name.replace(idx, "idx"))
}
