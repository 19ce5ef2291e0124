//! A rhythm that somebody played or opened from a file, and what the model makes of it.

use super::{id_of, to_bytes};
use fourbar_model::conditions::Known;
use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::{Cell, Groove, STEPS_PER_BEAT};
use fourbar_model::note::Note;
use fourbar_model::pattern::Pattern;
use serde::{Deserialize, Serialize};

/// What becomes of the rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Use {
    /// Its hits are played with a drummer's velocities and timing.
    #[default]
    Humanise,
    /// Its taps become drums, whatever was tapped on.
    Drumify,
    /// Other hits are played with its timing and accents.
    Follow,
    /// Grooves that resemble it.
    Start,
}

/// A rhythm, as one pass of the groove. A project saves it; a request names it by its [id](Self::id).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedInput")]
pub struct Input {
    /// Where it comes from, for people: "played", or the name of a file.
    pub name: String,
    /// What becomes of it.
    pub used_to: Use,
    /// Those of its notes that are drums.
    drums: Pattern,
    /// All of its notes, on one drum.
    taps: Pattern,
}

/// [`Input`] in a project, not checked yet.
#[derive(Deserialize)]
struct SavedInput {
    name: String,
    used_to: Use,
    drums: Pattern,
    taps: Pattern,
}

/// The longest rhythm, in beats: 16 bars.
const MAX_BEATS: f64 = 64.0;
/// The drum that holds the taps.
const TAPPED: Voice = Voice::Kick;

impl TryFrom<SavedInput> for Input {
    type Error = String;

    fn try_from(saved: SavedInput) -> Result<Self, String> {
        let SavedInput {
            name,
            used_to,
            drums,
            taps,
        } = saved;
        let length = drums.loop_beats();
        let is_pass = length > 0.0 && length <= MAX_BEATS && length.fract() == 0.0;
        if !is_pass || taps.loop_beats().to_bits() != length.to_bits() {
            return Err("the rhythm that was put in is not a groove long".to_owned());
        }
        Ok(Self {
            name,
            used_to,
            drums,
            taps,
        })
    }
}

impl Input {
    /// The first `n_steps` of `notes` (their onsets in beats), whose keys are drums as `voice_of` says; `None` if there is no
    /// note in them.
    #[must_use]
    pub fn of_notes(
        name: &str,
        used_to: Use,
        notes: &[Note],
        n_steps: usize,
        voice_of: impl Fn(u8) -> Option<Voice>,
    ) -> Option<Self> {
        let played = |drum: &dyn Fn(u8) -> Option<Voice>| {
            let note = |note: &Note| {
                let pitch = DrumMap::GM.pitch(drum(note.pitch)?);
                Some(Note { pitch, ..*note })
            };
            let notes: Vec<Note> = notes.iter().filter_map(note).collect();
            Groove::from_loop(&notes, n_steps, &DrumMap::GM).0
        };
        let (drums, taps) = (played(&voice_of), played(&|_| Some(TAPPED)));
        (taps.n_hits() > 0).then(|| Self {
            name: name.to_owned(),
            used_to,
            drums: drums.to_pattern(),
            taps: taps.to_pattern(),
        })
    }

    /// The same rhythm for something else.
    #[must_use]
    pub fn used_to(&self, used_to: Use) -> Self {
        Self {
            used_to,
            ..self.clone()
        }
    }

    /// Its drums, as one pass.
    #[must_use]
    pub fn drums(&self) -> Groove {
        Groove::from_pattern(&self.drums)
    }

    /// What names it in a request; never 0.
    #[must_use]
    pub fn id(&self) -> u64 {
        id_of(&to_bytes(&(self.used_to, &self.drums, &self.taps)))
    }

    /// What is known by it of a groove of `n_steps`, which is drawn around it.
    #[must_use]
    pub fn known(&self, n_steps: usize) -> Option<Known> {
        let fitted = |pattern| fitted(&Groove::from_pattern(pattern), n_steps);
        match self.used_to {
            Use::Humanise => Some(Known::hits(&fitted(&self.drums))),
            Use::Drumify => Some(Known::tap(&fitted(&self.taps))),
            Use::Follow | Use::Start => None,
        }
    }

    /// The groove that others are to resemble.
    #[must_use]
    pub fn start(&self, n_steps: usize) -> Option<Groove> {
        (self.used_to == Use::Start).then(|| fitted(&self.drums(), n_steps))
    }

