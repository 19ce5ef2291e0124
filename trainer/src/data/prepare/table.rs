//! The facts about a data set, as a table for people.

use super::report::{Report, in_words};
use crate::data::dataset::{Dropped, Split};
use crate::text::grouped;
use fourbar_model::drums::DrumMap;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Lines of a list that are shown.
const MAX_LINES: usize = 20;

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
        write_names(f, "Style", &self.styles)?;
        write_names(f, "Performer", &self.performers)
    }
}

impl Report {
    fn write_identity(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", printable(&self.card.name))?;
        writeln!(f, "  path         {}", printable(&self.path))?;
        writeln!(f, "  sha-256      {}", self.card.sha256)?;
        writeln!(f, "  licence      {}", self.card.licence)?;
        writeln!(f, "  attribution  {}", self.card.attribution)?;
        writeln!(f, "  converter    {}", self.converter.name())?;
        if self.converter.needs_drum_map() {
            writeln!(f, "  drum map     {}", self.drum_map)?;
        }
        match &self.index {
            Some(index) => writeln!(f, "  split        as {} says", printable(index)),
            None => writeln!(
                f,
                "  split        by each file's grid of onsets: 8 in 10 train, 1 validation, 1 test"
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
        let splits = self
            .splits
            .iter()
            .map(|(split, counts)| (split.name(), counts));
        let types = self.beat_types.iter().map(|(word, counts)| (*word, counts));
        for (name, counts) in splits.chain(types) {
            let [windows, files, bars] = [counts.windows, counts.files, counts.bars].map(grouped);
            writeln!(f, "  {name:<12}{windows:>9}{files:>9}{bars:>9}")?;
        }
        let without = [
            (Split::Train, "there is nothing to learn from"),
            (Split::Validation, "training can only watch its own loss"),
        ];
        for (split, consequence) in without {
            if self
                .splits
                .get(&split)
                .is_none_or(|counts| counts.windows == 0)
            {
                writeln!(f, "  no {} window: {consequence}; add files", split.name())?;
            }
        }
        if let Some(remedy) = self.remedy_for_few() {
            writeln!(f, "  {remedy}")?;
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
        if files.shorter_than_window > 0 && self.index.is_none() {
            writeln!(f, "           {}", self.remedy_for_short())?;
        }
        let repeated = format!("of them short loops, repeated up to {bars} bars");
        write_some(f, files.repeated, &repeated)?;
        write_some(
            f,
            files.cut_off,
            "of them cut off in the middle: read up to there",
        )?;
        for (found, &count) in &self.drums_found {
            writeln!(f, "{:>9}  of them with drums on {found}", grouped(count))?;
        }
        self.write_repairs(f)?;
        write_list(
            f,
            "of them with more on channel 10 that is no drum:",
            &self.set_aside,
        )?;
        let used = if self.index.is_some() {
            "used as the table says"
        } else {
            "used once"
        };
        let copies = self.copies.iter().map(|copy| Dropped {
            name: copy.name.clone(),
            reason: format!("the same performance as {}", copy.of),
        });
        let copies: Vec<Dropped> = copies.collect();
        write_list(f, &format!("copies of others, {used}:"), &copies)?;
        writeln!(
            f,
            "{:>9}  ignored: not MIDI{}",
            grouped(files.ignored),
            match &self.index {
                Some(index) => format!(" or not in {}", printable(index)),
                None => String::new(),
            }
        )?;
        for table in &self.other_tables {
            writeln!(
                f,
                "           {} is no index of MIDI files: it has no columns midi_filename and split",
                printable(table)
            )?;
        }
        writeln!(
            f,
            "{:>9}  dropped{}",
            grouped(files.dropped),
            if self.dropped.is_empty() { "" } else { ":" }
        )?;
        write_reasons(f, &self.dropped)?;
        if !self.left_out.is_empty() {
            writeln!(
                f,
                "{:>9}  sections of usable files left out:",
                grouped(self.left_out.len())
            )?;
            write_reasons(f, &self.left_out)?;
        }
        let refused = self.dropped.iter().chain(&self.left_out);
        if refused
            .into_iter()
            .any(|one| one.reason.contains("any_metre"))
        {
            writeln!(
                f,
                "           --set any_metre=true uses bars of any length; windows begin on their own bar lines"
            )?;
        }
        Ok(())
    }

    fn write_repairs(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mended = self.repairs.iter().map(|mended| Dropped {
            name: mended.name.clone(),
            reason: mended.repair.to_string(),
        });
        let mended: Vec<Dropped> = mended.collect();
        write_list(f, "damages that were mended:", &mended)
    }

    fn write_notes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let notes = &self.notes;
        let n_unmapped = notes.lost_unmapped.values().sum();
        let n_aside = notes.lost_aside.values().sum();
        let kept = notes.read - notes.lost_same_cell - n_unmapped - n_aside - notes.lost_outside;
        let subject = self.converter.subject();
        let of_the_map = || format!("on keys without a drum in the {} map", self.drum_map);
        let unmapped = subject.unmapped.unwrap_or_else(of_the_map);
        writeln!(f, "\nNotes of the usable files")?;
        writeln!(f, "{:>9}  {}", grouped(notes.read), subject.notes)?;
        writeln!(f, "{:>9}  kept", grouped(kept))?;
        writeln!(
            f,
            "{:>9}  lost to {}",
            grouped(notes.lost_same_cell),
            subject.same_cell
        )?;
        writeln!(f, "{:>9}  lost: {unmapped}", grouped(n_unmapped))?;
        write_some(f, notes.lost_outside, "lost: in sections that are not used")?;
        if n_unmapped > 0 {
            writeln!(
                f,
                "           {}",
                in_words(&notes.lost_unmapped, notes.read)
            )?;
        }
        if n_aside > 0 {
            writeln!(
                f,
                "{:>9}  left out: {}\n           {}",
                grouped(n_aside),
                self.aside_name,
                in_words(&notes.lost_aside, notes.read)
            )?;
        }
        self.write_better_maps(f)?;
        write_some(
            f,
            notes.elsewhere,
            "left aside: on other channels or with other sounds",
        )?;
        write_some(
            f,
            notes.unclosed,
            "left out: without an end or without a length",
        )?;
        write_some(
            f,
            notes.without_length,
            "have no end or no length: drums need none, melodies leave them out",
        )?;
        write_some(
            f,
            notes.by_pedal,
            "are hi-hats that their pedal opens or closes",
        )?;
        Ok(())
    }

    /// Names the maps that fit better, or else the one that knows most of the keys that have no drum.
    fn write_better_maps(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for map in &self.better_maps {
            let some = map.files.iter().take(3).map(|name| printable(name));
            writeln!(
                f,
                "           {} file(s) fit the {} map clearly better (--drum-map {}): {}{}",
                grouped(map.files.len()),
                map.name,
                map.id,
                some.collect::<Vec<_>>().join(", "),
                if map.files.len() > 3 { ", …" } else { "" }
            )?;
        }
        let lost = &self.notes.lost_unmapped;
        if !self.better_maps.is_empty() || !self.converter.needs_drum_map() {
            return Ok(());
        }
        let n_known = |map: &DrumMap| -> usize {
            let known = lost.iter().filter(|(key, _)| map.voice(**key).is_some());
            known.map(|(_, count)| count).sum()
        };
        let others = DrumMap::ALL.iter().filter(|map| map.id != self.drum_map);
        // The first of equals is the best known.
        if let Some(map) = others.rev().max_by_key(|map| n_known(map))
            && n_known(map) > 0
        {
            writeln!(
                f,
                "           the {} map has drums for {} of them (--drum-map {})",
                map.name,
                grouped(n_known(map)),
                map.id
            )?;
        }
        Ok(())
    }
}

/// A counted line; nothing if there is nothing to count.
fn write_some(f: &mut Formatter<'_>, count: usize, what: &str) -> fmt::Result {
    if count == 0 {
        return Ok(());
    }
    writeln!(f, "{:>9}  {what}", grouped(count))
}

/// A counted list, with the first of many lines; nothing if it is empty.
fn write_list(f: &mut Formatter<'_>, title: &str, lines: &[Dropped]) -> fmt::Result {
    write_some(f, lines.len(), title)?;
    write_reasons(f, &lines[..lines.len().min(MAX_LINES)])?;
    if lines.len() > MAX_LINES {
        let n_more = grouped(lines.len() - MAX_LINES);
        writeln!(f, "           and {n_more} more, all of them in --json")?;
    }
    Ok(())
}

/// One line a name, with its reason.
fn write_reasons(f: &mut Formatter<'_>, dropped: &[Dropped]) -> fmt::Result {
    for Dropped { name, reason } in dropped {
        writeln!(f, "           {}: {}", printable(name), printable(reason))?;
    }
    Ok(())
}

/// Files by a name that the index gives them, the most frequent first; nothing where it gives none.
fn write_names(f: &mut Formatter<'_>, title: &str, files: &BTreeMap<String, usize>) -> fmt::Result {
    if files.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    let mut rows: Vec<_> = files
        .iter()
        .map(|(name, &files)| (printable(name), files))
        .collect();
    rows.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    write_histogram(f, &rows)
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
mod tests {
    use crate::data::prepare::report::tests::report_of;

    #[test]
    fn the_table_names_what_was_lost_and_why() {
        let text = report_of(8, "loop.mid").to_string();
        for line in [
            "        1  usable",
            "        0  of them shorter than 4 bars",
            "        1  dropped:",
            "           broken.mid: not a readable MIDI file",
            "       34  of the drums",
            "       32  kept",
            "        1  lost to a louder note of the same drum on the same 16th step",
            "        1  lost: on keys without a drum in the td11 map",
            "           key 39 × 1 (3 %)",
            "the General MIDI map has drums for 1 of them (--drum-map gm)",
            "  90–99                 1",
        ] {
            assert!(text.contains(line), "missing {line:?} in\n{text}");
        }
    }

    #[test]
    fn an_empty_split_is_pointed_out() {
        // One file can only be in one split.
        let text = report_of(8, "loop.mid").to_string();
        let is_missing = |split| text.contains(&format!("no {split} window: "));
        assert!(is_missing("train") || is_missing("validation"), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_name_cannot_steer_the_terminal() {
        let report = report_of(2, "\u{1b}[2J.mid").to_string();
        assert!(!report.contains('\u{1b}'));
        assert_eq!(super::printable("\u{1b}[2J Ä.mid"), "\\u{1b}[2J Ä.mid");
    }
}
