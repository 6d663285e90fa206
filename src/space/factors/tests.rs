//! Codes that are made so that their scores are known.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::error::Result;
use crate::progress::Progress;

const N: usize = 6000;

/// `count` independent even numbers per item, `[n, count]`.
fn even(n: usize, count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n * count)
        .map(|_| rng.random::<f32>() * 2.0 - 1.0)
        .collect()
}

/// The columns of `table`, `[n, count]`, as factors.
fn factors(table: &[f32], count: usize) -> Vec<Known> {
    let column = |at: usize| Known {
        name: format!("f{at}"),
        values: KnownValues::Numbers(table.iter().skip(at).step_by(count).copied().collect()),
    };
    (0..count).map(column).collect()
}

/// Codes of `d` numbers by a function of the row of factors.
fn codes(table: &[f32], count: usize, of: impl Fn(&[f32], usize) -> Vec<f32>) -> Vec<f32> {
    let rows = table.chunks_exact(count).enumerate();
    rows.flat_map(|(item, row)| of(row, item)).collect()
}

fn measure(codes: &[f32], d: usize, known: &[Known]) -> Result<Factors> {
    Factors::measure(codes, d, known, 20, 1, &Progress::silent())
}

#[test]
fn a_code_that_is_the_factors_scores_one() -> Result<()> {
    let table = even(N, 3, 1);
    let known = factors(&table, 3);
    let found = measure(&table, 3, &known)?;
    // All of a factor's 20 even bins are told: ln 20 nats, less what chance leaves uneven, and shares by chance elsewhere.
    for factor in 0..3 {
        assert_eq!(found.best(factor), factor);
        let entropy = found.information.entropy[factor];
        assert!((entropy - 20.0_f64.ln()).abs() < 0.01, "{entropy}");
        assert!((found.nats(factor, factor) - entropy).abs() < 1e-9);
        let other = found.nats(factor, (factor + 1) % 3);
        let by_chance = found.information.by_chance[factor * 3 + (factor + 1) % 3];
        assert!((by_chance - 361.0 / 12_000.0).abs() < 1e-12);
        assert!((other / by_chance - 1.0).abs() < 0.4, "{other} {by_chance}");
    }
    assert!(found.information.mig > 0.98, "{}", found.information.mig);
    let Importance {
        disentanglement,
        completeness,
        informativeness,
        ..
    } = found.importance;
    assert!(disentanglement > Some(0.99) && completeness > 0.99 && informativeness > 0.99);
    assert!(found.predictability.sap > 0.99);
    let votes = found.votes.expect("votes");
    assert_eq!((votes.score, votes.dead), (1.0, vec![]));
    Ok(())
}

#[test]
fn a_turned_code_tells_as_much_and_scores_low() -> Result<()> {
    let table = even(N, 2, 2);
    let known = factors(&table, 2);
    let straight = measure(&table, 2, &known)?;
    let h = std::f32::consts::FRAC_1_SQRT_2;
    let turned = codes(&table, 2, |f, _| vec![h * (f[0] + f[1]), h * (f[0] - f[1])]);
    let found = measure(&turned, 2, &known)?;
    assert!(found.information.mig < 0.02, "{}", found.information.mig);
    assert!(found.predictability.sap < 0.05);
    // Either dimension explains one half of either factor.
    assert!(
        found
            .predictability
            .scores
            .iter()
            .all(|r| (r - 0.5).abs() < 0.03)
    );
    let importance = &found.importance;
    assert!(importance.disentanglement < Some(0.05) && importance.completeness < 0.05);
    // Trees still find the factors in both together.
    assert!(importance.informativeness > 0.9 * straight.importance.informativeness);
    let score = found.votes.map_or(1.0, |votes| votes.score);
    assert!(
        score < 0.6,
        "of two factors a guess is right half of the time: {score}"
    );
    Ok(())
}

#[test]
fn a_code_of_noise_scores_nothing() -> Result<()> {
    let table = even(N, 2, 3);
    let noise = even(N, 4, 4);
    let found = measure(&noise, 4, &factors(&table, 2))?;
    assert!(found.information.mig < 0.005 && found.predictability.sap < 0.005);
    assert!(found.information.nats.iter().all(|&nats| nats < 0.05));
    assert!(found.importance.informativeness < 0.01);
    assert!(found.importance.disentanglement < Some(0.1));
    let score = found.votes.map_or(1.0, |votes| votes.score);
    assert!((0.4..0.6).contains(&score), "{score}");
    Ok(())
}

#[test]
fn a_dimension_twice_leaves_no_gap() -> Result<()> {
    let table = even(N, 2, 5);
    let twice = codes(&table, 2, |f, _| vec![f[0], f[0], f[1], f[1]]);
    let found = measure(&twice, 4, &factors(&table, 2))?;
    assert_eq!(
        (found.information.mig, found.predictability.sap),
        (0.0, 0.0)
    );
    // Every dimension still serves one factor alone.
    assert!(found.importance.disentanglement > Some(0.99));
    assert!(found.votes.is_some_and(|votes| votes.score == 1.0));
    Ok(())
}

