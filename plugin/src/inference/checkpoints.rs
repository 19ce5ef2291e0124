//! Checkpoints as engines: the one that is part of the plugin file and the user's own, and their weights in memory.
//!
//! Nothing is read before the first worker asks, so that a host's scan stays fast. Weights exist once in a process,
//! however many instances of the plugin play them.

use crate::inference::abilities::Abilities;
use crate::inference::card::Card;
use crate::inference::engine::{Engine, Generator, Identity};
use crate::inference::models::{self, BuiltIn, Choice};
use crate::request::MAX_BARS;
use candle_core::Device;
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::conditions::Conditions;
use fourbar_model::config::ModelConfig;
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
use fourbar_model::noise::Noise;
use fourbar_model::temperature::Temperature;
use fourbar_model::vae::Vae;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};

/// What the model of a new instance makes of the default parameters; see [`crate::inference::first_pattern`].
pub(crate) static FIRST_PATTERN: &str =
    include_str!("../../../bundles/models/fourbar.pattern.json");

/// What all instances in this process have loaded.
static WEIGHTS: Weights = Weights::new();

/// An engine that plays the chosen model on the fastest device that this build and this machine have.
///
/// # Errors
/// If the model is not there or cannot be played; the text is for the user.
pub fn engine(choice: &Choice) -> Result<Engine, String> {
    match choice {
        Choice::BuiltIn(model) => {
            let name = model.name();
            engine_of(
                bytes_of(*model),
                &format!("the embedded {name}.safetensors"),
                name,
            )
        }
        Choice::User(model) => engine_in(&models::folder()?, &model.file),
    }
}

/// What the chosen model says of itself.
///
/// # Errors
/// If the model is not there or is none; the text is for the user.
pub fn card(choice: &Choice) -> Result<Card, String> {
    let metadata = match choice {
        Choice::BuiltIn(model) => Checkpoint::metadata_of(bytes_of(*model), model.name()),
        Choice::User(model) => {
            let (bytes, path) = models::read(&models::folder()?, &model.file)?;
            Checkpoint::metadata_of(&bytes, &path.display().to_string())
        }
    };
    metadata
        .map(|metadata| Card::of(&metadata))
        .map_err(|error| error.to_string())
}

/// Engines of a built-in model on the CPU, one for each instruction set that this machine has, by its name: all of them
/// make the same patterns.
///
/// # Errors
/// As of [`engine`].
pub fn engines_on_every_instruction_set(model: BuiltIn) -> Result<Vec<(String, Engine)>, String> {
    let loaded = WEIGHTS.load(bytes_of(model), model.name())?;
    let engine = |(instructions, vae)| {
        let identity = loaded.identity.clone();
        let cpu = Cpu(Arc::new(Loaded {
            identity: identity.clone(),
            vae,
        }));
        (instructions, Engine::new(identity, vec![Box::new(cpu)]))
    };
    Ok(loaded.vae.on_every_instruction_set().map(engine).collect())
}

fn bytes_of(model: BuiltIn) -> &'static [u8] {
    match model {
        BuiltIn::Fourbar => include_bytes!("../../../bundles/models/fourbar.safetensors"),
        BuiltIn::Groovae4Bar => include_bytes!("../../../bundles/models/groovae_4bar.safetensors"),
    }
}

/// An engine that plays `file` in `folder`.
fn engine_in(folder: &Path, file: &str) -> Result<Engine, String> {
    let (bytes, path) = models::read(folder, file)?;
    engine_of(&bytes, &path.display().to_string(), models::name(file))
}

/// An engine that plays the checkpoint in `bytes`; `origin` begins every error message.
fn engine_of(bytes: &[u8], origin: &str, name: &str) -> Result<Engine, String> {
    keep_out_of_the_hosts_threads();
    let loaded = WEIGHTS.load(bytes, origin)?;
    let mut generators = accelerators(bytes, origin);
    generators.push(Box::new(Cpu(Arc::clone(&loaded))));
    let identity = Identity {
        model: name.to_owned(),
        ..loaded.identity.clone()
    };
    Ok(Engine::new(identity, generators))
}

