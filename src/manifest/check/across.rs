//! The checks that need more than one object. Each is a function with a name; what an object says by itself is a CEL
//! rule on its type instead.

use super::{limits, vocabulary};
use crate::facts::{Email, LookAlike, RoleName, RoleType, as_read, look_alikes, mixed_with_latin, nearest};
use crate::manifest::areas::Areas;
use crate::manifest::finding::{Code, Finding, Spot, shown};
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::model::{Index, Manifest};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Runs them all. Of two objects that exclude each other the first stays in use; the other one is left out.
pub(super) fn check(
    manifests: &mut Vec<Manifest>,
    findings: &mut Vec<Finding>,
    left_out: &mut Vec<Manifest>,
) {
    left_out.extend(limits::keep_within(manifests, findings));
    left_out.extend(without_doubles(manifests, findings, Code::DuplicateObject, |manifest, _| {
        Some(manifest.name.to_string())
    }));
    let only = only_account(manifests);
    left_out.extend(without_doubles(manifests, findings, Code::DuplicateEmail, |manifest, account| {
        let Spec::User(spec) = &manifest.spec else { return None };
        Some(format!("{} {}", account.or(only.as_deref()).unwrap_or_default(), spec.email.folded()))
    }));
    left_out.extend(without_doubles(manifests, findings, Code::DuplicateRole, |manifest, account| {
        let Spec::Role(spec) = &manifest.spec else { return None };
        let name = RoleName::canonical(spec.r#type.into(), &as_read(&spec.name));
        Some(format!("{} {:?} {name}", account.or(only.as_deref()).unwrap_or_default(), spec.r#type))
    }));
    let index = Index::new(manifests);
    accounts_exist(manifests, &index, findings);
    teams_exist(manifests, &index, findings);
    teams_contain_no_cycles(manifests, &index, findings);
    role_names_are_no_near_misses(manifests, findings);
    super::policies::check(manifests, &index, findings);
    super::areas::check(manifests, left_out, findings);
    addresses_look_like_themselves(manifests, findings);
    accounts_are_different(manifests, findings);
}

/// Two declarations of one account know nothing of each other, and each may prune what the other one grants.
fn accounts_are_different(manifests: &[Manifest], findings: &mut Vec<Finding>) {
    let mut first: HashMap<&str, &Manifest> = HashMap::new();
    for manifest in manifests {
        let Spec::Account(spec) = &manifest.spec else { continue };
        let Some(id) = &spec.account_id else { continue };
        let Some(other) = first.get(id.as_str()) else {
            first.insert(id.as_str(), manifest);
            continue;
        };
        let message = format!("the KoreAccounts {} and {} have one accountId", other.name, manifest.name);
        findings.push(
            Finding::new(Code::DuplicateAccountId, manifest.spot("accountId"), message)
                .hint("keep one of them: each plans without the manifests of the other")
                .related(other.spot("accountId"), "the other one"),
        );
    }
}

/// Addresses that are as they look. A file is checked value by value; the pattern of a definition cannot name every
/// character that does not show. An item of a list goes alone; an object that is about such an address goes.
pub(super) fn without_hidden_characters(
    manifests: &mut Vec<Manifest>,
    findings: &mut Vec<Finding>,
    left_out: &mut Vec<Manifest>,
) {
    let is_hidden = |email: &Email| Email::parse(email.as_str()).is_err();
    left_out.extend(manifests.extract_if(.., |manifest| {
        let mut is_about_one = false;
        let before = findings.len();
        for (email, manifest, path, at) in addresses(manifest) {
            if let Err(error) = Email::parse(email.as_str()) {
                let message = format!("{} is not an e-mail address: {}", shown(email.as_str()), error.why);
                let finding = Finding::new(Code::Email, manifest.item_spot(path, at), message);
                findings.push(finding.hint("write it as name@example.com"));
                is_about_one |= !matches!(path, "members" | "subjects" | "absent");
            }
        }
        if findings.len() > before {
            let is_seen = |user: Option<&Email>| !user.is_some_and(is_hidden);
            match &mut manifest.spec {
                Spec::Team(spec) => spec.members.retain(|email| !is_hidden(email)),
                Spec::RoleBinding(spec) => {
                    spec.subjects.retain(|who| is_seen(who.user.as_ref()));
                    spec.absent.retain(|who| is_seen(who.user.as_ref()));
                }
                Spec::GroupMembership(spec) => spec.subjects.retain(|who| is_seen(who.user.as_ref())),
                Spec::BotAssignment(spec) => spec.subjects.retain(|who| is_seen(who.user.as_ref())),
                Spec::Account(_)
                | Spec::User(_)
                | Spec::Role(_)
                | Spec::Policy(_)
                | Spec::PolicyException(_)
                | Spec::Baseline(_)
                | Spec::Area(_) => {}
            }
        }
        is_about_one
    }));
}

/// An address with letters of another script may be taken for a colleague's.
fn addresses_look_like_themselves(manifests: &[Manifest], findings: &mut Vec<Finding>) {
    let all: Vec<(&Email, &Manifest, &'static str, usize)> = manifests.iter().flat_map(addresses).collect();
    if all.iter().all(|(email, ..)| email.as_str().is_ascii()) {
        return;
    }
    let spot =
        |(_, manifest, path, at): &(&Email, &Manifest, &'static str, usize)| manifest.item_spot(path, *at);
    let find = |wanted: &Email| all.iter().find(|(email, ..)| email.as_str() == wanted.as_str());
    let pairs = look_alikes(all.iter().map(|(email, ..)| *email));
    for LookAlike { email, like } in &pairs {
        let (Some(here), Some(there)) = (find(email), find(like)) else { continue };
        let message = format!("{email} is not {like}, and looks like it{}", foreign_letter(email));
        findings.push(
            Finding::new(Code::LookAlike, spot(here), message)
                .hint("type the address anew, or rename one of the two if both are meant")
                .related(spot(there), "the other one"),
        );
    }
    let mut seen = HashSet::new();
    for one in &all {
        let is_pair = pairs.iter().any(|pair| pair.email == *one.0);
        if let Some(script) = mixed_with_latin(one.0).filter(|_| !is_pair && seen.insert(one.0)) {
            let message =
                format!("{} mixes Latin and {script} letters in one word{}", one.0, foreign_letter(one.0));
            findings.push(Finding::new(Code::LookAlike, spot(one), message).hint("type the address anew"));
        }
    }
}

/// ` (U+0430)`: the first letter that is not what it seems.
fn foreign_letter(email: &Email) -> String {
    let letter = email.as_str().chars().find(|c| !c.is_ascii());
    letter.map(|c| format!(" (U+{:04X})", u32::from(c))).unwrap_or_default()
}

/// Every address of a manifest, with the field and the item it is in.
fn addresses(manifest: &Manifest) -> Vec<(&Email, &Manifest, &'static str, usize)> {
    fn listed<'m>(
        manifest: &'m Manifest,
        path: &'static str,
        emails: impl Iterator<Item = Option<&'m Email>>,
    ) -> impl Iterator<Item = (&'m Email, &'m Manifest, &'static str, usize)> {
        emails.enumerate().filter_map(move |(at, email)| email.map(|email| (email, manifest, path, at)))
    }
    match &manifest.spec {
        Spec::User(spec) => [(&spec.email, manifest, "email", 0)]
            .into_iter()
            .chain(listed(manifest, "previousEmails", spec.previous_emails.iter().map(Some)))
            .collect(),
        Spec::Account(spec) => spec
            .safety
            .primary_admin
            .iter()
            .map(|email| (email, manifest, "safety.primaryAdmin", 0))
            .collect(),
        Spec::Team(spec) => listed(manifest, "members", spec.members.iter().map(Some)).collect(),
        Spec::RoleBinding(spec) => {
            listed(manifest, "subjects", spec.subjects.iter().map(|who| who.user.as_ref()))
                .chain(listed(manifest, "absent", spec.absent.iter().map(|who| who.user.as_ref())))
                .collect()
        }
        Spec::GroupMembership(spec) => {
            listed(manifest, "subjects", spec.subjects.iter().map(|who| who.user.as_ref()))
                .chain(listed(manifest, "absent", spec.absent.iter().map(|who| Some(&who.user))))
                .collect()
        }
        Spec::BotAssignment(spec) => {
            listed(manifest, "subjects", spec.subjects.iter().map(|who| who.user.as_ref()))
                .chain(listed(manifest, "absent", spec.absent.iter().map(|who| Some(&who.user))))
                .collect()
        }
        Spec::Role(_) | Spec::Policy(_) | Spec::PolicyException(_) | Spec::Baseline(_) | Spec::Area(_) => {
            Vec::new()
        }
    }
}

fn only_account(manifests: &[Manifest]) -> Option<String> {
    let mut accounts = manifests.iter().filter(|manifest| manifest.kind() == Kind::Account);
    match (accounts.next(), accounts.next()) {
        (Some(account), None) => Some(account.name.to_string()),
        _ => None,
    }
}

/// Finds objects of one kind with the same identity, keeps the first of each, and gives the others.
fn without_doubles(
    manifests: &mut Vec<Manifest>,
    findings: &mut Vec<Finding>,
    code: Code,
    identity: impl Fn(&Manifest, Option<&str>) -> Option<String>,
) -> Vec<Manifest> {
    let mut first: HashMap<(Kind, String), Vec<&Manifest>> = HashMap::with_capacity(manifests.len());
    let mut doubles: HashSet<usize> = HashSet::new();
    let is_one_account = manifests.iter().filter(|manifest| manifest.kind() == Kind::Account).count() == 1;
    for (index, manifest) in manifests.iter().enumerate() {
        let Some(identity) = identity(manifest, manifest.spec.account()) else { continue };
        let earlier = first.entry((manifest.kind(), identity)).or_default();
        // An object without a namespace may end up in any, but its name is only compared with its like.
        let is_double = |other: &&&Manifest| match code {
            Code::DuplicateObject => other.namespace == manifest.namespace,
            _ => is_one_account || other.shares_namespace_with(manifest),
        };
        if let Some(other) = earlier.iter().find(is_double) {
            doubles.insert(index);
            findings.push(double(code, other, manifest));
        } else {
            earlier.push(manifest);
        }
    }
    drop(first);
    if doubles.is_empty() {
        return Vec::new();
    }
    let mut index = 0..;
    let is_double = |_: &mut Manifest| index.next().is_some_and(|index| doubles.contains(&index));
    manifests.extract_if(.., is_double).collect()
}

fn double(code: Code, earlier: &Manifest, manifest: &Manifest) -> Finding {
    let (message, field, hint) = match (code, &manifest.spec) {
        (Code::DuplicateEmail, Spec::User(spec)) => (
            format!("{} is declared twice", spec.email),
            "email",
            "keep one KoreUser; addresses that differ only in case are the same user",
        ),
        (Code::DuplicateRole, Spec::Role(spec)) => (
            format!("the {:?} role {} is declared twice", spec.r#type, spec.name),
            "name",
            "keep one KoreRole for one role",
        ),
        _ => (
            format!("a second {} named {}", manifest.kind(), manifest.name),
            "",
            "give one of them another name, or remove it",
        ),
    };
    Finding::new(code, manifest.spot(field), message)
        .hint(hint)
        .related(earlier.spot(field), "first declared here")
}

fn accounts_exist(manifests: &[Manifest], index: &Index<'_>, findings: &mut Vec<Finding>) {
    let areas = Areas::new(manifests);
    for manifest in manifests {
        let Some(account) = manifest.spec.account() else { continue };
        let is_allowed = |owner: &Manifest| {
            owner.kind() == Kind::Account && *owner.name == *account && areas.reach(owner, manifest)
        };
        if index.find(Kind::Account, account, manifest).is_none() && !manifests.iter().any(is_allowed) {
            let message = format!("there is no KoreAccount named {}", shown(account));
            let finding = Finding::new(Code::UnknownAccount, manifest.spot("account"), message);
            let near = nearest(account, index.names(Kind::Account));
            findings.push(match near {
                Some(_) => finding.did_you_mean(near),
                None => finding.hint("load the file that declares it too"),
            });
        }
    }
}

/// Every place where a team is named.
fn named_teams(manifest: &Manifest) -> Vec<(&str, Spot)> {
    let spot = |at: usize| manifest.item_spot("subjects", at);
    match &manifest.spec {
        Spec::Team(spec) => spec
            .teams
            .iter()
            .enumerate()
            .map(|(at, team)| (team.as_str(), manifest.item_spot("teams", at)))
            .collect(),
        Spec::GroupMembership(spec) => {
            with_team(spec.subjects.iter().map(|subject| subject.team.as_deref()), spot)
        }
        Spec::RoleBinding(spec) => {
            with_team(spec.subjects.iter().map(|subject| subject.team.as_deref()), spot)
        }
        Spec::BotAssignment(spec) => {
            with_team(spec.subjects.iter().map(|subject| subject.team.as_deref()), spot)
        }
        Spec::Account(_)
        | Spec::User(_)
        | Spec::Role(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => Vec::new(),
    }
}

fn with_team<'m>(
    teams: impl Iterator<Item = Option<&'m str>>,
    spot: impl Fn(usize) -> Spot,
) -> Vec<(&'m str, Spot)> {
    teams.enumerate().filter_map(|(at, team)| team.map(|team| (team, spot(at)))).collect()
}

fn teams_exist(manifests: &[Manifest], index: &Index<'_>, findings: &mut Vec<Finding>) {
    for manifest in manifests {
        for (team, spot) in named_teams(manifest) {
            match index.find(Kind::Team, team, manifest) {
                None => {
                    let message = format!("there is no KoreTeam named {}", shown(team));
                    let finding = Finding::new(Code::UnknownTeam, spot, message);
                    let near = nearest(team, index.names(Kind::Team));
                    findings.push(match near {
                        Some(_) => finding.did_you_mean(near),
                        None => finding.hint("declare it, or load the file that does"),
                    });
                }
                Some(found) => {
                    if let (Some(own), Some(other)) = (manifest.spec.account(), found.spec.account())
                        && own != other
                    {
                        let message =
                            format!("team {team} belongs to account {other}, and this is for {own}");
                        let finding = Finding::new(Code::UnknownTeam, spot, message);
                        findings
                            .push(finding.related(found.spot("account"), "the team's account is set here"));
                    }
                }
            }
        }
    }
}

/// Each cycle is one finding, at the team of it that comes first by name.
fn teams_contain_no_cycles(manifests: &[Manifest], index: &Index<'_>, findings: &mut Vec<Finding>) {
    let mut teams: Vec<&Manifest> =
        manifests.iter().filter(|manifest| manifest.kind() == Kind::Team).collect();
    teams.sort_by(|left, right| left.name.cmp(&right.name));
    let mut finished: HashSet<*const Manifest> = HashSet::new();
    for team in teams {
        // Depth first, without recursion: a chain of teams may be long.
        let mut path: Vec<(&Manifest, usize)> = vec![(team, 0)];
        while let Some((current, next)) = path.last_mut() {
            let Spec::Team(spec) = &current.spec else { break };
            let from = *current;
            let at = *next;
            *next += 1;
            let Some(name) = spec.teams.get(at) else {
                finished.insert(std::ptr::from_ref(from));
                path.pop();
                continue;
            };
            let Some(inner) = index.find(Kind::Team, name, from) else { continue };
            if finished.contains(&std::ptr::from_ref(inner)) {
                continue;
            }
            if let Some(start) = path.iter().position(|(on_path, _)| std::ptr::eq(*on_path, inner)) {
                let names: Vec<&str> = path[start..].iter().map(|(on_path, _)| &*on_path.name).collect();
                let message = format!("teams contain each other: {} > {name}", names.join(" > "));
                let mut finding = Finding::new(Code::TeamCycle, from.item_spot("teams", at), message)
                    .hint("remove one team from the other");
                for (on_path, step) in &path[start..path.len() - 1] {
                    finding = finding.related(on_path.item_spot("teams", step - 1), "and here");
                }
                findings.push(finding);
                continue;
            }
            path.push((inner, 0));
        }
    }
}

/// Roles that are neither built in nor declared may exist in the account; one that looks like a misspelt known name
/// is worth a look before that is asked.
fn role_names_are_no_near_misses(manifests: &[Manifest], findings: &mut Vec<Finding>) {
    let mut known: HashMap<RoleType, BTreeSet<&str>> = HashMap::new();
    for role_type in RoleType::ALL {
        known.entry(role_type).or_default().extend(vocabulary::built_in_roles(role_type));
    }
    for manifest in manifests {
        if let Spec::Role(spec) = &manifest.spec {
            known.entry(spec.r#type.into()).or_default().insert(&spec.name);
        }
    }
    let mut answers: HashMap<(RoleType, &str), Option<&str>> = HashMap::new();
    for manifest in manifests {
        let Spec::RoleBinding(spec) = &manifest.spec else { continue };
        let role_type = RoleType::from(spec.role.r#type);
        let Some(names) = known.get(&role_type).filter(|names| !names.contains(spec.role.name.as_str()))
        else {
            continue;
        };
        let near = answers
            .entry((role_type, &spec.role.name))
            .or_insert_with(|| nearest(&spec.role.name, names.iter().copied()));
        if let Some(near) = near {
            let message = format!(
                "no {} role named {} is built in or declared here",
                role_type.as_str(),
                shown(&spec.role.name)
            );
            let finding = Finding::new(Code::NearRole, manifest.spot("role.name"), message);
            findings.push(finding.did_you_mean(Some(near)));
        }
    }
}
