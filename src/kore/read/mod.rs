//! Reads the account: an [`ReadRequest`] comes in, a [`World`] goes out, with what it proves and what it does not.
//!
//! Listings first (exports, bots, groups, users), then look-ups of single people in the account's own spelling. On a
//! well-behaved server a full read takes 2 + ⌈B/50⌉ + ⌈G/50⌉ + ⌈N/L⌉ + ⌈D/M⌉ calls, L and M what the server takes. A
//! server that misbehaves costs a bounded number more and leaves its mark in [`crate::facts::Coverage`]; it is no error.

mod assemble;
mod calls;
mod change_log;
mod lookups;
mod notices;
mod pages;
mod people;
mod sign_on;

pub use change_log::ChangeLogEntry;
pub use notices::{AuditEvent, AuditPage};

use super::gateway::{Call, Gateway};
use super::wire::{BotWire, GroupWire, ListedUser, Paged, RoleWire};
use super::{Endpoint, KoreError};
use crate::facts::{
    AccountId, Closure, Completeness, Desired, Email, LockAnyway as _, OwnershipLevel, Policy, RoleType,
    ScopeExtent, World,
};
use assemble::Assembly;
use calls::{Calls, RecordedReplies};
use futures::future::try_join4;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

/// What to read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent parts of one request")]
pub struct ReadRequest {
    /// List everyone with their roles (kore-api 2.5).
    pub users: bool,
    /// List groups with members (2.13).
    pub groups: bool,
    /// List bots (2.14).
    pub bots: bool,
    /// Export roles of both types (2.7).
    pub roles: bool,
    /// People to look up (2.4).
    pub look_up: BTreeSet<Email>,
    /// Look up everyone listed.
    pub look_up_everyone: bool,
    /// Look up everyone listed with the Master Admin role.
    pub look_up_admins: bool,
    /// List nobody, whatever the look-ups leave out: roles without their groups are not read then.
    pub is_focused: bool,
}

impl ReadRequest {
    /// Everything a plan needs: all listings, these people, and the Master Admins.
    pub fn full(look_up: BTreeSet<Email>) -> Self {
        Self {
            users: true,
            groups: true,
            bots: true,
            roles: true,
            look_up,
            look_up_everyone: false,
            look_up_admins: true,
            is_focused: false,
        }
    }

    /// All listings, the users that manifests refer to, and the Master Admins; all users only where undeclared
    /// assignments are reported or pruned.
    pub fn for_plan(desired: &Desired, policy: &Policy) -> Self {
        let closes_assignments = desired.completeness == Completeness::Complete
            && desired.scopes.iter().any(|scope| {
                matches!(scope.extent, ScopeExtent::Assignments(_)) && scope.closure == Closure::Closed
            });
        let owns_assignments = policy.ownership.bot_assignments != OwnershipLevel::Ignore;
        let look_up_everyone = closes_assignments || owns_assignments;
        Self { look_up_everyone, ..Self::full(desired.referenced.clone()) }
    }

    /// What a focused plan looks at: these people, and where asked for the exports of roles and the bots.
    pub fn focused(look_up: BTreeSet<Email>, roles: bool, bots: bool) -> Self {
        Self { look_up, roles, bots, is_focused: true, ..Self::default() }
    }

    /// These people only: a read-back, or a check before a write.
    pub fn of_users(look_up: BTreeSet<Email>) -> Self {
        Self { look_up, ..Self::default() }
    }
}

/// Sizes this server has proved to take, for an estimate of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadSizes {
    /// Users asked for in one page of the listing; the server may return fewer.
    pub listing: usize,
    /// People in one look-up.
    pub look_up: usize,
}

/// What the reader remembers of this server.
#[derive(Debug)]
struct Sizes {
    listing: usize,
    look_up: usize,
    /// The smallest look-up known to be refused for its size.
    too_large: Option<usize>,
}

/// A read that is over, for the next one of the same request.
struct PreviousRead {
    request: ReadRequest,
    replies: RecordedReplies,
    world: Arc<World>,
}

impl fmt::Debug for PreviousRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviousRead").field("calls", &self.world.calls).finish_non_exhaustive()
    }
}

/// Reads one account, and remembers between reads which sizes it takes.
#[derive(Debug)]
pub struct Reader {
    gateway: Gateway,
    sizes: Mutex<Sizes>,
    /// What [`Reader::read_again`] has read last.
    previous: Mutex<Option<PreviousRead>>,
}

impl Reader {
    /// Sends nothing yet.
    pub fn new(gateway: Gateway) -> Self {
        let sizes = Sizes { listing: ListedUser::LIMIT, look_up: lookups::LARGEST_BATCH, too_large: None };
        Self { gateway, sizes: Mutex::new(sizes), previous: Mutex::default() }
    }

    /// The gateway, for its budget and its count of calls.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The sizes the next read starts with.
    pub fn sizes(&self) -> ReadSizes {
        let Sizes { listing, look_up, too_large: _ } = *self.locked_sizes();
        ReadSizes { listing, look_up }
    }

