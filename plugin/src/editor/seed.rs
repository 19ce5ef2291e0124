//! The seed: the name of the groove that is wanted, to be dragged, stepped, typed, pasted and copied.
//!
//! Keys are typed here only after a click on the name.

use super::gesture;
use super::stepper::stepper;
use super::theme::{self, Shade};
use crate::groove_name::GrooveName;
use crate::params::FourbarParams;
use egui::text::{CCursor, CCursorRange};
use egui::{Align, Frame, Id, Key, Rect, TextEdit, Ui};
use nice_plug::prelude::ParamSetter;

const HINT: &str = "The groove's name: its seed, and its variation if it is one. The same name brings back the same groove. \
                    Click to type, paste or copy it; drag it, or step with the buttons.";

/// The text field.
fn text_id() -> Id {
    Id::new("seed text")
}

/// A name that is being typed. Owned by the editor's thread.
#[derive(Debug, Default)]
pub(super) struct Typed {
    text: Option<String>,
    /// Whether the field has not been drawn yet.
    is_new: bool,
    /// Whether it was opened by a key, and the number is to have the keyboard again.
    by_keys: bool,
}

/// Draws the name of the wanted groove, of this variation, or the text field for another one, in `rect`.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    params: &FourbarParams,
    setter: &ParamSetter,
    variation: u64,
    typed: &mut Typed,
) {
    let Some(text) = &mut typed.text else {
        let name = |seed: i32| GrooveName {
            seed: seed.unsigned_abs(),
            variation,
        };
        let number = |seed| name(seed).to_string();
        let stepper = stepper(ui, rect, &params.seed, setter, number, HINT);
        if std::mem::take(&mut typed.by_keys) {
            stepper.request_focus();
        }
        if stepper.clicked() {
            typed.text = Some(number(params.seed.value()));
            typed.is_new = true;
            typed.by_keys = stepper.has_focus();
        }
        return;
    };
    if std::mem::take(&mut typed.is_new) {
        open(ui, text);
    }
    let name = text.parse::<GrooveName>();
    let colour = if name.is_ok() {
        theme::TEXT
    } else {
        theme::BAD
    };
    if !text_field(ui, rect, text, colour) {
        let is_cancelled = ui.input(|input| input.key_pressed(Key::Escape));
        if let (Ok(name), false) = (text.parse(), is_cancelled) {
            choose(params, setter, name);
        }
        typed.text = None;
    }
}

/// Wants the groove of that name.
pub(super) fn choose(params: &FourbarParams, setter: &ParamSetter, name: GrooveName) {
    let seed = name.seed.cast_signed();
    if params.seed.value() != seed {
        gesture::set(&params.seed, setter, seed);
    }
    params.recall(name.variation);
}

/// Gives the field the keyboard, and selects all of its text, so that it is copied or replaced at once.
fn open(ui: &Ui, text: &str) {
    let mut state = TextEdit::load_state(ui.ctx(), text_id()).unwrap_or_default();
    let all = CCursorRange::two(CCursor::new(0), CCursor::new(text.chars().count()));
    state.cursor.set_char_range(Some(all));
    state.store(ui.ctx(), text_id());
    ui.memory_mut(|memory| memory.request_focus(text_id()));
}

/// Draws the text field; false once it is left.
fn text_field(ui: &mut Ui, rect: Rect, text: &mut String, colour: Shade) -> bool {
    theme::well(ui.painter(), rect, theme::ACCENT);
    let field = TextEdit::singleline(text)
        .id(text_id())
        .frame(Frame::NONE)
        .font(theme::semibold(13.0))
        .text_color(colour.into())
        .horizontal_align(Align::Center)
        .vertical_align(Align::Center);
    ui.put(rect.shrink(2.0), field).has_focus()
}
