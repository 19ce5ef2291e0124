//! The facts about a data set, as a table for people and as JSON for programs.

use crate::dataset::{Dataset, Dropped, Split};
use fourbar_model::drums::DrumMap;
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::midi::DRUM_CHANNEL;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// Version of the JSON form; it rises when a field is renamed, removed or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Width of one bar of the tempo histogram, in quarter notes a minute.
const TEMPO_BIN_BPM: u32 = 10;

/// Everything that `fourbar prepare` says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    schema_version: u32,
    path: String,
    name: String,
    sha256: String,
    licence: String,
    attribution: String,
    /// Path of the `info.csv` that gave the split; `None` if the split is by content.
    index: Option<String>,
    drum_map: &'static str,
    window_bars: usize,
    hop_bars: usize,
    splits: BTreeMap<Split, SplitCounts>,
    files: FileCounts,
    dropped: Vec<Dropped>,
    /// Usable files that are shorter than one window.
    shorter_than_window: Vec<String>,
    /// Usable files that stop in the middle of a track.
    cut_off: Vec<String>,
    notes: NoteCounts,
    tempo: Vec<TempoBin>,
    /// Files by primary style; empty without an index.
    styles: BTreeMap<String, usize>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct SplitCounts {
    files: usize,
    bars: usize,
    windows: usize,
}

#[derive(Debug, Clone, Serialize)]
struct FileCounts {
    usable: usize,
    dropped: usize,
    shorter_than_window: usize,
    cut_off: usize,
    /// Not MIDI by their name, or not listed in the index.
    ignored: usize,
    /// Usable files without notes on channel 10, by the channel (1–16) that was read instead.
    by_other_channel: BTreeMap<u8, usize>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct NoteCounts {
    /// On the drum channel of the usable files.
    read: usize,
    /// Lost to a louder note of the same drum on the same step.
    lost_same_cell: usize,
    /// On keys that belong to no drum of the map: key -> notes.
    lost_unmapped: BTreeMap<u8, usize>,
    /// On other channels of the usable files.
    elsewhere: usize,
    /// Begun and never ended.
    unclosed: usize,
}

#[derive(Debug, Clone, Serialize)]
struct TempoBin {
    from_bpm: u32,
    below_bpm: u32,
    files: usize,
}

impl Report {
    /// The facts about `dataset`, cut into windows of `n_steps` steps every `hop_bars` bars.
    #[must_use]
    pub fn of(dataset: &Dataset, path: &Path, n_steps: usize, hop_bars: usize) -> Self {
        let mut splits = BTreeMap::new();
        for split in Split::ALL {
            let windows = dataset.windows(split, n_steps, hop_bars).len();
            splits.insert(
                split,
                SplitCounts {
                    windows,
                    ..SplitCounts::default()
                },
            );
        }
        let mut notes = NoteCounts::default();
        let mut tempo = BTreeMap::new();
        let mut styles = BTreeMap::new();
        let mut shorter_than_window = Vec::new();
        let mut cut_off = Vec::new();
        let mut by_other_channel = BTreeMap::new();
        for file in &dataset.files {
            let counts = splits.entry(file.split).or_default();
            counts.files += 1;
            counts.bars += file.song_groove.n_steps() / STEPS_PER_BAR;
            if file.song_groove.n_steps() < n_steps {
                shorter_than_window.push(file.name.clone());
            }
            notes.read += file.n_notes;
            notes.lost_same_cell += file.lost.same_cell;
            notes.elsewhere += file.n_notes_elsewhere;
            notes.unclosed += file.n_unclosed;
            for (&key, &n_notes) in &file.lost.unmapped {
                *notes.lost_unmapped.entry(key).or_default() += n_notes;
            }
            *tempo.entry(tempo_bin(file.bpm)).or_default() += 1;
            if let Some(style) = &file.style {
                *styles.entry(style.clone()).or_default() += 1;
            }
            if file.channel != DRUM_CHANNEL {
                *by_other_channel.entry(file.channel + 1).or_default() += 1;
            }
            if file.is_cut_off {
                cut_off.push(file.name.clone());
            }
        }
        let tempo_bin = |(from_bpm, files)| TempoBin {
            from_bpm,
            below_bpm: from_bpm + TEMPO_BIN_BPM,
            files,
        };
        Self {
            schema_version: SCHEMA_VERSION,
            path: path.display().to_string(),
            name: dataset.name.clone(),
            sha256: dataset.sha256.clone(),
            licence: dataset.licence.clone(),
            attribution: dataset.attribution.clone(),
            index: dataset.index.clone(),
            drum_map: dataset.drum_map,
            window_bars: n_steps / STEPS_PER_BAR,
            hop_bars,
            splits,
            files: FileCounts {
                usable: dataset.files.len(),
                dropped: dataset.dropped.len(),
                shorter_than_window: shorter_than_window.len(),
                cut_off: cut_off.len(),
                ignored: dataset.n_ignored,
                by_other_channel,
            },
            dropped: dataset.dropped.clone(),
            shorter_than_window,
            cut_off,
            notes,
            tempo: tempo.into_iter().map(tempo_bin).collect(),
            styles,
        }
    }

