//! Sets of items, as picked by a lasso, a legend or a search, and what is done with two of them.
//!
//! Invariant: no bit at or beyond the number of items is set.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bits of a word.
const BITS: usize = u64::BITS as usize;

/// Ids that a saved selection may have at most, so that a few hostile bytes cannot ask for much memory.
const MAX_ITEMS: usize = 1 << 28;

/// A set of item ids below a number of items.
///
/// It is saved as its runs, first and last id of each, ascending: `[[0,5],[9,9]]`. What is read back counts its items up
/// to the last id; see [`Self::fits`] and [`Self::resize`].
///
/// ```
/// use morphospace::space::Selection;
///
/// let mut selection = Selection::from_ids(10, [7, 3, 4]);
/// selection.subtract(&Selection::from_ids(10, [4, 5]));
/// assert_eq!(selection.ids().collect::<Vec<_>>(), [3, 7]);
/// selection.invert();
/// assert_eq!(serde_json::to_string(&selection)?, "[[0,2],[4,6],[8,9]]");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    words: Vec<u64>,
    n: usize,
}

/// A selection that is kept under a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NamedSelection {
    /// What it is called.
    pub name: String,
    /// Its items.
    pub selection: Selection,
}

impl Selection {
    /// None of `n` items.
    #[must_use]
    pub fn none(n: usize) -> Self {
        Self {
            words: vec![0; n.div_ceil(BITS)],
            n,
        }
    }

    /// The items `ids` of `n`; those that are not below `n` are left out.
    #[must_use]
    pub fn from_ids(n: usize, ids: impl IntoIterator<Item = u32>) -> Self {
        let mut selection = Self::none(n);
        for id in ids {
            selection.insert(id);
        }
        selection
    }

    /// Number of items that could be in it.
    #[must_use]
    pub fn items(&self) -> usize {
        self.n
    }

    /// Whether item `id` is in it.
    #[must_use]
    pub fn contains(&self, id: u32) -> bool {
        let word = self.words.get(id as usize / BITS);
        word.is_some_and(|word| word >> (id as usize % BITS) & 1 == 1)
    }

    /// Puts item `id` in; nothing happens when it is not below [`Self::items`].
    pub fn insert(&mut self, id: u32) {
        if (id as usize) < self.n {
            self.words[id as usize / BITS] |= 1 << (id as usize % BITS);
        }
    }

    /// Takes item `id` out.
    pub fn remove(&mut self, id: u32) {
        if let Some(word) = self.words.get_mut(id as usize / BITS) {
            *word &= !(1 << (id as usize % BITS));
        }
    }

