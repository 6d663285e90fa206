//! Approximate nearest neighbours: a graph of near items is walked towards the query (hierarchical navigable small worlds,
//! Malkov and Yashunin 2020), so that a query looks at some hundreds of a million items.
//!
//! Invariants: an index answers for the very rows that it was built of and for no others; it carries the share of the exact
//! answer that it was measured to find; distances it gives are the exact ones of the items it found.
//!
//! Rows are added on all cores at once, and which comes first is left to chance: two indices of the same rows find the same
//! share of neighbours, not the same graph to the bit. What an index answers once it is built does not depend on chance.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind, b1x8};

use super::bits::{self, BitTable, nearest_bits};
use super::{Neighbours, Space, code, nearest_codes};
use crate::error::{Error, Result};
use crate::files::{Digest, digest_of_file, folder_of, write_atomically};
use crate::progress::Progress;
use crate::space::CodeTable;

/// Version of the description beside an index.
const VERSION: u64 = 1;
/// Rows added, or queries answered, by one core at a time.
const BLOCK: usize = 64;
/// Queries of which the recall is measured.
const SAMPLE: usize = 500;
/// Neighbours per query of which the recall is measured.
const RECALL_K: usize = 10;

/// How the rows are kept in an index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// As they are.
    F32,
    /// In half precision.
    F16,
    /// As whole numbers from -127 to 127, of one step in all dimensions around the mean of each.
    I8,
    /// As bits, for the spaces of bits.
    Bits,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::I8, Self::Bits];

    /// The kinds that an index of `space` can be of; none where there are neither vectors nor bits.
    #[must_use]
    pub fn of(space: Space) -> &'static [Self] {
        match space {
            Space::Code
            | Space::CodeCosine
            | Space::CodeScaled
            | Space::Components
            | Space::Random => &[Self::F32, Self::F16, Self::I8],
            Space::Bits | Space::RotatedBits => &[Self::Bits],
            Space::Pixel | Space::PixelCosine | Space::PixelCentred | Space::CodeKl => &[],
        }
    }

    /// The name by which it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
            Self::Bits => "bits",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            Error::usage(format!("there is no index called {text}"))
                .hint(Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// What an index is built of.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Vectors with the Euclidean distance.
    Vectors(&'a CodeTable),
    /// Bits with the number that differ.
    Bits(&'a BitTable),
}

impl Rows<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Vectors(table) => table.len(),
            Self::Bits(table) => table.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers, or bits, of each.
    #[must_use]
    pub fn dims(&self) -> usize {
        match self {
            Self::Vectors(table) => table.dims(),
            Self::Bits(table) => table.bits(),
        }
    }

    /// A digest of all of them (64-bit FNV-1a over 8-byte words).
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        digest.mix(self.dims() as u64);
        match self {
            Self::Vectors(table) => {
                let (pairs, rest) = table.codes().as_chunks::<2>();
                for [a, b] in pairs {
                    digest.mix(u64::from(a.to_bits()) << 32 | u64::from(b.to_bits()));
                }
                for x in rest {
                    digest.mix(u64::from(x.to_bits()));
                }
            }
            Self::Bits(table) => {
                digest.mix(1);
                for &word in table.words() {
                    digest.mix(word);
                }
            }
        }
        digest.value()
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Vectors, `[q, d]` row by row.
    Vectors(&'a [f32]),
    /// Bits.
    Bits(&'a BitTable),
}

/// How thoroughly a graph is built and walked: larger numbers find more and take longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Neighbours kept per item.
    pub connectivity: usize,
    /// Candidates held while an item is added.
    pub expansion_add: usize,
    /// Candidates held while a query is answered.
    pub expansion_search: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connectivity: 16,
            expansion_add: 128,
            expansion_search: 64,
        }
    }
}

