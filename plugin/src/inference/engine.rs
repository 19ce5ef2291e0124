//! A request in, a pattern out, on the fastest device that works.
//!
//! Whatever device computes it, the randomness comes from the request alone. A device that fails is given up, and the
//! pattern that was being made is made on the next one: the CPU comes last and is always there.

use super::abilities::Abilities;
use super::morph;
use super::passes::passes;
use crate::request::{Form, Input, Kept, Locks, Morph, N_CORNERS, Play, Ready, Request};
use fourbar_model::attributes::AttributeVector;
use fourbar_model::conditions::Conditions;
use fourbar_model::groove::{Groove, STEPS_PER_BAR};
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

    /// The latent vector of `groove`, `[latent]`: the mean of its posterior.
    ///
    /// # Errors
    /// If the device fails.
    fn encode(&mut self, groove: &Groove) -> Result<Vec<f32>, String>;

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

    /// Makes the pattern of `request` of the `input` and around the `locks` that it names.
    ///
    /// # Errors
    /// If even the last device fails; the text is for the user.
    pub fn make(
        &mut self,
        request: &Request,
        input: Option<&Input>,
        locks: Option<&Locks>,
    ) -> Result<Ready, String> {
        let n_steps = self.identity.n_steps;
        let start = match input.and_then(|input| input.start(n_steps)) {
            Some(groove) => Some(self.encode(&groove)?),
            None => None,
        };
        let (z, noise) = latent_vector(request, &self.identity, start);
        let known = [
            input.and_then(|input| input.known(n_steps)),
            locks.and_then(|locks| locks.known(n_steps)),
        ];
        let known = known.into_iter().flatten();
        let known = known.reduce(|of_input, locked| of_input.with(&locked));
        let completes = self.identity.abilities.completes;
        let conditions = Conditions {
            style: self.identity.style(&request.play),
            known: known.filter(|_| completes),
            ..Conditions::default()
        };
        let temperature = Temperature {
            hits: request.temperature,
            feel: request.feel_temperature,
        };
        let checkpoint_id = self.identity.checkpoint_id.clone();
        let groove = match locks {
            Some(locks) if locks.hold(request, &checkpoint_id) => locks.groove(),
            _ => {
                let mut groove = self.draw(&z, &conditions, temperature, &noise)?;
                if let Some(input) = input {
                    input.lead(&mut groove);
                }
                if let Some(locks) = locks {
                    locks.lay_over(&mut groove);
                }
                groove
            }
        };
        self.finish(request, &groove, &z, &conditions, temperature)
    }

    /// What a kept groove is played as when `request` names it: as it was kept, in the metre of now, and with a fill if one is
    /// wanted.
    ///
    /// # Errors
    /// As of [`Self::make`].
    pub fn play(&mut self, request: &Request, kept: &Kept) -> Result<Ready, String> {
        let ready = kept.ready();
        let own = ready.request;
        let fill_in = request.form.fill_in;
        let is_as_kept = fill_in.is_none() && own.metre == request.metre;
        if is_as_kept || ready.checkpoint_id != self.identity.checkpoint_id {
            return Ok(as_kept(request, kept));
        }
        let form = Form {
            fill_beats: if fill_in.is_some() {
                request.form.fill_beats
            } else {
                own.form.fill_beats
            },
            fill_in,
            ..own.form
        };
        let wanted = Request {
            form,
            metre: request.metre,
            ..own
        };
        let made = self.make(&wanted, kept.input(), kept.locks())?;
        Ok(Ready {
            request: *request,
            ..made
        })
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
        let latents = requests.map(|request| latent_vector(&request, &self.identity, None).0);
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
        let metre = request.metre;
        let is_plain = metre.is_plain() && passes == [groove.clone()];
        let form = request.form;
        let whole = Groove::concat(&passes);
        let n_bars = whole.n_steps() / STEPS_PER_BAR;
        let fill_beats = |bar| {
            if form.has_fill(bar, n_bars) {
                form.fill_beats.into()
            } else {
                0
            }
        };
        let pattern = metre.of_groove(&whole, fill_beats);
        Ok(Ready {
            request: *request,
            checkpoint_id: self.identity.checkpoint_id.clone(),
            pattern: pattern.to_pattern(),
            groove: (!is_plain).then(|| groove.to_pattern()),
            n_passes: passes.len(),
        })
    }

    /// The latent vector of a groove.
    fn encode(&mut self, groove: &Groove) -> Result<Vec<f32>, String> {
        self.on_a_device(|generator| generator.encode(groove))
    }

    /// Makes one groove.
    fn draw(
        &mut self,
        z: &[f32],
        conditions: &Conditions,
        temperature: Temperature,
        noise: &Noise,
    ) -> Result<Groove, String> {
        self.on_a_device(|generator| {
            // Every device starts from the same noise, so that a failure half-way leaves no trace in the pattern.
            generator.generate(z, conditions, temperature, &mut noise.clone())
        })
    }

    /// Does something on the fastest device, and on the next one if it fails.
    fn on_a_device<T>(
        &mut self,
        job: impl Fn(&mut dyn Generator) -> Result<T, String>,
    ) -> Result<T, String> {
        loop {
            let Some(generator) = self.generators.first_mut() else {
                return Err("the network runs on no device".to_owned());
            };
            match guarded(|| job(generator.as_mut())) {
                Ok(made) => return Ok(made),
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
    let ready = kept.ready();
    if ready.request.metre == request.metre {
        return Ready {
            request: *request,
            ..ready.clone()
        };
    }
    let groove = ready.plain_groove();
    let pattern = request.metre.of_groove(&groove, |_| 0).to_pattern();
    Ready {
        request: *request,
        checkpoint_id: ready.checkpoint_id.clone(),
        pattern,
        groove: Some(groove.to_pattern()),
        n_passes: 1,
    }
}

/// The point in latent space that `request` names, beginning at `start` if there is one, and the randomness left for drawing
/// its hits.
fn latent_vector(
    request: &Request,
    identity: &Identity,
    start: Option<Vec<f32>>,
) -> (Vec<f32>, Noise) {
    let mut noise = request.noise();
    let prior = identity.latent.prior.as_ref();
    let style = identity.style(&request.play).and(request.play.style_id());
    let drawn = Prior::draw_from(prior, identity.n_latent, style, &mut noise);
    let mut z = start.unwrap_or(drawn);
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

        fn encode(&mut self, groove: &Groove) -> Result<Vec<f32>, String> {
            let loudest = groove.loudest(0).map_or(0.0, |cell| cell.velocity);
            Ok(vec![loudest; 2])
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
        let first = engine.make(&request(3), None, None).unwrap();
        let _ = engine.make(&request(4), None, None).unwrap();
        assert_eq!(engine.make(&request(3), None, None).unwrap(), first);
        let mut moved = request(3);
        moved.latent[0] = 2.0;
        assert_ne!(
            engine.make(&moved, None, None).unwrap().pattern,
            first.pattern
        );
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
                .make(&request(3), None, None)
                .unwrap();
            let mut engine = Engine::new(
                identity(),
                vec![fake("GPU", misbehave), fake("CPU", IS_SLOW)],
            );
            assert_eq!(engine.device(), "GPU");
            assert_eq!(engine.make(&request(3), None, None).unwrap(), expected);
            assert!(
                engine.device().starts_with("CPU (GPU failed: "),
                "{}",
                engine.device()
            );
            assert!(engine.make(&request(4), None, None).is_ok());
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
        assert!(
            engine
                .make(&request(3), None, None)
                .unwrap_err()
                .contains("busy")
        );
        assert!(engine.make(&request(3), None, None).is_ok());
    }
}
