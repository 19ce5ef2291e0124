//! Models that complete what is known.

use super::*;

impl Studio {
    fn completing() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = tiny::save_as(folder.path(), tiny::cells());
        Self { folder, model }
    }

    /// Two windows of kicks on the beats, snares on two and four, and closed hats on every 8th.
    fn beat(&self) -> String {
        let beats = |step: f64, n: u32, pitch| {
            (0..n).map(move |i| note(f64::from(i) * step + (step - 1.0).max(0.0), pitch, 9))
        };
        let notes: Vec<Note> = beats(1.0, 32, 36)
            .chain(beats(2.0, 16, 38))
            .chain(beats(0.5, 64, 42))
            .collect();
        self.song("beat.mid", &notes, &[], 32.0)
    }
}

fn notes(bytes: &[u8]) -> Vec<Note> {
    midi::read(bytes).unwrap().notes
}

fn of_key(notes: &[Note], pitch: u8) -> Vec<Note> {
    let notes = notes.iter().filter(|note| note.pitch == pitch);
    notes.copied().collect()
}

#[test]
fn humanising_keeps_every_hit_and_draws_its_feel() {
    let studio = Studio::completing();
    let beat = studio.beat();
    let humanize = |seed| {
        let arguments = ["--mode", "humanize", "--input", &beat, "--seed", seed];
        studio.generate(&arguments)["humanize-beat.mid"].clone()
    };
    let first = humanize("1");
    let given = notes(&std::fs::read(&beat).unwrap());
    for pitch in [36, 38, 42] {
        let (given, played) = (of_key(&given, pitch), of_key(&notes(&first), pitch));
        assert_eq!(played.len(), given.len());
        for (given, played) in given.iter().zip(&played) {
            // Half a step at most.
            assert!((played.onset_beats - given.onset_beats).abs() <= 0.13);
        }
    }
    let velocities =
        |bytes: &[u8]| -> Vec<f32> { notes(bytes).iter().map(|note| note.velocity).collect() };
    assert!(velocities(&first).iter().any(|velocity| *velocity != 0.8));
    assert_ne!(velocities(&first), velocities(&humanize("2")));
    assert_eq!(first, humanize("1"));
}

#[test]
fn drumming_to_taps_hears_their_steps_and_not_their_keys() {
    let studio = Studio::completing();
    let song = |name, pitch| {
        let taps: Vec<Note> = (0..16).map(|i| note(f64::from(i), pitch, 0)).collect();
        studio.song(name, &taps, &[], 16.0)
    };
    let drumify = |input: &str| {
        let files = studio.generate(&["--mode", "drumify", "--input", input]);
        files.into_values().next().unwrap()
    };
    let played = drumify(&song("bass.mid", 40));
    assert_eq!(played, drumify(&song("flute.mid", 80)));
    assert!(!notes(&played).is_empty());
    let others = studio.clip("other.mid", &[0.5, 3.25, 9.0], 16.0);
    assert_ne!(grid(&played), grid(&drumify(&others)));
}

#[test]
fn a_continuation_follows_what_was_heard() {
    let studio = Studio::completing();
    let beat = studio.beat();
    let arguments = ["--mode", "continue", "--input", &beat, "--count", "2"];
    let files = studio.generate(&arguments);
    let [one, two] = [1, 2].map(|number| notes(&files[&format!("continue-seed0-00{number}.mid")]));
    let heard = |notes: &[Note]| -> Vec<Note> {
        let notes = notes.iter().filter(|note| note.onset_beats < 31.8);
        notes.copied().collect()
    };
    let given = notes(&std::fs::read(&beat).unwrap());
    assert_eq!(heard(&one).len(), given.len());
    assert_eq!(heard(&one), heard(&two));
    assert_ne!(one, two);
    assert!(one.iter().any(|note| note.onset_beats > 32.0));
    assert!(one.iter().all(|note| note.onset_beats < 48.0));
}

#[test]
fn a_variation_keeps_drums_and_bars_as_they_are() {
    let studio = Studio::completing();
    let beat = studio.beat();
    let given = notes(&std::fs::read(&beat).unwrap());
    let similar = |keep: &str| {
        let arguments = ["--mode", "similar", "--input", &beat, "--count", "1"];
        let files = studio.generate(&[&arguments[..], &["--keep", keep]].concat());
        notes(&files["similar-seed0-001.mid"])
    };
    let is_there = |notes: &[Note], given: &[Note]| {
        given.iter().all(|given| {
            let same = |note: &&Note| {
                note.pitch == given.pitch
                    && note.onset_beats == given.onset_beats
                    && note.velocity == given.velocity
            };
            notes.iter().any(|note| same(&note))
        })
    };
    let first_window: Vec<Note> = given
        .iter()
        .filter(|note| note.onset_beats < 16.0)
        .copied()
        .collect();
    let kept = similar("kick,closed-hi-hat");
    for pitch in [36, 42] {
        let given = of_key(&first_window, pitch);
        assert_eq!(of_key(&kept, pitch).len(), given.len());
        assert!(is_there(&kept, &given));
    }
    assert!(!is_there(&kept, &of_key(&first_window, 38)));
    let in_bar = |bar: f64| -> Vec<Note> {
        let bar = 4.0 * bar..4.0 * bar + 3.8;
        let notes = first_window.iter();
        notes
            .filter(|note| bar.contains(&note.onset_beats))
            .copied()
            .collect()
    };
    let kept = similar("1,2,4");
    for bar in [0.0, 1.0, 3.0] {
        assert!(is_there(&kept, &in_bar(bar)), "bar {bar}");
    }
    assert!(!is_there(&kept, &in_bar(2.0)));
}

#[test]
fn fills_and_styles_are_asked_for_by_bar_and_by_name() {
    let studio = Studio::completing();
    let sample = |more: &[&str]| studio.generate(&[&["--count", "1"], more].concat());
    assert_ne!(sample(&["--fill", "4"]), sample(&[]));
    assert_ne!(sample(&["--fill", "4"]), sample(&["--fill", "2,4"]));
    assert!(!sample(&["--style", "funk"]).is_empty());
    assert_ne!(sample(&["--feel-temperature", "0"]), sample(&[]));
    let same = ["--temperature", "1", "--feel-temperature", "1"];
    assert_eq!(sample(&same), sample(&[]));
}

#[test]
fn what_a_model_does_not_know_is_refused_with_the_remedy() {
    let (completing, plain) = (Studio::completing(), Studio::open());
    let beat = plain.beat();
    let similar = ["--mode", "similar", "--input", &beat];
    for (studio, arguments, words) in [
        (&completing, vec!["--style", "polka"], "it has funk, rock"),
        (
            &completing,
            vec!["--fill", "5"],
            "no such bar, the model plays 4 bars",
        ),
        (
            &completing,
            [&similar[..], &["--keep", "7"]].concat(),
            "no such bar",
        ),
        (
            &completing,
            [&similar[..], &["--keep", "gong"]].concat(),
            "kick, snare, closed-hi-hat",
        ),
        (&completing, vec!["--keep", "kick"], "--mode similar"),
        (&plain, vec!["--style", "funk"], "leave the style out"),
        (&plain, vec!["--fill", "4"], "leave the fills out"),
        (
            &plain,
            [&similar[..], &["--keep", "kick"]].concat(),
            "leave the known parts out",
        ),
    ] {
        let problem = studio.problem(&arguments);
        assert!(problem.contains(words), "{arguments:?}: {problem}");
    }
}
