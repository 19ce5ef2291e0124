//! The objects of the VST3 host that the plugin calls.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;
use vst3::Steinberg::Vst::{
    Event, IEventList, IEventListTrait, IParamValueQueue, IParamValueQueueTrait, IParameterChanges,
    IParameterChangesTrait, ParamID, ParamValue,
};
use vst3::Steinberg::{
    IBStream, IBStreamTrait, int32, int64, kInvalidArgument, kResultFalse, kResultOk, tresult,
};
use vst3::{Class, ComWrapper};

/// The notes of one block.
pub(super) struct Events(pub(super) RefCell<Vec<Event>>);

impl Class for Events {
    type Interfaces = (IEventList,);
}

impl IEventListTrait for Events {
    unsafe fn getEventCount(&self) -> int32 {
        self.0.borrow().len() as int32
    }

    unsafe fn getEvent(&self, index: int32, event: *mut Event) -> tresult {
        match self.0.borrow().get(index as usize) {
            // SAFETY: the plugin passes room for an event.
            Some(wanted) => unsafe { event.write(*wanted) },
            None => return kInvalidArgument,
        }
        kResultOk
    }

    unsafe fn addEvent(&self, event: *mut Event) -> tresult {
        // SAFETY: the plugin passes a live event.
        self.0.borrow_mut().push(unsafe { *event });
        kResultOk
    }
}

/// The automation of one block, a queue of one point for each change.
pub(super) struct Changes(pub(super) Vec<ComWrapper<Change>>);

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> int32 {
        self.0.len() as int32
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        let change = self.0.get(index as usize);
        change.map_or(ptr::null_mut(), |change| {
            change.as_com_ref::<IParamValueQueue>().unwrap().as_ptr()
        })
    }

    unsafe fn addParameterData(
        &self,
        _id: *const ParamID,
        _index: *mut int32,
    ) -> *mut IParamValueQueue {
        ptr::null_mut()
    }
}

/// A change of a parameter.
pub(super) struct Change {
    pub(super) offset: u32,
    pub(super) id: ParamID,
    pub(super) value: ParamValue,
}

impl Class for Change {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Change {
    unsafe fn getParameterId(&self) -> ParamID {
        self.id
    }

    unsafe fn getPointCount(&self) -> int32 {
        1
    }

    unsafe fn getPoint(&self, index: int32, offset: *mut int32, value: *mut ParamValue) -> tresult {
        if index != 0 {
            return kInvalidArgument;
        }
        // SAFETY: the plugin passes live numbers.
        unsafe {
            *offset = self.offset as int32;
            *value = self.value;
        }
        kResultOk
    }

    unsafe fn addPoint(&self, _offset: int32, _value: ParamValue, _index: *mut int32) -> tresult {
        kInvalidArgument
    }
}

/// Bytes that are read from the start, or written at the end.
pub(super) struct Stream {
    pub(super) bytes: RefCell<Vec<u8>>,
    n_read: Cell<usize>,
}

impl Stream {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes: RefCell::new(bytes),
            n_read: Cell::new(0),
        }
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, n_bytes: int32, n_read: *mut int32) -> tresult {
        let bytes = self.bytes.borrow();
        let left = &bytes[self.n_read.get()..];
        let n = left.len().min(n_bytes.max(0) as usize);
        // SAFETY: the plugin's buffer has room for what it asks for.
        unsafe {
            ptr::copy_nonoverlapping(left.as_ptr(), buffer.cast(), n);
            if let Some(n_read) = n_read.as_mut() {
                *n_read = n as int32;
            }
        }
        self.n_read.set(self.n_read.get() + n);
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, n_bytes: int32, n_written: *mut int32) -> tresult {
        // SAFETY: the plugin's buffer holds what it says.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), n_bytes as usize) };
        self.bytes.borrow_mut().extend(bytes);
        // SAFETY: null or live.
        if let Some(n_written) = unsafe { n_written.as_mut() } {
            *n_written = n_bytes;
        }
        kResultOk
    }

    unsafe fn seek(&self, _place: int64, _mode: int32, _result: *mut int64) -> tresult {
        kResultFalse
    }

    unsafe fn tell(&self, _place: *mut int64) -> tresult {
        kResultFalse
    }
}
