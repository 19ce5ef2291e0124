//! Values as texts that a person can read and that parse back.

use super::{MAX_LEVEL_DB, MIN_LEVEL_DB};
use nice_plug::prelude::util;

/// The number that `text` begins with, whatever unit or remark follows.
pub(super) fn leading_number(text: &str) -> Option<f32> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c)))
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

/// A value that is shown as zero has no sign.
pub(super) fn without_negative_zero(value: f32, n_digits: i32) -> f32 {
    let unit = 10_f32.powi(n_digits);
    if (value * unit).round() == 0.0 {
        0.0
    } else {
        value
    }
}

/// A share of -1 to 1 in per cent, with its sign.
pub(super) fn signed_percent(share: f32) -> String {
    let percent = without_negative_zero(100.0 * share, 0);
    if percent == 0.0 {
        "0".to_owned()
    } else {
        format!("{percent:+.0}")
    }
}

/// A share in per cent.
pub(super) fn percent(share: f32) -> String {
    format!("{:.0}", 100.0 * share)
}

/// The share that [`percent`] and [`signed_percent`] show.
pub(super) fn share_of_percent(text: &str) -> Option<f32> {
    Some(leading_number(text)? / 100.0)
}

pub(super) fn temperature_text(temperature: f32) -> String {
    let text = format!("{temperature:.2}");
    // By the text, which is all that can be read back.
    if text == "0.00" {
        text + " (most likely)"
    } else {
        text
    }
}

/// Linear gain of a level in decibels; 0 at the bottom of the range.
pub(super) fn gain_of_level(level_db: f32) -> f32 {
    if is_off(level_db) {
        0.0
    } else {
        util::db_to_gain(level_db.min(MAX_LEVEL_DB))
    }
}

/// Whether the kit is off at a level: at the bottom of the range, and as near to it as the text tells apart.
pub(super) fn is_off(level_db: f32) -> bool {
    (10.0 * level_db).round() <= 10.0 * MIN_LEVEL_DB
}

pub(super) fn level_text(level_db: f32) -> String {
    if is_off(level_db) {
        "-inf".to_owned()
    } else {
        format!("{:.1}", without_negative_zero(level_db, 1))
    }
}

pub(super) fn level_of_text(text: &str) -> Option<f32> {
    let is_off = text.trim().to_ascii_lowercase().starts_with("-inf");
    if is_off {
        Some(MIN_LEVEL_DB)
    } else {
        leading_number(text)
    }
}
