//! What the audio thread, the worker, the editor and the project file share.

use crate::inference::abilities::Abilities;
use crate::inference::models::Choice;
use crate::recording::Recording;
use crate::request::{Input, Kept, Locks, Metre, N_SLOTS, Ready};
use atomic_float::AtomicF32;
use fourbar_model::drums::{N_VOICES, Voice};
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Finished patterns that may still come into force: more than are ever on their way.
const MAX_RECENT: usize = 32;

/// Locks, and inputs, that a request on its way may still name.
const MAX_NAMED: usize = 32;

/// In place of a key: one is waited for, or none is.
const LEARNING: u8 = 128;
const NOT_LEARNING: u8 = 129;

/// One per plugin instance; everybody holds it in an `Arc`.
#[derive(Debug)]
pub struct Shared {
    /// Audio thread to editor: position in the pattern's loop in beats; negative when stopped.
    pub playhead_beats: AtomicF32,
    /// Audio thread to editor: peak of the kit's last block, linear.
    pub level: AtomicF32,
    /// Audio thread to editor: tempo that is played, or would be; 120 until the host has said.
    pub tempo_bpm: AtomicF32,
    /// Audio thread to all: the host's metre, as [`Metre::to_bytes`] has it.
    metre: AtomicU16,
    /// Audio thread to editor: the variation that is wanted.
    pub variation: AtomicU64,
    /// Audio thread to editor: whether the host's song plays.
    pub host_plays: AtomicBool,
    /// Editor to audio thread: play on our own clock while the host is stopped; see [`Self::auditions`].
    pub audition: AtomicBool,
    /// Editor to audio thread: drums that were struck by hand, a bit for each; see [`Self::take_struck`].
    struck: AtomicU16,
    /// Audio thread to editor: notes that were played in.
    pub recording: Arc<Recording>,
    /// Editor to audio thread and back: the next key that comes in; see [`Self::learns`].
    learned: AtomicU8,
    /// What the parameter *slot* stands for since a key chose another; -1 where the parameter counts. Of the audio thread, and
    /// of the editor, which puts it back.
    pub slot_by_key: AtomicI32,
    /// Audio thread to poller: counts the blocks in which something was played.
    pub n_played: AtomicU32,
    /// Audio thread to editor and worker: the fingerprint of the pattern in force; 0 before there is one.
    in_force: AtomicU64,
    /// Changes with the snapshot locked.
    model_revision: AtomicU32,
    /// Id of the snapshot's newest locks; 0 if there are none. Changes with the snapshot locked.
    locks_id: AtomicU64,
    /// Id of the snapshot's newest input; 0 if there is none. Changes with the snapshot locked.
    input_id: AtomicU64,
    /// Ids of what is in the snapshot's slots; 0 for an empty one. Change with the snapshot locked.
    slot_ids: [AtomicU64; N_SLOTS],
    snapshot: Mutex<Snapshot>,
}

/// What the editor draws and a project saves. The audio thread never touches it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The newest finished pattern.
    pub ready: Option<Arc<Ready>>,
    /// The pattern in force and those that were finished after it, newest last.
    pub(crate) recent: Vec<Arc<Ready>>,
    /// What is locked, newest last; those before it may be named by requests that are on their way.
    pub(crate) locks: Vec<(u64, Option<Arc<Locks>>)>,
    /// What was put in, newest last, as `locks`.
    pub(crate) inputs: Vec<(u64, Option<Arc<Input>>)>,
    /// Grooves that were kept.
    pub slots: [Option<Arc<Kept>>; N_SLOTS],
    /// What was wrong with the slots of the project that was loaded.
    pub(crate) slots_problem: Option<String>,
    /// What the worker is doing.
    pub status: Status,
    /// What the network runs on, such as "CPU"; empty before it is loaded.
    pub device: String,
    /// Name of the model that is loaded, such as "fourbar"; empty before.
    pub model: String,
    /// What the loaded model can be asked for; `None` before it is loaded.
    pub abilities: Option<Arc<Abilities>>,
    /// The model that is to play, which a project saves. One that cannot be loaded stays the project's choice.
    pub choice: Choice,
    /// Counts the projects that were loaded, so that a pattern asked for before a load cannot end up in what was
    /// loaded.
    pub state_revision: u64,
    /// Identity of the loaded checkpoint, or why there is none; `None` before the worker has tried.
    pub(crate) checkpoint: Option<Result<String, String>>,
    /// Whether a project was loaded after the user last chose a model.
    pub(crate) from_project: bool,
    /// Why the model that plays is not the one that was chosen.
    pub(crate) model_problem: Option<String>,
    /// What was wrong with the pattern of the project that was loaded.
    pub(crate) damage: Option<String>,
}

