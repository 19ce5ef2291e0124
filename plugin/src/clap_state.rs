//! Checks a CLAP state before the framework reads it.
