//! Training: learns, is exact, resumes exactly, and survives what is thrown at it.

use std::cell::Cell;
use std::rc::Rc;

use burn::tensor::Device;
use morphospace::Progress;
use morphospace::data::{Dataset, ImageShape, creatures, digits, faces};
use morphospace::model::{
    AutoEncoder, CodeKind, CodeStatistics, Likelihood, LossPoint, Meanwhile, ModelFile, ModelSpec,
    Network, Preset, Pretraining, Provenance, Teacher, TrainConfig, Trainer, Unit, Unpooling,
    evaluate, shipped_for,
};

fn some_digits(count: usize) -> Dataset {
    digits::generate(1, 0..count, &Progress::silent()).expect("digits")
}

fn run(trainer: &mut Trainer, dataset: &Dataset, until: u64) {
    while trainer.step() < until || !trainer.is_between_steps() {
        trainer.advance(dataset).expect("a step");
    }
    trainer.read_losses().expect("finite losses");
}

fn file(trainer: &Trainer, dataset: &Dataset) -> ModelFile {
    let code = trainer.spec().code;
    let statistics = CodeStatistics {
        mean: vec![0.0; code],
        std: vec![1.0; code],
        kl: vec![1.0; code],
        example: vec![0.0; code],
    };
    let provenance = Provenance {
        digest: dataset.digest(),
        ..Provenance::default()
    };
    ModelFile::from_trainer(trainer, provenance, statistics).expect("a file")
}

fn pictures(model: &morphospace::model::AutoEncoder) -> Vec<u8> {
    let codes: Vec<f32> = (0..8 * model.code()).map(|i| (i as f32).sin()).collect();
    model.decode(&codes).expect("pictures")
}

#[test]
fn training_lowers_both_losses_of_every_preset_shape() {
    let dataset = some_digits(400);
    for preset in [
        Preset::Tiny,
        Preset::Digits,
        Preset::Mnist2d,
        Preset::MnistDense,
        Preset::Binary256,
        Preset::Hash28,
    ] {
        let mut config = preset.training(dataset.shape());
        (config.epochs, config.batch, config.warm_up) = (4, 32, 0.0);
        let mut trainer = Trainer::new(
            preset.spec(dataset.shape()),
            config,
            &dataset,
            &Device::flex(),
        )
        .expect("a trainer");
        let steps = trainer.steps();
        run(&mut trainer, &dataset, steps);
        let history = trainer.history();
        let mean = |part: &[morphospace::model::LossPoint]| {
            part.iter().map(|p| p.reconstruction + p.kl).sum::<f32>() / part.len() as f32
        };
        let (first, last) = (mean(&history[..5]), mean(&history[history.len() - 5..]));
        assert!(last < 0.8 * first, "{preset}: {first} to {last}");
        assert!(trainer.is_done());
    }
}

#[test]
fn training_resumes_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("half.safetensors");
    let dataset = some_digits(300);
    for preset in [
        Preset::Tiny,
        Preset::Digits,
        Preset::MnistDense,
        Preset::Hash28,
    ] {
        let mut config = preset.training(dataset.shape());
        (config.epochs, config.batch) = (4, 64);
        let new = || {
            Trainer::new(
                preset.spec(dataset.shape()),
                config.clone(),
                &dataset,
                &Device::flex(),
            )
            .expect("a trainer")
        };
        let mut whole = new();
        let steps = whole.steps();
        run(&mut whole, &dataset, steps);

        let mut first = new();
        run(&mut first, &dataset, steps / 2);
        file(&first, &dataset).save(&path).expect("saved");
        drop(first);
        let loaded = ModelFile::load(&path).expect("loaded");
        let mut second = loaded
            .trainer(None, &dataset, &Device::flex())
            .expect("resumed");
        assert_eq!(second.step(), steps / 2);
        run(&mut second, &dataset, steps);

        assert!(
            pictures(&whole.model()) == pictures(&second.model()),
            "{preset}: the last weights"
        );
        assert!(
            pictures(&whole.best_model()) == pictures(&second.best_model()),
            "{preset}: the best weights"
        );
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        file(&whole, &dataset).save(&a).expect("saved");
        file(&second, &dataset).save(&b).expect("saved");
        let weights = |p: &std::path::Path| {
            let bytes = std::fs::read(p).expect("the file");
            let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
            bytes[8 + header..].to_vec()
        };
        assert!(
            weights(&a) == weights(&b),
            "{preset}: every bit of the weights"
        );
    }
}

