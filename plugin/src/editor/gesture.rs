//! Turns what the pointer and the keys do to a control into changes of a host parameter.
//!
//! Every change is a gesture (begin, set, end), which is what a host needs to record automation. While a drag lasts,
//! the control shows the value that was dragged to: a host may hand a new value back only a block later.

use super::keys::{self, Turn};
use egui::{Event, MouseWheelUnit, Response, Ui};
use nice_plug::prelude::{Param, ParamSetter};

/// How much slower a drag is while shift is held.
pub(super) const FINE: f32 = 8.0;

/// Distance of the pointer from the left or the bottom that a drag adds to the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Travel {
    /// Up and right both raise the value; this many points cover the whole range.
    Both(f32),
    /// Only up raises it.
    Vertical(f32),
    /// Only right raises it.
    Horizontal(f32),
}

impl Travel {
    fn normalized(self, response: &Response) -> f32 {
        let delta = response.drag_delta();
        match self {
            Self::Both(points) => (delta.x - delta.y) / points,
            Self::Vertical(points) => -delta.y / points,
            Self::Horizontal(points) => delta.x / points,
        }
    }
}

/// Lets `response` change `param` by dragging, by the wheel, by keys, and by a double click, which resets it.
///
/// Returns the normalised value that the control shows.
pub(super) fn edit<P: Param>(
    ui: &Ui,
    response: &Response,
    param: &P,
    setter: &ParamSetter,
    travel: Travel,
) -> f32 {
    let now = param.unmodulated_normalized_value();
    let shown = drag(ui, response, param, setter, |shown| {
        let is_fine = ui.input(|input| input.modifiers.shift);
        let slower = if is_fine { FINE } else { 1.0 };
        Some((shown + travel.normalized(response) / slower).clamp(0.0, 1.0))
    });
    if response.dragged() {
        return shown;
    }
    let by = |steps: f32| turn_to(param, setter, now + steps * step_of(param));
    let notches = wheel_notches(ui, response);
    if notches != 0.0 {
        by(notches);
    }
    match keys::turn(response) {
        None => {}
        Some(Turn::By(steps)) => by(steps),
        Some(Turn::To(end)) => turn_to(param, setter, end),
        Some(Turn::Back) => set(param, setter, param.default_plain_value()),
    }
    shown
}

/// What a step adds to the normalised value of `param`.
fn step_of<P: Param>(param: &P) -> f32 {
    param
        .step_count()
        .map_or(0.01, |steps| 1.0 / steps_as_f32(steps))
}

/// Sets `param` to a normalised value, if that is another one.
pub(super) fn turn_to<P: Param>(param: &P, setter: &ParamSetter, normalized: f32) {
    let wanted = normalized.clamp(0.0, 1.0);
    if snapped(param, wanted) != snapped(param, param.unmodulated_normalized_value()) {
        set(param, setter, param.preview_plain(wanted));
    }
}

/// Lets `response` take `param` to where the pointer is, which is `wanted` (0 to 1), by pressing and dragging; a double
/// click resets it.
///
/// Returns the normalised value that the control shows.
pub(super) fn follow<P: Param>(
    ui: &Ui,
    response: &Response,
    param: &P,
    setter: &ParamSetter,
    wanted: Option<f32>,
) -> f32 {
    let shown = drag(ui, response, param, setter, |_| wanted);
    if let (true, false, Some(wanted)) = (response.clicked(), response.double_clicked(), wanted) {
        set(param, setter, param.preview_plain(wanted));
    }
    shown
}

/// Lets `response` change `param` to where a drag takes it from the value that is shown, if it takes it anywhere; a double
/// click resets it.
///
/// Returns the normalised value that the control shows.
fn drag<P: Param>(
    ui: &Ui,
    response: &Response,
    param: &P,
    setter: &ParamSetter,
    to: impl FnOnce(f32) -> Option<f32>,
) -> f32 {
    let id = response.id.with(("dragged to", param.name()));
    let now = param.unmodulated_normalized_value();
    let mut shown = ui.data(|data| data.get_temp::<f32>(id)).unwrap_or(now);

    if response.drag_started() {
        setter.begin_set_parameter(param);
        shown = now;
    }
    if response.dragged()
        && let Some(wanted) = to(shown)
    {
        if snapped(param, wanted) != snapped(param, shown) {
            setter.set_parameter(param, param.preview_plain(wanted));
        }
        shown = wanted;
        ui.data_mut(|data| data.insert_temp(id, shown));
    }
    if response.drag_stopped() {
        setter.end_set_parameter(param);
        ui.data_mut(|data| data.remove::<f32>(id));
    }
    if response.double_clicked() {
        set(param, setter, param.default_plain_value());
    }
    shown
}

/// Sets `param` to `value` as one complete gesture.
pub(super) fn set<P: Param>(param: &P, setter: &ParamSetter, value: P::Plain) {
    setter.begin_set_parameter(param);
    setter.set_parameter(param, value);
    setter.end_set_parameter(param);
}

/// The same, if it is at another value.
pub(super) fn change<P: Param>(param: &P, setter: &ParamSetter, wanted: P::Plain)
where
    P::Plain: PartialEq,
{
    if param.unmodulated_plain_value() != wanted {
        set(param, setter, wanted);
    }
}

/// The nearest value that `param` can take.
fn snapped<P: Param>(param: &P, normalized: f32) -> f32 {
    param.preview_normalized(param.preview_plain(normalized))
}

/// Notches the wheel was turned over the control in this frame, up positive; a touchpad turns parts of one.
pub(super) fn wheel_notches(ui: &Ui, response: &Response) -> f32 {
    const POINTS_A_NOTCH: f32 = 50.0;
    if !response.hovered() {
        return 0.0;
    }
    ui.input(|input| {
        let turned = |event: &Event| match event {
            Event::MouseWheel {
                unit: MouseWheelUnit::Point,
                delta,
                ..
            } => delta.y / POINTS_A_NOTCH,
            Event::MouseWheel { delta, .. } if delta.y != 0.0 => delta.y.signum(),
            _ => 0.0,
        };
        input.events.iter().map(turned).sum()
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the widest parameter has a million steps"
)]
fn steps_as_f32(steps: usize) -> f32 {
    steps.max(1) as f32
}
