//! Many instances for a long time: whether memory stays where it is and every block is in time while everything is automated.
//!
//! One thread processes a block of every instance in turn, as often as an audio device would ask for one. Memory and the
//! processor's time are read from Linux.

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::{EventFlags, EventHeader};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};
use clap::Args;
use fourbar_model::noise::Noise;

use crate::artifact::Build;
use crate::demo::host::{PLUGIN_ID, extension};
use crate::target::Target;

const SAMPLE_RATE: f64 = 48_000.0;
const BLOCK_FRAMES: u32 = 512;
/// How long a block sounds.
const BLOCK_TIME: Duration = Duration::from_nanos(10_666_667);
/// The share of that which an instance may take.
const MAX_SHARE: f64 = 0.1;
/// More events than any block brings.
const MAX_EVENTS: usize = 4096;
/// How many blocks pass between two changes of an instance, on average.
const BLOCKS_PER_CHANGE: usize = 94;
/// Memory counts from here on: by then models are read, drums made, and every kind of pattern has been there.
const WARM_UP: f64 = 1.0 / 6.0;
/// By how much memory may differ afterwards.
const MAX_GROWTH: f64 = 1.05;

/// Options of `cargo xtask soak`.
#[derive(Args)]
pub(crate) struct SoakArgs {
    /// How long the instances play.
    #[arg(long, value_name = "N", default_value_t = 60)]
    minutes: u64,
    /// How many there are.
    #[arg(long, value_name = "N", default_value_t = 32)]
    instances: u64,
    /// A plugin that is built already, in place of this tree's.
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
}

/// Plays the plugin, optimised as users get it, and prints a line of figures each minute.
///
/// # Errors
/// If the build or a block fails, memory grows after the first sixth of the time, or a block takes more than a tenth of its
/// time of the processor.
#[expect(
    unsafe_code,
    reason = "loading a plugin is running foreign code; this one was built from here"
)]
pub(crate) fn soak(args: &SoakArgs) -> Result<()> {
    let plugin = match &args.plugin {
        Some(plugin) => plugin.clone(),
        None => Build {
            profile: "release",
            features: &[],
            target: &Target::here()?,
            glibc: None,
        }
        .library()?,
    };
    // SAFETY: the library was built from this repository and follows the CLAP specification.
    let entry = unsafe { PluginEntry::load(&plugin) }.context("loading the plugin file")?;
    let players = (0..args.instances).map(|seed| Player::new(&entry, seed));
    let mut players: Vec<Player> = players.collect::<Result<_>>()?;
    let length = Duration::from_secs(60 * args.minutes);
    let (mut figures, mut warm_mib, mut minute) = (Figures::default(), None, 1);
    if !take_priority() {
        println!(
            "This user has no real-time priority: other threads make blocks late, by the clock"
        );
    }
    let start = Instant::now();
    println!("{} instances: {:.1} MiB", args.instances, resident_mib()?);
    let mut next = start;
    while start.elapsed() < length {
        for player in &mut players {
            figures.blocks.add(player.block()?);
            figures.pieces.add(steady_work()?);
        }
        next += BLOCK_TIME;
        match next.checked_duration_since(Instant::now()) {
            Some(early) => thread::sleep(early),
            // A device would have clicked, and gone on from there.
            None => {
                figures.n_dropouts += 1;
                next = Instant::now();
            }
        }
        if start.elapsed() > length.mul_f64(WARM_UP) && warm_mib.is_none() {
            warm_mib = Some(resident_mib()?);
        }
        if start.elapsed().as_secs() >= 60 * minute {
            println!("minute {minute}: {:.1} MiB, {figures}", resident_mib()?);
            minute += 1;
        }
    }
    let (warm_mib, end_mib) = (warm_mib.context("it ended at once")?, resident_mib()?);
    println!("{warm_mib:.1} MiB after the first sixth, {end_mib:.1} MiB at the end; {figures}");
    ensure!(end_mib < MAX_GROWTH * warm_mib, "memory grows");
    // Where the machine is a part of another one, the pieces say how many of them were its doing.
    ensure!(
        figures.blocks.n_dear == 0,
        "{} blocks took more than {:.0} % of their time, and {} of as many pieces of steady work",
        figures.blocks.n_dear,
        100.0 * MAX_SHARE,
        figures.pieces.n_dear
    );
    Ok(())
}

