//! Stereo audio -> the bytes of a 24-bit WAV file.

use anyhow::{Context as _, Result};

const N_CHANNELS: u16 = 2;
const BYTES_PER_SAMPLE: u16 = 3;
const FULL_SCALE: f32 = 8_388_607.0;

/// # Errors
/// If the audio is longer than the format can hold.
pub(crate) fn file(audio: &[[f32; 2]], sample_rate: u32) -> Result<Vec<u8>> {
    let bytes_per_frame = N_CHANNELS * BYTES_PER_SAMPLE;
    let n_bytes = u32::try_from(audio.len() * usize::from(bytes_per_frame))
        .ok()
        .filter(|n_bytes| *n_bytes < u32::MAX - 64)
        .context("the audio is longer than a WAV file can hold")?;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + n_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes()); // whole numbers
    bytes.extend(N_CHANNELS.to_le_bytes());
    bytes.extend(sample_rate.to_le_bytes());
    bytes.extend((sample_rate * u32::from(bytes_per_frame)).to_le_bytes());
    bytes.extend(bytes_per_frame.to_le_bytes());
    bytes.extend((BYTES_PER_SAMPLE * 8).to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(n_bytes.to_le_bytes());
    for sample in audio.iter().flatten() {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 24 bits")]
        let number = (sample.clamp(-1.0, 1.0) * FULL_SCALE).round() as i32;
        bytes.extend(&number.to_le_bytes()[..3]);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn samples_are_24_bit_numbers_after_44_bytes_of_header() {
        let bytes = file(&[[1.0, -1.0], [0.0, 2.0]], 48_000).unwrap();
        assert_eq!(bytes.len(), 44 + 2 * 6);
        assert_eq!(&bytes[..4], b"RIFF");
        assert_eq!(bytes[4..8], 48_u32.to_le_bytes());
        assert_eq!(bytes[24..28], 48_000_u32.to_le_bytes());
        assert_eq!(&bytes[44..50], [0xff, 0xff, 0x7f, 0x01, 0x00, 0x80]);
        assert_eq!(&bytes[50..], [0, 0, 0, 0xff, 0xff, 0x7f]);
    }
}