#[test]
fn every_preset_trains_on_what_is_built_in_and_comes_back_from_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let digits = some_digits(150);
    let creatures = creatures::generate(1, 0..150, &Progress::silent()).expect("creatures");
    for preset in Preset::ALL {
        let dataset = if preset == Preset::Palette {
            creatures.clone()
        } else {
            digits.clone()
        };
        if preset == Preset::Binary256Full {
            println!("skipped: {preset}, whose layers take minutes");
            continue;
        }
        let mut config = preset.training(dataset.shape());
        (config.epochs, config.batch) = (1, 32);
        if let Some(pretraining) = &mut config.pretraining {
            pretraining.epochs = 1;
        }
        let below = shipped_for("digits", digits.shape()).expect("a shipped model");
        let below = below.model(&Device::flex()).expect("a model");
        let spec = preset.spec_upon(&dataset, Some(below.spec()));
        let spec = spec.expect("digits have classes");
        let trainer = if spec.beneath().is_some() {
            Trainer::from_model(&below, spec, config, &dataset, &Device::flex())
        } else {
            Trainer::new(spec, config, &dataset, &Device::flex())
        };
        let mut trainer = trainer.expect("a trainer");
        while !trainer.is_done() {
            trainer.advance(&dataset).expect("a step");
        }
        trainer.read_losses().expect("losses");
        let last = trainer.history().last().expect("a point");
        assert!(last.validation.is_none_or(f32::is_finite), "{preset}");
        let path = folder.path().join(format!("{preset}.safetensors"));
        file(&trainer, &dataset).save(&path).expect("saved");
        let loaded = ModelFile::load(&path).expect("loaded");
        let model = loaded.model(&Device::flex()).expect("a model");
        assert_eq!(model.spec(), trainer.spec());
        assert!(
            pictures(&model) == pictures(&trainer.best_model()),
            "{preset}"
        );
        let found = evaluate(&model, &dataset, 3, 1, &Progress::silent()).expect("figures");
        assert!(found.sse_per_image.is_finite() && found.sse_per_image > 0.0);
        assert_eq!(found.elbo.is_some(), model.spec().has_posterior());
        if let (Some(elbo), Some(nll)) = (found.elbo, found.nll) {
            assert!(elbo <= -nll + 1e-6, "{preset}: the bound is below");
        }
    }
}

#[test]
fn few_labels_teach_the_classes_and_more_than_there_are_are_refused() {
    let dataset = some_digits(600);
    let preset = Preset::SemiSupervised;
    let spec = preset.spec_for(&dataset).expect("digits have classes");
    let mut config = preset.training(dataset.shape());
    (config.epochs, config.batch, config.labels) = (12, 50, Some(50));
    let new = |config: &morphospace::model::TrainConfig| {
        Trainer::new(spec.clone(), config.clone(), &dataset, &Device::flex())
    };
    let mut trainer = new(&config).expect("a trainer");
    let steps = trainer.steps();
    run(&mut trainer, &dataset, steps);
    let unseen = digits::generate(2, 0..500, &Progress::silent()).expect("digits");
    let found = evaluate(&trainer.best_model(), &unseen, 1, 1, &Progress::silent());
    let error = found.expect("figures").class_error.expect("classes");
    assert!(error < 0.5, "chance is 0.9: {error}");
    config.labels = Some(601);
    let refused = new(&config).expect_err("more labels than items");
    assert!(refused.to_string().contains("only"), "{refused}");
    let pixels = vec![0; 40 * dataset.shape().len()];
    let plain = Dataset::new("plain", dataset.shape(), pixels).expect("pictures");
    let refused = preset.spec_for(&plain).expect_err("no classes");
    assert!(
        refused.to_string().contains("digits"),
        "what would fit: {refused}"
    );
}