    /// Why nothing can be learnt from this data, and what to do about it; `None` if there is at least one window.
    #[must_use]
    pub fn unusable(&self) -> Option<String> {
        if self.splits.values().any(|counts| counts.windows > 0) {
            return None;
        }
        let bars = self.window_bars;
        Some(if self.files.usable == 0 {
            "no file can be used; the reasons stand above. Give MIDI files with drums in 4/4 on channel 10".to_owned()
        } else {
            format!(
                "all {} usable file(s) are shorter than one window of {bars} bars. Give longer performances, or repeat short \
                 loops in your sequencer to at least {bars} bars",
                self.files.usable
            )
        })
    }
}

/// Lower end of a tempo's bar in the histogram. Anything beyond 1,000 bpm is a damaged tempo and shares one bar.
fn tempo_bin(bpm: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=1000 just before"
    )]
    let whole = bpm.clamp(0.0, 1000.0) as u32;
    whole / TEMPO_BIN_BPM * TEMPO_BIN_BPM
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_identity(f)?;
        self.write_splits(f)?;
        self.write_files(f)?;
        self.write_notes(f)?;
        writeln!(f, "\nTempo (bpm)")?;
        let tempo = self
            .tempo
            .iter()
            .map(|bin| (format!("{}–{}", bin.from_bpm, bin.below_bpm - 1), bin.files));
        write_histogram(f, &tempo.collect::<Vec<_>>())?;
        if !self.styles.is_empty() {
            writeln!(f, "\nStyle")?;
            let mut styles: Vec<_> = self
                .styles
                .iter()
                .map(|(style, &files)| (printable(style), files))
                .collect();
            styles.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
            write_histogram(f, &styles)?;
        }
        Ok(())
    }
}

impl Report {
    fn write_identity(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", printable(&self.name))?;
        writeln!(f, "  path         {}", printable(&self.path))?;
        writeln!(f, "  sha-256      {}", self.sha256)?;
        writeln!(f, "  licence      {}", self.licence)?;
        writeln!(f, "  attribution  {}", self.attribution)?;
        writeln!(f, "  drum map     {}", self.drum_map)?;
        match &self.index {
            Some(index) => writeln!(f, "  split        as {} says", printable(index)),
            None => writeln!(
                f,
                "  split        by the SHA-256 of each file's content: 8 in 10 train, 1 validation, 1 test"
            ),
        }
    }

    fn write_splits(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let hop = if self.hop_bars == 1 {
            "every bar".to_owned()
        } else {
            format!("every {} bars", self.hop_bars)
        };
        writeln!(f, "\nWindows of {} bars, one {hop}", self.window_bars)?;
        writeln!(f, "  {:<12}{:>9}{:>9}{:>9}", "", "windows", "files", "bars")?;
        for (split, counts) in &self.splits {
            let [windows, files, bars] = [counts.windows, counts.files, counts.bars].map(grouped);
            writeln!(f, "  {:<12}{windows:>9}{files:>9}{bars:>9}", split.name())?;
        }
        for split in [Split::Train, Split::Validation] {
            if self
                .splits
                .get(&split)
                .is_none_or(|counts| counts.windows == 0)
            {
                writeln!(
                    f,
                    "  no {} window: training needs one; add files",
                    split.name()
                )?;
            }
        }
        Ok(())
    }

