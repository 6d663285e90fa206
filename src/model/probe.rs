//! Whether a conditional model draws what it is asked for by name: a network of its own, the probe, tells it from the pictures alone.
//!
//! Invariants: the probe learns from pictures of the data and from nothing of the model; what it is measured on it neither learnt from nor was
//! chosen by; what comes out depends on the seed alone, whatever the number of threads.

use burn::tensor::Device;
use rand::RngExt as _;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

use super::auto_encoder::{Architecture, AutoEncoder, stream};
use super::classifier::tuning::{Course, Truth, Tuned, Tuning, each_logits, largest, logits_of};
use super::network::Layer;
use super::preset::Preset;
use super::spec::{CodeKind, Condition, ConditionKind, Likelihood, ModelSpec};
use crate::data::{Dataset, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// What is added to the seed of built-in pictures, so that they are others than those that a model was trained on.
const OTHERS: u64 = 1 << 32;
/// Streams of random numbers, apart from those of the probe's training.
const PARTS: u64 = 1 << 47;
const ASKED: u64 = 1 << 46;
const SWEPT: u64 = ASKED - 1;
/// Numbers of streams between two kinds of questions.
const QUESTION: u64 = 1 << 20;
/// What keeps the probe's random numbers apart from those of a model that was trained with the same seed.
const APART: u64 = 0x70_726F_6265;

/// Of so many items one is kept out to choose the probe's weights by, and two to measure it on.
const HELD_OUT: usize = 8;
/// Pictures drawn and looked at between two looks at whether the work was cancelled.
const AT_ONCE: usize = 64;
/// The share of real pictures that the probe tells of what is visible.
pub const VISIBLE: f64 = 0.9;
/// Real pictures are like those that are asked for where their attribute is that close to the value asked for, in parts of its range: at quarters
/// each is then nearer to its own than to the middle.
const LIKE: f32 = 0.125;
/// Of fewer real pictures on a side nothing is said of what the probe tells of them.
const FEWEST: usize = 10;
/// Where in an attribute's range the model is asked for it, low and high; and where it is asked once more.
const QUARTERS: [f32; 2] = [0.25, 0.75];
const TENTHS: [f32; 2] = [0.1, 0.9];

/// How a probe is trained, and how often a model is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct ProbePlan {
    /// Passes over the pictures that it learns from, 1 to 10,000.
    pub epochs: usize,
    /// Pictures per step.
    pub batch: usize,
    /// Adam's step size at the start, in `(0, 1]`; it falls to 0 along half a cosine.
    pub learning_rate: f64,
    /// Pictures asked for of each class or, half of them low and half of them high, of each attribute: 2 to 1,000,000.
    pub asked: usize,
    /// Seed of the probe's weights, of the choice of items and of styles.
    pub seed: u64,
}

impl Default for ProbePlan {
    fn default() -> Self {
        Self {
            epochs: 12,
            batch: 32,
            learning_rate: 1e-3,
            asked: 400,
            seed: 1,
        }
    }
}

/// How many of some tries came true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    /// Those that did.
    pub hits: usize,
    /// All of them.
    pub tries: usize,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.tries += 1;
    }

    fn and(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            tries: self.tries + other.tries,
        }
    }

    /// Hits in tries, in `[0, 1]`; 0 where nothing was tried.
    #[must_use]
    pub fn value(self) -> f64 {
        self.hits as f64 / self.tries.max(1) as f64
    }

    /// The ends of its 95 % interval (Wilson 1927): the shares from which it is 1.96 standard deviations off. All of `[0, 1]` where nothing
    /// was tried.
    #[must_use]
    pub fn interval(self) -> [f64; 2] {
        const Z: f64 = 1.96;
        if self.tries == 0 {
            return [0.0, 1.0];
        }
        let (n, p) = (self.tries as f64, self.value());
        let middle = p + Z * Z / (2.0 * n);
        let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let all = 1.0 + Z * Z / n;
        // Rounding does not bring an end past the share itself.
        [
            ((middle - reach) / all).clamp(0.0, p),
            ((middle + reach) / all).clamp(p, 1.0),
        ]
    }
}

