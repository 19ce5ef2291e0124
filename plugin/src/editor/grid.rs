//! The pattern: nine lanes by its steps, 64 for four bars. A hit is a bar that begins where it is played, so its distance
//! from the grid line is its timing, and whose height and brightness are its velocity, both with the current amounts.

mod names;

use super::icon::Icon;
use super::theme;
use crate::params::{LanesParams, label};
use crate::request::{Locks, Ready};
use egui::{
    Align2, Color32, CornerRadius, CursorIcon, Painter, Pos2, Rangef, Rect, Sense, Stroke, Ui,
    pos2, vec2,
};
use fourbar_model::drums::{N_VOICES, Voice};
use fourbar_model::groove::{STEPS_PER_BAR, STEPS_PER_BEAT};
use fourbar_model::pattern::{BAR_BEATS, Feel, Hit, Pattern};
use nice_plug::prelude::ParamSetter;

/// Room for the names of the drums, and what can be done to each.
const NAMES: f32 = 186.0;
/// Room for the bar numbers.
const RULER: f32 = 24.0;
/// Room before the first step, in steps: an early hit of step 0 is drawn there, although it sounds at the loop's end.
const STEPS_BEFORE: f64 = 0.75;
/// Room after the last step, in steps, for its late hits.
const STEPS_AFTER: f64 = 0.5;
/// How long a hit glows after it was played, in beats.
const GLOW_BEATS: f64 = 0.6;
/// Beats shown when there is no pattern yet.
const EMPTY_BEATS: f64 = 16.0;

/// What the grid shows this frame.
pub(super) struct Picture<'a> {
    /// The pattern that sounds, if there is one.
    pub(super) ready: Option<&'a Ready>,
    /// How it is played now.
    pub(super) feel: Feel,
    /// Position in the loop; negative when nothing plays.
    pub(super) playhead_beats: f64,
    /// Tempo, for timings in milliseconds.
    pub(super) tempo_bpm: f64,
    /// What is locked of the groove.
    pub(super) locks: Option<&'a Locks>,
    /// Said in the middle when there is no pattern.
    pub(super) notice: &'a str,
}

/// What was clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touched {
    /// The name of a drum.
    Name(Voice),
    /// The padlock of a part.
    Lock(Part),
}

/// A part of the groove that has a padlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A drum.
    Drum(Voice),
    /// A bar, from 0.
    Bar(usize),
}

impl Part {
    /// Whether a cell belongs to it.
    pub(super) fn has(self, step: usize, voice: Voice) -> bool {
        match self {
            Self::Drum(drum) => voice == drum,
            Self::Bar(bar) => step / STEPS_PER_BAR == bar,
        }
    }
}

/// Draws `picture` in `rect`, with the drums' `lanes`. Returns what was clicked.
pub(super) fn show(
    ui: &Ui,
    rect: Rect,
    picture: &Picture,
    lanes: &LanesParams,
    setter: &ParamSetter,
) -> Option<Touched> {
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect(
        rect,
        theme::PANEL_CORNERS,
        theme::PANEL,
        Stroke::new(1.0, theme::OUTLINE),
        egui::StrokeKind::Inside,
    );
    let pass_beats = picture.ready.map_or(EMPTY_BEATS, Ready::pass_beats);
    let pass = (picture.playhead_beats.max(0.0) / pass_beats).floor();
    let frame = Frame {
        pass_start_beats: pass * pass_beats,
        ..Frame::new(rect.shrink2(vec2(1.0, 1.0)), pass_beats)
    };
    frame.paint_lanes(&painter);
    frame.paint_ruler(&painter);
    frame.paint_locked(&painter, picture.locks);
    let mut glows = [0.0_f32; N_VOICES];
    match picture.ready {
        Some(ready) => frame.paint_hits(ui, &painter, &ready.pattern, picture, &mut glows),
        None => frame.paint_notice(&painter, picture.notice),
    }
    let named = names::show(ui, &painter, &frame, lanes, setter, picture.locks, &glows);
    let locked = frame.lock_bars(ui, &painter, picture.locks);
    if let Some(ready) = picture.ready {
        frame.paint_groove_name(&painter, &groove_name(ready, pass));
    }
    frame.paint_playhead(&painter, picture.playhead_beats - frame.pass_start_beats);
    named.or(locked)
}

