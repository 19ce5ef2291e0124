//! Files for other programs on Windows: the shell's own data object for the file, in OLE's drag and on its clipboard.
//!
//! `DoDragDrop` does not return before the button is released and lets the windows of its thread work meanwhile. The
//! editor's window is in the middle of drawing then and may not be called, so the drag has a thread of its own, whose input
//! is joined with the window's: that is what lets it see the button.
//!
//! The target is called from there and may be the host, on the thread that also removes the plugin. Nobody waits for the
//! thread of a drag, then; instead the plugin's code stays in memory once something was dragged.

#![expect(unsafe_code, reason = "the functions of Windows are foreign")]

use super::Dropped;
use crate::editor::background::Background;
use crate::editor::export::Made;
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use windows::Win32::Foundation::{
    DRAGDROP_S_CANCEL, DRAGDROP_S_DROP, DRAGDROP_S_USEDEFAULTCURSORS, HWND, LPARAM, S_OK, WPARAM,
};
use windows::Win32::System::Com::{IBindCtx, IDataObject};
use windows::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};
use windows::Win32::System::Ole::{
    DROPEFFECT, DROPEFFECT_COPY, DROPEFFECT_NONE, DoDragDrop, IDropSource, IDropSource_Impl,
    OleFlushClipboard, OleInitialize, OleSetClipboard, OleUninitialize,
};
use windows::Win32::System::SystemServices::{MK_LBUTTON, MODIFIERKEYS_FLAGS};
use windows::Win32::System::Threading::{AttachThreadInput, GetCurrentThreadId};
use windows::Win32::UI::Shell::{BHID_DataObject, IShellItem, SHCreateItemFromParsingName};
use windows::Win32::UI::WindowsAndMessaging::{
    GW_CHILD, GetWindow, GetWindowThreadProcessId, PostMessageW, WM_LBUTTONUP,
};
use windows::core::{BOOL, HRESULT, HSTRING, PCWSTR, Result, implement};

/// How often it is looked whether there is news.
const TICK: Duration = Duration::from_millis(8);

/// Whether a drag can be begun here.
pub(in crate::editor) const CAN_DRAG: bool = true;

/// Carries a file to where the button is released, once the file is there.
pub(super) fn carry(
    file: Background<Made>,
    host_window: usize,
    is_welcome: &AtomicBool,
    stop: &AtomicBool,
) -> std::result::Result<Dropped, String> {
    let made = loop {
        match file.outcome() {
            Some(made) => break made?,
            None if stop.load(Ordering::Relaxed) => {
                if let Some(Ok(made)) = file.end() {
                    made.discard();
                }
                return Ok(Dropped::Nowhere);
            }
            None => thread::sleep(TICK),
        }
    };
    stay_in_memory().map_err(|error| in_words(&error))?;
    let source = Arc::<Shared>::default();
    let (sender, outcome) = mpsc::channel();
    let (path, of_thread) = (made.path.clone(), source.clone());
    thread::Builder::new()
        .name("fourbar drag".to_owned())
        .spawn(move || {
            // Nobody hears it where the plugin has been removed meanwhile.
            let _ = sender.send(drag(&path, host_window, of_thread));
        })
        .map_err(|error| format!("Nothing was dragged: {error}."))?;
    loop {
        is_welcome.store(source.is_welcome.load(Ordering::Relaxed), Ordering::Relaxed);
        match outcome.recv_timeout(TICK) {
            Ok(Ok(true)) => return Ok(Dropped::Taken(made.path)),
            Ok(Ok(false)) => {
                made.discard();
                return Ok(Dropped::Nowhere);
            }
            Ok(Err(error)) => return Err(in_words(&error)),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                source.is_cancelled.store(true, Ordering::Relaxed);
                return Ok(Dropped::Nowhere);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Dropped::Nowhere),
        }
    }
}

/// A file on the clipboard, which on Windows stays there whatever becomes of the plugin.
#[derive(Debug)]
pub(in crate::editor) struct Clipboard;

impl Clipboard {
    /// Puts the file at `path` on the clipboard.
    ///
    /// # Errors
    /// In words for the user.
    pub(in crate::editor) fn offer(path: &Path) -> std::result::Result<Self, String> {
        copy(path).map_err(|error| in_words(&error))?;
        Ok(Self)
    }
}