/// What the probe tells of pictures whose attribute is low, and of others where it is high.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sides {
    /// The values that it has, or is asked for, in the data's own units.
    pub at: [f32; 2],
    /// The share of the pictures of either value that the probe finds on that side of the middle.
    pub found: [Share; 2],
}

impl Sides {
    /// Both sides together.
    #[must_use]
    pub fn both(&self) -> Share {
        self.found[0].and(self.found[1])
    }

    /// The mean of the shares of both sides, in `[0, 1]`: what `both` would be if there were as many pictures of one as of the other. Nothing where
    /// a side has fewer than ten.
    #[must_use]
    pub fn balanced(&self) -> Option<f64> {
        let [low, high] = self.found;
        let is_enough = low.tries.min(high.tries) >= FEWEST;
        is_enough.then(|| f64::midpoint(low.value(), high.value()))
    }
}

/// What became of a class or an attribute.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// What it is called.
    pub name: String,
    /// The share of the held-out real pictures that the probe tells right: those of the class, or all with the attribute on its side of the middle.
    pub real: Share,
    /// Of an attribute, what the probe tells of those real pictures alone in which it is about what is asked for, an eighth of its range around it.
    pub alike: Option<Sides>,
    /// The share of the pictures asked for that the probe takes for what was asked for.
    pub found: Share,
    /// Of an attribute, what `found` is made of, asked for at a quarter and at three quarters of its range or, where values have gaps, at those
    /// nearest to them that occur.
    pub sides: Option<Sides>,
    /// The same at a tenth and at nine tenths.
    pub far: Option<Sides>,
}

impl Told {
    /// The share of real pictures that it is judged by: of the class, or of those in which the attribute is about what is asked for, low weighed as
    /// high. All real pictures would be too strict a measure for what is spread evenly, as many lie next to the middle, and too lax a one for
    /// what half of them lack, such as a beard. Nothing where such pictures are too few.
    #[must_use]
    pub fn judged(&self) -> Option<f64> {
        match self.alike {
            Some(alike) => alike.balanced(),
            None => Some(self.real.value()),
        }
    }

    /// Whether the probe tells it of at least [`VISIBLE`] of these.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.judged().is_some_and(|told| told >= VISIBLE)
    }
}

/// What a probe says of a model.
#[derive(Clone, PartialEq, Debug)]
pub struct Probed {
    /// What the model was asked for.
    pub kind: ConditionKind,
    /// Each class or attribute.
    pub told: Vec<Told>,
    /// Items that the probe learnt from, was chosen by and was measured on.
    pub items: [usize; 3],
    /// Steps of its training, and the one after which its weights are kept.
    pub steps: [usize; 2],
    /// Why its training ended early, and which weights were kept.
    pub stopped: Option<String>,
}

impl Probed {
    /// What is visible.
    pub fn visible(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(|told| told.is_visible())
    }

    /// Of how many of the visible ones at least the share [`VISIBLE`] was found again, how many there are, and the least share; nothing where
    /// none is visible.
    #[must_use]
    pub fn summary(&self) -> Option<(usize, usize, f64)> {
        let shares: Vec<f64> = self.visible().map(|told| told.found.value()).collect();
        let least = shares.iter().copied().reduce(f64::min)?;
        let reached = shares.iter().filter(|share| **share >= VISIBLE).count();
        Some((reached, shares.len(), least))
    }
}

/// What a probe's built-in pictures are drawn with: they are others than those of `seed` itself, and than those that a model was trained on whose
/// seed was `trained`.
#[must_use]
pub fn seed_of_others(seed: u64, trained: u64) -> u64 {
    let others = seed.wrapping_add(OTHERS);
    if others == trained {
        others.wrapping_add(OTHERS)
    } else {
        others
    }
}

/// What `model` is conditioned on.
fn condition_of(model: &AutoEncoder) -> Result<&Condition> {
    model.spec().condition.as_ref().ok_or_else(|| {
        Error::model("the model is conditioned on nothing that it could be asked for by name")
            .hint("train one with --preset conditional or attributes, or with --condition")
    })
}

