//! The kit's sound as a WAV file.

use super::Export;
use fourbar_kit::{Kit, Settings, Stroke, wav};
use fourbar_model::groove::nearest_step;
use fourbar_model::pattern::BAR_BEATS;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

const SAMPLE_RATE: u32 = 48_000;

/// What rings on from the end of the loop into its start, at most.
const TAIL_SECONDS: f64 = 4.0;

impl Export {
    /// Writes the kit's sound, exactly as long as the loop. It begins with what rings on from the loop's end, so that it
    /// goes round without a seam.
    pub(super) fn write_sound(&self, out: &mut impl Write, stop: &AtomicBool) -> io::Result<()> {
        let n_samples = self.sample(self.pattern.loop_beats());
        let header = wav::header(n_samples, SAMPLE_RATE).ok_or(io::Error::new(
            ErrorKind::FileTooLarge,
            "the sound is longer than a WAV file can hold",
        ))?;
        out.write_all(&header)?;
        #[expect(clippy::cast_precision_loss, reason = "a small whole number")]
        let mut kit = Kit::new(SAMPLE_RATE as f32);
        let strokes = self.strokes();
        let tail_beats = TAIL_SECONDS * self.tempo_bpm / 60.0;
        let tail_from = self.sample((self.pattern.loop_beats() - tail_beats).max(0.0));
        // Heard and thrown away: what it leaves ringing in the kit is what counts.
        drop(perform(&mut kit, &self.kit, &strokes, tail_from, n_samples));

        let n_of_bar = self.sample(BAR_BEATS).max(1);
        for start in (0..n_samples).step_by(n_of_bar) {
            if stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(ErrorKind::Interrupted, "it was cancelled"));
            }
            let end = n_samples.min(start + n_of_bar);
            let [left, right] = perform(&mut kit, &self.kit, &strokes, start, end);
            for (left, right) in left.into_iter().zip(right) {
                out.write_all(&wav::frame(left, right))?;
            }
        }
        Ok(())
    }

    /// What the kit plays, at samples of the file.
    fn strokes(&self) -> Vec<Stroke> {
        let strokes = self.pattern.to_strokes(self.feel).into_iter();
        strokes
            .map(|stroke| Stroke {
                sample: self.sample(stroke.onset_beats),
                voice: stroke.voice,
                velocity: stroke.velocity,
                step: nearest_step(stroke.grid_beats).try_into().unwrap_or(0),
            })
            .collect()
    }

    /// The sample that is nearest to a place in the loop.
    fn sample(&self, beats: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in the loop, which is no longer than an hour or two"
        )]
        let sample = (beats * 60.0 / self.tempo_bpm * f64::from(SAMPLE_RATE)).round() as usize;
        sample
    }
}

/// What sounds from one sample to another, with what rings in `kit` already.
fn perform(
    kit: &mut Kit,
    settings: &Settings,
    strokes: &[Stroke],
    start: usize,
    end: usize,
) -> [Vec<f32>; 2] {
    let first = strokes.partition_point(|stroke| stroke.sample < start);
    let after = strokes.partition_point(|stroke| stroke.sample < end);
    let from_start = |stroke: &Stroke| Stroke {
        sample: stroke.sample - start,
        ..*stroke
    };
    let strokes: Vec<Stroke> = strokes[first..after].iter().map(from_start).collect();
    kit.perform(settings, &strokes, end - start)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::editor::export::tests::export;

    fn sound(export: &Export) -> Vec<u8> {
        let mut bytes = Vec::new();
        export
            .write_sound(&mut bytes, &AtomicBool::new(false))
            .unwrap();
        bytes
    }

    fn is_silent(frames: &[u8]) -> bool {
        frames.iter().all(|&byte| byte == 0)
    }

    #[test]
    fn the_sound_is_as_long_as_the_loop_and_sounds_where_its_hits_are() {
        let mut export = export();
        // A ride near the end rings on into the start.
        export.pattern = export.pattern.of_length(32.0);
        let bytes = sound(&export);
        // 32 beats at 97 bpm.
        assert_eq!(bytes.len(), 44 + 6 * 950_103);
        let frame = |beats: f64| 44 + 6 * export.sample(beats);
        assert!(!is_silent(&bytes[frame(0.0)..frame(0.01)]));
        assert!(is_silent(&bytes[frame(12.0)..frame(15.79)]), "long after");
        assert!(!is_silent(&bytes[frame(15.81)..frame(16.0)]), "the ride");
        assert!(!is_silent(&bytes[bytes.len() - 6_000..]));
    }

    #[test]
    fn the_level_is_the_kits_and_a_cancelled_file_is_none() {
        let mut export = export();
        export.kit.gain = 0.0;
        assert!(is_silent(&sound(&export)[44..]));
        let stopped = export.write_sound(&mut Vec::new(), &AtomicBool::new(true));
        assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
