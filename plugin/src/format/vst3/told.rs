//! What a host has told the controller of a processing plugin, and its processor not yet.
//!
//! While the host processes, the framework (nice-plug 0.2.3) drops what the controller is told, because the same value
//! comes to the processor with one of the next blocks. A project that is saved in between would hold the old value. To
//! take every value over at once is no way out: hosts tell the controller where automation has been some time ago, and the
//! song would change. So the last value is kept until the processor has been told one, and a state that is saved before
//! takes it over.

use atomic_float::AtomicF32;
use nice_plug::params::internals::ParamPtr;
use std::sync::atomic::Ordering;

/// The values of one instance, whose parameters outlive it. Audio and main thread use it at the same time.
pub(super) struct Told(Vec<Value>);

/// The value of one parameter.
struct Value {
    id: u32,
    param: ParamPtr,
    /// From 0 to 1; no number if the processor knows.
    normalized: AtomicF32,
}

impl Told {
    /// Nothing has been told of these parameters, each with the host's number for it.
    pub(super) fn nothing_of(params: impl Iterator<Item = (u32, ParamPtr)>) -> Self {
        let value = |(id, param)| Value {
            id,
            param,
            normalized: AtomicF32::new(f32::NAN),
        };
        Self(params.map(value).collect())
    }

    /// The controller is told a value.
    pub(super) fn tell(&self, id: u32, normalized: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "parameters are single precision"
        )]
        let normalized = normalized as f32;
        if let Some(value) = self.value(id) {
            value.normalized.store(normalized, Ordering::Relaxed);
        }
    }

    /// The processor is told a value.
    pub(super) fn forget(&self, id: u32) {
        self.tell(id, f64::NAN);
    }

    /// A project tells all values.
    pub(super) fn forget_all(&self) {
        for value in &self.0 {
            value.normalized.store(f32::NAN, Ordering::Relaxed);
        }
    }

    /// What the controller was told last, as the parameter would take it; `None` if the processor knows.
    pub(super) fn normalized(&self, id: u32) -> Option<f64> {
        let value = self.value(id)?;
        let normalized = value.normalized.load(Ordering::Relaxed);
        // SAFETY: the parameters outlive the instance.
        let taken = unsafe {
            value
                .param
                .preview_normalized(value.param.preview_plain(normalized))
        };
        (!normalized.is_nan()).then(|| f64::from(taken))
    }

    /// Sets the parameters to what the controller was told.
    pub(super) fn take_over(&self) {
        for value in &self.0 {
            let normalized = value.normalized.swap(f32::NAN, Ordering::Relaxed);
            if !normalized.is_nan() {
                // SAFETY: the parameters outlive the instance, and every value of theirs is atomic.
                unsafe { value.param._internal_set_normalized_value(normalized) };
            }
        }
    }

    fn value(&self, id: u32) -> Option<&Value> {
        self.0.iter().find(|value| value.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::FourbarParams;
    use nice_plug::params::Params as _;
    use std::sync::Arc;

    const TEMPERATURE: u32 = 0;
    const SEED: u32 = 1;

    fn told(params: &FourbarParams) -> Told {
        let param_map = params.param_map().into_iter();
        Told::nothing_of((0..).zip(param_map.map(|(_, param, _)| param)))
    }

    #[test]
    fn a_value_is_taken_over_once() {
        let params = FourbarParams::new(Arc::default());
        let told = told(&params);
        told.tell(TEMPERATURE, 0.1);
        told.tell(TEMPERATURE, 0.25);
        assert_eq!(params.temperature.value(), 1.0, "not yet");
        told.take_over();
        assert_eq!(params.temperature.value(), 0.5);
        assert_eq!(told.normalized(TEMPERATURE), None);
    }

    #[test]
    fn what_the_processor_or_a_project_tells_counts_more() {
        let params = FourbarParams::new(Arc::default());
        let told = told(&params);
        told.tell(TEMPERATURE, 0.25);
        told.tell(SEED, 1.0);
        told.forget(TEMPERATURE);
        assert_eq!(told.normalized(SEED), Some(1.0));
        told.forget_all();
        told.take_over();
        assert_eq!((params.temperature.value(), params.seed.value()), (1.0, 14));
    }

    #[test]
    fn a_value_reads_back_as_the_parameter_would_take_it() {
        let params = FourbarParams::new(Arc::default());
        let told = told(&params);
        for (value, taken) in [(7.0, 1.0), (-1.0, 0.0), (1e-9, 0.0)] {
            told.tell(SEED, value);
            assert_eq!(told.normalized(SEED), Some(taken));
        }
        told.tell(SEED, f64::NAN);
        assert_eq!(told.normalized(SEED), None);
        told.tell(12_345, 1.0);
        assert_eq!(told.normalized(12_345), None, "there is no such parameter");
    }
}
