//! Ways from one code to another, and key-frames of codes on a time line.
//!
//! Invariants: every way passes exactly through the codes it was given; a [`Path`] holds only finite numbers, codes of one
//! size, times above zero, and no more keys and frames than [`Path::MAX_KEYS`] and [`Path::MAX_FRAMES`].

mod between;
mod file;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use between::{Interpolation, linear, spherical};
use file::PathFile;

/// A code that a path passes, and how long the way from it to the next one takes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFrame {
    /// The code.
    pub code: Vec<f32>,
    /// Seconds from this key to the next, above zero. Those of the last key lead back to the first on a looped path and
    /// mean nothing on others.
    pub secs: f32,
    /// The item whose code it was, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// What the user called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl KeyFrame {
    /// A key without a name that comes from no item.
    #[must_use]
    pub fn new(code: Vec<f32>, secs: f32) -> Self {
        Self {
            code,
            secs,
            item: None,
            name: None,
        }
    }
}

/// Where on its way a path is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place {
    /// The key it comes from.
    pub from: usize,
    /// The key it goes to.
    pub to: usize,
    /// The share of the time between the two that has passed, in `[0, 1)`; 0 on the key itself.
    pub share: f64,
}

/// The data that the pixel cross-fade of a path is made of, so that other data are not faded in their place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crossfade {
    /// Where the keys' items are, as `--data` takes it; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The seed that they were drawn with, where the program drew them itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// A digest of the pictures of the keys' items in their order, in hexadecimal.
    pub digest: String,
}

/// Key-frames of codes on a time line, and how they are shown as an animation.
///
/// As a file it is one JSON object: `version` (1), `interpolation`, `fps`, `loop`, `scale` and `keys`, each with `code`,
/// `secs` and, where known, `item` and `name`; with a cross-fade also `crossfade`, see [`Crossfade`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(into = "PathFile", try_from = "PathFile")]
pub struct Path {
    keys: Vec<KeyFrame>,
    interpolation: Interpolation,
    fps: u32,
    is_loop: bool,
    scale: u32,
    crossfade: Option<Crossfade>,
}

/// A frame this near to a key, as a share of the way between two keys, is the key.
const ON_A_KEY: f64 = 1e-6;

impl Default for Path {
    /// A path without keys: a spline of 25 frames a second that does not loop, shown at its own size.
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            interpolation: Interpolation::Spline,
            fps: 25,
            is_loop: false,
            scale: 1,
            crossfade: None,
        }
    }
}

impl Path {
    /// Most keys of a path.
    pub const MAX_KEYS: usize = 1_000;
    /// Most frames of a path.
    pub const MAX_FRAMES: usize = 100_000;
    /// Most frames a second.
    pub const MAX_FPS: u32 = 100;
    /// Most times that pictures are drawn as wide and high.
    pub const MAX_SCALE: u32 = 8;

    /// The default path through `keys`.
    ///
    /// # Errors
    /// When the keys break an invariant: the message says which key and how.
    pub fn new(keys: Vec<KeyFrame>) -> Result<Self> {
        let path = Self {
            keys,
            ..Self::default()
        };
        path.check()?;
        Ok(path)
    }

    /// Its keys in order.
    #[must_use]
    pub fn keys(&self) -> &[KeyFrame] {
        &self.keys
    }

    /// How it runs between them.
    #[must_use]
    pub fn interpolation(&self) -> Interpolation {
        self.interpolation
    }

    /// Frames a second, 1 to [`Self::MAX_FPS`].
    #[must_use]
    pub fn fps(&self) -> u32 {
        self.fps
    }

