//! A screen for the editor: a virtual one, so that tests open no window in front of anybody.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::process::run_alone;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateWindowAux, ImageFormat, WindowClass};
use x11rb::rust_connection::RustConnection;

/// Set in a test's second run, which has a screen.
const HAS_SCREEN: &str = "FOURBAR_TEST_HAS_SCREEN";

/// Runs `test` in a process of its own that has a virtual screen, or says why it can't.
///
/// `name` is the calling test's full name: the test binary runs just that test a second time. A library that draws
/// reads the screen's name from the environment, which a process with threads must not change for itself.
pub(crate) fn with_screen(name: &str, test: impl FnOnce(&Window)) {
    if std::env::var_os(HAS_SCREEN).is_some() {
        return test(&Window::open());
    }
    let Some(screen) = VirtualScreen::start() else {
        println!("{name}: skipped, because there is no Xvfb (apt-get install xvfb)");
        return;
    };
    run_alone(
        name,
        &[
            ("DISPLAY", screen.name.as_ref()),
            (HAS_SCREEN, "1".as_ref()),
        ],
    );
}

/// A running Xvfb.
struct VirtualScreen {
    server: Child,
    /// As in `DISPLAY`.
    name: String,
}

impl VirtualScreen {
    /// `None` where Xvfb is not installed.
    fn start() -> Option<Self> {
        let mut server = Command::new("Xvfb")
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
    const WIDTH: u16 = 2400;
    const HEIGHT: u16 = 1600;

    fn open() -> Self {
        let (connection, screen) = x11rb::connect(None).unwrap();
        let screen = &connection.setup().roots[screen];
        let (root, visual) = (screen.root, screen.root_visual);
        let id = connection.generate_id().unwrap();
        connection
            .create_window(
                x11rb::COPY_DEPTH_FROM_PARENT,
                id,
                root,
                0,
                0,
                Self::WIDTH,
                Self::HEIGHT,
                0,
                WindowClass::INPUT_OUTPUT,
                visual,
                &CreateWindowAux::new(),
            )
            .unwrap();
        connection.map_window(id).unwrap();
        // The pointer rests in the middle of a new screen, where it would bring up hints.
        let (x, y) = (Self::WIDTH.cast_signed(), Self::HEIGHT.cast_signed());
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

    /// How many different colours the screen shows, up to `enough`.
    pub(crate) fn n_colours(&self, enough: usize) -> usize {
        let mut colours = std::collections::HashSet::new();
        for pixel in self.pixels(Self::WIDTH, Self::HEIGHT) {
            colours.insert(pixel);
            if colours.len() >= enough {
                break;
            }
        }
        colours.len()
    }

    /// What the screen shows in its upper left, row by row, as red, green and blue.
    pub(crate) fn pixels(&self, width: u16, height: u16) -> Vec<[u8; 3]> {
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, width, height, !0)
            .unwrap()
            .reply()
            .unwrap();
        // A screen of 24 bits, as it is started above, has blue in the lowest byte.
        let pixels = image.data.chunks_exact(4);
        pixels.map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect()
    }

    /// Writes the same as a PNG file.
    pub(crate) fn write_png(&self, path: &Path, width: u16, height: u16) {
        let file = std::fs::File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, width.into(), height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let pixels = self.pixels(width, height).concat();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
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
