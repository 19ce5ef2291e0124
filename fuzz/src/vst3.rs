//! The plugin through its VST3 factory, as far as its state goes.
#![allow(non_snake_case, reason = "the interfaces' methods are named so")]

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use vst3::Steinberg::Vst::{IComponent, IComponentTrait};
use vst3::Steinberg::{
    IBStream, IBStreamTrait, IPluginBaseTrait, IPluginFactory, IPluginFactoryTrait, PClassInfo,
    int32, int64, kResultFalse, kResultOk, tresult,
};
use vst3::{Class, ComPtr, ComWrapper, Interface};

unsafe extern "system" {
    fn GetPluginFactory() -> *mut IPluginFactory;
}

/// An instance that is not active.
pub struct Vst3Host {
    component: ComPtr<IComponent>,
}

impl Vst3Host {
    /// # Panics
    /// If the plugin cannot be made: it is the one that is linked in.
    #[must_use]
    pub fn new() -> Self {
        // The entry links the plugin, whose factory is found by name.
        assert_eq!(fourbar_plugin::clap_entry.clap_version.major, 1);
        // SAFETY: every pointer is to a live local, and what the factory makes is ours.
        let component = unsafe {
            let factory = ComPtr::from_raw(GetPluginFactory()).unwrap();
            let mut info: PClassInfo = std::mem::zeroed();
            assert_eq!(factory.getClassInfo(0, &raw mut info), kResultOk);
            let mut component: *mut c_void = ptr::null_mut();
            let (class, interface) = (info.cid.as_ptr().cast(), IComponent::IID.as_ptr().cast());
            let created = factory.createInstance(class, interface, &raw mut component);
            assert_eq!(created, kResultOk);
            ComPtr::from_raw(component.cast::<IComponent>()).unwrap()
        };
        // SAFETY: the component has just been made; it takes no host as one.
        assert_eq!(unsafe { component.initialize(ptr::null_mut()) }, kResultOk);
        Self { component }
    }

    /// Whether the plugin accepted the state.
    ///
    /// # Panics
    /// Never: a stream is a stream.
    pub fn load(&mut self, state: &[u8]) -> bool {
        let stream = ComWrapper::new(Stream::of(state.to_vec()));
        let pointer = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
        // SAFETY: the stream outlives the call.
        unsafe { self.component.setState(pointer) == kResultOk }
    }

    /// The plugin's state.
    ///
    /// # Panics
    /// If it cannot be saved.
    pub fn save(&mut self) -> Vec<u8> {
        let stream = ComWrapper::new(Stream::of(Vec::new()));
        let pointer = stream.as_com_ref::<IBStream>().unwrap().as_ptr();
        // SAFETY: the stream outlives the call.
        assert_eq!(unsafe { self.component.getState(pointer) }, kResultOk);
        stream.bytes.take()
    }
}

impl Default for Vst3Host {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes that are read from the start, or written at the end.
struct Stream {
    bytes: RefCell<Vec<u8>>,
    n_read: RefCell<usize>,
}

impl Stream {
    fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes: RefCell::new(bytes),
            n_read: RefCell::new(0),
        }
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, n_bytes: int32, n_read: *mut int32) -> tresult {
        let bytes = self.bytes.borrow();
        let left = &bytes[*self.n_read.borrow()..];
        let n = left.len().min(n_bytes.max(0) as usize);
        // SAFETY: the plugin's buffer has room for what it asks for.
        unsafe {
            ptr::copy_nonoverlapping(left.as_ptr(), buffer.cast(), n);
            if let Some(n_read) = n_read.as_mut() {
                *n_read = n as int32;
            }
        }
        *self.n_read.borrow_mut() += n;
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