/// What is known of an index, written beside it as JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct About {
    /// Version of this description.
    version: u64,
    /// Version of usearch that built the index.
    library: String,
    /// Where it measures.
    pub space: Space,
    /// How the rows are kept.
    pub kind: Kind,
    /// Rows.
    pub n: usize,
    /// Numbers or bits of each.
    pub dims: usize,
    /// [`Rows::digest`] of what was indexed.
    digest: String,
    /// How it was built and is searched.
    pub settings: Settings,
    /// Share of the ten nearest rows that it finds, of rows of a sample, the row itself left out.
    pub recall: f64,
    /// Rows of that sample.
    pub sample: usize,
    /// Seconds that building took.
    pub secs: f64,
    scale: Option<Scale>,
    /// Bytes of the file and their digest.
    bytes: u64,
    file_digest: String,
}

/// How vectors become whole numbers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Scale {
    centre: Vec<f32>,
    per_step: f32,
}

impl Scale {
    /// One step for all dimensions, so that distances stay in proportion; six standard deviations of the widest, or its
    /// extremes where these are nearer, become 127.
    fn of(table: &CodeTable) -> Self {
        let widest = table.std().iter().copied().fold(0.0, f32::max);
        let mut farthest = 0.0_f32;
        for row in table.codes().chunks_exact(table.dims()) {
            for (x, centre) in row.iter().zip(table.mean()) {
                farthest = farthest.max((x - centre).abs());
            }
        }
        let reach = farthest.min(6.0 * widest);
        Self {
            centre: table.mean().to_vec(),
            per_step: if reach > 0.0 { 127.0 / reach } else { 0.0 },
        }
    }

    fn apply(&self, row: &[f32], to: &mut Vec<i8>) {
        to.clear();
        let whole =
            |(x, centre): (&f32, &f32)| ((x - centre) * self.per_step).round().clamp(-127.0, 127.0);
        to.extend(row.iter().zip(&self.centre).map(|pair| whole(pair) as i8));
    }
}

/// An index of rows.
pub struct ApproximateIndex {
    index: Index,
    about: About,
    /// The library has as many places for searches as there are cores, and fails beyond: one batch has them all.
    searching: Mutex<()>,
}

