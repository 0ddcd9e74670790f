//! Changes that a guard refuses: removals without a pinned account, from protected users, over the ceiling, or that
//! would leave too few Master Admins.

use super::memory::{CONTESTED_AFTER, UNKEPT_AFTER};
use super::model::{Action, Change, ChangeId, Entry, Reason};
use super::{Context, risk};
use crate::facts::{
    self, Email, Family, GroupName, Holder, Key, Listing, Membership, Policy, RoleName, Safety, Value, World,
    count, nearest,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What one run allows beyond the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// `--allow-removals N`: up to this many, overriding the ceilings of the policy.
    pub allow_removals: Option<u32>,
    /// `--take-over`: lists that are authoritative for the first time are pruned, too.
    #[serde(default)]
    pub take_over: bool,
}

/// Every refusal, with the changes that it blocks.
///
/// Additions that are denied do not count for the floor: who is not granted Master Admin does not hold it.
pub(super) fn refuse(
    changes: &[Change],
    denied: &BTreeSet<ChangeId>,
    observed: &World,
    policy: &Policy,
    context: &Context,
) -> Vec<Entry> {
    let mut refused = Vec::new();
    if let Some((pinned, seen)) = policy.account_mismatch(observed.account.as_ref()) {
        refused.push(refusal(
            Reason::AccountNotPinned,
            format!(
                "the account is {seen}, and the manifest is about {pinned} ({})",
                policy.blame("accountId")
            ),
            "check host and credentials; nothing is sent to another account".to_owned(),
            changes.iter(),
        ));
        return refused;
    }
    let removals: Vec<&Change> = changes.iter().filter(|change| change.action.is_removal()).collect();
    if policy.account_id.is_none() && !removals.is_empty() {
        let seen = observed.account.as_ref().map_or("unknown".to_owned(), ToString::to_string);
        refused.push(refusal(
            Reason::AccountNotPinned,
            format!("{} without spec.accountId", count(removals.len(), "removal")),
            format!("write accountId: {seen} into the KoreAccount, if that is the right account"),
            removals.iter().copied(),
        ));
    }
    refused.extend(protected(changes, observed, &policy.safety));
    refused.extend(floor(changes, denied, observed, policy));
    refused.extend(contested(changes, context));
    refused.extend(unkept(changes, context));
    refused.extend(clock_skew(changes, context));
    let ceiling = if context.fills_ceiling {
        let held: BTreeSet<&ChangeId> = refused.iter().flat_map(|entry| &entry.changes).collect();
        let free: Vec<&Change> = removals.into_iter().filter(|change| !held.contains(&change.id)).collect();
        above_ceiling(free, observed, policy, context)
    } else {
        ceiling(&removals, observed, policy, context)
    };
    refused.extend(ceiling);
    refused
}

/// Nothing about protected users is removed or changed, nor about a group that they are in; additions are allowed.
fn protected(changes: &[Change], observed: &World, safety: &Safety) -> Vec<Entry> {
    let mut by_person: BTreeMap<&Email, Vec<&Change>> = BTreeMap::new();
    let mut by_group: HashMap<&GroupName, Vec<&Change>> = HashMap::new();
    for change in changes.iter().filter(|change| change.before.is_some()) {
        if let Some(email) = change.key.email() {
            if safety.protects(email) {
                by_person.entry(email).or_default().push(change);
            }
        } else if let Some(Holder::Group(group)) = change.key.holder() {
            by_group.entry(group).or_default().push(change);
        }
    }
    if !by_group.is_empty() {
        for (key, _) in observed.facts() {
            if let Key::InGroup(email, group) = key
                && let Some(changes) = by_group.get(group).filter(|_| safety.protects(email))
            {
                by_person.entry(email).or_default().extend(changes);
            }
        }
    }
    by_person
        .into_iter()
        .map(|(email, changes)| {
            let rule = if safety.primary_admin.as_ref() == Some(email) {
                "the Primary Admin is never touched (safety.primaryAdmin)"
            } else {
                "protected users are never touched (safety.protected)"
            };
            refusal(
                Reason::Protected,
                format!("{} of {email}: {rule}", count(changes.len(), "change")),
                "correct the manifest, or remove the user from the field that protects them".to_owned(),
                changes.into_iter(),
            )
        })
        .collect()
}

