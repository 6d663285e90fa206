//! Search against brute force, and against figures for MNIST that were computed independently.
//!
//! Invariant: what a search returns is the sorted list of all distances, cut.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use morphospace::data::{Dataset, ImageShape, Labels};
use morphospace::error::Result;
use morphospace::progress::Progress;
use morphospace::retrieval::measures::{Labelled, overlap};
use morphospace::retrieval::{
    Encoded, Gallery, Neighbours, Probe, Queries, Space, nearest_codes, nearest_pixels,
    nearest_to_picture,
};
use morphospace::space::CodeTable;
use proptest::collection::vec;
use proptest::prelude::*;

/// The `k` nearest of all, by sorting squared distances and then ids.
fn sorted(
    squared: impl Iterator<Item = f64>,
    k: usize,
    left_out: Option<u32>,
) -> (Vec<u32>, Vec<f32>) {
    let mut all: Vec<(f64, u32)> = squared
        .zip(0..)
        .filter(|&(_, id)| Some(id) != left_out)
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all.iter()
        .map(|&(squared, id)| (id, squared.sqrt() as f32))
        .unzip()
}

fn pixels_apart(a: &[u8], b: &[u8]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum()
}

/// A shape, and gallery and query pixels with few values, so that equal distances are common.
fn pictures() -> impl Strategy<Value = (ImageShape, Vec<u8>, Vec<u8>)> {
    (
        1..4_usize,
        1..24_usize,
        prop_oneof![Just(1), Just(3)],
        1..40_usize,
        1..6_usize,
    )
        .prop_flat_map(|(height, width, channels, items, queries)| {
            let shape = ImageShape::new(height, width, channels);
            let value = prop_oneof![Just(0_u8), Just(1), Just(255), any::<u8>()];
            (
                Just(shape),
                vec(value.clone(), items * shape.len()),
                vec(value, queries * shape.len()),
            )
        })
}

proptest! {
    #[test]
    fn pixel_search_is_brute_force((shape, gallery, queries) in pictures(), k in 0..50_usize) {
        let gallery = Dataset::new("gallery", shape, gallery)?;
        let queries = Dataset::new("queries", shape, queries)?;
        let found = nearest_pixels(&gallery, &queries, k, None, &Progress::silent())?;
        prop_assert_eq!(found.k, k.min(gallery.len()));
        prop_assert_eq!(found.ids.len(), found.k * queries.len());
        for i in 0..queries.len() * usize::from(k > 0) {
            let squared = (0..gallery.len()).map(|j| pixels_apart(queries.pixels(i), gallery.pixels(j)));
            let (ids, distances) = sorted(squared, k, None);
            prop_assert_eq!(found.ids_of(i), &ids);
            prop_assert_eq!(found.distances_of(i), &distances);
            let one = nearest_to_picture(&gallery, queries.pixels(i), k, None, &Progress::silent())?;
            prop_assert_eq!(one.ids, ids);
        }
    }

    #[test]
    fn an_item_that_is_left_out_is_the_only_one_missing((shape, gallery, _) in pictures(), k in 1..50_usize) {
        let set = Dataset::new("set", shape, gallery)?;
        let own: Vec<u32> = (0..set.len() as u32).collect();
        let found = nearest_pixels(&set, &set, k, Some(&own), &Progress::silent())?;
        prop_assert_eq!(found.k, k.min(set.len() - 1));
        for i in 0..found.queries() {
            let squared = (0..set.len()).map(|j| pixels_apart(set.pixels(i), set.pixels(j)));
            prop_assert_eq!(found.ids_of(i), &sorted(squared, k, Some(i as u32)).0);
        }
    }

    #[test]
    fn code_search_is_brute_force(
        (d, gallery, queries) in (1..40_usize, 1..60_usize, 1..9_usize).prop_flat_map(|(d, items, queries)| {
            // Small whole numbers have exact distances, and many equal ones.
            let value = (-3..4_i8).prop_map(f32::from);
            (Just(d), vec(value.clone(), items * d), vec(value, queries * d))
        }),
        k in 1..70_usize,
    ) {
        let table = CodeTable::new(gallery.clone(), d, vec![0.0; d])?;
        let found = nearest_codes(&table, &queries, k, None, &Progress::silent())?;
        for (i, query) in queries.chunks_exact(d).enumerate() {
            let apart = |code: &[f32]| code.iter().zip(query).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let (ids, distances) = sorted(gallery.chunks_exact(d).map(apart), k, None);
            prop_assert_eq!(found.ids_of(i), &ids);
            prop_assert_eq!(found.distances_of(i), &distances);
        }
    }

    #[test]
    fn measures_stay_between_none_and_all(
        ids in vec(0..20_u32, 12),
        gallery in vec(0..3_u16, 20),
        queries in vec(0..3_u16, 3),
    ) {
        let found = Neighbours { k: 4, ids, distances: vec![0.0; 12], space: Space::Code, secs: 0.0 };
        let labelled = Labelled::new(&found, &queries, &gallery)?;
        let values = [labelled.precision(4), labelled.accuracy(4), labelled.mean_average_precision()];
        prop_assert!(values.iter().all(|v| (0.0..=1.0).contains(v)), "{values:?}");
        prop_assert_eq!(labelled.accuracy(1), labelled.precision(1));
    }
}

