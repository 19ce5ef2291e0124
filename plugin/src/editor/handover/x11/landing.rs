//! Files that are dropped on the window: the target's side of XDND.
//!
//! The window's own adapter speaks for it in a drag and keeps what was dropped to itself (egui-baseview 0.6). So the window
//! names a proxy, as the protocol allows: a window of ours, on a connection and a thread of its own.

use super::offer::{self, Atoms};
use super::target::{self, VERSION};
use super::{Answering, Error, new_window};
use std::path::PathBuf;
use x11rb::connection::Connection as _;
use x11rb::errors::ConnectionError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, PropMode,
    SelectionNotifyEvent, Window,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// The longest list of files that is read, in units of four bytes.
const MAX_LIST: u32 = 1 << 16;

/// Takes the files that are dropped on the editor's window, as long as this lives.
#[derive(Debug)]
pub(in crate::editor) struct Landing {
    _answering: Answering,
}

impl Landing {
    /// Lets `land` have the files that are dropped on the window inside `host_window`; `None` where the display does not take
    /// part.
    pub(in crate::editor) fn open(
        host_window: usize,
        land: impl Fn(Vec<PathBuf>) + Send + 'static,
    ) -> Option<Self> {
        let host_window = u32::try_from(host_window).ok()?;
        Self::try_open(host_window, land).ok()
    }

    fn try_open(
        host_window: Window,
        land: impl Fn(Vec<PathBuf>) + Send + 'static,
    ) -> Result<Self, Error> {
        let (x, screen) = x11rb::connect(None)?;
        let atoms = Atoms::new(&x)?.reply()?;
        let root = x.setup().roots[screen].root;
        let proxy = new_window(&x, root)?;
        let set = |window, name, kind, number| {
            x.change_property32(PropMode::REPLACE, window, name, kind, &[number])
                .map(drop)
        };
        set(proxy, atoms.XdndAware, AtomEnum::ATOM, VERSION)?;
        set(proxy, atoms.XdndProxy, AtomEnum::WINDOW, proxy)?;
        for window in x.query_tree(host_window)?.reply()?.children {
            if target::of_window(&x, &atoms, window)?.is_some() {
                set(window, atoms.XdndProxy, AtomEnum::WINDOW, proxy)?;
            }
        }
        x.flush()?;
        let mut drag = None;
        let answer = move |x: &_, atoms: &_, event| {
            let mut target = Target {
                x,
                atoms,
                proxy,
                drag: &mut drag,
            };
            let files = target.hear(&event)?;
            if !files.is_empty() {
                land(files);
            }
            Ok(true)
        };
        let answering = Answering::start("fourbar landing", x, proxy, atoms, answer)?;
        Ok(Self {
            _answering: answering,
        })
    }
}

/// What is dragged over the window.
struct Drag {
    source: Window,
    /// The window that is meant.
    over: Window,
    /// Whether there are files in it.
    has_files: bool,
}

/// The other end of a drag. Lives on the landing's thread.
struct Target<'a> {
    x: &'a RustConnection,
    atoms: &'a Atoms,
    proxy: Window,
    drag: &'a mut Option<Drag>,
}

impl Target<'_> {
    /// Takes note of what a source says; returns the files that were dropped.
    fn hear(&mut self, event: &Event) -> Result<Vec<PathBuf>, ConnectionError> {
        match event {
            Event::ClientMessage(message) if message.format == 32 => self.hear_source(message)?,
            Event::SelectionNotify(given) => return self.take(given),
            _ => {}
        }
        Ok(Vec::new())
    }

    fn hear_source(&mut self, message: &ClientMessageEvent) -> Result<(), ConnectionError> {
        let atoms = self.atoms;
        let data = message.data.as_data32();
        let [source, flags, time, first, second] = data;
        if message.type_ == atoms.XdndEnter {
            let named = [time, first, second];
            let has_files =
                named.contains(&atoms.UriList) || flags & 1 != 0 && self.lists_files(source)?;
            *self.drag = Some(Drag {
                source,
                over: message.window,
                has_files,
            });
        }
        let Some(drag) = self.drag.as_ref().filter(|drag| drag.source == source) else {
            return Ok(());
        };
        if message.type_ == atoms.XdndPosition {
            let welcome = u32::from(drag.has_files);
            let action = atoms.XdndActionCopy;
            self.reply(drag, atoms.XdndStatus, [drag.over, welcome, 0, 0, action])?;
        } else if message.type_ == atoms.XdndLeave {
            *self.drag = None;
        } else if message.type_ == atoms.XdndDrop {
            let (form, property) = (atoms.UriList, atoms.XdndSelection);
            self.x
                .convert_selection(self.proxy, atoms.XdndSelection, form, property, time)?;
            self.x.flush()?;
        }
        Ok(())
    }

    /// Whether a source that has more forms than a message holds has files among them.
    fn lists_files(&self, source: Window) -> Result<bool, ConnectionError> {
        let name = self.atoms.XdndTypeList;
        let forms = self.property(source, name, AtomEnum::ATOM.into(), false)?;
        let forms = forms.chunks_exact(4).map(|bytes| bytes.try_into());
        Ok(forms
            .flatten()
            .any(|bytes| u32::from_ne_bytes(bytes) == self.atoms.UriList))
    }

    /// Takes what was dropped, and says so.
    fn take(&mut self, given: &SelectionNotifyEvent) -> Result<Vec<PathBuf>, ConnectionError> {
        let Some(drag) = self.drag.take() else {
            return Ok(Vec::new());
        };
        let files = if given.property == x11rb::NONE {
            Vec::new()
        } else {
            let list = self.property(self.proxy, given.property, self.atoms.UriList, true)?;
            offer::paths_of(&list)
        };
        let is_taken = u32::from(!files.is_empty());
        let action = self.atoms.XdndActionCopy * is_taken;
        let done = [drag.over, is_taken, action, 0, 0];
        self.reply(&drag, self.atoms.XdndFinished, done)?;
        Ok(files)
    }

    /// The bytes of a window's property, if it is of this kind.
    fn property(
        &self,
        window: Window,
        name: Atom,
        kind: Atom,
        is_taken_away: bool,
    ) -> Result<Vec<u8>, ConnectionError> {
        let request = self
            .x
            .get_property(is_taken_away, window, name, kind, 0, MAX_LIST)?;
        let reply = target::if_it_is_there(request.reply())?;
        Ok(reply.map_or(Vec::new(), |reply| reply.value))
    }

    fn reply(&self, drag: &Drag, kind: Atom, data: [u32; 5]) -> Result<(), ConnectionError> {
        let message = ClientMessageEvent::new(32, drag.source, kind, data);
        self.x
            .send_event(false, drag.source, EventMask::NO_EVENT, message)?;
        self.x.flush()
    }
}
