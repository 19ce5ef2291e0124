//! Musical properties that can be measured, and the directions of latent space that change them.
//!
//! An [`Attribute`] is a number measured on what a model plays: how dense, how syncopated, how hard it swings. Its
//! [`AttributeVector`] leads from the sequences that have little of it to those that have much: added to a latent
//! vector, it changes the property and as little else as the model has learned to keep apart.

mod vector;

pub use vector::AttributeVector;

use crate::converter::Converter;
use crate::drums::{DrumMap, Voice};
use crate::groove::{Groove, STEPS_PER_BEAT, nearest_step};
use crate::midi::DRUM_CHANNEL;
use crate::note::Note;
use crate::rows::Rows;

/// A property of what a model plays.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name on the command line and in checkpoints.
    pub id: &'static str,
    /// What it is, in words.
    pub words: &'static str,
    measure: Measure,
}

#[derive(Debug, Clone, Copy)]
enum Measure {
    /// Of drums.
    Groove(fn(&Groove) -> Option<f64>),
    /// How often one drum plays.
    Drum(Voice),
    /// Of a melody.
    Melody(fn(&Melody) -> Option<f64>),
}

const fn of_groove(
    id: &'static str,
    words: &'static str,
    measure: fn(&Groove) -> Option<f64>,
) -> Attribute {
    Attribute {
        id,
        words,
        measure: Measure::Groove(measure),
    }
}

const fn of_drum(id: &'static str, words: &'static str, voice: Voice) -> Attribute {
    Attribute {
        id,
        words,
        measure: Measure::Drum(voice),
    }
}

const fn of_melody(
    id: &'static str,
    words: &'static str,
    measure: fn(&Melody) -> Option<f64>,
) -> Attribute {
    Attribute {
        id,
        words,
        measure: Measure::Melody(measure),
    }
}

/// Properties of drums on the grid.
const GRID: [Attribute; 14] = [
    of_groove("density", "hits in a 16th step", density),
    of_groove(
        "weak_share",
        "share of the hits that are on the 16ths between the 8ths",
        weak_share,
    ),
    of_groove(
        "syncopation_16th",
        "share of the steps with hits that are off-beat 16ths with nothing on the 16th before",
        |groove| syncopation_16th(&struck(groove)),
    ),
    of_groove(
        "syncopation_8th",
        "share of the steps with hits that are off-beat 8ths with nothing on the two 16ths before",
        |groove| syncopation_8th(&struck(groove)),
    ),
    of_groove(
        "hat_openness",
        "share of the hi-hat's hits that are open",
        hat_openness,
    ),
    of_drum("density_kick", "kicks in a 16th step", Voice::Kick),
    of_drum("density_snare", "snare hits in a 16th step", Voice::Snare),
    of_drum(
        "density_closed_hat",
        "closed hi-hats in a 16th step",
        Voice::ClosedHat,
    ),
    of_drum(
        "density_open_hat",
        "open hi-hats in a 16th step",
        Voice::OpenHat,
    ),
    of_drum("density_low_tom", "low toms in a 16th step", Voice::LowTom),
    of_drum("density_mid_tom", "mid toms in a 16th step", Voice::MidTom),
    of_drum(
        "density_high_tom",
        "high toms in a 16th step",
        Voice::HighTom,
    ),
    of_drum("density_crash", "crashes in a 16th step", Voice::Crash),
    of_drum("density_ride", "rides in a 16th step", Voice::Ride),
];

/// Properties of drums that are more than a grid.
const FEEL: [Attribute; 4] = [
    of_groove(
        "swing",
        "how much later than the other hits the 16ths between the 8ths come, in steps",
        swing,
    ),
    of_groove(
        "push",
        "how early the hits come, in steps; negative where they drag",
        push,
    ),
    of_groove("loudness", "mean velocity of the hits, 0 to 1", loudness),
    of_groove(
        "dynamics",
        "distance between the velocities of the softest and the loudest tenth of the hits, 0 to 1",
        dynamics,
    ),
];