/// The name of the groove, and which pass of it is shown where they differ.
fn groove_name(ready: &Ready, pass: f64) -> String {
    let name = ready.request.name();
    match ready.n_passes {
        1 => name.to_string(),
        n_passes => format!("{name}  {}/{n_passes}", pass + 1.0),
    }
}

/// Where things are: beats and voices to points.
struct Frame {
    whole: Rect,
    lanes: Rect,
    /// Length of what is shown: a pass of the pattern.
    loop_beats: f64,
    /// Where it begins in the pattern.
    pass_start_beats: f64,
    points_a_beat: f32,
    first_line: f32,
}

impl Frame {
    fn new(whole: Rect, loop_beats: f64) -> Self {
        let lanes = Rect::from_min_max(
            whole.min + vec2(NAMES, RULER),
            whole.max - vec2(theme::UNIT, theme::UNIT),
        );
        let steps_a_beat = steps(STEPS_PER_BEAT);
        let steps_shown = loop_beats * steps_a_beat + STEPS_BEFORE + STEPS_AFTER;
        let points_a_step = lanes.width() / points(steps_shown);
        Self {
            whole,
            lanes,
            loop_beats,
            pass_start_beats: 0.0,
            points_a_beat: points_a_step * points(steps_a_beat),
            first_line: lanes.left() + points_a_step * points(STEPS_BEFORE),
        }
    }

    fn x(&self, beats: f64) -> f32 {
        self.first_line + self.points_a_beat * points(beats)
    }

    fn step_width(&self) -> f32 {
        self.points_a_beat / points(steps(STEPS_PER_BEAT))
    }

    /// Lanes run as a drummer's notation does: cymbals on top, the kick at the bottom.
    fn lane(&self, voice: Voice) -> Rect {
        let height = self.lanes.height() / points(steps(N_VOICES));
        let row = N_VOICES - 1 - voice.index();
        let top = self.lanes.top() + height * points(steps(row));
        Rect::from_x_y_ranges(self.lanes.x_range(), top..=top + height)
    }

    fn paint_lanes(&self, painter: &Painter) {
        painter.rect_filled(self.lanes, CornerRadius::same(6), theme::WELL);
        let n_beats = whole_steps(self.loop_beats);
        for beat in (0..n_beats).skip(1).step_by(2) {
            let band = Rect::from_x_y_ranges(
                self.x(f64::from(beat))..=self.x(f64::from(beat) + 1.0),
                self.lanes.y_range(),
            );
            painter.rect_filled(band, CornerRadius::ZERO, Color32::from_white_alpha(5));
        }
        for voice in Voice::ALL.into_iter().skip(1) {
            let below = self.lane(voice).bottom();
            painter.hline(
                self.lanes.x_range(),
                below,
                Stroke::new(1.0, theme::mix(theme::WELL, theme::OUTLINE, 0.55)),
            );
        }
        let n_steps = whole_steps(self.loop_beats * steps(STEPS_PER_BEAT));
        for step in 0..=n_steps {
            let stroke = match usize::try_from(step).unwrap_or(0) {
                step if step % STEPS_PER_BAR == 0 => Stroke::new(1.0, theme::OUTLINE_STRONG),
                step if step % STEPS_PER_BEAT == 0 => Stroke::new(1.0, theme::OUTLINE),
                _ => Stroke::new(1.0, theme::mix(theme::WELL, theme::OUTLINE, 0.4)),
            };
            painter.vline(
                self.x(f64::from(step) / steps(STEPS_PER_BEAT)),
                self.lanes.y_range(),
                stroke,
            );
        }
    }

    fn paint_ruler(&self, painter: &Painter) {
        let y = self.whole.top() + RULER / 2.0 + 1.0;
        for beat in 0..whole_steps(self.loop_beats) {
            let at = pos2(self.x(f64::from(beat)) + 4.0, y);
            let (bar, beat_in_bar) = (beat / 4 + 1, beat % 4 + 1);
            if beat_in_bar == 1 {
                theme::text(
                    painter,
                    at,
                    Align2::LEFT_CENTER,
                    &format!("{bar}"),
                    theme::semibold(12.0),
                    theme::TEXT_SOFT,
                );
            } else if self.points_a_beat > 40.0 {
                let text = format!("{bar}.{beat_in_bar}");
                theme::text(
                    painter,
                    at,
                    Align2::LEFT_CENTER,
                    &text,
                    theme::medium(10.5),
                    theme::TEXT_FAINT,
                );
            }
        }
    }

