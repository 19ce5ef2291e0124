//! What a host tells our own functions and the framework does not pass on.

use super::vst3::Functions;
use crate::params::FourbarParams;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// One per plugin instance, shared by the plugin with the functions that its host calls.
pub(crate) struct Border {
    /// The instance's parameters.
    pub(super) params: Arc<FourbarParams>,
    /// The functions of a VST3 instance, which its host may call as long as the plugin lives.
    pub(super) functions: OnceLock<Functions>,
    is_offline: AtomicBool,
}

thread_local! {
    /// The newest instance made on this thread: the framework makes it inside of its wrapper and hands it to nobody.
    static NEWEST: RefCell<Weak<Border>> = const { RefCell::new(Weak::new()) };
}

impl Border {
    /// The border of a new instance with these parameters.
    pub(crate) fn new(params: Arc<FourbarParams>) -> Arc<Self> {
        let border = Arc::new(Self {
            params,
            functions: OnceLock::new(),
            is_offline: AtomicBool::new(false),
        });
        NEWEST.set(Arc::downgrade(&border));
        border
    }

    /// Makes one of the framework's wrappers, with the border of the plugin inside. `None` if the framework panics, as it
    /// does on a Windows that gives it no hidden window, by which it is woken: the host's call, to which nothing can
    /// unwind, is then answered with a failure.
    pub(super) fn with<W>(make: impl FnOnce() -> W) -> Option<(W, Arc<Self>)> {
        let wrapper = catch_unwind(AssertUnwindSafe(make)).ok()?;
        let border = NEWEST.take().upgrade();
        let border = border.expect("every wrapper makes its plugin, on the thread that makes it");
        Some((wrapper, border))
    }

    /// Whether the host renders, so that it can wait.
    pub(crate) fn is_offline(&self) -> bool {
        self.is_offline.load(Ordering::Relaxed)
    }

    /// The host says whether it renders.
    pub(super) fn set_offline(&self, is_offline: bool) {
        self.is_offline.store(is_offline, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_framework_is_an_instance_that_is_not_made() {
        assert!(Border::with(|| panic!("no hidden window")).is_none());
    }
}
