//! Drums after the circuits of the Roland TR-808.
//!
//! Skins are ringing filters; the kick's is struck an octave above where it settles for half a turn, and goes flat as it
//! fades. All metal is one cluster of six square oscillators that no common fundamental fits, through bands at 3440 and
//! 7100 Hz. The 808 has no ride: it is the cymbal, damped, with more of its lower band.
//!
//! # Sources
//! Roland, *TR-808 Service Notes*, 1981: the kick's resonance is doubled for the first half period; its decay is 50 to
//! 800 ms, toms lie at 80 to 100, 120 to 160 and 165 to 220 Hz, the closed hi-hat lasts 50 ms, the open one 90 to 600 and
//! the cymbal 350 to 1200 ms. Werner, Abel and Smith, *A physically-informed, circuit-bendable, digital model of the Roland
//! TR-808 bass drum circuit*, DAFx 2014 (a fundamental near 50 Hz, and its sigh); the same, *The TR-808 cymbal*, ICMC 2014
//! (oscillators and bands); Norgate, *808 snare*, 2021 (in most machines the upper of the snare's two modes is at 335 Hz,
//! not at the first schematic's 499).

use crate::recipe::{
    DrumRecipe, KitRecipe, Layer, Source, band_pass, decay, high_pass, low_pass, noise, skin,
};

pub(super) static KIT: KitRecipe = KitRecipe {
    name: "808",
    looseness: 0.35,
    gain: 2.6,
    drums: [
        KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE,
    ],
};

/// The oscillators of cymbals and hi-hats, from Werner, Abel and Smith.
const METAL: Source = Source::Squares {
    hz: [205.3, 304.4, 369.6, 522.7, 540.0, 800.0],
};

const KICK: DrumRecipe = DrumRecipe {
    layers: &[
        skin(
            50.0,
            &[(1.0, 0.006), (0.07, 0.12)],
            &[(1.0, 0.8)],
            [1.0, 1.0],
        ),
        // What is left of the trigger's pulse.
        Layer {
            source: Source::Pulse { seconds: 0.0016 },
            filters: &[low_pass(1800.0, 4500.0)],
            envelope: decay(&[(1.0, 0.1)]),
            level: [0.4, 1.3],
        },
        noise(
            &[band_pass(2400.0, 3600.0, 0.7)],
            &[(1.0, 0.012)],
            [0.3, 3.5],
        ),
    ],
    drive: [0.5, 0.9],
    peak: 0.5,
    t60_seconds: 0.8,
    is_wide: false,
    room: 0.05,
    retrigger_seconds: 0.006,
};

const SNARE: DrumRecipe = DrumRecipe {
    layers: &[
        skin(178.0, &[(0.12, 0.004)], &[(1.0, 0.17)], [1.0, 1.0]),
        skin(335.0, &[(0.08, 0.004)], &[(1.0, 0.12)], [0.55, 0.65]),
        // What the players of the machine call snappy.
        noise(
            &[high_pass(1300.0), low_pass(6000.0, 11_000.0)],
            &[(0.75, 0.22), (0.5, 0.05)],
            [0.8, 1.3],
        ),
    ],
    drive: [0.8, 1.3],
    peak: 0.5,
    t60_seconds: 0.24,
    is_wide: true,
    room: 0.22,
    retrigger_seconds: 0.006,
};

const CLOSED_HAT: DrumRecipe = DrumRecipe {
    layers: &[Layer {
        source: METAL,
        filters: &[band_pass(7100.0, 8200.0, 1.0), high_pass(6000.0)],
        envelope: decay(&[(1.0, 0.065)]),
        level: [1.0, 1.0],
    }],
    drive: [0.0, 0.0],
    peak: 0.27,
    t60_seconds: 0.07,
    is_wide: true,
    room: 0.1,
    retrigger_seconds: 0.004,
};

const OPEN_HAT: DrumRecipe = DrumRecipe {
    layers: &[Layer {
        source: METAL,
        filters: &[band_pass(7100.0, 8200.0, 1.0), high_pass(6000.0)],
        envelope: decay(&[(0.85, 0.5), (0.15, 0.05)]),
        level: [1.0, 1.0],
    }],
    drive: [0.0, 0.0],
    peak: 0.26,
    t60_seconds: 0.5,
    is_wide: true,
    room: 0.1,
    retrigger_seconds: 0.012,
};

/// A tom at a frequency in Hz that decays in so many seconds.
macro_rules! tom {
    ($hz:expr, $t60:expr, $peak:expr) => {
        DrumRecipe {
            layers: &[
                skin(
                    $hz,
                    &[(0.35, 0.012), (0.1, 0.08)],
                    &[(1.0, $t60)],
                    [1.0, 1.0],
                ),
                // The machine's own imitation of a room.
                noise(&[low_pass(500.0, 900.0)], &[(1.0, 0.2)], [0.35, 0.45]),
                noise(
                    &[band_pass(2000.0, 3000.0, 0.7)],
                    &[(1.0, 0.01)],
                    [0.1, 1.3],
                ),
            ],
            drive: [0.3, 0.6],
            peak: $peak,
            t60_seconds: $t60,
            is_wide: true,
            room: 0.15,
            retrigger_seconds: 0.008,
        }
    };
}

const LOW_TOM: DrumRecipe = tom!(90.0, 0.55, 0.44);
const MID_TOM: DrumRecipe = tom!(138.0, 0.45, 0.42);
const HIGH_TOM: DrumRecipe = tom!(190.0, 0.36, 0.4);

const CRASH: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: METAL,
            filters: &[band_pass(3440.0, 3440.0, 1.2), high_pass(2200.0)],
            envelope: decay(&[(0.5, 0.2), (0.5, 1.2)]),
            level: [0.6, 0.6],
        },
        Layer {
            source: METAL,
            filters: &[band_pass(7100.0, 7800.0, 1.0), high_pass(5000.0)],
            envelope: decay(&[(0.4, 0.12), (0.6, 1.1)]),
            level: [0.9, 1.2],
        },
    ],
    drive: [0.0, 0.0],
    peak: 0.32,
    t60_seconds: 1.2,
    is_wide: true,
    room: 0.12,
    retrigger_seconds: 0.15,
};

const RIDE: DrumRecipe = DrumRecipe {
    layers: &[
        Layer {
            source: METAL,
            filters: &[band_pass(3440.0, 3700.0, 1.6), high_pass(2600.0)],
            envelope: decay(&[(0.6, 0.18), (0.4, 0.8)]),
            level: [0.9, 0.9],
        },
        Layer {
            source: METAL,
            filters: &[band_pass(7100.0, 7800.0, 1.0), high_pass(5500.0)],
            envelope: decay(&[(0.7, 0.07), (0.3, 0.7)]),
            level: [0.4, 0.75],
        },
    ],
    drive: [0.0, 0.0],
    peak: 0.25,
    t60_seconds: 0.8,
    is_wide: true,
    room: 0.1,
    retrigger_seconds: 0.15,
};
