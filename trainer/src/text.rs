//! Numbers and tables as people read them.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};

/// A count with a comma between thousands.
#[must_use]
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Rows below each other, indented: names on the left, figures on the right.
pub fn columns(rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for row in rows {
        let cells = row.into_iter().enumerate().map(|(place, cell)| {
            let side = match place {
                0 => CellAlignment::Left,
                _ => CellAlignment::Right,
            };
            Cell::new(cell).set_alignment(side)
        });
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_padding((2, 0));
    }
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["", "model", "data"], ["hits a bar", "9.5 ± 1.0", "–"]];
        let text = columns(rows.map(|row| row.map(str::to_owned)));
        assert_eq!(
            text,
            "                  model  data\n  hits a bar  9.5 ± 1.0     –\n"
        );
    }

    #[test]
    fn counts_have_a_comma_between_thousands() {
        assert_eq!(
            [0, 7, 123, 999, 1_000, 432_806, 1_000_000, 4_085_019].map(grouped),
            [
                "0",
                "7",
                "123",
                "999",
                "1,000",
                "432,806",
                "1,000,000",
                "4,085,019"
            ]
        );
    }
}
