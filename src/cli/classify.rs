//! `morphospace classify`: what pre-training without labels is worth to a classifier, by the number of labels it is told.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use super::train::corruption;
use super::{Common, device_named, output};
use crate::data::{Corruption, Dataset, DatasetSource};
use crate::engine::choose_device;
use crate::error::{Error, Result};
use crate::model::{
    BudgetErrors, Classifier, ClassifierPlan, Compared, Comparison, Pretraining, Teacher, Unit,
    Varied,
};

/// Tell classes by a network that was pre-trained without labels, and by one that was not
#[derive(Debug, Args)]
pub(super) struct Classify {
    /// Pictures to learn from; one of 12 is kept out to choose the weights by
    #[arg(long, value_name = "SRC", required_unless_present = "model")]
    data: Option<DatasetSource>,
    /// Pictures to count the errors on; without these a sixth of the data is, which is kept out of all training
    #[arg(long, value_name = "SRC", required_unless_present = "data")]
    test: Option<DatasetSource>,
    /// A classifier that was saved: it is judged as it is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "resume", "hidden", "unit", "labels", "pretrain", "pretrain_epochs", "epochs", "batch", "lr", "corrupt", "seeds", "out"])]
    model: Option<PathBuf>,
    /// A comparison that was left off: go on with it, on the same data
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hidden", "unit", "labels", "pretrain", "pretrain_epochs", "epochs", "batch", "lr", "corrupt", "seeds"])]
    resume: Option<PathBuf>,
    /// Units of the hidden layers, from the picture inwards
    #[arg(
        long,
        value_name = "N,N,…",
        value_delimiter = ',',
        default_value = "1000,1000,500"
    )]
    hidden: Vec<usize>,
    /// What the hidden units are
    #[arg(long, default_value = "logistic", value_parser = unit())]
    unit: Unit,
    /// How many labels the network is told, of each class as many; without this 100, 1000 and 10000 where there are more, and all
    #[arg(long, value_name = "N,…,all", value_delimiter = ',')]
    labels: Vec<Budget>,
    /// How the hidden layers are pre-trained
    #[arg(long, default_value = "auto-encoder", value_parser = teacher())]
    pretrain: Teacher,
    /// Passes over all pictures in pre-training, for each layer
    #[arg(long, value_name = "N", default_value_t = 10)]
    pretrain_epochs: usize,
    /// Passes over the items with labels; fewer labels are passed over more often, for 1000 steps at least
    #[arg(long, value_name = "N", default_value_t = 20)]
    epochs: usize,
    /// Items per step
    #[arg(long, value_name = "N", default_value_t = 100)]
    batch: usize,
    /// Adam's step size at the start; it falls to 0
    #[arg(long, value_name = "X", default_value_t = 1e-3)]
    lr: f64,
    /// What is done to each picture before a network that is told labels sees it, as masking:0.2, gaussian:0.3 or salt-and-pepper:0.1; of masked
    /// pictures what is left weighs more, as with dropout of the inputs
    #[arg(long, value_name = "KIND:S", value_parser = corruption)]
    corrupt: Option<(Corruption, f32)>,
    /// Trainings of each kind, with seeds from --seed on
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: usize,
    /// Where to write the comparison after each pair of trainings, with the pre-trained network of the most labels, of the first seed; without this
    /// the file of --resume
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A label budget: a number, or all.
#[derive(Clone, Copy, Debug)]
struct Budget(Option<usize>);

impl FromStr for Budget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "all" {
            return Ok(Self(None));
        }
        let number = text.parse().map_err(|_| {
            Error::usage(format!("{text} is no number of labels")).hint("such as 100,1000,all")
        });
        number.map(|number| Self(Some(number)))
    }
}

fn unit() -> impl TypedValueParser<Value = Unit> {
    PossibleValuesParser::new(["logistic", "rectified", "tanh", "softplus"]).map(|name| match name
        .as_str()
    {
        "rectified" => Unit::Rectified,
        "tanh" => Unit::Tanh,
        "softplus" => Unit::Softplus,
        _ => Unit::Logistic,
    })
}

