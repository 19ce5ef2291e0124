//! Drums after the circuits of the Roland TR-909.
//!
//! Its skins are oscillators with envelopes for pitch and level, rounded to near sines; the kick's pitch falls by more
//! than two octaves within a twentieth of a second, under a click and a breath of noise. Its metal is not oscillators but
//! recordings of real cymbals: plates with many modes, cut at 14 kHz by the clock that plays them, and decaying as the
//! machine's own envelope says.
//!
//! # Sources
//! Reid, *Synth Secrets: practical bass drum synthesis*, Sound on Sound, February 2002 (oscillator, wave shaper and pitch
//! envelope; low-passed noise and a pulse for the attack), and *practical snare drum synthesis*, April 2002 (two
//! oscillators with a pitch envelope, noise through a low-pass and a high-pass of its own); Roland, *TR-909 Service
//! Notes*, 1984 (recordings of 6 bits for hi-hats, crash and ride).

use crate::recipe::{
    DrumRecipe, KitRecipe, Layer, Source, band_pass, decay, high_pass, low_pass, noise, skin,
};

pub(super) static KIT: KitRecipe = KitRecipe {
    name: "909",
    looseness: 0.35,
    gain: 2.75,
    drums: [
        KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE,
    ],
};

const KICK: DrumRecipe = DrumRecipe {
    layers: &[
        skin(
            51.0,
            &[(1.5, 0.028), (3.0, 0.006)],
            &[(1.0, 0.42)],
            [1.0, 1.0],
        ),
        Layer {
            source: Source::Pulse { seconds: 0.0008 },
            filters: &[low_pass(3000.0, 8000.0)],
            envelope: decay(&[(1.0, 0.1)]),
            level: [0.5, 1.6],
        },
        noise(
            &[low_pass(2500.0, 4500.0), high_pass(700.0)],
            &[(1.0, 0.03)],
            [0.4, 3.0],
        ),
    ],
    drive: [1.1, 1.7],
    peak: 0.46,
    t60_seconds: 0.42,
    is_wide: false,
    room: 0.06,
    retrigger_seconds: 0.006,
};

const SNARE: DrumRecipe = DrumRecipe {
    layers: &[
        skin(182.0, &[(0.5, 0.012)], &[(1.0, 0.16)], [1.0, 1.0]),
        skin(286.0, &[(0.5, 0.012)], &[(1.0, 0.1)], [0.5, 0.6]),
        noise(&[low_pass(5500.0, 9500.0)], &[(1.0, 0.12)], [0.35, 0.55]),
        noise(
            &[high_pass(2200.0), low_pass(8000.0, 14_000.0)],
            &[(0.8, 0.3), (0.5, 0.06)],
            [0.7, 1.0],
        ),
    ],
    drive: [0.9, 1.5],
    peak: 0.5,
    t60_seconds: 0.3,
    is_wide: true,
    room: 0.22,
    retrigger_seconds: 0.006,
};

const HAT_MODES: Source = Source::Modes {
    from_hz: 4200.0,
    to_hz: 13_500.0,
    t60_seconds: [4.0, 3.0],
};

const CLOSED_HAT: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: HAT_MODES,
            filters: &[high_pass(6000.0), low_pass(10_000.0, 14_000.0)],
            envelope: decay(&[(1.0, 0.08)]),
            level: [1.0, 1.0],
        },
        noise(
            &[high_pass(7500.0), low_pass(11_000.0, 14_000.0)],
            &[(1.0, 0.06)],
            [0.6, 1.0],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.27,
    t60_seconds: 0.09,
    is_wide: true,
    room: 0.1,
    retrigger_seconds: 0.004,
};

const OPEN_HAT: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: HAT_MODES,
            filters: &[high_pass(5200.0), low_pass(10_000.0, 14_000.0)],
            envelope: decay(&[(1.0, 0.45)]),
            level: [1.0, 1.0],
        },
        noise(
            &[high_pass(7000.0), low_pass(11_000.0, 14_000.0)],
            &[(0.3, 0.05), (0.7, 0.4)],
            [0.5, 0.8],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.25,
    t60_seconds: 0.45,
    is_wide: true,
    room: 0.1,
    retrigger_seconds: 0.012,
};

/// A tom that settles at a frequency in Hz and decays in so many seconds.
macro_rules! tom {
    ($hz:expr, $t60:expr, $peak:expr) => {
        DrumRecipe {
            layers: &[
                skin($hz, &[(0.7, 0.03), (0.1, 0.12)], &[(1.0, $t60)], [1.0, 1.0]),
                skin(1.5 * $hz, &[(0.7, 0.03)], &[(1.0, 0.5 * $t60)], [0.3, 0.38]),
                noise(
                    &[band_pass(1500.0, 2600.0, 0.6)],
                    &[(1.0, 0.025)],
                    [0.2, 1.5],
                ),
            ],
            drive: [0.8, 1.3],
            peak: $peak,
            t60_seconds: $t60,
            is_wide: true,
            room: 0.15,
            retrigger_seconds: 0.008,
        }
    };
}

const LOW_TOM: DrumRecipe = tom!(80.0, 0.5, 0.44);
const MID_TOM: DrumRecipe = tom!(116.0, 0.42, 0.42);
const HIGH_TOM: DrumRecipe = tom!(162.0, 0.36, 0.4);

const CRASH: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: Source::Modes {
                from_hz: 900.0,
                to_hz: 9000.0,
                t60_seconds: [3.0, 2.0],
            },
            filters: &[high_pass(1200.0)],
            envelope: decay(&[(1.0, 2.5)]),
            level: [0.5, 0.5],
        },
        noise(
            &[high_pass(3000.0), low_pass(10_000.0, 13_500.0)],
            &[(0.5, 0.18), (0.5, 1.4)],
            [0.6, 0.9],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.32,
    t60_seconds: 1.4,
    is_wide: true,
    room: 0.12,
    retrigger_seconds: 0.15,
};

const RIDE: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: Source::Modes {
                from_hz: 2600.0,
                to_hz: 9000.0,
                t60_seconds: [2.0, 1.2],
            },
            filters: &[],
            envelope: decay(&[(0.6, 0.2), (0.4, 2.5)]),
            level: [0.6, 0.7],
        },
        noise(
            &[high_pass(5000.0), low_pass(10_000.0, 13_500.0)],
            &[(0.4, 0.07), (0.6, 1.1)],
            [0.22, 0.34],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.24,
    t60_seconds: 1.2,
    is_wide: true,
    room: 0.1,
    retrigger_seconds: 0.2,
};