impl fmt::Debug for ApproximateIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApproximateIndex")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl ApproximateIndex {
    /// The file of an index of the data at `data`: `NAME.SPACE.KIND.usearch` beside it.
    #[must_use]
    pub fn path_beside(data: &Path, space: Space, kind: Kind) -> PathBuf {
        let mut name = data.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{space}.{kind}.usearch"));
        data.with_file_name(name)
    }

    /// Builds an index of `rows` on all cores and measures its recall.
    ///
    /// # Errors
    /// When the kind does not fit the rows, the library fails (for want of memory, say), or `is_cancelled`.
    pub fn build(
        space: Space,
        rows: Rows<'_>,
        kind: Kind,
        settings: Settings,
        progress: &Progress,
    ) -> Result<Self> {
        match (rows, kind) {
            (Rows::Vectors(_), Kind::Bits) => {
                return Err(Error::usage(format!(
                    "the space {space} has numbers, and an index of bits is for bits"
                ))
                .hint("take f32, f16 or i8, or one of the spaces bits and rotated-bits"));
            }
            (Rows::Bits(_), Kind::F32 | Kind::F16 | Kind::I8) => {
                return Err(
                    Error::usage(format!("the space {space} has bits, not numbers"))
                        .hint("take an index of bits"),
                );
            }
            _ => {}
        }
        let start = Instant::now();
        let scale = match (rows, kind) {
            (Rows::Vectors(table), Kind::I8) => Some(Scale::of(table)),
            _ => None,
        };
        let about = About {
            version: VERSION,
            library: usearch::version().to_owned(),
            space,
            kind,
            n: rows.len(),
            dims: rows.dims(),
            digest: hex(rows.digest()),
            settings,
            recall: 0.0,
            sample: 0,
            secs: 0.0,
            scale,
            bytes: 0,
            file_digest: String::new(),
        };
        let index = empty(&about)?;
        index
            .reserve_capacity_and_threads(rows.len(), workers())
            .map_err(|e| failed("making room", &e))?;
        let mut built = Self {
            index,
            about,
            searching: Mutex::new(()),
        };
        built.add(rows, &progress.part(0.0, 0.98))?;
        built.about.secs = start.elapsed().as_secs_f64();
        built.measure(rows, &progress.part(0.98, 1.0))?;
        Ok(built)
    }

    fn add(&self, rows: Rows<'_>, progress: &Progress) -> Result<()> {
        let n = rows.len();
        let done = AtomicUsize::new(0);
        in_blocks(n, |block| {
            let count = block.len();
            let mut buffer = Buffer::default();
            for i in block {
                if progress.is_cancelled() {
                    return Err(Error::cancelled());
                }
                let added = match rows {
                    Rows::Vectors(table) => match &self.about.scale {
                        None => self.index.add(i as u64, table.code(i)),
                        Some(scale) => {
                            scale.apply(table.code(i), &mut buffer.whole);
                            self.index.add(i as u64, &buffer.whole)
                        }
                    },
                    Rows::Bits(table) => self.index.add(i as u64, buffer.bits(table.code(i))),
                };
                added.map_err(|e| failed("adding a row", &e))?;
            }
            progress.update(done.fetch_add(count, Ordering::Relaxed) + count, n)
        })
    }

    /// What is known of it.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Share of the ten nearest rows that it finds, measured on a sample of its own rows.
    #[must_use]
    pub fn recall(&self) -> f64 {
        self.about.recall
    }

    /// Holds so many candidates while a query is answered from now on, and measures the recall anew.
    ///
    /// # Errors
    /// `is_cancelled`, or when the rows are not the index's.
    pub fn search_with(
        &mut self,
        expansion: usize,
        rows: Rows<'_>,
        progress: &Progress,
    ) -> Result<()> {
        self.index.change_expansion_search(expansion);
        self.about.settings.expansion_search = expansion;
        self.measure(rows, progress)
    }

    /// Measures the recall against the exact search.
    fn measure(&mut self, rows: Rows<'_>, progress: &Progress) -> Result<()> {
        let n = rows.len();
        let sample = n.min(SAMPLE);
        let ids: Vec<u32> = (0..sample).map(|i| (i * n / sample) as u32).collect();
        let (found, exact) = match rows {
            Rows::Vectors(table) => {
                let mut queries = Vec::with_capacity(sample * table.dims());
                for &id in &ids {
                    queries.extend_from_slice(table.code(id as usize));
                }
                let wanted = Wanted::Vectors(&queries);
                let found = self.nearest(rows, wanted, RECALL_K, Some(&ids), progress)?;
                let exact = nearest_codes(table, &queries, RECALL_K, Some(&ids), progress)?;
                (found, exact)
            }
            Rows::Bits(table) => {
                let words = ids.iter().flat_map(|&id| table.code(id as usize));
                let queries = BitTable::new(words.copied().collect(), table.bits())?;
                let wanted = Wanted::Bits(&queries);
                let found = self.nearest(rows, wanted, RECALL_K, Some(&ids), progress)?;
                let space = self.about.space;
                let exact = nearest_bits(table, &queries, RECALL_K, Some(&ids), space, progress)?;
                (found, exact)
            }
        };
        self.about.recall = recall(&found, &exact);
        self.about.sample = sample;
        Ok(())
    }

    /// The `k` nearest of `rows`, which are those that the index was built of, to each query, as far as the index finds them;
    /// distances are exact. With `left_out`, one row per query, that one is not among its neighbours.
    ///
    /// # Errors
    /// When the queries do not fit, the library fails, or `is_cancelled`.
    pub fn nearest(
        &self,
        rows: Rows<'_>,
        wanted: Wanted<'_>,
        k: usize,
        left_out: Option<&[u32]>,
        progress: &Progress,
    ) -> Result<Neighbours> {
        let start = Instant::now();
        let count = self.check(rows, wanted)?;
        if left_out.is_some_and(|ids| ids.len() != count) {
            return Err(Error::usage(format!(
                "another number of items to leave out than the {count} queries"
            )));
        }
        let k = k.min(rows.len() - usize::from(left_out.is_some()));
        // Rounded rows come in a rounded order: twice as many are looked at exactly.
        let more = match self.about.kind {
            Kind::F32 | Kind::Bits => 0,
            Kind::F16 | Kind::I8 => k,
        };
        let asked = (k + usize::from(left_out.is_some()) + more).min(rows.len());
        let one = |query: usize, buffer: &mut Buffer| -> Result<Vec<(u64, u32)>> {
            let matches = match wanted {
                Wanted::Vectors(queries) => {
                    let query = &queries[query * self.about.dims..][..self.about.dims];
                    match &self.about.scale {
                        None => self.index.search(query, asked),
                        Some(scale) => {
                            scale.apply(query, &mut buffer.whole);
                            self.index.search(&buffer.whole, asked)
                        }
                    }
                }
                Wanted::Bits(queries) => self.index.search(buffer.bits(queries.code(query)), asked),
            };
            let matches = matches.map_err(|e| failed("a search", &e))?;
            let own = left_out.map(|ids| ids[query]);
            let mut found = Vec::with_capacity(matches.keys.len());
            for id in matches.keys {
                let Some(id) = u32::try_from(id)
                    .ok()
                    .filter(|&id| (id as usize) < rows.len())
                else {
                    return Err(Error::usage("the index names rows that there are not")
                        .hint("build it again"));
                };
                if Some(id) != own {
                    found.push((self.key(rows, wanted, query, id as usize), id));
                }
            }
            found.sort_unstable();
            found.truncate(k);
            Ok(found)
        };
        let answers: Vec<Mutex<Vec<(u64, u32)>>> = (0..count).map(|_| Mutex::default()).collect();
        let done = AtomicUsize::new(0);
        {
            let _all_places = self
                .searching
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            in_blocks(count, |block| {
                let size = block.len();
                let mut buffer = Buffer::default();
                for query in block {
                    let found = one(query, &mut buffer)?;
                    *answers[query]
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = found;
                }
                progress.update(done.fetch_add(size, Ordering::Relaxed) + size, count)
            })?;
        }
        let mut ids = Vec::with_capacity(count * k);
        let mut distances = Vec::with_capacity(count * k);
        for (query, answer) in answers.into_iter().enumerate() {
            let answer = answer.into_inner().unwrap_or_else(PoisonError::into_inner);
            if answer.len() == k {
                ids.extend(answer.iter().map(|&(_, id)| id));
                distances.extend(answer.iter().map(|&(key, _)| self.distance(key)));
            } else {
                // A graph may fall into parts that are smaller than what is asked for.
                let own = left_out.map(|ids| &ids[query..=query]);
                let exact = self.exact(rows, wanted, query, k, own)?;
                ids.extend(exact.ids);
                distances.extend(exact.distances);
            }
        }
        Ok(Neighbours {
            k,
            ids,
            distances,
            space: self.about.space,
            secs: start.elapsed().as_secs_f64(),
        })
    }

    /// Number of queries, when they and the rows are such as the index has.
    fn check(&self, rows: Rows<'_>, wanted: Wanted<'_>) -> Result<usize> {
        let about = &self.about;
        if (rows.len(), rows.dims()) != (about.n, about.dims) {
            return Err(Error::usage(format!(
                "an index of {} rows of {} cannot search {} rows of {}",
                about.n,
                about.dims,
                rows.len(),
                rows.dims()
            )));
        }
        match (rows, wanted) {
            (Rows::Vectors(_), Wanted::Vectors(queries))
                if queries.len().is_multiple_of(about.dims) =>
            {
                if queries.iter().any(|x| !x.is_finite()) {
                    return Err(Error::model("the code of a query is not finite"));
                }
                Ok(queries.len() / about.dims)
            }
            (Rows::Bits(_), Wanted::Bits(queries)) if queries.bits() == about.dims => {
                Ok(queries.len())
            }
            _ => Err(Error::usage("the queries are not such as the index holds")),
        }
    }

    fn key(&self, rows: Rows<'_>, wanted: Wanted<'_>, query: usize, id: usize) -> u64 {
        match (rows, wanted) {
            (Rows::Vectors(table), Wanted::Vectors(queries)) => {
                let query = &queries[query * self.about.dims..][..self.about.dims];
                code::key(code::squared_distance(query, table.code(id)))
            }
            (Rows::Bits(table), Wanted::Bits(queries)) => {
                u64::from(bits::distance(queries.code(query), table.code(id)))
            }
            _ => u64::MAX,
        }
    }

    fn distance(&self, key: u64) -> f32 {
        match self.about.kind {
            Kind::Bits => key as f32,
            Kind::F32 | Kind::F16 | Kind::I8 => f32::from_bits(key as u32).sqrt(),
        }
    }

    fn exact(
        &self,
        rows: Rows<'_>,
        wanted: Wanted<'_>,
        query: usize,
        k: usize,
        own: Option<&[u32]>,
    ) -> Result<Neighbours> {
        let silent = Progress::silent();
        match (rows, wanted) {
            (Rows::Vectors(table), Wanted::Vectors(queries)) => {
                let query = &queries[query * self.about.dims..][..self.about.dims];
                nearest_codes(table, query, k, own, &silent)
            }
            (Rows::Bits(table), Wanted::Bits(queries)) => {
                let query = BitTable::new(queries.code(query).to_vec(), queries.bits())?;
                nearest_bits(table, &query, k, own, self.about.space, &silent)
            }
            _ => Err(Error::usage("the queries are not such as the index holds")),
        }
    }

    /// Writes the index to `path`, and what is known of it beside as `PATH.json`.
    ///
    /// # Errors
    /// `is_file` when that fails; an index that was there stays.
    pub fn save(&mut self, path: &Path) -> Result<()> {
        let io = |e: std::io::Error| Error::io(path, &e);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".morphospace-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let beside = builder.tempfile_in(folder_of(path)).map_err(io)?;
        self.index
            .save(in_words(beside.path())?)
            .map_err(|e| Error::file(path, format!("the index cannot be written: {e}")))?;
        let (bytes, digest) = digest_of_file(beside.path())?;
        beside.as_file().sync_all().map_err(io)?;
        beside.persist(path).map_err(|e| io(e.error))?;
        (self.about.bytes, self.about.file_digest) = (bytes, hex(digest));
        let json = serde_json::to_vec_pretty(&self.about)
            .map_err(|e| Error::file(path, format!("the index cannot be described: {e}")))?;
        // Last: a description that does not fit what it describes is refused.
        write_atomically(&description(path), &json)
    }

    /// Opens the index at `path`, mapped into memory, if it is one of `rows` in `space`.
    ///
    /// # Errors
    /// `is_file` when there is none, it is cut or damaged, or it was built of other rows; `is_newer_version`.
    pub fn open(path: &Path, space: Space, rows: Rows<'_>) -> Result<Self> {
        let beside = description(path);
        let text = std::fs::read_to_string(&beside).map_err(|e| Error::io(&beside, &e))?;
        let damaged = |e: serde_json::Error| {
            Error::file(&beside, format!("is no description of an index: {e}"))
                .hint("build the index again")
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
        if value["version"].as_u64().is_some_and(|v| v > VERSION) {
            return Err(Error::newer_version(
                &beside,
                "describes an index that a later version built",
            ));
        }
        let about: About = serde_json::from_value(value).map_err(damaged)?;
        let other = |what: String| Error::file(path, what).hint("build the index again");
        if about.space != space {
            return Err(other(format!(
                "is an index of the space {}, not of {space}",
                about.space
            )));
        }
        if (about.n, about.dims) != (rows.len(), rows.dims()) {
            return Err(other(format!(
                "is an index of {} rows of {}, and there are {} of {}",
                about.n,
                about.dims,
                rows.len(),
                rows.dims()
            )));
        }
        if about.digest != hex(rows.digest()) {
            return Err(other(
                "was built of other rows: the data or the model changed since".into(),
            ));
        }
        // The library trusts what it maps, so every byte is looked at before.
        if digest_of_file(path)? != (about.bytes, unhex(&about.file_digest)) {
            return Err(other("is cut off or damaged".into()));
        }
        let scale_fits = |scale: &Scale| scale.centre.len() == about.dims;
        if (about.kind == Kind::I8) != about.scale.as_ref().is_some_and(scale_fits) {
            return Err(other("lacks the scale of its whole numbers".into()));
        }
        let index = empty(&about)?;
        index
            .view(in_words(path)?)
            .map_err(|e| other(format!("is not an index that can be opened: {e}")))?;
        if index.size() != about.n {
            return Err(other("does not hold what its description says".into()));
        }
        Ok(Self {
            index,
            about,
            searching: Mutex::new(()),
        })
    }
}

