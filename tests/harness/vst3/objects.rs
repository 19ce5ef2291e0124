//! What a VST3 host hands to the plugin: notes, automation and states. The fuzz targets' host has them from here too.

use std::cell::RefCell;
use std::ffi::c_void;

use vst3::Steinberg::Vst::{
    Event, IEventList, IEventListTrait, IParamValueQueue, IParamValueQueueTrait, IParameterChanges,
    IParameterChangesTrait, ParamID, ParamValue,
};
use vst3::Steinberg::{
    IBStream, IBStream_, IBStreamTrait, int32, int64, kInvalidArgument, kNotImplemented, kResultOk,
    tresult,
};
use vst3::{Class, ComWrapper};

/// Events that the plugin sends, or gets.
pub(super) struct Events(pub(super) RefCell<Vec<Event>>);

impl Class for Events {
    type Interfaces = (IEventList,);
}

impl IEventListTrait for Events {
    unsafe fn getEventCount(&self) -> int32 {
        int32::try_from(self.0.borrow().len()).unwrap()
    }

    unsafe fn getEvent(&self, index: int32, event: *mut Event) -> tresult {
        let events = self.0.borrow();
        let wanted = usize::try_from(index)
            .ok()
            .and_then(|index| events.get(index));
        let Some(wanted) = wanted else {
            return kInvalidArgument;
        };
        // SAFETY: the plugin passes room for an event.
        unsafe { event.write(*wanted) };
        kResultOk
    }

    unsafe fn addEvent(&self, event: *mut Event) -> tresult {
        // SAFETY: the plugin passes a live event.
        self.0.borrow_mut().push(unsafe { *event });
        kResultOk
    }
}

/// The automation of one block.
pub(super) struct Changes(Vec<ComWrapper<Queue>>);

impl Changes {
    /// Of changes with the parameter, the sample of the block and the new value of each.
    pub(super) fn new(changes: impl Iterator<Item = (ParamID, int32, ParamValue)>) -> Self {
        let mut queues: Vec<Queue> = Vec::new();
        for (id, offset, value) in changes {
            let point = (offset, value);
            match queues.iter_mut().find(|queue| queue.id == id) {
                Some(queue) => queue.points.push(point),
                None => queues.push(Queue {
                    id,
                    points: vec![point],
                }),
            }
        }
        Self(queues.into_iter().map(ComWrapper::new).collect())
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> int32 {
        int32::try_from(self.0.len()).unwrap()
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        let queue = usize::try_from(index)
            .ok()
            .and_then(|index| self.0.get(index));
        queue.map_or(std::ptr::null_mut(), |queue| {
            queue.as_com_ref::<IParamValueQueue>().unwrap().as_ptr()
        })
    }

    unsafe fn addParameterData(
        &self,
        _id: *const ParamID,
        _index: *mut int32,
    ) -> *mut IParamValueQueue {
        std::ptr::null_mut()
    }
}

/// The automation of one parameter in one block.
struct Queue {
    id: ParamID,
    points: Vec<(int32, ParamValue)>,
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.id
    }

    unsafe fn getPointCount(&self) -> int32 {
        int32::try_from(self.points.len()).unwrap()
    }

    unsafe fn getPoint(&self, index: int32, offset: *mut int32, value: *mut ParamValue) -> tresult {
        let point = usize::try_from(index)
            .ok()
            .and_then(|index| self.points.get(index));
        let Some(&(point_offset, point_value)) = point else {
            return kInvalidArgument;
        };
        // SAFETY: the plugin passes live numbers.
        unsafe {
            *offset = point_offset;
            *value = point_value;
        }
        kResultOk
    }

    unsafe fn addPoint(&self, _offset: int32, _value: ParamValue, _index: *mut int32) -> tresult {
        kNotImplemented
    }
}

/// A state in memory.
pub(super) struct Stream {
    pub(super) bytes: RefCell<Vec<u8>>,
    position: RefCell<usize>,
}

impl Stream {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes: RefCell::new(bytes),
            position: RefCell::new(0),
        }
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, n_wanted: int32, n_read: *mut int32) -> tresult {
        let Ok(n_wanted) = usize::try_from(n_wanted) else {
            return kInvalidArgument;
        };
        let bytes = self.bytes.borrow();
        let mut position = self.position.borrow_mut();
        let n = n_wanted.min(bytes.len() - *position);
        // SAFETY: the plugin's buffer has room for what it asked for; `n_read` may be absent.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes[*position..].as_ptr(), buffer.cast::<u8>(), n);
            if let Some(n_read) = n_read.as_mut() {
                *n_read = int32::try_from(n).unwrap();
            }
        }
        *position += n;
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, n: int32, n_written: *mut int32) -> tresult {
        let n_bytes = usize::try_from(n).unwrap();
        // SAFETY: the plugin's buffer holds what it asks to write; `n_written` may be absent.
        unsafe {
            let new = std::slice::from_raw_parts(buffer.cast::<u8>(), n_bytes);
            self.bytes.borrow_mut().extend(new);
            if let Some(n_written) = n_written.as_mut() {
                *n_written = n;
            }
        }
        kResultOk
    }

    unsafe fn seek(&self, offset: int64, mode: int32, result: *mut int64) -> tresult {
        let length = self.bytes.borrow().len();
        let is = |constant: i64| i64::from(mode) == constant;
        let start = if is(IBStream_::IStreamSeekMode_::kIBSeekSet.into()) {
            0
        } else if is(IBStream_::IStreamSeekMode_::kIBSeekCur.into()) {
            *self.position.borrow()
        } else {
            length
        };
        let start = i64::try_from(start).unwrap();
        let position = (start + offset).clamp(0, i64::try_from(length).unwrap());
        *self.position.borrow_mut() = usize::try_from(position).unwrap();
        // SAFETY: `result` is a live number or absent.
        unsafe {
            if let Some(result) = result.as_mut() {
                *result = position;
            }
        }
        kResultOk
    }

    unsafe fn tell(&self, position: *mut int64) -> tresult {
        // SAFETY: the plugin passes a live number.
        unsafe { *position = i64::try_from(*self.position.borrow()).unwrap() };
        kResultOk
    }
}
