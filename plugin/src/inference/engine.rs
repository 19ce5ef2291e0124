//! A request in, a pattern out, on the fastest device that works.
//!
//! Whatever device computes it, the randomness comes from the request alone. A device that fails is given up, and the
//! pattern that was being made is made on the next one: the CPU comes last and is always there.

use super::abilities::Abilities;
use super::morph;
use super::passes::passes;
use crate::request::{Form, Kept, Locks, Morph, N_CORNERS, Play, Ready, Request};
use fourbar_model::attributes::AttributeVector;
use fourbar_model::conditions::Conditions;
use fourbar_model::groove::Groove;
use fourbar_model::latent::{LatentMap, Prior};
use fourbar_model::noise::Noise;
use fourbar_model::temperature::Temperature;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The network on one device.
pub trait Generator: Send {
    /// The device's name for the user.
    fn device(&self) -> &str;

    /// Decodes the latent vector `z` (`[latent]`) to a groove under `conditions`.
    ///
    /// # Errors
    /// If the device fails.
    fn generate(
        &mut self,
        z: &[f32],
        conditions: &Conditions,
        temperature: Temperature,
        noise: &mut Noise,
    ) -> Result<Groove, String>;
}

/// What an engine has to know of its checkpoint.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Identity of the weights; equal ids make equal patterns.
    pub checkpoint_id: String,
    /// Name of the model.
    pub model: String,
    /// Length of its grooves.
    pub n_steps: usize,
    /// Width of the latent vector.
    pub n_latent: usize,
    /// The directions that the latent positions move along.
    pub latent: LatentMap,
    /// The directions in which attributes of the music change, by their names.
    pub attributes: BTreeMap<String, AttributeVector>,
    /// What the model can be asked for.
    pub abilities: Abilities,
}

impl Identity {
    /// The style that is asked for, as its place among those that the model knows.
    fn style(&self, play: &Play) -> Option<usize> {
        let asked = play.style_id()?;
        let styles = &self.abilities.styles;
        styles.iter().position(|known| known == asked)
    }
}

/// The network, wherever it runs. Owned by the worker.
pub struct Engine {
    identity: Identity,
    /// Fastest first; the last one is the CPU.
    generators: Vec<Box<dyn Generator>>,
    /// Which devices have failed and why, for the user.
    device_failures: String,
}

impl Engine {
    /// An engine that prefers the fastest of `generators`, measured on one groove each. The last of them is the one to
    /// fall back to.
    #[must_use]
    pub fn new(identity: Identity, mut generators: Vec<Box<dyn Generator>>) -> Self {
        if generators.len() > 1 {
            let n_latent = identity.n_latent;
            let fallback = generators.pop().map(|generator| timed(generator, n_latent));
            let mut rated: Vec<_> = generators
                .into_iter()
                .map(|generator| timed(generator, n_latent))
                .collect();
            // Slower ones than the fallback are of no use: it does not fail.
            let limit = fallback.as_ref().and_then(|(seconds, _)| *seconds);
            rated.retain(|(seconds, _)| {
                seconds.is_some_and(|seconds| limit.is_none_or(|limit| seconds < limit))
            });
            rated.sort_by_key(|(seconds, _)| *seconds);
            rated.extend(fallback);
            generators = rated.into_iter().map(|(_, generator)| generator).collect();
        }
        Self {
            identity,
            generators,
            device_failures: String::new(),
        }
    }

    /// What the engine knows of its checkpoint.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The device in use, and why a better one is not.
    #[must_use]
    pub fn device(&self) -> String {
        let device = self
            .generators
            .first()
            .map_or("", |generator| generator.device());
        format!("{device}{}", self.device_failures)
    }

