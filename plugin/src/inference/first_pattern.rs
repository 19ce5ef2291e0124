//! The pattern of a new instance, which plays before any checkpoint has been read.
//!
//! It is what the checkpoint of a new instance makes of the default parameters, and lies beside it, in the form in which a
//! project saves it. A test makes it again and compares, so that it cannot be another model's.

use crate::inference::checkpoints::FIRST_PATTERN;
use crate::request::{Ready, Request};

/// The pattern, if it is the one of `request`.
pub(crate) fn of(request: &Request) -> Option<Ready> {
    let ready: Ready = serde_json::from_str(FIRST_PATTERN).ok()?;
    (ready.request == *request).then_some(ready)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::inference::checkpoints;
    use crate::inference::models::Choice;
    use crate::params::FourbarParams;
    use std::sync::Arc;

    /// Set to the path of the file, it makes the test write it: for another checkpoint, or other defaults.
    const FILE: &str = "FOURBAR_FIRST_PATTERN";

    #[test]
    fn the_first_pattern_is_what_the_checkpoint_makes_of_the_defaults() {
        let request = FourbarParams::new(Arc::default()).request(0);
        let mut engine = checkpoints::engine(&Choice::default()).unwrap();
        let made = engine.make(&request, None, None).unwrap();
        if let Some(path) = std::env::var_os(FILE) {
            return std::fs::write(path, serde_json::to_string(&made).unwrap()).unwrap();
        }
        assert_eq!(made.check(), Ok(()));
        assert_eq!(of(&request), Some(made), "{FILE} writes it again");
    }

    #[test]
    fn no_other_request_gets_the_first_pattern() {
        let other = FourbarParams::new(Arc::default()).request(1);
        assert_eq!(of(&other), None);
    }
}