fn teacher() -> impl TypedValueParser<Value = Teacher> {
    PossibleValuesParser::new(Teacher::ALL.map(Teacher::name)).map(|name| {
        let of_name = |teacher: &Teacher| teacher.name() == name;
        let found = Teacher::ALL.into_iter().find(of_name);
        found.unwrap_or(Teacher::AutoEncoder)
    })
}

impl Classify {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let start = Instant::now();
        let out = self.out.as_ref().or(self.resume.as_ref());
        if let Some(out) = out {
            output::check_writable(out)?;
        }
        if let Some(model) = &self.model {
            return self.judge(model, common, start);
        }
        let Some(source) = &self.data else {
            return Err(Error::usage("pictures to learn from are asked for: --data"));
        };
        let data = common.load_data(source)?;
        let (device, info) = choose_device(common.device)?;
        let left_off = self.resume.as_ref();
        let left_off = left_off.map(|file| Compared::load(file));
        let left_off = left_off.transpose()?;
        let mut comparison = match &left_off {
            Some(found) => found.comparison.clone(),
            None => self.comparison(&data, common),
        };
        comparison.test = self.test.clone().or(comparison.test);
        let reading = common.progress("Reading what errors are counted on");
        let (data, test) = comparison.sets(&data, common.seed, &reading)?;
        let mut found = match left_off {
            Some(mut found) => {
                // The same test items may lie elsewhere by now.
                found.comparison = comparison;
                found
            }
            None => Compared::new(comparison, &data, &test)?,
        };
        found.check_data(&data, &test)?;
        let estimate = found.estimate(&data, &device)?;
        // From here on there is something to go on with.
        if let Some(out) = out {
            found.save(out)?;
        }
        if !common.quiet {
            eprintln!(
                "About {} on {}: {}",
                duration(estimate),
                info.name,
                what(&found)
            );
            if let Some(out) = out.filter(|_| !found.is_complete()) {
                eprintln!(
                    "Should it be interrupted, it goes on with: morphospace classify --data {source}{} --resume {} --seed {}{}",
                    self.test
                        .as_ref()
                        .map_or(String::new(), |test| format!(" --test {test}")),
                    out.display(),
                    common.seed,
                    device_named(common),
                );
            }
        }
        let progress = common.progress("Training classifiers");
        found.go_on((&data, &test), &device, &progress, |so_far| {
            // Later there may be room again, and the end is told in any case.
            if let Some(Err(error)) = out.map(|out| so_far.save(out)) {
                eprintln!("morphospace: {error}");
            }
        })?;
        // What was found is told in any case.
        let saved = out.map_or(Ok(()), |out| found.save(out));
        if !common.quiet {
            for note in &found.notes {
                eprintln!("{note}");
            }
        }
        let secs = start.elapsed().as_secs_f64();
        if common.json {
            let [train, validation] = found.parts();
            let value = json!({
                "data": found.learnt.name,
                "test": found.test.name,
                "n_train": train,
                "n_validation": validation,
                "n_test": found.test.count,
                "plan": found.comparison.plan,
                "seeds": found.comparison.seeds,
                "budgets": found.budgets.iter().map(row).collect::<Vec<_>>(),
                "notes": found.notes,
                "out": out,
                "estimated_secs": estimate,
                "secs": secs,
            });
            output::print(true, &value);
        } else {
            print_table(&found, secs);
        }
        saved
    }

    /// Counts the errors of a classifier that was saved.
    fn judge(&self, model: &Path, common: &Common, start: Instant) -> Result<()> {
        let Some(source) = &self.test else {
            return Err(Error::usage("pictures to judge by are asked for: --test"));
        };
        let test = common.load_data(source)?;
        let (device, _) = choose_device(common.device)?;
        let classifier = Classifier::load(model, &device)?;
        let progress = common.progress("Telling classes");
        let misses = classifier.misses(&test, &progress)?;
        let wrong = misses.iter().filter(|miss| **miss).count();
        let value = json!({
            "data": test.name(),
            "n": test.len(),
            "errors": wrong,
            "error": wrong as f64 / test.len() as f64,
            "plan": classifier.plan(),
            "secs": start.elapsed().as_secs_f64(),
        });
        output::print(common.json, &value);
        Ok(())
    }

    fn comparison(&self, data: &Dataset, common: &Common) -> Comparison {
        let budgets = if self.labels.is_empty() {
            Comparison::budgets_for(data.len())
        } else {
            self.labels.iter().map(|budget| budget.0).collect()
        };
        Comparison {
            plan: ClassifierPlan {
                hidden: self.hidden.clone(),
                unit: self.unit,
                pretraining: Some(Pretraining {
                    teacher: self.pretrain,
                    epochs: self.pretrain_epochs,
                }),
                epochs: self.epochs,
                batch: self.batch,
                learning_rate: self.lr,
                corruption: self.corrupt.filter(|(_, strength)| *strength > 0.0),
                seed: common.seed,
                labels: None,
            },
            budgets,
            seeds: self.seeds,
            test: self.test.clone(),
        }
    }
}