/// What is known of the items of `dataset`, `[n, names]`, for a model of these pictures.
fn known_of(model: &AutoEncoder, condition: &Condition, dataset: &Dataset) -> Result<Vec<f32>> {
    if dataset.shape() != model.spec().shape {
        return Err(Error::model(format!(
            "the model takes {} pictures, {} has {}",
            model.spec().shape,
            dataset.name(),
            dataset.shape()
        )));
    }
    let known = condition.values(dataset).map_err(|error| {
        error.hint(format!(
            "a probe learns from data that say what the model is conditioned on: {}",
            condition.names.join(", ")
        ))
    })?;
    match known.iter().position(|value| !value.is_finite()) {
        None => Ok(known),
        Some(at) => Err(Error::model(format!(
            "attribute {} is not known of all items of {}",
            condition.names[at % condition.names.len()],
            dataset.name()
        ))
        .hint("leave out the items of which it is not")),
    }
}

/// A network that tells classes or attributes of a picture.
struct Probe {
    architecture: Architecture,
    weights: Vec<Layer>,
    kind: ConditionKind,
    names: usize,
}

impl ProbePlan {
    /// Items that a probe needs at least.
    pub const LEAST: usize = 4 * HELD_OUT;

    /// Trains a probe on pictures of `dataset` and has it look at some others of them, and at what `model` makes of codes whose style is drawn from
    /// N(0, 1), whose class or attribute is the one asked for, and whose other attributes are those of some held-out item.
    ///
    /// # Errors
    /// When a number is out of its range, when the model is not conditional, when the data do not fit it or are too few, when the device fails
    /// or someone asked for the end.
    pub fn run(
        &self,
        model: &AutoEncoder,
        dataset: &Dataset,
        progress: &Progress,
    ) -> Result<Probed> {
        let condition = condition_of(model)?;
        let known = known_of(model, condition, dataset)?;
        self.check(dataset)?;
        let seed = self.seed ^ APART;
        let mut train: Vec<u32> = (0..dataset.len() as u32).collect();
        train.shuffle(&mut stream(seed, PARTS));
        let held_out = dataset.len() / HELD_OUT;
        let measured = train.split_off(train.len() - 2 * held_out);
        let chosen_by = train.split_off(train.len() - held_out);
        let device = &model.architecture.device;
        let (probe, tuned) = self.trained(
            condition,
            (dataset, &known),
            (&train, &chosen_by),
            device,
            &progress.part(0.0, 0.8),
        )?;
        let asking = Asking {
            model,
            probe: &probe,
            known: &known,
            measured: &measured,
            pictures: self.asked,
            seed,
        };
        let seen = probe.seen(dataset, &measured)?;
        let mut told = Vec::with_capacity(condition.names.len());
        for (i, name) in condition.names.iter().enumerate() {
            let share = |done: usize| 0.8 + 0.2 * done as f32 / condition.names.len() as f32;
            let progress = progress.part(share(i), share(i + 1));
            // How high the attribute of each held-out picture is, or whether it is of the class, and what the probe makes of the picture.
            let looks = measured.iter().zip(seen.chunks_exact(probe.outputs()));
            let looks = looks.map(|(id, logits)| (known[*id as usize * probe.names + i], logits));
            let mut real = Share::default();
            told.push(match condition.kind {
                ConditionKind::Class => {
                    for (_, logits) in looks.filter(|(value, _)| *value > 0.5) {
                        real.add(probe.tells(logits, i, true));
                    }
                    Told {
                        name: name.clone(),
                        real,
                        alike: None,
                        found: asking.of_class(i, &progress)?,
                        sides: None,
                        far: None,
                    }
                }
                ConditionKind::Attributes => {
                    let range = condition.ranges[i];
                    let half = [progress.part(0.0, 0.5), progress.part(0.5, 1.0)];
                    let sides = asking.of_attribute(i, range, (0, QUARTERS), &half[0])?;
                    let far = asking.of_attribute(i, range, (1, TENTHS), &half[1])?;
                    let mut alike = Sides {
                        at: sides.at,
                        found: [Share::default(); 2],
                    };
                    let levels = QUARTERS.map(|level| asking.nearest(i, level));
                    for (value, logits) in looks {
                        let is_told = probe.tells(logits, i, value > 0.5);
                        real.add(is_told);
                        let side = usize::from(value > 0.5);
                        if (value - levels[side]).abs() <= LIKE {
                            alike.found[side].add(is_told);
                        }
                    }
                    Told {
                        name: name.clone(),
                        real,
                        alike: Some(alike),
                        found: sides.both(),
                        sides: Some(sides),
                        far: Some(far),
                    }
                }
            });
        }
        progress.update(1, 1)?;
        Ok(Probed {
            kind: condition.kind,
            told,
            items: [train.len(), chosen_by.len(), measured.len()],
            steps: [self.course(train.len(), seed).steps, tuned.best_step],
            stopped: tuned.stopped,
        })
    }

