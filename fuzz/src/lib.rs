//! What the fuzz targets share: a bound on memory, input that has to lie in a file, and small hosts.

pub mod call;
pub mod clap;
pub mod vst3;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What any input may cost, besides four times its length.
const ALLOWED_BYTES: usize = 64 << 20;

/// The system's allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE_BYTES.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK_BYTES.fetch_max(live, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs `read`, and fails if memory in use grows by more than 64 MiB and four times the input meanwhile.
///
/// # Panics
/// In that case.
pub fn bounded<T>(input: &[u8], read: impl FnOnce() -> T) -> T {
    let before = LIVE_BYTES.load(Relaxed);
    PEAK_BYTES.store(before, Relaxed);
    let result = read();
    let grown = PEAK_BYTES.load(Relaxed).saturating_sub(before);
    assert!(
        grown <= ALLOWED_BYTES + 4 * input.len(),
        "{} bytes of input took {grown} bytes of memory",
        input.len()
    );
    result
}

/// Writes `input` to a file of this name, always the same one, in memory where the system has such a folder.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn file(name: &str, input: &[u8]) -> PathBuf {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .expect("a temporary folder can be made")
    });
    let path = FOLDER.path().join(name);
    std::fs::write(&path, input).expect("the temporary folder can be written to");
    path
}
