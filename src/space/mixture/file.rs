//! Densities on disk, whole or left off half-way.
//!
//! Invariant: what is read is bit for bit what was written, and a proper density whatever a file holds.

use std::collections::HashMap;
use std::path::Path;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::density::{Density, DensityPlan, FittedTo, Kind};
use super::fit::MOST_RESEEDINGS;
use super::pictures::{PictureMixture, Subspace};
use super::{Component, Course, Mixture};
use crate::data::ImageShape;
use crate::error::{Error, Result};
use crate::files::{has_entry, write_atomically};
use crate::space::Over;

/// The metadata entry that holds [`Description`] as JSON.
const MIXTURE: &str = "morphospace-mixture";
/// Its highest version.
const VERSION: u32 = 1;
/// Most bytes of a file: all factors, and the components of pictures.
const MOST_BYTES: u64 = 1 << 30;
/// Most steps whose densities are kept.
const MOST_HISTORY: usize = 1 << 20;
/// How far weights may be from adding up to one, and axes from being orthonormal.
const SLACK: f64 = 1e-3;

/// What stands beside the numbers.
#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    plan: DensityPlan,
    of: FittedTo,
    items: usize,
    steps: usize,
    rounds: usize,
    tried: Vec<usize>,
    reseeded: usize,
    collapsed: usize,
    is_settled: bool,
    /// Where it is over pictures.
    pictures: Option<PicturesOf>,
}

/// Bits of numbers: decimal digits do not all come back as the number they were made of.
#[derive(Serialize, Deserialize)]
struct PicturesOf {
    shape: ImageShape,
    explained: u64,
    residual: u64,
}

impl Density {
    /// Writes how far it has come, all numbers as doubles: `centre [d]`, `scale [d]`; in units of these `weight [k]`, `mean [k, d]`
    /// and `factor [k, d, d]`, lower triangular; `history [steps]`; over pictures also `pixels.mean [pixels]` and
    /// `pixels.axes [d, pixels]`, pixels in `[0, 1]`.
    ///
    /// # Errors
    /// When the file cannot be written; what was there before stays.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mixture = self.mixture();
        let (k, d) = (mixture.components.len(), mixture.dims());
        let all = |of: &dyn Fn(&Component) -> Vec<f64>| -> Vec<f64> {
            mixture.components.iter().flat_map(of).collect()
        };
        let factor = |component: &Component| -> Vec<f64> {
            let rows = (0..d).flat_map(|i| (0..d).map(move |j| (i, j)));
            rows.map(|at| component.factor[at]).collect()
        };
        let mut tensors = vec![
            ("centre", vec![d], bytes(&mixture.centre)),
            ("scale", vec![d], bytes(&mixture.scale)),
            ("weight", vec![k], bytes(&all(&|c| vec![c.weight]))),
            ("mean", vec![k, d], bytes(&all(&|c| c.mean.clone()))),
            ("factor", vec![k, d, d], bytes(&all(&factor))),
            (
                "history",
                vec![mixture.course.history.len()],
                bytes(&mixture.course.history),
            ),
        ];
        if let Kind::Pixels(PictureMixture { subspace, .. }) = &self.kind {
            let size = subspace.mean.len();
            tensors.push(("pixels.mean", vec![size], bytes(&subspace.mean)));
            tensors.push(("pixels.axes", vec![d, size], bytes(&subspace.axes)));
        }
        let course = &mixture.course;
        let description = Description {
            version: VERSION,
            plan: self.plan.clone(),
            of: self.of.clone(),
            items: course.items,
            steps: course.steps,
            rounds: course.rounds,
            tried: course.tried.clone(),
            reseeded: course.reseeded,
            collapsed: course.collapsed,
            is_settled: course.is_settled,
            pictures: self.over_pixels().map(|density| PicturesOf {
                shape: density.subspace.shape,
                explained: density.explained.to_bits(),
                residual: density.residual.to_bits(),
            }),
        };
        let bad = |reason: String| Error::file(path, reason);
        let json = serde_json::to_string(&description).map_err(|e| bad(e.to_string()))?;
        let mut views = Vec::with_capacity(tensors.len());
        for (name, shape, bytes) in &tensors {
            let view = TensorView::new(Dtype::F64, shape.clone(), bytes);
            views.push((*name, view.map_err(|e| bad(e.to_string()))?));
        }
        let metadata = HashMap::from([(MIXTURE.to_owned(), json)]);
        let content = safetensors::serialize(views, Some(metadata));
        write_atomically(path, &content.map_err(|e| bad(e.to_string()))?)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, cut, too large, of another kind or of a later version, or when what it holds is no density.
    pub fn load(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
        if length.len() > MOST_BYTES {
            let text = format!(
                "a mixture of {} bytes is larger than the limit of {MOST_BYTES}",
                length.len()
            );
            return Err(Error::file(path, text));
        }
        let content = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        let broken = |e: safetensors::SafeTensorError| {
            Error::file(path, format!("it is not a complete safetensors file: {e}"))
                .hint("if it was copied or downloaded, try again")
        };
        let (_, metadata) = SafeTensors::read_metadata(&content).map_err(broken)?;
        let tensors = SafeTensors::deserialize(&content).map_err(broken)?;
        let entries = metadata.metadata().as_ref();
        let json = entries.and_then(|entries| entries.get(MIXTURE));
        let json = json.ok_or_else(|| {
            Error::file(path, "it holds no mixture of Gaussians")
                .hint("morphospace mixture --save writes one, and so does the panel Mixture")
        })?;
        let unreadable = |e: serde_json::Error| {
            Error::file(path, format!("its description cannot be read: {e}"))
        };
        let raw: serde_json::Value = serde_json::from_str(json).map_err(unreadable)?;
        let version = raw.get("version").and_then(serde_json::Value::as_u64);
        if version.is_none_or(|version| version > u64::from(VERSION)) {
            let text = "it was written by a later version";
            return Err(Error::newer_version(path, text));
        }
        let description = serde_json::from_value(raw).map_err(unreadable)?;
        let found = Numbers(tensors).density(description);
        found.map_err(|reason| Error::file(path, format!("it is no density: {reason}")))
    }