/// Properties of melodies.
///
/// # Source
/// Roberts et al. 2018 (MusicVAE), section 5.4. The paper counts 16ths from 1 and calls the odd ones off-beat, which
/// are the 8ths; what its names mean is measured here.
const MELODY: [Attribute; 5] = [
    of_melody(
        "c_diatonic",
        "share of the notes that are white keys",
        c_diatonic,
    ),
    of_melody("note_density", "notes in a 16th step", |melody| {
        Some(count(melody.notes.len()) / count(melody.n_steps))
    }),
    of_melody(
        "average_interval",
        "mean distance from a note to the next, in semitones",
        average_interval,
    ),
    of_melody(
        "syncopation_16th",
        "share of the notes that begin on an off-beat 16th with no beginning on the 16th before",
        |melody| syncopation_16th(&melody.struck()),
    ),
    of_melody(
        "syncopation_8th",
        "share of the notes that begin on an off-beat 8th with no beginning on the two 16ths before",
        |melody| syncopation_8th(&melody.struck()),
    ),
];

impl Attribute {
    /// What can be measured of the rows that `converter` puts out: of a trio, its melody.
    #[must_use]
    pub fn all(converter: &Converter) -> Vec<Self> {
        match (converter.plays_drums(), converter.keeps_feel()) {
            (true, true) => [&GRID[..], &FEEL].concat(),
            (true, false) => GRID.to_vec(),
            (false, _) => MELODY.to_vec(),
        }
    }

    /// The attribute of a passage; `None` where it means nothing, such as the openness of a hi-hat that does not play.
    #[must_use]
    pub fn measure(&self, passage: &Passage) -> Option<f64> {
        match (self.measure, passage) {
            (Measure::Groove(measure), Passage::Drums(groove)) => measure(groove),
            (Measure::Drum(voice), Passage::Drums(groove)) => Some(density_of(groove, voice)),
            (Measure::Melody(measure), Passage::Melody(melody)) => measure(melody),
            _ => None,
        }
    }
}

/// Music in the form in which attributes are measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Passage {
    /// Nine drums; 61 are folded into them as General MIDI has them.
    Drums(Groove),
    /// One voice.
    Melody(Melody),
}

impl Passage {
    /// What rows of the layout [`Converter::output`] play.
    ///
    /// # Panics
    /// If the rows have another layout.
    #[must_use]
    pub fn of_rows(converter: &Converter, rows: &Rows) -> Self {
        if let Some(groove) = converter.groove(rows) {
            return Self::Drums(groove);
        }
        let n_steps = rows.n_steps() / converter.rows_per_step();
        let notes = converter.notes(rows, &DrumMap::GM);
        if converter.plays_drums() {
            Self::Drums(Groove::from_loop(&notes, n_steps, &DrumMap::GM).0)
        } else {
            Self::Melody(Melody::of_notes(&notes, n_steps))
        }
    }
}

/// The beginnings of a melody's notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Melody {
    /// Step and key of each note, in the order of time.
    notes: Vec<(usize, u8)>,
    n_steps: usize,
}

impl Melody {
    /// The melody among `notes`, of any order and length: those on the first channel that is not the drums'.
    #[must_use]
    pub fn of_notes(notes: &[Note], n_steps: usize) -> Self {
        let channels = notes.iter().map(|note| note.channel);
        let channel = channels.filter(|channel| *channel != DRUM_CHANNEL).min();
        let mut notes: Vec<(usize, u8)> = notes
            .iter()
            .filter(|note| Some(note.channel) == channel)
            .map(|note| (nearest_step(note.onset_beats), note.pitch))
            .filter(|(step, _)| *step < n_steps)
            .collect();
        notes.sort_unstable();
        Self { notes, n_steps }
    }

    /// Whether a note begins on each step.
    fn struck(&self) -> Vec<bool> {
        let mut struck = vec![false; self.n_steps];
        for (step, _) in &self.notes {
            struck[*step] = true;
        }
        struck
    }
}

/// Hits in a 16th step.
#[must_use]
pub fn density(groove: &Groove) -> Option<f64> {
    (groove.n_steps() > 0).then(|| count(groove.n_hits()) / count(groove.n_steps()))
}