/// What a rolling day adds to the ceilings (controller; on the command line a run counts by itself).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Taken away in the last day.
    pub lately: BTreeMap<Family, usize>,
    /// Acknowledged one by one by an approver: no ceiling counts them.
    pub acknowledged: BTreeSet<ChangeId>,
}

/// The stricter of a number over all families and a share of each family. A family always allows one removal, or
/// small accounts could not remove anything.
fn ceiling(removals: &[&Change], observed: &World, policy: &Policy, context: &Context) -> Option<Entry> {
    let nothing = Day::default();
    let Day { lately, acknowledged } = context.day.as_ref().unwrap_or(&nothing);
    let removals: Vec<&Change> =
        removals.iter().copied().filter(|removal| !acknowledged.contains(&removal.id)).collect();
    if removals.is_empty() {
        return None;
    }
    let mut by_family: BTreeMap<Family, usize> = BTreeMap::new();
    for removal in &removals {
        *by_family.entry(removal.key.family()).or_default() += 1;
    }
    let parts: Vec<String> =
        by_family.iter().map(|(family, count)| format!("{}: {count}", family.label())).collect();
    let breakdown = parts.join(", ");
    let earlier: usize = lately.values().sum();
    let so_far =
        if earlier == 0 { String::new() } else { format!(" besides {earlier} in the last 24 hours") };
    let next_step = match context.day {
        None => format!("look at the plan, then run again with --allow-removals {}", removals.len()),
        Some(_) => "look at the plan, then acknowledge these removals by id in a KorePlanApproval".to_owned(),
    };
    if let Some(allowed) = context.limits.allow_removals {
        return (removals.len() > allowed as usize).then(|| {
            let message = format!(
                "{}, {allowed} allowed (--allow-removals); {breakdown}",
                count(removals.len(), "removal"),
            );
            refusal(Reason::RemovalCeiling, message, next_step, removals.iter().copied())
        });
    }
    if let Some(allowance) = policy.safety.allowance(context.now) {
        let rule = policy.blame("safety.allowRemovals");
        if removals.len() + earlier <= allowance.count.max(policy.safety.max_removals) as usize {
            return None;
        }
        let message = format!(
            "{}{so_far}, {} allowed for \"{}\" ({rule}); {breakdown}",
            count(removals.len(), "removal"),
            allowance.count,
            allowance.reason
        );
        return Some(refusal(Reason::RemovalCeiling, message, next_step, removals.iter().copied()));
    }
    let allowed = policy.safety.max_removals;
    if removals.len() + earlier > allowed as usize {
        let rule = policy.blame("safety.maxRemovals");
        let message =
            format!("{}{so_far}, {allowed} allowed ({rule}); {breakdown}", count(removals.len(), "removal"));
        return Some(refusal(Reason::RemovalCeiling, message, next_step, removals.iter().copied()));
    }
    let message = by_family.iter().find_map(|(family, removed)| {
        let earlier = lately.get(family).copied().unwrap_or_default();
        above_share(*family, [*removed, earlier], &so_far, observed, policy)
    })?;
    Some(refusal(Reason::RemovalCeiling, message, next_step, removals.iter().copied()))
}

/// What is said where more of a family would be removed than its share.
fn above_share(
    family: Family,
    [removed, earlier]: [usize; 2],
    so_far: &str,
    observed: &World,
    policy: &Policy,
) -> Option<String> {
    let percent = policy.safety.max_removals_percent;
    let facts = earlier + family_size(family, observed);
    let allowed = share(facts, percent);
    (removed + earlier > allowed).then(|| {
        let rule = policy.blame("safety.maxRemovalsPercent");
        format!(
            "{}: {removed}{so_far} of {facts} would be removed, {allowed} allowed at {percent} % ({rule})",
            family.label()
        )
    })
}

