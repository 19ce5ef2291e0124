//! `fourbar data`: where the Groove MIDI Dataset is, or how to get it.

use crate::files;
use anyhow::{Context, Result, anyhow, ensure};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Environment variable that names a data set, for every command without `--data`.
pub const DATA_VARIABLE: &str = "FOURBAR_DATA";

/// Where Google publishes the MIDI files of the Groove MIDI Dataset.
const GMD_URL: &str =
    "https://storage.googleapis.com/magentadata/datasets/groove/groove-v1.0.0-midionly.zip";

/// SHA-256 of that archive, as TensorFlow Datasets pins it.
pub const GMD_SHA256: &str = "651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e";

/// Licence of the Groove MIDI Dataset.
pub const GMD_LICENCE: &str = "CC BY 4.0";

/// Where that licence is published.
pub const GMD_LICENCE_URL: &str = "https://creativecommons.org/licenses/by/4.0/";

/// Whom to credit for the Groove MIDI Dataset.
pub const GMD_ATTRIBUTION: &str = "Groove MIDI Dataset by Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck and \
     David Bamman (\"Learning to Groove with Inverse Sequence Transformations\", ICML 2019), made available by Google LLC";

/// The archive's file name, in the cache and in instructions.
const GMD_FILE: &str = "groove-v1.0.0-midionly.zip";

/// The archive has 3,260,318 bytes; a server that sends many more sends something else.
const MAX_DOWNLOAD_BYTES: u64 = 8 << 20;

/// Where an archive comes from and what it must be. The commands only ever use [`Source::published`].
struct Source {
    url: String,
    sha256: String,
    proxy: Option<ureq::Proxy>,
}

impl Source {
    /// The Groove MIDI Dataset as published, through the proxy that the environment names, if any.
    fn published() -> Self {
        Self {
            url: GMD_URL.to_owned(),
            sha256: GMD_SHA256.to_owned(),
            proxy: ureq::Proxy::try_from_env(),
        }
    }
}

/// Arguments of `fourbar data`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder or zip of MIDI files [default: $FOURBAR_DATA, else the cached or downloaded Groove MIDI Dataset]
    #[arg(long, value_name = "PATH", value_parser = files::path_parser())]
    pub data: Option<PathBuf>,
}

/// Says where the data is, what it is, and whom to credit.
///
/// # Errors
/// If there is none and it cannot be downloaded.
pub fn run(args: &Args) -> Result<()> {
    let path = locate(args.data.as_deref())?;
    let mut out = io::stdout().lock();
    writeln!(out, "data         {}", path.display())?;
    if path.is_dir() {
        writeln!(
            out,
            "             a folder; `fourbar prepare` reads it and names its hash"
        )?;
        return Ok(());
    }
    let sha256 = files::sha256(&path)?;
    writeln!(out, "sha-256      {sha256}")?;
    if sha256 == GMD_SHA256 {
        writeln!(
            out,
            "             the Groove MIDI Dataset 1.0.0, MIDI only, as published"
        )?;
        writeln!(out, "licence      {GMD_LICENCE} ({GMD_LICENCE_URL})")?;
        writeln!(out, "attribution  {GMD_ATTRIBUTION}")?;
    } else {
        writeln!(
            out,
            "             not the published Groove MIDI Dataset; its licence is not known here"
        )?;
    }
    Ok(())
}

/// Finds the data: `data`, else `$FOURBAR_DATA`, else the Groove MIDI Dataset in the user's cache, else downloaded
/// into that cache.
///
/// # Errors
/// If the place that is named does not exist, or none is named and the download fails.
pub fn locate(data: Option<&Path>) -> Result<PathBuf> {
    let variable = std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty());
    if let Some(path) = named(data, variable)? {
        return Ok(path);
    }
    let folder = cache_folder().context(
        "this user has no home folder, so there is no cache: give the data with --data PATH",
    )?;
    cached(&folder, &Source::published())
}

/// Where the data are that [`locate`] finds without being told and without downloading any.
#[must_use]
pub fn at_hand() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty()) {
        return Some(files::expand_home(path)).filter(|path| path.exists());
    }
    Some(cache_folder()?.join(GMD_FILE)).filter(|path| path.is_file())
}

fn cache_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "fourbar")?;
    Some(folders.cache_dir().to_owned())
}

/// The archive that the environment names, if it is the published one: tests and benches of the real data need it.
#[must_use]
pub fn published_in_environment() -> Option<PathBuf> {
    let path = files::expand_home(std::env::var_os(DATA_VARIABLE)?);
    let is_published =
        path.is_file() && files::sha256(&path).is_ok_and(|sha256| sha256 == GMD_SHA256);
    is_published.then_some(path)
}

/// The place that the user names, on the command line before the environment.
fn named(data: Option<&Path>, variable: Option<OsString>) -> Result<Option<PathBuf>> {
    let (path, source) = match (data, variable) {
        (Some(path), _) => (files::expand_home(path.as_os_str().to_owned()), "--data"),
        (None, Some(value)) => (files::expand_home(value), DATA_VARIABLE),
        (None, None) => return Ok(None),
    };
    ensure!(
        path.exists(),
        "{source} names {}, which does not exist: check the path",
        path.display()
    );
    Ok(Some(path))
}