    /// Whether it leads from the last key back to the first.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.is_loop
    }

    /// How many times as wide and high its pictures are drawn, 1 to [`Self::MAX_SCALE`].
    #[must_use]
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// What is cross-faded under its pictures, where something is.
    #[must_use]
    pub fn crossfade(&self) -> Option<&Crossfade> {
        self.crossfade.as_ref()
    }

    /// Numbers per code; none without keys.
    #[must_use]
    pub fn code_size(&self) -> Option<usize> {
        self.keys.first().map(|key| key.code.len())
    }

    /// Whether a model with codes of `code_size` numbers can draw it.
    ///
    /// # Errors
    /// When its codes have another size, which the message names.
    pub fn check_fits(&self, code_size: usize) -> Result<()> {
        match self.code_size() {
            Some(size) if size != code_size => Err(Error::model(format!(
                "the path has codes of {size} numbers, those of the model have {code_size}"
            ))
            .hint("take the model that the path was made with")),
            _ => Ok(()),
        }
    }

    /// Makes `key` the one at `at`, and those from there on one later. A cross-fade was one of other keys and is forgotten, as
    /// it is when a key is taken out or moved.
    ///
    /// # Errors
    /// When there is no such place or the path would break an invariant; it then stays as it was. So for all below.
    pub fn insert(&mut self, at: usize, key: KeyFrame) -> Result<()> {
        if at > self.keys.len() {
            return Err(self.no_key(at));
        }
        self.edit(|path| {
            path.keys.insert(at, key);
            path.crossfade = None;
        })
    }

    /// Takes the key at `at` out. The time to the one before it is that one's and stays.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn remove(&mut self, at: usize) -> Result<KeyFrame> {
        if at >= self.keys.len() {
            return Err(self.no_key(at));
        }
        self.crossfade = None;
        Ok(self.keys.remove(at))
    }

    /// Moves the key at `from` with its time, so that it is the one at `to` afterwards.
    ///
    /// # Errors
    /// See [`Self::insert`].
    pub fn reorder(&mut self, from: usize, to: usize) -> Result<()> {
        if let Some(&at) = [from, to].iter().find(|at| **at >= self.keys.len()) {
            return Err(self.no_key(at));
        }
        // The last key's time may begin to count, so that even this can make a path too long.
        self.edit(|path| {
            let key = path.keys.remove(from);
            path.keys.insert(to, key);
            path.crossfade = None;
        })
    }

    /// Sets the seconds from the key at `at` to the next.
    ///
    /// # Errors
    /// See [`Self::insert`].
    pub fn set_secs(&mut self, at: usize, secs: f32) -> Result<()> {
        if at >= self.keys.len() {
            return Err(self.no_key(at));
        }
        self.edit(|path| path.keys[at].secs = secs)
    }

    /// Calls the key at `at` by a name, or by none.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn set_name(&mut self, at: usize, name: Option<String>) -> Result<()> {
        let error = self.no_key(at);
        self.keys.get_mut(at).ok_or(error)?.name = name;
        Ok(())
    }

    /// Sets what is cross-faded under its pictures, or that nothing is.
    pub fn set_crossfade(&mut self, crossfade: Option<Crossfade>) {
        self.crossfade = crossfade;
    }

    /// Lets every key be a code of its own, no item's: the items were those of other data.
    pub fn forget_items(&mut self) {
        self.crossfade = None;
        for key in &mut self.keys {
            key.item = None;
        }
    }

    /// Sets how it runs between its keys.
    pub fn set_interpolation(&mut self, interpolation: Interpolation) {
        self.interpolation = interpolation;
    }

    /// Sets the frames a second.
    ///
    /// # Errors
    /// See [`Self::insert`].
    pub fn set_fps(&mut self, fps: u32) -> Result<()> {
        self.edit(|path| path.fps = fps)
    }

    /// Sets whether it leads back to its first key.
    ///
    /// # Errors
    /// See [`Self::insert`].
    pub fn set_loop(&mut self, is_loop: bool) -> Result<()> {
        self.edit(|path| path.is_loop = is_loop)
    }

    /// Sets how many times as wide and high its pictures are drawn.
    ///
    /// # Errors
    /// See [`Self::insert`].
    pub fn set_scale(&mut self, scale: u32) -> Result<()> {
        self.edit(|path| path.scale = scale)
    }

    /// Stretches all times by one factor, so that it has `frames` frames (at least two, or one on a loop).
    ///
    /// # Errors
    /// See [`Self::insert`]; also when it lasts no time.
    pub fn set_frames(&mut self, frames: usize) -> Result<()> {
        let steps = frames.saturating_sub(usize::from(!self.is_loop));
        let duration = self.duration();
        if steps == 0 || duration == 0.0 {
            return Err(Error::usage(
                "a path has at least two frames, and two keys to pass on the way",
            ));
        }
        let factor = steps as f64 / f64::from(self.fps) / duration;
        self.edit(|path| {
            for key in &mut path.keys {
                key.secs = (f64::from(key.secs) * factor) as f32;
            }
        })
    }

    /// Seconds from the first key to the last, on a loop back to the first.
    #[must_use]
    pub fn duration(&self) -> f64 {
        let timed = if self.is_loop {
            self.keys.len()
        } else {
            self.keys.len().saturating_sub(1)
        };
        self.keys[..timed].iter().map(|k| f64::from(k.secs)).sum()
    }

    /// Seconds from the first key to each.
    #[must_use]
    pub fn starts(&self) -> Vec<f64> {
        self.keys
            .iter()
            .scan(0.0, |now, key| {
                let start = *now;
                *now += f64::from(key.secs);
                Some(start)
            })
            .collect()
    }

    /// The number of frames. With `steps` = duration × frames a second, rounded and at least 1: a loop has `steps` frames, of which
    /// the one after the last would be the first again; any other path has `steps + 1`, of which the first is the first key and
    /// the last the last. A path that lasts no time has one frame, one without keys none.
    #[must_use]
    pub fn frames(&self) -> usize {
        if self.keys.is_empty() {
            return 0;
        }
        self.steps() + usize::from(!self.is_loop)
    }

    fn steps(&self) -> usize {
        let duration = self.duration();
        if duration == 0.0 {
            return 0;
        }
        ((duration * f64::from(self.fps)).round() as usize).max(1)
    }

    /// The second at which `frame` is shown: frames are evenly spaced, see [`Self::frames`].
    #[must_use]
    pub fn time_of(&self, frame: usize) -> f64 {
        self.duration() * frame as f64 / self.steps().max(1) as f64
    }

    /// Where it is at `secs` from its start. Before the start and after the end that is the first and the last key, except on
    /// a loop, which goes on. None without keys.
    #[must_use]
    pub fn place_at(&self, secs: f64) -> Option<Place> {
        self.place(&self.starts(), secs)
    }

    fn place(&self, starts: &[f64], secs: f64) -> Option<Place> {
        let last = self.keys.len().checked_sub(1)?;
        let on = |key| Place {
            from: key,
            to: self.next(key),
            share: 0.0,
        };
        let duration = self.duration();
        if duration == 0.0 || secs.is_nan() {
            return Some(on(0));
        }
        let secs = if self.is_loop {
            secs.rem_euclid(duration)
        } else {
            secs.clamp(0.0, duration)
        };
        let from = starts.partition_point(|start| *start <= secs).max(1) - 1;
        let share = (secs - starts[from]) / f64::from(self.keys[from].secs);
        Some(if share < ON_A_KEY || (from == last && !self.is_loop) {
            on(from)
        } else if share > 1.0 - ON_A_KEY {
            on(self.next(from))
        } else {
            Place { share, ..on(from) }
        })
    }

    fn next(&self, key: usize) -> usize {
        match key + 1 {
            next if next < self.keys.len() => next,
            _ if self.is_loop => 0,
            _ => key,
        }
    }

    /// The code at `secs` from its start; see [`Self::place_at`] for times before and after.
    ///
    /// A spline is the cubic Hermite curve whose velocity at a key is that of the parabola through it and its two neighbours at
    /// their times (Catmull & Rom 1974, for uneven times Barry & Goldman 1988). It is held to three times the speed of the
    /// straight line on the slower side (the bound of Fritsch & Carlson 1980): so a key that comes twice is a rest,
    /// and a slow way before a quick one does not swing out. At the ends of a path that is no loop the velocity is half that
    /// of the straight line.
    #[must_use]
    pub fn code_at(&self, secs: f64) -> Option<Vec<f32>> {
        Some(self.code(self.place_at(secs)?))
    }

    fn code(&self, place: Place) -> Vec<f32> {
        let (a, b) = (&self.keys[place.from].code, &self.keys[place.to].code);
        if place.share == 0.0 {
            return a.clone();
        }
        match self.interpolation {
            Interpolation::Linear => linear(a, b, place.share as f32),
            Interpolation::Spherical => spherical(a, b, place.share as f32),
            Interpolation::Spline => {
                let secs = f64::from(self.keys[place.from].secs);
                let (leaving, arriving) = (self.velocity(place.from), self.velocity(place.to));
                let t = place.share;
                let (t2, t3) = (t * t, t * t * t);
                let from_b = 3.0 * t2 - 2.0 * t3;
                let from_leaving = secs * (t3 - 2.0 * t2 + t);
                let from_arriving = secs * (t3 - t2);
                (0..a.len())
                    .map(|i| {
                        let (a, b) = (f64::from(a[i]), f64::from(b[i]));
                        let bend = from_leaving * leaving[i] + from_arriving * arriving[i];
                        (a + from_b * (b - a) + bend) as f32
                    })
                    .collect()
            }
        }
    }

    /// The velocity of the spline at a key, per second.
    fn velocity(&self, key: usize) -> Vec<f64> {
        let last = self.keys.len() - 1;
        let before = match key.checked_sub(1) {
            None if self.is_loop => Some(last),
            before => before,
        };
        let after = (key < last || self.is_loop).then(|| self.next(key));
        // The straight line between two keys: seconds and velocity.
        let line = |from: usize, to: usize| {
            let secs = f64::from(self.keys[from].secs);
            let velocity = self.keys[from].code.iter().zip(&self.keys[to].code);
            let velocity: Vec<f64> = velocity
                .map(|(a, b)| (f64::from(*b) - f64::from(*a)) / secs)
                .collect();
            (secs, velocity)
        };
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (line(before, key), line(key, after)),
            (Some(end), None) => return halved(&line(end, key).1),
            (None, Some(end)) => return halved(&line(key, end).1),
            (None, None) => return vec![0.0; self.keys[key].code.len()],
        };
        let weight = after.0 / (before.0 + after.0);
        let mut velocity: Vec<f64> = before
            .1
            .iter()
            .zip(&after.1)
            .map(|(before, after)| weight * before + (1.0 - weight) * after)
            .collect();
        let bound = 3.0 * speed(&before.1).min(speed(&after.1));
        let speed = speed(&velocity);
        if speed > bound {
            for v in &mut velocity {
                *v *= bound / speed;
            }
        }
        velocity
    }

    /// The code of each frame in order, each computed when it is asked for.
    pub fn codes(&self) -> impl Iterator<Item = Vec<f32>> {
        let starts = self.starts();
        (0..self.frames())
            .map_while(move |frame| Some(self.code(self.place(&starts, self.time_of(frame))?)))
    }

    fn no_key(&self, at: usize) -> Error {
        Error::usage(format!(
            "there is no place {at} on a path of {} keys",
            self.keys.len()
        ))
    }

    /// Makes a change if what comes of it keeps all invariants.
    fn edit(&mut self, change: impl FnOnce(&mut Self)) -> Result<()> {
        let mut changed = self.clone();
        change(&mut changed);
        changed.check()?;
        *self = changed;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let wrong = |reason: String| Err(Error::usage(reason));
        if self.keys.len() > Self::MAX_KEYS {
            return wrong(format!(
                "a path has at most {} keys, not {}",
                Self::MAX_KEYS,
                self.keys.len()
            ));
        }
        if !(1..=Self::MAX_FPS).contains(&self.fps) {
            return wrong(format!(
                "an animation has 1 to {} frames a second, not {}",
                Self::MAX_FPS,
                self.fps
            ));
        }
        if !(1..=Self::MAX_SCALE).contains(&self.scale) {
            return wrong(format!(
                "pictures are drawn at 1 to {} times their size, not {}",
                Self::MAX_SCALE,
                self.scale
            ));
        }
        let size = self.code_size().unwrap_or(1);
        for (i, key) in self.keys.iter().enumerate() {
            if key.code.is_empty() {
                return wrong(format!("the code of key {i} has no numbers"));
            }
            if key.code.len() != size {
                return wrong(format!(
                    "key {i} has a code of {} numbers, those before it have {size}",
                    key.code.len()
                ));
            }
            if let Some(number) = key.code.iter().position(|v| !v.is_finite()) {
                return wrong(format!("number {number} of key {i} is not finite"));
            }
            if !(key.secs.is_finite() && key.secs > 0.0) {
                return wrong(format!(
                    "the time of key {i} has to be above zero, not {} seconds",
                    key.secs
                ));
            }
        }
        if self.frames() > Self::MAX_FRAMES {
            return wrong(format!(
                "a path of {:.0} seconds at {} frames a second has more than {} frames",
                self.duration(),
                self.fps,
                Self::MAX_FRAMES
            ));
        }
        Ok(())
    }
}

