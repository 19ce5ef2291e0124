//! What the plugin calls of the VST3 host.

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use vst3::Class;
use vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandlerTrait, IHostApplication, IHostApplicationTrait, ParamID,
    ParamValue, String128,
};
use vst3::Steinberg::{
    IPlugFrame, IPlugFrameTrait, IPlugView, TUID, ViewRect, int32, kNotImplemented, kResultOk,
    tresult,
};

/// The host as the plugin sees it.
pub(super) struct Application;

impl Class for Application {
    type Interfaces = (IHostApplication,);
}

impl IHostApplicationTrait for Application {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        let mut text: String128 = [0; 128];
        for (place, character) in text.iter_mut().zip("Fourbar tests".encode_utf16()) {
            *place = character;
        }
        // SAFETY: the plugin passes a live string.
        unsafe { *name = text };
        kResultOk
    }

    unsafe fn createInstance(
        &self,
        _class: *mut TUID,
        _interface: *mut TUID,
        _object: *mut *mut c_void,
    ) -> tresult {
        kNotImplemented
    }
}

/// Counts what the editor changes.
#[derive(Default)]
pub(super) struct Edits {
    pub(super) n_edits: AtomicUsize,
}

impl Class for Edits {
    type Interfaces = (IComponentHandler,);
}

impl IComponentHandlerTrait for Edits {
    unsafe fn beginEdit(&self, _id: ParamID) -> tresult {
        kResultOk
    }

    unsafe fn performEdit(&self, _id: ParamID, _value: ParamValue) -> tresult {
        self.n_edits.fetch_add(1, Ordering::SeqCst);
        kResultOk
    }

    unsafe fn endEdit(&self, _id: ParamID) -> tresult {
        kResultOk
    }

    unsafe fn restartComponent(&self, _flags: int32) -> tresult {
        kResultOk
    }
}

/// The host's side of the editor's window.
pub(super) struct Frame;

impl Class for Frame {
    type Interfaces = (IPlugFrame,);
}

impl IPlugFrameTrait for Frame {
    unsafe fn resizeView(&self, _view: *mut IPlugView, _size: *mut ViewRect) -> tresult {
        kResultOk
    }
}
