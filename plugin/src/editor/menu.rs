//! What menus are made of: a button with what is chosen, and lines to choose from.

use super::theme;
use egui::{Align2, CursorIcon, Popup, Rect, Response, Sense, Stroke, Ui, pos2, vec2};

/// Height of a line.
const LINE: f32 = 26.0;
/// Room for a button's arrow.
const ARROW: f32 = 22.0;
/// What a button is wider than its text.
pub(super) const BUTTON_ROOM: f32 = 1.5 * theme::UNIT + ARROW;

/// A line of a menu, with a dot before the one that is chosen.
pub(super) fn line(ui: &mut Ui, name: &str, remark: &str, is_chosen: bool) -> Response {
    const DOT: f32 = 18.0;
    let (place, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    let painter = ui.painter();
    if response.hovered() {
        painter.rect_filled(place, theme::CONTROL_CORNERS, theme::CONTROL_HOVERED);
    }
    let (font, colour) = if is_chosen {
        painter.circle_filled(
            pos2(place.left() + DOT / 2.0, place.center().y),
            3.0,
            theme::ACCENT,
        );
        (theme::semibold(12.5), theme::ACCENT)
    } else {
        (theme::medium(12.5), theme::TEXT)
    };
    let remark = theme::text(
        painter,
        place.right_center() - vec2(theme::UNIT, 0.0),
        Align2::RIGHT_CENTER,
        remark,
        theme::medium(11.5),
        theme::TEXT_FAINT,
    );
    let name_at = pos2(place.left() + DOT, place.center().y);
    let room = remark.left() - theme::UNIT - name_at.x;
    let is_whole = theme::text_within(
        painter,
        name_at,
        Align2::LEFT_CENTER,
        name,
        font,
        colour,
        room,
    );
    if is_whole {
        response
    } else {
        response.on_hover_text(name)
    }
}

/// A button that fills `rect` and opens a menu; it shows what is chosen.
pub(super) fn button(ui: &Ui, rect: Rect, id: &str, chosen: &str) -> Response {
    let response = ui
        .interact(rect, ui.id().with(("menu", id)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let is_open = Popup::is_id_open(ui.ctx(), Popup::default_response_id(&response));
    let (fill, edge) = if response.hovered() || is_open {
        (theme::CONTROL_HOVERED, theme::TEXT_FAINT)
    } else {
        (theme::CONTROL, theme::CONTROL_EDGE)
    };
    let painter = ui.painter();
    theme::body(painter, rect, fill, edge);
    theme::text_within(
        painter,
        pos2(rect.left() + 1.5 * theme::UNIT, rect.center().y),
        Align2::LEFT_CENTER,
        chosen,
        theme::semibold(12.5),
        theme::TEXT,
        rect.width() - BUTTON_ROOM,
    );
    let tip = pos2(rect.right() - ARROW / 2.0 - 1.0, rect.center().y + 2.0);
    let arrow = [tip - vec2(4.0, 4.0), tip, tip + vec2(4.0, -4.0)];
    painter.line(arrow.to_vec(), Stroke::new(1.5, theme::TEXT_SOFT));
    response
}
