//! What an instance costs its host: its activation, its idling, and how long a request waits for its worker.
//!
//! The idle cost is read from `/proc`, so it is Linux's.

use fourbar_model::conditions::Conditions;
use fourbar_model::groove::Groove;
use fourbar_model::latent::LatentMap;
use fourbar_model::noise::Noise;
use fourbar_model::temperature::Temperature;
use fourbar_plugin::Fourbar;
use fourbar_plugin::inference::abilities::Abilities;
use fourbar_plugin::inference::engine::{Engine, Generator, Identity};
use fourbar_plugin::inference::poller;
use fourbar_plugin::inference::worker::Worker;
use fourbar_plugin::mailbox::mailbox;
use fourbar_plugin::request::{Job, Request};
use fourbar_plugin::shared::Shared;
use nice_plug::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const N_ACTIVATED: usize = 40;
const N_IDLE: usize = 32;
const N_REQUESTS: u32 = 100;

fn main() {
    activation();
    idling();
    latency();
}

/// A host that wants nothing while it activates.
struct NoContext;

impl InitContext<Fourbar> for NoContext {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }
    fn execute(&self, (): ()) {}
    fn set_latency_samples(&self, _samples: u32) {}
    fn set_current_voice_capacity(&self, _capacity: u32) {}
}

fn activated() -> Fourbar {
    let mut instance = Fourbar::default();
    let config = BufferConfig {
        sample_rate: 48_000.0,
        min_buffer_size: None,
        max_buffer_size: 512,
        process_mode: ProcessMode::Realtime,
    };
    let layout = Fourbar::AUDIO_IO_LAYOUTS[0];
    assert!(instance.initialize(&layout, &config, &mut NoContext));
    instance
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn activation() {
    let start = Instant::now();
    let mut instances = vec![activated()];
    let first = start.elapsed();
    instances.extend((1..N_ACTIVATED).map(|_| activated()));
    println!(
        "activation: the first instance {:.2} ms, {N_ACTIVATED} instances {:.2} ms",
        milliseconds(first),
        milliseconds(start.elapsed())
    );
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn idling() {
    let _instances: Vec<_> = (0..N_IDLE).map(|_| activated()).collect();
    // The models are read first.
    thread::sleep(Duration::from_secs(5));
    let start = Instant::now();
    let before = spent();
    thread::sleep(Duration::from_secs(10));
    let seconds = start.elapsed().as_secs_f64();
    let after = spent();
    println!(
        "{N_IDLE} idle instances: {:.0} wake-ups a second, {:.3} % of a core",
        (after.0 - before.0) / seconds,
        100.0 * (after.1 - before.1) / seconds
    );
}

/// How often this process has gone to sleep so far, and the seconds that it has run.
fn spent() -> (f64, f64) {
    let mut sum = (0.0, 0.0);
    for thread in fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let read = |file| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let number = |text: &str| text.trim().parse::<f64>().unwrap_or(0.0);
        let status = read("status");
        let sleeps = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum.0 += sleeps.map_or(0.0, number);
        // In user and in system mode, in hundredths of a second; the name before them may hold spaces.
        let stat = read("stat");
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let hundredths: f64 = fields.split_whitespace().skip(11).take(2).map(number).sum();
        sum.1 += hundredths / 100.0;
    }
    sum
}

/// Says when it is asked for a groove.
struct Clock(Mutex<Sender<Instant>>);

impl Generator for Clock {
    fn device(&self) -> &str {
        "clock"
    }

    fn encode(&mut self, _: &Groove) -> Result<Vec<f32>, String> {
        Ok(Vec::new())
    }

    fn generate(
        &mut self,
        _z: &[f32],
        _conditions: &Conditions,
        _temperature: Temperature,
        _noise: &mut Noise,
    ) -> Result<Groove, String> {
        let sender = self.0.lock().map_err(|error| error.to_string())?;
        sender
            .send(Instant::now())
            .map_err(|error| error.to_string())?;
        Ok(Groove::empty(64))
    }
}

fn engine(sender: Sender<Instant>) -> Engine {
    let latent = LatentMap {
        mean: vec![0.0; 2],
        axes: vec![vec![1.0, 0.0]],
        spreads: vec![1.0],
        styles: BTreeMap::new(),
        prior: None,
    };
    let identity = Identity {
        checkpoint_id: "clock".to_owned(),
        model: "clock".to_owned(),
        n_steps: 64,
        n_latent: 2,
        latent,
        attributes: BTreeMap::new(),
        abilities: Abilities::default(),
    };
    Engine::new(identity, vec![Box::new(Clock(Mutex::new(sender)))])
}

/// From the post of a request to the moment at which the network is asked.
fn latency() {
    let (audio, worker_end) = mailbox();
    let shared = Arc::new(Shared::default());
    let (sender, asked): (_, Receiver<Instant>) = channel();
    let load = move |_: &_| Ok(engine(sender.clone()));
    let worker = Worker::start(worker_end, Arc::clone(&shared), load);
    let _worker = worker.expect("the system gives a thread");
    let mut seed = 0;
    let mut post = |is_announced: bool| {
        seed += 1;
        let request = Request::new(seed, 0, 1.0, [0.0; 8]);
        let posted = Instant::now();
        let job = Job {
            request,
            model_revision: 0,
            state_revision: 0,
        };
        assert!(audio.post(job), "the worker keeps up");
        if is_announced {
            poller::wake();
        }
        let asked = asked.recv().expect("the worker lives");
        while let Some(reply) = audio.receive() {
            reply
                .made
                .into_iter()
                .for_each(|made| audio.give_back(made));
        }
        asked - posted
    };
    let playing = (0..N_REQUESTS).map(|number| {
        for _ in 0..7 + number % 5 {
            shared.n_played.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_micros(1_300));
        }
        post(false)
    });
    report("while a song plays", playing.collect());
    let mut idle = |is_announced| {
        let wait = |number| Duration::from_millis(1_300 + 7 * u64::from(number));
        (0..N_REQUESTS / 10)
            .map(|number| {
                thread::sleep(wait(number));
                post(is_announced)
            })
            .collect()
    };
    report("in an idle instance, announced by the host", idle(true));
    report("in an idle instance, out of nothing", idle(false));
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn report(when: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    println!(
        "a request waits {when}: median {:.2} ms, longest {:.2} ms",
        milliseconds(latencies[latencies.len() / 2]),
        milliseconds(latencies[latencies.len() - 1])
    );
}

fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}
