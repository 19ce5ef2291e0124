//! Files as the user sees them: `~` in paths, complete or absent when written, identified by their hash.

use anyhow::{Context, Result};
use clap::builder::{OsStringValueParser, TypedValueParser};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Writes a file completely or not at all: into a temporary file in the same folder, which then takes the name.
/// Missing folders on the way are made.
///
/// # Errors
/// If the folder cannot be written to or the disk is full; what was under `path` before is untouched then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    try_write(path, bytes).map_err(|error| {
        let remedy = remedy(error.kind());
        anyhow::Error::new(error).context(format!("cannot write {}: {remedy}", path.display()))
    })
}

fn try_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fourbar-").suffix(".part");
    // Temporary files are private by default; this one becomes an ordinary file of the user's.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    // A full disk may show only here; after a rename it would be too late.
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// What the user can do about a failed write.
fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full; free some space or choose another place (nothing was changed)"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a place that you may write to (nothing was changed)"
        }
        _ => "check the path (nothing was changed)",
    }
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let context = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(context)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n_bytes = file.read(&mut buffer).with_context(context)?;
        if n_bytes == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..n_bytes]);
    }
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Parser for every path on the command line: replaces a leading `~`, which the shell leaves alone in `--data=~/x`.
#[must_use]
pub fn path_parser() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(expand_home)
}

/// Replaces a leading `~` by the user's home folder.
#[must_use]
pub fn expand_home(path: OsString) -> PathBuf {
    let path = PathBuf::from(path);
    match (path.strip_prefix("~"), directories::BaseDirs::new()) {
        (Ok(rest), Some(user)) if rest.as_os_str().is_empty() => user.home_dir().to_owned(),
        (Ok(rest), Some(user)) => user.home_dir().join(rest),
        _ => path,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_replaces_the_old_one_and_leaves_nothing_else_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/file.txt");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_names_the_file_and_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("occupied")).unwrap();
        let error = format!("{:#}", write_atomically(&path, b"x").unwrap_err());
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(path.join("occupied").is_dir());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "the temporary file is gone"
        );
    }

    #[test]
    fn a_full_disk_comes_with_its_remedy() {
        assert!(remedy(io::ErrorKind::StorageFull).contains("free some space"));
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_is_readable_by_whom_the_user_allows() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomically(&ours, b"x").unwrap();
        fs::write(&plain, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(ours), mode(plain));
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_other_paths_stay() {
        let home = directories::BaseDirs::new().unwrap().home_dir().to_owned();
        assert_eq!(
            expand_home("~/drums/a.zip".into()),
            home.join("drums/a.zip")
        );
        assert_eq!(expand_home("~".into()), home);
        assert_eq!(expand_home("~other/x".into()), PathBuf::from("~other/x"));
        assert_eq!(expand_home("/a/~/b".into()), PathBuf::from("/a/~/b"));
    }

    #[test]
    fn a_hash_is_the_published_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, b"abc").unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            sha256(&path).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