/// What blocks took, and as many pieces of steady work between them.
#[derive(Default)]
struct Figures {
    blocks: Tally,
    pieces: Tally,
    /// How often not all instances were done when the next blocks were due.
    n_dropouts: u64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "blocks: {}; steady work: {}; {} dropouts",
            self.blocks, self.pieces, self.n_dropouts
        )
    }
}

/// What some pieces of work took, as shares of the time that a block sounds.
#[derive(Default)]
struct Tally {
    n: u64,
    /// Sum and maximum of what the processor spent.
    spent: f64,
    most_spent: f64,
    /// The maximum of what went by meanwhile.
    longest: f64,
    /// How many took more than [`MAX_SHARE`] of the processor, and of the clock.
    n_dear: u64,
    n_late: u64,
}

impl Tally {
    fn add(&mut self, took: Took) {
        let share = |time: Duration| time.as_secs_f64() / BLOCK_TIME.as_secs_f64();
        let (spent, passed) = (share(took.processor), share(took.clock));
        self.n += 1;
        self.spent += spent;
        self.most_spent = self.most_spent.max(spent);
        self.longest = self.longest.max(passed);
        self.n_dear += u64::from(spent > MAX_SHARE);
        self.n_late += u64::from(passed > MAX_SHARE);
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "some millions of blocks")]
        let mean = self.spent / self.n as f64;
        write!(
            f,
            "{} of {:.2} % of a block's time on average, {:.1} % at most, {} over {:.0} %; by the clock {:.1} % at most, {} over",
            self.n,
            100.0 * mean,
            100.0 * self.most_spent,
            self.n_dear,
            100.0 * MAX_SHARE,
            100.0 * self.longest,
            self.n_late,
        )
    }
}

/// What a block or a piece of steady work took, of the processor and by the clock.
struct Took {
    processor: Duration,
    clock: Duration,
}

impl Took {
    fn by(work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let (processor, clock) = (processor_time()?, Instant::now());
        work()?;
        Ok(Self {
            clock: clock.elapsed(),
            processor: processor_time()?.saturating_sub(processor),
        })
    }
}

/// An instance that plays, and what its host does with it.
struct Player {
    // The processor goes before what it processes for.
    processor: StartedPluginAudioProcessor<()>,
    _instance: PluginInstance<()>,
    /// Id and largest value of each parameter; the smallest is 0.
    parameters: Vec<(ClapId, f64)>,
    noise: Noise,
    is_playing: bool,
    position_beats: f64,
    tempo_bpm: f64,
    channels: [Vec<f32>; 2],
    sent: EventBuffer,
}

impl Player {
    fn new(entry: &PluginEntry, seed: u64) -> Result<Self> {
        let host = HostInfo::new("Fourbar soak", "Fourbar", "", env!("CARGO_PKG_VERSION"))
            .context("naming the host")?;
        let mut instance = PluginInstance::<()>::new(|()| (), |()| (), entry, PLUGIN_ID, &host)
            .context("creating the plugin")?;
        let parameters = parameters(&mut instance)?;
        let configuration = PluginAudioConfiguration {
            sample_rate: SAMPLE_RATE,
            min_frames_count: BLOCK_FRAMES,
            max_frames_count: BLOCK_FRAMES,
        };
        let stopped = instance
            .activate(|(), ()| (), configuration)
            .context("activating the plugin")?;
        let Ok(processor) = stopped.start_processing() else {
            bail!("the plugin refused to start processing");
        };
        Ok(Self {
            processor,
            _instance: instance,
            parameters,
            noise: Noise::from_seed(seed),
            is_playing: true,
            position_beats: 0.0,
            tempo_bpm: 120.0,
            channels: [(); 2].map(|()| vec![0.0; BLOCK_FRAMES as usize]),
            sent: EventBuffer::with_capacity(MAX_EVENTS),
        })
    }

