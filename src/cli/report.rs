//! `morphospace compare --report`: spaces compared over a whole set of queries.
//!
//! Invariant: the figures are those of [`Inquiry`], which the window shows too.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Common, output};
use crate::data::{Dataset, DatasetSource};
use crate::error::{Error, Result};
use crate::model::AutoEncoder;
use crate::progress::Progress;
use crate::retrieval::study::{Encoder, Inquiry, Report};
use crate::retrieval::{Encoded, Space};
use crate::space::CodeTable;

/// What is compared.
pub(super) struct Study<'a> {
    pub(super) data: &'a DatasetSource,
    pub(super) queries: &'a DatasetSource,
    pub(super) model: &'a Path,
    pub(super) spaces: &'a [Space],
    pub(super) k: usize,
}

impl Study<'_> {
    /// Compares, writes the report to the folder, and prints the figures.
    pub(super) fn run(&self, folder: &Path, common: &Common) -> Result<()> {
        if self.spaces.len() < 2 {
            return Err(
                Error::usage("a comparison needs two or more different spaces")
                    .hint("--spaces pixel,code,components"),
            );
        }
        // Before the work, not after it.
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, &e))?;
        let gallery = Arc::new(common.load_data(self.data)?);
        let is_same = self.queries == self.data;
        let queries = if is_same {
            gallery.clone()
        } else {
            Arc::new(common.load_data(self.queries)?)
        };
        let (_, model) = common.load_model(self.model)?;
        let of_gallery = encoded(&model, &gallery, common)?;
        let of_queries = if is_same {
            of_gallery.clone()
        } else {
            encoded(&model, &queries, common)?
        };
        let own: Option<Vec<u32>> = is_same.then(|| (0..queries.len() as u32).collect());
        let encode: &Encoder<'_> = &|pictures| {
            let posteriors = model.encode(pictures, &Progress::silent())?;
            Ok((posteriors.mean, posteriors.log_variance))
        };
        let inquiry = Inquiry {
            gallery: &gallery,
            of_gallery: Some(&of_gallery),
            queries: &queries,
            of_queries: Some(&of_queries),
            own: own.as_deref(),
            spaces: self.spaces,
            k: self.k,
            seed: common.seed,
            encode: Some(encode),
        };
        let report = Report {
            gallery: self.data.to_string(),
            queries: self.queries.to_string(),
            model: self.model.display().to_string(),
            findings: inquiry.run(&common.progress("Comparing spaces"), |_| {})?,
        };
        let page = report.write(folder)?;
        let found = &report.findings;
        if let Some(text) = found.on_k().filter(|_| !common.quiet) {
            eprintln!("{text}");
        }
        let summary = json!({
            "report": page.display().to_string(),
            "n_queries": found.n_queries,
            "k": found.k,
            "spaces": found.spaces.iter().map(|s| json!({
                "space": s.space,
                "precision_at_k": s.precision.last(),
                "nearest_accuracy": s.accuracy.first(),
                "knn_accuracy": s.accuracy.last(),
                "mean_average_precision": s.mean_average_precision,
                "secs": s.secs,
            })).collect::<Vec<Value>>(),
            "pairs": found.pairs.iter().map(|p| json!({
                "spaces": p.spaces,
                "overlap": p.overlap,
                "rank_correlation": p.rank_correlation,
            })).collect::<Vec<Value>>(),
        });
        output::print(common.json, &summary);
        Ok(())
    }
}

/// What a model makes of pictures, as a search needs it.
pub(super) fn encoded(model: &AutoEncoder, pictures: &Dataset, common: &Common) -> Result<Encoded> {
    let posteriors = common.encode(model, pictures)?;
    let kl = posteriors.kl_per_dimension(model.spec());
    Ok(Encoded {
        codes: Arc::new(CodeTable::new(posteriors.mean, model.code(), kl)?),
        log_variance: Arc::new(posteriors.log_variance),
        is_binary: model.spec().is_binary(),
    })
}
