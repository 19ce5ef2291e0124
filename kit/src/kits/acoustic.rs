//! Drums of wood, skin and bronze.
//!
//! Skins ring at the modes of a membrane, whose frequencies are as 1 : 1.59 : 2.14 : 2.30, and a little sharp while the
//! stroke still stretches them. Plates of bronze have so many modes that they are noise to the ear, of which the highest
//! come a few milliseconds late, because a stroke bends the plate first and ripples it then.
//!
//! # Sources
//! Fletcher and Rossing, *The Physics of Musical Instruments*, 2nd edition 1998, chapters 18 (bass drum, tom and snare:
//! modes, and that a snare's two heads couple to modes near 180 and 330 Hz) and 20 (cymbals: build-up of the highs within
//! about 10 ms and decay of the lows over seconds); Bilbao, *Time domain simulation and sound synthesis for the snare
//! drum*, JASA 131, 2012; Richardson, *Acoustic analysis and tuning of cylindrical membranophones*, Anglia Ruskin
//! University 2010 (toms between 70 and 200 Hz whose pitch falls by some per cent within 0.1 s).

use crate::recipe::{
    DrumRecipe, Envelope, KitRecipe, Layer, Source, band_pass, decay, high_pass, low_pass, noise,
    skin,
};

pub(super) static KIT: KitRecipe = KitRecipe {
    name: "Acoustic",
    looseness: 1.0,
    gain: 2.65,
    drums: [
        KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE,
    ],
};

const KICK: DrumRecipe = DrumRecipe {
    layers: &[
        skin(
            56.0,
            &[(0.5, 0.022), (1.2, 0.004)],
            &[(1.0, 0.38)],
            [0.95, 1.0],
        ),
        skin(103.0, &[(0.3, 0.015)], &[(1.0, 0.16)], [0.22, 0.3]),
        skin(176.0, &[(0.2, 0.01)], &[(1.0, 0.09)], [0.1, 0.2]),
        // The air between the heads.
        noise(&[low_pass(220.0, 320.0)], &[(1.0, 0.12)], [0.5, 0.6]),
        // The beater's felt, and its click.
        noise(
            &[band_pass(900.0, 1300.0, 0.8)],
            &[(1.0, 0.035)],
            [0.22, 0.7],
        ),
        noise(
            &[band_pass(2800.0, 4200.0, 0.7)],
            &[(1.0, 0.02)],
            [0.3, 1.9],
        ),
    ],
    drive: [0.7, 1.0],
    peak: 0.5,
    t60_seconds: 0.4,
    is_wide: false,
    room: 0.12,
    retrigger_seconds: 0.008,
};

const SNARE: DrumRecipe = DrumRecipe {
    layers: &[
        skin(186.0, &[(0.22, 0.01)], &[(1.0, 0.2)], [0.85, 1.0]),
        skin(331.0, &[(0.15, 0.008)], &[(1.0, 0.16)], [0.4, 0.55]),
        skin(398.0, &[(0.12, 0.008)], &[(1.0, 0.11)], [0.18, 0.3]),
        skin(514.0, &[], &[(1.0, 0.09)], [0.08, 0.18]),
        skin(941.0, &[], &[(1.0, 0.07)], [0.03, 0.1]),
        // The wires, pressed against the skin and let go.
        noise(
            &[high_pass(1500.0), low_pass(4500.0, 10_500.0)],
            &[(0.7, 0.28), (0.6, 0.07)],
            [1.0, 1.8],
        ),
        noise(
            &[band_pass(700.0, 950.0, 0.7)],
            &[(1.0, 0.11)],
            [0.35, 0.55],
        ),
        // The stick.
        noise(
            &[band_pass(3200.0, 5200.0, 0.7)],
            &[(1.0, 0.014)],
            [0.3, 1.6],
        ),
    ],
    drive: [0.9, 1.2],
    peak: 0.52,
    t60_seconds: 0.3,
    is_wide: true,
    room: 0.34,
    retrigger_seconds: 0.006,
};

const HAT_MODES: Source = Source::Modes {
    from_hz: 2700.0,
    to_hz: 14_500.0,
    t60_seconds: [3.0, 2.0],
};

const CLOSED_HAT: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: HAT_MODES,
            filters: &[high_pass(3200.0), low_pass(8500.0, 15_000.0)],
            envelope: decay(&[(0.75, 0.06), (0.25, 0.14)]),
            level: [0.6, 0.6],
        },
        noise(
            &[high_pass(6200.0), low_pass(9500.0, 17_000.0)],
            &[(0.8, 0.055), (0.2, 0.13)],
            [1.0, 1.2],
        ),
        noise(
            &[band_pass(3300.0, 4300.0, 1.0)],
            &[(1.0, 0.014)],
            [0.2, 0.7],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.26,
    t60_seconds: 0.13,
    is_wide: true,
    room: 0.16,
    retrigger_seconds: 0.005,
};

