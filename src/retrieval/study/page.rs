//! A study as one page that needs nothing beside it, with its figures as JSON and its curves as CSV.
//!
//! Invariant: every figure on the page is in `report.json` too, and every curve in `curves.csv`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Estimate, Findings, OfSpace, SAMPLE, STRENGTHS, Win};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::retrieval::Space;

/// Neighbours shown of a query on the page.
const SHOWN: usize = 8;
/// Okabe and Ito's colours, safe for colour-blind people.
const COLOURS: [&str; 8] = [
    "#E69F00", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8A500", "#666666",
];

/// What was found, and of what.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the items that were searched in.
    pub gallery: String,
    /// Name of the queries.
    pub queries: String,
    /// Name of the model, where there is one.
    pub model: String,
    /// The figures.
    #[serde(flatten)]
    pub findings: Findings,
}

impl Report {
    /// Writes `report.html`, `report.json` and `curves.csv` to the folder, which is made where it is missing, and returns the page's
    /// path.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, &e))?;
        let figures = serde_json::to_string(self)
            .map_err(|e| Error::file(folder.join("report.json"), e.to_string()))?;
        let write = |name: &str, text: &str| write_atomically(&folder.join(name), text.as_bytes());
        write("report.json", &figures)?;
        write("curves.csv", &curves(&self.findings))?;
        // Last, so that who sees the page has the figures, too.
        write("report.html", &Page { report: self }.html()?)?;
        Ok(folder.join("report.html"))
    }
}

/// Every curve, a line per point.
fn curves(report: &Findings) -> String {
    let mut text = String::from("figure,space,x,mean,low,high\n");
    let mut line = |figure: &str, space: Space, x: f64, e: &Estimate| {
        let _ = writeln!(text, "{figure},{space},{x},{},{},{}", e.mean, e.low, e.high);
    };
    for space in &report.spaces {
        for (figure, values) in [
            ("precision", &space.precision),
            ("recall", &space.recall),
            ("accuracy", &space.accuracy),
        ] {
            for (rank, estimate) in values.iter().enumerate() {
                line(figure, space.space, (rank + 1) as f64, estimate);
            }
        }
    }
    for curve in &report.robustness {
        for (strength, estimate) in STRENGTHS.iter().zip(&curve.found) {
            let figure = format!("found after {}", curve.distortion);
            line(&figure, curve.space, f64::from(*strength), estimate);
        }
    }
    text
}

/// The page, and what its pictures are taken from.
struct Page<'a> {
    report: &'a Report,
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1e26; --weak: #667; --line: #d8dbe2; --paper: #fff; --raised: #f4f5f8; --good: #0a7d4f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ef; --weak: #98a; --line: #2c303a; --paper: #12141a; --raised: #1b1e26; --good: #4cc38a; } }
body { font: 15px/1.5 Inter, system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px; margin: 40px auto; padding: 0 24px; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 44px 0 8px; } h3 { font-size: 15px; margin: 20px 0 6px; }
p.note, caption, .weak { color: var(--weak); } table { border-collapse: collapse; } td, th { padding: 5px 14px 5px 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } td small { color: var(--weak); } .best { font-weight: 650; color: var(--good); }
.charts { display: flex; flex-wrap: wrap; gap: 24px; } svg text { fill: var(--weak); font-size: 11px; } svg .axis { stroke: var(--line); } .key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin: 0 6px 0 16px; vertical-align: -1px; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(500px, 1fr)); gap: 10px; }
.case { display: grid; grid-template-columns: 76px 1fr; gap: 4px 14px; align-items: center; background: var(--raised); border-radius: 10px; padding: 12px; }
.case img { image-rendering: pixelated; border-radius: 4px; border: 2px solid transparent; } .case img.same { border-color: var(--good); } .case .q { grid-row: span 2; width: 72px; } .row { display: flex; gap: 6px; align-items: center; } .row img { width: 32px; } .row span { width: 92px; color: var(--weak); font-size: 13px; }
.grid { display: grid; gap: 2px; font-size: 11px; }
";

