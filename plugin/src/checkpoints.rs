//! The checkpoints that are part of the plugin file, and their weights in memory.
//!
//! Nothing is read before the first worker asks, so that a host's scan stays fast. Weights exist once in a process,
//! however many instances of the plugin it runs.

use crate::engine::{Engine, Generator, Identity};
use candle_core::Device;
use fourbar_model::checkpoint::Checkpoint;
use fourbar_model::groove::Groove;
use fourbar_model::noise::Noise;
use fourbar_model::vae::Vae;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};

/// The checkpoint that the plugin plays.
pub static GROOVAE_4BAR: Embedded = Embedded {
    origin: "the embedded groovae_4bar.safetensors",
    bytes: include_bytes!("../../bundles/models/groovae_4bar.safetensors"),
    loaded: Mutex::new(Weak::new()),
};

/// A checkpoint inside the plugin file.
#[derive(Debug)]
pub struct Embedded {
    /// Begins every error message.
    origin: &'static str,
    bytes: &'static [u8],
    /// The weights, as long as any instance uses them.
    loaded: Mutex<Weak<Loaded>>,
}

/// A checkpoint in memory.
#[derive(Debug)]
struct Loaded {
    identity: Identity,
    vae: Vae,
}

impl Embedded {
    /// An engine that plays this checkpoint on the fastest device that this build and this machine have.
    ///
    /// # Errors
    /// If the checkpoint cannot be used; the text is for the user.
    pub fn engine(&'static self) -> Result<Engine, String> {
        keep_out_of_the_hosts_threads();
        let loaded = self.load().map_err(|error| error.to_string())?;
        let mut generators = self.accelerators();
        generators.push(Box::new(Cpu(Arc::clone(&loaded))));
        Ok(Engine::new(loaded.identity.clone(), generators))
    }

    fn load(&self) -> Result<Arc<Loaded>, fourbar_model::Error> {
        // Held while reading: an instance that comes second waits and shares.
        let mut slot = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = slot.upgrade() {
            return Ok(loaded);
        }
        let checkpoint = Checkpoint::from_bytes(self.bytes, self.origin)?;
        let vae = Vae::from_checkpoint(&checkpoint, &Device::Cpu)?;
        let identity = Identity {
            checkpoint_id: checkpoint_id(&checkpoint.metadata.config.preset, self.bytes),
            model: checkpoint.metadata.config.preset,
            n_latent: checkpoint.metadata.config.latent,
            latent: checkpoint.metadata.latent,
        };
        let loaded = Arc::new(Loaded { identity, vae });
        *slot = Arc::downgrade(&loaded);
        Ok(loaded)
    }

    /// The network on every GPU device that the build supports and the machine has.
    fn accelerators(&self) -> Vec<Box<dyn Generator>> {
        #[cfg_attr(
            not(any(feature = "cuda", feature = "metal")),
            expect(unused_mut, reason = "no device is built in")
        )]
        let mut generators: Vec<Box<dyn Generator>> = Vec::new();
        #[cfg(feature = "cuda")]
        generators.extend(self.accelerator("CUDA", || Device::new_cuda(0)));
        #[cfg(feature = "metal")]
        generators.extend(self.accelerator("Metal", || Device::new_metal(0)));
        generators
    }

    /// The network on one GPU; a machine without it is no error. Drivers are opened at run time and may even panic.
    #[cfg(any(feature = "cuda", feature = "metal"))]
    fn accelerator(
        &self,
        name: &'static str,
        open: impl FnOnce() -> candle_core::Result<Device>,
    ) -> Option<Box<dyn Generator>> {
        let vae = crate::engine::guarded(|| {
            let device = open().map_err(|error| error.to_string())?;
            let checkpoint = Checkpoint::from_bytes(self.bytes, self.origin);
            let vae = checkpoint.and_then(|checkpoint| Vae::from_checkpoint(&checkpoint, &device));
            vae.map_err(|error| error.to_string())
        });
        let vae = vae.ok()?;
        Some(Box::new(Gpu { name, vae }))
    }
}

/// The weights that all instances share, on the thread that asks.
struct Cpu(Arc<Loaded>);

impl Generator for Cpu {
    fn device(&self) -> &str {
        "CPU"
    }

    fn generate(
        &mut self,
        z: &[f32],
        temperature: f32,
        noise: &mut Noise,
    ) -> Result<Groove, String> {
        self.0
            .vae
            .generate_groove(z, temperature, noise)
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

    fn generate(
        &mut self,
        z: &[f32],
        temperature: f32,
        noise: &mut Noise,
    ) -> Result<Groove, String> {
        self.vae
            .generate_groove(z, temperature, noise)
            .map_err(|error| error.to_string())
    }
}

/// Name and content of a checkpoint in one short text: equal ids make equal patterns.
fn checkpoint_id(preset: &str, bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
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
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::request::Request;

    #[test]
    fn the_embedded_checkpoint_plays() {
        let mut engine = GROOVAE_4BAR.engine().unwrap();
        let ready = engine.make(&Request::new(1, 0, 1.0, [0.0; 8])).unwrap();
        assert_eq!(ready.check(), Ok(()));
        assert!(ready.checkpoint_id.starts_with("groovae_4bar "));
    }

    #[test]
    fn instances_share_the_weights_and_the_last_one_frees_them() {
        let embedded: &Embedded = Box::leak(Box::new(Embedded {
            origin: GROOVAE_4BAR.origin,
            bytes: GROOVAE_4BAR.bytes,
            loaded: Mutex::default(),
        }));
        let (first, second) = (embedded.load().unwrap(), embedded.load().unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        drop((first, second));
        assert!(embedded.loaded.lock().unwrap().upgrade().is_none());
    }

    #[test]
    fn a_damaged_checkpoint_is_named() {
        static DAMAGED: Embedded = Embedded {
            origin: "the embedded test file",
            bytes: b"not a checkpoint",
            loaded: Mutex::new(Weak::new()),
        };
        let problem = DAMAGED.engine().err().unwrap();
        assert!(problem.starts_with("the embedded test file: "), "{problem}");
    }

    /// Runs alone in a process of its own, because other tests start threads too.
    #[cfg(target_os = "linux")]
    #[test]
    fn no_thread_is_started_in_the_host() {
        const ALONE: &str = "FOURBAR_TEST_RUNS_ALONE";
        if std::env::var_os(ALONE).is_none() {
            let name = "checkpoints::tests::no_thread_is_started_in_the_host";
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
        let mut engine = GROOVAE_4BAR.engine().unwrap();
        engine.make(&Request::new(1, 0, 1.0, [0.0; 8])).unwrap();
        assert_eq!(n_threads(), before);
    }
}