    fn check(&self, dataset: &Dataset) -> Result<()> {
        let refuse = |reason: String| Err(Error::usage(reason));
        if !(1..=10_000).contains(&self.epochs) || !(1..=65_536).contains(&self.batch) {
            return refuse(
                "a probe is trained for 1 to 10,000 epochs, with 1 to 65,536 items in a batch"
                    .into(),
            );
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return refuse("the learning rate has to be above 0 and at most 1".into());
        }
        if !(2..=QUESTION as usize).contains(&self.asked) {
            return refuse("a model is asked for 2 to 1,048,576 pictures of each".into());
        }
        if dataset.len() < Self::LEAST {
            return refuse(format!(
                "a probe needs at least {} pictures, {} has {}",
                Self::LEAST,
                dataset.name(),
                dataset.len()
            ));
        }
        Ok(())
    }

    fn course(&self, items: usize, seed: u64) -> Course {
        let batch = self.batch.min(items);
        let per_epoch = items / batch;
        Course {
            steps: self.epochs * per_epoch,
            batch,
            every: per_epoch,
            learning_rate: self.learning_rate,
            corruption: None,
            seed,
        }
    }

    /// A probe for what `condition` names, trained on some items of the data, of which so much is known, and chosen by others.
    fn trained(
        &self,
        condition: &Condition,
        (dataset, known): (&Dataset, &[f32]),
        (train, chosen_by): (&[u32], &[u32]),
        device: &Device,
        progress: &Progress,
    ) -> Result<(Probe, Tuned)> {
        let seed = self.seed ^ APART;
        let names = condition.names.len();
        let shape = dataset.shape();
        // A code has two numbers at least; one that nothing is asked of is always 0.
        let outputs = names.max(2);
        let spec = ModelSpec {
            code: outputs,
            kind: CodeKind::Point,
            likelihood: Likelihood::Bernoulli,
            ..Preset::for_shape(shape).spec(shape)
        };
        let architecture = Architecture::new(spec, device)?;
        let mut weights = architecture.plan.weights(seed, device);
        weights.truncate(architecture.plan.code_layer() + 1);
        let padded: Vec<f32> = known
            .chunks_exact(names)
            .flat_map(|row| {
                row.iter()
                    .copied()
                    .chain(std::iter::repeat_n(0.0, outputs - names))
            })
            .collect();
        let truth = match (condition.kind, dataset.labels()) {
            (ConditionKind::Class, Some(labels)) => Truth::Classes(&labels.values),
            _ => Truth::Attributes(&padded),
        };
        let mut tuning = Tuning::new(architecture, weights);
        let course = self.course(train.len(), seed);
        let mut tuned = tuning.run(&course, dataset, truth, (train, chosen_by), progress)?;
        let probe = Probe {
            architecture: tuning.architecture,
            weights: std::mem::take(&mut tuned.weights),
            kind: condition.kind,
            names,
        };
        Ok((probe, tuned))
    }
}

