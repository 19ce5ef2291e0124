//! Files as the user sees them: `~` in paths, complete or absent when written, never written over what is read,
//! identified by their hash.

use anyhow::{Context, Result, bail};
use clap::builder::{OsStringValueParser, TypedValueParser};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// After as many links one after another Linux gives up as well.
const MAX_LINKS: usize = 40;
/// How the names of files begin and end that are still being written.
const PREFIX: &str = ".fourbar-";
const SUFFIX: &str = ".part";

/// Where the plugin looks for the user's own models and maps: the folder that the environment names, else one among the
/// user's application data. `None` without a home.
#[must_use]
pub fn models_folder() -> Option<PathBuf> {
    let named = std::env::var_os("FOURBAR_MODELS").filter(|folder| !folder.is_empty());
    named.map(PathBuf::from).or_else(|| {
        let folders = directories::ProjectDirs::from("", "", "fourbar")?;
        Some(folders.data_dir().join("models"))
    })
}

/// Writes a file completely or not at all: into a temporary file in the same folder, which then takes the name.
/// Missing folders on the way are made. Of a symbolic link the file that it leads to is written, and a device or a pipe
/// is written into.
///
/// # Errors
/// If the folder cannot be written to or the disk is full; what was under `path` before is untouched then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    try_write(path, bytes).map_err(|error| cannot_write(path, error))
}

/// Why `path` could not be written, and what the user can do about it.
#[must_use]
pub fn cannot_write(path: &Path, error: io::Error) -> anyhow::Error {
    let remedy = remedy(error.kind());
    anyhow::Error::new(error).context(format!("cannot write {}: {remedy}", path.display()))
}

/// Removes what a process left in `folder` that was killed while it wrote a file there.
///
/// # Errors
/// If the folder cannot be listed or changed.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            fs::remove_file(folder.join(&*name))?;
        }
    }
    Ok(())
}

fn try_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_stream(path) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let path = behind_links(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // Temporary files are private by default; this one becomes an ordinary file of the user's.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    // A full disk may show only here; after a rename it would be too late.
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Whether there is something that takes bytes without being a file of them, as a device or a pipe does.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Where the bytes of `path` are, or will be if there is nothing yet.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    // What is not there yet has no canonical path, and on Windows nothing on some network drives and memory disks has one.
    path.canonicalize().or_else(|_| follow_links(path))
}

/// Where the links at `path` lead, from one to the next.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..MAX_LINKS {
        let Ok(next) = path.read_link() else {
            return Ok(path);
        };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(io::Error::other("links lead in a circle"))
}

/// Refuses to write over what a command reads, or to write two things into one file. Each path comes with its name on the
/// command line; those that were not given are no matter.
///
/// # Errors
/// If an output is the same file as an input or an output before it, whatever links lead there.
pub fn check_outputs(
    inputs: &[(&str, Option<&Path>)],
    outputs: &[(&str, Option<&Path>)],
) -> Result<()> {
    for (n, (name, path)) in outputs.iter().enumerate() {
        let Some(path) = path else { continue };
        let is_it = |(_, other): &&(&str, Option<&Path>)| other.is_some_and(|o| is_same(o, path));
        if let Some((other, _)) = inputs.iter().chain(&outputs[..n]).find(is_it) {
            bail!(
                "{name} {} is the file of {other}, which would be lost; choose another name (nothing was changed)",
                path.display()
            );
        }
    }
    Ok(())
}

/// Whether two paths lead to the same file or folder. Streams can be shared, and never are the same.
#[must_use]
pub fn is_same(a: &Path, b: &Path) -> bool {
    match (behind_links(a), behind_links(b)) {
        (Ok(a), Ok(b)) => a == b && !is_stream(&a),
        _ => false,
    }
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
        io::ErrorKind::IsADirectory => "there is a folder of that name; choose another one",
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

/// Parser for every path on the command line: replaces a leading `~`, which the shell leaves alone in `--data=~/x`, and
/// refuses an empty one, which is a script's variable that was never set.
#[must_use]
pub fn path_parser() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|path| {
        if path.is_empty() {
            return Err("the path is empty: name a file or a folder");
        }
        Ok(expand_home(path))
    })
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

    #[cfg(unix)]
    #[test]
    fn the_file_behind_a_link_is_written_and_the_link_stays() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("far")).unwrap();
        fs::write(at("far/old"), b"one").unwrap();
        symlink("far/old", at("link")).unwrap();
        symlink("link", at("link_to_link")).unwrap();
        symlink("far/new", at("dangling")).unwrap();
        write_atomically(&at("link_to_link"), b"two").unwrap();
        write_atomically(&at("dangling"), b"three").unwrap();
        for link in ["link", "link_to_link", "dangling"] {
            assert!(at(link).is_symlink(), "{link}");
        }
        assert_eq!(fs::read(at("far/old")).unwrap(), b"two");
        assert_eq!(fs::read(at("far/new")).unwrap(), b"three");
        assert_eq!(fs::read_dir(at("far")).unwrap().count(), 2);

        symlink("circle", at("circle")).unwrap();
        assert!(write_atomically(&at("circle"), b"x").is_err());

        // Also where the system has no canonical paths.
        let resolved = |name: &str| follow_links(&at(name)).unwrap();
        assert_eq!(resolved("link_to_link"), at("far/old"));
        assert_eq!(resolved("dangling"), at("far/new"));
        assert_eq!(resolved("far/old"), at("far/old"));
        assert!(follow_links(&at("circle")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_written_into_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        write_atomically(&pipe, b"through").unwrap();
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(reader.join().unwrap(), b"through");

        // Nothing can be written here, and that is said.
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = format!("{:#}", write_atomically(&socket, b"x").unwrap_err());
        assert!(error.contains("socket"), "{error}");
        assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    }

    #[test]
    fn an_output_that_is_read_or_written_twice_is_refused_with_both_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("model"), b"weights").unwrap();
        fs::create_dir(at("sub")).unwrap();
        let (model, roundabout) = (at("model"), at("sub/../model"));
        let (new, other) = (at("new"), at("other"));
        let problem = |inputs: &[_], outputs: &[_]| {
            check_outputs(inputs, outputs).map_err(|error| error.to_string())
        };
        let model_in = [("--model", Some(&*model)), ("--log", None)];
        let refused = problem(
            &model_in,
            &[("--html", None), ("--json", Some(&*roundabout))],
        )
        .unwrap_err();
        for part in ["--json", "--model", "sub/../model", "choose another name"] {
            assert!(refused.contains(part), "{refused}");
        }
        let twice = [("--json", Some(&*new)), ("--html", Some(&*new))];
        assert!(problem(&model_in, &twice).unwrap_err().contains("--html"));
        let apart = [("--json", Some(&*new)), ("--html", Some(&*other))];
        assert_eq!(problem(&model_in, &apart), Ok(()));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&model, at("link")).unwrap();
            let link = at("link");
            assert!(problem(&model_in, &[("--json", Some(&*link))]).is_err());
        }
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