    /// Makes the pattern of `request`, around the `locks` that it names.
    ///
    /// # Errors
    /// If even the last device fails; the text is for the user.
    pub fn make(&mut self, request: &Request, locks: Option<&Locks>) -> Result<Ready, String> {
        let (z, noise) = latent_vector(request, &self.identity);
        let completes = self.identity.abilities.completes;
        let n_steps = self.identity.n_steps;
        let conditions = Conditions {
            style: self.identity.style(&request.play),
            known: locks
                .filter(|_| completes)
                .and_then(|locks| locks.known(n_steps)),
            ..Conditions::default()
        };
        let temperature = Temperature {
            hits: request.temperature,
            feel: request.feel_temperature,
        };
        let checkpoint_id = self.identity.checkpoint_id.clone();
        let groove = match locks {
            Some(locks) if locks.hold(request, &checkpoint_id) => locks.groove(),
            Some(locks) => {
                let mut groove = self.draw(&z, &conditions, temperature, &noise)?;
                locks.lay_over(&mut groove);
                groove
            }
            None => self.draw(&z, &conditions, temperature, &noise)?,
        };
        self.finish(request, &groove, &z, &conditions, temperature)
    }

    /// What a kept groove is played as when `request` names it: as it was kept, and with a fill if one is wanted now.
    ///
    /// # Errors
    /// As of [`Self::make`].
    pub fn play(&mut self, request: &Request, kept: &Kept) -> Result<Ready, String> {
        let ready = kept.ready();
        let own = ready.request.form;
        let form = Form {
            fill_beats: request.form.fill_beats,
            fill_in: request.form.fill_in,
            ..own
        };
        let is_its_own = ready.checkpoint_id == self.identity.checkpoint_id;
        if request.form.fill_in.is_some() && is_its_own {
            let filled = Request {
                form,
                ..ready.request
            };
            let filled = self.make(&filled, kept.locks())?;
            return Ok(Ready {
                request: *request,
                ..filled
            });
        }
        Ok(as_kept(request, kept))
    }

    /// Makes the pattern at the place `at` between four kept grooves, which `request` names.
    ///
    /// # Errors
    /// As of [`Self::make`].
    pub fn morph(
        &mut self,
        request: &Request,
        at: &Morph,
        corners: [&Kept; N_CORNERS],
    ) -> Result<Ready, String> {
        if let Some(corner) = morph::corner(at) {
            return self.play(request, corners[corner]);
        }
        let requests = corners.map(|kept| kept.ready().request);
        let latents = requests.map(|request| latent_vector(&request, &self.identity).0);
        let z = morph::mixed(at, latents.each_ref().map(Vec::as_slice));
        let noise = requests[0].noise();
        let n_steps = self.identity.n_steps;
        let known = self.identity.abilities.completes;
        let known = known.then(|| morph::known(at, corners, n_steps, noise.clone()));
        let conditions = Conditions {
            known: known.flatten(),
            ..Conditions::default()
        };
        let temperature = Temperature {
            hits: morph::mean(at, requests.map(|request| request.temperature)),
            feel: morph::mean(at, requests.map(|request| request.feel_temperature)),
        };
        let groove = self.draw(&z, &conditions, temperature, &noise)?;
        self.finish(request, &groove, &z, &conditions, temperature)
    }

    /// The pattern of `request` with the passes that it asks for of `groove`, which was drawn from `z` under `conditions`.
    fn finish(
        &mut self,
        request: &Request,
        groove: &Groove,
        z: &[f32],
        conditions: &Conditions,
        temperature: Temperature,
    ) -> Result<Ready, String> {
        let passes = if self.identity.abilities.completes {
            let draw = |conditions: &Conditions, noise: &Noise| {
                self.draw(z, conditions, temperature, noise)
            };
            passes(request, groove, conditions, draw)?
        } else {
            vec![groove.clone()]
        };
        let is_plain = passes == [groove.clone()];
        Ok(Ready {
            request: *request,
            checkpoint_id: self.identity.checkpoint_id.clone(),
            pattern: Groove::concat(&passes).to_pattern(),
            groove: (!is_plain).then(|| groove.to_pattern()),
            n_passes: passes.len(),
        })
    }

