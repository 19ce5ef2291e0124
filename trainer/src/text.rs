//! Numbers as people read them.

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

#[cfg(test)]
mod tests {
    use super::*;

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