/// What the worker is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Status {
    /// The checkpoint is being read.
    #[default]
    Loading,
    /// The newest pattern is there.
    Ready,
    /// A pattern is being made.
    Generating,
    /// Something is wrong; the last pattern keeps playing. The text says what happened and what to do.
    Problem(String),
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            playhead_beats: AtomicF32::new(-1.0),
            level: AtomicF32::new(0.0),
            tempo_bpm: AtomicF32::new(120.0),
            metre: AtomicU16::new(0),
            variation: AtomicU64::new(0),
            host_plays: AtomicBool::new(false),
            audition: AtomicBool::new(false),
            struck: AtomicU16::new(0),
            recording: Arc::default(),
            learned: AtomicU8::new(NOT_LEARNING),
            slot_by_key: AtomicI32::new(-1),
            n_played: AtomicU32::new(0),
            in_force: AtomicU64::new(0),
            model_revision: AtomicU32::new(0),
            locks_id: AtomicU64::new(0),
            input_id: AtomicU64::new(0),
            slot_ids: std::array::from_fn(|_| AtomicU64::new(0)),
            snapshot: Mutex::default(),
        }
    }
}

impl Shared {
    /// The snapshot, locked. Never call this on the audio thread.
    pub fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        // A holder that panicked leaves nothing half-written: every field is replaced whole.
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to play on our own clock in a block in which the host's song plays or does not. Where it plays, audition is
    /// over: when the host stops, all is silent. For the audio thread.
    pub fn auditions(&self, host_plays: bool) -> bool {
        self.host_plays.store(host_plays, Ordering::Relaxed);
        if host_plays {
            self.audition.store(false, Ordering::Relaxed);
        }
        self.audition.load(Ordering::Relaxed)
    }

    /// Takes note of the host's metre. For the audio thread.
    pub fn follow_metre(&self, metre: Metre) {
        let bytes = u16::from_be_bytes(metre.to_bytes());
        self.metre.store(bytes, Ordering::Relaxed);
    }

    /// The host's tempo if it is one that a file can hold, else 120. For the editor.
    #[must_use]
    pub fn tempo_bpm(&self) -> f64 {
        let tempo_bpm = f64::from(self.tempo_bpm.load(Ordering::Relaxed));
        if (10.0..=1000.0).contains(&tempo_bpm) {
            tempo_bpm
        } else {
            120.0
        }
    }

    /// The host's metre; 4/4 until it has said.
    pub fn metre(&self) -> Metre {
        let [numerator, denominator] = self.metre.load(Ordering::Relaxed).to_be_bytes();
        Metre::new(numerator, denominator)
    }

    /// Plays a drum. For the editor.
    pub fn strike(&self, voice: Voice) {
        self.struck.fetch_or(1 << voice.index(), Ordering::Relaxed);
    }

    /// The drums that were struck since the last call. For the audio thread.
    pub fn take_struck(&self) -> [bool; N_VOICES] {
        let struck = self.struck.swap(0, Ordering::Relaxed);
        Voice::ALL.map(|voice| struck & (1 << voice.index()) != 0)
    }

    /// Waits for the next key that comes in, or no longer. For the editor.
    pub fn learn(&self, is_learning: bool) {
        let state = if is_learning { LEARNING } else { NOT_LEARNING };
        self.learned.store(state, Ordering::Relaxed);
    }

    /// Whether a key that comes in is one that is waited for, which does nothing else. For the audio thread.
    pub fn learns(&self, key: u8) -> bool {
        let take = |state| (state == LEARNING).then_some(key);
        let order = Ordering::Relaxed;
        key < LEARNING && self.learned.fetch_update(order, order, take).is_ok()
    }

    /// The key that came in since [`Self::learn`], once. For the editor.
    pub fn learned(&self) -> Option<u8> {
        let key = self.learned.load(Ordering::Relaxed);
        (key < LEARNING).then(|| {
            self.learn(false);
            key
        })
    }

