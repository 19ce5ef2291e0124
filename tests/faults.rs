//! What the plugin survives: a full disk where it saves, a clock that jumps, and a host that writes numbers with a comma.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use fourbar_plugin::files;
use fourbar_plugin::library::factory::Factory;
use fourbar_plugin::library::{Folder, Preset};

use crate::harness::clap::ClapHost;
use crate::harness::process::{fill_disk, run_alone, run_on_disk, run_while_the_clock_jumps};
use crate::harness::{Host as _, Player, param_id};
use crate::keeping::settled;

/// The folder or file that a process of these tests works with.
const PLACE: &str = "FOURBAR_TEST_PLACE";

fn place() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

fn presets() -> [Preset; 2] {
    let factory = Factory::embedded();
    let mut names = factory.presets.iter().map(|preset| preset.name.as_str());
    [(); 2].map(|()| factory.open(names.next().unwrap()).unwrap())
}

#[test]
fn a_full_disk_is_said_where_something_is_saved_and_takes_nothing_that_was_there() {
    let name =
        "faults::a_full_disk_is_said_where_something_is_saved_and_takes_nothing_that_was_there";
    if let Some(disk) = place() {
        return save_on(&disk);
    }
    let disk = tempfile::tempdir().unwrap();
    run_on_disk(name, disk.path(), 256, &[(PLACE, disk.path().as_os_str())]);
}

fn save_on(disk: &Path) {
    let [first, second] = presets();
    let folder = Folder::at(disk.join("presets"));
    folder.save("first", &first).unwrap();
    let other = disk.join("look.json");
    files::replace(&other, b"{}").unwrap();
    let filler = fill_disk(disk);
    for refused in [
        folder.save("second", &second),
        folder.replace("first", &second),
    ] {
        let sentence = refused.unwrap_err();
        assert!(
            sentence.contains("is full") && sentence.contains("save again"),
            "{sentence}"
        );
    }
    assert!(files::replace(&other, &[b'x'; 5000]).is_err());
    assert_eq!(folder.read("first").unwrap(), first);
    assert_eq!(fs::read(&other).unwrap(), b"{}");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "half a file is left"
    );
    fs::remove_file(filler).unwrap();
    folder.save("second", &second).unwrap();
    assert_eq!(folder.read("second").unwrap(), second);
}

#[test]
fn a_project_is_whole_after_it_could_not_be_saved() {
    let mut player = Player::<ClapHost>::offline();
    let saved = settled(&mut player);
    for n_bytes in [0, 1, 8, saved.len() / 2, saved.len() - 1] {
        assert!(
            !player.host.save_up_to(n_bytes),
            "{n_bytes} bytes hold no project"
        );
        assert!(player.host.save() == saved);
    }
}

#[test]
fn a_clock_that_jumps_changes_nothing_of_what_is_played() {
    let name = "faults::a_clock_that_jumps_changes_nothing_of_what_is_played";
    let played = || {
        let mut player = Player::<ClapHost>::offline();
        player.play(16.0);
        player.stop();
        format!("{:?}", player.notes())
    };
    if let Some(path) = place() {
        return fs::write(path, played()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    if run_while_the_clock_jumps(name, &[(PLACE, path.as_os_str())]) {
        assert_eq!(fs::read_to_string(path).unwrap(), played());
    }
}

#[test]
fn a_comma_in_the_hosts_numbers_changes_nothing() {
    let name = "faults::a_comma_in_the_hosts_numbers_changes_nothing";
    if let Some(locales) = place() {
        return save_with_commas(&locales);
    }
    let locales = tempfile::tempdir().unwrap();
    let german = locales.path().join("de_DE.UTF-8");
    let made = std::process::Command::new("localedef")
        .args(["-i", "de_DE", "-f", "UTF-8"])
        .arg(&german)
        .output();
    // It warns where it has made one, too.
    if made.is_err() || !german.join("LC_NUMERIC").exists() {
        println!("{name}: this system has no localedef, or no German to make a locale of");
        return;
    }
    let path = locales.path().as_os_str();
    let german: &OsStr = "de_DE.UTF-8".as_ref();
    run_alone(
        name,
        &[(PLACE, path), ("LOCPATH", path), ("LC_ALL", german)],
    );
}

#[expect(unsafe_code, reason = "calls of the C library, as hosts make them")]
fn save_with_commas(place: &Path) {
    let [preset, _] = presets();
    let folder = Folder::at(place.join("presets"));
    let mut player = Player::<ClapHost>::offline();
    player.set("temperature", "0.7");
    settled(&mut player);
    let temperature = param_id("temperature");
    let said = |player: &mut Player<ClapHost>| {
        let text = player.host.text_of_value(temperature, 1.25);
        let value = player.host.value_of_text(temperature, "1.25");
        (text, value, player.host.save(), preset.to_text().unwrap())
    };
    let before = said(&mut player);
    // SAFETY: no other thread asks for the locale meanwhile, and the text ends in 0.
    unsafe {
        assert!(!libc::setlocale(libc::LC_ALL, c"".as_ptr()).is_null());
        assert_eq!(*(*libc::localeconv()).decimal_point, b','.cast_signed());
    }
    assert!(said(&mut player) == before);
    assert!(player.host.load(&before.2));
    assert!(said(&mut player) == before);
    folder.save("mine", &preset).unwrap();
    assert_eq!(folder.read("mine").unwrap(), preset);
}
