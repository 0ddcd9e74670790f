//! The calls of one read. Where the next read is to find out whether anything has changed, they and their replies are kept:
//! a world is made of the request and of the replies, so the same replies to the same calls make the same world.

use super::super::gateway::{Call, Gateway, IN_FLIGHT, Tally};
use super::super::{Endpoint, KoreError};
use crate::facts::LockAnyway as _;
use futures::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sends the calls of one read.
pub(super) struct Calls<'a> {
    gateway: &'a Gateway,
    tally: Tally,
    recording: Option<Mutex<Recording>>,
}

/// A call, and what is kept of its reply to know it again.
pub(super) struct RecordedReply {
    call: Call,
    retained: Vec<u8>,
}

impl RecordedReply {
    fn new(call: Call, body: Vec<u8>) -> Self {
        let retained = retained_body(call.endpoint, body.into()).into_owned();
        Self { call, retained }
    }

    fn is(&self, body: &[u8]) -> bool {
        self.retained == *retained_body(self.call.endpoint, body.into())
    }
}

/// The reply itself. Of the bots only its hash: their client secrets are in it in clear (kore-api 2.14), and are not to
/// stay in memory.
fn retained_body(endpoint: Endpoint, body: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match endpoint {
        Endpoint::Bots => Sha256::digest(&body).to_vec().into(),
        _ => body,
    }
}

/// The replies of this read.
#[derive(Default)]
struct Recording {
    /// Bodies of replies to calls of the read before, made once more and not asked for yet.
    prefetched: Vec<(Call, Vec<u8>)>,
    /// To the calls of this read.
    replies: Vec<RecordedReply>,
    /// A call came to nothing: what is made of this read is not said by its replies alone.
    is_unreliable: bool,
}

/// Replies of a read that is over: a world is made of nothing else.
pub(super) struct RecordedReplies {
    /// The listings; what is looked up follows from them.
    pub(super) listings: Vec<RecordedReply>,
    /// The look-ups.
    pub(super) look_ups: Vec<RecordedReply>,
}

impl<'a> Calls<'a> {
    /// Keeps nothing.
    pub(super) fn new(gateway: &'a Gateway) -> Self {
        Self { gateway, tally: Tally::default(), recording: None }
    }

    /// Keeps the replies.
    pub(super) fn recording(gateway: &'a Gateway) -> Self {
        Self { recording: Some(Mutex::default()), ..Self::new(gateway) }
    }

    /// How many were sent.
    pub(super) fn count(&self) -> u32 {
        self.tally.count()
    }

    /// Sends one, unless its reply is at hand, and makes of it what `decode` makes of the body.
    pub(super) async fn read<T>(
        &self,
        call: Call,
        decode: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, KoreError> {
        let prefetched = self.locked_recording().and_then(|mut recording| recording.take(&call));
        let body = match prefetched {
            Some(body) => body,
            None => self.gateway.read(&call, &self.tally).await.inspect_err(|_| self.mark_unreliable())?,
        };
        let misread = |why| self.gateway.misread(call.endpoint, why, &body);
        let decoded = decode(&body).map_err(misread).inspect_err(|_| self.mark_unreliable())?;
        if let Some(mut recording) = self.locked_recording() {
            recording.replies.push(RecordedReply::new(call, body));
        }
        Ok(decoded)
    }

    /// Makes these calls once more: whether each is answered as it was. If not, the new replies are at hand for the read that
    /// follows, which sends none of these calls again.
    ///
    /// # Errors
    /// What a smaller call would not help against.
    pub(super) async fn repeat(&self, replies: &[RecordedReply]) -> Result<bool, KoreError> {
        let again: Vec<_> =
            replies.iter().map(|before| self.gateway.read(&before.call, &self.tally)).collect();
        let mut answered = stream::iter(again).buffered(IN_FLIGHT).zip(stream::iter(replies));
        let mut is_same = true;
        while let Some((body, before)) = answered.next().await {
            match body {
                Ok(body) => {
                    is_same &= before.is(&body);
                    if let Some(mut recording) = self.locked_recording() {
                        recording.prefetched.push((before.call.clone(), body));
                    }
                }
                Err(error) if error.may_succeed_with_smaller_batch() => is_same = false,
                Err(error) => return Err(error),
            }
        }
        Ok(is_same)
    }

    /// The replies of the read, unless one is missing.
    pub(super) fn replies(self) -> Option<RecordedReplies> {
        let recording = self.recording?.into_inner().unwrap_or_else(PoisonError::into_inner);
        let is_look_up = |reply: &RecordedReply| reply.call.endpoint == Endpoint::UsersInfo;
        let (look_ups, listings) = recording.replies.into_iter().partition(is_look_up);
        (!recording.is_unreliable).then_some(RecordedReplies { listings, look_ups })
    }

    fn mark_unreliable(&self) {
        if let Some(mut recording) = self.locked_recording() {
            recording.is_unreliable = true;
        }
    }

    fn locked_recording(&self) -> Option<MutexGuard<'_, Recording>> {
        self.recording.as_ref().map(|recording| recording.lock_anyway())
    }
}

impl Recording {
    fn take(&mut self, call: &Call) -> Option<Vec<u8>> {
        let at = self.prefetched.iter().position(|(made, _)| made.asks_the_same(call))?;
        Some(self.prefetched.swap_remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_secrets_of_bots_are_not_kept() {
        use Endpoint::{AllUserRoles, Bots, ExportRoles, Groups, UsersInfo};
        let body = br#"{"bots":[{"jwtApps":[{"clientSecret":"canary"}]}]}"#;
        for endpoint in [AllUserRoles, Bots, ExportRoles, Groups, UsersInfo] {
            let reply = RecordedReply::new(Call::new(endpoint), body.to_vec());
            let has_canary = reply.retained.windows(6).any(|window| window == b"canary");
            assert_eq!(has_canary, endpoint != Endpoint::Bots, "{endpoint}");
            assert!(reply.is(body) && !reply.is(b"another"), "{endpoint}");
        }
    }
}
