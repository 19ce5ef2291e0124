//! The script for machines with a GPU works, as far as it goes without one.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

#[test]
fn the_script_for_gpus_runs_by_the_cpu() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/gpu.sh");
    let built = Path::new(env!("CARGO_BIN_EXE_fourbar")).parent();
    let built = built.expect("the command lies in a folder");
    let output = Command::new(script)
        .arg("--cpu")
        .env("FOURBAR_BUILT", built)
        .output();
    let output = output.expect("the script can be started");
    let [said, error] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}\n{error}");
    for part in [
        "parity",
        "training run",
        "grooves",
        "lost",
        "all of it done by cpu",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
