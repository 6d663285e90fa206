//! Weights that other programs wrote: foreign safetensors and PyTorch state dictionaries.
//!
//! Beside `NAME.safetensors`, `NAME.pt` or `NAME.pth` lies `NAME.json` with the [`ModelSpec`]. A weight is taken by name,
//! `encoder.0.weight` and so on, or by the name it has in PyTorch's own VAE example (`fc1`, `fc21`, `fc22`, `fc3`, `fc4`).
//! Matrices are turned from PyTorch's `[out, in]`; kernels of convolutions whose stride equals their size become the
//! matrices they are. Invariant: whatever does not match is listed, and nothing is loaded by half.

use std::path::Path;

use safetensors::tensor::Dtype;

use super::file::{MAX_FILE, ModelFile, Tensors};
use super::network::Plan;
use super::preset::Preset;
use super::spec::ModelSpec;
use crate::error::{Error, Result};

/// Whether the bytes begin as files of `torch.save` do: a zip archive or a pickle.
pub(super) fn is_pytorch(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || matches!(bytes, [0x80, 2..=5, ..])
}

/// The numbers of a tensor's bytes as `f32`; `None` for kinds that are no floating-point numbers.
pub(super) fn as_f32(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    fn each<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes
            .as_chunks::<N>()
            .0
            .iter()
            .map(|b| convert(*b))
            .collect()
    }
    match dtype {
        Dtype::F32 => Some(each(bytes, f32::from_le_bytes)),
        Dtype::F64 => Some(each(bytes, |b| f64::from_le_bytes(b) as f32)),
        Dtype::BF16 => Some(each(bytes, |b| half::bf16::from_le_bytes(b).to_f32())),
        Dtype::F16 => Some(each(bytes, |b| half::f16::from_le_bytes(b).to_f32())),
        _ => None,
    }
}

/// A model from a PyTorch state dictionary.
pub(super) fn pytorch(path: &Path) -> Result<ModelFile> {
    use pytorch_reader::{DType, PytorchReader};
    let refuse = |reason: String| {
        Error::file(
            path,
            format!("it is not a PyTorch state dictionary: {reason}"),
        )
        .hint("save it with torch.save(model.state_dict(), FILE)")
    };
    let reader = PytorchReader::new(path).map_err(|e| refuse(e.to_string()))?;
    if reader.is_empty() {
        return Err(refuse("it holds no tensors".into()));
    }
    // Several tensors may be views of one storage: what counts is what they unpack to.
    let numbers = |shape: &[usize]| {
        shape
            .iter()
            .try_fold(1_u64, |n, &d| n.checked_mul(d as u64))
    };
    let all = reader.tensors().values().try_fold(0_u64, |sum, tensor| {
        sum.checked_add(numbers(tensor.shape())?)
    });
    if all.is_none_or(|all| all > MAX_FILE / 4) {
        return Err(refuse(format!(
            "its tensors are larger than the limit of {MAX_FILE} bytes"
        )));
    }
    let mut tensors = Tensors::new();
    for (name, tensor) in reader.tensors() {
        let dtype = match tensor.dtype() {
            DType::F32 => Dtype::F32,
            DType::F64 => Dtype::F64,
            DType::F16 => Dtype::F16,
            DType::BF16 => Dtype::BF16,
            // Counters such as `num_batches_tracked` are no weights.
            _ => continue,
        };
        let bytes = tensor.read().map_err(|e| refuse(e.to_string()))?;
        let values = as_f32(dtype, &bytes).unwrap_or_default();
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::file(
                path,
                format!("{name} holds a number that is not finite"),
            ));
        }
        tensors.insert(name.clone(), (tensor.shape().to_vec(), values));
    }
    foreign(path, tensors)
}

/// A model from weights that come without a description of ours.
pub(super) fn foreign(path: &Path, tensors: Tensors) -> Result<ModelFile> {
    let beside = path.with_extension("json");
    if !beside.is_file() {
        return Err(
            Error::file(path, "its weights come without a description").hint(format!(
                "put the specification of its network beside it as {}",
                beside.file_name().unwrap_or_default().to_string_lossy()
            )),
        );
    }
    let spec = ModelSpec::read(&beside)?;
    let tensors = matched(&spec, tensors).map_err(|e| e.in_file(path))?;
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(ModelFile::foreign(
        spec.clone(),
        Preset::Faces.training(spec.shape),
        name,
        tensors,
    ))
}

