//! The keyboard: Tab gives it to a control, from where it can work everything; Escape gives it back to the host.
//!
//! While no control has it, every key is the host's but `?`. The space bar is always the host's, and while something is typed
//! all keys are the text's. What does what is listed once, for the keys themselves and for the page that shows them.

use super::theme;
use crate::request::N_SLOTS;
use egui::{
    Align2, Context, CornerRadius, Event, EventFilter, Id, Key, LayerId, Modifiers, Order, Rect,
    Response, Stroke, StrokeKind, Ui, pos2, vec2,
};
use nice_plug_egui::KeyCapture;

/// What a key does, wherever the keyboard is in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Regenerate,
    Undo,
    Redo,
    /// Start or stop listening while the host is stopped.
    Play,
    Fill,
    /// The library, or the grid again.
    Library,
    /// The preset so many places away.
    Preset(isize),
    /// Play what the controls make.
    Live,
    /// Play a slot, from 0.
    Slot(usize),
    /// Play what the pad makes of four slots.
    Morph,
    /// Keep what sounds in a slot, from 0.
    Keep(usize),
    Export,
    Copy,
    /// So many choices larger.
    Zoom(isize),
    UsualSize,
    Theme,
    /// The page of keys, or the grid again.
    Keys,
    /// The menu of the control that has the keyboard.
    Menu,
}

/// How a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Press {
    /// A letter, as it is typed.
    Type(&'static str),
    /// With Ctrl, or with Cmd on a Mac.
    Command(Key),
}

/// The keys that do something wherever the keyboard is, besides those of the slots.
const ACTS: [(Press, Act); 20] = [
    (Press::Type("r"), Act::Regenerate),
    (Press::Type("z"), Act::Undo),
    (Press::Command(Key::Z), Act::Undo),
    (Press::Type("y"), Act::Redo),
    (Press::Command(Key::Y), Act::Redo),
    (Press::Type("p"), Act::Play),
    (Press::Type("f"), Act::Fill),
    (Press::Type("l"), Act::Library),
    (Press::Type(","), Act::Preset(-1)),
    (Press::Type("."), Act::Preset(1)),
    (Press::Type("0"), Act::Live),
    (Press::Type("9"), Act::Morph),
    (Press::Type("e"), Act::Export),
    (Press::Type("c"), Act::Copy),
    (Press::Command(Key::ArrowUp), Act::Zoom(1)),
    (Press::Command(Key::ArrowDown), Act::Zoom(-1)),
    (Press::Command(Key::Num0), Act::UsualSize),
    (Press::Type("t"), Act::Theme),
    (Press::Type("?"), Act::Keys),
    (Press::Type("m"), Act::Menu),
];

/// The keys of the slots.
const SLOTS: [(&str, Key); N_SLOTS] = [
    ("1", Key::Num1),
    ("2", Key::Num2),
    ("3", Key::Num3),
    ("4", Key::Num4),
    ("5", Key::Num5),
    ("6", Key::Num6),
    ("7", Key::Num7),
    ("8", Key::Num8),
];

/// What the page of keys says: which key, and what it does.
const LISTED: [(&str, &str); 28] = [
    ("Tab, Shift Tab", "the next control, the one before"),
    ("Arrows", "the control beside this one"),
    ("Enter", "press it, open it, switch it"),
    ("+  \u{2212}", "its value, a step up or down"),
    ("Page Up, Page Down", "ten steps"),
    ("Home, End", "its least, its most"),
    ("Delete", "its default"),
    ("M", "the menu of a slot"),
    ("Escape", "the keyboard back to the host"),
    ("Space", "always the host's"),
    ("Pads: arrows", "move the puck"),
    ("Grid: arrows", "move from cell to cell"),
    ("Grid: Enter, Delete", "add a hit or take it out"),
    ("Grid: +  \u{2212}", "its velocity"),
    ("Grid: Ctrl Left, Ctrl Right", "earlier, later"),
    ("R", "Regenerate"),
    ("Z, Y", "undo, redo"),
    ("P", "Play or Stop, while the host is stopped"),
    ("F", "Fill now"),
    ("0, 1 \u{2026} 8, 9", "Live, slots 1 to 8, Morph"),
    ("Ctrl 1 \u{2026} Ctrl 8", "keep what sounds in a slot"),
    ("L", "the library"),
    (",  .", "the preset before, the next"),
    ("E, C", "Export, Copy as file"),
    ("Ctrl Up, Ctrl Down", "zoom larger, smaller"),
    ("Ctrl 0", "zoom 100 %"),
    ("T", "dark or light"),
    ("?", "this page"),
];

