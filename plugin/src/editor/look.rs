//! How the window looks to its user: zoom and colours, and whether the first hint has been read.
//!
//! Eyes and screens belong to the user and not to a project, so there is one look for all windows of the process, which a
//! file among the user's settings keeps. The size of the window, in points before the zoom, stays with the project.

use super::background::Background;
use crate::files;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, PoisonError, RwLock};
use std::{fs, io};

/// What can be chosen, in per cent.
pub(super) const ZOOMS: [u8; 6] = [75, 100, 125, 150, 175, 200];

/// The colours of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Theme {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

impl Theme {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }
}

/// How the window looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Look {
    /// One of [`ZOOMS`], besides the scale of the display.
    pub(super) zoom_percent: u8,
    pub(super) theme: Theme,
    /// Whether anything was ever pressed in a window.
    pub(super) is_known: bool,
}

/// The look of now, read when the first window asks for it.
static LOOK: LazyLock<RwLock<Look>> =
    LazyLock::new(|| RwLock::new(file().map(|file| Look::read(&file)).unwrap_or_default()));

impl Default for Look {
    fn default() -> Self {
        Self {
            zoom_percent: 100,
            theme: Theme::default(),
            is_known: false,
        }
    }
}

impl Look {
    /// The look of now.
    pub(super) fn now() -> Self {
        *LOOK.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes effect in all windows; the job keeps it for the user, or says what is in the way.
    pub(super) fn use_from_now_on(self) -> Background<()> {
        *LOOK.write().unwrap_or_else(PoisonError::into_inner) = self;
        Background::start_stoppable("fourbar look", move |_| {
            let file = file().ok_or(io::Error::other("there is no home folder"));
            file.and_then(|file| self.write(&file)).map_err(|error| {
                format!("The look of the window could not be remembered: {error}.")
            })
        })
    }

    /// Times as large as at 100 %.
    pub(super) fn zoom(self) -> f32 {
        f32::from(self.zoom_percent) / 100.0
    }

    /// With the choice that is nearest to `percent`.
    pub(super) fn zoomed_to(self, percent: u8) -> Self {
        let nearest = ZOOMS.into_iter().min_by_key(|zoom| zoom.abs_diff(percent));
        Self {
            zoom_percent: nearest.unwrap_or(100),
            ..self
        }
    }

    /// One choice larger, or smaller.
    pub(super) fn zoomed_by(self, step: isize) -> Self {
        let place = ZOOMS.iter().position(|&zoom| zoom == self.zoom_percent);
        let next = place.and_then(|place| place.checked_add_signed(step));
        let zoom = next.and_then(|place| ZOOMS.get(place).copied());
        self.zoomed_to(zoom.unwrap_or(self.zoom_percent))
    }

    /// What the file says; the usual look where there is none or it is damaged.
    fn read(file: &Path) -> Self {
        let text = fs::read(file).unwrap_or_default();
        let look: Self = serde_json::from_slice(&text).unwrap_or_default();
        look.zoomed_to(look.zoom_percent)
    }

    fn write(self, file: &Path) -> io::Result<()> {
        files::replace(file, &serde_json::to_vec(&self)?)
    }
}

fn file() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "fourbar")?;
    Some(folders.config_dir().join("window.json"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_look_is_remembered_and_nonsense_is_the_usual_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config/window.json");
        assert_eq!(Look::read(&file), Look::default());
        let look = Look {
            zoom_percent: 150,
            theme: Theme::Light,
            is_known: true,
        };
        look.write(&file).unwrap();
        assert_eq!(Look::read(&file), look);
        for nonsense in ["", "7", r#"{"theme": "pink"}"#, r#"{"zoom_percent": 999}"#] {
            fs::write(&file, nonsense).unwrap();
            assert_eq!(Look::read(&file), Look::default());
        }
        fs::write(&file, r#"{"zoom_percent": 3}"#).unwrap();
        assert_eq!(Look::read(&file).zoom_percent, 75);
    }

    #[test]
    fn zooming_goes_from_choice_to_choice_and_ends_at_the_last() {
        let look = Look::default();
        assert_eq!(look.zoomed_by(1).zoom_percent, 125);
        assert_eq!(look.zoomed_by(-1).zoomed_by(-1).zoom_percent, 75);
        let largest = (0..9).fold(look, |look, _| look.zoomed_by(1));
        assert_eq!(largest.zoom_percent, 200);
    }
}
