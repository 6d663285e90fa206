//! What a direction is found by: the difference of two groups' means, a linear classifier between them, and regression on a value.

use faer::Mat;

use crate::error::Result;
use crate::progress::Progress;
use crate::space::CodeTable;
use crate::space::sums::{add_products, cholesky, over_blocks, solve};

/// The weight of half the squared length of a classifier's (or regression's) coefficients, for standardised dimensions,
/// against losses that add up over the items.
const PENALTY: f64 = 1.0;

/// A vector `[d]` and the coordinate along it (not yet of unit length) that parts the groups.
pub(super) type Normal = (Vec<f64>, f64);

pub(super) fn mean_difference(
    table: &CodeTable,
    positive: &[u32],
    negative: &[u32],
    progress: &Progress,
) -> Result<Normal> {
    let above = mean_code(table, positive, progress)?;
    let below = mean_code(table, negative, progress)?;
    let pairs = || above.iter().zip(&below);
    let scale = pairs().map(|(a, b)| a * a + b * b).sum::<f64>().sqrt();
    let mut normal: Vec<f64> = pairs().map(|(a, b)| a - b).collect();
    // Means of the same codes differ by rounding alone.
    if normal.iter().map(|x| x * x).sum::<f64>().sqrt() <= 1e-9 * scale {
        normal.fill(0.0);
    }
    let middle = normal.iter().zip(pairs());
    let threshold = middle.map(|(x, (a, b))| x * 0.5 * (a + b)).sum();
    Ok((normal, threshold))
}

fn mean_code(table: &CodeTable, ids: &[u32], progress: &Progress) -> Result<Vec<f64>> {
    let mut sums = over_blocks(
        ids.len(),
        progress,
        || vec![0.0; table.dims()],
        |sums: &mut Vec<f64>, rows| {
            for &id in &ids[rows] {
                for (sum, &x) in sums.iter_mut().zip(table.code(id as usize)) {
                    *sum += f64::from(x);
                }
            }
        },
        |sums, part| add_all(sums, &part),
    )?;
    for sum in &mut sums {
        *sum /= ids.len() as f64;
    }
    Ok(sums)
}

fn add_all(sums: &mut [f64], part: &[f64]) {
    for (sum, x) in sums.iter_mut().zip(part) {
        *sum += x;
    }
}

/// Codes with every dimension centred and divided by its standard deviation over the items `ids`; a dimension without
/// spread is zero.
struct Standardised<'a> {
    table: &'a CodeTable,
    ids: &'a [u32],
    mean: Vec<f64>,
    inverse: Vec<f64>,
}

impl<'a> Standardised<'a> {
    fn new(table: &'a CodeTable, ids: &'a [u32], progress: &Progress) -> Result<Self> {
        let mean = mean_code(table, ids, progress)?;
        let squares = over_blocks(
            ids.len(),
            progress,
            || vec![0.0; table.dims()],
            |sums: &mut Vec<f64>, rows| {
                for &id in &ids[rows] {
                    for ((sum, &x), mean) in sums.iter_mut().zip(table.code(id as usize)).zip(&mean)
                    {
                        *sum += (f64::from(x) - mean).powi(2);
                    }
                }
            },
            |sums, part| add_all(sums, &part),
        )?;
        let inverse = squares.iter().zip(&mean).map(|(sum, mean)| {
            let std = (sum / ids.len() as f64).sqrt();
            if std > 1e-7 * mean.abs() {
                std.recip()
            } else {
                0.0
            }
        });
        let inverse = inverse.collect();
        Ok(Self {
            table,
            ids,
            mean,
            inverse,
        })
    }

    /// Writes item `i` of the ids, followed by a one for the intercept, to `row`, `[d + 1]`.
    fn write(&self, i: usize, row: &mut [f64]) {
        let code = self.table.code(self.ids[i] as usize);
        let dims = code.iter().zip(&self.mean).zip(&self.inverse);
        for (value, ((&x, mean), inverse)) in row.iter_mut().zip(dims) {
            *value = (f64::from(x) - mean) * inverse;
        }
        row[self.table.dims()] = 1.0;
    }

    /// The normal in code space of a plane given by coefficients of standardised dimensions, and the coordinate along it
    /// where the plane with the intercept that follows them lies.
    fn normal(&self, coefficients: &[f64]) -> Normal {
        let normal: Vec<f64> = coefficients
            .iter()
            .zip(&self.inverse)
            .map(|(c, inverse)| c * inverse)
            .collect();
        let offset: f64 = normal.iter().zip(&self.mean).map(|(n, m)| n * m).sum();
        (normal, offset - coefficients[self.table.dims()])
    }
}

/// The state of a regression: loss, gradient and second derivatives (lower triangle).
struct Slope {
    loss: f64,
    gradient: Vec<f64>,
    hessian: Mat<f64>,
    rows: Vec<f64>,
}

impl Slope {
    fn zero(parameters: usize) -> Self {
        Self {
            loss: 0.0,
            gradient: vec![0.0; parameters],
            hessian: Mat::zeros(parameters, parameters),
            rows: Vec::new(),
        }
    }

