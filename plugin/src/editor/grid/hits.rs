//! Hits: bars whose place is their timing and whose height is their velocity.

use super::Picture;
use super::frame::{Frame, points};
use crate::editor::theme;
use crate::params::label;
use egui::{Color32, CornerRadius, Painter, Pos2, Rect, Stroke, StrokeKind, Ui, pos2, vec2};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::nearest_step;
use fourbar_model::pattern::{Feel, Hit, Pattern};

/// How long a hit glows after it was played, in beats.
const GLOW_BEATS: f64 = 0.6;
/// Height of the softest hit, as a share of its lane.
const FLOOR: f32 = 0.08;
/// Softer than this is a ghost note, which is drawn as an outline.
const GHOST: f32 = 0.35;
/// From here on it is an accent, which has a bright cap.
const ACCENTED: f32 = 0.85;

impl Frame {
    /// Draws the hits of the pass that is shown. Returns how recently each drum was played, 0 to 1, and the hit under the pointer.
    pub(super) fn paint_hits<'a>(
        &self,
        ui: &Ui,
        pattern: &'a Pattern,
        picture: &Picture,
        hovered: Option<Pos2>,
    ) -> ([f32; N_VOICES], Option<&'a Hit>) {
        let painter = &ui.painter().with_clip_rect(self.whole);
        let mut glows = [0.0_f32; N_VOICES];
        let mut pointed_at = None;
        for hit in self.shown(pattern) {
            let velocity = pattern.velocity(hit, picture.feel);
            let bar = self.bar(hit, velocity, picture.feel);
            if !pattern.is_heard(hit, picture.feel) {
                paint_silent_hit(painter, bar);
                continue;
            }
            let glow = glow(
                pattern.onset_beats(hit, picture.feel),
                picture.playhead_beats,
                pattern.loop_beats(),
            );
            let voice_glow = &mut glows[hit.voice.index()];
            *voice_glow = voice_glow.max(glow);
            let is_pointed_at = hovered.is_some_and(|at| self.cell(hit).contains(at));
            if is_pointed_at {
                pointed_at = Some(hit);
            }
            paint_hit(
                painter,
                bar,
                theme::voice_colour(hit.voice),
                velocity,
                glow.max(if is_pointed_at { 0.4 } else { 0.0 }),
            );
        }
        (glows, pointed_at)
    }

    /// The hits of the pass that is shown.
    fn shown<'a>(&self, pattern: &'a Pattern) -> impl Iterator<Item = &'a Hit> {
        let beats = self.pass_start_beats..self.pass_start_beats + self.loop_beats;
        let is_shown = move |hit: &&Hit| beats.contains(&hit.grid_beats);
        pattern.hits().iter().filter(is_shown)
    }

    /// The bar of `hit`, standing on its lane's floor.
    fn bar(&self, hit: &Hit, velocity: f32, feel: Feel) -> Rect {
        let lane = self.lane(hit.voice).shrink2(vec2(0.0, 3.0));
        let place_beats = hit.grid_beats - self.pass_start_beats;
        let left = self.x(place_beats + hit.offset_beats * f64::from(feel.timing));
        let height = lane.height() * velocity.max(FLOOR);
        let width = (self.step_width() * 0.62).max(3.0);
        Rect::from_min_max(
            pos2(left, lane.bottom() - height),
            pos2(left + width, lane.bottom()),
        )
    }

    /// What the hit is: which drum, where, how hard, how early or late.
    pub(super) fn describe(&self, pattern: &Pattern, hit: &Hit, picture: &Picture) -> String {
        let step = nearest_step(hit.grid_beats - self.pass_start_beats);
        let velocity = (pattern.velocity(hit, picture.feel) * 127.0).round();
        let beats = hit.offset_beats * f64::from(picture.feel.timing);
        format!(
            "{}, velocity {velocity:.0}, {}",
            self.place(step, hit.voice),
            in_words(beats, picture.tempo_bpm)
        )
    }

    /// What a cell is called: its drum, bar, beat and place in the beat.
    pub(super) fn place(&self, step: usize, voice: Voice) -> String {
        let (bar_steps, beat_steps) = (self.metre.bar_steps(), self.metre.beat_steps());
        format!(
            "{} {}.{}.{}",
            label(voice),
            step / bar_steps + 1,
            step % bar_steps / beat_steps + 1,
            step % bar_steps % beat_steps + 1
        )
    }

    /// The hit on a step that is shown.
    pub(super) fn hit_on<'a>(
        &self,
        pattern: &'a Pattern,
        step: usize,
        voice: Voice,
    ) -> Option<&'a Hit> {
        let is_there = |hit: &&Hit| {
            let place_beats = hit.grid_beats - self.pass_start_beats;
            hit.voice == voice && nearest_step(place_beats) == step
        };
        self.shown(pattern).find(is_there)
    }
}

