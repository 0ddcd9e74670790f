//! Documents of areas: what `mayTouch` lets them touch. What goes beyond is an error at its line, and the document is
//! not used. A document is in an area by its file, or by a namespace other than the account's.

use crate::facts::{AreaReach, BotRef, Email, GapReach, RoleType, ScopeExtent};
use crate::manifest::areas::{Areas, DeclaredArea};
use crate::manifest::finding::{Code, Finding, Spot};
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::model::{Index, Manifest};
use std::collections::BTreeSet;

/// Takes out every document that touches what its area may not, and gives them.
pub(super) fn keep_within(manifests: &mut Vec<Manifest>, findings: &mut Vec<Finding>) -> Vec<Manifest> {
    let areas = Areas::new(manifests);
    let mut outside: BTreeSet<usize> = BTreeSet::new();
    {
        let index = Index::new(manifests);
        let accounts: Vec<&Manifest> =
            manifests.iter().filter(|manifest| manifest.kind() == Kind::Account).collect();
        for (at, manifest) in manifests.iter().enumerate() {
            for declared in areas_of(manifest, &accounts, &areas) {
                let before = findings.len();
                findings.extend(beyond(manifest, declared, &index));
                if findings.len() > before {
                    outside.insert(at);
                    break;
                }
            }
        }
    }
    let mut index = 0..;
    manifests.extract_if(.., |_| index.next().is_some_and(|index| outside.contains(&index))).collect()
}

/// The areas that hold a document: one by its namespace, others by its file.
fn areas_of<'a>(manifest: &Manifest, accounts: &[&Manifest], areas: &'a Areas) -> Vec<&'a DeclaredArea> {
    let is_elsewhere = |account: &&&Manifest| {
        manifest.spec.account().is_none_or(|name| *name == *account.name)
            && !manifest.shares_namespace_with(account)
    };
    let account = accounts.iter().find(is_elsewhere);
    let by_namespace = account.and_then(|account| areas.letting_in(account, manifest.namespace.as_deref()?));
    by_namespace.into_iter().chain(areas.above(manifest)).collect()
}

/// Whether an object of an area could be about these facts at all.
pub(in crate::manifest) fn may_speak_about(limits: &AreaReach, reach: &GapReach) -> bool {
    let may_touch_bot = |bot: &BotRef| limits.allows_bot(&bot.to_string());
    match reach {
        GapReach::Person(email) => limits.allows_person(email),
        GapReach::Membership | GapReach::OnAnyBot(_) => true,
        GapReach::Definition(..) => false,
        GapReach::List(ScopeExtent::AdminRole(role)) => limits.allows_role(RoleType::Admin, role.as_str()),
        GapReach::List(ScopeExtent::BotRole(role, bot)) => {
            limits.allows_role(RoleType::Bot, role.as_str()) && may_touch_bot(bot)
        }
        GapReach::List(ScopeExtent::Group(group)) => limits.allows_group(group.as_str()),
        GapReach::List(ScopeExtent::Assignments(bot)) => may_touch_bot(bot),
    }
}

/// A finding for the first thing of each sort that is beyond the limits.
fn beyond(manifest: &Manifest, declared: &DeclaredArea, index: &Index<'_>) -> Vec<Finding> {
    let area = &declared.area;
    let finding = |(spot, what): (Spot, String)| {
        let message = format!("area {} may not declare {what}", area.name);
        Finding::new(Code::NotAllowed, spot, message)
            .hint("mayTouch of the area lists what it may; ask the owners of the account")
            .related(declared.spot.clone(), "the area")
    };
    let people = strangers(manifest, &area.reach, index);
    things(manifest, &area.reach).into_iter().chain(people).map(finding).collect()
}

/// Bots, roles, groups and whole kinds.
fn things(manifest: &Manifest, limits: &AreaReach) -> Vec<(Spot, String)> {
    let mut found = Vec::new();
    let bot = |bot: &str| (!limits.allows_bot(bot)).then(|| (manifest.spot("bot"), format!("the bot {bot}")));
    let group =
        |name: &str, spot: Spot| (!limits.allows_group(name)).then(|| (spot, format!("the group {name}")));
    match &manifest.spec {
        Spec::Team(_) => {}
        Spec::Account(_) => found.push((manifest.spot(""), "the account".to_owned())),
        Spec::Policy(_) | Spec::PolicyException(_) | Spec::Baseline(_) => {
            found.push((manifest.spot(""), "policies".to_owned()));
        }
        Spec::Area(_) => found.push((manifest.spot(""), "areas".to_owned())),
        Spec::Role(spec) => {
            let what = format!("the definition of the role {}", spec.name);
            found.push((manifest.spot("name"), what));
        }
        Spec::User(spec) => {
            found.extend(
                spec.groups
                    .iter()
                    .enumerate()
                    .find_map(|(at, name)| group(name.as_str(), manifest.item_spot("groups", at))),
            );
        }
        Spec::GroupMembership(spec) => found.extend(group(spec.group.as_str(), manifest.spot("group"))),
        Spec::RoleBinding(spec) => {
            let name = &spec.role.name;
            if !limits.allows_role(spec.role.r#type.into(), name) {
                found.push((manifest.spot("role.name"), format!("the role {name}")));
            }
            found.extend(spec.bot.as_deref().and_then(bot));
            let subjects = spec.subjects.iter().map(|subject| subject.group.as_ref()).enumerate();
            found.extend(
                subjects
                    .into_iter()
                    .find_map(|(at, name)| group(name?.as_str(), manifest.item_spot("subjects", at))),
            );
            let absent = spec.absent.iter().map(|absent| absent.group.as_ref()).enumerate();
            found.extend(
                absent
                    .into_iter()
                    .find_map(|(at, name)| group(name?.as_str(), manifest.item_spot("absent", at))),
            );
        }
        Spec::BotAssignment(spec) => found.extend(bot(&spec.bot)),
    }
    found
}