/// A checkpoint in memory.
#[derive(Debug)]
struct Loaded {
    identity: Identity,
    vae: Vae,
}

/// Checkpoints by the SHA-256 of their files, as long as any instance uses them.
#[derive(Debug)]
struct Weights(Mutex<BTreeMap<[u8; 32], Weak<Loaded>>>);

impl Weights {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn load(&self, bytes: &[u8], origin: &str) -> Result<Arc<Loaded>, String> {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        // Held while reading: an instance that comes second waits and shares.
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = loaded.get(&hash).and_then(Weak::upgrade) {
            return Ok(loaded);
        }
        let new = Arc::new(read(bytes, hash, origin)?);
        loaded.retain(|_, weights| weights.strong_count() > 0);
        loaded.insert(hash, Arc::downgrade(&new));
        Ok(new)
    }
}

fn read(bytes: &[u8], hash: [u8; 32], origin: &str) -> Result<Loaded, String> {
    let checkpoint = Checkpoint::from_bytes(bytes, origin).map_err(|error| error.to_string())?;
    check_playable(&checkpoint.metadata.config)
        .map_err(|problem| format!("{origin}: {problem}"))?;
    let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)
        .map_err(|error| format!("{origin}: {error}"))?;
    let abilities = Abilities::of(&checkpoint.metadata);
    let config = &checkpoint.metadata.config;
    let identity = Identity {
        checkpoint_id: checkpoint_id(&config.preset, hash),
        model: config.preset.clone(),
        n_steps: config.n_steps,
        n_latent: config.latent,
        latent: checkpoint.metadata.latent,
        attributes: checkpoint.metadata.attributes,
        abilities,
    };
    Ok(Loaded { identity, vae })
}

/// Whether a model plays nine drums in whole bars by itself.
fn check_playable(config: &ModelConfig) -> Result<(), String> {
    let remedy = "choose a model of nine drums without controls, such as fourbar";
    let preset = &config.preset;
    let converter = &config.converter;
    let plays = if !converter.plays_drums() {
        format!("{}, not drums alone", converter.subject().music)
    } else if converter.has_all_percussion() {
        "61 drums, not nine".to_owned()
    } else if converter.controls().is_some() {
        "only what it is given the hits of, and there is no one to give them".to_owned()
    } else {
        return check_length(config.n_steps);
    };
    Err(format!("the model {preset} plays {plays}; {remedy}"))
}

fn check_length(n_steps: usize) -> Result<(), String> {
    if n_steps.is_multiple_of(STEPS_PER_BAR) && n_steps / STEPS_PER_BAR <= usize::from(MAX_BARS) {
        return Ok(());
    }
    Err(format!(
        "the model makes patterns of {n_steps} steps, and the plugin plays 1 to {MAX_BARS} whole bars of \
         {STEPS_PER_BAR}; choose another model"
    ))
}

/// The network on every GPU device that the build supports and the machine has.
#[cfg_attr(
    not(any(feature = "cuda", feature = "metal")),
    expect(unused_variables, reason = "no device is built in")
)]
fn accelerators(bytes: &[u8], origin: &str) -> Vec<Box<dyn Generator>> {
    #[cfg_attr(
        not(any(feature = "cuda", feature = "metal")),
        expect(unused_mut, reason = "no device is built in")
    )]
    let mut generators: Vec<Box<dyn Generator>> = Vec::new();
    #[cfg(feature = "cuda")]
    generators.extend(accelerator(bytes, origin, "CUDA", || Device::new_cuda(0)));
    #[cfg(feature = "metal")]
    generators.extend(accelerator(bytes, origin, "Metal", || Device::new_metal(0)));
    generators
}

