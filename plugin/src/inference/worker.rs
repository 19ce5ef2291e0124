//! The thread that loads models and makes patterns: requests in, patterns out. Between them it makes the kits that players lack.
//!
//! Every plugin instance has one of its own. The framework's shared background thread would not do: it serves all
//! instances, and a panic on it ends it for the others and can take the host down. Here a panic or an error becomes a
//! [`Status`], and the last pattern keeps playing.

use crate::inference::engine::{Engine, as_kept, guarded};
use crate::inference::models::Choice;
use crate::inference::poller::{self, Sight, Watch};
use crate::mailbox::{Reply, Slot, WorkerEnd};
use crate::request::{Input, Job, Kept, Locks, Morph, N_CORNERS, Ready, Request, Source};
use crate::shared::{Shared, Snapshot, Status};
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A running worker; dropping it stops the thread and waits for it, at most one generation long.
#[derive(Debug)]
pub struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Unparks the thread when there is something to do.
    watch: Option<Watch>,
}

impl Worker {
    /// Starts the thread. `load` runs on it, first of all and whenever another model is chosen, because reading a
    /// checkpoint takes longer than a host should wait.
    ///
    /// # Errors
    /// If the system refuses a thread, this one or the poller's.
    pub fn start(
        mailbox: WorkerEnd<Ready>,
        shared: Arc<Shared>,
        load: impl Fn(&Choice) -> Result<Engine, String> + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let look = look(mailbox.slot(), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("fourbar worker".to_owned())
            .spawn(move || run(mailbox, &shared, &stopped, load))?;
        let to_unpark = thread.thread().clone();
        let mut worker = Self {
            stop,
            thread: Some(thread),
            watch: None,
        };
        worker.watch = Some(Watch::new(look, to_unpark)?);
        Ok(worker)
    }
}

/// What the poller is to look for: requests, patterns to be freed, another choice of a model, a kit that is lacking.
fn look(slot: Slot<Ready>, shared: Arc<Shared>) -> impl FnMut() -> Sight {
    let mut model_revision = shared.model_revision();
    let mut n_played = shared.n_played.load(Ordering::Relaxed);
    move || {
        let (revision_now, played_now) = (
            shared.model_revision(),
            shared.n_played.load(Ordering::Relaxed),
        );
        let is_chosen = mem::replace(&mut model_revision, revision_now) != revision_now;
        Sight {
            has_work: slot.has_mail() || is_chosen || fourbar_kit::is_any_wanted(),
            has_played: mem::replace(&mut n_played, played_now) != played_now,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.watch = None;
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot have panicked outside `guarded`; if it had, there would be nothing left to do here.
            drop(thread.join());
        }
    }
}

fn run(
    mut mailbox: WorkerEnd<Ready>,
    shared: &Shared,
    stop: &AtomicBool,
    load: impl Fn(&Choice) -> Result<Engine, String>,
) {
    let mut loaded = Loaded::nothing();
    while !stop.load(Ordering::Relaxed) {
        mailbox.tend();
        // Before the model, so that the model is at least as new as the choice that the job is for.
        let job = mailbox.newest();
        loaded.follow(shared, &load);
        match job {
            Some(job) => mailbox.deliver(answer(job, &mut loaded, shared)),
            None if fourbar_kit::is_any_wanted() => fourbar_kit::make_wanted(),
            // Of room for a reply nobody tells.
            None if mailbox.holds_reply() => thread::park_timeout(poller::IDLE_INTERVAL),
            None => thread::park(),
        }
    }
}

/// The model in use.
struct Loaded {
    engine: Result<Engine, String>,
    choice: Choice,
    /// Which choice it is the answer to; see [`Shared::model_revision`].
    model_revision: Option<u32>,
}

impl Loaded {
    fn nothing() -> Self {
        Self {
            engine: Err("no model is loaded yet".to_owned()),
            choice: Choice::default(),
            model_revision: None,
        }
    }

    /// Loads the chosen model if it has not been tried yet, and shows how that went.
    ///
    /// If it cannot be loaded, the former one stays; but for a project that of a new instance takes its place, so that
    /// what is heard does not depend on what was played before.
    fn follow(&mut self, shared: &Shared, load: &impl Fn(&Choice) -> Result<Engine, String>) {
        while self.model_revision != Some(shared.model_revision()) {
            let (model_revision, choice, from_project) = {
                let snapshot = shared.snapshot();
                let choice = snapshot.choice.clone();
                (shared.model_revision(), choice, snapshot.from_project)
            };
            self.model_revision = Some(model_revision);
            let problem = match guarded(|| load(&choice)) {
                Ok(engine) => self.take(engine, choice),
                Err(problem) if matches!(choice, Choice::User(_)) => {
                    if from_project || self.engine.is_err() {
                        self.choice = Choice::default();
                        self.engine = guarded(|| load(&self.choice));
                    }
                    Some(problem)
                }
                Err(problem) => {
                    self.engine = Err(problem);
                    self.choice = choice;
                    None
                }
            };
            let mut snapshot = shared.snapshot();
            if self.model_revision == Some(shared.model_revision()) {
                self.announce(&mut snapshot, problem);
            }
        }
    }