    fn write_files(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let files = &self.files;
        writeln!(f, "\nFiles")?;
        writeln!(f, "{:>9}  usable", grouped(files.usable))?;
        let [short, bars] = [files.shorter_than_window, self.window_bars].map(grouped);
        writeln!(
            f,
            "{short:>9}  of them shorter than {bars} bars: they give no window"
        )?;
        if files.cut_off > 0 {
            writeln!(
                f,
                "{:>9}  of them cut off in the middle: read up to there",
                grouped(files.cut_off)
            )?;
        }
        for (channel, &count) in &files.by_other_channel {
            writeln!(
                f,
                "{:>9}  of them without notes on channel 10, read from channel {channel}",
                grouped(count)
            )?;
        }
        writeln!(
            f,
            "{:>9}  ignored: not MIDI{}",
            grouped(files.ignored),
            if self.index.is_some() {
                " or not in info.csv"
            } else {
                ""
            }
        )?;
        writeln!(
            f,
            "{:>9}  dropped{}",
            grouped(files.dropped),
            if self.dropped.is_empty() { "" } else { ":" }
        )?;
        for Dropped { name, reason } in &self.dropped {
            writeln!(f, "           {}: {}", printable(name), printable(reason))?;
        }
        Ok(())
    }

    fn write_notes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let notes = &self.notes;
        let n_unmapped = notes.lost_unmapped.values().sum();
        let on_grid = notes.read - notes.lost_same_cell - n_unmapped;
        writeln!(f, "\nNotes of the usable files")?;
        writeln!(f, "{:>9}  on the drum channel", grouped(notes.read))?;
        writeln!(f, "{:>9}  kept", grouped(on_grid))?;
        writeln!(
            f,
            "{:>9}  lost to a louder note of the same drum on the same 16th step",
            grouped(notes.lost_same_cell)
        )?;
        writeln!(
            f,
            "{:>9}  lost: on keys without a drum in the {} map",
            grouped(n_unmapped),
            self.drum_map
        )?;
        if n_unmapped > 0 {
            let keys: Vec<_> = notes
                .lost_unmapped
                .iter()
                .map(|(key, &count)| format!("{key} × {}", grouped(count)))
                .collect();
            writeln!(f, "           key {}", keys.join(", "))?;
            for map in DrumMap::ALL.iter().filter(|map| map.id != self.drum_map) {
                let known = notes
                    .lost_unmapped
                    .iter()
                    .filter(|(key, _)| map.voice(**key).is_some());
                let n_known = known.map(|(_, count)| count).sum();
                if n_known > 0 {
                    writeln!(
                        f,
                        "           the {} map has drums for {} of them (--drum-map {})",
                        map.name,
                        grouped(n_known),
                        map.id
                    )?;
                }
            }
        }
        if notes.elsewhere > 0 {
            writeln!(
                f,
                "{:>9}  left aside: on other channels, so not drums",
                grouped(notes.elsewhere)
            )?;
        }
        if notes.unclosed > 0 {
            writeln!(
                f,
                "{:>9}  left out: begun and never ended",
                grouped(notes.unclosed)
            )?;
        }
        Ok(())
    }
}

/// One labelled line of blocks a row, the longest 40 blocks wide.
fn write_histogram(f: &mut Formatter<'_>, rows: &[(String, usize)]) -> fmt::Result {
    let longest = rows.iter().map(|(_, count)| *count).max().unwrap_or(1);
    for (label, count) in rows {
        let blocks = "█".repeat((count * 40).div_ceil(longest));
        writeln!(f, "  {label:<16}{:>7}  {blocks}", grouped(*count))?;
    }
    Ok(())
}