/// Large enough for the search to rule items out by sketches first.
#[test]
fn a_large_gallery_is_searched_as_exactly_as_a_small_one() -> Result<()> {
    let shape = ImageShape::new(16, 16, 1);
    let drawn = |i: usize| {
        let (x, y, r) = (
            (i * 7 % 13) as f32,
            (i * 5 % 17) as f32,
            2.0 + (i % 11) as f32 * 0.4,
        );
        (0..shape.len()).map(move |p| {
            let (dx, dy) = ((p % 16) as f32 - x, (p / 16) as f32 - y);
            ((r - dx.hypot(dy)).clamp(0.0, 1.0) * 240.0) as u8 + (i * p % 5) as u8
        })
    };
    let gallery = Dataset::new("gallery", shape, (0..5000).flat_map(drawn).collect())?;
    let queries = Dataset::new("queries", shape, (4400..5010).flat_map(drawn).collect())?;
    let left_out: Vec<u32> = (4400..5010).collect();
    let silent = Progress::silent();
    let found = nearest_pixels(&gallery, &queries, 10, Some(&left_out), &silent)?;
    for (i, &left_out) in left_out.iter().enumerate() {
        let one = nearest_to_picture(&gallery, queries.pixels(i), 10, Some(left_out), &silent)?;
        assert_eq!(found.ids_of(i), one.ids, "query {i}");
    }
    assert_eq!(overlap(&found, &found)?, 1.0);
    Ok(())
}

fn test_data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MORPHOSPACE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(folder);
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: {} is not there", folder.display());
        None
    }
}

fn unpacked(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn mnist_like(
    folder: &Path,
    part: &str,
) -> std::result::Result<Dataset, Box<dyn std::error::Error>> {
    let pixels = unpacked(&folder.join(format!("{part}-images-idx3-ubyte.gz")))?;
    let labels = unpacked(&folder.join(format!("{part}-labels-idx1-ubyte.gz")))?;
    let labels = Labels {
        values: labels[8..].iter().map(|&label| u16::from(label)).collect(),
        names: (0..10).map(|i| i.to_string()).collect(),
    };
    let set = Dataset::new(part, ImageShape::new(28, 28, 1), pixels[16..].to_vec())?;
    Ok(set.with_labels(labels)?)
}

/// Of 10,000 test pictures: how many have a nearest training picture of their class, and how many of their 100,000 nearest
/// training pictures have it. Computed with faiss.
#[test]
fn real_pictures_give_the_published_figures() -> std::result::Result<(), Box<dyn std::error::Error>>
{
    for (folder, nearest, precise) in [("mnist", 9_691, 94_750), ("fashion-mnist", 8_497, 80_520)] {
        let Some(folder) = test_data(folder) else {
            continue;
        };
        let (gallery, queries) = (mnist_like(&folder, "train")?, mnist_like(&folder, "t10k")?);
        let found = nearest_pixels(&gallery, &queries, 10, None, &Progress::silent())?;
        let labels = |set: &Dataset| set.labels().cloned().unwrap_or_default().values;
        let (of_queries, of_gallery) = (labels(&queries), labels(&gallery));
        let labelled = Labelled::new(&found, &of_queries, &of_gallery)?;
        assert_eq!((labelled.accuracy(1) * 1e4).round() as u32, nearest);
        assert_eq!((labelled.precision(10) * 1e5).round() as u32, precise);
    }
    Ok(())
}

/// Twelve numbers per item: pictures of 3×4, codes of three and their variances.
fn small(n: usize, seed: usize) -> (Dataset, Vec<f32>, Vec<f32>) {
    let number = |i: usize| ((i + seed) * 7919 % 1013) as f32 / 1013.0;
    let pixels = (0..n * 12)
        .map(|i| (number(i * 31) * 255.0) as u8)
        .collect();
    let shape = ImageShape::new(3, 4, 1);
    let data = Dataset::new("small", shape, pixels).expect("pictures");
    let codes = (0..n * 3).map(|i| number(i * 17) * 4.0 - 2.0).collect();
    let log_variance = (0..n * 3).map(|i| number(i * 13) * 2.0 - 2.0).collect();
    (data, codes, log_variance)
}

/// The distance in `space` as its definition says, in double precision.
fn defined(
    space: Space,
    a: (&[u8], &[f32], &[f32]),
    b: (&[u8], &[f32], &[f32]),
    std: &[f32],
) -> f64 {
    let wide = |x: &[u8]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let of = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let euclid = |a: &[f64], b: &[f64]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let cosine = |a: &[f64], b: &[f64]| {
        let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        1.0 - dot / (length(a) * length(b))
    };
    let centred = |x: Vec<f64>| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.into_iter().map(|x| x - mean).collect::<Vec<f64>>()
    };
    match space {
        Space::Pixel => euclid(&wide(a.0), &wide(b.0)),
        Space::PixelCosine => cosine(&wide(a.0), &wide(b.0)),
        Space::PixelCentred => euclid(&centred(wide(a.0)), &centred(wide(b.0))),
        Space::Code => euclid(&of(a.1), &of(b.1)),
        Space::CodeCosine => cosine(&of(a.1), &of(b.1)),
        Space::CodeScaled => {
            let scaled = |x: &[f32]| {
                x.iter()
                    .zip(std)
                    .map(|(x, s)| f64::from(x / s))
                    .collect::<Vec<f64>>()
            };
            euclid(&scaled(a.1), &scaled(b.1))
        }
        Space::CodeKl => (0..a.1.len())
            .map(|i| {
                let (va, vb) = (f64::from(a.2[i]).exp(), f64::from(b.2[i]).exp());
                let square = (f64::from(a.1[i]) - f64::from(b.1[i])).powi(2);
                // KL of one normal from another, both ways.
                let one = 0.5 * (va / vb + square / vb - 1.0 + (vb / va).ln());
                let other = 0.5 * (vb / va + square / va - 1.0 + (va / vb).ln());
                f64::midpoint(one, other)
            })
            .sum(),
        other => panic!("{other} is tested elsewhere"),
    }
}