impl Page<'_> {
    fn html(&self) -> Result<String> {
        let (named, r) = (self.report, &self.report.findings);
        let mut h = String::new();
        let _ = write!(
            h,
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Spaces compared: {0}</title><style>{STYLE}</style>\
             <h1>Spaces compared</h1><p class=\"note\">{1} queries from <b>{0}</b>, sought among {2} items of <b>{3}</b> with the model <b>{4}</b>; k = {5}, seed {6}. \
             Intervals hold 95 of 100 resamples of the queries.</p>",
            escaped(&named.queries),
            r.n_queries,
            r.n_gallery,
            escaped(&named.gallery),
            escaped(&named.model),
            r.k,
            r.seed
        );
        self.summary(&mut h);
        self.quality(&mut h);
        self.agreement(&mut h);
        self.distortions(&mut h);
        self.wins(&mut h)?;
        self.classes(&mut h);
        h.push_str("</html>\n");
        Ok(h)
    }

    fn findings(&self) -> &Findings {
        &self.report.findings
    }

    fn key(&self, h: &mut String) {
        h.push_str("<p>");
        for (i, (space, _)) in self.report.findings.secs.iter().enumerate() {
            let colour = COLOURS[i % COLOURS.len()];
            let _ = write!(
                h,
                "<span class=\"key\" style=\"background:{colour}\"></span>{}",
                space.title()
            );
        }
        h.push_str("</p>");
    }

    fn summary(&self, h: &mut String) {
        let r = &self.report.findings;
        h.push_str("<h2>In figures</h2>");
        if let Some(text) = r.on_k() {
            let _ = write!(h, "<p class=\"note\">{text}.</p>");
        }
        if r.spaces.is_empty() {
            h.push_str("<p class=\"note\">The data have no classes: only how the spaces agree can be told.</p>");
            return;
        }
        let _ = write!(
            h,
            "<table><tr><th>Space<th>Precision@{0}<th>1-NN accuracy<th>{0}-NN accuracy<th>mAP@{0}<th>Time</tr>",
            r.k
        );
        let columns: [fn(&OfSpace) -> Estimate; 4] = [
            |s| s.precision.last().copied().unwrap_or_default(),
            |s| s.accuracy.first().copied().unwrap_or_default(),
            |s| s.accuracy.last().copied().unwrap_or_default(),
            |s| s.mean_average_precision,
        ];
        let best = columns.map(|of| r.spaces.iter().map(|s| of(s).mean).fold(0.0, f64::max));
        for space in &r.spaces {
            let _ = write!(h, "<tr><td>{}", space.space.title());
            for (of, best) in columns.iter().zip(best) {
                let e = of(space);
                let class = if e.mean >= best {
                    " class=\"best\""
                } else {
                    ""
                };
                let _ = write!(
                    h,
                    "<td{class}>{:.4} <small>{:.4}–{:.4}</small>",
                    e.mean, e.low, e.high
                );
            }
            let _ = match space.secs {
                secs if secs < 1.0 => write!(h, "<td>{:.1} ms</tr>", 1000.0 * secs),
                secs => write!(h, "<td>{secs:.2} s</tr>"),
            };
        }
        h.push_str("</table>");
    }

    fn quality(&self, h: &mut String) {
        let r = &self.report.findings;
        if r.spaces.is_empty() || r.k < 2 {
            return;
        }
        h.push_str("<h2>By number of neighbours</h2>");
        self.key(h);
        h.push_str("<div class=\"charts\">");
        let figures: [(&str, Curve); 3] = [
            ("Precision@k", |s| &s.precision),
            ("Recall@k", |s| &s.recall),
            ("k-NN accuracy", |s| &s.accuracy),
        ];
        for (name, of) in figures {
            let curves: Vec<&[Estimate]> = r.spaces.iter().map(|s| of(s).as_slice()).collect();
            let xs: Vec<f64> = (1..=r.k).map(|k| k as f64).collect();
            chart(h, name, &xs, &curves, None);
        }
        h.push_str("</div>");
    }

    fn agreement(&self, h: &mut String) {
        let r = &self.report.findings;
        let _ = write!(
            h,
            "<h2>Agreement</h2><p class=\"note\">Overlap: share of the {} neighbours that both have. Rank correlation: Spearman's, of the distances to the same gallery items, over {} queries.</p>\
            <table><tr><th>Spaces<th>Overlap<th>Rank correlation</tr>",
            r.k,
            r.n_queries.min(SAMPLE)
        );
        for pair in &r.pairs {
            let e = pair.overlap;
            let _ = write!(
                h,
                "<tr><td>{} and {}<td>{:.3} <small>{:.3}–{:.3}</small>",
                pair.spaces[0].title(),
                pair.spaces[1].title().to_lowercase(),
                e.mean,
                e.low,
                e.high
            );
            match pair.rank_correlation {
                Some(e) => {
                    let _ = write!(
                        h,
                        "<td>{:.3} <small>{:.3}–{:.3}</small></tr>",
                        e.mean, e.low, e.high
                    );
                }
                None => h.push_str("<td></tr>"),
            }
        }
        h.push_str("</table>");
    }

    fn distortions(&self, h: &mut String) {
        let r = &self.report.findings;
        let _ = write!(
            h,
            "<h2>Distorted copies</h2><p class=\"note\">Share of {} items whose distorted copy still has its original as the nearest.</p>",
            r.sampled
        );
        self.key(h);
        h.push_str("<div class=\"charts\">");
        let xs: Vec<f64> = STRENGTHS.iter().map(|&s| f64::from(s)).collect();
        for distortion in crate::data::Distortion::ALL {
            let of = r.robustness.iter().filter(|c| c.distortion == distortion);
            let curves: Vec<&[Estimate]> = of.map(|c| c.found.as_slice()).collect();
            let most = distortion.amount(1.0, self.findings().gallery.shape());
            chart(
                h,
                &format!("{}, by strength up to {most}", distortion.title()),
                &xs,
                &curves,
                Some((0.0, 1.0)),
            );
        }
        h.push_str("</div>");
    }

    fn wins(&self, h: &mut String) -> Result<()> {
        for pair in &self.report.findings.pairs {
            for (side, wins) in pair.wins.iter().enumerate() {
                if wins.is_empty() {
                    continue;
                }
                let (a, b) = (pair.spaces[side], pair.spaces[1 - side]);
                let _ = write!(
                    h,
                    "<h2>Where {} beats {}</h2>",
                    a.title().to_lowercase(),
                    b.title().to_lowercase()
                );
                h.push_str("<div class=\"cases\">");
                for win in wins {
                    self.case(h, *win, [a, b])?;
                }
                h.push_str("</div>");
            }
        }
        Ok(())
    }

    fn case(&self, h: &mut String, win: Win, spaces: [Space; 2]) -> Result<()> {
        let query = win.query as usize;
        let class = self.findings().queries.label_name(query);
        let _ = write!(
            h,
            "<div class=\"case\"><img class=\"q\" alt=\"query\" title=\"{}\" src=\"{}\">",
            escaped(class.unwrap_or("")),
            picture(&self.findings().queries, query)?
        );
        for space in spaces {
            let _ = write!(h, "<div class=\"row\"><span>{}</span>", space.title());
            let Some(found) = self.findings().found.iter().find(|f| f.space == space) else {
                continue;
            };
            for &id in found.ids_of(query).iter().take(SHOWN) {
                let label = self.findings().gallery.label_name(id as usize);
                let same = if class.is_some() && label == class {
                    " class=\"same\""
                } else {
                    ""
                };
                let _ = write!(
                    h,
                    "<img{same} alt=\"{0}\" title=\"{0}\" src=\"{1}\">",
                    escaped(label.unwrap_or("")),
                    picture(&self.findings().gallery, id as usize)?
                );
            }
            h.push_str("</div>");
        }
        h.push_str("</div>");
        Ok(())
    }

    fn classes(&self, h: &mut String) {
        let r = &self.report.findings;
        let Some(first) = r
            .spaces
            .first()
            .filter(|s| (2..=40).contains(&s.classes.len()))
        else {
            return;
        };
        let _ = write!(h, "<h2>Class by class</h2><table><tr><th>Class<th>Queries");
        for space in &r.spaces {
            let _ = write!(h, "<th>{}, precision@{}", space.space.title(), r.k);
        }
        h.push_str("</tr>");
        for (i, class) in first.classes.iter().enumerate() {
            let _ = write!(h, "<tr><td>{}<td>{}", escaped(&class.name), class.queries);
            for space in &r.spaces {
                let e = space.classes[i].precision;
                let _ = write!(
                    h,
                    "<td>{:.3} <small>{:.3}–{:.3}</small>",
                    e.mean, e.low, e.high
                );
            }
            h.push_str("</tr>");
        }
        h.push_str("</table><h2>Confusions</h2><p class=\"note\">Rows: the query's class. Columns: what its neighbours vote for. Darker is more.</p><div class=\"charts\">");
        for space in &r.spaces {
            confusion(h, space);
        }
        h.push_str("</div>");
    }
}