/// Takes the space bar out of this frame's keys, unless it is typed: it must press nothing here, and `leave_space` gives it to
/// the host, as it goes down (true) or up. Returns what the keys ask for.
pub(super) fn follow(ui: &Ui, mut leave_space: impl FnMut(bool)) -> Vec<Act> {
    let ctx = ui.ctx();
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    let is_here = ctx.memory(|memory| memory.focused().is_some());
    ui.input_mut(|input| {
        input.events.retain(|event| match event {
            Event::Key {
                key: Key::Space,
                pressed,
                ..
            } => {
                leave_space(*pressed);
                false
            }
            Event::Text(text) => text != " ",
            _ => true,
        });
        let acts = input.events.iter().filter_map(act_of);
        acts.filter(|&act| is_here || act == Act::Keys).collect()
    })
}

fn act_of(event: &Event) -> Option<Act> {
    let command = |wanted: Key| {
        matches!(event, Event::Key { key, pressed: true, modifiers, .. }
            if *key == wanted && modifiers.command && !modifiers.alt && !modifiers.shift)
    };
    let typed =
        |letter: &str| matches!(event, Event::Text(text) if text.eq_ignore_ascii_case(letter));
    let is_pressed = |press: &Press| match press {
        Press::Type(letter) => typed(letter),
        Press::Command(key) => command(*key),
    };
    let act = ACTS.iter().find(|(press, _)| is_pressed(press));
    let slot = || SLOTS.iter().position(|(digit, _)| typed(digit));
    let kept = || SLOTS.iter().position(|&(_, key)| command(key));
    act.map(|&(_, act)| act)
        .or_else(|| slot().map(Act::Slot))
        .or_else(|| kept().map(Act::Keep))
}

/// The keys that the host does not get while a control has the keyboard; all, while something is typed.
pub(super) fn captured(ctx: &Context) -> KeyCapture {
    const NAMED: [&str; 15] = [
        "Tab",
        "Enter",
        "Escape",
        "ArrowUp",
        "ArrowDown",
        "ArrowLeft",
        "ArrowRight",
        "Home",
        "End",
        "PageUp",
        "PageDown",
        "Delete",
        "+",
        "=",
        "-",
    ];
    if ctx.text_edit_focused() {
        return KeyCapture::CaptureAll;
    }
    let typed = ACTS.iter().filter_map(|(press, _)| match press {
        Press::Type(letter) => Some(*letter),
        Press::Command(_) => None,
    });
    let slots = SLOTS.iter().map(|(digit, _)| *digit);
    let all = NAMED.into_iter().chain(typed).chain(slots);
    KeyCapture::CaptureKeys(all.filter_map(|key| key.parse().ok()).collect())
}

/// What the keyboard does to the value of the control that has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Turn {
    /// So many steps up.
    By(f32),
    /// To the least (0), to the most (1).
    To(f32),
    /// To the default.
    Back,
}

/// What the keyboard does to the value of `response`, if it has the keyboard.
pub(super) fn turn(response: &Response) -> Option<Turn> {
    if !response.has_focus() {
        return None;
    }
    response.ctx.input(|input| {
        input.events.iter().find_map(|event| match event {
            Event::Text(text) => match text.as_str() {
                "+" | "=" => Some(Turn::By(1.0)),
                "-" => Some(Turn::By(-1.0)),
                _ => None,
            },
            Event::Key {
                key, pressed: true, ..
            } => match key {
                Key::PageUp => Some(Turn::By(10.0)),
                Key::PageDown => Some(Turn::By(-10.0)),
                Key::Home => Some(Turn::To(0.0)),
                Key::End => Some(Turn::To(1.0)),
                Key::Delete | Key::Backspace => Some(Turn::Back),
                _ => None,
            },
            _ => None,
        })
    })
}

