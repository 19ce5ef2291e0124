//! What menus are made of: a button with what is chosen, and lines to choose from.

use super::help::Help as _;
use super::theme;
use egui::{Align2, CursorIcon, Id, Order, Popup, Rect, Response, Sense, Stroke, Ui, pos2, vec2};

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
    follow_keys(ui, &response);
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
        response.help(name)
    }
}

/// The control from which a menu was opened by a key.
#[derive(Debug, Clone, Copy)]
struct Opener {
    id: Id,
    /// Whether a line of the menu has the keyboard already.
    has_handed_over: bool,
}

/// Notes that `response`, which opens a menu, has been pressed by a key: the first line of the menu gets the keyboard, and
/// `response` has it again once a line is chosen.
pub(super) fn open_by_keys(response: &Response) {
    if response.has_focus() {
        let opener = Opener {
            id: response.id,
            has_handed_over: false,
        };
        response
            .ctx
            .data_mut(|data| data.insert_temp(opener_id(), opener));
    }
}

fn follow_keys(ui: &Ui, line: &Response) {
    let Some(opener) = ui.data(|data| data.get_temp::<Opener>(opener_id())) else {
        return;
    };
    // Lines are elsewhere too, and a menu is first drawn unseen, to learn its size.
    let is_in_menu = ui.layer_id().order == Order::Foreground;
    if is_in_menu && !opener.has_handed_over && !ui.is_sizing_pass() {
        line.request_focus();
        let opener = Opener {
            has_handed_over: true,
            ..opener
        };
        ui.data_mut(|data| data.insert_temp(opener_id(), opener));
    }
    if line.has_focus() {
        line.scroll_to_me(None);
        if line.clicked() {
            ui.memory_mut(|memory| memory.request_focus(opener.id));
            ui.close();
        }
    }
}

fn opener_id() -> Id {
    Id::new("menu opened by a key")
}

/// A button that fills `rect` and opens a menu; it shows what is chosen.
pub(super) fn button(ui: &Ui, rect: Rect, id: &str, chosen: &str) -> Response {
    let response = ui
        .interact(rect, ui.id().with(("menu", id)), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    if response.clicked() {
        open_by_keys(&response);
    }
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