    /// Gives the hits of `groove` the rhythm's timing and accents, if they are to follow it.
    ///
    /// A hit takes the timing of the same drum on the same step, else of the loudest tap there, else of the taps on the same 16th
    /// of other beats. Its velocity is scaled as the tap's is to the mean of all taps, by half to one and a half.
    pub fn lead(&self, groove: &mut Groove) {
        if self.used_to != Use::Follow {
            return;
        }
        let n_steps = groove.n_steps();
        let fitted = |pattern| fitted(&Groove::from_pattern(pattern), n_steps);
        let (drums, taps) = (fitted(&self.drums), fitted(&self.taps));
        let mean = |cells: Vec<f32>| {
            let n = u16::try_from(cells.len()).unwrap_or(u16::MAX);
            (n > 0).then(|| cells.iter().sum::<f32>() / f32::from(n))
        };
        let Some(mean_velocity) = mean(taps.hits().map(|(.., cell)| cell.velocity).collect())
        else {
            return;
        };
        let of_place: [Option<f32>; STEPS_PER_BEAT] = std::array::from_fn(|place| {
            let there = taps
                .hits()
                .filter(|(step, ..)| step % STEPS_PER_BEAT == place);
            mean(there.map(|(.., cell)| cell.offset).collect())
        });
        let hits: Vec<_> = groove.hits().collect();
        for (step, voice, cell) in hits {
            let led = drums.cell(step, voice).or(taps.loudest(step));
            let offset = led
                .map(|led| led.offset)
                .or(of_place[step % STEPS_PER_BEAT]);
            let accent = led.map_or(1.0, |led| (led.velocity / mean_velocity).clamp(0.5, 1.5));
            let led = Cell {
                velocity: (cell.velocity * accent).clamp(0.01, 1.0),
                offset: offset.unwrap_or(cell.offset),
            };
            groove.set(step, voice, Some(led));
        }
    }
}

/// A groove of another length: its start, or itself again and again.
fn fitted(groove: &Groove, n_steps: usize) -> Groove {
    let n_times = n_steps.div_ceil(groove.n_steps().max(1));
    let repeated = groove.repeated(n_times).padded_to(n_steps);
    repeated.window(0, n_steps).unwrap_or(repeated)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use fourbar_model::conditions::KnownCell;

    fn note(onset_beats: f64, pitch: u8, velocity: f32) -> Note {
        Note {
            onset_beats,
            duration_beats: 0.1,
            pitch,
            velocity,
            channel: 0,
        }
    }

    /// A bar: a kick on the "one", a late and loud snare on the second beat, and a note that is no drum.
    fn played(used_to: Use) -> Input {
        let notes = [note(0.0, 36, 0.5), note(1.05, 38, 1.0), note(2.0, 90, 0.3)];
        let voice_of = |key| DrumMap::GM.voice(key);
        Input::of_notes("played", used_to, &notes, 16, voice_of).unwrap()
    }

    #[test]
    fn its_hits_are_known_or_its_taps_and_a_longer_groove_has_them_again() {
        let known = played(Use::Humanise).known(32).unwrap();
        let hit = |step: usize, voice: Voice| known.steps()[step][voice.index()];
        for step in [0, 16] {
            assert_eq!(hit(step, Voice::Kick), KnownCell::Hit(true));
            assert_eq!(hit(step, Voice::Snare), KnownCell::Hit(false));
        }
        assert_eq!(
            hit(8, Voice::Kick),
            KnownCell::Hit(false),
            "a note that is no drum"
        );
        let known = played(Use::Drumify).known(16).unwrap();
        let taps: Vec<bool> = known.taps().unwrap().iter().map(Option::is_some).collect();
        let tapped: Vec<usize> = (0..16).filter(|&step| taps[step]).collect();
        assert_eq!(tapped, [0, 4, 8]);
        assert_eq!(played(Use::Follow).known(16), None);
        let resembled = played(Use::Start).start(16).unwrap();
        assert_eq!(resembled, played(Use::Start).drums());
    }

    #[test]
    fn hits_follow_its_timing_and_its_accents() {
        let mut groove = Groove::empty(16);
        let cell = Cell {
            velocity: 0.5,
            offset: 0.1,
        };
        for (step, voice) in [
            (4, Voice::Snare),
            (8, Voice::Ride),
            (12, Voice::Kick),
            (13, Voice::Kick),
        ] {
            groove.set(step, voice, Some(cell));
        }
        let plain = groove.clone();
        played(Use::Start).lead(&mut groove);
        assert_eq!(groove, plain);
        played(Use::Follow).lead(&mut groove);
        let snare = groove.cell(4, Voice::Snare).unwrap();
        assert!(
            (snare.offset + 0.2).abs() < 1e-5 && snare.velocity > 0.7,
            "{snare:?}"
        );
        let ride = groove.cell(8, Voice::Ride).unwrap();
        assert!(ride.offset.abs() < 1e-5 && ride.velocity < 0.3, "{ride:?}");
        let kick = groove.cell(12, Voice::Kick).unwrap();
        assert!(
            kick.offset < -0.05 && kick.velocity == 0.5,
            "as the beats: {kick:?}"
        );
        assert_eq!(
            groove.cell(13, Voice::Kick),
            Some(cell),
            "nothing was played there"
        );
    }

    #[test]
    fn it_is_saved_as_it_is_and_named_by_what_is_heard_of_it() {
        let input = played(Use::Humanise);
        let text = serde_json::to_string(&input).unwrap();
        let again: Input = serde_json::from_str(&text).unwrap();
        assert_eq!((again.id(), &again), (input.id(), &input));
        assert_ne!(input.used_to(Use::Follow).id(), input.id());
        let renamed = Input {
            name: "other".to_owned(),
            ..input.clone()
        };
        assert_eq!(renamed.id(), input.id());
        let damaged = text.replacen("4.0", "4.5", 1);
        assert_ne!(damaged, text);
        assert!(serde_json::from_str::<Input>(&damaged).is_err());
        let silent = Input::of_notes("", Use::Humanise, &[], 16, |_| None);
        assert_eq!(silent, None);
    }
}
