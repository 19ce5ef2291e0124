//! Between four kept grooves: the latent is mixed, and the nearer a corner is, the more of its hits stay as they are.
//!
//! In a corner everything is the corner's own groove. From there on fewer and fewer cells are its own, and none is once it is
//! less than half of the mixture; the rest is drawn from the mixed latent around them. Which cells stay longest and what is
//! drawn comes from the same noise everywhere, so that a path over the pad is a change of one groove.

use crate::request::{Kept, Morph, N_CORNERS};
use fourbar_model::conditions::Known;
use fourbar_model::drums::N_VOICES;
use fourbar_model::groove::Groove;
use fourbar_model::latent::Path;
use fourbar_model::noise::Noise;

/// A corner with at least this much weight is the corner itself.
const WHOLE: f32 = 0.999_9;
/// Where a corner begins to keep cells.
const HALF: f32 = 0.5;

/// The corner that is nearest to a place, and its weight.
fn nearest(morph: &Morph) -> (usize, f32) {
    let weights = morph.weights().into_iter().enumerate();
    weights.fold((0, 0.0), |nearest, corner| {
        if corner.1 > nearest.1 {
            corner
        } else {
            nearest
        }
    })
}

/// The corner that a place is in.
pub(super) fn corner(morph: &Morph) -> Option<usize> {
    let (corner, weight) = nearest(morph);
    (weight >= WHOLE).then_some(corner)
}

/// The latent vector at a place between those of the corners.
pub(super) fn mixed(morph: &Morph, corners: [&[f32]; N_CORNERS]) -> Vec<f32> {
    let [a, b, c, d] = corners;
    Path::Arc.inside([a, c, b, d], morph.x, 1.0 - morph.y)
}

/// The mean of what is set in the corners, each as much as there is of it.
pub(super) fn mean(morph: &Morph, of_corners: [f32; N_CORNERS]) -> f32 {
    let weighted = morph.weights().into_iter().zip(of_corners);
    weighted.map(|(weight, value)| weight * value).sum()
}

/// What stays of the nearest corner in a groove of `n_steps`; `None` if nothing does.
pub(super) fn known(
    morph: &Morph,
    corners: [&Kept; N_CORNERS],
    n_steps: usize,
    mut noise: Noise,
) -> Option<Known> {
    let (corner, weight) = nearest(morph);
    let share = ((weight - HALF) / (1.0 - HALF)).max(0.0);
    let stays = noise.chances(share, n_steps * N_VOICES);
    let groove: Groove = corners[corner].ready().plain_groove();
    let groove = groove.padded_to(n_steps).window(0, n_steps)?;
    stays.contains(&true).then(|| {
        Known::cells_by_step(&groove, |step, voice| {
            stays[step * N_VOICES + voice.index()]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32, y: f32) -> Morph {
        let corners = [1, 2, 3, 4];
        Morph { corners, x, y }
    }

    #[test]
    fn a_corner_is_its_own_and_the_middle_nobodys() {
        let corners = [(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)];
        for (index, (x, y)) in corners.into_iter().enumerate() {
            assert_eq!(corner(&at(x, y)), Some(index));
        }
        assert_eq!(corner(&at(0.01, 1.0)), None);
    }

    #[test]
    fn the_latent_and_the_settings_are_those_of_the_corners_at_the_corners() {
        let latents: [&[f32]; 4] = [&[1.0, 0.0], &[0.0, 1.0], &[2.0, 1.0], &[0.5, -1.0]];
        let corners = [(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)];
        for (index, (x, y)) in corners.into_iter().enumerate() {
            let z = mixed(&at(x, y), latents);
            let distance = |(a, b): (&f32, &f32)| (a - b).abs();
            assert!(z.iter().zip(latents[index]).map(distance).all(|d| d < 1e-5));
            let settings = [1.0, 2.0, 3.0, 4.0];
            assert_eq!(mean(&at(x, y), settings), settings[index]);
        }
    }
}