#[test]
fn a_model_on_the_codes_of_another_leaves_it_as_it_is_and_learns_classes_of_few_labels() {
    let dataset = some_digits(600);
    let below = shipped_for("digits", dataset.shape()).expect("a shipped model");
    let below = below.model(&Device::flex()).expect("a model");
    let preset = Preset::Stacked;
    let mut spec = preset
        .spec_upon(&dataset, Some(below.spec()))
        .expect("digits have classes");
    spec.code = 15;
    let mut config = preset.training(dataset.shape());
    (config.epochs, config.batch, config.labels) = (30, 50, Some(50));
    let begun = || {
        Trainer::from_model(
            &below,
            spec.clone(),
            config.clone(),
            &dataset,
            &Device::flex(),
        )
    };
    let mut trainer = begun().expect("a trainer");
    let steps = trainer.steps();
    // Stopped in the middle and gone on with from its file, to the same weights.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("stacked.safetensors");
    let mut interrupted = begun().expect("a trainer");
    run(&mut interrupted, &dataset, steps / 2);
    file(&interrupted, &dataset).save(&path).expect("saved");
    let resumed = ModelFile::load(&path).expect("loaded");
    let resumed = resumed.trainer(None, &dataset, &Device::flex());
    let mut resumed = resumed.expect("a trainer");
    run(&mut resumed, &dataset, steps);
    run(&mut trainer, &dataset, steps);
    let model = trainer.best_model();
    assert!(pictures(&model) == pictures(&resumed.best_model()));
    let unseen = digits::generate(2, 0..500, &Progress::silent()).expect("digits");
    let found = evaluate(&model, &unseen, 1, 1, &Progress::silent()).expect("figures");
    let error = found.class_error.expect("classes");
    assert!(error < 0.35, "chance is 0.9: {error}");
    // Its pictures are made by the model beneath: no better than that one's own, and far better than the mean picture.
    let plain = evaluate(&below, &unseen, 1, 1, &Progress::silent()).expect("figures");
    let pixels = |i: usize| unseen.pixels(i).iter().map(|p| f64::from(*p) / 255.0);
    let mut mean = vec![0.0; unseen.shape().len()];
    for i in 0..unseen.len() {
        let sums = mean.iter_mut().zip(pixels(i));
        sums.for_each(|(sum, p)| *sum += p / unseen.len() as f64);
    }
    let off = |i: usize| -> f64 {
        let pairs = pixels(i).zip(&mean);
        pairs.map(|(p, m)| (p - m).powi(2)).sum()
    };
    let of_mean = (0..unseen.len()).map(off).sum::<f64>() / unseen.len() as f64;
    let own = found.sse_per_image;
    assert!(own >= plain.sse_per_image, "no better");
    assert!(own < 0.5 * of_mean, "{own} against {of_mean}");
    let refused = Trainer::new(spec.clone(), config.clone(), &dataset, &Device::flex());
    let refused = refused.expect_err("nothing to stand on").to_string();
    assert!(refused.contains("stands on the codes"), "{refused}");
    let refused = Preset::Stacked.spec_upon(&dataset, Some(&spec));
    let refused = refused.expect_err("it is conditional itself").to_string();
    assert!(refused.contains("variational auto-encoder"), "{refused}");
}

