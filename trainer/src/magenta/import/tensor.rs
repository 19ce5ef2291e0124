//! Tensors as both forms of Magenta's weights hold them, and what is refused of them.

/// Most bytes of weights that are read. The largest of Magenta's models has a fifth of it.
pub(super) const MAX_WEIGHT_BYTES: u64 = 4 << 30;

/// Most bytes of a text or an index beside the weights.
pub(super) const MAX_INDEX_BYTES: u64 = 16 << 20;

/// Most axes of a tensor.
const MAX_AXES: usize = 8;

/// Numbers in single precision, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTensor {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// As many numbers as the shape calls for, all finite.
    pub values: Vec<f32>,
}

/// Whether the tensor is the optimiser's or the trainer's, and of no use to who plays the model: Adam's two means of
/// every weight, the powers of its two rates, and the step count.
pub(super) fn is_bookkeeping(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let stem = match last.rsplit_once('_') {
        Some((stem, count)) if count.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => last,
    };
    matches!(stem, "Adam" | "beta1_power" | "beta2_power" | "global_step")
}

/// The shape as lengths, and the number of values in it.
pub(super) fn check_shape(shape: &[i64]) -> Result<(Vec<usize>, usize), String> {
    if shape.len() > MAX_AXES {
        return Err(format!(
            "it has {} axes, expected at most {MAX_AXES}",
            shape.len()
        ));
    }
    let lengths: Option<Vec<usize>> = shape.iter().map(|n| usize::try_from(*n).ok()).collect();
    let n_values = lengths
        .as_ref()
        .and_then(|lengths| {
            lengths
                .iter()
                .try_fold(1_usize, |product, n| product.checked_mul(*n))
        })
        .filter(|n| u64::try_from(*n).is_ok_and(|n| n <= MAX_WEIGHT_BYTES));
    match (lengths, n_values) {
        (Some(lengths), Some(n_values)) => Ok((lengths, n_values)),
        _ => Err(format!("its shape {shape:?} is not that of a weight")),
    }
}

/// Refuses what is no number.
pub(super) fn check_finite(values: &[f32]) -> Result<(), String> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(place) => Err(format!(
            "value {place} is {}, expected a finite number",
            values[place]
        )),
        None => Ok(()),
    }
}

/// The numbers that `bytes` hold, each made of `N` of them.
pub(super) fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().map(|chunk| number(*chunk)).collect()
}
