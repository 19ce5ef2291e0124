//! The facts about a data set, which serde writes as JSON for programs.

use crate::data::dataset::{BeatType, Copied, Dataset, Dropped, SourceFile, Split};
use crate::settings::Config;
use crate::text::grouped;
use fourbar_model::checkpoint::DatasetCard;
use fourbar_model::converter::Converter;
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_model::midi::{DRUM_CHANNEL, Repair};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the JSON form; it rises when a field is renamed, removed or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// A set with fewer files misses every one that does not train.
const FEW_FILES: usize = 40;

/// Width of one bar of the tempo histogram, in quarter notes a minute.
const TEMPO_BIN_BPM: u32 = 10;

/// Everything that `fourbar prepare` says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub(super) schema_version: u32,
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) card: DatasetCard,
    /// Path of the table that gave the split; `None` if the split is by content.
    pub(super) index: Option<String>,
    /// What the model sees of the music, with its settings.
    pub(super) converter: Converter,
    pub(super) drum_map: &'static str,
    /// What the keys play that the drum map leaves out.
    #[serde(skip)]
    pub(super) aside_name: &'static str,
    pub(super) window_bars: usize,
    pub(super) hop_bars: usize,
    pub(super) splits: BTreeMap<Split, SplitCounts>,
    pub(super) files: FileCounts,
    pub(super) dropped: Vec<Dropped>,
    /// Sections of usable files that cannot be used.
    pub(super) left_out: Vec<Dropped>,
    /// Usable files that are shorter than one window.
    pub(super) shorter_than_window: Vec<String>,
    /// Usable files that stop in the middle of a track.
    pub(super) cut_off: Vec<String>,
    /// What of usable files was damaged and mended.
    pub(super) repairs: Vec<Mended>,
    /// Usable files whose drums are not simply what plays on channel 10: how they were found -> files.
    pub(super) drums_found: BTreeMap<String, usize>,
    /// What plays on channel 10 of usable files and is no drum.
    pub(super) set_aside: Vec<Dropped>,
    /// Files that are the same performance as another one.
    pub(super) copies: Vec<Copied>,
    /// Tables beside the files that are no index.
    pub(super) other_tables: Vec<String>,
    /// Drum maps that files fit clearly better than that which they were read with.
    pub(super) better_maps: Vec<BetterMap>,
    /// Presets of the same kind that take shorter windows.
    pub(super) shorter_presets: Vec<String>,
    pub(super) notes: NoteCounts,
    pub(super) tempo: Vec<TempoBin>,
    /// Files by primary style; empty without an index.
    pub(super) styles: BTreeMap<String, usize>,
    /// Beats and fills, by the word for them; empty without an index that tells them apart.
    pub(super) beat_types: BTreeMap<&'static str, SplitCounts>,
    /// Files by performer; empty without an index that names them.
    pub(super) performers: BTreeMap<String, usize>,
}

/// A file that was damaged and is used all the same.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Mended {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) repair: Repair,
}