const OPEN_HAT: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: HAT_MODES,
            filters: &[high_pass(2900.0), low_pass(8500.0, 15_000.0)],
            envelope: decay(&[(0.3, 0.12), (0.7, 0.75)]),
            level: [0.6, 0.6],
        },
        noise(
            &[high_pass(5600.0), low_pass(9000.0, 16_000.0)],
            &[(0.35, 0.1), (0.65, 0.6)],
            [0.85, 1.05],
        ),
        noise(
            &[band_pass(3300.0, 4300.0, 1.0)],
            &[(1.0, 0.02)],
            [0.15, 0.6],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.24,
    t60_seconds: 0.75,
    is_wide: true,
    room: 0.16,
    retrigger_seconds: 0.014,
};

/// A tom whose lowest mode is at a frequency in Hz and decays in so many seconds.
macro_rules! tom {
    ($hz:expr, $t60:expr, $peak:expr) => {
        DrumRecipe {
            layers: &[
                skin(
                    $hz,
                    &[(0.1, 0.07), (0.25, 0.008)],
                    &[(1.0, $t60)],
                    [0.9, 1.0],
                ),
                skin(
                    1.59 * $hz,
                    &[(0.08, 0.05)],
                    &[(1.0, 0.5 * $t60)],
                    [0.25, 0.42],
                ),
                skin(
                    2.14 * $hz,
                    &[(0.05, 0.03)],
                    &[(1.0, 0.3 * $t60)],
                    [0.1, 0.2],
                ),
                skin(2.3 * $hz, &[], &[(1.0, 0.25 * $t60)], [0.06, 0.16]),
                noise(
                    &[low_pass(4.0 * $hz, 7.0 * $hz)],
                    &[(1.0, 0.15)],
                    [0.3, 0.4],
                ),
                noise(
                    &[band_pass(2200.0, 3400.0, 0.7)],
                    &[(1.0, 0.02)],
                    [0.2, 2.0],
                ),
            ],
            drive: [0.4, 0.7],
            peak: $peak,
            t60_seconds: $t60,
            is_wide: true,
            room: 0.28,
            retrigger_seconds: 0.01,
        }
    };
}

const LOW_TOM: DrumRecipe = tom!(82.0, 0.75, 0.46);
const MID_TOM: DrumRecipe = tom!(118.0, 0.62, 0.44);
const HIGH_TOM: DrumRecipe = tom!(165.0, 0.52, 0.42);

const CRASH: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: Source::Modes {
                from_hz: 380.0,
                to_hz: 5200.0,
                t60_seconds: [3.2, 1.8],
            },
            filters: &[],
            envelope: decay(&[(1.0, 6.0)]),
            level: [0.35, 0.4],
        },
        noise(
            &[band_pass(1700.0, 2400.0, 0.5)],
            &[(0.5, 0.25), (0.5, 1.9)],
            [0.5, 0.6],
        ),
        Layer {
            source: Source::Noise,
            filters: &[high_pass(3600.0), low_pass(8000.0, 16_000.0)],
            envelope: Envelope {
                attack_seconds: 0.006,
                hold_seconds: 0.0,
                decays: &[(0.45, 0.22), (0.55, 1.6)],
            },
            level: [0.5, 0.75],
        },
        noise(
            &[band_pass(4500.0, 6500.0, 0.8)],
            &[(1.0, 0.02)],
            [0.1, 0.4],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.34,
    t60_seconds: 1.75,
    is_wide: true,
    room: 0.18,
    retrigger_seconds: 0.15,
};

const RIDE: DrumRecipe = DrumRecipe {
    layers: &[
        // The ping.
        Layer {
            source: Source::Modes {
                from_hz: 2400.0,
                to_hz: 7200.0,
                t60_seconds: [1.5, 0.7],
            },
            filters: &[],
            envelope: decay(&[(0.65, 0.3), (0.35, 3.0)]),
            level: [0.5, 0.6],
        },
        Layer {
            source: Source::Modes {
                from_hz: 420.0,
                to_hz: 2100.0,
                t60_seconds: [2.2, 1.4],
            },
            filters: &[],
            envelope: decay(&[(1.0, 5.0)]),
            level: [0.1, 0.14],
        },
        // The wash.
        Layer {
            source: Source::Noise,
            filters: &[high_pass(4200.0), low_pass(8500.0, 14_000.0)],
            envelope: Envelope {
                attack_seconds: 0.004,
                hold_seconds: 0.0,
                decays: &[(0.3, 0.1), (0.7, 1.5)],
            },
            level: [0.2, 0.26],
        },
        // The tip of the stick.
        noise(
            &[band_pass(4200.0, 6200.0, 0.8)],
            &[(1.0, 0.014)],
            [0.25, 0.9],
        ),
    ],
    drive: [0.0, 0.0],
    peak: 0.24,
    t60_seconds: 1.6,
    is_wide: true,
    room: 0.14,
    retrigger_seconds: 0.2,
};
