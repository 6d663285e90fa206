//! GPU against CPU: the same weights give the same codes, pictures and losses.
//!
//! Skipped, with the reason printed, where there is no real GPU. On a software stand-in it runs, in a build without kernels tuned by trial:
//! `MORPHOSPACE_PARITY=software cargo test --release --no-default-features --test it parity -- --nocapture`.

use morphospace::Progress;
use morphospace::data::{Dataset, ImageShape};
use morphospace::engine::{DeviceChoice, DeviceKind, choose_device};
use morphospace::model::{CodeStatistics, ModelFile, Preset, Provenance, Trainer};

#[test]
fn the_gpu_agrees_with_the_cpu() {
    let software = std::env::var("MORPHOSPACE_PARITY").is_ok_and(|v| v == "software");
    let (gpu, info) = match choose_device(DeviceChoice::Gpu) {
        Ok(found) => found,
        Err(error) => return println!("skipped: {error}"),
    };
    if info.kind != DeviceKind::Gpu && !software {
        return println!("skipped: no real GPU, only {}", info.name);
    }
    println!("comparing {} with the CPU", info.name);
    let (cpu, _) = choose_device(DeviceChoice::Cpu).expect("the CPU");
    let shapes = [
        ImageShape::new(28, 28, 1),
        ImageShape::new(64, 64, 3),
        ImageShape::new(30, 21, 3),
    ];
    let presets = [
        Preset::Tiny,
        Preset::MnistDense,
        Preset::Digits,
        Preset::Faces,
        Preset::Hash28,
    ];
    for (shape, preset) in shapes.into_iter().flat_map(|s| presets.map(|p| (s, p))) {
        if preset == Preset::MnistDense && shape.channels == 3 {
            continue;
        }
        let pixels: Vec<u8> = (0..64 * shape.len()).map(|i| (i * i % 253) as u8).collect();
        let dataset = Dataset::new("patterns", shape, pixels).expect("pictures");
        let mut config = preset.training(shape);
        (config.epochs, config.batch, config.validation) = (2, 32, 0.0);
        let spec = preset.spec(shape);
        let mut losses = Vec::new();
        let mut pictures = Vec::new();
        let mut codes = Vec::new();
        for device in [&cpu, &gpu] {
            let mut trainer =
                Trainer::new(spec.clone(), config.clone(), &dataset, device).expect("a trainer");
            while !trainer.is_done() {
                trainer.advance(&dataset).expect("a step");
            }
            trainer.read_losses().expect("finite losses");
            losses.push(
                trainer
                    .history()
                    .iter()
                    .flat_map(|p| [p.reconstruction, p.kl])
                    .collect::<Vec<f32>>(),
            );
            let code = spec.code;
            let blank = CodeStatistics {
                mean: vec![0.0; code],
                std: vec![1.0; code],
                kl: vec![1.0; code],
                example: vec![0.0; code],
            };
            // Fresh weights from the seed, moved to the other device through a file's content.
            let fresh =
                Trainer::new(spec.clone(), config.clone(), &dataset, &cpu).expect("a trainer");
            let file =
                ModelFile::from_trainer(&fresh, Provenance::default(), blank).expect("a file");
            let model = file.model(device).expect("a model");
            let items: Vec<&[u8]> = (0..8).map(|i| dataset.pixels(i)).collect();
            let found = model
                .encode(&items, &Progress::silent())
                .expect("codes")
                .mean;
            pictures.push(model.decode(&vec![0.3; 5 * code]).expect("pictures"));
            codes.push(found);
        }
        let worst = |a: &[f32], b: &[f32]| {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a - b).abs() / (1.0 + b.abs()))
                .fold(0.0, f32::max)
        };
        assert!(
            worst(&codes[1], &codes[0]) < 1e-3,
            "{preset} {shape}: codes differ by {}",
            worst(&codes[1], &codes[0])
        );
        let off = pictures[0]
            .iter()
            .zip(&pictures[1])
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(
            off <= Some(1),
            "{preset} {shape}: pictures differ by {off:?}"
        );
        assert!(
            worst(&losses[1], &losses[0]) < 2e-2,
            "{preset} {shape}: losses {losses:?}"
        );
    }
}
