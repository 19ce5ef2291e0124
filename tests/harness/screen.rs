//! A screen for the editor: a virtual one, so that tests open no window in front of anybody.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::process::run_alone;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConfigureWindowAux, ConnectionExt as _,
    CreateWindowAux, EventMask, ImageFormat, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, KeyButMask,
    MOTION_NOTIFY_EVENT, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

/// Set in a test's second run, which has a screen.
const HAS_SCREEN: &str = "FOURBAR_TEST_HAS_SCREEN";

/// Runs `test` in a process of its own that has a virtual screen, or says why it can't.
///
/// `name` is the calling test's full name: the test binary runs just that test a second time. A library that draws
/// reads the screen's name from the environment, which a process with threads must not change for itself.
pub(crate) fn with_screen(name: &str, test: impl FnOnce(&Window)) {
    with_screen_that(&[], name, test);
}

/// The same on a screen for which there is no OpenGL.
pub(crate) fn with_screen_without_opengl(name: &str, test: impl FnOnce(&Window)) {
    with_screen_that(&["-extension", "GLX"], name, test);
}

fn with_screen_that(arguments: &[&str], name: &str, test: impl FnOnce(&Window)) {
    if std::env::var_os(HAS_SCREEN).is_some() {
        return test(&Window::open());
    }
    let Some(screen) = VirtualScreen::start(arguments) else {
        println!("{name}: skipped, because there is no Xvfb (apt-get install xvfb)");
        return;
    };
    // A home of its own: what the plugin writes for its user is nobody's.
    let home = tempfile::tempdir().unwrap();
    let (config, data) = (home.path().join(".config"), home.path().join(".data"));
    run_alone(
        name,
        &[
            ("DISPLAY", screen.name.as_ref()),
            (HAS_SCREEN, "1".as_ref()),
            ("HOME", home.path().as_ref()),
            ("XDG_CONFIG_HOME", config.as_ref()),
            ("XDG_DATA_HOME", data.as_ref()),
        ],
    );
}

/// Longer than a frame takes without a graphics card, beside other tests.
const A_FRAME: std::time::Duration = std::time::Duration::from_millis(200);

/// Keys that are no letters, by their X11 symbols.
pub(crate) const ENTER: u32 = 0xff0d;
pub(crate) const ESCAPE: u32 = 0xff1b;
pub(crate) const END: u32 = 0xff57;
pub(crate) const CONTROL: u32 = 0xffe3;
pub(crate) const SHIFT: u32 = 0xffe1;
pub(crate) const TAB: u32 = 0xff09;
pub(crate) const UP: u32 = 0xff52;
pub(crate) const RIGHT: u32 = 0xff53;

/// The number of the left button.
const LEFT: u8 = 1;

/// A running Xvfb.
struct VirtualScreen {
    server: Child,
    /// As in `DISPLAY`.
    name: String,
}

impl VirtualScreen {
    /// `None` where Xvfb is not installed.
    fn start(arguments: &[&str]) -> Option<Self> {
        let mut server = Command::new("Xvfb")
            .args(arguments)
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "2400x1600x24",
                "-nolisten",
                "tcp",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        // It prints the free number that it took as soon as it answers.
        let mut number = String::new();
        let output = server.stdout.take().expect("stdout is piped above");
        BufReader::new(output).read_line(&mut number).unwrap();
        let name = format!(":{}", number.trim());
        assert_ne!(name, ":", "Xvfb did not start");
        Some(Self { server, name })
    }
}

impl Drop for VirtualScreen {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A host's window, into which an editor is put.
pub(crate) struct Window {
    connection: RustConnection,
    pub(crate) id: u32,
    root: u32,
}

impl Window {
    fn open() -> Self {
        let (connection, screen) = x11rb::connect(None).unwrap();
        let screen = &connection.setup().roots[screen];
        let (root, visual) = (screen.root, screen.root_visual);
        let id = connection.generate_id().unwrap();
        let Area { width, height, .. } = Area::SCREEN;
        connection
            .create_window(
                x11rb::COPY_DEPTH_FROM_PARENT,
                id,
                root,
                0,
                0,
                width,
                height,
                0,
                WindowClass::INPUT_OUTPUT,
                visual,
                // A host that listens to keys.
                &CreateWindowAux::new().event_mask(EventMask::KEY_PRESS),
            )
            .unwrap();
        connection.map_window(id).unwrap();
        // The pointer rests in the middle of a new screen, where it would bring up hints.
        let (x, y) = (width.cast_signed(), height.cast_signed());
        connection
            .warp_pointer(x11rb::NONE, root, 0, 0, 0, 0, x - 1, y - 1)
            .unwrap();
        connection.sync();
        Self {
            connection,
            id,
            root,
        }
    }

    /// Makes the window as large as this and no larger: what is beside it is the root window.
    pub(crate) fn resize(&self, width: u16, height: u16) {
        let size = ConfigureWindowAux::new().width(u32::from(width));
        self.connection
            .configure_window(self.id, &size.height(u32::from(height)))
            .unwrap();
        self.connection.sync();
    }

    /// Presses and releases the left button in the middle of a part of the screen.
    pub(crate) fn click(&self, area: Area) {
        self.press_button(area);
        self.release_button();
    }

    /// Presses the left button in the middle of a part of the screen.
    pub(crate) fn press_button(&self, area: Area) {
        self.move_to(area.centre());
        self.input(BUTTON_PRESS_EVENT, LEFT, area.centre());
    }

