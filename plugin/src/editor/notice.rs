//! What is shown where the editor cannot be: a sentence in the host's window, drawn by the system without OpenGL, or in
//! the editor's own, where a frame went wrong.
//!
//! The backend panics where it gets no OpenGL context. On Linux that ends its own thread, and opening fails in a way that
//! can be caught; so it can on macOS, where every system that the plugin runs on has OpenGL. On Windows it happens inside a
//! window procedure, through which nothing can unwind: the host would abort. So there it is tried first whether there is
//! OpenGL.

use super::theme;
use egui::{Align2, LayerId, Ui};
use nice_plug::editor::ParentWindowHandle;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a user is told where a frame went wrong.
const BROKEN: &str =
    "Something in this window went wrong. The plugin plays on; close the window and open it again.";
/// What a user is told where there is no OpenGL.
const TEXT: &str = "The Fourbar window needs OpenGL 3.2 or later. The plugin plays on without it.";

/// Whether the editor can be opened, as far as it can be known before; see the module.
pub(super) fn has_opengl() -> bool {
    #[cfg(windows)]
    return windows::has_opengl();
    #[cfg(not(windows))]
    true
}

/// Draws a frame, or a sentence over all of it from the first one on that panicked, which `is_broken` keeps: the system
/// calls the window, and nothing can unwind into it.
pub(super) fn draw_or_say(is_broken: &mut bool, ui: &mut Ui, draw: impl FnOnce(&mut Ui)) {
    *is_broken = *is_broken || catch_unwind(AssertUnwindSafe(|| draw(ui))).is_err();
    if *is_broken {
        let everything = ui.ctx().content_rect();
        let painter = ui.ctx().layer_painter(LayerId::debug());
        painter.rect_filled(everything, 0.0, theme::BACKGROUND);
        let (centre, font) = (everything.center(), theme::medium(14.0));
        theme::text(
            &painter,
            centre,
            Align2::CENTER_CENTER,
            BROKEN,
            font,
            theme::TEXT,
        );
    }
}

/// Puts the sentence into the host's window. Dropping what is returned takes it away.
pub(super) fn show(parent: &ParentWindowHandle, width: u16, height: u16) -> Box<dyn Any> {
    nice_plug::prelude::nice_error!("{TEXT}");
    #[cfg(target_os = "linux")]
    if let Ok(notice) = x11::Notice::open(parent, width, height) {
        return Box::new(notice);
    }
    #[cfg(windows)]
    if let Some(notice) = windows::Notice::open(parent, width, height) {
        return Box::new(notice);
    }
    #[cfg(target_os = "macos")]
    let _ = (parent, width, height);
    Box::new(())
}

#[cfg(target_os = "linux")]
mod x11 {
    use super::TEXT;
    use nice_plug::editor::ParentWindowHandle;
    use std::error::Error;
    use x11rb::connection::Connection as _;
    use x11rb::protocol::xproto::{
        ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Rectangle, WindowClass,
    };
    use x11rb::rust_connection::RustConnection;

    /// A window that shows a picture as its background, which the server draws without being asked.
    pub(super) struct Notice {
        _connection: RustConnection,
    }

    impl Notice {
        pub(super) fn open(
            parent: &ParentWindowHandle,
            width: u16,
            height: u16,
        ) -> Result<Self, Box<dyn Error>> {
            let parent = match *parent {
                ParentWindowHandle::XlibWindow(window) => u32::try_from(window)?,
                ParentWindowHandle::XcbWindow(window) => window.get(),
                _ => return Err("not a window of X11".into()),
            };
            let (x, _) = x11rb::connect(None)?;
            let depth = x.get_geometry(parent)?.reply()?.depth;
            let (picture, font, pen) = (x.generate_id()?, x.generate_id()?, x.generate_id()?);
            x.create_pixmap(depth, picture, parent, width, height)?;
            x.open_font(font, b"fixed")?.check()?;
            let (black, white) = (0, 0x00ff_ffff);
            let colours = CreateGCAux::new().foreground(black).background(black);
            x.create_gc(pen, picture, &colours.font(font))?;
            let all = Rectangle {
                x: 0,
                y: 0,
                width,
                height,
            };
            x.poly_fill_rectangle(picture, pen, &[all])?;
            x.change_gc(pen, &ChangeGCAux::new().foreground(white))?;
            x.image_text8(picture, pen, 24, 36, TEXT.as_bytes())?;
            let window = x.generate_id()?;
            x.create_window(
                depth,
                window,
                parent,
                0,
                0,
                width,
                height,
                0,
                WindowClass::INPUT_OUTPUT,
                x11rb::COPY_FROM_PARENT,
                &CreateWindowAux::new().background_pixmap(picture),
            )?;
            x.map_window(window)?.check()?;
            // The server keeps what the window shows until this connection is closed.
            Ok(Self { _connection: x })
        }
    }
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "the functions of Windows are foreign")]
mod windows {
    use super::TEXT;
    use nice_plug::editor::ParentWindowHandle;
    use std::ffi::CStr;
    use std::mem::transmute;
    use std::ptr::{null, null_mut};
    use windows_sys::Win32::Foundation::HWND;
    use windows_sys::Win32::Graphics::Gdi::{GetDC, HDC, ReleaseDC};
    use windows_sys::Win32::Graphics::OpenGL::{
        ChoosePixelFormat, HGLRC, PFD_DOUBLEBUFFER, PFD_DRAW_TO_WINDOW, PFD_SUPPORT_OPENGL,
        PIXELFORMATDESCRIPTOR, SetPixelFormat, wglCreateContext, wglDeleteContext,
        wglGetProcAddress, wglMakeCurrent,
    };
    use windows_sys::Win32::UI::WindowsAndMessaging::{
        CreateWindowExW, DestroyWindow, WINDOW_STYLE, WS_CHILD, WS_VISIBLE,
    };