    /// Tints what is locked.
    fn paint_locked(&self, painter: &Painter, locks: Option<&Locks>) {
        let Some(locks) = locks else { return };
        let tint = theme::ACCENT.gamma_multiply(0.1);
        for step in 0..whole_steps(self.loop_beats * steps(STEPS_PER_BEAT)) {
            let left = self.x(f64::from(step) / steps(STEPS_PER_BEAT));
            let step = usize::try_from(step).unwrap_or(usize::MAX);
            for voice in Voice::ALL
                .into_iter()
                .filter(|&voice| locks.is_locked(step, voice))
            {
                let cell = Rect::from_x_y_ranges(
                    left..=left + self.step_width(),
                    self.lane(voice).y_range(),
                );
                painter.rect_filled(cell, CornerRadius::ZERO, tint);
            }
        }
    }

    /// The padlock of every bar, at its end in the ruler; returns the one that was clicked.
    fn lock_bars(&self, ui: &Ui, painter: &Painter, locks: Option<&Locks>) -> Option<Touched> {
        let mut clicked = None;
        let n_bars = whole_steps(self.loop_beats / BAR_BEATS);
        for bar in 0..n_bars {
            let end = self.x(BAR_BEATS * f64::from(bar + 1));
            let at = pos2(end - 11.0, self.whole.top() + RULER / 2.0 + 1.0);
            let part = Part::Bar(usize::try_from(bar).unwrap_or(0));
            let hint = "Keep this bar: another groove is drawn around it.";
            if padlock(ui, painter, at, part, locks, hint) {
                clicked = Some(Touched::Lock(part));
            }
        }
        clicked
    }

    /// In the corner between ruler and drums.
    fn paint_groove_name(&self, painter: &Painter, name: &str) {
        let at = self.whole.left_top() + vec2(14.0, RULER / 2.0 + 1.0);
        theme::text(
            painter,
            at,
            Align2::LEFT_CENTER,
            name,
            theme::semibold(11.5),
            theme::TEXT,
        );
    }