/// What is compared, and how much of it is done.
fn what(found: &Compared) -> String {
    let comparison = &found.comparison;
    let [layers, budgets, seeds] = [
        comparison.plan.hidden.len(),
        comparison.budgets.len(),
        comparison.seeds,
    ];
    let of = if seeds == 1 { "seed" } else { "seeds" };
    let done = match found.pairs() {
        0 => String::new(),
        done => format!(", of which {} are done", 2 * done),
    };
    format!(
        "for each of {seeds} {of} pre-training of {layers} layers and {} trainings with labels{done}",
        2 * budgets
    )
}

fn row(budget: &BudgetErrors) -> Value {
    let mut value = json!(budget);
    for (name, errors) in [
        ("pretrained", &budget.pretrained),
        ("random", &budget.random),
    ] {
        let (mean, deviation) = errors.summary();
        value[name]["test_mean"] = mean.into();
        value[name]["test_std"] = deviation.into();
    }
    value
}

fn print_table(found: &Compared, secs: f64) {
    use std::io::Write as _;
    let told = |errors: &crate::model::Errors| {
        let (mean, deviation) = errors.summary();
        let spread = deviation.map_or(String::new(), |d| format!(" ± {:.2}", 100.0 * d));
        format!("{:.2}{spread}", 100.0 * mean)
    };
    let mut lines = vec![[
        "labels".to_owned(),
        "random".into(),
        "pre-trained".into(),
        "lower by (95 %)".into(),
    ]];
    for budget in &found.budgets {
        let [mean, low, high] = budget.gain.map(|x| 100.0 * x);
        lines.push([
            budget.labels.to_string(),
            told(&budget.random),
            told(&budget.pretrained),
            format!("{mean:.2} [{low:.2}, {high:.2}]"),
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = std::io::stdout().lock();
    // A reader that went away, such as `head`, is no failure of ours.
    let _ = writeln!(
        out,
        "Errors on {}, % of {}",
        found.test.name, found.test.count
    );
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, &width)| format!("{cell:>width$}"))
            .collect();
        let _ = writeln!(out, "{}", cells.join("   "));
    }
    let over = match found.budgets.first().map(|budget| budget.over) {
        Some(Varied::Seeds) => "seeds",
        _ => "test items, of one seed",
    };
    let [train, validation] = found.parts();
    let _ = writeln!(
        out,
        "Intervals over {over}; {train} items to learn from, {validation} to choose by; {}",
        duration(secs)
    );
}

/// Such as `40 s`, `12 min` or `3.5 h`.
fn duration(secs: f64) -> String {
    match secs {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
