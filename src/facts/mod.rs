//! The shared vocabulary: what can be true of an account, what is wanted, and what was seen.
//!
//! A *fact* is a [`Key`] (what it is about) with a [`Value`] (what is true of it). Manifests compile into
//! [`Desired`], a read of the account decodes into [`World`]; both are sorted by the same key, so that the
//! difference is one merge. This room knows nobody: no clock, socket, file or Kubernetes, and no other room.

mod area;
mod count;
mod declared;
mod desired;
mod email;
mod gap;
mod guards;
mod key;
mod lock;
mod look_alike;
mod looks;
mod names;
mod nearest;
mod policy;
mod record;
mod rule;
mod rule_guards;
mod sign_on;
mod sorted;
mod time;
mod value;
mod visible;
mod world;

pub use area::{Area, AreaApprovals, AreaReach};
pub use count::count;
pub use declared::{DeletionPolicy, LoadedObject, LoadedObjects, ObjectRef};
pub use desired::{
    Acknowledged, Closure, Completeness, Desired, Location, Move, Resource, Scope, ScopeExtent, Source,
    Verdict, Want,
};
pub use email::{Email, EmailError};
pub use gap::{Gap, GapReach};
pub use guards::{GuardRef, Guards};
pub use key::{Family, Holder, Key, RoleType};
pub use lock::LockAnyway;
pub use look_alike::{LookAlike, look_alikes, mixed_with_latin};
pub use looks::{Decided, Look, Looks, members_of};
pub use names::{
    AccountId, BotId, BotName, BotRef, DialogId, GroupId, GroupName, Level, PermissionName, RoleId, RoleName,
    UserId, as_read,
};
pub use nearest::nearest;
pub use policy::{
    Allowance, Approval, BatchSize, FailOn, Invitations, Mode, Ownership, OwnershipLevel, Pattern, Policy,
    RateLimit, Retired, Retirement, Safety,
};
pub use record::KeyRecord;
pub use rule::{
    GrantTerms, ObjectKind, PolicyRule, RoleSet, RuleAction, RuleException, RuleMatch, RuleObject, RuleOn,
    RuleOver, RuleReach, RuleSet, RuleSeverity, RuleShape, UnjudgedRule,
};
pub use rule_guards::{LoosenedRule, RuleGuards, RuleRef};
pub use sign_on::{AttributeMapping, MappedTarget, SignOn, SyncMode};
pub use sorted::{assignments_of, find, of_family};
pub use time::{ClockCheck, after, written};
pub use value::{BuilderAccess, DialogSet, Membership, PersonName, RoleSpec, Value};
pub use visible::{is_format, visible, visible_json, visible_lines};
pub use world::{
    BotEntry, Coverage, Directory, Extent, GroupEntry, Listing, RoleEntry, Seen, UserEntry, World,
    WorldBuilder,
};