    /// Uses the model that was loaded for `choice`; the result says if it is another one than the project had.
    fn take(&mut self, engine: Engine, choice: Choice) -> Option<String> {
        let found = engine.identity().checkpoint_id.clone();
        self.engine = Ok(engine);
        self.choice = choice;
        let Choice::User(model) = &mut self.choice else {
            return None;
        };
        let expected = model.checkpoint_id.replace(found.clone())?;
        (expected != found).then(|| {
            let file = &model.file;
            format!(
                "The model {file} has changed since the project was saved (then {expected}, now {found})"
            )
        })
    }

    /// Shows what was loaded, or why nothing was.
    fn announce(&self, snapshot: &mut Snapshot, problem: Option<String>) {
        match &self.engine {
            Ok(engine) => {
                snapshot.checkpoint = Some(Ok(engine.identity().checkpoint_id.clone()));
                snapshot.model.clone_from(&engine.identity().model);
                snapshot.device = engine.device();
                snapshot.abilities = Some(Arc::new(engine.identity().abilities.clone()));
            }
            Err(problem) => snapshot.checkpoint = Some(Err(problem.clone())),
        }
        // What a project asks for stays its choice: on another machine the model may be there.
        if problem.is_none() || !snapshot.from_project {
            snapshot.choice.clone_from(&self.choice);
        }
        snapshot.model_problem = problem;
        snapshot.settle();
    }
}

/// A request with what it names.
enum Asked {
    /// A groove of what was put in, around what is locked.
    New(Option<Arc<Input>>, Option<Arc<Locks>>),
    /// A groove that was kept.
    Kept(Arc<Kept>),
    /// A place between four of them.
    Between(Morph, [Arc<Kept>; N_CORNERS]),
}

impl Asked {
    fn of(request: &Request, shared: &Shared) -> Option<Self> {
        Some(match request.source {
            Source::Live => Self::New(
                shared.input_named(request.input)?,
                shared.locks_named(request.locks)?,
            ),
            Source::Slot(id) => Self::Kept(shared.kept_named(id)?),
            Source::Morph(at) => {
                let [a, b, c, d] = at.corners.map(|id| shared.kept_named(id));
                Self::Between(at, [a?, b?, c?, d?])
            }
        })
    }

