//! `morphospace compare`: the neighbours of one picture in pixel space above those in code space.

use std::path::{Path, PathBuf};

use clap::Args;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::report::Study;
use super::{Common, output};
use crate::data::formats::read_picture;
use crate::data::{Dataset, DatasetSource, Picture};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::retrieval::{Neighbours, Space, measures, nearest_codes, nearest_to_picture};
use crate::space::CodeTable;

/// Draw the neighbours of one picture in both spaces side by side
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Pictures to search in
    #[arg(long, value_name = "GALLERY")]
    data: DatasetSource,
    /// The model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// What to look for: the number of an item, or a picture file
    #[arg(long, value_name = "INDEX|IMAGE", requires = "out")]
    query: Option<String>,
    /// Neighbours in each row, or per query of a report
    #[arg(long, value_name = "K", default_value_t = 8)]
    k: usize,
    /// Where to write the PNG: the query, then pixel space above code space; what is in both rows has an orange frame
    #[arg(long, value_name = "FILE", requires = "query")]
    out: Option<PathBuf>,
    /// Compare spaces over all of --queries instead, and write report.html, report.json and curves.csv to this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["query", "out"], requires = "queries")]
    report: Option<PathBuf>,
    /// The queries of a report; the same as --data leaves each out of its own answer
    #[arg(long, value_name = "SRC", requires = "report")]
    queries: Option<DatasetSource>,
    /// The spaces of a report
    #[arg(
        long,
        value_name = "A,B,…",
        value_delimiter = ',',
        default_value = "pixel,code,components",
        requires = "report"
    )]
    spaces: Vec<Space>,
}

impl Compare {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        if let (Some(folder), Some(queries)) = (&self.report, &self.queries) {
            let study = Study {
                data: &self.data,
                queries,
                model: &self.model,
                spaces: &self.spaces,
                k: self.k,
            };
            return study.run(folder, common);
        }
        let (Some(query), Some(out)) = (&self.query, &self.out) else {
            return Err(Error::usage("there is nothing to compare").hint(
                "give --query and --out for one picture, or --queries and --report for many",
            ));
        };
        if !(1..=50).contains(&self.k) {
            return Err(Error::usage("a row shows 1 to 50 neighbours"));
        }
        let gallery = common.load_data(&self.data)?;
        let (_, model) = common.load_model(&self.model)?;
        let posteriors = common.encode(&model, &gallery)?;
        let kl = posteriors.kl_per_dimension(model.spec());
        let table = CodeTable::new(posteriors.mean, model.code(), kl)?;
        let (picture, own) = picture_of(query, &gallery, common.quiet)?;
        let progress = Progress::silent();
        let code = model.encode(&[&picture.pixels], &progress)?.mean;
        let pixels = nearest_to_picture(&gallery, &picture.pixels, self.k, own, &progress)?;
        let codes = nearest_codes(
            &table,
            &code,
            self.k,
            own.as_ref().map(std::slice::from_ref),
            &progress,
        )?;
        let shared: Vec<u32> = measures::shared(&pixels.ids, &codes.ids)
            .iter()
            .map(|s| s.id)
            .collect();
        output::write_png(out, &page(&gallery, &picture, [&pixels, &codes], &shared))?;
        let row = |found: &Neighbours| -> Vec<Value> {
            let each = found.ids.iter().zip(&found.distances);
            each.map(|(id, distance)| json!({ "id": id, "distance": distance, "label": gallery.label_name(*id as usize) }))
                .collect()
        };
        let value = json!({
            "pixel": row(&pixels),
            "code": row(&codes),
            "shared": shared,
            "pixel_secs": pixels.secs,
            "code_secs": codes.secs,
            "out": out.display().to_string(),
        });
        output::print(common.json, &value);
        Ok(())
    }
}

/// The picture looked for, and its number where it is an item of the gallery.
fn picture_of(query: &str, gallery: &Dataset, is_quiet: bool) -> Result<(Picture, Option<u32>)> {
    if let Ok(item) = query.parse::<usize>() {
        if item >= gallery.len() {
            return Err(Error::usage(format!(
                "there is no item {item} among {}",
                gallery.len()
            )));
        }
        return Ok((gallery.picture(item), Some(item as u32)));
    }
    let path = Path::new(query);
    let shape = gallery.shape();
    let picture = read_picture(path, shape)?;
    if let Ok((width, height)) = image::image_dimensions(path)
        && (height as usize, width as usize) != (shape.height, shape.width)
        && !is_quiet
    {
        eprintln!("The picture is {height}×{width}; it is cut, resized and recoloured to {shape}");
    }
    Ok((picture, None))
}

fn page(gallery: &Dataset, query: &Picture, rows: [&Neighbours; 2], shared: &[u32]) -> RgbImage {
    const GAP: u32 = 6;
    const FRAME: u32 = 3;
    const PAPER: Rgb<u8> = Rgb([24, 26, 32]);
    // Okabe and Ito's orange.
    const SHARED: Rgb<u8> = Rgb([230, 159, 0]);
    let scale = output::scale_for(query.shape);
    let (w, h) = (
        query.shape.width as u32 * scale,
        query.shape.height as u32 * scale,
    );
    let (cell_w, cell_h) = (w + 2 * FRAME + GAP, h + 2 * FRAME + GAP);
    let columns = rows.iter().map(|r| r.ids.len()).max().unwrap_or(0) as u32;
    let left = 2 * w + 4 * GAP;
    let mut page = RgbImage::from_pixel(left + columns * cell_w + GAP, 2 * cell_h + 2 * GAP, PAPER);
    let top = (page.height() - 2 * h) / 2;
    image::imageops::replace(
        &mut page,
        &query.to_rgb(2 * scale),
        i64::from(2 * GAP),
        i64::from(top),
    );
    for (r, row) in (0_u32..).zip(rows) {
        for (c, &id) in (0_u32..).zip(&row.ids) {
            let (x, y) = (left + c * cell_w, GAP + r * cell_h);
            if shared.contains(&id) {
                let frame = RgbImage::from_pixel(w + 2 * FRAME, h + 2 * FRAME, SHARED);
                image::imageops::replace(&mut page, &frame, i64::from(x), i64::from(y));
            }
            let tile = gallery.picture(id as usize).to_rgb(scale);
            image::imageops::replace(&mut page, &tile, i64::from(x + FRAME), i64::from(y + FRAME));
        }
    }
    page
}
