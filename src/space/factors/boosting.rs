//! Gradient-boosted trees on binned features: a hundred trees of depth three at a rate of 0.1, what scikit-learn takes where
//! nothing else is said, and with it disentanglement_lib.
//!
//! Squared error for numbers, multinomial deviance for classes (Friedman, 2001, algorithms 2, 5 and 6). Splits are sought between at
//! most 256 bins of equally many items. Invariant: sums are taken in the order of the items, so that nothing depends on threads.

use rayon::prelude::*;

use crate::error::Result;

/// Trees one after the other.
pub(super) const STAGES: usize = 100;
/// Trees in all, where every stage takes one for each class: of many classes there are fewer stages.
const MOST_TREES: usize = 2000;
const RATE: f64 = 0.1;
const DEPTH: usize = 3;
/// Bins of a feature at most.
const BINS: usize = 256;
/// A split has to take this share of the squares away.
const LEAST_GAIN: f64 = 1e-12;

/// How many stages there are for so many classes.
pub(super) fn stages_for(classes: usize) -> usize {
    if classes > 2 {
        (MOST_TREES / classes).clamp(10, STAGES)
    } else {
        STAGES
    }
}

/// Where the bins of each feature end.
pub(super) struct Cuts(Vec<Vec<f32>>);

/// Features in bins, `[d, n]`: column by column.
pub(super) struct Features {
    columns: Vec<Vec<u8>>,
    rows: usize,
}

impl Cuts {
    /// Cuts of the `d` columns of `codes`, `[n, d]`, at `items`: in the middle between neighbouring values, at each of them where there
    /// are few, else so that bins hold about equally many.
    pub(super) fn of(codes: &[f32], d: usize, items: &[u32]) -> Self {
        let cuts = |dim: usize| {
            let mut values: Vec<f32> = items
                .iter()
                .map(|&item| codes[item as usize * d + dim])
                .collect();
            values.sort_unstable_by(f32::total_cmp);
            let between = |at: usize| {
                let (a, b) = (values[at - 1], values[at]);
                (a < b).then(|| a + (b - a) / 2.0)
            };
            let mut all: Vec<f32> = (1..values.len()).filter_map(between).collect();
            if all.len() >= BINS {
                let quantile = |i: usize| between(i * values.len() / BINS);
                all = (1..BINS).filter_map(quantile).collect();
            }
            all.dedup();
            all
        };
        Self((0..d).into_par_iter().map(cuts).collect())
    }

    /// `codes`, `[n, d]`, at `items`, in bins.
    pub(super) fn bin(&self, codes: &[f32], items: &[u32]) -> Features {
        let d = self.0.len();
        let column = |(dim, cuts): (usize, &Vec<f32>)| {
            let bin = |&item: &u32| {
                let value = codes[item as usize * d + dim];
                cuts.partition_point(|&cut| cut < value) as u8
            };
            items.iter().map(bin).collect()
        };
        Features {
            columns: self.0.iter().enumerate().map(column).collect(),
            rows: items.len(),
        }
    }
}

