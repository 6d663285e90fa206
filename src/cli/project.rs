//! `morphospace project`: positions of codes, or of pixels, on a map, and how far that map can be trusted.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{Common, output};
use crate::data::DatasetSource;
use crate::error::{Error, Result};
use crate::space::quality::{Sample, plane_accuracy, trustworthiness};
use crate::space::tsne::usable_perplexity;
use crate::space::{MapMethod, NeighbourGraph, Projection, check_spread, lay_out, neighbours_for};

/// Neighbours on the plane that trustworthiness judges.
const TRUSTED: usize = 15;
/// Neighbours on the plane that vote for an item's class.
const VOTES: usize = 10;
/// Above so many items, trustworthiness is measured on a sample of so many.
const MEASURED_IN_FULL: usize = 20_000;
const SAMPLE: usize = 10_000;

/// Write positions of codes on a map as NPY
#[derive(Debug, Args)]
pub(super) struct Project {
    /// The model
    #[arg(long, value_name = "FILE", requires = "data")]
    model: Option<PathBuf>,
    /// Pictures to encode, or whose pixels are projected
    #[arg(long, value_name = "SRC")]
    data: Option<DatasetSource>,
    /// Codes, [n, d] f32 or f64, instead of a model and pictures
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "data"])]
    codes: Option<PathBuf>,
    /// Project the pixels of --data themselves
    #[arg(long, requires = "data", conflicts_with = "model")]
    pixels: bool,
    /// Classes, [n] whole numbers, for plane_accuracy; without it those of --data
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// How to project
    #[arg(long, value_enum, default_value = "pca")]
    method: Method,
    /// Where to write the positions, [n, 2] f32
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// PCA: how many coordinates are written per item
    #[arg(long, value_name = "K")]
    components: Option<usize>,
    /// Raw: two dimensions, counted from 1
    #[arg(long, value_name = "I,J", value_delimiter = ',')]
    dims: Option<Vec<usize>>,
    /// t-SNE: effective number of neighbours, 30 by default
    #[arg(long, value_name = "X")]
    perplexity: Option<f32>,
    /// t-SNE: steps after the first 250, 500 by default
    #[arg(long, value_name = "N")]
    iterations: Option<usize>,
    /// UMAP: size of a neighbourhood, 15 by default
    #[arg(long, value_name = "N")]
    neighbours: Option<usize>,
    /// UMAP: least distance on the plane, 0.1 by default
    #[arg(long, value_name = "X")]
    min_dist: Option<f32>,
    /// UMAP: passes over the graph, by default 500 for up to 10,000 items, else 200
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
}

/// How to project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Principal component analysis
    #[value(alias = "components")]
    Pca,
    /// t-distributed stochastic neighbour embedding
    Tsne,
    /// Uniform manifold approximation and projection
    Umap,
    /// Two of the numbers as they are
    Raw,
}

/// What is projected.
struct Items {
    rows: Vec<f32>,
    d: usize,
    labels: Option<Vec<u16>>,
}

impl Items {
    fn len(&self) -> usize {
        self.rows.len() / self.d
    }

    fn are_identical(&self) -> bool {
        check_spread(&self.rows, self.d).is_err()
    }
}

/// Positions, and what there is to say about how they came about.
struct Projected {
    positions: Vec<[f32; 2]>,
    /// Numbers per item in the file, where they are not the positions.
    written: Option<(Vec<f32>, usize)>,
    facts: Map<String, Value>,
}

