//! The audio thread: follow the host's transport, ask for patterns, play them. Knows no framework.

pub mod pending;
pub mod player;
pub mod recorder;
pub mod scheduler;
pub mod transport;