/// A count with a comma between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Text from a file, safe to print: a name in an archive may hold the escape codes of a terminal.
fn printable(text: &str) -> String {
    let escape = |character: char| -> String {
        if character.is_control() {
            character.escape_default().collect()
        } else {
            character.to_string()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use fourbar_model::midi;
    use fourbar_model::note::Note;
    use std::fs;

    /// Eight bars of kick, with a key that only General MIDI knows and a flam that lands on one step.
    fn report_of(n_bars: u32, name: &str) -> Report {
        let note = |beats, pitch| Note {
            onset_beats: beats,
            duration_beats: 0.1,
            pitch,
            velocity: 0.5,
            channel: 9,
        };
        let mut notes: Vec<_> = (0..4 * n_bars)
            .map(|beat| note(f64::from(beat), 36))
            .collect();
        notes.extend([note(0.0, 39), note(0.05, 36)]);
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join(name),
            midi::write(&notes, f64::from(4 * n_bars), 97.0),
        )
        .unwrap();
        fs::write(folder.path().join("broken.mid"), b"MThd").unwrap();
        Report::of(
            &Dataset::load(folder.path(), &DrumMap::TD11).unwrap(),
            folder.path(),
            64,
            4,
        )
    }

    #[test]
    fn the_table_names_what_was_lost_and_why() {
        let text = report_of(8, "loop.mid").to_string();
        for line in [
            "        1  usable",
            "        0  of them shorter than 4 bars",
            "        1  dropped:",
            "           broken.mid: not a readable MIDI file",
            "       34  on the drum channel",
            "       32  kept",
            "        1  lost to a louder note of the same drum on the same 16th step",
            "        1  lost: on keys without a drum in the td11 map",
            "           key 39 × 1",
            "the General MIDI map has drums for 1 of them (--drum-map gm)",
            "  90–99                 1",
        ] {
            assert!(text.contains(line), "missing {line:?} in\n{text}");
        }
    }

    #[test]
    fn the_json_form_has_the_fields_that_programs_rely_on() {
        let json = serde_json::to_value(report_of(8, "loop.mid")).unwrap();
        assert_eq!(json["schema_version"], 1);
        let windows: u64 = Split::ALL
            .iter()
            .map(|split| json["splits"][split.name()]["windows"].as_u64().unwrap())
            .sum();
        assert_eq!(windows, 2);
        assert_eq!(json["notes"]["lost_same_cell"], 1);
        assert_eq!(json["notes"]["lost_unmapped"]["39"], 1);
        assert_eq!(
            json["tempo"][0],
            serde_json::json!({"from_bpm": 90, "below_bpm": 100, "files": 1})
        );
        assert_eq!(json["dropped"][0]["name"], "broken.mid");
        let fields: Vec<_> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = [
            "schema_version",
            "path",
            "name",
            "sha256",
            "licence",
            "attribution",
            "index",
            "drum_map",
            "window_bars",
            "hop_bars",
            "splits",
            "files",
            "dropped",
            "shorter_than_window",
            "cut_off",
            "notes",
            "tempo",
            "styles",
        ];
        expected.sort_unstable();
        let mut fields = fields;
        fields.sort_unstable();
        assert_eq!(fields, expected);
    }

    #[test]
    fn data_without_a_single_window_is_unusable_with_a_remedy() {
        assert_eq!(report_of(8, "loop.mid").unusable(), None);
        let short = report_of(2, "short.mid").unusable().unwrap();
        assert!(
            short.contains("shorter than one window of 4 bars"),
            "{short}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_name_cannot_steer_the_terminal() {
        let report = report_of(2, "\u{1b}[2J.mid").to_string();
        assert!(!report.contains('\u{1b}'));
        assert_eq!(printable("\u{1b}[2J Ä.mid"), "\\u{1b}[2J Ä.mid");
    }

    #[test]
    fn counts_have_a_comma_between_thousands() {
        assert_eq!(
            [0, 999, 1_000, 432_806, 1_000_000].map(grouped),
            ["0", "999", "1,000", "432,806", "1,000,000"]
        );
    }
}