/// Of more removals than the ceilings allow, those that are not of the highest risk.
fn above_ceiling(
    mut removals: Vec<&Change>,
    observed: &World,
    policy: &Policy,
    context: &Context,
) -> Option<Entry> {
    let risk = |change: &Change| risk::of_holding(&change.key, observed.get(&change.key)).level;
    removals.sort_by(|left, right| risk(right).cmp(&risk(left)).then_with(|| left.key.cmp(&right.key)));
    let all = removals.len();
    let mut by_family: BTreeMap<Family, usize> = BTreeMap::new();
    let (mut goes, mut stays) = (0, Vec::new());
    for removal in removals {
        let family = removal.key.family();
        let of_family = by_family.entry(family).or_default();
        let allowance = policy.safety.allowance(context.now).map(|allowance| allowance.count);
        let fits = if let Some(allowed) = context.limits.allow_removals.or(allowance) {
            goes < allowed as usize
        } else {
            let percent = policy.safety.max_removals_percent;
            goes < policy.safety.max_removals as usize
                && *of_family < share(family_size(family, observed), percent)
        };
        if fits {
            goes += 1;
            *of_family += 1;
        } else {
            stays.push(removal);
        }
    }
    (!stays.is_empty()).then(|| {
        let rules = match context.limits.allow_removals {
            Some(_) => "--allow-removals".to_owned(),
            None => format!(
                "{}; {}",
                policy.blame("safety.maxRemovals"),
                policy.blame("safety.maxRemovalsPercent")
            ),
        };
        let message =
            format!("{} have ended, {goes} of the highest risk go now ({rules})", count(all, "grant"));
        let next_step = match context.day {
            None => format!("run again for the next ones, or with --allow-removals {all}"),
            Some(_) => "nothing to do: later passes take away the next ones".to_owned(),
        };
        refusal(Reason::RemovalCeiling, message, next_step, stays.into_iter())
    })
}

fn family_size(family: Family, observed: &World) -> usize {
    observed.facts().iter().filter(|(key, _)| key.family() == family).count()
}

/// That many per cent of the facts of a family, and at least one.
fn share(facts: usize, percent: u32) -> usize {
    (facts * percent as usize / 100).max(1)
}

/// Beyond two minutes of difference between the clocks, nothing happens because of an end.
fn clock_skew(changes: &[Change], context: &Context) -> Option<Entry> {
    let ahead = context.clock.skew()?;
    let hangs_on_end = |change: &&Change| match (change.action, change.until) {
        (Action::Add | Action::Change | Action::Remove, until) => until.is_some(),
        // An end outlives its object; what was taken out of the manifests before its end goes as it is.
        (Action::Retire, until) => until.is_some_and(|until| until <= context.now),
        (Action::Prune, _) => false,
    };
    let changes: Vec<&Change> = changes.iter().filter(hangs_on_end).collect();
    (!changes.is_empty()).then(|| {
        let seconds = ahead.as_secs().unsigned_abs();
        let which = if ahead.is_negative() { "ahead of" } else { "behind" };
        let message = format!(
            "{} because of an end or with one, and the clock of this machine is {seconds} s {which} the platform's",
            count(changes.len(), "change")
        );
        let next_step = "set the clock of this machine (NTP), then run again".to_owned();
        refusal(Reason::ClockSkew, message, next_step, changes.into_iter())
    })
}

/// No change may leave fewer signed-in-able Master Admins than the floor, and none may take Master Admin while
/// the Primary Admin is not declared: the API does not show who that is.
fn floor(
    changes: &[Change],
    denied: &BTreeSet<ChangeId>,
    observed: &World,
    policy: &Policy,
) -> Option<Entry> {
    let mut losers: BTreeSet<Email> = BTreeSet::new();
    let mut taking: Vec<&Change> = Vec::new();
    for change in changes {
        let lost = takes_master_admin(&change.key, change.action.is_removal(), observed);
        if !lost.is_empty() {
            losers.extend(lost);
            taking.push(change);
        }
    }
    if taking.is_empty() {
        return None;
    }
    if policy.safety.primary_admin.is_none() {
        return Some(refusal(
            Reason::AdminFloor,
            format!(
                "{} would take Master Admin away, and the Primary Admin is not declared",
                count(taking.len(), "change")
            ),
            "write safety.primaryAdmin into the KoreAccount: the API does not show who it is".to_owned(),
            taking.into_iter(),
        ));
    }
    if let Some(why) = idle_primary_admin(observed, policy) {
        let message = format!("{} would take Master Admin away, and {why}", count(taking.len(), "change"));
        let next_step = "correct safety.primaryAdmin in the KoreAccount".to_owned();
        return Some(refusal(Reason::AdminFloor, message, next_step, taking.into_iter()));
    }
    let now = master_admins(observed);
    let gained: BTreeSet<&Email> = changes
        .iter()
        .filter(|change| !change.action.is_removal() && !denied.contains(&change.id))
        .filter_map(|change| match &change.key {
            Key::AdminRole(Holder::User(email), role) if role.is_master_admin() => Some(email),
            _ => None,
        })
        .filter(|email| is_joined(observed, email) && !now.contains(*email))
        .collect();
    let left = now.iter().filter(|email| !losers.contains(*email)).count() + gained.len();
    let least = policy.safety.min_master_admins as usize;
    (left < least).then(|| {
        let rule = policy.blame("safety.minMasterAdmins");
        refusal(
            Reason::AdminFloor,
            format!(
                "Master Admins who can sign in: {left} would be left of {}, {least} are needed ({rule})",
                now.len()
            ),
            "grant Master Admin to another user who has joined, or keep one of these".to_owned(),
            taking.into_iter(),
        )
    })
}

