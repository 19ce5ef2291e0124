//! Files for other programs and from them on X11: the two selections that a window can own, and what is dropped on ours,
//! each with a window and a connection of its own, on a thread of its own.

mod clipboard;
mod drag;
mod landing;
mod offer;
mod target;

pub(in crate::editor) use clipboard::Clipboard;
pub(in crate::editor) use landing::Landing;

use super::Dropped;
use crate::editor::background::Background;
use crate::editor::export::Made;
use offer::Atoms;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use x11rb::connection::Connection as _;
use x11rb::errors::ConnectionError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, Keycode,
    PropMode, Timestamp, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Whether a drag can be begun here.
pub(in crate::editor) const CAN_DRAG: bool = true;

/// What can go wrong before it begins.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Carries a file with the pointer; see [`drag`].
pub(super) fn carry(
    file: Background<Made>,
    host_window: usize,
    is_welcome: &AtomicBool,
    stop: &AtomicBool,
) -> Result<Dropped, String> {
    // The identity of a window has 32 bits; hosts hand it over in a longer number.
    let host_window = u32::try_from(host_window).unwrap_or(x11rb::NONE);
    drag::carry(file, host_window, is_welcome, stop)
}

fn in_words(error: &Error) -> String {
    format!("The display did not take part ({error}). Export the file instead.")
}

/// A thread that answers others through a window of ours, until this is dropped.
#[derive(Debug)]
struct Answering {
    x: Arc<RustConnection>,
    window: Window,
    stop: Atom,
    thread: Option<JoinHandle<()>>,
}

impl Answering {
    /// Lets `answer` have all that comes to `window`, on a thread with this name, until it returns false or the display is gone.
    fn start(
        name: &str,
        x: RustConnection,
        window: Window,
        atoms: Atoms,
        mut answer: impl FnMut(&RustConnection, &Atoms, Event) -> Result<bool, ConnectionError>
        + Send
        + 'static,
    ) -> Result<Self, Error> {
        let x = Arc::new(x);
        let stop = atoms.FourbarStop;
        let of_thread = x.clone();
        let is_stop = move |event: &Event| matches!(event, Event::ClientMessage(message) if message.type_ == stop);
        let serve = move || {
            while let Ok(event) = of_thread.wait_for_event() {
                if is_stop(&event) || !answer(&of_thread, &atoms, event).unwrap_or(false) {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        Ok(Self {
            x,
            window,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let wake = ClientMessageEvent::new(32, self.window, self.stop, [0; 5]);
        // Where this fails, the display is gone and the thread has ended.
        let _ = self
            .x
            .send_event(false, self.window, EventMask::NO_EVENT, wake);
        let _ = self.x.flush();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let_it_read(&self.x);
    }
}

/// Waits until the server has read everything that was sent. When a connection ends, it throws away what it has not read,
/// and whoever was sent that waits for ever.
fn let_it_read(x: &RustConnection) {
    // Where this fails, the display is gone.
    let _ = x.sync();
}

/// A window that nobody sees.
fn new_window(x: &RustConnection, root: Window) -> Result<Window, Error> {
    let window = x.generate_id()?;
    let aux = CreateWindowAux::new()
        .override_redirect(1)
        .event_mask(EventMask::PROPERTY_CHANGE);
    x.create_window(
        x11rb::COPY_DEPTH_FROM_PARENT,
        window,
        root,
        -10,
        -10,
        1,
        1,
        0,
        WindowClass::INPUT_OUTPUT,
        x11rb::COPY_FROM_PARENT,
        &aux,
    )?;
    Ok(window)
}

/// A window that nobody sees, which owns `selection`, and since when it does.
fn speaker(
    x: &RustConnection,
    atoms: &Atoms,
    root: Window,
    selection: Atom,
) -> Result<(Window, Timestamp), Error> {
    let window = new_window(x, root)?;
    let since = server_time(x, atoms, window)?;
    x.set_selection_owner(window, selection, since)?;
    let owner = x.get_selection_owner(selection)?.reply()?.owner;
    if owner == window {
        Ok((window, since))
    } else {
        Err("another program was faster".into())
    }
}

/// The server's time: that of a change to a property, which is the only way to hear it.
fn server_time(x: &RustConnection, atoms: &Atoms, window: Window) -> Result<Timestamp, Error> {
    x.change_property8(
        PropMode::REPLACE,
        window,
        atoms.FourbarClock,
        AtomEnum::STRING,
        b"",
    )?
    .check()?;
    loop {
        if let Event::PropertyNotify(change) = x.wait_for_event()? {
            return Ok(change.time);
        }
    }
}

/// The key with this symbol, if the keyboard has one.
fn key_of(x: &RustConnection, symbol: u32) -> Result<Option<Keycode>, Error> {
    let (first, last) = (x.setup().min_keycode, x.setup().max_keycode);
    let n_keys = (last - first).saturating_add(1);
    let mapping = x.get_keyboard_mapping(first, n_keys)?.reply()?;
    let n_symbols = usize::from(mapping.keysyms_per_keycode).max(1);
    let keys = (first..=last).zip(mapping.keysyms.chunks(n_symbols));
    let mut with_symbol = keys.filter(|(_, symbols)| symbols.contains(&symbol));
    Ok(with_symbol.next().map(|(key, _)| key))
}
