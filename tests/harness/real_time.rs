//! What the audio thread must not do: ask the system for anything while the plugin plays in real time.
//!
//! Every block that a host of these tests processes in real time runs with the system's calls of its thread switched off
//! (Linux's syscall user dispatch). Where LLVM's real-time sanitizer is loaded (`cargo xtask rtsan`), it watches instead.

#![expect(unsafe_code, reason = "calls of the system and of the sanitizer")]

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::io::Write as _;
use std::sync::Once;

use super::Mode;

/// What the system reads before it takes a call of this thread.
const TAKE: u8 = 0;
const REFUSE: u8 = 1;
/// `PR_SET_SYSCALL_USER_DISPATCH` and `PR_SYS_DISPATCH_ON`, which `libc` does not name.
const DISPATCH: c_int = 59;
const ON: usize = 1;
/// What is said of a call that was refused, before its number.
pub(crate) const REFUSED: &str = "the audio thread makes the system call number ";

thread_local! {
    static ANSWER: Cell<u8> = const { Cell::new(TAKE) };
    static IS_WATCHED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Processes a block. Ends this process, with a message, if that asks the system for anything in real time.
pub(crate) fn process<T>(mode: Mode, block: impl FnOnce() -> T) -> T {
    // A render may wait for its pattern.
    if mode != Mode::Realtime {
        return block();
    }
    if let (Some(enter), Some(exit)) = (
        sanitizer(c"__rtsan_realtime_enter"),
        sanitizer(c"__rtsan_realtime_exit"),
    ) {
        enter();
        let result = block();
        exit();
        return result;
    }
    if is_watched() {
        ANSWER.set(REFUSE);
    }
    let result = block();
    ANSWER.set(TAKE);
    result
}

/// A function of the sanitizer, if it is loaded.
fn sanitizer(name: &CStr) -> Option<extern "C" fn()> {
    // SAFETY: the name ends in 0, and what has it takes nothing and returns nothing.
    unsafe {
        let function = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        (!function.is_null()).then(|| std::mem::transmute::<*mut c_void, extern "C" fn()>(function))
    }
}

/// Whether the system refuses calls of this thread when it is told to, which Linux does from version 5.11 on.
pub(crate) fn is_watched() -> bool {
    IS_WATCHED.get().unwrap_or_else(|| {
        static HANDLER: Once = Once::new();
        HANDLER.call_once(|| {
            // SAFETY: all-zero bytes are a valid `sigaction`, and the handler has the type that `SA_SIGINFO` asks for.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction =
                    refuse as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
                action.sa_flags = libc::SA_SIGINFO;
                libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut());
            }
        });
        // SAFETY: the byte lives as long as the thread, and no call is made from addresses that are left out.
        let result =
            ANSWER.with(|answer| unsafe { libc::prctl(DISPATCH, ON, 0, 0, answer.as_ptr()) });
        IS_WATCHED.set(Some(result == 0));
        result == 0
    })
}

/// Handles the signal that the system sends in place of a call.
extern "C" fn refuse(_signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    ANSWER.set(TAKE);
    // SAFETY: the system fills `si_syscall` for this signal: after the signal's three numbers and the call's address.
    let number = unsafe { info.cast::<u8>().add(24).cast::<c_int>().read() };
    // Past the test harness, which would keep it to itself.
    let _ = writeln!(std::io::stderr(), "{REFUSED}{number}");
    std::process::abort();
}