    fn merge(&mut self, part: Self) {
        self.loss += part.loss;
        add_all(&mut self.gradient, &part.gradient);
        self.hessian += part.hessian;
    }
}

/// Logistic regression with both groups of the same weight, by Newton's method.
pub(super) fn logistic(
    table: &CodeTable,
    positive: &[u32],
    negative: &[u32],
    progress: &Progress,
) -> Result<Normal> {
    const MOST_STEPS: usize = 100;
    let ids = [positive, negative].concat();
    let n = ids.len() as f64;
    let weights = [positive, negative].map(|group| n / (2.0 * group.len() as f64));
    let rows = Standardised::new(table, &ids, progress)?;
    let parameters = table.dims() + 1;
    let slope = |coefficients: &[f64]| -> Result<Slope> {
        let mut slope = over_blocks(
            ids.len(),
            progress,
            || Slope::zero(parameters),
            |slope, block| {
                let mut used = std::mem::take(&mut slope.rows);
                used.resize(block.len() * parameters, 0.0);
                for (i, row) in block.zip(used.chunks_exact_mut(parameters)) {
                    rows.write(i, row);
                    let (target, weight) = if i < positive.len() {
                        (1.0, weights[0])
                    } else {
                        (0.0, weights[1])
                    };
                    let logit: f64 = row.iter().zip(coefficients).map(|(x, c)| x * c).sum();
                    let chance = 1.0 / (1.0 + (-logit).exp());
                    // ln(1 + e^x) - target x, safe for large x.
                    let log_sum = logit.max(0.0) + (-logit.abs()).exp().ln_1p();
                    slope.loss += weight * (log_sum - target * logit);
                    let residual = weight * (chance - target);
                    for (sum, x) in slope.gradient.iter_mut().zip(row.iter()) {
                        *sum += residual * x;
                    }
                    let root = (weight * chance * (1.0 - chance)).sqrt();
                    for x in row {
                        *x *= root;
                    }
                }
                add_products(slope.hessian.as_mut(), &used);
                slope.rows = used;
            },
            Slope::merge,
        )?;
        for (i, coefficient) in coefficients[..table.dims()].iter().enumerate() {
            slope.loss += 0.5 * PENALTY * coefficient.powi(2);
            slope.gradient[i] += PENALTY * coefficient;
            slope.hessian[(i, i)] += PENALTY;
        }
        // The intercept's own curvature vanishes when every chance is 0 or 1.
        slope.hessian[(table.dims(), table.dims())] += 1e-9;
        Ok(slope)
    };
    let mut coefficients = vec![0.0; parameters];
    let mut here = slope(&coefficients)?;
    for step in 0..MOST_STEPS {
        progress.update(step, MOST_STEPS)?;
        let Some(factor) = cholesky(here.hessian.clone()) else {
            break;
        };
        let mut change = solve(&factor, here.gradient.clone());
        let size = |change: &[f64]| change.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let mut next = None;
        // A full step may overshoot far from the minimum; the loss is convex, so a small enough one goes down.
        while size(&change) > 1e-9 {
            let moved: Vec<f64> = coefficients
                .iter()
                .zip(&change)
                .map(|(c, x)| c - x)
                .collect();
            let there = slope(&moved)?;
            if there.loss <= here.loss * (1.0 + 1e-12) {
                next = Some((moved, there));
                break;
            }
            for x in &mut change {
                *x *= 0.5;
            }
        }
        let Some((moved, there)) = next else { break };
        coefficients = moved;
        here = there;
    }
    Ok(rows.normal(&coefficients))
}

/// The gradient in code space of ridge regression of `values` on the codes.
pub(super) fn ridge(
    table: &CodeTable,
    ids: &[u32],
    values: &[f32],
    progress: &Progress,
) -> Result<Vec<f64>> {
    let rows = Standardised::new(table, ids, progress)?;
    let d = table.dims();
    let value = |i: usize| f64::from(values[ids[i] as usize]);
    let mean = (0..ids.len()).map(value).sum::<f64>() / ids.len() as f64;
    let mut slope = over_blocks(
        ids.len(),
        progress,
        || Slope::zero(d + 1),
        |slope, block| {
            let mut used = std::mem::take(&mut slope.rows);
            used.resize(block.len() * (d + 1), 0.0);
            for (i, row) in block.zip(used.chunks_exact_mut(d + 1)) {
                rows.write(i, row);
                let target = value(i) - mean;
                for (sum, x) in slope.gradient.iter_mut().zip(row.iter()) {
                    *sum += target * x;
                }
            }
            add_products(slope.hessian.as_mut(), &used);
            slope.rows = used;
        },
        Slope::merge,
    )?;
    for i in 0..d {
        slope.hessian[(i, i)] += PENALTY;
    }
    let coefficients =
        cholesky(slope.hessian).map_or(vec![0.0; d + 1], |factor| solve(&factor, slope.gradient));
    Ok(rows.normal(&coefficients).0)
}