    /// Number of items in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Whether no item is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The items in it, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(place, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    (place * BITS) as u32 + bit
                })
            })
        })
    }

    /// Puts all items of `other` in that are below [`Self::items`].
    pub fn add(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
        self.clear_beyond();
    }

    /// Takes all items of `other` out.
    pub fn subtract(&mut self, other: &Self) {
        for (word, less) in self.words.iter_mut().zip(&other.words) {
            *word &= !less;
        }
    }

    /// Keeps only what is in `other`, too.
    pub fn intersect(&mut self, other: &Self) {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        for (word, both) in self.words.iter_mut().zip(others) {
            *word &= both;
        }
    }

    /// Exchanges what is in it and what is not.
    pub fn invert(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.clear_beyond();
    }

    /// Whether every item in it is one of `n`: to be asked of a selection that was saved.
    #[must_use]
    pub fn fits(&self, n: usize) -> bool {
        self.last().is_none_or(|last| (last as usize) < n)
    }

    /// Makes it a selection of `n` items; what is not below `n` is left out.
    pub fn resize(&mut self, n: usize) {
        self.words.resize(n.div_ceil(BITS), 0);
        self.n = n;
        self.clear_beyond();
    }

    fn last(&self) -> Option<u32> {
        let place = self.words.iter().rposition(|&word| word != 0)?;
        Some((place * BITS) as u32 + self.words[place].ilog2())
    }

    fn clear_beyond(&mut self) {
        let used = self.n % BITS;
        if let Some(last) = self.words.last_mut().filter(|_| used > 0) {
            *last &= u64::MAX >> (BITS - used);
        }
    }

    /// First and last id of each run of items.
    fn runs(&self) -> impl Iterator<Item = [u32; 2]> {
        let mut ids = self.ids().peekable();
        std::iter::from_fn(move || {
            let first = ids.next()?;
            let mut last = first;
            while ids.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            Some([first, last])
        })
    }
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.runs())
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let runs: Vec<[u32; 2]> = Vec::deserialize(deserializer)?;
        let mut next = 0;
        for &[first, last] in &runs {
            if last < first || (first as usize) < next {
                return Err(D::Error::custom(format!(
                    "the run {first} to {last} of a selection is out of order"
                )));
            }
            next = last as usize + 1;
        }
        if next > MAX_ITEMS {
            return Err(D::Error::custom(format!(
                "item {} is more than a selection can hold",
                next - 1
            )));
        }
        let mut selection = Self::none(next);
        for [first, last] in runs {
            let (first, last) = (first as usize, last as usize);
            for place in first / BITS..=last / BITS {
                let low = first.saturating_sub(place * BITS);
                let high = (last - place * BITS).min(BITS - 1);
                selection.words[place] |= (u64::MAX << low) & (u64::MAX >> (BITS - 1 - high));
            }
        }
        Ok(selection)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn set(selection: &Selection) -> BTreeSet<u32> {
        selection.ids().collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set(n in 0usize..300, m in 0usize..300, a in vec(0u32..320, 0..200), b in vec(0u32..320, 0..200)) {
            let below = |ids: &[u32], n: usize| ids.iter().copied().filter(|&id| (id as usize) < n).collect::<BTreeSet<_>>();
            let (one, other) = (Selection::from_ids(n, a.clone()), Selection::from_ids(m, b.clone()));
            let (x, y) = (below(&a, n), below(&b, m));
            prop_assert_eq!(set(&one), x.clone());
            prop_assert_eq!(one.count(), x.len());
            prop_assert_eq!(one.is_empty(), x.is_empty());
            for id in 0..330 {
                prop_assert_eq!(one.contains(id), x.contains(&id));
            }
            let mut sum = one.clone();
            sum.add(&other);
            prop_assert_eq!(set(&sum), x.iter().chain(&y).copied().filter(|&id| (id as usize) < n).collect());
            let mut rest = one.clone();
            rest.subtract(&other);
            prop_assert_eq!(set(&rest), x.difference(&y).copied().collect());
            let mut both = one.clone();
            both.intersect(&other);
            prop_assert_eq!(set(&both), x.intersection(&y).copied().collect());
            let mut inverse = one.clone();
            inverse.invert();
            prop_assert_eq!(set(&inverse), (0..n as u32).filter(|id| !x.contains(id)).collect());
            inverse.invert();
            prop_assert_eq!(&inverse, &one);
            for id in &y {
                both.insert(*id);
                both.remove(*id);
                prop_assert!(!both.contains(*id));
            }
        }

        #[test]
        fn it_comes_back_from_disk(n in 1usize..500, ids in vec(0u32..500, 0..300), m in 0usize..600) {
            let selection = Selection::from_ids(n, ids);
            let text = serde_json::to_string(&selection).expect("JSON");
            let mut back: Selection = serde_json::from_str(&text).expect("a selection");
            prop_assert_eq!(set(&back), set(&selection));
            prop_assert_eq!(back.fits(m), selection.ids().all(|id| (id as usize) < m));
            prop_assert!(back.fits(n));
            back.resize(n);
            prop_assert_eq!(&back, &selection);
            back.resize(m);
            prop_assert_eq!(set(&back), selection.ids().filter(|&id| (id as usize) < m).collect());
        }
    }

    #[test]
    fn runs_are_what_is_saved() {
        let selection = Selection::from_ids(300, (0..=5).chain([9]).chain(60..=200));
        let text = serde_json::to_string(&selection).expect("JSON");
        assert_eq!(text, "[[0,5],[9,9],[60,200]]");
        let named = NamedSelection {
            name: "smiling".into(),
            selection,
        };
        let text = serde_json::to_string(&named).expect("JSON");
        let mut back: NamedSelection = serde_json::from_str(&text).expect("a selection");
        assert_eq!(back.selection.items(), 201);
        back.selection.resize(300);
        assert_eq!(back, named);
    }

    #[test]
    fn hostile_runs_are_refused() {
        for text in [
            "[[0,4294967295]]",
            "[[5,3]]",
            "[[0,5],[5,6]]",
            "[[7,8],[1,2]]",
            "[[1]]",
            "[[-1,2]]",
            "[3]",
            "{}",
        ] {
            assert!(serde_json::from_str::<Selection>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Selection>("[]").is_ok_and(|s| s.is_empty() && s.fits(0)));
    }
}
