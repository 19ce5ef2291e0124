//! Copies the built plugins to where every host of this user looks.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use directories::BaseDirs;

use crate::bundle::{FeatureArgs, bundle_for, copy, replace};
use crate::target::{Os, Target};

/// Builds both plugins and installs them for this user.
///
/// # Errors
/// If the build fails or a plugin folder can't be written.
pub(crate) fn install(args: &FeatureArgs) -> Result<()> {
    let target = Target::here()?;
    let bundles = bundle_for(&target, args)?;
    let folders = PluginFolders::of_user(target.os)?;
    for (built, folder) in [(bundles.clap, folders.clap), (bundles.vst3, folders.vst3)] {
        let name = built.file_name().expect("a bundle has a name");
        let installed = folder.join(name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        replace(&installed, |new| copy(&built, new))
            .with_context(|| format!("installing into {}", folder.display()))?;
        println!("Installed {}", installed.display());
    }
    println!("Rescan the plugins in your host, then load Fourbar as an instrument.");
    Ok(())
}

/// The two folders that a host scans for one user's plugins.
#[derive(Debug, PartialEq)]
pub(crate) struct PluginFolders {
    clap: PathBuf,
    vst3: PathBuf,
}

impl PluginFolders {
    /// # Errors
    /// If the user has no home folder.
    pub(crate) fn of_user(os: Os) -> Result<Self> {
        let folders = BaseDirs::new().context("this user has no home folder")?;
        Ok(Self::of(os, folders.home_dir(), folders.data_local_dir()))
    }

    /// `local_data` is `%LOCALAPPDATA%` and matters on Windows only.
    fn of(os: Os, home: &Path, local_data: &Path) -> Self {
        let (clap, vst3) = match os {
            Os::Linux => (home.join(".clap"), home.join(".vst3")),
            Os::Mac => {
                let plugins = home.join("Library/Audio/Plug-Ins");
                (plugins.join("CLAP"), plugins.join("VST3"))
            }
            Os::Windows => {
                let plugins = local_data.join("Programs/Common");
                (plugins.join("CLAP"), plugins.join("VST3"))
            }
        };
        Self { clap, vst3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_its_own_plugin_folders() {
        let of = |os| PluginFolders::of(os, Path::new("/home/ada"), Path::new("/local"));
        let folders = |clap: &str, vst3: &str| PluginFolders {
            clap: clap.into(),
            vst3: vst3.into(),
        };
        assert_eq!(of(Os::Linux), folders("/home/ada/.clap", "/home/ada/.vst3"));
        assert_eq!(
            of(Os::Mac),
            folders(
                "/home/ada/Library/Audio/Plug-Ins/CLAP",
                "/home/ada/Library/Audio/Plug-Ins/VST3"
            )
        );
        assert_eq!(
            of(Os::Windows),
            folders("/local/Programs/Common/CLAP", "/local/Programs/Common/VST3")
        );
    }
}
