//! Everything at once: real files through the model, and the built plugin in real hosts.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod checkpoints; // every committed checkpoint works
#[cfg(target_os = "linux")]
mod editor; // the editor opens and closes while the host automates
#[cfg(target_os = "linux")]
mod faults; // a full disk, a clock that jumps, and a host whose numbers have commas
mod golden; // the same bits on every system and processor
mod groove_in; // what is played in and opened
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "the editor is opened on Linux only")
)]
mod harness; // a fake transport, two small hosts, and the rule by which notes are played
mod host_clap; // the plugin in a CLAP host
mod host_vst3; // the plugin through its VST3 factory
#[cfg(target_os = "linux")]
mod instances; // what many instances cost while nothing is asked of them
mod instrument; // what can be asked of the drummer
mod keeping; // locks, slots and sessions
mod library; // presets that come with the plugin, and saved ones
mod metres; // bars of every metre
mod midi_roundtrip; // .mid -> groove -> .mid
mod model_parity; // forward passes against recorded numbers
mod playing; // what every host must hear
mod presets; // every preset trains, and its model plays
#[cfg(target_os = "linux")]
mod real_time; // the audio thread asks the system for nothing
mod rooms; // the modules of the trainer import downwards only
mod training; // a short run learns, resumes exactly and survives accidents
mod transports; // random transports lose, double or hang no note
mod user_models; // models from the user's folder in a host