    /// Makes one groove, on the next device if one fails.
    fn draw(
        &mut self,
        z: &[f32],
        conditions: &Conditions,
        temperature: Temperature,
        noise: &Noise,
    ) -> Result<Groove, String> {
        loop {
            let Some(generator) = self.generators.first_mut() else {
                return Err("the network runs on no device".to_owned());
            };
            // Every device starts from the same noise, so that a failure half-way leaves no trace in the pattern.
            let mut noise = noise.clone();
            match guarded(|| generator.generate(z, conditions, temperature, &mut noise)) {
                Ok(groove) => return Ok(groove),
                Err(problem) if self.generators.len() > 1 => {
                    let lost = self.generators.remove(0);
                    self.device_failures = format!(" ({} failed: {problem})", lost.device());
                }
                Err(problem) => return Err(format!("the pattern could not be made: {problem}")),
            }
        }
    }
}

/// A kept groove as the answer to the `request` that names it, which takes no model.
pub(super) fn as_kept(request: &Request, kept: &Kept) -> Ready {
    Ready {
        request: *request,
        ..kept.ready().clone()
    }
}

/// The point in latent space that `request` names, and the randomness left for drawing its hits.
fn latent_vector(request: &Request, identity: &Identity) -> (Vec<f32>, Noise) {
    let mut noise = request.noise();
    let prior = identity.latent.prior.as_ref();
    let style = identity.style(&request.play).and(request.play.style_id());
    let mut z = Prior::draw_from(prior, identity.n_latent, style, &mut noise);
    add(&mut z, identity.latent.offset(&request.latent));
    for (attribute, deviations) in request.play.moves() {
        if let Some(attribute) = identity.attributes.get(attribute) {
            add(&mut z, attribute.moved_by(deviations));
        }
    }
    (z, noise)
}

fn add(z: &mut [f32], offset: impl IntoIterator<Item = f32>) {
    for (z, offset) in z.iter_mut().zip(offset) {
        *z += offset;
    }
}

/// Runs `job`; a panic becomes an error. The host must survive whatever a driver does.
pub(crate) fn guarded<T>(job: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!(
            "it panicked: {}",
            text.unwrap_or("without a message")
        ))
    })
}