    fn made_by(&self, engine: &mut Engine, request: &Request) -> Result<Ready, String> {
        match self {
            Self::New(input, locks) => engine.make(request, input.as_deref(), locks.as_deref()),
            Self::Kept(kept) => engine.play(request, kept),
            Self::Between(at, corners) => {
                engine.morph(request, at, corners.each_ref().map(Arc::as_ref))
            }
        }
    }
}

/// Makes one pattern and shows how it went.
fn answer(job: Job, loaded: &mut Loaded, shared: &Shared) -> Reply<Ready> {
    // Of a choice that is no longer the newest, the audio thread will ask again.
    let is_wanted = loaded.model_revision == Some(job.model_revision);
    if !is_wanted {
        return Reply { job, made: None };
    }
    // What is not there belongs to a project that is no longer open, or was emptied.
    let Some(asked) = Asked::of(&job.request, shared) else {
        return Reply { job, made: None };
    };
    let made = match (&mut loaded.engine, &asked) {
        (Ok(engine), _) => {
            shared.snapshot().status = Status::Generating;
            asked.made_by(engine, &job.request)
        }
        (Err(_), Asked::Kept(kept)) => Ok(as_kept(&job.request, kept)),
        (Err(_), _) => return Reply { job, made: None },
    };
    let mut snapshot = shared.snapshot();
    if let Ok(engine) = &loaded.engine {
        snapshot.device = engine.device();
    }
    match made {
        Ok(ready) => {
            snapshot.finish(ready.clone(), job.state_revision, shared.in_force());
            Reply {
                job,
                made: Some(Box::new(ready)),
            }
        }
        Err(problem) => {
            snapshot.status = Status::Problem(problem);
            Reply { job, made: None }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::inference::engine::Identity;
    use crate::inference::engine::tests::{fake, identity};
    use crate::inference::models::UserModel;
    use crate::mailbox::{AudioEnd, mailbox};
    use std::time::{Duration, Instant};

    fn job(seed: u32) -> Job {
        let request = Request::new(seed, 0, 1.0, [0.0; 8]);
        Job {
            request,
            model_revision: 0,
            state_revision: 0,
        }
    }

    fn start(
        load: impl Fn(&Choice) -> Result<Engine, String> + Send + 'static,
    ) -> (AudioEnd<Ready>, Arc<Shared>, Worker) {
        let (audio, worker_end) = mailbox();
        let shared = Arc::new(Shared::default());
        let worker = Worker::start(worker_end, Arc::clone(&shared), load).unwrap();
        (audio, shared, worker)
    }

    /// The reply to `job`, as the audio thread of an offline render waits for it.
    fn reply(audio: &AudioEnd<Ready>, job: Job) -> Reply<Ready> {
        assert!(audio.post(job));
        let start = Instant::now();
        loop {
            if let Some(reply) = audio.receive() {
                return reply;
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the worker never answered"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_request_comes_back_as_a_pattern_and_is_shown() {
        let (audio, shared, _worker) =
            start(|_| Ok(Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])));
        let reply = reply(&audio, job(5));
        assert_eq!(reply.job, job(5));
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.ready.as_deref(), reply.made.as_deref());
        assert_eq!(snapshot.status, Status::Ready);
        assert_eq!(
            (snapshot.device.as_str(), snapshot.model.as_str()),
            ("CPU", "test model")
        );
    }

    #[test]
    fn a_panic_becomes_a_status_and_the_worker_goes_on() {
        let panics_once = |n| {
            if n == 1 {
                panic!("index out of bounds")
            } else {
                Ok(())
            }
        };
        let (audio, shared, _worker) =
            start(move |_| Ok(Engine::new(identity(), vec![fake("CPU", panics_once)])));
        assert!(reply(&audio, job(5)).made.is_none());
        let status = shared.snapshot().status.clone();
        assert!(
            matches!(&status, Status::Problem(text) if text.contains("index out of bounds")),
            "{status:?}"
        );
        assert!(reply(&audio, job(6)).made.is_some());
        assert_eq!(shared.snapshot().status, Status::Ready);
    }

    #[test]
    fn a_gpu_that_fails_later_loses_no_pattern_and_is_shown() {
        let fails_later = |n| {
            if n > 2 {
                Err("out of memory".to_owned())
            } else {
                Ok(())
            }
        };
        let is_slow = |_| {
            thread::sleep(Duration::from_millis(20));
            Ok(())
        };
        let devices = move || vec![fake("GPU", fails_later), fake("CPU", is_slow)];
        let (audio, shared, _worker) = start(move |_| Ok(Engine::new(identity(), devices())));
        assert!(reply(&audio, job(5)).made.is_some());
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.device, "CPU (GPU failed: out of memory)");
        assert_eq!(snapshot.status, Status::Ready);
    }

    #[test]
    fn without_a_checkpoint_the_saved_pattern_stays_and_the_status_says_why() {
        let saved = Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])
            .make(&job(5).request, None, None)
            .unwrap();
        let (audio, shared, _worker) = start(|_| Err("the checkpoint is damaged".to_owned()));
        shared.snapshot().restore(Ok(Some(Arc::new(saved.clone()))));
        assert!(
            reply(
                &audio,
                Job {
                    state_revision: 1,
                    ..job(6)
                }
            )
            .made
            .is_none()
        );
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.ready.as_deref(), Some(&saved));
        assert!(
            matches!(&snapshot.status, Status::Problem(text) if text.contains("the checkpoint is damaged"))
        );
    }

    #[test]
    fn a_pattern_of_another_checkpoint_is_kept_and_named() {
        let mut saved = Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])
            .make(&job(5).request, None, None)
            .unwrap();
        saved.checkpoint_id = "an older one".to_owned();
        let (audio, shared, _worker) =
            start(|_| Ok(Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])));
        let _ = reply(&audio, job(1));
        shared.snapshot().restore(Ok(Some(Arc::new(saved))));
        let status = shared.snapshot().status.clone();
        assert!(
            matches!(&status, Status::Problem(text) if text.contains("an older one")),
            "{status:?}"
        );
        let _ = reply(
            &audio,
            Job {
                state_revision: 1,
                ..job(6)
            },
        );
        assert_eq!(
            shared.snapshot().status,
            Status::Ready,
            "a new pattern needs no excuse"
        );
    }

    #[test]
    fn a_pattern_asked_for_before_a_project_was_loaded_does_not_end_up_in_it() {
        let (audio, shared, _worker) =
            start(|_| Ok(Engine::new(identity(), vec![fake("CPU", |_| Ok(()))])));
        shared.snapshot().restore(Ok(None));
        assert!(reply(&audio, job(5)).made.is_some());
        assert_eq!(shared.snapshot().ready, None);
    }

    /// Models that are all there but for `missing`, each with its file's name as its identity.
    fn load_by_name(choice: &Choice) -> Result<Engine, String> {
        let name = choice.name();
        if name == "missing" {
            return Err("The model missing is not there".to_owned());
        }
        let identity = Identity {
            checkpoint_id: format!("id of {name}"),
            model: name.to_owned(),
            ..identity()
        };
        Ok(Engine::new(identity, vec![fake("CPU", |_| Ok(()))]))
    }

    fn problem(shared: &Shared) -> String {
        match shared.snapshot().status.clone() {
            Status::Problem(problem) => problem,
            status => panic!("{status:?} is no problem"),
        }
    }

    /// The pattern of seed 5 by the model that is chosen now.
    fn made(audio: &AudioEnd<Ready>, shared: &Shared) -> Ready {
        let model_revision = shared.model_revision();
        let state_revision = shared.snapshot().state_revision;
        let job = Job {
            model_revision,
            state_revision,
            ..job(5)
        };
        *reply(audio, job).made.unwrap()
    }

    #[test]
    fn the_chosen_model_makes_the_pattern_and_the_one_before_never_answers_for_it() {
        let (audio, shared, _worker) = start(load_by_name);
        assert_eq!(made(&audio, &shared).checkpoint_id, "id of fourbar");
        shared.choose(Choice::in_file("mine"));
        assert!(reply(&audio, job(6)).made.is_none(), "asked for before");
        assert_eq!(made(&audio, &shared).checkpoint_id, "id of mine");
        let snapshot = shared.snapshot().clone();
        assert_eq!(snapshot.model, "mine");
        let Choice::User(chosen) = snapshot.choice else {
            panic!("another model was chosen")
        };
        assert_eq!(chosen.checkpoint_id.as_deref(), Some("id of mine"));
        assert_eq!(snapshot.status, Status::Ready);
    }

    #[test]
    fn a_chosen_model_that_cannot_be_loaded_leaves_the_former_one_playing() {
        let (audio, shared, _worker) = start(load_by_name);
        shared.choose(Choice::in_file("mine"));
        let before = made(&audio, &shared);
        let choice = shared.snapshot().choice.clone();
        shared.choose(Choice::in_file("missing"));
        assert_eq!(made(&audio, &shared), before);
        assert_eq!(
            problem(&shared),
            "The model missing is not there. Now mine plays."
        );
        assert_eq!(shared.snapshot().choice, choice);
    }

    #[test]
    fn a_project_whose_model_is_missing_plays_its_pattern_and_keeps_its_choice() {
        let mut saved = load_by_name(&Choice::default())
            .unwrap()
            .make(&job(5).request, None, None)
            .unwrap();
        saved.checkpoint_id = "id of missing".to_owned();
        let (audio, shared, _worker) = start(load_by_name);
        shared.choose(Choice::in_file("mine"));
        let _ = made(&audio, &shared);
        let missing = Choice::in_file("missing");
        shared.restore_choice(missing.clone());
        shared.snapshot().restore(Ok(Some(Arc::new(saved.clone()))));
        let other = Job {
            model_revision: shared.model_revision(),
            ..job(6)
        };
        let start = Instant::now();
        while shared.snapshot().status == Status::Loading {
            assert!(start.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(1));
        }
        let problem = problem(&shared);
        assert!(problem.contains("The model missing is not there"));
        assert!(problem.contains("saved pattern plays"), "{problem}");
        assert_eq!(shared.snapshot().ready.as_deref(), Some(&saved));
        assert_eq!(shared.snapshot().choice, missing);

        let other = reply(
            &audio,
            Job {
                state_revision: 1,
                ..other
            },
        );
        assert_eq!(other.made.unwrap().checkpoint_id, "id of fourbar");
        assert_eq!(shared.snapshot().status, Status::Ready);
        assert_eq!(shared.snapshot().choice, missing, "it may come back");
    }

    #[test]
    fn a_model_that_has_changed_since_the_project_was_saved_is_named() {
        let (audio, shared, _worker) = start(load_by_name);
        shared.restore_choice(Choice::User(UserModel {
            file: "mine".to_owned(),
            checkpoint_id: Some("an older one".to_owned()),
        }));
        assert_eq!(made(&audio, &shared).checkpoint_id, "id of mine");
        let problem = problem(&shared);
        assert!(problem.contains("The model mine has changed"), "{problem}");
        assert!(problem.contains("an older one"), "{problem}");
    }

    #[test]
    fn dropping_the_worker_ends_its_thread_even_while_it_generates() {
        let is_slow = |_| {
            thread::sleep(Duration::from_millis(100));
            Ok(())
        };
        let (audio, shared, worker) =
            start(move |_| Ok(Engine::new(identity(), vec![fake("CPU", is_slow)])));
        assert!(audio.post(job(5)));
        thread::sleep(Duration::from_millis(20));
        drop(worker);
        assert_eq!(
            Arc::strong_count(&shared),
            1,
            "the thread and all it held are gone"
        );
    }
}
