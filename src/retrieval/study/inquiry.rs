//! The same queries put to several spaces, and all that is told of the answers.
//!
//! Invariant: spaces are searched, correlated and tried with distorted copies in the order they are named in.

use std::sync::Arc;

use serde::Serialize;

use super::{
    Classes, Encoder, OfPair, OfSpace, Robustness, SAMPLE, classes_of, of_pair, of_space,
    rank_correlations, robustness,
};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::{Encoded, Gallery, Neighbours, Probe, Queries, Space};

/// Queries, and where their nearest are sought.
#[derive(Clone, Copy)]
pub struct Inquiry<'a> {
    /// The items to search in.
    pub gallery: &'a Arc<Dataset>,
    /// What the model makes of them, for spaces of codes.
    pub of_gallery: Option<&'a Encoded>,
    /// What to search for.
    pub queries: &'a Arc<Dataset>,
    /// What the model makes of that.
    pub of_queries: Option<&'a Encoded>,
    /// Where the queries are among the items, where they are items: each is left out of its own answer.
    pub own: Option<&'a [u32]>,
    /// Where to search.
    pub spaces: &'a [Space],
    /// Neighbours per query; all, where there are fewer items.
    pub k: usize,
    /// What chance is drawn from.
    pub seed: u64,
    /// What the model makes of distorted copies, for spaces of codes.
    pub encode: Option<&'a Encoder<'a>>,
}

/// What an inquiry finds.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// What chance was drawn from.
    pub seed: u64,
    /// Items that were searched in.
    pub n_gallery: usize,
    /// Queries.
    pub n_queries: usize,
    /// Neighbours per query.
    pub k: usize,
    /// Neighbours that were asked for; more than `k` where there are fewer items.
    pub asked_k: usize,
    /// By class; empty where there are no classes.
    pub spaces: Vec<OfSpace>,
    /// Each two of the spaces.
    pub pairs: Vec<OfPair>,
    /// Items that were distorted.
    pub sampled: usize,
    /// Each distortion in each space.
    pub robustness: Vec<Robustness>,
    /// Seconds each space took.
    pub secs: Vec<(Space, f64)>,
    /// The answers.
    #[serde(skip)]
    pub found: Vec<Neighbours>,
    /// The queries.
    #[serde(skip)]
    pub queries: Arc<Dataset>,
    /// The items.
    #[serde(skip)]
    pub gallery: Arc<Dataset>,
}

impl Findings {
    /// What is to be said where more neighbours were asked for than there are.
    #[must_use]
    pub fn on_k(&self) -> Option<String> {
        (self.k < self.asked_k).then(|| {
            format!(
                "{} neighbours were asked for; there are only {} others, and all of them are taken",
                self.asked_k, self.k
            )
        })
    }
}

