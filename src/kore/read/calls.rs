//! The calls of one read: what they cost, and what was answered.

use super::super::KoreError;
use super::super::gateway::{Call, Gateway, Tally};
use super::recall::Recall;

/// Sends the calls of one read.
pub(super) struct Calls<'a> {
    gateway: &'a Gateway,
    tally: Tally,
    /// What the calls of the read before were answered, where that is remembered.
    recall: Option<&'a Recall>,
}

impl<'a> Calls<'a> {
    /// None sent yet.
    pub(super) fn new(gateway: &'a Gateway, recall: Option<&'a Recall>) -> Self {
        Self { gateway, tally: Tally::default(), recall }
    }

    /// Sends one, and makes of its answer what `read` makes of the body.
    pub(super) async fn read<T: Clone + Send + Sync + 'static>(
        &self,
        call: &Call,
        read: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, KoreError> {
        let read = |body: &[u8]| read(body).map_err(|why| self.gateway.misread(call.endpoint, why, body));
        let body = self.gateway.read(call, &self.tally).await;
        match self.recall {
            None => read(&body?),
            Some(recall) => {
                let read = body.and_then(|body| recall.read(call, &body, read));
                read.inspect_err(|_| recall.spoil())
            }
        }
    }

    /// How many were sent.
    pub(super) fn count(&self) -> u32 {
        self.tally.count()
    }
}
