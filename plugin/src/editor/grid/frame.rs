//! Where everything of the grid is, and its lines, the playhead and the notice.

use super::{NAMES, RULER, STEPS_AFTER, STEPS_BEFORE};
use crate::editor::theme;
use crate::request::Metre;
use egui::{Color32, CornerRadius, Painter, Pos2, Rangef, Rect, Stroke, pos2, vec2};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{STEPS_PER_BEAT, beats, nearest_step};
use fourbar_model::pattern::Hit;

/// Share of a step before its grid line that belongs to it: hits are bars that begin there, or a little before.
const BEFORE_LINE: f32 = 0.25;

/// Where things are: beats and voices to points.
pub(super) struct Frame {
    pub(super) whole: Rect,
    pub(super) lanes: Rect,
    /// Length of what is shown: a pass of the pattern.
    pub(super) loop_beats: f64,
    /// Where it begins in the pattern.
    pub(super) pass_start_beats: f64,
    /// The metre of its bars.
    pub(super) metre: Metre,
    /// For every step of it the model's, if it has one.
    sources: Vec<Option<usize>>,
    pub(super) points_a_beat: f32,
    first_line: f32,
    /// Of every drum's lane.
    lane_ranges: [Rangef; N_VOICES],
}

impl Frame {
    /// `used`: which drums have hits.
    pub(super) fn new(whole: Rect, loop_beats: f64, metre: Metre, used: [bool; N_VOICES]) -> Self {
        let lanes = Rect::from_min_max(
            whole.min + vec2(NAMES, RULER),
            whole.max - vec2(theme::UNIT, theme::UNIT),
        );
        let steps_a_beat = steps(STEPS_PER_BEAT);
        let n_units = nearest_step(loop_beats) / metre.unit_steps();
        let steps_shown = loop_beats * steps_a_beat + STEPS_BEFORE + STEPS_AFTER;
        let points_a_step = lanes.width() / points(steps_shown);
        Self {
            whole,
            lanes,
            loop_beats,
            pass_start_beats: 0.0,
            metre,
            sources: metre.sources(n_units, |_| 0),
            points_a_beat: points_a_step * points(steps_a_beat),
            first_line: lanes.left() + points_a_step * points(STEPS_BEFORE),
            lane_ranges: lane_ranges(lanes.y_range(), used),
        }
    }

    pub(super) fn x(&self, beats: f64) -> f32 {
        self.first_line + self.points_a_beat * points(beats)
    }

    pub(super) fn step_width(&self) -> f32 {
        self.points_a_beat / points(steps(STEPS_PER_BEAT))
    }

    /// Lanes run as a drummer's notation does: cymbals on top, the kick at the bottom.
    pub(super) fn lane(&self, voice: Voice) -> Rect {
        Rect::from_x_y_ranges(self.lanes.x_range(), self.lane_ranges[voice.index()])
    }

    pub(super) fn n_steps(&self) -> usize {
        self.sources.len()
    }

    /// The cell of a step that is shown.
    pub(super) fn cell_of(&self, step: usize, voice: Voice) -> Rect {
        let left = self.x_of_step(step) - self.step_width() * BEFORE_LINE;
        Rect::from_x_y_ranges(left..=left + self.step_width(), self.lane(voice).y_range())
    }

    /// The step of `hit`, which is easier to point at than its bar.
    pub(super) fn cell(&self, hit: &Hit) -> Rect {
        let step = nearest_step(hit.grid_beats - self.pass_start_beats);
        self.cell_of(step, hit.voice)
    }

    /// The model's step and the drum whose [cell](Self::cell) is at a place of the window.
    pub(super) fn cell_at(&self, at: Pos2) -> Option<(usize, Voice)> {
        let step = ((at.x - self.first_line) / self.step_width() + BEFORE_LINE).floor();
        let step = whole_steps(f64::from(step.max(0.0)));
        let voice = Voice::ALL
            .into_iter()
            .find(|&voice| self.lane(voice).y_range().contains(at.y))?;
        let is_inside = self.lanes.x_range().contains(at.x);
        Some((self.source(usize::try_from(step).ok()?)?, voice)).filter(|_| is_inside)
    }

    /// The model's step that is shown on a step, if there is one.
    pub(super) fn source(&self, step: usize) -> Option<usize> {
        *self.sources.get(step)?
    }

