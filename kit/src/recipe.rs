//! What a kit is, as data: nine drums, and the layers that each is made of.

use fourbar_model::drums::N_VOICES;

/// Of a soft and of a hard stroke.
pub(crate) type SoftHard = [f64; 2];

/// Nine drums that belong together.
#[derive(Debug)]
pub(crate) struct KitRecipe {
    /// Name for people; permanent, as hosts read it back.
    pub(crate) name: &'static str,
    /// How much one stroke of a drum differs from the next: 1 is a drummer's, 0 a machine's that only counts.
    pub(crate) looseness: f64,
    /// Factor on the peaks of all its drums that makes it as loud as the other kits.
    pub(crate) gain: f64,
    /// In the order of `Voice::ALL`.
    pub(crate) drums: [DrumRecipe; N_VOICES],
}

/// One drum.
#[derive(Debug)]
pub(crate) struct DrumRecipe {
    /// What sounds at once.
    pub(crate) layers: &'static [Layer],
    /// How far the sum of the layers is driven into a soft limit; 0 is not at all.
    pub(crate) drive: SoftHard,
    /// Largest sample of a stroke at velocity 1: the drum's place in the mix.
    pub(crate) peak: f64,
    /// Time in which what rings longest falls by 60 dB; what a decay of 100 % is.
    pub(crate) t60_seconds: f64,
    /// Whether left and right are two strokes, alike in what has a pitch and different in what hisses.
    pub(crate) is_wide: bool,
    /// How much of the drum the room gets.
    pub(crate) room: f32,
    /// How long an older stroke takes to fade under a new one.
    pub(crate) retrigger_seconds: f32,
}

/// A sound of its own within a drum.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) source: Source,
    /// One after the other.
    pub(crate) filters: &'static [Band],
    pub(crate) envelope: Envelope,
    pub(crate) level: SoftHard,
}

/// What a layer is before its filters.
#[derive(Debug)]
pub(crate) enum Source {
    /// A sine that begins above its frequency.
    Skin {
        hz: f64,
        /// How far above, as a share of the frequency, and the time in which that falls to a part of 1/e.
        bends: &'static [(f64, f64)],
    },
    /// White noise.
    Noise,
    /// Six square oscillators at once.
    Squares { hz: [f64; 6] },
    /// Sines with many frequencies that have nothing to do with each other, each decaying on its own: a plate of metal.
    Modes {
        from_hz: f64,
        to_hz: f64,
        /// Times to fall by 60 dB of the lowest and of the highest.
        t60_seconds: [f64; 2],
    },
    /// Half a turn of a sine, once.
    Pulse { seconds: f64 },
}

/// A filter; it opens as a stroke gets harder.
#[derive(Debug)]
pub(crate) enum Band {
    /// Takes away what is above.
    Low { hz: SoftHard, q: f64 },
    /// Takes away what is below.
    High { hz: SoftHard, q: f64 },
    /// Takes away both.
    Around { hz: SoftHard, q: f64 },
}

/// How loud a layer is over time.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Time in which it rises.
    pub(crate) attack_seconds: f64,
    /// Time that it stays up before it falls.
    pub(crate) hold_seconds: f64,
    /// Shares of it, and the time in which each falls by 60 dB.
    pub(crate) decays: &'static [(f64, f64)],
}

/// Falls at once.
pub(crate) const fn decay(decays: &'static [(f64, f64)]) -> Envelope {
    Envelope {
        attack_seconds: 0.0,
        hold_seconds: 0.0,
        decays,
    }
}

/// A sine with a decay of its own.
pub(crate) const fn skin(
    hz: f64,
    bends: &'static [(f64, f64)],
    decays: &'static [(f64, f64)],
    level: SoftHard,
) -> Layer {
    Layer {
        source: Source::Skin { hz, bends },
        filters: &[],
        envelope: decay(decays),
        level,
    }
}

/// Filtered noise.
pub(crate) const fn noise(
    filters: &'static [Band],
    decays: &'static [(f64, f64)],
    level: SoftHard,
) -> Layer {
    Layer {
        source: Source::Noise,
        filters,
        envelope: decay(decays),
        level,
    }
}

/// The same cut-off of soft and hard strokes.
pub(crate) const fn high_pass(hz: f64) -> Band {
    Band::High {
        hz: [hz, hz],
        q: 0.7,
    }
}

/// A cut-off that rises from that of soft to that of hard strokes.
pub(crate) const fn low_pass(soft_hz: f64, hard_hz: f64) -> Band {
    Band::Low {
        hz: [soft_hz, hard_hz],
        q: 0.7,
    }
}

/// A centre that rises from that of soft to that of hard strokes.
pub(crate) const fn band_pass(soft_hz: f64, hard_hz: f64, q: f64) -> Band {
    Band::Around {
        hz: [soft_hz, hard_hz],
        q,
    }
}
