//! What a user of this system downloads: one archive with the plugins, the command, their licences and how to install
//! them, and its checksum.

mod glibc;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::artifact::Build;
use crate::bundle::{self, BundleArgs, Bundles, copy, replace, sign, write_file};
use crate::command::{find_program, repository};
use crate::target::{Os, Target};
use crate::third_party;

/// What is in every archive as it is in the repository.
const DOCUMENTS: [&str; 5] = [
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// Builds everything with optimisation and packs it into `bundles/dist/`.
///
/// # Errors
/// If a build fails, is of no use on older systems, or a file can't be written.
pub(crate) fn dist(args: &BundleArgs) -> Result<()> {
    dist_for(&args.target()?, &args.profile, &args.build.features)
}

/// [`dist`] for a system, with a profile and features.
///
/// # Errors
/// As of [`dist`].
pub(crate) fn dist_for(target: &Target, profile: &str, features: &[String]) -> Result<()> {
    let has_zig = target.has_glibc() && find_program("cargo-zigbuild").is_some();
    let build = Build {
        profile,
        features,
        target,
        glibc: has_zig.then(|| glibc::OLDEST.to_string()),
    };
    build.forget_library()?;
    let [library, program] = build.library_and_program()?;
    if target.has_glibc() {
        glibc::check(&library)?;
        glibc::check(&program)?;
    }
    let bundles = bundle::lay_out(&library, target)?;
    let name = archive_name(target);
    let folder = repository().join("bundles/dist");
    let content = folder.join(&name);
    replace(&content, |new| lay_out(&bundles, &program, target.os, new))
        .with_context(|| format!("putting together {}", content.display()))?;
    let archive = folder.join(format!("{name}.zip"));
    replace(&archive, |new| pack(&content, &name, new))
        .with_context(|| format!("packing {}", archive.display()))?;
    let checksum = folder.join(format!("{name}.zip.sha256"));
    write_file(&checksum, &checksum_line(&archive)?)?;
    println!("{}\n{}", archive.display(), checksum.display());
    Ok(())
}

/// Version, system and processor, in the words that users have for them.
fn archive_name(target: &Target) -> String {
    let system = match target.os {
        Os::Linux => "linux",
        Os::Windows => "windows",
        Os::Mac => "macos",
    };
    let processor = match &*target.arch {
        "aarch64" => "arm64",
        other => other,
    };
    format!("fourbar-{}-{system}-{processor}", env!("CARGO_PKG_VERSION"))
}

/// How to install what nobody has signed.
fn instructions(os: Os) -> &'static str {
    match os {
        Os::Linux => include_str!("dist/linux.txt"),
        Os::Windows => include_str!("dist/windows.txt"),
        Os::Mac => include_str!("dist/macos.txt"),
    }
}

/// Puts everything that belongs into the archive into a folder.
fn lay_out(bundles: &Bundles, program: &Path, os: Os, folder: &Path) -> Result<()> {
    let beside_the_plugins = bundles.clap.with_file_name(third_party::FILE_NAME);
    let documents = DOCUMENTS.map(|name| repository().join(name));
    let files = [&bundles.clap, &bundles.vst3, &beside_the_plugins];
    for file in files.into_iter().chain(&documents) {
        copy(file, &in_folder(folder, file))?;
    }
    let packed_program = in_folder(folder, program);
    copy(program, &packed_program)?;
    if os == Os::Mac {
        sign(&packed_program)?;
    }
    write_file(&folder.join("INSTALL.txt"), instructions(os))
}

fn in_folder(folder: &Path, file: &Path) -> PathBuf {
    folder.join(file.file_name().unwrap_or_default())
}

/// Packs a folder under `name`; the same content gives the same bytes.
fn pack(folder: &Path, name: &str, archive: &Path) -> Result<()> {
    let mut zip = ZipWriter::new(File::create(archive)?);
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        if !entry.file_type().is_file() {
            continue;
        }
        let place = Path::new(name).join(entry.path().strip_prefix(folder)?);
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(mode(&entry.metadata()?));
        zip.start_file_from_path(place, options)?;
        io::copy(&mut File::open(entry.path())?, &mut zip)?;
    }
    zip.finish()?;
    Ok(())
}

/// Who may read and run a file.
#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode()
}

/// Who may read and run a file: nobody asks on this system.
#[cfg(not(unix))]
fn mode(_metadata: &fs::Metadata) -> u32 {
    0o644
}

/// A line that `sha256sum --check` reads.
fn checksum_line(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{hex}  {name}\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read as _;
    use zip::ZipArchive;

    #[test]
    fn an_archive_is_called_by_what_its_users_know() {
        let version = env!("CARGO_PKG_VERSION");
        for (triple, expected) in [
            ("x86_64-unknown-linux-gnu", "linux-x86_64"),
            ("aarch64-pc-windows-msvc", "windows-arm64"),
            ("universal-apple-darwin", "macos-universal"),
        ] {
            let name = archive_name(&triple.parse().unwrap());
            assert_eq!(name, format!("fourbar-{version}-{expected}"));
        }
    }

    #[test]
    fn an_archive_has_everything_that_its_instructions_speak_of() {
        let built = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = built.path().join(name);
            write_file(&path, name).unwrap();
            path
        };
        file("Fourbar.vst3/Contents/x86_64-linux/Fourbar.so");
        file(third_party::FILE_NAME);
        let bundles = Bundles {
            clap: file("Fourbar.clap"),
            vst3: built.path().join("Fourbar.vst3"),
        };
        let folder = built.path().join("content");
        lay_out(&bundles, &file("fourbar"), Os::Linux, &folder).unwrap();
        let archive = built.path().join("archive.zip");
        pack(&folder, "top", &archive).unwrap();

        let mut zip = ZipArchive::new(File::open(&archive).unwrap()).unwrap();
        for place in [
            "top/Fourbar.clap",
            "top/Fourbar.vst3/Contents/x86_64-linux/Fourbar.so",
            "top/fourbar",
            "top/INSTALL.txt",
            "top/LICENSE-APACHE",
            "top/README.md",
            "top/THIRD-PARTY.txt",
        ] {
            assert!(zip.by_name(place).is_ok(), "{place} is missing");
        }
        let mut content = String::new();
        let mut program = zip.by_name("top/fourbar").unwrap();
        program.read_to_string(&mut content).unwrap();
        assert_eq!(content, "fourbar");
    }

    #[test]
    #[cfg(unix)]
    fn programs_stay_programs_and_the_same_content_gives_the_same_archive() {
        use std::os::unix::fs::PermissionsExt as _;
        let built = tempfile::tempdir().unwrap();
        let content = built.path().join("content");
        let program = content.join("fourbar");
        write_file(&program, "machine code").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let archives = ["one.zip", "two.zip"].map(|name| built.path().join(name));
        for archive in &archives {
            pack(&content, "top", archive).unwrap();
        }
        let [one, two] = archives
            .each_ref()
            .map(|archive| fs::read(archive).unwrap());
        assert_eq!(one, two);
        let mut zip = ZipArchive::new(File::open(&archives[0]).unwrap()).unwrap();
        let mode = zip.by_name("top/fourbar").unwrap().unix_mode().unwrap();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn a_checksum_is_that_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("abc.zip");
        fs::write(&file, "abc").unwrap();
        // `printf abc | sha256sum`
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            checksum_line(&file).unwrap(),
            format!("{expected}  abc.zip\n")
        );
    }
}
