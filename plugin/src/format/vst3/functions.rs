//! The functions of an instance that we exchange, each for a mistake of the framework's (nice-plug 0.2.3):
//!
//! - It knows of the render mode only what the last but one `setupProcessing` said. Some hosts say it there, others in
//!   every block; who says offline is believed.
//! - It refuses to be activated before `setupProcessing`, and panics if it is to process before. Carla's scan does the
//!   first.
//! - It drops parameter values while the host processes ([`super::told`]).
//! - It does not show more buses than one, and cannot do with fewer than it has ([`super::buses`]).
//!
//! Every instance has tables of functions of its own, so that the functions find the instance behind the interface that
//! they are called with.

use super::buses::{self, Spare};
use super::told::Told;
use crate::format::Border;
use crate::inference::poller;
use crate::params::Grouped;
use nice_plug::params::Params as _;
use nice_plug::params::internals::ParamPtr;
use nice_plug::wrapper::vst3::vst3::ComRef;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ProcessModes_::kOffline;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusDirection, BusInfo, IAudioProcessor, IAudioProcessorVtbl, IComponent, IComponentVtbl,
    IEditController, IEditControllerVtbl, IParamValueQueueTrait, IParameterChanges,
    IParameterChangesTrait, MediaType, ParamID, ParamValue, ParameterInfo, ProcessData,
    ProcessSetup,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IBStream, TBool, int32, kInvalidArgument, kNotInitialized, kResultOk, tresult,
};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What hosts call in one instance, what is behind that, and what it has to know.
pub(in crate::format) struct Functions {
    component: Table<IComponentVtbl>,
    controller: Table<IEditControllerVtbl>,
    processor: Table<IAudioProcessorVtbl>,
    framework: Framework,
    told: Told,
    spare: Spare,
    /// Whether there has been a `setupProcessing`.
    is_set_up: AtomicBool,
    /// Whether there has been a `setActive` before that.
    is_activation_due: AtomicBool,
    /// Whether the last `setupProcessing` said offline.
    is_set_up_offline: AtomicBool,
    is_processing: AtomicBool,
}

/// The functions of one interface. A host's pointer to them is also one to the whole table.
#[repr(C)]
struct Table<V> {
    functions: V,
    border: *const Border,
}

/// The framework's functions, and the interface to activate it by.
struct Framework {
    component: IComponentVtbl,
    controller: IEditControllerVtbl,
    processor: IAudioProcessorVtbl,
    activatable: *mut IComponent,
}

// SAFETY: the pointers are to the border that the functions lie in and to the instance that keeps it, and both are made
// for any thread.
unsafe impl Send for Functions {}
// SAFETY: as above.
unsafe impl Sync for Functions {}

/// Exchanges functions of an instance that nobody but us has seen yet.
///
/// # Safety
/// The interfaces must be those of the framework's instance that `border` belongs to.
pub(super) unsafe fn exchange(
    border: &Arc<Border>,
    component: *mut IComponent,
    controller: *mut IEditController,
    processor: *mut IAudioProcessor,
) {
    // SAFETY: as the caller promises. The plugin keeps the border, and with it the tables, as long as the instance lives.
    unsafe {
        let framework = Framework {
            component: *(*component).vtbl,
            controller: *(*controller).vtbl,
            processor: *(*processor).vtbl,
            activatable: component,
        };
        buses::offer(&framework.processor, processor);
        let told = Told::nothing_of(params(border, &framework.controller, controller));
        let functions = border
            .functions
            .get_or_init(|| Functions::new(Arc::as_ptr(border), framework, told));
        (*component).vtbl = (&raw const functions.component).cast();
        (*controller).vtbl = (&raw const functions.controller).cast();
        (*processor).vtbl = (&raw const functions.processor).cast();
    }
}