#[test]
fn every_space_measures_what_it_says_and_one_query_finds_what_many_find() -> Result<()> {
    let silent = Progress::silent();
    let (data, codes, log_variance) = small(300, 3);
    let (queries, of_queries, of_variance) = small(7, 1000);
    let table = CodeTable::new(codes.clone(), 3, vec![0.0; 3])?;
    let std = table.std().to_vec();
    let encoded = Encoded {
        codes: Arc::new(table),
        log_variance: Arc::new(log_variance.clone()),
        is_binary: false,
    };
    let data = Arc::new(data);
    for space in Space::ALL {
        let gallery = Gallery::new(space, &data, Some(&encoded), 1, &silent)?;
        let asked = Queries {
            pictures: &queries,
            codes: &of_queries,
            log_variance: &of_variance,
        };
        let many = gallery.nearest(asked, 10, None, &silent)?;
        assert_eq!((many.space, many.k), (space, 10));
        for i in 0..queries.len() {
            let probe = Probe {
                pixels: queries.pixels(i).to_vec(),
                code: of_queries[i * 3..][..3].to_vec(),
                log_variance: of_variance[i * 3..][..3].to_vec(),
            };
            let all = gallery.distances(&probe)?;
            let near = all.nearest(10, None);
            let ids: Vec<u32> = near.iter().map(|n| n.0).collect();
            assert_eq!(ids, many.ids_of(i), "{space}");
            assert_eq!(
                all.ranks(&ids, None),
                (0..10).collect::<Vec<_>>(),
                "{space}"
            );
            for (&(id, distance), &other) in near.iter().zip(many.distances_of(i)) {
                assert!(
                    (distance - other).abs() < 1e-5 * (1.0 + distance),
                    "{space}"
                );
                if matches!(
                    space,
                    Space::Bits | Space::RotatedBits | Space::Components | Space::Random
                ) {
                    continue;
                }
                let at = id as usize;
                let expected = defined(
                    space,
                    (&probe.pixels, &probe.code, &probe.log_variance),
                    (
                        data.pixels(at),
                        &codes[at * 3..][..3],
                        &log_variance[at * 3..][..3],
                    ),
                    &std,
                );
                assert!(
                    (f64::from(distance) - expected).abs() < 2e-5 * (1.0 + expected),
                    "{space}: {distance} {expected}"
                );
            }
            // Without the nearest, everything moves up by one.
            let rest = all.nearest(9, Some(ids[0]));
            assert_eq!(rest[0].0, ids[1]);
            assert_eq!(
                all.ranks(&ids[1..], Some(ids[0])),
                (0..9).collect::<Vec<_>>()
            );
        }
    }
    Ok(())
}

#[test]
fn spaces_are_named_and_what_is_missing_is_told() {
    for space in Space::ALL {
        assert_eq!(space.name().parse::<Space>().ok(), Some(space));
    }
    assert!("pixels".parse::<Space>().is_err());
    let (data, ..) = small(5, 0);
    let data = Arc::new(data);
    let without = Gallery::new(Space::Code, &data, None, 1, &Progress::silent());
    assert!(without.is_err_and(|e| e.to_string().contains("needs a model")));
}
