//! What a saved project holds, read and written as the JSON that it is.

use fourbar_plugin::request::Ready;
use serde_json::Value;

use super::{Host, Player};

/// The field of the state that holds the finished pattern.
const PATTERN: &str = "pattern";

/// The state as JSON.
pub(crate) fn json<H: Host>(host: &mut H) -> Value {
    let state = host.save();
    serde_json::from_slice(H::json_of_state(&state)).unwrap()
}

/// A state with this JSON inside.
pub(crate) fn of_json<H: Host>(json: &Value) -> Vec<u8> {
    H::state_of_json(&serde_json::to_vec(json).unwrap())
}

/// The finished pattern in a saved state, if it has one.
pub(crate) fn pattern_in(json: &Value) -> Option<Ready> {
    let text = json["fields"][PATTERN].as_str()?;
    serde_json::from_str::<Option<Ready>>(text).unwrap()
}

/// Puts a pattern into a state.
pub(crate) fn set_pattern(json: &mut Value, ready: &Ready) {
    json["fields"][PATTERN] = serde_json::to_string(&Some(ready)).unwrap().into();
}

impl<H: Host> Player<H> {
    /// The newest finished pattern, which is also what the plugin saves.
    pub(crate) fn pattern(&mut self) -> Option<Ready> {
        pattern_in(&json(&mut self.host))
    }

    /// Lets the plugin process stopped blocks until it has made the pattern that `is_wanted`.
    ///
    /// Fails after a minute, hundreds of times what it takes, as other tests may take all of the machine.
    pub(crate) fn wait_for_pattern(&mut self, is_wanted: impl Fn(&Ready) -> bool) -> Ready {
        let start = std::time::Instant::now();
        loop {
            self.run(64);
            if let Some(ready) = self.pattern().filter(&is_wanted) {
                return ready;
            }
            assert!(
                start.elapsed().as_secs() < 60,
                "no such pattern in a minute"
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}