/// The parameters with the numbers that hosts know them by: the framework lists them in the same order.
///
/// # Safety
/// As for [`exchange`].
unsafe fn params(
    border: &Border,
    framework: &IEditControllerVtbl,
    controller: *mut IEditController,
) -> impl Iterator<Item = (ParamID, ParamPtr)> {
    let params = Grouped(border.params.clone()).param_map().into_iter();
    params.zip(0..).filter_map(move |((_, param, _), index)| {
        let mut info = MaybeUninit::<ParameterInfo>::zeroed();
        // SAFETY: as the caller promises; all-zero bytes are a valid `ParameterInfo`.
        unsafe {
            let found = (framework.getParameterInfo)(controller, index, info.as_mut_ptr());
            (found == kResultOk).then(|| (info.assume_init().id, param))
        }
    })
}

impl Functions {
    fn new(border: *const Border, framework: Framework, told: Told) -> Self {
        Self {
            component: Table {
                functions: IComponentVtbl {
                    setActive: set_active,
                    setState: set_state,
                    getState: get_state,
                    getBusInfo: get_bus_info,
                    ..framework.component
                },
                border,
            },
            controller: Table {
                functions: IEditControllerVtbl {
                    setParamNormalized: set_param_normalized,
                    getParamNormalized: get_param_normalized,
                    ..framework.controller
                },
                border,
            },
            processor: Table {
                functions: IAudioProcessorVtbl {
                    setupProcessing: setup_processing,
                    setProcessing: set_processing,
                    process,
                    ..framework.processor
                },
                border,
            },
            framework,
            told,
            spare: Spare::new(),
            is_set_up: AtomicBool::new(false),
            is_activation_due: AtomicBool::new(false),
            is_set_up_offline: AtomicBool::new(false),
            is_processing: AtomicBool::new(false),
        }
    }

    /// The processor is told these values.
    ///
    /// # Safety
    /// `changes` must be the host's, or null.
    unsafe fn deliver(&self, changes: *mut IParameterChanges) {
        // SAFETY: as the caller promises.
        unsafe {
            let Some(changes) = ComRef::from_raw(changes) else {
                return;
            };
            for index in 0..changes.getParameterCount() {
                if let Some(queue) = ComRef::from_raw(changes.getParameterData(index)) {
                    self.told.forget(queue.getParameterId());
                }
            }
        }
    }
}

/// The border and the functions of the instance behind one of its interfaces, whose table of functions is a `Table<V>`.
///
/// # Safety
/// `interface` must have been through [`exchange`], and the instance must be alive.
unsafe fn instance<'a, V, I>(interface: *mut I) -> (&'a Border, &'a Functions) {
    // SAFETY: an interface begins with the pointer to its functions, here to a table.
    let border = unsafe {
        let table = *interface.cast::<*const Table<V>>();
        &*(*table).border
    };
    let functions = border.functions.get();
    (
        border,
        functions.expect("hosts call only what has been exchanged"),
    )
}

unsafe extern "system" fn set_active(component: *mut IComponent, state: TBool) -> tresult {
    // SAFETY: the host's own arguments, to the function that it means.
    unsafe {
        let (_, functions) = instance::<IComponentVtbl, _>(component);
        let is_early = !functions.is_set_up.load(Ordering::Relaxed);
        if is_early {
            let is_due = state != 0;
            functions.is_activation_due.store(is_due, Ordering::Relaxed);
            return kResultOk;
        }
        (functions.framework.component.setActive)(component, state)
    }
}

unsafe extern "system" fn set_state(component: *mut IComponent, state: *mut IBStream) -> tresult {
    // SAFETY: as above.
    unsafe {
        let (_, functions) = instance::<IComponentVtbl, _>(component);
        let result = (functions.framework.component.setState)(component, state);
        if result == kResultOk {
            functions.told.forget_all();
        }
        result
    }
}

unsafe extern "system" fn get_state(component: *mut IComponent, state: *mut IBStream) -> tresult {
    // SAFETY: as above.
    unsafe {
        let (_, functions) = instance::<IComponentVtbl, _>(component);
        functions.told.take_over();
        (functions.framework.component.getState)(component, state)
    }
}