/// The network on one GPU; a machine without one is no error. Opening its driver may even panic.
#[cfg(any(feature = "cuda", feature = "metal"))]
fn accelerator(
    bytes: &[u8],
    origin: &str,
    name: &'static str,
    open: impl FnOnce() -> candle_core::Result<Device>,
) -> Option<Box<dyn Generator>> {
    let vae = crate::inference::engine::guarded(|| {
        let device = open().map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::from_bytes(bytes, origin);
        let vae = checkpoint.and_then(|checkpoint| Vae::from_checkpoint(&checkpoint, &device));
        vae.map_err(|error| error.to_string())
    });
    let vae = vae.ok()?;
    Some(Box::new(Gpu { name, vae }))
}

/// The weights that all instances share, on the thread that asks.
struct Cpu(Arc<Loaded>);

impl Generator for Cpu {
    fn device(&self) -> &str {
        "CPU"
    }

    fn encode(&mut self, groove: &Groove) -> Result<Vec<f32>, String> {
        encoded(&self.0.vae, groove)
    }

    fn generate(
        &mut self,
        z: &[f32],
        conditions: &Conditions,
        temperature: Temperature,
        noise: &mut Noise,
    ) -> Result<Groove, String> {
        self.0
            .vae
            .generate_groove(z, conditions, temperature, noise)
            .map_err(|error| error.to_string())
    }
}

/// Weights on a GPU.
#[cfg(any(feature = "cuda", feature = "metal"))]
struct Gpu {
    name: &'static str,
    vae: Vae,
}

#[cfg(any(feature = "cuda", feature = "metal"))]
impl Generator for Gpu {
    fn device(&self) -> &str {
        self.name
    }

    fn encode(&mut self, groove: &Groove) -> Result<Vec<f32>, String> {
        encoded(&self.vae, groove)
    }

    fn generate(
        &mut self,
        z: &[f32],
        conditions: &Conditions,
        temperature: Temperature,
        noise: &mut Noise,
    ) -> Result<Groove, String> {
        self.vae
            .generate_groove(z, conditions, temperature, noise)
            .map_err(|error| error.to_string())
    }
}

/// The latent vector of a groove, in steps so large that devices which round differently agree.
fn encoded(vae: &Vae, groove: &Groove) -> Result<Vec<f32>, String> {
    const STEPS: f32 = 256.0;
    let z = vae
        .encode_groove(groove)
        .map_err(|error| error.to_string())?;
    let rounded = |z: f32| (z * STEPS).round() / STEPS;
    Ok(z.into_iter().map(rounded).collect())
}

/// Name and content of a checkpoint in one short text: equal ids make equal patterns.
fn checkpoint_id(preset: &str, hash: [u8; 32]) -> String {
    let short: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{preset} {short}")
}

