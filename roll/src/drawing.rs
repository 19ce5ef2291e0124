//! How a [`Roll`] looks: lanes, lines, marks and words.

use super::picture::{Anchor, Colour, Picture, Shape, length};
use super::{LANES, Mark, Roll, whole};
use fourbar_model::groove::STEPS_PER_BEAT;

const STEP_WIDTH: f32 = 16.0;
const LANE_HEIGHT: f32 = 24.0;
const LANE_GAP: f32 = 2.0;
/// [`N_VOICES`](fourbar_model::drums::N_VOICES) as a length.
const N_LANES: f32 = 9.0;
const BAR_NUMBERS: f32 = 20.0;
const LINE_HEIGHT: f32 = BAR_NUMBERS + N_LANES * (LANE_HEIGHT + LANE_GAP) + 22.0;
const LEFT: f32 = 112.0;
const RIGHT: f32 = 28.0;
const TOP: f32 = 62.0;
const BOTTOM: f32 = 36.0;
/// Room for the title and the legend of a single bar.
const MIN_WIDTH: f32 = 620.0;
/// Width of a mark: less than a step, so that hits on neighbouring steps stay apart.
const MARK_WIDTH: f32 = 11.0;
/// Width of its bright edge.
const EDGE_WIDTH: f32 = 3.5;
/// Deviation from the grid that has the full colour, in steps: most human playing lies within.
const FULL_COLOUR_STEPS: f32 = 0.3;

const LANE: Colour = Colour(21, 24, 31);
const LANE_DOWNBEAT: Colour = Colour(27, 31, 40);
const STEP_LINE: Colour = Colour(33, 38, 48);
const BEAT_LINE: Colour = Colour(55, 62, 77);
const ON_GRID: Colour = Colour(236, 238, 245);
const EARLY: Colour = Colour(255, 160, 60);
const LATE: Colour = Colour(72, 160, 255);

/// The picture: lines of a few bars below each other, a title above, how to read it below.
pub(super) fn picture(roll: &Roll, title: &str, summary: &str) -> Picture {
    let (bars_per_line, steps_per_bar) = (roll.bars_per_line(), roll.steps_per_bar);
    let n_lines = roll.n_bars.div_ceil(bars_per_line);
    let line_bars = roll.n_bars.min(bars_per_line);
    let width = (LEFT + length(line_bars * steps_per_bar) * STEP_WIDTH + RIGHT).max(MIN_WIDTH);
    let height = TOP + length(n_lines) * LINE_HEIGHT + BOTTOM;

    let mut shapes = heading(title, summary, width);
    for line in 0..n_lines {
        let first_bar = line * bars_per_line;
        let n_bars = (roll.n_bars - first_bar).min(bars_per_line);
        let top = TOP + length(line) * LINE_HEIGHT;
        grid(&mut shapes, top, first_bar, n_bars, steps_per_bar);
        let steps = first_bar * steps_per_bar..(first_bar + n_bars) * steps_per_bar;
        for mark in roll
            .marks
            .iter()
            .filter(|mark| steps.contains(&whole(mark.onset_steps)))
        {
            draw_mark(&mut shapes, *mark, top, steps.start);
        }
    }
    legend(&mut shapes, height);
    Picture {
        width,
        height,
        background: Colour::BACKGROUND,
        shapes,
    }
}

/// The title on the left and the summary on the right.
fn heading(title: &str, summary: &str, width: f32) -> Vec<Shape> {
    vec![
        Shape::title(LEFT, title),
        Shape::label(width - RIGHT, 38.0, 13.0, Anchor::End, summary),
    ]
}

/// Lanes, their names, bar numbers and the lines of steps, beats and bars.
fn grid(shapes: &mut Vec<Shape>, top: f32, first_bar: usize, n_bars: usize, steps_per_bar: usize) {
    let lanes_top = top + BAR_NUMBERS;
    let n_steps = n_bars * steps_per_bar;
    // Beats are counted from each bar line.
    let is_on_beat = |step: &usize| (step % steps_per_bar).is_multiple_of(STEPS_PER_BEAT);
    let width = length(n_steps) * STEP_WIDTH;
    let lanes_height = N_LANES * (LANE_HEIGHT + LANE_GAP) - LANE_GAP;
    for (lane, voice) in LANES.iter().enumerate() {
        let y = lanes_top + length(lane) * (LANE_HEIGHT + LANE_GAP);
        shapes.push(Shape::rectangle(LEFT, y, width, LANE_HEIGHT, LANE));
        for step in (0..n_steps).filter(is_on_beat) {
            let x = LEFT + length(step) * STEP_WIDTH;
            shapes.push(Shape::rectangle(
                x,
                y,
                STEP_WIDTH,
                LANE_HEIGHT,
                LANE_DOWNBEAT,
            ));
        }
        let baseline = y + LANE_HEIGHT / 2.0 + 4.5;
        shapes.push(Shape::label(
            LEFT - 12.0,
            baseline,
            13.0,
            Anchor::End,
            voice.name(),
        ));
    }
    for step in 0..=n_steps {
        let (colour, thickness, above) = if step % steps_per_bar == 0 {
            (Colour::BAR_LINE, 1.5, 6.0)
        } else if is_on_beat(&step) {
            (BEAT_LINE, 1.0, 0.0)
        } else {
            (STEP_LINE, 1.0, 0.0)
        };
        let x = LEFT + length(step) * STEP_WIDTH - thickness / 2.0;
        shapes.push(Shape::rectangle(
            x,
            lanes_top - above,
            thickness,
            lanes_height + above,
            colour,
        ));
    }
    for bar in 0..n_bars {
        let x = LEFT + length(bar * steps_per_bar) * STEP_WIDTH + 6.0;
        shapes.push(Shape::label(
            x,
            top + 13.0,
            12.0,
            Anchor::Start,
            &(first_bar + bar + 1).to_string(),
        ));
    }
}