/// One of a space's curves.
type Curve = fn(&OfSpace) -> &Vec<Estimate>;

/// Lines with bands, one per space.
fn chart(
    h: &mut String,
    title: &str,
    xs: &[f64],
    curves: &[&[Estimate]],
    range: Option<(f64, f64)>,
) {
    const W: f64 = 320.0;
    const H: f64 = 200.0;
    const L: f64 = 40.0;
    const B: f64 = 22.0;
    let all = || curves.iter().flat_map(|c| c.iter());
    let (low, high) = range.unwrap_or_else(|| {
        let low = all().map(|e| e.low).fold(1.0, f64::min);
        let high = all().map(|e| e.high).fold(0.0, f64::max);
        let margin = (high - low).max(0.01) * 0.08;
        ((low - margin).max(0.0), (high + margin).min(1.0))
    });
    let (first, last) = (
        xs.first().copied().unwrap_or(0.0),
        xs.last().copied().unwrap_or(1.0),
    );
    let x = |v: f64| L + (v - first) / (last - first).max(1e-9) * (W - L - 8.0);
    let y = |v: f64| H - B - (v - low) / (high - low).max(1e-9) * (H - B - 22.0);
    let _ = write!(
        h,
        "<svg width=\"{W}\" height=\"{H}\" role=\"img\" aria-label=\"{0}\"><text x=\"{L}\" y=\"12\">{0}</text>",
        escaped(title)
    );
    let decimals = if high - low < 0.1 { 3 } else { 2 };
    for share in [0.0, 0.5, 1.0] {
        let v = low + share * (high - low);
        let _ = write!(
            h,
            "<line class=\"axis\" x1=\"{L}\" x2=\"{}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/><text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{v:.decimals$}</text>",
            W - 8.0,
            y(v),
            L - 6.0,
            y(v) + 4.0
        );
    }
    for v in [first, last] {
        let _ = write!(
            h,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{v}</text>",
            x(v),
            H - 6.0
        );
    }
    for (i, curve) in curves.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let points: Vec<(f64, &Estimate)> = xs.iter().copied().zip(curve.iter()).collect();
        let upper = points
            .iter()
            .map(|(v, e)| format!("{:.1},{:.1}", x(*v), y(e.high)));
        let lower = points
            .iter()
            .rev()
            .map(|(v, e)| format!("{:.1},{:.1}", x(*v), y(e.low)));
        let band: Vec<String> = upper.chain(lower).collect();
        let line: Vec<String> = points
            .iter()
            .map(|(v, e)| format!("{:.1},{:.1}", x(*v), y(e.mean)))
            .collect();
        let _ = write!(
            h,
            "<polygon points=\"{}\" fill=\"{colour}\" opacity=\"0.18\"/><polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            band.join(" "),
            line.join(" ")
        );
    }
    h.push_str("</svg>");
}

