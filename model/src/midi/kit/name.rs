//! What the names of tracks say of what plays in them.

/// What names of tracks of drums contain.
const DRUM_WORDS: &[&str] = &[
    "drum",
    "perc",
    "kick",
    "snare",
    "hihat",
    "hi-hat",
    "hi hat",
    "cymbal",
    "conga",
    "bongo",
    "shaker",
    "tambo",
    "cowbell",
    "batter",
    "schlag",
    "bateria",
    "rimshot",
    "side stick",
    "ドラム",
];
/// Words of such names that other words contain as well.
const SHORT_DRUM_WORDS: &[&str] = &[
    "kit", "hat", "hats", "hh", "bd", "sd", "tom", "toms", "ride", "crash", "clap", "claps", "rim",
    "beat", "beats",
];
/// What names of other tracks contain.
const MELODIC_WORDS: &[&str] = &[
    "bass", "piano", "guitar", "string", "synth", "organ", "vocal", "choir", "brass", "trumpet",
    "trombone", "flute", "clarinet", "violin", "cello", "melod", "chord", "marimba", "vibra",
    "xylo", "accord", "rhodes", "ukulele", "sax", "harmoni", "pluck",
];
/// Words of such names that other words contain as well.
const SHORT_MELODIC_WORDS: &[&str] = &[
    "gtr", "pad", "pads", "lead", "keys", "voice", "vox", "horn", "horns", "oboe", "viola", "arp",
    "harp", "vibes", "solo", "riff", "ep", "bell", "bells",
];
/// Drums that play melodies.
const MELODIC_DRUMS: &[&str] = &["steel drum", "steel pan", "melodic tom"];

/// Whether a track of this name plays drums; `None` if the name does not say.
pub(super) fn is_of_drums(name: &str) -> Option<bool> {
    let name = name.to_lowercase();
    let words = || {
        let words = name.split(|character: char| !character.is_alphanumeric());
        words.map(|word| word.trim_end_matches(|character: char| character.is_ascii_digit()))
    };
    let has = |parts: &[&str], whole: &[&str]| {
        parts.iter().any(|part| name.contains(part)) || words().any(|word| whole.contains(&word))
    };
    if has(MELODIC_DRUMS, &[]) {
        Some(false)
    } else if has(DRUM_WORDS, SHORT_DRUM_WORDS) {
        Some(true)
    } else {
        has(MELODIC_WORDS, SHORT_MELODIC_WORDS).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drums_are_told_from_other_tracks_by_their_name() {
        for name in [
            "Drums",
            "DRUM KIT",
            "Kick",
            "BD 1",
            "sn: Snare",
            "Bass Drum",
            "closed hats",
            "Hi-Hat",
            "Batterie",
            "HH",
            "Tom1",
            "Percussion",
            "Ride",
        ] {
            assert_eq!(is_of_drums(name), Some(true), "{name}");
        }
        for name in [
            "Bass",
            "Fretless bass 2",
            "Steel Drums",
            "Lead",
            "E. Piano",
            "GTR",
            "Vibes",
            "Strings B",
        ] {
            assert_eq!(is_of_drums(name), Some(false), "{name}");
        }
        for name in [
            "", "Track 10", "MIDI out", "Bridge", "Chatter", "Tomorrow", "Keyser",
        ] {
            assert_eq!(is_of_drums(name), None, "{name}");
        }
    }
}
