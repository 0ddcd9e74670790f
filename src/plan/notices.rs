//! What a plan says beside its changes: what differs and nobody can change by API.

use super::moves;
use super::resolve::Wanted;
use crate::facts::{
    Email, Key, Listing, Membership, PermissionName, RoleName, RoleType, Value, Verdict, World,
};
use std::collections::BTreeMap;

/// The field of a profile that can be read back, and is sent at creation only (kore-api 2.5, 2.2).
pub(super) const ORG_USER_ID: &str = "orgUserId";

/// In the order of the facts they are about.
pub(super) fn collect(wanted: &Wanted, observed: &World) -> Vec<String> {
    let wants = &wanted.wants;
    let mut notices = Vec::new();
    let mut holders: BTreeMap<&str, Vec<&Email>> = BTreeMap::new();
    for (email, entry) in &observed.directory.users {
        if let Some(id) = &entry.org_user_id {
            holders.entry(id).or_default().push(email);
        }
    }
    notices.extend(one_person_twice(wanted, &holders));
    for (key, want) in wants {
        if let (Key::RoleDefinition(role_type, role), Verdict::Present(Value::Role(spec))) =
            (key, &want.verdict)
        {
            notices.extend(
                spec.permissions
                    .keys()
                    .filter_map(|name| spelled_otherwise(*role_type, role, name, observed)),
            );
        }
        let (Key::Profile(email), Verdict::Present(Value::Profile(fields))) = (key, &want.verdict) else {
            continue;
        };
        let Some(declared) = fields.get(ORG_USER_ID) else { continue };
        if let Some(found) = other_id(email, declared, observed) {
            notices.push(format!(
                "orgUserId of {email} is declared as {declared}, and the account has {found}: it is set when a user is \
                 created, and no call changes it"
            ));
        }
    }
    notices.dedup();
    notices
}

/// One id of the organisation on several users of whom manifests speak: one person under two addresses, unless that is
/// declared.
fn one_person_twice(wanted: &Wanted, holders: &BTreeMap<&str, Vec<&Email>>) -> Vec<String> {
    let is_ambiguous = |several: &Vec<&Email>| {
        let is_declared = several.iter().any(|email| wanted.referenced.contains(*email));
        let are_one = several.windows(2).all(|pair| moves::is_one_person(wanted, pair[0], pair[1]));
        several.len() > 1 && is_declared && !are_one
    };
    let ambiguous = holders.iter().filter(|(_, several)| is_ambiguous(several));
    let told = ambiguous.map(|(id, several)| {
        let names: Vec<&str> = several.iter().map(|email| email.as_str()).collect();
        format!(
            "orgUserId {id} is of {} users, who may be one person: {}; if so, name the old address in previousEmails",
            names.len(),
            names.join(", ")
        )
    });
    told.collect()
}

/// A permission that no role of the account has, where one has it in another case: `Publish bot` and `Publish Bot` are two
/// (kore-api 3.10).
fn spelled_otherwise(
    role_type: RoleType,
    role: &RoleName,
    name: &PermissionName,
    observed: &World,
) -> Option<String> {
    let roles = observed.directory.roles.values().filter(|role| role.role_type == role_type);
    let known: Vec<&PermissionName> = roles.flat_map(|role| role.spec.permissions.keys()).collect();
    if known.contains(&name) {
        return None;
    }
    let other = known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name.as_str()))?;
    Some(format!("role {role} names the permission {name}, and the roles of the account have {other}"))
}

/// What the account has instead. `None`: the same, or it is not known.
fn other_id<'w>(email: &Email, declared: &str, observed: &'w World) -> Option<&'w str> {
    let entry = observed.directory.users.get(email)?;
    match &entry.org_user_id {
        Some(id) if id == declared => None,
        Some(id) => Some(id),
        // The listing shows it, and may leave people out who have not joined.
        None => {
            let member = observed.get(&Key::Member(email.clone()))?;
            let may_be_unlisted = matches!(member, Value::Member(Membership::Pending { .. }));
            let is_listed = observed.coverage.requires(Listing::Users).is_ok() && !may_be_unlisted;
            is_listed.then_some("none")
        }
    }
}
