//! The VST3 entry points: the framework's plugin, with what it gets wrong put right.
//!
//! The framework (nice-plug 0.2.3) tells the plugin at activation whether the host plays or renders, but what it tells is
//! one [`setupProcessing`](IAudioProcessorTrait::setupProcessing) old. A host that exports a song would get what playing
//! gets: notes of the pattern that happens to be ready. So a host gets the framework's own component with that one
//! function exchanged for one that calls it twice.
#![expect(
    unsafe_code,
    reason = "VST3 is a C++ interface: hosts and the framework pass pointers, and its contract says which are valid"
)]

use crate::Fourbar;
use nice_plug::wrapper::setup_logger;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessor, IAudioProcessorVtbl, ProcessSetup,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3,
    IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo,
    TUID, int32, kInvalidArgument, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComWrapper};
use nice_plug::wrapper::vst3::{PluginInfo, Wrapper};
use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;

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
        // SAFETY: the host passes two ids of 16 bytes, and room for a pointer.
        unsafe {
            if *class.cast::<[u8; 16]>() != *self.info.cid {
                return kInvalidArgument;
            }
            let wrapper = ComWrapper::new(Wrapper::<Fourbar>::new());
            let (Some(unknown), Some(processor)) = (
                wrapper.as_com_ref::<FUnknown>(),
                wrapper.as_com_ref::<IAudioProcessor>(),
            ) else {
                return kInvalidArgument;
            };
            correct(processor.as_ptr());
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

/// The framework's functions and ours, which are the same but for one.
struct Functions {
    framework: IAudioProcessorVtbl,
    corrected: IAudioProcessorVtbl,
}

static FUNCTIONS: OnceLock<Functions> = OnceLock::new();

/// Exchanges the function of a processor that nobody but us has seen yet.
///
/// # Safety
/// `processor` must be the framework's, and alive.
unsafe fn correct(processor: *mut IAudioProcessor) {
    // SAFETY: as the caller promises; all processors of the framework have the same functions.
    unsafe {
        let framework = *(*processor).vtbl;
        let functions = FUNCTIONS.get_or_init(|| Functions {
            framework,
            corrected: IAudioProcessorVtbl {
                setupProcessing: setup_processing,
                ..framework
            },
        });
        (*processor).vtbl = &raw const functions.corrected;
    }
}

unsafe extern "system" fn setup_processing(
    processor: *mut IAudioProcessor,
    setup: *mut ProcessSetup,
) -> tresult {
    let Some(functions) = FUNCTIONS.get() else {
        return kInvalidArgument;
    };
    let framework = functions.framework.setupProcessing;
    // SAFETY: the host's own arguments, to the function that it means.
    unsafe {
        // The first call is told of the mode, the second one passes it on.
        let result = framework(processor, setup);
        if result == kResultOk {
            framework(processor, setup)
        } else {
            result
        }
    }
}