impl Inquiry<'_> {
    /// Searches, and measures. What is found is shown to `so_far` before the pairs are compared and before copies are distorted, which
    /// takes longest.
    ///
    /// # Errors
    /// When no space or one is named twice, k is not 1 to 1000, or a space needs what is not there; `is_cancelled`.
    pub fn run(&self, progress: &Progress, mut so_far: impl FnMut(&Findings)) -> Result<Findings> {
        self.check()?;
        let asked = Queries {
            pictures: self.queries,
            codes: self.of_queries.map_or(&[], |e| e.codes.codes()),
            log_variance: self.of_queries.map_or(&[], |e| &e.log_variance),
        };
        let searching = progress.part(0.0, 0.3);
        let mut ready = Vec::new();
        let mut found = Vec::new();
        for (i, &space) in self.spaces.iter().enumerate() {
            let part = share(&searching, i, self.spaces.len());
            let gallery = Gallery::new(space, self.gallery, self.of_gallery, self.seed, &part)?;
            found.push(gallery.nearest(asked, self.k, self.own, &part)?);
            ready.push(gallery);
        }
        let labels = match (self.queries.labels(), self.gallery.labels()) {
            (Some(q), Some(g)) => Some((classes_of(q, g), g)),
            _ => None,
        };
        let classes = labels.as_ref().map(|(q, g)| Classes {
            queries: q,
            gallery: &g.values,
            names: &g.names,
        });
        let spaces = match classes {
            Some(classes) => found
                .iter()
                .map(|found| of_space(found, classes, self.seed))
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        let mut findings = Findings {
            seed: self.seed,
            n_gallery: self.gallery.len(),
            n_queries: self.queries.len(),
            k: found.first().map_or(self.k, |f| f.k),
            asked_k: self.k,
            spaces,
            pairs: Vec::new(),
            sampled: 0,
            robustness: Vec::new(),
            secs: found.iter().map(|f| (f.space, f.secs)).collect(),
            found,
            queries: self.queries.clone(),
            gallery: self.gallery.clone(),
        };
        so_far(&findings);
        let part = progress.part(0.3, 0.5);
        findings.pairs = self.pairs(&ready, &findings.found, classes, &part)?;
        so_far(&findings);
        let step = self.gallery.len().div_ceil(SAMPLE).max(1);
        let items: Vec<u32> = (0..self.gallery.len() as u32).step_by(step).collect();
        findings.robustness = robustness(
            &ready,
            self.gallery,
            &items,
            self.encode,
            self.seed,
            &progress.part(0.5, 1.0),
        )?;
        findings.sampled = items.len();
        Ok(findings)
    }

    fn pairs(
        &self,
        ready: &[Gallery],
        found: &[Neighbours],
        classes: Option<Classes<'_>>,
        progress: &Progress,
    ) -> Result<Vec<OfPair>> {
        let step = self.queries.len().div_ceil(SAMPLE).max(1);
        let probes: Vec<Probe> = (0..self.queries.len())
            .step_by(step)
            .map(|i| self.probe(i))
            .collect();
        let each = |a| (a + 1..found.len()).map(move |b| (a, b));
        let all: Vec<(usize, usize)> = (0..found.len()).flat_map(each).collect();
        let mut pairs = Vec::new();
        for (i, &(a, b)) in all.iter().enumerate() {
            let part = share(progress, i, all.len());
            let correlated = rank_correlations(&ready[a], &ready[b], &probes, &part)?;
            pairs.push(of_pair(
                &found[a],
                &found[b],
                classes,
                Some(&correlated),
                self.seed,
            )?);
        }
        Ok(pairs)
    }

    /// Query `i`, with what the model makes of it.
    fn probe(&self, i: usize) -> Probe {
        let pixels = self.queries.pixels(i).to_vec();
        let Some(encoded) = self.of_queries else {
            return Probe {
                pixels,
                ..Probe::default()
            };
        };
        let d = encoded.codes.dims();
        let log_variance = encoded.log_variance.get(i * d..(i + 1) * d);
        Probe {
            pixels,
            code: encoded.codes.code(i).to_vec(),
            log_variance: log_variance.unwrap_or_default().to_vec(),
        }
    }

    fn check(&self) -> Result<()> {
        if !(1..=1000).contains(&self.k) {
            return Err(Error::usage("k is 1 to 1000"));
        }
        can_be_sought(self.queries, self.gallery)?;
        let is_twice = |(i, space): (usize, &Space)| self.spaces[..i].contains(space);
        if self.spaces.is_empty() || self.spaces.iter().enumerate().any(is_twice) {
            return Err(
                Error::usage("a comparison needs different spaces").hint("such as pixel and code")
            );
        }
        Ok(())
    }
}

/// Whether `queries` have the shape of the pictures of `gallery`.
///
/// # Errors
/// When they have not.
pub fn can_be_sought(queries: &Dataset, gallery: &Dataset) -> Result<()> {
    if queries.shape() == gallery.shape() {
        return Ok(());
    }
    Err(Error::usage(format!(
        "pictures of {} cannot be sought among pictures of {}",
        queries.shape(),
        gallery.shape()
    ))
    .hint("name queries of the same size and colours"))
}

/// The part of `progress` that is the `i`th of `n` equal ones.
fn share(progress: &Progress, i: usize, n: usize) -> Progress {
    progress.part(i as f32 / n as f32, (i + 1) as f32 / n as f32)
}