/// The data set in the folder `cache`, downloaded from `source` if it is not there or is damaged.
fn cached(cache: &Path, source: &Source) -> Result<PathBuf> {
    let path = cache.join(GMD_FILE);
    if path.is_file() {
        if files::sha256(&path)? == source.sha256 {
            return Ok(path);
        }
        eprintln!("{} is damaged; downloading it again", path.display());
    }
    eprintln!(
        "downloading the Groove MIDI Dataset (3.3 MB, {GMD_LICENCE}) from {}",
        source.url
    );
    let bytes = fetch(source).map_err(|error| {
        anyhow!(
            "cannot download the Groove MIDI Dataset from {}: {error:#}.\n\
             Without a connection: get {GMD_FILE} on another machine from {GMD_URL}, then pass it as --data {GMD_FILE} \
             or set {DATA_VARIABLE} to its path",
            source.url
        )
    })?;
    files::write_atomically(&path, &bytes)?;
    Ok(path)
}

/// The bytes of the archive, or an error if the server cannot be reached or sends anything else.
fn fetch(source: &Source) -> Result<Vec<u8>> {
    let config = ureq::Agent::config_builder()
        .proxy(source.proxy.clone())
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_global(Some(Duration::from_secs(600)))
        .build();
    let response = ureq::Agent::new_with_config(config)
        .get(&source.url)
        .call()
        .context("no answer")?;
    let mut bytes = Vec::new();
    let body = response.into_body().into_reader();
    body.take(MAX_DOWNLOAD_BYTES + 1)
        .read_to_end(&mut bytes)
        .context("the connection broke off")?;
    ensure!(
        bytes.len() as u64 <= MAX_DOWNLOAD_BYTES,
        "the server sends more than {} MiB, so this is another file",
        MAX_DOWNLOAD_BYTES >> 20
    );
    let sha256 = files::hex(&Sha256::digest(&bytes));
    ensure!(
        sha256 == source.sha256,
        "{} bytes arrived with SHA-256 {sha256} instead of {}",
        bytes.len(),
        source.sha256
    );
    Ok(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread;

    /// A web server for one request, which it answers with `response`; gives its address.
    fn server(response: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = BufReader::new(stream.try_clone().unwrap());
            let n_lines = request
                .lines()
                .take_while(|line| !line.as_ref().unwrap().is_empty())
                .count();
            assert!(n_lines > 0);
            // A client that has seen enough hangs up, which is no fault of the server's.
            let _ = stream.write_all(&response);
        });
        format!("http://{address}/{GMD_FILE}")
    }

    fn ok(announced: usize, body: &[u8]) -> Vec<u8> {
        let mut response =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {announced}\r\n\r\n").into_bytes();
        response.extend_from_slice(body);
        response
    }

    fn source(url: String, content: &[u8]) -> Source {
        Source {
            url,
            sha256: files::hex(&Sha256::digest(content)),
            proxy: None,
        }
    }

    fn failure(response: Vec<u8>) -> String {
        let cache = tempfile::tempdir().unwrap();
        let error = cached(cache.path(), &source(server(response), b"data")).unwrap_err();
        assert_eq!(
            fs::read_dir(cache.path()).unwrap().count(),
            0,
            "a failed download leaves nothing behind"
        );
        let error = format!("{error:#}");
        assert!(
            error.contains(GMD_URL) && error.contains("--data") && error.contains(DATA_VARIABLE),
            "{error}"
        );
        error
    }

    #[test]
    fn a_good_download_is_cached_and_found_there_the_next_time() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("not/there/yet");
        let source = source(server(ok(4, b"data")), b"data");
        let path = cached(&folder, &source).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"data");
        // The server answered its one request, so a second download would fail.
        assert_eq!(cached(&folder, &source).unwrap(), path);
    }

    #[test]
    fn a_damaged_file_in_the_cache_is_downloaded_again() {
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join(GMD_FILE), b"da").unwrap();
        let path = cached(cache.path(), &source(server(ok(4, b"data")), b"data")).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"data");
    }

    #[test]
    fn another_file_than_the_published_one_is_refused() {
        assert!(failure(ok(5, b"datum")).contains("instead of"));
    }

    #[test]
    fn a_connection_that_breaks_off_is_named() {
        assert!(failure(ok(4, b"da")).contains("broke off"));
    }

    #[test]
    fn a_missing_file_on_the_server_is_named() {
        assert!(
            failure(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec())
                .contains("404")
        );
    }

    #[test]
    fn a_server_that_sends_without_end_is_cut_off() {
        let n_bytes = usize::try_from(MAX_DOWNLOAD_BYTES).unwrap() + 1;
        assert!(failure(ok(usize::MAX >> 1, &vec![0; n_bytes])).contains("more than 8 MiB"));
    }

    #[test]
    fn without_a_connection_the_error_says_what_to_do() {
        let cache = tempfile::tempdir().unwrap();
        let free_port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = cached(
            cache.path(),
            &source(format!("http://{free_port}/x"), b"data"),
        )
        .unwrap_err();
        let error = format!("{error:#}");
        assert!(
            error.contains("no answer") && error.contains("on another machine"),
            "{error}"
        );
    }

    #[test]
    fn the_command_line_comes_before_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, b"").unwrap();
        fs::write(&b, b"").unwrap();
        assert_eq!(named(Some(&a), Some(b.clone().into())).unwrap(), Some(a));
        assert_eq!(named(None, Some(b.clone().into())).unwrap(), Some(b));
        assert_eq!(named(None, None).unwrap(), None);
    }

    #[test]
    fn a_named_place_that_does_not_exist_is_an_error_that_says_who_named_it() {
        let missing = Path::new("/nowhere/at/all");
        let error = |data, variable| format!("{:#}", named(data, variable).unwrap_err());
        assert!(error(Some(missing), None).contains("--data names /nowhere/at/all"));
        assert!(error(None, Some(missing.into())).contains("FOURBAR_DATA names /nowhere/at/all"));
    }
}