#[test]
fn a_training_can_begin_with_the_weights_of_a_model() {
    let dataset = some_digits(300);
    let mut config = Preset::Vae200.training(dataset.shape());
    (config.epochs, config.batch) = (4, 50);
    let spec = Preset::Vae200.spec(dataset.shape());
    let mut first =
        Trainer::new(spec, config.clone(), &dataset, &Device::flex()).expect("a trainer");
    let steps = first.steps();
    run(&mut first, &dataset, steps);
    let model = first.best_model();
    // The same network with another objective.
    let mut spec = Preset::Iwae.spec(dataset.shape());
    spec.objective.samples = 5;
    config.learning_rate = 1e-4;
    let trainer = Trainer::from_model(&model, spec, config.clone(), &dataset, &Device::flex());
    let mut trainer = trainer.expect("a trainer");
    assert!(pictures(&trainer.model()) == pictures(&model));
    run(&mut trainer, &dataset, 1);
    trainer.read_losses().expect("losses");
    let bound = |point: &LossPoint| point.reconstruction + point.kl;
    let last = bound(first.history().last().expect("a point"));
    let begins = bound(trainer.history().last().expect("a point"));
    assert!(begins < 1.1 * last, "{begins} goes on from {last}");
    let other = Preset::Digits.spec(dataset.shape());
    let refused = Trainer::from_model(&model, other, config, &dataset, &Device::flex());
    let refused = refused.expect_err("another network").to_string();
    assert!(refused.contains("no layer"), "{refused}");
}

/// Some faces with their factors.
fn some_faces(n: usize) -> Dataset {
    faces::generate(5, 0..n, &Progress::silent()).expect("faces")
}

/// A small model of faces that is told their attributes.
fn told_attributes(dataset: &Dataset) -> (ModelSpec, TrainConfig) {
    let mut spec = Preset::Attributes
        .spec_for(dataset)
        .expect("a specification");
    spec.network = Network::Dense {
        hidden: vec![24, 16],
        unit: Unit::Rectified,
    };
    let mut config = Preset::Attributes.training(dataset.shape());
    (config.epochs, config.batch, config.warm_up) = (4, 16, 2.0);
    (spec, config)
}

#[test]
fn the_decoder_of_what_is_told_by_name_learns_without_the_encoder_at_first() {
    let dataset = some_faces(80);
    let (spec, config) = told_attributes(&dataset);
    assert_eq!(spec.version, 4, "attributes are told as waves");
    let mut trainer = Trainer::new(spec, config, &dataset, &Device::flex()).expect("a trainer");
    let items: Vec<&[u8]> = (0..80).map(|i| dataset.pixels(i)).collect();
    let codes = |trainer: &Trainer| {
        let codes = trainer.model().encode(&items, &Progress::silent());
        codes.expect("codes").mean
    };
    let alone = 2 * trainer.steps_per_epoch();
    let style = trainer.spec().style();
    let parts = |codes: Vec<f32>| -> (Vec<f32>, Vec<f32>) {
        let rows = codes.chunks_exact(codes.len() / 80);
        let rows = rows.map(|row| row.split_at(style));
        let (style, named): (Vec<_>, Vec<_>) = rows.unzip();
        (style.concat(), named.concat())
    };
    let before = (parts(codes(&trainer)), pictures(&trainer.model()));
    run(&mut trainer, &dataset, alone);
    let after = (parts(codes(&trainer)), pictures(&trainer.model()));
    assert!(before.0.0 == after.0.0, "the encoder rests");
    assert!(before.0.1 != after.0.1, "the classifier learns along");
    assert!(before.1 != after.1, "the decoder learns");
    let history = trainer.history();
    assert!(history.iter().all(|point| point.kl.abs() < f32::EPSILON));
    assert!(history[history.len() - 1].reconstruction < history[0].reconstruction);
    let steps = trainer.steps();
    run(&mut trainer, &dataset, steps);
    assert!(parts(codes(&trainer)).0 != after.0.0, "then all of it does");
}

#[test]
fn attributes_resume_bit_for_bit_whether_the_encoder_learns_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("half.safetensors");
    let dataset = some_faces(80);
    let (spec, config) = told_attributes(&dataset);
    let new = || {
        let device = Device::flex();
        Trainer::new(spec.clone(), config.clone(), &dataset, &device).expect("a trainer")
    };
    let mut whole = new();
    let steps = whole.steps();
    run(&mut whole, &dataset, steps);
    for at in [steps / 4, steps / 2, steps / 4 * 3] {
        let mut first = new();
        run(&mut first, &dataset, at);
        file(&first, &dataset).save(&path).expect("saved");
        let loaded = ModelFile::load(&path).expect("loaded");
        let mut second = loaded
            .trainer(None, &dataset, &Device::flex())
            .expect("resumed");
        assert_eq!(second.step(), at);
        run(&mut second, &dataset, steps);
        assert!(
            pictures(&whole.model()) == pictures(&second.model()),
            "from step {at}"
        );
    }
}