    fn locked_sizes(&self) -> MutexGuard<'_, Sizes> {
        self.sizes.lock_anyway()
    }

    fn update_sizes(&self, change: impl FnOnce(&mut Sizes)) {
        change(&mut self.locked_sizes());
    }

    /// Reads what is asked. Nothing is written, whatever happens.
    ///
    /// # Errors
    /// Only what ends the read: credentials, scope, network, budget, or replies that are not the API's. Gaps
    /// are coverage.
    pub async fn read(&self, request: &ReadRequest) -> Result<World, KoreError> {
        self.gather(request, &Calls::new(&self.gateway)).await
    }

    /// The account that answers, by the first of its users: one call. `None`: nobody is listed.
    ///
    /// # Errors
    /// As `read`.
    pub async fn account(&self) -> Result<Option<AccountId>, KoreError> {
        let call = Call::new(ListedUser::ENDPOINT).query("offset", 0).query("limit", 1);
        let page = Calls::new(&self.gateway).read(call, ListedUser::page).await?;
        let first = page.items.into_iter().next();
        Ok(first.and_then(|user| user.account_id.get().map(AccountId::new)))
    }

    /// As [`Reader::read`], for callers that repeat one request: the calls of the read before are made once more,
    /// and where all replies are the same, it is the same world.
    ///
    /// # Errors
    /// As `read`.
    pub async fn read_again(&self, request: &ReadRequest) -> Result<Arc<World>, KoreError> {
        let calls = Calls::recording(&self.gateway);
        let before = self.previous().take().filter(|previous| previous.request == *request);
        if let Some(PreviousRead { request: _, replies, world }) = &before
            && calls.repeat(&replies.listings).await?
            && calls.repeat(&replies.look_ups).await?
            && calls.count() == world.calls
        {
            let world = Arc::clone(world);
            *self.previous() = before;
            return Ok(world);
        }
        drop(before);
        let sizes = self.sizes();
        let world = Arc::new(self.gather(request, &calls).await?);
        // A read that finds out about sizes makes calls that no other need make.
        let replies = calls.replies().filter(|_| self.sizes() == sizes);
        *self.previous() = replies.map(|replies| PreviousRead {
            request: request.clone(),
            replies,
            world: Arc::clone(&world),
        });
        Ok(world)
    }

    async fn gather(&self, request: &ReadRequest, calls: &Calls<'_>) -> Result<World, KoreError> {
        let ReadRequest { users, groups, bots, roles, look_up, look_up_everyone, look_up_admins, is_focused } =
            request;
        let (roles, bots, groups, users) = try_join4(
            async { if *roles { exports(calls).await.map(Some) } else { Ok(None) } },
            async { if *bots { calls.all::<BotWire>().await.map(Some) } else { Ok(None) } },
            async { if *groups { calls.all::<GroupWire>().await.map(Some) } else { Ok(None) } },
            async { if *users { self.users(calls).await.map(Some) } else { Ok(None) } },
        )
        .await?;

        let mut assembly = Assembly::default();
        for (role_type, export) in roles.into_iter().flatten() {
            assembly.export(role_type, export);
        }
        assembly.listings(bots, groups, users)?;
        let mut people = look_up.clone();
        if *look_up_everyone {
            people.extend(assembly.everyone());
        }
        if *look_up_admins {
            people.extend(assembly.master_admins());
        }
        if request.users && request.groups {
            people.extend(assembly.group_samples());
        }
        let look_ups = assembly.look_ups(people);
        let mut results = self.look_up(look_ups.iter().flat_map(|(_, spellings)| spellings), calls).await?;
        // How roles are held decides what a read-back says: where the look-ups leave it out, the listing has it.
        if lookups::leave_out_groups(&mut results) && !request.users {
            if *is_focused {
                lookups::without_unplaced_roles(&mut results);
            } else {
                assembly.beside_look_ups(Box::pin(self.users(calls)).await?);
            }
        }
        let mut world = assembly.finish(look_ups, results);
        world.calls = calls.count();
        Ok(world)
    }

    /// The users' listing, in the largest pages that the server does not refuse.
    async fn users(&self, calls: &Calls<'_>) -> Result<pages::Listed<ListedUser>, KoreError> {
        let (listed, limit) = calls.all_by(self.sizes().listing).await?;
        self.update_sizes(|sizes| sizes.listing = limit);
        Ok(listed)
    }

    fn previous(&self) -> MutexGuard<'_, Option<PreviousRead>> {
        self.previous.lock_anyway()
    }
}

/// Both role exports (2.7).
async fn exports(calls: &Calls<'_>) -> Result<[(RoleType, Vec<Option<RoleWire>>); 2], KoreError> {
    let one = async |role_type: RoleType| {
        let call = Call::new(Endpoint::ExportRoles).query("roleType", role_type.as_str());
        let roles = calls.read(call, |body| RoleWire::list(body, role_type)).await?;
        Ok((role_type, roles))
    };
    let (admin, bot) = futures::future::try_join(one(RoleType::Admin), one(RoleType::Bot)).await?;
    Ok([admin, bot])
}
