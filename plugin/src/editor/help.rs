//! What a control does, said in the status line while the pointer is on it or it has the keyboard, so that nothing ever
//! covers what is being edited.

use egui::{Context, Id, Response};

/// Controls that say what they do.
pub(super) trait Help {
    /// Says `text` while the user is at this control.
    fn help(self, text: impl Into<String>) -> Self;
}

/// Said this frame.
#[derive(Debug, Clone, Default)]
struct Said {
    text: String,
    /// Of the control that has the keyboard, which goes before the one under the pointer.
    by_keys: bool,
}

impl Help for Response {
    fn help(self, text: impl Into<String>) -> Self {
        let by_keys = self.has_focus();
        if by_keys || self.hovered() || self.dragged() {
            let text = text.into();
            self.ctx.data_mut(|data| {
                let before = data.get_temp::<Said>(id());
                if by_keys || before.is_none_or(|before| !before.by_keys) {
                    data.insert_temp(id(), Said { text, by_keys });
                }
            });
        }
        self
    }
}

/// What was said this frame, which is over then.
pub(super) fn take(ctx: &Context) -> Option<String> {
    let said = ctx.data_mut(|data| data.remove_temp::<Said>(id()));
    said.map(|said| said.text)
}

fn id() -> Id {
    Id::new("help")
}
