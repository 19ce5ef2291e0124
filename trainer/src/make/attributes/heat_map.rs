//! The table of effects as a picture: amber where an attribute grows, blue where it shrinks.

use super::effects::Effects;
use fourbar_roll::{Anchor, Colour, Picture, Shape, length};

const CELL_WIDTH: f32 = 46.0;
const CELL_HEIGHT: f32 = 30.0;
const LEFT: f32 = 200.0;
const RIGHT: f32 = 28.0;
const TOP: f32 = 96.0;
const BOTTOM: f32 = 60.0;
/// Room for the title of a small table.
const MIN_WIDTH: f32 = 720.0;
/// Effect that has the full colour, in standard deviations.
const FULL_COLOUR: f64 = 2.0;

const NOTHING: Colour = Colour(27, 31, 40);
const MORE: Colour = Colour(235, 140, 45);
const LESS: Colour = Colour(60, 140, 230);

/// The heat map: a row for each vector, a column for each attribute, in the same order; columns go by the number of the
/// row with their name.
pub(super) fn picture(effects: &Effects, title: &str) -> Picture {
    let n = length(effects.ids.len());
    let width = (LEFT + n * CELL_WIDTH + RIGHT).max(MIN_WIDTH);
    let height = TOP + n * CELL_HEIGHT + BOTTOM;
    let mut shapes = vec![Shape::title(LEFT, title)];
    for (column, _) in effects.ids.iter().enumerate() {
        let x = LEFT + (length(column) + 0.5) * CELL_WIDTH + 6.0;
        let number = (column + 1).to_string();
        shapes.push(Shape::label(x, TOP - 10.0, 12.0, Anchor::End, &number));
    }
    for (row, (id, means)) in effects.ids.iter().zip(&effects.means).enumerate() {
        let y = TOP + length(row) * CELL_HEIGHT;
        let baseline = y + CELL_HEIGHT / 2.0 + 4.0;
        let name = format!("{}  {}", id.replace('_', " "), row + 1);
        shapes.push(Shape::label(
            LEFT - 10.0,
            baseline,
            12.0,
            Anchor::End,
            &name,
        ));
        for (column, mean) in means.iter().enumerate() {
            let x = LEFT + length(column) * CELL_WIDTH;
            shapes.push(Shape::Rectangle {
                x,
                y,
                width: CELL_WIDTH - 2.0,
                height: CELL_HEIGHT - 2.0,
                colour: colour(*mean),
            });
            let number = mean.map_or_else(|| "–".to_owned(), |mean| format!("{mean:+.2}"));
            let end = x + CELL_WIDTH - 8.0;
            shapes.push(Shape::words(
                end,
                baseline,
                11.0,
                Anchor::End,
                Colour::WORDS,
                &number,
            ));
        }
    }
    let legend = [
        "Row: the vector that was added once. Column: the attribute that was measured, by the number of its row.",
        "Amber: it grew, blue: it shrank, in standard deviations of the training data.",
    ];
    for (line, text) in legend.into_iter().enumerate() {
        let baseline = height - BOTTOM + 24.0 + 18.0 * length(line);
        shapes.push(Shape::label(LEFT, baseline, 12.0, Anchor::Start, text));
    }
    Picture {
        width,
        height,
        background: Colour::BACKGROUND,
        shapes,
    }
}

/// The colour of an effect.
fn colour(mean: Option<f64>) -> Colour {
    let mean = mean.unwrap_or(0.0);
    let hue = if mean > 0.0 { MORE } else { LESS };
    #[expect(clippy::cast_possible_truncation, reason = "a share of a colour")]
    let amount = (mean.abs() / FULL_COLOUR) as f32;
    NOTHING.towards(hue, amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_amber_less_is_blue_and_nothing_is_dark() {
        assert_eq!(colour(Some(5.0)), MORE);
        assert_eq!(colour(Some(-2.0)), LESS);
        assert_eq!(colour(Some(0.0)), NOTHING);
        assert_eq!(colour(None), NOTHING);
    }

    #[test]
    fn every_cell_has_its_number() {
        let effects = Effects {
            ids: vec!["density", "swing"],
            means: vec![vec![Some(1.5), Some(-0.25)], vec![None, Some(0.75)]],
        };
        let svg = picture(&effects, "A model").to_svg();
        for text in [
            "+1.50",
            "-0.25",
            "+0.75",
            "–",
            "density  1",
            "swing  2",
            "A model",
        ] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