fn paint_hit(painter: &Painter, bar: Rect, colour: Color32, velocity: f32, glow: f32) {
    let dimmed = theme::mix(
        theme::WELL,
        colour,
        egui::lerp(theme::SOFTEST..=1.0, velocity),
    );
    if glow > 0.0 {
        let halo = bar.expand(1.0 + 3.0 * glow);
        painter.rect_filled(
            halo,
            CornerRadius::same(4),
            colour.gamma_multiply(0.35 * glow),
        );
    }
    let fill = theme::mix(dimmed, theme::mix(colour, theme::FLARE, 0.65), glow);
    if velocity < GHOST && glow == 0.0 {
        let stroke = Stroke::new(1.0, fill);
        painter.rect(
            bar,
            CornerRadius::same(2),
            theme::mix(theme::WELL, colour, 0.25),
            stroke,
            StrokeKind::Inside,
        );
        return;
    }
    painter.rect_filled(bar, CornerRadius::same(2), fill);
    if velocity >= ACCENTED {
        let cap = bar.with_max_y(bar.top() + 2.5);
        let bright = theme::mix(colour, theme::FLARE, 0.75);
        painter.rect_filled(cap, CornerRadius::same(1), bright);
    }
}

/// A hit of a drum that is silenced or thinned out.
fn paint_silent_hit(painter: &Painter, bar: Rect) {
    let stroke = Stroke::new(1.0, theme::OUTLINE_STRONG);
    painter.rect_stroke(bar, CornerRadius::same(2), stroke, StrokeKind::Inside);
}

/// 1 when a hit at `onset_beats` is being played, falling to 0 over [`GLOW_BEATS`].
fn glow(onset_beats: f64, playhead_beats: f64, loop_beats: f64) -> f32 {
    if playhead_beats < 0.0 {
        return 0.0;
    }
    let age_beats = (playhead_beats - onset_beats).rem_euclid(loop_beats);
    points((1.0 - age_beats / GLOW_BEATS).max(0.0))
}

/// "12 ms late", "on the grid".
fn in_words(late_beats: f64, tempo_bpm: f64) -> String {
    let late_ms = late_beats * 60_000.0 / tempo_bpm;
    match late_ms.round() {
        ms if ms > 0.0 => format!("{ms:.0} ms late"),
        ms if ms < 0.0 => format!("{:.0} ms early", -ms),
        _ => "on the grid".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Metre;

    fn frame() -> Frame {
        let rect = Rect::from_min_size(Pos2::ZERO, vec2(1100.0, 320.0));
        Frame::new(rect, 16.0, Metre::default(), [false; N_VOICES])
    }

    fn hit(grid_beats: f64, offset_beats: f64) -> Hit {
        Hit {
            grid_beats,
            offset_beats,
            voice: Voice::Snare,
            velocity: 0.5,
        }
    }

    #[test]
    fn the_timing_amount_scales_the_distance_from_the_grid_line() {
        let frame = frame();
        let feel = |timing| Feel {
            timing,
            ..Feel::AS_GENERATED
        };
        let line = frame.x(4.0);
        let late = hit(4.0, 0.1);
        let distance = |timing| frame.bar(&late, 0.5, feel(timing)).left() - line;
        assert!(distance(0.0).abs() < 1e-3);
        assert!(distance(1.0) > 0.0);
        assert!((distance(2.0) - 2.0 * distance(1.0)).abs() < 1e-2);
        assert!(frame.bar(&hit(4.0, -0.1), 0.5, feel(1.0)).left() < line);
    }

    #[test]
    fn the_earliest_and_the_latest_hit_stay_inside_the_lanes() {
        let frame = frame();
        let early = frame.bar(&hit(0.0, -0.125), 1.0, Feel::AS_GENERATED);
        let late = frame.bar(&hit(15.75, 0.125), 1.0, Feel::AS_GENERATED);
        assert!(early.left() >= frame.lanes.left());
        assert!(late.right() <= frame.lanes.right());
    }

    #[test]
    fn a_louder_hit_is_taller_and_none_leaves_its_lane() {
        let frame = frame();
        let bar = |velocity| frame.bar(&hit(1.0, 0.0), velocity, Feel::AS_GENERATED);
        assert!(bar(1.0).height() > bar(0.5).height());
        assert!(frame.lane(Voice::Snare).contains_rect(bar(1.0)));
    }

    #[test]
    fn a_hit_glows_when_it_is_played_also_across_the_loops_end() {
        assert_eq!(glow(4.0, 4.0, 16.0), 1.0);
        assert!(glow(15.9, 0.1, 16.0) > 0.5);
        assert_eq!(glow(4.0, 8.0, 16.0), 0.0);
        assert_eq!(glow(4.0, -1.0, 16.0), 0.0);
    }

    #[test]
    fn timing_is_said_in_milliseconds() {
        assert_eq!(in_words(0.025, 120.0), "13 ms late");
        assert_eq!(in_words(-0.025, 60.0), "25 ms early");
        assert_eq!(in_words(0.0001, 120.0), "on the grid");
    }
}
