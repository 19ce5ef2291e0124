//! A drag to another program: the source's side of XDND, version 5.
//!
//! The editor's window holds the pointer while the button is down, and it belongs to the window's own connection: nobody
//! else can grab the pointer, or be told where it goes. So this asks the server where it is, on a connection of its own,
//! and leaves the grab alone. The release of the button reaches the editor's window as that of any other drag does, and
//! nothing can stay held, neither in the window nor in the host.
//!
//! # Source
//! "Drag-and-Drop Protocol for the X Window System", freedesktop.org.

use super::super::Dropped;
use super::offer::{Atoms, Offer};
use super::target::{self, Target, VERSION, if_it_is_there};
use super::{Error, in_words};
use crate::editor::background::Background;
use crate::editor::export::Made;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::errors::ConnectionError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, ClientMessageEvent, ConnectionExt as _, EventMask, KeyButMask, Keycode,
    SelectionRequestEvent, Timestamp, Window,
};
use x11rb::rust_connection::RustConnection;

/// How often the pointer is looked for.
const TICK: Duration = Duration::from_millis(8);
/// How often the window under a pointer at rest is looked for: it may have come up only now.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long a program may take to say whether it would take the file. Hosts that draw much answer late.
const STATUS_PATIENCE: Duration = Duration::from_secs(3);
/// How long a file may take to be made.
const FILE_PATIENCE: Duration = Duration::from_secs(120);
/// How long a program may take to ask for the file and to say that it is done with it.
const FINISH_PATIENCE: Duration = Duration::from_secs(10);
/// The same after it has been given the file. Some never say that they are done.
const SILENCE: Duration = Duration::from_secs(3);
/// The symbol of the key that cancels.
const ESCAPE: u32 = 0xff1b;

/// Carries a file to where the button is released; the file may still be made meanwhile. `own_window` is the host's
/// window around the editor. `is_welcome` says whether it would be taken where the pointer is.
pub(super) fn carry(
    file: Background<Made>,
    own_window: Window,
    is_welcome: &AtomicBool,
    stop: &AtomicBool,
) -> Result<Dropped, String> {
    let mut source = Source::open(own_window).map_err(|error| in_words(&error))?;
    let dropped = source.carry(&file, is_welcome, stop);
    is_welcome.store(false, Ordering::Relaxed);
    super::let_it_read(&source.x);
    if source.given_at.is_none() {
        let made = file.end().and_then(Result::ok).or(source.made);
        if let Some(made) = made {
            made.discard();
        }
    }
    match dropped {
        Ok(dropped) => Ok(dropped),
        Err(Failure::OfFile(problem)) => Err(problem),
        Err(Failure::OfDisplay(error)) => Err(in_words(&error.into())),
    }
}

/// Why a drag cannot go on.
enum Failure {
    /// There is no file; in words for the user.
    OfFile(String),
    OfDisplay(ConnectionError),
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        Self::OfDisplay(error)
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// On its way.
    Carried,
    /// Left to another program, which is to fetch it.
    Left,
    /// Fetched, or refused.
    Finished { is_taken: bool },
    /// Another program drags something.
    Displaced,
}

/// The source of a drag. Lives on the drag's thread.
struct Source {
    x: RustConnection,
    atoms: Atoms,
    root: Window,
    own_window: Window,
    /// The window that speaks for us.
    window: Window,
    /// Since when the drag's selection is ours.
    since: Timestamp,
    escape: Option<Keycode>,
    progress: Progress,
    over: Option<Over>,
    looked_at: Instant,
    made: Option<Made>,
    offer: Option<Offer>,
    /// Asked before there was a file.
    unanswered: Vec<SelectionRequestEvent>,
    /// When the file was last given to somebody.
    given_at: Option<Instant>,
}

/// The target under the pointer.
struct Over {
    target: Target,
    /// The place that it was told last.
    told: Option<(i16, i16)>,
    /// When it was told, if it has not answered.
    unanswered_since: Option<Instant>,
    is_welcome: bool,
}

impl Over {
    fn is_silent(&self) -> bool {
        self.unanswered_since
            .is_some_and(|since| since.elapsed() > STATUS_PATIENCE)
    }
}

/// Where the pointer is, and whether the button is down.
struct Pointer {
    place: (i16, i16),
    is_down: bool,
}

impl Source {
    fn open(own_window: Window) -> Result<Self, Error> {
        let (x, screen) = x11rb::connect(None)?;
        let atoms = Atoms::new(&x)?.reply()?;
        let root = x.setup().roots[screen].root;
        let (window, since) = super::speaker(&x, &atoms, root, atoms.XdndSelection)?;
        let escape = super::key_of(&x, ESCAPE)?;
        Ok(Self {
            x,
            atoms,
            root,
            own_window,
            window,
            since,
            escape,
            progress: Progress::Carried,
            over: None,
            looked_at: Instant::now(),
            made: None,
            offer: None,
            unanswered: Vec::new(),
            given_at: None,
        })
    }

