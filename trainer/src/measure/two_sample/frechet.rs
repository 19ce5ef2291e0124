//! The distance between two sets of feature vectors, each taken for a normal distribution.

use super::features::{FeatureVector, N_FEATURES};
use crate::measure::statistics::count;
use smartcore::linalg::basic::arrays::{Array, Array2, MutArray};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable as _;

/// The Fréchet distance |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½) between the normal distributions that have the means and
/// covariances of two sets; `None` if one has less than two vectors.
///
/// # Source
/// Dowson & Landau 1982; as a measure of generated samples Heusel et al. 2017, "GANs trained by a two time-scale update
/// rule converge to a local Nash equilibrium".
pub(super) fn frechet_distance(a: &[FeatureVector], b: &[FeatureVector]) -> Option<f64> {
    if a.len().min(b.len()) < 2 {
        return None;
    }
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (covariance_a, covariance_b) = (covariance(a, &mean_a), covariance(b, &mean_b));
    let between_means: f64 = (0..N_FEATURES)
        .map(|i| (mean_a[i] - mean_b[i]).powi(2))
        .sum();
    // Σ₁Σ₂ has the eigenvalues of the symmetric Σ₁^½ Σ₂ Σ₁^½.
    let root = square_root(&covariance_a)?;
    let product = root.matmul(&covariance_b).matmul(&root);
    let trace_of_root: f64 = eigenvalues(&product)?
        .iter()
        .map(|value| value.sqrt())
        .sum();
    let traces = trace(&covariance_a) + trace(&covariance_b);
    Some((between_means + traces - 2.0 * trace_of_root).max(0.0))
}

fn mean(vectors: &[FeatureVector]) -> FeatureVector {
    std::array::from_fn(|i| {
        vectors.iter().map(|vector| vector[i]).sum::<f64>() / count(vectors.len())
    })
}

/// The unbiased estimate of a covariance matrix.
fn covariance(vectors: &[FeatureVector], mean: &FeatureVector) -> DenseMatrix<f64> {
    let mut matrix = DenseMatrix::zeros(N_FEATURES, N_FEATURES);
    for row in 0..N_FEATURES {
        for column in 0..=row {
            let products = vectors
                .iter()
                .map(|vector| (vector[row] - mean[row]) * (vector[column] - mean[column]));
            let covariance = products.sum::<f64>() / count(vectors.len() - 1);
            matrix.set((row, column), covariance);
            matrix.set((column, row), covariance);
        }
    }
    matrix
}

/// The symmetric square root of a covariance matrix; `None` if it holds what is no number.
fn square_root(matrix: &DenseMatrix<f64>) -> Option<DenseMatrix<f64>> {
    let evd = matrix.evd(true).ok()?;
    let mut scaled = evd.V.clone();
    for (column, value) in evd.d.iter().enumerate() {
        let root = value.max(0.0).sqrt();
        for row in 0..N_FEATURES {
            scaled.set((row, column), root * *evd.V.get((row, column)));
        }
    }
    Some(scaled.matmul(&evd.V.transpose()))
}

/// The eigenvalues of a positive semi-definite matrix, without the negative ones that rounding makes.
fn eigenvalues(matrix: &DenseMatrix<f64>) -> Option<Vec<f64>> {
    let evd = matrix.evd(true).ok()?;
    Some(evd.d.iter().map(|value| value.max(0.0)).collect())
}

fn trace(matrix: &DenseMatrix<f64>) -> f64 {
    (0..N_FEATURES).map(|i| matrix.get((i, i))).sum()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use fourbar_model::noise::Noise;

    /// Independent normal numbers with these means and deviations.
    fn normals(n: usize, mean: f64, deviation: f64, seed: u64) -> Vec<FeatureVector> {
        let mut noise = Noise::from_seed(seed);
        let vector = |_| std::array::from_fn(|_| mean + deviation * f64::from(noise.normal()));
        (0..n).map(vector).collect()
    }

    #[test]
    fn the_distance_of_independent_features_is_that_of_their_means_and_deviations() {
        let a = normals(20_000, 0.0, 1.0, 1);
        assert!(frechet_distance(&a, &a).unwrap() < 1e-9);
        let moved = frechet_distance(&a, &normals(20_000, 0.5, 1.0, 2)).unwrap();
        assert!((moved - 16.0 * 0.25).abs() < 0.1, "{moved}");
        let wider = frechet_distance(&a, &normals(20_000, 0.0, 2.0, 3)).unwrap();
        assert!((wider - 16.0).abs() < 0.3, "{wider}");
        assert_eq!(frechet_distance(&a[..1], &a), None);
    }

    #[test]
    fn the_distance_knows_how_features_hang_together() {
        // All features are the same number: one deviation of √16 along the diagonal, none across it.
        let together = |seed| -> Vec<FeatureVector> {
            let numbers = Noise::from_seed(seed).normals(20_000);
            numbers
                .iter()
                .map(|x| [f64::from(*x); N_FEATURES])
                .collect()
        };
        let found = frechet_distance(&together(1), &normals(20_000, 0.0, 1.0, 2)).unwrap();
        // tr(Σ₁ + Σ₂) = 32, and Σ₁Σ₂ has the one eigenvalue 16.
        assert!((found - 24.0).abs() < 0.3, "{found}");
    }
}
