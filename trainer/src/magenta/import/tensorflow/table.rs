//! The sorted table that a checkpoint's index is: blocks of keys and values, and a block that says where they are.
//!
//! A key shares its beginning with the one before it; a block ends with the places where keys start anew, which only
//! a search needs. After each block come a byte that says how it is packed and a checksum.
//!
//! # Source
//! The table format of `LevelDB`, as in TensorFlow's `core/lib/io/table_format.txt`.

use super::message::read_varint;
use std::collections::BTreeMap;

/// A key and its value.
type Row = (Vec<u8>, Vec<u8>);

/// Keys and their values.
pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

pub(in crate::magenta::import) const MAGIC: u64 = 0xdb47_7524_8b80_fb57;

/// Two handles of at most twenty bytes, and the magic number.
pub(in crate::magenta::import) const FOOTER_BYTES: usize = 48;

/// The kind of packing and the checksum.
const TRAILER_BYTES: usize = 5;

/// The most that snappy can unpack a byte to: 64 bytes from a copy of three.
const MAX_EXPANSION: usize = 22;

/// Most rows of a table and most bytes of a key. Keys share their beginnings, so that a few bytes can stand for many.
const MAX_ROWS: usize = 100_000;
const MAX_KEY_BYTES: usize = 1024;

/// All rows of the table.
pub(super) fn read(file: &[u8]) -> Result<Rows, String> {
    let foreign = || "it is no index of a TensorFlow checkpoint, or its end is missing".to_owned();
    let (_, footer) = file
        .split_last_chunk::<FOOTER_BYTES>()
        .ok_or_else(foreign)?;
    let (handles, magic) = footer
        .split_last_chunk::<8>()
        .expect("a footer is longer than its mark");
    if u64::from_le_bytes(*magic) != MAGIC {
        return Err(foreign());
    }
    let mut handles = handles;
    let _meta_index = read_handle(&mut handles)?;
    let index = read_handle(&mut handles)?;

    let mut rows = Rows::new();
    let mut end_of_last = 0;
    for (_, handle) in read_rows(&read_block(file, index)?)? {
        let (start, n_bytes) = read_handle(&mut handle.as_slice())?;
        if start < end_of_last {
            return Err(format!("its block at byte {start} lies in another one"));
        }
        let block = read_block(file, (start, n_bytes))?;
        end_of_last = start + n_bytes;
        for (key, value) in read_rows(&block)? {
            if rows.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err(format!(
                    "`{}` is listed twice or in the wrong place",
                    String::from_utf8_lossy(&key)
                ));
            }
            if rows.len() == MAX_ROWS {
                return Err(format!(
                    "it has more than {MAX_ROWS} entries, which no model has"
                ));
            }
            rows.insert(key, value);
        }
    }
    Ok(rows)
}

/// A place in the file and a length.
fn read_handle(bytes: &mut &[u8]) -> Result<(u64, u64), String> {
    let mut number = || read_varint(bytes).ok_or_else(damaged);
    Ok((number()?, number()?))
}

/// A block, unpacked, its checksum verified.
fn read_block(file: &[u8], (start, n_bytes): (u64, u64)) -> Result<Vec<u8>, String> {
    let part = |start: u64, n_bytes: u64| {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(n_bytes).ok()?)?;
        let end = end.checked_add(TRAILER_BYTES)?;
        file.get(start..end)
    };
    let (packed, checksum) = part(start, n_bytes)
        .and_then(|part| part.split_last_chunk::<4>())
        .ok_or_else(|| format!("its block at byte {start} is not there: it is cut off"))?;
    if mask(crc32c::crc32c(packed)) != u32::from_le_bytes(*checksum) {
        return Err(format!(
            "the checksum of its block at byte {start} does not fit: it is damaged"
        ));
    }
    let (packing, bytes) = packed.split_last().ok_or_else(damaged)?;
    match packing {
        0 => Ok(bytes.to_vec()),
        1 => unpack(bytes).ok_or_else(damaged),
        other => Err(format!("its blocks are packed in an unknown way ({other})")),
    }
}

/// What snappy packed, unless it announces more than these bytes can hold.
fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let announced = snap::raw::decompress_len(bytes).ok()?;
    if announced > bytes.len().saturating_mul(MAX_EXPANSION) {
        return None;
    }
    snap::raw::Decoder::new().decompress_vec(bytes).ok()
}

/// Keys and values of a block in its order.
fn read_rows(block: &[u8]) -> Result<Vec<Row>, String> {
    let (rest, n_restarts) = block.split_last_chunk::<4>().ok_or_else(damaged)?;
    let restarts_bytes = usize::try_from(u32::from_le_bytes(*n_restarts))
        .ok()
        .and_then(|n| n.checked_mul(4));
    let mut rest = restarts_bytes
        .and_then(|n| rest.get(..rest.len().checked_sub(n)?))
        .ok_or_else(damaged)?;
    let mut rows = Vec::new();
    let mut key = Vec::new();
    while !rest.is_empty() && rows.len() <= MAX_ROWS {
        let row = read_row(&mut rest, &key).ok_or_else(damaged)?;
        key.clone_from(&row.0);
        rows.push(row);
    }
    Ok(rows)
}

/// The key and value at the start of `bytes`, which are taken off them.
fn read_row(bytes: &mut &[u8], previous: &[u8]) -> Option<Row> {
    let mut length = || usize::try_from(read_varint(bytes)?).ok();
    let (shared, unshared, n_bytes) = (length()?, length()?, length()?);
    let (end_of_key, rest) = bytes.split_at_checked(unshared)?;
    let (value, rest) = rest.split_at_checked(n_bytes)?;
    *bytes = rest;
    let key = [previous.get(..shared)?, end_of_key].concat();
    (key.len() <= MAX_KEY_BYTES).then(|| (key, value.to_vec()))
}

/// The form in which checksums are stored, so that a checksum of data with checksums in it still tells something.
pub(in crate::magenta::import) fn mask(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn damaged() -> String {
    "it is damaged".to_owned()
}