#[test]
fn a_factor_in_two_dimensions_is_half_complete() -> Result<()> {
    let table = even(N, 1, 6);
    let noise = even(N, 2, 7);
    // Sign and size of one factor, and two of noise: of four dimensions two serve it.
    let split = codes(&table, 1, |f, item| {
        let sign = if f[0] > 0.0 { 1.0 } else { -1.0 };
        vec![sign, f[0].abs(), noise[2 * item], noise[2 * item + 1]]
    });
    let found = measure(&split, 4, &factors(&table, 1))?;
    assert_eq!(found.importance.disentanglement, None);
    // The sign takes 3/4 of the squares away and the size the rest, as variances have it: 1 - H(1/4) / ln 4.
    let h = -(0.25_f64 * 0.25_f64.ln() + 0.75 * 0.75_f64.ln()) / 4.0_f64.ln();
    let completeness = found.importance.completeness;
    assert!(
        (completeness - (1.0 - h)).abs() < 0.02,
        "{completeness} {}",
        1.0 - h
    );
    // What the sign tells is ln 2; the size tells the rest of ln 20 up to the sign.
    assert!((found.nats(0, 0) - 2.0_f64.ln()).abs() < 0.02);
    assert!((found.nats(0, 1) - 10.0_f64.ln()).abs() < 0.05);
    Ok(())
}

#[test]
fn classes_and_numbers_stand_side_by_side() -> Result<()> {
    let table = even(N, 2, 8);
    let mut known = factors(&table, 2);
    let class = |x: f32| u32::from(x > 0.2);
    known[0].values = KnownValues::Classes {
        values: table.chunks_exact(2).map(|f| class(f[0])).collect(),
        names: vec!["low".into(), "high".into()],
    };
    let found = measure(&table, 2, &known)?;
    assert_eq!(found.are_classes, [true, false]);
    // 0.6 and 0.4 of the items.
    let entropy = -(0.6_f64 * 0.6_f64.ln() + 0.4 * 0.4_f64.ln());
    assert!((found.information.entropy[0] - entropy).abs() < 0.01);
    assert!(found.importance.foretold[0] > 0.995);
    let scores = &found.predictability.scores;
    // The line ends half-way between the means of the two, -0.4 and 0.6: what lies between 0.1 and 0.2 is taken for the other.
    assert!(
        (scores[0] - 0.95).abs() < 0.02 && (scores[1] - 0.5).abs() < 0.05,
        "{scores:?}"
    );
    assert!(found.votes.is_some_and(|votes| votes.score > 0.9));
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() -> Result<()> {
    let table = even(600, 3, 9);
    let mixed = codes(&table, 3, |f, _| vec![f[0] + 0.3 * f[1], f[1], f[2] * f[0]]);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|e| crate::Error::usage(e.to_string()))?
            .install(|| measure(&mixed, 3, &factors(&table, 3)))
    };
    let once = on(1)?;
    assert_eq!(once, on(3)?);
    let known = factors(&table, 3);
    let other = Factors::measure(&mixed, 3, &known, 20, 2, &Progress::silent())?;
    assert_eq!(once.information, other.information);
    assert_ne!(once.votes, other.votes);
    Ok(())
}

#[test]
fn constants_gaps_and_few_items_are_told_and_not_measured() -> Result<()> {
    let table = even(60, 2, 10);
    let mut known = factors(&table, 2);
    known.push(Known {
        name: "always".into(),
        values: KnownValues::Numbers(vec![3.0; 60]),
    });
    if let KnownValues::Numbers(values) = &mut known[1].values {
        values[7] = f32::NAN;
    }
    let dead = codes(&table, 2, |f, _| vec![f[0], 0.5, f[1] * 0.01]);
    let found = measure(&dead, 3, &known)?;
    assert_eq!(found.names, ["f0", "f1"]);
    assert_eq!(found.left_out[0].name, "always");
    assert_eq!((found.nats(0, 1), found.nats(1, 1)), (0.0, 0.0));
    assert!(found.votes.is_none(), "of sixty items no group is narrow");

    // Fewer items than bins.
    let table = even(12, 2, 11);
    let found = measure(&table, 2, &factors(&table, 2))?;
    assert!(
        found
            .information
            .nats
            .iter()
            .all(|x| x.is_finite() && *x >= 0.0)
    );
    assert!(
        found
            .importance
            .foretold
            .iter()
            .all(|x| (0.0..=1.0).contains(x))
    );

    // Dimensions that hardly vary have no vote.
    let table = even(400, 2, 12);
    let small = codes(&table, 2, |f, _| vec![f[0], f[1] * 0.01, f[1]]);
    let votes = measure(&small, 3, &factors(&table, 2))?
        .votes
        .expect("votes");
    assert_eq!((votes.score, votes.dead), (1.0, vec![1]));
    Ok(())
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let table = even(40, 2, 13);
    let known = factors(&table, 2);
    let refused = |codes: &[f32], d, known: &[Known], bins| {
        let found = Factors::measure(codes, d, known, bins, 1, &Progress::silent());
        found.err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(refused(&table, 2, &[], 20).contains("nothing is known"));
    assert!(refused(&table[..40], 1, &known, 20).contains("one number"));
    assert!(refused(&table, 2, &known, 1).contains("bins"));
    assert!(refused(&table[..78], 2, &known, 20).contains("40 values of f0 for 39 codes"));
    assert!(refused(&table[..79], 2, &known, 20).contains("no codes"));
    let mut broken = table.clone();
    broken[9] = f32::NAN;
    assert!(refused(&broken, 2, &known, 20).contains("item 4"));
    let one = factors(&table[..2], 2);
    assert!(refused(&table[..2], 2, &one, 20).contains("single item"));
    let progress = Progress::silent();
    progress.cancel();
    let found = Factors::measure(&table, 2, &known, 20, 1, &progress);
    assert!(found.is_err_and(|e| e.is_cancelled()));
}