/// The arrow that was pressed, right and down positive, where `response` has the keyboard and keeps the arrows to itself, and
/// whether Ctrl was down.
pub(super) fn arrow(response: &Response) -> Option<(i8, i8, bool)> {
    if !response.has_focus() {
        return None;
    }
    let ctx = &response.ctx;
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ctx.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    ctx.input(|input| {
        input.events.iter().find_map(|event| {
            let Event::Key {
                key,
                pressed: true,
                modifiers,
                ..
            } = event
            else {
                return None;
            };
            let (right, down) = match key {
                Key::ArrowLeft => (-1, 0),
                Key::ArrowRight => (1, 0),
                Key::ArrowUp => (0, -1),
                Key::ArrowDown => (0, 1),
                _ => return None,
            };
            Some((right, down, modifiers.contains(Modifiers::COMMAND)))
        })
    })
}

/// Whether a key was pressed while `response` has the keyboard.
pub(super) fn pressed(response: &Response, key: Key) -> bool {
    response.has_focus() && response.ctx.input(|input| input.key_pressed(key))
}

/// Draws a ring around the control that has the keyboard, on top of everything. Text fields have an edge of their own.
pub(super) fn paint_ring(ui: &Ui) {
    let ctx = ui.ctx();
    let focused = ctx.memory(egui::Memory::focused);
    let Some(control) = focused.and_then(|id| ctx.read_response(id)) else {
        return;
    };
    if ctx.text_edit_focused() {
        return;
    }
    let painter = ctx.layer_painter(LayerId::new(Order::Tooltip, Id::new("keyboard")));
    let corners = CornerRadius::same(7);
    let ring = control.rect.expand(1.0);
    let gap = Stroke::new(1.0, theme::BACKGROUND);
    painter.rect_stroke(ring, corners, gap, StrokeKind::Inside);
    let stroke = Stroke::new(2.0, theme::TEXT);
    painter.rect_stroke(ring, corners, stroke, StrokeKind::Outside);
}

/// Draws the page of keys in `rect`.
pub(super) fn show(ui: &Ui, rect: Rect) {
    const COLUMNS: usize = 2;
    /// Of a column.
    const KEYS: f32 = 0.4;
    let painter = ui.painter();
    let inside = theme::panel(painter, rect);
    let at = pos2(inside.left(), inside.top() + 8.0);
    theme::heading(painter, at, "Keys", theme::TEXT);
    let rows = LISTED.len().div_ceil(COLUMNS);
    let count = |n: usize| f32::from(u8::try_from(n).unwrap_or(u8::MAX));
    let body = inside.with_min_y(inside.top() + 22.0);
    let size = vec2(
        body.width() / count(COLUMNS),
        (body.height() / count(rows)).min(26.0),
    );
    for (index, (key, does)) in LISTED.into_iter().enumerate() {
        let corner = body.min + vec2(size.x * count(index / rows), size.y * count(index % rows));
        let row = Rect::from_min_size(corner, size);
        let font = theme::semibold(12.0);
        theme::text(
            painter,
            row.left_center(),
            Align2::LEFT_CENTER,
            key,
            font,
            theme::TEXT,
        );
        let at = pos2(row.left() + row.width() * KEYS, row.center().y);
        let font = theme::medium(12.0);
        theme::text(
            painter,
            at,
            Align2::LEFT_CENTER,
            does,
            font,
            theme::TEXT_SOFT,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Event {
        Event::Text(text.to_owned())
    }

    #[test]
    fn letters_do_what_is_listed_whatever_their_case_and_no_two_do_different_things() {
        assert_eq!(act_of(&typed("r")), Some(Act::Regenerate));
        assert_eq!(act_of(&typed("R")), Some(Act::Regenerate));
        assert_eq!(act_of(&typed("8")), Some(Act::Slot(7)));
        assert_eq!(act_of(&typed("q")), None);
        for (index, (press, _)) in ACTS.iter().enumerate() {
            assert!(ACTS[..index].iter().all(|(before, _)| before != press));
        }
    }

    #[test]
    fn every_letter_that_does_something_is_on_the_page() {
        let listed: String = LISTED.map(|(key, _)| key).join(" ").to_lowercase();
        for (press, _) in ACTS {
            if let Press::Type(letter) = press {
                let mut keys = listed.split([' ', ','].as_slice());
                let is_listed = keys.any(|key| key == letter) || letter == ",";
                assert!(is_listed, "{letter}");
            }
        }
    }
}
