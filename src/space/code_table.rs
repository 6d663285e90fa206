//! The codes of a set of items and what is known of each dimension.
//!
//! Invariants: at least one item and one dimension; every number is finite.

use std::sync::Arc;

use crate::error::{Error, Result};

/// Codes `[n, d]` with mean, standard deviation and Kullback-Leibler divergence per dimension. Clones share the codes.
#[derive(Clone, Debug)]
pub struct CodeTable {
    codes: Arc<Vec<f32>>,
    dims: usize,
    mean: Vec<f32>,
    std: Vec<f32>,
    extremes: Vec<(f32, f32)>,
    kl: Vec<f32>,
    is_binary: bool,
}

impl CodeTable {
    /// A dimension that carries more than this many nats on average is in use: the threshold of 0.01 that Burda et
    /// al. (2016, section 5.2) set for active units, put on the divergence.
    pub const ACTIVE_KL: f32 = 0.05;

    /// The same for the standard deviation of a dimension without a divergence.
    pub const ACTIVE_STD: f32 = 0.01;

    /// The table of `codes`, `[n, d]` row by row, whose dimensions diverge from the prior by `kl` nats on average.
    ///
    /// # Errors
    /// When there is no code, the lengths do not fit together, or a number is not finite.
    pub fn new(codes: impl Into<Arc<Vec<f32>>>, d: usize, kl: Vec<f32>) -> Result<Self> {
        let codes = codes.into();
        if d == 0 || codes.is_empty() || !codes.len().is_multiple_of(d) {
            return Err(Error::usage(format!(
                "{} numbers are no codes of {d} numbers each",
                codes.len()
            )));
        }
        if kl.len() != d {
            return Err(Error::usage(format!(
                "{} divergences for codes of {d} numbers",
                kl.len()
            )));
        }
        if let Some(position) = codes.iter().position(|x| !x.is_finite()) {
            return Err(Error::model(format!(
                "the code of item {} is not finite",
                position / d
            )));
        }
        if let Some(dim) = kl.iter().position(|x| !x.is_finite()) {
            return Err(Error::model(format!(
                "the divergence of dimension {dim} is not finite"
            )));
        }
        let are_bits = |codes: &[f32]| codes.iter().all(|x| *x == 0.0 || *x == 1.0);
        let is_binary = kl.iter().all(|x| *x == 0.0) && are_bits(&codes);
        let n = (codes.len() / d) as f64;
        let mut sums = vec![0.0_f64; d];
        let mut extremes = vec![(f32::INFINITY, f32::NEG_INFINITY); d];
        for code in codes.chunks_exact(d) {
            for ((sum, (low, high)), &x) in sums.iter_mut().zip(&mut extremes).zip(code) {
                *sum += f64::from(x);
                *low = low.min(x);
                *high = high.max(x);
            }
        }
        let means: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
        let mut squares = vec![0.0_f64; d];
        for code in codes.chunks_exact(d) {
            for ((square, mean), &x) in squares.iter_mut().zip(&means).zip(code) {
                *square += (f64::from(x) - mean).powi(2);
            }
        }
        Ok(Self {
            codes,
            dims: d,
            mean: means.iter().map(|&x| x as f32).collect(),
            std: squares.iter().map(|&x| (x / n).sqrt() as f32).collect(),
            extremes,
            kl,
            is_binary,
        })
    }

    /// Number of codes, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a table is never empty")]
    pub fn len(&self) -> usize {
        self.codes.len() / self.dims
    }

    /// Numbers per code, at least 1.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// The code of item `i`.
    ///
    /// # Panics
    /// When `i` is not below [`Self::len`].
    #[must_use]
    pub fn code(&self, i: usize) -> &[f32] {
        &self.codes[i * self.dims..][..self.dims]
    }

    /// All codes, `[n, d]` row by row.
    #[must_use]
    pub fn codes(&self) -> &[f32] {
        &self.codes
    }

    /// Mean of each dimension over the items.
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Standard deviation of each dimension over the items (divided by n).
    #[must_use]
    pub fn std(&self) -> &[f32] {
        &self.std
    }

