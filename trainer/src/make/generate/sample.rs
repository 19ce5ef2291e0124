//! Music from nothing: points of the prior.

use super::player::Player;
use super::variation::{Metre, Variation, Variations};
use crate::make::noise::noise_of;
use anyhow::Context as _;
use fourbar_model::conditions::Conditions;
use fourbar_model::groove::Groove;
use fourbar_model::vae::Vae;

/// Samples of the prior.
pub(super) fn samples<'a>(player: &'a Player, count: usize) -> Variations<'a> {
    let args = player.args;
    let temperature = player.temperature().hits;
    let conditions = player.conditions(None);
    Box::new((0..count).map(move |index| {
        let mut noise = noise_of(args.seed, index);
        let z = player.draw(&mut noise);
        let rows = player
            .play_with(&z, &conditions, &mut noise)
            .context("generating a sample")?;
        let number = index + 1;
        Ok(Variation {
            stem: format!("sample-seed{}-{number:03}", args.seed),
            title: format!(
                "sample {number}  ·  seed {}  ·  temperature {temperature}",
                args.seed
            ),
            notes: player.notes(&rows),
            n_steps: player.window_steps(),
            metre: Metre::COMMON,
            z: Some(z),
        })
    }))
}

/// The groove of one sample of a model that plays drums by itself: a point of the prior, then its hits, both from the
/// noise of `seed` and `index`.
///
/// # Errors
/// If the network fails or is not such a model.
pub fn sample(
    vae: &Vae,
    temperature: f32,
    seed: u64,
    index: usize,
) -> Result<Groove, fourbar_model::Error> {
    let mut noise = noise_of(seed, index);
    let z = vae.draw(None, &mut noise);
    vae.generate_groove(&z, &Conditions::default(), temperature, &mut noise)
}