    /// A text field of the system's.
    pub(super) struct Notice(HWND);

    impl Notice {
        pub(super) fn open(parent: &ParentWindowHandle, width: u16, height: u16) -> Option<Self> {
            let ParentWindowHandle::Win32Hwnd(parent) = *parent else {
                return None;
            };
            let text = wide(TEXT);
            let size = (width.into(), height.into());
            static_window(&text, WS_CHILD | WS_VISIBLE, size, parent.get() as HWND).map(Self)
        }
    }

    impl Drop for Notice {
        fn drop(&mut self) {
            // SAFETY: the window is ours; one that the host has destroyed is refused.
            unsafe { DestroyWindow(self.0) };
        }
    }

    /// Whether a window here gets a context of the kind that the backend asks for.
    pub(super) fn has_opengl() -> bool {
        let Some(window) = static_window(&wide(""), 0, (1, 1), null_mut()) else {
            return false;
        };
        let found = makes_context(window);
        // SAFETY: the window was made above.
        unsafe { DestroyWindow(window) };
        found
    }

    /// By which drivers make contexts of versions above 1.1.
    type MakeContext = unsafe extern "system" fn(HDC, HGLRC, *const i32) -> HGLRC;
    /// What the backend wants besides that.
    const ALSO_NEEDED: [&CStr; 2] = [c"wglChoosePixelFormatARB", c"wglSwapIntervalEXT"];
    /// Version 3.2, core profile, in the names of the extension `WGL_ARB_create_context`.
    const WANTED: [i32; 7] = [0x2091, 3, 0x2092, 2, 0x9126, 1, 0];

    fn makes_context(window: HWND) -> bool {
        let wanted = PIXELFORMATDESCRIPTOR {
            nSize: size_of::<PIXELFORMATDESCRIPTOR>() as u16,
            nVersion: 1,
            dwFlags: PFD_DRAW_TO_WINDOW | PFD_SUPPORT_OPENGL | PFD_DOUBLEBUFFER,
            cColorBits: 32,
            ..PIXELFORMATDESCRIPTOR::default()
        };
        // SAFETY: the window and what is made for it live to the end of the block; every result is looked at.
        unsafe {
            let device = GetDC(window);
            let format = ChoosePixelFormat(device, &raw const wanted);
            let is_set = format != 0 && SetPixelFormat(device, format, &raw const wanted) != 0;
            let plain = if is_set {
                wglCreateContext(device)
            } else {
                null_mut()
            };
            // The driver tells its functions to who has a context.
            let is_current = !plain.is_null() && wglMakeCurrent(device, plain) != 0;
            let wanted = if is_current {
                wanted_context(device)
            } else {
                null_mut()
            };
            wglMakeCurrent(null_mut(), null_mut());
            for context in [wanted, plain] {
                if !context.is_null() {
                    wglDeleteContext(context);
                }
            }
            ReleaseDC(window, device);
            !wanted.is_null()
        }
    }

    /// The context of the backend, null where there is none.
    ///
    /// # Safety
    /// `device` must be a device with a pixel format of OpenGL's.
    unsafe fn wanted_context(device: HDC) -> HGLRC {
        let function = |name: &CStr| {
            // SAFETY: the name ends in 0.
            unsafe { wglGetProcAddress(name.as_ptr().cast()) }
        };
        if !ALSO_NEEDED.iter().all(|name| function(name).is_some()) {
            return null_mut();
        }
        function(c"wglCreateContextAttribsARB").map_or(null_mut(), |make| {
            // SAFETY: the extension gives the function of this name this type, and a list that ends in 0.
            unsafe {
                let make = transmute::<unsafe extern "system" fn() -> isize, MakeContext>(make);
                make(device, null_mut(), WANTED.as_ptr())
            }
        })
    }

    fn static_window(
        text: &[u16],
        style: WINDOW_STYLE,
        (width, height): (i32, i32),
        parent: HWND,
    ) -> Option<HWND> {
        let class = wide("STATIC");
        // SAFETY: both texts end in 0 and outlive the call; the class is the system's.
        let window = unsafe {
            CreateWindowExW(
                0,
                class.as_ptr(),
                text.as_ptr(),
                style,
                0,
                0,
                width,
                height,
                parent,
                null_mut(),
                null_mut(),
                null(),
            )
        };
        (!window.is_null()).then_some(window)
    }

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().chain([0]).collect()
    }
}
