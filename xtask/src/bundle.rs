//! The built plugin library -> `bundles/plugins/Fourbar.clap` and `Fourbar.vst3`, laid out as hosts look for them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::artifact::Build;
use crate::command::repository;
use crate::target::{Os, Target};
use crate::third_party::{self, notices};

/// Options of every task that builds the plugin.
#[derive(Args)]
pub(crate) struct FeatureArgs {
    /// Features of the plugin to build with, such as `cuda` or `metal`.
    #[arg(long, value_delimiter = ',')]
    pub(crate) features: Vec<String>,
}

/// Options of the tasks that build it for other systems, too.
#[derive(Args)]
pub(crate) struct BundleArgs {
    #[command(flatten)]
    pub(crate) build: FeatureArgs,
    /// The system and processor as rustc names them, such as x86_64-pc-windows-gnu, or universal-apple-darwin for both of
    /// macOS [default: those of this machine]
    #[arg(long, value_name = "TARGET")]
    target: Option<Target>,
    /// The root manifest's profile to build with: `quick` is compiled soon and runs slowly
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
}

impl BundleArgs {
    /// What was asked for, else this system.
    ///
    /// # Errors
    /// If no host runs on this system.
    pub(crate) fn target(&self) -> Result<Target> {
        self.target.clone().map_or_else(Target::here, Ok)
    }
}

/// The two plugins as files or folders that can be copied whole.
pub(crate) struct Bundles {
    /// `Fourbar.clap`.
    pub(crate) clap: PathBuf,
    /// `Fourbar.vst3`.
    pub(crate) vst3: PathBuf,
}

/// Builds the plugin with optimisation and lays out both bundles.
///
/// # Errors
/// If the build fails or a file can't be written.
pub(crate) fn bundle(args: &BundleArgs) -> Result<Bundles> {
    bundle_of(&Build {
        profile: &args.profile,
        features: &args.build.features,
        target: &args.target()?,
        glibc: None,
    })
}

/// Builds the plugin for this system with optimisation and lays out both bundles.
///
/// # Errors
/// As of [`bundle`].
pub(crate) fn bundle_for(target: &Target, args: &FeatureArgs) -> Result<Bundles> {
    bundle_of(&Build {
        profile: "release",
        features: &args.features,
        target,
        glibc: None,
    })
}

fn bundle_of(build: &Build) -> Result<Bundles> {
    lay_out(&build.library()?, build.target)
}

/// Lays out both bundles of a library, and the notices beside them.
///
/// # Errors
/// If a file can't be read or written.
pub(crate) fn lay_out(library: &Path, target: &Target) -> Result<Bundles> {
    let notices = notices(target)?;
    let folder = repository().join("bundles/plugins");
    let os = target.os;
    let bundles = Bundles {
        clap: folder.join("Fourbar.clap"),
        vst3: folder.join("Fourbar.vst3"),
    };
    let vst3_library = vst3_library(os, &target.arch);
    write_bundle(library, &notices, &bundles.clap, clap_library(os), os)?;
    write_bundle(library, &notices, &bundles.vst3, &vst3_library, os)?;
    write_file(&folder.join(third_party::FILE_NAME), &notices)?;
    println!("CLAP  {}", bundles.clap.display());
    println!("VST3  {}", bundles.vst3.display());
    Ok(bundles)
}

/// The library's place inside `Fourbar.clap`; empty where that is the library itself.
fn clap_library(os: Os) -> &'static str {
    match os {
        Os::Linux | Os::Windows => "",
        Os::Mac => "Contents/MacOS/Fourbar",
    }
}

/// The library's place inside `Fourbar.vst3`, for the processor as Rust names it.
fn vst3_library(os: Os, arch: &str) -> String {
    match os {
        Os::Linux => format!("Contents/{arch}-linux/Fourbar.so"),
        Os::Windows if arch == "aarch64" => "Contents/arm64-win/Fourbar.vst3".to_owned(),
        Os::Windows => format!("Contents/{arch}-win/Fourbar.vst3"),
        Os::Mac => "Contents/MacOS/Fourbar".to_owned(),
    }
}

/// Writes one bundle: the library at `place` inside it (empty: the bundle is the library), and the notices with it.
fn write_bundle(library: &Path, notices: &str, bundle: &Path, place: &str, os: Os) -> Result<()> {
    let complete = replace(bundle, |new| {
        if place.is_empty() {
            return copy_file(library, new);
        }
        copy_file(library, &new.join(place))?;
        let resources = new.join("Contents/Resources");
        write_file(&resources.join(third_party::FILE_NAME), notices)?;
        if os == Os::Mac {
            write_file(&new.join("Contents/Info.plist"), &info_plist())?;
            write_file(&new.join("Contents/PkgInfo"), "BNDL????")?;
            sign(new)?;
        }
        Ok(())
    });
    complete.with_context(|| format!("writing the plugin {}", bundle.display()))
}

/// Puts what `write` makes at a path beside `destination` in the place of `destination`, which stays as it was if `write` fails or
/// a host does not let go of it.
///
/// A host that has the old plugin loaded keeps it: its file is unlinked, never overwritten.
pub(crate) fn replace(destination: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let beside = |ending: &str| {
        let mut path = destination.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    let (new, old) = (beside(".new"), beside(".old"));
    remove(&new)?;
    remove(&old)?;
    write(&new)?;
    // Away as a whole: removing a folder piece by piece could end at the library that is loaded, and leave half of it.
    if destination.symlink_metadata().is_ok() {
        rename(destination, &old)?;
    }
    rename(&new, destination)?;
    remove(&old)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| {
        let (from, to) = (from.display(), to.display());
        format!("renaming {from} to {to}{}", remedy())
    })
}