/// What is to be foretold.
pub(super) enum Target<'a> {
    Numbers(&'a [f32]),
    /// Classes, numbered without gaps.
    Classes(&'a [u32], usize),
}

/// What trees found.
pub(super) struct Boosted {
    /// How much of the squares each feature took away, as shares of all that was taken away; all zero where none did.
    pub importance: Vec<f64>,
    /// What is foretold for the other items: numbers, or classes.
    pub foretold: Vec<f64>,
}

/// Fits trees to `target` over `train`, and foretells `test`; `tick` is called once per stage.
pub(super) fn boost(
    train: &Features,
    target: &Target<'_>,
    test: &Features,
    tick: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Boosted> {
    match target {
        Target::Numbers(values) => boost_numbers(train, values, test, tick),
        Target::Classes(values, count) => boost_classes(train, values, *count, test, tick),
    }
}

fn boost_numbers(
    train: &Features,
    values: &[f32],
    test: &Features,
    tick: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Boosted> {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let mut residual: Vec<f64> = values.iter().map(|&x| f64::from(x) - mean).collect();
    let mut foretold = vec![mean; test.rows];
    let mut importance = vec![0.0; train.columns.len()];
    for _ in 0..stages_for(1) {
        tick()?;
        let tree = Tree::grow(train, &residual, &mut importance);
        let mut leaf = [(0.0, 0.0); 1 << DEPTH];
        for (&at, r) in tree.leaf_of.iter().zip(&residual) {
            let (sum, count) = &mut leaf[usize::from(at)];
            *sum += r;
            *count += 1.0;
        }
        let step = leaf.map(|(sum, count)| RATE * sum / f64::max(count, 1.0));
        for (r, &at) in residual.iter_mut().zip(&tree.leaf_of) {
            *r -= step[usize::from(at)];
        }
        tree.add_to(test, &step, &mut foretold);
    }
    Ok(Boosted {
        importance: normalised(importance),
        foretold,
    })
}

/// One tree per class and stage; of two classes one tree is enough.
fn boost_classes(
    train: &Features,
    values: &[u32],
    count: usize,
    test: &Features,
    tick: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Boosted> {
    let n = values.len();
    let trees = if count == 2 { 1 } else { count };
    let own = |tree: usize| if count == 2 { 1 } else { tree as u32 };
    let mut share = vec![0.0_f64; count];
    for &value in values {
        share[value as usize] += 1.0 / n as f64;
    }
    // A class that happens not to be among these items is never foretold.
    let start = |tree: usize| {
        if count == 2 {
            (share[1].max(1e-9) / share[0].max(1e-9)).ln()
        } else {
            share[tree].max(1e-9).ln()
        }
    };
    let mut raw: Vec<Vec<f64>> = (0..trees).map(|tree| vec![start(tree); n]).collect();
    let mut raw_test: Vec<Vec<f64>> = (0..trees)
        .map(|tree| vec![start(tree); test.rows])
        .collect();
    let mut importance = vec![0.0; train.columns.len()];
    for _ in 0..stages_for(count) {
        tick()?;
        let residuals = residuals(&raw, values, own);
        let grown: Vec<(Tree, [f64; 1 << DEPTH], Vec<f64>)> = residuals
            .par_iter()
            .map(|residual| {
                let mut gained = vec![0.0; train.columns.len()];
                let tree = Tree::grow(train, residual, &mut gained);
                let step = newton(&tree, residual, trees);
                (tree, step, gained)
            })
            .collect();
        for (at, (tree, step, gained)) in grown.iter().enumerate() {
            for (raw, &leaf) in raw[at].iter_mut().zip(&tree.leaf_of) {
                *raw += step[usize::from(leaf)];
            }
            tree.add_to(test, step, &mut raw_test[at]);
            for (sum, gain) in importance.iter_mut().zip(gained) {
                *sum += gain;
            }
        }
    }
    let likeliest = |item: usize| {
        if count == 2 {
            return f64::from(u8::from(raw_test[0][item] > 0.0));
        }
        let best = |best: usize, class: usize| {
            if raw_test[class][item] > raw_test[best][item] {
                class
            } else {
                best
            }
        };
        (1..trees).fold(0, best) as f64
    };
    Ok(Boosted {
        importance: normalised(importance),
        foretold: (0..test.rows).map(likeliest).collect(),
    })
}

/// What each item is off by for each tree: whether it is of the tree's class, less how likely that is held to be.
fn residuals(raw: &[Vec<f64>], values: &[u32], own: impl Fn(usize) -> u32) -> Vec<Vec<f64>> {
    let mut residuals = vec![vec![0.0; values.len()]; raw.len()];
    for (item, &value) in values.iter().enumerate() {
        // One tree stands for two classes, the other of which is at zero.
        let rest = if raw.len() == 1 {
            0.0
        } else {
            f64::NEG_INFINITY
        };
        let greatest = raw.iter().map(|r| r[item]).fold(rest, f64::max);
        let sum: f64 =
            raw.iter().map(|r| (r[item] - greatest).exp()).sum::<f64>() + (rest - greatest).exp();
        for (tree, raw) in raw.iter().enumerate() {
            let is_own = f64::from(u8::from(value == own(tree)));
            residuals[tree][item] = is_own - (raw[item] - greatest).exp() / sum;
        }
    }
    residuals
}

/// One step of Newton's method in each leaf.
fn newton(tree: &Tree, residual: &[f64], trees: usize) -> [f64; 1 << DEPTH] {
    let mut leaf = [(0.0, 0.0); 1 << DEPTH];
    for (&at, r) in tree.leaf_of.iter().zip(residual) {
        let (sum, curvature) = &mut leaf[usize::from(at)];
        *sum += r;
        *curvature += r.abs() * (1.0 - r.abs());
    }
    let scale = if trees > 1 {
        (trees - 1) as f64 / trees as f64
    } else {
        1.0
    };
    leaf.map(|(sum, curvature)| {
        if curvature < 1e-150 {
            0.0
        } else {
            RATE * scale * sum / curvature
        }
    })
}

fn normalised(mut shares: Vec<f64>) -> Vec<f64> {
    let sum: f64 = shares.iter().sum();
    if sum > 0.0 {
        for share in &mut shares {
            *share /= sum;
        }
    }
    shares
}

/// A tree with a split in each inner node that has one; its nodes are numbered as in a heap, 0 at the root.
struct Tree {
    splits: [Option<(u32, u8)>; (1 << DEPTH) - 1],
    /// The leaf of each item that it was grown on.
    leaf_of: Vec<u8>,
}

impl Tree {
    /// Splits where most of the squares of `target` is taken away, and adds to `importance` how much that is.
    fn grow(features: &Features, target: &[f64], importance: &mut [f64]) -> Self {
        let mut tree = Self {
            splits: [None; (1 << DEPTH) - 1],
            leaf_of: vec![0; target.len()],
        };
        let squares: f64 = target.iter().map(|x| x * x).sum();
        for depth in 0..DEPTH {
            let nodes = 1 << depth;
            let mut whole = vec![(0.0_f64, 0_u32); nodes];
            for (&at, &x) in tree.leaf_of.iter().zip(target) {
                let (sum, count) = &mut whole[usize::from(at)];
                *sum += x;
                *count += 1;
            }
            let mut best = vec![(LEAST_GAIN * squares, None); nodes];
            let mut bins = vec![(0.0_f64, 0_u32); nodes * BINS];
            for (feature, column) in (0_u32..).zip(&features.columns) {
                bins.fill((0.0, 0));
                for ((&at, &bin), &x) in tree.leaf_of.iter().zip(column).zip(target) {
                    let (sum, count) = &mut bins[usize::from(at) * BINS + usize::from(bin)];
                    *sum += x;
                    *count += 1;
                }
                for (node, bins) in bins.chunks_exact(BINS).enumerate() {
                    let (sum, count) = whole[node];
                    let (mut left, mut on_left) = (0.0, 0);
                    for (bin, &(x, items)) in (0_u8..=255).zip(bins) {
                        if items == 0 {
                            continue;
                        }
                        left += x;
                        on_left += items;
                        if on_left == count {
                            break;
                        }
                        let (a, b) = (f64::from(on_left), f64::from(count - on_left));
                        let apart = left / a - (sum - left) / b;
                        let gain = a * b / (a + b) * apart * apart;
                        if gain > best[node].0 {
                            best[node] = (gain, Some((feature, bin)));
                        }
                    }
                }
            }
            for (node, (gain, split)) in best.into_iter().enumerate() {
                tree.splits[nodes - 1 + node] = split;
                if let Some((feature, _)) = split {
                    importance[feature as usize] += gain;
                }
            }
            for item in 0..target.len() {
                tree.leaf_of[item] = tree.below(depth, tree.leaf_of[item], features, item);
            }
        }
        tree
    }

    /// Where an item goes from a node of this depth.
    fn below(&self, depth: usize, node: u8, features: &Features, item: usize) -> u8 {
        let is_right = match self.splits[(1 << depth) - 1 + usize::from(node)] {
            Some((feature, bin)) => features.columns[feature as usize][item] > bin,
            None => false,
        };
        2 * node + u8::from(is_right)
    }

    /// Adds the step of each item's leaf.
    fn add_to(&self, features: &Features, step: &[f64; 1 << DEPTH], sums: &mut [f64]) {
        for (item, sum) in sums.iter_mut().enumerate() {
            let down = |node, depth| self.below(depth, node, features, item);
            *sum += step[usize::from((0..DEPTH).fold(0, down))];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(codes: &[f32], d: usize) -> Features {
        let items: Vec<u32> = (0..(codes.len() / d) as u32).collect();
        Cuts::of(codes, d, &items).bin(codes, &items)
    }

    #[test]
    fn a_step_is_found_and_its_feature_named() -> Result<()> {
        let codes: Vec<f32> = (0..200)
            .flat_map(|i| [(i * 37 % 101) as f32, i as f32])
            .collect();
        let values: Vec<f32> = (0..200).map(|i| if i < 120 { 1.0 } else { 5.0 }).collect();
        let features = features(&codes, 2);
        let found = boost(&features, &Target::Numbers(&values), &features, &|| Ok(()))?;
        assert!(found.importance[1] > 0.999, "{:?}", found.importance);
        // 0.9 to the hundredth power is left.
        let off = found.foretold.iter().zip(&values);
        assert!(
            off.into_iter()
                .all(|(a, &b)| (a - f64::from(b)).abs() < 1e-3)
        );
        Ok(())
    }

    #[test]
    fn classes_are_told_apart_two_or_three() -> Result<()> {
        let codes: Vec<f32> = (0..300)
            .flat_map(|i| [(i * 37 % 101) as f32, i as f32])
            .collect();
        let features = features(&codes, 2);
        for count in [2_u32, 3] {
            let values: Vec<u32> = (0..300).map(|i| i * count / 300).collect();
            let target = Target::Classes(&values, count as usize);
            let found = boost(&features, &target, &features, &|| Ok(()))?;
            assert!(found.importance[1] > 0.99, "{:?}", found.importance);
            let right = found.foretold.iter().zip(&values);
            assert!(right.into_iter().all(|(a, &b)| *a == f64::from(b)));
        }
        Ok(())
    }

    #[test]
    fn nothing_is_learnt_of_constants() -> Result<()> {
        let features = features(&[1.0; 40], 2);
        let values: Vec<f32> = (0..20).map(|i| i as f32).collect();
        let found = boost(&features, &Target::Numbers(&values), &features, &|| Ok(()))?;
        assert_eq!(found.importance, [0.0, 0.0]);
        assert!(found.foretold.iter().all(|x| (x - 9.5).abs() < 1e-9));
        Ok(())
    }
}