    fn paint_hits(
        &self,
        ui: &Ui,
        painter: &Painter,
        pattern: &Pattern,
        picture: &Picture,
        glows: &mut [f32; N_VOICES],
    ) {
        let hovered = ui
            .interact(self.lanes, ui.id().with("hits"), Sense::hover())
            .hover_pos();
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
                pointed_at = Some((hit, bar));
            }
            paint_hit(
                painter,
                bar,
                theme::voice_colour(hit.voice),
                velocity,
                glow.max(if is_pointed_at { 0.4 } else { 0.0 }),
            );
        }
        if let Some((hit, bar)) = pointed_at {
            self.describe(ui, pattern, hit, bar, picture);
        }
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
        let height = lane.height() * (0.25 + 0.75 * velocity);
        let width = (self.step_width() * 0.62).max(3.0);
        Rect::from_min_max(
            pos2(left, lane.bottom() - height),
            pos2(left + width, lane.bottom()),
        )
    }

    /// The step of `hit`, which is easier to point at than its bar.
    fn cell(&self, hit: &Hit) -> Rect {
        let left = self.x(hit.grid_beats - self.pass_start_beats) - self.step_width() * 0.25;
        Rect::from_x_y_ranges(
            left..=left + self.step_width(),
            self.lane(hit.voice).y_range(),
        )
    }

    /// A label beside the hit under the pointer: what, where, how hard, how early or late.
    fn describe(&self, ui: &Ui, pattern: &Pattern, hit: &Hit, bar: Rect, picture: &Picture) {
        let place_beats = hit.grid_beats - self.pass_start_beats;
        let step = whole_steps(place_beats * steps(STEPS_PER_BEAT));
        let place = format!("{}.{}.{}", step / 16 + 1, step / 4 % 4 + 1, step % 4 + 1);
        let velocity = (pattern.velocity(hit, picture.feel) * 127.0).round();
        let beats = hit.offset_beats * f64::from(picture.feel.timing);
        let text = format!(
            "{}  {place}   velocity {velocity:.0}   {}",
            label(hit.voice),
            in_words(beats, picture.tempo_bpm)
        );

        let painter = ui.ctx().layer_painter(egui::LayerId::new(
            egui::Order::Tooltip,
            ui.id().with("hit"),
        ));
        let galley = painter.layout_no_wrap(text, theme::medium(12.0), theme::TEXT);
        let size = galley.size() + vec2(20.0, 12.0);
        let left = (bar.center().x - size.x / 2.0)
            .clamp(self.whole.left() + 4.0, self.whole.right() - size.x - 4.0);
        let above = self.lane(hit.voice).top() - size.y - 4.0;
        let top = if above > self.whole.top() {
            above
        } else {
            self.lane(hit.voice).bottom() + 4.0
        };
        let label = Rect::from_min_size(pos2(left, top), size);
        let stroke = Stroke::new(1.0, theme::OUTLINE_STRONG);
        painter.rect(
            label,
            theme::CONTROL_CORNERS,
            theme::CONTROL,
            stroke,
            egui::StrokeKind::Inside,
        );
        painter.galley(label.min + vec2(10.0, 6.0), galley, theme::TEXT);
    }

    fn paint_notice(&self, painter: &Painter, notice: &str) {
        let at = self.lanes.center();
        let galley = painter.layout(
            notice.to_owned(),
            theme::medium(14.0),
            theme::TEXT_SOFT,
            self.lanes.width() * 0.7,
        );
        let plate = Rect::from_center_size(at, galley.size() + vec2(48.0, 28.0));
        painter.rect_filled(plate, theme::PANEL_CORNERS, theme::PANEL);
        painter.galley(
            Rect::from_center_size(at, galley.size()).min,
            galley,
            theme::TEXT_SOFT,
        );
    }

    fn paint_playhead(&self, painter: &Painter, playhead_beats: f64) {
        if playhead_beats < 0.0 {
            return;
        }
        let x = self.x(playhead_beats.min(self.loop_beats));
        // A trail that fades to the left, as a strip of two triangles with a colour at each corner.
        let trail =
            Rect::from_x_y_ranges((x - 28.0).max(self.lanes.left())..=x, self.lanes.y_range());
        let mut mesh = egui::Mesh::default();
        let faint = theme::ACCENT.gamma_multiply(0.16);
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

fn paint_hit(painter: &Painter, bar: Rect, colour: Color32, velocity: f32, glow: f32) {
    let dimmed = theme::mix(theme::WELL, colour, 0.48 + 0.52 * velocity);
    if glow > 0.0 {
        let halo = bar.expand(1.0 + 3.0 * glow);
        painter.rect_filled(
            halo,
            CornerRadius::same(4),
            colour.gamma_multiply(0.35 * glow),
        );
    }
    let fill = theme::mix(dimmed, theme::mix(colour, Color32::WHITE, 0.65), glow);
    painter.rect_filled(bar, CornerRadius::same(2), fill);
}

/// A hit of a drum that is silenced or thinned out.
fn paint_silent_hit(painter: &Painter, bar: Rect) {
    let stroke = Stroke::new(1.0, theme::OUTLINE_STRONG);
    painter.rect_stroke(bar, CornerRadius::same(2), stroke, egui::StrokeKind::Inside);
}

/// A padlock around `at` that is lit while all of `part` is locked; true if it was clicked.
fn padlock(
    ui: &Ui,
    painter: &Painter,
    at: Pos2,
    part: Part,
    locks: Option<&Locks>,
    hint: &str,
) -> bool {
    let id = match part {
        Part::Drum(voice) => ui.id().with(("lock drum", voice.index())),
        Part::Bar(bar) => ui.id().with(("lock bar", bar)),
    };
    let response = ui
        .interact(
            Rect::from_center_size(at, vec2(18.0, 18.0)),
            id,
            Sense::click(),
        )
        .on_hover_cursor(CursorIcon::PointingHand);
    let is_locked =
        locks.is_some_and(|locks| locks.all_locked(|step, voice| part.has(step, voice)));
    let colour = match (is_locked, response.hovered()) {
        (true, _) => theme::ACCENT,
        (false, true) => theme::TEXT,
        (false, false) => theme::mix(theme::PANEL, theme::TEXT_FAINT, 0.75),
    };
    Icon::Lock.paint(painter, at, 11.0, colour);
    response.on_hover_text(hint).clicked()
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

fn steps(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a loop has at most a few hundred steps"
)]
fn whole_steps(n: f64) -> u32 {
    n.round().clamp(0.0, 4096.0) as u32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a place on the screen needs no more than f32"
)]
fn points(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame::new(Rect::from_min_size(Pos2::ZERO, vec2(1100.0, 320.0)), 16.0)
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
