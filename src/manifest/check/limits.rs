//! Objects of other namespaces: what the account's `allowedNamespaces` lets them touch. What goes beyond is an error at
//! the object, and the object is not used.

use crate::facts::{Email, RoleName};
use crate::manifest::finding::{Code, Finding, Spot};
use crate::manifest::kinds::account::AllowedNamespace;
use crate::manifest::kinds::shared::RoleKind;
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::model::Manifest;

const ANY: &str = "*";

/// Takes out every object that touches what its namespace may not.
pub(super) fn keep_within(manifests: &mut Vec<Manifest>, findings: &mut Vec<Finding>) {
    let accounts: Vec<Manifest> =
        manifests.iter().filter(|manifest| manifest.kind() == Kind::Account).cloned().collect();
    manifests.retain(|manifest| {
        let account = accounts.iter().find(|account| {
            manifest.spec.account().is_none_or(|name| *name == *account.name)
                && !manifest.shares_namespace_with(account)
        });
        let Some(limits) = account.and_then(|account| account.allows(manifest.namespace.as_deref()?)) else {
            return true;
        };
        let before = findings.len();
        findings.extend(beyond(manifest, limits).map(|(spot, what)| {
            let namespace = &limits.namespace;
            Finding::new(Code::NotAllowed, spot, format!("namespace {namespace} may not declare {what}"))
                .hint("allowedNamespaces of the account lists what it may; ask the owners of the account")
        }));
        findings.len() == before
    });
}

/// The first thing of each sort that is beyond the limits.
fn beyond<'m>(
    manifest: &'m Manifest,
    limits: &'m AllowedNamespace,
) -> impl Iterator<Item = (Spot, String)> + use<'m> {
    let AllowedNamespace { namespace: _, roles, bots, groups, email_domains } = limits;
    let mut found = Vec::new();
    let bot = |bot: &str| (!listed(bots, bot)).then(|| (manifest.spot("bot"), format!("the bot {bot}")));
    let group = |name: &str, spot: Spot| (!listed(groups, name)).then(|| (spot, format!("the group {name}")));
    match &manifest.spec {
        Spec::Account(_) | Spec::Team(_) => {}
        Spec::Policy(_) | Spec::PolicyException(_) => {
            found.push((manifest.spot(""), "policies".to_owned()));
        }
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
            let is_master = spec.role.r#type == RoleKind::Admin && RoleName::new(name).is_master_admin();
            let is_listed = if is_master { roles.contains(name) } else { listed(roles, name) };
            if !is_listed {
                found.push((manifest.spot("role.name"), format!("the role {name}")));
            }
            found.extend(spec.bot.as_deref().and_then(bot));
            found.extend(spec.subjects.iter().enumerate().find_map(|(at, subject)| {
                let name = subject.group.as_ref()?;
                group(name.as_str(), manifest.item_spot("subjects", at))
            }));
        }
        Spec::BotAssignment(spec) => found.extend(bot(&spec.bot)),
    }
    let is_inside = |email: &Email| {
        let domain = email.folded().rsplit_once('@').map_or("", |(_, domain)| domain);
        email_domains.iter().any(|allowed| allowed == ANY || allowed.eq_ignore_ascii_case(domain))
    };
    let stranger = people(manifest).into_iter().find(|(_, _, email)| !is_inside(email));
    found.extend(
        stranger.map(|(field, at, email)| (manifest.item_spot(field, at), format!("people such as {email}"))),
    );
    found.into_iter()
}

fn listed(allowed: &[String], name: &str) -> bool {
    allowed.iter().any(|allowed| allowed == ANY || allowed == name)
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
        Spec::Account(_) | Spec::Role(_) | Spec::Policy(_) | Spec::PolicyException(_) => Vec::new(),
        Spec::User(spec) => vec![("email", 0, &spec.email)],
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
