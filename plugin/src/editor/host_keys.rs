//! Sends the space bar on to the host on X11, where a window that has the keyboard cannot leave a key to the window around it.
//!
//! Other systems give the host what the window does not want.

use std::error::Error;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ConnectionExt as _, EventMask, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, KeyButMask, KeyPressEvent,
    Keycode,
};
use x11rb::rust_connection::RustConnection;

/// The symbol of the space bar.
const SPACE: u32 = 0x20;

/// The way to the host's window. Used by the window's thread only.
pub(super) struct HostKeys {
    connection: RustConnection,
    root: u32,
    space: Keycode,
}

impl HostKeys {
    /// `None` where there is no X11, or no space bar.
    pub(super) fn open() -> Option<Self> {
        Self::try_open().ok()
    }

    fn try_open() -> Result<Self, Box<dyn Error>> {
        let (connection, screen) = x11rb::connect(None)?;
        let setup = connection.setup();
        let root = setup.roots.get(screen).ok_or("no screen")?.root;
        let first = setup.min_keycode;
        let n_keys = setup.max_keycode - first + 1;
        let mapping = connection.get_keyboard_mapping(first, n_keys)?.reply()?;
        let mut keys = mapping
            .keysyms
            .chunks(usize::from(mapping.keysyms_per_keycode).max(1));
        let place = keys.position(|symbols| symbols.contains(&SPACE));
        let space = first + u8::try_from(place.ok_or("no space bar")?)?;
        Ok(Self {
            connection,
            root,
            space,
        })
    }

    /// Sends the space bar, as it goes down or up, to the window `host` or the first around it that wants keys. A host that has
    /// gone does not hear it.
    pub(super) fn send_space(&self, host: usize, is_down: bool) {
        let Ok(host) = u32::try_from(host) else {
            return;
        };
        let (kind, mask) = if is_down {
            (KEY_PRESS_EVENT, EventMask::KEY_PRESS)
        } else {
            (KEY_RELEASE_EVENT, EventMask::KEY_RELEASE)
        };
        let event = KeyPressEvent {
            response_type: kind,
            detail: self.space,
            sequence: 0,
            time: x11rb::CURRENT_TIME,
            root: self.root,
            event: host,
            child: x11rb::NONE,
            root_x: 0,
            root_y: 0,
            event_x: 0,
            event_y: 0,
            state: KeyButMask::default(),
            same_screen: true,
        };
        let sent = self.connection.send_event(true, host, mask, event);
        if sent.is_ok() {
            let _ = self.connection.flush();
        }
    }
}
