//! What fills in or mends the framework's CLAP and VST3.
//!
//! The framework (nice-plug 0.2.3) makes a plugin of [`crate::Fourbar`] for both formats. Where a host needs more than it
//! does, the host gets a function of ours in place of the framework's; each says why.

mod border;
pub(crate) mod clap;
mod vst3;

pub(crate) use border::Border;