#[test]
fn more_octaves_of_waves_than_there_may_be_are_refused() {
    let dataset = some_faces(8);
    let (mut spec, _) = told_attributes(&dataset);
    let octaves = |spec: &mut ModelSpec, octaves| {
        let condition = spec.condition.as_mut().expect("a condition");
        condition.octaves = octaves;
        spec.clone().check()
    };
    let text = octaves(&mut spec, 9).expect_err("too many").to_string();
    assert!(text.contains("at most 8"), "{text}");
    let without = octaves(&mut spec, 0).expect("a specification");
    assert_eq!(without.version, 3, "which older programs read");
}

#[test]
fn pre_training_resumes_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("half.safetensors");
    let dataset = some_digits(130);
    for teacher in Teacher::ALL {
        let mut config = Preset::Deep30.training(dataset.shape());
        (config.epochs, config.batch) = (1, 32);
        config.pretraining = Some(Pretraining { teacher, epochs: 2 });
        let spec = ModelSpec {
            network: Network::Dense {
                hidden: vec![60, 40],
                unit: Unit::Logistic,
            },
            ..Preset::Deep30.spec(dataset.shape())
        };
        let new = || {
            Trainer::new(spec.clone(), config.clone(), &dataset, &Device::flex())
                .expect("a trainer")
        };
        let to_its_end = |trainer: &mut Trainer| {
            while !trainer.is_done() {
                trainer.advance(&dataset).expect("a step");
            }
            trainer.read_losses().expect("losses");
        };
        let mut whole = new();
        to_its_end(&mut whole);
        let mut first = new();
        // Into the second layer.
        for _ in 0..9 {
            first.advance(&dataset).expect("a step");
        }
        assert_eq!(first.stage().map(|(stage, ..)| stage), Some(1));
        first.read_losses().expect("errors");
        file(&first, &dataset).save(&path).expect("saved");
        let loaded = ModelFile::load(&path).expect("loaded");
        let mut second = loaded
            .trainer(None, &dataset, &Device::flex())
            .expect("resumed");
        assert_eq!(second.stage(), first.stage());
        to_its_end(&mut second);
        assert!(
            pictures(&whole.model()) == pictures(&second.model()),
            "{teacher:?}"
        );
        let errors = whole.stage_history();
        assert_eq!(errors, second.stage_history());
        let of = |stage| {
            let of_stage = errors.iter().filter(|p| p.stage == stage).map(|p| p.error);
            of_stage.collect::<Vec<f32>>()
        };
        for stage in 0..3 {
            let errors = of(stage);
            assert_eq!(errors.len(), 6, "a point per step");
            if (teacher, stage) == (Teacher::Boltzmann, 2) {
                println!("skipped: the small steps of linear units show nothing in six of them");
                continue;
            }
            let (begin, end) = (errors[0], errors[5]);
            assert!(end < begin, "{teacher:?}, layer {stage}: {begin} to {end}");
        }
    }
}