    /// Follows the pointer until the button is released, and hands the file over there.
    fn carry(
        &mut self,
        file: &Background<Made>,
        is_welcome: &AtomicBool,
        stop: &AtomicBool,
    ) -> Result<Dropped, Failure> {
        loop {
            self.take(file)?;
            self.hear()?;
            let pointer = self.pointer()?;
            let is_cancelled = stop.load(Ordering::Relaxed)
                || self.progress == Progress::Displaced
                || self.escape_is_down()?;
            if is_cancelled {
                self.leave()?;
                return Ok(Dropped::Nowhere);
            }
            self.follow(pointer.place)?;
            let is_over_taker = self.over.as_ref().is_some_and(|over| over.is_welcome);
            is_welcome.store(is_over_taker, Ordering::Relaxed);
            if !pointer.is_down {
                return self.drop_at(pointer.place, file, stop);
            }
            thread::sleep(TICK);
        }
    }

    /// The button was released: waits for the file and for the target's last word, and leaves the file to it.
    fn drop_at(
        &mut self,
        place: (i16, i16),
        file: &Background<Made>,
        stop: &AtomicBool,
    ) -> Result<Dropped, Failure> {
        let released = Instant::now();
        loop {
            self.take(file)?;
            self.hear()?;
            let is_cancelled = stop.load(Ordering::Relaxed) || released.elapsed() > FILE_PATIENCE;
            let Some(over) = self.over.as_ref().filter(|_| !is_cancelled) else {
                self.leave()?;
                return Ok(Dropped::Nowhere);
            };
            if over.is_silent() {
                self.leave()?;
                return Err(Failure::OfFile(
                    "The program under the pointer does not answer. Drag again, or export and open the file there."
                        .to_owned(),
                ));
            }
            if over.unanswered_since.is_none() {
                let is_told = over.told == Some(place);
                match (is_told, over.is_welcome, self.offer.is_some()) {
                    (false, _, _) => self.tell(place)?,
                    (true, false, _) => {
                        self.leave()?;
                        return Ok(Dropped::Nowhere);
                    }
                    (true, true, true) => break,
                    (true, true, false) => {}
                }
            }
            thread::sleep(TICK);
        }
        let message = [self.window, 0, self.since, 0, 0];
        self.send(self.atoms.XdndDrop, message)?;
        self.progress = Progress::Left;
        self.wait_until_fetched(stop)
    }

    /// Gives the file to the target for as long as it may ask.
    fn wait_until_fetched(&mut self, stop: &AtomicBool) -> Result<Dropped, Failure> {
        let left_at = Instant::now();
        loop {
            self.hear()?;
            let taken = || {
                let path = self.made.as_ref().map(|made| made.path.clone());
                Dropped::Taken(path.unwrap_or_default())
            };
            if let Progress::Finished { is_taken } = self.progress {
                return Ok(if is_taken { taken() } else { Dropped::Nowhere });
            }
            let was_given = self.given_at.is_some();
            let is_over = self.given_at.is_some_and(|at| {
                let since = at.max(left_at);
                since.elapsed() > SILENCE
            });
            let is_ended = stop.load(Ordering::Relaxed)
                || self.progress == Progress::Displaced
                || left_at.elapsed() > FINISH_PATIENCE;
            if is_over || is_ended {
                return Ok(if was_given { taken() } else { Dropped::Nowhere });
            }
            thread::sleep(TICK);
        }
    }

    /// Takes the file once it is there, and answers those who asked before.
    fn take(&mut self, file: &Background<Made>) -> Result<(), Failure> {
        if self.offer.is_some() {
            return Ok(());
        }
        match file.outcome() {
            None => Ok(()),
            Some(Err(problem)) => {
                self.leave()?;
                Err(Failure::OfFile(problem))
            }
            Some(Ok(made)) => {
                self.offer = Some(Offer::new(&made.path, self.since));
                self.made = Some(made);
                for request in mem::take(&mut self.unanswered) {
                    self.answer(request)?;
                }
                Ok(())
            }
        }
    }

    /// Takes note of everything that others have said.
    fn hear(&mut self) -> Result<(), ConnectionError> {
        while let Some(event) = self.x.poll_for_event()? {
            match event {
                Event::ClientMessage(message) => self.hear_target(&message),
                Event::SelectionRequest(request)
                    if request.selection == self.atoms.XdndSelection =>
                {
                    self.answer(request)?;
                }
                Event::SelectionClear(_) => self.progress = Progress::Displaced,
                // Errors are of windows that have gone; their silence is noticed.
                _ => {}
            }
        }
        Ok(())
    }

