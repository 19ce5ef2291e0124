//! A test in a process of its own.

use std::ffi::OsStr;
use std::process::Command;

/// Runs the test with this full name once more, alone and with these environment variables: a process with threads
/// must not change its own.
pub(crate) fn run_alone(name: &str, variables: &[(&str, &OsStr)]) {
    run(name, Command::new(this_program()), variables);
}

/// The same where the folder `disk` is a file system of its own, with room for so many KiB. False where this system lets
/// nobody have one.
#[cfg(target_os = "linux")]
pub(crate) fn run_on_disk(
    name: &str,
    disk: &std::path::Path,
    n_kib: u32,
    variables: &[(&str, &OsStr)],
) -> bool {
    let mount = format!("mount -t tmpfs -o size={n_kib}k none \"$0\" && exec \"$@\"");
    let on_disk = |program: &OsStr| {
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", &mount])
            .args([disk.as_os_str(), program]);
        command
    };
    if !on_disk("true".as_ref())
        .status()
        .is_ok_and(|status| status.success())
    {
        println!("{name}: this system mounts no file system for a test");
        return false;
    }
    run(name, on_disk(&this_program()), variables);
    true
}

/// Runs the test alone while the clock on the wall jumps back and forth. False where no C compiler makes such a clock.
#[cfg(target_os = "linux")]
pub(crate) fn run_while_the_clock_jumps(name: &str, variables: &[(&str, &OsStr)]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let [source, clock] = ["clock.c", "clock.so"].map(|name| folder.path().join(name));
    std::fs::write(&source, include_str!("jumping_clock.c")).unwrap();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .args([&clock, &source])
        .arg("-ldl");
    if !compiler.status().is_ok_and(|status| status.success()) {
        println!("{name}: there is no C compiler that makes a clock for it");
        return false;
    }
    run_alone(
        name,
        &[variables, &[("LD_PRELOAD", clock.as_os_str())]].concat(),
    );
    true
}

fn this_program() -> std::ffi::OsString {
    std::env::current_exe().unwrap().into()
}

fn run(name: &str, mut program: Command, variables: &[(&str, &OsStr)]) {
    let run = program
        .args([name, "--exact", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (output, errors) = (text(&run.stdout), text(&run.stderr));
    assert!(
        run.status.success() && output.contains("1 passed"),
        "{name} with {variables:?}: {}\n{output}{errors}",
        run.status
    );
}

/// Writes into `folder` until its disk is full; the file to be removed.
#[cfg(target_os = "linux")]
pub(crate) fn fill_disk(folder: &std::path::Path) -> std::path::PathBuf {
    use std::io::Write as _;
    let path = folder.join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    let error = loop {
        if let Err(error) = file.write_all(&[0; 4096]) {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    path
}