    /// Says which pattern is in force. For the audio thread.
    pub fn sounds(&self, current: Option<&Ready>) {
        let fingerprint = current.map_or(0, Ready::fingerprint);
        self.in_force.store(fingerprint, Ordering::Relaxed);
    }

    /// The pattern that sounds, or would: the one in force, and the newest before there is one. Not for the audio thread.
    #[must_use]
    pub fn sounding(&self) -> Option<Arc<Ready>> {
        let in_force = self.in_force();
        let snapshot = self.snapshot();
        let is_in_force = |ready: &&Arc<Ready>| ready.fingerprint() == in_force;
        let sounding = snapshot.recent.iter().rfind(is_in_force);
        sounding.or(snapshot.ready.as_ref()).cloned()
    }

    /// Locks other parts of the groove than before, or nothing.
    pub fn change_locks(&self, locks: Option<Arc<Locks>>) {
        let id = locks.as_ref().map_or(0, |locks| locks.id());
        add_named(&mut self.snapshot().locks, id, locks);
        self.locks_id.store(id, Ordering::Release);
    }

    /// Puts another rhythm in, or none.
    pub fn change_input(&self, input: Option<Arc<Input>>) {
        let id = input.as_ref().map_or(0, |input| input.id());
        add_named(&mut self.snapshot().inputs, id, input);
        self.input_id.store(id, Ordering::Release);
    }

    /// What a request of now has to name; 0 if nothing was put in. For the audio thread too.
    pub fn input_id(&self) -> u64 {
        self.input_id.load(Ordering::Acquire)
    }

    /// The input with this id, which is none for 0; `None` if it is not known.
    pub(crate) fn input_named(&self, id: u64) -> Option<Option<Arc<Input>>> {
        named(&self.snapshot().inputs, id)
    }

    /// What a request of now has to name; 0 if nothing is locked. For the audio thread too.
    pub fn locks_id(&self) -> u64 {
        self.locks_id.load(Ordering::Acquire)
    }

    /// The locks with this id, which are none for 0; `None` if they are not known.
    pub(crate) fn locks_named(&self, id: u64) -> Option<Option<Arc<Locks>>> {
        named(&self.snapshot().locks, id)
    }

    /// Keeps a groove in a slot, or empties it.
    pub fn keep(&self, slot: usize, kept: Option<Arc<Kept>>) {
        let id = kept.as_ref().map_or(0, |kept| kept.id());
        let mut snapshot = self.snapshot();
        if let Some(place) = snapshot.slots.get_mut(slot) {
            *place = kept;
            snapshot.slots_problem = None;
            self.slot_ids[slot].store(id, Ordering::Release);
        }
    }

    /// Takes the slots of a project that is being loaded, and what is wrong with them.
    pub(crate) fn restore_slots(
        &self,
        slots: [Option<Arc<Kept>>; N_SLOTS],
        problem: Option<String>,
    ) {
        let ids = slots
            .each_ref()
            .map(|kept| kept.as_ref().map_or(0, |kept| kept.id()));
        let mut snapshot = self.snapshot();
        snapshot.slots = slots;
        snapshot.slots_problem = problem;
        snapshot.settle();
        for (place, id) in self.slot_ids.iter().zip(ids) {
            place.store(id, Ordering::Release);
        }
    }

    /// Ids of what is in the slots; 0 for an empty one. For the audio thread too.
    pub fn slot_ids(&self) -> [u64; N_SLOTS] {
        self.slot_ids
            .each_ref()
            .map(|id| id.load(Ordering::Acquire))
    }

    /// The kept groove with this id; `None` if it is in no slot any more.
    pub(crate) fn kept_named(&self, id: u64) -> Option<Arc<Kept>> {
        let slot = self.slot_ids().into_iter().position(|known| known == id)?;
        self.snapshot().slots[slot].clone()
    }

    /// The fingerprint of the pattern in force; 0 before there is one.
    pub(crate) fn in_force(&self) -> u64 {
        self.in_force.load(Ordering::Relaxed)
    }

    /// Counts the choices of a model, by the user or by a project: a pattern that was asked for before the newest one
    /// is no longer wanted. For the audio thread too.
    pub fn model_revision(&self) -> u32 {
        self.model_revision.load(Ordering::Acquire)
    }

