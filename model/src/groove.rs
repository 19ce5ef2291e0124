//! A groove: what each drum does on each 16th step.

/// Steps in a quarter note: the grid is 16th notes.
pub const STEPS_PER_BEAT: usize = 4;
/// Steps in a bar of four quarter notes.
pub const STEPS_PER_BAR: usize = 16;
