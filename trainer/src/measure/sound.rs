//! Grooves as sound: through the preview kit, and as files that a page can hold.
//!
//! A recording is so many rounds of a loop, and what then still rings. It is one channel: timing and dynamics are judged,
//! not the panorama. Ogg Opus at [`BIT_RATE`] is near to transparent for one channel and a sixteenth of the size of WAV;
//! FLAC, which would be exact, makes a page seven times as large.

use fourbar_kit::{Kit, Settings, Stroke, step_at};
use fourbar_model::groove::Groove;
use opus_pure::{
    Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead, RateControl, Signal,
};
use rayon::prelude::*;

/// Samples a second: Opus's own rate.
pub(super) const SAMPLE_RATE: u16 = 48_000;
/// What comes before the first step: room for the earliest hit that belongs to it, half a step ahead.
const LEAD_BEATS: f64 = 0.125;
/// What comes after the loop's end: longer than any drum rings.
const TAIL_SECONDS: f64 = 2.3;
/// Largest sample of all recordings together; Opus may overshoot a little.
const PEAK: f32 = 0.7;
/// Bits a second that Opus aims at.
const BIT_RATE: i32 = 48_000;
/// Samples in a packet of Opus, 20 ms.
const PACKET_SAMPLES: usize = 960;

/// A groove to be heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loop<'a> {
    pub(super) groove: &'a Groove,
    /// Tempo in quarter notes a minute.
    pub(super) bpm: f64,
}

/// `n_rounds` of each loop as an Ogg Opus file, all with the same gain, so that none is louder than it was played.
///
/// # Errors
/// If the encoder fails.
pub(super) fn record(loops: &[Loop<'_>], n_rounds: u8) -> opus_pure::Result<Vec<Vec<u8>>> {
    let rendered = loops.par_iter().map(|one| render(one, n_rounds));
    let mut sounds: Vec<Vec<f32>> = rendered.collect();
    let samples = sounds.iter().flatten();
    let largest = samples.fold(0.0_f32, |largest, sample| largest.max(sample.abs()));
    let gain = if largest > 0.0 { PEAK / largest } else { 1.0 };
    for sample in sounds.iter_mut().flatten() {
        *sample *= gain;
    }
    sounds.par_iter().map(|samples| encode(samples)).collect()
}

/// The loop through the preview kit, both channels together.
fn render(Loop { groove, bpm }: &Loop<'_>, n_rounds: u8) -> Vec<f32> {
    let pattern = groove.to_pattern();
    let seconds_per_beat = 60.0 / bpm;
    let seconds = |beats: f64| (LEAD_BEATS + beats) * seconds_per_beat;
    let mut strokes = Vec::with_capacity(usize::from(n_rounds) * pattern.hits().len());
    for round in 0..n_rounds {
        let start_beats = f64::from(round) * pattern.loop_beats();
        strokes.extend(pattern.hits().iter().map(|hit| Stroke {
            sample: sample_at(seconds(start_beats + hit.grid_beats + hit.offset_beats)),
            voice: hit.voice,
            velocity: hit.velocity,
            step: step_at(start_beats + hit.grid_beats),
        }));
    }
    strokes.sort_by_key(|stroke| stroke.sample);
    let end_seconds = seconds(f64::from(n_rounds) * pattern.loop_beats()) + TAIL_SECONDS;
    let [left, right] = Kit::new(f32::from(SAMPLE_RATE)).perform(
        &Settings::default(),
        &strokes,
        sample_at(end_seconds),
    );
    let channels = left.iter().zip(&right);
    channels.map(|(left, right)| 0.5 * (left + right)).collect()
}

/// The sample at which something happens, counted from the recording's start; what would be before it is at the start.
fn sample_at(seconds: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion saturates, and recordings are minutes long at most"
    )]
    let sample = (seconds * f64::from(SAMPLE_RATE)).round() as usize;
    sample
}

/// One channel as an Ogg Opus file that decodes to as many samples.
///
/// # Errors
/// If the encoder fails.
///
/// # Source
/// RFC 7845, sections 4.2 and 4.4: the encoder's delay before the sound, and the end in the last page's granule position.
fn encode(samples: &[f32]) -> opus_pure::Result<Vec<u8>> {
    let mut encoder = OpusEncoder::new(i32::from(SAMPLE_RATE), 1, Application::Audio)?;
    encoder.bitrate_bps = BIT_RATE;
    encoder.rate_control = RateControl::Vbr;
    encoder.signal_type = Some(Signal::Music);
    let head = OpusHead::for_encoder(&encoder, u32::from(SAMPLE_RATE));
    let n_decoded = usize::from(head.pre_skip) + samples.len();
    let mut writer = OggOpusWriter::new(Vec::new(), head)?;

    // Silence after the end brings out what is still inside the encoder.
    let mut padded = samples.to_vec();
    padded.resize(n_decoded.next_multiple_of(PACKET_SAMPLES), 0.0);
    let mut packet = vec![0; MAX_PACKET_BYTES];
    for (start, block) in (0..)
        .step_by(PACKET_SAMPLES)
        .zip(padded.chunks(PACKET_SAMPLES))
    {
        let n_bytes = encoder.encode(block, PACKET_SAMPLES, &mut packet)?;
        let n_played = PACKET_SAMPLES.min(n_decoded - start);
        let n_played = u32::try_from(n_played).expect("a packet is short");
        writer.write_packet_with_duration(&packet[..n_bytes], n_played)?;
    }
    writer.finish()
}