/// Makes the matrix kernels run on the worker's own thread. They would otherwise start a pool with a thread for every
/// core inside the host, and the host needs its cores for audio.
fn keep_out_of_the_hosts_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| gemm::set_threading_threshold(usize::MAX));
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::request::Request;
    use fourbar_model::checkpoint::{DatasetCard, FORMAT_VERSION, Metadata, Precision};
    use fourbar_model::config::Hierarchy;
    use fourbar_model::converter::{
        Converter, DrumRows, DrumsConverter, GrooveConverter, MelodyConverter, TrioConverter,
    };
    use fourbar_model::drums::DrumMap;
    use fourbar_model::head::{Categorical, Head, Nade};
    use fourbar_model::latent::LatentMap;

    /// An untrained checkpoint of a small model.
    pub(crate) fn small(n_steps: usize, seed: u64) -> Checkpoint {
        of_config(
            ModelConfig::flat_groove("small", n_steps, 8, vec![8], vec![8]),
            seed,
        )
    }

    fn of_config(config: ModelConfig, seed: u64) -> Checkpoint {
        let mut noise = Noise::from_seed(seed);
        let tensors = config
            .tensors()
            .into_iter()
            .map(|(name, shape)| {
                let values = noise.normals(shape.iter().product());
                let tensor = candle_core::Tensor::from_vec(values, shape, &Device::Cpu);
                (name, tensor.unwrap())
            })
            .collect();
        let mus: Vec<Vec<f32>> = (0..20).map(|_| noise.normals(config.latent)).collect();
        let metadata = Metadata {
            format_version: FORMAT_VERSION,
            drum_map: DrumMap::GM.id.to_owned(),
            dataset: DatasetCard {
                name: "none".to_owned(),
                licence: "CC0-1.0".to_owned(),
                attribution: "none".to_owned(),
                sha256: String::new(),
            },
            command: "a test".to_owned(),
            seed,
            step: 0,
            epochs: 0.0,
            metrics: serde_json::Value::Null,
            attributes: std::collections::BTreeMap::new(),
            latent: LatentMap::fit(&mus, &[None; 20], 8),
            config,
        };
        Checkpoint { metadata, tensors }
    }

    /// A folder with `checkpoint` in the file `name`.
    fn folder_with(name: &str, checkpoint: &Checkpoint) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), checkpoint.to_bytes().unwrap()).unwrap();
        folder
    }

    fn pattern(engine: &mut Engine) -> crate::request::Ready {
        engine
            .make(&Request::new(1, 0, 1.0, [0.0; 8]), None, None)
            .unwrap()
    }

    #[test]
    fn every_embedded_checkpoint_plays() {
        for model in BuiltIn::ALL {
            let mut engine = engine(&Choice::BuiltIn(model)).unwrap();
            let ready = pattern(&mut engine);
            assert_eq!(ready.check(), Ok(()));
            let name = model.name();
            assert!(ready.checkpoint_id.starts_with(&format!("{name} ")));
            assert_eq!(engine.identity().model, name);
        }
    }

    #[test]
    fn a_users_model_plays_under_the_name_of_its_file_and_in_its_own_length() {
        for (n_bars, loop_beats) in [(1, 4.0), (2, 8.0), (4, 16.0), (16, 64.0)] {
            let folder = folder_with("mine.safetensors", &small(16 * n_bars, 3));
            let mut engine = engine_in(folder.path(), "mine.safetensors").unwrap();
            assert_eq!(engine.identity().model, "mine");
            let ready = pattern(&mut engine);
            assert_eq!(ready.check(), Ok(()));
            assert_eq!(ready.pattern.loop_beats(), loop_beats);
            assert_eq!(pattern(&mut engine), ready);
        }
    }

    #[test]
    fn a_model_in_single_precision_plays_as_it_is_stored() {
        let checkpoint = small(32, 3);
        let bytes = checkpoint.to_bytes_in(Precision::Single).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("imported.safetensors"), bytes).unwrap();
        let mut engine = engine_in(folder.path(), "imported.safetensors").unwrap();
        assert_eq!(engine.identity().model, "imported");
        let ready = pattern(&mut engine);
        assert_eq!(ready.check(), Ok(()));
        assert_eq!(pattern(&mut engine), ready);

        let halves = folder_with("halves.safetensors", &checkpoint);
        let mut halves = engine_in(halves.path(), "halves.safetensors").unwrap();
        assert_ne!(
            pattern(&mut halves).pattern,
            ready.pattern,
            "nothing was rounded"
        );
    }

    /// One model of each kind that the plugin plays.
    fn kinds() -> Vec<Checkpoint> {
        let base = small(32, 1).metadata.config;
        let with_drums = |output, head| {
            let mut config = base.clone();
            config.converter = Converter::Drums(DrumsConverter {
                output,
                ..DrumsConverter::default()
            });
            config.decoder.head = head;
            config
        };
        let nade = with_drums(DrumRows::Roll, Head::Nade(Nade { hidden: 6 }));
        let mut hierarchy = base.clone();
        hierarchy.decoder.units = vec![8, 8];
        hierarchy.decoder.hierarchy = Some(Hierarchy {
            segments: 2,
            rows: 16,
        });
        let labels = with_drums(DrumRows::Labels, Head::Categorical(Categorical));
        [base, labels, nade, hierarchy]
            .map(|config| of_config(config, 2))
            .into()
    }

    #[test]
    fn labels_rolls_and_hierarchies_play() {
        for checkpoint in kinds() {
            let folder = folder_with("mine.safetensors", &checkpoint);
            let mut engine = engine_in(folder.path(), "mine.safetensors").unwrap();
            let ready = pattern(&mut engine);
            assert_eq!(ready.check(), Ok(()));
            assert!(!ready.pattern.hits().is_empty());
        }
    }

    #[test]
    fn what_the_plugin_cannot_play_is_refused_with_a_reason() {
        let refusal = |config: &ModelConfig| check_playable(config).unwrap_err();
        let with = |converter| ModelConfig {
            converter,
            ..small(32, 1).metadata.config
        };
        let given_hits = GrooveConverter {
            hits_as_controls: true,
            ..GrooveConverter::default()
        };
        let all_percussion = DrumsConverter {
            classes: 61,
            ..DrumsConverter::default()
        };
        for (converter, word) in [
            (Converter::Melody(MelodyConverter::default()), "a melody"),
            (Converter::Trio(TrioConverter::default()), "bass"),
            (Converter::Drums(all_percussion), "61 drums"),
            (Converter::Groove(given_hits), "given"),
        ] {
            let problem = refusal(&with(converter));
            assert!(
                problem.contains(word) && problem.contains("choose"),
                "{problem}"
            );
        }
        for n_steps in [20, 17 * 16] {
            let problem = refusal(&small(n_steps, 1).metadata.config);
            assert!(problem.contains(&n_steps.to_string()), "{problem}");
        }
    }

    #[test]
    fn instances_share_the_weights_and_the_last_one_frees_them() {
        let weights = Weights::new();
        let (one, other) = (
            small(16, 1).to_bytes().unwrap(),
            small(16, 2).to_bytes().unwrap(),
        );
        let first = weights.load(&one, "one").unwrap();
        let second = weights.load(&one.clone(), "a copy").unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        drop((first, second));
        let _other = weights.load(&other, "other").unwrap();
        let left = weights.0.lock().unwrap();
        assert_eq!(left.len(), 1, "the first is gone");
    }

    #[test]
    fn a_damaged_checkpoint_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.safetensors");
        let whole = small(16, 1).to_bytes().unwrap();
        for bytes in [&b"not a checkpoint"[..], &whole[..whole.len() / 2], &[]] {
            std::fs::write(&path, bytes).unwrap();
            let problem = engine_in(folder.path(), "mine.safetensors").err().unwrap();
            assert!(
                problem.starts_with(&path.display().to_string()),
                "{problem}"
            );
        }
    }

    /// Runs alone in a process of its own, because other tests start threads too.
    #[cfg(target_os = "linux")]
    #[test]
    fn no_thread_is_started_in_the_host() {
        const ALONE: &str = "FOURBAR_TEST_RUNS_ALONE";
        if std::env::var_os(ALONE).is_none() {
            let name = "inference::checkpoints::tests::no_thread_is_started_in_the_host";
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            let output = child
                .args(["--exact", name, "--test-threads=1"])
                .env(ALONE, "1")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && text.contains("1 passed"),
                "{text}"
            );
            return;
        }
        let n_threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        let before = n_threads();
        pattern(&mut engine(&Choice::default()).unwrap());
        assert_eq!(n_threads(), before);
        for checkpoint in kinds() {
            let folder = folder_with("mine.safetensors", &checkpoint);
            pattern(&mut engine_in(folder.path(), "mine.safetensors").unwrap());
            let config = checkpoint.metadata.config;
            assert_eq!(n_threads(), before, "{config:?}");
        }
    }
}
