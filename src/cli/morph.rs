//! `morphospace morph`: the way from picture to picture through code space, as an animation.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Common, output};
use crate::data::animation::AnimationFormat;
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::model::{AutoEncoder, animate, crossfade_of, originals_of};
use crate::space::path::{Crossfade, Interpolation, KeyFrame, Path};

/// Frames of an animation through a list of items.
const FRAMES: usize = 60;

/// Animate the way from picture to picture through code space
#[derive(Debug, Args)]
pub(super) struct Morph {
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Pictures to go between; not needed with a path file, unless it is to be cross-faded and does not say with what
    #[arg(long, value_name = "SRC")]
    data: Option<DatasetSource>,
    /// Items to pass, such as 3,17,42, or a path file, as the window and --save-path write it
    #[arg(long, value_name = "I,J,…|FILE")]
    path: Way,
    /// How to go between the codes: linear, spherical or spline [default: the file's, else spline]
    #[arg(long, value_enum)]
    interpolation: Option<Between>,
    /// Frames in all; stretches the times of a path file [default: the file's, else 60]
    #[arg(long, value_name = "N")]
    frames: Option<usize>,
    /// Frames a second, 1 to 100; most programs show a GIF with 50 at most [default: the file's, else 25]
    #[arg(long, value_name = "N")]
    fps: Option<u32>,
    /// Times as wide and high, 1 to 8 [default: the file's, else up to 4 for small pictures]
    #[arg(long, value_name = "N")]
    scale: Option<u32>,
    /// Go back from the last to the first
    #[arg(long = "loop")]
    is_loop: bool,
    /// Show the cross-fade of the same pictures, pixel by pixel, under the morph [default: as the path file says]
    #[arg(long, overrides_with = "no_crossfade")]
    crossfade: bool,
    /// Show no cross-fade, whatever the path file says
    #[arg(long)]
    no_crossfade: bool,
    /// Where to write the path that was taken, with its codes
    #[arg(long, value_name = "FILE")]
    save_path: Option<PathBuf>,
    /// Where to write: .gif, .png (animated), or a folder for numbered PNGs
    #[arg(long, value_name = "FILE|DIR/")]
    out: PathBuf,
}

/// What `--path` names.
#[derive(Clone, Debug)]
enum Way {
    Items(Vec<usize>),
    File(PathBuf),
}

impl FromStr for Way {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let items: Result<Vec<usize>, _> = text.split(',').map(|i| i.trim().parse()).collect();
        Ok(items.map_or_else(|_| Self::File(PathBuf::from(text)), Self::Items))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Between {
    /// Straight lines
    Linear,
    /// Arcs about the origin
    Spherical,
    /// One smooth curve
    Spline,
}

impl From<Between> for Interpolation {
    fn from(between: Between) -> Self {
        match between {
            Between::Linear => Self::Linear,
            Between::Spherical => Self::Spherical,
            Between::Spline => Self::Spline,
        }
    }
}

impl Morph {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        // Whatever is wrong with the names is said before minutes of reading and decoding.
        AnimationFormat::of(&self.out)?;
        let mut path = match &self.path {
            Way::File(file) => Some(Path::load(file)?),
            Way::Items(items) if items.len() < 2 => {
                return Err(Error::usage("a path passes at least two items"));
            }
            Way::Items(_) => None,
        };
        if let Some(path) = &mut path {
            self.set(path)?;
        }
        let stored = path.as_ref().and_then(Path::crossfade).cloned();
        let is_faded = self.crossfade || (stored.is_some() && !self.no_crossfade);
        let (source, seed) = self.pictures(stored.as_ref(), common.seed)?;
        let dataset = match &source {
            _ if path.is_some() && !is_faded => None,
            Some(source) => Some(common.load_drawn(source, seed)?),
            None => {
                return Err(Error::usage(
                    "--path with items, and --crossfade, need the pictures: --data SRC",
                ));
            }
        };
        if let (Way::Items(items), Some(dataset)) = (&self.path, &dataset) {
            check_items(items, dataset)?;
        }
        let (_, model) = common.load_model(&self.model)?;
        let mut path = match (path, &self.path, &dataset) {
            (None, Way::Items(items), Some(dataset)) => {
                self.through(items, dataset, &model, common)?
            }
            (path, _, _) => path.unwrap_or_default(),
        };
        path.check_fits(model.code())
            .map_err(|e| self.in_path_file(e))?;
        path.set_crossfade(None);
        let mut originals = None;
        if let Some(dataset) = dataset.filter(|_| is_faded) {
            let found = crossfade_of(&path, &dataset, source.as_ref(), seed)
                .map_err(|e| self.in_path_file(e))?;
            if let Some(stored) = stored.filter(|stored| stored.digest != found.digest) {
                return Err(self.in_path_file(other_pictures(&stored, dataset.name())));
            }
            path.set_crossfade(Some(found));
            originals = Some(originals_of(&path, &dataset)?);
        }
        if let Some(file) = &self.save_path {
            output::check_writable(file)?;
        }
        let progress = common.progress("Drawing");
        let found = animate(&model, &path, originals.as_deref(), &self.out, &progress)?;
        if let Some(file) = &self.save_path {
            path.save(file)?;
        }
        let value = json!({
            "frames": found.frames,
            "secs": found.secs,
            "bytes": found.bytes,
            "out": self.out.display().to_string(),
        });
        output::print(common.json, &value);
        Ok(())
    }

