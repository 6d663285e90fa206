//! Milliseconds per training step on the CPU: `cargo bench --bench training`.
//!
//! `benches/peers/training.py` times PyTorch on the same networks; run both in turn and compare.

use std::time::Instant;

use burn::tensor::Device;
use morphospace::data::{Dataset, ImageShape};
use morphospace::model::{Preset, Trainer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn milliseconds(preset: Preset, shape: ImageShape, steps: usize) -> f64 {
    let pixels = (0..1024 * shape.len())
        .map(|i| ((i * 2_654_435_761) >> 7) as u8)
        .collect();
    let dataset = Dataset::new("noise", shape, pixels).expect("pictures");
    let mut config = preset.training(shape);
    config.validation = 0.0;
    config.epochs = 1000;
    let mut trainer =
        Trainer::new(preset.spec(shape), config, &dataset, &Device::flex()).expect("a trainer");
    let mut times = Vec::new();
    for _ in 0..steps + 10 {
        let start = Instant::now();
        loop {
            trainer.advance(&dataset).expect("a step");
            if trainer.is_between_steps() {
                break;
            }
        }
        trainer.read_losses().expect("finite losses");
        times.push(start.elapsed().as_secs_f64());
    }
    let times = &mut times[10..];
    times.sort_by(f64::total_cmp);
    1000.0 * times[times.len() / 2]
}

fn main() {
    let dense = milliseconds(Preset::MnistDense, ImageShape::new(28, 28, 1), 240);
    let conv = milliseconds(Preset::Faces, ImageShape::new(64, 64, 3), 60);
    println!("{{\"dense_ms\": {dense:.3}, \"conv_ms\": {conv:.3}}}");
}