/// Hits of one drum in a 16th step.
#[must_use]
pub fn density_of(groove: &Groove, voice: Voice) -> f64 {
    let n_hits = groove.hits().filter(|(_, of, _)| *of == voice).count();
    count(n_hits) / count(groove.n_steps().max(1))
}

/// Whether anything plays on each step.
fn struck(groove: &Groove) -> Vec<bool> {
    let mut struck = vec![false; groove.n_steps()];
    for (step, ..) in groove.hits() {
        struck[step] = true;
    }
    struck
}

/// Of the steps on which something begins, the share of off-beat 16ths with nothing on the step before.
#[must_use]
pub fn syncopation_16th(struck: &[bool]) -> Option<f64> {
    share_of_struck(struck, |step| step % 2 == 1 && !struck[step - 1])
}

/// Of the steps on which something begins, the share of off-beat 8ths with nothing on the two steps before.
#[must_use]
pub fn syncopation_8th(struck: &[bool]) -> Option<f64> {
    share_of_struck(struck, |step| {
        step % STEPS_PER_BEAT == 2 && !struck[step - 1] && !struck[step - 2]
    })
}

fn share_of_struck(struck: &[bool], is_syncopated: impl Fn(usize) -> bool) -> Option<f64> {
    let steps = || (0..struck.len()).filter(|step| struck[*step]);
    let n_struck = steps().count();
    let n_syncopated = steps().filter(|step| is_syncopated(*step)).count();
    (n_struck > 0).then(|| count(n_syncopated) / count(n_struck))
}

/// The share of the hits that are on the 16ths between the 8ths.
#[must_use]
pub fn weak_share(groove: &Groove) -> Option<f64> {
    let n_hits = groove.n_hits();
    let n_weak = groove.hits().filter(|(step, ..)| step % 2 == 1).count();
    (n_hits > 0).then(|| count(n_weak) / count(n_hits))
}

/// The share of the hi-hat's hits that are open.
#[must_use]
pub fn hat_openness(groove: &Groove) -> Option<f64> {
    let [open, closed] = [Voice::OpenHat, Voice::ClosedHat].map(|voice| density_of(groove, voice));
    (open + closed > 0.0).then(|| open / (open + closed))
}

/// How much later than the other hits the 16ths between the 8ths come, in steps; `None` with fewer than three hits on
/// either, whose mean would say little.
#[must_use]
pub fn swing(groove: &Groove) -> Option<f64> {
    let lateness = |is_off_beat: bool| {
        let hits = groove
            .hits()
            .filter(|(step, ..)| (step % 2 == 1) == is_off_beat);
        let late: Vec<f64> = hits.map(|(_, _, cell)| -f64::from(cell.offset)).collect();
        (late.len() >= 3).then(|| mean(late.iter().copied()))
    };
    Some(lateness(true)? - lateness(false)?)
}

/// How early the hits come on average, in steps; negative where they drag.
#[must_use]
pub fn push(groove: &Groove) -> Option<f64> {
    let offsets: Vec<f64> = groove
        .hits()
        .map(|(_, _, cell)| f64::from(cell.offset))
        .collect();
    (!offsets.is_empty()).then(|| mean(offsets.iter().copied()))
}

/// Mean velocity of the hits.
#[must_use]
pub fn loudness(groove: &Groove) -> Option<f64> {
    let velocities: Vec<f64> = groove
        .hits()
        .map(|(_, _, cell)| f64::from(cell.velocity))
        .collect();
    (!velocities.is_empty()).then(|| mean(velocities.iter().copied()))
}

/// Distance between the tenth and the ninetieth hundredth of the velocities.
#[must_use]
pub fn dynamics(groove: &Groove) -> Option<f64> {
    let mut velocities: Vec<f64> = groove
        .hits()
        .map(|(_, _, cell)| f64::from(cell.velocity))
        .collect();
    velocities.sort_by(f64::total_cmp);
    let last = velocities.len().checked_sub(1)?;
    let at = |tenths: usize| {
        // Between the two nearest of the sorted numbers.
        let (below, rest) = (last * tenths / 10, last * tenths % 10);
        let above = (below + 1).min(last);
        velocities[below] + (velocities[above] - velocities[below]) * count(rest) / 10.0
    };
    Some(at(9) - at(1))
}

