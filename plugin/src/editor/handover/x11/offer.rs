//! What another program gets when it asks for what is dragged or was copied: the address of a file, in the forms that
//! programs ask for. And the files at the addresses that another program gives.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use x11rb::connection::Connection as _;
use x11rb::errors::ConnectionError;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Timestamp,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

x11rb::atom_manager! {
    /// The names that both sides of a drag or of the clipboard use.
    pub(super) Atoms: AtomsCookie {
        CLIPBOARD,
        TARGETS,
        TIMESTAMP,
        UTF8_STRING,
        UriList: b"text/uri-list",
        PlainText: b"text/plain",
        GnomeCopiedFiles: b"x-special/gnome-copied-files",
        XdndActionCopy,
        XdndAware,
        XdndDrop,
        XdndEnter,
        XdndFinished,
        XdndLeave,
        XdndPosition,
        XdndProxy,
        XdndSelection,
        XdndStatus,
        XdndTypeList,
        FourbarClock: b"_FOURBAR_CLOCK",
        FourbarStop: b"_FOURBAR_STOP",
    }
}

/// A file that others may ask for.
#[derive(Debug)]
pub(super) struct Offer {
    path: PathBuf,
    /// Since when.
    since: Timestamp,
}

impl Offer {
    pub(super) fn new(path: &Path, since: Timestamp) -> Self {
        Self {
            path: path.to_owned(),
            since,
        }
    }

    /// Gives the file's address to a program that asks for it. True if it was the address that it asked for, and not
    /// in which forms there is one.
    pub(super) fn answer(
        &self,
        x: &RustConnection,
        atoms: &Atoms,
        request: &SelectionRequestEvent,
    ) -> Result<bool, ConnectionError> {
        // Very old programs name no property.
        let property = if request.property == x11rb::NONE {
            request.target
        } else {
            request.property
        };
        let text = |kind: Atom, text: &[u8]| {
            x.change_property8(PropMode::REPLACE, request.requestor, property, kind, text)
                .map(drop)
        };
        let numbers = |kind: AtomEnum, numbers: &[u32]| {
            x.change_property32(
                PropMode::REPLACE,
                request.requestor,
                property,
                kind,
                numbers,
            )
            .map(drop)
        };
        let (mut is_answered, mut is_given) = (true, false);
        match request.target {
            target if target == atoms.TARGETS => numbers(AtomEnum::ATOM, &Self::forms(atoms))?,
            target if target == atoms.TIMESTAMP => numbers(AtomEnum::INTEGER, &[self.since])?,
            target => match self.in_form(target, atoms) {
                Some(address) => {
                    text(target, &address)?;
                    is_given = true;
                }
                None => is_answered = false,
            },
        }
        let notify = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: if is_answered { property } else { x11rb::NONE },
        };
        x.send_event(false, request.requestor, EventMask::NO_EVENT, notify)?;
        x.flush()?;
        Ok(is_given)
    }

    /// The forms of a drag, the best one first.
    pub(super) fn forms_of_a_drag(atoms: &Atoms) -> [Atom; 3] {
        [atoms.UriList, atoms.PlainText, atoms.UTF8_STRING]
    }

    /// All that can be asked for.
    fn forms(atoms: &Atoms) -> [Atom; 6] {
        [
            atoms.UriList,
            atoms.GnomeCopiedFiles,
            atoms.PlainText,
            atoms.UTF8_STRING,
            atoms.TARGETS,
            atoms.TIMESTAMP,
        ]
    }

    /// The file's address in a form; `None` if there is no such form.
    fn in_form(&self, form: Atom, atoms: &Atoms) -> Option<Vec<u8>> {
        if form == atoms.UriList {
            Some(format!("{}\r\n", uri(&self.path)).into_bytes())
        } else if form == atoms.GnomeCopiedFiles {
            Some(format!("copy\n{}", uri(&self.path)).into_bytes())
        } else if form == atoms.PlainText || form == atoms.UTF8_STRING {
            Some(self.path.as_os_str().as_bytes().to_owned())
        } else {
            None
        }
    }
}

/// The address of a file, as RFC 8089 has it.
fn uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(byte.into());
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// The files of this machine in a list of addresses, as RFC 2483 has it.
pub(super) fn paths_of(uri_list: &[u8]) -> Vec<PathBuf> {
    let lines = uri_list.split(|&byte| byte == b'\n' || byte == b'\r');
    lines.filter_map(path_of).collect()
}

/// The path in the address of a file, which may name the machine or leave the place for that out.
fn path_of(uri: &[u8]) -> Option<PathBuf> {
    let address = uri.strip_prefix(b"file:")?;
    let encoded = match address.strip_prefix(b"//") {
        Some(with_machine) => {
            let start = with_machine.iter().position(|&byte| byte == b'/')?;
            &with_machine[start..]
        }
        None => address,
    };
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [byte, after @ ..] = rest {
        let code = (*byte == b'%').then(|| after.split_at_checked(2)).flatten();
        let code = code.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = code.unwrap_or((*byte, after));
        bytes.push(byte);
        rest = after;
    }
    Some(OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_letters_that_mean_something_else() {
        let path = Path::new("/home/jo/Müsik/Fourbar 000014@8.5 (2)#%.mid");
        assert_eq!(
            uri(path),
            "file:///home/jo/M%C3%BCsik/Fourbar%20000014%408.5%20%282%29%23%25.mid"
        );
    }
    #[test]
    fn the_files_in_a_list_of_addresses_are_found() {
        let path = Path::new("/home/jo/Müsik/100 % (2)#.mid");
        let list = format!(
            "# from elsewhere\r\n{}\r\nfile:/a.mid\r\nfile://studio/b%2.mid\nhttp://c.mid\n",
            uri(path)
        );
        let paths = paths_of(list.as_bytes());
        assert_eq!(paths, [path, Path::new("/a.mid"), Path::new("/b%2.mid")]);
    }
}
