//! Music from nothing: points of the prior.

use super::player::Player;
use super::{Metre, Take, Takes, noise_of};
use anyhow::Context as _;

/// Invented music.
pub(super) fn samples<'a>(player: &'a Player, count: usize) -> Takes<'a> {
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
        Ok(Take {
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
