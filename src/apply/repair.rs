//! Assignments that have to be cleared before they can be sent: where the platform adds to a list instead of
//! replacing it (kore-api 2.2 leaves that open), an entry can only go with all the others.
//!
//! In between a person has nothing, so what they shall have is kept first, and stays kept until a read has shown it. A
//! clearing call without an answer may be carried out at any later time: nothing is sent behind it, and the next run
//! restores what is kept before it plans anything.

use super::assignments::{as_sent, assignments_after};
use super::before_image_store::BeforeImageStore;
use super::encode::{access_of, unchanged};
use super::journal::{self, BeforeImage, JournalError};
use super::known_ids::KnownIds;
use super::run::{Account, READ_BACK_PAUSES};
use crate::facts::{BotId, BuilderAccess, DialogId, Email, Policy, World};
use crate::kore::{KoreError, ReadRequest, UserUpdate, WriteReply, Writer};
use crate::plan::Change;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// What a repair could not do.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The platform could not be asked.
    #[error(transparent)]
    Kore(#[from] KoreError),
    /// The file could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The platform did not take it, or does not show it.
    #[error(
        "assignments left over from an interrupted run are not restored: {why}\n  run again, or restore them in the console (Enterprise Bots); where that cannot be done any more, remove {place}"
    )]
    Refused {
        /// What was said.
        why: String,
        /// Where they are kept.
        place: String,
    },
}

/// Where a killed run may have left something.
#[derive(Clone, Copy, Debug)]
pub enum BeforeImageSource<'a> {
    /// In the account's state folder.
    Folder(&'a Path),
    /// In a store outside the process, which holds this.
    Store(&'a dyn BeforeImageStore, &'a str),
}

impl BeforeImageSource<'_> {
    fn images(&self) -> Result<Vec<BeforeImage>, JournalError> {
        match self {
            Self::Folder(folder) => journal::kept(folder),
            Self::Store(_, text) => journal::kept_in(text),
        }
    }

    async fn replace(&self, images: &[BeforeImage]) -> Result<(), JournalError> {
        match self {
            Self::Folder(folder) => journal::keep(folder, images),
            Self::Store(store, _) => journal::keep_in(*store, images).await,
        }
    }

    fn refused(&self, why: impl Into<String>) -> RepairError {
        let place = match self {
            Self::Folder(folder) => journal::in_flight(folder).display().to_string(),
            Self::Store(..) => "status.inFlight of the account".to_owned(),
        };
        RepairError::Refused { why: why.into(), place }
    }
}

/// Restores what a killed run has cleared and not sent again. Gives the people it was done for.
///
/// # Errors
/// What is not shown to be restored stays kept.
pub async fn repair(
    kept: BeforeImageSource<'_>,
    account: &Account<'_>,
    policy: &Policy,
    cancel: &CancellationToken,
) -> Result<Vec<Email>, RepairError> {
    let mut images = kept.images()?;
    let mut people: Vec<Email> = images.iter().map(|image| image.user.clone()).collect();
    if images.is_empty() {
        return Ok(people);
    }
    let mut last = None;
    let mut sent: BTreeSet<Email> = BTreeSet::new();
    for pause in READ_BACK_PAUSES {
        if images.is_empty() {
            break;
        }
        let until = account.gateway.now().saturating_add(SignedDuration::from_secs(pause));
        tokio::select! {
            () = account.gateway.sleep_until(until.unwrap_or(Timestamp::MAX)) => {}
            () = cancel.cancelled() => return Err(kept.refused("asked to end before they were seen")),
        }
        let look_up = images.iter().map(|image| image.user.clone()).collect();
        let observed = account.reader.read(&ReadRequest { look_up, ..ReadRequest::default() }).await?;
        // Who has left meanwhile needs nothing any more.
        people.retain(|email| !observed.coverage.not_found.contains(email));
        images.retain(|image| people.contains(&image.user));
        // A read that is behind may show the list as it was right before it was cleared: what was not sent again is looked
        // at until the last read.
        images.retain(|image| !sent.contains(&image.user) || !is_as_sent(image, &observed));
        let is_lacking = |image: &&BeforeImage| !sent.contains(&image.user) && !is_as_sent(image, &observed);
        let lacking: Vec<BeforeImage> = images.iter().filter(is_lacking).cloned().collect();
        send_again(&kept, &lacking, &observed, account.writer, policy).await?;
        sent.extend(lacking.into_iter().map(|image| image.user));
        last = Some(observed);
    }
    let missing = last.and_then(|observed| images.iter().find(|image| !holds(image, &observed)));
    if let Some(image) = missing {
        return Err(kept.refused(format!("a minute later they are not all there for {}", image.user)));
    }
    kept.replace(&[]).await?;
    Ok(people)
}

