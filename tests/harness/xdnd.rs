//! Another program: a window on a connection of its own, onto which something is dropped, which can paste, and from which
//! files are dragged.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, Timestamp, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::screen::Area;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        CLIPBOARD,
        TARGETS,
        UriList: b"text/uri-list",
        PlainText: b"text/plain",
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
        Paste: b"_PASTE",
    }
}

/// How the program behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// It takes what it is given, and speaks this version of the protocol.
    Takes(u32),
    /// The same, through a window that stands for another.
    TakesByProxy,
    /// It takes what it is given and never says that it is done.
    TakesWithoutThanks,
    /// It says that it would not take it.
    Refuses,
    /// It says nothing at all.
    Silent,
    /// It knows nothing of drops.
    Unaware,
}

/// What the program has lived through.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lived {
    /// Something is over it: version and forms.
    Entered(u32, Vec<String>),
    /// It is no longer.
    Left,
    /// It was dropped, and is this as `text/uri-list` and as `text/plain`.
    Dropped(String, String),
}

/// The program's window. The program ends with the test's process.
pub(crate) struct Program {
    lived: Receiver<Lived>,
}

impl Program {
    /// Opens its window in front of all others.
    pub(crate) fn open(area: Area, manner: Manner) -> Self {
        let (sender, lived) = channel();
        let (ready, is_ready) = channel();
        thread::spawn(move || {
            let mut target = Target::open(area, manner);
            ready.send(()).unwrap();
            loop {
                let event = target.x.wait_for_event().unwrap();
                if let Some(lived) = target.live(&event) {
                    sender.send(lived).unwrap();
                }
            }
        });
        is_ready.recv().unwrap();
        Self { lived }
    }

    /// What it lives through next.
    pub(crate) fn next(&self) -> Lived {
        self.lived
            .recv_timeout(Duration::from_secs(30))
            .expect("something happens to the program")
    }

    /// Whether it has lived through nothing more.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.lived.try_recv().is_err()
    }
}

struct Target {
    x: RustConnection,
    atoms: Atoms,
    /// The window on the screen.
    window: Window,
    manner: Manner,
    source: Window,
    time: Timestamp,
    uri_list: Option<String>,
}

impl Target {
    fn open(area: Area, manner: Manner) -> Self {
        let (x, screen) = x11rb::connect(None).unwrap();
        let atoms = Atoms::new(&x).unwrap().reply().unwrap();
        let root = x.setup().roots[screen].root;
        let window = make_window(&x, root, area);
        let aware = |window, version: u32| {
            let property = atoms.XdndAware;
            x.change_property32(
                PropMode::REPLACE,
                window,
                property,
                AtomEnum::ATOM,
                &[version],
            )
            .unwrap();
        };
        match manner {
            Manner::Unaware => {}
            Manner::Takes(version) => aware(window, version),
            Manner::TakesByProxy => {
                let proxy = make_window(&x, root, Area { left: -50, ..area });
                x.unmap_window(proxy).unwrap();
                aware(proxy, 5);
                for window in [window, proxy] {
                    let (name, kind) = (atoms.XdndProxy, AtomEnum::WINDOW);
                    x.change_property32(PropMode::REPLACE, window, name, kind, &[proxy])
                        .unwrap();
                }
            }
            _ => aware(window, 5),
        }
        x.map_window(window).unwrap();
        x.get_input_focus().unwrap().reply().unwrap();
        Self {
            x,
            atoms,
            window,
            manner,
            source: x11rb::NONE,
            time: x11rb::CURRENT_TIME,
            uri_list: None,
        }
    }

    fn live(&mut self, event: &Event) -> Option<Lived> {
        match event {
            Event::ClientMessage(message) => self.hear(message),
            Event::SelectionNotify(notify) => {
                assert_ne!(notify.property, x11rb::NONE, "the source refuses");
                self.take_text(notify.property)
            }
            _ => None,
        }
    }

