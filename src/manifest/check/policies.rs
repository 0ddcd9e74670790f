//! Policies against the other manifests: roles that nobody knows, matches that can match nothing, exceptions from
//! policies that are not there. What the CEL of a policy says is checked where it is compiled.

use super::vocabulary;
use crate::facts::{RoleName, RoleType, RuleOn, RuleOver, nearest};
use crate::manifest::finding::{Code, Finding, shown};
use crate::manifest::kinds::policy::PolicyMatch;
use crate::manifest::kinds::{Kind, KorePolicyExceptionSpec, KorePolicySpec, Spec};
use crate::manifest::model::{Index, Manifest};
use std::collections::BTreeSet;

/// Every finding about policies and exceptions.
pub(super) fn check(manifests: &[Manifest], index: &Index<'_>, findings: &mut Vec<Finding>) {
    if !manifests.iter().any(|manifest| matches!(manifest.kind(), Kind::Policy | Kind::PolicyException)) {
        return;
    }
    let roles = Roles::new(manifests);
    for manifest in manifests {
        match &manifest.spec {
            Spec::Policy(spec) => {
                roles.check(manifest, spec, findings);
                matches_something(manifest, spec.r#match.as_ref(), findings);
                match_has_meaning(manifest, spec, findings);
                kinds_are_known(manifest, spec, findings);
                deadline_has_meaning(manifest, spec, findings);
            }
            Spec::PolicyException(spec) => {
                matches_something(manifest, spec.r#match.as_ref(), findings);
                exception(manifest, spec, index, findings);
            }
            _ => {}
        }
    }
}

/// The policy of an exception: that it is there, and that it takes exceptions.
fn exception(
    manifest: &Manifest,
    spec: &KorePolicyExceptionSpec,
    index: &Index<'_>,
    findings: &mut Vec<Finding>,
) {
    if spec.r#match.as_ref().is_some_and(|about| !about.kinds.is_empty()) {
        let message = "an exception does not look at match.kinds";
        findings
            .push(Finding::new(Code::PolicyMatch, manifest.spot("match.kinds"), message).hint("take it out"));
    }
    let Some(policy) = index.find(Kind::Policy, &spec.policy, manifest) else {
        let message = format!("there is no KorePolicy named {}", shown(&spec.policy));
        let finding = Finding::new(Code::UnknownPolicy, manifest.spot("policy"), message);
        let near = nearest(&spec.policy, index.names(Kind::Policy));
        findings.push(match near {
            Some(_) => finding.did_you_mean(near),
            None => finding.hint("declare it, or load the file that does"),
        });
        return;
    };
    if matches!(&policy.spec, Spec::Policy(policy) if policy.over == Some(RuleOver::Object)) {
        let message = format!("{} is over objects, and takes no exceptions", shown(&spec.policy));
        findings.push(
            Finding::new(Code::PolicyMatch, manifest.spot("policy"), message)
                .hint("except the object in the rule itself, by object.metadata.name"),
        );
    }
}

/// The roles that are built in or that a manifest names.
struct Roles {
    all: BTreeSet<String>,
    /// Of type Admin and of no other type.
    admin: BTreeSet<String>,
}

impl Roles {
    fn new(manifests: &[Manifest]) -> Self {
        let mut typed: BTreeSet<(RoleType, String)> = BTreeSet::new();
        for role_type in RoleType::ALL {
            let names = vocabulary::built_in_roles(role_type);
            typed.extend(names.iter().map(|name| (role_type, (*name).to_owned())));
        }
        for manifest in manifests {
            let (role_type, name) = match &manifest.spec {
                Spec::Role(spec) => (spec.r#type.into(), spec.name.as_str()),
                Spec::RoleBinding(spec) => (spec.role.r#type.into(), spec.role.name.as_str()),
                _ => continue,
            };
            typed.insert((role_type, name.to_owned()));
            typed.insert((role_type, compared(name, role_type)));
        }
        let is_bot = |name: &str| typed.contains(&(RoleType::Bot, name.to_owned()));
        let admin = typed.iter().filter(|(role_type, name)| *role_type == RoleType::Admin && !is_bot(name));
        let admin = admin.map(|(_, name)| name.clone()).collect();
        Self { all: typed.into_iter().map(|(_, name)| name).collect(), admin }
    }

    fn check(&self, manifest: &Manifest, spec: &KorePolicySpec, findings: &mut Vec<Finding>) {
        let (exclusive, holders) = (spec.exclusive.as_ref(), spec.holders.as_ref());
        let (allow, together) = (spec.allow.as_ref(), spec.together.as_ref());
        let lists: [(&'static str, Option<&Vec<RoleName>>, RuleOn); 6] = [
            ("match.roles", spec.r#match.as_ref().map(|spec| &spec.roles), RuleOn::Account),
            (
                "exclusive.roles",
                exclusive.map(|spec| &spec.roles),
                exclusive.map(|spec| spec.on).unwrap_or_default(),
            ),
            ("allow.roles", allow.map(|spec| &spec.roles), RuleOn::Account),
            (
                "holders.roles",
                holders.map(|spec| &spec.roles),
                holders.map(|spec| spec.on).unwrap_or_default(),
            ),
            (
                "together.roles",
                together.map(|spec| &spec.roles),
                together.map(|spec| spec.on).unwrap_or_default(),
            ),
            (
                "together.needs",
                together.map(|spec| &spec.needs),
                together.map(|spec| spec.on).unwrap_or_default(),
            ),
        ];
        for (path, names, on) in lists {
            for (at, name) in names.into_iter().flatten().enumerate() {
                findings.extend(self.unknown(manifest, path, at, name.as_str()));
                if on == RuleOn::SameBot && self.is_admin(name.as_str()) {
                    let message = format!(
                        "{} is an admin role, and on: SameBot counts bot roles only",
                        shown(name.as_str())
                    );
                    findings.push(
                        Finding::new(Code::PolicyMatch, manifest.item_spot(path, at), message)
                            .hint("write on: Account, or take the role out"),
                    );
                }
            }
        }
        let about = spec.r#match.as_ref();
        if let Some(about) = about.filter(|about| !about.bots.is_empty() && !about.roles.is_empty())
            && about.permissions.is_empty()
            && about.roles.iter().all(|role| self.is_admin(role.as_str()))
        {
            let message = "match.roles names admin roles only, and match.bots matches grants on bots only";
            findings.push(
                Finding::new(Code::PolicyMatch, manifest.spot("match.bots"), message)
                    .hint("take one of the two out: together they match nothing"),
            );
        }
    }

    /// Whether it is an admin role, and no bot role.
    fn is_admin(&self, name: &str) -> bool {
        self.admin.contains(name) || self.admin.contains(&compared(name, RoleType::Admin))
    }

    fn unknown(&self, manifest: &Manifest, path: &'static str, at: usize, name: &str) -> Option<Finding> {
        let is_known = |role_type| self.all.contains(&compared(name, role_type));
        if self.all.contains(name) || is_known(RoleType::Admin) || is_known(RoleType::Bot) {
            return None;
        }
        let spot = manifest.item_spot(path, at);
        let message = format!("no role named {} is built in, declared or granted here", shown(name));
        let near = nearest(name, self.all.iter().map(String::as_str));
        Some(match near {
            Some(_) => Finding::new(Code::PolicyRole, spot, message).did_you_mean(near),
            None => Finding::new(Code::PolicyRoleUnseen, spot, message)
                .hint("check the name; the policy is about the account's role of that name, if there is one"),
        })
    }
}

/// What a name is compared by.
fn compared(name: &str, role_type: RoleType) -> String {
    RoleName::new(name).as_compared(role_type).to_string()
}

/// A match that no person can satisfy.
fn matches_something(manifest: &Manifest, about: Option<&PolicyMatch>, findings: &mut Vec<Finding>) {
    let Some(about) = about else { return };
    let PolicyMatch { emails, email_domains, not_email_domains, .. } = about;
    let mut push = |path: &'static str, at: usize, message: String, hint: &str| {
        let spot = manifest.item_spot(path, at);
        findings.push(Finding::new(Code::PolicyMatch, spot, message).hint(hint));
    };
    for (path, domains) in
        [("match.emailDomains", email_domains), ("match.notEmailDomains", not_email_domains)]
    {
        for (at, domain) in domains.iter().enumerate() {
            if domain.contains(['@', '*', ' ']) || domain.starts_with('.') {
                let message = format!("{} is not a domain, and matches no address", shown(domain));
                push(path, at, message, "write what stands behind the @, such as example.com");
            }
        }
    }
    let is_excluded = |domain: &str| not_email_domains.iter().any(|other| other.eq_ignore_ascii_case(domain));
    if !email_domains.is_empty() && email_domains.iter().all(|domain| is_excluded(domain)) {
        let message = "every domain of match.emailDomains is in match.notEmailDomains: nobody matches";
        push("match.emailDomains", 0, message.to_owned(), "take the domain out of one of the two lists");
    }
    let is_possible = |email: &String| {
        let Some((_, domain)) = email.rsplit_once('@') else { return email.contains('*') };
        domain.contains('*')
            || (!is_excluded(domain)
                && (email_domains.is_empty()
                    || email_domains.iter().any(|other| other.eq_ignore_ascii_case(domain))))
    };
    for (at, email) in emails.iter().enumerate().filter(|(_, email)| !is_possible(email)) {
        let message = if email.contains('@') {
            format!("{} is not in the domains of the match, and matches nobody", shown(email))
        } else {
            format!("{} is neither an address nor a pattern, and matches nobody", shown(email))
        };
        push("match.emails", at, message, "write an address such as name@example.com, or a pattern with *");
    }
}

/// Fields of a match that its conditions do not look at would be silently without effect.
fn match_has_meaning(manifest: &Manifest, spec: &KorePolicySpec, findings: &mut Vec<Finding>) {
    let Some(about) = &spec.r#match else { return };
    let written = [
        ("match.emails", !about.emails.is_empty()),
        ("match.emailDomains", !about.email_domains.is_empty()),
        ("match.notEmailDomains", !about.not_email_domains.is_empty()),
        ("match.groups", !about.groups.is_empty()),
        ("match.roles", !about.roles.is_empty()),
        ("match.permissions", !about.permissions.is_empty()),
        ("match.bots", !about.bots.is_empty()),
        ("match.kinds", !about.kinds.is_empty()),
        ("match.risk", !about.risk.is_empty()),
    ];
    let people: &[&str] = &["match.emails", "match.emailDomains", "match.notEmailDomains", "match.groups"];
    let with = |more: &[&'static str]| [people, more].concat();
    let over = spec.rule.as_ref().map(|_| spec.over.unwrap_or_default());
    let grants = ["match.roles", "match.permissions", "match.bots", "match.risk"];
    let conditions: [(&str, bool, Vec<&str>); 6] = [
        ("exclusive", spec.exclusive.is_some(), with(&["match.bots"])),
        ("allow", spec.allow.is_some(), with(&[])),
        ("require", spec.require.is_some(), with(&grants)),
        ("holders", spec.holders.is_some(), with(&["match.bots"])),
        ("together", spec.together.is_some(), with(&["match.bots"])),
        (
            "rule",
            over.is_some(),
            match over {
                None | Some(RuleOver::Person) => with(&[]),
                Some(RuleOver::Grant) => with(&grants),
                Some(RuleOver::Role) => vec!["match.roles", "match.permissions"],
                Some(RuleOver::Bot) => vec!["match.bots"],
                Some(RuleOver::Change) => with(&["match.roles", "match.bots", "match.risk"]),
                Some(RuleOver::Object) => vec!["match.kinds"],
            },
        ),
    ];
    for (condition, _, looks_at) in conditions.iter().filter(|(_, is_written, _)| *is_written) {
        for (path, _) in written.iter().filter(|(path, is_written)| *is_written && !looks_at.contains(path)) {
            let over = over.filter(|_| *condition == "rule").map(|over| format!(" over {over:?}"));
            let message = format!("{condition}{} does not look at {path}", over.unwrap_or_default());
            findings.push(
                Finding::new(Code::PolicyMatch, manifest.spot(path), message)
                    .hint("take it out, or write a policy of its own for the other condition"),
            );
        }
    }
}

/// What a deadline could end: what an account holds. Changes and objects are judged when they are made.
fn deadline_has_meaning(manifest: &Manifest, spec: &KorePolicySpec, findings: &mut Vec<Finding>) {
    let typed = [
        spec.exclusive.is_some(),
        spec.allow.is_some(),
        spec.require.is_some(),
        spec.holders.is_some(),
        spec.together.is_some(),
    ];
    let over = spec.over.filter(|over| matches!(over, RuleOver::Change | RuleOver::Object));
    if let (Some(_), Some(over), false) = (spec.deadline, over, typed.contains(&true)) {
        let message = format!("a rule over {over:?} finds nothing that could stay until a deadline");
        findings
            .push(Finding::new(Code::PolicyMatch, manifest.spot("deadline"), message).hint("take it out"));
    }
}

/// A rule over objects names the kinds whose fields it looks at.
fn kinds_are_known(manifest: &Manifest, spec: &KorePolicySpec, findings: &mut Vec<Finding>) {
    let kinds = spec.r#match.as_ref().map(|about| about.kinds.as_slice()).unwrap_or_default();
    if spec.rule.is_some() && spec.over == Some(RuleOver::Object) && kinds.is_empty() {
        let message = "a rule over Object names the kinds that it looks at";
        findings.push(
            Finding::new(Code::PolicyMatch, manifest.spot("over"), message)
                .hint("write match: { kinds: [KoreRoleBinding] }"),
        );
    }
    let is_broken = |message: &String| message.contains(['\n', '\r']);
    if spec.over == Some(RuleOver::Object) && spec.message.as_ref().is_some_and(is_broken) {
        let message = "an API server shows no message of several lines";
        findings.push(
            Finding::new(Code::PolicyMatch, manifest.spot("message"), message).hint("write it in one line"),
        );
    }
    for (at, name) in kinds.iter().enumerate().filter(|(_, name)| Kind::named(name).is_none()) {
        let message = format!("there is no kind {}", shown(name));
        let names = Kind::ALL.iter().map(|kind| kind.name());
        let finding = Finding::new(Code::PolicyMatch, manifest.item_spot("match.kinds", at), message);
        findings.push(match nearest(name, names.clone()) {
            Some(near) => finding.did_you_mean(Some(near)),
            None => finding.hint(format!("the kinds are {}", names.collect::<Vec<_>>().join(", "))),
        });
    }
}