#[test]
fn binary_codes_are_bits_and_have_no_divergence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bits.safetensors");
    let dataset = some_digits(300);
    let items: Vec<&[u8]> = (0..300).map(|i| dataset.pixels(i)).collect();
    for preset in [Preset::Binary256, Preset::Hash28] {
        let spec = preset.spec(dataset.shape());
        assert!(spec.is_binary());
        let mut config = preset.training(dataset.shape());
        (config.epochs, config.batch) = (3, 32);
        let mut trainer = Trainer::new(spec, config, &dataset, &Device::flex()).expect("a trainer");
        let steps = trainer.steps();
        run(&mut trainer, &dataset, steps);
        assert!(
            trainer
                .history()
                .iter()
                .all(|point| point.kl.abs() < f32::EPSILON)
        );
        let model = trainer.best_model();
        let code = model.code();
        let found = model.encode(&items, &Progress::silent()).expect("codes");
        assert!(found.mean.iter().all(|bit| *bit == 0.0 || *bit == 1.0));
        assert!(found.log_variance.is_empty());
        assert_eq!(found.kl_per_dimension(model.spec()), vec![0.0; code]);
        assert_eq!(found.kl_per_item(model.spec()), [0.0; 300]);
        // Most bits tell some pictures apart.
        let column = |bit: usize| -> Vec<f32> {
            found.mean.iter().skip(bit).step_by(code).copied().collect()
        };
        let columns: Vec<Vec<f32>> = (0..code).map(column).collect();
        let used = columns
            .iter()
            .filter(|c| c.contains(&0.0) && c.contains(&1.0));
        assert!(used.count() > code / 2, "{preset}");
        let half = model.decode(&vec![0.5; code]).expect("a code between bits");
        assert_eq!(half.len(), dataset.shape().len());

        file(&trainer, &dataset).save(&path).expect("saved");
        let loaded = ModelFile::load(&path).expect("loaded");
        assert_eq!(loaded.spec, *trainer.spec());
        let loaded = loaded.model(&Device::flex()).expect("a model");
        let again = loaded.encode(&items, &Progress::silent()).expect("codes");
        assert_eq!(again.mean, found.mean);

        let figures = evaluate(&model, &dataset, 3, 1, &Progress::silent()).expect("figures");
        assert_eq!(
            (figures.elbo, figures.nll, figures.samples),
            (None, None, 0)
        );
        assert!(figures.sse_per_image > 0.0 && figures.kl_per_dim.is_none());
    }
}

#[test]
fn bits_need_a_later_version_and_all_else_is_written_as_before() {
    let shape = ImageShape::new(32, 32, 3);
    let json = |spec: &ModelSpec| serde_json::to_value(spec).expect("JSON");
    let posterior = json(&Preset::Faces.spec(shape));
    assert_eq!(posterior["version"], 1);
    assert!(posterior.get("kind").is_none());
    let read: ModelSpec = serde_json::from_value(posterior).expect("a specification");
    assert!(!read.is_binary());
    let full = Preset::Binary256Full.spec(shape);
    let bits = json(&full);
    assert_eq!(
        (bits["version"].as_u64(), bits["kind"].as_str()),
        (Some(2), Some("binary"))
    );
    assert_eq!(
        bits["network"]["dense"]["hidden"],
        serde_json::json!([8192, 4096, 2048, 1024, 512])
    );
    let low = ModelSpec {
        version: 1,
        ..full.clone()
    };
    assert_eq!(low.check().expect("can be built"), full);
}

#[test]
fn a_large_batch_in_slices_takes_the_same_steps() {
    // Layers too large to be done in one go on the CPU; the gradient must be that of the whole batch.
    let dataset = some_digits(1024);
    let mut spec = Preset::Digits.spec(dataset.shape());
    spec.network = Network::Dense {
        hidden: vec![2048, 2048],
        unit: Unit::Rectified,
    };
    let mut config = Preset::Tiny.training(dataset.shape());
    (config.epochs, config.batch, config.validation) = (1, 1024, 0.0);
    let mut trainer = Trainer::new(spec, config, &dataset, &Device::flex()).expect("a trainer");
    let mut pieces = 0;
    while trainer.step() == 0 {
        trainer.advance(&dataset).expect("a slice");
        pieces += 1;
    }
    assert!(pieces > 1, "the batch was not cut");
    trainer.read_losses().expect("losses");
    let points = trainer.history();
    assert_eq!(points.len(), 1);
    // Of the whole batch: a slice that was lost or counted twice would put it far outside.
    let loss = points[0].reconstruction;
    assert!((500.0..1000.0).contains(&loss), "{loss}");
}

