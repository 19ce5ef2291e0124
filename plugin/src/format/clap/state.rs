//! The CLAP state extension, with a check that the framework lacks.
//!
//! A CLAP state begins with the length of what follows. The framework (nice-plug 0.2.3) allocates by that number before
//! it has read anything, so that a damaged project would end the host. Here every state is first read whole into a
//! bounded buffer; only if the announced length is there does the framework see it, from memory.
#![expect(
    unsafe_code,
    reason = "CLAP is a C interface: hosts and the framework pass pointers, and its contract says which are valid"
)]

use super::{framework, framework_extension};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::stream::{clap_istream, clap_ostream};
use nice_plug::wrapper::clap::clap_plugin;
use std::ffi::c_void;
use std::ptr;

/// What a host gets for the state extension.
pub(super) static EXTENSION: clap_plugin_state = clap_plugin_state {
    save: Some(save),
    load: Some(load),
};

/// Longest state that is read; ours has some 30 KiB.
const MAX_STATE_BYTES: usize = 16 << 20;

/// Bytes of the length that a state begins with.
const LENGTH_BYTES: usize = size_of::<u64>();

unsafe extern "C" fn save(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    if plugin.is_null() || stream.is_null() {
        return false;
    }
    // SAFETY: the host passes its plugin and a stream.
    unsafe {
        let state = framework_extension::<clap_plugin_state>(plugin, CLAP_EXT_STATE);
        let save = state.and_then(|state| state.save);
        save.is_some_and(|save| save(framework(plugin), stream))
    }
}

unsafe extern "C" fn load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    if plugin.is_null() || stream.is_null() {
        return false;
    }
    // SAFETY: the host passes its plugin and a stream; `unread` and our `stream` live until the framework has read them.
    unsafe {
        let Some(bytes) = read_whole(&*stream) else {
            return false;
        };
        let Some(mut unread) = announced_part(&bytes) else {
            return false;
        };
        let stream = clap_istream {
            ctx: (&raw mut unread).cast(),
            read: Some(read_memory),
        };
        let state = framework_extension::<clap_plugin_state>(plugin, CLAP_EXT_STATE);
        let load = state.and_then(|state| state.load);
        load.is_some_and(|load| load(framework(plugin), &raw const stream))
    }
}

/// Everything that `stream` holds; `None` if it fails or holds more than any state of ours.
///
/// # Safety
/// `stream` must be a CLAP stream.
unsafe fn read_whole(stream: &clap_istream) -> Option<Vec<u8>> {
    let read = stream.read?;
    let mut bytes = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        // SAFETY: the chunk is as long as is said.
        let n_read = unsafe { read(stream, chunk.as_mut_ptr().cast(), chunk.len() as u64) };
        // A negative number is an error; more than was asked for is nonsense.
        let part = chunk.get(..usize::try_from(n_read).ok()?)?;
        if part.is_empty() {
            return Some(bytes);
        }
        if bytes.len() + part.len() > MAX_STATE_BYTES {
            return None;
        }
        bytes.extend_from_slice(part);
    }
}

/// The part of `state` that its length speaks of, with that length; `None` if it is not all there.
fn announced_part(state: &[u8]) -> Option<&[u8]> {
    let (length, rest) = state.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    if length > rest.len() {
        return None;
    }
    // Some hosts add bytes of their own at the end.
    state.get(..LENGTH_BYTES + length)
}