impl Project {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        self.check()?;
        output::check_writable(&self.out)?;
        let items = self.items(common)?;
        let start = Instant::now();
        let projected = match self.method {
            Method::Pca => self.components(&items)?,
            Method::Raw => self.raw(&items)?,
            Method::Tsne | Method::Umap => self.layout(&items, common)?,
        };
        let secs = start.elapsed().as_secs_f64();
        let (positions, mut facts) = (&projected.positions, projected.facts);
        match &projected.written {
            Some((numbers, columns)) => output::write_npy(&self.out, numbers, *columns)?,
            None => output::write_npy(&self.out, positions.as_flattened(), 2)?,
        }
        let mut value = Map::new();
        value.insert("n".to_owned(), json!(items.len()));
        value.insert("method".to_owned(), json!(self.method.name()));
        value.append(&mut facts);
        value.insert("secs".to_owned(), json!(secs));
        if common.json {
            measure(&items, positions, common, &mut value)?;
        }
        value.insert("out".to_owned(), json!(self.out.display().to_string()));
        output::print(common.json, &Value::Object(value));
        Ok(())
    }

    /// Refuses what another method takes.
    fn check(&self) -> Result<()> {
        let options = [
            ("--components", self.components.is_some(), Method::Pca),
            ("--dims", self.dims.is_some(), Method::Raw),
            ("--perplexity", self.perplexity.is_some(), Method::Tsne),
            ("--iterations", self.iterations.is_some(), Method::Tsne),
            ("--neighbours", self.neighbours.is_some(), Method::Umap),
            ("--min-dist", self.min_dist.is_some(), Method::Umap),
            ("--epochs", self.epochs.is_some(), Method::Umap),
        ];
        match options.iter().find(|o| o.1 && o.2 != self.method) {
            None => Ok(()),
            Some((option, _, method)) => Err(Error::usage(format!(
                "{option} means nothing to --method {}",
                self.method.name()
            ))
            .hint(format!("leave it out or take --method {}", method.name()))),
        }
    }

    fn items(&self, common: &Common) -> Result<Items> {
        let (rows, d, labels) = match (&self.model, &self.data, &self.codes) {
            (_, _, Some(file)) => {
                let (rows, d) = output::read_npy(file)?;
                (rows, d, None)
            }
            (None, Some(data), None) if self.pixels => {
                let dataset = common.load_data(data)?;
                let pixels = (0..dataset.len()).flat_map(|i| dataset.pixels(i));
                let rows = pixels.map(|&pixel| f32::from(pixel)).collect();
                let labels = dataset.labels().map(|labels| labels.values.clone());
                (rows, dataset.shape().len(), labels)
            }
            (Some(model), Some(data), None) => {
                let dataset = common.load_data(data)?;
                let (_, model) = common.load_model(model)?;
                let rows = common.encode(&model, &dataset)?.mean;
                let labels = dataset.labels().map(|labels| labels.values.clone());
                (rows, model.code(), labels)
            }
            _ => {
                return Err(Error::usage(
                    "give --model and --data, --pixels and --data, or --codes",
                ));
            }
        };
        if rows.is_empty() || d == 0 {
            return Err(Error::usage("there is nothing to project"));
        }
        let n = rows.len() / d;
        let labels = match &self.labels {
            Some(file) => Some(read_labels(file, n)?),
            None => labels,
        };
        Ok(Items { rows, d, labels })
    }

    fn components(&self, items: &Items) -> Result<Projected> {
        let wanted = self.components.unwrap_or(2);
        if wanted == 0 || (wanted > items.d && self.components.is_some()) {
            return Err(Error::usage(format!(
                "{} numbers per item have no {wanted} principal components",
                items.d
            )));
        }
        let projection = Projection::pca(&items.rows, items.d, wanted.max(2))?;
        let written = self.components.map(|_| {
            let found = projection.explained().len();
            let all = projection.coordinates_of_rows(&items.rows);
            let kept = all.chunks_exact(found).flat_map(|row| &row[..wanted]);
            (kept.copied().collect(), wanted)
        });
        let explained = &projection.explained()[..wanted.min(projection.explained().len())];
        let mut facts = Map::new();
        facts.insert("explained_variance".to_owned(), json!(explained));
        Ok(Projected {
            positions: projection.positions().to_vec(),
            written,
            facts,
        })
    }

    fn raw(&self, items: &Items) -> Result<Projected> {
        let dims = self.dims.as_deref().unwrap_or(&[1, 2]);
        let &[x, y] = dims else {
            return Err(Error::usage(format!(
                "--dims takes two dimensions, not {}",
                dims.len()
            )));
        };
        if let Some(dim) = [x, y].into_iter().find(|&dim| dim == 0 || dim > items.d) {
            return Err(
                Error::usage(format!("there is no dimension {dim} among {}", items.d))
                    .hint("dimensions are counted from 1"),
            );
        }
        let rows = items.rows.chunks_exact(items.d);
        let mut facts = Map::new();
        facts.insert("dims".to_owned(), json!([x, y]));
        Ok(Projected {
            positions: rows.map(|row| [row[x - 1], row[y - 1]]).collect(),
            written: None,
            facts,
        })
    }

    /// The settings as the window keeps them.
    fn map_method(&self, seed: u64) -> MapMethod {
        if self.method == Method::Tsne {
            MapMethod::Tsne {
                perplexity: self.perplexity.unwrap_or(30.0),
                iterations: self.iterations.unwrap_or(500),
                seed,
            }
        } else {
            MapMethod::Umap {
                neighbours: self.neighbours.unwrap_or(15),
                min_distance: self.min_dist.unwrap_or(0.1),
                epochs: self.epochs.unwrap_or(0),
                seed,
            }
        }
    }

    fn layout(&self, items: &Items, common: &Common) -> Result<Projected> {
        let n = items.len();
        let method = self.map_method(common.seed);
        let k = neighbours_for(&method, n)?.unwrap_or_default();
        check_spread(&items.rows, items.d)?;
        let began = Instant::now();
        let progress = common.progress("Finding neighbours");
        let graph = NeighbourGraph::new(&items.rows, items.d, k, common.seed, &progress)?;
        let neighbours_secs = began.elapsed().as_secs_f64();
        let began = Instant::now();
        let start = Projection::pca(&items.rows, items.d, 2)?;
        let progress = common.progress("Laying out");
        let positions = lay_out(&method, &graph, start.positions(), &progress, &mut |_| {})?;
        let mut facts = Map::new();
        if let MapMethod::Tsne { perplexity, .. } = method {
            let used = usable_perplexity(perplexity, graph.k());
            facts.insert("perplexity".to_owned(), json!(used));
            if used < perplexity && !common.quiet {
                eprintln!(
                    "{n} items have no room for a perplexity of {perplexity}: {used} was taken, a third of the {} neighbours",
                    graph.k()
                );
            }
        }
        facts.insert("neighbours".to_owned(), json!(graph.k()));
        facts.insert("neighbour_recall".to_owned(), json!(graph.recall()));
        facts.insert("neighbours_secs".to_owned(), json!(neighbours_secs));
        facts.insert(
            "layout_secs".to_owned(),
            json!(began.elapsed().as_secs_f64()),
        );
        Ok(Projected {
            positions,
            written: None,
            facts,
        })
    }
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Pca => "pca",
            Self::Tsne => "tsne",
            Self::Umap => "umap",
            Self::Raw => "raw",
        }
    }
}

