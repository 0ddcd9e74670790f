//! Assignments that have to be cleared before they can be sent: where the platform adds to a list instead of
//! replacing it (kore-api 2.2 leaves that open), an entry can only go with all the others.
//!
//! In between a person has nothing, so what they shall have is on disk first, and the next run restores it before
//! it plans anything.

use super::assignments::{as_sent, assignments_after};
use super::directory::Directory;
use super::encode::{access_of, unchanged};
use super::journal::{self, BeforeImage, JournalError};
use super::vault::Vault;
use crate::facts::{BotId, BuilderAccess, DialogId, Email, Policy, World};
use crate::kore::{Answer, Ask, KoreError, Reader, UserUpdate, Writer};
use crate::plan::Change;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a repair could not do.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The platform could not be asked.
    #[error(transparent)]
    Kore(#[from] KoreError),
    /// The file could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The platform did not take it.
    #[error(
        "assignments left over from an interrupted run could not be restored: {0}\n  run again, or restore them in the console (Enterprise Bots)"
    )]
    Refused(String),
}

/// Where a killed run may have left something.
#[derive(Clone, Copy, Debug)]
pub enum Kept<'a> {
    /// In the account's state folder.
    Folder(&'a Path),
    /// In a vault, which holds this.
    Vault(&'a dyn Vault, &'a str),
}

/// Restores what a killed run has cleared and not sent again. Gives the people it was done for.
pub async fn repair(
    kept: Kept<'_>,
    reader: &Reader,
    writer: &Writer,
    policy: &Policy,
) -> Result<Vec<Email>, RepairError> {
    let images = match kept {
        Kept::Folder(folder) => journal::kept(folder)?,
        Kept::Vault(_, text) => journal::kept_in(text)?,
    };
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let ask = Ask { look_up: images.iter().map(|image| image.user.clone()).collect(), ..Ask::default() };
    let view = reader.read(&ask).await?;
    // Who has left meanwhile needs nothing any more.
    let there: Vec<BeforeImage> =
        images.into_iter().filter(|image| !view.coverage.not_found.contains(&image.user)).collect();
    if let Some(image) = there.iter().find(|image| access_of(&view, &image.user).is_none()) {
        return Err(RepairError::Refused(format!("the account did not answer about {}", image.user)));
    }
    let directory = Directory::of(&view, &[]);
    for batch in there.chunks(policy.batch_size.0) {
        let updates: Vec<UserUpdate> =
            batch.iter().map(|image| update(image, &directory, &view, image.target.clone())).collect();
        refuse_failures(writer.update_users(&updates).await?)?;
    }
    match kept {
        Kept::Folder(folder) => journal::keep(folder, &[])?,
        Kept::Vault(vault, _) => journal::keep_in(vault, &[]).await?,
    }
    Ok(there.into_iter().map(|image| image.user).collect())
}

/// Takes every assignment of a batch of people away and sends the wanted ones. The caller has put the images on disk, and
/// leaves them there when this fails: somebody has nothing then, until the next run restores it.
pub(super) async fn clear_and_resend(
    batch: &[BeforeImage],
    directory: &Directory,
    view: &World,
    writer: &Writer,
) -> Result<(), RepairError> {
    let cleared: Vec<UserUpdate> =
        batch.iter().map(|image| update(image, directory, view, BTreeMap::new())).collect();
    // Whether it came to pass or not, what follows is right.
    writer.update_users(&cleared).await?;
    let wanted: Vec<UserUpdate> = batch
        .iter()
        .filter(|image| !image.target.is_empty())
        .map(|image| update(image, directory, view, image.target.clone()))
        .collect();
    if wanted.is_empty() { Ok(()) } else { refuse_failures(writer.update_users(&wanted).await?) }
}

/// What a person shall be assigned, once these changes are made to what the look shows.
pub(super) fn before_image<'a>(
    email: &Email,
    changes: impl Iterator<Item = &'a Change>,
    view: &World,
) -> BeforeImage {
    BeforeImage { user: email.clone(), target: assignments_after(email, changes, view) }
}

fn update(
    image: &BeforeImage,
    directory: &Directory,
    view: &World,
    assignments: BTreeMap<BotId, Option<BTreeSet<DialogId>>>,
) -> UserUpdate {
    let access = access_of(view, &image.user).unwrap_or(BuilderAccess::None);
    UserUpdate { assignments: as_sent(assignments), ..unchanged(directory.spelling(&image.user), access) }
}

fn refuse_failures(answer: Answer) -> Result<(), RepairError> {
    match answer {
        Answer::Accepted(failures) => match failures.into_iter().next() {
            None => Ok(()),
            Some(failure) => Err(RepairError::Refused(failure.message)),
        },
        Answer::Refused(vendor) | Answer::Unknown(vendor) => Err(RepairError::Refused(vendor.to_string())),
    }
}