    /// The user chooses a model, whatever played before.
    pub fn choose(&self, choice: Choice) {
        self.change_model(choice, false);
    }

    /// A project that is being loaded chooses a model. The one that plays anyway is not loaded again.
    pub(crate) fn restore_choice(&self, choice: Choice) {
        let plays_anyway = {
            let snapshot = self.snapshot();
            snapshot.choice == choice && snapshot.model_problem.is_none()
        };
        if !plays_anyway {
            self.change_model(choice, true);
        }
    }

    fn change_model(&self, choice: Choice, from_project: bool) {
        let mut snapshot = self.snapshot();
        snapshot.choice = choice;
        snapshot.from_project = from_project;
        snapshot.checkpoint = None;
        snapshot.model_problem = None;
        snapshot.settle();
        self.model_revision.fetch_add(1, Ordering::Release);
    }
}

/// Adds what requests of now name, and forgets the oldest if there are many.
fn add_named<T>(list: &mut Vec<(u64, Option<Arc<T>>)>, id: u64, new: Option<Arc<T>>) {
    if list.len() == MAX_NAMED {
        list.remove(0);
    }
    list.push((id, new));
}

/// What a request names, which is nothing for 0; `None` if it is not known.
fn named<T>(list: &[(u64, Option<Arc<T>>)], id: u64) -> Option<Option<Arc<T>>> {
    if id == 0 {
        return Some(None);
    }
    let named = list.iter().rfind(|(known, _)| *known == id)?;
    Some(named.1.clone())
}

impl Snapshot {
    /// What was put in.
    #[must_use]
    pub fn input(&self) -> Option<&Arc<Input>> {
        self.inputs.last()?.1.as_ref()
    }

    /// What is locked now.
    #[must_use]
    pub fn locks(&self) -> Option<&Arc<Locks>> {
        self.named_locks().map(|(_, locks)| locks)
    }

    /// What is locked now, and its id, which costs a hash of all of it.
    pub(crate) fn named_locks(&self) -> Option<(u64, &Arc<Locks>)> {
        let (id, locks) = self.locks.last()?;
        Some((*id, locks.as_ref()?))
    }

    /// Takes the pattern of a project that is being loaded, or what is wrong with it.
    pub(crate) fn restore(&mut self, saved: Result<Option<Arc<Ready>>, String>) {
        self.state_revision += 1;
        self.from_project = true;
        (self.ready, self.damage) = match saved {
            Ok(ready) => (ready, None),
            Err(problem) => (None, Some(problem)),
        };
        self.recent = Vec::from_iter(self.ready.clone());
        self.settle();
    }

    /// Takes the pattern of a new instance.
    pub(crate) fn begin(&mut self, first: Ready) {
        let first = Arc::new(first);
        self.recent = vec![first.clone()];
        self.ready = Some(first);
    }

    /// Takes a pattern that the worker has made for a job of `state_revision`, while the one with the fingerprint `in_force` sounds.
    pub(crate) fn finish(&mut self, ready: Ready, state_revision: u64, in_force: u64) {
        if state_revision == self.state_revision {
            let is_another = |old: &Arc<Ready>| old.request != ready.request;
            if self.ready.as_ref().is_some_and(is_another) {
                self.model_problem = None;
            }
            // The first pattern after a damaged one replaces it; the user should still see that.
            if self.ready.is_some() {
                self.damage = None;
            }
            let ready = Arc::new(ready);
            let sounds = |recent: &Arc<Ready>| recent.fingerprint() == in_force;
            let sounding = self.recent.iter().rposition(sounds);
            // Those that were made before it come into force no more, and they may be of 64 bars.
            self.recent.drain(..sounding.unwrap_or(0));
            if self.recent.len() == MAX_RECENT {
                self.recent.remove(usize::from(sounding.is_some()));
            }
            self.recent.push(ready.clone());
            self.ready = Some(ready);
        }
        self.settle();
    }

    /// Sets the status of a worker that has nothing to do.
    pub(crate) fn settle(&mut self) {
        self.status = match &self.checkpoint {
            None => Status::Loading,
            Some(Err(problem)) if self.ready.is_some() => Status::Problem(format!(
                "{problem}. The saved pattern plays, but no new one can be made."
            )),
            Some(Err(problem)) => Status::Problem(problem.clone()),
            Some(Ok(loaded)) => match self.reservation(loaded) {
                Some(problem) => Status::Problem(problem),
                None => Status::Ready,
            },
        };
    }