/// Copies a file or a whole folder.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return copy_file(from, to);
    }
    let entries = fs::read_dir(from).with_context(|| format!("reading {}", from.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("reading {}", from.display()))?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    create_parent(to)?;
    fs::copy(from, to)
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(())
}

pub(crate) fn write_file(path: &Path, text: &str) -> Result<()> {
    create_parent(path)?;
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn create_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))
}

fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    removed.with_context(|| format!("removing {}{}", path.display(), remedy()))
}

/// What to do about a file that cannot be taken away: Windows keeps the library that a host has loaded.
fn remedy() -> &'static str {
    if cfg!(windows) {
        " (close the host that has the plugin loaded and try again)"
    } else {
        ""
    }
}

/// What a macOS host reads before it loads the library.
fn info_plist() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
  <dict>
    <key>CFBundleExecutable</key>
    <string>Fourbar</string>
    <key>CFBundleIdentifier</key>
    <string>org.fourbar.fourbar</string>
    <key>CFBundleName</key>
    <string>Fourbar</string>
    <key>CFBundleDisplayName</key>
    <string>Fourbar</string>
    <key>CFBundlePackageType</key>
    <string>BNDL</string>
    <key>CFBundleSignature</key>
    <string>????</string>
    <key>CFBundleShortVersionString</key>
    <string>{version}</string>
    <key>CFBundleVersion</key>
    <string>{version}</string>
    <key>LSMinimumSystemVersion</key>
    <string>11.0</string>
    <key>NSHighResolutionCapable</key>
    <true/>
  </dict>
</plist>
"#
    )
}

/// Apple's loader refuses bundles and programs without at least a local signature.
pub(crate) fn sign(code: &Path) -> Result<()> {
    if std::env::consts::OS != "macos" {
        return Ok(());
    }
    crate::command::run(
        std::process::Command::new("codesign")
            .args(["--force", "--sign", "-"])
            .arg(code),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tree(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let place = path.strip_prefix(folder).unwrap();
                    found.push(place.to_str().unwrap().replace('\\', "/"));
                }
            }
        }
        found.sort();
        found
    }

    fn bundle_tree(os: Os, arch: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("library");
        fs::write(&library, "machine code").unwrap();
        let plugins = folder.path().join("plugins");
        let (clap, vst3) = (plugins.join("Fourbar.clap"), plugins.join("Fourbar.vst3"));
        write_bundle(&library, "notices", &clap, clap_library(os), os).unwrap();
        write_bundle(&library, "notices", &vst3, &vst3_library(os, arch), os).unwrap();
        tree(&plugins)
    }

    #[test]
    fn linux_hosts_find_a_clap_file_and_a_vst3_folder() {
        assert_eq!(
            bundle_tree(Os::Linux, "x86_64"),
            [
                "Fourbar.clap",
                "Fourbar.vst3/Contents/Resources/THIRD-PARTY.txt",
                "Fourbar.vst3/Contents/x86_64-linux/Fourbar.so"
            ]
        );
    }

    #[test]
    fn windows_hosts_find_a_clap_file_and_a_vst3_folder_named_by_processor() {
        assert_eq!(
            bundle_tree(Os::Windows, "x86_64"),
            [
                "Fourbar.clap",
                "Fourbar.vst3/Contents/Resources/THIRD-PARTY.txt",
                "Fourbar.vst3/Contents/x86_64-win/Fourbar.vst3"
            ]
        );
        assert_eq!(
            vst3_library(Os::Windows, "aarch64"),
            "Contents/arm64-win/Fourbar.vst3"
        );
    }

    #[test]
    fn mac_hosts_find_two_bundles_with_their_property_lists() {
        let files = [
            "Info.plist",
            "MacOS/Fourbar",
            "PkgInfo",
            "Resources/THIRD-PARTY.txt",
        ];
        let expected: Vec<_> = ["clap", "vst3"]
            .iter()
            .flat_map(|kind| files.map(|file| format!("Fourbar.{kind}/Contents/{file}")))
            .collect();
        assert_eq!(bundle_tree(Os::Mac, "aarch64"), expected);
        assert!(info_plist().contains("<string>Fourbar</string>"));
    }

    #[test]
    fn an_old_bundle_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::create_dir(&old).unwrap();
        fs::write(old.join("stale"), "").unwrap();
        fs::create_dir(&new).unwrap();
        fs::write(new.join("fresh"), "").unwrap();
        replace(&old, |place| copy(&new, place)).unwrap();
        assert_eq!(tree(&old), ["fresh"]);
        assert_eq!(tree(folder.path()), ["new/fresh", "old/fresh"]);
    }

    #[test]
    #[cfg(windows)]
    fn a_plugin_that_a_host_has_loaded_stays_whole_and_the_remedy_is_said() {
        use std::os::windows::fs::OpenOptionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let plugin = folder.path().join("Fourbar.vst3");
        let library = plugin.join("Contents/x86_64-win/Fourbar.vst3");
        write_file(&library, "old").unwrap();
        // Nobody else may open or move it, as the system does with a library that is loaded.
        let loaded = fs::File::options().read(true).share_mode(0).open(&library);
        let error = replace(&plugin, |new| write_file(&new.join("file"), "new")).unwrap_err();
        assert!(format!("{error:#}").contains("close the host"), "{error:#}");
        drop(loaded);
        assert_eq!(tree(&plugin), ["Contents/x86_64-win/Fourbar.vst3"]);
    }
}
