//! Under construction.
use crate::{params::FourbarParams, shared::Shared};
use nice_plug::prelude::Editor;
use std::sync::Arc;
/// The window.
pub fn create(_params: Arc<FourbarParams>, _shared: Arc<Shared>) -> Option<Box<dyn Editor>> {
    None
}
