//! The steps a half of a network is made of, and what they make of rows of values.
//!
//! Invariant: a step takes as many layers as [`Step::layers`] says, in its order.

use std::sync::Arc;

use burn::tensor::{Tensor, activation};

use super::{Layer, Size};
use crate::model::convolution::{FIELD, Window, convolve, largest, pooled, unpooled};
use crate::model::depthwise::{Neighbours, TAPS, depthwise};
use crate::model::ops::affine;
use crate::model::spec::{Unit, Unpooling};

/// How one half of the network applies its layers.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One layer, on rows of its input size.
    Layer { size: Size, unit: Option<Unit> },
    /// Three layers whose result is added to what went in: a depthwise 3×3 convolution, and two 1×1 convolutions with
    /// [`WIDENED`] times the channels, rectified, between them.
    Block { width: usize, near: Arc<Neighbours> },
    /// A convolution with padding, rectified or not.
    Convolution {
        size: Size,
        window: Arc<Window>,
        rectify: bool,
    },
    /// The largest of each field of positions.
    Pool { channels: usize },
    /// A field of positions of each.
    Unpool { channels: usize },
}

/// How a decoder unpools: by what is remembered of the pictures that were encoded, if anything is.
#[derive(Clone, Debug)]
pub(in crate::model) struct Unpooled {
    pub(in crate::model) by: Unpooling,
    /// Of each pooling `[fields, 4, channels]`, from the picture inwards: 1 where the value of a field comes from, else 0.
    pub(in crate::model) switches: Vec<Tensor<3>>,
}

/// How many times wider the middle of a block is.
const WIDENED: usize = 2;

impl Step {
    /// Sizes of its layers, with the gain of their initial weights.
    pub(super) fn layers(&self) -> Vec<(Size, f32)> {
        let rectified = std::f32::consts::SQRT_2;
        match *self {
            Self::Layer { size, unit } => vec![(
                size,
                match unit {
                    Some(Unit::Rectified) => rectified,
                    // Its slope at 0 is a quarter (Glorot and Bengio 2010).
                    Some(Unit::Logistic) => 4.0,
                    Some(Unit::Tanh | Unit::Softplus) | None => 1.0,
                },
            )],
            // Blocks start near the identity.
            Self::Block { width, .. } => vec![
                ((TAPS, width), 1.0),
                ((width, WIDENED * width), rectified),
                ((WIDENED * width, width), 0.1),
            ],
            Self::Convolution {
                size: (from, to),
                ref window,
                rectify,
            } => vec![(
                (window.taps() * from, to),
                if rectify { rectified } else { 1.0 },
            )],
            Self::Pool { .. } | Self::Unpool { .. } => Vec::new(),
        }
    }

    /// Values per row, before and after.
    pub(super) fn size(&self) -> Size {
        match *self {
            Self::Layer { size, .. } | Self::Convolution { size, .. } => size,
            Self::Block { width, .. } => (width, width),
            Self::Pool { channels } => (FIELD * channels, channels),
            Self::Unpool { channels } => (channels, FIELD * channels),
        }
    }

    /// Multiplications of its dearest layer, per row.
    pub(super) fn multiplications(&self) -> usize {
        let layers = self.layers().into_iter();
        layers.map(|((from, to), _)| from * to).max().unwrap_or(0)
    }
}

/// What a layer makes of `x`, `[rows, in]`.
pub(in crate::model) fn apply(layer: &Layer, x: Tensor<2>, unit: Option<Unit>) -> Tensor<2> {
    let rectify = unit == Some(Unit::Rectified);
    let y = affine(x, layer.weight.clone(), layer.bias.clone(), rectify);
    match unit {
        Some(Unit::Logistic) => activation::sigmoid(y),
        Some(Unit::Tanh) => y.tanh(),
        Some(Unit::Softplus) => activation::softplus(y, 1.0),
        Some(Unit::Rectified) | None => y,
    }
}

