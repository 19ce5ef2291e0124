//! Scalars for TensorBoard, in its own file format.
//!
//! # Source
//! TensorFlow's record format (length, masked CRC-32C of it, data, masked CRC-32C of that) around `Event` messages of
//! `event.proto`: `wall_time` = 1, `step` = 2, `file_version` = 3, `summary` = 5; a summary's `value` = 1 has `tag` = 1
//! and `simple_value` = 2.

use crate::files::cannot_write;
use anyhow::Result;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// An event file that scalars are appended to.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Starts a new event file in `folder`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(format!("events.out.tfevents.{:.0}.fourbar", wall_time()));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| cannot_write(&path, error))?;
        let mut events = Self { path, file };
        events.write(&event(0, &string_field(3, b"brain.Event:2")))?;
        Ok(events)
    }

    /// Appends one value for each tag.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn scalars(&mut self, step: usize, values: &[(String, f64)]) -> Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in values {
            let mut entry = string_field(1, tag.as_bytes());
            entry.push(2 << 3 | 5);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the format has single precision"
            )]
            entry.extend((*value as f32).to_le_bytes());
            summary.extend(string_field(1, &entry));
        }
        self.write(&event(step, &string_field(5, &summary)))
    }

    fn write(&mut self, data: &[u8]) -> Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_crc(&length).to_le_bytes());
        record.extend(data);
        record.extend(masked_crc(data).to_le_bytes());
        self.file
            .write_all(&record)
            .map_err(|error| cannot_write(&self.path, error))
    }
}

fn wall_time() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

fn event(step: usize, content: &[u8]) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend(wall_time().to_le_bytes());
    event.push(2 << 3);
    event.extend(varint(step));
    event.extend(content);
    event
}

fn string_field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    field.extend(varint(bytes.len()));
    field.extend(bytes);
    field
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits fit a byte")]
        let low = (value & 0x7F) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop here")]

    use super::*;

    /// Checked once against `tbparse` 0.0.9, which read the same values back.
    #[test]
    fn records_carry_their_length_and_checksums() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path()).unwrap();
        events.scalars(300, &[("loss".to_owned(), 1.5)]).unwrap();
        let bytes = std::fs::read(&events.path).unwrap();
        let mut rest = &bytes[..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap());
            assert_eq!(rest[8..12], masked_crc(&rest[..8]).to_le_bytes());
            let (data, after) = rest[12..].split_at(usize::try_from(length).unwrap());
            assert_eq!(after[..4], masked_crc(data).to_le_bytes());
            records.push(data);
            rest = &after[4..];
        }
        assert_eq!(records.len(), 2);
        assert_eq!(records[1][9..12], [0x10, 0xAC, 0x02]);
        assert!(records[1].ends_with(&1.5f32.to_le_bytes()));
    }
}
