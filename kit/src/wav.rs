//! Stereo audio as a 24-bit WAV file: its header, and frame after frame.

const N_CHANNELS: u16 = 2;
const BYTES_PER_SAMPLE: u16 = 3;
const BYTES_PER_FRAME: u16 = N_CHANNELS * BYTES_PER_SAMPLE;
const FULL_SCALE: f32 = 8_388_607.0;

/// What comes before `n_frames` frames; `None` if the format cannot count so many.
#[must_use]
pub fn header(n_frames: usize, sample_rate: u32) -> Option<[u8; 44]> {
    let n_bytes = n_frames.checked_mul(usize::from(BYTES_PER_FRAME))?;
    let n_bytes = u32::try_from(n_bytes).ok()?;
    let n_bytes_after_riff = n_bytes.checked_add(36)?;
    let bytes_per_second = sample_rate.checked_mul(u32::from(BYTES_PER_FRAME))?;
    let mut header = [0; 44];
    let parts: [&[u8]; 12] = [
        b"RIFF",
        &n_bytes_after_riff.to_le_bytes(),
        b"WAVEfmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(), // whole numbers
        &N_CHANNELS.to_le_bytes(),
        &sample_rate.to_le_bytes(),
        &bytes_per_second.to_le_bytes(),
        &BYTES_PER_FRAME.to_le_bytes(),
        &(BYTES_PER_SAMPLE * 8).to_le_bytes(),
        b"data",
        &n_bytes.to_le_bytes(),
    ];
    let mut at = 0;
    for part in parts {
        header[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    Some(header)
}

/// One frame; what is louder than full scale is cut.
#[must_use]
pub fn frame(left: f32, right: f32) -> [u8; 6] {
    let [l, r] = [left, right].map(|sample| {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 24 bits")]
        let number = (sample.clamp(-1.0, 1.0) * FULL_SCALE).round() as i32;
        number.to_le_bytes()
    });
    [l[0], l[1], l[2], r[0], r[1], r[2]]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    #[test]
    fn samples_are_24_bit_numbers_after_44_bytes_of_header() {
        let bytes = header(2, 48_000).unwrap();
        assert_eq!(&bytes[..4], b"RIFF");
        assert_eq!(bytes[4..8], 48_u32.to_le_bytes());
        assert_eq!(bytes[24..28], 48_000_u32.to_le_bytes());
        assert_eq!(bytes[40..], 12_u32.to_le_bytes());
        assert_eq!(frame(1.0, -1.0), [0xff, 0xff, 0x7f, 0x01, 0x00, 0x80]);
        assert_eq!(frame(0.0, 2.0), [0, 0, 0, 0xff, 0xff, 0x7f]);
    }

    #[test]
    fn more_than_the_format_can_count_is_refused() {
        assert!(header(715_827_000, 48_000).is_some());
        assert_eq!(header(715_830_000, 48_000), None);
        assert_eq!(header(usize::MAX, 48_000), None);
    }
}