/// What the platform has accepted twice and shows otherwise: it keeps its own value, and would do so a third time.
fn unkept(changes: &[Change], context: &Context) -> Option<Entry> {
    let unkept = &context.memory.unkept;
    let is_unkept =
        |change: &&Change| unkept.get(&change.wish()).is_some_and(|applies| *applies >= UNKEPT_AFTER);
    let unkept: Vec<&Change> = changes.iter().filter(is_unkept).collect();
    (!unkept.is_empty()).then(|| {
        let facts = count(unkept.len(), "fact");
        refusal(
            Reason::PlatformKeeps,
            format!(
                "{facts} accepted by the platform in {UNKEPT_AFTER} applies in a row, and shown with its own value"
            ),
            "declare what the platform shows; a permission of a role stays off while the one above it is off"
                .to_owned(),
            unkept.into_iter(),
        )
    })
}

/// Whoever is declared as Primary Admin and is no Master Admin is not the Primary Admin: that guard would guard nobody.
fn idle_primary_admin(observed: &World, policy: &Policy) -> Option<String> {
    let primary = policy.safety.primary_admin.as_ref()?;
    let role = RoleName::new(RoleName::MASTER_ADMIN);
    let key = Key::AdminRole(Holder::User(primary.clone()), role);
    if observed.get(&key).is_some() || observed.proves_absent(&key).is_err() {
        return None;
    }
    let all = master_admins(observed);
    let nearest = nearest(primary.as_str(), all.iter().map(Email::as_str));
    let hint = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
    let place = policy.blame("safety.primaryAdmin");
    Some(format!("{primary} is no Master Admin of the account ({place}){hint}"))
}

/// Guards that guard nobody, in words.
pub(super) fn idle(observed: &World, policy: &Policy) -> Vec<String> {
    let mut idle: Vec<String> = idle_primary_admin(observed, policy)
        .map(|why| format!("{why}: nothing takes Master Admin away until that is corrected"))
        .into_iter()
        .collect();
    if policy.safety.protected.is_empty() || observed.coverage.requires(Listing::Users).is_err() {
        return idle;
    }
    let people: Vec<&Email> = observed
        .facts()
        .iter()
        .filter_map(|(key, _)| match key {
            Key::Member(email) => Some(email),
            _ => None,
        })
        .collect();
    for pattern in &policy.safety.protected {
        if people.iter().any(|email| pattern.matches(email)) {
            continue;
        }
        let text = pattern.to_string();
        let nearest = nearest(&text, people.iter().map(|email| email.as_str()));
        let hint = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
        let place = policy.blame("safety.protected");
        idle.push(format!("{text} protects nobody of the account ({place}){hint}"));
    }
    idle
}

/// What was applied repeatedly within a day is being reverted by another process, such as an attribute mapping of the
/// identity provider. It is not sent again until the manifest changes, or an approver has seen it.
fn contested(changes: &[Change], context: &Context) -> Option<Entry> {
    let is_acknowledged =
        |change: &Change| context.day.as_ref().is_some_and(|day| day.acknowledged.contains(&change.id));
    let is_contested = |change: &&Change| {
        let times = context.memory.times_applied(&change.id, wanted_since(change, context), context.now);
        times >= CONTESTED_AFTER && !is_acknowledged(change)
    };
    let contested: Vec<&Change> = changes.iter().filter(is_contested).collect();
    (!contested.is_empty()).then(|| {
        let facts = count(contested.len(), "fact");
        refusal(
            Reason::Contested,
            format!("{facts} reverted {CONTESTED_AFTER} times in 24 hours by another process"),
            match context.day {
                None => "look for an attribute mapping (Security & Control > SSO), a directory sync or another tool; to \
                         accept its value, change the manifest",
                Some(_) => "look for an attribute mapping (Security & Control > SSO), a directory sync or another tool; \
                            any edit of the object, or its id in a KorePlanApproval, tries again",
            }
            .to_owned(),
            contested.into_iter(),
        )
    })
}