    /// Whether the file at `path` holds a density; only its head is read.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        has_entry(path, MIXTURE)
    }
}

fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The numbers of a file.
struct Numbers<'a>(SafeTensors<'a>);

/// What is the matter with a file.
type Checked<T> = std::result::Result<T, String>;

impl Numbers<'_> {
    /// Finite numbers, of a shape of so many dimensions.
    fn read<const N: usize>(&self, name: &str) -> Checked<([usize; N], Vec<f64>)> {
        let view = self
            .0
            .tensor(name)
            .map_err(|_| format!("{name} is missing"))?;
        let shape: [usize; N] = view.shape().try_into().map_err(|_| {
            format!(
                "{name} has shape {:?} instead of {N} dimensions",
                view.shape()
            )
        })?;
        let (numbers, rest) = view.data().as_chunks::<8>();
        if view.dtype() != Dtype::F64 || !rest.is_empty() {
            return Err(format!("{name} does not hold doubles"));
        }
        let values: Vec<f64> = numbers.iter().map(|own| f64::from_le_bytes(*own)).collect();
        if !values.iter().all(|x| x.is_finite()) {
            return Err(format!("{name} holds what is no finite number"));
        }
        Ok((shape, values))
    }

    /// The same where the shape is known.
    fn exactly<const N: usize>(&self, name: &str, shape: [usize; N]) -> Checked<Vec<f64>> {
        let (found, values) = self.read(name)?;
        if found == shape {
            return Ok(values);
        }
        Err(format!("{name} has shape {found:?} instead of {shape:?}"))
    }

    fn density(&self, description: Description) -> Checked<Density> {
        let course = self.course(&description)?;
        let mixture = self.mixture(course)?;
        let kind = match (description.plan.over, description.pictures) {
            (Over::Codes, None) => Kind::Codes(mixture),
            (Over::Pixels { .. }, Some(pictures)) => {
                Kind::Pixels(self.over_pictures(mixture, &pictures)?)
            }
            _ => return Err("it is neither over pictures nor over codes".to_owned()),
        };
        let is_possible = description.plan.components > 0
            && description.items > 0
            && description.plan.fitted(description.of.count) == description.items;
        if !is_possible {
            return Err(format!(
                "{} components fitted to {} of {} items cannot be",
                description.plan.components, description.items, description.of.count
            ));
        }
        Ok(Density {
            plan: description.plan,
            of: description.of,
            kind,
        })
    }

    fn course(&self, description: &Description) -> Checked<Course> {
        let ([steps], history) = self.read("history")?;
        let tried = &description.tried;
        if steps > description.steps.min(MOST_HISTORY) {
            return Err("its steps do not fit its history".to_owned());
        }
        let most = MOST_RESEEDINGS.saturating_mul(description.plan.components);
        let is_tried = |id: &usize| *id < description.items;
        if tried.len() > most || tried.len() != description.reseeded || !tried.iter().all(is_tried)
        {
            return Err("components were not set anew at its items".to_owned());
        }
        Ok(Course {
            seed: description.plan.seed,
            items: description.items,
            steps: description.steps,
            history,
            rounds: description.rounds,
            tried: tried.clone(),
            reseeded: description.reseeded,
            collapsed: description.collapsed,
            is_settled: description.is_settled,
        })
    }

    fn mixture(&self, course: Course) -> Checked<Mixture> {
        let ([d], centre) = self.read("centre")?;
        let scale = self.exactly("scale", [d])?;
        let ([k], weight) = self.read("weight")?;
        if d == 0 || k == 0 || k.saturating_mul(d).saturating_mul(d) > DensityPlan::MOST_NUMBERS {
            return Err(format!(
                "{k} components of {d} numbers are none, or too many"
            ));
        }
        let mean = self.exactly("mean", [k, d])?;
        let factor = self.exactly("factor", [k, d, d])?;
        let total: f64 = weight.iter().sum();
        if weight.iter().any(|w| *w <= 0.0) || (total - 1.0).abs() > SLACK {
            return Err("the weights are no shares of one".to_owned());
        }
        if !scale.iter().all(|s| *s > 0.0 && s.is_normal()) {
            return Err("a scale is not positive".to_owned());
        }
        let each = weight
            .iter()
            .zip(mean.chunks_exact(d))
            .zip(factor.chunks_exact(d * d));
        let components = each.map(|((weight, mean), factor)| {
            let is_lower = (0..d).all(|i| {
                let row = &factor[i * d..][i..d];
                row[0] > 0.0 && row[1..].iter().all(|x| *x == 0.0)
            });
            if !is_lower {
                return Err("a factor is not lower triangular with a positive diagonal".to_owned());
            }
            let factor = Mat::from_fn(d, d, |i, j| factor[i * d + j]);
            let component = Component::of_factor(mean.to_vec(), factor, *weight);
            if component.is_finite() {
                Ok(component)
            } else {
                Err("a covariance has no inverse in finite numbers".to_owned())
            }
        });
        Ok(Mixture {
            components: components.collect::<Checked<_>>()?,
            centre,
            scale,
            course,
        })
    }

    fn over_pictures(&self, mixture: Mixture, pictures: &PicturesOf) -> Checked<PictureMixture> {
        let shape = pictures.shape;
        let size = [shape.width, shape.channels]
            .into_iter()
            .try_fold(shape.height, usize::checked_mul);
        let size = size.filter(|size| *size > 0 && matches!(shape.channels, 1 | 3));
        let size = size.ok_or_else(|| format!("there are no pictures of {shape}"))?;
        let d = mixture.dims();
        let mean = self.exactly("pixels.mean", [size])?;
        let axes = self.exactly("pixels.axes", [d, size])?;
        let [explained, residual] = [pictures.explained, pictures.residual].map(f64::from_bits);
        if !(explained.is_finite() && residual.is_normal() && residual > 0.0) {
            return Err("the noise beside its components has no variance".to_owned());
        }
        if d > size || d.saturating_mul(size) > DensityPlan::MOST_AXES {
            return Err(format!("{d} axes in pictures of {shape} are too many"));
        }
        let rows = MatRef::from_row_major_slice(&axes, d, size);
        let mut products = Mat::<f64>::zeros(d, d);
        let threads = Par::rayon(0);
        matmul(
            products.as_mut(),
            Accum::Replace,
            rows,
            rows.transpose(),
            1.0,
            threads,
        );
        let is_near = |i: usize, j: usize| {
            let product = products[(i, j)];
            // The only axis has no length where all pictures are the same.
            let wanted = f64::from(u8::from(i == j && (d > 1 || product != 0.0)));
            (product - wanted).abs() < SLACK
        };
        if !(0..d).all(|i| (0..=i).all(|j| is_near(i, j))) {
            return Err("its axes are not orthonormal".to_owned());
        }
        Ok(PictureMixture {
            subspace: Subspace { shape, mean, axes },
            explained,
            mixture,
            residual,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::data::digits;
    use crate::progress::Progress;
    use crate::space::{DensityItems, LogLikelihood};

    fn items(seed: u64, count: usize) -> Result<DensityItems> {
        let pictures = digits::generate(seed, 0..count, &Progress::silent())?;
        Ok(DensityItems::of_pixels(Arc::new(pictures)))
    }

    /// The items with three numbers of their pixels as their codes.
    fn with_codes(items: &DensityItems) -> Result<DensityItems> {
        let pictures = items.pictures();
        let code = |i| {
            let pixels = pictures.pixels(i);
            [200..260, 300..400, 450..550].map(|part| {
                let sum: f32 = pixels[part].iter().map(|&x| f32::from(x)).sum();
                sum / 1000.0
            })
        };
        let codes = (0..pictures.len()).flat_map(code).collect();
        DensityItems::with_codes(Arc::new(pictures.clone()), codes)
    }

    fn plan(over: Over) -> DensityPlan {
        DensityPlan {
            over,
            components: 4,
            seed: 3,
            keeps_out: true,
        }
    }

    fn fitted(over: Over, items: &DensityItems, steps: usize) -> Result<Density> {
        let silent = Progress::silent();
        let mut density = Density::begin(plan(over), items, Some("m".to_owned()), &silent)?;
        density.go_on(items, steps, &silent, &mut |_| Ok(()))?;
        Ok(density)
    }

    #[test]
    fn what_is_read_is_what_was_written_and_goes_on_from_there() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.safetensors");
        let silent = Progress::silent();
        let pictures = items(1, 400)?;
        let codes = with_codes(&pictures)?;
        for (over, items) in [(Over::Pixels { dims: 6 }, &pictures), (Over::Codes, &codes)] {
            let whole = fitted(over, items, usize::MAX)?;
            assert!(whole.mixture().steps() > 3 && whole.mixture().is_settled());
            for steps in [0, 1, 2] {
                fitted(over, items, steps)?.save(&path)?;
                assert!(Density::is_one(&path));
                let mut read = Density::load(&path)?;
                assert_eq!(read, fitted(over, items, steps)?);
                read.go_on(items, usize::MAX, &silent, &mut |_| Ok(()))?;
                assert_eq!(read, whole, "after {steps} steps");
            }
            whole.save(&path)?;
            let read = Density::load(&path)?;
            assert_eq!(read, whole);
            let drawn =
                |density: &Density| density.draw(5, true, &mut ChaCha8Rng::seed_from_u64(1));
            assert_eq!(drawn(&read), drawn(&whole));
            let (learnt, held_out) = read.parts(items).expect("the same items");
            assert_eq!((learnt.len(), held_out.len()), (360, 40));
            let (each, _) = read.judge(&read.place(items, &silent)?);
            let [seen, unseen] =
                [learnt, held_out].map(|ids| LogLikelihood::of(ids.iter().map(|&id| each[id])));
            assert!(seen.mean > unseen.mean - 5.0 * unseen.standard_error);
        }
        Ok(())
    }

    #[test]
    fn other_items_are_judged_and_never_gone_on_with() -> Result<()> {
        let silent = Progress::silent();
        let pictures = items(1, 200)?;
        let mut density = fitted(Over::Pixels { dims: 4 }, &pictures, 2)?;
        for others in [items(2, 200)?, items(1, 150)?] {
            assert_eq!(density.parts(&others), None);
            let end = density.go_on(&others, 9, &silent, &mut |_| Ok(()));
            let text = end.map_err(|e| e.to_string()).expect_err("other items");
            assert!(
                text.contains("is not what the mixture began with"),
                "{text}"
            );
            assert!(density.log_likelihood(&others, &silent)?.mean.is_finite());
        }
        let codes = with_codes(&pictures)?;
        let density = fitted(Over::Codes, &codes, 2)?;
        // Pictures alone, and codes of another size.
        assert!(density.log_likelihood(&pictures, &silent).is_err());
        let numbers = vec![0.5; 400];
        let two = DensityItems::with_codes(Arc::new(pictures.pictures().clone()), numbers)?;
        let end = density.log_likelihood(&two, &silent);
        let text = end.map_err(|e| format!("{e:#}")).expect_err("other codes");
        assert!(text.contains("over codes of 3 numbers"), "{text}");
        Ok(())
    }

    #[test]
    fn a_file_that_holds_no_density_is_refused() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.safetensors");
        let refused = |content: &[u8]| {
            std::fs::write(&path, content).expect("a file");
            let end = Density::load(&path);
            end.map_err(|e| e.to_string()).expect_err("no density")
        };
        fitted(Over::Pixels { dims: 3 }, &items(1, 60)?, 2)?.save(&path)?;
        let whole = std::fs::read(&path).expect("a file");
        for cut in [0, 7, 100, whole.len() - 1] {
            refused(&whole[..cut]);
        }
        // What is told of the numbers in the head, made another.
        let head = u64::from_le_bytes(whole[..8].try_into().expect("eight")) as usize;
        let changed = |from: &str, to: &str| {
            let text = String::from_utf8_lossy(&whole[8..8 + head]).into_owned();
            assert!(text.contains(from), "{text}");
            let text = text.replacen(from, to, 1);
            let length = (text.len() as u64).to_le_bytes();
            refused(&[&length[..], text.as_bytes(), &whole[8 + head..]].concat())
        };
        assert!(changed("\\\"version\\\":1", "\\\"version\\\":9").contains("later version"));
        assert!(changed("morphospace-mixture", "morphospace-nothing").contains("no mixture"));
        assert!(changed("\\\"items\\\":54", "\\\"items\\\":55").contains("items cannot be"));
        assert!(
            changed("\\\"count\\\":60", "\\\"count\\\":70368744177664").contains("items cannot be")
        );
        assert!(changed("\\\"steps\\\":2", "\\\"steps\\\":1").contains("history"));
        assert!(changed("\\\"reseeded\\\":0", "\\\"reseeded\\\":1").contains("set anew"));
        assert!(changed("\\\"channels\\\":1", "\\\"channels\\\":2").contains("no pictures"));
        assert!(changed("\"scale\"", "\"skale\"").contains("scale is missing"));
        // And the numbers themselves.
        let tensors = SafeTensors::deserialize(&whole).expect("tensors");
        let spoilt = |name: &str, at: usize, value: f64| {
            let view = tensors.tensor(name).expect("a tensor");
            let start = view.data().as_ptr() as usize - whole.as_ptr() as usize + 8 * at;
            let mut content = whole.clone();
            content[start..start + 8].copy_from_slice(&value.to_le_bytes());
            refused(&content)
        };
        assert!(spoilt("mean", 1, f64::NAN).contains("finite"));
        assert!(spoilt("weight", 0, 2.0).contains("shares of one"));
        assert!(spoilt("weight", 0, -0.5).contains("shares of one"));
        assert!(spoilt("scale", 0, 0.0).contains("scale"));
        assert!(spoilt("scale", 0, 1e-320).contains("scale"));
        assert!(spoilt("factor", 0, -1.0).contains("lower triangular"));
        assert!(spoilt("factor", 1, 0.5).contains("lower triangular"));
        assert!(spoilt("factor", 0, 1e-320).contains("no inverse"));
        assert!(spoilt("pixels.axes", 9, 4.0).contains("orthonormal"));
        Ok(())
    }
}