/// Time that one groove takes; `None` if the device fails.
fn timed(
    mut generator: Box<dyn Generator>,
    n_latent: usize,
) -> (Option<Duration>, Box<dyn Generator>) {
    let z = vec![0.0; n_latent];
    let mut run = || {
        guarded(|| {
            generator.generate(
                &z,
                &Conditions::default(),
                1.0.into(),
                &mut Noise::from_seed(0),
            )
        })
    };
    // The first groove also compiles and loads kernels.
    let seconds = run().and_then(|_| {
        let start = Instant::now();
        run().map(|_| start.elapsed())
    });
    (seconds.ok(), generator)
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use fourbar_model::drums::Voice;
    use fourbar_model::groove::Cell;
    use std::thread;

    /// A device that places one hit by the noise it is given, and does what it is told at its `n`th groove.
    pub(crate) struct Fake {
        pub(crate) name: &'static str,
        pub(crate) n_grooves: usize,
        pub(crate) misbehave: fn(usize) -> Result<(), String>,
    }

    impl Generator for Fake {
        fn device(&self) -> &str {
            self.name
        }

        fn generate(
            &mut self,
            z: &[f32],
            _conditions: &Conditions,
            _temperature: Temperature,
            noise: &mut Noise,
        ) -> Result<Groove, String> {
            let step = noise.below(64);
            self.n_grooves += 1;
            (self.misbehave)(self.n_grooves)?;
            let mut groove = Groove::empty(64);
            let velocity = (0.5 + 0.1 * z[0]).clamp(0.1, 1.0);
            groove.set(
                step,
                Voice::Snare,
                Some(Cell {
                    velocity,
                    offset: 0.0,
                }),
            );
            Ok(groove)
        }
    }

    pub(crate) fn fake(
        name: &'static str,
        misbehave: fn(usize) -> Result<(), String>,
    ) -> Box<dyn Generator> {
        Box::new(Fake {
            name,
            n_grooves: 0,
            misbehave,
        })
    }

    pub(crate) fn identity() -> Identity {
        Identity {
            checkpoint_id: "test".to_owned(),
            model: "test model".to_owned(),
            n_steps: 64,
            n_latent: 2,
            latent: LatentMap {
                mean: vec![0.0; 2],
                axes: vec![vec![1.0, 0.0]],
                spreads: vec![1.0],
                styles: BTreeMap::new(),
                prior: None,
            },
            attributes: BTreeMap::new(),
            abilities: Abilities::default(),
        }
    }

    fn request(seed: u32) -> Request {
        Request::new(seed, 0, 1.0, [0.0; 8])
    }

    const WORKS: fn(usize) -> Result<(), String> = |_| Ok(());
    const IS_SLOW: fn(usize) -> Result<(), String> = |_| {
        thread::sleep(Duration::from_millis(20));
        Ok(())
    };
    /// Survives the measurement of two grooves, then fails.
    const FAILS_LATER: fn(usize) -> Result<(), String> = |n| {
        if n > 2 {
            Err("out of memory".to_owned())
        } else {
            Ok(())
        }
    };
    const PANICS_LATER: fn(usize) -> Result<(), String> =
        |n| if n > 2 { panic!("driver gone") } else { Ok(()) };

    #[test]
    fn a_pattern_is_a_function_of_the_request() {
        let mut engine = Engine::new(identity(), vec![fake("CPU", WORKS)]);
        let first = engine.make(&request(3), None).unwrap();
        let _ = engine.make(&request(4), None).unwrap();
        assert_eq!(engine.make(&request(3), None).unwrap(), first);
        let mut moved = request(3);
        moved.latent[0] = 2.0;
        assert_ne!(engine.make(&moved, None).unwrap().pattern, first.pattern);
    }

    #[test]
    fn the_faster_device_is_used() {
        let slow_first = Engine::new(identity(), vec![fake("GPU", IS_SLOW), fake("CPU", WORKS)]);
        assert_eq!(slow_first.device(), "CPU");
        let fast_first = Engine::new(identity(), vec![fake("GPU", WORKS), fake("CPU", IS_SLOW)]);
        assert_eq!(fast_first.device(), "GPU");
    }

    #[test]
    fn a_device_that_fails_at_once_is_never_used() {
        let broken = fake("GPU", |_| Err("no driver".to_owned()));
        assert_eq!(
            Engine::new(identity(), vec![broken, fake("CPU", IS_SLOW)]).device(),
            "CPU"
        );
    }

    #[test]
    fn a_device_that_fails_later_loses_no_pattern() {
        for misbehave in [FAILS_LATER, PANICS_LATER] {
            let expected = Engine::new(identity(), vec![fake("CPU", WORKS)])
                .make(&request(3), None)
                .unwrap();
            let mut engine = Engine::new(
                identity(),
                vec![fake("GPU", misbehave), fake("CPU", IS_SLOW)],
            );
            assert_eq!(engine.device(), "GPU");
            assert_eq!(engine.make(&request(3), None).unwrap(), expected);
            assert!(
                engine.device().starts_with("CPU (GPU failed: "),
                "{}",
                engine.device()
            );
            assert!(engine.make(&request(4), None).is_ok());
        }
    }

    #[test]
    fn the_last_device_is_kept_when_it_fails_once() {
        let fails_once = |n| {
            if n == 1 {
                Err("busy".to_owned())
            } else {
                Ok(())
            }
        };
        let mut engine = Engine::new(identity(), vec![fake("CPU", fails_once)]);
        assert!(engine.make(&request(3), None).unwrap_err().contains("busy"));
        assert!(engine.make(&request(3), None).is_ok());
    }
}