impl Probe {
    /// Whether the logits of a picture tell class or attribute `name` as it is: the class, or the attribute above the middle or not.
    fn tells(&self, logits: &[f32], name: usize, is_high: bool) -> bool {
        match self.kind {
            ConditionKind::Class => usize::from(largest(logits).0) == name,
            ConditionKind::Attributes => (logits[name] > 0.0) == is_high,
        }
    }

    /// Numbers that it makes of a picture.
    fn outputs(&self) -> usize {
        self.architecture.spec.code
    }

    /// The logits of the items `ids`, `[n, outputs]`.
    fn seen(&self, dataset: &Dataset, ids: &[u32]) -> Result<Vec<f32>> {
        let mut seen = Vec::with_capacity(ids.len() * self.outputs());
        let (own, silent) = (&self.architecture, Progress::silent());
        each_logits(own, &self.weights, dataset, ids, &silent, |_, logits| {
            seen.extend_from_slice(logits);
        })?;
        Ok(seen)
    }
}

/// A model that is asked, and the probe that looks at its answers.
struct Asking<'a> {
    model: &'a AutoEncoder,
    probe: &'a Probe,
    /// What is known of all items, `[n, names]`.
    known: &'a [f32],
    /// Items whose attributes are borrowed.
    measured: &'a [u32],
    /// Pictures of each class or attribute.
    pictures: usize,
    seed: u64,
}

impl Asking<'_> {
    fn of_class(&self, class: usize, progress: &Progress) -> Result<Share> {
        let question = 4 * class as u64;
        let ask = |named: &mut [f32]| {
            named.fill(0.0);
            named[class] = 1.0;
        };
        self.found(question, self.pictures, (class, true), ask, progress)
    }

    /// Asks for `attribute`, which lies in `range`, at two levels in `[0, 1]`; `kind` tells questions of different levels apart.
    fn of_attribute(
        &self,
        attribute: usize,
        range: (f32, f32),
        (kind, levels): (u64, [f32; 2]),
        progress: &Progress,
    ) -> Result<Sides> {
        let mut sides = Sides {
            at: [0.0; 2],
            found: [Share::default(); 2],
        };
        for (side, level) in levels.into_iter().enumerate() {
            let is_high = side == 1;
            let level = self.nearest(attribute, level);
            sides.at[side] = range.0 + level * (range.1 - range.0);
            let question = 4 * attribute as u64 + 2 * kind + side as u64;
            let pictures = (self.pictures + 1 - side) / 2;
            let ask = |named: &mut [f32]| named[attribute] = level;
            let progress = progress.part(0.5 * side as f32, 0.5 + 0.5 * side as f32);
            let asked = (attribute, is_high);
            sides.found[side] = self.found(question, pictures, asked, ask, &progress)?;
        }
        Ok(sides)
    }

    /// The value of an attribute next to `level` that an item has: there may be gaps, as with glasses, which are worn or not.
    fn nearest(&self, attribute: usize, level: f32) -> f32 {
        let values = self.known.iter().skip(attribute).step_by(self.probe.names);
        let nearer = |a: &f32, b: &f32| (a - level).abs().total_cmp(&(b - level).abs());
        values.copied().min_by(nearer).unwrap_or(level)
    }

    /// How many of `pictures` are taken for what was asked for, which `ask` writes into what some held-out item is known for.
    fn found(
        &self,
        question: u64,
        pictures: usize,
        (name, is_high): (usize, bool),
        ask: impl Fn(&mut [f32]),
        progress: &Progress,
    ) -> Result<Share> {
        let style = self.model.spec().style();
        let names = self.probe.names;
        let mut share = Share::default();
        for start in (0..pictures).step_by(AT_ONCE) {
            progress.update(start, pictures)?;
            let mut codes = Vec::with_capacity(AT_ONCE * (style + names));
            for i in start..pictures.min(start + AT_ONCE) {
                let mut chance = stream(self.seed, ASKED + question * QUESTION + i as u64);
                let normal = (0..style).map(|_| -> f32 { StandardNormal.sample(&mut chance) });
                codes.extend(normal);
                let item = self.measured[chance.random_range(0..self.measured.len())] as usize;
                let mut named = self.known[item * names..][..names].to_vec();
                ask(&mut named);
                codes.extend(named);
            }
            let drawn = self.model.decode(&codes)?;
            let size = self.model.spec().shape.len();
            let views: Vec<&[u8]> = drawn.chunks_exact(size).collect();
            let own = &self.probe.architecture;
            for logits in
                logits_of(own, &self.probe.weights, &views)?.chunks_exact(self.probe.outputs())
            {
                share.add(self.probe.tells(logits, name, is_high));
            }
        }
        Ok(share)
    }
}

