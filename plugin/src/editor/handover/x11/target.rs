//! Which window under the pointer takes what is dropped.

use super::offer::Atoms;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, Window};
use x11rb::rust_connection::RustConnection;

/// The version of the protocol that we speak.
pub(super) const VERSION: u32 = 5;
/// The oldest one that is still spoken anywhere.
const OLDEST_VERSION: u32 = 3;
/// Windows in windows; more are none of a person's.
const MAX_DEPTH: usize = 64;

/// A window that takes drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The window that is meant.
    pub(super) window: Window,
    /// The one that messages go to: another one where the window has a proxy.
    pub(super) receiver: Window,
    /// The version of the protocol that both speak.
    pub(super) version: u32,
}

/// The outermost window at a place of the screen that takes drops. A place over `own`, the window that the drag comes
/// from, has none: whoever drops there has thought better of it.
pub(super) fn at(
    x: &RustConnection,
    atoms: &Atoms,
    root: Window,
    (left, top): (i16, i16),
    own: Window,
) -> Result<Option<Target>, ConnectionError> {
    let mut found = None;
    let mut window = root;
    for _ in 0..MAX_DEPTH {
        let inside = if_it_is_there(x.translate_coordinates(root, window, left, top)?.reply())?;
        let child = inside.map_or(x11rb::NONE, |inside| inside.child);
        if child == x11rb::NONE {
            break;
        }
        if child == own {
            return Ok(None);
        }
        window = child;
        if found.is_none() {
            found = of_window(x, atoms, window)?;
        }
    }
    // The desktop itself, where it is no window, is behind everything.
    if window == root {
        found = of_window(x, atoms, root)?;
    }
    Ok(found)
}

/// What a window says of itself.
pub(super) fn of_window(
    x: &RustConnection,
    atoms: &Atoms,
    window: Window,
) -> Result<Option<Target>, ConnectionError> {
    let proxy_of = |window| property(x, window, atoms.XdndProxy, AtomEnum::WINDOW);
    // A proxy names itself as its own; one that does not is left over from a program that has ended.
    let receiver = match proxy_of(window)? {
        Some(proxy) if proxy_of(proxy)? == Some(proxy) => proxy,
        _ => window,
    };
    let version = property(x, receiver, atoms.XdndAware, AtomEnum::ANY)?;
    let version = version.filter(|&version| version >= OLDEST_VERSION);
    Ok(version.map(|version| Target {
        window,
        receiver,
        version: version.min(VERSION),
    }))
}

/// The first number of a window's property.
fn property(
    x: &RustConnection,
    window: Window,
    name: Atom,
    kind: AtomEnum,
) -> Result<Option<u32>, ConnectionError> {
    let reply = if_it_is_there(x.get_property(false, window, name, kind, 0, 1)?.reply())?;
    Ok(reply.and_then(|reply| reply.value32()?.next()))
}

/// The server's answer; `None` where the window is gone by now.
pub(super) fn if_it_is_there<T>(
    reply: Result<T, ReplyError>,
) -> Result<Option<T>, ConnectionError> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(ReplyError::ConnectionError(error)) => Err(error),
    }
}