#[test]
fn odd_shapes_train_and_come_back_whole() {
    for shape in [
        ImageShape::new(28, 20, 1),
        ImageShape::new(30, 31, 3),
        ImageShape::new(50, 70, 1),
        ImageShape::new(5, 3, 3),
    ] {
        let pixels: Vec<u8> = (0..40 * shape.len())
            .map(|i| ((i * 37) % 251) as u8)
            .collect();
        let dataset = Dataset::new("odd", shape, pixels).expect("pictures");
        let preset = Preset::for_shape(shape);
        let mut config = preset.training(dataset.shape());
        (config.epochs, config.batch) = (1, 16);
        let mut trainer =
            Trainer::new(preset.spec(shape), config, &dataset, &Device::flex()).expect("a trainer");
        let steps = trainer.steps();
        run(&mut trainer, &dataset, steps);
        let model = trainer.model();
        let codes = model
            .encode(&[dataset.pixels(0), dataset.pixels(1)], &Progress::silent())
            .expect("codes")
            .mean;
        assert_eq!(
            model.decode(&codes).expect("pictures").len(),
            2 * shape.len()
        );
        let loss = trainer.history()[0].reconstruction;
        assert!(loss.is_finite() && loss > 0.0, "{shape}: {loss}");
    }
}

#[test]
fn a_loss_that_is_no_number_ends_training_with_a_clear_error() {
    let dataset = some_digits(64);
    let mut spec = Preset::Tiny.spec(dataset.shape());
    spec.likelihood = Likelihood::Gaussian { sigma: 1e-20 };
    let mut config = Preset::Tiny.training(dataset.shape());
    (config.learning_rate, config.clip, config.validation) = (1.0, 0.0, 0.0);
    config.warm_up = 0.0;
    let mut trainer = Trainer::new(spec, config, &dataset, &Device::flex()).expect("a trainer");
    trainer.advance(&dataset).expect("a step");
    let error = trainer.read_losses().expect_err("the loss is infinite");
    assert!(error.to_string().contains("finite"), "{error}");
}

#[test]
fn a_model_file_is_replaced_only_by_a_whole_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.safetensors");
    let dataset = some_digits(40);
    let trainer = Trainer::new(
        Preset::Tiny.spec(dataset.shape()),
        Preset::Tiny.training(dataset.shape()),
        &dataset,
        &Device::flex(),
    )
    .expect("a trainer");
    let file = file(&trainer, &dataset);
    file.save(&path).expect("saved");
    let before = std::fs::read(&path).expect("the file");
    // A folder in the way makes the last step of saving fail.
    let blocked = folder.path().join("blocked");
    std::fs::create_dir_all(blocked.join("full")).expect("a folder");
    let error = file
        .save(&blocked)
        .expect_err("a folder is no place for a file");
    assert!(
        error.is_file() && error.to_string().contains("blocked"),
        "{error}"
    );
    assert!(std::fs::read(&path).expect("the file") == before);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(
        left.len(),
        2,
        "nothing half-written is left behind: {left:?}"
    );
}