/// Since when a change has been wanted without a break: what was applied before was taken back by an edit of ours, and by
/// no other process.
fn wanted_since(change: &Change, context: &Context) -> Timestamp {
    let Context { memory, declaration, now, .. } = context;
    let known = facts::find(&memory.facts, &change.key);
    let since = match (change.action.is_removal(), known) {
        (false, Some(fact)) if fact.dropped.is_none() => fact.since.at,
        // It is declared from now on, or has not been declared from now on.
        (false, _) => *now,
        (true, Some(fact)) => fact.dropped.as_ref().map_or(*now, |dropped| dropped.at),
        // Never ours: whatever brings it back is another process.
        (true, None) => Timestamp::MIN,
    };
    declaration.edited_at(&change.sources).map_or(since, |edited| since.max(edited))
}

/// Users who hold Master Admin and have joined: those who could undo a mistake.
pub fn master_admins(world: &World) -> BTreeSet<Email> {
    world
        .admin_roles()
        .filter_map(|(holder, role)| match holder {
            Holder::User(email) if role.is_master_admin() && is_joined(world, email) => Some(email.clone()),
            Holder::User(_) | Holder::Group(_) => None,
        })
        .collect()
}

/// Who would lose Master Admin by this removal: directly, with the membership, or with the group it comes from.
pub fn takes_master_admin(key: &Key, is_removal: bool, world: &World) -> Vec<Email> {
    if !is_removal {
        return Vec::new();
    }
    let held = |email: &Email| {
        let role = RoleName::new(RoleName::MASTER_ADMIN);
        world.get(&Key::AdminRole(Holder::User(email.clone()), role))
    };
    // Several groups may give it, and several changes may take them all: each of them counts as taking it.
    let is_inherited_from = |value: &Value, group: &GroupName| matches!(value, Value::Inherited(groups) if groups.contains(group));
    match key {
        Key::AdminRole(Holder::User(email), role) if role.is_master_admin() => vec![email.clone()],
        Key::Member(email) if held(email).is_some() => vec![email.clone()],
        Key::InGroup(email, group) if held(email).is_some_and(|value| is_inherited_from(value, group)) => {
            vec![email.clone()]
        }
        Key::AdminRole(Holder::Group(group), role) if role.is_master_admin() => world
            .facts()
            .iter()
            .filter_map(|(key, value)| match key {
                Key::AdminRole(Holder::User(email), role)
                    if role.is_master_admin() && is_inherited_from(value, group) =>
                {
                    Some(email.clone())
                }
                _ => None,
            })
            .collect(),
        Key::RoleDefinition(..)
        | Key::Member(_)
        | Key::Names(_)
        | Key::Access(_)
        | Key::Profile(_)
        | Key::DataTables(_)
        | Key::InGroup(..)
        | Key::AdminRole(..)
        | Key::BotRole(..)
        | Key::Assigned(..) => Vec::new(),
    }
}

fn is_joined(world: &World, email: &Email) -> bool {
    matches!(world.get(&Key::Member(email.clone())), Some(Value::Member(Membership::Joined)))
}

fn refusal<'a>(
    reason: Reason,
    message: String,
    next_step: String,
    changes: impl Iterator<Item = &'a Change>,
) -> Entry {
    let (mut subjects, mut ids, mut sources) = (Vec::new(), Vec::<ChangeId>::new(), BTreeSet::new());
    for change in changes {
        subjects.push(change.key.clone());
        ids.push(change.id.clone());
        sources.extend(change.sources.iter().cloned());
    }
    let subject = subjects.first().map(ToString::to_string).unwrap_or_default();
    let sources = sources.into_iter().collect();
    Entry { subjects, subject, reason, message, next_step, sources, changes: ids }
}