/// Pictures that a conditional model draws when it is asked for each class or attribute, a row for each: of an attribute from low to high in `columns`
/// steps, with one style and the other attributes of the first item of `dataset` in all rows; of a class with as many styles, the same in all rows.
///
/// # Errors
/// When the model is not conditional, when the data do not fit it, or when the device fails.
pub fn rows_of_named(
    model: &AutoEncoder,
    dataset: &Dataset,
    columns: usize,
    seed: u64,
) -> Result<Vec<Vec<Picture>>> {
    let condition = condition_of(model)?;
    let known = known_of(model, condition, dataset)?;
    let names = condition.names.len();
    let style = |i: usize| -> Vec<f32> {
        let mut chance = stream(seed ^ APART, SWEPT - i as u64);
        let normal = (0..model.spec().style()).map(|_| StandardNormal.sample(&mut chance));
        normal.collect()
    };
    let row = |name: usize| -> Result<Vec<Picture>> {
        let mut codes = Vec::new();
        for column in 0..columns {
            let mut named = known[..names].to_vec();
            match condition.kind {
                ConditionKind::Class => {
                    codes.extend(style(column));
                    named.fill(0.0);
                    named[name] = 1.0;
                }
                ConditionKind::Attributes => {
                    codes.extend(style(0));
                    named[name] = column as f32 / (columns - 1).max(1) as f32;
                }
            }
            codes.extend(named);
        }
        Ok(Picture::each_of(model.spec().shape, &model.decode(&codes)?))
    };
    (0..names).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::digits;
    use crate::model::Trainer;

    #[test]
    fn intervals_of_shares_are_wilsons() {
        let share = |hits, tries| Share { hits, tries };
        for (share, ends) in [
            (share(8, 10), [0.490_2, 0.943_3]),
            (share(0, 10), [0.0, 0.277_5]),
            (share(10, 10), [0.722_5, 1.0]),
            (share(0, 0), [0.0, 1.0]),
        ] {
            let found = share.interval();
            for (found, end) in found.iter().zip(ends) {
                assert!((found - end).abs() < 1e-4, "{share:?}: {found}");
            }
        }
        let both = share(1, 2).and(share(3, 4));
        assert_eq!((both.hits, both.tries), (4, 6));
    }

    #[test]
    fn a_probe_knows_nothing_of_the_model() -> Result<()> {
        let silent = Progress::silent();
        let data = digits::generate(3, 0..240, &silent)?;
        let device = Device::flex();
        let spec = Preset::Tiny.spec(data.shape());
        let spec = spec.conditioned(Condition::attributes_of(&data, &["Slant".into()])?);
        let plan = ProbePlan {
            epochs: 2,
            asked: 10,
            ..ProbePlan::default()
        };
        let probed = |seed| -> Result<Probed> {
            let mut config = Preset::Tiny.training(data.shape());
            config.seed = seed;
            let trainer = Trainer::new(spec.clone(), config, &data, &device)?;
            plan.run(&trainer.model(), &data, &silent)
        };
        let (one, other) = (probed(1)?, probed(2)?);
        assert_eq!(one.items, [150, 30, 60]);
        assert_eq!(
            (&one.told[0].name, one.told[0].found.tries),
            (&"Slant".into(), 10)
        );
        // Of the real pictures it says the same, whatever the model is, and the same once more.
        assert_eq!(one.told[0].real, other.told[0].real);
        assert_eq!(one.told[0].alike, other.told[0].alike);
        assert_eq!(one.steps, other.steps);
        assert_eq!(probed(1)?, one);
        Ok(())
    }
}