#[test]
fn foreign_weights_need_a_matching_specification() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vae.safetensors");
    // PyTorch's own VAE example: fc1, fc21, fc22, fc3, fc4 with weights [out, in].
    let sizes = [
        ("fc1", 400, 784),
        ("fc21", 20, 400),
        ("fc22", 20, 400),
        ("fc3", 400, 20),
        ("fc4", 784, 400),
    ];
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = sizes
        .iter()
        .flat_map(|(name, out, inputs)| {
            let bytes = |n: usize| {
                (0..n)
                    .flat_map(|i| ((i % 13) as f32 * 0.01 - 0.06).to_le_bytes())
                    .collect::<Vec<u8>>()
            };
            [
                (
                    format!("{name}.weight"),
                    vec![*out, *inputs],
                    bytes(out * inputs),
                ),
                (format!("{name}.bias"), vec![*out], bytes(*out)),
            ]
        })
        .collect();
    let write = |tensors: &[(String, Vec<usize>, Vec<u8>)]| {
        let views: Vec<_> = tensors
            .iter()
            .map(|(n, s, b)| {
                (
                    n.as_str(),
                    safetensors::tensor::TensorView::new(safetensors::Dtype::F32, s.clone(), b)
                        .expect("a tensor"),
                )
            })
            .collect();
        std::fs::write(&path, safetensors::serialize(views, None).expect("bytes"))
            .expect("written");
    };
    write(&tensors);
    let error = ModelFile::load(&path).expect_err("no specification beside it");
    assert!(error.to_string().contains("vae.json"), "{error}");

    let spec = Preset::MnistDense.spec(ImageShape::new(28, 28, 1));
    std::fs::write(
        folder.path().join("vae.json"),
        serde_json::to_string(&spec).expect("JSON"),
    )
    .expect("written");
    let loaded = ModelFile::load(&path).expect("matches");
    let model = loaded.model(&Device::flex()).expect("a model");
    assert_eq!(model.decode(&[0.0; 20]).expect("a picture").len(), 784);

    write(&tensors[..6]);
    let error = ModelFile::load(&path)
        .expect_err("two layers are missing")
        .to_string();
    assert!(
        error.contains("decoder.0.weight is missing")
            && error.contains("decoder.1.bias is missing"),
        "{error}"
    );

    let newer = ModelSpec {
        version: 99,
        ..spec
    };
    std::fs::write(
        folder.path().join("vae.json"),
        serde_json::to_string(&newer).expect("JSON"),
    )
    .expect("written");
    assert!(
        ModelFile::load(&path)
            .expect_err("a later version")
            .is_newer_version()
    );
}

#[test]
fn a_pickle_of_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.pt");
    // pickle.dumps({"answer": 42}, protocol=2)
    std::fs::write(&path, b"\x80\x02}q\x00X\x06\x00\x00\x00answerq\x01K*s.").expect("written");
    let error = ModelFile::load(&path).expect_err("no state dictionary");
    assert!(
        error.is_file() && error.to_string().contains("other.pt"),
        "{error}"
    );
}

#[test]
fn a_drag_is_served_between_the_layers_of_a_step_and_changes_nothing() {
    let dataset = some_digits(40);
    let trained = |meanwhile: Option<Meanwhile>| {
        let mut config = Preset::Digits.training(dataset.shape());
        (config.epochs, config.batch) = (2, 19);
        let spec = Preset::Digits.spec(dataset.shape());
        let mut trainer = Trainer::new(spec, config, &dataset, &Device::flex()).expect("a trainer");
        if let Some(meanwhile) = meanwhile {
            trainer.set_meanwhile(meanwhile);
        }
        while !trainer.is_done() {
            trainer.advance(&dataset).expect("a step");
        }
        trainer.model().decode(&[0.3; 16]).expect("a picture")
    };
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    let busy = trained(Some(Rc::new(move |network: &AutoEncoder| {
        counted.set(counted.get() + 1);
        network.decode(&[0.5; 16]).expect("a picture");
    })));
    assert!(calls.get() > 100, "only {} calls", calls.get());
    assert!(busy == trained(None));
}

#[test]
fn pooling_says_what_it_needs() {
    let refused = |spec: ModelSpec| spec.check().expect_err("it cannot be built").to_string();
    let mut spec = Preset::Pooled.spec(ImageShape::new(28, 28, 1));
    assert_eq!(spec.version, 3);
    spec.shape = ImageShape::new(28, 3, 1);
    let text = refused(spec.clone());
    assert!(text.contains("at least 4×4"), "{text}");
    spec.shape = ImageShape::new(28, 27, 1);
    spec.clone().check().expect("odd sizes are padded");
    spec.kind = CodeKind::Posterior;
    let text = refused(spec.clone());
    assert!(text.contains("switches"), "{text}");
    let spec = spec.unpooled_by(Unpooling::Repetition).expect("it pools");
    spec.check().expect("the code alone has a posterior");
}