async fn send_again(
    kept: &BeforeImageSource<'_>,
    images: &[BeforeImage],
    observed: &World,
    writer: &Writer,
    policy: &Policy,
) -> Result<(), RepairError> {
    if let Some(image) = images.iter().find(|image| access_of(observed, &image.user).is_none()) {
        return Err(kept.refused(format!("the account did not answer about {}", image.user)));
    }
    let known_ids = KnownIds::from_read(observed, &[]);
    for batch in images.chunks(policy.batch_size.0) {
        let updates: Vec<UserUpdate> =
            batch.iter().map(|image| update(image, &known_ids, observed, image.target.clone())).collect();
        refusal(writer.update_users(&updates).await?).map_or(Ok(()), |why| Err(kept.refused(why)))?;
    }
    Ok(())
}

/// How clearing a batch and sending it again went.
pub(super) enum Resent {
    /// Both calls were answered; a read has to show the rest.
    Answered,
    /// The platform said no, or nothing: a person may have nothing until it is restored.
    OpenJournal(String),
}

/// Takes every assignment of a batch of people away and sends the wanted ones. The caller has kept the images.
pub(super) async fn clear_and_resend(
    batch: &[BeforeImage],
    known_ids: &KnownIds,
    observed: &World,
    writer: &Writer,
) -> Result<Resent, KoreError> {
    let cleared: Vec<UserUpdate> =
        batch.iter().map(|image| update(image, known_ids, observed, BTreeMap::new())).collect();
    // Whether it was done or refused, what follows is right. Without an answer it may be done at any later moment, and
    // would take away what was sent behind it.
    if let WriteReply::Unknown(vendor) = writer.update_users(&cleared).await? {
        return Ok(Resent::OpenJournal(vendor.to_string()));
    }
    let wanted: Vec<UserUpdate> = batch
        .iter()
        .filter(|image| !image.target.is_empty())
        .map(|image| update(image, known_ids, observed, image.target.clone()))
        .collect();
    if wanted.is_empty() {
        return Ok(Resent::Answered);
    }
    Ok(refusal(writer.update_users(&wanted).await?).map_or(Resent::Answered, Resent::OpenJournal))
}

/// What a person shall be assigned, once these changes are made to what the read shows. Kept under the spelling that the
/// platform knows them by: it may tell addresses apart by case, and whoever restores this knows no other.
pub(super) fn before_image<'a>(
    email: &Email,
    changes: impl Iterator<Item = &'a Change>,
    observed: &World,
    known_ids: &KnownIds,
) -> BeforeImage {
    BeforeImage { user: known_ids.spelling(email), target: assignments_after(email, changes, observed) }
}

/// Whether the read shows exactly the list that was sent.
pub(super) fn is_as_sent(image: &BeforeImage, observed: &World) -> bool {
    shown(image, observed).is_some_and(|shown| shown == image.target)
}

/// Whether the read shows all of it, and more: given meanwhile, or left by a clearing that never came about.
pub(super) fn holds(image: &BeforeImage, observed: &World) -> bool {
    let holds = |shown: &Assigned| image.target.iter().all(|(bot, dialogs)| shown.get(bot) == Some(dialogs));
    shown(image, observed).as_ref().is_some_and(holds)
}

type Assigned = BTreeMap<BotId, Option<BTreeSet<DialogId>>>;

/// What the read shows of a person's assignments; `None`: they were not read.
fn shown(image: &BeforeImage, observed: &World) -> Option<Assigned> {
    let was_read = observed.coverage.looked_up.get(&image.user).is_some_and(|seen| seen.assignments);
    was_read.then(|| assignments_after(&image.user, std::iter::empty(), observed))
}

fn update(image: &BeforeImage, known_ids: &KnownIds, observed: &World, assignments: Assigned) -> UserUpdate {
    let access = access_of(observed, &image.user).unwrap_or(BuilderAccess::None);
    UserUpdate { assignments: as_sent(assignments), ..unchanged(known_ids.spelling(&image.user), access) }
}

/// Why an answer is no yes.
fn refusal(answer: WriteReply) -> Option<String> {
    match answer {
        WriteReply::Accepted(failures) => failures.into_iter().next().map(|failure| failure.message),
        WriteReply::Refused(vendor) | WriteReply::Unknown(vendor) => Some(vendor.to_string()),
    }
}
