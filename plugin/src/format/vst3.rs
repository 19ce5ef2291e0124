//! The VST3 entry points: the framework's plugin, with some of its functions exchanged ([`functions`]).
#![expect(
    unsafe_code,
    reason = "VST3 is a C++ interface: hosts and the framework pass pointers, and its contract says which are valid"
)]

mod buses;
mod functions;
mod told;

pub(super) use functions::Functions;

use super::Border;
use crate::Fourbar;
use nice_plug::wrapper::setup_logger;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessor, IComponent, IEditController,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3,
    IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo,
    TUID, int32, kInternalError, kInvalidArgument, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComWrapper};
use nice_plug::wrapper::vst3::{PluginInfo, Wrapper};
use std::ffi::c_void;
use std::ptr;

/// What a host asks the library for.
#[unsafe(export_name = "GetPluginFactory")]
extern "system" fn get_plugin_factory() -> *mut c_void {
    let factory = ComWrapper::new(Factory {
        info: PluginInfo::for_plugin::<Fourbar>(),
    });
    factory
        .to_com_ptr::<IPluginFactory>()
        .map_or(ptr::null_mut(), |factory| factory.into_raw().cast())
}

/// Called when a host has loaded the library.
#[cfg_attr(not(target_os = "macos"), unsafe(export_name = "ModuleEntry"))]
#[cfg_attr(target_os = "macos", unsafe(export_name = "bundleEntry"))]
#[cfg(unix)]
extern "C" fn enter(_library: *mut c_void) -> bool {
    setup_logger::<Fourbar>();
    true
}

/// Called when a host is about to unload the library.
#[cfg_attr(not(target_os = "macos"), unsafe(export_name = "ModuleExit"))]
#[cfg_attr(target_os = "macos", unsafe(export_name = "bundleExit"))]
#[cfg(unix)]
extern "C" fn exit() -> bool {
    true
}

/// Called when a host has loaded the library.
#[unsafe(export_name = "InitDll")]
#[cfg(windows)]
extern "system" fn enter() -> bool {
    setup_logger::<Fourbar>();
    true
}

/// Called when a host is about to unload the library.
#[unsafe(export_name = "ExitDll")]
#[cfg(windows)]
extern "system" fn exit() -> bool {
    true
}

/// Says what is in the library, and makes it.
struct Factory {
    info: PluginInfo,
}

impl Class for Factory {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl Factory {
    /// Writes one of the descriptions of the only class there is.
    ///
    /// # Safety
    /// `place` must be null or valid for writing.
    unsafe fn describe<I>(
        &self,
        index: int32,
        place: *mut I,
        describe: fn(&PluginInfo) -> I,
    ) -> tresult {
        if index != 0 || place.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: as the caller promises.
        unsafe { place.write(describe(&self.info)) };
        kResultOk
    }
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the host passes room for the description.
        unsafe { self.describe(0, info, PluginInfo::create_factory_info) }
    }

    unsafe fn countClasses(&self) -> int32 {
        1
    }

    unsafe fn getClassInfo(&self, index: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: as above.
        unsafe { self.describe(index, info, PluginInfo::create_class_info) }
    }

    unsafe fn createInstance(
        &self,
        class: FIDString,
        interface: FIDString,
        object: *mut *mut c_void,
    ) -> tresult {
        if class.is_null() || interface.is_null() || object.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the host passes two ids of 16 bytes, and room for a pointer. The wrapper is new, nobody but us has seen it.
        unsafe {
            if *class.cast::<[u8; 16]>() != *self.info.cid {
                return kInvalidArgument;
            }
            let made = Border::with(|| ComWrapper::new(Wrapper::<Fourbar>::new()));
            let Some((wrapper, border)) = made else {
                return kInternalError;
            };
            let (Some(unknown), Some(component), Some(controller), Some(processor)) = (
                wrapper.as_com_ref::<FUnknown>(),
                wrapper.as_com_ref::<IComponent>(),
                wrapper.as_com_ref::<IEditController>(),
                wrapper.as_com_ref::<IAudioProcessor>(),
            ) else {
                return kInvalidArgument;
            };
            functions::exchange(
                &border,
                component.as_ptr(),
                controller.as_ptr(),
                processor.as_ptr(),
            );
            let unknown = unknown.as_ptr();
            ((*(*unknown).vtbl).queryInterface)(unknown, interface.cast::<TUID>(), object)
        }
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, index: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: as above.
        unsafe { self.describe(index, info, PluginInfo::create_class_info_2) }
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, index: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: as above.
        unsafe { self.describe(index, info, PluginInfo::create_class_info_unicode) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}
