//! A field in which text is typed.

use super::theme;
use egui::{Align, Frame, Id, Rect, Response, RichText, TextEdit, Ui, vec2};

/// Draws a field for `text` of at most `n_letters` in `rect`; `hint` stands in it while it is empty. Returns the field's
/// response.
pub(super) fn text_field(
    ui: &mut Ui,
    rect: Rect,
    id: Id,
    text: &mut String,
    hint: &str,
    n_letters: usize,
) -> Response {
    let has_focus = ui.memory(|memory| memory.has_focus(id));
    let edge = if has_focus {
        theme::ACCENT
    } else {
        theme::CONTROL_EDGE
    };
    theme::well(ui.painter(), rect, edge);
    let hint = RichText::new(hint).color(theme::TEXT_FAINT);
    let field = TextEdit::singleline(text)
        .id(id)
        .frame(Frame::NONE)
        .font(theme::medium(12.5))
        .text_color(theme::TEXT.into())
        .hint_text(hint)
        .char_limit(n_letters)
        .vertical_align(Align::Center);
    ui.put(rect.shrink2(vec2(10.0, 2.0)), field)
}