/// One hit: a bright edge where it sounds, and behind it a body through which the line of its 16th can be seen.
fn draw_mark(shapes: &mut Vec<Shape>, mark: Mark, top: f32, first_step: usize) {
    let lane = LANES
        .iter()
        .position(|voice| *voice == mark.voice)
        .expect("every voice has a lane");
    let lane_bottom = top + BAR_NUMBERS + length(lane) * (LANE_HEIGHT + LANE_GAP) + LANE_HEIGHT;
    let x_of = |steps: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "a place in the picture")]
        let steps = (steps - f64::from(length(first_step))) as f32;
        LEFT + steps * STEP_WIDTH
    };

    let x = x_of(mark.onset_steps);
    let height = 5.0 + (LANE_HEIGHT - 7.0) * mark.velocity.clamp(0.0, 1.0);
    let y = lane_bottom - 1.0 - height;
    let colour = mark_colour(mark);
    let body = LANE.towards(colour, 0.72);
    shapes.push(Shape::rectangle(x, y, MARK_WIDTH, height, body));
    let grid_x = x_of(mark.grid_steps());
    if grid_x > x && grid_x < x + MARK_WIDTH {
        shapes.push(Shape::rectangle(
            grid_x - 0.5,
            y,
            1.0,
            height,
            LANE.towards(colour, 0.3),
        ));
    }
    shapes.push(Shape::rectangle(x, y, EDGE_WIDTH, height, colour));
}

/// Hue from timing, brightness from velocity.
fn mark_colour(mark: Mark) -> Colour {
    #[expect(clippy::cast_possible_truncation, reason = "at most half a step")]
    let late_steps = (mark.onset_steps - mark.grid_steps()) as f32;
    let hue = if late_steps < 0.0 { EARLY } else { LATE };
    // The root makes the small deviations of tight playing visible.
    let full = ON_GRID.towards(hue, (late_steps.abs() / FULL_COLOUR_STEPS).sqrt());
    LANE.towards(full, 0.6 + 0.4 * mark.velocity)
}

/// How to read the marks.
fn legend(shapes: &mut Vec<Shape>, height: f32) {
    let baseline = height - 20.0;
    let mut x = LEFT;
    for (colour, label, label_width) in [
        (EARLY, "early", 52.0),
        (ON_GRID, "on the grid", 88.0),
        (LATE, "late", 46.0),
    ] {
        shapes.push(Shape::rectangle(x, baseline - 9.0, 10.0, 10.0, colour));
        shapes.push(Shape::label(x + 16.0, baseline, 12.0, Anchor::Start, label));
        x += 16.0 + label_width;
    }
    let rest = "height and brightness: velocity";
    shapes.push(Shape::label(x + 8.0, baseline, 12.0, Anchor::Start, rest));
}

#[cfg(test)]
mod tests {
    use super::*;
    use fourbar_model::drums::{DrumMap, Voice};
    use fourbar_model::note::Note;

    /// A roll of kicks: (onset in beats, velocity).
    fn kicks(n_bars: usize, hits: &[(f64, f32)]) -> Roll {
        let notes: Vec<Note> = hits
            .iter()
            .map(|&(onset_beats, velocity)| Note {
                onset_beats,
                duration_beats: 0.25,
                pitch: 36,
                velocity,
                channel: 9,
            })
            .collect();
        Roll::new(&notes, n_bars, &DrumMap::GM)
    }

    /// The bright edges of the marks in a picture, [x, y, width, height].
    fn marks(roll: &Roll) -> Vec<[f32; 4]> {
        let shapes = picture(roll, "", "").shapes.into_iter();
        shapes
            .filter_map(|shape| match shape {
                Shape::Rectangle {
                    x,
                    y,
                    width,
                    height,
                    ..
                } if width == EDGE_WIDTH => Some([x, y, width, height]),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_mark_begins_where_its_hit_sounds() {
        let marks = marks(&kicks(1, &[(1.05, 1.0)]));
        assert_eq!(marks.len(), 1);
        assert!(
            (marks[0][0] - (LEFT + 4.2 * STEP_WIDTH)).abs() < 1e-3,
            "{marks:?}"
        );
    }

    #[test]
    fn louder_hits_are_taller() {
        let marks = marks(&kicks(1, &[(0.0, 0.2), (1.0, 0.8)]));
        assert!(marks[0][3] < marks[1][3], "{marks:?}");
    }

    #[test]
    fn early_hits_are_amber_and_late_ones_blue() {
        let colour = |onset_steps| {
            mark_colour(Mark {
                voice: Voice::Kick,
                onset_steps,
                velocity: 1.0,
            })
        };
        assert_eq!(colour(3.6), EARLY);
        assert_eq!(colour(4.4), LATE);
        assert_eq!(colour(4.0), ON_GRID);
    }

    #[test]
    fn lines_of_four_bars_stand_below_each_other() {
        let height = |n_bars| picture(&kicks(n_bars, &[]), "", "").height;
        assert_eq!(height(1), height(4));
        assert_eq!(height(5), height(4) + LINE_HEIGHT);
        let second_line = marks(&kicks(8, &[(0.0, 1.0), (16.0, 1.0)]));
        assert_eq!(second_line[0][0], second_line[1][0]);
        assert_eq!(second_line[1][1], second_line[0][1] + LINE_HEIGHT);
    }
}