    /// What the user has to know although the checkpoint `loaded` plays.
    fn reservation(&self, loaded: &str) -> Option<String> {
        let made_by = self.ready.as_ref().map(|ready| &ready.checkpoint_id);
        // Where the user chose another model, the next pattern is on its way.
        let foreign = made_by.filter(|made_by| self.from_project && *made_by != loaded);
        let model = &self.model;
        match (&self.model_problem, foreign, &self.damage) {
            (Some(problem), Some(_), _) => Some(format!(
                "{problem}. The saved pattern plays; with another seed or setting, {model} makes a new one."
            )),
            (Some(problem), None, _) => Some(format!("{problem}. Now {model} plays.")),
            (None, Some(made_by), _) => Some(format!(
                "This project's pattern was made by the checkpoint {made_by}, which is not the one that is loaded. The \
                 saved pattern plays; with another seed or setting, {loaded} makes a new one."
            )),
            (None, None, Some(problem)) => Some(format!(
                "The pattern saved in the project is damaged: {problem}. It was made again from the settings."
            )),
            (None, None, None) => self.slots_problem.as_ref().map(|problem| {
                format!("A slot of the project is damaged and empty now: {problem}.")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;
    use crate::request::{LOOP_BEATS, Request};
    use fourbar_model::pattern::Pattern;

    fn ready(seed: u32) -> Ready {
        Ready {
            request: Request::new(seed, 0, 1.0, [0.0; 8]),
            checkpoint_id: "test".to_owned(),
            pattern: Pattern::new(Vec::new(), LOOP_BEATS),
            groove: None,
            n_passes: 1,
        }
    }

    fn sounding_seed(shared: &Shared) -> u32 {
        shared.sounding().unwrap().request.seed
    }

    #[test]
    fn audition_is_over_where_the_host_plays_and_does_not_come_back() {
        let shared = Shared::default();
        shared.audition.store(true, Ordering::Relaxed);
        assert!(shared.auditions(false));
        assert!(!shared.auditions(true));
        assert!(!shared.auditions(false), "the host stopped: silence");
        // Pressed while the host plays.
        let _ = shared.auditions(true);
        shared.audition.store(true, Ordering::Relaxed);
        assert!(!shared.auditions(true));
        assert!(!shared.auditions(false));
    }

    #[test]
    fn the_pattern_that_sounds_is_the_one_in_force_however_many_were_made_since() {
        let shared = Shared::default();
        assert_eq!(shared.sounding(), None);
        let finish = |seed| {
            let in_force = shared.in_force();
            shared.snapshot().finish(ready(seed), 0, in_force);
        };
        finish(1);
        assert_eq!(sounding_seed(&shared), 1, "before anything is in force");
        shared.sounds(Some(&ready(1)));
        for seed in 2..200 {
            finish(seed);
            assert_eq!(sounding_seed(&shared), 1);
        }
        shared.sounds(Some(&ready(198)));
        assert_eq!(sounding_seed(&shared), 198);
        for seed in 200..300 {
            finish(seed);
        }
        assert_eq!(sounding_seed(&shared), 198);
        assert_eq!(shared.snapshot().recent.len(), MAX_RECENT);
        shared.sounds(Some(&ready(298)));
        finish(300);
        assert_eq!(shared.snapshot().recent.len(), 3, "298 to 300");
    }

    #[test]
    fn the_pattern_of_a_new_instance_sounds_until_another_comes_into_force() {
        let shared = Shared::default();
        shared.snapshot().begin(ready(9));
        shared.sounds(Some(&ready(9)));
        let in_force = shared.in_force();
        shared.snapshot().finish(ready(2), 0, in_force);
        assert_eq!(sounding_seed(&shared), 9);
        shared.sounds(Some(&ready(2)));
        assert_eq!(sounding_seed(&shared), 2);
    }

    #[test]
    fn the_pattern_of_a_project_sounds_once_it_is_opened() {
        let shared = Shared::default();
        shared.snapshot().finish(ready(1), 0, 0);
        shared.sounds(Some(&ready(1)));
        shared.snapshot().restore(Ok(Some(Arc::new(ready(2)))));
        assert_eq!(sounding_seed(&shared), 2);
    }
}