    /// Moves the pointer.
    pub(crate) fn move_to(&self, place: (i16, i16)) {
        self.input(MOTION_NOTIFY_EVENT, 0, place);
    }

    /// Releases the left button where the pointer is.
    pub(crate) fn release_button(&self) {
        self.input(BUTTON_RELEASE_EVENT, LEFT, (0, 0));
    }

    /// Whether any button is down, for any program.
    pub(crate) fn is_button_down(&self) -> bool {
        let pointer = self.connection.query_pointer(self.root).unwrap();
        let mask = pointer.reply().unwrap().mask;
        mask.contains(KeyButMask::BUTTON1)
    }

    /// Presses the left button in the middle of one part of the screen and releases it in another's, on the way in between for
    /// long enough to be seen.
    pub(crate) fn drag(&self, from: Area, to: Area) {
        const LEFT: u8 = 1;
        const N_PLACES: i16 = 8;
        let ((left, top), (right, bottom)) = (from.centre(), to.centre());
        let way = |from: i16, to: i16, place: i16| from + (to - from) * place / N_PLACES;
        self.input(MOTION_NOTIFY_EVENT, 0, from.centre());
        self.input(BUTTON_PRESS_EVENT, LEFT, from.centre());
        for place in 1..=N_PLACES {
            std::thread::sleep(A_FRAME);
            let at = (way(left, right, place), way(top, bottom, place));
            self.input(MOTION_NOTIFY_EVENT, 0, at);
        }
        std::thread::sleep(A_FRAME);
        self.input(BUTTON_RELEASE_EVENT, LEFT, to.centre());
    }

    /// Presses keys together, such as control and a letter, and releases them.
    pub(crate) fn press(&self, keys: &[u32]) {
        let codes: Vec<u8> = keys.iter().map(|&key| self.key_code(key)).collect();
        for &code in &codes {
            self.input(KEY_PRESS_EVENT, code, (0, 0));
        }
        for &code in codes.iter().rev() {
            self.input(KEY_RELEASE_EVENT, code, (0, 0));
        }
    }

    /// Whether a host whose window this is was sent a key since the last call: what the keyboard sends goes to the window inside.
    pub(crate) fn was_sent_a_key(&self) -> bool {
        let mut was_sent = false;
        while let Some(event) = self.connection.poll_for_event().unwrap() {
            was_sent |= matches!(event, x11rb::protocol::Event::KeyPress(_));
        }
        was_sent
    }

    /// Types what needs no shift, one key after the other.
    pub(crate) fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.press(&[letter.into()]);
        }
    }

    fn input(&self, kind: u8, detail: u8, (x, y): (i16, i16)) {
        self.connection
            .xtest_fake_input(kind, detail, x11rb::CURRENT_TIME, self.root, x, y, 0)
            .unwrap();
        self.connection.sync();
    }

    /// Presses a key and keeps it down, or lets it go.
    pub(crate) fn hold(&self, key: u32, is_down: bool) {
        let kind = if is_down {
            KEY_PRESS_EVENT
        } else {
            KEY_RELEASE_EVENT
        };
        self.input(kind, self.key_code(key), (0, 0));
    }

    /// The key that has this symbol.
    fn key_code(&self, key: u32) -> u8 {
        let setup = self.connection.setup();
        let first = setup.min_keycode;
        let mapping = self
            .connection
            .get_keyboard_mapping(first, setup.max_keycode - first + 1)
            .unwrap()
            .reply()
            .unwrap();
        let n_symbols = usize::from(mapping.keysyms_per_keycode);
        let mut keys = mapping.keysyms.chunks_exact(n_symbols);
        let place = keys.position(|symbols| symbols[0] == key);
        first + u8::try_from(place.expect("the keyboard has such a key")).unwrap()
    }

    /// How many different colours the screen shows, up to `enough`.
    pub(crate) fn n_colours(&self, enough: usize) -> usize {
        let mut colours = std::collections::HashSet::new();
        for pixel in self.pixels(Area::SCREEN) {
            colours.insert(pixel);
            if colours.len() >= enough {
                break;
            }
        }
        colours.len()
    }

    /// What a part of the screen shows, row by row, as red, green and blue.
    pub(crate) fn pixels(&self, area: Area) -> Vec<[u8; 3]> {
        let Area {
            left,
            top,
            width,
            height,
        } = area;
        let image = self
            .connection
            .get_image(
                ImageFormat::Z_PIXMAP,
                self.root,
                left,
                top,
                width,
                height,
                !0,
            )
            .unwrap()
            .reply()
            .unwrap();
        // A screen of 24 bits, as it is started above, has blue in the lowest byte.
        let pixels = image.data.chunks_exact(4);
        pixels.map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect()
    }

    /// Writes the same as a PNG file.
    pub(crate) fn write_png(&self, path: &Path, area: Area) {
        let file = std::fs::File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, area.width.into(), area.height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let pixels = self.pixels(area).concat();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
    }
}

/// A part of the screen, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: i16,
    pub(crate) top: i16,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

impl Area {
    const SCREEN: Self = Self {
        left: 0,
        top: 0,
        width: 2400,
        height: 1600,
    };

    /// The place in its middle.
    pub(crate) fn centre(self) -> (i16, i16) {
        let half = |side: u16| (side / 2).cast_signed();
        (self.left + half(self.width), self.top + half(self.height))
    }
}

/// Waits for everything that was asked of the server.
trait Sync {
    fn sync(&self);
}

impl Sync for RustConnection {
    fn sync(&self) {
        self.get_input_focus().unwrap().reply().unwrap();
    }
}