/// What the map is worth; null where that cannot be told: trustworthiness of too few or of identical items, accuracy of a single
/// class.
fn measure(
    items: &Items,
    positions: &[[f32; 2]],
    common: &Common,
    value: &mut Map<String, Value>,
) -> Result<()> {
    let n = items.len();
    let are_identical = items.are_identical();
    if are_identical && !common.quiet {
        eprintln!(
            "all items are identical: they have no nearest neighbours, and trustworthiness cannot be measured"
        );
    }
    let trust = if n > 2 * TRUSTED && !are_identical {
        let sample = (n > MEASURED_IN_FULL).then_some(Sample {
            rows: SAMPLE,
            seed: common.seed,
        });
        let progress = common.progress("Measuring trustworthiness");
        Some(trustworthiness(
            &items.rows,
            items.d,
            positions,
            TRUSTED,
            sample,
            &progress,
        )?)
    } else {
        None
    };
    value.insert("trustworthiness".to_owned(), json!(trust.map(|t| t.value)));
    value.insert(
        "trustworthiness_rows".to_owned(),
        json!(trust.map_or(0, |t| t.rows)),
    );
    if let Some(labels) = &items.labels {
        let several = labels.iter().any(|label| *label != labels[0]);
        if !several && !common.quiet {
            eprintln!(
                "all items are of one class: how well the map tells classes apart cannot be measured"
            );
        }
        let accuracy = if several {
            let progress = common.progress("Measuring the classes on the plane");
            Some(plane_accuracy(positions, labels, VOTES, &progress)?)
        } else {
            None
        };
        value.insert("plane_accuracy".to_owned(), json!(accuracy));
    }
    Ok(())
}

/// Reads `[n]` whole numbers as classes, numbered in rising order.
fn read_labels(path: &Path, n: usize) -> Result<Vec<u16>> {
    let bad = |e: std::io::Error| Error::file(path, format!("it is not an NPY array: {e}"));
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    let array = npyz::NpyFile::new(&bytes[..]).map_err(bad)?;
    if array.shape() != [n as u64] {
        return Err(Error::file(
            path,
            format!("has labels of shape {:?} for {n} items", array.shape()),
        )
        .hint("give one whole number per item"));
    }
    let mut numbers = None;
    // Whichever type fits; each try reads the bytes anew.
    numbers = numbers.or_else(|| whole::<u8>(&bytes));
    numbers = numbers.or_else(|| whole::<u16>(&bytes));
    numbers = numbers.or_else(|| whole::<u32>(&bytes));
    numbers = numbers.or_else(|| whole::<i8>(&bytes));
    numbers = numbers.or_else(|| whole::<i16>(&bytes));
    numbers = numbers.or_else(|| whole::<i32>(&bytes));
    numbers = numbers.or_else(|| whole::<i64>(&bytes));
    let numbers = numbers.ok_or_else(|| {
        Error::file(path, "labels have to be whole numbers").hint("save labels.astype('int32')")
    })?;
    let mut classes = numbers.clone();
    classes.sort_unstable();
    classes.dedup();
    if u16::try_from(classes.len()).is_err() {
        return Err(Error::file(
            path,
            format!("has {} classes, too many to be labels", classes.len()),
        ));
    }
    let class = |number| classes.binary_search(number).unwrap_or_default() as u16;
    Ok(numbers.iter().map(class).collect())
}

/// The numbers of an NPY array of `T`; none when it is of another type or cut short.
fn whole<T: npyz::Deserialize + Into<i64>>(bytes: &[u8]) -> Option<Vec<i64>> {
    let array = npyz::NpyFile::new(bytes).ok()?;
    let values = array.try_data::<T>().ok()?;
    values
        .map(|value| value.map(Into::into))
        .collect::<std::io::Result<_>>()
        .ok()
}
