//! Does what the keys ask for.

use super::keys::Act;
use super::look::Look;
use super::{Upper, View, fills, generate, listen};
use crate::request::Ready;
use crate::shared::Snapshot;
use nice_plug::prelude::ParamSetter;

impl View {
    /// Does what a key asks for; what is asked of slots, the header does.
    pub(super) fn act(
        &mut self,
        act: Act,
        setter: &ParamSetter,
        sounding: Option<&Ready>,
        snapshot: &Snapshot,
    ) {
        let (params, shared) = (self.params.clone(), self.shared.clone());
        let look = Look::now();
        match act {
            Act::Regenerate => generate::regenerate(&params, setter),
            Act::Undo => generate::undo(&params, &shared, setter, &mut self.history),
            Act::Redo => generate::redo(&params, &shared, setter, &mut self.history),
            Act::Play => listen::press(&params, &shared, setter),
            Act::Fill => fills::fill_now(&params.form, setter),
            Act::Library => self.upper.toggle(Upper::Library),
            Act::Preset(step) => {
                let wish = self.library.beside(step);
                self.take_library_wish(wish, sounding, snapshot);
            }
            Act::Export | Act::Copy => {
                if let Some(ready) = sounding.filter(|_| self.outbox.is_free()) {
                    self.done = None;
                    if act == Act::Export {
                        self.outbox.start_export(ready, &params, &shared);
                    } else {
                        self.outbox.start_copy(ready, &params, &shared);
                    }
                }
            }
            Act::Zoom(step) => self.use_look(look.zoomed_by(step)),
            Act::UsualSize => self.use_look(look.zoomed_to(100)),
            Act::Theme => self.use_look(Look {
                theme: look.theme.other(),
                ..look
            }),
            Act::Keys => self.upper.toggle(Upper::Keys),
            Act::Live | Act::Slot(_) | Act::Morph | Act::Keep(_) | Act::Menu => {}
        }
    }
}
