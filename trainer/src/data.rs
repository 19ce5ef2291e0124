//! `fourbar data`: where the Groove MIDI Dataset is, or how to get it.

use crate::files;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Environment variable that names a data set, for every command without `--data`.
pub const DATA_VARIABLE: &str = "FOURBAR_DATA";

/// Where Google publishes the MIDI files of the Groove MIDI Dataset.
pub const GMD_URL: &str =
    "https://storage.googleapis.com/magentadata/datasets/groove/groove-v1.0.0-midionly.zip";

/// SHA-256 of that archive, as TensorFlow Datasets pins it.
pub const GMD_SHA256: &str = "651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e";

/// Licence of the Groove MIDI Dataset.
pub const GMD_LICENCE: &str = "CC BY 4.0";

/// Whom to credit for the Groove MIDI Dataset.
pub const GMD_ATTRIBUTION: &str = "Groove MIDI Dataset by Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck and \
     David Bamman (\"Learning to Groove with Inverse Sequence Transformations\", ICML 2019), made available by Google LLC";

/// The archive's file name, in the cache and in instructions.
const GMD_FILE: &str = "groove-v1.0.0-midionly.zip";

/// The archive has 3,260,318 bytes; a server that sends many more sends something else.
const MAX_DOWNLOAD_BYTES: u64 = 8 << 20;

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
        writeln!(out, "             a folder; `fourbar prepare` reads it and names its hash")?;
        return Ok(());
    }
    let sha256 = files::sha256(&path)?;
    writeln!(out, "sha-256      {sha256}")?;
    if sha256 == GMD_SHA256 {
        writeln!(out, "             the Groove MIDI Dataset 1.0.0, MIDI only, as published")?;
        writeln!(out, "licence      {GMD_LICENCE} (https://creativecommons.org/licenses/by/4.0/)")?;
        writeln!(out, "attribution  {GMD_ATTRIBUTION}")?;
    } else {
        writeln!(out, "             not the published Groove MIDI Dataset; its licence is not known here")?;
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
    let folders = directories::ProjectDirs::from("", "", "fourbar")
        .context("this user has no home folder, so there is no cache: give the data with --data PATH")?;
    cached(folders.cache_dir(), GMD_URL)
}

/// The place that the user names, on the command line before the environment.
fn named(data: Option<&Path>, variable: Option<OsString>) -> Result<Option<PathBuf>> {
    let (path, source) = match (data, variable) {
        (Some(path), _) => (files::expand_home(path.as_os_str().to_owned()), "--data"),
        (None, Some(value)) => (files::expand_home(value), DATA_VARIABLE),
        (None, None) => return Ok(None),
    };
    ensure!(path.exists(), "{source} names {}, which does not exist: check the path", path.display());
    Ok(Some(path))
}

/// The data set in the folder `cache`, downloaded from `url` if it is not there or is damaged.
fn cached(cache: &Path, url: &str) -> Result<PathBuf> {
    let path = cache.join(GMD_FILE);
    if path.is_file() {
        if files::sha256(&path)? == GMD_SHA256 {
            return Ok(path);
        }
        eprintln!("{} is damaged; downloading it again", path.display());
    }
    download(url, &path)?;
    Ok(path)
}

/// Downloads the Groove MIDI Dataset from `url` into the file `path`, which is complete and checked or not there.
///
/// # Errors
/// If the server cannot be reached or sends anything else than the published archive; the error says what to do.
pub fn download(url: &str, path: &Path) -> Result<()> {
    eprintln!("downloading the Groove MIDI Dataset (3.3 MB, {GMD_LICENCE}) from {url}");
    let bytes = fetch(url).and_then(check).with_context(|| {
        format!(
            "cannot download the Groove MIDI Dataset from {url}. Without a connection: get {GMD_FILE} on another machine \
             from {GMD_URL}, then pass it as --data {GMD_FILE} or set {DATA_VARIABLE} to its path"
        )
    })?;
    files::write_atomically(path, &bytes)
}

fn fetch(url: &str) -> Result<Vec<u8>> {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_global(Some(Duration::from_secs(600)))
        .build();
    let response = ureq::Agent::new_with_config(config).get(url).call()?;
    let mut bytes = Vec::new();
    let body = response.into_body().into_with_config().limit(u64::MAX).reader();
    body.take(MAX_DOWNLOAD_BYTES + 1).read_to_end(&mut bytes).context("the connection broke off")?;
    Ok(bytes)
}

/// Passes the published archive on and refuses everything else.
fn check(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if bytes.len() as u64 > MAX_DOWNLOAD_BYTES {
        bail!("the server sends more than {} MiB, so this is another file", MAX_DOWNLOAD_BYTES >> 20);
    }
    let sha256 = files::hex(&Sha256::digest(&bytes));
    ensure!(sha256 == GMD_SHA256, "{} bytes arrived with SHA-256 {sha256} instead of {GMD_SHA256}", bytes.len());
    Ok(bytes)
}
