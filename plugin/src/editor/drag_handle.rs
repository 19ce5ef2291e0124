//! The pattern as something to take hold of: dragged out of the window, it is a file in another program.

use super::help::Help as _;
use super::theme::{self, Shade};
use crate::params::FileKind;
use crate::request::Ready;
use egui::{Align2, CornerRadius, CursorIcon, Painter, Rect, Response, Sense, Ui, pos2, vec2};
use fourbar_model::drums::Voice;
use fourbar_model::pattern::Feel;

/// What is shown on the handle.
pub(super) struct Handle<'a> {
    /// The pattern; without one there is nothing to take hold of.
    pub(super) ready: Option<&'a Ready>,
    pub(super) feel: Feel,
    pub(super) kind: FileKind,
    /// Whether it is on its way.
    pub(super) is_dragged: bool,
}

/// Draws the handle in `rect`; its response says when a drag begins.
pub(super) fn show(ui: &Ui, rect: Rect, handle: &Handle) -> Response {
    let sense = match handle.ready {
        Some(_) => Sense::click_and_drag(),
        None => Sense::hover(),
    };
    let response = ui.interact(rect, ui.id().with("drag handle"), sense);
    let is_lit = handle.ready.is_some() && (response.hovered() || handle.is_dragged);
    let (fill, edge) = if handle.is_dragged {
        (theme::CONTROL_PRESSED, theme::ACCENT)
    } else if is_lit {
        (theme::CONTROL_HOVERED, theme::TEXT_FAINT)
    } else {
        (theme::CONTROL, theme::CONTROL_EDGE)
    };
    let painter = ui.painter();
    theme::body(painter, rect, fill, edge);
    let ink = match handle.ready {
        Some(_) => theme::TEXT,
        None => theme::TEXT_FAINT,
    };
    grip(
        painter,
        rect,
        if is_lit {
            theme::TEXT
        } else {
            theme::TEXT_FAINT
        },
    );
    let what = match handle.kind {
        FileKind::Midi => "Drag MIDI to your DAW",
        FileKind::Wav => "Drag WAV to your DAW",
    };
    let words = theme::text(
        painter,
        pos2(rect.right() - 1.25 * theme::UNIT, rect.center().y),
        Align2::RIGHT_CENTER,
        what,
        theme::semibold(12.0),
        ink,
    );
    // The picture has the room that the words leave.
    let inside = rect.shrink2(vec2(0.0, 5.0));
    let picture = Rect::from_x_y_ranges(
        rect.left() + 22.0..=words.left() - 1.25 * theme::UNIT,
        inside.y_range(),
    );
    if let Some(ready) = handle.ready {
        paint_pattern(painter, picture, ready, handle.feel);
    }
    if handle.ready.is_none() {
        return response;
    }
    let response = response.on_hover_cursor(CursorIcon::Grab);
    if handle.is_dragged {
        return response;
    }
    response.help(
        "Drag this onto a track of your DAW or into a folder: it holds what is heard, with tempo and metre. The file \
         stays in your export folder.",
    )
}

/// Six dots, which say that this can be taken hold of.
fn grip(painter: &Painter, rect: Rect, colour: Shade) {
    for (column, row) in (0..6_u8).map(|index| (index % 2, index / 2)) {
        let at = pos2(
            rect.left() + 8.5 + 5.0 * f32::from(column),
            rect.center().y + 5.0 * (f32::from(row) - 1.0),
        );
        painter.circle_filled(at, 1.3, colour);
    }
}

/// The first pass of the pattern, small: time from left to right, and the drums that play in the order of the grid.
fn paint_pattern(painter: &Painter, rect: Rect, ready: &Ready, feel: Feel) {
    let pass_beats = ready.pass_beats();
    let strokes = ready.pattern.to_strokes(feel);
    let of_pass = strokes.partition_point(|hit| hit.onset_beats < pass_beats);
    let hits = &strokes[..of_pass];
    let plays = |voice: &Voice| hits.iter().any(|hit| hit.voice == *voice);
    let lanes: Vec<Voice> = Voice::ALL.into_iter().rev().filter(plays).collect();
    let number = |index: usize| f32::from(u8::try_from(index).unwrap_or(u8::MAX));
    let height = rect.height() / number(lanes.len().max(4));
    for hit in hits {
        #[expect(clippy::cast_possible_truncation, reason = "a place on the screen")]
        let across = (hit.onset_beats / pass_beats) as f32;
        let lane = lanes.iter().position(|&voice| voice == hit.voice);
        let at = pos2(
            rect.left() + across * (rect.width() - 2.0),
            rect.top() + number(lane.unwrap_or(0)) * height,
        );
        let size = vec2(2.0, (height - 1.0).max(1.0));
        let colour = theme::voice_colour(hit.voice).gamma_multiply(0.45 + 0.55 * hit.velocity);
        painter.rect_filled(Rect::from_min_size(at, size), CornerRadius::ZERO, colour);
    }
}