/// The same, and how it moves when `x` moves by `by`.
pub(super) fn apply_moved(
    layer: &Layer,
    x: Tensor<2>,
    by: Tensor<2>,
    unit: Option<Unit>,
) -> (Tensor<2>, Tensor<2>) {
    let y = apply(layer, x, unit);
    let motion = by.matmul(layer.weight.clone());
    let motion = match unit {
        None => motion,
        Some(Unit::Rectified) => motion * y.clone().detach().greater_elem(0.0).float(),
        Some(Unit::Logistic) => motion * (y.clone() * (y.clone().neg() + 1.0)),
        Some(Unit::Tanh) => motion * (y.clone().square().neg() + 1.0),
        // 1 − exp(−y) is the logistic function of the sum.
        Some(Unit::Softplus) => motion * (y.clone().neg().exp().neg() + 1.0),
    };
    (y, motion)
}

pub(super) fn run(steps: &[Step], layers: &[Layer], x: Tensor<2>) -> Tensor<2> {
    let mut unpooled = Unpooled {
        by: Unpooling::Repetition,
        switches: Vec::new(),
    };
    walk(steps, layers, x, &mut unpooled, &mut |_, _| {})
}

/// What steps make of `x`. Pooling remembers its switches in `unpooled`, unpooling takes the last ones from it. `look` is told how many
/// steps were taken and what came of them.
pub(super) fn walk(
    steps: &[Step],
    layers: &[Layer],
    mut x: Tensor<2>,
    unpooled_by: &mut Unpooled,
    look: &mut impl FnMut(usize, &Tensor<2>),
) -> Tensor<2> {
    let mut layers = layers.iter();
    let mut next = || layers.next().expect("a layer per step of the plan");
    for (i, step) in steps.iter().enumerate() {
        x = rows_of(step, x);
        x = match step {
            Step::Layer { unit, .. } => apply(next(), x, *unit),
            Step::Block { near, .. } => {
                let kernel = next();
                let (weight, bias) = (kernel.weight.clone(), kernel.bias.clone());
                let around = depthwise(x.clone(), weight, bias, near);
                let middle = apply(next(), around, Some(Unit::Rectified));
                x + apply(next(), middle, None)
            }
            Step::Convolution {
                window, rectify, ..
            } => convolve(next(), x, window, *rectify),
            Step::Pool { channels } => {
                let switches = largest(&x, *channels);
                let largest = pooled(x, &switches);
                unpooled_by.switches.push(switches);
                largest
            }
            Step::Unpool { .. } => {
                let switches = unpooled_by.switches.pop();
                unpooled(x, switches, unpooled_by.by)
            }
        };
        look(i + 1, &x);
    }
    x
}

/// [`run`], and how the result moves when `x` moves by `by`.
pub(super) fn run_moved(
    steps: &[Step],
    layers: &[Layer],
    mut x: Tensor<2>,
    mut by: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    let mut layers = layers.iter();
    let mut next = || layers.next().expect("a layer per step of the plan");
    for step in steps {
        (x, by) = (rows_of(step, x), rows_of(step, by));
        (x, by) = match step {
            Step::Layer { unit, .. } => apply_moved(next(), x, by, *unit),
            Step::Block { near, .. } => {
                let kernel = next();
                let (weight, bias) = (kernel.weight.clone(), kernel.bias.clone());
                let still = bias.zeros_like();
                let around = depthwise(x.clone(), weight.clone(), bias, near);
                let motion = depthwise(by.clone(), weight, still, near);
                let (middle, motion) = apply_moved(next(), around, motion, Some(Unit::Rectified));
                let (y, motion) = apply_moved(next(), middle, motion, None);
                (x + y, by + motion)
            }
            Step::Convolution {
                window, rectify, ..
            } => {
                let layer = next();
                let y = convolve(layer, x, window, *rectify);
                let still = Layer {
                    weight: layer.weight.clone(),
                    bias: layer.bias.zeros_like(),
                };
                let motion = convolve(&still, by, window, false);
                let motion = if *rectify {
                    motion * y.clone().detach().greater_elem(0.0).float()
                } else {
                    motion
                };
                (y, motion)
            }
            Step::Pool { channels } => {
                let switches = largest(&x, *channels);
                (pooled(x, &switches), pooled(by, &switches))
            }
            Step::Unpool { .. } => {
                let repeated = |x| unpooled(x, None, Unpooling::Repetition);
                (repeated(x), repeated(by))
            }
        };
    }
    (x, by)
}

/// `x` in rows as wide as what goes into a step.
fn rows_of(step: &Step, x: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = x.dims();
    let width = step.size().0;
    x.reshape([rows * columns / width, width])
}