/// Share of what `exact` has that `found` has, too; rows as far away as the last count as found.
fn recall(found: &Neighbours, exact: &Neighbours) -> f64 {
    let mut hits = 0;
    for query in 0..exact.queries() {
        let Some(last) = exact.distances_of(query).last() else {
            continue;
        };
        let near = found.distances_of(query).iter().filter(|d| *d <= last);
        hits += near.count();
    }
    if exact.ids.is_empty() {
        1.0
    } else {
        hits as f64 / exact.ids.len() as f64
    }
}

/// Room for a row in another form.
#[derive(Default)]
struct Buffer {
    whole: Vec<i8>,
    bytes: Vec<u8>,
}

impl Buffer {
    fn bits(&mut self, code: &[u64]) -> &[b1x8] {
        self.bytes.clear();
        self.bytes
            .extend(code.iter().flat_map(|word| word.to_le_bytes()));
        b1x8::from_u8s(&self.bytes)
    }
}

/// An index with nothing in it.
fn empty(about: &About) -> Result<Index> {
    let (dimensions, metric, quantization) = match about.kind {
        Kind::F32 => (about.dims, MetricKind::L2sq, ScalarKind::F32),
        Kind::F16 => (about.dims, MetricKind::L2sq, ScalarKind::F16),
        Kind::I8 => (about.dims, MetricKind::L2sq, ScalarKind::I8),
        // Bits beyond the code's are zero in all.
        Kind::Bits => (
            about.dims.next_multiple_of(64),
            MetricKind::Hamming,
            ScalarKind::B1,
        ),
    };
    let options = IndexOptions {
        dimensions,
        metric,
        quantization,
        connectivity: about.settings.connectivity,
        expansion_add: about.settings.expansion_add,
        expansion_search: about.settings.expansion_search,
        multi: false,
    };
    Index::new(&options).map_err(|e| failed("making the index", &e))
}

