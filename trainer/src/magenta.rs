//! Magenta's models: their weights made into ours, and the proof that both play the same.

pub mod import;
pub mod parity;
