//! The crossings between the audio thread and the worker.
