//! How well items lie along an axis as they should.

use crate::space::CodeTable;
use crate::space::sums::dot;

pub(super) fn coordinates(table: &CodeTable, axis: &[f32], ids: &[u32]) -> Vec<f32> {
    ids.iter()
        .map(|&id| dot(axis, table.code(id as usize)) as f32)
        .collect()
}

pub(super) fn balanced_accuracy(positive: &[f32], negative: &[f32], threshold: f64) -> f32 {
    let above = |group: &[f32]| {
        let count = group.iter().filter(|&&x| f64::from(x) > threshold).count();
        count as f64 / group.len() as f64
    };
    (0.5 * (above(positive) + 1.0 - above(negative))) as f32
}

/// The area under the receiver operating characteristic from ranks (Mann and Whitney 1947), ties sharing their mean rank.
pub(super) fn area_under_curve(positive: &[f32], negative: &[f32]) -> f32 {
    let mut all: Vec<(f32, bool)> = positive
        .iter()
        .map(|&x| (x, true))
        .chain(negative.iter().map(|&x| (x, false)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut rank_sum) = (0, 0.0);
    for tie in all.chunk_by(|a, b| a.0 == b.0) {
        let rank = below as f64 + 0.5 * (tie.len() as f64 + 1.0);
        rank_sum += rank * tie.iter().filter(|(_, positive)| *positive).count() as f64;
        below += tie.len();
    }
    let (p, n) = (positive.len() as f64, negative.len() as f64);
    ((rank_sum - 0.5 * p * (p + 1.0)) / (p * n)) as f32
}

pub(super) fn pearson(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len() as f64;
    let mean = |x: &[f32]| x.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    let length = (aa * bb).sqrt();
    if length > 0.0 {
        (ab / length) as f32
    } else {
        0.0
    }
}