fn failed(what: &str, error: &impl fmt::Display) -> Error {
    Error::device(format!("the approximate index failed in {what}: {error}"))
        .hint("the exact search needs no index")
}

/// Cores that work on an index at once.
fn workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::current_num_threads().min(cores).max(1)
}

/// Gives `0..n` to all cores in blocks, in order; ends at the first error.
fn in_blocks(n: usize, work: impl Fn(Range<usize>) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let error = Mutex::new(None);
    rayon::scope(|scope| {
        for _ in 0..workers().min(n.div_ceil(BLOCK)) {
            scope.spawn(|_| {
                loop {
                    let start = next.fetch_add(BLOCK, Ordering::Relaxed);
                    if start >= n {
                        break;
                    }
                    if let Err(e) = work(start..(start + BLOCK).min(n)) {
                        next.store(n, Ordering::Relaxed);
                        *error.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
                        break;
                    }
                }
            });
        }
    });
    match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The description beside an index.
fn description(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".json");
    name.into()
}

/// The library takes paths as text.
fn in_words(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::file(path, "has a name that is no text").hint("move the data to another folder")
    })
}

fn hex(digest: u64) -> String {
    format!("{digest:016x}")
}

/// What [`hex`] wrote; anything else is no digest of anything.
fn unhex(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clusters, as codes have them.
    fn table(n: usize, d: usize) -> Result<CodeTable> {
        let number = |i: usize| {
            let x = (i as u64)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .rotate_left(29)
                .wrapping_mul(0xD134_2543_DE82_EF95);
            (x >> 40) as f32 / 16_777_216.0 - 0.5
        };
        let row = |i: usize| {
            (0..d).map(move |j| 3.0 * number(i % 20 * d + j) + number(100_000 + i * d + j))
        };
        CodeTable::new((0..n).flat_map(row).collect::<Vec<_>>(), d, vec![0.0; d])
    }

    fn bits(table: &CodeTable) -> Result<BitTable> {
        BitTable::above(table.codes(), table.mean())
    }

    fn built(kind: Kind, table: &CodeTable) -> Result<ApproximateIndex> {
        let bits = bits(table)?;
        let (space, rows) = match kind {
            Kind::Bits => (Space::Bits, Rows::Bits(&bits)),
            _ => (Space::Code, Rows::Vectors(table)),
        };
        ApproximateIndex::build(space, rows, kind, Settings::default(), &Progress::silent())
    }

    #[test]
    fn nearly_all_of_the_exact_answer_is_found_and_its_distances_are_exact() -> Result<()> {
        let table = table(5000, 40)?;
        let silent = Progress::silent();
        let queries: Vec<f32> = table.codes()[..100 * 40].iter().map(|x| x + 0.01).collect();
        let exact = nearest_codes(&table, &queries, 10, None, &silent)?;
        for kind in [Kind::F32, Kind::F16, Kind::I8] {
            let index = built(kind, &table)?;
            assert!(index.recall() > 0.95, "{kind}: {}", index.recall());
            let rows = Rows::Vectors(&table);
            let found = index.nearest(rows, Wanted::Vectors(&queries), 10, None, &silent)?;
            let found_share = recall(&found, &exact);
            assert!(found_share > 0.95, "{kind}: {found_share}");
            for query in 0..100 {
                for (id, distance) in found.ids_of(query).iter().zip(found.distances_of(query)) {
                    let query = &queries[query * 40..][..40];
                    let code = table.code(*id as usize);
                    assert_eq!(*distance, code::squared_distance(query, code).sqrt());
                }
                assert!(found.distances_of(query).is_sorted());
            }
        }
        let index = built(Kind::Bits, &table)?;
        assert!(index.recall() > 0.9, "bits: {}", index.recall());
        Ok(())
    }

    #[test]
    fn an_item_that_is_left_out_is_not_found_and_small_sets_are_whole() -> Result<()> {
        let table = table(7, 3)?;
        let index = built(Kind::F32, &table)?;
        let rows = Rows::Vectors(&table);
        let silent = Progress::silent();
        let own: Vec<u32> = (0..7).collect();
        let wanted = Wanted::Vectors(table.codes());
        let found = index.nearest(rows, wanted, 100, Some(&own), &silent)?;
        assert_eq!(
            found,
            Neighbours {
                secs: found.secs,
                ..nearest_codes(&table, table.codes(), 100, Some(&own), &silent)?
            }
        );
        assert!(
            index
                .nearest(rows, Wanted::Vectors(&[0.0; 4]), 1, None, &silent)
                .is_err()
        );
        assert!(
            index
                .nearest(rows, Wanted::Vectors(&[f32::NAN; 3]), 1, None, &silent)
                .is_err()
        );
        assert!(index.nearest(rows, wanted, 1, Some(&[1]), &silent).is_err());
        Ok(())
    }

    #[test]
    fn a_saved_index_answers_as_before_and_for_its_own_rows_only() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::usage(e.to_string()))?;
        let silent = Progress::silent();
        let table = table(1000, 12)?;
        let rows = Rows::Vectors(&table);
        for kind in [Kind::F32, Kind::F16, Kind::I8] {
            let path = ApproximateIndex::path_beside(
                &folder.path().join("pictures.npy"),
                Space::Code,
                kind,
            );
            assert!(path.ends_with(format!("pictures.npy.code.{kind}.usearch")));
            let mut index = built(kind, &table)?;
            index.save(&path)?;
            let opened = ApproximateIndex::open(&path, Space::Code, rows)?;
            assert_eq!(opened.about(), index.about());
            let wanted = Wanted::Vectors(&table.codes()[..120]);
            let before = index.nearest(rows, wanted, 5, None, &silent)?;
            let after = opened.nearest(rows, wanted, 5, None, &silent)?;
            assert_eq!((before.ids, before.distances), (after.ids, after.distances));

            let mut other = table.codes().to_vec();
            other[77] += 1.0;
            let other = CodeTable::new(other, 12, vec![0.0; 12])?;
            let said = ApproximateIndex::open(&path, Space::Code, Rows::Vectors(&other));
            assert!(said.is_err_and(|e| e.is_file() && e.to_string().contains("other rows")));
            assert!(ApproximateIndex::open(&path, Space::CodeScaled, rows).is_err());
        }
        Ok(())
    }

    #[test]
    fn a_cut_a_damaged_and_a_newer_index_are_refused() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::usage(e.to_string()))?;
        let table = table(500, 8)?;
        let rows = Rows::Vectors(&table);
        let path = folder.path().join("x.usearch");
        let io = |e: std::io::Error| Error::usage(e.to_string());
        built(Kind::F32, &table)?.save(&path)?;
        let whole = std::fs::read(&path).map_err(io)?;
        let says = |what: &str| {
            let said = ApproximateIndex::open(&path, Space::Code, rows);
            assert!(
                said.is_err_and(|e| e.is_file() && e.to_string().contains(what)),
                "{what}"
            );
        };
        std::fs::write(&path, &whole[..whole.len() / 2]).map_err(io)?;
        says("cut off or damaged");
        let mut changed = whole.clone();
        changed[whole.len() / 3] ^= 0x40;
        std::fs::write(&path, changed).map_err(io)?;
        says("cut off or damaged");
        std::fs::write(&path, whole).map_err(io)?;
        ApproximateIndex::open(&path, Space::Code, rows)?;
        let json = std::fs::read_to_string(description(&path)).map_err(io)?;
        let newer = json.replace("\"version\": 1", "\"version\": 2");
        assert_ne!(json, newer);
        std::fs::write(description(&path), newer).map_err(io)?;
        says("later version");
        std::fs::write(description(&path), "{}").map_err(io)?;
        says("no description");
        std::fs::remove_file(description(&path)).map_err(io)?;
        assert!(ApproximateIndex::open(&path, Space::Code, rows).is_err());
        Ok(())
    }

    #[test]
    fn building_can_be_stopped_and_kinds_have_to_fit() -> Result<()> {
        let table = table(2000, 8)?;
        let progress = Progress::silent();
        progress.cancel();
        let rows = Rows::Vectors(&table);
        let settings = Settings::default();
        let stopped = ApproximateIndex::build(Space::Code, rows, Kind::F32, settings, &progress);
        assert!(stopped.is_err_and(|e| e.is_cancelled()));
        let silent = Progress::silent();
        let unfit = ApproximateIndex::build(Space::Code, rows, Kind::Bits, settings, &silent);
        assert!(unfit.is_err_and(|e| e.is_usage()));
        Ok(())
    }
}
