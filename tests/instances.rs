//! What instances cost while nothing is asked of them, by the system's own account.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::clap::ClapHost;
use crate::harness::process::run_alone;
use crate::harness::vst3::Vst3Host;
use crate::harness::{Host, Mode, Player, Setup};

/// Set in the second run of the test, which has the process to itself.
const ALONE: &str = "FOURBAR_TEST_RUNS_ALONE";
/// How often idle instances may wake the processor, all of them together.
const WAKE_UPS_PER_SECOND: f64 = 20.0;
/// How long is counted.
const WINDOW: Duration = Duration::from_secs(2);
/// How long the models may take to be read.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn idle_clap_instances_hardly_ever_wake_and_leave_no_thread_behind() {
    idle_instances_hardly_ever_wake::<ClapHost>(
        "instances::idle_clap_instances_hardly_ever_wake_and_leave_no_thread_behind",
    );
}

#[test]
fn idle_vst3_instances_hardly_ever_wake_and_leave_no_thread_behind() {
    idle_instances_hardly_ever_wake::<Vst3Host>(
        "instances::idle_vst3_instances_hardly_ever_wake_and_leave_no_thread_behind",
    );
}

/// `name` is the calling test's full name.
fn idle_instances_hardly_ever_wake<H: Host>(name: &str) {
    if std::env::var_os(ALONE).is_none() {
        return run_alone(name, &[(ALONE, OsStr::new("1"))]);
    }
    for n_instances in [1, 32] {
        let mut players: Vec<_> = (0..n_instances).map(|_| player::<H>()).collect();
        // A window may begin just before a wake-up and end just after one.
        let limit = WAKE_UPS_PER_SECOND + 1.0 / WINDOW.as_secs_f64();
        let start = Instant::now();
        let mut cost = count(&mut players);
        while cost.wake_ups_per_second > limit && start.elapsed() < PATIENCE {
            cost = count(&mut players);
        }
        println!("{n_instances} idle instances: {cost:?}");
        assert!(cost.wake_ups_per_second <= limit, "they never come to rest");
        let idle = count(&mut players);
        assert!(idle.wake_ups_per_second <= limit, "{idle:?}");
        drop(players);
        assert_eq!(threads(), Vec::<PathBuf>::new(), "left behind");
    }
}

/// Beside which none is kept.
fn player<H: Host>() -> Player<H> {
    Player::on(H::new(Setup {
        mode: Mode::Realtime,
        ..Setup::default()
    }))
}

/// What the plugin's threads do.
#[derive(Debug)]
#[expect(dead_code, reason = "the share of the processor is for the reader")]
struct Cost {
    wake_ups_per_second: f64,
    percent_of_a_core: f64,
}

/// What the plugin's threads do while the host processes blocks and its transport stands.
fn count<H: Host>(players: &mut [Player<H>]) -> Cost {
    let start = Instant::now();
    let before = spent();
    while start.elapsed() < WINDOW {
        for player in &mut *players {
            player.run(512);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = spent();
    Cost {
        wake_ups_per_second: (after.0 - before.0) / seconds,
        percent_of_a_core: 100.0 * (after.1 - before.1) / seconds,
    }
}

/// How often the plugin's threads have gone to sleep so far, and the seconds that they have run.
fn spent() -> (f64, f64) {
    // A thread may end just then: one that makes drums does.
    let spent_by = |thread: &Path| {
        let status = fs::read_to_string(thread.join("status")).ok()?;
        let sleeps = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let number = |text: &str| text.trim().parse::<f64>().unwrap();
        // In user and in system mode, in hundredths of a second; the name before them may hold spaces.
        let stat = fs::read_to_string(thread.join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let hundredths: f64 = fields.split_whitespace().skip(11).take(2).map(number).sum();
        Some((number(sleeps.unwrap()), hundredths / 100.0))
    };
    threads()
        .iter()
        .filter_map(|thread| spent_by(thread))
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// The plugin's threads, as folders of the system.
fn threads() -> Vec<PathBuf> {
    fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|thread| {
            fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.starts_with("fourbar "))
        })
        .collect()
}