    fn hear_target(&mut self, message: &ClientMessageEvent) {
        let [sender, flags, ..] = message.data.as_data32();
        let Some(over) = &mut self.over else { return };
        let is_from_target = [over.target.window, over.target.receiver].contains(&sender);
        if message.format != 32 || !is_from_target {
            return;
        }
        if message.type_ == self.atoms.XdndStatus {
            over.unanswered_since = None;
            over.is_welcome = flags & 1 != 0;
        } else if message.type_ == self.atoms.XdndFinished && self.progress == Progress::Left {
            // Before version 5 it said nothing more than that it was done.
            let is_taken = over.target.version < 5 || flags & 1 != 0;
            self.progress = Progress::Finished { is_taken };
        }
    }

    fn answer(&mut self, request: SelectionRequestEvent) -> Result<(), ConnectionError> {
        match &self.offer {
            None => self.unanswered.push(request),
            Some(offer) => {
                if offer.answer(&self.x, &self.atoms, &request)? {
                    self.given_at = Some(Instant::now());
                }
            }
        }
        Ok(())
    }

    /// Tells the window under the pointer that the file is over it, and the one before that it has left.
    fn follow(&mut self, place: (i16, i16)) -> Result<(), ConnectionError> {
        let told = self.over.as_ref().and_then(|over| over.told);
        if told != Some(place) || self.looked_at.elapsed() > LOOK_AGAIN {
            self.looked_at = Instant::now();
            let target = target::at(&self.x, &self.atoms, self.root, place, self.own_window)?;
            if self.over.as_ref().map(|over| over.target) != target {
                self.leave()?;
                if let Some(target) = target {
                    self.enter(target)?;
                }
            }
        }
        let is_to_be_told =
            |over: &Over| over.unanswered_since.is_none() && over.told != Some(place);
        if self.over.as_ref().is_some_and(is_to_be_told) {
            self.tell(place)?;
        }
        Ok(())
    }

    fn enter(&mut self, target: Target) -> Result<(), ConnectionError> {
        self.over = Some(Over {
            target,
            told: None,
            unanswered_since: None,
            is_welcome: false,
        });
        let [first, second, third] = Offer::forms_of_a_drag(&self.atoms);
        let version = target.version.min(VERSION) << 24;
        self.send(
            self.atoms.XdndEnter,
            [self.window, version, first, second, third],
        )
    }

    fn tell(&mut self, place: (i16, i16)) -> Result<(), ConnectionError> {
        let half = |side: i16| u32::from(side.max(0).cast_unsigned());
        let packed = half(place.0) << 16 | half(place.1);
        let message = [
            self.window,
            0,
            packed,
            self.since,
            self.atoms.XdndActionCopy,
        ];
        self.send(self.atoms.XdndPosition, message)?;
        if let Some(over) = &mut self.over {
            over.told = Some(place);
            over.unanswered_since = Some(Instant::now());
        }
        Ok(())
    }

    /// Leaves the target, if there is one.
    fn leave(&mut self) -> Result<(), ConnectionError> {
        if self.over.is_some() {
            self.send(self.atoms.XdndLeave, [self.window, 0, 0, 0, 0])?;
        }
        self.over = None;
        Ok(())
    }

    /// Sends a message to the target.
    fn send(&self, kind: Atom, data: [u32; 5]) -> Result<(), ConnectionError> {
        if let Some(Over { target, .. }) = &self.over {
            let message = ClientMessageEvent::new(32, target.window, kind, data);
            self.x
                .send_event(false, target.receiver, EventMask::NO_EVENT, message)?;
            self.x.flush()?;
        }
        Ok(())
    }

    fn pointer(&mut self) -> Result<Pointer, ConnectionError> {
        let answer = if_it_is_there(self.x.query_pointer(self.root)?.reply())?;
        let Some(pointer) = answer else {
            return Ok(Pointer {
                place: (0, 0),
                is_down: false,
            });
        };
        // Another screen of the same display has another root.
        self.root = pointer.root;
        Ok(Pointer {
            place: (pointer.root_x, pointer.root_y),
            is_down: pointer.mask.contains(KeyButMask::BUTTON1),
        })
    }

    /// Whether the key that cancels is down, whichever window has the keyboard.
    fn escape_is_down(&self) -> Result<bool, ConnectionError> {
        let Some(escape) = self.escape else {
            return Ok(false);
        };
        let keys = if_it_is_there(self.x.query_keymap()?.reply())?;
        let is_down = |keys: [u8; 32]| keys[usize::from(escape / 8)] & (1 << (escape % 8)) != 0;
        Ok(keys.is_some_and(|reply| is_down(reply.keys)))
    }
}