/// The first person of another domain whom the document names, by address or through a team.
fn strangers(manifest: &Manifest, limits: &AreaReach, index: &Index<'_>) -> Option<(Spot, String)> {
    let is_stranger = |email: &&Email| !limits.allows_person(email);
    let direct = people(manifest).into_iter().find(|(_, _, email)| is_stranger(email));
    if let Some((field, at, email)) = direct {
        return Some((manifest.item_spot(field, at), format!("people such as {email}")));
    }
    let field = if manifest.kind() == Kind::Team { "teams" } else { "subjects" };
    named_teams(manifest).into_iter().find_map(|(at, team)| {
        let email = members(team, manifest, index).into_iter().find(is_stranger)?;
        Some((manifest.item_spot(field, at), format!("people such as {email}, of the team {team}")))
    })
}

/// The teams that a document names, each with the item it is in.
fn named_teams(manifest: &Manifest) -> Vec<(usize, &str)> {
    let named = |teams: Vec<Option<&'_ String>>| -> Vec<usize> {
        teams.iter().enumerate().filter_map(|(at, team)| team.map(|_| at)).collect()
    };
    let places: Vec<usize> = match &manifest.spec {
        Spec::Team(spec) => (0..spec.teams.len()).collect(),
        Spec::GroupMembership(spec) => named(spec.subjects.iter().map(|who| who.team.as_ref()).collect()),
        Spec::RoleBinding(spec) => named(spec.subjects.iter().map(|who| who.team.as_ref()).collect()),
        Spec::BotAssignment(spec) => named(spec.subjects.iter().map(|who| who.team.as_ref()).collect()),
        _ => Vec::new(),
    };
    places.into_iter().zip(manifest.teams()).collect()
}

/// The members of a team and of the teams in it.
fn members<'m>(team: &str, from: &Manifest, index: &Index<'m>) -> Vec<&'m Email> {
    let Some(first) = index.find(Kind::Team, team, from) else { return Vec::new() };
    let (mut all, mut seen, mut open) = (Vec::new(), vec![std::ptr::from_ref(first)], vec![first]);
    while let Some(current) = open.pop() {
        let Spec::Team(spec) = &current.spec else { continue };
        all.extend(&spec.members);
        for inner in spec.teams.iter().filter_map(|name| index.find(Kind::Team, name, current)) {
            if !seen.contains(&std::ptr::from_ref(inner)) {
                seen.push(inner);
                open.push(inner);
            }
        }
    }
    all
}

/// Everybody an object names, with the place.
fn people(manifest: &Manifest) -> Vec<(&'static str, usize, &Email)> {
    fn each<'e>(
        field: &'static str,
        emails: impl Iterator<Item = Option<&'e Email>>,
    ) -> impl Iterator<Item = (&'static str, usize, &'e Email)> {
        emails.enumerate().filter_map(move |(at, email)| Some((field, at, email?)))
    }
    match &manifest.spec {
        Spec::Account(_)
        | Spec::Role(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => Vec::new(),
        Spec::User(spec) => {
            let previous = each("previousEmails", spec.previous_emails.iter().map(Some));
            [("email", 0, &spec.email)].into_iter().chain(previous).collect()
        }
        Spec::Team(spec) => each("members", spec.members.iter().map(Some)).collect(),
        Spec::GroupMembership(spec) => {
            let absent = each("absent", spec.absent.iter().map(|absent| Some(&absent.user)));
            each("subjects", spec.subjects.iter().map(|subject| subject.user.as_ref()))
                .chain(absent)
                .collect()
        }
        Spec::RoleBinding(spec) => {
            let absent = each("absent", spec.absent.iter().map(|absent| absent.user.as_ref()));
            each("subjects", spec.subjects.iter().map(|subject| subject.user.as_ref()))
                .chain(absent)
                .collect()
        }
        Spec::BotAssignment(spec) => {
            let absent = each("absent", spec.absent.iter().map(|absent| Some(&absent.user)));
            each("subjects", spec.subjects.iter().map(|subject| subject.user.as_ref()))
                .chain(absent)
                .collect()
        }
    }
}
