//! A file on the clipboard, which on X11 stays with the program that it was copied from.

use super::offer::{Atoms, Offer};
use super::{Error, in_words, speaker};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask, Window};
use x11rb::rust_connection::RustConnection;

/// A file that others can paste for as long as this lives, or until something else is copied.
#[derive(Debug)]
pub(in crate::editor) struct Clipboard {
    x: Arc<RustConnection>,
    window: Window,
    stop: u32,
    thread: Option<JoinHandle<()>>,
}

impl Clipboard {
    /// Puts the file at `path` on the clipboard. Waits for the server.
    ///
    /// # Errors
    /// In words for the user.
    pub(in crate::editor) fn offer(path: &Path) -> Result<Self, String> {
        Self::try_offer(path).map_err(|error| in_words(&error))
    }

    fn try_offer(path: &Path) -> Result<Self, Error> {
        let (x, screen) = x11rb::connect(None)?;
        let atoms = Atoms::new(&x)?.reply()?;
        let root = x.setup().roots[screen].root;
        let (window, since) = speaker(&x, &atoms, root, atoms.CLIPBOARD)?;
        let offer = Offer::new(path, since);
        let x = Arc::new(x);
        let stop = atoms.FourbarStop;
        let of_thread = x.clone();
        let thread = thread::Builder::new()
            .name("fourbar clipboard".to_owned())
            .spawn(move || serve(&of_thread, &atoms, &offer))?;
        Ok(Self {
            x,
            window,
            stop,
            thread: Some(thread),
        })
    }
}

/// Answers whoever pastes, until something else is copied or we are stopped.
fn serve(x: &RustConnection, atoms: &Atoms, offer: &Offer) {
    while let Ok(event) = x.wait_for_event() {
        let heard = match event {
            Event::SelectionRequest(request) => offer.answer(x, atoms, &request).map(drop),
            Event::ClientMessage(message) if message.type_ == atoms.FourbarStop => return,
            Event::SelectionClear(_) => return,
            _ => Ok(()),
        };
        // The display is gone.
        if heard.is_err() {
            return;
        }
    }
}

impl Drop for Clipboard {
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
    }
}
