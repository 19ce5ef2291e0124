//! Files that appear whole or not at all, and what is said where they cannot.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};
use tempfile::NamedTempFile;

/// A temporary file that becomes an ordinary one: the user's umask decides who may read it.
///
/// # Errors
/// If none can be made in `folder`.
pub fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fourbar-");
    #[cfg(unix)]
    builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// A temporary file in `folder` with these contents, on the disk; the folder is made where it is missing.
///
/// # Errors
/// If that fails.
pub fn written(folder: &Path, contents: &[u8]) -> io::Result<NamedTempFile> {
    fs::create_dir_all(folder)?;
    let mut file = temporary(folder)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes a file with these contents at `path`; false, and nothing is written, where there is one already.
///
/// # Errors
/// If it cannot be written.
pub fn create(path: &Path, contents: &[u8]) -> io::Result<bool> {
    let file = written(folder_of(path), contents)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        // It is the name that is taken: a file in the folder's place has failed above.
        Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// Puts these contents in the place of those of the file at `path`, which keeps what it has if that fails.
///
/// # Errors
/// If it fails.
pub fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    written(folder_of(path), contents)?.persist(path)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// What is in an ordinary file of at most `max_bytes`.
///
/// # Errors
/// If it is larger, or no such file, or cannot be read.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody who writes into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is larger than {max_bytes} bytes"),
        ));
    }
    Ok(bytes)
}

/// Why nothing could be written into `folder`, for the user. `undone` says what has not happened, such as "Nothing was
/// exported", and `again` what to do again.
#[must_use]
pub fn in_words(undone: &str, again: &str, folder: &Path, error: &io::Error) -> String {
    let folder = folder.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("{undone}: the disk of {folder} is full. Free some space and {again}.")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("{undone}: {folder} may not be written to. Change its permissions and {again}.")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!("{undone}: {folder} is not a folder with room for another file ({error}).")
        }
        _ => format!("{undone} in {folder}: {error}."),
    }
}

/// Shows `folder` in the system's file manager, and makes it first if it is not there. Waits for the program that shows
/// it, which on some systems ends with the file manager's window, or until it is to `stop`.
///
/// # Errors
/// If that fails.
pub fn show(folder: &Path, stop: &AtomicBool) -> io::Result<()> {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    fs::create_dir_all(folder)?;
    let mut shown = Command::new(program).arg(folder).spawn()?;
    // What it returns means nothing: Windows' Explorer always returns 1.
    while shown.try_wait()?.is_none() && !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_full_disk_is_said_in_plain_words() {
        let full = io::Error::from(ErrorKind::StorageFull);
        let said = in_words(
            "Nothing was saved",
            "save again",
            Path::new("/music"),
            &full,
        );
        assert!(
            said.contains("is full") && said.ends_with("save again."),
            "{said}"
        );
    }

    #[test]
    fn a_file_is_replaced_whole_and_one_that_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file");
        for contents in ["first", "second"] {
            replace(&path, contents.as_bytes()).unwrap();
            assert_eq!(read(&path, 6).unwrap(), contents.as_bytes());
        }
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
        assert_eq!(read(&path, 5).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert!(read(folder.path(), 5).is_err());
    }
}