    fn hear(&mut self, message: &ClientMessageEvent) -> Option<Lived> {
        let data = message.data.as_data32();
        let atoms = &self.atoms;
        assert_eq!(message.window, self.window, "the window that is meant");
        if message.type_ == atoms.XdndEnter {
            self.source = data[0];
            let forms = data[2..].iter().map(|&atom| self.name(atom)).collect();
            return Some(Lived::Entered(data[1] >> 24, forms));
        }
        assert_eq!(data[0], self.source, "one source at a time");
        if message.type_ == atoms.XdndPosition {
            self.time = data[3];
            assert_eq!(data[4], atoms.XdndActionCopy);
            let welcome = match self.manner {
                Manner::Silent => return None,
                Manner::Refuses => 0,
                _ => 1,
            };
            self.reply(
                atoms.XdndStatus,
                [self.window, welcome, 0, 0, atoms.XdndActionCopy],
            );
        } else if message.type_ == atoms.XdndLeave {
            return Some(Lived::Left);
        } else if message.type_ == atoms.XdndDrop {
            assert_eq!(data[2], self.time);
            self.ask(atoms.XdndSelection, atoms.UriList);
        }
        None
    }

    /// Takes one form of what was dropped, and asks for the other or says that it is done.
    fn take_text(&mut self, property: Atom) -> Option<Lived> {
        let text = read(&self.x, self.window, property);
        let Some(uri_list) = self.uri_list.take() else {
            self.uri_list = Some(text);
            self.ask(self.atoms.XdndSelection, self.atoms.PlainText);
            return None;
        };
        if self.manner != Manner::TakesWithoutThanks {
            let done = [self.window, 1, self.atoms.XdndActionCopy, 0, 0];
            self.reply(self.atoms.XdndFinished, done);
        }
        Some(Lived::Dropped(uri_list, text))
    }

    fn ask(&self, selection: Atom, form: Atom) {
        self.x
            .convert_selection(self.window, selection, form, self.atoms.Paste, self.time)
            .unwrap();
        self.x.flush().unwrap();
    }

    fn reply(&self, kind: Atom, data: [u32; 5]) {
        let message = ClientMessageEvent::new(32, self.source, kind, data);
        self.x
            .send_event(false, self.source, EventMask::NO_EVENT, message)
            .unwrap();
        self.x.flush().unwrap();
    }

    fn name(&self, atom: Atom) -> String {
        let name = self.x.get_atom_name(atom).unwrap().reply().unwrap().name;
        String::from_utf8(name).unwrap()
    }
}

/// A connection with its atoms, the root window, and a window of ours that nobody sees.
fn out_of_sight() -> (RustConnection, Atoms, Window, Window) {
    let (x, screen) = x11rb::connect(None).unwrap();
    let atoms = Atoms::new(&x).unwrap().reply().unwrap();
    let root = x.setup().roots[screen].root;
    let area = Area {
        left: -50,
        top: -50,
        width: 1,
        height: 1,
    };
    let window = make_window(&x, root, area);
    (x, atoms, root, window)
}

/// What is on the clipboard as `text/uri-list`; `None` if there is no file on it.
pub(crate) fn pasted_uri_list() -> Option<String> {
    let (x, atoms, _, window) = out_of_sight();
    let (form, now) = (atoms.UriList, x11rb::CURRENT_TIME);
    x.convert_selection(window, atoms.CLIPBOARD, form, atoms.Paste, now)
        .unwrap();
    x.flush().unwrap();
    loop {
        if let Event::SelectionNotify(notify) = x.wait_for_event().unwrap() {
            return (notify.property != x11rb::NONE).then(|| read(&x, window, notify.property));
        }
    }
}

