//! The log of a training: `log.csv`, a row of figures every few steps.

use anyhow::{Result, ensure};
use std::path::Path;

/// What columns of the log were called before there were models of anything but grooves, and what they are called now.
const FORMER_COLUMNS: [(&str, &str); 4] = [
    ("onset_f1", "validation_onset_f1"),
    ("velocity_mae", "validation_velocity_mae"),
    ("timing_mae_ms", "validation_timing_mae_ms"),
    ("kl_bits", "validation_kl_bits"),
];

/// One line of `log.csv`: means since the line before it, and what validation said, where there was one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Steps made.
    pub step: usize,
    /// The other columns in their order, by name; a figure that is missing is not known.
    pub figures: Vec<(String, Option<f64>)>,
}

impl Row {
    /// A figure by its column's name, if it is known.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(column, _)| column == name)?.1
    }

    /// The rows of a log, with the names that its columns have now.
    ///
    /// # Errors
    /// If the file cannot be read or is no log.
    pub fn read_all(path: &Path) -> Result<Vec<Self>> {
        let mut reader = csv::Reader::from_path(path)?;
        let columns = reader.headers()?.clone();
        ensure!(
            columns.get(0) == Some("step"),
            "its first column is not `step`"
        );
        let row = |record: csv::StringRecord| {
            let mut fields = record.iter();
            let step = fields.next().unwrap_or_default().parse()?;
            let figures = columns
                .iter()
                .skip(1)
                .zip(fields)
                .map(|(column, field)| {
                    let known = (!field.is_empty()).then(|| field.parse()).transpose()?;
                    let former = FORMER_COLUMNS.iter().find(|(former, _)| *former == column);
                    let column = former.map_or(column, |(_, now)| now);
                    Ok((column.to_owned(), known))
                })
                .collect::<Result<_>>()?;
            Ok(Self { step, figures })
        };
        reader.into_records().map(|record| row(record?)).collect()
    }
}
