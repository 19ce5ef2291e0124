//! What a project saves besides the parameters: what [`Shared`] holds for the worker and the editor anyway.

use crate::inference::models::Choice;
use crate::request::{Input, Locks, Ready};
use crate::shared::Shared;
use nice_plug::params::persist::PersistentField;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// The persisted pattern: what [`Shared`] holds for the editor anyway.
pub struct PatternField(pub(super) Arc<Shared>);

/// A pattern on its way to or from a project file.
pub enum SavedPattern {
    /// A pattern, or none yet.
    Whole(Option<Arc<Ready>>),
    /// What is wrong with the one that was found.
    Damaged(String),
}

impl Serialize for SavedPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(Some(ready)) => ready.serialize(serializer),
            Self::Whole(None) | Self::Damaged(_) => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for SavedPattern {
    /// Never fails on well-formed text, so that a damaged pattern is reported and does not pass in silence.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let checked =
            serde_json::from_value::<Option<Ready>>(value).map_err(|error| error.to_string());
        let checked = checked.and_then(|ready| {
            ready.as_ref().map_or(Ok(()), Ready::check)?;
            Ok(ready.map(Arc::new))
        });
        Ok(checked.map_or_else(Self::Damaged, Self::Whole))
    }
}

impl PersistentField<'_, SavedPattern> for PatternField {
    fn set(&self, saved: SavedPattern) {
        self.0.snapshot().restore(match saved {
            SavedPattern::Whole(ready) => Ok(ready),
            SavedPattern::Damaged(problem) => Err(problem),
        });
    }

    fn map<F: Fn(&SavedPattern) -> R, R>(&self, f: F) -> R {
        let ready = self.0.snapshot().ready.clone();
        f(&SavedPattern::Whole(ready))
    }
}

/// The persisted choice of a model: what [`Shared`] holds for the worker anyway.
pub struct ModelField(pub(super) Arc<Shared>);

impl PersistentField<'_, Choice> for ModelField {
    fn set(&self, choice: Choice) {
        self.0.restore_choice(choice);
    }

    fn map<F: Fn(&Choice) -> R, R>(&self, f: F) -> R {
        let choice = self.0.snapshot().choice.clone();
        f(&choice)
    }
}

/// The persisted locks: what [`Shared`] holds for the worker anyway.
pub struct LocksField(pub(super) Arc<Shared>);

impl PersistentField<'_, Option<Locks>> for LocksField {
    fn set(&self, locks: Option<Locks>) {
        self.0.change_locks(locks.map(Arc::new));
    }

    fn map<F: Fn(&Option<Locks>) -> R, R>(&self, f: F) -> R {
        let locks = self.0.snapshot().locks().cloned();
        f(&locks.as_deref().cloned())
    }
}

/// The persisted rhythm that was put in: what [`Shared`] holds for the worker anyway.
pub struct InputField(pub(super) Arc<Shared>);

impl PersistentField<'_, Option<Input>> for InputField {
    fn set(&self, input: Option<Input>) {
        self.0.change_input(input.map(Arc::new));
    }

    fn map<F: Fn(&Option<Input>) -> R, R>(&self, f: F) -> R {
        let input = self.0.snapshot().input().cloned();
        f(&input.as_deref().cloned())
    }
}