    /// Processes a block, before which the transport or a parameter may have changed.
    fn block(&mut self) -> Result<Took> {
        let mut changes = EventBuffer::new();
        match self.noise.below(BLOCKS_PER_CHANGE) {
            0 => {
                let (id, largest) = self.parameters[self.noise.below(self.parameters.len())];
                let value = f64::from(self.noise.uniform()) * largest;
                changes.push(&ParamValueEvent::new(0, id, Pckn::match_all(), value));
            }
            1 => match self.noise.below(4) {
                0 => self.is_playing = !self.is_playing,
                1 => self.position_beats = 100.0 * f64::from(self.noise.uniform()),
                2 => self.tempo_bpm = 40.0 + 200.0 * f64::from(self.noise.uniform()),
                _ => {}
            },
            _ => {}
        }
        let transport = self.transport();
        let mut ports = AudioPorts::with_capacity(2, 1);
        let channels = self.channels.iter_mut().map(Vec::as_mut_slice);
        let mut output = ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(channels),
        }]);
        self.sent.clear();
        let (changes, mut sent) = (changes.as_input(), self.sent.as_output());
        let input = InputAudioBuffers::empty();
        let took = Took::by(|| {
            self.processor
                .process(
                    &input,
                    &mut output,
                    &changes,
                    &mut sent,
                    None,
                    Some(&transport),
                )
                .context("the plugin failed to process a block")?;
            Ok(())
        })?;
        if self.is_playing {
            self.position_beats += f64::from(BLOCK_FRAMES) / SAMPLE_RATE * self.tempo_bpm / 60.0;
        }
        Ok(took)
    }

    fn transport(&self) -> TransportEvent {
        let mut flags = TransportFlags::HAS_TEMPO
            | TransportFlags::HAS_BEATS_TIMELINE
            | TransportFlags::HAS_TIME_SIGNATURE;
        flags.set(TransportFlags::IS_PLAYING, self.is_playing);
        let bar = (self.position_beats / 4.0).floor();
        TransportEvent {
            header: EventHeader::new_core(0, EventFlags::empty()),
            flags,
            song_pos_beats: BeatTime::from_float(self.position_beats),
            song_pos_seconds: SecondsTime::from_float(0.0),
            tempo: self.tempo_bpm,
            tempo_inc: 0.0,
            loop_start_beats: BeatTime::from_float(0.0),
            loop_end_beats: BeatTime::from_float(0.0),
            loop_start_seconds: SecondsTime::from_float(0.0),
            loop_end_seconds: SecondsTime::from_float(0.0),
            bar_start: BeatTime::from_float(4.0 * bar),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a bar of a few hours of song"
            )]
            bar_number: bar as i32,
            time_signature_numerator: 4,
            time_signature_denominator: 4,
        }
    }
}

fn parameters(instance: &mut PluginInstance<()>) -> Result<Vec<(ClapId, f64)>> {
    let params: PluginParams = extension(instance)?;
    let plugin = instance.plugin_handle();
    let mut buffer = ParamInfoBuffer::new();
    (0..params.count(&plugin))
        .map(|index| {
            let info = params.get_info(&plugin, index, &mut buffer);
            let info = info.with_context(|| format!("the plugin has no parameter {index}"))?;
            Ok((info.id, info.max_value))
        })
        .collect()
}

/// Gives this thread, and none that it starts, the priority that hosts give the thread that processes. Whether that was allowed.
#[expect(unsafe_code, reason = "a call of the system's")]
fn take_priority() -> bool {
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // In the middle of what there is.
    let priority = libc::sched_param { sched_priority: 50 };
    // SAFETY: the pointer is to a live local.
    unsafe { libc::sched_setscheduler(0, policy, &raw const priority) == 0 }
}

/// Does work that is always the same, some 40 µs of it without optimisation, as a block does on average. Whatever interrupts the
/// thread, such as the machine of which this one is a part, interrupts both as often.
fn steady_work() -> Result<Took> {
    const N_SUMS: u32 = 2_500;
    Took::by(|| {
        let sum = (0..N_SUMS).fold(0.0_f32, |sum, _| black_box(sum) * 0.5 + 1.0);
        black_box(sum);
        Ok(())
    })
}

/// What the processor has spent on this thread so far.
#[expect(unsafe_code, reason = "a call of the system's")]
fn processor_time() -> Result<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a live local.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    ensure!(result == 0, "the system does not count a thread's time");
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec)?, u64::try_from(time.tv_nsec)?);
    Ok(Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds))
}

/// The memory of this process that is not swapped out, in MiB.
fn resident_mib() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.trim().strip_suffix(" kB"));
    let kib: f64 = kib.context("/proc/self/status has no VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}
