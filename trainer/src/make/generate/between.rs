//! Music between inputs: on the way from one to another, and on the grid between four.

use super::input::{Input, InputWindow};
use super::player::Player;
use super::variation::{Metre, Variation, Variations};
use anyhow::Context as _;
use fourbar_model::latent::Path;
use std::io::Write;

/// Music on the way between two inputs, ends included.
///
/// All is drawn with the same noise, so that only the place on the way makes a difference. Conditional models take
/// the controls of the first input, unless `--controls` says otherwise.
pub(super) fn interpolation<'a>(
    player: &'a Player,
    inputs: &'a [Input],
    count: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Variations<'a>> {
    let ends = Ends::find(player, inputs, out)?;
    Ok(Box::new((0..count).map(move |index| {
        let t = fraction(index, count);
        let z = ends.path.between(&ends.mus[0], &ends.mus[1], t);
        let title = format!(
            "{:.0} % of the way from {} to {}",
            t * 100.0,
            inputs[0].stem,
            inputs[1].stem
        );
        ends.variation(player, z, format!("interpolate-{:03}", index + 1), title)
    })))
}

/// Music on a square grid between four inputs, `side` to the side, row by row: the first input is the corner at the top
/// left, the second at the bottom left, the third at the top right, the fourth at the bottom right.
pub(super) fn grid<'a>(
    player: &'a Player,
    inputs: &'a [Input],
    side: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Variations<'a>> {
    let ends = Ends::find(player, inputs, out)?;
    let places = (0..side).flat_map(move |row| (0..side).map(move |column| (row, column)));
    Ok(Box::new(places.map(move |(row, column)| {
        let corners = [0, 1, 2, 3].map(|corner| ends.mus[corner].as_slice());
        let (x, y) = (fraction(column, side), fraction(row, side));
        let z = ends.path.inside(corners, x, y);
        let stem = format!("grid-row{:02}-column{:02}", row + 1, column + 1);
        let title = format!(
            "{:.0} % to the right, {:.0} % down between {}",
            x * 100.0,
            y * 100.0,
            names(inputs)
        );
        ends.variation(player, z, stem, title)
    })))
}

/// The points that music is played between.
struct Ends {
    mus: Vec<Vec<f32>>,
    first: InputWindow,
    /// That of the first input.
    metre: Metre,
    path: Path,
}

impl Ends {
    fn find(player: &Player, inputs: &[Input], out: &mut dyn Write) -> anyhow::Result<Self> {
        let windows = inputs
            .iter()
            .map(|input| input.first_window(player.converter, out))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mus = windows
            .iter()
            .map(|window| player.mu(&window.example))
            .collect::<anyhow::Result<_>>()?;
        let path = if player.args.linear {
            Path::Line
        } else {
            Path::Arc
        };
        let first = windows.into_iter().next().context("there are no inputs")?;
        let metre = inputs[0].metre(first.part);
        Ok(Self {
            mus,
            first,
            metre,
            path,
        })
    }

    fn variation(
        &self,
        player: &Player,
        z: Vec<f32>,
        stem: String,
        title: String,
    ) -> anyhow::Result<Variation> {
        let rows = player
            .play(&z, Some(&self.first.example), 0)
            .context("generating between inputs")?;
        Ok(Variation {
            stem,
            title,
            notes: player.notes(&rows),
            n_steps: player.window_steps(),
            metre: self.metre,
            z: Some(z),
        })
    }
}

/// How far the `index`th of `count` (at least 2) places is.
fn fraction(index: usize, count: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a fraction of the way")]
    let t = index as f32 / (count - 1) as f32;
    t
}

fn names(inputs: &[Input]) -> String {
    let names: Vec<&str> = inputs.iter().map(|input| input.stem.as_str()).collect();
    names.join(", ")
}