    /// Every beat: its bar and its place in it, both from 0, and the step on which it begins.
    pub(super) fn beats(&self) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let (bar_steps, beat_steps) = (self.metre.bar_steps(), self.metre.beat_steps());
        let n_bars = self.sources.len() / bar_steps.max(1);
        (0..n_bars).flat_map(move |bar| {
            let beats = (0..bar_steps).step_by(beat_steps).enumerate();
            beats.map(move |(beat, step)| (bar, beat, bar * bar_steps + step))
        })
    }

    /// Where a step is, in beats.
    pub(super) fn x_of_step(&self, step: usize) -> f32 {
        self.x(beats(step))
    }

    pub(super) fn paint_lanes(&self, painter: &Painter) {
        painter.rect_filled(self.lanes, CornerRadius::same(6), theme::WELL);
        let (bar_steps, beat_steps) = (self.metre.bar_steps(), self.metre.beat_steps());
        for (_, beat, first) in self.beats().filter(|(_, beat, _)| beat % 2 == 1) {
            let last = (first + beat_steps).min(first - beat * beat_steps + bar_steps);
            let band = Rect::from_x_y_ranges(
                self.x_of_step(first)..=self.x_of_step(last),
                self.lanes.y_range(),
            );
            painter.rect_filled(band, CornerRadius::ZERO, theme::FLARE.faded(0.02));
        }
        for voice in Voice::ALL.into_iter().skip(1) {
            let below = self.lane(voice).bottom();
            painter.hline(
                self.lanes.x_range(),
                below,
                Stroke::new(1.0, theme::mix(theme::WELL, theme::OUTLINE, 0.55)),
            );
        }
        for step in 0..=self.sources.len() {
            let stroke = match step % bar_steps {
                0 => Stroke::new(1.0, theme::OUTLINE_STRONG),
                step if step % beat_steps == 0 => Stroke::new(1.0, theme::OUTLINE),
                _ => Stroke::new(1.0, theme::mix(theme::WELL, theme::OUTLINE, 0.4)),
            };
            painter.vline(self.x_of_step(step), self.lanes.y_range(), stroke);
        }
    }

    pub(super) fn paint_notice(&self, painter: &Painter, notice: &str) {
        let at = self.lanes.center();
        let galley = painter.layout(
            notice.to_owned(),
            theme::medium(14.0),
            theme::TEXT_SOFT.into(),
            self.lanes.width() * 0.7,
        );
        let plate = Rect::from_center_size(at, galley.size() + vec2(48.0, 28.0));
        painter.rect_filled(plate, theme::PANEL_CORNERS, theme::PANEL);
        painter.galley(
            Rect::from_center_size(at, galley.size()).min,
            galley,
            theme::TEXT_SOFT.into(),
        );
    }

    pub(super) fn paint_playhead(&self, painter: &Painter, playhead_beats: f64) {
        if playhead_beats < 0.0 {
            return;
        }
        let x = self.x(playhead_beats.min(self.loop_beats));
        // A trail that fades to the left, as a strip of two triangles with a colour at each corner.
        let trail =
            Rect::from_x_y_ranges((x - 28.0).max(self.lanes.left())..=x, self.lanes.y_range());
        let mut mesh = egui::Mesh::default();
        let faint = theme::ACCENT.faded(0.16);
        for (at, colour) in [
            (trail.left_top(), Color32::TRANSPARENT),
            (trail.right_top(), faint),
            (trail.right_bottom(), faint),
            (trail.left_bottom(), Color32::TRANSPARENT),
        ] {
            mesh.colored_vertex(at, colour);
        }
        mesh.add_triangle(0, 1, 2);
        mesh.add_triangle(0, 2, 3);
        painter.add(mesh);

        let top = self.whole.top() + RULER - 5.0;
        painter.vline(
            x,
            Rangef::new(top, self.lanes.bottom()),
            Stroke::new(1.5, theme::ACCENT),
        );
        let head: Vec<Pos2> = [(-5.0, -7.0), (5.0, -7.0), (0.0, 1.0)]
            .iter()
            .map(|&(dx, dy)| pos2(x + dx, top + dy))
            .collect();
        painter.add(egui::Shape::convex_polygon(
            head,
            theme::ACCENT,
            Stroke::NONE,
        ));
    }
}

/// The lanes of all drums from bottom to top: those without hits are narrow, and the others share what is left.
fn lane_ranges(whole: Rangef, used: [bool; N_VOICES]) -> [Rangef; N_VOICES] {
    /// What a name and its buttons need.
    const NARROWEST: f32 = 18.0;
    let count = |n: usize| points(steps(n));
    let n_used = used.iter().filter(|&&is_used| is_used).count();
    let even = whole.span() / count(N_VOICES);
    let (narrow, tall) = if n_used == 0 {
        (even, even)
    } else {
        let narrow = (0.5 * even).max(NARROWEST).min(even);
        let rest = whole.span() - narrow * count(N_VOICES - n_used);
        (narrow, rest / count(n_used))
    };
    let mut bottom = whole.max;
    used.map(|is_used| {
        let lane = Rangef::new(bottom - if is_used { tall } else { narrow }, bottom);
        bottom = lane.min;
        lane
    })
}

pub(super) fn steps(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a loop has at most a few hundred steps"
)]
pub(super) fn whole_steps(n: f64) -> u32 {
    n.round().clamp(0.0, 4096.0) as u32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a place on the screen needs no more than f32"
)]
pub(super) fn points(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_lanes_are_tall_empty_ones_narrow_and_all_fill_the_grid() {
        let whole = Rangef::new(24.0, 420.0);
        let mut used = [false; N_VOICES];
        let even = lane_ranges(whole, used);
        assert!(even.iter().all(|lane| (lane.span() - 44.0).abs() < 0.01));
        used[0] = true;
        used[2] = true;
        let lanes = lane_ranges(whole, used);
        assert_eq!(lanes[0].max, whole.max);
        assert!((lanes[N_VOICES - 1].min - whole.min).abs() < 0.01);
        assert!(lanes[0].span() > 2.0 * lanes[1].span());
        // In the lowest window a name still fits.
        let lanes = lane_ranges(Rangef::new(0.0, 196.0), used);
        assert!(lanes.iter().all(|lane| lane.span() >= 18.0 - 0.01));
    }
}
