//! What the calls of a read were answered, for the next one. A world is made of the question and of the answers: where each
//! call is answered as it was by the read before, nothing is read out of the answers again, and they make the same world.

use super::super::gateway::Call;
use super::super::transport::Body;
use super::Ask;
use crate::facts::World;
use sha2::{Digest as _, Sha256};
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// SHA-256 of a call, or of an answer.
type Digest = [u8; 32];

/// An answer, and what was read out of it.
struct Answer {
    body: Digest,
    read: Arc<dyn Any + Send + Sync>,
}

/// Answers by call.
#[derive(Default)]
struct Answers {
    by_call: HashMap<Digest, Answer>,
    /// A call had no answer, or two that differ: what comes of the read is not said by its answers alone.
    is_spoiled: bool,
}

/// A read that is over.
pub(super) struct Kept {
    ask: Ask,
    calls: u32,
    answers: Answers,
    world: Arc<World>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("answers", &self.answers.by_call.len()).finish_non_exhaustive()
    }
}

/// A read under way, and the one before.
pub(super) struct Recall {
    before: Option<Arc<Kept>>,
    now: Mutex<Answers>,
}

impl Recall {
    /// Nothing answered yet.
    pub(super) fn new(before: Option<Arc<Kept>>) -> Self {
        Self { before, now: Mutex::default() }
    }

    /// What `read` makes of an answer, or has made of it in the read before.
    pub(super) fn read<T: Clone + Send + Sync + 'static, E>(
        &self,
        call: &Call,
        body: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        let (call, digest) = (digest(call), Sha256::digest(body).into());
        let before = self.before.as_ref().and_then(|kept| kept.answers.by_call.get(&call));
        let known = before.filter(|answer| answer.body == digest);
        let known =
            known.and_then(|answer| Some((Arc::clone(&answer.read), answer.read.downcast_ref::<T>()?)));
        let (kept, read) = match known {
            Some((kept, known)) => (kept, known.clone()),
            None => {
                let read = read(body)?;
                (Arc::new(read.clone()) as Arc<dyn Any + Send + Sync>, read)
            }
        };
        let mut now = self.now();
        let earlier = now.by_call.insert(call, Answer { body: digest, read: kept });
        now.is_spoiled |= earlier.is_some_and(|earlier| earlier.body != digest);
        Ok(read)
    }

    /// A call came to nothing.
    pub(super) fn spoil(&self) {
        self.now().is_spoiled = true;
    }

    /// The world of the read before, when its question was the same, and its calls and all their answers.
    pub(super) fn same(&self, ask: &Ask, calls: u32) -> Option<Arc<World>> {
        let before = self.before.as_ref()?;
        let now = self.now();
        let is_known = |(call, answer): (&Digest, &Answer)| {
            before.answers.by_call.get(call).is_some_and(|before| before.body == answer.body)
        };
        let is_same = before.calls == calls
            && before.ask == *ask
            && !before.answers.is_spoiled
            && !now.is_spoiled
            && now.by_call.len() == before.answers.by_call.len()
            && now.by_call.iter().all(is_known);
        is_same.then(|| Arc::clone(&before.world))
    }

    /// The read is over.
    pub(super) fn keep(self, ask: &Ask, calls: u32, world: &Arc<World>) -> Kept {
        let answers = self.now.into_inner().unwrap_or_else(PoisonError::into_inner);
        Kept { ask: ask.clone(), calls, answers, world: Arc::clone(world) }
    }

    fn now(&self) -> MutexGuard<'_, Answers> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(call: &Call) -> Digest {
    let Call { endpoint, query, body, tries: _, deadline: _ } = call;
    let mut hash = Sha256::new();
    hash.update(format!("{endpoint} {query:?} "));
    match body {
        Body::Json(json) => hash.update(json),
        Body::Empty | Body::File { .. } => {}
    }
    hash.finalize().into()
}