unsafe extern "system" fn get_bus_info(
    component: *mut IComponent,
    media: MediaType,
    direction: BusDirection,
    index: int32,
    info: *mut BusInfo,
) -> tresult {
    // SAFETY: as above.
    unsafe {
        let (_, functions) = instance::<IComponentVtbl, _>(component);
        let framework = &functions.framework.component;
        let result = (framework.getBusInfo)(component, media, direction, index, info);
        if result == kResultOk {
            buses::show_inactive(&mut *info, index);
        }
        result
    }
}

unsafe extern "system" fn set_param_normalized(
    controller: *mut IEditController,
    id: ParamID,
    value: ParamValue,
) -> tresult {
    // The next block brings it to the audio thread, which may want another pattern then.
    poller::wake();
    // SAFETY: as above.
    unsafe {
        let (_, functions) = instance::<IEditControllerVtbl, _>(controller);
        if functions.is_processing.load(Ordering::Relaxed) {
            functions.told.tell(id, value);
        }
        (functions.framework.controller.setParamNormalized)(controller, id, value)
    }
}

unsafe extern "system" fn get_param_normalized(
    controller: *mut IEditController,
    id: ParamID,
) -> ParamValue {
    // SAFETY: as above.
    unsafe {
        let (_, functions) = instance::<IEditControllerVtbl, _>(controller);
        let told = functions.told.normalized(id);
        told.unwrap_or_else(|| (functions.framework.controller.getParamNormalized)(controller, id))
    }
}

unsafe extern "system" fn setup_processing(
    processor: *mut IAudioProcessor,
    setup: *mut ProcessSetup,
) -> tresult {
    // SAFETY: as above.
    unsafe {
        let (_, functions) = instance::<IAudioProcessorVtbl, _>(processor);
        let framework = &functions.framework;
        let result = (framework.processor.setupProcessing)(processor, setup);
        if result != kResultOk {
            return result;
        }
        functions.spare.resize((*setup).maxSamplesPerBlock);
        let is_offline = is_offline((*setup).processMode);
        functions
            .is_set_up_offline
            .store(is_offline, Ordering::Relaxed);
        functions.is_set_up.store(true, Ordering::Relaxed);
        if functions.is_activation_due.swap(false, Ordering::Relaxed) {
            (framework.component.setActive)(framework.activatable, 1)
        } else {
            kResultOk
        }
    }
}

unsafe extern "system" fn set_processing(processor: *mut IAudioProcessor, state: TBool) -> tresult {
    // SAFETY: as above.
    unsafe {
        let (_, functions) = instance::<IAudioProcessorVtbl, _>(processor);
        let result = (functions.framework.processor.setProcessing)(processor, state);
        functions.is_processing.store(state != 0, Ordering::Relaxed);
        if state == 0 {
            // No block will bring them any more.
            functions.told.take_over();
        }
        result
    }
}

unsafe extern "system" fn process(
    processor: *mut IAudioProcessor,
    data: *mut ProcessData,
) -> tresult {
    if data.is_null() {
        return kInvalidArgument;
    }
    // SAFETY: as above.
    unsafe {
        let (border, functions) = instance::<IAudioProcessorVtbl, _>(processor);
        if !functions.is_set_up.load(Ordering::Relaxed) {
            return kNotInitialized;
        }
        let is_set_up_offline = functions.is_set_up_offline.load(Ordering::Relaxed);
        border.set_offline(is_set_up_offline || is_offline((*data).processMode));
        functions.deliver((*data).inputParameterChanges);
        let Framework {
            component,
            activatable,
            ..
        } = &functions.framework;
        functions
            .spare
            .complete(data, component, *activatable, |data| {
                (functions.framework.processor.process)(processor, data)
            })
    }
}

fn is_offline(mode: int32) -> bool {
    // Its type differs between systems.
    i64::from(mode) == i64::from(kOffline)
}