fn c_diatonic(melody: &Melody) -> Option<f64> {
    const WHITE: [u8; 7] = [0, 2, 4, 5, 7, 9, 11];
    let n_notes = melody.notes.len();
    let n_white = melody
        .notes
        .iter()
        .filter(|(_, pitch)| WHITE.contains(&(pitch % 12)))
        .count();
    (n_notes > 0).then(|| count(n_white) / count(n_notes))
}

fn average_interval(melody: &Melody) -> Option<f64> {
    let intervals = melody
        .notes
        .windows(2)
        .map(|pair| f64::from(pair[0].1.abs_diff(pair[1].1)));
    (melody.notes.len() > 1).then(|| mean(intervals))
}

/// The mean of at least one number.
fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = count(numbers.len());
    numbers.sum::<f64>() / n
}

#[expect(clippy::cast_precision_loss, reason = "no data set has 2^53 sequences")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use crate::converter::{DrumsConverter, GrooveConverter, MelodyConverter};
    use crate::groove::Cell;

    /// A bar with hits of (step, drum, velocity, offset).
    fn bar(hits: &[(usize, Voice, f32, f32)]) -> Groove {
        let mut groove = Groove::empty(16);
        for &(step, voice, velocity, offset) in hits {
            groove.set(step, voice, Some(Cell { velocity, offset }));
        }
        groove
    }

    fn at(steps: &[usize]) -> Vec<bool> {
        (0..16).map(|step| steps.contains(&step)).collect()
    }

    #[test]
    fn densities_count_hits_in_a_step() {
        let groove = bar(&[
            (0, Voice::Kick, 1.0, 0.0),
            (0, Voice::Ride, 1.0, 0.0),
            (8, Voice::Kick, 1.0, 0.0),
            (9, Voice::Snare, 1.0, 0.0),
        ]);
        assert_eq!(density(&groove), Some(0.25));
        assert_eq!(density_of(&groove, Voice::Kick), 0.125);
        assert_eq!(density_of(&groove, Voice::Crash), 0.0);
    }

    #[test]
    fn an_off_beat_is_syncopated_unless_something_leads_to_it() {
        assert_eq!(syncopation_16th(&at(&[0, 3, 4, 5])), Some(0.25));
        assert_eq!(
            syncopation_8th(&at(&[0, 2, 6, 10, 13, 14])),
            Some(2.0 / 6.0)
        );
        assert_eq!(syncopation_16th(&at(&[0, 2, 4])), Some(0.0));
        assert_eq!(syncopation_16th(&at(&[])), None);
    }

    #[test]
    fn swing_is_what_the_off_beats_are_later() {
        let mut hits = vec![
            (0, Voice::Kick, 1.0, 0.1),
            (4, Voice::Snare, 1.0, 0.2),
            (8, Voice::Kick, 1.0, 0.0),
            (1, Voice::ClosedHat, 1.0, -0.2),
            (3, Voice::ClosedHat, 1.0, -0.2),
            (5, Voice::ClosedHat, 1.0, -0.2),
        ];
        assert!((swing(&bar(&hits)).unwrap() - 0.3).abs() < 1e-6);
        hits.pop();
        assert_eq!(swing(&bar(&hits)), None, "two weak hits say little");
    }

    #[test]
    fn weak_hits_are_those_between_the_8ths() {
        let hits = [0, 1, 2, 15].map(|step| (step, Voice::Snare, 0.5, 0.0));
        assert_eq!(weak_share(&bar(&hits)), Some(0.5));
        assert_eq!(weak_share(&Groove::empty(16)), None);
    }

    #[test]
    fn loudness_is_the_mean_velocity() {
        let groove = bar(&[(0, Voice::Kick, 0.75, 0.0), (4, Voice::Snare, 0.25, 0.1)]);
        assert_eq!(loudness(&groove), Some(0.5));
        assert_eq!(loudness(&Groove::empty(16)), None);
    }

    #[test]
    fn push_is_positive_ahead_of_the_grid() {
        let groove = bar(&[(0, Voice::Kick, 1.0, 0.25), (4, Voice::Snare, 1.0, -0.125)]);
        assert_eq!(push(&groove), Some(0.0625));
        assert_eq!(push(&Groove::empty(16)), None);
    }

    #[test]
    fn dynamics_are_the_distance_between_the_tenths() {
        let hits: Vec<_> = (0..11_u8)
            .map(|step| (usize::from(step), Voice::Snare, f32::from(step) / 10.0, 0.0))
            .collect();
        assert!((dynamics(&bar(&hits)).unwrap() - 0.8).abs() < 1e-6);
        assert_eq!(dynamics(&bar(&hits[..1])), Some(0.0));
        assert_eq!(dynamics(&Groove::empty(16)), None);
    }

    #[test]
    fn the_openness_is_unknown_without_a_hi_hat() {
        let hat = |step, voice| (step, voice, 1.0, 0.0);
        let groove = bar(&[
            hat(0, Voice::OpenHat),
            hat(2, Voice::ClosedHat),
            hat(4, Voice::ClosedHat),
            hat(6, Voice::ClosedHat),
        ]);
        assert_eq!(hat_openness(&groove), Some(0.25));
        assert_eq!(hat_openness(&bar(&[hat(0, Voice::Kick)])), None);
    }

    #[test]
    fn a_melody_is_measured_as_in_the_paper() {
        let converter = Converter::Melody(MelodyConverter::default());
        // Middle C is label 41; C, D, C sharp on the steps 0, 3 and 6, in 8 steps.
        let rows = Rows::of_labels(converter.output(), vec![41, 0, 0, 43, 0, 0, 42, 0]);
        let passage = Passage::of_rows(&converter, &rows);
        let values: Vec<f64> = Attribute::all(&converter)
            .iter()
            .map(|attribute| attribute.measure(&passage).unwrap())
            .collect();
        assert_eq!(values, [2.0 / 3.0, 3.0 / 8.0, 1.5, 1.0 / 3.0, 1.0 / 3.0]);
    }

    #[test]
    fn a_silent_melody_has_a_density_only() {
        let converter = Converter::Melody(MelodyConverter::default());
        let rows = Rows::of_labels(converter.output(), vec![0; 8]);
        let passage = Passage::of_rows(&converter, &rows);
        let known: Vec<&str> = Attribute::all(&converter)
            .iter()
            .filter(|attribute| attribute.measure(&passage).is_some())
            .map(|attribute| attribute.id)
            .collect();
        assert_eq!(known, ["note_density"]);
    }

    #[test]
    fn sixty_one_drums_are_folded_into_nine() {
        let converter = Converter::Drums(DrumsConverter {
            classes: 61,
            input: crate::converter::DrumRows::Roll,
            output: crate::converter::DrumRows::Roll,
            ..DrumsConverter::default()
        });
        // Kick 36 and kick 35 on one step, clap on another.
        let rows = Rows::of_bits(converter.output(), vec![0b11, 0, 1 << 10, 0]);
        let Passage::Drums(groove) = Passage::of_rows(&converter, &rows) else {
            panic!("drums are drums")
        };
        assert_eq!(groove.n_hits(), 2);
        assert!(groove.cell(2, Voice::Snare).is_some());
    }

    #[test]
    fn feel_is_only_measured_where_there_is_some() {
        let ids = |converter: &Converter| -> Vec<&str> {
            Attribute::all(converter).iter().map(|one| one.id).collect()
        };
        let groove = ids(&Converter::Groove(GrooveConverter::default()));
        let grid = ids(&Converter::Drums(DrumsConverter::default()));
        assert_eq!((groove.len(), grid.len()), (18, 14));
        assert!(groove.contains(&"swing") && !grid.contains(&"swing"));
    }
}