fn copy(path: &Path) -> Result<()> {
    let _ole = Ole::start()?;
    let object = data_object(path)?;
    // SAFETY: OLE was started on this thread above, and is stopped after the object is gone.
    unsafe {
        OleSetClipboard(&object)?;
        OleFlushClipboard()
    }
}

/// What both sides of a drag know of it.
#[derive(Debug, Default)]
struct Shared {
    is_welcome: AtomicBool,
    is_cancelled: AtomicBool,
}

/// Says when the drag is over.
#[implement(IDropSource)]
struct Source(Arc<Shared>);

impl IDropSource_Impl for Source_Impl {
    fn QueryContinueDrag(&self, escape: BOOL, keys: MODIFIERKEYS_FLAGS) -> HRESULT {
        if escape.as_bool() || self.0.is_cancelled.load(Ordering::Relaxed) {
            DRAGDROP_S_CANCEL
        } else if keys.0 & MK_LBUTTON.0 == 0 {
            DRAGDROP_S_DROP
        } else {
            S_OK
        }
    }

    fn GiveFeedback(&self, effect: DROPEFFECT) -> HRESULT {
        let is_welcome = effect.0 & DROPEFFECT_COPY.0 != 0;
        self.0.is_welcome.store(is_welcome, Ordering::Relaxed);
        DRAGDROP_S_USEDEFAULTCURSORS
    }
}

/// Drags the file at `path`; true if it was taken.
fn drag(path: &Path, host_window: usize, shared: Arc<Shared>) -> Result<bool> {
    let _ole = Ole::start()?;
    let object = data_object(path)?;
    let source: IDropSource = Source(shared).into();
    let host_window = HWND(std::ptr::with_exposed_provenance_mut(host_window));
    // SAFETY: a window that has gone has no thread, and joining with none fails; both objects outlive the drag; what
    // was joined is separated again.
    unsafe {
        let ours = GetCurrentThreadId();
        let of_window = GetWindowThreadProcessId(host_window, None);
        let is_joined = AttachThreadInput(ours, of_window, true).as_bool();
        let mut effect = DROPEFFECT_NONE;
        let outcome = DoDragDrop(&object, &source, DROPEFFECT_COPY, &raw mut effect);
        if is_joined {
            let _ = AttachThreadInput(ours, of_window, false);
        }
        release_button_of(host_window);
        Ok(outcome == DRAGDROP_S_DROP && effect != DROPEFFECT_NONE)
    }
}

/// Tells the editor's window, the host's only child, that the button is up: the drag has taken the pointer from it, so that
/// it has not heard.
fn release_button_of(host_window: HWND) {
    // Far outside, where no control is.
    let nowhere = LPARAM(isize::from(i16::MAX));
    // SAFETY: a window that has gone is refused.
    unsafe {
        if let Ok(editor) = GetWindow(host_window, GW_CHILD) {
            let _ = PostMessageW(Some(editor), WM_LBUTTONUP, WPARAM(0), nowhere);
        }
    }
}

/// The shell's own object for the file at `path`, which every program understands.
fn data_object(path: &Path) -> Result<IDataObject> {
    let path: Vec<u16> = path.as_os_str().encode_wide().collect();
    let path = HSTRING::from_wide(&path);
    // SAFETY: the text outlives the call.
    unsafe {
        let item: IShellItem = SHCreateItemFromParsingName(&path, None::<&IBindCtx>)?;
        item.BindToHandler(None::<&IBindCtx>, &BHID_DataObject)
    }
}

/// Keeps the plugin's code in memory for good.
fn stay_in_memory() -> Result<()> {
    let mut module = Default::default();
    let here = PCWSTR(stay_in_memory as fn() -> Result<()> as *const u16);
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    // SAFETY: the address is one of this module.
    unsafe { GetModuleHandleExW(flags, here, &raw mut module) }
}

/// OLE on this thread.
struct Ole;

impl Ole {
    fn start() -> Result<Self> {
        // SAFETY: the thread is ours, and it is stopped on the same one.
        unsafe { OleInitialize(None)? };
        Ok(Self)
    }
}

impl Drop for Ole {
    fn drop(&mut self) {
        // SAFETY: it was started.
        unsafe { OleUninitialize() };
    }
}

fn in_words(error: &windows::core::Error) -> String {
    format!(
        "Windows did not take part ({}). Export the file instead.",
        error.message()
    )
}