/// A square per pair of classes.
fn confusion(h: &mut String, space: &OfSpace) {
    let n = space.confusion.len();
    let cell = (260.0 / n as f64).clamp(6.0, 26.0);
    let (left, top) = (34.0, 34.0);
    let side = n as f64 * cell;
    let _ = write!(
        h,
        "<svg width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"Confusions, {}\"><text x=\"0\" y=\"12\">{2}</text>",
        left + side + 4.0,
        top + side + 4.0,
        space.space.title()
    );
    for (i, row) in space.confusion.iter().enumerate() {
        let total: u32 = row.iter().sum();
        let name = space.classes.get(i).map_or("", |c| c.name.as_str());
        if cell >= 12.0 {
            let short: String = name.chars().take(4).collect();
            let at = top + (i as f64 + 0.65) * cell;
            let _ = write!(
                h,
                "<text x=\"{}\" y=\"{1:.1}\" text-anchor=\"end\">{2}</text><text x=\"{3:.1}\" y=\"{4}\" text-anchor=\"middle\">{2}</text>",
                left - 5.0,
                at,
                escaped(&short),
                left + (i as f64 + 0.5) * cell,
                top - 5.0
            );
        }
        for (j, &count) in row.iter().enumerate() {
            let share = f64::from(count) / f64::from(total.max(1));
            let colour = if i == j { "#009E73" } else { "#D55E00" };
            let other = space.classes.get(j).map_or("", |c| c.name.as_str());
            // The root, so that rare confusions can be seen.
            let _ = write!(
                h,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{2:.1}\" height=\"{2:.1}\" fill=\"{colour}\" opacity=\"{3:.3}\"><title>{4} as {5}: {count}</title></rect>",
                left + j as f64 * cell,
                top + i as f64 * cell,
                cell - 1.0,
                0.04 + 0.96 * share.sqrt(),
                escaped(name),
                escaped(other)
            );
        }
    }
    h.push_str("</svg>");
}

/// A picture as a PNG within the page.
fn picture(data: &Dataset, id: usize) -> Result<String> {
    use base64::Engine as _;
    let picture = data.picture(id).to_rgb(1);
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|e| Error::usage(format!("item {id} cannot be drawn: {e}")))?;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes.into_inner());
    Ok(format!("data:image/png;base64,{text}"))
}

/// The text with what means something in HTML written out.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
