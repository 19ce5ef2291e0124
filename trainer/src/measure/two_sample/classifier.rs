//! Whether a classifier can tell others' windows from drummers': the classifier two-sample test.

use super::features::FeatureVector;
use super::windows::{Windows, draw, shuffle};
use crate::measure::statistics::{Interval, count, ratio};
use anyhow::Context as _;
use fourbar_model::noise::Noise;
use rayon::prelude::*;
use serde::Serialize;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::xgboost::{XGRegressor, XGRegressorParameters};
use std::collections::{BTreeMap, BTreeSet};

/// Divisions into folds that the result is the mean of.
const N_REPEATS: usize = 3;
/// Parts of the windows, each of which is judged by a classifier that learned from the others.
const N_FOLDS: usize = 5;
const N_TREES: usize = 80;
const TREE_DEPTH: u16 = 2;
const LEARNING_RATE: f64 = 0.1;
/// Resamplings of the files behind the interval.
const N_RESAMPLINGS: usize = 200;

/// How well a classifier tells a set from the drummers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Separability {
    /// Area under the receiver operating characteristic: the probability that of one window of each, the classifier
    /// ranks them the right way round. 0.5 is chance, 1 certainty. Mean of the repeats.
    pub auc: f64,
    /// Each repeat: other windows, other folds.
    pub repeats: Vec<f64>,
    /// 95 % interval of `auc`, by resampling the files whose windows are judged.
    pub interval: Option<Interval>,
}

impl Separability {
    /// Cross-validates gradient boosting on the features of equally many windows of both sets; `None` if one has fewer
    /// files than there are folds.
    ///
    /// The windows of a file are all in one fold, and each fold has about as many of one set as of the other. `seed`
    /// picks windows and folds.
    ///
    /// # Source
    /// Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests"; gradient boosting as in Chen & Guestrin 2016
    /// (XGBoost), with squared errors.
    ///
    /// # Errors
    /// If the classifier cannot be trained.
    pub(super) fn of(
        drummers: &Windows,
        others: &Windows,
        seed: u64,
    ) -> anyhow::Result<Option<Self>> {
        let sides = [drummers, others];
        let n_files = |windows: &Windows| windows.files.iter().collect::<BTreeSet<_>>().len();
        if sides.iter().any(|side| n_files(side) < N_FOLDS) {
            return Ok(None);
        }
        let repeats: Vec<Vec<Judged>> = (0..N_REPEATS)
            .into_par_iter()
            .map(|repeat| cross_validate(sides, &mut Noise::of_sample(seed, repeat)))
            .collect::<anyhow::Result<_>>()?;
        let aucs: Vec<f64> = repeats
            .iter()
            .filter_map(|judged| auc(judged, |_| 1.0))
            .collect();
        Ok(ratio(aucs.iter().sum(), aucs.len()).map(|auc| Self {
            auc,
            interval: interval(&repeats, sides, seed),
            repeats: aucs,
        }))
    }
}

/// A window as a classifier judges it that has not seen its file.
#[derive(Debug, Clone, Copy)]
struct Judged {
    side: usize,
    file: usize,
    fold: usize,
    /// The larger, the less it looks like a drummer's.
    score: f64,
}

/// Judges equally many windows of both sides, every one by a classifier that has learned from the other folds.
fn cross_validate(sides: [&Windows; 2], noise: &mut Noise) -> anyhow::Result<Vec<Judged>> {
    let n = sides[0].len().min(sides[1].len());
    let mut windows: Vec<(Judged, &FeatureVector)> = Vec::with_capacity(2 * n);
    for (side, of_side) in sides.iter().enumerate() {
        let places = draw(of_side.len(), n, noise);
        let files: Vec<usize> = places.iter().map(|place| of_side.files[*place]).collect();
        let fold_of = folds(&files, noise);
        windows.extend(places.iter().zip(files).map(|(place, file)| {
            let judged = Judged {
                side,
                file,
                fold: fold_of[&file],
                score: 0.0,
            };
            (judged, &of_side.features[*place])
        }));
    }
    for fold in 0..N_FOLDS {
        let (judged, learned): (Vec<_>, Vec<_>) = windows
            .iter_mut()
            .partition(|(window, _)| window.fold == fold);
        if judged.is_empty() {
            continue;
        }
        let labels: Vec<f64> = learned
            .iter()
            .map(|(window, _)| count(window.side))
            .collect();
        let parameters = XGRegressorParameters::default()
            .with_n_estimators(N_TREES)
            .with_max_depth(TREE_DEPTH)
            .with_learning_rate(LEARNING_RATE)
            .with_subsample(1.0);
        let classifier = XGRegressor::fit(&matrix(&learned)?, &labels, parameters)?;
        let scores = classifier.predict(&matrix(&judged)?)?;
        for ((window, _), score) in judged.into_iter().zip(scores) {
            window.score = score;
        }
    }
    Ok(windows.into_iter().map(|(window, _)| window).collect())
}