/// Checks that every weight of the specification is there with its shape.
pub(super) fn check_names(spec: &ModelSpec, tensors: &Tensors) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, (from, to)) in Plan::new(spec).layers() {
        for (part, shape) in [("weight", vec![from, to]), ("bias", vec![to])] {
            let name = format!("{name}.{part}");
            match tensors.get(&name) {
                Some((found, _)) if *found == shape => {}
                Some((found, _)) => {
                    wrong.push(format!("{name} has shape {found:?} instead of {shape:?}"));
                }
                None => wrong.push(format!("{name} is missing")),
            }
        }
    }
    mismatch(&wrong)
}

/// The weights under our names and in our shapes.
fn matched(spec: &ModelSpec, mut tensors: Tensors) -> Result<Tensors> {
    let plan = Plan::new(spec);
    let mut found = Tensors::new();
    let mut wrong = Vec::new();
    for (name, size) in plan.layers() {
        let alias = alias(&name);
        for part in ["weight", "bias"] {
            let ours = format!("{name}.{part}");
            let theirs = alias.map(|a| format!("{a}.{part}"));
            let given = tensors
                .remove(&ours)
                .or_else(|| tensors.remove(theirs.as_deref()?));
            match given {
                None => wrong.push(format!("{ours} is missing")),
                Some((shape, values)) => match converted(part, &shape, &values, size) {
                    Some(tensor) => {
                        found.insert(ours, tensor);
                    }
                    None => wrong.push(format!(
                        "{ours} has shape {shape:?}, which does not make {} → {}",
                        size.0, size.1
                    )),
                },
            }
        }
    }
    wrong.extend(
        tensors
            .keys()
            .map(|name| format!("{name} is not part of the specification")),
    );
    mismatch(&wrong)?;
    Ok(found)
}

fn mismatch(wrong: &[String]) -> Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    let shown = wrong
        .iter()
        .take(8)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    let more = if wrong.len() > 8 {
        format!("; and {} more", wrong.len() - 8)
    } else {
        String::new()
    };
    Err(Error::model(format!(
        "the weights do not match the specification: {shown}{more}"
    )))
}

fn alias(name: &str) -> Option<&'static str> {
    Some(match name {
        "encoder.0" => "fc1",
        "mean" => "fc21",
        "log_variance" => "fc22",
        "decoder.0" => "fc3",
        "decoder.1" => "fc4",
        _ => return None,
    })
}

/// A PyTorch weight or bias as ours: `[in, out]`, or `[out]` repeated for each value of a patch.
fn converted(
    part: &str,
    shape: &[usize],
    values: &[f32],
    (from, to): (usize, usize),
) -> Option<(Vec<usize>, Vec<f32>)> {
    if part == "bias" {
        let &[out] = shape else { return None };
        if out == 0 || !to.is_multiple_of(out) {
            return None;
        }
        return Some((vec![to], values.repeat(to / out)));
    }
    let turned = match *shape {
        // A layer: [out, in].
        [out, inputs] if (inputs, out) == (from, to) => {
            permuted(values, [out, inputs, 1, 1], [1, 0, 2, 3])
        }
        // A convolution: [out, in, height, width], patches read row by row with channels innermost.
        [out, inputs, h, w] if (inputs * h * w, out) == (from, to) => {
            permuted(values, [out, inputs, h, w], [2, 3, 1, 0])
        }
        // A transposed convolution: [in, out, height, width].
        [inputs, out, h, w] if (inputs, out * h * w) == (from, to) => {
            permuted(values, [inputs, out, h, w], [0, 2, 3, 1])
        }
        _ => return None,
    };
    Some((vec![from, to], turned))
}

/// The values of a tensor with its axes in another order.
fn permuted(values: &[f32], shape: [usize; 4], axes: [usize; 4]) -> Vec<f32> {
    let strides = [
        shape[1] * shape[2] * shape[3],
        shape[2] * shape[3],
        shape[3],
        1,
    ];
    let mut turned = Vec::with_capacity(values.len());
    for a in 0..shape[axes[0]] {
        for b in 0..shape[axes[1]] {
            for c in 0..shape[axes[2]] {
                for d in 0..shape[axes[3]] {
                    let at = [a, b, c, d]
                        .iter()
                        .zip(axes)
                        .map(|(i, axis)| i * strides[axis])
                        .sum::<usize>();
                    turned.push(values[at]);
                }
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pytorch_layer_is_turned() {
        let (shape, values) =
            converted("weight", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (3, 2)).expect("fits");
        assert_eq!(shape, [3, 2]);
        assert_eq!(values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn a_wrong_shape_does_not_fit() {
        assert!(converted("weight", &[2, 2], &[0.0; 4], (3, 2)).is_none());
        assert!(converted("bias", &[3], &[0.0; 3], (3, 2)).is_none());
    }
}
