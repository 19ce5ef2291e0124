//! A path in the state of a run, which is JSON: its text, or its bytes where Unix has a name that is no text.

use serde::{Deserialize, Serialize};
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// A path that is read as it was written, whatever its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub(super) struct SavedPath(PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<PathBuf> for SavedPath {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Deref for SavedPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl From<SavedPath> for Written {
    fn from(SavedPath(path): SavedPath) -> Self {
        match path.into_os_string().into_string() {
            Ok(text) => Self::Text(text),
            Err(name) => Self::Bytes(name.into_encoded_bytes()),
        }
    }
}

impl TryFrom<Written> for SavedPath {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Text(text) => Ok(Self(text.into())),
            #[cfg(unix)]
            Written::Bytes(bytes) => {
                let name: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
                Ok(Self(name.into()))
            }
            #[cfg(not(unix))]
            Written::Bytes(_) => Err("the run has paths that this system cannot have: give --data"),
        }
    }
}