/// `clap_istream::read` for a stream whose context is the `&[u8]` that is still to be read.
unsafe extern "C" fn read_memory(
    stream: *const clap_istream,
    buffer: *mut c_void,
    size: u64,
) -> i64 {
    // SAFETY: only `load` makes such streams, and the framework's buffer is as long as it says.
    unsafe {
        let unread = &mut *(*stream).ctx.cast::<&[u8]>();
        let n_read = unread
            .len()
            .min(usize::try_from(size).unwrap_or(usize::MAX));
        let (part, rest) = unread.split_at(n_read);
        ptr::copy_nonoverlapping(part.as_ptr(), buffer.cast(), n_read);
        *unread = rest;
        i64::try_from(n_read).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    /// A stream of a test: what is left to read, and the most that is handed out at once.
    struct Source<'a> {
        unread: &'a [u8],
        at_once: usize,
    }

    unsafe extern "C" fn read_source(
        stream: *const clap_istream,
        buffer: *mut c_void,
        size: u64,
    ) -> i64 {
        let source = unsafe { &mut *(*stream).ctx.cast::<Source>() };
        let n_read = source
            .unread
            .len()
            .min(source.at_once)
            .min(usize::try_from(size).unwrap());
        unsafe { ptr::copy_nonoverlapping(source.unread.as_ptr(), buffer.cast(), n_read) };
        source.unread = &source.unread[n_read..];
        i64::try_from(n_read).unwrap()
    }

    unsafe extern "C" fn read_error(_: *const clap_istream, _: *mut c_void, _: u64) -> i64 {
        -1
    }

    unsafe extern "C" fn read_endless(_: *const clap_istream, _: *mut c_void, size: u64) -> i64 {
        i64::try_from(size).unwrap()
    }

    unsafe extern "C" fn read_too_much(_: *const clap_istream, _: *mut c_void, size: u64) -> i64 {
        i64::try_from(size).unwrap() + 1
    }

    fn stream(
        read: unsafe extern "C" fn(*const clap_istream, *mut c_void, u64) -> i64,
    ) -> clap_istream {
        clap_istream {
            ctx: ptr::null_mut(),
            read: Some(read),
        }
    }

    fn state(length: u64, content: &[u8]) -> Vec<u8> {
        [&length.to_le_bytes(), content].concat()
    }

    #[test]
    fn a_stream_is_read_whole_in_pieces_of_any_size() {
        let content: Vec<u8> = (0..10_000_u32)
            .map(|index| index.to_le_bytes()[0])
            .collect();
        for at_once in [1, 7, 4096, 100_000] {
            let mut source = Source {
                unread: &content,
                at_once,
            };
            let mut stream = stream(read_source);
            stream.ctx = (&raw mut source).cast();
            assert_eq!(
                unsafe { read_whole(&stream) }.as_deref(),
                Some(content.as_slice())
            );
        }
    }

    #[test]
    fn streams_that_fail_never_end_or_lie_are_refused() {
        for read in [read_error, read_endless, read_too_much] {
            assert_eq!(unsafe { read_whole(&stream(read)) }, None);
        }
    }

    #[test]
    fn a_length_that_is_not_there_is_refused() {
        assert_eq!(announced_part(&[]), None);
        assert_eq!(announced_part(&[1, 2, 3]), None);
        assert_eq!(announced_part(&state(u64::MAX, b"{}")), None);
        assert_eq!(announced_part(&state(3, b"{}")), None);
        assert_eq!(
            announced_part(&state(2, b"{}")),
            Some(state(2, b"{}").as_slice())
        );
        assert_eq!(
            announced_part(&state(2, b"{} and more")),
            Some(state(2, b"{}").as_slice())
        );
    }

    #[test]
    fn the_framework_reads_back_what_was_checked() {
        let bytes = state(2, b"{}");
        let mut unread = bytes.as_slice();
        let stream = clap_istream {
            ctx: (&raw mut unread).cast(),
            read: Some(read_memory),
        };
        let mut buffer = [0_u8; 16];
        let n_read = unsafe { read_memory(&raw const stream, buffer.as_mut_ptr().cast(), 8) };
        assert_eq!((n_read, &buffer[..8]), (8, &bytes[..8]));
        let n_read = unsafe { read_memory(&raw const stream, buffer.as_mut_ptr().cast(), 16) };
        assert_eq!((n_read, &buffer[..2]), (2, b"{}".as_slice()));
        assert_eq!(
            unsafe { read_memory(&raw const stream, buffer.as_mut_ptr().cast(), 16) },
            0
        );
    }
}