    /// Divergence of each dimension's posterior from the prior, in nats, averaged over the items.
    #[must_use]
    pub fn kl(&self) -> &[f32] {
        &self.kl
    }

    /// The dimensions, from the one that carries most nats to the one that carries least; from the widest to the narrowest where they carry none.
    #[must_use]
    pub fn order_by_kl(&self) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.dims).collect();
        // Codes without a posterior have no divergence: there the spread tells.
        let key = |dim: usize| (self.kl[dim], self.std[dim]);
        order.sort_by(|&a, &b| {
            let (a, b) = (key(a), key(b));
            b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
        });
        order
    }

    /// The item among the first `count` whose code lies nearest the mean, in units of the spread: one that the model knows
    /// well.
    #[must_use]
    pub fn typical(&self, count: usize) -> usize {
        let off = |item: usize| -> f32 {
            let columns = self.mean.iter().zip(&self.std);
            let off = self.code(item).iter().zip(columns);
            off.map(|(x, (mean, std))| ((x - mean) / (std + 1e-3)).powi(2))
                .sum()
        };
        (0..self.len().min(count))
            .min_by(|&a, &b| off(a).total_cmp(&off(b)))
            .unwrap_or(0)
    }

    /// Whether every number of every code is 0 or 1, without a divergence.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.is_binary
    }

    /// Whether dimension `dim` carries more than [`Self::ACTIVE_KL`] nats; of bits, is set in some codes and not in others; without a
    /// divergence, varies by more than [`Self::ACTIVE_STD`].
    ///
    /// # Panics
    /// When `dim` is not below [`Self::dims`].
    #[must_use]
    pub fn is_active(&self, dim: usize) -> bool {
        if self.is_binary {
            return self.extremes[dim] == (0.0, 1.0);
        }
        if self.kl[dim] == 0.0 {
            return self.std[dim] > Self::ACTIVE_STD;
        }
        self.kl[dim] > Self::ACTIVE_KL
    }

    /// Whether any dimension has a divergence from a prior.
    #[must_use]
    pub fn has_kl(&self) -> bool {
        self.kl.iter().any(|kl| *kl > 0.0)
    }

    /// The range of a slider over dimension `dim`: three standard deviations to either side of the mean, cut where no
    /// code lies; one wide, about the mean, when all codes agree; 0 to 1 for bits.
    ///
    /// # Panics
    /// When `dim` is not below [`Self::dims`].
    #[must_use]
    pub fn range(&self, dim: usize) -> (f32, f32) {
        if self.is_binary {
            return (0.0, 1.0);
        }
        let (mean, reach) = (self.mean[dim], 3.0 * self.std[dim]);
        let (lowest, highest) = self.extremes[dim];
        let (low, high) = (lowest.max(mean - reach), highest.min(mean + reach));
        if high - low > f32::EPSILON * mean.abs().max(1.0) {
            (low, high)
        } else {
            (mean - 0.5, mean + 0.5)
        }
    }

    /// How many codes fall into each of `bins` equal parts of [`Self::range`]; codes beyond an end count in the bin at
    /// that end, so that the counts add up to [`Self::len`].
    ///
    /// # Panics
    /// When `dim` is not below [`Self::dims`].
    #[must_use]
    pub fn histogram(&self, dim: usize, bins: usize) -> Vec<u32> {
        let (low, high) = self.range(dim);
        let scale = bins as f32 / (high - low);
        let mut counts = vec![0; bins];
        if let Some(last) = bins.checked_sub(1) {
            for code in self.codes.chunks_exact(self.dims) {
                // A float below zero becomes 0 in the cast.
                counts[(((code[dim] - low) * scale) as usize).min(last)] += 1;
            }
        }
        counts
    }

    /// This table followed by `next`, with the divergences averaged over the items of both.
    ///
    /// # Errors
    /// When the codes differ in size.
    pub fn followed_by(&self, next: &Self) -> Result<Self> {
        if next.dims != self.dims {
            return Err(Error::usage(format!(
                "codes of {} numbers cannot follow codes of {}",
                next.dims, self.dims
            )));
        }
        let share = next.len() as f64 / (self.len() + next.len()) as f64;
        let kl = self.kl.iter().zip(&next.kl);
        Self::new(
            [self.codes(), next.codes()].concat(),
            self.dims,
            kl.map(|(&a, &b)| (f64::from(a) + share * f64::from(b - a)) as f32)
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Result<CodeTable> {
        CodeTable::new(vec![0.0, 1.0, 2.0, 1.0, 4.0, 1.0], 2, vec![0.5, 0.0])
    }

    #[test]
    fn statistics_are_those_of_the_columns() -> Result<()> {
        let table = table()?;
        assert_eq!((table.len(), table.dims()), (3, 2));
        assert_eq!(table.code(1), [2.0, 1.0]);
        assert_eq!(table.mean(), [2.0, 1.0]);
        assert_eq!(table.std(), [(8.0_f32 / 3.0).sqrt(), 0.0]);
        Ok(())
    }

    #[test]
    fn the_typical_item_is_the_one_nearest_the_mean() -> Result<()> {
        let codes = vec![-4.0, 0.0, 4.0, 1.0, 0.5, 0.5, -0.5, 0.6];
        let table = CodeTable::new(codes, 2, vec![1.0; 2])?;
        assert_eq!(table.typical(10), 2);
        assert_eq!(table.typical(1), 0);
        Ok(())
    }

    #[test]
    fn order_and_use_follow_the_divergence() -> Result<()> {
        let table = CodeTable::new(vec![0.0; 3], 3, vec![0.01, 2.0, 0.06])?;
        assert_eq!(table.order_by_kl(), [1, 2, 0]);
        assert_eq!(
            [0, 1, 2].map(|dim| table.is_active(dim)),
            [false, true, true]
        );
        Ok(())
    }

    #[test]
    fn a_range_ends_where_codes_end_and_leaves_outliers_out() -> Result<()> {
        let table = table()?;
        assert_eq!(table.range(0), (0.0, 4.0));
        assert_eq!(table.range(1), (0.5, 1.5));
        let mut codes: Vec<f32> = (0..1000_u16).map(|i| f32::from(i % 10)).collect();
        codes.push(1000.0);
        let (low, high) = CodeTable::new(codes, 1, vec![1.0])?.range(0);
        assert_eq!(low, 0.0);
        assert!(high > 9.0 && high < 150.0, "{high}");
        Ok(())
    }

    #[test]
    fn a_histogram_counts_every_code() -> Result<()> {
        let table = table()?;
        assert_eq!(table.histogram(0, 4), [1, 0, 1, 1]);
        assert_eq!(table.histogram(1, 3), [0, 3, 0]);
        assert_eq!(table.histogram(0, 0), [0; 0]);
        Ok(())
    }

    #[test]
    fn a_table_grown_in_parts_equals_the_whole() -> Result<()> {
        let whole = table()?;
        let head = CodeTable::new(vec![0.0, 1.0], 2, vec![0.1, 0.0])?;
        let tail = CodeTable::new(vec![2.0, 1.0, 4.0, 1.0], 2, vec![0.7, 0.0])?;
        let grown = head.followed_by(&tail)?;
        assert_eq!(grown.codes(), whole.codes());
        assert_eq!(grown.std(), whole.std());
        assert!((grown.kl()[0] - 0.5).abs() < 1e-6);
        assert!(
            head.followed_by(&CodeTable::new(vec![0.0], 1, vec![0.0])?)
                .is_err()
        );
        Ok(())
    }

    #[test]
    fn malformed_tables_are_refused() {
        assert!(CodeTable::new(vec![], 2, vec![0.0; 2]).is_err());
        assert!(CodeTable::new(vec![1.0; 3], 2, vec![0.0; 2]).is_err());
        assert!(CodeTable::new(vec![1.0; 3], 0, vec![]).is_err());
        assert!(CodeTable::new(vec![1.0; 4], 2, vec![0.0]).is_err());
        assert!(CodeTable::new(vec![f32::NAN; 4], 2, vec![0.0; 2]).is_err());
        assert!(CodeTable::new(vec![1.0; 4], 2, vec![0.0, f32::INFINITY]).is_err());
    }
}