/// A drum map that some files fit clearly better.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BetterMap {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) files: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct SplitCounts {
    pub(super) files: usize,
    pub(super) bars: usize,
    pub(super) windows: usize,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct FileCounts {
    pub(super) usable: usize,
    pub(super) dropped: usize,
    pub(super) shorter_than_window: usize,
    pub(super) cut_off: usize,
    /// Usable loops that were repeated.
    pub(super) repeated: usize,
    /// Not MIDI by their name, or not listed in the index.
    pub(super) ignored: usize,
    /// Usable files without notes on channel 10, by the channel (1–16) that was read instead.
    pub(super) by_other_channel: BTreeMap<u8, usize>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct NoteCounts {
    /// What the converter looks at in the usable files: drums, melodies, trios.
    pub(super) read: usize,
    /// Lost to a louder note of the same drum, or to a higher one of the same melody, on the same step.
    pub(super) lost_same_cell: usize,
    /// On keys that belong to no drum of the map, or are beyond the keys of the melody: key -> notes.
    pub(super) lost_unmapped: BTreeMap<u8, usize>,
    /// On keys that the map knows and that are no drum, such as a metronome: key -> notes.
    pub(super) lost_aside: BTreeMap<u8, usize>,
    /// In sections that are not used.
    pub(super) lost_outside: usize,
    /// On other channels or with other sounds in the usable files.
    pub(super) elsewhere: usize,
    /// Left out, because they have no end or no length; on any channel, of files that an index lists.
    pub(super) unclosed: usize,
    /// Used without an end or a length, which drums do not need; on any channel, of other files.
    pub(super) without_length: usize,
    /// Strokes of the hi-hat that its pedal made open or closed.
    pub(super) by_pedal: usize,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct TempoBin {
    pub(super) from_bpm: u32,
    pub(super) below_bpm: u32,
    pub(super) files: usize,
}

impl Report {
    /// The facts about `dataset`, cut into windows of `n_steps` steps every `hop_bars` bars.
    #[must_use]
    pub fn of(dataset: &Dataset, path: &Path, n_steps: usize, hop_bars: usize) -> Self {
        let mut splits: BTreeMap<Split, SplitCounts> = BTreeMap::new();
        let mut beat_types: BTreeMap<&str, SplitCounts> = BTreeMap::new();
        for split in Split::ALL {
            let windows = dataset.windows(split, n_steps, hop_bars);
            splits.entry(split).or_default().windows = windows.len();
            for window in &windows {
                if let Some(beat_type) = dataset.files[window.file].beat_type {
                    beat_types.entry(beat_type.name()).or_default().windows += 1;
                }
            }
        }
        let mut notes = NoteCounts::default();
        let mut tempo = BTreeMap::new();
        let mut styles = BTreeMap::new();
        let mut performers = BTreeMap::new();
        let mut shorter_than_window = Vec::new();
        let mut cut_off = Vec::new();
        let mut left_out = Vec::new();
        let mut by_other_channel = BTreeMap::new();
        let mut repairs = Vec::new();
        let mut drums_found = BTreeMap::new();
        let mut set_aside = Vec::new();
        for file in &dataset.files {
            let extracted = &file.extracted;
            let of_split = splits.get_mut(&file.split);
            let of_type = file.beat_type.map(BeatType::name);
            let of_type = of_type.map(|word| beat_types.entry(word).or_default());
            for counts in of_split.into_iter().chain(of_type) {
                counts.files += 1;
                counts.bars += extracted.n_bars();
            }
            if extracted.longest_steps() < n_steps {
                shorter_than_window.push(file.name.clone());
            }
            left_out.extend(extracted.left_out.iter().map(|reason| Dropped {
                name: file.name.clone(),
                reason: reason.clone(),
            }));
            notes.read += extracted.n_notes;
            notes.lost_same_cell += extracted.lost.same_cell;
            notes.lost_outside += extracted.lost.outside;
            notes.elsewhere += file.n_notes_elsewhere;
            if dataset.index.is_some() || dataset.converter.is_compatible() {
                notes.unclosed += file.n_unclosed;
            } else {
                notes.without_length += file.n_unclosed;
            }
            notes.by_pedal += extracted.n_by_pedal;
            for (&key, &n_notes) in &extracted.lost.unmapped {
                *notes.lost_unmapped.entry(key).or_default() += n_notes;
            }
            for (&key, &n_notes) in &extracted.lost.aside {
                *notes.lost_aside.entry(key).or_default() += n_notes;
            }
            repairs.extend(file.repairs.iter().map(|&repair| Mended {
                name: file.name.clone(),
                repair,
            }));
            if let Some(found) = &extracted.found {
                *drums_found.entry(found.clone()).or_default() += 1;
            }
            set_aside.extend(extracted.aside.iter().map(|aside| Dropped {
                name: file.name.clone(),
                reason: aside.clone(),
            }));
            *tempo.entry(tempo_bin(file.bpm)).or_default() += 1;
            if let Some(style) = &file.style {
                *styles.entry(style.clone()).or_default() += 1;
            }
            if let Some(performer) = &file.performer {
                *performers.entry(performer.clone()).or_default() += 1;
            }
            let is_of_drums = dataset.converter.plays_drums();
            if let Some(channel) = extracted.channel.filter(|_| is_of_drums)
                && channel != DRUM_CHANNEL
            {
                *by_other_channel.entry(channel + 1).or_default() += 1;
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
            card: dataset.card.clone(),
            index: dataset.index.clone(),
            converter: dataset.converter.clone(),
            drum_map: dataset.drum_map.id,
            aside_name: dataset.drum_map.aside_name,
            window_bars: n_steps / STEPS_PER_BAR,
            hop_bars,
            splits,
            files: FileCounts {
                usable: dataset.files.len(),
                dropped: dataset.dropped.len(),
                shorter_than_window: shorter_than_window.len(),
                cut_off: cut_off.len(),
                repeated: dataset.files.iter().filter(|file| file.is_repeated).count(),
                ignored: dataset.n_ignored,
                by_other_channel,
            },
            dropped: dataset.dropped.clone(),
            left_out,
            shorter_presets: shorter_presets(dataset, n_steps),
            shorter_than_window,
            cut_off,
            repairs,
            drums_found,
            set_aside,
            copies: dataset.copies.clone(),
            other_tables: dataset.other_tables.clone(),
            better_maps: better_maps(dataset),
            notes,
            tempo: tempo.into_iter().map(tempo_bin).collect(),
            styles,
            beat_types,
            performers,
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
            let wanted = self.converter.subject().files;
            format!("no file can be used; the reasons stand above. Give MIDI files with {wanted}")
        } else {
            format!(
                "all {} usable file(s) are shorter than one window of {bars} bars. {}",
                self.files.usable,
                self.remedy_for_short()
            )
        })
    }
}

impl Report {
    /// What to do with files that are shorter than a window.
    pub(super) fn remedy_for_short(&self) -> String {
        let presets = match &self.shorter_presets[..] {
            [] => String::new(),
            names => format!(
                ", or train a preset that takes shorter ones ({})",
                names.join(", ")
            ),
        };
        format!(
            "--repeat-short repeats loops whose length fits into {} bars several times{presets}",
            self.window_bars
        )
    }

    /// What to do with so small a set that each file that does not train is missed; `None` if it is larger.
    #[must_use]
    pub fn remedy_for_few(&self) -> Option<String> {
        let train = self.splits.get(&Split::Train)?;
        let n_set_aside = self.files.usable - train.files;
        let is_small = self.index.is_none() && self.files.usable < FEW_FILES && n_set_aside > 0;
        is_small.then(|| {
            format!(
                "{n_set_aside} of only {} files are set aside and do not train: --validation none trains on every file",
                self.files.usable
            )
        })
    }

    /// What a user should know before this data is learned from or measured on, each in a sentence.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let files = &self.files;
        if let Some(first) = self.dropped.first() {
            warnings.push(format!(
                "{} of {} files cannot be used, such as {}: {}",
                files.dropped,
                files.usable + files.dropped,
                first.name,
                first.reason
            ));
        }
        if files.shorter_than_window > 0 {
            warnings.push(format!(
                "{} of {} usable files are shorter than {} bars and give no window: {}",
                files.shorter_than_window,
                files.usable,
                self.window_bars,
                self.remedy_for_short()
            ));
        }
        let n_unmapped: usize = self.notes.lost_unmapped.values().sum();
        if n_unmapped > 0 && self.converter.needs_drum_map() {
            warnings.push(format!(
                "{n_unmapped} of {} notes are left out, because the {} map has no drum for their keys ({})",
                self.notes.read,
                self.drum_map,
                in_words(&self.notes.lost_unmapped, self.notes.read)
            ));
        }
        for map in &self.better_maps {
            warnings.push(format!(
                "{} file(s), such as {}, fit the {} map clearly better than {}: --drum-map {}",
                map.files.len(),
                map.files[0],
                map.name,
                self.drum_map,
                map.id
            ));
        }
        if !self.repairs.is_empty() {
            let first = &self.repairs[0];
            warnings.push(format!(
                "{} damage(s) were mended, such as in {}: {}",
                self.repairs.len(),
                first.name,
                first.repair
            ));
        }
        if self.index.is_none() && !self.copies.is_empty() {
            let first = &self.copies[0];
            warnings.push(format!(
                "{} file(s) are copies and left out, such as {}, the same performance as {}",
                self.copies.len(),
                first.name,
                first.of
            ));
        }
        warnings
    }
}

/// Keys with their notes, and the share of all that these are.
pub(super) fn in_words(keys: &BTreeMap<u8, usize>, n_notes: usize) -> String {
    let of_key = |(key, n): (&u8, &usize)| {
        let percent = (100 * n).div_ceil(n_notes.max(1));
        format!("key {key} × {} ({percent} %)", grouped(*n))
    };
    keys.iter().map(of_key).collect::<Vec<_>>().join(", ")
}

/// The maps that files fit clearly better than that of the data set, where no index says what they were played on.
fn better_maps(dataset: &Dataset) -> Vec<BetterMap> {
    let mut maps: BTreeMap<&str, BetterMap> = BTreeMap::new();
    let is_unlisted = |_: &&SourceFile| dataset.index.is_none();
    for file in dataset.files.iter().filter(is_unlisted) {
        if let Some(map) = file.extracted.better_map {
            let better = maps.entry(map.id).or_insert_with(|| BetterMap {
                id: map.id,
                name: map.name,
                files: Vec::new(),
            });
            better.files.push(file.name.clone());
        }
    }
    let mut maps: Vec<BetterMap> = maps.into_values().collect();
    maps.sort_by_key(|map| std::cmp::Reverse(map.files.len()));
    maps
}

/// The presets of the same kind for which some file that is shorter than `n_steps` is long enough.
fn shorter_presets(dataset: &Dataset, n_steps: usize) -> Vec<String> {
    let lengths = dataset
        .files
        .iter()
        .map(|file| file.extracted.longest_steps());
    let longest_short = lengths
        .filter(|length| *length < n_steps)
        .max()
        .unwrap_or(0);
    let presets = Config::presets().unwrap_or_default();
    let is_meant = |config: &&Config| {
        config.model.converter.name() == dataset.converter.name()
            && config.model.window_steps() <= longest_short
    };
    presets
        .iter()
        .filter(is_meant)
        .map(|config| config.model.preset.clone())
        .collect()
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
pub(super) mod tests {
    use super::*;
    use fourbar_model::converter::GrooveConverter;
    use fourbar_model::drums::DrumMap;
    use fourbar_model::midi;
    use fourbar_model::note::Note;
    use std::collections::BTreeSet;
    use std::fs;

    fn kick(onset_beats: f64) -> Note {
        Note {
            onset_beats,
            duration_beats: 0.1,
            pitch: 36,
            velocity: 0.5,
            channel: 9,
        }
    }

    /// Eight bars of kick, with a key that only General MIDI knows and a flam that lands on one step.
    pub(in crate::data::prepare) fn report_of(n_bars: u32, name: &str) -> Report {
        let mut notes: Vec<_> = (0..4 * n_bars).map(|beat| kick(f64::from(beat))).collect();
        let clap = Note {
            pitch: 39,
            ..kick(0.0)
        };
        notes.extend([clap, kick(0.05)]);
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join(name),
            midi::write(&notes, f64::from(4 * n_bars), 97.0),
        )
        .unwrap();
        fs::write(folder.path().join("broken.mid"), b"MThd").unwrap();
        let converter = Converter::Groove(GrooveConverter::default());
        let dataset = Dataset::load(folder.path(), &converter, &DrumMap::TD11).unwrap();
        Report::of(&dataset, folder.path(), 64, 4)
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
        let fields = json.as_object().unwrap().keys().map(String::as_str);
        let expected = "attribution beat_types better_maps converter copies cut_off drum_map drums_found dropped files hop_bars index \
             left_out licence name notes other_tables path performers repairs schema_version set_aside sha256 shorter_presets \
             shorter_than_window splits styles tempo window_bars";
        assert_eq!(
            fields.collect::<BTreeSet<_>>(),
            expected.split(' ').collect()
        );
    }

    #[test]
    fn beats_fills_and_performers_are_counted_where_an_index_tells_them_apart() {
        let folder = tempfile::tempdir().unwrap();
        let index = "drummer,beat_type,midi_filename,split\n\
            ann,beat,beat.mid,train\nann,fill,fill.mid,test\nbob,,any.mid,test\n";
        fs::write(folder.path().join("info.csv"), index).unwrap();
        for (name, n_bars) in [("beat.mid", 5), ("fill.mid", 1), ("any.mid", 1)] {
            let notes: Vec<Note> = (0..4 * n_bars).map(|beat| kick(f64::from(beat))).collect();
            let bytes = midi::write(&notes, f64::from(4 * n_bars), 97.0);
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let converter = Converter::Groove(GrooveConverter::default());
        let dataset = Dataset::load(folder.path(), &converter, &DrumMap::TD11).unwrap();
        let report = Report::of(&dataset, folder.path(), 64, 1);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(
            json["beat_types"],
            serde_json::json!({
                "beat": {"files": 1, "bars": 5, "windows": 2},
                "fill": {"files": 1, "bars": 1, "windows": 0},
            })
        );
        assert_eq!(json["performers"], serde_json::json!({"ann": 2, "bob": 1}));
        let text = report.to_string();
        assert!(
            text.contains("  fill                0        1        1"),
            "{text}"
        );
        assert!(text.contains("  ann "), "{text}");
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
}