/// Deals files to folds in random order, each to the fold with the fewest windows so far; `files` has the file of every
/// window.
fn folds(files: &[usize], noise: &mut Noise) -> BTreeMap<usize, usize> {
    let mut n_windows: BTreeMap<usize, usize> = BTreeMap::new();
    for file in files {
        *n_windows.entry(*file).or_default() += 1;
    }
    let mut order: Vec<(usize, usize)> = n_windows.into_iter().collect();
    shuffle(&mut order, noise);
    let mut sizes = [0; N_FOLDS];
    let mut fold_of = BTreeMap::new();
    for (file, n) in order {
        let (fold, size) = sizes
            .iter_mut()
            .enumerate()
            .min_by_key(|(_, size)| **size)
            .expect("there are folds");
        *size += n;
        fold_of.insert(file, fold);
    }
    fold_of
}

fn matrix(windows: &[&mut (Judged, &FeatureVector)]) -> anyhow::Result<DenseMatrix<f64>> {
    let rows: Vec<Vec<f64>> = windows
        .iter()
        .map(|(_, features)| features.to_vec())
        .collect();
    DenseMatrix::from_2d_vec(&rows).context("a fold without windows")
}

/// Of the pairs of one window of each side in the same fold, the share that is ranked the right way round, equal scores
/// counting half; `times` says how often a window counts. `None` if there is no pair.
fn auc(judged: &[Judged], times: impl Fn(&Judged) -> f64) -> Option<f64> {
    let (mut right, mut all) = (0.0, 0.0);
    for fold in 0..N_FOLDS {
        let of_side = |side| -> Vec<(f64, f64)> {
            let of_fold = judged
                .iter()
                .filter(|window| (window.fold, window.side) == (fold, side));
            of_fold
                .map(|window| (window.score, times(window)))
                .collect()
        };
        let others = of_side(1);
        for (drummers_score, drummers_times) in of_side(0) {
            for (score, n) in &others {
                let is_right = match score.total_cmp(&drummers_score) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
                right += n * drummers_times * is_right;
                all += n * drummers_times;
            }
        }
    }
    (all > 0.0).then(|| right / all)
}

/// The 95 % interval of the mean AUC over `repeats`, by resampling the files of both sides.
fn interval(repeats: &[Vec<Judged>], sides: [&Windows; 2], seed: u64) -> Option<Interval> {
    let files = sides.map(|side| -> Vec<usize> {
        side.files
            .iter()
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    });
    let of_resampling = |resampling| {
        let mut noise = Noise::of_sample(seed, N_REPEATS + resampling);
        let times = files.each_ref().map(|files| {
            let mut times: BTreeMap<usize, f64> = BTreeMap::new();
            for _ in files {
                *times.entry(files[noise.below(files.len())]).or_default() += 1.0;
            }
            times
        });
        let times = |window: &Judged| times[window.side].get(&window.file).copied().unwrap_or(0.0);
        let aucs = repeats.iter().map(|judged| auc(judged, times));
        ratio(aucs.sum::<Option<f64>>()?, repeats.len())
    };
    let aucs: Option<Vec<f64>> = (0..N_RESAMPLINGS)
        .into_par_iter()
        .map(of_resampling)
        .collect();
    Some(Interval::of_middle(aucs?))
}
