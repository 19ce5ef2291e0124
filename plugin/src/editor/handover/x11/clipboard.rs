//! A file on the clipboard, which on X11 stays with the program that it was copied from.

use super::offer::{Atoms, Offer};
use super::{Answering, Error, in_words, speaker};
use std::path::Path;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;

/// A file that others can paste for as long as this lives, or until something else is copied.
#[derive(Debug)]
pub(in crate::editor) struct Clipboard {
    _answering: Answering,
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
        let answer = move |x: &_, atoms: &Atoms, event| match event {
            Event::SelectionRequest(request) => offer.answer(x, atoms, &request).map(|_| true),
            // Something else was copied.
            Event::SelectionClear(_) => Ok(false),
            _ => Ok(true),
        };
        let answering = Answering::start("fourbar clipboard", x, window, atoms, answer)?;
        Ok(Self {
            _answering: answering,
        })
    }
}