    /// The path through items of the data, at even times.
    fn through(
        &self,
        items: &[usize],
        dataset: &Dataset,
        model: &AutoEncoder,
        common: &Common,
    ) -> Result<Path> {
        let codes = common.encode(model, &dataset.subset(items)?)?.mean;
        let keys = codes.chunks(model.code()).zip(items).map(|(code, item)| {
            let mut key = KeyFrame::new(code.to_vec(), 1.0);
            key.item = Some(*item);
            key
        });
        let mut path = Path::new(keys.collect())?;
        path.set_scale(output::scale_for(model.spec().shape))?;
        self.set(&mut path)?;
        if self.frames.is_none() {
            path.set_frames(FRAMES)?;
        }
        Ok(path)
    }

    /// Puts the options in the place of what the path says.
    fn set(&self, path: &mut Path) -> Result<()> {
        if let Some(interpolation) = self.interpolation {
            path.set_interpolation(interpolation.into());
        }
        if self.is_loop {
            path.set_loop(true)?;
        }
        if let Some(fps) = self.fps {
            path.set_fps(fps)?;
        }
        if let Some(scale) = self.scale {
            path.set_scale(scale)?;
        }
        if let Some(frames) = self.frames {
            path.set_frames(frames)?;
        }
        Ok(())
    }

    /// Where the pictures are, and the seed that built-in ones are drawn with: those of `--data`, else those that the path was
    /// cross-faded with.
    fn pictures(
        &self,
        stored: Option<&Crossfade>,
        seed: u64,
    ) -> Result<(Option<DatasetSource>, u64)> {
        let stored_seed = stored.and_then(|stored| stored.seed).unwrap_or(seed);
        if self.data.is_some() || self.no_crossfade {
            let is_theirs = |data: &String| {
                self.data
                    .as_ref()
                    .is_some_and(|d| d.absolute().to_string() == *data)
            };
            let is_same = stored.and_then(|s| s.data.as_ref()).is_some_and(is_theirs);
            return Ok((self.data.clone(), if is_same { stored_seed } else { seed }));
        }
        let Some(data) = stored.and_then(|stored| stored.data.as_ref()) else {
            return Ok((None, seed));
        };
        let source: DatasetSource = data.parse().map_err(|e| self.in_path_file(e))?;
        if !source.is_there() {
            let error = Error::usage(format!(
                "its cross-fade is one of {data}, which is not there"
            ));
            return Err(self.in_path_file(
                error.hint("name the same pictures by --data SRC, or do without: --no-crossfade"),
            ));
        }
        Ok((Some(source), stored_seed))
    }

    fn in_path_file(&self, error: Error) -> Error {
        match &self.path {
            Way::File(file) => error.in_file(file),
            Way::Items(_) => error,
        }
    }
}

/// Why other pictures are not faded in the place of those that the path was made with.
fn other_pictures(stored: &Crossfade, name: &str) -> Error {
    let seed = stored
        .seed
        .map_or(String::new(), |seed| format!(" --seed {seed}"));
    let made_with = stored.data.as_ref().map_or_else(
        || "name the data that the path was made with by --data SRC".to_owned(),
        |data| format!("it was made with --data {data}{seed}"),
    );
    Error::usage(format!(
        "its cross-fade is one of other pictures than the items of {name} with the same numbers"
    ))
    .hint(format!("{made_with}; --no-crossfade does without"))
}

fn check_items(items: &[usize], dataset: &Dataset) -> Result<()> {
    match items.iter().find(|i| **i >= dataset.len()) {
        Some(item) => Err(Error::usage(format!(
            "there is no item {item} among {}",
            dataset.len()
        ))),
        None => Ok(()),
    }
}