fn speed(velocity: &[f64]) -> f64 {
    velocity.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn halved(velocity: &[f64]) -> Vec<f64> {
    velocity.iter().map(|v| 0.5 * v).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Interpolation; 3] = [
        Interpolation::Linear,
        Interpolation::Spherical,
        Interpolation::Spline,
    ];

    fn close(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    fn length(a: &[f32]) -> f64 {
        a.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
    }

    /// A path of `frames` frames through keys at even times.
    fn even(
        codes: &[Vec<f32>],
        frames: usize,
        interpolation: Interpolation,
        is_loop: bool,
    ) -> Result<Path> {
        let keys = codes.iter().map(|c| KeyFrame::new(c.clone(), 1.0));
        let mut path = Path::new(keys.collect())?;
        path.set_interpolation(interpolation);
        path.set_loop(is_loop)?;
        path.set_frames(frames)?;
        Ok(path)
    }

    fn a_path() -> impl Strategy<Value = Path> {
        let key = |d| (prop::collection::vec(-4.0_f32..4.0, d), 0.05_f32..3.0);
        (1_usize..6)
            .prop_flat_map(move |d| prop::collection::vec(key(d), 1..7))
            .prop_flat_map(|keys| {
                (
                    Just(keys),
                    0..3_usize,
                    any::<bool>(),
                    1..=100_u32,
                    1..=8_u32,
                )
            })
            .prop_map(|(keys, interpolation, is_loop, fps, scale)| {
                let keys = keys
                    .into_iter()
                    .map(|(code, secs)| KeyFrame::new(code, secs));
                let mut path = Path::new(keys.collect()).expect("a path");
                path.set_interpolation(ALL[interpolation]);
                path.set_loop(is_loop).expect("short enough");
                path.set_fps(fps).expect("short enough");
                path.set_scale(scale).expect("in range");
                path
            })
    }

    proptest! {
        #[test]
        fn an_arc_has_its_ends_and_a_length_between_theirs(
            (a, b) in (1_usize..9).prop_flat_map(|d| {
                let code = || prop::collection::vec(-5.0_f32..5.0, d);
                (code(), code())
            }),
            t in 0.0_f32..=1.0,
        ) {
            prop_assert_eq!(spherical(&a, &b, 0.0), a.clone());
            prop_assert_eq!(spherical(&a, &b, 1.0), b.clone());
            let product: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let cosine = product / (length(&a) * length(&b));
            prop_assume!(cosine.abs() < 0.999_99);
            let expected = (1.0 - f64::from(t)) * length(&a) + f64::from(t) * length(&b);
            let found = length(&spherical(&a, &b, t));
            prop_assert!((found - expected).abs() < 1e-3 * (1.0 + expected), "{} {}", found, expected);
        }

        #[test]
        fn every_path_meets_its_keys(path in a_path()) {
            for (key, start) in path.keys().iter().zip(path.starts()) {
                prop_assert_eq!(path.code_at(start), Some(key.code.clone()));
            }
            let first = &path.keys()[0].code;
            let codes: Vec<_> = path.codes().collect();
            prop_assert_eq!(codes.len(), path.frames());
            prop_assert!(codes.iter().flatten().all(|x| x.is_finite()));
            prop_assert_eq!(&codes[0], first);
            if path.is_loop() {
                prop_assert_eq!(path.code_at(path.duration()), Some(first.clone()));
            } else {
                prop_assert_eq!(codes.last(), path.keys().last().map(|k| &k.code));
            }
        }

        /// Over a hundredth of a step a path goes no further than a few hundredths of its fastest straight line.
        #[test]
        fn no_path_jumps_or_races(path in a_path()) {
            let keys = path.keys();
            let n = keys.len();
            let mut fastest = 0.0_f64;
            for i in 0..n {
                let next = &keys[(i + 1) % n].code;
                let way: Vec<f32> = keys[i].code.iter().zip(next).map(|(a, b)| b - a).collect();
                fastest = fastest.max(length(&way) / f64::from(keys[i].secs));
            }
            // Linear: 1. A cubic whose ends move at most thrice as fast as its line never moves faster than 5.5 times.
            prop_assume!(path.interpolation() != Interpolation::Spherical);
            let step = path.duration() / 2_000.0;
            for i in 0..2_000 {
                let a = path.code_at(step * f64::from(i)).expect("a code");
                let b = path.code_at(step * f64::from(i + 1)).expect("a code");
                let moved: Vec<f32> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
                prop_assert!(length(&moved) <= 5.5 * fastest * step + 1e-4, "{} at {}", length(&moved), i);
            }
        }

        #[test]
        fn a_path_comes_back_from_its_file(path in a_path()) {
            let again = Path::from_json(&serde_json::to_vec(&path).expect("JSON"), std::path::Path::new("p.json"));
            prop_assert_eq!(again.expect("a path"), path);
        }

        #[test]
        fn a_cross_fade_comes_back_from_the_file_and_goes_with_the_keys(mut path in a_path(), seed in any::<Option<u64>>()) {
            let crossfade = Crossfade {
                data: seed.map(|_| "faces:200".to_owned()),
                seed,
                digest: "00ff".to_owned(),
            };
            path.set_crossfade(Some(crossfade));
            let json = serde_json::to_vec(&path).expect("JSON");
            let mut again = Path::from_json(&json, std::path::Path::new("p.json")).expect("a path");
            prop_assert_eq!(&again, &path);
            again.set_loop(path.is_loop()).expect("as it was");
            prop_assert!(again.crossfade().is_some());
            again.remove(0).expect("a key");
            prop_assert_eq!(again.crossfade(), None);
        }

        #[test]
        fn editing_keeps_what_holds_of_every_path(
            mut path in a_path(),
            edits in prop::collection::vec((0..6_u8, 0..8_usize, 0..8_usize, -1.0_f32..2_000.0), 0..20),
        ) {
            let size = path.code_size().expect("a key");
            for (kind, a, b, secs) in edits {
                let before = path.clone();
                let done = match kind {
                    0 => path.insert(a, KeyFrame::new(vec![1.0; size], secs)),
                    1 if path.keys().len() > 1 => path.remove(a).map(drop),
                    2 => path.reorder(a, b),
                    3 => path.set_secs(a, secs),
                    4 => path.insert(a, KeyFrame::new(vec![f32::NAN; size], 1.0)),
                    _ => path.insert(a, KeyFrame::new(vec![1.0; size + 1], 1.0)),
                };
                if done.is_ok() {
                    prop_assert!(kind < 4 && path.check().is_ok());
                } else {
                    prop_assert_eq!(&path, &before);
                }
            }
        }
    }

    #[test]
    fn a_line_meets_its_ends_and_middle() {
        let (a, b) = ([1.0, -2.0], [3.0, 4.0]);
        assert_eq!(linear(&a, &b, 0.0), a);
        assert_eq!(linear(&a, &b, 1.0), b);
        assert_eq!(linear(&a, &b, 0.5), [2.0, 1.0]);
    }

    #[test]
    fn an_arc_keeps_the_length_and_halves_the_angle() {
        let middle = spherical(&[2.0, 0.0], &[0.0, 2.0], 0.5);
        assert!(
            close(&middle, &[2.0_f32.sqrt(), 2.0_f32.sqrt()]),
            "{middle:?}"
        );
        let uneven = spherical(&[1.0, 0.0], &[0.0, 3.0], 0.5);
        assert!((uneven[0].hypot(uneven[1]) - 2.0).abs() < 1e-5);
    }

    #[test]
    fn an_arc_that_is_not_defined_is_a_line() {
        for (a, b) in [
            ([0.0, 0.0], [1.0, 0.0]),
            ([1.0, 1.0], [2.0, 2.0]),
            ([1.0, 0.0], [-1.0, 0.0]),
        ] {
            assert_eq!(spherical(&a, &b, 0.25), linear(&a, &b, 0.25));
        }
    }

    #[test]
    fn keys_that_fall_on_a_frame_are_that_frame() -> Result<()> {
        let codes = [[0.0, 1.0], [2.0, 1.0], [-1.0, 3.0], [0.5, 0.5]].map(Vec::from);
        for interpolation in ALL {
            let path = even(&codes, 31, interpolation, false)?;
            assert_eq!(path.frames(), 31);
            for (key, code) in codes.iter().zip(path.codes().step_by(10)) {
                assert_eq!(*key, code);
            }
            let path = even(&codes, 40, interpolation, true)?;
            assert_eq!(path.frames(), 40);
            for (key, code) in codes.iter().zip(path.codes().step_by(10)) {
                assert_eq!(*key, code);
            }
        }
        Ok(())
    }

    #[test]
    fn a_spline_through_evenly_spaced_keys_on_a_line_stays_on_it() -> Result<()> {
        let codes: Vec<_> = (0..4u8).map(|i| vec![f32::from(i)]).collect();
        let path = even(&codes, 13, Interpolation::Spline, false)?;
        for (frame, code) in path.codes().enumerate().take(9).skip(4) {
            assert!(
                (code[0] - frame as f32 / 4.0).abs() < 1e-6,
                "{frame}: {code:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_spline_keeps_its_speed_where_the_times_do() -> Result<()> {
        // One unit a second throughout, however the keys are spread.
        let spots = [0.0_f32, 1.0, 1.5, 4.0, 5.0];
        let keys = spots
            .windows(2)
            .map(|w| KeyFrame::new(vec![w[0]], w[1] - w[0]));
        let path = Path::new(keys.chain([KeyFrame::new(vec![5.0], 1.0)]).collect())?;
        for tenth in 10..=40 {
            let secs = f64::from(tenth) / 10.0;
            let code = path.code_at(secs).expect("a code");
            assert!((f64::from(code[0]) - secs).abs() < 1e-6, "{secs}: {code:?}");
        }
        Ok(())
    }

    #[test]
    fn a_spline_rests_on_a_key_that_comes_twice() -> Result<()> {
        let codes = [0.0, 1.0, 1.0, 2.0].map(|x| vec![x]);
        let path = even(&codes, 31, Interpolation::Spline, false)?;
        assert!(path.codes().skip(10).take(11).all(|code| code == [1.0]));
        Ok(())
    }

    #[test]
    fn a_looped_spline_goes_on_smoothly_over_its_first_key() -> Result<()> {
        let codes = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]].map(Vec::from);
        let path = even(&codes, 400, Interpolation::Spline, true)?;
        let step = path.duration() / 400.0;
        let at = |secs: f64| path.code_at(secs).expect("a code");
        let (before, after) = (at(-step), at(step));
        // Symmetric keys: the two neighbours of the first key are mirror images.
        assert!(
            close(&before, &[after[0], -after[1]]),
            "{before:?} {after:?}"
        );
        assert!(after[1] > 0.01);
        Ok(())
    }

    #[test]
    fn times_are_counted_from_the_first_key() -> Result<()> {
        let mut path = Path::new(vec![
            KeyFrame::new(vec![0.0], 1.0),
            KeyFrame::new(vec![1.0], 3.0),
            KeyFrame::new(vec![2.0], 2.0),
        ])?;
        path.set_interpolation(Interpolation::Linear);
        path.set_fps(10)?;
        assert_eq!((path.duration(), path.frames()), (4.0, 41));
        assert_eq!(path.code_at(2.5), Some(vec![1.5]));
        assert_eq!(path.code_at(-1.0), Some(vec![0.0]));
        assert_eq!(path.code_at(99.0), Some(vec![2.0]));
        path.set_loop(true)?;
        assert_eq!((path.duration(), path.frames()), (6.0, 60));
        assert_eq!(path.code_at(5.0), Some(vec![1.0]));
        assert_eq!(path.code_at(6.5), Some(vec![0.5]));
        path.reorder(0, 2)?;
        assert_eq!(path.starts(), [0.0, 3.0, 5.0]);
        Ok(())
    }

    #[test]
    fn short_paths() -> Result<()> {
        let none = Path::default();
        assert_eq!((none.frames(), none.code_at(0.0)), (0, None));
        assert_eq!(none.codes().count(), 0);
        let one = Path::new(vec![KeyFrame::new(vec![1.0], 1e30)])?;
        assert_eq!(one.codes().collect::<Vec<_>>(), [vec![1.0]]);
        assert!(
            one.clone().set_loop(true).is_err(),
            "1e30 seconds are too many"
        );
        assert!(one.clone().set_frames(5).is_err());
        Ok(())
    }

    #[test]
    fn what_makes_no_path_is_named() {
        let refused = |keys: Vec<KeyFrame>| Path::new(keys).expect_err("refused").to_string();
        let key = |code: &[f32], secs| KeyFrame::new(code.to_vec(), secs);
        assert!(refused(vec![key(&[1.0], 1.0), key(&[1.0, 2.0], 1.0)]).contains("key 1"));
        assert!(refused(vec![key(&[1.0, f32::INFINITY], 1.0)]).contains("number 1 of key 0"));
        assert!(refused(vec![key(&[1.0], 0.0)]).contains("above zero"));
        assert!(refused(vec![key(&[], 1.0)]).contains("no numbers"));
        assert!(refused(vec![key(&[1.0], 1.0); 1_001]).contains("1000 keys"));
        assert!(refused(vec![key(&[1.0], 5e3); 2]).contains("100000 frames"));
        let path = Path::new(vec![key(&[1.0, 2.0], 1.0)]).expect("a path");
        assert!(path.check_fits(2).is_ok());
        let message = path.check_fits(20).expect_err("refused").to_string();
        assert!(
            message.contains("2 numbers") && message.contains("20"),
            "{message}"
        );
    }

    #[test]
    fn other_files_are_refused() {
        let read = |json: &str| {
            Path::from_json(json.as_bytes(), std::path::Path::new("p.json")).expect_err("refused")
        };
        let newer = read(r#"{"version": 2, "tempo": "brisk"}"#);
        assert!(newer.is_newer_version() && newer.to_string().contains("version 2"));
        assert!(
            !read(r#"{"version": 0, "fps": 1, "interpolation": "linear", "keys": []}"#)
                .is_newer_version()
        );
        let cut = read("{\"version\": 1,\n \"fps\": 25");
        assert!(cut.is_file() && cut.to_string().contains("line 2"), "{cut}");
        for wrong in [
            r#"{"version": 1, "fps": 0, "interpolation": "linear", "keys": []}"#,
            r#"{"version": 1, "fps": 1, "interpolation": "linear", "scale": 9, "keys": []}"#,
            r#"{"version": 1, "fps": 1, "interpolation": "linear", "keys": [{"code": [1e39], "secs": 1}]}"#,
            r#"{"version": 1, "fps": 1, "interpolation": "linear", "keys": [{"code": [1], "secs": -1}]}"#,
            r#"{"version": 1, "fps": 1, "interpolation": "linear", "keys": [], "sped": 3}"#,
            "[]",
        ] {
            assert!(
                read(wrong)
                    .to_string()
                    .starts_with("p.json: it is not a path"),
                "{wrong}"
            );
        }
    }
}
