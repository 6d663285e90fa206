//! Classes as files give them: numbers of any kind, and the names that go with them.
//!
//! Invariant: a class number within the names it is given keeps its place among them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::data::Labels;

/// Numbers up to here name their classes as they are, so that two files of one set get the same classes.
const PLAIN_CLASSES: i64 = 1_000;

/// Class names of CIFAR-10.
pub(super) const CIFAR_10: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// Class names of Fashion-MNIST.
pub(super) const FASHION: [&str; 10] = [
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Class numbers as [`Labels`], under `names` when these cover them, else named by their numbers. `None` when there
/// are more classes than labels can tell apart.
pub(super) fn from_numbers(numbers: &[i64], names: Option<Vec<String>>) -> Option<Labels> {
    let (least, most) = (*numbers.iter().min()?, *numbers.iter().max()?);
    let named = names.filter(|names| least >= 0 && most < names.len() as i64);
    if least >= 0 && most < PLAIN_CLASSES.max(named.as_ref().map_or(0, Vec::len) as i64) {
        return Some(Labels {
            values: numbers.iter().map(|&n| n as u16).collect(),
            names: named.unwrap_or_else(|| (0..=most).map(|n| n.to_string()).collect()),
        });
    }
    let mut classes = numbers.to_vec();
    classes.sort_unstable();
    classes.dedup();
    u16::try_from(classes.len()).is_ok().then(|| Labels {
        values: numbers
            .iter()
            .map(|n| classes.binary_search(n).unwrap_or_default() as u16)
            .collect(),
        names: classes.iter().map(ToString::to_string).collect(),
    })
}

/// The classes of the items `ids`.
pub(super) fn subset(labels: &Labels, ids: &[usize]) -> Labels {
    Labels {
        values: ids
            .iter()
            .filter_map(|&id| labels.values.get(id).copied())
            .collect(),
        names: labels.names.clone(),
    }
}

/// Names of classes in a text file, one per line.
pub(super) fn names_in(path: &Path) -> Option<Vec<String>> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(1 << 16)
        .read_to_string(&mut text)
        .ok()?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let names: Vec<String> = lines.map(String::from).collect();
    (!names.is_empty()).then_some(names)
}

/// A fixed table of names as owned strings.
pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