/// Drags files to a place of the screen and drops them there, as a file manager does that offers them in `forms`; returns
/// whether they were taken.
pub(crate) fn drop_files(place: (i16, i16), uri_list: &str, forms: &[&str]) -> bool {
    let (x, atoms, root, source) = out_of_sight();
    let now = x11rb::CURRENT_TIME;
    x.set_selection_owner(source, atoms.XdndSelection, now)
        .unwrap();
    let forms: Vec<Atom> = forms
        .iter()
        .map(|form| x.intern_atom(false, form.as_bytes()).unwrap().reply())
        .map(|reply| reply.unwrap().atom)
        .collect();
    let (name, kind) = (atoms.XdndTypeList, AtomEnum::ATOM);
    x.change_property32(PropMode::REPLACE, source, name, kind, &forms)
        .unwrap();
    let (over, receiver) = aware_at(&x, &atoms, root, place);
    let send = |kind: Atom, data: [u32; 5]| {
        let message = ClientMessageEvent::new(32, over, kind, data);
        x.send_event(false, receiver, EventMask::NO_EVENT, message)
            .unwrap();
        // The last of them is read before the connection ends.
        x.sync().unwrap();
    };
    let form = |index: usize| forms.get(index).copied().unwrap_or(x11rb::NONE);
    let version_and_more = 5 << 24 | u32::from(forms.len() > 3);
    let [first, second, third] = [0, 1, 2].map(form);
    send(
        atoms.XdndEnter,
        [source, version_and_more, first, second, third],
    );
    let [left, top] = [place.0, place.1].map(|side| u32::from(side.cast_unsigned()));
    let action = atoms.XdndActionCopy;
    send(
        atoms.XdndPosition,
        [source, 0, left << 16 | top, now, action],
    );
    loop {
        match x.wait_for_event().unwrap() {
            Event::ClientMessage(message) => {
                let [sender, is_yes, ..] = message.data.as_data32();
                assert_eq!(sender, over, "the window that is meant answers");
                let is_yes = is_yes & 1 != 0;
                if message.type_ == atoms.XdndFinished {
                    return is_yes;
                }
                assert_eq!(message.type_, atoms.XdndStatus);
                if !is_yes {
                    send(atoms.XdndLeave, [source, 0, 0, 0, 0]);
                    return false;
                }
                send(atoms.XdndDrop, [source, 0, now, 0, 0]);
            }
            Event::SelectionRequest(asked) => {
                let (window, property, form) = (asked.requestor, asked.property, asked.target);
                x.change_property8(
                    PropMode::REPLACE,
                    window,
                    property,
                    form,
                    uri_list.as_bytes(),
                )
                .unwrap();
                let notify = SelectionNotifyEvent {
                    response_type: SELECTION_NOTIFY_EVENT,
                    sequence: 0,
                    time: asked.time,
                    requestor: window,
                    selection: asked.selection,
                    target: form,
                    property,
                };
                x.send_event(false, window, EventMask::NO_EVENT, notify)
                    .unwrap();
                x.flush().unwrap();
            }
            _ => {}
        }
    }
}

/// The outermost window at a place of the screen that takes drops, and the one that messages for it go to.
fn aware_at(
    x: &RustConnection,
    atoms: &Atoms,
    root: Window,
    (left, top): (i16, i16),
) -> (Window, Window) {
    let number = |window, name, kind: AtomEnum| {
        let property = x.get_property(false, window, name, kind, 0, 1).unwrap();
        let property = property.reply().unwrap();
        property.value32().and_then(|mut numbers| numbers.next())
    };
    let mut window = root;
    loop {
        let inside = x.translate_coordinates(root, window, left, top).unwrap();
        window = inside.reply().unwrap().child;
        assert_ne!(window, x11rb::NONE, "nothing there takes drops");
        let proxy = number(window, atoms.XdndProxy, AtomEnum::WINDOW);
        let receiver = proxy.unwrap_or(window);
        if number(receiver, atoms.XdndAware, AtomEnum::ATOM).is_some() {
            return (window, receiver);
        }
    }
}

fn make_window(x: &RustConnection, root: Window, area: Area) -> Window {
    let window = x.generate_id().unwrap();
    x.create_window(
        x11rb::COPY_DEPTH_FROM_PARENT,
        window,
        root,
        area.left,
        area.top,
        area.width,
        area.height,
        0,
        WindowClass::INPUT_OUTPUT,
        x11rb::COPY_FROM_PARENT,
        &CreateWindowAux::new().override_redirect(1),
    )
    .unwrap();
    window
}

fn read(x: &RustConnection, window: Window, property: Atom) -> String {
    let value = x
        .get_property(true, window, property, AtomEnum::ANY, 0, 1 << 16)
        .unwrap()
        .reply()
        .unwrap()
        .value;
    String::from_utf8(value).unwrap()
}
